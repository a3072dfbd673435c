//! `docs/settings.md` is written from the types that read the settings: names, kinds, defaults and words are those of the structs.
//! A setting that no reader knows cannot be in it, and one that has no words fails.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::Write as _,
    fs,
    path::Path,
};

use crate::{canary, ground::root};

/// What is above the tables.
const HEAD: &str = "\
# Settings

Written by `tests/it/settings.rs` from the types that read them; `HWC_BLESS=1 cargo test -p hwc --test it settings` writes it anew.

Every process reads one file of strict TOML: an unknown key is refused with its line. A path is relative to the file it stands in.
Flags win over `HWC_*` variables, those over the file. Secrets are files, never settings. `docs/people.md` shows whole files.
";

/// Whose file it is, by the type that reads it.
fn heading(file: &str) -> Option<&'static str> {
    Some(match file {
        "EngineFile" => "hwc engine",
        "PoliceFile" => "hwc police",
        "VeiligThuisFile" => "hwc veilig-thuis",
        "MunicipalityFile" => "hwc municipality",
        "SchoolFile" => "hwc school",
        "PortalFile" => "hwc portal",
        "DeskFile" => "hwc desk, as a user of its own",
        _ => return None,
    })
}

/// One field of a struct.
#[derive(Debug, Clone)]
struct Field {
    key: String,
    kind: String,
    words: String,
    default: Option<String>,
}

/// What the sources say.
#[derive(Default)]
struct Types {
    /// The fields of each struct that is read strictly, by file and name.
    structs: BTreeMap<(String, String), Vec<Field>>,
    /// The words of each enum, and the one that it is by itself.
    words: BTreeMap<String, (Vec<String>, Option<String>)>,
}

impl Types {
    fn read() -> Self {
        let mut types = Self::default();
        for folder in ["engine/hwc/src", "adapters"] {
            for path in canary::files_below(&root().join(folder)) {
                if path.extension().is_some_and(|ending| ending == "rs") {
                    types.learn(&path, &fs::read_to_string(&path).unwrap());
                }
            }
        }
        types
    }

    fn learn(&mut self, path: &Path, text: &str) {
        let text = text.split("#[cfg(test)]\nmod tests").next().unwrap_or_default();
        let mut attributes = String::new();
        let mut lines = text.lines();
        while let Some(line) = lines.next() {
            if line.starts_with("#[") || line.starts_with("///") {
                attributes += line;
                continue;
            }
            let opened = line.strip_suffix(" {").map(|head| head.split(' ').collect::<Vec<_>>());
            if let Some([.., what, name]) = opened.as_deref()
                && attributes.contains("Deserialize")
            {
                let body: Vec<_> = lines.by_ref().take_while(|line| *line != "}").collect();
                if *what == "struct" && attributes.contains("deny_unknown_fields") {
                    let place = (path.to_string_lossy().into_owned(), (*name).to_owned());
                    self.structs.insert(place, fields(&body, text));
                } else if *what == "enum" {
                    self.words.insert((*name).to_owned(), variants(&body, &attributes));
                }
            }
            attributes.clear();
        }
    }

    /// The struct that a file means by a name: its own, or the only one.
    fn meant<'a>(&'a self, file: &'a str, name: &str) -> Option<(&'a str, &'a [Field])> {
        let own = self.structs.get_key_value(&(file.to_owned(), name.to_owned()));
        let found = own.or_else(|| {
            let mut all = self.structs.iter().filter(|((_, other), _)| other == name);
            all.next().filter(|_| all.next().is_none())
        });
        found.map(|((file, _), fields)| (file.as_str(), fields.as_slice()))
    }

    /// A table of settings, and those inside it.
    fn tell(&self, page: &mut String, file: &str, table: &str, fields: &[Field]) {
        let mut inside = Vec::new();
        let mut rows = String::new();
        for field in fields {
            assert!(
                !field.words.is_empty(),
                "{file}: {table}.{} has no words; say what it is for",
                field.key
            );
            let (kind, bare) = self.kind(&field.kind);
            let key = if table.is_empty() { field.key.clone() } else { format!("{table}.{}", field.key) };
            let by_itself = self.words.get(&bare).and_then(|(_, default)| default.as_deref());
            let absent = match field.default.as_deref() {
                Some(OWN_DEFAULT) => {
                    format!("`{}`", by_itself.expect("no word of it is marked as its default"))
                }
                Some(default) => default.to_owned(),
                None if kind.optional => "–".to_owned(),
                None => "**must be said**".to_owned(),
            };
            if let Some((file, fields)) = self.meant(file, &bare) {
                let place = if kind.many { format!("[[{key}]]") } else { format!("[{key}]") };
                let _ = writeln!(rows, "| `{}` | table `{place}` | {absent} | {} |", field.key, field.words);
                inside.push((file, key, fields, place));
            } else {
                let _ = writeln!(rows, "| `{}` | {} | {absent} | {} |", field.key, kind.said, field.words);
            }
        }
        *page += "| key | takes | when absent | |\n|---|---|---|---|\n";
        *page += &rows;
        for (file, key, fields, place) in inside {
            let _ = write!(page, "\n### `{place}`\n\n");
            self.tell(page, file, &key, fields);
        }
    }

    /// What a type takes, in words, and its innermost name.
    fn kind(&self, written: &str) -> (Kind, String) {
        let (mut bare, mut kind) = (written, Kind { said: String::new(), optional: false, many: false });
        loop {
            let (outer, inner) = bare.split_once('<').unwrap_or((bare, ""));
            match outer {
                "Option" => kind.optional = true,
                "Vec" => kind.many = true,
                "toml::Spanned" | "Box" => {}
                _ => break,
            }
            bare = inner.strip_suffix('>').unwrap();
        }
        let bare = bare.rsplit("::").next().unwrap().to_owned();
        let one = match bare.as_str() {
            "PathBuf" => "path".to_owned(),
            "String" => "text".to_owned(),
            "bool" => "true or false".to_owned(),
            "u8" | "u16" | "u32" | "u64" => "number".to_owned(),
            "i64" => "number, also below 0".to_owned(),
            "SocketAddr" => "address:port".to_owned(),
            "Organisation" => "organisation, as in `school-01AA00`".to_owned(),
            "Mailbox" => "mail address".to_owned(),
            other => match self.words.get(other) {
                Some((words, _)) => {
                    words.iter().map(|word| format!("`{word}`")).collect::<Vec<_>>().join(", ")
                }
                None => String::new(),
            },
        };
        assert!(
            !one.is_empty() || self.structs.keys().any(|(_, name)| *name == bare),
            "{written} is a kind of setting that this page has no words for"
        );
        kind.said = if kind.many { format!("list: {one}") } else { one };
        (kind, bare)
    }
}

