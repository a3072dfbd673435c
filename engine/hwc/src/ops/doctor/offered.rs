//! What is offered by HTTP, and the webhook that rings elsewhere.

use std::time::Duration;

use hwc_school_systems::webhook::Webhook;
use jiff::Timestamp;

use super::{Finding, Health, certificate, judge};
use crate::roles::Offered;

/// How long a page gets to take a connection.
const ANSWERS_WITHIN: Duration = Duration::from_secs(5);

/// A page or a service of these settings: can it start, is its certificate good, does it answer?
pub(super) async fn looked(offered: &Offered) -> Finding {
    let Offered { name, listen, checked } = offered;
    let certificate = match checked {
        Ok(certificate) => certificate.as_ref().map(|path| certificate::of_file(path)).transpose(),
        Err(problem) => return Finding::fails(name, problem, super::AS_IT_SAYS),
    };
    let validity = match certificate {
        Ok(validity) => validity,
        Err(problem) => return Finding::fails(name, problem, "put the certificate there, in PEM"),
    };
    let secured = match validity {
        None => "has no certificate of its own: a proxy on this machine secures the way".to_owned(),
        Some(validity) => {
            let found = judge::certificate(Some(validity), Timestamp::now(), true);
            if found.health != Health::Ok {
                let remedy = "renew it where it was had, and start the process again";
                return Finding { name, remedy: Some(remedy.to_owned()), ..found };
            }
            format!("its certificate is {}", found.says)
        }
    };
    let called = tokio::time::timeout(ANSWERS_WITHIN, tokio::net::TcpStream::connect(listen)).await;
    match called {
        Ok(Ok(_)) => Finding::fine(name, format!("{secured}; {listen} answers")),
        _ => {
            Finding::warns(name, format!("{secured}; {listen} does not answer"), "start it, if it should run")
        }
    }
}

/// Whether the school's own software answers. Nothing rings.
pub(super) async fn webhook(webhook: &Result<Webhook, String>) -> Finding {
    let webhook = match webhook {
        Ok(webhook) => webhook,
        Err(problem) => return Finding::fails("webhook", problem, super::AS_IT_SAYS),
    };
    match webhook.answers().await {
        Ok(()) => Finding::fine("webhook", "the school's software answers; nothing was rung"),
        Err(error) => Finding::fails(
            "webhook",
            error.to_string(),
            "is it running, is it let through from here, and does [webhook] ca hold who signed its certificate?",
        ),
    }
}
