//! Reads refs, and what an object waits for.

use crate::flux::yaml::{Entry, Node, Value};
use crate::flux::{git_ref, oci_ref, schema, semver};

use super::decode::Decoder;
use super::settings::{Dependency, DependsOn, Reference, Said};

/// What a `ref` may say.
pub(super) const KEYS: [&str; 7] = [
    "branch",
    "tag",
    "semver",
    "semverFilter",
    "name",
    "commit",
    "digest",
];

impl Decoder {
    pub(super) fn reference(&mut self, node: &Node) -> Option<Said> {
        let fields = self.fields(node, &KEYS)?;
        let mut said = Vec::new();
        for key in KEYS {
            if let Some(text) = fields.text(key, self) {
                said.push((key, text));
            } else if fields.get(key).is_some() {
                return None;
            }
        }
        for (key, text) in &said {
            if let Err(reason) = check_reference(key, &text.value) {
                self.error(
                    text.span,
                    format!("{key} `{}` cannot be: {reason}", text.value),
                    how_to_write(key),
                );
                return None;
            }
        }
        let reference = match &said[..] {
            [("branch", branch), ("commit", commit)] => Reference::Commit {
                commit: commit.value.clone(),
                branch: Some(branch.value.clone()),
            },
            [("semver", range), ("semverFilter", filter)] => Reference::Semver {
                range: range.value.clone(),
                filter: Some(filter.value.clone()),
            },
            [("semverFilter", filter)] => {
                self.error(
                    filter.span,
                    "a `semverFilter` without `semver` chooses no version",
                    "add `semver: …`, a range as in `>=1.4`",
                );
                return None;
            }
            [(key, text)] => {
                let text = text.value.clone();
                match *key {
                    "branch" => Reference::Branch(text),
                    "tag" => Reference::Tag(text),
                    "semver" => Reference::Semver {
                        range: text,
                        filter: None,
                    },
                    "name" => Reference::Name(text),
                    "digest" => Reference::Digest(text),
                    _ => Reference::Commit {
                        commit: text,
                        branch: None,
                    },
                }
            }
            [] => {
                if node.as_mapping().is_some_and(<[Entry]>::is_empty) {
                    self.error(
                        node.span,
                        "a ref that names nothing: Flux would silently follow `master`",
                        "name a branch, tag, semver, name or commit",
                    );
                }
                return None;
            }
            [(first, _), (second, _), ..] => {
                self.error(
                    node.span,
                    format!("`{first}` and `{second}` exclude each other"),
                    "give exactly one of branch, tag, semver, name, commit, digest; or branch with commit, or semver with semverFilter",
                );
                return None;
            }
        };
        Some(Said::Reference(reference))
    }

    pub(super) fn depends_on(&mut self, node: &Node) -> Option<Said> {
        let mut dependencies = Vec::new();
        for item in self.list(node)? {
            if let Some(on) = self.dependency(item) {
                dependencies.push(Dependency {
                    span: item.span,
                    on,
                });
            }
        }
        Some(Said::Dependencies(dependencies))
    }

    fn dependency(&mut self, node: &Node) -> Option<DependsOn> {
        if matches!(node.value, Value::Mapping(_)) {
            let fields = self.fields(node, &["external", "namespace"])?;
            let name = fields.required("external", self)?;
            let name = self.dns_label(name)?;
            let namespace = match fields.get("namespace") {
                Some(node) => Some(self.dns_label(node)?),
                None => None,
            };
            return Some(DependsOn::External { name, namespace });
        }
        let text = self.filled_text(node)?;
        Some(match text.split_once('/') {
            Some((project, object)) => DependsOn::ProjectObject {
                project: project.into(),
                object: object.into(),
            },
            None => DependsOn::Name(text.into()),
        })
    }
}

/// Whether a text can stand under a key of `ref`; for a tag, of a Git repository or of an OCI artifact.
///
/// # Errors
/// Why it cannot.
pub fn check_reference(key: &str, text: &str) -> Result<(), String> {
    match key {
        "branch" => git_ref::branch(text),
        // which of the two it has to be hangs on its source: the plan checks that
        "tag" => git_ref::tag(text).or_else(|reason| oci_ref::tag(text).map_err(|_| reason)),
        "name" => git_ref::full_name(text),
        "commit" => git_ref::commit(text),
        "semver" => semver::Constraint::parse(text).map(drop),
        "semverFilter" if schema::is_pattern(text) => Ok(()),
        "semverFilter" => Err("it is no pattern".to_owned()),
        _ => oci_ref::digest(text),
    }
}

fn how_to_write(key: &str) -> &'static str {
    match key {
        "branch" | "tag" => "write the name as `git ls-remote` shows it, without `refs/…/`",
        "name" => "write it in full, as `refs/heads/main`",
        "commit" => "write all digits of the commit in small letters, as `git rev-parse` shows it",
        "semver" => "write a range as in `>=1.4`, `1.x` or `~2.0.1`",
        "semverFilter" => "write a pattern as Go's `regexp` reads it, as `^v[0-9]+[.]`",
        _ => "write it as `sha256:…`, as the registry shows it",
    }
}
