//! The reference layout of a region: a tree of files for each machine, as `hwc operator layout` writes it (`docs/deploy.md`).
//!
//! What a person may change is written once: settings, the brokers' configuration, additions to units. What follows from who
//! takes part is written anew every time: the brokers' accounts, certificates, the directory.

mod desk;

use std::{
    fmt::{self, Display, Formatter, Write as _},
    fs::{self, DirBuilder, File},
    io::{self, Read as _, Write as _},
    os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _},
    path::{Path, PathBuf},
    str::FromStr,
};

use hwc_operator::{BROKERS_MAX, Member, Operator, OperatorError, Places, Seat};
use hwc_post::Mailbox;
use hwc_schemas::{Organisation, Role};
use serde::Serialize;

use crate::outcome::{self, Outcome};

/// A file of a handover or of a region, at most, in bytes.
const FILE_BYTES_MAX: u64 = 64 * 1024 * 1024;
/// The machine with the hosted page.
const PORTAL: &str = "portal";
/// The files of a region.
const REGION: [&str; 3] = ["region.toml", "holidays.json", "closed-days.csv"];

/// Why a layout was not written. Matters to the operator.
#[derive(Debug, thiserror::Error)]
pub(crate) enum LayoutError {
    /// What the operator's folder says.
    #[error(transparent)]
    Operator(#[from] OperatorError),
    /// A file.
    #[error("{}: {source}", path.display())]
    File {
        /// Which.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// Another number of brokers.
    #[error("say --broker once, three or five times: with an even number one more may fail no more")]
    Brokers,
    /// Nobody whom the engines could serve.
    #[error(
        "nobody takes part yet but engines and brokers; first let them in: hwc operator add-engine, hwc operator add-organisation"
    )]
    Nobody,
    /// Somebody who takes no part.
    #[error("{flag} {organisation} takes no part: first let it in (hwc operator add-organisation)")]
    Stranger {
        /// What was said.
        flag: &'static str,
        /// Of whom.
        organisation: Organisation,
    },
}

/// A municipality whose people decide on pages.
#[derive(Debug, Clone)]
struct WithDesk {
    municipality: Organisation,
    /// How they reach them, as a browser shows it.
    origin: String,
}

impl FromStr for WithDesk {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let as_in = "say a municipality and how its people reach the desk, as in municipality-0855=https://hwc.goirle.example";
        let (municipality, origin) = text.split_once('=').ok_or(as_in)?;
        let municipality: Organisation = municipality.parse().map_err(|_| as_in)?;
        if municipality.role() == Role::Municipality && origin.starts_with("https://") {
            Ok(Self { municipality, origin: origin.to_owned() })
        } else {
            Err(as_in)
        }
    }
}

/// A school that reads on the hosted page.
#[derive(Debug, Clone)]
struct Hosted {
    school: Organisation,
    /// Its HwC mailbox (R11).
    mailbox: String,
}

impl FromStr for Hosted {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let as_in = "say a school and its HwC mailbox, as in school-01AA00=01AAHwC@school.example";
        let (school, mailbox) = text.split_once('=').ok_or(as_in)?;
        let school: Organisation = school.parse().map_err(|_| as_in)?;
        Mailbox::parse(mailbox).map_err(|_| as_in)?;
        if school.role() == Role::School {
            Ok(Self { school, mailbox: mailbox.to_owned() })
        } else {
            Err(as_in)
        }
    }
}

/// What is asked for.
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// The folder to write to: one tree for each machine, to be copied onto its root.
    into: PathBuf,
    /// Where a broker is reached; say it three times. Their certificate must hold the names.
    #[arg(long, required = true, value_name = "HOST[:PORT[:ROUTE_PORT]]")]
    broker: Vec<Seat>,
    /// The folder with region.toml, holidays.json and, if there is one, closed-days.csv.
    #[arg(long, value_name = "DIR")]
    region: PathBuf,
    /// A school without a program of its own, and its HwC mailbox: it reads on the hosted page. Say it for each.
    #[arg(long, value_name = "SCHOOL=MAILBOX")]
    hosted: Vec<Hosted>,
    /// How people reach the hosted page, as their browser shows it.
    #[arg(long, value_name = "URL", default_value = "https://hwc.example")]
    page: String,
    /// A municipality with a desk for its people, and how they reach it, as their browser shows it. Say it for each.
    #[arg(long, value_name = "MUNICIPALITY=URL")]
    desk: Vec<WithDesk>,
    /// For a try-out on this machine: all paths point into the trees themselves.
    #[arg(long)]
    try_out: bool,
}

