//! What goes wrong around the store, and that it loses nothing and goes on by itself.

use std::collections::BTreeMap;
use std::env;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use flux_setup::store::{Accepted, Store, StoreError, Write};
use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{ConnectOptions, Connection, Executor};
use tokio::task::JoinSet;

use super::child::{ARGUMENTS, Role};
use super::servers::{block_on, on_both};
use super::{StoreUrl, delivery, gone, guid, matched, new, object, opened, sqlite};

#[test]
fn a_process_that_is_killed_loses_nothing_that_it_accepted() {
    let folder = tempfile::tempdir().unwrap();
    let mut accepted: Vec<u32> = Vec::new();
    let mut done: Vec<u32> = Vec::new();
    for round in 0..5 {
        let mut command = Command::new(env::current_exe().unwrap());
        let first = round * 1_000_000;
        Role::Accept { first }.give(&mut command);
        let mut child = command
            .args(ARGUMENTS)
            .current_dir(folder.path())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        // At once, and later and later; however slow the machine is, something is done before.
        let (mut killed_at, enough) = (None, done.len() + 3 * round as usize);
        // What is in the pipe was printed before the end, so it counts.
        for line in &mut lines {
            let line = line.unwrap();
            let Some((word, number)) = line.split_once(' ') else {
                continue;
            };
            match word {
                "accepted" => accepted.push(number.parse().unwrap()),
                "done" => done.push(number.parse().unwrap()),
                _ => continue,
            }
            let until = *killed_at.get_or_insert_with(|| {
                Instant::now() + Duration::from_millis(u64::from(round) * 60 + 7)
            });
            if Instant::now() > until && done.len() >= enough {
                child.kill().unwrap();
            }
        }
        child.wait().unwrap();
    }
    assert!(done.len() > 20, "{}", done.len());
    block_on(async {
        let store = opened(&sqlite(folder.path())).await;
        for number in &accepted {
            let kept = store.delivery(&guid(*number)).await.unwrap();
            assert_eq!(kept.len(), 1, "{number}");
        }
        for number in &done {
            let kept = store.delivery(&guid(*number)).await.unwrap();
            assert_eq!(kept[0].0.state.name(), "done", "{number}");
        }
        counts_are_right(&store, &folder.path().join("store.db")).await;
        store.close().await.unwrap();
    });
}

/// The numbers that are kept are those that are counted.
async fn counts_are_right(store: &Store, file: &Path) {
    let mut connection = SqliteConnectOptions::new()
        .filename(file)
        .connect()
        .await
        .unwrap();
    let counts = store.counts().await.unwrap();
    let counted: Vec<(String, i64)> =
        sqlx::query_as("SELECT phase, count(*) FROM delivery GROUP BY phase")
            .fetch_all(&mut connection)
            .await
            .unwrap();
    let counted: BTreeMap<_, _> = counted
        .into_iter()
        .map(|(name, number)| (name, u64::try_from(number).unwrap()))
        .collect();
    for (name, number) in &counts.deliveries {
        assert_eq!(*number, counted.get(name).copied().unwrap_or(0), "{name}");
    }
    let open: i64 = sqlx::query_scalar("SELECT count(*) FROM work WHERE NOT is_over")
        .fetch_one(&mut connection)
        .await
        .unwrap();
    let kept: u64 = counts.open_work.values().sum();
    assert_eq!(kept, u64::try_from(open).unwrap());
    connection.close().await.unwrap();
}

