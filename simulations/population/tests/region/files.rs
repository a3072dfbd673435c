//! The files: the same from the same seed, and read by everybody's own reader.

use std::{collections::BTreeSet, fmt::Write as _};

use hwc_population::WriteError;
use hwc_schemas::report::MunicipalityCode;
use sha2::{Digest as _, Sha256};

use super::*;

/// The files of seed 1's village with 40 reports. Another hash means that the same seed no longer makes the same region: then
/// whatever somebody wrote down about a seed is void, so change it knowingly.
const FROZEN: &str = "b1bc7503d44fd245512407246aea6c9b0d6b86d645e4dbe53cf4871ebed00970";

#[test]
fn one_seed_is_one_region_byte_for_byte_here_and_everywhere() {
    let written = |seed| {
        let folder = tempfile::tempdir().unwrap();
        let out = folder.path().join("new");
        village(seed).write(&out, 40, &zone()).unwrap();
        files(&out)
    };
    let first = written(1);
    assert!(first == written(1), "the second time is not the first");
    assert!(first.get("residents.csv") != written(2).get("residents.csv"));
    let mut hash = Sha256::new();
    for (name, content) in &first {
        hash.update(name);
        hash.update(content);
    }
    assert_eq!(hex::encode(hash.finalize()), FROZEN);
}

#[test]
fn a_household_is_the_same_whoever_asks_for_it_and_when() {
    let population = county(5);
    let in_order: Vec<_> = population.households_of(1).collect();
    let backwards = |from: usize, step: usize| {
        let wanted: Vec<_> = in_order.iter().rev().skip(from).step_by(step).collect();
        for one in wanted {
            assert_eq!(population.household(one.id), *one);
        }
    };
    std::thread::scope(|threads| {
        for from in 0..3 {
            threads.spawn(move || backwards(from, 3));
        }
    });
}

#[test]
fn what_is_asked_of_a_region_does_not_change_its_people() {
    let plain = village(9);
    let mut settings = plain.settings().clone();
    settings.rates.follow_up = 0;
    settings.days = 300;
    let other = Population::new(settings);
    assert!(plain.households().eq(other.households()));
}

#[test]
fn every_file_is_read_by_the_organisation_that_reads_it() {
    let folder = tempfile::tempdir().unwrap();
    let population = village(3);
    let written = population.write(folder.path(), 60, &zone()).unwrap();
    let files = files(folder.path());
    let residents = hwc_veilig_thuis::residents(&files["residents.csv"]).unwrap();
    let enrolments = hwc_municipality::enrolments(&files["enrolments.csv"]).unwrap();
    let schools = hwc_municipality::schools(&files["schools.csv"]).unwrap();
    let (reports, refused) = hwc_police::read(&files["reports.jsonl"]);
    assert_eq!(refused, []);
    assert_eq!(residents.len() as u64, written.residents);
    assert_eq!(enrolments.len() as u64, written.enrolments);
    assert_eq!(schools.len(), written.schools);
    assert_eq!(reports.len() as u64, written.reports);
    assert_eq!(files.values().map(|content| content.len() as u64).sum::<u64>(), written.bytes);
    assert!(reports.is_sorted_by_key(|one| one.report.reported_at));
    // What the files say is what the population says of itself.
    let incidents: Vec<_> = population.reports(60, &zone()).collect();
    let lines: BTreeSet<String> = incidents.iter().map(|one| one.line(zone().as_time_zone())).collect();
    let text = String::from_utf8(files["reports.jsonl"].clone()).unwrap();
    assert_eq!(text.lines().map(str::to_owned).collect::<BTreeSet<_>>(), lines);
    for (read, made) in reports.iter().zip(&incidents).take(10) {
        assert_eq!(read.report_id, made.report_id);
        assert!(read.report == made.to_report().unwrap(), "another report was read than was drawn");
    }
    let codes: BTreeSet<_> = schools.iter().map(|school| school.code).collect();
    assert!(codes.into_iter().eq(population.directed_schools().unwrap().into_keys()));
    let home: MunicipalityCode = population.municipality_code(0).unwrap();
    let own = enrolments.iter().filter(|row| row.municipality == home).count();
    assert_eq!(own, population.enrolments().unwrap()[&home].len());
}

#[test]
fn a_region_is_not_written_over_anything() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("mine.txt"), "mine").unwrap();
    let refused = village(1).write(folder.path(), 0, &zone());
    assert!(matches!(refused, Err(WriteError::NotEmpty(_))));
    assert_eq!(files(folder.path()).len(), 1);
}

#[test]
fn the_country_has_its_municipalities_and_schools_and_everybody_takes_part() {
    let country = Population::new(Settings::new(1, Size::Country));
    let inhabitants: u64 = country.municipalities().iter().map(|one| u64::from(one.inhabitants)).sum();
    assert_eq!(country.municipalities().len(), 342);
    assert!((17_800_000..=17_900_000).contains(&inhabitants), "{inhabitants}");
    assert!((6_500..7_500).contains(&country.schools().len()), "{}", country.schools().len());
    assert_eq!(country.participating().count(), 342);
    let largest = country.municipalities().iter().map(|one| one.inhabitants).max().unwrap();
    assert!((600_000..1_200_000).contains(&largest), "{largest}");
    let mut postcodes = BTreeSet::new();
    let numbers = country.municipalities().iter().flat_map(|one| &one.postcodes);
    assert!(numbers.copied().all(|number| (1_000..10_000).contains(&number) && postcodes.insert(number)));
}

#[test]
fn the_region_is_hart_van_brabant_with_its_number_of_schools() {
    let region = Population::new(Settings::new(1, Size::Region));
    let mut participating: Vec<&str> = region.participating().collect();
    participating.sort_unstable();
    assert_eq!(participating, ["0766", "0784", "0785", "0798", "0809", "0824", "0855", "0867"]);
    assert_eq!(region.in_the_region().filter(|code| *code == "0797").count(), 1);
    // Volumes: 164 schools take part.
    let today = region.settings().day;
    let inside = |at: usize| region.in_the_region().any(|code| code == region.municipalities()[at].code);
    let taking_part = region.schools().iter().filter(|school| {
        let signed = school.covenant_signed_on.is_some_and(|day| day <= today);
        signed && school.mailbox.is_some() && inside(school.municipality)
    });
    let taking_part = taking_part.count();
    assert!((150..=180).contains(&taking_part), "{taking_part}");
}

#[test]
fn no_two_schools_share_a_code_and_no_two_households_an_address() {
    let population = county(2);
    let codes: BTreeSet<_> =
        population.schools().iter().map(|school| (&school.brin, &school.location)).collect();
    assert_eq!(codes.len(), population.schools().len());
    let mut addresses = BTreeSet::new();
    for household in population.households() {
        let mut place = household.address.postcode.clone();
        write!(place, " {}", household.address.house_number).unwrap();
        assert!(addresses.insert(place), "{:?}", household.address);
    }
}
