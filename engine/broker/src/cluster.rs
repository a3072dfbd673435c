//! Several servers that hold everything together, on one machine: for tests and try-outs of what production does with three.

use std::net::{Ipv4Addr, TcpListener};
use std::path::PathBuf;
use std::time::{Duration, Instant};

use tokio::task::JoinSet;

use crate::broker::Broker;
use crate::config::{Seat, Settings};
use crate::error::BrokerError;

/// How long the servers may take to agree who leads.
const AGREED_WITHIN: Duration = Duration::from_secs(30);

/// What the server that leads says when it does.
const LEADS: &str = "JetStream cluster new metadata leader";

/// Servers of one cluster, each in a folder of its own; all end with us.
#[derive(Debug)]
pub struct Cluster {
    servers: Vec<Broker>,
}

impl Cluster {
    /// Starts so many servers with these settings, in folders `n1`, `n2` and so on below theirs, and waits until they agree who
    /// leads.
    ///
    /// # Errors
    /// As [`Broker::start`]; [`BrokerError::NotReady`] if they do not agree in time.
    pub async fn start(settings: Settings, servers: u16) -> Result<Self, BrokerError> {
        let ports = free_ports(servers).map_err(BrokerError::folder(&settings.folder))?;
        let mut starting = JoinSet::new();
        for (at, port) in ports.iter().copied().enumerate() {
            let name = format!("n{}", at + 1);
            let others = ports.iter().copied().filter(|other| *other != port).collect();
            let folder = settings.folder.join(&name);
            let seat = Some(Seat { name, port, others });
            let settings = Settings { folder, seat, ..settings.clone() };
            starting.spawn(async move { (at, Broker::start(settings).await) });
        }
        let mut servers = Vec::with_capacity(ports.len());
        while let Some(Ok((at, started))) = starting.join_next().await {
            servers.push((at, started?));
        }
        servers.sort_by_key(|(at, _)| *at);
        let cluster = Self { servers: servers.into_iter().map(|(_, server)| server).collect() };
        cluster.agrees().await?;
        Ok(cluster)
    }

    async fn agrees(&self) -> Result<(), BrokerError> {
        let since = Instant::now();
        while !self.servers.iter().any(|server| server.has_said(LEADS)) {
            if since.elapsed() > AGREED_WITHIN {
                let last_words = self.servers.iter().map(Broker::last_words).collect::<Vec<_>>().join("\n");
                return Err(BrokerError::NotReady { within: AGREED_WITHIN, last_words });
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        Ok(())
    }

    /// Where clients connect: every server's address, divided by commas.
    pub fn client_url(&self) -> String {
        self.servers.iter().map(Broker::client_url).collect::<Vec<_>>().join(",")
    }

    /// How many servers there are, running or not.
    pub fn len(&self) -> usize {
        self.servers.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.servers.is_empty()
    }

    /// One server, counted from 0.
    pub fn server(&mut self, at: usize) -> Option<&mut Broker> {
        self.servers.get_mut(at)
    }

    /// Each server's folder.
    pub fn folders(&self) -> Vec<PathBuf> {
        self.servers.iter().map(|server| server.folder().to_owned()).collect()
    }
}

/// Ports that nobody has just now, each once. The servers must know each other's before any of them starts.
fn free_ports(count: u16) -> std::io::Result<Vec<u16>> {
    let held: Result<Vec<_>, _> = (0..count).map(|_| TcpListener::bind((Ipv4Addr::LOCALHOST, 0))).collect();
    held?.iter().map(|one| one.local_addr().map(|address| address.port())).collect()
}
