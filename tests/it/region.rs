//! A small region of real processes: a broker, an engine, and whichever organisations a test starts, each with keys and
//! settings of its own. The engine's clock stands on a school day, whatever day it is.

use std::{
    cell::{Cell, RefCell},
    fs::{self, DirBuilder, File, OpenOptions},
    io::Write as _,
    os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _},
    path::{Path, PathBuf},
    process::{Child, Command, Output, Stdio},
    time::{Duration, Instant},
};

use hwc_broker::Broker;
use hwc_jetstream::{BoardName, Credential, PublicNkey, permissions};
use hwc_schemas::Organisation;
use hwc_vault::{Directory, OperatorKey, OsChance, SealingKey};
use serde_json::Value;

use crate::ground::{hwc, root};

/// Everybody who takes part.
const EVERYBODY: [&str; 5] =
    ["police-region", "veilig-thuis-region", "municipality-0855", "school-01AA00", "school-02BB00"];

/// What the board is called.
const BOARD: &str = "board-one";

/// A Wednesday on which there is school, after the first lesson: what is routed is delivered at once.
const A_SCHOOL_DAY: &str = "2026-11-18T10:00:00+01:00";

/// Longer than the broker waits for a task whose holder was killed.
const WITHIN: Duration = Duration::from_secs(90);

/// A region on this machine. It is gone with this value, and every process in it.
pub(crate) struct Region {
    folder: tempfile::TempDir,
    url: String,
    started: Cell<u32>,
    /// The signed directory that the engine hands out.
    directory: &'static str,
    broker: RefCell<Broker>,
    runtime: tokio::runtime::Runtime,
}

impl Region {
    /// A broker, everybody's keys and settings, and the manual's tables; no process runs yet.
    pub(crate) fn prepare() -> Self {
        Self::prepare_with(|accounts| accounts)
    }

    /// The same, with other accounts and permissions on the broker than the program makes.
    pub(crate) fn prepare_with(change: impl FnOnce(String) -> String) -> Self {
        Self::prepare_as(|engine, users| change(permissions::accounts(&engine, users)))
    }

    fn prepare_as(accounts: impl FnOnce(PublicNkey, &[(Organisation, PublicNkey)]) -> String) -> Self {
        let folder = folder_with_tables();
        let own = |name: &str| private_folder(&folder.path().join(name));
        let engine = Credential::generate();
        engine.write(&own("keys/engine").join("nkey")).unwrap();
        let operator = OperatorKey::generate();
        let (mut directory, mut users) = (Directory::with_serial(1), Vec::new());
        for name in EVERYBODY {
            let organisation: Organisation = name.parse().unwrap();
            let (credential, key) =
                (Credential::generate(), SealingKey::generate(&mut OsChance).ok().unwrap());
            let keys = own(&format!("keys/{name}"));
            credential.write(&keys.join("nkey")).unwrap();
            key.save(&keys.join("seal")).unwrap();
            directory.insert(organisation.clone(), key.public_key());
            users.push((organisation, credential.public()));
        }
        write_private(&folder.path().join("keys/police-region/reference"), &[7; 32]);
        let signed = directory.sign(&operator).unwrap();
        for name in EVERYBODY.into_iter().chain(["engine"]) {
            let keys = folder.path().join("keys").join(name);
            write_private(&keys.join("directory.json"), &signed);
            write_private(&keys.join("operator.pub"), operator.public_key().to_string().as_bytes());
        }
        let accounts = accounts(engine.public(), &users);
        Self::around(folder, accounts, false, "keys/engine/directory.json")
    }

    /// The same with a board that its broker knows, and the board's settings without its own table.
    pub(crate) fn prepare_with_a_board() -> Self {
        let key = Credential::generate();
        let name: BoardName = BOARD.parse().unwrap();
        let region = Self::prepare_as(|engine, users| {
            let limits = permissions::AccountLimits::default();
            permissions::region(&[engine], &[(name.clone(), key.public())], users, limits)
        });
        let keys = private_folder(&region.path().join("keys/board"));
        key.write(&keys.join("nkey")).unwrap();
        for file in ["directory.json", "operator.pub"] {
            write_private(&keys.join(file), &fs::read(region.path().join("keys/engine").join(file)).unwrap());
        }
        let engine = fs::read_to_string(region.settings("engine")).unwrap();
        let board = engine
            .replace("\"keys/engine\"", "\"keys/board\"")
            .replace("\"state/engine\"", "\"state/relay-board\"")
            .replace("name = \"one\"", &format!("name = \"{BOARD}\""));
        assert_eq!(board.matches("board").count(), 3);
        fs::write(region.settings("board"), board).unwrap();
        region
    }

