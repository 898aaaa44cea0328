//! Whether a bucket lasts until its reset.

use std::time::Duration;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::bucket::{Figures, share_of};
use super::moment::{HOUR, Moment};
use crate::budget::words::count;

/// How an hour will end if it goes on as it went.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Forecast {
    #[serde(rename_all = "camelCase")]
    Empty {
        /// By GitHub's clock, before the reset.
        empty_at: Timestamp,
        /// What it rests on, in words.
        basis: String,
    },
    #[serde(rename_all = "camelCase")]
    Lasts {
        remaining_at_reset: u32,
        basis: String,
    },
}

/// Carries the rates of the last quarter of an hour on to the reset. We stop where the reserve
/// begins; others go on. `None` where no limit is known, or its hour is over and no other began.
pub(super) fn forecast(figures: &Figures, reserve: f64, server: Moment) -> Option<Forecast> {
    let (limit, remaining, reset) = (figures.limit?, figures.remaining?, figures.reset?);
    let hours = |milliseconds: i64| milliseconds as f64 / HOUR as f64;
    let until_reset = hours(reset.since(server));
    let (own, foreign) = (figures.own_per_hour, figures.foreign_per_hour);
    let basis = format!(
        "ours {} an hour and others' {}, as in the last 15 minutes",
        count(own.round()),
        count(foreign.round())
    );
    let remaining = f64::from(remaining);
    let ours = (remaining - f64::from(share_of(limit, reserve))).max(0.0);
    let until_reserve = ours / (own + foreign);
    let at_reset = if until_reserve.is_nan() || until_reserve >= until_reset {
        remaining - (own + foreign) * until_reset
    } else {
        let empty = until_reserve + (remaining - ours) / foreign;
        if empty < until_reset {
            let after = (empty * HOUR as f64) as i64;
            return Some(Forecast::Empty {
                empty_at: server.plus(after).timestamp(),
                basis,
            });
        }
        remaining - ours - foreign * (until_reset - until_reserve)
    };
    Some(Forecast::Lasts {
        remaining_at_reset: at_reset.round().max(0.0) as u32,
        basis,
    })
}

/// What can be spent of a bucket until its reset, for the pace of who asks for heads.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Supply {
    /// Points above the reserve that are neither on their way nor expected to be spent by others.
    pub usable: f64,
    pub until_reset: Duration,
}

/// A reset that is nearer gives no meaningful rate.
const LEAST_UNTIL_RESET: Duration = Duration::from_secs(60);

impl Supply {
    pub(super) fn of(figures: &Figures, floor: f64, running: u32, server: Moment) -> Option<Self> {
        let (limit, remaining) = (figures.limit?, figures.remaining?);
        let until_reset = figures.reset.map_or(HOUR, |reset| reset.since(server));
        let until_reset = Duration::from_millis(u64::try_from(until_reset).unwrap_or(0));
        let until_reset = until_reset.max(LEAST_UNTIL_RESET);
        let others = figures.foreign_per_hour * until_reset.as_secs_f64() / 3600.0;
        let kept = f64::from(share_of(limit, floor)) + f64::from(running) + others;
        Some(Self {
            usable: (f64::from(remaining) - kept).max(0.0),
            until_reset,
        })
    }

    /// Points an hour that can be kept up until the reset.
    pub fn sustained_per_hour(&self) -> f64 {
        self.usable / self.until_reset.as_secs_f64() * 3600.0
    }
}
