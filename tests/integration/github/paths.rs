//! Paths by names and by ids, and what stands behind the question mark.

use super::repositories::Found;
use super::routes::decoded;
use super::world::World;

/// `/repositories/{id}` and `/organizations/{id}` are other names of `/repos/…` and `/orgs/…`.
pub fn named_path(world: &World, path: &str) -> String {
    let mut parts = path.splitn(4, '/').skip(1);
    let (kind, id, rest) = (parts.next(), parts.next(), parts.next());
    let id: Option<u64> = id.and_then(|id| id.parse().ok());
    let named = match (kind, id) {
        (Some("repositories"), Some(id)) => {
            let repository = world.repositories.get(&id);
            repository.map(|it| format!("/repos/{}", it.full_name()))
        }
        (Some("organizations"), Some(id)) => {
            let mut accounts = world.accounts.values();
            let account = accounts.find(|it| it.id == id);
            account.map(|it| format!("/orgs/{}", it.login))
        }
        _ => None,
    };
    match (named, rest) {
        (Some(named), Some(rest)) => format!("{named}/{rest}"),
        (Some(named), None) => named,
        (None, _) => path.to_owned(),
    }
}

/// The other way: GitHub's links of further pages name things by their ids.
pub fn linked_path(world: &World, path: &str) -> String {
    let mut parts = path.splitn(5, '/').skip(1);
    let kind = parts.next();
    let first = parts.next().unwrap_or_default();
    let (id, skipped) = match kind {
        Some("repos") => {
            let full_name = format!("{first}/{}", parts.next().unwrap_or_default());
            match world.find(&full_name) {
                Found::Here(id) => (format!("/repositories/{id}"), 4),
                _ => return path.to_owned(),
            }
        }
        Some("orgs") => match world.find_account(first) {
            Some(account) => (format!("/organizations/{}", account.id), 3),
            None => return path.to_owned(),
        },
        _ => return path.to_owned(),
    };
    let rest = path.splitn(skipped + 1, '/').nth(skipped);
    rest.map_or(id.clone(), |rest| format!("{id}/{rest}"))
}

/// The parameters of a query, in their order.
pub fn read_query(query: &str) -> Vec<(String, String)> {
    let pairs = query.split('&').filter(|pair| !pair.is_empty());
    pairs
        .map(|pair| {
            let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
            let text = |text: &str| decoded(&text.replace('+', " "));
            (text(key), text(value))
        })
        .collect()
}
