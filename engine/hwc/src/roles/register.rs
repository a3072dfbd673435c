//! What a municipality's administrator does with its register in a database: fill it from files, keep its schools, ask how
//! it is. Needs neither the broker nor the running process, which sees what changed by itself.

use std::{
    fmt::{self, Display, Formatter, Write as _},
    path::{Path, PathBuf},
};

use hwc_casework::routing::SchoolCode;
use hwc_register::{
    Difference, Encoding, Form, Mode, Place, Register, RegisterError, SchoolChange, SchoolRecord,
    SchoolsDifference, Separator, Shrink, files, stale,
};
use hwc_schemas::{person::civil_date, report::MunicipalityCode};
use hwc_workflow::calendar::Zone;
use jiff::{Timestamp, civil::Date};
use serde::{Deserialize, Serialize};

use super::{
    RoleError, holdings,
    municipality::{MunicipalityFile, settings},
    standing, table,
    words::{self, How},
};
use crate::{
    cli::{self, Output},
    exit::{self, Code},
    outcome::{Outcome, tell},
    region::RegionError,
    settings::{Common, Settings},
};

/// `[register]`: a register in a database.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RegisterTable {
    /// The file of a SQLite database, ours alone.
    sqlite: Option<PathBuf>,
    /// A file with the address of a PostgreSQL database: user and password stand in it, so it is ours alone.
    postgres: Option<PathBuf>,
    /// How the files that are imported write letters.
    #[serde(default)]
    encoding: WrittenIn,
    /// What stands between two of their fields.
    #[serde(default)]
    separator: Between,
    /// Enrolments of so many days ago raise an alarm.
    #[serde(default = "ten")]
    stale_after_days: u16,
    /// So many of a hundred pupils may vanish in one import without anybody confirming it.
    #[serde(default = "ten_percent")]
    shrink_percent_max: u8,
}

const fn ten() -> u16 {
    10
}

const fn ten_percent() -> u8 {
    10
}

#[derive(Debug, Clone, Copy, Default, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum WrittenIn {
    #[default]
    #[serde(rename = "utf-8")]
    Utf8,
    #[serde(rename = "windows-1252")]
    Windows1252,
}

#[derive(Debug, Clone, Copy, Default, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Between {
    #[default]
    Comma,
    Semicolon,
}

impl RegisterTable {
    /// Where it lies.
    pub(super) fn place(&self, settings: &Settings<MunicipalityFile>) -> Result<Place, RoleError> {
        if self.shrink_percent_max > 100 || self.stale_after_days == 0 {
            let problem = "[register] stale_after_days is at least 1 and shrink_percent_max at most 100";
            return Err(settings.unusable(problem).into());
        }
        match (&self.sqlite, &self.postgres) {
            (Some(path), None) => Ok(Place::Sqlite(settings.path(path))),
            (None, Some(path)) => Ok(Place::Postgres(settings.path(path))),
            _ => Err(settings.unusable("[register] says one of sqlite and postgres").into()),
        }
    }

    /// After how many days enrolments are stale.
    pub(super) const fn stale_after_days(&self) -> u16 {
        self.stale_after_days
    }

    const fn form(&self) -> Form {
        let encoding = match self.encoding {
            WrittenIn::Utf8 => Encoding::Utf8,
            WrittenIn::Windows1252 => Encoding::Windows1252,
        };
        let separator = match self.separator {
            Between::Comma => Separator::Comma,
            Between::Semicolon => Separator::Semicolon,
        };
        Form { encoding, separator }
    }
}

/// Reads a file into the register.
#[derive(Debug, clap::Args)]
#[command(group(clap::ArgGroup::new("what").required(true)))]
pub(super) struct Import {
    /// Alle leerlingen: wie er niet in staat is er niet meer (every pupil: who is not in it is gone).
    #[arg(long, value_name = "FILE", group = "what")]
    full: Option<PathBuf>,
    /// Wat er veranderde sinds het vorige bestand (what changed since the last file).
    #[arg(long, value_name = "FILE", group = "what")]
    delta: Option<PathBuf>,
    /// Een lijst van scholen (a list of schools).
    #[arg(long, value_name = "FILE", group = "what")]
    schools: Option<PathBuf>,
    /// Alleen tellen wat er zou veranderen (only count what would change).
    #[arg(long)]
    dry_run: bool,
    /// Het klopt dat er zo veel leerlingen verdwijnen (it is right that so many pupils vanish).
    #[arg(long)]
    confirm_shrink: bool,
    /// Hoe het getoond wordt (how to print it).
    #[arg(short, long, value_enum, default_value_t = Output::Text)]
    output: Output,
}

