//! The counts that stay (R25, R26): each ended incident once, whatever dies; nothing else left of it; and the same as the diary says.

use std::collections::BTreeMap;

use hwc_counts::{Book, Ending, Month, Record, Roster, tally};
use hwc_jetstream::{Counts, Credential, permissions};
use hwc_journal::{Append, Commit, History, Journal as _, Position};
use hwc_residue::Needles;
use hwc_schemas::{PayloadId, SignalNumber, wire::Interval};
use hwc_telemetry::Spans;
use hwc_workflow::{Found, calendar::Zone};
use uuid::Uuid;

use hwc_jetstream::JetStreamJournal;

use super::{wire::Killer, *};
use crate::{
    counting::{Closing, Counting, end},
    engine,
    report::{ReportError, of as report_of},
    telling::Telling,
};

const INCIDENTS: u128 = 40;

fn incident(number: u128) -> IncidentId {
    IncidentId::from_uuid(Uuid::from_u128(0x5eed << 64 | number))
}

fn organisation(text: &str) -> Organisation {
    text.parse().unwrap()
}

/// To which of four schools an incident's child is sent.
fn school(number: u128) -> Organisation {
    organisation(&format!("school-0{}AA00", number % 4))
}

/// The whole log of an incident that ended.
fn ended(number: u128) -> Commit {
    let at: Timestamp = "2026-11-24T06:00:00Z".parse().unwrap();
    let (payload, first) = (PayloadId::from_uuid(Uuid::from_u128(number)), SignalNumber::FIRST);
    let referred = Found::Referred { municipality: organisation("municipality-0855"), referral: payload };
    let interval = Interval { seconds: 3_600, date_only: false };
    let facts = [
        Fact::Recorded {
            police: organisation("police-1"),
            veilig_thuis: organisation("veilig-thuis-1"),
            report: payload,
            trace: None,
        },
        Fact::Screened,
        Fact::Expanded { found: vec![referred], complete: true, interval },
        Fact::Routed { number: first, school: school(number), letter: payload },
        Fact::Delivered { number: first },
        Fact::Opened { number: first },
        Fact::Acknowledged { number: first },
        Fact::Purged { number: first },
        Fact::IncidentPurged,
    ];
    Commit { events: facts.map(|fact| Event { at, fact }).into(), stored: Vec::new() }
}

fn ending(number: u128) -> Ending {
    tally(&ended(number).events, &Zone::amsterdam().unwrap()).unwrap()
}

fn november() -> Month {
    "2026-11".parse().unwrap()
}

/// A broker, with nobody at it.
struct Place {
    broker: Broker,
    key: Credential,
    folder: tempfile::TempDir,
}

impl Place {
    async fn new() -> Self {
        let (folder, key) = (tempfile::tempdir().unwrap(), Credential::generate());
        let mut settings = BrokerSettings::in_folder(folder.path().join("broker"));
        settings.accounts = permissions::accounts(&key.public(), &[]);
        Self { broker: Broker::start(settings).await.unwrap(), key, folder }
    }

    async fn link(&self) -> Link {
        Link::connect(self.broker.client_url(), Some(&self.key)).await.unwrap()
    }

    /// Writes the logs of incidents that ended, and that nobody has forgotten yet.
    async fn begins_with(&self, incidents: u128) {
        let (_lease, ground) = lead(self.broker.client_url(), &self.key).await.unwrap();
        for number in 0..incidents {
            let appended = ground.journal.append(incident(number), Position::NONE, &ended(number)).await;
            assert!(matches!(appended.unwrap(), Append::Appended(_)));
        }
    }

    async fn book(&self) -> Book {
        let kept = Counts::read_only(&self.link().await).read().await.unwrap();
        Book::of(kept.records.values().map(|(_, bytes)| Record::decode(bytes).unwrap()))
    }

    /// Which of these the files of the counts hold.
    fn on_disk(&self, texts: &[Vec<u8>]) -> Vec<usize> {
        let mut folders = vec![self.folder.path().join("broker")];
        while let Some(folder) = folders.pop() {
            if folder.file_name().is_some_and(|name| name == "COUNTS") {
                let needles = Needles::new(texts.to_vec()).unwrap();
                let mut found: Vec<_> =
                    needles.in_folder(&folder).unwrap().into_iter().map(|one| one.needle).collect();
                found.dedup();
                return found;
            }
            let below = fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path());
            folders.extend(below.filter(|path| path.is_dir()));
        }
        panic!("the broker keeps no counts");
    }
}

