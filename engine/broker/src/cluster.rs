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

/// How often it is looked whether a server has ended.
const LOOK_EVERY: Duration = Duration::from_millis(50);

/// How often other ports are tried.
const ATTEMPTS_MAX: u32 = 5;

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
        let mut attempts = 1;
        loop {
            match Self::start_once(&settings, servers).await {
                // Somebody took a port between its choice and its use.
                Err(BrokerError::EndedEarly { last_words })
                    if last_words.contains("address already in use") && attempts < ATTEMPTS_MAX =>
                {
                    attempts += 1;
                }
                outcome => return outcome,
            }
        }
    }

    /// One server, which has nobody to agree with.
    pub fn lone(server: Broker) -> Self {
        Self { servers: vec![server] }
    }

    /// Waits until one of the servers ends without having been asked to, and says which, counted from 0, and its last words.
    /// Cancel-safe.
    pub async fn ended(&mut self) -> (usize, String) {
        loop {
            for (at, server) in self.servers.iter_mut().enumerate() {
                if !server.is_running() {
                    return (at, server.last_words());
                }
            }
            tokio::time::sleep(LOOK_EVERY).await;
        }
    }

    /// Lets each server finish, one after the other.
    ///
    /// # Errors
    /// As [`Broker::stop`], of the first that did not end; the others were stopped all the same.
    pub async fn stop(self) -> Result<(), BrokerError> {
        let mut outcome = Ok(());
        for server in self.servers {
            outcome = outcome.and(server.stop().await.map(|_| ()));
        }
        outcome
    }

    async fn start_once(settings: &Settings, servers: u16) -> Result<Self, BrokerError> {
        // Also those for clients: a server that chose its own could take another one's.
        let mut ports = free_ports(2 * servers).map_err(BrokerError::folder(&settings.folder))?;
        let for_clients = ports.split_off(usize::from(servers));
        let mut starting = JoinSet::new();
        for ((at, port), for_clients) in ports.iter().copied().enumerate().zip(for_clients) {
            let name = format!("n{}", at + 1);
            let others = ports.iter().copied().filter(|other| *other != port).collect();
            let folder = settings.folder.join(&name);
            let seat = Some(Seat { name, port, others });
            let settings = Settings { folder, seat, port: Some(for_clients), ..settings.clone() };
            starting.spawn(async move { (at, Broker::start(settings).await) });
        }
        let mut started = Vec::with_capacity(ports.len());
        while let Some(Ok(one)) = starting.join_next().await {
            started.push(one);
        }
        started.sort_by_key(|(at, _)| *at);
        let servers = started.into_iter().map(|(_, server)| server).collect::<Result<_, _>>()?;
        let cluster = Self { servers };
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
