//! What of a closed month may be shown (R25 to R27): one fixed set of tables, a function of the record and of nothing else, so
//! that publishing it again says nothing new.
//!
//! Every figure of five or more is shown, unless another could be computed from it. What is derived (received, shares) is derived
//! from what is shown and only then, so that it says nothing besides. A school stands in the list whether it got any or not.

use std::collections::{BTreeMap, BTreeSet};

use hwc_schemas::{
    Organisation,
    outcome::{Expired, Outcome, Recalled, ScreenedOut, Withheld},
};

pub use crate::conceal::Figure;
use crate::{
    HOPS, Hop, Month, Outcomes, Record, Roster,
    conceal::{Concealed, FEW, Sums, conceal},
    pool::alone,
    record::{BUCKETS, Histogram, WITHIN_HOURS},
};

/// From how many on the slowest tenth is said: then at least five are in it.
const TENTHS_FROM: u32 = 10 * FEW;

/// The longest that is told apart of each hop, in seconds. Together those before the delivery stay below 24 hours, so that no
/// time that is said says anything of who was reached within 24, 48 or 72.
const TOLD_APART_MAX: [u64; HOPS.len()] = [7_200, 7_200, 7_200, 57_600, 1_209_600];

/// A closed month, as it may be shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Report {
    /// Which month.
    pub month: Month,
    /// The region as a whole.
    pub region: Block,
    /// Those that never were referred to a municipality, by how they ended: of the region only.
    pub not_referred: Vec<Line>,
    /// How many those are.
    pub not_referred_in_all: Figure,
    /// The municipalities that stand by themselves, in the order of their codes.
    pub municipalities: Vec<(Organisation, Block)>,
    /// The other municipalities together, if there are any beside those.
    pub others: Option<(Vec<Organisation>, Block)>,
}

/// A figure and what it counts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    /// What: a school, a reason, a time.
    pub item: String,
    /// How many.
    pub figure: Figure,
}

/// How long a hop took: not in seconds, but in steps.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Took {
    /// So many seconds at most.
    Within(u64),
    /// More than that; how much more is not told apart.
    Over(u64),
}

/// How long a hop took.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pace {
    /// Which.
    pub hop: Hop,
    /// Half took no longer.
    pub median: Option<Took>,
    /// Nine of ten took no longer; said of fifty and more.
    pub p90: Option<Took>,
}

/// The figures of the region, of a municipality, or of several.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Block {
    /// Referred to a municipality.
    pub received: Figure,
    /// With a school at the end.
    pub sent: Figure,
    /// Received and not sent.
    pub not_sent: Figure,
    /// Sent, by school.
    pub per_school: Vec<Line>,
    /// Not sent, by reason.
    pub per_reason: Vec<Line>,
    /// Sent, by the hours from the incident to the delivery (R26).
    pub within: Vec<Line>,
    /// Sent, by whether only the incident's day was known (R26).
    pub known: Vec<Line>,
    /// Sent, by what the school did.
    pub afterwards: Vec<Line>,
    /// How long the hops of those that were sent took.
    pub paces: Vec<Pace>,
}

/// The month is not closed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{0} is still open: its figures may change, and are published once, when it is closed")]
pub struct NotClosed(pub Month);

/// Schools that took no part any more when the month was closed.
const FORMER: &str = "other";

/// One row of every table.
#[derive(Default)]
struct Sum {
    schools: BTreeMap<Organisation, u32>,
    sent: u32,
    not_sent: BTreeMap<(&'static str, Option<&'static str>), u32>,
    within: [u32; WITHIN_HOURS.len() + 1],
    day_only: u32,
    afterwards: BTreeMap<&'static str, u32>,
    hops: [Histogram; HOPS.len()],
}

impl Report {
    /// What may be shown of this record.
    pub fn of(record: &Record) -> Result<Self, NotClosed> {
        let roster = record.roster().ok_or(NotClosed(record.month()))?;
        let listed = municipalities(record, roster);
        let sums: Vec<Sum> = listed.iter().map(|one| Sum::of(record, &BTreeSet::from([*one]))).collect();
        let alone = alone(&sums.iter().map(|sum| sum.sent).collect::<Vec<_>>());
        let by_themselves: Vec<_> =
            listed.iter().zip(&alone).filter_map(|(one, alone)| alone.then_some((*one).clone())).collect();
        let together: Vec<_> =
            listed.iter().zip(&alone).filter_map(|(one, alone)| (!alone).then_some((*one).clone())).collect();
        let mut rows: Vec<Sum> =
            by_themselves.iter().map(|one| Sum::of(record, &BTreeSet::from([one]))).collect();
        // Those that stand together are a row of their own; where nobody stands alone they are the region.
        if !together.is_empty() || rows.is_empty() {
            rows.push(Sum::of(record, &together.iter().collect()));
        }
        let tables = Tables::of(&rows, roster);
        let everybody = Sum::of(record, &listed.iter().copied().collect());
        let region = tables.region(&everybody);
        let mut blocks = rows.iter().enumerate().map(|(row, sum)| tables.block(row, sum));
        let municipalities: Vec<_> = by_themselves.into_iter().zip(blocks.by_ref()).collect();
        let beside = !municipalities.is_empty() && !together.is_empty();
        let others = if beside { blocks.next().map(|block| (together, block)) } else { None };
        let before = not_referred(record);
        let concealed = conceal(&[before.iter().map(|(_, count)| *count).collect()], Sums::Own);
        Ok(Self {
            month: record.month(),
            region,
            not_referred: lines(before.into_iter().map(|(item, _)| item), concealed.columns),
            not_referred_in_all: concealed.all,
            municipalities,
            others,
        })
    }
}