type Below = engine::Ground<JetStreamJournal>;

async fn lead(url: &str, key: &Credential) -> Result<(hwc_jetstream::Lease, Below), EngineError> {
    let settings = Settings { lease_for: Duration::from_mins(10), ..Settings::development() };
    let link = Link::connect(url, Some(key)).await?;
    let lease = hwc_jetstream::Lease::stand_by(&link, &settings, "engine").await?;
    let ground = engine::ground(&lease, &settings).await?;
    Ok((lease, ground))
}

fn nothing_told() -> Telling {
    Telling::to(Spans::nowhere())
}

/// A life of an engine that ends this incident, if it is still there, and settles.
async fn ends(number: u128, url: String, key: Credential) {
    let Ok((_lease, ground)) = lead(&url, &key).await else { return };
    let counting = Counting::begin(ground.counts.clone(), ground.journal.clone()).unwrap();
    if let Ok(History::Live { position, .. }) = ground.journal.read(incident(number)).await {
        let (now, about) = (Timestamp::now(), incident(number));
        end(
            (&ground.journal, &counting),
            None,
            &nothing_told(),
            (about, position, &hwc_journal::Markers::default(), now),
        )
        .await;
    }
    counting.settle(None).await;
}

fn sent(record: &Record) -> BTreeMap<Organisation, u32> {
    record.sent().values().flatten().map(|(school, count)| (school.clone(), *count)).collect()
}

fn signals(record: &Record) -> u32 {
    record.ended().iter().map(|sums| sums.signals).sum()
}

/// What a month is closed by.
fn closing(now: &str, roster: Roster) -> Closing {
    Closing { now: now.parse().unwrap(), roster, kept_months: 120 }
}

#[tokio::test(flavor = "multi_thread")]
async fn forty_incidents_end_and_each_counts_once_though_the_engine_dies_between_every_two_steps() {
    let place = Place::new().await;
    place.begins_with(4 * INCIDENTS).await;
    let journal = JetStreamJournal::read_only(&place.link().await);
    // What a life says before it has anything to end; from there on it dies at every message in turn.
    let quiet = Killer::of_nobody();
    let (url, _death) = quiet.next(ENGINE, place.broker.client_url());
    drop(lead(&url, &place.key).await.unwrap());
    let ready = quiet.said()[ENGINE];
    let (mut number, mut at, mut deaths, mut sweeps) = (0, ready, 0, 0);
    while number < INCIDENTS || sweeps == 0 {
        at += 1;
        let killer = Killer::of(ENGINE, at);
        let (url, death) = killer.next(ENGINE, place.broker.client_url());
        tokio::select! {
            biased;
            () = death => deaths += 1,
            () = ends(number, url, place.key.clone()) => {}
        }
        if killer.deaths() == 0 {
            // It did not come so far: it has died at every step.
            (at, sweeps) = (ready, sweeps + 1);
        }
        number += u128::from(journal.read(incident(number)).await.unwrap() == History::Ended);
    }
    assert!(deaths >= 30, "{deaths} deaths");
    // Nothing is left to do for whoever comes last, but to find out what has its tombstone.
    ends(0, place.broker.client_url().to_owned(), place.key.clone()).await;
    let book = place.book().await;
    let record = book.month(november()).unwrap();
    assert_eq!(u128::from(signals(record)), number);
    let mut once = BTreeMap::new();
    (0..number).for_each(|number| *once.entry(school(number)).or_default() += 1);
    assert_eq!(sent(record), once);
    assert_eq!(book.counted().count(), 0, "an incident is named after its end");
    let ids: Vec<_> = (0..number).map(|number| incident(number).to_string().into_bytes()).collect();
    assert_eq!(place.on_disk(&ids), [0; 0], "the files of the counts name an incident after its end");
}

