//! Dutch first, English second.

use axum::http::HeaderMap;

use crate::cookies::{self, cookie};

/// A language of the pages.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Language {
    /// Dutch.
    #[default]
    Nl,
    /// English.
    En,
}

impl Language {
    /// As HTML and the cookie say it.
    pub const fn code(self) -> &'static str {
        match self {
            Self::Nl => "nl",
            Self::En => "en",
        }
    }

    /// The language of that code.
    pub fn of(code: &str) -> Option<Self> {
        [Self::Nl, Self::En].into_iter().find(|one| one.code() == code)
    }

    /// What somebody chose; Dutch if nobody chose. A browser's own preference is not asked: at a school it is whatever the computer came with.
    pub fn chosen(headers: &HeaderMap) -> Self {
        cookie(headers, cookies::LANGUAGE).and_then(Self::of).unwrap_or_default()
    }

    /// One of two.
    pub const fn pick<T: Copy>(self, dutch: T, english: T) -> T {
        match self {
            Self::Nl => dutch,
            Self::En => english,
        }
    }

    /// A month's name.
    pub fn month(self, month: i8) -> &'static str {
        const DUTCH: [&str; 12] = [
            "januari",
            "februari",
            "maart",
            "april",
            "mei",
            "juni",
            "juli",
            "augustus",
            "september",
            "oktober",
            "november",
            "december",
        ];
        const ENGLISH: [&str; 12] = [
            "January",
            "February",
            "March",
            "April",
            "May",
            "June",
            "July",
            "August",
            "September",
            "October",
            "November",
            "December",
        ];
        let at = usize::from(month.unsigned_abs()).saturating_sub(1);
        self.pick(&DUTCH, &ENGLISH).get(at).copied().unwrap_or_default()
    }
}
