//! What webhooks did not deliver is found and taken in once; and what is wrong with them is told.

mod audit;
mod commands;
mod faults;
mod repositories;
mod scene;
