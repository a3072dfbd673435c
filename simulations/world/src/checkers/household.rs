//! Which children get a signal, and where they live (R2 to R9, R15), read from the rules alone.

use std::collections::{BTreeSet, HashMap};

use hwc_schemas::{
    outcome::ScreenedOut,
    report::{Presence, Relation},
};
use jiff::civil::Date;

use super::{calendar, names::Name};
use crate::truth::{Invented, Mention, Report, Truth};

/// Who is registered where, made ready to compare.
pub(super) struct Population {
    residents: Vec<Name>,
    by_address: HashMap<String, Vec<usize>>,
    by_birth: HashMap<Date, Vec<usize>>,
}

/// A child that must be found, and what may be said of it.
pub(super) struct Expected {
    /// As it must be spelt (R9).
    pub(super) child: Invented,
    pub(super) name: Name,
    /// Whether the police did not name it.
    pub(super) sibling: bool,
    /// Any of these.
    pub(super) verdicts: Vec<Verdict>,
    /// Whether it may not wait until the look-up is back.
    pub(super) at_once: bool,
}

/// What is said of a child.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Verdict {
    /// It counts, and lives in this municipality, which takes part.
    Referred(String),
    /// It counts, and lives in none that takes part (R15).
    NotParticipating,
    /// It does not count.
    ScreenedOut(ScreenedOut),
}

/// How many children a report names, each counted once (R9).
pub(super) fn named(report: &Report) -> usize {
    persons(report).len()
}

/// The children of a report in order, each with its mentions.
fn persons(report: &Report) -> Vec<(Name, Vec<&Mention>)> {
    let mut persons: Vec<(Name, Vec<&Mention>)> = Vec::new();
    for mention in &report.mentions {
        let name = Name::of(&mention.child);
        match persons.iter_mut().find(|(known, _)| known.matches(&name)) {
            Some((_, mentions)) => mentions.push(mention),
            None => persons.push((name, vec![mention])),
        }
    }
    persons
}

/// From the 4th birthday up to, not including, the 18th; one of 29 February has it on 1 March in other years (R2).
fn is_of_age(born: Date, day: Date) -> bool {
    let had_birthday = (day.month(), day.day()) >= (born.month(), born.day());
    let years = day.year() - born.year() - i16::from(!had_birthday);
    (4..18).contains(&years)
}

/// Why a mention does not make its child count (R5, R6, R7).
fn objection(mention: &Mention, day: Date, registered: bool) -> Option<ScreenedOut> {
    if !is_of_age(mention.child.date_of_birth, day) {
        return Some(ScreenedOut::NotOfAge);
    }
    match (registered, mention.relation, mention.presence) {
        (true, ..) | (_, Relation::Resident, _) | (_, Relation::Family, Presence::Present) => None,
        (_, Relation::Visitor, _) => Some(ScreenedOut::Visitor),
        (_, Relation::Family, Presence::Absent) => Some(ScreenedOut::RegisteredElsewhereAbsent),
    }
}

impl Population {
    /// From what is so.
    pub(super) fn of(truth: &Truth) -> Self {
        let (mut by_address, mut by_birth) = (HashMap::<_, Vec<_>>::new(), HashMap::<_, Vec<_>>::new());
        for (place, resident) in truth.residents.iter().enumerate() {
            by_address.entry(folded(&resident.address)).or_default().push(place);
            by_birth.entry(resident.person.date_of_birth).or_default().push(place);
        }
        let residents = truth.residents.iter().map(|resident| Name::of(&resident.person)).collect();
        Self { residents, by_address, by_birth }
    }

    /// Every child that must be found for a report of a kind that qualifies. While the look-up is down these are the named
    /// ones, and each may be judged with or without what the register would have said; one that does not count without it may
    /// wait for it (R7).
    pub(super) fn children(&self, report: &Report, truth: &Truth, looked_up: bool) -> Vec<Expected> {
        let mut children = self.judged(report, truth, true);
        if !looked_up {
            children.retain(|expected| !expected.sibling);
            for (expected, blind) in children.iter_mut().zip(self.judged(report, truth, false)) {
                expected.at_once = blind.verdicts.iter().any(|one| matches!(one, Verdict::Referred(_)));
                expected.verdicts.extend(blind.verdicts);
            }
        }
        children
    }

