//! Asks REST or GraphQL, once nothing stands against it but the primary limit.

use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::faults::Fault;
use super::graphql;
use super::other_routes::RATE_LIMIT;
use super::reply::{PRIMARY, Reply};
use super::routes::{Ask, Matched};
use super::server::Judged;
use super::who::{Caller, Rights};
use super::world::{GRAPHQL, World};

pub fn ask_rest(world: &mut World, judged: &mut Judged, mut ask: Ask, matched: Option<Matched>) {
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

pub fn ask_graphql(
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
    let most_fields = match judged.fault {
        Some(Fault::ResourceLimits { after }) => Some(after),
        _ => None,
    };
    let answer = match prepared {
        Ok(prepared) => graphql::answer(world, caller, &prepared, sample, most_fields),
        Err(errors) => json!({"errors": errors}),
    };
    let mut errors = answer["errors"].as_array().into_iter().flatten();
    let lacks_contents = errors.any(|error| {
        let message = error["message"].as_str().unwrap_or_default();
        message.starts_with("Resource not accessible by")
    });
    let reply = Reply::ok(&answer);
    judged.reply = match lacks_contents {
        true => reply.header("x-accepted-github-permissions", "contents=read"),
        false => reply,
    };
}

/// The same body has another tag for another token.
fn etag(ask: &Ask, body: &[u8]) -> String {
    let mut hash = Sha256::new();
    hash.update(ask.caller.credential.as_bytes());
    hash.update([0]);
    hash.update(body);
    format!("W/\"{}\"", hex::encode(hash.finalize()))
}
