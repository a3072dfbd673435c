//! The two databases: SQLite in a file of our own, or PostgreSQL at an address that stands in a file.

use std::{
    fs::{self, DirBuilder, OpenOptions},
    os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _, PermissionsExt as _},
    path::{Path, PathBuf},
    str::FromStr as _,
    time::Duration,
};

use sqlx::{
    ConnectOptions as _, PgPool, Postgres, SqlSafeStr as _, Sqlite, SqlitePool, Transaction,
    migrate::{MigrateError, Migration, MigrationType, Migrator},
    pool::PoolOptions,
    postgres::{PgConnectOptions, PgSslMode},
    sqlite::{SqliteConnectOptions, SqliteJournalMode, SqliteSynchronous},
};
use zeroize::Zeroizing;

use crate::fault::{Fault, RegisterError};

/// Where a register lies.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Place {
    /// A file of SQLite's, ours alone.
    Sqlite(PathBuf),
    /// A file, ours alone, that holds the address of a PostgreSQL database with user and password:
    /// `postgres://user:password@host/database?sslmode=verify-full&sslrootcert=/path/ca.pem`.
    Postgres(PathBuf),
}

/// What a connection is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum For {
    /// Looking pupils up. Such a connection cannot write.
    Reading,
    /// Making tables and importing.
    Writing,
}

/// The connections to a database.
#[derive(Debug, Clone)]
pub(crate) enum Pool {
    Sqlite(SqlitePool),
    Postgres(PgPool),
}

