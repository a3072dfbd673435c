//! Who is registered where, and what the APIs say of each.

use hwc_adapter_kit::table::{self, TableError};
use hwc_schemas::person::Synthetic;
use serde_json::{Map, Value, json};

/// An invented person, as the register knows it.
#[derive(Debug, Clone, Default)]
pub struct Person {
    /// `5038AA`.
    pub postcode: String,
    /// 1 to 99999.
    pub house_number: u32,
    /// One letter or nothing.
    pub house_letter: String,
    /// Up to four signs or nothing.
    pub addition: String,
    /// The municipality's code.
    pub municipality: String,
    /// Given names.
    pub given_names: String,
    /// What stands before the surname.
    pub prefix: String,
    /// The surname.
    pub surname: String,
    /// `YYYY-MM-DD`, `YYYY-MM`, `YYYY`, or nothing where it is not known.
    pub born: String,
    /// What the register remarks.
    pub remarks: Vec<Remark>,
}

/// What the register remarks of somebody.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Remark {
    /// It may not give the details to others.
    Secret,
    /// The entry is under investigation.
    UnderInvestigation,
    /// It was established that this one does not live there.
    LivesElsewhere,
    /// It is not certain that this one is registered there; only Bewoning gives it.
    Possible,
    /// Died; given to nobody who does not ask for the dead.
    Died,
}

/// Everybody.
#[derive(Debug, Clone, Default)]
pub struct Registry {
    people: Vec<Person>,
}

impl Registry {
    /// These people.
    pub const fn of(people: Vec<Person>) -> Self {
        Self { people }
    }

    /// The residents of a dataset that declares that its people are invented.
    pub fn read(residents: &[u8], _invented: Synthetic) -> Result<Self, TableError> {
        const COLUMNS: [&str; 9] = [
            "postcode",
            "house_number",
            "house_letter",
            "addition",
            "municipality",
            "given_names",
            "prefix",
            "surname",
            "date_of_birth",
        ];
        let people = table::read("residents.csv", residents, &COLUMNS, |row| {
            let number = row.get("house_number").parse();
            Ok(Person {
                postcode: folded(row.get("postcode")),
                house_number: number.map_err(|_| row.refuse("house_number", "is not a whole number"))?,
                house_letter: folded(row.get("house_letter")),
                addition: folded(row.get("addition")),
                municipality: row.get("municipality").to_owned(),
                given_names: row.get("given_names").to_owned(),
                prefix: row.get("prefix").to_owned(),
                surname: row.get("surname").to_owned(),
                born: row.get("date_of_birth").to_owned(),
                ..Person::default()
            })
        })?;
        Ok(Self { people })
    }

    /// The addresses and their objects of the BAG, as the look-up reads them.
    pub fn addresses(&self) -> String {
        let mut rows: Vec<_> = self
            .people
            .iter()
            .map(|one| {
                let Person { postcode, house_number, house_letter, addition, .. } = one;
                format!("{postcode},{house_number},{house_letter},{addition},{}\n", object(one))
            })
            .collect();
        rows.sort();
        rows.dedup();
        format!("postcode,house_number,house_letter,addition,object\n{}", rows.concat())
    }

    pub(crate) fn alive(&self) -> impl Iterator<Item = (usize, &Person)> {
        self.people.iter().enumerate().filter(|(_, one)| !one.is(Remark::Died))
    }
}

/// Without spaces, in capitals.
pub(crate) fn folded(text: &str) -> String {
    text.chars().filter(|sign| !sign.is_whitespace()).flat_map(char::to_uppercase).collect()
}

/// The object of the BAG at which somebody is registered: another for every address, and always the same.
pub(crate) fn object(one: &Person) -> String {
    let Person { postcode, house_number, house_letter, addition, .. } = one;
    let address = format!("{postcode} {house_number} {house_letter} {addition}");
    // FNV-1a: any spread will do.
    let number = address.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |sum, byte| {
        (sum ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3)
    });
    format!("{:0>4}01{:010}", one.municipality, number % 10_000_000_000)
}

/// An invented citizen service number that no person can have: it fails the test of its digits or is from the range that is
/// kept for tests.
fn number(at: usize) -> String {
    format!("9999{:05}", at % 100_000)
}

impl Person {
    pub(crate) fn is(&self, remark: Remark) -> bool {
        self.remarks.contains(&remark)
    }

