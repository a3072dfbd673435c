//! The settings of the webhook: as they stand in a file, and as they were checked.

use std::{
    fs::File,
    io::Read as _,
    net::IpAddr,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use hwc_vault::{FileError, Guard};
use reqwest::Url;
use rustls::{
    ClientConfig, RootCertStore,
    pki_types::{CertificateDer, pem::PemObject as _},
};
use serde::Deserialize;

use super::{Secrets, SecretsError};

/// The largest file of secrets, in bytes.
const SECRETS_BYTES_MAX: usize = 1024;
/// The largest file of authorities, in bytes.
const CA_BYTES_MAX: u64 = 1024 * 1024;
/// The longest address, in bytes.
const URL_BYTES_MAX: usize = 512;
/// How long a connection may take.
const CONNECT_WITHIN: Duration = Duration::from_secs(5);
/// How long a call may take altogether.
const CALL_WITHIN: Duration = Duration::from_secs(10);
/// Whose webhook it is when the settings do not say: an OIN for tests, of nobody.
const TEST_SOURCE: &str = "urn:nld:oin:00000099000000000000:systeem:handle-with-care";
/// The longest source, in bytes.
const SOURCE_BYTES_MAX: usize = 128;

/// `[webhook]` as it is written.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WebhookTable {
    /// Whom to call: `https://…`, or `http://…` on this machine.
    url: String,
    /// The authority that the receiver's certificate is from; the machine's own list when absent.
    ca: Option<PathBuf>,
    /// The file with the secret: mode 600; a line `whsec_…`, two while it is changed.
    secret_file: PathBuf,
    /// The source of the events, as `urn:nld:oin:OIN:systeem:NAME`.
    source: Option<String>,
}

/// Settings of the webhook that cannot be used. Matters to whoever wrote them.
#[derive(Debug, thiserror::Error)]
pub enum WebhookError {
    /// The secret's file is not there, or open to others.
    #[error("[webhook] secret_file: {0}")]
    SecretFile(#[from] FileError),
    /// The secret's file holds none.
    #[error("[webhook] secret_file: {0}; make one with: printf 'whsec_%s\\n' \"$(openssl rand -base64 32)\"")]
    Secret(#[from] SecretsError),
    /// The authorities cannot be used.
    #[error("[webhook] ca: {}: {problem}", path.display())]
    Ca {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        problem: &'static str,
    },
    /// One setting.
    #[error("[webhook] {0}")]
    Setting(&'static str),
    /// The library.
    #[error("[webhook] TLS cannot be set up: {0}")]
    Tls(String),
    /// Nothing answers there. The error does not say where: the address may hold what only the two know.
    #[error("[webhook] nothing answers there: {0}")]
    Silent(reqwest::Error),
}

/// The webhook's settings, checked.
pub struct Webhook {
    pub(crate) url: Url,
    pub(crate) client: reqwest::Client,
    pub(crate) secrets: Secrets,
    pub(crate) source: String,
    pub(crate) within: Duration,
}

impl Webhook {
    /// Checks what is written, and reads the files that it names. `place` says where a path of the settings lies.
    pub fn check(table: &WebhookTable, place: impl Fn(&Path) -> PathBuf) -> Result<Self, WebhookError> {
        let url = address(&table.url)?;
        let source = table.source.as_deref().unwrap_or(TEST_SOURCE);
        let plain = |c: u8| c.is_ascii_alphanumeric() || b":-.".contains(&c);
        if !source.starts_with("urn:nld:oin:")
            || source.len() > SOURCE_BYTES_MAX
            || !source.bytes().all(plain)
        {
            return Err(WebhookError::Setting("source must be urn:nld:oin:, an OIN, :systeem: and a name"));
        }
        let read = hwc_vault::read(&place(&table.secret_file), Guard::Secret, SECRETS_BYTES_MAX)?;
        let text = std::str::from_utf8(&read).unwrap_or_default();
        let secrets = Secrets::read(text)?;
        let ca = table.ca.as_ref().map(|path| place(path));
        let client = client(believing(url.scheme() == "https", ca.as_deref())?)?;
        Ok(Self { url, client, secrets, source: source.to_owned(), within: CALL_WITHIN })
    }

    /// Whether anything answers there, and shows a certificate that we believe. It rings at nobody: what is asked for (OPTIONS, RFC 9110)
    /// has no effect, and whatever is answered is an answer.
    pub async fn answers(&self) -> Result<(), WebhookError> {
        let asked = self.client.request(reqwest::Method::OPTIONS, self.url.clone()).timeout(self.within);
        asked.send().await.map(drop).map_err(|error| WebhookError::Silent(error.without_url()))
    }

    /// The same, with calls that may take so long.
    #[must_use]
    pub const fn waiting(mut self, within: Duration) -> Self {
        self.within = within;
        self
    }
}

fn address(text: &str) -> Result<Url, WebhookError> {
    const NONE: WebhookError = WebhookError::Setting("url is no address of the form https://NAME/PATH");
    if text.len() > URL_BYTES_MAX {
        return Err(NONE);
    }
    let url = Url::parse(text).map_err(|_| NONE)?;
    let host = url.host_str().unwrap_or_default();
    let here = host == "localhost"
        || host.trim_matches(['[', ']']).parse::<IpAddr>().is_ok_and(|address| address.is_loopback());
    if url.query().is_some()
        || url.fragment().is_some()
        || !url.username().is_empty()
        || url.password().is_some()
    {
        let why = "url has a name, a password, a ? or a # in it: every server on the way would log that";
        return Err(WebhookError::Setting(why));
    }
    match url.scheme() {
        "https" => Ok(url),
        "http" if here => Ok(url),
        "http" => Err(WebhookError::Setting(
            "url is plain HTTP; only a receiver on this machine is called that way",
        )),
        _ => Err(NONE),
    }
}

/// A client that goes through no proxy that the environment names, follows no redirect, keeps no connection and says nothing
/// of what it carries.
fn client(config: ClientConfig) -> Result<reqwest::Client, WebhookError> {
    reqwest::Client::builder()
        .tls_backend_preconfigured(config)
        .no_proxy()
        .redirect(reqwest::redirect::Policy::none())
        .referer(false)
        .connection_verbose(false)
        .connect_timeout(CONNECT_WITHIN)
        .pool_max_idle_per_host(0)
        .build()
        .map_err(|error| WebhookError::Tls(error.to_string()))
}

/// Believes this authority, or the machine's own list; nobody where nothing is secured.
fn believing(secured: bool, ca: Option<&Path>) -> Result<ClientConfig, WebhookError> {
    let mut roots = RootCertStore::empty();
    if let Some(path) = ca {
        let failed = |problem| WebhookError::Ca { path: path.to_owned(), problem };
        let mut pem = Vec::new();
        let file = File::open(path).map_err(|_| failed("cannot be read"))?;
        file.take(CA_BYTES_MAX).read_to_end(&mut pem).map_err(|_| failed("cannot be read"))?;
        for certificate in CertificateDer::pem_slice_iter(&pem) {
            let certificate = certificate.map_err(|_| failed("is no certificate in PEM"))?;
            roots.add(certificate).map_err(|_| failed("holds a certificate that is no authority's"))?;
        }
        if roots.is_empty() {
            return Err(failed("holds no certificate in PEM"));
        }
    } else if secured {
        roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
        if roots.is_empty() {
            let why = "this machine has no list of authorities; say which one in ca";
            return Err(WebhookError::Setting(why));
        }
    }
    let builder = ClientConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()));
    let builder = builder.with_safe_default_protocol_versions();
    let builder = builder.map_err(|error| WebhookError::Tls(error.to_string()))?;
    Ok(builder.with_root_certificates(roots).with_no_client_auth())
}

#[cfg(test)]
mod tests {
    use std::{fs, os::unix::fs::PermissionsExt as _};

