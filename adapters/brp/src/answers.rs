//! What the BRP answers, read straight into types that cannot be printed. What was not asked for, and the citizen service
//! number that Bewoning sends all the same, is passed over without becoming a value.

use std::{borrow::Cow, ops::Deref};

use hwc_casework::household::{Doubt, Incomplete, Member};
use hwc_schemas::person::{Child, DateOfBirth, PersonalText, civil_date};
use jiff::civil::{Date, date};
use serde::{Deserialize, de::IgnoredAny};
use zeroize::Zeroize as _;

use crate::{Failure, full_name};

/// Most people in one answer.
pub(crate) const PEOPLE_MAX: usize = 200;

/// Somebody, as an answer tells of them.
pub(crate) struct Resident {
    given_names: Option<PersonalText>,
    prefix: Option<PersonalText>,
    surname: Option<PersonalText>,
    first: DateOfBirth,
    last: DateOfBirth,
    /// The line of the address, where it was asked for.
    pub(crate) line: Option<PersonalText>,
    doubt: Option<Doubt>,
}

/// Who lived at an object.
pub(crate) struct Occupants {
    /// Those for certain and those perhaps.
    pub(crate) people: Vec<Resident>,
    /// Whether there are more than the API gives.
    pub(crate) many: bool,
}

/// A text of an answer: lent by the answer's bytes, which are wiped, where it stands there as it is; a copy that is wiped when
/// dropped where it was written in another way. (An optional text without a type of its own would always be a copy.)
#[derive(Deserialize)]
struct Text<'a>(#[serde(borrow)] Cow<'a, str>);

impl Deref for Text<'_> {
    type Target = str;
    fn deref(&self) -> &str {
        &self.0
    }
}

impl Drop for Text<'_> {
    fn drop(&mut self) {
        if let Cow::Owned(text) = &mut self.0 {
            text.zeroize();
        }
    }
}

#[derive(Deserialize)]
struct Persons<'a> {
    #[serde(borrow)]
    personen: Vec<Person<'a>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Person<'a> {
    #[serde(borrow)]
    naam: Option<Name<'a>>,
    #[serde(borrow)]
    geboorte: Option<Birth<'a>>,
    #[serde(borrow)]
    adressering: Option<Addressing<'a>>,
    geheimhouding_persoonsgegevens: Option<bool>,
    in_onderzoek: Option<IgnoredAny>,
    #[serde(borrow)]
    opschorting_bijhouding: Option<Suspended<'a>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Name<'a> {
    #[serde(borrow)]
    voornamen: Option<Text<'a>>,
    #[serde(borrow)]
    voorvoegsel: Option<Text<'a>>,
    #[serde(borrow)]
    geslachtsnaam: Option<Text<'a>>,
    #[serde(borrow)]
    volledige_naam: Option<Text<'a>>,
    in_onderzoek: Option<IgnoredAny>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Birth<'a> {
    #[serde(borrow)]
    datum: Option<PartialDate<'a>>,
    in_onderzoek: Option<IgnoredAny>,
}

/// A date in one of the four forms, by the field `type`.
#[derive(Deserialize)]
struct PartialDate<'a> {
    #[serde(rename = "type", borrow)]
    form: Text<'a>,
    #[serde(borrow)]
    datum: Option<Text<'a>>,
    jaar: Option<i16>,
    maand: Option<i8>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Addressing<'a> {
    #[serde(borrow)]
    adresregel1: Option<Text<'a>>,
    indicatie_vastgesteld_verblijft_niet_op_adres: Option<bool>,
    in_onderzoek: Option<IgnoredAny>,
}

#[derive(Deserialize)]
struct Suspended<'a> {
    #[serde(borrow)]
    reden: Option<Reason<'a>>,
}

#[derive(Deserialize)]
struct Reason<'a> {
    #[serde(borrow)]
    code: Option<Text<'a>>,
}

#[derive(Deserialize)]
struct Occupancies<'a> {
    #[serde(borrow)]
    bewoningen: Vec<Occupancy<'a>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Occupancy<'a> {
    #[serde(borrow, default)]
    bewoners: Vec<Occupant<'a>>,
    #[serde(borrow, default)]
    mogelijke_bewoners: Vec<Occupant<'a>>,
    indicatie_veel_bewoners: Option<bool>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Occupant<'a> {
    #[serde(borrow)]
    naam: Option<Name<'a>>,
    #[serde(borrow)]
    geboorte: Option<Birth<'a>>,
    geheimhouding_persoonsgegevens: Option<bool>,
    in_onderzoek: Option<bool>,
}

