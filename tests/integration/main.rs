//! Whole flows through the public doors: the binary, and a real Kubernetes API server.

mod accepted;
mod adopt;
mod against;
mod annotating;
mod api;
mod api_server;
mod architecture;
mod arguments;
mod bad_input;
mod binary;
mod budget;
mod ci;
mod cluster;
mod configuration;
mod delivery;
mod differential;
mod door;
mod explain;
mod faults;
mod fleet;
mod folder;
mod folders;
mod fuzz;
#[allow(
    dead_code,
    reason = "each test and bench uses the part of it that it needs"
)]
mod github;
mod github_client;
mod github_examples;
mod github_proof;
mod heads;
mod hookshot;
mod hostile;
mod init;
mod install;
mod limits;
mod listening;
mod machine;
#[allow(
    dead_code,
    reason = "each test and bench uses the part of it that it needs"
)]
mod player;
mod price_changes;
mod process;
mod readme;
mod reconcile;
mod reload;
mod render;
mod replicas;
mod schema;
mod serve;
mod service;
mod status;
mod store;
mod strangers;
mod stream;
mod strict_apply;
mod templates;
mod unknown_keys;
mod validate;
mod watch;
mod webhooks;
