//! What comes of reading: reports that can be sent, and places that cannot.

use hwc_schemas::report::Report;

/// What is wrong with the line from which on a file was not read.
pub(crate) const NOT_READ_ON: &str =
    "too many lines were refused, so nothing from here on was read, and nothing of it was sent";

/// A report that can be sent, with the sender's own reference.
pub struct Submission {
    /// The line it begins on, from 1.
    pub line: usize,
    /// The other lines it stands on, where a report has several.
    pub more_lines: Vec<usize>,
    /// Which of the police's systems made it; none where the file does not say.
    pub sender: Option<String>,
    /// That system's reference.
    pub report_id: String,
    /// The report.
    pub report: Report,
    /// Children that are not named in it, because nobody could tell whom they are. Somebody must know of each.
    pub not_named: Vec<Refused>,
    /// How many others the source names that are no children of the family, or grown up. Nothing is read of them.
    pub passed_over: usize,
}

impl Submission {
    /// A report that stands on one line of its sender's only system.
    pub fn new(line: usize, report_id: String, report: Report) -> Self {
        let (more_lines, not_named) = (Vec::new(), Vec::new());
        Self { line, more_lines, sender: None, report_id, report, not_named, passed_over: 0 }
    }

    /// Every line it stands on.
    pub fn lines(&self) -> impl Iterator<Item = usize> {
        std::iter::once(self.line).chain(self.more_lines.iter().copied())
    }
}

/// A place that breaks the format.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: {field}: {problem}")]
pub struct Refused {
    /// The line, from 1.
    pub line: usize,
    /// The field, as a path.
    pub field: String,
    /// What is wrong, without the content.
    pub problem: &'static str,
}

impl Refused {
    /// So many lines of a file were refused that it was not read from this line on.
    pub(crate) fn not_read_on(line: usize) -> Self {
        Self { line, field: "(file)".to_owned(), problem: NOT_READ_ON }
    }

    /// Whether everything from this line on was not read: none of it was sent, however good it is.
    pub(crate) fn is_of_all_that_follows(&self) -> bool {
        self.problem == NOT_READ_ON
    }
}
