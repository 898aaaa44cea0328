//! What becomes of work when its object's turn has come, and after an answer to a patch.

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;

use crate::catalog::{Cache, ItemKey, ResourceVersion};
use crate::cluster::PatchFault;
use crate::delivery::{Step, Token};

/// The first wait after a patch that failed; it doubles with each more.
const BACKOFF_FIRST: Duration = Duration::from_millis(500);
const BACKOFF_MOST: Duration = Duration::from_secs(30);
/// A server may ask to wait longer, up to this.
const RETRY_AFTER_MOST: Duration = Duration::from_secs(300);

/// How work is done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// Objects are annotated.
    Annotate,
    /// All is matched and kept, and nothing in a cluster is touched.
    Shadow,
}

/// What an object's turn is used for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum AtTurn {
    /// It is annotated; what it was asked last is told.
    Annotate { requested: Option<Arc<str>> },
    /// There is nothing to send.
    End(Step),
    /// We do not see its kind, so nobody knows whether it is there or suspended.
    Unseen,
}

/// Decides by what the cluster has now. `sent` is the token that is stored already, if one is.
pub(super) fn at_turn(cluster: &Cache, key: &ItemKey, sent: Option<&Token>, mode: Mode) -> AtTurn {
    let scope = cluster.scope(key.kind);
    // Another by now, it may be there, or asleep no more.
    let ends = |step| match scope.is_known() && !scope.may_be_old() {
        true => AtTurn::End(step),
        false => AtTurn::Unseen,
    };
    let Some(item) = cluster.item(key) else {
        return ends(Step::Gone);
    };
    let requested = item.requested_at.clone();
    // It was sent before the program was stopped, and only the answer was not kept.
    if sent.is_some_and(|sent| requested.as_deref() == Some(&sent.0)) {
        let version = item.version.number();
        return AtTurn::End(Step::Annotated { version });
    }
    if item.suspended {
        return ends(Step::Suspended);
    }
    if item.opted_out {
        return ends(Step::OptedOut);
    }
    match mode {
        Mode::Shadow => AtTurn::End(Step::Shadow),
        Mode::Annotate => AtTurn::Annotate { requested },
    }
}

/// What an answer leads to, and how long the next try waits where there is one.
pub(super) fn after_answer(
    outcome: Result<Option<ResourceVersion>, PatchFault>,
    failures: u32,
    give_up_after: Duration,
    now: Timestamp,
) -> (Step, Duration) {
    let (reason, retry_after) = match outcome {
        Ok(version) => {
            let version = version.and_then(|version| version.number());
            return (Step::Annotated { version }, Duration::ZERO);
        }
        Err(PatchFault::Gone) => return (Step::Gone, Duration::ZERO),
        Err(fault @ PatchFault::Refused(_)) => {
            return (Step::Fail(fault.to_string()), Duration::ZERO);
        }
        Err(PatchFault::Forbidden(reason)) => (reason, None),
        Err(PatchFault::Later {
            reason,
            retry_after,
            ..
        }) => (reason, retry_after),
    };
    let asked = retry_after.unwrap_or_default().min(RETRY_AFTER_MOST);
    let wait = backoff(failures, fastrand::f64()).max(asked);
    let retry = Step::Retry {
        reason,
        at: now.checked_add(wait).unwrap_or(now),
        give_up_after,
    };
    (retry, wait)
}

/// How long to wait after so many failures, give or take a quarter by `chance` in 0..1, so that
/// objects do not come all at once.
fn backoff(failures: u32, chance: f64) -> Duration {
    let doubled = BACKOFF_FIRST.saturating_mul(1 << failures.min(16));
    doubled.min(BACKOFF_MOST).mul_f64(0.75 + chance / 2.0)
}

#[cfg(test)]
mod tests {
    use std::time::SystemTime;

    use serde_json::{Value, json};

    use crate::catalog::{HostNames, Kind, Listing, Projector};

    use super::*;

    const DAY: Duration = Duration::from_secs(86_400);

    fn key() -> ItemKey {
        ItemKey {
            kind: Kind::GitRepository,
            namespace: "apps".into(),
            name: "web".into(),
        }
    }

    /// With one GitRepository `apps/web`.
    fn cluster(spec: &Value, annotations: &Value) -> Cache {
        let object = json!({
            "metadata": {"name": "web", "namespace": "apps", "uid": "u", "resourceVersion": "1", "annotations": annotations},
            "spec": spec,
        });
        let mut projector = Projector::new("prod".into(), Arc::new(HostNames::of([])));
        let item = projector.project(Kind::GitRepository, object.to_string().as_bytes());
        listed(vec![Arc::new(item.unwrap())])
    }

    fn listed(items: Vec<Arc<crate::catalog::Item>>) -> Cache {
        let mut cache = Cache::default();
        let listing = Listing {
            kind: Kind::GitRepository,
            items,
            broken: Vec::new(),
        };
        cache.replace(listing, SystemTime::UNIX_EPOCH);
        cache
    }

    fn turn(cluster: &Cache, mode: Mode) -> AtTurn {
        at_turn(cluster, &key(), Some(&Token("t".into())), mode)
    }

