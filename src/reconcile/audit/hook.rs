//! One hook: whether it is sound, and what of its list never came in.
//!
//! ```text
//! hooks of the place -> ours -> findings
//!    newest page -> older -> … -> what was seen before      (a pass; where it is cut off, it goes on)
//!        | not in the store
//!        `-> fetched, four at a time -> store, then the cursor is moved
//! ```

use std::collections::{HashMap, HashSet};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::time::{Duration, Instant};

use futures::future::join_all;
use jiff::{SignedDuration, Timestamp};
use tracing::warn;

use crate::delivery::Guid;
use crate::github::hooks::{
    AttemptPage, Finding, Hook, HookApi, HookPlace, Judged, WantedHook, judge_attempts, judge_hook,
    judge_missing, ours,
};
use crate::github::{CallFault, Client, Refusal};

use super::cursor::Cursor;
use super::missed::{AT_ONCE, AuditFault, Inbox, Missed, Resolved, is_gone, is_unanswered};
use super::tally::Tally;

/// The subject under which cursors are noted.
pub(super) const CURSORS: &str = "cursor";
/// GUIDs of one pass that are remembered; beyond that the store alone tells what came.
const REMEMBERED: usize = 200_000;
/// GUIDs of what nobody can read that are remembered, so that GitHub is not asked for them again.
const GIVEN_UP: usize = 10_000;
/// As often GitHub has to list a delivery and not to show it, until the rest goes on without it.
const PASSED_AFTER: u32 = 3;
const REMEMBERED_UNSEEN: usize = 1_000;
/// Pages of one pass at most, so that a list without an end ends.
const PAGES: u32 = 50_000;

/// What holds for all hooks of a webhook.
#[derive(Debug)]
pub(super) struct Terms {
    /// Nothing that was delivered before is looked at.
    pub(super) began: Timestamp,
    /// How long GitHub remembers what it delivered, in days.
    pub(super) days: u32,
    /// Whether a hook is what it should be is asked so often.
    pub(super) look_every: Duration,
}

/// GitHub tells when it delivered in whole seconds, so what came after our start may seem to be before it.
const ROUNDING: SignedDuration = SignedDuration::from_secs(1);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Step {
    /// There are more pages.
    More,
    /// All that there is was looked at.
    Done,
}

#[derive(Debug)]
pub(super) struct HookAudit {
    api: HookApi,
    inbox: Inbox,
    /// Under which its cursor is noted.
    name: String,
    cursor: Cursor,
    /// `None`: nobody looked yet.
    looked: Option<Looked>,
    /// Of the newest page; `None`: it was not read yet.
    latest: Option<Latest>,
    pass: PassState,
    /// What nobody can read.
    given_up: HashSet<Guid>,
    /// Attempts that GitHub lists and does not show, and how often it did not.
    unseen: HashMap<u64, u32>,
    /// Hashes of entries that name no delivery.
    unreadable: HashSet<u64>,
    /// The text of the cursor that was noted last.
    noted: Option<String>,
    /// When GitHub has said last how all of it is.
    pub(super) audited_at: Option<Timestamp>,
}

#[derive(Debug)]
struct Looked {
    at: Instant,
    hook: Option<Hook>,
    findings: Vec<Finding>,
    app_page: Option<String>,
}

#[derive(Debug)]
struct Latest {
    finding: Option<Finding>,
    last_delivery: Option<Timestamp>,
}

/// What is known of a pass while it goes on, and is not needed to go on with it after a restart.
#[derive(Debug, Default)]
struct PassState {
    /// Of each delivery the newest attempt decides, which comes first.
    guids: HashSet<Guid>,
    /// The page with which it began.
    top: Option<AttemptPage>,
    pages: u32,
}

impl HookAudit {
    /// `noted` is what was noted under `name`.
    pub(super) fn new(api: HookApi, inbox: Inbox, name: String, noted: Option<&str>) -> Self {
        // What cannot be read was written by a later version: the times of its pass are lost, nothing else.
        let cursor = noted.and_then(|noted| serde_json::from_str(noted).ok());
        Self {
            api,
            inbox,
            name,
            cursor: cursor.unwrap_or_default(),
            looked: None,
            latest: None,
            pass: PassState::default(),
            given_up: HashSet::new(),
            unseen: HashMap::new(),
            unreadable: HashSet::new(),
            noted: noted.map(str::to_owned),
            audited_at: None,
        }
    }

