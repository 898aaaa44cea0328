//! What a ledger remembers over a restart.

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::Timestamp;

use super::{Bucket, Ledger, LedgerSettings, MOST_BUCKETS, MOST_ROUTES, Pressure, Settled};
use crate::budget::live::history::Step;
use crate::budget::live::state::LedgerState;

impl Ledger {
    /// Puts remembered steps of a resource before those that were seen since.
    pub fn restore_history(&mut self, resource: &str, steps: impl IntoIterator<Item = Step>) {
        if self.buckets.contains_key(resource) || self.buckets.len() < MOST_BUCKETS {
            self.bucket(&resource.into()).history.restore(steps);
        }
    }

    /// All that has to be remembered over a restart but the history: no token is in it. Calls that are
    /// running count as spent.
    pub fn state(&self, now: Timestamp) -> LedgerState {
        let tick = self.clock.read(now);
        let mut buckets: BTreeMap<Arc<str>, Bucket> = self
            .buckets
            .iter()
            .map(|(resource, bucket)| (resource.clone(), bucket.kept(tick)))
            .collect();
        for running in self.running.values() {
            if let Some(bucket) = buckets.get_mut(&running.resource) {
                let settled = Settled {
                    purpose: running.ask.purpose,
                    points: running.ask.cost,
                };
                bucket.silent(settled, false, self.next, tick);
            }
        }
        let routes = self.routes.iter();
        LedgerState {
            heard: self.heard.map(|heard| tick.as_server(heard)),
            clock: self.clock,
            pressure: self.pressure.kept(tick),
            buckets: buckets
                .into_iter()
                .map(|(resource, bucket)| (resource.as_ref().into(), bucket))
                .collect(),
            routes: routes
                .map(|(endpoint, resource)| (endpoint.as_ref().into(), resource.as_ref().into()))
                .collect(),
        }
    }

    /// Goes on from what an earlier ledger of the same identity remembered.
    pub fn go_on_from(&mut self, state: LedgerState, now: Timestamp) {
        *self = Self::restore(self.settings.clone(), state, now);
    }

    /// Goes on where [`Ledger::state`] was taken, however long ago.
    pub fn restore(settings: LedgerSettings, state: LedgerState, now: Timestamp) -> Self {
        let mut ledger = Self::new(settings);
        ledger.clock = state.clock;
        let tick = ledger.clock.advance(now);
        ledger.pressure = Pressure::restored(state.pressure, tick);
        // One that lies ahead, by a clock that was set back, is no reason never to ask.
        let heard = state.heard.map(|heard| tick.as_steady(heard));
        ledger.heard = heard.map(|heard| heard.min(tick.steady));
        let buckets = state.buckets.into_iter().take(MOST_BUCKETS);
        ledger.buckets = buckets
            .map(|(resource, bucket)| (resource.into(), bucket.restored(tick)))
            .collect();
        let routes = state.routes.into_iter().take(MOST_ROUTES);
        ledger.routes = routes
            .map(|(endpoint, resource)| (endpoint.into(), resource.into()))
            .collect();
        ledger
    }
}
