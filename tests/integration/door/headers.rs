//! Headers that nobody wrote for us.

use std::time::{Duration, Instant};

use flux_setup::server::{Bounds, ConnectionBounds};
use proptest::collection::vec;
use proptest::prelude::{Strategy, any, prop_oneof};
use proptest::test_runner::{Config, TestRunner};
use tokio::io::AsyncWriteExt;
use tokio::runtime::Runtime;
use tokio::time::sleep;

use crate::service::{Sent, Service, Wanted, ask, read_answer};

use super::{patient, until_read};

/// Bytes that may stand in a header, and some that may not.
fn value() -> impl Strategy<Value = Vec<u8>> {
    let any_bytes = vec(any::<u8>(), 0..40);
    let near = prop_oneof![
        vec(prop_oneof![b'0'..=b'9', b'a'..=b'f'], 64)
            .prop_map(|digits| { [b"sha256=".as_slice(), &digits].concat() }),
        "[a-z/]{1,20}(;[a-z=]{1,9})?".prop_map(String::into_bytes),
        "[0-9]{1,20}".prop_map(String::into_bytes),
        "[0-9a-f-]{1,70}".prop_map(String::into_bytes),
        "([0-9.]{7,15}, ?){1,5}".prop_map(String::into_bytes),
    ];
    prop_oneof![any_bytes, near]
}

const NAMES: [&str; 9] = [
    "content-type",
    "content-length",
    "transfer-encoding",
    "x-github-event",
    "x-github-delivery",
    "x-hub-signature-256",
    "x-forwarded-for",
    "expect",
    "host",
];

