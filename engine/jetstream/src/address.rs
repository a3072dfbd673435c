//! Where the broker is, and how we know that it is the one, and it that we are us.
//!
//! Both sides show a certificate of the operator's own authority before anything else is said: the handshake of TLS comes
//! first, then the broker's greeting, then the challenge that the NKEY signs. No authority of the system is trusted.

use std::{
    error::Error,
    fmt,
    fs::File,
    io::{self, Read as _},
    os::unix::fs::MetadataExt as _,
    path::{Path, PathBuf},
};

use async_nats::{
    ConnectOptions,
    rustls::{
        self, AlertDescription, CertificateError,
        pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject as _},
        sign::CertifiedKey,
    },
};
use zeroize::Zeroizing;

use crate::{LinkError, credential::forbidden};

/// The largest certificate or key file that is read, in bytes.
const PEM_BYTES_MAX: u64 = 256 * 1024;

/// Where the broker is: one address or several of a cluster, divided by commas, and the files for TLS.
///
/// A plain `"nats://127.0.0.1:4222"` turns into one by itself; without files the connection is not secured, which is for a
/// broker on the same machine only.
#[derive(Clone, PartialEq, Eq)]
pub struct Address {
    url: String,
    tls: Option<TlsFiles>,
}

/// What an organisation shows to the broker, and what it knows the broker by. Read anew at every connection, so that a
/// replaced file counts from the next one on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TlsFiles {
    /// The certificate of the operator's authority, PEM. Only what it signed is the broker.
    pub ca: PathBuf,
    /// Our own certificate, PEM.
    pub certificate: PathBuf,
    /// The key of our own certificate, PEM, mode 0600 or stricter.
    pub key: PathBuf,
}

impl Address {
    /// The broker at this address, which knows us by a certificate and we it.
    pub fn secured(url: impl Into<String>, tls: TlsFiles) -> Self {
        Self { url: url.into(), tls: Some(tls) }
    }

    /// The address as text, without the files.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// The files, if the connection is secured.
    pub const fn tls(&self) -> Option<&TlsFiles> {
        self.tls.as_ref()
    }

    /// Each server's address.
    pub(crate) fn servers(&self) -> Result<Vec<&str>, LinkError> {
        let servers: Vec<_> = self.url.split(',').map(str::trim).filter(|one| !one.is_empty()).collect();
        // A password in an address would be shown wherever the address is.
        let fits =
            |one: &&str| !one.contains('@') && (one.starts_with("nats://") || one.starts_with("tls://"));
        if servers.is_empty() || !servers.iter().all(fits) { Err(LinkError::Address) } else { Ok(servers) }
    }

    /// The options for this address; each file is looked at first, because the client library's own words for a
    /// missing one say neither which nor why.
    pub(crate) fn options(&self, options: ConnectOptions) -> Result<ConnectOptions, LinkError> {
        let Some(tls) = &self.tls else {
            return if self.url.contains("tls://") { Err(LinkError::TlsFilesMissing) } else { Ok(options) };
        };
        tls.check()?;
        // Whoever comes second leaves the first one in force, and it is the same.
        let _ = rustls::crypto::ring::default_provider().install_default();
        Ok(options
            .tls_first()
            .add_root_certificates(tls.ca.clone())
            .add_client_certificate(tls.certificate.clone(), tls.key.clone()))
    }
}

impl TlsFiles {
    /// The files under the names that the operator hands them over by: `ca.pem`, `tls.pem`, `tls.key`.
    pub fn in_folder(folder: &Path) -> Self {
        Self { ca: folder.join("ca.pem"), certificate: folder.join("tls.pem"), key: folder.join("tls.key") }
    }

    fn check(&self) -> Result<(), LinkError> {
        certificates(&self.ca)?;
        let own = certificates(&self.certificate)?;
        let pem = Zeroizing::new(read(&self.key, true)?);
        let unusable = |what: &str| LinkError::TlsFile(format!("{} {what}", self.key.display()));
        let key = PrivateKeyDer::from_pem_slice(&pem).map_err(|_| unusable("holds no private key in PEM"))?;
        CertifiedKey::from_der(own, key, &rustls::crypto::ring::default_provider()).map(|_| ()).map_err(
            |_| unusable("is not the key of the certificate beside it, or of a kind that is not known"),
        )
    }
}

/// The certificates in a file: one at least.
fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, LinkError> {
    let found: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&read(path, false)?).collect();
    match found {
        Ok(found) if !found.is_empty() => Ok(found),
        _ => Err(LinkError::TlsFile(format!("{} holds no certificate in PEM", path.display()))),
    }
}

/// Reads a file; a secret one only if nobody else can.
fn read(path: &Path, secret: bool) -> Result<Vec<u8>, LinkError> {
    let failed = |error: io::Error| LinkError::TlsFile(format!("{}: {error}", path.display()));
    let file = File::open(path).map_err(failed)?;
    let found = file.metadata().map_err(failed)?;
    let mode = found.mode() & 0o7777;
    if secret && mode & forbidden(&found, path) != 0 {
        return Err(LinkError::TlsFile(format!(
            "{0} has mode {mode:04o}, so others can read the key; run: chmod 600 {0}",
            path.display()
        )));
    }
    let mut bytes = Vec::new();
    file.take(PEM_BYTES_MAX).read_to_end(&mut bytes).map_err(failed)?;
    Ok(bytes)
}

