//! One object that is asked by hand, or that follows one: what is sent to it next, and what it says since.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;

use crate::catalog::{Cache, Item, ItemKey, Kind, ResourceVersion};
use crate::cluster::PatchFault;
use crate::delivery::{
    Again, CommitName, Proof, ProofState, Stage, Step, Token, UserState, Wanted,
};
use crate::reconcile::proof::{Age, Ask, Judged, MOST_AGAIN, Wake, judge};
use crate::reconcile::steps::after_answer;

use super::end::{End, end, is_proven};
use super::round::Why;
use super::terms::{Order, Terms};

/// One object.
#[derive(Debug)]
pub struct Line {
    pub item: Arc<Item>,
    /// `None`: it is not asked, and follows its source by itself.
    pub why: Option<Why>,
    pub(super) after: Vec<ItemKey>,
    /// The one of them for which it waits.
    waits_for: Option<ItemKey>,
    /// Why the API server did not take what was sent last.
    trouble: Option<String>,
    pub(super) asking: Asking,
    /// The one that it was asked with first.
    pub token: Option<Token>,
    /// That it has by what was sent last, where it was told.
    version: Option<ResourceVersion>,
    pub(super) proof: Option<Proof>,
    pub(super) user: Option<UserState>,
    pub end: Option<End>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Asking {
    NotYet,
    Sent {
        token: Token,
        failures: u32,
    },
    Later {
        token: Token,
        failures: u32,
        at: Timestamp,
    },
    Done,
}

/// Whether what comes before an object lets it be asked.
pub(super) enum Gate {
    Open,
    Waits(ItemKey),
    Shut(ItemKey),
}

impl Line {
    pub(super) fn new(item: Arc<Item>, why: Option<Why>, after: Vec<ItemKey>) -> Self {
        Self {
            item,
            why,
            after,
            waits_for: None,
            trouble: None,
            asking: Asking::NotYet,
            token: None,
            version: None,
            proof: None,
            user: None,
            end: None,
        }
    }

    /// When each stage was reached, in their order.
    pub fn reached(&self) -> BTreeMap<Stage, Timestamp> {
        let of_proof = |stage| Some((stage, self.proof.as_ref()?.reached(stage)?));
        let mut reached: BTreeMap<Stage, Timestamp> =
            Stage::ALL.into_iter().filter_map(of_proof).collect();
        if self.item.key.kind.is_source() {
            // Those are of its users, which have lines of their own.
            reached.remove(&Stage::Applied);
            reached.remove(&Stage::Healthy);
        }
        if let Some(at) = self.user.as_ref().and_then(UserState::applied_at) {
            reached.insert(Stage::Applied, at);
        }
        if let Some(UserState::Healthy { at, .. }) = self.user {
            reached.insert(Stage::Healthy, at);
        }
        reached
    }

    /// What it has: of a source what it has fetched, else what it has applied.
    pub fn revision(&self) -> Option<&str> {
        let fetched = self.proof.as_ref().and_then(|proof| proof.fetched.as_ref());
        fetched
            .map(|fetched| &*fetched.revision)
            .or(self.item.artifact.as_deref())
            .or(self.item.applied.as_deref())
    }

    /// What it waits for, behind `it waits`.
    pub fn waits(&self) -> String {
        match (&self.asking, &self.proof, &self.user) {
            (Asking::NotYet, ..) if self.why.is_some() => match &self.waits_for {
                Some(key) => format!("for {key}"),
                None => "for its turn".to_owned(),
            },
            (Asking::Sent { .. } | Asking::Later { .. }, ..) => match &self.trouble {
                Some(trouble) => format!("for its API server: {trouble}"),
                None => "for its API server".to_owned(),
            },
            (_, Some(proof), _) if !proof.is_over() && !is_proven(proof) => match &proof.state {
                ProofState::Following { waits } => waits.clone(),
                _ => "until it is ready".to_owned(),
            },
            (.., Some(UserState::Waiting { why: Some(why) })) => why.clone(),
            (.., Some(UserState::Applied { .. })) => "until it is ready".to_owned(),
            _ => "until it has applied what is new".to_owned(),
        }
    }

    /// Whether it is not asked, where nobody goes on: no API server has taken it, and none is about to.
    pub(super) fn is_never_asked(&self) -> bool {
        let is_sent = matches!(self.asking, Asking::Sent { .. });
        self.why.is_some() && self.proof.is_none() && !is_sent
    }

    pub(super) fn step(
        &mut self,
        terms: &Terms,
        gate: Gate,
        cluster: &Cache,
        now: Timestamp,
    ) -> Option<Order> {
        match &self.asking {
            Asking::NotYet => {
                match gate {
                    Gate::Waits(above) => {
                        self.waits_for = Some(above);
                        return None;
                    }
                    Gate::Shut(above) => {
                        let reason = format!("it was not asked, as {above} failed");
                        self.end = Some(End::Failed(reason));
                        return None;
                    }
                    Gate::Open => {}
                }
                let Some(item) = cluster.item(&self.item.key) else {
                    self.end = Some(End::Failed("it is gone".to_owned()));
                    return None;
                };
                let token = Token::choose(now, item.requested_at.as_deref());
                self.token = Some(token.clone());
                Some(self.send(token, 0, terms))
            }
            Asking::Later {
                token,
                failures,
                at,
            } if now >= *at => {
                let (token, failures) = (token.clone(), *failures);
                Some(self.send(token, failures, terms))
            }
            Asking::Done if terms.wait => self.follow(terms, cluster, now),
            Asking::Done => {
                self.end = Some(End::Done(None));
                None
            }
            Asking::Later { .. } | Asking::Sent { .. } => None,
        }
    }

