//! How often heads are asked for: one lane for those that are asked for at one pace.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use jiff::Timestamp;
use tracing::debug;

use crate::budget::live::{Cover, Group, PaceReason, Paced, Stretch, Supply, jittered, pace};
use crate::flux::duration;

use super::follow::{Cadence, Weight};
use super::report::LaneReport;
use super::wanted::Wanted;

pub type LaneKey = (Cadence, Weight);

/// What the budget has left.
#[derive(Debug, Clone, Copy, Default)]
pub struct Budget {
    /// `None`: nothing is limited, or nobody knows yet.
    pub supply: Option<Supply>,
    /// GitHub refused several calls for their speed.
    pub is_slowed: bool,
}

/// How often it was asked to be asked.
#[derive(Debug, Clone, Copy)]
pub struct Bases {
    pub every: Duration,
    pub sweep: Duration,
}

#[derive(Debug)]
pub struct Lanes {
    bases: Bases,
    lanes: BTreeMap<LaneKey, Lane>,
    stretch: Option<Stretch>,
    /// Nothing was due yet.
    is_new: bool,
}

#[derive(Debug)]
struct Lane {
    last: Option<Instant>,
    paced: Paced,
    refs: usize,
}

impl Lane {
    fn has_passed(&self, now: Instant) -> bool {
        let waited = self.last.map(|last| now.saturating_duration_since(last));
        waited.is_none_or(|waited| waited >= self.paced.every)
    }
}

impl Lanes {
    pub fn new(bases: Bases) -> Self {
        Self {
            bases,
            lanes: BTreeMap::new(),
            stretch: None,
            is_new: true,
        }
    }

    /// Decides how often what is wanted is asked for. `began` is when the last rounds began, in this run or an
    /// earlier one.
    pub fn pace(
        &mut self,
        wanted: &Wanted,
        budget: &Budget,
        began: &BTreeMap<Cadence, Timestamp>,
        (now, at): (Instant, Timestamp),
    ) {
        let mut refs: BTreeMap<LaneKey, usize> = BTreeMap::new();
        for want in wanted.repositories.values().flat_map(|it| it.values()) {
            *refs.entry((want.cadence, want.weight)).or_default() += 1;
        }
        let demand = demand(wanted, |cadence| self.base(cadence));
        let stretch = Stretch::next(
            self.stretch.as_ref(),
            demand,
            budget.supply.as_ref(),
            budget.is_slowed,
            at,
        );
        self.stretch = Some(stretch);
        self.lanes.retain(|key, _| refs.contains_key(key));
        for (key, refs) in refs {
            let paced = pace(&self.group(key, refs), &stretch, 0);
            let lane = self.lanes.entry(key).or_insert_with(|| Lane {
                // What an earlier run has asked for is not due before its time.
                last: began.get(&key.0).and_then(|began| {
                    let since = at.duration_since(*began).try_into().ok()?;
                    now.checked_sub(since)
                }),
                paced,
                refs: 0,
            });
            if lane.refs == 0 || lane.paced.reason != paced.reason {
                let (cadence, weight) = (key.0.name(), key.1.name());
                debug!(cadence, weight, refs, "asks for heads {paced}");
            }
            lane.refs = refs;
            lane.paced = paced;
        }
    }

    fn group(&self, (cadence, weight): LaneKey, refs: usize) -> Group {
        Group {
            kind: weight.kind(),
            refs: u32::try_from(refs).unwrap_or(u32::MAX),
            every: self.bases.every,
            sweep: self.bases.sweep,
            cover: match cadence {
                Cadence::Every => Cover::Nothing,
                Cadence::Sweep => Cover::Webhook,
            },
        }
    }

    /// The lanes whose interval has passed; it begins anew. Those whose round still runs are left.
    pub fn take_due(&mut self, now: Instant, runs: impl Fn(Cadence) -> bool) -> BTreeSet<LaneKey> {
        let mut due = BTreeSet::new();
        for (key, lane) in self.lanes.iter_mut().filter(|(key, _)| !runs(key.0)) {
            if lane.has_passed(now) {
                lane.last = Some(now);
                due.insert(*key);
            }
        }
        due
    }

