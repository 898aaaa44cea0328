//! Carries out what is asked of the objects of one cluster, and looks until it is done.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::{Duration, Instant};

use jiff::Timestamp;
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout_at};
use tokio_util::sync::CancellationToken;

use crate::catalog::{ItemKey, LiveCluster, ResourceVersion};
use crate::cluster::{Asking, Cluster, PatchFault};
use crate::flux::duration;
use crate::reconcile::pace::{Answer, Pace};

use super::course::Course;
use super::terms::Order;

/// What comes in one moment is looked at once.
const MOMENT: Duration = Duration::from_millis(20);
/// It is looked again though nothing happens: what failed is tried again.
const LOOK_AGAIN: Duration = Duration::from_millis(250);

struct Sent {
    key: ItemKey,
    outcome: Result<Option<ResourceVersion>, PatchFault>,
    within: Duration,
}

/// Goes on until the course is over, or its time, or it is told to stop; `tell` hears of each look.
pub async fn carry_out(
    course: &mut Course,
    within: Duration,
    stop: &CancellationToken,
    cluster: &Arc<Cluster>,
    live: &LiveCluster,
    tell: impl Fn(&Course),
) {
    let deadline = tokio::time::Instant::now() + within;
    let mut changes = live.watch_changes();
    let mut sends: JoinSet<Sent> = JoinSet::new();
    let mut ready: VecDeque<Order> = VecDeque::new();
    let mut pace = Pace::default();
    loop {
        ready.extend(course.look(&live.read(), Timestamp::now()));
        while pace.free() > 0
            && let Some(order) = ready.pop_front()
        {
            pace.sent();
            sends.spawn(send(Arc::clone(cluster), order));
        }
        tell(course);
        if course.is_over() {
            return;
        }
        let happened = async {
            tokio::select! {
                Some(sent) = sends.join_next(), if !sends.is_empty() => sent.ok(),
                _ = changes.changed() => {
                    sleep(MOMENT).await;
                    None
                }
                () = sleep(LOOK_AGAIN) => None,
            }
        };
        match stop
            .run_until_cancelled(timeout_at(deadline, happened))
            .await
        {
            Some(Ok(None)) => continue,
            Some(Ok(Some(sent))) => {
                pace.answered(sent.answer(), Instant::now());
                course.answered(&sent.key, sent.outcome, Timestamp::now());
                continue;
            }
            Some(Err(_)) => course.give_up(&too_late(within, live)),
            None => course.stop(),
        }
        tell(course);
        return;
    }
}

async fn send(cluster: Arc<Cluster>, order: Order) -> Sent {
    let started = Instant::now();
    let asking = Asking {
        token: &order.token.0,
        force: order.force,
        reset: order.reset,
    };
    let outcome = cluster.ask(&order.key, asking).await;
    Sent {
        key: order.key,
        outcome,
        within: started.elapsed(),
    }
}

impl Sent {
    fn answer(&self) -> Answer {
        match &self.outcome {
            Err(PatchFault::Later { busy: true, .. }) => Answer::Busy,
            _ => Answer::Taken {
                within: self.within,
            },
        }
    }
}

fn too_late(within: Duration, live: &LiveCluster) -> String {
    let late = format!("not reached within {}", duration::write(within));
    match live.faults().into_values().next() {
        Some(fault) => format!("{late}, and not all of the cluster can be seen ({fault})"),
        None => late,
    }
}
