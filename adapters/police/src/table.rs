//! Reports as CSV: a line for each child, the report's own fields on every line of it. The page `docs/police.md` has the
//! columns.
//!
//! The lines of one report stand together. A report of which one line is broken is refused with all its lines: sent without
//! it, its reference would be used up, and the child on that line lost (R9).

use std::{
    collections::{HashMap, HashSet},
    ops::Range,
};

use csv::{ByteRecord, Reader, ReaderBuilder};
use hwc_schemas::{
    person::{Child, DateOfBirth, FieldError},
    report::{Address, Mention, MunicipalityCode, Report},
};

use crate::{
    Refused, Submission,
    fields::{self, Bad, KINDS, PRESENCES, RELATIONS, bad},
    reports::{LINE_BYTES_MAX, NOT_UTF8, REFUSED_MAX, TOO_MANY_CHILDREN},
};

/// The columns that the header line must name, in any order. `sender` may be there too; others are passed over.
pub const COLUMNS: [&str; 15] = [
    "report_id",
    "reported_at",
    "occurred_at",
    "kind",
    "postcode",
    "house_number",
    "house_letter",
    "addition",
    "municipality",
    "given_names",
    "prefix",
    "surname",
    "date_of_birth",
    "presence",
    "relation",
];

/// The column that a file may do without: which of the police's systems made the report.
pub const SENDER: &str = "sender";

/// The columns of the child; all empty on the one line of a report that names nobody.
const OF_THE_CHILD: [&str; 6] = ["given_names", "prefix", "surname", "date_of_birth", "presence", "relation"];

const APART: &str = "the lines of this report do not stand together, or it stands there twice";
const BESIDE: &str = "stands beside a line that could be of the same report and cannot be read";
const TOGETHER: &str = "another line of the same report is broken, and a report is sent whole or not at all";
const CUT_OFF: &str = "the file is not read on behind this line, where the report may have more lines";
const DIFFERS: &str = "is not the same on every line of the report";

/// Reads a whole file; after [`REFUSED_MAX`] broken lines the rest is not read, and the last refusal says so. No report of
/// which a line could stand in that rest is among those to be sent.
pub fn read(bytes: &[u8]) -> (Vec<Submission>, Vec<Refused>) {
    match Header::read(bytes) {
        Ok((header, rows)) => header.reports(rows),
        Err(Bad { field, problem }) => (Vec::new(), vec![Refused { line: 1, field, problem }]),
    }
}

/// The header and these lines, as they are, and everything from line `onward` on: what is set aside of a file.
pub(crate) fn excerpt(bytes: &[u8], lines: &[usize], onward: Option<usize>) -> Vec<Range<usize>> {
    let Ok((_, mut rows)) = Header::read(bytes) else { return std::iter::once(0..bytes.len()).collect() };
    let place = |reader: &Reader<&[u8]>| usize::try_from(reader.position().byte()).unwrap_or(usize::MAX);
    let skipped = bytes.len() - rows.text.len();
    let mut found: Vec<_> = std::iter::once(0..skipped + place(&rows.reader)).collect();
    let wanted: HashSet<_> = lines.iter().collect();
    loop {
        let from = place(&rows.reader);
        let Some((line, _)) = rows.next() else { return found };
        if onward.is_some_and(|onward| line >= onward) {
            found.push(skipped + from..bytes.len());
            return found;
        }
        if wanted.contains(&line) {
            found.push(skipped + from..skipped + place(&rows.reader));
        }
    }
}

/// Where the columns stand.
struct Header {
    places: HashMap<&'static str, usize>,
    width: usize,
}

/// The lines below the header.
struct Rows<'a> {
    text: &'a [u8],
    reader: Reader<&'a [u8]>,
    record: ByteRecord,
}

impl Rows<'_> {
    /// The next line that is not empty: its number, and its fields.
    fn next(&mut self) -> Option<(usize, &ByteRecord)> {
        // Bytes in memory, of any number of fields: there is nothing that could go wrong.
        let more = self.reader.read_byte_record(&mut self.record).unwrap_or(false);
        let line = self.record.position().map_or(0, csv::Position::line);
        more.then_some((usize::try_from(line).unwrap_or(usize::MAX), &self.record))
    }
}

