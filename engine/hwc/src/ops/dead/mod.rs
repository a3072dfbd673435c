//! `hwc dead-letters`: what lies aside and goes on by itself no more, what can be done about each, and doing it. With an engine's
//! settings: what lies at the broker. With those of the police: the files that could not be sent.
//!
//! Nothing that the journal holds can be dropped here. A child's signal ends by the law alone: its municipality recalls it, or it
//! expires, and both are recorded. Whatever is done is written down before it is done (`audit.jsonl` in the state folder).

mod files;
mod lying;

use std::{fs, os::unix::fs::DirBuilderExt as _, process::ExitCode};

use clap::{Subcommand, ValueEnum};
use hwc_logbook::{Act, Acts, ActsError};
use serde::Serialize;
use sha2::{Digest as _, Sha256};

pub(super) use files::set_aside;

use super::{said, table};
use crate::{
    cli::{self, Output},
    exit::{self, Code},
    logging,
    roles::{self, RoleError},
    serve::ServeError,
    settings::{Common, SettingsError, strict},
};

/// What `hwc dead-letters` takes.
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    #[command(flatten)]
    common: Common,
    #[command(subcommand)]
    action: Action,
    /// How to print it.
    #[arg(short, long, global = true, value_enum, default_value_t = Output::Text)]
    output: Output,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Shows what lies aside, since when, why, and what can be done. Changes nothing.
    List,
    /// Has one tried again.
    Retry {
        /// Its code, from the list.
        code: String,
    },
    /// Lets one go, if nothing of a child's signal goes with it. It is written down who did it and why.
    Drop {
        /// Its code, from the list.
        code: String,
        /// Why it may go.
        #[arg(long, value_enum)]
        reason: Reason,
        /// Only says what would be done.
        #[arg(long)]
        dry_run: bool,
    },
}

/// Why something may go.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
#[value(rename_all = "snake_case")]
enum Reason {
    /// The journal owes nobody this task any more, or nobody can read it.
    Stale,
    /// The project leader was told of these breaches in another way.
    ToldOtherwise,
    /// Veilig Thuis has these reports by another way, or by a file that was put right.
    SentOtherwise,
    /// It holds no report: it was put there by mistake.
    NoReport,
}

impl Reason {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Stale => "stale",
            Self::ToldOtherwise => "told_otherwise",
            Self::SentOtherwise => "sent_otherwise",
            Self::NoReport => "no_report",
        }
    }
}

/// What kind of thing lies aside.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
enum Kind {
    /// An incident whose log cannot be read, or says what cannot have happened. The engine leaves it alone.
    Alarm,
    /// A ciphertext that the journal holds and the broker does not have: its receiver can never open it.
    Missing,
    /// A task whose organisation asks for none.
    UnworkedTask,
    /// A task that the journal owes nobody.
    StaleTask,
    /// A task that this program cannot read.
    UnreadableTask,
    /// Mails to the project leader about breaches that did not go out yet.
    BreachMails,
    /// A file of reports that could not be sent.
    SetAside,
}