struct Kind {
    said: String,
    optional: bool,
    many: bool,
}

/// The fields in a struct's body.
fn fields(body: &[&str], text: &str) -> Vec<Field> {
    let (mut fields, mut words, mut attributes) = (Vec::new(), Vec::new(), String::new());
    for line in body.iter().map(|line| line.trim()) {
        if let Some(more) = line.strip_prefix("///") {
            words.push(more.trim());
        } else if line.starts_with("#[") {
            attributes += line;
        } else if let Some((name, kind)) = line.trim_end_matches(',').split_once(": ") {
            let name = name.rsplit(' ').next().unwrap();
            let quoted = |key: &str| {
                let (_, after) = attributes.split_once(&format!("{key} = \""))?;
                Some(after.split('"').next().unwrap().to_owned())
            };
            let default = match quoted("default") {
                Some(function) => Some(format!("`{}`", value_of(text, &function))),
                None if attributes.contains("default") => Some(by_kind(kind).to_owned()),
                None => None,
            };
            let key = quoted("rename").unwrap_or_else(|| name.to_owned());
            fields.push(Field { key, kind: kind.to_owned(), words: words.join(" "), default });
            attributes.clear();
            words = Vec::new();
        }
    }
    fields
}

/// What a function without arguments gives, as it is written.
fn value_of(text: &str, function: &str) -> String {
    let (_, after) =
        text.split_once(&format!("fn {function}() -> ")).unwrap_or_else(|| panic!("no {function}"));
    let value = after.split_once("{\n").unwrap().1.split_once('\n').unwrap().0.trim();
    value.trim_end_matches(".into()").trim_end_matches(".to_owned()").to_owned()
}

/// What its enum says.
const OWN_DEFAULT: &str = "its own";

/// What a kind is by itself.
fn by_kind(kind: &str) -> &'static str {
    match kind {
        "bool" => "`false`",
        "i64" | "u16" => "`0`",
        kind if kind.starts_with("Vec") => "none",
        _ => OWN_DEFAULT,
    }
}

/// The words of an enum, as serde writes them, and the one that it is by itself.
fn variants(body: &[&str], attributes: &str) -> (Vec<String>, Option<String>) {
    let between = if attributes.contains("kebab-case") { '-' } else { '_' };
    let word = |name: &str| {
        let mut word = String::new();
        for letter in name.chars() {
            if letter.is_uppercase() && !word.is_empty() {
                word.push(between);
            }
            word.extend(letter.to_lowercase());
        }
        word
    };
    let (mut words, mut own, mut marked) = (Vec::new(), None, false);
    for line in body.iter().map(|line| line.trim()) {
        if line == "#[default]" {
            marked = true;
        } else if line.starts_with(char::is_uppercase) {
            words.push(word(line.trim_end_matches(',')));
            if std::mem::take(&mut marked) {
                own = words.last().cloned();
            }
        }
    }
    (words, own)
}

/// The page as it should be.
fn page() -> String {
    let types = Types::read();
    let mut page = HEAD.to_owned();
    let (file, relay) = types.meant("", "RelayTable").expect("no [relay]");
    page += "\n## `[relay]`, the same for all\n\n";
    types.tell(&mut page, file, "relay", relay);
    let mut told = BTreeSet::new();
    for ((file, name), fields) in &types.structs {
        if !fields.iter().any(|field| field.kind == "RelayTable") {
            continue;
        }
        let heading =
            heading(name).unwrap_or_else(|| panic!("{name} reads settings and has no heading here"));
        let _ = write!(page, "\n## {heading}\n\n");
        let own: Vec<_> = fields.iter().filter(|field| field.kind != "RelayTable").cloned().collect();
        types.tell(&mut page, file, "", &own);
        told.insert(heading);
    }
    assert!(told.len() >= 5, "the settings of only {told:?} were found");
    page
}

#[test]
fn the_page_of_settings_says_what_the_types_say() {
    let (file, page) = (root().join("docs/settings.md"), page());
    if std::env::var_os("HWC_BLESS").is_some_and(|bless| bless == "1") {
        fs::write(&file, &page).unwrap();
    }
    let known = fs::read_to_string(&file).unwrap_or_default();
    let differing: Vec<_> = page.lines().filter(|line| !known.lines().any(|one| one == *line)).collect();
    assert!(
        known == page,
        "docs/settings.md is not what the types say; HWC_BLESS=1 cargo test rewrites it. New:\n{}",
        differing.join("\n")
    );
}
