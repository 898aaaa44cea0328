//! What a compiled schema says of a value: a tree that a manifest is held against.

use serde_json::Value as Json;

use super::format::Format;
use super::pattern::Pattern;
use super::rules::Rules;
use super::value::{Plain, is_whole};

/// What a value must be. Properties are sorted for the look-up.
#[derive(Debug, Default)]
pub(super) struct Schema {
    pub(super) kind: Kind,
    pub(super) nullable: bool,
    pub(super) default: Option<Json>,
    pub(super) properties: Vec<Property>,
    /// How many properties have a default.
    pub(super) defaulted: usize,
    /// Required names that are no property.
    pub(super) required_others: Vec<Box<str>>,
    pub(super) others: Others,
    pub(super) items: Option<Box<Schema>>,
    pub(super) list: List,
    pub(super) checks: Option<Box<Checks>>,
    pub(super) parts: Option<Box<Parts>>,
    pub(super) rules: Option<Box<Rules>>,
    /// An object of the API inside another: it needs `apiVersion` and `kind`.
    pub(super) embedded: bool,
    /// Only names and rough types count from here on, not values: `metadata`, which has rules of
    /// its own, and a `status` that the server drops.
    pub(super) types_only: bool,
    /// The server drops the value before it looks at values: a `status`.
    pub(super) dropped: bool,
    /// Any scalar passes for the rough type of a string that has a format, known or not.
    pub(super) has_format: bool,
}

#[derive(Debug)]
pub(super) struct Property {
    pub(super) name: Box<str>,
    pub(super) required: bool,
    pub(super) schema: Schema,
}

#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    #[default]
    Any,
    Object,
    Array,
    Text,
    Integer,
    Number,
    Boolean,
    IntOrString,
}

/// What keys beside the properties may hold.
#[derive(Debug, Default)]
pub(super) enum Others {
    #[default]
    Anything,
    Refused,
    Of(Box<Schema>),
}

#[derive(Debug, Default)]
pub(super) enum List {
    #[default]
    Atomic,
    Set,
    /// Elements are told apart by these keys.
    Map(Vec<Box<str>>),
}

/// Bounds of a value; only those that are set count.
#[derive(Debug, Default)]
pub(super) struct Checks {
    pub(super) one_of: Vec<Json>,
    pub(super) pattern: Option<Pattern>,
    pub(super) format: Option<Format>,
    pub(super) min_length: Option<u64>,
    pub(super) max_length: Option<u64>,
    pub(super) minimum: Option<f64>,
    pub(super) exclusive_minimum: bool,
    pub(super) maximum: Option<f64>,
    pub(super) exclusive_maximum: bool,
    pub(super) multiple_of: Option<f64>,
    pub(super) min_items: Option<u64>,
    pub(super) max_items: Option<u64>,
    pub(super) unique_items: bool,
    pub(super) min_properties: Option<u64>,
    pub(super) max_properties: Option<u64>,
}

/// Schemas that hold together: `allOf`, `anyOf`, `oneOf` and `not`.
#[derive(Debug, Default)]
pub(super) struct Parts {
    pub(super) all: Vec<Schema>,
    pub(super) any: Vec<Schema>,
    pub(super) one: Vec<Schema>,
    pub(super) not: Option<Schema>,
}

impl Schema {
    pub(super) fn takes_null(&self) -> bool {
        self.nullable || self.kind == Kind::Any
    }

    /// Whether a value has the right type; for `types_only` as the first pass has it.
    pub(super) fn fits(&self, value: &Plain<'_>, types_only: bool) -> bool {
        let whole = |value: &Plain<'_>| match value {
            Plain::Int(_) => true,
            Plain::Float(float) => types_only || is_whole(*float),
            _ => false,
        };
        match self.kind {
            Kind::Any => true,
            Kind::Object => matches!(value, Plain::Map(_)),
            Kind::Array => matches!(value, Plain::List(_)),
            Kind::Text if types_only && self.has_format => value.is_scalar(),
            Kind::Text => matches!(value, Plain::Text(_)),
            Kind::Integer => whole(value),
            Kind::Number => matches!(value, Plain::Int(_) | Plain::Float(_)),
            Kind::Boolean => matches!(value, Plain::Bool(_)),
            Kind::IntOrString => types_only || whole(value) || matches!(value, Plain::Text(_)),
        }
    }

    pub(super) fn noun(&self) -> &'static str {
        match self.kind {
            Kind::Any => "a value",
            Kind::Object => "a map",
            Kind::Array => "a list",
            Kind::Text => "a string",
            Kind::Integer => "an integer",
            Kind::Number => "a number",
            Kind::Boolean => "a boolean",
            Kind::IntOrString => "an integer or a string",
        }
    }

    /// The index of a property.
    pub(super) fn find(&self, name: &str) -> Option<usize> {
        self.properties
            .binary_search_by(|property| by_length(&property.name, name))
            .ok()
    }
}

/// Shorter names come first: most look-ups then compare lengths only.
pub(super) fn by_length(a: &str, b: &str) -> std::cmp::Ordering {
    a.len().cmp(&b.len()).then_with(|| a.cmp(b))
}
