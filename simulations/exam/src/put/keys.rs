//! Cases of seals and keys.

use std::{collections::BTreeSet, time::Duration};

use bytes::Bytes;
use hwc_jetstream::DoorName;
use hwc_schemas::{
    KeyId, Organisation, Role,
    key::{KeyKind, SignedKey},
    wire::{Fetched, Sealed},
};
use hwc_vault::{BelievedKey, OsChance, SealingKey, sealed_to};
use serde_json::{Value, json};

use super::failed;
use crate::{
    Verdict,
    porter::Twist,
    record::Said,
    rest::{MUNICIPALITY, VEILIG_THUIS},
    trial::{QUIET_FOR, So, Trial, trouble, until},
};

/// How long after its start an adapter may take until it leaves keys.
const LEFT_WITHIN: Duration = Duration::from_secs(10);

pub(super) async fn spoiled(trial: &mut Trial<'_>) -> So<()> {
    let mut matter = trial.matter();
    trial.plan(&matter, DoorName::Fetch, &[], (Twist::Spoil, u32::MAX));
    trial.raise(&mut matter).await?;
    trial.prompt(&mut matter);
    let fetched = until(trial.patience(), async || {
        let said = trial.said(&matter, DoorName::Fetch);
        said.iter().any(|said| said.told.is_some()).then_some(())
    });
    if fetched.await.is_none() {
        return failed(format!("it fetched nothing{}", trial.about(&matter)));
    }
    tokio::time::sleep(QUIET_FOR).await;
    if let Some(said) = trial.decisions(&matter).first() {
        return failed(format!("it submitted {} although the seal cannot be opened", said.what));
    }
    if !trial.lies(&matter).await? {
        return failed("it acknowledged the task although the seal cannot be opened");
    }
    // The next one is whole.
    trial.ground.porter.plan_nothing();
    trial.redeliver(&matter).await?;
    trial.prompt(&mut matter);
    trial.settled(&matter).await?;
    trial.comes_out(&matter).await
}

pub(super) async fn key_used(trial: &mut Trial<'_>) -> So<()> {
    let matter = trial.through(&[(DoorName::Submit, trial.deciding(), Twist::Refuse("key_used"), 1)]).await?;
    let decided = trial.decisions(&matter);
    match &decided[..] {
        [first, second, ..] if first.body == second.body => {
            failed("it submitted the same seal again, to the key that was used")
        }
        [_, _, ..] => Ok(()),
        _ => failed("it did not seal anew"),
    }
}

pub(super) async fn forged_key(trial: &mut Trial<'_>) -> So<()> {
    let mut matter = trial.matter();
    let receiver: Organisation = match trial.role() {
        Role::Police => VEILIG_THUIS.parse().ok(),
        Role::VeiligThuis => MUNICIPALITY.parse().ok(),
        Role::Municipality | Role::School => trial.ground.diary.school_of(Some(matter.child)),
    }
    .ok_or_else(|| trouble("no receiver"))?;
    let (id, answer) = forged(&receiver)?;
    trial.plan(&matter, DoorName::Ask, &["key_of"], (Twist::Say(answer), 1));
    trial.raise(&mut matter).await?;
    let settled = trial.settled(&matter).await;
    // The engine knows that nobody left such a key, and refuses it; an engine that is not to be trusted would not.
    let seals = trial.decisions(&matter).iter().flat_map(|said| seals_in(&said.body)).collect::<Vec<_>>();
    if seals.iter().any(|seal| sealed_to(seal) == Some(Some(id))) {
        return failed(format!(
            "it sealed to a key that {receiver} never signed: whoever made it can read along"
        ));
    }
    settled?;
    if trial.ground.porter.planned() > 0 {
        let why = "it never asked key_of, and sealed to the key in the directory (docs/keys.md says what that weakens)";
        return Err(Verdict::NotShown(why.to_owned()));
    }
    trial.comes_out(&matter).await
}

/// A key that says to be somebody's, signed by somebody else; as an answer.
fn forged(receiver: &Organisation) -> So<(KeyId, Bytes)> {
    let new = || SealingKey::generate(&mut OsChance).map_err(|error| trouble(&error.to_string()));
    let (forger, key) = (new()?, new()?);
    let id = KeyId::from_uuid(uuid::Uuid::new_v4());
    let signed: SignedKey = forger.sign(receiver, id, KeyKind::OneTime, key.public_key());
    Ok((id, json!({ "told": "key_of", "one_time": signed }).to_string().into()))
}

