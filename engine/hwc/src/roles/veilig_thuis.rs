//! Veilig Thuis: a process that screens, looks households up and refers; and what the person there does: look at a household
//! that is in doubt (R9), and call a signal back.

use std::{io::IsTerminal as _, path::PathBuf, process::ExitCode, sync::Arc};

use clap::ValueEnum;
use hwc_adapter_kit::{
    Kept, LOOK_EVERY,
    counter::{Said, ask},
    doubts::{CasesStanding, InTheLog, Notices, watch_tray},
    holdings::Enquiry,
    recall::Done,
    table::TableError,
};
use hwc_casework::home::Register;
use hwc_post::PostTable;
use hwc_schemas::{
    Organisation, Role, SignalId, letter::Plaintext, outcome::Recalled, person::Child, wire::Refusal,
};
use hwc_veilig_thuis::{
    AtTheCounter, Desk, Households, Settings as DeskSettings, Tray,
    counter::{Case, Choice, Decided, Question, Reply},
    reminders::{CALLED, policy},
    residents,
};
use hwc_workflow::calendar::Day;
use jiff::SignedDuration;
use serde::{Deserialize, Serialize};
use tokio::sync::watch;

use super::{
    Followed, Looked, Post, RoleError, breach,
    brp::BrpTable,
    ended, holdings,
    mailing::{ByMail, VeiligThuisNotices},
    of_role,
    reading::{self, Page, Plain},
    set_up_log, state_folder, table,
    words::{self, About, Answered, How},
};
use crate::{
    cli::Output,
    exit::Code,
    member::Member,
    outcome::tell,
    region::{Region, RegionError},
    settings::{Common, HasRelay, RelayTable, Settings},
};

const EXAMPLES: &str = "\
Voorbeelden:
  hwc veilig-thuis --config veilig-thuis.toml          het proces: laat het altijd draaien
  hwc veilig-thuis inbox                               de huishoudens die op een medewerker wachten
  hwc veilig-thuis confirm 5b20e7                      alle gevonden kinderen tellen mee
  hwc veilig-thuis confirm 5b20e7 --certain            alleen die over wie geen twijfel is
  hwc veilig-thuis confirm 5b20e7 --named-only         alleen wie de politie noemde
  hwc veilig-thuis again 5b20e7                        zoek het huishouden opnieuw op
  hwc veilig-thuis recall SIGNAAL --reason sent_in_error
  hwc veilig-thuis holdings --ask                      wat hebt u over mijn kind?
Zonder --config wordt hwc.toml in deze map gelezen.";

/// Runs Veilig Thuis's process, or does what the person there asks.
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
    /// Toont de huishoudens die op een medewerker wachten; op een scherm met de kinderen (which households wait).
    Inbox {
        /// Met de kinderen, ook als het niet naar een scherm gaat (with the children, even if not to a terminal).
        #[arg(long)]
        show: bool,
        /// Hoe het getoond wordt (how to print it).
        #[arg(short, long, value_enum, default_value_t = Output::Text)]
        output: Output,
    },
    /// Laat de gevonden kinderen meetellen (lets the children found count).
    Confirm {
        /// De code uit de lijst (the case's code; it changes when it is looked up again).
        case: String,
        /// Alleen die over wie geen twijfel is (only those about whom there is no doubt).
        #[arg(long, conflicts_with = "named_only")]
        certain: bool,
        /// Alleen wie de politie noemde (only those whom the police named).
        #[arg(long)]
        named_only: bool,
        #[command(flatten)]
        how: How,
    },
    /// Zoekt het huishouden opnieuw op (looks the household up once more).
    Again {
        /// De code uit de lijst (the case's code).
        case: String,
        #[command(flatten)]
        how: How,
    },
    /// Toont wat de relay nu voor u bewaart, zonder namen; met --ask of er iets over één kind bij is (what is held).
    Holdings(holdings::Arguments),
    /// Roept een signaal terug, waar het ook is (calls a signal back, wherever it is).
    Recall {
        /// Het signaal (the signal's id).
        signal: SignalId,
        /// Waarom (why).
        #[arg(long, value_enum)]
        reason: Reason,
        #[command(flatten)]
        how: How,
    },
    /// Meldt een datalek, ook als het signaal al weg is; zonder namen (reports a breach, also after the end).
    Breach(breach::Arguments),
}

/// Why a signal is called back, as the rules write it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
#[value(rename_all = "snake_case")]
pub(super) enum Reason {
    /// Het ging naar een school waar het kind niet zit (it went to a school that does not have the child).
    WrongSchool,
    /// Het had niet verstuurd mogen worden (it should not have been sent).
    SentInError,
}

