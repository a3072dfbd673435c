//! Where it listens: TLS from files, or plain on this machine for a proxy that secures it. Connections are bounded in number, per
//! address, in the size of what they send and in time.

use std::{
    collections::HashMap,
    io,
    net::{IpAddr, SocketAddr},
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use axum::{
    Router,
    body::Body,
    http::{HeaderMap, Request},
};
use hwc_http::{TlsError, TlsFiles};
use hyper::{body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::TcpListener,
    sync::{Semaphore, watch},
    time::timeout,
};
use tokio_rustls::TlsAcceptor;

use crate::{Caller, network};

/// Connections at once; the next waits.
const CONNECTIONS_MAX: usize = 1_024;
/// Connections of one address at once, where that is not a proxy's.
const CONNECTIONS_PER_CALLER_MAX: usize = 64;
/// Bytes of a request's head.
const HEAD_BYTES_MAX: usize = 16 * 1024;
/// Headers of a request.
const HEADERS_MAX: usize = 64;
/// How long a handshake, or a request's head, may take; and how long nothing may be asked.
const HEAD_WITHIN: Duration = Duration::from_secs(8);
/// How long a connection may take altogether: the browser makes another.
const CONNECTION_WITHIN: Duration = Duration::from_mins(2);

/// Why nobody can come to the page. Matters to the operator of this machine.
#[derive(Debug, thiserror::Error)]
pub enum ListenError {
    /// The address cannot be had.
    #[error("{address}: the page cannot be shown there: {source}; give another address to listen on")]
    Address {
        /// Which.
        address: SocketAddr,
        /// Why.
        source: io::Error,
    },
    /// Everybody on the network could read along.
    #[error(
        "{0} can be reached from other machines: give a certificate and a key, or listen on 127.0.0.1 behind a proxy"
    )]
    Unsecured(SocketAddr),
    /// A file of TLS cannot be used.
    #[error(transparent)]
    Tls(#[from] TlsError),
}

/// A place where the page is shown.
pub struct Listening {
    listener: TcpListener,
    address: SocketAddr,
    tls: Option<TlsAcceptor>,
}

impl Listening {
    /// Takes the place. Without TLS it must be an address of this machine only: then whoever connects is a proxy, and says in
    /// `X-Forwarded-For` who came to it; the last one it names is believed.
    pub async fn bind(listen: SocketAddr, tls: Option<&TlsFiles>) -> Result<Self, ListenError> {
        if tls.is_none() && !listen.ip().is_loopback() {
            return Err(ListenError::Unsecured(listen));
        }
        let tls = tls.map(TlsFiles::acceptor).transpose()?;
        let failed = |source| ListenError::Address { address: listen, source };
        let listener = TcpListener::bind(listen).await.map_err(failed)?;
        let address = listener.local_addr().map_err(failed)?;
        Ok(Self { listener, address, tls })
    }

    /// Where it is; useful when the system was asked to choose the port.
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// Shows the pages until told to stop; then takes nothing new, and returns when what was asked is answered or the time is over.
    pub async fn serve(self, pages: Router, mut stop: watch::Receiver<bool>, drain_within: Duration) {
        let places = Arc::new(Semaphore::new(CONNECTIONS_MAX));
        let crowd = Arc::new(Crowd::default());
        let behind_proxy = self.tls.is_none();
        loop {
            let accepted = async {
                let place = Arc::clone(&places).acquire_owned().await;
                (place, self.listener.accept().await)
            };
            let (place, accepted) = tokio::select! {
                biased;
                _ = stop.wait_for(|stop| *stop) => break,
                accepted = accepted => accepted,
            };
            let (Ok(place), Ok((stream, from))) = (place, accepted) else {
                // Too many open files, or whoever came is gone already: neither lasts.
                tokio::time::sleep(Duration::from_millis(50)).await;
                continue;
            };
            let Some(counted) = crowd.enter(from.ip(), behind_proxy) else { continue };
            let (pages, tls, stop) = (pages.clone(), self.tls.clone(), stop.clone());
            tokio::spawn(async move {
                let _ = stream.set_nodelay(true);
                match tls {
                    None => talk(stream, pages, (from.ip(), behind_proxy), stop).await,
                    Some(tls) => {
                        if let Ok(Ok(stream)) = timeout(HEAD_WITHIN, tls.accept(stream)).await {
                            talk(stream, pages, (from.ip(), behind_proxy), stop).await;
                        }
                    }
                }
                drop((counted, place));
            });
        }
        let all = u32::try_from(CONNECTIONS_MAX).unwrap_or(u32::MAX);
        let _ = timeout(drain_within, places.acquire_many(all)).await;
    }
}

