//! The things of which a query asks fields.

use serde_json::Value;

use super::super::repositories::{Repository, Target};

/// A thing of which fields are asked.
#[derive(Clone)]
pub enum Thing<'a> {
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
    PullRequest {
        of: &'a Repository,
        number: u64,
    },
    Page(Page<'a>),
    Edge {
        node: Box<Thing<'a>>,
        cursor: String,
    },
}

/// A part of a list.
#[derive(Clone)]
pub struct Page<'a> {
    pub things: Vec<Thing<'a>>,
    pub from: usize,
    pub total: usize,
}

/// What a field is worth.
pub enum Worth<'a> {
    Plain(Value),
    Thing(Thing<'a>),
    Things(Vec<Thing<'a>>),
}

impl<'a> Page<'a> {
    fn cursor(&self, place: usize) -> String {
        format!("c:{}", self.from + place + 1)
    }

    pub fn found(&self, name: &str) -> Worth<'a> {
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
    pub fn kind(&self) -> &'static str {
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
            Self::PullRequest { .. } => "PullRequest",
            Self::Page(_) => "Connection",
            Self::Edge { .. } => "Edge",
        }
    }
}

pub fn named_ref<'a>(of: &'a Repository, name: &str) -> Worth<'a> {
    match of.refs.get_key_value(name) {
        Some((name, target)) => Worth::Thing(Thing::Ref { of, name, target }),
        None => Worth::Plain(Value::Null),
    }
}

pub fn object<'a>(of: &'a Repository, name: &'a str, target: &'a Target) -> Thing<'a> {
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

pub fn of_object(oid: &str, name: &str) -> Value {
    match name {
        "id" => format!("O_{oid}").into(),
        "abbreviatedOid" => oid.chars().take(7).collect::<String>().into(),
        _ => oid.into(),
    }
}

/// `refs/heads/` and `main`.
pub fn short(full: &str) -> (&str, &str) {
    let end = full.match_indices('/').nth(1).map_or(0, |(at, _)| at + 1);
    full.split_at(end)
}
