//! The incident: one report, and from `Expanded` on its signals.

use hwc_schemas::{Organisation, PayloadId, SignalNumber, TraceId};
use jiff::{SignedDuration, Timestamp};

use super::{OutOfOrder, Signal, SignalState, misfit, on_the_page};
use crate::{
    event::{Event, Fact, Found},
    law::Phase,
    policy::Policy,
};

/// One incident, the consistency boundary.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub enum Incident {
    /// Nothing is known of it.
    #[default]
    Unknown,
    /// The report is here.
    Recorded(Recorded),
    /// It qualifies.
    Screened(Screened),
    /// Its children are known.
    Expanded(Expanded),
    /// It ended as a whole, before its children were known.
    Closed(Closed),
    /// Nothing is left of it. No field could hold a person, or even an id.
    Purged,
}

/// The report is with Veilig Thuis.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Recorded {
    /// When the engine accepted it; the ceiling counts from here (R23).
    pub recorded_at: Timestamp,
    /// Who sent it.
    pub police: Organisation,
    /// Who screens it.
    pub veilig_thuis: Organisation,
    /// The sealed report.
    pub report: PayloadId,
    /// Its trace.
    pub trace: Option<TraceId>,
}

/// Witness that the screening said yes: only [`Recorded`] makes it, and only with it a child can be referred (R3).
///
/// ```compile_fail,E0423
/// let qualified = hwc_workflow::state::Qualified(());
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Qualified(());

/// It qualifies; the household is being looked up.
///
/// ```compile_fail,E0451
/// fn unscreened(recorded: hwc_workflow::state::Recorded) -> hwc_workflow::state::Screened {
///     hwc_workflow::state::Screened { recorded, qualified: todo!() }
/// }
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Screened {
    /// As recorded.
    pub recorded: Recorded,
    qualified: Qualified,
}

/// Its children are known: each is a signal of its own from here on (R9).
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Expanded {
    /// When the engine accepted the report.
    pub recorded_at: Timestamp,
    /// Who sent it.
    pub police: Organisation,
    /// Who screened it.
    pub veilig_thuis: Organisation,
    /// The report, as long as the look-up of the household is not done (R9).
    pub report: Option<PayloadId>,
    /// Its trace.
    pub trace: Option<TraceId>,
    /// Ciphertexts that nobody needs any more.
    pub erasing: Vec<PayloadId>,
    /// The children, by number.
    pub signals: Vec<Signal>,
    qualified: Qualified,
}

/// It ended as a whole.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Closed {
    /// How.
    pub how: ClosedHow,
    /// Who sent it.
    pub police: Organisation,
    /// Who screened it.
    pub veilig_thuis: Organisation,
    /// Its trace.
    pub trace: Option<TraceId>,
    /// Ciphertexts that nobody needs any more.
    pub erasing: Vec<PayloadId>,
}

/// How an incident ended as a whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ClosedHow {
    /// No violence in a relationship of dependency (R3); so many children had been named.
    NotDomesticViolence {
        /// Children named, each once.
        children: u16,
    },
    /// The ceiling came before the screening was done (R23).
    NotScreened,
}

impl Recorded {
    fn screened(self) -> Screened {
        Screened { recorded: self, qualified: Qualified(()) }
    }

    fn closed(self, how: ClosedHow) -> Closed {
        let Self { police, veilig_thuis, trace, report, .. } = self;
        Closed { how, police, veilig_thuis, trace, erasing: vec![report] }
    }
}

impl Screened {
    fn expanded(self, found: &[Found], complete: bool) -> Expanded {
        let Recorded { recorded_at, police, veilig_thuis, report, trace } = self.recorded;
        let mut expanded = Expanded {
            recorded_at,
            police,
            veilig_thuis,
            report: Some(report),
            trace,
            erasing: Vec::new(),
            signals: Vec::with_capacity(found.len()),
            qualified: self.qualified,
        };
        expanded.admit(found);
        if complete {
            expanded.let_go_of_the_report();
        }
        expanded
    }
}

impl Expanded {
    fn admit(&mut self, found: &[Found]) {
        let qualified = self.qualified;
        self.signals.extend(found.iter().map(|child| Signal::found(qualified, child)));
    }

    fn let_go_of_the_report(&mut self) {
        self.erasing.extend(self.report.take());
    }

    /// The signals with their numbers.
    pub fn numbered(&self) -> impl Iterator<Item = (SignalNumber, &Signal)> {
        self.signals.iter().enumerate().filter_map(|(i, signal)| Some((SignalNumber::at(i)?, signal)))
    }

    /// One signal.
    pub fn signal(&self, number: SignalNumber) -> Option<&Signal> {
        self.signals.get(number.index())
    }

    /// Whether nothing is left but the log.
    pub fn is_empty(&self) -> bool {
        self.report.is_none()
            && self.erasing.is_empty()
            && self.signals.iter().all(|signal| matches!(signal.state, SignalState::Purged(_)))
    }
}

impl Incident {
    /// Where the incident is.
    pub const fn phase(&self) -> Phase {
        match self {
            Self::Unknown => Phase::Unknown,
            Self::Recorded(_) => Phase::Recorded,
            Self::Screened(_) => Phase::Screened,
            Self::Expanded(_) => Phase::Expanded,
            Self::Closed(Closed { how: ClosedHow::NotDomesticViolence { .. }, .. }) => Phase::ScreenedOut,
            Self::Closed(Closed { how: ClosedHow::NotScreened, .. }) => Phase::Expired,
            Self::Purged => Phase::Purged,
        }
    }

