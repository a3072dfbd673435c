//! What lies aside at the broker: tasks, mails, and what the engine leaves alone.

use std::collections::BTreeSet;

use hwc_jetstream::{
    Fault, Feed, LyingTask, UntoldMails, feeds, inventory, mails_heard, mails_hurried, tasks_lying,
    untold_mails, withdraw_task,
};
use hwc_schemas::{Organisation, Role};
use hwc_telemetry::{TaskKind, Word as _};
use jiff::{SignedDuration, Timestamp};

use super::{DeadError, Kind, Letter};
use crate::{
    engine::EngineError,
    ops::{check::Ground, flight::Flight},
    settings::Common,
};

/// How long a task may lie with an organisation that asks for none before it is said: a program that is started anew is there by then.
const UNWORKED_AFTER: SignedDuration = SignedDuration::from_mins(10);
/// How long a task may lie that the journal owes nobody: its acknowledgement may be under way.
const STALE_AFTER: SignedDuration = SignedDuration::from_mins(2);
/// How long a mail may wait before it is said.
const MAILED_WITHIN: SignedDuration = SignedDuration::from_mins(2);

/// A region, as an engine's settings say where it is.
pub(super) struct Broker {
    ground: Ground,
}

impl Broker {
    pub(super) async fn read(common: &Common) -> Result<Self, DeadError> {
        Ok(Self { ground: Ground::read(common).await? })
    }

    pub(super) fn state(&self) -> (&std::path::Path, u16) {
        let relay = &self.ground.settings.relay;
        (&relay.state_dir, relay.kept.audit_years)
    }

    pub(super) async fn letters(&self) -> Result<Vec<Letter>, DeadError> {
        let link = &self.ground.link;
        // Tasks first: what is owed when they were read is still owed in the journal that is read after them, or was settled.
        let tasks = tasks_lying(link).await.map_err(fault)?;
        let feeds = feeds(link).await.map_err(fault)?;
        let before = inventory(link).await.map_err(fault)?;
        let flight = Flight::of(&self.ground.histories().await?);
        let after = inventory(link).await.map_err(fault)?;
        let mails = untold_mails(link).await.map_err(fault)?;
        let now = Timestamp::now();
        let mut letters = Vec::new();
        for (incident, problem) in &flight.alarmed {
            letters.push(Letter::new(Kind::Alarm, &incident.to_string(), "engine", problem.clone()));
        }
        let there: BTreeSet<_> = before.iter().chain(&after).map(|one| one.payload).collect();
        for (payload, sealed_to) in flight.held() {
            if !there.contains(&payload) {
                let says = format!("sealed to {sealed_to}, and nowhere");
                letters.push(Letter::new(Kind::Missing, &payload.to_string(), sealed_to.to_string(), says));
            }
        }
        letters.extend(tasks.iter().filter_map(|task| judged(task, &feeds, &flight, now)));
        letters.extend(mails_that_wait(&mails, now));
        Ok(letters)
    }

    pub(super) async fn retry(&self, letter: &Letter) -> Result<&'static str, DeadError> {
        if letter.kind == Kind::BreachMails {
            mails_hurried(&self.ground.link).await.map_err(fault)?;
            return Ok("the engine that leads tries them again now");
        }
        self.withdraw(letter).await?;
        Ok("taken back; what is still owed is offered anew within a minute")
    }

    pub(super) async fn let_go(&self, letter: &Letter) -> Result<&'static str, DeadError> {
        if letter.kind == Kind::BreachMails {
            mails_heard(&self.ground.link).await.map_err(fault)?;
            return Ok("they are not mailed any more; the records of the breaches stay (R24)");
        }
        self.withdraw(letter).await?;
        Ok("gone; the journal owed it to nobody")
    }

    async fn withdraw(&self, letter: &Letter) -> Result<(), DeadError> {
        let tasks = tasks_lying(&self.ground.link).await.map_err(fault)?;
        let named =
            tasks.iter().find(|task| Letter::new(letter.kind, &name(task), "", "").code == letter.code);
        let place = named.ok_or_else(|| DeadError::Unknown(letter.code.clone()))?.place;
        withdraw_task(&self.ground.link, place).await.map_err(fault)?;
        Ok(())
    }
}

fn fault(fault: Fault) -> DeadError {
    DeadError::Serve(EngineError::from(fault).into())
}

/// What tells a task from all others.
fn name(task: &LyingTask) -> String {
    format!("{}/{}", task.organisation, task.place)
}

/// What is wrong with a task; none if it only waits for somebody who is there.
fn judged(task: &LyingTask, feeds: &[Feed], flight: &Flight, now: Timestamp) -> Option<Letter> {
    let lies = task.since.map(|since| now.duration_since(since));
    let longer = |than| lies.is_some_and(|lies| lies > than);
    let letter = |kind, says: String| {
        let whose = task.organisation.to_string();
        let letter = Letter::new(kind, &name(task), whose, says).told_once(task.told_once);
        Some(letter.lying_for(lies.map(|lies| lies.as_secs())))
    };
    let Some(asked) = &task.task else {
        return letter(Kind::UnreadableTask, "this program cannot read it".to_owned());
    };
    let kind = TaskKind::of(asked).word();
    // While the log of one incident cannot be read, what it owes is not known.
    if flight.alarmed.is_empty() && longer(STALE_AFTER) && !flight.owes(asked) {
        return letter(Kind::StaleTask, format!("task {kind}: the journal owes it to nobody"));
    }
    let away = longer(UNWORKED_AFTER) && !asks(feeds, &task.organisation);
    if away { letter(Kind::UnworkedTask, format!("task {kind}: nobody there asks for tasks")) } else { None }
}

