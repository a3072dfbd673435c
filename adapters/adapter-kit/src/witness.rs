//! Who watches the adapters of a replay: a diary of invented people.
//!
//! In production nobody does ([`Nobody`]). What a witness sees are the unprintable types; to write a name down it needs the
//! witness of [`hwc_schemas::person::Synthetic`], which only a dataset that declares its people invented can give.

use hwc_schemas::{IncidentId, Organisation, SignalId, person::Child};

/// Sees what the adapters did.
pub trait Witness: Send + Sync + 'static {
    /// The police submit this report as this incident, perhaps not for the first time.
    fn submitting(&self, _report_id: &str, _incident: IncidentId) {}
    /// Veilig Thuis found this child: named in the report, or a sibling from the register.
    fn found(&self, _signal: SignalId, _child: &Child, _sibling: bool) {}
    /// A school's contact opened this letter.
    fn opened(&self, _signal: SignalId, _child: &Child, _school: &Organisation) {}
}

/// Nobody watches.
#[derive(Debug, Clone, Copy, Default)]
pub struct Nobody;

impl Witness for Nobody {}
