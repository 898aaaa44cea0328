//! The arguments of `flux-setup install`.

use clap::{Args, ValueEnum};

use crate::flux::names;

/// Prints the manifests by which `serve` runs in a cluster
///
/// A Deployment with the least that it needs, its account with the rights that it uses and a policy
/// that keeps it to one annotation, what lets deliveries in, and the configuration of --config.
/// Secrets are named and never read: comments list the keys of the one that is yours to make.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  flux-setup install --export --ingress-host hooks.acme.io \\
    --image registry.acme.io/flux-setup:0.1.0 | kubectl apply --server-side -f -
  flux-setup install --export --store postgres --replicas 3
  flux-setup install --export --rights     for another cluster that it reaches
  flux-setup install --export --cluster prod-eu --name flux-setup-prod-eu

Exit codes: 0 done, 2 bad input.")]
pub(super) struct InstallArguments {
    /// Print them; nothing is ever applied by this command
    #[arg(long)]
    pub(super) export: bool,
    /// Where everything lies
    #[arg(long, value_name = "NAME", default_value = "flux-setup", value_parser = dns_label)]
    pub(super) namespace: String,
    /// Print the Namespace too
    #[arg(long)]
    pub(super) with_namespace: bool,
    /// What everything is called, the Secret with the keys too
    #[arg(long, value_name = "NAME", default_value = "flux-setup", value_parser = service_name)]
    pub(super) name: String,
    /// The image of the container
    #[arg(long, value_name = "IMAGE", default_value = concat!("flux-setup:", env!("CARGO_PKG_VERSION")), value_parser = image)]
    pub(super) image: String,
    /// The name by which GitHub reaches it; left out: that of `server.hooks.url`, else no Ingress
    #[arg(long, value_name = "HOST", value_parser = dns_subdomain)]
    pub(super) ingress_host: Option<String>,
    /// The class of the Ingress; left out: the cluster's default
    #[arg(long, value_name = "NAME", value_parser = dns_subdomain)]
    pub(super) ingress_class: Option<String>,
    /// The Secret with the certificate of the Ingress
    #[arg(long, value_name = "NAME", value_parser = dns_subdomain)]
    pub(super) tls_secret: Option<String>,
    /// Where deliveries are kept; left out: as `server.store` says
    #[arg(long, value_enum, value_name = "STORE")]
    pub(super) store: Option<StoreArgument>,
    /// The port of PostgreSQL, to which the pods are let out; left out: that of `server.store`, else 5432
    #[arg(long, value_name = "PORT", value_parser = clap::value_parser!(u16).range(1..))]
    pub(super) store_port: Option<u16>,
    /// How many pods there are; left out: 1 with SQLite, 2 with PostgreSQL
    #[arg(long, value_name = "COUNT", value_parser = clap::value_parser!(u32).range(1..=100))]
    pub(super) replicas: Option<u32>,
    /// Only these clusters of the configuration: one pod a cluster in place of one for all
    #[arg(long, value_name = "NAME")]
    pub(super) cluster: Vec<String>,
    /// Only the account, its rights and the policy
    #[arg(long)]
    pub(super) rights: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum StoreArgument {
    Sqlite,
    Postgres,
}

fn dns_label(text: &str) -> Result<String, String> {
    names::dns_label(text).map(|()| text.to_owned())
}

/// A Service is called so too, whose name is the strictest.
fn service_name(text: &str) -> Result<String, String> {
    match text.starts_with(|c: char| c.is_ascii_digit()) {
        true => Err("it begins with a digit, as no Service may be called".to_owned()),
        false => dns_label(text),
    }
}

fn dns_subdomain(text: &str) -> Result<String, String> {
    names::dns_subdomain(text).map(|()| text.to_owned())
}

fn image(text: &str) -> Result<String, String> {
    let is_sound = |c: char| c.is_ascii_alphanumeric() || "-_./:@".contains(c);
    if text.is_empty() || !text.chars().all(is_sound) {
        return Err("expected a reference as `registry.acme.io/flux-setup:0.1.0`".to_owned());
    }
    Ok(text.to_owned())
}
