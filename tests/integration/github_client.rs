//! The client for GitHub's API, over real HTTP, against a GitHub that enforces its rules.

mod answers;
mod gate;
mod hour;
mod identities;
mod kept;
mod moved;
mod scene;
mod wire;

use std::time::Duration;

use flux_setup::budget::live::Purpose;
use flux_setup::config::{Credential, SecretRef};
use flux_setup::github::{
    Call, CallFault, Client, Clock, Github, GithubSettings, IdentitySettings, Refusal,
};
use tempfile::TempDir;

use crate::github::FakeGithub;

const REPOSITORY: &str = "/repos/{owner}/{repo}";

/// A fake with a configuration folder that has its secrets.
struct World {
    fake: FakeGithub,
    folder: TempDir,
    settings: GithubSettings,
}

impl World {
    fn of(fake: FakeGithub) -> Self {
        let folder = tempfile::tempdir().expect("a folder can be made");
        let mut settings = GithubSettings::new("github.com", folder.path());
        settings.api_url = Some(fake.api_url());
        let clock = fake.clock();
        settings.clock = Clock::of(move || clock.now());
        fake.organization("acme");
        fake.repository("acme/web");
        Self {
            fake,
            folder,
            settings,
        }
    }

    async fn start() -> Self {
        Self::of(FakeGithub::start().await)
    }

    fn write(&self, name: &str, secret: &str) -> SecretRef {
        std::fs::write(self.folder.path().join(name), secret).expect("a file can be written");
        SecretRef::File(name.into())
    }

    fn add_token(&mut self, name: &str, token: &str) {
        let token = self.write(name, token);
        let identity = IdentitySettings::token(name, token);
        self.settings.identities.push(identity);
    }

    fn add_app(&mut self, name: &str, id: u64, installation: u64, key: &str) {
        let private_key = self.write(&format!("{name}.pem"), key);
        self.settings.identities.push(IdentitySettings {
            name: name.into(),
            credential: Some(Credential::App {
                id,
                installation,
                private_key,
            }),
            owners: Vec::new(),
        });
    }

    fn open(&self) -> Github {
        Github::open(self.settings.clone()).expect("the settings are right")
    }

    fn client(&self) -> Client {
        self.open().for_owner("acme").expect("there is an identity")
    }

    /// Somebody with a personal token that may read and change repositories.
    async fn with_token() -> (Self, Client) {
        let mut world = Self::start().await;
        let token = world
            .fake
            .personal_token("ann", &["repo", "admin:repo_hook"]);
        world.add_token("bot", &token);
        let client = world.client();
        (world, client)
    }

    /// Calls of an endpoint that reached the fake.
    fn calls(&self, endpoint: &str) -> u64 {
        self.fake.books().of(endpoint).calls
    }

    fn assert_no_violations(&self) {
        assert_eq!(self.fake.violations(), []);
    }
}

fn web() -> Call {
    Call::get("/repos/acme/web", REPOSITORY, Purpose::Other)
}

/// Enough for whatever is not to take long, on a machine that is busy.
async fn soon<T>(what: impl Future<Output = T>) -> T {
    let limit = Duration::from_secs(120);
    tokio::time::timeout(limit, what)
        .await
        .expect("it takes too long")
}

fn refusal(fault: &CallFault) -> &Refusal {
    match fault {
        CallFault::Refused { reason, .. } => reason,
        other => panic!("{other}"),
    }
}
