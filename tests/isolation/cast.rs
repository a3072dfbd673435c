//! Who there is, what they could say, and the law's view of them.

use hwc_relay::Rules;
use hwc_schemas::{
    IncidentId, Organisation, SignalId, SignalNumber,
    wire::{Command, Expansion, Finding, Interval, Notice, Sealed, Task},
};
use hwc_workflow::{
    Chain, Table,
    calendar::{Calendar, Feed, HolidayRegion, Zone},
    policy::Policy,
};
use jiff::{Timestamp, civil};
use uuid::Uuid;

/// Who tries.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Seat {
    Police,
    VeiligThuis,
    MunicipalityA,
    MunicipalityB,
    SchoolA,
    SchoolB,
    /// Another region's Veilig Thuis, with a key that the broker knows.
    Stranger,
    /// The board of those who keep the region running: it may look and do nothing else.
    Board,
    /// Whoever has no key.
    Nobody,
}

use Seat::{Board, MunicipalityA, MunicipalityB, Nobody, Police, SchoolA, SchoolB, Stranger, VeiligThuis};

impl Seat {
    /// Everybody who has a key.
    pub(crate) const KNOWN: [Self; 8] =
        [Police, VeiligThuis, MunicipalityA, MunicipalityB, SchoolA, SchoolB, Stranger, Board];

    /// What the matrix calls it.
    pub(crate) const fn title(self) -> &'static str {
        match self {
            Police => "police",
            VeiligThuis => "Veilig Thuis",
            MunicipalityA => "municipality A",
            MunicipalityB => "municipality B",
            SchoolA => "school A",
            SchoolB => "school B",
            Stranger => "stranger",
            Board => "board",
            Nobody => "nobody",
        }
    }

    /// Its name on the broker.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Police => "police-20",
            VeiligThuis => "veilig-thuis-20",
            MunicipalityA => "municipality-0855",
            MunicipalityB => "municipality-0758",
            SchoolA => "school-01AA00",
            SchoolB => "school-02BB00",
            Stranger => "veilig-thuis-99",
            Board => "board-one",
            Nobody => "nobody-0",
        }
    }

    /// Whether it is an organisation, with doors and tasks.
    pub(crate) const fn has_doors(self) -> bool {
        !matches!(self, Board | Nobody)
    }

    pub(crate) fn organisation(self) -> Organisation {
        self.name().parse().unwrap()
    }

    /// Whose things it reaches for: those of somebody of its own kind, if there is one.
    pub(crate) const fn other(self) -> Self {
        match self {
            VeiligThuis | SchoolB | Board | Nobody => SchoolA,
            MunicipalityA => MunicipalityB,
            MunicipalityB => MunicipalityA,
            Police | SchoolA => SchoolB,
            Stranger => VeiligThuis,
        }
    }
}

/// The incidents that there are.
pub(crate) struct Ids {
    /// On its way: one child's letter lies at school A, the other's at school B.
    pub(crate) known: IncidentId,
    /// Nobody knows it yet; the rows of the law take it along.
    pub(crate) fresh: IncidentId,
    /// Expanded, and not routed.
    pub(crate) waiting: IncidentId,
}

/// A child of an incident.
pub(crate) fn child(incident: IncidentId, place: usize) -> SignalId {
    SignalId { incident, number: SignalNumber::at(place).unwrap() }
}

/// A Tuesday with school: whoever is routed is delivered at once.
pub(crate) const MORNING: civil::DateTime = civil::date(2026, 11, 17).at(9, 0, 0, 0);
const FEED: &[u8] =
    br#"{"content":[{"schoolyear":"2025-2026","vacations":[]},{"schoolyear":"2026-2027","vacations":[]}]}"#;

/// The moment at which everything happens.
pub(crate) fn now() -> Timestamp {
    Zone::amsterdam().unwrap().instant(MORNING.date(), MORNING.time())
}

/// An incident of its own.
pub(crate) fn incident() -> IncidentId {
    IncidentId::from_uuid(Uuid::new_v4())
}

/// An incident that never was.
pub(crate) fn incident_of_nobody() -> IncidentId {
    IncidentId::from_uuid(Uuid::nil())
}

pub(crate) fn sealed() -> Sealed {
    Sealed::new(b"the payload of an incident".to_vec())
}

/// Where the first of these lies among the tasks.
pub(crate) fn task(incident: IncidentId, to: Seat) -> String {
    format!("hwc.task.{}.{}", to.name(), notice(incident, to, 0).id().replace('.', "_"))
}

/// A message for somebody; ids are the whole stream's, so no two are alike.
pub(crate) fn notice(incident: IncidentId, to: Seat, nth: i64) -> Task {
    let due = Timestamp::new(1_800_000_000 + 1000 * to as i64 + nth, 0).unwrap();
    Task::Notice { signal: child(incident, 0), round: 1, notice: Notice::RemindContact, due }
}

pub(crate) fn expand(incident: IncidentId, municipalities: &[Seat]) -> Command<Sealed> {
    let refer = |seat: &Seat| Finding::Refer { municipality: seat.organisation(), referral: sealed() };
    Command::Expand {
        incident,
        expansion: Expansion {
            first: 0,
            findings: municipalities.iter().map(refer).collect(),
            complete: true,
            interval: Interval { seconds: 60, date_only: false },
        },
    }
}

pub(crate) fn route(signal: SignalId, school: Seat) -> Command<Sealed> {
    Command::Route { signal, round: 1, school: school.organisation(), letter: sealed() }
}

pub(crate) fn rules() -> Rules {
    let zone = Zone::amsterdam().unwrap();
    let feed = Feed::parse(FEED, &zone).unwrap();
    let chain = Chain {
        police: Police.organisation(),
        veilig_thuis: VeiligThuis.organisation(),
        municipalities: [MunicipalityA, MunicipalityB].map(Seat::organisation).into(),
    };
    Rules {
        policy: Policy::default(),
        calendar: Calendar::new(zone, HolidayRegion::Zuid, &feed),
        table: Table { chains: vec![chain], schools: [SchoolA, SchoolB].map(Seat::organisation).into() },
    }
}
