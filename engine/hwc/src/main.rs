//! The program `hwc`: the composition root and the command line. The only place that knows everybody.

mod brp_mock;
mod clearing;
mod cli;
mod counting;
mod daemon;
mod dataset;
mod demo;
mod dev;
mod ended;
mod engine;
mod exam;
mod exit;
mod forget;
mod holdings;
#[cfg(test)]
mod hostile;
mod keys;
mod layout;
mod logging;
mod member;
mod notices;
mod operator;
mod ops;
mod outcome;
mod questions;
mod readiness;
mod region;
mod replay;
mod report;
mod reported;
mod retention;
mod roles;
mod sealed;
mod serve;
mod settings;
mod shifted;
mod shown;
mod simulate;
mod stock;
mod supervised;
mod telling;
mod timeline;
mod trace;
mod watched;
mod waterfall;

use std::process::ExitCode;

use clap::Parser as _;

fn main() -> ExitCode {
    // A core dump would hold what must not be written; if the system will not have it so, there is nothing more to do.
    let none = rustix::process::Rlimit { current: Some(0), maximum: Some(0) };
    let _ = rustix::process::setrlimit(rustix::process::Resource::Core, none);
    // A program that takes dumps in passes over that limit; this it cannot, nor can another process of the same user look in.
    let _ = rustix::process::set_dumpable_behavior(rustix::process::DumpableBehavior::NotDumpable);
    // What a panic says may quote what it stumbled over; where it happened is enough to find it.
    std::panic::set_hook(Box::new(|panic| {
        let place = panic.location().map(ToString::to_string).unwrap_or_default();
        exit::say(&format!("a fault of the program at {place}"));
    }));
    let arguments = cli::Arguments::parse();
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return exit::failed(&format!("no runtime: {error}")),
    };
    runtime.block_on(cli::run(arguments))
}

/// The law as JSON.
fn law_value() -> String {
    let edges = hwc_workflow::law::EDGES.iter().map(|edge| {
        serde_json::json!({
            "from": format!("{:?}", edge.from),
            "on": format!("{:?}", edge.on),
            "to": format!("{:?}", edge.to),
            "by": edge.by,
            "rules": edge.rules,
        })
    });
    edges.collect::<serde_json::Value>().to_string() + "\n"
}

/// The law as a table for people.
fn law_page() -> String {
    let mut table = comfy_table::Table::new();
    table.load_style(comfy_table::presets::NOTHING);
    table.set_header(["in", "happens", "leads to", "decided by", "rules"]);
    for edge in hwc_workflow::law::EDGES {
        table.add_row([
            format!("{:?}", edge.from),
            format!("{:?}", edge.on),
            format!("{:?}", edge.to),
            edge.by.to_owned(),
            edge.rules.join(" "),
        ]);
    }
    format!("{table}\n")
}
