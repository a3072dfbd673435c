//! Everything that a mail can say.

use hwc_schemas::{
    Role,
    breach::{BreachRecord, BreachRecordKind, Reported},
    wire::Notice,
};
use jiff::civil::Date;

use crate::texts::{Text, Words};

/// One notice: which, and the day that it is about. It can be made from these few things only, so that nothing else can be
/// mailed.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Mail(Kind);

impl std::fmt::Debug for Mail {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name())
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Breach(BreachRecord),
    SignalWaits(Date),
    Reminder(Notice, Date),
    CaseWaits { day: Date, still: bool },
    HouseholdWaits { day: Date, still: bool },
    LoginCode([u8; CODE_DIGITS]),
}

/// Digits of a code to log in with.
pub const CODE_DIGITS: usize = 8;

impl Mail {
    /// To the project leader: a breach was recorded (R24).
    pub const fn breach(record: BreachRecord) -> Self {
        Self(Kind::Breach(record))
    }

    /// To a school: at least one signal waits (R22, R30).
    pub const fn signal_waits(day: Date) -> Self {
        Self(Kind::SignalWaits(day))
    }

    /// What R20 has somebody told.
    pub const fn reminder(notice: Notice, day: Date) -> Self {
        Self(Kind::Reminder(notice, day))
    }

    /// To whoever decides at a municipality (R16): a case waits, or still waits shortly before lessons begin.
    pub const fn case_waits(day: Date, still: bool) -> Self {
        Self(Kind::CaseWaits { day, still })
    }

    /// To whoever looks at households in doubt at Veilig Thuis (R9): one waits, or still waits before lessons begin.
    pub const fn household_waits(day: Date, still: bool) -> Self {
        Self(Kind::HouseholdWaits { day, still })
    }

    /// To whoever wants to log in: the code, eight digits in ASCII. It is the one mail that holds something secret, for ten minutes.
    pub const fn login_code(code: [u8; CODE_DIGITS]) -> Self {
        Self(Kind::LoginCode(code))
    }

    /// One of each, as a breach of every kind: for whoever wants to look at all of them.
    pub fn every() -> Vec<Self> {
        use hwc_schemas::{breach::WhatHappened, outcome::Recalled};
        let day = Date::constant(2026, 11, 18);
        let reported = WhatHappened::ALL
            .into_iter()
            .flat_map(|what| Role::ALL.map(|by| (BreachRecordKind::Reported(Reported { what, by }), None)));
        let recalled = Recalled::ALL.iter().map(|why| (BreachRecordKind::Recalled(*why), Some(false)));
        let returned = [(BreachRecordKind::Returned, Some(true))];
        let breaches = returned.into_iter().chain(recalled).chain(reported);
        let breaches = breaches.map(|(kind, opened)| Self::breach(BreachRecord { day, kind, opened }));
        let reminders = Notice::ALL.map(|notice| Self::reminder(notice, day));
        let waiting = [Self::case_waits, Self::household_waits];
        let cases = waiting.into_iter().flat_map(|mail| [false, true].map(|still| mail(day, still)));
        let others = [Self::signal_waits(day), Self::login_code(*b"12345678")].into_iter().chain(cases);
        breaches.chain(others).chain(reminders).collect()
    }

    /// What may be said of it in a log: its kind.
    pub const fn name(self) -> &'static str {
        match self.0 {
            Kind::Breach(_) => "breach",
            Kind::SignalWaits(_) => "signal_waits",
            Kind::Reminder(notice, _) => notice.as_str(),
            Kind::CaseWaits { still: false, .. } => "case_waits",
            Kind::CaseWaits { still: true, .. } => "case_still_waits",
            Kind::HouseholdWaits { still: false, .. } => "household_waits",
            Kind::HouseholdWaits { still: true, .. } => "household_still_waits",
            Kind::LoginCode(_) => "login_code",
        }
    }

    /// Its text in a language.
    pub(crate) const fn text(self, words: Words) -> Text {
        match self.0 {
            Kind::Breach(_) => words.breach,
            Kind::SignalWaits(_) => words.signal_waits,
            Kind::CaseWaits { still: false, .. } => words.case_waits,
            Kind::CaseWaits { still: true, .. } => words.case_still_waits,
            Kind::HouseholdWaits { still: false, .. } => words.household_waits,
            Kind::HouseholdWaits { still: true, .. } => words.household_still_waits,
            Kind::LoginCode(_) => words.login_code,
            Kind::Reminder(Notice::RemindContact, _) => words.remind_contact,
            Kind::Reminder(Notice::RemindBackup, _) => words.remind_backup,
            Kind::Reminder(Notice::ReceiptMissing, _) => words.receipt_missing,
            Kind::Reminder(Notice::StillUnread, _) => words.still_unread,
        }
    }

    /// What stands in the places of its text.
    pub(crate) fn places(self, words: Words) -> Vec<(&'static str, String)> {
        match self.0 {
            Kind::SignalWaits(day)
            | Kind::Reminder(_, day)
            | Kind::CaseWaits { day, .. }
            | Kind::HouseholdWaits { day, .. } => vec![("{day}", words.day(day))],
            Kind::LoginCode(code) => {
                let digits: String = code.into_iter().map(char::from).collect();
                let (first, last) = digits.split_at(CODE_DIGITS / 2);
                vec![("{code}", format!("{first} {last}"))]
            }
            Kind::Breach(BreachRecord { day, kind, opened }) => {
                let (what, by) = match kind {
                    BreachRecordKind::Returned => (words.of("returned"), words.of("by.school")),
                    BreachRecordKind::Recalled(why) => {
                        (words.of(&format!("recalled.{}", why.as_str())), words.of("by.recaller"))
                    }
                    BreachRecordKind::Reported(Reported { what, by }) => {
                        let by = words.of(&format!("by.{}", by.as_str()));
                        (words.of(&format!("reported.{}", what.as_str())), by)
                    }
                };
                let opened = words.of(match opened {
                    Some(true) => "opened.yes",
                    Some(false) => "opened.no",
                    None => "opened.unknown",
                });
                let said = |words: &'static str| words.to_owned();
                vec![
                    ("{day}", words.day(day)),
                    ("{what}", said(what)),
                    ("{by}", said(by)),
                    ("{opened}", said(opened)),
                ]
            }
        }
    }
}
