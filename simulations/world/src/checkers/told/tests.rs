use hwc_schemas::wire::RouteWhy;

use super::{
    super::story::{
        DAVIDS, NOORS, Story, VT, david, durable_at, fact, incident, noor, number, org, payload, screen,
        signal, when,
    },
    *,
};
use crate::truth::ReportNumber;

const MUNICIPALITY: &str = "municipality-0855";

fn judged(story: &Story) -> Result<(), String> {
    story.judged(Told::default())
}

fn over(what: &Happened) -> bool {
    *what == Happened::Over
}

/// What is said of an ordinary world in which one more task is offered, when both children are delivered.
fn asked(to: &str, task: Task) -> Result<(), String> {
    let mut story = Story::until_delivered();
    judged(story.happens(Happened::Offered { to: org(to), task }))
}

fn read(n: u16, round: u16) -> Task {
    Task::Read { signal: signal(n), round }
}

fn route(n: u16, round: u16, why: RouteWhy) -> Task {
    Task::Route { signal: signal(n), round, why }
}

fn notice(notice: Notice, due: &str) -> Task {
    Task::Notice { signal: signal(1), round: 1, notice, due: when(due) }
}

#[test]
fn in_an_ordinary_world_everybody_hears_what_is_theirs() {
    assert_eq!(judged(&Story::ordinary()), Ok(()));
}

#[test]
fn a_task_for_whom_it_is_not_is_noticed() {
    let no = |to: &str, task: Task, why: &str| {
        let said = asked(to, task).unwrap_err();
        assert!(said.contains(why), "{said}");
    };
    assert_eq!(asked(DAVIDS, read(1, 1)), Ok(()));
    no("police-0599", screen(), "not for it");
    no("veilig-thuis-18", screen(), "not for it");
    no("municipality-0867", route(1, 1, RouteWhy::New), "not referred there");
    no(MUNICIPALITY, route(2, 1, RouteWhy::New), "not referred there");
    no(MUNICIPALITY, route(1, 2, RouteWhy::Returned), "not begun");
    no(MUNICIPALITY, route(1, 1, RouteWhy::Returned), "another reason");
    no(NOORS, read(1, 1), "not delivered there");
    no(DAVIDS, read(1, 2), "not delivered there");
    no(DAVIDS, read(2, 1), "not delivered there");
    no(DAVIDS, notice(Notice::RemindContact, "2026-11-19 08:15"), "not fallen due");
}

#[test]
fn a_school_that_is_asked_before_the_delivery_is_noticed() {
    let delivered = fact(|fact| matches!(fact, Fact::Delivered { .. }));
    let early = Happened::Offered { to: org(DAVIDS), task: read(1, 1) };
    assert!(judged(&Story::ordinary().before(delivered, early)).unwrap_err().contains("not delivered"));
}

#[test]
fn a_task_about_what_is_past_is_noticed_once_the_world_has_healed() {
    let mut story = Story::until_delivered();
    story.at("2026-11-19 07:30");
    story.happens(Happened::Offered { to: org(MUNICIPALITY), task: route(1, 1, RouteWhy::New) });
    assert!(judged(&story).unwrap_err().contains("not there any more"));
    assert_eq!(judged(&story.without(|what| *what == Happened::Healed)), Ok(()));
}

#[test]
fn a_look_up_before_any_child_went_first_is_noticed() {
    let mut story = Story::new();
    let task = Task::LookUp { incident: incident(1) };
    story.reported().happens(Happened::Offered { to: org(VT), task });
    assert!(judged(&story).unwrap_err().contains("no child went first"));
}

#[test]
fn a_task_that_reaches_another_than_it_was_for_is_noticed() {
    let mut story = Story::until_delivered();
    story.happens(Happened::Tasked { to: org(NOORS), task: read(1, 1) });
    assert!(judged(&story).unwrap_err().contains("for whom it was not"));
}

#[test]
fn a_notice_to_whom_it_does_not_concern_is_noticed() {
    let told = |to: &str, which: Notice, due: &str| {
        let mut story = Story::until_delivered();
        story.at(due).durable([Fact::Reminded { number: number(1), notice: which, due: when(due) }]);
        story.happens(Happened::Offered { to: org(to), task: notice(which, due) });
        judged(&story)
    };
    assert_eq!(told(DAVIDS, Notice::RemindContact, "2026-11-19 08:15"), Ok(()));
    assert_eq!(told(MUNICIPALITY, Notice::ReceiptMissing, "2026-11-19 10:00"), Ok(()));
    assert!(told(NOORS, Notice::RemindContact, "2026-11-19 08:15").unwrap_err().contains("not concern"));
    assert!(
        told(MUNICIPALITY, Notice::RemindBackup, "2026-11-19 08:30").unwrap_err().contains("not concern")
    );
    assert!(told(DAVIDS, Notice::ReceiptMissing, "2026-11-19 10:00").unwrap_err().contains("not concern"));
}

