//! A store that cannot be written for a while: the door says so, lives, and goes on by itself.

use std::net::TcpStream;
use std::path::Path;
use std::process::Command;
use std::thread;
use std::time::Duration;

use serde_json::json;
use sqlx::Connection;
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection};

use crate::hookshot::{Answer, guid, push};
use crate::machine::Stopwatch;
use crate::process::{Home, Service};
use crate::store::servers::Postgres;

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

#[test]
fn where_its_file_was_moved_away_the_door_answers_503_until_it_is_back() {
    let home = home();
    let away = home.path().join("away.db");
    let service = home.start();
    let store = home.store();
    goes_on_after_what_cannot_be_written(service, |lets| {
        let done = match lets {
            true => std::fs::rename(&away, &store),
            false => std::fs::rename(&store, &away),
        };
        done.unwrap();
    });
}

#[test]
fn where_no_more_files_may_be_open_idle_connections_give_way() {
    let home = home();
    let served = home.command(&[]);
    let mut shell = Command::new("sh");
    shell
        .args(["-c", "ulimit -n 80; exec \"$@\"", "sh"])
        .arg(served.get_program())
        .args(served.get_args())
        .stderr(std::process::Stdio::piped());
    let mut service = home.start_command(&mut shell);
    let connect = |_| TcpStream::connect(service.hooks).unwrap();
    let idle: Vec<TcpStream> = (0..200).map(connect).collect();
    for number in 1..=5 {
        let started = Stopwatch::start();
        assert_eq!(send(&service, number).status, 202);
        started.assert_within(Duration::from_secs(10), "an answer beside idle connections");
    }
    drop(idle);
    service.is_running();
}

/// It cannot be written for a while; `lets_write` says from when on and until when.
fn goes_on_after_what_cannot_be_written(mut service: Service, lets_write: impl Fn(bool)) {
    assert_eq!(send(&service, 1).status, 202);
    lets_write(false);
    service.wait_until("it takes nothing", |service| send(service, 2).status == 503);
    for number in 3..6 {
        is_refused(&service, number);
    }
    assert_eq!(
        service
            .get("/health/ready")
            .map(|(status, told)| (status, told["reasons"][0].clone())),
        Some((503, json!("the store cannot be written; the log says why")))
    );
    let kept = service.get("/api/v1/deliveries");
    let is_read = kept.is_some_and(|(status, _)| status == 200);
    assert!(is_read, "what is kept is shown:\n{}", service.log());
    lets_write(true);
    service.wait_until("it takes deliveries again", |service| {
        matches!(send(service, 2).status, 200 | 202)
    });
    assert_eq!(
        (send(&service, 1).status, send(&service, 3).status),
        (200, 202)
    );
    service.wait_until("it is ready again", |service| {
        service
            .get("/health/ready")
            .is_some_and(|(status, _)| status == 200)
    });
    service.is_running();
}

#[test]
fn on_a_disk_that_becomes_read_only_the_door_answers_503_and_then_goes_on() {
    let home = home();
    let folder = home.path().join("store");
    std::fs::create_dir(&folder).unwrap();
    let text = std::fs::read_to_string(home.path().join("flux-setup.yaml")).unwrap();
    let text = text.replace("sqlite:inbox.db", "sqlite:store/inbox.db");
    home.write("flux-setup.yaml", &text);
    let flag = folder.join("read-only");
    let service = home.start_command(
        home.command(&[])
            .env("LD_PRELOAD", home.shim(include_str!("read_only.c")))
            .env("READ_ONLY_FILE", &flag),
    );
    goes_on_after_what_cannot_be_written(service, |lets| {
        let done = match lets {
            true => std::fs::remove_file(&flag),
            false => std::fs::write(&flag, ""),
        };
        done.unwrap();
    });
}

#[test]
#[ignore = "needs a PostgreSQL server"]
fn where_postgres_becomes_read_only_the_door_answers_503_and_then_goes_on() {
    let server = Postgres::start();
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let home = home();
    let text = std::fs::read_to_string(home.path().join("flux-setup.yaml")).unwrap();
    home.write("url", &runtime.block_on(server.database()));
    home.write(
        "flux-setup.yaml",
        &text.replace("sqlite:inbox.db", "{file: url}"),
    );
    goes_on_after_what_cannot_be_written(home.start(), |lets| {
        runtime.block_on(server.let_write(lets));
    });
}
