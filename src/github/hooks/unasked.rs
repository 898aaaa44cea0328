//! What people are told where GitHub does not say how a webhook is.

use crate::github::{CallFault, Refusal};

use super::finding::{Finding, FindingKind};
use super::place::HookPlace;

/// That GitHub could not be asked about the hooks of a place; the permission that lacks is named. `None`: it
/// only may not be asked now.
pub fn judge_unasked(fault: &CallFault, place: &HookPlace, identity: &str) -> Option<Finding> {
    let mend = match fault {
        CallFault::Held(_) => return None,
        CallFault::Unusable { reason, mend } => {
            return Some(Finding::new(FindingKind::Unasked, reason, mend));
        }
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
    Some(Finding::new(FindingKind::Unasked, fault.to_string(), mend))
}

/// That an App's hook is told of nothing: GitHub takes nothing of its installation, and delivers nothing of it.
pub fn judge_installation(fault: &CallFault) -> Option<Finding> {
    let CallFault::Refused { reason, .. } = fault else {
        return None;
    };
    let is_gone = matches!(reason, Refusal::Suspended | Refusal::InstallationRemoved);
    is_gone.then(|| {
        let what = format!("GitHub delivers nothing of the installation: {fault}");
        Finding::new(FindingKind::Disabled, what, reason.to_string())
    })
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

    use super::*;

    fn refused(status: u16, reason: Refusal) -> CallFault {
        CallFault::Refused {
            identity: "bot".into(),
            call: "GET /orgs/acme/hooks".into(),
            status: StatusCode::from_u16(status).unwrap(),
            reason,
            message: "Resource not accessible".into(),
        }
    }

    #[test]
    fn a_permission_that_lacks_is_named() {
        let acme = HookPlace::Organization("acme".into());
        let told = |fault: &CallFault| {
            let finding = judge_unasked(fault, &acme, "bot").unwrap();
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
        let (_, mend) = told(&CallFault::Unreachable {
            host: "github.com".into(),
            reason: "refused".into(),
        });
        assert_eq!(mend, "it goes on by itself once GitHub can be asked");
    }
}
