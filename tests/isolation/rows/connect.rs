//! To get in: without a key, with another's name, more than once, with too much.

use nkeys::KeyPair;

use crate::{
    cast::Seat,
    line::{CALLS_MAX, Heard, Line, Login, Saying},
    row::{Control, Doing, Evidence, Row, Touches, does},
    run::{denials, messages},
    world::World,
};

pub(crate) const ROWS: &[Row] = &[
    does("connect without a key", without_a_key).shown_by(Control::WorksWithoutNames),
    does("connect with a key that the broker does not know", unknown_key)
        .shown_by(Control::WorksWithoutNames),
    does("connect with another's public key, signed with one's own", pretending)
        .shown_by(Control::WorksWithoutNames),
    does("connect with a name and a password", password).shown_by(Control::WorksWithoutNames),
    does("speak before saying who one is", unannounced).shown_by(Control::WorksWithoutNames),
    does("connect with one's own key and listen to another's inbox", anothers_inbox),
    does("connect twice", twice).own(Touches::Nothing),
    does("say more at once than a message may hold", oversize).own(Touches::Nothing),
    does("hold forty lines at once", many_lines).own(Touches::Nothing),
    does("listen to four hundred subjects of one's own", many_subjects).own(Touches::Nothing),
];

fn admitted(dialled: Result<Line, String>) -> Evidence {
    match dialled {
        Ok(_) => Evidence { effects: vec!["is let in".to_owned()], ..Evidence::default() },
        Err(why) => Evidence { not_admitted: Some(why), ..Evidence::default() },
    }
}

pub(super) fn without_a_key(world: &World, _: Seat) -> Doing<'_> {
    Box::pin(async { admitted(Line::dial(world.port, &Login::Nobody, "_INBOX").await) })
}

fn unknown_key(world: &World, _: Seat) -> Doing<'_> {
    Box::pin(async { admitted(Line::dial(world.port, &Login::Key(&KeyPair::new_user()), "_INBOX").await) })
}

fn password(world: &World, _: Seat) -> Doing<'_> {
    Box::pin(async { admitted(Line::dial(world.port, &Login::Password, "_INBOX").await) })
}

fn pretending(world: &World, seat: Seat) -> Doing<'_> {
    Box::pin(async move {
        let public = world.actor(seat.other()).key.public_key();
        let stray = KeyPair::new_user();
        let key = world.actors.get(&seat).map_or(&stray, |actor| &actor.key);
        admitted(Line::dial(world.port, &Login::Pretends(&public, key), "_INBOX").await)
    })
}

fn unannounced(world: &World, seat: Seat) -> Doing<'_> {
    Box::pin(async move {
        let words = format!("SUB > 1\r\nPUB hwc.submit.{} 1\r\nx\r\nPING\r\n", seat.other().name());
        for _ in 0..CALLS_MAX {
            let (line, _) = Line::lift(world.port, "_INBOX").await;
            line.write(words.as_bytes()).await;
            match line.wait(0, |_| true).await {
                // The last words were lost on the way.
                Some(Heard::HungUp) => {}
                Some(Heard::Refused(why)) => {
                    return Evidence { not_admitted: Some(why), ..Evidence::default() };
                }
                said => return Evidence { effects: vec![format!("hears {said:?}")], ..Evidence::default() },
            }
        }
        panic!("the line is cut without a word every time")
    })
}

fn anothers_inbox(world: &World, seat: Seat) -> Doing<'_> {
    Box::pin(async move {
        let Some(actor) = world.actors.get(&seat) else { return without_a_key(world, seat).await };
        let inbox = format!("_INBOX_{}", seat.other().name());
        let line = Line::dial(world.port, &Login::Key(&actor.key), &inbox).await.unwrap();
        let number = line.subscribe(&format!("{inbox}.>"), "").await;
        line.settle().await;
        world.stir().await;
        line.settle().await;
        let heard = line.since(0);
        let denied = denials(&heard);
        let over = messages(heard).filter(|message| message.subscription == number);
        Evidence { denied, overheard: over.count(), ..Evidence::default() }
    })
}

fn twice(world: &World, seat: Seat) -> Doing<'_> {
    Box::pin(async move {
        let Some(actor) = world.actors.get(&seat) else { return without_a_key(world, seat).await };
        let inbox = format!("_INBOX_{}", seat.name());
        let line = Line::dial(world.port, &Login::Key(&actor.key), &inbox).await.unwrap();
        line.subscribe(&format!("{inbox}.>"), "").await;
        // Both lines work, and both are the same member.
        let door = if seat.has_doors() { world.fill("{submit}", seat) } else { "$JS.API.INFO".to_owned() };
        let numbered = Line::ask(&line, &door, "").await;
        assert!(numbered.is_some(), "the second line gets no answer");
        actor.line.settle().await;
        Evidence::default()
    })
}

fn oversize(world: &World, seat: Seat) -> Doing<'_> {
    Box::pin(async move {
        let Some(actor) = world.actors.get(&seat) else { return without_a_key(world, seat).await };
        let line = Line::dial(world.port, &Login::Key(&actor.key), "_INBOX").await.unwrap();
        let from = line.mark();
        let body = "x".repeat(1024 * 1024 + 1);
        line.say(&Saying { to: "submit".to_owned(), body, ..Saying::default() }).await;
        line.wait(from, |heard| matches!(heard, Heard::Refused(_) | Heard::HungUp)).await;
        Evidence { denied: denials(&line.since(from)), ..Evidence::default() }
    })
}

fn many_lines(world: &World, seat: Seat) -> Doing<'_> {
    Box::pin(async move {
        let Some(actor) = world.actors.get(&seat) else { return without_a_key(world, seat).await };
        let mut lines = Vec::new();
        for _ in 0..40 {
            match Line::dial(world.port, &Login::Key(&actor.key), "_INBOX").await {
                Ok(line) => lines.push(line),
                Err(why) => return Evidence { denied: vec![why], ..Evidence::default() },
            }
        }
        Evidence::default()
    })
}

fn many_subjects(world: &World, seat: Seat) -> Doing<'_> {
    Box::pin(async move {
        let Some(actor) = world.actors.get(&seat) else { return without_a_key(world, seat).await };
        let inbox = format!("_INBOX_{}", seat.name());
        let line = Line::dial(world.port, &Login::Key(&actor.key), &inbox).await.unwrap();
        for nth in 0..400 {
            line.subscribe(&format!("{inbox}.{nth}.x"), "").await;
        }
        line.settle().await;
        Evidence { denied: denials(&line.since(0)), ..Evidence::default() }
    })
}
