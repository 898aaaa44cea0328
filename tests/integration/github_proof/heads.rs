//! GraphQL: heads, tags and owners, what cannot be had, and what it costs.

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use super::caller::{Call, graphql};
use super::jwt::app_token;
use crate::github::clock::Clock;
use crate::github::repositories::{Block, Target};
use crate::github::sender::Delivering;
use crate::github::who::Level;
use crate::github::{FakeGithub, Options};

fn standing() -> FakeGithub {
    let start: Timestamp = "2026-11-20T10:00:00Z".parse().expect("a time");
    FakeGithub::launch(Options {
        clock: Clock::standing_at(start),
        ..Options::default()
    })
}

async fn ask(github: &FakeGithub, token: &str, query: &str) -> Value {
    graphql(github, token, query, json!({})).await.json()
}

#[tokio::test]
async fn what_cannot_be_had_is_null_and_harms_nothing_beside_it() {
    let github = FakeGithub::start().await;
    github.private_repository("acme/shop");
    github.private_repository("other/secret");
    github.repository("acme/taken");
    github.block("acme/taken", Block::Law);
    let app = github.app("flux-setup", &[("contents", Level::Read)], &[]);
    let installation = github.install(app.id, "acme", None);
    let mint = format!("/app/installations/{installation}/access_tokens");
    let mint = Call::new("POST", &mint).by(&app_token(&github, &app));
    let token = mint.send(&github).await.json()["token"]
        .as_str()
        .unwrap_or_default()
        .to_owned();
    let query = "{ a0: repository(owner: \"acme\", name: \"shop\") { ref(qualifiedName: \"refs/heads/main\") { target { oid } } \
        none: ref(qualifiedName: \"refs/heads/none\") { name } }
        a1: repository(owner: \"other\", name: \"secret\") { id }
        a2: repository(owner: \"acme\", name: \"taken\") { id } }";
    let answer = ask(&github, &token, query).await;
    let head = json!({"ref": {"target": {"oid": format!("{:040x}", 1)}}, "none": null});
    assert_eq!(answer["data"], json!({"a0": head, "a1": null, "a2": null}));
    let place = |line, column| json!([{"line": line, "column": column}]);
    assert_eq!(
        answer["errors"],
        json!([
            {"type": "NOT_FOUND", "path": ["a1"], "locations": place(2, 9),
             "message": "Could not resolve to a Repository with the name 'other/secret'."},
            {"type": "FORBIDDEN", "path": ["a2"], "locations": place(3, 9), "message": "Repository access blocked"},
        ])
    );
    // Without the right to read contents a private repository shows itself, but no refs.
    github.grant(installation, &[("metadata", Level::Read)]);
    let query = "{ a0: repository(owner: \"acme\", name: \"shop\") { name ref(qualifiedName: \"refs/heads/main\") { name } } }";
    let answer = ask(&github, &token, query).await;
    assert_eq!(answer["data"]["a0"], json!({"name": "shop", "ref": null}));
    assert_eq!(answer["errors"][0]["type"], "FORBIDDEN");
    assert_eq!(answer["errors"][0]["path"], json!(["a0", "ref"]));
    assert_eq!(
        answer["errors"][0]["message"],
        "Resource not accessible by integration"
    );
}

#[tokio::test]
async fn refs_are_followed_through_pushes_tags_renames_and_removal() {
    let github = FakeGithub::start().await;
    github.repository("acme/shop");
    let token = github.personal_token("ann", &["repo"]);
    let (commit, tag) = ("c".repeat(40), "d".repeat(40));
    github.push("acme/shop", "refs/heads/main", &commit);
    let annotated = Target::Tag {
        oid: tag.clone(),
        commit: commit.clone(),
    };
    github.push_as(
        "acme/shop",
        "refs/tags/v1.0.0",
        Some(annotated),
        Delivering::Unlisted,
    );
    github.rename("acme/shop", "acme/store");
    let query = "{ a: repository(owner: \"acme\", name: \"shop\") { nameWithOwner isArchived pushedAt \
        main: ref(qualifiedName: \"refs/heads/main\") { target { __typename oid } } \
        tag: ref(qualifiedName: \"refs/tags/v1.0.0\") { prefix name target { __typename oid ... on Tag { name target { oid } } } } } }";
    let answer = ask(&github, &token, query).await;
    let it = &answer["data"]["a"];
    assert_eq!(it["nameWithOwner"], "acme/store", "{answer}");
    assert_eq!(
        it["main"]["target"],
        json!({"__typename": "Commit", "oid": commit})
    );
    let target =
        json!({"__typename": "Tag", "oid": tag, "name": "v1.0.0", "target": {"oid": commit}});
    assert_eq!(
        it["tag"],
        json!({"prefix": "refs/tags/", "name": "v1.0.0", "target": target})
    );
    let strict = query.replace("name: \"shop\"", "name: \"shop\", followRenames: false");
    let answer = ask(&github, &token, &strict).await;
    assert_eq!(answer["errors"][0]["type"], "NOT_FOUND");
    github.push_as("acme/store", "refs/heads/main", None, Delivering::Unlisted);
    assert_eq!(
        ask(&github, &token, query).await["data"]["a"]["main"],
        json!(null)
    );
    github.change("acme/store", |it| it.archived = true);
    assert_eq!(
        ask(&github, &token, query).await["data"]["a"]["isArchived"],
        true
    );
    github.delete("acme/store");
    assert_eq!(ask(&github, &token, query).await["data"]["a"], json!(null));
}

#[tokio::test]
async fn an_owners_repositories_come_with_the_last_pushed_first() {
    let github = standing();
    let token = github.personal_token("ann", &["repo"]);
    for name in ["acme/a", "acme/b", "acme/c"] {
        github.repository(name);
    }
    github.private_repository("acme/hidden");
    for name in ["acme/b", "acme/a"] {
        github.advance(SignedDuration::from_secs(1));
        github.push(name, "refs/heads/main", &"e".repeat(40));
    }
    let query = "query($after: String) { repositoryOwner(login: \"acme\") { repositories(first: 2, after: $after, \
        orderBy: {field: PUSHED_AT, direction: DESC}) { nodes { name pushedAt } totalCount pageInfo { hasNextPage endCursor } } } }";
    let mut seen = Vec::new();
    let mut after = Value::Null;
    for _ in 0..2 {
        let answer = graphql(&github, &token, query, json!({"after": after}))
            .await
            .json();
        let page = &answer["data"]["repositoryOwner"]["repositories"];
        assert_eq!(page["totalCount"], 4, "{answer}");
        after = page["pageInfo"]["endCursor"].clone();
        seen.extend(
            page["nodes"]
                .as_array()
                .into_iter()
                .flatten()
                .map(|it| it["name"].clone()),
        );
        assert_eq!(page["pageInfo"]["hasNextPage"], seen.len() == 2);
    }
    assert_eq!(seen, ["a", "b", "hidden", "c"]);
    // Who may not see it does not count it.
    let stranger = github.personal_token("bob", &[]);
    let answer = graphql(&github, &stranger, query, json!({})).await.json();
    assert_eq!(
        answer["data"]["repositoryOwner"]["repositories"]["totalCount"],
        3
    );
    let answer = graphql(&github, &stranger, query, json!({"after": "x"}))
        .await
        .json();
    assert_eq!(answer["errors"][0]["type"], "INVALID_CURSOR_ARGUMENTS");
    let nobody = ask(
        &github,
        &token,
        "{ repositoryOwner(login: \"nobody\") { login } }",
    )
    .await;
    assert_eq!(nobody, json!({"data": {"repositoryOwner": null}}));
    let nobody = ask(
        &github,
        &token,
        "{ organization(login: \"ann\") { login } }",
    )
    .await;
    assert_eq!(nobody["errors"][0]["type"], "NOT_FOUND");
}

#[tokio::test]
async fn tags_are_paged_for_those_who_choose_by_version() {
    let github = FakeGithub::start().await;
    github.repository("acme/shop");
    let token = github.personal_token("ann", &["repo"]);
    for minor in 0..5 {
        github.push(
            "acme/shop",
            &format!("refs/tags/v1.{minor}.0"),
            &"f".repeat(40),
        );
    }
    let query = "{ repository(owner: \"acme\", name: \"shop\") { refs(refPrefix: \"refs/tags/\", first: 2, \
        orderBy: {field: TAG_COMMIT_DATE, direction: DESC}) { nodes { name } pageInfo { endCursor hasNextPage } } } }";
    let answer = ask(&github, &token, query).await;
    let page = &answer["data"]["repository"]["refs"];
    assert_eq!(
        page["nodes"],
        json!([{"name": "v1.4.0"}, {"name": "v1.3.0"}]),
        "{answer}"
    );
    assert_eq!(page["pageInfo"]["hasNextPage"], true);
}

#[tokio::test]
async fn a_query_costs_a_point_for_each_hundred_requests_of_its_connections() {
    let github = FakeGithub::start().await;
    github.repository("acme/shop");
    let token = github.personal_token("ann", &["repo"]);
    let heads = |count: usize| {
        let alias = |number| {
            format!(
                "a{number}: repository(owner: \"acme\", name: \"shop\") {{ ref(qualifiedName: \"refs/heads/main\") {{ target {{ oid }} }} }} "
            )
        };
        let aliases: String = (0..count).map(alias).collect();
        format!("{{ rateLimit {{ cost nodeCount used }} {aliases} }}")
    };
    let owner = |repositories: u32, refs: u32| {
        format!(
            "{{ rateLimit {{ cost nodeCount }} repositoryOwner(login: \"acme\") {{ repositories(first: {repositories}) {{ nodes {{ refs(refPrefix: \"refs/tags/\", first: {refs}) {{ nodes {{ name }} }} }} }} }} }}"
        )
    };
    for (query, cost, nodes) in [
        (heads(1), 1, 0),
        (heads(300), 1, 0),
        (owner(1, 100), 1, 101),
        (owner(48, 1), 1, 96),
        // 1 + 100 requests
        (owner(100, 100), 1, 10_100),
    ] {
        let answer = ask(&github, &token, &query).await;
        let limit = &answer["data"]["rateLimit"];
        assert_eq!(
            (&limit["cost"], &limit["nodeCount"]),
            (&json!(cost), &json!(nodes)),
            "{query}"
        );
    }
    let twice = owner(100, 1).trim_end_matches('}').to_owned();
    let twice = format!(
        "{twice} b: {}",
        &owner(100, 1)["{ rateLimit { cost nodeCount } ".len()..]
    );
    let answer = ask(&github, &token, &twice).await;
    assert_eq!(answer["data"]["rateLimit"]["cost"], 2, "{answer}");
    let used = github.books().of("POST /graphql");
    assert_eq!((used.calls, used.points), (6, 7));
}

#[tokio::test]
async fn a_connection_says_how_much_and_not_too_much() {
    let github = FakeGithub::start().await;
    github.repository("acme/shop");
    let token = github.personal_token("ann", &["repo"]);
    let refs = |arguments: &str| {
        format!(
            "{{ repository(owner: \"acme\", name: \"shop\") {{ refs(refPrefix: \"refs/tags/\"{arguments}) {{ totalCount }} }} }}"
        )
    };
    for (query, kind, message) in [
        (
            refs(""),
            "MISSING_PAGINATION_BOUNDARIES",
            "You must provide a `first` or `last` value to properly paginate the `refs` connection.",
        ),
        (
            refs(", first: 101"),
            "EXCESSIVE_PAGINATION",
            "Requesting 101 records on the `refs` connection exceeds the `first` limit of 100 records.",
        ),
    ] {
        let answer = ask(&github, &token, &query).await;
        assert_eq!(
            (
                &answer["errors"][0]["type"],
                &answer["errors"][0]["message"]
            ),
            (&json!(kind), &json!(message))
        );
        assert!(answer.get("data").is_none(), "{answer}");
    }
    let owner = |alias: usize| {
        format!(
            "a{alias}: repositoryOwner(login: \"acme\") {{ repositories(first: 100) {{ nodes {{ refs(refPrefix: \"x\", first: 100) {{ totalCount }} }} }} }} "
        )
    };
    let many: String = (0..50).map(owner).collect();
    let answer = ask(&github, &token, &format!("{{ {many} }}")).await;
    assert_eq!(answer["errors"][0]["type"], "MAX_NODE_LIMIT_EXCEEDED");
    assert_eq!(
        answer["errors"][0]["message"],
        "This query requests up to 505000 possible nodes which exceeds the maximum limit of 500,000."
    );
}

#[tokio::test]
async fn unknown_fields_and_missing_variables_are_named() {
    let github = FakeGithub::start().await;
    let token = github.personal_token("ann", &[]);
    let answer = ask(&github, &token, "{ viewer { nothing } }").await;
    assert_eq!(
        answer["errors"][0],
        json!({
            "path": ["query", "viewer", "nothing"], "locations": [{"line": 1, "column": 12}],
            "extensions": {"code": "undefinedField", "typeName": "User", "fieldName": "nothing"},
            "message": "Field 'nothing' doesn't exist on type 'User'",
        })
    );
    let query = "query($o: String!) { repositoryOwner(login: $o) { login } }";
    for variables in [json!({}), json!({"o": null}), json!({"o": 7})] {
        let answer = graphql(&github, &token, query, variables).await.json();
        let message = "Variable $o of type String! was provided invalid value";
        assert_eq!(answer["errors"][0]["message"], message);
    }
    let call = Call::new("POST", "/graphql")
        .by(&token)
        .json(&json!({"q": 1}));
    let answer = call.send(&github).await.json();
    let message = "A query attribute must be specified and must be a string.";
    assert_eq!(answer["errors"][0]["message"], message);
}
