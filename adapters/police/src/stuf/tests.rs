use hwc_schemas::report::{Kind, Occurred, Presence, Relation};

use super::*;

const FAMILY: &str = include_str!("../../samples/family.xml");
const PARTIAL: &str = include_str!("../../samples/partial-date.xml");
const ENVELOPE: &str = include_str!("../../samples/other-prefixes.xml");

fn refused(text: &str) -> String {
    let Err(refused) = read(text.as_bytes()) else { panic!("it was taken") };
    let said = refused.to_string();
    assert!(!said.contains("Voorbeeld") && !said.contains("2016"), "content shown: {said}");
    said
}

fn mutated(from: &str, to: &str) -> String {
    let text = FAMILY.replacen(from, to, 1);
    assert_ne!(text, FAMILY, "{from} is not there");
    text
}

fn taken(text: &str) -> Submission {
    read(text.as_bytes()).unwrap_or_else(|refused| panic!("{refused}"))
}

#[test]
fn a_message_is_read_by_its_needed_elements_and_nobody_but_the_children_is_named() {
    let read = taken(FAMILY);
    assert_eq!(read.sender.as_deref(), Some("00000099000000001000/BVH"));
    assert_eq!(read.report_id, "PL2000-2026-000123");
    let report = &read.report;
    assert_eq!(report.reported_at.to_string(), "2026-11-19T05:45:00.123Z");
    assert_eq!(report.occurred, Occurred::On(jiff::civil::date(2026, 11, 18)));
    assert!(report.kind == Kind::DomesticViolence);
    assert_eq!(report.address.municipality.unwrap().as_str(), "0855");
    let mentions: Vec<_> = report
        .mentions
        .iter()
        .map(|mention| {
            let prefix = mention.child.prefix.as_ref().map_or("", |prefix| prefix.expose());
            let words =
                format!("{} {prefix} {}", mention.child.given_names.expose(), mention.child.surname.expose());
            (words, mention.presence == Presence::Present, mention.relation == Relation::Resident)
        })
        .collect();
    let expected = [
        ("Noor & Zo\u{eb} van der Voorbeeld", true, true),
        ("Daan van der Voorbeeld", false, true),
        ("Evi  Voorbeeld", true, false),
    ];
    assert!(mentions == expected.map(|(words, present, resident)| (words.to_owned(), present, resident)));
    // Two grown-ups, a grown-up brother and a friend.
    assert_eq!((read.passed_over, read.not_named.len()), (4, 0));
}

#[test]
fn a_namespace_is_known_by_its_address_and_not_by_its_prefix() {
    let (one, other) = (taken(FAMILY), taken(ENVELOPE));
    assert!(one.report == other.report && one.sender == other.sender && one.report_id == other.report_id);
    let strange = FAMILY.replace("koppelvlak/jz0100", "koppelvlak/jz0200");
    assert!(refused(&strange).contains("is no vtMeldingDi01"), "{}", refused(&strange));
}

#[test]
fn a_child_whose_age_nobody_can_tell_is_not_named_and_is_pointed_at() {
    let read = taken(PARTIAL);
    assert_eq!(read.report.mentions.len(), 1, "who could be told stays");
    let places: Vec<_> = read.not_named.iter().map(|one| one.field.as_str()).collect();
    assert_eq!(
        places,
        [
            "object/betrokkene[2]/natuurlijkPersoon/geboortedatum",
            "object/betrokkene[3]/natuurlijkPersoon/geboortedatum"
        ]
    );
    assert!(read.not_named[0].problem.contains("tell Veilig Thuis"));
    // Born in a year in which nobody under age is born.
    assert_eq!(read.passed_over, 1);
}

#[test]
fn what_a_message_does_not_say_of_presence_counts_as_there() {
    let text = FAMILY.replace("<jz:indAanwezig>N</jz:indAanwezig>", "");
    assert!(taken(&text).report.mentions.iter().all(|one| one.presence == Presence::Present));
}

