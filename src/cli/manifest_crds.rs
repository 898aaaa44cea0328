//! The CRDs by which plain manifests are judged: those of the Flux that lies among them, for its folder.

use std::path::{Path, PathBuf};

use anyhow::bail;

use crate::config::{Finding, Sources};
use crate::flux::Fault;
use crate::flux::schema::{Crds, FaultClass};
use crate::flux::semver::Version;
use crate::flux::yaml::Node;
use crate::manifests::{Installed, installed, is_crd};

use super::judging::all_faults;
use super::manifest_files::{Documents, STDIN, shown};

/// The Flux whose CRDs the program holds.
const HELD: &str = "v2.9.0";

/// What manifests are judged by.
#[derive(Debug)]
pub(super) struct HeldCrds {
    /// Where no Flux is installed: what was given, and all that is among the manifests over it.
    all: Crds,
    given: Crds,
    installed: Vec<Installed>,
}

/// Our CRDs under those that were named.
pub(super) fn given_crds(read: &mut Documents, paths: &[PathBuf]) -> anyhow::Result<Crds> {
    let mut crds = Crds::embedded().clone();
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
    /// With those that are among the manifests; of two of one kind the last counts, but below a folder
    /// that a Flux is installed for, its own.
    pub(super) fn among(documents: &[Node], given: Crds, read: &mut Documents) -> Self {
        let mut all = given.clone();
        for document in documents.iter().filter(|document| is_crd(document)) {
            let (own, faults) = Crds::from_documents([document]);
            read.findings.extend(faults.into_iter().map(Finding::from));
            all = own.over(&all);
        }
        let (mut installed, _) = installed(documents, &read.sources);
        for one in &mut installed {
            one.crds = one.crds.over(&all);
        }
        Self {
            all,
            given,
            installed,
        }
    }

    /// Those that hold for a document.
    pub(super) fn of(&self, document: &Node, sources: &Sources) -> &Crds {
        let installed = Installed::of(&self.installed, document, sources);
        installed.map_or(&self.all, |one| &one.crds)
    }

    /// What is wrong with a document. Of what is wrong in its Flux alone the version is named.
    pub(super) fn faults(&self, document: &Node, sources: &Sources) -> Vec<Fault> {
        let installed = Installed::of(&self.installed, document, sources);
        let crds = installed.map_or(&self.all, |one| &one.crds);
        let mut faults = all_faults(crds, document);
        let version = installed.and_then(|one| one.version.as_deref());
        let is_api = |fault: &Fault| fault.class == FaultClass::Api;
        if let Some(version) = version.filter(|_| faults.iter().any(is_api)) {
            let elsewhere = all_faults(&self.given, document);
            for fault in faults.iter_mut().filter(|fault| is_api(fault)) {
                let is_same =
                    |other: &Fault| (&other.path, &other.message) == (&fault.path, &fault.message);
                if elsewhere.iter().any(is_same) {
                    continue;
                }
                fault.message += &format!(" in Flux {version}");
                if is_older(version) {
                    let hint = format!("Flux {} takes it: update that one, or do without", held());
                    fault.hint = Some(hint);
                }
            }
        }
        faults.extend(deprecated(crds, document, version));
        faults
    }
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

fn is_older(version: &str) -> bool {
    match (Version::parse(version), Version::parse(HELD)) {
        (Some(version), Some(held)) => version.compare(&held).is_lt(),
        _ => false,
    }
}

/// Without what tells patches apart.
fn held() -> &'static str {
    HELD.trim_start_matches('v').trim_end_matches(".0")
}
