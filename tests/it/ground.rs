//! Shared ground: the built program, datasets, diaries.

use std::{
    collections::BTreeMap,
    fmt::Write as _,
    fs,
    path::{Path, PathBuf},
    process::{Child, Command, Output, Stdio},
};

use serde_json::Value;

/// The repository's root.
pub(crate) fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").canonicalize().unwrap()
}

/// The program under test, away from the developer's own settings.
pub(crate) fn hwc() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_hwc"));
    command.env_remove("HWC_LOG").env_remove("HWC_NATS_SERVER").env_remove("HWC_OTLP");
    command
}

/// A dataset that a test can change: the manual's cases, in a folder of its own.
pub(crate) struct Dataset {
    folder: tempfile::TempDir,
}

impl Dataset {
    /// A copy of the manual's cases.
    pub(crate) fn handbook() -> Self {
        let folder = tempfile::tempdir().unwrap();
        for entry in fs::read_dir(root().join("simulations/handbook")).unwrap() {
            let entry = entry.unwrap();
            fs::copy(entry.path(), folder.path().join(entry.file_name())).unwrap();
        }
        Self { folder }
    }

    /// The manual's cases and so many signals more, which wait at one school over a weekend: a replay that is long enough
    /// to have a middle.
    pub(crate) fn weekend(signals: u32) -> Self {
        let letters = |number: u32| -> String {
            let places = [number / 676 % 26, number / 26 % 26, number % 26];
            places.iter().filter_map(|at| char::from_u32(97 + at)).collect()
        };
        let (mut reports, mut enrolments) = (String::new(), String::new());
        for number in 0..signals {
            let name = letters(number);
            writeln!(enrolments, "0855,{name},,Weekend,2015-01-01,01AA,00,no,,").unwrap();
            let report = serde_json::json!({
                "report_id": format!("W-{number}"), "reported_at": "2026-11-21T10:00:00+01:00",
                "incident": { "occurred_at": "2026-11-20", "kind": "child_abuse", "address": {
                    "postcode": "5099ZZ", "house_number": number + 1, "municipality": "0855" } },
                "children": [{ "given_names": name, "surname": "Weekend", "date_of_birth": "2015-01-01",
                    "presence": "present", "relation": "resident" }],
            });
            writeln!(reports, "{report}").unwrap();
        }
        Self::handbook().adding("reports.jsonl", &reports).adding("enrolments.csv", &enrolments)
    }

    pub(crate) fn path(&self) -> &Path {
        self.folder.path()
    }

    /// Replaces a file.
    pub(crate) fn with(self, name: &str, content: &str) -> Self {
        fs::write(self.path().join(name), content).unwrap();
        self
    }

    /// Adds text to the end of a file.
    pub(crate) fn adding(self, name: &str, more: &str) -> Self {
        let path = self.path().join(name);
        let text = fs::read_to_string(&path).unwrap() + more;
        fs::write(path, text).unwrap();
        self
    }

    /// Starts a replay, to do something to it while it runs.
    pub(crate) fn start(&self, state: &Path, diary: &Path) -> Child {
        let mut command = hwc();
        command.arg("replay").arg(self.path()).arg("--state-dir").arg(state).arg("--diary").arg(diary);
        command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap()
    }

    /// Replays it with a diary.
    pub(crate) fn replay(&self, more: &[&str]) -> Replayed {
        let diary = self.path().join("diary.out");
        let output =
            hwc().arg("replay").arg(self.path()).arg("--diary").arg(&diary).args(more).output().unwrap();
        let diary = fs::read_to_string(&diary).unwrap_or_default();
        Replayed { output, diary: lines(&diary) }
    }
}

/// What a replay said and wrote.
pub(crate) struct Replayed {
    pub(crate) output: Output,
    pub(crate) diary: Vec<Value>,
}

impl Replayed {
    pub(crate) fn code(&self) -> Option<i32> {
        self.output.status.code()
    }

    pub(crate) fn stderr(&self) -> String {
        String::from_utf8_lossy(&self.output.stderr).into_owned()
    }

    /// How often each outcome and reason occurs in the diary.
    pub(crate) fn outcomes(&self) -> BTreeMap<String, usize> {
        let mut outcomes = BTreeMap::new();
        for line in &self.diary {
            let reason = line["reason"].as_str().map(|reason| format!(" {reason}")).unwrap_or_default();
            *outcomes.entry(format!("{}{reason}", line["outcome"].as_str().unwrap_or("?"))).or_default() += 1;
        }
        outcomes
    }
}

/// JSON lines.
pub(crate) fn lines(text: &str) -> Vec<Value> {
    text.lines()
        .filter(|line| !line.trim().is_empty())
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

/// As a multiset: the order of a diary's lines says nothing.
pub(crate) fn sorted(lines: &[Value]) -> Vec<String> {
    let mut sorted: Vec<String> = lines.iter().map(Value::to_string).collect();
    sorted.sort();
    sorted
}
