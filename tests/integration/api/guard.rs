//! Who may ask: whoever has a token, or, without any, this machine by its own names.

use std::sync::Arc;

use axum::Router;
use axum::routing::post;
use flux_setup::catalog::LiveCluster;
use serde_json::json;

use crate::service::{Service, Wanted, ask, get};

#[tokio::test(flavor = "multi_thread")]
async fn with_tokens_nothing_but_health_is_told_without_one() {
    let failing = Arc::new(LiveCluster::new("prod".into()));
    failing.failed("connection refused");
    let service = Service::with(Wanted {
        tokens: vec!["first", "second"],
        clusters: vec![failing],
        more: Router::new().route("/api/v1/explain", post(async || "explained")),
        ..Wanted::default()
    })
    .await;
    let api = service.at.api;
    let paths = [
        "/api/v1/deliveries",
        "/api/v1/clusters",
        "/metrics",
        "/api/v1/explain",
        "/other",
    ];
    for path in paths {
        let answer = get(api, path, "").await;
        assert_eq!(
            (answer.status, answer.reason()),
            (
                401,
                "a token is needed; send it as `Authorization: Bearer TOKEN`".to_owned()
            ),
            "{path}"
        );
        assert!(
            answer.head.contains("www-authenticate: bearer"),
            "{answer:?}"
        );
        let answer = get(api, path, "authorization: Bearer third\r\n").await;
        assert_eq!(
            (answer.status, answer.reason()),
            (
                401,
                "the token is none of those that are configured under `server.api.tokens`"
                    .to_owned()
            )
        );
    }
    for token in ["first", "second"] {
        let header = format!("authorization: Bearer {token}\r\n");
        assert_eq!(get(api, "/api/v1/clusters", &header).await.status, 200);
        assert_eq!(get(api, "/metrics", &header).await.status, 200);
        let explain = format!(
            "POST /api/v1/explain HTTP/1.1\r\nhost: x\r\nconnection: close\r\n{header}\r\n"
        );
        assert_eq!(ask(api, explain.as_bytes()).await.body, "explained");
        let other = get(api, "/other", &header).await;
        assert_eq!(other.status, 404, "{other:?}");
        let get = get(api, "/api/v1/explain", &header).await;
        assert_eq!(
            (get.status, get.reason()),
            (405, "the method `GET` is of no use at this path".to_owned())
        );
    }
    assert_eq!(get(api, "/health/live", "").await.status, 200);
    // Why we are not ready is for those who have a token.
    let failing = "cluster `prod` could not be listed and is tried again: connection refused";
    for (header, reasons) in [
        ("", json!([])),
        ("authorization: Bearer first\r\n", json!([failing])),
    ] {
        let answer = get(api, "/health/ready", header).await;
        let expected = json!({"ready": true, "reasons": reasons});
        assert_eq!((answer.status, answer.json()), (200, expected));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn without_tokens_pages_and_names_of_others_are_refused() {
    let service = Service::start().await;
    let of = async |headers: &str| {
        let request =
            format!("GET /api/v1/clusters HTTP/1.1\r\nconnection: close\r\n{headers}\r\n\r\n");
        let answer = ask(service.at.api, request.as_bytes()).await;
        (answer.status, answer.reason())
    };
    assert_eq!(of("host: localhost:9293").await.0, 200);
    assert_eq!(of("host: 127.0.0.1").await.0, 200);
    assert_eq!(
        of("host: rebound.example:9293").await,
        (403, "without tokens the API answers only to this machine's own names, and the header `Host` has another; use `localhost`, or configure `server.api.tokens`".to_owned())
    );
    assert_eq!(
        of("host: localhost\r\norigin: https://page.example").await,
        (403, "without tokens the API answers no page of another origin; configure `server.api.tokens`".to_owned())
    );
}
