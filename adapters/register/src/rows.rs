//! What is asked of the databases. They only keep and find rows: what a row means is decided by `record` and by casework, so
//! that the two databases and memory cannot disagree.

use std::collections::BTreeMap;

use futures::TryStreamExt as _;
use hwc_casework::names::Traces;
use hwc_schemas::{person::Child, report::MunicipalityCode};
use jiff::{Timestamp, civil::Date};
use sqlx::{AssertSqlSafe, Row as _};
use zeroize::Zeroizing;

use crate::{
    Directory, Pupil, SchoolRecord,
    columns::{Columns, RowDigest, traces},
    database::{Pool, Tx, with, with_pool},
    diff::{Known, Placed},
    fault::RegisterError,
};

/// The format of the tables that this program reads and writes.
pub(crate) const FORMAT: i64 = 1;
/// Rows that are written by one statement.
const ROWS_AT_ONCE: usize = 400;
const ENROLMENT_COLUMNS: usize = 15;

/// The one row of `register`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Head {
    pub(crate) format: i64,
    pub(crate) traces: i64,
    pub(crate) version: i64,
}

impl Head {
    /// Whether this program can look pupils up in it.
    pub(crate) fn usable(self) -> Result<Self, RegisterError> {
        let ours = (FORMAT, i64::from(Traces::VERSION));
        if self.format > ours.0 || self.traces > ours.1 {
            Err(RegisterError::Newer)
        } else if (self.format, self.traces) == ours {
            Ok(self)
        } else {
            Err(RegisterError::Older)
        }
    }
}

const PUPIL: &str = "SELECT id, municipality, given_names, prefix, surname, born, school, host, secret, first_day, last_day \
                     FROM enrolments WHERE ";

macro_rules! pupil {
    ($row:expr) => {{
        let row = $row;
        let secret: i64 = row.try_get(8)?;
        let columns = Columns {
            municipality: row.try_get(1)?,
            given_names: Zeroizing::new(row.try_get(2)?),
            prefix: Zeroizing::new(row.try_get(3)?),
            surname: Zeroizing::new(row.try_get(4)?),
            born: Zeroizing::new(row.try_get(5)?),
            school: row.try_get(6)?,
            host: row.try_get(7)?,
            secret: secret != 0,
            from: row.try_get(9)?,
            until: row.try_get(10)?,
        };
        let id: i64 = row.try_get(0)?;
        (id, columns.pupil()?)
    }};
}

/// What the register is, and the rows that could be this child, by one question: one snapshot without a transaction.
pub(crate) async fn head_and_alike(
    pool: &Pool,
    own: MunicipalityCode,
    child: &Child,
    rows_max: usize,
) -> Result<(Head, Vec<Pupil>), RegisterError> {
    let (_, given_name, own_surname, whole_surname) = traces(child);
    let alike = alike_sql();
    let sql =
        format!("SELECT e.*, r.format, r.traces, r.version FROM register r LEFT JOIN ({alike}) e ON 1 = 1");
    let mut head = None;
    let mut found = BTreeMap::new();
    with_pool!(pool, one => {
        let query = sqlx::query(AssertSqlSafe(sql)).bind(own.as_str()).bind(given_name);
        let mut rows = query.bind(own_surname).bind(whole_surname).fetch(one);
        while let Some(row) = rows.try_next().await.map_err(no_table)? {
            head = Some(Head { format: row.try_get(11)?, traces: row.try_get(12)?, version: row.try_get(13)? });
            // Where nobody is alike there is one row, without a pupil.
            if row.try_get::<Option<i64>, _>(0)?.is_none() {
                continue;
            }
            let (id, pupil) = pupil!(row);
            found.insert(id, pupil);
            if found.len() > rows_max {
                return Err(RegisterError::TooManyAlike(rows_max));
            }
        }
    });
    let head = head.ok_or(RegisterError::NotPrepared)?;
    Ok((head, found.into_values().collect()))
}

/// One look into one index each, whatever a database believes of its tables: no order and no limit for which it could choose
/// to read them all.
fn alike_sql() -> String {
    let by = ["by_given_name = $2", "by_own_surname IN ($3, $4)", "by_whole_surname IN ($3, $4)"];
    by.map(|by| format!("{PUPIL}{by} AND municipality = $1")).join(" UNION ALL ")
}

