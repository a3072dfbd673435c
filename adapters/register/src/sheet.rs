//! A table as an office program writes it: comma or semicolon, UTF-8 or Windows-1252, columns in any order and by one of
//! several names. Columns that are not asked for are passed over unread.
//!
//! A broken row is named by file, line and column, and none of its content is shown: it may hold a name.

use std::borrow::Cow;

use hwc_adapter_kit::table::{TABLE_BYTES_MAX, TableError};
use hwc_schemas::person::FieldError;
use zeroize::Zeroizing;

/// How a source writes its files. It is said, never guessed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Form {
    /// How letters are written as bytes.
    pub encoding: Encoding,
    /// What stands between two fields.
    pub separator: Separator,
}

/// How letters are written as bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Encoding {
    /// UTF-8, with or without its mark.
    Utf8,
    /// Windows-1252, as older office programs write.
    Windows1252,
}

/// What stands between two fields.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Separator {
    /// A comma.
    Comma,
    /// A semicolon.
    Semicolon,
}

/// A column, by the names that it may have. Case, spaces and punctuation of a name do not matter.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Column {
    /// Its names; errors say the first.
    pub(crate) names: &'static [&'static str],
    /// Whether a file without it is refused.
    pub(crate) needed: bool,
}

pub(crate) const fn needed(names: &'static [&'static str]) -> Column {
    Column { names, needed: true }
}

pub(crate) const fn optional(names: &'static [&'static str]) -> Column {
    Column { names, needed: false }
}

impl Column {
    const fn name(&self) -> &'static str {
        match self.names {
            [first, ..] => first,
            [] => "-",
        }
    }
}

/// One row of a sheet.
pub(crate) struct Row<'a> {
    file: &'a str,
    line: u64,
    columns: &'a [Column],
    places: &'a [Option<usize>],
    record: &'a csv::StringRecord,
}

impl<'a> Row<'a> {
    /// The field of the n-th column, trimmed; none if the file has no such column.
    pub(crate) fn given(&self, column: usize) -> Option<&'a str> {
        let place = self.places.get(column).copied().flatten()?;
        Some(self.record.get(place).unwrap_or_default().trim())
    }

    /// The field of the n-th column, trimmed; empty if the file has no such column.
    pub(crate) fn get(&self, column: usize) -> &'a str {
        self.given(column).unwrap_or_default()
    }

    /// A field, read with a function whose error names what is wrong with it.
    pub(crate) fn read<T>(
        &self,
        column: usize,
        read: impl FnOnce(&str) -> Result<T, FieldError>,
    ) -> Result<T, TableError> {
        read(self.get(column)).map_err(|error| self.refuse(column, error.problem))
    }

    /// This row is broken in the n-th column.
    pub(crate) fn refuse(&self, column: usize, problem: &str) -> TableError {
        refusal(self.file, self.line, self.columns.get(column).map_or("-", Column::name), problem)
    }
}

/// Reads a sheet's rows with a function; the first broken one ends it.
pub(crate) fn read<T>(
    file: &str,
    bytes: &[u8],
    form: Form,
    columns: &[Column],
    rows_max: usize,
    mut row: impl FnMut(&Row<'_>) -> Result<T, TableError>,
) -> Result<Vec<T>, TableError> {
    if bytes.len() > TABLE_BYTES_MAX {
        return Err(refusal(file, 1, "-", "the file is larger than this program reads"));
    }
    let text = decoded(file, bytes, form.encoding)?;
    let separator = match form.separator {
        Separator::Comma => b',',
        Separator::Semicolon => b';',
    };
    let mut reader = csv::ReaderBuilder::new()
        .has_headers(true)
        .flexible(true)
        .delimiter(separator)
        .from_reader(text.as_str().as_bytes());
    let header = reader.headers().map_err(|error| unreadable(file, &error))?.clone();
    let places = places(file, &header, columns)?;
    let mut rows = Vec::new();
    let mut record = csv::StringRecord::new();
    loop {
        match reader.read_record(&mut record) {
            Ok(false) => return Ok(rows),
            Ok(true) => {}
            Err(error) => return Err(unreadable(file, &error)),
        }
        let line = record.position().map_or(0, |at| line_of(at, text.as_bytes()));
        if record.len() != header.len() {
            let problem = format!("the row has {} fields and the header {}", record.len(), header.len());
            return Err(refusal(file, line, "-", &problem));
        }
        if rows.len() == rows_max {
            return Err(refusal(file, line, "-", "the file has more rows than this program takes"));
        }
        rows.push(row(&Row { file, line, columns, places: &places, record: &record })?);
    }
}

/// The line where a row begins. The reader says where it looked for one: ends of lines may still stand before it.
fn line_of(at: &csv::Position, text: &[u8]) -> u64 {
    let from = usize::try_from(at.byte()).unwrap_or(usize::MAX);
    let ends = text.get(from..).unwrap_or_default().iter().take_while(|byte| matches!(byte, b'\r' | b'\n'));
    at.line() + ends.filter(|byte| **byte == b'\n').count() as u64
}

fn places(
    file: &str,
    header: &csv::StringRecord,
    columns: &[Column],
) -> Result<Vec<Option<usize>>, TableError> {
    let header: Vec<String> = header.iter().map(plain).collect();
    let place = |column: &Column| {
        let is_it = |name: &str| column.names.iter().any(|known| plain(known) == name);
        let mut found = header.iter().enumerate().filter(|(_, name)| is_it(name)).map(|(at, _)| at);
        match (found.next(), found.next()) {
            (None, _) if column.needed => {
                Err(refusal(file, 1, column.name(), "the header line lacks this column"))
            }
            (_, Some(_)) => Err(refusal(file, 1, column.name(), "the header line names this column twice")),
            (place, None) => Ok(place),
        }
    };
    columns.iter().map(place).collect()
}

/// A column's name by its letters and digits.
fn plain(name: &str) -> String {
    name.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).collect()
}

