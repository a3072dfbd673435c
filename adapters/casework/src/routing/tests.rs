//! R11–R16, by table and in full.

use hwc_schemas::outcome::Withheld::{
    EnrolmentSecret, EnrolmentUnknown, HostSchoolNotParticipating, SchoolNotParticipating,
    SchoolOutsideRegion,
};

use super::*;
use crate::testing::{child, day, municipality};

const TODAY: &str = "2026-11-18";
const BIRTH: &str = "2016-02-03";

fn code(brin: &str) -> SchoolCode {
    SchoolCode::parse(brin, "00").unwrap()
}

/// Two schools for each way of taking part and of lying in the region; `09ZZ` is in no directory.
fn schools() -> Schools {
    let school = |municipality_code, mailbox, signed: Option<&str>| School {
        municipality: municipality(municipality_code),
        mailbox,
        covenant_signed_on: signed.map(day),
    };
    [
        (code("01AA"), school("0855", true, Some("2021-03-01"))),
        (code("02BB"), school("0797", true, Some(TODAY))),
        (code("03CC"), school("0855", true, Some("2026-11-19"))),
        (code("04DD"), school("0867", false, Some("2021-03-01"))),
        (code("05EE"), school("0758", true, Some("2021-03-01"))),
        (code("06FF"), school("0758", false, None)),
    ]
    .into_iter()
    .collect()
}

fn region() -> BTreeSet<MunicipalityCode> {
    ["0855", "0867", "0797"].map(municipality).into()
}

fn pupil(given_names: &str, surname: &str, placement: Placement) -> Enrolment {
    Enrolment { pupil: child(given_names, "", surname, BIRTH), placement }
}

fn at(school: &str) -> Placement {
    Placement { school: Some(code(school)), host: None, secret: false }
}

const UNKNOWN: Placement = Placement { school: None, host: None, secret: false };

/// A verdict in words that can be compared and printed.
#[derive(Debug, PartialEq, Eq)]
enum Said {
    To(SchoolCode),
    Withhold(Withheld),
    /// Given name, school, host, secret.
    Ask(Vec<(String, Option<SchoolCode>, Option<SchoolCode>, bool)>),
}

fn routed(rows: Vec<Enrolment>) -> Said {
    let enrolments = Enrolments::new(rows);
    match route(&child("Anna", "van", "Smit", BIRTH), &enrolments, &schools(), &region(), day(TODAY)) {
        Verdict::To(school) => Said::To(school),
        Verdict::Withhold(reason) => Said::Withhold(reason),
        Verdict::AskSomebody(candidates) => {
            let line = |Candidate { pupil, placement }: Candidate<'_>| {
                (pupil.given_names.expose().to_owned(), placement.school, placement.host, placement.secret)
            };
            Said::Ask(candidates.into_iter().map(line).collect())
        }
    }
}

#[test]
fn r11_to_r15_secret_host_participation_and_region_decide_where_one_pupil_goes() {
    // What the school it would go to says of itself: nothing, for one that takes part in the region.
    let schools_of_enrolment = [
        ("01AA", None),
        ("02BB", None),
        ("03CC", Some(SchoolNotParticipating)),
        ("04DD", Some(SchoolNotParticipating)),
        ("05EE", Some(SchoolOutsideRegion)),
        ("06FF", Some(SchoolNotParticipating)),
        ("09ZZ", Some(SchoolNotParticipating)),
    ];
    let hosts = [
        ("01AA", None),
        ("02BB", None),
        ("03CC", Some(HostSchoolNotParticipating)),
        ("04DD", Some(HostSchoolNotParticipating)),
        ("05EE", Some(SchoolOutsideRegion)),
        ("06FF", Some(HostSchoolNotParticipating)),
        ("09ZZ", Some(HostSchoolNotParticipating)),
    ];
    for secret in [false, true] {
        for (enrolled_at, own_reason) in schools_of_enrolment {
            let seconded = hosts.map(|(host, reason)| (Some(host), reason));
            for (host, reason) in seconded.into_iter().chain([(None, own_reason)]) {
                let placement = Placement { school: Some(code(enrolled_at)), host: host.map(code), secret };
                let expected = match reason {
                    _ if secret => Err(EnrolmentSecret),
                    Some(reason) => Err(reason),
                    None => Ok(code(host.unwrap_or(enrolled_at))),
                };
                let found = route_to(placement, &schools(), &region(), day(TODAY));
                assert_eq!(found, expected, "enrolled at {enrolled_at}, host {host:?}, secret {secret}");
                let expected = expected.map_or_else(Said::Withhold, Said::To);
                assert_eq!(routed(vec![pupil("Anna", "Van Smit", placement)]), expected);
            }
        }
        // R12 comes before R13.
        let unknown = Placement { school: None, host: Some(code("01AA")), secret };
        assert_eq!(route_to(unknown, &schools(), &region(), day(TODAY)), Err(EnrolmentUnknown));
    }
}

