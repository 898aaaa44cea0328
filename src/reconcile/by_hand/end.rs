//! How the story of one object ends that was asked by hand, or that follows one.

use crate::catalog::{Item, Kind};
use crate::delivery::{Failure, Proof, ProofState, UserState};

use super::round::WhyLeft;

/// How the story of an object ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum End {
    /// With what is to be said of it, where it is not plain.
    Done(Option<String>),
    Failed(String),
    /// Somebody stopped us; it goes on in its cluster. With what it waited for, behind `it waited`.
    NotWaitedFor(String),
}

/// How it ended, as far as its own answer says. One that applies something is over only with its revision.
pub(super) fn end(item: &Item, proof: &Proof) -> Option<End> {
    let is_source = item.key.kind.is_source();
    if is_source && proof.fetched.is_some() {
        return Some(End::Done(None));
    }
    match &proof.state {
        ProofState::Following { .. } | ProofState::Proven { .. } => None,
        ProofState::Failing { failure, .. } | ProofState::Failed { failure, .. } => {
            Some(End::Failed(words(failure)))
        }
        ProofState::Overtaken { revision, .. } => Some(End::Failed(match revision {
            Some(revision) => format!("a later revision took its place: `{revision}`"),
            None => "a later one took its place".to_owned(),
        })),
        // Its users fetch by themselves.
        ProofState::Unproven { reason, .. } if item.key.kind == Kind::HelmRepository => {
            Some(End::Done(Some(reason.clone())))
        }
        ProofState::Unproven { reason, .. } => Some(End::Failed(reason.clone())),
        ProofState::Suspended { .. } => Some(End::Failed(WhyLeft::Suspended.to_string())),
        ProofState::Gone { .. } => Some(End::Failed("it is gone".to_owned())),
    }
}

pub(super) fn end_of_user(user: &UserState, has_commit: bool) -> Option<End> {
    match user {
        UserState::Waiting { .. } | UserState::Applied { .. } => None,
        UserState::Failing { failure, .. } => Some(End::Failed(words(failure))),
        UserState::Healthy { .. } => Some(End::Done(None)),
        UserState::NoNewVersion { version, .. } => Some(End::Done(Some(format!(
            "its chart has no new version, it is still {version}"
        )))),
        UserState::Suspended { .. } => Some(End::Failed(WhyLeft::Suspended.to_string())),
        UserState::Overtaken { revision, .. } => {
            let words = format!("a later revision took its place: `{revision}`");
            Some(if has_commit {
                End::Failed(words)
            } else {
                End::Done(Some(words))
            })
        }
    }
}

pub(super) fn is_proven(proof: &Proof) -> bool {
    matches!(proof.state, ProofState::Proven { .. })
}

/// The condition of an object, in its own words.
fn words(failure: &Failure) -> String {
    let Failure {
        object,
        condition,
        reason,
        message,
    } = failure;
    format!("{object}: {condition}: {reason}: {message}")
}
