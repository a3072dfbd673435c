//! Messages that are replayed, reordered, forged, truncated or misaddressed, through the real doors of a real engine: what comes
//! of each is named, nothing reaches whom it must not, and nothing that was right is lost.

mod breach;
mod keys;
#[path = "../../../../tests/it/raw.rs"]
mod raw;
mod stage;

use hwc_journal::{History, Journal as _};
use hwc_schemas::{
    SignalNumber,
    letter::{Hop, Letter, Referral},
    report::Report,
    wire::{Answer, Command, Fetch, Fetched, Refusal, Screening, Sealed},
};
use hwc_vault::{DoesNotOpen, OpenError};

use stage::{
    Cast, EVERYBODY, MUNICIPALITY, OTHER_SCHOOL, POLICE, SCHOOL, Stage, Unopened, child, incident, qualifies,
    recall, route, signal, withhold,
};

const fn refused(refusal: Refusal) -> Answer {
    Answer::Refused { refusal }
}

const NOT_OPENED: Unopened = Unopened::Seal(OpenError::DoesNotOpen(DoesNotOpen));

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_same_commands_replayed_at_once_and_after_months_bring_nothing_back() {
    let stage = Stage::set().await;
    let cast = Cast::enter(&stage).await;
    let (one, first, second) = (incident(1), signal(incident(1), 0), signal(incident(1), 1));
    let (record, expand) = (cast.record(one), cast.expand(one));
    let letter = cast.municipality.letter("Noor", first, SCHOOL);
    let said = [
        (&cast.police, record),
        (&cast.veilig_thuis, qualifies(one)),
        (&cast.veilig_thuis, expand),
        (&cast.municipality, route(first, 1, SCHOOL, letter)),
        (&cast.municipality, withhold(second, 1)),
    ];
    for (who, command) in &said {
        assert_eq!(who.says(command).await, Answer::Recorded, "{}", command.name());
        assert_eq!(who.says(command).await, Answer::AlreadyRecorded, "{} again", command.name());
    }
    let opened: Letter = cast.school.open(Fetch::Letter { signal: first, round: 1 }).await.unwrap();
    assert!(opened.child == child("Noor"));
    let confirmed = Command::Acknowledge { signal: first, round: 1 };
    assert_eq!(cast.school.says(&confirmed).await, Answer::Recorded);
    while stage.history(one).await != History::Ended {
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }

    // Five months later somebody finds them in a buffer.
    stage.later(5 * 30 * 24);
    for (who, command) in &said {
        let wanted =
            if command.name() == "record" { Answer::AlreadyRecorded } else { refused(Refusal::Gone) };
        assert_eq!(who.says(command).await, wanted, "{} after months", command.name());
    }
    assert_eq!(cast.school.says(&confirmed).await, refused(Refusal::Gone));
    let letter = cast.school.open::<Letter>(Fetch::Letter { signal: first, round: 1 }).await;
    assert_eq!(letter.err(), Some(Unopened::NotDue(Refusal::Gone)));
    assert_eq!(stage.history(one).await, History::Ended);
    stage.ends_clean().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_report_that_is_sent_again_when_its_tombstone_has_had_its_time_is_too_old_and_begins_nothing() {
    let stage = Stage::forgetting_after(std::time::Duration::from_secs(1)).await;
    let cast = Cast::enter(&stage).await;
    let one = incident(1);
    let record = cast.record(one);
    assert_eq!(cast.police.says(&record).await, Answer::Recorded);
    let no_signal =
        Command::Screen { incident: one, screening: Screening::NotDomesticViolence { children: 2 } };
    assert_eq!(cast.veilig_thuis.says(&no_signal).await, Answer::Recorded);
    // The broker forgets long before it would in earnest; the day of the report says how old it is.
    while stage.history(one).await != History::Unknown {
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
    stage.later(91 * 24);
    for _ in 0..2 {
        assert_eq!(cast.police.says(&record).await, refused(Refusal::TooOld));
    }
    assert_eq!(cast.veilig_thuis.says(&qualifies(one)).await, refused(Refusal::Gone));
    assert_eq!(stage.history(one).await, History::Unknown);
    stage.ends_clean().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn commands_in_the_wrong_order_are_refused_by_name_and_the_right_order_still_works() {
    let stage = Stage::set().await;
    let cast = Cast::enter(&stage).await;
    let (one, first, second) = (incident(1), signal(incident(1), 0), signal(incident(1), 1));
    let letter = || cast.municipality.letter("Noor", first, SCHOOL);
    let acknowledge = |round| Command::Acknowledge { signal: first, round };

    // Before the report there is nothing, and nobody hears more than that.
    assert_eq!(cast.veilig_thuis.says(&qualifies(one)).await, refused(Refusal::Gone));
    assert_eq!(cast.veilig_thuis.says(&cast.expand(one)).await, refused(Refusal::Gone));
    assert_eq!(stage.history(one).await, History::Unknown);

    assert_eq!(cast.police.says(&cast.record(one)).await, Answer::Recorded);
    assert_eq!(cast.veilig_thuis.says(&cast.expand(one)).await, refused(Refusal::OutOfOrder));
    assert_eq!(cast.veilig_thuis.says(&recall(first)).await, refused(Refusal::OutOfOrder));
    assert_eq!(cast.municipality.says(&route(first, 1, SCHOOL, letter())).await, refused(Refusal::Gone));
    assert_eq!(cast.veilig_thuis.says(&qualifies(one)).await, Answer::Recorded);
    let differently =
        Command::Screen { incident: one, screening: Screening::NotDomesticViolence { children: 1 } };
    assert_eq!(cast.veilig_thuis.says(&differently).await, refused(Refusal::AlreadyDecided));
    assert_eq!(cast.veilig_thuis.says(&cast.expand(one)).await, Answer::Recorded);

    assert_eq!(cast.school.says(&acknowledge(1)).await, refused(Refusal::Gone));
    let early = route(first, 2, SCHOOL, letter());
    assert_eq!(cast.municipality.says(&early).await, refused(Refusal::OutOfOrder));
    assert_eq!(cast.municipality.says(&route(first, 1, SCHOOL, letter())).await, Answer::Recorded);
    let elsewhere = route(first, 1, OTHER_SCHOOL, cast.municipality.letter("Noor", first, OTHER_SCHOOL));
    assert_eq!(cast.municipality.says(&elsewhere).await, refused(Refusal::AlreadyDecided));
    assert_eq!(cast.municipality.says(&withhold(first, 1)).await, refused(Refusal::AlreadyDecided));
    assert_eq!(cast.school.says(&acknowledge(1)).await, refused(Refusal::NotOpened));
    let give_back = Command::Return { signal: first, round: 1 };
    assert_eq!(cast.school.says(&give_back).await, refused(Refusal::NotOpened));
    assert_eq!(cast.school.says(&acknowledge(2)).await, refused(Refusal::OutOfOrder));

    let opened: Letter = cast.school.open(Fetch::Letter { signal: first, round: 1 }).await.unwrap();
    assert!(opened.child == child("Noor"));
    assert_eq!(cast.school.says(&acknowledge(1)).await, Answer::Recorded);
    assert_eq!(cast.school.says(&give_back).await, refused(Refusal::Gone));
    cast.deliver_and_acknowledge("Daan", second, 1).await;
    stage.ends_clean().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn r28_each_is_told_what_is_held_that_is_sealed_to_it_and_nothing_of_anybody_else() {
    let stage = Stage::set().await;
    let cast = Cast::enter(&stage).await;
    let (one, first, second) = (incident(1), signal(incident(1), 0), signal(incident(1), 1));
    let nothing = || Vec::<(SignalNumber, Hop, bool)>::new();

    assert_eq!(cast.police.says(&cast.record(one)).await, Answer::Recorded);
    let reports = cast.veilig_thuis.holdings().await;
    assert!(matches!(&reports[..], [held] if held.hop == Hop::Report && held.number.is_none() && held.due));
    assert_eq!(cast.veilig_thuis.says(&qualifies(one)).await, Answer::Recorded);
    assert_eq!(cast.veilig_thuis.says(&cast.expand(one)).await, Answer::Recorded);
    let letter = cast.municipality.letter("Noor", first, SCHOOL);
    assert_eq!(cast.municipality.says(&route(first, 1, SCHOOL, letter)).await, Answer::Recorded);

    assert!(cast.veilig_thuis.holdings().await.is_empty(), "the children are referred (R21)");
    let own = [(first.number, Hop::Referral, false), (second.number, Hop::Referral, true)];
    assert_eq!(cast.municipality.told().await, own);
    assert_eq!(cast.school.told().await, [(first.number, Hop::Letter, true)]);
    assert_eq!((cast.other_school.told().await, cast.police.told().await), (nothing(), nothing()));

    cast.school.open::<Letter>(Fetch::Letter { signal: first, round: 1 }).await.unwrap();
    let received = Command::Acknowledge { signal: first, round: 1 };
    assert_eq!(cast.school.says(&received).await, Answer::Recorded);
    cast.deliver_and_acknowledge("Daan", second, 1).await;
    for member in [&cast.municipality, &cast.school] {
        assert_eq!(member.told().await, nothing(), "after the end it is nothing");
    }
    stage.ends_clean().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_letter_of_another_child_or_to_another_school_opens_nowhere_and_can_be_called_back() {
    let stage = Stage::set().await;
    let cast = Cast::enter(&stage).await;
    let (first, second) = (signal(incident(1), 0), signal(incident(1), 1));
    cast.refer(incident(1)).await;

    // Daan's letter under Noor's number; and Daan's own, sealed to another school than the one that it is routed to.
    let swapped = cast.municipality.letter("Daan", second, SCHOOL);
    assert_eq!(cast.municipality.says(&route(first, 1, SCHOOL, swapped)).await, Answer::Recorded);
    let misaddressed = cast.municipality.letter("Daan", second, OTHER_SCHOOL);
    assert_eq!(cast.municipality.says(&route(second, 1, SCHOOL, misaddressed)).await, Answer::Recorded);

    for one in [first, second] {
        let fetch = Fetch::Letter { signal: one, round: 1 };
        assert_eq!(cast.school.open::<Letter>(fetch).await.err(), Some(NOT_OPENED));
        // The school that it was sealed to is not the one that the law addressed.
        let elsewhere = cast.other_school.open::<Letter>(fetch).await;
        assert_eq!(elsewhere.err(), Some(Unopened::NotDue(Refusal::Gone)));
        assert_eq!(cast.municipality.says(&recall(one)).await, Answer::Recorded);
        assert_eq!(cast.school.open::<Letter>(fetch).await.err(), Some(Unopened::NotDue(Refusal::Gone)));
    }
    stage.ends_clean().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_referral_swapped_between_two_children_opens_for_neither() {
    let stage = Stage::set().await;
    let cast = Cast::enter(&stage).await;
    let (one, first, second) = (incident(1), signal(incident(1), 0), signal(incident(1), 1));
    assert_eq!(cast.police.says(&cast.record(one)).await, Answer::Recorded);
    assert_eq!(cast.veilig_thuis.says(&qualifies(one)).await, Answer::Recorded);
    let Command::Expand { incident, mut expansion } = cast.expand(one) else { panic!() };
    expansion.findings.reverse();
    let swapped = Command::Expand { incident, expansion };
    assert_eq!(cast.veilig_thuis.says(&swapped).await, Answer::Recorded);
    for one in [first, second] {
        let referral = cast.municipality.open::<Referral>(Fetch::Referral { signal: one, round: 1 }).await;
        assert_eq!(referral.err(), Some(NOT_OPENED));
        assert_eq!(cast.veilig_thuis.says(&recall(one)).await, Answer::Recorded);
    }
    stage.ends_clean().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_report_with_the_sealed_bytes_of_another_incident_does_not_open_and_expires() {
    let stage = Stage::set().await;
    let cast = Cast::enter(&stage).await;
    let Command::Record { report, .. } = cast.record(incident(1)) else { panic!() };
    let forged = Command::Record { incident: incident(2), day: stage::DAY, report };
    assert_eq!(cast.police.says(&forged).await, Answer::Recorded);
    let report = cast.veilig_thuis.open::<Report>(Fetch::Report { incident: incident(2) }).await;
    assert_eq!(report.err(), Some(NOT_OPENED));
    // The true one is its own, and goes on.
    cast.refer(incident(1)).await;
    for (place, name) in [(0, "Noor"), (1, "Daan")] {
        cast.deliver_and_acknowledge(name, signal(incident(1), place), 1).await;
    }
    // Nobody can screen the forged one; the ceiling ends it.
    stage.later(29 * 24);
    stage.ends_clean().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_no_whole_seal_is_malformed_and_nothing_of_it_is_stored() {
    let stage = Stage::set().await;
    let cast = Cast::enter(&stage).await;
    let (one, first) = (incident(1), signal(incident(1), 0));
    let Command::Record { report: whole, .. } = cast.record(one) else { panic!() };
    let bytes = whole.as_bytes();
    let longer: Vec<u8> = bytes.iter().copied().chain([0]).collect();
    let of_the_future: Vec<u8> = [9].into_iter().chain(bytes[1..].iter().copied()).collect();
    let plain = b"Noor Kanarie, 2016-02-03".to_vec();
    let spoiled =
        [Vec::new(), bytes[..bytes.len() - 1].to_vec(), bytes[1..].to_vec(), longer, of_the_future, plain];
    for bytes in &spoiled {
        let record = Command::Record { incident: one, day: stage::DAY, report: Sealed::new(bytes.clone()) };
        assert_eq!(cast.police.says(&record).await, refused(Refusal::Malformed));
    }
    assert_eq!(stage.history(one).await, History::Unknown);
    assert!(stage.store.holdings().await.unwrap().is_empty(), "something was stored");

    cast.refer(one).await;
    let held = stage.store.holdings().await.unwrap().len();
    for bytes in spoiled {
        let letter = route(first, 1, SCHOOL, Sealed::new(bytes));
        assert_eq!(cast.municipality.says(&letter).await, refused(Refusal::Malformed));
    }
    assert!(stage.store.holdings().await.unwrap().len() <= held, "something was stored");
    for (place, name) in [(0, "Noor"), (1, "Daan")] {
        cast.deliver_and_acknowledge(name, signal(one, place), 1).await;
    }
    stage.ends_clean().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_altered_seal_is_stored_and_carried_and_opens_nowhere() {
    let stage = Stage::set().await;
    let cast = Cast::enter(&stage).await;
    let Command::Record { incident: one, report, .. } = cast.record(incident(1)) else { panic!() };
    let mut bytes = report.into_bytes();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    let altered = Command::Record { incident: one, day: stage::DAY, report: Sealed::new(bytes) };
    assert_eq!(cast.police.says(&altered).await, Answer::Recorded);
    let report = cast.veilig_thuis.open::<Report>(Fetch::Report { incident: one }).await;
    assert_eq!(report.err(), Some(NOT_OPENED));
    stage.later(29 * 24);
    stage.ends_clean().await;
}

/// Every command there is, about an incident.
fn every_command(cast: &Cast, number: u64) -> Vec<Command<Sealed>> {
    let (one, first) = (incident(number), signal(incident(number), 0));
    vec![
        cast.record(one),
        qualifies(one),
        cast.expand(one),
        route(first, 1, SCHOOL, cast.municipality.letter("Noor", first, SCHOOL)),
        withhold(first, 1),
        Command::Acknowledge { signal: first, round: 1 },
        Command::Return { signal: first, round: 1 },
        recall(first),
    ]
}

/// Who may say it at all.
fn whose(command: &Command<Sealed>) -> &'static [&'static str] {
    match command {
        Command::Record { .. } => &["police"],
        Command::Screen { .. } | Command::Expand { .. } => &["veilig-thuis"],
        Command::Route { .. } | Command::Withhold { .. } => &["municipality"],
        Command::Acknowledge { .. } | Command::Return { .. } => &["school"],
        Command::Recall { .. } => &["municipality", "veilig-thuis"],
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_command_about_an_unknown_incident_or_of_another_role_is_refused_and_leaves_nothing() {
    let stage = Stage::set().await;
    let cast = Cast::enter(&stage).await;
    for name in EVERYBODY {
        let who = stage.member(name).await;
        for command in every_command(&cast, 77) {
            let may = whose(&command).contains(&who.door.organisation().role().as_str());
            if may && command.name() == "record" {
                continue;
            }
            let wanted = if may { Refusal::Gone } else { Refusal::NotYours };
            assert_eq!(who.says(&command).await, refused(wanted), "{name}: {}", command.name());
        }
        let wishes = [
            Fetch::Report { incident: incident(77) },
            Fetch::Referral { signal: signal(incident(77), 0), round: 1 },
            Fetch::Letter { signal: signal(incident(77), 0), round: 1 },
        ];
        for fetch in wishes {
            let fetched = who.door.fetch(&fetch).await.unwrap();
            let Fetched::Refused { refusal } = fetched else { panic!("{name}: {fetched:?}") };
            assert!(matches!(refusal, Refusal::Gone | Refusal::NotYours), "{name}: {refusal:?}");
        }
    }
    assert_eq!(stage.history(incident(77)).await, History::Unknown);
    assert_eq!(stage.tasks.waiting().await.unwrap(), 0);
    stage.ends_clean().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_says_to_be_somebody_else_is_heard_as_who_they_are_or_not_at_all() {
    let stage = Stage::set().await;
    let cast = Cast::enter(&stage).await;
    cast.refer(incident(1)).await;
    let (first, second) = (signal(incident(1), 0), signal(incident(1), 1));
    let before = stage.decisions(incident(1)).await;
    for (really, says) in [(SCHOOL, MUNICIPALITY), (OTHER_SCHOOL, SCHOOL), (POLICE, MUNICIPALITY)] {
        // Its answers would go where it cannot listen, so the broker lets it hear none.
        let Ok(liar) = stage.liar(really, says).await else { continue };
        let liar = liar.with_answer_within(std::time::Duration::from_millis(300));
        for command in every_command(&cast, 1) {
            assert!(liar.submit(&command).await.is_err(), "{really} as {says}: {}", command.name());
        }
        assert!(liar.fetch(&Fetch::Referral { signal: first, round: 1 }).await.is_err());
    }
    // Somebody else of the same role hears what it would hear of a signal that never was.
    let elsewhere = &cast.other_school;
    assert_eq!(
        elsewhere.says(&Command::Acknowledge { signal: first, round: 1 }).await,
        refused(Refusal::Gone)
    );
    assert_eq!(stage.decisions(incident(1)).await, before, "a liar moved something");
    cast.deliver_and_acknowledge("Noor", first, 1).await;
    cast.deliver_and_acknowledge("Daan", second, 1).await;
    stage.ends_clean().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn records_that_cannot_be_read_stop_neither_the_start_nor_anybody_elses_signals() {
    let unreadable = [
        (incident(1), r#"{"v":7,"written":"by a later version"}"#),
        (incident(2), "no record at all"),
        (incident(3), r#"{"v":1,"events":[{"at":"2026-11-19T08:00:00Z","fact":"acknowledged","number":1}]}"#),
    ];
    let stage = Stage::set_upon(&unreadable).await;
    let cast = Cast::enter(&stage).await;
    for (one, _) in unreadable {
        // Nobody knows what is so; whoever asks comes back when somebody has looked.
        assert_eq!(cast.veilig_thuis.says(&qualifies(one)).await, Answer::TryLater);
    }
    cast.refer(incident(4)).await;
    for (place, name) in [(0, "Noor"), (1, "Daan")] {
        cast.deliver_and_acknowledge(name, signal(incident(4), place), 1).await;
    }
    while stage.history(incident(4)).await != History::Ended {
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    // They are still there, for whoever can read them.
    assert_eq!(stage.journal.in_flight().await.unwrap().len(), unreadable.len());
}
