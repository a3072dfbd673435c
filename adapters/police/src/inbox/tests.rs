use std::{
    pin::pin,
    sync::{Arc, Mutex},
    task::Poll,
};

use hwc_adapter_kit::office::Unsealed;
use hwc_schemas::wire::Refusal;

use super::*;
use crate::{NotTold, ReferenceKey, Sent, desk::Said, reports, table};

/// A relay in memory. It yields before and after everything it does, so that whoever asks can be killed there.
#[derive(Default)]
struct Relay {
    /// How far each report is, and how often it was recorded.
    reports: Mutex<BTreeMap<IncidentId, (Progress, u32)>>,
    /// Whether Veilig Thuis is at work.
    screens: Mutex<bool>,
    /// The references that it refuses.
    refuses: Mutex<HashSet<String>>,
}

impl Relay {
    fn at_work() -> Arc<Self> {
        let relay = Self::default();
        *relay.screens.lock().unwrap() = true;
        Arc::new(relay)
    }

    /// All reports are so far now.
    fn set(&self, progress: Progress) {
        for (is, _) in self.reports.lock().unwrap().values_mut() {
            *is = progress;
        }
    }

    fn recorded(&self) -> Vec<u32> {
        self.reports.lock().unwrap().values().map(|(_, times)| *times).collect()
    }
}

impl WayOut for Arc<Relay> {
    fn incident(&self, sender: Option<&str>, reference: &str) -> IncidentId {
        ReferenceKey::new(Zeroizing::new([7; 32])).incident_of(sender, reference)
    }

    fn send<'a>(&'a self, submission: &'a Submission) -> Said<'a, Sent, Unsealed> {
        Box::pin(async move {
            let incident = self.incident(submission.sender.as_deref(), &submission.report_id);
            tokio::task::yield_now().await;
            let refused = self.refuses.lock().unwrap().contains(&submission.report_id);
            let answer = if refused {
                Answer::Refused { refusal: Refusal::TooOld }
            } else {
                let mut reports = self.reports.lock().unwrap();
                let known = reports.contains_key(&incident);
                reports.entry(incident).or_insert((Progress::Waiting, 1));
                if known { Answer::AlreadyRecorded } else { Answer::Recorded }
            };
            tokio::task::yield_now().await;
            Ok(Sent { incident, answer })
        })
    }

    fn progress<'a>(&'a self, incidents: &'a [IncidentId]) -> Said<'a, Vec<Progress>, NotTold> {
        Box::pin(async move {
            tokio::task::yield_now().await;
            if *self.screens.lock().unwrap() {
                self.set(Progress::Screened);
            }
            tokio::task::yield_now().await;
            let reports = self.reports.lock().unwrap();
            Ok(incidents
                .iter()
                .map(|one| reports.get(one).map_or(Progress::Unknown, |(is, _)| *is))
                .collect())
        })
    }
}

const REPORTS: &str = include_str!("../../../../simulations/handbook/reports.jsonl");
const FAMILY: &str = include_str!("../../samples/family.xml");

fn folder() -> (tempfile::TempDir, Inbox) {
    let folder = tempfile::tempdir().unwrap();
    let inbox = Inbox::open(folder.path().join("inbox")).unwrap();
    (folder, inbox)
}

fn lay(inbox: &Inbox, name: &str, text: &str) {
    fs::write(inbox.folder.join(name), text).unwrap();
}

fn lies(inbox: &Inbox) -> Vec<String> {
    files::names(&inbox.folder).unwrap()
}

/// Looks until nothing is left, or a while.
async fn look_on(inbox: &Inbox, relay: &Arc<Relay>) -> Option<String> {
    let mut memory = Memory::default();
    let mut in_the_way = None;
    for _ in 0..5 {
        in_the_way = inbox.look(relay, &mut memory).await;
        tokio::time::advance(ASK_EVERY).await;
    }
    in_the_way
}

#[tokio::test(start_paused = true)]
async fn a_file_of_every_form_is_sent_once_and_gone_once_it_is_screened() {
    let ((_folder, inbox), relay) = (folder(), Relay::at_work());
    let one = REPORTS.lines().next().unwrap();
    lay(&inbox, "a.jsonl", REPORTS);
    lay(&inbox, "b.json", one);
    lay(&inbox, "c.xml", FAMILY);
    assert_eq!(look_on(&inbox, &relay).await, None);
    assert_eq!((lies(&inbox), inbox.aside.count()), (Vec::new(), 0));
    assert!(relay.recorded().iter().all(|times| *times == 1) && relay.recorded().len() > 10);
}

