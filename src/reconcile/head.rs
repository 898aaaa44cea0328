//! What a head that was seen means for an object that follows it: news, or what it has already.

use crate::catalog::{Item, Reference};
use crate::delivery::{HeadNews, HeadSeen, PushedRef};
use crate::flux::revision;
use crate::flux::semver::Version;

use super::matching::Candidate;
use super::verdict::{LeaveReason, Verdict};

/// Leaves those that a push, or their interval, brought the commit before we saw it.
pub(super) fn leave_what_has_it(candidates: &mut [Candidate], seen: &HeadSeen) {
    for candidate in candidates.iter_mut().filter(|it| it.verdict.is_wake()) {
        if let Some(reason) = no_news(&candidate.item, seen) {
            candidate.verdict = Verdict::Leave(reason);
        }
    }
}

/// Why the head tells an object nothing new.
fn no_news(item: &Item, seen: &HeadSeen) -> Option<LeaveReason> {
    let is_first = seen.news == HeadNews::First;
    let Some(artifact) = item.artifact.as_deref() else {
        return is_first.then_some(LeaveReason::NothingFetched);
    };
    if revision::commit(artifact) == Some(seen.commit.as_str()) {
        let may_need_it = match seen.news {
            HeadNews::First => false,
            // What it fetches now may be what the ref led to in between.
            HeadNews::Moved { .. } => is_at_work(item),
            // While its ref was gone Flux has failed, and waits for long by now.
            HeadNews::Returned => is_at_work(item) || !is_ready(item),
        };
        return (!may_need_it).then(|| LeaveReason::Fetched(seen.commit.as_str().into()));
    }
    // Seen for the first time, the newest tags may be all that was seen.
    if is_first
        && let (Reference::Semver(_), PushedRef::Tag(tag)) = (&item.reference, &seen.reference)
        && let Some(fetched) = revision::reference(artifact)
        && let (Some(has), Some(found)) = (Version::parse(fetched), Version::parse(tag))
        && has.compare(&found).is_gt()
    {
        return Some(LeaveReason::NotOlder(fetched.into()));
    }
    None
}

/// Whether Flux fetches it now, or is asked to.
fn is_at_work(item: &Item) -> bool {
    item.reconciling || item.requested_at != item.handled_at
}

fn is_ready(item: &Item) -> bool {
    let ready = item.ready.as_ref();
    ready.is_some_and(|ready| ready.status == crate::catalog::Status::True)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use serde_json::{Value, json};

    use crate::catalog::{HostNames, Kind, Projector};
    use crate::delivery::CommitId;

    use super::*;

    fn hash(letter: &str) -> String {
        letter.repeat(40)
    }

    fn commit(letter: &str) -> CommitId {
        CommitId::read(&hash(letter)).unwrap().unwrap()
    }

    fn item(reference: Value, revision: Option<&str>, ready: &str) -> Item {
        let artifact = revision.map(|revision| json!({"revision": revision}));
        let object = json!({
            "metadata": {"name": "web", "namespace": "apps"},
            "spec": {"url": "https://github.com/acme/web", "ref": reference},
            "status": {"artifact": artifact, "conditions": [{"type": "Ready", "status": ready}]},
        });
        let mut projector = Projector::new("prod".into(), Arc::new(HostNames::of([])));
        projector
            .project(Kind::GitRepository, object.to_string().as_bytes())
            .unwrap()
    }

    fn seen(reference: &str, news: HeadNews) -> HeadSeen {
        HeadSeen {
            reference: PushedRef::read(reference).unwrap(),
            commit: commit("b"),
            news,
            pushed_at: None,
        }
    }

    fn why(item: &Item, seen: &HeadSeen) -> Option<String> {
        no_news(item, seen).map(|reason| reason.to_string())
    }

    fn moved() -> HeadNews {
        HeadNews::Moved {
            before: commit("a"),
        }
    }

    #[test]
    fn what_has_the_commit_is_left_and_what_has_another_is_woken() {
        let main = json!({"branch": "main"});
        let main_at = |letter: &str| format!("main@sha1:{}", hash(letter));
        for news in [HeadNews::First, moved(), HeadNews::Returned] {
            let seen = seen("refs/heads/main", news);
            let has = item(main.clone(), Some(&main_at("b")), "True");
            let told = format!("it has fetched commit `{}` already", hash("b"));
            assert_eq!(why(&has, &seen), Some(told));
            let old = item(main.clone(), Some(&main_at("a")), "True");
            assert_eq!(why(&old, &seen), None);
        }
    }

    #[test]
    fn what_has_fetched_nothing_is_woken_by_news_alone() {
        let empty = item(json!({"branch": "main"}), None, "False");
        let of = |news| why(&empty, &seen("refs/heads/main", news));
        let told = "it has fetched nothing yet, and a ref that is seen for the first time is no news to it";
        assert_eq!(of(HeadNews::First).as_deref(), Some(told));
        assert_eq!(of(moved()), None);
        assert_eq!(of(HeadNews::Returned), None);
    }

    #[test]
    fn what_failed_while_its_ref_was_gone_is_woken_when_it_returns() {
        let revision = format!("main@sha1:{}", hash("b"));
        let failed = item(json!({"branch": "main"}), Some(&revision), "False");
        let returned = seen("refs/heads/main", HeadNews::Returned);
        assert_eq!(why(&failed, &returned), None);
        assert!(why(&failed, &seen("refs/heads/main", moved())).is_some());
    }

    #[test]
    fn what_flux_is_at_work_on_is_woken_also_where_it_has_the_commit_until_now() {
        let revision = format!("main@sha1:{}", hash("b"));
        let idle = item(json!({"branch": "main"}), Some(&revision), "True");
        let reconciling = Item {
            reconciling: true,
            ..idle.clone()
        };
        let asked = Item {
            requested_at: Some("2".into()),
            handled_at: Some("1".into()),
            ..idle.clone()
        };
        for news in [moved(), HeadNews::Returned] {
            let seen = seen("refs/heads/main", news);
            assert!(why(&idle, &seen).is_some());
            assert_eq!(why(&reconciling, &seen), None);
            assert_eq!(why(&asked, &seen), None);
        }
        assert!(why(&asked, &seen("refs/heads/main", HeadNews::First)).is_some());
    }

    #[test]
    fn a_version_that_is_seen_for_the_first_time_is_news_to_older_ones_alone() {
        let with = |fetched: &str| {
            let revision = format!("{fetched}@sha1:{}", hash("a"));
            item(json!({"semver": ">=1"}), Some(&revision), "True")
        };
        let first = seen("refs/tags/v1.2.0", HeadNews::First);
        assert_eq!(why(&with("v1.1.0"), &first), None);
        // The same version at another commit: the tag was moved.
        assert_eq!(why(&with("v1.2.0"), &first), None);
        let told = "it has fetched `v1.10.0` already, which is not older";
        assert_eq!(why(&with("v1.10.0"), &first).as_deref(), Some(told));
        assert_eq!(
            why(&with("v1.10.0"), &seen("refs/tags/v1.2.0", moved())),
            None
        );
    }
}
