//! What happens to every call: who it is, whether a limit stands against it, what it is answered, and the books.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::body::{Bytes, to_bytes};
use axum::extract::{ConnectInfo, Request, State};
use axum::response::Response;
use http::Method;
use http::request::Parts;
use jiff::Timestamp;

use super::Core;
use super::asking::{ask_graphql, ask_rest};
use super::books::{CallKey, HoldKind};
use super::bucket::Sample;
use super::exchange::Exchange;
use super::faults::Fault;
use super::graphql;
use super::other_routes::RATE_LIMIT;
use super::paths::{linked_path, named_path, read_query};
use super::refusing::early;
use super::reply::Reply;
use super::respond::{common_headers, respond, shows_limits};
use super::routes::{self, Ask};
use super::secondary::{graphql_points, rest_points};
use super::tls::Peer;
use super::who::Who;
use super::world::{CORE, GRAPHQL, SEARCH, World};

/// More is no request that GitHub takes here.
const BODY_BYTES: usize = 1 << 20;
const GRAPHQL_ENDPOINT: &str = "POST /graphql";
const NO_ENDPOINT: &str = "unknown";

/// An answer, and what is to be written down once it is sent.
pub struct Judged {
    pub reply: Reply,
    pub key: CallKey,
    /// Primary points that it cost.
    pub points: u32,
    pub fault: Option<Fault>,
    /// `None` where limits are off.
    pub sample: Option<Sample>,
    /// The secondary hold of which this answer tells.
    pub told: Option<(HoldKind, Timestamp)>,
    pub now: Timestamp,
}

/// A call that runs, until it is answered or given up.
struct Running {
    core: Arc<Core>,
    who: Who,
    is_graphql: bool,
    since: Instant,
    /// What GitHub itself takes; the rest is of a machine that is busy. `None`: it never answers.
    at_most: Option<Duration>,
}

impl Drop for Running {
    fn drop(&mut self) {
        let mut world = self.core.world();
        let now = world.now();
        let took = self.since.elapsed();
        let took = self.at_most.map_or(took, |most| took.min(most));
        world.secondary.end(&self.who, took, self.is_graphql, now);
    }
}

pub async fn answer(
    State(core): State<Arc<Core>>,
    ConnectInfo(Peer(peer)): ConnectInfo<Peer>,
    request: Request,
) -> Response {
    let since = Instant::now();
    let (parts, body) = request.into_parts();
    let body = to_bytes(body, BODY_BYTES).await.unwrap_or_default();
    let (judged, running, wait) = {
        let mut world = core.world();
        let judged = judge(&mut world, &parts, &body, peer);
        let latency = world.latency.map_or(Duration::ZERO, |(from, to)| {
            let spread = to.saturating_sub(from).as_secs_f64() * fastrand::f64();
            from + Duration::from_secs_f64(spread)
        });
        let wait = match judged.fault {
            Some(Fault::Slow(by)) => Some(latency + by),
            Some(Fault::Silence) => None,
            _ => Some(latency),
        };
        let running = Running {
            core: Arc::clone(&core),
            who: judged.key.who.clone(),
            is_graphql: judged.key.resource == GRAPHQL,
            since,
            at_most: wait,
        };
        (judged, running, wait)
    };
    match wait {
        Some(wait) if wait.is_zero() => {}
        Some(wait) => tokio::time::sleep(wait).await,
        None => std::future::pending().await,
    }
    {
        let mut world = core.world();
        write_down(&mut world, &judged, peer);
        world
            .exchanges
            .keep(|| Exchange::of(&parts, &body, &judged));
    }
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
    let authorization = header("authorization");
    let caller = world.credentials.caller(authorization, peer.ip(), now);
    let who = match &caller {
        Ok(caller) => caller.who.clone(),
        Err(_) => Who::Address(peer.ip()),
    };
    let key = CallKey {
        who: who.clone(),
        resource,
        endpoint,
    };
    world.ledger.judge(&key, peer, now);
    let mut judged = Judged {
        reply: Reply::nothing(200),
        key,
        points: 0,
        fault,
        sample: None,
        told: None,
        now,
    };
    let prepared = is_graphql.then(|| {
        let body = serde_json::from_slice(body).unwrap_or_default();
        graphql::prepare(&body)
    });
    let points = match &prepared {
        Some(Ok(prepared)) => graphql_points(prepared.is_mutation),
        Some(Err(_)) => 1,
        None => rest_points(&parts.method),
    };
    let secondary = world.secondary.begin(&who, endpoint, points, now);
    let refusal = early(world, &mut judged, header("user-agent"), secondary);
    match (refusal, caller) {
        (Some(refusal), _) | (None, Err(refusal)) => judged.reply = refusal,
        (None, Ok(caller)) => {
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
    if world.limits_are_on() {
        judged.sample = Some(world.bucket(&who, resource).sample(now));
    }
    common_headers(world, &mut judged);
    judged
}

/// Writes a call into the books, and what its answer tells the caller.
fn write_down(world: &mut World, judged: &Judged, peer: SocketAddr) {
    let Judged { key, now, .. } = judged;
    let status = judged.reply.status;
    world.ledger.write(key, status, judged.points);
    if judged.fault == Some(Fault::Closed) {
        return; // nobody was told anything
    }
    if let Some((kind, until)) = judged.told {
        world.ledger.tell(&key.who, None, kind, until, peer);
    } else if status < 400 {
        // It goes well again.
        let over = |who: &Who, until: Timestamp| *who == key.who && until <= *now;
        world.limited.retain(|who, (until, _)| !over(who, *until));
    }
    let Some(sample) = judged.sample.filter(|_| shows_limits(judged)) else {
        return;
    };
    // Who has no credential has nothing to wait for, and to ask for the limits costs nothing.
    if sample.remaining == 0 && status != 401 && key.endpoint != RATE_LIMIT {
        let kind = HoldKind::NothingLeft;
        let resource = Some(key.resource);
        world
            .ledger
            .tell(&key.who, resource, kind, sample.reset, peer);
    }
}
