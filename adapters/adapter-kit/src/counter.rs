//! The counter: where people on this machine speak to a running process, over a Unix socket in its own folder.
//!
//! One connection is one question and one answer, each of bounded size and within a bounded time. Only whoever the process
//! runs as (or root) is answered; nobody else gets near the socket, whose folder is closed to others. A [hatch](hatch) is a second
//! socket, for one other group, and answers less. Personal data crosses only enclosed, as [`Plaintext`], from memory to memory; both
//! ends wipe it, and nothing of it is written.
//!
//! ```text
//! question = length (4 bytes, big-endian) | JSON | where the question has an enclosure: length | bytes
//! answer   = length | JSON | how many enclosures (4 bytes) | for each: length | bytes
//! ```

pub mod hatch;

use std::{
    fs::{self, Permissions},
    future::Future,
    io,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use hwc_logbook::{Act, Acts};
use hwc_schemas::{letter::Plaintext, message};
use jiff::{Timestamp, tz::TimeZone};
use serde::{Serialize, de::DeserializeOwned};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{UnixListener, UnixStream},
    sync::Semaphore,
    time::timeout,
};
use zeroize::Zeroizing;

/// The socket's name in the process's folder.
const SOCKET: &str = "counter";

/// Largest question, in bytes: a verb and an id.
const QUESTION_BYTES_MAX: usize = 4 * 1024;
/// Largest answer without its enclosures, in bytes.
const ANSWER_BYTES_MAX: usize = 1024 * 1024;
/// Largest enclosure, in bytes: what a seal can hold.
const ENCLOSURE_BYTES_MAX: usize = hwc_vault::CONTENT_BYTES_MAX;
/// Largest enclosure of a question, in bytes: one child.
const ENCLOSED_QUESTION_BYTES_MAX: usize = 8 * 1024;
/// Most enclosures of one answer.
const ENCLOSURES_MAX: usize = 4096;
/// People who are served at once; the next waits outside.
const SERVED_MAX: usize = 16;
/// How long one end may take to say what it has to say.
const SAY_WITHIN: Duration = Duration::from_secs(5);
/// How long an answer may take: longer than the service takes to find out that the engine does not answer.
const ANSWER_WITHIN: Duration = Duration::from_mins(1);

/// What a process does for people.
pub trait Service: Send + Sync + 'static {
    /// What they ask.
    type Question: DeserializeOwned + Send;
    /// What they are told.
    type Reply: Serialize + Send + Sync;

    /// Answers, within a bounded time. It goes on when whoever asked has left.
    fn answer(&self, question: Self::Question) -> impl Future<Output = Said<Self::Reply>> + Send;

    /// What a question does, in a word of the audit log; none if it only looks at what names nobody.
    fn act(_question: &Self::Question) -> Option<&'static str> {
        None
    }

    /// Whether an act was done, or may have been.
    fn is_done(_reply: &Self::Reply) -> bool {
        false
    }

    /// Whether this question has an enclosure: something about a person.
    fn has_an_enclosure(_question: &Self::Question) -> bool {
        false
    }

    /// Answers a question that has an enclosure.
    fn answer_to(
        &self,
        question: Self::Question,
        enclosed: Plaintext,
    ) -> impl Future<Output = Said<Self::Reply>> + Send {
        drop(enclosed);
        self.answer(question)
    }
}

/// An answer, and what is enclosed with it.
pub struct Said<R> {
    /// The answer, which holds nothing about a person.
    pub reply: R,
    /// What is about a person.
    pub enclosed: Vec<Plaintext>,
}

impl<R> From<R> for Said<R> {
    fn from(reply: R) -> Self {
        Self { reply, enclosed: Vec::new() }
    }
}

/// Why there is no counter. Matters to the operator of this machine.
#[derive(Debug, thiserror::Error)]
#[error("{path}: {source}")]
pub struct CounterError {
    /// The socket.
    path: PathBuf,
    /// Why.
    source: io::Error,
}

