//! Why GitHub gave nothing of use, and what to do about it.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use http::StatusCode;

use crate::budget::live::Hold;
use crate::config::{SecretFault, SecretRef};

/// Why GitHub cannot be asked at all.
#[derive(Debug, thiserror::Error)]
pub enum GithubFault {
    #[error(
        "`apiUrl` of `{host}` is no address of an API: {reason}; write it as `https://ghe.acme.io/api/v3`"
    )]
    Address { host: Arc<str>, reason: String },
    #[error("the proxy of `{variable}` cannot be used for `{host}`: {reason}")]
    Proxy {
        host: Arc<str>,
        variable: &'static str,
        reason: String,
    },
}

/// Why a secret is no credential. No message repeats any of it.
#[derive(Debug, thiserror::Error)]
pub enum CredentialFault {
    #[error(transparent)]
    Secret(#[from] SecretFault),
    #[error("the token has a letter that no token has; look for spaces and line breaks in it")]
    Letters,
    #[error(
        "the private key cannot be used: {reason}; download one from the settings of the App and leave it as it is"
    )]
    PrivateKey { reason: &'static str },
}

/// Why a call brought nothing.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CallFault {
    /// Nothing is wrong: ask again later.
    #[error("GitHub may not be asked before {} ({})", .0.until, .0.why)]
    Held(Hold),
    /// The credential or the certificates cannot be used; it was not sent.
    #[error("{reason}; {mend}")]
    Unusable { reason: String, mend: String },
    #[error("cannot reach `{host}`: {reason}")]
    Unreachable { host: Arc<str>, reason: String },
    #[error("`{host}` did not answer within {} s", limit.as_secs_f64())]
    TimedOut { host: Arc<str>, limit: Duration },
    /// GitHub answered, and the answer is no.
    #[error("GitHub refused `{call}` to `{identity}` ({}{}): {reason}", status.as_u16(), said(message))]
    Refused {
        identity: Arc<str>,
        /// `GET /repos/acme/web/hooks`.
        call: String,
        status: StatusCode,
        reason: Refusal,
        /// GitHub's own words.
        message: String,
    },
    /// 5xx, also after it was asked again where that is safe.
    #[error("`{host}` has a fault of its own ({}); ask again later, and see githubstatus.com", status.as_u16())]
    Failed { host: Arc<str>, status: StatusCode },
    #[error("the answer has more than {limit_bytes} bytes")]
    TooLarge { limit_bytes: usize },
    #[error("cannot read the answer: {reason}")]
    BadAnswer { reason: String },
    /// The token was not sent there.
    #[error(
        "`{call}` was redirected to `{to}`, and a token never follows to another host; correct `apiUrl` of `{host}`"
    )]
    Elsewhere {
        host: Arc<str>,
        call: String,
        to: String,
    },
    #[error("there are more than {limit} pages, and no more are read")]
    TooManyPages { limit: usize },
    #[error("`{call}` was redirected more than {limit} times")]
    TooManyRedirects { call: String, limit: usize },
    #[error("`{path}` is no path of the API; it begins with one `/`")]
    Path { path: String },
}

impl CallFault {
    /// One word for it, as in metrics.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Held(_) => "held",
            Self::Unreachable { .. } => "unreachable",
            Self::TimedOut { .. } => "timedOut",
            Self::Refused { reason, .. } => reason.name(),
            Self::Failed { .. } => "failed",
            Self::Unusable { .. } => "unusable",
            Self::Elsewhere { .. } => "elsewhere",
            Self::TooLarge { .. }
            | Self::BadAnswer { .. }
            | Self::TooManyPages { .. }
            | Self::TooManyRedirects { .. }
            | Self::Path { .. } => "unreadable",
        }
    }

    /// Whether GitHub takes nothing of whoever asks, until somebody does something.
    pub fn is_of_credential(&self) -> bool {
        matches!(
            self,
            Self::Refused {
                reason: Refusal::Unauthorized
                    | Refusal::AppUnknown
                    | Refusal::Suspended
                    | Refusal::InstallationRemoved,
                ..
            }
        )
    }

    /// The same of another call: the one that it was met by was not that of whoever asks.
    pub(super) fn named(mut self, named: &str) -> Self {
        if let Self::Refused { call, reason, .. } = &mut self
            && *reason == Refusal::Unauthorized
        {
            named.clone_into(call);
        }
        self
    }
}

