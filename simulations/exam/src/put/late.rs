//! Cases of crashes, and what is judged of everything at the end.

use hwc_jetstream::DoorName;
use hwc_residue::{Disguises, Search};

use super::failed;
use crate::{
    ExamError, Verdict,
    porter::Twist,
    record,
    trial::{So, Trial, trouble, until},
};

pub(super) async fn crash_at_fetch(trial: &mut Trial<'_>) -> So<()> {
    crash(trial, DoorName::Fetch, Twist::KillBefore).await
}

pub(super) async fn crash_before(trial: &mut Trial<'_>) -> So<()> {
    crash(trial, DoorName::Submit, Twist::KillBefore).await
}

pub(super) async fn crash_after(trial: &mut Trial<'_>) -> So<()> {
    crash(trial, DoorName::Submit, Twist::KillAfter).await
}

/// Killed at this moment, and started again.
async fn crash(trial: &mut Trial<'_>, door: DoorName, twist: Twist) -> So<()> {
    trial.must_be_ours()?;
    let mut matter = trial.matter();
    let what = if door == DoorName::Submit { trial.deciding() } else { &[] };
    trial.plan(&matter, door, what, (twist, 1));
    let kills = trial.ground.porter.kills();
    trial.raise(&mut matter).await?;
    trial.prompt(&mut matter);
    let porter = std::sync::Arc::clone(&trial.ground.porter);
    let killed = until(trial.patience(), async || (porter.kills() > kills).then_some(()));
    if killed.await.is_none() {
        return failed(format!("it did not come so far{}", trial.about(&matter)));
    }
    trial.start_again().await?;
    trial.redeliver(&matter).await?;
    trial.settled(&matter).await?;
    trial.comes_out(&matter).await
}

pub(super) async fn broker_away(trial: &mut Trial<'_>) -> Result<So<()>, ExamError> {
    trial.ground.front.restart().await?;
    trial.ground.porter.cause(None);
    Ok(trial.through(&[]).await.map(|_| ()))
}

pub(super) fn schema(trial: &Trial<'_>) -> So<()> {
    let said = trial.ground.porter.said();
    let unfit: Vec<_> = said.iter().filter_map(|said| said.unfit.as_deref()).collect();
    match unfit.first() {
        None if said.is_empty() => Err(Verdict::NotShown("it said nothing".to_owned())),
        None => Ok(()),
        Some(first) => {
            failed(format!("{} of {} messages do not fit; the first: {first}", unfit.len(), said.len()))
        }
    }
}

pub(super) fn once(trial: &Trial<'_>) -> So<()> {
    let porter = &trial.ground.porter;
    record::once(&porter.said(), &porter.causes()).or_else(failed)
}

pub(super) async fn nothing_leaked(trial: &mut Trial<'_>) -> So<()> {
    let porter = std::sync::Arc::clone(&trial.ground.porter);
    if let Some(said) = porter.said().iter().find(|said| said.leaks) {
        return failed(format!(
            "{} at the door {} holds a name or a date of birth in the clear",
            said.what,
            said.door.as_str()
        ));
    }
    let ours = porter.subject.is_ours();
    porter.subject.stop().await;
    let canaries = trial.ground.diary.people.canaries();
    let disguises = Disguises::new(&canaries).map_err(|error| trouble(&error.to_string()))?;
    let search = Search::new(&[], disguises);
    let own = ["logs", "state"].map(|name| trial.ground.folder.join(name));
    let (mut places, mut unread) = (Vec::new(), Vec::new());
    for place in own.iter().chain(&trial.paper.logs) {
        let searched = search.below(place);
        for found in searched.found {
            let whole = place.join(&found.file);
            let at = found.at.map_or_else(|| "in its name".to_owned(), |at| format!("at byte {at}"));
            places.push(format!("{} {at} ({})", whole.display(), found.form.word()));
        }
        unread.extend(
            searched.unread.into_iter().map(|one| format!("{}: {}", place.join(one.file).display(), one.why)),
        );
    }
    if let Some(first) = places.first() {
        return failed(format!(
            "{} places hold a name or a date of birth of the exam's children; the first: {first}",
            places.len()
        ));
    }
    if let Some(first) = unread.first() {
        return Err(Verdict::NotShown(format!(
            "{} things could not be searched; the first: {first}",
            unread.len()
        )));
    }
    if !ours && trial.paper.logs.is_empty() {
        let why = "where does it log? Say --log PATH, or --adapter COMMAND, so that its output is searched";
        return Err(Verdict::NotShown(why.to_owned()));
    }
    Ok(())
}