/// What is done to a school.
#[derive(Debug, clap::Subcommand)]
pub(super) enum School {
    /// De school doet mee, of haar gegevens veranderen (it takes part, or what is known of it changes).
    Add {
        /// BRIN en vestiging, zoals 01AA00 (BRIN and location).
        code: SchoolCode,
        /// De naam (its name).
        #[arg(long)]
        name: String,
        /// De CBS-code van de gemeente waarin zij ligt (the municipality it lies in).
        #[arg(long)]
        municipality: String,
        /// De HwC-postbus (its HwC mailbox).
        #[arg(long)]
        mailbox: Option<String>,
        /// De dag waarop het bestuur het convenant tekende (the day of the covenant).
        #[arg(long, value_name = "DATE")]
        covenant: Option<String>,
        /// po, so, vo of mbo.
        #[arg(long)]
        sector: Option<String>,
        /// Vraagt het werkadres van de contactpersoon, dat zo in geen lijst van processen komt (asks for the contact's work address).
        #[arg(long)]
        contact: bool,
        /// Vraagt het werkadres van de achterwacht (asks for the backup contact's).
        #[arg(long)]
        backup: bool,
        #[command(flatten)]
        how: How,
    },
    /// De school doet vanaf deze dag niet meer mee (it takes no part from this day on).
    Leave {
        /// BRIN en vestiging (BRIN and location).
        code: SchoolCode,
        /// Vanaf welke dag (from which day).
        #[arg(long, value_name = "DATE")]
        on: String,
        #[command(flatten)]
        how: How,
    },
    /// De leerlingen van de school zijn vanaf deze dag die van een andere (its pupils become another one's).
    Merge {
        /// BRIN en vestiging (BRIN and location).
        code: SchoolCode,
        /// Van welke school (of which school).
        #[arg(long, value_name = "SCHOOL")]
        into: SchoolCode,
        /// Vanaf welke dag (from which day).
        #[arg(long, value_name = "DATE")]
        on: String,
        #[command(flatten)]
        how: How,
    },
    /// Toont de scholen (lists the schools).
    List {
        /// Hoe het getoond wordt (how to print it).
        #[arg(short, long, value_enum, default_value_t = Output::Text)]
        output: Output,
    },
}

/// What is done to the database itself.
#[derive(Debug, clap::Subcommand)]
pub(super) enum Itself {
    /// Maakt de tabellen, of werkt ze bij (makes the tables, or brings them up to date).
    Prepare(How),
    /// Hoe oud en hoe groot het is; eindigt met 6 als het te oud is (how it is; ends with 6 when it is stale).
    Status {
        /// Hoe het getoond wordt (how to print it).
        #[arg(short, long, value_enum, default_value_t = Output::Text)]
        output: Output,
    },
}

/// The settings of a register in a database.
struct Chosen {
    place: Place,
    own: MunicipalityCode,
    form: Form,
    stale_after_days: u16,
    percent_max: u8,
    now: (Timestamp, Date),
    state_dir: PathBuf,
}

impl Chosen {
    fn read(common: &Common) -> Result<Self, RoleError> {
        let (settings, _, own) = settings(common)?;
        let table = settings.file.register().ok_or_else(|| {
            settings.unusable("there is no [register]: enrolments and schools are the two CSV files")
        })?;
        let now = Timestamp::now();
        let zone = Zone::amsterdam().map_err(|_| RegionError::Zone)?;
        Ok(Self {
            place: table.place(&settings)?,
            own,
            form: table.form(),
            stale_after_days: table.stale_after_days,
            percent_max: table.shrink_percent_max,
            now: (now, zone.as_time_zone().to_datetime(now).date()),
            state_dir: settings.relay.state_dir.clone(),
        })
    }

