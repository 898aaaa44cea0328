//! The life of one piece of work: a delivery wakes one object in one cluster.

use std::fmt;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use super::record::DeliveryKey;
use super::state::is_zero;

/// Where the work stands. Each state holds what is known in it, and nothing else.
///
/// ```text
/// Accepted <-> Waiting          (cluster not listed yet, policy, an earlier wake of the object)
///     |           |
///     |-----------+-> Overtaken (a later delivery wakes the object as well)
///     v           v
///   Annotating {token}          (the token is stored before it is sent; each retry sends the same)
///     |
///     `-> Annotated | Gone | Suspended | OptedOut | Shadowed | Failed
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "state", rename_all = "camelCase")]
pub enum WorkState {
    Accepted {
        at: Timestamp,
    },
    #[serde(rename_all = "camelCase")]
    Waiting {
        accepted_at: Timestamp,
        since: Timestamp,
        why: Wait,
        /// `None`: until what it waits for tells.
        until: Option<Timestamp>,
    },
    #[serde(rename_all = "camelCase")]
    Annotating {
        accepted_at: Timestamp,
        token: Token,
        /// How often it was tried in vain.
        failures: u32,
        last_failure: Option<String>,
        /// When the last try was; before the first, when the token was chosen.
        tried_at: Timestamp,
        /// Not tried again before.
        next_at: Timestamp,
        /// It was to wait until then, so that its first try was later than its acceptance.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        waited_until: Option<Timestamp>,
    },
    Annotated {
        token: Token,
        at: Timestamp,
        /// The `resourceVersion` that the object has by that, where it was told and counts: what has a lower one was
        /// seen from before.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        version: Option<u64>,
    },
    /// The object was deleted, or follows something else by now.
    Gone {
        at: Timestamp,
    },
    Suspended {
        at: Timestamp,
    },
    /// By its annotation `flux-setup.dev/webhook: disabled`.
    OptedOut {
        at: Timestamp,
    },
    Overtaken {
        at: Timestamp,
        by: DeliveryKey,
    },
    /// It would have been annotated, and the program was told to touch nothing.
    Shadowed {
        at: Timestamp,
    },
    Failed {
        at: Timestamp,
        reason: String,
        /// How often it was tried in vain; none where it was never sent, or could never be done.
        #[serde(default, skip_serializing_if = "is_zero")]
        failures: u32,
    },
}

/// What work waits for before it may begin.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Wait {
    /// The cluster was not listed yet, or is lost.
    Cluster,
    /// `webhook: {after: …}` of the environment.
    Policy,
    /// The object was woken a moment ago; what comes meanwhile becomes one more wake.
    Coalescing,
    /// Sources that are woken after a gap are spread over time.
    Spread,
}

/// The value of `reconcile.fluxcd.io/requestedAt`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Token(pub String);

impl Token {
    /// A token that differs from the one that the object has: a controller looks at nothing else.
    pub fn choose(now: Timestamp, present: Option<&str>) -> Self {
        let token = format!("{now:.9}");
        if present == Some(token.as_str()) {
            return Self(format!("{token}+"));
        }
        Self(token)
    }
}

impl fmt::Display for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// What happened to a piece of work.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    Wait {
        why: Wait,
        until: Option<Timestamp>,
    },
    /// What it waited for came before its time.
    Ready,
    /// To be stored before it is sent.
    Choose(Token),
    /// The API server took the patch, and the object has this version by it.
    Annotated {
        version: Option<u64>,
    },
    /// The API server could not be reached or would not take it now.
    Retry {
        reason: String,
        at: Timestamp,
        /// How long after the delivery was accepted, or the wait was over that was asked for, one more try is no use.
        give_up_after: Duration,
    },
    /// It can never be done.
    Fail(String),
    Gone,
    Suspended,
    OptedOut,
    Overtaken(DeliveryKey),
    Shadow,
}

/// A step that the state does not allow: a fault of ours, and the state is as before.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("work that is {state} cannot become {step}")]
pub struct ImpossibleStep {
    pub state: &'static str,
    pub step: &'static str,
}

