//! Every command in every phase, from the right and the wrong sender, in this round, an older and a newer one.

use hwc_schemas::{
    Organisation, PayloadId, Role,
    outcome::{Recalled, ScreenedOut, Withheld},
    wire::{Answer, Command, Expansion, Finding, Refusal, Screening, limits},
};

use hwc_workflow::Incident;
use jiff::{ToSpan as _, civil::Date};

use crate::{
    situations::{INCIDENTS, SIGNALS, compare, situation},
    world::{
        INTERVAL, Life, colleague, everybody, incident_id, municipality, organisation, other_school, payload,
        police, school, signal, veilig_thuis,
    },
};

/// The day on which every situation begins.
const TODAY: Date = Date::constant(2026, 11, 19);

/// The round that every signal of [`situation`] is in.
const ROUND: u16 = 2;

fn word(answer: Answer) -> &'static str {
    match answer {
        Answer::Recorded => "recorded",
        Answer::AlreadyRecorded => "already",
        Answer::Refused { refusal } => refusal.code(),
        Answer::TryLater => panic!("the law never says so"),
    }
}

fn said(table: &str, situations: &[&str], ways: &[(&Organisation, Command<PayloadId>)]) {
    compare(table, situations, |name| {
        ways.iter().map(|(from, command)| word(situation(name).command(from, command))).collect()
    });
}

/// The right sender, a colleague of its, and the right sender in an older and a newer round.
fn in_rounds(
    right: &Organisation,
    command: impl Fn(u16) -> Command<PayloadId>,
    table: &str,
    more: &[(&Organisation, Command<PayloadId>)],
) {
    let wrong = colleague(right);
    let ways = [
        (right, command(ROUND)),
        (&wrong, command(ROUND)),
        (right, command(ROUND - 1)),
        (right, command(ROUND + 1)),
    ];
    said(table, &SIGNALS, &[&ways[..], more].concat());
}

fn record() -> Command<PayloadId> {
    Command::Record { incident: incident_id(), day: TODAY, report: payload(800) }
}

fn screen(screening: Screening) -> Command<PayloadId> {
    Command::Screen { incident: incident_id(), screening }
}

const NOT_DV: Screening = Screening::NotDomesticViolence { children: 3 };

/// One more child, after so many that went before.
fn expand(first: u16, complete: bool) -> Command<PayloadId> {
    expand_with(first, vec![refer(&municipality())], complete)
}

fn expand_with(first: u16, findings: Vec<Finding<PayloadId>>, complete: bool) -> Command<PayloadId> {
    let expansion = Expansion { first, findings, complete, interval: INTERVAL };
    Command::Expand { incident: incident_id(), expansion }
}

fn refer(municipality: &Organisation) -> Finding<PayloadId> {
    Finding::Refer { municipality: municipality.clone(), referral: payload(801) }
}

fn route(round: u16, to: &Organisation) -> Command<PayloadId> {
    Command::Route { signal: signal(0), round, school: to.clone(), letter: payload(802) }
}

fn withhold(round: u16, reason: Withheld) -> Command<PayloadId> {
    Command::Withhold { signal: signal(0), round, reason }
}

#[test]
fn r8_r9_recording_is_for_the_police_of_the_table_and_the_first_wins() {
    let (police, school) = (police(), school());
    let (others, strangers) = (colleague(&police), organisation("police-99"));
    let ways = [(&police, record()), (&others, record()), (&strangers, record()), (&school, record())];
    said(
        "unknown               recorded  recorded  not_yours  not_yours
         recorded              already   gone      gone       not_yours
         screened              already   gone      gone       not_yours
         expanded_incomplete   already   gone      gone       not_yours
         expanded              already   gone      gone       not_yours
         expanded_empty        already   already   already    not_yours
         closed_not_dv         already   gone      gone       not_yours
         closed_not_dv_empty   already   already   already    not_yours
         closed_expired        already   gone      gone       not_yours
         closed_expired_empty  already   already   already    not_yours
         purged                already   already   already    not_yours",
        &INCIDENTS,
        &ways,
    );
}

