//! The fields of a repository, and the lists of refs and repositories.

use serde_json::Value;

use super::super::clock::written;
use super::super::repositories::{Repository, is_installed_on};
use super::super::repository_routes::may_read;
use super::super::who::Rights;
use super::run::Run;
use super::thing::{Page, Thing, Worth, named_ref, object};
use super::tree::Field;

impl<'a> Run<'a> {
    pub fn of_repository(&mut self, it: &'a Repository, field: &Field) -> Worth<'a> {
        let plain = |value: Value| Worth::Plain(value);
        let name = field.name.as_str();
        let reads_contents =
            ["ref", "refs", "object", "defaultBranchRef", "pullRequest"].contains(&name);
        if reads_contents && !may_read(&self.caller.rights, it) {
            let by = match self.caller.rights {
                Rights::FineGrained(_) => "personal access token",
                _ => "integration",
            };
            return self.refuse(
                "FORBIDDEN",
                field,
                &format!("Resource not accessible by {by}"),
            );
        }
        match name {
            "id" => plain(format!("R_{}", it.id).into()),
            "databaseId" => plain(it.id.into()),
            "name" => plain(it.name.clone().into()),
            "nameWithOwner" => plain(it.full_name().into()),
            "owner" => Worth::Thing(self.owner_of(&it.owner)),
            "isArchived" => plain(it.archived.into()),
            "isDisabled" => plain(it.blocked.is_some().into()),
            "isLocked" => plain(false.into()),
            "isEmpty" => plain(it.refs.is_empty().into()),
            "isPrivate" => plain(it.private.into()),
            "pushedAt" | "updatedAt" => plain(written(it.pushed_at).into()),
            "createdAt" => plain(written(it.created_at).into()),
            "url" => plain(format!("{}/{}", self.world.html(), it.full_name()).into()),
            "defaultBranchRef" => named_ref(it, &format!("refs/heads/{}", it.default_branch)),
            "ref" => {
                let wanted = self.text(field, "qualifiedName");
                // A short name is taken too: a branch, else a tag.
                let spelled = [
                    wanted.clone(),
                    format!("refs/heads/{wanted}"),
                    format!("refs/tags/{wanted}"),
                ];
                // The refs of pull requests are not found by their names.
                let mut spelled = spelled
                    .iter()
                    .filter(|name| !name.starts_with("refs/pull/"));
                let found = spelled.find(|name| it.refs.contains_key(*name));
                found.map_or(plain(Value::Null), |name| named_ref(it, name))
            }
            "pullRequest" => {
                let number = self.argument(field, "number").as_u64().unwrap_or(0);
                if !it.refs.contains_key(&format!("refs/pull/{number}/head")) {
                    let message =
                        format!("Could not resolve to a PullRequest with the number of {number}.");
                    return self.refuse("NOT_FOUND", field, &message);
                }
                Worth::Thing(Thing::PullRequest { of: it, number })
            }
            "object" => {
                let expression = self.text(field, "expression");
                let wanted = if expression.is_empty() {
                    self.text(field, "oid")
                } else {
                    expression
                };
                match it.resolve(&wanted) {
                    Some(target) => Worth::Thing(object(it, &it.default_branch, target)),
                    None => plain(Value::Null),
                }
            }
            _ => {
                let prefix = self.text(field, "refPrefix");
                let order = self.argument(field, "orderBy");
                let mut refs: Vec<Thing> = it
                    .refs
                    .iter()
                    .filter(|(name, _)| name.starts_with(&prefix))
                    .map(|(name, target)| Thing::Ref {
                        of: it,
                        name,
                        target,
                    })
                    .collect();
                if order["direction"] == "DESC" {
                    refs.reverse();
                }
                self.page(refs, field)
            }
        }
    }

    pub fn repositories(&mut self, login: &str, field: &Field) -> Worth<'a> {
        let all = self.world.repositories.values();
        let mut own: Vec<&Repository> = all
            .filter(|it| it.owner == login && self.world.may_see(self.caller, it))
            .filter(|it| match self.caller.rights {
                Rights::Installation { .. } => {
                    !it.private || is_installed_on(&self.caller.rights, it)
                }
                _ => true,
            })
            .collect();
        if let Value::Bool(archived) = self.argument(field, "isArchived") {
            own.retain(|it| it.archived == archived);
        }
        let order = self.argument(field, "orderBy");
        match order["field"].as_str() {
            Some("PUSHED_AT" | "UPDATED_AT") => own.sort_by_key(|it| (it.pushed_at, it.id)),
            Some("NAME") => own.sort_by_key(|it| it.name.clone()),
            _ => own.sort_by_key(|it| (it.created_at, it.id)),
        }
        if order["direction"] == "DESC" {
            own.reverse();
        }
        let own = own.into_iter().map(Thing::Repository).collect();
        self.page(own, field)
    }

    fn page(&mut self, things: Vec<Thing<'a>>, field: &Field) -> Worth<'a> {
        let total = things.len();
        let after = self.text(field, "after");
        let from = match after.strip_prefix("c:") {
            Some(number) => number.parse().unwrap_or(0),
            None if after.is_empty() => 0,
            None => {
                let message = format!("`{after}` does not appear to be a valid cursor.");
                return self.refuse("INVALID_CURSOR_ARGUMENTS", field, &message);
            }
        };
        let first = self.argument(field, "first").as_u64();
        let size = usize::try_from(first.unwrap_or(100)).unwrap_or(100);
        let things = things.into_iter().skip(from).take(size).collect();
        Worth::Thing(Thing::Page(Page {
            things,
            from,
            total,
        }))
    }
}
