//! Where it listens: a few bounded connections at a time, with TLS unless nobody else can listen.

use std::{
    io,
    net::SocketAddr,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use axum::Router;
use hyper::server::conn::http1;
use hyper_util::{
    rt::{TokioIo, TokioTimer},
    service::TowerToHyperService,
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
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::TcpListener,
    sync::Semaphore,
    time::timeout,
};
use tokio_rustls::TlsAcceptor;

use crate::{Clients, Gate};

/// Connections at once; the next waits.
const CONNECTIONS_MAX: usize = 128;
/// Bytes of a request's head.
const HEAD_BYTES_MAX: usize = 16 * 1024;
/// Headers of a request.
const HEADERS_MAX: usize = 64;
/// How long a handshake, or a request's head, may take.
const HEAD_WITHIN: Duration = Duration::from_secs(5);
/// How long a connection may take altogether.
const CONNECTION_WITHIN: Duration = Duration::from_secs(40);

/// Why nobody can be served over HTTP. Matters to the operator of this machine.
#[derive(Debug, thiserror::Error)]
pub enum ListenError {
    /// The address cannot be had.
    #[error("{address}: nobody can be served there: {source}; give another address to listen on")]
    Address {
        /// Which.
        address: SocketAddr,
        /// Why.
        source: io::Error,
    },
    /// Everybody on the network could read along.
    #[error("{0} can be reached from other machines: give a certificate and a key, or listen on 127.0.0.1")]
    Unsecured(SocketAddr),
    /// Anybody could ask.
    #[error(
        "neither tokens nor an authority for certificates of clients is given: then anybody could use it"
    )]
    Anybody,
    /// A file of TLS cannot be used.
    #[error("{path}: {problem}")]
    Tls {
        /// Which.
        path: PathBuf,
        /// What is wrong.
        problem: String,
    },
}

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

/// A place where a service is offered.
pub struct Listening {
    listener: TcpListener,
    address: SocketAddr,
    tls: Option<TlsAcceptor>,
    clients: Option<Clients>,
}

impl Listening {
    /// Takes the place. Clients show a certificate, hold a token, or both, as is given.
    pub async fn bind(
        listen: SocketAddr,
        tls: Option<&TlsFiles>,
        clients: Option<Clients>,
    ) -> Result<Self, ListenError> {
        if tls.is_none() && !listen.ip().is_loopback() {
            return Err(ListenError::Unsecured(listen));
        }
        if clients.is_none() && tls.is_none_or(|tls| tls.client_ca.is_none()) {
            return Err(ListenError::Anybody);
        }
        let tls = tls.map(acceptor).transpose()?;
        let failed = |source| ListenError::Address { address: listen, source };
        let listener = TcpListener::bind(listen).await.map_err(failed)?;
        let address = listener.local_addr().map_err(failed)?;
        Ok(Self { listener, address, tls, clients })
    }

    /// Where it is; useful when the system was asked to choose the port.
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// Serves until the future is dropped. The service is made with the gate at which its clients show their tokens.
    pub async fn serve(self, service: impl FnOnce(Gate) -> Router) {
        let service = service(Gate::of(self.clients));
        let places = Arc::new(Semaphore::new(CONNECTIONS_MAX));
        loop {
            let Ok(place) = Arc::clone(&places).acquire_owned().await else { return };
            let Ok((stream, _)) = self.listener.accept().await else {
                // Too many open files, or whoever came is gone already: neither lasts.
                tokio::time::sleep(Duration::from_millis(50)).await;
                continue;
            };
            let (service, tls) = (TowerToHyperService::new(service.clone()), self.tls.clone());
            tokio::spawn(async move {
                let talk = async {
                    match tls {
                        None => talk(stream, service).await,
                        // Who shows no certificate that is asked for goes away here.
                        Some(tls) => {
                            if let Ok(Ok(stream)) = timeout(HEAD_WITHIN, tls.accept(stream)).await {
                                talk(stream, service).await;
                            }
                        }
                    }
                };
                let _ = timeout(CONNECTION_WITHIN, talk).await;
                drop(place);
            });
        }
    }
}

async fn talk(
    stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
    service: TowerToHyperService<Router>,
) {
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .keep_alive(false)
        // What is answered goes out from its own buffer, which may be one that is wiped, and is copied into no other.
        .writev(true)
        .max_buf_size(HEAD_BYTES_MAX)
        .max_headers(HEADERS_MAX)
        .header_read_timeout(HEAD_WITHIN)
        .serve_connection(TokioIo::new(stream), service);
    // Whoever asks badly, or goes away, hears nothing of it.
    let _ = connection.await;
}

/// What is wrong with a file of PEM: never the library's words, which repeat what stands there, and that may be a key.
fn unread(error: &pem::Error, otherwise: &'static str) -> String {
    match error {
        pem::Error::Io(error) => error.to_string(),
        _ => otherwise.to_owned(),
    }
}

fn acceptor(files: &TlsFiles) -> Result<TlsAcceptor, ListenError> {
    let failed = |path: &Path| {
        let path = path.to_owned();
        move |error: &dyn std::fmt::Display| ListenError::Tls {
            path: path.clone(),
            problem: error.to_string(),
        }
    };
    let certificates = |path: &Path| -> Result<Vec<CertificateDer<'static>>, ListenError> {
        let read = CertificateDer::pem_file_iter(path).and_then(Iterator::collect::<Result<Vec<_>, _>>);
        let found =
            read.map_err(|error| failed(path)(&unread(&error, "cannot be read as certificates in PEM")))?;
        if found.is_empty() { Err(failed(path)(&"holds no certificate")) } else { Ok(found) }
    };
    let provider = Arc::new(ring::default_provider());
    let config = ServerConfig::builder_with_provider(Arc::clone(&provider))
        .with_safe_default_protocol_versions()
        .map_err(|error| failed(&files.certificate)(&error))?;
    let config = match &files.client_ca {
        None => config.with_no_client_auth(),
        Some(path) => {
            let mut roots = RootCertStore::empty();
            for certificate in certificates(path)? {
                roots.add(certificate).map_err(|error| failed(path)(&error))?;
            }
            let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider).build();
            config.with_client_cert_verifier(verifier.map_err(|error| failed(path)(&error))?)
        }
    };
    let key = PrivateKeyDer::from_pem_file(&files.key)
        .map_err(|error| failed(&files.key)(&unread(&error, "is not a private key in PEM")))?;
    let config = config.with_single_cert(certificates(&files.certificate)?, key);
    Ok(TlsAcceptor::from(Arc::new(config.map_err(|error| failed(&files.certificate)(&error))?)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_key_that_lost_its_line_ends_is_not_repeated() {
        let folder = tempfile::tempdir().unwrap();
        let (certificate, key) = (folder.path().join("cert.pem"), folder.path().join("key.pem"));
        let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
        std::fs::write(&certificate, made.cert.pem()).unwrap();
        for joined in ["", "\\n"] {
            std::fs::write(&key, made.signing_key.serialize_pem().replace('\n', joined)).unwrap();
            let files = TlsFiles { certificate: certificate.clone(), key: key.clone(), client_ca: None };
            let said = acceptor(&files).err().unwrap().to_string();
            assert!(said.ends_with("key.pem: is not a private key in PEM"), "{said}");
        }
    }
}