/// Every municipality that takes part or had signals.
fn municipalities<'a>(record: &'a Record, roster: &'a Roster) -> Vec<&'a Organisation> {
    let counted = record.ended().iter().filter_map(|sums| sums.municipality.as_ref());
    let all: BTreeSet<_> = roster.municipalities.iter().chain(counted).collect();
    all.into_iter().collect()
}

/// Why those that a municipality received were not sent, in the order of the rules.
fn reasons() -> Vec<Outcome> {
    let withheld = Withheld::ALL.iter().filter(|why| **why != Withheld::MunicipalityNotParticipating);
    let recalled = Recalled::ALL.iter().map(|why| Outcome::Recalled(*why));
    let expired = [Outcome::Expired(Expired::NotRouted)];
    withheld.map(|why| Outcome::Withheld(*why)).chain(recalled).chain(expired).collect()
}

/// How those ended that were referred to nobody, in the order of the rules.
fn not_referred(record: &Record) -> Vec<(String, u32)> {
    let screened_out = ScreenedOut::ALL.iter().map(|why| Outcome::ScreenedOut(*why));
    let more =
        [Outcome::Withheld(Withheld::MunicipalityNotParticipating), Outcome::Expired(Expired::NotScreened)];
    let count = |outcome: Outcome| {
        let alike =
            record.ended().iter().filter(|sums| sums.municipality.is_none() && sums.outcome == outcome);
        alike.fold(0_u32, |sum, sums| sum.saturating_add(sums.signals))
    };
    screened_out.chain(more).map(|outcome| (word(outcome), count(outcome))).collect()
}

fn word(outcome: Outcome) -> String {
    let (outcome, reason) = outcome.words();
    reason.map_or_else(|| outcome.to_owned(), |reason| format!("{outcome}/{reason}"))
}

fn lines(items: impl IntoIterator<Item = String>, figures: Vec<Figure>) -> Vec<Line> {
    items.into_iter().zip(figures).map(|(item, figure)| Line { item, figure }).collect()
}

/// What schools did with what was sent.
const AFTERWARDS: [&str; 3] = ["acknowledged", "expired", "recalled"];

impl Sum {
    fn of(record: &Record, municipalities: &BTreeSet<&Organisation>) -> Self {
        let mut sum = Self::default();
        for (municipality, schools) in record.sent() {
            if municipalities.contains(municipality) {
                for (school, count) in schools {
                    more(sum.schools.entry(school.clone()).or_default(), *count);
                }
            }
        }
        for ended in record.ended() {
            if ended.municipality.as_ref().is_some_and(|one| municipalities.contains(one)) {
                sum.add(ended);
            }
        }
        sum
    }

    fn add(&mut self, ended: &Outcomes) {
        if !ended.sent {
            more(self.not_sent.entry(ended.outcome.words()).or_default(), ended.signals);
            return;
        }
        more(&mut self.sent, ended.signals);
        more(&mut self.day_only, ended.day_only);
        for (sum, count) in self.within.iter_mut().zip(ended.within) {
            more(sum, count);
        }
        more(self.afterwards.entry(ended.outcome.words().0).or_default(), ended.signals);
        for (sums, hop) in self.hops.iter_mut().zip(HOPS) {
            // Of those that were recalled after all nobody says how quickly they had been confirmed.
            if hop == Hop::Acknowledged && ended.outcome != Outcome::Acknowledged {
                continue;
            }
            for (sum, count) in sums.iter_mut().zip(ended.hop(hop)) {
                more(sum, count);
            }
        }
    }

    fn per_school(&self, schools: &BTreeSet<Organisation>) -> Vec<u32> {
        let of = |school: &Organisation| self.schools.get(school).copied().unwrap_or(0);
        let former = self.schools.iter().filter(|(school, _)| !schools.contains(*school));
        let former = former.fold(0_u32, |sum, (_, count)| sum.saturating_add(*count));
        schools.iter().map(of).chain([former]).collect()
    }

    fn per_reason(&self) -> Vec<u32> {
        let of = |outcome: Outcome| self.not_sent.get(&outcome.words()).copied().unwrap_or(0);
        reasons().into_iter().map(of).collect()
    }

    fn known(&self) -> Vec<u32> {
        vec![self.sent.saturating_sub(self.day_only), self.day_only]
    }

    fn afterwards(&self) -> Vec<u32> {
        AFTERWARDS.iter().map(|word| self.afterwards.get(word).copied().unwrap_or(0)).collect()
    }
}

fn more(sum: &mut u32, count: u32) {
    *sum = sum.saturating_add(count);
}

