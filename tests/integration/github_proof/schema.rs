//! The fake's schema is a part of GitHub's, and both refuse the same queries.

use serde_json::json;

use super::caller::graphql;
use crate::github::FakeGithub;
use crate::github::graphql::schema::{TYPES, fields, may_be};
use crate::github::published_schema::judge;

#[test]
#[ignore = "needs GitHub's descriptions"]
fn every_field_and_argument_of_the_fake_is_one_of_github() {
    let judged = judge(&[], &TYPES);
    for kind in TYPES {
        let theirs = &judged.types[kind];
        for field in fields(kind).expect("it has fields") {
            let their = &theirs["fields"][field.name];
            assert_eq!(their["type"], field.kind, "{kind}.{}", field.name);
            for (name, of) in field.arguments {
                let their = &their["arguments"][name];
                let their_kind = their["type"].as_str().unwrap_or("nothing");
                let at = format!("{kind}.{}({name})", field.name);
                assert_eq!(
                    of.trim_end_matches('!'),
                    their_kind.trim_end_matches('!'),
                    "{at}"
                );
                assert_eq!(their["required"], of.ends_with('!'), "{at}");
            }
            let required = their["arguments"].as_object().into_iter().flatten();
            for (name, _) in required.filter(|(_, their)| their["required"] == true) {
                let known = field.arguments.iter().any(|(known, _)| known == name);
                assert!(known, "{kind}.{} lacks the argument {name}", field.name);
            }
        }
        for other in TYPES {
            let mut theirs = judged.types[kind]["mayBe"].as_array().into_iter().flatten();
            let said = theirs.any(|it| it == other) || kind == other;
            assert_eq!(may_be(kind, other), said, "{kind} as {other}");
        }
    }
}

/// Queries, and whether GitHub takes them.
const QUERIES: [(&str, bool); 25] = [
    ("{ viewer { login } }", true),
    (
        "query Q { rateLimit { cost limit nodeCount remaining resetAt used } }",
        true,
    ),
    (
        "{ repository(owner: \"acme\", name: \"shop\", followRenames: false) { id } }",
        true,
    ),
    (
        "{ a: repository(owner: \"acme\", name: \"shop\") { ...R } } fragment R on Repository { id name }",
        true,
    ),
    (
        "query($o: String!) { repositoryOwner(login: $o) { __typename login repositories(first: 2, \
         orderBy: {field: PUSHED_AT, direction: DESC}) { nodes { name pushedAt } pageInfo { hasNextPage endCursor } } } }",
        true,
    ),
    (
        "{ repository(owner: \"acme\", name: \"shop\") { refs(refPrefix: \"refs/tags/\", first: 5) \
         { edges { cursor node { name target { oid ... on Tag { target { oid } } } } } totalCount } } }",
        true,
    ),
    (
        "{ repository(owner: \"acme\", name: \"shop\") { a: id a: id } }",
        true,
    ),
    // What is no query at all.
    ("", false),
    ("{", false),
    ("{ }", false),
    ("{ viewer { login } } }", false),
    ("query($o String!) { viewer { login } }", false),
    ("{ viewer { login ? } }", false),
    ("{ viewer { ... on } }", false),
    // What nobody has.
    ("{ viewer { nothing } }", false),
    (
        "{ repository(owner: \"acme\", name: \"shop\", branch: \"main\") { id } }",
        false,
    ),
    ("{ repository(owner: \"acme\") { id } }", false),
    ("{ viewer }", false),
    ("{ viewer { login { name } } }", false),
    ("{ viewer { ...F } }", false),
    ("{ viewer { ... on Ref { name } } }", false),
    ("query($o: String!) { viewer { login } }", false),
    ("{ repository(owner: $o, name: \"shop\") { id } }", false),
    (
        "{ repository(owner: \"acme\", name: \"shop\") { a: id a: name } }",
        false,
    ),
    ("mutation { viewer { login } }", false),
];

#[tokio::test]
#[ignore = "needs GitHub's descriptions"]
async fn both_take_and_refuse_the_same_queries() {
    let texts: Vec<&str> = QUERIES.iter().map(|(text, _)| *text).collect();
    let judged = judge(&texts, &[]);
    for ((text, is_taken), faults) in QUERIES.iter().zip(judged.faults) {
        assert_eq!(faults.is_empty(), *is_taken, "{text}: {faults:?}");
    }
}

#[tokio::test]
async fn queries_are_taken_and_refused() {
    let github = FakeGithub::start().await;
    github.repository("acme/shop");
    let token = github.personal_token("ann", &["repo"]);
    for (text, is_taken) in QUERIES {
        let answer = graphql(&github, &token, text, json!({"o": "acme"})).await;
        assert_eq!(answer.status, 200, "{text}: {answer:?}");
        let json = answer.json();
        assert_eq!(json.get("data").is_some(), is_taken, "{text}: {json}");
        assert_eq!(json.get("errors").is_none(), is_taken, "{text}: {json}");
    }
}
