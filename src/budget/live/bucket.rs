//! One bucket: what is left of it, what is on its way, and how fast it is spent by us and by others.

use serde::{Deserialize, Serialize};

use super::answer::Sample;
use super::ask::Purpose;
use super::clock::Tick;
use super::epoch::{Epoch, Points, Relation, Source};
use super::history::History;
use super::hold::HoldReason;
use super::moment::{HOUR, MINUTE, Moment, SECOND};
use super::rate::Rate;

/// Resources that GitHub counts by the minute; all others by the hour. Source: `GET /rate_limit` in
/// GitHub's REST documentation and the pages of these resources.
const BY_THE_MINUTE: [&str; 3] = ["code_search", "dependency_sbom", "search"];

/// Nobody may be told to wait for a reset that is later: no bucket lasts longer than an hour, and a
/// clock may be wrong before the first answer.
const LATEST_RESET: i64 = 2 * HOUR;

/// After a reset, so that GitHub's machines agree that it is over.
const AFTER_RESET: i64 = SECOND;

/// How long a refusal holds that names no reset to come.
const WITHOUT_RESET: i64 = MINUTE;

/// When to ask again where nobody knows how long it takes.
const SOON: i64 = SECOND;

/// Until when (steady) a call waits, and why.
pub(super) type Wait = (Moment, HoldReason);

#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Bucket {
    /// Milliseconds.
    length: i64,
    epoch: Option<Epoch>,
    /// Good answers say nothing of a limit: GitHub Enterprise Server with its limits switched off.
    is_unlimited: bool,
    /// What we spent in this hour of the clock where there is no epoch.
    unlimited: Option<(Moment, Points)>,
    #[serde(skip)]
    running: u32,
    #[serde(skip)]
    running_cost: u32,
    /// Spent by calls without an answer; a sample of a call from `unseen_before` on has it in it.
    unseen: u32,
    #[serde(skip)]
    unseen_before: u64,
    /// Steady in memory, GitHub's clock when it is kept.
    refused_until: Option<Moment>,
    own_rate: Rate,
    foreign_rate: Rate,
    #[serde(skip)]
    pub(super) history: History,
}

/// A call of ours that is over.
#[derive(Debug, Clone, Copy)]
pub(super) struct Settled {
    pub(super) purpose: Purpose,
    pub(super) points: u32,
}

/// What is known of a bucket now.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Figures {
    pub(super) limit: Option<u32>,
    pub(super) is_unlimited: bool,
    pub(super) used: Option<u32>,
    pub(super) remaining: Option<u32>,
    /// GitHub's clock; `None` once it has passed.
    pub(super) reset: Option<Moment>,
    pub(super) own: u32,
    pub(super) foreign: u32,
    pub(super) by_purpose: Points,
    pub(super) own_per_hour: f64,
    pub(super) foreign_per_hour: f64,
}

impl Bucket {
    pub(super) fn of(resource: &str) -> Self {
        Self {
            length: if BY_THE_MINUTE.contains(&resource) {
                MINUTE
            } else {
                HOUR
            },
            epoch: None,
            is_unlimited: false,
            unlimited: None,
            running: 0,
            running_cost: 0,
            unseen: 0,
            unseen_before: 0,
            refused_until: None,
            own_rate: Rate::default(),
            foreign_rate: Rate::default(),
            history: History::default(),
        }
    }

    /// Whether a call of `cost` may go without what is left falling below `floor`, a share of the
    /// limit.
    pub(super) fn admits(&self, cost: u32, floor: f64, tick: Tick) -> Result<(), Wait> {
        if let Some(until) = self.refused_until(tick) {
            return Err((until, HoldReason::PrimaryLimit));
        }
        if cost == 0 || self.is_unlimited {
            return Ok(());
        }
        let Some(epoch) = &self.epoch else {
            return self.admits_first(tick);
        };
        let next = epoch.reset.plus(AFTER_RESET);
        if tick.server >= next {
            return self.admits_first(tick);
        }
        let floor = share_of(epoch.limit, floor);
        let wanted = [self.unseen, self.running_cost, cost, floor];
        let wanted = wanted.into_iter().fold(0, u32::saturating_add);
        if wanted > epoch.remaining {
            return Err((tick.as_steady(next), HoldReason::Reserve));
        }
        Ok(())
    }

