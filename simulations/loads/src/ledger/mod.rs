//! What happened, as it happens: one line for every transition, one row for every signal, how much lies where. It knows
//! reports and signals by number, and nobody by name.

mod gauge;
mod timing;

use std::{collections::HashMap, io::Write};

use hwc_schemas::{
    IncidentId, Organisation, SignalNumber,
    outcome::{Outcome, ScreenedOut, Withheld},
    wire::{Answer, Notice},
};
use hwc_workflow::{Event, Fact, Found, calendar::Zone};
use jiff::Timestamp;

pub use gauge::{Gauge, Level};
pub use timing::{Leg, Timing};

use crate::arrivals::Incident;

/// A report's number: its place among the reports in the order in which they are sent, from 1.
pub type ReportNumber = u32;

/// Follows a run. Every transition goes to a file at once; what is kept of a signal that ended is one row.
pub struct Ledger<W: Write> {
    zone: Zone,
    lines: csv::Writer<W>,
    pages: HashMap<IncidentId, Page>,
    timings: Vec<Timing>,
    places: [Gauge; 4],
    tallies: Tallies,
}

/// What is counted besides the rows.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Tallies {
    /// Reports that the engine accepted.
    pub recorded: u32,
    /// Reports that the engine refused.
    pub refused: u32,
    /// Incidents of which nothing is left.
    pub purged: u32,
    /// Transitions.
    pub transitions: u64,
    /// Held signals that were looked up again (R12).
    pub looked_up_again: u32,
    /// Signals that a school returned (R24).
    pub returned: u32,
    /// Reminders to contacts (R20).
    pub reminded_contact: u32,
    /// Reminders to backup contacts (R20).
    pub reminded_backup: u32,
    /// Notices to municipalities that receipt is missing, or that a signal is still unread (R20).
    pub told_municipality: u32,
    /// Incidents whose named children went first, because the look-up was down (R9).
    pub named_first: u32,
}

/// Where something lies and waits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// Reports that Veilig Thuis has not screened and looked up yet.
    VeiligThuis,
    /// Signals that a municipality has not routed yet.
    Municipality,
    /// Signals that are held until their school's day.
    Held,
    /// Signals that a school has not acknowledged yet.
    School,
}

impl Place {
    /// Every place, in the order of a signal's way.
    pub const ALL: [Self; 4] = [Self::VeiligThuis, Self::Municipality, Self::Held, Self::School];

    /// In files.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::VeiligThuis => "veilig_thuis",
            Self::Municipality => "municipality",
            Self::Held => "held",
            Self::School => "school",
        }
    }
}

struct Page {
    report: ReportNumber,
    incident: Incident,
    recorded_at: Option<Timestamp>,
    screened_at: Option<Timestamp>,
    at_veilig_thuis: bool,
    signals: Vec<Open>,
}

/// A signal that has not ended.
struct Open {
    row: Timing,
    at: Option<Place>,
}

/// The header of the lines.
const HEADER: [&str; 5] = ["report", "signal", "at", "happened", "detail"];

impl<W: Write> Ledger<W> {
    /// An empty ledger that writes its lines there. `begins` is when there is nothing yet; `step_seconds` how finely it is
    /// kept how much lies where.
    pub fn new(zone: Zone, lines: W, begins: Timestamp, step_seconds: i64) -> Result<Self, csv::Error> {
        let mut lines = csv::Writer::from_writer(lines);
        lines.write_record(HEADER)?;
        let places = [(); 4].map(|()| Gauge::new(begins, step_seconds));
        let tallies = Tallies::default();
        Ok(Self { zone, lines, pages: HashMap::new(), timings: Vec::new(), places, tallies })
    }

    /// The police take up a report, which is about this incident.
    pub fn reporting(&mut self, id: IncidentId, report: ReportNumber, incident: Incident) {
        let page = Page {
            report,
            incident,
            recorded_at: None,
            screened_at: None,
            at_veilig_thuis: false,
            signals: Vec::new(),
        };
        self.pages.entry(id).or_insert(page);
    }

    /// The police heard an answer. A report that was refused, or sent again after its incident had ended, is about nothing.
    pub fn answered(&mut self, id: IncidentId, answer: Answer) {
        let ends = match answer {
            Answer::Recorded | Answer::TryLater => false,
            Answer::AlreadyRecorded => true,
            Answer::Refused { .. } => {
                self.tallies.refused += 1;
                true
            }
        };
        if ends && self.pages.get(&id).is_some_and(|page| page.recorded_at.is_none()) {
            self.pages.remove(&id);
        }
    }

