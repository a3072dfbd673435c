use hwc_hostile::Trial;
use hwc_schemas::{
    Traceparent, message,
    person::DateOfBirth,
    wire::{Answer as Answered, Binding, Command, Fetched, Sealed},
};
use hwc_vault::{DoesNotOpen, OpenError};
use std::sync::Mutex;
use uuid::Uuid;

use super::*;
use crate::{Line as ToTheEngine, Nobody, Said as Heard, Seals, WallClock, office::Unsealed};

#[test]
fn questions_and_replies_withstand_hostile_input_and_the_others_pass_through() {
    let said = |bytes: &[u8]| {
        let read = message::read::<Either<Question, String>>(bytes);
        read.err().map(|error| format!("{error} {error:?}"))
    };
    Trial::new([r#"{"holdings":"list"}"#, r#"{"holdings":"about"}"#], said).withstands();
    let other = message::read::<Either<Question, String>>(br#""inbox""#);
    assert_eq!(other, Ok(Either::Other("inbox".to_owned())));
    let reply = r#"{"holdings":{"told":"held","held":[{"incident":"00000000000000000000000000000007","number":1,"hop":"letter","from":"municipality-0855","due":true,"until":"2026-12-16T09:00:00Z"}],"more":0,"about":{"opened":1,"same":[0],"near":[],"closed":0,"ended":0,"failed":0}}}"#;
    let read = message::read::<Reply>(reply.as_bytes()).map(|read| serde_json::to_string(&read).ok());
    assert_eq!(read, Ok(Some(reply.to_owned())));
    let said = |bytes: &[u8]| message::read::<Reply>(bytes).err().map(|error| format!("{error} {error:?}"));
    Trial::new([reply], said).withstands();
}

/// An engine that holds these, and gives what is plain in place of a seal.
struct Engine {
    held: Vec<(Held, Fetched)>,
}

impl ToTheEngine for Engine {
    fn organisation(&self) -> &Organisation {
        &self.held[0].0.from
    }

    fn submit<'a>(
        &'a self,
        _: &'a Command<Sealed>,
        _: Option<Traceparent>,
    ) -> Heard<'a, (Answered, Option<Traceparent>)> {
        panic!("nothing is submitted")
    }

    fn fetch<'a>(&'a self, fetch: &'a Fetch, _: Option<Traceparent>) -> Heard<'a, Fetched> {
        let one = self.held.iter().find(|(held, _)| held.incident == fetch.incident());
        let (held, fetched) = one.expect("only what is held is fetched");
        assert!(held.due, "what may not be opened was asked for");
        Box::pin(std::future::ready(Ok(fetched.clone())))
    }

    /// Two at a time.
    fn ask<'a>(&'a self, ask: &'a Ask) -> Heard<'a, Told> {
        let Ask::Holdings { after } = ask else { panic!("another question") };
        let mut left =
            self.held.iter().map(|(held, _)| held).filter(|held| after.is_none_or(|one| held.payload > one));
        let held: Vec<_> = left.by_ref().take(2).cloned().collect();
        let more = left.next().is_some();
        Box::pin(std::future::ready(Ok(Told::Holdings { held, more })))
    }
}

struct Glass;

impl Seals for Glass {
    fn seal(&self, _: &Binding, _: &Plaintext) -> Result<Sealed, Unsealed> {
        panic!("nothing is sealed")
    }

    fn open(&self, _: &Binding, sealed: &Sealed) -> Result<Plaintext, Unopened> {
        let bytes = sealed.as_bytes().to_vec();
        if bytes.is_empty() {
            return Err(OpenError::from(DoesNotOpen).into());
        }
        Ok(Plaintext::from_opened(bytes.into()))
    }
}

struct Parrot;

impl Service for Parrot {
    type Question = String;
    type Reply = String;

    async fn answer(&self, question: String) -> Said<String> {
        question.into()
    }
}

fn child(given_names: &str) -> Child {
    Child::new(given_names, None, "Berg", DateOfBirth::parse("2016-02-03").unwrap()).unwrap()
}

/// Three who are alike, for once.
fn alike(one: &Child, other: &Child) -> Likeness {
    let is_one_of_them = |child: &Child| ["Eva", "Evi", "Els"].map(self::child).contains(child);
    match (one == other, is_one_of_them(one) && is_one_of_them(other)) {
        (true, _) => Likeness::Same,
        (_, true) => Likeness::Near,
        _ => Likeness::Other,
    }
}

fn held(number: u128, hop: Hop, due: bool) -> Held {
    let from = match hop {
        Hop::Report => "police-17",
        Hop::Referral => "veilig-thuis-17",
        Hop::Letter => "municipality-0855",
    };
    let child = (hop != Hop::Report).then_some(SignalNumber::FIRST);
    // By name, so that what a later version adds needs no mention here.
    let mut text = serde_json::json!({
        "payload": PayloadId::from_uuid(Uuid::from_u128(number)),
        "incident": IncidentId::from_uuid(Uuid::from_u128(number)),
        "hop": hop, "from": from, "due": due, "until": "2026-12-16T09:00:00Z",
    });
    if let Some(child) = child {
        text["number"] = serde_json::json!(child);
        text["round"] = 1.into();
    }
    serde_json::from_value(text).unwrap()
}

fn plain(held: &Held, content: &Plaintext) -> Fetched {
    Fetched::Payload { from: held.from.clone(), sealed: Sealed::new(content.as_bytes().to_vec()) }
}

fn enquiry(all: Vec<(Held, Fetched)>) -> Enquiry<Parrot> {
    let office = Office::new(Engine { held: all }, Glass, Arc::new(WallClock), Arc::new(Nobody));
    Enquiry::new(Parrot, office, alike)
}

fn letter(number: u128, name: &str) -> (Held, Fetched) {
    let held = held(number, Hop::Letter, true);
    let fetched = plain(&held, &Letter { child: child(name) }.to_plaintext());
    (held, fetched)
}

async fn asked(enquiry: &Enquiry<Parrot>, name: &str) -> (Vec<Line>, About) {
    let question = Either::Holdings(Question { holdings: Look::About });
    assert!(Enquiry::<Parrot>::has_an_enclosure(&question));
    let said = enquiry.answer_to(question, Letter { child: child(name) }.to_plaintext()).await;
    assert!(said.enclosed.is_empty(), "nothing about anybody comes out");
    match said.reply {
        Either::Holdings(Reply { holdings: Answer::Held { held, about: Some(about), .. } }) => (held, about),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn what_may_be_opened_is_compared_and_what_nobody_may_open_is_counted() {
    let referral = held(2, Hop::Referral, true);
    let fetched = plain(&referral, &Referral { child: child("Evi"), sister: false }.to_plaintext());
    let gone = Fetched::Refused { refusal: Refusal::Gone };
    let broken =
        Fetched::Payload { from: "municipality-0855".parse().unwrap(), sealed: Sealed::new(Vec::new()) };
    let all = vec![
        letter(1, "Eva"),
        (referral, fetched),
        letter(3, "Noor"),
        (held(4, Hop::Referral, false), gone.clone()),
        (held(5, Hop::Letter, true), gone),
        (held(6, Hop::Letter, true), broken),
    ];
    let opened = Arc::new(Mutex::new(Vec::new()));
    let told = Arc::clone(&opened);
    let enquiry = enquiry(all).telling(move |signal, _| told.lock().unwrap().push(signal.incident));
    let (lines, about) = asked(&enquiry, "Eva").await;
    assert_eq!(lines.len(), 6, "all pages are read");
    let wanted = About { opened: 3, same: vec![0], near: vec![1], closed: 1, ended: 1, failed: 1 };
    assert_eq!(about, wanted);
    assert_eq!(opened.lock().unwrap().len(), 2, "each letter that was opened is told of");
}

#[tokio::test]
async fn a_report_is_about_everybody_whom_it_names() {
    let child = |name: &str| hwc_schemas::report::Mention {
        child: child(name),
        presence: hwc_schemas::report::Presence::Present,
        relation: hwc_schemas::report::Relation::Resident,
    };
    let report = Report {
        reported_at: Timestamp::UNIX_EPOCH,
        occurred: hwc_schemas::report::Occurred::At(Timestamp::UNIX_EPOCH),
        kind: hwc_schemas::report::Kind::Other,
        address: hwc_schemas::report::Address::new("5038AA", 1, "", "", None).unwrap(),
        mentions: vec![child("Noor"), child("Evi"), child("Eva")],
    };
    let one = held(1, Hop::Report, true);
    let fetched = plain(&one, &report.to_plaintext());
    let enquiry = enquiry(vec![(one, fetched)]);
    for (name, same, near) in [("Eva", 1, 0), ("Els", 0, 1), ("Tim", 0, 0)] {
        let (_, about) = asked(&enquiry, name).await;
        assert_eq!((about.same.len(), about.near.len(), about.opened), (same, near, 1), "{name}");
    }
}

#[tokio::test]
async fn a_list_opens_nothing_and_other_questions_pass_through() {
    let enquiry = enquiry(vec![letter(1, "Eva")]);
    let Either::Holdings(reply) =
        enquiry.answer(Either::Holdings(Question { holdings: Look::List })).await.reply
    else {
        panic!("not ours")
    };
    let Answer::Held { held, more, about } = reply.holdings else { panic!("nothing is held") };
    assert_eq!((held.len(), more, about), (1, 0, None));
    let said = enquiry.answer(Either::Other("lorre".to_owned())).await;
    assert_eq!(said.reply, Either::Other("lorre".to_owned()));
    let no_child = Plaintext::from_opened(b"{}".to_vec().into());
    let said = enquiry.answer_to(Either::Holdings(Question { holdings: Look::About }), no_child).await;
    assert_eq!(said.reply, Either::Holdings(Reply { holdings: Answer::NoChild }));
}
