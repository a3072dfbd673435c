//! The journal's records, of every version that was ever written.

use hwc_hostile::Trial;
use hwc_journal::codec;

fn decode(bytes: &[u8]) -> Option<String> {
    codec::decode(bytes).err().map(|error| format!("{error} {error:?}"))
}

fn frozen() -> Vec<&'static str> {
    include_str!("../../../../engine/journal/tests/fixtures/v1.jsonl").lines().collect()
}

#[test]
fn records_of_the_journal_withstand() {
    let trial = Trial::new(frozen(), decode);
    trial.withstands();
    for bad in
        ["", "null", "[]", r#"{"v":0}"#, r#"{"v":99999999999999999999}"#, r#"{"v":1,"v":1,"events":[]}"#]
    {
        assert!(trial.says(bad.as_bytes()).is_some(), "{bad}");
    }
}

#[test]
fn a_record_costs_what_its_size_says() {
    let trial = Trial::new(frozen(), decode);
    let screened = r#"{"at":"2026-11-22T08:05:00Z","fact":"screened"}"#;
    let stored = r#"["a0000000000000000000000000000001","b0000000000000000000000000000001",1]"#;
    for (open, item, close) in [
        (r#"{"v":1,"events":["#, screened, "]}"),
        (r#"{"v":1,"events":[],"stored":["#, stored, "]}"),
        (r#"{"v":1,"events":[{"at":"2026-11-22T08:05:00Z","fact":"screened","x":["#, "{}", "]}]}"),
        (r#"{"v":1,"x":["#, "0", "]"),
    ] {
        trial.grows_linearly(32 * 1024, |bytes| {
            format!("{open}{}{close}", vec![item; bytes / (item.len() + 1)].join(",")).into_bytes()
        });
    }
}
