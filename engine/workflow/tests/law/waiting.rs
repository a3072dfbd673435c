//! A signal that has to wait: the weekend, the summer, an unlisted year, the ceiling (R12, R17 to R19, R23).

use hwc_schemas::{
    outcome::{Expired, Outcome, Withheld},
    wire::{Answer, Fetch, Refusal, RouteWhy, Task},
};
use hwc_workflow::{Duty, Fact, Incident, law::Phase, state::SignalState};

use crate::{
    fixture::{at, calendar_of},
    world::{Life, municipality, other_school, school, signal},
};

const SUMMER: Option<Outcome> = Some(Outcome::Withheld(Withheld::SummerHoliday));
const TOO_LONG: Option<Outcome> = Some(Outcome::Withheld(Withheld::HeldTooLong));
const NOT_ROUTED: Option<Outcome> = Some(Outcome::Expired(Expired::NotRouted));

/// Routed on a Friday after school.
fn held_over_the_weekend() -> Life {
    let mut life = Life::referred("2026-11-20T17:30", 1);
    life.perform();
    assert_eq!(life.route(&school()), Answer::Recorded);
    life
}

fn delivered_at(life: &Life) -> Option<String> {
    life.told_since(0)
        .into_iter()
        .find_map(|(told, fact)| matches!(fact, Fact::Delivered { .. }).then_some(told))
}

#[test]
fn r12_r19_over_the_weekend_it_is_looked_up_again_on_the_morning_and_delivered_at_seven() {
    let mut life = held_over_the_weekend();
    let first_letter = life.incident.payloads()[1];
    life.until("2026-11-23T05:59");
    assert!(matches!(life.state(), SignalState::Routed(_)));
    life.until("2026-11-23T06:00");
    let SignalState::Referred(referred) = life.state() else { panic!("{:?}", life.state()) };
    assert_eq!((referred.round, referred.why), (2, RouteWhy::LookUpAgain));
    let task = Task::Route { signal: signal(0), round: 2, why: RouteWhy::LookUpAgain };
    assert!(life.duties().contains(&Duty::Offer { to: municipality(), task }));
    assert!(life.duties().contains(&Duty::Erase { payload: first_letter }), "nobody may open the old letter");
    assert!(life.fetch(&municipality(), &Fetch::Referral { signal: signal(0), round: 2 }).is_ok());
    assert_eq!(life.route(&other_school()), Answer::Recorded, "every routing rule decides anew");
    life.until("2026-11-23T12:00");
    assert_eq!(delivered_at(&life).as_deref(), Some("2026-11-23 07:00"));
    assert!(
        matches!(life.state(), SignalState::Delivered(d) if *d.routed.addressed.school() == other_school())
    );
}

#[test]
fn r12_looked_up_again_it_may_be_withheld_and_a_late_answer_is_still_useful() {
    let mut life = held_over_the_weekend();
    life.until("2026-11-23T06:10");
    assert_eq!(life.withhold(Withheld::EnrolmentUnknown), Answer::Recorded);

    let mut late = held_over_the_weekend();
    late.until("2026-11-24T11:00");
    assert_eq!(late.route(&school()), Answer::Recorded);
    assert_eq!(delivered_at(&late).as_deref(), Some("2026-11-24 11:00"));
}

#[test]
fn r12_held_for_a_night_it_is_not_looked_up_again() {
    let mut life = Life::referred("2026-11-18T17:30", 1);
    life.route(&school());
    life.until("2026-11-19T07:00");
    assert!(matches!(life.state(), SignalState::Delivered(delivered) if delivered.routed.round == 1));
}

#[test]
fn r12_an_engine_that_was_down_over_the_morning_looks_up_again_before_it_delivers() {
    let mut life = held_over_the_weekend();
    life.now = at("2026-11-23T11:00");
    life.look();
    assert!(matches!(life.state(), SignalState::Referred(referred) if referred.why == RouteWhy::LookUpAgain));
}

