//! Speaks to one host of GitHub as one identity: the only door to its API.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use http::{Method, StatusCode};
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use tokio::time::{Instant, sleep, timeout_at};
use tracing::debug;

use crate::budget::live::{APP_JWT, Ask, Ledger, LedgerSettings, LedgerState, Purpose};

use super::answer::{Answer, GraphqlAnswer};
use super::call::{BODY_LIMIT_BYTES, Call, Speaks};
use super::etag::{EtagRow, Generation, Kept};
use super::fault::CallFault;
use super::headers;
use super::limits;
use super::line::Answered;
use super::voice::{Asking, Voice};

/// Points for the secondary limits of what only reads. Source: "Calculating points for the secondary
/// rate limit" in GitHub's REST documentation.
const READ_POINTS: u32 = 1;
const CHANGE_POINTS: u32 = 5;
/// Where the limits cannot be asked for, it is not tried again for so long.
const LOOK_PAUSE: Duration = Duration::from_secs(60);
/// … but for whoever waits for that: a credential that GitHub does not take rests longer by itself.
const TROUBLE_PAUSE: Duration = Duration::from_secs(10);

/// Whoever waits until a refusal is lifted looks so often; files are looked at more rarely.
const SEE_EVERY: Duration = Duration::from_secs(2);

/// By what an identity proves itself; of another secret it is another.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CredentialMark(Generation);

/// Speaks as one identity. Clones are the same.
#[derive(Clone)]
pub struct Client {
    pub(super) voice: Arc<Voice>,
    patience: Option<Duration>,
}

impl Client {
    pub(super) fn new(voice: Voice) -> Self {
        Self {
            voice: Arc::new(voice),
            patience: None,
        }
    }

    /// The name of the identity.
    pub fn identity(&self) -> &str {
        &self.voice.settings.name
    }

    pub fn host(&self) -> &str {
        &self.voice.line.host
    }

    /// The same, whose calls give up with [`CallFault::Held`] where the gate stays closed longer.
    #[must_use]
    pub fn patient_for(&self, patience: Duration) -> Self {
        Self {
            voice: self.voice.clone(),
            patience: Some(patience),
        }
    }

    /// Makes a call, once the budget allows it.
    ///
    /// # Errors
    /// There is no answer, it is no good one, or it is of no use.
    pub async fn call(&self, call: Call) -> Result<Answer, CallFault> {
        let voice = &self.voice;
        let uri = voice.address.rest(&call.path);
        let uri = uri.ok_or_else(|| CallFault::Path {
            path: headers::shown(&call.path),
        })?;
        let is_read = call.method.is_safe();
        let deadline = self.deadline(call.patience);
        let asking = Asking {
            method: &call.method,
            uri,
            ask: Ask {
                resource: self.resource(&call),
                purpose: call.purpose,
                cost: u32::from(call.path != limits::PATH),
                secondary: if is_read { READ_POINTS } else { CHANGE_POINTS },
                creates: call.creates,
                endpoint: call.endpoint.into(),
            },
            speaks: call.speaks,
            is_query: false,
            body: call.body.as_ref(),
            etag: (call.etag && call.method == Method::GET).then_some(&*call.path),
            idempotent: call.idempotent,
            limit_bytes: call.limit_bytes,
            deadline,
            named: headers::shown(&format!("{} {}", call.method, call.path)),
        };
        if !voice.speaker.is_app(call.speaks) {
            self.look(call.purpose, deadline, false).await;
        }
        let judged = self.voice.good(self.voice.send(&asking).await?, &asking)?;
        let Answered {
            status,
            headers,
            latency,
            ..
        } = judged.answered;
        let next = match headers::next(&headers) {
            Some(link) => Some(
                voice
                    .address
                    .page(link)
                    .ok_or_else(|| CallFault::BadAnswer {
                        reason: "the address of its next page is no path of the API".to_owned(),
                    })?,
            ),
            None => None,
        };
        let etag = headers::etag(&headers).filter(|_| status == StatusCode::OK);
        let kept = asking.etag.zip(etag).map(|(path, etag)| Kept {
            generation: judged.generation,
            path: path.to_owned(),
            etag: etag.to_owned(),
        });
        Ok(Answer {
            status,
            headers,
            body: judged.body,
            moved_to: judged.moved_to,
            next,
            latency,
            kept,
        })
    }

