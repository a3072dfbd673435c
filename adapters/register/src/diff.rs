//! What an import changes: rows that go, rows that come, and counts that name nobody. Pure.

use std::collections::{HashMap, HashSet};

use hwc_casework::{names::matches, routing::SchoolCode};
use hwc_municipality::ImportCounts;
use hwc_schemas::report::MunicipalityCode;
use jiff::civil::Date;

use crate::{
    Directory, Pupil,
    columns::{Columns, RowDigest, traces},
    files::{Change, What},
};

/// School and host of a row, as bytes to compare.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub(crate) struct Placed([u8; 12]);

impl Placed {
    pub(crate) fn of(school: Option<&str>, host: Option<&str>) -> Self {
        let bytes = school.unwrap_or_default().bytes().take(6).enumerate();
        let host = host.unwrap_or_default().bytes().take(6).enumerate().map(|(at, byte)| (at + 6, byte));
        let mut placed = Self::default();
        for (at, byte) in bytes.chain(host) {
            if let Some(place) = placed.0.get_mut(at) {
                *place = byte;
            }
        }
        placed
    }
}

/// What is known of a row that is there.
#[derive(Clone, Copy)]
pub(crate) struct Known {
    pub(crate) id: i64,
    pub(crate) child: i64,
    pub(crate) digest: RowDigest,
    pub(crate) placed: Placed,
}

impl Known {
    pub(crate) fn of(id: i64, pupil: &Pupil) -> Self {
        let columns = Columns::of(pupil);
        let placed = Placed::of(columns.school.as_deref(), columns.host.as_deref());
        Self { id, child: traces(&pupil.child).0, digest: columns.digest(), placed }
    }
}

/// What an import would change, or did: the words that the municipality's counter has for it.
pub type Difference = ImportCounts;

/// What is to be done.
pub(crate) struct Plan {
    /// Rows that go, by their ids.
    pub(crate) delete: Vec<i64>,
    /// Rows that come, in the order of the file.
    pub(crate) insert: Vec<Pupil>,
    pub(crate) difference: Difference,
}

/// Which rows of a file a register takes: its own, not over.
pub(crate) fn taken(
    pupils: Vec<Pupil>,
    own: MunicipalityCode,
    today: Date,
    difference: &mut Difference,
) -> Vec<Pupil> {
    let mut taken = pupils;
    let before = taken.len();
    taken.retain(|pupil| pupil.municipality == own);
    difference.elsewhere = before - taken.len();
    let before = taken.len();
    taken.retain(|pupil| !pupil.is_over(today));
    difference.over = before - taken.len();
    taken
}

/// From what is there to what is to be there.
pub(crate) fn plan(
    mut there: Vec<Known>,
    wanted: Vec<Pupil>,
    directory: &Directory,
    mut difference: Difference,
) -> Plan {
    let listed = |code: Option<SchoolCode>| code.is_none_or(|code| directory.get(code).is_some());
    // A row that says the same as an earlier one is no other row.
    let mut seen = HashSet::with_capacity(wanted.len());
    let mut wanted: Vec<(Known, usize, Pupil)> = wanted
        .into_iter()
        .enumerate()
        .map(|(place, pupil)| (Known::of(0, &pupil), place, pupil))
        .filter(|(known, ..)| {
            let first = seen.insert(known.digest);
            difference.twice += usize::from(!first);
            first
        })
        .collect();
    drop(seen);
    for (.., pupil) in &wanted {
        let placement = pupil.placement;
        difference.no_school += usize::from(placement.school.is_none());
        difference.school_unknown += usize::from(!listed(placement.school) || !listed(placement.host));
        difference.secret += usize::from(placement.secret);
    }
    there.sort_unstable_by_key(|row| (row.child, row.digest));
    wanted.sort_unstable_by_key(|(known, ..)| (known.child, known.digest));

    let mut delete = Vec::new();
    let mut insert = Vec::new();
    let mut there = there.as_slice();
    let mut wanted = wanted.into_iter().peekable();
    loop {
        let next = wanted.peek().map(|(known, ..)| known.child);
        let Some(child) = there.first().map(|row| row.child).into_iter().chain(next).min() else { break };
        let (old, rest) = there.split_at(there.partition_point(|row| row.child <= child));
        there = rest;
        let mut new = Vec::new();
        while let Some(row) = wanted.next_if(|(known, ..)| known.child == child) {
            new.push(row);
        }
        one_pupil(old, new, &mut delete, &mut insert, &mut difference);
    }
    insert.sort_unstable_by_key(|(place, _)| *place);
    Plan { delete, insert: insert.into_iter().map(|(_, pupil)| pupil).collect(), difference }
}

/// All rows of one pupil: those that are there, and those that are to be.
fn one_pupil(
    old: &[Known],
    new: Vec<(Known, usize, Pupil)>,
    delete: &mut Vec<i64>,
    insert: &mut Vec<(usize, Pupil)>,
    difference: &mut Difference,
) {
    let digests = |rows: &[Known]| rows.iter().map(|row| row.digest).collect::<HashSet<_>>();
    let places = |rows: &[Known]| rows.iter().map(|row| row.placed).collect::<HashSet<_>>();
    let is: Vec<Known> = new.iter().map(|(known, ..)| *known).collect();
    let (before, after) = (digests(old), digests(&is));
    *match (old.is_empty(), new.is_empty()) {
        (true, _) => &mut difference.new,
        (_, true) => &mut difference.gone,
        _ if before == after => &mut difference.unchanged,
        _ if places(old) != places(&is) => &mut difference.moved,
        _ => &mut difference.changed,
    } += 1;
    delete.extend(old.iter().filter(|row| !after.contains(&row.digest)).map(|row| row.id));
    let comes = new.into_iter().filter(|(known, ..)| !before.contains(&known.digest));
    insert.extend(comes.map(|(_, place, pupil)| (place, pupil)));
}

/// What the rows of the pupils that a delta names are to be, its changes applied one after another.
pub(crate) fn applied(there: Vec<Pupil>, changes: Vec<Change>) -> Vec<Pupil> {
    let mut rows: HashMap<i64, Vec<Pupil>> = HashMap::new();
    let mut order = Vec::new();
    let trace = |pupil: &Pupil| traces(&pupil.child).0;
    for pupil in there {
        let child = trace(&pupil);
        let own = rows.entry(child).or_insert_with(|| {
            order.push(child);
            Vec::new()
        });
        own.push(pupil);
    }
    for Change { what, pupil } in changes {
        let child = trace(&pupil);
        let own = rows.entry(child).or_insert_with(|| {
            order.push(child);
            Vec::new()
        });
        let school = pupil.placement.school;
        let here = |row: &Pupil| row.placement.school == school;
        let same = |row: &Pupil| matches(&row.child, &pupil.child);
        match what {
            What::Enrolled => {
                own.retain(|row| !(same(row) && here(row)));
                own.push(pupil);
            }
            What::Left => own.retain(|row| !(same(row) && (here(row) || school.is_none()))),
            What::Moved => {
                own.retain(|row| !same(row));
                own.push(pupil);
            }
        }
    }
    order.into_iter().filter_map(|child| rows.remove(&child)).flatten().collect()
}

#[cfg(test)]
#[path = "diff_tests.rs"]
mod tests;
