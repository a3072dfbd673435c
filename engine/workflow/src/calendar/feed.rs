//! School holidays as the national open data publish them.

use std::{fmt, str::FromStr};

use jiff::{Timestamp, civil::Date};

use super::{
    json::{Broken, Node},
    zone::Zone,
};

/// One of the three regions that have their school holidays at different times.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum HolidayRegion {
    /// The north.
    Noord,
    /// The middle.
    Midden,
    /// The south.
    Zuid,
}

impl HolidayRegion {
    /// Every region.
    pub const ALL: [Self; 3] = [Self::Noord, Self::Midden, Self::Zuid];

    /// The region's name in the feed and in settings.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Noord => "noord",
            Self::Midden => "midden",
            Self::Zuid => "zuid",
        }
    }
}

impl fmt::Display for HolidayRegion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Text that names no holiday region.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a holiday region: wanted noord, midden or zuid")]
pub struct HolidayRegionError;

impl FromStr for HolidayRegion {
    type Err = HolidayRegionError;

    /// Spaces around it and capitals do not matter.
    fn from_str(text: &str) -> Result<Self, HolidayRegionError> {
        let known = Self::ALL.into_iter().find(|region| region.as_str().eq_ignore_ascii_case(text.trim()));
        known.ok_or(HolidayRegionError)
    }
}

/// Why a file is no feed of school holidays. It says where, and nothing of what stands there; numbers in a path count
/// from 0, lines and columns from 1.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FeedError {
    /// More bytes than [`Feed::BYTES_MAX`].
    #[error("larger than {} bytes", Feed::BYTES_MAX)]
    TooLarge,
    /// More holidays than [`Feed::HOLIDAYS_MAX`].
    #[error("more than {} holidays", Feed::HOLIDAYS_MAX)]
    TooMany,
    /// It is not JSON, from this place on.
    #[error("line {line}, column {column}: not JSON")]
    NotJson {
        /// The line.
        line: usize,
        /// The column, in bytes.
        column: usize,
    },
    /// A value is missing or not as it should be.
    #[error("line {line}, column {column}: {path}: {problem}")]
    Broken {
        /// The line on which the value ends.
        line: usize,
        /// The column, in bytes.
        column: usize,
        /// The way to it: `[0].content[1].vacations[3].regions[0].startdate`.
        path: String,
        /// What is wrong.
        problem: &'static str,
    },
}

/// The school years that somebody listed, with the holidays of every region.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Feed {
    pub(super) years: Vec<SchoolYear>,
}

/// A listed school year.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct SchoolYear {
    /// The year in which it begins, on 1 August (R19).
    pub(super) begins: i16,
    pub(super) holidays: Vec<Holiday>,
}

/// A holiday of a region in a school year. Advisory ones count like the others (R19).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Holiday {
    /// Whose; nobody in particular is everybody.
    pub(super) region: Option<HolidayRegion>,
    /// Whether it is the summer holiday (R18).
    pub(super) summer: bool,
    pub(super) first: Date,
    pub(super) last: Date,
}

impl Feed {
    /// Largest feed, in bytes. The real one has some 30 000.
    pub const BYTES_MAX: usize = 1024 * 1024;
    /// Most holidays in one feed, each region's counted.
    pub const HOLIDAYS_MAX: usize = 10_000;

    /// Reads `content[].schoolyear`, `content[].vacations[].type` and `...regions[]{region,startdate,enddate}`, from
    /// one such object or from a list of them. Texts may be padded with spaces; regions and the name of the summer
    /// holiday are compared without regard to capitals; `heel Nederland` is everybody. Dates are instants that become
    /// Amsterdam dates, both included. Other fields and kinds of holidays may occur, other regions may not: a
    /// misspelt one would silently lose its holidays. A holiday must lie in the two calendar years of its school year.
    pub fn parse(bytes: &[u8], zone: &Zone) -> Result<Self, FeedError> {
        if bytes.len() > Self::BYTES_MAX {
            return Err(FeedError::TooLarge);
        }
        let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
        let document = serde_json::from_slice(bytes)
            .map_err(|e| FeedError::NotJson { line: e.line().max(1), column: e.column().max(1) })?;
        let years = years(&Node::root(&document), zone).map_err(|broken| {
            let (line, column) = broken.position(bytes);
            FeedError::Broken { line, column, path: broken.to_string(), problem: broken.problem }
        })?;
        let holidays: usize = years.iter().map(|year| year.holidays.len()).sum();
        if holidays > Self::HOLIDAYS_MAX { Err(FeedError::TooMany) } else { Ok(Self { years }) }
    }
}

fn years(document: &Node<'_>, zone: &Zone) -> Result<Vec<SchoolYear>, Broken> {
    let mut years = Vec::new();
    for source in document.one_or_more()? {
        for content in source.field("content")?.items()? {
            years.push(school_year(&content, zone)?);
        }
    }
    Ok(years)
}

fn school_year(content: &Node<'_>, zone: &Zone) -> Result<SchoolYear, Broken> {
    let name = content.field("schoolyear")?;
    let begins = begins(name.text()?).ok_or_else(|| name.broken("not a school year, as in 2026-2027"))?;
    let mut holidays = Vec::new();
    for vacation in content.field("vacations")?.items()? {
        let summer = vacation.field("type")?.text()?.eq_ignore_ascii_case("Zomervakantie");
        for region in vacation.field("regions")?.items()? {
            holidays.push(holiday(&region, begins, summer, zone)?);
        }
    }
    Ok(SchoolYear { begins, holidays })
}

/// The first of two consecutive years.
fn begins(text: &str) -> Option<i16> {
    let year = |text: &str| {
        let text = text.trim();
        let digits = text.len() == 4 && text.bytes().all(|b| b.is_ascii_digit());
        digits.then(|| text.parse::<i16>().ok()).flatten().filter(|year| (1900..2200).contains(year))
    };
    let (first, second) = text.split_once('-')?;
    let (first, second) = (year(first)?, year(second)?);
    (second == first + 1).then_some(first)
}

fn holiday(region: &Node<'_>, begins: i16, summer: bool, zone: &Zone) -> Result<Holiday, Broken> {
    let date = |field| {
        let node = region.field(field)?;
        let at: Timestamp =
            node.text()?.parse().map_err(|_| node.broken("not an instant, as in 2026-10-16T22:00:00Z"))?;
        let date = zone.local(at).date();
        if (begins..=begins + 1).contains(&date.year()) {
            Ok((date, node))
        } else {
            Err(node.broken("not in the two calendar years of its school year"))
        }
    };
    let name = region.field("region")?;
    let text = name.text()?;
    let whose = if text.eq_ignore_ascii_case("heel Nederland") {
        None
    } else {
        Some(text.parse().map_err(|_| name.broken("not noord, midden, zuid or heel Nederland"))?)
    };
    let ((first, _), (last, end)) = (date("startdate")?, date("enddate")?);
    if last < first {
        return Err(end.broken("before its startdate"));
    }
    Ok(Holiday { region: whose, summer, first, last })
}
