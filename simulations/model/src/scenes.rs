//! The checks that are made: a few that every test run makes, and wider ones that take longer.

use crate::bounds::{Bounds, Choice, Fault, Leading};

/// The moments without the reminder and the end of the day: what expires then expires at the ceiling as well.
const THREE: &[usize] = &[0, 1, 4];
const FIVE: &[usize] = &[0, 1, 2, 3, 4];

/// A check by its name.
#[derive(Debug, Clone)]
pub struct Check {
    /// Its name.
    pub name: &'static str,
    /// What it looks at, in a line.
    pub what: &'static str,
    /// Its bounds.
    pub bounds: Bounds,
}

fn bounds(leading: Leading, children: u16, faults_max: u8) -> Bounds {
    Bounds {
        leading,
        children,
        faults_max,
        faults: Fault::ALL.to_vec(),
        choices: Vec::new(),
        asked_max: 1,
        any_order: false,
        answers_travel: false,
        clocks_differ: false,
        moments: THREE.to_vec(),
        states_max: 40_000_000,
    }
}

/// What every test run checks.
pub fn quick() -> Vec<Check> {
    vec![
        Check {
            name: "one-fault",
            what: "two children, the leader has the pen, any one fault at any step",
            bounds: bounds(Leading::Pen, 2, 1),
        },
        Check {
            name: "guard-alone",
            what: "one child, two engines that both write, any one fault at any step",
            bounds: bounds(Leading::Both, 1, 1),
        },
        Check {
            name: "choices",
            what: "two children, no fault, whatever organisations may choose",
            bounds: Bounds { choices: Choice::ALL.to_vec(), ..bounds(Leading::Pen, 2, 0) },
        },
        Check {
            name: "any-order",
            what: "one child, one crash or late message, whatever is under way overtakes each other",
            bounds: Bounds {
                any_order: true,
                faults: vec![Fault::Late, Fault::Crash],
                ..bounds(Leading::Pen, 1, 1)
            },
        },
        Check {
            name: "answers-travel",
            what: "two children, no fault, two ask at once, answers travel",
            bounds: Bounds { answers_travel: true, asked_max: 2, ..bounds(Leading::Pen, 2, 0) },
        },
    ]
}

/// What takes longer.
pub fn long() -> Vec<Check> {
    let every_choice = Choice::ALL.to_vec();
    vec![
        Check {
            name: "any-order-every-moment",
            what: "one child, no fault, any order, two ask at once, reminders and expiry too",
            bounds: Bounds {
                any_order: true,
                answers_travel: true,
                asked_max: 2,
                moments: FIVE.to_vec(),
                ..bounds(Leading::Pen, 1, 0)
            },
        },
        Check {
            name: "guard-alone-two-children",
            what: "two children, two engines that both write, any one fault, or the other engine asked once",
            bounds: bounds(Leading::Both, 2, 1),
        },
        Check {
            name: "one-fault-every-choice",
            what: "two children, the pen, one crash or late message, whatever organisations may choose",
            bounds: Bounds {
                faults: vec![Fault::Late, Fault::Crash],
                choices: every_choice.clone(),
                ..bounds(Leading::Pen, 2, 1)
            },
        },
        Check {
            name: "every-moment",
            what: "two children, the pen, one crash or late message, reminders and expiry too",
            bounds: Bounds {
                faults: vec![Fault::Late, Fault::Crash],
                moments: FIVE.to_vec(),
                ..bounds(Leading::Pen, 2, 1)
            },
        },
        Check {
            name: "answers-travel-one-fault",
            what: "two children, the pen, one crash, late or doubled message, answers travel",
            bounds: Bounds {
                faults: vec![Fault::Late, Fault::Twice, Fault::Crash],
                answers_travel: true,
                ..bounds(Leading::Pen, 2, 1)
            },
        },
        Check {
            name: "guard-alone-clocks-differ",
            what: "one child, two engines that both write, one clock behind the other, any one fault",
            bounds: Bounds { clocks_differ: true, choices: every_choice, ..bounds(Leading::Both, 1, 1) },
        },
        Check {
            name: "two-faults",
            what: "one child, the pen, any two faults",
            bounds: bounds(Leading::Pen, 1, 2),
        },
        Check {
            name: "guard-alone-two-faults",
            what: "one child, two engines that both write, any two faults",
            bounds: bounds(Leading::Both, 1, 2),
        },
        Check {
            name: "two-faults-two-children",
            what: "two children, the pen, any two crashes or late messages",
            bounds: Bounds { faults: vec![Fault::Late, Fault::Crash], ..bounds(Leading::Pen, 2, 2) },
        },
    ]
}