#[test]
fn r17_r19_every_school_day_is_a_day_to_deliver_and_no_other_is() {
    for (routed, delivered) in [
        ("2026-11-16T06:00", "2026-11-16 07:00"),
        ("2026-11-17T07:00", "2026-11-17 07:00"),
        ("2026-11-18T16:59", "2026-11-18 16:59"),
        ("2026-11-19T17:00", "2026-11-20 07:00"),
    ] {
        let mut life = Life::referred(routed, 1);
        life.route(&school());
        life.until("2026-11-20T07:00");
        assert_eq!(delivered_at(&life).as_deref(), Some(delivered));
    }
}

#[test]
fn r18_in_the_summer_it_is_withheld_at_its_routing_and_its_letter_is_not_taken() {
    let mut life = Life::referred("2026-07-10T17:00", 1);
    life.perform();
    assert_eq!(life.route(&school()), Answer::Recorded);
    assert_eq!(life.outcome(), SUMMER);
    assert_eq!(life.incident.payloads().len(), 1, "only the referral, being erased");
    assert_eq!(life.route(&school()), Answer::AlreadyRecorded);
    life.perform();
    assert_eq!(life.incident, Incident::Purged);
}

#[test]
fn r18_the_weekend_before_school_begins_again_is_a_weekend_like_any_other() {
    let mut life = Life::referred("2026-08-22T12:00", 1);
    life.route(&school());
    life.until("2026-08-24T06:30");
    assert_eq!(life.route(&school()), Answer::Recorded);
    life.until("2026-08-24T07:00");
    assert!(matches!(life.state(), SignalState::Delivered(_)));
}

#[test]
fn r18_returned_on_the_last_day_before_the_summer_it_is_withheld() {
    let mut life = Life::referred("2026-07-10T16:00", 1);
    life.route(&school());
    life.open().unwrap();
    life.give_back();
    life.until("2026-07-10T17:10");
    assert_eq!(life.route(&other_school()), Answer::Recorded);
    assert_eq!(life.outcome(), SUMMER);
}

#[test]
fn r19_christmas_fits_and_the_hold_counts_from_the_first_routing() {
    let mut life = Life::referred("2026-12-18T17:30", 1);
    life.route(&school());
    life.until("2027-01-04T06:30");
    assert!(matches!(life.state(), SignalState::Referred(_)));
    assert_eq!(life.route(&school()), Answer::Recorded);
    assert_eq!(life.outcome(), None);
    life.until("2027-01-04T07:00");
    assert!(matches!(life.state(), SignalState::Delivered(_)));
}

#[test]
fn r19_looked_up_again_and_not_routed_it_is_withheld_when_the_hold_ends() {
    let mut life = held_over_the_weekend();
    life.until("2026-12-07T16:59");
    assert_eq!(life.outcome(), None);
    assert_eq!(life.deadline(), Some(at("2026-12-07T17:00")));
    life.until("2026-12-07T17:00");
    assert_eq!(life.outcome(), TOO_LONG);
    life.perform();
    assert_eq!(life.incident, Incident::Purged);
}

#[test]
fn r12_r19_routed_again_and_held_again_the_hold_still_counts_from_the_first_routing() {
    let mut life = held_over_the_weekend();
    life.until("2026-11-27T18:00");
    assert_eq!(life.route(&school()), Answer::Recorded);
    life.until("2026-11-30T06:00");
    let SignalState::Referred(referred) = life.state() else { panic!("{:?}", life.state()) };
    assert_eq!((referred.held_since, referred.round), (Some(at("2026-11-20T17:30")), 3));
    life.until("2026-12-07T17:00");
    assert_eq!(life.outcome(), TOO_LONG);
}

#[test]
fn r19_a_return_begins_a_new_hold() {
    let mut life = held_over_the_weekend();
    life.until("2026-11-23T06:00");
    life.route(&school());
    life.until("2026-11-23T09:00");
    life.open().unwrap();
    assert_eq!(life.give_back(), Answer::Recorded);
    let SignalState::Referred(referred) = life.state() else { panic!() };
    assert_eq!((referred.held_since, referred.why, referred.round), (None, RouteWhy::Returned, 3));
}

