//! The schools of a region.

use hwc_casework::routing::{School as Directed, SchoolCode};
use hwc_schemas::{person::FieldError, report::MunicipalityCode};
use jiff::{ToSpan as _, civil::Date};

use crate::{
    dice::Dice,
    municipality::Municipality,
    rates::{
        CHILDREN, INHABITANTS_PER_SPECIAL_SCHOOL, INHABITANTS_PER_VOCATIONAL_SCHOOL,
        INHABITANTS_WITH_SECONDARY_MIN, INHABITANTS_WITH_SPECIAL_MIN, PUPILS_OF_A_PRIMARY_SCHOOL,
        PUPILS_OF_A_SECONDARY_SCHOOL,
    },
    settings::Settings,
};

/// A kind of education.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Sector {
    /// Primary.
    Primary,
    /// Special.
    Special,
    /// Secondary.
    Secondary,
    /// Vocational.
    Vocational,
}

impl Sector {
    /// Every sector.
    pub const ALL: [Self; 4] = [Self::Primary, Self::Special, Self::Secondary, Self::Vocational];

    /// As `schools.csv` writes it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Primary => "po",
            Self::Special => "so",
            Self::Secondary => "vo",
            Self::Vocational => "mbo",
        }
    }
}

/// A school: one location.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct School {
    /// The BRIN number.
    pub brin: String,
    /// The location, two characters.
    pub location: String,
    /// The name.
    pub name: String,
    /// The kind of education.
    pub sector: Sector,
    /// The place of its municipality in the population's list.
    pub municipality: usize,
    /// Its HwC mailbox, if it is known (R11).
    pub mailbox: Option<String>,
    /// The day its board signed the covenant, or will (R11).
    pub covenant_signed_on: Option<Date>,
}

impl School {
    /// BRIN number and location.
    pub fn code(&self) -> Result<SchoolCode, FieldError> {
        SchoolCode::parse(&self.brin, &self.location)
    }

    /// What routing needs of it.
    pub fn directed(&self, municipalities: &[Municipality]) -> Result<Directed, FieldError> {
        Ok(Directed {
            municipality: MunicipalityCode::parse(&municipalities[self.municipality].code)?,
            mailbox: self.mailbox.is_some(),
            covenant_signed_on: self.covenant_signed_on,
        })
    }
}

/// Where schools of one sector stand in the population's list, by municipality.
#[derive(Debug, Clone, Default)]
pub(crate) struct Directory {
    /// By sector, then by municipality: first place and number.
    places: Vec<Vec<(usize, usize)>>,
}

impl Directory {
    /// The places of a municipality's own schools of a sector.
    pub(crate) fn own(&self, sector: Sector, municipality: usize) -> std::ops::Range<usize> {
        let (first, count) = self.places[sector as usize].get(municipality).copied().unwrap_or_default();
        first..first + count
    }

    /// The schools of a sector in the nearest municipality that has some, in the order of the list; the own one counts as
    /// nearest unless it is passed over.
    pub(crate) fn nearest(
        &self,
        sector: Sector,
        municipality: usize,
        pass_over_own: bool,
    ) -> std::ops::Range<usize> {
        let count = self.places[sector as usize].len();
        let first = usize::from(pass_over_own);
        let around = (first..count)
            .flat_map(|step| [(municipality + step) % count, (municipality + count - step) % count]);
        around.map(|near| self.own(sector, near)).find(|schools| !schools.is_empty()).unwrap_or(0..0)
    }
}

const SCHOOLS: u64 = 0x7363;

/// Lists the schools of all municipalities, by sector.
pub(crate) fn all(settings: &Settings, municipalities: &[Municipality]) -> (Vec<School>, Directory) {
    let mut schools = Vec::new();
    let mut directory = Directory::default();
    for sector in Sector::ALL {
        let mut places = Vec::new();
        for (at, municipality) in municipalities.iter().enumerate() {
            let first = schools.len();
            let mut left = locations(sector, municipality, at == 0);
            while left > 0 {
                let dice = Dice::at(settings.seed, &[SCHOOLS, schools.len() as u64]);
                let board = board(settings, sector, at, schools.len(), left, dice);
                left -= u32::try_from(board.len()).unwrap_or(left);
                schools.extend(board);
            }
            places.push((first, schools.len() - first));
        }
        directory.places.push(places);
    }
    (schools, directory)
}

/// How many locations of a sector a municipality has. The first and largest has at least one of each.
fn locations(sector: Sector, municipality: &Municipality, first: bool) -> u32 {
    let inhabitants = municipality.inhabitants;
    // Eight of eighteen years are of primary school age, six of secondary.
    let of_years = |years: u32| {
        inhabitants / 10_000 * CHILDREN * years / 18 + inhabitants % 10_000 * CHILDREN / 10_000 * years / 18
    };
    let least = u32::from(first);
    match sector {
        Sector::Primary => (of_years(8) / PUPILS_OF_A_PRIMARY_SCHOOL).max(1),
        Sector::Secondary if inhabitants < INHABITANTS_WITH_SECONDARY_MIN => least,
        Sector::Secondary => (of_years(6) / PUPILS_OF_A_SECONDARY_SCHOOL).max(1),
        _ if inhabitants < INHABITANTS_WITH_SPECIAL_MIN => least,
        Sector::Special => (inhabitants / INHABITANTS_PER_SPECIAL_SCHOOL).max(1),
        Sector::Vocational => (inhabitants / INHABITANTS_PER_VOCATIONAL_SCHOOL).max(least),
    }
}