#[test]
fn r20_a_notice_that_falls_due_at_a_wrong_moment_is_noticed() {
    let due_of = |delivered: &str, notice, due: &str| {
        let mut story = Story::new();
        story.reported().expanded().routed(1, david(), DAVIDS, 4);
        story.at(delivered).delivered(1, DAVIDS);
        let due = when(due);
        judged(story.durable([Fact::Reminded { number: number(1), notice, due }]))
    };
    let contact = |delivered, due| due_of(delivered, Notice::RemindContact, due);
    assert_eq!(contact("2026-11-19 07:00", "2026-11-19 08:15"), Ok(()));
    assert_eq!(contact("2026-11-19 07:00", "2026-11-20 08:15"), Ok(()));
    assert!(contact("2026-11-19 07:00", "2026-11-19 08:16").unwrap_err().contains("not its time"));
    assert!(contact("2026-11-19 07:00", "2026-11-21 08:15").unwrap_err().contains("no school"));
    assert!(contact("2026-11-19 08:20", "2026-11-19 08:15").unwrap_err().contains("not there yet"));
    let missing = |delivered, due| due_of(delivered, Notice::ReceiptMissing, due);
    assert_eq!(missing("2026-11-19 08:20", "2026-11-19 10:00"), Ok(()));
    assert!(missing("2026-11-19 09:00", "2026-11-19 10:00").unwrap_err().contains("after the lesson"));
    let unread = |delivered, due| due_of(delivered, Notice::StillUnread, due);
    assert_eq!(unread("2026-11-19 09:00", "2026-11-19 17:00"), Ok(()));
    assert!(unread("2026-11-19 07:00", "2026-11-19 17:00").unwrap_err().contains("did not come"));
    assert!(unread("2026-11-19 09:00", "2026-11-20 17:00").unwrap_err().contains("did not come"));
}

#[test]
fn r20_a_notice_twice_or_of_what_waits_nowhere_is_noticed() {
    let reminded =
        Fact::Reminded { number: number(3), notice: Notice::RemindContact, due: when("2026-11-19 08:15") };
    let again = durable_at(when("2026-11-19 08:15"), reminded.clone());
    let such = reminded.clone();
    let story = Story::ordinary().after(fact(|fact| *fact == such), again.clone());
    assert!(judged(&story).unwrap_err().contains("fell due before"));
    assert!(judged(&Story::ordinary().before(over, again)).unwrap_err().contains("waits nowhere"));
}

#[test]
fn a_payload_that_is_opened_by_whom_it_is_not_for_is_noticed() {
    let opened = |by: &str, number: Option<SignalNumber>, content| {
        let mut story = Story::until_delivered();
        story.durable([Fact::Opened { number: super::super::story::number(1) }]);
        judged(story.opened(by, number, content))
    };
    let letter = || Content::Letter(david());
    assert_eq!(opened(DAVIDS, Some(number(1)), letter()), Ok(()));
    assert!(opened(NOORS, Some(number(1)), letter()).is_err());
    // Delivered, and that it is opened is not durable.
    assert!(opened(NOORS, Some(number(3)), Content::Letter(noor())).is_err());
    assert!(opened(DAVIDS, Some(number(1)), Content::Referral(david(), false)).is_err());
    assert!(opened("municipality-0867", Some(number(1)), Content::Referral(david(), false)).is_err());
    assert!(opened(MUNICIPALITY, None, Content::Report(ReportNumber(0))).is_err());
    assert!(opened("veilig-thuis-18", None, Content::Report(ReportNumber(0))).is_err());
    assert!(opened("police-0599", None, Content::Report(ReportNumber(0))).is_err());
}

#[test]
fn a_letter_that_is_sealed_to_another_school_is_noticed_unless_its_municipality_lies() {
    let story = Story::ordinary().instead(
        |what| matches!(what, Happened::Stored { hop: Hop::Letter, .. }),
        Happened::Stored {
            payload: payload(4),
            incident: incident(1),
            hop: Hop::Letter,
            sealed_to: org(NOORS),
        },
    );
    assert!(judged(&story).unwrap_err().contains("goes as a letter to school-01AA00"));
    let story = story.were(|truth| {
        truth.dishonest.insert(org(MUNICIPALITY));
    });
    assert_eq!(judged(&story), Ok(()));
}

#[test]
fn what_cannot_be_opened_is_noticed_unless_its_sender_lies() {
    let (to, sealed_to) = (org(NOORS), org(DAVIDS));
    let mut story = Story::ordinary();
    story.happens(Happened::GivenUnopened { to, hop: Hop::Letter, sealed_to });
    assert!(judged(&story).unwrap_err().contains("cannot open"));
    story.truth.dishonest.insert(org(VT));
    assert!(judged(&story).unwrap_err().contains("cannot open"));
    story.truth.dishonest.insert(org(MUNICIPALITY));
    assert_eq!(judged(&story), Ok(()));
}

#[test]
fn an_answer_that_says_too_much_is_noticed() {
    let hears = |to: &str, command, answer| {
        let mut story = Story::until_delivered();
        judged(story.happens(Happened::Answered { to: org(to), incident: incident(1), command, answer }))
    };
    let refused = |refusal| Answer::Refused { refusal };
    assert_eq!(hears("school-02BB00", "acknowledge", refused(Refusal::Gone)), Ok(()));
    assert!(hears("school-02BB00", "acknowledge", refused(Refusal::OutOfOrder)).is_err());
    assert!(hears("municipality-0867", "route", refused(Refusal::AlreadyDecided)).is_err());
    assert_eq!(hears(DAVIDS, "acknowledge", refused(Refusal::NotOpened)), Ok(()));
    assert!(hears("police-0599", "route", Answer::AlreadyRecorded).is_err());
}

#[test]
fn the_police_hear_only_of_their_own_reports() {
    let other =
        Happened::ReportAnswered { report: ReportNumber(0), incident: incident(2), answer: Answer::Recorded };
    assert!(judged(Story::ordinary().happens(other)).unwrap_err().contains("did not report"));
}
