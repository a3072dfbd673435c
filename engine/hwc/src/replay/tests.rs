//! Lives that a plain replay does not have: returned and recalled, on the real broker, with nothing left of them either.

use std::{
    path::PathBuf,
    sync::atomic::{AtomicBool, Ordering},
};

use hwc_adapter_kit::door::Door;
use hwc_letterbox::Letterbox;

use hwc_schemas::{
    SignalId,
    letter::{Hop, Letter},
    outcome::Recalled,
    wire::{Answer, Binding, Command, Fetch, Fetched, Task},
};
use hwc_school::Reading;
use hwc_workflow::Fact;
use tokio::sync::mpsc;

use std::fs;

use super::{
    cast::{Secrets, private_folder},
    lives::Death,
    *,
};

mod brp;
#[path = "../../../../tests/it/canary.rs"]
mod canary;
#[path = "../../../../tests/it/collector.rs"]
mod collector;
mod counts;
mod kills;
mod wire;

/// Names and dates of the manual's cases that are unmistakable enough to search for.
const NEEDLES: [&str; 9] = [
    "Pieterse",
    "Visser",
    "Jansen",
    "Dekker",
    "Lotte",
    "2016-02-03",
    "2014-09-30",
    "2018-12-11",
    "2013-07-19",
];

/// Nothing that the run wrote holds a name: the broker's store, the keys, whatever else lies there.
fn nothing_is_written(ground: &Ground) {
    let files = canary::files_below(ground.folder());
    assert!(files.len() > 5, "there is nothing to search");
    for file in files {
        assert_eq!(canary::found_in(&fs::read(&file).unwrap(), &NEEDLES), None, "{}", file.display());
    }
}

