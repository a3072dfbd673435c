//! The register for whoever fills it: prepared, imported, its schools kept, asked how it is.

use std::collections::HashMap;

use hwc_schemas::report::MunicipalityCode;
use jiff::{Timestamp, civil::Date};
use serde::{Deserialize, Serialize};

use crate::{
    Difference, Directory, Pupil,
    columns::traces,
    database::{For, Place, Pool, Tx},
    diff::{Known, Plan, applied, plan, taken},
    fault::RegisterError,
    files::{Change, Listed},
    record::SchoolRecord,
    rows,
};

/// Pupils that may vanish from even the smallest register without anybody having to confirm it.
const GONE_UNASKED: usize = 5;
/// Rows that are traced anew at once.
const TRACED_AT_ONCE: i64 = 1_000;
/// Rows of a register that could be one pupil of a delta.
const ALIKE_MAX: usize = 10_000;

/// A register, open to be written. Several programs may have it open; one writes at a time, and readers see the version
/// before until it is done.
#[derive(Debug, Clone)]
pub struct Register {
    pool: Pool,
    own: MunicipalityCode,
}

/// Whether a change is made, or only said.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// It is made.
    Apply,
    /// What would change is said, and nothing is.
    DryRun,
}

/// How much of a register may vanish in one import.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Shrink {
    /// So many of a hundred pupils.
    pub percent_max: u8,
    /// Somebody looked, and says that more is right.
    pub confirmed: bool,
}

/// What a list of schools changes, or did.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct SchoolsDifference {
    /// Rows of the list.
    pub rows: usize,
    /// Schools that were not there.
    pub new: usize,
    /// Schools of which something changed.
    pub changed: usize,
    /// Schools that stay as they were.
    pub unchanged: usize,
    /// Schools of the register that the list does not name. They stay.
    pub not_listed: usize,
}

/// What is done to one school.
#[derive(Clone, PartialEq, Eq)]
pub enum SchoolChange {
    /// It takes part, or what is known of it changes.
    Add(Box<SchoolRecord>),
    /// It takes no part from this day on.
    Leave(Date),
    /// It becomes part of this school on this day.
    Merge(hwc_casework::routing::SchoolCode, Date),
}

/// How a register is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Standing {
    /// Pupils of this municipality.
    pub pupils: usize,
    /// Rows of them.
    pub rows: usize,
    /// Schools of the directory.
    pub schools: usize,
    /// Schools that take part today.
    pub participating: usize,
    /// When enrolments were last imported.
    pub imported_at: Option<Timestamp>,
    /// Counts the changes.
    pub version: i64,
}

impl Register {
    /// Opens a register to write: of this municipality, and no other.
    pub async fn open(place: &Place, own: MunicipalityCode) -> Result<Self, RegisterError> {
        Ok(Self { pool: Pool::open(place, For::Writing).await?, own })
    }

    /// Opens a register only to ask how it is, and what an import would change.
    pub async fn open_to_ask(place: &Place, own: MunicipalityCode) -> Result<Self, RegisterError> {
        Ok(Self { pool: Pool::open(place, For::Reading).await?, own })
    }

    /// Makes the tables where there are none, brings them up to date where they are older, and leaves them alone where they
    /// are of today.
    pub async fn prepare(&self) -> Result<(), RegisterError> {
        self.pool.migrate().await?;
        let mut tx = self.pool.write().await?;
        match rows::head(&mut tx).await?.usable() {
            Ok(_) => Ok(()),
            Err(RegisterError::Older) => {
                self.trace_anew(&mut tx).await?;
                tx.commit().await
            }
            Err(error) => Err(error),
        }
    }

    /// Names are compared in another way than when these rows were written: what they are found by is made anew.
    async fn trace_anew(&self, tx: &mut Tx) -> Result<(), RegisterError> {
        let mut last = 0;
        loop {
            let some = rows::after(tx, last, TRACED_AT_ONCE).await?;
            let Some((id, _)) = some.last() else { break };
            last = *id;
            for (id, pupil) in &some {
                rows::trace_anew(tx, *id, pupil).await?;
            }
        }
        rows::set_traces(tx).await?;
        rows::turn_over(tx).await
    }

