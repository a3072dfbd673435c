//! A child that can't outlive us, without unsafe code.
//!
//! The server is started by a few lines of `sh` that hold the reading end of a pipe; we hold the writing
//! end. However we die, `kill -9` included, the system closes our end, the reader sees the end of the
//! file, and kills the server. Orders (stop, reload) go down the same pipe, to somebody who is gone as soon
//! as the server is: a process number that was given to somebody else in the meantime is never hit.
//!
//! The whole group is apart from ours: Ctrl-C in a terminal reaches us, and the server only through us.

use std::ffi::OsString;
use std::fs::File;
use std::io::{self, Write as _};
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::{Child, ChildStdin, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

/// Four things that are easy to get wrong:
/// - a background job's input is /dev/null, so the pipe moves to descriptor 3 first;
/// - the server must not inherit the pipe;
/// - the watcher ignores the usual signals only after the server was started, which would inherit that;
/// - the watcher lets go of its own error output, which is the lock on the folder, and so leaves the lock
///   to the server alone.
const WATCHER: &str = r#"
umask 077
ulimit -c 0
exec 3<&0 </dev/null
"$@" 3<&- &
server=$!
exec 2>/dev/null
trap '' HUP INT TERM
(
    while read -r order <&3; do
        case $order in TERM | HUP) kill -s "$order" "$server" ;; esac
    done
    kill -s KILL "$server"
) &
reader=$!
exec 3<&-
wait "$server"
ended=$?
kill -s KILL "$reader"
exit "$ended"
"#;

/// How long a dropped broker waits for its server to be gone. Killing takes milliseconds.
const DROP_WITHIN: Duration = Duration::from_secs(5);

/// What the watcher can be told. Killing needs no order: let go of the pipe.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Order {
    Stop,
    Reload,
}

/// A server below its watcher.
#[derive(Debug)]
pub(crate) struct Watched {
    watcher: Child,
    pipe: Option<ChildStdin>,
}

impl Watched {
    /// Starts `program`. Its error output goes to `complaints`; whatever lock is on that file stays until
    /// the program has ended.
    pub(crate) fn start(
        program: &Path,
        arguments: &[OsString],
        folder: &Path,
        complaints: File,
    ) -> io::Result<Self> {
        let mut watcher = Command::new("/bin/sh")
            .args(["-c", WATCHER, "hwc-broker-watcher"])
            .arg(program)
            .args(arguments)
            // Our environment may hold secrets; the server needs nothing of it.
            .env_clear()
            .current_dir(folder)
            .process_group(0)
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(complaints)
            .spawn()?;
        let pipe = watcher.stdin.take();
        Ok(Self { watcher, pipe })
    }

    /// Passes an order on; false if there is nobody to take it.
    pub(crate) fn order(&mut self, order: Order) -> bool {
        let line: &[u8] = match order {
            Order::Stop => b"TERM\n",
            Order::Reload => b"HUP\n",
        };
        self.pipe.as_mut().is_some_and(|pipe| pipe.write_all(line).is_ok())
    }

    /// Lets the watcher kill the server.
    pub(crate) fn kill(&mut self) {
        self.pipe = None;
    }

    /// How the server ended, if it has. When this says so, the server is gone altogether: its parent has
    /// waited for it.
    pub(crate) fn ended(&mut self) -> io::Result<Option<ExitStatus>> {
        self.watcher.try_wait()
    }

    /// Waits until the server has ended; false if it has not within the limit.
    pub(crate) async fn ends_within(&mut self, limit: Duration) -> bool {
        let since = Instant::now();
        loop {
            match self.ended() {
                Ok(None) if since.elapsed() < limit => tokio::time::sleep(Duration::from_millis(2)).await,
                Ok(None) => return false,
                // An error means there is no such child any more.
                Ok(Some(_)) | Err(_) => return true,
            }
        }
    }
}

impl Drop for Watched {
    /// Waits, so that whoever drops a broker can remove its folder or take its port at once.
    fn drop(&mut self) {
        self.kill();
        let since = Instant::now();
        while matches!(self.ended(), Ok(None)) && since.elapsed() < DROP_WITHIN {
            std::thread::sleep(Duration::from_millis(1));
        }
    }
}
