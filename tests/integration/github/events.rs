//! What happens in repositories, and the events that tell of it.

use std::sync::Arc;

use serde_json::{Value, json};

use super::hooks::Scope;
use super::repositories::{Repository, Target};
use super::sender::{Delivering, Job};
use super::world::World;

const NO_COMMIT: &str = "0000000000000000000000000000000000000000";

/// A GUID for each event; a redelivery keeps it.
fn guid(number: u64) -> String {
    format!("0b989ba4-242f-11e5-81e1-{number:012x}")
}

impl World {
    /// Moves a ref to a commit and tells the hooks; `None` deletes the ref. Returns the GUIDs.
    pub fn push(
        &mut self,
        repository: u64,
        name: &str,
        to: Option<Target>,
        delivering: Delivering,
    ) -> Vec<String> {
        let now = self.now();
        let Some(it) = self.repositories.get_mut(&repository) else {
            return Vec::new();
        };
        let before = match &to {
            Some(target) => it.refs.insert(name.to_owned(), target.clone()),
            None => it.refs.remove(name),
        };
        it.pushed_at = now;
        let it = it.clone();
        let payload = self.push_payload(&it, name, before.as_ref(), to.as_ref());
        self.tell(repository, "push", None, &payload, delivering)
    }

    /// Delivers an event of a repository to every hook that hears it.
    pub fn tell(
        &mut self,
        repository: u64,
        event: &str,
        action: Option<&str>,
        payload: &Value,
        delivering: Delivering,
    ) -> Vec<String> {
        let mut guids = Vec::new();
        for (hook, installation) in self.hearers(repository, event) {
            let mut payload = payload.clone();
            if let Some(id) = installation {
                payload["installation"] = json!({"id": id, "node_id": format!("I_{id}")});
            }
            let guid = guid(self.new_id());
            let job = Job {
                hook,
                guid: guid.clone(),
                event: event.to_owned(),
                action: action.map(str::to_owned),
                payload: Arc::from(payload.to_string()),
                repository: Some(repository),
                installation,
                redelivery: false,
                throttled_at: None,
            };
            self.dispatch(job, delivering);
            guids.push(guid);
        }
        guids
    }

    /// Sends a hook the event that asks whether it hears.
    pub fn ping(&mut self, hook: u64) {
        let json = self.hook_json(&self.hooks[&hook]);
        let mut payload =
            json!({"zen": "Keep it logically awesome.", "hook_id": hook, "hook": json});
        let repository = match &self.hooks[&hook].scope {
            Scope::Repository(id) => {
                payload["repository"] = self.payload_repository(&self.repositories[id]);
                Some(*id)
            }
            Scope::Organization(login) => {
                payload["organization"] = self.account_json(login);
                None
            }
            Scope::App(_) => None,
        };
        let job = Job {
            hook,
            guid: guid(self.new_id()),
            event: "ping".to_owned(),
            action: None,
            payload: Arc::from(payload.to_string()),
            repository,
            installation: None,
            redelivery: false,
            throttled_at: None,
        };
        let delivering = self.delivering;
        self.dispatch(job, delivering);
    }

    /// What payloads say of a repository; `pushed_at` and `created_at` are numbers in those of pushes.
    pub fn payload_repository(&self, it: &Repository) -> Value {
        self.repository_json(it)
    }

    fn push_payload(
        &self,
        it: &Repository,
        name: &str,
        before: Option<&Target>,
        after: Option<&Target>,
    ) -> Value {
        let oid = |target: Option<&Target>| target.map_or(NO_COMMIT, Target::oid).to_owned();
        let full_name = it.full_name();
        let url = format!("{}/{full_name}", self.html());
        let head = after.map(|target| {
            let id = target.commit();
            let person = json!({"name": "octo", "email": "octo@example.com", "username": "octo"});
            json!({
                "id": id, "tree_id": id, "distinct": true, "message": "change",
                "timestamp": super::clock::written(it.pushed_at), "url": format!("{url}/commit/{id}"),
                "author": person, "committer": person,
                "added": [], "removed": [], "modified": ["deploy/web.yaml"],
            })
        });
        let mut repository = self.payload_repository(it);
        repository["pushed_at"] = it.pushed_at.as_second().into();
        repository["created_at"] = it.created_at.as_second().into();
        let is_tag = name.starts_with("refs/tags/");
        let commits: Vec<Value> = head.iter().filter(|_| !is_tag).cloned().collect();
        let mut payload = json!({
            "ref": name, "before": oid(before), "after": oid(after), "repository": repository,
            "pusher": {"name": "octo", "email": "octo@example.com"}, "sender": self.account_json("octo"),
            "created": before.is_none(), "deleted": after.is_none(), "forced": false, "base_ref": null,
            "compare": format!("{url}/compare/a...b"), "commits": commits, "head_commit": head,
        });
        if self
            .find_account(&it.owner)
            .is_some_and(|it| it.is_organization)
        {
            payload["organization"] = self.account_json(&it.owner);
        }
        payload
    }
}