impl WorkState {
    /// The state after a step.
    ///
    /// # Errors
    /// A step that the state does not allow. What is over stays as it is.
    pub fn after(&self, step: Step, now: Timestamp) -> Result<Self, ImpossibleStep> {
        let Some(accepted_at) = self.accepted_at() else {
            return Err(self.impossible(&step));
        };
        let at = now;
        Ok(match (self, step) {
            (Self::Accepted { .. } | Self::Waiting { .. }, Step::Wait { why, until }) => {
                Self::Waiting {
                    accepted_at,
                    since: now,
                    why,
                    until,
                }
            }
            (Self::Accepted { .. } | Self::Waiting { .. }, Step::Ready) => {
                Self::Accepted { at: accepted_at }
            }
            (Self::Accepted { .. } | Self::Waiting { .. }, Step::Choose(token)) => {
                Self::Annotating {
                    accepted_at,
                    token,
                    failures: 0,
                    last_failure: None,
                    tried_at: now,
                    next_at: now,
                    waited_until: self.waited_until(),
                }
            }
            // Once a token is stored it may have been sent, so its work is never another's.
            (Self::Accepted { .. } | Self::Waiting { .. }, Step::Overtaken(by)) => {
                Self::Overtaken { at, by }
            }
            (Self::Annotating { token, .. }, Step::Annotated { version }) => Self::Annotated {
                token: token.clone(),
                at,
                version,
            },
            (
                Self::Annotating {
                    token, failures, ..
                },
                Step::Retry {
                    reason,
                    at: next_at,
                    give_up_after,
                },
            ) => {
                let failures = failures.saturating_add(1);
                if self.is_hopeless(give_up_after, now) {
                    Self::Failed {
                        at,
                        reason,
                        failures,
                    }
                } else {
                    Self::Annotating {
                        accepted_at,
                        token: token.clone(),
                        failures,
                        last_failure: Some(reason),
                        tried_at: now,
                        next_at,
                        waited_until: self.waited_until(),
                    }
                }
            }
            (_, Step::Fail(reason)) => Self::Failed {
                at,
                reason,
                failures: 0,
            },
            (_, Step::Gone) => Self::Gone { at },
            (_, Step::Suspended) => Self::Suspended { at },
            (_, Step::OptedOut) => Self::OptedOut { at },
            (_, Step::Shadow) => Self::Shadowed { at },
            (_, step) => return Err(self.impossible(&step)),
        })
    }

    /// Whether it may go on now. A clock that was set back makes nothing wait longer.
    pub fn is_due(&self, now: Timestamp) -> bool {
        match self {
            Self::Accepted { .. } => true,
            Self::Waiting { since, until, .. } => {
                until.is_some_and(|until| until <= now || now < *since)
            }
            Self::Annotating {
                tried_at, next_at, ..
            } => *next_at <= now || now < *tried_at,
            _ => false,
        }
    }

    /// Whether it could have been done for so long that one more try is no use.
    pub fn is_hopeless(&self, give_up_after: Duration, now: Timestamp) -> bool {
        let Some(accepted_at) = self.accepted_at() else {
            return false;
        };
        // How long it waits for its environment is none of the patience with its cluster.
        let since = self
            .waited_until()
            .map_or(accepted_at, |until| until.max(accepted_at));
        is_past(since, give_up_after, now)
    }

    /// Since when it could have been done; `None` where it is over, or waits because somebody asked for that.
    pub fn could_be_done_since(&self, now: Timestamp) -> Option<Timestamp> {
        let accepted_at = self.accepted_at()?;
        match (self, self.waited_until()) {
            (Self::Waiting { why, .. }, None) if *why != Wait::Cluster => None,
            (_, Some(until)) if until > now => None,
            (_, Some(until)) => Some(until.max(accepted_at)),
            (_, None) => Some(accepted_at),
        }
    }

    fn waited_until(&self) -> Option<Timestamp> {
        match self {
            Self::Waiting { until, .. } => *until,
            Self::Annotating { waited_until, .. } => *waited_until,
            _ => None,
        }
    }

    /// Whether nothing more is to be done.
    pub fn is_over(&self) -> bool {
        self.accepted_at().is_none()
    }

