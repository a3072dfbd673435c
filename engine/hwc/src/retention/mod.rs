//! `hwc retention`: what is kept, where and for how long; and what another policy would erase, before it is in force.

pub(crate) mod expiry;
pub(crate) mod folders;

use std::{fmt::Write as _, path::PathBuf, process::ExitCode, time::SystemTime};

use clap::Subcommand;
use hwc_counts::{Book, Record};
use hwc_jetstream::{AT_ONCE_MAX, Counts, Remains, older};
use hwc_workflow::policy::Policy;
use serde::Serialize;

use crate::{
    cli::{self, Output},
    ended::EndedIds,
    engine::EngineError,
    exit::{self, Code},
    logging::Kept,
    region::Region,
    serve::{self, EngineFile, ServeError, World},
    settings::{Common, Settings},
};

/// What `hwc retention` takes.
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    #[command(flatten)]
    common: Common,
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Shows what is kept, where, for how long and by which rule, as an engine's settings say.
    Show {
        /// How to print it.
        #[arg(short, long, value_enum, default_value_t = Output::Text)]
        output: Output,
    },
    /// Counts what would be erased if the policy of this region folder were in force; changes nothing.
    DryRun {
        /// The folder with the other region.toml; the one in force when absent.
        #[arg(long, value_name = "DIR")]
        region: Option<PathBuf>,
        /// How to print it.
        #[arg(short, long, value_enum, default_value_t = Output::Text)]
        output: Output,
    },
}

/// Runs the command, with an engine's settings.
pub(crate) async fn run(arguments: &Arguments) -> ExitCode {
    let done = match &arguments.action {
        Action::Show { output } => show(&arguments.common, *output),
        Action::DryRun { region, output } => dry_run(&arguments.common, region.as_ref(), *output).await,
    };
    match done {
        Ok(code) => code.into(),
        Err(error) => {
            exit::say(&error.to_string());
            error.code().into()
        }
    }
}

/// One line of the policy.
#[derive(Debug, Serialize)]
struct Line {
    what: &'static str,
    /// For how long, in words.
    kept: String,
    setting: &'static str,
    rules: &'static str,
    gone_by: &'static str,
}

fn lines(policy: &Policy) -> Vec<Line> {
    let line = |what, kept, (setting, rules), gone_by| Line { what, kept, setting, rules, gone_by };
    let until = |words: &str| words.to_owned();
    let days = |days: u16| format!("{days} days");
    let seconds = |seconds: u16| format!("{seconds} seconds");
    vec![
        line(
            "a report, sealed",
            until("until its children are referred"),
            ("the law", "R21"),
            "the engine's duty",
        ),
        line("a referral, sealed", until("until its signal ends"), ("the law", "R21"), "the engine's duty"),
        line(
            "a letter, sealed",
            until("until it is acknowledged, returned, recalled or expired"),
            ("the law", "R21, R23"),
            "the engine's duty",
        ),
        line(
            "any of these, whatever happens",
            days(policy.payload_ceiling_days()),
            ("policy.payload_ceiling_days", "R23"),
            "the broker alone",
        ),
        line(
            "a ciphertext that no event points to",
            seconds(policy.orphans_after_seconds()),
            ("retention.orphans_after_seconds", "R21"),
            "the sweeper, every minute",
        ),
        line(
            "a finished incident's events",
            seconds(policy.events_grouped_seconds()),
            ("retention.events_grouped_seconds", "R23"),
            "the clearing, every five seconds",
        ),
        line(
            "that an incident ended",
            days(policy.tombstone_days()),
            ("retention.tombstone_days", "R22"),
            "the broker; the expiry, every hour",
        ),
        line(
            "breach records",
            days(policy.breach_days()),
            ("retention.breach_days", "R24"),
            "the expiry, every hour",
        ),
        line(
            "the counts of a closed month",
            format!("{} months", policy.counts_months()),
            ("retention.counts_months", "R25"),
            "the counting, every five seconds",
        ),
    ]
}

/// What a process writes down of its work: each organisation's own settings say for how long.
fn written_down(kept: Kept) -> [Line; 3] {
    let line = |what, kept, setting, rules, gone_by| Line { what, kept, setting, rules, gone_by };
    [
        line(
            "an organisation's processing log",
            format!("{} days", kept.processing_log_days),
            "relay.retention.processing_log_days",
            "R22",
            "its process, every hour",
        ),
        line(
            "the audit log",
            format!("{} years", kept.audit_years),
            "relay.retention.audit_years",
            "R22",
            "its process, at each line",
        ),
        line(
            "traces, at their collector",
            format!("{} days", kept.traces_days),
            "relay.retention.traces_days",
            "R22",
            "the collector: hwc.kept_days tells it",
        ),
    ]
}

