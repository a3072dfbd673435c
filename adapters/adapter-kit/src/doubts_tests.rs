use jiff::civil::{Weekday, time};

use super::*;

fn policy() -> NoticePolicy {
    NoticePolicy { remind_at: vec![time(8, 0, 0, 0)], zone: TimeZone::get("Europe/Amsterdam").unwrap() }
}

fn at(text: &str) -> Timestamp {
    format!("{text}+01:00").parse().unwrap()
}

fn weekday(date: Date) -> bool {
    !matches!(date.weekday(), Weekday::Saturday | Weekday::Sunday)
}

/// What is told at a moment, shortly: `N` new or `S` still waiting, and how many.
fn says(told: &mut Told<u32>, waiting: &[(u32, &str)], now: &str) -> (Vec<String>, usize) {
    let waiting = waiting.iter().map(|(number, since)| (*number, at(since))).collect();
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
    let waiting = [first, second].map(|(number, since)| (number, at(since))).into();
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
    let waiting = BTreeMap::from([(1, "2026-06-01T12:00:00+02:00".parse().unwrap())]);
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

/// A tray of cases that are only numbers.
#[derive(Clone)]
struct Numbers(Arc<watch::Sender<()>>, Arc<Mutex<BTreeMap<u32, Timestamp>>>);

impl Waits for Numbers {
    type Case = u32;

    fn waiting(&self) -> BTreeMap<u32, Timestamp> {
        self.1.lock().unwrap().clone()
    }

    fn changes(&self) -> watch::Receiver<()> {
        self.0.subscribe()
    }
}

impl Numbers {
    fn lie(&self, cases: &[u32]) {
        *self.1.lock().unwrap() = cases.iter().map(|case| (*case, Timestamp::now())).collect();
        self.0.send_replace(());
    }
}

#[tokio::test]
async fn whoever_listens_hears_of_a_tray_as_soon_as_something_lies_in_it() {
    let tray = Numbers(Arc::new(watch::channel(()).0), Arc::default());
    let heard = Arc::new(Heard(Mutex::default()));
    let (tell, mut standing) = watch::channel(CasesStanding::default());
    let to: Vec<Arc<dyn Notices>> = vec![Arc::clone(&heard) as _, Arc::new(InTheLog("doubtful cases"))];
    let watching = tokio::spawn(watch_tray(tray.clone(), to, policy(), |_| false, tell));
    tray.lie(&[1]);
    standing.wait_for(|standing| standing.waiting == 1).await.unwrap();
    assert_eq!(heard.0.lock().unwrap().iter().map(|notice| notice.cases).collect::<Vec<_>>(), [1]);
    tray.lie(&[]);
    standing.wait_for(|standing| *standing == CasesStanding::default()).await.unwrap();
    drop(standing);
    watching.await.unwrap();
}

#[test]
fn where_there_are_several_moments_who_still_waits_is_told_of_at_each_and_what_came_between_too() {
    let policy =
        NoticePolicy { remind_at: vec![time(7, 0, 0, 0), time(7, 45, 0, 0), time(8, 10, 0, 0)], ..policy() };
    let told = &mut Told::default();
    let mut says = |waiting: &[(u32, &str)], now: &str| {
        let waiting = waiting.iter().map(|(number, since)| (*number, at(since))).collect();
        let planned = plan(&waiting, told, at(now), &policy, weekday);
        let counts: Vec<_> = planned.notices.iter().map(|one| (one.occasion, one.cases)).collect();
        (counts, planned.overdue, planned.look_at)
    };
    let (first, second) = ((1, "2026-11-18T03:00:00"), (2, "2026-11-18T07:20:00"));
    let (new, still) = (Occasion::New, Occasion::StillWaiting);
    assert_eq!(says(&[first], first.1), (vec![(new, 1)], 0, at("2026-11-18T07:00:00")));
    assert_eq!(says(&[first], "2026-11-18T07:00:00"), (vec![(still, 1)], 1, at("2026-11-18T07:45:00")));
    assert_eq!(says(&[first, second], second.1), (vec![(new, 1)], 1, at("2026-11-18T07:45:00")));
    assert_eq!(
        says(&[first, second], "2026-11-18T07:45:10"),
        (vec![(still, 2)], 2, at("2026-11-18T08:10:00"))
    );
    assert_eq!(says(&[second], "2026-11-18T08:10:00"), (vec![(still, 1)], 1, at("2026-11-19T07:00:00")));
    assert_eq!(says(&[], "2026-11-18T08:11:00"), (vec![], 0, at("2026-11-19T07:00:00")));
    assert_eq!(says(&[second], "2026-11-21T07:00:00").0, vec![], "there is no school on a Saturday");
}

#[test]
fn only_what_waits_since_before_lessons_is_a_problem_and_it_is_a_number_of_something() {
    let standing = CasesStanding { waiting: 3, overdue: 2 };
    let said = "2 households in doubt wait for a person since before lessons";
    assert_eq!(standing.problem("households in doubt").as_deref(), Some(said));
    assert_eq!(CasesStanding { overdue: 0, ..standing }.problem("households in doubt"), None);
}
