//! `hwc operator`: who takes part in a region, on the command line.

use std::{
    fmt::{self, Display, Formatter},
    path::PathBuf,
    process::ExitCode,
};

use clap::Subcommand;
use hwc_operator::{
    Begin, BoardName, Credentials, EngineName, Member, Operator, OperatorError, Reloaded, Request, Shown,
    Turn,
};
use hwc_schemas::Organisation;
use hwc_vault::Fingerprint;
use jiff::Timestamp;
use serde::Serialize;

use crate::{
    cli::Output,
    exit::{self, Code},
    layout::{self, LayoutError},
    outcome::{self, Outcome, tell},
};

/// What `hwc operator` takes.
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// The operator's folder.
    #[arg(long, global = true, value_name = "DIR", env = "HWC_OPERATOR_DIR", default_value = "operator")]
    dir: PathBuf,
    /// How to print it.
    #[arg(short, long, global = true, value_enum, default_value_t = Output::Text)]
    output: Output,
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Begins a region: a signing key, an authority for certificates, the broker's configuration.
    Init {
        /// A name or address under which the broker is reached, without a port; may be said more than once.
        #[arg(long, required = true, value_name = "NAME")]
        broker_name: Vec<String>,
        /// Where the broker writes its process number [default: broker/nats-server.pid in the folder].
        #[arg(long, value_name = "FILE")]
        pid_file: Option<PathBuf>,
        /// Where the broker writes its log [default: broker/nats-server.log in the folder].
        #[arg(long, value_name = "FILE")]
        log_file: Option<PathBuf>,
        /// The nats-server that checks the configuration, if not the one that is found.
        #[arg(long, value_name = "FILE", env = "HWC_NATS_SERVER")]
        nats_server: Option<PathBuf>,
    },
    /// Lets an organisation take part, while everybody else works on.
    AddOrganisation {
        /// As in school-01AA00.
        organisation: Organisation,
        #[command(flatten)]
        keys: KeysFrom,
    },
    /// Lets an engine take part.
    AddEngine {
        /// As in one; its member's name is then engine-one.
        name: EngineName,
        #[command(flatten)]
        keys: KeysFrom,
    },
    /// Lets a board take part, which may look and do nothing else.
    AddBoard {
        /// As in one; its member's name is then board-one.
        name: BoardName,
        #[command(flatten)]
        keys: KeysFrom,
    },
    /// Gives a member new keys; the old ones are out at once.
    Rotate {
        /// As in school-01AA00, engine-one or board-one.
        member: Member,
        #[command(flatten)]
        keys: KeysFrom,
        /// Somebody else may have the old keys: nothing that they sealed is opened any more, not even what is in flight.
        #[arg(long)]
        stolen: bool,
    },
    /// Puts a member out, at once.
    Revoke {
        /// As in school-01AA00, engine-one or board-one.
        member: Member,
    },
    /// Gives the broker a new certificate.
    RenewBroker {
        /// The names and addresses from now on [default: as before].
        #[arg(long, value_name = "NAME")]
        broker_name: Vec<String>,
    },
    /// Makes again what follows from who takes part, and has the broker take it over: after a crash or a restore.
    Apply {
        /// The serial that `hwc keys show` says at anybody's, if this folder was restored from an older copy.
        #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(..1_000_000_000_000))]
        after_serial: Option<u64>,
    },
    /// Writes the reference layout of production: a tree of files for each machine, from who takes part. Say it again after each
    /// change: only what follows from who takes part is written anew.
    Layout(layout::Arguments),
    /// Shows who takes part, and the fingerprints to compare by telephone.
    Show,
}

/// Where a member's keys come from.
#[derive(Debug, clap::Args)]
#[group(required = true, multiple = true)]
struct KeysFrom {
    /// What the member made with `hwc keys new`: request.json.
    #[arg(long, value_name = "FILE", conflicts_with = "make_keys")]
    request: Option<PathBuf>,
    /// The request's fingerprint, as the member read it out by telephone.
    #[arg(long, value_name = "TEXT", requires = "request")]
    fingerprint: Option<Fingerprint>,
    /// Makes the keys here, for a try-out: whoever hands them over has seen them.
    #[arg(long)]
    make_keys: bool,
}