    /// Open to write, with its tables made.
    async fn prepared(&self) -> Result<Register, RoleError> {
        let register = Register::open(&self.place, self.own).await?;
        register.prepare().await?;
        Ok(register)
    }

    /// Open to ask.
    async fn asked(&self) -> Result<Register, RoleError> {
        Ok(Register::open_to_ask(&self.place, self.own).await?)
    }
}

#[derive(Serialize)]
struct Imported<T> {
    import: &'static str,
    dry_run: bool,
    difference: T,
}

pub(super) async fn import(common: &Common, import: Import) -> Result<Code, RoleError> {
    let chosen = Chosen::read(common)?;
    let Chosen { own, form, now, .. } = chosen;
    let mode = if import.dry_run { Mode::DryRun } else { Mode::Apply };
    let shrink = Shrink { percent_max: chosen.percent_max, confirmed: import.confirm_shrink };
    // What cannot be read is refused before a database is touched.
    match (import.full, import.delta, import.schools) {
        (Some(path), ..) => {
            let pupils = files::full(&name(&path), &table(&path)?, form, own)?;
            let register = chosen.for_mode(mode).await?;
            let done = register.import_full(pupils, now, mode, shrink).await;
            register.close().await;
            chosen.note(mode, true, &done);
            pupils_said("full", done, mode, import.output)
        }
        (_, Some(path), _) => {
            let changes = files::delta(&name(&path), &table(&path)?, form, own)?;
            let register = chosen.for_mode(mode).await?;
            let done = register.import_delta(changes, now, mode, shrink).await;
            register.close().await;
            chosen.note(mode, false, &done);
            pupils_said("delta", done, mode, import.output)
        }
        (.., path) => {
            let path = path.unwrap_or_default();
            let list = files::schools(&name(&path), &table(&path)?, form)?;
            let register = chosen.for_mode(mode).await?;
            let done = register.import_schools(list, mode).await;
            register.close().await;
            Ok(schools_said(done?, mode, import.output))
        }
    }
}

impl Chosen {
    async fn for_mode(&self, mode: Mode) -> Result<Register, RoleError> {
        match mode {
            Mode::Apply => self.prepared().await,
            Mode::DryRun => self.asked().await,
        }
    }
}

impl Chosen {
    /// Remembers what an import did, for the desk.
    fn note(&self, mode: Mode, full: bool, done: &Result<Difference, RegisterError>) {
        if let (Mode::Apply, Ok(difference)) = (mode, done) {
            standing::note_import(&self.state_dir, self.now.0, full, *difference);
        }
    }
}

/// What a file is called in errors: its name without its folder.
fn name(path: &Path) -> String {
    path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default()
}

fn pupils_said(
    kind: &'static str,
    done: Result<Difference, RegisterError>,
    mode: Mode,
    output: Output,
) -> Result<Code, RoleError> {
    let difference = match done {
        Ok(difference) => difference,
        Err(RegisterError::Shrinks { gone, before, percent_max }) => {
            exit::say(&format!(
                "Er zouden {gone} van de {before} leerlingen verdwijnen: meer dan {percent_max} %. Er is niets veranderd. \
                 Klopt het bestand, zeg dan --confirm-shrink."
            ));
            return Ok(Code::Refused);
        }
        Err(error) => return Err(error.into()),
    };
    if output == Output::Json {
        return Ok(json(&Imported { import: kind, dry_run: mode == Mode::DryRun, difference }));
    }
    let Difference { rows, new, gone, moved, changed, unchanged, elsewhere, over, twice, .. } = difference;
    let Difference { no_school, school_unknown, secret, .. } = difference;
    cli::print(&format!(
        "regels              {rows}\n\
         nieuw               {new}\n\
         vertrokken          {gone}\n\
         van school          {moved}\n\
         anders veranderd    {changed}\n\
         gelijk gebleven     {unchanged}\n\
         geen school         {no_school}\n\
         school onbekend     {school_unknown}\n\
         geheim              {secret}\n\
         andere gemeente     {elsewhere}  (niet overgenomen)\n\
         al uitgeschreven    {over}  (niet overgenomen)\n\
         dubbele regels      {twice}  (niet overgenomen)\n\
         {}\n",
        closing(mode, difference.is_none())
    ));
    Ok(Code::Fine)
}

