//! A real server below its watcher: that it answers, keeps what it should, and never outlives us.

mod client;

use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Instant;

use hwc_broker::{Broker, BrokerError, LogMode, Settings, Stopped, SyncMode};

use client::{Client, PATIENCE};

const STREAM: &str = r#"{"name":"KEPT","subjects":["kept"],"storage":"file"}"#;

/// Makes a stream with one message in it.
async fn keep_a_message(port: u16) -> std::io::Result<()> {
    let mut client = Client::connect(port).await?;
    client.request("$JS.API.STREAM.CREATE.KEPT", STREAM).await?;
    let stored = client.request("kept", "a message").await?;
    if stored.contains(r#""seq":1"#) { Ok(()) } else { Err(std::io::Error::other(stored)) }
}

/// Whether the stream and its message are there.
async fn message_is_kept(port: u16) -> std::io::Result<bool> {
    let answer = Client::connect(port).await?.request("$JS.API.STREAM.INFO.KEPT", "").await?;
    Ok(answer.contains(r#""messages":1"#))
}

/// Whether a process of this number is there.
fn lives(pid: u32) -> bool {
    let pid = pid.to_string();
    let asked = Command::new("/bin/sh").args(["-c", "kill -0 \"$1\" 2>/dev/null", "sh", &pid]).status();
    asked.is_ok_and(|status| status.success())
}

/// Waits until something holds; false if it never does.
async fn eventually(mut holds: impl FnMut() -> bool) -> bool {
    let since = Instant::now();
    while since.elapsed() < PATIENCE {
        if holds() {
            return true;
        }
        tokio::time::sleep(std::time::Duration::from_millis(10)).await;
    }
    false
}

/// Every file and folder below this one, and itself.
fn everything_in(path: &Path) -> Vec<PathBuf> {
    let mut all = vec![path.to_owned()];
    if path.is_dir() {
        let entries = path.read_dir().into_iter().flatten().filter_map(Result::ok);
        all.extend(entries.flat_map(|entry| everything_in(&entry.path())));
    }
    all
}

#[tokio::test]
async fn it_starts_with_one_line_and_answers() {
    let folder = tempfile::tempdir().unwrap();
    let mut broker = Broker::start(Settings::in_folder(folder.path())).await.unwrap();

    assert_eq!(broker.client_url(), format!("nats://127.0.0.1:{}", broker.port()));
    assert!(broker.is_running());
    assert!(lives(broker.pid()));
    assert!(broker.monitoring_url().is_none());
    let mut client = Client::connect(broker.port()).await.unwrap();
    let account = client.request("$JS.API.INFO", "").await.unwrap();
    assert!(account.contains("io.nats.jetstream.api.v1.account_info_response"), "{account}");
    assert!(!account.contains(r#""error":"#), "{account}");
}

#[tokio::test]
async fn two_at_once_do_not_collide() {
    let (here, there) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let (one, other) = tokio::join!(
        Broker::start(Settings::in_folder(here.path())),
        Broker::start(Settings::in_folder(there.path())),
    );
    let (one, other) = (one.unwrap(), other.unwrap());

    assert_ne!(one.port(), other.port());
    keep_a_message(one.port()).await.unwrap();
    assert!(message_is_kept(one.port()).await.unwrap());
    assert!(!message_is_kept(other.port()).await.unwrap());
}

#[tokio::test]
async fn a_second_one_in_the_same_folder_is_refused_and_the_first_goes_on() {
    let folder = tempfile::tempdir().unwrap();
    let first = Broker::start(Settings::in_folder(folder.path())).await.unwrap();
    let second = Broker::start(Settings::in_folder(folder.path())).await;
    assert!(matches!(second, Err(BrokerError::FolderInUse { .. })), "{second:?}");
    keep_a_message(first.port()).await.unwrap();
}

const PARENT_FOLDER: &str = "HWC_BROKER_TEST_PARENT_FOLDER";

/// Not a test of its own: the other half of the next one, which runs it in a process that it can kill.
#[tokio::test]
async fn the_parent_that_will_be_killed() {
    let Some(folder) = std::env::var_os(PARENT_FOLDER).map(PathBuf::from) else { return };
    let broker = Broker::start(Settings::in_folder(folder.join("broker"))).await.unwrap();
    keep_a_message(broker.port()).await.unwrap();
    let told = folder.join("told");
    std::fs::write(&told, format!("{} {}", broker.pid(), broker.port())).unwrap();
    std::fs::rename(told, folder.join("ready")).unwrap();
    tokio::time::sleep(PATIENCE).await;
}

#[tokio::test]
async fn a_parent_killed_with_nine_takes_the_server_along() {
    let folder = tempfile::tempdir().unwrap();
    let mut parent = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "the_parent_that_will_be_killed"])
        .env(PARENT_FOLDER, folder.path())
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    let ready = folder.path().join("ready");
    let began = eventually(|| ready.exists()).await;
    let words = std::fs::read_to_string(&ready).unwrap_or_default();
    let alive = words.split_once(' ').is_some_and(|(pid, _)| lives(pid.parse().unwrap()));

    parent.kill().unwrap();
    parent.wait().unwrap();

    assert!(began && alive, "the parent never had a server: {words:?}");
    let (pid, port) = words.split_once(' ').unwrap();
    assert!(eventually(|| !lives(pid.parse().unwrap())).await, "the server outlived its parent");
    assert!(Client::connect(port.parse().unwrap()).await.is_err());

    let again = Broker::start(Settings::in_folder(folder.path().join("broker"))).await.unwrap();
    assert!(message_is_kept(again.port()).await.unwrap());
}

#[tokio::test]
async fn a_start_right_after_a_crash_waits_for_the_old_server_to_be_gone() {
    let folder = tempfile::tempdir().unwrap();
    let old = Broker::start(Settings::in_folder(folder.path())).await.unwrap();
    keep_a_message(old.port()).await.unwrap();
    let old_pid = old.pid();
    let gone = tokio::task::spawn_blocking(move || {
        std::thread::sleep(std::time::Duration::from_millis(200));
        drop(old);
    });
    let new = Broker::start(Settings::in_folder(folder.path())).await.unwrap();
    assert!(!lives(old_pid));
    assert!(message_is_kept(new.port()).await.unwrap());
    gone.await.unwrap();
}

#[tokio::test]
async fn a_restart_keeps_the_store_and_the_ports() {
    let folder = tempfile::tempdir().unwrap();
    let settings = Settings { monitoring: true, ..Settings::in_folder(folder.path()) };
    let mut broker = Broker::start(settings).await.unwrap();
    keep_a_message(broker.port()).await.unwrap();
    let (port, pid) = (broker.port(), broker.pid());
    let monitoring = broker.monitoring_url().unwrap().to_owned();

    broker.restart().await.unwrap();

    assert_eq!((broker.port(), broker.monitoring_url()), (port, Some(&*monitoring)));
    assert_ne!(broker.pid(), pid);
    assert!(message_is_kept(port).await.unwrap());
}

#[tokio::test]
async fn a_killed_server_is_gone_and_comes_back_when_asked() {
    let folder = tempfile::tempdir().unwrap();
    let strict = Settings { sync: SyncMode::Always, ..Settings::in_folder(folder.path()) };
    let mut broker = Broker::start(strict).await.unwrap();
    keep_a_message(broker.port()).await.unwrap();

    broker.kill().await.unwrap();
    assert!(!broker.is_running());
    assert!(!lives(broker.pid()));
    assert!(Client::connect(broker.port()).await.is_err());

    broker.restart().await.unwrap();
    assert!(message_is_kept(broker.port()).await.unwrap());
}

#[tokio::test]
async fn a_server_that_is_killed_while_it_comes_back_is_started_once_more() {
    let folder = tempfile::tempdir().unwrap();
    let mut broker = Broker::start(Settings::in_folder(folder.path())).await.unwrap();
    keep_a_message(broker.port()).await.unwrap();
    let (file, own) = (folder.path().join("broker.pid"), broker.pid());
    // Two more lives are ended as soon as they have a number, which is before they are ready.
    let killer = std::thread::spawn(move || {
        let mut killed = vec![own];
        while killed.len() < 3 {
            let pid = std::fs::read_to_string(&file).ok().and_then(|text| text.trim().parse().ok());
            if let Some(pid) = pid.filter(|pid| !killed.contains(pid)) {
                Command::new("/bin/sh")
                    .args(["-c", "kill -9 \"$1\"", "sh", &pid.to_string()])
                    .status()
                    .unwrap();
                killed.push(pid);
            }
            std::thread::sleep(std::time::Duration::from_millis(1));
        }
    });
    while !killer.is_finished() {
        broker.restart().await.unwrap();
    }
    killer.join().unwrap();
    broker.restart().await.unwrap();
    assert!(message_is_kept(broker.port()).await.unwrap());
}

#[tokio::test]
async fn a_server_that_ends_by_itself_is_noticed() {
    let folder = tempfile::tempdir().unwrap();
    let mut broker = Broker::start(Settings::in_folder(folder.path())).await.unwrap();
    let pid = broker.pid().to_string();
    Command::new("/bin/sh").args(["-c", "kill -s TERM \"$1\"", "sh", &pid]).status().unwrap();

    let last_words = tokio::time::timeout(PATIENCE, broker.ended()).await.unwrap();

    assert!(last_words.contains("Server Exiting"), "{last_words}");
    let reloaded = broker.reload("").await;
    assert!(matches!(reloaded, Err(BrokerError::NotRunning { .. })), "{reloaded:?}");
    broker.restart().await.unwrap();
    keep_a_message(broker.port()).await.unwrap();
}

#[tokio::test]
async fn a_stop_is_in_order_and_leaves_nobody_behind() {
    let folder = tempfile::tempdir().unwrap();
    let broker = Broker::start(Settings::in_folder(folder.path())).await.unwrap();
    let (pid, port) = (broker.pid(), broker.port());
    assert_eq!(broker.stop().await.unwrap(), Stopped::InOrder);
    assert!(!lives(pid));
    assert!(Client::connect(port).await.is_err());
    let log = std::fs::read_to_string(folder.path().join("broker.log")).unwrap();
    assert!(log.contains("Server Exiting"), "{log}");
}

#[tokio::test]
async fn a_dropped_broker_is_gone_when_drop_returns() {
    let folder = tempfile::tempdir().unwrap();
    let broker = Broker::start(Settings::in_folder(folder.path())).await.unwrap();
    let pid = broker.pid();
    drop(broker);
    assert!(!lives(pid));
}

#[tokio::test]
async fn ctrl_c_in_a_terminal_reaches_us_and_not_the_server() {
    let group_of = |pid: u32| {
        let asked = Command::new("ps").args(["-o", "pgid=", "-p", &pid.to_string()]).output().unwrap();
        String::from_utf8_lossy(&asked.stdout).trim().to_owned()
    };
    let folder = tempfile::tempdir().unwrap();
    let broker = Broker::start(Settings::in_folder(folder.path())).await.unwrap();
    let (ours, its) = (group_of(std::process::id()), group_of(broker.pid()));
    assert!(!ours.is_empty() && !its.is_empty());
    assert_ne!(ours, its);
}

#[tokio::test]
async fn a_broken_configuration_gives_the_reason() {
    let folder = tempfile::tempdir().unwrap();
    let broken = Settings { accounts: "acounts { A {} }".to_owned(), ..Settings::in_folder(folder.path()) };
    let error = Broker::start(broken).await.unwrap_err();
    assert!(matches!(error, BrokerError::EndedEarly { .. }), "{error:?}");
    assert!(error.to_string().contains(r#":1:0: unknown field "acounts""#), "{error}");
}

#[tokio::test]
async fn a_port_that_is_taken_gives_the_reason() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let folder = tempfile::tempdir().unwrap();
    let settings =
        Settings { port: Some(taken.local_addr().unwrap().port()), ..Settings::in_folder(folder.path()) };
    let error = Broker::start(settings).await.unwrap_err();
    assert!(error.to_string().contains("address already in use"), "{error}");
}

fn account(user: &str) -> String {
    format!("accounts {{ A {{ jetstream: enabled, users: [ {{ user: {user}, password: secret }} ] }} }}\n")
}

fn login(user: &str) -> String {
    format!(r#"{{"verbose":false,"user":"{user}","pass":"secret"}}"#)
}

#[tokio::test]
async fn a_reload_changes_who_may_enter_without_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let settings = Settings { accounts: account("ada"), ..Settings::in_folder(folder.path()) };
    let mut broker = Broker::start(settings).await.unwrap();
    let (port, pid) = (broker.port(), broker.pid());
    Client::connect_with(port, &login("ada")).await.unwrap();
    assert!(Client::connect_with(port, &login("bob")).await.is_err());

    broker.reload(account("bob")).await.unwrap();

    assert_eq!((broker.port(), broker.pid()), (port, pid));
    Client::connect_with(port, &login("bob")).await.unwrap();
    assert!(Client::connect_with(port, &login("ada")).await.is_err());
    broker.restart().await.unwrap();
    Client::connect_with(port, &login("bob")).await.unwrap();
}

#[tokio::test]
async fn a_refused_reload_leaves_the_old_configuration_in_force_and_on_disk() {
    let folder = tempfile::tempdir().unwrap();
    let settings = Settings { accounts: account("ada"), ..Settings::in_folder(folder.path()) };
    let mut broker = Broker::start(settings).await.unwrap();
    let before = std::fs::read_to_string(folder.path().join("broker.conf")).unwrap();

    // The first fails the server's check; the second passes it, and is refused by the running server.
    for (accounts, reason) in [
        ("acounts {}".to_owned(), r#"accounts:1:0: unknown field "acounts""#),
        (account("ada") + "server_name: other\n", "config reload not supported for ServerName"),
    ] {
        let error = broker.reload(accounts).await.unwrap_err();
        assert!(matches!(error, BrokerError::Refused { .. }), "{error:?}");
        assert!(error.to_string().contains(reason), "{error}");
        Client::connect_with(broker.port(), &login("ada")).await.unwrap();
        assert_eq!(std::fs::read_to_string(folder.path().join("broker.conf")).unwrap(), before);
    }
}

#[tokio::test]
async fn payloads_do_not_reach_the_log_whatever_the_caller_writes() {
    let canary = "canary-8f1c";
    let folder = tempfile::tempdir().unwrap();
    let settings = Settings {
        accounts: "trace: true\ntrace_verbose: true\ndebug: true\n".to_owned(),
        log: LogMode::Whole,
        ..Settings::in_folder(folder.path())
    };
    let mut broker = Broker::start(settings).await.unwrap();
    let publish = async |broker: &Broker| {
        let mut client = Client::connect(broker.port()).await.unwrap();
        client.request("$JS.API.STREAM.CREATE.KEPT", STREAM).await.unwrap();
        assert!(client.request("kept", canary).await.unwrap().contains(r#""seq":"#));
    };
    publish(&broker).await;
    broker.reload("trace: true\ndebug: true\nmax_connections: 100\n").await.unwrap();
    publish(&broker).await;
    assert_eq!(broker.stop().await.unwrap(), Stopped::InOrder);

    for file in ["broker.log", "broker.stderr"] {
        let text = std::fs::read_to_string(folder.path().join(file)).unwrap();
        assert!(!text.contains(canary), "{text}");
        assert!(!text.contains("[TRC]") && !text.contains("[DBG]"), "{text}");
    }
}

#[tokio::test]
async fn the_folder_and_everything_in_it_is_ours_alone() {
    let outside = tempfile::tempdir().unwrap();
    let folder = outside.path().join("made by \"the\" broker");
    let mut broker = Broker::start(Settings::in_folder(&folder)).await.unwrap();
    keep_a_message(broker.port()).await.unwrap();
    broker.reload("max_connections: 100").await.unwrap();

    let all = everything_in(&folder);
    for path in &all {
        let mode = path.metadata().unwrap().permissions().mode() & 0o7777;
        assert_eq!(mode, if path.is_dir() { 0o700 } else { 0o600 }, "{}", path.display());
    }
    for name in ["broker.conf", "broker.log", "broker.pid", "jetstream"] {
        assert!(all.contains(&folder.join(name)), "{name} is missing in {all:?}");
    }
}

#[tokio::test]
async fn a_folder_that_others_can_enter_is_closed_if_empty_and_refused_if_not() {
    let outside = tempfile::tempdir().unwrap();
    for (name, holds_something) in [("empty", false), ("full", true)] {
        let folder = outside.path().join(name);
        std::fs::create_dir(&folder).unwrap();
        std::fs::set_permissions(&folder, std::fs::Permissions::from_mode(0o750)).unwrap();
        if holds_something {
            std::fs::write(folder.join("somebody's"), "").unwrap();
        }
        let outcome = Broker::start(Settings::in_folder(&folder)).await;
        let mode = folder.metadata().unwrap().permissions().mode() & 0o7777;
        if holds_something {
            assert!(
                matches!(outcome, Err(BrokerError::FolderOpenToOthers { mode: 0o750, .. })),
                "{outcome:?}"
            );
            assert_eq!((mode, everything_in(&folder).len()), (0o750, 2));
        } else {
            outcome.unwrap();
            assert_eq!(mode, 0o700);
        }
    }
}

#[tokio::test]
async fn it_listens_on_loopback_whatever_the_caller_writes() {
    let folder = tempfile::tempdir().unwrap();
    let settings =
        Settings { accounts: "listen: \"0.0.0.0:4222\"\n".to_owned(), ..Settings::in_folder(folder.path()) };
    let broker = Broker::start(settings).await.unwrap();
    let ports =
        everything_in(folder.path()).into_iter().find(|path| path.extension().is_some_and(|e| e == "ports"));
    let ports = std::fs::read_to_string(ports.unwrap()).unwrap();
    assert_eq!(ports, format!(r#"{{"nats":["{}"]}}"#, broker.client_url()));
    drop(broker);

    let settings = Settings {
        accounts: "websocket { listen: \"0.0.0.0:-1\", no_tls: true }\n".to_owned(),
        ..Settings::in_folder(folder.path())
    };
    let error = Broker::start(settings).await.unwrap_err();
    assert!(matches!(error, BrokerError::OpenToNetwork { .. }), "{error:?}");
}