fn show(common: &Common, output: Output) -> Result<Code, ServeError> {
    let settings = Settings::<EngineFile>::read(common)?;
    let policy = World::read(&settings)?.rules.policy;
    let mut lines = lines(&policy);
    lines.extend(written_down(settings.relay.kept));
    let swept = &settings.relay.swept;
    cli::print(&match output {
        Output::Json => {
            let folders: Vec<_> = swept
                .iter()
                .map(|one| serde_json::json!({ "folder": one.folder, "kept_days": one.days }))
                .collect();
            format!("{}\n", serde_json::json!({ "kept": lines, "folders": folders }))
        }
        Output::Text => {
            let mut text = String::new();
            for line in &lines {
                let _ = writeln!(
                    text,
                    "{:<38} {:<58} {:<33} {:<9} {}",
                    line.what, line.kept, line.setting, line.rules, line.gone_by
                );
            }
            for one in swept {
                let _ = writeln!(text, "files in {}: {} days, relay.swept", one.folder.display(), one.days);
            }
            text
        }
    });
    Ok(Code::Fine)
}

/// What a policy would erase.
#[derive(Debug, Serialize)]
struct Would {
    what: String,
    /// In days, or in months.
    #[serde(skip_serializing_if = "Option::is_none")]
    kept_days: Option<u16>,
    #[serde(skip_serializing_if = "Option::is_none")]
    kept_months: Option<u16>,
    /// How many; none if nobody can look.
    erased: Option<u64>,
    /// Whether there may be more: no more than so many were counted.
    or_more: bool,
}

impl Would {
    const fn days(what: String, days: u16, erased: Option<u64>, or_more: bool) -> Self {
        Self { what, kept_days: Some(days), kept_months: None, erased, or_more }
    }

    fn kept(&self) -> String {
        match (self.kept_days, self.kept_months) {
            (Some(days), _) => format!("{days} days"),
            (None, months) => format!("{} months", months.unwrap_or_default()),
        }
    }
}

async fn dry_run(common: &Common, region: Option<&PathBuf>, output: Output) -> Result<Code, ServeError> {
    let settings = Settings::<EngineFile>::read(common)?;
    let rules = World::read(&settings)?.rules;
    let in_force = rules.policy;
    let policy = match region {
        Some(folder) => Region::read(folder)?.policy,
        None => in_force,
    };
    let link = serve::onlooker(&settings).await?;
    let mut would = Vec::new();
    for what in Remains::ALL {
        let erased = older(&link, what, expiry::kept_for(&policy, what)).await.map_err(EngineError::from)?;
        let name = match what {
            Remains::Tombstones => "tombstones",
            Remains::BreachRecords => "breach records",
        };
        let or_more = erased >= AT_ONCE_MAX;
        would.push(Would::days(name.to_owned(), expiry::days(&policy, what), Some(erased), or_more));
    }
    let kept_days = policy.tombstone_days();
    let now = serve::clock(&settings.file).now();
    let erased = EndedIds::older(&settings.relay.state_dir, kept_days, now)?;
    would.push(Would::days("ids of what ended, of this engine".to_owned(), kept_days, Some(erased), false));
    let kept = Counts::read_only(&link).read().await.map_err(EngineError::from)?;
    let records: Result<Vec<_>, _> = kept.records.values().map(|(_, bytes)| Record::decode(bytes)).collect();
    let months = records.ok().map(|records| {
        let mut book = Book::of(records);
        std::iter::from_fn(|| book.take_old(rules.calendar.local(now), policy.counts_months())).count() as u64
    });
    would.push(Would {
        what: "counts of closed months".to_owned(),
        kept_days: None,
        kept_months: Some(policy.counts_months()),
        erased: months,
        or_more: false,
    });
    for one in &settings.relay.swept {
        let erased = one.old(SystemTime::now()).ok().map(|old| old.len() as u64);
        let what = format!("files in {}", one.folder.display());
        would.push(Would::days(what, one.days, erased, false));
    }
    let ceiling = (policy.payload_ceiling_days() != in_force.payload_ceiling_days())
        .then_some("payload_ceiling_days cannot be changed in a region that works: the engine would keep the former policy");
    cli::print(&match output {
        Output::Json => format!("{}\n", serde_json::json!({ "would_erase": would, "refused": ceiling })),
        Output::Text => {
            let mut text = String::new();
            for one in &would {
                let Some(erased) = one.erased else {
                    let _ = writeln!(text, "{:<40} cannot be read", one.what);
                    continue;
                };
                let more = if one.or_more { " or more" } else { "" };
                let _ = writeln!(
                    text,
                    "{:<40} {:>8}{more} older than {} would be erased",
                    one.what,
                    erased,
                    one.kept()
                );
            }
            text.push_str(
                "Nothing was changed. What carries a person goes by the law and not by these settings.\n",
            );
            if let Some(problem) = ceiling {
                let _ = writeln!(text, "Refused: {problem}.");
            }
            text
        }
    });
    Ok(if ceiling.is_some() { Code::Refused } else { Code::Fine })
}