#[test]
fn r9_screening_is_for_its_veilig_thuis_and_decided_once() {
    let right = veilig_thuis();
    let wrong = colleague(&right);
    let yes = Screening::Qualifies;
    let ways =
        [(&right, screen(yes)), (&right, screen(NOT_DV)), (&wrong, screen(yes)), (&wrong, screen(NOT_DV))];
    said(
        "recorded             recorded  recorded         gone  gone
         screened             already   already_decided  gone  gone
         expanded_incomplete  already   already_decided  gone  gone
         expanded             already   already_decided  gone  gone
         closed_not_dv        gone      already          gone  gone
         closed_expired       gone      gone             gone  gone",
        &INCIDENTS,
        &ways,
    );
}

#[test]
fn r9_expanding_is_for_its_veilig_thuis_and_the_others_join_once() {
    let right = veilig_thuis();
    let wrong = colleague(&right);
    let ways = [
        (&right, expand(0, true)),
        (&right, expand(0, false)),
        (&right, expand(1, true)),
        (&right, expand(1, false)),
        (&right, expand(2, true)),
        (&wrong, expand(0, true)),
    ];
    // One child is known where the look-up was down: only what follows on from it joins.
    said(
        "recorded             out_of_order  out_of_order  out_of_order  out_of_order  out_of_order  gone
         screened             recorded      recorded      out_of_order  out_of_order  out_of_order  gone
         expanded_incomplete  already       already       recorded      already       out_of_order  gone
         expanded             already       already       already       already       already       gone",
        &INCIDENTS,
        &ways,
    );
}

#[test]
fn r12_routing_is_for_its_municipality_in_its_round() {
    let (right, elsewhere) = (municipality(), other_school());
    in_rounds(
        &right,
        |round| route(round, &school()),
        "referred   recorded  gone  already  out_of_order  recorded
         routed     already   gone  already  out_of_order  already_decided
         delivered  already   gone  already  out_of_order  already_decided
         opened     already   gone  already  out_of_order  already_decided",
        &[(&right, route(ROUND, &elsewhere))],
    );
}

#[test]
fn r12_withholding_is_for_its_municipality_in_its_round() {
    let right = municipality();
    in_rounds(
        &right,
        |round| withhold(round, Withheld::EnrolmentUnknown),
        "referred   recorded         gone  already  out_of_order  recorded
         routed     already_decided  gone  already  out_of_order  already_decided
         delivered  already_decided  gone  already  out_of_order  already_decided
         opened     already_decided  gone  already  out_of_order  already_decided
         withheld   already          gone  already  already       gone",
        &[(&right, withhold(ROUND, Withheld::EnrolmentSecret))],
    );
}

#[test]
fn r20_acknowledging_is_for_the_school_that_opened_it() {
    in_rounds(
        &school(),
        |round| Command::Acknowledge { signal: signal(0), round },
        "referred      gone          gone  gone     gone
         routed        out_of_order  gone  gone     out_of_order
         delivered     not_opened    gone  gone     out_of_order
         opened        recorded      gone  gone     out_of_order
         acknowledged  already       gone  already  already",
        &[],
    );
}

#[test]
fn r24_returning_is_for_the_school_that_opened_it() {
    in_rounds(
        &school(),
        |round| Command::Return { signal: signal(0), round },
        "referred   gone          gone  already  gone
         routed     out_of_order  gone  gone     out_of_order
         delivered  not_opened    gone  gone     out_of_order
         opened     recorded      gone  gone     out_of_order",
        &[],
    );
}

#[test]
fn r24_recalling_is_for_its_municipality_and_its_veilig_thuis_until_it_is_purged() {
    let recall = || Command::Recall { signal: signal(0), reason: Recalled::WrongSchool };
    let (municipality, veilig_thuis, school, police) = (municipality(), veilig_thuis(), school(), police());
    let (other_municipality, other_veilig_thuis) = (colleague(&municipality), colleague(&veilig_thuis));
    let senders = [&municipality, &veilig_thuis, &other_municipality, &other_veilig_thuis, &school, &police];
    said(
        "referred           recorded  recorded  gone  gone  not_yours  not_yours
         routed             recorded  recorded  gone  gone  not_yours  not_yours
         delivered          recorded  recorded  gone  gone  not_yours  not_yours
         opened             recorded  recorded  gone  gone  not_yours  not_yours
         acknowledged       recorded  recorded  gone  gone  not_yours  not_yours
         recalled           already   already   gone  gone  not_yours  not_yours
         recalled_unrecorded already   already   gone  gone  not_yours  not_yours
         expired            recorded  recorded  gone  gone  not_yours  not_yours
         expired_opened     recorded  recorded  gone  gone  not_yours  not_yours
         acknowledged_free  gone      gone      gone  gone  not_yours  not_yours
         screened_out       gone      gone      gone  gone  not_yours  not_yours
         withheld           gone      gone      gone  gone  not_yours  not_yours
         withheld_free      gone      gone      gone  gone  not_yours  not_yours
         recalled_free      gone      gone      gone  gone  not_yours  not_yours
         expired_free       gone      gone      gone  gone  not_yours  not_yours
         purged_signal      gone      gone      gone  gone  not_yours  not_yours",
        &SIGNALS,
        &senders.map(|from| (from, recall())),
    );
}