/// Whether its program asks for tasks at this moment.
fn asks(feeds: &[Feed], organisation: &Organisation) -> bool {
    organisation.role() == Role::Police
        || feeds.iter().any(|feed| feed.organisation == *organisation && feed.pulls > 0)
}

fn mails_that_wait(mails: &UntoldMails, now: Timestamp) -> Option<Letter> {
    let lies = mails.oldest.map(|since| now.duration_since(since))?;
    if lies <= MAILED_WITHIN && mails.tried == 0 {
        return None;
    }
    let says = format!(
        "{} breaches of which the project leader was not told, {} tried in vain",
        mails.untold, mails.tried
    );
    Some(Letter::new(Kind::BreachMails, "telling", "project leader", says).lying_for(Some(lies.as_secs())))
}

#[cfg(test)]
mod tests {
    use hwc_schemas::wire::Task;

    use super::*;
    use crate::ops::flight::tests::{EXPANDED, RECORDED, flight};

    fn task(text: &str, since: &str) -> LyingTask {
        let task: Option<Task> = serde_json::from_str(text).ok();
        LyingTask {
            organisation: "municipality-0855".parse().unwrap(),
            task,
            since: since.parse().ok(),
            place: 3,
            told_once: text.contains("notice"),
        }
    }

    fn feed(pulls: u64) -> Vec<Feed> {
        let organisation = "municipality-0855".parse().unwrap();
        vec![Feed { organisation, waiting: 1, in_hand: 0, again: 0, pulls, served_at: None }]
    }

    const ROUTE: &str =
        r#"{"task":"route","signal":"00000000000000000000000000000001-1","round":1,"why":"new"}"#;

    #[test]
    fn a_task_that_is_owed_is_aside_only_if_nobody_asks_for_it_and_then_it_stays() {
        let both = flight(&[&format!("{RECORDED},{EXPANDED}")]);
        let owed = both.going[0].owes().collect::<Vec<_>>();
        let lying = task(ROUTE, "2026-11-19T05:50:00Z");
        assert!(owed.contains(&lying.task.as_ref().unwrap().id()), "{owed:?}");
        let now = |text: &str| text.parse().unwrap();
        let later = now("2026-11-19T06:10:00Z");
        assert_eq!(judged(&lying, &feed(1), &both, later), None);
        assert_eq!(judged(&lying, &feed(0), &both, now("2026-11-19T05:55:00Z")), None);
        let unworked = judged(&lying, &feed(0), &both, later).unwrap();
        assert_eq!((unworked.kind, unworked.drop, unworked.seconds), (Kind::UnworkedTask, false, Some(1200)));
    }

    #[test]
    fn a_task_that_the_journal_owes_nobody_is_stale_but_not_while_a_log_cannot_be_read() {
        let lying = task(ROUTE, "2026-11-19T05:50:00Z");
        let later: Timestamp = "2026-11-19T06:10:00Z".parse().unwrap();
        let stale = judged(&lying, &feed(1), &flight(&[]), later).unwrap();
        assert_eq!((stale.kind, stale.drop), (Kind::StaleTask, true));
        assert_eq!(judged(&lying, &feed(1), &flight(&["{}"]), later), None);
        let unreadable = judged(&task("{}", "2026-11-19T05:50:00Z"), &feed(1), &flight(&[]), later).unwrap();
        assert_eq!(unreadable.kind, Kind::UnreadableTask);
        let said = serde_json::to_string(&stale).unwrap();
        assert!(!said.contains("00000000000000000000000000000001"), "{said}");
    }

    #[test]
    fn a_notice_is_not_tried_again_for_the_broker_would_not_take_it_for_a_day() {
        let notice = r#"{"task":"notice","signal":"00000000000000000000000000000001-1","round":1,"notice":"receipt_missing","due":"2026-11-19T09:00:00Z"}"#;
        let later: Timestamp = "2026-11-19T06:10:00Z".parse().unwrap();
        let told =
            |text: &str| judged(&task(text, "2026-11-19T05:50:00Z"), &feed(0), &flight(&[]), later).unwrap();
        let (stale, other) = (told(notice), told(ROUTE));
        assert_eq!((stale.kind, stale.retry, stale.drop), (Kind::StaleTask, false, true));
        assert!(other.retry, "what is no notice is offered again");
        // One of a later version, which this program cannot read, is known by its header.
        let unreadable = told(r#"{"task":"notice of a later version"}"#);
        assert_eq!((unreadable.kind, unreadable.retry), (Kind::UnreadableTask, false));
        assert!(unreadable.remedy.contains("not told again for a day"), "{}", unreadable.remedy);
    }
}
