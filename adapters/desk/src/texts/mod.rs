//! Everything that the desk's own pages say. Each language has one place; a text that one of them lacks does not compile.

mod en;
mod nl;

use hwc_web::Language;

/// Everything in one language.
pub(crate) struct Texts {
    /// The menu: what waits.
    pub(crate) menu_waiting: &'static str,
    /// The menu: what was passed on.
    pub(crate) menu_passed_on: &'static str,
    /// The menu: the register.
    pub(crate) menu_register: &'static str,
    /// The menu: reports.
    pub(crate) menu_reports: &'static str,
    /// The menu: who did what.
    pub(crate) menu_acts: &'static str,
    /// What waits for a person.
    pub(crate) waiting_title: &'static str,
    /// Nothing waits.
    pub(crate) waiting_none: &'static str,
    /// What to do, for who decides.
    pub(crate) waiting_how: &'static str,
    /// What who only looks is told.
    pub(crate) waiting_look_only: &'static str,
    /// More than are listed.
    pub(crate) waiting_more: &'static str,
    /// A case, before its code.
    pub(crate) case_word: &'static str,
    /// Since when.
    pub(crate) since: &'static str,
    /// No candidates: returned too often.
    pub(crate) could_be_none: &'static str,
    /// One candidate.
    pub(crate) could_be_one: &'static str,
    /// More candidates, after their number.
    pub(crate) could_be_several: &'static str,
    /// It was returned.
    pub(crate) why_returned: &'static str,
    /// It is looked up again.
    pub(crate) why_again: &'static str,
    /// A sister signal.
    pub(crate) sister: &'static str,
    /// Somebody opened it, before the function.
    pub(crate) opened_by: &'static str,
    /// The button that opens.
    pub(crate) open_case: &'static str,
    /// When somebody was told.
    pub(crate) reminders_title: &'static str,
    /// Nobody was told.
    pub(crate) reminders_none: &'static str,
    /// A first reminder.
    pub(crate) reminder_new: &'static str,
    /// A second one.
    pub(crate) reminder_still: &'static str,
    /// How many it was about.
    pub(crate) reminder_cases: &'static str,
    /// When.
    pub(crate) reminder_at: &'static str,
    /// Why.
    pub(crate) reminder_why: &'static str,
    /// The register is stale.
    pub(crate) stale_title: &'static str,
    /// What to do.
    pub(crate) stale_how: &'static str,
    /// The register has a problem.
    pub(crate) register_broken: &'static str,
    /// A case that is open.
    pub(crate) case_title: &'static str,
    /// Whom the signal names.
    pub(crate) case_sought: &'static str,
    /// Who it could be.
    pub(crate) case_candidates: &'static str,
    /// Nobody can be picked.
    pub(crate) case_no_candidates: &'static str,
    /// Field.
    pub(crate) given_names: &'static str,
    /// Field.
    pub(crate) surname: &'static str,
    /// Field.
    pub(crate) born: &'static str,
    /// Field.
    pub(crate) school: &'static str,
    /// Field.
    pub(crate) host_school: &'static str,
    /// It is written otherwise.
    pub(crate) differs: &'static str,
    /// There are none.
    pub(crate) no_given_names: &'static str,
    /// A secret enrolment.
    pub(crate) secret: &'static str,
    /// No school is known.
    pub(crate) no_school: &'static str,
    /// A candidate, before its number.
    pub(crate) pupil: &'static str,
    /// What a wrong pick is.
    pub(crate) pick_warning: &'static str,
    /// The button that picks.
    pub(crate) pick: &'static str,
    /// Above the reasons.
    pub(crate) withhold_title: &'static str,
    /// Above the reasons, for who hears it.
    pub(crate) withhold_why: &'static str,
    /// The button that withholds.
    pub(crate) withhold: &'static str,
    /// Reason.
    pub(crate) why_ambiguous: &'static str,
    /// Reason.
    pub(crate) why_unknown: &'static str,
    /// Reason.
    pub(crate) why_secret: &'static str,
    /// Back to the list.
    pub(crate) back: &'static str,
    /// Leave a page.
    pub(crate) close: &'static str,
    /// What was passed on.
    pub(crate) passed_title: &'static str,
    /// What the list is.
    pub(crate) passed_how: &'static str,
    /// Nothing was.
    pub(crate) passed_none: &'static str,
    /// Column.
    pub(crate) passed_code: &'static str,
    /// Column.
    pub(crate) passed_at: &'static str,
    /// Column.
    pub(crate) passed_school: &'static str,
    /// Column.
    pub(crate) passed_state: &'static str,
    /// Column.
    pub(crate) passed_act: &'static str,
    /// What *over* means.
    pub(crate) passed_over_how: &'static str,
    /// State.
    pub(crate) place_here: &'static str,
    /// State.
    pub(crate) place_held: &'static str,
    /// State.
    pub(crate) place_delivered: &'static str,
    /// State.
    pub(crate) place_opened: &'static str,
    /// State.
    pub(crate) place_acknowledged: &'static str,
    /// State.
    pub(crate) place_withheld: &'static str,
    /// State.
    pub(crate) place_recalled: &'static str,
    /// State.
    pub(crate) place_expired: &'static str,
    /// State.
    pub(crate) place_over: &'static str,
    /// A notice.
    pub(crate) notice_missing: &'static str,
    /// A notice.
    pub(crate) notice_unread: &'static str,
    /// The button in the list.
    pub(crate) recall: &'static str,
    /// The page that asks for a reason.
    pub(crate) recall_title: &'static str,
    /// What it does.
    pub(crate) recall_how: &'static str,
    /// Above the reasons.
    pub(crate) recall_why: &'static str,
    /// Reason.
    pub(crate) recall_wrong_school: &'static str,
    /// Reason.
    pub(crate) recall_in_error: &'static str,
    /// The button.
    pub(crate) recall_do: &'static str,
    /// Above the field for a code.
    pub(crate) recall_other: &'static str,
    /// The field's label.
    pub(crate) recall_other_how: &'static str,
    /// The register.
    pub(crate) register_title: &'static str,
    /// Where it lies.
    pub(crate) register_database: &'static str,
    /// Where it lies.
    pub(crate) register_files: &'static str,
    /// Field.
    pub(crate) register_where: &'static str,
    /// Field.
    pub(crate) register_pupils: &'static str,
    /// Field.
    pub(crate) register_schools: &'static str,
    /// Field.
    pub(crate) register_participating: &'static str,
    /// Field.
    pub(crate) register_imported: &'static str,
    /// Field.
    pub(crate) register_changed: &'static str,
    /// Never imported.
    pub(crate) register_never: &'static str,
    /// Field.
    pub(crate) register_limit: &'static str,
    /// Unit.
    pub(crate) register_days: &'static str,
    /// It is not known yet.
    pub(crate) register_unknown: &'static str,
    /// All is well.
    pub(crate) register_fine: &'static str,
    /// The last import.
    pub(crate) import_title: &'static str,
    /// It is not known.
    pub(crate) import_none: &'static str,
    /// Kind.
    pub(crate) import_full: &'static str,
    /// Kind.
    pub(crate) import_delta: &'static str,
    /// Count.
    pub(crate) import_rows: &'static str,
    /// Count.
    pub(crate) import_new: &'static str,
    /// Count.
    pub(crate) import_gone: &'static str,
    /// Count.
    pub(crate) import_moved: &'static str,
    /// Count.
    pub(crate) import_changed: &'static str,
    /// Count.
    pub(crate) import_unchanged: &'static str,
    /// Count.
    pub(crate) import_no_school: &'static str,
    /// Count.
    pub(crate) import_school_unknown: &'static str,
    /// Count.
    pub(crate) import_secret: &'static str,
    /// Count.
    pub(crate) import_elsewhere: &'static str,
    /// Count.
    pub(crate) import_over: &'static str,
    /// Count.
    pub(crate) import_twice: &'static str,
    /// Reports.
    pub(crate) reports_title: &'static str,
    /// No folder.
    pub(crate) reports_not_there: &'static str,
    /// An empty folder.
    pub(crate) reports_none: &'static str,
    /// Before the month.
    pub(crate) report_title: &'static str,
    /// How to read it.
    pub(crate) report_how: &'static str,
    /// A block.
    pub(crate) report_region: &'static str,
    /// A block.
    pub(crate) report_own: &'static str,
    /// A block.
    pub(crate) report_together: &'static str,
    /// Why.
    pub(crate) report_together_how: &'static str,
    /// Not in it.
    pub(crate) report_nowhere: &'static str,
    /// Figure.
    pub(crate) report_received: &'static str,
    /// Figure.
    pub(crate) report_sent: &'static str,
    /// Figure.
    pub(crate) report_not_sent: &'static str,
    /// A table.
    pub(crate) report_within: &'static str,
    /// A table.
    pub(crate) report_per_school: &'static str,
    /// A table.
    pub(crate) report_per_reason: &'static str,
    /// A line of a report, after the number.
    pub(crate) item_hours: &'static str,
    /// A line of a report, before the number.
    pub(crate) item_within: &'static str,
    /// A line of a report.
    pub(crate) item_later: &'static str,
    /// A line of a report.
    pub(crate) item_other: &'static str,
    /// A reason not to send.
    pub(crate) reason_municipality: &'static str,
    /// A reason not to send.
    pub(crate) reason_unknown: &'static str,
    /// A reason not to send.
    pub(crate) reason_ambiguous: &'static str,
    /// A reason not to send.
    pub(crate) reason_secret: &'static str,
    /// A reason not to send.
    pub(crate) reason_host: &'static str,
    /// A reason not to send.
    pub(crate) reason_school: &'static str,
    /// A reason not to send.
    pub(crate) reason_region: &'static str,
    /// A reason not to send.
    pub(crate) reason_summer: &'static str,
    /// A reason not to send.
    pub(crate) reason_held: &'static str,
    /// Column.
    pub(crate) report_item: &'static str,
    /// Column.
    pub(crate) report_signals: &'static str,
    /// Who did what.
    pub(crate) acts_title: &'static str,
    /// What the book is.
    pub(crate) acts_how: &'static str,
    /// Nobody did anything.
    pub(crate) acts_none: &'static str,
    /// Column.
    pub(crate) acts_day: &'static str,
    /// Column.
    pub(crate) acts_who: &'static str,
    /// Column.
    pub(crate) acts_what: &'static str,
    /// Act.
    pub(crate) act_logged_in: &'static str,
    /// Act.
    pub(crate) act_logged_out: &'static str,
    /// Act.
    pub(crate) act_logged_out_everywhere: &'static str,
    /// Act.
    pub(crate) act_opened: &'static str,
    /// Act.
    pub(crate) act_picked: &'static str,
    /// Act.
    pub(crate) act_withheld: &'static str,
    /// Act.
    pub(crate) act_recalled: &'static str,
    /// Somebody who is not on the list any more.
    pub(crate) acts_gone: &'static str,
    /// Log out everywhere.
    pub(crate) sessions_title: &'static str,
    /// The button.
    pub(crate) sessions_button: &'static str,
    /// It worked.
    pub(crate) said_picked: &'static str,
    /// It worked.
    pub(crate) said_withheld: &'static str,
    /// The law withheld what was picked.
    pub(crate) said_withheld_school: &'static str,
    /// R13.
    pub(crate) said_withheld_secret: &'static str,
    /// It worked.
    pub(crate) said_recalled: &'static str,
    /// It was so before.
    pub(crate) said_recalled_before: &'static str,
    /// Somebody else was first.
    pub(crate) race_title: &'static str,
    /// Before the function.
    pub(crate) race_how: &'static str,
    /// Nobody at this desk.
    pub(crate) race_elsewhere: &'static str,
    /// It is being decided.
    pub(crate) race_now: &'static str,
    /// Before the function.
    pub(crate) race_now_how: &'static str,
    /// What then.
    pub(crate) race_after: &'static str,
    /// The candidates changed.
    pub(crate) moved_title: &'static str,
    /// What to do.
    pub(crate) moved_how: &'static str,
    /// It is no more.
    pub(crate) gone_title: &'static str,
    /// Why.
    pub(crate) gone_how: &'static str,
    /// Nothing is called so.
    pub(crate) unknown_title: &'static str,
    /// What to do.
    pub(crate) unknown_how: &'static str,
    /// Two are called so.
    pub(crate) several_title: &'static str,
    /// What to do.
    pub(crate) several_how: &'static str,
    /// It waits again.
    pub(crate) again_title: &'static str,
    /// What to do.
    pub(crate) again_how: &'static str,
    /// The engine is silent.
    pub(crate) no_answer_title: &'static str,
    /// What to do.
    pub(crate) no_answer_how: &'static str,
    /// What to do about a recall.
    pub(crate) no_recall_how: &'static str,
    /// The engine refused.
    pub(crate) refused_title: &'static str,
    /// What to do.
    pub(crate) refused_how: &'static str,
    /// The process does not answer.
    pub(crate) away_title: &'static str,
    /// What to do.
    pub(crate) away_how: &'static str,
    /// Who only looks may not.
    pub(crate) forbidden_title: &'static str,
    /// What to do.
    pub(crate) forbidden_how: &'static str,
    /// Nothing was chosen.
    pub(crate) choose_title: &'static str,
    /// What to do.
    pub(crate) choose_how: &'static str,
}