/// One transaction: it sees one snapshot, and what it writes is there whole or not at all.
pub(crate) enum Tx {
    Sqlite(Transaction<'static, Sqlite>),
    Postgres(Transaction<'static, Postgres>),
}

/// Does the same on a connection of either database, each with its own types.
macro_rules! with {
    ($tx:expr, $one:ident => $body:expr) => {
        match $tx {
            $crate::database::Tx::Sqlite(tx) => {
                let $one = &mut **tx;
                $body
            }
            $crate::database::Tx::Postgres(tx) => {
                let $one = &mut **tx;
                $body
            }
        }
    };
}
pub(crate) use with;

/// Does the same with the connections of either database.
macro_rules! with_pool {
    ($pool:expr, $one:ident => $body:expr) => {
        match $pool {
            $crate::database::Pool::Sqlite($one) => $body,
            $crate::database::Pool::Postgres($one) => $body,
        }
    };
}
pub(crate) use with_pool;

/// Connections at once: a municipality looks up few children at a time.
const CONNECTIONS_MAX: u32 = 4;
/// How long somebody waits for a connection, or for another program that writes.
const WAIT_MAX: Duration = Duration::from_secs(5);
/// How long a writer waits for another one.
const WRITE_WAIT_MAX: Duration = Duration::from_mins(1);
/// Largest file with an address, in bytes.
const ADDRESS_BYTES_MAX: u64 = 4096;

impl Pool {
    pub(crate) async fn open(place: &Place, purpose: For) -> Result<Self, RegisterError> {
        match place {
            Place::Sqlite(path) => Self::sqlite(path, purpose).await,
            Place::Postgres(path) => Self::postgres(path, purpose).await,
        }
    }

    async fn sqlite(path: &Path, purpose: For) -> Result<Self, RegisterError> {
        let failed = |source| RegisterError::File { path: path.to_owned(), source };
        match purpose {
            For::Writing => make_private(path).map_err(failed)?,
            For::Reading if !path.exists() => return Err(RegisterError::NotPrepared),
            For::Reading => {}
        }
        private(path)?;
        let options = SqliteConnectOptions::new()
            .filename(path)
            .create_if_missing(false)
            // Readers keep their snapshot while somebody imports.
            .journal_mode(SqliteJournalMode::Wal)
            .synchronous(SqliteSynchronous::Full)
            .busy_timeout(if purpose == For::Reading { WAIT_MAX } else { WRITE_WAIT_MAX })
            // A pupil who left does not lie in free pages.
            .pragma("secure_delete", "ON")
            // No spilling of rows to files of the system's temporary folder.
            .pragma("temp_store", "MEMORY")
            // In KiB. An import touches every page of the indexes of names, again and again.
            .pragma("cache_size", if purpose == For::Reading { "-16384" } else { "-393216" })
            .pragma("query_only", if purpose == For::Reading { "ON" } else { "OFF" })
            .disable_statement_logging();
        Ok(Self::Sqlite(pooled().connect_with(options).await?))
    }

    async fn postgres(path: &Path, purpose: For) -> Result<Self, RegisterError> {
        let address = |problem| RegisterError::Address { path: path.to_owned(), problem };
        private(path)?;
        let text = secret_text(path)?;
        let options = PgConnectOptions::from_str(text.trim()).map_err(|_| {
            address("is not an address such as postgres://user:password@host/database?sslmode=verify-full")
        })?;
        let url = text.split_once("://").map_or("", |(_, rest)| rest);
        let (who, _) = url.split_once('@').ok_or_else(|| address("names no user"))?;
        if options.get_database().is_none_or(str::is_empty) {
            return Err(address("names no database"));
        }
        // What the address does not say is not taken from the environment.
        let options = if who.contains(':') { options } else { options.password("") };
        let host = options.get_host();
        let here = options.get_socket().is_some()
            || host.starts_with('/')
            || ["localhost", "127.0.0.1", "::1", "[::1]"].contains(&host);
        let said = text.contains("sslmode=") || text.contains("ssl-mode=");
        let options = match (said, here) {
            (true, _) => options,
            (false, true) => options.ssl_mode(PgSslMode::Disable),
            (false, false) => options.ssl_mode(PgSslMode::VerifyFull),
        };
        if !here && !matches!(options.get_ssl_mode(), PgSslMode::VerifyFull | PgSslMode::VerifyCa) {
            return Err(address("wants an unproven connection over the network; say sslmode=verify-full"));
        }
        let options = options.application_name("hwc-register").disable_statement_logging();
        let pool = match purpose {
            For::Reading => {
                let options =
                    options.options([("default_transaction_read_only", "on"), ("statement_timeout", "5000")]);
                // A server that is away now may come back.
                pooled().connect_lazy_with(options)
            }
            For::Writing => {
                let options =
                    options.options([("default_transaction_read_only", "off"), ("lock_timeout", "60000")]);
                pooled().connect_with(options).await?
            }
        };
        Ok(Self::Postgres(pool))
    }

    /// A snapshot to read.
    pub(crate) async fn snapshot(&self) -> Result<Tx, RegisterError> {
        Ok(match self {
            Self::Sqlite(pool) => Tx::Sqlite(pool.begin_with("BEGIN DEFERRED").await?),
            Self::Postgres(pool) => {
                Tx::Postgres(pool.begin_with("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY").await?)
            }
        })
    }

    /// A transaction that writes. One at a time: others wait, or are told that somebody writes.
    pub(crate) async fn write(&self) -> Result<Tx, RegisterError> {
        Ok(match self {
            Self::Sqlite(pool) => Tx::Sqlite(pool.begin_with("BEGIN IMMEDIATE").await?),
            Self::Postgres(pool) => {
                let mut tx = pool.begin().await?;
                sqlx::query("LOCK TABLE register IN EXCLUSIVE MODE").execute(&mut *tx).await?;
                Tx::Postgres(tx)
            }
        })
    }

    /// Makes the tables, or brings them up to date.
    pub(crate) async fn migrate(&self) -> Result<(), RegisterError> {
        match self {
            Self::Sqlite(pool) => {
                let sql = include_str!("../migrations/sqlite/0001_register.sql");
                migrations(sql).run(pool).await.map_err(migrated)
            }
            Self::Postgres(pool) => {
                let sql = include_str!("../migrations/postgres/0001_register.sql");
                migrations(sql).run(pool).await.map_err(migrated)
            }
        }
    }

    /// Lets go of what a deleted row has left behind, as far as this program can. Nothing depends on it.
    pub(crate) async fn tidy(&self) {
        let done = match self {
            // The log of pages is emptied into the file, where deleted rows were overwritten.
            Self::Sqlite(pool) => {
                sqlx::query("PRAGMA wal_checkpoint(TRUNCATE)").execute(pool).await.map(drop)
            }
            Self::Postgres(pool) => sqlx::query("VACUUM (ANALYZE) enrolments").execute(pool).await.map(drop),
        };
        if let Err(error) = done {
            let error = Fault::from(error);
            tracing::warn!(%error, "the database could not be tidied; the next import tries again");
        }
    }

    pub(crate) async fn close(&self) {
        match self {
            Self::Sqlite(pool) => pool.close().await,
            Self::Postgres(pool) => pool.close().await,
        }
    }
}

impl Tx {
    pub(crate) async fn commit(self) -> Result<(), RegisterError> {
        match self {
            Self::Sqlite(tx) => tx.commit().await?,
            Self::Postgres(tx) => tx.commit().await?,
        }
        Ok(())
    }
}

fn pooled<DB: sqlx::Database>() -> PoolOptions<DB> {
    PoolOptions::new().max_connections(CONNECTIONS_MAX).acquire_timeout(WAIT_MAX)
}

fn migrations(sql: &'static str) -> Migrator {
    let first = Migration::new(1, "register".into(), MigrationType::Simple, sql.into_sql_str(), false);
    Migrator::with_migrations(vec![first])
}

fn migrated(error: MigrateError) -> RegisterError {
    match error {
        MigrateError::VersionMissing(_)
        | MigrateError::VersionMismatch(_)
        | MigrateError::VersionTooNew(..) => RegisterError::Newer,
        MigrateError::Execute(error) | MigrateError::ExecuteMigration(error, _) => error.into(),
        _ => RegisterError::Database(Fault::Strange),
    }
}

/// Makes a file that only we can read, and its folder, if they are not there. SQLite gives the files beside it the same mode.
fn make_private(path: &Path) -> std::io::Result<()> {
    if path.exists() {
        return Ok(());
    }
    if let Some(folder) = path.parent().filter(|folder| !folder.exists()) {
        DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
    }
    OpenOptions::new().write(true).create(true).truncate(false).mode(0o600).open(path).map(drop)
}

fn private(path: &Path) -> Result<(), RegisterError> {
    let seen = fs::metadata(path).map_err(|source| RegisterError::File { path: path.to_owned(), source })?;
    if seen.permissions().mode() & 0o077 != 0 {
        return Err(RegisterError::OpenToOthers(path.to_owned()));
    }
    Ok(())
}

fn secret_text(path: &Path) -> Result<Zeroizing<String>, RegisterError> {
    use std::io::Read as _;
    let failed = |source| RegisterError::File { path: path.to_owned(), source };
    let mut text =
        Zeroizing::new(String::with_capacity(usize::try_from(ADDRESS_BYTES_MAX + 1).unwrap_or_default()));
    let file = fs::File::open(path).map_err(failed)?;
    file.take(ADDRESS_BYTES_MAX + 1).read_to_string(&mut text).map_err(failed)?;
    if text.len() as u64 > ADDRESS_BYTES_MAX {
        return Err(RegisterError::Address {
            path: path.to_owned(),
            problem: "is longer than an address may be",
        });
    }
    Ok(text)
}
