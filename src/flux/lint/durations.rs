//! Durations that Go cannot hold, and intervals at which a controller does not work as meant.

use super::spec::Spec;
use crate::flux::duration::{GoDurationFault, parse_go};

/// Nanoseconds; the least that kustomize-controller is documented for, and the least at which its
/// health checks, which run up to 30 s at least, can end before the next run.
///
/// Source: `docs/spec/v1/kustomizations.md` of kustomize-controller; `GetTimeout` in its API.
const KUSTOMIZATION_INTERVAL: i64 = 60_000_000_000;

/// One object with a duration that Go cannot hold cannot be decoded, and stops its controller for
/// all objects of the kind. Source: fluxcd/flux2#2641, fluxcd/source-controller#435.
pub(super) fn check(spec: &mut Spec<'_>) {
    for key in ["interval", "retryInterval", "timeout"] {
        let text = spec.text(&[key]);
        if text.is_empty() {
            continue;
        }
        match parse_go(text) {
            Ok(nanoseconds) if key == "interval" => interval(spec, text, nanoseconds),
            Ok(_) => {}
            Err(GoDurationFault::TooLong) => spec.error(
                &[key],
                format!(
                    "`{text}` is longer than Go can hold: the controller would then read no {} at all",
                    spec.kind
                ),
                "write less than 292 years",
            ),
            Err(fault) => spec.error(
                &[key],
                format!("`{text}` is no duration: {fault}"),
                "write it as in `1m30s`",
            ),
        }
    }
}

/// A controller asks for its next run after the interval, and an interval of zero asks for none: a
/// source then runs only when it is created, changed or annotated, and a Kustomization is not
/// retried either.
///
/// Sources: `AlwaysRequeueResultBuilder` in source-controller, `internal/reconcile/reconcile.go`;
/// `RequeueAfterResult` in `fluxcd/pkg`, `runtime/jitter`; `GetRetryInterval` in the API of
/// kustomize-controller.
fn interval(spec: &mut Spec<'_>, text: &str, nanoseconds: i64) {
    if spec.kind == "Kustomization" && nanoseconds < KUSTOMIZATION_INTERVAL {
        spec.error(
            &["interval"],
            format!("`{text}` is under the 60s that a Kustomization needs"),
            "write `1m` or more",
        );
    } else if nanoseconds == 0 && is_polled(spec) {
        spec.error(
            &["interval"],
            format!("with `{text}` the source is never polled: only a change of it or an annotation fetches"),
            "write `1m` or more, and `suspend: true` where it shall rest",
        );
    }
}

/// Whether it is a source, of which nothing else is known to tell what is new.
fn is_polled(spec: &Spec<'_>) -> bool {
    match spec.kind {
        "GitRepository" | "OCIRepository" | "Bucket" | "HelmChart" => true,
        "HelmRepository" => spec.text(&["type"]) != "oci",
        _ => false,
    }
}