/// What TLS has to say about a connection that failed; none if it failed for another reason.
pub(crate) fn tls_trouble(error: &(dyn Error + 'static)) -> Option<LinkError> {
    let mut next: Option<&(dyn Error + 'static)> = Some(error);
    while let Some(error) = next {
        if let Some(known) = error.downcast_ref::<rustls::Error>() {
            return Some(explained(known));
        }
        next = match error.downcast_ref::<io::Error>().and_then(io::Error::get_ref) {
            Some(inside) => Some(inside),
            None => error.source(),
        };
    }
    None
}

/// Whether somebody was there, and hung up before they said anything.
pub(crate) fn refused_to_talk(error: &(dyn Error + 'static)) -> bool {
    let mut next = error.source();
    while let Some(error) = next {
        if let Some(error) = error.downcast_ref::<io::Error>() {
            return matches!(
                error.kind(),
                io::ErrorKind::ConnectionReset
                    | io::ErrorKind::ConnectionAborted
                    | io::ErrorKind::BrokenPipe
                    | io::ErrorKind::UnexpectedEof
            );
        }
        // The client library's own words where the connection ended in good order.
        if error.to_string() == "expected INFO, got nothing" {
            return true;
        }
        next = error.source();
    }
    false
}

fn explained(error: &rustls::Error) -> LinkError {
    match error {
        rustls::Error::AlertReceived(
            AlertDescription::CertificateRequired
            | AlertDescription::BadCertificate
            | AlertDescription::UnknownCA
            | AlertDescription::CertificateUnknown
            | AlertDescription::CertificateExpired
            | AlertDescription::CertificateRevoked
            | AlertDescription::UnsupportedCertificate
            | AlertDescription::AccessDenied
            | AlertDescription::DecryptError,
        ) => LinkError::CertificateRefused,
        rustls::Error::InvalidCertificate(why) => LinkError::NotTheBroker(match why {
            CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => {
                "its certificate is not for this address; have the operator add the name to it".to_owned()
            }
            CertificateError::Expired | CertificateError::ExpiredContext { .. } => {
                "its certificate has expired; have the operator renew it, or look at this machine's clock"
                    .to_owned()
            }
            CertificateError::UnknownIssuer => {
                "its certificate is not from the authority in ca.pem; is it this region's ca.pem?".to_owned()
            }
            other => format!("its certificate is not valid ({other:?})"),
        }),
        other => LinkError::Tls(other.to_string()),
    }
}

impl fmt::Debug for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Address({}, {})", self.url, if self.tls.is_some() { "TLS" } else { "not secured" })
    }
}

impl From<&str> for Address {
    fn from(url: &str) -> Self {
        Self { url: url.to_owned(), tls: None }
    }
}

impl From<String> for Address {
    fn from(url: String) -> Self {
        Self { url, tls: None }
    }
}

impl From<&String> for Address {
    fn from(url: &String) -> Self {
        url.as_str().into()
    }
}

impl From<&Self> for Address {
    fn from(address: &Self) -> Self {
        address.clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_one_server_or_several_and_never_holds_a_password() {
        let servers = |text: &str| Address::from(text).servers().map(|all| all.len());
        assert_eq!(servers("nats://127.0.0.1:4222"), Ok(1));
        assert_eq!(servers("tls://a:4222, tls://b:4222,"), Ok(2));
        for bad in ["", ",", "127.0.0.1:4222", "http://a", "nats://me:secret@a", "ws://a"] {
            assert_eq!(servers(bad), Err(LinkError::Address), "{bad}");
        }
    }

    #[test]
    fn a_file_that_is_missing_open_or_not_what_it_should_be_is_named() {
        use std::{fs, os::unix::fs::PermissionsExt as _};
        let folder = tempfile::tempdir().unwrap();
        let files = TlsFiles::in_folder(folder.path());
        let said = || {
            let options = Address::secured("tls://127.0.0.1:1", files.clone()).options(ConnectOptions::new());
            options.map(|_| ()).unwrap_err().to_string()
        };
        assert!(said().contains("ca.pem"), "{}", said());
        fs::write(&files.ca, "canary").unwrap();
        assert!(said().contains("ca.pem holds no certificate") && !said().contains("canary"), "{}", said());
        let certificate = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
        fs::write(&files.ca, certificate).unwrap();
        fs::write(&files.certificate, certificate).unwrap();
        fs::write(&files.key, "canary").unwrap();
        fs::set_permissions(&files.key, fs::Permissions::from_mode(0o640)).unwrap();
        assert!(said().contains("chmod 600"), "{}", said());
        fs::set_permissions(&files.key, fs::Permissions::from_mode(0o600)).unwrap();
        assert!(said().contains("tls.key holds no private key") && !said().contains("canary"), "{}", said());
    }

    #[test]
    fn a_secured_address_without_files_is_refused_before_it_is_tried() {
        let options = Address::from("tls://127.0.0.1:1").options(ConnectOptions::new());
        assert_eq!(options.map(|_| ()).unwrap_err(), LinkError::TlsFilesMissing);
    }
}
