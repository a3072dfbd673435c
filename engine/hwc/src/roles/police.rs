//! The police: a process that takes reports from its inbox and over HTTP, and two commands that do the same with one file at
//! once.

use std::{
    fmt::{self, Display, Formatter},
    fs::File,
    io::Read as _,
    path::{Path, PathBuf},
    process::ExitCode,
    sync::Arc,
    time::Duration,
};

use hwc_adapter_kit::{
    Hours, Station,
    counter::Counter,
    door::DoorError,
    reporting::{NothingElse, Reporting},
};
use hwc_http::Listening;
use hwc_jetstream::LinkError;
use hwc_police::{
    Desk, Form, Inbox, NotSent, ReferenceKey, Sent, Submission, Troubles, WayOut as _, inbox::FILE_BYTES_MAX,
};
use hwc_schemas::{Organisation, Role, wire::Answer};
use serde::{Deserialize, Serialize};
use tokio::{
    sync::watch,
    time::{Instant, timeout},
};
use zeroize::Zeroizing;

use super::{
    Looked, Post, RoleError, breach, ended, http::HttpTable, of_role, say_overdue, set_up_log, words::How,
};
use crate::{
    cli::Output,
    daemon,
    exit::Code,
    logging::Logging,
    member::{self, Member},
    outcome::{Outcome, tell},
    region::RegionError,
    settings::{Common, HasRelay, RelayTable, Settings},
    shown,
};

const EXAMPLES: &str = "\
Examples:
  hwc police --config police.toml                        takes what is moved into the inbox, or sent over HTTP
  hwc police send reports.jsonl --config police.toml     sends one file, and says what became of each report
  hwc police check family.xml                            sends nothing; says which reports are broken";

/// Runs the police's process, or sends one file.
#[derive(Debug, clap::Args)]
#[command(before_help = EXAMPLES)]
pub(crate) struct Arguments {
    #[command(flatten)]
    common: Common,
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    /// Sends a file of reports and prints for each what became of it; nothing of its content.
    Send {
        /// The file. The end of its name says its form: json, jsonl, csv or xml.
        file: PathBuf,
        /// How long the relay may take to answer, in seconds.
        #[arg(long, value_name = "SECONDS", default_value_t = 30)]
        within: u16,
        #[command(flatten)]
        how: How,
    },
    /// Reads a file of reports and prints for each whether it could be sent. Sends nothing, needs no settings.
    Check {
        /// The file. The end of its name says its form: json, jsonl, csv or xml.
        file: PathBuf,
        #[command(flatten)]
        how: How,
    },
    /// Meldt een datalek, ook als het signaal al weg is; zonder namen (reports a breach, also after the end).
    Breach(breach::Arguments),
}

/// The police's settings file.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct PoliceFile {
    relay: RelayTable,
    /// The police.
    police: PoliceTable,
}

