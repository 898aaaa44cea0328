//! Endpoints that belong to nothing else: limits, `/meta`, the caller, and search.

use serde_json::{Map, Value, json};

use super::bucket::Sample;
use super::reply::Reply;
use super::routes::{Ask, Route};
use super::who::{Rights, Who};
use super::world::{CORE, GRAPHQL, SEARCH, World};

pub const RATE_LIMIT: &str = "GET /rate_limit";

pub static ROUTES: &[Route] = &[
    Route::new(RATE_LIMIT, rate_limit),
    Route::new("GET /meta", meta),
    Route::new("GET /user", user),
    Route::new("GET /search/repositories", search),
];

/// Buckets of which nothing here takes a point, with their limits.
const UNUSED: [(&str, u32); 8] = [
    ("integration_manifest", 5_000),
    ("source_import", 100),
    ("code_scanning_autofix", 10),
    ("actions_runner_registration", 10_000),
    ("scim", 15_000),
    (SNAPSHOTS, 100),
    ("dependency_sbom", 100),
    ("code_search", 10),
];

/// Enterprise Servers have no such bucket.
const SNAPSHOTS: &str = "dependency_snapshots";

fn rate_limit(world: &mut World, ask: &Ask) -> Result<Reply, Reply> {
    if !world.limits_are_on() {
        return Err(Reply::refusal(404, "Rate limiting is not enabled."));
    }
    let now = world.now();
    let mut resources = Map::new();
    for resource in [CORE, SEARCH, GRAPHQL] {
        let sample = world.bucket(&ask.caller.who, resource).sample(now);
        resources.insert(resource.to_owned(), sample_json(sample));
    }
    let has_all = world.options.enterprise.is_none();
    let unused = UNUSED
        .iter()
        .filter(|(name, _)| has_all || *name != SNAPSHOTS);
    for (resource, limit) in unused {
        let reset = now.as_second() + 60;
        let unused = json!({"limit": limit, "used": 0, "remaining": limit, "reset": reset});
        resources.insert((*resource).to_owned(), unused);
    }
    let rate = resources[CORE].clone();
    Ok(Reply::ok(&json!({"resources": resources, "rate": rate})))
}

fn sample_json(sample: Sample) -> Value {
    json!({
        "limit": sample.limit, "used": sample.used, "remaining": sample.remaining,
        "reset": sample.reset.as_second(),
    })
}

fn meta(world: &mut World, _: &Ask) -> Result<Reply, Reply> {
    let mut meta = json!({"verifiable_password_authentication": false});
    match &world.options.enterprise {
        Some(enterprise) => meta["installed_version"] = enterprise.version.clone().into(),
        None => {
            meta["hooks"] = json!(["192.30.252.0/22", "185.199.108.0/22", "2606:50c0::/32"]);
            meta["web"] = json!(["192.30.252.0/22"]);
            meta["api"] = json!(["192.30.252.0/22"]);
        }
    }
    Ok(Reply::ok(&meta))
}

fn user(world: &mut World, ask: &Ask) -> Result<Reply, Reply> {
    match (&ask.caller.who, &ask.caller.rights) {
        (_, Rights::Nobody) => Err(Reply::refusal(401, "Requires authentication")),
        (Who::User(login), _) => {
            let login = login.clone();
            Ok(Reply::ok(&world.user_json(&login)))
        }
        _ => Err(Reply::refusal(
            403,
            "Resource not accessible by integration",
        )),
    }
}

/// Finds repositories by a part of their name.
fn search(world: &mut World, ask: &Ask) -> Result<Reply, Reply> {
    let Some(wanted) = ask.param("q").filter(|text| !text.is_empty()) else {
        return Err(Reply::invalid("Search", "q", "missing"));
    };
    let found = world.repositories.values();
    let found =
        found.filter(|it| it.full_name().contains(wanted) && world.may_see(&ask.caller, it));
    let found = found.map(|it| {
        let mut json = world.repository_json(it);
        json["score"] = json!(1.0);
        json
    });
    let found = found.collect();
    Ok(ask.counted_page(
        world,
        "items",
        found,
        json!({"total_count": 0, "incomplete_results": false}),
    ))
}
