//! How long an import and a look-up take: half a million invented pupils of one municipality, and children of the same
//! region looked up one after another. Says milliseconds, and no names.
//!
//! `cargo run --release -p hwc-register --example lookups` makes a SQLite file in a temporary folder; with the name of a file
//! that holds the address of an empty PostgreSQL database it takes that.

use std::{
    collections::BTreeSet,
    io::Write as _,
    path::PathBuf,
    time::{Duration, Instant},
};

use hwc_casework::routing::{Verdict, route};
use hwc_population::{Population, Settings, Size};
use hwc_register::{Mode, Place, Pupil, Reader, Reading, Register, SchoolChange, SchoolRecord, Shrink};
use hwc_schemas::{person::Child, report::MunicipalityCode};
use jiff::{Timestamp, tz::TimeZone};

type Failure = Box<dyn std::error::Error>;

const PUPILS: usize = 500_000;
const LOOKED_UP: usize = 20_000;
/// Enough for half a million pupils.
const INHABITANTS: u32 = 3_800_000;

#[tokio::main]
async fn main() -> Result<(), Failure> {
    let folder = tempfile::tempdir()?;
    let place = std::env::args().nth(1).map_or_else(
        || Place::Sqlite(folder.path().join("register/pupils.sqlite")),
        |file| Place::Postgres(PathBuf::from(file)),
    );
    let own = MunicipalityCode::parse("0855").map_err(|error| error.to_string())?;
    let population = Population::new(Settings::new(1, Size::Inhabitants(INHABITANTS)));
    let (pupils, children) = people(&population, own)?;
    let (pupil_count, zone) = (pupils.len(), TimeZone::get("Europe/Amsterdam")?);
    let now = Timestamp::now();
    let today = zone.to_datetime(now).date();

    let register = Register::open(&place, own).await?;
    register.prepare().await?;
    for school in population.schools() {
        let record = SchoolRecord {
            code: school.code()?,
            name: school.name.clone(),
            sector: None,
            municipality: own,
            mailbox: school.mailbox.clone(),
            covenant_signed_on: school.covenant_signed_on,
            contact: None,
            backup: None,
            left_on: None,
            merged: None,
        };
        register.change_school(record.code, SchoolChange::Add(Box::new(record))).await?;
    }
    let shrink = Shrink { percent_max: 10, confirmed: false };
    let again: Vec<Pupil> = pupils.clone();
    let begun = Instant::now();
    register.import_full(pupils, (now, today), Mode::Apply, shrink).await?;
    say(&format!("{pupil_count} rows imported in {:.1} s", begun.elapsed().as_secs_f64()));
    let begun = Instant::now();
    register.import_full(again, (now, today), Mode::Apply, shrink).await?;
    say(&format!("the same file again in {:.1} s", begun.elapsed().as_secs_f64()));

    let region = BTreeSet::from([own]);
    let reading = Reading { own, region: region.clone(), zone, stale_after_days: 10 };
    let reader = Reader::open(&place, reading).await?;
    let mut took = Vec::with_capacity(LOOKED_UP);
    let mut found = [0_usize; 3];
    for child in children.iter().cycle().take(LOOKED_UP) {
        let begun = Instant::now();
        let view = reader.view(child, now).await?;
        let which = match route(child, &view.enrolments, &view.schools, &region, today) {
            Verdict::To(_) => 0,
            Verdict::Withhold(_) => 1,
            Verdict::AskSomebody(_) => 2,
        };
        took.push(begun.elapsed());
        found[which] += 1;
    }
    took.sort_unstable();
    let at = |share: usize| took.get(took.len() * share / 1_000).or(took.last()).map_or(0.0, milliseconds);
    say(&format!(
        "{LOOKED_UP} looked up: p50 {:.2} ms, p99 {:.2} ms, p99.9 {:.2} ms, longest {:.2} ms",
        at(500),
        at(990),
        at(999),
        at(1_000)
    ));
    say(&format!("{} to a school, {} withheld, {} for a person", found[0], found[1], found[2]));
    Ok(())
}

fn milliseconds(took: &Duration) -> f64 {
    took.as_secs_f64() * 1_000.0
}

/// Pupils as their schools spell them, and children as the civil register does.
fn people(population: &Population, own: MunicipalityCode) -> Result<(Vec<Pupil>, Vec<Child>), Failure> {
    let (mut pupils, mut children) = (Vec::with_capacity(PUPILS), Vec::new());
    for household in population.households() {
        for enrolment in population.enrolments_of(&household)? {
            let (child, placement) = (enrolment.pupil, enrolment.placement);
            pupils.push(Pupil { municipality: own, child, placement, from: None, until: None });
        }
        if children.len() < LOOKED_UP && pupils.len() % 23 == 0 {
            for child in &household.children {
                children.push(child.person.to_child()?);
            }
        }
        if pupils.len() >= PUPILS {
            break;
        }
    }
    Ok((pupils, children))
}

fn say(line: &str) {
    // Whoever reads it may have left.
    let _ = writeln!(std::io::stdout(), "{line}");
}
