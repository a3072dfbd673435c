//! R22: what this crate says of a child cannot be printed, so it cannot reach a log. This compiles or it does not.

use std::fmt::{Debug, Display};

use hwc_casework::{home, names, routing, screening};

/// Implemented once for every type, and once more for what can be printed: then the compiler cannot choose.
trait Unprintable<Ambiguous> {
    fn check() {}
}

impl<T: ?Sized> Unprintable<()> for T {}

struct ByDebug;
impl<T: ?Sized + Debug> Unprintable<ByDebug> for T {}

struct ByDisplay;
impl<T: ?Sized + Display> Unprintable<ByDisplay> for T {}

#[test]
fn r22_nothing_that_holds_a_child_or_a_secret_enrolment_can_be_printed() {
    <names::Key as Unprintable<_>>::check();
    <screening::Named<'_> as Unprintable<_>>::check();
    <screening::Finding<'_> as Unprintable<_>>::check();
    <screening::Verdict<'_> as Unprintable<_>>::check();
    <home::Resident as Unprintable<_>>::check();
    <home::Register as Unprintable<_>>::check();
    <routing::Placement as Unprintable<_>>::check();
    <routing::Candidate<'_> as Unprintable<_>>::check();
    <routing::Enrolment as Unprintable<_>>::check();
    <routing::Enrolments as Unprintable<_>>::check();
    <routing::Verdict<'_> as Unprintable<_>>::check();
}
