//! What the relay holds of an incident, and for whom (R28).

use hwc_schemas::{Organisation, PayloadId, SignalNumber, letter::Hop};

use super::{Incident, Screened, Signal, SignalState};

/// A ciphertext that is held for the one who can open it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Holding {
    /// Which.
    pub payload: PayloadId,
    /// The child's number; none while it is a report.
    pub number: Option<SignalNumber>,
    /// Which time round it is fetched by; none while it is a report.
    pub round: Option<u16>,
    /// The leg it travels.
    pub hop: Hop,
    /// Who sealed it.
    pub from: Organisation,
    /// Who can open it.
    pub to: Organisation,
    /// Whether whoever can open it may have it at this moment, as [`crate::due`] says.
    pub due: bool,
}

impl Incident {
    /// What is held. A ciphertext that is being erased is held for nobody any more, and is not among it.
    pub fn holdings(&self) -> Vec<Holding> {
        match self {
            Self::Unknown | Self::Closed(_) | Self::Purged => Vec::new(),
            Self::Recorded(r) | Self::Screened(Screened { recorded: r, .. }) => {
                vec![report(r.report, &r.police, &r.veilig_thuis)]
            }
            Self::Expanded(e) => {
                let report = e.report.map(|payload| report(payload, &e.police, &e.veilig_thuis));
                let signals =
                    e.numbered().flat_map(|(number, signal)| signal.holdings(number, &e.veilig_thuis));
                report.into_iter().chain(signals).collect()
            }
        }
    }
}

fn report(payload: PayloadId, from: &Organisation, to: &Organisation) -> Holding {
    Holding {
        payload,
        number: None,
        round: None,
        hop: Hop::Report,
        from: from.clone(),
        to: to.clone(),
        due: true,
    }
}

impl Signal {
    fn holdings(&self, number: SignalNumber, veilig_thuis: &Organisation) -> Vec<Holding> {
        let referral = |payload, municipality: &Organisation, round, due| Holding {
            payload,
            number: Some(number),
            round: Some(round),
            hop: Hop::Referral,
            from: veilig_thuis.clone(),
            to: municipality.clone(),
            due,
        };
        let (routed, delivered) = match &self.state {
            SignalState::Referred(r) => return vec![referral(r.referral, &r.municipality, r.round, true)],
            SignalState::Routed(routed) => (routed, false),
            SignalState::Delivered(d) => (&d.routed, true),
            SignalState::Acknowledged(_) | SignalState::Ended(_) | SignalState::Purged(_) => {
                return Vec::new();
            }
        };
        let letter = Holding {
            payload: routed.letter,
            number: Some(number),
            round: Some(routed.round),
            hop: Hop::Letter,
            from: routed.municipality.clone(),
            to: routed.addressed.school().clone(),
            due: delivered,
        };
        vec![referral(routed.referral, &routed.municipality, routed.round, false), letter]
    }
}
