//! The exam on a real PostgreSQL server, and what is PostgreSQL's own: a password, and a user that cannot write. Each story
//! starts a server of its own; without one installed it fails, and says what to install.

#![cfg(test)]

mod exam;

use std::{
    fs,
    io::Write as _,
    net::TcpListener,
    os::unix::{
        fs::{OpenOptionsExt as _, PermissionsExt as _, chown},
        process::CommandExt as _,
    },
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use hwc_register::{Place, RegisterError};

/// Takes the exam's story with a server of its own.
macro_rules! stories {
    ($($story:ident),+ $(,)?) => {
        $(
            #[tokio::test(flavor = "multi_thread")]
            async fn $story() {
                let server = Server::start();
                exam::$story(server.place()).await;
            }
        )+
    };
}

stories!(
    the_database_says_what_memory_says,
    a_file_is_taken_whole_and_the_same_file_again_changes_nothing,
    a_file_that_lacks_too_many_pupils_changes_nothing,
    a_delta_says_who_comes_goes_and_moves,
    whoever_looks_sees_an_import_at_once_and_a_view_stays_what_it_is,
    a_school_joins_merges_and_leaves_by_a_word_and_a_day,
    two_imports_at_once_come_one_after_the_other,
);

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_password_is_said_without_it_and_a_reader_needs_no_right_to_write() {
    let server = Server::start();
    let refused = exam::opened(&server.at("postgres", "wrong-geheim")).await.unwrap_err().to_string();
    assert!(refused.contains("28P01") && !refused.contains("geheim"), "{refused}");
    let register = exam::prepared(&server.place()).await;
    exam::full(&register, vec![exam::pupil("Evi", "Jansen", Some("01AA00"))]).await;
    register.close().await;
    server.psql(
        "CREATE ROLE reader LOGIN PASSWORD 'leest'; GRANT SELECT ON ALL TABLES IN SCHEMA public TO reader;",
    );
    exam::opened(&server.at("reader", "leest")).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_is_away_at_the_start_is_waited_for() {
    let mut server = Server::start();
    let register = exam::prepared(&server.place()).await;
    exam::full(&register, vec![exam::pupil("Evi", "Jansen", Some("01AA00"))]).await;
    register.close().await;
    server.stop();
    let reader = exam::reader(&server.place()).await.unwrap();
    reader.problem().wait_for(Option::is_some).await.unwrap();
    server.run();
    reader.problem().wait_for(Option::is_none).await.unwrap();
    assert!(!matches!(exam::opened(&server.place()).await, Err(RegisterError::NotPrepared)));
}

const PASSWORD: &str = "een wachtwoord: 100% geheim";

/// A server on this machine, in a folder of its own. It is gone with this value.
struct Server {
    folder: tempfile::TempDir,
    programs: PathBuf,
    port: u16,
    child: Option<Child>,
}

impl Server {
    fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let programs = programs();
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let mut server = Self { folder, programs, port, child: None };
        let password = server.path("password");
        fs::write(&password, PASSWORD).unwrap();
        if let Some((user, group)) = somebody_else() {
            for path in [server.folder.path(), &password] {
                chown(path, Some(user), Some(group)).unwrap();
            }
        }
        let initdb = server
            .command("initdb")
            .args([
                "--username=postgres",
                "--auth=scram-sha-256",
                "--encoding=UTF8",
                "--locale=C",
                "--no-sync",
            ])
            .arg("--pwfile")
            .arg(&password)
            .arg("--pgdata")
            .arg(server.path("data"))
            .output()
            .unwrap();
        assert!(initdb.status.success(), "{}", String::from_utf8_lossy(&initdb.stderr));
        server.run();
        server
    }

    fn run(&mut self) {
        let log = fs::File::create(self.path("log")).unwrap();
        let child = self
            .command("postgres")
            .arg("-D")
            .arg(self.path("data"))
            .args(["-p", &self.port.to_string(), "-c", "listen_addresses=127.0.0.1", "-c", "fsync=off", "-k"])
            .arg(self.folder.path())
            .stdout(Stdio::null())
            .stderr(log)
            .spawn()
            .unwrap();
        self.child = Some(child);
        let until = Instant::now() + Duration::from_mins(1);
        while !fs::read_to_string(self.path("log")).unwrap().contains("ready to accept connections") {
            assert!(Instant::now() < until, "{}", fs::read_to_string(self.path("log")).unwrap());
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// Stops it at once, as a machine that goes down does.
    fn stop(&mut self) {
        if let Some(mut child) = self.child.take() {
            let stopped = Command::new("kill").args(["-QUIT", &child.id().to_string()]).status();
            if !stopped.is_ok_and(|status| status.success()) {
                let _ = child.kill();
            }
            let _ = child.wait();
        }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn command(&self, program: &str) -> Command {
        let mut command = Command::new(self.programs.join(program));
        command.current_dir(self.folder.path()).env_clear().env("LC_ALL", "C");
        if let Some((user, group)) = somebody_else() {
            command.uid(user).gid(group);
        }
        command
    }

    fn psql(&self, sql: &str) {
        let done = self
            .command("psql")
            .args([
                "-h",
                "127.0.0.1",
                "-p",
                &self.port.to_string(),
                "-U",
                "postgres",
                "-v",
                "ON_ERROR_STOP=1",
                "-c",
                sql,
            ])
            .env("PGPASSWORD", PASSWORD)
            .output()
            .unwrap();
        assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    }

    fn place(&self) -> Place {
        self.at("postgres", PASSWORD)
    }

    /// The address of the server, in a file.
    fn at(&self, user: &str, password: &str) -> Place {
        let password = password.replace('%', "%25").replace(' ', "%20").replace(':', "%3A");
        let path = self.path(&format!("address-{user}-{}", password.len()));
        let mut file =
            fs::OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&path).unwrap();
        writeln!(file, "postgres://{user}:{password}@127.0.0.1:{}/postgres", self.port).unwrap();
        Place::Postgres(path)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.stop();
    }
}

/// Where the server's programs are.
fn programs() -> PathBuf {
    let has = |folder: &Path| ["initdb", "postgres", "psql"].iter().all(|name| folder.join(name).exists());
    let path = std::env::var_os("PATH").unwrap_or_default();
    let versions = fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
    let debian = versions.map(|version| version.path().join("bin"));
    std::env::split_paths(&path)
        .filter_map(|folder| fs::canonicalize(folder.join("initdb")).ok()?.parent().map(Path::to_owned))
        .chain(debian)
        .find(|folder| has(folder))
        .expect("this exam needs a PostgreSQL server: apt-get install postgresql")
}

/// PostgreSQL does not run as root: whom it runs as then.
fn somebody_else() -> Option<(u32, u32)> {
    let us = fs::metadata("/proc/self").ok().map(|seen| std::os::unix::fs::MetadataExt::uid(&seen));
    if us != Some(0) {
        return None;
    }
    let users = fs::read_to_string("/etc/passwd").unwrap();
    let user = |name: &str| {
        let line = users.lines().find(|line| line.split(':').next() == Some(name))?;
        let mut fields = line.split(':').skip(2);
        Some((fields.next()?.parse().ok()?, fields.next()?.parse().ok()?))
    };
    let user = user("postgres").or_else(|| user("nobody"));
    // The folder is in the system's own folder for such things, which everybody may look through.
    assert!(fs::metadata(std::env::temp_dir()).unwrap().permissions().mode() & 0o001 != 0);
    Some(user.expect("PostgreSQL does not run as root, and there is no user postgres or nobody"))
}