impl Kind {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Alarm => "alarm",
            Self::Missing => "missing",
            Self::UnworkedTask => "unworked_task",
            Self::StaleTask => "stale_task",
            Self::UnreadableTask => "unreadable_task",
            Self::BreachMails => "breach_mails",
            Self::SetAside => "set_aside",
        }
    }

    /// What can be done about it.
    const fn remedy(self) -> &'static str {
        match self {
            Self::Alarm => {
                "read the engine's log; a newer program may read it. It stays until the payload ceiling, and is not lost before"
            }
            Self::Missing => "its municipality recalls it and passes it on again (hwc municipality recall)",
            Self::UnworkedTask => {
                "start the program of that organisation; the task waits for it. retry offers it anew"
            }
            Self::StaleTask => "drop --reason stale",
            Self::UnreadableTask => "retry: what is still owed is offered anew; otherwise it is gone",
            Self::BreachMails => {
                "put [post] and [notices] right, then retry; or drop --reason told_otherwise: the records stay"
            }
            Self::SetAside => {
                "put right what its .reason says and move it into the inbox; retry moves it as it is"
            }
        }
    }

    const fn can_be_retried(self) -> bool {
        !matches!(self, Self::Alarm | Self::Missing)
    }

    /// Which reasons let it go; none where a child's signal could go with it.
    const fn may_go(self) -> &'static [Reason] {
        match self {
            Self::Alarm | Self::Missing | Self::UnworkedTask => &[],
            Self::StaleTask | Self::UnreadableTask => &[Reason::Stale],
            Self::BreachMails => &[Reason::ToldOtherwise],
            Self::SetAside => &[Reason::SentOtherwise, Reason::NoReport],
        }
    }

    /// The same of what the broker takes once in a day only: taken back, it would not be told again before.
    const fn remedy_of_one_told_once(self) -> &'static str {
        match self {
            Self::UnworkedTask => {
                "start the program of that organisation; the notice waits for it. It cannot be retried: taken back, it is not told again for a day"
            }
            Self::UnreadableTask => {
                "a newer program may read it. It cannot be retried: taken back, it is not told again for a day, as after drop --reason stale"
            }
            other => other.remedy(),
        }
    }

    /// Why it does not go.
    const fn stays(self) -> &'static str {
        match self {
            Self::Alarm | Self::Missing | Self::UnworkedTask => {
                "a child's signal may depend on it, and ends by the law alone: recalled by its municipality, or expired"
            }
            _ => "not for this reason",
        }
    }
}

/// Something that lies aside.
#[derive(Debug, Clone, PartialEq, Serialize)]
struct Letter {
    /// What people call it by; the same as long as it lies there.
    code: String,
    kind: Kind,
    /// Whose it is, or who must act.
    whose: String,
    /// For how long, in seconds; not known of some.
    seconds: Option<i64>,
    says: String,
    remedy: &'static str,
    retry: bool,
    drop: bool,
}

impl Letter {
    /// `named`: what tells it from all others; nothing of it can be had back from the code.
    fn new(kind: Kind, named: &str, whose: impl Into<String>, says: impl Into<String>) -> Self {
        let digest =
            Sha256::new().chain_update(kind.as_str()).chain_update([0]).chain_update(named).finalize();
        Self {
            code: hex::encode(digest.get(..4).unwrap_or_default()),
            kind,
            whose: whose.into(),
            seconds: None,
            says: says.into(),
            remedy: kind.remedy(),
            retry: kind.can_be_retried(),
            drop: !kind.may_go().is_empty(),
        }
    }

    /// The same, of what is told once and therefore not tried again.
    const fn told_once(mut self, told_once: bool) -> Self {
        if told_once {
            self.retry = false;
            self.remedy = self.kind.remedy_of_one_told_once();
        }
        self
    }

    const fn lying_for(mut self, seconds: Option<i64>) -> Self {
        self.seconds = seconds;
        self
    }
}

