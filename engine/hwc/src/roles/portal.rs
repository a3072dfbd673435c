//! The hosted page of schools: one process with each school's credentials, in front of a browser. It has no school's keys; those lie
//! wrapped, and are opened in the memory of whoever logs in (`docs/portal.md`).

pub(crate) mod enrol;

use std::{
    net::SocketAddr,
    path::{Path, PathBuf},
    process::ExitCode,
    sync::Arc,
    time::Duration,
};

use hwc_adapter_kit::{Follower, Hours, Station, Telemetry, work};
use hwc_portal::{Courier, Hosted, Locker, Part, Portal, keep_keys, pages};
use hwc_post::{Mail, Mailbox, Post as CheckedPost, PostError, PostOffice, PostTable, Purpose};
use hwc_schemas::{Organisation, Role};
use hwc_school::Tray;
use hwc_telemetry::Service;
use hwc_vault::SealingKeys;
use hwc_web::{Audit, Gate, Listening, OsChance, Paces, SessionLaw, TlsFiles, code::GOOD_FOR};
use jiff::{SignedDuration, Timestamp};
use serde::Deserialize;
use tokio::{sync::watch, task::JoinSet};

use super::{
    RoleError, ended,
    http::Offered,
    mailing::{Mailer, Mailing, To},
    of_role,
    page::Reached,
    say_overdue, set_up_log,
};
use crate::{
    daemon::{self, StateFolder},
    exit::Code,
    logging::{self, Logging},
    member::Member,
    readiness::Conditions,
    settings::{Common, HasRelay, Relay, RelayTable, Settings},
    shown::{self, Shown},
    supervised::Supervised,
};

const EXAMPLES: &str = "\
Voorbeelden:
  hwc portal --config portal.toml                     het proces: laat het altijd draaien
  hwc portal enrol school-01AA00                      de eerste contactpersoon van een school; vraagt naam, werkadres en
                                                      een wachtwoordzin
Zonder --config wordt hwc.toml in deze map gelezen.";

/// Runs the hosted page of schools, or sets one up.
#[derive(Debug, clap::Args)]
#[command(before_help = EXAMPLES)]
pub(crate) struct Arguments {
    #[command(flatten)]
    common: Common,
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    /// Pakt de sleutel van een school in met de wachtwoordzin van haar eerste contactpersoon (wraps a school's key).
    Enrol(enrol::Arguments),
}

/// The portal's settings file. `[relay] keys` is a folder with a folder of credentials for each school, by its name.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct PortalFile {
    relay: RelayTable,
    /// The page.
    portal: PortalTable,
    /// The mail server: nobody can log in without mail.
    post: PostTable,
}

