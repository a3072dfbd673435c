//! Letters to a mail server that is as strange as mail servers are.
#![cfg(test)]

mod server;

use std::{fs, os::unix::fs::PermissionsExt as _, path::Path, time::Duration};

use hwc_post::{
    Letter, Mail, Mailbox, Post, PostOffice, PostTable, Purpose, Round, Sent, Slot,
    smtp::{self, Stage, Undelivered},
};
use jiff::{Timestamp, civil::Date};
use server::{Manner, Server};

const DAY: Date = Date::constant(2026, 11, 18);

fn mailbox() -> Mailbox {
    Mailbox::parse("01AAHwC@school.example").unwrap()
}

fn post(server: &Server, security: &str, more: &str) -> Post {
    let text = format!(
        "server = \"127.0.0.1\"\nport = {}\nsecurity = \"{security}\"\nca = {:?}\nfrom = \"hwc@relay.example\"\n{more}",
        server.address.port(),
        server.ca(),
    );
    checked(&text)
}

fn checked(text: &str) -> Post {
    let table: PostTable = toml::from_str(text).unwrap();
    Post::check(&table, Path::to_owned).unwrap().waiting(Duration::from_secs(5), Duration::from_secs(5))
}

/// Settings with a login, whose password lies in this folder.
fn with_login(server: &Server, folder: &Path) -> Post {
    let file = folder.join("password");
    fs::write(&file, "geheim\n").unwrap();
    fs::set_permissions(&file, fs::Permissions::from_mode(0o600)).unwrap();
    post(server, "starttls", &format!("user = \"hwc\"\npassword_file = {file:?}\n"))
}

async fn send(post: &Post) -> Result<(), Undelivered> {
    smtp::send(post, &Letter::write(Mail::signal_waits(DAY), &mailbox(), post).unwrap()).await
}

#[tokio::test]
async fn a_letter_arrives_over_tls_and_nothing_of_it_is_said_in_the_clear() {
    let server = Server::start(Manner::Takes, "127.0.0.1").await;
    send(&post(&server, "starttls", "bounces = \"ops@relay.example\"\n")).await.unwrap();
    let heard = server.heard();
    assert_eq!(heard.in_the_clear, ["EHLO relay.example", "STARTTLS"]);
    assert!(heard.commands.contains(&"MAIL FROM:<ops@relay.example>".to_owned()));
    assert!(heard.commands.contains(&"RCPT TO:<01AAHwC@school.example>".to_owned()));
    let letter = &heard.letters[0];
    assert!(letter.is_ascii() && letter.lines().all(|line| line.len() <= 78), "{letter}");
    for line in [
        "From: \"Handle with Care\" <hwc@relay.example>\r\n",
        "To: 01AAHwC@school.example\r\n",
        "Subject: Handle with Care: er wacht een signaal\r\n",
        "Auto-Submitted: auto-generated\r\n",
        "Content-Type: text/plain; charset=utf-8\r\n",
        "Dag: 18 november 2026\r\n",
    ] {
        assert!(letter.contains(line), "no {line} in {letter}");
    }
}

#[tokio::test]
async fn a_letter_has_no_header_but_these_and_an_id_that_means_nothing() {
    let server = Server::start(Manner::Takes, "127.0.0.1").await;
    let post = post(&server, "starttls", "");
    send(&post).await.unwrap();
    send(&post).await.unwrap();
    let letters = server.took(2).await;
    let headers = |letter: &str| -> Vec<String> {
        let head = letter.split("\r\n\r\n").next().unwrap();
        head.lines().map(|line| line.split(": ").next().unwrap().to_owned()).collect()
    };
    let mut names = headers(&letters[0]);
    names.sort();
    let wanted = [
        "Auto-Submitted",
        "Content-Transfer-Encoding",
        "Content-Type",
        "Date",
        "From",
        "MIME-Version",
        "Message-ID",
        "Subject",
        "To",
        "X-Auto-Response-Suppress",
    ];
    assert_eq!(names, wanted);
    let id = |letter: &str| {
        let line = letter.lines().find(|line| line.starts_with("Message-ID: <")).unwrap().to_owned();
        assert!(line.ends_with("@relay.example>") && line.len() == "Message-ID: <@relay.example>".len() + 32);
        line
    };
    assert_ne!(id(&letters[0]), id(&letters[1]));
}

