//! A CRD's schema, compiled from its JSON.

use serde_json::{Map, Value as Json};

use super::format::Format;
use super::pattern::Pattern;
use super::rules::Rules;
use super::shape::{Checks, Kind, List, Others, Parts, Property, Schema, by_length};

/// Compiles the schema of a whole object.
///
/// # Errors
/// What in the schema cannot be read, and where.
pub(super) fn object(
    schema: &Json,
    status_is_dropped: bool,
    trust: Trust,
) -> Result<Schema, String> {
    let surroundings = Surroundings {
        trust,
        ..Surroundings::default()
    };
    let mut root = compile(schema, surroundings, "openAPIV3Schema")?;
    root.kind = Kind::Object;
    for name in ["apiVersion", "kind"] {
        if root.find(name).is_none() {
            let text = compile(&serde_json::json!({"type": "string"}), surroundings, name)?;
            insert(&mut root, name, text);
        }
    }
    let own = root.find("metadata").map(|at| root.properties.remove(at));
    let mut metadata = object_meta()?;
    // What the CRD itself says of `metadata.name` is checked beside the general rules.
    if own.is_some_and(|own| !own.schema.properties.is_empty()) {
        let schema = own_metadata(schema, surroundings)?;
        metadata.parts = Some(Box::new(Parts {
            all: vec![schema],
            ..Parts::default()
        }));
    }
    insert(&mut root, "metadata", metadata);
    if status_is_dropped && let Some(at) = root.find("status") {
        let status = &mut root.properties[at];
        status.required = false;
        status.schema.types_only = true;
        status.schema.dropped = true;
        status.schema.default = None;
        status.schema.parts = None;
        status.schema.rules = None;
    }
    root.defaulted = count_defaults(&root);
    Ok(root)
}

fn count_defaults(schema: &Schema) -> usize {
    let defaults = schema
        .properties
        .iter()
        .filter(|property| property.schema.default.is_some());
    defaults.count()
}

fn own_metadata(schema: &Json, surroundings: Surroundings) -> Result<Schema, String> {
    compile(
        &schema["properties"]["metadata"],
        surroundings.within_parts(),
        "metadata",
    )
}

fn insert(schema: &mut Schema, name: &str, value: Schema) {
    let required = schema
        .find(name)
        .is_some_and(|at| schema.properties.remove(at).required);
    let at = schema
        .properties
        .partition_point(|property| by_length(&property.name, name).is_lt());
    let property = Property {
        name: name.into(),
        required,
        schema: value,
    };
    schema.properties.insert(at, property);
}

/// The names and rough types of `metadata`.
///
/// Source: `ObjectMeta` in `k8s.io/apimachinery`, `pkg/apis/meta/v1`.
pub(super) fn object_meta() -> Result<Schema, String> {
    let text = || serde_json::json!({"type": "string"});
    let texts =
        || serde_json::json!({"type": "object", "additionalProperties": {"type": "string"}});
    let time = || serde_json::json!({"type": "string", "format": "date-time"});
    let truth = || serde_json::json!({"type": "boolean"});
    let number = || serde_json::json!({"type": "integer"});
    let schema = serde_json::json!({"type": "object", "properties": {
        "annotations": texts(),
        "creationTimestamp": time(),
        "deletionGracePeriodSeconds": number(),
        "deletionTimestamp": time(),
        "finalizers": {"type": "array", "x-kubernetes-list-type": "set", "items": text()},
        "generateName": text(),
        "generation": number(),
        "labels": texts(),
        "managedFields": {"type": "array", "items": {"type": "object", "properties": {
            "apiVersion": text(), "fieldsType": text(), "fieldsV1": {"type": "object"}, "manager": text(),
            "operation": text(), "subresource": text(), "time": time(),
        }}},
        "name": text(),
        "namespace": text(),
        "ownerReferences": {
            "type": "array", "x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["uid"],
            "items": {"type": "object", "properties": {
                "apiVersion": text(), "blockOwnerDeletion": truth(), "controller": truth(), "kind": text(),
                "name": text(), "uid": {"type": "string", "default": ""},
            }},
        },
        "resourceVersion": text(),
        "selfLink": text(),
        "uid": text(),
    }});
    let mut compiled = compile(&schema, Surroundings::default(), "metadata")?;
    compiled.types_only = true;
    Ok(compiled)
}

