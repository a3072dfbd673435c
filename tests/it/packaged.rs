//! The Debian package and its units: built twice to the same bytes, installed into a folder as a root, examined by systemd's own
//! programs, and a role started as its unit says. No systemd runs here: what it would do with a unit is done by hand.

use std::{
    collections::BTreeMap,
    fs::{self, Permissions},
    os::unix::{fs::PermissionsExt as _, net::UnixDatagram},
    path::{Path, PathBuf},
    process::Command,
    time::Duration,
};

use crate::{
    ground::root,
    region::{Process, Region, private_folder},
};

/// What `systemd-analyze security` may find at most, of 100: the units have 12.
const EXPOSURE_MAX: &str = "15";
const UNITS: [&str; 8] = [
    "hwc-board.service",
    "hwc-broker.service",
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
    for role in ["board", "broker", "engine", "police", "veilig-thuis", "municipality", "portal", "school"] {
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

    // As systemd does it: the keys lent, the socket to tell by, the environment and the command of the unit.
    let run = tempfile::tempdir().unwrap();
    let lent = private_folder(&run.path().join("credentials"));
    let unit = service(place.path(), "hwc-school@.service", "01AA00", &lent);
    for credential in &unit["LoadCredential"] {
        let (name, path) = credential.split_once(':').unwrap();
        fs::copy(within(path), lent.join(name)).unwrap();
        fs::set_permissions(lent.join(name), Permissions::from_mode(0o400)).unwrap();
    }
    fs::set_permissions(&lent, Permissions::from_mode(0o500)).unwrap();
    let socket = UnixDatagram::bind(run.path().join("notify")).unwrap();
    socket.set_read_timeout(Some(Duration::from_mins(1))).unwrap();
    let [words] = &unit["ExecStart"][..] else { panic!("one command") };
    let mut words = words.split(' ');
    let mut command = Command::new(within(words.next().unwrap()));
    command.args(
        words.map(|word| if word.starts_with('/') { within(word).into_os_string() } else { word.into() }),
    );
    for assignment in &unit["Environment"] {
        let (name, value) = assignment.split_once('=').unwrap();
        command.env(name, value);
    }
    let seconds: u64 = unit["WatchdogSec"][0].parse().unwrap();
    command.env("NOTIFY_SOCKET", run.path().join("notify")).env("CREDENTIALS_DIRECTORY", &lent);
    command.env("WATCHDOG_USEC", (seconds * 1_000_000).to_string());
    assert_eq!((&unit["Type"][0][..], &unit["Restart"][0][..]), ("notify", "always"));
    let school = Process::run(&mut command, run.path().join("log"));

    let mut heard = Vec::new();
    let mut until = |wanted: &str| {
        let mut bytes = [0; 1024];
        while !heard.iter().any(|one| one == wanted) {
            let length = socket
                .recv(&mut bytes)
                .unwrap_or_else(|_| panic!("no {wanted}: {heard:?}\n{}", school.log()));
            heard.push(String::from_utf8_lossy(&bytes[..length]).into_owned());
        }
    };
    until("READY=1");
    until("WATCHDOG=1");
    until("STATUS=ready");
    school.says("at work");
    Command::new("kill").args(["-TERM", &school.id().to_string()]).status().unwrap();
    until("STOPPING=1");
    assert_eq!(school.stop(), Some(0));
}
