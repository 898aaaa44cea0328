//! GraphQL: what a query means, what it costs, and what it answers.

mod check;
mod lex;
mod parse;
mod price;
mod repository_fields;
mod run;
pub mod schema;
mod thing;
mod tree;

use serde_json::{Map, Value, json};

use super::bucket::Sample;
use super::who::Caller;
use super::world::World;
use run::Run;
use tree::Operation;

/// A query that may be run.
pub struct Prepared {
    operation: Operation,
    variables: Map<String, Value>,
    /// Primary points.
    pub cost: u32,
    node_count: u64,
    pub is_mutation: bool,
}

/// An error as GitHub writes it.
pub type Fault = Value;

/// Reads a request, checks it against the schema and prices it.
///
/// # Errors
/// The errors of an answer that has no data.
pub fn prepare(body: &Value) -> Result<Prepared, Vec<Fault>> {
    let Some(query) = body["query"].as_str() else {
        return Err(vec![
            json!({"message": "A query attribute must be specified and must be a string."}),
        ]);
    };
    let wanted = body["operationName"].as_str();
    let operation = parse::operation(query, wanted).map_err(|fault| vec![fault])?;
    let variables = check::variables(&operation, &body["variables"])?;
    check::selections(&operation)?;
    let price = price::of(&operation, &variables)?;
    Ok(Prepared {
        is_mutation: operation.is_mutation,
        operation,
        variables,
        cost: price.points,
        node_count: price.nodes,
    })
}

/// Runs a query; what cannot be had is null and named among the errors, as is what comes after so many fields.
pub fn answer(
    world: &World,
    caller: &Caller,
    prepared: &Prepared,
    sample: Sample,
    most_fields: Option<usize>,
) -> Value {
    let mut run = Run::new(world, caller, prepared, sample, most_fields);
    let data = run.query(&prepared.operation.selections);
    let mut answer = json!({"data": data});
    if !run.errors.is_empty() {
        answer["errors"] = run.errors.into();
    }
    answer
}
