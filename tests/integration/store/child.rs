//! This test binary as a process of its own, for tests that kill one or show it a disk of its own.

use std::env;
use std::fs;
use std::path::Path;
use std::process::Command;

use flux_setup::store::{Accepted, Limits, Store, StoreError, Write};

use super::servers::block_on;
use super::{delivery, gone, matched, new, object, opened, sqlite};

const ROLE: &str = "FLUX_SETUP_TEST_STORE_ROLE";
const FIRST: &str = "FLUX_SETUP_TEST_STORE_FIRST";

/// What a child does over its current folder.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// Accepts and works deliveries for ever, from this number on, and prints each number that it accepted.
    Accept {
        first: u32,
    },
    /// Fills the disk, and goes on when there is room again.
    FillTheDisk,
    MakeAStore,
    IsRefusedToWrite,
}

impl Role {
    /// To be called as a child; `program` is how it is called through others: `sh`.
    pub fn give(self, command: &mut Command) {
        command.env(ROLE, format!("{self:?}").split(' ').next().unwrap());
        if let Self::Accept { first } = self {
            command.env(FIRST, first.to_string());
        }
    }

    fn own() -> Option<Self> {
        Some(match env::var(ROLE).ok()?.as_str() {
            "Accept" => Self::Accept {
                first: env::var(FIRST).unwrap().parse().unwrap(),
            },
            "FillTheDisk" => Self::FillTheDisk,
            "MakeAStore" => Self::MakeAStore,
            "IsRefusedToWrite" => Self::IsRefusedToWrite,
            other => panic!("no role `{other}`"),
        })
    }
}

/// What makes this binary run nothing but the one test below.
pub const ARGUMENTS: [&str; 4] = [
    "--exact",
    "store::child::a_child_does_what_it_is_asked",
    "--nocapture",
    "--include-ignored",
];

#[test]
fn a_child_does_what_it_is_asked() {
    match Role::own() {
        None => {}
        Some(Role::Accept { first }) => block_on(accept_for_ever(first)),
        Some(Role::FillTheDisk) => block_on(fill_the_disk()),
        Some(Role::MakeAStore) => block_on(async {
            let store = opened(&sqlite(Path::new("."))).await;
            store.check().await.unwrap();
            store.close().await.unwrap();
        }),
        Some(Role::IsRefusedToWrite) => block_on(async {
            let opened = Store::open(&sqlite(Path::new(".")), Limits::default()).await;
            let fault = opened.expect_err("nothing can be written");
            assert!(matches!(fault, StoreError::File { .. }), "{fault:?}");
            let text = fault.to_string();
            assert!(text.ends_with(": cannot open the store to write"), "{text}");
        }),
    }
}

#[expect(clippy::print_stdout, reason = "the parent reads what was done")]
async fn accept_for_ever(first: u32) {
    let store = opened(&sqlite(Path::new("."))).await;
    let mut callers = tokio::task::JoinSet::new();
    for caller in 0..8 {
        let store = store.clone();
        callers.spawn(async move {
            for number in (first + caller..).step_by(8) {
                let id = new(&store, number).await;
                println!("accepted {number}");
                let work = vec![object("a"), object("b")];
                let work = store.write(vec![matched(id, work)]).await.unwrap();
                let [one, two] = work.try_into().unwrap();
                for work in [one, two] {
                    let (id, state) = (work.id, gone(1));
                    store.write(vec![Write::Work { id, state }]).await.unwrap();
                }
                println!("done {number}");
            }
        });
    }
    callers.join_all().await;
}

async fn fill_the_disk() {
    let url = sqlite(Path::new("."));
    fs::write("ballast", vec![1; 1 << 20]).unwrap();
    let store = opened(&url).await;
    let mut accepted = 0;
    let fault = loop {
        match store.accept(&delivery(accepted)).await {
            Ok(Accepted::New(_)) => accepted += 1,
            Ok(other) => panic!("{other:?}"),
            Err(fault) => break fault,
        }
        assert!(accepted < 10_000, "the disk is never full");
    };
    let full = "the disk of the store is full; make room, and it goes on by itself";
    assert_eq!(fault.to_string(), full, "{fault:?}");
    assert!(accepted > 10, "{accepted}");
    for _ in 0..3 {
        assert_eq!(
            store
                .accept(&delivery(accepted))
                .await
                .unwrap_err()
                .to_string(),
            full
        );
    }
    let kept = store.unmatched(None, 10_000).await.unwrap();
    assert_eq!(kept.len(), accepted as usize);

    fs::remove_file("ballast").unwrap();
    store.check().await.unwrap();
    new(&store, accepted).await;
    store.close().await.unwrap();
    let store = opened(&url).await;
    let kept = store.unmatched(None, 10_000).await.unwrap();
    assert_eq!(kept.len(), accepted as usize + 1);
    store.close().await.unwrap();
}
