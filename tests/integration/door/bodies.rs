//! Bodies: how large, how slow, how framed they may be, and what stands in them.

use std::time::{Duration, Instant};

use flux_setup::server::{BODY_LIMIT_BYTES, BodyBounds};
use percent_encoding::{NON_ALPHANUMERIC, percent_encode};
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::sleep;

use crate::hookshot::signature;
use crate::service::{Answer, Sent, Service, push_body, read_answer};

use super::{patient, until_read};

const LARGE: &str = "the body has more than 25 MiB, which GitHub never sends";
const SLOW: &str = "the body came too slowly and was not waited for; deliver it again";

/// A push with so many bytes in all.
fn push_of(bytes: usize) -> Sent {
    let mut body = push_body("acme/web");
    body["padding"] = json!("");
    let bare = body.to_string().len();
    body["padding"] = json!("x".repeat(bytes - bare));
    Sent::new(
        "push",
        "00000000-0000-0000-0000-00000000000a",
        body.to_string(),
    )
}

fn chunked(sent: &Sent, chunk: usize) -> Vec<u8> {
    let sent = sent.clone().header("content-length", None);
    let sent = sent.header("transfer-encoding", Some("chunked"));
    let mut bytes = sent.head().into_bytes();
    for chunk in sent.body.chunks(chunk) {
        bytes.extend(format!("{:x}\r\n", chunk.len()).as_bytes());
        bytes.extend(chunk);
        bytes.extend(b"\r\n");
    }
    bytes.extend(b"0\r\n\r\n");
    bytes
}

/// A thousand bytes a second are enough.
async fn slow_enough(deadline: u64, grace: u64) -> Service {
    Service::with_bodies(BodyBounds {
        deadline: Duration::from_secs(deadline),
        grace: Duration::from_secs(grace),
        bytes_per_second: 1_000,
        ..BodyBounds::default()
    })
    .await
}

/// Sends the headers, then so many bytes of the body at a time with pauses between; for as long as somebody listens.
async fn trickle(service: &Service, sent: &Sent, bytes: usize, pause: Duration) -> Answer {
    let mut stream = service.connect().await;
    let headers = stream.write_all(sent.head().as_bytes()).await;
    headers.expect("they are read");
    for chunk in sent.body.chunks(bytes) {
        sleep(pause).await;
        if stream.write_all(chunk).await.is_err() || stream.readable_now() {
            break;
        }
    }
    read_answer(&mut stream).await
}

trait ReadableNow {
    fn readable_now(&self) -> bool;
}

