//! Who may do what on the broker: one account per organisation, and permissions inside it.
//!
//! Why both (verified on 2.15.1): permissions within a shared account do not bind *reply* subjects. Whoever may pull or
//! publish there can have the broker write to any subject, as somebody else. In an account of its own an organisation
//! reaches only what is exported to it by name, and whatever reply it asks for stays inside its own account. So who
//! submits is known from the broker alone: `submit` in the account of `school-01AA00` arrives as
//! `hwc.submit.school-01AA00`, and nobody else can make it arrive so.

use std::{collections::BTreeMap, fmt::Write as _, path::Path};

use hwc_schemas::{Organisation, wire::limits::MESSAGE_BYTES_MAX};

use crate::{BoardName, PublicNkey, TlsFiles, names};

/// How much of the broker one organisation may take. What is over it is refused, and nobody else notices.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AccountLimits {
    /// Connections at a time: the adapter, its stand-by, and people's commands on the command line.
    pub connections_max: u16,
    /// Subscriptions of all its connections together.
    pub subscriptions_max: u16,
    /// The largest message it may send, in bytes, headers included.
    pub message_bytes_max: usize,
}

impl Default for AccountLimits {
    fn default() -> Self {
        Self { connections_max: 16, subscriptions_max: 128, message_bytes_max: MESSAGE_BYTES_MAX }
    }
}

/// The broker's configuration for one engine and these organisations, with the usual limits.
pub fn accounts(engine: &PublicNkey, organisations: &[(Organisation, PublicNkey)]) -> String {
    region(std::slice::from_ref(engine), &[], organisations, AccountLimits::default())
}

/// The broker's configuration for these users, as text: the part of the file that comes from us.
///
/// An organisation may publish to `submit`, `fetch`, `ask`, `directory` and `next` and acknowledge its own tasks, and may subscribe
/// to its own inbox; nothing else, and no more of it than its limits say. A board may ask what changes nothing, and hear the answers
/// ([`BoardName`]). The engines share an account that nobody else is in.
///
/// **Reload twice when an organisation joins.** At the first reload the server (2.15.1) makes the new account but leaves its
/// imports unconnected, so all its doors say that nobody is there; a second reload of the very same text connects them.
/// Nobody who is connected is disturbed by either. A start needs no second time.
pub fn region(
    engines: &[PublicNkey],
    boards: &[(BoardName, PublicNkey)],
    organisations: &[(Organisation, PublicNkey)],
    limits: AccountLimits,
) -> String {
    let mut text = String::from("accounts {\n  \"SYS\" { users: [] }\n");
    let users: Vec<_> = engines.iter().map(|engine| format!("{{ nkey: \"{engine}\" }}")).collect();
    let _ = write!(
        text,
        "  \"ENGINE\" {{\n    jetstream: enabled\n    users: [ {} ]\n    exports: [\n",
        users.join(", ")
    );
    text.push_str(&exports_to(boards));
    for (organisation, _) in organisations {
        for (door, streamed) in doors(organisation) {
            let response = if streamed { ", response_type: \"stream\"" } else { "" };
            let _ = writeln!(
                text,
                "      {{ service: \"{}\"{response}, accounts: [\"{organisation}\"] }}",
                door.subject
            );
        }
    }
    text.push_str("    ]\n  }\n");
    for (organisation, key) in organisations {
        let _ = write!(
            text,
            "  \"{organisation}\" {{\n    limits: {{ max_connections: {}, max_subscriptions: {}, max_payload: {} }}\n    \
             imports: [\n",
            limits.connections_max, limits.subscriptions_max, limits.message_bytes_max,
        );
        for (door, _) in doors(organisation) {
            let to = door.to.map(|to| format!(", to: \"{to}\"")).unwrap_or_default();
            let _ = writeln!(
                text,
                "      {{ service: {{ account: \"ENGINE\", subject: \"{}\" }}{to} }}",
                door.subject
            );
        }
        let allowed: Vec<_> = doors(organisation)
            .into_iter()
            .map(|(door, _)| format!("\"{}\"", door.to.unwrap_or(&door.subject)))
            .collect();
        let _ = write!(
            text,
            "    ]\n    users: [ {{\n      nkey: \"{key}\"\n      permissions: {{\n        publish: {{ allow: [{}] }}\n        \
             subscribe: {{ allow: [\"{}.>\"] }}\n      }}\n    }} ]\n  }}\n",
            allowed.join(", "),
            names::inbox(organisation),
        );
    }
    for (board, key) in boards {
        text.push_str(&account_of(board, key, limits));
    }
    text.push_str("}\nsystem_account: \"SYS\"\n");
    text
}

