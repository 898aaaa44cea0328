//! The annotated objects of one cluster that are followed, and what is seen of each; nothing is asked here.

mod ends;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

use crate::catalog::{Cache, Item, ItemKey, ResourceVersion};
use crate::delivery::{Again, DeliveryKey, Proof, ProofState, Stage, Token, WorkState};
use crate::store::{StoredWork, WorkId, Write};

use super::carried::Carried;
use super::proof::{Age, Ask, Wake, begin, judge};
use super::told::Told;

/// Pushes to one object that are followed at once; of more the oldest is overtaken.
const OF_ONE_OBJECT: usize = 8;
/// All that is followed of one cluster at once: some 20 MB.
const OF_ONE_CLUSTER: usize = 20_000;
/// How often each is looked at though nothing is told of it.
const LOOK_AGAIN: SignedDuration = SignedDuration::from_secs(10);
/// Commits of which one remembers how old they are; who follows for long sees many.
const AGES: usize = 64;

/// What is followed of one cluster.
#[derive(Debug)]
pub(super) struct Follows {
    within: Duration,
    by_id: HashMap<WorkId, Follow>,
    by_object: HashMap<ItemKey, OfObject>,
    /// To be kept as soon as can be.
    news: BTreeMap<WorkId, Box<Proof>>,
    /// To be kept some time: another reason to wait.
    small_news: BTreeSet<WorkId>,
    /// Objects of which other things may be carried than noted.
    carried_news: BTreeSet<ItemKey>,
    noted: HashMap<ItemKey, Carried>,
}

/// What is followed of one object.
#[derive(Debug, Default)]
struct OfObject {
    ids: BTreeSet<WorkId>,
    /// When the oldest push was accepted that is over, and that the object lacks.
    carried: Option<Timestamp>,
}

#[derive(Debug)]
struct Follow {
    object: ItemKey,
    token: Token,
    version: Option<ResourceVersion>,
    told: Arc<Told>,
    environment: Option<Arc<str>>,
    proof: Proof,
    /// Somebody pushed it, and nothing later was proven.
    is_lackable: bool,
    /// It is over, and looked at only for whether its object has it at last.
    is_late: bool,
    /// Of commits that it has fetched in place of the wanted one.
    ages: HashMap<String, Age>,
    /// The store or the cluster is being asked for it.
    is_asking: bool,
    look_at: Timestamp,
}

/// What is to be done after a look.
#[derive(Debug, Default)]
pub(super) struct Seen {
    pub(super) reached: Vec<Reached>,
    pub(super) ended: Vec<Ended>,
    pub(super) todo: Vec<Todo>,
}

/// A stage, so long after the delivery was accepted.
#[derive(Debug)]
pub(super) struct Reached {
    pub(super) stage: Stage,
    pub(super) environment: Option<Arc<str>>,
    pub(super) after: SignedDuration,
}

#[derive(Debug)]
pub(super) struct Ended {
    pub(super) object: ItemKey,
    pub(super) told: Arc<Told>,
    pub(super) proof: Proof,
}

#[derive(Debug)]
pub(super) enum Todo {
    AgeOf {
        id: WorkId,
        told: Arc<Told>,
        commit: String,
    },
    /// The token is to be kept before it is sent.
    Again {
        id: WorkId,
        object: ItemKey,
        proof: Box<Proof>,
        token: Token,
    },
}

impl OfObject {
    fn carry(&mut self, since: Timestamp) {
        self.carried = Some(self.carried.map_or(since, |carried| carried.min(since)));
    }
}

impl Follows {
    pub(super) fn new(within: Duration) -> Self {
        Self {
            within,
            by_id: HashMap::new(),
            by_object: HashMap::new(),
            news: BTreeMap::new(),
            small_news: BTreeSet::new(),
            carried_news: BTreeSet::new(),
            noted: HashMap::new(),
        }
    }

    /// How many are followed, beside those that are late.
    pub(super) fn len(&self) -> usize {
        self.by_id.values().filter(|it| !it.is_late).count()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.by_id.is_empty()
    }

    pub(super) fn knows(&self, id: WorkId) -> bool {
        self.by_id.contains_key(&id)
    }

