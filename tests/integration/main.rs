//! Whole flows through the public doors: the binary, and a real Kubernetes API server.

mod accepted;
mod api;
mod api_server;
mod architecture;
mod arguments;
mod bad_input;
mod binary;
mod budget;
mod cluster;
mod configuration;
mod differential;
mod door;
mod faults;
mod fleet;
mod folder;
mod folders;
mod github_examples;
mod hostile;
mod init;
mod readme;
mod render;
mod service;
mod store;
mod strangers;
mod strict_apply;
mod validate;
