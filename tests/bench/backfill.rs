//! What it takes to fetch 10,000 deliveries that never came: `cargo bench --bench backfill`.
//!
//! GitHub is the fake of the tests on loopback, as an Enterprise Server without limits, so that no hour runs out; the
//! points of a minute still hold us to twelve calls a second, so that it takes a quarter of an hour. Each delivery is on
//! disk when it counts.

#[allow(dead_code, reason = "this bench uses the part of it that it needs")]
#[path = "../integration/github/mod.rs"]
mod github;

use std::io::{self, Write as _};
use std::sync::Arc;
use std::time::{Duration, Instant};

use flux_setup::config::SecretRef;
use flux_setup::delivery::{HookScope, SpeaksFor, WebhookName};
use flux_setup::github::{Github, GithubSettings, IdentitySettings};
use flux_setup::reconcile::{
    Audit, AuditSubject, AuditedWebhook, Mode, WebhookBoard, WebhookMetrics,
};
use flux_setup::store::{Limits, Store, StoreUrl};
use prometheus_client::registry::Registry;
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

use github::hooks::Scope;
use github::repositories::Target;
use github::sender::Delivering;
use github::{FakeGithub, Options};

const HOST: &str = "ghe.acme.io";
const MISSED: u32 = 10_000;
/// Deliveries of one page.
const PAGE: u32 = 100;

fn main() -> io::Result<()> {
    tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()?
        .block_on(run())
}

async fn run() -> io::Result<()> {
    let folder = tempfile::tempdir()?;
    let fake = FakeGithub::launch(Options::enterprise(HOST));
    fake.organization("acme");
    fake.repository("acme/web");
    let token = fake.personal_token("bot", &["admin:org_hook"]);
    std::fs::write(folder.path().join("token"), token)?;
    let address = "https://hooks.acme.io".to_owned();
    let url = format!("{address}/hooks/github/acme");
    fake.add_hook(Scope::Organization("acme".into()), &url, Some("s"));
    let store = StoreUrl::read("sqlite:bench.db", folder.path()).map_err(io::Error::other)?;
    let store = Store::open(&store, Limits::default()).await;
    let store = store.map_err(io::Error::other)?;
    let mut settings = GithubSettings::new(HOST, folder.path());
    settings.api_url = Some(fake.api_url());
    settings.identities = vec![IdentitySettings::token(
        "bot",
        SecretRef::File("token".into()),
    )];
    let github = Github::open(settings).map_err(io::Error::other)?;
    let name = WebhookName("acme".into());
    let scope = HookScope {
        host: HOST.into(),
        aliases: Vec::new(),
        speaks_for: SpeaksFor::Organization("acme".into()),
    };
    let board = WebhookBoard::new([(name.clone(), scope)]);
    let audit = Audit {
        store: store.clone(),
        arrived: Arc::new(Notify::new()),
        board: board.clone(),
        metrics: WebhookMetrics::register(&mut Registry::default()),
        clusters: Vec::new(),
        mode: Mode::Annotate,
        webhooks: vec![AuditedWebhook {
            name,
            subject: AuditSubject::Organization("acme".into()),
            github,
            host: HOST.into(),
            identity: None,
            every: Duration::from_millis(100),
            address: Some(address),
        }],
    };
    let stop = CancellationToken::new();
    let running = tokio::spawn(audit.run(stop.clone()));
    let report = || board.reports().remove(0);
    while report().last_audit.is_none() {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    let before = fake.books();
    let all = |books: &github::books::Books| books.count(|_| true).calls;
    let started = Instant::now();
    for number in 0..MISSED {
        let commit = Target::Commit(format!("{:040x}", 0x1000 + number));
        fake.push_as(
            "acme/web",
            "refs/heads/main",
            Some(commit),
            Delivering::TIMED_OUT,
        );
    }
    while report().back_filled < u64::from(MISSED) || report().catching_up {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    let seconds = started.elapsed().as_secs_f64();
    let made = all(&fake.books()) - all(&before);
    let needed = MISSED + MISSED / PAGE;
    let kept = store.counts().await.map_err(io::Error::other)?;
    let kept: u64 = kept.deliveries.values().sum();
    let mut out = io::stdout().lock();
    writeln!(
        out,
        "| never delivered | taken in | calls needed | calls made | seconds | a second |"
    )?;
    writeln!(out, "|---|---|---|---|---|---|")?;
    writeln!(
        out,
        "| {MISSED} | {kept} | {needed} | {made} | {seconds:.1} | {:.0} |",
        f64::from(MISSED) / seconds
    )?;
    stop.cancel();
    running.await.map_err(io::Error::other)
}
