//! Reads each event's own part of a payload.

use jiff::Timestamp;
use serde::Deserialize;

use crate::flux::RepositoryUrl;

use super::changed_paths::{ChangedPaths, CutOff};
use super::event::{Event, Package, RefChange, Release, RepositoryChange, WorkflowRun};
use super::fault::{PayloadFault, TEXT_LIMIT_BYTES};
use super::pushed_ref::{CommitId, PushedRef};
use super::repository::Repository;
use super::wire;

/// The payload of an event that is being read.
pub(super) struct Reader<'p> {
    pub event: &'p str,
    pub json: &'p str,
}

impl<'p> Reader<'p> {
    pub(super) fn read<T: Deserialize<'p>>(&self) -> Result<T, PayloadFault> {
        serde_json::from_str(self.json).map_err(|error| self.fault(&error))
    }

    fn fault(&self, error: &serde_json::Error) -> PayloadFault {
        if error.is_data() {
            PayloadFault::Shape {
                event: self.event.to_owned(),
                reason: without_values(&error.to_string()),
            }
        } else {
            PayloadFault::NotJson(error.to_string())
        }
    }

    pub(super) fn missing(&self, field: &'static str) -> PayloadFault {
        PayloadFault::Missing {
            event: self.event.to_owned(),
            field,
        }
    }

    /// `None` where the payload says too little of a repository to be of use.
    pub(super) fn repository(
        &self,
        wire: wire::Repository,
    ) -> Result<Option<Repository>, PayloadFault> {
        let full_name = kept("repository.full_name", wire.full_name)?;
        let html_url = kept("repository.html_url", wire.html_url)?;
        let clone_url = kept("repository.clone_url", wire.clone_url)?;
        let (Some(id), Some(full_name)) = (wire.id, full_name) else {
            return Ok(None);
        };
        let Some(url) = html_url.as_ref().or(clone_url.as_ref()) else {
            return Ok(None);
        };
        let fault = |field, what, reason| PayloadFault::Value {
            field,
            what,
            reason,
        };
        let (owner, name) = full_name.split_once('/').unwrap_or_default();
        if owner.is_empty() || name.is_empty() || name.contains('/') {
            return Err(fault(
                "repository.full_name",
                "name of a repository",
                "it is not `owner/name`".to_owned(),
            ));
        }
        let url = RepositoryUrl::read(url).map_err(|_| {
            fault(
                "repository.html_url",
                "URL",
                "it names no repository".to_owned(),
            )
        })?;
        Ok(Some(Repository {
            id,
            host: url.identity(|_| None).host().to_owned(),
            full_name,
            html_url,
            clone_url,
            ssh_url: kept("repository.ssh_url", wire.ssh_url)?,
            default_branch: kept("repository.default_branch", wire.default_branch)?,
        }))
    }

    pub(super) fn push(&self) -> Result<Event, PayloadFault> {
        let push: wire::Push<'p> = self.read()?;
        let reference = kept("ref", push.reference)?.ok_or_else(|| self.missing("ref"))?;
        let reference = PushedRef::read(&reference).map_err(not_a_ref)?;
        let paths = push.commits.changed_paths(push.after.as_deref());
        let before = hash("before", push.before)?;
        let after = hash("after", push.after)?;
        let head_commit = hash(
            "head_commit.id",
            push.head_commit.and_then(|commit| commit.id),
        )?;
        let created = push.created.unwrap_or(before.is_none());
        let deleted = push.deleted.unwrap_or(after.is_none());
        let forced = push.forced.unwrap_or(false);
        let pushed_at = push
            .repository
            .and_then(|it| it.pushed_at?.get().parse().ok());
        let pushed_at = pushed_at.and_then(|seconds| Timestamp::from_second(seconds).ok());
        let paths = if deleted {
            ChangedPaths::CutOff(CutOff::Deleted)
        } else if created || before.is_none() {
            ChangedPaths::CutOff(CutOff::NewRef)
        } else if forced {
            ChangedPaths::CutOff(CutOff::Forced)
        } else {
            paths
        };
        Ok(Event::Push(RefChange {
            reference,
            before,
            after,
            head_commit,
            created,
            deleted,
            forced,
            paths,
            pushed_at,
        }))
    }

    pub(super) fn named_ref(&self) -> Result<Event, PayloadFault> {
        let named: wire::NamedRef = self.read()?;
        let name = kept("ref", named.reference)?;
        let reference = match (named.ref_type.as_deref(), name) {
            (Some("branch"), Some(name)) => PushedRef::branch(&name),
            (Some("tag"), Some(name)) => PushedRef::tag(&name),
            (Some("branch" | "tag"), None) => return Err(self.missing("ref")),
            // A repository that was created, and what else GitHub may think of.
            _ => return Ok(self.other(None)),
        };
        let reference = reference.map_err(not_a_ref)?;
        Ok(if self.event == "create" {
            Event::Create { reference }
        } else {
            Event::Delete { reference }
        })
    }

    pub(super) fn package(&self, action: Option<String>) -> Result<Event, PayloadFault> {
        let package: wire::PackageEvent = self.read()?;
        let (Some(action), Some(package)) = (action.clone(), package.package) else {
            return Ok(self.other(action));
        };
        let name = kept("package.name", package.name)?;
        let owner = package.owner.and_then(|owner| owner.login);
        let (url, tag) = package.package_version.map_or((None, None), |version| {
            let tag = version
                .container_metadata
                .and_then(|container| container.tag);
            (version.package_url, tag)
        });
        let (tag, digest) = tag.map_or((None, None), |tag| (tag.name, tag.digest));
        let image = kept("package.package_version.package_url", url)?;
        let digest = kept(
            "package.package_version.container_metadata.tag.digest",
            digest,
        )?;
        let tag = kept("package.package_version.container_metadata.tag.name", tag)?;
        let mut package = Package {
            action,
            name: name.ok_or_else(|| self.missing("package.name"))?,
            owner: kept("package.owner.login", owner)?,
            kind: kept("package.package_type", package.package_type)?
                .map(|kind| kind.to_lowercase()),
            image: None,
            tag: tag.filter(|tag| !tag.is_empty()),
            digest: digest.filter(|digest| !digest.is_empty()),
        };
        if let Some(image) = image {
            let (image, rest) = image_and_tag(&image);
            package.image = (!image.is_empty()).then(|| image.to_owned());
            package.tag = package.tag.or_else(|| rest.map(str::to_owned));
        }
        Ok(Event::Package(package))
    }

    pub(super) fn release(&self, action: Option<String>) -> Result<Event, PayloadFault> {
        let release: wire::ReleaseEvent = self.read()?;
        let (Some(action), Some(release)) = (action.clone(), release.release) else {
            return Ok(self.other(action));
        };
        let tag = kept("release.tag_name", release.tag_name)?;
        let tag = tag.ok_or_else(|| self.missing("release.tag_name"))?;
        Ok(Event::Release(Release {
            action,
            tag: PushedRef::tag(&tag).map_err(not_a_ref)?,
            draft: release.draft.unwrap_or(false),
            prerelease: release.prerelease.unwrap_or(false),
        }))
    }

    pub(super) fn repository_change(
        &self,
        action: Option<String>,
        repository: Option<&Repository>,
    ) -> Result<Event, PayloadFault> {
        let event: wire::RepositoryEvent = self.read()?;
        let (name, owner, branch) = event.changes.map_or((None, None, None), |changes| {
            (
                changes
                    .repository
                    .and_then(|repository| repository.name?.from),
                changes.owner.and_then(|owner| {
                    let former = owner.from?;
                    former.organization.or(former.user)?.login
                }),
                changes.default_branch.and_then(|branch| branch.from),
            )
        });
        let change = match action.as_deref() {
            Some("renamed") => kept("changes.repository.name.from", name)?
                .zip(repository)
                .map(|(name, now)| RepositoryChange::Renamed {
                    old_full_name: format!("{}/{name}", now.owner()),
                }),
            Some("transferred") => {
                kept("changes.owner.from", owner)?
                    .zip(repository)
                    .and_then(|(owner, now)| {
                        let (_, name) = now.full_name.split_once('/')?;
                        Some(RepositoryChange::Transferred {
                            old_full_name: format!("{owner}/{name}"),
                        })
                    })
            }
            Some("archived") => Some(RepositoryChange::Archived),
            Some("unarchived") => Some(RepositoryChange::Unarchived),
            Some("edited") => kept("changes.default_branch.from", branch)?
                .map(|old| RepositoryChange::DefaultBranch { old }),
            _ => None,
        };
        Ok(change.map_or_else(|| self.other(action), Event::Repository))
    }

    pub(super) fn workflow_run(&self, action: Option<String>) -> Result<Event, PayloadFault> {
        let event: wire::WorkflowRunEvent = self.read()?;
        let (Some(action), Some(run)) = (action.clone(), event.workflow_run) else {
            return Ok(self.other(action));
        };
        let (workflow, path) = event
            .workflow
            .map_or((None, None), |workflow| (workflow.name, workflow.path));
        Ok(Event::WorkflowRun(WorkflowRun {
            action,
            workflow: kept("workflow.name", workflow)?,
            path: kept("workflow_run.path", run.path.or(path))?,
            conclusion: kept("workflow_run.conclusion", run.conclusion)?,
            head_branch: kept("workflow_run.head_branch", run.head_branch)?,
            head_commit: hash("workflow_run.head_sha", run.head_sha)?,
        }))
    }

    pub(super) fn other(&self, action: Option<String>) -> Event {
        Event::Other {
            name: self.event.to_owned(),
            action,
        }
    }
}

