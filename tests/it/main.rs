//! One test binary: journeys, privacy, contract, tidiness.
#![cfg(test)]

mod alerts;
mod asked;
mod brp;
mod canary;
mod collector;
mod desk;
mod dev;
mod doctor;
mod everywhere;
mod exam;
mod failover;
mod ground;
mod journeys;
mod mails;
mod operator;
mod ops;
mod plans;
mod police;
mod population;
mod portal;
mod privacy;
mod processes;
mod proof;
mod region;
mod register;
mod retention;
mod school_software;
mod tidy;
mod tour;
mod traces;
mod visitor;
