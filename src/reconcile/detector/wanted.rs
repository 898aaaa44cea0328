//! Which heads are asked for: one question for what is followed, however many objects in however many
//! clusters follow it.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use crate::catalog::{Cache, Item, Kind};
use crate::config::EnvironmentKind;
use crate::flux::RepositoryIdentity;
use crate::reconcile::matching;
use crate::reconcile::policy::Policies;

use super::follow::{Cadence, Follow, Weight};
use super::known::HeadKey;

/// Heads that are followed at most; what more there is is left to the intervals of its objects.
pub const MOST_HEADS: usize = 50_000;

/// From so many refs on that nobody tells of, an owner is asked which of its repositories were pushed
/// to: up to here it costs no more to ask for all of them.
const MANY: usize = 100;

/// What decides what is asked for.
pub struct WantRules<'r> {
    pub policies: &'r Policies,
    pub kinds: &'r HashMap<Arc<str>, EnvironmentKind>,
    /// Whether it is for us to ask about a repository.
    pub is_ours: &'r dyn Fn(&RepositoryIdentity) -> bool,
    /// Whether a webhook tells of pushes to a repository, and is known to do so now.
    pub is_told: &'r dyn Fn(&RepositoryIdentity) -> bool,
    /// Owners in small letters that may be asked for what was pushed to.
    pub owners: &'r [String],
}

/// What is wanted of each repository.
pub type Wants = BTreeMap<Follow, Want>;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Want {
    pub cadence: Cadence,
    pub weight: Weight,
}

#[derive(Debug, Default)]
pub struct Wanted {
    pub repositories: BTreeMap<Arc<RepositoryIdentity>, Wants>,
    /// Owners in small letters that are asked which of their repositories were pushed to.
    pub owners: Vec<String>,
    pub refs: usize,
    /// Objects that follow more than [`MOST_HEADS`].
    pub left_off: usize,
}

/// Looks through the sources of all clusters.
pub fn wanted<'c>(clusters: impl IntoIterator<Item = &'c Cache>, rules: &WantRules<'_>) -> Wanted {
    let mut wanted = Wanted::default();
    // Asked once a repository: a fleet has many objects of each.
    let mut cadences: HashMap<Arc<RepositoryIdentity>, Option<Cadence>> = HashMap::new();
    for cluster in clusters {
        let sources = cluster.items();
        for item in sources.filter(|item| item.key.kind == Kind::GitRepository) {
            let Some(repository) = &item.repository else {
                continue;
            };
            let cadence = *cadences
                .entry(Arc::clone(repository))
                .or_insert_with(|| rules.cadence(repository));
            let Some((cadence, follow)) = cadence.zip(rules.follow(item)) else {
                continue;
            };
            wanted.add(repository, follow, cadence, rules.weight(item));
        }
    }
    wanted.spare_owners(rules.owners);
    wanted
}

impl WantRules<'_> {
    fn cadence(&self, repository: &RepositoryIdentity) -> Option<Cadence> {
        let is_named = repository.path().split('/').count() == 2;
        if !is_named || !(self.is_ours)(repository) {
            return None;
        }
        Some(if (self.is_told)(repository) {
            Cadence::Sweep
        } else {
            Cadence::Every
        })
    }

    /// What an object follows, where a push would wake it.
    fn follow(&self, item: &Item) -> Option<Follow> {
        matching::wait(item, self.policies).ok()?;
        Follow::of(&item.reference)
    }

    fn weight(&self, item: &Item) -> Weight {
        let environment = item.environment.as_ref();
        Weight::of(environment.and_then(|name| self.kinds.get(name).copied()))
    }
}

impl Wanted {
    pub fn has(&self, key: &HeadKey) -> bool {
        let wants = self.repositories.get(&key.repository);
        wants.is_some_and(|wants| wants.contains_key(&key.follow))
    }

    fn add(
        &mut self,
        repository: &Arc<RepositoryIdentity>,
        follow: Follow,
        cadence: Cadence,
        weight: Weight,
    ) {
        let cadence = if follow.is_untold() {
            Cadence::Every
        } else {
            cadence
        };
        let is_full = self.refs >= MOST_HEADS;
        let wants = match self.repositories.get_mut(repository) {
            Some(wants) => wants,
            None if is_full => {
                self.left_off += 1;
                return;
            }
            None => self.repositories.entry(Arc::clone(repository)).or_default(),
        };
        if let Some(want) = wants.get_mut(&follow) {
            want.weight = want.weight.min(weight);
        } else if is_full {
            self.left_off += 1;
        } else {
            wants.insert(follow, Want { cadence, weight });
            self.refs += 1;
        }
    }

