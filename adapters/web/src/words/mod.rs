//! The words of the pages that every desk has: logging in, and what went wrong. Each language has one place; a word that one of
//! them lacks does not compile.

mod en;
mod nl;

use crate::Language;

/// Everything that the shared pages say, in one language.
pub struct Words {
    /// The name of it all.
    pub name: &'static str,
    /// To the content, for whoever uses a keyboard.
    pub skip: &'static str,
    /// The other language, in itself.
    pub other_language: &'static str,
    /// Above the other language's button, for who hears it.
    pub language: &'static str,
    /// The menu, for who hears it.
    pub menu: &'static str,
    /// Log out.
    pub log_out: &'static str,
    /// Who is logged in.
    pub logged_in_as: &'static str,
    /// The log-in page's title.
    pub log_in: &'static str,
    /// What happens on the log-in page.
    pub log_in_how: &'static str,
    /// The same where no passphrase is asked for.
    pub log_in_by_code: &'static str,
    /// The same where a name and a passphrase are asked for, and no code.
    pub log_in_by_name: &'static str,
    /// The field of the name that somebody is known by.
    pub known_as: &'static str,
    /// The name and the passphrase do not belong together.
    pub wrong_name: &'static str,
    /// The field of the address.
    pub address: &'static str,
    /// The button that sends a code.
    pub send_code: &'static str,
    /// The second page's title.
    pub enter_code: &'static str,
    /// What was mailed, said in the same words whether the address is known or not.
    pub code_sent: &'static str,
    /// The field of the code.
    pub code: &'static str,
    /// What a code looks like.
    pub code_hint: &'static str,
    /// The field of the passphrase.
    pub passphrase: &'static str,
    /// What is meant by it.
    pub passphrase_hint: &'static str,
    /// Another code, please.
    pub another_code: &'static str,
    /// What to do about an error, above the form.
    pub problem: &'static str,
    /// The address is none.
    pub not_an_address: &'static str,
    /// The code is none.
    pub not_a_code: &'static str,
    /// The code is wrong.
    pub wrong_code: &'static str,
    /// The passphrase is wrong.
    pub wrong_passphrase: &'static str,
    /// The code is over.
    pub code_over: &'static str,
    /// Too many tries.
    pub too_often: &'static str,
    /// Too many people.
    pub crowded: &'static str,
    /// Logged out.
    pub logged_out: &'static str,
    /// The session is over.
    pub session_over: &'static str,
    /// A page that is not there.
    pub not_found: &'static str,
    /// What to do then.
    pub not_found_how: &'static str,
    /// A form that is not believed.
    pub not_believed: &'static str,
    /// What to do then.
    pub not_believed_how: &'static str,
    /// Something broke.
    pub broken: &'static str,
    /// What to do then.
    pub broken_how: &'static str,
    /// To the beginning.
    pub to_start: &'static str,
}

/// The words of a language.
pub const fn words(language: Language) -> &'static Words {
    match language {
        Language::Nl => &nl::WORDS,
        Language::En => &en::WORDS,
    }
}

impl Words {
    /// What a page says when this is said to it; nothing if it is no word of these.
    pub fn said(&self, what: &str) -> Option<&'static str> {
        Some(match what {
            "not_an_address" => self.not_an_address,
            "not_a_code" => self.not_a_code,
            "wrong_code" => self.wrong_code,
            "wrong_passphrase" => self.wrong_passphrase,
            "wrong_name" => self.wrong_name,
            "code_over" => self.code_over,
            "too_often" => self.too_often,
            "crowded" => self.crowded,
            "logged_out" => self.logged_out,
            "session_over" => self.session_over,
            _ => return None,
        })
    }
}
