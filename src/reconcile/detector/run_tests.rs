use crate::delivery::{
    ChangedPaths, CommitId, Delivery, DeliveryKey, Guid, RefChange, WebhookName,
};
use crate::store::DeliveryId;

use super::*;

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(second).unwrap()
}

fn commit(letter: &str) -> CommitId {
    CommitId::read(&letter.repeat(40)).unwrap().unwrap()
}

fn head(letter: &str, pushed_at: Option<i64>) -> HeadSeen {
    HeadSeen {
        reference: PushedRef::branch("main").unwrap(),
        commit: commit(letter),
        news: HeadNews::First,
        pushed_at: pushed_at.map(at),
    }
}

fn push(letter: &str, pushed_at: Option<i64>) -> Event {
    Event::Push(RefChange {
        reference: PushedRef::branch("main").unwrap(),
        before: None,
        after: Some(commit(letter)),
        head_commit: Some(commit(letter)),
        created: false,
        deleted: false,
        forced: false,
        paths: ChangedPaths::All([].into()),
        pushed_at: pushed_at.map(at),
    })
}

fn done() -> DeliveryState {
    DeliveryState::Done {
        at: at(0),
        items: 1,
    }
}

fn stored(event: Event, state: DeliveryState) -> StoredDelivery {
    StoredDelivery {
        id: DeliveryId(1),
        delivery: Delivery {
            key: DeliveryKey {
                webhook: WebhookName("acme".into()),
                guid: Guid::read("a-1").unwrap(),
            },
            received_at: at(0),
            repository: None,
            organization: None,
            installation: None,
            event,
        },
        state,
    }
}

fn told(head: &HeadSeen, deliveries: &[StoredDelivery]) -> bool {
    is_told(head, deliveries.iter())
}

#[test]
fn a_head_is_told_where_the_newest_word_of_its_ref_is_its_commit_and_not_before_the_last_push() {
    let seen = head("b", Some(10));
    for pushed_at in [Some(10), Some(11)] {
        assert!(told(&seen, &[stored(push("b", pushed_at), done())]));
        let earlier = Event::Head(head("b", pushed_at));
        assert!(told(&seen, &[stored(earlier, done())]));
    }
    // It was pushed to since, away and back, or nobody knows.
    for pushed_at in [Some(9), None] {
        assert!(!told(&seen, &[stored(push("b", pushed_at), done())]));
    }
    let untimed = head("b", None);
    assert!(!told(&untimed, &[stored(push("b", Some(10)), done())]));
    let later = stored(push("a", Some(10)), done());
    assert!(!told(&seen, &[later, stored(push("b", Some(10)), done())]));
    assert!(!told(&seen, &[]));
}

#[test]
fn a_head_of_which_a_delivery_told_that_failed_is_not_told() {
    let seen = head("b", Some(10));
    let failed = || DeliveryState::Failed {
        at: at(0),
        reason: "r".into(),
    };
    let working = |failed| DeliveryState::Working {
        since: at(0),
        items: 2,
        failed,
    };
    for (state, is_told) in [
        (DeliveryState::Accepted, true),
        (working(0), true),
        (working(1), false),
        (failed(), false),
        (done(), true),
    ] {
        let named = state.name();
        assert_eq!(
            told(&seen, &[stored(push("b", Some(10)), state)]),
            is_told,
            "{named}"
        );
    }
    // What told of it before does not make up for it.
    let both = [
        stored(push("b", Some(10)), failed()),
        stored(push("b", Some(10)), done()),
    ];
    assert!(!told(&seen, &both));
}

#[test]
fn what_is_first_seen_is_not_known_while_a_cluster_is_not_listed() {
    let explained = |unlisted: &[&str]| Explanation {
        decision: Decision::Nothing(NothingToDo::NoObject),
        unlisted: unlisted.iter().map(|name| Arc::from(*name)).collect(),
    };
    let first = head("b", None);
    assert_eq!(concerns(&first, &explained(&["prod"])), None);
    assert_eq!(concerns(&first, &explained(&[])), Some(false));
    let returned = HeadSeen {
        news: HeadNews::Returned,
        ..first
    };
    assert_eq!(concerns(&returned, &explained(&["prod"])), Some(true));
    assert_eq!(concerns(&returned, &explained(&[])), Some(false));
}