impl KeysFrom {
    fn credentials(&self, member: &Member) -> Result<Credentials, OperatorError> {
        let Some(path) = &self.request else { return Ok(Credentials::MadeHere) };
        let told = self.fingerprint.ok_or_else(|| OperatorError::NoFingerprint(member.clone()))?;
        Ok(Credentials::Requested(Box::new(Request::load(path)?), told))
    }
}

/// Runs the command.
pub(crate) async fn run(arguments: Arguments) -> ExitCode {
    match done(arguments).await {
        Ok(code) => code.into(),
        Err(error) => {
            exit::say(&error.to_string());
            match error {
                LayoutError::Operator(error) => code(&error).into(),
                LayoutError::File { .. } => Code::Failed.into(),
                LayoutError::Brokers | LayoutError::Nobody | LayoutError::Stranger { .. } => {
                    Code::Refused.into()
                }
            }
        }
    }
}

async fn done(Arguments { dir, output, action }: Arguments) -> Result<Code, LayoutError> {
    let now = Timestamp::now();
    if let Action::Init { broker_name, pid_file, log_file, nats_server } = action {
        let begin =
            Begin { folder: dir, broker_names: broker_name, pid_file, log_file, program: nats_server };
        let operator = Operator::begin(&begin, now).await?;
        let of_the_region = Begun {
            operator: operator.public_key().fingerprint().to_string(),
            broker_configuration: operator.server_file(),
        };
        return Ok(tell(output, &of_the_region));
    }
    let mut operator = Operator::open(&dir)?;
    let (act, member, turn, has_secrets) = match action {
        Action::AddOrganisation { organisation, keys } => {
            let member = Member::Organisation(organisation);
            let turn = operator.add(&member, keys.credentials(&member)?, now).await?;
            (Act::Added, Some(member), turn, keys.make_keys)
        }
        Action::AddEngine { name, keys } => {
            let member = Member::Engine(name);
            let turn = operator.add(&member, keys.credentials(&member)?, now).await?;
            (Act::Added, Some(member), turn, keys.make_keys)
        }
        Action::AddBoard { name, keys } => {
            let member = Member::Board(name);
            let turn = operator.add(&member, keys.credentials(&member)?, now).await?;
            (Act::Added, Some(member), turn, keys.make_keys)
        }
        Action::Rotate { member, keys, stolen } => {
            let turn = operator.rotate(&member, keys.credentials(&member)?, stolen, now).await?;
            (Act::Rotated, Some(member), turn, keys.make_keys)
        }
        Action::Revoke { member } => {
            let turn = operator.revoke(&member, now).await?;
            (Act::Revoked, Some(member), turn, false)
        }
        Action::RenewBroker { broker_name } => {
            let names = Some(broker_name).filter(|names| !names.is_empty());
            (Act::BrokerRenewed, None, operator.renew_broker(names, now).await?, false)
        }
        Action::Apply { after_serial } => {
            (Act::Applied, None, operator.apply(after_serial, now).await?, false)
        }
        Action::Show => return Ok(tell(output, &Who(operator.show()))),
        Action::Layout(arguments) => return Ok(tell(output, &layout::write(&operator, &arguments)?)),
        Action::Init { .. } => return Ok(Code::Fine),
    };
    Ok(tell(output, &Turned::of(&operator, act, member.as_ref(), turn, has_secrets)))
}

/// A region that began.
#[derive(Serialize)]
struct Begun {
    operator: String,
    #[serde(serialize_with = "outcome::path")]
    broker_configuration: PathBuf,
}

impl Outcome for Begun {}

impl Display for Begun {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "The region's operator: {}\n\
             Start the broker:      nats-server -c {}\n\
             Then an engine:        hwc operator add-engine NAME ...\n\
             Keep a safe copy of the folder: who has it can let anybody in, and without it nobody new gets in.",
            self.operator,
            self.broker_configuration.display(),
        )
    }
}

/// What the operator did.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
enum Act {
    Added,
    Rotated,
    Revoked,
    BrokerRenewed,
    Applied,
}

/// What was done, and what is to be done next.
#[derive(Serialize)]
struct Turned {
    act: Act,
    #[serde(skip_serializing_if = "Option::is_none")]
    member: Option<String>,
    serial: u64,
    /// Whether a running broker took it over; else it counts from the broker's next start.
    broker_took_it_over: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    handover: Option<Handover>,
}

