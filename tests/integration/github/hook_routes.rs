//! Endpoints of hooks: repositories' and organisations' are alike, an App has one.

use serde_json::{Value, json};

use super::hooks::{Hook, Scope};
use super::reply::Reply;
use super::routes::{Ask, Route};
use super::who::{Level, Need, Rights};
use super::world::World;

pub static ROUTES: &[Route] = &[
    Route::new("GET /repos/{owner}/{repo}/hooks", list),
    Route::new("POST /repos/{owner}/{repo}/hooks", create),
    Route::new("GET /repos/{owner}/{repo}/hooks/{hook_id}", show),
    Route::new("PATCH /repos/{owner}/{repo}/hooks/{hook_id}", change),
    Route::new("DELETE /repos/{owner}/{repo}/hooks/{hook_id}", delete),
    Route::new(
        "GET /repos/{owner}/{repo}/hooks/{hook_id}/config",
        show_config,
    ),
    Route::new(
        "PATCH /repos/{owner}/{repo}/hooks/{hook_id}/config",
        change_config,
    ),
    Route::new("POST /repos/{owner}/{repo}/hooks/{hook_id}/pings", ping),
    Route::new("GET /orgs/{org}/hooks", list),
    Route::new("POST /orgs/{org}/hooks", create),
    Route::new("GET /orgs/{org}/hooks/{hook_id}", show),
    Route::new("PATCH /orgs/{org}/hooks/{hook_id}", change),
    Route::new("DELETE /orgs/{org}/hooks/{hook_id}", delete),
    Route::new("GET /orgs/{org}/hooks/{hook_id}/config", show_config),
    Route::new("PATCH /orgs/{org}/hooks/{hook_id}/config", change_config),
    Route::new("POST /orgs/{org}/hooks/{hook_id}/pings", ping),
    Route::new("GET /app/hook/config", show_config),
    Route::new("PATCH /app/hook/config", change_config),
];

const READ_REPOSITORY: Need = Need {
    scopes: &[
        "admin:repo_hook",
        "public_repo",
        "read:repo_hook",
        "repo",
        "write:repo_hook",
    ],
    permission: "repository_hooks",
    level: Level::Read,
};
const WRITE_REPOSITORY: Need = Need {
    scopes: &["admin:repo_hook", "public_repo", "repo", "write:repo_hook"],
    level: Level::Write,
    ..READ_REPOSITORY
};
const READ_ORGANIZATION: Need = Need {
    scopes: &["admin:org_hook"],
    permission: "organization_hooks",
    level: Level::Read,
};
const WRITE_ORGANIZATION: Need = Need {
    level: Level::Write,
    ..READ_ORGANIZATION
};

/// Whose hooks a path speaks of, for a caller who may speak of them.
pub fn scope(world: &World, ask: &Ask) -> Result<Scope, Reply> {
    let writes = !ask.method.is_safe();
    if ask.path.starts_with("/app/") {
        return Ok(Scope::App(super::app_routes::app(ask)?));
    }
    if ask.path.starts_with("/repos/") {
        let need = if writes {
            &WRITE_REPOSITORY
        } else {
            &READ_REPOSITORY
        };
        return Ok(Scope::Repository(world.repository_with(ask, need)?.id));
    }
    let account = world.find_account(&ask.params[0]);
    let account = account.filter(|it| it.is_organization);
    let login = account.ok_or_else(Reply::not_found)?.login.clone();
    let need = if writes {
        &WRITE_ORGANIZATION
    } else {
        &READ_ORGANIZATION
    };
    ask.demand(need)?;
    if let Rights::Installation { account, .. } = &ask.caller.rights
        && !account.eq_ignore_ascii_case(&login)
    {
        return Err(ask.lacking(need));
    }
    Ok(Scope::Organization(login))
}

/// The hook that a path names.
pub fn named(world: &World, ask: &Ask) -> Result<u64, Reply> {
    let scope = scope(world, ask)?;
    let mut hooks = world.hooks.values();
    let place = match scope {
        Scope::Repository(_) => 2,
        Scope::Organization(_) => 1,
        Scope::App(_) => {
            let found = hooks.find(|hook| hook.scope == scope);
            return found.map(|hook| hook.id).ok_or_else(Reply::not_found);
        }
    };
    let id: u64 = ask.params[place].parse().map_err(|_| Reply::not_found())?;
    let found = hooks.find(|hook| hook.id == id && hook.scope == scope);
    found.map(|hook| hook.id).ok_or_else(Reply::not_found)
}

fn list(world: &mut World, ask: &Ask) -> Result<Reply, Reply> {
    let scope = scope(world, ask)?;
    let hooks = world.hooks.values().filter(|hook| hook.scope == scope);
    let hooks = hooks.map(|hook| world.hook_json(hook)).collect();
    Ok(ask.page(world, hooks))
}

fn show(world: &mut World, ask: &Ask) -> Result<Reply, Reply> {
    let id = named(world, ask)?;
    Ok(Reply::ok(&world.hook_json(&world.hooks[&id])))
}

fn show_config(world: &mut World, ask: &Ask) -> Result<Reply, Reply> {
    let id = named(world, ask)?;
    Ok(Reply::ok(&world.hooks[&id].config()))
}

