//! The region as files: the dataset's format, written as it is drawn, so that no file is ever held in memory.

use std::{
    fmt::Write as _,
    fs::{self, File, OpenOptions},
    io::{self, BufWriter, Write},
    path::{Path, PathBuf},
};

use hwc_workflow::calendar::{Zone, easter_sunday};
use jiff::{
    ToSpan as _,
    civil::{Date, Weekday},
};

use crate::{
    dice::Dice,
    enrolment::Row,
    holidays::{self, school_year_of},
    household::Household,
    person::Person,
    population::Population,
    rates::CLOSED_DAYS_OF_A_YEAR,
    settings::Size,
};

/// What was written.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Written {
    /// Municipalities, those outside the region too.
    pub municipalities: usize,
    /// Schools: locations.
    pub schools: usize,
    /// Of these, those with a mailbox and a covenant that is signed on the region's day.
    pub participating_schools: usize,
    /// Households.
    pub households: u64,
    /// Children under 18, registered or not.
    pub children: u64,
    /// Rows of `residents.csv`.
    pub residents: u64,
    /// Rows of `enrolments.csv`.
    pub enrolments: u64,
    /// Lines of `reports.jsonl`.
    pub reports: u64,
    /// Bytes of all files.
    pub bytes: u64,
}

/// Why a region was not written.
#[derive(Debug, thiserror::Error)]
pub enum WriteError {
    /// There is something in the folder.
    #[error("{0}: the folder must be empty or not there yet")]
    NotEmpty(PathBuf),
    /// It cannot be written to.
    #[error("{path}: {source}")]
    File {
        /// Which.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
}

impl Population {
    /// Writes the files that name nobody: `region.toml`, `holidays.json`, `schools.csv` and `closed-days.csv`. The folder must
    /// be empty or not there yet.
    pub fn write_directory(&self, folder: &Path, zone: &Zone) -> Result<Written, WriteError> {
        let failed = |path: &Path| {
            let path = path.to_owned();
            move |source| WriteError::File { path, source }
        };
        fs::create_dir_all(folder).map_err(failed(folder))?;
        if fs::read_dir(folder).map_err(failed(folder))?.next().is_some() {
            return Err(WriteError::NotEmpty(folder.to_owned()));
        }
        let mut written = Written { municipalities: self.municipalities().len(), ..Written::default() };
        let mut file = Sink::create(folder, "region.toml")?;
        let done = file.write_all(self.region_toml().as_bytes());
        written.bytes += file.close(done)?;
        let mut file = Sink::create(folder, "holidays.json")?;
        let done = file.write_all(holidays::feed(self.school_years(), zone).as_bytes());
        written.bytes += file.close(done)?;
        let mut file = Sink::create(folder, "schools.csv")?;
        let done = self.write_schools(&mut file, &mut written);
        written.bytes += file.close(done)?;
        let mut file = Sink::create(folder, "closed-days.csv")?;
        let done = self.write_closed_days(&mut file);
        written.bytes += file.close(done)?;
        Ok(written)
    }

    /// Writes the region and so many reports into a folder, which must be empty or not there yet.
    pub fn write(&self, folder: &Path, reports: u32, zone: &Zone) -> Result<Written, WriteError> {
        let mut written = self.write_directory(folder, zone)?;
        let mut residents = Sink::create(folder, "residents.csv")?;
        let mut enrolments = Sink::create(folder, "enrolments.csv")?;
        let done = self.write_registers(&mut residents, &mut enrolments, &mut written);
        written.bytes += residents.close(done)? + enrolments.close(Ok(()))?;
        let mut file = Sink::create(folder, "reports.jsonl")?;
        let done = self.write_reports(reports, zone, &mut file, &mut written);
        written.bytes += file.close(done)?;
        Ok(written)
    }

    /// The school years that are listed: from the one before the region's day to the one after the period, so that nothing is
    /// held into the unknown.
    pub fn school_years(&self) -> std::ops::RangeInclusive<i16> {
        let settings = self.settings();
        let last = settings.day.checked_add(i64::from(settings.days).days()).unwrap_or(settings.day);
        school_year_of(settings.day) - 1..=school_year_of(last) + 1
    }

