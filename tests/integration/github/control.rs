//! What a test tells a fake, and asks it.

use std::collections::BTreeSet;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use serde_json::Value;

use super::FakeGithub;
use super::app_key::AppKey;
use super::books::{Books, Violation};
use super::clock::Clock;
use super::credentials::{App, Installation, Token};
use super::exchange::Exchange;
use super::faults::Fault;
use super::hooks::{Delivery, Hook, Scope};
use super::repositories::{Block, Found, Repository, Target};
use super::sender::{Delivering, Job};
use super::who::{Level, Rights, Who, permissions};
use super::world::{World, loopback};

/// An App that was registered.
#[derive(Clone, Debug)]
pub struct RegisteredApp {
    pub id: u64,
    pub private_key: String,
}

/// Addresses and time.
impl FakeGithub {
    /// Where REST begins, without a slash at the end: `http://127.0.0.1:1234`, `…/api/v3`.
    pub fn api_url(&self) -> String {
        self.core.world().api()
    }

    pub fn graphql_url(&self) -> String {
        let world = self.core.world();
        format!("{}{}", world.authority, world.graphql_path())
    }

    /// The CA to trust, in PEM.
    pub fn ca(&self) -> Option<&str> {
        self.core.ca.as_deref()
    }

    /// The test's clock, not GitHub's skewed one.
    pub fn clock(&self) -> Clock {
        self.core.world().clock.clone()
    }

    /// GitHub's time, as its `date` says it.
    pub fn now(&self) -> Timestamp {
        self.core.world().now()
    }

    pub fn advance(&self, by: SignedDuration) {
        self.clock().advance(by);
    }

    /// GitHub's clock is ahead by this from now on.
    pub fn skew(&self, by: SignedDuration) {
        self.core.world().skew = by;
    }

    /// How long every answer takes.
    pub fn latency(&self, from: Duration, to: Duration) {
        self.core.world().latency = Some((from, to));
    }
}

/// Repositories.
impl FakeGithub {
    pub fn organization(&self, login: &str) -> u64 {
        self.core.world().account(login, true).id
    }

    /// A public repository of an organisation, `main` at the commit `…0001`.
    pub fn repository(&self, full_name: &str) -> u64 {
        self.core.world().add_repository(full_name, false)
    }

    pub fn private_repository(&self, full_name: &str) -> u64 {
        self.core.world().add_repository(full_name, true)
    }

    /// Changes a repository as a test needs it; for its name there is [`FakeGithub::rename`].
    pub fn change(&self, full_name: &str, change: impl FnOnce(&mut Repository)) {
        let mut world = self.core.world();
        let id = world.must_find(full_name);
        change(world.repositories.get_mut(&id).expect("it was found"));
    }

    /// Renames or transfers a repository; the old name leads to the new one.
    pub fn rename(&self, full_name: &str, to: &str) {
        let (owner, name) = to.split_once('/').expect("a full name");
        let mut world = self.core.world();
        world.account(owner, true);
        let id = world.must_find(full_name);
        let it = world.repositories.get_mut(&id).expect("it was found");
        let former = it.full_name().to_ascii_lowercase();
        (it.owner, it.name) = (owner.to_owned(), name.to_owned());
        world.names.remove(&former);
        world.former_names.insert(former, id);
        world.names.insert(to.to_ascii_lowercase(), id);
    }

    pub fn delete(&self, full_name: &str) {
        let mut world = self.core.world();
        let id = world.must_find(full_name);
        world.repositories.remove(&id);
        world.names.retain(|_, it| *it != id);
        world.former_names.retain(|_, it| *it != id);
        world
            .hooks
            .retain(|_, hook| hook.scope != Scope::Repository(id));
    }

    pub fn block(&self, full_name: &str, block: Block) {
        self.change(full_name, |it| it.blocked = Some(block));
    }

    /// Hides a repository from somebody.
    pub fn deny(&self, who: &Who, full_name: &str) {
        let mut world = self.core.world();
        let id = world.must_find(full_name);
        world.denied.insert((who.clone(), id));
    }

    /// Moves a ref (`refs/heads/main`) and delivers the push as deliveries go now. Returns the GUIDs.
    pub fn push(&self, full_name: &str, name: &str, commit: &str) -> Vec<String> {
        let delivering = self.core.world().delivering;
        let to = Target::Commit(commit.to_owned());
        self.push_as(full_name, name, Some(to), delivering)
    }

    /// The same, with what becomes of its deliveries; without a target the ref is deleted.
    pub fn push_as(
        &self,
        full_name: &str,
        name: &str,
        to: Option<Target>,
        delivering: Delivering,
    ) -> Vec<String> {
        let mut world = self.core.world();
        let id = world.must_find(full_name);
        world.push(id, name, to, delivering)
    }

    /// Delivers any event of a repository; its payload gets `repository` and `sender`.
    pub fn event(&self, full_name: &str, event: &str, mut payload: Value) -> Vec<String> {
        let mut world = self.core.world();
        let id = world.must_find(full_name);
        payload["repository"] = world.payload_repository(&world.repositories[&id]);
        payload["sender"] = world.account_json("octo");
        let action = payload["action"].as_str().map(str::to_owned);
        let delivering = world.delivering;
        world.tell(id, event, action.as_deref(), &payload, delivering)
    }
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

/// Limits and faults.
impl FakeGithub {
    /// Somebody at this machine without a token.
    pub fn anonymous() -> Who {
        Who::Address(loopback())
    }

