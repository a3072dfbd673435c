//! The Debian package and its units: built twice to the same bytes, installed into a folder as a root, examined by systemd's own
//! programs, and a role started as its unit says. No systemd runs here: what it would do with a unit is done by hand.

use std::{
    cell::RefCell,
    collections::BTreeMap,
    fs::{self, Permissions},
    net::TcpListener,
    os::unix::{
        fs::{MetadataExt as _, PermissionsExt as _, chown},
        net::UnixDatagram,
        process::CommandExt as _,
    },
    path::{Path, PathBuf},
    process::Command,
    time::Duration,
};

use crate::{
    canary,
    ground::root,
    mails::MailServer,
    region::{Process, Region, private_folder, wait_for},
    visitor::Visitor,
};

/// What `systemd-analyze security` may find at most, of 100: the units have 12.
const EXPOSURE_MAX: &str = "15";
const UNITS: [&str; 9] = [
    "hwc-board.service",
    "hwc-broker.service",
    "hwc-desk@0855.service",
    "hwc-engine@one.service",
    "hwc-police@region.service",
    "hwc-veilig-thuis@region.service",
    "hwc-municipality@0855.service",
    "hwc-portal.service",
    "hwc-school@01AA00.service",
];

fn ran(command: &mut Command) -> String {
    let output = command.output().unwrap_or_else(|error| panic!("{command:?}: {error}"));
    let said =
        [output.stdout, output.stderr].map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).concat();
    assert!(output.status.success(), "{command:?}\n{said}");
    said
}

fn build(into: &Path) -> PathBuf {
    let mut command = Command::new(root().join("deploy/debian/build"));
    command.args(["--hwc", env!("CARGO_BIN_EXE_hwc"), "--compress", "none", "--out"]).arg(into);
    command.env("SOURCE_DATE_EPOCH", "1700000000");
    PathBuf::from(ran(&mut command).trim())
}

/// A root with the package installed, and nothing else.
fn installed(package: &Path) -> tempfile::TempDir {
    let place = tempfile::tempdir().unwrap();
    for folder in ["var/lib/dpkg/updates", "var/lib/dpkg/info"] {
        fs::create_dir_all(place.path().join(folder)).unwrap();
    }
    for file in ["var/lib/dpkg/status", "var/lib/dpkg/available"] {
        fs::write(place.path().join(file), "").unwrap();
    }
    let mut dpkg = Command::new("dpkg");
    dpkg.arg(format!("--root={}", place.path().display()));
    dpkg.arg(format!("--log={}", place.path().join("var/log.dpkg").display()));
    // Without what it depends on, for nothing else is there; its scripts run outside of the root and are told where it is.
    dpkg.args([
        "--force-script-chrootless",
        "--force-not-root",
        "--force-depends",
        "--force-bad-path",
        "--install",
    ]);
    ran(dpkg.arg(package));
    place
}

/// A process that was started as its unit says, and what it told the service manager.
struct Started {
    process: Process,
    socket: UnixDatagram,
    heard: RefCell<Vec<String>>,
}

impl Started {
    /// As systemd does it: the keys lent, the socket to tell by, the environment and the command of the unit; as this user and group.
    fn of(place: &Path, unit: &str, instance: &str, user: Option<(u32, u32)>) -> Self {
        let within = |path: &str| place.join(path.trim_start_matches('/'));
        let lent = place.join("run/credentials").join(unit);
        let unit = &service(place, unit, instance, &lent);
        private_folder(&lent);
        fs::set_permissions(place.join("run/credentials"), Permissions::from_mode(0o755)).unwrap();
        let give = |path: &Path| {
            if let Some((user, group)) = user {
                chown(path, Some(user), Some(group)).unwrap();
            }
        };
        for credential in unit.get("LoadCredential").into_iter().flatten() {
            let (name, path) = credential.split_once(':').unwrap();
            fs::copy(within(path), lent.join(name)).unwrap();
            fs::set_permissions(lent.join(name), Permissions::from_mode(0o400)).unwrap();
            give(&lent.join(name));
        }
        fs::set_permissions(&lent, Permissions::from_mode(0o500)).unwrap();
        give(&lent);
        let name = unit["ExecStart"][0].split(' ').nth(1).unwrap();
        let notify = place.join("run").join(format!("{name}.notify"));
        let socket = UnixDatagram::bind(&notify).unwrap();
        fs::set_permissions(&notify, Permissions::from_mode(0o666)).unwrap();
        socket.set_read_timeout(Some(Duration::from_mins(1))).unwrap();
        let mut command = said_by(place, unit);
        if let Some((user, group)) = user {
            command.uid(user).gid(group);
        }
        for assignment in unit.get("Environment").into_iter().flatten() {
            let (name, value) = assignment.split_once('=').unwrap();
            command.env(name, value);
        }
        let seconds: u64 = unit["WatchdogSec"][0].parse().unwrap();
        command.env("NOTIFY_SOCKET", &notify).env("CREDENTIALS_DIRECTORY", &lent);
        command.env("WATCHDOG_USEC", (seconds * 1_000_000).to_string());
        assert_eq!((&unit["Type"][0][..], &unit["Restart"][0][..]), ("notify", "always"));
        let process = Process::run(&mut command, place.join(format!("{name}.log")));
        Self { process, socket, heard: RefCell::default() }
    }