/// That what `reference` leads to cannot be used, and how to mend that.
pub(super) fn unusable(reason: String, reference: &SecretRef) -> CallFault {
    let mend = match reference {
        SecretRef::File(_) => format!(
            "put {reference} right, so that this program can read it; it is looked at again by itself"
        ),
        SecretRef::Env(name) => format!("set `{name}` right and start again"),
    };
    CallFault::Unusable { reason, mend }
}

/// Why GitHub said no. Shown, it says what to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Refusal {
    /// The token was revoked, has expired, or was never one.
    Unauthorized,
    /// GitHub does not know the App, or not by this key.
    AppUnknown,
    /// Somebody suspended the installation of the App, or the account.
    Suspended,
    /// The App is not installed there any more.
    InstallationRemoved,
    /// `needs`: the permissions or scopes, as GitHub names them.
    Forbidden { needs: Option<String> },
    /// The organisation wants the token to be authorised; `url`: where.
    SingleSignOn { url: Option<String> },
    /// It is not there, or must not be seen. `needs`: the scopes that the token lacks for it.
    NotFound { needs: Option<String> },
    /// It was there once.
    Gone,
    /// The repository is archived, so it cannot be changed.
    Archived,
    /// GitHub took it away, for legal reasons or because of its terms.
    Blocked,
    /// There is nothing in the repository yet, or somebody else changes it.
    Conflict,
    /// GitHub does not take what was sent.
    Invalid,
    /// Any other status.
    Other,
}

impl Refusal {
    fn name(&self) -> &'static str {
        match self {
            Self::Unauthorized => "unauthorized",
            Self::AppUnknown => "appUnknown",
            Self::Suspended => "suspended",
            Self::InstallationRemoved => "installationRemoved",
            _ => "refused",
        }
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unauthorized => f.write_str(
                "the token is revoked, expired or wrong; make a new one and put it where the configuration points",
            ),
            Self::AppUnknown => f.write_str(
                "the App's `id` or `privateKey` is wrong; compare the `id` with the settings of the App, or make a new key there",
            ),
            Self::Suspended => f.write_str(
                "it is suspended; the installation of an App: an owner of the organisation can lift that under `Installed GitHub Apps`; an account: GitHub's support can",
            ),
            Self::InstallationRemoved => f.write_str(
                "the App has no such installation; install it again and correct `installation`",
            ),
            Self::Forbidden { needs: Some(needs) } => {
                write!(f, "it needs `{needs}`; grant that, and of an App accept it where it is installed")
            }
            Self::Forbidden { needs: None } => {
                f.write_str("the token does not cover this; grant it access to the repository or organisation")
            }
            Self::SingleSignOn { url: Some(url) } => {
                write!(f, "the organisation wants single sign-on; authorise the token at {url}")
            }
            Self::SingleSignOn { url: None } => f.write_str(
                "the organisation wants single sign-on; authorise the token for it under `Personal access tokens`",
            ),
            Self::NotFound { needs: Some(needs) } => write!(
                f,
                "it is not there, or is hidden because the token lacks the scope `{needs}`; check the name, then grant the scope"
            ),
            Self::NotFound { needs: None } => f.write_str(
                "it is not there, or may not be seen; check the name, and that the token or App has access to it",
            ),
            Self::Gone => f.write_str("it is not there any more; take it out of the configuration"),
            Self::Archived => {
                f.write_str("the repository is archived and takes no change; unarchive it or leave it out")
            }
            Self::Blocked => f.write_str("GitHub blocks access to it; its owner can ask GitHub's support"),
            Self::Conflict => {
                f.write_str("the repository is empty, or is changed by somebody else; try again")
            }
            Self::Invalid => f.write_str("GitHub does not take what was sent"),
            Self::Other => f.write_str("the status is not expected here"),
        }
    }
}

/// GitHub's words in parentheses that are open already.
fn said(message: &str) -> String {
    if message.is_empty() {
        String::new()
    } else {
        format!(": {message}")
    }
}
