//! Sends a call until there is an answer to hand back: through holds, failures, new proofs and redirects.
//!
//! ```text
//! Asking -> proof (token, signature) -> gate -> sent once -> booked -> judged
//!             ^                                                          |-> Judged, or CallFault
//!             `--- after a hold, a pause, with a new proof, or elsewhere <'
//! ```

use std::sync::{Mutex, MutexGuard, PoisonError};

use http::{Method, StatusCode, Uri};
use hyper::body::Bytes;
use jiff::SignedDuration;
use serde_json::Value;
use tokio::time::{Instant, sleep};
use tracing::debug;

use crate::budget::live::{Ask, Hold, HoldReason};

use super::address::{Address, Target};
use super::again::Again;
use super::call::Speaks;
use super::etag::{Etags, Generation};
use super::fault::{CallFault, Refusal};
use super::headers;
use super::judge::{self, Made};
use super::line::{Answered, Exchange, Line, Sending};
use super::settings::IdentitySettings;
use super::speaker::Speaker;
use super::transport::WireFault;

/// A renamed repository is followed so often.
const MOST_REDIRECTS: usize = 3;

/// All that one identity needs to speak to one host.
pub(super) struct Voice {
    pub(super) address: Address,
    pub(super) line: Line,
    pub(super) speaker: Speaker,
    pub(super) settings: IdentitySettings,
    pub(super) reserve: f64,
    pub(super) etags: Mutex<Etags>,
    /// When the limits were asked for; whoever holds it asks.
    pub(super) looked: tokio::sync::Mutex<Option<Instant>>,
    pub(super) troubles: Mutex<Troubles>,
}

/// Why the last call brought nothing, where that was not for what it asked; one that waits at the gate
/// changes nothing of it. An App may be taken while its installation is not.
#[derive(Debug, Default)]
pub(super) struct Troubles {
    pub(super) as_app: Option<CallFault>,
    pub(super) as_installation: Option<CallFault>,
}

/// A call with all that is the same however often it is sent.
pub(super) struct Asking<'a> {
    pub(super) method: &'a Method,
    pub(super) uri: Uri,
    pub(super) ask: Ask,
    pub(super) speaks: Speaks,
    pub(super) is_query: bool,
    pub(super) body: Option<&'a Value>,
    /// The path under which its `ETag` is kept; `None`: it is not conditional.
    pub(super) etag: Option<&'a str>,
    pub(super) idempotent: bool,
    pub(super) limit_bytes: usize,
    pub(super) deadline: Option<Instant>,
    /// As it is named in faults.
    pub(super) named: String,
}

/// An answer that is neither a failure nor a limit.
pub(super) struct Judged {
    pub(super) answered: Answered,
    pub(super) body: Bytes,
    pub(super) made: Made,
    pub(super) generation: Generation,
    pub(super) moved_to: Option<String>,
}

impl Voice {
    /// Sends a call until there is an answer that is neither a failure nor a limit.
    pub(super) async fn send(&self, asking: &Asking<'_>) -> Result<Judged, CallFault> {
        let sent = self.send_on(asking).await;
        let trouble = match &sent {
            Ok(_) => None,
            Err(CallFault::Held(_)) => return sent,
            // That is seen where it is, without a call.
            Err(CallFault::Unusable { .. }) => None,
            Err(fault) => Some(fault.clone()),
        };
        let mut troubles = self.troubles();
        if self.speaker.is_app(asking.speaks) {
            troubles.as_app = trouble;
        } else {
            troubles.as_installation = trouble;
        }
        drop(troubles);
        sent
    }