    fn judged(&self, report: &Report, truth: &Truth, register: bool) -> Vec<Expected> {
        let day = calendar::local(report.occurred_at).date();
        let at_address = self.by_address.get(&folded(&report.address)).filter(|_| register);
        let at_address = at_address.map(Vec::as_slice).unwrap_or_default();
        let persons = persons(report);
        let mut siblings: Vec<usize> = Vec::new();
        for &place in at_address {
            let name = &self.residents[place];
            let known = persons.iter().any(|(named, _)| named.matches(name))
                || siblings.iter().any(|other| self.residents[*other].matches(name));
            if !known && is_of_age(name.born, day) {
                siblings.push(place);
            }
        }
        let nobody = siblings.is_empty() && !persons.iter().any(|(name, _)| is_of_age(name.born, day));
        let counts = |name: &Name| {
            let home = self.home(name, report, at_address, truth, register);
            match home.filter(|home| truth.participating.contains(home)) {
                Some(home) => Verdict::Referred(home),
                None => Verdict::NotParticipating,
            }
        };
        let mut children = Vec::new();
        for (name, mentions) in persons {
            let registered = at_address.iter().any(|place| self.residents[*place].matches(&name));
            let objections: Vec<_> =
                mentions.iter().map(|mention| objection(mention, day, registered)).collect();
            // By the mention that makes it count; if none does, the first reason of the table.
            let verdicts = match objections.iter().copied().min().flatten() {
                None => vec![counts(&name)],
                Some(_) if nobody && register => vec![Verdict::ScreenedOut(ScreenedOut::NoChildOfAge)],
                Some(reason) if nobody => {
                    [reason, ScreenedOut::NoChildOfAge].map(Verdict::ScreenedOut).into()
                }
                Some(reason) => vec![Verdict::ScreenedOut(reason)],
            };
            let child = mentions[0].child.clone();
            children.push(Expected { child, name, sibling: false, verdicts, at_once: true });
        }
        for place in siblings {
            let name = self.residents[place].clone();
            let child = truth.residents[place].person.clone();
            let verdicts = vec![counts(&name)];
            children.push(Expected { child, name, sibling: true, verdicts, at_once: true });
        }
        children
    }

    /// The home municipality: by its own registration at the address first, else anywhere, where matches in more than one
    /// municipality count as none; else that of the incident's address.
    fn home(
        &self,
        child: &Name,
        report: &Report,
        at_address: &[usize],
        truth: &Truth,
        register: bool,
    ) -> Option<String> {
        let of = |places: &[usize]| {
            let own = places.iter().filter(|place| self.residents[**place].matches(child));
            the_only(own.map(|place| truth.residents[*place].municipality.as_str()))
        };
        let anywhere = self.by_birth.get(&child.born).filter(|_| register);
        of(at_address)
            .or_else(|| of(anywhere.map(Vec::as_slice).unwrap_or_default()))
            .or_else(|| report.municipality.clone())
            .or_else(|| {
                the_only(at_address.iter().map(|place| truth.residents[*place].municipality.as_str()))
            })
    }
}

fn the_only<'a>(all: impl Iterator<Item = &'a str>) -> Option<String> {
    let all: BTreeSet<_> = all.collect();
    (all.len() == 1).then(|| all.first().map(|one| (*one).to_owned())).flatten()
}

/// An address as it is compared: the same words, whatever their case.
fn folded(address: &str) -> String {
    address.split_whitespace().collect::<Vec<_>>().join(" ").to_lowercase()
}

#[cfg(test)]
mod tests {
    use super::{
        super::story::{child, noor, region, sam},
        *,
    };
    use crate::truth::Resident;

    fn found(truth: &Truth, looked_up: bool) -> Vec<(String, bool, Vec<Verdict>)> {
        let population = Population::of(truth);
        let children = population.children(&truth.reports[0], truth, looked_up);
        children.into_iter().map(|one| (one.child.given_names, one.sibling, one.verdicts)).collect()
    }

    fn only(truth: &Truth) -> Vec<Verdict> {
        found(truth, true).remove(0).2
    }

    fn named_alone(truth: &mut Truth, who: Invented, relation: Relation, presence: Presence) {
        truth.reports[0].mentions = vec![Mention { child: who, presence, relation }];
    }

    fn home() -> Verdict {
        Verdict::Referred("0855".into())
    }

    fn out(reason: ScreenedOut) -> Verdict {
        Verdict::ScreenedOut(reason)
    }

