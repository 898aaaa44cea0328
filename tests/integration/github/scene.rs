//! What a test puts into the world: repositories with their pushes, and hooks with their deliveries.

use std::time::Duration;

use serde_json::Value;

use super::FakeGithub;
use super::hooks::{Delivery, Hook, Scope};
use super::repositories::{Block, Found, Repository, Target};
use super::sender::{Delivering, Job};
use super::who::Who;
use super::world::World;

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

impl World {
    pub fn must_find(&self, full_name: &str) -> u64 {
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
