//! The reference layout, started on this machine exactly as `hwc operator layout` writes it: three brokers that know each other by
//! their certificate, two engines, every organisation, a desk, TLS everywhere. It carries a signal, also when a broker dies.

use std::{
    fs,
    io::Write as _,
    net::TcpListener,
    path::{Path, PathBuf},
    process::{Command, Output, Stdio},
};

use crate::{
    ground::{hwc, root},
    mails::MailServer,
    processes::{code, fine},
    region::{Done, Process, private_folder, report_of, the_one, wait_for, write_private},
    visitor::{PASSPHRASE, Page, Visitor},
};

/// A Wednesday on which there is school, after the first lesson.
const A_SCHOOL_DAY: &str = "2026-11-18T10:00:00+01:00";
const ORGANISATIONS: [&str; 4] =
    ["police-region", "veilig-thuis-region", "municipality-0855", "school-01AA00"];
/// Reads on the hosted page.
const HOSTED: &str = "school-02BB00";
const ANNE: &str = "anne@school-twee.example";

fn done(command: &mut Command) -> Done {
    let Output { status, stdout, stderr } = command.stdin(Stdio::null()).output().unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    Done { code: status.code(), stdout: text(stdout), stderr: text(stderr) }
}

/// A layout for a try-out, and where it lies.
struct Laid {
    folder: tempfile::TempDir,
    server: PathBuf,
    route_ports: Vec<u16>,
}

