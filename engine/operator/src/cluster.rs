//! Brokers in production: servers of one cluster on machines of their own, which know each other by their certificate alone.

use std::{
    fmt::{self, Write as _},
    path::PathBuf,
    str::FromStr,
};

use hwc_jetstream::TlsFiles;
use zeroize::Zeroizing;

use crate::{Member, Operator, OperatorError, authority, config, keys};

/// Servers of one cluster, at most.
pub const BROKERS_MAX: usize = 5;

/// Where one broker is reached: `HOST`, `HOST:PORT` or `HOST:PORT:ROUTE_PORT`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Seat {
    /// A name or an address of version 4, which the brokers' certificate must hold.
    pub host: String,
    /// The port for clients.
    pub port: u16,
    /// The port for the other brokers.
    pub route_port: u16,
}

/// Text that is no place of a broker.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("wanted HOST, HOST:PORT or HOST:PORT:ROUTE_PORT, as in broker-1.example:4222:6222")]
pub struct SeatError;

impl FromStr for Seat {
    type Err = SeatError;

    fn from_str(text: &str) -> Result<Self, SeatError> {
        let mut parts = text.split(':');
        let host = parts.next().unwrap_or_default();
        let mut port = |otherwise: u16| parts.next().map_or(Ok(otherwise), str::parse);
        let (port, route_port) = (port(4222).map_err(|_| SeatError)?, port(6222).map_err(|_| SeatError)?);
        let fits = (1..=253).contains(&host.len())
            && host.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-'));
        if fits && port != 0 && route_port != 0 && port != route_port && parts.next().is_none() {
            Ok(Self { host: host.to_owned(), port, route_port })
        } else {
            Err(SeatError)
        }
    }
}

impl fmt::Display for Seat {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}:{}", self.host, self.port, self.route_port)
    }
}

/// Where things lie on one broker's machine.
#[derive(Debug, Clone)]
pub struct Places {
    /// The address that it listens on, without a port.
    pub listen: String,
    /// The folder with certificate, key and authority, as the running broker finds it.
    pub tls: PathBuf,
    /// The store.
    pub store: PathBuf,
}

/// One broker's files.
pub struct BrokerFiles {
    /// `nats-server.conf`: written once, then its operator's.
    pub server: String,
    /// `accounts.conf` beside it: new with every change of who takes part.
    pub accounts: String,
    /// Certificate, key and authority, by their file names.
    pub tls: Vec<(&'static str, Zeroizing<Vec<u8>>)>,
}

impl Operator {
    /// Everybody who takes part, in order.
    pub fn members(&self) -> impl Iterator<Item = &Member> {
        self.register().members.keys()
    }

    /// The files of each broker of a cluster.
    ///
    /// All show the one certificate that `hwc operator` made for every name, and let in as a broker only whoever shows it:
    /// what the authority signed for members opens no route.
    pub fn cluster(
        &self,
        seats: &[Seat],
        places: impl Fn(usize, &Seat) -> Places,
    ) -> Result<Vec<BrokerFiles>, OperatorError> {
        let register = self.register();
        if let Some(stranger) = seats.iter().find(|seat| !register.broker.names.contains(&seat.host)) {
            return Err(OperatorError::NotNamed(stranger.host.clone()));
        }
        let own = [keys::TLS_KEY, keys::TLS_CERTIFICATE, keys::AUTHORITY];
        let read = own.map(|name| self.brokers_file(name).map(|bytes| (name, bytes)));
        let [key, certificate, authority] = read;
        let tls = [key?, certificate?, authority?];
        let text = std::str::from_utf8(&tls[0].1)
            .map_err(|_| OperatorError::Certificate("the brokers' key is no text".to_owned()))?;
        let pin = hex::encode(authority::hash_of(text)?);
        let files = seats.iter().enumerate().map(|(at, seat)| {
            let places = places(at, seat);
            let tls_files = TlsFiles::in_folder(&places.tls);
            let others: Vec<_> = seats.iter().filter(|other| *other != seat).collect();
            let mut server = config::of_a_cluster(register, at, seat, &places);
            if !others.is_empty() {
                server += &routes(&tls_files, &pin, &places.listen, seat, &others);
            }
            BrokerFiles { server, accounts: config::accounts(register, &tls_files), tls: tls.to_vec() }
        });
        Ok(files.collect())
    }
}

/// The part of the configuration about the other brokers.
fn routes(files: &TlsFiles, pin: &str, listen: &str, seat: &Seat, others: &[&Seat]) -> String {
    let mut text = format!(
        "cluster {{\n  name: \"hwc\"\n  listen: \"{listen}:{}\"\n  tls {{\n    cert_file: {:?}\n    key_file: {:?}\n    \
         ca_file: {:?}\n    verify: true\n    min_version: \"1.3\"\n    timeout: 5\n    \
         # Only whoever shows the brokers' own certificate is a broker.\n    pinned_certs: [ \"{pin}\" ]\n  }}\n  routes: [\n",
        seat.route_port,
        files.certificate.to_string_lossy(),
        files.key.to_string_lossy(),
        files.ca.to_string_lossy(),
    );
    for other in others {
        let _ = writeln!(text, "    \"tls://{}:{}\"", other.host, other.route_port);
    }
    text + "  ]\n}\n"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_has_a_host_and_ports_that_differ() {
        let seat = |text: &str| text.parse::<Seat>().map(|seat| seat.to_string()).ok();
        assert_eq!(seat("broker-1.example").as_deref(), Some("broker-1.example:4222:6222"));
        assert_eq!(seat("127.0.0.1:5000:5001").as_deref(), Some("127.0.0.1:5000:5001"));
        for not in ["", ":4222", "a:b", "a:1:1", "a:0:1", "a:1:2:3", "a\"b", "a b", "[::1]:4222"] {
            assert_eq!(seat(not), None, "{not}");
        }
    }
}
