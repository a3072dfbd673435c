//! What was read of a message so far, and the report that comes of it.

use hwc_schemas::{
    person::{Child, FieldError},
    report::{Address, Kind, Mention, MunicipalityCode, Occurred, Presence, Relation, Report},
};
use jiff::{Timestamp, civil::Date, tz::TimeZone};
use zeroize::Zeroizing;

use super::{
    dates::{Born, Known, moment, whole},
    paths::{Element, KINDS, ROLES},
};
use crate::{
    Refused, Submission,
    fields::{Bad, bad, in_range, reference, word},
    reports::{SENDER_CHARS_MAX, TOO_MANY_CHILDREN},
};

/// Most people whom one message may name, grown-ups included.
pub(super) const INVOLVED_MAX: usize = 1_000;

const TWICE: &str = "stands there twice";
const MISSING: &str = "is missing";

/// A value that is wiped when dropped; none until it was read.
type Text = Option<Zeroizing<String>>;

/// What was read so far.
#[derive(Default)]
pub(super) struct Collected {
    organisation: Text,
    application: Text,
    reference: Option<String>,
    sent_at: Option<Timestamp>,
    incidents: usize,
    incident_line: usize,
    day: Option<Date>,
    kind: Option<Kind>,
    place: Option<Parts>,
    /// How many stood there so far, whoever they are.
    involved: usize,
    children: Vec<Person>,
    passed_over: usize,
    /// The one who is being read.
    person: Option<Person>,
}

/// Somebody, as read.
#[derive(Default)]
struct Person {
    line: usize,
    /// Which of those involved, from 1.
    number: usize,
    is_a_child: Option<bool>,
    presence: Option<Presence>,
    persons: usize,
    given_names: Text,
    prefix: Text,
    surname: Text,
    born: Option<Born>,
    home: Option<Parts>,
}

/// The parts of an address.
#[derive(Default)]
struct Parts {
    postcode: Text,
    number: Text,
    letter: Text,
    addition: Text,
    municipality: Text,
}

impl Parts {
    fn address(&self) -> Result<Address, FieldError> {
        let text = |text: &Text| -> Zeroizing<String> { text.clone().unwrap_or_default() };
        let field = |field, problem| FieldError { field, problem };
        let number = self.number.as_ref().ok_or(field("huisnummer", MISSING))?;
        let number =
            number.parse().map_err(|_| field("huisnummer", "is not a whole number from 1 to 99999"))?;
        let municipality = text(&self.municipality);
        let municipality =
            (!municipality.is_empty()).then(|| MunicipalityCode::parse(&municipality)).transpose();
        let ours = |error: FieldError| field(of_the_message(error.field), error.problem);
        Address::new(
            &text(&self.postcode),
            number,
            &text(&self.letter),
            &text(&self.addition),
            municipality.map_err(ours)?,
        )
        .map_err(ours)
    }
}

/// A field as the message calls it.
fn of_the_message(field: &'static str) -> &'static str {
    match field {
        "given_names" => "voornamen",
        "prefix" => "voorvoegselGeslachtsnaam",
        "surname" => "geslachtsnaam",
        "house_number" => "huisnummer",
        "house_letter" => "huisletter",
        "addition" => "huisnummertoevoeging",
        "municipality" => "gemeenteCode",
        other => other,
    }
}

/// Keeps a value that may stand there once.
fn once<T>(place: &mut Option<T>, value: T) -> Result<(), &'static str> {
    if place.replace(value).is_some() { Err(TWICE) } else { Ok(()) }
}

impl Collected {
    /// How many people stood there so far.
    pub(super) const fn involved(&self) -> usize {
        self.involved
    }

