//! Five organisations, three identities: who asks for what is told by the configuration alone.

use std::collections::BTreeMap;
use std::thread;
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::api_server::ApiServer;
use crate::github::hooks::Scope;
use crate::github::organisations::{IDENTITIES, ORGANISATIONS, RENAMED, found, user};
use crate::github::{FakeGithub, Options};
use crate::process::Service;

use super::scene::{LONG, Scene, told};

const REPOSITORIES: u32 = 60;

fn object(organisation: &str, number: u32) -> String {
    format!("{organisation}-{number}")
}

/// What is told of the questions for heads, by identity.
fn by_identity(service: &Service) -> BTreeMap<String, Value> {
    let told = told(service, "/api/v1/heads");
    let identities = told["identities"].as_array().cloned().unwrap_or_default();
    let named = identities.into_iter().filter_map(|it| {
        let name = it["identity"].as_str()?.to_owned();
        Some((name, it))
    });
    named.collect()
}

/// Repositories that each nobody but their own identity may see, and an object that follows each.
fn fleet(scene: &Scene<'_>) {
    let github = &scene.github;
    found(github, REPOSITORIES);
    thread::scope(|hands| {
        for (organisation, _) in ORGANISATIONS {
            hands.spawn(move || {
                for number in 0..REPOSITORIES {
                    let url = format!("https://github.com/{organisation}/r{number}");
                    let name = object(organisation, number);
                    scene.objects.git(&name, &url, "main");
                }
            });
        }
    });
}

/// Moves a head, and waits until its object was woken.
fn wakes(scene: &Scene<'_>, service: &Service, organisations: &[&str], number: u32, name: &str) {
    for organisation in organisations {
        let commit = format!("{:040x}", 0x1000 + number);
        let repository = format!("{organisation}/{name}");
        scene.github.push(&repository, "refs/heads/main", &commit);
    }
    for organisation in organisations {
        woken(scene, service, &object(organisation, number));
    }
}

fn woken(scene: &Scene<'_>, service: &Service, name: &str) {
    let deadline = Instant::now() + LONG;
    while scene.tokens.of(name).is_empty() {
        let told = told(service, "/api/v1/heads");
        assert!(
            Instant::now() < deadline,
            "{name}: {told}\n{}",
            service.log()
        );
        thread::sleep(Duration::from_millis(20));
    }
}

#[test]
#[ignore = "needs a Kubernetes API server"]
fn repositories_of_five_organisations_are_asked_for_by_the_identity_that_is_for_each() {
    let server = ApiServer::start();
    let github = FakeGithub::launch(Options::default());
    let tokens = IDENTITIES.map(|identity| (identity, github.personal_token(identity, &["repo"])));
    let scene = Scene::configured(
        &server,
        "organisations",
        github,
        Scope::Organization("acme".into()),
        "heads: {every: 2s}, audit: false, budgetIdentity: three, \
         webhooks: [{name: acme, organization: acme, secrets: [{file: secret}]}], identities: [\
         {name: one, token: {file: one}, owners: [north, East]}, \
         {name: two, token: {file: two}, owners: [south]}, \
         {name: three, token: {file: three}}]",
    );
    for (identity, token) in tokens {
        scene.home.write(identity, &token);
    }
    fleet(&scene);
    let mut service = scene.home.start();
    service.wait_until_ready();
    service.wait_until("all were asked for", |service| {
        let told = by_identity(service);
        told.len() == 3 && told.values().all(|it| it["lastRound"].is_string())
    });
    let asked = by_identity(&service);
    let repositories = IDENTITIES.map(|identity| asked[identity]["repositories"].as_u64());
    assert_eq!(repositories, [Some(120), Some(60), Some(120)]);
    for (organisation, identity) in ORGANISATIONS {
        let faults = asked[identity]["faults"].as_array().expect("a list");
        let of_it = faults.iter().filter_map(|fault| {
            let name = fault["repository"].as_str()?;
            let name = name.strip_prefix(organisation)?.strip_prefix('/')?;
            Some((name, fault["kind"].as_str()?))
        });
        let mut of_it: Vec<_> = of_it.collect();
        of_it.sort_unstable();
        let expected = [("r0", "notSeen"), ("r1", "blocked"), ("r2", "renamed")];
        assert_eq!(of_it, expected, "{organisation}");
    }

    let all = ORGANISATIONS.map(|(organisation, _)| organisation);
    wakes(&scene, &service, &all, 7, "r7");
    wakes(&scene, &service, &all, RENAMED, "renamed");

    // One of them runs out, and holds none of the others.
    let book = scene.github.books().buckets[&(user("two"), "graphql")];
    scene
        .github
        .use_by_others(&user("two"), "graphql", book.sample.remaining);
    let commit = format!("{:040x}", 0x1000 + 9);
    scene.github.push("south/r9", "refs/heads/main", &commit);
    service.wait_until("it knows that nothing is left", |service| {
        let report = told(service, "/api/v1/rate-limit");
        let buckets = report["buckets"].as_array().cloned().unwrap_or_default();
        let mut buckets = buckets.iter();
        buckets.any(|it| it["identity"] == "two" && it["remaining"] == 0)
    });
    let before = scene
        .github
        .books()
        .count(|key| key.who == user("two"))
        .calls;
    wakes(
        &scene,
        &service,
        &["north", "east", "west", "middle"],
        9,
        "r9",
    );
    wakes(
        &scene,
        &service,
        &["north", "east", "west", "middle"],
        11,
        "r11",
    );
    assert_eq!(scene.tokens.of("south-9"), Vec::<String>::new());
    let books = scene.github.books();
    assert_eq!(books.count(|key| key.who == user("two")).calls, before);
    let report = told(&service, "/api/v1/rate-limit");
    for identity in IDENTITIES {
        let rows = report["buckets"].as_array().expect("a list").iter();
        let mut rows = rows.filter(|it| it["identity"] == identity && it["resource"] == "graphql");
        let row = rows.next().expect("each has a bucket of its own");
        assert_eq!(rows.count(), 0);
        let own = row["ownUsed"].as_u64().expect("a number");
        let foreign = row["foreignUsed"].as_u64().expect("a number");
        let is_used_up = identity == "two";
        assert_eq!(foreign > 0, is_used_up, "{row}");
        assert!((1..=500).contains(&own), "{row}");
    }
    for (organisation, _) in ORGANISATIONS {
        for number in [7, RENAMED] {
            let name = object(organisation, number);
            assert_eq!(scene.tokens.of(&name).len(), 1, "{name}");
        }
        let others = (12..REPOSITORIES).map(|number| object(organisation, number));
        let woken: Vec<_> = others
            .filter(|name| !scene.tokens.of(name).is_empty())
            .collect();
        assert_eq!(woken, Vec::<String>::new());
    }
    assert_eq!(scene.github.violations(), []);
}