    fn until(&self, wanted: &str) {
        let (mut bytes, mut heard) = ([0; 1024], self.heard.borrow_mut());
        while !heard.iter().any(|one| one == wanted) {
            let length = self
                .socket
                .recv(&mut bytes)
                .unwrap_or_else(|_| panic!("no {wanted}: {heard:?}\n{}", self.process.log()));
            heard.push(String::from_utf8_lossy(&bytes[..length]).into_owned());
        }
    }

    fn stops(self) {
        // A service manager always listens; what nobody heard meanwhile would leave no room for the last word.
        self.socket.set_nonblocking(true).unwrap();
        while self.socket.recv(&mut [0; 1024]).is_ok() {}
        self.socket.set_nonblocking(false).unwrap();
        Command::new("kill").args(["-TERM", &self.process.id().to_string()]).status().unwrap();
        self.until("STOPPING=1");
        assert_eq!(self.process.stop(), Some(0));
    }
}

/// The command of a unit, in the root where the package is installed.
fn said_by(place: &Path, unit: &BTreeMap<String, Vec<String>>) -> Command {
    let within = |path: &str| place.join(path.trim_start_matches('/'));
    let [words] = &unit["ExecStart"][..] else { panic!("one command") };
    let mut words = words.split(' ');
    let mut command = Command::new(within(words.next().unwrap()));
    command.args(
        words.map(|word| if word.starts_with('/') { within(word).into_os_string() } else { word.into() }),
    );
    command
}

/// The settings of a unit's service, with what systemd fills in.
fn service(place: &Path, unit: &str, instance: &str, lent: &Path) -> BTreeMap<String, Vec<String>> {
    let text = fs::read_to_string(place.join("usr/lib/systemd/system").join(unit)).unwrap();
    let mut settings = BTreeMap::<String, Vec<String>>::new();
    for line in text.lines().filter(|line| !line.starts_with(['#', '['])) {
        if let Some((key, value)) = line.split_once('=') {
            let value = value.replace("%i", instance).replace("%d", &lent.to_string_lossy());
            settings.entry(key.to_owned()).or_default().push(value);
        }
    }
    settings
}

#[test]
fn the_package_is_the_same_each_time_installs_and_its_units_are_as_closed_as_they_say() {
    let (one, two) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let (package, again) = (build(one.path()), build(two.path()));
    assert!(fs::read(&package).unwrap() == fs::read(again).unwrap(), "built twice, it is not the same");
    let place = installed(&package);
    let users = fs::read_to_string(place.path().join("etc/passwd")).unwrap();
    for role in
        ["board", "broker", "desk", "engine", "police", "veilig-thuis", "municipality", "portal", "school"]
    {
        assert!(users.contains(&format!("hwc-{role}:")), "{role} has no user");
    }
    let said = ran(Command::new(place.path().join("usr/bin/hwc")).arg("--version"));
    assert!(said.starts_with("hwc "), "{said}");

    // What the units lean on, so that they can be read as a whole.
    let system = place.path().join("usr/lib/systemd/system");
    for entry in
        fs::read_dir("/usr/lib/systemd/system").or_else(|_| fs::read_dir("/lib/systemd/system")).unwrap()
    {
        let path = entry.unwrap().path();
        if path.extension().is_some_and(|ending| ending == "target") && path.is_file() {
            fs::copy(&path, system.join(path.file_name().unwrap())).unwrap();
        }
    }
    for program in ["usr/lib/hwc/nats-server", "bin/kill"] {
        let program = place.path().join(program);
        fs::create_dir_all(program.parent().unwrap()).unwrap();
        fs::write(&program, "#!/bin/sh\n").unwrap();
        fs::set_permissions(&program, Permissions::from_mode(0o755)).unwrap();
    }
    let root = format!("--root={}", place.path().display());
    for unit in UNITS {
        let said = ran(Command::new("systemd-analyze").args(["verify", "--man=no", &root, unit]));
        assert_eq!(said.trim(), "", "{unit}");
        let threshold = format!("--threshold={EXPOSURE_MAX}");
        ran(Command::new("systemd-analyze").args([
            "security",
            "--offline=true",
            "--no-pager",
            &threshold,
            &root,
            unit,
        ]));
    }
}

