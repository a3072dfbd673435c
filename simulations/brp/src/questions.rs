//! The questions that the APIs take, checked as the real ones check them, and their answers.

use serde_json::{Map, Value, json};

use crate::{
    problem::{Invalid, Problem},
    registry::{Person, Registry, Remark, folded, object},
};

/// Most people that Personen gives for an address, and for a name.
const AT_AN_ADDRESS_MAX: usize = 30;
const OF_A_NAME_MAX: usize = 10;
/// Most people that Bewoning gives.
const OCCUPANTS_MAX: usize = 100;
/// Most fields that may be asked for.
const FIELDS_MAX: usize = 130;

/// The fields of a person that a search may give.
const FIELDS: [&str; 20] = [
    "adressering",
    "adressering.adresregel1",
    "adressering.adresregel2",
    "adressering.adresregel3",
    "adressering.land",
    "adresseringBinnenland",
    "adresseringBinnenland.adresregel1",
    "adresseringBinnenland.adresregel2",
    "burgerservicenummer",
    "geboorte",
    "geboorte.datum",
    "geslacht",
    "leeftijd",
    "naam",
    "naam.adellijkeTitelPredicaat",
    "naam.geslachtsnaam",
    "naam.volledigeNaam",
    "naam.voorletters",
    "naam.voornamen",
    "naam.voorvoegsel",
];
/// Fields that come by themselves and may not be asked for.
const BY_THEMSELVES: [&str; 5] =
    ["geheimhoudingPersoonsgegevens", "inOnderzoek", "opschortingBijhouding", "rni", "verificatie"];

/// The parameters of a question, and what is wrong with them so far.
struct Parameters<'a> {
    given: &'a Map<String, Value>,
    known: Vec<&'static str>,
    invalid: Vec<Invalid>,
}

impl<'a> Parameters<'a> {
    fn new(given: &'a Map<String, Value>) -> Self {
        Self { given, known: vec!["type"], invalid: Vec::new() }
    }

    fn text(&mut self, name: &'static str, required: bool, fits: fn(&str) -> bool, pattern: &str) -> &'a str {
        self.known.push(name);
        match self.given.get(name) {
            Some(Value::String(text)) if fits(text) => text,
            Some(Value::String(text)) if text.is_empty() && required => {
                self.invalid.push(Invalid::required(name));
                ""
            }
            Some(_) => {
                self.invalid.push(Invalid::pattern(name, pattern));
                ""
            }
            None => {
                if required {
                    self.invalid.push(Invalid::required(name));
                }
                ""
            }
        }
    }

    fn number(&mut self, name: &'static str) -> u32 {
        self.known.push(name);
        let value = match self.given.get(name) {
            Some(Value::Number(number)) => number.as_i64(),
            Some(Value::String(text)) => text.parse().ok(),
            Some(_) => None,
            None => {
                self.invalid.push(Invalid::required(name));
                return 0;
            }
        };
        let wrong = match value {
            None => Some(("integer", "Waarde is geen geldig getal.")),
            Some(..=0) => Some(("minimum", "Waarde is lager dan minimum 1.")),
            Some(100_000..) => Some(("maximum", "Waarde is hoger dan maximum 99999.")),
            Some(_) => None,
        };
        if let Some((code, reason)) = wrong {
            self.invalid.push(Invalid::new(name, code, reason));
        }
        value.and_then(|value| u32::try_from(value).ok()).unwrap_or(0)
    }

    fn within(&mut self) -> &'a str {
        let four = |text: &str| text.len() == 4 && text.bytes().all(|byte| byte.is_ascii_digit());
        self.text("gemeenteVanInschrijving", false, four, "^[0-9]{4}$")
    }

