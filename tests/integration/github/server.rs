//! What happens to every call: who it is, whether a limit stands against it, what it is answered, and the books.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::body::{Body, Bytes, to_bytes};
use axum::extract::{ConnectInfo, Request, State};
use axum::response::Response;
use futures::{StreamExt, stream};
use http::request::Parts;
use http::{Method, StatusCode};
use jiff::Timestamp;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::Core;
use super::books::{CallKey, HoldKind};
use super::bucket::Sample;
use super::clock::http_date;
use super::faults::Fault;
use super::graphql;
use super::other_routes::RATE_LIMIT;
use super::reply::{PRIMARY, Reply, SECONDARY};
use super::routes::{self, Ask, Matched};
use super::secondary::{CONCURRENT, RETRY_AFTER_SECONDS, graphql_points, rest_points};
use super::tls::Peer;
use super::who::{Caller, Rights, Who};
use super::world::{CORE, GRAPHQL, SEARCH, World};

const BODY_BYTES: usize = 1 << 20;
const GRAPHQL_ENDPOINT: &str = "POST /graphql";
const NO_ENDPOINT: &str = "unknown";
/// A secondary limit without `retry-after` is to be waited for so long at first, and at most.
const FIRST_WAIT_SECONDS: i64 = 60;
const LONGEST_WAIT_SECONDS: i64 = 900;

/// An answer, and what is to be written down once it is sent.
struct Judged {
    reply: Reply,
    key: CallKey,
    points: u32,
    fault: Option<Fault>,
    sample: Option<Sample>,
    /// The secondary hold of which this answer tells.
    told: Option<(HoldKind, Timestamp)>,
    now: Timestamp,
}

/// A call that runs, until it is answered or given up.
struct Running(Arc<Core>, Who);

impl Drop for Running {
    fn drop(&mut self) {
        self.0.world().secondary.end(&self.1);
    }
}

pub(super) async fn answer(
    State(core): State<Arc<Core>>,
    ConnectInfo(Peer(peer)): ConnectInfo<Peer>,
    request: Request,
) -> Response {
    let (parts, body) = request.into_parts();
    let body = to_bytes(body, BODY_BYTES).await.unwrap_or_default();
    let (judged, running, latency) = {
        let mut world = core.world();
        let judged = judge(&mut world, &parts, &body, peer);
        let running = Running(Arc::clone(&core), judged.key.who.clone());
        (judged, running, world.latency)
    };
    if let Some((from, to)) = latency {
        let spread = to.saturating_sub(from).as_secs_f64() * fastrand::f64();
        tokio::time::sleep(from + Duration::from_secs_f64(spread)).await;
    }
    match judged.fault {
        Some(Fault::Slow(by)) => tokio::time::sleep(by).await,
        Some(Fault::Silence) => std::future::pending::<()>().await,
        _ => {}
    }
    write_down(&mut core.world(), &judged, peer);
    drop(running);
    respond(judged)
}

/// Decides what a call is answered.
fn judge(world: &mut World, parts: &Parts, body: &Bytes, peer: SocketAddr) -> Judged {
    let now = world.now();
    let path = parts.uri.path();
    let raw_query = parts.uri.query().unwrap_or_default();
    let line = match raw_query {
        "" => format!("{} {path}", parts.method),
        query => format!("{} {path}?{query}", parts.method),
    };
    let fault = world.faults.befall(&line);
    let is_graphql = path == world.graphql_path() && parts.method == Method::POST;
    let below = path.strip_prefix(world.root()).unwrap_or_default();
    let by_name = named_path(world, below);
    let matched = routes::find(&parts.method, &by_name);
    let endpoint = match (&matched, is_graphql) {
        (_, true) => GRAPHQL_ENDPOINT,
        (Some(matched), _) => matched.route.endpoint,
        (None, _) => NO_ENDPOINT,
    };
    let resource = match () {
        () if is_graphql => GRAPHQL,
        () if by_name.starts_with("/search/") => SEARCH,
        () => CORE,
    };
    let header = |name: &str| parts.headers.get(name).and_then(|it| it.to_str().ok());
    let caller = world
        .credentials
        .caller(header("authorization"), peer.ip(), now);
    let who = match &caller {
        Ok(caller) => caller.who.clone(),
        Err(_) => Who::Address(peer.ip()),
    };
    let key = CallKey {
        who,
        resource,
        endpoint,
    };
    let mut judged = Judged {
        reply: Reply::nothing(200),
        key,
        points: 0,
        fault,
        sample: None,
        told: None,
        now,
    };
    world.ledger.judge(&judged.key, peer, now);
    let at_once = world.secondary.begin(&judged.key.who);
    let prepared =
        is_graphql.then(|| graphql::prepare(&serde_json::from_slice(body).unwrap_or_default()));
    let points = match &prepared {
        Some(Ok(prepared)) => graphql_points(prepared.is_mutation),
        Some(Err(_)) => 1,
        None => rest_points(&parts.method),
    };
    let who = judged.key.who.clone();
    let is_counted = world.limits_are_on();
    let within = world.secondary.count(&who, endpoint, points, now) && at_once <= CONCURRENT;
    if let Some(refusal) = early(world, &mut judged, header("user-agent"), is_counted, within) {
        judged.reply = refusal;
    } else {
        match caller {
            Err(refusal) => judged.reply = refusal,
            Ok(caller) => {
                let ask = Ask {
                    method: &parts.method,
                    headers: &parts.headers,
                    body,
                    caller,
                    link_path: linked_path(world, &by_name),
                    path: by_name,
                    raw_query: raw_query.to_owned(),
                    query: read_query(raw_query),
                    params: Vec::new(),
                };
                match prepared {
                    Some(prepared) => ask_graphql(world, &mut judged, &ask.caller, prepared),
                    None => ask_rest(world, &mut judged, ask, matched),
                }
            }
        }
    }
    if is_counted {
        judged.sample = Some(world.bucket(&who, resource).sample(now));
    }
    common_headers(world, &mut judged);
    judged
}