/// What is shown of every table. Those of what was sent have the same sums of rows, which are shown, so that no table says
/// anything of another; the table of reasons has its own, and stands in no other's sum.
struct Tables {
    items: [Vec<String>; 5],
    tables: [Concealed; 5],
}

const PER_SCHOOL: usize = 0;
const WITHIN: usize = 1;
const KNOWN: usize = 2;
const AFTER: usize = 3;
const REASONS: usize = 4;

impl Tables {
    fn of(rows: &[Sum], roster: &Roster) -> Self {
        let sent = rows.iter().fold(0_u32, |sum, row| sum.saturating_add(row.sent));
        // Where so few were sent in all, nothing of it is shown.
        let sums = if sent < FEW { Sums::Own } else { Sums::Shown };
        let table = |cells: fn(&Sum, &Roster) -> Vec<u32>, sums| {
            conceal(&rows.iter().map(|row| cells(row, roster)).collect::<Vec<_>>(), sums)
        };
        let schools = roster.schools.iter().map(|one| one.code().to_owned()).chain([FORMER.to_owned()]);
        let hours = WITHIN_HOURS.iter().map(|hours| format!("{hours} hours")).chain(["later".to_owned()]);
        Self {
            items: [
                schools.collect(),
                hours.collect(),
                vec!["to the minute".to_owned(), "by the day".to_owned()],
                AFTERWARDS.iter().map(|word| (*word).to_owned()).collect(),
                reasons().into_iter().map(word).collect(),
            ],
            tables: [
                table(|row, roster| row.per_school(&roster.schools), sums),
                table(|row, _| row.within.to_vec(), sums),
                table(|row, _| row.known(), sums),
                table(|row, _| row.afterwards(), sums),
                table(|row, _| row.per_reason(), Sums::Own),
            ],
        }
    }

    fn region(&self, sum: &Sum) -> Block {
        self.block_of(|table| table.columns.clone(), |table| table.all, sum)
    }

    fn block(&self, row: usize, sum: &Sum) -> Block {
        let cells = |table: &Concealed| table.cells.get(row).cloned().unwrap_or_default();
        self.block_of(cells, |table| table.rows.get(row).copied().unwrap_or(Figure::Kept), sum)
    }

    fn block_of(
        &self,
        cells: impl Fn(&Concealed) -> Vec<Figure>,
        in_all: impl Fn(&Concealed) -> Figure,
        sum: &Sum,
    ) -> Block {
        let table = |which: usize| {
            let (items, table) = (self.items.get(which), self.tables.get(which));
            lines(items.cloned().unwrap_or_default(), table.map(&cells).unwrap_or_default())
        };
        let all = |which: usize| self.tables.get(which).map_or(Figure::Kept, &in_all);
        let (sent, not_sent, afterwards) = (all(PER_SCHOOL), all(REASONS), table(AFTER));
        let both = sent.shown().zip(not_sent.shown());
        let acknowledged = afterwards.first().is_some_and(|line| line.figure.shown().is_some());
        let paces =
            HOPS.into_iter().zip(&sum.hops).zip(TOLD_APART_MAX).map(|((hop, took), told_apart_max)| {
                let of_whom = if hop == Hop::Acknowledged { acknowledged } else { sent.shown().is_some() };
                if of_whom {
                    Pace::of(hop, took, told_apart_max)
                } else {
                    Pace { hop, median: None, p90: None }
                }
            });
        Block {
            received: both.map_or(Figure::Kept, |(sent, not)| Figure::Shown(sent.saturating_add(not))),
            sent,
            not_sent,
            per_school: table(PER_SCHOOL),
            per_reason: table(REASONS),
            within: table(WITHIN),
            known: table(KNOWN),
            paces: paces.collect(),
            afterwards,
        }
    }
}

impl Block {
    /// Which part of what was sent this is, in whole per cent, if both are shown.
    pub fn share(&self, line: &Line) -> Option<u32> {
        let (part, all) = line.figure.shown().zip(self.sent.shown())?;
        let per_cent = (u64::from(part) * 100 + u64::from(all) / 2).checked_div(u64::from(all))?;
        u32::try_from(per_cent).ok()
    }
}

impl Pace {
    fn of(hop: Hop, took: &Histogram, told_apart_max: u64) -> Self {
        let all = took.iter().fold(0_u32, |sum, count| sum.saturating_add(*count));
        let quantile = |per_ten: u64, from: u32| {
            (all >= from).then(|| Took::of(took, (u64::from(all) * per_ten).div_ceil(10), told_apart_max))
        };
        Self { hop, median: quantile(5, FEW), p90: quantile(9, TENTHS_FROM) }
    }
}

impl Took {
    /// What the one at this place took, from the quickest on.
    fn of(took: &Histogram, place: u64, told_apart_max: u64) -> Self {
        let mut so_far = 0_u64;
        for (count, end) in took.iter().zip(BUCKETS) {
            so_far += u64::from(*count);
            if so_far >= place {
                return if end <= told_apart_max { Self::Within(end) } else { Self::Over(told_apart_max) };
            }
        }
        Self::Over(told_apart_max)
    }
}
