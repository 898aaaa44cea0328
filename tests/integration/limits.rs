//! What `serve` knows of GitHub's limits: its report, its metrics, and what outlives it.

mod asking;
mod reset;
mod skew;

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};

use flux_setup::budget::live::Purpose;
use flux_setup::config::SecretRef;
use flux_setup::github::{Call, Clock, Github, GithubSettings, IdentitySettings};
use flux_setup::server::GithubSide;
use jiff::{SignedDuration, Timestamp};
use serde_json::Value;
use sqlx::ConnectOptions;
use sqlx::sqlite::SqliteConnectOptions;

use crate::binary::{Run, command, ended};
use crate::github::faults::Fault;
use crate::github::who::Who;
use crate::github::{FakeGithub, Options};
use crate::process::{Home, Service};
use crate::service::{self, Wanted};

const TOKEN: &str = "token";

/// A service that asks this GitHub as `bot`, and no cluster; `more` is said of the host.
fn home(github: &FakeGithub, more: &str) -> Home {
    let token = github.personal_token("bot", &["repo", "admin:org_hook"]);
    let bot = format!("{{name: bot, token: {{file: {TOKEN}}}}}");
    let home = home_as(github, &bot, &format!("    audit: false\n{more}"));
    home.write(TOKEN, &token);
    home
}

/// A service that asks this GitHub as these identities; it knows no cluster, and asks for no heads.
fn home_as(github: &FakeGithub, identities: &str, more: &str) -> Home {
    let home = Home::new(&[("prod-eu", Path::new("nowhere.yaml"))]);
    let text = format!(
        "clusters: [{{name: prod-eu, kubeconfig: nowhere.yaml}}]
github:
  - host: github.com
    apiUrl: {}
    identities: [{identities}]
    webhooks: [{{name: acme, organization: acme, secrets: [{{file: secret}}]}}]
    heads: false
{more}
server:
  hooks: {{listen: '{}'}}
  api: {{listen: '{}'}}
  store: sqlite:inbox.db
",
        github.api_url(),
        home.hooks,
        home.api
    );
    home.write("flux-setup.yaml", &text);
    home
}

fn bot() -> Who {
    Who::User("bot".to_owned())
}

fn bucket(service: &Service, resource: &str) -> Option<Value> {
    let (status, report) = service.get("/api/v1/rate-limit")?;
    assert_eq!(status, 200, "{report}");
    let mut buckets = report["buckets"].as_array()?.iter();
    buckets.find(|it| it["resource"] == resource).cloned()
}

fn budget(home: &Home, arguments: &[&str]) -> Run {
    let output = command(&[&["budget", "--live"], arguments].concat())
        .current_dir(home.path())
        .output();
    ended(&output.expect("the program was built"))
}

#[test]
fn what_is_left_is_asked_at_the_start_and_use_by_others_is_told_apart() {
    let github = FakeGithub::launch(Options::default());
    github.use_by_others(&bot(), "core", 400);
    // So that it was not all in one second.
    let reset = Timestamp::now() + SignedDuration::from_mins(30);
    github.move_reset(&bot(), "core", reset);
    let home = home(&github, "");
    let mut service = home.start();
    service.wait_until("it knows the bucket", |service| {
        bucket(service, "core").is_some_and(|core| core["limit"] == 5_000)
    });
    let core = bucket(&service, "core").unwrap();
    let books = github.books();
    let book = &books.buckets[&(bot(), "core")];
    assert_eq!(core["host"], "github.com");
    assert_eq!(core["identity"], "bot");
    assert_eq!(core["limit"], 5_000);
    assert_eq!(core["used"], book.sample.used);
    assert_eq!(core["remaining"], book.sample.remaining);
    assert_eq!(core["ownUsed"], book.own);
    assert_eq!(core["foreignUsed"], 400);
    assert_eq!(core["holds"], Value::Array(Vec::new()));
    assert_eq!(github.violations(), []);

    let told = budget(&home, &[]);
    assert_eq!((told.code, &*told.stderr), (Some(0), ""), "{told:?}");
    assert!(told.stdout.contains("github.com bot core"), "{told:?}");
    let json = budget(&home, &["--format", "json"]);
    let json: Value = serde_json::from_str(&json.stdout).unwrap();
    assert_eq!(json["buckets"][0]["foreignUsed"], 400);

    let (_, metrics) = service.get("/metrics").unwrap();
    let metrics = metrics.as_str().unwrap();
    let row = "flux_setup_github_foreign_used{host=\"github.com\",identity=\"bot\",resource=\"core\"} 400";
    assert!(metrics.contains(row), "{metrics}");
    let (status, history) = service.get("/api/v1/rate-limit/history").unwrap();
    assert_eq!(
        (status, &history["buckets"][0]["steps"][0]["foreign"]),
        (200, &400.into())
    );
    let (status, fault) = service.get("/api/v1/rate-limit/history?since=now").unwrap();
    assert_eq!(status, 400, "{fault}");
    let reason = fault["reason"].as_str().unwrap();
    assert!(reason.ends_with("the only parameter is `since`, a time as `2026-01-31T12:00:00Z`"));
}

