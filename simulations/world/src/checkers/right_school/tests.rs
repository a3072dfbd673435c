use hwc_schemas::{
    Organisation,
    outcome::{Expired, Recalled, ScreenedOut},
    wire::Interval,
};
use jiff::civil::date;

use super::{
    super::story::{
        DAVIDS, Story, VT, child, david, durable_at, enrolled, fact, incident, noor, number, org, payload,
        referred, region, sam, signal, when,
    },
    *,
};
use crate::truth::{Enrolment, Register};

const MUNICIPALITY: &str = "municipality-0855";

fn judged(story: &Story) -> Result<(), String> {
    story.judged(RightSchool::default())
}

fn says(story: &Story, what: &str) {
    let said = judged(story).expect_err(what);
    assert!(said.contains(what), "{said}");
}

fn of_david(fact: &Fact) -> bool {
    fact.number() == Some(number(1))
}

/// An ordinary world, were the municipality's register another.
fn by_register(rows: Vec<Enrolment>) -> Story {
    Story::ordinary().were(|truth| {
        let rows = rows.into_iter().chain([enrolled(noor(), "03CC00")]).collect();
        truth.registers.insert("0855".into(), vec![Register { from: truth.begins, rows }]);
    })
}

/// David is routed at a moment, in a world that has not healed; nothing else is under way.
fn routed(at: &str) -> Story {
    let mut story = Story::new();
    story.reported().expanded();
    story.at(at).routed(1, david(), DAVIDS, 4);
    story
}

/// What is said when something happens to David at a moment, after that.
fn then(mut story: Story, at: &str, fact: Fact) -> Result<(), String> {
    story.at(at).durable([fact]);
    judged(&story)
}

fn delivered() -> Fact {
    Fact::Delivered { number: number(1) }
}

fn withheld(reason: Withheld) -> Fact {
    Fact::Withheld { number: number(1), reason }
}

fn expired(reason: Expired) -> Fact {
    Fact::Expired { number: number(1), reason }
}

#[test]
fn in_an_ordinary_world_everything_is_right() {
    assert_eq!(judged(&Story::ordinary()), Ok(()));
}

// Children.

#[test]
fn a_child_that_is_left_out_or_does_not_belong_is_noticed_unless_veilig_thuis_lies() {
    let moved = |who: Invented| {
        Story::ordinary().were(|truth| truth.residents.retain(|resident| resident.person != who))
    };
    says(&moved(noor()), "Noor Pieterse, 2011-06-21 does not belong");
    let mut born = Story::ordinary().were(|truth| {
        let mut sister = truth.residents[1].clone();
        sister.person.given_names = "Fien".into();
        truth.residents.push(sister);
    });
    says(&born, "Fien Pieterse, 2011-06-21 of 00000000000000000000000000000001 was not found");
    born.truth.dishonest.insert(org(VT));
    assert_eq!(judged(&born), Ok(()));
}

#[test]
fn a_child_that_is_judged_or_spelt_wrongly_is_noticed() {
    let mut story = Story::ordinary();
    story.truth.reports[0].mentions[1].relation = hwc_schemas::report::Relation::Resident;
    says(&story, "ScreenedOut(Visitor), and should be [Referred(\"0855\")]");
    let mut story = Story::ordinary();
    story.truth.participating.remove("0855");
    says(&story, "should be [NotParticipating]");
    let mut story = Story::ordinary();
    story.truth.residents.iter_mut().for_each(|resident| resident.municipality = "0867".into());
    says(&story, "should be [Referred(\"0867\")]");
    let mut story = Story::ordinary();
    story.truth.reports[0].mentions[0].child.given_names = "David Johannes".into();
    says(&story, "should be David Johannes Pieterse");
}

#[test]
fn a_child_that_nobody_said_is_found_is_noticed() {
    let noors =
        |what: &Happened| matches!(what, Happened::Found { signal, .. } if signal.number == number(3));
    says(&Story::ordinary().without(noors), "nobody said which");
}

#[test]
fn a_count_of_children_of_another_kind_is_checked() {
    let ended = |children| {
        let mut story = Story::new();
        story.reported().durable([Fact::NotDomesticViolence { children }]);
        judged(&story)
    };
    assert_eq!(ended(2), Ok(()));
    assert!(ended(3).unwrap_err().contains("3 are said to end"));
}

