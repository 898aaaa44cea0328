//! What no webhook brought: `flux-setup serve` between a GitHub that limits, fails and forgets, and a real API server.

mod app;
mod back_fill;
mod enterprise;
mod faults;
mod heads;
mod held;
mod hour_away;
mod killed;
mod organisations;
mod permission;
mod replaced;
mod scene;
