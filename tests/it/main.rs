//! One test binary: journeys, privacy, contract, tidiness.

#[cfg(test)]
mod tidy;
