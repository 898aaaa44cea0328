//! The CRDs by which plain manifests are judged: those of the Flux that was given or that lies among them.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use anyhow::bail;
use serde::Serialize;

use crate::config::Finding;
use crate::flux::Fault;
use crate::flux::schema::{Coverage, Crds, FluxVersion};
use crate::flux::yaml::Node;
use crate::manifests::{
    FluxPlace, Fluxes, GivenFlux, Installed, JudgedBy, installed, is_crd_of_others,
};

use super::folder_report::shortened;
use super::manifest_files::{Documents, STDIN, shown};
use super::of_version::{all_faults, coverage_in, faults_in};
use super::same_object::cluster;

/// What manifests are judged by.
#[derive(Debug)]
pub(super) struct HeldCrds {
    /// Where nothing says which Flux it is: ours, and all of others that was named or is among the
    /// manifests.
    usual: Crds,
    /// Whether Flux's own are those that were named.
    is_flux_named: bool,
    versions: BTreeMap<FluxVersion, Crds>,
    installed: Vec<Installed>,
    fluxes: Fluxes,
}

/// Which Flux judged the manifests of a cluster.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct JudgedFlux<'a> {
    /// `None`: of no cluster that can be told.
    cluster: Option<&'a str>,
    /// `None` where the CRDs do not say it.
    version: Option<String>,
    /// `given`, `installed`, `crds` or `default`.
    by: &'static str,
}

/// The CRDs that were named.
pub(super) fn named_crds(read: &mut Documents, paths: &[PathBuf]) -> anyhow::Result<Crds> {
    let mut crds = Crds::default();
    for path in paths {
        if path == Path::new(STDIN) {
            bail!("`--crds` names a file or a folder; stdin is read for `--manifests -` alone");
        }
        let documents = read.read(path)?;
        if documents.is_empty() && read.findings.is_empty() {
            bail!("{} holds no CustomResourceDefinition", shown(path));
        } else if !documents.is_empty() {
            let (own, faults) = Crds::from_documents(&documents);
            read.findings.extend(faults.into_iter().map(Finding::from));
            crds = own.over(&crds);
        }
    }
    Ok(crds)
}

impl HeldCrds {
    /// With those that are among the manifests; of two of one kind the last counts. `generators` are
    /// kustomize's own configurations.
    ///
    /// # Errors
    /// Where what was given contradicts itself or is of no cluster.
    pub(super) fn among(
        documents: &[Node],
        generators: &[Node],
        named: &Crds,
        given: &[GivenFlux],
        read: &mut Documents,
    ) -> anyhow::Result<Self> {
        let mut usual = named.over(Crds::embedded());
        for document in documents.iter().filter(|one| is_crd_of_others(one)) {
            let (own, faults) = Crds::from_documents([document]);
            read.findings.extend(faults.into_iter().map(Finding::from));
            usual = own.over(&usual);
        }
        let (mut installed, faults) = installed(documents, &read.sources);
        read.findings.extend(faults.into_iter().map(Finding::from));
        for one in &mut installed {
            let version = one.version.as_deref().map(FluxVersion::parse);
            one.crds = match version {
                Some(Ok(version)) => one.crds.over(&usual.with_flux(version)),
                _ => one.crds.over(&usual),
            };
        }
        refuse_contradictions(given, named)?;
        let rendered_for = |text: &str| cluster(text).map(str::to_owned);
        let fluxes = Fluxes::of(
            documents,
            generators,
            &read.sources,
            &rendered_for,
            given,
            &installed,
        );
        refuse_unknown_clusters(given, &fluxes)?;
        let versions = given.iter().map(|given| given.version);
        let versions = versions.map(|version| (version, usual.with_flux(version)));
        Ok(Self {
            versions: versions.collect(),
            is_flux_named: named.has_flux(),
            usual,
            installed,
            fluxes,
        })
    }

    /// How far a document is judged.
    pub(super) fn coverage(&self, document: &Node) -> Coverage {
        let crds = self.fluxes.judges(document).first();
        let crds = crds.map_or(&self.usual, |place| self.crds(place));
        coverage_in(crds, &self.usual, document)
    }

    /// What is wrong with a document in any of the clusters that it is for.
    pub(super) fn faults(&self, document: &Node) -> Vec<Fault> {
        let mut faults: Vec<Fault> = Vec::new();
        for place in self.fluxes.judges(document) {
            let crds = self.crds(place);
            let version = self.version(place);
            let found = match &version {
                Some(version) => faults_in(crds, version, &self.usual, document),
                None => all_faults(crds, document),
            };
            let deprecated = deprecated(crds, document, version.as_deref());
            for fault in found.into_iter().chain(deprecated) {
                let is_same =
                    |other: &Fault| (&other.path, &other.message) == (&fault.path, &fault.message);
                if !faults.iter().any(is_same) {
                    faults.push(fault);
                }
            }
        }
        faults
    }