#[test]
fn a_school_starts_from_the_package_as_its_unit_says_and_tells_when_it_is_ready_lives_and_stops() {
    let packages = tempfile::tempdir().unwrap();
    let place = installed(&build(packages.path()));
    let within = |path: &str| place.path().join(path.trim_start_matches('/'));
    let region = Region::by_an_operator();
    let engine = region.start("engine");
    engine.says("leading");
    // Keys are the machine's; the settings say what no unit does.
    private_folder(&within("etc/hwc/school-01AA00/keys"));
    for entry in fs::read_dir(region.path().join("keys/school-01AA00")).unwrap().map(Result::unwrap) {
        fs::copy(entry.path(), within("etc/hwc/school-01AA00/keys").join(entry.file_name())).unwrap();
    }
    let state = within("var/lib/hwc/school-01AA00");
    fs::write(
        within("etc/hwc/school-01AA00/hwc.toml"),
        format!(
            "[relay]\nbroker = \"{}\"\nstate_dir = {state:?}\n\n[school]\norganisation = \"school-01AA00\"\n",
            region.url()
        ),
    )
    .unwrap();

    let school = Started::of(place.path(), "hwc-school@.service", "01AA00", None);
    school.until("READY=1");
    school.until("WATCHDOG=1");
    school.until("STATUS=ready");
    school.process.says("at work");
    school.stops();
}

/// The number of a user that the package made, and of the group of the same name.
fn user(place: &Path, name: &str) -> (u32, u32) {
    let users = fs::read_to_string(place.join("etc/passwd")).unwrap();
    let line = users.lines().find(|line| line.starts_with(&format!("{name}:"))).unwrap();
    let fields: Vec<_> = line.split(':').collect();
    (fields[2].parse().unwrap(), fields[3].parse().unwrap())
}

/// What `hwc doctor` says of one thing, asked as somebody.
fn doctor(place: &Path, (user, group): (u32, u32), config: &Path, name: &str) -> String {
    let mut command = Command::new(place.join("usr/bin/hwc"));
    command.args(["doctor", "-o", "json", "--config"]).arg(config).uid(user).gid(group);
    // What a unit says.
    command.env("HWC_KEYS", place.join("run/credentials"));
    let output = command.output().unwrap();
    let findings: Vec<serde_json::Value> = serde_json::from_slice(&output.stdout)
        .unwrap_or_else(|_| panic!("{}", String::from_utf8_lossy(&output.stderr)));
    let found = findings.iter().find(|one| one["name"] == name);
    found.unwrap_or_else(|| panic!("nothing of {name}: {findings:#?}"))["says"].as_str().unwrap().to_owned()
}