#[tokio::test]
async fn a_server_that_can_is_asked_to_tell_of_failures_with_no_id_of_ours() {
    let server = Server::secured(Manner::TakesAndTells, "127.0.0.1").await;
    send(&post(&server, "tls", "")).await.unwrap();
    let commands = server.heard().commands;
    assert!(commands.contains(&"MAIL FROM:<hwc@relay.example> RET=HDRS".to_owned()), "{commands:?}");
    assert!(commands.contains(&"RCPT TO:<01AAHwC@school.example> NOTIFY=FAILURE".to_owned()), "{commands:?}");
    assert!(!commands.iter().any(|line| line.contains("ENVID") || line.contains("ORCPT")));
}

#[tokio::test]
async fn the_password_is_said_secured_only_in_whichever_way_is_offered() {
    let folder = tempfile::tempdir().unwrap();
    for manner in [Manner::Takes, Manner::TakesAndTells] {
        let server = Server::start(manner, "127.0.0.1").await;
        send(&with_login(&server, folder.path())).await.unwrap();
        let heard = server.heard();
        assert_eq!(heard.in_the_clear, ["EHLO relay.example", "STARTTLS"]);
        assert!(heard.commands.iter().any(|line| line.starts_with("AUTH ")));
    }
    let server = Server::start(Manner::RefusesLogin, "127.0.0.1").await;
    let refused = send(&with_login(&server, folder.path())).await.unwrap_err();
    assert_eq!(refused, Undelivered::Refused { stage: Stage::Login, code: 535 });
    assert!(!refused.is_final(), "a password can be put right before the lessons");
}

#[tokio::test]
async fn a_server_without_tls_gets_nothing() {
    let server = Server::start(Manner::OffersNoTls, "127.0.0.1").await;
    let folder = tempfile::tempdir().unwrap();
    assert_eq!(send(&with_login(&server, folder.path())).await, Err(Undelivered::NotSecured));
    assert_eq!(server.heard().commands, ["EHLO relay.example"]);
}

#[tokio::test]
async fn what_is_answered_before_tls_and_was_not_asked_ends_the_conversation() {
    let server = Server::start(Manner::AnswersAhead, "127.0.0.1").await;
    let said = send(&post(&server, "starttls", "")).await;
    assert_eq!(said, Err(Undelivered::Garbled(Stage::Security)));
    assert_eq!(server.heard().commands, ["EHLO relay.example", "STARTTLS"]);
}

#[tokio::test]
async fn another_name_and_another_authority_are_not_believed() {
    let server = Server::start(Manner::Takes, "somebody.else.example").await;
    assert_eq!(send(&post(&server, "starttls", "")).await, Err(Undelivered::NotBelieved));
    let (one, two) = (
        Server::secured(Manner::Takes, "127.0.0.1").await,
        Server::secured(Manner::Takes, "127.0.0.1").await,
    );
    let text = format!(
        "server = \"127.0.0.1\"\nport = {}\nsecurity = \"tls\"\nca = {:?}\nfrom = \"hwc@relay.example\"\n",
        one.address.port(),
        two.ca(),
    );
    assert_eq!(send(&checked(&text)).await, Err(Undelivered::NotBelieved));
    for server in [server, one, two] {
        assert!(server.heard().letters.is_empty());
    }
}

#[tokio::test]
async fn a_server_on_this_machine_may_be_spoken_to_in_the_clear() {
    let server = Server::start(Manner::OffersNoTls, "127.0.0.1").await;
    let text = format!(
        "server = \"localhost\"\nport = {}\nsecurity = \"plain-on-this-machine\"\nfrom = \"hwc@relay.example\"\n",
        server.address.port(),
    );
    send(&checked(&text)).await.unwrap();
    assert_eq!(server.heard().letters.len(), 1);
}

