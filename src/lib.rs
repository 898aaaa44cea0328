//! Renders, proves and prices the Flux configuration of a fleet, and turns pushes into reconciles.
//!
//! Each top-level module is a room. A room may use the rooms named in its row and no other; a test
//! reads this table and holds the line.
//!
//! | room | what lives here | may use |
//! |---|---|---|
//! | `flux` | what Flux itself says: schemas of its kinds, durations, refs, repository URLs, object keys, and YAML as its reader takes it | |
//! | `config` | what people asked for: environments, projects, clusters, GitHub, server; typed, checked, positions kept; findings | `flux` |
//! | `plan` | what should exist: one plan of every object for every project, environment and cluster | `flux`, `config` |
//! | `budget` | what the plan costs at GitHub, and what is spent of it: cost table, buckets, ledger, pace, advice | `flux`, `config`, `plan` |
//! | `render` | a plan in, manifests out: templates, proof of the text, the folder they are written to | `flux`, `config`, `plan` |
//! | `adopt` | objects that exist in, the shortest configuration out that renders them again; the steps of the move | `flux`, `config` |
//! | `manifests` | manifests from anywhere, judged together: which Flux they are for, what they refer to, what kustomize makes of them, what their repositories have, what a baseline knows | `flux`, `config`, `plan` |
//! | `catalog` | what does exist: objects of clusters as compact items, the cache with its index, changes | `flux`, `config` |
//! | `install` | manifests by which `serve` runs in a cluster: account, rights, policy, pod, network | `flux`, `config`, `budget`, `catalog` |
//! | `delivery` | what GitHub told us: events, deliveries, what each may speak of, work and its states | `flux`, `config` |
//! | `store` | the only SQL: deliveries and the work that they make, the heartbeat; migrations inside | `flux`, `config`, `budget`, `catalog`, `delivery` |
//! | `cluster` | the only Kubernetes API: connect, list and watch, annotate | `flux`, `config`, `render`, `catalog` |
//! | `github` | the only GitHub API: client, gate, identities; signatures and bodies of its webhooks | `flux`, `config`, `budget`, `delivery` |
//! | `sync` | keeps the catalog in step with the clusters: one watch for each kind in each cluster | `flux`, `config`, `budget`, `catalog`, `delivery`, `store`, `cluster`, `github` |
//! | `reconcile` | a push becomes a reconcile: which objects follow it and why, coalesce, annotate, retry | `flux`, `config`, `budget`, `catalog`, `delivery`, `store`, `cluster`, `github` |
//! | `server` | the door for other programs: webhook intake, API, health, metrics | `flux`, `config`, `budget`, `catalog`, `delivery`, `store`, `github`, `sync`, `reconcile` |
//! | `cli` | the door for people: arguments, wiring, printing, exit codes | `flux`, `config`, `plan`, `budget`, `render`, `adopt`, `manifests`, `catalog`, `install`, `delivery`, `store`, `cluster`, `github`, `sync`, `reconcile`, `server` |

pub mod adopt;
pub mod budget;
pub mod catalog;
pub mod cli;
pub mod cluster;
pub mod config;
pub mod delivery;
pub mod flux;
pub mod github;
pub mod install;
pub mod manifests;
pub mod plan;
pub mod reconcile;
pub mod render;
pub mod server;
pub mod store;
pub mod sync;