/// Refuses a text that is too long to be kept.
pub(super) fn kept(
    field: &'static str,
    text: Option<String>,
) -> Result<Option<String>, PayloadFault> {
    match text {
        Some(text) if text.len() > TEXT_LIMIT_BYTES => Err(PayloadFault::TooLong { field }),
        text => Ok(text),
    }
}

fn hash(field: &'static str, text: Option<String>) -> Result<Option<CommitId>, PayloadFault> {
    let Some(text) = text else {
        return Ok(None);
    };
    CommitId::read(&text).map_err(|reason| PayloadFault::Value {
        field,
        what: "commit",
        reason,
    })
}

fn not_a_ref(reason: String) -> PayloadFault {
    PayloadFault::Value {
        field: "ref",
        what: "ref",
        reason,
    }
}

/// `ghcr.io/acme/web:v1` without its tag or digest, and the tag.
fn image_and_tag(url: &str) -> (&str, Option<&str>) {
    let url = url.split_once("://").map_or(url, |(_, rest)| rest);
    let url = url.split_once('@').map_or(url, |(image, _)| image);
    match url.rsplit_once(':') {
        Some((image, tag)) if !tag.contains('/') => (image, (!tag.is_empty()).then_some(tag)),
        _ => (url, None),
    }
}

/// serde says which value it did not expect; the value may be anything, so only the rest is told.
fn without_values(reason: &str) -> String {
    match (reason.split_once(": "), reason.rfind(", expected ")) {
        (Some((what, _)), Some(expected)) => format!("{what}{}", &reason[expected..]),
        _ => reason.to_owned(),
    }
}
