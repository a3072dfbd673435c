//! Refusal codes and their pages, in step: each code has a page that says what a reader needs, and no page is without a code.

#![cfg(test)]

use std::{collections::BTreeSet, fs, path::Path};

use hwc_schemas::{
    ask::Told,
    message,
    wire::{Answer, Fetched, Refusal, limits},
};

const HEADINGS: [&str; 6] = [
    "What it means",
    "To whom it matters",
    "What to do",
    "Whether to try again",
    "Example",
    "The rule behind it",
];

/// Not a refusal, but it has a page.
const TRY_LATER: &str = "try_later";

fn folder() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/refusals"))
}

fn page(name: &str) -> String {
    let path = folder().join(format!("{name}.md"));
    fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn codes() -> BTreeSet<String> {
    Refusal::ALL.iter().map(|refusal| refusal.code().to_owned()).chain([TRY_LATER.to_owned()]).collect()
}

/// A page's text under a heading.
fn part<'a>(page: &'a str, heading: &str) -> &'a str {
    let after = page.split_once(&format!("\n## {heading}\n")).map_or("", |(_, after)| after);
    after.split("\n## ").next().unwrap_or_default().trim()
}

/// The JSON examples of a page, in their order.
fn examples(page: &str) -> Vec<&str> {
    part(page, "Example").split("```json\n").skip(1).filter_map(|rest| rest.split("\n```").next()).collect()
}

#[test]
fn every_code_has_a_page_and_every_page_a_code() {
    let pages: BTreeSet<String> = fs::read_dir(folder())
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter(|name| name != "README.md")
        .map(|name| name.strip_suffix(".md").unwrap_or(&name).to_owned())
        .collect();
    assert_eq!(pages, codes());
    let index = page("README");
    for code in codes() {
        assert!(index.contains(&format!("[`{code}`]({code}.md)")), "the index does not name {code}");
    }
}

#[test]
fn every_page_says_what_a_reader_needs_in_the_same_order() {
    for code in codes() {
        let page = page(&code);
        assert_eq!(page.lines().next(), Some(format!("# `{code}`").as_str()));
        let headings: Vec<_> = page.lines().filter_map(|line| line.strip_prefix("## ")).collect();
        assert_eq!(headings, HEADINGS, "{code}");
        for heading in HEADINGS {
            assert!(part(&page, heading).len() > 20, "{code}: {heading} says nothing");
        }
    }
}

#[test]
fn the_examples_are_what_the_wire_says() {
    for refusal in Refusal::ALL {
        let page = page(refusal.code());
        let examples = examples(&page);
        // What is heard at the door for questions alone.
        if let [told] = examples[..] {
            assert_eq!(message::read(told.as_bytes()), Ok(Told::Refused { refusal }));
            assert_eq!(serde_json::to_string(&Told::Refused { refusal }).unwrap(), told);
            continue;
        }
        let [answer, fetched] = examples[..] else { panic!("{}: {examples:?}", refusal.code()) };
        assert_eq!(message::read(answer.as_bytes()), Ok(Answer::Refused { refusal }));
        assert_eq!(serde_json::to_string(&Answer::Refused { refusal }).unwrap(), answer);
        assert_eq!(message::read(fetched.as_bytes()), Ok(Fetched::Refused { refusal }));
    }
    let page = page(TRY_LATER);
    let [answer, fetched] = examples(&page)[..] else { panic!("{TRY_LATER}") };
    assert_eq!(message::read(answer.as_bytes()), Ok(Answer::TryLater));
    assert_eq!(message::read(fetched.as_bytes()), Ok(Fetched::TryLater));
}

#[test]
fn a_page_says_of_the_task_what_the_code_does_with_it() {
    let index = page("README");
    for refusal in Refusal::ALL {
        let page = page(refusal.code());
        let again = part(&page, "Whether to try again");
        let (goes, stays) =
            (again.contains("**The task may be let go**"), again.contains("**The task stays**"));
        assert_eq!((goes, stays), (refusal.ends_the_task(), !refusal.ends_the_task()), "{}", refusal.code());
        let row = index.lines().find(|line| line.contains(&format!("]({}.md)", refusal.code()))).unwrap();
        assert_eq!(row.ends_with("| may be let go |"), refusal.ends_the_task(), "{row}");
    }
}

#[test]
fn every_page_names_rules_that_there_are() {
    let rules = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/rules.md")).unwrap();
    for code in codes() {
        let page = page(&code);
        let behind = part(&page, "The rule behind it");
        let named: Vec<_> = behind
            .split(|c: char| !c.is_ascii_alphanumeric())
            .filter(|word| {
                word.strip_prefix('R')
                    .is_some_and(|number| !number.is_empty() && number.bytes().all(|b| b.is_ascii_digit()))
            })
            .collect();
        assert!(!named.is_empty(), "{code} names no rule");
        for rule in named {
            assert!(rules.contains(&format!("| {rule} |")), "{code} names {rule}, which is no rule");
        }
    }
}

#[test]
fn the_bounds_that_the_pages_name_are_the_bounds_that_are_kept() {
    let index = page("README");
    for bound in [
        format!("a message {} MiB", limits::MESSAGE_BYTES_MAX / 1024 / 1024),
        format!("a sealed payload {} KiB", limits::SEALED_BYTES_MAX / 1024),
        format!("{} children", limits::SIGNALS_PER_INCIDENT_MAX),
        format!("{} rounds", limits::ROUNDS_MAX),
    ] {
        assert!(index.contains(&bound), "the index does not say: {bound}");
    }
}
