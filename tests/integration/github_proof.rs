//! The fake proved: every rule that it enforces is seen to refuse.

mod caller;
mod credentials;
mod deliveries;
mod enterprise;
mod etags;
mod faults;
mod heads;
mod hooks;
mod jwt;
mod limits;
mod openapi;
mod receiver;
mod renames;
mod schema;
mod secondary;
mod start;
mod tls;
