//! What every answer has beside what was asked for, and how answers break.

use std::io;
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::response::Response;
use futures::{StreamExt, stream};

use super::clock::http_date;
use super::faults::Fault;
use super::server::Judged;
use super::world::World;

/// The half of an answer is on its way before the connection ends.
const BEFORE_THE_END: Duration = Duration::from_millis(20);

/// Date, version, and the limits as they are after the call.
pub fn common_headers(world: &World, judged: &mut Judged) {
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
        let version = enterprise.version.clone();
        headers.push(("x-github-enterprise-version", version));
    }
    if let Some(sample) = judged.sample.filter(|_| shows_limits(judged)) {
        headers.extend([
            ("x-ratelimit-limit", sample.limit.to_string()),
            ("x-ratelimit-remaining", sample.remaining.to_string()),
            ("x-ratelimit-used", sample.used.to_string()),
            ("x-ratelimit-reset", sample.reset.as_second().to_string()),
            ("x-ratelimit-resource", judged.key.resource.to_owned()),
        ]);
    }
    judged.reply.headers.extend(headers);
}

/// What stands in front of GitHub knows nothing of limits.
pub fn shows_limits(judged: &Judged) -> bool {
    !matches!(judged.fault, Some(Fault::Proxy(_) | Fault::NotJson))
}

/// The answer as it is sent, broken where the test wants it so.
pub fn respond(judged: Judged) -> Response {
    let reply = judged.reply;
    let length = reply.body.len();
    let mut response = Response::builder().status(reply.status);
    if !reply.body.is_empty() {
        response = response.header("content-type", reply.content_type);
    }
    for (name, value) in reply.headers {
        response = response.header(name, value);
    }
    let broken = || -> io::Result<Bytes> { Err(io::Error::other("as the test wants it")) };
    let body = match judged.fault {
        Some(Fault::Closed) => {
            response = response.header("content-length", "1");
            Body::from_stream(stream::iter([broken()]))
        }
        Some(Fault::Truncated) => {
            response = response.header("content-length", length.to_string());
            let half = Bytes::from(reply.body).slice(..length / 2);
            let end = stream::once(async move {
                tokio::time::sleep(BEFORE_THE_END).await;
                broken()
            });
            Body::from_stream(stream::iter([Ok(half)]).chain(end))
        }
        _ => Body::from(reply.body),
    };
    response.body(body).expect("the headers are right")
}
