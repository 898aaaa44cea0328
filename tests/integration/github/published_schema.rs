//! GitHub's published GraphQL schema, by which the schema of the fake and queries of ours are judged.

use std::env;
use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};

use serde_json::{Value, json};

/// What GitHub's schema says.
#[derive(Debug)]
pub struct Judgement {
    /// What is wrong with each query, in their order.
    pub faults: Vec<Vec<String>>,
    /// By name: `fields` and `mayBe`.
    pub types: Value,
}

/// Asks the reference implementation of GraphQL.
pub fn judge(queries: &[&str], types: &[&str]) -> Judgement {
    let folder = env::var_os("FLUX_SETUP_GITHUB_SCHEMA");
    let folder = folder
        .expect("FLUX_SETUP_GITHUB_SCHEMA names the folder that `tests/github/schema` prints");
    let program = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/github/validate-queries.mjs");
    let mut node = Command::new("node")
        .arg(program)
        .arg(folder)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("`node` is installed");
    let asked = json!({"queries": queries, "types": types}).to_string();
    let mut stdin = node.stdin.take().expect("it was piped");
    stdin.write_all(asked.as_bytes()).expect("it reads");
    drop(stdin);
    let answer = node.wait_with_output().expect("it ends");
    assert!(answer.status.success(), "{answer:?}");
    let answer: Value = serde_json::from_slice(&answer.stdout).expect("it prints JSON");
    let text = |it: &Value| it.as_str().unwrap_or_default().to_owned();
    let texts = |it: &Value| it.as_array().into_iter().flatten().map(text).collect();
    Judgement {
        faults: answer["faults"]
            .as_array()
            .into_iter()
            .flatten()
            .map(texts)
            .collect(),
        types: answer["types"].clone(),
    }
}