#[test]
fn commands_about_a_signal_of_an_incident_without_one_are_gone_and_out_of_order_for_its_veilig_thuis() {
    for name in ["unknown", "recorded", "screened", "closed_not_dv", "closed_expired", "purged"] {
        for (from, command) in about_a_signal(0, ROUND) {
            let early = from == veilig_thuis() && matches!(name, "recorded" | "screened");
            let refusal = if early { Refusal::OutOfOrder } else { Refusal::Gone };
            let answer = situation(name).command(&from, &command);
            assert_eq!(answer, Answer::Refused { refusal }, "{name}: {}", command.name());
        }
    }
    for (from, command) in about_a_signal(5, ROUND) {
        let answer = situation("opened").command(&from, &command);
        assert_eq!(answer, Answer::Refused { refusal: Refusal::Gone }, "no such signal: {}", command.name());
    }
}

/// Every command about a signal, from whom it should come.
fn about_a_signal(place: usize, round: u16) -> Vec<(Organisation, Command<PayloadId>)> {
    let signal = signal(place);
    vec![
        (municipality(), Command::Route { signal, round, school: school(), letter: payload(802) }),
        (municipality(), Command::Withhold { signal, round, reason: Withheld::EnrolmentUnknown }),
        (school(), Command::Acknowledge { signal, round }),
        (school(), Command::Return { signal, round }),
        (municipality(), Command::Recall { signal, reason: Recalled::SentInError }),
        (veilig_thuis(), Command::Recall { signal, reason: Recalled::SentInError }),
    ]
}

/// Every command about the whole incident, from whom it should come.
fn about_the_incident() -> Vec<(Organisation, Command<PayloadId>)> {
    let from_veilig_thuis =
        [screen(Screening::Qualifies), screen(NOT_DV), expand(0, true), expand(0, false), expand(1, true)]
            .map(|c| (veilig_thuis(), c));
    std::iter::once((police(), record())).chain(from_veilig_thuis).collect()
}

#[test]
fn the_same_command_again_is_already_recorded_and_changes_nothing() {
    let mut accepted = 0;
    for name in INCIDENTS.into_iter().chain(SIGNALS) {
        for (from, command) in about_the_incident().into_iter().chain(about_a_signal(0, ROUND)) {
            let mut life = situation(name);
            if life.command(&from, &command) == Answer::Recorded {
                accepted += 1;
                let before = life.clone();
                let again = life.command(&from, &command);
                assert_eq!(again, Answer::AlreadyRecorded, "{name}: {}", command.name());
                assert_eq!(life.incident, before.incident);
            }
        }
    }
    assert!(accepted > 20, "only {accepted} commands were accepted at all");
}

#[test]
fn r1_r13_a_stranger_hears_the_same_in_every_situation_and_so_learns_nothing() {
    for name in INCIDENTS.into_iter().chain(SIGNALS) {
        let of_signals = (1..=ROUND + 1).flat_map(|round| about_a_signal(0, round));
        for (right, command) in about_the_incident().into_iter().chain(of_signals) {
            let roles = match command {
                Command::Recall { .. } => vec![Role::Municipality, Role::VeiligThuis],
                // Another district's police may report under an id of its own.
                Command::Record { .. } => continue,
                _ => vec![right.role()],
            };
            let its_own = [municipality(), veilig_thuis(), school()];
            for from in everybody().into_iter().filter(|from| !its_own.contains(from)) {
                let refusal = if roles.contains(&from.role()) { Refusal::Gone } else { Refusal::NotYours };
                let answer = situation(name).command(&from, &command);
                assert_eq!(answer, Answer::Refused { refusal }, "{name}: {from} may {}", command.name());
            }
        }
    }
}