/// The texts of a language.
pub(crate) const fn texts(language: Language) -> &'static Texts {
    match language {
        Language::Nl => &nl::TEXTS,
        Language::En => &en::TEXTS,
    }
}

impl Texts {
    /// What a page says when this is said to it; nothing if it is no word of these.
    pub(crate) fn said(&self, what: &str) -> Option<&'static str> {
        Some(match what {
            "picked" => self.said_picked,
            "withheld" => self.said_withheld,
            "withheld_school" => self.said_withheld_school,
            "withheld_secret" => self.said_withheld_secret,
            "recalled" => self.said_recalled,
            "recalled_before" => self.said_recalled_before,
            _ => return None,
        })
    }

    /// An act of the book, in words.
    pub(crate) fn act(&self, act: &str) -> &'static str {
        match act {
            "logged_in" => self.act_logged_in,
            "logged_out" => self.act_logged_out,
            "logged_out_everywhere" => self.act_logged_out_everywhere,
            "opened" => self.act_opened,
            "picked" => self.act_picked,
            "withheld" => self.act_withheld,
            "recalled" => self.act_recalled,
            _ => "",
        }
    }
}

#[cfg(test)]
mod tests {
    use hwc_web::ACTS;

    use super::*;

    #[test]
    fn every_act_of_the_gate_has_words_in_both_languages() {
        for language in [Language::Nl, Language::En] {
            for act in ACTS.into_iter().chain(["opened", "picked", "withheld", "recalled"]) {
                assert!(!texts(language).act(act).is_empty(), "{act}");
            }
            assert_eq!(texts(language).said("Evi Jansen"), None);
        }
    }
}
