//! Deliveries that cannot be read yet: looked at and asked for again, ever more rarely, while GitHub remembers them.

use std::time::{Duration, Instant};

use futures::future::join_all;
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use tracing::{debug, warn};

use crate::delivery::Guid;
use crate::github::hooks::{Attempt, HookApi};

use super::missed::{
    AT_ONCE, AuditFault, Inbox, Missed, Resolved, is_of_one_delivery, is_unanswered,
};
use super::tally::Tally;

/// More are not kept.
const ENTRIES: usize = 1_000;
/// Looks, one a turn, before GitHub is asked to deliver again: what stands between may have answered.
const LOOKS: u32 = 2;
/// The pause after GitHub was asked for the first time: it gives up after ten seconds.
const FIRST: SignedDuration = SignedDuration::from_secs(10);
const LONGEST: SignedDuration = SignedDuration::from_hours(1);
/// After this no more are begun in one turn: each may take as long as GitHub is waited for, and new ones come.
const TURN: Duration = Duration::from_secs(30);

/// Of one hook.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub(super) struct Later(Vec<Entry>);

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Entry {
    guid: Guid,
    /// The newest attempt.
    attempt: u64,
    /// Of the attempt that was seen first.
    delivered_at: Timestamp,
    /// How often it was looked at.
    tries: u32,
    next: Timestamp,
    /// As of [`Inbox::has`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    again: Option<Timestamp>,
}

impl Later {
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether it is worth to read again what there was no room for.
    pub(super) fn has_room(&self) -> bool {
        self.0.len() <= ENTRIES / 2
    }

    /// Whether an attempt is of a delivery that is looked at later anyway, and then by its newest attempt.
    pub(super) fn see(&mut self, attempt: &Attempt) -> bool {
        let entry = self.0.iter_mut().find(|it| it.guid == attempt.guid);
        let is_here = entry.is_some();
        if let Some(entry) = entry {
            entry.attempt = entry.attempt.max(attempt.id);
        }
        is_here
    }

    /// Keeps an attempt that was looked at once. Returns whether there was room.
    pub(super) fn add(&mut self, missed: &Missed<'_>, resolved: Resolved, now: Timestamp) -> bool {
        let Missed { attempt, again } = *missed;
        if self.0.len() >= ENTRIES {
            return false;
        }
        let mut entry = Entry {
            guid: attempt.guid.clone(),
            attempt: attempt.id,
            delivered_at: attempt.delivered_at,
            tries: 0,
            next: now,
            again,
        };
        entry.tried(resolved, now);
        self.0.push(entry);
        true
    }

    /// Looks again at those whose time has come, at those first that waited longest; `over` is told of what is given
    /// up.
    ///
    /// # Errors
    /// GitHub cannot be asked now. That it has no answer for one says nothing of the others.
    pub(super) async fn retry(
        &mut self,
        inbox: &Inbox,
        (api, hook): (&HookApi, u64),
        since: Timestamp,
        tally: &Tally,
        over: &mut Vec<Guid>,
    ) -> Result<(), AuditFault> {
        let now = Timestamp::now();
        let mut due: Vec<Entry> = self.0.iter().filter(|it| it.next <= now).cloned().collect();
        due.sort_by_key(|entry| entry.next);
        let begun = Instant::now();
        for some in due.chunks(AT_ONCE) {
            if begun.elapsed() >= TURN {
                break;
            }
            let again = some.iter().map(|it| it.again(inbox, api, hook, since));
            let mut fault = None;
            for (entry, resolved) in some.iter().zip(join_all(again).await) {
                let guid = &entry.guid;
                let resolved = match resolved {
                    Ok(resolved) => resolved,
                    Err(AuditFault::Call(failed))
                        if is_of_one_delivery(&failed) || is_unanswered(&failed) =>
                    {
                        debug!(delivery = %guid, error = %failed, "the delivery {guid} cannot be had yet");
                        Resolved::Later
                    }
                    Err(failed) => {
                        fault = Some(failed);
                        continue;
                    }
                };
                tally.count_again(resolved);
                match resolved {
                    Resolved::Later | Resolved::Redelivered => {
                        let mut entries = self.0.iter_mut();
                        if let Some(entry) = entries.find(|it| it.guid == *guid) {
                            entry.tried(resolved, Timestamp::now());
                        }
                        continue;
                    }
                    Resolved::Unreadable => over.push(guid.clone()),
                    Resolved::Came | Resolved::BackFilled => {}
                }
                self.0.retain(|it| it.guid != *guid);
            }
            if let Some(fault) = fault {
                return Err(fault);
            }
        }
        Ok(())
    }
}

