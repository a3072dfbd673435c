//! What is said: one of three things about one signal, by the code that people call it at the counter.

use hwc_adapter_kit::code::Code;
use hwc_schemas::{Organisation, wire::Task};
use jiff::Timestamp;
use serde::Serialize;

/// What there is to tell.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum News {
    /// A signal waits for the contact.
    Waits,
    /// It still waits, and the school was reminded (R20).
    Reminded,
    /// It waits no more: it was confirmed, returned, called back, or it expired. Which of these is not said.
    Gone,
}

impl News {
    /// Its type as a `CloudEvent`.
    pub const fn kind(self) -> &'static str {
        match self {
            Self::Waits => "nl.handlewithcare.signal.waits.v1",
            Self::Reminded => "nl.handlewithcare.signal.reminded.v1",
            Self::Gone => "nl.handlewithcare.signal.gone.v1",
        }
    }

    /// The word for it in a log.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Waits => "waits",
            Self::Reminded => "reminded",
            Self::Gone => "gone",
        }
    }
}

/// What is said of the signal. There is no field for anybody's name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Data {
    /// What people call it, and by which it is opened.
    pub code: String,
    /// Which time round.
    pub round: u16,
    /// When it came.
    pub since: Timestamp,
    /// How often the school was reminded, as far as this process knows.
    pub reminders: u32,
}

/// One event, the same at each try.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    id: String,
    news: News,
    time: Timestamp,
    data: Data,
}

/// As a `CloudEvent` 1.0 by the NL GOV profile, in structured mode.
#[derive(Serialize)]
struct Structured<'a> {
    specversion: &'static str,
    id: &'a str,
    source: &'a str,
    #[serde(rename = "type")]
    kind: &'static str,
    time: Timestamp,
    datacontenttype: &'static str,
    data: &'a Data,
}

impl Event {
    /// An event that a task of the engine's gave rise to. Its id follows from the task, so that it is the same after a crash,
    /// and says nothing of it.
    pub fn of(news: News, school: &Organisation, task: &Task, time: Timestamp, data: Data) -> Self {
        let id = Code::of(&["webhook", news.word(), &school.to_string(), &task.id()]);
        Self { id: format!("msg_{}", id.short(32)), news, time, data }
    }

    /// By which a receiver knows that it heard it before.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// What it tells.
    pub const fn news(&self) -> News {
        self.news
    }

    /// The bytes that are signed and sent.
    pub fn to_json(&self, source: &str) -> Vec<u8> {
        let structured = Structured {
            specversion: "1.0",
            id: &self.id,
            source,
            kind: self.news.kind(),
            time: self.time,
            datacontenttype: "application/json",
            data: &self.data,
        };
        // Strings, numbers and times: to write them into memory cannot fail.
        serde_json::to_vec(&structured).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use hwc_schemas::{SignalId, SignalNumber};

    use super::*;

    const SIGNAL: &str = "00000000000000000000000000000007";

    fn event(news: News, school: &str, round: u16) -> Event {
        let signal = SignalId { incident: SIGNAL.parse().unwrap(), number: SignalNumber::FIRST };
        let at = "2026-11-18T07:04:00Z".parse().unwrap();
        let data = Data { code: "bf89b3".to_owned(), round, since: at, reminders: 0 };
        Event::of(news, &school.parse().unwrap(), &Task::Read { signal, round }, at, data)
    }

    #[test]
    fn an_event_is_a_cloud_event_with_a_code_and_times_and_nothing_of_the_relays_own() {
        let json =
            event(News::Waits, "school-01AA00", 1).to_json("urn:nld:oin:00000099000000000000:systeem:x");
        let text = String::from_utf8(json).unwrap();
        let value: serde_json::Value = serde_json::from_str(&text).unwrap();
        assert_eq!((&value["specversion"], &value["type"]), (&"1.0".into(), &News::Waits.kind().into()));
        let mut fields: Vec<_> = value["data"].as_object().unwrap().keys().collect();
        fields.sort();
        assert_eq!(fields, ["code", "reminders", "round", "since"]);
        for never in [SIGNAL, "01AA00", "school", "trace"] {
            assert!(!text.contains(never), "{never}: {text}");
        }
    }

    #[test]
    fn an_id_is_the_same_for_the_same_and_another_for_anything_else() {
        let one = event(News::Waits, "school-01AA00", 1);
        assert_eq!(one.id(), event(News::Waits, "school-01AA00", 1).id());
        for other in [
            event(News::Gone, "school-01AA00", 1),
            event(News::Waits, "school-02BB00", 1),
            event(News::Waits, "school-01AA00", 2),
        ] {
            assert_ne!(one.id(), other.id());
        }
        // The convention puts a full stop behind it when it is signed.
        assert!(one.id().starts_with("msg_") && !one.id().contains('.'));
    }
}
