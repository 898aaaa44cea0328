//! What a bucket went through in the last day, in steps of five minutes.

use std::collections::VecDeque;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::moment::{HOUR, MINUTE, Moment};

/// How long a step is, in milliseconds.
const STEP: i64 = 5 * MINUTE;

/// Steps of a day.
const MOST_STEPS: usize = (24 * HOUR / STEP) as usize;

/// Five minutes of a bucket.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Step {
    /// When it began, by GitHub's clock: a whole multiple of five minutes.
    pub at: Timestamp,
    /// As last said in the step; `None` where nothing is limited or nobody said.
    pub limit: Option<u32>,
    pub used: Option<u32>,
    pub remaining: Option<u32>,
    /// Points that we spent in it.
    pub own: u32,
    /// Points that others were first seen to have spent in it.
    pub foreign: u32,
    /// Calls that GitHub refused for a limit.
    pub refused: u32,
}

/// A day of steps, oldest first; a step in which nothing was sent or heard is left out.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct History {
    steps: VecDeque<Step>,
}

impl History {
    /// The step of a time; a time before the last step counts into that.
    pub(super) fn step(&mut self, server: Moment) -> &mut Step {
        let at = server.step(STEP).timestamp();
        if self.steps.back().is_none_or(|last| last.at < at) {
            if self.steps.len() >= MOST_STEPS {
                self.steps.pop_front();
            }
            self.steps.push_back(Step {
                at,
                limit: None,
                used: None,
                remaining: None,
                own: 0,
                foreign: 0,
                refused: 0,
            });
        }
        self.steps.back_mut().expect("there is one now")
    }

    /// The steps of the day before `server` that began at or after `since`.
    pub(super) fn since(
        &self,
        since: Option<Timestamp>,
        server: Moment,
    ) -> impl Iterator<Item = &Step> {
        let day = server.plus(-24 * HOUR).timestamp();
        let since = since.map_or(day, |since| since.max(day));
        self.steps.iter().filter(move |step| step.at >= since)
    }

    /// Puts remembered steps before those that were seen since. Their order does not matter; of two
    /// of one time the later given counts.
    pub(super) fn restore(&mut self, steps: impl IntoIterator<Item = Step>) {
        let first = self.steps.front().map(|step| step.at);
        let mut before: Vec<Step> = steps
            .into_iter()
            .filter(|step| first.is_none_or(|first| step.at < first))
            .collect();
        before.sort_by_key(|step| step.at);
        before.reverse();
        before.dedup_by_key(|step| step.at);
        let room = MOST_STEPS - self.steps.len().min(MOST_STEPS);
        for step in before.into_iter().take(room) {
            self.steps.push_front(step);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(minutes: i64) -> Moment {
        Moment::default().plus(minutes * MINUTE)
    }

    fn ats(history: &History, now: Moment) -> Vec<i64> {
        let steps = history.since(None, now);
        steps.map(|step| step.at.as_second() / 60).collect()
    }

    #[test]
    fn steps_begin_at_whole_five_minutes_and_are_made_when_something_happens() {
        let mut history = History::default();
        for minute in [3, 4, 5, 9, 21] {
            history.step(at(minute)).own += 1;
        }
        assert_eq!(ats(&history, at(22)), [0, 5, 20]);
        let own: Vec<_> = history.steps.iter().map(|step| step.own).collect();
        assert_eq!(own, [2, 2, 1]);
    }

    #[test]
    fn a_time_before_the_last_step_counts_into_that() {
        let mut history = History::default();
        history.step(at(10)).own += 1;
        history.step(at(2)).own += 1;
        assert_eq!(history.steps.len(), 1);
        assert_eq!(history.steps[0].own, 2);
    }

    #[test]
    fn a_day_is_kept_and_no_more() {
        let mut history = History::default();
        for minute in 0..3000 {
            history.step(at(minute)).own += 1;
        }
        assert_eq!(history.steps.len(), MOST_STEPS);
        let shown = ats(&history, at(3000 + 60));
        assert_eq!(shown.first(), Some(&1620));
        assert_eq!(shown.last(), Some(&2995));
    }

    #[test]
    fn remembered_steps_come_before_new_ones_each_once() {
        let mut history = History::default();
        let mut old = History::default();
        for minute in [0, 5, 10, 15] {
            old.step(at(minute)).own = 7;
        }
        history.step(at(15)).own = 1;
        let mut rows: Vec<_> = old.steps.into_iter().collect();
        rows.reverse();
        rows.push(rows[1]);
        history.restore(rows);
        assert_eq!(ats(&history, at(20)), [0, 5, 10, 15]);
        assert_eq!(history.steps[3].own, 1);
    }

    #[test]
    fn a_step_is_read_as_it_was_written() {
        let mut history = History::default();
        history.step(at(5)).used = Some(3);
        let text = serde_json::to_string(&history.steps[0]).unwrap();
        insta::assert_snapshot!(text, @r#"{"at":"1970-01-01T00:05:00Z","limit":null,"used":3,"remaining":null,"own":0,"foreign":0,"refused":0}"#);
        assert_eq!(
            serde_json::from_str::<Step>(&text).unwrap(),
            history.steps[0]
        );
    }
}
