//! Our doors and store, a GitHub that delivers to them, and the audit between.

use std::sync::Arc;
use std::time::Duration;

use flux_setup::catalog::LiveCluster;
use flux_setup::config::SecretRef;
use flux_setup::delivery::{HookScope, SpeaksFor, WebhookName};
use flux_setup::github::{Clock, Github, GithubSettings, IdentitySettings, Timeouts};
use flux_setup::reconcile::{
    Audit, AuditSubject, AuditedWebhook, Mode, WebhookBoard, WebhookMetrics, WebhookReport,
};
use flux_setup::store::Filter;
use prometheus_client::registry::Registry;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::github::FakeGithub;
use crate::github::books::Calls;
use crate::github::hooks::{Delivery, Scope};
use crate::github::repositories::Target;
use crate::github::sender::Delivering;
use crate::service::{SECRET, Service};

/// Nothing in a test takes longer.
const PATIENCE: Duration = Duration::from_secs(120);
pub(crate) const LIST: &str = "GET /orgs/{org}/hooks/{hook_id}/deliveries";
pub(crate) const SHOW: &str = "GET /orgs/{org}/hooks/{hook_id}/deliveries/{delivery_id}";
pub(crate) const REDELIVER: &str =
    "POST /orgs/{org}/hooks/{hook_id}/deliveries/{delivery_id}/attempts";

/// GitHub delivers what happens in `acme/web` to our door `acme`.
pub(crate) struct Scene {
    pub(crate) service: Service,
    pub(crate) github: FakeGithub,
    pub(crate) hook: u64,
    pub(crate) token: String,
    pub(crate) mode: Mode,
    pub(crate) timeouts: Timeouts,
    pub(crate) clock: Clock,
    /// Those of an audit before, as after a reload.
    pub(crate) metrics: Option<WebhookMetrics>,
}

/// An audit that runs until it is dropped.
pub(crate) struct Running {
    pub(crate) board: WebhookBoard,
    pub(crate) metrics: WebhookMetrics,
    pub(crate) registry: Registry,
    task: JoinHandle<()>,
    stop: CancellationToken,
}

impl Drop for Running {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Scene {
    pub(crate) async fn start() -> Self {
        let service = Service::start().await;
        let github = FakeGithub::start().await;
        github.organization("acme");
        github.repository("acme/web");
        let token = github.personal_token("bot", &["admin:org_hook", "repo"]);
        let url = format!("http://{}/hooks/github/acme", service.at.hooks);
        let scope = Scope::Organization("acme".into());
        let hook = github.add_hook(scope, &url, Some(SECRET));
        github.change_hook(hook, |hook| {
            hook.events = ["push", "package", "release", "repository"]
                .map(str::to_owned)
                .to_vec();
        });
        Self {
            service,
            github,
            hook,
            token,
            mode: Mode::Annotate,
            timeouts: Timeouts::default(),
            clock: Clock::system(),
            metrics: None,
        }
    }

    /// Pushes other commits than any before.
    pub(crate) fn push(&self, numbers: std::ops::Range<u32>, delivering: Delivering) {
        for number in numbers {
            let commit = Target::Commit(format!("{:040x}", 0x1000 + number));
            self.github
                .push_as("acme/web", "refs/heads/main", Some(commit), delivering);
        }
    }

    /// Somebody asks GitHub to deliver its first delivery again, and GitHub does.
    pub(crate) async fn redeliver_first(&self) {
        let url = format!(
            "{}/orgs/acme/hooks/{}/deliveries/{}/attempts",
            self.github.api_url(),
            self.hook,
            self.github.deliveries(self.hook)[0].id
        );
        let token = format!("Bearer {}", self.token);
        let asked = tokio::task::spawn_blocking(move || {
            let request = ureq::post(&url).header("authorization", token);
            request.send_empty().map(|answer| answer.status().as_u16())
        });
        let status = asked.await.expect("it ends well");
        assert_eq!(status.expect("GitHub answers"), 202);
        self.github.quiet().await;
    }

    pub(crate) fn audit(&self) -> Running {
        self.audit_every(Duration::from_millis(100))
    }

    pub(crate) fn audit_every(&self, every: Duration) -> Running {
        let subject = AuditSubject::Organization("acme".into());
        let speaks_for = SpeaksFor::Organization("acme".into());
        self.audit_of(subject, speaks_for, Vec::new(), every)
    }

