//! The script of the bad morning: a table of when, what happens, by which section of the runbook it is solved, and by what one sees that
//! it came to pass. Everybody in it is invented.

use jiff::civil::{Time, time};

use super::record::Child;

/// One line of the script.
pub(super) struct Step {
    /// When, by the engines' clock.
    pub(super) at: Time,
    /// What happens, or what somebody should do.
    pub(super) what: &'static str,
    /// The section of `docs/runbook.md`.
    pub(super) section: &'static str,
    /// Whose turn it is.
    pub(super) whose: Whose,
    /// What the script does; in the place of a person, if they do not.
    pub(super) act: Act,
    /// By what one sees that it is done.
    pub(super) sign: Sign,
}

/// Whose turn it is.
pub(super) enum Whose {
    /// It happens.
    Fate,
    /// Whoever takes part in the drill, by a command in which `HWC` is the program and `DIR` the region's folder; or in another way.
    Yours(&'static str),
}

/// What the script can do.
pub(super) enum Act {
    /// The police send these reports.
    Send(&'static str),
    /// The police move these reports into their inbox.
    Inbox(&'static str),
    /// The broker is killed.
    BrokerStops,
    /// The broker is started on its store.
    BrokerStarts,
    /// The BRP answers nothing but errors from now on.
    BrpFails,
    /// The BRP answers again.
    BrpAnswers,
    /// The municipality picks the first pupil that it can be.
    Pick,
    /// The contacts of a school open what waits, and find somebody who is not theirs.
    Open(&'static str),
    /// The municipality puts a pupil's school right.
    Correct,
    /// A school gives back whoever is not its pupil.
    Return(&'static str),
    /// The contacts of these schools open and confirm everything that waits.
    Confirm(&'static [&'static str], &'static str),
    /// Time passes.
    Wait,
}

/// By what one sees that it is done.
pub(super) enum Sign {
    /// So many signals wait at these schools.
    Waiting(&'static [(&'static str, usize)]),
    /// So many cases wait for a person.
    Cases(usize),
    /// The broker runs, or does not.
    Broker(bool),
    /// The mock of the BRP is told to fail, or is not.
    BrpFails(bool),
    /// A file lies in the police's inbox, or does not.
    InInbox(&'static str, bool),
    /// A pupil's school is what the correction says.
    Corrected,
    /// So many letters with these words went to this mailbox.
    Mailed(&'static str, &'static str, usize),
}

/// The morning begins then.
pub(crate) const BEGINS: Time = time(6, 40, 0, 0);
/// The lessons begin then.
pub(super) const LESSONS: Time = time(8, 30, 0, 0);

/// The municipality whose people decide and correct.
pub(super) const MUNICIPALITY: &str = "municipality-0855";

/// The wrong row of the register, and what it should say.
pub(super) const WRONG: (&str, &str) =
    ("0855,Eva,,Jansen,2015-04-08,01AA,00,no,,", "0855,Eva,,Jansen,2015-04-08,03CC,00,no,,");
/// The correction, as a file of changes (`docs/register.md`).
pub(super) const CORRECTION: &str = "municipality,given_names,prefix,surname,date_of_birth,brin,location,secret,host_brin,host_location,change\n\
     0855,Eva,,Jansen,2015-04-08,01AA,00,no,,,moved\n";

/// The files of reports that the script has: their names, and which lines of the manual's reports are in them; none: `doubt.jsonl`.
pub(super) const FILES: [(&str, &[&str]); 4] = [
    ("first.jsonl", &["M-4.3", "M-4.5"]),
    ("second.jsonl", &["M-12-seconded"]),
    ("third.jsonl", &["M-4.1"]),
    ("doubt.jsonl", &[]),
];

/// The end of an address in a report, with its municipality.
pub(super) const HERE: &str = "\"addition\": null, \"municipality\": \"0855\"}";

/// Who must have arrived where in the end.
pub(super) const CHILDREN: [Child; 6] = [
    Child { name: "Lotte Smit", report: "M-4.3", school: "school-01AA00", wrongly: None },
    Child { name: "Eva Jansen", report: "M-4.5", school: "school-01AA00", wrongly: Some("school-03CC00") },
    Child { name: "Luuk Dekker", report: "M-12-seconded", school: "school-06FF01", wrongly: None },
    Child { name: "David Pieterse", report: "M-4.1", school: "school-01AA00", wrongly: None },
    Child { name: "Noor Pieterse", report: "M-4.1", school: "school-03CC00", wrongly: None },
    Child { name: "Sam van den Berg", report: "M-16-doubt", school: "school-02BB00", wrongly: None },
];

const fn fate(at: Time, what: &'static str, section: &'static str, act: Act, sign: Sign) -> Step {
    Step { at, what, section, whose: Whose::Fate, act, sign }
}

const fn yours(
    at: Time,
    what: &'static str,
    how: &'static str,
    section: &'static str,
    act: Act,
    sign: Sign,
) -> Step {
    Step { at, what, section, whose: Whose::Yours(how), act, sign }
}

const RELAY_DOWN: &str = "The relay is down before lessons";
const BROKER_DOWN: &str = "A broker is down";
const BRP_SILENT: &str = "The BRP does not answer";
const PERSON: &str = "Something waits for a person";
const WRONG_SCHOOL: &str = "A wrong school was told";
const UNCONFIRMED: &str = "A school does not confirm";

/// The morning.
pub(super) const SCRIPT: [Step; 18] = [
    fate(
        BEGINS,
        "the police send the night's first reports, of two families",
        "A signal is late",
        Act::Send("first.jsonl"),
        // They wait for 07:00 (R19).
        Sign::Waiting(&[]),
    ),
    fate(time(6, 50, 0, 0), "the broker stops", RELAY_DOWN, Act::BrokerStops, Sign::Broker(false)),
    fate(
        time(6, 52, 0, 0),
        "the police move another report into their inbox; it stays there, and that is the sign",
        RELAY_DOWN,
        Act::Inbox("second.jsonl"),
        Sign::InInbox("second.jsonl", true),
    ),
    yours(
        time(7, 10, 0, 0),
        "start the broker again, on its own store",
        "touch DIR/drill/start-the-broker",
        BROKER_DOWN,
        Act::BrokerStarts,
        Sign::Broker(true),
    ),
    fate(
        time(7, 11, 0, 0),
        "what was handed over arrives, and what lay in the inbox goes by itself",
        RELAY_DOWN,
        Act::Wait,
        Sign::Waiting(&[("school-01AA00", 1), ("school-03CC00", 1), ("school-06FF01", 1)]),
    ),
    fate(
        time(7, 15, 0, 0),
        "the BRP answers nothing but errors, and a report comes: the child that it names goes first (R9)",
        BRP_SILENT,
        Act::BrpFails,
        Sign::BrpFails(true),
    ),
    fate(
        time(7, 16, 0, 0),
        "the police send the report of a family of which they know one child",
        BRP_SILENT,
        Act::Send("third.jsonl"),
        Sign::Waiting(&[("school-01AA00", 2)]),
    ),
    yours(
        time(7, 30, 0, 0),
        "have the BRP put right: here, empty its file of faults",
        "truncate -s 0 DIR/brp/faults.toml",
        BRP_SILENT,
        Act::BrpAnswers,
        Sign::BrpFails(false),
    ),
    fate(
        time(7, 32, 0, 0),
        "her sister, whom nobody named, is found, and joins",
        BRP_SILENT,
        Act::Wait,
        Sign::Waiting(&[("school-03CC00", 2)]),
    ),
    fate(
        time(7, 35, 0, 0),
        "the police send a report in which a child's name was heard wrong",
        PERSON,
        Act::Send("doubt.jsonl"),
        Sign::Cases(1),
    ),
    yours(
        time(7, 40, 0, 0),
        "call the municipality: somebody must say which pupil it is (R16); at the desk, or",
        "HWC municipality --config DIR/settings/municipality-0855.toml pending --show; … pick CODE 1",
        PERSON,
        Act::Pick,
        Sign::Waiting(&[("school-02BB00", 1)]),
    ),
    fate(
        time(7, 50, 0, 0),
        "a contact opens what waits, and calls: one of the two is no pupil of ours",
        WRONG_SCHOOL,
        Act::Open("school-03CC00"),
        Sign::Waiting(&[("school-03CC00", 2)]),
    ),
    yours(
        time(7, 52, 0, 0),
        "have the municipality put the enrolment right, before the school gives the signal back",
        "HWC municipality --config DIR/settings/municipality-0855.toml import --delta DIR/drill/correction.csv",
        WRONG_SCHOOL,
        Act::Correct,
        Sign::Corrected,
    ),
    fate(
        time(7, 55, 0, 0),
        "the contact presses Geen leerling van ons; the project leader hears of a breach (R24)",
        WRONG_SCHOOL,
        Act::Return("school-03CC00"),
        Sign::Waiting(&[("school-01AA00", 3), ("school-03CC00", 1)]),
    ),
    fate(
        time(8, 5, 0, 0),
        "the contacts confirm; only that of school-01AA00 is ill",
        UNCONFIRMED,
        Act::Confirm(&["school-02BB00", "school-03CC00", "school-06FF01"], "the contact"),
        Sign::Waiting(&[
            ("school-01AA00", 3),
            ("school-02BB00", 0),
            ("school-03CC00", 0),
            ("school-06FF01", 0),
        ]),
    ),
    fate(
        time(8, 15, 0, 0),
        "the school is reminded by mail, and nobody reads it",
        UNCONFIRMED,
        Act::Wait,
        Sign::Mailed("hwc@school-01AA00.example", "wacht nog een signaal", 1),
    ),
    fate(
        LESSONS,
        "the backup contact is called in by mail",
        UNCONFIRMED,
        Act::Wait,
        Sign::Mailed("achterwacht@school-01AA00.example", "aan de beurt als achterwacht", 1),
    ),
    fate(
        time(8, 35, 0, 0),
        "the backup contact confirms",
        UNCONFIRMED,
        Act::Confirm(&["school-01AA00"], "the backup"),
        Sign::Waiting(&[("school-01AA00", 0)]),
    ),
];

/// The morning is over then.
pub(super) const ENDS: Time = time(8, 45, 0, 0);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_scripts_time_never_runs_backwards_and_every_step_has_its_section_in_the_runbook() {
        let runbook = include_str!("../../../../../docs/runbook.md");
        assert!(SCRIPT.iter().zip(&SCRIPT[1..]).all(|(one, next)| one.at <= next.at));
        assert!(SCRIPT.iter().all(|step| step.at >= BEGINS && step.at < ENDS));
        for step in &SCRIPT {
            assert!(runbook.contains(&format!("\n## {}\n", step.section)), "{} has no section", step.section);
        }
    }

    #[test]
    fn the_wrong_row_is_one_of_the_manuals_and_the_correction_undoes_it() {
        let enrolments = include_str!("../../../../../simulations/handbook/enrolments.csv");
        let (right, wrong) = WRONG;
        assert!(enrolments.contains(right) && !enrolments.contains(wrong));
        assert!(CORRECTION.contains(&format!("{right},moved")));
    }

    #[test]
    fn every_report_of_the_script_is_one_of_the_manuals() {
        let reports = include_str!("../../../../../simulations/handbook/reports.jsonl");
        for (_, ids) in FILES {
            assert!(ids.iter().all(|id| reports.contains(&format!("\"report_id\": \"{id}\""))), "{ids:?}");
            assert!(
                reports.lines().all(|line| line.contains("\"addition\": null}")),
                "an address ends otherwise"
            );
        }
    }
}