impl Header {
    fn read(bytes: &[u8]) -> Result<(Self, Rows<'_>), Bad> {
        if bytes.starts_with(b"\xff\xfe") || bytes.starts_with(b"\xfe\xff") {
            return Err(bad("(file)", "is UTF-16: save it as UTF-8"));
        }
        let text = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
        let first = text.split(|byte| *byte == b'\n').find(|line| !line.trim_ascii().is_empty());
        let first = first.unwrap_or_default();
        let pieces = |delimiter: u8| first.split(|byte| *byte == delimiter).count();
        let delimiter = if pieces(b';') > pieces(b',') { b';' } else { b',' };
        let reader =
            ReaderBuilder::new().has_headers(false).flexible(true).delimiter(delimiter).from_reader(text);
        let mut rows = Rows { text, reader, record: ByteRecord::new() };
        let (_, header) = rows.next().ok_or(bad("(file)", "has no header line"))?;
        let names: Vec<&str> = header
            .iter()
            .map(|name| std::str::from_utf8(name).map(str::trim))
            .collect::<Result<_, _>>()
            .map_err(|_| bad("(file)", NOT_UTF8))?;
        let mut places = HashMap::new();
        for column in COLUMNS.into_iter().chain([SENDER]) {
            let mut found = names.iter().enumerate().filter(|(_, name)| **name == column);
            match (found.next(), found.next()) {
                (Some((at, _)), None) => _ = places.insert(column, at),
                (Some(_), Some(_)) => return Err(bad(column, "stands twice in the header line")),
                (None, _) if column == SENDER => {}
                (None, _) => return Err(bad(column, "the header line lacks this column")),
            }
        }
        let width = names.len();
        Ok((Self { places, width }, rows))
    }

    fn reports(&self, mut rows: Rows<'_>) -> (Vec<Submission>, Vec<Refused>) {
        let (mut file, mut has_stopped) = (File::default(), false);
        while let Some((line, record)) = rows.next() {
            if !has_stopped && file.refused.len() >= REFUSED_MAX {
                has_stopped = true;
                file.stop(line);
            }
            match self.row(record) {
                // Of the rest it is read whose it is and nothing else.
                Ok(row) if has_stopped => _ = file.take_back(&row.id),
                Err(_) if has_stopped => {}
                Ok(row) => file.add(line, row),
                Err(bad) => file.nobody_s(line, bad),
            }
        }
        file.end()
    }

    /// Whose line it is, and what stands on it.
    fn row(&self, record: &ByteRecord) -> Result<Row, Bad> {
        if record.as_slice().len() > LINE_BYTES_MAX {
            return Err(bad("(line)", "is too long"));
        }
        if record.len() != self.width {
            return Err(bad("(line)", "has more or fewer fields than the header line"));
        }
        let cells = Cells { places: &self.places, record };
        let id = (cells.sender()?, cells.read("report_id", fields::reference)?);
        Ok(Row { id, content: cells.head().and_then(|head| Ok((head, cells.mention()?))) })
    }
}

/// One line's fields.
struct Cells<'a> {
    places: &'a HashMap<&'static str, usize>,
    record: &'a ByteRecord,
}

impl<'a> Cells<'a> {
    fn get(&self, column: &str) -> Result<&'a str, Bad> {
        let cell = self.places.get(column).and_then(|at| self.record.get(*at)).unwrap_or_default();
        std::str::from_utf8(cell).map(str::trim).map_err(|_| bad(column, NOT_UTF8))
    }

    fn read<T>(&self, column: &str, read: impl FnOnce(&str) -> Result<T, &'static str>) -> Result<T, Bad> {
        read(self.get(column)?).map_err(|problem| bad(column, problem))
    }

    fn sender(&self) -> Result<Option<String>, Bad> {
        self.read(SENDER, fields::sender)
    }

    /// The report itself, as yet without children.
    fn head(&self) -> Result<Report, Bad> {
        let number = self.get("house_number")?.parse::<u32>();
        let number = number.map_err(|_| bad("house_number", "is not a whole number from 1 to 99999"))?;
        let municipality = self.get("municipality")?;
        let municipality = (!municipality.is_empty()).then(|| MunicipalityCode::parse(municipality));
        let (letter, addition) = (self.get("house_letter")?, self.get("addition")?);
        let municipality = municipality.transpose().map_err(|error| of(&error))?;
        let address = Address::new(self.get("postcode")?, number, letter, addition, municipality);
        Ok(Report {
            reported_at: self.read("reported_at", fields::moment)?,
            occurred: self.read("occurred_at", fields::occurred)?,
            kind: self.read("kind", |text| fields::word(text, KINDS))?,
            address: address.map_err(|error| of(&error))?,
            mentions: Vec::new(),
        })
    }

    /// The child, if there is one on this line.
    fn mention(&self) -> Result<Option<Mention>, Bad> {
        let mut empty = true;
        for column in OF_THE_CHILD {
            empty &= self.get(column)?.is_empty();
        }
        if empty {
            return Ok(None);
        }
        let born = DateOfBirth::parse(self.get("date_of_birth")?).map_err(|error| of(&error))?;
        let (given, prefix) = (self.get("given_names")?, self.get("prefix")?);
        let child = Child::new(given, Some(prefix), self.get("surname")?, born);
        Ok(Some(Mention {
            child: child.map_err(|error| of(&error))?,
            presence: self.read("presence", |text| fields::word(text, PRESENCES))?,
            relation: self.read("relation", |text| fields::word(text, RELATIONS))?,
        }))
    }
}

fn of(error: &FieldError) -> Bad {
    bad(error.field, error.problem)
}

/// Whose reference it is, and which.
type Id = (Option<String>, String);

/// A line whose report is known.
struct Row {
    id: Id,
    content: Result<(Report, Option<Mention>), Bad>,
}

