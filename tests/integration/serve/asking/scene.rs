//! A GitHub, a service that asks it, and objects that follow its repositories.

use std::path::PathBuf;
use std::thread;
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::api_server::ApiServer;
use crate::github::hooks::{Delivery, Scope};
use crate::github::repositories::Target;
use crate::github::sender::Delivering;
use crate::github::who::Who;
use crate::github::{FakeGithub, Options};
use crate::process::{Home, SECRET, Service};
use crate::serve::objects::{Objects, Tokens};

/// For what takes seconds on an idle machine.
pub const LONG: Duration = Duration::from_secs(240);
pub const LIST: &str = "GET /orgs/{org}/hooks/{hook_id}/deliveries";
pub const SHOW: &str = "GET /orgs/{org}/hooks/{hook_id}/deliveries/{delivery_id}";
/// The file of the identity's token.
pub const TOKEN: &str = "token";
/// Who creates objects, beside each other.
const HANDS: usize = 8;

pub struct Scene<'s> {
    pub github: FakeGithub,
    pub home: Home,
    pub objects: Objects<'s>,
    pub tokens: Tokens,
    pub hook: u64,
    namespace: String,
    kubeconfig: PathBuf,
}

impl<'s> Scene<'s> {
    /// GitHub delivers the pushes of `acme` to our door, and `bot` may see all; `host` says what is asked and how
    /// often, as `audit: {every: 1s}, heads: false`.
    pub fn new(server: &'s ApiServer, namespace: &str, host: &str) -> Self {
        let github = FakeGithub::launch(Options::default());
        let token = github.personal_token("bot", &["repo", "admin:org_hook"]);
        Self::with(server, namespace, host, github, &token)
    }

    pub fn with(
        server: &'s ApiServer,
        namespace: &str,
        host: &str,
        github: FakeGithub,
        token: &str,
    ) -> Self {
        let host = format!(
            "{host}, identities: [{{name: bot, token: {{file: {TOKEN}}}}}], \
             webhooks: [{{name: acme, organization: acme, secrets: [{{file: secret}}]}}]"
        );
        let scope = Scope::Organization("acme".into());
        let scene = Self::configured(server, namespace, github, scope, &host);
        scene.home.write(TOKEN, token);
        scene
    }

    /// As [`Scene::new`], where GitHub has a hook of this scope for us, and `host` says all of the host but its name
    /// and its address. The files that it names are to be written.
    pub fn configured(
        server: &'s ApiServer,
        namespace: &str,
        github: FakeGithub,
        scope: Scope,
        host: &str,
    ) -> Self {
        let home = Home::new(&[("prod-eu", &server.kubeconfig())]);
        let url = format!("http://{}/hooks/github/acme", home.hooks);
        github.organization("acme");
        let hook = github.add_hook(scope, &url, Some(SECRET));
        github.change_hook(hook, |hook| {
            let events = ["push", "package", "release", "repository"];
            hook.events = events.map(str::to_owned).to_vec();
        });
        let objects = Objects::new(server, namespace);
        let tokens = Tokens::watch(server, namespace);
        let scene = Self {
            github,
            home,
            objects,
            tokens,
            hook,
            namespace: namespace.to_owned(),
            kubeconfig: server.kubeconfig(),
        };
        scene.configure(host);
        scene
    }

    /// What is configured of GitHub, for the next start.
    pub fn configure(&self, host: &str) {
        let text = format!(
            "clusters: [{{name: prod-eu, kubeconfig: {}}}]
github:
  - {{host: {}, apiUrl: '{}', {host}}}
server:
  hooks: {{listen: '{}'}}
  api: {{listen: '{}'}}
  store: sqlite:inbox.db
",
            self.kubeconfig.display(),
            self.github.host(),
            self.github.api_url(),
            self.home.hooks,
            self.home.api
        );
        self.home.write("flux-setup.yaml", &text);
    }

    /// The repository of this number.
    pub fn repository(&self, number: u32) -> String {
        format!("acme/{}-{number}", self.namespace)
    }

