//! A household: a pure function of the seed, its municipality and its number.

use std::collections::BTreeSet;

use hwc_schemas::{
    person::FieldError,
    report::{Address as Carried, MunicipalityCode},
};
use jiff::{ToSpan as _, civil::Date};
use serde::Serialize;

use crate::{
    dice::Dice,
    enrolment::{Neighbourhood, Schooling},
    municipality::ADDRESSES_PER_POSTCODE_NUMBER,
    names::{self, FamilyName},
    person::Person,
    population::Population,
    rates,
};

/// Which household.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct HouseholdId {
    /// The place of its municipality in the population's list.
    pub municipality: usize,
    /// Its number there, from 0.
    pub number: u32,
}

/// An address.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize)]
pub struct Address {
    /// The postcode.
    pub postcode: String,
    /// The house number.
    pub house_number: u32,
    /// The house letter.
    pub house_letter: Option<String>,
    /// What follows it.
    pub addition: Option<String>,
    /// The CBS code, where the source says it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub municipality: Option<String>,
}

impl Address {
    /// The same address as the real programs carry it.
    pub fn to_address(&self) -> Result<Carried, FieldError> {
        let municipality = self.municipality.as_deref().map(MunicipalityCode::parse).transpose()?;
        let (letter, addition) = (self.house_letter.as_deref(), self.addition.as_deref());
        let (letter, addition) = (letter.unwrap_or_default(), addition.unwrap_or_default());
        Carried::new(&self.postcode, self.house_number, letter, addition, municipality)
    }
}

/// Everybody at an address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Household {
    /// Which.
    pub id: HouseholdId,
    /// Where; its municipality is always said.
    pub address: Address,
    /// The adults.
    pub adults: Vec<Person>,
    /// The children, oldest first.
    pub children: Vec<HouseholdChild>,
}

/// A child of a household.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HouseholdChild {
    /// Who, as the civil register spells it.
    pub person: Person,
    /// Whether it is in the civil register at this address.
    pub registered: bool,
    /// Where it goes to school; none if it is too young.
    pub schooling: Option<Schooling>,
}

impl Household {
    /// Those who stand in `residents.csv` at this address, children first.
    pub fn residents(&self) -> impl Iterator<Item = &Person> {
        let children = self.children.iter().filter(|child| child.registered).map(|child| &child.person);
        children.chain(&self.adults)
    }
}

const HOUSEHOLDS: u64 = 0x6868;

/// A household as it is before it is given somebody else's name.
struct Draft {
    family: FamilyName,
    children: Vec<Person>,
    dice: Dice,
}

impl Population {
    /// One household. The same arguments always give the same household, on every machine.
    ///
    /// A number beyond the municipality's own is that of another household; a municipality that is not in the list has none.
    pub fn household(&self, id: HouseholdId) -> Household {
        let Draft { family, mut children, mut dice } = self.draft(id);
        // A cousin, or a stranger, of the same name; and now and then of the same day.
        let double = dice.happens(rates::DOUBLES);
        if id.number > 0 && (double || dice.happens(rates::NAMESAKES)) {
            let before = self.draft(HouseholdId { number: id.number - 1, ..id });
            if let (Some(own), Some(other)) = (children.first_mut(), before.children.first()) {
                let date_of_birth = if double { other.date_of_birth } else { own.date_of_birth };
                *own = Person { date_of_birth, ..other.clone() };
                children.sort_by_key(|child| child.date_of_birth);
            }
        }
        let adults = adults(&family, &children, self.settings().day, &mut dice);
        let of = self.municipalities()[id.municipality].households;
        let home = Neighbourhood { municipality: id.municipality, place: id.number, of };
        let children = children
            .into_iter()
            .map(|person| {
                let registered = !dice.happens(rates::UNREGISTERED);
                let schooling = self.schooling(&person, &home, &mut dice);
                HouseholdChild { person, registered, schooling }
            })
            .collect();
        Household { id, address: self.address(id), adults, children }
    }

    fn draft(&self, id: HouseholdId) -> Draft {
        let path = [HOUSEHOLDS, id.municipality as u64, id.number.into()];
        let mut dice = Dice::at(self.settings().seed, &path);
        let family = names::family_name(&mut dice);
        let wanted = dice.weighted(rates::CHILDREN_OF_A_HOUSEHOLD.into_iter());
        let births = births(wanted, self.settings().day, &mut dice);
        let mut taken = BTreeSet::new();
        let children = births
            .into_iter()
            .map(|date_of_birth| {
                // Brothers and sisters have names of their own, as far as a few tries find one.
                let mut given_names = names::given_names(family.origin, &mut dice);
                for _ in 0..4 {
                    if taken.insert(given_names.split(' ').next().unwrap_or_default().to_owned()) {
                        break;
                    }
                    given_names = names::given_names(family.origin, &mut dice);
                }
                named(&family, given_names, date_of_birth)
            })
            .collect();
        Draft { family, children, dice }
    }

