//! What the exam stands on: a folder, two brokers, an engine, and the rest of the world.
//!
//! ```text
//! FILE                 the settings and credentials of the adapter: what it connects with
//! FILE's name .d/      everything else; made anew at every exam
//!   keys/              what an operator hands over, and for the police a key for references
//!   tables/            region.toml, holidays.json, residents.csv, enrolments.csv, schools.csv: load them into your test system
//!   state/             for the adapter to keep what it must; searched for names at the end
//!   inbox/, reports/   for the police: where files may be moved into; the reports that are to be sent
//!   logs/              what the adapter said; searched at the end
//!   region/            the operator's desk, the brokers, the engine
//! ```
//!
//! The adapter sees one broker, as `hwc operator` sets it up: TLS, its own account, its six doors. Behind these doors stands the exam,
//! which passes everything on to an engine on a broker of its own.

use std::{
    fs::{self, DirBuilder, File},
    os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::Arc,
    time::{Duration, Instant},
};

use hwc_adapter_kit::{
    ANSWERS_WITHIN, Aims, KeyKeeper, Keyring, Nobody, Office, Station, WallClock,
    door::{Credential, Door},
    work,
};
use hwc_broker::{Broker, Finder, Settings as BrokerSettings};
use hwc_jetstream::{Address, Link, Porch, Settings as Streams, Tasks, TlsFiles, permissions};
use hwc_operator::{Begin, Credentials, Member, Operator};
use hwc_residue::Disguises;
use hwc_schemas::{Organisation, Role};
use hwc_vault::{Directory, SealingKeys};
use jiff::Timestamp;
use tokio::task::JoinSet;

use crate::{
    ExamError, Paper,
    people::{People, SCHOOLS as SCHOOLS_CSV},
    porter::Porter,
    rest::{Diary, MUNICIPALITY, POLICE, Player, SCHOOLS, VEILIG_THUIS},
    schema::Schemas,
    subject::{Places, Subject, text},
};

/// A Wednesday on which there is school, after the first lesson: what is routed is delivered at once.
const A_SCHOOL_DAY: &str = "2026-11-18T10:00:00+01:00";
/// The first line of what is the exam's own, and may be made anew.
const MARK: &str =
    "# Written by hwc exam; made anew at every exam. Invented people and throw-away keys only.";
/// What a folder of the exam's has in it.
const MARK_FILE: &str = "written-by-hwc-exam";
/// How long the engine may take until it leads.
const LEADS_WITHIN: Duration = Duration::from_mins(1);
/// One-time keys that each of the rest of the world leaves.
const KEYS_LEFT: usize = 16;

/// Everything that runs while an exam goes on. It is gone with this value.
pub(crate) struct Ground {
    pub(crate) organisation: Organisation,
    pub(crate) folder: PathBuf,
    pub(crate) places: Places,
    pub(crate) diary: Arc<Diary>,
    pub(crate) porter: Arc<Porter>,
    /// The exam's police, if the police are not under exam.
    pub(crate) police: Option<Office>,
    /// The exam's Veilig Thuis, if it is not under exam.
    pub(crate) veilig_thuis: Option<Office>,
    pub(crate) directory: Directory,
    pub(crate) front: Broker,
    _back: Broker,
    _engine: Engine,
    _at_work: JoinSet<()>,
}

/// A process of the engine's; killed when dropped.
struct Engine(Child);

impl Drop for Engine {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Who takes part.
fn everybody() -> Result<Vec<Organisation>, ExamError> {
    [POLICE, VEILIG_THUIS, MUNICIPALITY, SCHOOLS[0], SCHOOLS[1]]
        .iter()
        .map(|name| name.parse().map_err(|_| ExamError::Set(format!("{name} is no organisation"))))
        .collect()
}

/// The organisation under exam.
pub(crate) const fn examinee(role: Role) -> &'static str {
    match role {
        Role::Police => POLICE,
        Role::VeiligThuis => VEILIG_THUIS,
        Role::Municipality => MUNICIPALITY,
        Role::School => SCHOOLS[0],
    }
}

