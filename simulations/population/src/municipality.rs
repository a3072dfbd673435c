//! The municipalities: those of Hart van Brabant as they are, and invented ones.

use crate::{
    dice::Dice,
    rates::{CHILDREN, CHILDREN_OF_A_HOUSEHOLD},
    settings::{Settings, Size},
};

/// How a municipality belongs to the region (R15).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// Its children take part, and its schools lie in the region.
    Participates,
    /// Its schools lie in the region; its children do not take part yet.
    SchoolsOnly,
    /// Neither.
    Outside,
}

/// A municipality.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Municipality {
    /// The CBS code, four digits; an invented one begins with 9, which no real one does.
    pub code: String,
    /// The name.
    pub name: String,
    /// How it belongs to the region.
    pub standing: Standing,
    /// How many live there.
    pub inhabitants: u32,
    /// Households that are listed: those with children, and a few without.
    pub households: u32,
    /// Its postcodes begin with these numbers, one after the other.
    pub postcodes: Vec<u16>,
}

use Standing::{Outside, Participates, SchoolsOnly};

/// Hart van Brabant and its neighbours (R15): code, name, standing, inhabitants (national statistics, rounded to hundreds), and
/// the first of its postcode numbers.
const HART_VAN_BRABANT: [(&str, &str, Standing, u32, u16); 11] = [
    ("0855", "Tilburg", Participates, 229_800, 5011),
    ("0867", "Waalwijk", Participates, 49_500, 5141),
    ("0797", "Heusden", SchoolsOnly, 45_900, 5251),
    ("0824", "Oisterwijk", Participates, 32_800, 5061),
    ("0784", "Gilze en Rijen", Participates, 27_000, 5121),
    ("0766", "Dongen", Participates, 26_900, 5101),
    ("0785", "Goirle", Participates, 24_600, 5051),
    ("0809", "Loon op Zand", Participates, 24_100, 5171),
    ("0798", "Hilvarenbeek", Participates, 15_900, 5081),
    ("1723", "Alphen-Chaam", Outside, 10_300, 5131),
    ("0744", "Baarle-Nassau", Outside, 7_000, 5111),
];

/// Postcode numbers that only the municipalities of Hart van Brabant use.
const KEPT_POSTCODES: std::ops::Range<u16> = 5000..5300;

/// Addresses with the same postcode number.
pub(crate) const ADDRESSES_PER_POSTCODE_NUMBER: u32 = 4_800;

/// Lists the municipalities of a region.
pub(crate) fn all(settings: &Settings) -> Vec<Municipality> {
    let (invented, inhabitants) = match settings.size {
        Size::Region => (0, 0),
        Size::Province => (45, 2_630_000),
        Size::Country => (331, 17_900_000),
        Size::Inhabitants(inhabitants) => ((inhabitants / Size::PER_MUNICIPALITY).clamp(1, 342), inhabitants),
    };
    let country = settings.size == Size::Country;
    let real: &[_] = if matches!(settings.size, Size::Inhabitants(_)) { &[] } else { &HART_VAN_BRABANT };
    let mut list = Vec::new();
    for &(code, name, standing, inhabitants, postcode) in real {
        // Everybody takes part when the whole country does.
        let standing = if country { Participates } else { standing };
        let households = households(inhabitants);
        let postcodes = (postcode..).take(postcode_numbers(households)).collect();
        let (code, name) = (code.to_owned(), name.to_owned());
        list.push(Municipality { code, name, standing, inhabitants, households, postcodes });
    }
    let taken: u32 = list.iter().map(|one| one.inhabitants).sum();
    let mut free = (1011..10_000).filter(|number| !KEPT_POSTCODES.contains(number));
    let mut add = |standing, inhabitants| {
        let at = u32::try_from(list.len() - real.len()).unwrap_or(0);
        let mut dice = Dice::at(settings.seed, &[MUNICIPALITIES, 1, at.into()]);
        let name = format!("{}{}", dice.pick(&BEGINNINGS), dice.pick(&ENDINGS));
        let households = households(inhabitants);
        let postcodes = free.by_ref().take(postcode_numbers(households)).collect();
        let code = format!("{:04}", 9_001 + at);
        list.push(Municipality { code, name, standing, inhabitants, households, postcodes });
    };
    for (at, inhabitants) in (0..).zip(sizes(settings.seed, invented, inhabitants.saturating_sub(taken))) {
        // Not the largest ones, and one in twelve each.
        let standing = match at % 12 {
            6 if !country => SchoolsOnly,
            11 if !country => Outside,
            _ => Participates,
        };
        add(standing, inhabitants);
    }
    if real.is_empty() && invented < 12 {
        // Somewhere a border is crossed.
        add(Outside, (inhabitants / 10).max(200));
    }
    list
}

/// Shares inhabitants out among municipalities, the largest first: as in the country, a few have ten times the mean and most
/// less than it.
fn sizes(seed: u64, municipalities: u32, inhabitants: u32) -> Vec<u32> {
    let mut dice = Dice::at(seed, &[MUNICIPALITIES, 0]);
    // A share of 1/(rank+5), with some chance: the largest of 342 has nearly a million.
    let weight = |rank: u32, dice: &mut Dice| 1_000_000 / (rank + 5) * dice.between(80, 120) / 100;
    let mut weights: Vec<u64> = (0..municipalities).map(|rank| weight(rank, &mut dice).into()).collect();
    weights.sort_unstable_by(|one, other| other.cmp(one));
    let sum: u64 = weights.iter().sum();
    let share =
        |weight: &u64| u32::try_from(u64::from(inhabitants) * weight / sum.max(1)).unwrap_or(u32::MAX);
    weights.iter().map(share).collect()
}

const MUNICIPALITIES: u64 = 0x6d75;

const BEGINNINGS: [&str; 24] = [
    "Alder", "Beuken", "Dries", "Eiken", "Gras", "Haver", "Iepen", "Jonker", "Klaver", "Linden", "Molen",
    "Noorder", "Oever", "Peppel", "Rietveld", "Sparren", "Terp", "Uiter", "Vennen", "Wilgen", "Zilver",
    "Ooster", "Wester", "Zuider",
];

const ENDINGS: [&str; 16] = [
    "beek", "berg", "broek", "dam", "dijk", "drecht", "eind", "hout", "kerke", "loo", "meer", "recht",
    "veen", "voort", "waard", "wijk",
];

/// How many postcode numbers so many households need, at least one.
fn postcode_numbers(households: u32) -> usize {
    usize::try_from(households.div_ceil(ADDRESSES_PER_POSTCODE_NUMBER)).unwrap_or(1).max(1)
}

/// Listed households among so many inhabitants, at least one.
fn households(inhabitants: u32) -> u32 {
    let weights: u32 = CHILDREN_OF_A_HOUSEHOLD.iter().sum();
    let children: u32 = (0..).zip(CHILDREN_OF_A_HOUSEHOLD).map(|(children, weight)| children * weight).sum();
    let wanted = u64::from(inhabitants) * u64::from(CHILDREN) / 10_000;
    u32::try_from(wanted * u64::from(weights) / u64::from(children)).unwrap_or(u32::MAX).max(1)
}