    #[test]
    fn r5_and_r9_find_the_named_and_the_household() {
        let all = found(&region(), true);
        let of = |name: &str, sibling, verdict| (name.to_owned(), sibling, vec![verdict]);
        let visitor = out(ScreenedOut::Visitor);
        assert_eq!(all, [of("David", false, home()), of("Sam", false, visitor), of("Noor", true, home())]);
    }

    #[test]
    fn r2_counts_from_the_fourth_birthday_up_to_the_eighteenth() {
        let is = |born: &str, day: &str| is_of_age(born.parse().unwrap(), day.parse().unwrap());
        assert!(!is("2016-02-03", "2020-02-02") && is("2016-02-03", "2020-02-03"));
        assert!(is("2016-02-03", "2034-02-02") && !is("2016-02-03", "2034-02-03"));
        assert!(is("2016-02-29", "2034-02-28") && !is("2016-02-29", "2034-03-01"));
    }

    #[test]
    fn r6_and_r7_tell_visitors_and_family_by_register_and_presence() {
        let verdict = |who, relation, presence| {
            let mut truth = region();
            named_alone(&mut truth, who, relation, presence);
            only(&truth)
        };
        assert_eq!(verdict(sam(), Relation::Family, Presence::Present), [home()]);
        let absent = out(ScreenedOut::RegisteredElsewhereAbsent);
        assert_eq!(verdict(sam(), Relation::Family, Presence::Absent), [absent]);
        assert_eq!(verdict(noor(), Relation::Visitor, Presence::Present), [home()]);
        assert_eq!(verdict(sam(), Relation::Resident, Presence::Absent), [home()]);
        let young = child("Bo", "Smit", "2024-01-01");
        assert_eq!(verdict(young, Relation::Visitor, Presence::Present), [out(ScreenedOut::NotOfAge)]);
    }

    #[test]
    fn r3_nobody_of_age_ends_the_whole_incident() {
        let mut truth = region();
        let young = child("Bo", "Smit", "2024-01-01");
        named_alone(&mut truth, young, Relation::Resident, Presence::Present);
        truth.residents.clear();
        assert_eq!(only(&truth), [out(ScreenedOut::NoChildOfAge)]);
        let mut visiting = region();
        named_alone(&mut visiting, sam(), Relation::Visitor, Presence::Present);
        visiting.residents.clear();
        assert_eq!(only(&visiting), [out(ScreenedOut::Visitor)]);
    }

    #[test]
    fn r9_a_child_named_twice_counts_once_by_the_mention_that_makes_it_count() {
        let mut truth = region();
        let mention = |given_names: &str, relation| Mention {
            child: child(given_names, "Smit", "2015-05-05"),
            presence: Presence::Present,
            relation,
        };
        truth.reports[0].mentions =
            vec![mention("SAM Jan", Relation::Visitor), mention("Sam", Relation::Family)];
        assert_eq!(named(&truth.reports[0]), 1);
        let all = found(&truth, true);
        assert_eq!((all[0].0.as_str(), &all[0].2), ("SAM Jan", &vec![home()]));
        assert_eq!(all.len(), 3);
    }

    #[test]
    fn r15_home_is_where_the_child_itself_is_registered() {
        let mut truth = region();
        named_alone(&mut truth, sam(), Relation::Family, Presence::Present);
        let sam_lives = |municipality: &str| Resident {
            address: "5000ZZ 9".into(),
            municipality: municipality.into(),
            person: sam(),
        };
        truth.residents.push(sam_lives("0867"));
        assert_eq!(only(&truth), [Verdict::Referred("0867".into())]);
        truth.residents.push(sam_lives("0855"));
        assert_eq!(only(&truth), [home()]);
        truth.residents.retain(|resident| resident.address != "5038AA 1");
        truth.reports[0].municipality = None;
        assert_eq!(only(&truth), [Verdict::NotParticipating]);
        truth.residents.pop();
        assert_eq!(only(&truth), [Verdict::Referred("0867".into())]);
        truth.participating.remove("0867");
        assert_eq!(only(&truth), [Verdict::NotParticipating]);
    }

    #[test]
    fn r9_while_the_look_up_is_down_the_named_go_first() {
        let truth = region();
        let first: Vec<_> = found(&truth, false).into_iter().map(|one| one.0).collect();
        assert_eq!(first, ["David", "Sam"]);
        let population = Population::of(&truth);
        let at_once = population.children(&truth.reports[0], &truth, false);
        assert!(at_once[0].at_once && !at_once[1].at_once);
    }
}