impl HasRelay for PoliceFile {
    fn relay(&self) -> &RelayTable {
        &self.relay
    }
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct PoliceTable {
    /// Who we are.
    organisation: Organisation,
    /// To whom every report is sealed.
    veilig_thuis: Organisation,
    /// The folder that reports are moved into.
    inbox: PathBuf,
    /// The file in the folder of keys from which incident ids are derived: 32 random bytes. Whoever loses it cannot send the
    /// same report twice as the same incident; whoever has it can tell which reference an incident is.
    #[serde(default = "reference")]
    reference_key: PathBuf,
    /// Where reports are taken in over HTTP; nowhere when absent.
    http: Option<HttpTable>,
}

fn reference() -> PathBuf {
    "reference".into()
}

/// Runs the command.
pub(crate) async fn run(arguments: Arguments) -> ExitCode {
    let Arguments { common, command } = arguments;
    match command {
        None => ended(serve(&common).await),
        Some(Command::Send { file, within, how }) => {
            let within = Duration::from_secs(within.into());
            ended(send_file(&common, &file, within, how.output).await)
        }
        Some(Command::Check { file, how }) => ended(check(&file, how.output)),
        Some(Command::Breach(arguments)) => ended(report_breach(&common, arguments).await),
    }
}

/// What `hwc doctor` looks at.
pub(super) fn looked(common: &Common) -> Result<Looked, RoleError> {
    let settings = Settings::<PoliceFile>::read(common)?;
    let table = &settings.file.police;
    let organisation = of_role(&settings, &table.organisation, Role::Police)?;
    of_role(&settings, &table.veilig_thuis, Role::VeiligThuis)?;
    let inbox = Some(settings.path(&table.inbox));
    let offered = settings
        .file
        .police
        .http
        .as_ref()
        .map(|http| http.offered(&settings, "[http]"))
        .into_iter()
        .collect();
    Ok(Looked { inbox, offered, ..Looked::of(&settings, organisation, None) })
}

/// What the police work with.
struct Room {
    settings: Settings<PoliceFile>,
    member: Member,
    key: Arc<ReferenceKey>,
    veilig_thuis: Organisation,
}

impl Room {
    fn read(common: &Common) -> Result<Self, RoleError> {
        let settings = Settings::<PoliceFile>::read(common)?;
        let table = &settings.file.police;
        let organisation = of_role(&settings, &table.organisation, Role::Police)?;
        let veilig_thuis = of_role(&settings, &table.veilig_thuis, Role::VeiligThuis)?;
        let member = Member::read(&settings.relay, organisation)?;
        let key = member::secret(&settings.relay.keys.join(&table.reference_key))?;
        Ok(Self { settings, member, key: Arc::new(ReferenceKey::new(key)), veilig_thuis })
    }

    /// The desk of a police that is connected.
    fn desk(&self, station: &Station) -> Desk {
        Desk {
            office: station.office().clone(),
            door: station.door().clone(),
            key: Arc::clone(&self.key),
            veilig_thuis: self.veilig_thuis.clone(),
        }
    }

