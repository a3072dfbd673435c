//! Commands and fetches: out of role, out of order, about another's. One incident goes through the rows from its report to its
//! end; whoever has no right to a step tries it first.

use hwc_schemas::{
    Role,
    outcome::{Recalled, Withheld},
    wire::{Command, Expansion, Fetch, Finding, Interval, Screening, Sealed},
};

use crate::{
    cast::{
        Seat::{self, MunicipalityA, MunicipalityB, Police, SchoolA, SchoolB, Stranger, VeiligThuis},
        child, expand, incident_of_nobody, route, sealed,
    },
    row::{Control, Row, fetches, submits},
};

pub(crate) const COMMANDS: &[Row] = &[
    submits("report an incident", |ids, _| Command::Record {
        incident: ids.fresh,
        day: crate::cast::MORNING.date(),
        report: sealed(),
    })
    .of(&[Police]),
    submits("report it again", |ids, _| Command::Record {
        incident: ids.fresh,
        day: crate::cast::MORNING.date(),
        report: sealed(),
    })
    .of(&[Police]),
    fetches("fetch the report", |ids, _| Fetch::Report { incident: ids.fresh }).of(&[VeiligThuis]),
    submits("refer the children before the screening", |ids, _| {
        expand(ids.fresh, &[MunicipalityA, MunicipalityB])
    }),
    submits("screen it", |ids, _| Command::Screen { incident: ids.fresh, screening: Screening::Qualifies })
        .of(&[VeiligThuis]),
    submits("screen it the other way afterwards", |ids, _| Command::Screen {
        incident: ids.fresh,
        screening: Screening::NotDomesticViolence { children: 1 },
    }),
    submits("refer a child to a municipality that takes no part", |ids, _| expand(ids.fresh, &[Stranger])),
    submits("refer a child that is not the next", |ids, _| Command::Expand {
        incident: ids.fresh,
        expansion: Expansion {
            first: 7,
            findings: vec![Finding::NotParticipating],
            complete: true,
            interval: Interval { seconds: 1, date_only: false },
        },
    }),
    submits("refer the children, one to A and one to B", |ids, _| {
        expand(ids.fresh, &[MunicipalityA, MunicipalityB])
    })
    .of(&[VeiligThuis]),
    fetches("fetch the referral to municipality A", |ids, _| Fetch::Referral {
        signal: child(ids.fresh, 0),
        round: 1,
    })
    .of(&[MunicipalityA]),
    fetches("fetch the referral to municipality B", |ids, _| Fetch::Referral {
        signal: child(ids.fresh, 1),
        round: 1,
    })
    .of(&[MunicipalityB]),
    fetches("fetch a referral of a later round", |ids, _| Fetch::Referral {
        signal: child(ids.fresh, 0),
        round: 2,
    }),
    fetches("fetch a letter before the school is known", |ids, _| Fetch::Letter {
        signal: child(ids.fresh, 0),
        round: 1,
    })
    .shown_by(Control::InAnotherRow),
    submits("acknowledge before the school is known", |ids, _| Command::Acknowledge {
        signal: child(ids.fresh, 0),
        round: 1,
    })
    .shown_by(Control::InAnotherRow),
    submits("route A's signal to a school that takes no part", |ids, _| route(child(ids.fresh, 0), Stranger)),
    submits("withhold A's signal for a reason that is not the municipality's", |ids, _| Command::Withhold {
        signal: child(ids.fresh, 0),
        round: 1,
        reason: Withheld::SummerHoliday,
    }),
    submits("route A's signal to school A", |ids, _| route(child(ids.fresh, 0), SchoolA))
        .of(&[MunicipalityA]),
    submits("route B's signal to school B", |ids, _| route(child(ids.fresh, 1), SchoolB))
        .of(&[MunicipalityB]),
    submits("route A's signal to another school afterwards", |ids, _| route(child(ids.fresh, 0), SchoolB)),
    submits("withhold A's signal afterwards", |ids, _| Command::Withhold {
        signal: child(ids.fresh, 0),
        round: 1,
        reason: Withheld::EnrolmentSecret,
    }),
    submits("acknowledge at school A unopened", |ids, _| Command::Acknowledge {
        signal: child(ids.fresh, 0),
        round: 1,
    }),
    submits("return from school B unopened", |ids, _| Command::Return {
        signal: child(ids.fresh, 1),
        round: 1,
    }),
    fetches("open the letter to school A", |ids, _| Fetch::Letter { signal: child(ids.fresh, 0), round: 1 })
        .of(&[SchoolA]),
    fetches("open the letter to school B", |ids, _| Fetch::Letter { signal: child(ids.fresh, 1), round: 1 })
        .of(&[SchoolB]),
    fetches("open a letter of a later round", |ids, _| Fetch::Letter {
        signal: child(ids.fresh, 0),
        round: 2,
    }),
    submits("acknowledge at school A", |ids, _| Command::Acknowledge {
        signal: child(ids.fresh, 0),
        round: 1,
    })
    .of(&[SchoolA]),
    submits("return from school B", |ids, _| Command::Return { signal: child(ids.fresh, 1), round: 1 })
        .of(&[SchoolB]),
    submits("withhold B's returned signal", |ids, _| Command::Withhold {
        signal: child(ids.fresh, 1),
        round: 2,
        reason: Withheld::EnrolmentUnknown,
    })
    .of(&[MunicipalityB]),
    submits("recall A's signal (Veilig Thuis: another of the same incident)", |ids, seat| Command::Recall {
        signal: if seat == VeiligThuis { child(ids.waiting, 0) } else { child(ids.known, 0) },
        reason: Recalled::SentInError,
    })
    .of(&[MunicipalityA, VeiligThuis]),
    submits("recall B's signal (Veilig Thuis: another of the same incident)", |ids, seat| Command::Recall {
        signal: if seat == VeiligThuis { child(ids.waiting, 1) } else { child(ids.known, 1) },
        reason: Recalled::WrongSchool,
    })
    .of(&[MunicipalityB, VeiligThuis]),
    submits("say something about a signal that never was", |_, seat| of_ones_role(seat))
        .shown_by(Control::InAnotherRow),
    fetches("fetch something of a signal that never was", |_, seat| fetch_of_ones_role(seat))
        .shown_by(Control::InAnotherRow),
];

/// A board has none, and speaks as a school would.
fn role_of(seat: Seat) -> Role {
    if seat.has_doors() { seat.organisation().role() } else { Role::School }
}

/// What somebody of this role could say.
fn of_ones_role(seat: Seat) -> Command<Sealed> {
    let (incident, signal) = (incident_of_nobody(), child(incident_of_nobody(), 0));
    match role_of(seat) {
        Role::VeiligThuis => Command::Screen { incident, screening: Screening::Qualifies },
        Role::Municipality => route(signal, SchoolA),
        Role::Police | Role::School => Command::Acknowledge { signal, round: 1 },
    }
}

/// What somebody of this role could fetch.
fn fetch_of_ones_role(seat: Seat) -> Fetch {
    let (incident, signal) = (incident_of_nobody(), child(incident_of_nobody(), 0));
    match role_of(seat) {
        Role::VeiligThuis | Role::Police => Fetch::Report { incident },
        Role::Municipality => Fetch::Referral { signal, round: 1 },
        Role::School => Fetch::Letter { signal, round: 1 },
    }
}