    /// The address: postcode letters and number follow from the household's number, so no two are the same.
    fn address(&self, id: HouseholdId) -> Address {
        const LETTERS: &[u8; 20] = b"ABCDEGHJKLMNPRTVWXYZ";
        let municipality = &self.municipalities()[id.municipality];
        let (number, place) =
            (id.number / ADDRESSES_PER_POSTCODE_NUMBER, id.number % ADDRESSES_PER_POSTCODE_NUMBER);
        let digits =
            municipality.postcodes.get(usize::try_from(number).unwrap_or(0)).copied().unwrap_or(1_000);
        let (letters, house) = (place / 12, place % 12);
        let letter = |at: u32| char::from(LETTERS[usize::try_from(at % 20).unwrap_or(0)]);
        let mut dice =
            Dice::at(self.settings().seed, &[HOUSEHOLDS, 1, id.municipality as u64, id.number.into()]);
        let mut some =
            |in_10_000, texts: [&str; 3]| dice.happens(in_10_000).then(|| (*dice.pick(&texts)).to_owned());
        Address {
            postcode: format!("{digits:04}{}{}", letter(letters / 20), letter(letters)),
            // Both sides of the street, a few numbers apart, and not the same ones in every street.
            house_number: 1 + house * 2 + letters % 2 + letters / 2 % 40,
            house_letter: some(500, ["A", "B", "C"]),
            addition: some(400, ["bis", "1", "II"]),
            municipality: Some(municipality.code.clone()),
        }
    }
}

fn named(family: &FamilyName, given_names: String, date_of_birth: Date) -> Person {
    let (prefix, surname) = family.fields();
    Person { given_names, prefix, surname, date_of_birth }
}

/// Days in which somebody is under eighteen, a little less than all, so that no leap year makes an adult of a child.
const DAYS_OF_CHILDHOOD: u32 = 6_573;

/// The days of birth of so many children, oldest first.
fn births(children: usize, day: Date, dice: &mut Dice) -> Vec<Date> {
    // From the youngest on: how many days older is each.
    let mut older = Vec::new();
    let mut oldest = 0;
    while older.len() < children {
        let room = children - older.len();
        let at_once = match room {
            3.. if dice.happens(rates::TRIPLETS_OF_THREE) => 3,
            2.. if dice.happens(rates::TWINS_OF_TWO) => 2,
            _ => 1,
        };
        if !older.is_empty() {
            let most = (DAYS_OF_CHILDHOOD - 1 - oldest) / u32::try_from(room).unwrap_or(1);
            oldest += dice.between(330, 1_700).min(most);
        }
        older.extend(std::iter::repeat_n(oldest, at_once));
    }
    let youngest = dice.between(0, DAYS_OF_CHILDHOOD - 1 - oldest);
    let born = |older: &u32| day.checked_sub(i64::from(youngest + older).days()).unwrap_or(day);
    older.iter().rev().map(born).collect()
}

/// One or two adults, and now and then a third: a grandmother, or a child of age.
fn adults(family: &FamilyName, children: &[Person], day: Date, dice: &mut Dice) -> Vec<Person> {
    let eldest = children.first().map_or(day, |child| child.date_of_birth);
    let before = |first: u32, last: u32, dice: &mut Dice| {
        let days = i64::from(dice.between(first * 365, last * 365));
        eldest.checked_sub(days.days()).unwrap_or(eldest)
    };
    let mut adults = Vec::new();
    let one = dice.happens(rates::ONE_ADULT);
    for at in 0..if one { 1 } else { 2 } {
        let born = before(20, 40, dice);
        // Of two parents one has the children's surname, and the other mostly a name of its own.
        let own = (one || at == 1) && dice.happens(if one { 6_000 } else { 8_500 });
        let name = if own { names::family_name(dice) } else { family.clone() };
        adults.push(named(&name, names::given_names(name.origin, dice), born));
    }
    if dice.happens(rates::THIRD_ADULT) {
        let of_age = dice.happens(5_000);
        let born = if of_age {
            let days = i64::from(dice.between(18 * 366, 22 * 365));
            day.checked_sub(days.days()).unwrap_or(day)
        } else {
            before(45, 70, dice)
        };
        adults.push(named(family, names::given_names(family.origin, dice), born));
    }
    adults
}
