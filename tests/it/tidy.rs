//! What must be absent, and where the few exceptions are. Each check reads the tree as text and is one test.
//!
//! A check is a function from one file to what is wrong in it; `planted` holds a fault for each and sees it found.

mod links;
mod planted;
mod rust;
mod tree;

use std::fs;

use links::points_nowhere;
use rust::{attributes, blanked, has_word, std_modules};
use tree::{ADAPTERS, Dependency, File, Finding, TREE, numbered, root};

/// The folders that the root may have, besides those that begin with a dot.
const TOP_LEVEL: &[&str] =
    &["engine", "adapters", "schemas", "simulations", "tests", "docs", "deploy", "target"];

/// The rooms without IO, clock and dice.
const PURE: &[&str] = &[
    "engine/counts/",
    "engine/workflow/",
    "engine/relay/",
    "engine/journal/",
    "adapters/casework/",
    "schemas/",
];

/// The files that take personal text out of its type, outside of tests.
const EXPOSERS: &[&str] = &[
    // Into the plain bytes of a seal, which are wiped, and into what is written of invented people.
    "schemas/src/letter.rs",
    "schemas/src/person.rs",
    "schemas/src/report.rs",
    // To count years and to compare names; what is kept of them is wiped and cannot be printed.
    "adapters/casework/src/age.rs",
    "adapters/casework/src/names.rs",
    "adapters/casework/src/names/traces.rs",
    // To the BRP, where it came from: the question about a household, in a buffer that is wiped.
    "adapters/brp/src/questions.rs",
    // Into the municipality's own register of its own pupils, which is there to hold them; no signal comes by there.
    "adapters/register/src/columns.rs",
    // To the one contact who opened it, on the one page that shows it; wiped, and kept by nobody.
    "adapters/portal/src/letter.rs",
    // To the one person who must read it, on that person's screen; wiped, and past every buffer that is not.
    "engine/hwc/src/roles/reading.rs",
    // To the one person who must decide, on that person's page; wiped with the page when it was sent.
    "adapters/desk/src/naming.rs",
    // The people of a simulated world, who are all invented.
    "simulations/world/src/truth.rs",
];

const LINES_MAX: usize = 600;
const MAP_LINES_MAX: usize = 250;
const RULES: std::ops::RangeInclusive<u8> = 1..=30;

// The rooms.

#[test]
fn inside_the_engine_only_hwc_knows_an_adapter() {
    keep(
        knows_an_adapter,
        "An engine that knows an organisation's adapter cannot be swapped from under it, and may come to see what it \
         carries. Put the two together in engine/hwc.",
    );
}

#[test]
fn only_jetstream_names_the_client_library() {
    keep(
        names_the_client_library,
        "What the broker's client library happens to do stays behind hwc-jetstream. Add what you miss there.",
    );
}

#[test]
fn the_pure_rooms_have_no_io_no_clock_and_no_dice() {
    keep(
        is_impure,
        "The law, the driver and casework give the same answer to the same arguments, so that a simulated world drives \
         the very code that runs in production. Take the time, the chance or the bytes as an argument.",
    );
}

#[test]
fn the_rooms_that_carry_ciphertexts_cannot_open_one() {
    keep(
        could_open,
        "The engine carries what it cannot read. Seals are made and opened by the organisations, in adapter-kit.",
    );
}

#[test]
fn no_adapter_knows_the_law_the_driver_or_the_journal() {
    keep(
        looks_up,
        "An organisation knows its six doors and nothing of how the engine decides or remembers. What both need is a \
         word of hwc-schemas.",
    );
}

#[test]
fn every_crate_has_the_workspaces_lints() {
    keep(goes_without_lints, "Write it as every other crate does: [lints], then workspace = true.");
}