    /// Takes the place where reports come over HTTP, if there is to be one.
    async fn listen(&self) -> Result<Option<Listening>, RoleError> {
        let Some(table) = &self.settings.file.police.http else { return Ok(None) };
        let listening = table.listen(&self.settings, "[police.http]").await?;
        tracing::info!(address = %listening.address(), "reports are taken in over http");
        Ok(Some(listening))
    }
}

async fn serve(common: &Common) -> Result<Code, RoleError> {
    let room = Room::read(common)?;
    set_up_log()?;
    let inbox = Inbox::open(room.settings.path(&room.settings.file.police.inbox))?;
    let Some(post) = Post::take(&room.settings.relay, &room.member).await? else { return Ok(Code::Fine) };
    let listening = room.listen().await?;
    let desk = room.desk(&post.station);
    let ((in_the_way, problem), (set_aside, aside)) = (watch::channel(None), watch::channel(None));
    let taking_in = async {
        match listening {
            Some(listening) => {
                let desk = desk.clone();
                listening.serve(move |gate| hwc_police::http::service(desk, gate)).await;
            }
            None => std::future::pending().await,
        }
    };
    let counter = Counter::open(post.state.path())?.noting(Arc::clone(&post.acts));
    let service = Reporting::beside(NothingElse, post.station.door().clone());
    let serving = counter.serve(Arc::new(service), post.station.office().hours().closing());
    let sending = inbox.run(desk.clone(), Troubles { in_the_way, set_aside });
    tracing::info!(organisation = %post.station.organisation(), "at work");
    let followed = vec![("inbox", problem), ("set-aside", aside), ("processing log", post.logging.clone())];
    tokio::select! {
        _ = async { tokio::join!(sending, serving) } => tracing::info!("stopped"),
        () = taking_in => {}
        () = post.conditions.clone().follow(post.station.clone(), false, followed) => {}
        () = post.follower.run(post.station.door().clone()) => {}
        () = daemon::overdue(post.stop.clone(), post.drain_within) => say_overdue(),
    }
    post.station.office().telemetry().close(shown::CLOSE_WITHIN).await;
    Ok(Code::Fine)
}

async fn report_breach(common: &Common, arguments: breach::Arguments) -> Result<Code, RoleError> {
    let settings = Settings::<PoliceFile>::read(common)?;
    Ok(breach::report(&settings, "police", arguments).await)
}

async fn send_file(
    common: &Common,
    file: &Path,
    within: Duration,
    output: Output,
) -> Result<Code, RoleError> {
    let room = Room::read(common)?;
    let form = form(file)?;
    let bytes = contents(file)?;
    let logging = Logging::open(&room.settings.relay, room.member.organisation())?;
    let station = enter_within(&room.member, within).await?.logging(logging.logbook());
    let _tending = logging.tend(station.office());
    let desk = room.desk(&station);
    let (submissions, broken) = form.read(&bytes);
    let mut lines: Vec<Line> =
        broken.into_iter().map(NotSent::from).map(|one| Line::of(one, Became::not_sent)).collect();
    for submission in submissions {
        let line = submission.line;
        match timeout(within, desk.send(&submission)).await {
            Ok(Ok(Sent { answer: Answer::Recorded, .. })) => said(&mut lines, submission, Became::Recorded),
            Ok(Ok(Sent { answer: Answer::AlreadyRecorded, .. })) => {
                said(&mut lines, submission, Became::AlreadyRecorded);
            }
            Ok(Ok(Sent { answer: Answer::Refused { refusal }, .. })) => {
                let refusal = refusal.code();
                let why = format!("(report): the relay refused it: {refusal}");
                let became = || Became::NotSent { why: why.clone(), refusal: Some(refusal) };
                lines.extend(submission.lines().map(|line| Line { line, became: became() }));
            }
            Ok(Err(error)) => {
                lines.push(Line { line, became: Became::not_sent(format!("(report): {error}")) });
            }
            Ok(Ok(Sent { answer: Answer::TryLater, .. })) | Err(_) => {
                lines.push(Line { line, became: Became::NotAnswered { within_seconds: within.as_secs() } });
                break;
            }
        }
    }
    let code = told(lines, output);
    station.door().flush().await;
    Ok(code)
}

/// Connects, or says why not when the time is over.
async fn enter_within(member: &Member, within: Duration) -> Result<Station, RoleError> {
    let until = Instant::now() + within;
    let (follower, book) = member.open_book()?;
    loop {
        match member.try_enter(&book, Hours::always(), None).await {
            Ok(station) => {
                // Whoever joined since the keys were handed over.
                follower.look(station.door()).await;
                return Ok(station);
            }
            Err(error @ DoorError::Link(LinkError::Unreachable(_) | LinkError::Silent))
                if Instant::now() < until =>
            {
                tracing::debug!(%error, "not connected; trying again");
                tokio::time::sleep(Duration::from_millis(500)).await;
            }
            Err(error) => return Err(error.into()),
        }
    }
}

fn check(file: &Path, output: Output) -> Result<Code, RoleError> {
    let form = form(file)?;
    let bytes = contents(file)?;
    let (good, broken) = form.read(&bytes);
    let mut lines: Vec<Line> = broken
        .into_iter()
        .map(NotSent::from)
        .map(|one| Line::of(one, |why| Became::Broken { why }))
        .collect();
    for one in good {
        let (children_named, others_passed_over) = (one.report.mentions.len(), one.passed_over);
        said(&mut lines, one, Became::Good { children_named, others_passed_over });
    }
    Ok(told(lines, output))
}

/// One line of a file, and what became of the report in it. Nothing of its content.
#[derive(Serialize)]
struct Line {
    line: usize,
    #[serde(flatten)]
    became: Became,
}

/// What became of a report.
#[derive(Serialize)]
#[serde(tag = "outcome", rename_all = "snake_case")]
enum Became {
    Recorded,
    AlreadyRecorded,
    Good {
        children_named: usize,
        others_passed_over: usize,
    },
    Broken {
        why: String,
    },
    /// The report is good; this child in it cannot be named.
    NotNamed {
        why: String,
    },
    NotSent {
        why: String,
        #[serde(skip_serializing_if = "Option::is_none")]
        refusal: Option<&'static str>,
    },
    /// Nothing behind it was sent either.
    NotAnswered {
        within_seconds: u64,
    },
}

impl Became {
    const fn not_sent(why: String) -> Self {
        Self::NotSent { why, refusal: None }
    }