    /// Whether it is over without anything to be applied, or a later delivery has taken it over.
    pub fn is_settled(&self) -> bool {
        matches!(
            self,
            Self::Gone { .. }
                | Self::OptedOut { .. }
                | Self::Shadowed { .. }
                | Self::Overtaken { .. }
        )
    }

    /// Whether it is over because its object was not there, or not to be woken.
    pub fn is_left(&self) -> bool {
        matches!(
            self,
            Self::Gone { .. } | Self::Suspended { .. } | Self::OptedOut { .. }
        )
    }

    /// Whether its last failure is one of those that are stored: with each of them as many more were tried, so that
    /// a server that is away for a day costs few writes.
    pub fn is_milestone(&self) -> bool {
        matches!(self, Self::Annotating { failures, .. } if failures.is_power_of_two())
    }

    /// Whether it is over, and what was to be done could not be.
    pub fn has_failed(&self) -> bool {
        matches!(self, Self::Failed { .. })
    }

    /// When it was over; `None` while it is not.
    pub fn ended_at(&self) -> Option<Timestamp> {
        match self {
            Self::Accepted { .. } | Self::Waiting { .. } | Self::Annotating { .. } => None,
            Self::Annotated { at, .. }
            | Self::Gone { at }
            | Self::Suspended { at }
            | Self::OptedOut { at }
            | Self::Overtaken { at, .. }
            | Self::Shadowed { at }
            | Self::Failed { at, .. } => Some(*at),
        }
    }

    /// When the delivery was accepted; `None` once the work is over.
    pub fn accepted_at(&self) -> Option<Timestamp> {
        match self {
            Self::Accepted { at } => Some(*at),
            Self::Waiting { accepted_at, .. } | Self::Annotating { accepted_at, .. } => {
                Some(*accepted_at)
            }
            _ => None,
        }
    }

    /// As it is written in JSON.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Accepted { .. } => "accepted",
            Self::Waiting { .. } => "waiting",
            Self::Annotating { .. } => "annotating",
            Self::Annotated { .. } => "annotated",
            Self::Gone { .. } => "gone",
            Self::Suspended { .. } => "suspended",
            Self::OptedOut { .. } => "optedOut",
            Self::Overtaken { .. } => "overtaken",
            Self::Shadowed { .. } => "shadowed",
            Self::Failed { .. } => "failed",
        }
    }

    fn impossible(&self, step: &Step) -> ImpossibleStep {
        ImpossibleStep {
            state: self.name(),
            step: step.name(),
        }
    }
}

impl Step {
    /// The state that it leads to.
    fn name(&self) -> &'static str {
        match self {
            Self::Wait { .. } => "waiting",
            Self::Ready => "accepted",
            Self::Choose(_) | Self::Retry { .. } => "annotating",
            Self::Annotated { .. } => "annotated",
            Self::Fail(_) => "failed",
            Self::Gone => "gone",
            Self::Suspended => "suspended",
            Self::OptedOut => "optedOut",
            Self::Overtaken(_) => "overtaken",
            Self::Shadow => "shadowed",
        }
    }
}

/// Whether `after` has passed since then; not where the clock was set back to before it.
fn is_past(then: Timestamp, after: Duration, now: Timestamp) -> bool {
    SignedDuration::try_from(after).is_ok_and(|after| now.duration_since(then) >= after)
}

#[cfg(test)]
mod tests {
    use crate::delivery::{Guid, WebhookName};

    use super::*;

    const DAY: Duration = Duration::from_secs(86_400);

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    fn accepted() -> WorkState {
        WorkState::Accepted { at: at(100) }
    }

    fn waiting(until: Option<Timestamp>) -> WorkState {
        let wait = Step::Wait {
            why: Wait::Cluster,
            until,
        };
        accepted().after(wait, at(110)).unwrap()
    }

    fn token() -> Token {
        Token("t".into())
    }

    fn annotating() -> WorkState {
        accepted().after(Step::Choose(token()), at(120)).unwrap()
    }

    fn retry(next: i64) -> Step {
        Step::Retry {
            reason: "connection refused".into(),
            at: at(next),
            give_up_after: DAY,
        }
    }

