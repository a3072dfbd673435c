//! A page of many schools: each of them is a member of the relay.

use futures::{StreamExt as _, stream};
use jiff::Timestamp;

use super::{Finding, Health, certificate, files, judge, relay};
use crate::roles::portal::{Looked, LookedSchool};

/// Schools that knock at the broker at once.
const AT_ONCE: usize = 16;

pub(super) async fn looked(looked: &Looked) -> Vec<Finding> {
    let schools = &looked.schools;
    let (keys, certificates) = (keys(schools), certificates(schools));
    let enters = [&keys, &certificates].iter().all(|finding| finding.health != Health::Fail);
    let mut findings = vec![keys, certificates, files::state(&looked.relay)];
    match schools.first() {
        Some(first) if enters => {
            findings.extend(relay::as_organisation(&first.organisation, &first.relay).await);
            findings.push(entered(schools).await);
        }
        _ => findings.push(Finding::skipped("broker", "not asked: keys or certificates cannot be used")),
    }
    findings
}

/// Of each school: credentials that are closed to others, a key that is wrapped, and a contact.
fn keys(schools: &[LookedSchool]) -> Finding {
    if schools.is_empty() {
        return Finding::fails("keys", "no school is hosted", "name them in [portal] schools");
    }
    for school in schools {
        // Its own key is wrapped: what lies there is a credential, as an engine's.
        let found = files::keys(&school.relay, true);
        if found.health != Health::Ok {
            return Finding { says: format!("{}: {}", school.organisation, found.says), ..found };
        }
        if let Err(problem) = &school.locked {
            return Finding::fails("keys", problem, "as it says (docs/portal.md)");
        }
    }
    Finding::fine("keys", format!("{} schools: credentials closed to others, keys wrapped", schools.len()))
}

/// The certificate that ends first.
fn certificates(schools: &[LookedSchool]) -> Finding {
    let (mut first, mut secured) = (None, false);
    for school in schools {
        secured |= school.relay.address().tls().is_some();
        match certificate::read(&school.relay.keys) {
            Ok(Some(own)) if first.is_none_or(|known: certificate::Validity| own.until < known.until) => {
                first = Some(own);
            }
            Ok(Some(_)) => {}
            Ok(None) if !secured => {}
            Ok(None) => {
                let says = format!("{} has no tls.pem", school.organisation);
                return Finding::fails("certificate", says, "ask the operator for ca.pem and tls.pem");
            }
            Err(problem) => {
                return Finding::fails("certificate", problem, "ask the operator for tls.pem");
            }
        }
    }
    judge::certificate(first, Timestamp::now(), secured)
}

/// Whether every school gets in.
async fn entered(schools: &[LookedSchool]) -> Finding {
    let knocking = stream::iter(schools).map(|school| async move {
        relay::lets_in(&school.organisation, &school.relay)
            .await
            .err()
            .map(|error| (&school.organisation, error))
    });
    let out: Vec<_> = knocking.buffer_unordered(AT_ONCE).filter_map(|found| async { found }).collect().await;
    let Some((organisation, error)) = out.first() else {
        return Finding::fine("schools", format!("all {} get in", schools.len()));
    };
    Finding::fails(
        "schools",
        format!("{} of {} do not get in; {organisation}: {error}", out.len(), schools.len()),
        "ask the operator: hwc operator show says who takes part; the others are served",
    )
}