    /// Who sent the report, as long as anything is known.
    pub const fn police(&self) -> Option<&Organisation> {
        match self {
            Self::Recorded(r) => Some(&r.police),
            Self::Screened(s) => Some(&s.recorded.police),
            Self::Expanded(e) => Some(&e.police),
            Self::Closed(c) => Some(&c.police),
            Self::Unknown | Self::Purged => None,
        }
    }

    /// Who screens it, as long as anything is known.
    pub const fn veilig_thuis(&self) -> Option<&Organisation> {
        match self {
            Self::Recorded(r) => Some(&r.veilig_thuis),
            Self::Screened(s) => Some(&s.recorded.veilig_thuis),
            Self::Expanded(e) => Some(&e.veilig_thuis),
            Self::Closed(c) => Some(&c.veilig_thuis),
            Self::Unknown | Self::Purged => None,
        }
    }

    /// Its trace, as long as anything is known.
    pub const fn trace(&self) -> Option<TraceId> {
        match self {
            Self::Recorded(r) => r.trace,
            Self::Screened(s) => s.recorded.trace,
            Self::Expanded(e) => e.trace,
            Self::Closed(c) => c.trace,
            Self::Unknown | Self::Purged => None,
        }
    }

    /// The end of its payloads' lives, whatever happens (R23): so many days of 24 hours after it was recorded.
    pub fn ceiling(&self, policy: &Policy) -> Option<Timestamp> {
        let recorded_at = match self {
            Self::Recorded(r) => r.recorded_at,
            Self::Screened(s) => s.recorded.recorded_at,
            Self::Expanded(e) => e.recorded_at,
            Self::Unknown | Self::Closed(_) | Self::Purged => return None,
        };
        let days = SignedDuration::from_hours(24 * i64::from(policy.payload_ceiling_days()));
        Some(recorded_at.checked_add(days).unwrap_or(Timestamp::MAX))
    }

    /// Every ciphertext that an event of this incident points to and that is not known to be erased: what a sweeper must
    /// leave alone.
    pub fn payloads(&self) -> Vec<PayloadId> {
        match self {
            Self::Unknown | Self::Purged => Vec::new(),
            Self::Recorded(r) => vec![r.report],
            Self::Screened(s) => vec![s.recorded.report],
            Self::Closed(c) => c.erasing.clone(),
            Self::Expanded(e) => e
                .report
                .iter()
                .chain(&e.erasing)
                .copied()
                .chain(e.signals.iter().flat_map(Signal::payloads))
                .collect(),
        }
    }

    /// The incident's own transitions.
    pub(super) fn evolve(self, event: &Event) -> Result<Self, OutOfOrder> {
        let phase = self.phase();
        on_the_page(phase, &event.fact)?;
        let misfit = misfit(&event.fact, phase);
        Ok(match (self, &event.fact) {
            (Self::Unknown, Fact::Recorded { police, veilig_thuis, report, trace }) => {
                Self::Recorded(Recorded {
                    recorded_at: event.at,
                    police: police.clone(),
                    veilig_thuis: veilig_thuis.clone(),
                    report: *report,
                    trace: *trace,
                })
            }
            (Self::Recorded(recorded), Fact::Screened) => Self::Screened(recorded.screened()),
            (Self::Recorded(recorded), Fact::NotDomesticViolence { children }) => {
                Self::Closed(recorded.closed(ClosedHow::NotDomesticViolence { children: *children }))
            }
            (Self::Recorded(recorded) | Self::Screened(Screened { recorded, .. }), Fact::ReportExpired) => {
                Self::Closed(recorded.closed(ClosedHow::NotScreened))
            }
            (Self::Screened(screened), Fact::Expanded { found, complete, .. }) => {
                Self::Expanded(screened.expanded(found, *complete))
            }
            (Self::Expanded(mut expanded), Fact::Joined { found }) if expanded.report.is_some() => {
                expanded.admit(found);
                expanded.let_go_of_the_report();
                Self::Expanded(expanded)
            }
            (Self::Expanded(mut expanded), Fact::ReportExpired) if expanded.report.is_some() => {
                expanded.let_go_of_the_report();
                Self::Expanded(expanded)
            }
            (Self::Expanded(expanded), Fact::IncidentPurged) if expanded.is_empty() => Self::Purged,
            (Self::Closed(closed), Fact::IncidentPurged) if closed.erasing.is_empty() => Self::Purged,
            (Self::Expanded(mut expanded), Fact::Erased { payload }) => {
                let known = discharge(&mut expanded.erasing, *payload)
                    || expanded.signals.iter_mut().any(|s| discharge(&mut s.erasing, *payload));
                if known { Self::Expanded(expanded) } else { return Err(misfit) }
            }
            (Self::Closed(mut closed), Fact::Erased { payload }) if closed.erasing.contains(payload) => {
                discharge(&mut closed.erasing, *payload);
                Self::Closed(closed)
            }
            _ => return Err(misfit),
        })
    }
}

fn discharge(erasing: &mut Vec<PayloadId>, payload: PayloadId) -> bool {
    let before = erasing.len();
    erasing.retain(|one| *one != payload);
    erasing.len() < before
}
