//! What an adapter said and was told, and how it is judged. Pure: times are since the exam began.

use std::{collections::BTreeMap, time::Duration};

use hwc_jetstream::DoorName;
use hwc_schemas::{IncidentId, SignalId};
use serde_json::{Value, json};

/// One thing that it said.
#[derive(Debug, Clone)]
pub(crate) struct Said {
    pub(crate) at: Duration,
    pub(crate) door: DoorName,
    /// The command's, fetch's or question's own name; empty if there is none.
    pub(crate) what: String,
    pub(crate) incident: Option<IncidentId>,
    /// As JSON; null if it is none.
    pub(crate) body: Value,
    /// Why it does not fit the schema.
    pub(crate) unfit: Option<String>,
    /// Whether something personal stood in it in the clear.
    pub(crate) leaks: bool,
    /// What it was told; none as long as it was not, or if the answer got lost.
    pub(crate) told: Option<String>,
    pub(crate) told_at: Option<Duration>,
    /// What the engine said, whether it was told or not.
    pub(crate) came: Option<String>,
}

impl Said {
    /// Of bytes at a door; what is not known yet is left open.
    pub(crate) fn at_a_door(at: Duration, door: DoorName, bytes: &[u8]) -> Self {
        let body: Value = serde_json::from_slice(bytes).unwrap_or_default();
        let kind = match door {
            DoorName::Submit => "command",
            DoorName::Fetch => "fetch",
            DoorName::Ask => "ask",
            DoorName::Directory => "than",
        };
        let text = |key: &str| body.get(key).and_then(Value::as_str);
        let what = text(kind).unwrap_or_default().to_owned();
        let of_signal = text("signal").and_then(|id| id.parse::<SignalId>().ok()).map(|id| id.incident);
        let incident = text("incident").and_then(|id| id.parse().ok()).or(of_signal);
        Self {
            at,
            door,
            what,
            incident,
            body,
            unfit: None,
            leaks: false,
            told: None,
            told_at: None,
            came: None,
        }
    }

    /// For the transcript: what, when, about what and what it was told; nothing of its content.
    pub(crate) fn to_json(&self) -> Value {
        json!({
            "at_ms": u64::try_from(self.at.as_millis()).unwrap_or(u64::MAX), "door": self.door.as_str(),
            "what": self.what, "incident": self.incident, "told": self.told, "unfit": self.unfit,
        })
    }

    /// Whether it was told that this is recorded.
    pub(crate) fn is_recorded(&self) -> bool {
        matches!(self.told.as_deref(), Some("recorded" | "already_recorded"))
    }

    /// Whether it was told that nothing more is owed: it is recorded, or it ended meanwhile, or was decided before.
    pub(crate) fn is_over(&self) -> bool {
        self.is_recorded() || matches!(self.told.as_deref(), Some("refused gone" | "refused already_decided"))
    }
}

/// What an answer says, in a word: `recorded`, `payload`, `refused gone`.
pub(crate) fn in_a_word(answer: &[u8]) -> String {
    let body: Value = serde_json::from_slice(answer).unwrap_or_default();
    let text = |key: &str| body.get(key).and_then(Value::as_str);
    let word = text("answer").or_else(|| text("fetched")).or_else(|| text("told")).unwrap_or("?");
    match text("refusal") {
        Some(refusal) => format!("{word} {refusal}"),
        None => word.to_owned(),
    }
}

/// Most requests for one thing within a second: more is hammering.
const A_SECOND_MAX: usize = 10;

/// So many requests for one thing within this time are hammering, too.
const MANY: usize = 5;
const MANY_WITHIN_MIN: Duration = Duration::from_millis(150);

/// Whether whoever said the same at these moments, told each time to try later, did so politely.
pub(crate) fn polite(at: &[Duration]) -> Result<(), String> {
    let crowded = at.windows(A_SECOND_MAX + 1).any(|some| match some {
        [first, .., last] => last.saturating_sub(*first) < Duration::from_secs(1),
        _ => false,
    });
    if crowded {
        return Err(format!(
            "it was told to try later and asked more than {A_SECOND_MAX} times within a second"
        ));
    }
    if let [first, .., last] = at
        && at.len() >= MANY
        && last.saturating_sub(*first) < MANY_WITHIN_MIN
    {
        let (times, within) = (at.len(), last.saturating_sub(*first).as_millis());
        return Err(format!("it was told to try later and asked {times} times within {within} ms"));
    }
    let waits: Vec<_> = at.windows(2).map(|two| two[1].saturating_sub(two[0])).collect();
    let (earlier, later) = waits.split_at(waits.len() / 2);
    // The one in the middle counts for neither.
    let later = &later[waits.len() % 2..];
    let (earlier, later) = (earlier.iter().sum::<Duration>(), later.iter().sum::<Duration>());
    if !earlier.is_zero() && later * 5 < earlier * 6 {
        let waits: Vec<_> = waits.iter().map(|wait| format!("{} ms", wait.as_millis())).collect();
        return Err(format!("it does not wait longer each time: {}", waits.join(", ")));
    }
    Ok(())
}

/// Whether all that was said until it was answered is the very same; how often it was said.
pub(crate) fn the_same<'a>(said: impl IntoIterator<Item = &'a Said>) -> Result<usize, String> {
    let mut said = said.into_iter();
    let Some(first) = said.next() else { return Ok(0) };
    let (mut times, mut is_over) = (1, first.is_over());
    for again in said {
        if is_over {
            break;
        }
        is_over = again.is_over();
        if again.what != first.what {
            return Err(format!("it said {} after {} had no answer", again.what, first.what));
        }
        if again.body != first.body {
            let keys = differing(&first.body, &again.body);
            return Err(format!(
                "it said {} again, and not the same: {keys} differs. What was sealed once is sent again as it was",
                again.what
            ));
        }
        times += 1;
    }
    Ok(times)
}

