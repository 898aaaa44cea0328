//! What `serve` is told: where to listen, whom to believe, where to keep what comes.

use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use ipnet::IpNet;

use super::secret::SecretRef;

/// What `server:` says, with what holds where it says nothing.
#[derive(Debug, Clone, PartialEq)]
pub struct ServerSettings {
    pub hooks: HooksListener,
    /// Left out, health and metrics are on the API's listener alone.
    pub health: Option<SocketAddr>,
    pub api: ApiListener,
    pub store: StoreAddress,
    /// So long it is tried to wake an object.
    pub give_up_after: Duration,
    /// So long it is followed whether what was woken is applied.
    pub prove_within: Duration,
}

#[derive(Debug, Clone, PartialEq)]
pub struct HooksListener {
    pub listen: SocketAddr,
    /// Who is believed what it writes into `X-Forwarded-For`.
    pub trusted_proxies: Vec<IpNet>,
    /// How GitHub reaches it.
    pub url: Option<String>,
}

#[derive(Debug, Clone, PartialEq)]
pub struct ApiListener {
    pub listen: SocketAddr,
    pub tokens: Vec<ApiToken>,
}

#[derive(Debug, Clone, PartialEq)]
pub struct ApiToken {
    pub name: String,
    pub token: SecretRef,
    pub scope: TokenScope,
}

/// What a token is good for.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub enum TokenScope {
    #[default]
    Read,
    Write,
}

/// `sqlite:FILE`, or `postgres://…`, which may hold a password only where it is referred to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StoreAddress {
    Plain(String),
    Referred(SecretRef),
}

impl Default for ServerSettings {
    fn default() -> Self {
        Self {
            hooks: HooksListener::default(),
            health: None,
            api: ApiListener::default(),
            store: StoreAddress::Plain("sqlite:flux-setup.db".to_owned()),
            give_up_after: Duration::from_secs(24 * 3600),
            prove_within: Duration::from_secs(24 * 3600),
        }
    }
}

impl Default for HooksListener {
    fn default() -> Self {
        Self {
            listen: (Ipv4Addr::UNSPECIFIED, 9292).into(),
            trusted_proxies: Vec::new(),
            url: None,
        }
    }
}

