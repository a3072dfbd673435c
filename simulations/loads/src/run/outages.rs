//! What does not answer, and when.

use std::sync::Arc;

use hwc_adapter_kit::Clock;
use hwc_casework::home::Register;
use hwc_veilig_thuis::{Lookup, Unavailable};
use hwc_workflow::calendar::Calendar;
use hwc_world::{Fault, Planned, chronicle::EngineNumber};
use jiff::{SignedDuration, Timestamp};

use crate::{arrivals::later, chance::Stream, plan::Outages};

/// The times of a plan's outages between two moments, in order; what overlaps is one.
pub(super) fn spans(
    outages: &Outages,
    (begins, ends): (Timestamp, Timestamp),
    stream: Stream,
    seed: u64,
    calendar: &Calendar,
) -> Vec<(Timestamp, Timestamp)> {
    let fixed = outages.down.iter().map(|down| {
        let from = calendar.instant(down.from.0.date(), down.from.0.time());
        (from, later(from, down.lasts.0))
    });
    let whole = u64::try_from(ends.duration_since(begins).as_secs()).unwrap_or(0);
    let year = 365 * 86_400;
    let count = (u64::from(outages.per_year) * whole + year / 2) / year;
    let drawn = (0..count).map(|number| {
        let mut dice = stream.dice(seed, &[number]);
        let from = later(begins, i64::try_from(dice.below(whole)).unwrap_or(0));
        (from, later(from, outages.lasts.0.draw(&mut dice)))
    });
    let mut spans: Vec<_> = fixed.chain(drawn).filter(|(from, until)| from < until).collect();
    spans.sort_unstable();
    let mut apart: Vec<(Timestamp, Timestamp)> = Vec::new();
    for (from, until) in spans {
        match apart.last_mut().filter(|last| last.1 >= from) {
            Some(last) => last.1 = last.1.max(until),
            None => apart.push((from, until)),
        }
    }
    apart
}

/// An engine that is gone at these times, with everything it knew but the journal.
pub(super) fn engine_outages(spans: &[(Timestamp, Timestamp)]) -> Vec<Planned> {
    let gone = |(from, until): &(Timestamp, Timestamp)| {
        let fault = Fault::EngineDies(EngineNumber(0), until.duration_since(*from).max(SignedDuration::ZERO));
        Planned { at: *from, fault }
    };
    spans.iter().map(gone).collect()
}

/// The look-up of households, down at times (R9).
pub(super) struct PlanLookup {
    register: Arc<Register>,
    clock: Arc<dyn Clock>,
    down: Vec<(Timestamp, Timestamp)>,
}

impl PlanLookup {
    pub(super) fn new(
        register: Arc<Register>,
        clock: Arc<dyn Clock>,
        down: Vec<(Timestamp, Timestamp)>,
    ) -> Self {
        Self { register, clock, down }
    }
}

impl Lookup for PlanLookup {
    fn register(&self) -> Result<Arc<Register>, Unavailable> {
        let now = self.clock.now();
        let before = self.down.partition_point(|(from, _)| *from <= now);
        let down =
            before.checked_sub(1).and_then(|last| self.down.get(last)).is_some_and(|span| now < span.1);
        if down { Err(Unavailable) } else { Ok(Arc::clone(&self.register)) }
    }
}
