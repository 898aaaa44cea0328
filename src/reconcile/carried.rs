//! Since when objects lack what was pushed to them, where that is older than what is followed: kept for who takes over.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use tokio_util::sync::CancellationToken;
use tracing::warn;

use crate::catalog::{ItemKey, Kind};
use crate::store::{Store, StoreError, WorkId};

use super::record::until_stored;

/// The subject of the notes: `CLUSTER/KIND/NAMESPACE/NAME`.
const SUBJECT: &str = "unapplied";
/// Notes that are written at once.
const NOTES: usize = 1_000;

/// What an object lacks though nobody says of its push any more that it is followed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Carried {
    /// When the oldest of these pushes was accepted.
    pub(super) since: Timestamp,
    /// The work whose time is over, by which it is still seen whether the object has it.
    pub(super) late: Option<WorkId>,
}

#[derive(Serialize, Deserialize)]
struct Note {
    since: Timestamp,
    late: Option<i64>,
}

/// What was noted of the objects of a cluster.
pub(super) async fn noted(
    store: &Store,
    cluster: &str,
) -> Result<Vec<(ItemKey, Carried)>, StoreError> {
    let noted = store.notes(SUBJECT).await?;
    let read = |(name, text): (String, String)| {
        let key = name.strip_prefix(cluster)?.strip_prefix('/')?;
        let found = read_note(key, &text);
        if found.is_none() {
            warn!(%name, "left out since when an object lacks what was pushed, which cannot be read");
        }
        found
    };
    Ok(noted.into_iter().filter_map(read).collect())
}

/// Notes what is carried of objects, and forgets of whom nothing is. `None`: it was told to stop before.
pub(super) async fn keep(
    store: &Store,
    cluster: &str,
    changed: &[(ItemKey, Option<Carried>)],
    stop: &CancellationToken,
) -> Option<()> {
    for some in changed.chunks(NOTES) {
        let mut notes = Vec::new();
        let mut forgotten = Vec::new();
        for (object, carried) in some {
            let ItemKey {
                kind,
                namespace,
                name,
            } = object;
            let name = format!("{cluster}/{}/{namespace}/{name}", kind.name());
            match carried {
                Some(carried) => notes.push((name, text(carried))),
                None => forgotten.push(name),
            }
        }
        until_stored(stop, || store.note(SUBJECT, notes.clone())).await?;
        until_stored(stop, || store.forget(SUBJECT, forgotten.clone())).await?;
    }
    Some(())
}

fn text(carried: &Carried) -> String {
    let note = Note {
        since: carried.since,
        late: carried.late.map(|id| id.0),
    };
    serde_json::to_string(&note).unwrap_or_default()
}

fn read_note(key: &str, text: &str) -> Option<(ItemKey, Carried)> {
    let mut parts = key.split('/');
    let (kind, namespace, name) = (parts.next()?, parts.next()?, parts.next()?);
    if parts.next().is_some() {
        return None;
    }
    let key = ItemKey {
        kind: Kind::read(kind)?,
        namespace: namespace.into(),
        name: name.into(),
    };
    let note: Note = serde_json::from_str(text).ok()?;
    let carried = Carried {
        since: note.since,
        late: note.late.map(WorkId),
    };
    Some((key, carried))
}

#[cfg(test)]
mod tests {
    use crate::store::{Limits, StoreUrl};

    use super::*;

    #[tokio::test]
    async fn what_is_noted_of_a_cluster_is_read_back_until_it_is_forgotten() {
        let folder = tempfile::tempdir().unwrap();
        let url = StoreUrl::read("sqlite:store.db", folder.path()).unwrap();
        let store = Store::open(&url, Limits::default()).await.unwrap();
        let stop = CancellationToken::new();
        let object = |name: &str| ItemKey {
            kind: Kind::GitRepository,
            namespace: "apps".into(),
            name: name.into(),
        };
        let carried = |late| Carried {
            since: Timestamp::from_second(7).unwrap(),
            late,
        };
        let (web, api) = (carried(Some(WorkId(3))), carried(None));
        let news = [(object("web"), Some(web)), (object("api"), Some(api))];
        keep(&store, "prod", &news, &stop).await.unwrap();
        keep(&store, "prod/eu", &news[..1], &stop).await.unwrap();
        let mut found = noted(&store, "prod").await.unwrap();
        found.sort_by(|one, other| one.0.cmp(&other.0));
        assert_eq!(found, [(object("api"), api), (object("web"), web)]);
        let gone = [(object("web"), None), (object("api"), Some(web))];
        keep(&store, "prod", &gone, &stop).await.unwrap();
        assert_eq!(noted(&store, "prod").await.unwrap(), [(object("api"), web)]);
        let elsewhere = noted(&store, "prod/eu").await.unwrap();
        assert_eq!(elsewhere, [(object("web"), web)]);
    }
}
