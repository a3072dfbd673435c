//! What of a table may be shown, so that nothing that is not shown can be computed back (R27).
//!
//! A table is rows, columns, the sums of both, and the sum of all. A figure under five is not shown, whatever it is. Then it is
//! asked of each figure that is not shown whether it could also be another one, given everything that is: if not, one more
//! figure is taken away, the smallest of its row and column, until every one could.
//!
//! The question has an exact answer. Each figure is in two sums, once on either side, so that figures are the flows of a network
//! and sums its nodes; whoever knows the sums that are shown can move a hidden figure by one if, and only if, a ring of hidden
//! figures leads round through it, each of which has room to go up or down. Such a ring is another table that would have been
//! published in the same words.
//!
//! Whoever reads is taken to know how this works: that a figure said to be few lies between 0 and 4, and one that was taken away
//! besides is five or more.

/// A figure that counts fewer is not shown (R27).
pub const FEW: u32 = 5;

/// What is shown of one figure.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Figure {
    /// The figure.
    Shown(u32),
    /// It is under [`FEW`], nought included.
    Few,
    /// It is not shown, so that another one cannot be computed from it.
    Kept,
}

impl Figure {
    /// The figure, if it is shown.
    pub const fn shown(self) -> Option<u32> {
        match self {
            Self::Shown(value) => Some(value),
            Self::Few | Self::Kept => None,
        }
    }

    const fn primary(value: u32) -> Self {
        if value < FEW { Self::Few } else { Self::Shown(value) }
    }
}

/// Whether the sums of the rows are shown elsewhere, or are figures of this table like the others.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Sums {
    /// They are shown, and so is the sum of all.
    Shown,
    /// They are shown if they may be.
    Own,
}

/// What is shown of a table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Concealed {
    /// Row by row.
    pub(crate) cells: Vec<Vec<Figure>>,
    pub(crate) rows: Vec<Figure>,
    pub(crate) columns: Vec<Figure>,
    pub(crate) all: Figure,
}

/// What may be shown of this table, row by row; all rows have as many columns.
pub(crate) fn conceal(cells: &[Vec<u32>], sums: Sums) -> Concealed {
    let mut net = Net::of(cells, sums);
    net.conceal();
    net.concealed(cells.len())
}

