//! `flux-setup install`: manifests by which `serve` runs in a cluster.

use std::io::Write as _;

use anyhow::bail;

use crate::config::{self, Configuration, Severity, StoreAddress};
use crate::install::{
    Files, InstallFault, InstallSettings, Names, Path, StoreKind, as_list, manifests, rights,
    write_documents,
};

use super::args::{Format, GlobalArguments};
use super::install_args::{InstallArguments, StoreArgument};
use super::outcome::Outcome;
use super::{output, report, serve_settings};

pub(super) fn run(
    global: &GlobalArguments,
    arguments: &InstallArguments,
) -> anyhow::Result<Outcome> {
    if !arguments.export {
        bail!(
            "`install` applies nothing itself; print the manifests and have them applied: \
             `flux-setup install --export | kubectl apply --server-side -f -`"
        );
    }
    let names = Names {
        namespace: arguments.namespace.clone(),
        name: arguments.name.clone(),
        with_namespace: arguments.with_namespace,
    };
    let documents = if arguments.rights {
        rights(&names)
    } else {
        let (configuration, findings) = config::load(&global.config);
        let mut severities = findings.iter().map(|finding| finding.severity);
        if severities.any(|severity| severity == Severity::Error) {
            report::print(&configuration.sources, &findings, global.format)?;
            return Ok(Outcome::BadInput);
        }
        report::print_beside(&configuration.sources, &findings)?;
        serve_settings::check_purpose(&configuration)?;
        serve_settings::check_clusters(&configuration, &arguments.cluster)?;
        let settings = settings(&configuration, arguments, names)?;
        let is_shared = settings.store != StoreKind::Sqlite;
        serve_settings::check_sharing(&configuration, &arguments.cluster, is_shared)?;
        let texts = texts(&configuration, &global.config);
        let files = Files::of(&configuration, texts, &settings.clusters)?;
        manifests(&settings, &files)
    };
    if global.format == Format::Json {
        output::json(&as_list(&documents))?;
        return Ok(Outcome::Done);
    }
    let mut text = String::new();
    write_documents(&documents, &mut text)?;
    output::data(|out| out.write_all(text.as_bytes()))?;
    Ok(Outcome::Done)
}

fn settings(
    configuration: &Configuration,
    arguments: &InstallArguments,
    names: Names,
) -> Result<InstallSettings, InstallFault> {
    let named = &arguments.cluster;
    let is_served = |name: &str| named.is_empty() || named.iter().any(|it| it == name);
    let served = configuration.clusters.iter();
    let mut served = served.filter(|cluster| is_served(&cluster.name.value));
    let uses_account = configuration.clusters.is_empty()
        || served.any(|cluster| cluster.kubeconfig.is_none() && cluster.context.is_none());
    Ok(InstallSettings {
        names,
        image: arguments.image.clone(),
        store: store(&configuration.server.store, arguments)?,
        ingress: ingress(configuration, arguments),
        clusters: named.clone(),
        trusts_proxies: !configuration.server.hooks.trusted_proxies.is_empty(),
        uses_account,
    })
}

fn store(said: &StoreAddress, arguments: &InstallArguments) -> Result<StoreKind, InstallFault> {
    let is_sqlite = matches!(said, StoreAddress::Plain(address) if address.starts_with("sqlite:"));
    let wants_sqlite = match arguments.store {
        Some(store) => store == StoreArgument::Sqlite,
        None => is_sqlite,
    };
    match (wants_sqlite, arguments.replicas) {
        (true, Some(2..)) => Err(InstallFault::Replicas),
        (true, _) if arguments.store_port.is_some() => Err(InstallFault::StorePort),
        (true, _) => Ok(StoreKind::Sqlite),
        (false, replicas) => Ok(StoreKind::Postgres {
            replicas: replicas.unwrap_or(2),
            from_secret: is_sqlite,
            port: arguments.store_port,
        }),
    }
}

fn ingress(configuration: &Configuration, arguments: &InstallArguments) -> Option<Path> {
    let of_url = || {
        let url: http::Uri = configuration.server.hooks.url.as_ref()?.parse().ok()?;
        url.host().map(str::to_owned)
    };
    let host = arguments.ingress_host.clone().or_else(of_url)?;
    Some(Path {
        host,
        class: arguments.ingress_class.clone(),
        tls_secret: arguments.tls_secret.clone(),
    })
}

/// The files that were read, by their paths below the configuration folder.
fn texts(
    configuration: &Configuration,
    folder: &std::path::Path,
) -> impl Iterator<Item = (String, String)> {
    let folder = folder.join("").display().to_string();
    let folder = folder.strip_prefix("./").unwrap_or(&folder).to_owned();
    configuration.sources.texts().map(move |(name, text)| {
        let path = name.strip_prefix(&folder).unwrap_or(name);
        (path.to_owned(), text.to_owned())
    })
}
