use serde_json::Value;

use super::{page, table::As};
use crate::testing::example;

/// Every element that says it is a figure of the summary: its path, how it is shown, and what it says.
fn figures(html: &str) -> Vec<(String, String, String)> {
    html.split("<span data-of=\"")
        .skip(1)
        .map(|rest| {
            let (path, rest) = rest.split_once("\" data-as=\"").unwrap();
            let (shown, rest) = rest.split_once("\">").unwrap();
            let (text, _) = rest.split_once("</span>").unwrap();
            (path.to_owned(), shown.to_owned(), text.to_owned())
        })
        .collect()
}

#[test]
fn every_figure_on_the_page_is_that_of_the_summary() {
    let summary = example();
    let json: Value = serde_json::to_value(&summary).unwrap();
    let html = page(&summary, "name = \"x\"\n", "hwc simulate run x.toml");
    let figures = figures(&html);
    assert!(figures.len() > 100, "{}", figures.len());
    let all = [As::Count, As::Share, As::Length, As::Milli, As::Moment, As::Text];
    for (path, shown, text) in figures {
        let value = json.pointer(&path).unwrap_or_else(|| panic!("{path} is not in the summary"));
        assert!(!value.is_null() && !value.is_object() && !value.is_array(), "{path}");
        let shown = all.into_iter().find(|one| one.name() == shown).unwrap();
        assert_eq!(text, shown.show(value), "{path}");
    }
    // No cell of a table holds a figure from elsewhere.
    for cell in html.split("<td").skip(1) {
        assert!(cell.starts_with(" class=\"n\"><span data-of="), "{cell:.60}");
    }
}

#[test]
fn the_page_is_well_formed_and_asks_nobody_for_anything() {
    let html = page(&example(), "text = \"<script>&\"\n", "hwc");
    let mut open: Vec<&str> = Vec::new();
    let mut ids = std::collections::BTreeSet::new();
    let body = html.strip_prefix("<!DOCTYPE html>\n").unwrap();
    for tag in body.split('<').skip(1) {
        let (tag, _) = tag.split_once('>').unwrap();
        let name = tag.trim_start_matches('/').split([' ', '/', '\n']).next().unwrap();
        if let Some(rest) = tag.split_once(" id=\"") {
            assert!(ids.insert(rest.1.split('"').next().unwrap().to_owned()), "an id twice: {tag}");
        }
        if name == "meta" || tag.ends_with('/') {
            continue;
        }
        if tag.starts_with('/') {
            assert_eq!(open.pop(), Some(name), "{tag}");
        } else {
            open.push(name);
        }
    }
    assert!(open.is_empty(), "{open:?}");
    for outside in ["http:", "https:", "<script", "<link", "<img", "@import", "url(", "src=", "javascript"] {
        assert!(!html.contains(outside), "{outside}");
    }
    assert!(html.contains("&lt;script&gt;&amp;"));
}

#[test]
fn every_picture_has_a_title_a_description_and_a_table_beside_it() {
    let html = page(&example(), "", "");
    let sections: Vec<&str> = html.split("<section id=").skip(1).filter(|one| one.contains("<svg")).collect();
    assert_eq!(sections.len(), 7);
    for section in sections {
        assert!(section.contains("<table>"), "{section:.40}");
        let count = |what: &str| section.matches(what).count();
        assert_eq!(count("<svg"), count("<desc "));
        assert_eq!(count("<svg"), count("role=\"img\" aria-labelledby="));
        assert_eq!(count("<figure>") * 2, count("<svg"));
    }
}

#[test]
fn the_page_says_that_everything_is_invented() {
    assert!(page(&example(), "", "").contains("Everything here is invented."));
}
