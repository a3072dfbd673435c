//! One row for every signal.

use hwc_schemas::{Organisation, outcome::Outcome};
use hwc_workflow::calendar::{Calendar, Day, Zone};
use jiff::{
    Timestamp,
    civil::{Date, Time},
};

use super::{ReportNumber, local};
use crate::arrivals::Incident;

/// When a signal was where.
#[derive(Debug, Clone)]
pub struct Timing {
    /// Its report.
    pub report: ReportNumber,
    /// Its number among the signals of the report, from 1.
    pub signal: u16,
    /// What it is about.
    pub incident: Incident,
    /// When the engine accepted the report.
    pub recorded_at: Option<Timestamp>,
    /// When it was screened.
    pub screened_at: Option<Timestamp>,
    /// When Veilig Thuis had done with it.
    pub expanded_at: Option<Timestamp>,
    /// When it was routed first.
    pub routed_at: Option<Timestamp>,
    /// When it was routed last.
    pub routed_last_at: Option<Timestamp>,
    /// When it was delivered first.
    pub delivered_first_at: Option<Timestamp>,
    /// When it was delivered last.
    pub delivered_at: Option<Timestamp>,
    /// When it was opened first.
    pub opened_at: Option<Timestamp>,
    /// When the school acknowledged it.
    pub acknowledged_at: Option<Timestamp>,
    /// When its outcome was certain.
    pub ended_at: Option<Timestamp>,
    /// When nothing of it was left.
    pub purged_at: Option<Timestamp>,
    /// How it ended.
    pub outcome: Option<Outcome>,
    /// How often a school returned it.
    pub returned: u16,
    /// The child's home municipality.
    pub municipality: Option<Organisation>,
    /// Where it was routed to last.
    pub school: Option<Organisation>,
    /// Where it was delivered to last.
    pub delivered_to: Option<Organisation>,
}

/// The legs of a signal's way, each with who is at work on it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Leg {
    /// From the incident to the report: the police.
    Police,
    /// From the report until the children are known: Veilig Thuis.
    VeiligThuis,
    /// From there until a school is found: the municipality.
    Municipality,
    /// From there until it is delivered: it waits for its school's day.
    Held,
    /// From there until it is acknowledged: the school.
    School,
}

impl Leg {
    /// Every leg, in the order of the way.
    pub const ALL: [Self; 5] =
        [Self::Police, Self::VeiligThuis, Self::Municipality, Self::Held, Self::School];

    /// In files.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Police => "police",
            Self::VeiligThuis => "veilig_thuis",
            Self::Municipality => "municipality",
            Self::Held => "held",
            Self::School => "school",
        }
    }
}

impl Timing {
    pub(crate) const fn new(report: ReportNumber, signal: u16, incident: &Incident) -> Self {
        Self {
            report,
            signal,
            incident: *incident,
            recorded_at: None,
            screened_at: None,
            expanded_at: None,
            routed_at: None,
            routed_last_at: None,
            delivered_first_at: None,
            delivered_at: None,
            opened_at: None,
            acknowledged_at: None,
            ended_at: None,
            purged_at: None,
            outcome: None,
            returned: 0,
            municipality: None,
            school: None,
            delivered_to: None,
        }
    }

    /// A signal ends once; what a recall or an expiry says afterwards of one that was on its way again is its end.
    pub(crate) const fn ends(&mut self, outcome: Outcome, at: Timestamp) {
        self.outcome = Some(outcome);
        self.ended_at = Some(at);
    }

    /// How long a leg took, in seconds; none when it did not come to its end.
    pub fn leg(&self, leg: Leg) -> Option<i64> {
        let (from, until) = match leg {
            Leg::Police => (Some(self.incident.occurred_at), Some(self.incident.reported_at)),
            Leg::VeiligThuis => (Some(self.incident.reported_at), self.expanded_at),
            Leg::Municipality => (self.expanded_at, self.routed_at),
            Leg::Held => (self.routed_at, self.delivered_first_at),
            Leg::School => (self.delivered_first_at, self.acknowledged_at),
        };
        Some(until?.duration_since(from?).as_secs())
    }