    use super::*;

    const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw\n";

    /// What is said of these settings; none when they are fine.
    fn said(url: &str, secret: &str, mode: u32) -> Option<String> {
        let folder = tempfile::tempdir().unwrap();
        fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o700)).unwrap();
        let path = folder.path().join("webhook");
        fs::write(&path, secret).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
        let table = WebhookTable { url: url.into(), ca: None, secret_file: "webhook".into(), source: None };
        Webhook::check(&table, |path| folder.path().join(path)).err().map(|error| error.to_string())
    }

    #[test]
    fn plain_http_is_for_this_machine_and_nothing_may_stand_in_an_address_that_is_logged() {
        for fine in ["http://127.0.0.1:9/hook", "http://[::1]:9/hook", "http://localhost/hook"] {
            assert_eq!(said(fine, SECRET, 0o600), None, "{fine}");
        }
        for (bad, why) in [
            ("http://school.example/hook", "plain HTTP"),
            ("http://127.0.0.1.example/hook", "plain HTTP"),
            ("http://127.0.0.1/hook?token=geheim", "would log that"),
            ("http://u:geheim@127.0.0.1/hook", "would log that"),
            ("ftp://127.0.0.1/hook", "no address"),
            ("geheim", "no address"),
        ] {
            let said = said(bad, SECRET, 0o600).unwrap_or_else(|| panic!("{bad} was taken"));
            assert!(said.contains(why) && !said.contains("geheim"), "{said}");
        }
    }

    #[test]
    fn a_secret_that_others_can_read_or_that_is_none_is_refused() {
        let url = "http://127.0.0.1:9/hook";
        assert!(said(url, SECRET, 0o644).unwrap_or_default().contains("chmod 600"));
        let none = said(url, "geheim", 0o600).unwrap_or_default();
        assert!(none.contains("openssl rand") && !none.contains("geheim"), "{none}");
    }
}
