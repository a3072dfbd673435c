//! What one ended incident adds to the counts (R25, R26).
//!
//! * Every signal counts once, in the month in which the last of its incident was gone, by how it ended.
//! * *Sent* is a signal that lay with a school at its end: delivered, and not returned since. A return takes the sending back (R24:
//!   a signal on its way again has not ended; its outcome is what follows). So whoever was sent to a wrong school, returned and
//!   sent to the right one is sent once, to the right one; what went wrong stands in the record of breaches.
//! * *Received*, by a municipality, is every signal that was referred to it.
//! * An incident that ended before its children were known counts as many signals as were named; where nobody ever knew, as one.

use hwc_schemas::{
    Organisation, SignalNumber,
    outcome::{Expired, Outcome, ScreenedOut, Withheld},
};
use hwc_workflow::{Event, Fact, Found, calendar::Zone};
use jiff::Timestamp;

use crate::Month;

/// One step of a signal's way.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Hop {
    /// From the report to the screening.
    Screened,
    /// From there until the child was found.
    Expanded,
    /// From there until the municipality named the school, for the last time.
    Routed,
    /// From there until the school could open it.
    Delivered,
    /// From there until the school confirmed it.
    Acknowledged,
}

/// Every hop, in order.
pub const HOPS: [Hop; 5] = [Hop::Screened, Hop::Expanded, Hop::Routed, Hop::Delivered, Hop::Acknowledged];

impl Hop {
    /// In a word.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Screened => "screened",
            Self::Expanded => "expanded",
            Self::Routed => "routed",
            Self::Delivered => "delivered",
            Self::Acknowledged => "acknowledged",
        }
    }
}

/// What an incident adds: held in memory only, and put into sums.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ending {
    /// The local month in which the last of it was gone.
    pub month: Month,
    /// Its signals.
    pub signals: Vec<Signal>,
}

/// What a signal adds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Signal {
    /// How many like it.
    pub count: u32,
    /// To whom it was referred; none if to nobody.
    pub municipality: Option<Organisation>,
    /// With which school it lay at its end: then it counts as sent.
    pub school: Option<Organisation>,
    /// How it ended.
    pub outcome: Outcome,
    /// How long each hop took, in seconds; none where it did not come so far.
    pub hops: [Option<u64>; HOPS.len()],
    /// For one that was sent: the seconds from the incident to the delivery, and whether only the incident's day was known.
    pub after: Option<(u64, bool)>,
}

/// What an incident adds, by its whole log; none before it has ended.
pub fn tally(events: &[Event], zone: &Zone) -> Option<Ending> {
    let mut way = Way::default();
    for event in events {
        way.walk(event);
    }
    let month = Month::of(zone.local(way.purged_at?).date());
    Some(Ending { month, signals: way.signals() })
}

/// An incident on its way.
#[derive(Default)]
struct Way {
    recorded_at: Option<Timestamp>,
    screened_at: Option<Timestamp>,
    /// Seconds from incident to report, and whether only its day was known.
    interval: Option<(u64, bool)>,
    /// How it ended as a whole, and how many children that were.
    whole: Option<(Outcome, u32)>,
    children: Vec<Child>,
    purged_at: Option<Timestamp>,
}

/// One child on its way.
struct Child {
    municipality: Option<Organisation>,
    found_at: Timestamp,
    /// Where to, and since when, for the last time.
    routed: Option<(Organisation, Timestamp)>,
    delivered_at: Option<Timestamp>,
    acknowledged_at: Option<Timestamp>,
    outcome: Option<Outcome>,
}

