//! TLS from files, for a service of an adapter and for a page for people.

use std::{
    fmt::Display,
    path::{Path, PathBuf},
    sync::Arc,
};

use rustls::{
    RootCertStore, ServerConfig,
    crypto::ring,
    pki_types::{
        CertificateDer, PrivateKeyDer,
        pem::{self, PemObject as _},
    },
    server::WebPkiClientVerifier,
};
use tokio_rustls::TlsAcceptor;

/// The files of TLS.
#[derive(Debug, Clone)]
pub struct TlsFiles {
    /// Our certificate, and those between it and its authority (PEM).
    pub certificate: PathBuf,
    /// Its private key (PEM).
    pub key: PathBuf,
    /// Who signs the certificates that clients must show; none if they need none.
    pub client_ca: Option<PathBuf>,
}

/// A file of TLS cannot be used. Matters to the operator of this machine; what stands in the file is not repeated.
#[derive(Debug, thiserror::Error)]
#[error("{path}: {problem}")]
pub struct TlsError {
    /// Which.
    pub path: PathBuf,
    /// What is wrong.
    pub problem: String,
}

impl TlsFiles {
    /// What secures a connection as these files say.
    pub fn acceptor(&self) -> Result<TlsAcceptor, TlsError> {
        let provider = Arc::new(ring::default_provider());
        let config = ServerConfig::builder_with_provider(Arc::clone(&provider))
            .with_safe_default_protocol_versions()
            .map_err(|error| unusable(&self.certificate, &error))?;
        let config = match &self.client_ca {
            None => config.with_no_client_auth(),
            Some(path) => {
                let mut roots = RootCertStore::empty();
                for certificate in certificates(path)? {
                    roots.add(certificate).map_err(|error| unusable(path, &error))?;
                }
                let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider).build();
                config.with_client_cert_verifier(verifier.map_err(|error| unusable(path, &error))?)
            }
        };
        let key = PrivateKeyDer::from_pem_file(&self.key)
            .map_err(|error| unread(&self.key, &error, "is not a private key in PEM"))?;
        let config = config.with_single_cert(certificates(&self.certificate)?, key);
        Ok(TlsAcceptor::from(Arc::new(config.map_err(|error| unusable(&self.certificate, &error))?)))
    }
}

fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    let read = CertificateDer::pem_file_iter(path).and_then(Iterator::collect::<Result<Vec<_>, _>>);
    let found = read.map_err(|error| unread(path, &error, "cannot be read as certificates in PEM"))?;
    if found.is_empty() { Err(unusable(path, &"holds no certificate")) } else { Ok(found) }
}

/// What is wrong with a file of PEM: never the library's words, which repeat what stands there, and that may be a key.
fn unread(path: &Path, error: &pem::Error, otherwise: &'static str) -> TlsError {
    match error {
        pem::Error::Io(error) => unusable(path, error),
        _ => unusable(path, &otherwise),
    }
}

fn unusable(path: &Path, problem: &dyn Display) -> TlsError {
    TlsError { path: path.to_owned(), problem: problem.to_string() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_that_lost_its_line_ends_is_not_repeated() {
        let folder = tempfile::tempdir().unwrap();
        let (certificate, key) = (folder.path().join("cert.pem"), folder.path().join("key.pem"));
        let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
        std::fs::write(&certificate, made.cert.pem()).unwrap();
        for joined in ["", "\\n"] {
            std::fs::write(&key, made.signing_key.serialize_pem().replace('\n', joined)).unwrap();
            let files = TlsFiles { certificate: certificate.clone(), key: key.clone(), client_ca: None };
            let said = files.acceptor().err().unwrap().to_string();
            assert!(said.ends_with("key.pem: is not a private key in PEM"), "{said}");
        }
    }
}