    /// Takes in what an API server answered.
    pub(super) fn answered(
        &mut self,
        outcome: Result<Option<ResourceVersion>, PatchFault>,
        within: Duration,
        now: Timestamp,
    ) {
        let Asking::Sent { token, failures } = self.asking.clone() else {
            return;
        };
        // Whoever waits for it can see to the right, and ask again.
        if let Err(PatchFault::Forbidden(reason)) = outcome {
            self.end = Some(End::Failed(reason));
            return;
        }
        match after_answer(outcome, failures, within, now) {
            (Step::Annotated { version }, _) => {
                self.version = version.map(ResourceVersion::Number);
                self.asking = Asking::Done;
                self.trouble = None;
                self.proof.get_or_insert_with(|| Proof::begin(now));
            }
            (Step::Retry { at, reason, .. }, _) => {
                let failures = failures + 1;
                self.trouble = Some(reason);
                self.asking = Asking::Later {
                    token,
                    failures,
                    at,
                };
            }
            (Step::Fail(reason), _) => self.end = Some(End::Failed(reason)),
            _ => self.end = Some(End::Failed("it is gone".to_owned())),
        }
    }

    fn send(&mut self, token: Token, failures: u32, terms: &Terms) -> Order {
        let is_release = self.item.key.kind == Kind::HelmRelease;
        self.asking = Asking::Sent {
            token: token.clone(),
            failures,
        };
        Order {
            key: self.item.key.clone(),
            token,
            force: terms.force && is_release,
            reset: terms.reset && is_release,
        }
    }

    /// Sees what the object says since it was asked.
    fn follow(&mut self, terms: &Terms, cluster: &Cache, now: Timestamp) -> Option<Order> {
        if let Some(item) = cluster.item(&self.item.key) {
            self.item = Arc::clone(item);
        }
        let wanted = self.wanted(terms);
        let judged = self.judged(&wanted, cluster, now)?;
        let mut proof = judged.proof;
        let order = match judged.ask {
            Some(Ask::Again { at }) if now >= at => {
                let token = Token::choose(now, self.item.requested_at.as_deref());
                proof.again = Some(Again {
                    times: proof.again.as_ref().map_or(0, |again| again.times) + 1,
                    at: now,
                    token: token.clone(),
                });
                Some(self.send(token, 0, terms))
            }
            _ => None,
        };
        self.end = match &wanted {
            Wanted::Named(commit) if order.is_none() => self.has_another(&proof, commit),
            _ => None,
        };
        if self.end.is_none() {
            self.end = end(&self.item, &proof);
        }
        self.proof = Some(proof);
        order
    }

    fn wanted(&self, terms: &Terms) -> Wanted {
        match &terms.commit {
            Some(commit) if self.item.key.kind == Kind::GitRepository => {
                Wanted::Named(commit.clone())
            }
            _ => Wanted::Whatever,
        }
    }

    /// `None`: it was not asked yet.
    fn judged(&self, wanted: &Wanted, cluster: &Cache, now: Timestamp) -> Option<Judged> {
        let wake = Wake {
            object: &self.item.key,
            token: self.token.as_ref()?,
            version: self.version.as_ref(),
            wanted,
            within: Duration::MAX,
        };
        // A commit that was just pushed may not be seen at once, so whatever else is there is taken as older.
        let age = |_: &str| Some(Age::Older);
        Some(judge(self.proof.as_ref()?, &wake, cluster, age, now))
    }

    /// It is over itself; what is made from it may not be.
    pub(super) fn look_below(&mut self, terms: &Terms, cluster: &Cache, now: Timestamp) {
        if let Some(judged) = self.judged(&self.wanted(terms), cluster, now) {
            self.proof = Some(judged.proof);
        }
    }

    /// It was asked as often as makes sense, and has answered with another commit.
    fn has_another(&self, proof: &Proof, commit: &CommitName) -> Option<End> {
        let again = proof.again.as_ref()?;
        let is_answered = self.item.handled_at.as_deref() == Some(&*again.token.0);
        if proof.fetched.is_some()
            || again.times < MOST_AGAIN
            || !is_answered
            || !self.item.is_ready()
        {
            return None;
        }
        let revision = self.item.artifact.as_deref().unwrap_or("nothing");
        Some(End::Failed(format!(
            "it has fetched `{revision}`, also when it was asked {} times, and not {commit}; \
             is that what its ref points to?",
            again.times + 1
        )))
    }
}