impl ReadableNow for TcpStream {
    /// Whether an answer has come already.
    fn readable_now(&self) -> bool {
        let mut byte = [0];
        let waker = std::task::Waker::noop();
        let mut context = std::task::Context::from_waker(waker);
        let mut buffer = tokio::io::ReadBuf::new(&mut byte);
        self.poll_peek(&mut context, &mut buffer).is_ready()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn twenty_five_mebibytes_are_taken_and_one_byte_more_is_not() {
    let service = Service::start().await;
    let most = push_of(BODY_LIMIT_BYTES);
    let answer = service.deliver(&most).await;
    assert_eq!(answer.status, 202, "{answer:?}");
    let more = push_of(BODY_LIMIT_BYTES + 1);
    let answer = service.deliver(&more).await;
    assert_eq!((answer.status, answer.reason()), (413, LARGE.to_owned()));
    let answer = service.hook(&chunked(&more, 100_000)).await;
    assert_eq!((answer.status, answer.reason()), (413, LARGE.to_owned()));
    assert_eq!(service.metric("flux_setup_hook_body_bytes").await, 0.0);
}

#[tokio::test(flavor = "multi_thread")]
async fn chunks_of_any_size_are_taken() {
    let service = Service::start().await;
    for (number, chunk) in [(1, 1), (2, 7), (3, 100_000)] {
        let answer = service.hook(&chunked(&Sent::push(number), chunk)).await;
        assert_eq!(answer.status, 202, "{answer:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sender_that_stalls_or_dawdles_is_cut_with_408() {
    let service = slow_enough(60, 1).await;
    let short = slow_enough(3, 60).await;
    let sent = push_of(20_000);
    let start = Instant::now();
    let half = Sent {
        body: sent.body[..500].to_vec(),
        ..sent.clone()
    };
    let (stalled, half, slow, steady) = tokio::join!(
        async {
            let mut stream = service.connect().await;
            stream.write_all(sent.head().as_bytes()).await.unwrap();
            let answer = read_answer(&mut stream).await;
            (answer, start.elapsed())
        },
        trickle(&service, &half, 500, Duration::ZERO),
        // 500 bytes a second.
        trickle(&service, &sent, 50, Duration::from_millis(100)),
        // 5,000 bytes a second, but more than it may take in all.
        trickle(&short, &sent, 500, Duration::from_millis(100)),
    );
    for answer in [&stalled.0, &half, &slow, &steady] {
        assert_eq!((answer.status, answer.reason()), (408, SLOW.to_owned()));
    }
    let took = stalled.1.as_secs_f64();
    assert!((0.9..30.0).contains(&took), "it was cut after {took} s");
    // What came early may be waited for: here for up to 20 s, and not for the one second alone.
    let bytes = sent.bytes();
    let (early, rest) = bytes.split_at(bytes.len() - 1_000);
    let mut stream = service.connect().await;
    stream.write_all(early).await.unwrap();
    sleep(Duration::from_secs(3)).await;
    stream.write_all(rest).await.unwrap();
    let answer = read_answer(&mut stream).await;
    assert_eq!(answer.status, 202, "{answer:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sender_that_is_gone_half_way_leaves_nothing_behind() {
    let service = Service::start().await;
    let sent = push_of(1_000_000);
    for cut in [0, 1, 500_000, 999_999] {
        let mut stream = service.connect().await;
        stream.write_all(sent.head().as_bytes()).await.unwrap();
        stream.write_all(&sent.body[..cut]).await.unwrap();
        drop(stream);
    }
    let mut tries = 0;
    while service
        .metric("flux_setup_connections{door=\"hooks\"}")
        .await
        > 0.0
    {
        tries += 1;
        assert!(tries < 600, "connections stay open");
        sleep(Duration::from_millis(100)).await;
    }
    assert_eq!(service.metric("flux_setup_hook_body_bytes").await, 0.0);
    let stored = service.state.store.counts().await.unwrap().deliveries;
    assert_eq!(stored["accepted"], 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_form_is_taken_as_json_is() {
    let service = Service::start().await;
    let json = push_body("acme/web").to_string();
    let form = format!(
        "payload={}",
        percent_encode(json.as_bytes(), NON_ALPHANUMERIC)
    );
    let sent = Sent::new("push", "f0", form);
    let form = "application/x-www-form-urlencoded";
    let sent = sent.header("content-type", Some(form));
    assert_eq!(service.deliver(&sent).await.status, 202);
    let story = service.get("/api/v1/deliveries/f0").await.json();
    assert_eq!(story["deliveries"][0]["repository"], "acme/web");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rightly_signed_body_that_says_nothing_is_refused_with_400() {
    let service = Service::start().await;
    let body = push_body("acme/web").to_string();
    let wrong_type = json!({"ref": 7, "repository": {"id": "x"}}).to_string();
    let deep = format!("{}{}", "[".repeat(200), "]".repeat(200));
    let deep = format!("{{\"a\":{deep}}}");
    let deliver = "; deliver what GitHub sends";
    for (body, start) in [
        (
            body.as_bytes()[..100].to_vec(),
            "the payload is no JSON, or not all of it",
        ),
        (Vec::new(), "the payload is no JSON, or not all of it"),
        (b"[1]".to_vec(), "the payload is no JSON object"),
        (
            deep.into_bytes(),
            "the payload is nested deeper than 128 levels",
        ),
        (b"{\"a\":\"\xff\"}".to_vec(), "the body is no UTF-8 text"),
        (
            wrong_type.into_bytes(),
            "the payload of `push` is not what GitHub sends",
        ),
        (b"{}".to_vec(), "the payload of `push` has no `ref`"),
    ] {
        let answer = service.deliver(&Sent::new("push", "a1", body)).await;
        let reason = answer.reason();
        assert_eq!(answer.status, 400, "{answer:?}");
        assert!(reason.starts_with(start), "{reason}");
        assert!(reason.ends_with(deliver), "{reason}");
        assert_eq!(answer.json()["delivery"], "a1");
    }
    for name in ["../push", "p\u{fc}sh"] {
        let answer = service.deliver(&Sent::new(name, "a2", "{}")).await;
        assert_eq!(
            (answer.status, answer.reason()),
            (400, "the event's name is none: it has other characters than letters, digits, `_` and `-`; deliver what GitHub sends".to_owned())
        );
    }
    // The same body wrongly signed tells nothing of what is wrong with it.
    let unsigned = Sent::new("push", "a3", "{}");
    let unsigned = unsigned.header("x-hub-signature-256", Some(&signature("x", b"{}")));
    assert_eq!(service.deliver(&unsigned).await.status, 401);
    let refused = "flux_setup_hook_refusals_total{status=\"400\"}";
    assert_eq!(service.metric(refused).await, 9.0);
}

#[tokio::test(flavor = "multi_thread")]
async fn large_bodies_wait_for_room_or_come_again_and_small_ones_never_do() {
    let service = Service::with_bodies(BodyBounds {
        all_large_bytes: 1_000_000,
        wait_for_room: Duration::from_millis(300),
        ..patient()
    })
    .await;
    // It takes all the room there is for large ones, and does not come to its end.
    let holder = push_of(1_200_000);
    let mut held = service.connect().await;
    held.write_all(holder.head().as_bytes()).await.unwrap();
    held.write_all(&holder.body[..1_100_000]).await.unwrap();
    until_read(&service, 1_100_000.0).await;
    let answer = service.deliver(&push_of(1_100_000)).await;
    assert_eq!(
        (answer.status, answer.reason()),
        (
            503,
            "too many large bodies come at once; deliver it again in a moment".to_owned()
        )
    );
    assert!(answer.head.contains("retry-after: 5"), "{answer:?}");
    let small = Sent::push(2);
    assert_eq!(service.deliver(&small).await.status, 202);
    held.write_all(&holder.body[1_100_000..]).await.unwrap();
    let answer = read_answer(&mut held).await;
    assert_eq!(answer.status, 202, "{answer:?}");
    assert_eq!(service.deliver(&push_of(1_100_000)).await.status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn who_fills_all_the_room_keeps_out_no_delivery_of_usual_size() {
    let service = Service::with_bodies(BodyBounds {
        all_small_bytes: 140_000,
        wait_for_room: Duration::from_millis(300),
        ..patient()
    })
    .await;
    // Nobody can know yet that its signature is wrong.
    let holder = push_of(200_000).header("x-hub-signature-256", Some(&signature("x", b"")));
    let mut held = service.connect().await;
    held.write_all(holder.head().as_bytes()).await.unwrap();
    held.write_all(&holder.body[..150_000]).await.unwrap();
    until_read(&service, 150_000.0).await;
    assert_eq!(service.deliver(&push_of(150_000)).await.status, 503);
    assert_eq!(service.deliver(&push_of(60_000)).await.status, 202);
    let held_bytes = service.metric("flux_setup_hook_body_bytes").await;
    assert!(
        (150_000.0..=200_000.0).contains(&held_bytes),
        "{held_bytes}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn who_asks_first_whether_to_send_the_body_is_told_by_the_headers() {
    let service = Service::start().await;
    let sent = Sent::push(1).header("expect", Some("100-continue"));
    let mut stream = service.connect().await;
    stream.write_all(sent.head().as_bytes()).await.unwrap();
    let go_on = b"HTTP/1.1 100 Continue\r\n\r\n";
    let mut told = vec![0; go_on.len()];
    stream.read_exact(&mut told).await.unwrap();
    assert_eq!(told, go_on);
    stream.write_all(&sent.body).await.unwrap();
    assert_eq!(read_answer(&mut stream).await.status, 202);
    let unsigned = sent.header("x-hub-signature-256", None);
    let answer = service.hook(unsigned.head().as_bytes()).await;
    assert_eq!(answer.status, 401, "{answer:?}");
}
