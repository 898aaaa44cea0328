//! What a webhook may speak of: its own host, and there its organisation, installation or repositories.

use serde::{Deserialize, Serialize};

use crate::flux::{RepositoryIdentity, RepositoryUrl};

use super::event::{Event, Package};
use super::record::Delivery;
use super::repository::Repository;

/// What one configured webhook may speak of. Who holds its secret may sign anything.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HookScope {
    /// In small letters, with its port where that is not the usual one.
    pub host: String,
    /// Other names of the host: `ssh.github.com`.
    pub aliases: Vec<String>,
    pub speaks_for: SpeaksFor,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SpeaksFor {
    /// All repositories of a user or an organisation, by its name in any case.
    Organization(String),
    /// What an installation of a GitHub App was given.
    Installation(u64),
    /// Repositories that a source in the plan or in a cluster names.
    KnownRepositories,
}

/// Why a delivery wakes nothing, though it was rightly signed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error, Serialize, Deserialize)]
#[serde(tag = "outOfScope", rename_all = "camelCase")]
pub enum OutOfScope {
    #[error("the webhook is of the host `{expected}`, and the delivery speaks of `{got}`")]
    Host { expected: String, got: String },
    #[error("the delivery says that `{repository}` is at `{url}`, which is another repository")]
    Url { repository: String, url: String },
    #[error("the webhook is of `{expected}`, and the delivery speaks of `{got}`")]
    Owner { expected: String, got: String },
    #[error("the webhook is of the installation {expected}, and the delivery of {}",
        got.map_or_else(|| "none".to_owned(), |got| got.to_string()))]
    Installation { expected: u64, got: Option<u64> },
    #[error("no source names the repository `{repository}`")]
    UnknownRepository { repository: String },
    #[error("the delivery names no repository, and the webhook is of known repositories")]
    NoRepository,
}

impl HookScope {
    /// Checks that a delivery speaks of nothing but what its webhook may.
    ///
    /// `known` says whether a source names the repository of this identity (hosts by their
    /// configured name) or this id.
    ///
    /// # Errors
    /// What it may not speak of.
    pub fn check(
        &self,
        delivery: &Delivery,
        known: impl Fn(&RepositoryIdentity, u64) -> bool,
    ) -> Result<(), OutOfScope> {
        if let Some(repository) = &delivery.repository {
            self.check_host(repository)?;
        }
        match &self.speaks_for {
            SpeaksFor::Organization(expected) => {
                for got in owners(delivery) {
                    if !got.eq_ignore_ascii_case(expected) {
                        return Err(OutOfScope::Owner {
                            expected: expected.clone(),
                            got: got.to_owned(),
                        });
                    }
                }
                Ok(())
            }
            SpeaksFor::Installation(expected) => match delivery.installation {
                Some(got) if got == *expected => Ok(()),
                // The ping of an app's webhook comes before anybody installed the app.
                None if delivery.event == Event::Ping => Ok(()),
                got => Err(OutOfScope::Installation {
                    expected: *expected,
                    got,
                }),
            },
            SpeaksFor::KnownRepositories => self.check_known(delivery, known),
        }
    }

    /// The configured name of the host for any name of it.
    pub fn canonical(&self, host: &str) -> Option<&str> {
        self.is_host(host).then_some(self.host.as_str())
    }

    fn is_host(&self, host: &str) -> bool {
        let mut names = std::iter::once(&self.host).chain(&self.aliases);
        names.any(|name| name.eq_ignore_ascii_case(host))
    }

    /// The host, and that each URL names the repository that the delivery speaks of.
    fn check_host(&self, repository: &Repository) -> Result<(), OutOfScope> {
        let wrong_host = |got: &str| OutOfScope::Host {
            expected: self.host.clone(),
            got: got.to_owned(),
        };
        if !self.is_host(&repository.host) {
            return Err(wrong_host(&repository.host));
        }
        let identity = repository.identity(|host| self.canonical(host));
        for url in repository.urls() {
            let elsewhere = || OutOfScope::Url {
                repository: repository.full_name.clone(),
                url: crate::flux::mask(url).into_owned(),
            };
            let named = RepositoryUrl::read(url).map_err(|_| elsewhere())?;
            let named = named.identity(|host| self.canonical(host));
            // A server may take ssh under a name of its own; what it says is never used to reach it.
            if !self.is_host(named.host()) && repository.ssh_url.as_deref() != Some(url) {
                return Err(wrong_host(named.host()));
            }
            if identity.as_ref().map(RepositoryIdentity::path) != Some(named.path()) {
                return Err(elsewhere());
            }
        }
        Ok(())
    }