#[test]
fn the_root_has_only_its_fixed_folders() {
    let mut strangers = Vec::new();
    for entry in fs::read_dir(root()).unwrap().map(Result::unwrap) {
        let name = entry.file_name().to_string_lossy().into_owned();
        let known = name.starts_with('.') || TOP_LEVEL.contains(&name.as_str());
        if entry.path().is_dir() && !known {
            strangers.push(name);
        }
    }
    assert_eq!(
        strangers, [""; 0],
        "The root's folders are fixed; each thing has its place below one of {TOP_LEVEL:?}."
    );
}

// What must not be said.

#[test]
fn personal_text_leaves_its_type_only_in_the_listed_files() {
    keep(
        exposes,
        "Here a name or a date of birth becomes plain text. Before you add the file to EXPOSERS: could it compare \
         without seeing, as PersonalText does? Can what it makes be printed, stored or sent unsealed? Is it wiped when \
         dropped? Whoever reads your change will ask the same.",
    );
    let stale: Vec<_> = EXPOSERS
        .iter()
        .filter(|path| !TREE.iter().any(|file| file.path == **path && takes_out(file)))
        .collect();
    assert_eq!(stale, [&""; 0], "EXPOSERS lists files that expose nothing any more; take them off the list.");
}

#[test]
fn invented_people_are_revealed_only_by_the_program() {
    keep(
        reveals,
        "Revealing writes a child in plain words. It is for datasets of invented people, and only the program knows \
         that a dataset is one.",
    );
}

#[test]
fn the_log_is_set_up_in_one_place_only() {
    keep(
        sets_up_a_log,
        "One formatter, one filter, one program that turns it on: another way to print is another way to leak. Tests \
         read the program's own log file.",
    );
}

#[test]
fn no_span_takes_its_functions_arguments_along() {
    keep(
        instruments_everything,
        "#[instrument] prints every argument of the function. Write #[instrument(skip_all)] and name the fields.",
    );
}

#[test]
fn no_file_names_a_place_on_somebodys_computer() {
    keep(
        names_a_place,
        "It means nothing to anybody else. Write a path from the root of the repository, or one that the reader sets.",
    );
}

// Style.

#[test]
fn no_lint_is_switched_off_in_passing() {
    keep(
        allows,
        "Mend the cause. If a lint is wrong for everybody, the workspace's Cargo.toml says so, with its reason.",
    );
}

#[test]
fn nothing_is_left_unfinished() {
    keep(is_unfinished, "Finish it, or take it out and write an issue.");
}

#[test]
fn there_is_no_unsafe_code() {
    keep(
        is_unsafe,
        "Nothing here needs it: the compiler's promise that memory is sound is part of the threat model.",
    );
}

#[test]
fn every_source_file_can_be_read_in_one_sitting() {
    keep(
        is_too_long,
        "Over 600 lines nobody sees the whole. Split it where it has two subjects; a map has 250 at most.",
    );
}

#[test]
fn the_rules_are_all_there() {
    let rules = TREE.iter().find(|file| file.path == "docs/rules.md");
    let rules = rules.map_or("", |file| file.text.as_str());
    let missing: Vec<_> =
        RULES.filter(|n| !rules.lines().any(|line| line.starts_with(&format!("| R{n} |")))).collect();
    assert_eq!(
        missing, [0; 0],
        "docs/rules.md is what code, tests and texts refer to: each rule has a row of its own."
    );
}

#[test]
fn the_glossary_names_what_the_code_names() {
    let glossary = TREE.iter().find(|file| file.path == "docs/glossary.md");
    let named = glossary.map_or_else(Vec::new, |file| in_the_last_column(&file.text));
    assert!(named.len() > 100, "docs/glossary.md was not read");
    let rooms = ["schemas/", "engine/", "adapters/"];
    let said = |file: &&File| file.is_rust() && rooms.iter().any(|room| file.path.starts_with(room));
    let code: Vec<&File> = TREE.iter().filter(said).collect();
    let unknown: Vec<_> =
        named.into_iter().filter(|name| !code.iter().any(|file| has_word(&file.text, name))).collect();
    assert_eq!(unknown, [""; 0], "docs/glossary.md gives names that the code does not have (any more).");
}