#[tokio::test(start_paused = true)]
async fn a_file_stays_as_long_as_nobody_has_screened_it() {
    let ((_folder, inbox), relay) = (folder(), Arc::new(Relay::default()));
    lay(&inbox, "c.xml", FAMILY);
    assert_eq!(look_on(&inbox, &relay).await, None);
    assert_eq!((lies(&inbox).len(), relay.recorded()), (1, vec![1]));
    relay.set(Progress::Screened);
    assert_eq!(look_on(&inbox, &relay).await, None);
    assert_eq!((lies(&inbox), relay.recorded()), (Vec::new(), vec![1]));
}

#[tokio::test(start_paused = true)]
async fn what_ended_is_let_go_and_what_the_relay_lost_is_sent_anew() {
    let ((_folder, inbox), relay) = (folder(), Arc::new(Relay::default()));
    lay(&inbox, "c.xml", FAMILY);
    let mut memory = Memory::default();
    assert_eq!(inbox.look(&relay, &mut memory).await, None);
    // Put back from a copy that is older than the report.
    relay.reports.lock().unwrap().clear();
    tokio::time::advance(ASK_EVERY).await;
    assert_eq!(inbox.look(&relay, &mut memory).await, None);
    assert_eq!((lies(&inbox).len(), relay.recorded()), (1, vec![1]));
    // It ended: nothing is said of it but that it was there.
    relay.set(Progress::Unknown);
    tokio::time::advance(ASK_EVERY).await;
    assert_eq!(inbox.look(&relay, &mut memory).await, None);
    assert_eq!(lies(&inbox), Vec::<String>::new());
}

#[tokio::test(start_paused = true)]
async fn a_report_that_the_relay_lost_and_refuses_keeps_its_own_file_and_no_other() {
    let ((_folder, inbox), relay) = (folder(), Arc::new(Relay::default()));
    let (one, two) = (REPORTS.lines().next().unwrap(), REPORTS.lines().nth(1).unwrap());
    lay(&inbox, "a.jsonl", one);
    lay(&inbox, "b.jsonl", two);
    let mut memory = Memory::default();
    assert_eq!(inbox.look(&relay, &mut memory).await, None);
    // Both ended, or the relay was put back from a copy that is older than both.
    relay.set(Progress::Unknown);
    let refused = reports::read(one.as_bytes()).0.remove(0).report_id;
    relay.refuses.lock().unwrap().insert(refused);
    for _ in 0..3 {
        tokio::time::advance(ASK_EVERY).await;
        let said = inbox.look(&relay, &mut memory).await.unwrap();
        assert!(said.contains("refuses it (too_old); its file stays"), "{said}");
    }
    assert_eq!(lies(&inbox), ["a.jsonl"]);
    // It is let in after all.
    relay.refuses.lock().unwrap().clear();
    tokio::time::advance(ASK_EVERY).await;
    assert_eq!(inbox.look(&relay, &mut memory).await, None);
    assert_eq!(lies(&inbox), Vec::<String>::new());
}

#[tokio::test(start_paused = true)]
async fn a_file_that_breaks_off_behind_too_many_broken_lines_is_kept_from_there_to_its_end() {
    let first = REPORTS.lines().next().unwrap();
    let lines = format!("{first}\n{}{REPORTS}", "x\n".repeat(10_001));
    let header = table::COLUMNS.join(",");
    let row = |id: &str| {
        format!(
            "{id},2026-11-19T06:45:00+01:00,2026-11-18,child_abuse,5038AA,12,,,0855,Noor,,Vos,2016-02-03,present,resident\n"
        )
    };
    let good: String = ["P-2", "P-3", "P-4"].map(row).concat();
    let rows = format!("{header}\n{}{}{good}", row("P-1"), "x\n".repeat(10_001));
    for (name, text, first, rest) in [("a.jsonl", &lines, 1, REPORTS), ("a.csv", &rows, 0, good.as_str())] {
        let ((_folder, inbox), relay) = (folder(), Relay::at_work());
        lay(&inbox, name, text);
        assert_eq!(look_on(&inbox, &relay).await, None);
        assert_eq!((lies(&inbox), relay.recorded()), (Vec::new(), vec![1; first]), "{name}");
        let aside = fs::read_to_string(inbox.folder.join("set-aside").join(name)).unwrap();
        assert!(aside.ends_with(&format!("x\n{rest}")), "{name}: the rest of it is gone");
        assert_eq!(aside.lines().count() + first, text.lines().count(), "{name}");
        let reasons =
            fs::read_to_string(inbox.folder.join("set-aside").join(format!("{name}.reason"))).unwrap();
        assert!(reasons.trim_end().ends_with("nothing from here on was read, and nothing of it was sent"));
    }
}

