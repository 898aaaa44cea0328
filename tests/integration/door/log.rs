//! What the door writes into the log, and what it never does.

use std::io;
use std::sync::{Arc, Mutex};

use serde_json::Value;

use crate::hookshot::signature;
use crate::listening::listen;
use crate::service::{OLD_SECRET, SECRET, Sent, Service, Wanted};

/// Keeps what is logged.
#[derive(Clone, Default)]
struct Kept(Arc<Mutex<Vec<u8>>>);

impl io::Write for Kept {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().expect("nobody panics with it").write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Kept {
    fn text(&self) -> String {
        let kept = self.0.lock().expect("nobody panics with it");
        String::from_utf8(kept.clone()).expect("a log is text")
    }

    /// The lines whose message begins so.
    fn lines(&self, start: &str) -> Vec<Value> {
        let text = self.text();
        let lines = text.lines().map(serde_json::from_str::<Value>);
        let lines = lines.map(|line| line.expect("each line is JSON"));
        let begins = |line: &Value| {
            let message = line["message"].as_str().unwrap_or_default();
            message.starts_with(start)
        };
        lines.filter(begins).collect()
    }
}

// On one thread, so that what listens to the log there hears all of it.
#[tokio::test]
async fn the_log_names_deliveries_and_senders_and_holds_no_secret_and_no_body() {
    let kept = Kept::default();
    let writer = kept.clone();
    let subscriber = tracing_subscriber::fmt()
        .json()
        .flatten_event(true)
        .with_max_level(tracing::Level::TRACE)
        .with_writer(move || writer.clone())
        .finish();
    let listening = listen(subscriber);
    let service = Service::with(Wanted {
        tokens: vec!["token-of-the-api"],
        trusted_proxies: vec!["127.0.0.0/8".parse().unwrap()],
        ..Wanted::default()
    })
    .await;
    service.deliver(&Sent::push(1)).await;
    service.deliver(&Sent::push(1)).await;
    for _ in 0..102 {
        let body = r#"{"marker":"a body"}"#;
        let wrong = Sent::new("push", "wrong", body)
            .header("x-hub-signature-256", Some(&signature("wrong", b"")))
            .header("x-forwarded-for", Some("192.0.2.7"));
        service.deliver(&wrong).await;
    }
    let unread = Sent::new("push", "unread", r#"{"marker":"a body""#);
    service.deliver(&unread).await;
    service.state.store.clone().close().await.unwrap();
    service.deliver(&Sent::push(2)).await;
    let shown = format!("{:?}", service.state);
    drop(listening);

    let key = "acme/00000000-0000-0000-0000-000000000001";
    let taken = kept.lines(&format!("took the delivery {key}"));
    assert_eq!(taken.len(), 2, "{}", kept.text());
    assert_eq!(taken[0]["delivery"], "00000000-0000-0000-0000-000000000001");
    assert_eq!(taken[0]["webhook"], "acme");
    assert_eq!(
        (&taken[0]["status"], &taken[0]["outcome"]),
        (&202.into(), &"new".into())
    );
    assert_eq!(
        (&taken[1]["status"], &taken[1]["outcome"]),
        (&200.into(), &"seen".into())
    );
    let refused = kept.lines("refused a delivery from 192.0.2.7");
    let statuses: Vec<_> = refused.iter().map(|line| line["status"].clone()).collect();
    assert_eq!(
        statuses,
        [401, 429],
        "the first of a minute, and the first too many"
    );
    let unread = kept.lines("the rightly signed delivery acme/unread cannot be read");
    assert_eq!(unread.len(), 1);
    let not_kept = kept.lines("cannot keep the delivery acme/");
    assert_eq!((not_kept.len(), &not_kept[0]["status"]), (1, &503.into()));
    for text in [kept.text(), shown] {
        for secret in [SECRET, OLD_SECRET, "token-of-the-api", "a body", "sha256="] {
            assert!(!text.contains(secret), "{secret} stands in {text}");
        }
    }
}
