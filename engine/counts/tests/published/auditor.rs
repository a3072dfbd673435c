//! Whoever reads what was published and computes: every figure is a whole number, every sum adds up, `<5` is nought to four. It
//! shares nothing with what makes the reports: it reads their JSON, and searches for numbers that fit.

use std::collections::BTreeMap;

use serde_json::Value;

/// Where a figure stands.
pub(crate) type Name = String;

/// A figure as it was published.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Said {
    Number(i64),
    Few,
    Nothing,
}

fn said(value: &Value) -> Said {
    match value {
        Value::Number(number) => Said::Number(number.as_i64().unwrap()),
        Value::String(text) if text == "<5" => Said::Few,
        Value::Null => Said::Nothing,
        other => panic!("{other} is no figure"),
    }
}

/// Everything that was ever published, as equations over whole numbers.
#[derive(Default)]
pub(crate) struct Auditor {
    names: Vec<Name>,
    said: Vec<Said>,
    low: Vec<i64>,
    high: Vec<i64>,
    by_name: BTreeMap<Name, usize>,
    /// Each sums up to nought: figures and their signs.
    equations: Vec<Vec<(usize, i64)>>,
}

/// What can be had back of a figure that was not shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Breach {
    pub(crate) name: Name,
    pub(crate) value: i64,
}

/// Tables whose rows sum up to what was sent.
const OF_THE_SENT: [&str; 4] = ["sent_per_school", "sent_within", "incident_known", "afterwards"];

/// Beyond it nothing is tried: a figure that could be so large could be many others.
const HIGH: i64 = 400;

impl Auditor {
    fn figure(&mut self, name: Name, value: &Value) -> usize {
        let said = said(value);
        let (low, high) = match said {
            Said::Number(number) => (number, number),
            Said::Few => (0, 4),
            Said::Nothing => (0, HIGH),
        };
        let at = self.names.len();
        self.by_name.insert(name.clone(), at);
        self.names.push(name);
        self.said.push(said);
        self.low.push(low);
        self.high.push(high);
        at
    }

    fn equal(&mut self, whole: usize, parts: impl IntoIterator<Item = usize>) {
        let parts = parts.into_iter().map(|part| (part, 1));
        self.equations.push([(whole, -1)].into_iter().chain(parts).collect());
    }

    /// Reads a report beside those that it read before.
    pub(crate) fn read(&mut self, report: &Value) {
        let period = report["period"].as_str().unwrap().to_owned();
        let mut blocks: Vec<(String, &Value)> = Vec::new();
        for one in report["municipalities"].as_array().unwrap() {
            blocks.push((format!("{period} {}", one["municipality"].as_str().unwrap()), one));
        }
        let others = &report["other_municipalities"];
        if !others.is_null() {
            blocks.push((format!("{period} others"), others));
        }
        let region = self.block(&format!("{period} region"), &report["region"]);
        let rows: Vec<_> = blocks.iter().map(|(name, block)| self.block(name, block)).collect();
        if !rows.is_empty() {
            for (at, whole) in region.iter().enumerate() {
                self.equal(*whole, rows.iter().map(|row| row[at]));
            }
        }
        let of = &report["not_referred"];
        let whole = self.figure(format!("{period} not referred"), &of["signals"]);
        let parts = self.lines(&format!("{period} not referred"), &of["per_reason"]);
        self.equal(whole, parts.clone());
        self.mark(&[vec![whole], parts].concat());
    }

    /// A block's figures, in an order that is the same for every block.
    fn block(&mut self, name: &str, block: &Value) -> Vec<usize> {
        let [received, sent, not_sent] =
            ["received", "sent", "not_sent"].map(|key| self.figure(format!("{name} {key}"), &block[key]));
        self.equal(received, [sent, not_sent]);
        let mut all = vec![received, sent, not_sent];
        for table in OF_THE_SENT {
            let parts = self.lines(&format!("{name} {table}"), &block[table]);
            self.equal(sent, parts.clone());
            self.mark(&[vec![sent], parts.clone()].concat());
            all.extend(parts);
        }
        let reasons = self.lines(&format!("{name} reason"), &block["not_sent_per_reason"]);
        self.equal(not_sent, reasons.clone());
        self.mark(&[vec![not_sent], reasons.clone()].concat());
        all.extend(reasons);
        all
    }

    fn lines(&mut self, name: &str, lines: &Value) -> Vec<usize> {
        let lines = lines.as_array().unwrap().iter();
        lines
            .map(|line| self.figure(format!("{name} {}", line["item"].as_str().unwrap()), &line["signals"]))
            .collect()
    }