/// Whether the store has the history of `core`.
#[tokio::main(flavor = "current_thread")]
async fn are_kept(home: &Home) -> bool {
    let options = SqliteConnectOptions::new()
        .filename(home.store())
        .read_only(true);
    let mut store = options.connect().await.expect("the store is there");
    let kept = "SELECT count(*) FROM note WHERE name LIKE 'github.com/bot/core/%'";
    let kept: i64 = sqlx::query_scalar(kept)
        .fetch_one(&mut store)
        .await
        .expect("it can be read");
    kept > 0
}

#[test]
fn what_is_known_of_the_limits_outlives_a_kill() {
    let github = FakeGithub::launch(Options::default());
    github.use_by_others(&bot(), "core", 77);
    let home = home(&github, "");
    let mut service = home.start();
    service.wait_until("it knows the bucket", |service| {
        bucket(service, "core").is_some_and(|core| core["limit"] == 5_000)
    });
    let before = bucket(&service, "core").unwrap();
    let kept = |service: &Service| service.get("/api/v1/rate-limit/history").unwrap().1;
    let history = kept(&service);
    service.wait_until("the books are kept", |_| are_kept(&home));
    service.kill();
    github.fail_where("/rate_limit", None, Fault::Closed);
    let service = home.start();
    let after = bucket(&service, "core").unwrap();
    for field in ["limit", "used", "reset", "ownUsed", "foreignUsed"] {
        assert_eq!(after[field], before[field], "{field}");
    }
    assert_eq!(kept(&service), history);
    let token = std::fs::read(home.path().join(TOKEN)).unwrap();
    let store = std::fs::read(home.store()).unwrap();
    assert!(!store.windows(token.len()).any(|part| part == token));
}

#[test]
fn without_an_identity_it_is_said_that_nothing_is_asked() {
    let home = Home::new(&[("prod-eu", Path::new("nowhere.yaml"))]);
    let service = home.start();
    let (_, report) = service.get("/api/v1/rate-limit").unwrap();
    let note = "github.com has no identity, so that it is not asked what its webhooks did not deliver, \
        nor where refs point; list one under `github[].identities`";
    assert_eq!(report["notes"], serde_json::json!([note]));
    assert_eq!(service.log().matches(note).count(), 1, "{}", service.log());
    let told = budget(&home, &[]);
    assert!(
        told.stdout.starts_with("nothing was asked of GitHub yet\n"),
        "{told:?}"
    );
    assert!(
        told.stdout.contains("github.com has no identity"),
        "{told:?}"
    );
}

#[tokio::test]
async fn a_clock_of_this_machine_that_is_set_while_it_runs_changes_nothing_of_the_report() {
    let github = FakeGithub::start().await;
    github.repository("acme/web");
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(
        folder.path().join(TOKEN),
        github.personal_token("bot", &["repo"]),
    )
    .unwrap();
    let mut settings = GithubSettings::new("github.com", folder.path());
    settings.api_url = Some(github.api_url());
    settings.identities = vec![IdentitySettings::token(
        "bot",
        SecretRef::File(TOKEN.into()),
    )];
    // It was three hours late at the start, and was put right.
    settings.clock = Clock::of(|| Timestamp::now() - SignedDuration::from_hours(3));
    let host = Github::open(settings).unwrap();
    let client = host.client("bot").unwrap();
    let web = Call::get("/repos/acme/web", "/repos/{owner}/{repo}", Purpose::Other);
    client.call(web).await.unwrap();
    let service = service::Service::with(Wanted {
        github: GithubSide {
            hosts: vec![host],
            ..GithubSide::default()
        },
        ..Wanted::default()
    })
    .await;
    let report = service.get("/api/v1/rate-limit").await.json();
    let books = github.books();
    let book = &books.buckets[&(bot(), "core")];
    let core = &report["buckets"][0];
    assert_eq!(core["used"], book.sample.used, "{report}");
    assert_eq!(core["remaining"], book.sample.remaining, "{report}");
    let time = |value: &Value| value.as_str().unwrap().parse::<Timestamp>().unwrap();
    let reset = book.sample.reset.as_second();
    assert_eq!(time(&core["reset"]).as_second(), reset, "{report}");
    // By GitHub's clock too, so that it can be told how long it is until then.
    let late = Timestamp::now().duration_since(time(&report["at"]));
    assert!(late.abs() < SignedDuration::from_mins(5), "{report}");
    let history = service.get("/api/v1/rate-limit/history").await.json();
    assert_eq!(history["buckets"][0]["steps"][0]["own"], 1, "{history}");
}

