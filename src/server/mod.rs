//! The door for other programs: webhooks, an API, health and metrics.
//!
//! ```text
//! hooks  -> connections -> door: headers, body, signature, what it says -> store -> answer, and `arrived` is told
//! api    -> connections -> api: deliveries, clusters, what others add; tokens
//! health -> connections -> api: health and metrics alone
//! ```

mod answer;
mod api;
mod body;
mod client;
mod configuration;
mod connections;
mod door;
mod fault;
mod github;
mod github_metrics;
mod hooks;
mod idle;
mod letter;
mod metrics;
mod patient;
mod refusing;
mod relay;
mod seldom;
mod serve;
mod state;
mod throttle;
mod tokens;

pub use answer::BODY_LIMIT_BYTES;
pub use api::{Ask, FleetAnswer, FleetPart, FleetQuestion, explain_routes, fleet_routes, routes};
pub use body::BodyBounds;
pub use configuration::ConfigurationBoard;
pub use connections::ConnectionBounds;
pub use fault::ServerError;
pub use github::{GithubSide, RateLimit};
pub use hooks::{HookSettings, Hooks};
pub use metrics::Metrics;
pub use relay::answer_others;
pub use serve::{Addresses, Doors, serve};
pub use state::{AppState, Bounds};
pub use tokens::{TokenSettings, Tokens};
