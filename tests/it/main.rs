//! One test binary: journeys, privacy, contract, tidiness.