/// Why a question got no answer. Matters to the person who asked.
#[derive(Debug, thiserror::Error)]
pub enum AskError {
    /// No process is there.
    #[error("nobody answers at {0}; start the process of this organisation, with the same state folder")]
    NobodyThere(PathBuf),
    /// The socket belongs to somebody else, or we may not use it.
    #[error("{0} is not ours to use; ask as the user that the process runs as")]
    NotOurs(PathBuf),
    /// Whoever answers at a hatch is not the user whose hatch it is.
    #[error("whoever answers at {0} is not the user whose folder it lies in; nothing was asked")]
    NotTheirs(PathBuf),
    /// It hung up: it stopped, or it is of another version.
    #[error("the process hung up; is it of the same version as this program, and still running?")]
    HungUp,
    /// It did not answer.
    #[error(
        "the process did not answer in time; what was asked may have been done: look before asking again"
    )]
    NoAnswer,
}

/// An open counter.
#[derive(Debug)]
pub struct Counter {
    listener: UnixListener,
    admits: Admits,
    acts: Option<Arc<Acts>>,
}

/// Who is answered: we ourselves, root, and at a hatch whoever runs with this group. Nobody else.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Admits {
    us: u32,
    group: Option<u32>,
}

impl Admits {
    fn us_alone() -> Self {
        Self { us: rustix::process::geteuid().as_raw(), group: None }
    }

    /// Whether the other end, of this user and group, is answered.
    fn admits(self, user: u32, group: u32) -> bool {
        user == self.us || user == 0 || self.group == Some(group)
    }

    /// The user at the other end, if that one is answered.
    fn who(self, stream: &UnixStream) -> Option<u32> {
        let peer = stream.peer_cred().ok()?;
        self.admits(peer.uid(), peer.gid()).then(|| peer.uid())
    }
}

impl Counter {
    /// Opens the counter of a process that holds this folder alone, so that a socket which lies there is nobody's any more.
    pub fn open(folder: &Path) -> Result<Self, CounterError> {
        let path = folder.join(SOCKET);
        let failed = |source| CounterError { path: path.clone(), source };
        match fs::remove_file(&path) {
            Err(source) if source.kind() != io::ErrorKind::NotFound => return Err(failed(source)),
            _ => {}
        }
        let listener = UnixListener::bind(&path).map_err(failed)?;
        fs::set_permissions(&path, Permissions::from_mode(0o600)).map_err(failed)?;
        Ok(Self { listener, admits: Admits::us_alone(), acts: None })
    }

    /// Noting who did what there, by the number of the user who asked.
    #[must_use]
    pub fn noting(self, acts: Arc<Acts>) -> Self {
        Self { acts: Some(acts), ..self }
    }

    /// Serves until it is to close; then nobody new, and it returns when everybody who was being served has left.
    pub async fn serve<S: Service>(self, service: Arc<S>, closing: impl Future<Output = ()>) {
        let mut closing = std::pin::pin!(closing);
        let places = Arc::new(Semaphore::new(SERVED_MAX));
        loop {
            let Ok(place) = Arc::clone(&places).acquire_owned().await else { return };
            let accepted = tokio::select! {
                accepted = self.listener.accept() => accepted,
                () = &mut closing => break,
            };
            match accepted {
                Ok((stream, _)) => {
                    let (service, admits, acts) = (Arc::clone(&service), self.admits, self.acts.clone());
                    tokio::spawn(async move {
                        serve_one(stream, admits, acts.as_deref(), &*service).await;
                        drop(place);
                    });
                }
                Err(error) => {
                    tracing::warn!(%error, "somebody could not be let to the counter");
                    tokio::time::sleep(Duration::from_millis(100)).await;
                }
            }
        }
        let all = u32::try_from(SERVED_MAX).unwrap_or(u32::MAX);
        let _ = places.acquire_many(all).await;
    }
}

