//! Whatever is done with a store, it is as a simple list in memory would be.

use std::collections::BTreeMap;
use std::time::Duration;

use flux_setup::delivery::{
    Delivery, DeliveryState, NothingToDo, Proof, ProofState, Token, Wait, WebhookName, WorkState,
};
use flux_setup::store::{
    Accepted, DeliveryId, Filter, Limits, NewWork, Store, StoreError, StoredWork, WorkId, Write,
};
use jiff::Timestamp;
use proptest::collection::vec;
use proptest::prelude::{Just, Strategy, prop_oneof};
use proptest::test_runner::{Config, TestRunner};

use super::servers::{on_postgres, on_sqlite};
use super::{StoreUrl, at, delivery, guid, object, unlisted};

const LIMITS: Limits = Limits {
    backlog: 6,
    keep_for: Duration::from_secs(40),
    keep: 4,
};
const CLUSTERS: [&str; 2] = ["prod", "lab"];
const GUIDS: u32 = 10;

#[derive(Debug, Clone)]
enum Operation {
    Accept { guid: u32, webhook: u8 },
    Write(Vec<Change>),
    Beat,
    Prune,
    Restart,
}

/// Of the delivery or work that came so many before the last, whether it is there or not.
#[derive(Debug, Clone)]
enum Change {
    Matched { delivery: i64, work: Vec<Item> },
    Failed { delivery: i64 },
    Listed { work: i64, found: Vec<Item> },
    GoesOn { work: i64 },
    Ends { work: i64 },
    Fails { work: i64 },
    Annotates { work: i64 },
    Seen { work: i64, is_over: bool },
}

#[derive(Debug, Clone, Copy)]
enum Item {
    Object,
    Unlisted(usize),
    OverFromTheStart,
}

fn items() -> impl Strategy<Value = Vec<Item>> {
    vec(
        prop_oneof![
            Just(Item::Object),
            (0..2_usize).prop_map(Item::Unlisted),
            Just(Item::OverFromTheStart),
        ],
        0..3,
    )
}

fn change() -> impl Strategy<Value = Change> {
    let delivery = -1..6_i64;
    let work = -1..4_i64;
    prop_oneof![
        3 => (delivery.clone(), items()).prop_map(|(delivery, work)| Change::Matched { delivery, work }),
        1 => delivery.prop_map(|delivery| Change::Failed { delivery }),
        2 => (work.clone(), items()).prop_map(|(work, found)| Change::Listed { work, found }),
        1 => work.clone().prop_map(|work| Change::GoesOn { work }),
        3 => work.clone().prop_map(|work| Change::Ends { work }),
        1 => work.clone().prop_map(|work| Change::Fails { work }),
        2 => work.clone().prop_map(|work| Change::Annotates { work }),
        3 => (work, proptest::bool::ANY).prop_map(|(work, is_over)| Change::Seen { work, is_over }),
    ]
}

fn operation() -> impl Strategy<Value = Operation> {
    prop_oneof![
        8 => (0..GUIDS, 0..2_u8).prop_map(|(guid, webhook)| Operation::Accept { guid, webhook }),
        12 => vec(change(), 1..4).prop_map(Operation::Write),
        1 => Just(Operation::Beat),
        2 => Just(Operation::Prune),
        1 => Just(Operation::Restart),
    ]
}

#[derive(Debug, Default)]
struct Model {
    deliveries: BTreeMap<i64, (Delivery, DeliveryState)>,
    work: BTreeMap<i64, StoredWork>,
    deliveries_ever: i64,
    work_ever: i64,
    beat: Option<Timestamp>,
}

impl Model {
    fn unfinished(&self) -> usize {
        let all = self.deliveries.values();
        all.filter(|(_, state)| !state.is_over()).count()
    }