/// Writes the layout.
pub(crate) fn write(operator: &Operator, arguments: &Arguments) -> Result<Laid, LayoutError> {
    if !matches!(arguments.broker.len(), 1 | 3 | 5) || arguments.broker.len() > BROKERS_MAX {
        return Err(LayoutError::Brokers);
    }
    let organisations: Vec<Organisation> = operator
        .members()
        .filter_map(|member| match member {
            Member::Organisation(organisation) => Some(organisation.clone()),
            Member::Engine(_) | Member::Board(_) => None,
        })
        .collect();
    if organisations.is_empty() {
        return Err(LayoutError::Nobody);
    }
    let into = std::path::absolute(&arguments.into).map_err(at(&arguments.into))?;
    let trees = Trees { into, try_out: arguments.try_out };
    let mut machines = brokers(operator, &trees, &arguments.broker)?;
    let hosted = &arguments.hosted;
    let desks = &arguments.desk;
    let named = hosted.iter().map(|one| ("--hosted", &one.school));
    let mut named = named.chain(desks.iter().map(|one| ("--desk", &one.municipality)));
    if let Some((flag, stranger)) = named.find(|(_, one)| !organisations.contains(one)) {
        return Err(LayoutError::Stranger { flag, organisation: stranger.clone() });
    }
    let relay =
        Relay { brokers: &arguments.broker, organisations: &organisations, region: &arguments.region, desks };
    for member in operator.members() {
        let is_hosted = |one: &Hosted| matches!(member, Member::Organisation(own) if *own == one.school);
        if !hosted.iter().any(is_hosted) {
            machines.push(relay.member(operator, &trees, member)?);
        }
    }
    let mut machines: Vec<_> = machines.into_iter().filter_map(Machine::of).collect();
    for one in desks {
        machines.push(desk::write(&trees, one)?);
    }
    if !hosted.is_empty() {
        machines.push(relay.portal(operator, &trees, hosted, &arguments.page)?);
    }
    Ok(Laid { folder: trees.into, try_out: trees.try_out, machines })
}

/// What a board's folders are called, whatever it is called itself: a machine has one.
const BOARD: &str = "board";

/// What a member's folders are called on its machine.
fn folders_of(member: &Member) -> String {
    if let Member::Board(_) = member { BOARD.to_owned() } else { member.to_string() }
}

/// Where everything is written, and how the files themselves call it.
struct Trees {
    into: PathBuf,
    try_out: bool,
}

impl Trees {
    /// Where a machine's file lies in its tree.
    fn place(&self, machine: &str, path: &str) -> PathBuf {
        self.into.join(machine).join(path.trim_start_matches('/'))
    }

    /// How a file on that machine is called there.
    fn name(&self, machine: &str, path: &str) -> PathBuf {
        if self.try_out { self.place(machine, path) } else { path.into() }
    }

    /// Writes a file that may change with who takes part.
    fn replace(&self, machine: &str, path: &str, bytes: &[u8], secret: bool) -> Result<(), LayoutError> {
        let file = self.place(machine, path);
        let folder = file.parent().unwrap_or(&self.into);
        // Only the last folder of a secret's path is closed.
        let above = folder.parent().unwrap_or(&self.into);
        DirBuilder::new().recursive(true).mode(0o755).create(above).map_err(at(above))?;
        let mode = if secret { 0o700 } else { 0o755 };
        DirBuilder::new().recursive(true).mode(mode).create(folder).map_err(at(folder))?;
        let new = file.with_extension("new");
        let mode = if secret { 0o600 } else { 0o644 };
        let opened = File::options().write(true).create(true).truncate(true).mode(mode).open(&new);
        opened
            .and_then(|mut opened| opened.write_all(bytes).and_then(|()| opened.sync_all()))
            .map_err(at(&new))?;
        fs::rename(&new, &file).map_err(at(&file))
    }

    /// Writes a file that is its owner's from then on.
    fn once(&self, machine: &str, path: &str, bytes: &[u8]) -> Result<(), LayoutError> {
        if self.place(machine, path).exists() { Ok(()) } else { self.replace(machine, path, bytes, false) }
    }
}

