use hwc_journal::{Markers, Tombstone, codec::CodecError};
use hwc_schemas::{IncidentId, Marker};
use jiff::SignedDuration;
use uuid::Uuid;

use super::{
    endings::Choice,
    report::{EndingsSaid, Finding, Place, Report, SelfTest, Unread, What},
    *,
};

fn incident(number: u128) -> IncidentId {
    IncidentId::from_uuid(Uuid::from_u128(number))
}

fn marker(number: u128) -> Marker {
    Marker::from_uuid(Uuid::from_u128(number))
}

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

fn tombstone(number: u128, ended_at: &str, markers: impl IntoIterator<Item = u128>) -> Tombstone {
    let markers: Markers = markers.into_iter().map(marker).collect();
    Tombstone { incident: incident(number), ended_at: Some(at(ended_at)), markers: Ok(markers) }
}

fn endings() -> Endings {
    let broken = Err(CodecError::Version(9));
    Endings {
        from: "the broker".to_owned(),
        read_at: at("2026-11-20T12:00:00Z"),
        tombstones: vec![
            tombstone(1, "2026-11-18T08:00:00Z", [1, 2]),
            tombstone(2, "2026-11-19T08:00:00Z", [3]),
            tombstone(3, "2026-11-17T08:00:00Z", []),
            tombstone(4, "2026-11-20T11:58:00Z", [5]),
            Tombstone { incident: incident(5), ended_at: None, markers: broken },
        ],
    }
}

const ALL: Choice = Choice { since: None, until: None, settled_for: SignedDuration::from_mins(5) };

#[test]
fn what_is_written_down_is_read_again_and_a_torn_or_altered_file_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("endings");
    let written = endings().written().unwrap();
    fs::write(&path, &written).unwrap();
    let again = Endings::read(&path).unwrap();
    assert_eq!((again.read_at, again.tombstones.len()), (endings().read_at, 5));
    for (one, other) in again.tombstones.iter().zip(&endings().tombstones) {
        assert_eq!((one.incident, one.ended_at), (other.incident, other.ended_at));
        assert_eq!(one.markers.as_ref().ok(), other.markers.as_ref().ok());
    }
    let lines: Vec<_> = written.lines().collect();
    let [head, first, .., last] = lines.as_slice() else { panic!("too few lines") };
    for bad in [
        String::new(),
        written.replace(KIND_IN_FILES, "canary"),
        written.replacen(last, "", 1),
        written.replacen(first, "{\"canary\":1}", 1),
        format!("{head}\n"),
    ] {
        fs::write(&path, bad).unwrap();
        let said = Endings::read(&path).err().unwrap().to_string();
        assert!(said.contains("line") && !said.contains("canary"), "{said}");
    }
}

const KIND_IN_FILES: &str = "hwc-endings";

#[test]
fn what_ended_in_the_period_is_looked_for_and_of_the_rest_it_is_said_why_not() {
    let chosen = endings().choose(ALL);
    let which: Vec<_> = chosen.endings.iter().map(|(incident, markers)| (*incident, markers.len())).collect();
    assert_eq!(which, [(incident(1), 2), (incident(2), 1)]);
    assert_eq!((chosen.too_young, chosen.without_markers, chosen.unreadable), (1, 1, 1));
    assert_eq!(chosen.period, Some((at("2026-11-18T08:00:00Z"), at("2026-11-19T08:00:00Z"))));
    let since = moment("2026-11-19").unwrap();
    assert_eq!(since, at("2026-11-18T23:00:00Z"), "a day begins where the schools are");
    let later = endings().choose(Choice { since: Some(since), ..ALL });
    assert_eq!((later.endings.len(), later.without_markers, later.unreadable), (1, 0, 0));
    let before = endings().choose(Choice { until: Some(since), ..ALL });
    assert_eq!((before.endings.len(), before.too_young), (1, 0));
    assert!(moment("yesterday").is_err());
}

fn place(findings: Vec<Finding>, unread: Vec<Unread>) -> Place {
    let (what, root) = (What::Broker, "/srv/nats".to_owned());
    let (files, bytes, went_away) = (3, 12_345, 0);
    Place { what, root, files, bytes, went_away, findings, more_findings: 0, unread, more_unread: 0 }
}

