//! The notices of R20 by mail, for an organisation whose people have mailboxes: its mail server sends them, beside whatever
//! the process does with the task itself.

use std::sync::Arc;

use futures::future::join_all;
use hwc_adapter_kit::{Clerk, Office, Settled};
use hwc_municipality::{CasesWait, Notices, Occasion};
use hwc_post::{Mail, Mailbox, Post, PostOffice, PostTable, Purpose, Round, Sent, Slot};
use hwc_schemas::wire::{Notice, Task};
use jiff::{SignedDuration, Timestamp, civil::Date, tz::TimeZone};
use serde::Deserialize;

use super::Followed;
use crate::settings::{HasRelay, Settings, SettingsError};

/// A signal that came longer ago was told of by the process that ran then.
const NEWS_FOR: SignedDuration = SignedDuration::from_mins(10);

/// `[notices]` of a school.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct SchoolNotices {
    /// The school's HwC mailbox (R11).
    mailbox: Mailbox,
    /// The backup contact's work address (R20).
    backup: Mailbox,
}

/// `[notices]` of a municipality.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct MunicipalityNotices {
    /// The attendance office's mailbox (R20).
    mailbox: Mailbox,
    /// Who decides doubtful cases (R16); the attendance office when absent.
    deciders: Option<Mailbox>,
}

impl MunicipalityNotices {
    fn deciders(&self) -> Mailbox {
        self.deciders.clone().unwrap_or_else(|| self.mailbox.clone())
    }
}

/// `[notices]` of Veilig Thuis.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct VeiligThuisNotices {
    /// Who looks at households in doubt (R9).
    deciders: Mailbox,
}

/// To whom notices go.
#[derive(Clone)]
pub(super) enum To {
    School {
        mailbox: Mailbox,
        backup: Mailbox,
    },
    Municipality {
        mailbox: Mailbox,
    },
    /// A school whose contacts are looked after on the page: its backup contacts are who they are at that moment.
    Hosted {
        mailbox: Mailbox,
        backups: Arc<dyn Fn() -> Vec<Mailbox> + Send + Sync>,
    },
}

impl From<&SchoolNotices> for To {
    fn from(notices: &SchoolNotices) -> Self {
        Self::School { mailbox: notices.mailbox.clone(), backup: notices.backup.clone() }
    }
}

impl From<&MunicipalityNotices> for To {
    fn from(notices: &MunicipalityNotices) -> Self {
        Self::Municipality { mailbox: notices.mailbox.clone() }
    }
}

impl To {
    /// The mailboxes for this notice; none if it is not this organisation's.
    fn of(&self, notice: Notice) -> Vec<Mailbox> {
        match (self, notice) {
            (Self::School { mailbox, .. } | Self::Hosted { mailbox, .. }, Notice::RemindContact)
            | (Self::Municipality { mailbox }, Notice::ReceiptMissing | Notice::StillUnread) => {
                vec![mailbox.clone()]
            }
            (Self::School { backup, .. }, Notice::RemindBackup) => vec![backup.clone()],
            (Self::Hosted { backups, .. }, Notice::RemindBackup) => backups(),
            _ => Vec::new(),
        }
    }
}

/// Mails the notices of one organisation.
pub(super) struct Mailer {
    round: Round,
    to: To,
    zone: TimeZone,
    /// How far the engine's clock, by which notices are due, is ahead of ours.
    ahead: SignedDuration,
}

impl Mailer {
    /// A mailer by these settings; none where there are none.
    pub(super) fn read<T: HasRelay>(
        settings: &Settings<T>,
        post: Option<&PostTable>,
        to: Option<To>,
    ) -> Result<Option<Self>, SettingsError> {
        Ok(opened(settings, post, to)?.map(|(office, to)| Self::over(office, to)))
    }

    /// A mailer over an office that others use too.
    pub(super) fn over(office: PostOffice, to: To) -> Self {
        let ahead = office.ahead();
        Self { round: Round::of(office), to, zone: zone(), ahead }
    }

    /// What came back, for whoever looks at `/readyz`.
    pub(super) fn returned(&self) -> Followed {
        ("returned mail", self.round.returned())
    }