    fn another() -> DeliveryKey {
        DeliveryKey {
            webhook: WebhookName("acme".into()),
            guid: Guid::read("b-2").unwrap(),
        }
    }

    #[test]
    fn work_could_be_done_from_its_acceptance_on_or_from_the_end_of_a_wait_that_somebody_asked_for()
    {
        let since = |state: &WorkState, second| state.could_be_done_since(at(second));
        assert_eq!(since(&accepted(), 200), Some(at(100)));
        assert_eq!(since(&annotating(), 200), Some(at(100)));
        assert_eq!(since(&waiting(None), 200), Some(at(100)));
        for why in [Wait::Policy, Wait::Spread, Wait::Coalescing] {
            let until = Some(at(300));
            let asked = accepted()
                .after(Step::Wait { why, until }, at(110))
                .unwrap();
            assert_eq!(since(&asked, 299), None);
            assert_eq!(since(&asked, 301), Some(at(300)));
        }
        for over in over() {
            assert_eq!(since(&over, 200), None);
        }
    }

    fn taken() -> Step {
        Step::Annotated { version: Some(7) }
    }

    fn over() -> Vec<WorkState> {
        let annotated = annotating().after(taken(), at(130)).unwrap();
        let ends = [
            Step::Fail("forbidden".into()),
            Step::Gone,
            Step::Suspended,
            Step::OptedOut,
            Step::Overtaken(another()),
            Step::Shadow,
        ];
        let mut over = vec![annotated];
        over.extend(ends.map(|end| waiting(None).after(end, at(130)).unwrap()));
        over
    }

    #[test]
    fn work_goes_from_accepted_to_annotated() {
        let annotated = annotating().after(taken(), at(130)).unwrap();
        let expected = WorkState::Annotated {
            token: token(),
            at: at(130),
            version: Some(7),
        };
        assert_eq!(annotated, expected);
    }

    #[test]
    fn every_retry_sends_the_token_that_was_stored() {
        let once = annotating().after(retry(125), at(121)).unwrap();
        let twice = once.after(retry(140), at(126)).unwrap();
        let expected = WorkState::Annotating {
            accepted_at: at(100),
            token: token(),
            failures: 2,
            last_failure: Some("connection refused".into()),
            tried_at: at(126),
            next_at: at(140),
            waited_until: None,
        };
        assert_eq!(twice, expected);
        assert!(!twice.is_due(at(139)) && twice.is_due(at(140)));
    }

    #[test]
    fn what_never_works_is_given_up_from_exactly_its_age_on() {
        let end = 100 + 86_400;
        let before = annotating().after(retry(end), at(end - 1)).unwrap();
        assert_eq!(before.name(), "annotating");
        let failed = before.after(retry(end + 9), at(end)).unwrap();
        let reason = "connection refused".to_owned();
        assert_eq!(
            failed,
            WorkState::Failed {
                at: at(end),
                reason,
                failures: 2
            }
        );
        assert!(!waiting(None).is_hopeless(DAY, at(end - 1)));
        assert!(waiting(None).is_hopeless(DAY, at(end)));
        assert!(accepted().is_hopeless(DAY, at(end)));
        assert!(!failed.is_hopeless(DAY, at(end)));
    }

    #[test]
    fn the_time_to_give_up_begins_when_its_wait_is_over() {
        let late = 100 + 2 * 86_400;
        let waits = waiting(Some(at(late)));
        assert!(!waits.is_hopeless(DAY, at(late)));
        let chosen = waits.after(Step::Choose(token()), at(late)).unwrap();
        let end = late + 86_400;
        let tried = chosen.after(retry(end), at(end - 1)).unwrap();
        assert!(!tried.is_over() && !tried.is_hopeless(DAY, at(end - 1)));
        assert_eq!(tried.after(retry(end), at(end)).unwrap().name(), "failed");
        let json = serde_json::to_string(&tried).unwrap();
        assert_eq!(serde_json::from_str::<WorkState>(&json).unwrap(), tried);
    }

