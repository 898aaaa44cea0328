//! The API, health and metrics: which routes there are, and who may ask.

mod body;
mod clusters;
mod deliveries;
mod explain;
mod fault;
mod fleet;
mod health;
mod openapi;
mod pushes;
mod rate_limit;
mod scrape;
mod webhooks;

use std::time::Duration;

use axum::Router;
use axum::extract::{Request, State};
use axum::middleware::{Next, from_fn, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use http::header::{ALLOW, CACHE_CONTROL, WWW_AUTHENTICATE};
use http::{HeaderValue, StatusCode};
use tokio::time::timeout;

use super::relay::{Relay, pass_on};
use super::state::AppState;
use super::tokens::NotAllowed;
pub(super) use body::read as read_body;
pub(super) use fault::ApiFault;

pub use explain::routes as explain_routes;
pub use fleet::{Ask, FleetAnswer, FleetPart, FleetQuestion, routes as fleet_routes};

/// Whatever is asked is answered by then.
const ANSWER_WITHIN: Duration = Duration::from_secs(20);

/// All that is answered to who may ask; `more` are routes that others add.
pub fn routes(state: AppState, more: Router) -> Router {
    let without_parameters = Router::new()
        .route("/api/v1/deliveries/{guid}", get(deliveries::story))
        .route("/api/v1/pushes", get(pushes::unapplied))
        .route("/api/v1/clusters", get(clusters::list))
        .route("/api/v1/rate-limit", get(rate_limit::now))
        .route("/api/v1/webhooks", get(webhooks::list))
        .route("/api/v1/heads", get(webhooks::heads))
        .route("/api/v1/openapi.json", get(openapi::description))
        .route_layer(from_fn(no_parameters));
    Router::new()
        .route("/api/v1/deliveries", get(deliveries::list))
        .route("/api/v1/rate-limit/history", get(rate_limit::history))
        .route("/metrics", get(scrape::metrics))
        .merge(without_parameters)
        .with_state(state)
        .merge(more)
        .fallback(nothing_here)
        .method_not_allowed_fallback(other_method)
}

/// Everything but webhooks.
pub(super) fn router(state: AppState, more: Router) -> Router {
    let guarded = routes(state.clone(), more)
        .layer(from_fn_with_state(Relay::new(state.clone()), pass_on))
        .layer(from_fn_with_state(state.clone(), guard));
    // Whoever asks whether we live needs no token; why we are not ready is told to those who have one.
    Router::new()
        .route("/health/live", get(health::live))
        .route("/health/ready", get(health::guarded))
        .method_not_allowed_fallback(other_method)
        .with_state(state)
        .merge(guarded)
        .layer(from_fn(bounded))
}

/// Only what probes and Prometheus ask for.
pub(super) fn health_router(state: AppState) -> Router {
    Router::new()
        .route("/health/live", get(health::live))
        .route("/health/ready", get(health::ready))
        .route("/metrics", get(scrape::metrics))
        .fallback(nothing_here)
        .method_not_allowed_fallback(other_method)
        .with_state(state)
        .layer(from_fn(bounded))
}

async fn guard(State(state): State<AppState>, request: Request, next: Next) -> Response {
    let Err(fault) = state.tokens.check(request.headers()) else {
        return next.run(request).await;
    };
    let status = match fault {
        NotAllowed::NoToken | NotAllowed::WrongToken => StatusCode::UNAUTHORIZED,
        NotAllowed::Host | NotAllowed::Origin => StatusCode::FORBIDDEN,
    };
    let mut response = ApiFault::new(status, fault.to_string()).into_response();
    if status == StatusCode::UNAUTHORIZED {
        let scheme = HeaderValue::from_static("Bearer");
        response.headers_mut().insert(WWW_AUTHENTICATE, scheme);
    }
    response
}

/// Whoever asks for a part would else be told all, and take it for that part.
async fn no_parameters(request: Request, next: Next) -> Response {
    match request.uri().query().unwrap_or_default() {
        "" => next.run(request).await,
        query => {
            let name = query.split(['=', '&']).next().unwrap_or_default();
            ApiFault::bad_request(format!("`{name}` is no parameter: this path has none"))
                .into_response()
        }
    }
}

async fn bounded(request: Request, next: Next) -> Response {
    let answer = timeout(ANSWER_WITHIN, next.run(request)).await;
    let mut response = answer.unwrap_or_else(|_| {
        let reason = "the answer took too long; ask again later";
        ApiFault::new(StatusCode::SERVICE_UNAVAILABLE, reason).into_response()
    });
    let no_store = HeaderValue::from_static("no-store");
    response.headers_mut().insert(CACHE_CONTROL, no_store);
    response
}

async fn nothing_here() -> ApiFault {
    ApiFault::new(
        StatusCode::NOT_FOUND,
        "there is nothing at this path; the README lists what is",
    )
}

async fn other_method(request: Request) -> Response {
    let reason = format!(
        "the method `{}` is of no use at this path",
        request.method()
    );
    let mut response = ApiFault::new(StatusCode::METHOD_NOT_ALLOWED, reason).into_response();
    response.headers_mut().remove(ALLOW);
    response
}
