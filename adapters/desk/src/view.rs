//! The pages' models: what each shows, made from what the counter said. No IO.

use askama::Template;
use hwc_municipality::{
    Import, Occasion, RegisterStanding, Reminded,
    counter::{Case, Choice, PassedOn, Place},
};
use hwc_schemas::wire::{Notice, RouteWhy};
use hwc_web::{Frame, Language};
use jiff::{Timestamp, civil::Date, tz::TimeZone};

use crate::{
    memory::Deed,
    naming::{Differs, OnPage},
    reports::{Block, Published},
    roster::Roster,
    texts::Texts,
};

/// A local moment, as people write it.
pub(crate) fn moment(at: Timestamp, zone: &TimeZone, language: Language) -> String {
    let local = at.to_zoned(zone.clone());
    format!("{}, {:02}:{:02}", day(local.date(), language), local.hour(), local.minute())
}

/// A day, as people write it.
pub(crate) fn day(date: Date, language: Language) -> String {
    format!("{} {} {}", date.day(), language.month(date.month()), date.year())
}

/// A month of a report: `2026-10`.
pub(crate) fn month(text: &str, language: Language) -> String {
    let (year, month) = text.split_once('-').unwrap_or((text, ""));
    format!("{} {year}", language.month(month.parse().unwrap_or_default()))
}

/// A case in the list, without a name.
pub(crate) struct Waits {
    pub(crate) code: String,
    pub(crate) since: String,
    pub(crate) could_be: String,
    pub(crate) notes: Vec<&'static str>,
    /// The function of whoever opened it, and when.
    pub(crate) opened: Option<String>,
}

impl Waits {
    pub(crate) fn of(case: &Case, texts: &Texts, since: String, opened: Option<String>) -> Self {
        Self {
            code: case.code.clone(),
            since,
            could_be: could_be(case, texts),
            notes: notes(case, texts),
            opened,
        }
    }
}

fn could_be(case: &Case, texts: &Texts) -> String {
    match case.candidates {
        0 => texts.could_be_none.to_owned(),
        1 => texts.could_be_one.to_owned(),
        more => format!("{more} {}", texts.could_be_several),
    }
}

fn notes(case: &Case, texts: &Texts) -> Vec<&'static str> {
    let why = match case.why {
        RouteWhy::New => None,
        RouteWhy::LookUpAgain => Some(texts.why_again),
        RouteWhy::Returned => Some(texts.why_returned),
    };
    why.into_iter().chain(case.sister.then_some(texts.sister)).collect()
}

/// Whoever decides was told.
pub(crate) struct ReminderLine {
    pub(crate) at: String,
    pub(crate) why: &'static str,
    pub(crate) cases: usize,
}

impl ReminderLine {
    pub(crate) fn of(one: &Reminded, texts: &Texts, at: String) -> Self {
        let why = match one.occasion {
            Occasion::New => texts.reminder_new,
            Occasion::StillWaiting => texts.reminder_still,
        };
        Self { at, why, cases: one.cases }
    }
}

/// What is wrong with the register.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Alarm {
    /// It is too old.
    Stale,
    /// Its newest version cannot be used.
    Broken,
}

impl Alarm {
    pub(crate) const fn of(stands: &RegisterStanding) -> Option<Self> {
        match stands {
            RegisterStanding { problem: Some(_), .. } => Some(Self::Broken),
            RegisterStanding { stale: true, .. } => Some(Self::Stale),
            _ => None,
        }
    }
}

#[derive(Template)]
#[template(path = "waiting.html")]
pub(crate) struct WaitingPage {
    pub(crate) frame: Frame,
    pub(crate) texts: &'static Texts,
    pub(crate) decides: bool,
    pub(crate) cases: Vec<Waits>,
    pub(crate) more: bool,
    pub(crate) alarm: Option<Alarm>,
    pub(crate) reminders: Vec<ReminderLine>,
}

/// A pupil that it could be.
pub(crate) struct Candidate {
    pub(crate) number: usize,
    pub(crate) pupil: OnPage,
    pub(crate) differs: Differs,
    pub(crate) choice: Choice,
}

#[derive(Template)]
#[template(path = "case.html")]
pub(crate) struct CasePage {
    pub(crate) frame: Frame,
    pub(crate) texts: &'static Texts,
    pub(crate) code: String,
    pub(crate) since: String,
    pub(crate) notes: Vec<&'static str>,
    pub(crate) sought: OnPage,
    pub(crate) candidates: Vec<Candidate>,
}

impl CasePage {
    pub(crate) fn notes(case: &Case, texts: &Texts) -> Vec<&'static str> {
        notes(case, texts)
    }
}

/// A signal that was passed on.
pub(crate) struct PassedLine {
    pub(crate) code: String,
    pub(crate) at: String,
    pub(crate) school: String,
    pub(crate) state: &'static str,
    pub(crate) notice: Option<&'static str>,
    pub(crate) over: bool,
}