#[test]
fn what_a_text_points_to_is_there() {
    keep(
        points_nowhere,
        "Whoever follows it stands before nothing. Paths are from the root; a heading's address is its words, small, with \
         hyphens.",
    );
}

/// The last part of every name between backticks in the last column of a text's tables.
fn in_the_last_column(text: &str) -> Vec<&str> {
    let cells = text.lines().filter_map(|line| line.strip_suffix(" |")?.rsplit(" | ").next());
    let names = cells.flat_map(|cell| cell.split('`').skip(1).step_by(2));
    names.filter_map(|name| name.rsplit("::").next()).collect()
}

/// Runs a check over the tree; a failure names each place, then says why it matters.
fn keep(check: fn(&File) -> Vec<Finding>, why: &str) {
    let found: Vec<_> = TREE.iter().flat_map(check).collect();
    let places: Vec<_> =
        found.iter().map(|one| format!("  {}:{}: {}", one.path, one.line, one.what)).collect();
    assert!(found.is_empty(), "\n{}\n{why}\n", places.join("\n"));
}

// The checks.

fn knows_an_adapter(file: &File) -> Vec<Finding> {
    if !file.path.starts_with("engine/") || file.path == "engine/hwc/Cargo.toml" {
        return Vec::new();
    }
    file.dependencies(|known| ADAPTERS.iter().any(|adapter| adapter == known.name))
}

fn names_the_client_library(file: &File) -> Vec<Finding> {
    // A test may listen in on the wire, behind the back of the room that it tests.
    let exempt = ["engine/jetstream/", "tests/"].iter().any(|room| file.path.starts_with(room));
    if exempt || file.path == "Cargo.toml" {
        return Vec::new();
    }
    let of_tests = |known: &Dependency<'_>| !known.normal && file.path == "engine/hwc/Cargo.toml";
    let mut found = file.dependencies(|known| known.name == "async-nats" && !of_tests(known));
    found.extend(file.words(&file.code(), &["async_nats"]));
    found
}

fn is_impure(file: &File) -> Vec<Finding> {
    const CRATES: &[&str] = &["tokio", "async-nats", "rand", "getrandom"];
    const MODULES: &[&str] = &["env", "fs", "net", "os", "process", "thread"];
    const WORDS: &[&str] = &[
        "SystemTime",
        "Instant",
        "Timestamp::now",
        "Zoned::now",
        "new_v4",
        "now_v7",
        "print!",
        "println!",
        "eprint!",
        "eprintln!",
        "tokio",
        "async_nats",
        "rand",
        "getrandom",
    ];
    let Some(room) = PURE.iter().find(|room| file.path.starts_with(**room)) else { return Vec::new() };
    let mut found = file.dependencies(|known| known.normal && CRATES.contains(&known.name));
    if file.path.starts_with(&format!("{room}src/")) {
        let shipped = file.shipped();
        found.extend(file.words(&shipped, WORDS));
        let modules = std_modules(&shipped).into_iter().filter(|(_, module)| MODULES.contains(module));
        found.extend(modules.map(|(line, module)| file.finding(line, format!("std::{module}"))));
    }
    found
}

fn could_open(file: &File) -> Vec<Finding> {
    let carries = ["workflow", "relay", "journal", "jetstream"].iter();
    let carries = carries.map(|room| format!("engine/{room}/Cargo.toml")).any(|path| path == file.path);
    file.dependencies(|known| carries && known.normal && known.name == "hwc-vault")
}

fn looks_up(file: &File) -> Vec<Finding> {
    if !file.path.starts_with("adapters/") {
        return Vec::new();
    }
    file.dependencies(|known| ["hwc-workflow", "hwc-relay", "hwc-journal"].contains(&known.name))
}