/// Every seal in a command.
fn seals_in(body: &Value) -> Vec<Sealed> {
    let own = ["report", "letter"].into_iter().filter_map(|key| body.get(key));
    let findings = body.pointer("/expansion/findings").and_then(Value::as_array);
    let referrals = findings.into_iter().flatten().filter_map(|finding| finding.get("referral"));
    own.chain(referrals).filter_map(|value| serde_json::from_value(value.clone()).ok()).collect()
}

pub(super) async fn keys_left(trial: &mut Trial<'_>) -> So<()> {
    // Whoever leaves keys does so at once.
    let said = until(LEFT_WITHIN, async || {
        let mut said = trial.ground.porter.said();
        said.retain(|said| said.what == "leave_keys");
        (!said.is_empty()).then_some(said)
    });
    let Some(said) = said.await else {
        let why = "it left no keys: what is sealed to it is sealed to its key in the directory (docs/keys.md says what that weakens)";
        return Err(Verdict::NotShown(why.to_owned()));
    };
    let organisation = trial.ground.organisation.clone();
    let signer =
        *trial.ground.directory.key_of(&organisation).map_err(|error| trouble(&error.to_string()))?;
    let mut seen = BTreeSet::new();
    for key in said.iter().flat_map(keys_in) {
        if BelievedKey::of(&key, &organisation, &[signer]).is_err() {
            return failed("it left a key whose signature is not by its sealing key: nobody will seal to it");
        }
        if !seen.insert(key.id) {
            return failed("it left the same key twice: somebody could have sealed to it in between");
        }
    }
    if seen.is_empty() {
        return failed("it left keys that cannot be read");
    }
    trial.through(&[]).await.map(|_| ())
}

pub(super) async fn key_destroyed(trial: &mut Trial<'_>) -> So<()> {
    trial.must_be_ours()?;
    let Some(within) = trial.paper.keys_within else {
        return Err(Verdict::NotShown("say --keys-within SECONDS".to_owned()));
    };
    let porter = std::sync::Arc::clone(&trial.ground.porter);
    let left = until(LEFT_WITHIN, async || {
        let said = porter.said();
        said.iter().any(|said| said.what == "leave_keys" && said.told.is_some()).then_some(())
    });
    // Whether it leaves any shows in what it is sealed to.
    left.await;
    let mut matter = trial.through(&[]).await?;
    let kept =
        matter.incident.and_then(|incident| porter.given(incident)).ok_or_else(|| trouble("no payload"))?;
    let to_one_time_key = match serde_json::from_slice(&kept) {
        Ok(Fetched::Payload { sealed, .. }) => matches!(sealed_to(&sealed), Some(Some(_))),
        _ => false,
    };
    if !to_one_time_key {
        let why = "nothing was sealed to a one-time key: it leaves none, or they were used up";
        return Err(Verdict::NotShown(why.to_owned()));
    }
    Trial::leave(&mut matter);
    tokio::time::sleep(within).await;
    // Another life knows nothing of the signal but what it kept: the key, or no key.
    porter.kill();
    trial.start_again().await?;
    trial.plan(&matter, DoorName::Fetch, &[], (Twist::Say(kept), u32::MAX));
    let since = porter.now();
    trial.redeliver(&matter).await?;
    trial.prompt(&mut matter);
    let tried = until(trial.patience(), async || {
        let said = trial.said(&matter, DoorName::Fetch);
        said.iter().any(|said| said.at >= since && said.told.is_some()).then_some(())
    });
    let tried = tried.await.is_some();
    tokio::time::sleep(QUIET_FOR).await;
    Trial::leave(&mut matter);
    if let Some(task) = &matter.task {
        porter.take_away(&task.id()).await;
    }
    if !tried {
        return Err(Verdict::NotShown("it did not fetch what was laid before it again".to_owned()));
    }
    match trial.said(&matter, DoorName::Submit).iter().find(|said| said.at >= since) {
        Some(said) => failed(format!(
            "{} s after the signal ended it opened the old ciphertext and submitted {}: the key is still there",
            within.as_secs(),
            said.what
        )),
        None => Ok(()),
    }
}

fn keys_in(said: &Said) -> Vec<SignedKey> {
    let keys = said.body.get("keys").and_then(Value::as_array);
    keys.into_iter().flatten().filter_map(|key| serde_json::from_value(key.clone()).ok()).collect()
}
