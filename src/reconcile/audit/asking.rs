//! What follows where GitHub cannot be asked: when it is asked again, and what people are told.

use std::time::{Duration, Instant};

use jiff::Timestamp;

use crate::github::CallFault;
use crate::github::hooks::{Finding, HookPlace, judge_unasked};

use super::missed::AuditFault;

/// The first pause after faults that mend themselves, unless GitHub is asked more often anyway.
const FIRST: Duration = Duration::from_secs(10);
/// The longest pause after faults that mend themselves…
const LONGEST: Duration = Duration::from_secs(5 * 60);
/// … and after those that people have to mend.
const LONGEST_OF_REFUSALS: Duration = Duration::from_secs(15 * 60);

/// That GitHub cannot be asked, and since when.
#[derive(Debug)]
pub(super) struct Failing {
    since: Timestamp,
    begun: Instant,
    /// How often in a row.
    pub(super) times: u32,
    pub(super) finding: Option<Finding>,
}

impl Failing {
    pub(super) fn start() -> Self {
        Self {
            since: Timestamp::now(),
            begun: Instant::now(),
            times: 0,
            finding: None,
        }
    }

    /// It went wrong once more. `believed` is how long what was found before is believed, since a single answer
    /// that fails says nothing then; `None`: nothing was found before.
    pub(super) fn again(
        &mut self,
        fault: &AuditFault,
        place: &HookPlace,
        identity: &str,
        believed: Option<Duration>,
    ) {
        self.times = self.times.saturating_add(1);
        let is_told =
            is_refusal(fault) || believed.is_none_or(|believed| self.begun.elapsed() >= believed);
        self.finding = finding(fault, place, identity).filter(|_| is_told);
        if let Some(finding) = &mut self.finding
            && !is_refusal(fault)
        {
            let since = self.since.strftime("%Y-%m-%dT%H:%M:%SZ");
            finding.what = format!("GitHub cannot be asked since {since}: {}", finding.what);
        }
    }
}

/// When it is asked again after so many failures in a row; `now` by the clock that holds go by: [`crate::github::Client::now`].
pub(super) fn pause(
    fault: &AuditFault,
    every: Duration,
    failures: u32,
    now: Timestamp,
) -> Duration {
    if let AuditFault::Call(CallFault::Held(hold)) = fault {
        let until = hold.until.duration_since(now);
        let until = Duration::try_from(until).unwrap_or_default();
        return until.clamp(Duration::from_secs(1), Duration::from_secs(3600));
    }
    // Nobody is asked for that, and what is mended is to go on.
    if let AuditFault::Call(CallFault::Unusable { .. }) = fault {
        return every.min(FIRST);
    }
    let (first, longest) = if is_refusal(fault) {
        (every, LONGEST_OF_REFUSALS.max(every))
    } else {
        (every.min(FIRST), LONGEST)
    };
    let doubled = first.saturating_mul(1 << failures.saturating_sub(1).min(10));
    doubled.min(longest)
}

/// Whether it stays so until somebody does something.
pub(super) fn is_refusal(fault: &AuditFault) -> bool {
    matches!(
        fault,
        AuditFault::Call(
            CallFault::Refused { .. } | CallFault::Elsewhere { .. } | CallFault::Unusable { .. }
        )
    )
}

/// What people are told of it; `None`: nothing is wrong at GitHub.
pub(super) fn finding(fault: &AuditFault, place: &HookPlace, identity: &str) -> Option<Finding> {
    match fault {
        AuditFault::Call(call) => judge_unasked(call, place, identity),
        AuditFault::Store(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use http::StatusCode;

    use crate::budget::live::{Hold, HoldReason};
    use crate::github::Refusal;

    use super::*;

    fn refused(status: u16, reason: Refusal) -> AuditFault {
        AuditFault::Call(CallFault::Refused {
            identity: "bot".into(),
            call: "GET /orgs/acme/hooks".into(),
            status: StatusCode::from_u16(status).unwrap(),
            reason,
            message: "Resource not accessible".into(),
        })
    }

    fn unreachable() -> AuditFault {
        AuditFault::Call(CallFault::Unreachable {
            host: "github.com".into(),
            reason: "refused".into(),
        })
    }

    #[test]
    fn pauses_double_up_to_a_bound_and_a_closed_gate_says_its_own() {
        let every = Duration::from_secs(60);
        let now = Timestamp::UNIX_EPOCH;
        let after = |fault: &AuditFault, failures| pause(fault, every, failures, now).as_secs();
        assert_eq!(after(&unreachable(), 1), 10);
        assert_eq!(after(&unreachable(), 2), 20);
        assert_eq!(after(&unreachable(), 99), 300);
        let forbidden = refused(403, Refusal::Forbidden { needs: None });
        assert_eq!(after(&forbidden, 1), 60);
        assert_eq!(after(&forbidden, 99), 900);
        let rare = Duration::from_secs(3600);
        assert_eq!(pause(&forbidden, rare, 3, now), rare);
        let often = Duration::from_millis(100);
        assert_eq!(pause(&unreachable(), often, 2, now), often * 2);
        let held = |second| {
            AuditFault::Call(CallFault::Held(Hold {
                until: Timestamp::from_second(second).unwrap(),
                why: HoldReason::Reserve,
                resource: None,
            }))
        };
        assert_eq!(after(&held(90), 1), 90);
        assert_eq!(after(&held(-90), 1), 1);
        assert_eq!(after(&held(90_000), 1), 3600);
    }
}