impl Way {
    fn walk(&mut self, event: &Event) {
        let at = event.at;
        match &event.fact {
            Fact::Recorded { .. } => self.recorded_at = Some(at),
            Fact::Screened => self.screened_at = Some(at),
            Fact::NotDomesticViolence { children } => {
                let outcome = Outcome::ScreenedOut(ScreenedOut::NotDomesticViolence);
                self.whole = Some((outcome, u32::from(*children)));
            }
            Fact::Expanded { found, interval, .. } => {
                self.interval = Some((interval.seconds, interval.date_only));
                self.found(found, at);
            }
            Fact::Joined { found } => self.found(found, at),
            Fact::ReportExpired if self.interval.is_none() => {
                self.whole = Some((Outcome::Expired(Expired::NotScreened), 1));
            }
            Fact::IncidentPurged => self.purged_at = Some(at),
            fact => {
                if let Some(child) = fact.number().and_then(|number| self.child(number)) {
                    child.walk(fact, at);
                }
            }
        }
    }

    fn found(&mut self, found: &[Found], at: Timestamp) {
        self.children.extend(found.iter().map(|one| {
            let (municipality, outcome) = match one {
                Found::Referred { municipality, .. } => (Some(municipality.clone()), None),
                Found::ScreenedOut { reason } => (None, Some(Outcome::ScreenedOut(*reason))),
                Found::NotParticipating => {
                    (None, Some(Outcome::Withheld(Withheld::MunicipalityNotParticipating)))
                }
            };
            Child {
                municipality,
                found_at: at,
                routed: None,
                delivered_at: None,
                acknowledged_at: None,
                outcome,
            }
        }));
    }

    fn child(&mut self, number: SignalNumber) -> Option<&mut Child> {
        self.children.get_mut(number.index())
    }

    fn signals(&self) -> Vec<Signal> {
        let screened = seconds(self.recorded_at, self.screened_at);
        let whole = self.whole.map(|(outcome, count)| Signal {
            count,
            municipality: None,
            school: None,
            outcome,
            hops: [screened, None, None, None, None],
            after: None,
        });
        whole
            .into_iter()
            .chain(self.children.iter().filter_map(|child| self.signal(child, screened)))
            .collect()
    }

    fn signal(&self, child: &Child, screened: Option<u64>) -> Option<Signal> {
        let routed_at = child.routed.as_ref().map(|(_, at)| *at);
        let hops = [
            screened,
            seconds(self.screened_at, Some(child.found_at)),
            seconds(Some(child.found_at), routed_at),
            seconds(routed_at, child.delivered_at),
            seconds(child.delivered_at, child.acknowledged_at),
        ];
        let school = child.routed.as_ref().filter(|_| child.delivered_at.is_some());
        let after = seconds(self.recorded_at, child.delivered_at)
            .zip(self.interval)
            .map(|(since, (before, day_only))| (before.saturating_add(since), day_only));
        Some(Signal {
            count: 1,
            municipality: child.municipality.clone(),
            school: school.map(|(school, _)| school.clone()),
            outcome: child.outcome?,
            hops,
            after,
        })
    }
}

impl Child {
    fn walk(&mut self, fact: &Fact, at: Timestamp) {
        match fact {
            Fact::Routed { school, .. } => self.routed = Some((school.clone(), at)),
            Fact::LookUpAgain { .. } | Fact::Returned { .. } => {
                (self.routed, self.delivered_at) = (None, None);
            }
            Fact::Delivered { .. } => self.delivered_at = Some(at),
            Fact::Acknowledged { .. } => {
                self.acknowledged_at = Some(at);
                self.outcome = Some(Outcome::Acknowledged);
            }
            Fact::Withheld { reason, .. } => self.outcome = Some(Outcome::Withheld(*reason)),
            Fact::Recalled { reason, .. } => self.outcome = Some(Outcome::Recalled(*reason)),
            Fact::Expired { reason, .. } => self.outcome = Some(Outcome::Expired(*reason)),
            _ => {}
        }
    }
}

/// Whole seconds; a clock that was set back makes none of them negative.
fn seconds(from: Option<Timestamp>, to: Option<Timestamp>) -> Option<u64> {
    Some(u64::try_from(to?.duration_since(from?).as_secs()).unwrap_or(0))
}

#[cfg(test)]
mod tests;