    /// A region that its operator set up with `hwc operator`: TLS, and the broker reads what the operator writes. Everybody
    /// takes part but the second school.
    pub(crate) fn by_an_operator() -> Self {
        let folder = folder_with_tables();
        let place = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
        let operator = |arguments: &[&str]| {
            let output =
                hwc().arg("operator").args(["--dir", &place("operator")]).args(arguments).output().unwrap();
            assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        };
        let (pid, log) = (place("broker/broker.pid"), place("broker/broker.log"));
        operator(&["init", "--broker-name", "127.0.0.1", "--pid-file", &pid, "--log-file", &log]);
        operator(&["add-engine", "one", "--make-keys"]);
        let keys = private_folder(&folder.path().join("keys"));
        fs::rename(place("operator/handover/engine-one"), keys.join("engine")).unwrap();
        for name in &EVERYBODY[..4] {
            operator(&["add-organisation", name, "--make-keys"]);
            fs::rename(place(&format!("operator/handover/{name}")), keys.join(name)).unwrap();
        }
        write_private(&keys.join("police-region/reference"), &[7; 32]);
        let accounts = "include \"../operator/broker/accounts.conf\"\n".to_owned();
        Self::around(folder, accounts, true, "operator/directory.json")
    }

    fn around(folder: tempfile::TempDir, accounts: String, secured: bool, directory: &'static str) -> Self {
        let runtime = tokio::runtime::Runtime::new().unwrap();
        let settings = hwc_broker::Settings {
            accounts,
            secured,
            ..hwc_broker::Settings::in_folder(folder.path().join("broker"))
        };
        let broker = runtime.block_on(Broker::start(settings)).unwrap();
        let url = broker.client_url().to_owned();
        let region =
            Self { folder, url, started: Cell::new(0), directory, broker: RefCell::new(broker), runtime };
        region.write_settings();
        region
    }

    /// The same with an engine, and these.
    pub(crate) fn with<const N: usize>(names: [&str; N]) -> (Self, Process, [Process; N]) {
        Self::prepare().at_work(names)
    }

    /// An engine, and these.
    pub(crate) fn at_work<const N: usize>(self, names: [&str; N]) -> (Self, Process, [Process; N]) {
        let region = self;
        let engine = region.start("engine");
        engine.says("leading");
        let processes = names.map(|name| region.start(name));
        for process in &processes {
            process.says("at work");
        }
        (region, engine, processes)
    }

    fn write_settings(&self) {
        let shift = A_SCHOOL_DAY.parse::<jiff::Timestamp>().unwrap().duration_since(jiff::Timestamp::now());
        let chain = "[[engine.chains]]\npolice = \"police-region\"\nveilig_thuis = \"veilig-thuis-region\"\n\
                     municipalities = [\"municipality-0855\"]\n";
        let own = [
            (
                "engine",
                format!(
                    "[engine]\nname = \"one\"\nregion = \"tables\"\ndirectory = \"{}\"\nreplicas = 1\n\
                     clock_offset_seconds = {}\n{chain}",
                    self.directory,
                    shift.as_secs()
                ),
            ),
            (
                "police-region",
                "[police]\norganisation = \"police-region\"\nveilig_thuis = \"veilig-thuis-region\"\ninbox = \"inbox\"\n".into(),
            ),
            (
                "veilig-thuis-region",
                "[veilig-thuis]\norganisation = \"veilig-thuis-region\"\nregion = \"tables\"\nresidents = \"tables/residents.csv\"\n".into(),
            ),
            (
                "municipality-0855",
                "[municipality]\norganisation = \"municipality-0855\"\nregion = \"tables\"\n\
                 enrolments = \"tables/enrolments.csv\"\nschools = \"tables/schools.csv\"\n".into(),
            ),
            ("school-01AA00", "[school]\norganisation = \"school-01AA00\"\n".into()),
            ("school-02BB00", "[school]\norganisation = \"school-02BB00\"\n".into()),
        ];
        for (name, table) in own {
            let relay = format!(
                "[relay]\nbroker = \"{}\"\nkeys = \"keys/{name}\"\nstate_dir = \"state/{name}\"\ndrain_seconds = 10\n\n{table}",
                self.url
            );
            fs::write(self.settings(name), relay).unwrap();
        }
    }