/// Whether, when only the sum of these is shown, each could also be another one.
pub(crate) fn could_be_others(parts: &[u32]) -> bool {
    let mut net = Net::of(&[parts.to_vec()], Sums::Shown);
    for edge in &mut net.edges {
        if matches!(edge.place, Place::Cell(..)) && matches!(edge.figure, Figure::Shown(_)) {
            edge.figure = Figure::Kept;
        }
    }
    net.first_known().is_none()
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Place {
    Cell(usize, usize),
    Column(usize),
    Row(usize),
    All,
}

/// A figure: a flow from one sum into another.
#[derive(Debug, Clone, Copy)]
struct Edge {
    place: Place,
    from: usize,
    to: usize,
    value: u32,
    figure: Figure,
    /// Whether it is published at all; what is not has no bounds either.
    published: bool,
    /// Whether it may be taken away.
    can_be_kept: bool,
}

impl Edge {
    const fn can_rise(&self) -> bool {
        match self.figure {
            Figure::Shown(_) => false,
            Figure::Few => self.value + 1 < FEW,
            Figure::Kept => true,
        }
    }
}

struct Net {
    edges: Vec<Edge>,
    /// The edges at each node.
    at: Vec<Vec<usize>>,
    columns: usize,
    /// Whether *few* and *kept* are told apart. Where even that says too much, they are not.
    told_apart: bool,
}

impl Net {
    fn of(cells: &[Vec<u32>], sums: Sums) -> Self {
        let (rows, columns) = (cells.len(), cells.first().map_or(0, Vec::len));
        let (source, sink) = (rows + columns, rows + columns + 1);
        let own = sums == Sums::Own;
        let mut net = Self { edges: Vec::new(), at: vec![Vec::new(); sink + 1], columns, told_apart: true };
        // The sums of one row's columns are that row's cells, and its sum is that of all: said once.
        let several = rows > 1;
        for (r, row) in cells.iter().enumerate() {
            for (c, value) in row.iter().enumerate() {
                net.add(Place::Cell(r, c), (r, rows + c), *value, true, true);
            }
            net.add(Place::Row(r), (source, r), sum(row), true, own);
        }
        for c in 0..columns {
            let value = sum(&cells.iter().filter_map(|row| row.get(c).copied()).collect::<Vec<_>>());
            net.add(Place::Column(c), (rows + c, sink), value, several, true);
        }
        let all = sum(&cells.iter().map(|row| sum(row)).collect::<Vec<_>>());
        net.add(Place::All, (sink, source), all, several, own);
        net
    }

    fn add(
        &mut self,
        place: Place,
        (from, to): (usize, usize),
        value: u32,
        published: bool,
        can_be_kept: bool,
    ) {
        let figure = match (published, can_be_kept) {
            (false, _) => Figure::Kept,
            (true, true) => Figure::primary(value),
            (true, false) => Figure::Shown(value),
        };
        let edge = self.edges.len();
        self.edges.push(Edge { place, from, to, value, figure, published, can_be_kept });
        for node in [from, to] {
            if let Some(at) = self.at.get_mut(node) {
                at.push(edge);
            }
        }
    }

    /// Takes figures away until none that is not shown is known.
    fn conceal(&mut self) {
        while let Some(known) = self.first_known() {
            if let Some(next) = self.next_to_keep(known) {
                if let Some(edge) = self.edges.get_mut(next) {
                    edge.figure = Figure::Kept;
                }
            } else if self.told_apart {
                self.told_apart = false;
                for edge in self.edges.iter_mut().filter(|edge| edge.figure == Figure::Few) {
                    edge.figure = Figure::Kept;
                }
            } else {
                return;
            }
        }
    }

    /// The smallest figure that is shown and stands in a sum with this one; else the smallest of all.
    fn next_to_keep(&self, known: usize) -> Option<usize> {
        let known = self.edges.get(known)?;
        let near =
            |edge: &Edge| [edge.from, edge.to].iter().any(|node| [known.from, known.to].contains(node));
        let shown = self.edges.iter().enumerate();
        let shown = shown.filter(|(_, edge)| edge.can_be_kept && matches!(edge.figure, Figure::Shown(_)));
        shown.min_by_key(|(_, edge)| (!near(edge), edge.value, edge.place)).map(|(at, _)| at)
    }

    /// The first figure that is not shown and can be no other one.
    fn first_known(&self) -> Option<usize> {
        let mut free = vec![false; self.edges.len()];
        for (at, edge) in self.edges.iter().enumerate() {
            let settled = free.get(at).copied().unwrap_or(true);
            if settled || !edge.published || matches!(edge.figure, Figure::Shown(_)) {
                continue;
            }
            let ways = [
                edge.can_rise().then_some((edge.to, edge.from)),
                self.can_fall(edge).then_some((edge.from, edge.to)),
            ];
            let ring = ways.into_iter().flatten().find_map(|(from, to)| self.way(from, to, at));
            let Some(ring) = ring else { return Some(at) };
            for one in ring {
                if let Some(free) = free.get_mut(one) {
                    *free = true;
                }
            }
        }
        None
    }

    fn can_fall(&self, edge: &Edge) -> bool {
        match edge.figure {
            Figure::Shown(_) => false,
            Figure::Few => edge.value > 0,
            Figure::Kept => edge.value > if edge.published && self.told_apart { FEW } else { 0 },
        }
    }

    /// The figures on a way from one sum to another, without this one, each of which can go one up or down as the way has it.
    fn way(&self, from: usize, to: usize, without: usize) -> Option<Vec<usize>> {
        let mut came_by: Vec<Option<usize>> = vec![None; self.at.len()];
        let mut seen = vec![false; self.at.len()];
        let mut waiting = std::collections::VecDeque::from([from]);
        *seen.get_mut(from)? = true;
        while let Some(node) = waiting.pop_front() {
            for &at in self.at.get(node)? {
                let Some(edge) = self.edges.get(at).filter(|_| at != without) else { continue };
                let next = match () {
                    () if edge.from == node && edge.can_rise() => edge.to,
                    () if edge.to == node && self.can_fall(edge) => edge.from,
                    () => continue,
                };
                if std::mem::replace(seen.get_mut(next)?, true) {
                    continue;
                }
                *came_by.get_mut(next)? = Some(at);
                if next == to {
                    return self.back(to, from, &came_by);
                }
                waiting.push_back(next);
            }
        }
        None
    }

    fn back(&self, mut node: usize, to: usize, came_by: &[Option<usize>]) -> Option<Vec<usize>> {
        let mut way = Vec::new();
        while node != to {
            let at = came_by.get(node).copied().flatten()?;
            let edge = self.edges.get(at)?;
            node = if edge.to == node { edge.from } else { edge.to };
            way.push(at);
        }
        Some(way)
    }

    fn concealed(&self, rows: usize) -> Concealed {
        let mut concealed = Concealed {
            cells: vec![vec![Figure::Kept; self.columns]; rows],
            rows: vec![Figure::Kept; rows],
            columns: vec![Figure::Kept; self.columns],
            all: Figure::Kept,
        };
        for edge in &self.edges {
            let place = match edge.place {
                Place::Cell(r, c) => concealed.cells.get_mut(r).and_then(|row| row.get_mut(c)),
                Place::Column(c) => concealed.columns.get_mut(c),
                Place::Row(r) => concealed.rows.get_mut(r),
                Place::All => Some(&mut concealed.all),
            };
            if let Some(place) = place {
                *place = edge.figure;
            }
        }
        if rows == 1 {
            concealed.columns = concealed.cells.first().cloned().unwrap_or_default();
            concealed.all = concealed.rows.first().copied().unwrap_or(Figure::Kept);
        }
        concealed
    }
}

fn sum(parts: &[u32]) -> u32 {
    parts.iter().fold(0, |sum, part| sum.saturating_add(*part))
}

#[cfg(test)]
mod tests;