async fn talk(
    stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
    pages: Router,
    from: (IpAddr, bool),
    mut stop: watch::Receiver<bool>,
) {
    let service = service_fn(move |request: Request<Incoming>| {
        let pages = pages.clone();
        async move {
            let mut request = request.map(Body::new);
            let caller = Caller(caller(from, request.headers()));
            request.extensions_mut().insert(caller);
            tower_service::Service::call(&mut pages.clone(), request).await
        }
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .max_buf_size(HEAD_BYTES_MAX)
        .max_headers(HEADERS_MAX)
        .header_read_timeout(HEAD_WITHIN)
        .serve_connection(TokioIo::new(stream), service);
    let mut connection = std::pin::pin!(connection);
    let over = tokio::time::sleep(CONNECTION_WITHIN);
    tokio::select! {
        // Whoever asks badly, or goes away, hears nothing of it.
        _ = connection.as_mut() => return,
        _ = stop.wait_for(|stop| *stop) => {}
        () = over => {}
    }
    connection.as_mut().graceful_shutdown();
    let _ = timeout(HEAD_WITHIN, connection).await;
}

/// Who asks: whoever connects, or the last that a proxy names.
fn caller((from, behind_proxy): (IpAddr, bool), headers: &HeaderMap) -> IpAddr {
    if !behind_proxy {
        return from;
    }
    let named = headers.get_all("x-forwarded-for").iter().next_back();
    let last = named.and_then(|named| named.to_str().ok()?.rsplit(',').next()?.trim().parse().ok());
    last.unwrap_or(from)
}

/// How many connections each address has.
#[derive(Default)]
struct Crowd(Mutex<HashMap<IpAddr, usize>>);

struct Counted(Arc<Crowd>, Option<IpAddr>);

impl Crowd {
    fn enter(self: &Arc<Self>, from: IpAddr, behind_proxy: bool) -> Option<Counted> {
        if behind_proxy {
            return Some(Counted(Arc::clone(self), None));
        }
        let from = network(from);
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let own = all.entry(from).or_default();
        if *own >= CONNECTIONS_PER_CALLER_MAX {
            return None;
        }
        *own += 1;
        Some(Counted(Arc::clone(self), Some(from)))
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        let Some(from) = self.1 else { return };
        let mut all = self.0.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(own) = all.get_mut(&from) {
            *own -= 1;
            if *own == 0 {
                all.remove(&from);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn behind_a_proxy_the_last_that_it_names_is_believed_and_else_nobody_is() {
        let from: IpAddr = "127.0.0.1".parse().unwrap();
        let mut headers = HeaderMap::new();
        assert_eq!(caller((from, true), &headers), from);
        headers.append("x-forwarded-for", "192.0.2.1, 192.0.2.2".parse().unwrap());
        assert_eq!(caller((from, true), &headers).to_string(), "192.0.2.2");
        headers.append("x-forwarded-for", "192.0.2.3".parse().unwrap());
        assert_eq!(caller((from, true), &headers).to_string(), "192.0.2.3");
        assert_eq!(caller((from, false), &headers), from);
    }

    #[test]
    fn one_address_has_so_many_connections_and_they_are_given_back() {
        let (crowd, from) = (Arc::new(Crowd::default()), "192.0.2.1".parse().unwrap());
        let held: Vec<_> = (0..CONNECTIONS_PER_CALLER_MAX).map(|_| crowd.enter(from, false)).collect();
        assert!(held.iter().all(Option::is_some) && crowd.enter(from, false).is_none());
        assert!(crowd.enter("192.0.2.2".parse().unwrap(), false).is_some());
        drop(held);
        assert!(crowd.0.lock().unwrap().is_empty());
    }

    #[tokio::test]
    async fn nobody_reads_along() {
        let bound = Listening::bind("0.0.0.0:0".parse().unwrap(), None).await;
        assert!(matches!(bound, Err(ListenError::Unsecured(_))));
    }
}
