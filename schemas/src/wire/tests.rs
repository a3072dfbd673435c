use super::*;
use uuid::Uuid;

#[test]
fn a_printed_command_says_how_large_its_payload_is_and_nothing_of_it() {
    let (incident, report) = (IncidentId::from_uuid(Uuid::nil()), Sealed::new(b"canary".to_vec()));
    let command = Command::Record { incident, day: Date::MIN, report };
    let printed = format!("{command:?}");
    assert!(printed.contains("Sealed(6 bytes)") && !printed.contains("canary"));
}

#[test]
fn detaching_leaves_every_payload_with_an_id_of_its_own() {
    let municipality: Organisation = "municipality-0855".parse().unwrap();
    let refer = |b| Finding::Refer { municipality: municipality.clone(), referral: Sealed::new(vec![b]) };
    let command = Command::Expand {
        incident: IncidentId::from_uuid(Uuid::nil()),
        expansion: Expansion {
            first: 0,
            findings: vec![refer(1), Finding::NotParticipating, refer(2)],
            complete: true,
            interval: Interval { seconds: 60, date_only: false },
        },
    };
    let mut ids = (1..).map(|next| PayloadId::from_uuid(Uuid::from_u128(next)));
    let (_, taken) = command.detach(|| ids.next().unwrap());
    let ids: Vec<_> =
        taken.iter().map(|(id, sealed)| (*id.as_bytes().last().unwrap(), sealed.as_bytes()[0])).collect();
    assert_eq!(ids, [(1, 1), (2, 2)]);
}

#[test]
fn a_refusal_of_a_later_version_is_a_refusal_that_keeps_the_task() {
    let answer = serde_json::from_str(r#"{"answer":"refused","refusal":"not_today"}"#);
    assert_eq!(answer.ok(), Some(Answer::Refused { refusal: Refusal::Unknown }));
    assert!(!Refusal::Unknown.ends_the_task());
}

#[test]
fn refusal_codes_are_what_the_wire_says() {
    for refusal in Refusal::ALL {
        assert_eq!(serde_json::to_value(refusal).unwrap(), refusal.code());
    }
}
