//! To which keys it is sealed, and how low the stocks are, as the engine knows it.

use hwc_schemas::Role;
use prometheus_client::{
    metrics::{counter::Counter, family::Family, gauge::Gauge},
    registry::Registry,
};

use crate::{
    log_safe::SealedTo,
    metrics::{Label, Labels, by},
};

/// Cheap to clone.
#[derive(Debug, Clone, Default)]
pub(crate) struct Keys {
    seals: Family<Labels<2>, Counter>,
    lowest: Family<Labels<1>, Gauge>,
}

impl Keys {
    pub(crate) fn register(&self, registry: &mut Registry) {
        // Whoever looks at how much a counter grew does not see the first of one that was not there before.
        for receiver in [Role::VeiligThuis, Role::Municipality, Role::School] {
            for to in [SealedTo::OneTime, SealedTo::Weekly, SealedTo::LongTerm] {
                let _nothing_yet =
                    self.seals.get_or_create(&[by(Label::Role, &receiver), by(Label::Key, &to)]);
            }
        }
        registry.register(
            "seals",
            "Ciphertexts stored, by the receiver's role and the kind of key they are sealed to",
            self.seals.clone(),
        );
        registry.register(
            "keys_lowest",
            "The fewest one-time keys that are left of any organisation of this role that ever left some",
            self.lowest.clone(),
        );
    }

    pub(crate) fn sealed(&self, receiver: Role, to: SealedTo) {
        self.seals.get_or_create(&[by(Label::Role, &receiver), by(Label::Key, &to)]).inc();
    }

    pub(crate) fn lowest(&self, role: Role, keys: usize) {
        let keys = i64::try_from(keys).unwrap_or(i64::MAX);
        self.lowest.get_or_create(&[by(Label::Role, &role)]).set(keys);
    }

    /// Whoever does not lead counts nothing.
    pub(crate) fn nobody_counts(&self) {
        self.lowest.clear();
    }
}