    /// Takes in what was annotated; `is_new` just now, so that the cluster is as it was before. What was given up is
    /// late.
    pub(super) fn add(
        &mut self,
        work: StoredWork,
        told: Arc<Told>,
        is_new: bool,
        cluster: &Cache,
        now: Timestamp,
    ) -> Seen {
        let mut seen = Seen::default();
        let (Some(object), WorkState::Annotated { token, at, version }) = (work.object, work.state)
        else {
            return seen;
        };
        if self.by_id.contains_key(&work.id) {
            return seen;
        }
        let proof = match work.proof {
            Some(proof) => *proof,
            None if is_new => begin(cluster, &object, &told.wanted, at),
            None => Proof::begin(at),
        };
        let is_late = proof.is_over();
        let ids = &mut self.by_object.entry(object.clone()).or_default().ids;
        ids.insert(work.id);
        let oldest = ids.first().copied();
        let is_too_many = ids.len() > OF_ONE_OBJECT;
        let environment = cluster
            .item(&object)
            .and_then(|item| item.environment.clone());
        if is_new {
            seen.reached.push(Reached {
                stage: Stage::Annotated,
                environment: environment.clone(),
                after: at.duration_since(told.received_at),
            });
        }
        let by = told.key.clone();
        let follow = Follow {
            object,
            token,
            version: version.map(ResourceVersion::Number),
            is_lackable: !told.is_made_good,
            told,
            environment,
            proof: match is_late {
                true => reopened(proof),
                false => proof,
            },
            is_late,
            ages: HashMap::new(),
            is_asking: false,
            look_at: now,
        };
        self.by_id.insert(work.id, follow);
        if let Some(oldest) = oldest.filter(|_| is_too_many) {
            let overtaken = ProofState::Overtaken {
                at: now,
                revision: None,
                by: Some(by),
            };
            self.end(oldest, overtaken, &mut seen);
        }
        if self.by_id.len() > OF_ONE_CLUSTER {
            let reason = format!("more than {OF_ONE_CLUSTER} objects of its cluster were followed");
            self.end(work.id, ProofState::Unproven { at: now, reason }, &mut seen);
        }
        seen
    }

    /// Those that a change may concern: of the object itself, or of what it is made from.
    pub(super) fn concerned(&self, item: &Item, cluster: &Cache) -> BTreeSet<WorkId> {
        let mut concerned = BTreeSet::new();
        let mut add = |key: &ItemKey| {
            let of_object = self.by_object.get(key).into_iter();
            concerned.extend(of_object.flat_map(|of_object| &of_object.ids));
        };
        add(&item.key);
        // A release, its chart, and the source of that.
        if let Some(source) = item.source_key() {
            add(&source);
            let above = cluster.item(&source);
            if let Some(source) = above.and_then(|item| item.source_key()) {
                add(&source);
            }
        }
        concerned
    }

    pub(super) fn all(&self) -> BTreeSet<WorkId> {
        self.by_id.keys().copied().collect()
    }

    /// Those at which to look though nothing is told.
    pub(super) fn due(&self, now: Timestamp) -> BTreeSet<WorkId> {
        // A clock that was set back makes nothing wait longer.
        let far = now.checked_add(LOOK_AGAIN).unwrap_or(now);
        let due = self
            .by_id
            .iter()
            .filter(|(_, follow)| follow.look_at <= now || follow.look_at > far);
        due.map(|(id, _)| *id).collect()
    }

    pub(super) fn look(
        &mut self,
        ids: &BTreeSet<WorkId>,
        cluster: &Cache,
        may_ask: bool,
        now: Timestamp,
    ) -> Seen {
        let mut seen = Seen::default();
        for id in ids {
            self.look_at(*id, cluster, may_ask, now, &mut seen);
        }
        seen
    }

    fn look_at(
        &mut self,
        id: WorkId,
        cluster: &Cache,
        may_ask: bool,
        now: Timestamp,
        seen: &mut Seen,
    ) {
        let others = self.others_of(id);
        let Some(follow) = self.by_id.get_mut(&id) else {
            return;
        };
        if follow.environment.is_none() {
            let item = cluster.item(&follow.object);
            follow.environment = item.and_then(|item| item.environment.clone());
        }
        let wake = Wake {
            object: &follow.object,
            token: &follow.token,
            version: follow.version.as_ref(),
            wanted: &follow.told.wanted,
            within: match follow.is_late {
                true => Duration::MAX,
                false => self.within,
            },
        };
        let age = |commit: &str| match follow.ages.get(commit) {
            // As a push that woke nothing here.
            Some(Age::Later(by)) if !others.contains(by) => Some(Age::LaterAlone),
            age => age.cloned(),
        };
        let judged = judge(&follow.proof, &wake, cluster, age, now);
        let item = cluster.item(&follow.object);
        let asleep = item.filter(|item| item.suspended);
        let asleep = asleep.map(|item| item.key.clone());
        let over_at = follow.proof.annotated_at.checked_add(self.within);
        let over_at = over_at.ok().filter(|_| !follow.is_late);
        let next = now.checked_add(LOOK_AGAIN).unwrap_or(now);
        follow.look_at = over_at.unwrap_or(next).min(next).max(now);
        let mut proof = judged.proof;
        match judged.ask {
            _ if follow.is_asking => {}
            Some(Ask::AgeOf(commit)) => {
                follow.is_asking = true;
                let told = Arc::clone(&follow.told);
                seen.todo.push(Todo::AgeOf { id, told, commit });
            }
            // Nobody asks for what is over.
            Some(Ask::Again { .. }) if follow.is_late => {}
            Some(Ask::Again { at }) if at > now => follow.look_at = follow.look_at.min(at),
            Some(Ask::Again { .. }) if may_ask => {
                let item = cluster.item(&follow.object);
                if let Some(item) = item.filter(|item| !item.opted_out) {
                    let token = Token::choose(now, item.requested_at.as_deref());
                    let times = proof.again.as_ref().map_or(0, |again| again.times) + 1;
                    proof.again = Some(Again {
                        times,
                        at: now,
                        token: token.clone(),
                    });
                    follow.is_asking = true;
                    seen.todo.push(Todo::Again {
                        id,
                        object: follow.object.clone(),
                        proof: Box::new(proof.bounded()),
                        token,
                    });
                }
            }
            Some(Ask::Again { .. }) | None => {}
        }
        self.take_in(id, proof, seen);
        if let Some(object) = asleep {
            self.is_asleep(&object);
        }
    }

