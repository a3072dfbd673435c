//! The cases, put.

mod keys;
mod late;
mod law;
mod wire;

use crate::{
    Case, ExamError, Verdict,
    trial::{So, Trial},
};

/// Puts a case; what came of it.
pub(crate) async fn put(trial: &mut Trial<'_>, case: &Case) -> Result<Verdict, ExamError> {
    trial.tidy_up()?;
    let outcome = match case.name {
        "first" => trial.through(&[]).await.map(|_| ()),
        "content" => law::content(trial).await,
        "asked-first" => law::asked_first(trial).await,
        "right-school" => law::right_school(trial).await,
        "secret" => law::secret(trial).await,
        "unknown-pupil" => law::unknown_pupil(trial).await,
        "in-doubt" => law::in_doubt(trial).await,
        "not-violence" => law::not_violence(trial).await,
        "sibling" => law::sibling(trial).await,
        "answer-lost" => wire::answer_lost(trial).await,
        "try-later" => wire::try_later(trial).await,
        "slow" => wire::slow(trial).await,
        "unknown-fields" => wire::unknown_fields(trial).await,
        "unknown-task" => wire::unknown_task(trial).await,
        "unknown-refusal" => wire::unknown_refusal(trial).await,
        "refused-report" => wire::refused_report(trial).await,
        "redelivery" => wire::redelivery(trial).await,
        "ended" => wire::ended(trial).await,
        "spoiled" => keys::spoiled(trial).await,
        "key-used" => keys::key_used(trial).await,
        "forged-key" => keys::forged_key(trial).await,
        "keys-left" => keys::keys_left(trial).await,
        "key-destroyed" => keys::key_destroyed(trial).await,
        "crash-at-fetch" => late::crash_at_fetch(trial).await,
        "crash-before" => late::crash_before(trial).await,
        "crash-after" => late::crash_after(trial).await,
        "broker-away" => late::broker_away(trial).await?,
        "schema" => late::schema(trial),
        "once" => late::once(trial),
        "nothing-leaked" => late::nothing_leaked(trial).await,
        other => Err(Verdict::NotShown(format!("nobody knows how to put {other}"))),
    };
    Ok(outcome.err().unwrap_or(Verdict::Passed))
}

/// It did not do what it should.
fn failed<T>(why: impl Into<String>) -> So<T> {
    Err(Verdict::Failed(why.into()))
}
