//! What repositories were called before: learnt from deliveries, and noted, so that who takes over reads few of them.

use std::collections::HashSet;

use tokio_util::sync::CancellationToken;
use tracing::warn;

use crate::delivery::Repository;
use crate::flux::{RepositoryIdentity, RepositoryUrl};
use crate::store::{DeliveryId, Filter, Store, StoreError};

use super::former_names::Named;
use super::matcher::Matcher;
use super::record::until_stored;

/// Deliveries that are read at once.
const PAGE: u32 = 500;
/// Names that are learnt at most.
const NAMES: usize = 100_000;
/// Notes that are written at once.
const NOTES: usize = 1_000;
/// So many deliveries are learnt from until it is noted how far that has come.
const NOTED_EVERY: i64 = 500;

/// The subject of the notes: `HOST/NUMBER` with the paths of a repository, the newest last.
const SUBJECT: &str = "names";
/// The note that says from which deliveries all names are noted: the number of the last.
const UNTIL: &str = "until";

/// Learns what is noted, and from all deliveries that came since then, whoever matched them. Returns how many those
/// were; `None` where it was told to stop before.
pub(super) async fn learn(
    store: &Store,
    matcher: &Matcher,
    stop: &CancellationToken,
) -> Option<u64> {
    let mut filter = Filter {
        limit: 1,
        ..Filter::default()
    };
    let newest = until_stored(stop, || store.deliveries(&filter)).await?;
    let Some(newest) = newest.first().map(|stored| stored.id) else {
        return Some(0);
    };
    if matcher.names_learnt_until().is_none() {
        restore(store, matcher, newest, stop).await?;
    }
    let known = matcher.names_learnt_until();
    filter.limit = PAGE;
    let mut told = Vec::new();
    let mut seen = HashSet::new();
    let mut read = 0;
    let is_new = |id| known.is_none_or(|known| id > known);
    let mut may_be_more = is_new(newest);
    while may_be_more {
        let page = until_stored(stop, || store.deliveries(&filter)).await?;
        for stored in page.iter().filter(|stored| is_new(stored.id)) {
            read += 1;
            let names: Vec<_> = matcher.names_told(&stored.delivery).collect();
            // The newest delivery comes first here, and the newest name is to be learnt last.
            for name in names.into_iter().rev() {
                if seen.insert(name.clone()) {
                    told.push(name);
                }
            }
        }
        filter.before = page.last().map(|last| last.id);
        may_be_more = told.len() < NAMES && filter.before.is_some_and(is_new);
    }
    matcher.learn_names(told.into_iter().rev());
    matcher.names_are_learnt_until(newest);
    note(store, matcher, stop).await?;
    Some(read)
}

/// The names by which deliveries speak of a repository, in small letters: as this one does, and all that are noted.
pub(super) async fn of(repository: &Repository, store: &Store) -> Result<Vec<String>, StoreError> {
    let mut names = vec![repository.full_name.to_lowercase()];
    if repository.id != 0
        && let name = format!("{}/{}", repository.host, repository.id)
        && let Some(noted) = store.noted(SUBJECT, &name).await?
        && let Some((_, noted)) = read_note(&name, &noted)
    {
        names.extend(noted.iter().map(|name| name.path().to_owned()));
    }
    names.sort_unstable();
    names.dedup();
    Ok(names)
}

async fn restore(
    store: &Store,
    matcher: &Matcher,
    newest: DeliveryId,
    stop: &CancellationToken,
) -> Option<()> {
    let noted = until_stored(stop, || store.notes(SUBJECT)).await?;
    let until = noted.iter().find(|(name, _)| name == UNTIL);
    let until = until.and_then(|(_, text)| text.parse().ok().map(DeliveryId));
    // A store that was put back to an earlier state gives the same numbers once more.
    let until = until.filter(|until| *until <= newest);
    let named = noted.iter().filter(|(name, _)| name != UNTIL);
    let named = named.filter_map(|(name, text)| {
        let named = read_note(name, text);
        if named.is_none() {
            warn!(%name, "left out names of a repository that cannot be read");
        }
        named
    });
    matcher.restore_names(named);
    if let Some(until) = until {
        matcher.names_are_learnt_until(until);
        matcher.names_are_noted_until(until);
    }
    Some(())
}

/// Notes what was learnt; to be done before what told it is matched, which else would tell it to nobody.
pub(super) async fn note(store: &Store, matcher: &Matcher, stop: &CancellationToken) -> Option<()> {
    let mut notes = Vec::new();
    let mut forgotten = Vec::new();
    for ((host, number), names) in matcher.news_of_names() {
        let name = format!("{host}/{number}");
        if names.is_empty() {
            forgotten.push(name);
        } else {
            let paths: Vec<&str> = names.iter().map(RepositoryIdentity::path).collect();
            notes.push((name, serde_json::to_string(&paths).unwrap_or_default()));
        }
    }
    let learnt = matcher.names_learnt_until();
    let noted = matcher.names_noted_until();
    let until = learnt.filter(|learnt| noted.is_none_or(|noted| learnt.0 >= noted.0 + NOTED_EVERY));
    if let Some(until) = until {
        notes.push((UNTIL.to_owned(), until.0.to_string()));
    }
    for some in forgotten.chunks(NOTES) {
        until_stored(stop, || store.forget(SUBJECT, some.to_vec())).await?;
    }
    for some in notes.chunks(NOTES) {
        until_stored(stop, || store.note(SUBJECT, some.to_vec())).await?;
    }
    if let Some(until) = until {
        matcher.names_are_noted_until(until);
    }
    Some(())
}

