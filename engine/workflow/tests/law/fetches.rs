//! What is due to whom (R21), and that a school's fetch is an event (R24).

use hwc_schemas::{
    Organisation, PayloadId, SignalId,
    wire::{Fetch, Refusal},
};
use hwc_workflow::{Fact, Incident, due, state::SignalState};

use crate::{
    situations::{INCIDENTS, SIGNALS, compare, situation},
    world::{
        Life, colleague, everybody, incident_id, municipality, number, police, school, signal, veilig_thuis,
    },
};

const ROUND: u16 = 2;

fn report() -> Fetch {
    Fetch::Report { incident: incident_id() }
}

fn referral(round: u16) -> Fetch {
    Fetch::Referral { signal: signal(0), round }
}

fn letter(round: u16) -> Fetch {
    Fetch::Letter { signal: signal(0), round }
}

fn word(fetched: Result<PayloadId, Refusal>) -> &'static str {
    fetched.map_or_else(Refusal::code, |_| "given")
}

fn given(table: &str, situations: &[&str], ways: &[(&Organisation, Fetch)]) {
    compare(table, situations, |name| {
        ways.iter().map(|(from, fetch)| word(situation(name).fetch(from, fetch))).collect()
    });
}

#[test]
fn r21_the_report_is_due_to_its_veilig_thuis_until_the_children_are_known() {
    let right = veilig_thuis();
    let wrong = colleague(&right);
    given(
        "recorded             given  gone
         screened             given  gone
         expanded_incomplete  given  gone
         expanded             gone   gone",
        &INCIDENTS,
        &[(&right, report()), (&wrong, report())],
    );
}

#[test]
fn r21_the_referral_is_due_to_its_municipality_while_it_is_asked_to_route() {
    let right = municipality();
    let wrong = colleague(&right);
    given(
        "referred  given  gone  gone  out_of_order",
        &SIGNALS,
        &[
            (&right, referral(ROUND)),
            (&wrong, referral(ROUND)),
            (&right, referral(ROUND - 1)),
            (&right, referral(ROUND + 1)),
        ],
    );
}

#[test]
fn r21_the_letter_is_due_to_its_school_from_its_delivery_to_its_end() {
    let right = school();
    let wrong = colleague(&right);
    given(
        "referred   gone          gone  gone  gone
         routed     out_of_order  gone  gone  out_of_order
         delivered  given         gone  gone  out_of_order
         opened     given         gone  gone  out_of_order",
        &SIGNALS,
        &[
            (&right, letter(ROUND)),
            (&wrong, letter(ROUND)),
            (&right, letter(ROUND - 1)),
            (&right, letter(ROUND + 1)),
        ],
    );
}

#[test]
fn r28_what_is_said_to_be_due_is_given_and_what_is_held_for_later_is_not() {
    for name in INCIDENTS.into_iter().chain(SIGNALS) {
        let life = situation(name);
        for held in life.incident.holdings() {
            let wanted = held.number.map_or_else(
                || vec![report()],
                |number| {
                    let signal = SignalId { incident: incident_id(), number };
                    let rounds = 1..=ROUND + 1;
                    let ways = |round| [Fetch::Referral { signal, round }, Fetch::Letter { signal, round }];
                    rounds.flat_map(ways).collect()
                },
            );
            let given = wanted
                .iter()
                .any(|fetch| situation(name).fetch(&held.to, fetch).is_ok_and(|given| given == held.payload));
            assert_eq!(held.due, given, "{name}: {held:?}");
        }
    }
}

#[test]
fn r24_the_schools_first_fetch_is_an_event_and_the_next_is_not() {
    let mut life = situation("delivered");
    let seen = life.events.len();
    let first = life.fetch(&school(), &letter(ROUND)).unwrap();
    assert_eq!(
        life.events[seen..].iter().map(|e| &e.fact).collect::<Vec<_>>(),
        [&Fact::Opened { number: number(0) }]
    );
    assert_eq!(life.fetch(&school(), &letter(ROUND)), Ok(first));
    assert_eq!(life.events.len(), seen + 1);
}

#[test]
fn r1_r13_r21_nobody_else_is_given_anything_learns_anything_or_changes_anything_by_asking() {
    for name in INCIDENTS.into_iter().chain(SIGNALS) {
        for (right, fetch) in
            [(veilig_thuis(), report()), (municipality(), referral(ROUND)), (school(), letter(ROUND))]
        {
            for from in everybody().into_iter().filter(|from| *from != right) {
                let mut life = situation(name);
                let before = life.incident.clone();
                let refusal = if from.role() == right.role() { Refusal::Gone } else { Refusal::NotYours };
                assert_eq!(life.fetch(&from, &fetch), Err(refusal), "{name}: {fetch:?} for {from}");
                assert_eq!(life.incident, before);
            }
        }
    }
}

#[test]
fn r24_a_fetch_at_the_very_moment_of_expiry_comes_too_late() {
    let mut life = situation("opened");
    life.now = crate::fixture::at("2026-11-23T17:00");
    assert!(due(&life.incident, &school(), &letter(ROUND)).is_ok(), "nobody has looked yet");
    assert_eq!(life.fetch(&school(), &letter(ROUND)), Err(Refusal::Gone));
    life.now = crate::world::later(life.now, -1);
    assert!(life.fetch(&school(), &letter(ROUND)).is_ok());
}

#[test]
fn r19_a_fetch_at_the_very_moment_of_delivery_is_given_though_nobody_has_looked() {
    let mut life = Life::referred("2026-11-18T18:00", 1);
    life.route(&school());
    let early = life.fetch(&school(), &letter(1));
    assert_eq!(early, Err(Refusal::OutOfOrder));
    life.now = crate::fixture::at("2026-11-19T07:00");
    assert!(life.fetch(&school(), &letter(1)).is_ok());
    assert!(matches!(life.state(), SignalState::Delivered(d) if d.opened_at == Some(life.now)));
}

#[test]
fn r21_who_sealed_it_is_said_with_it() {
    for (name, asker, fetch, sealer) in [
        ("screened", veilig_thuis(), report(), police()),
        ("referred", municipality(), referral(ROUND), veilig_thuis()),
        ("opened", school(), letter(ROUND), municipality()),
    ] {
        assert_eq!(due(&situation(name).incident, &asker, &fetch).unwrap().from, sealer);
    }
}

#[test]
fn fetching_a_signal_that_is_not_there_finds_nothing() {
    let life = situation("opened");
    assert!(matches!(life.incident, Incident::Expanded(_)));
    let fetch = Fetch::Letter { signal: signal(7), round: ROUND };
    assert_eq!(due(&life.incident, &school(), &fetch), Err(Refusal::Gone));
}
