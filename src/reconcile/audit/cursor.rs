//! How far a list of deliveries was read, so that a restart goes on where it stopped.

use std::time::Duration;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::github::hooks::Attempt;

use super::later::Later;

/// A delivery stands in the list once it was answered or its time ran out (10 s at github.com, 30 s at an
/// Enterprise Server), with the time at which it began: one with a lower number may come after one with a
/// higher. It is read so far below, so that a server that is late itself loses nothing.
const OVERLAP: Duration = Duration::from_secs(5 * 60);

/// Of one hook.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Cursor {
    hook: u64,
    /// All attempts up to this one were worked.
    seen: Option<Seen>,
    /// A pass from the newest attempt down that was not ended.
    pass: Option<Pass>,
    /// What the cursor has passed and could not be read yet.
    #[serde(default)]
    pub(super) later: Later,
    /// Of what was delivered from then on, some could not be read, and there was no room to look at it later.
    #[serde(default)]
    left: Option<Timestamp>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Seen {
    /// `None`: of a hook that was there before this one, or of what is read again.
    id: Option<u64>,
    at: Timestamp,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Pass {
    top: u64,
    top_at: Timestamp,
    /// Where the next older attempts are.
    next: String,
}

impl Cursor {
    /// The cursor of a hook; of another hook than this one's the numbers say nothing, the times do.
    pub(super) fn of(self, hook: u64) -> Self {
        if self.hook == hook {
            return self;
        }
        let seen = self.seen.map(|seen| Seen { id: None, ..seen });
        Self {
            hook,
            seen,
            pass: None,
            later: Later::default(),
            left: None,
        }
    }

    /// An attempt could not be read, and there was no room to look at it later: once there is, all from it on is
    /// read again. Returns whether it is the first.
    pub(super) fn leave(&mut self, attempt: &Attempt) -> bool {
        let at = attempt.delivered_at;
        let is_first = self.left.is_none();
        self.left = Some(self.left.map_or(at, |left| left.min(at)));
        is_first
    }

    pub(super) fn has_left(&self) -> bool {
        self.left.is_some()
    }

    /// Before a pass begins with the newest: it goes down to what was left, where there is room for that now.
    pub(super) fn begin(&mut self) {
        if !self.later.has_room() {
            return;
        }
        let Some(left) = self.left.take() else { return };
        // An earlier one was cut off, and this one goes further down anyway.
        if let Some(seen) = self.seen.as_mut().filter(|seen| seen.at > left) {
            *seen = Seen { id: None, at: left };
        }
    }

    /// Whether a list that is as it was when it was last worked has nothing more for us.
    pub(super) fn is_level(&self) -> bool {
        self.seen.is_none_or(|seen| seen.id.is_some())
    }

    /// Where the page is with which an earlier pass goes on; `None`: a pass begins with the newest.
    pub(super) fn next(&self) -> Option<&str> {
        self.pass.as_ref().map(|pass| pass.next.as_str())
    }

    /// Whether this attempt, and so all older ones, need not be looked at: they were, or they are older
    /// than `since`.
    pub(super) fn is_past(&self, attempt: &Attempt, since: Timestamp) -> bool {
        if attempt.delivered_at < since {
            return true;
        }
        self.seen.is_some_and(|seen| {
            let is_earlier = seen.id.is_none_or(|id| attempt.id <= id);
            is_earlier && attempt.delivered_at + OVERLAP < seen.at
        })
    }

    /// A page was worked. `first` is its newest attempt, `next` where older ones are that are to be looked at.
    /// Returns whether the pass has ended.
    pub(super) fn worked(&mut self, first: Option<&Attempt>, next: Option<&str>) -> bool {
        let top = match (&self.pass, first) {
            (Some(pass), _) => Some((pass.top, pass.top_at)),
            (None, Some(first)) => Some((first.id, first.delivered_at)),
            (None, None) => None,
        };
        let Some((top, top_at)) = top else {
            return true;
        };
        if let Some(next) = next {
            self.pass = Some(Pass {
                top,
                top_at,
                next: next.to_owned(),
            });
            return false;
        }
        self.pass = None;
        // What a list shows is never older than what it showed before, but clocks may be.
        let at = self.seen.map_or(top_at, |seen| seen.at.max(top_at));
        self.seen = Some(Seen { id: Some(top), at });
        true
    }

    /// GitHub does not know any more where the pass was: the next one begins with the newest.
    pub(super) fn restart(&mut self) {
        self.pass = None;
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    fn attempt(id: u64, second: i64) -> Attempt {
        let attempt = json!({"id": id, "guid": format!("g-{id}"), "delivered_at": at(second)});
        serde_json::from_value(attempt).unwrap()
    }

    #[test]
    fn a_pass_ends_where_the_last_one_began_and_a_little_below() {
        let mut cursor = Cursor::default().of(7);
        assert!(!cursor.is_past(&attempt(1, 0), at(0)));
        assert!(cursor.is_past(&attempt(1, 0), at(1)));
        assert!(cursor.worked(Some(&attempt(100, 1_000)), None));
        assert!(!cursor.is_past(&attempt(101, 900), at(0)), "a late one");
        assert!(!cursor.is_past(&attempt(100, 700), at(0)));
        assert!(cursor.is_past(&attempt(100, 699), at(0)));
        assert!(!cursor.is_past(&attempt(99, 1_000), at(0)));
    }

    #[test]
    fn a_pass_that_was_cut_off_goes_on_and_then_counts_from_its_beginning() {
        let mut cursor = Cursor::default().of(7);
        assert!(!cursor.worked(Some(&attempt(100, 1_000)), Some("/p2")));
        let kept = serde_json::to_string(&cursor).unwrap();
        let mut cursor: Cursor = serde_json::from_str(&kept).unwrap();
        cursor = cursor.of(7);
        assert_eq!(cursor.next(), Some("/p2"));
        assert!(!cursor.worked(Some(&attempt(50, 500)), Some("/p3")));
        assert!(cursor.worked(Some(&attempt(20, 200)), None));
        assert_eq!(cursor.next(), None);
        assert!(cursor.is_past(&attempt(50, 500), at(0)));
        assert!(!cursor.is_past(&attempt(101, 1_001), at(0)));
    }

    #[test]
    fn the_numbers_of_another_hook_say_nothing_but_its_times_do() {
        let mut cursor = Cursor::default().of(7);
        cursor.worked(Some(&attempt(100, 1_000)), None);
        cursor.worked(Some(&attempt(200, 2_000)), Some("/p2"));
        let other = cursor.of(8);
        assert_eq!(other.next(), None);
        assert!(!other.is_past(&attempt(3, 1_500), at(0)));
        assert!(other.is_past(&attempt(900, 600), at(0)));
    }

    #[test]
    fn an_entry_that_an_enterprise_server_lists_late_is_not_passed() {
        let mut cursor = Cursor::default().of(7);
        cursor.worked(Some(&attempt(200, 1_000)), None);
        // It began before the newest one of then, ran into the timeout of 30 s, and was listed a little after.
        assert!(!cursor.is_past(&attempt(150, 965), at(0)));
        cursor.worked(Some(&attempt(300, 1_060)), None);
        assert!(!cursor.is_past(&attempt(150, 965), at(0)));
        assert!(cursor.is_past(&attempt(150, 759), at(0)));
    }

    #[test]
    fn a_cursor_that_was_noted_before_there_was_anything_to_look_at_later_is_read() {
        let noted = r#"{"hook": 7, "seen": {"id": 1, "at": "2026-01-02T03:04:05Z"}, "pass": null}"#;
        let cursor: Cursor = serde_json::from_str(noted).unwrap();
        assert!(cursor.later.is_empty());
    }

    #[test]
    fn what_there_was_no_room_for_is_read_again_and_nothing_below_it() {
        let mut cursor = Cursor::default().of(7);
        cursor.worked(Some(&attempt(100, 10_000)), None);
        assert!(cursor.is_level());
        assert!(cursor.leave(&attempt(60, 6_000)));
        assert!(!cursor.leave(&attempt(70, 7_000)));
        let kept = serde_json::to_string(&cursor).unwrap();
        let mut cursor: Cursor = serde_json::from_str(&kept).unwrap();
        assert!(cursor.is_past(&attempt(60, 6_000), at(0)));
        cursor.begin();
        assert!(!cursor.is_level() && !cursor.has_left());
        assert!(!cursor.is_past(&attempt(60, 6_000), at(0)));
        assert!(cursor.is_past(&attempt(50, 5_699), at(0)));
        assert!(cursor.worked(Some(&attempt(101, 10_001)), None));
        assert!(cursor.is_level() && cursor.is_past(&attempt(60, 6_000), at(0)));
    }

    #[test]
    fn a_pass_that_was_cut_off_below_what_was_left_is_not_cut_short() {
        let mut cursor = Cursor::default().of(7);
        cursor.worked(Some(&attempt(10, 1_000)), None);
        cursor.worked(Some(&attempt(100, 10_000)), Some("/p2"));
        cursor.leave(&attempt(60, 6_000));
        cursor.restart();
        cursor.begin();
        assert!(!cursor.is_past(&attempt(50, 5_000), at(0)));
        let mut first = Cursor::default().of(7);
        first.leave(&attempt(60, 6_000));
        first.begin();
        assert!(!first.is_past(&attempt(50, 5_000), at(0)));
    }

    #[test]
    fn an_empty_list_moves_nothing() {
        let mut cursor = Cursor::default().of(7);
        assert!(cursor.worked(None, None));
        assert_eq!(cursor, Cursor::default().of(7));
        cursor.worked(Some(&attempt(5, 5)), Some("/p2"));
        cursor.restart();
        assert_eq!(cursor.next(), None);
    }
}