impl Ground {
    /// Makes all of it; the adapter does not run yet.
    pub(crate) async fn prepare(paper: &Paper) -> Result<Self, ExamError> {
        let organisation: Organisation = examinee(paper.role)
            .parse()
            .map_err(|_| ExamError::Set("the organisation under exam has no name".to_owned()))?;
        let folder = clear(&paper.credentials)?;
        let own = |name: &str| folder.join(name);
        for name in ["tables", "state", "inbox", "reports", "logs", "region"] {
            private(&own(name))?;
        }
        let people = People::invent(dice()?);
        let canaries = Disguises::new(&people.canaries()).map_err(ExamError::set)?;
        lay_tables(&own("tables"), &people)?;
        let region = own("region");
        let operator = desk(paper, &region).await?;
        let handed = |name: &str| region.join("operator/handover").join(name);
        let (front, back_settings) = (front(paper, &region).await?, back_settings(paper, &region));

        // The engine's side, where everybody has a credential of the exam's.
        let all = everybody()?;
        let engine = Credential::generate();
        let credentials: Vec<_> = all.iter().map(|one| (one.clone(), Credential::generate())).collect();
        let users: Vec<_> =
            credentials.iter().map(|(one, credential)| (one.clone(), credential.public())).collect();
        let accounts = permissions::accounts(&engine.public(), &users);
        let back = Broker::start(BrokerSettings { accounts, ..back_settings }).await?;
        let running = start_engine(paper, &region, (&engine, back.client_url()), &operator).await?;
        let directory =
            Directory::load(&operator.directory_file(), &operator.public_key()).map_err(ExamError::set)?;

        let only_school = (paper.role == Role::School).then_some(SCHOOLS[0]);
        let diary = Arc::new(Diary::new(people, only_school));
        let mut rest = Rest::default();
        for (one, credential) in &credentials {
            let door = Door::connect(back.client_url(), credential, one.clone()).await?;
            let door = door.with_answer_within(ANSWERS_WITHIN);
            if *one == organisation {
                rest.own_door = Some(door);
            } else {
                rest.enter(door, (&handed(&one.to_string()), &region), (&directory, &diary))?;
            }
        }

        // The adapter's side.
        let keys = own("keys");
        fs::rename(handed(&organisation.to_string()), &keys).map_err(ExamError::at(&keys))?;
        // Everybody who was let in later, too.
        let listed = keys.join("directory.json");
        fs::copy(operator.directory_file(), &listed).map_err(ExamError::at(&listed))?;
        if paper.role == Role::Police {
            let mut secret = [0; 32];
            getrandom::fill(&mut secret).map_err(ExamError::set)?;
            write_secret(&keys.join("reference"), &secret)?;
        }
        let broker = format!("tls://localhost:{}", front.port());
        let engines = handed("engine-one");
        let address = Address::secured(broker.clone(), TlsFiles::in_folder(&engines));
        let credential = Credential::read(&engines.join("nkey")).map_err(ExamError::set)?;
        let link = Link::connect(address, Some(&credential)).await.map_err(ExamError::set)?;
        let porch = Porch::open(&link).await?;
        let tasks = Tasks::open(&link, &Streams::development()).await.map_err(ExamError::set)?;
        tasks.admit(&organisation).await.map_err(ExamError::set)?;

        let places = places(paper, &folder, &broker, &organisation);
        write(&paper.credentials, &settings(&folder, &broker, &organisation))?;
        let subject = Subject::new(paper.adapter.as_deref().map(|text| places.fill(text)), own("logs"));
        let schemas =
            Schemas::committed().ok_or_else(|| ExamError::Set("the schemas cannot be read".to_owned()))?;
        let door = rest.own_door.ok_or_else(|| ExamError::Set("nobody is under exam".to_owned()))?;
        let porter = Porter::new(organisation.clone(), tasks, door, Arc::new(subject), (schemas, canaries));
        rest.at_work.spawn(Arc::clone(&porter).work(porch));
        Ok(Self {
            organisation,
            folder,
            places,
            diary,
            porter,
            police: rest.police,
            veilig_thuis: rest.veilig_thuis,
            directory,
            front,
            _back: back,
            _engine: running,
            _at_work: rest.at_work,
        })
    }
}

/// Everybody on the engine's side.
#[derive(Default)]
struct Rest {
    at_work: JoinSet<()>,
    police: Option<Office>,
    veilig_thuis: Option<Office>,
    /// The door of the organisation under exam.
    own_door: Option<Door>,
}

