//! What a store's file is like, and when it is refused.

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;

use flux_setup::store::{Limits, Store, StoreError};
use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{AssertSqlSafe, ConnectOptions, Connection, Executor};

use super::servers::{block_on, on_both};
use super::{StoreUrl, new, opened, sqlite};

/// Runs statements by other hands than the store's.
async fn by_hand(file: &Path, sql: &str) {
    let options = SqliteConnectOptions::new()
        .filename(file)
        .create_if_missing(true);
    let mut connection = options.connect().await.unwrap();
    let sql = AssertSqlSafe(sql.to_owned());
    connection.execute(sql).await.unwrap();
    connection.close().await.unwrap();
}

async fn refused(url: &StoreUrl) -> StoreError {
    let opened = Store::open(url, Limits::default()).await;
    opened.expect_err("it is refused")
}

/// A store with 300 deliveries, closed.
async fn filled(folder: &Path) -> StoreUrl {
    let url = sqlite(folder);
    let store = opened(&url).await;
    for number in 0..300 {
        new(&store, number).await;
    }
    store.close().await.unwrap();
    url
}

#[test]
fn nobody_else_may_read_the_file_nor_what_lies_beside_it() {
    let folder = tempfile::tempdir().unwrap();
    block_on(async {
        let store = opened(&sqlite(folder.path())).await;
        new(&store, 1).await;
        let mut names = Vec::new();
        for entry in fs::read_dir(folder.path()).unwrap() {
            let entry = entry.unwrap();
            let mode = entry.metadata().unwrap().permissions().mode();
            assert_eq!(mode & 0o777, 0o600, "{entry:?}");
            names.push(entry.file_name().into_string().unwrap());
        }
        names.sort();
        let expected = ["store.db", "store.db-shm", "store.db-wal", "store.db.lock"];
        assert_eq!(names, expected);
        store.close().await.unwrap();
    });
}

#[test]
fn a_file_that_others_may_read_is_closed_to_them() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("store.db");
    fs::write(&file, "").unwrap();
    fs::set_permissions(&file, fs::Permissions::from_mode(0o664)).unwrap();
    block_on(async {
        let store = opened(&sqlite(folder.path())).await;
        let mode = fs::metadata(&file).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        store.close().await.unwrap();
    });
}

#[test]
fn a_file_has_one_user_at_a_time_by_whatever_name_it_comes() {
    let folder = tempfile::tempdir().unwrap();
    block_on(async {
        let url = sqlite(folder.path());
        let store = opened(&url).await;
        symlink("store.db", folder.path().join("link.db")).unwrap();
        for name in ["store.db", "link.db", "../x/../store.db"] {
            fs::create_dir_all(folder.path().join("x")).unwrap();
            let name = name.replace("../x", "x");
            let url = StoreUrl::read(&format!("sqlite:{name}"), folder.path()).unwrap();
            let fault = refused(&url).await;
            let path = folder.path().canonicalize().unwrap().join("store.db");
            assert!(matches!(fault, StoreError::InUse { .. }));
            assert_eq!(
                fault.to_string(),
                format!(
                    "{}: another process has this store open; give each a store of its own",
                    path.display()
                )
            );
        }
        store.close().await.unwrap();
        opened(&url).await.close().await.unwrap();
    });
}

#[test]
fn a_store_without_its_folder_says_so() {
    let folder = tempfile::tempdir().unwrap();
    block_on(async {
        let url = StoreUrl::read("sqlite:none/store.db", folder.path()).unwrap();
        let path = folder.path().join("none/store.db");
        assert_eq!(
            refused(&url).await.to_string(),
            format!(
                "{}: its folder is not there; make it, or name another file",
                path.display()
            )
        );
        let url = StoreUrl::read("sqlite:.", folder.path()).unwrap();
        let text = refused(&url).await.to_string();
        assert!(text.ends_with(": cannot open the store to write"), "{text}");
    });
}

