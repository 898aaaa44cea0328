//! What repositories were called before they were renamed or moved.

use std::collections::{BTreeSet, HashMap};

use crate::flux::RepositoryIdentity;

/// Repositories beyond so many are not remembered: whoever holds a secret may name any number.
const REPOSITORIES: usize = 100_000;
/// Nor are more than the last so many names of one.
const NAMES_EACH: usize = 16;

/// The names under which repositories were seen, by the number that GitHub gives to each.
///
/// GitHub leads the old name to the new one until another repository takes it; from then on it
/// means that one here too.
#[derive(Debug, Clone, Default)]
pub struct FormerNames {
    owners: HashMap<RepositoryIdentity, u64>,
    /// By host and number; the last one seen is last.
    names: HashMap<(String, u64), Vec<RepositoryIdentity>>,
    /// By host and number, of which the names are others since [`Self::news`] was asked.
    changed: BTreeSet<(String, u64)>,
}

/// A repository, by its host and number there, and its names; none, where none leads to it any more.
pub type Named = ((String, u64), Vec<RepositoryIdentity>);

impl FormerNames {
    /// Takes in that a repository is called so now.
    pub fn learn(&mut self, id: u64, now: &RepositoryIdentity) {
        let is_known = self.names.contains_key(&(now.host().to_owned(), id));
        if !is_known && self.names.len() >= REPOSITORIES {
            return;
        }
        let before = self.owners.insert(now.clone(), id);
        if let Some(other) = before.filter(|before| *before != id) {
            self.forget(other, now);
        }
        let names = self.names.entry((now.host().to_owned(), id)).or_default();
        if names.last() != Some(now) {
            names.retain(|name| name != now);
            names.push(now.clone());
            self.changed.insert((now.host().to_owned(), id));
        }
        if names.len() > NAMES_EACH {
            let oldest = names.remove(0);
            if self.owners.get(&oldest) == Some(&id) {
                self.owners.remove(&oldest);
            }
        }
    }

    fn forget(&mut self, id: u64, name: &RepositoryIdentity) {
        let key = (name.host().to_owned(), id);
        if let Some(names) = self.names.get_mut(&key) {
            names.retain(|known| known != name);
            if names.is_empty() {
                self.names.remove(&key);
            }
            self.changed.insert(key);
        }
    }

    /// What has changed since this was asked last.
    pub fn news(&mut self) -> Vec<Named> {
        let changed = std::mem::take(&mut self.changed).into_iter();
        let named = |key: (String, u64)| {
            let names = self.names.get(&key).cloned().unwrap_or_default();
            (key, names)
        };
        changed.map(named).collect()
    }

    /// Takes in what [`Self::news`] once told; what is known already is newer.
    pub fn restore(&mut self, (key, names): Named) {
        if self.names.contains_key(&key) || self.names.len() >= REPOSITORIES {
            return;
        }
        for name in &names {
            self.owners.entry(name.clone()).or_insert(key.1);
        }
        self.names.insert(key, names);
    }

    /// The other names that still lead to a repository.
    pub fn of(&self, id: u64, now: &RepositoryIdentity) -> Vec<RepositoryIdentity> {
        let names = self.names.get(&(now.host().to_owned(), id));
        let names = names.into_iter().flatten();
        names.filter(|name| *name != now).cloned().collect()
    }
}

#[cfg(test)]
mod tests {
    use crate::flux::RepositoryUrl;

    use super::*;

    fn named(path: &str) -> RepositoryIdentity {
        let url = RepositoryUrl::read(&format!("https://github.com/{path}")).unwrap();
        url.identity(|_| None)
    }

    #[test]
    fn no_more_repositories_are_remembered_than_there_is_room_for() {
        let mut names = FormerNames::default();
        for id in 0..=REPOSITORIES as u64 {
            names.learn(id, &named(&format!("acme/web-{id}")));
        }
        assert_eq!(names.names.len(), REPOSITORIES);
        names.learn(7, &named("acme/site"));
        assert_eq!(names.of(7, &named("acme/site")), [named("acme/web-7")]);
    }

    #[test]
    fn of_one_repository_the_last_names_are_remembered_and_no_more() {
        let mut names = FormerNames::default();
        let name = |number: usize| named(&format!("acme/web-{number}"));
        for number in 0..1_000 {
            names.learn(1, &name(number));
        }
        let last: Vec<_> = (1_000 - NAMES_EACH..999).map(name).collect();
        assert_eq!(names.of(1, &name(999)), last);
        assert_eq!(names.owners.len(), NAMES_EACH);
    }

    #[test]
    fn an_old_name_leads_to_the_repository_until_another_takes_it() {
        let mut names = FormerNames::default();
        names.learn(1, &named("acme/web"));
        assert_eq!(names.of(1, &named("acme/web")), []);
        names.learn(1, &named("acme/site"));
        names.learn(1, &named("acme/site"));
        assert_eq!(names.of(1, &named("acme/site")), [named("acme/web")]);
        names.learn(2, &named("acme/web"));
        assert_eq!(names.of(1, &named("acme/site")), []);
        assert_eq!(names.of(2, &named("acme/web")), []);
    }

    #[test]
    fn a_repository_that_takes_its_old_name_again_has_the_other_one_as_former() {
        let mut names = FormerNames::default();
        for name in ["a/web", "a/site", "a/web"] {
            names.learn(1, &named(name));
        }
        assert_eq!(names.of(1, &named("a/web")), [named("a/site")]);
    }

    #[test]
    fn numbers_of_different_hosts_have_nothing_to_do_with_each_other() {
        let url = RepositoryUrl::read("https://ghe.acme.io/a/web").unwrap();
        let mut names = FormerNames::default();
        names.learn(1, &url.identity(|_| None));
        assert_eq!(names.of(1, &named("a/site")), []);
    }
}