    /// `None` where the backlog is full.
    fn accept(&mut self, delivery: Delivery) -> Option<Accepted> {
        let is_full = self.unfinished() >= LIMITS.backlog as usize;
        let mut kept = self.deliveries.iter_mut();
        if let Some((id, kept)) = kept.find(|(_, (kept, _))| kept.key == delivery.key) {
            let id = DeliveryId(*id);
            if !matches!(kept.1, DeliveryState::Failed { .. }) {
                return Some(Accepted::Seen(id, kept.1.clone()));
            }
            if is_full {
                return None;
            }
            *kept = (delivery, DeliveryState::Accepted);
            self.work.retain(|_, work| work.delivery != id);
            return Some(Accepted::Again(id));
        }
        if is_full {
            return None;
        }
        self.deliveries_ever += 1;
        let id = self.deliveries_ever;
        self.deliveries
            .insert(id, (delivery, DeliveryState::Accepted));
        Some(Accepted::New(DeliveryId(id)))
    }

    fn make(&mut self, delivery: i64, new: &[NewWork]) -> Vec<StoredWork> {
        let key = self.deliveries[&delivery].0.key.clone();
        let mut made = Vec::new();
        for new in new {
            self.work_ever += 1;
            let work = StoredWork {
                id: WorkId(self.work_ever),
                delivery: DeliveryId(delivery),
                key: key.clone(),
                cluster: new.cluster.clone(),
                object: new.object.clone(),
                state: new.state.clone(),
                proof: None,
            };
            self.work.insert(self.work_ever, work.clone());
            made.push(work);
        }
        made
    }

    fn is_open(&self, work: WorkId) -> bool {
        self.work
            .get(&work.0)
            .is_some_and(|work| !work.state.is_over())
    }

    /// What the delivery has no work for where it waited, but such as was left alone.
    fn new_in(&self, waited: &StoredWork, work: &[NewWork]) -> Vec<NewWork> {
        let is_new = |new: &&NewWork| {
            let known = self.work.values().filter(|known| {
                known.delivery == waited.delivery
                    && known.cluster == waited.cluster
                    && known.object == new.object
            });
            let mut known = known.peekable();
            new.object.is_none()
                || known.peek().is_none()
                || !new.state.is_over() && known.all(|known| known.state.is_left())
        };
        work.iter().filter(is_new).cloned().collect()
    }

    fn write(&mut self, writes: &[Write]) -> Vec<StoredWork> {
        let mut made = Vec::new();
        for write in writes {
            match write {
                Write::Matched {
                    delivery,
                    state,
                    work,
                } => match self.deliveries.get_mut(&delivery.0) {
                    Some((_, kept)) if *kept == DeliveryState::Accepted => {
                        *kept = state.clone();
                        made.extend(self.make(delivery.0, work));
                    }
                    _ => {}
                },
                Write::Listed { waited, work } => {
                    if self.is_open(*waited) && self.work[&waited.0].object.is_none() {
                        let waited = self.work.remove(&waited.0).unwrap();
                        let work = self.new_in(&waited, work);
                        made.extend(self.make(waited.delivery.0, &work));
                    }
                }
                Write::Work { id, state } => {
                    if self.is_open(*id) {
                        self.work.get_mut(&id.0).unwrap().state = state.clone();
                    }
                }
                Write::Proof { id, proof } => {
                    if let Some(work) = self.work.get_mut(&id.0)
                        && is_followed(work)
                    {
                        work.proof = Some(proof.clone());
                    }
                }
            }
        }
        self.settle();
        made
    }

    /// What a delivery is follows from its work.
    fn settle(&mut self) {
        for (id, (_, state)) in &mut self.deliveries {
            let DeliveryState::Working { since, .. } = *state else {
                continue;
            };
            let work = || self.work.values().filter(|work| work.delivery.0 == *id);
            let items = u32::try_from(work().count()).unwrap();
            let at = work().filter_map(|work| work.state.ended_at()).max();
            let at = at.unwrap_or_default();
            let failed = work().filter(|work| work.state.has_failed()).count();
            let failed = u32::try_from(failed).unwrap();
            *state = match work().filter(|work| !work.state.is_over()).count() {
                0 if items == 0 => DeliveryState::Nothing {
                    at,
                    reason: NothingToDo::NoObject,
                },
                0 if failed == 0 => DeliveryState::Done { at, items },
                0 if items == 1 => DeliveryState::Failed {
                    at,
                    reason: "the object could not be woken".into(),
                },
                0 => DeliveryState::Failed {
                    at,
                    reason: format!("{failed} of {items} objects could not be woken"),
                },
                _ => DeliveryState::Working {
                    since,
                    items,
                    failed,
                },
            };
        }
    }

