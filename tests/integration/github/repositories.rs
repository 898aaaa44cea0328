//! Repositories, their refs, and who may see them.

use std::collections::BTreeMap;

use jiff::Timestamp;

use super::reply::Reply;
use super::routes::Ask;
use super::who::{Caller, Need, Rights};
use super::world::World;

/// What a ref points at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Target {
    Commit(String),
    /// An annotated tag is an object of its own.
    Tag {
        oid: String,
        commit: String,
    },
}

impl Target {
    pub fn oid(&self) -> &str {
        match self {
            Self::Commit(oid) | Self::Tag { oid, .. } => oid,
        }
    }

    pub fn commit(&self) -> &str {
        match self {
            Self::Commit(commit) | Self::Tag { commit, .. } => commit,
        }
    }
}

/// Why GitHub itself closed a repository.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Block {
    /// 403, `reason` "tos".
    Terms,
    /// 451, `reason` "dmca".
    Law,
}

#[derive(Clone, Debug)]
pub struct Repository {
    pub id: u64,
    pub owner: String,
    pub name: String,
    pub private: bool,
    pub archived: bool,
    pub blocked: Option<Block>,
    pub default_branch: String,
    /// By full name: `refs/heads/main`.
    pub refs: BTreeMap<String, Target>,
    pub created_at: Timestamp,
    pub pushed_at: Timestamp,
}

impl Repository {
    pub fn full_name(&self) -> String {
        format!("{}/{}", self.owner, self.name)
    }

    /// Finds what `main`, `heads/main`, `refs/heads/main`, `v1.0` or a commit names.
    pub fn resolve(&self, name: &str) -> Option<&Target> {
        let spelled = [
            name.to_owned(),
            format!("refs/{name}"),
            format!("refs/tags/{name}"),
            format!("refs/heads/{name}"),
        ];
        let by_name = spelled.iter().find_map(|name| self.refs.get(name));
        by_name.or_else(|| self.refs.values().find(|target| target.commit() == name))
    }

    pub fn has_commit(&self, oid: &str) -> bool {
        self.refs.values().any(|target| target.commit() == oid)
    }
}

/// What a full name leads to.
pub enum Found {
    Here(u64),
    /// It was renamed or moved.
    Moved(u64),
    Nothing,
}

impl World {
    pub fn find(&self, full_name: &str) -> Found {
        let name = full_name.to_ascii_lowercase();
        if let Some(id) = self.names.get(&name) {
            return Found::Here(*id);
        }
        let moved = self.former_names.get(&name);
        moved.map_or(Found::Nothing, |id| Found::Moved(*id))
    }

    pub fn may_see(&self, caller: &Caller, repository: &Repository) -> bool {
        if self.denied.contains(&(caller.who.clone(), repository.id)) {
            return false;
        }
        if !repository.private {
            return true;
        }
        match &caller.rights {
            Rights::Scopes(scopes) => scopes.contains("repo"),
            Rights::FineGrained(_) => true,
            Rights::Installation { .. } => is_installed_on(&caller.rights, repository),
            Rights::App | Rights::Nobody => false,
        }
    }

    /// The repository that `{owner}/{repo}` names, for a caller who may see it.
    ///
    /// # Errors
    /// 301 where it was renamed, 404 where there is none to see, 403 and 451 where it is blocked.
    pub fn repository(&self, ask: &Ask) -> Result<&Repository, Reply> {
        let (owner, name) = (&ask.params[0], &ask.params[1]);
        let id = match self.find(&format!("{owner}/{name}")) {
            Found::Here(id) => id,
            Found::Moved(id) => {
                let hidden = !self.may_see(&ask.caller, &self.repositories[&id]);
                return Err(if hidden {
                    Reply::not_found()
                } else {
                    self.moved(id, ask)
                });
            }
            Found::Nothing => return Err(Reply::not_found()),
        };
        let repository = &self.repositories[&id];
        if !self.may_see(&ask.caller, repository) {
            return Err(Reply::not_found());
        }
        match repository.blocked {
            None => Ok(repository),
            Some(block) => Err(blocked(block, repository)),
        }
    }

    /// The same, for a caller with this right.
    ///
    /// # Errors
    /// What [`World::repository`] refuses; 403 or 404 where the right is missing.
    pub fn repository_with(&self, ask: &Ask, need: &Need) -> Result<&Repository, Reply> {
        let repository = self.repository(ask)?;
        ask.demand(need)?;
        if matches!(ask.caller.rights, Rights::Installation { .. })
            && !is_installed_on(&ask.caller.rights, repository)
        {
            return Err(ask.lacking(need));
        }
        Ok(repository)
    }

    fn moved(&self, id: u64, ask: &Ask) -> Reply {
        let rest: Vec<&str> = ask.path.splitn(5, '/').skip(4).collect();
        let mut to = format!("{}/repositories/{id}", self.api());
        for part in rest {
            to = format!("{to}/{part}");
        }
        if !ask.raw_query.is_empty() {
            to = format!("{to}?{}", ask.raw_query);
        }
        let body = serde_json::json!({
            "message": "Moved Permanently", "url": to,
            "documentation_url": "https://docs.github.com/rest/guides/best-practices-for-using-the-rest-api#follow-redirects",
        });
        // POST, PATCH and DELETE keep their method.
        let status = if ask.method.is_safe() { 301 } else { 307 };
        Reply::json(status, &body).header("location", to)
    }
}

/// Whether an installation reaches a repository.
pub fn is_installed_on(rights: &Rights, repository: &Repository) -> bool {
    let Rights::Installation {
        repositories,
        account,
        ..
    } = rights
    else {
        return false;
    };
    account.eq_ignore_ascii_case(&repository.owner)
        && repositories
            .as_ref()
            .is_none_or(|chosen| chosen.contains(&repository.id))
}

fn blocked(block: Block, repository: &Repository) -> Reply {
    let (status, reason) = match block {
        Block::Terms => (403, "tos"),
        Block::Law => (451, "dmca"),
    };
    let body = serde_json::json!({
        "message": "Repository access blocked",
        "block": {
            "reason": reason,
            "created_at": super::clock::written(repository.created_at),
            "html_url": (block == Block::Law).then_some("https://github.com/github/dmca"),
        },
    });
    Reply::json(status, &body)
}
