//! A service that asks GitHub for what its webhook did not deliver, and knows no cluster.

use serde_json::Value;

use crate::github::FakeGithub;
use crate::github::bucket::BucketBook;
use crate::github::hooks::Scope;
use crate::github::repositories::Target;
use crate::github::sender::Delivering;
use crate::github::who::Who;
use crate::process::{Home, SECRET, Service};

pub const SHOW: &str = "GET /orgs/{org}/hooks/{hook_id}/deliveries/{delivery_id}";

/// The list of the webhook of `acme` is read every second; `identities` says as whom.
pub fn home(github: &FakeGithub, identities: &str) -> Home {
    let home = super::home_as(github, identities, "    audit: {every: 1s}");
    github.organization("acme");
    github.repository("acme/web");
    let url = format!("http://{}/hooks/github/acme", home.hooks);
    let hook = github.add_hook(Scope::Organization("acme".into()), &url, Some(SECRET));
    github.change_hook(hook, |hook| {
        let events = ["push", "package", "release", "repository"];
        hook.events = events.map(str::to_owned).to_vec();
    });
    home
}

/// Starts it, and waits until it has read the list.
pub fn start(home: &Home) -> Service {
    let mut service = home.start();
    service.wait_until("it has read the list", |service| {
        webhook(service)["lastAudit"].is_string()
    });
    service
}

/// Pushes that GitHub could not deliver: each costs a point to fetch, and the list one more.
pub fn miss(github: &FakeGithub, numbers: std::ops::Range<u32>) {
    for number in numbers {
        let commit = Target::Commit(format!("{:040x}", 0x1000 + number));
        let to = Some(commit);
        github.push_as("acme/web", "refs/heads/main", to, Delivering::UNREACHABLE);
    }
}

pub fn webhook(service: &Service) -> Value {
    let told = service.get("/api/v1/webhooks").map(|(_, told)| told);
    told.map_or(Value::Null, |told| told["webhooks"][0].clone())
}

pub fn back_filled(service: &Service) -> u64 {
    webhook(service)["backFilled"].as_u64().unwrap_or_default()
}

/// What is told of `core`.
pub fn core(service: &Service) -> Value {
    super::bucket(service, "core").unwrap_or_default()
}

/// What GitHub's books say of `core`.
pub fn book(github: &FakeGithub, who: &Who) -> BucketBook {
    github.books().buckets[&(who.clone(), "core")]
}

/// Whether it is told as GitHub has it, the reset to the second.
pub fn agrees(told: &Value, book: &BucketBook) -> bool {
    let reset = told["reset"].as_str().and_then(|it| it.parse().ok());
    let reset = reset.map(|reset: jiff::Timestamp| reset.as_second());
    let purposes = told["byPurpose"].as_object().into_iter().flatten();
    let purposes: u64 = purposes.filter_map(|(_, points)| points.as_u64()).sum();
    told["limit"] == book.sample.limit
        && told["used"] == book.sample.used
        && told["remaining"] == book.sample.remaining
        && told["ownUsed"] == book.own
        && told["foreignUsed"] == book.others
        && purposes == u64::from(book.own)
        && reset == Some(book.sample.reset.as_second())
}

/// Waits until the report says what GitHub's books say; nothing may be asked between the two.
pub fn until_it_agrees(service: &mut Service, github: &FakeGithub, who: &Who, when: &str) {
    let mut last = (Value::Null, None);
    let deadline = std::time::Instant::now() + std::time::Duration::from_secs(120);
    loop {
        let before = book(github, who);
        let told = core(service);
        if before == book(github, who) && agrees(&told, &before) {
            return;
        }
        last.0 = told;
        last.1 = Some(before);
        assert!(
            std::time::Instant::now() < deadline,
            "{when}: {last:?}\n{}",
            service.log()
        );
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
}
