//! What a person names: a project in an environment, an object, or a ref of a repository.

use std::sync::Arc;

use crate::catalog::{HostNames, ItemKey, Kind};
use crate::flux::{RepositoryIdentity, RepositoryUrl, mask, nearest};

/// What is named on the command line.
///
/// ```text
/// web/production            a project in an environment, by our labels
/// ks/apps/web               an object: kind, namespace, name
/// acme/web@main             what follows a ref of a repository, on whatever host
/// git@github.com:acme/web@main, github.com/acme/web@main, https://…, oci://…
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Target {
    Project {
        project: Arc<str>,
        environment: Arc<str>,
    },
    Object(ItemKey),
    Repository {
        repository: RepositoryName,
        /// `None`: whatever is followed of it.
        reference: Option<Box<str>>,
    },
}

/// A repository, as far as it was named.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RepositoryName {
    /// `acme/web` in small letters, on whatever host.
    Path(Box<str>),
    Whole(RepositoryIdentity),
}

/// Why a text names nothing.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TargetFault {
    #[error(
        "`{0}` is no target; write project/environment, kind/namespace/name or owner/repository@ref"
    )]
    Form(String),
    #[error("`{text}` names no kind: {hint}")]
    Kind { text: String, hint: String },
    #[error("`{text}` is no repository: {reason}")]
    Url { text: String, reason: String },
    #[error("`{0}` names no ref; say which one, as `{0}@main`")]
    NoRef(String),
}

impl Target {
    /// Reads what was typed. A ref may be left out after a URL, not after `owner/repository`, which
    /// would be a project.
    ///
    /// # Errors
    /// See [`TargetFault`].
    pub fn read(text: &str, hosts: &HostNames) -> Result<Self, TargetFault> {
        let form = || TargetFault::Form(mask(text).into_owned());
        if let Some(path_at) = path_of_url(text) {
            let (url, reference) = split_ref(text, path_at)?;
            return repository(text, url, reference, hosts);
        }
        if text.contains('@') {
            let (name, reference) = split_ref(text, 0)?;
            let parts: Vec<&str> = name.split('/').collect();
            if parts.iter().any(|part| part.is_empty()) {
                return Err(form());
            }
            return match parts[..] {
                [host, ..] if host.contains(['.', ':']) => {
                    repository(text, &format!("https://{name}"), reference, hosts)
                }
                [_, _] => {
                    let path = name.to_lowercase();
                    let path = path.strip_suffix(".git").unwrap_or(&path);
                    Ok(Self::Repository {
                        repository: RepositoryName::Path(path.into()),
                        reference: reference.map(Into::into),
                    })
                }
                _ => Err(form()),
            };
        }
        let parts: Vec<&str> = text.split('/').collect();
        if parts.iter().any(|part| part.is_empty()) {
            return Err(form());
        }
        match parts[..] {
            [project, environment] => Ok(Self::Project {
                project: project.into(),
                environment: environment.into(),
            }),
            [kind, namespace, name] => Ok(Self::Object(ItemKey {
                kind: read_kind(text, kind)?,
                namespace: namespace.into(),
                name: name.into(),
            })),
            _ => Err(form()),
        }
    }

    /// As [`Self::read`], of something that is to be woken: of a repository the ref is to be said.
    ///
    /// # Errors
    /// See [`TargetFault`].
    pub fn read_to_wake(text: &str, hosts: &HostNames) -> Result<Self, TargetFault> {
        match Self::read(text, hosts)? {
            Self::Repository {
                reference: None, ..
            } => Err(TargetFault::NoRef(text.to_owned())),
            target => Ok(target),
        }
    }
}

/// Where the path of a URL begins; `None` where the text is none.
fn path_of_url(text: &str) -> Option<usize> {
    if let Some(at) = text.find("://") {
        let authority = at + "://".len();
        let path = text[authority..].find('/');
        return Some(path.map_or(text.len(), |at| authority + at));
    }
    // `git@github.com:acme/web`
    let colon = text.find(':')?;
    let before = &text[..colon];
    (before.contains('@') && !before.contains('/')).then_some(colon + 1)
}

/// What stands before and after the first `@` in the path. No path of a repository has one, and a ref may.
fn split_ref(text: &str, path_at: usize) -> Result<(&str, Option<&str>), TargetFault> {
    let Some(at) = text[path_at..].find('@').map(|at| path_at + at) else {
        return Ok((text, None));
    };
    match &text[at + 1..] {
        "" => Err(TargetFault::NoRef(mask(&text[..at]).into_owned())),
        reference => Ok((&text[..at], Some(reference))),
    }
}

fn repository(
    text: &str,
    url: &str,
    reference: Option<&str>,
    hosts: &HostNames,
) -> Result<Target, TargetFault> {
    let url = RepositoryUrl::read(url).map_err(|fault| TargetFault::Url {
        text: mask(text).into_owned(),
        reason: fault.to_string(),
    })?;
    let identity = url.identity(|host| hosts.canonical(host));
    Ok(Target::Repository {
        repository: RepositoryName::Whole(identity),
        reference: reference.map(Into::into),
    })
}

