//! The API, health and metrics: what they answer, and whom.

use crate::service::{Sent, Service};

#[tokio::test(flavor = "multi_thread")]
async fn a_delivery_is_listed_and_its_story_told() {
    let service = Service::start().await;
    let accepted = service.deliver(&Sent::push(1)).await;
    assert_eq!(accepted.status, 202, "{accepted:?}");
    let list = service.get("/api/v1/deliveries").await;
    assert_eq!(list.status, 200, "{list:?}");
    let list = list.json();
    let delivery = &list["deliveries"][0];
    assert_eq!(delivery["guid"], "00000000-0000-0000-0000-000000000001");
    assert_eq!(delivery["state"], "accepted");
    assert_eq!(delivery["reference"], "refs/heads/main");
}
