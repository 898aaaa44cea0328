//! A log that nobody reads any more, or that cannot be written.

use std::fs::File;
use std::path::Path;
use std::process::Stdio;
use std::thread;
use std::time::{Duration, Instant};

use crate::hookshot::{Hookshot, guid, push};
use crate::process::{Home, SECRET};

fn takes_deliveries_though_its_log_is(stderr: Stdio) {
    let home = Home::new(&[("away", Path::new("/nowhere/kubeconfig"))]);
    let mut child = home
        .command(&[])
        .stderr(stderr)
        .spawn()
        .expect("the binary was built");
    drop(child.stderr.take());
    let deadline = Instant::now() + Duration::from_secs(120);
    let mut hookshot = loop {
        match Hookshot::connect(home.hooks, "acme", SECRET) {
            Ok(hookshot) => break hookshot,
            Err(fault) => assert!(Instant::now() < deadline, "{fault}"),
        }
        thread::sleep(Duration::from_millis(20));
    };
    for number in 1..=500 {
        let body = push("acme/web", "main", number);
        let answer = hookshot
            .send("push", &guid(number), &body)
            .expect("it is answered");
        assert_eq!(answer.status, 202, "{answer:?}");
    }
    assert!(
        child.try_wait().is_ok_and(|ended| ended.is_none()),
        "it lives"
    );
    child.kill().expect("it is our child");
    child.wait().expect("it is our child");
}

#[test]
fn a_log_whose_reader_is_gone_or_whose_disk_is_full_ends_nothing() {
    takes_deliveries_though_its_log_is(Stdio::piped());
    let full = File::options().write(true).open("/dev/full").unwrap();
    takes_deliveries_though_its_log_is(full.into());
}

#[test]
fn a_log_whose_reader_stands_still_holds_up_nothing() {
    let (reader, writer) = std::io::pipe().unwrap();
    takes_deliveries_though_its_log_is(writer.into());
    drop(reader);
}
