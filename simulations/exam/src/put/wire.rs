//! Cases of the wire: answers that get lost, are late or say no; tasks that come twice or that nobody knows.

use std::time::Duration;

use hwc_jetstream::DoorName;
use hwc_schemas::{Role, wire::Task};
use serde_json::json;

use super::failed;
use crate::{
    porter::Twist,
    record::{polite, the_same},
    trial::{Matter, QUIET_FOR, So, Trial, trouble, until},
};

/// How often it is told to try later.
const LATERS: u32 = 4;
/// How long a slow answer takes.
const SLOW: Duration = Duration::from_secs(7);
/// How long a report that is laid before it once more may take.
const TWICE_WITHIN: Duration = Duration::from_secs(8);
/// How often what was refused may be said again while nobody asked for it.
const AGAIN_MAX: usize = 3;

pub(super) async fn answer_lost(trial: &mut Trial<'_>) -> So<()> {
    let matter = trial.through(&[(DoorName::Submit, trial.deciding(), Twist::Lose, 1)]).await?;
    match the_same(&trial.since_its_decision(&matter)) {
        Ok(0 | 1) => failed("it did not say it again, although it had no answer"),
        Ok(_) => Ok(()),
        Err(why) => failed(why),
    }
}

pub(super) async fn try_later(trial: &mut Trial<'_>) -> So<()> {
    let mut twists = vec![(DoorName::Submit, trial.deciding(), Twist::TryLater, LATERS)];
    if trial.role() != Role::Police {
        twists.push((DoorName::Fetch, &[], Twist::TryLater, LATERS));
    }
    let matter = trial.through(&twists).await?;
    let submitted: Vec<_> = trial.decisions(&matter).iter().map(|said| said.at).collect();
    let fetched: Vec<_> = trial.said(&matter, DoorName::Fetch).iter().map(|said| said.at).collect();
    for at in [submitted, fetched] {
        let told = usize::try_from(LATERS).unwrap_or_default() + 1;
        if let Err(why) = polite(at.get(..told).unwrap_or(&at)) {
            return failed(why);
        }
    }
    the_same(&trial.since_its_decision(&matter)).map(|_| ()).or_else(failed)
}

pub(super) async fn slow(trial: &mut Trial<'_>) -> So<()> {
    let matter = trial.through(&[(DoorName::Submit, trial.deciding(), Twist::Slow(SLOW), 1)]).await?;
    the_same(&trial.since_its_decision(&matter)).map(|_| ()).or_else(failed)
}

pub(super) async fn unknown_fields(trial: &mut Trial<'_>) -> So<()> {
    trial.ground.porter.embellish(true);
    let came = trial.through(&[]).await;
    trial.ground.porter.embellish(false);
    came.map(|_| ())
}

pub(super) async fn unknown_task(trial: &mut Trial<'_>) -> So<()> {
    let porter = std::sync::Arc::clone(&trial.ground.porter);
    let mut matter = trial.matter();
    let Some(incident) = matter.incident else { return Err(trouble("no incident")) };
    let id = format!("dance.{incident}");
    let like = Task::Screen { incident };
    let body = json!({ "task": "dance", "incident": incident, "with": "whom you like" });
    let lay = porter.lay_strange(&id, &like, body).await;
    lay.map_err(|error| trouble(&error.to_string()))?;
    tokio::time::sleep(QUIET_FOR / 2).await;
    if !trial.said(&matter, DoorName::Submit).is_empty() || !trial.said(&matter, DoorName::Fetch).is_empty() {
        return failed(
            "it said something about an incident of which it knows nothing but a task that it cannot read",
        );
    }
    // Others go on.
    matter = trial.through(&[]).await?;
    let lies = porter.lies(&id).await.map_err(|error| trouble(&error.to_string()))?;
    porter.take_away(&id).await;
    drop(matter);
    if lies { Ok(()) } else { failed("it acknowledged a task that it cannot know") }
}