    /// From the incident to the first delivery, in seconds. A bare date counts from its midnight (R26).
    pub fn until_delivery(&self, zone: &Zone) -> Option<i64> {
        let from = if self.incident.date_only {
            zone.instant(zone.local(self.incident.occurred_at).date(), Time::midnight())
        } else {
            self.incident.occurred_at
        };
        Some(self.delivered_first_at?.duration_since(from).as_secs())
    }

    /// When the first lessons begin after the incident (R17), at the school it was delivered to; none where no listed school
    /// year says so, and without a school.
    pub fn first_lesson(&self, calendar: &Calendar, school_start: Time) -> Option<Timestamp> {
        let school = self.delivered_to.as_ref().or(self.school.as_ref())?;
        let occurred = calendar.local(self.incident.occurred_at);
        let today = occurred.date();
        let from = if occurred.time() < school_start { today } else { today.tomorrow().ok()? };
        let day = calendar.school_day_from(school, from).ok()?;
        Some(calendar.instant(day, school_start))
    }

    /// The row as text, in the order of [`Timing::COLUMNS`].
    pub fn fields(&self, calendar: &Calendar, school_start: Time) -> Vec<String> {
        let zone = calendar.zone();
        let moment = |at: Option<Timestamp>| at.map(|at| local(zone, at)).unwrap_or_default();
        let yes = |is: bool| if is { "yes" } else { "no" }.to_owned();
        let seconds = |seconds: Option<i64>| seconds.map(|s| s.to_string()).unwrap_or_default();
        let school_day = |day: Date| yes(calendar.day_of_the_region(day) == Day::School);
        let code = |whose: &Option<Organisation>| {
            whose.as_ref().map(|one| one.code().to_owned()).unwrap_or_default()
        };
        let (outcome, reason) = self.outcome.map(Outcome::words).unwrap_or_default();
        let incident = &self.incident;
        let day = |at: Timestamp| zone.local(at).date();
        let first_lesson = self.first_lesson(calendar, school_start);
        let in_time = first_lesson.zip(self.delivered_first_at).map(|(lesson, at)| yes(at <= lesson));
        let mut fields = vec![
            self.report.to_string(),
            self.signal.to_string(),
            yes(incident.follow_up),
            yes(incident.late),
            yes(incident.date_only),
            school_day(day(incident.occurred_at)),
            school_day(day(incident.reported_at)),
            local(zone, incident.occurred_at),
            local(zone, incident.reported_at),
            moment(self.recorded_at),
            moment(self.expanded_at),
            moment(self.routed_at),
            moment(self.delivered_first_at),
            moment(self.delivered_at),
            moment(self.acknowledged_at),
            moment(self.ended_at),
            moment(self.purged_at),
        ];
        fields.extend(Leg::ALL.iter().map(|leg| seconds(self.leg(*leg))));
        fields.push(seconds(self.until_delivery(zone)));
        fields.push(moment(first_lesson));
        fields.push(in_time.unwrap_or_default());
        fields.push(self.returned.to_string());
        fields.push(code(&self.municipality));
        fields.push(code(&self.delivered_to));
        fields.push(outcome.to_owned());
        fields.push(reason.unwrap_or_default().to_owned());
        fields
    }

    /// The columns of `timings.csv`. Lengths of time are in seconds; moments are local, with their offset.
    pub const COLUMNS: [&'static str; 30] = [
        "report",
        "signal",
        "follow_up",
        "late_report",
        "date_only",
        "incident_on_school_day",
        "reported_on_school_day",
        "occurred_at",
        "reported_at",
        "recorded_at",
        "expanded_at",
        "routed_at",
        "delivered_first_at",
        "delivered_at",
        "acknowledged_at",
        "ended_at",
        "purged_at",
        "police_s",
        "veilig_thuis_s",
        "municipality_s",
        "held_s",
        "school_s",
        "incident_to_delivery_s",
        "first_lesson_at",
        "before_first_lesson",
        "returned",
        "municipality",
        "school",
        "outcome",
        "reason",
    ];
}
