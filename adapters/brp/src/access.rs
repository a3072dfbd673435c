//! Where the APIs are, and by what they know us. Secrets are files; none is a setting.

use std::{
    net::IpAddr,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use hwc_vault::{FileError, Guard};
use reqwest::Url;
use rustls::{
    ClientConfig, RootCertStore,
    pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject as _},
};
use zeroize::Zeroizing;

/// How the BRP is reached.
pub struct Access {
    /// The address of Personen's question, as in `https://…/brp/personen`.
    pub persons: String,
    /// The address of Bewoning's, as in `https://…/brp/bewoningen`; none if it is not used.
    pub occupancy: Option<String>,
    /// By what it knows us.
    pub credential: Credential,
    /// Whom we believe, and our own certificate.
    pub tls: Option<Tls>,
}

/// By what the BRP knows us, besides a certificate.
pub enum Credential {
    /// By the certificate alone.
    Nothing,
    /// By a key in the header `X-API-KEY`.
    ApiKey(PathBuf),
    /// By a token that is had for a client's id and secret (OAuth 2.0, client credentials).
    Token {
        /// Where the token is had.
        at: String,
        /// Our id there.
        client_id: String,
        /// The file with the secret.
        secret: PathBuf,
        /// The scope to ask for, if one is wanted.
        scope: Option<String>,
    },
}

/// Files for TLS, in PEM.
pub struct Tls {
    /// Who is believed to be the BRP: its authorities and nobody else.
    pub ca: PathBuf,
    /// Our certificate and its key.
    pub own: Option<(PathBuf, PathBuf)>,
}

