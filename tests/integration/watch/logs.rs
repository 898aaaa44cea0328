//! What is logged: that a kind was lost and that it is there again, not each attempt.

use std::io::{self, Write};
use std::sync::{Arc, Mutex};

use serde_json::json;
use tracing_subscriber::fmt::MakeWriter;

use crate::cluster::followed::{Followed, pace, until};
use crate::listening::listen;

use super::fake::{cluster, ending_watch, event, list, object, status, watch};

#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().expect("no test panicked").write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl MakeWriter<'_> for Log {
    type Writer = Self;

    fn make_writer(&self) -> Self {
        self.clone()
    }
}

#[tokio::test]
async fn a_loss_is_logged_once_and_its_end_once_and_a_broken_object_once() {
    let log = Log::default();
    let subscriber = tracing_subscriber::fmt()
        .json()
        .with_max_level(tracing::Level::INFO)
        .with_writer(log.clone())
        .finish();
    // All runs on this thread.
    let _guard = listen(subscriber);
    let mut broken = object("broken", 1);
    broken["spec"] = json!({"url": 7});
    let (cluster, _) = cluster(move |asked| match (asked.watch, asked.before) {
        (false, 0..3) => status(500, "etcd is away"),
        (false, _) => list(100, &[broken.clone()]),
        (true, 0) => ending_watch(&[
            event("MODIFIED", &broken),
            event("MODIFIED", &broken),
            event("ERROR", &json!({"code": 410})),
        ]),
        (true, _) => watch(&[event("ADDED", &object("a", 101))]),
    });
    let followed = Followed::over(cluster, pace());
    until("it is followed", || followed.has("apps", "a")).await;
    followed.stop().await;
    let text = String::from_utf8(log.0.lock().expect("no test panicked").clone()).unwrap();
    let told: Vec<_> = text
        .lines()
        .map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap())
        .filter(|line| line["fields"]["kind"] == "GitRepository")
        .inspect(|line| assert_eq!(line["fields"]["cluster"], "prod"))
        .map(|line| line["fields"]["message"].as_str().unwrap().to_owned())
        .collect();
    assert_eq!(
        told,
        [
            "lost GitRepository of cluster prod: cannot list gitrepositories.source.toolkit.fluxcd.io: the API server answers 500: etcd is away",
            "cannot read GitRepository `apps/broken` of cluster `prod`: invalid type: integer `7`, expected a string at line 1 column 101",
            "regained GitRepository of cluster prod",
        ]
    );
}