    /// The engine's next life begins at this moment of its own clock. By how many seconds that is ahead of ours.
    pub(crate) fn engine_wakes_at(&self, moment: &str) -> i64 {
        let ahead =
            moment.parse::<jiff::Timestamp>().unwrap().duration_since(jiff::Timestamp::now()).as_secs();
        let text = fs::read_to_string(self.settings("engine")).unwrap();
        let (before, rest) = text.split_once("clock_offset_seconds = ").unwrap();
        let (_, after) = rest.split_once('\n').unwrap();
        let text = format!("{before}clock_offset_seconds = {ahead}\n{after}");
        fs::write(self.settings("engine"), text).unwrap();
        ahead
    }

    /// Another engine, with the first one's credential and a name of its own.
    pub(crate) fn second_engine(&self) {
        let first = fs::read_to_string(self.settings("engine")).unwrap();
        let second = first.replace("state/engine", "state/engine-two").replace("\"one\"", "\"two\"");
        assert_ne!(first, second);
        fs::write(self.settings("engine-two"), second).unwrap();
    }

    /// Kills the broker.
    pub(crate) fn broker_dies(&self) {
        self.runtime.block_on(self.broker.borrow_mut().kill()).unwrap();
    }

    /// Takes everything that the broker keeps off its disk, while it is down.
    pub(crate) fn broker_loses_its_disk(&self) {
        fs::remove_dir_all(self.path().join("broker/jetstream")).unwrap();
    }

    /// The broker is there again, at the same address, with what its disk holds.
    pub(crate) fn broker_returns(&self) {
        self.runtime.block_on(self.broker.borrow_mut().restart()).unwrap();
    }

    /// Where the broker is.
    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    /// Rewrites everybody's settings.
    pub(crate) fn each_settings(&self, rewrite: impl Fn(String) -> String) {
        for name in EVERYBODY.into_iter().chain(["engine"]) {
            let text = rewrite(fs::read_to_string(self.settings(name)).unwrap());
            fs::write(self.settings(name), text).unwrap();
        }
    }

    /// Says something over a line to the broker, as the engine may.
    pub(crate) fn says_over(&self, url: &str, words: &'static str) {
        let seed = fs::read_to_string(self.path().join("keys/engine/nkey")).unwrap();
        self.runtime.block_on(async {
            let options = async_nats::ConnectOptions::with_nkey(seed.trim().to_owned());
            let client = options.connect(url).await.unwrap();
            client.publish("said", words.into()).await.unwrap();
            client.flush().await.unwrap();
        });
    }

    /// Asks the broker, as the engine may.
    pub(crate) fn api(&self, what: &str, body: &Value) -> Value {
        let seed = fs::read_to_string(self.path().join("keys/engine/nkey")).unwrap();
        self.runtime.block_on(async {
            let options = async_nats::ConnectOptions::with_nkey(seed.trim().to_owned());
            let client = options.connect(&self.url).await.unwrap();
            let answer = client.request(format!("$JS.API.{what}"), body.to_string().into()).await.unwrap();
            serde_json::from_slice(&answer.payload).unwrap()
        })
    }

    /// Publishes something over the engine's account, as only somebody who has its key could; waits until it is taken.
    pub(crate) fn forges(&self, subject: String, words: &'static str) {
        let seed = fs::read_to_string(self.path().join("keys/engine/nkey")).unwrap();
        self.runtime.block_on(async {
            let options = async_nats::ConnectOptions::with_nkey(seed.trim().to_owned());
            let client = options.connect(&self.url).await.unwrap();
            let answer = client.request(subject, words.into()).await.unwrap();
            let answer: Value = serde_json::from_slice(&answer.payload).unwrap();
            assert!(answer["seq"].is_u64(), "{answer}");
        });
    }

    /// Stops the broker for good.
    pub(crate) fn loses_its_broker(self) -> tempfile::TempDir {
        let Self { folder, .. } = self;
        folder
    }