/// The named go first at 07:20; the sibling joins later.
fn named_first(down: Option<(&str, &str)>) -> Story {
    let mut story = Story::new();
    story.truth.look_up_down.extend(down.map(|(from, until)| (when(from), when(until))));
    story.reported().at("2026-11-19 07:20").durable([Fact::Screened]);
    for (n, (child, sibling)) in (1..).zip([(david(), false), (sam(), false), (noor(), true)]) {
        story.happens(Happened::Found { signal: signal(n), child, sibling });
    }
    let interval = Interval { seconds: 29_100, date_only: false };
    let found = vec![referred(2), Found::ScreenedOut { reason: ScreenedOut::Visitor }];
    story.durable([Fact::Expanded { found, complete: false, interval }]);
    story
}

#[test]
fn r9_the_named_go_first_only_after_half_an_hour_without_the_look_up() {
    let mut story = named_first(Some(("2026-11-19 06:46", "2026-11-19 07:30")));
    assert_eq!(judged(&story), Ok(()));
    assert_eq!(
        judged(story.at("2026-11-19 07:31").durable([Fact::Joined { found: vec![referred(3)] }])),
        Ok(())
    );
    says(&named_first(None), "was not down so long");
    says(&named_first(Some(("2026-11-19 06:52", "2026-11-19 08:30"))), "was not down so long");
    says(&named_first(Some(("2026-11-19 06:30", "2026-11-19 06:50"))), "was not down so long");
}

#[test]
fn r9_who_joins_is_who_was_not_found_before() {
    let mut story = named_first(Some(("2026-11-19 06:46", "2026-11-19 07:30")));
    says(
        story.at("2026-11-19 07:31").durable([Fact::Joined { found: Vec::new() }]),
        "Noor Pieterse, 2011-06-21 of",
    );
}

#[test]
fn a_referral_about_another_child_is_noticed_unless_veilig_thuis_lies() {
    let reads = |what: &Happened| matches!(what, Happened::Opened { content: Content::Referral(..), .. });
    let content = Content::Referral(sam(), false);
    let wrong = || Happened::Opened {
        by: org(MUNICIPALITY),
        incident: incident(1),
        number: Some(number(1)),
        content: content.clone(),
    };
    let mut story = Story::ordinary().instead(reads, wrong());
    says(&story, "the referral of 00000000000000000000000000000001-1 is about Sam Smit");
    // Whom a lying Veilig Thuis refers is enrolled nowhere, and must not go to a school.
    story.truth.dishonest.insert(org(VT));
    says(&story, "by the rules [Withheld(EnrolmentUnknown)");
}

#[test]
fn a_screening_that_counts_otherwise_and_does_not_become_durable_changes_nothing() {
    let read = |third: Invented| {
        let mut story = Story::new();
        story.reported().durable([Fact::Screened]);
        let say = |story: &mut Story, who: [(Invented, bool); 3]| {
            for (n, (child, sibling)) in (1..).zip(who) {
                story.happens(Happened::Found { signal: signal(n), child, sibling });
            }
        };
        say(&mut story, [(david(), false), (sam(), false), (noor(), true)]);
        say(story.at("2026-11-19 06:50"), [(noor(), true), (sam(), false), (david(), false)]);
        let interval = Interval { seconds: 29_100, date_only: false };
        let found = vec![referred(2), Found::ScreenedOut { reason: ScreenedOut::Visitor }, referred(3)];
        story.durable([Fact::Expanded { found, complete: true, interval }]);
        story.opened(MUNICIPALITY, Some(number(1)), Content::Referral(david(), false));
        judged(story.opened(MUNICIPALITY, Some(number(3)), Content::Referral(third, false)))
    };
    assert_eq!(read(noor()), Ok(()));
    assert!(read(david()).unwrap_err().contains("-3 is about David Pieterse"));
}

#[test]
fn r9_a_sister_is_said_when_there_is_one_and_only_then() {
    let twin = || child("Daan", "Pieterse", "2016-02-03");
    let story = |sister: bool, is_twin: bool| {
        let other = if is_twin { twin() } else { noor() };
        let mut story = Story::new();
        story.truth.residents[1].person = other.clone();
        story.reported().durable([Fact::Screened]);
        for (n, (child, sibling)) in (1..).zip([(david(), false), (sam(), false), (other, true)]) {
            story.happens(Happened::Found { signal: signal(n), child, sibling });
        }
        let interval = Interval { seconds: 29_100, date_only: false };
        let found = vec![referred(2), Found::ScreenedOut { reason: ScreenedOut::Visitor }, referred(3)];
        story.durable([Fact::Expanded { found, complete: true, interval }]);
        story.opened(MUNICIPALITY, Some(number(1)), Content::Referral(david(), sister));
        judged(&story)
    };
    assert_eq!(story(true, true), Ok(()));
    assert_eq!(story(false, false), Ok(()));
    assert!(story(false, true).unwrap_err().contains("sister"));
    assert!(story(true, false).unwrap_err().contains("sister"));
}

