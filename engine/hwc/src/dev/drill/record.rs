//! What became of every child in the drill, and what alarmed meanwhile; and the verdict.

use std::{collections::BTreeMap, fmt::Write as _};

use hwc_workflow::calendar::Zone;
use jiff::Timestamp;

use super::script::LESSONS;

/// An invented child of the script.
#[derive(Debug, Clone, Copy)]
pub(super) struct Child {
    /// As the letter names it.
    pub(super) name: &'static str,
    /// In which report.
    pub(super) report: &'static str,
    /// Where its signal must arrive.
    pub(super) school: &'static str,
    /// Where a wrong enrolment takes it first.
    pub(super) wrongly: Option<&'static str>,
}

/// What was seen of one child.
#[derive(Debug, Clone, Default)]
struct Fate {
    delivered: Option<Timestamp>,
    confirmed: Option<(Timestamp, &'static str)>,
    returned: bool,
    /// Schools that opened it and should not have.
    astray: Vec<String>,
    times_confirmed: u32,
}

/// What was seen.
#[derive(Debug, Default)]
pub(super) struct Record {
    fates: BTreeMap<&'static str, Fate>,
    strangers: u32,
    alarms: Vec<(String, String)>,
    missed: Vec<String>,
    left_over: Option<String>,
}

impl Record {
    /// A school opened a letter that names somebody, which was delivered then.
    pub(super) fn opened(
        &mut self,
        children: &[Child],
        (name, school): (&str, &str),
        delivered: Option<Timestamp>,
    ) {
        let Some(child) = children.iter().find(|child| child.name == name) else {
            self.strangers += 1;
            return;
        };
        let fate = self.fates.entry(child.name).or_default();
        if school == child.school {
            fate.delivered = fate.delivered.or(delivered);
        } else if child.wrongly != Some(school) {
            fate.astray.push(school.to_owned());
        }
    }

    /// A school gave somebody back.
    pub(super) fn returned(&mut self, children: &[Child], name: &str) {
        if let Some(child) = children.iter().find(|child| child.name == name) {
            self.fates.entry(child.name).or_default().returned = true;
        }
    }

    /// Somebody confirmed.
    pub(super) fn confirmed(
        &mut self,
        children: &[Child],
        (name, school): (&str, &str),
        (at, by): (Timestamp, &'static str),
    ) {
        let Some(child) = children.iter().find(|child| child.name == name) else { return };
        let fate = self.fates.entry(child.name).or_default();
        fate.times_confirmed += 1;
        if school == child.school {
            fate.confirmed = Some((at, by));
        } else {
            fate.astray.push(school.to_owned());
        }
    }

    /// Something rang. Whether it is news: the same once more a moment later is the same.
    pub(super) fn alarmed(&mut self, at: &str, what: &str) -> bool {
        let is_news = !self.alarms.iter().any(|(then, known)| then == at && known == what);
        if is_news {
            self.alarms.push((at.to_owned(), what.to_owned()));
        }
        is_news
    }

    /// What should have come to pass did not.
    pub(super) fn missed(&mut self, what: String) {
        self.missed.push(what);
    }

    /// What the broker still holds when all is over; none if it holds nothing.
    pub(super) fn left_over(&mut self, what: Option<String>) {
        self.left_over = what;
    }

    /// Children whose signal nobody confirmed where it belongs.
    fn lost<'a>(&self, children: &'a [Child]) -> Vec<&'a str> {
        let is_there = |child: &Child| {
            self.fates
                .get(child.name)
                .is_some_and(|fate| fate.delivered.is_some() && fate.confirmed.is_some())
        };
        children.iter().filter(|child| !is_there(child)).map(|child| child.name).collect()
    }

    /// How many signals came where nobody meant them to, or twice.
    fn misdelivered(&self) -> usize {
        let astray = |fate: &Fate| fate.astray.len() + usize::from(fate.times_confirmed > 1);
        self.fates.values().map(astray).sum::<usize>() + self.strangers as usize
    }

    /// Whether the morning ended as a morning must.
    pub(super) fn is_fine(&self, children: &[Child]) -> bool {
        self.lost(children).is_empty()
            && self.misdelivered() == 0
            && self.missed.is_empty()
            && self.left_over.is_none()
    }

    /// The report.
    pub(super) fn report(&self, children: &[Child], zone: &Zone) -> String {
        let clock = |at: Timestamp| zone.local(at).strftime("%H:%M").to_string();
        let mut text = format!(
            "\n{:<20}{:<16}{:<16}{:<11}confirmed\n",
            "child (invented)", "report", "school", "delivered"
        );
        let mut late = Vec::new();
        for child in children {
            let fate = self.fates.get(child.name).cloned().unwrap_or_default();
            let delivered = fate.delivered.map_or_else(|| "never".to_owned(), clock);
            let confirmed = fate
                .confirmed
                .map_or_else(|| "never".to_owned(), |(at, by)| format!("{} by {by}", clock(at)));
            let after = if fate.returned { ", after another school gave it back" } else { "" };
            let _ = writeln!(
                text,
                "{:<20}{:<16}{:<16}{delivered:<11}{confirmed}{after}",
                child.name, child.report, child.school
            );
            let is_late = |at: Option<Timestamp>| at.is_none_or(|at| zone.local(at).time() >= LESSONS);
            if is_late(fate.delivered) {
                late.push(format!("{}: delivered after the lessons began", child.name));
            } else if is_late(fate.confirmed.map(|(at, _)| at)) {
                late.push(format!("{}: confirmed after the lessons began", child.name));
            }
        }
        let alarms: Vec<_> = self.alarms.iter().map(|(at, what)| format!("{at}  {what}")).collect();
        section(&mut text, "Late", &late);
        section(&mut text, "What rang, and when it was first heard", &alarms);
        if !self.missed.is_empty() {
            section(&mut text, "What should have come to pass and did not", &self.missed);
        }
        let left = self.left_over.as_deref().unwrap_or("nothing");
        let (nobodys, astray) = (self.lost(children), self.misdelivered());
        let names = if nobodys.is_empty() { String::new() } else { format!(" ({})", nobodys.join(", ")) };
        let _ = writeln!(
            text,
            "\nlost {}{names}, misdelivered {astray}, left in the broker: {left}",
            nobodys.len()
        );
        text
    }
}

