//! A query as a tree, and its fragments in their places.

use std::collections::HashMap;

use serde_json::{Value, json};

use super::Fault;
use super::lex::Place;

/// How deep selections may lie in one another.
pub const DEPTH: usize = 30;

/// What an argument is given.
#[derive(Clone, Debug, PartialEq)]
pub enum Given {
    Variable(String),
    Literal(Value),
    Enum(String),
    List(Vec<Given>),
    Object(Vec<(String, Given)>),
}

#[derive(Clone, Debug)]
pub struct Field {
    pub alias: Option<String>,
    pub name: String,
    pub arguments: Vec<(String, Given)>,
    pub selections: Vec<Selection>,
    pub place: Place,
}

impl Field {
    /// Under which key it is answered.
    pub fn key(&self) -> &str {
        self.alias.as_deref().unwrap_or(&self.name)
    }
}

#[derive(Clone, Debug)]
pub enum Selection {
    Field(Field),
    /// `... on Type`.
    On {
        kind: Option<String>,
        selections: Vec<Selection>,
        place: Place,
    },
    /// `...Name`, until it is put in its place.
    Spread(String, Place),
}

/// `$name: Type = default`.
#[derive(Clone, Debug)]
pub struct Variable {
    pub name: String,
    /// As written: `[String!]!`.
    pub kind: String,
    pub default: Option<Value>,
    pub place: Place,
}

#[derive(Clone, Debug)]
pub struct Operation {
    pub is_mutation: bool,
    pub name: Option<String>,
    pub variables: Vec<Variable>,
    pub selections: Vec<Selection>,
}

/// Puts fragments where their names stand.
pub fn put(
    selections: Vec<Selection>,
    fragments: &HashMap<String, Selection>,
    depth: usize,
) -> Result<Vec<Selection>, Fault> {
    if depth > DEPTH {
        return Err(json!({"message": "Query has a depth that exceeds the limit"}));
    }
    let put = |selections| put(selections, fragments, depth + 1);
    let selections = selections.into_iter().map(|selection| {
        let selection = match selection {
            Selection::Spread(name, place) => fragments.get(&name).cloned().ok_or_else(|| {
                let message = format!("Fragment {name} was used, but not defined");
                json!({"message": message, "locations": place.json()})
            })?,
            other => other,
        };
        Ok(match selection {
            Selection::Field(mut field) => {
                field.selections = put(field.selections)?;
                Selection::Field(field)
            }
            Selection::On {
                kind,
                selections,
                place,
            } => Selection::On {
                kind,
                selections: put(selections)?,
                place,
            },
            spread @ Selection::Spread(..) => spread,
        })
    });
    selections.collect()
}