    /// `Dorpsstraat 2 A`, as the register puts an address on one line.
    fn line(&self) -> String {
        let Self { house_number, house_letter, addition, .. } = self;
        let begins_with_a_digit = addition.starts_with(|sign: char| sign.is_ascii_digit());
        match (house_letter.as_str(), addition.as_str()) {
            ("", "") => format!("Dorpsstraat {house_number}"),
            ("", _) if begins_with_a_digit => format!("Dorpsstraat {house_number}-{addition}"),
            _ => format!("Dorpsstraat {house_number} {house_letter}{addition}"),
        }
    }

    fn date(&self) -> Value {
        let parts: Vec<i64> = self.born.split('-').filter_map(|part| part.parse().ok()).collect();
        match parts.as_slice() {
            [_, _, _] => json!({"type": "Datum", "datum": self.born, "langFormaat": "een dag"}),
            [year, month] => {
                json!({"type": "JaarMaandDatum", "jaar": year, "maand": month, "langFormaat": "een maand"})
            }
            [year] => json!({"type": "JaarDatum", "jaar": year, "langFormaat": year.to_string()}),
            _ => json!({"type": "DatumOnbekend", "onbekend": true, "langFormaat": "onbekend"}),
        }
    }

    fn whole_name(&self) -> String {
        let parts =
            [&self.given_names, &self.prefix, &self.surname].into_iter().filter(|part| !part.is_empty());
        parts.map(String::as_str).collect::<Vec<_>>().join(" ")
    }

    /// As Personen gives it: the fields that were asked for, and those that always come.
    pub(crate) fn limited(&self, at: usize, fields: &[String]) -> Value {
        let wants = |path: &str| {
            fields.iter().any(|field| {
                field == path
                    || path.strip_prefix(field.as_str()).is_some_and(|rest| rest.starts_with('.'))
                    || field.strip_prefix(path).is_some_and(|rest| rest.starts_with('.'))
            })
        };
        let put = |into: &mut Map<String, Value>, name: &str, path: &str, value: &str| {
            if wants(path) && !value.is_empty() {
                into.insert(name.to_owned(), value.into());
            }
        };
        let mut person = Map::new();
        put(&mut person, "burgerservicenummer", "burgerservicenummer", &number(at));
        let mut name = Map::new();
        put(&mut name, "voornamen", "naam.voornamen", &self.given_names);
        put(&mut name, "voorvoegsel", "naam.voorvoegsel", &self.prefix);
        put(&mut name, "geslachtsnaam", "naam.geslachtsnaam", &self.surname);
        put(&mut name, "volledigeNaam", "naam.volledigeNaam", &self.whole_name());
        if !name.is_empty() {
            person.insert("naam".to_owned(), name.into());
        }
        if wants("geboorte.datum") {
            person.insert("geboorte".to_owned(), json!({"datum": self.date()}));
        }
        let mut addressing = Map::new();
        for (name, value) in
            [("adresregel1", self.line()), ("adresregel2", format!("{} DORP", self.postcode))]
        {
            if wants(&format!("adressering.{name}")) || wants(&format!("adresseringBinnenland.{name}")) {
                addressing.insert(name.to_owned(), value.into());
            }
        }
        if !addressing.is_empty() {
            if self.is(Remark::LivesElsewhere) {
                addressing.insert("indicatieVastgesteldVerblijftNietOpAdres".to_owned(), true.into());
            }
            if self.is(Remark::UnderInvestigation) {
                addressing.insert("inOnderzoek".to_owned(), json!({"adresregel1": true}));
            }
            person.insert("adressering".to_owned(), addressing.into());
        }
        if self.is(Remark::Secret) {
            person.insert("geheimhoudingPersoonsgegevens".to_owned(), true.into());
        }
        person.into()
    }

    /// As Bewoning gives it: always the same fields, the number among them.
    pub(crate) fn occupant(&self, at: usize) -> Value {
        let mut occupant = json!({
            "burgerservicenummer": number(at),
            "naam": {"volledigeNaam": self.whole_name()},
            "geboorte": {"datum": self.date()},
        });
        if let Some(fields) = occupant.as_object_mut() {
            if self.is(Remark::Secret) {
                fields.insert("geheimhoudingPersoonsgegevens".to_owned(), true.into());
            }
            if self.is(Remark::UnderInvestigation) {
                fields.insert("inOnderzoek".to_owned(), true.into());
            }
        }
        occupant
    }
}
