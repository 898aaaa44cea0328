//! Watches the objects of one kind.

use std::borrow::Cow;
use std::time::Duration;

use http::{HeaderValue, StatusCode, header};
use http_body_util::BodyExt;
use kube::client::Body;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde::Deserialize;
use serde_json::value::RawValue;
use tokio::time::timeout;

use crate::catalog::{Kind, ResourceVersion};

use super::connection::Connection;
use super::failure::{Failure, Status, wanted};
use super::items::Piece;
use super::lines::Lines;
use super::list::{OBJECT_LIMIT_BYTES, get, path};

/// A watch that the server has begun.
#[derive(Debug)]
pub struct Watch {
    body: Body,
    lines: Lines,
    server: String,
}

/// How a watch goes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Heard {
    Something,
    /// Nothing within the time given.
    Silence,
    /// The server ended it.
    End,
}

/// A line of a watch.
#[derive(Debug)]
pub enum Told<'l> {
    /// Added or modified: an object as JSON.
    Applied(&'l [u8]),
    Deleted(Named<'l>),
    /// Nothing happened up to this version.
    Bookmark(ResourceVersion),
    /// The server ends the watch.
    Failed(Failure),
    /// No line of an API server.
    Unreadable(String),
}

/// What identifies an object, whatever else it is made of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Named<'l> {
    pub namespace: Cow<'l, str>,
    pub name: Cow<'l, str>,
    pub version: ResourceVersion,
}

#[derive(Deserialize)]
struct Line<'l> {
    #[serde(borrow, rename = "type")]
    what: Cow<'l, str>,
    #[serde(borrow)]
    object: &'l RawValue,
}

#[derive(Deserialize)]
struct Object<'l> {
    #[serde(borrow)]
    metadata: Metadata<'l>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Metadata<'l> {
    #[serde(borrow, default)]
    namespace: Cow<'l, str>,
    #[serde(borrow, default)]
    name: Cow<'l, str>,
    #[serde(borrow)]
    resource_version: Cow<'l, str>,
}

impl Connection {
    /// Asks for all that happens to a kind after `from`; the server ends the watch after `lasting`.
    ///
    /// # Errors
    /// See [`super::Cause`].
    pub async fn watch(
        &self,
        kind: Kind,
        from: &ResourceVersion,
        lasting: Duration,
    ) -> Result<Watch, Failure> {
        let from = from.to_string();
        let path = format!(
            "{}?watch=true&allowWatchBookmarks=true&resourceVersion={}&timeoutSeconds={}",
            path(kind),
            utf8_percent_encode(&from, NON_ALPHANUMERIC),
            lasting.as_secs(),
        );
        let wanted = wanted("watch", kind);
        let mut request = get(&path, &wanted)?;
        // From Kubernetes 1.37 on each event is an archive of its own, of which only the first would be unpacked.
        let plain = HeaderValue::from_static("identity");
        request.headers_mut().insert(header::ACCEPT_ENCODING, plain);
        let response = self.send(request, &wanted).await?;
        Ok(Watch {
            body: response.into_body(),
            lines: Lines::new(OBJECT_LIMIT_BYTES),
            server: self.server().to_owned(),
        })
    }
}

impl Watch {
    /// Waits for the next bytes and tells of each line that ends in them, as [`Told::read`] takes it.
    ///
    /// # Errors
    /// The connection broke.
    pub async fn next(
        &mut self,
        silence: Duration,
        tell: &mut impl FnMut(Piece<'_>),
    ) -> Result<Heard, Failure> {
        let Ok(frame) = timeout(silence, self.body.frame()).await else {
            return Ok(Heard::Silence);
        };
        let Some(frame) = frame else {
            return Ok(Heard::End);
        };
        let frame = frame.map_err(|error| Failure::unanswered(&self.server, &error))?;
        if let Ok(bytes) = frame.into_data() {
            self.lines.read(&bytes, tell);
        }
        Ok(Heard::Something)
    }
}

impl<'l> Told<'l> {
    pub fn read(kind: Kind, line: &'l [u8]) -> Self {
        let line: Line<'l> = match serde_json::from_slice(line) {
            Ok(line) => line,
            Err(error) => return Self::Unreadable(error.to_string()),
        };
        let object = line.object.get();
        match &*line.what {
            "ADDED" | "MODIFIED" => Self::Applied(object.as_bytes()),
            "DELETED" => match Named::read(object.as_bytes()) {
                Some(named) if !named.name.is_empty() => Self::Deleted(named),
                _ => Self::Unreadable("a deleted object has no name or version".to_owned()),
            },
            "BOOKMARK" => match Named::read(object.as_bytes()) {
                Some(named) => Self::Bookmark(named.version),
                None => Self::Unreadable("a bookmark has no version".to_owned()),
            },
            "ERROR" => Self::Failed(ended(kind, object)),
            other => Self::Unreadable(format!("an event of type `{other:.40}`")),
        }
    }
}

impl<'l> Named<'l> {
    /// `None` where the object has no version.
    pub fn read(object: &'l [u8]) -> Option<Self> {
        let Object { metadata } = serde_json::from_slice(object).ok()?;
        Some(Self {
            namespace: metadata.namespace,
            name: metadata.name,
            version: ResourceVersion::read(&metadata.resource_version),
        })
    }
}

fn ended(kind: Kind, status: &str) -> Failure {
    let status = Status::read(status.as_bytes());
    let code = StatusCode::from_u16(status.code).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let wanted = wanted("watch", kind);
    Failure::answered(code, &http::HeaderMap::new(), &status, &wanted)
}