    /// `region.toml`: who takes part, and days on which schools are closed besides the holidays of R19: Good Friday and the day
    /// after Ascension Day (assumption: most are).
    pub fn region_toml(&self) -> String {
        let (name, holiday_region) = match self.settings().size {
            Size::Region => ("Hart van Brabant, with invented people and schools".to_owned(), "zuid"),
            Size::Province => ("A province that does not exist".to_owned(), "zuid"),
            Size::Country => ("A country of invented people and schools".to_owned(), "midden"),
            Size::Inhabitants(inhabitants) => {
                (format!("A region that does not exist, of {inhabitants} inhabitants"), "zuid")
            }
        };
        let list =
            |codes: Vec<String>| codes.iter().map(|text| format!("{text:?}")).collect::<Vec<_>>().join(", ");
        let years = *self.school_years().start()..=self.school_years().end() + 1;
        let extra = years.filter_map(easter_sunday).flat_map(|easter| {
            [-2, 40].map(|days: i64| easter.checked_add(days.days()).unwrap_or(easter).to_string())
        });
        let mut text = String::from("synthetic = true\n");
        let _ = writeln!(text, "name = {name:?}");
        let _ = writeln!(text, "holiday_region = {holiday_region:?}");
        let participating = self.participating().map(str::to_owned).collect();
        let _ = writeln!(text, "participating_municipalities = [{}]", list(participating));
        let region = self.in_the_region().map(str::to_owned).collect();
        let _ = writeln!(text, "region_municipalities = [{}]", list(region));
        let _ = writeln!(text, "extra_closed_days = [{}]", list(extra.collect()));
        text
    }

    fn write_schools(&self, file: &mut Sink, written: &mut Written) -> io::Result<()> {
        let mut rows = csv::Writer::from_writer(file);
        rows.write_record([
            "brin",
            "location",
            "name",
            "sector",
            "municipality",
            "mailbox",
            "covenant_signed_on",
        ])?;
        for school in self.schools() {
            let signed = school.covenant_signed_on.map(|day| day.to_string()).unwrap_or_default();
            let today = school.covenant_signed_on.is_some_and(|day| day <= self.settings().day);
            written.schools += 1;
            written.participating_schools += usize::from(today && school.mailbox.is_some());
            rows.write_record([
                &school.brin,
                &school.location,
                &school.name,
                school.sector.as_str(),
                &self.municipalities()[school.municipality].code,
                school.mailbox.as_deref().unwrap_or_default(),
                &signed,
            ])?;
        }
        rows.flush()
    }

    /// A school's own closed days (R19), on weekdays of the listed school years from the region's day on.
    fn write_closed_days(&self, file: &mut Sink) -> io::Result<()> {
        let mut rows = csv::Writer::from_writer(file);
        rows.write_record(["brin", "location", "date"])?;
        let (least, most) = CLOSED_DAYS_OF_A_YEAR;
        let begins = school_year_of(self.settings().day);
        for (at, school) in self.schools().iter().enumerate() {
            for year in begins..=*self.school_years().end() {
                let Ok(first) = Date::new(year, 8, 1) else { continue };
                let year = u64::from(year.unsigned_abs());
                let mut dice = Dice::at(self.settings().seed, &[CLOSED_DAYS, at as u64, year]);
                let days = dice.between(least, most);
                let mut closed: Vec<Date> = (0..days)
                    .filter_map(|_| first.checked_add(i64::from(dice.between(30, 330)).days()).ok())
                    .filter(|day| !matches!(day.weekday(), Weekday::Saturday | Weekday::Sunday))
                    .collect();
                closed.sort_unstable();
                closed.dedup();
                for day in closed {
                    rows.write_record([&school.brin, &school.location, &day.to_string()])?;
                }
            }
        }
        rows.flush()
    }

