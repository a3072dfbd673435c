//! A breach is found, perhaps long after the end (R24): whoever finds it has it recorded, in words of a list and without a name.

use clap::ValueEnum;
use hwc_adapter_kit::{
    counter::ask,
    recall::Done,
    reporting::{BreachReport, ReportBreach},
};
use hwc_schemas::{BreachReportId, breach::WhatHappened, wire::Refusal};
use jiff::{Timestamp, civil::Date, tz::TimeZone};

use super::{
    state_folder,
    words::{self, About, Answered, How},
};
use crate::{
    exit::Code,
    outcome::tell,
    settings::{HasRelay, Settings},
};

/// What a person says of a breach.
#[derive(Debug, Clone, Copy, clap::Args)]
pub(super) struct Arguments {
    /// Wat er gebeurde (what happened).
    #[arg(long, value_enum)]
    what: What,
    /// De dag waarop het gebeurde of werd ontdekt, als 2026-11-18; vandaag als u niets zegt (the day; today if not said).
    #[arg(long, value_name = "DAG")]
    day: Option<Date>,
    /// Dezelfde melding nog eens, als er geen antwoord kwam (the same report again, when no answer came).
    #[arg(long, value_name = "KENMERK")]
    again: Option<BreachReportId>,
    #[command(flatten)]
    how: How,
}

/// What happened, as it is said.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
#[value(rename_all = "snake_case")]
enum What {
    /// Het ging naar een school waar het kind niet zit (to a school that does not have the child).
    WrongSchool,
    /// Iemand anders opende het (somebody else opened it).
    OpenedByAnother,
    /// Het is doorgegeven of verspreid (it was passed on or spread).
    Spread,
    /// Er is ingebroken, in een gebouw of een systeem (a break-in).
    BreakIn,
    /// Een laptop, telefoon of schijf is gestolen of kwijt (a device was stolen or lost).
    StolenDevice,
    /// Er is iets mis en nog niet duidelijk is wat (something is wrong, and nobody knows yet what).
    Doubt,
}

impl From<What> for WhatHappened {
    fn from(what: What) -> Self {
        match what {
            What::WrongSchool => Self::WrongSchool,
            What::OpenedByAnother => Self::OpenedByAnother,
            What::Spread => Self::Spread,
            What::BreakIn => Self::BreakIn,
            What::StolenDevice => Self::StolenDevice,
            What::Doubt => Self::Doubt,
        }
    }
}

/// Reports it at the counter of the running process.
pub(super) async fn report<T: HasRelay>(settings: &Settings<T>, role: &str, arguments: Arguments) -> Code {
    let Arguments { what, day, again, how } = arguments;
    let id = again.unwrap_or_else(|| BreachReportId::from_uuid(uuid::Uuid::new_v4()));
    let (what, day) = (WhatHappened::from(what), day.unwrap_or_else(today));
    let question = ReportBreach { report_breach: BreachReport { id, what, day } };
    let done = match ask::<_, Done>(&state_folder(settings), &question).await {
        Ok(said) => said.reply,
        Err(error) => return words::not_answered(&error),
    };
    let answered = match done {
        Done::NoAnswer => Answered::ends(
            "no_answer",
            Code::Unreachable,
            format!(
                "De relay antwoordde niet op tijd. Bel de projectleider, en meld het daarna nog eens met hetzelfde kenmerk, \
                 zodat het een keer wordt vastgelegd:  hwc {role} breach --what {} --day {day} --again {id}",
                what.as_str()
            ),
        ),
        Done::Refused { refusal: refusal @ Refusal::TooManyBreaches } => Answered::refused(
            refusal,
            "Uw organisatie meldde vandaag al zo veel datalekken dat er geen bij komt. Bel de projectleider.",
        ),
        Done::Refused { refusal: refusal @ Refusal::Malformed } => Answered::refused(
            refusal,
            "Die dag kan niet: hij ligt in de toekomst of te lang geleden. Kijk naar --day.",
        ),
        done => words::outcome(done, &kept(what), "Dit was al vastgelegd.", "Dit kan niet."),
    };
    let about = About { report: Some(id), what: Some(what.as_str()), day: Some(day), ..About::default() };
    tell(how.output, &answered.about(about))
}

/// It is on record; what is left to do is said.
fn kept(what: WhatHappened) -> String {
    let mut said = "Vastgelegd: een datalek, zonder namen en zonder die van uw organisatie. De relay meldt het aan de \
                    projectleider.\n\nWat u nu nog doet:\n  - Bel de projectleider en vertel wat er is gebeurd.\n  - Volg de \
                    procedure voor datalekken van uw eigen organisatie.\n  - Noem geen namen in een mail."
        .to_owned();
    if matches!(what, WhatHappened::StolenDevice | WhatHappened::BreakIn) {
        said.push_str(
            "\n  - Laat de beheerder van de relay de sleutels van uw organisatie nu intrekken en vervangen.",
        );
    }
    said
}

fn today() -> Date {
    let zone = TimeZone::get("Europe/Amsterdam").unwrap_or(TimeZone::UTC);
    Timestamp::now().to_zoned(zone).date()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn everything_that_can_be_reported_can_be_said() {
        let said: Vec<_> = What::value_variants().iter().map(|what| WhatHappened::from(*what)).collect();
        assert_eq!(said, WhatHappened::ALL);
        for what in What::value_variants() {
            let word = what.to_possible_value().unwrap();
            assert_eq!(word.get_name(), WhatHappened::from(*what).as_str());
        }
    }

    #[test]
    fn whoever_lost_a_device_hears_that_its_keys_must_go() {
        assert!(kept(WhatHappened::StolenDevice).contains("intrekken"));
        assert!(!kept(WhatHappened::Spread).contains("intrekken"));
    }
}
