//! Whether the checks see anything: each finds what is planted for it, and leaves alone what only looks like it.

use super::{
    ADAPTERS, File, Finding, TREE, allows, could_open, exposes, goes_without_lints, instruments_everything,
    is_impure, is_too_long, is_unfinished, is_unsafe, knows_an_adapter, looks_up, names_a_place,
    names_the_client_library, points_nowhere, reveals, rust::blanked, sets_up_a_log,
};

type Check = fn(&File) -> Vec<Finding>;

fn found(check: Check, path: &str, text: &str) -> Vec<usize> {
    let file = File { path: path.to_owned(), text: text.to_owned() };
    check(&file).into_iter().map(|one| one.line).collect()
}

/// A check, a place, and a text with a fault in its last line.
const FAULTS: &[(Check, &str, &str)] = &[
    (knows_an_adapter, "engine/relay/Cargo.toml", "[dependencies]\nhwc-police.workspace = true"),
    (knows_an_adapter, "engine/vault/Cargo.toml", "[dev-dependencies]\nhwc-school = { path = \"x\" }"),
    (knows_an_adapter, "engine/vault/Cargo.toml", "[dependencies]\nx = { package = \"hwc-casework\" }"),
    (knows_an_adapter, "engine/vault/Cargo.toml", "\n[dependencies.hwc-letterbox]"),
    (names_the_client_library, "engine/hwc/Cargo.toml", "[dependencies]\nasync-nats.workspace = true"),
    (names_the_client_library, "engine/relay/Cargo.toml", "[dev-dependencies]\nasync-nats.workspace = true"),
    (names_the_client_library, "adapters/police/src/send.rs", "\nuse async_nats as broker;"),
    (is_impure, "engine/relay/Cargo.toml", "[dependencies]\ntokio = \"1\""),
    (is_impure, "schemas/Cargo.toml", "[target.'cfg(unix)'.dependencies]\nrand = \"0.10\""),
    (is_impure, "engine/workflow/src/law.rs", "//! Now.\nuse std::time::{Duration, SystemTime};"),
    (is_impure, "engine/workflow/src/law.rs", "use std::{\n    fmt,\n    fs::File};"),
    (is_impure, "engine/relay/src/desk.rs", "\nlet now = jiff::Timestamp::now();"),
    (is_impure, "adapters/casework/src/age.rs", "#[cfg(test)]\nmod tests;\nprintln!(\"{years}\");"),
    (could_open, "engine/jetstream/Cargo.toml", "[dependencies]\nhwc-vault.workspace = true"),
    (looks_up, "adapters/school/Cargo.toml", "[dependencies]\nhwc-workflow.workspace = true"),
    (goes_without_lints, "engine/vault/Cargo.toml", "[package]"),
    (goes_without_lints, "engine/vault/Cargo.toml", "[lints.rust]"),
    (exposes, "adapters/school/src/lib.rs", "\nlet name = child.surname.expose();"),
    (exposes, "engine/hwc/src/demo.rs", "\nlet names = all.map(PersonalText::expose);"),
    (reveals, "adapters/school/src/lib.rs", "\nlet shown = child.reveal(&invented);"),
    (sets_up_a_log, "adapters/school/src/lib.rs", "\nuse hwc_telemetry::set_up;"),
    (sets_up_a_log, "engine/hwc/src/main.rs", "\ntracing_subscriber::fmt::init();"),
    (sets_up_a_log, "tests/Cargo.toml", "[dev-dependencies]\ntracing-subscriber.workspace = true"),
    (instruments_everything, "engine/hwc/src/engine.rs", "\n#[tracing::instrument(level = \"debug\")]"),
    (instruments_everything, "engine/hwc/src/engine.rs", "\n#[instrument]"),
    (allows, "schemas/src/ids.rs", "\n#![allow(missing_docs)]"),
    (allows, "schemas/src/ids.rs", "\n#[cfg_attr(test, allow(dead_code))]"),
    (is_unfinished, "schemas/src/ids.rs", "\n    _ => todo!(),"),
    (is_unfinished, "schemas/src/ids.rs", "\nlet id = dbg!(id);"),
    (is_unfinished, "schemas/src/ids.rs", "\n#[ignore = \"slow\"]"),
    (is_unfinished, "engine/vault/src/seal.rs", "\n// FIXME: later"),
    (is_unfinished, "tests/oracle/check.py", "\n# XXX later"),
    (is_unsafe, "engine/vault/src/seal.rs", "\nlet byte = unsafe { *pointer };"),
    (points_nowhere, "docs/desk.md", "[rules](rules.md)\n[rules](rules.markdown)"),
    (points_nowhere, "schemas/README.md", "\n[rules](../docs/rules.md#no-such-rule)"),
    (points_nowhere, "docs/rules.md", "# Rules\n[here](#no-such-rule)"),
    (points_nowhere, "README.md", "`engine/vault/SEAL.md`\n`engine/vault/WAX.md`"),
    (points_nowhere, "engine/relay/src/lib.rs", "//! (`docs/rules.md`)\n//! See docs/ruler.md."),
];