// Schools.

#[test]
fn a_school_that_the_rules_do_not_give_is_noticed_unless_the_municipality_lies() {
    let mut story = by_register(vec![enrolled(david(), "02BB00")]);
    says(&story, "goes School(\"01AA00\"), and by the rules [School(\"02BB00\")");
    story.truth.dishonest.insert(org(MUNICIPALITY));
    assert_eq!(judged(&story), Ok(()));
    says(&by_register(vec![Enrolment { secret: true, ..enrolled(david(), "01AA00") }]), "EnrolmentSecret");
    says(&by_register(Vec::new()), "EnrolmentUnknown");
    let host = Some("02BB00".to_owned());
    says(&by_register(vec![Enrolment { host, ..enrolled(david(), "01AA00") }]), "School(\"02BB00\")");
    let mut story = Story::ordinary();
    story.truth.schools[0].covenant_signed_on = Some(date(2026, 11, 20));
    says(&story, "SchoolNotParticipating");
}

#[test]
fn a_register_that_was_in_force_meanwhile_may_have_decided() {
    let story = |from: &str| {
        Story::ordinary().were(|truth| {
            let rows = vec![enrolled(david(), "02BB00"), enrolled(noor(), "03CC00")];
            let register = Register { from: when(from), rows };
            truth.registers.entry("0855".into()).or_default().push(register);
        })
    };
    assert_eq!(judged(&story("2026-11-19 06:50:30")), Ok(()));
    says(&story("2026-11-19 06:49"), "School(\"02BB00\")");
}

#[test]
fn a_reason_that_the_rules_do_not_give_is_noticed() {
    let story = |reason, rows: Vec<Enrolment>| {
        let mut story = Story::new();
        story.truth.registers.insert("0855".into(), vec![Register { from: story.truth.begins, rows }]);
        story.reported().expanded().at("2026-11-19 06:55");
        judged(story.durable([withheld(reason)]))
    };
    let twin = enrolled(child("Daan", "Pieterse", "2016-02-03"), "02BB00");
    assert_eq!(story(Withheld::EnrolmentUnknown, Vec::new()), Ok(()));
    assert_eq!(story(Withheld::EnrolmentAmbiguous, vec![twin.clone()]), Ok(()));
    assert!(story(Withheld::EnrolmentUnknown, vec![twin]).unwrap_err().contains("EnrolmentAmbiguous"));
    assert!(story(Withheld::EnrolmentSecret, vec![enrolled(david(), "01AA00")]).is_err());
    assert!(story(Withheld::SummerHoliday, Vec::new()).unwrap_err().contains("for none of []"));
    let own = || vec![enrolled(david(), "01AA00")];
    assert!(story(Withheld::HeldTooLong, own()).unwrap_err().contains("for none of [\"01AA00\"]"));
}

#[test]
fn a_municipality_that_withholds_what_has_left_it_is_noticed() {
    let said = then(routed("2026-11-19 06:55"), "2026-11-19 06:56", withheld(Withheld::EnrolmentUnknown));
    assert!(said.unwrap_err().contains("not at its municipality"));
}

#[test]
fn a_letter_to_anything_but_a_school_is_noticed() {
    let route = |school: Organisation| Fact::Routed { number: number(1), school, letter: payload(4) };
    let mut story = Story::new();
    story.reported().expanded();
    says(story.durable([route(org("municipality-0867"))]), "is routed to municipality-0867");
}

#[test]
fn a_letter_about_another_child_is_noticed_unless_a_person_could_pick_it() {
    let read = |child: Invented, rows: Vec<Enrolment>| {
        let reads = |what: &Happened| matches!(what, Happened::Opened { content: Content::Letter(_), .. });
        let story = by_register(rows);
        let content = Content::Letter(child);
        let (by, number) = (org(DAVIDS), Some(number(1)));
        judged(&story.instead(reads, Happened::Opened { by, incident: incident(1), number, content }))
    };
    let own = || vec![enrolled(david(), "01AA00")];
    let nearly = || child("David Jan", "Pieters", "2016-02-03");
    assert_eq!(read(david(), own()), Ok(()));
    assert!(read(noor(), own()).unwrap_err().contains("Noor Pieterse, 2011-06-21 in the letter"));
    assert!(read(nearly(), own()).is_err());
    assert_eq!(read(nearly(), vec![enrolled(nearly(), "01AA00")]), Ok(()));
}