#[test]
fn whatever_the_headers_say_nothing_unsigned_is_taken_and_nothing_fails() {
    let runtime = Runtime::new().unwrap();
    let bounds = Bounds {
        connections: ConnectionBounds {
            header_timeout: Duration::from_secs(1),
            ..ConnectionBounds::default()
        },
        ..Bounds::default()
    };
    let service = runtime.block_on(Service::with(Wanted {
        bounds,
        trusted_proxies: vec!["127.0.0.0/8".parse().unwrap()],
        ..Wanted::default()
    }));
    let header = (0..NAMES.len(), value());
    let mut runner = TestRunner::new(Config::with_cases(300));
    let sent = runner.run(&vec(header, 0..9), |headers| {
        let mut request = b"POST /hooks/github/acme HTTP/1.1\r\nconnection: close\r\n".to_vec();
        for (name, value) in &headers {
            request.extend(NAMES[*name].as_bytes());
            request.extend(b": ");
            request.extend(value);
            request.extend(b"\r\n");
        }
        request.extend(b"\r\n0\r\n\r\n");
        // The end of what is sent, so that nobody waits for a body.
        let answer = runtime.block_on(async {
            let mut stream = service.connect().await;
            let _ = stream.write_all(&request).await;
            let _ = stream.shutdown().await;
            read_answer(&mut stream).await
        });
        let known = [0, 400, 401, 411, 413, 415, 429, 431];
        assert!(known.contains(&answer.status), "{answer:?}");
        Ok(())
    });
    sent.unwrap();
    // On a busy machine its headers may come too late as well, which is no answer.
    let mut answers = (0..5).map(|_| runtime.block_on(service.deliver(&Sent::push(1))));
    let answer = answers.find(|answer| answer.status != 0);
    let status = answer.as_ref().map(|answer| answer.status);
    assert_eq!(status, Some(202), "{answer:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn headers_that_are_too_long_or_too_slow_end_the_connection() {
    let service = Service::start().await;
    let long = Sent::push(1).header("x-long", Some(&"x".repeat(20_000)));
    assert_eq!(service.deliver(&long).await.status, 431);
    let mut many = Sent::push(1);
    for _ in 0..200 {
        many.headers.push(("x-many", "1".to_owned()));
    }
    assert_eq!(service.deliver(&many).await.status, 431);
    let service = Service::with_connections(ConnectionBounds {
        header_timeout: Duration::from_millis(500),
        ..ConnectionBounds::default()
    })
    .await;
    let mut slow = service.connect().await;
    slow.write_all(b"POST /hooks").await.unwrap();
    assert_eq!(read_answer(&mut slow).await.status, 0);
    let mut idle = service.connect().await;
    assert_eq!(read_answer(&mut idle).await.status, 0);
}

/// So many connections at once, which may send as slowly as they like.
async fn of_patience(at_once: usize) -> Service {
    let connections = ConnectionBounds {
        at_once,
        ..ConnectionBounds::default()
    };
    let bounds = Bounds {
        connections,
        bodies: patient(),
    };
    Service::with(Wanted {
        bounds,
        ..Wanted::default()
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn where_all_connections_are_taken_the_one_that_waited_longest_is_closed() {
    let service = of_patience(3).await;
    // One is answered slowly, for its body comes slowly; the others send nothing, or half of the headers.
    let slow = Sent::push(1).bytes();
    let mut working = service.connect().await;
    working.write_all(&slow[..slow.len() - 1]).await.unwrap();
    until_read(&service, 1.0).await;
    let mut half = service.connect().await;
    half.write_all(b"POST /hooks/github/acme HTTP/1.1\r\nhost: x\r\n")
        .await
        .unwrap();
    sleep(Duration::from_millis(100)).await;
    let mut silent = service.connect().await;
    let started = Instant::now();
    let answer = service.deliver(&Sent::push(2)).await;
    assert_eq!(answer.status, 202, "{answer:?}");
    // An idle connection is kept for 75 s.
    assert!(
        started.elapsed() < Duration::from_secs(30),
        "{:?}",
        started.elapsed()
    );
    assert_eq!(read_answer(&mut half).await.status, 0, "it is closed");
    silent.write_all(&Sent::push(3).bytes()).await.unwrap();
    assert_eq!(read_answer(&mut silent).await.status, 202, "it is not");
    working.write_all(&slow[slow.len() - 1..]).await.unwrap();
    assert_eq!(
        read_answer(&mut working).await.status,
        202,
        "nor is who works"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_thousand_idle_connections_keep_nobody_out() {
    let service = Service::start().await;
    let mut idle = Vec::new();
    for _ in 0..900 {
        idle.push(service.connect().await);
    }
    let started = Instant::now();
    for number in 1..=20 {
        assert_eq!(service.deliver(&Sent::push(number)).await.status, 202);
    }
    let took = started.elapsed();
    assert!(took < Duration::from_secs(40), "{took:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn where_every_connection_is_at_work_others_wait() {
    let service = of_patience(1).await;
    let slow = Sent::push(1).bytes();
    let mut working = service.connect().await;
    working.write_all(&slow[..slow.len() - 1]).await.unwrap();
    until_read(&service, 1.0).await;
    let sent = Sent::push(2).bytes();
    let waiting = tokio::spawn(async move { ask(service.at.hooks, &sent).await });
    sleep(Duration::from_millis(2_000)).await;
    assert!(!waiting.is_finished());
    working.write_all(&slow[slow.len() - 1..]).await.unwrap();
    assert_eq!(read_answer(&mut working).await.status, 202);
    let answer = waiting.await.unwrap();
    assert_eq!(answer.status, 202, "{answer:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn who_never_reads_an_answer_loses_the_connection() {
    let service = Service::with_connections(ConnectionBounds {
        write_timeout: Duration::from_millis(500),
        ..ConnectionBounds::default()
    })
    .await;
    let mut greedy = service.connect().await;
    let request = b"GET /hooks/github/acme HTTP/1.1\r\nhost: x\r\n\r\n".repeat(1_000);
    // It is read as long as answers are taken, and answers are taken as long as they fit into what the system keeps.
    let mut written = 0;
    let cut = loop {
        match tokio::time::timeout(Duration::from_secs(20), greedy.write(&request)).await {
            Ok(Ok(bytes)) => written += bytes,
            Ok(Err(fault)) => break fault,
            Err(_) => panic!("the connection is open after {written} bytes"),
        }
    };
    assert!(written > 0, "{cut}");
}