    /// Of large owners only what was pushed to is asked for, and all of it in the sweep.
    fn spare_owners(&mut self, owners: &[String]) {
        for owner in owners {
            let prefix = format!("{owner}/");
            let mut of_owner: Vec<&mut Want> = self
                .repositories
                .iter_mut()
                .filter(|(repository, _)| repository.path().starts_with(&prefix))
                .flat_map(|(_, wants)| wants.iter_mut())
                .filter(|(follow, want)| !follow.is_untold() && want.cadence == Cadence::Every)
                .map(|(_, want)| want)
                .collect();
            if of_owner.len() <= MANY {
                continue;
            }
            for want in &mut of_owner {
                want.cadence = Cadence::Sweep;
            }
            self.owners.push(owner.clone());
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use serde_json::{Value, json};

    use crate::catalog::{Event, HostNames, Projector};
    use crate::config::Webhook;

    use super::*;

    fn cluster(name: &str, objects: &[(Value, Value, &str)]) -> Cache {
        let mut projector = Projector::new(name.into(), Arc::new(HostNames::of([])));
        let mut cache = Cache::default();
        for (number, (spec, annotations, environment)) in objects.iter().enumerate() {
            let object = json!({
                "metadata": {"name": format!("o{number}"), "namespace": "apps",
                    "labels": {"flux-setup.dev/environment": environment}, "annotations": annotations},
                "spec": spec,
            });
            let item = projector.project(Kind::GitRepository, object.to_string().as_bytes());
            cache.apply(Event::Applied(Arc::new(item.unwrap())));
        }
        cache
    }

    fn git(url: &str, branch: &str) -> Value {
        json!({"url": url, "ref": {"branch": branch}})
    }

    fn rules<'r>(
        policies: &'r Policies,
        kinds: &'r HashMap<Arc<str>, EnvironmentKind>,
    ) -> WantRules<'r> {
        WantRules {
            policies,
            kinds,
            is_ours: &|repository| repository.host() == "github.com",
            is_told: &|repository| repository.path().starts_with("told/"),
            owners: &[],
        }
    }

    /// `repository follow cadence weight`.
    fn shown(wanted: &Wanted) -> Vec<String> {
        let repositories = wanted.repositories.iter();
        let lines = repositories.flat_map(|(repository, wants)| {
            wants.iter().map(move |(follow, want)| {
                format!(
                    "{} {follow} {:?} {:?}",
                    repository.path(),
                    want.cadence,
                    want.weight
                )
            })
        });
        lines.collect()
    }

    #[test]
    fn one_question_is_asked_for_what_many_objects_in_many_clusters_follow() {
        let policies = Policies::default();
        let kinds: HashMap<Arc<str>, _> = [
            ("production".into(), EnvironmentKind::Production),
            ("dev".into(), EnvironmentKind::Development),
        ]
        .into();
        let nothing = json!({});
        let web = "https://github.com/acme/web";
        let ssh = "git@github.com:Acme/Web.git";
        let one = cluster(
            "eu",
            &[
                (git(web, "main"), nothing.clone(), "dev"),
                (git(web, "next"), nothing.clone(), "dev"),
                (
                    git("https://gitlab.com/acme/web", "main"),
                    nothing.clone(),
                    "dev",
                ),
                (
                    git("https://github.com/acme/a/b", "main"),
                    nothing.clone(),
                    "dev",
                ),
                (
                    json!({"url": web, "ref": {"commit": "ab"}}),
                    nothing.clone(),
                    "dev",
                ),
            ],
        );
        let told = "https://github.com/told/web";
        let pull = json!({"url": told, "ref": {"name": "refs/pull/7/head"}});
        let other = cluster(
            "us",
            &[
                (git(ssh, "main"), nothing.clone(), "production"),
                (git(told, "main"), nothing.clone(), "elsewhere"),
                (pull, nothing, "elsewhere"),
            ],
        );
        let wanted = wanted([&one, &other], &rules(&policies, &kinds));
        assert_eq!(
            shown(&wanted),
            [
                "acme/web refs/heads/main Every Production",
                "acme/web refs/heads/next Every Development",
                "told/web refs/heads/main Sweep Staging",
                "told/web refs/pull/7/head Every Staging",
            ]
        );
        assert_eq!((wanted.refs, wanted.left_off), (4, 0));
    }

    #[test]
    fn what_a_push_would_not_wake_is_not_asked_for() {
        let mut policies = Policies::default();
        policies.set("off", None, None, Webhook::Off);
        policies.set("later", None, None, Webhook::After(Duration::from_secs(60)));
        let kinds = HashMap::new();
        let url = |name: &str| format!("https://github.com/acme/{name}");
        let out = json!({"flux-setup.dev/webhook": "disabled"});
        let mut suspended = git(&url("suspended"), "main");
        suspended["suspend"] = true.into();
        let cluster = cluster(
            "eu",
            &[
                (git(&url("out"), "main"), out, "dev"),
                (suspended, json!({}), "dev"),
                (git(&url("off"), "main"), json!({}), "off"),
                (git(&url("later"), "main"), json!({}), "later"),
            ],
        );
        let wanted = wanted([&cluster], &rules(&policies, &kinds));
        assert_eq!(shown(&wanted), ["acme/later refs/heads/main Every Staging"]);
    }

    #[test]
    fn a_listed_owner_is_asked_once_asking_for_all_costs_more() {
        let (policies, kinds) = (Policies::default(), HashMap::new());
        let owners = ["acme".to_owned()];
        let of = |count: usize| {
            let objects: Vec<_> = (0..count)
                .map(|number| {
                    let url = format!("https://github.com/acme/r{number}");
                    (git(&url, "main"), json!({}), "dev")
                })
                .collect();
            let rules = WantRules {
                owners: &owners,
                ..rules(&policies, &kinds)
            };
            wanted([&cluster("eu", &objects)], &rules)
        };
        let few = of(100);
        assert!(few.owners.is_empty());
        assert!(shown(&few).iter().all(|line| line.contains("Every")));
        let many = of(101);
        assert_eq!(many.owners, owners);
        assert!(shown(&many).iter().all(|line| line.contains("Sweep")));
    }
}