async fn serve_one<S: Service>(mut stream: UnixStream, admits: Admits, acts: Option<&Acts>, service: &S) {
    let Some(who) = admits.who(&stream) else {
        tracing::warn!("somebody who may not asked at the counter and was not answered");
        return;
    };
    let Some(question) = within_saying(read_frame(&mut stream, QUESTION_BYTES_MAX)).await else { return };
    let Ok(question) = message::read::<S::Question>(&question) else {
        tracing::warn!("a question at the counter is none that is answered there; is it of another version?");
        return;
    };
    let act = S::act(&question);
    let said = if S::has_an_enclosure(&question) {
        let enclosed = within_saying(read_frame(&mut stream, ENCLOSED_QUESTION_BYTES_MAX)).await;
        let Some(enclosed) = enclosed else { return };
        service.answer_to(question, Plaintext::from_opened(enclosed)).await
    } else {
        service.answer(question).await
    };
    if let (Some(acts), Some(act)) = (acts, act)
        && S::is_done(&said.reply)
    {
        note(acts, who, act);
    }
    // Whoever asked may be gone.
    let _ = within_saying(write_answer(&mut stream, &said)).await;
}

/// What cannot be written is said in the log, and the act is done all the same, as on a page.
fn note(acts: &Acts, user: u32, act: &'static str) {
    let day = TimeZone::UTC.to_datetime(Timestamp::now()).date();
    let (actor, act) = (format!("uid-{user}"), act.to_owned());
    if let Err(error) = acts.note(Act { day, actor, act, kind: None, reason: None, done: None }) {
        tracing::error!(%error, "an act could not be written into the audit log");
    }
}

/// Asks the process that holds this folder.
pub async fn ask<Q: Serialize, R: DeserializeOwned>(
    folder: &Path,
    question: &Q,
) -> Result<Said<R>, AskError> {
    ask_about(folder, question, None).await
}

/// Asks the process that holds this folder, enclosing something about a person if the question says so.
pub async fn ask_about<Q: Serialize, R: DeserializeOwned>(
    folder: &Path,
    question: &Q,
    enclosed: Option<&Plaintext>,
) -> Result<Said<R>, AskError> {
    let path = folder.join(SOCKET);
    let stream = call(&path).await?;
    if Admits::us_alone().who(&stream).is_none() {
        return Err(AskError::NotOurs(path));
    }
    say(stream, question, enclosed).await
}

/// Says a question to whoever is known to be the right one, and hears the answer.
async fn say<Q: Serialize, R: DeserializeOwned>(
    mut stream: UnixStream,
    question: &Q,
    enclosed: Option<&Plaintext>,
) -> Result<Said<R>, AskError> {
    let question = serde_json::to_vec(question).map_err(|_| AskError::HungUp)?;
    let asked = within_saying(write_frame(&mut stream, &question)).await;
    asked.ok_or(AskError::HungUp)?;
    if let Some(enclosed) = enclosed {
        let handed = within_saying(write_frame(&mut stream, enclosed.as_bytes())).await;
        handed.ok_or(AskError::HungUp)?;
    }
    let answered = timeout(ANSWER_WITHIN, read_answer(&mut stream)).await;
    answered.map_err(|_| AskError::NoAnswer)?.map_err(|_| AskError::HungUp)
}

async fn call(path: &Path) -> Result<UnixStream, AskError> {
    UnixStream::connect(path).await.map_err(|error| match error.kind() {
        io::ErrorKind::PermissionDenied => AskError::NotOurs(path.into()),
        _ => AskError::NobodyThere(path.into()),
    })
}

async fn within_saying<T>(saying: impl Future<Output = io::Result<T>>) -> Option<T> {
    timeout(SAY_WITHIN, saying).await.ok()?.ok()
}

async fn write_answer<R: Serialize>(stream: &mut UnixStream, said: &Said<R>) -> io::Result<()> {
    write_frame(stream, &serde_json::to_vec(&said.reply)?).await?;
    stream.write_all(&length(said.enclosed.len())?).await?;
    for enclosure in &said.enclosed {
        write_frame(stream, enclosure.as_bytes()).await?;
    }
    stream.shutdown().await
}