    /// While nobody knows what is left, one call alone finds out.
    fn admits_first(&self, tick: Tick) -> Result<(), Wait> {
        if self.running_cost == 0 {
            Ok(())
        } else {
            Err((tick.steady.plus(SOON), HoldReason::Unknown))
        }
    }

    /// Until when (steady) GitHub has refused all calls.
    pub(super) fn refused_until(&self, tick: Tick) -> Option<Moment> {
        self.refused_until.filter(|until| tick.steady < *until)
    }

    pub(super) fn reserve(&mut self, cost: u32) {
        self.running += 1;
        self.running_cost = self.running_cost.saturating_add(cost);
    }

    pub(super) fn release(&mut self, cost: u32) {
        self.running = self.running.saturating_sub(1);
        self.running_cost = self.running_cost.saturating_sub(cost);
    }

    /// A call came back without a word on this bucket. `good`: with what was asked for.
    ///
    /// `next` is the number of the next call, as in all that follows.
    pub(super) fn silent(&mut self, settled: Settled, good: bool, next: u64, tick: Tick) {
        let knows = self.epoch.is_some_and(|epoch| !epoch.is_over(tick.server));
        if good && !knows {
            self.is_unlimited = true;
            self.epoch = None;
            self.unseen = 0;
        } else if settled.points > 0 && !self.is_unlimited {
            self.unseen = self.unseen.saturating_add(settled.points);
            self.unseen_before = next;
        }
        self.spend(settled, tick);
        self.note(tick);
    }

    /// Takes what an answer or `GET /rate_limit` says of this bucket. `settled`: the call of ours that
    /// brought it, where it spent from this bucket. Answers what it was beside what is known.
    pub(super) fn take(
        &mut self,
        sample: &Sample,
        source: Source,
        settled: Option<Settled>,
        next: u64,
        tick: Tick,
    ) -> Relation {
        let latest = tick.server.plus(LATEST_RESET).timestamp();
        let sample = Sample {
            reset: sample.reset.min(latest),
            ..*sample
        };
        if self.is_unlimited {
            self.is_unlimited = false;
            self.unlimited = None;
        }
        let relation = self.epoch.map_or(Relation::Next, |epoch| {
            epoch.relation(&sample, source, tick.server, self.length)
        });
        if matches!(source, Source::Call(number) if number >= self.unseen_before) {
            self.unseen = 0;
        }
        let epoch = self
            .epoch
            .get_or_insert_with(|| Epoch::begin(&sample, next));
        match relation {
            Relation::Same => epoch.take(&sample, source, next),
            Relation::Next => *epoch = Epoch::begin(&sample, next),
            Relation::Moved => {
                epoch.move_to(&sample, next);
                // A hold that was set for the other reset.
                self.refused_until = None;
            }
            Relation::Unclear => epoch.take_worse(&sample, next),
            Relation::Late => {
                let points = settled.map_or(0, |settled| settled.points);
                self.own_rate.add(points, tick.server);
                self.history.step(tick.server).own += points;
                return relation;
            }
        }
        if let Some(settled) = settled {
            self.spend(settled, tick);
        }
        self.compare(settled.map_or(Purpose::Other, |it| it.purpose), tick);
        self.note(tick);
        relation
    }

    /// Holds our books against GitHub's.
    fn compare(&mut self, purpose: Purpose, tick: Tick) {
        let Some(epoch) = &mut self.epoch else { return };
        let foreign = epoch.take_foreign(self.running_cost);
        let begin = epoch.reset.plus(-self.length);
        self.foreign_rate.observe(foreign, begin, tick.server);
        let step = self.history.step(tick.server);
        step.foreign = step.foreign.saturating_add(foreign);
        if self.running == 0 && self.unseen == 0 {
            epoch.settle_books(purpose);
        }
    }

