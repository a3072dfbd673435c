//! The municipality: a process that finds the school of each child, and what the person there does: decide what is in doubt
//! (R16), and call back.

mod said;

use std::{
    collections::BTreeSet,
    io::IsTerminal as _,
    path::{Path, PathBuf},
    process::ExitCode,
    sync::Arc,
    time::Duration,
};

use hwc_adapter_kit::{
    Kept, LOOK_EVERY, Office,
    counter::{Counter, CounterError, Said, ask},
    holdings::Enquiry,
};
use hwc_casework::routing::Enrolments;
use hwc_logbook::Acts;
use hwc_municipality::{
    AtTheCounter, AtTheDesk, CasesStanding, Desk, InTheLog, NoticePolicy, Notices, RegisterStanding,
    Registry, Reminders, Settings as DeskSettings, Tray, Why,
    counter::{Question, Reply, follow},
    enrolments, schools, watch_tray,
};
use hwc_post::PostTable;
use hwc_register::{Reader, Reading};
use hwc_schemas::{Organisation, Role, report::MunicipalityCode};
use hwc_workflow::calendar::Day;
use jiff::{Timestamp, civil::Time, tz::TimeZone};
use serde::Deserialize;
use tokio::{sync::watch, task::JoinHandle};

use super::{
    Database, Followed, Looked, Post, RoleError, breach,
    desk::DeskTable,
    ended, holdings,
    mailing::{ByMail, Mailer, Mailing, MunicipalityNotices, To},
    of_role,
    register::{self, RegisterTable},
    set_up_log, standing, state_folder, table,
    veilig_thuis::{Reason, TablesError, recalled},
    words::{self, Answered, How},
};
use crate::{
    cli::{self, Output},
    exit::Code,
    member::Member,
    outcome::tell,
    region::{self, Region},
    settings::{Common, HasRelay, RelayTable, Settings},
};

const EXAMPLES: &str = "\
Voorbeelden:
  hwc municipality --config gemeente.toml            het proces: laat het altijd draaien
  hwc municipality pending                           wat op een beslissing wacht
  hwc municipality pick 5b20e7 1                     het is de eerste leerling van de lijst
  hwc municipality withhold 5b20e7                   geen van hen, of niet te zeggen: niet doorsturen
  hwc municipality passed-on                         wat is doorgestuurd; noemt kind noch school
  hwc municipality recall 9c01d4 --reason wrong_school
  hwc municipality breach --what doubt               meldt een datalek, ook achteraf
  hwc municipality import --full leerlingen.csv --dry-run     wat een bestand zou veranderen
  hwc municipality import --delta mutaties.csv
  hwc municipality school leave 01AA00 --on 2026-12-01
  hwc municipality register status                   hoe oud de gegevens zijn
  hwc municipality holdings --ask                    wat hebt u over mijn kind?
Zonder --config wordt hwc.toml in deze map gelezen.";

/// Runs a municipality's process, or does what the person there asks.
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
    /// Toont wat op een beslissing wacht; op een scherm met de kinderen (what waits for a decision).
    Pending {
        /// Met de kinderen, ook als het niet naar een scherm gaat (with the children, even if not to a terminal).
        #[arg(long)]
        show: bool,
        /// Hoe het getoond wordt (how to print it).
        #[arg(short, long, value_enum, default_value_t = Output::Text)]
        output: Output,
    },
    /// Het is deze leerling (it is this pupil).
    Pick {
        /// De code uit de lijst (the case's code; it changes when the candidates do).
        case: String,
        /// Het nummer in de lijst, vanaf 1 (the candidate's number, from 1).
        number: usize,
        #[command(flatten)]
        how: How,
    },
    /// Geen van hen, of niet te zeggen: niet doorsturen (none of them, or nobody can tell: withhold it).
    Withhold {
        /// De code uit de lijst, of het hele kenmerk (the case's code, or the signal's id).
        case: String,
        /// Waarom (why).
        #[arg(long, value_enum, default_value_t)]
        reason: WhyWithheld,
        #[command(flatten)]
        how: How,
    },
    /// Toont wat sinds de start is doorgestuurd; noemt kind noch school (what was passed on since the start).
    PassedOn {
        /// Hoe het getoond wordt (how to print it).
        #[arg(short, long, value_enum, default_value_t = Output::Text)]
        output: Output,
    },
    /// Toont wat de relay nu voor uw gemeente bewaart, zonder namen; met --ask of er iets over één kind bij is (what is held).
    Holdings(holdings::Arguments),
    /// Roept een signaal terug, waar het ook is (calls a signal back, wherever it is).
    Recall {
        /// De code uit passed-on, of het hele kenmerk (the code, or the signal's id).
        signal: String,
        /// Waarom (why).
        #[arg(long, value_enum)]
        reason: Reason,
        #[command(flatten)]
        how: How,
    },
    /// Meldt een datalek, ook als het signaal al weg is; zonder namen (reports a breach, also after the end).
    Breach(breach::Arguments),
    /// Leest leerlingen of scholen in de database (fills the register from a file).
    Import(register::Import),
    /// Een school doet mee, gaat op in een andere, of doet niet meer mee (a school joins, merges or leaves).
    #[command(subcommand)]
    School(register::School),
    /// De database zelf (the register itself).
    #[command(subcommand)]
    Register(register::Itself),
}