    /// Where some of a list are said to be few, what is not said at all is not few: it was kept back for another's sake.
    fn mark(&mut self, list: &[usize]) {
        if list.iter().any(|at| self.said[*at] == Said::Few) {
            for at in list {
                if self.said[*at] == Said::Nothing {
                    self.low[*at] = self.low[*at].max(5);
                }
            }
        }
    }

    pub(crate) fn suppressed(&self) -> usize {
        self.said.iter().filter(|said| !matches!(said, Said::Number(_))).count()
    }

    /// Every figure that was not shown and can be nothing but one number. A received figure, which is nothing but a sum of two
    /// others, is left to those.
    pub(crate) fn breaches(&self) -> Vec<Breach> {
        let hidden = (0..self.names.len()).filter(|at| !matches!(self.said[*at], Said::Number(_)));
        let mut free = vec![false; self.names.len()];
        let mut breaches = Vec::new();
        for at in hidden {
            if free[at] {
                continue;
            }
            let component = self.component(at);
            let within = |(part, _): &(usize, i64)| component.contains(part);
            let equations = self.equations.iter().filter(|equation| equation.iter().any(within)).collect();
            let mut search = Search { auditor: self, component: &component, equations, steps: 0 };
            let Some(first) = search.solve(at, None) else {
                panic!("{}: nothing fits at all", self.names[at])
            };
            match search.solve(at, Some(first[at])) {
                // Whatever differs between the two is known to have two values.
                Some(other) => component.iter().for_each(|one| free[*one] |= first[*one] != other[*one]),
                None => breaches.push(Breach { name: self.names[at].clone(), value: first[at] }),
            }
        }
        breaches
    }

    /// The figures that stand in a sum with this one, by others that are not known.
    fn component(&self, at: usize) -> Vec<usize> {
        let mut found = vec![at];
        let mut next = 0;
        while let Some(one) = found.get(next).copied() {
            next += 1;
            for equation in
                self.equations.iter().filter(|equation| equation.iter().any(|(part, _)| *part == one))
            {
                for (part, _) in equation {
                    if self.low[*part] < self.high[*part] && !found.contains(part) {
                        found.push(*part);
                    }
                }
            }
        }
        found
    }
}

struct Search<'a> {
    auditor: &'a Auditor,
    component: &'a [usize],
    equations: Vec<&'a Vec<(usize, i64)>>,
    steps: u64,
}

impl Search<'_> {
    /// Numbers that fit, with another one than this for this figure.
    fn solve(&mut self, target: usize, but: Option<i64>) -> Option<Vec<i64>> {
        let (low, high) = (self.auditor.low.clone(), self.auditor.high.clone());
        let Some(but) = but else { return self.fit(low, high) };
        let (mut below, mut above) = (high.clone(), low.clone());
        below[target] = below[target].min(but - 1);
        above[target] = above[target].max(but + 1);
        self.fit(low, below).or_else(|| self.fit(above, high))
    }

    fn fit(&mut self, mut low: Vec<i64>, mut high: Vec<i64>) -> Option<Vec<i64>> {
        self.steps += 1;
        assert!(self.steps < 200_000, "the auditor gave up; make the tables smaller");
        if !self.narrow(&mut low, &mut high) {
            return None;
        }
        let open = self.component.iter().copied().filter(|at| low[*at] < high[*at]);
        let Some(at) = open.min_by_key(|at| high[*at] - low[*at]) else { return Some(low) };
        let middle = low[at] + (high[at] - low[at]) / 2;
        let (mut lower, mut upper) = (high.clone(), low.clone());
        lower[at] = middle;
        upper[at] = middle + 1;
        self.fit(low, lower).or_else(|| self.fit(upper, high))
    }

    /// Draws every bound as narrow as each sum alone makes it; whether anything is left.
    fn narrow(&self, low: &mut [i64], high: &mut [i64]) -> bool {
        loop {
            let mut changed = false;
            for equation in &self.equations {
                let ends = |at: usize, sign: i64, low: &[i64], high: &[i64]| {
                    if sign > 0 { (low[at], high[at]) } else { (-high[at], -low[at]) }
                };
                let (mut least, mut most) = (0, 0);
                for (at, sign) in *equation {
                    let (from, to) = ends(*at, *sign, low, high);
                    least += from;
                    most += to;
                }
                for (at, sign) in *equation {
                    let (from, to) = ends(*at, *sign, low, high);
                    // The others sum up to between these; this one is what is missing to nought.
                    let (new_from, new_to) = (from.max(to - most), to.min(from - least));
                    if new_from > new_to {
                        return false;
                    }
                    if (new_from, new_to) != (from, to) {
                        changed = true;
                        (low[*at], high[*at]) =
                            if *sign > 0 { (new_from, new_to) } else { (-new_to, -new_from) };
                    }
                }
            }
            if !changed {
                return true;
            }
        }
    }
}
