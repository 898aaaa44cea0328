//! An App: it proves itself by its key, and gets tokens of its installation for that.

use http::{HeaderValue, Method, StatusCode};
use jiff::Timestamp;
use tokio::time::{Instant, timeout_at};

use crate::budget::live::{APP_JWT, Ask, Hold, HoldReason, Purpose};

use super::address::Address;
use super::again::Again;
use super::credential::{Credential, bearer};
use super::etag::Generation;
use super::fault::CallFault;
use super::judge::{self, Made};
use super::jwt::AppKey;
use super::line::{Answered, Exchange, Line, Sending};
use super::token::{InstallationToken, Kept, TokenKeeper};

/// The answer that brings a token is small.
const TOKEN_LIMIT_BYTES: usize = 256 * 1024;
/// A clock that is found to be so wrong makes it worth to sign again.
const CLOCK_IS_OFF_SECONDS: i64 = 5;

/// An App and one installation of it.
#[derive(Debug)]
pub(super) struct App {
    id: u64,
    installation: u64,
    pub(super) key: Credential<AppKey>,
    pub(super) tokens: TokenKeeper,
}

impl App {
    pub(super) fn new(id: u64, installation: u64, key: Credential<AppKey>) -> Self {
        Self {
            id,
            installation,
            key,
            tokens: TokenKeeper::default(),
        }
    }

    /// The header by which the App speaks as itself; `now` is by GitHub's clock.
    pub(super) fn signed(&self, key: &AppKey, now: Timestamp) -> HeaderValue {
        let token = key.token(self.id, now);
        bearer(token.as_bytes()).expect("the alphabet of base64 has no other letters")
    }

    /// The token of the installation, which is made where there is none.
    pub(super) async fn installed(
        &self,
        line: &Line,
        address: &Address,
        purpose: Purpose,
        deadline: Option<Instant>,
    ) -> Result<InstallationToken, CallFault> {
        let tokens = &self.tokens;
        if let Some(token) = tokens.current(line.clock.now()) {
            return Ok(token);
        }
        let mut keeping = match deadline {
            None => tokens.keeping().await,
            Some(deadline) => timeout_at(deadline, tokens.keeping())
                .await
                .map_err(|_| another_asks(line))?,
        };
        // Whoever had it before may have made one.
        if let Some(token) = keeping.current(line.clock.now()) {
            return Ok(token);
        }
        let made_by = self.key.current()?;
        if let Some(fault) = keeping.refused.holds(&made_by.generation, Instant::now()) {
            return Err(fault);
        }
        let mint = Mint {
            line,
            address,
            purpose,
            deadline,
            path: format!("/app/installations/{}/access_tokens", self.installation),
        };
        let mut is_second = false;
        loop {
            let before = line.ahead().as_secs();
            let sign = || self.signed(&made_by.value, line.github_now());
            let answered = mint.ask(sign).await?;
            if answered.status == StatusCode::CREATED {
                let body = answered.body.map_err(|fault| fault.of_call(&line.host))?;
                let (now, ahead) = (line.clock.now(), line.ahead());
                return keeping.take(&body, now, ahead);
            }
            let is_unproved = answered.status == StatusCode::UNAUTHORIZED;
            if is_unproved && is_clock_off(before, line) && !is_second {
                is_second = true;
                continue;
            }
            return Err(refused_token(
                &mut keeping,
                mint.fault(&answered),
                &made_by.generation,
            ));
        }
    }
}

/// Whether GitHub's clock was found to be another than what was signed by.
pub(super) fn is_clock_off(ahead_then: i64, line: &Line) -> bool {
    (line.ahead().as_secs() - ahead_then).abs() >= CLOCK_IS_OFF_SECONDS
}

/// A refusal is kept, so that not every call asks for it again.
fn refused_token(keeping: &mut Kept, fault: CallFault, key: &Generation) -> CallFault {
    if matches!(fault, CallFault::Refused { .. }) {
        keeping.refused.refuse(key, fault.clone(), Instant::now());
    }
    fault
}

/// Asks for a token of the installation.
struct Mint<'a> {
    line: &'a Line,
    address: &'a Address,
    purpose: Purpose,
    deadline: Option<Instant>,
    path: String,
}

impl Mint<'_> {
    async fn ask(&self, sign: impl Fn() -> HeaderValue) -> Result<Answered, CallFault> {
        let uri = self.address.rest(&self.path);
        let uri = uri.ok_or_else(|| CallFault::Path {
            path: self.path.clone(),
        })?;
        let mut again = Again::default();
        loop {
            let sending = Sending {
                made: Made::ForToken,
                method: &Method::POST,
                uri: &uri,
                ask: Ask {
                    resource: APP_JWT.into(),
                    purpose: self.purpose,
                    cost: 1,
                    secondary: 5,
                    creates: false,
                    endpoint: "/app/installations/{installation_id}/access_tokens".into(),
                },
                etag: None,
                body: None,
                limit_bytes: TOKEN_LIMIT_BYTES,
            };
            let proof = || Some(Some(sign()));
            let exchange = self.line.exchange(sending, proof, self.deadline).await;
            match exchange.map_err(CallFault::Held)? {
                Exchange::Outdated => {}
                Exchange::Answered(answered) if answered.is_limited() && again.after_hold() => {}
                Exchange::Answered(answered) => return Ok(answered),
                Exchange::Unanswered(fault) => return Err(fault.of_call(&self.line.host)),
            }
        }
    }

    fn fault(&self, answered: &Answered) -> CallFault {
        let status = answered.status;
        if status.is_server_error() {
            let host = self.line.host.clone();
            return CallFault::Failed { host, status };
        }
        let message = judge::message(answered.body.as_deref().unwrap_or_default());
        CallFault::Refused {
            identity: self.line.identity.clone(),
            call: format!("POST {}", self.path),
            status,
            reason: judge::refusal(Made::ForToken, status, &answered.headers, &message),
            message,
        }
    }
}

fn another_asks(line: &Line) -> CallFault {
    CallFault::Held(Hold {
        until: line.clock.now(),
        why: HoldReason::Running,
        resource: Some(APP_JWT.into()),
    })
}
