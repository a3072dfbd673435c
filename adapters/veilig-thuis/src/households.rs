//! Where a household is looked up (R9), and where a child lives (R15): a register at hand, or the BRP, which may be down.

use std::future::Future;

use hwc_casework::household::{Household, Member};
use hwc_schemas::{
    person::Child,
    report::{MunicipalityCode, Report},
};
use jiff::{SignedDuration, Timestamp, civil::Date};

use crate::Lookup;

/// One try at a look-up.
pub struct Asked<'a> {
    /// The report, whose address it is about.
    pub report: &'a Report,
    /// The local day of the incident.
    pub day: Date,
    /// Which try it is, from 1.
    pub attempt: u32,
    /// When the first one began.
    pub began: Timestamp,
    /// Now.
    pub now: Timestamp,
    /// From when on the policy lets the named children go first (R9).
    pub patience_ends: Timestamp,
}

/// The look-up is down.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Down {
    /// When to try again.
    pub again: Timestamp,
    /// From when on the named children go first (R9); never later than the policy's patience.
    pub named_first: Timestamp,
}

/// Where households are looked up. Asking twice changes nothing; a future may be dropped at any moment.
pub trait Households: Send + Sync + 'static {
    /// Who is registered at the report's address.
    fn household(&self, asked: &Asked<'_>) -> impl Future<Output = Result<Household, Down>> + Send;

    /// The municipality in which a child lives (R15); none takes no part. The household is the one that was found for the
    /// same report.
    fn home(
        &self,
        asked: &Asked<'_>,
        household: &Household,
        child: &Child,
    ) -> impl Future<Output = Result<Option<MunicipalityCode>, Down>> + Send;
}

/// How often a register that is down is tried.
const AGAIN_AFTER: SignedDuration = SignedDuration::from_mins(1);

impl Asked<'_> {
    fn down(&self) -> Down {
        let again = self.now.checked_add(AGAIN_AFTER).unwrap_or(Timestamp::MAX);
        Down { again, named_first: self.patience_ends }
    }
}

/// A register at hand is certain of everything it says.
impl<L: Lookup> Households for L {
    async fn household(&self, asked: &Asked<'_>) -> Result<Household, Down> {
        let register = self.register().map_err(|_| asked.down())?;
        let person = |person: &Child| Member { person: person.clone(), doubt: None };
        let members = register.household(asked.report.address.place()).map(person).collect();
        Ok(Household { members, ..Household::default() })
    }

    async fn home(
        &self,
        asked: &Asked<'_>,
        _: &Household,
        child: &Child,
    ) -> Result<Option<MunicipalityCode>, Down> {
        let register = self.register().map_err(|_| asked.down())?;
        Ok(register.home_municipality(child, &asked.report.address))
    }
}