impl Entry {
    async fn again(
        &self,
        inbox: &Inbox,
        api: &HookApi,
        hook: u64,
        since: Timestamp,
    ) -> Result<Resolved, AuditFault> {
        let guid = &self.guid;
        if inbox.has(guid, self.again).await? {
            return Ok(Resolved::Came);
        }
        if self.delivered_at < since {
            let webhook = &inbox.webhook;
            warn!(%webhook, delivery = %guid, "the delivery {webhook}/{guid} is lost: GitHub remembers it no longer");
            return Ok(Resolved::Unreadable);
        }
        let may_ask = self.tries >= LOOKS;
        inbox
            .resolve(api, hook, (guid, self.attempt), may_ask)
            .await
    }

    fn tried(&mut self, resolved: Resolved, now: Timestamp) {
        if resolved == Resolved::Redelivered {
            self.tries = self.tries.max(LOOKS);
        }
        self.tries = self.tries.saturating_add(1);
        let pause = match self.tries.saturating_sub(LOOKS) {
            0 => SignedDuration::ZERO,
            rounds => (FIRST * (1 << (rounds - 1).min(10))).min(LONGEST),
        };
        self.next = now.checked_add(pause).unwrap_or(now);
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn attempt(guid: &str, id: u64) -> Attempt {
        let attempt = json!({"id": id, "guid": guid, "delivered_at": "2026-01-02T03:04:05Z"});
        serde_json::from_value(attempt).unwrap()
    }

    fn add(later: &mut Later, attempt: &Attempt, resolved: Resolved) -> bool {
        let missed = Missed {
            attempt,
            again: None,
        };
        later.add(&missed, resolved, Timestamp::UNIX_EPOCH)
    }

    fn pauses(later: &mut Later, resolved: Resolved, count: usize) -> Vec<i64> {
        let now = Timestamp::UNIX_EPOCH;
        let entry = &mut later.0[0];
        let pause = |_| {
            entry.tried(resolved, now);
            entry.next.as_second()
        };
        (0..count).map(pause).collect()
    }

    #[test]
    fn looks_come_first_and_then_pauses_double_up_to_an_hour() {
        let mut later = Later::default();
        assert!(add(&mut later, &attempt("a", 1), Resolved::Later));
        assert_eq!(later.0[0].next, Timestamp::UNIX_EPOCH);
        let found = pauses(&mut later, Resolved::Later, 3);
        assert_eq!(found, [0, 10, 20]);
        let mut later = Later::default();
        assert!(add(&mut later, &attempt("a", 1), Resolved::Redelivered));
        assert_eq!(later.0[0].next.as_second(), 10);
        let found = pauses(&mut later, Resolved::Redelivered, 20);
        assert_eq!((found[0], found[7], found[8]), (20, 2_560, 3_600));
        assert_eq!(found[19], 3_600);
    }

    #[test]
    fn the_newest_attempt_is_the_one_that_is_looked_at() {
        let mut later = Later::default();
        assert!(!later.see(&attempt("a", 1)));
        add(&mut later, &attempt("a", 5), Resolved::Later);
        assert!(later.see(&attempt("a", 9)));
        assert!(later.see(&attempt("a", 5)));
        assert_eq!(later.0[0].attempt, 9);
        let kept = serde_json::to_string(&later).unwrap();
        assert_eq!(serde_json::from_str::<Later>(&kept).unwrap(), later);
    }

    #[test]
    fn no_more_are_kept_than_there_is_room_for() {
        let mut later = Later::default();
        for id in 0..1_001 {
            let attempt = attempt(&format!("g{id}"), id);
            let has_room = add(&mut later, &attempt, Resolved::Later);
            assert_eq!(has_room, id < 1_000);
            assert_eq!(later.has_room(), id < 500);
        }
    }
}