/// What goes to the member.
#[derive(Serialize)]
struct Handover {
    folder: String,
    has_private_keys: bool,
    /// The fingerprint that is read out to them.
    operator: String,
}

impl Turned {
    fn of(
        operator: &Operator,
        act: Act,
        member: Option<&Member>,
        turn: Turn,
        has_private_keys: bool,
    ) -> Self {
        let handover = turn.handover.map(|folder| Handover {
            folder: folder.display().to_string(),
            has_private_keys,
            operator: operator.public_key().fingerprint().to_string(),
        });
        Self {
            act,
            member: member.map(ToString::to_string),
            serial: turn.serial,
            broker_took_it_over: turn.reloaded == Reloaded::Yes,
            handover,
        }
    }
}

impl Outcome for Turned {}

impl Display for Turned {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let member = self.member.as_deref().unwrap_or_default();
        match self.act {
            Act::Added => write!(f, "{member} takes part.")?,
            Act::Rotated => write!(f, "{member} has new keys; the old ones are out.")?,
            Act::Revoked => write!(f, "{member} is out.")?,
            Act::BrokerRenewed => f.write_str("The broker has a new certificate.")?,
            Act::Applied => f.write_str("Everything is as it should be.")?,
        }
        let broker = if self.broker_took_it_over {
            "The broker took it over; everybody else stayed connected."
        } else {
            "No broker runs here; it counts from its next start."
        };
        write!(f, " Serial {}. {broker}", self.serial)?;
        let Some(Handover { folder, has_private_keys, operator }) = &self.handover else { return Ok(()) };
        let (how, what) = if *has_private_keys {
            ("Hand over, by hand", "It holds private keys: delete it when they have it.")
        } else {
            ("Send them", "Nothing in it is secret; they put it beside their own keys.")
        };
        write!(f, "\n{how}: {folder}\n{what}\nRead out to them: the operator's fingerprint is {operator}")
    }
}

/// Who takes part.
#[derive(Serialize)]
#[serde(transparent)]
struct Who(Shown);

impl Outcome for Who {}

impl Display for Who {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let Self(shown) = self;
        let mut table = comfy_table::Table::new();
        table.load_style(comfy_table::presets::NOTHING);
        table.set_header(["member", "fingerprint of its key", "since", "certificate until", "earlier keys"]);
        for one in &shown.members {
            table.add_row([
                one.name.clone(),
                one.fingerprint.clone().unwrap_or_else(|| "-".to_owned()),
                one.since.clone(),
                one.until.clone(),
                one.earlier_keys.to_string(),
            ]);
        }
        write!(
            f,
            "operator   {}\nserial     {}\nbroker     {}, certificate until {}\n\n{table}\n",
            shown.operator,
            shown.serial,
            shown.broker_names.join(", "),
            shown.broker_until,
        )?;
        if !shown.put_out.is_empty() {
            f.write_str("\nput out\n")?;
            for (name, day) in &shown.put_out {
                writeln!(f, "  {name}  {day}")?;
            }
        }
        if !shown.applied {
            f.write_str("\nThe files do not say what they should: hwc operator apply\n")?;
        }
        Ok(())
    }
}

const fn code(error: &OperatorError) -> Code {
    match error {
        OperatorError::NotAnOperator(_)
        | OperatorError::Register { .. }
        | OperatorError::NotARequest(_)
        | OperatorError::BrokerName
        | OperatorError::NotNamed(_)
        | OperatorError::File(_)
        | OperatorError::OperatorKey(_)
        | OperatorError::Certificate(_) => Code::Settings,
        OperatorError::NotReloaded(_) | OperatorError::NoServer(_) => Code::Unreachable,
        OperatorError::RequestOfAnother { .. }
        | OperatorError::OtherFingerprint
        | OperatorError::NoFingerprint(_)
        | OperatorError::Known(_)
        | OperatorError::Unknown(_)
        | OperatorError::UsedKey(_)
        | OperatorError::Full(_)
        | OperatorError::Exists(_)
        | OperatorError::Refused(_) => Code::Refused,
        _ => Code::Failed,
    }
}