    /// Waits until the broker holds nothing of any signal: no event, no ciphertext, no task.
    pub(crate) fn holds_nothing(&self) {
        let left = || {
            let journal =
                self.api("STREAM.INFO.JOURNAL", &serde_json::json!({ "subjects_filter": "jrn.*.e" }));
            let tasks = self.api("STREAM.INFO.TASKS", &serde_json::json!({}));
            let streams = self.api("STREAM.LIST", &serde_json::json!({}));
            let payloads: u64 = streams["streams"]
                .as_array()
                .unwrap()
                .iter()
                .filter(|stream| stream["config"]["name"].as_str().unwrap().starts_with("PAY_"))
                .map(|stream| stream["state"]["messages"].as_u64().unwrap())
                .sum();
            let events = journal["state"]["subjects"].as_object().map_or(0, serde_json::Map::len);
            (events, payloads, tasks["state"]["messages"].as_u64().unwrap())
        };
        wait_for(|| (left() == (0, 0, 0)).then_some(())).unwrap_or_else(|| panic!("left: {:?}", left()));
    }

    pub(crate) fn path(&self) -> &Path {
        self.folder.path()
    }

    /// Somebody's settings file.
    pub(crate) fn settings(&self, name: &str) -> PathBuf {
        self.path().join(format!("{name}.toml"))
    }

    /// A command of somebody's.
    pub(crate) fn command(&self, name: &str, arguments: &[&str]) -> Command {
        let role = name.rsplit_once('-').map_or(name, |(role, _)| role);
        let mut command = hwc();
        command.arg(role).args(arguments).arg("--config").arg(self.settings(name));
        command
    }

    /// Starts somebody's process.
    pub(crate) fn start(&self, name: &str) -> Process {
        self.start_saying(name, "info")
    }

    /// Starts somebody's process with every library asked to say everything.
    pub(crate) fn start_loudly(&self, name: &str) -> Process {
        self.start_saying(name, "trace")
    }

    /// Starts somebody's process that logs so much.
    pub(crate) fn start_saying(&self, name: &str, level: &str) -> Process {
        self.started.set(self.started.get() + 1);
        let log = self.path().join(format!("{name}.{}.log", self.started.get()));
        let stderr = File::create(&log).unwrap();
        let mut command = self.command(name, &[]);
        command.env("HWC_LOG", level);
        let child = command.stdout(Stdio::null()).stderr(stderr).spawn().unwrap();
        Process { child, log }
    }

    /// What one of somebody's people does.
    pub(crate) fn does(&self, name: &str, arguments: &[&str]) -> Done {
        let Output { status, stdout, stderr } = self.command(name, arguments).output().unwrap();
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
        Done { code: status.code(), stdout: text(stdout), stderr: text(stderr) }
    }

    /// The same, with these lines typed.
    pub(crate) fn types(&self, name: &str, arguments: &[&str], lines: &str) -> Done {
        let mut command = self.command(name, arguments);
        let streams = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = streams.spawn().unwrap();
        // Whoever needs no more hangs up.
        let _ = child.stdin.take().unwrap().write_all(lines.as_bytes());
        let Output { status, stdout, stderr } = child.wait_with_output().unwrap();
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
        Done { code: status.code(), stdout: text(stdout), stderr: text(stderr) }
    }

    /// What `hwc` says, in the region's folder.
    pub(crate) fn hwc(&self, arguments: &[&str]) -> Done {
        let Output { status, stdout, stderr } =
            hwc().current_dir(self.path()).args(arguments).output().unwrap();
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
        Done { code: status.code(), stdout: text(stdout), stderr: text(stderr) }
    }

    /// What `hwc trace` shows.
    pub(crate) fn trace(&self, id: &str, more: &[&str]) -> Done {
        let mut command = hwc();
        command.arg("trace").arg(id).args(more).arg("--config").arg(self.settings("engine"));
        let Output { status, stdout, stderr } = command.output().unwrap();
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
        Done { code: status.code(), stdout: text(stdout), stderr: text(stderr) }
    }

    /// What `hwc report` shows of a month.
    pub(crate) fn month(&self, period: &str) -> Done {
        let mut command = hwc();
        command.args(["report", "--period", period]).arg("--config").arg(self.settings("engine"));
        let Output { status, stdout, stderr } = command.output().unwrap();
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
        Done { code: status.code(), stdout: text(stdout), stderr: text(stderr) }
    }

    /// What a school's inbox shows, as JSON.
    pub(crate) fn inbox(&self, school: &str) -> Vec<Value> {
        let done = self.does(school, &["inbox", "-o", "json"]);
        assert_eq!(done.code, Some(0), "{}", done.stderr);
        let value: Value = serde_json::from_str(&done.stdout).unwrap();
        value["signals"].as_array().unwrap().clone()
    }

