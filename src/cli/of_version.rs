//! What is wrong with a document, and whether it is so in its version of Flux alone.

use crate::flux::Fault;
use crate::flux::lint::lint;
use crate::flux::schema::{Coverage, Crds, FaultClass, FluxVersion, is_flux_group, judge};
use crate::flux::semver::Version;
use crate::flux::yaml::Node;

/// What the API server refuses of a document, and what Flux and readers of YAML choke on elsewhere
/// in it.
pub(super) fn all_faults(crds: &Crds, document: &Node) -> Vec<Fault> {
    let mut faults = judge(crds, document);
    for fault in lint(document) {
        if faults.iter().all(|refused| refused.path != fault.path) {
            faults.push(fault);
        }
    }
    faults
}

/// The same by the CRDs of that version: of what is wrong in it and not by the `usual` ones it is named.
pub(super) fn faults_in(crds: &Crds, version: &str, usual: &Crds, document: &Node) -> Vec<Fault> {
    let mut faults = all_faults(crds, document);
    faults.extend(unknown_group(crds, usual, document));
    let is_api = |fault: &Fault| fault.class == FaultClass::Api;
    if !faults.iter().any(is_api) {
        return faults;
    }
    let usually = all_faults(usual, document);
    for fault in faults.iter_mut().filter(|fault| is_api(fault)) {
        let is_same =
            |other: &Fault| (&other.path, &other.message) == (&fault.path, &fault.message);
        if usually.iter().any(is_same) {
            continue;
        }
        fault.message += &format!(" in Flux {version}");
        if is_older(version) {
            let usual = FluxVersion::default();
            let hint = format!("Flux {usual} takes it: update that one, or do without");
            fault.hint = Some(hint);
        }
    }
    faults
}

/// How far a document was judged by [`faults_in`].
pub(super) fn coverage_in(crds: &Crds, usual: &Crds, document: &Node) -> Coverage {
    match unknown_group(crds, usual, document) {
        Some(_) => Coverage::Whole,
        None => crds.coverage(document),
    }
}

/// A kind of Flux's own whose whole group came later or went.
fn unknown_group(crds: &Crds, usual: &Crds, document: &Node) -> Option<Fault> {
    let api_version = document.get("apiVersion")?;
    let written = api_version.as_str()?;
    let is_of_flux = written.split('/').next().is_some_and(is_flux_group);
    let is_unknown = is_of_flux
        && matches!(crds.coverage(document), Coverage::NoCrd { .. })
        && usual.coverage(document) == Coverage::Whole;
    is_unknown.then(|| {
        let message = format!("`{written}` is not served");
        Fault::api(api_version.span, "apiVersion", message)
    })
}

fn is_older(version: &str) -> bool {
    let whole = |version: &str| match version.split('.').count() {
        2 => Version::parse(&format!("{version}.0")),
        _ => Version::parse(version),
    };
    match (whole(version), whole(&FluxVersion::default().to_string())) {
        (Some(version), Some(usual)) => version.compare(&usual).is_lt(),
        _ => false,
    }
}