    /// Whether an interval of the cadence has passed.
    pub fn is_overdue(&self, cadence: Cadence, now: Instant) -> bool {
        let mut lanes = self.lanes.iter().filter(|(key, _)| key.0 == cadence);
        lanes.any(|(_, lane)| lane.has_passed(now))
    }

    /// A round took longer than its interval, which begins only now: nothing is asked for faster than that.
    pub fn ended_late(&mut self, cadence: Cadence, now: Instant) {
        for (key, lane) in &mut self.lanes {
            if key.0 == cadence {
                lane.last = Some(now);
            }
        }
    }

    /// Whether owners are to be asked too: as often as what nobody tells of.
    pub fn owners_are_due(&self, due: &BTreeSet<LaneKey>) -> bool {
        let is_every = |(cadence, _): &LaneKey| *cadence == Cadence::Every;
        due.iter().any(is_every) || !self.lanes.keys().any(is_every)
    }

    /// When it is looked again what is due: together, so that queries are full. `chance` is in 0..1.
    pub fn next_tick(&mut self, now: Instant, chance: f64) -> Instant {
        // Where nothing is asked often it is still looked for what is new in the clusters.
        let often = self.shortest(Cadence::Every);
        let seldom = self.shortest(Cadence::Sweep);
        let next = now + jittered(often.min(seldom), chance);
        // After a restart the first is due when it would have been without.
        let lanes = self.lanes.values();
        let due = lanes.filter_map(|lane| lane.last?.checked_add(lane.paced.every));
        let is_new = std::mem::take(&mut self.is_new);
        match due.min() {
            Some(due) if is_new && due > now => due.min(next),
            _ => next,
        }
    }

    fn base(&self, cadence: Cadence) -> Duration {
        match cadence {
            Cadence::Every => self.bases.every,
            Cadence::Sweep => self.bases.sweep,
        }
    }

    /// The shortest interval of a cadence now.
    fn shortest(&self, wanted: Cadence) -> Duration {
        let lanes = self.lanes.iter();
        let intervals = lanes
            .filter(|((cadence, _), _)| *cadence == wanted)
            .map(|(_, lane)| lane.paced.every);
        intervals.min().unwrap_or_else(|| self.base(wanted))
    }

    /// What this pace costs.
    pub fn points_per_hour(&self, wanted: &Wanted) -> f64 {
        demand(wanted, |cadence| self.shortest(cadence))
    }

    pub fn report(&self) -> Vec<LaneReport> {
        let lanes = self.lanes.iter();
        let report = |((cadence, weight), lane): (&LaneKey, &Lane)| LaneReport {
            cadence: cadence.name(),
            weight: weight.name(),
            refs: lane.refs,
            every: duration::write(self.base(*cadence)),
            interval: duration::write(whole(lane.paced.every)),
            reason: reason(lane.paced.reason),
        };
        lanes.map(report).collect()
    }
}

/// Points an hour, where each cadence has this interval.
fn demand(wanted: &Wanted, interval: impl Fn(Cadence) -> Duration) -> f64 {
    let mut weights: BTreeMap<Cadence, usize> = BTreeMap::new();
    for (follow, want) in wanted.repositories.values().flatten() {
        *weights.entry(want.cadence).or_default() += follow.asked().weight();
    }
    let an_hour = |cadence| 3600.0 / interval(cadence).as_secs_f64().max(1.0);
    let queries =
        |weight: usize| f64::from(u32::try_from(weight.div_ceil(100)).unwrap_or(u32::MAX));
    let weights = weights.into_iter();
    let heads: f64 = weights
        .map(|(cadence, weight)| queries(weight) * an_hour(cadence))
        .sum();
    let owners = u32::try_from(wanted.owners.len()).unwrap_or(u32::MAX);
    heads + f64::from(owners) * an_hour(Cadence::Every)
}

/// Without parts of a second, which say nothing to people.
fn whole(interval: Duration) -> Duration {
    match interval.as_secs() {
        seconds if seconds >= 10 => Duration::from_secs(seconds),
        _ => interval,
    }
}

fn reason(reason: PaceReason) -> String {
    match reason {
        PaceReason::Webhook => {
            "a webhook, or a list of its owner, tells of pushes; this is the sweep".to_owned()
        }
        other => other.to_string(),
    }
}