impl Laid {
    fn out() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let finder = hwc_broker::Finder::default();
        let found = tokio::runtime::Runtime::new().unwrap().block_on(finder.find()).unwrap();
        let listeners: Vec<_> = (0..6).map(|_| TcpListener::bind("127.0.0.1:0").unwrap()).collect();
        let ports: Vec<_> = listeners.iter().map(|one| one.local_addr().unwrap().port()).collect();
        let laid = Self { folder, server: found.program, route_ports: ports[3..].to_vec() };
        laid.operator(&["init", "--broker-name", "127.0.0.1"]);
        for engine in ["one", "two"] {
            laid.operator(&["add-engine", engine, "--make-keys"]);
        }
        for name in ORGANISATIONS.into_iter().chain([HOSTED]) {
            laid.operator(&["add-organisation", name, "--make-keys"]);
        }
        laid.write(&ports);
        laid
    }

    fn operator(&self, arguments: &[&str]) -> String {
        let mut command = hwc();
        command.arg("operator").arg("--dir").arg(self.path("operator")).args(arguments);
        fine(done(&mut command))
    }

    fn write(&self, ports: &[u16]) -> String {
        let brokers: Vec<_> = (0..3).map(|at| format!("127.0.0.1:{}:{}", ports[at], ports[3 + at])).collect();
        let (trees, region) = (self.path("trees"), root().join("simulations/handbook"));
        let mut arguments = vec!["layout", trees.to_str().unwrap(), "--try-out"];
        arguments.extend(["--region", region.to_str().unwrap()]);
        let hosted = format!("{HOSTED}=02BBHwC@school.example");
        arguments.extend(["--hosted", &hosted, "--desk", "municipality-0855=https://desk.example"]);
        for broker in &brokers {
            arguments.extend(["--broker", broker]);
        }
        self.operator(&arguments)
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// A file of a machine's.
    fn file(&self, machine: &str, path: &str) -> PathBuf {
        self.path("trees").join(machine).join(path)
    }

    fn settings(&self, name: &str) -> PathBuf {
        self.file(name, &format!("etc/hwc/{name}/hwc.toml"))
    }

    /// What people bring to a layout: tables, the police's own secret, and here a clock that stands on a school day.
    fn furnish(&self) {
        for (name, table) in [
            ("veilig-thuis-region", "residents.csv"),
            ("municipality-0855", "enrolments.csv"),
            ("municipality-0855", "schools.csv"),
        ] {
            let place = self.file(name, &format!("srv/hwc/{name}"));
            fs::create_dir_all(&place).unwrap();
            fs::copy(root().join("simulations/handbook").join(table), place.join(table)).unwrap();
        }
        write_private(&self.file("police-region", "etc/hwc/police-region/keys/reference"), &[7; 32]);
        private_folder(&self.file("police-region", "var/spool/hwc/police-region"));
        let shift = A_SCHOOL_DAY.parse::<jiff::Timestamp>().unwrap().duration_since(jiff::Timestamp::now());
        for engine in ["engine-one", "engine-two"] {
            let written = fs::read_to_string(self.settings(engine)).unwrap();
            let shifted = written
                .replace("[engine]\n", &format!("[engine]\nclock_offset_seconds = {}\n", shift.as_secs()));
            assert_ne!(written, shifted);
            fs::write(self.settings(engine), shifted).unwrap();
        }
    }

    fn broker(&self, machine: &str, config: &Path) -> Process {
        let mut command = Command::new(&self.server);
        command.arg("-c").arg(config);
        Process::run(&mut command, self.path(&format!("{machine}.log")))
    }

    fn member(&self, name: &str) -> Process {
        let role = name.rsplit_once('-').unwrap().0;
        let mut command = hwc();
        command.arg(role).arg("--config").arg(self.settings(name));
        Process::run(&mut command, self.path(&format!("{name}.log")))
    }

    /// The hosted page: its settings get the mail server and the port of this test, and the school a first contact.
    fn page(&self) -> Page {
        let config = self.file("portal", "etc/hwc/portal/hwc.toml");
        let mails = MailServer::start(&self.path("mail-is-down"));
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let written = fs::read_to_string(&config).unwrap();
        let own = written
            .replace("127.0.0.1:8443", &format!("127.0.0.1:{port}"))
            .replace("https://hwc.example", &format!("http://localhost:{port}"));
        let (own, _example) = own.split_once("[post]").unwrap();
        fs::write(&config, format!("{own}{}", mails.settings())).unwrap();
        let mut enrolling = hwc();
        enrolling.args(["portal", "enrol", HOSTED, "--config"]).arg(&config);
        let mut enrolling = enrolling.stdin(Stdio::piped()).stdout(Stdio::null()).spawn().unwrap();
        let who = format!("Anne de Vries\n{ANNE}\n{PASSPHRASE}\n");
        enrolling.stdin.take().unwrap().write_all(who.as_bytes()).unwrap();
        assert!(enrolling.wait().unwrap().success());
        let mut command = hwc();
        command.arg("portal").arg("--config").arg(config).env("HWC_LOG", "info");
        let process = Process::run(&mut command, self.path("portal.log"));
        process.says("at work");
        Page::at(process, mails, port)
    }

    /// The municipality's desk: its settings get the mail server and the ports of this test, and somebody may come in. And the ports of
    /// its page and its health.
    fn desk(&self) -> (Process, [u16; 2]) {
        let config = self.file("municipality-0855", "etc/hwc/desk-0855/hwc.toml");
        let mails = MailServer::start(&self.path("mail-is-down"));
        let written = fs::read_to_string(&config).unwrap();
        let listeners = [(); 2].map(|()| TcpListener::bind("127.0.0.1:0").unwrap());
        let [page, health] = listeners.map(|one| one.local_addr().unwrap().port());
        let (own, _example) = written.split_once("[post]").unwrap();
        let own = own
            .replace("127.0.0.1:8470", &format!("127.0.0.1:{page}"))
            .replace("https://desk.example", &format!("http://localhost:{page}"))
            .replace("[relay]\n", &format!("[relay]\nlisten = \"127.0.0.1:{health}\"\n"));
        fs::write(&config, format!("{own}{}", mails.settings())).unwrap();
        let started = || {
            let mut command = hwc();
            Process::run(command.arg("desk").arg("--config").arg(&config), self.path("desk.log"))
        };
        // As it is written nobody may come in.
        started().says("nobody may decide");
        let people = "[[people]]\nid = \"lpa-1\"\nname = \"Naam\"\naddress = \"wit@gemeente.example\"\nfunction = \"lpa\"\nmay = \"decide\"\n";
        fs::write(self.file("municipality-0855", "etc/hwc/desk-0855/people/people.toml"), people).unwrap();
        let desk = started();
        desk.says("at work");
        (desk, [page, health])
    }

    fn school(&self, arguments: &[&str]) -> Done {
        let mut command = hwc();
        done(command.arg("school").args(arguments).arg("--config").arg(self.settings("school-01AA00")))
    }

    fn inbox(&self) -> Vec<serde_json::Value> {
        let said = fine(self.school(&["inbox", "-o", "json"]));
        let value: serde_json::Value = serde_json::from_str(&said).unwrap();
        value["signals"].as_array().unwrap().clone()
    }

    fn reports(&self, reference: &str, given_names: &str, surname: &str, born: &str) {
        let beside = self.path(&format!("{reference}.jsonl"));
        fs::write(&beside, report_of(reference, given_names, surname, born)).unwrap();
        let inbox = self.file("police-region", "var/spool/hwc/police-region/inbox");
        fs::rename(&beside, inbox.join(format!("{reference}.jsonl"))).unwrap();
    }

    /// A report goes to the school, is opened and confirmed.
    fn carries(&self, reference: &str) {
        self.reports(reference, "Lotte", "Smit", "2018-12-11");
        let waiting = the_one(|| self.inbox());
        let read = fine(self.school(&["open", &code(&waiting), "--show"]));
        assert!(read.contains("Lotte Smit"), "{read}");
        fine(self.school(&["acknowledge", &code(&waiting)]));
        assert!(self.inbox().is_empty());
    }
}

