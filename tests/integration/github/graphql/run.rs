//! Answers a query from what the world knows.

use serde_json::{Map, Value, json};

use super::super::bucket::Sample;
use super::super::clock::written;
use super::super::repositories::{Found, Repository, Target, is_installed_on};
use super::super::repository_routes::may_read;
use super::super::who::{Caller, Rights, Who};
use super::super::world::World;
use super::parse::{Field, Selection};
use super::price::literal;
use super::schema::may_be;
use super::{Fault, Prepared};

/// A thing of which fields are asked.
#[derive(Clone)]
enum Thing<'a> {
    Query,
    RateLimit,
    Repository(&'a Repository),
    Owner {
        login: String,
        id: u64,
        is_organization: bool,
    },
    Ref {
        of: &'a Repository,
        name: &'a str,
        target: &'a Target,
    },
    Commit {
        of: &'a Repository,
        oid: &'a str,
    },
    Tag {
        of: &'a Repository,
        name: &'a str,
        oid: &'a str,
        commit: &'a str,
    },
    Page(Page<'a>),
    Edge {
        node: Box<Thing<'a>>,
        cursor: String,
    },
}

/// A part of a list.
#[derive(Clone)]
struct Page<'a> {
    things: Vec<Thing<'a>>,
    from: usize,
    total: usize,
}

/// What a field is worth.
enum Worth<'a> {
    Plain(Value),
    Thing(Thing<'a>),
    Things(Vec<Thing<'a>>),
}

pub struct Run<'a> {
    world: &'a World,
    caller: &'a Caller,
    prepared: &'a Prepared,
    sample: Sample,
    pub errors: Vec<Fault>,
    path: Vec<Value>,
}

impl<'a> Run<'a> {
    pub fn new(
        world: &'a World,
        caller: &'a Caller,
        prepared: &'a Prepared,
        sample: Sample,
    ) -> Self {
        Self {
            world,
            caller,
            prepared,
            sample,
            errors: Vec::new(),
            path: Vec::new(),
        }
    }

    pub fn query(&mut self, selections: &[Selection]) -> Value {
        self.object(&Thing::Query, selections)
    }

    fn object(&mut self, thing: &Thing<'a>, selections: &[Selection]) -> Value {
        let mut object = Map::new();
        self.fill(thing, selections, &mut object);
        object.into()
    }

    fn fill(&mut self, thing: &Thing<'a>, selections: &[Selection], into: &mut Map<String, Value>) {
        for selection in selections {
            match selection {
                Selection::Field(field) => {
                    self.path.push(field.key().into());
                    let value = self.value(thing, field);
                    self.path.pop();
                    match into.get_mut(field.key()) {
                        // The same field asked twice, with other selections.
                        Some(Value::Object(known)) => {
                            if let Value::Object(more) = value {
                                known.extend(more);
                            }
                        }
                        _ => {
                            into.insert(field.key().to_owned(), value);
                        }
                    }
                }
                Selection::On {
                    kind, selections, ..
                } => {
                    let kind = kind.as_deref();
                    if kind.is_none_or(|kind| may_be(thing.kind(), kind)) {
                        self.fill(thing, selections, into);
                    }
                }
                Selection::Spread(..) => {}
            }
        }
    }

    fn value(&mut self, thing: &Thing<'a>, field: &Field) -> Value {
        if field.name == "__typename" {
            return thing.kind().into();
        }
        match self.found(thing, field) {
            Worth::Plain(value) => value,
            Worth::Thing(thing) => self.object(&thing, &field.selections),
            Worth::Things(things) => {
                let things = things.into_iter().enumerate().map(|(place, thing)| {
                    self.path.push(place.into());
                    let value = self.object(&thing, &field.selections);
                    self.path.pop();
                    value
                });
                things.collect()
            }
        }
    }

