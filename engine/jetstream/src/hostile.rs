//! What the broker answers, spoiled. It sees ciphertexts and ids only, so its own words may be passed on; they are one line
//! of bounded length.

use hwc_hostile::Trial;
use serde_json::Value;

use crate::{
    Fault,
    directory::Newer,
    link::{self, Stored},
    messages,
    scan::Place,
    store::generations,
};

/// What a fault says, the broker's own words aside.
fn said<T>(read: Result<T, Fault>) -> Option<String> {
    match read {
        Ok(_) => None,
        Err(Fault::Refused { code, description }) => {
            let one_line = description.chars().count() <= 200 && !description.chars().any(char::is_control);
            assert!(one_line, "the broker's words are not fit for a log");
            Some(code.to_string())
        }
        Err(fault) => Some(format!("{fault} {fault:?}")),
    }
}

#[test]
fn answers_to_a_publish_withstand() {
    let seeds = [
        r#"{"stream":"JOURNAL","seq":7}"#,
        r#"{"stream":"JOURNAL","seq":18446744073709551615,"duplicate":true,"error":null}"#,
    ];
    let trial = Trial::new(seeds, |bytes| said(link::read::<Stored>(bytes)));
    trial.withstands();
    let refused = r#"{"error":{"code":400,"err_code":10071,"description":"wrong last sequence: 3"}}"#;
    assert_eq!(trial.says(refused.as_bytes()).as_deref(), Some("10071"));
    let endless = format!(r#"{{"error":{{"code":400,"description":"{}"}}}}"#, "\\n\\u001b[2J".repeat(10_000));
    assert_eq!(trial.says(endless.as_bytes()).as_deref(), Some("400"));
}

#[test]
fn messages_that_are_read_back_withstand() {
    let seeds = [
        r#"{"type":"x","message":{"subject":"jrn.1.e","seq":7,"data":"eyJ2IjoxfQ==","time":"2026-11-22T08:00:00Z"}}"#,
        r#"{"message":{"subject":"jrn.1.t","seq":8}}"#,
    ];
    let trial = Trial::new(seeds, |bytes| {
        said(link::read::<messages::Answer>(bytes).and_then(messages::Answer::lying))
    });
    trial.withstands();
    trial.grows_linearly(32 * 1024, |bytes| {
        format!(r#"{{"message":{{"subject":"a","seq":1,"data":"{}"}}}}"#, "QUFB".repeat(bytes / 4))
            .into_bytes()
    });
}

#[test]
fn what_a_generation_is_said_to_hold_withstands() {
    let id = "00000000000000000000000000000007";
    let seed = format!(
        r#"{{"config":{{"name":"PAY_{id}"}},"created":"2026-11-22T08:00:00Z","ts":"2026-11-22T08:01:00Z","state":{{"messages":1,"subjects":{{"pay.{id}.{id}":1}}}}}}"#
    );
    let decode =
        |bytes: &[u8]| said(link::read::<generations::Info>(bytes).and_then(generations::Info::holds));
    let trial = Trial::new([seed], decode);
    trial.withstands();
    trial.grows_linearly(32 * 1024, |bytes| {
        let subjects: Vec<_> = (0..bytes / 80).map(|number| format!("\"pay.{id}.{number:032x}\":1")).collect();
        let (count, subjects) = (subjects.len(), subjects.join(","));
        format!(
            r#"{{"config":{{}},"created":"2026-11-22T08:00:00Z","ts":"2026-11-22T08:01:00Z","state":{{"messages":{count},"subjects":{{{subjects}}}}}}}"#
        )
        .into_bytes()
    });
}

#[test]
fn questions_for_the_directory_withstand() {
    let ask = |bytes: &[u8]| serde_json::from_slice::<Newer>(bytes).err().map(|_| "unreadable".to_owned());
    Trial::new([r#"{"than":7}"#], ask).withstands();
}

#[test]
fn answers_of_any_shape_and_places_withstand() {
    Trial::new([r#"{"config":{"name":"JOURNAL"},"num_pending":3}"#], |bytes| {
        said(link::read::<Value>(bytes))
    })
    .withstands();
    let place =
        |bytes: &[u8]| Place::of(&String::from_utf8_lossy(bytes)).is_none().then(|| "no place".to_owned());
    let seeds = [
        "$JS.ACK.TASKS.school-01AA00.3.70.5.1700000000000000000.9",
        "$JS.ACK._.6LvWHe4E.TASKS.school-01AA00.3.70.5.1.9",
    ];
    let trial = Trial::new(seeds, place);
    trial.withstands();
    trial.grows_linearly(16 * 1024, |bytes| vec![b'.'; bytes]);
}