    #[test]
    fn an_object_is_annotated_unless_a_person_put_it_to_sleep_or_we_only_look_on() {
        let awake = cluster(&json!({}), &json!({"reconcile.fluxcd.io/requestedAt": "s"}));
        let requested = Some("s".into());
        assert_eq!(turn(&awake, Mode::Annotate), AtTurn::Annotate { requested });
        assert_eq!(turn(&awake, Mode::Shadow), AtTurn::End(Step::Shadow));
        let asleep = cluster(&json!({"suspend": true}), &json!({}));
        assert_eq!(turn(&asleep, Mode::Annotate), AtTurn::End(Step::Suspended));
        let out = json!({"flux-setup.dev/webhook": "disabled"});
        let out = cluster(&json!({}), &out);
        assert_eq!(turn(&out, Mode::Annotate), AtTurn::End(Step::OptedOut));
    }

    #[test]
    fn a_token_that_the_object_has_already_was_sent_whatever_became_of_it_since() {
        let token = json!({"reconcile.fluxcd.io/requestedAt": "t"});
        let sent = cluster(&json!({"suspend": true}), &token);
        for mode in [Mode::Annotate, Mode::Shadow] {
            let version = Some(1);
            assert_eq!(turn(&sent, mode), AtTurn::End(Step::Annotated { version }));
        }
        let unsent = at_turn(&sent, &key(), None, Mode::Annotate);
        assert_eq!(unsent, AtTurn::End(Step::Suspended));
    }

    #[test]
    fn what_is_not_there_is_gone_only_where_its_kind_was_seen() {
        let empty = listed(Vec::new());
        assert_eq!(turn(&empty, Mode::Annotate), AtTurn::End(Step::Gone));
        let mut unseen = Cache::default();
        assert_eq!(turn(&unseen, Mode::Annotate), AtTurn::Unseen);
        unseen.is_forbidden(Kind::GitRepository, SystemTime::UNIX_EPOCH);
        assert_eq!(turn(&unseen, Mode::Annotate), AtTurn::Unseen);
    }

    #[test]
    fn of_a_kind_that_was_lost_nothing_is_gone_or_asleep_before_it_is_seen_again() {
        let kind = Kind::GitRepository;
        let asleep = cluster(&json!({"suspend": true}), &json!({}));
        let out = json!({"flux-setup.dev/webhook": "disabled"});
        let out = cluster(&json!({}), &out);
        for mut lost in [listed(Vec::new()), asleep, out] {
            lost.lost(kind, SystemTime::UNIX_EPOCH);
            assert_eq!(turn(&lost, Mode::Annotate), AtTurn::Unseen);
            // It will not be.
            lost.is_forbidden(kind, SystemTime::UNIX_EPOCH);
            let AtTurn::End(_) = turn(&lost, Mode::Annotate) else {
                panic!("it is taken as it was last seen");
            };
        }
        let mut awake = cluster(&json!({}), &json!({}));
        awake.lost(kind, SystemTime::UNIX_EPOCH);
        let annotate = AtTurn::Annotate { requested: None };
        assert_eq!(turn(&awake, Mode::Annotate), annotate);
    }

    #[test]
    fn the_wait_doubles_up_to_its_bound_give_or_take_a_quarter() {
        let wait = |failures| backoff(failures, 0.5).as_millis();
        assert_eq!([0, 1, 2, 5].map(wait), [500, 1_000, 2_000, 16_000]);
        assert_eq!([6, 16, u32::MAX].map(wait), [30_000; 3]);
        assert_eq!(backoff(0, 0.0).as_millis(), 375);
        assert_eq!(backoff(9, 1.0).as_millis(), 37_500);
    }

    #[test]
    fn what_a_server_asks_is_waited_for_up_to_five_minutes() {
        let later = |seconds| PatchFault::Later {
            reason: "busy".into(),
            retry_after: Some(Duration::from_secs(seconds)),
            busy: true,
        };
        let wait = |seconds| after_answer(Err(later(seconds)), 0, DAY, Timestamp::UNIX_EPOCH).1;
        assert_eq!(wait(7), Duration::from_secs(7));
        assert_eq!(wait(9_999), RETRY_AFTER_MOST);
        assert!(wait(0) >= Duration::from_millis(375));
    }

    #[test]
    fn a_right_that_we_lack_may_be_given_to_us_later() {
        let forbidden = Err(PatchFault::Forbidden("may not patch".into()));
        let (step, wait) = after_answer(forbidden, 0, DAY, Timestamp::UNIX_EPOCH);
        assert!(matches!(step, Step::Retry { reason, .. } if reason == "may not patch"));
        assert!(wait >= Duration::from_millis(375));
    }

    #[test]
    fn what_would_be_refused_again_is_not_tried_again() {
        let refused = Err(PatchFault::Refused("no".into()));
        let (step, _) = after_answer(refused, 0, DAY, Timestamp::UNIX_EPOCH);
        let reason = "the API server refuses the annotation: no".to_owned();
        assert_eq!(step, Step::Fail(reason));
        let (step, _) = after_answer(Err(PatchFault::Gone), 0, DAY, Timestamp::UNIX_EPOCH);
        assert_eq!(step, Step::Gone);
    }
}
