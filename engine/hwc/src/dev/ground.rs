//! What `hwc dev` stands on: a folder with everybody's keys, settings and logs, and the broker.
//!
//! ```text
//! dataset/     the region's tables and reports; by itself also melding.xml, a morning's first report as a police system gives it,
//!              and doubt.jsonl, a child whose name was heard wrong
//! operator/    the operator's desk
//! keys/NAME    what the operator handed over to each
//! settings/NAME.toml, state/NAME, logs/NAME.log
//! inbox/       the police's: move a file of reports into it
//! register/    each municipality's database of pupils and schools
//! mail/        what was mailed: one file each
//! desk/        who may come in at the municipality's desk
//! brp/         the mock of the BRP: the key by which it knows Veilig Thuis, and faults.toml, which may be changed at any time
//! broker/      the broker's store
//! dev.json     by how much the engines' clock is ahead
//! ```

use std::{
    fs::{self, File},
    io::Read as _,
    net::{Ipv4Addr, SocketAddr, TcpListener},
    path::{Path, PathBuf},
};

use hwc_broker::{Broker, Finder, Progress, Settings as BrokerSettings};
use hwc_operator::{Begin, Credentials, Member, Operator, OperatorError};
use hwc_schemas::{Organisation, Role};
use hwc_workflow::calendar::Zone;
use jiff::{SignedDuration, Timestamp, civil::time};
use serde::{Deserialize, Serialize};

use super::{
    Arguments,
    board::{self, Board},
    desk::DeskPage,
    drill,
    household::Process,
    mail::MailRoom,
    page::Page,
    registers,
    written::Settings,
};
use crate::{
    daemon::{StateError, StateFolder},
    dataset::{Dataset, DatasetError},
    demo,
    exit::{self, Code},
};