    pub(super) fn hook(&self) -> Option<&Hook> {
        self.looked.as_ref()?.hook.as_ref()
    }

    pub(super) fn place(&self) -> &HookPlace {
        self.api.place()
    }

    pub(super) fn client(&self) -> &Client {
        self.api.client()
    }

    pub(super) fn name(&self) -> &str {
        &self.name
    }

    pub(super) fn last_delivery(&self) -> Option<Timestamp> {
        self.latest.as_ref()?.last_delivery
    }

    pub(super) fn findings(&self) -> impl Iterator<Item = &Finding> {
        let looked = self.looked.iter().flat_map(|looked| &looked.findings);
        let latest = self.latest.as_ref().and_then(|it| it.finding.as_ref());
        looked.chain(latest)
    }

    pub(super) fn is_catching_up(&self) -> bool {
        self.cursor.next().is_some() || self.cursor.has_left()
    }

    /// Looks at the hook where that is due, and works one page of what it delivered; after the last one, what could
    /// not be read before.
    pub(super) async fn step(
        &mut self,
        wanted: &WantedHook,
        terms: &Terms,
        tally: &Tally,
    ) -> Result<Step, AuditFault> {
        let step = self.page(wanted, terms, tally).await?;
        let hook = self.hook().map(|hook| hook.id);
        if let (Step::Done, Some(hook)) = (step, hook) {
            self.retry(hook, terms, tally).await?;
        }
        Ok(step)
    }

    async fn page(
        &mut self,
        wanted: &WantedHook,
        terms: &Terms,
        tally: &Tally,
    ) -> Result<Step, AuditFault> {
        self.look(wanted, terms).await?;
        let hook = self.looked.as_ref().and_then(|looked| looked.hook.as_ref());
        let Some(hook) = hook.map(|hook| hook.id) else {
            self.latest = None;
            self.audited_at = Some(Timestamp::now());
            return Ok(Step::Done);
        };
        self.cursor = std::mem::take(&mut self.cursor).of(hook);
        let next = self.cursor.next().map(str::to_owned);
        let is_top = next.is_none();
        if is_top {
            self.cursor.begin();
        }
        let conditional = is_top && self.latest.is_some() && self.cursor.is_level();
        let page = match self.api.attempts(hook, next.as_deref(), conditional).await {
            Ok(page) => page,
            Err(fault) => {
                self.forget_place(&fault, is_top);
                return Err(fault.into());
            }
        };
        let Some(page) = page else {
            // Nothing is new since a page that was worked to its end.
            self.audited_at = Some(Timestamp::now());
            return Ok(Step::Done);
        };
        if is_top {
            self.judge(wanted, terms, &page);
        }
        let reached = self
            .work(hook, &page, since(terms, page.date), tally)
            .await?;
        self.pass.pages += 1;
        let is_last = reached || self.pass.pages >= PAGES || page.next == next;
        let older = page.next.as_deref().filter(|_| !is_last);
        let mut cursor = self.cursor.clone();
        let has_ended = cursor.worked(page.attempts.first(), older);
        let before = std::mem::replace(&mut self.cursor, cursor);
        if let Err(fault) = self.note().await {
            self.cursor = before;
            return Err(fault);
        }
        if is_top {
            self.pass.top = Some(page);
        }
        if !has_ended {
            return Ok(Step::More);
        }
        let pass = std::mem::take(&mut self.pass);
        self.audited_at = Some(Timestamp::now());
        match pass.top {
            Some(top) => {
                self.api.keep(&top);
                Ok(Step::Done)
            }
            // It was begun by an earlier run: there may be newer ones than those.
            None => Ok(Step::More),
        }
    }

    /// Asks how the hook is, where that is long ago or something was wrong.
    async fn look(&mut self, wanted: &WantedHook, terms: &Terms) -> Result<(), AuditFault> {
        let is_due = |looked: &Looked| {
            let every = match looked.findings.is_empty() {
                true => terms.look_every,
                false => terms.look_every.min(Duration::from_secs(60)),
            };
            looked.at.elapsed() >= every
        };
        if self.looked.as_ref().is_some_and(|looked| !is_due(looked)) {
            return Ok(());
        }
        let hooks = self.api.hooks().await?;
        let of = Judged {
            host: self.api.client().host(),
            place: self.api.place(),
            wanted,
            app_page: hooks.app_page.as_deref(),
        };
        let found = ours(&hooks.hooks, wanted);
        let (hook, findings) = match found.as_slice() {
            [] => (None, vec![judge_missing(&of, &hooks.hooks)]),
            [hook, twins @ ..] => (Some(Hook::clone(hook)), judge_hook(&of, hook, twins)),
        };
        self.looked = Some(Looked {
            at: Instant::now(),
            hook,
            findings,
            app_page: hooks.app_page,
        });
        Ok(())
    }

