//! The catalog follows real API servers, whatever becomes of them, and what is annotated there is annotated.

mod faults;
pub mod followed;
mod kubeconfigs;

use std::time::Duration;

use flux_setup::catalog::{Kind, Progress};
use flux_setup::cluster::PatchFault;

use crate::api_server::shared;
use followed::{Followed, access, git_repository, key};

/// How long anything may take that takes milliseconds.
const LIMIT: Duration = Duration::from_secs(150);

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs a Kubernetes API server"]
async fn what_is_annotated_comes_back_by_the_watch() {
    let server = shared();
    server.create_namespace("follow");
    server.create(&git_repository("follow", "before"));
    let followed = Followed::start(access(server));
    followed.until_listed().await;
    server.create(&git_repository("follow", "after"));
    followed.until_there("follow", "after").await;
    for name in ["before", "after"] {
        followed.annotate("follow", name, "t-1").await;
    }
    let asked = server.requested("source.toolkit.fluxcd.io/v1", "GitRepository", "follow");
    let expected = ["after", "before"].map(|name| (name.to_owned(), "t-1".to_owned()));
    assert_eq!(asked, expected.into());
    let gone = followed
        .cluster
        .annotate(&key("follow", "nowhere"), "t-1")
        .await;
    assert_eq!(gone, Err(PatchFault::Gone));
    let absent = flux_setup::catalog::ItemKey {
        kind: Kind::Bucket,
        ..key("follow", "nowhere")
    };
    assert_eq!(
        followed.cluster.annotate(&absent, "t-1").await,
        Err(PatchFault::Gone)
    );
    server.delete(&git_repository("follow", "after"));
    followed.until_gone("follow", "after").await;
    assert_eq!(followed.live.progress(), Progress::Listed);
    followed.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs a Kubernetes API server"]
async fn lists_of_many_pages_are_whole() {
    let server = shared();
    server.create_namespace("pages");
    for number in 0..25 {
        server.create(&git_repository("pages", &format!("r-{number}")));
    }
    let followed = Followed::start(access(server));
    followed.until_listed().await;
    let count = || {
        let cache = followed.live.read();
        let here = cache.items().filter(|item| &*item.key.namespace == "pages");
        here.count()
    };
    assert_eq!(count(), 25);
    followed.stop().await;
}
