//! What a query costs: the requests that its connections need, divided by a hundred, at least one point.

use serde_json::{Map, Value, json};

use super::Fault;
use super::schema::{field, is_connection};
use super::tree::{Field, Given, Operation, Selection};

const MOST_NODES: u64 = 500_000;
const MOST_OF_A_PAGE: i64 = 100;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Price {
    pub points: u32,
    pub nodes: u64,
}

/// # Errors
/// A connection that says not how many, or too many; and more nodes than a query may ask for.
pub fn of(operation: &Operation, variables: &Map<String, Value>) -> Result<Price, Vec<Fault>> {
    let mut sum = Sum {
        variables,
        requests: 0,
        nodes: 0,
        faults: Vec::new(),
    };
    let root = if operation.is_mutation {
        "Mutation"
    } else {
        "Query"
    };
    sum.selections(root, &operation.selections, 1);
    if sum.faults.is_empty() && sum.nodes > MOST_NODES {
        let message = format!(
            "This query requests up to {} possible nodes which exceeds the maximum limit of 500,000.",
            sum.nodes
        );
        sum.faults
            .push(json!({"type": "MAX_NODE_LIMIT_EXCEEDED", "message": message}));
    }
    if !sum.faults.is_empty() {
        return Err(sum.faults);
    }
    let points = (sum.requests + 50) / 100;
    Ok(Price {
        points: u32::try_from(points).unwrap_or(u32::MAX).max(1),
        nodes: sum.nodes,
    })
}

struct Sum<'a> {
    variables: &'a Map<String, Value>,
    requests: u64,
    nodes: u64,
    faults: Vec<Fault>,
}

impl Sum<'_> {
    /// `times`: how many things of this type there may be.
    fn selections(&mut self, kind: &str, selections: &[Selection], times: u64) {
        for selection in selections {
            match selection {
                Selection::On {
                    kind: on,
                    selections,
                    ..
                } => {
                    self.selections(on.as_deref().unwrap_or(kind), selections, times);
                }
                Selection::Field(asked) => {
                    let Some(known) = field(kind, &asked.name) else {
                        continue;
                    };
                    let mut inside = times;
                    if is_connection(known.kind) {
                        self.requests = self.requests.saturating_add(times);
                        inside = times.saturating_mul(self.size(asked));
                        self.nodes = self.nodes.saturating_add(inside);
                    }
                    self.selections(known.kind, &asked.selections, inside);
                }
                Selection::Spread(..) => {}
            }
        }
    }

    fn size(&mut self, asked: &Field) -> u64 {
        let number = |wanted: &str| {
            let mut arguments = asked.arguments.iter();
            let (_, given) = arguments.find(|(name, _)| name == wanted)?;
            literal(given, self.variables).as_i64()
        };
        let name = &asked.name;
        let Some(size) = number("first") else {
            self.faults.push(json!({
                "type": "MISSING_PAGINATION_BOUNDARIES", "locations": asked.place.json(),
                "message": format!("You must provide a `first` or `last` value to properly paginate the `{name}` connection."),
            }));
            return 0;
        };
        if !(0..=MOST_OF_A_PAGE).contains(&size) {
            self.faults.push(json!({
                "type": "EXCESSIVE_PAGINATION", "locations": asked.place.json(),
                "message": format!("Requesting {size} records on the `{name}` connection exceeds the `first` limit of 100 records."),
            }));
        }
        size.unsigned_abs()
    }
}

/// What an argument says once variables are put in.
pub fn literal(given: &Given, variables: &Map<String, Value>) -> Value {
    match given {
        Given::Variable(name) => variables.get(name).cloned().unwrap_or_default(),
        Given::Literal(value) => value.clone(),
        Given::Enum(name) => name.clone().into(),
        Given::List(list) => list.iter().map(|it| literal(it, variables)).collect(),
        Given::Object(object) => {
            let object = object.iter();
            let object: Map<_, _> = object
                .map(|(name, it)| (name.clone(), literal(it, variables)))
                .collect();
            object.into()
        }
    }
}