/// What the register is: an error if there is none.
pub(crate) async fn head(tx: &mut Tx) -> Result<Head, RegisterError> {
    let sql = "SELECT format, traces, version FROM register";
    let found = with!(tx, one => match sqlx::query(sql).fetch_optional(one).await {
        Ok(row) => row.map(|row| {
            Ok::<_, sqlx::Error>(Head { format: row.try_get(0)?, traces: row.try_get(1)?, version: row.try_get(2)? })
        }).transpose(),
        Err(error) => Err(error),
    });
    match found {
        Ok(Some(head)) => Ok(head),
        Ok(None) => Err(RegisterError::NotPrepared),
        Err(error) => Err(no_table(error)),
    }
}

/// A table that is not there is a register that nobody made yet.
fn no_table(error: sqlx::Error) -> RegisterError {
    let missing = |error: &sqlx::Error| {
        error
            .as_database_error()
            .and_then(sqlx::error::DatabaseError::code)
            .is_some_and(|code| code == "42P01" || code == "1")
    };
    if missing(&error) { RegisterError::NotPrepared } else { error.into() }
}

/// Pupils or schools changed: whoever looks again sees another version. It follows the time, so that what is imported after
/// a copy was put back is another version than what was imported before.
pub(crate) async fn turn_over(tx: &mut Tx) -> Result<(), RegisterError> {
    let sql = "UPDATE register SET version = CASE WHEN version < $1 THEN $1 ELSE version + 1 END";
    let now = Timestamp::now().as_microsecond();
    with!(tx, one => sqlx::query(sql).bind(now).execute(one).await.map(drop)?);
    Ok(())
}

/// The traces of all rows are of this program's version.
pub(crate) async fn set_traces(tx: &mut Tx) -> Result<(), RegisterError> {
    let version = i64::from(Traces::VERSION);
    with!(tx, one => sqlx::query("UPDATE register SET traces = $1").bind(version).execute(one).await.map(drop)?);
    Ok(())
}

/// When enrolments were last imported.
pub(crate) async fn imported_at(
    tx: &mut Tx,
    own: MunicipalityCode,
) -> Result<Option<Timestamp>, RegisterError> {
    let sql = "SELECT imported_at FROM imports WHERE municipality = $1";
    let text: Option<String> = with!(tx, one => {
        let row = sqlx::query(sql).bind(own.as_str()).fetch_optional(one).await?;
        row.map(|row| row.try_get(0)).transpose()?
    });
    text.map(|text| text.parse().map_err(|_| RegisterError::Spoilt)).transpose()
}

/// Enrolments were imported at this moment.
pub(crate) async fn set_imported_at(
    tx: &mut Tx,
    own: MunicipalityCode,
    now: Timestamp,
) -> Result<(), RegisterError> {
    let sql = "INSERT INTO imports (municipality, imported_at) VALUES ($1, $2) \
               ON CONFLICT (municipality) DO UPDATE SET imported_at = excluded.imported_at";
    with!(tx, one => sqlx::query(sql).bind(own.as_str()).bind(now.to_string()).execute(one).await.map(drop)?);
    Ok(())
}

/// How many pupils and how many rows there are.
pub(crate) async fn size(tx: &mut Tx, own: MunicipalityCode) -> Result<(usize, usize), RegisterError> {
    let sql = "SELECT COUNT(DISTINCT child), COUNT(*) FROM enrolments WHERE municipality = $1";
    let (pupils, rows): (i64, i64) = with!(tx, one => {
        let row = sqlx::query(sql).bind(own.as_str()).fetch_one(one).await?;
        (row.try_get(0)?, row.try_get(1)?)
    });
    let count = |number: i64| usize::try_from(number).unwrap_or(0);
    Ok((count(pupils), count(rows)))
}

/// What is known of every row, without anybody's name.
pub(crate) async fn known(tx: &mut Tx, own: MunicipalityCode) -> Result<Vec<Known>, RegisterError> {
    let sql = "SELECT id, child, row_digest, school, host FROM enrolments WHERE municipality = $1";
    let mut all = Vec::new();
    with!(tx, one => {
        let mut rows = sqlx::query(sql).bind(own.as_str()).fetch(one);
        while let Some(row) = rows.try_next().await? {
            let digest: Vec<u8> = row.try_get(2)?;
            let (school, host): (Option<String>, Option<String>) = (row.try_get(3)?, row.try_get(4)?);
            all.push(Known {
                id: row.try_get(0)?,
                child: row.try_get(1)?,
                digest: RowDigest::try_from(digest).map_err(|_| RegisterError::Spoilt)?,
                placed: Placed::of(school.as_deref(), host.as_deref()),
            });
        }
    });
    Ok(all)
}