/// What is refused whoever calls: faults of the test, and secondary limits.
fn early(
    world: &mut World,
    judged: &mut Judged,
    user_agent: Option<&str>,
    is_counted: bool,
    within: bool,
) -> Option<Reply> {
    let who = judged.key.who.clone();
    let now = judged.now;
    match judged.fault {
        Some(Fault::Status(429)) => return Some(limited(world, judged, 429, None)),
        Some(Fault::Status(status)) => {
            let reason = StatusCode::from_u16(status).ok();
            let reason = reason
                .and_then(|it| it.canonical_reason())
                .unwrap_or("Fault");
            return Some(Reply::refusal(status, reason));
        }
        Some(Fault::Proxy(status)) => return Some(Reply::html(status, "Unicorn!")),
        Some(Fault::Secondary {
            status,
            retry_after,
        }) => {
            return Some(limited(world, judged, status, retry_after));
        }
        Some(Fault::GraphqlTimeout { points }) => {
            world.bucket(&who, judged.key.resource).charge(points, now);
            judged.points = points;
            let message = "We couldn't respond to your request in time. Sorry about that.";
            return Some(Reply::json(
                502,
                &json!({"data": null, "errors": [{"message": message}]}),
            ));
        }
        Some(Fault::NotJson) => return Some(Reply::html(200, "Welcome")),
        Some(Fault::Large(bytes)) => {
            let mut reply = Reply::ok(&Value::Null);
            reply.body = format!("[{:>1$}]", 0, bytes.saturating_sub(2)).into_bytes();
            return Some(reply);
        }
        _ => {}
    }
    if user_agent.is_none_or(str::is_empty) {
        let message = "Request forbidden by administrative rules. Please make sure your request has a User-Agent header";
        return Some(Reply::refusal(403, message));
    }
    if !is_counted {
        return None;
    }
    if let Some((until, _)) = world.limited.get(&who).copied()
        && until > now
    {
        let left = until.duration_since(now).as_secs_f64().ceil() as u32;
        return Some(limited(world, judged, 403, Some(left)));
    }
    (!within).then(|| limited(world, judged, 403, Some(RETRY_AFTER_SECONDS)))
}

/// A secondary limit; without `retry-after` each refusal in a row is to be waited for twice as long.
fn limited(world: &mut World, judged: &mut Judged, status: u16, retry_after: Option<u32>) -> Reply {
    let who = judged.key.who.clone();
    let (until, strikes) = world.limited.get(&who).copied().unwrap_or((judged.now, 0));
    let body = json!({
        "message": SECONDARY,
        "documentation_url": "https://docs.github.com/rest/overview/rate-limits-for-the-rest-api#about-secondary-rate-limits",
    });
    let reply = Reply::json(status, &body);
    if let Some(seconds) = retry_after {
        let over = judged.now + jiff::SignedDuration::from_secs(seconds.into());
        world.limited.insert(who, (over.max(until), strikes));
        judged.told = Some((HoldKind::RetryAfter, over));
        return reply.header("retry-after", seconds.to_string());
    }
    // Only a refusal after the wait doubles it.
    let strikes = if until <= judged.now {
        strikes + 1
    } else {
        strikes
    };
    let seconds = FIRST_WAIT_SECONDS << (strikes - 1).min(4);
    let wait = jiff::SignedDuration::from_secs(seconds.min(LONGEST_WAIT_SECONDS));
    // GitHub itself forgives after a minute; to wait longer is the caller's duty.
    let minute = jiff::SignedDuration::from_secs(FIRST_WAIT_SECONDS);
    world.limited.insert(who, (judged.now + minute, strikes));
    judged.told = Some((HoldKind::Secondary, judged.now + wait));
    reply
}

