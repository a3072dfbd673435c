//! Who may do what on the broker: one account per organisation, and permissions inside it.
//!
//! Why both (verified on 2.15.1): permissions within a shared account do not bind *reply* subjects. Whoever may pull or
//! publish there can have the broker write to any subject, as somebody else. In an account of its own an organisation
//! reaches only what is exported to it by name, and whatever reply it asks for stays inside its own account. So who
//! submits is known from the broker alone: `submit` in the account of `school-01AA00` arrives as
//! `hwc.submit.school-01AA00`, and nobody else can make it arrive so.

use std::{fmt::Write as _, path::Path};

use hwc_schemas::Organisation;

use crate::{PublicNkey, TlsFiles, names};

/// The broker's configuration for these users, as text: the part of the file that comes from us.
///
/// An organisation may publish to `submit`, `fetch` and `next` and acknowledge its own tasks, and may subscribe to its own
/// inbox; nothing else. The engine has its account to itself.
///
/// **Reload twice when an organisation joins.** At the first reload the server (2.15.1) makes the new account but leaves its
/// imports unconnected, so all its doors say that nobody is there; a second reload of the very same text connects them.
/// Nobody who is connected is disturbed by either. A start needs no second time.
pub fn accounts(engine: &PublicNkey, organisations: &[(Organisation, PublicNkey)]) -> String {
    let mut text = String::from("accounts {\n  \"SYS\" { users: [] }\n");
    let _ = write!(
        text,
        "  \"ENGINE\" {{\n    jetstream: enabled\n    users: [ {{ nkey: \"{engine}\" }} ]\n    exports: [\n"
    );
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
        let _ = write!(text, "  \"{organisation}\" {{\n    imports: [\n");
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
    text.push_str("}\nsystem_account: \"SYS\"\n");
    text
}

/// The broker's side of TLS, as text for its configuration: its own certificate, and that nobody is heard who does not show
/// one of the authority's. The handshake comes before everything else, so that nothing is said in the clear, not even by
/// mistake. The files' paths must be absolute: the server reads them from wherever it runs.
pub fn tls(files: &TlsFiles) -> String {
    let quoted = |path: &Path| format!("{:?}", path.to_string_lossy());
    format!(
        "tls {{\n  cert_file: {}\n  key_file: {}\n  ca_file: {}\n  verify: true\n  min_version: \"1.3\"\n  \
         handshake_first: true\n  timeout: 5\n}}\n",
        quoted(&files.certificate),
        quoted(&files.key),
        quoted(&files.ca),
    )
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
        (way(names::next(organisation), Some(names::NEXT)), true),
        (way(names::acknowledgements(organisation), None), false),
        (way(names::acknowledgements_v2(organisation), None), false),
    ]
}