impl Default for ApiListener {
    fn default() -> Self {
        Self {
            listen: (Ipv4Addr::LOCALHOST, 9293).into(),
            tokens: Vec::new(),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use crate::config::{Configuration, Credential, HeadsSettings, WebhookSubject, load};

    use super::*;

    fn read(fleet: &str) -> (Configuration, Vec<String>) {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("flux-setup.yaml"), fleet).unwrap();
        fs::create_dir(folder.path().join("environments")).unwrap();
        let environment = folder.path().join("environments/dev.yaml");
        fs::write(environment, "ref: {branch: main}\n").unwrap();
        let (configuration, findings) = load(folder.path());
        let findings = findings.into_iter().map(|finding| finding.message);
        (configuration, findings.collect())
    }

    fn sound(fleet: &str) -> Configuration {
        let (configuration, findings) = read(fleet);
        assert_eq!(findings, Vec::<String>::new());
        configuration
    }

    #[test]
    fn what_is_said_of_the_server_is_kept() {
        let server = sound(
            "server:
  hooks: {listen: '[::1]:1', trustedProxies: [10.0.0.0/8, fd00::/8, 192.0.2.1], url: https://hooks.acme.io}
  health: {listen: 0.0.0.0:2}
  api: {listen: 127.0.0.1:3, tokens: [{name: ci, token: {env: A}}, {name: me, token: {file: b}, scope: write}]}
  store: {env: STORE}
  giveUpAfter: 1h 30m
  proveWithin: 10m
",
        )
        .server;
        let networks = server.hooks.trusted_proxies.iter();
        let networks: Vec<_> = networks.map(ToString::to_string).collect();
        assert_eq!(networks, ["10.0.0.0/8", "fd00::/8", "192.0.2.1/32"]);
        assert_eq!(server.hooks.listen.to_string(), "[::1]:1");
        assert_eq!(server.hooks.url.unwrap(), "https://hooks.acme.io");
        assert_eq!(server.health.unwrap().to_string(), "0.0.0.0:2");
        assert_eq!(server.api.listen.to_string(), "127.0.0.1:3");
        let token = |name: &str, token, scope| ApiToken {
            name: name.to_owned(),
            token,
            scope,
        };
        let tokens = [
            token("ci", SecretRef::Env("A".into()), TokenScope::Read),
            token("me", SecretRef::File("b".into()), TokenScope::Write),
        ];
        assert_eq!(server.api.tokens, tokens);
        let store = StoreAddress::Referred(SecretRef::Env("STORE".into()));
        assert_eq!(server.store, store);
        assert_eq!(server.give_up_after, Duration::from_secs(5_400));
        assert_eq!(server.prove_within, Duration::from_secs(600));
    }

    #[test]
    fn what_is_not_said_of_the_server_is_as_the_readme_says() {
        for nothing in [
            "projects: []\n",
            "server: {}\n",
            "server: {hooks: {}, api: {}}\n",
        ] {
            let server = sound(nothing).server;
            assert_eq!(server, ServerSettings::default());
            assert_eq!(server.hooks.listen.to_string(), "0.0.0.0:9292");
            assert_eq!(server.api.listen.to_string(), "127.0.0.1:9293");
            let store = StoreAddress::Plain("sqlite:flux-setup.db".into());
            assert_eq!(server.store, store);
        }
        let store = sound("server: {store: 'sqlite:/var/x.db'}\n").server.store;
        assert_eq!(store, StoreAddress::Plain("sqlite:/var/x.db".into()));
    }

    fn webhooks(identities: &str, webhooks: &str) -> String {
        format!(
            "github: [{{host: github.com, identities: [{identities}], webhooks: [{webhooks}]}}]\n"
        )
    }

    #[test]
    fn what_is_said_of_a_webhook_is_kept() {
        let app = "{name: app, app: {id: 1, installation: 5678, privateKey: {file: a}}}";
        let github = sound(&webhooks(
            app,
            "{name: a, organization: Acme, secrets: [{env: A}, {file: ~/b}]}, \
             {name: b, app: app, secrets: [{env: B}]}, \
             {name: c, repositories: true, secrets: [{env: C}]}",
        ))
        .github;
        let kept = github[0].webhooks.iter();
        let kept: Vec<_> = kept
            .map(|webhook| {
                (
                    &*webhook.name.value,
                    &webhook.subject,
                    webhook.secrets.len(),
                )
            })
            .collect();
        let organization = WebhookSubject::Organization("Acme".into());
        let app = WebhookSubject::App {
            identity: "app".into(),
            installation: 5678,
        };
        let repositories = WebhookSubject::Repositories;
        let expected = [
            ("a", &organization, 2),
            ("b", &app, 1),
            ("c", &repositories, 1),
        ];
        assert_eq!(kept, expected);
        let file = SecretRef::File("~/b".into());
        assert_eq!(github[0].webhooks[0].secrets[1], file);
    }

    #[test]
    fn what_is_said_of_who_asks_github_is_kept() {
        let host = |text: &str| {
            let text = format!("github: [{{host: github.com, {text}}}]\n");
            let mut github = sound(&text).github;
            github.remove(0)
        };
        let said = host(
            "ca: {file: ca.pem}, audit: {every: 5m}, \
             heads: {every: 1s, sweep: 1h, owners: [acme]}, identities: [\
             {name: bot, token: {env: T}, owners: [acme, Beta]}, \
             {name: app, app: {id: 1, installation: 2, privateKey: {file: k}}}], \
             webhooks: [{name: a, organization: acme, identity: bot, secrets: [{env: A}]}]",
        );
        assert_eq!(said.ca, Some(SecretRef::File("ca.pem".into())));
        assert_eq!(said.audit, Some(Duration::from_secs(300)));
        let heads = said.heads.unwrap();
        assert_eq!(heads.every, Duration::from_secs(1));
        assert_eq!(heads.sweep, Duration::from_secs(3600));
        assert_eq!(heads.owners[0].value, "acme");
        let token = Credential::Token(SecretRef::Env("T".into()));
        assert_eq!(said.identities[0].credential, Some(token));
        let owners = said.identities[0].owners.iter();
        let owners: Vec<_> = owners.map(|owner| owner.value.as_str()).collect();
        assert_eq!(owners, ["acme", "Beta"]);
        let app = Credential::App {
            id: 1,
            installation: 2,
            private_key: SecretRef::File("k".into()),
        };
        assert_eq!(said.identities[1].credential, Some(app));
        assert_eq!(said.webhooks[0].identity.as_deref(), Some("bot"));

        let off = host("audit: false, heads: false");
        assert_eq!((off.audit, off.heads), (None, None));
        for nothing in ["aliases: []", "audit: {}, heads: {}"] {
            let host = host(nothing);
            assert_eq!(host.audit, Some(Duration::from_secs(60)));
            assert_eq!(host.heads, Some(HeadsSettings::default()));
        }
    }

    #[test]
    fn nobody_asks_github_twice_a_second() {
        let often = "github: [{host: a.b, audit: {every: 999ms}, heads: {every: 1s, sweep: 10ms}}]";
        let message = "GitHub is asked at most once a second";
        assert_eq!(read(often).1, [message, message]);
        let unknown = webhooks(
            "{name: bot, token: {env: T}}",
            "{name: a, repositories: true, identity: bott, secrets: [{env: A}]}",
        );
        assert_eq!(read(&unknown).1, ["unknown identity `bott`"]);
    }

    #[test]
    fn what_cannot_be_served_is_refused() {
        let of = |identities: &str, text: &str| read(&webhooks(identities, text)).1;
        let one = "a webhook speaks of exactly one: an organization, an app or repositories";
        let none = of("", "{name: a, repositories: false, secrets: [{env: A}]}");
        assert_eq!(none, [one]);
        let token = of(
            "{name: bot, token: {env: A}}",
            "{name: a, app: bot, secrets: [{env: A}]}",
        );
        assert_eq!(token, ["identity `bot` is no App"]);
        let twice = "github:
  - {host: a.example, webhooks: [{name: a, repositories: true, secrets: [{env: A}]}]}
  - {host: b.example, webhooks: [{name: a, repositories: true, secrets: [{env: A}]}]}
";
        assert_eq!(read(twice).1, ["webhook `a` is listed twice"]);
        let proxies = "server: {hooks: {trustedProxies: [10.0.0.0/33, proxy]}}\n";
        assert_eq!(
            read(proxies).1,
            [
                "`10.0.0.0/33` is no network of addresses",
                "`proxy` is no network of addresses"
            ]
        );
    }
}