/// Reads an answer of Personen.
pub(crate) fn residents(bytes: &[u8]) -> Result<Vec<Resident>, Failure> {
    let read: Persons<'_> = serde_json::from_slice(bytes).map_err(|_| Failure::NotUnderstood)?;
    if read.personen.len() > PEOPLE_MAX {
        return Err(Failure::TooLarge);
    }
    Ok(read.personen.into_iter().filter(|person| !person.is_gone()).map(Resident::from).collect())
}

/// Reads an answer of Bewoning.
pub(crate) fn occupants(bytes: &[u8]) -> Result<Occupants, Failure> {
    let read: Occupancies<'_> = serde_json::from_slice(bytes).map_err(|_| Failure::NotUnderstood)?;
    let mut people = Vec::new();
    let mut many = false;
    for one in read.bewoningen {
        many |= one.indicatie_veel_bewoners == Some(true);
        people.extend(one.bewoners.into_iter().map(|one| one.into_resident(false)));
        people.extend(one.mogelijke_bewoners.into_iter().map(|one| one.into_resident(true)));
    }
    if people.len() > PEOPLE_MAX { Err(Failure::TooLarge) } else { Ok(Occupants { people, many }) }
}

impl Person<'_> {
    /// Died, or a list that is kept no more: nobody who lives there.
    fn is_gone(&self) -> bool {
        let reason = self.opschorting_bijhouding.as_ref().and_then(|one| one.reden.as_ref()?.code.as_deref());
        matches!(reason, Some("O" | "F" | "W"))
    }
}

impl From<Person<'_>> for Resident {
    fn from(person: Person<'_>) -> Self {
        let Person { naam, geboorte, adressering, in_onderzoek, .. } = person;
        let gone = adressering.as_ref().and_then(|one| one.indicatie_vastgesteld_verblijft_niet_op_adres);
        let investigated = [
            in_onderzoek.is_some(),
            naam.as_ref().is_some_and(|one| one.in_onderzoek.is_some()),
            geboorte.as_ref().is_some_and(|one| one.in_onderzoek.is_some()),
            adressering.as_ref().is_some_and(|one| one.in_onderzoek.is_some()),
        ];
        let doubt = weightiest([
            (person.geheimhouding_persoonsgegevens == Some(true), Doubt::Secret),
            (gone == Some(true), Doubt::LivesElsewhere),
            (investigated.contains(&true), Doubt::UnderInvestigation),
        ]);
        let name = |part: Option<Text<'_>>| part.and_then(|part| text(&part));
        let (given_names, prefix, surname) = naam.map_or((None, None, None), |naam| {
            // Somebody with one name has it as the surname, and no given name.
            let given = naam.voornamen.as_deref().unwrap_or_default();
            (text(given), name(naam.voorvoegsel), name(naam.geslachtsnaam).filter(is_a_name))
        });
        let (first, last) = span(geboorte.as_ref());
        let line = adressering.and_then(|one| one.adresregel1).and_then(|line| text(&line));
        Self { given_names, prefix, surname, first, last, line, doubt }
    }
}

impl Occupant<'_> {
    fn into_resident(self, possible: bool) -> Resident {
        let whole = self.naam.and_then(|name| name.volledige_naam);
        let parts = whole.as_deref().and_then(full_name::told_apart);
        let (given_names, prefix, surname) = parts.map_or((None, None, None), |(given, prefix, surname)| {
            (text(given), text(prefix).filter(|prefix| !prefix.is_empty()), text(surname).filter(is_a_name))
        });
        let (first, last) = span(self.geboorte.as_ref());
        let doubt = weightiest([
            (self.geheimhouding_persoonsgegevens == Some(true), Doubt::Secret),
            (possible, Doubt::Possible),
            (self.in_onderzoek == Some(true), Doubt::UnderInvestigation),
        ]);
        Resident { given_names, prefix, surname, first, last, line: None, doubt }
    }
}

