//! Endpoints of deliveries: lists by cursor, one with its payload, and redelivery.

use jiff::Timestamp;
use serde_json::{Value, json};

use super::hook_routes::named;
use super::hooks::Delivery;
use super::reply::Reply;
use super::routes::{Ask, Route, linked};
use super::sender::{Delivering, Job};
use super::world::World;

pub static ROUTES: &[Route] = &[
    Route::new("GET /repos/{owner}/{repo}/hooks/{hook_id}/deliveries", list),
    Route::new(
        "GET /repos/{owner}/{repo}/hooks/{hook_id}/deliveries/{delivery_id}",
        show,
    ),
    Route::new(
        "POST /repos/{owner}/{repo}/hooks/{hook_id}/deliveries/{delivery_id}/attempts",
        redeliver,
    ),
    Route::new("GET /orgs/{org}/hooks/{hook_id}/deliveries", list),
    Route::new(
        "GET /orgs/{org}/hooks/{hook_id}/deliveries/{delivery_id}",
        show,
    ),
    Route::new(
        "POST /orgs/{org}/hooks/{hook_id}/deliveries/{delivery_id}/attempts",
        redeliver,
    ),
    Route::new("GET /app/hook/deliveries", list),
    Route::new("GET /app/hook/deliveries/{delivery_id}", show),
    Route::new(
        "POST /app/hook/deliveries/{delivery_id}/attempts",
        redeliver,
    ),
];

fn list(world: &mut World, ask: &Ask) -> Result<Reply, Reply> {
    let hook = named(world, ask)?;
    let below = match ask.param("cursor") {
        None => u64::MAX,
        Some(cursor) => read_cursor(cursor)
            .ok_or_else(|| Reply::invalid("HookDelivery", "cursor", "Invalid cursor"))?,
    };
    let status = match ask.param("status") {
        None | Some("success" | "failure") => ask.param("status"),
        Some(_) => return Err(Reply::invalid("HookDelivery", "status", "Invalid status")),
    };
    let size = ask.per_page();
    let oldest = world.now() - world.history();
    let deliveries = &world.hooks[&hook].deliveries;
    let older = deliveries.partition_point(|it| it.id < below);
    let newest_first = deliveries.range(..older).rev();
    let wanted = newest_first.filter(|it| {
        let fits = match status {
            None => true,
            Some("success") => (200..400).contains(&it.status_code),
            // One that was never answered has no such code, and is in neither list.
            Some(_) => (400..600).contains(&it.status_code),
        };
        fits && it.delivered_at >= oldest
    });
    let mut page: Vec<&Delivery> = wanted.take(size + 1).collect();
    let mut links = Vec::new();
    if page.len() > size {
        page.truncate(size);
        let cursor = page
            .last()
            .map(|it| write_cursor(it.id))
            .unwrap_or_default();
        links.push(ask.link(world, &[("cursor", &cursor)], "next"));
    }
    let page: Vec<Value> = page.into_iter().map(Delivery::summary).collect();
    Ok(linked(Reply::ok(&page.into()), links))
}

/// The delivery that a path names, if it is not too old.
fn found<'a>(world: &'a World, ask: &Ask) -> Result<(u64, &'a Delivery), Reply> {
    let hook = named(world, ask)?;
    let id: Option<u64> = ask.params.last().and_then(|text| text.parse().ok());
    let oldest: Timestamp = world.now() - world.history();
    let id = id.ok_or_else(Reply::not_found)?;
    let deliveries = &world.hooks[&hook].deliveries;
    let place = deliveries.binary_search_by_key(&id, |it| it.id).ok();
    let found = place.and_then(|place| deliveries.get(place));
    let found = found.filter(|it| it.delivered_at >= oldest);
    Ok((hook, found.ok_or_else(Reply::not_found)?))
}

fn show(world: &mut World, ask: &Ask) -> Result<Reply, Reply> {
    Ok(Reply::ok(&found(world, ask)?.1.whole()))
}

fn redeliver(world: &mut World, ask: &Ask) -> Result<Reply, Reply> {
    let (hook, delivery) = found(world, ask)?;
    let job = Job {
        hook,
        guid: delivery.guid.clone(),
        event: delivery.event.clone(),
        action: delivery.action.clone(),
        payload: delivery.payload.clone(),
        repository: delivery.repository_id,
        installation: delivery.installation_id,
        redelivery: true,
        throttled_at: None,
    };
    world.dispatch(job, Delivering::Deliver);
    Ok(Reply::json(202, &json!({})))
}

/// A cursor says nothing to anybody else.
fn write_cursor(id: u64) -> String {
    format!("v1_{:x}", id ^ MASK)
}

fn read_cursor(text: &str) -> Option<u64> {
    let digits = text.strip_prefix("v1_")?;
    Some(u64::from_str_radix(digits, 16).ok()? ^ MASK)
}

const MASK: u64 = 0x5eed_0ff1_ce00_d1ce;