#[test]
fn why_nothing_is_known_of_a_limit_is_told() {
    let github = FakeGithub::launch(Options::default());
    let home = home(&github, "");
    home.write(TOKEN, "ghp_wrong");
    let mut service = home.start();
    service.wait_until("it was told", |_| {
        budget(&home, &[]).stdout.contains("cannot be asked")
    });
    let told = budget(&home, &[]);
    let words: Vec<&str> = told.stdout.split_whitespace().collect();
    let note = "note github.com cannot be asked as `bot`: GitHub refused `GET /rate_limit` to `bot` (401: \
        Bad credentials): the token is revoked, expired or wrong; make a new one and put it where the \
        configuration points";
    assert!(words.join(" ").contains(note), "{told:?}");
    assert!(!told.stdout.contains("ghp_wrong"), "{told:?}");
}

#[test]
fn a_start_asks_for_no_limits_where_the_last_run_was_answered_lately() {
    let github = FakeGithub::launch(Options::default());
    let home = home(&github, "");
    let mut service = home.start();
    let asked = || github.books().of("GET /rate_limit").calls;
    service.wait_until("it asked", |_| asked() == 1);
    service.wait_until("it knows", |service| {
        bucket(service, "core").is_some_and(|core| core["limit"] == 5_000)
    });
    service.terminate();
    let service = home.start();
    service.get("/api/v1/rate-limit").unwrap();
    std::thread::sleep(std::time::Duration::from_secs(2));
    assert_eq!(asked(), 1);
}

#[test]
fn who_watches_for_a_machine_gets_a_line_for_each_answer() {
    let home = Home::new(&[("prod-eu", Path::new("nowhere.yaml"))]);
    let _service = home.start();
    let mut watch = Command::new(env!("CARGO_BIN_EXE_flux-setup"));
    watch.args(["budget", "--live", "--watch", "--format", "json"]);
    watch.current_dir(home.path()).stdout(Stdio::piped());
    let mut watching = watch.spawn().unwrap();
    let lines = BufReader::new(watching.stdout.take().unwrap()).lines();
    for line in lines.take(2) {
        let report: Value = serde_json::from_str(&line.unwrap()).unwrap();
        assert_eq!(report["buckets"], serde_json::json!([]));
    }
    watching.kill().unwrap();
    watching.wait().unwrap();
}

#[test]
fn the_rules_for_prometheus_are_one_document_for_a_machine_too() {
    let rules = |arguments: &[&str]| {
        let output = command(&[&["alerts", "--backlog", "7"], arguments].concat()).output();
        let run = ended(&output.unwrap());
        assert_eq!((run.code, &*run.stderr), (Some(0), ""));
        run.stdout
    };
    let json: Value = serde_json::from_str(&rules(&["--format", "json"])).unwrap();
    let told = json["groups"][0]["rules"].as_array().unwrap();
    let text = rules(&[]);
    assert_eq!(told.len(), text.matches("- alert: ").count());
    for rule in told {
        let name = rule["alert"].as_str().unwrap();
        assert!(text.contains(&format!("- alert: {name}\n")), "{name}");
        let severity = rule["labels"]["severity"].as_str().unwrap();
        assert!(["warning", "critical"].contains(&severity), "{rule}");
        assert!(rule["annotations"]["summary"].is_string(), "{rule}");
    }
    let backlog = "flux_setup_work_open > 7";
    assert!(told.iter().any(|rule| rule["expr"] == backlog), "{json}");
}
