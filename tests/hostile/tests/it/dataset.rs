//! What people deliver as files: reports, registers, schools, holidays.

use hwc_hostile::{CANARY, Trial};
use hwc_police::{
    Submission,
    reports::{LINE_BYTES_MAX, REFUSED_MAX},
};
use hwc_workflow::calendar::{Feed, Zone};

const REPORTS: &str = include_str!("../../../../simulations/handbook/reports.jsonl");
const RESIDENTS: &str = include_str!("../../../../simulations/handbook/residents.csv");
const ENROLMENTS: &str = include_str!("../../../../simulations/handbook/enrolments.csv");
const SCHOOLS: &str = include_str!("../../../../simulations/handbook/schools.csv");
const HOLIDAYS: &str = include_str!("../../../../simulations/handbook/holidays.json");

/// The refusals of all lines together.
fn reports(bytes: &[u8]) -> Option<String> {
    let (taken, refused) = hwc_police::read(bytes);
    let lines = taken.iter().map(|one: &Submission| one.line).chain(refused.iter().map(|one| one.line));
    assert!(lines.count() <= bytes.len());
    let mut said = refused.iter().map(|one| format!("{one} {one:?}"));
    let first = said.next();
    said.find(|said| said.contains(CANARY)).or(first)
}

#[test]
fn reports_withstand_and_a_spoiled_line_spoils_no_other() {
    let trial = Trial::new([REPORTS.to_owned(), REPORTS.lines().next().unwrap().to_owned()], reports);
    trial.withstands();
    let (whole, _) = hwc_police::read(REPORTS.as_bytes());
    let spoiled = [CANARY.to_owned(), "[".repeat(10_000), "\u{0}".to_owned(), "x".repeat(LINE_BYTES_MAX + 1)];
    for line in spoiled {
        let (taken, refused) = hwc_police::read(format!("{line}\n{REPORTS}{line}\n").as_bytes());
        assert_eq!((taken.len(), refused.len()), (whole.len(), 2));
    }
}

#[test]
fn a_file_that_is_no_file_of_reports_is_given_up_after_so_many_lines() {
    let (taken, refused) = hwc_police::read(format!("{REPORTS}{}{REPORTS}", "x\n".repeat(20_000)).as_bytes());
    assert_eq!(taken.len(), REPORTS.lines().count());
    assert_eq!(refused.len(), REFUSED_MAX + 1);
    let last = refused.last().map(ToString::to_string).unwrap_or_default();
    assert!(last.contains("too many lines were refused, so nothing from here on was read"), "{last}");
}

#[test]
fn a_file_of_ever_more_reports_costs_what_its_size_says() {
    let trial = Trial::new([REPORTS], reports);
    for line in [REPORTS.lines().next().unwrap(), "{}", "[", "x"] {
        trial.grows_linearly(32 * 1024, |bytes| {
            format!("{line}\n").repeat(bytes / (line.len() + 1)).into_bytes()
        });
    }
    let one = REPORTS.lines().next().unwrap();
    trial.grows_linearly(16 * 1024, |bytes| {
        let children = vec![r#"{"given_names":"A"}"#; bytes / 20].join(",");
        one.replacen("\"children\":", &format!("\"children\":[{children}],\"others\":"), 1).into_bytes()
    });
}

fn table<T>(
    read: impl Fn(&[u8]) -> Result<Vec<T>, hwc_adapter_kit::table::TableError>,
) -> impl Fn(&[u8]) -> Option<String> {
    move |bytes| read(bytes).err().map(|error| format!("{error} {error:?}"))
}

#[test]
fn registers_and_schools_withstand() {
    Trial::new([RESIDENTS], table(hwc_veilig_thuis::residents)).withstands();
    Trial::new([ENROLMENTS], table(hwc_municipality::enrolments)).withstands();
    Trial::new([SCHOOLS], table(hwc_municipality::schools)).withstands();
}

#[test]
fn a_register_costs_what_its_size_says() {
    let rows = |text: &'static str| {
        move |bytes: usize| {
            let (header, rows) = text.split_once('\n').unwrap();
            let row = rows.lines().next().unwrap();
            format!("{header}\n{}", format!("{row}\n").repeat(bytes / (row.len() + 1))).into_bytes()
        }
    };
    Trial::new([RESIDENTS], table(hwc_veilig_thuis::residents)).grows_linearly(32 * 1024, rows(RESIDENTS));
    Trial::new([ENROLMENTS], table(hwc_municipality::enrolments)).grows_linearly(32 * 1024, rows(ENROLMENTS));
    let residents = Trial::new([RESIDENTS], table(hwc_veilig_thuis::residents));
    // One row of very many fields, one field without an end, a header of very many columns.
    residents.grows_linearly(32 * 1024, |bytes| format!("{RESIDENTS}{}", ",".repeat(bytes)).into_bytes());
    residents
        .grows_linearly(32 * 1024, |bytes| format!("{RESIDENTS}\"{}", "a\n".repeat(bytes / 2)).into_bytes());
    residents.grows_linearly(32 * 1024, |bytes| "a,".repeat(bytes / 2).into_bytes());
}

#[test]
fn the_feed_of_holidays_withstands_and_costs_what_its_size_says() {
    let zone = Zone::amsterdam().unwrap();
    let trial = Trial::new([HOLIDAYS], |bytes| {
        Feed::parse(bytes, &zone).err().map(|error| format!("{error} {error:?}"))
    });
    trial.withstands();
    let year = r#"{"schoolyear":"2026-2027","vacations":[{"type":"Kerstvakantie","regions":[{"region":"zuid","startdate":"2026-12-18T23:00:00Z","enddate":"2027-01-02T23:00:00Z"}]}]}"#;
    for (open, item, close) in [
        ("{\"content\":[", year, "]}"),
        ("[", "{\"content\":[]}", "]"),
        // Broken at the very end, so that the place must be looked for.
        ("{\"content\":[", year, ",{}]}"),
        ("[", "{\"content\":[]}", ",7]"),
    ] {
        trial.grows_linearly(64 * 1024, |bytes| {
            format!("{open}{}{close}", vec![item; bytes / (item.len() + 1)].join(",")).into_bytes()
        });
    }
    let large = vec![b' '; Feed::BYTES_MAX + 1];
    assert!(trial.says(&large).is_some_and(|said| said.contains("larger than")));
}
