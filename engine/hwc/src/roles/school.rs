//! The school: a process that keeps the tray of waiting signals, and what the contact does: look, open, confirm, return.

use std::process::ExitCode;

use hwc_adapter_kit::{
    counter::{Said, ask},
    holdings::Enquiry,
    recall::Done,
};
use hwc_post::PostTable;
use hwc_schemas::{Organisation, Role, letter::CODEWORD, person::Child};
use hwc_school::{
    AtTheCounter, Tray,
    counter::{Line, Question, Reply},
};
use hwc_school_systems::webhook::{Ringing, Webhook, WebhookTable};
use serde::{Deserialize, Serialize};

use super::{
    Looked, Post, RoleError, breach, ended, holdings,
    http::HttpTable,
    mailing::{Mailer, Mailing, SchoolNotices, To},
    of_role,
    reading::{self, Page, Plain},
    set_up_log, state_folder,
    systems::Systems,
    words::{self, About, Answered, How},
};
use crate::{
    cli::{self, Output},
    exit::Code,
    member::Member,
    outcome::tell,
    settings::{Common, HasRelay, RelayTable, Settings},
};

const EXAMPLES: &str = "\
Voorbeelden:
  hwc school --config school.toml       het proces: laat het altijd draaien
  hwc school inbox                      welke signalen wachten; noemt niemand
  hwc school open a3f91c                leest er een, op uw scherm
  hwc school acknowledge a3f91c         Ontvangen
  hwc school not-our-pupil a3f91c       Geen leerling van ons
  hwc school breach --what spread       meldt een datalek, ook achteraf
  hwc school holdings --ask             wat hebt u over mijn kind?
Zonder --config wordt hwc.toml in deze map gelezen.";

/// Runs a school's process, or does what its contact asks.
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
    /// Toont welke signalen wachten, zonder namen (which signals wait; names nobody).
    Inbox {
        /// Hoe het getoond wordt (how to print it).
        #[arg(short, long, value_enum, default_value_t = Output::Text)]
        output: Output,
    },
    /// Opent een signaal en toont het op uw scherm (opens a signal; that it was opened is recorded).
    Open {
        /// De code uit de inbox, of het hele kenmerk (the code, or the signal's id).
        signal: String,
        /// Ook als het niet naar een scherm gaat (even if standard output is no terminal).
        #[arg(long)]
        show: bool,
        #[command(flatten)]
        how: How,
    },
    /// Toont wat de relay nu voor uw school bewaart, zonder namen; met --ask of er iets over één kind bij is (what is held).
    Holdings(holdings::Arguments),
    /// Ontvangen: bevestigt de ontvangst; daarna is het signaal weg (confirms receipt; then it is gone).
    Acknowledge {
        /// De code uit de inbox, of het hele kenmerk (the code, or the signal's id).
        signal: String,
        #[command(flatten)]
        how: How,
    },
    /// Geen leerling van ons: geeft het signaal terug; wis daarna uw scherm (returns it; a breach is recorded).
    NotOurPupil {
        /// De code uit de inbox, of het hele kenmerk (the code, or the signal's id).
        signal: String,
        #[command(flatten)]
        how: How,
    },
    /// Meldt een datalek, ook als het signaal al weg is; zonder namen (reports a breach, also after the end).
    Breach(breach::Arguments),
}

/// A school's settings file.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct SchoolFile {
    relay: RelayTable,
    /// The school.
    school: SchoolTable,
    /// The mail server; without it nobody is told by mail.
    post: Option<PostTable>,
    /// To whom mails go.
    notices: Option<SchoolNotices>,
    /// The webhook of the school's own software; without it nothing rings.
    webhook: Option<WebhookTable>,
    /// Where the school's own software asks; nowhere when absent.
    api: Option<HttpTable>,
}

