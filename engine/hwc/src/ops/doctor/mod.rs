//! `hwc doctor`: looks at everything that one process needs, in the order in which it needs it, and says of each whether it is fine
//! and, if not, what to do. It changes nothing, and looks at nothing that cannot be right because of what was found before.

pub(super) mod certificate;
mod desk;
mod files;
mod judge;
mod offered;
mod portal;
mod relay;

use std::{fmt::Write as _, process::ExitCode};

use hwc_post::{Post, PostError, smtp};
use hwc_register::Register;
use hwc_schemas::Role;
use hwc_telemetry::collector_answers;
use jiff::{Timestamp, tz::TimeZone};
use serde::Serialize;

use crate::{
    cli::{self, Output},
    exit::Code,
    logging,
    roles::{self, Database, Looked},
    serve::{self, EngineFile, ServeError, World},
    settings::{Common, Relay, Settings, strict},
};

/// What `hwc doctor` takes.
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    #[command(flatten)]
    common: Common,
    /// How to print it.
    #[arg(short, long, value_enum, default_value_t = Output::Text)]
    output: Output,
}

/// How one thing is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
enum Health {
    Ok,
    /// It works, and somebody should look.
    Warn,
    /// It does not work.
    Fail,
    /// Not looked at, because of something before it.
    Skipped,
}

/// What was found of one thing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
struct Finding {
    name: &'static str,
    health: Health,
    says: String,
    /// What to do.
    remedy: Option<String>,
}

impl Finding {
    fn fine(name: &'static str, says: impl Into<String>) -> Self {
        Self { name, health: Health::Ok, says: says.into(), remedy: None }
    }

    fn warns(name: &'static str, says: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self { name, health: Health::Warn, says: says.into(), remedy: Some(remedy.into()) }
    }

    fn fails(name: &'static str, says: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self { health: Health::Fail, ..Self::warns(name, says, remedy) }
    }

    fn skipped(name: &'static str, why: impl Into<String>) -> Self {
        Self { name, health: Health::Skipped, says: why.into(), remedy: None }
    }
}

/// Runs the command, with any process's settings. 0 if nothing fails, 6 if something does.
pub(crate) async fn run(arguments: &Arguments) -> ExitCode {
    let findings = looked(&arguments.common).await;
    cli::print(&match arguments.output {
        Output::Text => text(&findings),
        Output::Json => serde_json::to_string(&findings).unwrap_or_default() + "\n",
    });
    let fails = findings.iter().any(|finding| finding.health == Health::Fail);
    if fails { Code::Critical } else { Code::Fine }.into()
}

fn table() -> comfy_table::Table {
    let mut table = comfy_table::Table::new();
    table.load_style(comfy_table::presets::NOTHING);
    table
}

fn text(findings: &[Finding]) -> String {
    let mut rows = table();
    for finding in findings {
        let health = match finding.health {
            Health::Ok => "ok",
            Health::Warn => "WARN",
            Health::Fail => "FAIL",
            Health::Skipped => "-",
        };
        rows.add_row([health, finding.name, &finding.says]);
        if let Some(remedy) = &finding.remedy {
            rows.add_row(["", "", &format!("-> {remedy}")]);
        }
    }
    let count = |health| findings.iter().filter(|finding| finding.health == health).count();
    let mut text = rows.to_string();
    let (fails, warns) = (count(Health::Fail), count(Health::Warn));
    let _ = writeln!(text, "\n\n{} looked at, {fails} fail, {warns} to look at", findings.len());
    super::trimmed(&text)
}

/// Whose settings they are.
enum Whose {
    Engine(Box<Settings<EngineFile>>),
    Organisation(Box<Looked>),
    Portal(Box<roles::portal::Looked>),
    Desk(Box<roles::desk::Looked>),
}

impl Whose {
    fn relay(&self) -> &Relay {
        match self {
            Self::Engine(settings) => &settings.relay,
            Self::Organisation(looked) => &looked.relay,
            Self::Portal(looked) => &looked.relay,
            Self::Desk(looked) => &looked.relay,
        }
    }
}

const AS_IT_SAYS: &str = "put the file right as it says; docs/people.md lists the settings";

