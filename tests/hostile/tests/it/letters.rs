//! What is sealed: the envelope, and what came out of it.

use hwc_hostile::{CANARY, Trial};
use hwc_schemas::{
    IncidentId, Organisation, SignalNumber,
    letter::{Hop, Letter, Plaintext, Referral, Sealable},
    person::{Child, DateOfBirth},
    report::{Address, Kind, Mention, Occurred, Presence, Relation, Report},
    wire::{Binding, Sealed, limits::SEALED_BYTES_MAX},
};
use hwc_vault::{OsChance, SealingKey, marker, open, open_as, seal_as};
use uuid::Uuid;
use zeroize::Zeroizing;

fn child() -> Child {
    let Ok(born) = DateOfBirth::parse("2016-02-03") else { panic!("no date") };
    let Ok(child) = Child::new("Zoë Anna", Some("van der"), "Berg-Łuk", born) else { panic!("no child") };
    child
}

fn report() -> Report {
    let Ok(address) = Address::new("5038AA", 12, "a", "2", None) else { panic!("no address") };
    Report {
        reported_at: "2026-11-19T05:45:00Z".parse().unwrap(),
        occurred: Occurred::On("2026-11-18".parse().unwrap()),
        kind: Kind::ChildAbuse,
        address,
        mentions: vec![
            Mention { child: child(), presence: Presence::Present, relation: Relation::Resident };
            3
        ],
    }
}

fn plain<T: Sealable>(bytes: &[u8]) -> Option<String> {
    let plain = Plaintext::from_opened(Zeroizing::new(bytes.to_vec()));
    T::from_plaintext(&plain).err().map(|error| format!("{error} {error:?}"))
}

#[test]
fn reports_referrals_and_letters_withstand() {
    Trial::new([report().to_plaintext().as_bytes()], plain::<Report>).withstands();
    for sister in [true, false] {
        let referral = Referral { child: child(), sister };
        Trial::new([referral.to_plaintext().as_bytes()], plain::<Referral>).withstands();
    }
    Trial::new([Letter { child: child() }.to_plaintext().as_bytes()], plain::<Letter>).withstands();
}

#[test]
fn a_report_with_ever_more_children_costs_what_its_size_says() {
    let whole = report().to_plaintext();
    let whole = std::str::from_utf8(whole.as_bytes()).unwrap();
    let (before, _) = whole.split_once("\"children\":[").unwrap();
    let trial = Trial::new([whole], plain::<Report>);
    let mention = r#"{"child":{"given_names":"A","prefix":null,"surname":"B","date_of_birth":"2016-02-03"},"presence":"present","relation":"resident"}"#;
    trial.grows_linearly(16 * 1024, |bytes| {
        let mentions = vec![mention; bytes / mention.len()].join(",");
        format!("{before}\"children\":[{mentions}]}}").into_bytes()
    });
    trial.grows_linearly(16 * 1024, |bytes| {
        whole.replace("Zo\u{eb} Anna", &"\\u00eb".repeat(bytes / 6)).into_bytes()
    });
}

struct Envelope {
    sender: SealingKey,
    receiver: SealingKey,
    binding: Binding,
    sealed: Sealed,
}

fn envelope() -> Envelope {
    let keys = [0; 2].map(|_| SealingKey::generate(&mut OsChance).unwrap_or_else(|_| panic!("no chance")));
    let [sender, receiver] = keys;
    let binding = Binding {
        incident: IncidentId::from_uuid(Uuid::from_u128(7)),
        number: SignalNumber::at(0),
        hop: Hop::Letter,
        sender: "municipality-0855".parse().unwrap(),
        receiver: "school-01AA00".parse().unwrap(),
    };
    let sealed =
        seal_as(&sender, &receiver.public_key(), &binding, &Letter { child: child() }, &mut OsChance)
            .unwrap();
    Envelope { sender, receiver, binding, sealed }
}

#[test]
fn a_sealed_envelope_withstands_and_whatever_is_not_the_very_one_does_not_open() {
    let Envelope { sender, receiver, binding, sealed } = envelope();
    let whole = sealed.as_bytes().to_vec();
    let trial = Trial::new([whole.clone()], |bytes| {
        let spoiled = Sealed::new(bytes.to_vec());
        let _ = marker(&spoiled);
        match open_as::<Letter>(&receiver, &sender.public_key(), &binding, &spoiled) {
            Ok(_) if bytes != whole => panic!("a spoiled seal opened"),
            Ok(_) => None,
            Err(error) => Some(format!("{error} {error:?}")),
        }
    });
    trial.withstands();
    for bad in [&whole[..whole.len() - 1], &whole[1..], &[], &vec![0; SEALED_BYTES_MAX], &vec![1; 2113]] {
        assert!(trial.says(bad).is_some_and(|said| said.contains("does not open")));
    }
}

#[test]
fn a_letter_sealed_to_another_school_another_child_or_another_incident_does_not_open() {
    let Envelope { sender, receiver, binding, sealed } = envelope();
    let organisation = |name: &str| name.parse::<Organisation>().unwrap();
    let others = [
        Binding { incident: IncidentId::from_uuid(Uuid::from_u128(8)), ..binding.clone() },
        Binding { number: SignalNumber::at(1), ..binding.clone() },
        Binding { number: None, ..binding.clone() },
        Binding { hop: Hop::Referral, ..binding.clone() },
        Binding { sender: organisation("municipality-0867"), ..binding.clone() },
        Binding { receiver: organisation("school-02BB00"), ..binding.clone() },
    ];
    for other in others {
        assert!(open(&receiver, &sender.public_key(), &other, &sealed).is_err(), "{other:?}");
    }
    let Envelope { sender: stranger, receiver: elsewhere, .. } = envelope();
    assert!(open(&receiver, &stranger.public_key(), &binding, &sealed).is_err());
    assert!(open(&elsewhere, &sender.public_key(), &binding, &sealed).is_err());
    assert!(open(&receiver, &sender.public_key(), &binding, &sealed).is_ok());
}

#[test]
fn what_opens_and_is_no_letter_is_refused_without_a_word_of_it() {
    for content in
        [CANARY.to_owned(), format!("{{\"child\":{{\"given_names\":\"{CANARY}\"}}}}"), "[".repeat(10_000)]
    {
        let said = plain::<Letter>(content.as_bytes()).unwrap();
        assert!(said.starts_with("the sealed content does not have the shape of its hop"), "{said}");
    }
}