#[tokio::test]
async fn who_says_nothing_speaks_something_else_or_is_not_there_is_named_so() {
    let server = Server::start(Manner::Silent, "127.0.0.1").await;
    let hasty = post(&server, "starttls", "").waiting(Duration::from_millis(200), Duration::from_millis(200));
    assert_eq!(send(&hasty).await, Err(Undelivered::Silent(Stage::Hello)));
    let server = Server::start(Manner::Strange, "127.0.0.1").await;
    let strange = post(&server, "starttls", "");
    assert_eq!(send(&strange).await, Err(Undelivered::Garbled(Stage::Greeting)));
    drop(server);
    tokio::time::sleep(Duration::from_millis(50)).await;
    let nobody = send(&strange).await.unwrap_err();
    assert!(matches!(nobody, Undelivered::Unreachable | Undelivered::HungUp(_)), "{nobody}");
}

#[tokio::test]
async fn a_server_that_asks_to_come_back_gets_it_later_and_one_that_refuses_is_asked_once() {
    let server = Server::start(Manner::Defers(2), "127.0.0.1").await;
    let office = PostOffice::hurried(post(&server, "starttls", ""), 1_000);
    let mail = Mail::signal_waits(DAY);
    assert_eq!(office.deliver(mail, &mailbox(), &Purpose::ALWAYS).await, Sent::Taken);
    let heard = server.heard();
    assert_eq!((heard.conversations, heard.letters.len()), (3, 1));
    assert_eq!(*office.failing().borrow(), None);

    let server = Server::start(Manner::Refuses, "127.0.0.1").await;
    let office = PostOffice::open(post(&server, "starttls", ""));
    assert_eq!(office.deliver(mail, &mailbox(), &Purpose::ALWAYS).await, Sent::Refused);
    assert_eq!(server.heard().conversations, 1);
    let failing = office.failing().borrow().clone().unwrap();
    assert_eq!(failing, "the mail server refused (550), at the mailbox");
}

#[tokio::test]
async fn a_letter_whose_answer_got_lost_is_sent_again() {
    let server = Server::start(Manner::HangsUpOnce, "127.0.0.1").await;
    let office = PostOffice::hurried(post(&server, "starttls", ""), 1_000);
    assert_eq!(office.deliver(Mail::signal_waits(DAY), &mailbox(), &Purpose::ALWAYS).await, Sent::Taken);
    assert_eq!(server.heard().letters.len(), 2);
}

#[tokio::test]
async fn what_comes_back_is_told_of_for_a_day_by_what_it_was_and_lies_with_what_was_read() {
    let server = Server::start(Manner::Takes, "127.0.0.1").await;
    let folder = tempfile::tempdir().unwrap();
    for name in ["new", "cur", "tmp"] {
        fs::create_dir(folder.path().join(name)).unwrap();
    }
    let lay = |name: &str, text: &str| {
        fs::write(folder.path().join("tmp").join(name), text).unwrap();
        fs::rename(folder.path().join("tmp").join(name), folder.path().join("new").join(name)).unwrap();
    };
    let office =
        PostOffice::hurried(post(&server, "starttls", &format!("returned = {:?}\n", folder.path())), 1_000);
    let mut returned = office.returned();
    assert_eq!(*returned.borrow_and_update(), None);
    lay("1", "From: anne@school.example\r\nSubject: vrij\r\n\r\nIk ben er niet.\r\n");
    lay("2", &bounce_of("onbekend@school.example", "5.1.1"));
    returned.changed().await.unwrap();
    assert_eq!(
        returned.borrow_and_update().as_deref(),
        Some("a mail (of before the start) cannot be delivered: 5.1.1")
    );
    office.deliver(Mail::signal_waits(DAY), &mailbox(), &Purpose::ALWAYS).await;
    lay("3", &bounce_of("01AAHwC@school.example", "5.2.2 (mailbox is full)"));
    returned.changed().await.unwrap();
    let said = returned.borrow_and_update().clone().unwrap();
    assert!(said.ends_with("; a mail (signal_waits) cannot be delivered: 5.2.2"), "{said}");
    assert!(!said.contains('@'), "{said}");

    let names = |of: &str| {
        let mut names: Vec<_> = fs::read_dir(folder.path().join(of))
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        names
    };
    // A person still has to read what a person wrote.
    assert_eq!(
        (names("new"), names("cur")),
        (vec![], vec!["1:2,".to_owned(), "2:2,S".to_owned(), "3:2,S".to_owned()])
    );

    // A folder that is not there or may not be written is said too, and what lies there is read when it may.
    fs::remove_dir_all(folder.path().join("cur")).unwrap();
    lay("4", &bounce_of("01AAHwC@school.example", "5.2.2"));
    returned.changed().await.unwrap();
    let said = returned.borrow_and_update().clone().unwrap();
    assert!(said.contains("the folder of returned mail cannot be used"), "{said}");
    fs::create_dir(folder.path().join("cur")).unwrap();
    returned.changed().await.unwrap();
    assert!(!returned.borrow().clone().unwrap().contains("cannot be used"));
    assert_eq!(names("cur"), ["4:2,S"]);
}