impl Resident {
    /// A member of the household, if name and date of birth are known, and else somebody of whom they are not.
    pub(crate) fn into_member(self) -> Result<Member, Incomplete> {
        let Self { given_names, prefix, surname, first, last, doubt, .. } = self;
        match (given_names, surname) {
            (Some(given_names), Some(surname)) if first == last => {
                let person = Child { given_names, prefix, surname, date_of_birth: first };
                Ok(Member { person, doubt })
            }
            (given_names, surname) => Err(Incomplete { given_names, prefix, surname, first, last }),
        }
    }
}

fn weightiest<const N: usize>(doubts: [(bool, Doubt); N]) -> Option<Doubt> {
    doubts.into_iter().find_map(|(is, doubt)| is.then_some(doubt))
}

/// None of what cannot be a name: too long, with control characters, or with a citizen service number in it.
fn text(text: &str) -> Option<PersonalText> {
    PersonalText::new("name", text, Child::NAME_CHARS_MAX).ok()
}

fn is_a_name(text: &PersonalText) -> bool {
    text.holds_a_letter_or_digit()
}

const EARLIEST: Date = date(1900, 1, 1);
const LATEST: Date = date(2199, 12, 31);

/// The days on which a birth can have been. What is not known in any of the four forms can have been on any.
fn span(birth: Option<&Birth<'_>>) -> (DateOfBirth, DateOfBirth) {
    let known = birth.and_then(|birth| birth.datum.as_ref()).and_then(PartialDate::span);
    let (first, last) = known.unwrap_or((EARLIEST, LATEST));
    (DateOfBirth::new(first), DateOfBirth::new(last))
}

