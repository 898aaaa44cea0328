//! What controllers fail on in kinds beside GitRepository, OCIRepository and Kustomization.

use super::spec::Spec;
use crate::flux::fault::Fault;
use crate::flux::schema::is_pattern;
use crate::flux::yaml::{Node, read};

/// The kinds of which a Receiver knows the `apiVersion` by itself. Source: `receiver_handlers.go` in
/// notification-controller, `internal/server`.
const KNOWN_TO_RECEIVERS: [&str; 7] = [
    "ArtifactGenerator",
    "Bucket",
    "GitRepository",
    "HelmChart",
    "HelmRepository",
    "ImageRepository",
    "OCIRepository",
];

/// The address of a registry and of an index are read by different ways. Sources: `reconcileSource` in
/// source-controller, `internal/controller/helmrepository_controller.go`; `buildFromHelmRepository` in
/// `helmchart_controller.go`, which reads those of the type `oci`.
pub(super) fn helm_repository(spec: &mut Spec<'_>) {
    let is_oci = spec.text(&["url"]).starts_with("oci://");
    match (is_oci, spec.text(&["type"]) == "oci") {
        (true, false) => spec.error(
            &["url"],
            "a URL of `oci://` needs `type: oci`: source-controller refuses it without",
            "write `type: oci` beside it",
        ),
        (false, true) if !spec.text(&["url"]).is_empty() => spec.error(
            &["url"],
            "with `type: oci` the URL is read as a registry's, and this is none",
            "write it as `oci://…`, or leave `type` out",
        ),
        (false, false) if spec.find(&["interval"]).is_none() => spec.warning(
            &["interval"],
            "without `interval` the source is never polled: only a change of it or an annotation fetches",
            "write one, as `interval: 1h`",
        ),
        _ => {}
    }
}

/// Source: `getEndpointURL` in minio-go, `utils.go`, which takes a host and a port; in Azure's client the
/// endpoint is a URL.
pub(super) fn bucket(spec: &mut Spec<'_>) {
    let takes_host = matches!(spec.text(&["provider"]), "" | "generic" | "aws");
    if takes_host && spec.text(&["endpoint"]).contains("://") {
        spec.error(
            &["endpoint"],
            "an endpoint is a host with a port, and this is a URL",
            "leave out what stands before `//`, and write `insecure: true` for http",
        );
    }
    if spec
        .find(&["bucketName"])
        .is_some_and(|name| name.as_str() == Some(""))
    {
        spec.error(
            &["bucketName"],
            "must not be empty: no bucket has that name",
            "name the bucket",
        );
    }
}

/// Sources: `parseImageReference` and `filterOutTags` in image-reflector-controller,
/// `internal/controller/imagerepository_controller.go`.
pub(super) fn image_repository(spec: &mut Spec<'_>) {
    if let Some((scheme, _)) = spec.text(&["image"]).split_once("://") {
        spec.error(
            &["image"],
            format!("an image has no `{scheme}://` before it"),
            "write it as `ghcr.io/acme/web`",
        );
    }
    let excluded = spec.find(&["exclusionList"]).and_then(Node::as_sequence);
    for (index, item) in excluded.unwrap_or_default().iter().enumerate() {
        no_pattern(spec, item, format!("spec.exclusionList[{index}]"));
    }
}

pub(super) fn image_policy(spec: &mut Spec<'_>) {
    if let Some(pattern) = spec.find(&["filterTags", "pattern"]) {
        no_pattern(spec, pattern, "spec.filterTags.pattern".to_owned());
    }
}

fn no_pattern(spec: &mut Spec<'_>, node: &Node, path: String) {
    let text = node.as_str().unwrap_or_default();
    if !is_pattern(text) {
        let message = format!("`{text}` is no pattern");
        let hint = "write a regular expression as Go reads it";
        spec.faults
            .push(Fault::flux(node.span, path, message).hint(hint));
    }
}

/// Each of them fails the delivery. Source: `receiver_handlers.go` in notification-controller.
pub(super) fn receiver(spec: &mut Spec<'_>) {
    let resources = spec.find(&["resources"]).and_then(Node::as_sequence);
    for (index, one) in resources.unwrap_or_default().iter().enumerate() {
        let text = |key: &str| one.get(key).and_then(Node::as_str).unwrap_or("");
        let path = format!("spec.resources[{index}]");
        let kind = text("kind");
        if text("apiVersion").is_empty() && !kind.is_empty() && !KNOWN_TO_RECEIVERS.contains(&kind)
        {
            let message = format!("a {kind} is found by a Receiver only with its `apiVersion`");
            let hint = match kind {
                "Kustomization" => "write `apiVersion: kustomize.toolkit.fluxcd.io/v1` beside it",
                "HelmRelease" => "write `apiVersion: helm.toolkit.fluxcd.io/v2` beside it",
                _ => "write it beside the kind",
            };
            spec.faults
                .push(Fault::flux(one.span, &*path, message).hint(hint));
        }
        let labels = one.get("matchLabels").and_then(Node::as_mapping);
        if text("name") == "*" && labels.is_none_or(<[_]>::is_empty) {
            let message = "all objects of a kind (`*`) are only taken by their `matchLabels`";
            let fault = Fault::flux(one.span, path, message);
            spec.faults
                .push(fault.hint("write `matchLabels`, or name each object"));
        }
    }
}

/// A patch that is no YAML fails the build, wherever it stands.
pub(super) fn patches(spec: &mut Spec<'_>, list: Option<&Node>, path: &str) {
    let list = list.and_then(Node::as_sequence).unwrap_or_default();
    for (index, item) in list.iter().enumerate() {
        let Some((node, text)) = item
            .get("patch")
            .and_then(|node| Some((node, node.as_str()?)))
        else {
            continue;
        };
        // values are put in before
        if text.contains("${") {
            continue;
        }
        let (_, faults) = read(text, 0);
        if let Some(fault) = faults.into_iter().find(|fault| fault.ends_text) {
            let path = format!("{path}[{index}].patch");
            let message = format!("the patch is no YAML: {}", fault.message);
            let hint = "write an object, or a list of operations";
            spec.faults
                .push(Fault::flux(node.span, path, message).hint(hint));
        }
    }
}

/// What kustomize is asked for behind Helm.
pub(super) fn post_renderers(spec: &mut Spec<'_>) {
    let all = spec.find(&["postRenderers"]).and_then(Node::as_sequence);
    for (index, one) in all.unwrap_or_default().iter().enumerate() {
        let list = one.get("kustomize").and_then(|it| it.get("patches"));
        let path = format!("spec.postRenderers[{index}].kustomize.patches");
        patches(spec, list, &path);
    }
}