fn differing(one: &Value, other: &Value) -> String {
    let (Some(one), Some(other)) = (one.as_object(), other.as_object()) else {
        return "all of it".to_owned();
    };
    let keys: Vec<_> =
        one.keys().chain(other.keys()).filter(|key| one.get(*key) != other.get(*key)).collect();
    let mut keys: Vec<_> = keys.into_iter().map(String::as_str).collect();
    keys.sort_unstable();
    keys.dedup();
    keys.join(", ")
}

/// Whether nothing was submitted again that had been answered, but for those about whom there was cause: their task or their
/// report came again, or the adapter was killed, at that moment.
pub(crate) fn once(said: &[Said], causes: &[(Option<IncidentId>, Duration)]) -> Result<(), String> {
    let mut answered: BTreeMap<String, Duration> = BTreeMap::new();
    for one in said.iter().filter(|one| one.door == DoorName::Submit) {
        let key = format!("{} {:?} {:?}", one.what, one.incident, one.body.get("round"));
        if let Some(before) = answered.get(&key)
            && one.at > *before
        {
            let has_cause = |(about, at): &&(Option<IncidentId>, Duration)| {
                *at >= before.saturating_sub(SLACK)
                    && *at <= one.at
                    && (about.is_none() || *about == one.incident)
            };
            if causes.iter().find(has_cause).is_none() {
                return Err(format!(
                    "it submitted {} again {} ms after the same had been answered, and no task had come again",
                    one.what,
                    one.at.saturating_sub(*before).as_millis()
                ));
            }
        }
        if one.is_over() {
            answered.entry(key).or_insert(one.told_at.unwrap_or(one.at));
        }
    }
    Ok(())
}

/// A task may have been in hand when its matter was answered.
const SLACK: Duration = Duration::from_secs(1);

#[cfg(test)]
mod tests {
    use super::*;

    fn ms(all: &[u64]) -> Vec<Duration> {
        all.iter().map(|one| Duration::from_millis(*one)).collect()
    }

    fn submitted(at: u64, body: &str) -> Said {
        Said::at_a_door(Duration::from_millis(at), DoorName::Submit, body.as_bytes())
    }

    fn told(mut said: Said, answer: &str) -> Said {
        said.told = Some(answer.to_owned());
        said.told_at = Some(said.at);
        said
    }

    const RECEIVED: &str =
        r#"{"command":"acknowledge","signal":"0192f1c2d3e4475865a6b7c8d9e0f102-1","round":1}"#;

    #[test]
    fn whoever_waits_a_moment_longer_each_time_is_polite_and_whoever_does_not_is_not() {
        assert_eq!(polite(&ms(&[0, 50, 150, 350, 750])), Ok(()));
        assert_eq!(polite(&ms(&[0])), Ok(()));
        let steady = polite(&ms(&[0, 1000, 2000, 3000, 4000])).unwrap_err();
        assert!(steady.contains("does not wait longer"), "{steady}");
        let at_once = polite(&ms(&[0, 1, 3, 5, 9])).unwrap_err();
        assert!(at_once.contains("5 times within 9 ms"), "{at_once}");
        let hammering = polite(&ms(&(0..50).map(|n| n * 5).collect::<Vec<_>>())).unwrap_err();
        assert!(hammering.contains("within a second"), "{hammering}");
    }

    #[test]
    fn the_same_is_the_same_content_in_whatever_order_and_something_else_is_named() {
        let turned = r#"{"round":1,"signal":"0192f1c2d3e4475865a6b7c8d9e0f102-1","command":"acknowledge"}"#;
        assert_eq!(the_same(&[submitted(0, RECEIVED), submitted(9, turned)]), Ok(2));
        let other = the_same(&[submitted(0, RECEIVED), submitted(9, &RECEIVED.replace(":1}", ":2}"))]);
        assert!(other.unwrap_err().contains("round differs"));
        let answered = told(submitted(0, RECEIVED), "recorded");
        let anew = submitted(9, &RECEIVED.replace(":1}", ":2}"));
        assert_eq!(the_same(&[answered, anew]), Ok(1), "what comes after is another matter");
    }

    #[test]
    fn what_was_answered_is_not_said_again_but_for_a_cause() {
        let first = || told(submitted(0, RECEIVED), "recorded");
        let again = || submitted(5000, RECEIVED);
        let why = once(&[first(), again()], &[]).unwrap_err();
        assert!(why.contains("acknowledge again 5000 ms after"), "{why}");
        let incident = first().incident;
        assert!(incident.is_some());
        assert_eq!(once(&[first(), again()], &[(incident, Duration::from_secs(4))]), Ok(()));
        assert_eq!(once(&[first(), again()], &[(None, Duration::from_secs(4))]), Ok(()), "it was killed");
        assert!(once(&[first(), again()], &[(None, Duration::from_secs(6))]).is_err(), "not yet");
        // No answer is a cause by itself.
        assert_eq!(once(&[submitted(0, RECEIVED), again()], &[]), Ok(()));
        assert_eq!(once(&[told(submitted(0, RECEIVED), "try_later"), again()], &[]), Ok(()));
    }

    #[test]
    fn an_answer_is_told_in_a_word() {
        assert_eq!(in_a_word(br#"{"answer":"refused","refusal":"gone"}"#), "refused gone");
        assert_eq!(in_a_word(br#"{"fetched":"payload","from":"police-x","sealed":""}"#), "payload");
        assert_eq!(in_a_word(b"{"), "?");
    }
}
