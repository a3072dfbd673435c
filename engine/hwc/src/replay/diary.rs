//! The diary of a replay: what became of every child. It names children, so it can be written of invented ones only.

use std::{
    collections::{BTreeMap, HashMap},
    sync::{Mutex, MutexGuard, PoisonError},
};

use hwc_adapter_kit::Witness;
use hwc_schemas::{
    IncidentId, Organisation, SignalId, SignalNumber,
    outcome::{Outcome, ScreenedOut, Withheld},
    person::{Child, Revealed, Synthetic},
};
use hwc_workflow::{Event, Fact, Found};
use jiff::{Timestamp, tz::TimeZone};
use serde::Serialize;

use crate::engine::Observer;

/// Follows a replay from both sides: the adapters say which child, the engine says what happened.
pub(crate) struct Diarist {
    /// Only invented children are remembered; of others only what happened is counted.
    invented: Option<Synthetic>,
    pages: Mutex<Pages>,
}

#[derive(Default)]
struct Pages {
    order: Vec<IncidentId>,
    incidents: HashMap<IncidentId, IncidentPage>,
    children: BTreeMap<SignalId, ChildPage>,
    /// Letters that a school opened and that were not this child's, or not this school's. There must be none.
    misdelivered: usize,
    opened: usize,
}

#[derive(Default)]
struct IncidentPage {
    report_id: Option<String>,
    recorded_at: Option<Timestamp>,
    signals: usize,
}

/// What is known of one child's signal.
#[derive(Default, Clone)]
pub(crate) struct ChildPage {
    child: Option<Child>,
    sibling: bool,
    school: Option<Organisation>,
    delivered_to: Option<Organisation>,
    /// How it ended.
    pub(crate) outcome: Option<Outcome>,
    /// When the school could first open it.
    pub(crate) delivered_at: Option<Timestamp>,
    acknowledged_at: Option<Timestamp>,
    /// When nothing of it was left.
    pub(crate) purged_at: Option<Timestamp>,
}

/// One line of the diary.
#[derive(Serialize)]
pub(crate) struct Line<'a> {
    pub(crate) report_id: &'a str,
    pub(crate) child: Revealed<'a>,
    pub(crate) sibling: bool,
    pub(crate) outcome: Option<&'static str>,
    pub(crate) reason: Option<&'static str>,
    pub(crate) school: Option<&'a str>,
    pub(crate) recorded_at: Option<String>,
    pub(crate) delivered_at: Option<String>,
    pub(crate) acknowledged_at: Option<String>,
    pub(crate) purged_at: Option<String>,
}

/// What a diary comes to.
#[derive(Debug, Clone, Default)]
pub(crate) struct Count {
    /// Incidents that the engine accepted.
    pub(crate) incidents: usize,
    /// Signals by outcome and reason.
    pub(crate) outcomes: BTreeMap<(&'static str, Option<&'static str>), usize>,
    /// Signals that did not end.
    pub(crate) open: usize,
    /// Letters that were opened.
    pub(crate) opened: usize,
    /// Letters that were opened by the wrong school, or for the wrong child.
    pub(crate) misdelivered: usize,
    /// Signals that were delivered.
    pub(crate) delivered: usize,
}

impl Diarist {
    /// A diarist; without the witness that the people are invented it remembers no child and no reference.
    pub(crate) fn new(invented: Option<Synthetic>) -> Self {
        Self { invented, pages: Mutex::default() }
    }

    fn pages(&self) -> MutexGuard<'_, Pages> {
        self.pages.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Writes every line, in the order in which the reports were accepted.
    pub(crate) fn write<E>(
        &self,
        invented: Synthetic,
        zone: &TimeZone,
        mut line: impl FnMut(&Line<'_>) -> Result<(), E>,
    ) -> Result<(), E> {
        let pages = self.pages();
        let local = |moment: Option<Timestamp>| {
            moment.map(|moment| moment.to_zoned(zone.clone()).strftime("%Y-%m-%dT%H:%M:%S%:z").to_string())
        };
        for incident in &pages.order {
            let Some(page) = pages.incidents.get(incident) else { continue };
            for place in 0..page.signals {
                let Some(number) = SignalNumber::at(place) else { break };
                let Some(signal) = pages.children.get(&SignalId { incident: *incident, number }) else {
                    continue;
                };
                let Some(child) = &signal.child else { continue };
                let words = signal.outcome.map(Outcome::words);
                line(&Line {
                    report_id: page.report_id.as_deref().unwrap_or_default(),
                    child: child.reveal(invented),
                    sibling: signal.sibling,
                    outcome: words.map(|(outcome, _)| outcome),
                    reason: words.and_then(|(_, reason)| reason),
                    school: signal.delivered_to.as_ref().map(Organisation::code),
                    recorded_at: local(page.recorded_at),
                    delivered_at: local(signal.delivered_at),
                    acknowledged_at: local(signal.acknowledged_at),
                    purged_at: local(signal.purged_at),
                })?;
            }
        }
        Ok(())
    }

    /// Counts, naming nobody.
    pub(crate) fn count(&self) -> Count {
        let pages = self.pages();
        let mut count = Count {
            incidents: pages.incidents.values().filter(|page| page.recorded_at.is_some()).count(),
            opened: pages.opened,
            misdelivered: pages.misdelivered,
            ..Count::default()
        };
        for page in pages.children.values() {
            match (page.outcome, page.purged_at) {
                (Some(outcome), Some(_)) => *count.outcomes.entry(outcome.words()).or_default() += 1,
                _ => count.open += 1,
            }
            count.delivered += usize::from(page.delivered_at.is_some());
        }
        count
    }

    /// The moments of delivery.
    pub(crate) fn deliveries(&self) -> Vec<Timestamp> {
        self.pages().children.values().filter_map(|page| page.delivered_at).collect()
    }

    /// One child's page.
    pub(crate) fn page(&self, signal: SignalId) -> Option<ChildPage> {
        self.pages().children.get(&signal).cloned()
    }

    /// How many signals an incident has so far.
    pub(crate) fn signals(&self, incident: IncidentId) -> usize {
        self.pages().incidents.get(&incident).map_or(0, |page| page.signals)
    }

    /// The reference of an incident's report.
    pub(crate) fn report_id(&self, incident: IncidentId) -> Option<String> {
        self.pages().incidents.get(&incident)?.report_id.clone()
    }
}

impl ChildPage {
    /// The child's first name, if it is an invented one.
    pub(crate) fn first_name(&self, invented: Synthetic) -> Option<String> {
        Some(self.child.as_ref()?.reveal(invented).first_name().to_owned())
    }
}

impl Pages {
    fn incident(&mut self, incident: IncidentId) -> &mut IncidentPage {
        self.incidents.entry(incident).or_insert_with(|| {
            self.order.push(incident);
            IncidentPage::default()
        })
    }

