//! Commands, answers, tasks and fetches, as every door reads them.

use hwc_hostile::{CANARY, Limits, Trial};
use hwc_schemas::{
    ask::{Ask, Told},
    breach::BreachRecord,
    message,
    wire::{Answer, Command, Fetch, Fetched, Sealed, Task, limits::MESSAGE_BYTES_MAX},
};
use serde::de::DeserializeOwned;

const INCIDENT: &str = "00000000000000000000000000000007";

fn said<T: DeserializeOwned>(bytes: &[u8]) -> Option<String> {
    message::read::<T>(bytes).err().map(|error| format!("{error} {error:?}"))
}

fn commands() -> Vec<String> {
    let sealed = "AQIDBAUGBwgJCgsMDQ4PEA==";
    let signal = format!("{INCIDENT}-3");
    vec![
        format!(r#"{{"command":"record","incident":"{INCIDENT}","day":"2026-11-19","report":"{sealed}"}}"#),
        format!(r#"{{"command":"screen","incident":"{INCIDENT}","screening":{{"verdict":"qualifies"}}}}"#),
        format!(
            r#"{{"command":"screen","incident":"{INCIDENT}","screening":{{"verdict":"not_domestic_violence","children":2}}}}"#
        ),
        format!(
            r#"{{"command":"expand","incident":"{INCIDENT}","expansion":{{"first":0,"findings":[{{"finding":"refer","municipality":"municipality-0855","referral":"{sealed}"}},{{"finding":"screened_out","reason":"visitor"}},{{"finding":"not_participating"}}],"complete":true,"interval":{{"seconds":3600,"date_only":false}}}}}}"#
        ),
        format!(
            r#"{{"command":"route","signal":"{signal}","round":1,"school":"school-01AA00","letter":"{sealed}"}}"#
        ),
        format!(r#"{{"command":"withhold","signal":"{signal}","round":1,"reason":"enrolment_secret"}}"#),
        format!(r#"{{"command":"acknowledge","signal":"{signal}","round":1}}"#),
        format!(r#"{{"command":"return","signal":"{signal}","round":1}}"#),
        format!(r#"{{"command":"recall","signal":"{signal}","reason":"wrong_school"}}"#),
    ]
}

#[test]
fn commands_withstand() {
    Trial::new(commands(), said::<Command<Sealed>>).withstands();
}

#[test]
fn answers_withstand() {
    let seeds = [
        r#"{"answer":"recorded"}"#,
        r#"{"answer":"already_recorded"}"#,
        r#"{"answer":"refused","refusal":"not_yours"}"#,
        r#"{"answer":"refused","refusal":"of a later version"}"#,
        r#"{"answer":"try_later"}"#,
    ];
    Trial::new(seeds, said::<Answer>).withstands();
}

#[test]
fn questions_and_what_is_told_withstand() {
    let questions = [
        r#"{"ask":"holdings"}"#.to_owned(),
        format!(r#"{{"ask":"holdings","after":"{INCIDENT}"}}"#),
        format!(r#"{{"ask":"report_breach","id":"{INCIDENT}","what":"stolen_device","day":"2026-11-18"}}"#),
    ];
    Trial::new(questions, said::<Ask>).withstands();
    let told = [
        format!(
            r#"{{"told":"holdings","held":[{{"payload":"{INCIDENT}","incident":"{INCIDENT}","number":1,"hop":"letter","from":"municipality-0855","due":true,"until":"2026-12-01T08:00:00Z"}}],"more":false}}"#
        ),
        r#"{"told":"breach_kept","already":true}"#.to_owned(),
        r#"{"told":"refused","refusal":"too_many_breaches"}"#.to_owned(),
        r#"{"told":"try_later"}"#.to_owned(),
    ];
    Trial::new(told, said::<Told>).withstands();
    let records = [
        r#"{"day":"2026-11-18","kind":"returned","opened":true}"#,
        r#"{"day":"2026-11-18","kind":"reported","reason":{"what":"spread","by":"school"}}"#,
    ];
    Trial::new(records, said::<BreachRecord>).withstands();
}

#[test]
fn tasks_and_notices_withstand() {
    let seeds = [
        format!(r#"{{"task":"screen","incident":"{INCIDENT}"}}"#),
        format!(r#"{{"task":"look_up","incident":"{INCIDENT}"}}"#),
        format!(r#"{{"task":"route","signal":"{INCIDENT}-1","round":2,"why":"returned"}}"#),
        format!(r#"{{"task":"read","signal":"{INCIDENT}-65535","round":1}}"#),
        format!(
            r#"{{"task":"notice","signal":"{INCIDENT}-1","round":1,"notice":"still_unread","due":"2026-11-19T16:00:00Z"}}"#
        ),
    ];
    let trial = Trial::new(seeds, |bytes| match message::read::<Task>(bytes) {
        // What an adapter does with it next: its id names a file and a subject.
        Ok(task) => {
            let id = task.id();
            assert!(
                id.len() < 200 && id.chars().all(|c| c.is_ascii_alphanumeric() || "._-".contains(c)),
                "{id}"
            );
            None
        }
        Err(error) => Some(format!("{error} {error:?}")),
    });
    trial.withstands();
}

#[test]
fn fetches_and_what_is_fetched_withstand() {
    let asked = [
        format!(r#"{{"fetch":"report","incident":"{INCIDENT}"}}"#),
        format!(r#"{{"fetch":"referral","signal":"{INCIDENT}-1","round":1}}"#),
        format!(r#"{{"fetch":"letter","signal":"{INCIDENT}-1","round":1}}"#),
    ];
    Trial::new(asked, said::<Fetch>).withstands();
    let given = [
        r#"{"fetched":"payload","from":"police-0599","sealed":"AQID"}"#,
        r#"{"fetched":"refused","refusal":"gone"}"#,
        r#"{"fetched":"try_later"}"#,
    ];
    Trial::new(given, said::<Fetched>).withstands();
}

#[test]
fn a_command_of_the_largest_size_costs_what_its_size_says_and_not_the_square_of_it() {
    let trial = Trial::new(commands(), said::<Command<Sealed>>);
    let full = |open: &str, item: &str, close: &str, bytes: usize| {
        let items = vec![item; bytes.saturating_sub(open.len() + close.len()) / (item.len() + 1)].join(",");
        format!("{open}{items}{close}").into_bytes()
    };
    let findings = format!(
        r#"{{"command":"expand","incident":"{INCIDENT}","expansion":{{"first":0,"complete":true,"interval":{{"seconds":1,"date_only":true}},"findings":["#
    );
    let bytes = MESSAGE_BYTES_MAX / 8;
    for item in
        [r#"{"finding":"not_participating"}"#, "{}", "0", r#"{"finding":"screened_out","reason":"visitor"}"#]
    {
        trial.grows_linearly(bytes, |bytes| full(&findings, item, "]}}", bytes));
    }
    for item in ["{}", "[]", "0", "\"\"", r#"{"a":0}"#, "[[[[[[[[]]]]]]]]"] {
        trial.grows_linearly(bytes, |bytes| full(r#"{"command":"record","x":["#, item, "]}", bytes));
    }
    trial.grows_linearly(bytes, |bytes| full("{", r#""command":"record""#, "}", bytes));
    trial.grows_linearly(bytes, |bytes| full(r#"{"command":"record","incident":""#, "0", "\"}", bytes));
    trial.grows_linearly(bytes, |bytes| vec![b'['; bytes]);
    trial.grows_linearly(bytes, |bytes| {
        let sealed = "QUFB".repeat((bytes - 200) / 4);
        format!(r#"{{"command":"record","incident":"{INCIDENT}","day":"2026-11-19","report":"{sealed}"}}"#)
            .into_bytes()
    });
}

#[test]
fn whatever_is_larger_than_a_message_may_be_is_not_looked_at() {
    let nothing = Limits { bytes_per_byte: 0, bytes_anyway: 1024 };
    let trial = Trial::new([r#"{"answer":"recorded"}"#], said::<Answer>).within(nothing);
    let large = vec![b'['; MESSAGE_BYTES_MAX + 1];
    assert!(trial.says(&large).is_some_and(|said| said.contains("larger than a message may be")));
}

#[test]
fn what_is_deeper_than_any_message_is_refused() {
    let trial = Trial::new(commands(), said::<Command<Sealed>>);
    for (open, close) in [("[", "]"), ("{\"a\":", "}")] {
        let deep = format!(r#"{{"command":"record","x":{}0{}}}"#, open.repeat(200), close.repeat(200));
        assert!(trial.says(deep.as_bytes()).is_some());
    }
}

#[test]
fn a_field_that_stands_there_twice_is_refused_and_not_repeated() {
    let trial = Trial::new(commands(), said::<Command<Sealed>>);
    let twice = [
        format!(r#"{{"command":"acknowledge","command":"return","signal":"{INCIDENT}-1","round":1}}"#),
        format!(r#"{{"command":"acknowledge","signal":"{INCIDENT}-1","signal":"{INCIDENT}-2","round":1}}"#),
        format!(r#"{{"command":"acknowledge","signal":"{INCIDENT}-1","round":1,"round":2}}"#),
        format!(r#"{{"command":"{CANARY}","signal":"{INCIDENT}-1","round":1}}"#),
        format!(r#"{{"command":"acknowledge","signal":"{INCIDENT}-1","round":"{CANARY}"}}"#),
    ];
    for bad in twice {
        assert!(trial.says(bad.as_bytes()).is_some(), "{bad}");
    }
}

#[test]
fn questions_about_keys_and_their_answers_withstand() {
    let key = format!(
        r#"{{"id":"{INCIDENT}","kind":"weekly","made":"2026-11-22","key":"{}","signature":"{}"}}"#,
        "5a".repeat(32),
        "c3".repeat(64)
    );
    let asked = [
        r#"{"ask":"holdings"}"#.to_owned(),
        format!(r#"{{"ask":"leave_keys","keys":[{key}]}}"#),
        format!(r#"{{"ask":"withdraw_keys","keys":["{INCIDENT}"]}}"#),
        format!(r#"{{"ask":"keys","mine":["{INCIDENT}"]}}"#),
        r#"{"ask":"key_of","organisation":"school-01AA00"}"#.to_owned(),
    ];
    Trial::new(asked, said::<Ask>).withstands();
    let told = [
        format!(r#"{{"told":"keys","stock":["{INCIDENT}"],"living":null}}"#),
        format!(r#"{{"told":"key_of","one_time":{key},"weekly":{key}}}"#),
        r#"{"told":"done"}"#.to_owned(),
        r#"{"told":"refused","refusal":"not_yours"}"#.to_owned(),
        r#"{"told":"try_later"}"#.to_owned(),
    ];
    Trial::new(told, said::<Told>).withstands();
}
