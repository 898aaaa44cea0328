//! What kustomize chokes on: files that are not there, and what it does not know.

use std::collections::{BTreeSet, HashMap};

use crate::config::{Class, Finding, Folder, Severity};
use crate::flux::nearest;
use crate::flux::yaml::Span;
use crate::plan::rings;

use super::entries::{Listed, Purpose};
use super::fields::unknown;
use super::folder::{Leads, folder_of, follow, is_kustomization_file, name_of};
use super::forms::unreadable;
use super::tree::{Kustomization, Kustomizations};

/// Kustomizations of a ring that are named.
const MOST_NAMED: usize = 10;

impl Kustomizations<'_> {
    /// What is wrong with them, but for files that they do not list.
    pub fn findings(&self, folder: &Folder) -> Vec<Finding> {
        let mut findings = Vec::new();
        for (file, span) in &self.second {
            let message = format!("`{}` is the second one of its folder", name_of(file));
            findings
                .push(error(*span, "", message).hint("keep one of them: kustomize takes neither"));
        }
        for (at, one) in &self.folders {
            findings.extend(unknown(one.node));
            findings.extend(empty(one));
            findings.extend(unreadable(one.node));
            let mut seen = BTreeSet::new();
            for listed in &one.listed {
                match follow(at, listed.written) {
                    Leads::Away => {}
                    Leads::Out => findings.push(leads_out(listed)),
                    Leads::To(path) => {
                        if listed.purpose == Purpose::Resource && !seen.insert(path.clone()) {
                            let message = format!("`{}` is listed twice", listed.written);
                            let found = error(listed.span, &listed.path, message);
                            findings
                                .push(found.hint("take one of them away: kustomize refuses both"));
                        } else {
                            findings.extend(self.not_to_be_had(listed, &path, one, folder));
                        }
                    }
                }
            }
        }
        self.in_rings(&mut findings);
        findings
    }

    /// Those that list each other, which kustomize refuses.
    fn in_rings(&self, findings: &mut Vec<Finding>) {
        let all: Vec<_> = self.folders.iter().collect();
        let numbers = all.iter().enumerate();
        let numbers: HashMap<&str, usize> = numbers.map(|(at, (name, _))| (&***name, at)).collect();
        let next = |index: usize| {
            let (folder, one) = all[index];
            let listed = one
                .listed
                .iter()
                .filter(|listed| listed.purpose.is_of_objects());
            let listed = listed.filter_map(|listed| match follow(folder, listed.written) {
                Leads::To(path) if path != *folder => Some((*numbers.get(&*path)?, listed.span)),
                _ => None,
            });
            listed.collect::<Vec<_>>().into_iter()
        };
        rings(all.len(), next, |ring, span| {
            let files = ring
                .iter()
                .take(MOST_NAMED)
                .map(|at| format!("`{}`", all[*at].1.file));
            let files = files.collect::<Vec<_>>().join(", ");
            let message = format!("kustomizations list each other in a ring: {files}");
            let hint = "take one of the lines away: kustomize refuses all of them";
            findings.push(error(span, "", message).hint(hint));
        });
    }

    /// What is listed and lies on other machines, where nobody looked at it.
    pub fn elsewhere(&self) -> Vec<Finding> {
        let listed = self.folders.iter().flat_map(|(at, one)| {
            let listed = one.listed.iter();
            listed.filter(|listed| follow(at, listed.written) == Leads::Away)
        });
        let findings = listed.map(|listed| {
            let message = format!("`{}` lies elsewhere, and is not checked", listed.written);
            Finding {
                severity: Severity::Warning,
                ..error(listed.span, &listed.path, message)
                    .hint("`--build` fetches it and judges what kustomize makes of it")
                    .unjudged()
            }
        });
        findings.collect()
    }

    /// Why kustomize cannot take what is listed.
    fn not_to_be_had(
        &self,
        listed: &Listed<'_>,
        path: &str,
        one: &Kustomization<'_>,
        folder: &Folder,
    ) -> Option<Finding> {
        let Listed {
            written,
            purpose,
            span,
            ..
        } = listed;
        let said =
            |message: String, hint: &str| Some(error(*span, &listed.path, message).hint(hint));
        if path == folder_of(&one.file) {
            return said(
                format!("`{written}` is the folder of this file itself"),
                "list files, or other folders",
            );
        }
        let is_folder = path.is_empty() || folder.is_folder(path);
        if is_folder {
            return match purpose {
                Purpose::Part | Purpose::Data => {
                    said(format!("`{written}` is a folder"), "name a file in it")
                }
                _ if self.folders.contains_key(path) => None,
                _ => said(
                    format!("`{written}` has no `kustomization.yaml`"),
                    "write one there, or list its files one by one",
                ),
            };
        }
        if !folder.is_file(path) {
            let parent = folder_of(path);
            let listing = folder.listing(if parent.is_empty() { "." } else { parent });
            let names = listing.ok().flatten().unwrap_or_default().names;
            let near = nearest(name_of(path), names.iter().map(String::as_str));
            let hint = match near {
                Some(near) => format!("did you mean `{near}`?"),
                None => "add the file, or take the line away".to_owned(),
            };
            return said(format!("`{written}` is not there"), &hint);
        }
        if *purpose == Purpose::Folder {
            return said(
                format!("`{written}` is no folder"),
                "list it under `resources`",
            );
        }
        (*purpose == Purpose::Resource && is_kustomization_file(name_of(path)))
            .then(|| {
                said(
                    format!("`{written}` is no resource: kustomize reads it as its own"),
                    "list its folder",
                )
            })
            .flatten()
    }
}

/// Kustomize refuses one without any field; where there is no such file Flux takes the whole folder.
/// Source: `CheckEmpty` in `api/types` of kustomize.
fn empty(one: &Kustomization<'_>) -> Option<Finding> {
    let entries = one.node.as_mapping().unwrap_or_default();
    let mut entries = entries.iter();
    let is_empty = entries.all(|entry| matches!(&*entry.key, "apiVersion" | "kind"));
    is_empty.then(|| {
        let start = Span {
            end: one.node.span.start,
            ..one.node.span
        };
        let message = format!("`{}` is empty, which kustomize refuses", name_of(&one.file));
        error(start, "", message).hint(
            "list what it takes in under `resources`, or remove it: Flux then takes every manifest of the folder",
        )
    })
}

fn leads_out(listed: &Listed<'_>) -> Finding {
    let message = format!(
        "`{}` leads out of the folder, and is not looked at",
        listed.written
    );
    Finding {
        severity: Severity::Warning,
        ..error(listed.span, &listed.path, message)
            .hint("judge the folder that holds both")
            .unjudged()
    }
}

fn error(span: Span, path: &str, message: String) -> Finding {
    Finding::error(span, path, message).class(Class::Flux)
}
