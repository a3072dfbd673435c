//! The municipality's adapter: finds the enrolment and routes to one school, or withholds.
