//! A drawn region as a dataset: exactly what is run.

use std::{
    fs::{self, OpenOptions},
    io::{self, BufWriter, Write},
    path::{Path, PathBuf},
};

use hwc_population::{
    Person,
    write::{ENROLMENTS, RESIDENTS},
};
use hwc_workflow::{calendar::Zone, policy::PolicySettings};

use super::Region;
use crate::plan::Plan;

/// A dataset that could not be written.
#[derive(Debug, thiserror::Error)]
pub enum WriteError {
    /// A file.
    #[error("{path}: {source}")]
    File {
        /// Which.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The region's own files.
    #[error(transparent)]
    Region(#[from] hwc_population::WriteError),
}

impl Region {
    /// Writes the dataset into a folder, which must be empty or not there yet.
    pub fn write(&self, plan: &Plan, folder: &Path, zone: &Zone) -> Result<(), WriteError> {
        self.population.write_directory(folder, zone)?;
        file(folder, "region.toml", true, |file| policy(plan, file))?;
        file(folder, "reports.jsonl", false, |file| {
            self.reports.iter().try_for_each(|report| writeln!(file, "{}", report.line(zone.as_time_zone())))
        })?;
        file(folder, "residents.csv", false, |file| self.residents(file))?;
        file(folder, "enrolments.csv", false, |file| self.enrolments(file))
    }

    fn residents(&self, file: &mut impl Write) -> io::Result<()> {
        let mut rows = csv::Writer::from_writer(file);
        rows.write_record(RESIDENTS)?;
        for (address, municipality, person) in &self.residents {
            let Person { given_names, prefix, surname, date_of_birth } = person;
            rows.write_record([
                &address.postcode,
                &address.house_number.to_string(),
                address.house_letter.as_deref().unwrap_or_default(),
                address.addition.as_deref().unwrap_or_default(),
                municipality,
                given_names,
                prefix.as_deref().unwrap_or_default(),
                surname,
                &date_of_birth.to_string(),
            ])?;
        }
        rows.flush()
    }

    fn enrolments(&self, file: &mut impl Write) -> io::Result<()> {
        let mut rows = csv::Writer::from_writer(file);
        rows.write_record(ENROLMENTS)?;
        let school = |place: Option<usize>| {
            let school = place.and_then(|place| self.population.schools().get(place));
            school.map_or(("", ""), |school| (school.brin.as_str(), school.location.as_str()))
        };
        for (municipality, row) in &self.enrolments {
            let Person { given_names, prefix, surname, date_of_birth } = &row.pupil;
            let ((brin, location), (host_brin, host_location)) = (school(row.school), school(row.host));
            rows.write_record([
                municipality.as_str(),
                given_names,
                prefix.as_deref().unwrap_or_default(),
                surname,
                &date_of_birth.to_string(),
                brin,
                location,
                if row.secret { "yes" } else { "no" },
                host_brin,
                host_location,
            ])?;
        }
        rows.flush()
    }
}

/// The region's policy, where the plan has one of its own.
fn policy(plan: &Plan, file: &mut impl Write) -> io::Result<()> {
    let settings = plan.says.policy.over(PolicySettings::default());
    if settings == PolicySettings::default() {
        return Ok(());
    }
    let times = [
        ("deliver_from", settings.deliver_from),
        ("deliver_until", settings.deliver_until),
        ("school_start", settings.school_start),
        ("remind_contact_at", settings.remind_contact_at),
        ("remind_backup_at", settings.remind_backup_at),
        ("notify_municipality_at", settings.notify_municipality_at),
    ];
    let days = [
        ("max_hold_days", settings.max_hold_days),
        ("expire_after_school_days", settings.expire_after_school_days),
        ("payload_ceiling_days", settings.payload_ceiling_days),
        ("accept_days", settings.accept_days),
    ];
    writeln!(file, "\n[policy]")?;
    times.iter().try_for_each(|(key, time)| writeln!(file, "{key} = \"{}\"", time.strftime("%H:%M")))?;
    days.iter().try_for_each(|(key, days)| writeln!(file, "{key} = {days}"))
}

fn file(
    folder: &Path,
    name: &str,
    is_there: bool,
    write: impl FnOnce(&mut BufWriter<fs::File>) -> io::Result<()>,
) -> Result<(), WriteError> {
    let path = folder.join(name);
    let written = || {
        let options = OpenOptions::new().append(is_there).write(true).create_new(!is_there).open(&path)?;
        let mut file = BufWriter::new(options);
        write(&mut file)?;
        file.flush()
    };
    written().map_err(|source| WriteError::File { path: path.clone(), source })
}