/// Why there is no region.
#[derive(Debug, thiserror::Error)]
pub(crate) enum DevError {
    /// The dataset.
    #[error(transparent)]
    Dataset(#[from] DatasetError),
    /// Its people are not declared to be invented.
    #[error("a region on one machine is for invented people only: region.toml must say synthetic = true")]
    NotSynthetic,
    /// It has no report to take a day from.
    #[error("the dataset has no report to take a day from; say --at YYYY-MM-DDTHH:MM")]
    NoDay,
    /// A drill would meet another morning.
    #[error("a drill begins with a region of its own: name a folder that is not there yet, or none")]
    NotNew,
    /// The folder.
    #[error(transparent)]
    State(#[from] StateError),
    /// A file in it.
    #[error("{path}: {problem}")]
    File {
        /// Which.
        path: PathBuf,
        /// What is wrong.
        problem: String,
    },
    /// The operator's desk.
    #[error(transparent)]
    Operator(#[from] OperatorError),
    /// The broker.
    #[error(transparent)]
    Broker(#[from] hwc_broker::BrokerError),
    /// The log.
    #[error(transparent)]
    Log(#[from] hwc_telemetry::LogError),
    /// A process that cannot be started.
    #[error("{name} cannot be started: {source}")]
    Start {
        /// Which.
        name: String,
        /// Why.
        source: std::io::Error,
    },
    /// A process that does not get to work.
    #[error("{name} is not at work; its log says why: {log}")]
    NotAtWork {
        /// Which.
        name: String,
        /// Where its log is.
        log: PathBuf,
    },
}

impl DevError {
    /// How the program ends because of it.
    pub(super) const fn code(&self) -> Code {
        match self {
            Self::Dataset(_) | Self::NoDay => Code::Settings,
            Self::NotSynthetic | Self::NotNew => Code::Refused,
            Self::Broker(_) => Code::Unreachable,
            _ => Code::Failed,
        }
    }
}

/// A report of the police to begin with, as their systems write it.
const MORNING: &[u8] = include_bytes!("../../../../simulations/handbook/melding.xml");
/// A report of a child whose name was heard wrong: a person must say who it is (R16).
const DOUBT: &[u8] = include_bytes!("../../../../simulations/handbook/doubt.jsonl");

/// What stands in a new `faults.toml`.
pub(super) const FAULTS: &str = "\
# What goes wrong at the mock of the BRP; it is read again when it changes. To break it, take the signs away:
# [[faults]]
# trouble = \"status\"   # or slow, hang, half, garbage, other_type, huge
# status = 503
";

/// The engines, one of which leads.
pub(super) const ENGINES: [&str; 2] = ["engine-one", "engine-two"];

/// The folder, held by this process.
pub(super) struct DevGround {
    folder: PathBuf,
    /// Removed with this value if nobody asked to keep it.
    _private: Option<tempfile::TempDir>,
    _held: StateFolder,
}

/// A region that stands: the broker, and who is to be started.
pub(super) struct Raised {
    pub(super) broker: Broker,
    pub(super) processes: Vec<Process>,
    pub(super) clock_ahead: SignedDuration,
    pub(super) zone: Zone,
    school: String,
    pages: String,
    clock: String,
    _mail: MailRoom,
}

/// What is remembered from one `hwc dev` to the next.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Remembered {
    clock_offset_seconds: i64,
}

impl DevGround {
    pub(super) fn prepare(arguments: &Arguments) -> Result<Self, DevError> {
        let private = match &arguments.state_dir {
            Some(_) => None,
            None => Some(tempfile::Builder::new().prefix("hwc-dev-").tempdir().map_err(|error| {
                DevError::File { path: std::env::temp_dir(), problem: error.to_string() }
            })?),
        };
        let folder = match (&arguments.state_dir, &private) {
            (Some(folder), _) => folder.clone(),
            (None, Some(private)) => private.path().to_owned(),
            (None, None) => PathBuf::from("."),
        };
        let folder = std::path::absolute(&folder).map_err(at(&folder))?;
        let held = StateFolder::hold(&folder)?;
        for own in ["keys", "settings", "state", "logs", "inbox", "mail", "register"] {
            private_folder(&folder.join(own))?;
        }
        Ok(Self { folder, _private: private, _held: held })
    }

    /// Where a process's log lies.
    pub(super) fn log(&self, name: &str) -> PathBuf {
        self.folder.join("logs").join(format!("{name}.log"))
    }

    /// A process's own folder.
    pub(super) fn state_of(&self, name: &str) -> PathBuf {
        self.folder.join("state").join(name)
    }

    /// A process's settings.
    pub(super) fn settings_of(&self, name: &str) -> PathBuf {
        self.folder.join("settings").join(format!("{name}.toml"))
    }

    /// The folder of all.
    pub(super) fn folder(&self) -> &Path {
        &self.folder
    }

    /// How long a process's log is.
    pub(super) fn logged(&self, name: &str) -> usize {
        fs::metadata(self.log(name)).map_or(0, |log| usize::try_from(log.len()).unwrap_or(usize::MAX))
    }

    /// Whether a process said in its log, behind so many bytes, that it is at work.
    pub(super) fn is_at_work(&self, name: &str, behind: usize) -> bool {
        let said = fs::read(self.log(name)).unwrap_or_default();
        let said = String::from_utf8_lossy(said.get(behind..).unwrap_or_default()).into_owned();
        ["at work", "leading", "standing by"].iter().any(|words| said.contains(words))
    }

    /// Everything but the processes.
    pub(super) async fn raise(&self, arguments: &Arguments) -> Result<Raised, DevError> {
        let tables = self.folder.join("dataset");
        if !tables.exists() {
            lay_dataset(arguments.dataset.as_deref(), &tables)?;
            if arguments.drill {
                drill::misplace(&tables)?;
            }
        } else if arguments.drill {
            return Err(DevError::NotNew);
        }
        let dataset = Dataset::read(&tables)?;
        if dataset.synthetic.is_none() {
            return Err(DevError::NotSynthetic);
        }
        for log in fs::read_dir(self.folder.join("logs")).into_iter().flatten().flatten() {
            if log.file_name() != "dev.log" {
                let _ = fs::remove_file(log.path());
            }
        }
        let offset = self.clock_offset(arguments, &dataset)?;
        let clock = Timestamp::now().saturating_add(offset).unwrap_or(Timestamp::MAX);
        let operator = self.operator(arguments, &dataset).await?;
        let broker = self.broker(arguments).await?;
        let everybody = organisations(&dataset)?;
        let region = Settings {
            ground: self,
            broker: format!("tls://localhost:{}", broker.port()),
            otlp: arguments.otlp.clone(),
            offset,
            named_go_first: arguments.drill,
            directory: operator.directory_file(),
            brp: self.brp()?,
            // In a drill every school has a program: its contacts' part is played by commands.
            page: if arguments.drill { None } else { Page::of(&self.folder, &everybody).await? },
            desk: DeskPage::of(&self.folder, &dataset, &everybody)?,
            // Nor is its clock set anew for each leap of a drill.
            board: if arguments.drill { None } else { Some(Board::of(&self.folder)?) },
            mail: MailRoom::open(self.folder.join("mail"), offset).await?,
        };
        let processes = region.write(&everybody)?;
        registers::fill(&self.folder.join("register"), &tables, &processes).await?;
        let page = region.page.as_ref().map(|page| page.what_to_try(&self.folder));
        let desk = region.desk.as_ref().map(|desk| desk.what_to_try(&self.folder));
        let board = region.board.as_ref().map(Board::what_to_try);
        let pages = [page, desk, board].into_iter().flatten().collect();
        let mail = region.mail;
        let school = dataset.receiving_schools().next().map(|code| code.to_string()).unwrap_or_default();
        let clock = dataset.zone.local(clock).strftime("%A %-d %B %Y, %H:%M").to_string();
        let zone = dataset.zone;
        Ok(Raised {
            clock_ahead: offset,
            zone,
            broker,
            processes,
            pages,
            school: format!("school-{school}"),
            clock,
            _mail: mail,
        })
    }

    /// By how much the engines' clock is ahead of the real one: as before, unless told otherwise.
    fn clock_offset(&self, arguments: &Arguments, dataset: &Dataset) -> Result<SignedDuration, DevError> {
        let path = self.folder.join("dev.json");
        let before = fs::read(&path).ok().and_then(|bytes| serde_json::from_slice::<Remembered>(&bytes).ok());
        if let (Some(before), None) = (before, arguments.at) {
            return Ok(SignedDuration::from_secs(before.clock_offset_seconds));
        }
        let local = if let Some(local) = arguments.at {
            local
        } else {
            let first = dataset.submissions.first().ok_or(DevError::NoDay)?;
            let begins = if arguments.drill { drill::BEGINS } else { time(7, 30, 0, 0) };
            dataset.zone.local(first.report.reported_at).date().to_datetime(begins)
        };
        let offset = dataset.zone.instant(local.date(), local.time()).duration_since(Timestamp::now());
        self.remember(SignedDuration::from_secs(offset.as_secs()))
    }

    fn remember(&self, offset: SignedDuration) -> Result<SignedDuration, DevError> {
        let remembered = Remembered { clock_offset_seconds: offset.as_secs() };
        write(&self.folder.join("dev.json"), &serde_json::to_string(&remembered).unwrap_or_default())?;
        Ok(offset)
    }

    /// The engines' next lives are so far ahead of the real time.
    pub(super) fn shift(&self, offset: SignedDuration) -> Result<(), DevError> {
        const SETTING: &str = "clock_offset_seconds = ";
        for engine in ENGINES {
            let path = self.settings_of(engine);
            let shifted = |line: &str| {
                if line.starts_with(SETTING) {
                    format!("{SETTING}{}\n", offset.as_secs())
                } else {
                    format!("{line}\n")
                }
            };
            let text = fs::read_to_string(&path).map_err(at(&path))?;
            write(&path, &text.lines().map(shifted).collect::<String>())?;
        }
        self.remember(offset).map(drop)
    }

    /// The operator's desk, at which everybody of the dataset is let in.
    async fn operator(&self, arguments: &Arguments, dataset: &Dataset) -> Result<Operator, DevError> {
        let folder = self.folder.join("operator");
        let mut operator = if folder.exists() {
            Operator::open(&folder)?
        } else {
            let begin = Begin {
                folder,
                broker_names: vec!["localhost".to_owned(), "127.0.0.1".to_owned()],
                pid_file: Some(self.folder.join("broker").join("broker.pid")),
                log_file: Some(self.folder.join("broker").join("broker.log")),
                program: match &arguments.nats_server {
                    Some(program) => Some(program.clone()),
                    None => {
                        Some(finder(arguments).find().await.map_err(hwc_broker::BrokerError::from)?.program)
                    }
                },
            };
            Operator::begin(&begin, Timestamp::now()).await?
        };
        for member in everybody(dataset)? {
            let keys = self.folder.join("keys").join(member.to_string());
            if keys.exists() {
                continue;
            }
            let turn = match operator.add(&member, Credentials::MadeHere, Timestamp::now()).await {
                // A former life was killed between letting in and handing over.
                Err(OperatorError::Known(_)) => {
                    operator.rotate(&member, Credentials::MadeHere, false, Timestamp::now()).await?
                }
                turn => turn?,
            };
            if let Some(handover) = turn.handover {
                let police = matches!(&member, Member::Organisation(one) if one.role() == Role::Police);
                if police {
                    reference_key(&handover.join("reference"))?;
                }
                fs::rename(&handover, &keys).map_err(at(&keys))?;
            }
        }
        Ok(operator)
    }

    /// Where the mock of the BRP will listen, with a key of its own; nothing goes wrong by itself.
    fn brp(&self) -> Result<SocketAddr, DevError> {
        let folder = self.folder.join("brp");
        private_folder(&folder)?;
        let key = folder.join("key");
        if !key.exists() {
            let made = zeroize::Zeroizing::new(format!("{}\n", uuid::Uuid::new_v4().simple()));
            hwc_vault::create(&key, made.as_bytes())
                .map_err(|error| DevError::File { path: key.clone(), problem: error.to_string() })?;
        }
        let faults = folder.join("faults.toml");
        if !faults.exists() {
            write(&faults, FAULTS)?;
        }
        free_port(&folder)
    }

    /// The broker reads what the operator's desk wrote, also when somebody is let in or put out while it runs.
    async fn broker(&self, arguments: &Arguments) -> Result<Broker, DevError> {
        let mut settings = BrokerSettings::in_folder(self.folder.join("broker"));
        "include \"../operator/broker/accounts.conf\"\n".clone_into(&mut settings.accounts);
        settings.secured = true;
        settings.server = finder(arguments);
        Ok(Broker::start(settings).await?)
    }
}

/// Finds the server as everywhere, and says so when it must be fetched.
fn finder(arguments: &Arguments) -> Finder {
    let finder = Finder::default().on_progress(|progress| {
        if matches!(progress, Progress::Fetching { .. } | Progress::Refused { .. }) {
            exit::say(&progress.to_string());
        }
    });
    match &arguments.nats_server {
        Some(program) => finder.given(program),
        None => finder,
    }
}

/// Everybody who takes part: the engines, the board, and the organisations of the dataset. The police come last: what they are handed over
/// then knows everybody, and their first file need not wait for news.
fn everybody(dataset: &Dataset) -> Result<Vec<Member>, DevError> {
    let engines = ENGINES.iter().chain([&board::NAME]).filter_map(|name| name.parse::<Member>().ok());
    let organisations = organisations(dataset)?.into_iter().rev().map(Member::Organisation);
    Ok(engines.chain(organisations).collect())
}

fn organisations(dataset: &Dataset) -> Result<Vec<Organisation>, DevError> {
    let named = |role, code: &str| {
        Organisation::new(role, code)
            .map_err(|error| DevError::File { path: "region.toml".into(), problem: error.to_string() })
    };
    let mut all = vec![named(Role::Police, "region")?, named(Role::VeiligThuis, "region")?];
    for code in &dataset.participating {
        all.push(named(Role::Municipality, code.as_str())?);
    }
    for code in dataset.receiving_schools() {
        all.push(named(Role::School, code.as_str())?);
    }
    Ok(all)
}

impl Raised {
    /// What to try next, with commands that work as they stand here.
    pub(super) fn what_to_try(&self, ground: &DevGround) -> String {
        let program = std::env::current_exe()
            .ok()
            .and_then(|path| path.to_str().map(str::to_owned))
            .unwrap_or_else(|| "hwc".to_owned());
        let folder = ground.folder.display();
        let settings = |name: &str| format!("--config {folder}/settings/{name}.toml");
        let own = ground.folder.join("dataset/melding.xml").exists();
        let report = if own { "melding.xml" } else { "reports.jsonl" };
        let pages = &self.pages;
        format!(
            "\n{} processes are at work; for the engines it is {}. Ctrl-C ends it all.\n\n\
             Try, in another terminal:\n\
             \x20 {program} police {} send {folder}/dataset/{report}\n\
             \x20 {program} school {} inbox\n\
             \x20 {program} school {} open CODE --show\n\
             \x20 {program} school {} acknowledge CODE\n\
             \x20 {program} operator --dir {folder}/operator show\n\
             \x20 pkill -9 -f settings/engine-one.toml        the other engine takes over\n\n{pages}\
             Everything lies in {folder}: logs/, settings/, keys/, inbox/ (the police's), mail/, register/, the broker's store.\n",
            self.processes.len(),
            self.clock,
            settings("police-region"),
            settings(&self.school),
            settings(&self.school),
            settings(&self.school),
        )
    }
}

/// Lays the dataset into the folder: the user's, or the manual's.
fn lay_dataset(from: Option<&Path>, to: &Path) -> Result<(), DevError> {
    let beside = to.with_extension("new");
    let _ = fs::remove_dir_all(&beside);
    private_folder(&beside)?;
    match from {
        None => {
            for (name, content) in
                demo::HANDBOOK.into_iter().chain([("melding.xml", MORNING), ("doubt.jsonl", DOUBT)])
            {
                fs::write(beside.join(name), content).map_err(at(&beside))?;
            }
        }
        Some(from) => {
            for entry in fs::read_dir(from).map_err(at(from))?.flatten() {
                if entry.file_type().is_ok_and(|kind| kind.is_file()) {
                    fs::copy(entry.path(), beside.join(entry.file_name())).map_err(at(&entry.path()))?;
                }
            }
        }
    }
    fs::rename(&beside, to).map_err(at(to))
}

/// The police's own secret, from which incident ids are derived.
fn reference_key(path: &Path) -> Result<(), DevError> {
    let mut bytes = zeroize::Zeroizing::new([0_u8; 32]);
    let mut chance = File::open("/dev/urandom").map_err(at(path))?;
    chance.read_exact(&mut *bytes).map_err(at(path))?;
    hwc_vault::create(path, &*bytes)
        .map_err(|error| DevError::File { path: path.into(), problem: error.to_string() })
}

pub(super) fn private_folder(path: &Path) -> Result<(), DevError> {
    use std::os::unix::fs::DirBuilderExt as _;
    fs::DirBuilder::new().recursive(true).mode(0o700).create(path).map_err(at(path))
}

/// A place on this machine where nobody listens.
pub(super) fn free_port(folder: &Path) -> Result<SocketAddr, DevError> {
    let free = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).and_then(|port| port.local_addr());
    free.map_err(at(folder))
}

pub(super) fn write(path: &Path, text: &str) -> Result<(), DevError> {
    fs::write(path, text).map_err(at(path))
}

pub(super) fn at(path: &Path) -> impl Fn(std::io::Error) -> DevError {
    let path = path.to_owned();
    move |error| DevError::File { path: path.clone(), problem: error.to_string() }
}