#[test]
fn r16_the_number_of_matches_and_whether_they_agree_decide_who_is_asked() {
    let anna = |placement| pupil("Anna", "van Smit", placement);
    let near = || pupil("Emma", "van Smit", at("01AA"));
    let stranger = || Enrolment { pupil: child("Anna", "van", "Smit", "2016-02-04"), placement: at("01AA") };
    let asked = |given: &str, school: Option<&str>| (given.to_owned(), school.map(code), None, false);

    let cases = [
        ("nobody", vec![], Said::Withhold(EnrolmentUnknown)),
        ("only somebody born on another day", vec![stranger()], Said::Withhold(EnrolmentUnknown)),
        ("one", vec![stranger(), anna(at("01AA"))], Said::To(code("01AA"))),
        ("one, and a near match", vec![near(), anna(at("02BB"))], Said::To(code("02BB"))),
        ("none but a near match", vec![stranger(), near()], Said::Ask(vec![asked("Emma", Some("01AA"))])),
        (
            "a near match without a school",
            vec![pupil("Emma", "van Smit", UNKNOWN)],
            Said::Ask(vec![asked("Emma", None)]),
        ),
        ("two that agree", vec![anna(at("01AA")), anna(at("01AA"))], Said::To(code("01AA"))),
        (
            "two that disagree, and not the near match",
            vec![anna(at("01AA")), near(), anna(at("02BB")), anna(at("01AA"))],
            Said::Ask(vec![asked("Anna", Some("01AA")), asked("Anna", Some("02BB"))]),
        ),
        ("one without a school", vec![anna(UNKNOWN)], Said::Withhold(EnrolmentUnknown)),
        ("two without a school", vec![anna(UNKNOWN), anna(UNKNOWN)], Said::Withhold(EnrolmentUnknown)),
        (
            "one without a school and one with",
            vec![anna(UNKNOWN), anna(at("01AA"))],
            Said::Ask(vec![asked("Anna", None), asked("Anna", Some("01AA"))]),
        ),
        (
            "two near matches of different people",
            vec![near(), pupil("Anna", "Vos", at("01AA")), near()],
            Said::Ask(vec![asked("Emma", Some("01AA")), asked("Anna", Some("01AA"))]),
        ),
    ];
    for (case, rows, expected) in cases {
        assert_eq!(routed(rows), expected, "{case}");
    }
}

#[test]
fn r16_rows_that_agree_on_school_and_host_are_secret_if_one_of_them_is() {
    let secret = |placement| Placement { secret: true, ..placement };
    let anna = |placement| pupil("Anna", "van Smit", placement);
    for rows in
        [vec![anna(at("01AA")), anna(secret(at("01AA")))], vec![anna(secret(at("01AA"))), anna(at("01AA"))]]
    {
        assert_eq!(routed(rows), Said::Withhold(EnrolmentSecret));
    }
    // The same among near matches, so that no pick can get round it.
    let near = |placement| pupil("Emma", "van Smit", placement);
    let asked = routed(vec![near(at("01AA")), near(secret(at("01AA")))]);
    assert_eq!(asked, Said::Ask(vec![("Emma".into(), Some(code("01AA")), None, true)]));
}

#[test]
fn r14_rows_that_differ_in_the_host_alone_disagree() {
    let seconded = Placement { host: Some(code("02BB")), ..at("01AA") };
    let rows = vec![pupil("Anna", "van Smit", at("01AA")), pupil("Anna", "van Smit", seconded)];
    let expected = vec![
        ("Anna".into(), Some(code("01AA")), None, false),
        ("Anna".into(), Some(code("01AA")), Some(code("02BB")), false),
    ];
    assert_eq!(routed(rows), Said::Ask(expected));
}

#[test]
fn r16_a_pick_is_still_withheld_where_the_rules_say_so() {
    let enrolments = Enrolments::new(vec![
        pupil("Emma", "van Smit", Placement { secret: true, ..at("01AA") }),
        pupil("Anna", "Vos", at("05EE")),
        pupil("Anna", "Smit", at("01AA")),
    ]);
    let wanted = child("Anna", "van", "Smit", BIRTH);
    let Verdict::AskSomebody(candidates) = route(&wanted, &enrolments, &schools(), &region(), day(TODAY))
    else {
        panic!("there are only near matches");
    };
    let picked: Vec<_> = candidates
        .iter()
        .map(|candidate| route_to(candidate.placement, &schools(), &region(), day(TODAY)))
        .collect();
    assert_eq!(picked, [Err(EnrolmentSecret), Err(SchoolOutsideRegion), Ok(code("01AA"))]);
}

#[test]
fn r11_the_covenant_must_be_signed_on_the_day_of_routing_at_the_latest() {
    let decided = |today| route_to(at("02BB"), &schools(), &region(), day(today));
    assert_eq!(decided("2026-11-17"), Err(SchoolNotParticipating));
    assert_eq!(decided("2026-11-18"), Ok(code("02BB")));
}
