//! A little reading of Rust: enough to tell code from comments, texts and tests.

const fn is_word(c: char) -> bool {
    c.is_ascii_alphanumeric() || c == '_'
}

/// Whether a word stands in the text by itself, not as part of a longer one.
pub(super) fn has_word(text: &str, word: &str) -> bool {
    text.match_indices(word).any(|(at, _)| {
        let longer =
            |c: Option<char>, edge: Option<char>| edge.is_some_and(is_word) && c.is_some_and(is_word);
        !longer(text[..at].chars().next_back(), word.chars().next())
            && !longer(text[at + word.len()..].chars().next(), word.chars().next_back())
    })
}

/// The same text with every string and character blanked, and the comments too if so wished; lines stay lines.
pub(super) fn blanked(text: &str, comments_too: bool) -> String {
    let chars: Vec<char> = text.chars().collect();
    let mut out = String::with_capacity(text.len());
    let mut at = 0;
    while at < chars.len() {
        let rest = &chars[at..];
        let word = rest.iter().take_while(|c| is_word(**c)).count();
        let raw =
            matches!(rest[..word], ['r'] | ['b' | 'c', 'r']).then(|| raw_string(&rest[word..])).flatten();
        let (length, blank) = match rest {
            ['/', '/', ..] => (until(rest, 2, &['\n']), comments_too),
            ['/', '*', ..] => (block_comment(rest), comments_too),
            ['"', ..] => (string(rest), true),
            ['\'', '\\', ..] => (until(rest, 3, &['\'']) + 1, true),
            ['\'', _, '\'', ..] => (3, true),
            _ => match raw {
                Some(length) => (word + length, true),
                None => (word.max(1), false),
            },
        };
        let taken = &rest[..length.min(rest.len())];
        out.extend(taken.iter().map(|c| if blank && *c != '\n' { ' ' } else { *c }));
        at += taken.len();
    }
    out
}

/// The place of the first of these, from a place on; the length if there is none.
fn until(chars: &[char], from: usize, wanted: &[char]) -> usize {
    let after = chars.iter().skip(from).position(|c| wanted.contains(c));
    after.map_or(chars.len(), |after| from + after)
}

fn string(chars: &[char]) -> usize {
    let mut at = 1;
    while let Some(c) = chars.get(at) {
        match c {
            '"' => return at + 1,
            '\\' => at += 2,
            _ => at += 1,
        }
    }
    chars.len()
}

/// The length of `#"…"#` with any number of `#`; none when it is no raw string.
fn raw_string(chars: &[char]) -> Option<usize> {
    let hashes = chars.iter().take_while(|c| **c == '#').count();
    let inside = chars.get(hashes..)?.strip_prefix(&['"'])?;
    let mut end = vec!['#'; hashes + 1];
    end[0] = '"';
    let length = inside.windows(end.len()).position(|window| window == end)?;
    Some(hashes + 1 + length + end.len())
}

fn block_comment(chars: &[char]) -> usize {
    let (mut at, mut depth) = (0, 0_usize);
    while at < chars.len() {
        match chars[at..] {
            ['/', '*', ..] => (at, depth) = (at + 2, depth + 1),
            ['*', '/', ..] => (at, depth) = (at + 2, depth - 1),
            _ => at += 1,
        }
        if depth == 0 {
            break;
        }
    }
    at
}

/// Where the bracket that opens at this place closes.
fn closing(code: &str, open_at: usize, (open, close): (char, char)) -> usize {
    let mut depth = 0_usize;
    for (at, c) in code[open_at..].char_indices() {
        if c == open {
            depth += 1;
        } else if c == close {
            depth = depth.saturating_sub(1);
            if depth == 0 {
                return open_at + at;
            }
        }
    }
    code.len()
}

fn line_of(code: &str, at: usize) -> usize {
    code[..at].matches('\n').count() + 1
}

/// Every attribute with its line, without blanks.
pub(super) fn attributes(code: &str) -> Vec<(usize, String)> {
    let starts = code.match_indices('#').filter(|(at, _)| code[at + 1..].starts_with(['[', '!']));
    let text = |at: usize| code[at..closing(code, at, ('[', ']'))].split_whitespace().collect::<String>();
    starts.map(|(at, _)| (line_of(code, at), text(at))).collect()
}

/// The code with every item that is built for tests only blanked.
pub(super) fn without_tests(mut code: String) -> String {
    const FOR_TESTS: &str = "#[cfg(test)]";
    while let Some(start) = code.find(FOR_TESTS) {
        let after = start + FOR_TESTS.len();
        let end = match code[after..].find(['{', ';']).map(|at| after + at) {
            Some(at) if code[at..].starts_with('{') => closing(&code, at, ('{', '}')),
            Some(at) => at,
            None => code.len(),
        };
        let blank: String = code[start..end].chars().map(|c| if c == '\n' { c } else { ' ' }).collect();
        code.replace_range(start..end, &blank);
    }
    code
}

/// The modules of the standard library that are named, also in a group: `use std::{fmt, fs}`.
pub(super) fn std_modules(code: &str) -> Vec<(usize, &str)> {
    let mut found = Vec::new();
    for (at, _) in code.match_indices("std::").filter(|(at, _)| !code[..*at].ends_with(is_word)) {
        let inside = at + "std::".len();
        if !code[inside..].starts_with('{') {
            found.push((line_of(code, inside), first_word(&code[inside..])));
            continue;
        }
        let mut depth = 0_usize;
        for (step, c) in code[inside..closing(code, inside, ('{', '}'))].char_indices() {
            match c {
                '{' => depth += 1,
                '}' => depth -= 1,
                _ => {}
            }
            let next = inside + step + 1;
            if depth == 1 && (c == ',' || c == '{') {
                let module = first_word(code[next..].trim_start());
                let blanks = code[next..].len() - code[next..].trim_start().len();
                found.push((line_of(code, next + blanks), module));
            }
        }
    }
    found
}

fn first_word(code: &str) -> &str {
    code.split(|c| !is_word(c)).next().unwrap_or_default()
}