    /// Which Flux judged each cluster.
    pub(super) fn judged(&self) -> Vec<JudgedFlux<'_>> {
        let all = self.fluxes.all().map(|place| JudgedFlux {
            cluster: place.cluster.as_deref(),
            version: match place.by {
                JudgedBy::Default if self.is_flux_named => None,
                JudgedBy::Default => Some(FluxVersion::default().to_string()),
                _ => self.version(place),
            },
            by: match place.by {
                JudgedBy::Given(_) => "given",
                JudgedBy::Installed(_) => "installed",
                JudgedBy::Default if self.is_flux_named => "crds",
                JudgedBy::Default => "default",
            },
        });
        all.collect()
    }

    /// `by Flux 2.8 and 2.10`; `None` where it is only the usual one.
    pub(super) fn told(&self) -> Option<String> {
        let judged = self.judged();
        if judged
            .iter()
            .all(|one| one.by == "default" || one.by == "crds")
        {
            return None;
        }
        let versions: BTreeSet<_> = judged.iter().map(|one| one.version.as_deref()).collect();
        let mut versions: Vec<_> = versions.into_iter().flatten().collect();
        versions.sort_by_key(|version| number_of(version));
        match versions.split_last() {
            Some((last, [])) => Some(format!("by Flux {last}")),
            Some((last, first)) => Some(format!("by Flux {} and {last}", first.join(", "))),
            None => None,
        }
    }

    fn crds(&self, place: &FluxPlace) -> &Crds {
        let found = match place.by {
            JudgedBy::Given(version) => self.versions.get(&version),
            JudgedBy::Installed(index) => self.installed.get(index).map(|one| &one.crds),
            JudgedBy::Default => None,
        };
        found.unwrap_or(&self.usual)
    }

    /// What is named where something is wrong in that version alone.
    fn version(&self, place: &FluxPlace) -> Option<String> {
        match place.by {
            JudgedBy::Given(version) => Some(version.to_string()),
            JudgedBy::Installed(index) => self.installed.get(index)?.version.clone(),
            JudgedBy::Default => None,
        }
    }
}

/// The numbers of a version, to sort by; what is no number is 0.
fn number_of(version: &str) -> Vec<u64> {
    let numbers = version.split('.');
    numbers.map(|number| number.parse().unwrap_or(0)).collect()
}

fn refuse_contradictions(given: &[GivenFlux], named: &Crds) -> anyhow::Result<()> {
    for (index, one) in given.iter().enumerate() {
        let before = given.iter().take(index);
        if let Some(other) = before.rev().find(|other| other.cluster == one.cluster) {
            let of = match &one.cluster {
                Some(cluster) => format!(" of `{cluster}`"),
                None => String::new(),
            };
            bail!(
                "`--flux-version` gives two versions{of}, {} and {}; keep one of them",
                other.version,
                one.version
            );
        }
        if one.cluster.is_none() && named.has_flux() {
            bail!(
                "`--crds` names CRDs of Flux itself and `--flux-version` says {}; keep one of them",
                one.version
            );
        }
    }
    Ok(())
}

fn refuse_unknown_clusters(given: &[GivenFlux], fluxes: &Fluxes) -> anyhow::Result<()> {
    for given in given {
        let Some(cluster) = &given.cluster else {
            continue;
        };
        let is_there = |place: &FluxPlace| {
            let folder = place.cluster.as_deref().map(Path::new);
            folder.is_some_and(|folder| folder.ancestors().any(|it| it.ends_with(cluster)))
        };
        if fluxes.all().any(is_there) {
            continue;
        }
        let all: BTreeSet<_> = fluxes.all().filter_map(|it| it.cluster.as_ref()).collect();
        let all: Vec<_> = all.into_iter().map(|it| format!("`{it}`")).collect();
        let hint = match all.is_empty() {
            true => "none of them says of which cluster it is: give the version alone".to_owned(),
            false => format!("there are {}", shortened(all)),
        };
        bail!("`--flux-version` names `{cluster}`, and no manifest is of that cluster; {hint}");
    }
    Ok(())
}

fn deprecated(crds: &Crds, document: &Node, version: Option<&str>) -> Option<Fault> {
    let says = crds.deprecation(document)?;
    let api_version = document.get("apiVersion")?;
    let flux = version.map_or(String::new(), |version| format!(" in Flux {version}"));
    let written = api_version.as_str().unwrap_or_default();
    let message = format!("`{written}` is deprecated{flux}, and will go");
    let hint = match says {
        "" => "write a later version of it".to_owned(),
        says => says.trim_end_matches('.').to_owned(),
    };
    Some(
        Fault::api(api_version.span, "apiVersion", message)
            .hint(hint)
            .warning(),
    )
}