/// Whether patterns and rules are known to be sound.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) enum Trust {
    /// They are read at once, so that what is wrong with them is said.
    #[default]
    Unknown,
    /// They are read when something first asks them.
    Sound,
}

/// What stands around a schema decides some of what it says.
#[derive(Debug, Clone, Copy, Default)]
struct Surroundings {
    trust: Trust,
    /// An ancestor takes unknown fields; then all below it do.
    keeps_unknown: bool,
    /// Inside of `allOf`, `anyOf`, `oneOf` or `not`, which say nothing about unknown fields.
    nested: bool,
}

impl Surroundings {
    fn within_parts(self) -> Self {
        Self {
            keeps_unknown: true,
            nested: true,
            ..self
        }
    }
}

fn compile(json: &Json, mut surroundings: Surroundings, path: &str) -> Result<Schema, String> {
    let object = json
        .as_object()
        .ok_or_else(|| format!("the schema at `{path}` is no object"))?;
    let flag = |key: &str| object.get(key).and_then(Json::as_bool) == Some(true);
    surroundings.keeps_unknown |= flag("x-kubernetes-preserve-unknown-fields");
    let int_or_string = flag("x-kubernetes-int-or-string");
    let embedded = flag("x-kubernetes-embedded-resource");
    let kind = match object.get("type").and_then(Json::as_str) {
        _ if int_or_string => Kind::IntOrString,
        None | Some("") => Kind::Any,
        Some("object") => Kind::Object,
        Some("array") => Kind::Array,
        Some("string") => Kind::Text,
        Some("integer") => Kind::Integer,
        Some("number") => Kind::Number,
        Some("boolean") => Kind::Boolean,
        Some(other) => {
            return Err(format!(
                "the schema at `{path}` has the unknown type `{other}`"
            ));
        }
    };
    let required = texts(object.get("required"));
    let mut schema = Schema {
        kind,
        nullable: flag("nullable"),
        default: object
            .get("default")
            .filter(|default| !default.is_null())
            .cloned(),
        others: others(object, surroundings, embedded, path)?,
        items: match object.get("items") {
            Some(items) => Some(Box::new(compile(
                items,
                surroundings,
                &format!("{path}[]"),
            )?)),
            None => None,
        },
        list: match object.get("x-kubernetes-list-type").and_then(Json::as_str) {
            _ if surroundings.nested => List::Atomic,
            Some("set") => List::Set,
            Some("map") => List::Map(texts(object.get("x-kubernetes-list-map-keys"))),
            _ => List::Atomic,
        },
        checks: Checks::compile(object, surroundings.trust, path)?.map(Box::new),
        parts: Parts::compile(object, int_or_string, surroundings, path)?.map(Box::new),
        rules: rules(json, surroundings.trust, path)?.map(Box::new),
        embedded,
        has_format: object
            .get("format")
            .and_then(Json::as_str)
            .is_some_and(|format| !matches!(format, "" | "byte")),
        ..Schema::default()
    };
    for (name, property) in object
        .get("properties")
        .and_then(Json::as_object)
        .into_iter()
        .flatten()
    {
        let compiled = compile(property, surroundings, &format!("{path}.{name}"))?;
        insert(&mut schema, name, compiled);
    }
    if embedded {
        insert(&mut schema, "metadata", object_meta()?);
        for name in ["apiVersion", "kind"] {
            if schema.find(name).is_none() {
                insert(
                    &mut schema,
                    name,
                    compile(&serde_json::json!({"type": "string"}), surroundings, name)?,
                );
            }
        }
    }
    schema.defaulted = count_defaults(&schema);
    for name in required {
        match schema.find(&name) {
            Some(at) => schema.properties[at].required = true,
            None => schema.required_others.push(name),
        }
    }
    Ok(schema)
}

fn others(
    object: &Map<String, Json>,
    surroundings: Surroundings,
    embedded: bool,
    path: &str,
) -> Result<Others, String> {
    match object.get("additionalProperties") {
        Some(Json::Bool(true)) => Ok(Others::Anything),
        Some(Json::Bool(false)) => Ok(Others::Refused),
        Some(schema) => {
            let compiled = compile(schema, surroundings, &format!("{path}{{}}"))?;
            Ok(Others::Of(Box::new(compiled)))
        }
        None => {
            let properties = object.get("properties").and_then(Json::as_object);
            let none = properties.is_none_or(Map::is_empty) && !embedded;
            Ok(
                if surroundings.keeps_unknown || surroundings.nested || none {
                    Others::Anything
                } else {
                    Others::Refused
                },
            )
        }
    }
}