    async fn send_on(&self, asking: &Asking<'_>) -> Result<Judged, CallFault> {
        let Self {
            address,
            line,
            speaker,
            ..
        } = self;
        let (purpose, deadline) = (asking.ask.purpose, asking.deadline);
        let retries = asking.idempotent && !asking.is_query;
        let mut again = Again::default();
        let mut uri = asking.uri.clone();
        let mut redirects = 0;
        let mut moved_to = None;
        let mut proved_anew = false;
        line.wire.transport()?;
        loop {
            let proof = speaker.prove(asking.speaks, line, address, purpose, deadline);
            let proof = proof.await.map_err(|fault| fault.named(&asking.named))?;
            let made = if asking.is_query {
                Made::Query
            } else {
                proof.made
            };
            let etag = asking.etag;
            let etag = etag.and_then(|path| self.etags().find(&proof.generation, path));
            let sending = Sending {
                made,
                method: asking.method,
                uri: &uri,
                ask: asking.ask.clone(),
                etag: etag.as_deref(),
                body: asking.body,
                limit_bytes: asking.limit_bytes,
            };
            let exchange = line.exchange(sending, || speaker.header(&proof, line), deadline);
            let mut answered = match exchange.await.map_err(CallFault::Held)? {
                Exchange::Outdated => continue,
                Exchange::Answered(answered) => answered,
                Exchange::Unanswered(fault) => {
                    let is_safe = retries || matches!(fault, WireFault::NotSent { .. });
                    pause(&mut again, is_safe, deadline, fault.of_call(&line.host)).await?;
                    continue;
                }
            };
            let status = answered.status;
            let failed = CallFault::Failed {
                host: line.host.clone(),
                status,
            };
            if answered.is_limited() {
                if asking.idempotent && again.after_hold() {
                    continue;
                }
                let was_refused = !status.is_server_error();
                return Err(if was_refused {
                    self.held(asking)
                } else {
                    failed
                });
            }
            if status.is_server_error() {
                pause(&mut again, retries, deadline, failed).await?;
                continue;
            }
            let body = match std::mem::replace(&mut answered.body, Ok(Bytes::new())) {
                Ok(body) => body,
                Err(fault) => {
                    let is_safe = retries && !matches!(fault, WireFault::TooLarge { .. });
                    pause(&mut again, is_safe, deadline, fault.of_call(&line.host)).await?;
                    continue;
                }
            };
            if let Some(location) = redirect(&answered) {
                if redirects == MOST_REDIRECTS {
                    return Err(CallFault::TooManyRedirects {
                        call: asking.named.clone(),
                        limit: MOST_REDIRECTS,
                    });
                }
                redirects += 1;
                let path = self.followed(location, asking)?;
                uri = address
                    .rest(&path)
                    .ok_or(CallFault::Path { path: path.clone() })?;
                moved_to = Some(path);
                continue;
            }
            let judged = Judged {
                answered,
                body,
                made,
                generation: proof.generation.clone(),
                moved_to: moved_to.clone(),
            };
            let is_unproved = status == StatusCode::UNAUTHORIZED;
            if !is_unproved && !judged.is_suspended() {
                speaker.was_taken(&proof);
                return Ok(judged);
            }
            if is_unproved && !proved_anew && speaker.was_refused(&proof, line).await {
                proved_anew = true;
                continue;
            }
            let fault = self.refused(&judged, asking);
            speaker.refuse(&proof, &fault);
            return Err(fault);
        }
    }

    /// Where a renamed repository is now.
    fn followed(&self, location: &str, asking: &Asking<'_>) -> Result<String, CallFault> {
        match self.address.target(location) {
            Target::Below(path) => Ok(path),
            Target::Elsewhere(to) => Err(CallFault::Elsewhere {
                host: self.line.host.clone(),
                call: asking.named.clone(),
                to: headers::shown(&to),
            }),
        }
    }

    fn held(&self, asking: &Asking<'_>) -> CallFault {
        let line = &self.line;
        let hold = line.hold(&asking.ask.resource).unwrap_or_else(|| Hold {
            until: line.clock.now() + SignedDuration::from_secs(60),
            why: HoldReason::SecondaryLimit,
            resource: None,
        });
        CallFault::Held(hold)
    }

    pub(super) fn good(&self, judged: Judged, asking: &Asking<'_>) -> Result<Judged, CallFault> {
        let status = judged.answered.status;
        if status.is_success() || status == StatusCode::NOT_MODIFIED {
            return Ok(judged);
        }
        Err(self.refused(&judged, asking))
    }

    fn refused(&self, judged: &Judged, asking: &Asking<'_>) -> CallFault {
        let message = judge::message(&judged.body);
        CallFault::Refused {
            identity: self.settings.name.clone(),
            call: asking.named.clone(),
            status: judged.answered.status,
            reason: judged.refusal(&message),
            message,
        }
    }

    /// Why it cannot speak at all, whatever it asks.
    pub(super) fn unusable(&self) -> Option<CallFault> {
        let wire = self.line.wire.transport().err();
        wire.or_else(|| self.speaker.unusable())
    }

    pub(super) fn troubles(&self) -> MutexGuard<'_, Troubles> {
        let troubles = self.troubles.lock();
        troubles.unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn etags(&self) -> MutexGuard<'_, Etags> {
        let etags = self.etags.lock();
        etags.unwrap_or_else(PoisonError::into_inner)
    }
}

impl Judged {
    /// Whether nothing is taken of whoever asked, whatever it is.
    fn is_suspended(&self) -> bool {
        self.answered.status == StatusCode::FORBIDDEN
            && self.refusal(&judge::message(&self.body)) == Refusal::Suspended
    }

    fn refusal(&self, message: &str) -> Refusal {
        let Answered {
            status, headers, ..
        } = &self.answered;
        judge::refusal(self.made, *status, headers, message)
    }
}

/// Waits before a call is made again.
///
/// # Errors
/// It is not made again, because of `fault`.
async fn pause(
    again: &mut Again,
    is_safe: bool,
    deadline: Option<Instant>,
    fault: CallFault,
) -> Result<(), CallFault> {
    let pause = is_safe
        .then(|| again.after_failure(fastrand::f64()))
        .flatten();
    let Some(pause) = pause else {
        return Err(fault);
    };
    if deadline.is_some_and(|deadline| deadline < Instant::now() + pause) {
        return Err(fault);
    }
    debug!(%fault, ?pause, "a call is made again");
    sleep(pause).await;
    Ok(())
}

fn redirect(answered: &Answered) -> Option<&str> {
    let moves = matches!(answered.status.as_u16(), 301 | 302 | 307 | 308);
    headers::location(&answered.headers).filter(|_| moves)
}
