//! The words of the school's page. Each language has one place; a word that one of them lacks does not compile.

mod en;
mod nl;

use hwc_web::Language;

/// Everything that the page says, in one language.
pub(crate) struct Words {
    pub(crate) signals: &'static str,
    pub(crate) contacts: &'static str,
    pub(crate) acts: &'static str,
    pub(crate) none_waits: &'static str,
    pub(crate) none_waits_how: &'static str,
    pub(crate) one_waits: &'static str,
    pub(crate) more_wait: &'static str,
    pub(crate) opening_is_seen: &'static str,
    pub(crate) signal: &'static str,
    pub(crate) waits_since: &'static str,
    pub(crate) opened_by: &'static str,
    pub(crate) open: &'static str,
    pub(crate) open_again: &'static str,
    pub(crate) over: &'static str,
    pub(crate) name: &'static str,
    pub(crate) born: &'static str,
    pub(crate) codeword: &'static str,
    pub(crate) received: &'static str,
    pub(crate) received_how: &'static str,
    pub(crate) not_ours: &'static str,
    pub(crate) not_ours_how: &'static str,
    pub(crate) now: &'static str,
    pub(crate) now_list: [&'static str; 3],
    pub(crate) support: &'static str,
    pub(crate) support_list: [&'static str; 4],
    pub(crate) not_allowed: &'static str,
    pub(crate) not_allowed_list: [&'static str; 4],
    pub(crate) advice: &'static str,
    pub(crate) acknowledged: &'static str,
    pub(crate) returned: &'static str,
    pub(crate) gone: &'static str,
    pub(crate) no_answer: &'static str,
    pub(crate) not_opened: &'static str,
    pub(crate) does_not_open: &'static str,
    pub(crate) ticket_over: &'static str,
    pub(crate) refused: &'static str,
    pub(crate) contacts_how: &'static str,
    pub(crate) part_contact: &'static str,
    pub(crate) part_backup: &'static str,
    pub(crate) make_backup: &'static str,
    pub(crate) make_contact: &'static str,
    pub(crate) invited_until: &'static str,
    pub(crate) you: &'static str,
    pub(crate) remove: &'static str,
    pub(crate) invite: &'static str,
    pub(crate) invite_how: &'static str,
    pub(crate) contact_name: &'static str,
    pub(crate) contact_address: &'static str,
    pub(crate) as_backup: &'static str,
    pub(crate) invite_button: &'static str,
    pub(crate) invited: &'static str,
    pub(crate) invited_how: &'static str,
    pub(crate) invitation_code: &'static str,
    pub(crate) done: &'static str,
    pub(crate) removed: &'static str,
    pub(crate) changed: &'static str,
    pub(crate) bad_name: &'static str,
    pub(crate) bad_address: &'static str,
    pub(crate) known_address: &'static str,
    pub(crate) too_many: &'static str,
    pub(crate) last_contact: &'static str,
    pub(crate) own: &'static str,
    pub(crate) everywhere: &'static str,
    pub(crate) everywhere_how: &'static str,
    pub(crate) passphrase: &'static str,
    pub(crate) passphrase_first: &'static str,
    pub(crate) passphrase_how: &'static str,
    pub(crate) passphrase_now: &'static str,
    pub(crate) passphrase_new: &'static str,
    pub(crate) passphrase_rule: &'static str,
    pub(crate) passphrase_again: &'static str,
    pub(crate) passphrase_keep: &'static str,
    pub(crate) passphrase_changed: &'static str,
    pub(crate) passphrase_wrong: &'static str,
    pub(crate) passphrase_weak: &'static str,
    pub(crate) passphrase_differs: &'static str,
    pub(crate) crowded: &'static str,
    pub(crate) acts_how: &'static str,
    pub(crate) acts_none: &'static str,
    pub(crate) day: &'static str,
    pub(crate) who: &'static str,
    pub(crate) what: &'static str,
    pub(crate) former: &'static str,
    said_of_acts: [(&'static str, &'static str); 10],
}

/// The words of a language.
pub(crate) const fn words(language: Language) -> &'static Words {
    match language {
        Language::Nl => &nl::WORDS,
        Language::En => &en::WORDS,
    }
}

/// The acts that are written down, as the file calls them.
#[cfg(test)]
pub(crate) const ACTS: [&str; 10] = [
    "logged_in",
    "logged_out",
    "logged_out_everywhere",
    "opened",
    "acknowledged",
    "returned",
    "invited",
    "removed",
    "part_changed",
    "passphrase_changed",
];

impl Words {
    /// What a page says when this is said to it.
    pub(crate) fn said(&self, what: &str) -> Option<&'static str> {
        Some(match what {
            "acknowledged" => self.acknowledged,
            "returned" => self.returned,
            "gone" => self.gone,
            "no_answer" => self.no_answer,
            "not_opened" => self.not_opened,
            "does_not_open" => self.does_not_open,
            "ticket_over" => self.ticket_over,
            "refused" => self.refused,
            "removed" => self.removed,
            "changed" => self.changed,
            "last_contact" => self.last_contact,
            "passphrase_changed" => self.passphrase_changed,
            _ => return None,
        })
    }

    /// An act in words.
    pub(crate) fn act(&self, act: &str) -> &'static str {
        self.said_of_acts.iter().find(|(name, _)| *name == act).map_or("", |(_, words)| words)
    }

    /// How many wait.
    pub(crate) fn how_many(&self, waiting: usize) -> String {
        match waiting {
            0 => self.none_waits.to_owned(),
            1 => self.one_waits.to_owned(),
            more => self.more_wait.replace("{n}", &more.to_string()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_act_has_words_in_both_languages() {
        for language in [Language::Nl, Language::En] {
            for act in ACTS {
                assert!(!words(language).act(act).is_empty(), "{act}");
            }
            assert!(hwc_web::ACTS.iter().all(|act| ACTS.contains(act)));
            assert!(words(language).how_many(3).contains('3') && !words(language).how_many(1).contains('{'));
        }
    }
}
