//! Trying a row: everybody whose right it is not, all at once; then those whose right it is. Nothing may move in between.

use std::time::Duration;

use futures::future::join_all;

use crate::{
    cast::Seat,
    line::{Heard, INBOX, Line, Login, Message, PATIENCE, Saying},
    row::{Control, Deed, Evidence, Row, Verdict, bites, verdict},
    state::{self, State},
    world::{Actor, World},
};

/// What every attempt carries, so that it is known again wherever it comes out.
const MARK: &str = "Hwc-Probe";
/// How long an answer may take that perhaps does not come at all.
const ANSWER_WITHIN: Duration = Duration::from_millis(400);
/// How long what was let through may work on before anybody looks.
const CALM: Duration = Duration::from_millis(50);
/// How long an attack without permissions may take to show: schedules are kept by the second.
const SHOWS_WITHIN: Duration = Duration::from_secs(10);

/// A cell of the matrix.
pub(crate) type Cell = (Seat, Verdict);

/// Tries a row as everybody.
pub(crate) async fn everybody(world: &World, row: &Row) -> Vec<Cell> {
    let (owners, others): (Vec<_>, Vec<_>) = Seat::KNOWN.into_iter().partition(|seat| row.own.is(*seat));
    let mut cells = Vec::new();
    for (seats, own) in [(others, false), (owners, true)] {
        for (seat, evidence) in together(world, row, &seats, own).await {
            cells.push((seat, verdict(row, seat.name(), own, &evidence)));
        }
    }
    let refused = nobody(world, row).await;
    cells.push((Seat::Nobody, verdict(row, Seat::Nobody.name(), false, &refused)));
    cells.sort_by_key(|(seat, _)| *seat);
    cells
}

/// Tries a row as one of them alone.
pub(crate) async fn alone(world: &World, row: &Row, seat: Seat) -> Verdict {
    let own = row.own.is(seat);
    let evidence = together(world, row, &[seat], own).await.remove(0).1;
    let verdict = verdict(row, seat.name(), own, &evidence);
    // The server tells everybody about their own connections; it must be about nothing else.
    let others: Vec<_> = world.actors.values().filter(|actor| actor.seat != seat).collect();
    let names = |answer: &Message| {
        let of = |actor: &&Actor| [actor.seat.name().to_owned(), actor.key.public_key()];
        others.iter().flat_map(of).any(|name| answer.body.contains(&name))
    };
    let asks_the_server = matches!(row.deed, Deed::Says { to, .. } if to.starts_with("$SYS.REQ."));
    match &verdict {
        Verdict::Breach(what)
            if asks_the_server && what == "is answered" && !evidence.answers.iter().any(names) =>
        {
            Verdict::Own
        }
        _ => verdict,
    }
}

/// The same, by somebody without a key: there is no line to try it on.
async fn nobody(world: &World, row: &Row) -> Evidence {
    if let Deed::Does(deed) = row.deed {
        return deed(world, Seat::Nobody).await;
    }
    let not_admitted = Line::dial(world.port, &Login::Nobody, "_INBOX").await.err();
    Evidence { not_admitted, ..Evidence::default() }
}

/// Tries a row as these, and looks what became of everything.
async fn together(world: &World, row: &Row, seats: &[Seat], own: bool) -> Vec<(Seat, Evidence)> {
    if seats.is_empty() {
        return Vec::new();
    }
    let before = state::taken(&world.engine).await;
    let left = world.left.lock().unwrap().take();
    let late = left.map(|left| state::changed(&left, &before)).unwrap_or_default();
    assert_eq!(late, [""; 0], "before {:?} something that was tried earlier took effect", row.name);
    let watch = Watch::begin(world);
    let mut tried = attempts(world, row, seats).await;
    if tried.iter().any(|(_, evidence)| evidence.denied.is_empty() && evidence.not_admitted.is_none()) {
        tokio::time::sleep(CALM).await;
    }
    let after = state::taken(&world.engine).await;
    let seen = watch.look(world, row, seats, own).await;
    let mut changed = state::changed(&before, &after);
    // What one may change of one's own is nothing that another could be blamed for.
    changed.retain(|what| !own || !seats.iter().any(|seat| row.touches.allows(what, seat.name())));
    if !own {
        *world.left.lock().unwrap() = Some(after);
    }
    for (seat, evidence) in &mut tried {
        evidence.changed.clone_from(&changed);
        evidence.strays.clone_from(&seen.strays);
        evidence.arrived = seen.arrivals_of(*seat);
    }
    tried
}