/// Why a person withholds.
#[derive(Debug, Clone, Copy, Default, clap::ValueEnum)]
enum WhyWithheld {
    /// Niet te zeggen wie het is (nobody can tell which of them).
    #[default]
    #[value(name = "enrolment_ambiguous")]
    Ambiguous,
    /// Geen van hen: hier niet ingeschreven (none of them: not enrolled here).
    #[value(name = "enrolment_unknown")]
    Unknown,
    /// De inschrijving is geheim (the enrolment is secret).
    #[value(name = "enrolment_secret")]
    Secret,
}

impl From<WhyWithheld> for Why {
    fn from(why: WhyWithheld) -> Self {
        match why {
            WhyWithheld::Ambiguous => Self::EnrolmentAmbiguous,
            WhyWithheld::Unknown => Self::EnrolmentUnknown,
            WhyWithheld::Secret => Self::EnrolmentSecret,
        }
    }
}

/// A municipality's settings file.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct MunicipalityFile {
    relay: RelayTable,
    /// The municipality.
    municipality: MunicipalityTable,
    /// The register in a database, instead of the two tables.
    register: Option<RegisterTable>,
    /// The mail server; without it nobody is told by mail.
    post: Option<PostTable>,
    /// To whom mails go.
    notices: Option<MunicipalityNotices>,
    /// The page for the municipality's people, which another process shows.
    desk: Option<DeskTable>,
}

/// What `hwc doctor` looks at.
pub(super) fn looked(common: &Common) -> Result<Looked, RoleError> {
    let (settings, organisation, own) = settings(common)?;
    Region::read(&settings.path(&settings.file.municipality.region))?;
    let register = settings.file.register.as_ref().map(|table| {
        let stale_after_days = table.stale_after_days();
        table.place(&settings).map(|place| Database { place, own, stale_after_days })
    });
    let register = register.transpose()?;
    let offered = settings.file.desk.as_ref().map(|desk| desk.offered(&settings)).into_iter().collect();
    let hatch = settings.file.hatch(&settings);
    Ok(Looked {
        register,
        offered,
        hatch,
        ..Looked::of(&settings, organisation, settings.file.post.as_ref())
    })
}

