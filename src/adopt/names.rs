//! What an object's name is made of: what it is called by itself, its environment and its cluster.

use std::collections::HashSet;

use crate::flux::names;

use super::environments::words_of;

/// A name taken apart: the name by itself, and the pattern that makes the whole of it again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Taken {
    pub(super) base: String,
    pub(super) pattern: String,
}

/// Takes the cluster and the word for the environment off a name's ends.
pub(super) fn take_apart(
    name: &str,
    class: Option<&str>,
    environment: &str,
    cluster: Option<&str>,
) -> Taken {
    let mut taken = Taken {
        base: name.to_owned(),
        pattern: "{object}".to_owned(),
    };
    let words = class.map(words_of).unwrap_or_default();
    let mut words: Vec<&str> = std::iter::once(environment)
        .filter(|_| class.is_some())
        .chain(words)
        .collect();
    words.dedup();
    if let Some(cluster) = cluster {
        taken.take(cluster, "{cluster}");
    }
    for word in words {
        let gap = if word == environment {
            "{environment}"
        } else {
            word
        };
        if taken.take(word, gap) {
            break;
        }
    }
    taken
}

/// The first of these names that nobody has, else the first with a number.
pub(super) fn unused(used: &mut HashSet<String>, wanted: Vec<String>) -> String {
    let sound = wanted.iter().filter(|name| names::dns_label(name).is_ok());
    for name in sound {
        if used.insert(name.clone()) {
            return name.clone();
        }
    }
    let first: String = wanted[0].chars().take(50).collect();
    let mut number = 2;
    loop {
        let name = format!("{first}-{number}");
        if used.insert(name.clone()) {
            return name;
        }
        number += 1;
    }
}

impl Taken {
    fn take(&mut self, part: &str, gap: &str) -> bool {
        let behind = self
            .base
            .strip_suffix(part)
            .and_then(|it| it.strip_suffix('-'));
        let before = self
            .base
            .strip_prefix(part)
            .and_then(|it| it.strip_prefix('-'));
        let (base, around) = match (behind, before) {
            (Some(base), _) => (base, format!("{{object}}-{gap}")),
            (None, Some(base)) => (base, format!("{gap}-{{object}}")),
            (None, None) => return false,
        };
        if crate::flux::names::dns_label(base).is_err() {
            return false;
        }
        self.base = base.to_owned();
        self.pattern = self.pattern.replace("{object}", &around);
        true
    }

    /// The pattern for an object that is called otherwise in the configuration.
    pub(super) fn pattern_for(&self, called: &str) -> String {
        if called == self.base {
            self.pattern.clone()
        } else {
            self.pattern.replace("{object}", &self.base)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Taken, take_apart};

    fn taken(name: &str, environment: &str, cluster: Option<&str>) -> (String, String) {
        let Taken { base, pattern } = take_apart(name, Some("production"), environment, cluster);
        (base, pattern)
    }

    #[test]
    fn environment_and_cluster_are_taken_off_the_ends_of_a_name() {
        let pair = |base: &str, pattern: &str| (base.to_owned(), pattern.to_owned());
        assert_eq!(
            taken("web-prod", "prod", None),
            pair("web", "{object}-{environment}")
        );
        assert_eq!(
            taken("prod-web", "prod", None),
            pair("web", "{environment}-{object}")
        );
        assert_eq!(taken("web-prd", "prod", None), pair("web", "{object}-prd"));
        assert_eq!(taken("web", "prod", Some("eu")), pair("web", "{object}"));
        assert_eq!(
            taken("web-prod-eu", "prod", Some("eu")),
            pair("web", "{object}-{environment}-{cluster}")
        );
        assert_eq!(
            taken("web-prod-eu", "prod", Some("prod-eu")),
            pair("web", "{object}-{cluster}")
        );
        assert_eq!(taken("prod", "prod", None), pair("prod", "{object}"));
    }
}