impl PartialDate<'_> {
    fn span(&self) -> Option<(Date, Date)> {
        // Whoever was born before 1900 is no child, whenever it was.
        let year = self.jaar.map(|year| year.max(1900)).filter(|year| *year < 2200);
        match &*self.form {
            "Datum" => {
                let whole = self.datum.as_deref()?;
                let day = civil_date(whole).or_else(|| (whole < "1900-01-01").then_some(EARLIEST))?;
                Some((day, day))
            }
            "JaarMaandDatum" => {
                let first = Date::new(year?, self.maand?, 1).ok()?;
                Some((first, first.last_of_month()))
            }
            "JaarDatum" => {
                let first = Date::new(year?, 1, 1).ok()?;
                Some((first, first.last_of_year()))
            }
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use hwc_hostile::Trial;

    use super::*;

    fn person(more: &str) -> String {
        format!(
            r#"{{"type":"ZoekMetPostcodeEnHuisnummer","personen":[{{"burgerservicenummer":"999990524",
            "naam":{{"voornamen":"Sem","voorvoegsel":"van den","geslachtsnaam":"Berg"}}{more}}}]}}"#
        )
    }

    fn one(more: &str) -> Resident {
        residents(person(more).as_bytes()).unwrap().remove(0)
    }

    fn born(form: &str) -> (String, String) {
        let resident = one(&format!(r#","geboorte":{{"datum":{{{form},"langFormaat":"x"}}}}"#));
        (resident.first.expose().to_string(), resident.last.expose().to_string())
    }

    #[test]
    fn each_form_of_a_date_is_the_days_that_it_can_mean() {
        let days = |first: &str, last: &str| (first.to_owned(), last.to_owned());
        let any = days("1900-01-01", "2199-12-31");
        assert_eq!(born(r#""type":"Datum","datum":"2014-09-30""#), days("2014-09-30", "2014-09-30"));
        assert_eq!(
            born(r#""type":"JaarMaandDatum","jaar":2016,"maand":2"#),
            days("2016-02-01", "2016-02-29")
        );
        assert_eq!(born(r#""type":"JaarDatum","jaar":2015"#), days("2015-01-01", "2015-12-31"));
        assert_eq!(born(r#""type":"DatumOnbekend","onbekend":true"#), any);
        assert_eq!(born(r#""type":"Datum","datum":"1899-09-30""#), days("1900-01-01", "1900-01-01"));
        assert_eq!(born(r#""type":"Datum","datum":"2014-13-30""#), any);
        assert_eq!(born(r#""type":"JaarMaandDatum","jaar":2016,"maand":13"#), any);
        assert_eq!(born(r#""type":"JaarDatum""#), any);
        assert_eq!(born(r#""type":"Eeuw","jaar":2000"#), any);
    }

    #[test]
    fn a_text_is_copied_only_where_it_is_written_in_another_way() {
        let answer = r#"{"voornamen":"Sem","geslachtsnaam":"Sm\u00eft"}"#;
        let name: Name<'_> = serde_json::from_slice(answer.as_bytes()).unwrap();
        let is_lent = |text: &Option<Text<'_>>| matches!(text, Some(Text(Cow::Borrowed(_))));
        assert!(is_lent(&name.voornamen) && !is_lent(&name.geslachtsnaam));
        assert_eq!(name.geslachtsnaam.as_deref(), Some("Sm\u{ef}t"));
    }

    #[test]
    fn what_the_brp_says_beside_a_name_is_heeded() {
        let known = r#","geboorte":{"datum":{"type":"Datum","datum":"2014-09-30"}}"#;
        let doubt = |more: &str| {
            let member = one(&format!("{known}{more}")).into_member();
            member.ok().unwrap_or_else(|| panic!("incomplete")).doubt
        };
        assert_eq!(doubt(""), None);
        assert_eq!(doubt(r#","geheimhoudingPersoonsgegevens":true"#), Some(Doubt::Secret));
        assert_eq!(doubt(r#","geheimhoudingPersoonsgegevens":false"#), None);
        assert_eq!(doubt(r#","inOnderzoek":{"leeftijd":true}"#), Some(Doubt::UnderInvestigation));
        let there = r#","adressering":{"adresregel1":"Laan 2","inOnderzoek":{"adresregel1":true}}"#;
        assert_eq!(doubt(there), Some(Doubt::UnderInvestigation));
        let gone = r#","adressering":{"indicatieVastgesteldVerblijftNietOpAdres":true}"#;
        assert_eq!(doubt(gone), Some(Doubt::LivesElsewhere));
        let died = person(r#","opschortingBijhouding":{"reden":{"code":"O","omschrijving":"overlijden"}}"#);
        assert!(residents(died.as_bytes()).unwrap().is_empty());
    }

    #[test]
    fn occupants_are_told_apart_by_certainty_and_a_name_without_a_border_is_not_guessed() {
        let text = r#"{"bewoningen":[{"adresseerbaarObjectIdentificatie":"0855010000000001",
            "bewoners":[{"burgerservicenummer":"999990524","naam":{"volledigeNaam":"Sem van den Berg"},
              "geboorte":{"datum":{"type":"Datum","datum":"2014-09-30"}}},
              {"naam":{"volledigeNaam":"Maria Garcia Lopez"},"geboorte":{"datum":{"type":"Datum","datum":"2014-09-30"}}}],
            "mogelijkeBewoners":[{"naam":{"volledigeNaam":"Anna Smit"},
              "geboorte":{"datum":{"type":"Datum","datum":"2014-09-30"}}}]},
            {"indicatieVeelBewoners":true}]}"#;
        let found = occupants(text.as_bytes()).unwrap_or_else(|failure| panic!("{failure}"));
        assert!(found.many);
        let doubts: Vec<_> =
            found.people.into_iter().map(|one| one.into_member().ok().map(|member| member.doubt)).collect();
        assert_eq!(doubts, [Some(None), None, Some(Some(Doubt::Possible))]);
    }

    #[test]
    fn answers_withstand_hostile_input() {
        let said = |failure: Failure| Some(format!("{failure} {failure:?}"));
        let whole = person(r#","geboorte":{"datum":{"type":"JaarDatum","jaar":2015}}"#);
        let limits = hwc_hostile::Limits { bytes_per_byte: 100, bytes_anyway: 256 * 1024 };
        Trial::new([whole], |bytes: &[u8]| residents(bytes).err().and_then(said)).within(limits).withstands();
        let whole = r#"{"bewoningen":[{"bewoners":[{"naam":{"volledigeNaam":"Anna Smit"}}]}]}"#;
        let limits = hwc_hostile::Limits { bytes_per_byte: 100, bytes_anyway: 256 * 1024 };
        Trial::new([whole.to_owned()], |bytes: &[u8]| occupants(bytes).err().and_then(said))
            .within(limits)
            .withstands();
    }
}