    fn found(&mut self, incident: IncidentId, found: &[Found]) {
        let first = self.incident(incident).signals;
        self.incident(incident).signals += found.len();
        for (place, child) in found.iter().enumerate() {
            let Some(number) = SignalNumber::at(first + place) else { break };
            self.children.entry(SignalId { incident, number }).or_default().outcome = match child {
                Found::Referred { .. } => None,
                Found::ScreenedOut { reason } => Some(Outcome::ScreenedOut(*reason)),
                Found::NotParticipating => Some(Outcome::Withheld(Withheld::MunicipalityNotParticipating)),
            };
        }
    }
}

impl Witness for Diarist {
    fn submitting(&self, report_id: &str, incident: IncidentId) {
        if self.invented.is_some() {
            self.pages().incident(incident).report_id.get_or_insert_with(|| report_id.to_owned());
        }
    }

    fn found(&self, signal: SignalId, child: &Child, sibling: bool) {
        let mut pages = self.pages();
        let page = pages.children.entry(signal).or_default();
        page.sibling = sibling;
        if self.invented.is_some() {
            page.child.get_or_insert_with(|| child.clone());
        }
    }

    fn opened(&self, signal: SignalId, child: &Child, school: &Organisation) {
        let mut pages = self.pages();
        pages.opened += 1;
        let right = pages.children.get(&signal).is_some_and(|page| {
            page.child.as_ref().is_none_or(|found| found == child)
                && page.delivered_to.as_ref() == Some(school)
        });
        if !right {
            pages.misdelivered += 1;
        }
    }
}

impl Observer for Diarist {
    /// An engine that died may have told less than it wrote: the page is written anew.
    fn found(&self, incident: IncidentId, events: &[Event]) {
        if let Some(page) = self.pages().incidents.get_mut(&incident) {
            page.signals = 0;
        }
        self.noted(incident, events);
    }

    fn noted(&self, incident: IncidentId, events: &[Event]) {
        let mut pages = self.pages();
        for event in events {
            match &event.fact {
                Fact::Recorded { .. } => pages.incident(incident).recorded_at = Some(event.at),
                Fact::NotDomesticViolence { children } => {
                    let reason = ScreenedOut::NotDomesticViolence;
                    pages.found(incident, &vec![Found::ScreenedOut { reason }; usize::from(*children)]);
                }
                Fact::Expanded { found, .. } | Fact::Joined { found } => pages.found(incident, found),
                Fact::IncidentPurged => {
                    for place in 0..pages.incident(incident).signals {
                        let Some(number) = SignalNumber::at(place) else { break };
                        if let Some(page) = pages.children.get_mut(&SignalId { incident, number }) {
                            page.purged_at.get_or_insert(event.at);
                        }
                    }
                }
                fact => {
                    let Some(number) = fact.number() else { continue };
                    pages.children.entry(SignalId { incident, number }).or_default().note(event.at, fact);
                }
            }
        }
    }
}

impl ChildPage {
    fn note(&mut self, at: Timestamp, fact: &Fact) {
        match fact {
            Fact::Routed { school, .. } => self.school = Some(school.clone()),
            Fact::Delivered { .. } => {
                self.delivered_at = Some(at);
                self.delivered_to.clone_from(&self.school);
            }
            Fact::Acknowledged { .. } => {
                self.acknowledged_at = Some(at);
                self.outcome = Some(Outcome::Acknowledged);
            }
            Fact::Withheld { reason, .. } => self.outcome = Some(Outcome::Withheld(*reason)),
            Fact::Expired { reason, .. } => self.outcome = Some(Outcome::Expired(*reason)),
            Fact::Recalled { reason, .. } => self.outcome = Some(Outcome::Recalled(*reason)),
            Fact::Purged { .. } => self.purged_at = Some(at),
            _ => {}
        }
    }
}
