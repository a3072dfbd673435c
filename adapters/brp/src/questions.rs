//! The questions, as bytes that are wiped. Only here does a name or an address leave its type on the way to the BRP, which
//! is where it came from. The fields are what a look-up needs and nothing else; the citizen service number is never one.

use hwc_schemas::{
    person::{Child, PersonalText},
    report::{MunicipalityCode, Place},
};
use jiff::civil::Date;
use serde::Serialize;
use zeroize::Zeroizing;

use crate::{ObjectId, full_name::is_prefix};

/// What is asked of a resident: what a signal carries (R1).
const OF_A_PERSON: [&str; 4] = ["naam.voornamen", "naam.voorvoegsel", "naam.geslachtsnaam", "geboorte.datum"];
/// Where several addresses share a postcode and number also the line that tells them apart.
const OF_A_RESIDENT: [&str; 5] = [
    "naam.voornamen",
    "naam.voorvoegsel",
    "naam.geslachtsnaam",
    "geboorte.datum",
    "adresseringBinnenland.adresregel1",
];

/// Room for any question, so that the buffer never moves.
const QUESTION_BYTES: usize = 8 * 1024;
/// Longest addition that Personen takes.
const ADDITION_CHARS_MAX: usize = 4;

#[derive(Serialize)]
#[serde(tag = "type")]
enum Persons<'a> {
    #[serde(rename = "ZoekMetPostcodeEnHuisnummer", rename_all = "camelCase")]
    Postcode {
        postcode: &'a str,
        huisnummer: u32,
        #[serde(skip_serializing_if = "Option::is_none")]
        huisletter: Option<&'a str>,
        #[serde(skip_serializing_if = "Option::is_none")]
        huisnummertoevoeging: Option<&'a str>,
        #[serde(skip_serializing_if = "Option::is_none")]
        gemeente_van_inschrijving: Option<&'a str>,
        fields: &'a [&'a str],
    },
    #[serde(rename = "ZoekMetAdresseerbaarObjectIdentificatie", rename_all = "camelCase")]
    Object {
        adresseerbaar_object_identificatie: &'a str,
        #[serde(skip_serializing_if = "Option::is_none")]
        gemeente_van_inschrijving: Option<&'a str>,
        fields: &'a [&'a str],
    },
    #[serde(rename = "ZoekMetGeslachtsnaamEnGeboortedatum", rename_all = "camelCase")]
    Name {
        geslachtsnaam: &'a str,
        geboortedatum: Date,
        #[serde(skip_serializing_if = "Option::is_none")]
        gemeente_van_inschrijving: Option<&'a str>,
        fields: &'a [&'a str],
    },
}

#[derive(Serialize)]
#[serde(tag = "type")]
enum Occupancy<'a> {
    #[serde(rename_all = "camelCase")]
    BewoningMetPeildatum { peildatum: Date, adresseerbaar_object_identificatie: &'a str },
}

/// Who is registered there, in this municipality or in any.
pub(crate) fn residents(place: &Place, within: Option<MunicipalityCode>) -> Zeroizing<Vec<u8>> {
    let letter = place.house_letter().expose();
    let addition = place.addition().expose();
    let is_letter = letter.len() == 1 && letter.bytes().all(|byte| byte.is_ascii_alphabetic());
    // What Personen would refuse is left out; the line of the address tells them apart then.
    let is_addition = (1..=ADDITION_CHARS_MAX).contains(&addition.len())
        && addition.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
    written(&Persons::Postcode {
        postcode: place.postcode().expose(),
        huisnummer: place.house_number(),
        huisletter: is_letter.then_some(letter),
        huisnummertoevoeging: is_addition.then_some(addition),
        gemeente_van_inschrijving: within.as_ref().map(MunicipalityCode::as_str),
        fields: &OF_A_RESIDENT,
    })
}

/// Who is registered at this object of the BAG, in this municipality or in any.
pub(crate) fn residents_of(object: &ObjectId, within: Option<MunicipalityCode>) -> Zeroizing<Vec<u8>> {
    written(&Persons::Object {
        adresseerbaar_object_identificatie: object.as_str(),
        gemeente_van_inschrijving: within.as_ref().map(MunicipalityCode::as_str),
        fields: &OF_A_PERSON,
    })
}

/// Who lived at this object of the BAG on that day. Bewoning takes no choice of fields.
pub(crate) fn occupants(object: &ObjectId, on: Date) -> Zeroizing<Vec<u8>> {
    written(&Occupancy::BewoningMetPeildatum {
        peildatum: on,
        adresseerbaar_object_identificatie: object.as_str(),
    })
}

/// Where a child of this name and date of birth is registered, in this municipality or in any.
pub(crate) fn registered(child: &Child, within: Option<MunicipalityCode>) -> Zeroizing<Vec<u8>> {
    written(&Persons::Name {
        geslachtsnaam: without_prefix(child),
        geboortedatum: child.date_of_birth.expose(),
        gemeente_van_inschrijving: within.as_ref().map(MunicipalityCode::as_str),
        fields: &OF_A_PERSON,
    })
}