/// What the engines' account opens to boards: each subject once, to all who have it.
fn exports_to(boards: &[(BoardName, PublicNkey)]) -> String {
    let mut questions: BTreeMap<_, Vec<_>> = BTreeMap::new();
    for (board, _) in boards {
        for question in board.questions() {
            questions.entry(question).or_default().push(format!("\"{board}\""));
        }
    }
    let mut text = String::new();
    for ((subject, streamed), boards) in questions {
        let response = if streamed { ", response_type: \"stream\"" } else { "" };
        let boards = boards.join(", ");
        let _ = writeln!(text, "      {{ service: \"{subject}\"{response}, accounts: [{boards}] }}");
    }
    text
}

/// A board's account. What it asks has the same name there as in the engines' account.
fn account_of(board: &BoardName, key: &PublicNkey, limits: AccountLimits) -> String {
    let AccountLimits { connections_max, subscriptions_max, message_bytes_max } = limits;
    let mut text = format!(
        "  \"{board}\" {{\n    limits: {{ max_connections: {connections_max}, max_subscriptions: {subscriptions_max}, \
         max_payload: {message_bytes_max} }}\n    imports: [\n"
    );
    for (subject, _) in board.questions() {
        let _ = writeln!(text, "      {{ service: {{ account: \"ENGINE\", subject: \"{subject}\" }} }}");
    }
    let allowed: Vec<_> =
        board.questions().into_iter().map(|(subject, _)| format!("\"{subject}\"")).collect();
    let _ = write!(
        text,
        "    ]\n    users: [ {{\n      nkey: \"{key}\"\n      permissions: {{\n        publish: {{ allow: [{}] }}\n        \
         subscribe: {{ allow: [\"{}.>\"] }}\n      }}\n    }} ]\n  }}\n",
        allowed.join(", "),
        names::inbox(board),
    );
    text
}

/// The broker's side of TLS, as text for its configuration: its own certificate, and that nobody is heard who does not show
/// one of the authority's. The handshake comes before everything else, so that nothing is said in the clear, not even by
/// mistake. The files' paths must be absolute: the server reads them from wherever it runs.
///
/// `admitted`: the SHA-256 of the public key (`SubjectPublicKeyInfo`, DER) of every certificate that is let in. Whoever is
/// revoked is not among them, although the certificate runs on; with none given, every certificate of the authority is.
pub fn tls(files: &TlsFiles, admitted: &[[u8; 32]]) -> String {
    let quoted = |path: &Path| format!("{:?}", path.to_string_lossy());
    let mut text = format!(
        "tls {{\n  cert_file: {}\n  key_file: {}\n  ca_file: {}\n  verify: true\n  min_version: \"1.3\"\n  \
         handshake_first: true\n  timeout: 5\n",
        quoted(&files.certificate),
        quoted(&files.key),
        quoted(&files.ca),
    );
    if !admitted.is_empty() {
        text.push_str("  pinned_certs: [\n");
        for hash in admitted {
            text.push_str("    \"");
            for byte in hash {
                let _ = write!(text, "{byte:02x}");
            }
            text.push_str("\"\n");
        }
        text.push_str("  ]\n");
    }
    text.push_str("}\n");
    text
}

/// One import: the engine's subject, and what the organisation calls it; none when by the same name.
struct Way {
    subject: String,
    to: Option<&'static str>,
}

/// An organisation's ways into the engine's account, and whether one request there has many answers.
fn doors(organisation: &Organisation) -> Vec<(Way, bool)> {
    let way = |subject: String, to| Way { subject, to };
    vec![
        (way(names::submit(organisation), Some(names::SUBMIT)), false),
        (way(names::fetch(organisation), Some(names::FETCH)), false),
        (way(names::ask(organisation), Some(names::ASK)), false),
        (way(names::directory(organisation), Some(names::DIRECTORY)), false),
        (way(names::next(organisation), Some(names::NEXT)), true),
        (way(names::acknowledgements(organisation), None), false),
        (way(names::acknowledgements_v2(organisation), None), false),
    ]
}
