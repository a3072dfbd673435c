//! R15: where a child lives, as the dataset's contract says it.

use super::*;
use crate::testing::{address, child, municipality};

const BIRTH: &str = "2016-02-03";

fn resident(house_number: u32, code: &str, given_names: &str) -> Resident {
    Resident {
        place: address(house_number, None).place().clone(),
        municipality: municipality(code),
        person: child(given_names, "", "Smit", BIRTH),
    }
}

fn home(residents: Vec<Resident>, incident: &Address) -> Option<MunicipalityCode> {
    Register::new(residents).home_municipality(&child("Anna", "", "SMIT", BIRTH), incident)
}

#[test]
fn r15_a_child_lives_where_it_is_registered_itself_and_else_at_the_address() {
    let here = 1;
    let elsewhere = 2;
    let cases = [
        (
            "at the address, whatever the report says",
            vec![resident(here, "0855", "Anna")],
            Some("0867"),
            Some("0855"),
        ),
        ("elsewhere", vec![resident(elsewhere, "0867", "Anna")], Some("0855"), Some("0867")),
        (
            "at the address before elsewhere",
            vec![resident(elsewhere, "0867", "Anna"), resident(here, "0855", "Anna")],
            None,
            Some("0855"),
        ),
        (
            "elsewhere twice in one municipality",
            vec![resident(2, "0867", "Anna"), resident(3, "0867", "Anna")],
            Some("0855"),
            Some("0867"),
        ),
        (
            "in two municipalities counts as nowhere",
            vec![resident(2, "0867", "Anna"), resident(3, "0797", "Anna")],
            Some("0855"),
            Some("0855"),
        ),
        (
            "in two municipalities at the address too",
            vec![resident(1, "0867", "Anna"), resident(1, "0797", "Anna")],
            Some("0855"),
            Some("0855"),
        ),
        ("nowhere: what the report says", vec![resident(here, "0867", "Emma")], Some("0855"), Some("0855")),
        ("nowhere: that of the residents", vec![resident(here, "0867", "Emma")], None, Some("0867")),
        (
            "nowhere, and the residents disagree",
            vec![resident(here, "0867", "Emma"), resident(here, "0855", "Bob")],
            None,
            None,
        ),
        ("nowhere, and nobody is registered there", vec![resident(elsewhere, "0867", "Emma")], None, None),
        ("nobody is registered at all", vec![], None, None),
    ];
    for (case, residents, reported, expected) in cases {
        assert_eq!(home(residents, &address(here, reported)), expected.map(municipality), "{case}");
    }
}

#[test]
fn r15_a_near_match_is_not_the_childs_own_registration() {
    let near = Resident { person: child("Anna", "", "Smith", BIRTH), ..resident(2, "0867", "Anna") };
    assert_eq!(home(vec![near], &address(1, Some("0855"))), Some(municipality("0855")));
}

#[test]
fn r9_a_household_is_everybody_at_the_address_in_the_order_of_the_register() {
    let register = Register::new(vec![
        resident(2, "0855", "Tess"),
        resident(1, "0855", "Petra"),
        resident(3, "0855", "Noor"),
        resident(1, "0855", "Anna"),
    ]);
    let household = |house_number| -> Vec<String> {
        let place = address(house_number, Some("0867"));
        register.household(place.place()).map(|person| person.given_names.expose().to_owned()).collect()
    };
    assert_eq!(household(1), ["Petra", "Anna"]);
    assert_eq!(household(2), ["Tess"]);
    assert_eq!(household(4), [""; 0]);
}
