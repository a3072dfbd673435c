//! A report in words, as JSON, and as CSV.

use std::fmt;

use hwc_schemas::Organisation;
use serde_json::{Value, json};

use crate::report::{Block, Figure, Line, Pace, Report, Took};

impl fmt::Display for Figure {
    /// The figure, `<5`, or `-` for one that is not shown for another's sake.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Shown(value) => f.pad(&value.to_string()),
            Self::Few => f.pad("<5"),
            Self::Kept => f.pad("-"),
        }
    }
}

impl Figure {
    /// A number, `"<5"`, or `null` for one that is not shown for another's sake.
    fn to_json(self) -> Value {
        match self {
            Self::Shown(value) => value.into(),
            Self::Few => "<5".into(),
            Self::Kept => Value::Null,
        }
    }
}

impl fmt::Display for Took {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (word, seconds) = match self {
            Self::Within(seconds) => ("within", seconds),
            Self::Over(seconds) => ("over", seconds),
        };
        let said = match seconds {
            60..3_600 => format!("{word} {} min", seconds / 60),
            3_600..172_800 => format!("{word} {} h", seconds / 3_600),
            _ => format!("{word} {} days", seconds / 86_400),
        };
        f.pad(&said)
    }
}

impl Took {
    fn to_json(self) -> Value {
        match self {
            Self::Within(seconds) => json!({ "at_most_seconds": seconds }),
            Self::Over(seconds) => json!({ "over_seconds": seconds }),
        }
    }

    fn to_csv(self) -> String {
        match self {
            Self::Within(seconds) => format!("<={seconds}"),
            Self::Over(seconds) => format!(">{seconds}"),
        }
    }
}

impl Report {
    /// Every block with its name.
    fn blocks(&self) -> Vec<(String, &Block)> {
        let of_each = self.municipalities.iter().map(|(one, block)| (one.to_string(), block));
        let others = self.others.iter().map(|(_, block)| ("other-municipalities".to_owned(), block));
        std::iter::once(("region".to_owned(), &self.region)).chain(of_each).chain(others).collect()
    }

    /// One JSON object. A figure is a number, `"<5"`, or null.
    pub fn to_json(&self) -> Value {
        let municipalities = self.municipalities.iter().map(|(one, block)| {
            let mut value = block.to_json();
            value["municipality"] = one.code().into();
            value
        });
        let others = self.others.as_ref().map(|(those, block)| {
            let mut value = block.to_json();
            value["municipalities"] = those.iter().map(Organisation::code).collect();
            value
        });
        json!({
            "period": self.month.to_string(),
            "region": self.region.to_json(),
            "not_referred": { "signals": self.not_referred_in_all.to_json(), "per_reason": items(&self.not_referred) },
            "municipalities": municipalities.collect::<Vec<_>>(),
            "other_municipalities": others,
        })
    }

    /// A line for each figure: month, whose, which, of what, how many.
    pub fn to_csv(&self) -> String {
        let mut lines = vec!["period,of,figure,item,value".to_owned()];
        for (of, block) in self.blocks() {
            let mut line = |figure: &str, item: &str, value: String| {
                lines.push(format!("{},{of},{figure},{item},{value}", self.month));
            };
            for (figure, value) in
                [("received", block.received), ("sent", block.sent), ("not_sent", block.not_sent)]
            {
                line(figure, "", value.to_string());
            }
            for (figure, of_what) in block.tables() {
                for one in of_what {
                    line(figure, &one.item, one.figure.to_string());
                }
            }
            for pace in &block.paces {
                let said = |took: Option<Took>| took.map_or_else(|| "-".to_owned(), Took::to_csv);
                line("median_seconds", pace.hop.as_str(), said(pace.median));
                line("p90_seconds", pace.hop.as_str(), said(pace.p90));
            }
        }
        for one in &self.not_referred {
            lines.push(format!("{},region,not_referred,{},{}", self.month, one.item, one.figure));
        }
        lines.push(format!("{},region,not_referred,,{}", self.month, self.not_referred_in_all));
        lines.join("\n") + "\n"
    }
}

fn items(lines: &[Line]) -> Value {
    lines.iter().map(|line| json!({ "item": line.item, "signals": line.figure.to_json() })).collect()
}

impl Block {
    fn tables(&self) -> [(&'static str, &[Line]); 5] {
        [
            ("sent_to_school", &self.per_school),
            ("not_sent_because", &self.per_reason),
            ("sent_within", &self.within),
            ("incident_known", &self.known),
            ("afterwards", &self.afterwards),
        ]
    }

    fn to_json(&self) -> Value {
        let within = self.within.iter().map(|line| {
            let (signals, share) = (line.figure.to_json(), self.share(line));
            json!({ "item": line.item, "signals": signals, "per_cent": share })
        });
        let paces = self.paces.iter().map(|Pace { hop, median, p90 }| {
            let said = |took: &Option<Took>| took.map(Took::to_json);
            json!({ "hop": hop.as_str(), "median": said(median), "p90": said(p90) })
        });
        json!({
            "received": self.received.to_json(),
            "sent": self.sent.to_json(),
            "not_sent": self.not_sent.to_json(),
            "sent_per_school": items(&self.per_school),
            "not_sent_per_reason": items(&self.per_reason),
            "sent_within": within.collect::<Vec<_>>(),
            "incident_known": items(&self.known),
            "afterwards": items(&self.afterwards),
            "hops": paces.collect::<Vec<_>>(),
        })
    }

    fn tell(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "  received {}, sent {}, not sent {}", self.received, self.sent, self.not_sent)?;
        writeln!(f, "  sent, from the incident to the delivery:")?;
        for line in &self.within {
            let share = self.share(line).map_or_else(String::new, |share| format!("{share:>4} %"));
            writeln!(f, "  {:>8}  {:<28}{share}", line.figure, line.item)?;
        }
        writeln!(f, "  sent, the incident known:")?;
        tell(f, &self.known)?;
        writeln!(f, "  sent, and then:")?;
        tell(f, &self.afterwards)?;
        writeln!(f, "  not sent:")?;
        tell(f, &self.per_reason)?;
        writeln!(f, "  sent to school:")?;
        tell(f, &self.per_school)?;
        writeln!(f, "  until, counted from the step before:")?;
        for Pace { hop, median, p90 } in &self.paces {
            let said = |took: &Option<Took>| took.map_or_else(|| "-".to_owned(), |took| took.to_string());
            writeln!(f, "  {:>14}  half {}, nine of ten {}", hop.as_str(), said(median), said(p90))?;
        }
        Ok(())
    }
}

fn tell(f: &mut fmt::Formatter<'_>, lines: &[Line]) -> fmt::Result {
    lines.iter().try_for_each(|line| writeln!(f, "  {:>8}  {}", line.figure, line.item))
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "{}: signals that ended; <5 is nought to four, - is not shown, lest another be computed from it",
            self.month
        )?;
        for (of, block) in self.blocks() {
            writeln!(f, "\n{of}")?;
            if let Some((those, _)) = self.others.as_ref().filter(|(_, others)| std::ptr::eq(others, block)) {
                let codes: Vec<_> = those.iter().map(Organisation::code).collect();
                writeln!(f, "  together, for some of them sent few: {}", codes.join(" "))?;
            }
            block.tell(f)?;
        }
        writeln!(f, "\nregion, never referred to a municipality: {}", self.not_referred_in_all)?;
        tell(f, &self.not_referred)
    }
}