    fn judge(&mut self, wanted: &WantedHook, terms: &Terms, page: &AttemptPage) {
        let app_page = self.looked.as_ref().and_then(|it| it.app_page.as_deref());
        let of = Judged {
            host: self.api.client().host(),
            place: self.api.place(),
            wanted,
            app_page,
        };
        self.latest = Some(Latest {
            finding: judge_attempts(&of, &page.attempts, terms.days),
            last_delivery: page.attempts.first().map(|newest| newest.delivered_at),
        });
    }

    /// A list that is not there is that of a hook that is not there; a page of it, that of a place which GitHub
    /// has forgotten.
    fn forget_place(&mut self, fault: &CallFault, is_top: bool) {
        let CallFault::Refused { reason, .. } = fault else {
            return;
        };
        match reason {
            Refusal::NotFound { .. } | Refusal::Gone if is_top => self.looked = None,
            Refusal::NotFound { .. } | Refusal::Gone | Refusal::Invalid | Refusal::Other => {
                self.cursor.restart();
                self.pass = PassState::default();
            }
            _ => {}
        }
    }

    /// Takes in all of a page that never came. Returns whether the rest of the list was looked at before.
    async fn work(
        &mut self,
        hook: u64,
        page: &AttemptPage,
        since: Timestamp,
        tally: &Tally,
    ) -> Result<bool, AuditFault> {
        self.count_unreadable(page, tally);
        let now = Timestamp::now();
        let ahead = page.date.map(|there| there.duration_since(now));
        let mut all_missed = Vec::new();
        let mut guids = HashSet::new();
        let mut reached = false;
        for attempt in &page.attempts {
            if self.cursor.is_past(attempt, since) {
                reached = true;
                break;
            }
            let guid = &attempt.guid;
            let is_open = self.cursor.later.see(attempt);
            let is_known =
                is_open || self.pass.guids.contains(guid) || self.given_up.contains(guid);
            let is_newest = !is_known && guids.insert(guid);
            if !is_newest || !attempt.concerns_us() {
                continue;
            }
            let missed = Missed::of(attempt, ahead.unwrap_or_default());
            if !self.inbox.has(guid, missed.again).await? {
                all_missed.push(missed);
            }
        }
        for some in all_missed.chunks(AT_ONCE) {
            let resolved = some.iter().map(|missed| {
                let named = (&missed.attempt.guid, missed.attempt.id);
                self.inbox.resolve(&self.api, hook, named, false)
            });
            let mut fault = None;
            for (missed, resolved) in some.iter().zip(join_all(resolved).await) {
                match resolved {
                    Ok(resolved) => self.settle(missed, resolved, tally),
                    Err(failed) if self.is_passed(missed.attempt.id, &failed) => {
                        self.settle(missed, Resolved::Later, tally);
                    }
                    Err(failed) => fault = Some(failed),
                }
            }
            if let Some(fault) = fault {
                return Err(fault);
            }
        }
        // Only now: a page that failed is worked once more from its beginning.
        if self.pass.guids.len() < REMEMBERED {
            self.pass.guids.extend(guids.into_iter().cloned());
        }
        Ok(reached)
    }

    /// What became of an attempt that was looked at for the first time.
    fn settle(&mut self, missed: &Missed<'_>, resolved: Resolved, tally: &Tally) {
        let attempt = missed.attempt;
        let is_open = matches!(resolved, Resolved::Later | Resolved::Redelivered);
        let later = &mut self.cursor.later;
        if is_open && !later.add(missed, resolved, Timestamp::now()) {
            if self.cursor.leave(attempt) {
                let webhook = &self.inbox.webhook;
                warn!(%webhook, "too many deliveries of webhook {webhook} cannot be read; the rest of them is looked at once there are fewer");
            }
            return tally.count_again(resolved);
        }
        tally.count(resolved);
        if resolved == Resolved::Unreadable {
            self.give_up(attempt.guid.clone());
        }
    }

