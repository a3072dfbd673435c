use super::*;
use crate::chance::Share;

const SMALL: &str = "name = \"Small\"\n[period]\nfrom = \"2026-11-16\"\ndays = 7\n[region]\nsize = 1000\n";

fn refused(more: &str) -> String {
    Plan::parse(format!("{SMALL}{more}")).unwrap_err().to_string()
}

#[test]
fn a_plan_that_says_little_has_the_replays_people() {
    let plan = Plan::parse(SMALL).unwrap();
    assert_eq!(plan.says.seed, 1);
    assert_eq!((plan.says.veilig_thuis.people, plan.says.municipality.people), (None, None));
    assert_eq!(plan.says.schools.contact_comes.0.largest(), 8 * 3_600);
    assert_eq!(plan.says.rates.over(hwc_population::Rates::default()), hwc_population::Rates::default());
    assert!(plan.says.registers.corrected_after.is_none());
}

#[test]
fn an_unknown_key_is_refused_with_its_line() {
    for (more, line) in [
        ("[arrivals]\nincidents = 3\n", 8),
        ("[municipality]\npeople = 1\nopen = \"07:00\"\n", 9),
        ("[look_up]\npatience = \"30 min\"\nlast = \"1 h\"\n", 9),
        ("[[engine.down]]\nfrom = \"2026-11-18 05:30\"\nfor = \"3 h\"\nwhat = 1\n", 10),
        ("[policy]\nmax_hold = 3\n", 8),
        ("[weather]\n", 7),
    ] {
        let said = refused(more);
        assert!(said.starts_with(&format!("line {line}, column ")), "{more}: {said}");
        assert!(said.contains("unknown field"), "{more}: {said}");
    }
}

#[test]
fn a_value_of_the_wrong_kind_is_refused_with_its_line_and_what_is_wanted() {
    for (more, wanted) in [
        ("[rates]\nfollow_up = 28\n", "a share lies between 0 and 1"),
        ("[arrivals]\nby_hour = [1, 2]\n", "24"),
        ("[municipality]\nopens = \"7\"\n", "is not a time of day"),
        ("[municipality]\ndays = [\"monday\"]\n", "is none of"),
        ("[municipality]\ntakes = \"soon\"\n", "is not a length of time"),
        ("[schools]\ncontact_comes = \"8 h\"\n", "is not a time of day"),
        ("[[look_up.down]]\nfrom = \"2026-11-18T05:30\"\nfor = \"3 h\"\n", "is not a local moment"),
    ] {
        let said = refused(more);
        assert!(said.starts_with("line ") && said.contains(wanted), "{more}: {said}");
    }
}

#[test]
fn what_does_not_agree_is_refused_with_its_table_and_key() {
    for (more, wanted) in [
        ("[municipality]\npeople = 0\n", "line 7: people: must be 1 to 1000"),
        ("[municipality]\nopens = \"09:00\"\ncloses = \"08:00\"\n", "line 7: closes: must be later"),
        ("[veilig_thuis]\nlunch = [\"18:00\", \"18:30\"]\n", "line 7: lunch: must lie"),
        ("[reporting]\nverify_until = \"05:00\"\n", "line 7: verify_until: must be later"),
        ("[arrivals]\nby_weekday = [0, 0, 0, 0, 0, 0, 0]\n", "line 7: by_weekday: wants a weight"),
        ("[policy]\nmax_hold_days = 25\n", "line 7: payload_ceiling_days: must be at least"),
        ("dataset = \"x\"\n", "line 5: size: give either"),
    ] {
        let said = refused(more);
        assert!(said.starts_with(wanted), "{more}: {said}");
    }
    let nothing = SMALL.replace("days = 7", "days = 0");
    assert!(Plan::parse(nothing).unwrap_err().to_string().starts_with("line 2: days: must be 1 to 400"));
    let dataset = SMALL.replace("size = 1000", "dataset = \"x\"");
    assert!(Plan::parse(dataset).unwrap_err().to_string().starts_with("line 2: from: a region that is made"));
}

#[test]
fn a_rate_is_a_share_of_the_populations_own_kind() {
    let plan = Plan::parse(format!("{SMALL}[rates]\nfollow_up = 0.5\nnamed = 1\n")).unwrap();
    let rates = plan.says.rates.over(hwc_population::Rates::default());
    assert_eq!((rates.follow_up, rates.named), (5_000, 10_000));
    assert_eq!(Share::of_parts(500_000).map(Share::in_10_000), Some(5_000));
}

#[test]
fn every_ready_plan_is_a_plan_with_a_question_and_a_comment() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../plans");
    let mut names: Vec<_> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    names.sort();
    assert!(names.len() >= 7, "{names:?}");
    for path in names {
        let plan = Plan::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        assert!(plan.says.question.ends_with('?'), "{}", path.display());
        assert!(plan.text.starts_with("# "), "{}", path.display());
    }
}

#[test]
fn every_key_is_documented() {
    let documented = include_str!("../../../../docs/plans.md");
    for key in RatesPart::KEYS {
        assert!(documented.contains(&format!("`{key}`")), "docs/plans.md does not say what `{key}` is");
    }
    for source in [include_str!("parts.rs"), include_str!("mod.rs")] {
        for line in source.lines().filter(|line| line.starts_with("    pub ") && line.contains(": ")) {
            let key = line.trim_start_matches("    pub ").split(':').next().unwrap_or_default();
            let key = if key == "lasts" && source.contains("rename = \"for\"") { "for" } else { key };
            if key.contains(' ') || ["says", "text"].contains(&key) {
                continue;
            }
            let is_said =
                [format!("`{key}`"), format!("`[{key}]`")].iter().any(|said| documented.contains(said));
            assert!(is_said, "docs/plans.md does not say what `{key}` is");
        }
    }
}