    /// These events of an incident became durable.
    pub fn note(&mut self, id: IncidentId, events: &[Event]) -> Result<(), csv::Error> {
        // What is no report of this run is no business of this ledger.
        let Some(mut page) = self.pages.remove(&id) else { return Ok(()) };
        let mut over = false;
        for event in events {
            over |= event.fact == Fact::IncidentPurged;
            self.note_one(&mut page, event)?;
        }
        if over {
            self.timings.extend(page.signals.into_iter().map(|open| open.row));
        } else {
            self.pages.insert(id, page);
        }
        Ok(())
    }

    fn note_one(&mut self, page: &mut Page, event: &Event) -> Result<(), csv::Error> {
        let at = event.at;
        match &event.fact {
            Fact::Erased { .. } | Fact::BreachRecorded { .. } => return Ok(()),
            Fact::Recorded { .. } => {
                page.recorded_at = Some(at);
                self.tallies.recorded += 1;
                self.put(Place::VeiligThuis, at, 1);
                page.at_veilig_thuis = true;
                self.line(page.report, None, at, "recorded", "")?;
            }
            Fact::Screened => {
                page.screened_at = Some(at);
                self.line(page.report, None, at, "screened", "")?;
            }
            Fact::NotDomesticViolence { children } => {
                self.leave_veilig_thuis(page, at);
                let reason = ScreenedOut::NotDomesticViolence;
                self.line(page.report, None, at, "screened_out", reason.as_str())?;
                self.found(page, at, &vec![Found::ScreenedOut { reason }; usize::from(*children)])?;
            }
            Fact::Expanded { found, complete, .. } => {
                self.leave_veilig_thuis(page, at);
                self.tallies.named_first += u32::from(!complete);
                let detail = if *complete { "household" } else { "named_first" };
                self.line(page.report, None, at, "expanded", detail)?;
                self.found(page, at, found)?;
            }
            Fact::Joined { found } => {
                self.line(page.report, None, at, "joined", "")?;
                self.found(page, at, found)?;
            }
            Fact::ReportExpired => {
                self.leave_veilig_thuis(page, at);
                self.line(page.report, None, at, "report_expired", "")?;
            }
            Fact::IncidentPurged => {
                self.tallies.purged += 1;
                for open in &mut page.signals {
                    open.row.purged_at.get_or_insert(at);
                    if let Some(place) = open.at.take() {
                        self.put(place, at, -1);
                    }
                }
                self.line(page.report, None, at, "purged", "")?;
            }
            fact => {
                if let Some(number) = fact.number() {
                    self.of_signal(page, number, at, fact)?;
                }
            }
        }
        Ok(())
    }

    /// Children are known: each becomes a signal.
    fn found(&mut self, page: &mut Page, at: Timestamp, found: &[Found]) -> Result<(), csv::Error> {
        for one in found {
            let signal = u16::try_from(page.signals.len() + 1).unwrap_or(u16::MAX);
            let mut row = Timing::new(page.report, signal, &page.incident);
            (row.recorded_at, row.screened_at, row.expanded_at) =
                (page.recorded_at, page.screened_at, Some(at));
            let (happened, detail, place) = match one {
                Found::Referred { municipality, .. } => {
                    row.municipality = Some(municipality.clone());
                    ("referred", municipality.code().to_owned(), Some(Place::Municipality))
                }
                Found::ScreenedOut { reason } => {
                    row.ends(Outcome::ScreenedOut(*reason), at);
                    ("screened_out", reason.as_str().to_owned(), None)
                }
                Found::NotParticipating => {
                    let reason = Withheld::MunicipalityNotParticipating;
                    row.ends(Outcome::Withheld(reason), at);
                    ("withheld", reason.as_str().to_owned(), None)
                }
            };
            if let Some(place) = place {
                self.put(place, at, 1);
            }
            self.line(page.report, Some(signal), at, happened, &detail)?;
            page.signals.push(Open { row, at: place });
        }
        Ok(())
    }