    /// Takes a file of enrolments in full: what it does not name is not there any more.
    pub async fn import_full(
        &self,
        pupils: Vec<Pupil>,
        now: (Timestamp, Date),
        mode: Mode,
        shrink: Shrink,
    ) -> Result<Difference, RegisterError> {
        let mut tx = self.begin(mode).await?;
        rows::head(&mut tx).await?.usable()?;
        let mut difference = Difference { rows: pupils.len(), ..Difference::default() };
        let wanted = taken(pupils, self.own, now.1, &mut difference);
        let directory = rows::directory(&mut tx).await?;
        let there = rows::known(&mut tx, self.own).await?;
        let plan = plan(there, wanted, &directory, difference);
        self.carry_out(tx, plan, now.0, mode, shrink).await
    }

    /// Takes what changed since the last file.
    pub async fn import_delta(
        &self,
        changes: Vec<Change>,
        now: (Timestamp, Date),
        mode: Mode,
        shrink: Shrink,
    ) -> Result<Difference, RegisterError> {
        let mut tx = self.begin(mode).await?;
        rows::head(&mut tx).await?.usable()?;
        if rows::imported_at(&mut tx, self.own).await?.is_none() {
            return Err(RegisterError::NeverImported);
        }
        let mut difference = Difference { rows: changes.len(), ..Difference::default() };
        let mut own = changes;
        own.retain(|change| change.pupil.municipality == self.own);
        difference.elsewhere = difference.rows - own.len();
        let directory = rows::directory(&mut tx).await?;
        // Every row of every pupil that is named, once.
        let mut there: HashMap<i64, Pupil> = HashMap::new();
        for change in &own {
            let child = traces(&change.pupil.child).0;
            let alike = rows::alike(&mut tx, self.own, &change.pupil.child, ALIKE_MAX).await?;
            there.extend(alike.into_iter().filter(|(_, pupil)| traces(&pupil.child).0 == child));
        }
        let mut there: Vec<(i64, Pupil)> = there.into_iter().collect();
        there.sort_unstable_by_key(|(id, _)| *id);
        let known = there.iter().map(|(id, pupil)| Known::of(*id, pupil)).collect();
        let wanted = applied(there.into_iter().map(|(_, pupil)| pupil).collect(), own);
        let elsewhere = difference.elsewhere;
        let wanted = taken(wanted, self.own, now.1, &mut difference);
        difference.elsewhere = elsewhere;
        let plan = plan(known, wanted, &directory, difference);
        self.carry_out(tx, plan, now.0, mode, shrink).await
    }

    async fn begin(&self, mode: Mode) -> Result<Tx, RegisterError> {
        match mode {
            Mode::Apply => self.pool.write().await,
            Mode::DryRun => self.pool.snapshot().await,
        }
    }

    async fn carry_out(
        &self,
        mut tx: Tx,
        plan: Plan,
        now: Timestamp,
        mode: Mode,
        shrink: Shrink,
    ) -> Result<Difference, RegisterError> {
        let Plan { delete, insert, difference } = plan;
        let (before, _) = rows::size(&mut tx, self.own).await?;
        let Shrink { percent_max, confirmed } = shrink;
        let gone = difference.gone;
        let much = gone > GONE_UNASKED.min(before.saturating_sub(1));
        if !confirmed && much && gone * 100 > before * usize::from(percent_max) {
            return Err(RegisterError::Shrinks { gone, before, percent_max });
        }
        if mode == Mode::DryRun {
            return Ok(difference);
        }
        rows::delete(&mut tx, &delete).await?;
        rows::insert(&mut tx, insert.iter()).await?;
        drop(insert);
        if !difference.is_none() {
            rows::turn_over(&mut tx).await?;
        }
        rows::set_imported_at(&mut tx, self.own, now).await?;
        tx.commit().await?;
        self.pool.tidy().await;
        Ok(difference)
    }

    /// Takes a list of schools. What it says holds; what it does not say stays as it was, and so do schools that it does not
    /// name: a school leaves by [`SchoolChange::Leave`] alone.
    pub async fn import_schools(
        &self,
        list: Vec<Listed>,
        mode: Mode,
    ) -> Result<SchoolsDifference, RegisterError> {
        let mut tx = self.begin(mode).await?;
        rows::head(&mut tx).await?.usable()?;
        let directory = rows::directory(&mut tx).await?;
        let mut difference = SchoolsDifference { rows: list.len(), ..SchoolsDifference::default() };
        let known = directory.iter().len();
        let mut put = Vec::new();
        for listed in list {
            let before = directory.get(listed.code);
            let after = merged(before, listed);
            match before {
                None => difference.new += 1,
                Some(before) if *before == after => {
                    difference.unchanged += 1;
                    continue;
                }
                Some(_) => difference.changed += 1,
            }
            put.push(after);
        }
        difference.not_listed = known - difference.changed - difference.unchanged;
        if mode == Mode::Apply && !put.is_empty() {
            for school in &put {
                rows::put_school(&mut tx, school).await?;
            }
            rows::turn_over(&mut tx).await?;
            tx.commit().await?;
        }
        Ok(difference)
    }

