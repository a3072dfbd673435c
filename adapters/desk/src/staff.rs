//! The municipality's people at the gate.

use std::sync::{Arc, PoisonError, RwLock};

use hwc_post::Mailbox;
use hwc_web::{Admitted, Audit, Frame, Item, People, Seat, code::Code, passphrase::Passphrase};
use jiff::{Timestamp, civil::Date, tz::TimeZone};

use crate::{
    roster::{May, Roster, StaffMember},
    texts::texts,
};

/// Mails a code to somebody. It returns at once.
pub trait MailsCodes: Send + Sync + 'static {
    /// Has it mailed.
    fn mail(&self, to: Mailbox, code: Code);
}

impl<F: Fn(Mailbox, Code) + Send + Sync + 'static> MailsCodes for F {
    fn mail(&self, to: Mailbox, code: Code) {
        self(to, code);
    }
}

/// Who may come in, whose desk it is, and the book of acts.
pub struct Staff {
    roster: RwLock<Arc<Roster>>,
    mails: Box<dyn MailsCodes>,
    audit: Audit,
    place: String,
    zone: TimeZone,
}

impl Staff {
    /// `place`: what stands above every page, as in *Gemeente Goirle*.
    pub fn new(roster: Roster, mails: impl MailsCodes, audit: Audit, place: String, zone: TimeZone) -> Self {
        Self { roster: RwLock::new(Arc::new(roster)), mails: Box::new(mails), audit, place, zone }
    }

    pub(crate) fn roster(&self) -> Arc<Roster> {
        Arc::clone(&self.roster.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Takes another people file. Returns whose sessions are over.
    pub(crate) fn replace(&self, next: Roster) -> Vec<String> {
        let mut roster = self.roster.write().unwrap_or_else(PoisonError::into_inner);
        let over = roster.not_in(&next).map(|one| one.id.clone()).collect();
        *roster = Arc::new(next);
        over
    }

    /// What somebody may do at this moment, whatever they might when they came in.
    pub(crate) fn may(&self, seat: &Seat<()>) -> Option<May> {
        self.roster().with_id(&seat.account).map(|one| one.may)
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

/// The paths of the menu.
pub(crate) const MENU: [&str; 5] = ["/", "/passed-on", "/register", "/reports", "/acts"];

impl People for Staff {
    type Badge = ();

    fn mailbox(&self, address: &str) -> Option<Mailbox> {
        Mailbox::parse(&self.roster().with_address(address)?.address).ok()
    }

    fn mail_code(&self, to: Mailbox, code: Code) {
        self.mails.mail(to, code);
    }

    fn asks_passphrase(&self) -> bool {
        false
    }

    fn admit(&self, address: &str, _: &Passphrase) -> Option<Admitted<()>> {
        let roster = self.roster();
        let StaffMember { id, name, .. } = roster.with_address(address)?;
        Some(Admitted { account: id.clone(), name: name.clone(), badge: () })
    }

    fn furnish(&self, frame: &mut Frame, seat: &Seat<()>, path: &str) {
        let texts = texts(frame.language);
        frame.place.clone_from(&self.place);
        let labels = [
            texts.menu_waiting,
            texts.menu_passed_on,
            texts.menu_register,
            texts.menu_reports,
            texts.menu_acts,
        ];
        let item = |(href, label): (&'static str, &'static str)| Item { href, label, current: href == path };
        frame.menu = MENU.into_iter().zip(labels).map(item).collect();
        frame.said = seat.said().and_then(|what| texts.said(what));
    }

    fn note(&self, seat: &Seat<()>, act: &'static str) {
        self.act(seat, act);
    }
}
