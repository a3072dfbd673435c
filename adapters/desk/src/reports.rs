//! The reports of closed months (R25 to R27). A municipality cannot read the counts; what may be shown of them is published by whoever
//! runs the engine (`hwc report -o json`), and laid into a folder here. What is hidden there is hidden here.

use std::{
    fs::{self, File},
    io::Read as _,
    path::PathBuf,
};

use serde::Deserialize;

/// Bytes of a report, at most.
const REPORT_BYTES_MAX: u64 = 1024 * 1024;
/// Reports that are listed, at most: ten years.
const REPORTS_MAX: usize = 120;

/// The folder with the reports.
#[derive(Debug, Clone, Default)]
pub struct Shelf(Option<PathBuf>);

impl Shelf {
    /// Files called as in `2026-10.json`; none where nobody gave a folder.
    pub const fn in_folder(folder: Option<PathBuf>) -> Self {
        Self(folder)
    }

    /// Whether there is one at all.
    pub(crate) const fn is_there(&self) -> bool {
        self.0.is_some()
    }

    /// The months that are there, the latest first.
    pub(crate) fn months(&self) -> Vec<String> {
        let entries = self.0.as_ref().and_then(|folder| fs::read_dir(folder).ok()).into_iter().flatten();
        let month =
            |name: String| name.strip_suffix(".json").filter(|month| is_month(month)).map(str::to_owned);
        let names = entries.flatten().filter_map(|entry| entry.file_name().into_string().ok());
        let mut months: Vec<_> = names.filter_map(month).collect();
        months.sort_unstable_by(|one, other| other.cmp(one));
        months.truncate(REPORTS_MAX);
        months
    }

    /// The report of a month; none if it is not there or cannot be read as one.
    pub(crate) fn report(&self, month: &str) -> Option<Published> {
        let path = self.0.as_ref().filter(|_| is_month(month))?.join(format!("{month}.json"));
        let mut text = Vec::new();
        File::open(path).ok()?.take(REPORT_BYTES_MAX + 1).read_to_end(&mut text).ok()?;
        read(&text).filter(|report| report.period == month)
    }
}

fn is_month(text: &str) -> bool {
    let shaped = text.len() == 7
        && text
            .bytes()
            .enumerate()
            .all(|(at, sign)| if at == 4 { sign == b'-' } else { sign.is_ascii_digit() });
    shaped && text.get(5..).is_some_and(|month| ("01"..="12").contains(&month))
}

fn read(text: &[u8]) -> Option<Published> {
    if text.len() as u64 > REPORT_BYTES_MAX {
        return None;
    }
    serde_json::from_slice(text).ok()
}

/// A report, as `hwc report -o json` writes it.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub(crate) struct Published {
    pub(crate) period: String,
    pub(crate) region: Block,
    #[serde(default)]
    municipalities: Vec<Own>,
    #[serde(default)]
    other_municipalities: Option<Together>,
}

#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
struct Own {
    municipality: String,
    #[serde(flatten)]
    block: Block,
}

#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
struct Together {
    municipalities: Vec<String>,
    #[serde(flatten)]
    block: Block,
}

/// What is said of a region, a municipality, or several together.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub(crate) struct Block {
    pub(crate) received: Figure,
    pub(crate) sent: Figure,
    pub(crate) not_sent: Figure,
    #[serde(default)]
    pub(crate) sent_per_school: Vec<Line>,
    #[serde(default)]
    pub(crate) not_sent_per_reason: Vec<Line>,
    #[serde(default)]
    pub(crate) sent_within: Vec<Line>,
}

/// How many, of what.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub(crate) struct Line {
    pub(crate) item: String,
    pub(crate) signals: Figure,
}

/// A number, `"<5"`, or null where it is not shown for another's sake.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(untagged)]
pub(crate) enum Figure {
    Shown(u64),
    Few(String),
    Kept(Option<()>),
}

impl Figure {
    /// As a page says it.
    pub(crate) fn said(&self) -> String {
        match self {
            Self::Shown(value) => value.to_string(),
            Self::Few(_) => "<5".to_owned(),
            Self::Kept(_) => "–".to_owned(),
        }
    }
}

/// A municipality's place in a report.
pub(crate) enum Place<'a> {
    /// On its own.
    Own(&'a Block),
    /// Together with others, for some of them sent few.
    Together(&'a Block),
    /// Nowhere.
    Nowhere,
}

impl Published {
    /// Where the municipality of this code stands.
    pub(crate) fn place_of(&self, code: &str) -> Place<'_> {
        if let Some(own) = self.municipalities.iter().find(|one| one.municipality == code) {
            return Place::Own(&own.block);
        }
        match &self.other_municipalities {
            Some(some) if some.municipalities.iter().any(|one| one == code) => Place::Together(&some.block),
            _ => Place::Nowhere,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const REPORT: &str = r#"{"period":"2026-10","region":{"received":41,"sent":36,"not_sent":"<5",
        "sent_per_school":[{"item":"school-01AA00","signals":null}],"hops":[]},
        "not_referred":{"signals":"<5","per_reason":[]},
        "municipalities":[{"municipality":"0855","received":null,"sent":23,"not_sent":"<5"}],
        "other_municipalities":{"municipalities":["0785","0797"],"received":null,"sent":13,"not_sent":"<5"}}"#;

    #[test]
    fn a_municipality_stands_alone_together_with_others_or_nowhere_and_what_is_hidden_stays_hidden() {
        let report = read(REPORT.as_bytes()).unwrap();
        assert_eq!(report.region.sent_per_school[0].signals.said(), "–");
        assert!(matches!(report.place_of("0855"), Place::Own(own) if own.sent == Figure::Shown(23)));
        assert!(matches!(report.place_of("0785"), Place::Together(some) if some.not_sent.said() == "<5"));
        assert!(matches!(report.place_of("0824"), Place::Nowhere));
    }

    #[test]
    fn only_files_of_a_month_are_listed_and_read_and_only_what_says_the_same_month() {
        let folder = tempfile::tempdir().unwrap();
        let put = |name: &str, text: &str| fs::write(folder.path().join(name), text).unwrap();
        put("2026-10.json", REPORT);
        put("2026-09.json", REPORT);
        put("2026-13.json", REPORT);
        put("2026-08.json", &" ".repeat(2 * 1024 * 1024));
        put("geheim.json", REPORT);
        let shelf = Shelf::in_folder(Some(folder.path().to_owned()));
        assert_eq!(shelf.months(), ["2026-10", "2026-09", "2026-08"]);
        assert!(shelf.report("2026-10").is_some() && shelf.report("2026-09").is_none());
        for none in ["2026-08", "geheim", "../x", "2026-13", "2026-1é"] {
            assert!(shelf.report(none).is_none(), "{none}");
        }
        assert!(!Shelf::default().is_there() && Shelf::default().months().is_empty());
    }

    #[test]
    fn reports_withstand_hostile_input() {
        // What cannot be read is not there; nobody is told why.
        let said = |bytes: &[u8]| read(bytes).is_none().then(|| "it cannot be read".to_owned());
        let limits = hwc_hostile::Limits { bytes_per_byte: 400, bytes_anyway: 256 * 1024 };
        hwc_hostile::Trial::new([REPORT.to_owned()], said).within(limits).withstands();
    }
}
