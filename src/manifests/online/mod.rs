//! Asks the repositories of GitRepositories whether what is followed is there.
//!
//! ```text
//! documents -> followed (what each GitRepository follows, and which paths are applied of it)
//!           -> git ls-remote, once a repository -> is the branch, tag, range or name there
//!           -> git fetch of that commit's folders, once a ref -> are the paths there
//! ```

mod followed;
mod git;
mod refs;

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use crate::config::{Class, Finding, Severity, Sources};
use crate::flux::yaml::{Node, Span};

pub use git::GitError;

use followed::{Repository, repositories};
use git::At;
use refs::{NotThere, Refs};

/// Repositories that are asked at once.
const AT_ONCE: usize = 8;

/// What was asked, and what came of it.
#[derive(Debug, Default)]
pub struct Asked {
    pub findings: Vec<Finding>,
    /// Repositories that answered.
    pub answered: usize,
}

/// Asks each repository once; `cluster` is the one for which a document was rendered. `None` where there
/// is no git to ask with.
pub fn ask<'a>(
    documents: &'a [Node],
    sources: &'a Sources,
    cluster: &dyn Fn(&Node) -> Option<&'a str>,
) -> Option<Asked> {
    let repositories: Vec<_> = repositories(documents, sources, cluster)
        .into_iter()
        .collect();
    if !repositories.is_empty() && !git::is_there() {
        return None;
    }
    let next = AtomicUsize::new(0);
    let asked = Mutex::new(BTreeMap::new());
    thread::scope(|scope| {
        for _ in 0..AT_ONCE.min(repositories.len()) {
            scope.spawn(|| {
                loop {
                    let index = next.fetch_add(1, Ordering::Relaxed);
                    let Some((url, repository)) = repositories.get(index) else {
                        return;
                    };
                    let answer = ask_one(url, repository);
                    let mut asked = asked
                        .lock()
                        .unwrap_or_else(std::sync::PoisonError::into_inner);
                    asked.insert(index, answer);
                }
            });
        }
    });
    let mut all = Asked::default();
    let asked = asked.into_inner();
    for (answered, findings) in asked
        .unwrap_or_else(std::sync::PoisonError::into_inner)
        .into_values()
    {
        all.answered += usize::from(answered);
        all.findings.extend(findings);
    }
    Some(all)
}

/// Whether it answered, and what is wrong.
fn ask_one(url: &str, repository: &Repository) -> (bool, Vec<Finding>) {
    let refs = match git::refs(url) {
        Ok(refs) => Refs::read(&refs),
        Err(error) => {
            return (
                false,
                vec![cannot(repository.span, "ask the repository", &error)],
            );
        }
    };
    let mut findings = Vec::new();
    for (followed, wanted) in &repository.followed {
        match refs.find(followed) {
            Err(NotThere { message, hint }) => {
                for span in &wanted.spans {
                    findings.push(error(*span, message.clone(), hint.clone()));
                }
            }
            Ok(Some(name)) if !wanted.paths.is_empty() => {
                let paths: Vec<&str> = wanted.paths.keys().map(String::as_str).collect();
                match git::look(url, &name, &paths) {
                    Ok(found) => {
                        let found = wanted.paths.values().zip(&paths).zip(found);
                        for ((spans, path), at) in found {
                            let message = match at {
                                At::Folder => continue,
                                At::File => format!("`{path}` is a file in `{name}`"),
                                At::Nothing => format!("`{path}` is not there in `{name}`"),
                            };
                            for span in spans {
                                let hint = "name a folder of the repository that it follows";
                                findings.push(error(*span, message.clone(), hint.to_owned()));
                            }
                        }
                    }
                    Err(error) => {
                        findings.push(cannot(repository.span, "look into the repository", &error));
                    }
                }
            }
            Ok(_) => {}
        }
    }
    (true, findings)
}

fn error(span: Span, message: String, hint: String) -> Finding {
    Finding::error(span, "", message)
        .class(Class::Flux)
        .hint(hint)
}

/// That nobody answers says nothing of what is there.
fn cannot(span: Span, what: &str, error: &GitError) -> Finding {
    let mut says = String::new();
    let mut cause = std::error::Error::source(error);
    while let Some(error) = cause {
        says = error.to_string();
        cause = error.source();
    }
    let first = says.lines().next().unwrap_or_default();
    Finding {
        severity: Severity::Warning,
        ..self::error(
            span,
            format!("cannot {what}: {first}"),
            "git asks as you do, and for no password: `git ls-remote` of it says more".to_owned(),
        )
        .unjudged()
    }
}
