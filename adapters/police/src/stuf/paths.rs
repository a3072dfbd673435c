//! Which elements of a `vtMeldingDi01` are read, and what each is to us. Everything else is passed over while reading: nothing
//! of it is ever put into memory as a value.
//!
//! The normative schemas are not in this project. This table is what an integrator checks against them; `docs/police.md` shows
//! it, and a test keeps the two in step.

/// Whose word an element is, by its namespace and never by its prefix.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Space {
    /// SOAP, of either version.
    Soap,
    /// The message's own: StUF-Jeugdzorg.
    Message,
    /// StUF itself.
    Stuf,
    /// The message's own, or that of a sector's model: persons (BG) or cases (ZKN).
    Sector,
}

/// StUF-Jeugdzorg 1.0.
pub const MESSAGE: &str = "http://www.stufstandaarden.nl/koppelvlak/jz0100";
/// StUF 3.01.
pub const STUF: &str = "http://www.egem.nl/StUF/StUF0301";
/// The models of persons and of cases, StUF-BG and StUF-ZKN 3.10.
pub const SECTORS: [&str; 2] =
    ["http://www.egem.nl/StUF/sector/bg/0310", "http://www.egem.nl/StUF/sector/zkn/0310"];
/// SOAP 1.1 and 1.2.
pub const SOAPS: [&str; 2] =
    ["http://schemas.xmlsoap.org/soap/envelope/", "http://www.w3.org/2003/05/soap-envelope"];

impl Space {
    /// Whether a namespace is meant.
    pub fn is(self, uri: &str) -> bool {
        match self {
            Self::Soap => SOAPS.contains(&uri),
            Self::Message => uri == MESSAGE,
            Self::Stuf => uri == STUF,
            Self::Sector => uri == MESSAGE || SECTORS.contains(&uri),
        }
    }
}

/// What an element is to us.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Element {
    /// Above the root.
    Document,
    /// SOAP's.
    Envelope,
    /// SOAP's.
    Body,
    /// The report.
    Message,
    /// From whom, and under which reference.
    Control,
    /// From whom.
    Sender,
    /// The organisation.
    Organisation,
    /// Its system.
    Application,
    /// That system's reference.
    Reference,
    /// When it was sent.
    SentAt,
    /// What happened.
    Incident,
    /// The day.
    Day,
    /// What kind of incident.
    Kind,
    /// Where.
    Place,
    /// Of an address.
    Postcode,
    /// Of an address.
    HouseNumber,
    /// Of an address.
    HouseLetter,
    /// Of an address.
    Addition,
    /// Of an address.
    Municipality,
    /// Somebody who had to do with it.
    Involved,
    /// As what.
    Role,
    /// Whether it was there.
    Presence,
    /// Who.
    Person,
    /// Of a person.
    GivenNames,
    /// Of a person.
    Prefix,
    /// Of a person.
    Surname,
    /// Of a person.
    Born,
    /// Where a person lives.
    Home,
}

/// One way down: below which element, whose word, which word, and what that is.
pub type Path = (Element, Space, &'static str, Element);

/// Every way down that is read.
pub const PATHS: &[Path] = {
    use Element::{
        Addition, Application, Body, Born, Control, Day, Document, Envelope, GivenNames, Home, HouseLetter,
        HouseNumber, Incident, Involved, Kind, Message, Municipality, Organisation, Person, Place, Postcode,
        Prefix, Presence, Reference, Role, Sender, SentAt, Surname,
    };
    &[
        (Document, Space::Soap, "Envelope", Envelope),
        (Envelope, Space::Soap, "Body", Body),
        (Body, Space::Message, "vtMeldingDi01", Message),
        (Document, Space::Message, "vtMeldingDi01", Message),
        (Message, Space::Message, "stuurgegevens", Control),
        (Control, Space::Stuf, "zender", Sender),
        (Sender, Space::Stuf, "organisatie", Organisation),
        (Sender, Space::Stuf, "applicatie", Application),
        (Control, Space::Stuf, "referentienummer", Reference),
        (Control, Space::Stuf, "tijdstipBericht", SentAt),
        (Message, Space::Message, "object", Incident),
        (Incident, Space::Sector, "datumIncident", Day),
        (Incident, Space::Sector, "soortMelding", Kind),
        (Incident, Space::Sector, "adresIncident", Place),
        (Place, Space::Sector, "postcode", Postcode),
        (Place, Space::Sector, "huisnummer", HouseNumber),
        (Place, Space::Sector, "huisletter", HouseLetter),
        (Place, Space::Sector, "huisnummertoevoeging", Addition),
        (Place, Space::Sector, "gemeenteCode", Municipality),
        (Incident, Space::Sector, "betrokkene", Involved),
        (Involved, Space::Sector, "rol", Role),
        (Involved, Space::Sector, "indAanwezig", Presence),
        (Involved, Space::Sector, "natuurlijkPersoon", Person),
        (Person, Space::Sector, "voornamen", GivenNames),
        (Person, Space::Sector, "voorvoegselGeslachtsnaam", Prefix),
        (Person, Space::Sector, "geslachtsnaam", Surname),
        (Person, Space::Sector, "geboortedatum", Born),
        (Person, Space::Sector, "verblijfsadres", Home),
        (Home, Space::Sector, "postcode", Postcode),
        (Home, Space::Sector, "aoa.postcode", Postcode),
        (Home, Space::Sector, "huisnummer", HouseNumber),
        (Home, Space::Sector, "aoa.huisnummer", HouseNumber),
        (Home, Space::Sector, "huisletter", HouseLetter),
        (Home, Space::Sector, "aoa.huisletter", HouseLetter),
        (Home, Space::Sector, "huisnummertoevoeging", Addition),
        (Home, Space::Sector, "aoa.huisnummertoevoeging", Addition),
    ]
};

/// The roles that are read: the child whom the report is about, and its brothers and sisters. Whoever has another is passed
/// over.
pub const ROLES: [&str; 5] = ["301", "121", "122", "221", "222"];

/// What the message calls the kinds of incidents.
pub const KINDS: &[(&str, hwc_schemas::report::Kind)] = &[
    ("huiselijk geweld", hwc_schemas::report::Kind::DomesticViolence),
    ("kindermishandeling", hwc_schemas::report::Kind::ChildAbuse),
    ("overig", hwc_schemas::report::Kind::Other),
];

impl Element {
    /// What an element below this one is; none if it is not read.
    pub fn below(self, uri: &str, name: &str) -> Option<Self> {
        let path =
            PATHS.iter().find(|(above, space, word, _)| *above == self && *word == name && space.is(uri));
        path.map(|(_, _, _, below)| *below)
    }

    /// Whether its text is a value that is read.
    pub const fn is_value(self) -> bool {
        use Element as E;
        !matches!(
            self,
            E::Document
                | E::Envelope
                | E::Body
                | E::Message
                | E::Control
                | E::Sender
                | E::Incident
                | E::Place
                | E::Involved
                | E::Person
                | E::Home
        )
    }

    /// The element's own word, as errors say it.
    pub fn word(self) -> &'static str {
        PATHS.iter().find(|(_, _, _, below)| *below == self).map_or("(message)", |(_, _, word, _)| word)
    }
}