/// The lines that stand together under one reference.
struct Group {
    id: Id,
    lines: Vec<usize>,
    report: Option<Report>,
    /// Whether a line of it names nobody; then there may be no other.
    names_nobody: bool,
    /// The lines that are broken, and why.
    broken: Vec<Refused>,
}

impl Group {
    fn refuse(&mut self, line: usize, Bad { field, problem }: Bad) {
        self.broken.push(Refused { line, field, problem });
    }

    fn add(&mut self, line: usize, content: Result<(Report, Option<Mention>), Bad>) {
        self.lines.push(line);
        match content.and_then(|(head, mention)| self.admit(head, mention)) {
            Ok(()) => {}
            Err(bad) => self.refuse(line, bad),
        }
    }

    fn admit(&mut self, head: Report, mention: Option<Mention>) -> Result<(), Bad> {
        self.names_nobody |= mention.is_none();
        if self.names_nobody && self.lines.len() > 1 {
            return Err(bad("surname", "is empty, and the report has other lines"));
        }
        let Some(report) = &mut self.report else {
            self.report = Some(Report { mentions: mention.into_iter().collect(), ..head });
            return Ok(());
        };
        let same: [(&str, bool); 4] = [
            ("reported_at", report.reported_at == head.reported_at),
            ("occurred_at", report.occurred == head.occurred),
            ("kind", report.kind == head.kind),
            ("postcode", report.address == head.address),
        ];
        if let Some((column, _)) = same.iter().find(|(_, same)| !same) {
            return Err(bad(*column, DIFFERS));
        }
        if report.mentions.len() >= Report::MENTIONS_MAX {
            return Err(bad("(line)", TOO_MANY_CHILDREN));
        }
        report.mentions.extend(mention);
        Ok(())
    }
}

/// What was read so far.
#[derive(Default)]
struct File {
    taken: Vec<Option<Submission>>,
    refused: Vec<Refused>,
    /// Every reference that stood there: the place of its report, if it has one.
    known: HashMap<Id, Option<usize>>,
    open: Option<Group>,
    /// A line that could be anybody's stood just before.
    unclear: bool,
}

impl File {
    fn add(&mut self, line: usize, Row { id, content }: Row) {
        if self.open.as_ref().is_none_or(|open| open.id != id) {
            self.close();
            let mut group =
                Group { id, lines: Vec::new(), report: None, names_nobody: false, broken: Vec::new() };
            if std::mem::take(&mut self.unclear) {
                group.refuse(line, bad("(line)", BESIDE));
            }
            self.open = Some(group);
        }
        if let Some(open) = &mut self.open {
            open.add(line, content);
        }
    }

    /// A line of which nobody can tell whose it is: it could be of the report before it or of the one after.
    fn nobody_s(&mut self, line: usize, Bad { field, problem }: Bad) {
        if let Some(open) = &mut self.open {
            let last = open.lines.last().copied().unwrap_or(line);
            open.refuse(last, bad("(line)", BESIDE));
        }
        self.close();
        self.unclear = true;
        self.refused.push(Refused { line, field, problem });
    }

    fn close(&mut self) {
        let Some(Group { id, lines, report, mut broken, .. }) = self.open.take() else { return };
        let first = lines.first().copied().unwrap_or_default();
        if self.take_back(&id) {
            broken.push(Refused { line: first, field: "report_id".to_owned(), problem: APART });
        }
        match report {
            Some(report) if broken.is_empty() => {
                self.known.insert(id.clone(), Some(self.taken.len()));
                let (sender, report_id) = id;
                let more_lines = lines[1..].to_vec();
                let submission = Submission::new(first, report_id, report);
                self.taken.push(Some(Submission { more_lines, sender, ..submission }));
            }
            _ => {
                self.known.insert(id, None);
                for line in lines {
                    if !broken.iter().any(|broken| broken.line == line) {
                        broken.push(Refused { line, field: "(line)".to_owned(), problem: TOGETHER });
                    }
                }
                self.refused.append(&mut broken);
            }
        }
    }

    /// The file is not read from this line on. The report before it may go on there, so it is not sent.
    fn stop(&mut self, line: usize) {
        if let Some(open) = &mut self.open {
            let last = open.lines.last().copied().unwrap_or(line);
            open.refuse(last, bad("(line)", CUT_OFF));
        }
        self.close();
        self.refused.push(Refused::not_read_on(line));
    }

    /// Whether this reference stood there before. What was to be sent under it is not: a report is sent whole or not at all.
    fn take_back(&mut self, id: &Id) -> bool {
        let Some(before) = self.known.get(id) else { return false };
        if let Some(taken) = before.and_then(|at| self.taken.get_mut(at)).and_then(Option::take) {
            let apart = |line| Refused { line, field: "report_id".to_owned(), problem: APART };
            self.refused.extend(taken.lines().map(apart));
        }
        true
    }

    fn end(mut self) -> (Vec<Submission>, Vec<Refused>) {
        self.close();
        self.refused.sort_by_key(|refused| refused.line);
        (self.taken.into_iter().flatten().collect(), self.refused)
    }
}

#[cfg(test)]
mod tests;
