//! The isolation matrix: everybody tries everything on a real broker, and every cell says who refused.
//!
//! Who refused is decided from what was seen: what the broker said before it answered the ping behind the attempt, what the
//! engine answered, where the attempt came out, who heard something, and whether streams, consumers and settings are as
//! they were. A second run takes the permissions away and shows that the attempts bite.
#![cfg(test)]

mod cast;
mod engine;
mod ground;
mod line;
mod page;
mod row;
mod rows;
mod run;
mod state;
mod world;

use std::fmt::Write as _;

use futures::{StreamExt as _, stream};
use hwc_jetstream::Credential;

use crate::{
    cast::Seat,
    ground::{Ground, key_of},
    line::{Line, Login},
    row::{Control, Deed, Row, Verdict},
    world::World,
};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nobody_reaches_what_is_anothers_and_every_cell_says_who_refused() {
    let ((world, _ground), (alone, _other_ground)) = tokio::join!(World::closed(), World::unpermissioned());
    let mut matrix = Vec::new();
    let mut breaches = String::new();
    let mut unproven = Vec::new();
    for group in rows::ALL {
        let mut rows = Vec::new();
        for row in group.rows {
            let cells = run::everybody(&world, row).await;
            for (seat, verdict) in &cells {
                if matches!(verdict, Verdict::Breach(_) | Verdict::ReachedNothing) {
                    let _ = writeln!(breaches, "  {}, {}: {verdict}", row.name, seat.title());
                }
            }
            if row.control == Control::InTheRow && !run::proves_itself(&cells) {
                unproven.push(row.name);
            }
            // The law is the same wherever one speaks from.
            let by_account = match row.deed {
                Deed::Submits(_) | Deed::Fetches(_) => None,
                _ => Some(run::alone(&alone, row, Seat::SchoolA).await),
            };
            if let Some(verdict @ Verdict::Breach(_)) = &by_account {
                let _ = writeln!(breaches, "  {}, by the accounts alone: {verdict}", row.name);
            }
            rows.push((cells, by_account));
        }
        matrix.push((group, rows));
    }
    assert!(breaches.is_empty(), "what must not work:\n{breaches}");
    assert_eq!(unproven, [""; 0], "no cell of these rows could succeed");
    page::committed(&page::page(&matrix));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_permissions_every_attempt_takes_effect() {
    let attempts: Vec<&Row> = rows::ALL
        .iter()
        .flat_map(|group| group.rows)
        .filter(|row| !matches!(row.control, Control::InTheRow | Control::InAnotherRow))
        .collect();
    // An account for each attempt, shared by everybody in it; and one of the server's own.
    let system = Credential::generate();
    let shared: Vec<_> = attempts.iter().map(|_| Credential::generate()).collect();
    let mut accounts =
        format!("accounts {{\n  \"SYS\" {{ users: [ {{ nkey: \"{}\" }} ] }}\n", system.public());
    for (nth, key) in shared.iter().enumerate() {
        let _ = writeln!(
            accounts,
            "  \"OPEN-{nth}\" {{ jetstream: enabled, users: [ {{ nkey: \"{}\" }} ] }}",
            key.public()
        );
    }
    accounts.push_str("}\nsystem_account: \"SYS\"\n");
    let (open, unnamed) = tokio::join!(Ground::with(accounts), Ground::with(String::new()));
    let tried = stream::iter(attempts.into_iter().zip(&shared)).map(|(row, key)| {
        let (broker, unnamed, system) = (&open.broker, &unnamed.broker, key_of(&system));
        async move {
            let mut world = World::open(broker, key).await;
            match row.control {
                Control::WorksInTheSystem => {
                    let attacker = world.actors.get_mut(&Seat::SchoolA).unwrap();
                    attacker.line =
                        Line::dial(world.port, &Login::Key(&system), "_INBOX_school-01AA00").await.unwrap();
                    attacker.line.subscribe("_INBOX_school-01AA00.>", "").await;
                }
                Control::WorksWithoutNames => world.port = unnamed.port(),
                _ => {}
            }
            (row.name, run::unhindered(&world, row).await)
        }
    });
    let tried: Vec<_> = tried.buffer_unordered(4).collect().await;
    let harmless: Vec<_> = tried.iter().filter(|(_, shown)| !shown).map(|(name, _)| *name).collect();
    assert_eq!(harmless, [""; 0], "these attempts show nothing even where nothing forbids them");
}

#[tokio::test]
async fn the_broker_listens_for_clients_only_and_greets_nobody_with_a_name() {
    let (world, ground) = World::closed().await;
    // Each kind of listener, with its addresses: the server itself says which there are.
    let folder = std::fs::read_dir(ground.broker.folder()).unwrap().map(|entry| entry.unwrap().path());
    let ports = folder.filter(|path| path.extension().is_some_and(|kind| kind == "ports")).last().unwrap();
    let ports: serde_json::Value = serde_json::from_slice(&std::fs::read(ports).unwrap()).unwrap();
    let kinds: Vec<_> = ports.as_object().unwrap().keys().collect();
    assert_eq!(kinds, ["nats"], "{ports}");
    let (_line, greeting) = Line::lift(world.port, "_INBOX").await;
    let greeting = greeting.to_string();
    for actor in world.actors.values() {
        for name in [actor.seat.name().to_owned(), actor.key.public_key()] {
            assert!(!greeting.contains(&name), "{greeting}");
        }
    }
}