    /// Changes one school. Whether anything changed is answered.
    pub async fn change_school(
        &self,
        code: hwc_casework::routing::SchoolCode,
        change: SchoolChange,
    ) -> Result<bool, RegisterError> {
        let mut tx = self.pool.write().await?;
        rows::head(&mut tx).await?.usable()?;
        let directory = rows::directory(&mut tx).await?;
        let after = changed(&directory, code, change)?;
        if directory.get(code) == Some(&after) {
            return Ok(false);
        }
        rows::put_school(&mut tx, &after).await?;
        rows::turn_over(&mut tx).await?;
        tx.commit().await?;
        Ok(true)
    }

    /// The directory of schools.
    pub async fn schools(&self) -> Result<Directory, RegisterError> {
        let mut tx = self.pool.snapshot().await?;
        rows::head(&mut tx).await?.usable()?;
        rows::directory(&mut tx).await
    }

    /// How it is on this day.
    pub async fn standing(&self, today: Date) -> Result<Standing, RegisterError> {
        let mut tx = self.pool.snapshot().await?;
        let head = rows::head(&mut tx).await?.usable()?;
        let (pupils, rows) = rows::size(&mut tx, self.own).await?;
        let imported_at = rows::imported_at(&mut tx, self.own).await?;
        let directory = rows::directory(&mut tx).await?;
        let schools = directory.on(today);
        let participating =
            directory.iter().filter(|school| schools.participates(school.code, today)).count();
        let count = directory.iter().len();
        Ok(Standing { pupils, rows, schools: count, participating, imported_at, version: head.version })
    }

    /// Lets go of the database.
    pub async fn close(self) {
        self.pool.close().await;
    }
}

/// A school as a list says it, over what was known.
fn merged(before: Option<&SchoolRecord>, listed: Listed) -> SchoolRecord {
    let before = before.cloned();
    let kept =
        |pick: fn(&SchoolRecord) -> &Option<String>| before.as_ref().and_then(|school| pick(school).clone());
    let Listed { code, name, municipality, sector, mailbox, covenant_signed_on, contact, backup } = listed;
    SchoolRecord {
        code,
        name,
        municipality,
        sector: sector.or_else(|| kept(|school| &school.sector)),
        mailbox: mailbox.unwrap_or_else(|| kept(|school| &school.mailbox)),
        covenant_signed_on: covenant_signed_on
            .unwrap_or_else(|| before.as_ref().and_then(|school| school.covenant_signed_on)),
        contact: contact.unwrap_or_else(|| kept(|school| &school.contact)),
        backup: backup.unwrap_or_else(|| kept(|school| &school.backup)),
        left_on: before.as_ref().and_then(|school| school.left_on),
        merged: before.as_ref().and_then(|school| school.merged),
    }
}

/// A school after a change, or why it cannot be made.
fn changed(
    directory: &Directory,
    code: hwc_casework::routing::SchoolCode,
    change: SchoolChange,
) -> Result<SchoolRecord, RegisterError> {
    const UNKNOWN: &str = "this school is not in the register";
    let known = |code| directory.get(code).cloned().ok_or(RegisterError::School(UNKNOWN));
    match change {
        SchoolChange::Add(school) => Ok(*school),
        SchoolChange::Leave(on) => Ok(SchoolRecord { left_on: Some(on), ..known(code)? }),
        SchoolChange::Merge(into, on) => {
            known(into)?;
            if directory.leads_to(into, code) {
                return Err(RegisterError::School(
                    "a school cannot become part of itself, not by way of others either",
                ));
            }
            Ok(SchoolRecord { merged: Some((into, on)), ..known(code)? })
        }
    }
}

#[cfg(test)]
#[path = "register_tests.rs"]
mod tests;
