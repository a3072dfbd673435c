//! The settings of the post: as they stand in a file, and as they were checked.

use std::{
    fs::{self, File},
    io::{self, Read as _},
    net::IpAddr,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use jiff::SignedDuration;
use rustls::{ClientConfig, pki_types::ServerName};
use serde::Deserialize;
use zeroize::Zeroizing;

use crate::{Mailbox, returned::Folder, tls};

/// The largest password file, in bytes.
const PASSWORD_BYTES_MAX: u64 = 1024;
/// The largest file of authorities, in bytes.
const CA_BYTES_MAX: u64 = 1024 * 1024;

/// How the conversation with the server is kept private.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Security {
    /// It begins in the clear and is secured before anything is said (RFC 3207). A server that does not offer it gets nothing.
    Starttls,
    /// Secured from the first byte.
    Tls,
    /// In the clear, to a server on this very machine, which passes it on secured.
    PlainOnThisMachine,
}

/// In which language a mail is written.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Language {
    /// Dutch.
    Nl,
    /// English.
    En,
    /// Dutch, and English below it.
    #[default]
    Both,
}

/// `[post]` as it is written.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PostTable {
    /// The mail server's name, as its certificate says it.
    server: String,
    /// Its port; 587, with `tls` 465, with `plain-on-this-machine` 25.
    port: Option<u16>,
    /// How the conversation is kept private.
    security: Security,
    /// The authority that its certificate is from; the machine's own list when absent.
    ca: Option<PathBuf>,
    /// As whom to log in.
    user: Option<String>,
    /// The file with the password: mode 600, one line.
    password_file: Option<PathBuf>,
    /// From whom mails are.
    from: Mailbox,
    /// Where mails that cannot be delivered come back to, which somebody reads; `from` when absent.
    bounces: Option<Mailbox>,
    /// The folder (Maildir) into which the mail server lays what comes back to `bounces`: it is read here, and somebody is told of a
    /// letter that could not be delivered. When absent, only people read it.
    returned: Option<PathBuf>,
    /// How we introduce ourselves; the domain of `from` when absent.
    hello: Option<String>,
    /// In which language to write.
    #[serde(default)]
    language: Language,
    /// A page that explains, which every mail names: the same for all.
    page: Option<String>,
    /// For regions of invented people only: how far the engine's clock is ahead of this machine's, so that its notices are not
    /// taken for old. With `plain-on-this-machine` only.
    #[serde(default)]
    clock_offset_seconds: i64,
}

impl std::fmt::Debug for PostTable {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("PostTable")
    }
}

/// Settings of the post that cannot be used. Matters to whoever wrote them.
#[derive(Debug, thiserror::Error)]
pub enum PostError {
    /// A file is not there or cannot be read.
    #[error("[post] {path}: {source}")]
    File {
        /// Which.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// Others may read the password.
    #[error("[post] {0} can be read by others; chmod 600")]
    Open(PathBuf),
    /// The authorities cannot be used.
    #[error("[post] ca: no certificate that can be used; it wants PEM")]
    Ca,
    /// The machine has no list of authorities.
    #[error("[post] this machine has no list of authorities; say which one in ca")]
    NoAuthorities,
    /// One setting.
    #[error("[post] {0}")]
    Setting(&'static str),
}

/// How long the server may take.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Times {
    /// For a connection, a handshake, and each answer.
    pub(crate) answers: Duration,
    /// For taking a letter that it has heard whole.
    pub(crate) takes: Duration,
}

/// A login.
pub(crate) struct Login {
    pub(crate) user: Zeroizing<String>,
    pub(crate) password: Zeroizing<String>,
}

/// The post's settings, checked.
#[derive(Clone)]
pub struct Post {
    pub(crate) server: String,
    pub(crate) port: u16,
    pub(crate) security: Security,
    pub(crate) name: ServerName<'static>,
    pub(crate) tls: Option<Arc<ClientConfig>>,
    pub(crate) login: Option<Arc<Login>>,
    pub(crate) from: Mailbox,
    pub(crate) bounces: Option<Mailbox>,
    pub(crate) returned: Option<Folder>,
    pub(crate) hello: String,
    pub(crate) language: Language,
    pub(crate) page: Option<String>,
    pub(crate) ahead: SignedDuration,
    pub(crate) times: Times,
}

impl std::fmt::Debug for Post {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Post")
    }
}