async fn read_answer<R: DeserializeOwned>(stream: &mut UnixStream) -> io::Result<Said<R>> {
    let reply = message::read(&read_frame(stream, ANSWER_BYTES_MAX).await?).map_err(io::Error::other)?;
    let count = read_length(stream, ENCLOSURES_MAX).await?;
    let mut enclosed = Vec::new();
    for _ in 0..count {
        enclosed.push(Plaintext::from_opened(read_frame(stream, ENCLOSURE_BYTES_MAX).await?));
    }
    Ok(Said { reply, enclosed })
}

async fn write_frame(stream: &mut UnixStream, bytes: &[u8]) -> io::Result<()> {
    stream.write_all(&length(bytes.len())?).await?;
    stream.write_all(bytes).await
}

/// Wiped when dropped, and made once, so that no unwiped copy is left by a buffer that grew.
async fn read_frame(stream: &mut UnixStream, bytes_max: usize) -> io::Result<Zeroizing<Vec<u8>>> {
    let mut bytes = Zeroizing::new(vec![0; read_length(stream, bytes_max).await?]);
    stream.read_exact(&mut bytes).await?;
    Ok(bytes)
}

async fn read_length(stream: &mut UnixStream, most: usize) -> io::Result<usize> {
    let length = usize::try_from(stream.read_u32().await?).map_err(io::Error::other)?;
    if length > most { Err(io::Error::other("longer than it may be")) } else { Ok(length) }
}

fn length(of: usize) -> io::Result<[u8; 4]> {
    u32::try_from(of).map(u32::to_be_bytes).map_err(io::Error::other)
}

#[cfg(test)]
mod tests {
    use super::*;

    pub(super) struct Parrot;

    impl Service for Parrot {
        type Question = String;
        type Reply = String;

        fn act(question: &String) -> Option<&'static str> {
            question.starts_with("bite").then_some("bitten")
        }

        fn is_done(reply: &String) -> bool {
            reply != "bite the cat"
        }