#[test]
fn r19_in_an_unlisted_year_it_waits_and_goes_as_soon_as_somebody_lists_it() {
    let mut life = Life::referred("2026-11-19T09:00", 1);
    let known = life.world.calendar.clone();
    life.world.calendar = calendar_of(b"[]");
    assert_eq!(life.route(&school()), Answer::Recorded);
    assert!(matches!(life.state(), SignalState::Routed(_)));
    assert_eq!(life.deadline(), Some(at("2026-11-20T00:00")), "looked at every midnight");
    life.until("2026-11-19T11:00");
    life.world.calendar = known;
    life.look();
    assert_eq!(delivered_at(&life).as_deref(), Some("2026-11-19 11:00"));
}

#[test]
fn r19_in_a_year_that_nobody_lists_it_is_withheld_at_the_end_of_the_hold() {
    let mut life = Life::referred("2026-11-19T09:00", 1);
    life.world.calendar = calendar_of(b"[]");
    life.route(&school());
    life.until("2026-12-06T16:59");
    assert_eq!(life.outcome(), None);
    life.until("2026-12-06T17:00");
    assert_eq!(life.outcome(), TOO_LONG);
}

#[test]
fn r23_whatever_state_it_is_in_at_the_ceiling_it_ends_there() {
    // 28 days of 24 hours after the report, whatever the clocks did.
    let ceiling = "2026-12-17T09:00";
    let mut recorded = Life::starting("2026-11-19T09:00");
    recorded.record();
    let mut screened = recorded.clone();
    screened.screen();
    let mut named_only = screened.clone();
    named_only.expand(1, false);
    let mut referred = screened.clone();
    referred.expand(1, true);
    for (mut life, before, after) in [
        (recorded, Phase::Recorded, Phase::Expired),
        (screened, Phase::Screened, Phase::Expired),
        (named_only, Phase::Expanded, Phase::Expanded),
        (referred, Phase::Expanded, Phase::Expanded),
    ] {
        life.until("2026-12-17T08:59");
        assert_eq!(life.incident.phase(), before);
        life.until(ceiling);
        assert_eq!(life.incident.phase(), after);
        if after == Phase::Expanded {
            assert_eq!(life.outcome(), NOT_ROUTED);
        }
        life.perform();
        assert_eq!(life.incident, Incident::Purged);
    }
}

#[test]
fn r23_a_routed_signal_that_cannot_be_delivered_before_the_ceiling_is_withheld_at_once() {
    let mut life = Life::referred("2026-11-06T18:00", 1);
    life.until("2026-12-04T17:30");
    assert_eq!(life.route(&school()), Answer::Recorded);
    assert_eq!(life.outcome(), TOO_LONG);
}

#[test]
fn r23_a_delivered_signal_that_meets_the_ceiling_first_expires_then() {
    let mut life = Life::referred("2026-11-19T09:00", 1);
    life.until("2026-12-16T10:00");
    life.route(&school());
    life.open().unwrap();
    life.until("2026-12-17T08:59");
    assert_eq!(life.outcome(), None);
    assert_eq!(life.acknowledge(), Answer::Recorded, "a minute before it is in time");
    let mut late = Life::referred("2026-11-19T09:00", 1);
    late.until("2026-12-16T10:00");
    late.route(&school());
    late.open().unwrap();
    late.now = at("2026-12-17T09:00");
    let refused = late.acknowledge();
    assert_eq!(refused, Answer::Refused { refusal: Refusal::Gone }, "at the very moment it comes too late");
    late.look();
    assert_eq!(late.outcome(), Some(Outcome::Expired(Expired::NotAcknowledged)));
}

#[test]
fn r23_what_arrives_at_the_ceiling_comes_too_late_though_nobody_has_looked() {
    let mut life = Life::referred("2026-11-19T09:00", 1);
    life.now = at("2026-12-17T09:00");
    assert_eq!(life.route(&school()), Answer::Refused { refusal: Refusal::Gone });
    assert_eq!(life.withhold(Withheld::EnrolmentUnknown), Answer::Refused { refusal: Refusal::Gone });
    let mut recorded = Life::starting("2026-11-19T09:00");
    recorded.record();
    recorded.now = at("2026-12-17T09:00");
    assert_eq!(recorded.screen(), Answer::Refused { refusal: Refusal::Gone });
}
