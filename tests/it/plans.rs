//! A plan's dataset replayed on the real broker: every child ends as it did in virtual time.

use std::{collections::BTreeMap, fs, path::Path};

use crate::ground::{hwc, lines};

/// Small, with holidays in it: some signals are held, some withheld, some meet a school's own closed day.
const PLAN: &str = r#"
name = "A fortnight in a village"
[period]
from = "2026-12-08"
days = 14
[region]
size = "village"
[arrivals]
incidents_per_year = 1800
[rates]
enrolment_stale = 0.05
enrolment_secret = 0.05
report_misspelt = 0.1
elsewhere = 0.1
"#;

#[test]
fn the_dataset_of_a_plan_without_people_ends_on_the_real_engine_as_it_did_in_virtual_time() {
    let folder = tempfile::tempdir().unwrap();
    let (plan, out) = (folder.path().join("plan.toml"), folder.path().join("out"));
    fs::write(&plan, PLAN).unwrap();
    let ran = hwc().args(["simulate", "run"]).arg(&plan).arg("--out").arg(&out).output().unwrap();
    assert_eq!(ran.status.code(), Some(0), "{}", String::from_utf8_lossy(&ran.stderr));
    let diary = folder.path().join("diary.jsonl");
    let replayed = hwc().arg("replay").arg(out.join("dataset")).arg("--diary").arg(&diary).output().unwrap();
    assert_eq!(replayed.status.code(), Some(0), "{}", String::from_utf8_lossy(&replayed.stderr));

    let (simulated, real) = (timings(&out), diaries(&out, &diary));
    assert!(simulated.len() > 100, "{}", simulated.len());
    assert_eq!(simulated.len(), real.len());
    for (signal, fate) in &simulated {
        assert_eq!(Some(fate), real.get(signal), "report and signal {signal:?}");
    }
    let ways = simulated.values().map(|fate| (&fate[0], &fate[1])).collect::<std::collections::BTreeSet<_>>();
    assert!(ways.len() >= 6, "too little happened: {ways:?}");
}

/// Outcome, reason, school, and when it was recorded, delivered, acknowledged and purged.
type Fate = [String; 7];

/// What became of every signal in virtual time, by report and signal.
fn timings(out: &Path) -> BTreeMap<(usize, usize), Fate> {
    let text = fs::read_to_string(out.join("timings.csv")).unwrap();
    let mut rows = text.lines().map(|line| line.split(',').collect::<Vec<_>>());
    let header = rows.next().unwrap();
    let row = |fields: Vec<&str>| {
        let field = |name: &str| fields[header.iter().position(|column| *column == name).unwrap()].to_owned();
        let number = |name: &str| field(name).parse().unwrap();
        let fate =
            ["outcome", "reason", "school", "recorded_at", "delivered_at", "acknowledged_at", "purged_at"];
        ((number("report"), number("signal")), fate.map(field))
    };
    rows.map(row).collect()
}

/// The same of a replay: a diary has the signals of a report in the order of their numbers.
fn diaries(out: &Path, diary: &Path) -> BTreeMap<(usize, usize), Fate> {
    let reports = lines(&fs::read_to_string(out.join("dataset/reports.jsonl")).unwrap());
    let numbers: BTreeMap<String, usize> =
        reports.iter().zip(1..).map(|(report, number)| (report["report_id"].to_string(), number)).collect();
    let mut seen: BTreeMap<usize, usize> = BTreeMap::new();
    let mut fates = BTreeMap::new();
    for line in lines(&fs::read_to_string(diary).unwrap()) {
        let report = numbers[&line["report_id"].to_string()];
        let signal = seen.entry(report).or_default();
        *signal += 1;
        let fate =
            ["outcome", "reason", "school", "recorded_at", "delivered_at", "acknowledged_at", "purged_at"];
        let text = |name: &str| line[name].as_str().unwrap_or_default().to_owned();
        fates.insert((report, *signal), fate.map(text));
    }
    fates
}
