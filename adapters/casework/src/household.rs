//! R9: a household as a civil register gives it. Not everything that a register says is certain, and what is not is never
//! guessed: where it could make another child count, a person looks first.

#[cfg(test)]
mod tests;

use std::collections::BTreeSet;

use hwc_schemas::{
    person::{Child, DateOfBirth, PersonalText},
    report::{MunicipalityCode, Report},
};
use jiff::civil::Date;

use crate::{
    age::{could_be_of_age, of_age},
    names::Key,
    screening::{before_the_look_up, distinct},
};

/// Everybody, of any age, whom a register gives for one address.
#[derive(Default)]
pub struct Household {
    /// Who is known by name and date of birth, in the order of the register.
    pub members: Vec<Member>,
    /// Of whom something is missing that a signal needs.
    pub incomplete: Vec<Incomplete>,
    /// The municipality that all of them are registered in; none where it takes no part or the register does not say it.
    pub municipality: Option<MunicipalityCode>,
    /// What is in doubt about all of it.
    pub doubts: BTreeSet<Doubt>,
}

/// Somebody registered at an address.
pub struct Member {
    /// Who.
    pub person: Child,
    /// Why that is not certain, or not free of care; none if it is.
    pub doubt: Option<Doubt>,
}

/// Somebody whose name or date of birth the register does not wholly know.
pub struct Incomplete {
    /// Given names; none when they are not known or not told apart from the surname.
    pub given_names: Option<PersonalText>,
    /// What stands before the surname.
    pub prefix: Option<PersonalText>,
    /// The surname; none when it is not known or not told apart from the given names.
    pub surname: Option<PersonalText>,
    /// The first day on which the birth can have been.
    pub first: DateOfBirth,
    /// The last.
    pub last: DateOfBirth,
}

/// Why a person must look before a household's children are added to those whom the police named.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Doubt {
    /// The register may not give the details of a resident to others (secrecy).
    Secret,
    /// The register does not know for certain whether somebody is registered there.
    Possible,
    /// The register's entry is under investigation.
    UnderInvestigation,
    /// It was established that somebody registered there does not live there.
    LivesElsewhere,
    /// A date of birth is not wholly known, and could be that of a child.
    DateIncomplete,
    /// A name is not wholly known, of somebody who could be a child.
    NameIncomplete,
    /// So many residents that it is hardly one household.
    ManyResidents,
    /// More residents than the register gives.
    NoList,
    /// The register gives residents of more than this address, and does not say which are whose.
    AddressUnclear,
    /// The policy wants a person to look at every household that adds a child.
    Policy,
}

impl Doubt {
    /// The doubt as it is written.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Secret => "secret",
            Self::Possible => "possible_resident",
            Self::UnderInvestigation => "under_investigation",
            Self::LivesElsewhere => "lives_elsewhere",
            Self::DateIncomplete => "date_of_birth_incomplete",
            Self::NameIncomplete => "name_incomplete",
            Self::ManyResidents => "many_residents",
            Self::NoList => "no_list",
            Self::AddressUnclear => "address_unclear",
            Self::Policy => "policy",
        }
    }
}

/// How much of a household a person lets count.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Extent {
    /// Everybody who is known by name and date of birth.
    Everybody,
    /// Only those about whom there is no doubt.
    Certain,
    /// Nobody: only what the police reported counts.
    Nobody,
}

impl Household {
    /// The members that count so far.
    pub fn counting(&self, extent: Extent) -> impl Iterator<Item = &Child> {
        let counts = move |member: &&Member| match extent {
            Extent::Everybody => true,
            Extent::Certain => member.doubt.is_none(),
            Extent::Nobody => false,
        };
        self.members.iter().filter(counts).map(|member| &member.person)
    }

    /// Whether this child is registered there.
    pub fn holds(&self, child: &Child) -> bool {
        let key = Key::of(child);
        self.members.iter().any(|member| Key::of(&member.person) == key)
    }

    /// Why a person must look before the household counts: every doubt that could make one more child count. None for an
    /// incident of another kind, which looks nobody up (R3).
    pub fn doubts(&self, report: &Report, day: Date) -> BTreeSet<Doubt> {
        if !report.kind.qualifies() {
            return BTreeSet::new();
        }
        let mut doubts = self.doubts.clone();
        doubts.extend(self.added(report, day).into_iter().filter_map(|one| one.doubt));
        let named = distinct(&report.mentions);
        for one in &self.incomplete {
            let is_named = || named.iter().any(|named| one.could_be(named.child));
            if !could_be_of_age(one.first, one.last, day) || is_named() {
                continue;
            }
            let name = one.surname.is_none() || one.given_names.is_none();
            doubts.insert(if name { Doubt::NameIncomplete } else { Doubt::DateIncomplete });
        }
        doubts
    }

    /// The members that would make a child count that does not count by the report alone.
    pub fn added(&self, report: &Report, day: Date) -> Vec<&Member> {
        if !report.kind.qualifies() {
            return Vec::new();
        }
        let counting: Vec<Key> =
            before_the_look_up(report, day).iter().map(|found| Key::of(found.child)).collect();
        let adds = |one: &&Member| {
            of_age(one.person.date_of_birth, day) && !counting.contains(&Key::of(&one.person))
        };
        self.members.iter().filter(adds).collect()
    }
}

impl Incomplete {
    /// Whether this is a child that the police named in full: as far as the register knows the two they match (R16), and
    /// what it does not know does not contradict it.
    fn could_be(&self, named: &Child) -> bool {
        if !(self.first..=self.last).contains(&named.date_of_birth) {
            return false;
        }
        let (Some(given), Some(surname)) = (&self.given_names, &self.surname) else { return false };
        let one = Child {
            given_names: given.clone(),
            prefix: self.prefix.clone(),
            surname: surname.clone(),
            date_of_birth: named.date_of_birth,
        };
        Key::of(&one) == Key::of(named)
    }
}
