//! The police: a process that takes reports from its inbox and over HTTP, and two commands that do the same with one file at
//! once.

use std::{
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
use serde::Deserialize;
use tokio::{
    sync::watch,
    time::{Instant, timeout},
};
use zeroize::Zeroizing;

use super::{Looked, Post, RoleError, breach, ended, http::HttpTable, of_role, say_overdue, set_up_log};
use crate::{
    cli, daemon,
    exit::{self, Code},
    member::{self, Member},
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
    },
    /// Reads a file of reports and prints for each whether it could be sent. Sends nothing, needs no settings.
    Check {
        /// The file. The end of its name says its form: json, jsonl, csv or xml.
        file: PathBuf,
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
        Some(Command::Send { file, within }) => {
            ended(send_file(&common, &file, Duration::from_secs(within.into())).await)
        }
        Some(Command::Check { file }) => ended(check(&file)),
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
    let counter = Counter::open(post.state.path())?;
    let service = Reporting::beside(NothingElse, post.station.door().clone());
    let serving = counter.serve(Arc::new(service), post.station.office().hours().closing());
    let sending = inbox.run(desk.clone(), Troubles { in_the_way, set_aside });
    tracing::info!(organisation = %post.station.organisation(), "at work");
    let followed = vec![("inbox", problem), ("set-aside", aside)];
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

async fn send_file(common: &Common, file: &Path, within: Duration) -> Result<Code, RoleError> {
    let room = Room::read(common)?;
    let form = form(file)?;
    let bytes = contents(file)?;
    let station = enter_within(&room.member, within).await?;
    let desk = room.desk(&station);
    let (submissions, broken) = form.read(&bytes);
    let mut not_sent: Vec<NotSent> = broken.into_iter().map(NotSent::from).collect();
    let mut lines: Vec<(usize, String)> = Vec::new();
    let mut code = Code::Fine;
    for submission in submissions {
        let line = submission.line;
        match timeout(within, desk.send(&submission)).await {
            Ok(Ok(Sent { answer: Answer::Recorded, .. })) => recorded(&mut lines, submission, "recorded"),
            Ok(Ok(Sent { answer: Answer::AlreadyRecorded, .. })) => {
                recorded(&mut lines, submission, "already recorded");
            }
            Ok(Ok(Sent { answer: Answer::Refused { refusal }, .. })) => {
                let why = format!("(report): the relay refused it: {}", refusal.code());
                not_sent.extend(submission.lines().map(|line| NotSent { line, why: why.clone() }));
            }
            Ok(Err(error)) => not_sent.push(NotSent { line, why: format!("(report): {error}") }),
            Ok(Ok(Sent { answer: Answer::TryLater, .. })) | Err(_) => {
                let seconds = within.as_secs();
                exit::say(&format!(
                    "line {line} was not answered within {seconds} s; send the file again, which changes nothing for what \
                     was sent"
                ));
                code = Code::Unreachable;
                break;
            }
        }
    }
    if code == Code::Fine
        && (!not_sent.is_empty() || lines.iter().any(|(_, words)| words.starts_with(NOT_NAMED)))
    {
        code = Code::Failed;
    }
    lines.extend(not_sent.into_iter().map(|NotSent { line, why }| (line, format!("NOT SENT  {why}"))));
    print_lines(lines);
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

fn check(file: &Path) -> Result<Code, RoleError> {
    let form = form(file)?;
    let bytes = contents(file)?;
    let (good, broken) = form.read(&bytes);
    let mut lines = Vec::new();
    let whole = broken.is_empty() && good.iter().all(|one| one.not_named.is_empty());
    for one in good {
        let (named, others) = (one.report.mentions.len(), one.passed_over);
        let words = format!("good  children named: {named}, others passed over: {others}");
        recorded(&mut lines, one, &words);
    }
    lines.extend(broken.into_iter().map(NotSent::from).map(|one| (one.line, format!("BROKEN  {}", one.why))));
    print_lines(lines);
    Ok(if whole { Code::Fine } else { Code::Failed })
}

const NOT_NAMED: &str = "NOT NAMED";

/// What is said of a report that can be sent, and of each child in it that it cannot name.
fn recorded(lines: &mut Vec<(usize, String)>, submission: Submission, words: &str) {
    lines.push((submission.line, words.to_owned()));
    let not_named = submission.not_named.into_iter().map(NotSent::from);
    lines.extend(not_named.map(|one| (one.line, format!("{NOT_NAMED}  {}", one.why))));
}

/// The form of a file, by the end of its name.
fn form(file: &Path) -> Result<Form, RoleError> {
    let name = file.file_name().unwrap_or_default().to_string_lossy();
    Form::of_name(&name).ok_or_else(|| RoleError::NoForm(file.to_owned()))
}

fn print_lines(mut lines: Vec<(usize, String)>) {
    lines.sort();
    for (line, words) in lines {
        cli::print(&format!("line {line:<5} {words}\n"));
    }
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