fn read_kind(text: &str, kind: &str) -> Result<Kind, TargetFault> {
    Kind::named(kind).ok_or_else(|| {
        let hint = match nearest(kind, Kind::ALL.map(Kind::name)) {
            Some(near) => format!("did you mean `{near}`?"),
            None => format!("known: {}", Kind::ALL.map(Kind::name).join(", ")),
        };
        let text = text.to_owned();
        TargetFault::Kind { text, hint }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Target, TargetFault> {
        Target::read(text, &HostNames::of([("git.acme.io", "github.com")]))
    }

    fn refused(text: &str) -> String {
        read(text).unwrap_err().to_string()
    }

    /// `repository ref` of a target that is one.
    fn named(text: &str) -> String {
        match read(text) {
            Ok(Target::Repository {
                repository,
                reference,
            }) => {
                let repository = match repository {
                    RepositoryName::Path(path) => format!("*/{path}"),
                    RepositoryName::Whole(identity) => identity.to_string(),
                };
                format!("{repository} {}", reference.as_deref().unwrap_or("-"))
            }
            other => panic!("{text}: {other:?}"),
        }
    }

    #[test]
    fn two_names_are_a_project_in_an_environment_and_three_an_object() {
        assert_eq!(
            read("web/production"),
            Ok(Target::Project {
                project: "web".into(),
                environment: "production".into()
            })
        );
        for kind in ["Kustomization", "ks", "KUSTOMIZATIONS"] {
            let key = ItemKey {
                kind: Kind::Kustomization,
                namespace: "apps".into(),
                name: "web".into(),
            };
            let target = read(&format!("{kind}/apps/web"));
            assert_eq!(target, Ok(Target::Object(key)), "{kind}");
        }
    }

    #[test]
    fn every_spelling_of_a_repository_is_the_same_one() {
        for url in [
            "https://github.com/acme/web",
            "https://github.com/Acme/Web.git",
            "http://github.com:80/acme/web/",
            "ssh://git@github.com/acme/web.git",
            "ssh://git@ssh.github.com:443/acme/web.git",
            "git@github.com:acme/web.git",
            "git@git.acme.io:acme/web",
            "github.com/acme/web",
            "git.acme.io/acme/web.git",
        ] {
            let text = format!("{url}@feature/a@b");
            assert_eq!(named(&text), "github.com/acme/web feature/a@b", "{url}");
        }
        assert_eq!(named("Acme/Web.git@v1.2.3"), "*/acme/web v1.2.3");
        assert_eq!(
            named("oci://ghcr.io/acme/web@sha256:ab"),
            "ghcr.io/acme/web sha256:ab"
        );
        assert_eq!(
            named("ghe.acme.io:8443/acme/web@main"),
            "ghe.acme.io:8443/acme/web main"
        );
    }

    #[test]
    fn only_a_url_may_leave_its_ref_out_and_what_is_woken_may_not() {
        assert_eq!(named("git@github.com:acme/web"), "github.com/acme/web -");
        assert_eq!(
            named("ssh://git@github.com/acme/web"),
            "github.com/acme/web -"
        );
        let hosts = HostNames::of([]);
        let text = "https://github.com/acme/web";
        let fault = Target::read_to_wake(text, &hosts).unwrap_err();
        assert_eq!(
            fault.to_string(),
            format!("`{text}` names no ref; say which one, as `{text}@main`")
        );
        assert!(Target::read_to_wake("acme/web@main", &hosts).is_ok());
    }

    #[test]
    fn what_names_nothing_says_how_to_write_it() {
        for text in [
            "", "web", "a/b/c/d", "web/", "/web", "ks//web", "a/b/c@d", "web@main",
        ] {
            let message = refused(text);
            let how = "write project/environment, kind/namespace/name or owner/repository@ref";
            assert_eq!(message, format!("`{text}` is no target; {how}"));
        }
        assert_eq!(
            refused("kustomisation/apps/web"),
            "`kustomisation/apps/web` names no kind: did you mean `Kustomization`?"
        );
        assert!(
            refused("pod/apps/web")
                .starts_with("`pod/apps/web` names no kind: known: GitRepository, OCIRepository, ")
        );
        assert_eq!(
            refused("acme/web@"),
            "`acme/web` names no ref; say which one, as `acme/web@main`"
        );
        let url = refused("ftp://github.com/acme/web@main");
        assert!(
            url.starts_with("`ftp://github.com/acme/web@main` is no repository: "),
            "{url}"
        );
    }

    #[test]
    fn a_password_is_not_shown() {
        for text in [
            "https://bot:hunter2@github.com/acme/web@main",
            "https://bot:hunter2@x@",
        ] {
            assert!(!refused(text).contains("hunter2"), "{}", refused(text));
        }
    }
}