/// Why it was not done.
#[derive(Debug, thiserror::Error)]
enum DeadError {
    #[error(transparent)]
    Serve(#[from] ServeError),
    #[error(transparent)]
    Role(#[from] RoleError),
    #[error(transparent)]
    Settings(#[from] SettingsError),
    #[error("nothing was done, for it cannot be written down: {0}")]
    Book(#[from] ActsError),
    #[error("nothing was done: the state folder cannot be made: {0}")]
    State(std::io::Error),
    #[error("{0}: nothing of this code lies aside any more; look again: hwc dead-letters list")]
    Unknown(String),
    #[error("{code}: {why}")]
    Refused { code: String, why: &'static str },
    #[error("it could not be done: {0}")]
    NotDone(String),
    #[error(
        "these are neither an engine's settings nor the police's: nothing lies aside elsewhere that this program keeps"
    )]
    Neither,
}

impl DeadError {
    const fn code(&self) -> Code {
        match self {
            Self::Serve(error) => error.code(),
            Self::Role(error) => error.code(),
            Self::Settings(_) | Self::Neither => Code::Settings,
            Self::Refused { .. } => Code::Refused,
            Self::Book(_) | Self::State(_) | Self::Unknown(_) | Self::NotDone(_) => Code::Failed,
        }
    }
}

/// Runs the command. A list ends with 0 if nothing lies aside, and 6 if something does.
pub(crate) async fn run(arguments: &Arguments) -> ExitCode {
    match done(arguments).await {
        Ok(code) => code.into(),
        Err(error) => {
            exit::say(&error.to_string());
            error.code().into()
        }
    }
}

/// Where things lie aside.
enum Place {
    Broker(Box<lying::Broker>),
    Inbox(files::Inbox),
}

impl Place {
    async fn of(common: &Common) -> Result<Self, DeadError> {
        let written: toml::Table = strict::read(&common.config)?;
        if written.contains_key("engine") {
            return Ok(Self::Broker(Box::new(lying::Broker::read(common).await?)));
        }
        if written.contains_key("police") {
            let looked = roles::looked(common, hwc_schemas::Role::Police)?;
            let folder = looked.inbox.unwrap_or_default();
            let (state, audit_years) = (looked.relay.state_dir, looked.relay.kept.audit_years);
            return Ok(Self::Inbox(files::Inbox { folder, state, audit_years }));
        }
        Err(DeadError::Neither)
    }

    async fn letters(&self) -> Result<Vec<Letter>, DeadError> {
        match self {
            Self::Broker(broker) => broker.letters().await,
            Self::Inbox(inbox) => Ok(inbox.letters()),
        }
    }

    /// The audit log of the process whose settings these are. It may run: both write whole lines, one after the other.
    fn acts(&self) -> Result<Acts, DeadError> {
        let (state, years) = match self {
            Self::Broker(broker) => broker.state(),
            Self::Inbox(inbox) => (inbox.state.as_path(), inbox.audit_years),
        };
        fs::DirBuilder::new().recursive(true).mode(0o700).create(state).map_err(DeadError::State)?;
        Ok(Acts::open(state.join(Acts::FILE), years, logging::today())?)
    }

    async fn retry(&self, letter: &Letter) -> Result<&'static str, DeadError> {
        match self {
            Self::Broker(broker) => broker.retry(letter).await,
            Self::Inbox(inbox) => inbox.retry(&letter.code),
        }
    }

    async fn let_go(&self, letter: &Letter) -> Result<&'static str, DeadError> {
        match self {
            Self::Broker(broker) => broker.let_go(letter).await,
            Self::Inbox(inbox) => inbox.let_go(&letter.code),
        }
    }
}

async fn done(arguments: &Arguments) -> Result<Code, DeadError> {
    let place = Place::of(&arguments.common).await?;
    let letters = place.letters().await?;
    let one = |code: &str| {
        let code = code.trim().to_ascii_lowercase();
        letters.iter().find(|letter| letter.code == code).ok_or(DeadError::Unknown(code))
    };
    let (act, letter, reason, dry_run) = match &arguments.action {
        Action::List => {
            cli::print(&match arguments.output {
                Output::Json => serde_json::to_string(&letters).unwrap_or_default() + "\n",
                Output::Text => page(&letters),
            });
            return Ok(if letters.is_empty() { Code::Fine } else { Code::Critical });
        }
        Action::Retry { code } => ("retry", one(code)?, None, false),
        Action::Drop { code, reason, dry_run } => ("drop", one(code)?, Some(*reason), *dry_run),
    };
    let refused = |why| DeadError::Refused { code: letter.code.clone(), why };
    match reason {
        None if !letter.retry => return Err(refused(letter.remedy)),
        Some(reason) if !letter.kind.may_go().contains(&reason) => return Err(refused(letter.kind.stays())),
        _ => {}
    }
    if dry_run {
        return Ok(tell(arguments.output, act, letter, false, "would be dropped; nothing was done"));
    }
    let acts = place.acts()?;
    let mut noted = act_of(act, letter.kind, reason);
    acts.note(noted.clone())?;
    let says = match reason {
        None => place.retry(letter).await?,
        Some(_) => place.let_go(letter).await?,
    };
    noted.done = Some(true);
    if let Err(error) = acts.note(noted) {
        exit::say(&format!("it is done; the audit log does not say so: {error}"));
    }
    Ok(tell(arguments.output, act, letter, true, says))
}

/// An act of whoever runs this, which is not done yet. It names the kind of thing and no more: a code could be compared.
fn act_of(act: &str, kind: Kind, reason: Option<Reason>) -> Act {
    Act {
        day: logging::today(),
        actor: format!("uid-{}", rustix::process::getuid().as_raw()),
        act: act.to_owned(),
        kind: Some(kind.as_str().to_owned()),
        reason: reason.map(|reason| reason.as_str().to_owned()),
        done: Some(false),
    }
}

fn tell(output: Output, act: &str, letter: &Letter, done: bool, says: &str) -> Code {
    cli::print(&match output {
        Output::Json => {
            let value =
                serde_json::json!({ "act": act, "code": letter.code, "kind": letter.kind, "done": done });
            format!("{value}\n")
        }
        Output::Text => format!("{}: {says}\n", letter.code),
    });
    Code::Fine
}

fn page(letters: &[Letter]) -> String {
    if letters.is_empty() {
        return "nothing lies aside\n".to_owned();
    }
    let mut rows = table(["code", "what", "whose", "for", ""]);
    for letter in letters {
        let lies = letter.seconds.map(|seconds| said(jiff::SignedDuration::from_secs(seconds)));
        let what = letter.kind.as_str().replace('_', " ");
        rows.add_row([&letter.code, &what, &letter.whose, &lies.unwrap_or_default(), &letter.says]);
        rows.add_row(["", "", "", "", &format!("-> {}", letter.remedy)]);
    }
    super::trimmed(&format!("{rows}\n"))
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALL: [Kind; 7] = [
        Kind::Alarm,
        Kind::Missing,
        Kind::UnworkedTask,
        Kind::StaleTask,
        Kind::UnreadableTask,
        Kind::BreachMails,
        Kind::SetAside,
    ];

    #[test]
    fn nothing_that_a_childs_signal_may_depend_on_can_be_dropped_for_any_reason() {
        for kind in [Kind::Alarm, Kind::Missing, Kind::UnworkedTask] {
            let letter = Letter::new(kind, "x", "school-01AA00", "");
            assert!(!letter.drop && kind.may_go().is_empty(), "{kind:?}");
        }
    }

    #[test]
    fn everything_that_lies_aside_says_what_can_be_done_about_it() {
        for kind in ALL {
            let letter = Letter::new(kind, "x", "", "");
            assert!(!letter.remedy.is_empty());
            assert!(letter.retry || letter.drop || matches!(kind, Kind::Alarm | Kind::Missing), "{kind:?}");
            assert_eq!(
                letter.remedy.contains("drop --reason"),
                letter.drop && kind.as_str() != "set_aside" && kind != Kind::UnreadableTask
            );
        }
    }

    #[test]
    fn a_code_tells_two_apart_and_nothing_of_what_it_stands_for() {
        let code = |kind, named| Letter::new(kind, named, "", "").code;
        assert_eq!(code(Kind::SetAside, "a.csv"), code(Kind::SetAside, "a.csv"));
        assert_ne!(code(Kind::SetAside, "a.csv"), code(Kind::SetAside, "b.csv"));
        assert_ne!(code(Kind::SetAside, "a"), code(Kind::StaleTask, "a"));
        assert_eq!(code(Kind::SetAside, "a").len(), 8);
    }
}
