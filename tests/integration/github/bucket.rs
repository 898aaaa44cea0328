//! A primary limit: so many points in a window, ours and those of others.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

/// What is left of a limit until it is filled again.
#[derive(Clone, Debug)]
pub struct Bucket {
    limit: u32,
    window: Duration,
    reset: Option<Timestamp>,
    /// Of this window: by the caller, and by others.
    own: u32,
    others: u32,
    own_ever: u64,
    others_ever: u64,
    /// Use by others that goes on by itself.
    stream: Option<Stream>,
}

#[derive(Clone, Debug)]
struct Stream {
    per_hour: f64,
    since: Timestamp,
    counted: u64,
}

/// As the headers say it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sample {
    pub limit: u32,
    pub used: u32,
    pub remaining: u32,
    pub reset: Timestamp,
}

/// As the books say it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BucketBook {
    pub sample: Sample,
    /// Points of this window by who holds the identity.
    pub own: u32,
    /// Points of this window by others.
    pub others: u32,
    pub own_ever: u64,
    pub others_ever: u64,
}

impl Bucket {
    pub fn new(limit: u32, window: Duration) -> Self {
        Self {
            limit,
            window,
            reset: None,
            own: 0,
            others: 0,
            own_ever: 0,
            others_ever: 0,
            stream: None,
        }
    }

    pub fn set_limit(&mut self, limit: u32) {
        self.limit = limit;
    }

    /// The window ends at this time instead.
    pub fn move_reset(&mut self, to: Timestamp) {
        self.reset = Some(to);
    }

    pub fn fill(&mut self) {
        (self.own, self.others, self.reset) = (0, 0, None);
    }

    pub fn stream(&mut self, per_hour: f64, now: Timestamp) {
        self.turn(now);
        self.stream = Some(Stream {
            per_hour,
            since: now,
            counted: 0,
        });
    }

    /// Takes points; `false` where fewer are left, and then none is taken.
    pub fn take(&mut self, points: u32, now: Timestamp) -> bool {
        self.turn(now);
        if self.left() < points {
            return false;
        }
        self.begin(now);
        self.own += points;
        self.own_ever += u64::from(points);
        true
    }

    /// Points for what was begun already, however few are left.
    pub fn charge(&mut self, points: u32, now: Timestamp) {
        self.turn(now);
        self.begin(now);
        let points = points.min(self.left());
        self.own += points;
        self.own_ever += u64::from(points);
    }

    pub fn take_by_others(&mut self, points: u32, now: Timestamp) {
        self.turn(now);
        self.begin(now);
        let points = points.min(self.left());
        self.others += points;
        self.others_ever += u64::from(points);
    }

    pub fn sample(&mut self, now: Timestamp) -> Sample {
        self.turn(now);
        Sample {
            limit: self.limit,
            used: self.own + self.others,
            remaining: self.left(),
            reset: self.reset.unwrap_or(now + self.window),
        }
    }

    pub fn book(&mut self, now: Timestamp) -> BucketBook {
        BucketBook {
            sample: self.sample(now),
            own: self.own,
            others: self.others,
            own_ever: self.own_ever,
            others_ever: self.others_ever,
        }
    }

    fn left(&self) -> u32 {
        self.limit.saturating_sub(self.own + self.others)
    }

    /// A window begins with the first call in it.
    fn begin(&mut self, now: Timestamp) {
        self.reset.get_or_insert(now + self.window);
    }

    /// Ends windows that are over, and counts what others used meanwhile.
    fn turn(&mut self, now: Timestamp) {
        if let Some(reset) = self.reset
            && reset <= now
        {
            self.count_stream(reset);
            self.fill();
        }
        self.count_stream(now);
    }

    fn count_stream(&mut self, now: Timestamp) {
        let Some(stream) = &mut self.stream else {
            return;
        };
        let hours = now.duration_since(stream.since).max(SignedDuration::ZERO);
        let due = (hours.as_secs_f64() / 3600.0 * stream.per_hour) as u64;
        let points = due.saturating_sub(stream.counted);
        stream.counted = stream.counted.max(due);
        if points > 0 {
            self.begin(now);
            let points = u32::try_from(points).unwrap_or(u32::MAX).min(self.left());
            self.others += points;
            self.others_ever += u64::from(points);
        }
    }
}
