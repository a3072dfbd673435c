//! `hwc-model [NAME...]`: makes the checks of these names, or every one, and prints what they found.

use std::{
    io::{self, Write as _},
    process::ExitCode,
    time::Instant,
};

use hwc_model::{Check, Sight, check, long, quick};

fn main() -> ExitCode {
    let names: Vec<String> = std::env::args().skip(1).collect();
    match run(&names) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            let _ = writeln!(io::stderr(), "{error}");
            ExitCode::FAILURE
        }
    }
}

/// Whether all of them found nothing wrong and visited everything.
fn run(names: &[String]) -> Result<bool, Box<dyn std::error::Error>> {
    let all: Vec<Check> = quick().into_iter().chain(long()).collect();
    if let Some(unknown) = names.iter().find(|name| all.iter().all(|one| one.name != **name)) {
        let known: Vec<_> = all.iter().map(|one| one.name).collect();
        return Err(format!("there is no check {unknown:?}; there are {}", known.join(", ")).into());
    }
    let mut good = true;
    for one in all.into_iter().filter(|one| names.is_empty() || names.iter().any(|name| name == one.name)) {
        good &= make(one)?;
    }
    Ok(good)
}

fn make(one: Check) -> Result<bool, Box<dyn std::error::Error>> {
    let mut out = io::stdout();
    writeln!(out, "{}: {}", one.name, one.what)?;
    let began = Instant::now();
    let mut last = began;
    let found = check(one.bounds, None, |depth, states, waiting| {
        if last.elapsed().as_secs() >= 20 {
            last = Instant::now();
            let seconds = began.elapsed().as_secs();
            let _ =
                writeln!(io::stderr(), "  {seconds:>5} s  depth {depth}, {states} states, {waiting} wait");
        }
    })?;
    let seconds = began.elapsed().as_secs_f64();
    writeln!(
        out,
        "  {} states, {} transitions, depth {}, {seconds:.1} s{}",
        found.states,
        found.transitions,
        found.depth,
        if found.complete { "" } else { "; not complete" }
    )?;
    for sight in Sight::ALL {
        writeln!(out, "  {:>12}  {}", found.sights.of(*sight), sight.as_str())?;
    }
    if let Some(wrong) = &found.counterexample {
        writeln!(out, "{wrong}")?;
    }
    Ok(found.complete && found.counterexample.is_none())
}