/// What `hwc doctor` looks at.
pub(super) fn looked(common: &Common) -> Result<Looked, RoleError> {
    let settings = Settings::<SchoolFile>::read(common)?;
    let organisation = of_role(&settings, &settings.file.school.organisation, Role::School)?;
    let offered = settings.file.api.as_ref().map(|api| api.offered(&settings, "[api]")).into_iter().collect();
    let webhook =
        settings.file.webhook.as_ref().map(|table| Webhook::check(table, |path| settings.path(path)));
    let webhook = webhook.map(|checked| checked.map_err(|error| error.to_string()));
    Ok(Looked { offered, webhook, ..Looked::of(&settings, organisation, settings.file.post.as_ref()) })
}

impl HasRelay for SchoolFile {
    fn relay(&self) -> &RelayTable {
        &self.relay
    }
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct SchoolTable {
    /// Who we are.
    organisation: Organisation,
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
    let settings = Settings::<SchoolFile>::read(common)?;
    let organisation = of_role(&settings, &settings.file.school.organisation, Role::School)?;
    let member = Member::read(&settings.relay, organisation)?;
    let to = settings.file.notices.as_ref().map(To::from);
    let mailer = Mailer::read(&settings, settings.file.post.as_ref(), to)?;
    set_up_log()?;
    let file = &settings.file;
    let systems = Systems::prepare(&settings, file.webhook.as_ref(), file.api.as_ref()).await?;
    let Some(post) = Post::take(&settings.relay, &member).await? else { return Ok(Code::Fine) };
    let tray = Tray::default();
    let office = post.station.office().clone();
    let (bell, mut followed) = systems.start(&office, &tray);
    followed.extend(mailer.as_ref().map(Mailer::returned));
    let counter = AtTheCounter::new(office.clone(), tray.clone());
    let opened = tray.clone();
    let counter = Enquiry::new(counter, office, holdings::alike)
        .telling(move |signal, round| opened.opened((signal, round)));
    let clerk = Ringing::beside(Mailing::beside(tray, mailer), bell);
    post.work(clerk, counter, followed).await?;
    Ok(Code::Fine)
}

/// The contact comes to the counter.
async fn visit(common: &Common, command: Command) -> Result<Code, RoleError> {
    let settings = Settings::<SchoolFile>::read(common)?;
    let (question, output) = match &command {
        Command::Breach(arguments) => return Ok(breach::report(&settings, "school", *arguments).await),
        Command::Inbox { output } => (Question::Inbox, *output),
        Command::Holdings(arguments) => {
            return Ok(holdings::visit(&state_folder(&settings), Role::School, arguments).await);
        }
        // Before it is asked for: to open it is an event that cannot be taken back.
        Command::Open { show, how, .. } if !show && !how.is_for_a_screen() => {
            return Ok(words::not_on_a_screen());
        }
        Command::Open { signal, how, .. } => (Question::Open(signal.clone()), how.output),
        Command::Acknowledge { signal, how } => (Question::Acknowledge(signal.clone()), how.output),
        Command::NotOurPupil { signal, how } => (Question::NotOurPupil(signal.clone()), how.output),
    };
    let said: Said<Reply> = match ask(&state_folder(&settings), &question).await {
        Ok(said) => said,
        Err(error) => return Ok(words::not_answered(&error)),
    };
    let answered = match (said.reply, command) {
        (Reply::Inbox { signals, more }, _) if output == Output::Json => {
            cli::print(&format!("{}\n", serde_json::json!({ "signals": signals, "more": more })));
            return Ok(Code::Fine);
        }
        (Reply::Inbox { signals, more }, _) => return Ok(inbox(&signals, more)),
        (Reply::Opened { code }, _) => {
            let Some(child) = said.enclosed.first().and_then(reading::child) else {
                return Ok(words::strange());
            };
            match output {
                Output::Text => opened(&code, &child),
                Output::Json => opened_json(&code, &child),
            }
            return Ok(Code::Fine);
        }
        (Reply::Said { code, done }, command) => answered(code, done, &command),
        (Reply::DoesNotOpen { why }, _) => {
            let words =
                format!("Dit signaal is niet te openen ({why}). Vraag uw beheerder; het blijft wachten.");
            Answered::ends("does_not_open", Code::Failed, words)
        }
        (Reply::Unknown, _) => words::unknown("hwc school inbox"),
        (Reply::Several, _) => words::several(),
    };
    Ok(tell(output, &answered))
}

fn inbox(signals: &[Line], more: usize) -> Code {
    if signals.is_empty() {
        cli::print("Er wacht niets.\n");
        return Code::Fine;
    }
    let digits = signals.iter().map(|one| one.code.len()).max().unwrap_or_default().max(4);
    cli::print(&format!(
        "{:<digits$}  {:<16}  {:<5}  {:<9}  geopend\n",
        "code", "wacht sinds", "ronde", "herinnerd"
    ));
    for Line { code, round, since, opened, reminders, .. } in signals {
        let (since, reminded) = (words::local(*since), format!("{reminders}x"));
        let opened = if *opened { "ja" } else { "nee" };
        cli::print(&format!("{code:<digits$}  {since:<16}  {round:<5}  {reminded:<9}  {opened}\n"));
    }
    if more > 0 {
        cli::print(&format!("en nog {more}\n"));
    }
    cli::print("\nLees er een:  hwc school open CODE\n");
    Code::Fine
}

/// R1, R20, R21: what the contact reads, and what may and may not be done with it.
fn opened(code: &str, child: &Child) {
    let mut page = Page::with_room_for(1);
    page.say(&format!("Signaal {code}\n\n"));
    page.letter(child);
    page.say(&format!(
        "\nWat u nu doet:\n\
        \x20 - Bevestig de ontvangst:            hwc school acknowledge {code}\n\
        \x20 - Vertel het mondeling aan de groepsleerkracht, en aan niemand anders.\n\
        \x20   Voortgezet onderwijs en mbo: aan de leerling zelf.\n\
        \x20 - Geen leerling van uw school?      hwc school not-our-pupil {code}\n\
        \nWat niet mag:\n\
        \x20 - Niets noteren: niet in een dossier, niet in het leerlingvolgsysteem, niet in een agenda.\n\
        \x20 - Niet doorsturen, kopi\u{eb}ren, afdrukken of fotograferen.\n\
        \x20 - Niet bij de gemeente of de politie navragen wat er is gebeurd. Advies: Veilig Thuis.\n\
        \nWis nu dit scherm, ook wat erboven staat (in de meeste vensters: Ctrl-L of het venster sluiten).\n"
    ));
    page.show();
}

/// The same for a program of the school's own; it asks for it with `--show`.
fn opened_json(code: &str, child: &Child) {
    #[derive(Serialize)]
    struct Opened<'a> {
        outcome: &'static str,
        code: &'a str,
        codeword: &'static str,
        child: Plain<'a>,
    }
    reading::show_json(&Opened { outcome: "opened", code, codeword: CODEWORD, child: child.into() }, 1);
}

fn answered(code: String, done: Done, command: &Command) -> Answered {
    let (fine, again) = match command {
        Command::NotOurPupil { .. } => (
            format!(
                "Teruggegeven: signaal {code} is bij u weg en gaat terug naar de gemeente. Het datalek is vastgelegd, zonder \
                 namen.\nMeld het ook volgens de procedure van uw eigen school. Wis uw scherm en vertel het niemand."
            ),
            format!("Signaal {code} was al teruggegeven."),
        ),
        _ => (
            format!("Ontvangen: signaal {code} is bevestigd en nergens meer te vinden. Wis uw scherm."),
            format!("Signaal {code} was al bevestigd."),
        ),
    };
    let gone = "Dit signaal is er niet meer: het is teruggeroepen, verlopen of al afgehandeld. U hoeft niets te doen.";
    let about = About { code: Some(code), ..About::default() };
    words::outcome(done, &fine, &again, gone).about(about)
}
