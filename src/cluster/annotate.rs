//! Asks a controller of Flux to reconcile an object.

use std::collections::BTreeMap;

use http::{Request, header};
use serde::Deserialize;
use serde_json::json;
use tokio::time::timeout;

use crate::catalog::{ItemKey, REQUESTED_AT, ResourceVersion};

use super::connection::{ANSWER_LIMIT, Connection};
use super::failure::{Cause, Failure, Status, wanted};
use super::fault::PatchFault;

/// Who writes, for the API server. kustomize-controller takes back what `kubectl` wrote.
const FIELD_MANAGER: &str = "flux-setup";
/// A release is to be upgraded once though nothing is new, or its counts of failures are to begin anew. Its controller
/// looks at them only where they equal the token.
const FORCE_AT: &str = "reconcile.fluxcd.io/forceAt";
const RESET_AT: &str = "reconcile.fluxcd.io/resetAt";
/// Only the object's metadata: a Kustomization itself may be large.
const METADATA_ONLY: &str =
    "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1,application/json";

/// Labels, annotations and managed fields of one object; etcd takes 1.5 MiB.
const METADATA_LIMIT_BYTES: usize = 2 * 1024 * 1024;

/// What a controller is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Asking<'t> {
    pub token: &'t str,
    /// Of a HelmRelease: to upgrade it though nothing is new.
    pub force: bool,
    /// Of a HelmRelease: to forget how often it has failed.
    pub reset: bool,
}

impl<'t> Asking<'t> {
    /// To reconcile, and nothing more.
    pub fn plainly(token: &'t str) -> Self {
        Self {
            token,
            force: false,
            reset: false,
        }
    }
}

impl Connection {
    /// Writes `token` where the object's controller looks for it. The same token again changes nothing. Answers the
    /// version that the object has by it, `None` where it cannot be told.
    ///
    /// # Errors
    /// See [`PatchFault`]. It is not tried again here.
    pub async fn annotate(
        &self,
        key: &ItemKey,
        token: &str,
    ) -> Result<Option<ResourceVersion>, PatchFault> {
        self.patch(key, Asking::plainly(token))
            .await
            .map_err(|(failure, status)| fault(key, failure, &status))
    }

    pub(super) async fn patch(
        &self,
        key: &ItemKey,
        asking: Asking<'_>,
    ) -> Result<Option<ResourceVersion>, (Failure, Status)> {
        let wanted = wanted("patch", key.kind);
        let request = request(key, asking).map_err(|error| {
            let reason = format!("cannot {wanted}: {error}");
            (Failure::new(Cause::Refused, reason), Status::default())
        })?;
        let sent = async {
            let response = match self.ask(request, &wanted).await {
                Ok(answer) => answer?,
                Err(failure) => return Err((failure, Status::default())),
            };
            // The annotation is there, whatever becomes of the answer.
            let body = self.read(response.into_body(), METADATA_LIMIT_BYTES).await;
            Ok(body.ok().and_then(|body| version(&body)))
        };
        match timeout(ANSWER_LIMIT, sent).await {
            Ok(sent) => sent,
            Err(_) => Err((
                Failure::too_late(self.server(), ANSWER_LIMIT),
                Status::default(),
            )),
        }
    }
}

/// Of an object as it was answered.
fn version(object: &[u8]) -> Option<ResourceVersion> {
    #[derive(Deserialize)]
    struct Object {
        metadata: Metadata,
    }
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Metadata {
        resource_version: String,
    }
    let object: Object = serde_json::from_slice(object).ok()?;
    Some(ResourceVersion::read(&object.metadata.resource_version))
}

fn request(key: &ItemKey, asking: Asking<'_>) -> Result<Request<Vec<u8>>, http::Error> {
    let ItemKey {
        kind,
        namespace,
        name,
    } = key;
    let (group, version, plural) = (kind.group(), kind.version(), kind.plural());
    let path = format!(
        "/apis/{group}/{version}/namespaces/{namespace}/{plural}/{name}?fieldManager={FIELD_MANAGER}"
    );
    let Asking {
        token,
        force,
        reset,
    } = asking;
    let more = [(FORCE_AT, force), (RESET_AT, reset)].into_iter();
    let more = more.filter_map(|(name, is_asked)| is_asked.then_some(name));
    let annotations: BTreeMap<&str, &str> = more
        .chain([REQUESTED_AT])
        .map(|name| (name, token))
        .collect();
    let patch = json!({"metadata": {"annotations": annotations}});
    Request::patch(path)
        .header(header::CONTENT_TYPE, "application/merge-patch+json")
        .header(header::ACCEPT, METADATA_ONLY)
        .body(patch.to_string().into_bytes())
}

pub(super) fn fault(key: &ItemKey, failure: Failure, status: &Status) -> PatchFault {
    let Failure {
        cause,
        reason,
        retry_after,
    } = failure;
    let names_it = || {
        let details = status.details.as_ref();
        details.is_some_and(|details| *details.name == *key.name)
    };
    match cause {
        // A server that lacks the kind answers 404 too, and does not name the object.
        Cause::Missing if status.is_of_api_server() && names_it() => PatchFault::Gone,
        Cause::Refused | Cause::Expired => PatchFault::Refused(reason),
        Cause::Forbidden => PatchFault::Forbidden(reason),
        _ => PatchFault::Later {
            reason,
            retry_after,
            busy: matches!(cause, Cause::Busy | Cause::TooLate),
        },
    }
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use crate::catalog::Kind;

    use super::*;

    fn written(asking: Asking<'_>) -> Value {
        let key = ItemKey {
            kind: Kind::HelmRelease,
            namespace: "apps".into(),
            name: "web".into(),
        };
        let request = request(&key, asking).unwrap();
        serde_json::from_slice(request.body()).unwrap()
    }

    #[test]
    fn what_is_asked_of_a_release_beside_carries_the_same_token() {
        let plainly = Asking::plainly("t");
        let annotations = |asking| written(asking)["metadata"]["annotations"].clone();
        assert_eq!(annotations(plainly), json!({REQUESTED_AT: "t"}));
        let force = Asking {
            force: true,
            ..plainly
        };
        assert_eq!(
            annotations(force),
            json!({REQUESTED_AT: "t", FORCE_AT: "t"})
        );
        let reset = Asking {
            reset: true,
            ..force
        };
        assert_eq!(
            annotations(reset),
            json!({REQUESTED_AT: "t", FORCE_AT: "t", RESET_AT: "t"})
        );
    }
}