    const fn is_as_asked(&self) -> bool {
        matches!(self, Self::Recorded | Self::AlreadyRecorded | Self::Good { .. })
    }
}

impl Line {
    fn of(one: NotSent, became: impl Fn(String) -> Became) -> Self {
        Self { line: one.line, became: became(one.why) }
    }
}

impl Outcome for Line {
    /// Only that there was no answer stands on standard error too; the others are what was asked for, line by line.
    fn code(&self) -> Code {
        if matches!(self.became, Became::NotAnswered { .. }) { Code::Unreachable } else { Code::Fine }
    }
}

impl Display for Line {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let line = self.line;
        if let Became::NotAnswered { within_seconds } = self.became {
            return write!(
                f,
                "line {line} was not answered within {within_seconds} s; send the file again, which changes nothing for what \
                 was sent"
            );
        }
        write!(f, "line {line:<5} {}", self.became)
    }
}

impl Display for Became {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::Recorded => f.write_str("recorded"),
            Self::AlreadyRecorded => f.write_str("already recorded"),
            Self::Good { children_named, others_passed_over } => {
                write!(f, "good  children named: {children_named}, others passed over: {others_passed_over}")
            }
            Self::Broken { why } => write!(f, "BROKEN  {why}"),
            Self::NotNamed { why } => write!(f, "NOT NAMED  {why}"),
            Self::NotSent { why, .. } => write!(f, "NOT SENT  {why}"),
            Self::NotAnswered { within_seconds } => write!(f, "NOT ANSWERED  within {within_seconds} s"),
        }
    }
}

/// What is said of a report that can be sent, and of each child in it that it cannot name.
fn said(lines: &mut Vec<Line>, submission: Submission, became: Became) {
    lines.push(Line { line: submission.line, became });
    let not_named = submission.not_named.into_iter().map(NotSent::from);
    lines.extend(not_named.map(|one| Line::of(one, |why| Became::NotNamed { why })));
}

/// Tells them in the order of the file; how the program ends by them.
fn told(mut lines: Vec<Line>, output: Output) -> Code {
    lines.sort_by_cached_key(|one| (one.line, one.became.to_string()));
    let mut code = Code::Fine;
    for line in &lines {
        match tell(output, line) {
            Code::Fine if line.became.is_as_asked() || code != Code::Fine => {}
            Code::Fine => code = Code::Failed,
            other => code = other,
        }
    }
    code
}

/// The form of a file, by the end of its name.
fn form(file: &Path) -> Result<Form, RoleError> {
    let name = file.file_name().unwrap_or_default().to_string_lossy();
    Form::of_name(&name).ok_or_else(|| RoleError::NoForm(file.to_owned()))
}

fn contents(path: &Path) -> Result<Zeroizing<Vec<u8>>, RegionError> {
    let failed = |source| RegionError::File { path: path.into(), source };
    let file = File::open(path).map_err(failed)?;
    let length = file.metadata().map_err(failed)?.len();
    if length > FILE_BYTES_MAX {
        return Err(failed(std::io::ErrorKind::FileTooLarge.into()));
    }
    let mut bytes = Zeroizing::new(Vec::with_capacity(usize::try_from(length).unwrap_or_default() + 1));
    file.take(FILE_BYTES_MAX).read_to_end(&mut bytes).map_err(failed)?;
    Ok(bytes)
}