impl Post {
    /// Checks what is written, and reads the files that it names. `place` says where a path of the settings lies.
    pub fn check(table: &PostTable, place: impl Fn(&Path) -> PathBuf) -> Result<Self, PostError> {
        let server = table.server.clone();
        let name = ServerName::try_from(server.clone())
            .map_err(|_| PostError::Setting("server is no name or address of a machine"))?;
        let plain = table.security == Security::PlainOnThisMachine;
        if plain && !is_this_machine(&server) {
            let why = "security: plain-on-this-machine is for localhost, 127.0.0.1 and ::1 only; say starttls or tls";
            return Err(PostError::Setting(why));
        }
        let tls = if plain {
            None
        } else {
            let ca = table.ca.as_ref().map(|path| contents(&place(path), CA_BYTES_MAX)).transpose()?;
            Some(tls::client(ca.as_deref().map(Vec::as_slice))?)
        };
        let login = login(table, &place)?;
        if plain && login.is_some() {
            return Err(PostError::Setting("user: a password is never said in the clear"));
        }
        let hello = table.hello.clone().unwrap_or_else(|| table.from.domain().to_owned());
        if !is_a_name(&hello) {
            return Err(PostError::Setting("hello is no name of a machine"));
        }
        if table.page.as_ref().is_some_and(|page| !is_a_page(page)) {
            let why = "page must begin with https://, have at most 64 bytes, and ask nothing of the page (no ? and no #)";
            return Err(PostError::Setting(why));
        }
        if table.clock_offset_seconds != 0 && !plain {
            let why = "clock_offset_seconds is for invented people, whose mail stays on this machine: plain-on-this-machine";
            return Err(PostError::Setting(why));
        }
        let returned = table.returned.as_ref().map(|path| Folder::at(&place(path)));
        let usual = match table.security {
            Security::Starttls => 587,
            Security::Tls => 465,
            Security::PlainOnThisMachine => 25,
        };
        Ok(Self {
            server,
            port: table.port.unwrap_or(usual),
            security: table.security,
            name,
            tls,
            login,
            from: table.from.clone(),
            bounces: table.bounces.clone(),
            returned,
            hello,
            language: table.language,
            page: table.page.clone(),
            ahead: SignedDuration::from_secs(table.clock_offset_seconds),
            times: Times { answers: Duration::from_secs(30), takes: Duration::from_mins(2) },
        })
    }

    /// The same, with a server that may take so long for an answer, and for taking a letter.
    #[must_use]
    pub const fn waiting(mut self, answers: Duration, takes: Duration) -> Self {
        self.times = Times { answers, takes };
        self
    }
}

fn login(table: &PostTable, place: impl Fn(&Path) -> PathBuf) -> Result<Option<Arc<Login>>, PostError> {
    let (user, path) = match (&table.user, &table.password_file) {
        (None, None) => return Ok(None),
        (Some(user), Some(path)) => (user, place(path)),
        _ => return Err(PostError::Setting("user and password_file belong together")),
    };
    if user.is_empty() || user.len() > 256 || user.contains(char::is_control) {
        return Err(PostError::Setting("user must have 1 to 256 letters"));
    }
    let failed = |source| PostError::File { path: path.clone(), source };
    let mode = std::os::unix::fs::MetadataExt::mode(&fs::metadata(&path).map_err(failed)?);
    if mode & 0o077 != 0 {
        return Err(PostError::Open(path));
    }
    let bytes = contents(&path, PASSWORD_BYTES_MAX)?;
    let password = std::str::from_utf8(&bytes)
        .map(|text| Zeroizing::new(text.trim_end_matches(['\r', '\n']).to_owned()))
        .map_err(|_| PostError::Setting("password_file is not UTF-8"))?;
    if password.is_empty() || password.contains(char::is_control) {
        return Err(PostError::Setting("password_file must hold one line"));
    }
    Ok(Some(Arc::new(Login { user: Zeroizing::new(user.clone()), password })))
}