fn ask_rest(world: &mut World, judged: &mut Judged, mut ask: Ask, matched: Option<Matched>) {
    let who = judged.key.who.clone();
    let (resource, now) = (judged.key.resource, judged.now);
    let is_free = judged.key.endpoint == RATE_LIMIT || !world.limits_are_on();
    if !is_free && world.bucket(&who, resource).sample(now).remaining == 0 {
        judged.reply = Reply::refusal(403, &format!("{PRIMARY} {who}."));
        return;
    }
    let mut reply = match matched {
        Some(matched) => {
            ask.params = matched.params;
            matched.route.answer(world, &ask)
        }
        None => Reply::not_found(),
    };
    if reply.status == 200 && ask.method.is_safe() && judged.key.endpoint != RATE_LIMIT {
        let tag = etag(&ask, &reply.body);
        let known = ask
            .headers
            .get("if-none-match")
            .and_then(|it| it.to_str().ok());
        if known.is_some_and(|known| known.split(',').any(|it| it.trim() == tag)) {
            reply.status = 304;
            reply.body.clear();
        }
        reply = reply.header("etag", tag);
        reply = reply.header("cache-control", "private, max-age=60, s-maxage=60");
        reply = reply.header("vary", "Accept, Authorization, Cookie, X-GitHub-OTP");
    }
    if let Rights::Scopes(scopes) = &ask.caller.rights {
        let scopes: Vec<&str> = scopes.iter().map(String::as_str).collect();
        reply = reply.header("x-oauth-scopes", scopes.join(", "));
    }
    let is_free = is_free || (reply.status == 304 && ask.caller.is_authorised());
    if !is_free && world.bucket(&who, resource).take(1, now) {
        judged.points = 1;
    }
    judged.reply = reply;
}

fn ask_graphql(
    world: &mut World,
    judged: &mut Judged,
    caller: &Caller,
    prepared: Result<graphql::Prepared, Vec<Value>>,
) {
    if !caller.is_authorised() {
        judged.reply = Reply::refusal(401, "This endpoint requires you to be authenticated.");
        return;
    }
    let who = judged.key.who.clone();
    let now = judged.now;
    let cost = prepared.as_ref().map_or(1, |prepared| prepared.cost);
    if world.limits_are_on() {
        if !world.bucket(&who, GRAPHQL).take(cost, now) {
            let message = format!("{PRIMARY} {who}.");
            let error = json!({"type": "RATE_LIMITED", "message": message});
            judged.reply = Reply::ok(&json!({"errors": [error]}));
            return;
        }
        judged.points = cost;
    }
    let sample = world.bucket(&who, GRAPHQL).sample(now);
    let answer = match prepared {
        Ok(prepared) => graphql::answer(world, caller, &prepared, sample),
        Err(errors) => json!({"errors": errors}),
    };
    judged.reply = Reply::ok(&answer);
}

/// `/repositories/{id}` and `/organizations/{id}` are other names of `/repos/…` and `/orgs/…`.
fn named_path(world: &World, path: &str) -> String {
    let mut parts = path.splitn(4, '/').skip(1);
    let (kind, id, rest) = (parts.next(), parts.next(), parts.next());
    let id: Option<u64> = id.and_then(|id| id.parse().ok());
    let named = match (kind, id) {
        (Some("repositories"), Some(id)) => {
            let repository = world.repositories.get(&id);
            repository.map(|it| format!("/repos/{}", it.full_name()))
        }
        (Some("organizations"), Some(id)) => {
            let mut accounts = world.accounts.values();
            let account = accounts.find(|it| it.id == id);
            account.map(|it| format!("/orgs/{}", it.login))
        }
        _ => None,
    };
    match (named, rest) {
        (Some(named), Some(rest)) => format!("{named}/{rest}"),
        (Some(named), None) => named,
        (None, _) => path.to_owned(),
    }
}