fn report(searched: Vec<Place>, self_test: SelfTest, without_markers: usize) -> Report {
    let said = EndingsSaid {
        from: "the broker".to_owned(),
        read_at: at("2026-11-20T12:00:00Z"),
        looked_for: 2,
        markers: 3,
        first: None,
        last: None,
        too_young: 0,
        without_markers,
        unreadable: 0,
    };
    Report::new(at("2026-11-20T12:00:01Z"), said, 0, self_test, searched)
}

const FINE: SelfTest = SelfTest { planted: 16, found: 16 };

fn finding() -> Finding {
    let (path, form) = ("1.blk".to_owned(), "plain".to_owned());
    Finding { path, offset: Some(7), form, incident: Some(incident(1)), canary: None }
}

fn unread() -> Unread {
    Unread { path: "x.gz".to_owned(), why: "compressed".to_owned() }
}

#[test]
fn nothing_is_said_to_be_there_only_when_everything_was_searched_by_a_search_that_finds() {
    let verdict = |searched, self_test, without| report(searched, self_test, without).verdict;
    let clean = || vec![place(Vec::new(), Vec::new())];
    assert_eq!(verdict(clean(), FINE, 0), Verdict::Nothing);
    assert_eq!(verdict(clean(), SelfTest { planted: 16, found: 15 }, 0), Verdict::Incomplete);
    assert_eq!(verdict(clean(), FINE, 1), Verdict::Incomplete);
    assert_eq!(verdict(vec![place(Vec::new(), vec![unread()])], FINE, 0), Verdict::Incomplete);
    assert_eq!(verdict(vec![place(vec![finding()], vec![unread()])], FINE, 0), Verdict::Found);
    let more = Place { more_findings: 1, ..place(Vec::new(), Vec::new()) };
    assert_eq!(verdict(vec![more], FINE, 0), Verdict::Found);
}

#[test]
fn a_report_says_where_it_was_found_and_whose_it_is() {
    let text = report(vec![place(vec![finding()], vec![unread()])], FINE, 2).to_string();
    for words in [
        "2 incidents, 3 markers",
        "NOT looked for: 2 that ended before",
        "broker /srv/nats: 3 files, 13 kB",
        &format!("at byte 7 of 1.blk: of incident {} (plain)", incident(1)),
        "UNREAD   x.gz: compressed",
        "FOUND: something",
    ] {
        assert!(text.contains(words), "{words}\n{text}");
    }
}

#[test]
fn a_signed_report_is_checked_by_its_signer_and_any_change_shows() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("report");
    let (key, other) = (ReportKey::generate(), ReportKey::generate());
    let report = report(vec![place(vec![finding()], Vec::new())], FINE, 0);
    let signed = Signed::new(&report, Some(&key)).unwrap().line().unwrap();
    let checked = |text: &str, by: &ReportKey| {
        let _ = fs::remove_file(&path);
        fs::write(&path, text).unwrap();
        check(&path, &by.signer().to_string(), Output::Json).map(|code| code as u8)
    };
    assert_eq!(checked(&signed, &key).unwrap(), 0);
    assert_eq!(checked(&signed, &other).unwrap(), 1);
    assert_eq!(Signed::read(signed.as_bytes()).unwrap().report(), Some(report.clone()));
    assert_eq!(
        checked(&signed.replace("\"verdict\":\"found\"", "\"verdict\":\"nothing\""), &key).unwrap(),
        1
    );
    assert_eq!(checked(&signed.replace("\"files\":3", "\"files\":4"), &key).unwrap(), 1);
    let unsigned = Signed::new(&report, None).unwrap().line().unwrap();
    assert_eq!(checked(&unsigned, &key).unwrap(), 1);
    assert!(matches!(checked("{}", &key), Err(ForgetError::Unusable { .. })));
    let public = folder.path().join("public");
    fs::write(&public, format!("{}\n", key.signer())).unwrap();
    fs::write(&path, signed).unwrap();
    assert_eq!(check(&path, public.to_str().unwrap(), Output::Text).unwrap() as u8, 0);
}

#[test]
fn the_self_test_finds_what_it_plants_and_one_that_looks_for_less_does_not() {
    use hwc_residue::{Disguises, Search};

    let plants = self_test::Plants::new();
    let canaries = || Disguises::new(&[plants.canary.as_str()]).unwrap();
    let all = plants.tried(&Search::new(&[plants.marker], canaries()), 0, 0).unwrap();
    assert!(all.planted > 12 && all.found == all.planted, "{all:?}");
    let none = plants.tried(&Search::new(&[[7; 16]], canaries()), 0, 0).unwrap();
    assert_eq!(all.found - none.found, 6, "each form of the marker");
}