/// The brokers' trees; gives their machines.
fn brokers(operator: &Operator, trees: &Trees, seats: &[Seat]) -> Result<Vec<String>, LayoutError> {
    let machine = |number: usize| format!("broker-{}", number + 1);
    let files = operator.cluster(seats, |number, seat| Places {
        listen: if trees.try_out { seat.host.clone() } else { "0.0.0.0".to_owned() },
        tls: if trees.try_out {
            trees.name(&machine(number), "/etc/hwc/broker/tls")
        } else {
            // What systemd lends the unit: the key itself is root's.
            "/run/credentials/hwc-broker.service".into()
        },
        store: trees.name(&machine(number), "/var/lib/hwc/broker/store"),
    })?;
    let mut machines = Vec::new();
    for (number, files) in files.into_iter().enumerate() {
        let machine = machine(number);
        for (name, bytes) in &files.tls {
            trees.replace(&machine, &format!("/etc/hwc/broker/tls/{name}"), bytes, true)?;
        }
        trees.replace(&machine, "/etc/hwc/broker/accounts.conf", files.accounts.as_bytes(), false)?;
        trees.once(&machine, "/etc/hwc/broker/nats-server.conf", files.server.as_bytes())?;
        let unit = "/etc/systemd/system/hwc-broker.service.d/10-site.conf";
        trees.once(&machine, unit, site(&[]).as_bytes())?;
        machines.push(machine);
    }
    Ok(machines)
}

/// What the members' settings follow from.
struct Relay<'a> {
    brokers: &'a [Seat],
    organisations: &'a [Organisation],
    region: &'a Path,
    desks: &'a [WithDesk],
}

