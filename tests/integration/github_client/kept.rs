//! What is known of limits goes on where it was, also where only what changed was written.

use std::time::{Duration, Instant};

use flux_setup::budget::live::Purpose;
use flux_setup::github::{Call, CallFault, Github};
use flux_setup::reconcile::Books;
use flux_setup::store::{Limits, Store, StoreUrl};
use jiff::SignedDuration;
use tokio_util::sync::CancellationToken;

use super::{REPOSITORY, World, soon, web};
use crate::github::faults::Fault;

/// All that is to be the same after a restart.
fn known(github: &Github) -> (String, Vec<String>) {
    let client = &github.clients()[0];
    let history = client.ledger(|ledger| ledger.history(None, client.now()));
    let etags = github.etags_kept().into_iter();
    let mut etags: Vec<String> = etags.map(|row| format!("{row:?}")).collect();
    etags.sort();
    (format!("{history:?}"), etags)
}

#[tokio::test]
async fn what_changed_since_the_last_time_is_written_and_read_again() {
    let (world, _) = World::with_token().await;
    let url = StoreUrl::read("sqlite:books.db", world.folder.path()).unwrap();
    let store = Store::open(&url, Limits::default()).await.unwrap();
    let github = world.open();
    let mut books = Books::open(store.clone(), vec![github.clone()])
        .await
        .unwrap();
    let client = &github.clients()[0];
    books.write().await.unwrap();
    for round in 0..3 {
        let path = format!("/repos/acme/web-{round}");
        world.fake.repository(&format!("acme/web-{round}"));
        for call in [web(), Call::get(&path, REPOSITORY, Purpose::Other)] {
            let answer = client.call(call.conditional()).await.unwrap();
            client.keep(&answer);
        }
        books.write().await.unwrap();
        let again = world.open();
        Books::open(store.clone(), vec![again.clone()])
            .await
            .unwrap();
        assert_eq!(known(&again), known(&github), "{round}");
        assert_eq!(known(&again).1.len(), round + 2);
        world.fake.clock().advance(SignedDuration::from_secs(301));
    }
    assert_eq!(known(&github).0.matches("Step {").count(), 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn that_the_gate_has_closed_is_kept_at_once() {
    let (world, _) = World::with_token().await;
    let url = StoreUrl::read("sqlite:books.db", world.folder.path()).unwrap();
    let store = Store::open(&url, Limits::default()).await.unwrap();
    let github = world.open();
    let books = Books::open(store.clone(), vec![github.clone()]).await;
    let stop = CancellationToken::new();
    let keeping = tokio::spawn(books.unwrap().keep(stop.clone()));
    let client = github.clients()[0].patient_for(Duration::from_millis(1_000));
    client.call(web()).await.unwrap();
    let fault = Fault::Secondary {
        status: 403,
        retry_after: Some(60),
    };
    world.fake.fail_next(1, fault);
    let fault = soon(client.call(web())).await.unwrap_err();
    assert!(matches!(fault, CallFault::Held(_)), "{fault}");
    // Whoever is killed now finds this.
    let until = Instant::now() + Duration::from_secs(60);
    loop {
        let again = world.open();
        let books = Books::open(store.clone(), vec![again.clone()]).await;
        books.unwrap();
        let client = &again.clients()[0];
        if client
            .ledger(|ledger| ledger.hold("core", client.now()))
            .is_some()
        {
            break;
        }
        assert!(Instant::now() < until, "it would ask again inside the hold");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    stop.cancel();
    keeping.await.unwrap();
}