    /// Where GitHub lists a delivery again and again, and each time says that it does not know it or has no answer,
    /// the rest goes on without it: whom nothing is shown any more, the list is not shown either, nor is it by a
    /// GitHub that is away.
    fn is_passed(&mut self, attempt: u64, fault: &AuditFault) -> bool {
        if !matches!(fault, AuditFault::Call(call) if is_gone(call) || is_unanswered(call)) {
            return false;
        }
        if self.unseen.len() >= REMEMBERED_UNSEEN {
            self.unseen.clear();
        }
        let times = self.unseen.entry(attempt).or_default();
        *times += 1;
        *times >= PASSED_AFTER
    }

    fn give_up(&mut self, guid: Guid) {
        if self.given_up.len() >= GIVEN_UP {
            self.given_up.clear();
        }
        self.given_up.insert(guid);
    }

    /// Counts entries of a list that name no delivery; each once.
    fn count_unreadable(&mut self, page: &AttemptPage, tally: &Tally) {
        for entry in &page.unreadable {
            if self.unreadable.len() >= GIVEN_UP {
                self.unreadable.clear();
            }
            if self.unreadable.insert(hashed(entry)) {
                let webhook = &self.inbox.webhook;
                warn!(%webhook, "an entry of GitHub's list of deliveries of webhook {webhook} names no delivery; what it was is not known");
                tally.count(Resolved::Unreadable);
            }
        }
    }

    /// Looks again at what could not be read before.
    async fn retry(&mut self, hook: u64, terms: &Terms, tally: &Tally) -> Result<(), AuditFault> {
        if self.cursor.later.is_empty() {
            return Ok(());
        }
        let mut cursor = self.cursor.clone();
        let mut over = Vec::new();
        let retried = cursor
            .later
            .retry(
                &self.inbox,
                (&self.api, hook),
                since(terms, None),
                tally,
                &mut over,
            )
            .await;
        over.into_iter().for_each(|guid| self.give_up(guid));
        // What became of some holds also where others could not be asked for.
        self.cursor = cursor;
        retried?;
        self.note().await
    }

    /// Notes the cursor, where it is not noted so.
    async fn note(&mut self) -> Result<(), AuditFault> {
        let text = serde_json::to_string(&self.cursor);
        let text = text.expect("numbers, times and texts make JSON");
        if self.noted.as_ref() != Some(&text) {
            let note = (self.name.clone(), text.clone());
            self.inbox.store.note(CURSORS, vec![note]).await?;
            self.noted = Some(text);
        }
        Ok(())
    }
}

fn hashed(text: &str) -> u64 {
    let mut hasher = DefaultHasher::new();
    text.hash(&mut hasher);
    hasher.finish()
}

/// From when on attempts are looked at, by GitHub's clock, which `there` is; ours may be another.
fn since(terms: &Terms, there: Option<Timestamp>) -> Timestamp {
    let now = Timestamp::now();
    let there = there.unwrap_or(now);
    let window = SignedDuration::from_hours(24 * i64::from(terms.days));
    // It would have to be long before or after all that GitHub remembers.
    let began = there.checked_sub(now.duration_since(terms.began) + ROUNDING);
    let window = there.checked_sub(window);
    began
        .unwrap_or(Timestamp::MIN)
        .max(window.unwrap_or(Timestamp::MIN))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn terms(began: Timestamp) -> Terms {
        Terms {
            began,
            days: 3,
            look_every: Duration::ZERO,
        }
    }

    #[test]
    fn a_first_start_looks_back_to_itself_and_a_later_one_as_far_as_github_remembers() {
        let now = Timestamp::now();
        let minutes = |minutes| SignedDuration::from_mins(minutes);
        let within_a_second = |one: Timestamp, other: Timestamp| {
            one.duration_since(other).abs() < SignedDuration::from_secs(1)
        };
        let first = since(&terms(now), Some(now));
        assert!(within_a_second(first, now - ROUNDING));
        let long_ago = since(&terms(Timestamp::UNIX_EPOCH), Some(now));
        assert!(within_a_second(long_ago, now - minutes(3 * 24 * 60)));
        // GitHub's clock is ten minutes behind ours.
        let behind = since(&terms(now - minutes(1)), Some(now - minutes(10)));
        assert!(within_a_second(behind, now - minutes(11) - ROUNDING));
        let _ = since(&terms(now), None);
    }
}
