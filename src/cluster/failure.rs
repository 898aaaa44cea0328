//! Why a request to an API server did not do what it was for, in words that say what to do.

use std::error::Error;
use std::io;
use std::time::Duration;

use http::{HeaderMap, StatusCode, header};
use serde::Deserialize;

use crate::catalog::Kind;
use crate::flux::mask;

/// A request that failed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{reason}")]
pub struct Failure {
    pub cause: Cause,
    pub reason: String,
    /// What the server asked to wait.
    pub retry_after: Option<Duration>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cause {
    /// 410: the server no longer knows that version, or that place in a list.
    Expired,
    /// 404.
    Missing,
    /// 401, or the credentials could not be had at all.
    Unauthorized,
    /// 403.
    Forbidden,
    /// 409.
    Conflict,
    /// Any other 4xx: the same request is refused again.
    Refused,
    /// 429, 503, 504 and the like: the server has too much to do.
    Busy,
    /// Any other answer that is none: 5xx, a redirection.
    Failing,
    /// It was not answered in time.
    TooLate,
    /// It never reached the server, or the connection broke.
    Unreachable,
    /// The answer is none of an API server.
    Unreadable,
}

impl Cause {
    /// Whether a new connection, with credentials that are read again, may do better.
    pub fn asks_for_new_connection(self) -> bool {
        matches!(self, Self::Unauthorized | Self::TooLate | Self::Unreachable)
    }
}

/// What an API server says instead of an answer.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Status {
    pub(super) kind: String,
    pub(super) message: String,
    pub(super) code: u16,
    pub(super) details: Option<Details>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Details {
    pub(super) name: String,
}

impl Status {
    /// Any text is taken: proxies before an API server answer in other words.
    pub(super) fn read(body: &[u8]) -> Self {
        serde_json::from_slice(body).unwrap_or_default()
    }

    pub(super) fn is_of_api_server(&self) -> bool {
        self.kind == "Status"
    }
}

/// How long a connection may take until it is there.
pub(super) const CONNECT_LIMIT: Duration = Duration::from_secs(10);
/// A message is cut to so much.
const MESSAGE_LIMIT_BYTES: usize = 300;
/// A server may not ask to wait longer.
const RETRY_AFTER_LIMIT: Duration = Duration::from_secs(300);

impl Failure {
    pub fn new(cause: Cause, reason: impl Into<String>) -> Self {
        Self {
            cause,
            reason: reason.into(),
            retry_after: None,
        }
    }

    /// An answer that is none. `wanted` says what was asked: ``list buckets.source.toolkit.fluxcd.io``.
    pub(super) fn answered(
        status: StatusCode,
        headers: &HeaderMap,
        body: &Status,
        wanted: &str,
    ) -> Self {
        let cause = match status.as_u16() {
            401 => Cause::Unauthorized,
            403 => Cause::Forbidden,
            404 => Cause::Missing,
            409 => Cause::Conflict,
            410 => Cause::Expired,
            408 | 429 | 503 | 504 => Cause::Busy,
            400..=499 => Cause::Refused,
            _ => Cause::Failing,
        };
        let message = shown(&body.message);
        let reason = match cause {
            Cause::Unauthorized => "the API server refuses our credentials (401); renew the token or certificate that the kubeconfig names".to_owned(),
            Cause::Forbidden => format!("may not {wanted} (403); allow it by a ClusterRole and its binding{}", after(": ", &message)),
            _ => format!("cannot {wanted}: the API server answers {}{}", status.as_u16(), after(": ", &message)),
        };
        let seconds = headers
            .get(header::RETRY_AFTER)
            .and_then(|value| value.to_str().ok()?.trim().parse().ok());
        Self {
            cause,
            reason,
            retry_after: seconds.map(|seconds| Duration::from_secs(seconds).min(RETRY_AFTER_LIMIT)),
        }
    }

    pub fn too_late(server: &str, limit: Duration) -> Self {
        let seconds = limit.as_secs_f32();
        Self::new(
            Cause::TooLate,
            format!("the API server at {server} does not answer within {seconds} s"),
        )
    }

    /// A request that got no answer.
    pub(super) fn unanswered(server: &str, error: &(dyn Error + 'static)) -> Self {
        let mut chain = Vec::new();
        let mut next = Some(error);
        while let Some(error) = next {
            if let Some(error) = error.downcast_ref::<kube::client::AuthError>() {
                return Self::new(Cause::Unauthorized, without_credentials(error));
            }
            if let Some(io) = error.downcast_ref::<io::Error>()
                && io.kind() == io::ErrorKind::ConnectionRefused
            {
                let reason = format!(
                    "the API server at {server} refuses connections; is it up, and is its address in the kubeconfig right?"
                );
                return Self::new(Cause::Unreachable, reason);
            }
            if let Some(io) = error.downcast_ref::<io::Error>()
                && io.kind() == io::ErrorKind::TimedOut
            {
                return Self::too_late(server, CONNECT_LIMIT);
            }
            if let Some(tls) = error.downcast_ref::<rustls::Error>() {
                let reason = format!(
                    "no safe connection to {server}: {tls}; check `certificate-authority` and the client certificate in the kubeconfig"
                );
                return Self::new(Cause::Unreachable, reason);
            }
            chain.push(error.to_string());
            next = match error.downcast_ref::<io::Error>() {
                Some(io) if io.get_ref().is_some() => io.get_ref().map(|error| error as _),
                _ => error.source(),
            };
        }
        let last = chain.last().map(|text| shown(text)).unwrap_or_default();
        let is_name = chain.iter().any(|text| text.contains("dns error"));
        let reason = if is_name {
            format!(
                "cannot find the host of {server} ({last}); check its address in the kubeconfig and the name servers"
            )
        } else {
            format!("cannot reach the API server at {server}: {last}")
        };
        Self::new(Cause::Unreachable, reason)
    }
}

/// What is asked of a kind: ``list buckets.source.toolkit.fluxcd.io``.
pub(super) fn wanted(verb: &str, kind: Kind) -> String {
    format!("{verb} {}.{}", kind.plural(), kind.group())
}

/// Why there are no credentials. What a plugin printed is not shown as a whole: it may hold a token.
pub(super) fn without_credentials(error: &kube::client::AuthError) -> String {
    use kube::client::AuthError;
    match error {
        AuthError::AuthExecRun { out, .. } => {
            let said = String::from_utf8_lossy(&out.stderr);
            let last = said.lines().rev().find(|line| !line.trim().is_empty());
            let said = after(": ", &shown(last.unwrap_or_default()));
            format!(
                "the credential plugin of the kubeconfig failed with {}{said}; run it by hand to see why",
                out.status
            )
        }
        AuthError::InvalidBearerToken(_) => {
            "the token that the kubeconfig names holds a line break or another control character; write it without"
                .to_owned()
        }
        AuthError::AuthExecParse(_) | AuthError::ExecPluginFailed => {
            "the credential plugin of the kubeconfig printed no ExecCredential; run it by hand to see why".to_owned()
        }
        other => format!("no credentials for the API server: {}", shown(&other.to_string())),
    }
}

/// A text of others for one line of ours: bounded, without control characters and credentials.
pub(super) fn shown(text: &str) -> String {
    let text = text.trim();
    let cut = &text[..text.floor_char_boundary(MESSAGE_LIMIT_BYTES)];
    let plain = cut.replace(|c: char| c.is_control(), " ");
    mask(&plain).into_owned()
}

fn after(separator: &str, text: &str) -> String {
    if text.is_empty() {
        String::new()
    } else {
        format!("{separator}{text}")
    }
}
