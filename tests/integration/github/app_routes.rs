//! Endpoints of Apps: as itself by JWT, and what an installation may ask about itself.

use std::collections::BTreeSet;

use jiff::SignedDuration;
use serde_json::{Map, Value, json};

use super::clock::written;
use super::credentials::{Installation, SUSPENDED, Token};
use super::jwt::UNDECODABLE;
use super::reply::Reply;
use super::repositories::is_installed_on;
use super::routes::{Ask, Route};
use super::who::{Level, Permissions, Rights, Who};
use super::world::World;

pub static ROUTES: &[Route] = &[
    Route::new("GET /app", show),
    Route::new("GET /app/installations", installations),
    Route::new("GET /app/installations/{installation_id}", installation),
    Route::new(
        "POST /app/installations/{installation_id}/access_tokens",
        mint,
    ),
    Route::new("GET /orgs/{org}/installation", of_organization),
    Route::new("GET /repos/{owner}/{repo}/installation", of_repository),
    Route::new("GET /installation/repositories", repositories),
    Route::new("DELETE /installation/token", revoke),
];

/// The App that calls as itself.
pub fn app(ask: &Ask) -> Result<u64, Reply> {
    match ask.caller.who {
        Who::App(id) => Ok(id),
        _ => Err(Reply::refusal(401, UNDECODABLE)),
    }
}

fn permissions_json(permissions: &Permissions) -> Value {
    let permissions = permissions.iter();
    let permissions: Map<String, Value> = permissions
        .map(|(name, level)| (name.clone(), level.name().into()))
        .collect();
    permissions.into()
}

fn show(world: &mut World, ask: &Ask) -> Result<Reply, Reply> {
    let id = app(ask)?;
    let app = world.credentials.apps[&id].clone();
    let mut installations = world.credentials.installations.values();
    let count = installations.by_ref().filter(|it| it.app == id).count();
    let created = written(jiff::Timestamp::UNIX_EPOCH);
    Ok(Reply::ok(&json!({
        "id": id, "slug": app.slug, "node_id": format!("A_{id}"), "client_id": format!("Iv1.{id:016x}"),
        "owner": world.account_json(&app.owner), "name": app.slug, "description": null,
        "external_url": world.html(), "html_url": format!("{}/apps/{}", world.html(), app.slug),
        "created_at": created, "updated_at": created, "permissions": permissions_json(&app.permissions),
        "events": app.events, "installations_count": count,
    })))
}

fn installation_json(world: &World, id: u64, it: &Installation) -> Value {
    let app = &world.credentials.apps[&it.app];
    let api = world.api();
    let chosen = it.repositories.is_some();
    let account = world.account_json(&it.account);
    let kind = account["type"].clone();
    json!({
        "id": id, "account": account, "repository_selection": if chosen { "selected" } else { "all" },
        "access_tokens_url": format!("{api}/app/installations/{id}/access_tokens"),
        "repositories_url": format!("{api}/installation/repositories"),
        "html_url": format!("{}/organizations/{}/settings/installations/{id}", world.html(), it.account),
        "app_id": it.app,
        "target_id": world.find_account(&it.account).map(|account| account.id), "target_type": kind,
        "permissions": permissions_json(&it.permissions), "events": app.events,
        "created_at": written(it.created_at), "updated_at": written(it.created_at),
        "single_file_name": null, "has_multiple_single_files": false, "single_file_paths": [],
        "app_slug": app.slug, "suspended_by": null, "suspended_at": it.suspended_at.map(written),
    })
}

fn installations(world: &mut World, ask: &Ask) -> Result<Reply, Reply> {
    let app = app(ask)?;
    let all = world.credentials.installations.iter();
    let own = all.filter(|(_, it)| it.app == app);
    let own = own
        .map(|(id, it)| installation_json(world, *id, it))
        .collect();
    Ok(ask.page(world, own))
}

/// The installation that a path names, if it is the calling App's.
fn named(world: &World, ask: &Ask) -> Result<(u64, Installation), Reply> {
    let app = app(ask)?;
    let id: Option<u64> = ask.params[0].parse().ok();
    let found = id.and_then(|id| Some((id, world.credentials.installations.get(&id)?)));
    let found = found.filter(|(_, it)| it.app == app);
    let (id, it) = found.ok_or_else(Reply::not_found)?;
    Ok((id, it.clone()))
}

fn installation(world: &mut World, ask: &Ask) -> Result<Reply, Reply> {
    let (id, it) = named(world, ask)?;
    Ok(Reply::ok(&installation_json(world, id, &it)))
}

