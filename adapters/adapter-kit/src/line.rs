//! The line from an office to the engine: the broker's door in production, a simulated network in the simulated world.

use std::{future::Future, pin::Pin};

use hwc_jetstream::{Door, DoorError};
use hwc_schemas::{
    Organisation, Traceparent,
    ask::{Ask, Told},
    wire::{Answer, Command, Fetch, Fetched, Refusal, Sealed},
};

/// What the engine says to a request, or why nothing was heard of it.
pub type Said<'a, T> = Pin<Box<dyn Future<Output = Result<T, DoorError>> + Send + 'a>>;

/// Two of an organisation's doors: the ones where somebody waits for an answer. Asking the same again changes nothing, so
/// dropping a future, or an answer that gets lost, costs time only.
pub trait Line: Send + Sync + 'static {
    /// Whose line it is. The engine knows that from the broker, never from us.
    fn organisation(&self) -> &Organisation;

    /// Submits a command, saying where in a trace it is done; the answer may say where it belongs, too.
    fn submit<'a>(
        &'a self,
        command: &'a Command<Sealed>,
        place: Option<Traceparent>,
    ) -> Said<'a, (Answer, Option<Traceparent>)>;

    /// Fetches a payload that is due to us. For a school this *is* opening the signal (R24).
    fn fetch<'a>(&'a self, fetch: &'a Fetch, place: Option<Traceparent>) -> Said<'a, Fetched>;

    /// Asks something that changes nothing of any signal. A line to an engine that knows no questions says so.
    fn ask<'a>(&'a self, ask: &'a Ask) -> Said<'a, Told> {
        let _ = ask;
        Box::pin(std::future::ready(Ok(Told::Refused { refusal: Refusal::Malformed })))
    }
}

impl Line for Door {
    fn organisation(&self) -> &Organisation {
        Self::organisation(self)
    }

    fn submit<'a>(
        &'a self,
        command: &'a Command<Sealed>,
        place: Option<Traceparent>,
    ) -> Said<'a, (Answer, Option<Traceparent>)> {
        Box::pin(self.submit_in(command, place))
    }

    fn fetch<'a>(&'a self, fetch: &'a Fetch, place: Option<Traceparent>) -> Said<'a, Fetched> {
        Box::pin(self.fetch_in(fetch, place))
    }

    fn ask<'a>(&'a self, ask: &'a Ask) -> Said<'a, Told> {
        Box::pin(self.ask(ask))
    }
}