impl Relay<'_> {
    /// A member's tree; gives its machine.
    fn member(&self, operator: &Operator, trees: &Trees, member: &Member) -> Result<String, LayoutError> {
        let (name, own) = (member.to_string(), folders_of(member));
        let mut earlier = Vec::new();
        for (file, bytes) in files_in(&operator.handover(member))? {
            if file.starts_with("seal-earlier-") {
                earlier.push(format!("LoadCredential={file}:/etc/hwc/{own}/keys/{file}"));
            }
            trees.replace(&name, &format!("/etc/hwc/{own}/keys/{file}"), &bytes, true)?;
        }
        let role = match member {
            Member::Engine(_) => "engine",
            Member::Board(_) => BOARD,
            Member::Organisation(organisation) => organisation.role().as_str(),
        };
        if matches!(role, "engine" | BOARD | "veilig-thuis" | "municipality") {
            for file in REGION {
                let from = self.region.join(file);
                if file != "closed-days.csv" || from.exists() {
                    trees.once(&name, &format!("/etc/hwc/{own}/region/{file}"), &read(&from)?)?;
                }
            }
        }
        if matches!(role, "engine" | BOARD) {
            let directory = read(&operator.directory_file())?;
            trees.replace(&name, &format!("/etc/hwc/{own}/directory.json"), &directory, false)?;
        }
        let settings = self.settings(trees, member, &name);
        trees.once(&name, &format!("/etc/hwc/{own}/hwc.toml"), settings.as_bytes())?;
        let instance = name.strip_prefix(&format!("{role}-")).unwrap_or(&name);
        let unit = if role == BOARD { "hwc-board".to_owned() } else { format!("hwc-{role}@{instance}") };
        let unit = format!("/etc/systemd/system/{unit}.service.d/10-site.conf");
        trees.once(&name, &unit, site(&earlier).as_bytes())?;
        Ok(name)
    }

    /// The tree of the machine with the hosted page.
    fn portal(
        &self,
        operator: &Operator,
        trees: &Trees,
        hosted: &[Hosted],
        page: &str,
    ) -> Result<Machine, LayoutError> {
        let mut text = self.way(trees, PORTAL, PORTAL);
        let listen = if trees.try_out { "127.0.0.1:8443" } else { "0.0.0.0:8443" };
        let _ = write!(
            text,
            "[portal]\n# The unit may take no port below 1024: let the firewall pass 443 on to it.\nlisten = \"{listen}\"\norigin = {page:?}\n"
        );
        if !trees.try_out {
            text += "# Without the two a proxy on this machine secures the way, and listen is a loopback address.\n\
                     certificate = \"/etc/hwc/portal/tls/portal.pem\"\nkey = \"/etc/hwc/portal/tls/portal.key\"\n";
        }
        for Hosted { school, mailbox } in hosted {
            let folder = format!("/etc/hwc/{PORTAL}/keys/{school}");
            let is_new = !trees.place(PORTAL, &folder).exists();
            for (file, bytes) in files_in(&operator.handover(&Member::Organisation(school.clone())))? {
                // A key that was wrapped does not come back as it was.
                if is_new || !file.starts_with("seal") {
                    trees.replace(PORTAL, &format!("{folder}/{file}"), &bytes, true)?;
                }
            }
            let _ =
                write!(text, "\n[[portal.schools]]\norganisation = \"{school}\"\nmailbox = {mailbox:?}\n");
        }
        text += "\n# Without mail nobody can log in: docs/post.md.\n[post]\nserver = \"mail.example\"\nsecurity = \"starttls\"\n\
                 from = \"niet-antwoorden@hwc.example\"\n";
        trees.once(PORTAL, &format!("/etc/hwc/{PORTAL}/hwc.toml"), text.as_bytes())?;
        let addition = format!("/etc/systemd/system/hwc-{PORTAL}.service.d/10-site.conf");
        trees.once(PORTAL, &addition, site(&[]).as_bytes())?;
        let config = trees.name(PORTAL, &format!("/etc/hwc/{PORTAL}/hwc.toml"));
        let enrol = |one: &Hosted| format!("hwc portal enrol {} --config {}", one.school, config.display());
        Ok(Machine {
            name: PORTAL.to_owned(),
            unit: format!("hwc-{PORTAL}"),
            first: hosted.iter().map(enrol).collect(),
        })
    }

    /// `[relay]` of a process's settings.
    fn way(&self, trees: &Trees, name: &str, own: &str) -> String {
        let named = |path: String| trees.name(name, &path).to_string_lossy().into_owned();
        let brokers: Vec<_> =
            self.brokers.iter().map(|seat| format!("tls://{}:{}", seat.host, seat.port)).collect();
        let mut text = format!(
            "# Written once by hwc operator layout; from then on it is yours. Every setting: docs/settings.md.\n\
             [relay]\nbroker = {:?}\nkeys = {:?}\nstate_dir = {:?}\n",
            brokers.join(","),
            named(format!("/etc/hwc/{own}/keys")),
            named(format!("/var/lib/hwc/{own}")),
        );
        if !trees.try_out {
            text += "# /livez, /readyz and /metrics; each process on a machine has a port of its own.\n\
                     listen = \"127.0.0.1:9464\"\n";
        }
        text.push('\n');
        text
    }

    fn settings(&self, trees: &Trees, member: &Member, name: &str) -> String {
        let named = |path: String| trees.name(name, &path).to_string_lossy().into_owned();
        let (own, spool, served) = (
            format!("/etc/hwc/{}", folders_of(member)),
            format!("/var/spool/hwc/{name}"),
            format!("/srv/hwc/{name}"),
        );
        let mut text = self.way(trees, name, &folders_of(member));
        let region = format!("region = {:?}\n", named(format!("{own}/region")));
        let _ = match member {
            Member::Engine(_) | Member::Board(_) => write!(
                text,
                "[engine]\nname = \"{}\"\n{region}directory = {:?}\nreplicas = {}\n{}",
                name.trim_start_matches("engine-"),
                named(format!("{own}/directory.json")),
                self.brokers.len().min(3),
                self.chains(),
            )
            .and_then(|()| match member {
                Member::Board(_) => Self::board(trees, name, &mut text),
                _ => Ok(()),
            }),
            Member::Organisation(organisation) => match organisation.role() {
                Role::Police => write!(
                    text,
                    "[police]\norganisation = \"{organisation}\"\nveilig_thuis = \"{}\"\ninbox = {:?}\n",
                    self.of_role(Role::VeiligThuis).next().map(ToString::to_string).unwrap_or_default(),
                    named(format!("{spool}/inbox")),
                ),
                Role::VeiligThuis => write!(
                    text,
                    "[veilig-thuis]\norganisation = \"{organisation}\"\n{region}\
                     # Or [brp]: docs/brp.md.\nresidents = {:?}\n",
                    named(format!("{served}/residents.csv")),
                ),
                Role::Municipality => write!(
                    text,
                    "[municipality]\norganisation = \"{organisation}\"\n{region}\
                     # Or [register]: docs/register.md.\nenrolments = {:?}\nschools = {:?}\n",
                    named(format!("{served}/enrolments.csv")),
                    named(format!("{served}/schools.csv")),
                )
                .and_then(|()| {
                    let has_desk = self.desks.iter().any(|one| one.municipality == *organisation);
                    let own = desk::at_its_municipality(trees, organisation);
                    if has_desk { text.write_str(&own) } else { Ok(()) }
                }),
                Role::School => write!(text, "[school]\norganisation = \"{organisation}\"\n"),
            },
        };
        text
    }

    /// The board's own table (`docs/board.md`).
    fn board(trees: &Trees, name: &str, text: &mut String) -> std::fmt::Result {
        let origin = if trees.try_out { "http://localhost:8480" } else { "https://board.example" };
        let state = trees.name(name, "/var/lib/hwc/board").to_string_lossy().into_owned();
        write!(
            text,
            "\n[board]\n# What stands above every page, and how a browser reaches it through the proxy on this machine: say yours.\n\
             name = \"Region\"\nlisten = \"127.0.0.1:8480\"\norigin = {origin:?}\nstate_dir = {state:?}\n",
        )
    }

    fn of_role(&self, role: Role) -> impl Iterator<Item = &Organisation> {
        self.organisations.iter().filter(move |one| one.role() == role)
    }

    /// Who hands on to whom: each police to the one Veilig Thuis there is, and that to every municipality. Where there are
    /// more, a person says who belongs to whom.
    fn chains(&self) -> String {
        let municipalities: Vec<_> =
            self.of_role(Role::Municipality).map(|one| format!("\"{one}\"")).collect();
        let mut text = String::new();
        if self.of_role(Role::VeiligThuis).count() > 1 {
            text += "# More than one Veilig Thuis takes part: say which police report to which, and to whom they refer (R15).\n";
        }
        for police in self.of_role(Role::Police) {
            if let Some(veilig_thuis) = self.of_role(Role::VeiligThuis).next() {
                let _ = write!(
                    text,
                    "\n[[engine.chains]]\npolice = \"{police}\"\nveilig_thuis = \"{veilig_thuis}\"\nmunicipalities = [{}]\n",
                    municipalities.join(", ")
                );
            }
        }
        if text.is_empty() { "chains = []\n".to_owned() } else { text }
    }
}