#[test]
fn r9_an_expansion_is_refused_for_its_content_and_nothing_of_it_happens() {
    let out = |reason| Finding::ScreenedOut { reason };
    let too_many = |children| vec![out(ScreenedOut::NotOfAge); children];
    for (findings, refusal) in [
        (vec![refer(&colleague(&municipality()))], Refusal::UnknownOrganisation),
        (vec![refer(&school())], Refusal::UnknownOrganisation),
        (vec![refer(&municipality()), out(ScreenedOut::NotDomesticViolence)], Refusal::NotYourReason),
        (too_many(257), Refusal::TooManySignals),
    ] {
        let mut life = situation("screened");
        let answer = life.command(&veilig_thuis(), &expand_with(0, findings, true));
        assert_eq!(answer, Answer::Refused { refusal });
        assert_eq!(life.expand(1, true), Answer::Recorded);
    }
    let joined = |children| {
        situation("expanded_incomplete").command(&veilig_thuis(), &expand_with(1, too_many(children), true))
    };
    assert_eq!(joined(255), Answer::Recorded);
    assert_eq!(joined(256), Answer::Refused { refusal: Refusal::TooManySignals });
    let screened_out = |children| {
        situation("recorded").command(&veilig_thuis(), &screen(Screening::NotDomesticViolence { children }))
    };
    assert_eq!(screened_out(256), Answer::Recorded);
    assert_eq!(screened_out(257), Answer::Refused { refusal: Refusal::TooManySignals });
}

#[test]
fn r24_a_return_is_taken_however_often_and_at_last_the_municipality_must_withhold_or_recall() {
    let mut life = Life::referred("2026-11-19T09:00", 1);
    for round in 1..=limits::ROUNDS_MAX {
        assert_eq!(life.command(&municipality(), &route(round, &school())), Answer::Recorded, "{round}");
        life.open().unwrap();
        let give_back = Command::Return { signal: signal(0), round };
        assert_eq!(life.command(&school(), &give_back), Answer::Recorded, "{round}");
        life.perform();
    }
    let round = limits::ROUNDS_MAX + 1;
    let refused = Answer::Refused { refusal: Refusal::TooManyRounds };
    assert_eq!(life.command(&municipality(), &route(round, &school())), refused);
    assert_eq!(life.outcome(), None, "a refusal ends nothing");
    let mut recalled = life.clone();
    assert_eq!(recalled.recall(&municipality()), Answer::Recorded);
    let withheld = withhold(round, Withheld::EnrolmentAmbiguous);
    assert_eq!(life.command(&municipality(), &withheld), Answer::Recorded);
    for mut ended in [life, recalled] {
        ended.perform();
        assert_eq!(ended.incident, Incident::Purged);
    }
}

#[test]
fn r12_a_municipality_routes_to_schools_that_take_part_and_gives_its_own_reasons_only() {
    let to = |school: &Organisation| {
        Life::command(&mut situation("referred"), &municipality(), &route(ROUND, school))
    };
    for unknown in [organisation("school-99ZZ99"), municipality(), police()] {
        assert_eq!(to(&unknown), Answer::Refused { refusal: Refusal::UnknownOrganisation }, "{unknown}");
    }
    for reason in Withheld::ALL {
        let answer = situation("referred").command(&municipality(), &withhold(ROUND, *reason));
        let expected = match reason {
            Withheld::MunicipalityNotParticipating | Withheld::SummerHoliday | Withheld::HeldTooLong => {
                Answer::Refused { refusal: Refusal::NotYourReason }
            }
            _ => Answer::Recorded,
        };
        assert_eq!(answer, expected, "{reason:?}");
    }
}

#[test]
fn a_report_that_is_too_old_is_refused_and_the_same_again_is_answered_as_before() {
    let mut life = Life::starting(crate::situations::MORNING);
    let said = |life: &Life, days: i64| {
        let day = TODAY.checked_add(days.days()).unwrap();
        let command = Command::Record { incident: incident_id(), day, report: payload(800) };
        word(life.clone().command(&police(), &command))
    };
    let limit = i64::from(life.world.policy.accept_days());
    for (days, answer) in
        [(0, "recorded"), (9, "recorded"), (-limit, "recorded"), (-limit - 1, "too_old"), (-400, "too_old")]
    {
        assert_eq!(said(&life, days), answer, "{days}");
    }
    // It is there: how old it is by now makes no difference.
    assert_eq!(life.record(), Answer::Recorded);
    assert_eq!(said(&life, -limit - 1), "already");
}
