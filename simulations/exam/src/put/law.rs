//! Cases of the rules: what is decided about whom, and what goes into a seal.

use std::collections::BTreeSet;

use hwc_jetstream::DoorName;
use hwc_schemas::{Role, outcome::Recalled, report::Kind, wire::Command};

use super::failed;
use crate::{
    Verdict,
    people::{People, Special},
    trial::{Matter, QUIET_FOR, So, Trial, until},
};

pub(super) async fn content(trial: &mut Trial<'_>) -> So<()> {
    let mut matter = trial.matter();
    trial.raise(&mut matter).await?;
    trial.settled(&matter).await?;
    trial.ended(&matter).await?;
    let more: BTreeSet<_> = trial.arrivals(&matter).into_iter().flat_map(|one| one.more).collect();
    if more.is_empty() {
        return trial.comes_out(&matter).await;
    }
    let places: Vec<_> = more.into_iter().collect();
    failed(format!("what it sealed holds more than the schema has: {}", places.join(", ")))
}

pub(super) async fn asked_first(trial: &mut Trial<'_>) -> So<()> {
    if trial.paper.actions.receive.is_none() {
        let why =
            "say --do receive='COMMAND {signal}'; an adapter that acts by itself opens what nobody asked for";
        return Err(Verdict::NotShown(why.to_owned()));
    }
    let mut matter = trial.matter();
    trial.raise(&mut matter).await?;
    tokio::time::sleep(QUIET_FOR).await;
    if !trial.said(&matter, DoorName::Fetch).is_empty() {
        return failed("it fetched the letter although no contact had asked for it");
    }
    trial.prompt(&mut matter);
    trial.settled(&matter).await?;
    if trial.said(&matter, DoorName::Fetch).is_empty() {
        return failed("it confirmed what it never fetched");
    }
    trial.ended(&matter).await
}

pub(super) async fn right_school(trial: &mut Trial<'_>) -> So<()> {
    // Children with numbers that follow on each other go to different schools.
    trial.through(&[]).await?;
    trial.through(&[]).await?;
    Ok(())
}

/// Withheld for this reason, and nothing of it came to any school.
async fn withheld(trial: &mut Trial<'_>, who: Special, reason: &str) -> So<Matter> {
    let mut matter = trial.matter_of(People::special(who));
    trial.raise(&mut matter).await?;
    trial.settled(&matter).await?;
    trial.ended(&matter).await?;
    let decided = trial.decisions(&matter);
    let Some(last) = decided.last() else { return failed("it decided nothing") };
    if trial.arrivals(&matter).iter().any(|one| one.by.role() == Role::School) || last.what != "withhold" {
        return failed(format!("it was passed on to a school: {reason} is wanted"));
    }
    let given = last.body.get("reason").and_then(|reason| reason.as_str()).unwrap_or("no reason");
    if given != reason {
        return failed(format!("it was withheld as {given}, and {reason} is wanted"));
    }
    Ok(matter)
}

pub(super) async fn secret(trial: &mut Trial<'_>) -> So<()> {
    let matter = withheld(trial, Special::Secret, "enrolment_secret").await?;
    let school = People::school_of(matter.child);
    if trial.said(&matter, DoorName::Submit).iter().any(|said| said.body.to_string().contains(school)) {
        return failed("what it submitted names the school");
    }
    Ok(())
}

pub(super) async fn unknown_pupil(trial: &mut Trial<'_>) -> So<()> {
    withheld(trial, Special::Unknown, "enrolment_unknown").await.map(|_| ())
}

pub(super) async fn in_doubt(trial: &mut Trial<'_>) -> So<()> {
    let mut matter = trial.matter_of(People::special(Special::InDoubt));
    trial.raise(&mut matter).await?;
    let read = until(trial.patience(), async || {
        let fetched = trial.said(&matter, DoorName::Fetch);
        fetched.iter().any(|said| said.told.as_deref() == Some("payload")).then_some(())
    });
    if read.await.is_none() {
        return failed(format!("it did not read the referral{}", trial.about(&matter)));
    }
    tokio::time::sleep(QUIET_FOR).await;
    let decided = trial.decisions(&matter);
    // Called back, so that it is not in anybody's way.
    if let (Some(signal), Some(veilig_thuis)) = (Trial::signal(&matter), &trial.ground.veilig_thuis) {
        let _ = veilig_thuis.submit(&Command::Recall { signal, reason: Recalled::SentInError }).await;
    }
    match decided.last() {
        Some(said) => failed(format!("it submitted {} although only a person can tell who it is", said.what)),
        None => Ok(()),
    }
}

pub(super) async fn not_violence(trial: &mut Trial<'_>) -> So<()> {
    let mut matter = trial.matter();
    matter.kind = Kind::Other;
    trial.raise(&mut matter).await?;
    trial.settled(&matter).await?;
    trial.ended(&matter).await?;
    let said = trial.said(&matter, DoorName::Submit);
    let Some(screened) = said.iter().find(|said| said.what == "screen") else {
        return failed("it submitted no screening");
    };
    let verdict = screened.body.pointer("/screening/verdict").and_then(|verdict| verdict.as_str());
    if verdict != Some("not_domestic_violence") || said.iter().any(|said| said.what == "expand") {
        return failed(format!("its screening says {}", verdict.unwrap_or("nothing")));
    }
    Ok(())
}

pub(super) async fn sibling(trial: &mut Trial<'_>) -> So<()> {
    let named = People::special(Special::HasSibling);
    let mut matter = trial.matter_of(named);
    trial.raise(&mut matter).await?;
    trial.settled(&matter).await?;
    trial.ended(&matter).await?;
    let arrivals = trial.arrivals(&matter);
    let referred: BTreeSet<_> = arrivals
        .iter()
        .filter(|one| one.by.role() == Role::Municipality)
        .flat_map(|one| one.children.iter().map(|child| (one.number, *child)))
        .collect();
    let children: BTreeSet<_> = referred.iter().map(|(_, child)| *child).collect();
    if children != BTreeSet::from([Some(named), Some(named + 1)]) {
        return failed(match children.len() {
            0 | 1 => "the sibling at the address was not referred".to_owned(),
            more => {
                format!("{more} children were referred, and two are wanted: the one named and the sibling")
            }
        });
    }
    if referred.len() > 2 {
        return failed("a child was referred twice");
    }
    Ok(())
}
