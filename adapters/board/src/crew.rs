//! Those who keep the region running, at the gate.

use hwc_post::Mailbox;
use hwc_web::{Admitted, Audit, Frame, Item, Language, People, Seat, code::Code, passphrase::Passphrase};
use jiff::{Timestamp, civil::Date, tz::TimeZone};

use crate::accounts::Accounts;

/// Who may come in, what stands above every page, and the book of acts.
pub struct Crew {
    accounts: Accounts,
    audit: Audit,
    place: String,
    zone: TimeZone,
}

impl Crew {
    /// `place`: what stands above every page, as in *Hart van Brabant*.
    pub const fn new(accounts: Accounts, audit: Audit, place: String, zone: TimeZone) -> Self {
        Self { accounts, audit, place, zone }
    }

    /// Who may come in.
    pub const fn accounts(&self) -> &Accounts {
        &self.accounts
    }

    pub(crate) const fn audit(&self) -> &Audit {
        &self.audit
    }

    pub(crate) const fn zone(&self) -> &TimeZone {
        &self.zone
    }

    pub(crate) fn today(&self) -> Date {
        self.zone.to_datetime(Timestamp::now()).date()
    }

    pub(crate) fn act(&self, seat: &Seat<()>, act: &'static str) {
        self.audit.note(self.today(), &seat.account, act);
    }
}

/// What the board itself has written down, and how it is said.
pub(crate) const ACTS: [(&str, &str); 5] = [
    ("logged_in", "logged in"),
    ("logged_out", "logged out"),
    ("logged_out_everywhere", "logged out everywhere"),
    ("looked_at_incidents", "looked at the list of incidents"),
    ("looked_at_one", "looked at one incident"),
];

const MENU: [(&str, &str); 4] =
    [("/", "Board"), ("/organisations", "Organisations"), ("/incidents", "Incidents"), ("/acts", "Acts")];

impl People for Crew {
    type Badge = ();

    fn mailbox(&self, _: &str) -> Option<Mailbox> {
        None
    }

    fn mail_code(&self, _: Mailbox, _: Code) {}

    fn mails_codes(&self) -> bool {
        false
    }

    fn language(&self) -> Option<Language> {
        Some(Language::En)
    }

    fn admit(&self, name: &str, passphrase: &Passphrase) -> Option<Admitted<()>> {
        let admitted = Admitted { account: name.to_owned(), name: name.to_owned(), badge: () };
        self.accounts.knows(name, passphrase).then_some(admitted)
    }

    fn furnish(&self, frame: &mut Frame, _: &Seat<()>, path: &str) {
        frame.place.clone_from(&self.place);
        let item = |(href, label): (&'static str, &'static str)| Item { href, label, current: href == path };
        frame.menu = MENU.into_iter().map(item).collect();
        frame.unprinted = true;
    }

    fn note(&self, seat: &Seat<()>, act: &'static str) {
        self.act(seat, act);
    }
}
