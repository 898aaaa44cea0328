//! Manifests by which `serve` runs in a cluster, with no right and no room that it does not use.

mod account;
mod document;
mod fault;
mod files;
mod network;
mod policy;
mod rules;
mod settings;
mod workload;

use serde_json::json;

pub use document::{Document, as_list, write_documents};
pub use fault::InstallFault;
pub use files::Files;
pub use settings::{InstallSettings, Names, Path, StoreKind};

/// The account of `serve`, what it may do, and what it is kept from: for a cluster that is reached
/// from another one, all that it needs.
pub fn rights(names: &Names) -> Vec<Document> {
    let mut documents: Vec<Document> = namespace(names).into_iter().collect();
    documents.push(account::service_account(names));
    documents.extend(account::rights(names));
    documents.extend(policy::policy(names));
    documents
}

/// Everything, in the order in which it is applied.
pub fn manifests(settings: &InstallSettings, files: &Files) -> Vec<Document> {
    let names = &settings.names;
    let mut documents = rights(names);
    documents.push(files.config_map(names));
    documents.push(rules::alerts(names));
    documents.extend(workload::volume(settings));
    documents.push(network::service(names));
    documents.push(workload::deployment(settings, files));
    documents.extend(workload::disruptions(settings));
    documents.extend(network::ingress(settings));
    documents.push(network::policy(settings, files));
    documents
}

fn namespace(names: &Names) -> Option<Document> {
    let object = json!({
        "apiVersion": "v1",
        "kind": "Namespace",
        "metadata": {
            "name": names.namespace,
            "labels": {"pod-security.kubernetes.io/enforce": "restricted"},
        },
    });
    names.with_namespace.then(|| Document::new(object))
}
