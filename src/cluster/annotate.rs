//! Asks a controller of Flux to reconcile an object.

use http::{Request, header};
use serde_json::json;
use tokio::time::timeout;

use crate::catalog::{ItemKey, REQUESTED_AT};

use super::connection::{ANSWER_LIMIT, Connection};
use super::failure::{Cause, Failure, Status, wanted};
use super::fault::PatchFault;

/// Who writes, for the API server. kustomize-controller takes back what `kubectl` wrote.
const FIELD_MANAGER: &str = "flux-setup";
/// Only the object's metadata: a Kustomization itself may be large.
const METADATA_ONLY: &str =
    "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1,application/json";

impl Connection {
    /// Writes `token` where the object's controller looks for it. The same token again changes nothing.
    ///
    /// # Errors
    /// See [`PatchFault`]. It is not tried again here.
    pub async fn annotate(&self, key: &ItemKey, token: &str) -> Result<(), PatchFault> {
        self.patch(key, token)
            .await
            .map_err(|(failure, status)| fault(key, failure, &status))
    }

    pub(super) async fn patch(&self, key: &ItemKey, token: &str) -> Result<(), (Failure, Status)> {
        let wanted = wanted("patch", key.kind);
        let request = request(key, token).map_err(|error| {
            let reason = format!("cannot {wanted}: {error}");
            (Failure::new(Cause::Refused, reason), Status::default())
        })?;
        let sent = async {
            let response = match self.ask(request, &wanted).await {
                Ok(answer) => answer?,
                Err(failure) => return Err((failure, Status::default())),
            };
            // Read to its end, else the socket is not used again. The annotation is there in any case.
            let _ = self.read(response.into_body(), 0).await;
            Ok(())
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

fn request(key: &ItemKey, token: &str) -> Result<Request<Vec<u8>>, http::Error> {
    let ItemKey {
        kind,
        namespace,
        name,
    } = key;
    let (group, version, plural) = (kind.group(), kind.version(), kind.plural());
    let path = format!(
        "/apis/{group}/{version}/namespaces/{namespace}/{plural}/{name}?fieldManager={FIELD_MANAGER}"
    );
    let patch = json!({"metadata": {"annotations": {REQUESTED_AT: token}}});
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
        _ => PatchFault::Later {
            reason,
            retry_after,
            busy: matches!(cause, Cause::Busy | Cause::TooLate),
        },
    }
}