fn schools_said(difference: SchoolsDifference, mode: Mode, output: Output) -> Code {
    if output == Output::Json {
        return json(&Imported { import: "schools", dry_run: mode == Mode::DryRun, difference });
    }
    let SchoolsDifference { rows, new, changed, unchanged, not_listed } = difference;
    cli::print(&format!(
        "regels              {rows}\n\
         nieuw               {new}\n\
         veranderd           {changed}\n\
         gelijk gebleven     {unchanged}\n\
         niet in de lijst    {not_listed}  (blijven zoals ze waren)\n\
         {}\n",
        closing(mode, new == 0 && changed == 0)
    ));
    Code::Fine
}

const fn closing(mode: Mode, nothing: bool) -> &'static str {
    match (mode, nothing) {
        (Mode::DryRun, _) => "Er is niets veranderd: dit was een proef (--dry-run).",
        (Mode::Apply, true) => "Er was niets te veranderen.",
        (Mode::Apply, false) => "Het is overgenomen; het programma werkt er meteen mee.",
    }
}

fn json(value: &impl Serialize) -> Code {
    match serde_json::to_string(value) {
        Ok(text) => {
            cli::print(&format!("{text}\n"));
            Code::Fine
        }
        Err(_) => words::strange(),
    }
}

pub(super) async fn school(common: &Common, school: School) -> Result<Code, RoleError> {
    let chosen = Chosen::read(common)?;
    let (code, change, how) = match school {
        School::List { output } => return list(&chosen, output).await,
        School::Leave { code, on, how } => (code, SchoolChange::Leave(day("--on", &on)?), how),
        School::Merge { code, into, on, how } => (code, SchoolChange::Merge(into, day("--on", &on)?), how),
        School::Add { code, name, municipality, mailbox, covenant, sector, contact, backup, how } => {
            let address = |flag: &str, text: Option<&str>| {
                let checked =
                    text.map(|text| files::mail_address(text).map_err(|problem| said(flag, problem)));
                checked.transpose()
            };
            let asked = |flag: &str, is_wanted: bool, whose: &str| {
                if !is_wanted {
                    return Ok(None);
                }
                holdings::prompt(&format!("Werkadres van de {whose}: "));
                address(flag, Some(holdings::line().map_err(RoleError::Said)?.trim()))
            };
            let record = SchoolRecord {
                code,
                name: files::school_name(name.trim()).map_err(|error| said("--name", error.problem))?,
                sector: sector
                    .map(|text| {
                        files::sector(&text).ok_or_else(|| said("--sector", "is none of po, so, vo, mbo"))
                    })
                    .transpose()?,
                municipality: MunicipalityCode::parse(&municipality)
                    .map_err(|error| said("--municipality", error.problem))?,
                mailbox: address("--mailbox", mailbox.as_deref())?,
                covenant_signed_on: covenant.map(|text| day("--covenant", &text)).transpose()?,
                contact: asked("--contact", contact, "contactpersoon")?,
                backup: asked("--backup", backup, "achterwacht")?,
                left_on: None,
                merged: None,
            };
            (code, SchoolChange::Add(Box::new(record)), how)
        }
    };
    let register = chosen.prepared().await?;
    let done = register.change_school(code, change).await;
    register.close().await;
    Ok(tell(how.output, &SchoolKept { school: code.to_string(), changed: done? }))
}

/// What became of a school.
#[derive(Serialize)]
struct SchoolKept {
    school: String,
    changed: bool,
}

impl Outcome for SchoolKept {}

impl Display for SchoolKept {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str(if self.changed {
            "Overgenomen; het programma werkt er meteen mee."
        } else {
            "Er was niets te veranderen."
        })
    }
}

fn day(flag: &str, text: &str) -> Result<Date, RoleError> {
    civil_date(text).ok_or_else(|| said(flag, "is not a date written YYYY-MM-DD"))
}