fn contents(path: &Path, bytes_max: u64) -> Result<Zeroizing<Vec<u8>>, PostError> {
    let failed = |source| PostError::File { path: path.to_owned(), source };
    let file = File::open(path).map_err(failed)?;
    let mut bytes = Zeroizing::new(Vec::with_capacity(usize::try_from(bytes_max).unwrap_or_default() + 1));
    file.take(bytes_max + 1).read_to_end(&mut bytes).map_err(failed)?;
    if bytes.len() as u64 > bytes_max {
        return Err(failed(io::ErrorKind::FileTooLarge.into()));
    }
    Ok(bytes)
}

fn is_this_machine(server: &str) -> bool {
    server == "localhost" || server.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}

fn is_a_name(name: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-.".contains(&byte);
    !name.is_empty() && name.len() <= 255 && name.bytes().all(plain)
}

fn is_a_page(page: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_graphic() && !b"?#{}".contains(&byte);
    page.starts_with("https://") && page.len() <= 64 && page.bytes().all(plain)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str) -> Result<Post, String> {
        let table: PostTable = toml::from_str(text).map_err(|error| error.message().to_owned())?;
        Post::check(&table, Path::to_owned).map_err(|error| error.to_string())
    }

    const LOCAL: &str =
        "server = \"127.0.0.1\"\nsecurity = \"plain-on-this-machine\"\nfrom = \"hwc@relay.example\"\n";

    #[test]
    fn the_clear_is_for_this_machine_only_and_never_for_a_password() {
        let post = check(LOCAL).unwrap();
        assert_eq!((post.port, post.hello.as_str()), (25, "relay.example"));
        let said = check(&LOCAL.replace("127.0.0.1", "mail.example")).unwrap_err();
        assert!(said.contains("localhost, 127.0.0.1 and ::1 only"), "{said}");
        let file = tempfile::NamedTempFile::new().unwrap();
        fs::write(file.path(), "geheim\n").unwrap();
        let login = format!("user = \"hwc\"\npassword_file = {:?}\n", file.path());
        let said = check(&format!("{LOCAL}{login}")).unwrap_err();
        assert!(said.contains("never said in the clear"), "{said}");
    }

    #[test]
    fn another_clock_is_for_mail_that_stays_on_this_machine() {
        let ahead = check(&format!("{LOCAL}clock_offset_seconds = -60\n")).unwrap().ahead;
        assert_eq!(ahead, SignedDuration::from_mins(-1));
        let elsewhere = LOCAL.replace("plain-on-this-machine", "starttls");
        let said = check(&format!("{elsewhere}clock_offset_seconds = 1\n")).unwrap_err();
        assert!(said.contains("invented people"), "{said}");
    }

    #[test]
    fn a_password_that_others_may_read_is_refused() {
        use std::os::unix::fs::PermissionsExt as _;
        let file = tempfile::NamedTempFile::new().unwrap();
        fs::write(file.path(), "geheim\n").unwrap();
        fs::set_permissions(file.path(), fs::Permissions::from_mode(0o644)).unwrap();
        let login = format!("user = \"hwc\"\npassword_file = {:?}\n", file.path());
        let said = check(&format!("{LOCAL}{login}")).unwrap_err();
        assert!(said.contains("chmod 600") && !said.contains("geheim"), "{said}");
    }

    #[test]
    fn what_is_not_known_or_does_not_fit_is_refused() {
        for (more, words) in [
            ("geheim = 1\n", "unknown field"),
            ("page = \"http://x.example\"\n", "page must begin with https://"),
            ("page = \"https://x.example/?child=7\"\n", "page must begin with https://"),
            ("user = \"hwc\"\n", "belong together"),
            ("hello = \"a b\"\n", "hello is no name"),
            ("bounces = \"a b\"\n", "not a mail address"),
        ] {
            let said = check(&format!("{LOCAL}{more}")).unwrap_err();
            assert!(said.contains(words), "{more}: {said}");
        }
    }
}