fn create(world: &mut World, ask: &Ask) -> Result<Reply, Reply> {
    let scope = scope(world, ask)?;
    let body = ask.json()?;
    let now = world.now();
    let mut hook = Hook::new(0, scope, vec!["push".to_owned()], now);
    let is_organization = matches!(hook.scope, Scope::Organization(_));
    if is_organization && body["name"] != "web" {
        return Err(Reply::invalid("Hook", "name", "name must be `web`"));
    }
    configure(&mut hook, &body["config"]);
    if hook.url.is_empty() {
        return Err(invalid("Config must contain URL for webhooks"));
    }
    subscribe(&mut hook, &body);
    check(world, &hook)?;
    hook.id = world.new_id();
    let json = world.hook_json(&hook);
    let id = hook.id;
    world.hooks.insert(id, hook);
    world.ping(id);
    let url = json["url"].as_str().unwrap_or_default().to_owned();
    Ok(Reply::json(201, &json).header("location", url))
}

fn change(world: &mut World, ask: &Ask) -> Result<Reply, Reply> {
    let id = named(world, ask)?;
    let body = ask.json()?;
    let mut hook = world.hooks[&id].clone();
    if let Some(config) = body.get("config").filter(|config| config.is_object()) {
        if config["url"].as_str().is_none_or(str::is_empty) {
            return Err(invalid("Config must contain URL for webhooks"));
        }
        // A configuration replaces the one before; a secret that is not repeated is gone.
        hook.secret = None;
        hook.content_type = "form".to_owned();
        hook.insecure_ssl = "0".to_owned();
        configure(&mut hook, config);
    }
    subscribe(&mut hook, &body);
    hook.updated_at = world.now();
    check(world, &hook)?;
    let json = world.hook_json(&hook);
    world.hooks.insert(id, hook);
    Ok(Reply::ok(&json))
}

/// Changes only what is named.
fn change_config(world: &mut World, ask: &Ask) -> Result<Reply, Reply> {
    let id = named(world, ask)?;
    let body = ask.json()?;
    let mut hook = world.hooks[&id].clone();
    configure(&mut hook, &body);
    hook.updated_at = world.now();
    check(world, &hook)?;
    let config = hook.config();
    world.hooks.insert(id, hook);
    Ok(Reply::ok(&config))
}

fn delete(world: &mut World, ask: &Ask) -> Result<Reply, Reply> {
    let id = named(world, ask)?;
    world.hooks.remove(&id);
    Ok(Reply::nothing(204))
}

fn ping(world: &mut World, ask: &Ask) -> Result<Reply, Reply> {
    let id = named(world, ask)?;
    world.ping(id);
    Ok(Reply::nothing(204))
}

fn configure(hook: &mut Hook, config: &Value) {
    let text = |key: &str| config[key].as_str().map(str::to_owned);
    if let Some(url) = text("url") {
        hook.url = url;
    }
    if let Some(content_type) = text("content_type") {
        hook.content_type = content_type;
    }
    if let Some(secret) = text("secret") {
        hook.secret = (!secret.is_empty()).then_some(secret);
    }
    let insecure =
        text("insecure_ssl").or_else(|| config["insecure_ssl"].as_u64().map(|it| it.to_string()));
    if let Some(insecure) = insecure {
        hook.insecure_ssl = insecure;
    }
}

fn subscribe(hook: &mut Hook, body: &Value) {
    let names = |key: &str| -> Option<Vec<String>> {
        let names = body[key].as_array()?.iter();
        Some(
            names
                .filter_map(|it| it.as_str().map(str::to_owned))
                .collect(),
        )
    };
    if let Some(events) = names("events") {
        hook.events = events;
    }
    for event in names("add_events").unwrap_or_default() {
        if !hook.events.contains(&event) {
            hook.events.push(event);
        }
    }
    let removed = names("remove_events").unwrap_or_default();
    hook.events.retain(|event| !removed.contains(event));
    if let Some(active) = body["active"].as_bool() {
        hook.active = active;
    }
}

/// # Errors
/// 422 for what no hook may be: twice the same, too many for an event, an unknown content type or scheme.
fn check(world: &World, hook: &Hook) -> Result<(), Reply> {
    if !hook.url.is_empty() && !hook.url.starts_with("http://") && !hook.url.starts_with("https://")
    {
        return Err(Reply::invalid("Hook", "url", "url must use http or https"));
    }
    if !["json", "form"].contains(&hook.content_type.as_str()) {
        return Err(invalid("Invalid content type"));
    }
    let others = world.hooks.values();
    let others = others.filter(|it| it.scope == hook.scope && it.id != hook.id);
    let others: Vec<&Hook> = others.collect();
    let whose = match hook.scope {
        Scope::Repository(_) => "repository",
        Scope::Organization(_) => "organization",
        Scope::App(_) => "app",
    };
    for event in &hook.events {
        let with = others.iter().filter(|it| it.events.contains(event));
        if with
            .clone()
            .any(|it| it.url == hook.url && it.content_type == hook.content_type)
        {
            return Err(invalid(&format!("Hook already exists on this {whose}")));
        }
        let most = world.hooks_an_event();
        if with.count() >= most {
            let message = format!("The \"{event}\" event cannot have more than {most} hooks");
            return Err(invalid(&message));
        }
    }
    Ok(())
}

fn invalid(message: &str) -> Reply {
    let error = json!({"resource": "Hook", "code": "custom", "message": message});
    let body = json!({
        "message": "Validation Failed", "errors": [error],
        "documentation_url": "https://docs.github.com/rest/repos/webhooks#create-a-repository-webhook",
    });
    Reply::json(422, &body)
}