    fn spend(&mut self, settled: Settled, tick: Tick) {
        let Settled { purpose, points } = settled;
        if let Some(epoch) = &mut self.epoch {
            epoch.spend(purpose, points);
        } else {
            let hour = tick.server.step(HOUR);
            let (begin, spent) = self.unlimited.get_or_insert((hour, Points::default()));
            if *begin != hour {
                (*begin, *spent) = (hour, Points::default());
            }
            let spent = &mut spent[purpose as usize];
            *spent = spent.saturating_add(points);
        }
        self.own_rate.add(points, tick.server);
        let step = self.history.step(tick.server);
        step.own = step.own.saturating_add(points);
    }

    /// GitHub refused: all of the hour is spent.
    pub(super) fn refuse(&mut self, tick: Tick) {
        let reset = self.epoch.map(|epoch| epoch.reset.plus(AFTER_RESET));
        let until = match reset.filter(|reset| *reset > tick.server) {
            Some(reset) => tick.as_steady(reset),
            None => tick.steady.plus(WITHOUT_RESET),
        };
        self.refused_until = self.refused_until.max(Some(until));
        self.count_refusal(tick);
    }

    pub(super) fn count_refusal(&mut self, tick: Tick) {
        self.history.step(tick.server).refused += 1;
    }

    /// Writes what is known into the history.
    fn note(&mut self, tick: Tick) {
        let figures = self.figures(tick);
        let step = self.history.step(tick.server);
        step.limit = figures.limit;
        step.used = figures.used;
        step.remaining = figures.remaining;
    }

    pub(super) fn figures(&self, tick: Tick) -> Figures {
        let mut figures = Figures {
            limit: None,
            is_unlimited: self.is_unlimited,
            used: None,
            remaining: None,
            reset: None,
            own: 0,
            foreign: 0,
            by_purpose: Points::default(),
            own_per_hour: self.own_rate.per_hour_at(tick.server),
            foreign_per_hour: self.foreign_rate.per_hour(),
        };
        if let Some((hour, spent)) = self.unlimited
            && hour == tick.server.step(HOUR)
        {
            figures.by_purpose = spent;
            figures.own = spent.iter().copied().fold(0, u32::saturating_add);
        }
        let Some(epoch) = self.epoch else {
            return figures;
        };
        figures.limit = Some(epoch.limit);
        if epoch.is_over(tick.server) {
            // Nobody has looked since, so that what others do fades.
            figures.foreign_per_hour = self.foreign_rate.per_hour_at(tick.server);
            figures.used = Some(0);
            figures.remaining = Some(epoch.limit);
            return figures;
        }
        figures.used = Some(epoch.used.saturating_add(self.unseen));
        figures.remaining = Some(epoch.remaining.saturating_sub(self.unseen));
        figures.reset = Some(epoch.reset);
        figures.own = epoch.own;
        figures.foreign = epoch.foreign;
        figures.by_purpose = epoch.by_purpose;
        figures
    }

    pub(super) fn running_cost(&self) -> u32 {
        self.running_cost
    }

    /// As it is kept: nothing runs, and times are GitHub's.
    pub(super) fn kept(&self, tick: Tick) -> Self {
        Self {
            running: 0,
            running_cost: 0,
            refused_until: self.refused_until(tick).map(|until| tick.as_server(until)),
            own_rate: self.own_rate.rounded(),
            foreign_rate: self.foreign_rate.rounded(),
            history: History::default(),
            ..self.clone()
        }
    }

    /// As it goes on after it was kept.
    pub(super) fn restored(mut self, tick: Tick) -> Self {
        let latest = tick.steady.plus(LATEST_RESET);
        self.refused_until = self
            .refused_until
            .map(|until| tick.as_steady(until).min(latest));
        if let Some(epoch) = &mut self.epoch {
            epoch.unmark();
        }
        self.unseen_before = 0;
        self
    }
}

/// A share of a limit in whole points, never less.
pub(super) fn share_of(limit: u32, share: f64) -> u32 {
    // A product that no float holds exactly is not a point more.
    (f64::from(limit) * share.clamp(0.0, 1.0) - 1e-9)
        .ceil()
        .max(0.0) as u32
}