    /// So many repositories, and an object `app-N` that follows `main` of each.
    pub fn fleet(&self, count: u32) {
        for number in 0..count {
            self.github.repository(&self.repository(number));
        }
        thread::scope(|scope| {
            for hand in 0..HANDS {
                let numbers = (0..count).skip(hand).step_by(HANDS);
                scope.spawn(move || {
                    for number in numbers {
                        let host = self.github.host();
                        let url = format!("https://{host}/{}", self.repository(number));
                        self.objects.git(&app(number), &url, "main");
                    }
                });
            }
        });
    }

    /// A service that has read the list of deliveries once and knows its cluster.
    pub fn start(&self) -> Service {
        let mut service = self.home.start();
        service.wait_until_ready();
        service.wait_until("it has read the list", |service| {
            webhook(service)["lastAudit"].is_string()
        });
        service
    }

    /// Moves `main` of the repository of this number, once.
    pub fn push(&self, number: u32, delivering: Delivering) {
        let commit = Target::Commit(format!("{:040x}", 0x1000 + number));
        let repository = self.repository(number);
        self.github
            .push_as(&repository, "refs/heads/main", Some(commit), delivering);
    }

    /// Waits until all of these were annotated.
    ///
    /// # Panics
    /// Where that takes too long, with the log of the service.
    pub fn wait_for(&self, service: &Service, numbers: impl IntoIterator<Item = u32> + Clone) {
        let deadline = Instant::now() + LONG;
        loop {
            let numbers = numbers.clone().into_iter();
            let missing = numbers.filter(|number| self.annotations(*number) == 0);
            let missing: Vec<u32> = missing.collect();
            if missing.is_empty() {
                return;
            }
            assert!(
                Instant::now() < deadline,
                "never annotated: {missing:?}\n{}\n{}",
                webhook(service),
                service.log()
            );
            thread::sleep(Duration::from_millis(50));
        }
    }

    /// How often the object of this number was annotated.
    pub fn annotations(&self, number: u32) -> usize {
        self.tokens.of(&app(number)).len()
    }

    /// The numbers of all that were not annotated exactly once, each with how often.
    pub fn not_once(&self, numbers: impl IntoIterator<Item = u32>) -> Vec<(u32, usize)> {
        let numbers = numbers.into_iter();
        let counted = numbers.map(|number| (number, self.annotations(number)));
        counted.filter(|(_, times)| *times != 1).collect()
    }

    /// What GitHub tried to deliver, and did not.
    pub fn failed(&self) -> u64 {
        let attempts = self.github.deliveries(self.hook);
        let failed = attempts.iter().filter(|it| !Delivery::succeeded(it));
        failed.count() as u64
    }

    /// Until GitHub has an answer to all that it posts.
    pub fn quiet(&self) {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build();
        let runtime = runtime.expect("a runtime");
        runtime.block_on(self.github.quiet());
    }
}

pub fn bot() -> Who {
    Who::User("bot".to_owned())
}

pub fn app(number: u32) -> String {
    format!("app-{number}")
}

/// What is told of the webhook; `null` where nobody answers.
pub fn webhook(service: &Service) -> Value {
    let told = service.get("/api/v1/webhooks").map(|(_, told)| told);
    told.map_or(Value::Null, |told| told["webhooks"][0].clone())
}

/// What `GET` answers there; `null` where nobody does.
pub fn told(service: &Service, path: &str) -> Value {
    let told = service.get(path).map(|(_, told)| told);
    told.unwrap_or_default()
}

/// What is said of GitHub beside the buckets, as one text.
pub fn notes(service: &Service) -> String {
    told(service, "/api/v1/rate-limit")["notes"].to_string()
}

pub fn metrics(service: &Service) -> String {
    told(service, "/metrics")
        .as_str()
        .unwrap_or_default()
        .to_owned()
}

/// What is told of the questions for heads.
pub fn heads(service: &Service) -> Value {
    let told = service.get("/api/v1/heads").map(|(_, told)| told);
    told.map_or(Value::Null, |told| told["identities"][0].clone())
}

/// What is told of one bucket of `bot`.
pub fn bucket(service: &Service, resource: &str) -> Value {
    let told = service.get("/api/v1/rate-limit").map(|(_, told)| told);
    let told = told.unwrap_or_default();
    let mut buckets = told["buckets"].as_array().into_iter().flatten();
    let found = buckets.find(|it| it["resource"] == resource);
    found.cloned().unwrap_or_default()
}