async fn attempts(world: &World, row: &Row, seats: &[Seat]) -> Vec<(Seat, Evidence)> {
    if let Deed::Listens { to, queue } = row.deed {
        let listening = join_all(seats.iter().map(|seat| Listening::begin(world, *seat, to, queue))).await;
        world.stir().await;
        return join_all(listening.into_iter().map(Listening::end)).await;
    }
    join_all(seats.iter().map(|seat| async move { (*seat, attempt(world, row, *seat).await) })).await
}

async fn attempt(world: &World, row: &Row, seat: Seat) -> Evidence {
    match row.deed {
        Deed::Says { to, reply, headers, body } => {
            let fill = |text: &str| world.fill(text, seat);
            let headers = headers.iter().map(|(name, value)| ((*name).to_owned(), fill(value))).collect();
            say(world, seat, Saying { to: fill(to), reply: fill(reply), headers, body: fill(body) }).await
        }
        Deed::Submits(command) => {
            let body = serde_json::to_string(&command(&world.ids, seat)).unwrap();
            say(world, seat, Saying { to: world.fill("{submit}", seat), body, ..Saying::default() }).await
        }
        Deed::Fetches(fetch) => {
            let body = serde_json::to_string(&fetch(&world.ids, seat)).unwrap();
            say(world, seat, Saying { to: world.fill("{fetch}", seat), body, ..Saying::default() }).await
        }
        Deed::Does(deed) => deed(world, seat).await,
        Deed::Listens { .. } => Evidence::default(),
    }
}

/// Says it, and waits for what the broker and perhaps somebody else answers.
pub(crate) async fn say(world: &World, seat: Seat, mut saying: Saying) -> Evidence {
    let line = &world.actor(seat).line;
    saying.headers.push((MARK.to_owned(), seat.name().to_owned()));
    let asks = saying.reply.is_empty();
    if asks {
        saying.reply = line.new_inbox();
    }
    let from = line.mark();
    line.say(&saying).await;
    line.settle().await;
    let denied = denials(&line.since(from));
    if denied.is_empty() && asks {
        let ours =
            |heard: &Heard| matches!(heard, Heard::Message(message) if message.subject == saying.reply);
        // The engine answers everybody at their doors; the broker answers soon or not at all.
        let at_a_door = ["{submit}", "{fetch}", "{ask}", "{directory}"]
            .iter()
            .any(|door| saying.to == world.fill(door, seat));
        line.wait_for(if at_a_door { PATIENCE } else { ANSWER_WITHIN }, from, ours).await;
    }
    let answers = messages(line.since(from)).filter(|message| message.subject == saying.reply).collect();
    Evidence { denied, answers, ..Evidence::default() }
}

/// What the broker refused.
pub(crate) fn denials(heard: &[Heard]) -> Vec<String> {
    let denied = heard.iter().filter_map(|one| match one {
        Heard::Refused(why) => Some(why.clone()),
        _ => None,
    });
    denied.collect()
}

/// The messages in it.
pub(crate) fn messages(heard: Vec<Heard>) -> impl Iterator<Item = Message> {
    heard.into_iter().filter_map(|one| match one {
        Heard::Message(message) => Some(message),
        _ => None,
    })
}

/// A subscription that is tried.
struct Listening<'a> {
    seat: Seat,
    line: &'a Line,
    number: u64,
    from: usize,
}

impl<'a> Listening<'a> {
    async fn begin(world: &'a World, seat: Seat, to: &str, queue: &str) -> Self {
        let line = &world.actor(seat).line;
        let from = line.mark();
        let number = line.subscribe(&world.fill(to, seat), queue).await;
        line.settle().await;
        Self { seat, line, number, from }
    }

    async fn end(self) -> (Seat, Evidence) {
        self.line.settle().await;
        let heard = self.line.since(self.from);
        self.line.unsubscribe(self.number).await;
        // In an account of one's own these are one's own.
        let own = [&format!("_INBOX_{}.", self.seat.name()), "submit", "fetch", "ask", "directory"];
        let denied = denials(&heard);
        let over = messages(heard).filter(|message| {
            message.subscription == self.number && !own.iter().any(|own| message.subject.starts_with(own))
        });
        (self.seat, Evidence { denied, overheard: over.count(), ..Evidence::default() })
    }
}

/// Everybody's ears while something is tried.
struct Watch {
    engine: usize,
    inboxes: Vec<(Seat, usize)>,
}

impl Watch {
    fn begin(world: &World) -> Self {
        let inboxes = world.actors.iter().map(|(seat, actor)| (*seat, actor.line.mark())).collect();
        Self { engine: world.engine.mark(), inboxes }
    }

