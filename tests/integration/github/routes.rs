//! Which path is which endpoint, and what a handler is asked.

use http::{HeaderMap, Method};
use percent_encoding::percent_decode_str;
use serde_json::{Value, json};

use super::reply::Reply;
use super::who::{Caller, Need, Rights};
use super::world::World;
use super::{app_routes, delivery_routes, hook_routes, other_routes, repository_routes};

/// A call as its handler sees it.
#[derive(Debug)]
pub struct Ask<'a> {
    pub method: &'a Method,
    pub headers: &'a HeaderMap,
    pub body: &'a [u8],
    pub caller: Caller,
    /// Below the API's root, by names and not by ids.
    pub path: String,
    /// The same, as links of further pages have it.
    pub link_path: String,
    pub raw_query: String,
    pub query: Vec<(String, String)>,
    pub params: Vec<String>,
}

pub type Handler = fn(&mut World, &Ask) -> Result<Reply, Reply>;

/// An endpoint, as `GET /repos/{owner}/{repo}`.
pub struct Route {
    pub endpoint: &'static str,
    handler: Handler,
}

/// A route that fits a path.
pub struct Matched {
    pub route: &'static Route,
    pub params: Vec<String>,
}

static ROUTES: &[&[Route]] = &[
    app_routes::ROUTES,
    delivery_routes::ROUTES,
    hook_routes::ROUTES,
    other_routes::ROUTES,
    repository_routes::ROUTES,
];

impl Route {
    pub const fn new(endpoint: &'static str, handler: Handler) -> Self {
        Self { endpoint, handler }
    }

    pub fn answer(&self, world: &mut World, ask: &Ask) -> Reply {
        (self.handler)(world, ask).unwrap_or_else(|refusal| refusal)
    }

    fn matches(&self, method: &Method, path: &str) -> Option<Vec<String>> {
        let (wanted, pattern) = self.endpoint.split_once(' ')?;
        if wanted != method.as_str() {
            return None;
        }
        let mut params = Vec::new();
        let mut parts = path.split('/');
        let mut patterns = pattern.split('/');
        loop {
            match (patterns.next(), parts.next()) {
                (None, None) => return Some(params),
                // Only the name of a ref goes on over slashes; GitHub's description calls it `ref` too.
                (Some("{ref}"), Some(first)) => {
                    let rest: Vec<&str> = std::iter::once(first).chain(parts).collect();
                    params.push(decoded(&rest.join("/")));
                    return Some(params);
                }
                (Some(pattern), Some(part)) if pattern.starts_with('{') => {
                    params.push(decoded(part));
                }
                (Some(pattern), Some(part)) if pattern == part => {}
                _ => return None,
            }
        }
    }
}

/// Finds the endpoint of a call.
pub fn find(method: &Method, path: &str) -> Option<Matched> {
    ROUTES.iter().copied().flatten().find_map(|route| {
        let params = route.matches(method, path)?;
        Some(Matched { route, params })
    })
}

/// All that REST has here.
pub fn endpoints() -> impl Iterator<Item = &'static str> {
    let routes = ROUTES.iter().copied().flatten();
    routes.map(|route| route.endpoint)
}

pub fn decoded(text: &str) -> String {
    percent_decode_str(text).decode_utf8_lossy().into_owned()
}

impl Ask<'_> {
    pub fn param(&self, name: &str) -> Option<&str> {
        let mut query = self.query.iter();
        let found = query.find(|(key, _)| key == name);
        found.map(|(_, value)| value.as_str())
    }

    /// `per_page`, which GitHub bounds without a word.
    pub fn per_page(&self) -> usize {
        let asked = self.param("per_page").and_then(|text| text.parse().ok());
        asked.unwrap_or(30).clamp(1, 100)
    }

    pub fn json(&self) -> Result<Value, Reply> {
        if self.body.is_empty() {
            return Ok(json!({}));
        }
        let value: Option<Value> = serde_json::from_slice(self.body).ok();
        let value = value.ok_or_else(|| Reply::refusal(400, "Problems parsing JSON"))?;
        if value.is_object() {
            Ok(value)
        } else {
            Err(Reply::refusal(400, "Body should be a JSON object"))
        }
    }

    /// # Errors
    /// As [`Ask::lacking`] says it.
    pub fn demand(&self, need: &Need) -> Result<(), Reply> {
        if need.is_met_by(&self.caller.rights) {
            Ok(())
        } else {
            Err(self.lacking(need))
        }
    }

    /// The refusal of a caller who lacks a right: where only scopes tell, the thing does not exist.
    pub fn lacking(&self, need: &Need) -> Reply {
        let forbidden = |by: &str| {
            Reply::refusal(403, &format!("Resource not accessible by {by}"))
                .header("x-accepted-github-permissions", need.permission_header())
        };
        match &self.caller.rights {
            Rights::Installation { .. } | Rights::App => forbidden("integration"),
            Rights::FineGrained(_) => forbidden("personal access token"),
            Rights::Scopes(_) => {
                Reply::not_found().header("x-accepted-oauth-scopes", need.scopes.join(", "))
            }
            Rights::Nobody => Reply::refusal(401, "Requires authentication"),
        }
    }

    /// One page of a list, with its links.
    pub fn page(&self, world: &World, items: Vec<Value>) -> Reply {
        let (items, links) = self.slice(world, items);
        linked(Reply::ok(&Value::Array(items)), links)
    }

    /// One page of a list that stands in an object beside its length.
    pub fn counted_page(
        &self,
        world: &World,
        key: &str,
        items: Vec<Value>,
        mut beside: Value,
    ) -> Reply {
        beside["total_count"] = items.len().into();
        let (items, links) = self.slice(world, items);
        beside[key] = items.into();
        linked(Reply::ok(&beside), links)
    }

    fn slice(&self, world: &World, items: Vec<Value>) -> (Vec<Value>, Vec<String>) {
        let size = self.per_page();
        let page = self.param("page").and_then(|text| text.parse().ok());
        let page: usize = page.unwrap_or(1).max(1);
        let last = items.len().div_ceil(size).max(1);
        let link = |to: usize, rel: &str| self.link(world, &[("page", &to.to_string())], rel);
        let mut links = Vec::new();
        if page > 1 {
            links.push(link(page - 1, "prev"));
        }
        if page < last {
            links.push(link(page + 1, "next"));
            links.push(link(last, "last"));
        }
        if page > 1 {
            links.push(link(1, "first"));
        }
        let skipped = size.saturating_mul(page - 1);
        (items.into_iter().skip(skipped).take(size).collect(), links)
    }

    /// An absolute link to this list with other parameters.
    pub fn link(&self, world: &World, changed: &[(&str, &str)], rel: &str) -> String {
        let kept = self.query.iter();
        let mut query: Vec<String> = kept
            .filter(|(key, _)| changed.iter().all(|(name, _)| key != name))
            .map(|(key, value)| format!("{key}={value}"))
            .collect();
        query.extend(changed.iter().map(|(key, value)| format!("{key}={value}")));
        let (api, path) = (world.api(), &self.link_path);
        format!("<{api}{path}?{}>; rel=\"{rel}\"", query.join("&"))
    }
}

pub fn linked(reply: Reply, links: Vec<String>) -> Reply {
    if links.is_empty() {
        reply
    } else {
        reply.header("link", links.join(", "))
    }
}