#[test]
fn a_file_that_is_no_store_is_refused_and_left_as_it_is() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("store.db");
    block_on(async {
        let text = "this is a letter\n".repeat(1_000);
        fs::write(&file, &text).unwrap();
        let fault = refused(&sqlite(folder.path())).await;
        assert!(matches!(fault, StoreError::Damaged { .. }), "{fault:?}");
        assert_eq!(
            fault.to_string(),
            "the store is damaged, and is left as it is; restore a backup, or use another store"
        );
        assert_eq!(fs::read_to_string(&file).unwrap(), text);

        fs::remove_file(&file).unwrap();
        by_hand(&file, "CREATE TABLE songs (name TEXT)").await;
        let before = fs::read(&file).unwrap();
        let fault = refused(&sqlite(folder.path())).await;
        let path = file.canonicalize().unwrap();
        assert_eq!(
            fault.to_string(),
            format!(
                "{} is the database of another program; use another file",
                path.display()
            )
        );
        assert!(fs::read(&file).unwrap() == before, "it is not as it was");
    });
}

#[test]
fn a_damaged_file_is_refused_and_left_as_it_is() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("store.db");
    block_on(async {
        let url = filled(folder.path()).await;
        let sound = fs::read(&file).unwrap();
        assert!(sound.len() > 20 * 4_096, "{}", sound.len());
        let mut damaged = sound.clone();
        damaged[10 * 4_096..14 * 4_096].fill(0x5a);
        let cut_off = sound[..sound.len() / 2].to_vec();
        for bytes in [damaged, cut_off] {
            fs::write(&file, &bytes).unwrap();
            let fault = refused(&url).await;
            assert!(matches!(fault, StoreError::Damaged { .. }), "{fault:?}");
            assert!(fs::read(&file).unwrap() == bytes, "it is not as it was");
        }
        fs::write(&file, &sound).unwrap();
        opened(&url).await.close().await.unwrap();
    });
}

#[test]
fn a_store_of_an_older_version_is_brought_up_to_date_with_all_that_it_has() {
    let folder = tempfile::tempdir().unwrap();
    block_on(async {
        filled(folder.path()).await;
        let older = "DROP TABLE note; DELETE FROM _sqlx_migrations WHERE version = 2";
        by_hand(&folder.path().join("store.db"), older).await;
        let store = opened(&sqlite(folder.path())).await;
        assert_eq!(store.counts().await.unwrap().deliveries["accepted"], 300);
        let note = vec![("name".to_owned(), "1".to_owned())];
        store.note("head", note.clone()).await.unwrap();
        assert_eq!(store.notes("head").await.unwrap(), note);
        store.close().await.unwrap();
    });
}

#[test]
fn a_store_of_another_version_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("store.db");
    let newer = "INSERT INTO _sqlx_migrations \
        SELECT 9, 'next', installed_on, true, checksum, 0 FROM _sqlx_migrations WHERE version = 1";
    for (sql, expected) in [
        (
            newer,
            "the store was written by a newer flux-setup (its schema is 9, this program knows 5); \
             use that version, or another store",
        ),
        (
            "DELETE FROM _sqlx_migrations WHERE version = 9; UPDATE _sqlx_migrations SET success = false",
            "bringing the store to schema 1 failed half-way; restore a backup, or use another store",
        ),
        (
            "UPDATE _sqlx_migrations SET success = true, checksum = x'00'",
            "the store's schema 1 is not the one that this program would have made; \
             use the version that wrote it, or another store",
        ),
    ] {
        block_on(async {
            if !file.exists() {
                filled(folder.path()).await;
            }
            by_hand(&file, sql).await;
            assert_eq!(refused(&sqlite(folder.path())).await.to_string(), expected);
        });
    }
}

on_both! { a_store_that_is_closed_says_so_and_one_that_is_dropped_keeps_all }

async fn a_store_that_is_closed_says_so_and_one_that_is_dropped_keeps_all(url: StoreUrl) {
    let store = opened(&url).await;
    let first = new(&store, 1).await;
    store.clone().close().await.unwrap();
    let fault = store.check().await.unwrap_err();
    assert_eq!(fault.to_string(), "the store is closed");
    drop(store);

    let store = opened(&url).await;
    let second = new(&store, 2).await;
    drop(store);
    let store = opened(&url).await;
    let ids: Vec<_> = store.unmatched(None, 9).await.unwrap();
    let ids: Vec<_> = ids.iter().map(|stored| stored.id).collect();
    assert_eq!(ids, [first, second]);
    store.close().await.unwrap();
}

#[test]
fn the_readme_says_which_schema_this_version_has() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let newest = fs::read_dir(root.join("src/store/schema")).unwrap().count();
    let said = format!("Version {} has schema {newest}.", env!("CARGO_PKG_VERSION"));
    let readme = fs::read_to_string(root.join("README.md")).unwrap();
    assert!(readme.contains(&said), "{said}");
}