/// Runs a script in which `"$@"` is this binary in a role, as the owner of mounts of its own.
#[expect(
    clippy::print_stderr,
    reason = "who reads the output of the tests learns what was not tested"
)]
fn with_own_mounts(script: &str, role: Role) {
    let folder = tempfile::tempdir().unwrap();
    let own = |arguments: &[&str]| {
        let mut command = Command::new("unshare");
        role.give(&mut command);
        command
            .args(["--mount", "--map-root-user"])
            .args(arguments)
            .current_dir(folder.path());
        command
    };
    let may = own(&["mount", "-t", "tmpfs", "none", "."]).output();
    if !may.is_ok_and(|output| output.status.success()) {
        eprintln!(
            "not tested: this system lets nobody have mounts of their own (unshare --mount --map-root-user)"
        );
        return;
    }
    let output = own(&["sh", "-ec", script, "sh"])
        .arg(env::current_exe().unwrap())
        .args(ARGUMENTS)
        .output()
        .unwrap();
    assert!(
        output.status.success(),
        "{}{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
}

#[test]
fn on_a_full_disk_nothing_is_lost_and_with_room_it_goes_on() {
    let script = "mount -t tmpfs -o size=4m none . && cd . && exec \"$@\"";
    with_own_mounts(script, Role::FillTheDisk);
}

#[test]
fn a_file_system_that_cannot_be_written_is_told_at_the_start() {
    let script = "mount -t tmpfs -o size=4m none . && cd \"$PWD\" && \
        FLUX_SETUP_TEST_STORE_ROLE=MakeAStore \"$@\" && mount -o remount,ro . && exec \"$@\"";
    with_own_mounts(script, Role::IsRefusedToWrite);
}

#[test]
fn a_store_that_another_program_locks_says_so_and_goes_on() {
    let folder = tempfile::tempdir().unwrap();
    block_on(async {
        let store = opened(&sqlite(folder.path())).await;
        new(&store, 1).await;
        let mut other = SqliteConnectOptions::new()
            .filename(folder.path().join("store.db"))
            .connect()
            .await
            .unwrap();
        other.execute("BEGIN IMMEDIATE").await.unwrap();
        let deadline = Instant::now() + Duration::from_secs(60);
        let fault = loop {
            match store.accept(&delivery(2)).await.unwrap_err() {
                // The machine stood still for longer than one waits for a disk.
                StoreError::Hangs if Instant::now() < deadline => {}
                fault => break fault,
            }
        };
        assert_eq!(
            fault.to_string(),
            "another program holds a lock on the store; end what has it open, and it goes on by itself"
        );
        assert_eq!(store.unmatched(None, 9).await.unwrap().len(), 1);
        other.execute("COMMIT").await.unwrap();
        other.close().await.unwrap();
        new(&store, 2).await;
        store.close().await.unwrap();
    });
}

#[test]
fn what_cannot_be_read_harms_only_itself() {
    let folder = tempfile::tempdir().unwrap();
    block_on(async {
        let store = opened(&sqlite(folder.path())).await;
        let spoilt = new(&store, 1).await;
        let work = vec![matched(spoilt, vec![object("a")])];
        let work = store.write(work).await.unwrap();
        let unread = new(&store, 2).await;
        let sound = new(&store, 3).await;
        let mut other = SqliteConnectOptions::new()
            .filename(folder.path().join("store.db"))
            .connect()
            .await
            .unwrap();
        let spoil = "UPDATE delivery SET state = '{\"state\":\"pondering\"}' WHERE id < 3";
        other.execute(spoil).await.unwrap();
        other.close().await.unwrap();

        let waiting = store.unmatched(None, 9).await.unwrap();
        let waiting: Vec<_> = waiting.iter().map(|stored| stored.id).collect();
        assert_eq!(waiting, [sound]);
        assert_eq!(
            store.stored(unread).await.unwrap_err().to_string(),
            "cannot read the state of delivery 2 in the store: unknown variant `pondering`, expected one of `accepted`, \
             `nothing`, `working`, `done`, `failed` at line 1 column 20; a later version wrote it, or it was changed by hand"
        );
        let end = || Write::Work {
            id: work[0].id,
            state: gone(1),
        };
        let mut callers = JoinSet::new();
        for number in 10..110 {
            let (store, end) = (store.clone(), end());
            callers.spawn(async move {
                let delivery = delivery(number);
                let (accepted, spoilt) =
                    tokio::join!(store.accept(&delivery), store.write(vec![end]));
                accepted.unwrap();
                assert!(matches!(spoilt, Err(StoreError::Unreadable { .. })));
            });
        }
        callers.join_all().await;
        assert_eq!(store.unmatched(None, 999).await.unwrap().len(), 101);
        assert_eq!(store.open_work("prod", None, 9).await.unwrap(), work);
        store.close().await.unwrap();
    });
}

on_both! { one_delivery_a_thousand_times_at_once_is_kept_once }

async fn one_delivery_a_thousand_times_at_once_is_kept_once(url: StoreUrl) {
    let store = opened(&url).await;
    let mut callers = JoinSet::new();
    for _ in 0..1_000 {
        let store = store.clone();
        callers.spawn(async move {
            let deadline = Instant::now() + Duration::from_secs(60);
            loop {
                match store.accept(&delivery(1)).await {
                    // On a busy machine a thousand take longer than one waits: it was not begun, and comes again.
                    Err(StoreError::Busy) if Instant::now() < deadline => {}
                    accepted => break accepted.unwrap(),
                }
            }
        });
    }
    let accepted = callers.join_all().await;
    let new = accepted
        .iter()
        .filter(|accepted| matches!(accepted, Accepted::New(_)));
    assert_eq!(new.count(), 1);
    let seen = accepted
        .iter()
        .filter(|accepted| matches!(accepted, Accepted::Seen(..)));
    assert_eq!(seen.count(), 999);
    store.close().await.unwrap();
}
