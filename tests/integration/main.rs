//! Flows.

mod architecture;
