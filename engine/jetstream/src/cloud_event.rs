//! A task as a `CloudEvent`: its attributes, one header each (binary mode), by the NL GOV profile 1.0. None holds anything that the
//! task's own ids do not; `subject` is not used.

use async_nats::HeaderMap;
use hwc_schemas::wire::Task;
use jiff::Timestamp;

/// Where events come from when nobody says whose engine it is: a test OIN.
pub(crate) const TEST_SOURCE: &str = "urn:nld:oin:00000099000000000000:systeem:handle-with-care";

/// Writes the attributes of a task that is offered at this moment.
pub(crate) fn write(task: &Task, source: &str, at: Timestamp, headers: &mut HeaderMap) {
    headers.insert("ce-specversion", "1.0");
    headers.insert("ce-id", task.id());
    headers.insert("ce-source", source);
    headers.insert("ce-type", of_type(task));
    headers.insert("ce-time", at.to_string());
    headers.insert("ce-datacontenttype", "application/json");
}

/// Reverse domain name, no organisation in it, the version last.
const fn of_type(task: &Task) -> &'static str {
    match task {
        Task::Screen { .. } => "nl.handlewithcare.task.screen.v1",
        Task::LookUp { .. } => "nl.handlewithcare.task.look-up.v1",
        Task::Route { .. } => "nl.handlewithcare.task.route.v1",
        Task::Read { .. } => "nl.handlewithcare.task.read.v1",
        Task::Notice { .. } => "nl.handlewithcare.task.notice.v1",
    }
}

/// Whether a text can be a source: `urn:nld:oin:`, 20 letters and digits, `:systeem:` and a name of lower-case letters, digits
/// and dashes.
pub fn is_source(text: &str) -> bool {
    let Some((oin, name)) = text.strip_prefix("urn:nld:oin:").and_then(|rest| rest.split_once(":systeem:"))
    else {
        return false;
    };
    let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    oin.len() == 20
        && oin.bytes().all(|byte| byte.is_ascii_digit() || byte.is_ascii_uppercase())
        && (1..=64).contains(&name.len())
        && name.bytes().all(plain)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_task_is_an_event_of_the_profile_and_has_no_subject() {
        let task = Task::Read { signal: "0192f1c2d3e4475865a6b7c8d9e0f102-1".parse().unwrap(), round: 1 };
        let mut headers = HeaderMap::new();
        write(&task, TEST_SOURCE, "2026-11-22T06:30:00Z".parse().unwrap(), &mut headers);
        let said: Vec<_> = headers
            .iter()
            .map(|(name, values)| format!("{name}: {}", values.first().map_or("", |value| value.as_str())))
            .collect();
        let mut said = said;
        said.sort_unstable();
        assert_eq!(
            said,
            [
                "ce-datacontenttype: application/json",
                "ce-id: read.0192f1c2d3e4475865a6b7c8d9e0f102-1.1",
                "ce-source: urn:nld:oin:00000099000000000000:systeem:handle-with-care",
                "ce-specversion: 1.0",
                "ce-time: 2026-11-22T06:30:00Z",
                "ce-type: nl.handlewithcare.task.read.v1",
            ]
        );
    }

    #[test]
    fn a_source_is_a_urn_with_an_oin() {
        assert!(is_source(TEST_SOURCE) && is_source("urn:nld:oin:0000000716SW03000000:systeem:x"));
        for bad in [
            "",
            "urn:nld:oin:1:systeem:x",
            "urn:nld:oin:00000099000000000000:systeem:",
            "urn:nld:oin:00000099000000000000:systeem:A",
        ] {
            assert!(!is_source(bad), "{bad}");
        }
    }
}