// Times and ends.

#[test]
fn r19_a_delivery_outside_its_window_is_noticed() {
    let at = |moment| then(routed("2026-11-19 06:55"), moment, delivered());
    assert_eq!(at("2026-11-19 07:00"), Ok(()));
    assert_eq!(at("2026-11-19 16:59"), Ok(()));
    assert!(at("2026-11-19 06:59:59").unwrap_err().contains("not in the window"));
    assert!(at("2026-11-19 17:00").unwrap_err().contains("not in the window"));
    let friday = |moment| then(routed("2026-11-20 16:00"), moment, delivered());
    assert!(friday("2026-11-21 10:00").unwrap_err().contains("no school"));
    let mut closed = routed("2026-11-19 06:55");
    closed.truth.schools[0].closed_days.insert(date(2026, 11, 19));
    assert!(then(closed, "2026-11-19 10:00", delivered()).unwrap_err().contains("no school"));
}

#[test]
fn a_delivery_that_takes_effect_hours_later_is_noticed() {
    let mut story = routed("2026-11-19 06:55");
    let decided = durable_at(when("2026-11-19 10:00"), delivered());
    says(story.at("2026-11-19 10:05:31").happens(decided), "quite another time");
}

#[test]
fn r12_what_is_held_over_24_hours_is_looked_up_again() {
    let monday = "2026-11-23 07:00";
    let again = Fact::LookUpAgain { number: number(1) };
    let held = || routed("2026-11-20 17:30");
    assert!(then(held(), monday, delivered()).unwrap_err().contains("not looked up again"));
    assert_eq!(then(held(), monday, again.clone()), Ok(()));
    assert!(then(held(), "2026-11-22 07:00", again.clone()).unwrap_err().contains("on that day"));
    assert!(then(held(), "2026-11-23 17:00", again.clone()).unwrap_err().contains("is over"));
    assert!(then(routed("2026-11-19 18:00"), "2026-11-20 07:00", again.clone()).is_err());
    // Before the window opens, if it will be 24 hours by then.
    assert_eq!(then(routed("2026-11-22 06:30"), "2026-11-23 06:00", again.clone()), Ok(()));
    assert!(then(routed("2026-11-22 07:30"), "2026-11-23 06:00", again.clone()).is_err());
    let mut story = held();
    story.at(monday).durable([again]);
    let letter = payload(9);
    story.durable([Fact::Routed { number: number(1), school: org(DAVIDS), letter }]);
    assert_eq!(judged(story.durable([delivered()])), Ok(()));
}

#[test]
fn r19_what_is_held_too_long_is_withheld_and_nothing_else_is() {
    let too_long = || withheld(Withheld::HeldTooLong);
    assert!(then(routed("2026-11-20 17:30"), "2026-11-20 17:30", too_long()).is_err());
    let mut closed = routed("2026-11-20 17:30");
    closed.truth.holidays.other.push((date(2026, 11, 21), date(2026, 12, 8)));
    assert_eq!(then(closed, "2026-11-20 17:30", too_long()), Ok(()));
    let again = Fact::LookUpAgain { number: number(1) };
    let mut story = routed("2026-11-20 17:30");
    story.at("2026-12-08 07:00").durable([again]);
    let routed = Fact::Routed { number: number(1), school: org(DAVIDS), letter: payload(9) };
    says(story.durable([routed]).durable([delivered()]), "held too long");
}

#[test]
fn r18_what_could_not_go_is_withheld_as_soon_as_it_is_routed() {
    let mut story = Story::new();
    story.truth.holidays.summer.push((date(2026, 11, 19), date(2026, 12, 6)));
    story.reported().expanded().at("2026-11-19 06:55");
    assert_eq!(judged(story.durable([withheld(Withheld::SummerHoliday)])), Ok(()));
}

#[test]
fn r18_over_the_summer_holiday_nothing_goes() {
    let summer =
        |story: &mut Story| story.truth.holidays.summer.push((date(2026, 11, 21), date(2026, 12, 6)));
    let mut story = routed("2026-11-20 17:30");
    summer(&mut story);
    assert_eq!(then(story, "2026-11-20 17:30", withheld(Withheld::SummerHoliday)), Ok(()));
    assert!(then(routed("2026-11-20 17:30"), "2026-11-20 17:30", withheld(Withheld::SummerHoliday)).is_err());
    let mut story = routed("2026-11-20 17:30");
    summer(&mut story);
    assert!(
        then(story, "2026-12-07 07:00", delivered()).unwrap_err().contains("summer holiday lies between")
    );
}

