//! Answers go out, and each must be true.

use std::sync::Arc;

use hwc_relay::Reply;
use hwc_schemas::wire::Answer as Answered;

use crate::{outside::Wrong, people::Ask, region::Scene, sights::Sights, world::World};

impl World {
    /// An answer goes out. It must be true.
    pub(crate) fn reply(
        &mut self,
        which: usize,
        number: u64,
        reply: &Reply,
        scene: &Scene,
        sights: &mut Sights,
    ) -> Result<(), Wrong> {
        let Some(engine) = &mut self.engines[which] else { return Ok(()) };
        let engine = Arc::make_mut(engine);
        let Some(place) = engine.asked.iter().position(|asked| asked.ticket == number) else {
            return Err("an answer to nobody, or a second one".to_owned());
        };
        let asked = engine.asked.remove(place);
        sights.replied(&asked, reply);
        if !matches!(reply, Reply::TryLater | Reply::Command(Answered::TryLater)) {
            self.open.remove(&asked.ask);
        }
        let (ask, watch) = (asked.ask, &self.outside.log.watch);
        let wrong = |what: &str| Err(format!("\"{ask}\" {what}"));
        match reply {
            Reply::Command(Answered::Recorded | Answered::AlreadyRecorded) | Reply::Release { .. }
                if ask.is_hostile() =>
            {
                wrong("is answered as if it were theirs (R12)")
            }
            Reply::Command(Answered::Recorded) if !asked.durable => {
                wrong("is answered as recorded and is not durable")
            }
            Reply::Command(Answered::AlreadyRecorded) => match ask {
                Ask::Record if self.outside.log.is_empty() => {
                    wrong("is answered as recorded before, and was not")
                }
                Ask::Screen if !watch.screened() => wrong("is answered as recorded before, and was not"),
                Ask::Acknowledge(child, _) if !watch.acknowledged(child) => {
                    wrong("is answered as recorded before, and was not")
                }
                _ => Ok(()),
            },
            Reply::Release { .. } => match ask.letter() {
                Some((child, round)) if !watch.was_delivered(child, round, ask.from(scene)) => {
                    wrong("gets a letter that was never delivered to it (R12)")
                }
                Some(_) if !asked.due => {
                    wrong("gets a letter that was not due at any moment since it asked (R24)")
                }
                Some(_) => Ok(()),
                None => wrong("gets a ciphertext and did not ask for one"),
            },
            _ => Ok(()),
        }
    }

    /// Whoever waits for what has just become durable, and whose letter is due now.
    pub(crate) fn note_durable(&mut self, before: usize, scene: &Scene) {
        let Self { outside, engines, .. } = self;
        let log = &outside.log;
        let new = log.told.get(before..).unwrap_or_default();
        if new.is_empty() {
            return;
        }
        for engine in engines.iter_mut().flatten() {
            if engine.asked.is_empty() {
                continue;
            }
            let engine = Arc::make_mut(engine);
            for asked in &mut engine.asked {
                let ask = asked.ask;
                asked.durable |= new.iter().any(|event| ask.is_done_by(event, &asked.payloads));
                asked.due |= ask
                    .letter()
                    .is_some_and(|(child, round)| log.watch.is_due(child, round, ask.from(scene)));
            }
            engine.print = None;
        }
    }
}