    /// What was heard up to now.
    async fn look(&self, world: &World, row: &Row, seats: &[Seat], own: bool) -> Seen {
        let mut seen = Seen::default();
        for (seat, from) in &self.inboxes {
            let line = &world.actor(*seat).line;
            line.settle().await;
            let inbox = format!("_INBOX_{}.", seat.name());
            // Whoever asked knows the number; a task comes under its own subject.
            let asked = |subject: &str| match subject.strip_prefix(&inbox) {
                Some(number) => number.parse::<u64>().is_ok(),
                None => subject.starts_with(&format!("hwc.task.{}.", seat.name())),
            };
            let strays =
                messages(line.since(*from)).filter(|m| m.subscription == INBOX && !asked(&m.subject));
            seen.strays.extend(strays.map(|_| seat.name().to_owned()));
        }
        world.engine.settle().await;
        // What the broker itself carries somewhere has no mark of ours. Where the law works or everything is stirred, much
        // goes around that nobody tried.
        let unmarked_counts = matches!(row.deed, Deed::Says { .. });
        let places = ["hwc.", "jrn.", "lead.", "$JS.API.STREAM.PURGE."];
        // A task that comes out at a door does so under its own subject.
        let of_ones_own = |subject: &str| {
            let of = |seat: &Seat| {
                let tasks = format!("hwc.task.{}.", seat.name());
                // The engine's record of the breach that was reported.
                subject == format!("hwc.submit.{}", seat.name())
                    || subject == "hwc.breach"
                    || subject.starts_with(&tasks)
            };
            own && seats.iter().any(of)
        };
        for message in messages(world.engine.since(self.engine)) {
            let marked = message.headers.lines().find_map(|line| line.strip_prefix(MARK)?.strip_prefix(": "));
            if let Some(seat) = marked {
                seen.marked.push((seat.to_owned(), message.subject));
            } else if unmarked_counts
                && places.iter().any(|place| message.subject.starts_with(place))
                && !of_ones_own(&message.subject)
            {
                seen.unmarked.push(message.subject);
            }
        }
        seen
    }
}

/// What came out in the engine's account and in inboxes.
#[derive(Default)]
struct Seen {
    /// Whose, and where.
    marked: Vec<(String, String)>,
    /// Where something came out that could be anybody's.
    unmarked: Vec<String>,
    /// In whose inbox something came that they had not asked for.
    strays: Vec<String>,
}

impl Seen {
    fn arrivals_of(&self, seat: Seat) -> Vec<String> {
        let own = self.marked.iter().filter(|(whose, _)| whose == seat.name());
        own.map(|(_, subject)| subject).chain(&self.unmarked).cloned().collect()
    }
}

/// Tries a row where nothing forbids it, and waits until it shows; whether it does.
pub(crate) async fn unhindered(world: &World, row: &Row) -> bool {
    let seat = Seat::SchoolA;
    let before = state::taken(&world.engine).await;
    let watch = Watch::begin(world);
    let mut evidence = attempts(world, row, &[seat]).await.remove(0).1;
    let since = std::time::Instant::now();
    loop {
        let after = state::taken(&world.engine).await;
        evidence.changed = told(&before, &after);
        let seen = watch.look(world, row, &[seat], false).await;
        evidence.arrived = seen.arrivals_of(seat);
        evidence.strays = seen.strays;
        let shown = bites(row, seat.name(), &evidence);
        let enough = match row.control {
            Control::LetThrough => evidence.denied.is_empty() && evidence.not_admitted.is_none(),
            Control::ForbiddenToAll => evidence.denied.iter().any(|said| said.contains("Publish with Reply")),
            Control::Shows(what) => {
                let what = world.fill(what, seat);
                shown.iter().any(|one| one.contains(&what))
            }
            _ => !shown.is_empty(),
        };
        if enough || since.elapsed() > SHOWS_WITHIN {
            return enough;
        }
        tokio::time::sleep(CALM).await;
    }
}

/// What changed, with what lies there now where that is the point.
fn told(before: &State, after: &State) -> Vec<String> {
    let changed = state::changed(before, after).into_iter();
    let told = changed.map(|key| match after.get(&key) {
        Some(now) if key.starts_with("what is at ") => format!("{key}: {now}"),
        _ => key,
    });
    told.collect()
}

/// Whether a row holds its own proof that it could succeed: somebody in it whose right it is, or a refusal that is about
/// something else than whose it is.
pub(crate) fn proves_itself(cells: &[Cell]) -> bool {
    cells.iter().any(|(_, verdict)| match verdict {
        Verdict::Own | Verdict::Limit => true,
        Verdict::Law(code) => !["gone", "not_yours"].contains(&code.as_str()),
        _ => false,
    })
}
