//! `hwc simulate mutations`: whether the checkers find the bugs that they are there for.

use std::process::ExitCode;

use comfy_table::{Table, presets::NOTHING};
use hwc_world::{Hunt, Mutation};
use serde_json::json;

use crate::{
    cli::{self, Output},
    exit::{self, Code},
};

/// How long to look.
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// Gives up on a bug after so many worlds.
    #[arg(long, default_value_t = 2000, value_name = "N")]
    worlds_max: u64,
    /// The first seed.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// How to print what was found.
    #[arg(short, long, value_enum, default_value_t = Output::Text)]
    output: Output,
}

/// A bug by its name.
pub(super) fn named(name: &str) -> Result<Mutation, String> {
    Mutation::named(name).ok_or_else(|| {
        let all: Vec<_> = Mutation::ALL.iter().map(|mutation| mutation.name()).collect();
        format!("is no planted bug; there are: {}", all.join(", "))
    })
}

/// Plants each.
pub(super) fn run(arguments: &Arguments) -> ExitCode {
    let mut table = Table::new();
    table.load_style(NOTHING);
    table.set_header(["planted bug", "found by", "after worlds", "what it says"]);
    let mut rows = Vec::new();
    let mut all_found = true;
    for mutation in Mutation::ALL {
        let hunt = Hunt {
            first: arguments.seed,
            count: arguments.worlds_max,
            mutation: Some(mutation),
            failures_max: 1,
        };
        let found = match hunt.run(|_| {}) {
            Ok(found) => found,
            Err(error) => return exit::failed(&error.to_string()),
        };
        let first = found.failures.first_key_value().and_then(|(seed, failure)| {
            let violation = failure.violations.first()?;
            Some((seed.saturating_sub(arguments.seed) + 1, violation.checker, violation.what.clone()))
        });
        all_found &= first.is_some();
        let (after, by, says) =
            first.map_or((None, None, None), |(after, by, says)| (Some(after), Some(by), Some(says)));
        rows.push(json!({ "bug": mutation.name(), "found_by": by, "after_worlds": after, "says": says }));
        let after = after.map_or("-".to_owned(), |after| after.to_string());
        table.add_row([
            mutation.name().to_owned(),
            by.unwrap_or("NOT FOUND").to_owned(),
            after,
            says.unwrap_or_default(),
        ]);
    }
    cli::print(&match arguments.output {
        Output::Json => format!("{}\n", json!({ "mutations": rows })),
        Output::Text => format!("{table}\n"),
    });
    if all_found { Code::Fine.into() } else { Code::Failed.into() }
}
