//! The forms in which a report comes, and what they have in common.

use std::ops::Range;

use zeroize::Zeroizing;

use crate::{Refused, Submission, reports, stuf, table};

/// In which form reports are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// A JSON document that is one report.
    Json,
    /// JSON, one report a line.
    Lines,
    /// CSV, a line for each child.
    Table,
    /// A StUF-Jeugdzorg message that is one report.
    Stuf,
}

impl Form {
    /// Every form.
    pub const ALL: [Self; 4] = [Self::Json, Self::Lines, Self::Table, Self::Stuf];

    /// How the names of its files end.
    pub const fn ending(self) -> &'static str {
        match self {
            Self::Json => "json",
            Self::Lines => "jsonl",
            Self::Table => "csv",
            Self::Stuf => "xml",
        }
    }

    /// The form of a file, by the end of its name; none of a file that hides or is no report's.
    pub fn of_name(name: &str) -> Option<Self> {
        let (stem, ending) = name.rsplit_once('.')?;
        let hides = stem.is_empty() || name.starts_with('.');
        Self::ALL.into_iter().find(|form| !hides && form.ending().eq_ignore_ascii_case(ending))
    }

    /// Reads a whole file: what can be sent, and what cannot.
    pub fn read(self, bytes: &[u8]) -> (Vec<Submission>, Vec<Refused>) {
        let alone = |read: Result<Submission, Refused>| match read {
            Ok(submission) => (vec![submission], Vec::new()),
            Err(refused) => (Vec::new(), vec![refused]),
        };
        match self {
            Self::Json => alone(reports::document(bytes)),
            Self::Lines => reports::read(bytes),
            Self::Table => table::read(bytes),
            Self::Stuf => alone(stuf::read(bytes)),
        }
    }

    /// What is set aside of a file, as a file of the same form: the lines that were refused, and everything that was not read.
    pub(crate) fn excerpt(self, bytes: &[u8], lines: &[usize], onward: Option<usize>) -> Zeroizing<Vec<u8>> {
        let ranges: Vec<Range<usize>> = match self {
            Self::Json | Self::Stuf => std::iter::once(0..bytes.len()).collect(),
            Self::Table => table::excerpt(bytes, lines, onward),
            Self::Lines => {
                let mut from = 0;
                let lengths = bytes.split_inclusive(|byte| *byte == b'\n').map(<[u8]>::len);
                let whole = lengths.map(|length| {
                    from += length;
                    from - length..from
                });
                // A file may hold very many lines, and most of them be fine.
                let wanted: std::collections::HashSet<_> = lines.iter().copied().collect();
                whole
                    .enumerate()
                    .map(|(at, range)| (at + 1, range))
                    .filter(|(line, _)| wanted.contains(line) || onward.is_some_and(|onward| *line >= onward))
                    .map(|(_, range)| range)
                    .collect()
            }
        };
        let mut kept = Zeroizing::new(Vec::with_capacity(ranges.iter().map(Range::len).sum::<usize>() + 1));
        for range in ranges {
            kept.extend_from_slice(bytes.get(range).unwrap_or_default());
        }
        if kept.last().is_some_and(|last| *last != b'\n') && matches!(self, Self::Lines | Self::Table) {
            kept.push(b'\n');
        }
        kept
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_s_name_says_its_form_unless_it_hides() {
        let forms = ["a.json", "a.jsonl", "b.CSV", "c.d.xml"].map(Form::of_name);
        assert_eq!(forms, Form::ALL.map(Some));
        for other in [".json", ".a.json", "a.json.part", "a.txt", "json", ""] {
            assert_eq!(Form::of_name(other), None, "{other}");
        }
    }
}
