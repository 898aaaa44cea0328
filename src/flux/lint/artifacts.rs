//! What source-controller fails on in the address of an OCI artifact.

use super::spec::Spec;
use crate::flux::oci_ref;

pub(super) fn check(spec: &mut Spec<'_>) {
    url(spec);
    let tag = spec.text(&["ref", "tag"]);
    // A digest and a range count before a tag.
    let is_used =
        spec.text(&["ref", "digest"]).is_empty() && spec.text(&["ref", "semver"]).is_empty();
    if is_used
        && !tag.is_empty()
        && let Err(reason) = oci_ref::tag(tag)
    {
        spec.error(
            &["ref", "tag"],
            format!("`{tag}` is no tag of an artifact: {reason}"),
            "write the tag as the registry shows it",
        );
    }
}

/// Source: `parseRepository` in source-controller, `ocirepository_controller.go`, which refuses a
/// `:` behind the host.
fn url(spec: &mut Spec<'_>) {
    let Some(address) = spec.text(&["url"]).strip_prefix("oci://") else {
        return;
    };
    let Some((_, path)) = address.split_once('/') else {
        return;
    };
    let (what, key) = if path.contains('@') {
        ("digest", "`ref.digest`")
    } else if path.contains(':') {
        ("tag", "`ref.tag`")
    } else {
        return;
    };
    spec.error(
        &["url"],
        format!("the URL has a {what} in it, which source-controller refuses"),
        &format!("write the {what} into {key}"),
    );
}