impl Rest {
    /// One of the rest of the world begins to work.
    fn enter(
        &mut self,
        door: Door,
        (handed, region): (&Path, &Path),
        (directory, diary): (&Directory, &Arc<Diary>),
    ) -> Result<(), ExamError> {
        let organisation = door.organisation().clone();
        let keys = SealingKeys::load(handed).map_err(ExamError::set)?;
        let mut ring = None;
        if organisation.role() != Role::Police {
            let own = Keyring::open(region.join(format!("keys-{organisation}"))).map_err(ExamError::set)?;
            let keeper = KeyKeeper::new(own.clone(), keys.clone(), Aims { one_time: KEYS_LEFT });
            let door = door.clone();
            self.at_work.spawn(async move { keeper.run(door).await });
            ring = Some(own);
        }
        let (clock, nobody) = (Arc::new(WallClock), Arc::new(Nobody));
        let station = Station::with_ring(door, (keys, ring), directory.clone(), clock, nobody);
        match organisation.role() {
            Role::Police => self.police = Some(station.office().clone()),
            Role::VeiligThuis => self.veilig_thuis = Some(station.office().clone()),
            Role::Municipality | Role::School => {}
        }
        let player = Arc::new(Player(Arc::clone(diary)));
        self.at_work.spawn(async move { while work(&station, Arc::clone(&player)).await.is_err() {} });
        Ok(())
    }
}

/// The operator's desk, at which everybody is let in.
async fn desk(paper: &Paper, region: &Path) -> Result<Operator, ExamError> {
    let program = match &paper.nats_server {
        Some(program) => program.clone(),
        None => finder(paper).find().await.map_err(hwc_broker::BrokerError::from)?.program,
    };
    let begin = Begin {
        folder: region.join("operator"),
        broker_names: vec!["localhost".to_owned(), "127.0.0.1".to_owned()],
        pid_file: Some(region.join("front/broker.pid")),
        log_file: Some(region.join("front/broker.log")),
        program: Some(program),
    };
    let now = Timestamp::now();
    let mut operator = Operator::begin(&begin, now).await?;
    let engine = "engine-one".parse().map_err(|_| ExamError::Set("the engine has no name".to_owned()))?;
    let organisations = everybody()?.into_iter().map(Member::Organisation);
    for member in [Member::Engine(engine)].into_iter().chain(organisations) {
        operator.add(&member, Credentials::MadeHere, now).await?;
    }
    Ok(operator)
}

fn finder(paper: &Paper) -> Finder {
    match &paper.nats_server {
        Some(program) => Finder::default().given(program),
        None => Finder::default(),
    }
}

/// The broker that the adapter sees.
async fn front(paper: &Paper, region: &Path) -> Result<Broker, ExamError> {
    let mut settings = BrokerSettings::in_folder(region.join("front"));
    "include \"../operator/broker/accounts.conf\"\n".clone_into(&mut settings.accounts);
    settings.secured = true;
    settings.server = finder(paper);
    Ok(Broker::start(settings).await?)
}

/// The broker that the engine works with.
fn back_settings(paper: &Paper, region: &Path) -> BrokerSettings {
    let mut settings = BrokerSettings::in_folder(region.join("back"));
    settings.server = finder(paper);
    settings
}