    /// The deliveries by which the same object is followed beside this one.
    fn others_of(&self, id: WorkId) -> Vec<DeliveryKey> {
        let follow = self.by_id.get(&id);
        let of_object = follow.and_then(|follow| self.by_object.get(&follow.object));
        let ids = of_object.into_iter().flat_map(|of_object| &of_object.ids);
        let others = ids.filter(|other| **other != id);
        let others = others.filter_map(|other| self.by_id.get(other));
        let others = others.filter(|other| !other.is_late);
        others.map(|other| other.told.key.clone()).collect()
    }

    fn take_in(&mut self, id: WorkId, proof: Proof, seen: &mut Seen) {
        let Some(follow) = self.by_id.get_mut(&id) else {
            return;
        };
        if proof == follow.proof {
            return;
        }
        let is_applied = follow.proof.applied_at.is_none() && proof.applied_at.is_some();
        for stage in Stage::ALL.into_iter().filter(|_| !follow.is_late) {
            if let (None, Some(at)) = (follow.proof.reached(stage), proof.reached(stage)) {
                seen.reached.push(Reached {
                    stage,
                    environment: follow.environment.clone(),
                    after: at.duration_since(follow.told.received_at),
                });
            }
        }
        if follow.is_late {
            // What is kept of it stays as it was when its time was over.
        } else if follow.proof.differs_much(&proof) {
            self.news.insert(id, Box::new(proof.bounded()));
            self.small_news.remove(&id);
        } else {
            self.small_news.insert(id);
        }
        let is_over = proof.is_over();
        follow.proof = proof;
        if is_applied {
            let object = follow.object.clone();
            self.settle(&object, id);
        }
        if is_over {
            self.has_ended(id, seen);
        }
    }

    /// The store was asked how old a commit is; `None` where it did not answer any more.
    pub(super) fn told_age(&mut self, id: WorkId, age: Option<(String, Age)>) {
        if let Some(follow) = self.by_id.get_mut(&id) {
            follow.is_asking = false;
            if follow.ages.len() >= AGES {
                follow.ages.clear();
            }
            follow.ages.extend(age);
        }
    }

    /// The object was asked once more, or its API server did not take that: then it does not count. What was older then
    /// may have been pushed again meanwhile.
    pub(super) fn asked_again(&mut self, id: WorkId, was_taken: bool) {
        let Some(follow) = self.by_id.get_mut(&id) else {
            return;
        };
        follow.is_asking = false;
        follow.ages.clear();
        if let Some(again) = &mut follow.proof.again
            && !was_taken
        {
            again.times = again.times.saturating_sub(1);
        }
    }

    /// What is to be kept, at most so many.
    pub(super) fn take_news(&mut self, most: usize) -> Vec<Write> {
        let mut writes = Vec::new();
        while writes.len() < most
            && let Some((id, proof)) = self.news.pop_first()
        {
            writes.push(Write::Proof { id, proof });
        }
        writes
    }

    /// Other reasons to wait are to be kept now.
    pub(super) fn keep_small_news(&mut self) {
        for id in std::mem::take(&mut self.small_news) {
            if let Some(follow) = self.by_id.get(&id) {
                let proof = Box::new(follow.proof.bounded());
                self.news.entry(id).or_insert(proof);
            }
        }
    }
}

/// As it was before its time was over.
fn reopened(proof: Proof) -> Proof {
    let state = ProofState::Following {
        waits: "until it is mended".to_owned(),
    };
    Proof { state, ..proof }
}
