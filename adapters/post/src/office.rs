//! The post office of one process: tries a letter until it is taken, refused, or of no use any more.

use std::{sync::Arc, time::Duration};

use jiff::{SignedDuration, Timestamp};
use tokio::sync::{Semaphore, watch};

use crate::{
    Letter, Mail, Mailbox, Post, Purpose, patience,
    returned::{LOOK_EVERY, Returned},
    smtp::{self, Undelivered},
};

/// Letters that are under way or wait for their next try. More are not taken.
const LETTERS_MAX: usize = 256;
/// Conversations with the server at a time.
const CONVERSATIONS_MAX: usize = 2;

/// What became of a letter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sent {
    /// The server took it.
    Taken,
    /// The server refused it for good; whoever looks after this machine was told.
    Refused,
    /// It was of no use any more before it could go out; whoever looks after this machine was told.
    TooLate,
    /// Too many letters wait already.
    NoRoom,
}

/// What is wrong with the post just now; none when the last letter was taken. It names no mailbox.
pub type Failing = watch::Receiver<Option<String>>;

/// A post office. Cheap to clone.
#[derive(Debug, Clone)]
pub struct PostOffice {
    inner: Arc<Inner>,
}

struct Inner {
    post: Post,
    room: Semaphore,
    conversations: Semaphore,
    failing: watch::Sender<Option<String>>,
    returned: Returned,
    hurry: u32,
}

impl std::fmt::Debug for Inner {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("PostOffice")
    }
}

impl PostOffice {
    /// An office that works by these settings.
    pub fn open(post: Post) -> Self {
        Self::hurried(post, 1)
    }

    /// The same, with waits that are so many times shorter: for a rehearsal.
    pub fn hurried(post: Post, hurry: u32) -> Self {
        let (failing, _) = watch::channel(None);
        let (room, conversations) = (Semaphore::new(LETTERS_MAX), Semaphore::new(CONVERSATIONS_MAX));
        let returned = Returned::default();
        Self { inner: Arc::new(Inner { post, room, conversations, failing, returned, hurry }) }
    }

    /// How far the engine's clock is ahead of this machine's: nothing but for invented people.
    pub fn ahead(&self) -> SignedDuration {
        self.inner.post.ahead
    }

    /// What is wrong with the post, now and whenever that changes.
    pub fn failing(&self) -> Failing {
        self.inner.failing.subscribe()
    }

    /// One try. A letter whose answer got lost may have arrived.
    pub async fn try_once(&self, mail: Mail, to: &Mailbox) -> Result<(), Undelivered> {
        let letter = Letter::write(mail, to, &self.inner.post).map_err(|_| Undelivered::Unwritable)?;
        let _conversation = self.inner.conversations.acquire().await;
        let tried = smtp::send(&self.inner.post, &letter).await;
        self.inner.failing.send_replace(tried.as_ref().err().map(ToString::to_string));
        if tried.is_ok() {
            self.inner.returned.mailed(mail, to, Timestamp::now());
        }
        tried
    }

    /// What came back of what was mailed (`[post] returned`): what somebody must be told of, for a day; it names no mailbox. It is
    /// looked at for as long as somebody listens, and by one process only: whoever reads a message lays it aside.
    pub fn returned(&self) -> Failing {
        let (say, said) = watch::channel(None);
        let Some(folder) = self.inner.post.returned.clone() else { return said };
        let office = self.clone();
        tokio::spawn(async move {
            let mut look = tokio::time::interval(LOOK_EVERY / office.inner.hurry.max(1));
            loop {
                tokio::select! {
                    () = say.closed() => return,
                    _ = look.tick() => {}
                }
                let (office, folder) = (office.clone(), folder.clone());
                let looked = tokio::task::spawn_blocking(move || {
                    office.inner.returned.look(&folder, Timestamp::now())
                });
                if let Ok(found) = looked.await {
                    say.send_if_modified(|said| std::mem::replace(said, found.clone()) != found);
                }
            }
        });
        said
    }

    /// Delivers a mail, trying again as long as it is of use. Dropping it is safe: the letter is then not tried again.
    pub async fn deliver(&self, mail: Mail, to: &Mailbox, purpose: &Purpose) -> Sent {
        let Ok(_room) = self.inner.room.try_acquire() else {
            tracing::error!(notice = mail.name(), "a notice is not mailed: too many letters wait already");
            return Sent::NoRoom;
        };
        let mut attempts = 0;
        while let Some(wait) = patience::wait(Timestamp::now(), purpose, attempts, patience::dice()) {
            tokio::time::sleep(Duration::try_from(wait).unwrap_or_default() / self.inner.hurry.max(1)).await;
            match self.try_once(mail, to).await {
                Ok(()) => {
                    tracing::info!(notice = mail.name(), "a notice was mailed");
                    return Sent::Taken;
                }
                Err(error) if error.is_final() => {
                    tracing::error!(notice = mail.name(), %error, "a notice was refused and is not tried again");
                    return Sent::Refused;
                }
                Err(error) => {
                    attempts += 1;
                    tracing::warn!(notice = mail.name(), attempts, %error, "a notice did not go out yet");
                }
            }
        }
        tracing::error!(
            notice = mail.name(),
            attempts,
            "a notice did not go out in time and is of no use any more"
        );
        Sent::TooLate
    }
}