#[test]
fn the_reference_layout_carries_a_signal_as_it_is_written_also_when_a_broker_dies_and_no_member_is_a_broker()
{
    let laid = Laid::out();
    laid.furnish();
    let config = |machine: &str| laid.file(machine, "etc/hwc/broker/nats-server.conf");
    let brokers = ["broker-1", "broker-2", "broker-3"].map(|machine| laid.broker(machine, &config(machine)));
    let leads = "JetStream cluster new metadata leader";
    wait_for(|| brokers.iter().any(|one| one.log().contains(leads)).then_some(()))
        .unwrap_or_else(|| panic!("no cluster:\n{}", brokers[0].log()));
    let first = laid.member("engine-one");
    first.says("leading");
    let second = laid.member("engine-two");
    second.says("standing by");
    let others = ORGANISATIONS.map(|name| laid.member(name));
    for other in &others {
        other.says("at work");
    }
    laid.carries("P-1");

    // The municipality's people have a page, which asks its process at the socket between the two.
    let (desk, [page, health]) = laid.desk();
    assert!(Visitor::at(page).get("/login").body.contains("werkadres"));
    let ready = wait_for(|| Some(Visitor::at(health).get("/readyz")).filter(|answer| answer.status == 200));
    let ready = ready.expect("the desk is never ready").body;
    assert!(!ready.contains("nobody answers"), "{ready}");
    assert!(laid.file("municipality-0855", "run/hwc-desk/0855").exists());
    drop(desk);

    // A school without a program of its own reads on the page.
    let page = laid.page();
    laid.reports("P-H", "Finn", "Visser", "2013-07-19");
    let mut anne = page.logged_in(ANNE, PASSPHRASE, 1);
    let waits = wait_for(|| Some(anne.get("/")).filter(|page| page.body.contains("Er wacht 1 signaal")));
    let ticket = waits.expect("nothing waits").fields("ticket").remove(0);
    let opened = anne.press("/signal/open", &[("ticket", &ticket)]);
    assert!(opened.body.contains("Finn Visser"), "{}", opened.body);

    // Whoever has a member's certificate, and reaches a broker's own port, is still no broker.
    let intruder = laid.path("intruder.conf");
    let keys = laid.file("school-01AA00", "etc/hwc/school-01AA00/keys");
    let own = |name: &str| keys.join(name).to_string_lossy().into_owned();
    fs::write(
        &intruder,
        format!(
            "server_name: \"hwc-4\"\nlisten: \"127.0.0.1:-1\"\ncluster {{\n  name: \"hwc\"\n  listen: \"127.0.0.1:-1\"\n  \
             tls {{ cert_file: {:?}, key_file: {:?}, ca_file: {:?}, verify: true }}\n  routes: [ \"tls://127.0.0.1:{}\" ]\n}}\n",
            own("tls.pem"),
            own("tls.key"),
            own("ca.pem"),
            laid.route_ports[1],
        ),
    )
    .unwrap();
    let intruder = laid.broker("intruder", &intruder);
    brokers[1].says("not pinned");
    assert!(!brokers[1].log().contains("hwc-4"));
    intruder.kill();

    let [one, _two, _three] = brokers;
    one.kill();
    laid.carries("P-2");
}