/// Rows that could be this child, in the order of the register: those that share a name and the date of birth. The
/// database hears numbers only, and no name.
pub(crate) async fn alike(
    tx: &mut Tx,
    own: MunicipalityCode,
    child: &Child,
    rows_max: usize,
) -> Result<Vec<(i64, Pupil)>, RegisterError> {
    let (_, given_name, own_surname, whole_surname) = traces(child);
    let sql = alike_sql();
    let mut found = BTreeMap::new();
    with!(tx, one => {
        let query = sqlx::query(AssertSqlSafe(sql)).bind(own.as_str()).bind(given_name);
        let mut rows = query.bind(own_surname).bind(whole_surname).fetch(one);
        while let Some(row) = rows.try_next().await? {
            let (id, pupil) = pupil!(row);
            found.insert(id, pupil);
            if found.len() > rows_max {
                return Err(RegisterError::TooManyAlike(rows_max));
            }
        }
    });
    Ok(found.into_iter().collect())
}

/// Some rows after this one, in their order.
pub(crate) async fn after(tx: &mut Tx, id: i64, rows_max: i64) -> Result<Vec<(i64, Pupil)>, RegisterError> {
    let sql = PUPIL.to_owned() + "id > $1 ORDER BY id LIMIT $2";
    let mut found = Vec::new();
    with!(tx, one => {
        let mut rows = sqlx::query(AssertSqlSafe(sql)).bind(id).bind(rows_max).fetch(one);
        while let Some(row) = rows.try_next().await? {
            found.push(pupil!(row));
        }
    });
    Ok(found)
}

/// Writes new traces for a row.
pub(crate) async fn trace_anew(tx: &mut Tx, id: i64, pupil: &Pupil) -> Result<(), RegisterError> {
    let sql = "UPDATE enrolments SET child = $1, by_given_name = $2, by_own_surname = $3, by_whole_surname = $4 WHERE id = $5";
    let (child, given_name, own_surname, whole_surname) = traces(&pupil.child);
    with!(tx, one => {
        let query = sqlx::query(sql).bind(child).bind(given_name).bind(own_surname).bind(whole_surname);
        query.bind(id).execute(one).await.map(drop)?;
    });
    Ok(())
}

/// Adds rows, in this order.
pub(crate) async fn insert<'a>(
    tx: &mut Tx,
    pupils: impl Iterator<Item = &'a Pupil>,
) -> Result<(), RegisterError> {
    const INTO: &str = "INSERT INTO enrolments (municipality, row_digest, child, by_given_name, by_own_surname, \
                        by_whole_surname, given_names, prefix, surname, born, school, host, secret, first_day, last_day) VALUES ";
    let mut pupils = pupils.peekable();
    while pupils.peek().is_some() {
        let rows: Vec<_> = pupils
            .by_ref()
            .take(ROWS_AT_ONCE)
            .map(|pupil| (Columns::of(pupil), traces(&pupil.child)))
            .collect();
        let sql = INTO.to_owned() + &places(tx, rows.len(), ENROLMENT_COLUMNS);
        with!(tx, one => {
            let mut query = sqlx::query(AssertSqlSafe(sql));
            for (columns, (child, given_name, own_surname, whole_surname)) in &rows {
                query = query
                    .bind(&*columns.municipality)
                    .bind(columns.digest().to_vec())
                    .bind(child)
                    .bind(given_name)
                    .bind(own_surname)
                    .bind(whole_surname)
                    .bind(columns.given_names.as_str())
                    .bind(columns.prefix.as_str())
                    .bind(columns.surname.as_str())
                    .bind(columns.born.as_str())
                    .bind(columns.school.as_deref())
                    .bind(columns.host.as_deref())
                    .bind(i64::from(columns.secret))
                    .bind(columns.from.as_deref())
                    .bind(columns.until.as_deref());
            }
            query.execute(one).await.map(drop)?;
        });
    }
    Ok(())
}

