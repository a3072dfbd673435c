//! Names of many origins, in Latin letters as the civil register writes them.
//!
//! The shares of the origins are an assumption, after the national statistics on where parents were born; the lists are
//! ordinary names put together at random, and nobody's.

mod lists;

use std::sync::LazyLock;

use self::lists::Lists;
use crate::dice::Dice;

/// Where a family's names come from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Origin {
    /// Dutch.
    Dutch,
    /// Frisian.
    Frisian,
    /// Turkish and Kurdish.
    Turkish,
    /// Moroccan: Arabic and Berber, by way of French.
    Moroccan,
    /// Syrian and Iraqi: Arabic, by way of English.
    Syrian,
    /// Surinamese: Hindustani and Creole.
    Surinamese,
    /// Of the Antilles.
    Antillean,
    /// Polish.
    Polish,
    /// Ukrainian.
    Ukrainian,
    /// Eritrean: the father's given name is the surname.
    Eritrean,
    /// Chinese.
    Chinese,
    /// Indonesian and Moluccan.
    Indonesian,
    /// Portuguese and Brazilian.
    Portuguese,
    /// Spanish and Latin American.
    Spanish,
    /// German.
    German,
    /// Afghan and Iranian.
    Persian,
}

/// The names of one origin, ready to draw from.
struct Tradition {
    lists: &'static Lists,
    girls: Vec<&'static str>,
    boys: Vec<&'static str>,
    /// With what stands before them.
    surnames: Vec<(&'static str, &'static str)>,
}

/// All lists, taken apart.
struct Names {
    traditions: Vec<Tradition>,
    shared_girls: Vec<&'static str>,
    shared_boys: Vec<&'static str>,
    beginnings: Vec<&'static str>,
    endings: Vec<&'static str>,
    prefixes: Vec<&'static str>,
}

static NAMES: LazyLock<Names> = LazyLock::new(|| {
    let apart = |list: &'static str| list.split(", ").collect::<Vec<_>>();
    let tradition = |lists: &'static Lists| Tradition {
        lists,
        girls: apart(lists.girls),
        boys: apart(lists.boys),
        surnames: lists.surnames.split(", ").map(|name| name.split_once('|').unwrap_or(("", name))).collect(),
    };
    Names {
        traditions: lists::ALL.iter().map(tradition).collect(),
        shared_girls: apart(lists::SHARED_GIRLS),
        shared_boys: apart(lists::SHARED_BOYS),
        beginnings: apart(lists::DUTCH_BEGINNINGS),
        endings: apart(lists::DUTCH_ENDINGS),
        prefixes: apart(lists::DUTCH_PREFIXES),
    }
});

/// Children of other than Dutch families who have a name from the list that everybody shares. Assumption.
const INTERNATIONAL: u32 = 1_500;

/// Dutch surnames that are put together from parts instead of taken from the list of common ones. Assumption: there are
/// some 300,000 surnames in the country.
const COMPOSED: u32 = 5_500;

/// Given names of a child: one, two, three, four. Assumption.
const GIVEN_NAMES: [u32; 4] = [4_800, 3_600, 1_350, 250];

/// Given names that are two joined by a hyphen, in Dutch families. Assumption.
const HYPHENATED: u32 = 150;

/// A family's surname.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FamilyName {
    /// Where it comes from.
    pub origin: Origin,
    /// What stands before it; empty for nothing.
    pub prefix: &'static str,
    /// Whether the register keeps the prefix apart.
    pub apart: bool,
    /// The surname without its prefix.
    pub surname: String,
}

impl FamilyName {
    /// The prefix field and the surname field.
    pub fn fields(&self) -> (Option<String>, String) {
        match (self.prefix, self.apart) {
            ("", _) => (None, self.surname.clone()),
            (prefix, true) => (Some(prefix.to_owned()), self.surname.clone()),
            (prefix, false) => (None, capitalised(&format!("{prefix} {}", self.surname))),
        }
    }
}

/// With a capital first letter.
fn capitalised(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map(|first| first.to_uppercase().chain(letters).collect()).unwrap_or_default()
}

/// Draws a family's surname.
pub fn family_name(dice: &mut Dice) -> FamilyName {
    let tradition = &NAMES.traditions[dice.weighted(lists::ALL.iter().map(|lists| lists.weight))];
    family_name_of(tradition, dice)
}

