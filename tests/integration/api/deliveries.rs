//! What the API tells of deliveries.

use flux_setup::catalog::{ItemKey, Kind};
use flux_setup::delivery::{DeliveryState, Guid, NothingToDo, WorkState};
use flux_setup::store::{NewWork, Write};
use jiff::Timestamp;
use serde_json::{Value, json};

use crate::service::{Sent, Service, push_body};

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(second).expect("it is a time")
}

/// Without the times that differ from run to run.
fn masked(mut value: Value) -> Value {
    if let Some(fields) = value.as_object_mut() {
        for (key, value) in fields.iter_mut() {
            *value = match key.as_str() {
                "receivedAt" => json!("…"),
                _ => masked(value.take()),
            };
        }
    } else if let Some(items) = value.as_array_mut() {
        items
            .iter_mut()
            .for_each(|item| *item = masked(item.take()));
    }
    value
}

async fn refusal(service: &Service, query: &str) -> String {
    let answer = service.get(&format!("/api/v1/deliveries{query}")).await;
    assert_eq!(answer.status, 400, "{query}: {answer:?}");
    answer.reason()
}

fn web(name: &str) -> ItemKey {
    ItemKey {
        kind: Kind::GitRepository,
        namespace: "flux-system".into(),
        name: name.into(),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_story_of_a_delivery_names_each_object_with_its_state_and_times() {
    let service = Service::start().await;
    let store = &service.state.store;
    service.deliver(&Sent::push(1)).await;
    let guid = Guid::read("00000000-0000-0000-0000-000000000001").unwrap();
    let delivery = store.delivery(&guid).await.unwrap()[0].0.id;
    let new = |object, state| NewWork {
        cluster: "prod".into(),
        object,
        state,
    };
    let work = vec![
        new(Some(web("web")), WorkState::Accepted { at: at(1) }),
        new(None, WorkState::Accepted { at: at(1) }),
    ];
    let state = DeliveryState::matched(2, at(1));
    let matched = Write::Matched {
        delivery,
        state,
        work,
    };
    let stored = store.write(vec![matched]).await.unwrap();
    let gone = Write::Work {
        id: stored[0].id,
        state: WorkState::Gone { at: at(2) },
    };
    store.write(vec![gone]).await.unwrap();
    let answer = service.get(&format!("/api/v1/deliveries/{guid}")).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    let commit = "2".repeat(40);
    let expected = json!({"deliveries": [{
        "id": delivery.0, "webhook": "acme", "guid": guid, "receivedAt": "…",
        "event": "push", "repository": "acme/web", "reference": "refs/heads/main", "commit": commit,
        "state": "working", "items": 2,
        "said": {
            "event": "push", "reference": "refs/heads/main", "before": "1".repeat(40), "after": commit,
            "headCommit": commit, "created": false, "deleted": false, "forced": false,
            "paths": masked(answer.json())["deliveries"][0]["said"]["paths"],
        },
        "work": [
            {"id": stored[0].id.0, "cluster": "prod", "state": "gone", "at": "1970-01-01T00:00:02Z",
             "object": {"kind": "GitRepository", "namespace": "flux-system", "name": "web"}},
            {"id": stored[1].id.0, "cluster": "prod", "object": null, "state": "accepted", "at": "1970-01-01T00:00:01Z"},
        ],
    }]});
    assert_eq!(masked(answer.json()), expected);
}

#[tokio::test(flavor = "multi_thread")]
async fn deliveries_are_listed_newest_first_by_repository_and_state_and_by_pages() {
    let service = Service::start().await;
    for number in 1..=5 {
        service.deliver(&Sent::push(number)).await;
    }
    let other = Sent::new("push", "other", push_body("Acme/API").to_string());
    service.deliver(&other).await;
    let store = &service.state.store;
    let guid = Guid::read("other").unwrap();
    let delivery = store.delivery(&guid).await.unwrap()[0].0.id;
    let reason = NothingToDo::NoObject;
    let state = DeliveryState::Nothing { at: at(1), reason };
    let work = Vec::new();
    let nothing = Write::Matched {
        delivery,
        state,
        work,
    };
    store.write(vec![nothing]).await.unwrap();
    let list = async |query: &str| {
        let answer = service.get(&format!("/api/v1/deliveries{query}")).await;
        assert_eq!(answer.status, 200, "{answer:?}");
        let page = answer.json();
        let found = page["deliveries"].as_array().unwrap().iter();
        let guids = found.map(|delivery| delivery["guid"].as_str().unwrap());
        let last = guids.map(|guid| guid[guid.len() - 1..].to_owned());
        (last.collect::<String>(), page["next"].as_i64())
    };
    assert_eq!(list("").await, ("r54321".to_owned(), None));
    assert_eq!(list("?repository=acme/api").await.0, "r");
    assert_eq!(
        list("?repository=acme%2Fweb&state=accepted").await.0,
        "54321"
    );
    assert_eq!(list("?state=nothing").await.0, "r");
    assert_eq!(list("?state=done").await.0, "");
    let (first, next) = list("?limit=4").await;
    assert_eq!(first, "r543");
    let query = format!("?limit=4&before={}", next.unwrap());
    assert_eq!(list(&query).await, ("21".to_owned(), None));
    let answer = service.get("/api/v1/deliveries?state=nothing").await;
    let expected = json!({"deliveries": [{
        "id": delivery.0, "webhook": "acme", "guid": "other", "receivedAt": "…", "event": "push",
        "repository": "Acme/API", "reference": "refs/heads/main", "commit": "2".repeat(40),
        "state": "nothing", "endedAt": "1970-01-01T00:00:01Z",
        "reason": "no object in any cluster follows it",
    }]});
    assert_eq!(masked(answer.json()), expected);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_asked_is_refused_with_what_can() {
    let service = Service::start().await;
    assert_eq!(
        refusal(&service, "?repo=acme/web").await,
        "repo: unknown field `repo`, expected one of `repository`, `state`, `before`, `limit`"
    );
    assert_eq!(
        refusal(&service, "?limit=1&limit=2").await,
        "duplicate field `limit`"
    );
    assert_eq!(
        refusal(&service, "?state=lost").await,
        "unknown state `lost`; known: accepted, nothing, working, done, failed"
    );
    let limit = "`limit` is a number from 1 to 500";
    assert_eq!(refusal(&service, "?limit=0").await, limit);
    assert_eq!(refusal(&service, "?limit=501").await, limit);
    assert_eq!(
        refusal(&service, "?before=x").await,
        "before: invalid digit found in string"
    );
    assert_eq!(
        refusal(&service, "/a_b").await,
        "this is no GUID: it has other characters than letters, digits and `-`"
    );
    for path in [
        "clusters",
        "webhooks",
        "heads",
        "rate-limit",
        "openapi.json",
        "deliveries/a",
    ] {
        let asked = service.get(&format!("/api/v1/{path}?cluster=prod")).await;
        let refused = (
            400,
            "`cluster` is no parameter: this path has none".to_owned(),
        );
        assert_eq!((asked.status, asked.reason()), refused, "{path}");
    }
    let unknown = service.get("/api/v1/deliveries/unknown").await;
    assert_eq!(
        (unknown.status, unknown.reason()),
        (
            404,
            "no delivery `unknown` is kept; it never came, or came too long ago".to_owned()
        )
    );
}
