use hwc_casework::routing::Placement;
use hwc_schemas::person::{Child, DateOfBirth};

use super::*;
use crate::testing::{code, own, school};

fn pupil(given_names: &str, at: &str) -> Pupil {
    let child = Child::new(given_names, None, "Smit", DateOfBirth::parse("2016-02-03").unwrap()).unwrap();
    let placement = Placement { school: Some(code(at)), host: None, secret: false };
    Pupil { municipality: own(), child, placement, from: None, until: None }
}

fn planned(there: &[Pupil], wanted: Vec<Pupil>) -> Plan {
    let known = there.iter().zip(1..).map(|(pupil, id)| Known::of(id, pupil)).collect();
    let directory = [school("01AA00")].into_iter().collect();
    plan(known, wanted, &directory, Difference::default())
}

#[test]
fn rows_that_stay_are_not_touched_and_pupils_are_counted_once_whatever_their_rows() {
    let there =
        [pupil("Noor", "01AA00"), pupil("Evi", "01AA00"), pupil("Evi", "02BB00"), pupil("Ali", "01AA00")];
    let wanted =
        vec![pupil("Ali", "01AA00"), pupil("Evi", "02BB00"), pupil("EVI", "01AA00"), pupil("Jan", "02BB00")];
    let Plan { mut delete, insert, difference } = planned(&there, wanted);
    delete.sort_unstable();
    assert_eq!((delete, insert.len()), (vec![1, 2], 2));
    assert!(
        insert[0].child == pupil("EVI", "01AA00").child && insert[1].child == pupil("Jan", "01AA00").child
    );
    let counts =
        (difference.new, difference.gone, difference.moved, difference.changed, difference.unchanged);
    assert_eq!((counts, difference.school_unknown), ((1, 1, 0, 1, 1), 2));
}

#[test]
fn a_pupil_with_another_school_or_host_moved() {
    for to in [
        Placement { school: Some(code("02BB00")), host: None, secret: false },
        Placement { school: Some(code("01AA00")), host: Some(code("02BB00")), secret: false },
        Placement { school: None, host: None, secret: false },
    ] {
        let wanted = vec![Pupil { placement: to, ..pupil("Noor", "01AA00") }];
        let difference = planned(&[pupil("Noor", "01AA00")], wanted).difference;
        assert_eq!((difference.moved, difference.changed), (1, 0));
    }
}

#[test]
fn what_a_plan_leaves_is_what_was_wanted_whatever_was_there() {
    let all: Vec<Pupil> = ["Noor", "Evi", "Ali"]
        .iter()
        .flat_map(|name| ["01AA00", "02BB00"].map(|at| pupil(name, at)))
        .collect();
    let some =
        |mask: usize| (0..6).filter(|n| mask >> n & 1 == 1).map(|n| all[n].clone()).collect::<Vec<_>>();
    for (before, after) in (0..64).flat_map(|before| (0..64).map(move |after| (before, after))) {
        let (there, wanted) = (some(before), some(after));
        let Plan { delete, insert, difference } = planned(&there, wanted.clone());
        let kept =
            there.iter().zip(1..).filter(|(_, id)| !delete.contains(id)).map(|(pupil, _)| pupil.clone());
        let left: Vec<Pupil> = kept.chain(insert).collect();
        assert!(left.len() == wanted.len() && wanted.iter().all(|pupil| left.contains(pupil)));
        assert_eq!(difference.is_none(), before == after);
    }
}

#[test]
fn changes_are_applied_one_after_another() {
    let change = |what, pupil| Change { what, pupil };
    let anywhere =
        Pupil { placement: Placement { school: None, host: None, secret: false }, ..pupil("Noor", "01AA00") };
    let two = || vec![pupil("Noor", "01AA00"), pupil("Noor", "02BB00")];
    for (changes, left) in [
        (vec![change(What::Left, pupil("NOOR", "01AA00"))], vec!["02BB00"]),
        (vec![change(What::Left, anywhere.clone())], vec![]),
        (vec![change(What::Moved, pupil("Noor", "03CC00"))], vec!["03CC00"]),
        (vec![change(What::Left, anywhere), change(What::Enrolled, pupil("Noor", "01AA00"))], vec!["01AA00"]),
        (vec![change(What::Enrolled, pupil("Noor", "02BB00"))], vec!["01AA00", "02BB00"]),
    ] {
        let rows = applied(two(), changes);
        assert!(
            rows.iter().map(|row| row.placement.school).eq(left.iter().map(|at| Some(code(at)))),
            "{left:?}"
        );
    }
}