#[test]
fn a_layout_written_again_keeps_what_people_changed_and_renews_what_follows_from_who_takes_part() {
    let laid = Laid::out();
    let ports = [4222, 4223, 4224, 6222, 6223, 6224];
    let settings = laid.settings("school-01AA00");
    fs::write(&settings, "# ours\n").unwrap();
    laid.operator(&["add-organisation", "school-03CC00", "--make-keys"]);
    // Its contact was enrolled: the key was wrapped, and lies open no more.
    let open = laid.file("portal", &format!("etc/hwc/portal/keys/{HOSTED}/seal"));
    fs::remove_file(&open).unwrap();
    laid.operator(&["add-board", "one", "--make-keys"]);
    let said = laid.write(&ports);
    assert!(said.contains("systemctl enable --now hwc-board\n"));
    assert!(
        said.contains("systemctl enable --now hwc-desk@0855\n") && said.contains("chown -R hwc-desk:"),
        "{said}"
    );
    assert!(!said.contains("write desk_socket"), "it stands there");
    let units = |unit: &str| laid.file("municipality-0855", &format!("etc/systemd/system/{unit}"));
    assert!(units("hwc-desk@0855.service.d/10-site.conf").exists());
    let beside = fs::read_to_string(units("hwc-municipality@0855.service.d/20-desk.conf")).unwrap();
    assert!(beside.contains("\nPrivateUsers=no\n"), "{beside}");
    let socket = |name: &str, file: &str| {
        let text = fs::read_to_string(laid.file("municipality-0855", file)).unwrap();
        let line = text.lines().find_map(|line| line.strip_prefix(name)).map(str::to_owned);
        line.unwrap_or_else(|| panic!("{file} says no {name}:\n{text}"))
    };
    let ours = socket("desk_socket = ", "etc/hwc/municipality-0855/hwc.toml");
    assert_eq!(ours, socket("socket = ", "etc/hwc/desk-0855/hwc.toml"));
    // Settings from before there was a desk stay as they are, and it is said what is missing.
    let before = laid.settings("municipality-0855");
    fs::write(&before, "# ours\n").unwrap();
    assert!(laid.write(&ports).contains("write desk_socket = "));
    assert_eq!(fs::read_to_string(&before).unwrap(), "# ours\n");
    assert!(!open.exists(), "a wrapped key was laid open again");
    assert!(!laid.settings(HOSTED).exists(), "a hosted school has a machine of its own");
    let board = fs::read_to_string(laid.file("board-one", "etc/hwc/board/hwc.toml")).unwrap();
    assert!(board.contains("[board]") && board.contains("name = \"board-one\""), "{board}");
    for file in ["keys/nkey", "keys/tls.pem", "directory.json", "region/region.toml"] {
        assert!(laid.file("board-one", &format!("etc/hwc/board/{file}")).exists(), "{file}");
    }
    assert!(!laid.file("board-one", "etc/hwc/board/keys/seal").exists(), "a board opens nothing");
    assert!(laid.file("board-one", "etc/systemd/system/hwc-board.service.d").exists());
    assert_eq!(fs::read_to_string(&settings).unwrap(), "# ours\n");
    assert!(laid.settings("school-03CC00").exists());
    for machine in ["broker-1", "broker-2", "broker-3"] {
        let accounts = fs::read_to_string(laid.file(machine, "etc/hwc/broker/accounts.conf")).unwrap();
        assert!(accounts.contains("school-03CC00"), "{machine} does not know the newcomer");
    }
    let mut command = hwc();
    command.arg("operator").arg("--dir").arg(laid.path("operator")).arg("layout").arg(laid.path("other"));
    command.arg("--region").arg(root().join("simulations/handbook")).args(["--broker", "elsewhere.example"]);
    let refused = done(&mut command);
    assert_ne!(refused.code, Some(0));
    assert!(refused.stderr.contains("renew-broker"), "{}", refused.stderr);
    for (desk, why) in [
        ("municipality-0772=https://desk.example", "takes no part"),
        ("school-01AA00=https://x.example", "--desk"),
    ] {
        let mut command = hwc();
        command.arg("operator").arg("--dir").arg(laid.path("operator")).arg("layout").arg(laid.path("other"));
        command.arg("--region").arg(root().join("simulations/handbook"));
        let refused = done(command.args(["--broker", "127.0.0.1", "--desk", desk]));
        assert!(refused.code != Some(0) && refused.stderr.contains(why), "{}", refused.stderr);
    }
}