fn decoded(file: &str, bytes: &[u8], encoding: Encoding) -> Result<Zeroizing<String>, TableError> {
    let line = |before: &[u8]| before.split(|byte| *byte == b'\n').count() as u64;
    match encoding {
        Encoding::Utf8 => {
            let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
            let text = std::str::from_utf8(bytes).map_err(|error| {
                let before = bytes.get(..error.valid_up_to()).unwrap_or_default();
                refusal(file, line(before), "-", "the text is not UTF-8; the settings say that it is")
            })?;
            Ok(Zeroizing::new(text.to_owned()))
        }
        Encoding::Windows1252 => {
            if bytes.starts_with(b"\xef\xbb\xbf") {
                return Err(refusal(file, 1, "-", "the text is UTF-8; the settings say Windows-1252"));
            }
            // Three bytes are the most that one of its letters takes, so the text never moves while it grows.
            let mut text = Zeroizing::new(String::with_capacity(bytes.len() * 3));
            for (at, byte) in bytes.iter().enumerate() {
                let Some(letter) = windows_1252(*byte) else {
                    let before = bytes.get(..at).unwrap_or_default();
                    return Err(refusal(file, line(before), "-", "the text is not Windows-1252"));
                };
                text.push(letter);
            }
            Ok(text)
        }
    }
}

/// A letter of Windows-1252: ISO 8859-1, but for 32 places, of which five are empty.
fn windows_1252(byte: u8) -> Option<char> {
    const FROM_80: [char; 32] = [
        '€', '\0', '‚', 'ƒ', '„', '…', '†', '‡', 'ˆ', '‰', 'Š', '‹', 'Œ', '\0', 'Ž', '\0', '\0', '‘', '’',
        '“', '”', '•', '–', '—', '˜', '™', 'š', '›', 'œ', '\0', 'ž', 'Ÿ',
    ];
    match byte {
        0x80..=0x9f => FROM_80.get(usize::from(byte - 0x80)).copied().filter(|letter| *letter != '\0'),
        _ => Some(char::from(byte)),
    }
}

fn unreadable(file: &str, error: &csv::Error) -> TableError {
    refusal(file, error.position().map_or(1, csv::Position::line), "-", "the row cannot be read as CSV")
}

fn refusal(file: &str, line: u64, column: &str, problem: &str) -> TableError {
    let problem: Cow<'_, str> = problem.into();
    TableError { file: file.to_owned(), line, column: column.to_owned(), problem: problem.into_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    const COLUMNS: &[Column] = &[needed(&["surname", "achternaam"]), optional(&["prefix", "tussenvoegsel"])];

    fn cells(bytes: &[u8], form: Form) -> Result<Vec<(String, Option<String>)>, String> {
        let row = |row: &Row<'_>| {
            if row.get(0) == "Geheim" {
                return Err(row.refuse(0, "is bad"));
            }
            Ok((row.get(0).to_owned(), row.given(1).map(str::to_owned)))
        };
        read("x.csv", bytes, form, COLUMNS, 3, row).map_err(|error| error.to_string())
    }

    const COMMA: Form = Form { encoding: Encoding::Utf8, separator: Separator::Comma };
    const OFFICE: Form = Form { encoding: Encoding::Windows1252, separator: Separator::Semicolon };

    #[test]
    fn both_ways_of_writing_say_the_same_and_extra_columns_are_passed_over() {
        let some = |text: &str| Some(text.to_owned());
        let read = cells("\u{feff}prefix,BSN,Surname\n van ,x,Zoë–Ÿ\n".as_bytes(), COMMA);
        assert_eq!(read, Ok(vec![("Zoë–Ÿ".to_owned(), some("van"))]));
        let read = cells(b"ACHTER-NAAM;Tussen voegsel\r\n\"Zo\xeb\x96\x9f\";van\r\n", OFFICE);
        assert_eq!(read, Ok(vec![("Zoë–Ÿ".to_owned(), some("van"))]));
        assert_eq!(cells(b"achternaam\nSmit\n", COMMA), Ok(vec![("Smit".to_owned(), None)]));
    }

    #[test]
    fn what_cannot_be_taken_is_named_by_line_and_column_and_shown_nowhere() {
        for (bytes, form, said) in [
            (&b"surname\nSmit\nGeheim\n"[..], COMMA, "x.csv line 3, column surname: is bad"),
            (b"naam\nSmit\n", COMMA, "x.csv line 1, column surname: the header line lacks this column"),
            (
                b"surname,achternaam\na,b\n",
                COMMA,
                "x.csv line 1, column surname: the header line names this column twice",
            ),
            (
                b"surname\nSmit\nZo\xeb\n",
                COMMA,
                "x.csv line 3, column -: the text is not UTF-8; the settings say that it is",
            ),
            (b"surname\nSmit\nZo\x81\n", OFFICE, "x.csv line 3, column -: the text is not Windows-1252"),
            (
                b"\xef\xbb\xbfsurname\n",
                OFFICE,
                "x.csv line 1, column -: the text is UTF-8; the settings say Windows-1252",
            ),
            (b"surname\na,b\n", COMMA, "x.csv line 2, column -: the row has 2 fields and the header 1"),
            (
                b"surname\na\nb\nc\nd\n",
                COMMA,
                "x.csv line 5, column -: the file has more rows than this program takes",
            ),
        ] {
            assert_eq!(cells(bytes, form).unwrap_err(), said);
        }
    }
}
