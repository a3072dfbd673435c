//! The broker, and what is behind it: as an engine sees it, and as an organisation does.

use hwc_adapter_kit::door::{Door, DoorError};
use hwc_jetstream::{
    Credential, CredentialError, Fault, Link, LinkError, broker_time, differences, engines, leading, room,
};
use hwc_schemas::{
    Organisation, Role,
    ask::{Ask, Told},
};
use jiff::Timestamp;

use super::{Finding, judge};
use crate::{
    engine::EngineError,
    serve::{self, EngineFile, ServeError, World, onlooker},
    settings::{Relay, Settings},
};

const BEHIND: [&str; 4] = ["permissions", "clock", "engine", "streams"];

/// As an engine.
pub(super) async fn as_engine(settings: &Settings<EngineFile>, world: Option<&World>) -> Vec<Finding> {
    let link = match onlooker(settings).await {
        Ok(link) => link,
        Err(error) => {
            let mut findings = vec![Finding::fails("broker", error.to_string(), remedy_of(&error))];
            findings.extend(BEHIND.map(|name| Finding::skipped(name, "not asked: no connection")));
            return findings;
        }
    };
    let mut findings = vec![Finding::fine("broker", "lets us in")];
    let permissions = jetstream(&link).await;
    let may_ask = permissions.health != super::Health::Fail;
    findings.push(permissions);
    if !may_ask {
        findings.extend(
            ["clock", "engine", "streams"]
                .map(|name| Finding::skipped(name, "not asked: JetStream does not answer")),
        );
        return findings;
    }
    findings.push(clock(&link, settings.file.clock_offset_seconds()).await);
    let Some(world) = world else {
        findings.extend(
            ["engine", "streams"].map(|name| Finding::skipped(name, "not asked: the region cannot be used")),
        );
        return findings;
    };
    let leader = leading(&link).await;
    let answering = match world.members.first() {
        Some(anybody) => engines(&link, anybody).await,
        None => Ok(0),
    };
    let leads = matches!(leader, Ok(Some(_)));
    findings.push(match (&leader, &answering) {
        (Ok(leader), Ok(answering)) => {
            let name = leader.as_ref().map(|leader| leader.engine.as_str());
            judge::engine(name, *answering, settings.file.replicas())
        }
        (Err(fault), _) | (_, Err(fault)) => silent("engine", fault),
    });
    let wanted = serve::streams(settings, &world.rules);
    findings.push(match differences(&link, &wanted, &world.members).await {
        Ok(differences) => judge::streams(&differences, leads),
        Err(fault) => silent("streams", &fault),
    });
    findings
}

async fn jetstream(link: &Link) -> Finding {
    const ACCOUNT: &str = "our account on the broker must say jetstream: enabled: hwc operator apply";
    match room(link, 1).await {
        Ok(_) if link.health().borrow().denied > 0 => {
            Finding::fails("permissions", "the broker denies us something", ACCOUNT)
        }
        Ok(_) => Finding::fine("permissions", "JetStream answers us"),
        Err(fault) => Finding::fails("permissions", fault.to_string(), ACCOUNT),
    }
}

async fn clock(link: &Link, offset_seconds: i64) -> Finding {
    let before = Timestamp::now();
    match broker_time(link).await {
        Ok(theirs) => {
            let after = Timestamp::now();
            // It answered somewhere in between: the middle is off by half of that at most.
            let middle = before + after.duration_since(before) / 2;
            judge::clock(middle.duration_since(theirs), offset_seconds)
        }
        Err(Fault::Refused { .. }) => {
            Finding::skipped("clock", "cannot be compared yet: no engine ever led here")
        }
        Err(fault) => silent("clock", &fault),
    }
}

fn silent(name: &'static str, fault: &Fault) -> Finding {
    Finding::fails(name, fault.to_string(), "look at the broker's own log, then again")
}

fn remedy_of(error: &ServeError) -> &'static str {
    match error {
        ServeError::Engine(EngineError::Link(error)) => remedy(error),
        ServeError::Credential(CredentialError::OpenToOthers { .. }) => "chmod 600",
        _ => "put it right as it says",
    }
}

const fn remedy(error: &LinkError) -> &'static str {
    match error {
        LinkError::Address => "write [relay] broker as tls://NAME:4222",
        LinkError::NotAdmitted(_) => {
            "ask the operator: hwc operator show says who takes part, and whether files need apply"
        }
        LinkError::Unreachable(_) | LinkError::Silent => {
            "is nats-server running there, is the address right, and does the firewall let us through?"
        }
        LinkError::TlsFilesMissing | LinkError::TlsFile(_) => {
            "put ca.pem, tls.pem and tls.key into the folder of keys"
        }
        LinkError::NotTheBroker(_) => {
            "is it this region's ca.pem, and is the name in [relay] broker one of the certificate's?"
        }
        LinkError::CertificateRefused => "ask the operator for a new certificate",
        LinkError::Tls(_) => "the broker must speak TLS 1.3 here: the operator's accounts.conf says so",
    }
}

/// Whether the broker lets an organisation in, and nothing else.
pub(super) async fn lets_in(organisation: &Organisation, relay: &Relay) -> Result<(), String> {
    let credential = Credential::read(&relay.keys.join("nkey")).map_err(|error| error.to_string())?;
    let door = Door::connect(relay.address(), &credential, organisation.clone()).await;
    door.map(drop).map_err(|error| error.to_string())
}

/// As an organisation, through its own doors.
pub(super) async fn as_organisation(organisation: &Organisation, relay: &Relay) -> Vec<Finding> {
    let door = match Credential::read(&relay.keys.join("nkey")) {
        Ok(credential) => Door::connect(relay.address(), &credential, organisation.clone()).await,
        Err(error) => {
            return vec![Finding::fails("broker", error.to_string(), "put the file right as it says")];
        }
    };
    let door = match door {
        Ok(door) => door,
        Err(error) => {
            let remedy = if let DoorError::Link(error) = &error { remedy(error) } else { "look again" };
            let mut findings = vec![Finding::fails("broker", error.to_string(), remedy)];
            findings.extend(
                ["permissions", "engine"].map(|name| Finding::skipped(name, "not asked: no connection")),
            );
            return findings;
        }
    };
    let mut findings = vec![Finding::fine("broker", "lets us in")];
    let question = if organisation.role() == Role::Police {
        Ask::Reports { incidents: Vec::new() }
    } else {
        Ask::Keys { mine: Vec::new() }
    };
    let asked = door.ask(&question).await;
    // Newer than any: nothing is handed out.
    let directory = door.directory(u64::MAX).await;
    // What the broker denies comes as an event only, beside the answer that does not come.
    let denied = door.health().borrow().denied;
    if denied > 0 {
        let remedy = "the broker's accounts.conf is not what this program makes: hwc operator apply, on the operator's machine";
        findings.push(Finding::fails("permissions", "the broker forbids us one of our own doors", remedy));
        findings.push(Finding::skipped("engine", "not known: a door is shut to us"));
        return findings;
    }
    findings.push(Finding::fine("permissions", "our doors for questions and for the directory are open"));
    findings.push(match (asked, directory) {
        (Ok(Told::Refused { refusal }), _) => Finding::fails(
            "engine",
            format!("it refuses our question ({refusal:?})"),
            "is this program older than the relay?",
        ),
        (Ok(_), Ok(_)) => Finding::fine("engine", "answers"),
        (Err(error), _) | (_, Err(error)) => {
            Finding::fails("engine", error.to_string(), "no engine leads: ask the operator (hwc status)")
        }
    });
    findings
}
