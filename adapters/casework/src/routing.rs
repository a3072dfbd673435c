//! R11–R16: which school a signal goes to, if any. What a municipality does.

mod enrolments;
mod schools;
#[cfg(test)]
mod tests;

use std::collections::BTreeSet;

use hwc_schemas::{outcome::Withheld, person::Child, report::MunicipalityCode};
use jiff::civil::Date;

pub use enrolments::{Candidate, Enrolment, Enrolments, Placement};
pub use schools::{School, SchoolCode, Schools};

use enrolments::Matched;

/// Where a signal goes.
pub enum Verdict<'a> {
    /// To this school.
    To(SchoolCode),
    /// Nowhere.
    Withhold(Withheld),
    /// Never guessed (R16): a person picks one of these, which then goes through [`route_to`], or withholds the signal
    /// as `enrolment_ambiguous`. There is at least one, and no two are the same pupil at the same school and host.
    AskSomebody(Vec<Candidate<'a>>),
}

/// Routes a child among the pupils of its home municipality (R10–R16), on the day of routing. The region is where a
/// school must lie (R15).
pub fn route<'a>(
    child: &Child,
    enrolments: &'a Enrolments,
    schools: &Schools,
    region: &BTreeSet<MunicipalityCode>,
    today: Date,
) -> Verdict<'a> {
    match enrolments.look_up(child) {
        Matched::One(placement) => match route_to(placement, schools, region, today) {
            Ok(school) => Verdict::To(school),
            Err(reason) => Verdict::Withhold(reason),
        },
        Matched::Unsure(candidates) => Verdict::AskSomebody(candidates),
        Matched::Nobody => Verdict::Withhold(Withheld::EnrolmentUnknown),
    }
}

/// The school that a pupil's signal goes to, or the first reason in the order of the rules to withhold it (R11–R15).
/// Also for the candidate that a person picked: the pick says who it is, not that the rules do not hold.
pub fn route_to(
    placement: Placement,
    schools: &Schools,
    region: &BTreeSet<MunicipalityCode>,
    today: Date,
) -> Result<SchoolCode, Withheld> {
    let enrolled_at = placement.school.ok_or(Withheld::EnrolmentUnknown)?;
    if placement.secret {
        return Err(Withheld::EnrolmentSecret);
    }
    let (destination, otherwise) = match placement.host {
        Some(host) => (host, Withheld::HostSchoolNotParticipating),
        None => (enrolled_at, Withheld::SchoolNotParticipating),
    };
    let school = schools.get(destination).filter(|school| school.participates(today)).ok_or(otherwise)?;
    if region.contains(&school.municipality) { Ok(destination) } else { Err(Withheld::SchoolOutsideRegion) }
}
