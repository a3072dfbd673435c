//! What people at schools and municipalities are told, in Dutch: they speak Dutch, and know nothing of relays.

use std::{
    fmt::{self, Display, Formatter},
    io::IsTerminal as _,
};

use hwc_adapter_kit::{counter::AskError, recall::Done};
use hwc_schemas::{BreachReportId, SignalId, wire::Refusal};
use jiff::{Timestamp, civil::Date};
use serde::Serialize;

use crate::{
    cli::Output,
    exit::{self, Code},
    outcome::Outcome,
};

/// How an answer is printed.
#[derive(Debug, Clone, Copy, clap::Args)]
pub(super) struct How {
    /// Hoe het getoond wordt (how to print it).
    #[arg(short, long, value_enum, default_value_t = Output::Text)]
    pub(super) output: Output,
}

impl How {
    /// Whether a person reads it on a screen, and nobody else.
    pub(super) fn is_for_a_screen(self) -> bool {
        self.output == Output::Text && std::io::stdout().is_terminal()
    }
}

/// What the running process answered to somebody at its counter. It names no child, and repeats nothing that was typed.
#[derive(Debug, Serialize)]
pub(super) struct Answered {
    outcome: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    refusal: Option<&'static str>,
    #[serde(flatten)]
    about: About,
    #[serde(skip)]
    words: String,
    #[serde(skip)]
    ends: Code,
}

/// What an answer is about.
#[derive(Debug, Clone, Default, Serialize)]
pub(super) struct About {
    /// What people call the signal by.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) code: Option<String>,
    /// The signal.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) signal: Option<SignalId>,
    /// For how many children.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) children: Option<usize>,
    /// Why it was withheld.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) reason: Option<&'static str>,
    /// The report of a breach, to be said again when no answer came.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) report: Option<BreachReportId>,
    /// What happened.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) what: Option<&'static str>,
    /// On which day.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) day: Option<Date>,
}

impl Answered {
    /// It is so, in these words.
    pub(super) fn fine(outcome: &'static str, words: impl Into<String>) -> Self {
        Self::ends(outcome, Code::Fine, words)
    }

    /// It is not done, for a reason that the person can mend or must accept.
    pub(super) fn no(outcome: &'static str, words: impl Into<String>) -> Self {
        Self::ends(outcome, Code::Refused, words)
    }

    /// The program ends so.
    pub(super) fn ends(outcome: &'static str, ends: Code, words: impl Into<String>) -> Self {
        Self { outcome, refusal: None, about: About::default(), words: words.into(), ends }
    }

    /// The law says no.
    pub(super) fn refused(refusal: Refusal, words: impl Into<String>) -> Self {
        Self { refusal: Some(refusal.code()), ..Self::no("refused", words) }
    }

    /// What it is about.
    pub(super) fn about(self, about: About) -> Self {
        Self { about, ..self }
    }
}

impl Display for Answered {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str(&self.words)
    }
}

impl Outcome for Answered {
    fn code(&self) -> Code {
        self.ends
    }
}

/// A moment in local time.
pub(super) fn local(at: Timestamp) -> String {
    let zone = jiff::tz::TimeZone::get("Europe/Amsterdam").unwrap_or(jiff::tz::TimeZone::UTC);
    at.to_zoned(zone).strftime("%Y-%m-%d %H:%M").to_string()
}

/// Nobody answered at the counter.
pub(super) fn not_answered(error: &AskError) -> Code {
    exit::say(match error {
        AskError::NobodyThere(_) => {
            "Het programma van uw organisatie draait niet, of met een andere map (state_dir). Vraag uw beheerder het te starten."
        }
        AskError::NotOurs(_) | AskError::NotTheirs(_) => {
            "U bent op deze computer niet de gebruiker voor wie dit bedoeld is. Vraag uw beheerder."
        }
        AskError::HungUp => {
            "Het programma van uw organisatie brak het gesprek af: het stopt net, of het is van een andere versie."
        }
        AskError::NoAnswer => {
            "Het programma van uw organisatie antwoordde niet op tijd. Kijk eerst of het toch is gelukt."
        }
    });
    Code::Unreachable
}

/// What became of it. `gone` is what it means that the signal is no more.
pub(super) fn outcome(done: Done, fine: &str, again: &str, gone: &str) -> Answered {
    match done {
        Done::Recorded { already: false } => Answered::fine("recorded", fine),
        Done::Recorded { already: true } => Answered::fine("already_recorded", again),
        Done::Refused { refusal: Refusal::Gone } => Answered::refused(Refusal::Gone, gone),
        Done::Refused { refusal } => Answered::refused(refusal, refused(refusal)),
        Done::NoAnswer => Answered::ends(
            "no_answer",
            Code::Unreachable,
            "De relay antwoordde niet op tijd. Doe hetzelfde nog eens: dat verandert niets als het al was gelukt.",
        ),
    }
}

/// The engine did not answer to a decision yet.
pub(super) fn no_answer_yet() -> Answered {
    Answered::ends(
        "no_answer_yet",
        Code::Unreachable,
        "De relay antwoordde nog niet. Het programma gaat door met proberen; kijk straks of het nog wacht.",
    )
}

/// A refusal.
pub(super) fn refused(refusal: Refusal) -> String {
    match refusal {
        Refusal::NotOpened => "Open het signaal eerst.".to_owned(),
        Refusal::AlreadyDecided => "Hierover is al anders beslist.".to_owned(),
        Refusal::Gone => "Dit signaal is er niet meer.".to_owned(),
        other => format!("De relay weigerde het ({}). Vraag uw beheerder.", other.code()),
    }
}

/// Nothing of that name.
pub(super) fn unknown(look: &str) -> Answered {
    Answered::no("unknown", format!("Er is niets dat zo heet. Kijk wat er wacht: {look}"))
}

/// More than one of that name.
pub(super) fn several() -> Answered {
    Answered::no("several", "Er zijn er meer die zo beginnen. Noem meer cijfers van de code.")
}

/// An answer that does not belong to the question.
pub(super) fn strange() -> Code {
    not_answered(&AskError::HungUp)
}

/// Something that names a child is shown on a screen only, or when somebody says that it may be.
pub(super) fn not_on_a_screen() -> Code {
    exit::say(
        "Dit toont de naam van een kind en gaat alleen naar een scherm, niet naar een bestand of een ander programma. \
         Wilt u dat toch, zeg dan --show.",
    );
    Code::Refused
}
