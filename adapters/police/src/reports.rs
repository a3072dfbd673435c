//! `reports.jsonl`: one report a line; or one document that is one report. A line that breaks the format is refused by line
//! and field, the others go on, and nothing of its content appears in any message.

use hwc_schemas::{
    person::{Child, DateOfBirth, FieldError},
    report::{Address, Mention, MunicipalityCode, Occurred, Report},
};
use jiff::Timestamp;
use serde_json::{Map, Value};
use zeroize::Zeroize as _;

use crate::{
    Refused, Submission,
    fields::{self, Bad, KINDS, PRESENCES, RELATIONS, bad},
};

/// Longest line that is read, in bytes.
pub const LINE_BYTES_MAX: usize = 256 * 1024;

/// Most lines of one file that are refused one by one; a file with more is no file of reports.
pub const REFUSED_MAX: usize = 10_000;

/// Largest file, in bytes.
pub const FILE_BYTES_MAX: usize = 512 * 1024 * 1024;

pub(crate) const NOT_UTF8: &str = "is not UTF-8 (Latin-1 or Windows-1252, perhaps): save it as UTF-8";
pub(crate) const TOO_MANY_CHILDREN: &str = "names more children than one report may";

/// Longest reference, in characters.
pub const REFERENCE_CHARS_MAX: usize = 128;

/// Longest name of a system of the police, in characters.
pub const SENDER_CHARS_MAX: usize = 128;

/// Reads a whole file. Empty lines are passed over; after [`REFUSED_MAX`] broken ones the rest is not read, and the last
/// refusal says so.
pub fn read(bytes: &[u8]) -> (Vec<Submission>, Vec<Refused>) {
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    let (mut taken, mut refused) = (Vec::new(), Vec::new());
    for (at, line) in bytes.split(|byte| *byte == b'\n').enumerate() {
        if line.iter().all(u8::is_ascii_whitespace) {
            continue;
        }
        match report(line, at + 1) {
            Ok(submission) => taken.push(submission),
            Err(_) if refused.len() >= REFUSED_MAX => {
                refused.push(Refused::not_read_on(at + 1));
                break;
            }
            Err(Bad { field, problem }) => refused.push(Refused { line: at + 1, field, problem }),
        }
    }
    (taken, refused)
}

/// Reads one report, on however many lines.
pub fn document(bytes: &[u8]) -> Result<Submission, Refused> {
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    report(bytes, 1).map_err(|Bad { field, problem }| Refused { line: 1, field, problem })
}

fn report(text: &[u8], line: usize) -> Result<Submission, Bad> {
    if text.len() > LINE_BYTES_MAX {
        return Err(bad("(line)", "is too long"));
    }
    let text = std::str::from_utf8(text).map_err(|_| bad("(line)", NOT_UTF8))?;
    let value = Wiped(serde_json::from_str(text).map_err(|_| bad("(line)", "is not JSON"))?);
    let map = value.0.as_object().ok_or(bad("(line)", "is not a JSON object"))?;
    let whole = Fields { path: String::new(), map };

    let report_id = whole.read("report_id", fields::reference)?;
    let sender = whole.optional_text("sender")?.unwrap_or_default();
    let sender = fields::sender(sender).map_err(|problem| whole.bad("sender", problem))?;
    let reported_at: Timestamp = whole.read("reported_at", fields::moment)?;
    let incident = whole.object("incident")?;
    let occurred: Occurred = incident.read("occurred_at", fields::occurred)?;
    let kind = incident.read("kind", |text| fields::word(text, KINDS))?;
    let address = address(&incident.object("address")?)?;
    let children = whole.list("children")?;
    if children.len() > Report::MENTIONS_MAX {
        return Err(bad("children", TOO_MANY_CHILDREN));
    }
    let mentions = children
        .iter()
        .enumerate()
        .map(|(at, child)| {
            let path = format!("children[{at}]");
            let map = child.as_object().ok_or_else(|| bad(&path, "is not an object"))?;
            mention(&Fields { path: format!("{path}."), map })
        })
        .collect::<Result<_, _>>()?;
    let report = Report { reported_at, occurred, kind, address, mentions };
    Ok(Submission { sender, ..Submission::new(line, report_id, report) })
}