        async fn answer(&self, question: String) -> Said<String> {
            let secret = Plaintext::from_opened(Zeroizing::new(question.clone().into_bytes()));
            Said { reply: question, enclosed: vec![secret] }
        }
    }

    /// A parrot behind a counter, in a folder of its own.
    fn parrot() -> (tempfile::TempDir, tokio::task::JoinHandle<()>) {
        let folder = tempfile::tempdir().unwrap();
        let counter = Counter::open(folder.path()).unwrap();
        let serving = tokio::spawn(counter.serve(Arc::new(Parrot), std::future::pending()));
        (folder, serving)
    }

    #[tokio::test]
    async fn a_question_is_answered_and_what_is_enclosed_arrives() {
        let (folder, _serving) = parrot();
        let said: Said<String> = ask(folder.path(), &"lorre").await.unwrap();
        assert_eq!(said.reply, "lorre");
        assert_eq!(said.enclosed[0].as_bytes(), b"lorre");
        let mode = fs::metadata(folder.path().join(SOCKET)).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }

    #[tokio::test]
    async fn who_did_what_is_noted_to_the_day_and_nothing_of_what_it_was_done_to() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join(Acts::FILE);
        let acts = Arc::new(Acts::open(&file, 3, jiff::civil::date(2026, 1, 1)).unwrap());
        let counter = Counter::open(folder.path()).unwrap().noting(Arc::clone(&acts));
        tokio::spawn(counter.serve(Arc::new(Parrot), std::future::pending()));
        for question in ["lorre", "bite the cat", "bite 5b20e7"] {
            let said: Said<String> = ask(folder.path(), &question).await.unwrap();
            assert_eq!(said.reply, question);
        }
        let noted: Vec<_> = acts.last(9, |_| true).into_iter().map(|one| (one.actor, one.act)).collect();
        let us = format!("uid-{}", rustix::process::geteuid().as_raw());
        assert_eq!(noted, [(us, "bitten".to_owned())]);
        assert!(!fs::read_to_string(&file).unwrap().contains("5b20e7"));
        assert_eq!(hwc_logbook::verify(&file, None).unwrap().lines, 1);
    }

    #[test]
    fn a_counter_answers_us_and_root_and_a_hatch_one_group_besides() {
        let counter = Admits { us: 990, group: None };
        let hatch = Admits { us: 990, group: Some(985) };
        for (user, group, at_the_counter, at_the_hatch) in [
            (990, 990, true, true),
            (0, 0, true, true),
            (985, 985, false, true),
            (991, 985, false, true),
            (985, 991, false, false),
            (991, 991, false, false),
            (65_534, 65_534, false, false),
        ] {
            let answered = (counter.admits(user, group), hatch.admits(user, group));
            assert_eq!(answered, (at_the_counter, at_the_hatch), "{user}:{group}");
        }
    }

    #[tokio::test]
    async fn what_is_no_question_or_too_long_a_one_is_hung_up_on_and_the_next_is_served() {
        let (folder, _serving) = parrot();
        for bytes in [&b"\xff\xff\xff\xff"[..], &b"\x00\x00\x10\x01"[..], &b"\x00\x00\x00\x01{"[..], b""] {
            let mut stream = UnixStream::connect(folder.path().join(SOCKET)).await.unwrap();
            stream.write_all(bytes).await.unwrap();
            stream.shutdown().await.unwrap();
            let mut said = Vec::new();
            // It may hang up before it has read all of it, which is an error here.
            let _ = stream.read_to_end(&mut said).await;
            assert_eq!(said, b"");
        }
        let said: Said<String> = ask(folder.path(), &"lorre").await.unwrap();
        assert_eq!(said.reply, "lorre");
        let said: Result<Said<String>, _> = ask(folder.path(), &"l".repeat(QUESTION_BYTES_MAX)).await;
        assert!(matches!(said, Err(AskError::HungUp)));
    }

    #[tokio::test]
    async fn who_only_stands_there_takes_no_place_for_long_and_holds_nobody_up() {
        let (folder, _serving) = parrot();
        let mut idlers = Vec::new();
        for _ in 0..SERVED_MAX - 1 {
            idlers.push(UnixStream::connect(folder.path().join(SOCKET)).await.unwrap());
        }
        let said: Said<String> = ask(folder.path(), &"lorre").await.unwrap();
        assert_eq!(said.reply, "lorre");
    }

    #[tokio::test]
    async fn a_counter_that_closes_serves_to_the_end_whoever_is_there_and_nobody_new() {
        let folder = tempfile::tempdir().unwrap();
        let counter = Counter::open(folder.path()).unwrap();
        let (close, closing) = tokio::sync::oneshot::channel::<()>();
        let serving = tokio::spawn(counter.serve(Arc::new(Parrot), async { _ = closing.await }));
        let mut stream = UnixStream::connect(folder.path().join(SOCKET)).await.unwrap();
        stream.write_all(&[0, 0, 0, 7, b'"', b'l']).await.unwrap();
        // Somebody else was served after that, so the first one is inside.
        let said: Said<String> = ask(folder.path(), &"koko").await.unwrap();
        assert_eq!(said.reply, "koko");
        close.send(()).unwrap();
        stream.write_all(b"orre\"").await.unwrap();
        let answer: Said<String> = read_answer(&mut stream).await.unwrap();
        assert_eq!(answer.reply, "lorre");
        serving.await.unwrap();
        let nobody: Result<Said<String>, _> = ask(folder.path(), &"koko").await;
        assert!(matches!(nobody, Err(AskError::NobodyThere(_))));
    }

    #[tokio::test]
    async fn where_no_process_is_a_question_is_told_so_and_a_socket_left_behind_is_replaced() {
        let folder = tempfile::tempdir().unwrap();
        let nobody = |said: Result<Said<String>, _>| matches!(said, Err(AskError::NobodyThere(_)));
        assert!(nobody(ask(folder.path(), &"lorre").await));
        drop(Counter::open(folder.path()).unwrap());
        assert!(folder.path().join(SOCKET).exists() && nobody(ask(folder.path(), &"lorre").await));
        Counter::open(folder.path()).unwrap();
    }
}
