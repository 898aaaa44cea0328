//! What a manifest is judged by: the CRDs of Flux, of the fleet and of each cluster.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::{Mutex, PoisonError};

use crate::config::{Configuration, Finding, Sources};
use crate::flux::Fault;
use crate::flux::lint::references_to_other_namespaces;
use crate::flux::schema::{Coverage, Crds, FluxVersion, Scope};
use crate::flux::yaml::{self, Node, Span};
use crate::plan::PlannedObject;

use super::of_version::{all_faults, coverage_in, faults_in};

/// The CRDs that hold in each cluster: its own win over those of the fleet, and those over ours.
#[derive(Debug)]
pub(super) struct Judges {
    fleet: InCluster,
    /// Of clusters that have some of their own.
    clusters: HashMap<String, InCluster>,
    /// Those of the fleet, with Flux as it is where nobody says its version.
    usual: Crds,
    /// Clusters whose Flux refuses references to other namespaces.
    locked: HashSet<String>,
    /// Kinds that no CRD judged, with the place that asked for the first of them.
    unjudged: Mutex<BTreeMap<String, Span>>,
}

#[derive(Debug)]
struct InCluster {
    crds: Crds,
    /// That of Flux, where it was said and no CRD says otherwise.
    version: Option<FluxVersion>,
}

impl Judges {
    /// Reads the files that the configuration names.
    pub(super) fn read(configuration: &Configuration) -> (Self, Vec<Finding>) {
        let mut findings = Vec::new();
        let sources = &configuration.sources;
        let own = crds_of(&configuration.crds, sources, &mut findings);
        let version = configuration.flux_version;
        let fleet = InCluster {
            crds: own.over(version.unwrap_or_default().crds()),
            version: version.filter(|_| !own.has_flux()),
        };
        let clusters = configuration.clusters.iter();
        let clusters =
            clusters.filter(|cluster| !cluster.crds.is_empty() || cluster.flux_version.is_some());
        let clusters = clusters.map(|cluster| {
            let base = match cluster.flux_version {
                Some(version) => fleet.crds.with_flux(version),
                None => fleet.crds.clone(),
            };
            let own = crds_of(&cluster.crds, sources, &mut findings);
            let version = cluster.flux_version.or(fleet.version);
            let in_cluster = InCluster {
                crds: own.over(&base),
                version: version.filter(|_| !own.has_flux()),
            };
            (cluster.name.value.to_string(), in_cluster)
        });
        let clusters = clusters.collect();
        let locked = configuration.clusters.iter();
        let locked = locked.filter(|cluster| !cluster.cross_namespace);
        let locked = locked.map(|cluster| cluster.name.value.to_string());
        let judges = Self {
            usual: own.over(Crds::embedded()),
            fleet,
            clusters,
            locked: locked.collect(),
            unjudged: Mutex::default(),
        };
        (judges, findings)
    }

    /// What the API server of the object's cluster and Flux have against a document.
    pub(super) fn judge(&self, object: &PlannedObject<'_>, document: &Node) -> Vec<Fault> {
        let own = object.cluster.as_deref();
        let InCluster { crds, version } = self.in_cluster(own);
        let mut faults = match version {
            Some(version) => faults_in(crds, &version.to_string(), &self.usual, document),
            None => all_faults(crds, document),
        };
        // Of our own templates the plan says it, before there is a document.
        if object.users_template {
            if own.is_some_and(|cluster| self.locked.contains(cluster)) {
                faults.extend(references_to_other_namespaces(document));
            }
            if let Coverage::NoCrd { kind, api_version } = coverage_in(crds, &self.usual, document)
            {
                let mut unjudged = self.unjudged.lock().unwrap_or_else(PoisonError::into_inner);
                let span = unjudged
                    .entry(format!("{kind} {api_version}"))
                    .or_insert(object.span);
                *span = (*span).min(object.span);
            }
        }
        faults
    }

    /// Where objects of the document's kind live in the object's cluster.
    pub(super) fn scope(&self, object: &PlannedObject<'_>, document: &Node) -> Scope {
        self.crds(object).scope(document)
    }

    fn crds(&self, object: &PlannedObject<'_>) -> &Crds {
        self.crds_of(object.cluster.as_deref())
    }

    /// The CRDs that hold in a cluster; `None`: in one without a name.
    pub(super) fn crds_of(&self, cluster: Option<&str>) -> &Crds {
        &self.in_cluster(cluster).crds
    }

    fn in_cluster(&self, cluster: Option<&str>) -> &InCluster {
        let own = cluster.and_then(|cluster| self.clusters.get(cluster));
        own.unwrap_or(&self.fleet)
    }

    /// A warning for each kind of which only the metadata could be judged.
    pub(super) fn unjudged(self) -> Vec<Finding> {
        let unjudged = self.unjudged.into_inner();
        let unjudged = unjudged.unwrap_or_else(PoisonError::into_inner);
        let findings = unjudged.into_iter().map(|(kind, span)| {
            Finding::warning(
                span,
                "",
                format!("no CRD judges the {kind} that is written here"),
            )
            .hint("name its CustomResourceDefinition under `crds`")
            .unjudged()
        });
        findings.collect()
    }
}

/// The CRDs of these texts; of two of one kind the last counts.
fn crds_of(texts: &[u32], sources: &Sources, findings: &mut Vec<Finding>) -> Crds {
    let mut crds = Crds::default();
    for text in texts {
        let (documents, faults) = yaml::read(sources.text(*text), *text);
        findings.extend(faults.into_iter().map(Finding::from));
        if !documents.is_empty() {
            let (own, faults) = Crds::from_documents(&documents);
            findings.extend(faults.into_iter().map(Finding::from));
            crds = own.over(&crds);
        }
    }
    crds
}