fn said(flag: &str, problem: &str) -> RoleError {
    RoleError::Said(format!("{flag} {problem}"))
}

#[derive(Serialize)]
struct Listed<'a> {
    code: String,
    name: &'a str,
    sector: Option<&'a str>,
    municipality: &'a str,
    mailbox: Option<&'a str>,
    covenant_signed_on: Option<Date>,
    contact: Option<&'a str>,
    backup: Option<&'a str>,
    left_on: Option<Date>,
    merged_into: Option<String>,
    merged_on: Option<Date>,
    participates: bool,
}

async fn list(chosen: &Chosen, output: Output) -> Result<Code, RoleError> {
    let register = chosen.asked().await?;
    let directory = register.schools().await;
    register.close().await;
    let (directory, today) = (directory?, chosen.now.1);
    let schools = directory.on(today);
    let listed = directory.iter().map(|school| Listed {
        code: school.code.to_string(),
        name: &school.name,
        sector: school.sector.as_deref(),
        municipality: school.municipality.as_str(),
        mailbox: school.mailbox.as_deref(),
        covenant_signed_on: school.covenant_signed_on,
        contact: school.contact.as_deref(),
        backup: school.backup.as_deref(),
        left_on: school.left_on,
        merged_into: school.merged.map(|(into, _)| into.to_string()),
        merged_on: school.merged.map(|(_, on)| on),
        participates: schools.participates(school.code, today),
    });
    if output == Output::Json {
        return Ok(json(&serde_json::json!({ "schools": listed.collect::<Vec<_>>() })));
    }
    let mut text = String::new();
    for school in listed {
        let how = match (&school.merged_into, school.merged_on, school.left_on, school.participates) {
            (Some(into), Some(on), ..) => format!("gaat op {on} op in {into}"),
            (.., Some(left), _) => format!("doet niet mee vanaf {left}"),
            (.., true) => "doet mee".to_owned(),
            (.., false) => "doet niet mee".to_owned(),
        };
        let _ = writeln!(text, "{}  {how:32}  {}", school.code, school.name);
    }
    cli::print(if text.is_empty() { "Er staan nog geen scholen in.\n" } else { &text });
    Ok(Code::Fine)
}

#[derive(Serialize)]
struct Status {
    pupils: usize,
    rows: usize,
    schools: usize,
    participating: usize,
    imported_at: Option<Timestamp>,
    age_hours: Option<i64>,
    stale: bool,
}

/// A database that can be used.
#[derive(Serialize)]
struct Prepared {
    prepared: bool,
}

impl Outcome for Prepared {}

impl Display for Prepared {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str("De database is klaar voor gebruik.")
    }
}

pub(super) async fn itself(common: &Common, itself: Itself) -> Result<Code, RoleError> {
    let chosen = Chosen::read(common)?;
    let output = match itself {
        Itself::Prepare(how) => {
            chosen.prepared().await?.close().await;
            return Ok(tell(how.output, &Prepared { prepared: true }));
        }
        Itself::Status { output } => output,
    };
    let (now, today) = chosen.now;
    let register = chosen.asked().await?;
    let standing = register.standing(today).await;
    register.close().await;
    let standing = standing?;
    let is_stale = standing.imported_at.is_none_or(|at| stale(at, now, chosen.stale_after_days).is_some());
    let status = Status {
        pupils: standing.pupils,
        rows: standing.rows,
        schools: standing.schools,
        participating: standing.participating,
        imported_at: standing.imported_at,
        age_hours: standing.imported_at.map(|at| now.duration_since(at).as_hours()),
        stale: is_stale,
    };
    if output == Output::Json {
        json(&status);
    } else {
        let imported = status.imported_at.map_or_else(|| "nog nooit".to_owned(), words::local);
        cli::print(&format!(
            "leerlingen          {}\nregels              {}\nscholen             {}, waarvan {} meedoen\n\
             laatst ingelezen    {imported}\n",
            status.pupils, status.rows, status.schools, status.participating
        ));
        if is_stale {
            exit::say("De gegevens zijn te oud of nog nooit ingelezen: lees een nieuw bestand in.");
        }
    }
    Ok(if is_stale { Code::Critical } else { Code::Fine })
}