/// What a server says of a letter that it took.
fn bounce_of(to: &str, status: &str) -> String {
    format!(
        "From: MAILER-DAEMON@mail.example\r\nMIME-Version: 1.0\r\nContent-Type: multipart/report; report-type=delivery-status; \
         boundary=b\r\n\r\n--b\r\nContent-Type: text/plain\r\n\r\nIt came back.\r\n\r\n--b\r\nContent-Type: \
         message/delivery-status\r\n\r\nReporting-MTA: dns; mail.example\r\n\r\nFinal-Recipient: rfc822; {to}\r\nAction: \
         failed\r\nStatus: {status}\r\n\r\n--b--\r\n"
    )
}

#[tokio::test]
async fn what_is_of_no_use_any_more_is_not_sent() {
    let server = Server::start(Manner::Takes, "127.0.0.1").await;
    let office = PostOffice::open(post(&server, "starttls", ""));
    let purpose = Purpose { aim: None, over: Some(Timestamp::now()) };
    assert_eq!(office.deliver(Mail::signal_waits(DAY), &mailbox(), &purpose).await, Sent::TooLate);
    assert_eq!(server.heard().conversations, 0);
}

#[tokio::test]
async fn a_morning_of_many_signals_is_one_mail_to_a_mailbox() {
    let server = Server::start(Manner::Takes, "127.0.0.1").await;
    let round = Round::of(PostOffice::open(post(&server, "starttls", "")));
    let due: Timestamp = "2026-11-18T08:15:00+01:00".parse().unwrap();
    let mail = Mail::reminder(hwc_schemas::wire::Notice::RemindContact, DAY);
    let all = (0..20).map(|_| {
        let (round, mail) = (round.clone(), mail);
        tokio::spawn(async move { round.deliver(mail, &mailbox(), &Purpose::ALWAYS, Slot::due(due)).await })
    });
    for sent in all.collect::<Vec<_>>() {
        assert_eq!(sent.await.unwrap(), Sent::Taken);
    }
    assert_eq!(server.heard().letters.len(), 1);
    let backup = Mailbox::parse("achterwacht@school.example").unwrap();
    round.deliver(mail, &backup, &Purpose::ALWAYS, Slot::due(due)).await;
    assert_eq!(server.heard().letters.len(), 2);
}

#[tokio::test]
async fn a_mail_that_found_no_room_is_tried_again_when_there_is_some() {
    let server = Server::start(Manner::Silent, "127.0.0.1").await;
    let office = PostOffice::open(post(&server, "starttls", ""));
    let mail = Mail::signal_waits(DAY);
    let mut others = tokio::task::JoinSet::new();
    for _ in 0..256 {
        let office = office.clone();
        others.spawn(async move { office.deliver(mail, &mailbox(), &Purpose::ALWAYS).await });
    }
    let of_no_use = Purpose { aim: None, over: Some(Timestamp::now()) };
    while office.deliver(mail, &mailbox(), &of_no_use).await != Sent::NoRoom {
        tokio::task::yield_now().await;
    }
    let (round, slot) = (Round::of(office), Slot::came(Timestamp::now()));
    assert_eq!(round.deliver(mail, &mailbox(), &of_no_use, slot).await, Sent::NoRoom);
    others.shutdown().await;
    // What it comes to now is another matter: it was looked at.
    assert_eq!(round.deliver(mail, &mailbox(), &of_no_use, slot).await, Sent::TooLate);
}

#[test]
fn signals_of_one_quarter_of_an_hour_belong_together() {
    let at = |text: &str| Slot::came(text.parse().unwrap());
    assert_eq!(at("2026-11-18T07:00:00.5Z"), at("2026-11-18T07:14:59.9Z"));
    assert_ne!(at("2026-11-18T07:14:59Z"), at("2026-11-18T07:15:00Z"));
}
