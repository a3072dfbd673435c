//! Where one text points to another place of the tree: it must be there.

use super::{
    TOP_LEVEL,
    tree::{File, Finding, TREE, numbered, root},
};

/// Links and paths in texts, and pages of `docs` that are named anywhere, which are not there; or have no such heading.
pub(super) fn points_nowhere(file: &File) -> Vec<Finding> {
    if file.path.starts_with("tests/it/tidy/") {
        return Vec::new();
    }
    let mut found = Vec::new();
    let mut fenced = false;
    for (line, text) in numbered(&file.text) {
        let mut named = pages(text);
        if file.kind() == "md" {
            fenced ^= text.trim_start().starts_with("```");
            if !fenced {
                named.extend(links(file, text));
                named.extend(paths(text));
            }
        }
        named.sort();
        named.dedup();
        found.extend(named.into_iter().filter(|one| !is_there(one)).map(|one| file.finding(line, one)));
    }
    found
}

fn is_there(named: &str) -> bool {
    let (path, anchor) = named.split_once('#').map_or((named, None), |(path, anchor)| (path, Some(anchor)));
    let Some(anchor) = anchor else {
        // A decision is named by its number.
        let numbered = |file: &File| file.path.strip_prefix(path).is_some_and(|rest| rest.starts_with('-'));
        return root().join(path).exists() || TREE.iter().any(numbered);
    };
    TREE.iter().find(|file| file.path == path).is_some_and(|file| {
        let headings = file.text.lines().filter(|line| line.starts_with('#'));
        headings.map(|line| slug(line.trim_start_matches('#').trim())).any(|one| one == anchor)
    })
}

/// What a heading is called in an address.
fn slug(heading: &str) -> String {
    let kept = |c: &char| c.is_alphanumeric() || "-_ ".contains(*c);
    heading.to_lowercase().chars().filter(kept).map(|c| if c == ' ' { '-' } else { c }).collect()
}

/// The pages of `docs` that a line names, with their headings.
fn pages(text: &str) -> Vec<String> {
    let begins = |at: usize| {
        let before = text[..at].chars().next_back();
        !before.is_some_and(|c| c.is_alphanumeric() || "/-_.".contains(c))
    };
    let named = text.match_indices("docs/").filter(|(at, _)| begins(*at)).filter_map(|(at, _)| {
        let path = |c: char| c.is_ascii_alphanumeric() || "/-_".contains(c);
        let end = at + text[at..].find(|c| !path(c))?;
        let rest = text[end..].strip_prefix(".md")?;
        let anchor = rest.strip_prefix('#').map_or("", |rest| rest.split(|c| !path(c)).next().unwrap_or(""));
        let hash = if anchor.is_empty() { "" } else { "#" };
        Some(format!("{}.md{hash}{anchor}", &text[at..end]))
    });
    named.collect()
}

/// Where a line of a text leads to, from the root.
fn links(file: &File, text: &str) -> Vec<String> {
    let prose: String = text.split('`').step_by(2).collect();
    let targets = prose.split("](").skip(1).filter_map(|rest| rest.split_once(')')).map(|(target, _)| target);
    targets.filter(|target| !target.contains(':')).map(|target| from_root(file, target)).collect()
}

fn from_root(file: &File, target: &str) -> String {
    if target.starts_with('#') {
        return format!("{}{target}", file.path);
    }
    let mut parts: Vec<&str> = file.path.split('/').collect();
    parts.pop();
    for part in target.split('/') {
        match part {
            ".." => drop(parts.pop()),
            "." | "" => {}
            part => parts.push(part),
        }
    }
    parts.join("/")
}

/// The paths that stand between backticks.
fn paths(text: &str) -> Vec<String> {
    let is_path = |name: &&str| {
        let first = name.split_once('/').map(|(first, _)| first);
        first.is_some_and(|first| first == ".ci" || TOP_LEVEL.contains(&first) && first != "target")
            && name.chars().all(|c| c.is_ascii_alphanumeric() || "/-_.".contains(c))
    };
    text.split('`').skip(1).step_by(2).filter(is_path).map(str::to_owned).collect()
}
