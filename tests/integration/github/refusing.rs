//! What is refused whoever calls: faults of the test, secondary limits, and callers without a name.

use http::StatusCode;
use jiff::SignedDuration;
use serde_json::{Value, json};

use super::books::HoldKind;
use super::faults::Fault;
use super::reply::{Reply, SECONDARY};
use super::secondary::{Count, RETRY_AFTER_SECONDS};
use super::server::Judged;
use super::world::World;

/// A secondary limit without `retry-after` is to be waited for so long at first, and at most.
const FIRST_WAIT_SECONDS: i64 = 60;
const LONGEST_WAIT_SECONDS: i64 = 900;

/// What is refused whoever calls: faults of the test, and secondary limits.
pub fn early(
    world: &mut World,
    judged: &mut Judged,
    user_agent: Option<&str>,
    secondary: Count,
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
        Some(Fault::GraphqlBroken) => {
            let message = "Something went wrong while executing your query. This may be the result of a timeout, or it could be a GitHub bug.";
            return Some(Reply::ok(
                &json!({"data": null, "errors": [{"message": message}]}),
            ));
        }
        Some(Fault::NotJson) => return Some(Reply::html(200, "Welcome")),
        Some(Fault::Large(bytes)) => {
            let mut reply = Reply::ok(&Value::Null);
            reply.body = format!("[{}]", " ".repeat(bytes.saturating_sub(2))).into_bytes();
            return Some(reply);
        }
        _ => {}
    }
    if user_agent.is_none_or(str::is_empty) {
        let message = "Request forbidden by administrative rules. Please make sure your request has a User-Agent header";
        return Some(Reply::refusal(403, message));
    }
    if !world.limits_are_on() {
        return None;
    }
    if let Some((until, _)) = world.limited.get(&who).copied()
        && until > now
    {
        let left = until.duration_since(now).as_secs_f64().ceil() as u32;
        return Some(limited(world, judged, 403, Some(left)));
    }
    let hold = match secondary {
        Count::Within => return None,
        Count::TooManyPoints => HoldKind::PointsAMinute,
        Count::TooManyAtOnce => HoldKind::AtOnce,
        Count::TooLongAnswers => HoldKind::AnsweringTime,
    };
    world.ledger.break_limit(&judged.key, hold, now);
    Some(limited(world, judged, 403, Some(RETRY_AFTER_SECONDS)))
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
        let over = judged.now + SignedDuration::from_secs(seconds.into());
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
    let wait = SignedDuration::from_secs(seconds.min(LONGEST_WAIT_SECONDS));
    // GitHub itself forgives after a minute; to wait longer is the caller's duty.
    let minute = SignedDuration::from_secs(FIRST_WAIT_SECONDS);
    world.limited.insert(who, (judged.now + minute, strikes));
    judged.told = Some((HoldKind::Secondary, judged.now + wait));
    reply
}