/// A part of the report.
fn section(text: &mut String, title: &str, lines: &[String]) {
    let _ = writeln!(text, "\n{title}");
    for line in lines {
        let _ = writeln!(text, "  {line}");
    }
    if lines.is_empty() {
        text.push_str("  nothing\n");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ANN: Child = Child { name: "Ann", report: "A", school: "one", wrongly: None };
    const BEN: Child = Child { name: "Ben", report: "B", school: "one", wrongly: Some("two") };
    const BOTH: [Child; 2] = [ANN, BEN];

    fn at(text: &str) -> Timestamp {
        format!("2026-11-18T{text}:00+01:00").parse().unwrap()
    }

    fn fine() -> Record {
        let mut record = Record::default();
        for child in &BOTH {
            record.opened(&BOTH, (child.name, "one"), Some(at("07:10")));
            record.confirmed(&BOTH, (child.name, "one"), (at("08:05"), "the contact"));
        }
        record
    }

    fn said(record: &Record) -> String {
        record.report(&BOTH, &Zone::amsterdam().unwrap())
    }

    #[test]
    fn a_morning_on_which_everybody_arrived_once_is_fine_and_who_came_late_is_named() {
        let mut record = fine();
        assert!(record.is_fine(&BOTH));
        assert!(
            said(&record).contains("lost 0, misdelivered 0, left in the broker: nothing"),
            "{}",
            said(&record)
        );
        assert!(said(&record).contains("Late\n  nothing"));
        record.fates.get_mut("Ann").unwrap().confirmed = Some((at("08:35"), "the backup"));
        assert!(record.is_fine(&BOTH) && said(&record).contains("Ann: confirmed after the lessons began"));
    }

    #[test]
    fn a_planned_mistake_is_no_misdelivery_and_any_other_is() {
        let mut record = fine();
        record.opened(&BOTH, ("Ben", "two"), Some(at("07:12")));
        record.returned(&BOTH, "Ben");
        assert!(record.is_fine(&BOTH) && said(&record).contains("after another school gave it back"));
        record.opened(&BOTH, ("Ann", "two"), Some(at("07:12")));
        assert!(!record.is_fine(&BOTH) && said(&record).contains("misdelivered 1"));
        let mut record = fine();
        record.confirmed(&BOTH, ("Ben", "two"), (at("08:00"), "the contact"));
        assert!(!record.is_fine(&BOTH), "who is confirmed where they do not belong is misdelivered");
        let mut record = fine();
        record.confirmed(&BOTH, ("Ann", "one"), (at("08:00"), "the contact"));
        assert!(!record.is_fine(&BOTH), "and so is who is told twice");
        let mut record = fine();
        record.opened(&BOTH, ("Somebody", "one"), None);
        assert!(!record.is_fine(&BOTH), "and so is a stranger");
    }

    #[test]
    fn who_never_arrived_or_was_never_confirmed_is_lost_and_named() {
        let mut record = fine();
        record.fates.remove("Ben");
        assert!(!record.is_fine(&BOTH) && said(&record).contains("lost 1 (Ben)"));
        let mut record = fine();
        record.fates.get_mut("Ann").unwrap().confirmed = None;
        assert!(!record.is_fine(&BOTH) && said(&record).contains("lost 1 (Ann)"));
    }

    #[test]
    fn what_is_left_over_or_did_not_come_to_pass_is_not_fine() {
        let mut record = fine();
        record.left_over(Some("in flight   1 incidents".to_owned()));
        assert!(!record.is_fine(&BOTH) && said(&record).contains("1 incidents"));
        let mut record = fine();
        record.missed("07:10 start the broker".to_owned());
        assert!(!record.is_fine(&BOTH) && said(&record).contains("did not\n  07:10"));
    }

    #[test]
    fn the_same_alarm_at_the_same_time_stands_once_in_the_report() {
        let mut record = fine();
        assert!(record.alarmed("06:50", "BROKER CRITICAL"));
        assert!(!record.alarmed("06:50", "BROKER CRITICAL"));
        assert_eq!(said(&record).matches("BROKER").count(), 1);
        assert!(record.alarmed("07:50", "BROKER CRITICAL"));
        assert_eq!(said(&record).matches("BROKER").count(), 2);
    }
}
