//! Reads what is said of clusters, and of the server that stands between them and GitHub.

use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;

use ipnet::IpNet;

use crate::flux::repository::credentials;
use crate::flux::schema::FluxVersion;
use crate::flux::secrets;
use crate::flux::yaml::Node;

use super::decode::{Decoder, Fields};
use super::model::{Cluster, Spanned};
use super::serving::{
    ApiListener, ApiToken, HooksListener, ServerSettings, StoreAddress, TokenScope,
};

impl Decoder {
    pub(super) fn clusters(&mut self, node: &Node) -> Vec<(Cluster, Vec<Spanned<String>>)> {
        let mut clusters = Vec::new();
        for item in self.list(node).unwrap_or_default() {
            let known = [
                "name",
                "kubeconfig",
                "context",
                "fluxVersion",
                "crds",
                "crossNamespace",
            ];
            let Some(fields) = self.fields(item, &known) else {
                continue;
            };
            let kubeconfig = fields.text("kubeconfig", self).map(|text| Spanned {
                span: text.span,
                value: PathBuf::from(&*text.value),
            });
            let context = self.string(&fields, "context");
            let cross_namespace = fields.flag("crossNamespace", self).unwrap_or(true);
            let flux_version = self.flux_version(&fields);
            let crds = self.paths(&fields, "crds");
            let Some(name) = self.name(&fields) else {
                continue;
            };
            let cluster = Cluster {
                name,
                kubeconfig,
                context,
                flux_version,
                crds: Vec::new(),
                cross_namespace,
            };
            clusters.push((cluster, crds));
        }
        clusters
    }

    /// A version whose CRDs the program holds.
    pub(super) fn flux_version(&mut self, fields: &Fields<'_>) -> Option<FluxVersion> {
        let node = fields.get("fluxVersion")?;
        let text = self.filled_text(node)?;
        match FluxVersion::parse(text) {
            Ok(version) => Some(version),
            Err(error) => {
                self.error(node.span, error.to_string(), error.hint("crds"));
                None
            }
        }
    }

    /// What is faulty is as if it were not said.
    pub(super) fn server(&mut self, node: &Node) -> ServerSettings {
        let mut server = ServerSettings::default();
        let known = [
            "hooks",
            "health",
            "api",
            "store",
            "giveUpAfter",
            "proveWithin",
        ];
        let Some(fields) = self.fields(node, &known) else {
            return server;
        };
        if let Some(node) = fields.get("hooks") {
            self.hooks(node, &mut server.hooks);
        }
        if let Some(node) = fields.get("health")
            && let Some(fields) = self.fields(node, &["listen"])
        {
            server.health = self.listen(&fields);
        }
        if let Some(node) = fields.get("api") {
            self.api(node, &mut server.api);
        }
        if let Some(store) = fields.get("store").and_then(|node| self.store(node)) {
            server.store = store;
        }
        if let Some(node) = fields.get("giveUpAfter")
            && let Some(duration) = self.positive_duration(node)
        {
            server.give_up_after = duration;
        }
        if let Some(node) = fields.get("proveWithin")
            && let Some(duration) = self.positive_duration(node)
        {
            server.prove_within = duration;
        }
        server
    }

    /// `sqlite:FILE`, `postgres://…` without a password, or a reference to the whole address.
    fn store(&mut self, node: &Node) -> Option<StoreAddress> {
        if node.as_mapping().is_some() {
            return self.secret(node).map(StoreAddress::Referred);
        }
        let address = self.filled_text(node)?;
        let Some((_, rest)) = ["sqlite:", "postgres://", "postgresql://"]
            .iter()
            .find_map(|scheme| address.split_once(scheme))
            .filter(|(before, _)| before.is_empty())
        else {
            self.secrets.insert(node.span);
            self.error(
                node.span,
                "an unknown kind of store",
                "write `sqlite:FILE` or `postgres://…`, or name the whole address by `{env: NAME}` or `{file: PATH}`",
            );
            return None;
        };
        if holds_password(rest) {
            self.error(
                node.span,
                "the address of the store holds a password",
                "name the whole address by `{env: NAME}` or `{file: PATH}`",
            );
            return None;
        }
        Some(StoreAddress::Plain(address.to_owned()))
    }

    fn hooks(&mut self, node: &Node, hooks: &mut HooksListener) {
        let Some(fields) = self.fields(node, &["listen", "trustedProxies", "url"]) else {
            return;
        };
        if let Some(listen) = self.listen(&fields) {
            hooks.listen = listen;
        }
        for network in self.paths(&fields, "trustedProxies") {
            hooks.trusted_proxies.extend(self.network(&network));
        }
        hooks.url = self.http_url(&fields, "url").map(|url| url.value);
    }

    fn api(&mut self, node: &Node, api: &mut ApiListener) {
        let Some(fields) = self.fields(node, &["listen", "tokens"]) else {
            return;
        };
        if let Some(listen) = self.listen(&fields) {
            api.listen = listen;
        }
        let tokens = fields.get("tokens").and_then(|node| self.list(node));
        for item in tokens.unwrap_or_default() {
            api.tokens.extend(self.token(item));
        }
    }

    fn token(&mut self, node: &Node) -> Option<ApiToken> {
        let fields = self.fields(node, &["name", "token", "scope"])?;
        fields.required("name", self);
        let name = self.string(&fields, "name");
        let token = fields.required("token", self);
        let token = token.and_then(|node| self.secret(node));
        let scope = match self.string(&fields, "scope") {
            None => TokenScope::default(),
            Some(scope) => self.scope(&scope)?,
        };
        Some(ApiToken {
            name: name?.value,
            token: token?,
            scope,
        })
    }

    fn scope(&mut self, scope: &Spanned<String>) -> Option<TokenScope> {
        match scope.value.as_str() {
            "read" => Some(TokenScope::Read),
            "write" => Some(TokenScope::Write),
            other => {
                let message = format!("unknown scope `{other}`");
                self.error(scope.span, message, "known: read, write");
                None
            }
        }
    }

    fn listen(&mut self, fields: &Fields<'_>) -> Option<SocketAddr> {
        let listen = self.string(fields, "listen")?;
        let address = listen.value.parse();
        if address.is_err() {
            self.error(
                listen.span,
                format!("`{}` is no address to listen on", listen.value),
                "write it as `127.0.0.1:9293` or `[::1]:9293`",
            );
        }
        address.ok()
    }

    /// An address is a network of one.
    fn network(&mut self, written: &Spanned<String>) -> Option<IpNet> {
        let text = written.value.as_str();
        let network = text.parse::<IpNet>().ok();
        let network = network.or_else(|| Some(text.parse::<IpAddr>().ok()?.into()));
        if network.is_none() {
            self.error(
                written.span,
                format!("`{text}` is no network of addresses"),
                "write it as `10.0.0.0/8`, `fd00::/8` or `192.0.2.1`",
            );
        }
        network
    }
}

/// Whether one stands before the host of an address, or in its query.
fn holds_password(address: &str) -> bool {
    let user = credentials(address).map(|length| &address[..length]);
    let query = address.split_once('?').map(|(_, query)| query);
    user.is_some_and(|user| user.contains(':'))
        || query.is_some_and(|query| !secrets(&format!("?{query}")).is_empty())
}
