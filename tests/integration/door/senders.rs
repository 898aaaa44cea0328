//! Senders: many at once, slow ones beside quick ones, and those whose signatures fail.

use std::sync::Arc;
use std::time::Duration;

use flux_setup::server::BodyBounds;
use flux_setup::store::Limits;
use tokio::io::AsyncWriteExt;
use tokio::task::JoinSet;

use crate::hookshot::signature;
use crate::machine::Stopwatch;
use crate::service::{Kept, Sent, Service, Wanted};

const TOO_OFTEN: &str = "the signatures of this sender failed too often; give the webhook the same secret at GitHub and here, and wait a minute";

fn wrong(number: u32) -> Sent {
    Sent::push(number).header("x-hub-signature-256", Some(&signature("wrong", b"")))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hundred_failed_signatures_a_minute_get_401_and_then_429() {
    let service = Service::start().await;
    let mut kept = Kept::new(&service).await;
    for number in 0..100 {
        assert_eq!(kept.deliver(&wrong(number)).await.status, 401);
    }
    let answer = kept.deliver(&wrong(100)).await;
    assert_eq!(
        (answer.status, answer.reason()),
        (429, TOO_OFTEN.to_owned())
    );
    assert!(answer.head.contains("retry-after: "), "{answer:?}");
    // Also where the headers alone say so.
    let missing = Sent::push(1).header("x-hub-signature-256", None);
    assert_eq!(service.hook(missing.head().as_bytes()).await.status, 429);
    // What is wrong for another reason is not counted, and what is right is never throttled.
    let path = Sent {
        path: "/hooks/github/other".to_owned(),
        ..Sent::push(1)
    };
    assert_eq!(service.deliver(&path).await.status, 404);
    assert_eq!(service.deliver(&Sent::push(1)).await.status, 202);
    let refused = "flux_setup_hook_refusals_total{status=\"429\"}";
    assert_eq!(service.metric(refused).await, 2.0);
}

#[tokio::test(flavor = "multi_thread")]
async fn senders_behind_a_trusted_proxy_are_told_apart_and_those_of_others_are_not() {
    let from = |sender: &str| wrong(1).header("x-forwarded-for", Some(sender));
    for (proxies, other) in [(vec!["127.0.0.0/8".parse().unwrap()], 401), (vec![], 429)] {
        let service = Service::with(Wanted {
            trusted_proxies: proxies,
            ..Wanted::default()
        })
        .await;
        let mut kept = Kept::new(&service).await;
        for _ in 0..100 {
            assert_eq!(kept.deliver(&from("192.0.2.1")).await.status, 401);
        }
        assert_eq!(kept.deliver(&from("192.0.2.1")).await.status, 429);
        assert_eq!(kept.deliver(&from("192.0.2.2")).await.status, other);
        // What a sender itself puts in front does not make it another one.
        let invented = from("10.1.1.1, 192.0.2.1");
        assert_eq!(kept.deliver(&invented).await.status, 429);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn two_thousand_rightly_signed_pushes_through_one_proxy_are_all_taken() {
    let service = Service::with(Wanted {
        trusted_proxies: vec!["127.0.0.0/8".parse().unwrap()],
        ..Wanted::default()
    })
    .await;
    let service = Arc::new(service);
    let mut senders = JoinSet::new();
    for sender in 0..10 {
        let service = Arc::clone(&service);
        senders.spawn(async move {
            let mut kept = Kept::new(&service).await;
            for number in 0..200 {
                let sent = Sent::push(sender * 200 + number);
                let sent = sent.header("x-forwarded-for", Some("192.0.2.1"));
                let answer = kept.deliver(&sent).await;
                assert_eq!(answer.status, 202, "{answer:?}");
            }
        });
    }
    while let Some(sent) = senders.join_next().await {
        sent.unwrap();
    }
    let counts = service.state.store.counts().await.unwrap();
    assert_eq!(counts.deliveries["accepted"], 2_000);
}

#[tokio::test(flavor = "multi_thread")]
async fn one_delivery_that_comes_a_thousand_times_at_once_is_kept_once() {
    let service = Arc::new(Service::start().await);
    let mut senders = JoinSet::new();
    for _ in 0..100 {
        let service = Arc::clone(&service);
        senders.spawn(async move {
            let mut kept = Kept::new(&service).await;
            let mut taken = Vec::new();
            for _ in 0..10 {
                taken.push(kept.deliver(&Sent::push(1)).await.status);
            }
            taken
        });
    }
    let statuses: Vec<_> = senders.join_all().await.into_iter().flatten().collect();
    let of = |status| statuses.iter().filter(|other| **other == status).count();
    assert_eq!((of(202), of(200)), (1, 999));
    let counts = service.state.store.counts().await.unwrap();
    assert_eq!(counts.deliveries["accepted"], 1);
    let new = "{webhook=\"acme\",event=\"push\",outcome=\"new\"}";
    let new = format!("flux_setup_deliveries_total{new}");
    assert_eq!(service.metric(&new).await, 1.0);
}

#[tokio::test(flavor = "multi_thread")]
async fn two_hundred_slow_senders_keep_nobody_waiting() {
    // None of them is cut off meanwhile.
    let hour = Duration::from_secs(3_600);
    let service = Service::with_bodies(BodyBounds {
        deadline: hour,
        grace: hour,
        ..BodyBounds::default()
    })
    .await;
    let sent = Sent::push(1);
    let mut slow = Vec::new();
    for number in 0..200 {
        let mut stream = service.connect().await;
        let head = sent.head();
        // Some stop in the headers, some before the body, some within it.
        let bytes = match number % 3 {
            0 => head.as_bytes()[..head.len() / 2].to_vec(),
            1 => head.into_bytes(),
            _ => [head.as_bytes(), &sent.body[..100]].concat(),
        };
        stream.write_all(&bytes).await.unwrap();
        slow.push(stream);
    }
    let mut kept = Kept::new(&service).await;
    for number in 2..202 {
        let start = Stopwatch::start();
        assert_eq!(kept.deliver(&Sent::push(number)).await.status, 202);
        start.assert_within(Duration::from_secs(4), "an answer beside slow senders");
    }
    assert_eq!(
        service
            .metric("flux_setup_connections{door=\"hooks\"}")
            .await,
        201.0
    );
    drop(slow);
}

#[tokio::test(flavor = "multi_thread")]
async fn where_the_store_takes_nothing_the_answer_is_503_and_says_when_to_come_again() {
    let service = Service::with(Wanted {
        limits: Limits {
            backlog: 1,
            ..Limits::default()
        },
        ..Wanted::default()
    })
    .await;
    assert_eq!(service.deliver(&Sent::push(1)).await.status, 202);
    let full = service.deliver(&Sent::push(2)).await;
    assert_eq!(
        (full.status, full.reason()),
        (503, "too many deliveries still wait to be worked and so this one was not accepted; deliver it again later".to_owned())
    );
    assert!(full.head.contains("retry-after: 60"), "{full:?}");
    assert_eq!(service.deliver(&Sent::push(1)).await.status, 200);
    service.state.store.clone().close().await.unwrap();
    let closed = service.deliver(&Sent::push(3)).await;
    assert_eq!(
        (closed.status, closed.reason()),
        (
            503,
            "the delivery could not be kept and so was not accepted; deliver it again later"
                .to_owned()
        )
    );
    assert!(closed.head.contains("retry-after: 5"), "{closed:?}");
    let refused = "flux_setup_hook_refusals_total{status=\"503\"}";
    assert_eq!(service.metric(refused).await, 2.0);
}
