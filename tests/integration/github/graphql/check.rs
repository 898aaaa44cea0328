//! What of a query the schema refuses before anything is run.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value, json};

use super::Fault;
use super::lex::Place;
use super::schema::{field, fields, may_be};
use super::tree::{Field, Given, Operation, Selection};

/// The values of the variables, with defaults.
///
/// # Errors
/// One for each that is missing or of another type.
pub fn variables(operation: &Operation, given: &Value) -> Result<Map<String, Value>, Vec<Fault>> {
    let mut values = Map::new();
    let mut faults = Vec::new();
    for variable in &operation.variables {
        let given = given.get(&variable.name).filter(|it| !it.is_null());
        let value = given.or(variable.default.as_ref());
        let fits = match value {
            None => !variable.kind.ends_with('!'),
            Some(value) => fits(&variable.kind, value),
        };
        if fits {
            values.insert(variable.name.clone(), value.cloned().unwrap_or_default());
        } else {
            let message = format!(
                "Variable ${} of type {} was provided invalid value",
                variable.name, variable.kind
            );
            faults.push(json!({
                "message": message, "locations": variable.place.json(),
                "extensions": {"value": value, "problems": [{"path": [], "explanation": "Expected value to not be null"}]},
            }));
        }
    }
    if faults.is_empty() {
        Ok(values)
    } else {
        Err(faults)
    }
}

fn fits(kind: &str, value: &Value) -> bool {
    match kind.trim_end_matches('!') {
        "String" | "ID" | "GitObjectID" | "URI" | "DateTime" => value.is_string(),
        "Int" => value.is_i64() || value.is_u64(),
        "Boolean" => value.is_boolean(),
        _ => true,
    }
}

/// Checks that everything asked for is there to be asked for.
///
/// # Errors
/// One for each thing that is not.
pub fn selections(operation: &Operation) -> Result<(), Vec<Fault>> {
    let mut check = Check {
        declared: operation
            .variables
            .iter()
            .map(|it| it.name.clone())
            .collect(),
        used: BTreeSet::new(),
        faults: Vec::new(),
    };
    let root = if operation.is_mutation {
        "Mutation"
    } else {
        "Query"
    };
    let mut path = vec![root.to_ascii_lowercase()];
    check.selections(root, &operation.selections, &mut path);
    for variable in &operation.variables {
        if !check.used.contains(&variable.name) {
            let name = &variable.name;
            let by = operation.name.as_deref().unwrap_or("anonymous query");
            check.faults.push(json!({
                "path": ["query"], "locations": variable.place.json(),
                "extensions": {"code": "variableNotUsed", "variableName": name},
                "message": format!("Variable ${name} is declared by {by} but not used"),
            }));
        }
    }
    if check.faults.is_empty() {
        Ok(())
    } else {
        Err(check.faults)
    }
}

struct Check {
    declared: BTreeSet<String>,
    used: BTreeSet<String>,
    faults: Vec<Fault>,
}

impl Check {
    fn refuse(&mut self, path: &[String], place: Place, code: &str, message: String) {
        self.faults.push(json!({
            "path": path, "locations": place.json(), "extensions": {"code": code}, "message": message,
        }));
    }

    fn selections(&mut self, kind: &str, selections: &[Selection], path: &mut Vec<String>) {
        let mut keys: BTreeMap<&str, &Field> = BTreeMap::new();
        for selection in selections {
            match selection {
                Selection::Field(field) => {
                    let other = keys.insert(field.key(), field);
                    if other
                        .is_some_and(|it| it.name != field.name || it.arguments != field.arguments)
                    {
                        let message = format!("Field '{}' has a field conflict", field.key());
                        self.refuse(path, field.place, "fieldConflict", message);
                    }
                    path.push(field.key().to_owned());
                    self.field(kind, field, path);
                    path.pop();
                }
                Selection::On {
                    kind: on,
                    selections,
                    place,
                } => {
                    let on = on.as_deref().unwrap_or(kind);
                    if !may_be(kind, on) {
                        let message = format!("Fragment on {on} can't be spread inside {kind}");
                        self.refuse(path, *place, "cannotSpreadFragment", message);
                    } else {
                        path.push(format!("... on {on}"));
                        self.selections(on, selections, path);
                        path.pop();
                    }
                }
                Selection::Spread(..) => {}
            }
        }
    }

    fn field(&mut self, kind: &str, asked: &Field, path: &mut Vec<String>) {
        let name = &asked.name;
        let Some(known) = field(kind, name) else {
            self.faults.push(json!({
                "path": path, "locations": asked.place.json(),
                "extensions": {"code": "undefinedField", "typeName": kind, "fieldName": name},
                "message": format!("Field '{name}' doesn't exist on type '{kind}'"),
            }));
            return;
        };
        for (argument, given) in &asked.arguments {
            if known.arguments.iter().all(|(name, _)| name != argument) {
                let message = format!("Field '{name}' doesn't accept argument '{argument}'");
                self.refuse(path, asked.place, "argumentNotAccepted", message);
            }
            self.given(given, asked.place, path);
        }
        let missing: Vec<&str> = known
            .arguments
            .iter()
            .filter(|(name, kind)| {
                kind.ends_with('!') && asked.arguments.iter().all(|(given, _)| given != name)
            })
            .map(|(name, _)| *name)
            .collect();
        if !missing.is_empty() {
            let message = format!(
                "Field '{name}' is missing required arguments: {}",
                missing.join(", ")
            );
            self.refuse(path, asked.place, "missingRequiredArguments", message);
        }
        let has_fields = fields(known.kind).is_some();
        if has_fields == asked.selections.is_empty() {
            let kind = known.kind;
            let message = if has_fields {
                format!(
                    "Field must have selections (field '{name}' returns {kind} but has no selections. Did you mean '{name} {{ ... }}'?)"
                )
            } else {
                format!(
                    "Selections can't be made on scalars (field '{name}' returns {kind} but has selections)"
                )
            };
            self.refuse(path, asked.place, "selectionMismatch", message);
        }
        self.selections(known.kind, &asked.selections, path);
    }

    fn given(&mut self, given: &Given, place: Place, path: &[String]) {
        match given {
            Given::Variable(name) => {
                if !self.declared.contains(name) {
                    let message =
                        format!("Variable ${name} is used by anonymous query but not declared");
                    self.refuse(path, place, "variableNotDefined", message);
                }
                self.used.insert(name.clone());
            }
            Given::List(list) => list.iter().for_each(|it| self.given(it, place, path)),
            Given::Object(object) => object
                .iter()
                .for_each(|(_, it)| self.given(it, place, path)),
            Given::Literal(_) | Given::Enum(_) => {}
        }
    }
}
