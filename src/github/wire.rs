//! The wire of a host, which is tried again as long as the certificates of `ca` cannot be used.

use std::fmt;
use std::sync::{Mutex, OnceLock, PoisonError};

use http::Uri;
use tokio::time::Instant;
use tracing::{info, warn};

use super::credential::LOOK_EVERY;
use super::fault::{CallFault, unusable};
use super::proxy::Proxy;
use super::settings::GithubSettings;
use super::transport::Transport;

pub(super) enum Wire {
    Given(Transport),
    Own(Box<Opening>),
}

/// Once it is open it stays so.
pub(super) struct Opening {
    settings: GithubSettings,
    uri: Uri,
    proxy: Option<Proxy>,
    open: OnceLock<Transport>,
    tried: Mutex<Option<(Instant, CallFault)>>,
}

impl Wire {
    /// Needs a runtime, as each use of it.
    pub(super) fn open(settings: GithubSettings, uri: Uri, proxy: Option<Proxy>) -> Self {
        let opening = Opening {
            settings,
            uri,
            proxy,
            open: OnceLock::new(),
            tried: Mutex::default(),
        };
        // It is told in the log; whoever asks is told the same.
        let _ = opening.transport();
        Self::Own(Box::new(opening))
    }

    /// # Errors
    /// The certificates could not be used yet.
    pub(super) fn transport(&self) -> Result<&Transport, CallFault> {
        match self {
            Self::Given(transport) => Ok(transport),
            Self::Own(opening) => opening.transport(),
        }
    }
}

impl Opening {
    fn transport(&self) -> Result<&Transport, CallFault> {
        if let Some(transport) = self.open.get() {
            return Ok(transport);
        }
        let mut tried = self.tried.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((at, fault)) = &*tried
            && at.elapsed() < LOOK_EVERY
        {
            return Err(fault.clone());
        }
        let host = &self.settings.host;
        match Transport::open(&self.settings, &self.uri, self.proxy.clone()) {
            Ok(transport) => {
                if tried.take().is_some() {
                    info!(%host, "the certificates of `ca` of `{host}` can be used now");
                }
                Ok(self.open.get_or_init(|| transport))
            }
            Err(reason) => {
                let fault = self.of_no_use(reason);
                if tried.as_ref().is_none_or(|(_, before)| *before != fault) {
                    warn!(%host, "{fault}");
                }
                *tried = Some((Instant::now(), fault.clone()));
                Err(fault)
            }
        }
    }

    fn of_no_use(&self, reason: String) -> CallFault {
        let host = &self.settings.host;
        match &self.settings.ca {
            Some(ca) => {
                let what = format!("cannot use the certificates of `ca` of `{host}`: {reason}");
                unusable(what, ca)
            }
            None => CallFault::Unusable {
                reason,
                mend: "install its list of authorities; it is looked at again by itself".to_owned(),
            },
        }
    }
}

impl fmt::Debug for Wire {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let is_open = self.transport().is_ok();
        f.debug_struct("Wire").field("is_open", &is_open).finish()
    }
}
