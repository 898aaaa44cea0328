//! Which of several calls that wait goes first.

use jiff::Timestamp;

use super::{Ask, Hold, Ledger, Reservation};

/// So many different calls that may not go are remembered while the list is gone through.
const MOST_REFUSED: usize = 32;

/// Which of several that wait may go.
#[derive(Debug)]
#[must_use]
pub enum Choice {
    /// The one at that place of the list.
    Go {
        index: usize,
        reservation: Reservation,
    },
    /// None of them before this hold ends; the earliest of their holds.
    Wait(Hold),
    /// Nobody waits.
    Idle,
}

impl Ledger {
    /// Lets the most urgent call through that may go, of equals the first in the list.
    ///
    /// A call that waits for a bucket or an endpoint keeps back no other that does not.
    pub fn choose<'a>(
        &mut self,
        waiting: impl IntoIterator<Item = &'a Ask>,
        now: Timestamp,
    ) -> Choice {
        let tick = self.clock.advance(now);
        self.forget_lost_calls(tick);
        let mut waiting: Vec<(usize, &Ask)> = waiting.into_iter().enumerate().collect();
        waiting.sort_by_key(|(_, ask)| ask.purpose);
        let mut earliest: Option<Hold> = None;
        let mut refused: Vec<&Ask> = Vec::new();
        for (index, ask) in waiting {
            if refused.contains(&ask) {
                continue;
            }
            match self.admit(ask, tick) {
                Ok(reservation) => return Choice::Go { index, reservation },
                Err(hold) => {
                    let is_for_all = hold.resource.is_none();
                    if earliest.as_ref().is_none_or(|it| hold.until < it.until) {
                        earliest = Some(hold);
                    }
                    if is_for_all {
                        break;
                    }
                    if refused.len() < MOST_REFUSED {
                        refused.push(ask);
                    }
                }
            }
        }
        earliest.map_or(Choice::Idle, Choice::Wait)
    }
}