    pub(crate) fn audit_of(
        &self,
        subject: AuditSubject,
        speaks_for: SpeaksFor,
        clusters: Vec<Arc<LiveCluster>>,
        every: Duration,
    ) -> Running {
        let folder = self.service.folder.path();
        std::fs::write(folder.join("token"), &self.token).expect("it can be written");
        let mut settings = GithubSettings::new("github.com", folder);
        settings.api_url = Some(self.github.api_url());
        settings.timeouts = self.timeouts;
        settings.clock = self.clock.clone();
        settings.identities = vec![IdentitySettings::token(
            "bot",
            SecretRef::File("token".into()),
        )];
        let github = Github::open(settings).expect("it can be opened");
        let name = WebhookName("acme".into());
        let scope = HookScope {
            host: "github.com".into(),
            aliases: Vec::new(),
            speaks_for,
        };
        let board = WebhookBoard::new([(name.clone(), scope)]);
        let mut registry = Registry::default();
        let new = WebhookMetrics::register(&mut registry);
        let metrics = self.metrics.clone().unwrap_or(new);
        let audit = Audit {
            store: self.service.state.store.clone(),
            arrived: Arc::clone(&self.service.state.arrived),
            board: board.clone(),
            metrics: metrics.clone(),
            clusters,
            mode: self.mode,
            webhooks: vec![AuditedWebhook {
                name,
                subject,
                github,
                host: "github.com".into(),
                identity: None,
                every,
                address: Some(format!("http://{}", self.service.at.hooks)),
            }],
        };
        let stop = CancellationToken::new();
        let task = tokio::spawn(audit.run(stop.clone()));
        Running {
            board,
            metrics,
            registry,
            task,
            stop,
        }
    }

    /// The GUIDs of all deliveries that were taken in, each as often as it was.
    pub(crate) async fn taken(&self) -> Vec<String> {
        let mut filter = Filter {
            limit: 500,
            ..Filter::default()
        };
        let mut guids = Vec::new();
        loop {
            let page = self.service.state.store.deliveries(&filter).await;
            let page = page.expect("the store can be read");
            let Some(last) = page.last() else {
                guids.sort();
                return guids;
            };
            filter.before = Some(last.id);
            guids.extend(page.iter().map(|it| it.delivery.key.guid.to_string()));
        }
    }

    /// The GUIDs of all that GitHub has to tell, each once.
    pub(crate) fn told(&self) -> Vec<String> {
        let told = self.github.deliveries(self.hook).into_iter();
        let mut guids: Vec<String> = told.map(|attempt| attempt.guid).collect();
        guids.sort();
        guids.dedup();
        guids
    }

    /// How many deliveries were not answered by a success.
    pub(crate) fn failed(&self) -> u64 {
        let attempts = self.github.deliveries(self.hook);
        let failed = attempts.iter().filter(|it| !Delivery::succeeded(it));
        failed.count() as u64
    }

    /// Waits until so many were taken in.
    pub(crate) async fn until_taken(&self, count: usize) {
        let until = tokio::time::Instant::now() + PATIENCE;
        loop {
            let taken = self.taken().await.len();
            if taken >= count {
                return;
            }
            assert!(
                tokio::time::Instant::now() < until,
                "only {taken} of {count} were taken in"
            );
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    pub(crate) fn calls(&self, endpoint: &str) -> Calls {
        self.github.books().of(endpoint)
    }

    /// All pages that were asked for, and all deliveries that were fetched, and how many asked for again.
    pub(crate) fn all_calls(&self) -> (u64, u64, u64) {
        let calls = |endpoint| self.calls(endpoint).calls;
        (calls(LIST), calls(SHOW), calls(REDELIVER))
    }
}

impl Running {
    pub(crate) fn report(&self) -> WebhookReport {
        WebhookReport::clone(&self.board.reports()[0])
    }

    pub(crate) async fn until(
        &self,
        what: &str,
        is_so: impl Fn(&WebhookReport) -> bool,
    ) -> WebhookReport {
        let until = tokio::time::Instant::now() + PATIENCE;
        loop {
            let report = self.report();
            if is_so(&report) {
                return report;
            }
            assert!(
                tokio::time::Instant::now() < until,
                "never {what}: {report:?}"
            );
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }

    /// Waits for another reading of the list than that of before.
    pub(crate) async fn audited(&self) -> WebhookReport {
        let before = self.report().last_audit;
        self.until("audited", |report| report.last_audit > before)
            .await
    }

    pub(crate) async fn stop(mut self) {
        self.stop.cancel();
        (&mut self.task).await.expect("it ends well");
    }
}
