//! Keys that die, through the real doors of a real engine: what was sealed to one opens for nobody after its end, and whatever
//! happens to a key on its way, no signal is lost.

use std::{
    collections::BTreeSet,
    fs::{self, Permissions},
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use hwc_adapter_kit::{Aims, Attempts, KeyKeeper, Keyring, Office, Station};
use hwc_journal::History;
use hwc_residue::Needles;
use hwc_schemas::{
    IncidentId, KeyId, SignalId,
    ask::{Ask, Told},
    key::KeyKind,
    letter::{Hop, Letter},
    wire::{Answer, Binding, Command, Fetch, Refusal, Sealed},
};
use hwc_vault::{SealingKey, marker, open, sealed_to};
use jiff::{SignedDuration, Timestamp};

use super::{
    refused,
    stage::{Cast, MUNICIPALITY, OTHER_SCHOOL, SCHOOL, Stage, child, incident, route, signal},
};

const MORNING: Timestamp = Timestamp::constant(1_795_075_200, 0);

const fn minutes(minutes: u64) -> Duration {
    Duration::from_mins(minutes)
}

fn days(days: i64) -> Timestamp {
    MORNING.checked_add(SignedDuration::from_hours(24 * days)).unwrap()
}

/// A school that has left keys, with whoever looks after them.
struct School {
    station: Station,
    ring: Keyring,
    folder: PathBuf,
    keys: Arc<SealingKey>,
    keeper: KeyKeeper,
    /// When it was last looked after.
    minute: u64,
}

impl School {
    async fn with(stage: &Stage, one_time: usize) -> Self {
        let folder = stage.private_folder("school").join("one-time-keys");
        let ring = Keyring::open(&folder).unwrap();
        let keys = stage.key_of(SCHOOL);
        let station = stage.station(SCHOOL, Some(ring.clone())).await;
        let keeper = KeyKeeper::new(ring.clone(), Arc::clone(&keys).into(), Aims { one_time });
        let mut school = Self { station, ring, folder, keys, keeper, minute: 0 };
        school.keeps(0, MORNING).await;
        school
    }

    /// Its process is started again.
    fn restarts(&mut self, one_time: usize) {
        self.ring = Keyring::open(&self.folder).unwrap();
        self.keeper = KeyKeeper::new(self.ring.clone(), Arc::clone(&self.keys).into(), Aims { one_time });
    }

    /// Looks after them at a minute of its process's life; in between nobody did.
    async fn keeps(&mut self, minute: u64, now: Timestamp) {
        self.minute = minute;
        self.keeper.keep(self.station.door(), (minutes(minute), now)).await.unwrap();
    }

    /// Looks after them every minute up to this one.
    async fn keeps_on_to(&mut self, minute: u64, now: Timestamp) {
        for next in self.minute + 1..=minute {
            self.keeps(next, now).await;
        }
    }

    fn has(&self) -> BTreeSet<KeyId> {
        self.ring.keys().unwrap().into_iter().map(|(key, _)| key).collect()
    }

    fn weekly(&self) -> Vec<KeyId> {
        let keys = self.ring.keys().unwrap();
        keys.iter().filter(|(_, kind)| !kind.is_for_one_seal()).map(|(key, _)| *key).collect()
    }

    async fn reads(&self, signal: SignalId) -> bool {
        let opened = self.station.office().open::<Letter>(&Fetch::Letter { signal, round: 1 }).await;
        opened.is_ok_and(|letter| letter.child == child("Noor"))
    }

    async fn acknowledges(&self, signal: SignalId) {
        let answer = self.station.office().submit(&Command::Acknowledge { signal, round: 1 }).await;
        assert_eq!(answer, Answer::Recorded);
    }
}

/// The letter about a child, as an adapter seals it.
async fn sealed(office: &Office, signal: SignalId) -> Sealed {
    let letter = Letter { child: child("Noor") };
    let bound = (signal.incident, Some(signal.number));
    office.seal(&letter, bound, &SCHOOL.parse().unwrap(), Attempts::default()).await.unwrap()
}

/// As an adapter does: sealed anew until no other seal has used the key.
async fn routes(office: &Office, signal: SignalId) -> Option<KeyId> {
    let mut attempts = Attempts::default();
    loop {
        let letter = Letter { child: child("Noor") };
        let bound = (signal.incident, Some(signal.number));
        let letter = office.seal(&letter, bound, &SCHOOL.parse().unwrap(), attempts).await.unwrap();
        let key = sealed_to(&letter).unwrap();
        let answer = office.submit(&route(signal, 1, SCHOOL, letter)).await;
        if !attempts.again(answer) {
            assert_eq!(answer, Answer::Recorded);
            return key;
        }
    }
}

/// The first child of each of so many incidents.
async fn referred(cast: &Cast, incidents: u64) -> Vec<SignalId> {
    for number in 1..=incidents {
        cast.refer(incident(number)).await;
    }
    (1..=incidents).map(|number| signal(incident(number), 0)).collect()
}

async fn end_of(stage: &Stage, cast: &Cast, incident: IncidentId) {
    let other = signal(incident, 1);
    assert_eq!(cast.municipality.says(&super::withhold(other, 1)).await, Answer::Recorded);
    while stage.history(incident).await != History::Ended {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let to = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy(&entry.path(), &to);
        } else if entry.file_type().unwrap().is_file() {
            fs::copy(entry.path(), to).unwrap();
        }
    }
}

