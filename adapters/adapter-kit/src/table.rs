//! CSV files: header line required, columns in any order, extra columns passed over.
//!
//! A broken row is named by file, line and column, and none of its content is shown: it may hold a name.

use std::collections::HashMap;

use hwc_schemas::person::FieldError;

/// A row that cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{file} line {line}, column {column}: {problem}")]
pub struct TableError {
    /// The file's name.
    pub file: String,
    /// The line, from 1; the header is line 1.
    pub line: u64,
    /// The column, by its name in the header.
    pub column: String,
    /// What is wrong, without the content.
    pub problem: String,
}

/// Longest file that is read, in bytes.
pub const TABLE_BYTES_MAX: usize = 512 * 1024 * 1024;

/// One row.
pub struct Row<'a> {
    file: &'a str,
    line: u64,
    columns: &'a HashMap<&'static str, usize>,
    record: &'a csv::StringRecord,
}

impl<'a> Row<'a> {
    /// A field, trimmed. Empty when the column is not one that was asked for.
    pub fn get(&self, column: &'static str) -> &'a str {
        self.columns.get(column).and_then(|at| self.record.get(*at)).unwrap_or_default().trim()
    }

    /// A field, read with a function whose error names what is wrong with it.
    pub fn read<T>(
        &self,
        column: &'static str,
        read: impl FnOnce(&str) -> Result<T, FieldError>,
    ) -> Result<T, TableError> {
        read(self.get(column)).map_err(|error| self.refuse(column, error.problem))
    }

    /// This row is broken in this column.
    pub fn refuse(&self, column: &str, problem: &str) -> TableError {
        refusal(self.file, self.line, column, problem)
    }

    /// This row is broken in the column that the error names.
    pub fn refuse_field(&self, error: &FieldError) -> TableError {
        self.refuse(error.field, error.problem)
    }
}

/// Reads a file's rows with a function; the first broken one ends it.
pub fn read<T>(
    file: &str,
    bytes: &[u8],
    columns: &[&'static str],
    mut row: impl FnMut(&Row<'_>) -> Result<T, TableError>,
) -> Result<Vec<T>, TableError> {
    if bytes.len() > TABLE_BYTES_MAX {
        return Err(refusal(file, 1, "-", "the file is larger than this program reads"));
    }
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    let mut reader = csv::ReaderBuilder::new().has_headers(true).flexible(true).from_reader(bytes);
    let header = reader.headers().map_err(|error| unreadable(file, &error))?.clone();
    let mut places = HashMap::new();
    for column in columns {
        let mut found =
            header.iter().enumerate().filter(|(_, name)| name.trim() == *column).map(|(at, _)| at);
        let at = found.next().ok_or_else(|| refusal(file, 1, column, "the header line lacks this column"))?;
        if found.next().is_some() {
            return Err(refusal(file, 1, column, "the header line names this column twice"));
        }
        places.insert(*column, at);
    }
    let mut rows = Vec::new();
    let mut record = csv::StringRecord::new();
    loop {
        match reader.read_record(&mut record) {
            Ok(false) => return Ok(rows),
            Ok(true) => {}
            Err(error) => return Err(unreadable(file, &error)),
        }
        let line = record.position().map_or(0, csv::Position::line);
        if record.len() != header.len() {
            let problem = format!("the row has {} fields and the header {}", record.len(), header.len());
            return Err(refusal(file, line, "-", &problem));
        }
        rows.push(row(&Row { file, line, columns: &places, record: &record })?);
    }
}

fn unreadable(file: &str, error: &csv::Error) -> TableError {
    let line = error.position().map_or(1, csv::Position::line);
    let problem = match error.kind() {
        csv::ErrorKind::Utf8 { .. } => "the text is not UTF-8",
        _ => "the row cannot be read as CSV",
    };
    refusal(file, line, "-", problem)
}

fn refusal(file: &str, line: u64, column: &str, problem: &str) -> TableError {
    TableError { file: file.to_owned(), line, column: column.to_owned(), problem: problem.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cells(text: &str) -> Result<Vec<(String, String)>, TableError> {
        read("x.csv", text.as_bytes(), &["a", "b"], |row| {
            if row.get("a") == "bad" {
                return Err(row.refuse("a", "is bad"));
            }
            Ok((row.get("a").to_owned(), row.get("b").to_owned()))
        })
    }

    #[test]
    fn columns_stand_in_any_order_and_extra_ones_are_passed_over() {
        let rows = cells("\u{feff}b,c,a\n1,2, 3 \n").unwrap();
        assert_eq!(rows, [("3".to_owned(), "1".to_owned())]);
    }

    #[test]
    fn a_broken_row_is_named_by_line_and_column_and_shown_nowhere() {
        let error = cells("a,b\n1,2\nbad,secret\n").unwrap_err().to_string();
        assert_eq!(error, "x.csv line 3, column a: is bad");
        let error = cells("a,b\n1,2,3\n").unwrap_err().to_string();
        assert_eq!(error, "x.csv line 2, column -: the row has 3 fields and the header 2");
        let error = cells("a\n1\n").unwrap_err().to_string();
        assert_eq!(error, "x.csv line 1, column b: the header line lacks this column");
    }

    #[test]
    fn bytes_that_are_no_text_are_refused_by_line() {
        let error = read("x.csv", b"a\nok\n\xff\xfe\n", &["a"], |_| Ok(())).unwrap_err();
        assert_eq!((error.line, error.problem.as_str()), (3, "the text is not UTF-8"));
    }
}
