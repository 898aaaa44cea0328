//! What source-controller fails on.

use super::spec::Spec;
use crate::flux::semver::Constraint;
use crate::flux::{git_ref, repository};

/// What of a `ref` counts, the first that is given: the others are not looked at.
///
/// Source: `Clone` in `fluxcd/pkg`, `git/gogit/client.go`.
const REFS: [&str; 5] = ["commit", "name", "semver", "tag", "branch"];

/// The longest name of a user in a URL that is taken for one and not for a token.
const LONGEST_USER: usize = 19;

pub(super) fn git_repository(spec: &mut Spec<'_>) {
    let used = REFS
        .into_iter()
        .find(|key| !spec.text(&["ref", key]).is_empty());
    reference(spec, used);
    access(spec);
    // Only a tag can be verified as a tag. Source: `verifySignature` in source-controller.
    let mode = spec.text(&["verify", "mode"]);
    let tagged = match used {
        Some("tag" | "semver") => true,
        Some("name") => spec.text(&["ref", "name"]).starts_with("refs/tags/"),
        _ => false,
    };
    if mode.starts_with("Tag") && !tagged {
        spec.error(
            &["verify", "mode"],
            format!("the mode `{mode}` needs a tag, and `ref` follows none"),
            "follow a tag with `tag`, `semver` or a `name` in `refs/tags/`, or write `mode: HEAD`",
        );
    }
}

fn reference(spec: &mut Spec<'_>, used: Option<&str>) {
    let Some(key) = used else {
        return spec.warning(
            &["ref"],
            "without a ref Flux follows the branch `master`",
            "say so: `ref: {branch: master}`",
        );
    };
    // A commit is looked for on its branch.
    let keys: &[&str] = if key == "commit" { &["branch"] } else { &[key] };
    for key in keys {
        let text = spec.text(&["ref", key]);
        let fault = match *key {
            _ if text.is_empty() => Ok(()),
            "semver" => return semver(spec, &["ref", "semver"]),
            "branch" => git_ref::branch(text),
            "tag" => git_ref::tag(text),
            "name" => git_ref::full_name(text),
            _ => Ok(()),
        };
        if let Err(reason) = fault {
            spec.error(
                &["ref", key],
                format!("`{text}` names nothing in Git: {reason}"),
                "write the name as `git ls-remote` shows it",
            );
        }
    }
}

/// Sources: `getAuthOpts` in source-controller, `gitrepository_controller.go`; `NewAuthOptions` in
/// `fluxcd/pkg`, `git/options.go`, which refuses ssh without a key and without known hosts.
fn access(spec: &mut Spec<'_>) {
    credentials(spec);
    if spec.find(&["secretRef"]).is_some() {
        return;
    }
    if spec.text(&["provider"]) == "github" {
        spec.error(
            &["provider"],
            "the provider `github` needs a `secretRef` with a GitHub App",
            "name a Secret with `githubAppID`, `githubAppInstallationID` and `githubAppPrivateKey`",
        );
    }
    if spec.text(&["url"]).starts_with("ssh://") {
        spec.error(
            &["url"],
            "a URL of ssh needs a `secretRef` with a key and known hosts",
            "name a Secret with `identity` and `known_hosts`, or use https",
        );
    }
}

/// Flux uses them, but everybody who may read the object sees them. The URL is not repeated in the
/// message.
pub(super) fn credentials(spec: &mut Spec<'_>) {
    let Some((scheme, rest)) = spec.text(&["url"]).split_once("://") else {
        return;
    };
    let Some(user) = repository::credentials(rest).map(|length| &rest[..length]) else {
        return;
    };
    if scheme.starts_with("http") && (user.contains(':') || user.len() > LONGEST_USER) {
        spec.warning(
            &["url"],
            "the URL has credentials in it, for all to read",
            "put them into a Secret and name it in `secretRef`",
        );
    }
}

/// The version is looked at in charts of Helm repositories alone.
pub(super) fn helm_chart(spec: &mut Spec<'_>) {
    if spec.text(&["sourceRef", "kind"]) == "HelmRepository" {
        semver(spec, &["version"]);
    }
    spec.source_name();
}

/// It makes a HelmChart of its `chart`.
pub(super) fn helm_release(spec: &mut Spec<'_>) {
    if spec.text(&["chart", "spec", "sourceRef", "kind"]) == "HelmRepository" {
        semver(spec, &["chart", "spec", "version"]);
    }
}

pub(super) fn semver(spec: &mut Spec<'_>, keys: &[&str]) {
    let text = spec.text(keys);
    if !text.is_empty()
        && let Err(reason) = Constraint::parse(text)
    {
        spec.error(
            keys,
            format!("`{text}` is no range of versions: {reason}"),
            "write a range as in `>=1.4`, `1.x` or `~2.0.1`",
        );
    }
}
