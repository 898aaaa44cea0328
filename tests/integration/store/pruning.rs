//! What is over is forgotten in time, and what is not over never.

use std::time::Duration;

use flux_setup::delivery::DeliveryState;
use flux_setup::store::{Accepted, Filter, Limits, Store, Write};
use jiff::Timestamp;

use super::servers::on_both;
use super::{StoreUrl, at, gone, guid, matched, new, object};

on_both! {
    what_is_over_is_forgotten_from_exactly_its_age_on,
    the_oldest_of_too_many_are_forgotten,
    a_delivery_with_much_work_is_forgotten_with_all_of_it,
}

async fn ids(store: &Store) -> Vec<i64> {
    let filter = Filter {
        limit: 1_000,
        ..Filter::default()
    };
    let all = store.deliveries(&filter).await.unwrap();
    all.iter().map(|stored| stored.id.0).collect()
}

fn nothing(delivery: flux_setup::store::DeliveryId, second: i64) -> Write {
    Write::Matched {
        delivery,
        state: DeliveryState::matched(0, at(second)),
        work: Vec::new(),
    }
}

async fn what_is_over_is_forgotten_from_exactly_its_age_on(url: StoreUrl) {
    let limits = Limits {
        keep_for: Duration::from_secs(100),
        ..Limits::default()
    };
    let store = Store::open(&url, limits).await.unwrap();
    for number in 1..=4 {
        let id = new(&store, number).await;
        if number < 4 {
            let write = nothing(id, i64::from(number));
            store.write(vec![write]).await.unwrap();
        }
    }
    assert_eq!(store.prune(at(100)).await.unwrap(), 0);
    assert_eq!(store.prune(at(102)).await.unwrap(), 2);
    assert_eq!(ids(&store).await, [4, 3]);
    assert_eq!(store.prune(Timestamp::MAX).await.unwrap(), 1);
    // What is not over stays, and what was forgotten is new.
    assert_eq!(ids(&store).await, [4]);
    let again = store.accept(&super::delivery(1)).await.unwrap();
    assert!(matches!(again, Accepted::New(_)), "{again:?}");
    let counts = store.counts().await.unwrap();
    assert_eq!(counts.deliveries["nothing"], 0);
    assert_eq!(counts.deliveries["accepted"], 2);
    store.close().await.unwrap();
}

async fn the_oldest_of_too_many_are_forgotten(url: StoreUrl) {
    let limits = Limits {
        keep: 3,
        ..Limits::default()
    };
    let store = Store::open(&url, limits).await.unwrap();
    for number in 1..=250 {
        let id = new(&store, number).await;
        store.write(vec![nothing(id, 5)]).await.unwrap();
    }
    new(&store, 251).await;
    assert_eq!(store.prune(at(6)).await.unwrap(), 247);
    assert_eq!(ids(&store).await, [251, 250, 249, 248]);
    store.close().await.unwrap();
}

async fn a_delivery_with_much_work_is_forgotten_with_all_of_it(url: StoreUrl) {
    let limits = Limits {
        keep: 0,
        ..Limits::default()
    };
    let store = Store::open(&url, limits).await.unwrap();
    let id = new(&store, 1).await;
    let work = (0..450).map(|number| object(&format!("o{number}")));
    let work = store
        .write(vec![matched(id, work.collect())])
        .await
        .unwrap();
    assert_eq!(store.prune(Timestamp::MAX).await.unwrap(), 0);
    let end = |id| Write::Work { id, state: gone(9) };
    let ends = work.iter().map(|work| end(work.id)).collect();
    store.write(ends).await.unwrap();
    assert_eq!(store.prune(at(10)).await.unwrap(), 1);
    assert!(store.delivery(&guid(1)).await.unwrap().is_empty());
    assert!(store.counts().await.unwrap().open_work.is_empty());
    store.close().await.unwrap();
}