    fn fields(&mut self) -> Vec<String> {
        self.known.push("fields");
        let list = match self.given.get("fields") {
            None => {
                self.invalid.push(Invalid::required("fields"));
                return Vec::new();
            }
            Some(Value::Array(list)) => list,
            Some(_) => {
                self.invalid.push(Invalid::new("fields", "array", "Parameter is geen array."));
                return Vec::new();
            }
        };
        if list.is_empty() {
            self.invalid.push(Invalid::new("fields", "minItems", "Array bevat minder dan 1 items."));
        }
        if list.len() > FIELDS_MAX {
            self.invalid.push(Invalid::new("fields", "maxItems", "Array bevat meer dan 130 items."));
            return Vec::new();
        }
        for (at, field) in list.iter().enumerate() {
            let name = field.as_str().unwrap_or_default();
            let reason = if BY_THEMSELVES.contains(&name) {
                "Parameter bevat een niet toegestane veldnaam."
            } else if FIELDS.contains(&name) {
                continue;
            } else {
                "Parameter bevat een niet bestaande veldnaam."
            };
            self.invalid.push(Invalid::new(&format!("fields[{at}]"), "fields", reason));
        }
        list.iter().filter_map(|field| field.as_str().map(str::to_owned)).collect()
    }

    /// Nothing may stand there that the question does not know.
    fn checked(mut self) -> Result<(), Problem> {
        for name in self.given.keys() {
            if !self.known.contains(&name.as_str()) {
                self.invalid.push(Invalid::new(name, "unknownParam", "Parameter is niet verwacht."));
            }
        }
        if self.invalid.is_empty() { Ok(()) } else { Err(Problem::invalid(self.invalid)) }
    }
}

/// Answers a question of Personen.
pub(crate) fn persons(registry: &Registry, question: &Value) -> Result<Value, Problem> {
    let Some(given) = question.as_object() else { return Err(Problem::of(400)) };
    let mut parameters = Parameters::new(given);
    match given.get("type").and_then(Value::as_str) {
        Some(kind @ "ZoekMetPostcodeEnHuisnummer") => {
            let postcode = folded(parameters.text("postcode", true, is_postcode, POSTCODE));
            let number = parameters.number("huisnummer");
            let letter = folded(parameters.text("huisletter", false, is_letter, "^[a-zA-Z]{1}$"));
            let addition =
                folded(parameters.text("huisnummertoevoeging", false, is_addition, "^[a-zA-Z0-9 \\-]{1,4}$"));
            let (within, fields) = (parameters.within(), parameters.fields());
            parameters.checked()?;
            let there = |one: &Person| {
                one.postcode == postcode
                    && one.house_number == number
                    && (letter.is_empty() || one.house_letter == letter)
                    && (addition.is_empty() || one.addition == addition)
            };
            found(registry, kind, within, &fields, AT_AN_ADDRESS_MAX, there)
        }
        Some(kind @ "ZoekMetAdresseerbaarObjectIdentificatie") => {
            let id = parameters.text("adresseerbaarObjectIdentificatie", true, is_object, OBJECT);
            let (within, fields) = (parameters.within(), parameters.fields());
            parameters.checked()?;
            found(registry, kind, within, &fields, AT_AN_ADDRESS_MAX, |one| object(one) == id)
        }
        Some(kind @ "ZoekMetGeslachtsnaamEnGeboortedatum") => {
            let surname = parameters.text("geslachtsnaam", true, |text| !text.is_empty(), "^.{1,200}$");
            let born = parameters.text("geboortedatum", true, is_date, "een datum");
            let (within, fields) = (parameters.within(), parameters.fields());
            parameters.checked()?;
            let is = |one: &Person| one.surname.to_lowercase() == surname.to_lowercase() && one.born == born;
            found(registry, kind, within, &fields, OF_A_NAME_MAX, is)
        }
        Some(_) => {
            let wrong = Invalid::new("type", "value", "Waarde is geen geldig zoek type.");
            Err(Problem::invalid(vec![wrong]))
        }
        None => Err(Problem::invalid(vec![Invalid::required("type")])),
    }
}

