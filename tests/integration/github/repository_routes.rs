//! Endpoints of repositories: themselves, their commits, refs and tags, and those of an organisation.

use serde_json::{Value, json};

use super::reply::Reply;
use super::repositories::{Repository, Target};
use super::routes::{Ask, Route};
use super::who::{Level, Need, Rights};
use super::world::World;

pub static ROUTES: &[Route] = &[
    Route::new("GET /repos/{owner}/{repo}", show),
    Route::new("GET /repos/{owner}/{repo}/commits/{ref}", commit),
    Route::new("GET /repos/{owner}/{repo}/git/ref/{ref}", git_ref),
    Route::new(
        "GET /repos/{owner}/{repo}/git/matching-refs/{ref}",
        matching_refs,
    ),
    Route::new("GET /repos/{owner}/{repo}/tags", tags),
    Route::new("GET /repos/{owner}/{repo}/branches", branches),
    Route::new("GET /orgs/{org}/repos", of_organization),
];

const CONTENTS: Need = Need {
    scopes: &["repo", "public_repo"],
    permission: "contents",
    level: Level::Read,
};

/// Public contents are everybody's; private ones need a right.
fn readable<'a>(world: &'a World, ask: &Ask) -> Result<&'a Repository, Reply> {
    let repository = world.repository(ask)?;
    if repository.private {
        return world.repository_with(ask, &CONTENTS);
    }
    Ok(repository)
}

fn show(world: &mut World, ask: &Ask) -> Result<Reply, Reply> {
    let repository = world.repository(ask)?;
    Ok(Reply::ok(&world.whole_repository_json(repository)))
}

fn commit(world: &mut World, ask: &Ask) -> Result<Reply, Reply> {
    let repository = readable(world, ask)?;
    if repository.refs.is_empty() {
        return Err(Reply::refusal(409, "Git Repository is empty."));
    }
    let name = &ask.params[2];
    let target = repository.resolve(name);
    let target =
        target.ok_or_else(|| Reply::refusal(422, &format!("No commit found for SHA: {name}")))?;
    let accept = ask.headers.get("accept").and_then(|it| it.to_str().ok());
    if accept.is_some_and(|accept| accept.contains("github.sha")) {
        return Ok(Reply::text(target.commit().to_owned()));
    }
    Ok(Reply::ok(&world.commit_json(repository, target.commit())))
}

fn ref_json(world: &World, repository: &Repository, name: &str, target: &Target) -> Value {
    let at = format!("{}/repos/{}/git", world.api(), repository.full_name());
    let (kind, place) = match target {
        Target::Commit(_) => ("commit", "commits"),
        Target::Tag { .. } => ("tag", "tags"),
    };
    json!({
        "ref": name, "node_id": format!("REF_{}_{name}", repository.id), "url": format!("{at}/{name}"),
        "object": {"type": kind, "sha": target.oid(), "url": format!("{at}/{place}/{}", target.oid())},
    })
}

fn git_ref(world: &mut World, ask: &Ask) -> Result<Reply, Reply> {
    let repository = readable(world, ask)?;
    let name = format!("refs/{}", ask.params[2]);
    let target = repository.refs.get(&name).ok_or_else(Reply::not_found)?;
    Ok(Reply::ok(&ref_json(world, repository, &name, target)))
}

fn matching_refs(world: &mut World, ask: &Ask) -> Result<Reply, Reply> {
    let repository = readable(world, ask)?;
    let start = format!("refs/{}", ask.params[2]);
    let found = repository
        .refs
        .iter()
        .filter(|(name, _)| name.starts_with(&start));
    let found = found.map(|(name, target)| ref_json(world, repository, name, target));
    let found = found.collect();
    Ok(ask.page(world, found))
}

fn short_refs(world: &World, repository: &Repository, prefix: &str) -> Vec<(String, Value)> {
    let at = format!("{}/repos/{}", world.api(), repository.full_name());
    let found = repository.refs.iter().filter_map(|(name, target)| {
        let commit = target.commit();
        let commit = json!({"sha": commit, "url": format!("{at}/commits/{commit}")});
        Some((name.strip_prefix(prefix)?.to_owned(), commit))
    });
    found.collect()
}

fn tags(world: &mut World, ask: &Ask) -> Result<Reply, Reply> {
    let repository = readable(world, ask)?;
    let at = format!("{}/repos/{}", world.api(), repository.full_name());
    let tags = short_refs(world, repository, "refs/tags/")
        .into_iter()
        .rev();
    let tags = tags.map(|(name, commit)| {
        json!({
            "name": name, "commit": commit, "node_id": format!("REF_{}_{name}", repository.id),
            "zipball_url": format!("{at}/zipball/refs/tags/{name}"),
            "tarball_url": format!("{at}/tarball/refs/tags/{name}"),
        })
    });
    let tags = tags.collect();
    Ok(ask.page(world, tags))
}

fn branches(world: &mut World, ask: &Ask) -> Result<Reply, Reply> {
    let repository = readable(world, ask)?;
    let branches = short_refs(world, repository, "refs/heads/").into_iter();
    let branches =
        branches.map(|(name, commit)| json!({"name": name, "commit": commit, "protected": false}));
    let branches = branches.collect();
    Ok(ask.page(world, branches))
}

/// The repositories of an organisation that the caller may see.
fn of_organization(world: &mut World, ask: &Ask) -> Result<Reply, Reply> {
    let account = world
        .find_account(&ask.params[0])
        .filter(|it| it.is_organization);
    let login = account.ok_or_else(Reply::not_found)?.login.clone();
    let all = world.repositories.values();
    let mut own: Vec<&Repository> = all
        .filter(|it| it.owner == login && world.may_see(&ask.caller, it))
        .collect();
    match ask.param("sort").unwrap_or("created") {
        "pushed" => own.sort_by_key(|it| (it.pushed_at, it.id)),
        "full_name" => own.sort_by_key(|it| it.full_name()),
        _ => own.sort_by_key(|it| (it.created_at, it.id)),
    }
    let by_name = ask.param("sort") == Some("full_name");
    let ascending = ask.param("direction").map_or(by_name, |it| it == "asc");
    if !ascending {
        own.reverse();
    }
    let own = own
        .into_iter()
        .map(|it| world.repository_json(it))
        .collect();
    Ok(ask.page(world, own))
}

/// Whether the contents of a private repository may be read; GraphQL asks it too.
pub fn may_read(rights: &Rights, repository: &Repository) -> bool {
    !repository.private || CONTENTS.is_met_by(rights)
}
