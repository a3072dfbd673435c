//! Where it listens: a few bounded connections at a time, with TLS unless nobody else can listen.

use std::{io, net::SocketAddr, sync::Arc, time::Duration};

use axum::Router;
use hyper::server::conn::http1;
use hyper_util::{
    rt::{TokioIo, TokioTimer},
    service::TowerToHyperService,
};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::TcpListener,
    sync::Semaphore,
    time::timeout,
};
use tokio_rustls::TlsAcceptor;

use crate::{Clients, Gate, TlsError, TlsFiles};

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
    #[error(transparent)]
    Tls(#[from] TlsError),
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
        let tls = tls.map(TlsFiles::acceptor).transpose()?;
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