fn found(
    registry: &Registry,
    kind: &str,
    within: &str,
    fields: &[String],
    most: usize,
    is_it: impl Fn(&Person) -> bool,
) -> Result<Value, Problem> {
    let found = registry.alive().filter(|(_, one)| !one.is(Remark::Possible) && is_it(one));
    let found = found.filter(|(_, one)| within.is_empty() || one.municipality == within);
    let people: Vec<Value> = found.map(|(at, one)| one.limited(at, fields)).collect();
    if people.len() > most {
        Err(Problem::too_many(most))
    } else {
        Ok(json!({"type": kind, "personen": people}))
    }
}

/// Answers a question of Bewoning.
pub(crate) fn occupancy(registry: &Registry, question: &Value) -> Result<Value, Problem> {
    let Some(given) = question.as_object() else { return Err(Problem::of(400)) };
    match given.get("type").and_then(Value::as_str) {
        Some("BewoningMetPeildatum") => {}
        Some(_) => {
            let wrong = Invalid::new("type", "value", "Waarde is geen geldig type.");
            return Err(Problem::invalid(vec![wrong]));
        }
        None => return Err(Problem::invalid(vec![Invalid::required("type")])),
    }
    let mut parameters = Parameters::new(given);
    let day = parameters.text("peildatum", true, is_date, "een datum");
    let id = parameters.text("adresseerbaarObjectIdentificatie", true, is_object, OBJECT);
    parameters.checked()?;
    let there: Vec<_> = registry.alive().filter(|(_, one)| object(one) == id).collect();
    if there.is_empty() {
        return Ok(json!({"bewoningen": []}));
    }
    let period = json!({"datumVan": day, "datumTot": the_day_after(day)});
    let mut occupancy = json!({"adresseerbaarObjectIdentificatie": id, "periode": period, "bewoners": [], "mogelijkeBewoners": []});
    let list = |possible| -> Value {
        let those = there.iter().filter(|(_, one)| one.is(Remark::Possible) == possible);
        those.map(|(at, one)| one.occupant(*at)).collect()
    };
    if let Some(fields) = occupancy.as_object_mut() {
        if there.len() > OCCUPANTS_MAX {
            fields.insert("indicatieVeelBewoners".to_owned(), true.into());
        } else {
            fields.insert("bewoners".to_owned(), list(false));
            fields.insert("mogelijkeBewoners".to_owned(), list(true));
        }
    }
    Ok(json!({"bewoningen": [occupancy]}))
}

const POSTCODE: &str = "^[1-9]{1}[0-9]{3}[ ]?[A-Za-z]{2}$";
const OBJECT: &str = "^(?!0{16})[0-9]{16}$";

fn is_postcode(text: &str) -> bool {
    let folded = folded(text);
    let (digits, letters) = folded.split_at_checked(4).unwrap_or_default();
    text.len() <= 7
        && digits.len() == 4
        && !digits.starts_with('0')
        && digits.bytes().all(|byte| byte.is_ascii_digit())
        && letters.len() == 2
        && letters.bytes().all(|byte| byte.is_ascii_uppercase())
}

fn is_letter(text: &str) -> bool {
    text.len() == 1 && text.bytes().all(|byte| byte.is_ascii_alphabetic())
}

fn is_addition(text: &str) -> bool {
    (1..=4).contains(&text.len())
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b' ' || byte == b'-')
}

fn is_object(text: &str) -> bool {
    text.len() == 16 && text.bytes().all(|byte| byte.is_ascii_digit()) && text != "0000000000000000"
}

fn is_date(text: &str) -> bool {
    text.len() == 10 && text.parse::<jiff::civil::Date>().is_ok()
}

fn the_day_after(day: &str) -> String {
    let next = day.parse::<jiff::civil::Date>().ok().and_then(|day| day.tomorrow().ok());
    next.map(|day| day.to_string()).unwrap_or_default()
}