/// Takes rows away.
pub(crate) async fn delete(tx: &mut Tx, ids: &[i64]) -> Result<(), RegisterError> {
    for ids in ids.chunks(ROWS_AT_ONCE) {
        let sql = format!("DELETE FROM enrolments WHERE id IN {}", places(tx, 1, ids.len()));
        with!(tx, one => {
            let mut query = sqlx::query(AssertSqlSafe(sql));
            for id in ids {
                query = query.bind(id);
            }
            query.execute(one).await.map(drop)?;
        });
    }
    Ok(())
}

/// `($1, $2), ($3, $4)`, or with question marks for `SQLite`, which looks for each number among all of them.
fn places(tx: &Tx, rows: usize, columns: usize) -> String {
    use std::fmt::Write as _;
    let mut text = String::with_capacity(rows * columns * 6);
    for row in 0..rows {
        text.push_str(if row == 0 { "(" } else { ", (" });
        for column in 1..=columns {
            text.push_str(if column == 1 { "" } else { ", " });
            match tx {
                Tx::Sqlite(_) => text.push('?'),
                Tx::Postgres(_) => {
                    // Writing into a String cannot fail.
                    let _ = write!(text, "${}", row * columns + column);
                }
            }
        }
        text.push(')');
    }
    text
}

/// The directory of schools.
pub(crate) async fn directory(tx: &mut Tx) -> Result<Directory, RegisterError> {
    let sql = "SELECT code, name, sector, municipality, mailbox, covenant_signed_on, contact, backup, left_on, \
               merged_into, merged_on FROM schools";
    let day = |text: Option<String>| -> Result<Option<Date>, RegisterError> {
        text.map(|text| text.parse().map_err(|_| RegisterError::Spoilt)).transpose()
    };
    let mut all = Vec::new();
    with!(tx, one => {
        let mut rows = sqlx::query(sql).fetch(one);
        while let Some(row) = rows.try_next().await? {
            let (code, municipality): (String, String) = (row.try_get(0)?, row.try_get(3)?);
            let (into, on): (Option<String>, Option<String>) = (row.try_get(9)?, row.try_get(10)?);
            let into = into.map(|code| code.parse()).transpose().map_err(|_| RegisterError::Spoilt)?;
            all.push(SchoolRecord {
                code: code.parse().map_err(|_| RegisterError::Spoilt)?,
                name: row.try_get(1)?,
                sector: row.try_get(2)?,
                municipality: MunicipalityCode::parse(&municipality).map_err(|_| RegisterError::Spoilt)?,
                mailbox: row.try_get(4)?,
                covenant_signed_on: day(row.try_get(5)?)?,
                contact: row.try_get(6)?,
                backup: row.try_get(7)?,
                left_on: day(row.try_get(8)?)?,
                merged: into.zip(day(on)?),
            });
        }
    });
    Ok(all.into_iter().collect())
}

/// Writes a school, new or not.
pub(crate) async fn put_school(tx: &mut Tx, school: &SchoolRecord) -> Result<(), RegisterError> {
    let sql = "INSERT INTO schools (code, name, sector, municipality, mailbox, covenant_signed_on, contact, backup, left_on, \
               merged_into, merged_on) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11) ON CONFLICT (code) DO UPDATE SET \
               name = excluded.name, sector = excluded.sector, municipality = excluded.municipality, \
               mailbox = excluded.mailbox, covenant_signed_on = excluded.covenant_signed_on, contact = excluded.contact, \
               backup = excluded.backup, left_on = excluded.left_on, merged_into = excluded.merged_into, \
               merged_on = excluded.merged_on";
    let day = |day: Option<Date>| day.map(|day| day.to_string());
    let (into, on) = school.merged.unzip();
    with!(tx, one => {
        sqlx::query(sql)
            .bind(school.code.as_str())
            .bind(&*school.name)
            .bind(school.sector.as_deref())
            .bind(school.municipality.as_str())
            .bind(school.mailbox.as_deref())
            .bind(day(school.covenant_signed_on))
            .bind(school.contact.as_deref())
            .bind(school.backup.as_deref())
            .bind(day(school.left_on))
            .bind(into.map(|code| code.to_string()))
            .bind(day(on))
            .execute(one)
            .await
            .map(drop)?;
    });
    Ok(())
}
