//! The databases that the tests run on.

use std::future::Future;

use flux_setup::store::StoreUrl;

use super::sqlite;

/// Runs a test on a SQLite file of its own.
pub fn on_sqlite<F: Future<Output = ()>>(test: impl FnOnce(StoreUrl) -> F) {
    let folder = tempfile::tempdir().unwrap();
    runtime().block_on(test(sqlite(folder.path())));
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .unwrap()
}