fn family_name_of(tradition: &Tradition, dice: &mut Dice) -> FamilyName {
    let (prefix, surname) = one_surname(tradition, dice);
    let surname = if dice.happens(tradition.lists.double) {
        let (other_prefix, other) = one_surname(tradition, dice);
        let joined = if dice.happens(6_000) { "-" } else { " " };
        let other = if other_prefix.is_empty() { other } else { format!("{other_prefix} {other}") };
        format!("{surname}{joined}{other}")
    } else {
        surname
    };
    let apart = !dice.happens(tradition.lists.prefix_in_surname);
    FamilyName { origin: tradition.lists.origin, prefix, apart, surname }
}

fn one_surname(tradition: &Tradition, dice: &mut Dice) -> (&'static str, String) {
    if tradition.lists.origin == Origin::Dutch && dice.happens(COMPOSED) {
        let surname = format!("{}{}", dice.pick(&NAMES.beginnings), dice.pick(&NAMES.endings));
        let prefix = if dice.happens(4_500) { dice.pick_early(&NAMES.prefixes) } else { "" };
        return (prefix, surname);
    }
    let (prefix, surname) = dice.pick_early(&tradition.surnames);
    (prefix, (*surname).to_owned())
}

fn tradition(origin: Origin) -> &'static Tradition {
    NAMES.traditions.iter().find(|tradition| tradition.lists.origin == origin).unwrap_or(&NAMES.traditions[0])
}

/// Draws a child's given names; empty for somebody who has only one name.
pub fn given_names(origin: Origin, dice: &mut Dice) -> String {
    let tradition = tradition(origin);
    if dice.happens(tradition.lists.single) {
        return String::new();
    }
    let girl = dice.happens(5_000);
    let names = 1 + dice.weighted(GIVEN_NAMES.into_iter());
    let mut given: Vec<String> = Vec::new();
    for _ in 0..names {
        let name = one_given_name(tradition, girl, dice);
        if !given.contains(&name) {
            given.push(name);
        }
    }
    given.join(" ")
}

fn one_given_name(tradition: &Tradition, girl: bool, dice: &mut Dice) -> String {
    let own = if girl { &tradition.girls } else { &tradition.boys };
    let shared = if girl { &NAMES.shared_girls } else { &NAMES.shared_boys };
    let international = tradition.lists.origin != Origin::Dutch && dice.happens(INTERNATIONAL);
    let name = *dice.pick_early(if international { shared } else { own });
    if tradition.lists.origin == Origin::Dutch && dice.happens(HYPHENATED) {
        let other = *dice.pick(own);
        if other != name {
            return format!("{name}-{other}");
        }
    }
    name.to_owned()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn a_prefix_stands_apart_or_in_the_surname_with_a_capital() {
        let name = |prefix, apart| {
            FamilyName { origin: Origin::Dutch, prefix, apart, surname: "Berg".to_owned() }.fields()
        };
        assert_eq!(name("van der", true), (Some("van der".to_owned()), "Berg".to_owned()));
        assert_eq!(name("van der", false), (None, "Van der Berg".to_owned()));
        assert_eq!(name("", true), (None, "Berg".to_owned()));
    }

    #[test]
    fn every_origin_occurs_about_as_often_as_its_weight_says() {
        let sum: u32 = lists::ALL.iter().map(|lists| lists.weight).sum();
        assert_eq!(sum, 10_000);
        let mut dice = Dice::new(3);
        let drawn: Vec<Origin> = (0..50_000).map(|_| family_name(&mut dice).origin).collect();
        for lists in &lists::ALL {
            let times = drawn.iter().filter(|origin| **origin == lists.origin).count() as u64;
            let wanted = u64::from(lists.weight) * 5;
            assert!(times * 10 > wanted * 8 && times * 10 < wanted * 12, "{:?}: {times}", lists.origin);
        }
    }

    #[test]
    fn there_are_prefixes_diacritics_double_names_and_people_with_one_name() {
        let mut dice = Dice::new(4);
        let names: Vec<_> = (0..20_000)
            .map(|_| {
                let family = family_name(&mut dice);
                (given_names(family.origin, &mut dice), family)
            })
            .collect();
        let prefixes: BTreeSet<&str> = names.iter().map(|(_, family)| family.prefix).collect();
        for prefix in ["", "van der", "de", "el", "al", "von", "'t", "van den", "dos", "de la"] {
            assert!(prefixes.contains(prefix), "{prefix}");
        }
        assert!(names.iter().any(|(_, family)| !family.prefix.is_empty() && !family.apart));
        assert!(names.iter().any(|(_, family)| family.surname.contains('-')));
        assert!(names.iter().any(|(given, _)| given.is_empty()));
        assert!(names.iter().any(|(given, _)| given.contains('-')));
        assert!(names.iter().any(|(given, _)| given.split(' ').count() == 4));
        assert!(names.iter().any(|(given, family)| !given.is_ascii() && !family.surname.is_ascii()));
    }
}