    /// Sends a query; `cost` is what it is expected to cost, in points of the hour.
    ///
    /// It is not sent again where nobody knows what became of it: a query that takes too long costs
    /// more, and a smaller one is the answer to that.
    ///
    /// # Errors
    /// As of [`Self::call`]. Errors beside data, or in its place, are no fault.
    pub async fn graphql(
        &self,
        query: &str,
        variables: Value,
        purpose: Purpose,
        cost: u32,
    ) -> Result<GraphqlAnswer, CallFault> {
        let uri = self.voice.address.graphql();
        let body = json!({"query": query, "variables": variables});
        let changes = query.trim_start().starts_with("mutation");
        let deadline = self.deadline(None);
        let asking = Asking {
            method: &Method::POST,
            uri,
            ask: Ask {
                resource: "graphql".into(),
                purpose,
                cost,
                secondary: if changes { CHANGE_POINTS } else { READ_POINTS },
                creates: false,
                endpoint: "/graphql".into(),
            },
            speaks: Speaks::AsInstallation,
            is_query: true,
            body: Some(&body),
            etag: None,
            idempotent: !changes,
            limit_bytes: BODY_LIMIT_BYTES,
            deadline,
            named: "POST /graphql".to_owned(),
        };
        self.look(purpose, deadline, false).await;
        let judged = self.voice.good(self.voice.send(&asking).await?, &asking)?;
        let needs = headers::needs(&judged.answered.headers);
        GraphqlAnswer::read(&judged.body, needs, judged.answered.latency)
    }

    /// Keeps the `ETag` of an answer, so that the next conditional call for the same is answered by 304
    /// where nothing has changed. Do so once what it said is stored: what was not kept is told again.
    pub fn keep(&self, answer: &Answer) {
        if let Some(kept) = &answer.kept {
            self.voice.etags().keep(kept.clone());
        }
    }

    /// The `ETag`s that were kept and hold after a restart.
    pub fn etags_kept(&self) -> Vec<EtagRow> {
        self.voice.etags().rows(&self.voice.settings.name)
    }

    /// As [`Self::etags_kept`], those that were kept since, and by what the next are asked for; 0: all.
    pub fn etags_kept_since(&self, since: u64) -> (Vec<EtagRow>, u64) {
        let etags = self.voice.etags();
        let rows = etags.rows_since(&self.voice.settings.name, since);
        (rows, etags.uses())
    }

    /// Keeps the `ETag`s of an earlier run.
    pub fn keep_etags(&self, rows: impl IntoIterator<Item = EtagRow>) {
        let mut etags = self.voice.etags();
        let rows = rows.into_iter();
        rows.for_each(|row| etags.keep(row.into()));
    }

    /// The time by the clock that its ledger is kept by: that of this machine may be set while the
    /// program runs, and a reset would then seem over, or far away, to whoever reads with it.
    pub fn now(&self) -> Timestamp {
        self.voice.line.clock.now()
    }

    /// Why GitHub cannot be asked as it seems: a credential or certificates that cannot be used, no
    /// connection, or a credential that it does not take. Nothing from the next good answer on. An App that is taken may have an installation that is not.
    pub fn trouble(&self) -> Option<CallFault> {
        self.voice.unusable().or_else(|| {
            let troubles = self.voice.troubles();
            let mut all = [&troubles.as_app, &troubles.as_installation].into_iter();
            all.find_map(Clone::clone)
        })
    }

    /// What the identity proves itself by.
    pub fn credential(&self) -> CredentialMark {
        CredentialMark(self.voice.speaker.credential())
    }

    /// Waits until what was refused is worth to be asked again: the identity proves itself by something else
    /// than `mark`, as a token that was written into its file, or GitHub takes again what it did not take.
    pub async fn mended(&self, mark: &CredentialMark) {
        let is_refused = || {
            let trouble = self.trouble();
            trouble.is_some_and(|trouble| trouble.is_of_credential())
        };
        let was_refused = is_refused();
        while self.credential() == *mark && was_refused == is_refused() {
            sleep(SEE_EVERY).await;
        }
    }