    fn of_signal(
        &mut self,
        page: &mut Page,
        number: SignalNumber,
        at: Timestamp,
        fact: &Fact,
    ) -> Result<(), csv::Error> {
        let Some(open) = page.signals.get_mut(number.index()) else { return Ok(()) };
        let row = &mut open.row;
        let code = |school: &Option<Organisation>| {
            school.as_ref().map(|school| school.code().to_owned()).unwrap_or_default()
        };
        let (happened, detail, place) = match fact {
            Fact::Routed { school, .. } => {
                row.routed_at.get_or_insert(at);
                row.routed_last_at = Some(at);
                row.school = Some(school.clone());
                ("routed", school.code().to_owned(), Some(Place::Held))
            }
            Fact::LookUpAgain { .. } => {
                self.tallies.looked_up_again += 1;
                ("looked_up_again", String::new(), Some(Place::Municipality))
            }
            Fact::Delivered { .. } => {
                row.delivered_first_at.get_or_insert(at);
                row.delivered_at = Some(at);
                row.delivered_to.clone_from(&row.school);
                ("delivered", code(&row.school), Some(Place::School))
            }
            Fact::Opened { .. } => {
                row.opened_at.get_or_insert(at);
                ("opened", code(&row.school), open.at)
            }
            Fact::Reminded { notice, .. } => {
                match notice {
                    Notice::RemindContact => self.tallies.reminded_contact += 1,
                    Notice::RemindBackup => self.tallies.reminded_backup += 1,
                    Notice::ReceiptMissing | Notice::StillUnread => self.tallies.told_municipality += 1,
                }
                ("reminded", notice.as_str().to_owned(), open.at)
            }
            Fact::Acknowledged { .. } => {
                row.acknowledged_at = Some(at);
                row.ends(Outcome::Acknowledged, at);
                ("acknowledged", code(&row.school), None)
            }
            Fact::Returned { .. } => {
                self.tallies.returned += 1;
                row.returned = row.returned.saturating_add(1);
                ("returned", code(&row.school), Some(Place::Municipality))
            }
            Fact::Withheld { reason, .. } => {
                row.ends(Outcome::Withheld(*reason), at);
                ("withheld", reason.as_str().to_owned(), None)
            }
            Fact::Recalled { reason, .. } => {
                row.ends(Outcome::Recalled(*reason), at);
                ("recalled", reason.as_str().to_owned(), None)
            }
            Fact::Expired { reason, .. } => {
                row.ends(Outcome::Expired(*reason), at);
                ("expired", reason.as_str().to_owned(), None)
            }
            Fact::Purged { .. } => {
                row.purged_at = Some(at);
                ("purged", String::new(), None)
            }
            _ => return Ok(()),
        };
        let signal = row.signal;
        let before = std::mem::replace(&mut open.at, place);
        if before != place {
            for (place, change) in [(before, -1), (place, 1)] {
                if let Some(place) = place {
                    self.put(place, at, change);
                }
            }
        }
        self.line(page.report, Some(signal), at, happened, &detail)
    }

    fn leave_veilig_thuis(&mut self, page: &mut Page, at: Timestamp) {
        if std::mem::take(&mut page.at_veilig_thuis) {
            self.put(Place::VeiligThuis, at, -1);
        }
    }

    fn put(&mut self, place: Place, at: Timestamp, change: i64) {
        if let Some(gauge) = self.places.get_mut(place as usize) {
            gauge.change(at, change);
        }
    }

    fn line(
        &mut self,
        report: ReportNumber,
        signal: Option<u16>,
        at: Timestamp,
        happened: &str,
        detail: &str,
    ) -> Result<(), csv::Error> {
        self.tallies.transitions += 1;
        let signal = signal.map(|signal| signal.to_string()).unwrap_or_default();
        self.lines.write_record([&report.to_string(), &signal, &local(&self.zone, at), happened, detail])
    }

    /// Reports and signals that are under way, and those that ended, for whoever wants to see how far it is.
    pub fn progress(&self) -> (usize, u32) {
        (self.pages.len(), self.tallies.purged)
    }

    /// The run is over: what was kept. Rows stand in the order of reports and signals.
    pub fn close(mut self, ends: Timestamp) -> Result<Closed, csv::Error> {
        self.lines.flush()?;
        for page in self.pages.into_values() {
            self.timings.extend(page.signals.into_iter().map(|open| open.row));
        }
        self.timings.sort_unstable_by_key(|row| (row.report, row.signal));
        for place in &mut self.places {
            place.change(ends, 0);
        }
        Ok(Closed { timings: self.timings, places: self.places, tallies: self.tallies, ends })
    }
}

/// What a run leaves.
#[derive(Debug)]
pub struct Closed {
    /// A row for every signal.
    pub timings: Vec<Timing>,
    /// How much lay where, in the order of [`Place::ALL`].
    pub places: [Gauge; 4],
    /// What was counted.
    pub tallies: Tallies,
    /// When nothing was left to happen.
    pub ends: Timestamp,
}

/// A moment as files write it: local, with its offset, to the second.
pub fn local(zone: &Zone, at: Timestamp) -> String {
    at.to_zoned(zone.as_time_zone().clone()).strftime("%Y-%m-%dT%H:%M:%S%:z").to_string()
}

#[cfg(test)]
mod tests;
