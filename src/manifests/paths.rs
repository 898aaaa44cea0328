//! Paths of Kustomizations that lead to nothing in the repository that they lie in.

use std::path::Path;

use crate::config::{Class, Finding, Sources};
use crate::flux::nearest;
use crate::flux::yaml::Node;

use super::ways::{Astray, astray, placed};

/// Paths for which a better one is looked for: of more nobody reads it.
const MOST_HINTS: usize = 100;

/// A warning for each. `is_changed` are documents that somebody may make something else of; `is_there` says
/// whether a folder is there, `None` where that lies outside of what is judged.
pub fn paths_that_are_not_there(
    documents: &[Node],
    kustomizations: &[Node],
    sources: &Sources,
    is_changed: &dyn Fn(&Node) -> bool,
    is_there: &dyn Fn(&Path) -> Option<bool>,
) -> Vec<Finding> {
    let documents = placed(documents, sources);
    let kustomizations = placed(kustomizations, sources);
    let (astray, folders) = astray(&documents, &kustomizations);
    let mut findings = Vec::new();
    for Astray {
        document,
        top,
        path,
    } in astray
    {
        let node = document.get("spec").and_then(|spec| spec.get("path"));
        let Some((node, written)) = node.and_then(|node| Some((node, node.as_str()?))) else {
            continue;
        };
        if written.contains("${")
            || is_changed(document)
            || is_there(&top.join(&path)) != Some(false)
        {
            continue;
        }
        let message = format!("`{written}` is not there, in the repository that this lies in");
        let below = folders
            .iter()
            .filter_map(|folder| folder.strip_prefix(&top).ok());
        let names: Vec<String> = match findings.len() < MOST_HINTS {
            true => below.map(|it| it.display().to_string()).collect(),
            false => Vec::new(),
        };
        let mut names: Vec<&str> = names.iter().map(String::as_str).collect();
        names.sort_unstable();
        let hint = match nearest(&path.display().to_string(), names) {
            Some(near) => format!("did you mean `./{near}`?"),
            None => "write the path from the top of the repository".to_owned(),
        };
        let finding = Finding::warning(node.span, "spec.path", message).class(Class::Flux);
        findings.push(finding.hint(hint));
    }
    findings
}
