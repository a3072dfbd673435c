//! The alerts and the dashboard speak of metrics that exist, and each alert has its page in the runbook.

use std::{collections::BTreeSet, fs};

use crate::ground::root;

fn text(path: &str) -> String {
    fs::read_to_string(root().join(path)).unwrap()
}

/// The names in a text that begin as our metrics do.
fn metrics(text: &str) -> BTreeSet<&str> {
    let words = text.split(|c: char| !(c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_'));
    let names = words.filter(|word| word.starts_with("hwc_"));
    // What the histogram's own series add to its name.
    names.map(|name| name.trim_end_matches("_bucket").trim_end_matches("_count")).collect()
}

fn alerts(rules: &str) -> Vec<&str> {
    rules.lines().filter_map(|line| line.trim().strip_prefix("- alert: ")).collect()
}

#[test]
fn every_alert_has_a_page_in_the_runbook_that_says_what_it_means_where_to_look_and_what_to_do() {
    let (rules, runbook) = (text("deploy/prometheus/alerts.yml"), text("docs/runbook.md"));
    let alerts = alerts(&rules);
    assert!(alerts.len() > 10, "there is nothing to check");
    for alert in alerts {
        let page =
            runbook.split_once(&format!("\n## {alert}\n")).unwrap_or_else(|| panic!("{alert} has no page")).1;
        let page = page.split("\n## ").next().unwrap();
        for word in ["**Means.**", "**Look.**", "**Do.**"] {
            assert!(page.contains(word), "{alert} does not say {word}");
        }
        assert!(
            rules.contains(&format!("docs/runbook.md#{}", alert.to_lowercase())),
            "{alert} names another page"
        );
    }
}

#[test]
fn every_alert_is_tried() {
    let tried = text("deploy/prometheus/alerts.test.yml") + &text("deploy/prometheus/alerts.days.test.yml");
    for alert in alerts(&text("deploy/prometheus/alerts.yml")) {
        let cases: Vec<_> =
            tried.split("alertname: ").skip(1).filter(|case| case.starts_with(alert)).collect();
        let comes = |case: &&str| !case.lines().next().unwrap().contains("exp_alerts: []");
        assert!(cases.iter().any(comes), "{alert} is never seen to come");
        assert!(!cases.iter().all(comes), "{alert} is never seen to stay away");
    }
}

#[test]
fn alerts_and_dashboard_speak_of_metrics_that_the_telemetry_page_lists() {
    let (rules, dashboard) = (text("deploy/prometheus/alerts.yml"), text("deploy/grafana/region.json"));
    let listed = text("docs/telemetry.md");
    let listed = metrics(&listed);
    for (whose, spoken) in [("alerts.yml", metrics(&rules)), ("region.json", metrics(&dashboard))] {
        let strange: Vec<_> = spoken.difference(&listed).collect();
        assert!(spoken.len() > 10 && strange.is_empty(), "{whose}: {strange:?}");
    }
    assert!(serde_json::from_str::<serde_json::Value>(&dashboard).unwrap()["panels"].is_array());
}
