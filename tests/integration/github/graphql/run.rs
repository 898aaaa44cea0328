//! Answers a query from what the world knows.

use serde_json::{Map, Value, json};

use super::super::bucket::Sample;
use super::super::clock::written;
use super::super::repositories::Found;
use super::super::who::{Caller, Who};
use super::super::world::World;
use super::price::literal;
use super::schema::may_be;
use super::thing::{Thing, Worth, object, of_object, short};
use super::tree::{Field, Selection};
use super::{Fault, Prepared};

pub struct Run<'a> {
    pub world: &'a World,
    pub caller: &'a Caller,
    prepared: &'a Prepared,
    sample: Sample,
    /// Of the query itself.
    fields_left: usize,
    pub errors: Vec<Fault>,
    path: Vec<Value>,
}

impl<'a> Run<'a> {
    pub fn new(
        world: &'a World,
        caller: &'a Caller,
        prepared: &'a Prepared,
        sample: Sample,
        most_fields: Option<usize>,
    ) -> Self {
        Self {
            world,
            caller,
            prepared,
            sample,
            fields_left: most_fields.unwrap_or(usize::MAX),
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
            Thing::PullRequest { of, number } => {
                let merge = of.refs.get(&format!("refs/pull/{number}/merge"));
                match (name, merge) {
                    ("number", _) => plain((*number).into()),
                    ("potentialMergeCommit", Some(merge)) => Worth::Thing(Thing::Commit {
                        of,
                        oid: merge.commit(),
                    }),
                    ("potentialMergeCommit", None) => plain(Value::Null),
                    _ => plain(of.refs[&format!("refs/pull/{number}/head")].oid().into()),
                }
            }
            Thing::Page(page) => page.found(name),
            Thing::Edge { node, cursor } => match name {
                "node" => Worth::Thing((**node).clone()),
                _ => plain(cursor.clone().into()),
            },
        }
    }

    fn root(&mut self, field: &Field) -> Worth<'a> {
        if self.fields_left == 0 {
            let message = "Resource limits for this query exceeded.";
            return self.refuse("RESOURCE_LIMITS_EXCEEDED", field, message);
        }
        self.fields_left -= 1;
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

    pub fn owner_of(&self, login: &str) -> Thing<'a> {
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

    pub fn refuse(&mut self, kind: &str, field: &Field, message: &str) -> Worth<'a> {
        self.errors.push(json!({
            "type": kind, "path": self.path, "locations": field.place.json(), "message": message,
        }));
        Worth::Plain(Value::Null)
    }

    pub fn argument(&self, field: &Field, wanted: &str) -> Value {
        let mut arguments = field.arguments.iter();
        let found = arguments.find(|(name, _)| name == wanted);
        found.map_or(Value::Null, |(_, given)| {
            literal(given, &self.prepared.variables)
        })
    }

    pub fn text(&self, field: &Field, wanted: &str) -> String {
        self.argument(field, wanted)
            .as_str()
            .unwrap_or_default()
            .to_owned()
    }
}
