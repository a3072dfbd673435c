//! What the person at a municipality reads, in Dutch.

use hwc_municipality::counter::{Case, Choice, Decided, PassedOn};
use hwc_schemas::{
    letter::Plaintext,
    outcome::Withheld,
    person::Child,
    wire::{Notice, RouteWhy},
};
use serde::Serialize;

use super::super::{
    reading::{self, Page, Plain},
    words::{self, About, Answered},
};
use crate::{cli, exit::Code};

/// What waits, with the children if they were enclosed: for each case the child, then its candidates.
pub(super) fn pending(cases: &[Case], more: usize, enclosed: &[Plaintext]) -> Code {
    let mut page = Page::with_room_for(enclosed.len() + cases.len());
    let mut children = enclosed.iter().map(reading::child);
    for case in cases {
        let Case { code, since, sister, candidates, choices, why, .. } = case;
        let since = words::local(*since);
        let could_be = match candidates {
            0 => "te vaak teruggegeven: alleen withhold of recall".to_owned(),
            1 => "1 mogelijke leerling".to_owned(),
            more => format!("{more} mogelijke leerlingen"),
        };
        page.say(&format!("{code}  sinds {since}  {could_be}{}\n", again(*why)));
        if enclosed.is_empty() {
            continue;
        }
        page.say("  gezocht     ");
        let Some(Some(child)) = children.next() else { return words::strange() };
        page.one_line(&child);
        page.say("\n");
        for (place, choice) in choices.iter().enumerate() {
            let Some(Some(pupil)) = children.next() else { return words::strange() };
            page.say(&format!("  {:>9}   ", place + 1));
            page.one_line(&pupil);
            page.say(&format!("  {}\n", enrolled_at(choice)));
        }
        if *sister {
            page.say("  Let op: bij hetzelfde incident is er nog een kind dat hier sterk op lijkt.\n");
        }
    }
    if cases.is_empty() {
        page.say("Er wacht niets op een beslissing.\n");
    } else {
        if more > 0 {
            page.say(&format!("en nog {more}\n"));
        }
        page.say("\nHet is deze:  hwc municipality pick CODE NUMMER\nGeen van hen, of niet te zeggen:  hwc municipality withhold CODE\n");
    }
    page.show();
    Code::Fine
}

const fn again(why: RouteWhy) -> &'static str {
    match why {
        RouteWhy::New => "",
        RouteWhy::LookUpAgain => "  (opnieuw opzoeken: het lag langer dan een dag)",
        RouteWhy::Returned => "  (teruggegeven door een school)",
    }
}

fn enrolled_at(choice: &Choice) -> String {
    match choice {
        Choice { secret: true, .. } => "geheime inschrijving: wordt niet doorgestuurd".to_owned(),
        Choice { school: None, .. } => "geen school bekend: wordt niet doorgestuurd".to_owned(),
        Choice { school: Some(school), host: None, .. } => format!("school {school}"),
        Choice { school: Some(school), host: Some(host), .. } => {
            format!("school {school}, gedetacheerd op {host}")
        }
    }
}

pub(super) fn pending_json(cases: &[Case], more: usize, enclosed: &[Plaintext]) -> Code {
    #[derive(Serialize)]
    struct Pending<'a> {
        cases: Vec<Shown<'a>>,
        more: usize,
    }
    #[derive(Serialize)]
    struct Shown<'a> {
        #[serde(flatten)]
        case: &'a Case,
        #[serde(skip_serializing_if = "Option::is_none")]
        child: Option<Plain<'a>>,
        #[serde(skip_serializing_if = "Vec::is_empty")]
        pupils: Vec<Plain<'a>>,
    }
    let Some(children) = enclosed.iter().map(reading::child).collect::<Option<Vec<Child>>>() else {
        return words::strange();
    };
    let mut left = children.iter();
    let shown = cases.iter().map(|case| {
        // Of each case its child and then its candidates, or nobody at all.
        let mut own = left.by_ref().take(case.choices.len() + 1).map(Plain::from);
        Shown { case, child: own.next(), pupils: own.collect() }
    });
    reading::show_json(&Pending { cases: shown.collect(), more }, children.len());
    Code::Fine
}

pub(super) fn passed_on(signals: &[PassedOn]) -> Code {
    if signals.is_empty() {
        cli::print("Sinds dit programma is gestart is er niets doorgestuurd.\n");
    }
    for PassedOn { code, signal, at, notice, .. } in signals {
        let notice = match notice {
            None | Some(Notice::RemindContact | Notice::RemindBackup) => "",
            Some(Notice::ReceiptMissing) => "  ontvangst niet bevestigd",
            Some(Notice::StillUnread) => "  aan het eind van de dag nog ongelezen",
        };
        cli::print(&format!("{code}  doorgestuurd {}  {signal}{notice}\n", words::local(*at)));
    }
    Code::Fine
}

pub(super) fn decided(decided: Decided) -> Answered {
    match decided {
        Decided::PassedOn => Answered::fine("passed_on", "Doorgestuurd naar de school."),
        Decided::Withheld { reason } => {
            let words = format!("Niet doorgestuurd: {} ({}).", why_not(reason), reason.as_str());
            let about = About { reason: Some(reason.as_str()), ..About::default() };
            Answered::fine("withheld", words).about(about)
        }
        Decided::Refused { refusal } => {
            let words = format!("Uw beslissing kwam te laat of kon niet meer. {}", words::refused(refusal));
            Answered::refused(refusal, words)
        }
        Decided::WaitsAgain => Answered::ends(
            "waits_again",
            Code::Failed,
            "Het is niet gelukt, of de gegevens veranderden net. Het wacht opnieuw: kijk nog eens.",
        ),
        Decided::NoAnswerYet => words::no_answer_yet(),
    }
}

/// A reason to withhold, in words.
const fn why_not(reason: Withheld) -> &'static str {
    match reason {
        Withheld::EnrolmentAmbiguous => "niet te zeggen welk kind het is",
        Withheld::EnrolmentUnknown => "geen inschrijving bekend",
        Withheld::EnrolmentSecret => "de inschrijving is geheim",
        Withheld::HostSchoolNotParticipating => "de school van detachering doet niet mee",
        Withheld::SchoolNotParticipating => "de school doet niet mee",
        Withheld::SchoolOutsideRegion => "de school ligt buiten de regio",
        Withheld::MunicipalityNotParticipating => "de gemeente doet niet mee",
        Withheld::SummerHoliday => "het is zomervakantie",
        Withheld::HeldTooLong => "er komt geen schooldag op tijd",
    }
}
