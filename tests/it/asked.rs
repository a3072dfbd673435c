//! *What do you have on my child?* Asked of a municipality, a school and Veilig Thuis, as processes on the real broker (R28).

use std::fs;

use serde_json::Value;

use crate::{
    canary,
    region::{Done, Region, report_of, the_one, wait_for},
};

const CHAIN: [&str; 4] = ["police-region", "veilig-thuis-region", "municipality-0855", "school-01AA00"];

/// In the order in which it is asked: given names, prefix, surname, date of birth.
const LOTJE: &str = "Lotje\n\nSmit\n2018-12-11\n";
const LOTTE: &str = "Lotte\n\nSmit\n2018-12-11\n";
const NOBODY: &str = "Quorvanthe\n\nZylbrinkst\u{f6}ffer\n2013-08-17\n";

fn fine(done: Done) -> String {
    assert_eq!(done.code, Some(0), "{}{}", done.stdout, done.stderr);
    done.stdout
}

fn asks(region: &Region, who: &str, more: &[&str], child: &str) -> Value {
    let done = region.types(who, &[&["holdings", "--ask", "-o", "json"], more].concat(), child);
    serde_json::from_str(&fine(done)).unwrap()
}

fn counts(said: &Value) -> (usize, usize, u64, u64) {
    let about = &said["about"];
    let many = |key: &str| about[key].as_array().unwrap_or_else(|| panic!("{said}")).len();
    (many("same"), many("near"), about["opened"].as_u64().unwrap(), about["closed"].as_u64().unwrap())
}

#[test]
fn r28_each_answers_what_is_held_about_one_child_and_says_what_nobody_may_open() {
    let (region, engine, processes) = Region::with(CHAIN);
    let nothing = fine(region.does("veilig-thuis-region", &["holdings"]));
    assert!(nothing.contains("niets dat voor u is verzegeld"), "{nothing}");
    region.report("one.jsonl", &[report_of("P-1", "Lotje", "Smit", "2018-12-11")]);
    let case = the_one(|| region.pending(&[]));

    // It waits at the municipality, which may open it.
    let listed = fine(region.does("municipality-0855", &["holdings"]));
    assert!(listed.contains(case["signal"].as_str().unwrap()) && listed.contains("verwijzing"), "{listed}");
    assert_eq!(counts(&asks(&region, "municipality-0855", &[], LOTJE)), (1, 0, 1, 0));
    assert_eq!(counts(&asks(&region, "municipality-0855", &[], LOTTE)), (0, 1, 1, 0));
    assert_eq!(counts(&asks(&region, "municipality-0855", &[], NOBODY)), (0, 0, 1, 0));
    let said = fine(region.types("municipality-0855", &["holdings", "--ask"], LOTJE));
    assert!(said.contains("1 bericht over dit kind") && said.contains("verzegeld aan u"), "{said}");
    let bad = region.types("municipality-0855", &["holdings", "--ask"], "Lotje\n\nSmit\ngisteren\n");
    assert!(bad.code == Some(1) && !bad.stderr.contains("gisteren"), "{}", bad.stderr);
    let nobody = region.types("municipality-0855", &["holdings", "--ask"], "");
    assert_eq!(nobody.code, Some(1), "{}", nobody.stderr);

    // It is passed on: the municipality's own copy stays, and nobody may open it (R21).
    fine(region.does("municipality-0855", &["pending", "--show"]));
    let code = the_one(|| region.pending(&["--show"]))["code"].as_str().unwrap().to_owned();
    fine(region.does("municipality-0855", &["pick", &code, "1"]));
    the_one(|| region.inbox("school-01AA00"));
    assert_eq!(counts(&asks(&region, "municipality-0855", &[], LOTJE)), (0, 0, 0, 1));
    let said = fine(region.types("municipality-0855", &["holdings", "--ask"], LOTJE));
    for words in
        ["niets gevonden", "Niet te openen: 1, uiterlijk weg op", "de school zeggen die de brief heeft"]
    {
        assert!(said.contains(words), "{words}\n{said}");
    }

    // At the school to look is to open: it is said before, and only done when it is meant.
    let no = region.types("school-01AA00", &["holdings", "--ask"], &format!("nee\n{LOTJE}"));
    assert!(no.code == Some(5) && no.stderr.contains("wordt 1 brief geopend"), "{}", no.stderr);
    assert_eq!(region.inbox("school-01AA00")[0]["opened"], false);
    let yes = region.types("school-01AA00", &["holdings", "--ask"], &format!("ja\n{LOTJE}"));
    assert!(fine(yes).contains("1 bericht over dit kind"));
    assert_eq!(region.inbox("school-01AA00")[0]["opened"], true);
    assert_eq!(counts(&asks(&region, "school-01AA00", &["--yes"], NOBODY)), (0, 0, 1, 0));

    // After the end it is nothing.
    let waiting = the_one(|| region.inbox("school-01AA00"));
    fine(region.does("school-01AA00", &["acknowledge", waiting["code"].as_str().unwrap()]));
    for who in ["school-01AA00", "municipality-0855", "veilig-thuis-region"] {
        let gone = || {
            let said = asks(&region, who, &["--yes"], LOTJE);
            (said["held"].as_array().unwrap().is_empty() && counts(&said) == (0, 0, 0, 0)).then_some(())
        };
        wait_for(gone).unwrap_or_else(|| panic!("{who} still holds something"));
    }

    // Whoever was asked about, and whoever was found, stands nowhere.
    drop(engine);
    drop(processes);
    let own = ["tables", "inbox"].map(|own| region.path().join(own));
    let mut searched = 0;
    for file in
        canary::files_below(region.path()).iter().filter(|file| !own.iter().any(|own| file.starts_with(own)))
    {
        searched += 1;
        let found = canary::found_in(
            &fs::read(file).unwrap(),
            &["Quorvanthe", "Zylbrinkst\u{f6}ffer", "2013-08-17", "Lotje"],
        );
        assert_eq!(found, None, "{}", file.display());
    }
    assert!(searched > 20, "there is nothing to search");
}