    fn prune(&mut self, now: Timestamp) -> u64 {
        let ended = |(id, (_, state)): (&i64, &(Delivery, DeliveryState))| {
            Some((state.ended_at()?.as_microsecond(), *id))
        };
        let mut over: Vec<_> = self.deliveries.iter().filter_map(ended).collect();
        over.sort_unstable();
        let too_many = over.len().saturating_sub(LIMITS.keep as usize);
        let until = now.as_microsecond() - LIMITS.keep_for.as_micros() as i64;
        let mut pruned = 0;
        for (nth, (at, id)) in over.into_iter().enumerate() {
            if nth < too_many || at <= until {
                self.deliveries.remove(&id);
                self.work.retain(|_, work| work.delivery.0 != id);
                pruned += 1;
            }
        }
        pruned
    }
}

/// It was annotated, and nothing that was seen since is the end.
fn is_followed(work: &StoredWork) -> bool {
    matches!(work.state, WorkState::Annotated { .. })
        && !work.proof.as_ref().is_some_and(|proof| proof.is_over())
}

fn new_work(items: &[Item], second: i64) -> Vec<NewWork> {
    let new = |item: &Item| match item {
        Item::Object => object("web"),
        Item::Unlisted(cluster) => unlisted(CLUSTERS[*cluster]),
        Item::OverFromTheStart => NewWork {
            state: WorkState::Suspended { at: at(second) },
            ..object("tired")
        },
    };
    items.iter().map(new).collect()
}

fn write(change: &Change, model: &Model, second: i64) -> Write {
    let now = at(second);
    let delivery_id = |before: &i64| DeliveryId(model.deliveries_ever - before);
    let work_id = |before: &i64| WorkId(model.work_ever - before);
    match change {
        Change::Matched { delivery, work } => Write::Matched {
            delivery: delivery_id(delivery),
            state: DeliveryState::matched(u32::try_from(work.len()).unwrap(), now),
            work: new_work(work, second),
        },
        Change::Failed { delivery } => Write::Matched {
            delivery: delivery_id(delivery),
            state: DeliveryState::Failed {
                at: now,
                reason: "a \0 within".into(),
            },
            work: Vec::new(),
        },
        Change::Listed { work, found } => Write::Listed {
            waited: work_id(work),
            work: new_work(found, second),
        },
        Change::GoesOn { work } => Write::Work {
            id: work_id(work),
            state: WorkState::Waiting {
                accepted_at: at(1),
                since: now,
                why: Wait::Coalescing,
                until: Some(at(second + 1)),
            },
        },
        Change::Ends { work } => Write::Work {
            id: work_id(work),
            state: WorkState::Gone { at: now },
        },
        Change::Fails { work } => Write::Work {
            id: work_id(work),
            state: WorkState::Failed {
                at: now,
                reason: "away".into(),
                failures: 3,
            },
        },
        Change::Annotates { work } => Write::Work {
            id: work_id(work),
            state: WorkState::Annotated {
                token: Token("t".into()),
                at: now,
                version: Some(7),
            },
        },
        Change::Seen { work, is_over } => {
            let mut proof = Box::new(Proof::begin(now));
            if *is_over {
                proof.state = ProofState::Proven { at: now };
            }
            Write::Proof {
                id: work_id(work),
                proof,
            }
        }
    }
}

/// When a cluster was listed and nothing was found, the store asks the clock; the rest is the same.
fn adopt_times(model: &mut Model, kept: &[flux_setup::store::StoredDelivery]) {
    for kept in kept {
        let Some((_, state)) = model.deliveries.get_mut(&kept.id.0) else {
            continue;
        };
        match (state, &kept.state) {
            (DeliveryState::Nothing { at, .. }, DeliveryState::Nothing { at: kept, .. })
            | (DeliveryState::Done { at, .. }, DeliveryState::Done { at: kept, .. })
            | (DeliveryState::Failed { at, .. }, DeliveryState::Failed { at: kept, .. }) => {
                *at = *kept;
            }
            _ => {}
        }
    }
}

