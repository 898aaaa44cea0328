//! GitHub's own description of its REST API, by which answers of the fake and requests of ours are judged.

use std::env;
use std::fs;
use std::path::PathBuf;

use jiff::Timestamp;
use serde_json::{Map, Value};

use super::exchange::Exchange;

/// Words of a schema that bind nobody.
const NOTES: [&str; 9] = [
    "default",
    "deprecated",
    "description",
    "discriminator",
    "example",
    "examples",
    "externalDocs",
    "readOnly",
    "title",
];

const UNKNOWN: &str = "is not known";

/// An OpenAPI 3.0 document.
pub struct Description(Value);

impl Description {
    /// `api.github.com.json` or `ghes.json`, of the folder that `tests/github/openapi` prints.
    pub fn load(file: &str) -> Self {
        let folder = env::var_os("FLUX_SETUP_GITHUB_OPENAPI");
        let folder: PathBuf = folder
            .expect("FLUX_SETUP_GITHUB_OPENAPI names the folder that `tests/github/openapi` prints")
            .into();
        let text = fs::read_to_string(folder.join(file)).expect("the folder holds it");
        Self(serde_json::from_str(&text).expect("it is JSON"))
    }

    /// A description of somebody else's.
    pub fn of(document: Value) -> Self {
        Self(document)
    }

    /// What of an exchange GitHub's description does not know, or knows otherwise.
    pub fn faults(&self, exchange: &Exchange) -> Vec<String> {
        let Some((method, path)) = exchange.endpoint.split_once(' ') else {
            return vec!["no endpoint of the fake".to_owned()];
        };
        if path.ends_with("/graphql") {
            return Vec::new();
        }
        let operation = &self.0["paths"][path][method.to_ascii_lowercase()];
        if operation.is_null() {
            return vec!["there is no such endpoint".to_owned()];
        }
        let mut faults = Faults::default();
        self.query(operation, exchange, &mut faults);
        let body = &operation["requestBody"]["content"]["application/json"]["schema"];
        let was_refused_for_it = [400, 422].contains(&exchange.status);
        if !body.is_null() && !exchange.asked.is_null() && !was_refused_for_it {
            self.check(body, &exchange.asked, "asked", &mut faults);
        } else if body.is_null() && !exchange.asked.is_null() {
            faults.add("asked", "takes no body");
        }
        self.answer(operation, exchange, &mut faults);
        let name = format!("{} {}", exchange.endpoint, exchange.status);
        let faults = faults.0.into_iter();
        faults.map(|fault| format!("{name}: {fault}")).collect()
    }

    fn query(&self, operation: &Value, exchange: &Exchange, faults: &mut Faults) {
        let parameters = operation["parameters"].as_array();
        let parameters: Vec<&Value> = parameters
            .into_iter()
            .flatten()
            .map(|it| self.followed(it))
            .filter(|it| it["in"] == "query")
            .collect();
        for (name, value) in &exchange.query {
            let at = format!("?{name}");
            let Some(known) = parameters.iter().find(|it| it["name"] == name.as_str()) else {
                faults.add(&at, "no such parameter");
                continue;
            };
            let schema = self.followed(&known["schema"]);
            let value = match schema["type"].as_str() {
                Some("integer" | "boolean") => serde_json::from_str(value).unwrap_or_default(),
                _ => Value::from(value.as_str()),
            };
            self.check(schema, &value, &at, faults);
        }
    }

    fn answer(&self, operation: &Value, exchange: &Exchange, faults: &mut Faults) {
        let status = exchange.status.to_string();
        let described = self.followed(&operation["responses"][status.as_str()]);
        let json = &described["content"]["application/json"]["schema"];
        if !json.is_null() {
            self.check(json, &exchange.answered, "answered", faults);
        } else if !described.is_null() {
            if !exchange.answered.is_null() {
                faults.add("answered", "has no body");
            }
        } else if exchange.status >= 400 && !exchange.answered.is_null() {
            // Every endpoint refuses in the same words.
            let basic = &self.0["components"]["schemas"]["basic-error"];
            self.check(basic, &exchange.answered, "answered", faults);
        } else if ![301, 304, 307].contains(&exchange.status) && exchange.status < 500 {
            faults.add("answered", "no such status");
        }
    }

    /// What a reference leads to.
    fn followed<'a>(&'a self, it: &'a Value) -> &'a Value {
        match it["$ref"].as_str() {
            None => it,
            Some(to) => {
                let to = to
                    .strip_prefix('#')
                    .expect("references stay in the document");
                let found = self.0.pointer(to).expect("references lead somewhere");
                self.followed(found)
            }
        }
    }