async fn looked(common: &Common) -> Vec<Finding> {
    let mut findings = Vec::new();
    let whose = match whose(common) {
        Ok(whose) => whose,
        Err(problem) => {
            findings.push(Finding::fails("settings", problem, AS_IT_SAYS));
            findings.push(judge::zone(files::machines_zone().as_deref()));
            let why = "not looked at: the settings cannot be used";
            findings
                .extend(["keys", "certificate", "state", "broker"].map(|name| Finding::skipped(name, why)));
            return findings;
        }
    };
    let name = match &whose {
        Whose::Engine(settings) => settings
            .file
            .as_board()
            .map_or_else(|| "an engine's".to_owned(), |board| format!("those of {board}")),
        Whose::Organisation(looked) => format!("those of {}", looked.organisation),
        Whose::Portal(looked) => format!("those of a page of {} schools", looked.schools.len()),
        Whose::Desk(looked) => format!("those of the desk of {}", looked.municipality),
    };
    findings.push(Finding::fine("settings", name));
    let world = if let Whose::Engine(settings) = &whose {
        let world = World::read(settings);
        findings.push(region(&world, serve::clock(&settings.file).now()));
        world.ok()
    } else {
        None
    };
    findings.push(judge::zone(files::machines_zone().as_deref()));
    findings.extend(match &whose {
        Whose::Portal(looked) => portal::looked(looked).await,
        Whose::Desk(looked) => desk::looked(looked).await,
        _ => member(&whose, world.as_ref()).await,
    });
    findings.extend(beside(&whose).await);
    findings
}

/// What one member of the relay needs: an engine or an organisation.
async fn member(whose: &Whose, world: Option<&World>) -> Vec<Finding> {
    let mut findings = Vec::new();
    let relay = whose.relay();
    let keys = files::keys(relay, matches!(whose, Whose::Engine(_)));
    let own = certificate::read(&relay.keys);
    let secured = relay.address().tls().is_some();
    let certificate = match own {
        Ok(own) => judge::certificate(own, Timestamp::now(), secured),
        Err(problem) => Finding::fails("certificate", problem, "ask the operator for tls.pem"),
    };
    let enters = [&keys, &certificate].iter().all(|finding| finding.health != Health::Fail);
    findings.extend([keys, certificate, files::state(relay)]);
    findings.extend(match whose {
        _ if !enters => vec![Finding::skipped("broker", "not asked: keys or certificate cannot be used")],
        Whose::Engine(settings) => relay::as_engine(settings, world).await,
        Whose::Organisation(looked) => relay::as_organisation(&looked.organisation, &looked.relay).await,
        // The schools of a page are members, and are looked at one by one; a desk is none.
        Whose::Portal(_) | Whose::Desk(_) => Vec::new(),
    });
    findings
}

/// Whose settings the file holds, by the table that only one role has.
fn whose(common: &Common) -> Result<Whose, String> {
    let written: toml::Table = strict::read(&common.config).map_err(|error| error.to_string())?;
    if written.contains_key("engine") {
        let settings = Settings::<EngineFile>::read(common).map_err(|error| error.to_string())?;
        return Ok(Whose::Engine(Box::new(settings)));
    }
    if written.contains_key("portal") {
        let looked = roles::portal::looked(common).map_err(|error| error.to_string())?;
        return Ok(Whose::Portal(Box::new(looked)));
    }
    if written.contains_key("counter") {
        let looked = roles::desk::looked(common).map_err(|error| error.to_string())?;
        return Ok(Whose::Desk(Box::new(looked)));
    }
    let roles = [Role::Police, Role::VeiligThuis, Role::Municipality, Role::School];
    let role = roles.into_iter().find(|role| written.contains_key(Role::as_str(*role)));
    let role = role.ok_or_else(|| {
        let tables = "[engine], [police], [veilig-thuis], [municipality], [school], [portal] and [counter]";
        format!("{}: has none of the tables {tables}", common.config.display())
    })?;
    let looked = roles::looked(common, role).map_err(|error| error.to_string())?;
    Ok(Whose::Organisation(Box::new(looked)))
}

fn region(world: &Result<World, ServeError>, now: Timestamp) -> Finding {
    match world {
        Ok(world) => {
            let members = world.members.len();
            let until = world.rules.calendar.listed_until(world.rules.calendar.local(now).date());
            let Some(until) = until else {
                let remedy = "put the next school year into holidays.json";
                return Finding::fails("region", "no listed school year holds today", remedy);
            };
            Finding::fine("region", format!("{members} take part; school years are listed until {until}"))
        }
        Err(ServeError::Directory(_) | ServeError::Operator(_)) => {
            let said = world.as_ref().err().map(ToString::to_string).unwrap_or_default();
            Finding::fails(
                "region",
                said,
                "put directory.json and operator.pub there as the operator has them now",
            )
        }
        Err(error) => Finding::fails("region", error.to_string(), "put the file right as it says"),
    }
}