/// Starts the engine, and waits until it leads.
async fn start_engine(
    paper: &Paper,
    region: &Path,
    (credential, broker): (&Credential, &str),
    operator: &Operator,
) -> Result<Engine, ExamError> {
    let keys = region.join("engine-keys");
    private(&keys)?;
    credential.write(&keys.join("nkey")).map_err(ExamError::set)?;
    write_secret(&keys.join("operator.pub"), operator.public_key().to_string().as_bytes())?;
    let shift =
        A_SCHOOL_DAY.parse::<Timestamp>().map_or(0, |day| day.duration_since(Timestamp::now()).as_secs());
    let settings = region.join("engine.toml");
    write(
        &settings,
        &format!(
            "{MARK}\n[relay]\nbroker = {broker:?}\nkeys = \"engine-keys\"\nstate_dir = \"engine-state\"\n\n\
             [engine]\nname = \"one\"\nregion = \"../tables\"\ndirectory = {:?}\nreplicas = 1\nclock_offset_seconds = {shift}\n\n\
             [[engine.chains]]\npolice = {POLICE:?}\nveilig_thuis = {VEILIG_THUIS:?}\nmunicipalities = [{MUNICIPALITY:?}]\n",
            text(&operator.directory_file()),
        ),
    )?;
    let log = region.join("engine.log");
    let stderr = File::create(&log).map_err(ExamError::at(&log))?;
    let mut command = Command::new(&paper.engine);
    for (name, _) in std::env::vars_os() {
        // What was said to us is no setting of the engine's.
        if name.to_string_lossy().starts_with("HWC_") {
            command.env_remove(name);
        }
    }
    command.args(["engine", "--config"]).arg(&settings);
    let child = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(stderr).spawn();
    let mut engine = Engine(child.map_err(ExamError::at(&paper.engine))?);
    let since = Instant::now();
    while !fs::read_to_string(&log).unwrap_or_default().contains("leading") {
        let ended = matches!(engine.0.try_wait(), Ok(Some(_)) | Err(_));
        if ended || since.elapsed() > LEADS_WITHIN {
            return Err(ExamError::Set(format!("the engine does not lead; see {}", log.display())));
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    Ok(engine)
}

/// Makes the exam's folder, and removes the one of an earlier exam; anything else that is there is not touched.
fn clear(file: &Path) -> Result<PathBuf, ExamError> {
    let file = std::path::absolute(file).map_err(ExamError::at(file))?;
    let folder = file.with_extension("d");
    if file.exists() {
        let text = fs::read_to_string(&file).map_err(ExamError::at(&file))?;
        if !text.starts_with(MARK) {
            return Err(ExamError::NotOurs(file));
        }
        fs::remove_file(&file).map_err(ExamError::at(&file))?;
    }
    if folder.exists() {
        if !folder.join(MARK_FILE).exists() {
            return Err(ExamError::NotOurs(folder));
        }
        fs::remove_dir_all(&folder).map_err(ExamError::at(&folder))?;
    }
    private(&folder)?;
    write(&folder.join(MARK_FILE), MARK)?;
    Ok(folder)
}

fn lay_tables(folder: &Path, people: &People) -> Result<(), ExamError> {
    for (name, content) in [
        ("region.toml", include_str!("../../handbook/region.toml")),
        ("holidays.json", include_str!("../../handbook/holidays.json")),
        ("residents.csv", &people.residents()),
        ("enrolments.csv", &people.enrolments()),
        ("schools.csv", SCHOOLS_CSV),
    ] {
        write(&folder.join(name), content)?;
    }
    Ok(())
}

/// What the exam's commands may name.
fn places(paper: &Paper, folder: &Path, broker: &str, organisation: &Organisation) -> Places {
    let credentials = std::path::absolute(&paper.credentials).unwrap_or_else(|_| paper.credentials.clone());
    let own = |name: &str| text(&folder.join(name));
    Places::of([
        ("credentials", text(&credentials)),
        ("broker", broker.to_owned()),
        ("organisation", organisation.to_string()),
        ("veilig_thuis", VEILIG_THUIS.to_owned()),
        ("keys", own("keys")),
        ("state", own("state")),
        ("tables", own("tables")),
        ("inbox", own("inbox")),
        ("logs", own("logs")),
    ])
}

/// The adapter's settings, as those of `hwc` in a real region.
fn settings(folder: &Path, broker: &str, organisation: &Organisation) -> String {
    let own = |name: &str| text(&folder.join(name));
    let role = match organisation.role() {
        Role::Police => format!(
            "[police]\norganisation = \"{organisation}\"\nveilig_thuis = {VEILIG_THUIS:?}\ninbox = {:?}\n",
            own("inbox")
        ),
        Role::VeiligThuis => format!(
            "[veilig-thuis]\norganisation = \"{organisation}\"\nregion = {:?}\nresidents = {:?}\n",
            own("tables"),
            own("tables/residents.csv")
        ),
        Role::Municipality => format!(
            "[municipality]\norganisation = \"{organisation}\"\nregion = {:?}\nenrolments = {:?}\nschools = {:?}\n",
            own("tables"),
            own("tables/enrolments.csv"),
            own("tables/schools.csv")
        ),
        Role::School => format!("[school]\norganisation = \"{organisation}\"\n"),
    };
    let (keys, state) = (own("keys"), own("state"));
    format!("{MARK}\n[relay]\nbroker = {broker:?}\nkeys = {keys:?}\nstate_dir = {state:?}\n\n{role}")
}

/// Chance by the byte.
fn dice() -> Result<impl FnMut() -> u8, ExamError> {
    let mut bytes = vec![0; 4096];
    getrandom::fill(&mut bytes).map_err(ExamError::set)?;
    let mut bytes = bytes.into_iter().cycle();
    Ok(move || bytes.next().unwrap_or_default())
}

fn private(folder: &Path) -> Result<(), ExamError> {
    DirBuilder::new().recursive(true).mode(0o700).create(folder).map_err(ExamError::at(folder))
}

/// In one step: whoever waits for the file finds it whole.
fn write(path: &Path, text: &str) -> Result<(), ExamError> {
    let beside = path.with_extension("new");
    fs::write(&beside, text).and_then(|()| fs::rename(&beside, path)).map_err(ExamError::at(path))
}

fn write_secret(path: &Path, bytes: &[u8]) -> Result<(), ExamError> {
    use std::io::Write as _;
    let mut options = File::options();
    let mut file =
        options.write(true).create_new(true).mode(0o600).open(path).map_err(ExamError::at(path))?;
    file.write_all(bytes).map_err(ExamError::at(path))
}
