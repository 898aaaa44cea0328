//! A credential that GitHub did not take, and for how long nobody asks with it again.

use std::time::Duration;

use tokio::time::Instant;

use super::etag::Generation;
use super::fault::CallFault;

/// The first wait; it doubles with each refusal in a row, so that one that is lifted soon is noticed soon…
const FIRST: Duration = Duration::from_secs(5);
/// … up to this: many refusals in a row, and GitHub takes nothing of that user or App.
const LONGEST: Duration = Duration::from_secs(60);

/// What was refused last.
#[derive(Debug, Default)]
pub(super) struct Refused(Option<Last>);

#[derive(Debug)]
struct Last {
    generation: Generation,
    fault: CallFault,
    wait: Duration,
    until: Instant,
}

impl Refused {
    /// Why nobody asks with it now.
    pub(super) fn holds(&self, generation: &Generation, now: Instant) -> Option<CallFault> {
        let last = self.0.as_ref()?;
        let holds = last.generation == *generation && now < last.until;
        holds.then(|| last.fault.clone())
    }

    pub(super) fn refuse(&mut self, generation: &Generation, fault: CallFault, now: Instant) {
        let before = self.0.take().filter(|last| last.generation == *generation);
        let wait = before.map_or(FIRST, |last| (last.wait * 2).min(LONGEST));
        self.0 = Some(Last {
            generation: generation.clone(),
            fault,
            wait,
            until: now + wait,
        });
    }

    /// GitHub took it.
    pub(super) fn forget(&mut self, generation: &Generation) {
        self.0.take_if(|last| last.generation == *generation);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn generation(name: &str) -> Generation {
        Generation {
            name: name.into(),
            lasts: true,
        }
    }

    fn fault() -> CallFault {
        CallFault::TooLarge { limit_bytes: 1 }
    }

    #[test]
    fn the_waits_double_up_to_a_minute_and_begin_anew_once_it_was_taken() {
        let mut refused = Refused::default();
        let one = generation("one");
        let mut now = Instant::now();
        for seconds in [5, 10, 20, 40, 60, 60] {
            refused.refuse(&one, fault(), now);
            now += Duration::from_secs(seconds);
            let before = now - Duration::from_millis(1);
            assert!(refused.holds(&one, before).is_some(), "{seconds}");
            assert!(refused.holds(&one, now).is_none(), "{seconds}");
        }
        refused.forget(&generation("two"));
        refused.refuse(&one, fault(), now);
        assert!(refused.holds(&one, now + LONGEST / 2).is_some());
        refused.forget(&one);
        refused.refuse(&one, fault(), now);
        assert!(refused.holds(&one, now + FIRST).is_none());
    }

    #[test]
    fn another_credential_is_tried_at_once() {
        let mut refused = Refused::default();
        let now = Instant::now();
        refused.refuse(&generation("one"), fault(), now);
        assert!(refused.holds(&generation("two"), now).is_none());
        assert_eq!(refused.holds(&generation("one"), now), Some(fault()));
    }
}
