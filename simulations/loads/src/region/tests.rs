use std::collections::BTreeMap;

use hwc_casework::{home::Register, routing::Enrolments, screening};
use hwc_population::household::HouseholdId;
use hwc_schemas::report::Report;

use super::*;

fn drawn(more: &str, seed: u64) -> (Plan, Region) {
    let text = format!(
        "name = \"T\"\n[period]\nfrom = \"2026-11-16\"\ndays = 7\n[region]\nsize = 20000\n[arrivals]\nincidents_per_year = 15000\n{more}"
    );
    let plan = Plan::parse(text).unwrap();
    let region = Region::draw(&plan, seed, &Zone::amsterdam().unwrap(), &mut |_, _| {}).unwrap();
    (plan, region)
}

/// The dataset's files, each as one text.
fn files(region: &Region, plan: &Plan) -> BTreeMap<String, Vec<u8>> {
    let folder = tempfile::tempdir().unwrap();
    region.write(plan, folder.path(), &Zone::amsterdam().unwrap()).unwrap();
    let files = std::fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap());
    files.map(|file| (file.file_name().into_string().unwrap(), std::fs::read(file.path()).unwrap())).collect()
}

#[test]
fn a_seed_writes_the_same_dataset_and_another_seed_another() {
    let ((plan, one), (_, again), (_, other)) = (drawn("", 1), drawn("", 1), drawn("", 2));
    let (one, again, other) = (files(&one, &plan), files(&again, &plan), files(&other, &plan));
    assert_eq!(one.len(), 7);
    assert!(one == again && one != other);
}

#[test]
fn a_region_of_its_own_seed_has_the_same_people_whatever_the_plans_seed() {
    let more = |seed| format!("[region]\nsize = 20000\nseed = {seed}\n");
    let of = |own: u64, seed: u64| {
        let text = format!("name = \"T\"\n[period]\nfrom = \"2026-11-16\"\ndays = 1\n{}", more(own));
        let plan = Plan::parse(text).unwrap();
        let region = Region::draw(&plan, seed, &Zone::amsterdam().unwrap(), &mut |_, _| {}).unwrap();
        region.population().household(HouseholdId { municipality: 0, number: 3 })
    };
    assert!(of(5, 1) == of(5, 2) && of(5, 1) != of(6, 1));
}

#[test]
fn what_is_left_out_of_the_registers_changes_no_look_up() {
    let (plan, region) =
        drawn("[rates]\nreport_misspelt = 0.1\nreport_wrong_birthday = 0.05\nvisitor = 0.3\n", 1);
    let written = files(&region, &plan);
    let some = Register::new(hwc_veilig_thuis::residents(&written["residents.csv"]).unwrap());
    let all = region.population().register().unwrap();
    let mut few: BTreeMap<_, Vec<_>> = BTreeMap::new();
    for row in hwc_municipality::enrolments(&written["enrolments.csv"]).unwrap() {
        few.entry(row.municipality).or_default().push(row.enrolment);
    }
    let few: BTreeMap<_, _> = few.into_iter().map(|(code, rows)| (code, Enrolments::new(rows))).collect();
    let everybody = region.population().enrolments().unwrap();
    let everybody: BTreeMap<_, _> =
        everybody.into_iter().map(|(code, rows)| (code, Enrolments::new(rows))).collect();
    let schools = region.population().directed_schools().unwrap().into_iter().collect();
    let places = region.population().in_the_region().map(|code| municipality(code).unwrap()).collect();
    let mut doubts = 0;
    for report in &region.reports {
        let report: Report = report.to_report().unwrap();
        let day = report.occurred.day(&jiff::tz::TimeZone::get("Europe/Amsterdam").unwrap());
        let household = |register: &Register| register.household(report.address.place()).count();
        if !report.kind.qualifies() {
            continue;
        }
        assert_eq!(household(&some), household(&all));
        let screening::Verdict::Findings(found) =
            screening::screen(&report, day, all.household(report.address.place()))
        else {
            continue;
        };
        for one in found {
            let home = all.home_municipality(one.child, &report.address);
            assert!(home == some.home_municipality(one.child, &report.address), "another home");
            let Some(home) = home else { continue };
            let route = |enrolments: &BTreeMap<_, Enrolments>| {
                use hwc_casework::routing::{Verdict, route};
                let none = Enrolments::new(Vec::new());
                match route(one.child, enrolments.get(&home).unwrap_or(&none), &schools, &places, day) {
                    Verdict::To(school) => school.to_string(),
                    Verdict::Withhold(why) => why.as_str().to_owned(),
                    Verdict::AskSomebody(candidates) => format!("{} candidates", candidates.len()),
                }
            };
            let verdict = route(&everybody);
            doubts += usize::from(verdict.ends_with("candidates"));
            assert_eq!(verdict, route(&few));
        }
    }
    assert!(doubts > 3, "no doubtful case was seen");
}

#[test]
fn misplaced_children_become_known_at_a_feed_and_not_before_a_school_told() {
    let zone = Zone::amsterdam().unwrap();
    let (_, never) = drawn("[rates]\nenrolment_stale = 0.3\n", 1);
    assert!(never.misplaced.len() > 20 && never.misplaced.iter().all(|one| one.known_at.is_none()));
    let more =
        "[rates]\nenrolment_stale = 0.3\n[registers]\ncorrected_after = \"2 d\"\nfeed_days = [\"thu\"]\n";
    let (_, region) = drawn(more, 1);
    for one in &region.misplaced {
        let known = zone.local(one.known_at.unwrap());
        assert_eq!(known.weekday(), jiff::civil::Weekday::Thursday);
        assert_eq!(known.time(), jiff::civil::time(6, 0, 0, 0));
    }
}