#[tokio::test(start_paused = true)]
async fn what_is_broken_is_set_aside_alone_and_stops_nothing() {
    let ((_folder, inbox), relay) = (folder(), Relay::at_work());
    lay(&inbox, "a.xml", "<jz:vtMeldingDi01>Geheim");
    lay(&inbox, "b.jsonl", &format!("{{\"report_id\":\"Geheim\n{REPORTS}"));
    lay(&inbox, "c.xml", include_str!("../../samples/partial-date.xml"));
    std::os::unix::fs::symlink("/etc/hostname", inbox.folder.join("d.csv")).unwrap();
    let in_the_way = look_on(&inbox, &relay).await.unwrap();
    assert!(in_the_way.contains("no plain file"), "{in_the_way}");
    assert_eq!((lies(&inbox), inbox.aside.count()), (vec!["d.csv".to_owned()], 3));
    let aside = |name: &str| fs::read_to_string(inbox.folder.join("set-aside").join(name)).unwrap();
    assert_eq!(aside("b.jsonl"), "{\"report_id\":\"Geheim\n");
    assert_eq!(aside("b.jsonl.reason"), "line 1: (line): is not JSON\n");
    assert!(
        aside("c.xml.reason")
            .contains("object/betrokkene[2]/natuurlijkPersoon/geboortedatum: is not complete")
    );
    assert!(aside("c.xml").contains("vtMeldingDi01"), "the one who must be told of is not kept");
    assert!(!aside("a.xml.reason").contains("Geheim"));
    assert!(relay.recorded().iter().all(|times| *times == 1) && relay.recorded().len() > 10);
}

#[tokio::test(start_paused = true)]
async fn killed_at_any_step_nothing_is_lost_and_nothing_is_there_twice() {
    let two: String = REPORTS.lines().take(2).flat_map(|line| [line, "\n"]).collect();
    for steps in 0..40 {
        let ((_folder, inbox), relay) = (folder(), Relay::at_work());
        lay(&inbox, "a.jsonl", &format!("broken\n{two}"));
        lay(&inbox, "b.xml", FAMILY);
        {
            let mut memory = Memory::default();
            let mut life = pin!(async {
                loop {
                    inbox.look(&relay, &mut memory).await;
                    tokio::task::yield_now().await;
                }
            });
            for _ in 0..steps {
                std::future::poll_fn(|context| {
                    let () = match life.as_mut().poll(context) {
                        Poll::Pending => (),
                        Poll::Ready(never) => never,
                    };
                    Poll::Ready(())
                })
                .await;
            }
        }
        let again = Inbox::open(inbox.folder.clone()).unwrap();
        assert_eq!(look_on(&again, &relay).await, None, "after {steps} steps");
        assert_eq!((lies(&again), again.aside.count()), (Vec::new(), 1), "after {steps} steps");
        assert_eq!(relay.recorded(), [1, 1, 1], "after {steps} steps");
    }
}

#[test]
fn an_inbox_that_others_can_look_into_is_refused_with_the_remedy() {
    use std::os::unix::fs::PermissionsExt as _;
    let (_folder, inbox) = folder();
    fs::set_permissions(&inbox.folder, fs::Permissions::from_mode(0o750)).unwrap();
    let said = Inbox::open(inbox.folder).unwrap_err().to_string();
    assert!(said.contains("chmod 700"), "{said}");
}

#[test]
fn a_file_without_bound_is_refused_before_it_is_read() {
    let (folder, _inbox) = folder();
    let path = folder.path().join("a.jsonl");
    fs::File::create(&path).unwrap().set_len(FILE_BYTES_MAX + 1).unwrap();
    assert_eq!(files::contents(&path).unwrap_err().kind(), io::ErrorKind::FileTooLarge);
}