async fn compare(store: &Store, model: &mut Model) {
    let filter = Filter {
        limit: 1_000,
        ..Filter::default()
    };
    let kept = store.deliveries(&filter).await.unwrap();
    adopt_times(model, &kept);
    let kept: Vec<_> = kept
        .into_iter()
        .rev()
        .map(|kept| (kept.id.0, (kept.delivery, kept.state)))
        .collect();
    let expected: Vec<_> = model.deliveries.clone().into_iter().collect();
    assert_eq!(kept, expected);
    for cluster in CLUSTERS {
        let open = store.open_work(cluster, None, 1_000).await.unwrap();
        let expected = model
            .work
            .values()
            .filter(|work| *work.cluster == *cluster && !work.state.is_over());
        assert_eq!(open, expected.cloned().collect::<Vec<_>>());
        let followed = store.followed_work(cluster, None, 1_000).await.unwrap();
        let expected = model
            .work
            .values()
            .filter(|work| *work.cluster == *cluster && is_followed(work));
        assert_eq!(followed, expected.cloned().collect::<Vec<_>>());
        let counts = store.counts().await.unwrap();
        let counted = counts.open_work.get(cluster).copied().unwrap_or(0);
        assert_eq!(counted, open.len() as u64);
        for (name, number) in counts.deliveries {
            let all = model.deliveries.values();
            let same = all.filter(|(_, state)| state.name() == name).count();
            assert_eq!(number, same as u64, "{name}");
        }
    }
    for number in 0..GUIDS {
        for (delivery, work) in store.delivery(&guid(number)).await.unwrap() {
            let of_it = model
                .work
                .values()
                .filter(|work| work.delivery == delivery.id);
            assert_eq!(work, of_it.cloned().collect::<Vec<_>>());
        }
    }
    assert_eq!(store.last_beat().await.unwrap(), model.beat);
}

async fn same_as_the_model(url: StoreUrl, operations: Vec<Operation>) {
    let mut store = Store::open(&url, LIMITS).await.unwrap();
    let mut model = Model::default();
    for (second, operation) in (100..).zip(operations) {
        match operation {
            Operation::Accept {
                guid: number,
                webhook,
            } => {
                let mut delivery = delivery(number);
                delivery.received_at = at(second);
                delivery.key.webhook = WebhookName(format!("hook-{webhook}"));
                let expected = model.accept(delivery.clone());
                match store.accept(&delivery).await {
                    Ok(accepted) => assert_eq!(Some(accepted), expected),
                    Err(StoreError::Backlog { .. }) => assert_eq!(None, expected),
                    Err(fault) => panic!("{fault:?}"),
                }
            }
            Operation::Write(changes) => {
                let writes: Vec<_> = changes
                    .iter()
                    .map(|one| write(one, &model, second))
                    .collect();
                let expected = model.write(&writes);
                assert_eq!(store.write(writes).await.unwrap(), expected);
            }
            Operation::Beat => {
                model.beat = Some(at(second));
                store.beat(at(second)).await.unwrap();
            }
            Operation::Prune => {
                let expected = model.prune(at(second));
                assert_eq!(store.prune(at(second)).await.unwrap(), expected);
            }
            Operation::Restart => {
                store.close().await.unwrap();
                store = Store::open(&url, LIMITS).await.unwrap();
            }
        }
        compare(&store, &mut model).await;
    }
    store.close().await.unwrap();
}

/// Runs as many sequences as are asked for, each on a store of its own.
fn any_sequence(cases: u32, on_a_store: fn(Vec<Operation>)) {
    let mut runner = TestRunner::new(Config {
        cases,
        max_shrink_iters: 200,
        failure_persistence: None,
        ..Config::default()
    });
    let sequence = vec(operation(), 1..60);
    let outcome = runner.run(&sequence, |operations| {
        on_a_store(operations);
        Ok(())
    });
    outcome.unwrap();
}

#[test]
fn any_sequence_does_on_sqlite_what_it_does_in_memory() {
    any_sequence(24, |operations| {
        on_sqlite(|url| same_as_the_model(url, operations));
    });
}

#[test]
#[ignore = "needs a PostgreSQL server"]
fn any_sequence_does_on_postgres_what_it_does_in_memory() {
    any_sequence(8, |operations| {
        on_postgres(|url| same_as_the_model(url, operations));
    });
}