/// Every seal of version 2 with this marker in the files below a folder.
fn seals_in(folder: &Path, marker: [u8; 16]) -> Vec<Sealed> {
    let found = Needles::new([marker.to_vec()]).unwrap().in_folder(folder).unwrap();
    let mut seals = Vec::new();
    for residue in found {
        let bytes = fs::read(&residue.file).unwrap();
        for place in (1..bytes.len() - 16).filter(|place| bytes[*place..].starts_with(&marker)) {
            if bytes[place - 1] == 2 && bytes.len() >= place - 1 + 2048 + 81 {
                seals.push(Sealed::new(bytes[place - 1..place - 1 + 2048 + 81].to_vec()));
            }
        }
    }
    seals
}

/// Whether any key in this copy of the school's folder, or its long-term key, opens any of these.
fn opens(
    keys: &Path,
    long_term: &SealingKey,
    sender: &SealingKey,
    signal: SignalId,
    seals: &[Sealed],
) -> bool {
    let binding = Binding {
        incident: signal.incident,
        number: Some(signal.number),
        hop: Hop::Letter,
        sender: MUNICIPALITY.parse().unwrap(),
        receiver: SCHOOL.parse().unwrap(),
    };
    let files = fs::read_dir(keys).unwrap().map(|file| SealingKey::load(&file.unwrap().path()));
    let keys: Vec<_> = files.filter_map(Result::ok).collect();
    assert!(!keys.is_empty(), "there are keys to try");
    let mut all = keys.iter().chain([long_term]);
    all.any(|key| seals.iter().any(|sealed| open(key, &sender.public_key(), &binding, sealed).is_ok()))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn after_its_end_a_copy_of_the_broker_from_before_opens_for_no_key_that_is_left() {
    let stage = Stage::set().await;
    let cast = Cast::enter(&stage).await;
    let mut school = School::with(&stage, 4).await;
    let municipality = stage.station(MUNICIPALITY, None).await;
    let one = referred(&cast, 1).await[0];
    let letter = sealed(municipality.office(), one).await;
    let (key, mark) = (sealed_to(&letter).unwrap().unwrap(), marker(&letter).unwrap());
    assert_eq!(municipality.office().submit(&route(one, 1, SCHOOL, letter)).await, Answer::Recorded);
    school.keeps(1, MORNING).await;
    assert!(school.reads(one).await);

    // Somebody copies both machines.
    let copies = stage.private_folder("copies");
    copy(&stage.broker_folder(), &copies.join("broker"));
    let folder = school.folder.clone();
    let own = |name: &str| {
        let to = copies.join(name);
        copy(&folder, &to);
        fs::set_permissions(&to, Permissions::from_mode(0o700)).unwrap();
        to
    };
    let (before, sender) = (own("keys-before"), stage.key_of(MUNICIPALITY));
    let seals = seals_in(&copies.join("broker"), mark);
    assert!(!seals.is_empty(), "the copy holds the ciphertext");
    assert!(opens(&before, &school.keys, &sender, one, &seals), "and as long as it lives its key opens it");

    // The key lives as long as the signal, whatever time passes.
    for minute in [30, 60, 90] {
        school.keeps_on_to(minute, days(1)).await;
        assert!(school.has().contains(&key));
    }
    school.acknowledges(one).await;
    end_of(&stage, &cast, one.incident).await;
    school.keeps(700, days(1)).await;
    assert!(school.has().contains(&key), "one answer is not enough");
    school.keeps(711, days(1)).await;
    assert!(school.has().contains(&key), "nor are two with nothing said in between");
    school.keeps_on_to(721, days(1)).await;
    assert!(!school.has().contains(&key));
    assert!(!opens(&own("keys-after"), &school.keys, &sender, one, &seals));
    assert_eq!(school.has().len(), 5, "the stock is full again, and the weekly key is there");
    stage.ends_clean().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn when_the_stock_runs_out_it_is_the_weekly_key_and_then_the_one_in_the_directory() {
    let stage = Stage::set().await;
    let cast = Cast::enter(&stage).await;
    let mut school = School::with(&stage, 2).await;
    let municipality = stage.station(MUNICIPALITY, None).await;
    let signals = referred(&cast, 6).await;
    let weekly = school.weekly()[0];
    let mut keys = Vec::new();
    for one in &signals[..4] {
        keys.push(routes(municipality.office(), *one).await);
    }
    assert!(keys[0] != keys[1] && keys[..2].iter().all(|key| key.is_some_and(|key| key != weekly)));
    assert_eq!(keys[2..], [Some(weekly); 2], "several are sealed to it");
    let withdrawn = Ask::WithdrawKeys { keys: vec![weekly] };
    assert_eq!(school.station.door().ask(&withdrawn).await.unwrap(), Told::Done);
    assert_eq!(routes(municipality.office(), signals[4]).await, None);
    // A weekly key that is too old by now is as good as none.
    school.keeps(1, days(-57)).await;
    for key in school.has() {
        let left = Ask::WithdrawKeys { keys: vec![key] };
        if !school.weekly().contains(&key) {
            school.station.door().ask(&left).await.unwrap();
        }
    }
    assert_eq!(routes(municipality.office(), signals[5]).await, None);
    for one in &signals {
        assert!(school.reads(*one).await);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_key_is_for_one_seal_and_for_its_owner_and_nothing_is_stored_for_a_second_one() {
    let stage = Stage::set().await;
    let cast = Cast::enter(&stage).await;
    let school = School::with(&stage, 1).await;
    let municipality = stage.station(MUNICIPALITY, None).await;
    let office = municipality.office();
    let signals = referred(&cast, 3).await;
    // Both were handed the same key.
    let (first, second) = (sealed(office, signals[0]).await, sealed(office, signals[1]).await);
    assert_eq!(sealed_to(&first), sealed_to(&second));
    let elsewhere = sealed(office, signals[2]).await;
    let stored = stage.store.holdings().await.unwrap().len();
    assert_eq!(
        office.submit(&route(signals[2], 1, OTHER_SCHOOL, elsewhere)).await,
        refused(Refusal::KeyUsed)
    );
    let recorded = route(signals[0], 1, SCHOOL, first);
    assert_eq!(office.submit(&recorded).await, Answer::Recorded);
    assert_eq!(office.submit(&recorded).await, Answer::AlreadyRecorded, "the same again is the same");
    assert_eq!(office.submit(&route(signals[1], 1, SCHOOL, second)).await, refused(Refusal::KeyUsed));
    assert_eq!(stage.store.holdings().await.unwrap().len(), stored + 1);
    // Sealed anew it arrives.
    assert_eq!(routes(office, signals[1]).await, Some(school.weekly()[0]));
    assert!(school.reads(signals[0]).await && school.reads(signals[1]).await);
    // Whoever seals to somebody else on this leg is told nothing.
    let asked = Ask::KeyOf { organisation: SCHOOL.parse().unwrap() };
    let told = cast.veilig_thuis.door.ask(&asked).await.unwrap();
    assert_eq!(told, Told::Refused { refusal: Refusal::NotYours });
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_receiver_that_was_away_for_two_weeks_opens_everything_and_catches_up() {
    let stage = Stage::set().await;
    let cast = Cast::enter(&stage).await;
    let mut school = School::with(&stage, 2).await;
    let municipality = stage.station(MUNICIPALITY, None).await;
    let signals = referred(&cast, 4).await;
    let mut used = BTreeSet::new();
    for one in &signals[..3] {
        used.extend(routes(municipality.office(), *one).await);
    }
    let weekly = school.weekly()[0];
    assert!(used.contains(&weekly));
    // Its clock is ahead by most of a day, too.
    let back = days(14).checked_add(SignedDuration::from_hours(20)).unwrap();
    school.restarts(2);
    school.keeps(0, back).await;
    school.keeps_on_to(11, back).await;
    assert!(school.has().is_superset(&used), "nothing that lives is destroyed");
    let new = school.weekly().into_iter().find(|key| *key != weekly);
    assert!(new.is_some(), "there is a key of the new week");
    for one in &signals[..3] {
        assert!(school.reads(*one).await);
        school.acknowledges(*one).await;
        end_of(&stage, &cast, one.incident).await;
    }
    assert!(routes(municipality.office(), signals[3]).await.is_some());
    // A weekly key is looked for anew only so often.
    tokio::time::sleep(Duration::from_secs(31)).await;
    school.keeps(20, back).await;
    school.keeps_on_to(31, back).await;
    assert!(school.has().is_disjoint(&used), "and everything that ended is");
    assert!(school.reads(signals[3]).await);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn with_many_senders_and_keys_that_change_all_the_time_no_signal_is_lost() {
    const INCIDENTS: u64 = 24;
    let stage = Stage::set().await;
    let cast = Cast::enter(&stage).await;
    let mut school = School::with(&stage, 2).await;
    let signals = referred(&cast, INCIDENTS).await;
    let mut senders = tokio::task::JoinSet::new();
    for some in signals.chunks(4) {
        let municipality = stage.station(MUNICIPALITY, None).await;
        let some = some.to_vec();
        senders.spawn(async move {
            let mut keys = Vec::new();
            for one in some {
                keys.extend(routes(municipality.office(), one).await);
            }
            keys
        });
    }
    let mut used = Vec::new();
    let mut turn = 0;
    while !senders.is_empty() {
        // Every time another week, by a clock that goes back and forth.
        turn += 1;
        school.keeps(turn, days(i64::try_from(8 * (turn % 5)).unwrap() - 16)).await;
        while let Some(sent) = senders.try_join_next() {
            used.extend(sent.unwrap());
        }
    }
    let kinds: std::collections::BTreeMap<_, _> = school.ring.keys().unwrap().into_iter().collect();
    let one_time: Vec<_> = used.iter().filter(|key| kinds.get(key) == Some(&KeyKind::OneTime)).collect();
    assert_eq!(one_time.iter().collect::<BTreeSet<_>>().len(), one_time.len(), "each for one seal");
    assert!(!one_time.is_empty());
    for one in &signals {
        assert!(school.reads(*one).await, "{one}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn killed_between_any_two_steps_of_a_key_nothing_is_lost_but_the_key() {
    let mut stage = Stage::set().await;
    let cast = Cast::enter(&stage).await;
    let mut school = School::with(&stage, 3).await;
    let municipality = stage.station(MUNICIPALITY, None).await;
    let signals = referred(&cast, 3).await;

    // The school dies after it made a key and before it left it: the key dies too, and its place is filled.
    let (never_left, _) = school.ring.make(KeyKind::OneTime).unwrap();
    school.restarts(3);
    school.keeps(0, MORNING).await;
    school.keeps_on_to(11, MORNING).await;
    assert!(!school.has().contains(&never_left));
    assert_eq!(school.has().len(), 4);

    // The engine dies between a letter's key and its record: it is sealed to another one.
    let letter = sealed(municipality.office(), signals[0]).await;
    let (key, command) = (sealed_to(&letter).unwrap().unwrap(), route(signals[0], 1, SCHOOL, letter));
    stage.take_a_key(&SCHOOL.parse().unwrap(), key).await;
    stage.kill_the_engine().await;
    assert_eq!(municipality.office().submit(&command).await, refused(Refusal::KeyUsed));
    let another = routes(municipality.office(), signals[0]).await.unwrap();
    assert_ne!(another, key);
    school.keeps(12, MORNING).await;
    school.keeps_on_to(23, MORNING).await;
    assert!(!school.has().contains(&key), "the one that was lost is destroyed");

    // The engine dies after it recorded a letter: the next one knows what it is sealed to without having seen it come.
    let living = routes(municipality.office(), signals[1]).await.unwrap();
    stage.kill_the_engine().await;
    school.keeps(30, MORNING).await;
    school.keeps_on_to(60, MORNING).await;
    assert!(school.has().is_superset(&[another, living].into()));
    assert!(school.reads(signals[0]).await && school.reads(signals[1]).await);

    // The school's folder is lost: whatever it left is withdrawn at once, and what is sealed from then on opens.
    fs::remove_dir_all(&school.folder).unwrap();
    school.restarts(3);
    school.station = stage.station(SCHOOL, Some(school.ring.clone())).await;
    school.keeps(0, MORNING).await;
    let new = routes(municipality.office(), signals[2]).await.unwrap();
    assert!(school.has().contains(&new));
    assert!(school.reads(signals[2]).await);
    assert!(!school.reads(signals[1]).await, "what was sealed before is lost with the folder");
}