fn of_account(world: &World, ask: &Ask, login: &str) -> Result<Reply, Reply> {
    let app = app(ask)?;
    let mut all = world.credentials.installations.iter();
    let found = all.find(|(_, it)| it.app == app && it.account.eq_ignore_ascii_case(login));
    let (id, it) = found.ok_or_else(Reply::not_found)?;
    Ok(Reply::ok(&installation_json(world, *id, it)))
}

fn of_organization(world: &mut World, ask: &Ask) -> Result<Reply, Reply> {
    of_account(world, ask, &ask.params[0])
}

fn of_repository(world: &mut World, ask: &Ask) -> Result<Reply, Reply> {
    of_account(world, ask, &ask.params[0])
}

/// Gives an installation's token, for less than the installation has if that is asked.
fn mint(world: &mut World, ask: &Ask) -> Result<Reply, Reply> {
    let (id, it) = named(world, ask)?;
    if it.suspended_at.is_some() {
        return Err(Reply::refusal(403, SUSPENDED));
    }
    let body = ask.json()?;
    let mut permissions = it.permissions.clone();
    if let Some(asked) = body["permissions"].as_object() {
        permissions.clear();
        for (name, level) in asked {
            let level = if level == "write" {
                Level::Write
            } else {
                Level::Read
            };
            if it.permissions.get(name) < Some(&level) {
                let message = "The permissions requested are not granted to this installation.";
                return Err(Reply::refusal(422, message));
            }
            permissions.insert(name.clone(), level);
        }
    }
    let asked = asked_repositories(world, &it, &body)?;
    let repositories = asked.or(it.repositories.clone());
    let expires =
        world.now() + SignedDuration::try_from(world.options.token_life).unwrap_or_default();
    let token = world.credentials.give(
        "ghs",
        Token::Installation {
            installation: id,
            expires,
            permissions: permissions.clone(),
            repositories: repositories.clone(),
        },
    );
    let mut answer = json!({
        "token": token, "expires_at": written(expires), "permissions": permissions_json(&permissions),
        "repository_selection": if repositories.is_some() { "selected" } else { "all" },
    });
    if let Some(repositories) = repositories {
        let repositories = repositories
            .iter()
            .map(|id| world.repository_json(&world.repositories[id]));
        answer["repositories"] = repositories.collect();
    }
    Ok(Reply::json(201, &answer))
}

fn asked_repositories(
    world: &World,
    it: &Installation,
    body: &Value,
) -> Result<Option<BTreeSet<u64>>, Reply> {
    let rights = Rights::Installation {
        permissions: it.permissions.clone(),
        repositories: it.repositories.clone(),
        account: it.account.clone(),
    };
    let (names, ids) = (
        body["repositories"].as_array(),
        body["repository_ids"].as_array(),
    );
    if names.is_none() && ids.is_none() {
        return Ok(None);
    }
    let mut found = BTreeSet::new();
    let asked = names.into_iter().chain(ids).flatten();
    for asked in asked {
        let mut all = world.repositories.values();
        let repository = all.find(|it| {
            is_installed_on(&rights, it)
                && (asked.as_u64() == Some(it.id)
                    || asked
                        .as_str()
                        .is_some_and(|name| name.eq_ignore_ascii_case(&it.name)))
        });
        let missing = "There is at least one repository that does not exist or is not accessible to the parent installation.";
        let repository = repository.ok_or_else(|| Reply::refusal(422, missing))?;
        found.insert(repository.id);
    }
    Ok(Some(found))
}

fn repositories(world: &mut World, ask: &Ask) -> Result<Reply, Reply> {
    let Rights::Installation { repositories, .. } = &ask.caller.rights else {
        let message = "You must authenticate with an installation access token in order to list repositories for an installation.";
        return Err(Reply::refusal(403, message));
    };
    let selection = if repositories.is_some() {
        "selected"
    } else {
        "all"
    };
    let own = world.repositories.values();
    let own = own.filter(|it| is_installed_on(&ask.caller.rights, it));
    let own = own.map(|it| world.repository_json(it)).collect();
    let beside = json!({"total_count": 0, "repository_selection": selection});
    Ok(ask.counted_page(world, "repositories", own, beside))
}

fn revoke(world: &mut World, ask: &Ask) -> Result<Reply, Reply> {
    if !matches!(ask.caller.rights, Rights::Installation { .. }) {
        return Err(Reply::refusal(
            403,
            "Resource not accessible by personal access token",
        ));
    }
    world.credentials.revoke(&ask.caller.credential);
    Ok(Reply::nothing(204))
}
