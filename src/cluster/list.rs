//! Lists the objects of one kind.

use std::time::Duration;

use http::{Request, header};
use http_body_util::BodyExt;
use kube::client::Body;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde::Deserialize;
use tokio::time::timeout;

use crate::catalog::{Kind, ResourceVersion};

use super::connection::Connection;
use super::failure::{Cause, Failure, wanted};
use super::items::{Items, Piece};

/// An object, in a list or in a watch, that takes more is passed over. An API server takes some 1.5 MB by default.
pub(super) const OBJECT_LIMIT_BYTES: usize = 4 * 1024 * 1024;
/// A list that sends nothing for so long is given up.
const SILENCE_LIMIT: Duration = Duration::from_secs(10);

/// An answer whose objects have not been read yet.
#[derive(Debug)]
pub struct List<'c> {
    connection: &'c Connection,
    kind: Kind,
    body: Body,
}

/// What a list says beside its objects.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListEnd {
    /// As of which version the list is.
    pub version: ResourceVersion,
    /// Where the next page begins.
    pub next: Option<String>,
}

#[derive(Deserialize)]
struct Rest {
    metadata: ListMetadata,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ListMetadata {
    resource_version: String,
    #[serde(rename = "continue", default)]
    next: String,
}

impl Connection {
    /// Asks for the objects of a kind in all namespaces as they are now: at most `limit`, from where another list ended.
    ///
    /// # Errors
    /// See [`Cause`].
    pub async fn list(
        &self,
        kind: Kind,
        limit: Option<u32>,
        from: Option<&str>,
    ) -> Result<List<'_>, Failure> {
        let mut path = format!("{}?", path(kind));
        if let Some(limit) = limit {
            path += &format!("limit={limit}");
        }
        if let Some(from) = from {
            path += &format!("&continue={}", utf8_percent_encode(from, NON_ALPHANUMERIC));
        }
        let wanted = wanted("list", kind);
        let request = get(&path, &wanted)?;
        let response = self.send(request, &wanted).await?;
        Ok(List {
            connection: self,
            kind,
            body: response.into_body(),
        })
    }

    /// The version that the cluster has come to, as a list of this kind names it.
    ///
    /// # Errors
    /// As [`Self::list`].
    pub async fn current_version(&self, kind: Kind) -> Result<ResourceVersion, Failure> {
        let list = self.list(kind, Some(1), None).await?;
        Ok(list.read(|_| {}).await?.version)
    }

    /// Whether what answers is an API server: what it has no kind for is then really absent.
    pub async fn is_api_server(&self) -> bool {
        #[derive(Deserialize)]
        struct Answer {
            kind: String,
        }
        let Ok(request) = get("/apis", "list API groups") else {
            return false;
        };
        match self.ask(request, "list API groups").await {
            Ok(Ok(response)) => {
                let read = self.read(response.into_body(), OBJECT_LIMIT_BYTES);
                let Ok(Ok(body)) = timeout(SILENCE_LIMIT, read).await else {
                    return false;
                };
                let answer = serde_json::from_slice::<Answer>(&body);
                answer.is_ok_and(|answer| answer.kind == "APIGroupList")
            }
            // It may be forbidden.
            Ok(Err((_, status))) => status.is_of_api_server(),
            Err(_) => false,
        }
    }
}

impl List<'_> {
    /// Reads all objects as JSON, one after the other.
    ///
    /// # Errors
    /// The list broke off, or is none.
    pub async fn read(mut self, mut tell: impl FnMut(Piece<'_>)) -> Result<ListEnd, Failure> {
        let server = self.connection.server();
        let mut items = Items::new(OBJECT_LIMIT_BYTES);
        loop {
            let frame = timeout(SILENCE_LIMIT, self.body.frame()).await;
            let Some(frame) = frame.map_err(|_| Failure::too_late(server, SILENCE_LIMIT))? else {
                break;
            };
            let frame = frame.map_err(|error| Failure::unanswered(server, &error))?;
            if let Ok(bytes) = frame.into_data() {
                items.read(&bytes, &mut tell);
            }
        }
        let rest: Rest = serde_json::from_slice(&items.into_rest()).map_err(|error| {
            let wanted = wanted("list", self.kind);
            let reason = format!("cannot {wanted}: the answer of {server} is no list: {error}");
            Failure::new(Cause::Unreadable, reason)
        })?;
        let ListMetadata {
            resource_version,
            next,
        } = rest.metadata;
        Ok(ListEnd {
            version: ResourceVersion::read(&resource_version),
            next: (!next.is_empty()).then_some(next),
        })
    }
}

/// The objects of a kind in all namespaces.
pub(super) fn path(kind: Kind) -> String {
    let (group, version, plural) = (kind.group(), kind.version(), kind.plural());
    format!("/apis/{group}/{version}/{plural}")
}

pub(super) fn get(path: &str, wanted: &str) -> Result<Request<Vec<u8>>, Failure> {
    Request::get(path)
        .header(header::ACCEPT, "application/json")
        .body(Vec::new())
        .map_err(|error| Failure::new(Cause::Refused, format!("cannot {wanted}: {error}")))
}