    /// What waits at the municipality, as JSON.
    pub(crate) fn pending(&self, more: &[&str]) -> Vec<Value> {
        let done = self.does("municipality-0855", &[&["pending", "-o", "json"], more].concat());
        assert_eq!(done.code, Some(0), "{}", done.stderr);
        let value: Value = serde_json::from_str(&done.stdout).unwrap();
        value["cases"].as_array().unwrap().clone()
    }

    /// Moves a file of reports into the police's inbox.
    pub(crate) fn report(&self, name: &str, lines: &[String]) -> PathBuf {
        let beside = self.path().join(name);
        fs::write(&beside, lines.join("\n")).unwrap();
        let inbox = self.path().join("inbox").join(name);
        fs::rename(&beside, &inbox).unwrap();
        inbox
    }

    /// Adds a row to one of the tables, as a whole new version of the file.
    pub(crate) fn add_row(&self, table: &str, row: &str) {
        let path = self.path().join("tables").join(table);
        let text = fs::read_to_string(&path).unwrap() + row + "\n";
        self.replace(table, &text);
    }

    /// Replaces one of the tables.
    pub(crate) fn replace(&self, table: &str, text: &str) {
        let beside = self.path().join("tables").join(format!(".{table}"));
        fs::write(&beside, text).unwrap();
        fs::rename(beside, self.path().join("tables").join(table)).unwrap();
    }
}

/// What somebody's command said.
pub(crate) struct Done {
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

/// A running process; killed when dropped.
pub(crate) struct Process {
    child: Child,
    log: PathBuf,
}

impl Process {
    /// Starts any program, with its words on standard error kept in a file.
    pub(crate) fn run(command: &mut Command, log: PathBuf) -> Self {
        let stderr = File::create(&log).unwrap();
        let child = command.stdout(Stdio::null()).stderr(stderr).spawn().unwrap();
        Self { child, log }
    }

    /// Waits until its log says this.
    pub(crate) fn says(&self, words: &str) {
        wait_for(|| self.log().contains(words).then_some(())).unwrap_or_else(|| {
            panic!("it never said {words:?}:\n{}", self.log());
        });
    }

    pub(crate) fn log(&self) -> String {
        fs::read_to_string(&self.log).unwrap()
    }

    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    /// Stops it politely; how it ended.
    pub(crate) fn stop(mut self) -> Option<i32> {
        Command::new("kill").args(["-TERM", &self.child.id().to_string()]).status().unwrap();
        self.child.wait().unwrap().code()
    }

    /// Kills it, as `kill -9` does.
    pub(crate) fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Looks again and again until there is something.
pub(crate) fn wait_for<T>(mut look: impl FnMut() -> Option<T>) -> Option<T> {
    let until = Instant::now() + WITHIN;
    while Instant::now() < until {
        if let Some(found) = look() {
            return Some(found);
        }
        std::thread::sleep(Duration::from_millis(50));
    }
    None
}

/// The one entry of a list that is waited for.
pub(crate) fn the_one(mut look: impl FnMut() -> Vec<Value>) -> Value {
    let found = wait_for(|| <[Value; 1]>::try_from(look()).ok());
    let [one] = found.expect("nothing came");
    one
}

/// A report of one child at an address of the manual's register.
pub(crate) fn report_of(reference: &str, given_names: &str, surname: &str, born: &str) -> String {
    serde_json::json!({
        "report_id": reference, "reported_at": "2026-11-18T06:40:00+01:00",
        "incident": { "occurred_at": "2026-11-17", "kind": "domestic_violence", "address": {
            "postcode": "5099ZZ", "house_number": 1, "municipality": "0855" } },
        "children": [{ "given_names": given_names, "surname": surname, "date_of_birth": born,
            "presence": "present", "relation": "resident" }],
    })
    .to_string()
}

/// A folder that goes with the test, with the manual's tables in it.
fn folder_with_tables() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let tables = private_folder(&folder.path().join("tables"));
    for file in ["region.toml", "holidays.json", "residents.csv", "enrolments.csv", "schools.csv"] {
        fs::copy(root().join("simulations/handbook").join(file), tables.join(file)).unwrap();
    }
    folder
}

pub(crate) fn private_folder(path: &Path) -> PathBuf {
    DirBuilder::new().recursive(true).mode(0o700).create(path).unwrap();
    path.to_owned()
}

pub(crate) fn write_private(path: &Path, bytes: &[u8]) {
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path).unwrap();
    file.write_all(bytes).unwrap();
}