    async fn remind(&self, notice: Notice, due: Timestamp) -> Sent {
        let (mail, purpose) = (
            Mail::reminder(notice, due.to_zoned(self.zone.clone()).date()),
            Purpose::of(notice, due, &self.zone).by_a_clock_behind(self.ahead),
        );
        // At once: a server that does not answer for the one keeps no other waiting.
        let mailboxes = self.to.of(notice);
        let delivering = mailboxes.iter().map(|to| self.round.deliver(mail, to, &purpose, Slot::due(due)));
        worst(&join_all(delivering).await)
    }

    async fn a_signal_waits(&self, since: Timestamp) {
        let (To::School { mailbox, .. } | To::Hosted { mailbox, .. }) = &self.to else { return };
        if Timestamp::now().duration_since(since).saturating_add(self.ahead) < NEWS_FOR {
            let mail = Mail::signal_waits(since.to_zoned(self.zone.clone()).date());
            let purpose = Purpose::of_waiting(since, &self.zone).by_a_clock_behind(self.ahead);
            let _ = self.round.deliver(mail, mailbox, &purpose, Slot::came(since)).await;
        }
    }
}

/// The post office of these settings and to whom it mails; none where there are neither.
fn opened<T: HasRelay, N>(
    settings: &Settings<T>,
    post: Option<&PostTable>,
    to: Option<N>,
) -> Result<Option<(PostOffice, N)>, SettingsError> {
    let (post, to) = match (post, to) {
        (None, None) => return Ok(None),
        (Some(post), Some(to)) => (post, to),
        _ => return Err(settings.unusable("[post] and [notices] belong together")),
    };
    let post = Post::check(post, |path| settings.path(path)).map_err(|error| settings.unusable(error))?;
    Ok(Some((PostOffice::open(post), to)))
}

fn zone() -> TimeZone {
    TimeZone::get("Europe/Amsterdam").unwrap_or(TimeZone::UTC)
}

/// What became of a notice to several: it was taken if each was. What found no room counts first, for it is tried again; who had
/// theirs gets no second one, as long as this process remembers.
fn worst(sent: &[Sent]) -> Sent {
    let no_room = sent.contains(&Sent::NoRoom).then_some(Sent::NoRoom);
    no_room.or_else(|| sent.iter().copied().find(|one| *one != Sent::Taken)).unwrap_or(Sent::Taken)
}

/// Tells whoever decides by mail that cases wait (R9, R16): at once, and again before lessons begin.
pub(super) struct ByMail {
    round: Round,
    deciders: Mailbox,
    zone: TimeZone,
    /// What is written of a day, and of whether they still wait.
    mail: fn(Date, bool) -> Mail,
}

impl ByMail {
    /// Over the same office as the mailer's.
    pub(super) fn beside(mailer: &Mailer, notices: &MunicipalityNotices) -> Self {
        let (round, zone) = (mailer.round.clone(), mailer.zone.clone());
        Self { round, deciders: notices.deciders(), zone, mail: Mail::case_waits }
    }

    /// Of households in doubt, by these settings; none where there are none.
    pub(super) fn of_households<T: HasRelay>(
        settings: &Settings<T>,
        post: Option<&PostTable>,
        notices: Option<&VeiligThuisNotices>,
    ) -> Result<Option<Self>, SettingsError> {
        Ok(opened(settings, post, notices)?.map(|(office, notices)| {
            let (round, deciders) = (Round::of(office), notices.deciders.clone());
            Self { round, deciders, zone: zone(), mail: Mail::household_waits }
        }))
    }

    /// What came back, for whoever looks at `/readyz`.
    pub(super) fn returned(&self) -> Followed {
        ("returned mail", self.round.returned())
    }
}

impl Notices for ByMail {
    fn tell(&self, notice: CasesWait) {
        let now = Timestamp::now();
        let still = notice.occasion == Occasion::StillWaiting;
        let mail = (self.mail)(now.to_zoned(self.zone.clone()).date(), still);
        let (round, to) = (self.round.clone(), self.deciders.clone());
        let purpose = Purpose::of_waiting(now, &self.zone);
        tokio::spawn(async move {
            if round.deliver(mail, &to, &purpose, Slot::due(now)).await != Sent::Taken {
                tracing::error!(mail = mail.name(), "nobody who decides could be told by mail");
            }
        });
    }
}

