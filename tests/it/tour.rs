//! The README's tour, walked as it stands there: every command is run, and says what the README shows.

use std::{collections::HashMap, fs, path::Path, process::Command};

use crate::{dev::Dev, ground, region::wait_for};

/// One command of the tour, and the lines of its output that are shown.
struct Step {
    command: String,
    shown: Vec<String>,
}

fn steps(readme: &str) -> Vec<Step> {
    let mut steps: Vec<Step> = Vec::new();
    let mut within = false;
    for line in readme.lines() {
        match line {
            "```console" => within = true,
            "```" => within = false,
            line if within => match line.strip_prefix("$ ") {
                Some(command) => steps.push(Step { command: command.to_owned(), shown: Vec::new() }),
                None => steps.last_mut().unwrap().shown.push(line.to_owned()),
            },
            _ => {}
        }
    }
    steps
}

/// Whether a word is the speakable code of a signal.
fn is_code(word: &str) -> bool {
    word.len() == 6 && word.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
}

/// Times are another day's.
fn is_time(word: &str) -> bool {
    word.len() >= 5 && word.bytes().all(|byte| byte.is_ascii_digit() || b"-:".contains(&byte))
}

/// A seal to a key that a school left beforehand is a few bytes longer, and the first of a morning may be too early for one.
fn is_size(word: &str, next: Option<&&str>) -> bool {
    word.bytes().all(|byte| byte.is_ascii_digit()) && next.is_some_and(|next| next.starts_with("bytes"))
}

/// The codes of this walk, by those that the README shows.
#[derive(Default)]
struct Codes(HashMap<String, String>);

impl Codes {
    /// Whether a line says what is shown. A code that is shown for the first time is this walk's from now on.
    fn agree(&mut self, shown: &str, said: &str) -> bool {
        let (shown, said): (Vec<_>, Vec<_>) =
            (shown.split_whitespace().collect(), said.split_whitespace().collect());
        let alike = |codes: &HashMap<String, String>, shown: &str, said: &str| {
            let shown = shown.trim_end_matches(['.', ':']);
            let said = said.trim_end_matches(['.', ':']);
            shown == said
                || (is_code(shown) && is_code(said) && codes.get(shown).is_none_or(|known| known == said))
                || (is_time(shown) && is_time(said))
        };
        let agree = shown.len() == said.len()
            && shown.iter().zip(&said).enumerate().all(|(at, (one, other))| {
                is_size(one, shown.get(at + 1)) && is_size(other, said.get(at + 1))
                    || alike(&self.0, one, other)
            });
        if agree {
            for (shown, said) in shown.iter().zip(&said).filter(|(shown, _)| is_code(shown)) {
                self.0.insert((*shown).to_owned(), (*said).to_owned());
            }
        }
        agree
    }

    fn of_this_walk(&self, command: &str) -> String {
        self.0.iter().fold(command.to_owned(), |command, (shown, ours)| command.replace(shown, ours))
    }
}

fn says(command: &str, folder: &Path) -> String {
    let programs = Path::new(env!("CARGO_BIN_EXE_hwc")).parent().unwrap();
    let path = format!("{}:{}", programs.display(), std::env::var("PATH").unwrap());
    let done =
        Command::new("sh").args(["-c", command]).current_dir(folder).env("PATH", path).output().unwrap();
    let words = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
    assert!(done.status.success(), "{command}\n{}", words(&done.stderr));
    words(&done.stdout)
}

#[test]
fn the_readmes_morning_goes_from_a_police_file_to_an_acknowledgement_as_it_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let steps = steps(&fs::read_to_string(ground::root().join("README.md")).unwrap());
    assert!(steps.len() >= 12, "the tour is gone");
    let dev = Dev::start_in(folder.path(), "morning", 1);
    let mut codes = Codes::default();
    for Step { command, shown } in steps {
        let command = codes.of_this_walk(&command);
        let mut heard = String::new();
        // What is shown comes to be, sooner or later.
        let told = || {
            heard = says(&command, folder.path());
            let mut lines = heard.lines();
            shown.iter().all(|one| lines.any(|said| codes.agree(one, said))).then_some(())
        };
        wait_for(told).unwrap_or_else(|| panic!("{command}\n{shown:#?}\nbut it says\n{heard}"));
    }
    assert_eq!(dev.stop(), Some(0));
}