    pub fn limit(&self, who: &Who, resource: &'static str, limit: u32) {
        self.core.world().bucket(who, resource).set_limit(limit);
    }

    /// The limit of every bucket of a resource that was not used yet.
    pub fn default_limit(&self, resource: &'static str, limit: u32) {
        self.core.world().set_default_limit(resource, limit);
    }

    pub fn use_by_others(&self, who: &Who, resource: &'static str, points: u32) {
        let mut world = self.core.world();
        let now = world.now();
        world.bucket(who, resource).take_by_others(points, now);
    }

    /// Others use so much an hour from now on; with 0 they stop.
    pub fn others_rate(&self, who: &Who, resource: &'static str, per_hour: f64) {
        let mut world = self.core.world();
        let now = world.now();
        world.bucket(who, resource).stream(per_hour, now);
    }

    pub fn move_reset(&self, who: &Who, resource: &'static str, to: Timestamp) {
        self.core.world().bucket(who, resource).move_reset(to);
    }

    /// Fills a bucket, and takes back every hold of the identity.
    pub fn fill(&self, who: &Who, resource: &'static str) {
        let mut world = self.core.world();
        world.bucket(who, resource).fill();
        world.limited.remove(who);
        world.ledger.forgive(who);
    }

    pub fn fail_next(&self, times: u32, fault: Fault) {
        self.core.world().faults.add("", Some(times), fault);
    }

    /// Calls whose `METHOD /path?query` has this part fail; `None`: until faults are cleared.
    pub fn fail_where(&self, part: &str, times: Option<u32>, fault: Fault) {
        self.core.world().faults.add(part, times, fault);
    }

    pub fn clear_faults(&self) {
        self.core.world().faults.clear();
    }
}

/// Deliveries.
impl FakeGithub {
    /// What becomes of deliveries from now on.
    pub fn delivering(&self, delivering: Delivering) {
        self.core.world().delivering = delivering;
    }

    /// Lets the deliveries go that were throttled.
    pub fn release_throttled(&self) {
        let mut world = self.core.world();
        let jobs: Vec<Job> = world.throttled.drain(..).collect();
        for job in jobs {
            world.post(job);
        }
    }

    /// Waits until every delivery was answered or given up.
    pub async fn quiet(&self) {
        while self.core.world().outstanding > 0 {
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    }

    /// The hooks there are, by whose they are.
    pub fn hooks(&self, scope: &Scope) -> Vec<Hook> {
        let world = self.core.world();
        let hooks = world.hooks.values().filter(|hook| hook.scope == *scope);
        hooks.cloned().collect()
    }

    /// Every attempt of a hook, oldest first, the forgotten ones too until the next comes.
    pub fn deliveries(&self, hook: u64) -> Vec<Delivery> {
        let world = self.core.world();
        let hook = world.hooks.get(&hook);
        hook.map(|hook| hook.deliveries.iter().cloned().collect())
            .unwrap_or_default()
    }

    /// Makes a hook without asking the API, hearing pushes in JSON.
    pub fn add_hook(&self, scope: Scope, url: &str, secret: Option<&str>) -> u64 {
        let mut world = self.core.world();
        let now = world.now();
        let known = world.hooks.values().find(|hook| hook.scope == scope);
        let known = known.filter(|_| matches!(scope, Scope::App(_)));
        let id = known.map(|hook| hook.id);
        let id = id.unwrap_or_else(|| world.new_id());
        let hook = world.hooks.entry(id);
        let hook = hook.or_insert_with(|| Hook::new(id, scope, vec!["push".to_owned()], now));
        hook.url = url.to_owned();
        hook.content_type = "json".to_owned();
        hook.secret = secret.map(str::to_owned);
        id
    }

    /// Changes a hook as a test needs it.
    pub fn change_hook(&self, id: u64, change: impl FnOnce(&mut Hook)) {
        change(
            self.core
                .world()
                .hooks
                .get_mut(&id)
                .expect("there is such a hook"),
        );
    }
}

/// Books.
impl FakeGithub {
    /// Keeps every call and answer from now on, word for word.
    pub fn keep_exchanges(&self) {
        self.core.world().exchanges.begin();
    }

    pub fn exchanges(&self) -> Vec<Exchange> {
        self.core.world().exchanges.all()
    }

    pub fn books(&self) -> Books {
        self.core.world().books()
    }

    /// Calls inside a hold of which the caller had been told: there must be none.
    pub fn violations(&self) -> Vec<Violation> {
        self.core.world().ledger.violations.clone()
    }
}

impl World {
    fn must_find(&self, full_name: &str) -> u64 {
        match self.find(full_name) {
            Found::Here(id) | Found::Moved(id) => id,
            Found::Nothing => panic!("the test made no repository `{full_name}`"),
        }
    }

    fn add_repository(&mut self, full_name: &str, private: bool) -> u64 {
        let (owner, name) = full_name.split_once('/').expect("a full name");
        let owner = self.account(owner, true).login;
        let (id, now) = (self.new_id(), self.now());
        let commit = Target::Commit(format!("{:040x}", 1));
        let repository = Repository {
            id,
            owner,
            name: name.to_owned(),
            private,
            archived: false,
            blocked: None,
            default_branch: "main".to_owned(),
            refs: [("refs/heads/main".to_owned(), commit)].into(),
            created_at: now,
            pushed_at: now,
        };
        self.names.insert(full_name.to_ascii_lowercase(), id);
        self.repositories.insert(id, repository);
        id
    }
}