impl From<Reason> for Recalled {
    fn from(reason: Reason) -> Self {
        match reason {
            Reason::WrongSchool => Self::WrongSchool,
            Reason::SentInError => Self::SentInError,
        }
    }
}

/// Veilig Thuis's settings file.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct VeiligThuisFile {
    relay: RelayTable,
    /// The Veilig Thuis.
    #[serde(rename = "veilig-thuis")]
    veilig_thuis: VeiligThuisTable,
    /// Households come from the BRP; without it, from a file.
    brp: Option<BrpTable>,
    /// The mail server; without it nobody is told by mail.
    post: Option<PostTable>,
    /// To whom mails go.
    notices: Option<VeiligThuisNotices>,
}

/// What `hwc doctor` looks at.
pub(super) fn looked(common: &Common) -> Result<Looked, RoleError> {
    let settings = Settings::<VeiligThuisFile>::read(common)?;
    let table = &settings.file.veilig_thuis;
    let organisation = of_role(&settings, &table.organisation, Role::VeiligThuis)?;
    Region::read(&settings.path(&table.region))?;
    Ok(Looked::of(&settings, organisation, settings.file.post.as_ref()))
}

impl HasRelay for VeiligThuisFile {
    fn relay(&self) -> &RelayTable {
        &self.relay
    }
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct VeiligThuisTable {
    /// Who we are.
    organisation: Organisation,
    /// The folder with region.toml, holidays.json and closed-days.csv.
    region: PathBuf,
    /// Who is registered where; read again when it changes. Not with `[brp]`.
    residents: Option<PathBuf>,
    /// How long the look-up may be down before the named children go first (R9).
    #[serde(default = "thirty")]
    look_up_patience_minutes: u16,
    /// Whether a person looks at every household that adds a child.
    #[serde(default)]
    confirm_expansion: bool,
}

const fn thirty() -> u16 {
    30
}

/// A table that cannot be used.
#[derive(Debug, thiserror::Error)]
pub(super) enum TablesError {
    /// It cannot be read.
    #[error(transparent)]
    File(#[from] RegionError),
    /// A row of it.
    #[error(transparent)]
    Row(#[from] TableError),
}

impl From<TablesError> for RoleError {
    fn from(error: TablesError) -> Self {
        match error {
            TablesError::File(error) => Self::Region(error),
            TablesError::Row(error) => Self::Table(error),
        }
    }
}

/// Runs the command.
pub(crate) async fn run(arguments: Arguments) -> ExitCode {
    let Arguments { common, command } = arguments;
    ended(match command {
        None => Box::pin(serve(&common)).await,
        Some(command) => visit(&common, command).await,
    })
}

async fn serve(common: &Common) -> Result<Code, RoleError> {
    let settings = Settings::<VeiligThuisFile>::read(common)?;
    let of = &settings.file.veilig_thuis;
    let organisation = of_role(&settings, &of.organisation, Role::VeiligThuis)?;
    let region = Region::read(&settings.path(&of.region))?;
    let member = Member::read(&settings.relay, organisation)?;
    set_up_log()?;
    let desk = DeskSettings {
        participating: region.participating.clone(),
        zone: region.zone.as_time_zone().clone(),
        look_up_patience: SignedDuration::from_mins(of.look_up_patience_minutes.into()),
    };
    let tray = Tray::new(of.confirm_expansion);
    match (&of.residents, &settings.file.brp) {
        (Some(path), None) => {
            let path = settings.path(path);
            let read = {
                let path = path.clone();
                move || Ok::<_, TablesError>(Register::new(residents(&table(&path)?)?))
            };
            let register = Kept::follow(vec![path], LOOK_EVERY, read).await?;
            let followed = vec![("residents", register.problem())];
            Box::pin(work(&settings, &member, region, Desk::new(desk, register), tray, followed)).await
        }
        (None, Some(brp)) => {
            let (brp, followed) = brp.open(&settings, &region).await?;
            Box::pin(work(&settings, &member, region, Desk::new(desk, brp), tray, followed)).await
        }
        (None, None) | (Some(_), Some(_)) => Err(settings
            .unusable("say where households are looked up: either residents in [veilig-thuis], or [brp]")
            .into()),
    }
}

async fn work<H: Households>(
    settings: &Settings<VeiligThuisFile>,
    member: &Member,
    region: Region,
    desk: Desk<H>,
    tray: Tray,
    mut followed: Vec<Followed>,
) -> Result<Code, RoleError> {
    let by_mail =
        ByMail::of_households(settings, settings.file.post.as_ref(), settings.file.notices.as_ref())?;
    let Some(post) = Post::take(&settings.relay, member).await? else { return Ok(Code::Fine) };
    let office = post.station.office().clone();
    let counter = AtTheCounter::new(office.clone(), tray.clone());
    let counter = Enquiry::new(counter, office.clone(), holdings::alike);
    let mut told: Vec<Arc<dyn Notices>> = vec![Arc::new(InTheLog(CALLED))];
    followed.extend(by_mail.as_ref().map(ByMail::returned));
    told.extend(by_mail.map(|by_mail| Arc::new(by_mail) as Arc<dyn Notices>));
    let is_school_day = move |date| !matches!(region.calendar.day_of_the_region(date), Day::Closed(_));
    let (standing, mut stands) = watch::channel(CasesStanding::default());
    tokio::spawn(watch_tray(tray.clone(), told, policy(desk.zone().clone()), is_school_day, standing));
    let (tell, households) = watch::channel(None);
    followed.push((CALLED, households));
    let telemetry = office.telemetry().clone();
    tokio::spawn(async move {
        loop {
            let now = *stands.borrow_and_update();
            telemetry.households_waiting(now.waiting);
            tell.send_replace(now.problem(CALLED));
            if stands.changed().await.is_err() {
                return;
            }
        }
    });
    post.work(desk.with_person(tray), counter, followed).await?;
    Ok(Code::Fine)
}

/// The person comes to the counter.
async fn visit(common: &Common, command: Command) -> Result<Code, RoleError> {
    let settings = Settings::<VeiligThuisFile>::read(common)?;
    let (question, output) = match &command {
        Command::Breach(arguments) => {
            return Ok(breach::report(&settings, "veilig-thuis", *arguments).await);
        }
        Command::Inbox { show, output } => {
            let on_a_screen = *output == Output::Text && std::io::stdout().is_terminal();
            (Question::Inbox { show: *show || on_a_screen }, *output)
        }
        Command::Confirm { case, certain, named_only, how } => {
            let decision = match (certain, named_only) {
                (true, _) => Choice::Certain,
                (_, true) => Choice::NamedOnly,
                _ => Choice::Everybody,
            };
            (Question::Decide { case: case.clone(), decision }, how.output)
        }
        Command::Again { case, how } => {
            (Question::Decide { case: case.clone(), decision: Choice::LookAgain }, how.output)
        }
        Command::Recall { signal, reason, how } => {
            (Question::Recall { signal: *signal, reason: (*reason).into() }, how.output)
        }
        Command::Holdings(arguments) => {
            return Ok(holdings::visit(&state_folder(&settings), Role::VeiligThuis, arguments).await);
        }
    };
    let Said { reply, enclosed }: Said<Reply> = match ask(&state_folder(&settings), &question).await {
        Ok(said) => said,
        Err(error) => return Ok(words::not_answered(&error)),
    };
    let look = "hwc veilig-thuis inbox";
    let answered = match (reply, command) {
        (Reply::Inbox { cases, more }, _) => {
            return Ok(match output {
                Output::Json => inbox_json(&cases, more, &enclosed),
                Output::Text => inbox(&cases, more, &enclosed),
            });
        }
        (Reply::Decided { decided: Decided::WaitsAgain }, Command::Again { .. }) => {
            Answered::fine("looked_up_again", "Het wordt opnieuw opgezocht. Kijk straks of het nog wacht.")
        }
        (Reply::Decided { decided }, _) => decided_in_words(decided),
        (Reply::Recalled { signal, done }, _) => recalled(signal, done),
        (Reply::Unknown, _) => words::unknown(look),
        (Reply::Several, _) => words::several(),
        (Reply::NotShown, _) => {
            Answered::no("not_shown", format!("Kijk eerst om welke kinderen het gaat: {look}"))
        }
        (Reply::NoList, _) => Answered::no(
            "no_list",
            "Er zijn geen kinderen gevonden om te bevestigen. Zoek het opnieuw op (again), of laat alleen meetellen wie de \
             politie noemde (confirm --named-only).",
        ),
        (Reply::BeingDecided, _) => Answered::no("being_decided", "Hierover wordt op dit moment al beslist."),
    };
    Ok(tell(output, &answered))
}

/// What waits, with the children if they were enclosed: for each case those whom the police named, then those added.
fn inbox(cases: &[Case], more: usize, enclosed: &[Plaintext]) -> Code {
    let mut page = Page::with_room_for(enclosed.len() + cases.len());
    let mut children = enclosed.iter().map(reading::child);
    for case in cases {
        let since = words::local(case.since);
        let why: Vec<_> = case.doubts.iter().map(|doubt| in_words(doubt)).collect();
        page.say(&format!("{}  sinds {since}  {}\n", case.code, why.join("; ")));
        if enclosed.is_empty() {
            page.say(&format!("  {} genoemd door de politie, {} gevonden\n", case.named, case.added));
            continue;
        }
        for place in 0..case.named + case.added {
            let Some(Some(child)) = children.next() else { return words::strange() };
            let found = place.checked_sub(case.named);
            page.say(if found.is_some() { "  gevonden    " } else { "  genoemd     " });
            page.one_line(&child);
            if let Some(doubt) = found.and_then(|place| case.each.get(place)?.as_deref()) {
                page.say(&format!("  let op: {}", in_words(doubt)));
            }
            page.say("\n");
        }
    }
    if cases.is_empty() {
        page.say("Er wacht geen huishouden.\n");
    } else {
        if more > 0 {
            page.say(&format!("en nog {more}\n"));
        }
        page.say(
            "\nAlle gevonden kinderen tellen mee:  hwc veilig-thuis confirm CODE\n\
             Alleen wie zeker is:  --certain    Alleen wie de politie noemde:  --named-only\n\
             Opnieuw opzoeken:  hwc veilig-thuis again CODE\n",
        );
    }
    page.show();
    Code::Fine
}

/// A doubt, in words.
fn in_words(doubt: &str) -> &str {
    match doubt {
        "secret" => "gegevens zijn geheim (geheimhouding)",
        "possible_resident" => "niet zeker of het kind daar staat ingeschreven",
        "under_investigation" => "de inschrijving is in onderzoek",
        "lives_elsewhere" => "woont daar volgens de gemeente niet",
        "date_of_birth_incomplete" => {
            "van een bewoner is de geboortedatum niet helemaal bekend: het kan een kind zijn"
        }
        "name_incomplete" => "van een bewoner is de naam niet helemaal bekend: het kan een kind zijn",
        "many_residents" => "er staan meer dan dertig mensen op dit adres",
        "no_list" => "er staan te veel mensen op dit adres: de BRP geeft geen lijst",
        "address_unclear" => "niet te zeggen welke bewoners bij dit huisnummer horen",
        "policy" => "elk huishouden met meer kinderen wordt bekeken",
        other => other,
    }
}

fn inbox_json(cases: &[Case], more: usize, enclosed: &[Plaintext]) -> Code {
    #[derive(Serialize)]
    struct Inbox<'a> {
        cases: Vec<Shown<'a>>,
        more: usize,
    }
    #[derive(Serialize)]
    struct Shown<'a> {
        #[serde(flatten)]
        case: &'a Case,
        #[serde(skip_serializing_if = "Vec::is_empty")]
        named_children: Vec<Plain<'a>>,
        #[serde(skip_serializing_if = "Vec::is_empty")]
        added_children: Vec<Plain<'a>>,
    }
    let Some(children) = enclosed.iter().map(reading::child).collect::<Option<Vec<Child>>>() else {
        return words::strange();
    };
    let mut left = children.iter();
    let shown = cases.iter().map(|case| Shown {
        case,
        named_children: left.by_ref().take(case.named).map(Plain::from).collect(),
        added_children: left.by_ref().take(case.added).map(Plain::from).collect(),
    });
    reading::show_json(&Inbox { cases: shown.collect(), more }, children.len());
    Code::Fine
}

fn decided_in_words(decided: Decided) -> Answered {
    match decided {
        Decided::Recorded { children } => {
            let words =
                format!("Vastgelegd, voor {children} kinderen (wie al was doorgestuurd niet meegeteld).");
            Answered::fine("recorded", words).about(About { children: Some(children), ..About::default() })
        }
        Decided::Refused => {
            Answered::no("refused", "Uw beslissing kwam te laat: hierover was al beslist, of het is voorbij.")
        }
        Decided::WaitsAgain => Answered::ends(
            "waits_again",
            Code::Failed,
            "Het is niet gelukt. Het wacht opnieuw: kijk nog eens.",
        ),
        Decided::NoAnswerYet => words::no_answer_yet(),
    }
}

/// What became of a recall. Whether it had been opened is in the breach record (R24), which goes to the project leader.
pub(super) fn recalled(signal: SignalId, done: Done) -> Answered {
    let fine = format!(
        "Teruggeroepen: {signal} is overal in de relay gewist. Het datalek is vastgelegd, met of het al geopend was, zonder \
         namen. Meld het ook volgens de procedure van uw eigen organisatie."
    );
    let again = format!("Al teruggeroepen: {signal}.");
    let gone =
        "Er is niets om terug te roepen: dit signaal is er niet (meer), of het is niet van uw organisatie.";
    let answered = match done {
        Done::Refused { refusal: refusal @ Refusal::OutOfOrder } => Answered::refused(
            refusal,
            "Dit signaal is nog niet ver genoeg om terug te roepen. Probeer het straks weer.",
        ),
        done => words::outcome(done, &fine, &again, gone),
    };
    answered.about(About { signal: Some(signal), ..About::default() })
}
