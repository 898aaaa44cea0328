//! GitHub's own example payloads, each sent to the door.

use std::collections::BTreeMap;

use crate::github_examples::{examples, folder};
use crate::service::{Sent, Service, Wanted};

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs GitHub's example payloads"]
async fn every_example_of_github_is_answered_2xx_and_kept() {
    let service = Service::with(Wanted {
        any_owner: true,
        ..Wanted::default()
    })
    .await;
    let mut statuses = BTreeMap::new();
    for (number, (event, payload)) in examples(&folder().join("api.github.com"))
        .iter()
        .enumerate()
    {
        let sent = Sent::new(event, &format!("e-{number}"), payload.to_string());
        let answer = service.deliver(&sent).await;
        assert!((200..300).contains(&answer.status), "{event}: {answer:?}");
        if answer.status == 200 {
            assert!(!answer.reason().is_empty(), "{event}: {answer:?}");
        }
        *statuses.entry(answer.status).or_insert(0) += 1;
    }
    // 4 pings and 283 of which nothing follows.
    assert_eq!(statuses, BTreeMap::from([(200, 287), (202, 42)]));
    let stored = service.state.store.counts().await.unwrap().deliveries;
    assert_eq!(stored["accepted"], 329);
    let other = "{webhook=\"acme\",event=\"other\",outcome=\"new\"}";
    let other = format!("flux_setup_deliveries_total{other}");
    assert_eq!(service.metric(&other).await, 283.0);
}