impl HasRelay for MunicipalityFile {
    fn relay(&self) -> &RelayTable {
        &self.relay
    }
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct MunicipalityTable {
    /// Who we are.
    organisation: Organisation,
    /// The folder with region.toml, holidays.json and closed-days.csv.
    region: PathBuf,
    /// The register of pupils; read again when it changes. Rows of other municipalities are not kept (R16).
    enrolments: Option<PathBuf>,
    /// The directory of schools; read again when it changes.
    schools: Option<PathBuf>,
    /// When whoever decides is told again of cases that still wait, on school days; before lessons begin.
    remind_at: Option<String>,
    /// The socket at which the desk asks that runs as another user (`docs/desk.md`): in a folder whose group is the desk's.
    desk_socket: Option<PathBuf>,
}

/// Runs the command.
pub(crate) async fn run(arguments: Arguments) -> ExitCode {
    let Arguments { common, command } = arguments;
    ended(match command {
        None => Box::pin(serve(&common)).await,
        Some(Command::Import(import)) => register::import(&common, import).await,
        Some(Command::School(school)) => register::school(&common, school).await,
        Some(Command::Register(itself)) => register::itself(&common, itself).await,
        Some(command) => visit(&common, command).await,
    })
}

/// Where a municipality's tables lie, and what it reads them with.
#[derive(Clone)]
pub(super) struct Tables {
    own: MunicipalityCode,
    pub(super) enrolments: PathBuf,
    schools: PathBuf,
    region: BTreeSet<MunicipalityCode>,
    zone: TimeZone,
}

impl Tables {
    fn read(&self) -> Result<DeskSettings, TablesError> {
        let schools =
            schools(&table(&self.schools)?)?.into_iter().map(|row| (row.code, row.school)).collect();
        let rows = enrolments(&table(&self.enrolments)?)?.into_iter();
        let own = rows.filter(|row| row.municipality == self.own).map(|row| row.enrolment);
        let (region, zone) = (self.region.clone(), self.zone.clone());
        Ok(DeskSettings { enrolments: Enrolments::new(own.collect()), schools, region, zone })
    }
}

/// A municipality's settings, whose it is, and the code of its register.
pub(super) fn settings(
    common: &Common,
) -> Result<(Settings<MunicipalityFile>, Organisation, MunicipalityCode), RoleError> {
    let settings = Settings::<MunicipalityFile>::read(common)?;
    let organisation = of_role(&settings, &settings.file.municipality.organisation, Role::Municipality)?;
    let own = MunicipalityCode::parse(organisation.code()).map_err(|error| {
        settings.unusable(format!("[municipality] organisation: the code {}", error.problem))
    })?;
    Ok((settings, organisation, own))
}

impl MunicipalityFile {
    /// The register in a database, if there is one.
    pub(super) const fn register(&self) -> Option<&RegisterTable> {
        self.register.as_ref()
    }

    /// The socket for a desk of another user.
    pub(super) fn hatch(&self, settings: &Settings<Self>) -> Option<PathBuf> {
        self.municipality.desk_socket.as_ref().map(|path| settings.path(path))
    }

    /// The page for its people, for the process that shows it.
    pub(super) const fn take_desk(&mut self) -> Option<DeskTable> {
        self.desk.take()
    }

