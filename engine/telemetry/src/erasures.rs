//! How long erasures take, as the engine knows it.

use std::time::Duration;

use prometheus_client::{
    metrics::{family::Family, gauge::Gauge, histogram::Histogram},
    registry::{Registry, Unit},
};

use crate::{
    log_safe::Erased,
    metrics::{Bounds, Label, Labels, by},
};

/// What is to be over within a minute on one server, and within four on three.
const ERASURE: Bounds = &[
    0.005, 0.02, 0.1, 0.5, 1.0, 5.0, 10.0, 15.0, 20.0, 25.0, 30.0, 45.0, 60.0, 120.0, 150.0, 180.0, 200.0,
    220.0, 240.0, 300.0, 600.0, 3_600.0,
];

/// Cheap to clone.
#[derive(Debug, Clone)]
pub(crate) struct Erasures {
    logical: Family<Labels<1>, Histogram>,
    physical: Family<Labels<1>, Histogram>,
    waiting: Family<Labels<1>, Gauge>,
    missed: Family<Labels<1>, Gauge>,
}

impl Default for Erasures {
    fn default() -> Self {
        let histogram = || Histogram::new(ERASURE.iter().copied());
        Self {
            logical: Family::new_with_constructor(histogram),
            physical: Family::new_with_constructor(histogram),
            waiting: Family::default(),
            missed: Family::default(),
        }
    }
}

impl Erasures {
    pub(crate) fn register(&self, registry: &mut Registry) {
        registry.register_with_unit(
            "erasure_logical",
            "From the duty to erase until the broker gives it to nobody any more",
            Unit::Seconds,
            self.logical.clone(),
        );
        registry.register_with_unit(
            "erasure_physical",
            "From the duty to erase until it is on no server's disk any more, as far as can be known",
            Unit::Seconds,
            self.physical.clone(),
        );
        registry.register(
            "erasures_waiting",
            "What is erased and not surely off the disk of every server",
            self.waiting.clone(),
        );
        registry.register(
            "erasures_missed",
            "Streams that wait for a server which missed an erasure, or that did not answer",
            self.missed.clone(),
        );
    }

    pub(crate) fn unreadable(&self, what: Erased, after: Duration) {
        self.logical.get_or_create(&[by(Label::What, &what)]).observe(after.as_secs_f64());
    }

    pub(crate) fn off_disk(&self, what: Erased, after: Duration) {
        self.physical.get_or_create(&[by(Label::What, &what)]).observe(after.as_secs_f64());
    }

    pub(crate) fn still_on_disk(&self, what: Erased, waiting: usize, missed: u64) {
        let label = [by(Label::What, &what)];
        self.waiting.get_or_create(&label).set(i64::try_from(waiting).unwrap_or(i64::MAX));
        self.missed.get_or_create(&label).set(i64::try_from(missed).unwrap_or(i64::MAX));
    }

    /// Whoever does not lead counts nothing.
    pub(crate) fn nobody_counts(&self) {
        self.waiting.clear();
        self.missed.clear();
    }
}
