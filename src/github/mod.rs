//! All that is GitHub's: the only room that knows how GitHub signs, encodes and answers.

mod address;
mod answer;
mod call;
mod client;
mod connector;
mod fault;
pub mod heads;
pub mod hooks;
pub mod payload;
mod proxy;
mod settings;
pub mod signature;
mod transport;

pub use answer::{Answer, GraphqlAnswer, GraphqlError};
pub use call::{Call, Speaks};
pub use client::{Client, Github};
pub use fault::{CallFault, CredentialFault, GithubFault, Refusal};
pub use settings::{ANONYMOUS, Clock, GithubSettings, IdentitySettings, Timeouts};