impl PassedLine {
    pub(crate) fn of(one: &PassedOn, texts: &Texts, at: String) -> Self {
        let (state, over) = match one.place {
            Place::Here => (texts.place_here, false),
            Place::Held => (texts.place_held, false),
            Place::Delivered => (texts.place_delivered, false),
            Place::Opened => (texts.place_opened, false),
            Place::Acknowledged => (texts.place_acknowledged, true),
            Place::Withheld => (texts.place_withheld, true),
            Place::Recalled => (texts.place_recalled, true),
            Place::Expired => (texts.place_expired, true),
            Place::Over => (texts.place_over, true),
        };
        let notice = match one.notice {
            Some(Notice::ReceiptMissing) if !over => Some(texts.notice_missing),
            Some(Notice::StillUnread) if !over => Some(texts.notice_unread),
            _ => None,
        };
        Self { code: one.code.clone(), at, school: one.school.code().to_owned(), state, notice, over }
    }
}

#[derive(Template)]
#[template(path = "passed_on.html")]
pub(crate) struct PassedOnPage {
    pub(crate) frame: Frame,
    pub(crate) texts: &'static Texts,
    pub(crate) decides: bool,
    pub(crate) signals: Vec<PassedLine>,
    pub(crate) some_closed: bool,
}

#[derive(Template)]
#[template(path = "recall.html")]
pub(crate) struct RecallPage {
    pub(crate) frame: Frame,
    pub(crate) texts: &'static Texts,
    pub(crate) signal: String,
}

