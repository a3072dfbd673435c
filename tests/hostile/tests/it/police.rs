//! What a system of the police delivers: CSV, StUF messages, and the tokens of whoever sends over HTTP.

use hwc_hostile::{CANARY, Trial};
use hwc_http::Clients;
use hwc_police::{
    Form,
    stuf::{DEPTH_MAX, ELEMENTS_MAX, XML_BYTES_MAX},
};

const FAMILY: &str = include_str!("../../../../adapters/police/samples/family.xml");
const OTHER: &str = include_str!("../../../../adapters/police/samples/other-prefixes.xml");
const PARTIAL: &str = include_str!("../../../../adapters/police/samples/partial-date.xml");
const HEADER: &str = "report_id,reported_at,occurred_at,kind,postcode,house_number,house_letter,addition,municipality,given_names,prefix,surname,date_of_birth,presence,relation";
const ROW: &str = "P-1,2026-11-19T06:45:00+01:00,2026-11-18,domestic_violence,5038AA,12,,,0855,Noor,,Smit,2016-02-03,present,resident";

/// The refusals of a file, the one that repeats anything first.
fn said(form: Form) -> impl Fn(&[u8]) -> Option<String> {
    move |bytes| {
        let (taken, refused) = form.read(bytes);
        let not_named = taken.iter().flat_map(|one| &one.not_named);
        let words = |one: &hwc_police::Refused| format!("{one} {one:?}");
        if let Some(repeated) = not_named.chain(&refused).map(words).find(|said| said.contains(CANARY)) {
            return Some(repeated);
        }
        refused.first().map(words)
    }
}

fn table() -> String {
    format!("{HEADER}\n{ROW}\n{}\n{}\n", ROW.replace("Noor", "Daan"), ROW.replace("P-1", "P-2"))
}

#[test]
fn a_message_withstands() {
    let trial = Trial::new([FAMILY, OTHER, PARTIAL], said(Form::Stuf));
    trial.withstands();
    let bomb = "<!DOCTYPE a [<!ENTITY a \"b\"><!ENTITY c \"&a;&a;&a;&a;\"><!ENTITY d \"&c;&c;&c;&c;\">]>";
    assert!(trial.says(FAMILY.replacen("<jz:vt", &format!("{bomb}<jz:vt"), 1).as_bytes()).is_some());
    let spoiled = [
        "<a>".repeat(100_000),
        "<a/>".repeat(100_000),
        format!("<a {}/>", "b=\"c\" ".repeat(50_000)),
        format!("<a {}/>", "xmlns:b=\"c\" ".repeat(50_000)),
        "&".repeat(100_000),
        "]]>".repeat(1_000),
        "\0".to_owned(),
    ];
    for middle in spoiled {
        trial.says(FAMILY.replacen("<jz:toelichting>", &format!("<jz:toelichting>{middle}"), 1).as_bytes());
    }
}

#[test]
fn a_message_costs_what_its_size_says() {
    let trial = Trial::new([FAMILY], said(Form::Stuf));
    // Free text, elements that nobody reads, elements that stand in each other, many who had to do with it.
    let stuffed = |open: &'static str, item: &'static str, close: &'static str| {
        move |bytes: usize| {
            let middle = format!("{open}{}{close}", item.repeat(bytes / item.len()));
            FAMILY.replacen("<jz:toelichting>", &format!("{middle}<jz:toelichting>"), 1).into_bytes()
        }
    };
    for (open, item, close) in [
        ("<jz:toelichting>", "a &amp; b ", "</jz:toelichting>"),
        ("<jz:toelichting>", "<b c=\"d\">e</b>", "</jz:toelichting>"),
        ("", "<jz:betrokkene><jz:rol>101</jz:rol></jz:betrokkene>", ""),
        ("", "<jz:soortMelding>", ""),
        ("<a ", "b=\"c\" ", "/>"),
        ("<a ", "xmlns:b=\"c\" ", "/>"),
    ] {
        trial.grows_linearly(16 * 1024, stuffed(open, item, close));
    }
    const { assert!(DEPTH_MAX < 1_000 && ELEMENTS_MAX < 1_000_000) };
    let large =
        FAMILY.replacen("<jz:toelichting>", &format!("<jz:toelichting>{}", "x".repeat(XML_BYTES_MAX)), 1);
    assert!(trial.says(large.as_bytes()).is_some_and(|said| said.contains("larger than")));
}

#[test]
fn a_table_of_reports_withstands_and_a_spoiled_line_spoils_only_its_neighbours() {
    let semicolons = format!("\u{feff}{}", table().replace(',', ";").replace('\n', "\r\n"));
    Trial::new([table(), semicolons], said(Form::Table)).withstands();
    let rows = |ids: &[&str]| -> String { ids.iter().map(|id| ROW.replace("P-1", id) + "\n").collect() };
    for line in [CANARY.to_owned(), ",".repeat(10_000), "\u{0}".to_owned(), "x".repeat(300_000)] {
        let text = format!("{HEADER}\n{}{line}\n{}", rows(&["A", "B"]), rows(&["C", "D"]));
        let (taken, refused) = Form::Table.read(text.as_bytes());
        let ids: Vec<_> = taken.iter().map(|one| one.report_id.as_str()).collect();
        assert_eq!((ids, refused.len()), (vec!["A", "D"], 3));
    }
}

#[test]
fn a_table_of_reports_costs_what_its_size_says() {
    let trial = Trial::new([table()], said(Form::Table));
    let rows = |row: &'static str| {
        move |bytes: usize| {
            let rows: String =
                (0..bytes / row.len()).map(|n| row.replace("P-1", &format!("P-{n}")) + "\n").collect();
            format!("{HEADER}\n{rows}").into_bytes()
        }
    };
    trial.grows_linearly(32 * 1024, rows(ROW));
    trial.grows_linearly(32 * 1024, |bytes| {
        format!("{HEADER}\n{}", format!("{ROW}\n").repeat(bytes / ROW.len())).into_bytes()
    });
    trial.grows_linearly(32 * 1024, |bytes| format!("{HEADER}\n{}", "x\n".repeat(bytes / 2)).into_bytes());
    trial.grows_linearly(32 * 1024, |bytes| format!("{HEADER}\n\"{}", "a\n".repeat(bytes / 2)).into_bytes());
    trial.grows_linearly(32 * 1024, |bytes| "a,".repeat(bytes / 2).into_bytes());
}

#[test]
fn the_file_of_tokens_withstands() {
    let read = |bytes: &[u8]| {
        let text = String::from_utf8_lossy(bytes);
        Clients::read(&text).err().map(|error| format!("{error} {error:?}"))
    };
    let hash = "2bb80d537b1da3e38bd30361aa855686bde0eacd7162fef6a25fe97bf527a25b";
    Trial::new([format!("bvh {hash}\n# remark\n")], read).withstands();
}