    /// An element begins.
    pub(super) fn begin(&mut self, element: Element, line: usize) -> Result<(), &'static str> {
        match element {
            Element::Incident => {
                self.incidents += 1;
                self.incident_line = line;
                if self.incidents > 1 { Err("stands there twice: a message is one report") } else { Ok(()) }
            }
            Element::Place => once(&mut self.place, Parts::default()),
            Element::Involved => {
                self.involved += 1;
                self.person = Some(Person { line, number: self.involved, ..Person::default() });
                if self.involved > INVOLVED_MAX { Err("is one of too many") } else { Ok(()) }
            }
            Element::Person => {
                let persons = self.person.as_mut().map(|person| &mut person.persons);
                persons.map_or(Ok(()), |persons| {
                    *persons += 1;
                    if *persons > 1 { Err(TWICE) } else { Ok(()) }
                })
            }
            Element::Home => match &mut self.person {
                Some(person) => once(&mut person.home, Parts::default()),
                None => Ok(()),
            },
            _ => Ok(()),
        }
    }

    /// A value was read, below an element that is none.
    pub(super) fn value(
        &mut self,
        element: Element,
        within: Element,
        text: &str,
        known: Known,
    ) -> Result<(), &'static str> {
        let kept = || Zeroizing::new(text.to_owned());
        match element {
            Element::Organisation => return once(&mut self.organisation, kept()),
            Element::Application => return once(&mut self.application, kept()),
            Element::Reference => return once(&mut self.reference, reference(text)?),
            Element::SentAt => {
                let zone =
                    TimeZone::get("Europe/Amsterdam").map_err(|_| "needs a time zone that is not there")?;
                let read = moment(text, &zone).filter(|moment| in_range(*moment));
                return once(&mut self.sent_at, read.ok_or("is not a time written YYYYMMDDhhmmss")?);
            }
            Element::Day => {
                if known != Known::Whole {
                    return Err("is not complete, and a child's age depends on it");
                }
                return once(&mut self.day, whole(text).ok_or("is not a date written YYYYMMDD")?);
            }
            Element::Kind => return once(&mut self.kind, word(text, KINDS)?),
            _ => {}
        }
        let parts = if within == Element::Place {
            self.place.as_mut()
        } else {
            self.person.as_mut().and_then(|person| person.home.as_mut())
        };
        if let Some(parts) = parts {
            match element {
                Element::Postcode => return once(&mut parts.postcode, kept()),
                Element::HouseNumber => return once(&mut parts.number, kept()),
                Element::HouseLetter => return once(&mut parts.letter, kept()),
                Element::Addition => return once(&mut parts.addition, kept()),
                Element::Municipality => return once(&mut parts.municipality, kept()),
                _ => {}
            }
        }
        let Some(person) = &mut self.person else { return Ok(()) };
        match element {
            Element::Role => once(&mut person.is_a_child, ROLES.contains(&text)),
            Element::Presence => {
                once(&mut person.presence, word(text, &[("J", Presence::Present), ("N", Presence::Absent)])?)
            }
            Element::GivenNames => once(&mut person.given_names, kept()),
            Element::Prefix => once(&mut person.prefix, kept()),
            Element::Surname => once(&mut person.surname, kept()),
            Element::Born => {
                // Whoever turns out to be no child of the family may have any date.
                let read = Born::read(text, known);
                if person.is_a_child == Some(true) || read.is_ok() {
                    once(&mut person.born, read?)
                } else {
                    once(&mut person.born, Born::Unknown)
                }
            }
            _ => Ok(()),
        }
    }

    /// An element ends that is no value.
    pub(super) fn end(&mut self, element: Element) -> Result<(), &'static str> {
        if element == Element::Involved
            && let Some(person) = self.person.take()
        {
            if person.is_a_child != Some(true) {
                self.passed_over += 1;
            } else if self.children.len() >= Report::MENTIONS_MAX {
                return Err(TOO_MANY_CHILDREN);
            } else {
                self.children.push(person);
            }
        }
        Ok(())
    }

    /// The report, when everything was read.
    pub(super) fn submission(self) -> Result<Submission, Refused> {
        let line = self.incident_line.max(1);
        let at = |line| move |Bad { field, problem }: Bad| Refused { line, field, problem };
        let missing = |field: &str| Refused { line, field: field.to_owned(), problem: MISSING };
        let organisation = self.organisation.filter(|text| !text.is_empty());
        let organisation = organisation.ok_or_else(|| missing("stuurgegevens/zender/organisatie"))?;
        let application = self.application.as_ref().map_or("", |text| text.as_str());
        let sender = format!("{}/{application}", organisation.as_str());
        if sender.chars().count() > SENDER_CHARS_MAX || sender.chars().any(char::is_control) {
            return Err(at(1)(bad("stuurgegevens/zender", "is too long, or holds a control character")));
        }
        let report_id = self.reference.ok_or_else(|| missing("stuurgegevens/referentienummer"))?;
        let reported_at = self.sent_at.ok_or_else(|| missing("stuurgegevens/tijdstipBericht"))?;
        if self.incidents == 0 {
            return Err(missing("object"));
        }
        let day = self.day.ok_or_else(|| missing("object/datumIncident"))?;
        let kind = self.kind.ok_or_else(|| missing("object/soortMelding"))?;
        let place = self.place.ok_or_else(|| missing("object/adresIncident"))?;
        let address = place
            .address()
            .map_err(|error| at(line)(bad(format!("object/adresIncident/{}", error.field), error.problem)))?;
        let (mut mentions, mut not_named, mut passed_over) = (Vec::new(), Vec::new(), self.passed_over);
        for person in self.children {
            match person.mention(day, &address)? {
                Standing::Named(mention) => mentions.push(*mention),
                Standing::NotNamed(why) => not_named.push(why),
                Standing::GrownUp => passed_over += 1,
            }
        }
        let report = Report { reported_at, occurred: Occurred::On(day), kind, address, mentions };
        let submission = Submission::new(1, report_id, report);
        Ok(Submission { sender: Some(sender), not_named, passed_over, ..submission })
    }
}

/// What becomes of a child of the family.
enum Standing {
    Named(Box<Mention>),
    NotNamed(Refused),
    GrownUp,
}

const INCOMPLETE: &str = "is not complete, so nobody could tell whose child it is: it is not named. If it lives at the address, \
                          the register finds it; tell Veilig Thuis of it yourself";

impl Person {
    fn mention(self, day: Date, incident: &Address) -> Result<Standing, Refused> {
        let path = format!("object/betrokkene[{}]", self.number);
        let wrong =
            |field: &str, problem| Refused { line: self.line, field: format!("{path}/{field}"), problem };
        let born = self.born.unwrap_or(Born::Unknown);
        if !born.could_be_a_minor(day) {
            return Ok(Standing::GrownUp);
        }
        let Born::On(born) = born else {
            return Ok(Standing::NotNamed(wrong("natuurlijkPersoon/geboortedatum", INCOMPLETE)));
        };
        let text = |text: &Text| -> Zeroizing<String> { text.clone().unwrap_or_default() };
        let child =
            Child::new(&text(&self.given_names), Some(&text(&self.prefix)), &text(&self.surname), born);
        let child = child.map_err(|error| {
            wrong(&format!("natuurlijkPersoon/{}", of_the_message(error.field)), error.problem)
        })?;
        let lives_there = self
            .home
            .and_then(|home| home.address().ok())
            .is_some_and(|home| home.place() == incident.place());
        let relation = if lives_there { Relation::Resident } else { Relation::Family };
        // Who is not said to have been away counts as there: the reading that loses nobody (R7).
        let presence = self.presence.unwrap_or(Presence::Present);
        Ok(Standing::Named(Box::new(Mention { child, presence, relation })))
    }
}