#[tokio::test(flavor = "multi_thread")]
async fn two_engines_that_both_think_they_lead_count_each_incident_once() {
    let place = Place::new().await;
    place.begins_with(1).await;
    let mut engines = Vec::new();
    for _ in 0..2 {
        // Neither has a lease: what keeps the counts right is the broker's guard alone.
        let (link, settings) = (place.link().await, Settings::development());
        let counts = Counts::open(&link, &settings).await.unwrap();
        engines.push(Counting::begin(counts, JetStreamJournal::read_only(&link)).unwrap());
    }
    let counting = engines.into_iter().map(|engine| async move {
        let mut refused = 0;
        for number in 0..INCIDENTS {
            while engine.count(incident(number), ending(number)).await.is_err() {
                refused += 1;
            }
        }
        refused
    });
    let refused: u32 = futures::future::join_all(counting).await.into_iter().sum();
    assert!(refused > 0, "they never met");
    let book = place.book().await;
    let record = book.month(november()).unwrap();
    assert_eq!(signals(record), u32::try_from(INCIDENTS).unwrap());
    assert_eq!(sent(record), (0..4).map(|number| (school(number), 10)).collect());
    assert_eq!(book.counted().count(), 40, "none of them has a tombstone");
}

#[tokio::test(flavor = "multi_thread")]
async fn of_a_former_revision_no_byte_is_left_not_even_of_one_that_a_crash_left() {
    let place = Place::new().await;
    let link = place.link().await;
    let counts = Counts::open(&link, &Settings::development()).await.unwrap();
    let counting = Counting::begin(counts.clone(), JetStreamJournal::read_only(&link)).unwrap();
    let mut revisions = Vec::new();
    let newest = async || counts.read().await.unwrap().records["2026-11"].clone();
    for number in 0..8 {
        counting.count(incident(number), ending(number)).await.unwrap();
        revisions.push(newest().await.1);
    }
    assert_eq!(place.on_disk(&revisions), [7], "only the newest is there");
    // A crash between the next revision and the erasure of this one.
    let (place_of_it, body) = newest().await;
    let mut record = Record::decode(&body).unwrap();
    let mut book = Book::of([record.clone()]);
    book.forget(|one| one == incident(0));
    record = book.month(november()).unwrap().clone();
    counts.put("2026-11", place_of_it, record.encode().unwrap()).await.unwrap();
    revisions.push(newest().await.1);
    assert_eq!(place.on_disk(&revisions), [7, 8]);
    // The next life finds it.
    let counting = Counting::begin(counts.clone(), JetStreamJournal::read_only(&link)).unwrap();
    counting.count(incident(9), ending(9)).await.unwrap();
    revisions.push(newest().await.1);
    assert_eq!(place.on_disk(&revisions), [9]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_closed_month_has_one_report_that_stays_as_it_is_and_an_open_one_has_none() {
    let place = Place::new().await;
    let link = place.link().await;
    let counts = Counts::open(&link, &Settings::development()).await.unwrap();
    // Nothing of these is in the journal: they are forgotten.
    let counting = Counting::begin(counts.clone(), JetStreamJournal::read_only(&link)).unwrap();
    for number in 0..INCIDENTS {
        counting.count(incident(number), ending(number)).await.unwrap();
    }
    let roster = Roster {
        municipalities: [organisation("municipality-0855")].into(),
        schools: (0..6).map(school).collect(),
    };
    counting.settle(Some(closing("2026-12-01T12:00", roster.clone()))).await;
    let refused = report_of(&counts, november()).await.unwrap_err();
    assert!(matches!(refused, ReportError::NotClosed(_)), "{refused}");
    let never = report_of(&counts, "2026-10".parse().unwrap()).await.unwrap_err();
    assert!(matches!(never, ReportError::NotKept(_)), "{never}");
    counting.settle(Some(closing("2026-12-02T00:00", roster))).await;
    let report = report_of(&counts, november()).await.unwrap();
    assert_eq!(report.to_json()["region"]["sent"], 40);
    let lot = counts.read().await.unwrap().records["2026-11"].clone();

    // One that ends late counts in December, also for whoever counts anew; and those who take part have changed.
    let again = Counting::begin(counts.clone(), JetStreamJournal::read_only(&link)).unwrap();
    again.count(incident(77), ending(77)).await.unwrap();
    again.settle(Some(closing("2026-12-20T00:00", Roster::default()))).await;
    assert_eq!(counts.read().await.unwrap().records["2026-11"], lot);
    assert_eq!(report_of(&counts, november()).await.unwrap(), report);
    assert_eq!(signals(place.book().await.month("2026-12".parse().unwrap()).unwrap()), 1);

    // When it is older than the policy says it is gone, and is told of as such.
    again.settle(Some(Closing { kept_months: 13, ..closing("2028-03-05T00:00", Roster::default()) })).await;
    let gone = report_of(&counts, november()).await.unwrap_err();
    assert!(matches!(gone, ReportError::NotKept(_)), "{gone}");
}

/// What the record of a run says, as it lies with the broker when everybody has gone home.
pub(super) async fn left_by(
    ground: &Ground,
    accounts: String,
    key: &Credential,
) -> BTreeMap<String, (BTreeMap<Organisation, BTreeMap<Organisation, u32>>, Vec<hwc_counts::Outcomes>)> {
    let mut settings = BrokerSettings::in_folder(ground.folder().join("broker"));
    settings.accounts = accounts;
    let broker = Broker::start(settings).await.unwrap();
    let link = Link::connect(broker.client_url(), Some(key)).await.unwrap();
    let kept = Counts::read_only(&link).read().await.unwrap();
    let book = Book::of(kept.records.values().map(|(_, bytes)| Record::decode(bytes).unwrap()));
    assert_eq!(book.counted().count(), 0, "an incident is named after its end");
    book.months().map(|one| (one.month().to_string(), (one.sent().clone(), one.ended().to_vec()))).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_counts_say_what_the_diary_of_the_manuals_cases_says() {
    let ground = Ground::prepare(None).unwrap();
    let (mut stage, script) = Stage::set(handbook(), &ground, &options(None)).await.unwrap();
    let (accounts, key) = (stage.cast.accounts(), stage.cast.engine.clone());
    enter(&mut stage, script, Some).unwrap();
    let replayed = stage.play().await.unwrap();
    let left = left_by(&ground, accounts, &key).await;

    let mut outcomes: BTreeMap<(&str, Option<&str>), usize> = BTreeMap::new();
    let (mut per_school, mut within) = (BTreeMap::<String, u32>::new(), [0_u32; 4]);
    for (sent, ended) in left.values() {
        for (school, count) in sent.values().flatten() {
            *per_school.entry(school.code().to_owned()).or_default() += count;
        }
        for sums in ended {
            *outcomes.entry(sums.outcome.words()).or_default() += usize::try_from(sums.signals).unwrap();
            for (sum, count) in within.iter_mut().zip(sums.within_hours()) {
                *sum += count;
            }
        }
    }
    assert_eq!(outcomes, replayed.summary.count.outcomes);

    let occurred: BTreeMap<_, _> =
        handbook().submissions.iter().map(|one| (one.report_id.clone(), one.report.occurred)).collect();
    let (mut said_per_school, mut said_within) = (BTreeMap::<String, u32>::new(), [0_u32; 4]);
    let zone = replayed.dataset.zone.as_time_zone();
    let written: Result<(), ()> = replayed.diarist.write(replayed.dataset.synthetic.unwrap(), zone, |line| {
        let (Some(school), Some(delivered_at)) = (line.school, &line.delivered_at) else { return Ok(()) };
        *said_per_school.entry(school.to_owned()).or_default() += 1;
        let from = match occurred[line.report_id] {
            hwc_schemas::report::Occurred::At(moment) => moment,
            hwc_schemas::report::Occurred::On(day) => day.to_zoned(zone.clone()).unwrap().timestamp(),
        };
        let hours = delivered_at.parse::<Timestamp>().unwrap().duration_since(from);
        let bounds = [24, 48, 72].map(jiff::SignedDuration::from_hours);
        said_within[bounds.iter().position(|bound| hours <= *bound).unwrap_or(3)] += 1;
        Ok(())
    });
    written.unwrap();
    assert!(said_within.iter().sum::<u32>() >= 9);
    assert_eq!((per_school, within), (said_per_school, said_within));
}
