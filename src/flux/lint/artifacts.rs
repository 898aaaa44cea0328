//! What source-controller fails on in an OCIRepository: its address, what it follows, and how it is verified.
//!
//! It reads the address by `name.NewRepository` and a digest by `v1.NewHash`, both of
//! `google/go-containerregistry`.

use super::spec::Spec;
use crate::flux::names::shown;
use crate::flux::semver::Constraint;
use crate::flux::{oci_ref, schema};

/// Characters of the name of an artifact behind its registry. Source: `checkRepository` in
/// `pkg/name/repository.go` of go-containerregistry.
const NAME_LENGTH: std::ops::RangeInclusive<usize> = 2..=255;

pub(super) fn check(spec: &mut Spec<'_>) {
    url(spec);
    reference(spec);
    verify(spec);
}

/// What counts, the first that is given: digest, semver, tag, and the tag `latest` without any.
///
/// A tag is not looked at by source-controller: the registry has none of another form. Of digests
/// `NewHash` takes SHA-256 alone.
///
/// Sources: `getArtifactRef`, `getTagBySemver` and `getRevision` in source-controller,
/// `internal/controller/ocirepository_controller.go`; `Hasher` in `pkg/v1/hash.go` of
/// go-containerregistry; the pattern of tags in the OCI distribution specification.
fn reference(spec: &mut Spec<'_>) {
    let text = |key| spec.text(&["ref", key]);
    let (digest, semver, tag) = (text("digest"), text("semver"), text("tag"));
    if !digest.is_empty() {
        if let Err(reason) = oci_ref::digest(digest) {
            spec.error(
                &["ref", "digest"],
                format!("`{digest}` is no digest: {reason}"),
                "write it as `sha256:…`, as the registry shows it",
            );
        }
    } else if !semver.is_empty() {
        range(spec, semver);
    } else if !tag.is_empty()
        && let Err(reason) = oci_ref::tag(tag)
    {
        spec.error(
            &["ref", "tag"],
            format!("`{tag}` is no tag of an artifact: {reason}"),
            "write the tag as the registry shows it",
        );
    }
}

/// The filter is read by Go's `regexp` before the range is. Source: `filterTags` in
/// source-controller, `internal/controller/ocirepository_controller.go`.
fn range(spec: &mut Spec<'_>, semver: &str) {
    let filter = spec.text(&["ref", "semverFilter"]);
    if !schema::is_pattern(filter) {
        spec.error(
            &["ref", "semverFilter"],
            format!("`{filter}` is no pattern"),
            "write a pattern as Go's `regexp` reads it, as `^v[0-9]+[.]`",
        );
    }
    if let Err(reason) = Constraint::parse(semver) {
        spec.error(
            &["ref", "semver"],
            format!("`{semver}` is no range of versions: {reason}"),
            "write a range as in `>=1.4`, `1.x` or `~2.0.1`",
        );
    }
}

/// The registry is the first part where that has a `.` or a `:`; without one, all of the address
/// is a name at Docker Hub.
///
/// Sources: `parseRepository` in source-controller, `internal/controller/ocirepository_controller.go`,
/// which refuses a `:` behind the host; `NewRepository` and `checkRegistry` in `pkg/name` of
/// go-containerregistry, which refuse a user before it and every character that no name has.
fn url(spec: &mut Spec<'_>) {
    let Some(address) = spec.text(&["url"]).strip_prefix("oci://") else {
        return;
    };
    let (registry, name) = match address.split_once('/') {
        Some((registry, name)) if registry.contains(['.', ':']) => (Some(registry), name),
        _ => (None, address),
    };
    let fault = if registry.is_some_and(|registry| registry.contains('@')) {
        (
            "the URL has a user in it, which source-controller refuses".to_owned(),
            "remove it, and name a Secret in `secretRef`",
        )
    } else if name.contains('@') {
        (
            "the URL has a digest in it, which source-controller refuses".to_owned(),
            "write the digest into `ref.digest`",
        )
    } else if name.contains(':') {
        (
            "the URL has a tag in it, which source-controller refuses".to_owned(),
            "write the tag into `ref.tag`",
        )
    } else if let Some(c) = name.chars().find(|c| !is_of_a_name(*c)) {
        (
            format!(
                "the name of the artifact has {}, which source-controller refuses",
                shown(c)
            ),
            "write it with small letters, digits, `.`, `_`, `-` and `/` alone",
        )
    } else if !NAME_LENGTH.contains(&name.len()) {
        (
            format!(
                "the name of the artifact has {} characters, where source-controller takes 2 to 255",
                name.len()
            ),
            "write it as `oci://registry/owner/artifact`",
        )
    } else if registry.is_none() {
        return spec.warning(
            &["url"],
            "without a `.` or `:` in its first part the URL names an artifact at Docker Hub",
            "write the registry with its domain or port, Docker Hub as `oci://docker.io/…`",
        );
    } else {
        return;
    };
    spec.error(&["url"], fault.0, fault.1);
}

fn is_of_a_name(c: char) -> bool {
    c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, '_' | '-' | '.' | '/')
}

/// Notation has no verification without keys. Source: `verifySignature` in source-controller,
/// `internal/controller/ocirepository_controller.go`.
fn verify(spec: &mut Spec<'_>) {
    if spec.text(&["verify", "provider"]) == "notation"
        && spec.find(&["verify", "secretRef"]).is_none()
    {
        spec.error(
            &["verify"],
            "the provider `notation` verifies nothing without a `secretRef`",
            "name a Secret with `trustpolicy.json` and the certificates",
        );
    }
}