#[test]
fn r20_nothing_expires_before_its_time() {
    let at_school = || {
        let mut story = routed("2026-11-19 06:55");
        story.at("2026-11-19 07:00").durable([delivered()]);
        story
    };
    let unread = || expired(Expired::NotAcknowledged);
    assert_eq!(then(at_school(), "2026-11-23 17:00", unread()), Ok(()));
    assert!(then(at_school(), "2026-11-23 16:59:59", unread()).unwrap_err().contains("had not come"));
    assert!(then(at_school(), "2026-11-23 17:00", expired(Expired::NotRouted)).is_err());
    assert!(then(at_school(), "2026-11-23 17:00", expired(Expired::NotScreened)).is_err());
    let received = |moment| {
        let mut story = at_school();
        story.durable([Fact::Opened { number: number(1) }]);
        then(story, moment, Fact::Acknowledged { number: number(1) })
    };
    assert_eq!(received("2026-11-23 16:59"), Ok(()));
    assert!(received("2026-11-23 17:02").unwrap_err().contains("it had expired"));
}

#[test]
fn r23_nothing_expires_for_the_ceiling_before_it() {
    let at_municipality = || {
        let mut story = Story::new();
        story.reported().expanded();
        story
    };
    assert_eq!(then(at_municipality(), "2026-12-17 06:45", expired(Expired::NotRouted)), Ok(()));
    assert!(then(at_municipality(), "2026-12-17 05:44", expired(Expired::NotRouted)).is_err());
    let unread = || {
        let mut story = Story::new();
        story.reported();
        story
    };
    assert_eq!(then(unread(), "2026-12-17 06:45", Fact::ReportExpired), Ok(()));
    assert!(
        then(unread(), "2026-12-17 05:44", Fact::ReportExpired).unwrap_err().contains("before its ceiling")
    );
}

#[test]
fn r24_only_municipality_and_veilig_thuis_call_back() {
    let by = |by| {
        let reason = Recalled::WrongSchool;
        then(routed("2026-11-19 06:55"), "2026-11-19 06:56", Fact::Recalled { number: number(1), reason, by })
    };
    assert_eq!(by(Role::Municipality), Ok(()));
    assert!(by(Role::School).unwrap_err().contains("recalled by a school"));
}

#[test]
fn where_the_storage_lied_times_are_not_judged_and_schools_still_are() {
    let mut story = routed("2026-11-20 16:00");
    story.happens(Happened::StorageLied { incidents: [incident(1)].into() });
    story.at("2026-11-21 10:00").durable([delivered()]);
    assert_eq!(judged(&story), Ok(()));
    story.truth.registers = region().registers;
    let content = Content::Letter(noor());
    says(story.opened(DAVIDS, Some(number(1)), content), "in the letter");
}

// Promptness.

#[test]
fn once_the_world_has_healed_what_is_due_is_done() {
    let healed = |at: &str| {
        let mut story = routed("2026-11-19 06:55");
        story.at(at).happens(Happened::Healed);
        story
    };
    let waits = |mut story: Story, until: &str| judged(story.at(until).fault());
    assert_eq!(waits(healed("2026-11-19 06:56"), "2026-11-19 07:05"), Ok(()));
    assert!(waits(healed("2026-11-19 06:56"), "2026-11-19 07:05:01").unwrap_err().contains("day has come"));
    assert_eq!(waits(healed("2026-11-19 18:00"), "2026-11-20 07:05"), Ok(()));
    assert_eq!(waits(routed("2026-11-19 06:55"), "2026-11-20 12:00"), Ok(()));
    let mut story = healed("2026-11-19 06:56");
    story.at("2026-11-19 07:00").durable([delivered()]);
    assert!(waits(story, "2026-11-23 17:05:01").unwrap_err().contains("it has expired"));
    let mut story = Story::ordinary();
    assert_eq!(judged(story.at("2026-12-24 12:00").fault()), Ok(()));
    let acknowledged = |fact: &Fact| matches!(fact, Fact::Acknowledged { .. }) && of_david(fact);
    let mut story = Story::ordinary().without(fact(acknowledged));
    assert!(judged(story.at("2026-12-24 12:00").fault()).is_err());
}
