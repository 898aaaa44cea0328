//! `flux-setup webhook`: the GitHub side of webhooks.

mod check;
mod deliveries;
mod install;
mod list;
mod redeliver;
mod run;
mod target;

pub(super) use run::run;