impl HasRelay for PortalFile {
    fn relay(&self) -> &RelayTable {
        &self.relay
    }
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct PortalTable {
    /// Where it listens.
    listen: SocketAddr,
    /// How people reach it, as their browser shows it.
    origin: String,
    /// Our certificate; without it a proxy on this machine secures the way.
    certificate: Option<PathBuf>,
    /// Its private key.
    key: Option<PathBuf>,
    /// The schools.
    schools: Vec<SchoolTable>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct SchoolTable {
    /// The school.
    organisation: Organisation,
    /// The school's HwC mailbox (R11).
    mailbox: Mailbox,
}

/// Schools that one process hosts, at most.
const SCHOOLS_MAX: usize = 500;
/// How long a school gets to connect at the start, once the first is connected; one that does not is left out, and it is said.
const CONNECTED_WITHIN: Duration = Duration::from_secs(30);
/// How long before a feed of tasks that broke is opened again.
const AGAIN_AFTER: Duration = Duration::from_secs(1);

/// Runs the command.
pub(crate) async fn run(arguments: Arguments) -> ExitCode {
    let Arguments { common, command } = arguments;
    ended(match command {
        None => serve(&common).await,
        Some(Command::Enrol(arguments)) => enrol::run(&common, &arguments),
    })
}

/// Codes go out by the same post office as notices.
struct ByMail(PostOffice);

impl Courier for ByMail {
    fn mail_code(&self, to: Mailbox, code: hwc_web::code::Code) {
        let office = self.0.clone();
        tokio::spawn(async move {
            let good_for = SignedDuration::try_from(GOOD_FOR).unwrap_or_default();
            let over = Timestamp::now().saturating_add(good_for).unwrap_or(Timestamp::MAX);
            office.deliver(Mail::login_code(code), &to, &Purpose::until(over)).await
        });
    }
}

/// A school that stands, and what keeps it so.
struct Standing {
    hosted: Arc<Hosted>,
    station: Station,
    follower: Follower,
    tray: Tray,
    mailer: Mailer,
    /// What tends its processing log.
    tending: JoinSet<()>,
    /// What is wrong with it at this moment.
    trouble: watch::Receiver<Option<String>>,
}

impl Settings<PortalFile> {
    /// What one school's connection needs.
    fn relay_of(&self, school: &Organisation) -> Relay {
        let mut relay = self.relay.clone();
        relay.keys = relay.keys.join(school.to_string());
        relay.state_dir = relay.state_dir.join(school.to_string());
        relay
    }

    fn checked(&self) -> Result<(CheckedPost, Option<TlsFiles>), RoleError> {
        let portal = &self.file.portal;
        for (at, school) in portal.schools.iter().enumerate() {
            of_role(self, &school.organisation, Role::School)?;
            if portal.schools.iter().skip(at + 1).any(|other| other.organisation == school.organisation) {
                let name = &school.organisation;
                return Err(self.unusable(format!("[portal] {name} stands there twice")).into());
            }
        }
        if portal.schools.len() > SCHOOLS_MAX {
            return Err(self.unusable(format!("[portal] at most {SCHOOLS_MAX} schools")).into());
        }
        let reached = Reached {
            table: "[portal]",
            listen: portal.listen,
            origin: &portal.origin,
            secured: (portal.certificate.as_ref(), portal.key.as_ref()),
        };
        let tls = reached.checked(self)?;
        let post = CheckedPost::check(&self.file.post, |path| self.path(path))
            .map_err(|error| self.unusable(error))?;
        Ok((post, tls))
    }
}

/// What `hwc doctor` looks at of the hosted page.
pub(crate) struct Looked {
    /// The page's own way to the relay.
    pub(crate) relay: Relay,
    /// The mail server: or why its settings cannot be used.
    pub(crate) post: Result<CheckedPost, PostError>,
    /// The page.
    pub(crate) offered: Offered,
    /// The schools.
    pub(crate) schools: Vec<LookedSchool>,
}

/// One school of a hosted page.
pub(crate) struct LookedSchool {
    /// The school.
    pub(crate) organisation: Organisation,
    /// Its way to the relay.
    pub(crate) relay: Relay,
    /// Whether its key is wrapped and it has a contact: or what is wrong.
    pub(crate) locked: Result<(), String>,
}

/// The settings, read as the process reads them.
pub(crate) fn looked(common: &Common) -> Result<Looked, RoleError> {
    let settings = Settings::<PortalFile>::read(common)?;
    let checked = settings.checked().map(|(_, tls)| tls.map(|files| files.certificate));
    let offered = Offered {
        name: "portal",
        listen: settings.file.portal.listen,
        checked: checked.map_err(|error| error.to_string()),
    };
    let school = |organisation: &Organisation| {
        let relay = settings.relay_of(organisation);
        let locked = none_lies_open(&relay.keys, organisation).and_then(|()| locker(&relay, organisation));
        let locked = locked.map(drop).map_err(|error| error.to_string());
        LookedSchool { organisation: organisation.clone(), relay, locked }
    };
    Ok(Looked {
        relay: settings.relay.clone(),
        post: CheckedPost::check(&settings.file.post, |path| settings.path(path)),
        offered,
        schools: settings.file.portal.schools.iter().map(|one| school(&one.organisation)).collect(),
    })
}

fn locker(relay: &Relay, organisation: &Organisation) -> Result<Locker, RoleError> {
    Locker::open(&relay.state_dir, organisation).map_err(|error| {
        RoleError::Said(format!(
            "{organisation} has no contact yet: say hwc portal enrol {organisation} ({error})"
        ))
    })
}

/// The host must not have a school's key as it is.
fn none_lies_open(keys: &Path, school: &Organisation) -> Result<(), RoleError> {
    let earlier = (1..=SealingKeys::EARLIER_MAX).map(SealingKeys::earlier_file);
    let plain =
        earlier.chain([SealingKeys::FILE.to_owned()]).map(|name| keys.join(name)).find(|path| path.exists());
    match plain {
        Some(path) => Err(RoleError::Said(format!(
            "{}: the key of {school} lies there as it is, and whoever has this machine could use it. Say hwc portal enrol, which wraps \
             it and takes it away; or take it away yourself if that was done before",
            path.display()
        ))),
        None => Ok(()),
    }
}

async fn serve(common: &Common) -> Result<Code, RoleError> {
    let settings = Settings::<PortalFile>::read(common)?;
    let (post, tls) = settings.checked()?;
    let relay = settings.relay.clone();
    set_up_log()?;
    let _state = StateFolder::hold(&relay.state_dir)?;
    let office = PostOffice::open(post);
    let listening = Listening::bind(settings.file.portal.listen, tls.as_ref()).await?;
    let stop = daemon::stop_on_signals();
    let hours = Hours::until(stop.clone(), relay.drain_within * 4 / 5);
    let conditions = Conditions::default();
    conditions.set("connected", Some("no connection to the broker yet".to_owned()));
    let telemetry = Telemetry::to(shown::spans(&relay, Service::Of(Role::School))?);
    let _shown = Shown::at(relay.listen, conditions.health(), telemetry.page()).await?;
    let _supervised = Supervised::begin(conditions.health(), conditions.pulse(), &stop);
    let standing = tokio::select! {
        standing = stand(&settings, &office, &hours, &telemetry, &conditions) => standing?,
        () = hours.closing() => return Ok(Code::Fine),
    };
    conditions.set("connected", None);

    let schools = standing.iter().map(|one| Arc::clone(&one.hosted)).collect();
    let portal = Arc::new(Portal::new(schools, ByMail(office.clone())));
    let origin = settings.file.portal.origin.clone();
    let gate = Gate::new(portal, origin, SessionLaw::SHORT, Paces::default(), OsChance)
        .map_err(|error| RoleError::Said(error.to_string()))?;
    let gate = Arc::new(gate);
    let troubles: Vec<_> = standing.iter().map(|school| school.trouble.clone()).collect();
    let mut hands = JoinSet::new();
    for school in standing {
        hands.spawn(keep_keys(Arc::clone(&gate), Arc::clone(&school.hosted)));
        let tending = school.tending;
        hands.spawn(async move {
            tending.join_all().await;
        });
        hands.spawn(school.follower.run(school.station.door().clone()));
        hands.spawn(work_on(school.station, Mailing::beside(school.tray, Some(school.mailer))));
    }
    tracing::info!(address = %listening.address(), schools = gate.people().schools(), "at work");
    let serving = listening.serve(pages(&gate), stop.clone(), relay.drain_within * 4 / 5);
    let (mut failing, mut returned) = (office.failing(), office.returned());
    let watching = async {
        loop {
            conditions.set("mail", failing.borrow_and_update().clone());
            conditions.needs_attention("returned mail", returned.borrow_and_update().clone());
            tokio::select! {
                Ok(()) = failing.changed() => {}
                Ok(()) = returned.changed() => {}
                else => std::future::pending::<()>().await,
            }
        }
    };
    tokio::select! {
        () = serving => tracing::info!("stopped"),
        () = gate.sweep() => {}
        () = watching => {}
        () = watch_logs(&troubles, &conditions) => {}
        () = conditions.pulse().keep() => {}
        () = daemon::overdue(stop, relay.drain_within) => say_overdue(),
    }
    hands.abort_all();
    telemetry.close(shown::CLOSE_WITHIN).await;
    Ok(Code::Fine)
}

/// Says at `/readyz` that a school's processing log cannot be written: until it can, nothing of that school is opened or confirmed.
async fn watch_logs(troubles: &[watch::Receiver<Option<String>>], conditions: &Conditions) {
    loop {
        let problem = troubles.iter().find_map(|trouble| trouble.borrow().clone());
        conditions.needs_attention("processing log", problem);
        tokio::time::sleep(AGAIN_AFTER).await;
    }
}

async fn work_on(station: Station, clerk: Mailing<Tray>) {
    let clerk = Arc::new(clerk);
    while !station.office().hours().is_closing() {
        if let Err(error) = work(&station, Arc::clone(&clerk)).await {
            tracing::warn!(%error, "the tasks cannot be had just now; trying again");
        }
        tokio::time::sleep(AGAIN_AFTER).await;
    }
}

/// Connects every school. One that the broker does not let in keeps nobody else waiting.
async fn stand(
    settings: &Settings<PortalFile>,
    office: &PostOffice,
    hours: &Hours,
    telemetry: &Telemetry,
    conditions: &Conditions,
) -> Result<Vec<Standing>, RoleError> {
    let mut coming = Vec::new();
    for school in &settings.file.portal.schools {
        let organisation = &school.organisation;
        let relay = settings.relay_of(organisation);
        none_lies_open(&relay.keys, organisation)?;
        let locker = locker(&relay, organisation)?;
        let member = Member::read_locked(&relay, organisation.clone())?;
        let (follower, book) = member.open_book()?;
        let audit = Audit::open(&relay.state_dir, relay.kept.audit_years, logging::today())?;
        let logging = Logging::open(&relay, organisation)?;
        let trouble = logging.trouble();
        let (hours, telemetry) = (hours.clone(), telemetry.clone());
        coming.push(async move {
            let station = member.enter(&book, hours, None).await?;
            let station = station.telling(telemetry).logging(logging.logbook());
            let tending = logging.tend(station.office());
            let (door, tray) = (station.door().clone(), Tray::default());
            let hosted = Hosted::new(door, book, station.office().clone(), tray.clone(), locker, audit);
            let to = To::Hosted { mailbox: school.mailbox.clone(), backups: backups_of(&hosted) };
            let mailer = Mailer::over(office.clone(), to);
            Ok::<_, RoleError>(Standing { hosted, station, follower, tray, mailer, tending, trouble })
        });
    }
    let mut standing = Vec::new();
    for (school, one) in settings.file.portal.schools.iter().zip(all_in(coming, CONNECTED_WITHIN).await) {
        let Some(one) = one else {
            tracing::error!(organisation = %school.organisation, "is left out until the next start: it did not get in");
            continue;
        };
        standing.push(one?);
    }
    let left_out = settings.file.portal.schools.len() - standing.len();
    conditions.set("schools", (left_out > 0).then(|| format!("{left_out} schools are left out")));
    Ok(standing)
}

/// Waits for everybody: once the first is there, so long for each of the others. While nobody is, it is the broker that is away,
/// and nobody is left out.
async fn all_in<T>(coming: Vec<impl Future<Output = T>>, within: Duration) -> Vec<Option<T>> {
    let (came, first) = watch::channel(false);
    let each = coming.into_iter().map(|one| {
        let (came, mut first) = (came.clone(), first.clone());
        async move {
            let late = async {
                let _ = first.wait_for(|came| *came).await;
                tokio::time::sleep(within).await;
            };
            tokio::select! {
                biased;
                one = one => {
                    came.send_replace(true);
                    Some(one)
                }
                () = late => None,
            }
        }
    });
    futures::future::join_all(each).await
}

/// Who is called in at 08:30: the backup contacts, and everybody where there is none.
fn backups_of(hosted: &Arc<Hosted>) -> Arc<dyn Fn() -> Vec<Mailbox> + Send + Sync> {
    let hosted = Arc::clone(hosted);
    Arc::new(move || {
        let contacts = hosted.locker().contacts().contacts;
        let has_backup = contacts.iter().any(|one| one.part == Part::Backup);
        let wanted = contacts.iter().filter(|one| !has_backup || one.part == Part::Backup);
        wanted.filter_map(|one| Mailbox::parse(&one.address).ok()).collect()
    })
}

#[cfg(test)]
mod tests {
    use futures::FutureExt as _;
    use tokio::sync::oneshot;

    use super::*;

    const SHORT: Duration = Duration::from_millis(20);

    #[tokio::test]
    async fn whoever_comes_late_is_left_out_and_nobody_while_nobody_could_come() {
        let (gets_in, entered) = oneshot::channel();
        let everybody = vec![entered.map(Result::ok).boxed(), std::future::pending().boxed()];
        let mut standing = tokio::spawn(all_in(everybody, SHORT));
        // The broker is away for longer than anybody would be waited for.
        assert!(tokio::time::timeout(SHORT * 10, &mut standing).await.is_err(), "somebody was left out");
        gets_in.send("school-01AA00").unwrap();
        assert_eq!(standing.await.unwrap(), [Some(Some("school-01AA00")), None]);
    }

    #[tokio::test]
    async fn a_page_of_no_school_waits_for_nobody() {
        assert_eq!(all_in(Vec::<std::future::Ready<()>>::new(), SHORT).await, []);
    }
}