/// What is beside the relay: a database, a mail server, a collector, a folder of reports.
async fn beside(whose: &Whose) -> Vec<Finding> {
    let mut findings = Vec::new();
    match whose {
        Whose::Engine(settings) => match settings.file.post() {
            (None, false) => findings.push(Finding::warns(
                "mail",
                "no [post]: nobody is told of a breach by mail (R24)",
                "write [post] and [notices] (docs/post.md)",
            )),
            (Some(table), true) => {
                findings.push(mail(Post::check(table, |path| settings.path(path)).as_ref()).await);
            }
            _ => findings.push(Finding::fails("mail", "[post] and [notices] belong together", AS_IT_SAYS)),
        },
        Whose::Organisation(looked) => {
            findings.extend(processing_log(looked).await);
            if let Some(database) = &looked.register {
                findings.push(register(database).await);
            }
            if let Some(inbox) = &looked.inbox {
                findings.push(files::inbox(inbox));
            }
            if let Some(post) = &looked.post {
                findings.push(mail(post.as_ref()).await);
            }
            for one in &looked.offered {
                findings.push(offered::looked(one).await);
            }
            findings.extend(looked.hatch.as_deref().map(desk::hatch));
            if let Some(webhook) = &looked.webhook {
                findings.push(offered::webhook(webhook).await);
            }
        }
        Whose::Portal(looked) => {
            findings.push(mail(looked.post.as_ref()).await);
            findings.push(offered::looked(&looked.offered).await);
        }
        Whose::Desk(looked) => {
            findings.push(mail(looked.post.as_ref()).await);
            findings.push(offered::looked(&looked.offered).await);
        }
    }
    findings.push(match &whose.relay().otlp {
        None => Finding::fine("traces", "no otlp: they go nowhere"),
        Some(collector) => match collector_answers(collector).await {
            Ok(()) => Finding::fine("traces", "the collector takes them"),
            Err(error) => {
                let remedy = "start the collector, or put [relay] otlp right; work goes on without it";
                Finding::fails("traces", error.to_string(), remedy)
            }
        },
    });
    findings
}

/// The processing log, if one is to be kept.
async fn processing_log(looked: &Looked) -> Option<Finding> {
    let name = "processing log";
    let found = match logging::check(&looked.relay, &looked.organisation)? {
        Err(error) => {
            Finding::fails(name, error.to_string(), "put the file right as it says (docs/logbook.md)")
        }
        Ok(None) => Finding::fine(name, "each step has its activity; the lines stay here"),
        Ok(Some(collector)) => match collector_answers(collector).await {
            Ok(()) => Finding::fine(name, "each step has its activity; the collector takes lines"),
            Err(error) => {
                let remedy =
                    "start the collector, or put [relay.logbook] otlp right; the lines wait on the disk";
                Finding::fails(name, error.to_string(), remedy)
            }
        },
    };
    Some(found)
}

async fn mail(post: Result<&Post, &PostError>) -> Finding {
    let post = match post {
        Ok(post) => post,
        Err(error) => return Finding::fails("mail", error.to_string(), AS_IT_SAYS),
    };
    let seconds = std::time::Duration::from_secs(10);
    match smtp::greet(&post.clone().waiting(seconds, seconds)).await {
        Ok(()) => Finding::fine("mail", "the server greets us and lets us in; no letter was sent"),
        Err(error) => Finding::fails(
            "mail",
            error.to_string(),
            "is [post] server and port right, and is it let through from here?",
        ),
    }
}

async fn register(database: &Database) -> Finding {
    let remedy = "is it running, and is [register] right? hwc municipality register status says more";
    let register = match Register::open_to_ask(&database.place, database.own).await {
        Ok(register) => register,
        Err(error) => return Finding::fails("database", error.to_string(), remedy),
    };
    let zone = TimeZone::get("Europe/Amsterdam").unwrap_or(TimeZone::UTC);
    let now = Timestamp::now();
    let standing = register.standing(now.to_zoned(zone).date()).await;
    register.close().await;
    match standing {
        Ok(standing) => judge::imported(standing.imported_at, now, database.stale_after_days),
        Err(error) => Finding::fails("database", error.to_string(), remedy),
    }
}