fn goes_without_lints(file: &File) -> Vec<Finding> {
    if !file.is_manifest() || file.path == "Cargo.toml" {
        return Vec::new();
    }
    let mut lines = file.text.lines().map(str::trim).skip_while(|line| *line != "[lints]").skip(1);
    let has = lines.find(|line| !line.is_empty() && !line.starts_with('#')) == Some("workspace = true");
    if has {
        Vec::new()
    } else {
        vec![file.finding(file.text.lines().count(), "no workspace lints up to here")]
    }
}

fn takes_out(file: &File) -> bool {
    !file.words(&file.shipped(), &["expose"]).is_empty()
}

fn exposes(file: &File) -> Vec<Finding> {
    if EXPOSERS.contains(&file.path.as_str()) { Vec::new() } else { file.words(&file.shipped(), &["expose"]) }
}

fn reveals(file: &File) -> Vec<Finding> {
    let may = ["schemas/", "engine/hwc/"].iter().any(|room| file.path.starts_with(room));
    if may { Vec::new() } else { file.words(&file.shipped(), &["reveal"]) }
}

fn sets_up_a_log(file: &File) -> Vec<Finding> {
    if file.path.starts_with("engine/telemetry/") || file.path == "Cargo.toml" {
        return Vec::new();
    }
    let mut found = file.dependencies(|known| known.name == "tracing-subscriber");
    let code = file.code();
    found.extend(file.words(&code, &["tracing_subscriber", "set_global_default"]));
    if !file.path.starts_with("engine/hwc/") && !file.words(&code, &["hwc_telemetry"]).is_empty() {
        found.extend(file.words(&code, &["set_up"]));
    }
    found
}

fn instruments_everything(file: &File) -> Vec<Finding> {
    let code = file.code();
    let attributes = attributes(&code).into_iter();
    attributes
        .filter(|(_, text)| has_word(text, "instrument") && !has_word(text, "skip_all"))
        .map(|(line, _)| file.finding(line, "#[instrument without skip_all"))
        .collect()
}

fn names_a_place(file: &File) -> Vec<Finding> {
    // Put together here, so that this file does not name them itself.
    let places = ["work", "root", "home", "Users"].map(|folder| format!("/{folder}/"));
    let begins = |before: Option<char>| !before.is_some_and(|c| c.is_alphanumeric() || "._-~}".contains(c));
    let mut found = Vec::new();
    for (line, text) in numbered(&file.text) {
        for place in &places {
            if text.match_indices(place.as_str()).any(|(at, _)| begins(text[..at].chars().next_back())) {
                found.push(file.finding(line, place.clone()));
            }
        }
    }
    found
}

fn allows(file: &File) -> Vec<Finding> {
    let code = file.code();
    let off = attributes(&code).into_iter().filter(|(_, text)| has_word(text, "allow("));
    off.map(|(line, _)| file.finding(line, "#[allow(")).collect()
}

fn is_unfinished(file: &File) -> Vec<Finding> {
    let mut found = file.words(&file.code(), &["todo!", "unimplemented!", "dbg!"]);
    if file.is_rust() {
        found.extend(file.words(&blanked(&file.text, false), MARKS));
    } else if ["py", "sh", "toml", "yml"].contains(&file.kind()) {
        found.extend(file.words(&file.text, MARKS));
    }
    let code = file.code();
    let ignored = attributes(&code).into_iter().filter(|(_, text)| has_word(text, "ignore"));
    found.extend(ignored.map(|(line, _)| file.finding(line, "#[ignore]")));
    found
}

/// What people write at a place that they mean to come back to.
const MARKS: &[&str] = &["FIXME", "XXX"];

fn is_unsafe(file: &File) -> Vec<Finding> {
    file.words(&file.code(), &["unsafe"])
}

fn is_too_long(file: &File) -> Vec<Finding> {
    let most = if file.path == "ARCHITECTURE.md" {
        MAP_LINES_MAX
    } else if ["rs", "py"].contains(&file.kind()) {
        LINES_MAX
    } else {
        return Vec::new();
    };
    let lines = file.text.lines().count();
    if lines > most { vec![file.finding(lines, format!("{lines} lines"))] } else { Vec::new() }
}
