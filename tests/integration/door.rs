//! The door of the webhooks, through real sockets: what it takes, what it refuses, and how.

mod bodies;
mod examples;
mod headers;
mod log;
mod senders;

use std::fs;
use std::time::Duration;

use flux_setup::delivery::Guid;
use flux_setup::server::BodyBounds;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;
use tokio::time::{sleep, timeout};

use crate::hookshot::signature;
use crate::service::{OLD_SECRET, SECRET, Sent, Service, get, push_body, read_answer};

const GUID: &str = "00000000-0000-0000-0000-000000000001";

/// A body may come as slowly as a busy machine sends it.
fn patient() -> BodyBounds {
    BodyBounds {
        deadline: Duration::from_secs(300),
        grace: Duration::from_secs(300),
        ..BodyBounds::default()
    }
}

/// Waits until the bodies that are being read have so many bytes.
async fn until_read(service: &Service, bytes: f64) {
    let mut tries = 0;
    while service.metric("flux_setup_hook_body_bytes").await < bytes {
        tries += 1;
        assert!(tries < 3_000, "what was sent is never read");
        sleep(Duration::from_millis(10)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rightly_signed_push_is_on_disk_before_it_is_answered_202() {
    let service = Service::start().await;
    let answer = service.deliver(&Sent::push(1)).await;
    assert_eq!(answer.status, 202, "{answer:?}");
    assert_eq!(answer.body, format!("{{\"delivery\":\"{GUID}\"}}\n"));
    let stored = service
        .state
        .store
        .delivery(&Guid::read(GUID).unwrap())
        .await;
    assert_eq!(stored.unwrap().len(), 1);
    let told = timeout(Duration::from_secs(60), service.state.arrived.notified()).await;
    assert!(told.is_ok(), "who works deliveries was not told");
    let again = service.deliver(&Sent::push(1)).await;
    assert_eq!(again.status, 200, "{again:?}");
    assert_eq!(
        again.reason(),
        "this delivery came before, and it waits to be worked"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_webhook_may_not_speak_of_is_kept_and_answered_200_with_the_reason() {
    let service = Service::start().await;
    let mut elsewhere = push_body("acme/web");
    for url in ["html_url", "clone_url"] {
        elsewhere["repository"][url] = "https://git.example.com/acme/web".into();
    }
    let owner = "the webhook is of `acme`, and the delivery speaks of `evil`";
    let host =
        "the webhook is of the host `github.com`, and the delivery speaks of `git.example.com`";
    let told = [(push_body("evil/web"), owner), (elsewhere, host)];
    for (number, (body, reason)) in told.into_iter().enumerate() {
        let sent = Sent::new("push", &format!("foreign-{number}"), body.to_string());
        let answer = service.deliver(&sent).await;
        assert_eq!((answer.status, &*answer.reason()), (200, reason));
        let again = service.deliver(&sent).await.reason();
        assert_eq!(
            again,
            "this delivery came before, and it waits to be worked"
        );
    }
    let counted = "{webhook=\"acme\",event=\"push\",outcome=\"outOfScope\"}";
    let counted = format!("flux_setup_deliveries_total{counted}");
    assert_eq!(service.metric(&counted).await, 2.0);
}

/// What the headers alone tell, so that nobody waits for the body.
fn refused_by_headers() -> Vec<(Sent, u16, &'static str)> {
    let push = || Sent::push(1);
    let at = |path: &str| Sent {
        path: path.to_owned(),
        ..push()
    };
    let nothing = "there is nothing here; GitHub posts to `/hooks/github/NAME`";
    let no_webhook = "no webhook has this name; the path ends with the `name` of one that the configuration lists";
    let get = Sent {
        method: "GET",
        ..push()
    };
    let content_type = "the content type is neither `application/json` nor `application/x-www-form-urlencoded`; choose one at GitHub";
    let malformed = "the header `X-Hub-Signature-256` is not `sha256=` and 64 hexadecimal digits";
    let too_large = "the body has more than 25 MiB, which GitHub never sends";
    let header = |name, value| push().header(name, value);
    vec![
        (at("/"), 404, nothing),
        (at("/hooks/gitlab/acme"), 404, nothing),
        (at("/metrics"), 404, nothing),
        (at("/api/v1/deliveries"), 404, nothing),
        (at("/hooks/github/other"), 404, no_webhook),
        (at("/hooks/github/acme/"), 404, no_webhook),
        (at("/hooks/github/ACME"), 404, no_webhook),
        (at("/hooks/github/"), 404, no_webhook),
        (get, 405, "a delivery is posted; use the method `POST`"),
        (
            header("content-length", None),
            411,
            "neither `Content-Length` nor `Transfer-Encoding` tells where the body ends; send one of them",
        ),
        (header("content-length", Some("26214401")), 413, too_large),
        (
            header("content-length", Some("9223372036854775807")),
            413,
            too_large,
        ),
        (header("content-type", None), 415, content_type),
        (
            header("content-type", Some("text/plain")),
            415,
            content_type,
        ),
        (
            header("x-hub-signature-256", None),
            401,
            "the header `X-Hub-Signature-256` is missing; give the webhook a secret at GitHub, and the same one here",
        ),
        (
            header("x-hub-signature-256", Some("sha256=00")),
            401,
            malformed,
        ),
        (
            header(
                "x-hub-signature-256",
                Some(&signature(OLD_SECRET, b"")[1..]),
            ),
            401,
            malformed,
        ),
        (
            header("x-github-event", None),
            400,
            "the header `X-GitHub-Event` is missing; it names the event",
        ),
    ]
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_headers_tell_is_refused_before_the_body_comes() {
    let service = Service::start().await;
    for (sent, status, reason) in refused_by_headers() {
        // Without the body: an answer shows that nobody waited for it.
        let answer = service.hook(sent.head().as_bytes()).await;
        assert_eq!(answer.status, status, "{sent:?}\n{answer:?}");
        assert_eq!(answer.reason(), reason, "{sent:?}");
        assert_eq!(answer.json()["delivery"], GUID, "{sent:?}");
        assert!(answer.head.contains("content-type: application/json"));
        assert_eq!(answer.head.contains("\r\nallow: post"), status == 405);
    }
    for (guid, reason) in [
        (
            None,
            "the header `X-GitHub-Delivery` is missing; it holds the GUID of the delivery",
        ),
        (
            Some("../x"),
            "the header `X-GitHub-Delivery` is no GUID: it has other characters than letters, digits and `-`",
        ),
        (
            Some("ä"),
            "the header `X-GitHub-Delivery` is no GUID: it has other characters than letters, digits and `-`",
        ),
    ] {
        let sent = Sent::push(1).header("x-github-delivery", guid);
        let answer = service.hook(sent.head().as_bytes()).await;
        assert_eq!((answer.status, answer.reason()), (400, reason.to_owned()));
        assert!(answer.json()["delivery"].is_null());
    }
    assert_eq!(
        service.state.store.counts().await.unwrap().deliveries["accepted"],
        0
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_signature_is_refused_and_says_nothing_of_the_secrets() {
    let service = Service::start().await;
    let body = push_body("acme/web").to_string();
    for wrong in [
        signature("another", body.as_bytes()),
        signature("", body.as_bytes()),
        signature(OLD_SECRET, &body.as_bytes()[1..]),
    ] {
        let sent = Sent::push(1).header("x-hub-signature-256", Some(&wrong));
        let answer = service.deliver(&sent).await;
        assert_eq!(answer.status, 401, "{answer:?}");
        assert_eq!(
            answer.reason(),
            "the signature fits none of the webhook's secrets; its secret at GitHub must be one of those here"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_secret_is_taken_and_counted_by_its_name() {
    let service = Service::start().await;
    let old = |number| {
        let sent = Sent::push(number);
        let signature = signature(OLD_SECRET, &sent.body);
        sent.header("x-hub-signature-256", Some(&signature))
    };
    let count = async |secret: &str| {
        let name = "flux_setup_webhook_signatures_total";
        let labels = format!("{{webhook=\"acme\",secret=\"file:{secret}\"}}");
        service.metric(&format!("{name}{labels}")).await
    };
    assert_eq!((count("new").await, count("old").await), (0.0, 0.0));
    let page = get(service.at.health.unwrap(), "/metrics", "").await.body;
    assert!(
        page.contains("secret=\"file:old\"} 0"),
        "one that is never used is shown as well"
    );
    assert_eq!(service.deliver(&Sent::push(1)).await.status, 202);
    assert_eq!(service.deliver(&old(2)).await.status, 202);
    assert_eq!(service.deliver(&old(3)).await.status, 202);
    assert_eq!((count("new").await, count("old").await), (1.0, 2.0));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_secret_that_changes_in_its_file_is_taken_without_a_restart() {
    let service = Service::start().await;
    let file = service.folder.path().join("old");
    let signed = |number, secret: &str| {
        let sent = Sent::push(number);
        let signature = signature(secret, &sent.body);
        sent.header("x-hub-signature-256", Some(&signature))
    };
    fs::write(&file, "the next one\n").unwrap();
    let mut tries = 0;
    while service.deliver(&signed(1, "the next one")).await.status != 202 {
        tries += 1;
        assert!(tries < 600, "the file is never read again");
        sleep(Duration::from_millis(100)).await;
    }
    assert_eq!(service.deliver(&signed(2, OLD_SECRET)).await.status, 401);
    assert_eq!(service.deliver(&signed(3, SECRET)).await.status, 202);
    // Emptied or gone it is no secret, and the last one stays.
    for number in [4, 5] {
        fs::write(&file, "").unwrap();
        if number == 5 {
            fs::remove_file(&file).unwrap();
        }
        sleep(Duration::from_millis(1_500)).await;
        let answer = service.deliver(&signed(number, "the next one")).await;
        assert_eq!(answer.status, 202, "{answer:?}");
        assert_eq!(service.deliver(&signed(6, "")).await.status, 401);
    }
    let labels = "{webhook=\"acme\",secret=\"file:old\"}";
    let unreadable = format!("flux_setup_webhook_secret_unreadable{labels}");
    let mut tries = 0;
    while service.metric(&unreadable).await != 1.0 {
        tries += 1;
        assert!(tries < 600, "it is never told");
        sleep(Duration::from_millis(100)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stop_closes_the_door_and_finishes_what_is_on_its_way() {
    let mut service = Service::with_bodies(patient()).await;
    let sent = Sent::push(1).bytes();
    let mut idle = TcpStream::connect(service.at.hooks).await.unwrap();
    let mut half = TcpStream::connect(service.at.hooks).await.unwrap();
    half.write_all(&sent[..sent.len() - 9]).await.unwrap();
    until_read(&service, 1.0).await;
    // Sent, and on a busy machine only just seen.
    let mut last = TcpStream::connect(service.at.hooks).await.unwrap();
    last.write_all(&Sent::push(2).bytes()).await.unwrap();
    let guid = Guid::read("00000000-0000-0000-0000-000000000002").unwrap();
    let store = service.state.store.clone();
    let mut tries = 0;
    while store.delivery(&guid).await.unwrap().is_empty() {
        tries += 1;
        assert!(tries < 600, "it is never seen");
        sleep(Duration::from_millis(100)).await;
    }
    service.stop.cancel();
    assert_eq!(read_answer(&mut last).await.status, 202);
    let mut tries = 0;
    while TcpStream::connect(service.at.hooks).await.is_ok() {
        tries += 1;
        assert!(tries < 6_000, "the door is never closed");
        sleep(Duration::from_millis(10)).await;
    }
    assert_eq!(read_answer(&mut idle).await.status, 0);
    half.write_all(&sent[sent.len() - 9..]).await.unwrap();
    let answer = read_answer(&mut half).await;
    assert_eq!(answer.status, 202, "{answer:?}");
    let ended = timeout(Duration::from_secs(20), &mut service.ended).await;
    assert!(ended.unwrap().unwrap().is_ok());
}
