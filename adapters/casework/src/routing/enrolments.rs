//! R12 and R16: the pupils of one municipality, and which of them a child is.

use hwc_schemas::person::Child;

use super::SchoolCode;
use crate::names::{Index, Key};

/// One row of a municipality's own register of pupils.
pub struct Enrolment {
    /// The pupil.
    pub pupil: Child,
    /// Where it is enrolled.
    pub placement: Placement,
}

/// Where a pupil is enrolled. It cannot be printed, because a secret enrolment must not be (R13).
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Placement {
    /// The school of enrolment; none while it is not known (R12).
    pub school: Option<SchoolCode>,
    /// The school of secondment, if the municipality knows of one (R14).
    pub host: Option<SchoolCode>,
    /// Whether the enrolment is secret (R13).
    pub secret: bool,
}

/// A pupil that a child could be (R16), for a person to pick or not.
#[derive(Clone, Copy)]
pub struct Candidate<'a> {
    /// The pupil, as the register spells it.
    pub pupil: &'a Child,
    /// Where it is enrolled. A secret one is not to be shown outside the municipality (R13).
    pub placement: Placement,
}

/// Everybody who lives in one municipality and is enrolled somewhere (R16: only this register is searched). Finding one
/// of half a million takes microseconds.
pub struct Enrolments {
    rows: Vec<Enrolment>,
    index: Index,
}

/// Which pupil a child is.
pub(super) enum Matched<'a> {
    /// This one: everything that matches agrees.
    One(Placement),
    /// One of these, or none of them: the matches disagree, or there are only near matches.
    Unsure(Vec<Candidate<'a>>),
    /// None.
    Nobody,
}

impl Enrolments {
    /// Takes the rows in the order in which a person is to see them.
    pub fn new(rows: Vec<Enrolment>) -> Self {
        let index = Index::new(rows.iter().map(|row| Key::of(&row.pupil)).collect());
        Self { rows, index }
    }

    pub(super) fn look_up(&self, child: &Child) -> Matched<'_> {
        let key = Key::of(child);
        let exact = self.candidates(self.index.matching(&key));
        match exact.as_slice() {
            [only] => Matched::One(only.placement),
            [_, _, ..] => Matched::Unsure(exact),
            [] => match self.candidates(self.index.nearly_matching(&key)) {
                near if near.is_empty() => Matched::Nobody,
                near => Matched::Unsure(near),
            },
        }
    }

    /// Rows of one pupil that agree on school and host count as one, and are secret if one of them is (R16).
    fn candidates(&self, rows: impl IntoIterator<Item = usize>) -> Vec<Candidate<'_>> {
        let mut found: Vec<(&Key, Candidate<'_>)> = Vec::new();
        for row in rows {
            let (Some(Enrolment { pupil, placement }), Some(key)) =
                (self.rows.get(row), self.index.keys().get(row))
            else {
                continue;
            };
            let same = |(known, candidate): &&mut (&Key, Candidate<'_>)| {
                *known == key
                    && candidate.placement.school == placement.school
                    && candidate.placement.host == placement.host
            };
            match found.iter_mut().find(same) {
                Some((_, candidate)) => candidate.placement.secret |= placement.secret,
                None => found.push((key, Candidate { pupil, placement: *placement })),
            }
        }
        found.into_iter().map(|(_, candidate)| candidate).collect()
    }
}
