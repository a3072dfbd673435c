//! What people at schools and municipalities are told, in Dutch: they speak Dutch, and know nothing of relays.

use hwc_adapter_kit::{counter::AskError, recall::Done};
use hwc_schemas::wire::Refusal;
use jiff::Timestamp;

use crate::exit::{self, Code};

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
        AskError::NotOurs(_) => {
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

/// What became of it: said on standard error if it did not work. `gone` is what it means that the signal is no more.
pub(super) fn outcome(done: Done, fine: &str, again: &str, gone: &str) -> Code {
    match done {
        Done::Recorded { already } => {
            crate::cli::print(&format!("{}\n", if already { again } else { fine }));
            Code::Fine
        }
        Done::Refused { refusal } => {
            exit::say(&match refusal {
                Refusal::Gone => gone.to_owned(),
                other => refused(other),
            });
            Code::Refused
        }
        Done::NoAnswer => {
            exit::say(
                "De relay antwoordde niet op tijd. Doe hetzelfde nog eens: dat verandert niets als het al was gelukt.",
            );
            Code::Unreachable
        }
    }
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
pub(super) fn unknown(look: &str) -> Code {
    exit::say(&format!("Er is niets dat zo heet. Kijk wat er wacht: {look}"));
    Code::Refused
}

/// More than one of that name.
pub(super) fn several() -> Code {
    exit::say("Er zijn er meer die zo beginnen. Noem meer cijfers van de code.");
    Code::Refused
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
