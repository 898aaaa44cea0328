//! What repositories were called before, learnt from the deliveries that are kept.

use std::collections::HashSet;

use tokio_util::sync::CancellationToken;

use crate::store::{Filter, Store};

use super::matcher::Matcher;
use super::record::until_stored;

/// Deliveries that are read at once.
const PAGE: u32 = 500;
/// Names that are learnt at most.
const NAMES: usize = 100_000;

/// Learns from all deliveries that came since this was done last, whoever matched them.
pub(super) async fn learn(store: &Store, matcher: &Matcher, stop: &CancellationToken) {
    let known = matcher.names_learnt_until();
    let mut filter = Filter {
        limit: 1,
        ..Filter::default()
    };
    let newest = until_stored(stop, || store.deliveries(&filter)).await;
    let Some(newest) = newest.and_then(|page| page.first().map(|stored| stored.id)) else {
        return;
    };
    filter.limit = PAGE;
    let mut told = Vec::new();
    let mut seen = HashSet::new();
    let is_new = |id| known.is_none_or(|known| id > known);
    let mut may_be_more = is_new(newest);
    while may_be_more {
        let page = until_stored(stop, || store.deliveries(&filter)).await;
        let Some(page) = page else { return };
        for stored in page.iter().filter(|stored| is_new(stored.id)) {
            let names: Vec<_> = matcher.names_told(&stored.delivery).collect();
            // The newest delivery comes first here, and the newest name is to be learnt last.
            for name in names.into_iter().rev() {
                if seen.insert(name.clone()) {
                    told.push(name);
                }
            }
        }
        filter.before = page.last().map(|last| last.id);
        may_be_more = told.len() < NAMES && filter.before.is_some_and(is_new);
    }
    matcher.learn_names(told.into_iter().rev());
    matcher.names_are_learnt_until(newest);
}