fn read_note(name: &str, text: &str) -> Option<Named> {
    let (host, number) = name.rsplit_once('/')?;
    let paths: Vec<String> = serde_json::from_str(text).ok()?;
    let names = paths.iter().map(|path| {
        let url = RepositoryUrl::read(&format!("https://{host}/{path}")).ok()?;
        Some(url.identity(|_| None))
    });
    let names = names.collect::<Option<Vec<_>>>()?;
    Some(((host.to_owned(), number.parse().ok()?), names))
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use futures::future::try_join_all;
    use jiff::Timestamp;

    use super::*;
    use crate::catalog::HostNames;
    use crate::delivery::{Delivery, Event, HookScope, PushedRef, SpeaksFor, WebhookName};
    use crate::reconcile::decision::Rules;
    use crate::reconcile::played::delivery;
    use crate::reconcile::policy::Policies;
    use crate::store::{Limits, StoreUrl};

    fn told(number: usize, id: u64, full_name: &str) -> Delivery {
        let reference = PushedRef::Branch("main".into());
        delivery("acme", number, (id, full_name), Event::Create { reference })
    }

    /// As whoever takes over begins.
    fn matcher() -> Matcher {
        let scope = HookScope {
            host: "github.com".into(),
            aliases: Vec::new(),
            speaks_for: SpeaksFor::Organization("acme".into()),
        };
        let rules = Rules {
            scopes: [(WebhookName("acme".into()), scope)].into(),
            hosts: Arc::new(HostNames::of([])),
            policies: Policies::default(),
            planned: Vec::new(),
        };
        Matcher::new(rules, Vec::new())
    }

    fn former(matcher: &Matcher, id: u64, now: &str) -> Vec<String> {
        let url = RepositoryUrl::read(&format!("https://github.com/{now}")).unwrap();
        let former = matcher.former().of(id, &url.identity(|_| None));
        former.iter().map(ToString::to_string).collect()
    }

    #[tokio::test]
    async fn who_takes_over_reads_what_is_noted_and_the_deliveries_since_then() {
        let folder = tempfile::tempdir().unwrap();
        let url = StoreUrl::read("sqlite:store.db", folder.path()).unwrap();
        let store = Store::open(&url, Limits::default()).await.unwrap();
        let stop = CancellationToken::new();
        let begin = async || {
            let matcher = matcher();
            let read = learn(&store, &matcher, &stop).await.unwrap();
            (matcher, read)
        };
        let of_old: Vec<_> = (0..600).map(|number| told(number, 1, "acme/web")).collect();
        try_join_all(of_old.iter().map(|delivery| store.accept(delivery)))
            .await
            .unwrap();
        store.accept(&told(600, 1, "acme/site")).await.unwrap();
        let (first, read) = begin().await;
        assert_eq!(read, 601);
        assert_eq!(former(&first, 1, "acme/site"), ["github.com/acme/web"]);
        let (second, read) = begin().await;
        assert_eq!(read, 0);
        assert_eq!(former(&second, 1, "acme/site"), ["github.com/acme/web"]);
        // What is matched is noted before.
        let new = told(601, 2, "acme/web");
        store.accept(&new).await.unwrap();
        second.work(&new, Timestamp::UNIX_EPOCH);
        note(&store, &second, &stop).await.unwrap();
        let (third, read) = begin().await;
        assert_eq!(read, 1);
        assert_eq!(former(&third, 1, "acme/site"), [""; 0]);
        // A store from before: nothing says which of its deliveries were learnt from.
        let far = (UNTIL.to_owned(), "9000".to_owned());
        store.note(SUBJECT, vec![far]).await.unwrap();
        let (fourth, read) = begin().await;
        assert_eq!(read, 602);
        assert_eq!(former(&fourth, 1, "acme/site"), [""; 0]);
    }

    #[tokio::test]
    async fn of_more_names_than_are_noted_at_once_all_are_noted_and_forgotten() {
        let folder = tempfile::tempdir().unwrap();
        let url = StoreUrl::read("sqlite:store.db", folder.path()).unwrap();
        let store = Store::open(&url, Limits::default()).await.unwrap();
        let stop = CancellationToken::new();
        let matcher = matcher();
        let many = NOTES + 1;
        // The second time they are all of other repositories.
        for round in [1, 2] {
            let of_all = (0..many).map(|number| {
                let id = u64::try_from(round * 10_000 + number).unwrap();
                told(round * many + number, id, &format!("acme/r-{number}"))
            });
            let of_all: Vec<_> = of_all.collect();
            try_join_all(of_all.iter().map(|delivery| store.accept(delivery)))
                .await
                .unwrap();
            learn(&store, &matcher, &stop).await.unwrap();
            let noted = store.notes(SUBJECT).await.unwrap();
            let of_round = format!("github.com/{round}");
            let of_round = noted.iter().filter(|(name, _)| name.starts_with(&of_round));
            assert_eq!((of_round.count(), noted.len()), (many, many + 1));
        }
    }
}