/// An addition to a unit.
fn site(lines: &[String]) -> String {
    let mut text =
        "# Written once by hwc operator layout; from then on it is yours: what this machine alone needs.\n\
                    [Service]\n\
                    # To whom it may speak, by address, and to nobody else:\n\
                    #IPAddressDeny=any\n\
                    #IPAddressAllow=localhost 192.0.2.1 192.0.2.2 192.0.2.3\n"
            .to_owned();
    for line in lines {
        text += line;
        text.push('\n');
    }
    text
}

/// A layout that was written.
#[derive(Serialize)]
pub(crate) struct Laid {
    #[serde(serialize_with = "outcome::path")]
    folder: PathBuf,
    try_out: bool,
    machines: Vec<Machine>,
}

/// A machine's tree, by its name, and the unit that runs there.
#[derive(Serialize)]
struct Machine {
    name: String,
    unit: String,
    /// What is said there before the unit starts.
    first: Vec<String>,
}

impl Machine {
    fn of(name: String) -> Option<Self> {
        let unit = match name.rsplit_once('-')? {
            ("broker", _) => "hwc-broker".to_owned(),
            (BOARD, _) => "hwc-board".to_owned(),
            (role, instance) => format!("hwc-{role}@{instance}"),
        };
        Some(Self { name, unit, first: Vec::new() })
    }
}

impl Outcome for Laid {}

impl Display for Laid {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        writeln!(f, "A tree for each machine, in {}:", self.folder.display())?;
        for Machine { name, unit, first } in &self.machines {
            for command in first {
                writeln!(f, "  {name:<24} {command}")?;
            }
            writeln!(f, "  {name:<24} systemctl enable --now {unit}")?;
        }
        if !self.try_out {
            f.write_str(
                "Copy each onto the root of its machine as root; keys stay root's. Then: docs/deploy.md\n",
            )?;
        }
        Ok(())
    }
}

/// The files of a folder, by name; none if it is not there.
fn files_in(folder: &Path) -> Result<Vec<(String, Vec<u8>)>, LayoutError> {
    let Ok(entries) = fs::read_dir(folder) else { return Ok(Vec::new()) };
    let mut files = Vec::new();
    for entry in entries {
        let path = entry.map_err(at(folder))?.path();
        if let (true, Some(name)) = (path.is_file(), path.file_name()) {
            files.push((name.to_string_lossy().into_owned(), read(&path)?));
        }
    }
    files.sort();
    Ok(files)
}

fn read(path: &Path) -> Result<Vec<u8>, LayoutError> {
    let mut bytes = Vec::new();
    let read = File::open(path).and_then(|file| file.take(FILE_BYTES_MAX).read_to_end(&mut bytes));
    read.map_err(at(path))?;
    Ok(bytes)
}

fn at(path: impl Into<PathBuf>) -> impl FnOnce(io::Error) -> LayoutError {
    let path = path.into();
    move |source| LayoutError::File { path, source }
}
