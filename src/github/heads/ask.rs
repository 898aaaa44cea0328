//! Sends the queries for heads; all that they say is read elsewhere.

use std::time::Duration;

use crate::budget::live::Purpose;
use crate::github::{CallFault, Client};

use super::answer::{self, RepositoryFault, RepositoryHeads};
use super::query::query;
use super::question::RepositoryQuestion;
use super::recency::{self, Recency, recency_query};

/// Points that a query costs: without connections, or with fewer than 150, it is one.
const COST: u32 = 1;

/// What came of a query.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answered<T> {
    pub answer: T,
    /// Points of the hour, where GitHub told.
    pub cost: Option<u32>,
    pub latency: Duration,
}

/// Asks where refs point; the answers come in the order of the questions.
///
/// # Errors
/// Nothing of use came back for any of them.
pub async fn ask(
    client: &Client,
    questions: &[RepositoryQuestion],
) -> Result<Answered<Vec<Result<RepositoryHeads, RepositoryFault>>>, CallFault> {
    let (text, variables) = query(questions);
    let answered = client
        .graphql(&text, variables, Purpose::Heads, COST)
        .await?;
    let read = answer::read(questions, &answered.data, &answered.errors);
    let needs = answered.needs.as_deref();
    let read = read
        .into_iter()
        .map(|found| found.map_err(|fault| fault.needing(needs)));
    Ok(Answered {
        answer: read.collect(),
        cost: answered.cost,
        latency: answered.latency,
    })
}

/// Asks which repositories of an owner were pushed to last.
///
/// # Errors
/// Nothing of use came back.
pub async fn ask_recency(
    client: &Client,
    owner: &str,
    after: Option<&str>,
) -> Result<Answered<Result<Recency, RepositoryFault>>, CallFault> {
    let (text, variables) = recency_query(owner, after);
    let answered = client
        .graphql(text, variables, Purpose::Heads, COST)
        .await?;
    Ok(Answered {
        answer: recency::read(&answered.data, &answered.errors)
            .map_err(|fault| fault.needing(answered.needs.as_deref())),
        cost: answered.cost,
        latency: answered.latency,
    })
}