    fn found(&mut self, thing: &Thing<'a>, field: &Field) -> Worth<'a> {
        let name = field.name.as_str();
        let plain = |value: Value| Worth::Plain(value);
        match thing {
            Thing::Query => self.root(field),
            Thing::RateLimit => plain(match name {
                "cost" => self.prepared.cost.into(),
                "nodeCount" => self.prepared.node_count.into(),
                "limit" => self.sample.limit.into(),
                "used" => self.sample.used.into(),
                "remaining" => self.sample.remaining.into(),
                _ => written(self.sample.reset).into(),
            }),
            Thing::Repository(it) => self.of_repository(it, field),
            Thing::Owner { login, id, .. } => match name {
                "id" => plain(format!("U_{id}").into()),
                "login" => plain(login.clone().into()),
                "repository" => {
                    let name = self.text(field, "name");
                    self.repository(&format!("{login}/{name}"), field)
                }
                _ => self.repositories(login, field),
            },
            Thing::Ref {
                of,
                name: full,
                target,
            } => match name {
                "id" => plain(format!("REF_{}_{full}", of.id).into()),
                "name" => plain(short(full).1.into()),
                "prefix" => plain(short(full).0.into()),
                _ => Worth::Thing(object(of, full, target)),
            },
            Thing::Commit { of, oid } => plain(match name {
                "committedDate" | "pushedDate" => written(of.pushed_at).into(),
                other => of_object(oid, other),
            }),
            Thing::Tag {
                of,
                name: full,
                oid,
                commit,
            } => match name {
                "name" => plain(short(full).1.into()),
                "target" => Worth::Thing(Thing::Commit { of, oid: commit }),
                other => plain(of_object(oid, other)),
            },
            Thing::Page(page) => page.found(name),
            Thing::Edge { node, cursor } => match name {
                "node" => Worth::Thing((**node).clone()),
                _ => plain(cursor.clone().into()),
            },
        }
    }

    fn root(&mut self, field: &Field) -> Worth<'a> {
        match field.name.as_str() {
            "rateLimit" => Worth::Thing(Thing::RateLimit),
            "repository" => {
                let (owner, name) = (self.text(field, "owner"), self.text(field, "name"));
                self.repository(&format!("{owner}/{name}"), field)
            }
            "viewer" => match &self.caller.who {
                Who::User(login) => Worth::Thing(self.owner_of(login)),
                _ => self.refuse("FORBIDDEN", field, "Resource not accessible by integration"),
            },
            name => {
                let login = self.text(field, "login");
                let account = self.world.find_account(&login);
                let account = account.filter(|it| it.is_organization || name != "organization");
                match account {
                    Some(account) => Worth::Thing(self.owner_of(&account.login)),
                    // The owner of nothing is no error.
                    None if name == "repositoryOwner" => Worth::Plain(Value::Null),
                    None => {
                        let message = format!(
                            "Could not resolve to an Organization with the login of '{login}'."
                        );
                        self.refuse("NOT_FOUND", field, &message)
                    }
                }
            }
        }
    }

