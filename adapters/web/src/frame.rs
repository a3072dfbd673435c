//! The frame around every page (`templates/base.html`), and the files that go with it.
//!
//! A page of another crate extends the same template: its `askama.toml` names `../web/templates`, and it has a field
//! `frame: Frame`.

use std::sync::LazyLock;

use askama::Template;
use sha2::{Digest as _, Sha256};

use crate::{
    Language,
    words::{Words, words},
};

/// The style of every page.
pub const STYLE: &str = include_str!("../style/base.css");
/// The icon.
pub const ICON: &str = include_str!("../style/icon.svg");

static STYLE_PATH: LazyLock<String> = LazyLock::new(|| {
    let digest = hex::encode(Sha256::digest(STYLE.as_bytes()));
    format!("/assets/{}.css", digest.get(..16).unwrap_or_default())
});

/// Where the style lies; another style lies elsewhere, so it may be kept for ever.
pub fn style_path() -> &'static str {
    &STYLE_PATH
}

/// A place of the menu.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Item {
    /// Where.
    pub href: &'static str,
    /// What it is called.
    pub label: &'static str,
    /// Whether it is this page.
    pub current: bool,
}

/// What stands around a page.
pub struct Frame {
    /// In which language.
    pub language: Language,
    /// Whether there is another.
    pub switches_language: bool,
    /// The words of the frame.
    pub words: &'static Words,
    /// What the page is called.
    pub title: String,
    /// Whose page it is: the school, the municipality; empty before anybody is known.
    pub place: String,
    /// Who is logged in.
    pub who: Option<String>,
    /// The menu of who is logged in.
    pub menu: Vec<Item>,
    /// What every form carries.
    pub csrf: String,
    /// What just happened.
    pub said: Option<&'static str>,
    /// What did not work.
    pub problem: Option<&'static str>,
    /// Whether nothing of it is printed.
    pub unprinted: bool,
    /// Where the style lies.
    pub style: &'static str,
}

impl Frame {
    /// A frame with nothing in it yet.
    pub fn new(language: Language, title: impl Into<String>, csrf: impl Into<String>) -> Self {
        Self {
            language,
            switches_language: true,
            words: words(language),
            title: title.into(),
            place: String::new(),
            who: None,
            menu: Vec::new(),
            csrf: csrf.into(),
            said: None,
            problem: None,
            unprinted: false,
            style: style_path(),
        }
    }

    /// The code of the language that this page is not in.
    pub const fn other_language(&self) -> &'static str {
        self.language.pick(Language::En, Language::Nl).code()
    }
}

/// The first page: who are you?
#[derive(Template)]
#[template(path = "login.html")]
pub(crate) struct LoginPage {
    pub(crate) frame: Frame,
    pub(crate) asks_passphrase: bool,
}

/// The second: the code, and the passphrase.
#[derive(Template)]
#[template(path = "code.html")]
pub(crate) struct CodePage {
    pub(crate) frame: Frame,
    pub(crate) asks_passphrase: bool,
}

/// Where no code is mailed: the name, and the passphrase.
#[derive(Template)]
#[template(path = "name.html")]
pub(crate) struct NamePage {
    pub(crate) frame: Frame,
}

/// A page that says one thing.
#[derive(Template)]
#[template(path = "plain.html")]
pub(crate) struct PlainPage {
    pub(crate) frame: Frame,
    pub(crate) how: &'static str,
}
