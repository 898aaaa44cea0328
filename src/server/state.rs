//! What the doors are given to work with.

use std::sync::Arc;

use ipnet::IpNet;
use prometheus_client::registry::Registry;
use tokio::sync::Notify;

use crate::catalog::LiveCluster;
use crate::reconcile::{Ears, Roster};
use crate::store::Store;

use super::body::BodyBounds;
use super::configuration::ConfigurationBoard;
use super::connections::ConnectionBounds;
use super::github::GithubSide;
use super::hooks::Hooks;
use super::metrics::Metrics;
use super::tokens::Tokens;

/// Everything that requests need; a copy shares it.
#[derive(Debug, Clone)]
pub struct AppState {
    pub store: Store,
    pub hooks: Arc<Hooks>,
    /// Told after each delivery that was accepted; who works them looks into the store.
    pub arrived: Arc<Notify>,
    pub clusters: Arc<[Arc<LiveCluster>]>,
    /// Which replica does what.
    pub roster: Roster,
    /// Told of what other replicas do.
    pub ears: Ears,
    pub tokens: Arc<Tokens>,
    pub github: Arc<GithubSide>,
    /// Who is believed what it writes into `X-Forwarded-For`.
    pub trusted_proxies: Arc<[IpNet]>,
    /// Whether what lies in the configuration folder is what holds.
    pub configuration: ConfigurationBoard,
    pub metrics: Metrics,
    /// All that `/metrics` shows: ours, and what others registered.
    pub registry: Arc<Registry>,
    pub bounds: Bounds,
}

/// How much the doors take at once and how long they wait; the defaults suit a small machine.
#[derive(Debug, Clone, Copy, Default)]
pub struct Bounds {
    pub bodies: BodyBounds,
    pub connections: ConnectionBounds,
}