/// A field and its value.
pub(crate) type Field = (&'static str, String);

#[derive(Template)]
#[template(path = "register.html")]
pub(crate) struct RegisterPage {
    pub(crate) frame: Frame,
    pub(crate) texts: &'static Texts,
    pub(crate) known: bool,
    pub(crate) alarm: Option<Alarm>,
    pub(crate) in_a_database: bool,
    /// What is wrong, in the words of the program.
    pub(crate) problem: String,
    pub(crate) fields: Vec<Field>,
    pub(crate) import: Option<(String, Vec<Field>)>,
}

impl RegisterPage {
    pub(crate) fn of(frame: Frame, texts: &'static Texts, stands: RegisterStanding, zone: &TimeZone) -> Self {
        let language = frame.language;
        let when = |at: Option<Timestamp>| {
            at.map_or_else(|| texts.register_never.to_owned(), |at| moment(at, zone, language))
        };
        let count = |label, value: Option<usize>| value.map(|value| (label, value.to_string()));
        let (place, imported) = if stands.in_a_database {
            (texts.register_database, texts.register_imported)
        } else {
            (texts.register_files, texts.register_changed)
        };
        let limit = stands
            .stale_after_days
            .map(|days| (texts.register_limit, format!("{days} {}", texts.register_days)));
        let fields =
            [Some((texts.register_where, place.to_owned())), Some((imported, when(stands.imported_at)))]
                .into_iter()
                .chain([
                    limit,
                    count(texts.register_pupils, stands.pupils),
                    count(texts.register_schools, stands.schools),
                    count(texts.register_participating, stands.participating),
                ])
                .flatten()
                .collect();
        let import = stands.last.map(|Import { at, full, counts }| {
            let kind = if full { texts.import_full } else { texts.import_delta };
            let lines = [
                (texts.import_rows, counts.rows),
                (texts.import_new, counts.new),
                (texts.import_gone, counts.gone),
                (texts.import_moved, counts.moved),
                (texts.import_changed, counts.changed),
                (texts.import_unchanged, counts.unchanged),
                (texts.import_no_school, counts.no_school),
                (texts.import_school_unknown, counts.school_unknown),
                (texts.import_secret, counts.secret),
                (texts.import_elsewhere, counts.elsewhere),
                (texts.import_over, counts.over),
                (texts.import_twice, counts.twice),
            ];
            let lines = lines.into_iter().map(|(label, count)| (label, count.to_string())).collect();
            (format!("{}: {kind}", moment(at, zone, language)), lines)
        });
        Self {
            frame,
            texts,
            known: stands.looked_at.is_some(),
            alarm: Alarm::of(&stands),
            in_a_database: stands.in_a_database,
            problem: stands.problem.unwrap_or_default(),
            fields,
            import,
        }
    }
}

#[derive(Template)]
#[template(path = "reports.html")]
pub(crate) struct ReportsPage {
    pub(crate) frame: Frame,
    pub(crate) texts: &'static Texts,
    pub(crate) is_there: bool,
    /// As the path says it, and in words.
    pub(crate) months: Vec<(String, String)>,
}

/// A block of a report: its title, why it is so, and its tables.
pub(crate) struct Section {
    pub(crate) title: &'static str,
    pub(crate) how: Option<&'static str>,
    pub(crate) figures: Vec<Field>,
    pub(crate) tables: Vec<(&'static str, Vec<(String, String)>)>,
}

#[derive(Template)]
#[template(path = "report.html")]
pub(crate) struct ReportPage {
    pub(crate) frame: Frame,
    pub(crate) texts: &'static Texts,
    pub(crate) sections: Vec<Section>,
    pub(crate) nowhere: bool,
}

impl ReportPage {
    /// A report, with the municipality of this code first.
    pub(crate) fn of(frame: Frame, texts: &'static Texts, report: &Published, code: &str) -> Self {
        use crate::reports::Place;
        let own = match report.place_of(code) {
            Place::Own(block) => Some(section(texts.report_own, None, block, texts)),
            Place::Together(block) => {
                Some(section(texts.report_together, Some(texts.report_together_how), block, texts))
            }
            Place::Nowhere => None,
        };
        let nowhere = own.is_none();
        let region = section(texts.report_region, None, &report.region, texts);
        Self { frame, texts, sections: own.into_iter().chain([region]).collect(), nowhere }
    }
}

/// A line of a report, in words; one that this program does not know stays as it is.
fn item(said: &str, texts: &Texts) -> String {
    if let Some(hours) = said.strip_suffix(" hours") {
        return format!("{} {hours} {}", texts.item_within, texts.item_hours);
    }
    match said {
        "later" => texts.item_later,
        "other" => texts.item_other,
        "municipality_not_participating" => texts.reason_municipality,
        "enrolment_unknown" => texts.reason_unknown,
        "enrolment_ambiguous" => texts.reason_ambiguous,
        "enrolment_secret" => texts.reason_secret,
        "host_school_not_participating" => texts.reason_host,
        "school_not_participating" => texts.reason_school,
        "school_outside_region" => texts.reason_region,
        "summer_holiday" => texts.reason_summer,
        "held_too_long" => texts.reason_held,
        other => other.strip_prefix("school-").unwrap_or(other),
    }
    .to_owned()
}

fn section(title: &'static str, how: Option<&'static str>, block: &Block, texts: &Texts) -> Section {
    let table = |title, lines: &[crate::reports::Line]| {
        (title, lines.iter().map(|line| (item(&line.item, texts), line.signals.said())).collect::<Vec<_>>())
    };
    let tables = [
        table(texts.report_within, &block.sent_within),
        table(texts.report_per_school, &block.sent_per_school),
        table(texts.report_per_reason, &block.not_sent_per_reason),
    ];
    let figures = vec![
        (texts.report_received, block.received.said()),
        (texts.report_sent, block.sent.said()),
        (texts.report_not_sent, block.not_sent.said()),
    ];
    Section {
        title,
        how,
        figures,
        tables: tables.into_iter().filter(|(_, lines)| !lines.is_empty()).collect(),
    }
}

/// An act of the book.
pub(crate) struct ActLine {
    pub(crate) day: String,
    pub(crate) who: String,
    pub(crate) what: &'static str,
}

#[derive(Template)]
#[template(path = "acts.html")]
pub(crate) struct ActsPage {
    pub(crate) frame: Frame,
    pub(crate) texts: &'static Texts,
    pub(crate) acts: Vec<ActLine>,
}

/// A page that says what became of something, and leads back.
#[derive(Template)]
#[template(path = "told.html")]
pub(crate) struct ToldPage {
    pub(crate) frame: Frame,
    pub(crate) texts: &'static Texts,
    pub(crate) lines: Vec<String>,
    pub(crate) back: &'static str,
}

/// Who it was, by what they are: a colleague needs no name for it.
pub(crate) fn function_of(deed: &Deed, roster: &Roster, texts: &Texts) -> String {
    roster.with_id(&deed.account).map_or_else(|| texts.race_elsewhere.to_owned(), |one| one.function.clone())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::texts::texts;

    #[test]
    fn a_moment_is_written_in_local_time_and_in_words() {
        let zone = TimeZone::get("Europe/Amsterdam").unwrap();
        let at: Timestamp = "2026-11-18T07:05:00Z".parse().unwrap();
        assert_eq!(moment(at, &zone, Language::Nl), "18 november 2026, 08:05");
        assert_eq!(month("2026-10", Language::En), "October 2026");
    }

    #[test]
    fn a_signal_that_is_over_is_not_said_to_be_unread() {
        let one = |place, notice| PassedOn {
            code: "9c01d4".to_owned(),
            signal: "00000000000000000000000000000007-1".parse().unwrap(),
            at: Timestamp::UNIX_EPOCH,
            school: "school-01AA00".parse().unwrap(),
            place,
            notice: Some(notice),
        };
        let texts = texts(Language::Nl);
        let line = PassedLine::of(&one(Place::Delivered, Notice::StillUnread), texts, String::new());
        assert!(line.notice == Some(texts.notice_unread) && !line.over && line.school == "01AA00");
        let line = PassedLine::of(&one(Place::Acknowledged, Notice::ReceiptMissing), texts, String::new());
        assert!(line.notice.is_none() && line.over && line.state == "Ontvangen");
    }
}