    /// The mail server.
    pub(super) const fn post(&self) -> Option<&PostTable> {
        self.post.as_ref()
    }
}

async fn serve(common: &Common) -> Result<Code, RoleError> {
    let (settings, organisation, own) = settings(common)?;
    let of = &settings.file.municipality;
    let region = Region::read(&settings.path(&of.region))?;
    let remind_at = remind_at(&settings, region.policy.school_start())?;
    let zone = region.zone.as_time_zone().clone();
    let member = Member::read(&settings.relay, organisation)?;
    let morning = Morning { policy: NoticePolicy { remind_at: vec![remind_at], zone: zone.clone() }, region };
    match (&settings.file.register, &of.enrolments, &of.schools) {
        (Some(table), None, None) => {
            let place = table.place(&settings)?;
            set_up_log()?;
            let municipalities = morning.region.municipalities.clone();
            let stale_after_days = table.stale_after_days();
            let reader = Reader::open(
                &place,
                Reading { own, region: municipalities, zone: zone.clone(), stale_after_days },
            )
            .await?;
            let (followed, imported_at) = (("register", reader.problem()), reader.imported_at());
            let state = settings.relay.state_dir.clone();
            let looking = standing::of_a_database(place, own, stale_after_days, state, zone);
            Box::pin(work(&settings, &member, reader, followed, Some(imported_at), morning, looking)).await
        }
        (None, Some(enrolments), Some(schools)) => {
            let tables = Tables {
                own,
                enrolments: settings.path(enrolments),
                schools: settings.path(schools),
                region: morning.region.municipalities.clone(),
                zone,
            };
            set_up_log()?;
            let files = vec![tables.enrolments.clone(), tables.schools.clone()];
            let paths = tables.clone();
            let kept = Kept::follow(files, LOOK_EVERY, move || tables.read()).await?;
            let followed = ("enrolments and schools", kept.problem());
            let looking = standing::of_files(&paths, kept.problem());
            Box::pin(work(&settings, &member, kept, followed, None, morning, looking)).await
        }
        _ => {
            let problem = "say either [register], or both enrolments and schools in [municipality]";
            Err(settings.unusable(problem).into())
        }
    }
}

/// What cases in doubt are called where they are counted.
const CALLED: &str = "doubtful cases";
/// How long a desk that was being served at the end may take to hear its answer.
const HEARD_OUT_WITHIN: Duration = Duration::from_secs(1);

/// When lessons begin, and on which days.
struct Morning {
    policy: NoticePolicy,
    region: Region,
}

/// The time of the second notice: before lessons begin, or nobody could do anything about it.
fn remind_at(settings: &Settings<MunicipalityFile>, school_start: Time) -> Result<Time, RoleError> {
    let written = settings.file.municipality.remind_at.as_deref().unwrap_or("08:00");
    let refuse = |problem: &str| settings.unusable(format!("[municipality] remind_at: {problem}"));
    let remind_at = region::time(written).ok_or_else(|| refuse("is not a time of day written HH:MM"))?;
    if remind_at < school_start {
        Ok(remind_at)
    } else {
        Err(refuse("lies after the beginning of lessons, when it is too late").into())
    }
}

/// Works until told to stop, with whatever register there is.
async fn work<R: Registry>(
    settings: &Settings<MunicipalityFile>,
    member: &Member,
    register: R,
    followed: Followed,
    imported_at: Option<watch::Receiver<Option<Timestamp>>>,
    morning: Morning,
    register_stands: watch::Receiver<RegisterStanding>,
) -> Result<Code, RoleError> {
    let to = settings.file.notices.as_ref().map(To::from);
    let mailer = Mailer::read(settings, settings.file.post.as_ref(), to)?;
    let Some(post) = Post::take(&settings.relay, member).await? else { return Ok(Code::Fine) };
    let tray = Tray::default();
    let office = post.station.office().clone();
    let reminders = Reminders::default();
    let mut told: Vec<Arc<dyn Notices>> = vec![Arc::new(InTheLog(CALLED)), Arc::new(reminders.clone())];
    if let (Some(mailer), Some(notices)) = (&mailer, &settings.file.notices) {
        told.push(Arc::new(ByMail::beside(mailer, notices)));
    }
    let counter = AtTheCounter::new(office.clone(), tray.clone(), reminders, register_stands);
    let at_the_hatch = match settings.file.hatch(settings) {
        Some(path) => Some(serve_desk(&path, counter.clone(), &office, Arc::clone(&post.acts)).await?),
        None => None,
    };
    tokio::spawn(follow(office.clone(), tray.clone()));
    let counter = Enquiry::new(counter, office, holdings::alike);
    let (standing, stands) = watch::channel(CasesStanding::default());
    let Morning { policy, region } = morning;
    let is_school_day = move |date| !matches!(region.calendar.day_of_the_region(date), Day::Closed(_));
    tokio::spawn(watch_tray(tray.clone(), told, policy, is_school_day, standing));
    let (tell, cases) = watch::channel(None);
    let telemetry = post.station.office().telemetry().clone();
    let telling = async move {
        let mut stands = stands;
        let mut imported_at = imported_at;
        loop {
            let now = *stands.borrow_and_update();
            telemetry.cases_waiting(now.waiting);
            tell.send_replace(now.problem(CALLED));
            if let Some(at) = imported_at.as_mut().and_then(|at| *at.borrow_and_update()) {
                telemetry.register_imported_at(at);
            }
            let imported = async {
                let again = match &mut imported_at {
                    Some(at) => at.changed().await.is_ok(),
                    None => false,
                };
                if !again {
                    std::future::pending::<()>().await;
                }
            };
            tokio::select! {
                changed = stands.changed() => if changed.is_err() { return },
                () = imported => {}
            }
        }
    };
    tokio::spawn(telling);
    let returned = mailer.as_ref().map(Mailer::returned);
    let clerk = Mailing::beside(Desk::new(register, tray), mailer);
    let followed = [followed, (CALLED, cases)].into_iter().chain(returned).collect();
    post.work(clerk, counter, followed).await?;
    if let Some(serving) = at_the_hatch {
        // Who was being served hears the end of it; what was decided is decided either way.
        let _ = tokio::time::timeout(HEARD_OUT_WITHIN, serving).await;
    }
    Ok(Code::Fine)
}

/// Opens the desk's own socket, and serves there until the office closes.
async fn serve_desk(
    path: &Path,
    counter: AtTheCounter,
    office: &Office,
    acts: Arc<Acts>,
) -> Result<JoinHandle<()>, CounterError> {
    let hatch = Counter::open_hatch(path).await?.noting(acts);
    let hours = office.hours().clone();
    let closing = async move { hours.closing().await };
    Ok(tokio::spawn(hatch.serve(Arc::new(AtTheDesk::of(counter)), closing)))
}

/// The person comes to the counter.
async fn visit(common: &Common, command: Command) -> Result<Code, RoleError> {
    let settings = Settings::<MunicipalityFile>::read(common)?;
    let (question, output) = match &command {
        Command::Breach(arguments) => {
            return Ok(breach::report(&settings, "municipality", *arguments).await);
        }
        Command::Pending { show, output } => {
            let on_a_screen = *output == Output::Text && std::io::stdout().is_terminal();
            (Question::Pending { show: *show || on_a_screen }, *output)
        }
        Command::Pick { case, number, how } => {
            (Question::Pick { case: case.clone(), number: *number }, how.output)
        }
        Command::Withhold { case, reason, how } => {
            (Question::Withhold { case: case.clone(), reason: (*reason).into() }, how.output)
        }
        Command::PassedOn { output } => (Question::PassedOn, *output),
        Command::Holdings(arguments) => {
            return Ok(holdings::visit(&state_folder(&settings), Role::Municipality, arguments).await);
        }
        Command::Recall { signal, reason, how } => {
            (Question::Recall { signal: signal.clone(), reason: (*reason).into() }, how.output)
        }
        // These ask a database, not the process.
        Command::Import(_) | Command::School(_) | Command::Register(_) => return Ok(Code::Refused),
    };
    let Said { reply, enclosed }: Said<Reply> = match ask(&state_folder(&settings), &question).await {
        Ok(said) => said,
        Err(error) => return Ok(words::not_answered(&error)),
    };
    let look = "hwc municipality pending";
    let answered = match (reply, command) {
        (Reply::Pending { cases, more }, _) => {
            return Ok(match output {
                Output::Json => said::pending_json(&cases, more, &enclosed),
                Output::Text => said::pending(&cases, more, &enclosed),
            });
        }
        (Reply::PassedOn { signals }, _) if output == Output::Json => {
            cli::print(&format!("{}\n", serde_json::json!({ "signals": signals })));
            return Ok(Code::Fine);
        }
        (Reply::PassedOn { signals }, _) => return Ok(said::passed_on(&signals)),
        (Reply::Decided { decided }, _) => said::decided(decided),
        (Reply::Recalled { signal, done }, _) => recalled(signal, done),
        (Reply::Unknown, Command::Recall { .. }) => words::unknown("hwc municipality passed-on"),
        (Reply::Unknown | Reply::NoLonger { .. }, _) => words::unknown(look),
        (Reply::Several, _) => words::several(),
        (Reply::NotShown, _) => Answered::no("not_shown", format!("Kijk eerst wie het kunnen zijn: {look}")),
        (Reply::NoSuchCandidate, _) => {
            let words = format!("Dat nummer staat niet in de lijst. Kijk nog eens: {look}");
            Answered::no("no_such_candidate", words)
        }
        (Reply::BeingDecided, _) => Answered::no("being_decided", "Hierover wordt op dit moment al beslist."),
        // Nobody asked for these here.
        (Reply::Opened { .. } | Reply::Reminders { .. } | Reply::Register { .. }, _) => {
            return Ok(words::strange());
        }
    };
    Ok(tell(output, &answered))
}