/// Why the BRP cannot be reached as the settings say. Matters to whoever wrote them.
#[derive(Debug, thiserror::Error)]
pub enum AccessError {
    /// An address.
    #[error("{0} is not the address of an API; write it as https://… to its end")]
    Address(&'static str),
    /// Plain HTTP to somewhere else.
    #[error("{0} is plain HTTP; only a mock on this machine is asked that way")]
    Plain(&'static str),
    /// No authority is named.
    #[error("for https the settings must name the authorities of the BRP's certificate (ca)")]
    NoAuthority,
    /// A file.
    #[error("{path}: {problem}")]
    File {
        /// Which.
        path: PathBuf,
        /// What is wrong; nothing of what it holds.
        problem: &'static str,
    },
    /// A file with a secret, which is unreadable, or not ours alone.
    #[error(transparent)]
    Secret(#[from] FileError),
    /// The library.
    #[error("TLS cannot be set up: {0}")]
    Tls(String),
}

/// Largest file with a secret, in bytes.
const SECRET_BYTES_MAX: usize = 16 * 1024;
/// How long a connection may take.
const CONNECT_WITHIN: Duration = Duration::from_secs(4);

impl Access {
    /// The addresses, checked.
    pub(crate) fn addresses(&self) -> Result<(Url, Option<Url>, Option<Url>), AccessError> {
        let occupancy = self.occupancy.as_deref().map(|url| address("occupancy", url)).transpose()?;
        let token = match &self.credential {
            Credential::Token { at, .. } => Some(address("token_url", at)?),
            _ => None,
        };
        let persons = address("persons", &self.persons)?;
        let any_secured = [Some(&persons), occupancy.as_ref(), token.as_ref()]
            .into_iter()
            .flatten()
            .any(|url| url.scheme() == "https");
        if any_secured && self.tls.is_none() {
            return Err(AccessError::NoAuthority);
        }
        Ok((persons, occupancy, token))
    }

    /// A client that knows nobody but the BRP, goes through no proxy that the environment names, follows no redirect, and
    /// says nothing of what it carries.
    pub(crate) fn client(&self) -> Result<reqwest::Client, AccessError> {
        let config = match &self.tls {
            Some(tls) => tls.config()?,
            None => without_anybody()?,
        };
        reqwest::Client::builder()
            .tls_backend_preconfigured(config)
            .no_proxy()
            .redirect(reqwest::redirect::Policy::none())
            .referer(false)
            .connection_verbose(false)
            .connect_timeout(CONNECT_WITHIN)
            .pool_max_idle_per_host(2)
            .build()
            .map_err(|error| AccessError::Tls(error.to_string()))
    }
}

fn address(name: &'static str, text: &str) -> Result<Url, AccessError> {
    let url = Url::parse(text).map_err(|_| AccessError::Address(name))?;
    let host = url.host_str().unwrap_or_default();
    let here = host == "localhost"
        || host.trim_matches(['[', ']']).parse::<IpAddr>().is_ok_and(|address| address.is_loopback());
    match url.scheme() {
        // Nothing of a question may stand in an address, where every server on the way logs it.
        _ if url.query().is_some() || url.fragment().is_some() || !url.username().is_empty() => {
            Err(AccessError::Address(name))
        }
        "https" => Ok(url),
        "http" if here => Ok(url),
        "http" => Err(AccessError::Plain(name)),
        _ => Err(AccessError::Address(name)),
    }
}

fn builder() -> Result<rustls::ConfigBuilder<ClientConfig, rustls::WantsVerifier>, AccessError> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| AccessError::Tls(error.to_string()))
}

fn without_anybody() -> Result<ClientConfig, AccessError> {
    Ok(builder()?.with_root_certificates(RootCertStore::empty()).with_no_client_auth())
}

impl Tls {
    fn config(&self) -> Result<ClientConfig, AccessError> {
        let mut authorities = RootCertStore::empty();
        for certificate in certificates(&self.ca)? {
            let taken = authorities.add(certificate);
            taken.map_err(|_| failed(&self.ca, "holds a certificate that is no authority's"))?;
        }
        let builder = builder()?.with_root_certificates(authorities);
        let Some((certificate, key)) = &self.own else { return Ok(builder.with_no_client_auth()) };
        let chain = certificates(certificate)?;
        let own = PrivateKeyDer::from_pem_slice(&secret_bytes(key)?)
            .map_err(|_| failed(key, "is not a private key in PEM"))?;
        builder
            .with_client_auth_cert(chain, own)
            .map_err(|_| failed(key, "does not belong to the certificate"))
    }
}

fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, AccessError> {
    let unreadable = failed(path, "cannot be read as certificates in PEM");
    let all = CertificateDer::pem_file_iter(path).map_err(|_| unreadable)?;
    let all: Vec<_> =
        all.collect::<Result<_, _>>().map_err(|_| failed(path, "cannot be read as certificates in PEM"))?;
    if all.is_empty() { Err(failed(path, "holds no certificate")) } else { Ok(all) }
}

fn failed(path: &Path, problem: &'static str) -> AccessError {
    AccessError::File { path: path.into(), problem }
}

fn secret_bytes(path: &Path) -> Result<Zeroizing<Vec<u8>>, AccessError> {
    Ok(hwc_vault::read(path, Guard::Secret, SECRET_BYTES_MAX)?)
}

/// One line of text that is a secret, read anew each time it is needed: a key that was renewed counts at once.
pub(crate) fn secret(path: &Path) -> Result<Zeroizing<String>, AccessError> {
    let bytes = secret_bytes(path)?;
    let text = std::str::from_utf8(&bytes).map_err(|_| failed(path, "is not text"))?.trim();
    let usable = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_graphic());
    if usable {
        Ok(Zeroizing::new(text.to_owned()))
    } else {
        Err(failed(path, "is not one line of plain signs"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn private_folder() -> tempfile::TempDir {
        use std::os::unix::fs::PermissionsExt as _;
        let folder = tempfile::tempdir().unwrap();
        std::fs::set_permissions(folder.path(), std::fs::Permissions::from_mode(0o700)).unwrap();
        folder
    }

    fn access(persons: &str) -> Access {
        Access { persons: persons.into(), occupancy: None, credential: Credential::Nothing, tls: None }
    }

    #[test]
    fn plain_http_is_for_this_machine_and_https_wants_to_know_whom_to_believe() {
        for fine in ["http://127.0.0.1:9/personen", "http://[::1]:9/personen", "http://localhost:9/p"] {
            assert!(access(fine).addresses().is_ok(), "{fine}");
        }
        let problem =
            |text: &str| access(text).addresses().err().map(|error| error.to_string()).unwrap_or_default();
        assert!(problem("http://brp.example/personen").contains("plain HTTP"));
        assert!(problem("https://brp.example/personen").contains("authorities"));
        for bad in [
            "brp.example",
            "ftp://127.0.0.1/p",
            "http://127.0.0.1/p?postcode=5038AA",
            "http://u:p@127.0.0.1/p",
        ] {
            assert!(problem(bad).contains("not the address"), "{bad}");
        }
    }

    #[test]
    fn a_secret_is_one_line_and_what_is_wrong_with_a_file_shows_nothing_of_it() {
        let folder = private_folder();
        let file = folder.path().join("key");
        hwc_vault::create(&file, b"s3cret\n").unwrap();
        assert_eq!(secret(&file).unwrap().as_str(), "s3cret");
        for bad in ["", "two\nlines", "caf\u{e9}"] {
            std::fs::write(&file, bad).unwrap();
            let said = secret(&file).unwrap_err().to_string();
            assert!(said.ends_with("is not one line of plain signs"), "{said}");
        }
        std::fs::write(&file, "s3cret").unwrap();
        let own = Some((file.clone(), file.clone()));
        let said = Tls { ca: file, own }.config().unwrap_err().to_string();
        assert!(!said.contains("s3cret"), "{said}");
    }

    #[test]
    fn a_secret_that_others_can_read_is_refused_with_the_remedy() {
        use std::os::unix::fs::PermissionsExt as _;
        let folder = private_folder();
        let file = folder.path().join("key");
        hwc_vault::create(&file, b"s3cret\n").unwrap();
        std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o644)).unwrap();
        let said = secret(&file).unwrap_err().to_string();
        assert!(said.contains("chmod 600") && !said.contains("s3cret"), "{said}");
    }
}
