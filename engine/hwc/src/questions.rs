//! What an organisation is told when it asks about itself.

use hwc_relay::Relay;
use hwc_schemas::{
    Organisation, PayloadId,
    ask::{Ask, HELD_PER_ANSWER_MAX, Held, Told},
};

/// The answer, from what is known at this moment.
pub(crate) fn told(relay: &Relay, from: &Organisation, ask: &Ask) -> Told {
    match ask {
        Ask::Holdings { after } => holdings(relay, from, *after),
    }
}

fn holdings(relay: &Relay, asker: &Organisation, after: Option<PayloadId>) -> Told {
    let mut held: Vec<_> = relay
        .holdings()
        .filter(|(_, holding, _)| holding.to == *asker && after.is_none_or(|after| holding.payload > after))
        .map(|(incident, holding, until)| Held {
            payload: holding.payload,
            incident,
            number: holding.number,
            hop: holding.hop,
            from: holding.from,
            due: holding.due,
            until,
        })
        .collect();
    held.sort_unstable_by_key(|held| held.payload);
    let more = held.len() > HELD_PER_ANSWER_MAX;
    held.truncate(HELD_PER_ANSWER_MAX);
    Told::Holdings { held, more }
}
