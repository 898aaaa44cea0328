//! An hour of a fleet in some seconds: what is asked for heads and for a webhook, while others use the same limits.

use std::time::Duration;

use flux_setup::budget::live::{
    BucketReport, Cover, Forecast, Group, Purpose, Stretch, demand_per_hour, jittered, pace,
};
use flux_setup::config::EnvironmentKind;
use flux_setup::github::heads::{Asked, RepositoryQuestion, ask};
use flux_setup::github::{Call, Client};
use jiff::{SignedDuration, Timestamp};

use super::World;
use crate::github::clock::Clock;
use crate::github::who::Who;
use crate::github::{FakeGithub, Options};

const PROJECTS: u32 = 26;
const BRANCHES: [(&str, EnvironmentKind); 3] = [
    ("main", EnvironmentKind::Production),
    ("stage", EnvironmentKind::Staging),
    ("dev", EnvironmentKind::Development),
];
const STEP: SignedDuration = SignedDuration::from_secs(1);
const HOUR: i64 = 3_600;
const HOOKS: &str = "GET /repos/{owner}/{repo}/hooks";

fn ann() -> Who {
    Who::User("ann".to_owned())
}

/// Every ref of every project that is asked for.
fn questions() -> Vec<RepositoryQuestion> {
    let projects = (0..PROJECTS).map(|number| RepositoryQuestion {
        owner: "acme".to_owned(),
        name: format!("r{number}"),
        asked: BRANCHES
            .map(|(branch, _)| Asked::Ref(format!("refs/heads/{branch}").into()))
            .to_vec(),
    });
    projects.collect()
}

/// How long is waited for the next round: of the three paces the shortest, for one query asks for all.
fn wait(client: &Client, now: Timestamp) -> Duration {
    let groups = BRANCHES.map(|(_, kind)| Group {
        kind,
        refs: PROJECTS,
        every: Duration::from_secs(30),
        sweep: Duration::from_secs(900),
        cover: Cover::Nothing,
    });
    let supply = client.ledger(|ledger| ledger.supply("graphql", now));
    let demand = demand_per_hour(&groups, 100);
    let stretch = Stretch::next(None, demand, supply.as_ref(), false, now);
    let paces = groups.iter().map(|group| pace(group, &stretch, 0).every);
    let shortest = paces.min().expect("there are three");
    jittered(shortest, fastrand::f64())
}

fn row(client: &Client, resource: &str, now: Timestamp) -> BucketReport {
    let rows = client.ledger(|ledger| ledger.report(now));
    let row = rows.into_iter().find(|row| row.resource == resource);
    row.expect("it was asked")
}

fn at_reset(row: &BucketReport) -> u32 {
    match row.forecast {
        Some(Forecast::Lasts {
            remaining_at_reset, ..
        }) => remaining_at_reset,
        ref other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn an_hour_of_26_projects_in_three_environments_stays_below_120_points_and_is_foreseen() {
    let start: Timestamp = "2026-03-01T12:00:00Z".parse().unwrap();
    let fake = FakeGithub::launch(Options {
        clock: Clock::standing_at(start),
        ..Options::default()
    });
    let mut world = World::of(fake);
    for number in 0..PROJECTS {
        let name = format!("acme/r{number}");
        world.fake.repository(&name);
        for (branch, _) in BRANCHES {
            let reference = format!("refs/heads/{branch}");
            world.fake.push(&name, &reference, &format!("{:040x}", 7));
        }
    }
    let token = world
        .fake
        .personal_token("ann", &["repo", "admin:repo_hook"]);
    world.add_token("bot", &token);
    world.settings.reserve = 0.2;
    let client = world.client();
    let questions = questions();
    // The first call of each begins its hour.
    ask(&client, &questions).await.unwrap();
    let hooks = || Call::get("/repos/acme/web/hooks", HOOKS, Purpose::WebhookHealth);
    client.call(hooks()).await.unwrap();
    for (resource, per_hour) in [("core", 3_000.0), ("graphql", 2_500.0)] {
        world.fake.others_rate(&ann(), resource, per_hour);
    }
    let mut half = None;
    let mut next_round = start + SignedDuration::try_from(wait(&client, start)).unwrap();
    for second in 1..HOUR {
        world.fake.advance(STEP);
        world.settings.clock.was_set();
        let now = world.fake.now();
        if now >= next_round {
            let heads = ask(&client, &questions).await.unwrap();
            assert!(heads.answer.iter().all(Result::is_ok));
            next_round = now + SignedDuration::try_from(wait(&client, now)).unwrap();
        }
        if second % 30 == 0 {
            client.call(hooks()).await.unwrap();
        }
        if second == HOUR / 2 {
            half = Some(["core", "graphql"].map(|resource| at_reset(&row(&client, resource, now))));
        }
    }
    let books = world.fake.books();
    for (resource, foreseen) in ["core", "graphql"].into_iter().zip(half.unwrap()) {
        let book = books.buckets[&(ann(), resource)];
        let came = book.sample.remaining;
        let off = f64::from(foreseen.abs_diff(came)) / f64::from(came);
        println!("{resource}: {foreseen} foreseen at half-time, {came} left; {book:?}");
        assert!(off < 0.05, "{resource}: {foreseen} foreseen, {came} left");
        let told = row(&client, resource, world.fake.now());
        assert_eq!(told.own_used, book.own, "{resource}");
        // Others go on after our last call.
        let unseen = f64::from(told.foreign_used.abs_diff(book.others));
        assert!(unseen <= 0.02 * f64::from(book.others), "{told:?} {book:?}");
    }
    let points = books.of("POST /graphql").points;
    assert!((100..=120).contains(&points), "{points} points for heads");
    world.assert_no_violations();
}