/// A clerk whose notices are mailed too.
pub(super) struct Mailing<C> {
    clerk: C,
    mailer: Option<Mailer>,
}

impl<C> Mailing<C> {
    pub(super) const fn beside(clerk: C, mailer: Option<Mailer>) -> Self {
        Self { clerk, mailer }
    }
}

impl<C: Clerk> Clerk for Mailing<C> {
    async fn handle(&self, office: &Office, task: &Task, since: Timestamp) -> Settled {
        let working = self.clerk.handle(office, task, since);
        match (&self.mailer, task) {
            (Some(mailer), Task::Notice { notice, due, .. }) => {
                let settled = working.await;
                if settled != Settled::Done {
                    return settled;
                }
                tokio::select! {
                    sent = mailer.remind(*notice, *due) => match sent {
                        Sent::NoRoom => Settled::Later("too many letters wait"),
                        Sent::Taken | Sent::Refused | Sent::TooLate => Settled::Done,
                    },
                    // It goes out once more then, if it did already.
                    () = office.hours().closing() => Settled::HandedBack,
                }
            }
            (Some(mailer), Task::Read { .. }) => {
                let mut working = std::pin::pin!(working);
                tokio::select! {
                    settled = &mut working => settled,
                    () = mailer.a_signal_waits(since) => working.await,
                }
            }
            _ => working.await,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_notice_has_one_mailbox_and_nobody_gets_anothers() {
        let mailbox = |text: &str| Mailbox::parse(text).unwrap();
        let (hwc, backup, office) =
            (mailbox("hwc@school.nl"), mailbox("b@school.nl"), mailbox("l@gemeente.nl"));
        let school = To::School { mailbox: hwc.clone(), backup: backup.clone() };
        let municipality = To::Municipality { mailbox: office.clone() };
        let (one, other) = (backup.clone(), hwc.clone());
        let backups = Arc::new(move || vec![one.clone(), other.clone()]);
        let hosted = To::Hosted { mailbox: hwc.clone(), backups };
        let boxes = |to: &To| Notice::ALL.map(|notice| to.of(notice));
        let none = Vec::new;
        assert_eq!(boxes(&hosted), [vec![hwc.clone()], vec![backup.clone(), hwc.clone()], none(), none()]);
        assert_eq!(boxes(&school), [vec![hwc], vec![backup], none(), none()]);
        assert_eq!(boxes(&municipality), [none(), none(), vec![office.clone()], vec![office]]);
    }

    #[tokio::test]
    async fn a_server_that_does_not_answer_for_one_backup_does_not_keep_the_other_waiting() {
        let server = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = server.local_addr().unwrap().port();
        let table: PostTable = toml::from_str(&format!(
            "server = \"127.0.0.1\"\nport = {port}\nsecurity = \"plain-on-this-machine\"\nfrom = \"hwc@relay.example\"\n"
        ))
        .unwrap();
        let office = PostOffice::open(Post::check(&table, std::path::Path::to_owned).unwrap());
        let mailbox = |text: &str| Mailbox::parse(text).unwrap();
        let both = [mailbox("a@school.example"), mailbox("b@school.example")];
        let backups = Arc::new(move || both.to_vec());
        let to = To::Hosted { mailbox: mailbox("hwc@school.example"), backups };
        let reminding = tokio::spawn(async move {
            Mailer::over(office, to).remind(Notice::RemindBackup, Timestamp::now()).await
        });
        // Nobody is greeted: with one after the other nobody would come for the second in all that time.
        let both_come = async { [server.accept().await.unwrap(), server.accept().await.unwrap()] };
        let came = tokio::time::timeout(std::time::Duration::from_secs(20), both_come).await;
        assert!(came.is_ok(), "the second waits for the first");
        reminding.abort();
    }

    #[test]
    fn of_several_mails_the_worst_counts_and_no_room_first() {
        use Sent::{NoRoom, Refused, Taken, TooLate};
        assert_eq!(worst(&[]), Taken);
        assert_eq!(worst(&[Taken, Taken]), Taken);
        assert_eq!(worst(&[Taken, Refused, Taken]), Refused);
        assert_eq!(worst(&[TooLate, NoRoom, Refused]), NoRoom);
        assert_eq!(worst(&[NoRoom, Taken]), NoRoom);
    }
}