    fn owner_of(&self, login: &str) -> Thing<'a> {
        let account = self.world.find_account(login);
        Thing::Owner {
            login: login.to_owned(),
            id: account.map_or(0, |it| it.id),
            is_organization: account.is_some_and(|it| it.is_organization),
        }
    }

    /// Follows renames unless told otherwise.
    fn repository(&mut self, full_name: &str, field: &Field) -> Worth<'a> {
        let follow = self.argument(field, "followRenames") != Value::Bool(false);
        let id = match self.world.find(full_name) {
            Found::Here(id) => Some(id),
            Found::Moved(id) => Some(id).filter(|_| follow),
            Found::Nothing => None,
        };
        let it = id.map(|id| &self.world.repositories[&id]);
        let it = it.filter(|it| self.world.may_see(self.caller, it));
        match it {
            None => {
                let message =
                    format!("Could not resolve to a Repository with the name '{full_name}'.");
                self.refuse("NOT_FOUND", field, &message)
            }
            Some(it) if it.blocked.is_some() => {
                self.refuse("FORBIDDEN", field, "Repository access blocked")
            }
            Some(it) => Worth::Thing(Thing::Repository(it)),
        }
    }

    fn of_repository(&mut self, it: &'a Repository, field: &Field) -> Worth<'a> {
        let plain = |value: Value| Worth::Plain(value);
        let name = field.name.as_str();
        let reads_contents = ["ref", "refs", "object", "defaultBranchRef"].contains(&name);
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
                let found = spelled.iter().find(|name| it.refs.contains_key(*name));
                found.map_or(plain(Value::Null), |name| named_ref(it, name))
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

    fn repositories(&mut self, login: &str, field: &Field) -> Worth<'a> {
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

    fn refuse(&mut self, kind: &str, field: &Field, message: &str) -> Worth<'a> {
        self.errors.push(json!({
            "type": kind, "path": self.path, "locations": field.place.json(), "message": message,
        }));
        Worth::Plain(Value::Null)
    }

    fn argument(&self, field: &Field, wanted: &str) -> Value {
        let mut arguments = field.arguments.iter();
        let found = arguments.find(|(name, _)| name == wanted);
        found.map_or(Value::Null, |(_, given)| {
            literal(given, &self.prepared.variables)
        })
    }

    fn text(&self, field: &Field, wanted: &str) -> String {
        self.argument(field, wanted)
            .as_str()
            .unwrap_or_default()
            .to_owned()
    }
}

impl<'a> Page<'a> {
    fn cursor(&self, place: usize) -> String {
        format!("c:{}", self.from + place + 1)
    }

    fn found(&self, name: &str) -> Worth<'a> {
        match name {
            "nodes" => Worth::Things(self.things.clone()),
            "edges" => {
                let edges = self
                    .things
                    .iter()
                    .enumerate()
                    .map(|(place, thing)| Thing::Edge {
                        node: Box::new(thing.clone()),
                        cursor: self.cursor(place),
                    });
                Worth::Things(edges.collect())
            }
            "totalCount" => Worth::Plain(self.total.into()),
            "hasNextPage" => Worth::Plain((self.from + self.things.len() < self.total).into()),
            "hasPreviousPage" => Worth::Plain((self.from > 0).into()),
            "startCursor" if !self.things.is_empty() => Worth::Plain(self.cursor(0).into()),
            "endCursor" if !self.things.is_empty() => {
                Worth::Plain(self.cursor(self.things.len() - 1).into())
            }
            "pageInfo" => Worth::Thing(Thing::Page(self.clone())),
            _ => Worth::Plain(Value::Null),
        }
    }
}

impl Thing<'_> {
    fn kind(&self) -> &'static str {
        match self {
            Self::Query => "Query",
            Self::RateLimit => "RateLimit",
            Self::Repository(_) => "Repository",
            Self::Owner {
                is_organization: true,
                ..
            } => "Organization",
            Self::Owner { .. } => "User",
            Self::Ref { .. } => "Ref",
            Self::Commit { .. } => "Commit",
            Self::Tag { .. } => "Tag",
            Self::Page(_) => "Connection",
            Self::Edge { .. } => "Edge",
        }
    }
}

fn named_ref<'a>(of: &'a Repository, name: &str) -> Worth<'a> {
    match of.refs.get_key_value(name) {
        Some((name, target)) => Worth::Thing(Thing::Ref { of, name, target }),
        None => Worth::Plain(Value::Null),
    }
}

fn object<'a>(of: &'a Repository, name: &'a str, target: &'a Target) -> Thing<'a> {
    match target {
        Target::Commit(oid) => Thing::Commit { of, oid },
        Target::Tag { oid, commit } => Thing::Tag {
            of,
            name,
            oid,
            commit,
        },
    }
}

fn of_object(oid: &str, name: &str) -> Value {
    match name {
        "id" => format!("O_{oid}").into(),
        "abbreviatedOid" => oid.chars().take(7).collect::<String>().into(),
        _ => oid.into(),
    }
}

/// `refs/heads/` and `main`.
fn short(full: &str) -> (&str, &str) {
    let end = full.match_indices('/').nth(1).map_or(0, |(at, _)| at + 1);
    full.split_at(end)
}
