use hwc_schemas::SignalNumber;
use jiff::civil::{Weekday, time};

use super::*;

fn policy() -> NoticePolicy {
    NoticePolicy { remind_at: time(8, 0, 0, 0), zone: TimeZone::get("Europe/Amsterdam").unwrap() }
}

fn at(text: &str) -> Timestamp {
    format!("{text}+01:00").parse().unwrap()
}

fn round(number: u32) -> Round {
    (SignalId { incident: format!("{number:032x}").parse().unwrap(), number: SignalNumber::FIRST }, 1)
}

fn weekday(date: Date) -> bool {
    !matches!(date.weekday(), Weekday::Saturday | Weekday::Sunday)
}

/// What is told at a moment, shortly: `N` new or `S` still waiting, and how many.
fn says(told: &mut Told, waiting: &[(u32, &str)], now: &str) -> (Vec<String>, usize) {
    let waiting = waiting.iter().map(|(number, since)| (round(*number), at(since))).collect();
    let planned = plan(&waiting, told, at(now), &policy(), weekday);
    assert!(planned.look_at > at(now), "it would look again at once, and again");
    let short = |notice: &CasesWait| match notice.occasion {
        Occasion::New => format!("N{}", notice.cases),
        Occasion::StillWaiting => format!("S{}", notice.cases),
    };
    (planned.notices.iter().map(short).collect(), planned.overdue)
}

fn none() -> (Vec<String>, usize) {
    (Vec::new(), 0)
}

fn one(said: &str, overdue: usize) -> (Vec<String>, usize) {
    (vec![said.to_owned()], overdue)
}

#[test]
fn a_case_is_told_of_at_once_and_again_on_the_school_morning_on_which_it_still_waits() {
    let told = &mut Told::default();
    let case = (1, "2026-11-17T15:00:00");
    assert_eq!(says(told, &[case], "2026-11-17T15:00:00"), one("N1", 0));
    assert_eq!(says(told, &[case], "2026-11-17T23:00:00"), none());
    assert_eq!(says(told, &[case], "2026-11-18T07:59:59"), none());
    assert_eq!(says(told, &[case], "2026-11-18T08:00:00"), one("S1", 1));
    assert_eq!(says(told, &[case], "2026-11-18T08:01:00"), (vec![], 1));
    assert_eq!(says(told, &[case], "2026-11-19T07:00:00"), (vec![], 1));
    assert_eq!(says(told, &[case], "2026-11-19T08:00:30"), one("S1", 1));
    assert_eq!(says(told, &[], "2026-11-19T08:20:00"), none());
}

#[test]
fn on_a_day_without_school_nobody_is_reminded() {
    let told = &mut Told::default();
    let case = (1, "2026-11-20T16:00:00");
    assert_eq!(says(told, &[case], "2026-11-20T16:00:00"), one("N1", 0));
    assert_eq!(says(told, &[case], "2026-11-21T08:00:00"), none());
    assert_eq!(says(told, &[case], "2026-11-22T08:00:00"), none());
    assert_eq!(says(told, &[case], "2026-11-23T08:00:00"), one("S1", 1));
}

#[test]
fn cases_that_follow_each_other_are_told_of_together() {
    let told = &mut Told::default();
    let (first, second, third) =
        ((1, "2026-11-18T06:45:00"), (2, "2026-11-18T06:46:00"), (3, "2026-11-18T06:49:00"));
    assert_eq!(says(told, &[first], "2026-11-18T06:45:00"), one("N1", 0));
    let waiting = [first, second].map(|(number, since)| (round(number), at(since))).into();
    let planned = plan(&waiting, told, at("2026-11-18T06:46:00"), &policy(), weekday);
    assert_eq!((planned.notices, planned.look_at), (vec![], at("2026-11-18T06:50:00")));
    assert_eq!(says(told, &[first, second, third], "2026-11-18T06:50:00"), one("N2", 0));
    assert_eq!(says(told, &[first, second, third], "2026-11-18T08:00:00"), one("S3", 3));
}

#[test]
fn a_case_that_comes_after_the_reminder_is_only_new_and_one_at_the_start_is_told_of_once() {
    let told = &mut Told::default();
    assert_eq!(says(told, &[], "2026-11-18T08:00:00"), none());
    assert_eq!(says(told, &[(1, "2026-11-18T08:10:00")], "2026-11-18T08:10:00"), one("N1", 0));
    // A process that starts on the morning and finds an old case says one thing about it.
    assert_eq!(
        says(&mut Told::default(), &[(1, "2026-11-17T12:00:00")], "2026-11-18T08:20:00"),
        one("S1", 1)
    );
}

#[test]
fn a_case_that_is_judged_anew_is_not_new_until_it_was_away_for_a_day() {
    let told = &mut Told::default();
    let case = (1, "2026-11-18T09:00:00");
    assert_eq!(says(told, &[case], "2026-11-18T09:00:00"), one("N1", 0));
    assert_eq!(says(told, &[], "2026-11-18T09:10:00"), none());
    assert_eq!(says(told, &[case], "2026-11-18T09:20:00"), none());
    assert_eq!(says(told, &[], "2026-11-19T09:20:00"), none());
    assert_eq!(says(told, &[case], "2026-11-20T06:00:00"), one("N1", 0));
}

#[test]
fn the_clock_is_the_local_one_in_summer_too() {
    let told = &mut Told::default();
    let waiting = BTreeMap::from([(round(1), "2026-06-01T12:00:00+02:00".parse().unwrap())]);
    let early = plan(&waiting, told, "2026-06-02T07:59:00+02:00".parse().unwrap(), &policy(), weekday);
    assert_eq!(early.notices.len(), 1, "told of at once");
    assert_eq!(early.look_at, "2026-06-02T08:00:00+02:00".parse().unwrap());
    let due = plan(&waiting, told, early.look_at, &policy(), weekday);
    assert_eq!(due.notices.first().map(|notice| notice.occasion), Some(Occasion::StillWaiting));
}

struct Heard(std::sync::Mutex<Vec<CasesWait>>);

impl Notices for Heard {
    fn tell(&self, notice: CasesWait) {
        self.0.lock().unwrap().push(notice);
    }
}

#[tokio::test]
async fn whoever_listens_hears_of_a_tray_as_soon_as_something_lies_in_it() {
    let (tray, heard) = (Tray::default(), Arc::new(Heard(std::sync::Mutex::default())));
    let (tell, mut standing) = watch::channel(CasesStanding::default());
    let to: Vec<Arc<dyn Notices>> = vec![Arc::clone(&heard) as _, Arc::new(InTheLog)];
    let watching = tokio::spawn(watch_tray(tray.clone(), to, policy(), |_| false, tell));
    let asking = crate::tray::waiting_in(&tray, round(1).0).await;
    standing.wait_for(|standing| standing.waiting == 1).await.unwrap();
    assert_eq!(heard.0.lock().unwrap().iter().map(|notice| notice.cases).collect::<Vec<_>>(), [1]);
    asking.abort();
    standing.wait_for(|standing| *standing == CasesStanding::default()).await.unwrap();
    drop(standing);
    watching.await.unwrap();
}