fn handbook() -> Dataset {
    Dataset::read(&PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../simulations/handbook"))).unwrap()
}

fn options(watcher: Option<Arc<dyn Watcher>>) -> Options {
    Options { watcher, ..Options::new(None) }
}

/// Everybody enters, with another contact at the schools.
fn enter<C: Contact>(
    stage: &mut Stage,
    script: Script,
    contact: impl Fn(SchoolHours) -> Option<C>,
) -> Result<(), ReplayError> {
    let register = Kept::fixed(stage.take_register());
    stage.veilig_thuis_enters(register)?;
    stage.municipalities_enter()?;
    stage.schools_enter(contact)?;
    stage.police_enter(script)
}

/// A contact who does not know the child the first time.
struct Hesitates {
    hours: SchoolHours,
    once: AtomicBool,
}

impl Contact for Hesitates {
    fn opens_at(&self, arrived: Timestamp) -> Option<Timestamp> {
        self.hours.opens_at(arrived)
    }

    fn read(&self, _: &Letter) -> Reading {
        if self.once.swap(true, Ordering::SeqCst) { Reading::Received } else { Reading::NotOurPupil }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_returned_signal_is_routed_afresh_and_ends_as_what_follows() {
    let ground = Ground::prepare(None).unwrap();
    let (mut stage, script) = Stage::set(handbook(), &ground, &options(None)).await.unwrap();
    enter(&mut stage, script, |hours| Some(Hesitates { hours, once: AtomicBool::new(false) })).unwrap();
    let replayed = stage.play().await.unwrap();
    assert!(replayed.summary.is_clean(), "{}", replayed.summary);
    assert_eq!(replayed.summary.count.outcomes.get(&("acknowledged", None)), Some(&9));
    // Four schools returned one signal each before they took it.
    assert_eq!(replayed.summary.count.opened, 9 + 4);
    nothing_is_written(&ground);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_broker_that_dies_when_all_is_over_is_started_again_to_ask_what_is_left() {
    let ground = Ground::prepare(None).unwrap();
    let (mut stage, _nothing_is_sent) = Stage::set(handbook(), &ground, &options(None)).await.unwrap();
    // Once somebody was answered, all that the engine needs is there.
    assert!(stage.left().await.unwrap().is_nothing());
    stage.brokers.server(0).unwrap().kill().await.unwrap();
    assert!(stage.left().await.unwrap().is_nothing());
    assert!(stage.brokers.server(0).unwrap().is_running());
}

/// Calls a signal back the moment it reaches its school; the clock waits for it.
struct CallsBack {
    timeline: std::sync::OnceLock<Timeline>,
    delivered: mpsc::UnboundedSender<SignalId>,
}

const RECALLING: &str = "recalling";

impl Watcher for CallsBack {
    fn noted(&self, _: &Diarist, incident: IncidentId, events: &[Event]) {
        for event in events {
            let Fact::Delivered { number } = event.fact else { continue };
            let signal = SignalId { incident, number };
            if let Some(timeline) = self.timeline.get() {
                timeline.begin(&format!("{RECALLING} {signal}"));
                self.delivered.send(signal).unwrap();
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_recalled_signal_is_gone_from_its_school_at_once_and_leaves_nothing() {
    let ground = Ground::prepare(None).unwrap();
    let (delivered, mut deliveries) = mpsc::unbounded_channel();
    let watcher = Arc::new(CallsBack { timeline: std::sync::OnceLock::new(), delivered });
    let (mut stage, script) = Stage::set(handbook(), &ground, &options(Some(watcher.clone()))).await.unwrap();
    assert!(watcher.timeline.set(stage.timeline.clone()).is_ok());
    let station = stage.premises(&stage.cast.veilig_thuis).unwrap().open(&stage.brokers.client_url()).await;
    let timeline = stage.timeline.clone();
    let recalling = tokio::spawn(async move {
        while let Some(signal) = deliveries.recv().await {
            let answer =
                station.office().submit(&Command::Recall { signal, reason: Recalled::SentInError }).await;
            // A contact may have been quicker: a late signal is opened and acknowledged at once.
            assert!(!matches!(answer, Answer::TryLater));
            timeline.end(&format!("{RECALLING} {signal}"));
        }
    });
    enter(&mut stage, script, Some).unwrap();
    let replayed = stage.play().await.unwrap();
    recalling.abort();
    assert!(replayed.summary.is_clean(), "{}", replayed.summary);
    let recalled = replayed.summary.count.outcomes.get(&("recalled", Some("sent_in_error")));
    assert!(recalled.is_some_and(|count| *count >= 8), "{}", replayed.summary);
    nothing_is_written(&ground);
}

/// A school whose own program knows nothing but files and the seal's format.
struct OwnProgram {
    folder: PathBuf,
    key: Arc<hwc_vault::SealingKey>,
    directory: hwc_vault::Directory,
    school: Organisation,
    timeline: Timeline,
}

impl OwnProgram {
    /// Puts a wish into `out/` and waits for its answer.
    async fn ask<T: serde::de::DeserializeOwned>(&self, name: &str, wish: &impl serde::Serialize) -> T {
        let beside = self.folder.join(format!(".{name}"));
        fs::write(&beside, serde_json::to_vec(wish).unwrap()).unwrap();
        fs::rename(&beside, self.folder.join("out").join(name)).unwrap();
        let answer = self.folder.join("answers").join(name);
        while !answer.exists() {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        let read = serde_json::from_slice(&fs::read(&answer).unwrap()).unwrap();
        fs::remove_file(&answer).unwrap();
        read
    }

    async fn work(&self, received: &std::sync::atomic::AtomicUsize) {
        loop {
            for entry in fs::read_dir(self.folder.join("tasks")).unwrap() {
                let path = entry.unwrap().path();
                let name = path.file_name().unwrap().to_string_lossy().into_owned();
                if name.starts_with('.') {
                    continue;
                }
                let task: Task = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
                if let Task::Read { signal, round } = task {
                    let Fetched::Payload { from, sealed } =
                        self.ask(&name, &Fetch::Letter { signal, round }).await
                    else {
                        panic!("the letter is not given")
                    };
                    let binding = Binding {
                        incident: signal.incident,
                        number: Some(signal.number),
                        hop: Hop::Letter,
                        sender: from.clone(),
                        receiver: self.school.clone(),
                    };
                    let sender = self.directory.key_of(&from).unwrap();
                    let letter: Letter = hwc_vault::open_as(&self.key, sender, &binding, &sealed).unwrap();
                    assert!(!letter.child.surname.is_empty());
                    let command: Command<hwc_schemas::wire::Sealed> = Command::Acknowledge { signal, round };
                    let answer: Answer = self.ask(&name, &command).await;
                    assert_eq!(answer, Answer::Recorded);
                    received.fetch_add(1, Ordering::SeqCst);
                }
                fs::remove_file(&path).unwrap();
                self.timeline.end(&task.id());
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_school_takes_part_through_a_letterbox_with_a_program_of_its_own() {
    let ground = Ground::prepare(None).unwrap();
    let (mut stage, script) = Stage::set(handbook(), &ground, &options(None)).await.unwrap();
    let school: Organisation = "school-01AA00".parse().unwrap();
    let Secrets { credential, key } = stage.cast.secrets(&school).unwrap();
    let door = Door::connect(&stage.brokers.client_url(), &credential, school.clone()).await.unwrap();
    let folder = ground.folder().join("letterbox");
    private_folder(&folder).unwrap();
    let letterbox = Letterbox::open(door, &folder).unwrap();
    let carrying = tokio::spawn(letterbox.run());
    let (directory, timeline) = (stage.cast.directory.clone(), stage.timeline.clone());
    let program = OwnProgram { folder: folder.clone(), key, directory, school: school.clone(), timeline };
    let received = Arc::new(std::sync::atomic::AtomicUsize::new(0));
    let working = tokio::spawn({
        let received = Arc::clone(&received);
        async move { program.work(&received).await }
    });
    // A letter that cannot be read is set aside, and the others go on.
    fs::write(folder.join("out/garbage.json"), b"{\"command\":\"obey\"}").unwrap();

    enter(&mut stage, script, |hours| (hours.school != school).then_some(hours)).unwrap();
    let replayed = stage.play().await.unwrap();
    working.abort();
    carrying.abort();
    assert!(replayed.summary.is_clean(), "{}", replayed.summary);
    assert_eq!(received.load(Ordering::SeqCst), 3);
    assert!(
        folder.join("set-aside/garbage.json").exists()
            && folder.join("set-aside/garbage.json.reason").exists()
    );
    assert_eq!(fs::read_dir(folder.join("tasks")).unwrap().count(), 1, "only the mark is left");
}

/// The manual's cases, with the municipality of each address said by the police.
fn with_municipalities() -> Dataset {
    let folder = tempfile::tempdir().unwrap();
    let handbook = PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../simulations/handbook"));
    for entry in fs::read_dir(handbook).unwrap() {
        let entry = entry.unwrap();
        fs::copy(entry.path(), folder.path().join(entry.file_name())).unwrap();
    }
    let reports = folder.path().join("reports.jsonl");
    let mut said = String::new();
    for line in fs::read_to_string(&reports).unwrap().lines() {
        let mut report: serde_json::Value = serde_json::from_str(line).unwrap();
        let address = &mut report["incident"]["address"];
        let code = match address["postcode"].as_str().unwrap().get(..4) {
            Some("5142") => "0867",
            Some("5251") => "0797",
            _ => "0855",
        };
        address["municipality"] = code.into();
        said.extend([report.to_string(), "\n".to_owned()]);
    }
    fs::write(&reports, said).unwrap();
    Dataset::read(folder.path()).unwrap()
}

/// A look-up of households that is down until a moment.
struct DownUntil {
    register: Arc<Register>,
    timeline: Timeline,
    up_again: Timestamp,
}

impl hwc_veilig_thuis::Lookup for DownUntil {
    fn register(&self) -> Result<Arc<Register>, hwc_veilig_thuis::Unavailable> {
        if self.timeline.now() < self.up_again {
            return Err(hwc_veilig_thuis::Unavailable);
        }
        Ok(Arc::clone(&self.register))
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn r9_while_the_look_up_is_down_the_named_children_go_first_and_their_siblings_join_once() {
    let ground = Ground::prepare(None).unwrap();
    let undisturbed = run(with_municipalities(), &ground, &options(None)).await.unwrap();
    let ground = Ground::prepare(None).unwrap();
    let (mut stage, script) = Stage::set(with_municipalities(), &ground, &options(None)).await.unwrap();
    let lookup = DownUntil {
        register: Arc::new(stage.take_register()),
        timeline: stage.timeline.clone(),
        up_again: "2026-11-18T07:30:00+01:00".parse().unwrap(),
    };
    stage.veilig_thuis_enters(lookup).unwrap();
    stage.municipalities_enter().unwrap();
    stage.schools_enter(Some).unwrap();
    stage.police_enter(script).unwrap();
    let replayed = stage.play().await.unwrap();
    assert!(replayed.summary.is_clean(), "{}", replayed.summary);
    assert_eq!(replayed.summary.count.outcomes, undisturbed.summary.count.outcomes);
    let at = |replayed: &Replayed, name: &str| {
        let mut found = None;
        let invented = replayed.dataset.synthetic.unwrap();
        let zone = replayed.dataset.zone.as_time_zone();
        let done: Result<(), ()> = replayed.diarist.write(invented, zone, |line| {
            if line.report_id == "M-4.1" && line.child.first_name() == name {
                found.clone_from(&line.delivered_at);
            }
            Ok(())
        });
        done.unwrap();
        found.unwrap()
    };
    // The named child after half an hour, its sibling once the look-up is back, both before the first lesson.
    assert_eq!(at(&replayed, "David"), "2026-11-18T07:10:00+01:00");
    assert_eq!(at(&replayed, "Noor"), "2026-11-18T07:30:00+01:00");
}