    /// Both registers in one walk, because drawing the households is what takes the time.
    fn write_registers(
        &self,
        residents: &mut Sink,
        enrolments: &mut Sink,
        written: &mut Written,
    ) -> io::Result<()> {
        let (mut residents, mut enrolments) =
            (csv::Writer::from_writer(residents), csv::Writer::from_writer(enrolments));
        residents.write_record(RESIDENTS)?;
        enrolments.write_record(ENROLMENTS)?;
        for household in self.households() {
            written.households += 1;
            written.children += household.children.len() as u64;
            written.residents += self.write_household(&household, &mut residents)?;
            let code = &self.municipalities()[household.id.municipality].code;
            let schoolings = household.children.iter().filter_map(|child| child.schooling.as_ref());
            for row in schoolings.flat_map(|schooling| &schooling.rows) {
                self.write_enrolment(code, row, &mut enrolments)?;
                written.enrolments += 1;
            }
        }
        residents.flush()?;
        enrolments.flush()
    }

    fn write_household(&self, household: &Household, rows: &mut csv::Writer<&mut Sink>) -> io::Result<u64> {
        let address = &household.address;
        let number = address.house_number.to_string();
        let code = &self.municipalities()[household.id.municipality].code;
        let mut residents = 0;
        for person in household.residents() {
            let Person { given_names, prefix, surname, date_of_birth } = person;
            rows.write_record([
                &address.postcode,
                &number,
                address.house_letter.as_deref().unwrap_or_default(),
                address.addition.as_deref().unwrap_or_default(),
                code,
                given_names,
                prefix.as_deref().unwrap_or_default(),
                surname,
                &date_of_birth.to_string(),
            ])?;
            residents += 1;
        }
        Ok(residents)
    }

    fn write_enrolment(&self, code: &str, row: &Row, rows: &mut csv::Writer<&mut Sink>) -> io::Result<()> {
        let school = |at: Option<usize>| at.map_or(("", ""), |at| self.code_of(at));
        let ((brin, location), (host_brin, host_location)) = (school(row.school), school(row.host));
        let Person { given_names, prefix, surname, date_of_birth } = &row.pupil;
        rows.write_record([
            code,
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
        Ok(())
    }

    fn code_of(&self, school: usize) -> (&str, &str) {
        let school = &self.schools()[school];
        (&school.brin, &school.location)
    }

    fn write_reports(
        &self,
        count: u32,
        zone: &Zone,
        file: &mut Sink,
        written: &mut Written,
    ) -> io::Result<()> {
        let mut dice = Dice::at(self.settings().seed, &[SENT_TWICE]);
        for incident in self.reports(count, zone) {
            let line = incident.line(zone.as_time_zone());
            let times = 1 + u64::from(dice.happens(self.settings().rates.sent_twice));
            for _ in 0..times {
                file.write_all(line.as_bytes())?;
                file.write_all(b"\n")?;
            }
            written.reports += times;
        }
        Ok(())
    }
}

const CLOSED_DAYS: u64 = 0x636c;
const SENT_TWICE: u64 = 0x7477;

/// The columns of `residents.csv`.
pub const RESIDENTS: [&str; 9] = [
    "postcode",
    "house_number",
    "house_letter",
    "addition",
    "municipality",
    "given_names",
    "prefix",
    "surname",
    "date_of_birth",
];

/// The columns of `enrolments.csv`.
pub const ENROLMENTS: [&str; 10] = [
    "municipality",
    "given_names",
    "prefix",
    "surname",
    "date_of_birth",
    "brin",
    "location",
    "secret",
    "host_brin",
    "host_location",
];

/// A new file that counts what goes into it.
struct Sink {
    path: PathBuf,
    file: BufWriter<File>,
    bytes: u64,
}

impl Sink {
    fn create(folder: &Path, name: &str) -> Result<Self, WriteError> {
        let path = folder.join(name);
        match OpenOptions::new().write(true).create_new(true).open(&path) {
            Ok(file) => Ok(Self { path, file: BufWriter::with_capacity(1 << 18, file), bytes: 0 }),
            Err(source) => Err(WriteError::File { path, source }),
        }
    }

    /// Closes the file if all went well; returns its bytes.
    fn close(mut self, done: io::Result<()>) -> Result<u64, WriteError> {
        let closed = done.and_then(|()| self.file.flush());
        closed.map_err(|source| WriteError::File { path: self.path, source })?;
        Ok(self.bytes)
    }
}

impl Write for Sink {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.file.write(bytes)?;
        self.bytes += written as u64;
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}