/// What a line says, whatever of it is needed; its texts are wiped when it is dropped.
struct Wiped(Value);

impl Drop for Wiped {
    fn drop(&mut self) {
        wipe(&mut self.0);
    }
}

fn wipe(value: &mut Value) {
    match value {
        Value::String(text) => text.zeroize(),
        Value::Array(all) => all.iter_mut().for_each(wipe),
        Value::Object(map) => {
            for (mut key, mut value) in std::mem::take(map) {
                key.zeroize();
                wipe(&mut value);
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

fn address(fields: &Fields<'_>) -> Result<Address, Bad> {
    let number = fields.get("house_number")?;
    let number = number.as_u64().and_then(|n| u32::try_from(n).ok());
    let number = number.ok_or_else(|| fields.bad("house_number", "is not a whole number from 1 to 99999"))?;
    let municipality = fields.optional_text("municipality")?.map(str::trim).filter(|code| !code.is_empty());
    let municipality = municipality.map(MunicipalityCode::parse).transpose().map_err(|e| fields.from(&e))?;
    Address::new(
        fields.text("postcode")?,
        number,
        fields.optional_text("house_letter")?.unwrap_or_default(),
        fields.optional_text("addition")?.unwrap_or_default(),
        municipality,
    )
    .map_err(|e| fields.from(&e))
}

fn mention(fields: &Fields<'_>) -> Result<Mention, Bad> {
    let born = DateOfBirth::parse(fields.text("date_of_birth")?).map_err(|e| fields.from(&e))?;
    let child = Child::new(
        fields.text("given_names")?,
        fields.optional_text("prefix")?,
        fields.text("surname")?,
        born,
    )
    .map_err(|e| fields.from(&e))?;
    let presence = fields.read("presence", |text| fields::word(text, PRESENCES))?;
    let relation = fields.read("relation", |text| fields::word(text, RELATIONS))?;
    Ok(Mention { child, presence, relation })
}

/// A JSON object and the way to it.
struct Fields<'a> {
    path: String,
    map: &'a Map<String, Value>,
}

impl<'a> Fields<'a> {
    fn bad(&self, field: &str, problem: &'static str) -> Bad {
        bad(format!("{}{field}", self.path), problem)
    }

    fn from(&self, error: &FieldError) -> Bad {
        self.bad(error.field, error.problem)
    }

    fn get(&self, field: &str) -> Result<&'a Value, Bad> {
        self.map.get(field).ok_or_else(|| self.bad(field, "is missing"))
    }

    fn text(&self, field: &str) -> Result<&'a str, Bad> {
        self.get(field)?.as_str().ok_or_else(|| self.bad(field, "is not text"))
    }

    fn optional_text(&self, field: &str) -> Result<Option<&'a str>, Bad> {
        match self.map.get(field) {
            None | Some(Value::Null) => Ok(None),
            Some(Value::String(text)) => Ok(Some(text)),
            Some(_) => Err(self.bad(field, "is neither text nor null")),
        }
    }

    fn object(&self, field: &str) -> Result<Fields<'a>, Bad> {
        let map = self.get(field)?.as_object().ok_or_else(|| self.bad(field, "is not an object"))?;
        Ok(Fields { path: format!("{}{field}.", self.path), map })
    }

    fn list(&self, field: &str) -> Result<&'a Vec<Value>, Bad> {
        self.get(field)?.as_array().ok_or_else(|| self.bad(field, "is not a list"))
    }

    /// A text, read with a function that says what is wrong with it.
    fn read<T>(&self, field: &str, read: impl FnOnce(&str) -> Result<T, &'static str>) -> Result<T, Bad> {
        read(self.text(field)?).map_err(|problem| self.bad(field, problem))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str = r#"{"report_id":"P-1","reported_at":"2026-11-19T06:45:00+01:00","incident":{"occurred_at":"2026-11-18","kind":"child_abuse","address":{"postcode":"5038 aa","house_number":12,"house_letter":null,"addition":null}},"children":[{"given_names":"Geheim","prefix":null,"surname":"Geheimpje","date_of_birth":"2016-02-03","presence":"present","relation":"resident"}],"narrative":"free text of a later version"}"#;

    fn refusal(change: impl Fn(&mut Value)) -> String {
        let mut value: Value = serde_json::from_str(GOOD).unwrap();
        change(&mut value);
        let (taken, refused) = read(value.to_string().as_bytes());
        assert!(taken.is_empty());
        let said = refused.first().map(ToString::to_string).unwrap_or_default();
        assert!(!said.contains("Geheim") && !said.contains("2016"), "content shown");
        said
    }

    #[test]
    fn a_good_line_is_taken_and_unknown_fields_are_passed_over() {
        let (taken, refused) = read(GOOD.as_bytes());
        assert_eq!((taken.len(), refused), (1, Vec::new()));
        assert!(taken[0].report.mentions[0].child.surname.expose() == "Geheimpje");
    }

    #[test]
    fn a_broken_line_is_named_by_line_and_field_and_the_others_go_on() {
        let text = format!("{GOOD}\n\n{{\"report_id\":\"Geheim\n{GOOD}\r\n");
        let (taken, refused) = read(text.as_bytes());
        assert_eq!(taken.iter().map(|one| one.line).collect::<Vec<_>>(), [1, 4]);
        assert_eq!(refused[0].to_string(), "line 3: (line): is not JSON");
    }

    #[test]
    fn every_field_that_breaks_is_named_and_none_is_shown() {
        let cases: &[(&str, Value, &str)] = &[
            ("/report_id", Value::from(""), "report_id"),
            ("/reported_at", Value::from("2026-11-19T06:45:00"), "reported_at"),
            ("/incident/occurred_at", Value::from("2026-11-18T22:40:00"), "incident.occurred_at"),
            ("/incident/kind", Value::from("Geheim"), "incident.kind"),
            ("/incident/address/postcode", Value::from("Geheim"), "incident.address.postcode"),
            ("/incident/address/house_number", Value::from("12"), "incident.address.house_number"),
            ("/incident/address/house_number", Value::from(0), "incident.address.house_number"),
            ("/children", Value::Null, "children"),
            ("/children/0", Value::Null, "children[0]"),
            ("/children/0/date_of_birth", Value::from("2016-13-45"), "children[0].date_of_birth"),
            ("/children/0/surname", Value::from(""), "children[0].surname"),
            ("/children/0/given_names", Value::from(7), "children[0].given_names"),
            ("/children/0/prefix", Value::from(7), "children[0].prefix"),
            ("/children/0/presence", Value::from("Geheim"), "children[0].presence"),
            ("/children/0/relation", Value::Null, "children[0].relation"),
        ];
        for (at, value, field) in cases {
            let said = refusal(|whole| *whole.pointer_mut(at).unwrap() = value.clone());
            assert!(said.starts_with(&format!("line 1: {field}: ")), "{at}: {said}");
        }
    }

    #[test]
    fn what_was_read_of_a_line_leaves_no_text_behind() {
        let mut value: Value = serde_json::from_str(GOOD).unwrap();
        wipe(&mut value);
        assert_eq!(value, Value::Object(Map::new()));
        let mut value = serde_json::json!(["Geheim", [{"Geheim": "Geheim"}], 7, null]);
        wipe(&mut value);
        assert_eq!(value, serde_json::json!(["", [{}], 7, null]));
    }

    #[test]
    fn a_report_without_children_is_a_report() {
        let mut value: Value = serde_json::from_str(GOOD).unwrap();
        value["children"] = Value::Array(Vec::new());
        assert_eq!(read(value.to_string().as_bytes()).0.len(), 1);
    }
}