    fn check_known(
        &self,
        delivery: &Delivery,
        known: impl Fn(&RepositoryIdentity, u64) -> bool,
    ) -> Result<(), OutOfScope> {
        let Some(repository) = &delivery.repository else {
            return match delivery.event {
                Event::Ping | Event::Other { .. } => Ok(()),
                _ => Err(OutOfScope::NoRepository),
            };
        };
        // The webhook is set up before the first source names its repository.
        if delivery.event == Event::Ping {
            return Ok(());
        }
        let former = match &delivery.event {
            Event::Repository(change) => change.old_full_name(),
            _ => None,
        };
        let canonical = |host: &str| self.canonical(host);
        let identities = [
            repository.identity(canonical),
            former.and_then(|old| repository.former_identity(old, canonical)),
        ];
        if identities
            .iter()
            .flatten()
            .any(|identity| known(identity, repository.id))
        {
            return Ok(());
        }
        Err(OutOfScope::UnknownRepository {
            repository: repository.full_name.clone(),
        })
    }
}

/// Everybody whose things the delivery speaks of.
fn owners(delivery: &Delivery) -> impl Iterator<Item = &str> {
    let package = match &delivery.event {
        Event::Package(Package { owner, image, .. }) => {
            // `ghcr.io/acme/web`: the image is what wakes sources, whoever is said to own it.
            let image = image.as_deref().and_then(|image| image.split('/').nth(1));
            [owner.as_deref(), image]
        }
        _ => [None, None],
    };
    let repository = delivery.repository.as_ref().map(Repository::owner);
    let organization = delivery.organization.as_deref();
    [repository, organization]
        .into_iter()
        .chain(package)
        .flatten()
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;
    use serde_json::{Value, json};

    use crate::delivery::{DeliveryKey, Guid, WebhookName, decode};

    use super::*;

    fn scope(speaks_for: SpeaksFor) -> HookScope {
        HookScope {
            host: "github.com".into(),
            aliases: vec!["ssh.github.com".into()],
            speaks_for,
        }
    }

    fn acme() -> HookScope {
        scope(SpeaksFor::Organization("acme".into()))
    }

    fn repository(fields: &Value) -> Value {
        let mut repository = json!({
            "id": 42, "full_name": "Acme/Web", "html_url": "https://github.com/Acme/Web",
            "clone_url": "https://github.com/Acme/Web.git", "ssh_url": "git@github.com:Acme/Web.git"
        });
        for (key, value) in fields.as_object().unwrap() {
            repository[key] = value.clone();
        }
        repository
    }

    fn delivery(event: &str, payload: &Value) -> Delivery {
        let key = DeliveryKey {
            webhook: WebhookName("acme".into()),
            guid: Guid::read("a-1").unwrap(),
        };
        let content = decode(event, &payload.to_string()).unwrap();
        Delivery::new(key, Timestamp::UNIX_EPOCH, content)
    }

    fn push(fields: &Value) -> Delivery {
        delivery(
            "push",
            &json!({"ref": "refs/heads/main", "repository": repository(fields), "installation": {"id": 5}}),
        )
    }

    fn refusal(scope: &HookScope, delivery: &Delivery) -> String {
        scope.check(delivery, |_, _| false).unwrap_err().to_string()
    }

    #[test]
    fn a_webhook_of_an_organisation_speaks_of_its_repositories_only() {
        assert_eq!(acme().check(&push(&json!({})), |_, _| false), Ok(()));
        let alias = push(&json!({"ssh_url": "ssh://git@ssh.github.com:443/Acme/Web.git"}));
        assert_eq!(acme().check(&alias, |_, _| false), Ok(()));
        let foreign = scope(SpeaksFor::Organization("other".into()));
        assert_eq!(
            refusal(&foreign, &push(&json!({}))),
            "the webhook is of `other`, and the delivery speaks of `Acme`"
        );
        let organization = delivery("organization", &json!({"organization": {"login": "Evil"}}));
        assert_eq!(
            refusal(&acme(), &organization),
            "the webhook is of `acme`, and the delivery speaks of `Evil`"
        );
        let ping = delivery("ping", &json!({}));
        assert_eq!(acme().check(&ping, |_, _| false), Ok(()));
    }

    #[test]
    fn a_repository_of_another_host_or_with_urls_of_another_is_refused() {
        let elsewhere =
            push(&json!({"html_url": "https://ghe.acme.io/Acme/Web", "clone_url": null}));
        assert_eq!(
            refusal(&acme(), &elsewhere),
            "the webhook is of the host `github.com`, and the delivery speaks of `ghe.acme.io`"
        );
        let clone = push(&json!({"clone_url": "https://ghe.acme.io/Acme/Web.git"}));
        assert_eq!(
            refusal(&acme(), &clone),
            "the webhook is of the host `github.com`, and the delivery speaks of `ghe.acme.io`"
        );
        for url in [
            "https://github.com/Acme/Other.git",
            "https://u:pw@github.com/Acme/Web",
        ] {
            let shown = url.replace("u:pw", "***");
            assert_eq!(
                refusal(&acme(), &push(&json!({"clone_url": url}))),
                format!(
                    "the delivery says that `Acme/Web` is at `{shown}`, which is another repository"
                )
            );
        }
        let other_ssh_host = push(&json!({"ssh_url": "ssh://git@git.acme.io:7999/Acme/Web.git"}));
        assert_eq!(acme().check(&other_ssh_host, |_, _| false), Ok(()));
    }

    #[test]
    fn a_package_belongs_to_the_organisation_by_owner_and_image() {
        let package = |owner: &str, url: &str| {
            delivery(
                "package",
                &json!({"action": "published", "package": {"name": "web", "owner": {"login": owner},
                    "package_version": {"package_url": url}}}),
            )
        };
        let own = package("Acme", "ghcr.io/acme/web:v1");
        assert_eq!(acme().check(&own, |_, _| false), Ok(()));
        for foreign in [
            package("evil", "ghcr.io/acme/web:v1"),
            package("acme", "ghcr.io/evil/web:v1"),
        ] {
            assert_eq!(
                refusal(&acme(), &foreign),
                "the webhook is of `acme`, and the delivery speaks of `evil`"
            );
        }
        assert_eq!(
            refusal(&scope(SpeaksFor::KnownRepositories), &own),
            "the delivery names no repository, and the webhook is of known repositories"
        );
    }

    #[test]
    fn a_webhook_of_an_app_speaks_of_its_installation_only() {
        let app = |installation| scope(SpeaksFor::Installation(installation));
        assert_eq!(app(5).check(&push(&json!({})), |_, _| false), Ok(()));
        assert_eq!(
            refusal(&app(6), &push(&json!({}))),
            "the webhook is of the installation 6, and the delivery of 5"
        );
        let star = delivery("star", &json!({}));
        assert_eq!(
            refusal(&app(6), &star),
            "the webhook is of the installation 6, and the delivery of none"
        );
        assert_eq!(
            app(6).check(&delivery("ping", &json!({})), |_, _| false),
            Ok(())
        );
    }

    #[test]
    fn a_webhook_of_known_repositories_speaks_of_those_also_under_their_old_name() {
        let known = scope(SpeaksFor::KnownRepositories);
        let site =
            |identity: &RepositoryIdentity, _| identity.to_string() == "github.com/acme/site";
        let by_id = |_: &RepositoryIdentity, id| id == 42;
        let push = push(&json!({}));
        assert_eq!(known.check(&push, by_id), Ok(()));
        let unknown = known.check(&push, site).unwrap_err();
        assert_eq!(
            unknown.to_string(),
            "no source names the repository `Acme/Web`"
        );
        let renamed = delivery(
            "repository",
            &json!({"action": "renamed", "repository": repository(&json!({})),
                "changes": {"repository": {"name": {"from": "Site"}}}}),
        );
        assert_eq!(known.check(&renamed, site), Ok(()));
    }

    #[test]
    fn a_delivery_reads_back_from_json_and_has_no_addresses() {
        let events = [
            push(&json!({})),
            delivery("ping", &json!({"organization": {"login": "Acme"}})),
            delivery("star", &json!({"action": "created"})),
            delivery(
                "create",
                &json!({"ref": "v1", "ref_type": "tag", "repository": repository(&json!({}))}),
            ),
            delivery(
                "release",
                &json!({"action": "published", "release": {"tag_name": "v1"}, "repository": repository(&json!({}))}),
            ),
            delivery(
                "repository",
                &json!({"action": "archived", "repository": repository(&json!({}))}),
            ),
            delivery(
                "package",
                &json!({"action": "updated", "package": {"name": "web"}}),
            ),
            delivery(
                "workflow_run",
                &json!({"action": "completed", "workflow_run": {}, "repository": repository(&json!({}))}),
            ),
        ];
        for delivery in events {
            let json = serde_json::to_string(&delivery).unwrap();
            let read: Delivery = serde_json::from_str(&json).unwrap();
            assert_eq!(read, delivery, "{json}");
        }
    }
}
