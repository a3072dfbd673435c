//! Tables whose figures are taken from the summary by their path.

use std::fmt::Write as _;

use serde_json::Value;

use super::format;

/// How a figure is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum As {
    /// A count.
    Count,
    /// Millionths, as a percentage.
    Share,
    /// Seconds, in the units of people.
    Length,
    /// Thousandths.
    Milli,
    /// A local moment.
    Moment,
    /// As it is.
    Text,
}

impl As {
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Count => "count",
            Self::Share => "share",
            Self::Length => "length",
            Self::Milli => "milli",
            Self::Moment => "moment",
            Self::Text => "text",
        }
    }

    /// A value of the summary as people read it.
    pub(super) fn show(self, value: &Value) -> String {
        let number = value.as_i64().unwrap_or(0);
        match self {
            Self::Count => format::count(number),
            Self::Share => format::share(number),
            Self::Length => format::length(number),
            Self::Milli => format::milli(number),
            Self::Moment => format::moment(value.as_str().unwrap_or_default()),
            Self::Text => value.as_str().map_or_else(|| value.to_string(), ToOwned::to_owned),
        }
    }
}

/// From so many rows on a table scrolls.
const LONG_FROM: usize = 19;

/// A figure of the summary, with where it stands.
pub(super) fn figure(summary: &Value, path: &str, shown: As) -> String {
    let value = summary.pointer(path).unwrap_or(&Value::Null);
    let text = format::escaped(&shown.show(value));
    format!("<span data-of=\"{path}\" data-as=\"{}\">{text}</span>", shown.name())
}

/// A table: a caption, a header, and rows of a label and figures by their paths.
pub(super) struct Table {
    pub(super) caption: &'static str,
    pub(super) columns: Vec<&'static str>,
    pub(super) rows: Vec<(String, Vec<(String, As)>)>,
}

impl Table {
    pub(super) fn html(&self, summary: &Value) -> String {
        let mut html = format!(
            "<div class=\"{}\" tabindex=\"0\" role=\"region\" aria-label=\"{}\"><table><caption>{}</caption><thead><tr>",
            if self.rows.len() > LONG_FROM { "table long" } else { "table" },
            format::escaped(self.caption),
            format::escaped(self.caption)
        );
        for (place, column) in self.columns.iter().enumerate() {
            let class = if place == 0 { "" } else { " class=\"n\"" };
            let _ = write!(html, "<th scope=\"col\"{class}>{}</th>", format::escaped(column));
        }
        html.push_str("</tr></thead><tbody>");
        for (label, cells) in &self.rows {
            let _ = write!(html, "<tr><th scope=\"row\">{}</th>", format::escaped(label));
            for (path, shown) in cells {
                let _ = write!(html, "<td class=\"n\">{}</td>", figure(summary, path, *shown));
            }
            html.push_str("</tr>");
        }
        html.push_str("</tbody></table></div>\n");
        html
    }
}
