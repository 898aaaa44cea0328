//! Who a test lets into the world: users with tokens, Apps and their installations.

use std::collections::BTreeSet;

use super::FakeGithub;
use super::app_key::AppKey;
use super::credentials::{App, Installation, Token};
use super::hooks::{Hook, Scope};
use super::who::{Level, Rights, permissions};

/// An App that was registered.
#[derive(Clone, Debug)]
pub struct RegisteredApp {
    pub id: u64,
    pub private_key: String,
}

/// Identities.
impl FakeGithub {
    /// A personal token (classic).
    pub fn personal_token(&self, user: &str, scopes: &[&str]) -> String {
        let scopes = scopes.iter().map(|scope| (*scope).to_owned()).collect();
        self.token("ghp", user, Rights::Scopes(scopes))
    }

    pub fn fine_grained_token(&self, user: &str, granted: &[(&str, Level)]) -> String {
        self.token(
            "github_pat",
            user,
            Rights::FineGrained(permissions(granted)),
        )
    }

    fn token(&self, prefix: &str, user: &str, rights: Rights) -> String {
        let mut world = self.core.world();
        world.account(user, false);
        let user = user.to_owned();
        world
            .credentials
            .give(prefix, Token::Personal { user, rights })
    }

    pub fn revoke(&self, token: &str) {
        self.core.world().credentials.revoke(token);
    }

    /// An App of `acme`, with a hook that has no URL yet.
    pub fn app(&self, slug: &str, granted: &[(&str, Level)], events: &[&str]) -> RegisteredApp {
        let key = AppKey::first();
        let mut world = self.core.world();
        let id = world.new_id();
        let now = world.now();
        let events: Vec<String> = events.iter().map(|event| (*event).to_owned()).collect();
        world.account("acme", true);
        let app = App {
            slug: slug.to_owned(),
            owner: "acme".to_owned(),
            permissions: permissions(granted),
            events: events.clone(),
            public_key: key.public_der,
        };
        world.credentials.apps.insert(id, app);
        let hook = world.new_id();
        let scope = Scope::App(id);
        world
            .hooks
            .insert(hook, Hook::new(hook, scope, events, now));
        RegisteredApp {
            id,
            private_key: key.private_pem,
        }
    }

    /// Installs an App for an account: on all repositories, or on some.
    pub fn install(&self, app: u64, account: &str, repositories: Option<&[&str]>) -> u64 {
        let mut world = self.core.world();
        let account = world.account(account, true).login;
        let repositories = repositories.map(|names| {
            let ids = names.iter().map(|name| world.must_find(name));
            ids.collect::<BTreeSet<u64>>()
        });
        let permissions = world.credentials.apps[&app].permissions.clone();
        let (id, now) = (world.new_id(), world.now());
        let installation = Installation {
            app,
            account,
            permissions,
            repositories,
            suspended_at: None,
            created_at: now,
        };
        world.credentials.installations.insert(id, installation);
        id
    }

    pub fn suspend(&self, installation: u64, is_suspended: bool) {
        let mut world = self.core.world();
        let now = world.now();
        let it = world.credentials.installations.get_mut(&installation);
        it.expect("it is installed").suspended_at = is_suspended.then_some(now);
    }

    pub fn uninstall(&self, installation: u64) {
        self.core.world().credentials.uninstall(installation);
    }

    /// What an installation may do from now on.
    pub fn grant(&self, installation: u64, granted: &[(&str, Level)]) {
        let mut world = self.core.world();
        let it = world.credentials.installations.get_mut(&installation);
        it.expect("it is installed").permissions = permissions(granted);
    }
}