/// A check, a place, and a text that is fine.
const FINE: &[(Check, &str, &str)] = &[
    (knows_an_adapter, "engine/hwc/Cargo.toml", "[dependencies]\nhwc-police.workspace = true"),
    (
        knows_an_adapter,
        "engine/vault/Cargo.toml",
        "[dependencies]\n# not hwc-police\nhwc-schemas.workspace = true",
    ),
    (names_the_client_library, "engine/jetstream/src/link.rs", "use async_nats::Client;"),
    (names_the_client_library, "engine/hwc/Cargo.toml", "[dev-dependencies]\nasync-nats.workspace = true"),
    (names_the_client_library, "engine/broker/src/lib.rs", "//! Unlike async_nats it has no client."),
    (is_impure, "engine/workflow/Cargo.toml", "[dev-dependencies]\nrand = \"0.10\""),
    (
        is_impure,
        "engine/relay/src/lib.rs",
        "//! No tokio.\nuse std::{fmt, time::Duration};\nlet operand = \"rand\";",
    ),
    (is_impure, "engine/relay/src/lib.rs", "#[cfg(test)]\nmod tests {\n    use std::fs;\n    fn f() {}\n}"),
    (is_impure, "engine/journal/tests/frozen.rs", "use std::fs;"),
    (is_impure, "engine/vault/src/file.rs", "use std::fs;"),
    (could_open, "adapters/adapter-kit/Cargo.toml", "[dependencies]\nhwc-vault.workspace = true"),
    (goes_without_lints, "engine/vault/Cargo.toml", "[lints]\n\n# Ours.\nworkspace = true"),
    (exposes, "schemas/src/letter.rs", "let name = child.surname.expose();"),
    (exposes, "adapters/police/src/reports.rs", "#[cfg(test)]\nmod tests { fn f() { x.expose(); } }"),
    (exposes, "engine/hwc/src/demo.rs", "let exposed = 1; // expose"),
    (sets_up_a_log, "engine/hwc/src/cli.rs", "hwc_telemetry::set_up(to, \"info\")"),
    (sets_up_a_log, "engine/broker/src/broker.rs", "fn set_up() {}"),
    (
        instruments_everything,
        "engine/hwc/src/engine.rs",
        "#[instrument(\n    skip_all,\n    fields(round),\n)]",
    ),
    (instruments_everything, "engine/hwc/src/engine.rs", "future.instrument(span).await"),
    (allows, "schemas/src/ids.rs", "// #[allow(x)]\nfn allow(x: u8) {}\nlet text = \"#[allow(x)]\";"),
    (is_unfinished, "schemas/src/ids.rs", "/// ```ignore\nlet mark = \"todo!\";"),
    (
        is_unsafe,
        "engine/broker/src/watcher.rs",
        "//! Without unsafe code.\nlet unsafe_looking = r#\"unsafe\"#;",
    ),
    (
        points_nowhere,
        "schemas/README.md",
        "[`rules`](../docs/rules.md#which-children-police-veilig-thuis) `docs/decisions/0002` `docs/`\n```\n[x](y)\n```",
    ),
    (points_nowhere, "README.md", "[elsewhere](https://a.example/docs/x.md) `[x](y)` `target/release`"),
];

#[test]
fn every_check_finds_what_is_planted() {
    for (check, path, text) in FAULTS {
        assert_eq!(found(*check, path, text), [text.lines().count()], "{path}:\n{text}");
    }
}

#[test]
fn no_check_cries_wolf() {
    for (check, path, text) in FINE {
        assert_eq!(found(*check, path, text), [0; 0], "{path}:\n{text}");
    }
}

#[test]
fn a_place_on_somebodys_computer_is_found_wherever_a_path_can_begin() {
    let home = ["", "home", ""].join("/");
    for text in [format!("{home}x"), format!("a {home}x"), format!("\"{home}x\""), format!("file://{home}x")]
    {
        assert_eq!(found(names_a_place, "docs/a.md", &text), [1], "{text}");
    }
    for text in [format!("src{home}x"), format!("..{home}x"), format!("$DIR}}{home}x"), "home/x".to_owned()] {
        assert_eq!(found(names_a_place, "docs/a.md", &text), [0; 0], "{text}");
    }
}

#[test]
fn a_file_is_too_long_with_its_first_line_too_many() {
    for (path, most) in
        [("engine/hwc/src/main.rs", 600), ("tests/oracle/oracle.py", 600), ("ARCHITECTURE.md", 250)]
    {
        assert_eq!(found(is_too_long, path, &"\n".repeat(most)), [0; 0]);
        assert_eq!(found(is_too_long, path, &"\n".repeat(most + 1)), [most + 1]);
    }
    assert_eq!(found(is_too_long, "docs/rules.md", &"\n".repeat(1000)), [0; 0]);
}

#[test]
fn code_is_told_from_comments_and_texts() {
    let code = r##"let a = "x // \" y"; /* b /* c */ d */ let e = '"'; let f: &'g str = br#"h" "#; i(b'\'', '\\'); // j"##;
    let left: String = blanked(code, true).split_whitespace().collect();
    assert_eq!(left, "leta=;lete=;letf:&'gstr=;i(b,);");
    assert_eq!(blanked(code, true).len(), code.len());
    assert!(blanked(code, false).contains("// j") && blanked(code, false).contains("/* c */"));
}

#[test]
fn the_tree_that_is_checked_is_the_whole_tree() {
    for path in
        ["Cargo.toml", "LICENSE", ".ci/run", "docs/rules.md", "schemas/src/person.rs", "tests/it/tidy.rs"]
    {
        assert!(TREE.iter().any(|file| file.path == path), "{path} was not read");
    }
    assert_eq!(TREE.iter().filter(|file| file.path.starts_with("target/")).count(), 0);
    assert!(ADAPTERS.len() >= 7 && ADAPTERS.contains(&"hwc-adapter-kit".to_owned()), "{ADAPTERS:?}");
    assert!(TREE.iter().filter(|file| file.is_manifest()).count() > ADAPTERS.len() + 8);
}
