//! A store that cannot be written for a while: the door says so, lives, and goes on by itself.

use std::path::Path;
use std::process::Command;
use std::thread;
use std::time::Duration;

use sqlx::Connection;
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection};

use crate::hookshot::{Answer, guid, push};
use crate::process::{Home, Service};

/// A service whose one cluster is not there; deliveries are kept all the same.
fn home() -> Home {
    Home::new(&[("away", Path::new("/nowhere/kubeconfig"))])
}

fn send(service: &Service, number: u64) -> Answer {
    let mut hookshot = service.hookshot();
    hookshot
        .send("push", &guid(number), &push("acme/web", "main", 7))
        .expect("it is answered in time")
}

fn is_refused(service: &Service, number: u64) {
    let answer = send(service, number);
    assert_eq!(
        (answer.status, answer.json()["reason"].as_str()),
        (
            503,
            Some("the delivery could not be kept and so was not accepted; deliver it again later")
        ),
        "{answer:?}"
    );
    assert!(
        service
            .get("/health/live")
            .is_some_and(|(status, _)| status == 200)
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn while_another_program_holds_the_store_the_door_answers_503_and_then_goes_on() {
    let home = home();
    let service = home.start();
    assert_eq!(send(&service, 1).status, 202);
    let options = SqliteConnectOptions::new().filename(home.store());
    let mut other = SqliteConnection::connect_with(&options).await.unwrap();
    sqlx::query("BEGIN IMMEDIATE")
        .execute(&mut other)
        .await
        .unwrap();
    let service = tokio::task::spawn_blocking(move || {
        is_refused(&service, 2);
        service
    })
    .await
    .unwrap();
    sqlx::query("ROLLBACK").execute(&mut other).await.unwrap();
    let answers = tokio::task::spawn_blocking(move || {
        let answers = (send(&service, 2).status, send(&service, 1).status);
        service.kill();
        answers
    });
    assert_eq!(
        answers.await.unwrap(),
        (202, 200),
        "what was kept is known, what was not is new"
    );
}

#[test]
fn on_a_disk_that_takes_no_more_the_door_answers_503_and_with_room_it_goes_on() {
    let home = home();
    let served = home.command(&[]);
    // A write beyond the limit fails instead of ending the process.
    let mut shell = Command::new("sh");
    shell
        .args(["-c", "trap '' XFSZ; ulimit -S -f 2048; exec \"$@\"", "sh"])
        .arg(served.get_program())
        .args(served.get_args())
        .stderr(std::process::Stdio::piped());
    let mut service = home.start_command(&mut shell);
    let mut accepted = 0;
    while send(&service, accepted).status == 202 {
        accepted += 1;
        assert!(accepted < 20_000, "the disk is never full");
    }
    is_refused(&service, accepted);
    service.is_running();
    let pid = service.pid().to_string();
    let raised = Command::new("prlimit")
        .args(["--pid", &pid, "--fsize=unlimited:unlimited"])
        .status()
        .unwrap();
    assert!(raised.success());
    service.wait_until("it takes deliveries again", |service| {
        let status = send(service, accepted).status;
        thread::sleep(Duration::from_millis(100));
        matches!(status, 200 | 202)
    });
    // Nothing that was accepted is lost.
    for number in [0, accepted / 2, accepted - 1] {
        assert_eq!(send(&service, number).status, 200, "{number}");
    }
}
