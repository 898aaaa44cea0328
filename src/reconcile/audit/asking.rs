//! What follows where GitHub cannot be asked: when it is asked again, and what people are told.

use std::time::Duration;

use jiff::Timestamp;

use crate::github::hooks::{Finding, FindingKind, HookPlace};
use crate::github::{CallFault, Refusal};

use super::missed::AuditFault;

/// The longest pause after faults that mend themselves…
const LONGEST: Duration = Duration::from_secs(5 * 60);
/// … and after those that people have to mend.
const LONGEST_OF_REFUSALS: Duration = Duration::from_secs(15 * 60);

/// When it is asked again after so many failures in a row.
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
    let longest = if is_refusal(fault) {
        LONGEST_OF_REFUSALS
    } else {
        LONGEST
    };
    let doubled = every.saturating_mul(1 << failures.saturating_sub(1).min(10));
    doubled.min(longest.max(every))
}

/// Whether it stays so until somebody does something.
pub(super) fn is_refusal(fault: &AuditFault) -> bool {
    matches!(
        fault,
        AuditFault::Call(
            CallFault::Refused { .. } | CallFault::Elsewhere { .. } | CallFault::Credential { .. }
        )
    )
}

/// What people are told of it; the permission that lacks is named. `None`: nothing is wrong.
pub(super) fn finding(fault: &AuditFault, place: &HookPlace, identity: &str) -> Option<Finding> {
    let AuditFault::Call(call) = fault else {
        return None;
    };
    let mend = match call {
        CallFault::Held(_) => return None,
        CallFault::Refused {
            reason: Refusal::Forbidden { needs: Some(needs) },
            ..
        } => format!(
            "grant `{needs}` to identity `{identity}`: {}",
            permission(place)
        ),
        CallFault::Refused {
            reason: Refusal::Forbidden { .. } | Refusal::NotFound { .. },
            ..
        } => format!(
            "see that {place} is there, and that identity `{identity}` may read its webhooks: {}",
            permission(place)
        ),
        CallFault::Refused { reason, .. } => reason.to_string(),
        _ => "it goes on by itself once GitHub can be asked".to_owned(),
    };
    Some(Finding::new(FindingKind::Unasked, call.to_string(), mend))
}

/// What an identity needs to see hooks and what they delivered.
fn permission(place: &HookPlace) -> &'static str {
    match place {
        HookPlace::Repository { .. } => {
            "the repository permission `Webhooks: read-only`, of a classic token the scope `read:repo_hook`"
        }
        HookPlace::Organization(_) => {
            "the organisation permission `Webhooks: read-only`, of a classic token the scope `admin:org_hook`"
        }
        HookPlace::App => "the App's own private key",
    }
}

#[cfg(test)]
mod tests {
    use http::StatusCode;

    use crate::budget::live::{Hold, HoldReason};

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
        assert_eq!(after(&unreachable(), 1), 60);
        assert_eq!(after(&unreachable(), 2), 120);
        assert_eq!(after(&unreachable(), 99), 300);
        let forbidden = refused(403, Refusal::Forbidden { needs: None });
        assert_eq!(after(&forbidden, 99), 900);
        let rare = Duration::from_secs(3600);
        assert_eq!(pause(&unreachable(), rare, 3, now), rare);
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

    #[test]
    fn a_permission_that_lacks_is_named() {
        let acme = HookPlace::Organization("acme".into());
        let told = |fault: &AuditFault| {
            let finding = finding(fault, &acme, "bot").unwrap();
            (finding.what, finding.mend)
        };
        let (what, mend) = told(&refused(
            403,
            Refusal::Forbidden {
                needs: Some("organization_hooks=read".into()),
            },
        ));
        assert_eq!(
            what,
            "GitHub refused `GET /orgs/acme/hooks` to `bot` (403: Resource not accessible): it needs `organization_hooks=read`; grant that, and of an App accept it where it is installed"
        );
        assert_eq!(
            mend,
            "grant `organization_hooks=read` to identity `bot`: the organisation permission `Webhooks: read-only`, of a classic token the scope `admin:org_hook`"
        );
        let (_, mend) = told(&refused(404, Refusal::NotFound { needs: None }));
        assert_eq!(
            mend,
            "see that organisation acme is there, and that identity `bot` may read its webhooks: the organisation permission `Webhooks: read-only`, of a classic token the scope `admin:org_hook`"
        );
        let (_, mend) = told(&refused(401, Refusal::Unauthorized));
        assert!(mend.starts_with("the token is revoked"), "{mend}");
        let (_, mend) = told(&unreachable());
        assert_eq!(mend, "it goes on by itself once GitHub can be asked");
    }
}
