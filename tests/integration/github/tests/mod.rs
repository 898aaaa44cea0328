//! The fake proved: every rule that it enforces is seen to refuse.

mod caller;
mod jwt;
mod openapi;
mod schema;
mod start;
