//! What the law looks at besides the state: the moment, the policy, the calendar, and who works with whom.

use std::collections::BTreeSet;

use hwc_schemas::Organisation;
use jiff::{Timestamp, ToSpan as _, civil::Date, tz::TimeZone};

use crate::{calendar::Calendar, policy::Policy};

/// Everything from outside that a decision may depend on.
#[derive(Clone, Copy)]
pub struct Context<'a> {
    /// The moment of the decision.
    pub now: Timestamp,
    /// Times and limits, checked (R19, R20, R23).
    pub policy: &'a Policy,
    /// School days (R17 to R19).
    pub calendar: &'a Calendar,
    /// Who takes part (R15).
    pub table: &'a Table,
}

impl Context<'_> {
    /// Whether a report of this day, in UTC, is still accepted. One of a day to come is: a clock that is ahead is no reason to
    /// help nobody.
    pub fn accepts(&self, day: Date) -> bool {
        let today = TimeZone::UTC.to_datetime(self.now).date();
        day >= today.saturating_sub(i32::from(self.policy.accept_days()).days())
    }
}

/// The routing table (R15): another region is a row, not code.
#[derive(Debug, Clone, Default)]
pub struct Table {
    /// One row for each police district.
    pub chains: Vec<Chain>,
    /// Schools that can receive.
    pub schools: BTreeSet<Organisation>,
}

/// A police district, the Veilig Thuis that screens its reports, and the attendance offices that take part.
#[derive(Debug, Clone)]
pub struct Chain {
    /// The police district.
    pub police: Organisation,
    /// Its Veilig Thuis.
    pub veilig_thuis: Organisation,
    /// The municipalities that take part.
    pub municipalities: BTreeSet<Organisation>,
}

impl Table {
    /// The row of a police district.
    pub fn of_police(&self, police: &Organisation) -> Option<&Chain> {
        self.chains.iter().find(|chain| chain.police == *police)
    }

    /// The row of a Veilig Thuis that lists a municipality.
    pub fn refers(&self, veilig_thuis: &Organisation, municipality: &Organisation) -> bool {
        self.chains.iter().any(|c| c.veilig_thuis == *veilig_thuis && c.municipalities.contains(municipality))
    }
}