/// One school with its locations, at most so many; the number of the first makes its BRIN number.
fn board(
    settings: &Settings,
    sector: Sector,
    municipality: usize,
    number: usize,
    most: u32,
    mut dice: Dice,
) -> Vec<School> {
    let rates = &settings.rates;
    let several = if sector == Sector::Primary { 700 } else { 3_500 };
    let locations = if dice.happens(several) { dice.between(2, 3).min(most) } else { 1 };
    let brin = brin(number);
    let (name, domain) = name(sector, &mut dice);
    let mailbox =
        (!dice.happens(rates.school_without_mailbox)).then(|| format!("{brin}HwC@{domain}.example"));
    let signed_on = match dice.case(&[rates.school_never_signed, rates.school_signs_later]) {
        Some(0) => None,
        Some(_) => settings.day.checked_add(i64::from(dice.between(1, 365)).days()).ok(),
        None => settings.day.checked_sub(i64::from(dice.between(0, 5 * 365)).days()).ok(),
    };
    let mailbox = mailbox.filter(|_| signed_on.is_some());
    (0..locations)
        .map(|at| School {
            brin: brin.clone(),
            location: format!("{at:02}"),
            name: if at == 0 { name.clone() } else { format!("{name}, locatie {}", at + 1) },
            sector,
            municipality,
            mailbox: mailbox.clone(),
            covenant_signed_on: signed_on,
        })
        .collect()
}

/// A well-formed BRIN number, 40AA and up, where few or none have been given out.
fn brin(number: usize) -> String {
    const LETTERS: &[u8; 26] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ";
    let letter = |at: usize| char::from(LETTERS[at % 26]);
    format!("{:02}{}{}", 40 + number / 676 % 60, letter(number / 26), letter(number))
}

const PRIMARY_NAMES: [&str; 40] = [
    "De Regenboog",
    "Het Kompas",
    "De Wegwijzer",
    "De Vlinder",
    "De Ark",
    "Het Mozaïek",
    "De Springplank",
    "De Klimboom",
    "De Vuurtoren",
    "Het Palet",
    "De Kameleon",
    "De Zonnebloem",
    "De Wijngaard",
    "De Horizon",
    "Het Anker",
    "De Fontein",
    "De Vlieger",
    "De Schakel",
    "Het Talent",
    "De Bolster",
    "De Toermalijn",
    "De Meander",
    "De Zevensprong",
    "De Uilenspiegel",
    "Het Avontuur",
    "De Startbaan",
    "De Rietpluim",
    "De Cocon",
    "De Kring",
    "De Hazelaar",
    "De Lindeboom",
    "Het Drieluik",
    "De Wereldwijzer",
    "De Blinkerd",
    "De Parel",
    "De Sterrekijker",
    "Den Bongerd",
    "De Akkerwinde",
    "De Ontdekking",
    "Het Baken",
];
const SECONDARY_NAMES: [&str; 16] = [
    "Eikelaar College",
    "Lyceum Zonneveld",
    "Het Vennencollege",
    "De Wilgenhoek",
    "Scholengemeenschap De Brug",
    "Havikslyceum",
    "Het Stroomland",
    "De Wending",
    "Valkendaal College",
    "Lyceum Oudewerf",
    "De Hoge Linde",
    "Het Veerhuis",
    "Noorderlicht Lyceum",
    "Waterkant College",
    "De Vier Windstreken",
    "Hazelhorst College",
];
const SPECIAL_NAMES: [&str; 10] = [
    "De Hoeksteen",
    "De Windroos",
    "Het Steunpunt",
    "De Kleine Kring",
    "Het Tussenland",
    "De Opmaat",
    "De Vlonder",
    "Het Zonnehuis",
    "De Wissel",
    "Het Berkenhof",
];
const VOCATIONAL_NAMES: [&str; 6] = [
    "ROC Waterland-Zuid",
    "Vakschool De Werf",
    "ROC De Linie",
    "Het Ambacht",
    "ROC Oevers",
    "Vakcollege Meerwijk",
];

/// A name, and what its mailbox's domain begins with.
fn name(sector: Sector, dice: &mut Dice) -> (String, String) {
    let name = match sector {
        Sector::Primary => dice.pick(&PRIMARY_NAMES),
        Sector::Special => dice.pick(&SPECIAL_NAMES),
        Sector::Secondary => dice.pick(&SECONDARY_NAMES),
        Sector::Vocational => dice.pick(&VOCATIONAL_NAMES),
    };
    let domain = name.to_lowercase().replace('ï', "i").replace(|c: char| !c.is_ascii_alphanumeric(), "");
    ((*name).to_owned(), domain)
}