/// A matter whose decision is refused in a word that nobody knows; gives it when that was said.
async fn refused(trial: &mut Trial<'_>, times: u32) -> So<Matter> {
    let mut matter = trial.matter();
    trial.plan(&matter, DoorName::Submit, trial.deciding(), (Twist::Refuse("not_on_tuesdays"), times));
    trial.raise(&mut matter).await?;
    trial.prompt(&mut matter);
    let told = until(trial.patience(), async || {
        let said = trial.decisions(&matter);
        said.iter().any(|said| said.told.is_some()).then_some(())
    });
    if told.await.is_none() {
        return failed(format!("it did not come so far{}", trial.about(&matter)));
    }
    // Nobody asks for it again.
    Trial::leave(&mut matter);
    Ok(matter)
}

pub(super) async fn unknown_refusal(trial: &mut Trial<'_>) -> So<()> {
    let mut matter = refused(trial, u32::MAX).await?;
    tokio::time::sleep(QUIET_FOR).await;
    if !trial.lies(&matter).await? {
        return failed("it acknowledged the task, although it does not know what the refusal means");
    }
    let times = trial.decisions(&matter).len();
    if times > AGAIN_MAX {
        return failed(format!("it said the same {times} times within {} s", QUIET_FOR.as_secs()));
    }
    trial.ground.porter.plan_nothing();
    trial.redeliver(&matter).await?;
    trial.prompt(&mut matter);
    trial.settled(&matter).await?;
    trial.comes_out(&matter).await
}

pub(super) async fn refused_report(trial: &mut Trial<'_>) -> So<()> {
    let matter = refused(trial, u32::MAX).await?;
    tokio::time::sleep(QUIET_FOR).await;
    let times = trial.decisions(&matter).len();
    trial.ground.porter.plan_nothing();
    if times > AGAIN_MAX {
        return failed(format!("it sent the same report {times} times within {} s", QUIET_FOR.as_secs()));
    }
    Ok(())
}

pub(super) async fn redelivery(trial: &mut Trial<'_>) -> So<()> {
    if trial.role() == Role::Police {
        return twice_sent(trial).await;
    }
    let mut matter = trial.matter();
    trial.raise(&mut matter).await?;
    trial.redeliver(&matter).await?;
    tokio::time::sleep(Duration::from_millis(300)).await;
    trial.redeliver(&matter).await?;
    trial.prompt(&mut matter);
    trial.settled(&matter).await?;
    trial.comes_out(&matter).await?;
    let effects =
        trial.decisions(&matter).iter().filter(|said| said.told.as_deref() == Some("recorded")).count();
    if effects > 1 { failed(format!("it had {effects} effects")) } else { Ok(()) }
}

/// The same file of the police, once more.
async fn twice_sent(trial: &mut Trial<'_>) -> So<()> {
    let mut matter = trial.through(&[]).await?;
    let Some(file) = matter.file.clone() else { return Err(trouble("no report was written")) };
    let since = trial.ground.porter.now();
    trial.ground.porter.cause(matter.incident);
    trial.send(&mut matter, &file)?;
    let again = until(TWICE_WITHIN, async || {
        let said = trial.ground.porter.said();
        said.into_iter().find(|said| said.at >= since && said.door == DoorName::Submit && said.told.is_some())
    });
    match again.await {
        Some(said) if said.incident != matter.incident => failed(
            "the same report under the same reference has another incident's id: its effect is doubled",
        ),
        // It was told that this is known; or it knows of itself.
        Some(_) | None => Ok(()),
    }
}

pub(super) async fn ended(trial: &mut Trial<'_>) -> So<()> {
    let mut matter = trial.through(&[]).await?;
    let before = trial.decisions(&matter).iter().filter(|said| said.is_recorded()).count();
    Trial::leave(&mut matter);
    trial.redeliver(&matter).await?;
    // If it waits for its contact, the contact looks.
    trial.prompt(&mut matter);
    let mut lies = true;
    let since = tokio::time::Instant::now();
    while lies && since.elapsed() < trial.patience() {
        tokio::time::sleep(Duration::from_millis(100)).await;
        lies = trial.lies(&matter).await?;
    }
    if lies {
        return failed(format!("the task of a signal that ended is not let go{}", trial.about(&matter)));
    }
    let decided = trial.decisions(&matter).iter().filter(|said| said.is_recorded()).count();
    if decided > before {
        return failed("it had something recorded of a signal that had ended");
    }
    Ok(())
}