    #[test]
    fn of_many_failures_few_are_stored() {
        let mut state = annotating();
        let mut stored = Vec::new();
        for failure in 1..=2_900 {
            state = state.after(retry(1), at(121)).unwrap();
            if state.is_milestone() {
                stored.push(failure);
            }
        }
        assert_eq!(stored, (0..12).map(|power| 1 << power).collect::<Vec<_>>());
        assert!(!annotating().is_milestone() && !accepted().is_milestone());
    }

    #[test]
    fn what_waits_is_due_when_its_time_comes_or_it_is_told() {
        assert!(accepted().is_due(at(0)));
        assert!(!waiting(None).is_due(at(9_999)));
        assert!(!waiting(Some(at(200))).is_due(at(199)));
        assert!(waiting(Some(at(200))).is_due(at(200)));
        assert_eq!(waiting(None).after(Step::Ready, at(150)), Ok(accepted()));
    }

    #[test]
    fn a_clock_that_is_set_back_makes_nothing_wait_longer_or_fail() {
        let early = at(0);
        assert!(waiting(Some(at(200))).is_due(early));
        assert!(!waiting(None).is_due(early));
        let retried = annotating().after(retry(4_000), at(400)).unwrap();
        assert!(!retried.is_due(at(399 + 1)) && retried.is_due(at(399)));
        assert_eq!(
            annotating().after(retry(10), early).unwrap().name(),
            "annotating"
        );
    }

    #[test]
    fn what_may_have_been_sent_is_overtaken_by_nothing() {
        let impossible = annotating()
            .after(Step::Overtaken(another()), at(130))
            .unwrap_err();
        assert_eq!(
            impossible.to_string(),
            "work that is annotating cannot become overtaken"
        );
        let again = annotating().after(Step::Choose(Token("u".into())), at(130));
        assert_eq!(
            again.unwrap_err().to_string(),
            "work that is annotating cannot become annotating"
        );
        let unsent = accepted().after(taken(), at(130)).unwrap_err();
        assert_eq!(
            unsent.to_string(),
            "work that is accepted cannot become annotated"
        );
    }

    #[test]
    fn what_is_over_stays_over() {
        let steps = [
            Step::Wait {
                why: Wait::Policy,
                until: None,
            },
            Step::Ready,
            Step::Choose(token()),
            taken(),
            retry(200),
            Step::Fail("r".into()),
            Step::Gone,
            Step::Suspended,
            Step::OptedOut,
            Step::Overtaken(another()),
        ];
        for state in over() {
            assert!(state.is_over() && !state.is_due(at(9_999)), "{state:?}");
            for step in &steps {
                assert!(
                    state.after(step.clone(), at(200)).is_err(),
                    "{state:?} {step:?}"
                );
            }
        }
    }

    #[test]
    fn every_state_reads_back_from_json_under_its_name() {
        let mut states = over();
        let retried = annotating().after(retry(125), at(121)).unwrap();
        states.extend([
            accepted(),
            waiting(None),
            waiting(Some(at(200))),
            annotating(),
            retried,
        ]);
        for state in states {
            let json = serde_json::to_string(&state).unwrap();
            assert_eq!(
                serde_json::from_str::<WorkState>(&json).unwrap(),
                state,
                "{json}"
            );
            assert_eq!(state.ended_at().is_some(), state.is_over());
            let start = format!("{{\"state\":\"{}\"", state.name());
            assert!(json.starts_with(&start), "{json}");
        }
        assert_eq!(
            serde_json::to_string(&waiting(Some(at(200)))).unwrap(),
            r#"{"state":"waiting","acceptedAt":"1970-01-01T00:01:40Z","since":"1970-01-01T00:01:50Z","why":"cluster","until":"1970-01-01T00:03:20Z"}"#
        );
    }

    #[test]
    fn a_token_can_be_read_and_is_never_the_one_that_is_there() {
        let now = Timestamp::new(0, 1).unwrap();
        let token = Token::choose(now, None);
        assert_eq!(token.to_string(), "1970-01-01T00:00:00.000000001Z");
        assert_eq!(Token::choose(now, Some("other")), token);
        let next = Token::choose(now, Some(&token.0));
        assert_eq!(next.to_string(), "1970-01-01T00:00:00.000000001Z+");
        assert_eq!(Token::choose(now, Some(&next.0)), token);
    }
}