fn rules(json: &Json, trust: Trust, path: &str) -> Result<Option<Rules>, String> {
    let rules = Rules::of(json);
    if let (Some(rules), Trust::Unknown) = (&rules, trust) {
        rules
            .prove()
            .map_err(|fault| format!("a rule of `{path}` cannot be read: {fault}"))?;
    }
    Ok(rules)
}

fn texts(json: Option<&Json>) -> Vec<Box<str>> {
    let items = json.and_then(Json::as_array).into_iter().flatten();
    items.filter_map(Json::as_str).map(Box::from).collect()
}

impl Checks {
    fn compile(
        object: &Map<String, Json>,
        trust: Trust,
        path: &str,
    ) -> Result<Option<Self>, String> {
        let flag = |key: &str| object.get(key).and_then(Json::as_bool) == Some(true);
        let number = |key: &str| object.get(key).and_then(Json::as_f64);
        let count = |key: &str| number(key).map(|number| number as u64);
        let pattern = match object.get("pattern").and_then(Json::as_str) {
            None | Some("") => None,
            Some(text) => Some(Pattern::new(text)),
        };
        if let (Some(pattern), Trust::Unknown) = (&pattern, trust) {
            pattern.prove().map_err(|fault| {
                let fault = last_line(&fault);
                format!("the pattern of `{path}` cannot be read: {fault}")
            })?;
        }
        let checks = Checks {
            one_of: object
                .get("enum")
                .and_then(Json::as_array)
                .cloned()
                .unwrap_or_default(),
            pattern,
            format: object
                .get("format")
                .and_then(Json::as_str)
                .and_then(Format::named),
            min_length: count("minLength"),
            max_length: count("maxLength"),
            minimum: number("minimum"),
            exclusive_minimum: flag("exclusiveMinimum"),
            maximum: number("maximum"),
            exclusive_maximum: flag("exclusiveMaximum"),
            multiple_of: number("multipleOf"),
            min_items: count("minItems"),
            max_items: count("maxItems"),
            unique_items: flag("uniqueItems"),
            min_properties: count("minProperties"),
            max_properties: count("maxProperties"),
        };
        const KEYS: [&str; 12] = [
            "enum",
            "minLength",
            "maxLength",
            "minimum",
            "maximum",
            "multipleOf",
            "minItems",
            "maxItems",
            "uniqueItems",
            "minProperties",
            "maxProperties",
            "pattern",
        ];
        let any = checks.format.is_some() || KEYS.iter().any(|key| object.contains_key(*key));
        Ok(any.then_some(checks))
    }
}

fn last_line(text: &str) -> &str {
    text.lines()
        .last()
        .unwrap_or(text)
        .trim_start_matches("error: ")
}

impl Parts {
    fn compile(
        object: &Map<String, Json>,
        int_or_string: bool,
        surroundings: Surroundings,
        path: &str,
    ) -> Result<Option<Self>, String> {
        let surroundings = surroundings.within_parts();
        // The two types of an int-or-string are its kind already.
        let is_known = |part: &Json| {
            let known = serde_json::json!([{"type": "integer"}, {"type": "string"}]);
            int_or_string && (part == &known || part.get("anyOf") == Some(&known))
        };
        let list = |key: &str| -> Result<Vec<Schema>, String> {
            let parts = object
                .get(key)
                .filter(|parts| !is_known(parts))
                .and_then(Json::as_array);
            parts
                .into_iter()
                .flatten()
                .filter(|part| !is_known(part))
                .map(|part| compile(part, surroundings, path))
                .collect()
        };
        let parts = Parts {
            all: list("allOf")?,
            any: list("anyOf")?,
            one: list("oneOf")?,
            not: match object.get("not") {
                Some(not) => Some(compile(not, surroundings, path)?),
                None => None,
            },
        };
        let none = parts.all.is_empty()
            && parts.any.is_empty()
            && parts.one.is_empty()
            && parts.not.is_none();
        Ok((!none).then_some(parts))
    }
}
