//! The manual's cases with the BRP's mock instead of a register: the same comes of them, also when it was down for a while.

use std::net::SocketAddr;

use hwc_brp::{Access, Addresses, Brp, Caller, Credential, Limits, Manner, budget::Morning};
use hwc_brp_mock::{Faults, Key, Mock, Registry};
use hwc_casework::household::Household;
use hwc_schemas::{person::Child, report::MunicipalityCode};
use hwc_veilig_thuis::{Asked, Down};

use super::*;

/// The BRP, down until a moment of the replayed time.
struct BrpUntil {
    brp: Brp,
    mock: Mock,
    up_again: Timestamp,
}

impl BrpUntil {
    async fn over(stage: &Stage, up_again: &str) -> Self {
        let residents = concat!(env!("CARGO_MANIFEST_DIR"), "/../../simulations/handbook/residents.csv");
        let invented = stage.dataset.synthetic.unwrap();
        let registry = Registry::read(&fs::read(residents).unwrap(), invented).unwrap();
        let here = SocketAddr::from(([127, 0, 0, 1], 0));
        let mock = Mock::start(here, registry, Key::Nobody, Faults::default()).await.unwrap();
        let access = Access {
            persons: mock.persons(),
            occupancy: Some(mock.occupancy()),
            credential: Credential::Nothing,
            tls: None,
        };
        let caller = Caller::new(access, Limits::default()).unwrap();
        let (zone, lesson) = (stage.dataset.zone.as_time_zone().clone(), stage.dataset.policy.school_start());
        let morning = Morning { zone, lesson, last_call: Some(Morning::LAST_CALL) };
        let manner = Manner { participating: stage.dataset.participating.clone(), morning };
        let brp = Brp::new(caller, Kept::fixed(Addresses::default()), manner);
        Self { brp, mock, up_again: up_again.parse().unwrap() }
    }

    fn weather(&self, asked: &Asked<'_>) {
        let down = asked.now < self.up_again;
        self.mock.go_wrong(if down { Faults::status(503) } else { Faults::default() });
    }
}

impl Households for BrpUntil {
    async fn household(&self, asked: &Asked<'_>) -> Result<Household, Down> {
        self.weather(asked);
        self.brp.household(asked).await
    }

    async fn home(
        &self,
        asked: &Asked<'_>,
        household: &Household,
        child: &Child,
    ) -> Result<Option<MunicipalityCode>, Down> {
        self.weather(asked);
        self.brp.home(asked, household, child).await
    }
}

async fn with_the_brp(dataset: Dataset, up_again: &str) -> Replayed {
    let ground = Ground::prepare(None).unwrap();
    let (mut stage, script) = Stage::set(dataset, &ground, &options(None)).await.unwrap();
    let brp = BrpUntil::over(&stage, up_again).await;
    drop(stage.take_register());
    stage.veilig_thuis_enters(brp).unwrap();
    stage.municipalities_enter().unwrap();
    stage.schools_enter(Some).unwrap();
    stage.police_enter(script).unwrap();
    let replayed = stage.play().await.unwrap();
    assert!(replayed.summary.is_clean(), "{}", replayed.summary);
    nothing_is_written(&ground);
    replayed
}

/// What became of every child, as the diary writes it.
fn diary(replayed: &Replayed) -> Vec<String> {
    let mut lines = Vec::new();
    let (invented, zone) = (replayed.dataset.synthetic.unwrap(), replayed.dataset.zone.as_time_zone());
    let done: Result<(), ()> = replayed.diarist.write(invented, zone, |line| {
        lines.push(serde_json::to_string(&line).unwrap());
        Ok(())
    });
    done.unwrap();
    lines
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_becomes_of_every_child_whether_a_register_is_at_hand_or_the_brp_is_asked() {
    let ground = Ground::prepare(None).unwrap();
    let at_hand = run(handbook(), &ground, &options(None)).await.unwrap();
    let asked = with_the_brp(handbook(), "2026-01-01T00:00:00+01:00").await;
    assert_eq!(diary(&asked), diary(&at_hand));
}

#[tokio::test(flavor = "multi_thread")]
async fn r9_while_the_brp_is_down_for_fifty_minutes_the_named_go_first_and_their_siblings_join_once() {
    let ground = Ground::prepare(None).unwrap();
    let undisturbed = run(with_municipalities(), &ground, &options(None)).await.unwrap();
    let replayed = with_the_brp(with_municipalities(), "2026-11-18T07:30:00+01:00").await;
    assert_eq!(replayed.summary.count.outcomes, undisturbed.summary.count.outcomes);
    let delivered = |name: &str| -> Timestamp {
        let of = |line: &String| {
            let line: serde_json::Value = serde_json::from_str(line).unwrap();
            let is = line["report_id"] == "M-4.1" && line["child"]["given_names"] == name;
            is.then(|| line["delivered_at"].as_str().unwrap().parse().unwrap())
        };
        diary(&replayed).iter().find_map(of).unwrap()
    };
    // The report came at 06:40: its child after half an hour, the sibling within a few minutes of the BRP's return, and both
    // before the first lesson.
    assert_eq!(delivered("David"), "2026-11-18T07:10:00+01:00".parse().unwrap());
    let back: Timestamp = "2026-11-18T07:30:00+01:00".parse().unwrap();
    let joined = delivered("Noor").duration_since(back);
    assert!(
        joined >= jiff::SignedDuration::ZERO && joined <= jiff::SignedDuration::from_mins(3),
        "{joined:?}"
    );
}