    fn check(&self, schema: &Value, value: &Value, at: &str, faults: &mut Faults) {
        let Some(object) = schema.as_object() else {
            return;
        };
        if let Some(to) = object.get("$ref") {
            debug_assert!(to.is_string());
            return self.check(self.followed(schema), value, at, faults);
        }
        if value.is_null() && schema["nullable"] == true {
            return;
        }
        for (word, rule) in object {
            match word.as_str() {
                "type" => check_type(rule, value, at, faults),
                "enum" if rule.as_array().is_some_and(|it| !it.contains(value)) => {
                    faults.add(at, &format!("{value} is none of {rule}"));
                }
                "format" => check_format(rule, value, at, faults),
                "items" => {
                    for (place, item) in value.as_array().into_iter().flatten().enumerate() {
                        self.check(rule, item, &format!("{at}[{place}]"), faults);
                    }
                }
                "properties" => {}
                "required" => {
                    for name in rule.as_array().into_iter().flatten() {
                        let name = name.as_str().unwrap_or_default();
                        if value.is_object() && value.get(name).is_none() {
                            faults.add(at, &format!("lacks `{name}`"));
                        }
                    }
                }
                "allOf" => {
                    // What one part does not know another does.
                    let mut found = Faults::default();
                    for part in rule.as_array().into_iter().flatten() {
                        self.check(part, value, at, &mut found);
                    }
                    let is_of_all = |fault: &String| !fault.ends_with(UNKNOWN);
                    faults.0.extend(found.0.into_iter().filter(is_of_all));
                }
                "oneOf" | "anyOf" => self.check_choice(word, rule, value, at, faults),
                "minimum" | "maximum" | "minItems" | "maxItems" | "minLength" | "maxLength"
                | "minProperties" | "maxProperties" => check_bound(word, rule, value, at, faults),
                "pattern" | "additionalProperties" | "nullable" | "enum" | "uniqueItems" => {}
                note => {
                    let is_note = NOTES.contains(&note) || note.starts_with("x-");
                    assert!(
                        is_note,
                        "`{note}` is a word of schemas that nothing here reads"
                    );
                }
            }
        }
        self.check_properties(object, value, at, faults);
    }

    /// Known properties by their schemas; unknown ones are faults, though JSON Schema lets them pass.
    fn check_properties(
        &self,
        schema: &Map<String, Value>,
        value: &Value,
        at: &str,
        faults: &mut Faults,
    ) {
        let Some(value) = value.as_object() else {
            return;
        };
        let known = schema.get("properties").and_then(Value::as_object);
        let others = schema.get("additionalProperties");
        for (name, value) in value {
            let at = format!("{at}.{name}");
            match known.and_then(|known| known.get(name)) {
                Some(schema) => self.check(schema, value, &at, faults),
                None => match others {
                    Some(others) if others.is_object() => self.check(others, value, &at, faults),
                    None if known.is_some() => faults.add(&at, UNKNOWN),
                    Some(Value::Bool(false)) => faults.add(&at, UNKNOWN),
                    _ => {}
                },
            }
        }
    }

    fn check_choice(&self, word: &str, rule: &Value, value: &Value, at: &str, faults: &mut Faults) {
        let tried = rule.as_array().into_iter().flatten().map(|part| {
            let mut faults = Faults::default();
            self.check(part, value, at, &mut faults);
            faults.0
        });
        let tried: Vec<Vec<String>> = tried.collect();
        if tried.iter().any(Vec::is_empty) {
            return;
        }
        let nearest = tried.iter().min_by_key(|faults| faults.len());
        let nearest = nearest.map(|it| it.join("; ")).unwrap_or_default();
        faults.add(at, &format!("fits nothing of {word}: {nearest}"));
    }
}

#[derive(Default)]
struct Faults(Vec<String>);

impl Faults {
    fn add(&mut self, at: &str, what: &str) {
        self.0.push(format!("{at} {what}"));
    }
}

fn check_type(rule: &Value, value: &Value, at: &str, faults: &mut Faults) {
    let fits = match rule.as_str().unwrap_or_default() {
        "object" => value.is_object(),
        "array" => value.is_array(),
        "string" => value.is_string(),
        "boolean" => value.is_boolean(),
        "integer" => value.is_i64() || value.is_u64(),
        "number" => value.is_number(),
        other => panic!("`{other}` is no type of OpenAPI"),
    };
    if !fits {
        faults.add(at, &format!("is {value}, not of type {rule}"));
    }
}

fn check_format(rule: &Value, value: &Value, at: &str, faults: &mut Faults) {
    let Some(text) = value.as_str() else {
        return;
    };
    let fits = match rule.as_str().unwrap_or_default() {
        "date-time" => text.parse::<Timestamp>().is_ok(),
        "uri" => text.contains("://"),
        _ => true,
    };
    if !fits {
        faults.add(at, &format!("is `{text}`, no {rule}"));
    }
}

fn check_bound(word: &str, rule: &Value, value: &Value, at: &str, faults: &mut Faults) {
    let bound = rule.as_f64().unwrap_or_default();
    let size = match value {
        Value::Number(number) => number.as_f64(),
        Value::String(text) => Some(text.chars().count() as f64),
        Value::Array(items) => Some(items.len() as f64),
        Value::Object(object) => Some(object.len() as f64),
        Value::Null | Value::Bool(_) => None,
    };
    let fits = size.is_none_or(|size| {
        if word.starts_with("min") {
            size >= bound
        } else {
            size <= bound
        }
    });
    if !fits {
        faults.add(at, &format!("is {value}, past the {word} {rule}"));
    }
}