#[test]
fn a_desk_and_its_municipality_run_as_two_users_and_nobody_else_is_answered_between_them() {
    let packages = tempfile::tempdir().unwrap();
    let us = fs::metadata(packages.path()).unwrap().uid();
    assert_eq!(us, 0, "only root can start other users' processes: run this as root, as CI does");
    let place = installed(&build(packages.path()));
    fs::set_permissions(place.path(), Permissions::from_mode(0o755)).unwrap();
    let within = |path: &str| place.path().join(path.trim_start_matches('/'));
    let [municipality, desk, stranger] =
        ["hwc-municipality", "hwc-desk", "hwc-school"].map(|name| user(place.path(), name));
    let folder = within("run/hwc-desk");
    let found = fs::metadata(&folder).unwrap();
    assert_eq!((found.uid(), found.gid(), found.mode() & 0o7777), (municipality.0, desk.1, 0o2750));

    // What a layout and people lay there, and what systemd makes.
    let region = Region::by_an_operator();
    let engine = region.start("engine");
    engine.says("leading");
    let own = within("etc/hwc/municipality-0855");
    private_folder(&own.join("keys"));
    fs::set_permissions(&own, Permissions::from_mode(0o755)).unwrap();
    for entry in fs::read_dir(region.path().join("keys/municipality-0855")).unwrap().map(Result::unwrap) {
        fs::copy(entry.path(), own.join("keys").join(entry.file_name())).unwrap();
    }
    fs::create_dir_all(own.join("region")).unwrap();
    for file in ["region.toml", "holidays.json", "enrolments.csv", "schools.csv"] {
        fs::copy(root().join("simulations/handbook").join(file), own.join("region").join(file)).unwrap();
    }
    let socket = folder.join("0855");
    let [state, kept] =
        [("municipality-0855", municipality), ("desk-0855", desk)].map(|(name, (user, group))| {
            let state = private_folder(&within("var/lib/hwc").join(name));
            chown(&state, Some(user), Some(group)).unwrap();
            state
        });
    fs::set_permissions(within("var/lib/hwc"), Permissions::from_mode(0o755)).unwrap();
    let text = format!(
        "[relay]\nbroker = \"{}\"\nstate_dir = {state:?}\n\n[municipality]\norganisation = \"municipality-0855\"\nregion = \"region\"\n\
         enrolments = \"region/enrolments.csv\"\nschools = \"region/schools.csv\"\ndesk_socket = {socket:?}\n",
        region.url()
    );
    fs::write(own.join("hwc.toml"), text).unwrap();
    let mails = MailServer::start(&region.path().join("mail-is-down"));
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let (config, people) = (within("etc/hwc/desk-0855/hwc.toml"), within("etc/hwc/desk-0855/people.toml"));
    fs::create_dir_all(config.parent().unwrap()).unwrap();
    let text = format!(
        "[relay]\n\n[counter]\nmunicipality = \"municipality-0855\"\nsocket = {socket:?}\n\n[desk]\nname = \"Gemeente\"\n\
         listen = \"127.0.0.1:{port}\"\norigin = \"http://localhost:{port}\"\npeople = {people:?}\nstate_dir = {kept:?}\n{}",
        mails.settings()
    );
    fs::write(&config, text).unwrap();
    let person = "[[people]]\nid = \"lpa-1\"\nname = \"Naam\"\naddress = \"wit@gemeente.example\"\nfunction = \"lpa\"\nmay = \"decide\"\n";
    fs::write(&people, person).unwrap();
    fs::set_permissions(&people, Permissions::from_mode(0o600)).unwrap();
    chown(&people, Some(desk.0), Some(desk.1)).unwrap();

    let ours = Started::of(place.path(), "hwc-municipality@.service", "0855", Some(municipality));
    ours.until("READY=1");
    let page = Started::of(place.path(), "hwc-desk@.service", "0855", Some(desk));
    page.until("READY=1");
    page.until("WATCHDOG=1");
    // Neither can be dumped, nor looked into by another process of its user: what the kernel shows of it is root's.
    for running in [&ours, &page] {
        let shown = fs::metadata(format!("/proc/{}/environ", running.process.id())).unwrap();
        assert_eq!(shown.uid(), 0, "its memory can be looked into");
    }
    assert!(Visitor::at(port).get("/login").body.contains("werkadres"));

    // The desk's user is answered there; it gets neither into the counter's folder nor at a key.
    let asked = |who| doctor(place.path(), who, &config, "counter");
    assert_eq!(asked(desk), "the process of municipality-0855 answers");
    let mut pending = Command::new(within("usr/bin/hwc"));
    pending.args(["municipality", "pending", "--config"]).arg(own.join("hwc.toml")).uid(desk.0).gid(desk.1);
    let refused = pending.env("HWC_KEYS", own.join("keys")).output().unwrap();
    assert!(!refused.status.success());
    let said = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert!(said.contains("niet de gebruiker"), "{said}");

    // A stranger does not get near it; and where the folder is opened by mistake, nobody listens to one.
    assert!(asked(stranger).contains("is not ours to use"), "{}", asked(stranger));
    fs::set_permissions(&folder, Permissions::from_mode(0o2755)).unwrap();
    fs::set_permissions(&socket, Permissions::from_mode(0o666)).unwrap();
    assert!(asked(stranger).contains("hung up"), "{}", asked(stranger));
    ours.process.says("somebody who may not asked");
    assert_eq!(asked(desk), "the process of municipality-0855 answers");
    // Nor does a process open a socket there.
    ours.stops();
    let opened = doctor(place.path(), municipality, &own.join("hwc.toml"), "desk socket");
    assert!(opened.contains("closed to others"), "{opened}");
    // A stranger who answers in the place of the municipality is asked nothing.
    fs::remove_file(&socket).unwrap();
    let impostor = std::os::unix::net::UnixListener::bind(&socket).unwrap();
    fs::set_permissions(&socket, Permissions::from_mode(0o666)).unwrap();
    assert!(asked(desk).contains("nothing was asked"), "{}", asked(desk));
    drop(impostor);
    wait_for(|| page.process.log().contains("somebody must look").then_some(()))
        .expect("the desk says nothing");
    page.stops();
    let kept = canary::files_below(&kept);
    assert!(kept.iter().all(|file| fs::metadata(file).unwrap().uid() == desk.0), "{kept:?}");
}
