//! The hands at work: futures of adapters, polled one by one. No runtime, no threads.
//!
//! Of those who were woken the first that began goes on first, and not the first that was woken: whoever waits for a register to
//! change is woken in an order that is left to chance outside of the world's own.

use std::{
    collections::{BTreeMap, BTreeSet},
    future::Future,
    pin::Pin,
    sync::{Arc, Mutex, PoisonError},
    task::{Context, Poll, Wake, Waker},
};

/// A hand's number; never used again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct HandNumber(u64);

/// Something that is being done.
pub(crate) type Work<T> = Pin<Box<dyn Future<Output = T> + Send>>;

type Woken = Arc<Mutex<BTreeSet<HandNumber>>>;

struct Waking {
    hand: HandNumber,
    woken: Woken,
}

impl Wake for Waking {
    fn wake(self: Arc<Self>) {
        self.woken.lock().unwrap_or_else(PoisonError::into_inner).insert(self.hand);
    }
}

struct Hand<T> {
    work: Work<T>,
    waker: Waker,
}

/// All hands.
pub(crate) struct Hands<T> {
    at_work: BTreeMap<HandNumber, Hand<T>>,
    woken: Woken,
    next: u64,
}

impl<T: 'static> Hands<T> {
    pub(crate) fn new() -> Self {
        Self { at_work: BTreeMap::new(), woken: Arc::default(), next: 0 }
    }

    /// Begins something; it is first polled when its turn comes.
    pub(crate) fn begin(&mut self, work: Work<T>) -> HandNumber {
        let hand = HandNumber(self.next);
        self.next += 1;
        let waker = Waker::from(Arc::new(Waking { hand, woken: Arc::clone(&self.woken) }));
        waker.wake_by_ref();
        // Whoever lives in a runtime would be asked to rest now and then; here nobody else waits.
        let work = Box::pin(tokio::task::unconstrained(work));
        self.at_work.insert(hand, Hand { work, waker });
        hand
    }

    /// Drops something in the middle.
    pub(crate) fn drop_hand(&mut self, hand: HandNumber) {
        self.at_work.remove(&hand);
    }

    /// Lets the next hand that was woken go on. `None` when nobody was; otherwise its number, and what came of it if it ended.
    pub(crate) fn go_on(&mut self) -> Option<(HandNumber, Option<T>)> {
        loop {
            let number = self.woken.lock().unwrap_or_else(PoisonError::into_inner).pop_first()?;
            let Some(hand) = self.at_work.get_mut(&number) else { continue };
            let waker = hand.waker.clone();
            let done = match hand.work.as_mut().poll(&mut Context::from_waker(&waker)) {
                Poll::Pending => None,
                Poll::Ready(done) => {
                    self.at_work.remove(&number);
                    Some(done)
                }
            };
            return Some((number, done));
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicBool, Ordering};

    use super::*;

    #[test]
    fn whoever_began_first_goes_on_first_in_whatever_order_they_were_woken() {
        let mut hands = Hands::new();
        let (open, wakers) = (Arc::new(AtomicBool::new(false)), Arc::new(Mutex::new(Vec::new())));
        let begun: Vec<HandNumber> = (0..3)
            .map(|name| {
                let (open, wakers) = (Arc::clone(&open), Arc::clone(&wakers));
                hands.begin(Box::pin(std::future::poll_fn(move |context| {
                    if open.load(Ordering::Relaxed) {
                        return Poll::Ready(name);
                    }
                    wakers.lock().unwrap().push(context.waker().clone());
                    Poll::Pending
                })))
            })
            .collect();
        while hands.go_on().is_some() {}
        open.store(true, Ordering::Relaxed);
        let mut asleep: Vec<Waker> = std::mem::take(&mut wakers.lock().unwrap());
        asleep.swap(0, 2);
        asleep.into_iter().for_each(Waker::wake);
        let went_on: Vec<_> = std::iter::from_fn(|| hands.go_on()).collect();
        let wanted: Vec<_> = begun.into_iter().zip([Some(0), Some(1), Some(2)]).collect();
        assert_eq!(went_on, wanted);
    }
}