/// The other way: GitHub's links of further pages name things by their ids.
fn linked_path(world: &World, path: &str) -> String {
    let mut parts = path.splitn(5, '/').skip(1);
    let kind = parts.next();
    let first = parts.next().unwrap_or_default();
    let (id, skipped) = match kind {
        Some("repos") => {
            let full_name = format!("{first}/{}", parts.next().unwrap_or_default());
            match world.find(&full_name) {
                super::repositories::Found::Here(id) => (format!("/repositories/{id}"), 4),
                _ => return path.to_owned(),
            }
        }
        Some("orgs") => match world.find_account(first) {
            Some(account) => (format!("/organizations/{}", account.id), 3),
            None => return path.to_owned(),
        },
        _ => return path.to_owned(),
    };
    let rest = path.splitn(skipped + 1, '/').nth(skipped);
    rest.map_or(id.clone(), |rest| format!("{id}/{rest}"))
}

fn read_query(query: &str) -> Vec<(String, String)> {
    let pairs = query.split('&').filter(|pair| !pair.is_empty());
    pairs
        .map(|pair| {
            let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
            let text = |text: &str| routes::decoded(&text.replace('+', " "));
            (text(key), text(value))
        })
        .collect()
}

/// The same body has another tag for another token.
fn etag(ask: &Ask, body: &[u8]) -> String {
    let mut hash = Sha256::new();
    hash.update(ask.caller.credential.as_bytes());
    hash.update([0]);
    hash.update(body);
    format!("W/\"{}\"", hex::encode(hash.finalize()))
}

fn common_headers(world: &World, judged: &mut Judged) {
    let mut headers = vec![
        ("date", http_date(judged.now)),
        ("server", "github.com".to_owned()),
        ("x-github-media-type", "github.v3; format=json".to_owned()),
        (
            "x-github-request-id",
            format!("FAKE:{:x}", fastrand::u64(..)),
        ),
    ];
    if let Some(enterprise) = &world.options.enterprise {
        headers.push(("x-github-enterprise-version", enterprise.version.clone()));
    }
    let resource = judged.key.resource;
    if let Some(sample) = judged.sample.filter(|_| shows_limits(judged)) {
        headers.extend([
            ("x-ratelimit-limit", sample.limit.to_string()),
            ("x-ratelimit-remaining", sample.remaining.to_string()),
            ("x-ratelimit-used", sample.used.to_string()),
            ("x-ratelimit-reset", sample.reset.as_second().to_string()),
            ("x-ratelimit-resource", resource.to_owned()),
        ]);
    }
    judged.reply.headers.extend(headers);
}

/// A proxy's page knows nothing of limits.
fn shows_limits(judged: &Judged) -> bool {
    !matches!(judged.fault, Some(Fault::Proxy(_) | Fault::NotJson))
}

/// Writes a call into the books, and what its answer tells the caller.
fn write_down(world: &mut World, judged: &Judged, peer: SocketAddr) {
    let Judged { key, now, .. } = judged;
    world.ledger.write(key, judged.reply.status, judged.points);
    if matches!(judged.fault, Some(Fault::Closed)) {
        return; // nobody was told anything
    }
    if let Some((kind, until)) = judged.told {
        world.ledger.tell(&key.who, None, kind, until, peer);
    } else if judged.reply.status < 400 {
        // It goes well again.
        world
            .limited
            .retain(|who, (until, _)| *who != key.who || *until > *now);
    }
    if let Some(sample) = judged.sample.filter(|_| shows_limits(judged))
        && sample.remaining == 0
        && key.endpoint != RATE_LIMIT
    {
        let kind = HoldKind::NothingLeft;
        world
            .ledger
            .tell(&key.who, Some(key.resource), kind, sample.reset, peer);
    }
}

fn respond(judged: Judged) -> Response {
    let reply = judged.reply;
    let length = reply.body.len();
    let mut response = Response::builder().status(reply.status);
    if !reply.body.is_empty() {
        response = response.header("content-type", reply.content_type);
    }
    for (name, value) in reply.headers {
        response = response.header(name, value);
    }
    let broken = || Err(std::io::Error::other("as the test wants it"));
    let body = match judged.fault {
        Some(Fault::Closed) => {
            let first: Result<Bytes, std::io::Error> = broken();
            response = response.header("content-length", "1000000");
            Body::from_stream(stream::iter([first]))
        }
        Some(Fault::Truncated) => {
            response = response.header("content-length", length.to_string());
            let half = Bytes::from(reply.body).slice(..length / 2);
            let sent = stream::iter([Ok(half)]);
            // The half is on its way before the connection ends.
            let end = stream::once(async move {
                tokio::time::sleep(Duration::from_millis(20)).await;
                broken()
            });
            Body::from_stream(sent.chain(end))
        }
        _ => Body::from(reply.body),
    };
    response.body(body).expect("the headers are right")
}
