//! `hwc audit`: whether an audit log is what was written. It reads a file and nothing else, so it can be asked on another machine.

use std::{path::PathBuf, process::ExitCode};

use clap::Subcommand;
use hwc_logbook::{Head, verify};

use crate::{
    cli::{self, Output},
    exit::{self, Code},
};

/// What `hwc audit` takes.
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Verifies an audit log: nothing was changed, removed, moved or cut off. Ends with 6 if something was. Prints the head: keep it
    /// where whoever writes the log cannot.
    Verify {
        /// The log, as in state/audit.jsonl; its head lies beside it.
        #[arg(value_name = "FILE")]
        file: PathBuf,
        /// A head that was printed before and kept elsewhere: the log must go on from it.
        #[arg(long, value_name = "NUMBER:HASH")]
        head: Option<Head>,
        /// How to print it.
        #[arg(short, long, value_enum, default_value_t = Output::Text)]
        output: Output,
    },
}

/// Runs the command.
pub(crate) fn run(arguments: &Arguments) -> ExitCode {
    let Action::Verify { file, head, output } = &arguments.action;
    match verify(file, *head) {
        Ok(verified) => {
            let (lines, dropped, head) = (verified.lines, verified.dropped_through, verified.head);
            cli::print(&match output {
                Output::Json => {
                    let value = serde_json::json!({
                        "whole": true, "lines": lines, "dropped_through": dropped, "head": head.to_string(),
                    });
                    format!("{value}\n")
                }
                Output::Text => {
                    let dropped = dropped.map_or_else(String::new, |through| {
                        format!("; up to number {through} they were dropped when their time was over")
                    });
                    format!("whole: {lines} lines{dropped}\nhead: {head}\n")
                }
            });
            Code::Fine.into()
        }
        Err(fault) => {
            if matches!(output, Output::Json) {
                cli::print(&format!(
                    "{}\n",
                    serde_json::json!({ "whole": false, "fault": fault.to_string() })
                ));
            }
            exit::say(&format!("{}: {fault}", file.display()));
            Code::Critical.into()
        }
    }
}
