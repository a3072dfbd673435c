//! The webhook: a call to the school's own software, by the Standard Webhooks convention, of a `CloudEvent` that names nobody.
//!
//! Nothing waits for it. A call that is not heard is made again as long as it is of use, more often the nearer the lessons
//! are; a receiver that is slow, silent or wrong holds up neither the tray nor the other signals. What is rung for lies in
//! the relay, so that a process which was killed rings again, with the same ids.

mod bell;
mod call;
mod event;
mod ringing;
mod settings;
mod signature;

pub use self::{
    bell::{Bell, Failing},
    call::Caller,
    event::{Event, News},
    ringing::Ringing,
    settings::{Webhook, WebhookError, WebhookTable},
    signature::{Secrets, SecretsError},
};
