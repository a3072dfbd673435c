//! The police: a process that takes files of reports from its inbox, and two commands that do the same with one file at once.

use std::{
    fs::File,
    io::Read as _,
    path::{Path, PathBuf},
    process::ExitCode,
    sync::Arc,
    time::Duration,
};

use hwc_adapter_kit::{Hours, Station, door::DoorError};
use hwc_jetstream::LinkError;
use hwc_police::{Inbox, NotSent, ReferenceKey, Sent, inbox::FILE_BYTES_MAX, read, send};
use hwc_schemas::{Organisation, Role, wire::Answer};
use serde::Deserialize;
use tokio::{
    sync::watch,
    time::{Instant, timeout},
};
use zeroize::Zeroizing;

use super::{Post, RoleError, ended, of_role, say_overdue, set_up_log};
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
  hwc police --config police.toml                        takes what is moved into the inbox
  hwc police send reports.jsonl --config police.toml     sends one file, and says what became of each line
  hwc police check reports.jsonl                         sends nothing; says which lines are broken";

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
    /// Sends a file of reports and prints for each line what became of it; nothing of its content.
    Send {
        /// The file, one report a line.
        file: PathBuf,
        /// How long the relay may take to answer, in seconds.
        #[arg(long, value_name = "SECONDS", default_value_t = 30)]
        within: u16,
    },
    /// Reads a file of reports and prints for each line whether it could be sent. Sends nothing, needs no settings.
    Check {
        /// The file, one report a line.
        file: PathBuf,
    },
}

/// The police's settings file.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct PoliceFile {
    relay: RelayTable,
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
    organisation: Organisation,
    /// To whom every report is sealed.
    veilig_thuis: Organisation,
    /// The folder that reports are moved into.
    inbox: PathBuf,
    /// The file in the folder of keys from which incident ids are derived: 32 random bytes. Whoever loses it cannot send the
    /// same report twice as the same incident; whoever has it can tell which reference an incident is.
    #[serde(default = "reference")]
    reference_key: PathBuf,
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
    }
}

/// What the police work with.
struct Desk {
    settings: Settings<PoliceFile>,
    member: Member,
    key: Arc<ReferenceKey>,
    veilig_thuis: Organisation,
}

impl Desk {
    fn read(common: &Common) -> Result<Self, RoleError> {
        let settings = Settings::<PoliceFile>::read(common)?;
        let table = &settings.file.police;
        let organisation = of_role(&settings, &table.organisation, Role::Police)?;
        let veilig_thuis = of_role(&settings, &table.veilig_thuis, Role::VeiligThuis)?;
        let member = Member::read(&settings.relay, organisation)?;
        let key = member::secret(&settings.relay.keys.join(&table.reference_key))?;
        Ok(Self { settings, member, key: Arc::new(ReferenceKey::new(key)), veilig_thuis })
    }
}

async fn serve(common: &Common) -> Result<Code, RoleError> {
    let Desk { settings, member, key, veilig_thuis } = Desk::read(common)?;
    set_up_log()?;
    let inbox = Inbox::open(settings.path(&settings.file.police.inbox))?;
    let Some(post) = Post::take(&settings.relay, &member).await? else { return Ok(Code::Fine) };
    let (complain, problem) = watch::channel(None);
    tracing::info!(organisation = %post.station.organisation(), "at work");
    tokio::select! {
        () = inbox.run(post.station.office().clone(), key, veilig_thuis, complain) => tracing::info!("stopped"),
        () = post.conditions.clone().follow(post.station.clone(), false, vec![("inbox", problem)]) => {}
        () = post.follower.run(post.station.door().clone()) => {}
        () = daemon::overdue(post.stop.clone(), post.drain_within) => say_overdue(),
    }
    post.station.office().telemetry().close(shown::CLOSE_WITHIN).await;
    Ok(Code::Fine)
}

async fn send_file(common: &Common, file: &Path, within: Duration) -> Result<Code, RoleError> {
    let Desk { member, key, veilig_thuis, .. } = Desk::read(common)?;
    let bytes = contents(file)?;
    let station = enter_within(&member, within).await?;
    let (submissions, broken) = read(&bytes);
    let mut not_sent: Vec<NotSent> = broken.into_iter().map(NotSent::from).collect();
    let mut lines: Vec<(usize, String)> = Vec::new();
    let mut code = Code::Fine;
    for submission in &submissions {
        let sending = timeout(within, send(station.office(), &key, &veilig_thuis, submission));
        let line = submission.line;
        match sending.await {
            Ok(Ok(Sent { answer: Answer::Recorded, .. })) => lines.push((line, "recorded".to_owned())),
            Ok(Ok(Sent { answer: Answer::AlreadyRecorded, .. })) => {
                lines.push((line, "already recorded".to_owned()));
            }
            Ok(Ok(Sent { answer: Answer::Refused { refusal }, .. })) => {
                let why = format!("(line): the relay refused it: {}", refusal.code());
                not_sent.push(NotSent { line, why });
            }
            Ok(Err(error)) => not_sent.push(NotSent { line, why: format!("(line): {error}") }),
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
    if code == Code::Fine && !not_sent.is_empty() {
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
    let bytes = contents(file)?;
    let (good, broken) = read(&bytes);
    let code = if broken.is_empty() { Code::Fine } else { Code::Failed };
    let mut lines: Vec<_> = good.iter().map(|one| (one.line, "good".to_owned())).collect();
    lines.extend(broken.into_iter().map(NotSent::from).map(|one| (one.line, format!("BROKEN  {}", one.why))));
    print_lines(lines);
    Ok(code)
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
