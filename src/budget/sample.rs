//! Plans and settings for tests, made by hand.

use std::sync::Arc;
use std::time::Duration;

use crate::config::{
    BudgetSettings, EnvironmentKind, GithubHost, Identity, IdentityKind, KnownUse, Layers, Pattern,
    Spanned,
};
use crate::flux::yaml::Span;
use crate::plan::{Plan, PlannedObject, Poll, Reference, Role};

use super::costs::CostTable;
use super::price::price;
use super::report::Report;

pub(crate) fn spanned<T>(value: T) -> Spanned<T> {
    let span = Span::default();
    Spanned { span, value }
}

/// A source of project `web` in environment `dev`, polled each minute; a test says what differs.
pub(crate) fn source(url: &str) -> PlannedObject<'static> {
    PlannedObject {
        project: "web".into(),
        environment: "dev".into(),
        environment_kind: EnvironmentKind::None,
        cluster: None,
        role: Role::Source,
        kind: Some("GitRepository"),
        name: "web-dev".into(),
        namespace: "flux-system".into(),
        template: "git-repository".into(),
        users_template: false,
        span: Span::default(),
        poll: Some(Poll {
            url: url.into(),
            reference: Reference::Branch("main".into()),
            interval: Duration::from_secs(60),
            provider: None,
            secret: None,
        }),
        source: None,
        depends_on: Vec::new(),
        complete: true,
        layers: Layers::default(),
    }
}

pub(crate) fn semver(range: impl Into<Arc<str>>) -> Reference {
    Reference::Semver {
        range: range.into(),
        filter: None,
    }
}

pub(crate) trait Changed: Sized {
    fn poll(self, change: impl FnOnce(&mut Poll)) -> Self;
    fn of(self, project: &str, environment: &str) -> Self;
    fn on(self, cluster: &str) -> Self;
    fn every(self, seconds: u64) -> Self;
    fn following(self, reference: Reference) -> Self;
    fn by_app(self, secret: &str) -> Self;
}

impl Changed for PlannedObject<'_> {
    fn poll(mut self, change: impl FnOnce(&mut Poll)) -> Self {
        change(self.poll.as_mut().expect("a source polls"));
        self
    }

    fn of(mut self, project: &str, environment: &str) -> Self {
        self.project = project.into();
        self.environment = environment.into();
        self.name = format!("{project}-{environment}").into();
        self
    }

    fn on(mut self, cluster: &str) -> Self {
        self.cluster = Some(cluster.into());
        self
    }

    fn every(self, seconds: u64) -> Self {
        self.poll(|poll| poll.interval = Duration::from_secs(seconds))
    }

    fn following(self, reference: Reference) -> Self {
        self.poll(|poll| poll.reference = reference)
    }

    fn by_app(self, secret: &str) -> Self {
        self.poll(|poll| {
            poll.provider = Some("github".into());
            poll.secret = Some(secret.into());
        })
    }
}

pub(crate) fn plan(objects: Vec<PlannedObject<'static>>) -> Plan<'static> {
    let output = Pattern::read("{environment}/{project}.yaml").expect("the pattern is sound");
    Plan {
        objects,
        output,
        whole: true,
    }
}

/// The fleet that the README speaks of, with as many projects: each has a repository of its own and
/// is polled every 1m, 3m and 5m in three environments.
pub(crate) fn fleet(projects: usize) -> Plan<'static> {
    let mut objects = Vec::with_capacity(projects * 6);
    for (environment, seconds) in [("development", 60), ("staging", 180), ("production", 300)] {
        let cluster: Arc<str> = format!("{environment}-eu").into();
        for number in 1..=projects {
            let project = format!("project-{number:02}");
            let url = format!("https://github.com/acme/{project}");
            let source = source(&url).of(&project, environment);
            let object = PlannedObject {
                role: Role::Object(project.as_str().into()),
                kind: Some("Kustomization"),
                poll: None,
                ..self::source(&url).of(&project, environment)
            };
            objects.push(source.on(&cluster).every(seconds));
            objects.push(object);
        }
    }
    plan(objects)
}

pub(crate) fn host(name: &str, identities: &[(&str, IdentityKind)]) -> GithubHost {
    let identity = |(name, kind): &(&str, IdentityKind)| Identity {
        name: spanned((*name).to_owned()),
        kind: *kind,
        credential: None,
        owners: Vec::new(),
    };
    GithubHost {
        host: spanned(name.to_owned()),
        api_url: None,
        ca: None,
        aliases: Vec::new(),
        identities: identities.iter().map(identity).collect(),
        budget_identity: None,
        webhooks: Vec::new(),
        audit: None,
        heads: None,
    }
}

pub(crate) fn known_use(name: &str, identity: Option<&str>, core: f64, graphql: f64) -> KnownUse {
    KnownUse {
        name: spanned(name.to_owned()),
        identity: identity.map(|name| spanned(name.to_owned())),
        core,
        graphql,
    }
}

/// The price without configured hosts, settings and overrides.
pub(crate) fn priced(plan: &Plan) -> Report {
    price(plan, &[], &BudgetSettings::default(), &CostTable::default())
}