    /// By how much GitHub's clock is ahead of another that shows `now`; `None` before the first answer.
    pub fn clock_ahead(&self, now: Timestamp) -> Option<SignedDuration> {
        let line = &self.voice.line;
        let ahead = line.known_ahead()?;
        let there = line.clock.now().saturating_add(ahead).ok()?;
        Some(there.duration_since(now))
    }

    /// Reads or changes the ledger of the identity, for reports and for the store; the time for it is
    /// [`Self::now`].
    pub fn ledger<T>(&self, with: impl FnOnce(&mut Ledger) -> T) -> T {
        self.voice.line.gate.ledger(with)
    }

    /// Goes on where an earlier run's ledger was; before the first call.
    pub fn restore_ledger(&self, state: LedgerState) {
        let line = &self.voice.line;
        let settings = LedgerSettings {
            host: line.host.clone(),
            identity: line.identity.clone(),
            reserve: self.voice.reserve,
        };
        let now = line.clock.now();
        self.ledger(|ledger| *ledger = Ledger::restore(settings, state, now));
    }

    /// Asks what is left, where no answer has said so for five minutes, or where GitHub did not take the identity:
    /// so it is seen that it does again, also where nobody has anything else to ask.
    pub async fn look_at_limits(&self) {
        // Whoever is refused learns by this, which costs nothing, that GitHub takes it again.
        let trouble = self.voice.troubles().as_installation.clone();
        let is_refused = trouble.is_some_and(|fault| fault.is_of_credential());
        let deadline = self.deadline(None);
        self.look(Purpose::Other, deadline, is_refused).await;
    }

    fn deadline(&self, own: Option<Duration>) -> Option<Instant> {
        let patience = own.or(self.patience);
        patience.map(|patience| Instant::now() + patience)
    }

    /// By which limit GitHub counts a call.
    fn resource(&self, call: &Call) -> Arc<str> {
        let resource = if self.voice.speaker.is_app(call.speaks) {
            APP_JWT
        } else if call.path.starts_with("/search/code") {
            "code_search"
        } else if call.path.starts_with("/search/") {
            "search"
        } else {
            "core"
        };
        resource.into()
    }

    /// `anyway`: also where an answer has said it lately.
    async fn look(&self, purpose: Purpose, deadline: Option<Instant>, anyway: bool) {
        let line = &self.voice.line;
        let wants = || anyway || self.ledger(|ledger| ledger.wants_rate_limit(line.clock.now()));
        if !wants() || self.voice.unusable().is_some() {
            return;
        }
        let looked = self.voice.looked.lock();
        let looked = match deadline {
            Some(deadline) => timeout_at(deadline, looked).await.ok(),
            None => Some(looked.await),
        };
        let Some(mut looked) = looked else { return };
        let pause = if anyway { TROUBLE_PAUSE } else { LOOK_PAUSE };
        if !wants() || looked.is_some_and(|looked| looked.elapsed() < pause) {
            return;
        }
        *looked = Some(Instant::now());
        let Some(uri) = self.voice.address.rest(limits::PATH) else {
            return;
        };
        let asking = Asking {
            method: &Method::GET,
            uri,
            ask: Ask {
                resource: "core".into(),
                purpose,
                cost: 0,
                secondary: READ_POINTS,
                creates: false,
                endpoint: limits::PATH.into(),
            },
            speaks: Speaks::AsInstallation,
            is_query: false,
            body: None,
            etag: None,
            idempotent: false,
            limit_bytes: BODY_LIMIT_BYTES,
            deadline,
            named: format!("GET {}", limits::PATH),
        };
        match self.voice.send(&asking).await {
            Ok(judged) if judged.answered.status == StatusCode::OK => {
                let now = line.clock.now();
                for (resource, sample) in limits::read(&judged.body) {
                    let learn = |ledger: &mut Ledger| ledger.learn(&resource, sample, now);
                    line.gate.book(&resource, now, learn);
                }
            }
            // GitHub Enterprise Server has none where its limits are off, and answers have none either.
            Ok(judged) => {
                debug!(host = %line.host, status = %judged.answered.status, "no limits are told")
            }
            // The call that comes next tells why.
            Err(fault) => debug!(host = %line.host, %fault, "the limits cannot be asked for"),
        }
    }
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client")
            .field("host", &self.voice.line.host)
            .field("identity", &self.voice.settings.name)
            .field("patience", &self.patience)
            .finish_non_exhaustive()
    }
}