#[test]
fn what_is_broken_is_named_by_line_and_path_and_not_shown() {
    let cases = [
        ("PL2000-2026-000123", "", "stuurgegevens/referentienummer: is empty or too long"),
        ("20261119064500123", "2026-11-19T06:45", "stuurgegevens/tijdstipBericht: is not a time"),
        ("<jz:datumIncident>20261118", "<jz:datumIncident>20261318", "object/datumIncident: is not a date"),
        (
            "<jz:datumIncident>",
            "<jz:datumIncident StUF:indOnvolledigeDatum=\"D\">",
            "object/datumIncident: is not complete",
        ),
        ("<jz:datumIncident>20261118</jz:datumIncident>", "", "object/datumIncident: is missing"),
        (">huiselijk geweld<", ">Voorbeeld<", "object/soortMelding: is none of the words"),
        ("<BG:postcode>5038AA<", "<BG:postcode>Voorbeeld<", "object/adresIncident/postcode: is"),
        (
            "<BG:huisnummer>12<",
            "<BG:huisnummer>twaalf<",
            "object/adresIncident/huisnummer: is not a whole number",
        ),
        ("<jz:indAanwezig>N<", "<jz:indAanwezig>misschien<", "object/betrokkene[3]/indAanwezig: is none"),
        (">20160203<", ">20161345<", "object/betrokkene[2]/natuurlijkPersoon/geboortedatum: is not a date"),
        (">Daan<", ">Daan 111222333<", "object/betrokkene[3]/natuurlijkPersoon/voornamen: holds a citizen"),
        (
            "<BG:geslachtsnaam>Voorbeeld</BG:geslachtsnaam>\n          <BG:voorvoegsel",
            "<BG:voorvoegsel",
            "object/betrokkene[2]/natuurlijkPersoon/geslachtsnaam: holds no letter",
        ),
    ];
    for (from, to, words) in cases {
        let said = refused(&mutated(from, to));
        assert!(said.contains(words), "{said} is not: {words}");
        assert!(said.starts_with("line ") && !said.starts_with("line 0"), "{said}");
    }
}

#[test]
fn a_second_incident_root_or_value_is_refused() {
    let object = &FAMILY[FAMILY.find("<jz:object").unwrap()..FAMILY.find("</jz:vtMeldingDi01").unwrap()];
    assert!(
        refused(&mutated("</jz:vtMeldingDi01>", &format!("{object}</jz:vtMeldingDi01>")))
            .contains("a message is one report")
    );
    assert!(refused(&format!("{FAMILY}<a/>")).contains("has two roots"));
    let twice = mutated("<jz:soortMelding>", "<jz:soortMelding>overig</jz:soortMelding><jz:soortMelding>");
    assert!(refused(&twice).contains("object/soortMelding: stands there twice"));
}

#[test]
fn document_types_entities_depth_and_size_are_refused() {
    let bomb = "<?xml version=\"1.0\"?><!DOCTYPE a [<!ENTITY b \"Voorbeeld\">]>";
    assert!(
        refused(&FAMILY.replacen("<?xml version=\"1.0\" encoding=\"UTF-8\"?>", bomb, 1))
            .contains("document type")
    );
    assert!(refused(&mutated(">Daan<", ">&b;<")).contains("voornamen: holds an entity"));
    assert!(refused(&mutated("encoding=\"UTF-8\"", "encoding=\"ISO-8859-1\"")).contains("another encoding"));
    let deep = format!("<jz:toelichting>{}", "<a>".repeat(DEPTH_MAX));
    assert!(refused(&mutated("<jz:toelichting>", &deep)).contains("too deep"));
    let many = format!("<jz:toelichting>{}", "<a/>".repeat(ELEMENTS_MAX));
    assert!(refused(&mutated("<jz:toelichting>", &many)).contains("too many elements"));
    let long = format!(">{}<", "a".repeat(VALUE_BYTES_MAX + 1));
    assert!(refused(&mutated(">Daan<", &long)).contains("voornamen: is too long"));
    assert!(refused(&" ".repeat(XML_BYTES_MAX + 1)).contains("larger than 1 MiB"));
    assert!(refused("").contains("ends before its end"));
    let latin: Vec<u8> = FAMILY
        .replace("&#235;", "\u{eb}")
        .chars()
        .map(|c| u8::try_from(u32::from(c)).unwrap_or(b'?'))
        .collect();
    assert!(read(&latin).err().unwrap().to_string().contains("is not UTF-8"));
}

#[test]
fn free_text_may_be_anything_and_is_never_a_value() {
    for free in
        ["111222333 Voorbeeld", "&onbekend;", "<![CDATA[<jz:rol>301</jz:rol>]]>", "<jz:rol>301</jz:rol>"]
    {
        let text = mutated("<jz:toelichting>", &format!("<jz:toelichting>{free}"));
        assert!(taken(&text).report == taken(FAMILY).report, "{free}");
    }
    let hidden = "<jz:toelichting><jz:object><jz:datumIncident>20200101</jz:datumIncident></jz:object>";
    assert!(taken(&mutated("<jz:toelichting>", hidden)).report == taken(FAMILY).report);
}

#[test]
fn the_page_for_integrators_names_every_path_and_every_role() {
    let page = include_str!("../../../../docs/police.md");
    for (above, _, word, element) in paths::PATHS {
        let line = page.lines().find(|line| line.starts_with('|') && line.contains(&format!("`{word}`")));
        assert!(line.is_some(), "{word} below {above:?} ({element:?}) is not on the page");
    }
    for role in paths::ROLES {
        assert!(page.contains(role), "{role}");
    }
    for uri in [paths::MESSAGE, paths::STUF].into_iter().chain(paths::SECTORS) {
        assert!(page.contains(uri), "{uri}");
    }
    for (word, _) in paths::KINDS {
        assert!(page.contains(word), "{word}");
    }
}