/// The surname as the BRP keeps it: what stands before it is a field of its own there, in whichever the police wrote it.
fn without_prefix(child: &Child) -> &str {
    let whole = child.surname.expose();
    if child.prefix.as_ref().is_some_and(|prefix| !PersonalText::is_empty(prefix)) {
        return whole;
    }
    let mut left = whole;
    while let Some((word, rest)) = left.split_once(' ')
        && is_prefix(word)
    {
        left = rest.trim_start();
    }
    left
}

/// How the line of this address ends: number, letter and addition, without spaces and hyphens.
pub(crate) fn designation(place: &Place) -> Zeroizing<String> {
    let mut text = Zeroizing::new(String::with_capacity(64));
    text.push_str(&place.house_number().to_string());
    for part in [place.house_letter(), place.addition()] {
        text.extend(part.expose().chars().filter(|sign| *sign != '-'));
    }
    text
}

/// Whether a line of an address, as in `Cronus 555 B73c`, ends as this one is designated. What stands *opposite* or *beside* a
/// number is another address.
pub(crate) fn is_there(line: &PersonalText, designation: &str) -> bool {
    let line = line.expose();
    let mut before = "";
    for (at, _) in
        line.char_indices().filter(|(at, _)| *at == 0 || line.as_bytes().get(at - 1) == Some(&b' '))
    {
        let rest = line.get(at..).unwrap_or_default();
        let beside = before.eq_ignore_ascii_case("bij") || before.eq_ignore_ascii_case("t/o");
        let ends = rest.chars().filter(|sign| *sign != ' ' && *sign != '-').flat_map(char::to_uppercase);
        if ends.eq(designation.chars()) {
            return !beside;
        }
        before = rest.split(' ').next().unwrap_or_default();
    }
    false
}

fn written(question: &impl Serialize) -> Zeroizing<Vec<u8>> {
    let mut bytes = Zeroizing::new(Vec::with_capacity(QUESTION_BYTES));
    // Strings, numbers and dates always go into memory; were they not to, an empty question is refused.
    if serde_json::to_writer(&mut *bytes, question).is_err() {
        bytes.clear();
    }
    bytes
}

#[cfg(test)]
mod tests {
    use hwc_schemas::{person::DateOfBirth, report::Address};
    use serde_json::{Value, json};

    use super::*;

    fn address(letter: &str, addition: &str) -> Address {
        Address::new("5038 aa", 2, letter, addition, None).unwrap()
    }

    fn read(question: &[u8]) -> Value {
        serde_json::from_slice(question).unwrap()
    }

    #[test]
    fn only_what_a_look_up_needs_is_asked_for_and_never_a_citizen_service_number() {
        let within = MunicipalityCode::parse("0855").ok();
        let question = read(&residents(address("a", "iii").place(), within));
        assert_eq!(
            question,
            json!({"type": "ZoekMetPostcodeEnHuisnummer", "postcode": "5038AA", "huisnummer": 2, "huisletter": "A",
                "huisnummertoevoeging": "III", "gemeenteVanInschrijving": "0855",
                "fields": ["naam.voornamen", "naam.voorvoegsel", "naam.geslachtsnaam", "geboorte.datum",
                    "adresseringBinnenland.adresregel1"]})
        );
        let object = ObjectId::parse("0855010000000001").unwrap();
        let child =
            Child::new("Sem", None, "van den Berg", DateOfBirth::parse("2014-09-30").unwrap()).unwrap();
        let day = "2026-11-18".parse().unwrap();
        for question in [residents_of(&object, None), occupants(&object, day), registered(&child, within)] {
            assert!(!String::from_utf8_lossy(&question).contains("burgerservicenummer"));
        }
        assert_eq!(
            read(&occupants(&object, day)),
            json!({"type": "BewoningMetPeildatum", "peildatum": "2026-11-18",
                "adresseerbaarObjectIdentificatie": "0855010000000001"})
        );
        assert_eq!(read(&registered(&child, None))["geslachtsnaam"], "Berg");
    }

    #[test]
    fn what_the_brp_would_refuse_of_an_address_is_left_out_of_the_question() {
        for (letter, addition) in [("AB", "BOVEN"), ("1", "2½"), ("", "")] {
            let question = read(&residents(address(letter, addition).place(), None));
            assert!(question.get("huisletter").is_none() && question.get("huisnummertoevoeging").is_none());
        }
    }

    #[test]
    fn the_line_of_an_address_tells_neighbours_apart() {
        let line = |text: &str| PersonalText::new("line", text, 40).unwrap();
        for (text, letter, addition, there) in [
            ("Borgesiusstraat 2", "", "", true),
            ("Borgesiusstraat 2 a", "A", "", true),
            ("Borgesiusstraat 2 A", "", "", false),
            ("Daniël Stalpertstraat 2 III", "", "III", true),
            ("Daniël Stalpertstraat 2 III", "", "", false),
            ("Atatürkstraat 2-2", "", "2", true),
            ("Cronus 2 B73c", "B", "73C", true),
            ("Laan 1945 2", "", "", true),
            ("Laan 2 12", "", "", false),
            ("1e Exloërmond t/o 2", "", "", false),
            ("Graan voor Visch bij 2", "", "", false),
            ("", "", "", false),
        ] {
            let address = address(letter, addition);
            assert_eq!(is_there(&line(text), &designation(address.place())), there, "{text}");
        }
    }
}
