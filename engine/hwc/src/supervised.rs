//! What a service manager is told (`sd_notify(3)`): ready when `/readyz` would say so, what is missing until then, that the process
//! stops, and, as long as the process's own loop comes round, that it lives.
//!
//! Under no service manager nothing is told. Nothing that is told names anybody: the words are those of `/readyz`.

use std::{
    env,
    ffi::OsString,
    io,
    os::{
        linux::net::SocketAddrExt as _,
        unix::{
            ffi::OsStrExt as _,
            net::{SocketAddr, UnixDatagram},
        },
    },
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::Duration,
};

use hwc_telemetry::Health;
use tokio::{sync::watch, task::JoinHandle};

/// How often it is looked whether there is something to tell.
const LOOK_EVERY: Duration = Duration::from_millis(500);
/// How long a start may go on after each sign of life: the broker may be away for as long as it likes, a start that hangs ends.
const START_GOES_ON_FOR: Duration = Duration::from_mins(1);
/// The longest status, in bytes.
const STATUS_BYTES_MAX: usize = 512;

/// The beat of a process's own loop: where all its work is polled. It stands still when that hangs. Cheap to clone.
#[derive(Debug, Clone, Default)]
pub(crate) struct Pulse(Arc<AtomicU64>);

impl Pulse {
    /// The loop came round.
    pub(crate) fn beat(&self) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }

    /// Beats for as long as it is polled. Never returns.
    pub(crate) async fn keep(&self) {
        let mut again = tokio::time::interval(LOOK_EVERY);
        loop {
            again.tick().await;
            self.beat();
        }
    }

    fn beats(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// Whoever started the process wants to know of it, until this is dropped.
#[derive(Debug)]
pub(crate) struct Supervised(Option<(JoinHandle<()>, Arc<Line>)>);

impl Supervised {
    /// Tells whoever the environment names; nobody if it names nobody.
    pub(crate) fn begin(health: &Health, pulse: &Pulse, stop: &watch::Receiver<bool>) -> Self {
        let own = std::process::id();
        let Some(line) = Line::of(env::var_os("NOTIFY_SOCKET")) else { return Self(None) };
        let line = match line {
            Ok(line) => line,
            Err(error) => {
                tracing::warn!(%error, "the service manager cannot be told anything");
                return Self(None);
            }
        };
        let patience = patience(env::var("WATCHDOG_USEC").ok(), env::var("WATCHDOG_PID").ok(), own);
        let line = Arc::new(line);
        let telling = tell(Arc::clone(&line), patience, health.clone(), pulse.clone(), stop.clone());
        Self(Some((tokio::spawn(telling), line)))
    }
}

impl Drop for Supervised {
    fn drop(&mut self) {
        if let Some((telling, line)) = &self.0 {
            telling.abort();
            // Whoever had nothing in hand ends sooner than anybody looks.
            line.say_stopping();
        }
    }
}

/// How long the service manager waits for a sign of life; none if it waits for none from us.
fn patience(microseconds: Option<String>, of: Option<String>, own: u32) -> Option<Duration> {
    let ours = of.is_none_or(|of| of.parse() == Ok(own));
    let microseconds = microseconds?.parse().ok().filter(|given| ours && *given > 0)?;
    Some(Duration::from_micros(microseconds))
}

/// The way to the service manager.
#[derive(Debug)]
struct Line {
    socket: UnixDatagram,
    to: SocketAddr,
    /// Whether it was said that the process stops.
    stopping: AtomicBool,
}

impl Line {
    /// By the name of its socket: a path, or `@` and a name without a file.
    fn of(name: Option<OsString>) -> Option<io::Result<Self>> {
        let name = name.filter(|name| !name.is_empty())?;
        let to = match name.as_bytes() {
            [b'@', name @ ..] => SocketAddr::from_abstract_name(name),
            _ => SocketAddr::from_pathname(Path::new(&name)),
        };
        Some(to.and_then(|to| {
            let socket = UnixDatagram::unbound()?;
            // A service manager that does not listen holds nobody up.
            socket.set_nonblocking(true)?;
            Ok(Self { socket, to, stopping: AtomicBool::new(false) })
        }))
    }

    fn say_stopping(&self) {
        if !self.stopping.swap(true, Ordering::Relaxed) {
            self.say("STOPPING=1");
        }
    }

    fn say(&self, words: &str) {
        if let Err(error) = self.socket.send_to_addr(words.as_bytes(), &self.to) {
            tracing::debug!(%error, "the service manager did not hear");
        }
    }
}

/// Tells what there is to tell, for ever.
async fn tell(
    line: Arc<Line>,
    patience: Option<Duration>,
    health: Health,
    pulse: Pulse,
    stop: watch::Receiver<bool>,
) {
    // Twice as often as it would be missed, and a third time for what gets lost.
    let every = patience.map_or(LOOK_EVERY, |patience| LOOK_EVERY.min(patience / 3));
    let mut look = tokio::time::interval(every.max(Duration::from_millis(1)));
    let (mut ready, mut said, mut beats) = (false, String::new(), None);
    loop {
        look.tick().await;
        let reasons = health.reasons();
        if !ready && reasons.is_empty() {
            ready = true;
            line.say("READY=1");
        }
        if *stop.borrow() {
            line.say_stopping();
        }
        let now = status(&reasons);
        if now != said {
            line.say(&format!("STATUS={now}"));
            said = now;
        }
        // Before it is ready nothing of its own loop runs but this; afterwards only what beats counts.
        let beat = Some(pulse.beats());
        if !ready {
            line.say(&format!("EXTEND_TIMEOUT_USEC={}", START_GOES_ON_FOR.as_micros()));
        } else if patience.is_some() && beat != beats {
            beats = beat;
            line.say("WATCHDOG=1");
        }
    }
}

/// One line for people.
fn status(reasons: &[String]) -> String {
    if reasons.is_empty() {
        return "ready".to_owned();
    }
    let mut text = format!("not ready: {}", reasons.join("; ").replace(['\n', '\r'], " "));
    while text.len() > STATUS_BYTES_MAX {
        text.pop();
    }
    text
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use super::*;

    /// A service manager's ear.
    struct Ear {
        socket: UnixDatagram,
        name: OsString,
        _folder: tempfile::TempDir,
    }

    impl Ear {
        fn new() -> Self {
            let folder = tempfile::tempdir().unwrap();
            let path = folder.path().join("notify");
            let socket = UnixDatagram::bind(&path).unwrap();
            socket.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
            Self { socket, name: path.into_os_string(), _folder: folder }
        }

        fn line(&self) -> Arc<Line> {
            Arc::new(Line::of(Some(self.name.clone())).unwrap().unwrap())
        }

        fn hears(&self) -> String {
            let mut bytes = [0; 1024];
            let length = self.socket.recv(&mut bytes).unwrap();
            String::from_utf8(bytes[..length].to_vec()).unwrap()
        }

        /// Everything up to these words.
        fn hears_until(&self, words: &str) -> Vec<String> {
            let mut heard = Vec::new();
            while heard.last().is_none_or(|last| last != words) {
                heard.push(self.hears());
            }
            heard
        }
    }

    /// A process with one condition that is not fulfilled yet.
    struct Told {
        ear: Ear,
        health: Health,
        pulse: Pulse,
        stop: watch::Sender<bool>,
        runtime: tokio::runtime::Runtime,
    }

    fn told(patience: Option<Duration>) -> Told {
        let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
        let (ear, health, pulse) = (Ear::new(), Health::default(), Pulse::default());
        health.set("connected", Some("no connection to the broker".into()));
        let (stop, stopped) = watch::channel(false);
        runtime.spawn(tell(ear.line(), patience, health.clone(), pulse.clone(), stopped));
        Told { ear, health, pulse, stop, runtime }
    }

    #[test]
    fn ready_is_said_once_and_not_before_readyz_would_say_it() {
        let told = told(None);
        let before = told.ear.hears_until("EXTEND_TIMEOUT_USEC=60000000");
        assert_eq!(before[0], "STATUS=not ready: no connection to the broker");
        assert!(!before.contains(&"READY=1".to_owned()), "{before:?}");
        told.health.set("connected", None);
        told.ear.hears_until("READY=1");
        told.ear.hears_until("STATUS=ready");
        // What fails later is said, and takes nothing back.
        told.health.set("connected", Some("no connection to the broker".into()));
        assert_eq!(told.ear.hears(), "STATUS=not ready: no connection to the broker");
        told.health.set("connected", None);
        assert_eq!(told.ear.hears(), "STATUS=ready");
        told.stop.send_replace(true);
        told.health.set("stopping", Some("stopping".into()));
        let last = told.ear.hears_until("STATUS=not ready: stopping");
        assert!(last.contains(&"STOPPING=1".to_owned()), "{last:?}");
    }

    #[test]
    fn a_loop_that_hangs_is_not_said_to_live() {
        let told = told(Some(Duration::from_millis(60)));
        told.health.set("connected", None);
        let pulse = told.pulse.clone();
        let turning = told.runtime.spawn(async move { pulse.keep().await });
        told.ear.hears_until("READY=1");
        for _ in 0..3 {
            told.ear.hears_until("WATCHDOG=1");
        }
        // The loop stands still, all else goes on. What was under way is heard out, then nothing is.
        turning.abort();
        told.ear.socket.set_read_timeout(Some(LOOK_EVERY * 4)).unwrap();
        let until = Instant::now() + Duration::from_secs(30);
        let mut bytes = [0; 1024];
        while told.ear.socket.recv(&mut bytes).is_ok() {
            assert!(Instant::now() < until, "it is said to live, and does not");
        }
        told.ear.socket.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
        told.pulse.beat();
        assert_eq!(told.ear.hears(), "WATCHDOG=1");
    }

    #[test]
    fn a_watchdog_of_another_process_is_none_of_ours() {
        let said = |usec: &str, pid: Option<&str>| patience(Some(usec.into()), pid.map(Into::into), 7);
        assert_eq!(said("30000000", None), Some(Duration::from_secs(30)));
        assert_eq!(said("30000000", Some("7")), Some(Duration::from_secs(30)));
        assert_eq!(said("30000000", Some("8")), None);
        assert_eq!((said("0", None), said("soon", None), patience(None, None, 7)), (None, None, None));
    }

    #[test]
    fn a_name_without_a_file_is_heard_too_and_no_name_is_nobody() {
        let name = format!("hwc-test-{}", std::process::id());
        let address = SocketAddr::from_abstract_name(name.as_bytes()).unwrap();
        let socket = UnixDatagram::bind_addr(&address).unwrap();
        Line::of(Some(format!("@{name}").into())).unwrap().unwrap().say("READY=1");
        let mut bytes = [0; 16];
        let length = socket.recv(&mut bytes).unwrap();
        assert_eq!(&bytes[..length], b"READY=1");
        assert!(Line::of(None).is_none() && Line::of(Some(OsString::new())).is_none());
    }

    #[test]
    fn a_status_is_one_line_of_bounded_length() {
        let said = status(&["a\nb".to_owned(), "é".repeat(1000)]);
        assert!(
            said.len() <= STATUS_BYTES_MAX && !said.contains('\n') && said.starts_with("not ready: a b; é")
        );
    }
}
