//! Reads what is said of clusters, and of the server that stands between them and GitHub.

use std::path::PathBuf;

use crate::flux::repository::credentials;
use crate::flux::secrets;
use crate::flux::yaml::Node;

use super::decode::Decoder;
use super::model::{Cluster, Spanned};

impl Decoder {
    pub(super) fn clusters(&mut self, node: &Node) -> Vec<(Cluster, Vec<Spanned<String>>)> {
        let mut clusters = Vec::new();
        for item in self.list(node).unwrap_or_default() {
            let known = ["name", "kubeconfig", "context", "crds", "crossNamespace"];
            let Some(fields) = self.fields(item, &known) else {
                continue;
            };
            let kubeconfig = fields.text("kubeconfig", self).map(|text| Spanned {
                span: text.span,
                value: PathBuf::from(&*text.value),
            });
            let context = self.string(&fields, "context");
            let cross_namespace = fields.flag("crossNamespace", self).unwrap_or(true);
            let crds = self.paths(&fields, "crds");
            let Some(name) = self.name(&fields) else {
                continue;
            };
            let cluster = Cluster {
                name,
                kubeconfig,
                context,
                crds: Vec::new(),
                cross_namespace,
            };
            clusters.push((cluster, crds));
        }
        clusters
    }

    pub(super) fn server(&mut self, node: &Node) {
        let known = ["hooks", "health", "api", "store", "giveUpAfter"];
        let Some(fields) = self.fields(node, &known) else {
            return;
        };
        let listeners: [(&str, &[&'static str]); 3] = [
            ("hooks", &["listen", "trustedProxies", "url"]),
            ("health", &["listen"]),
            ("api", &["listen", "tokens"]),
        ];
        for (key, known) in listeners {
            if let Some(node) = fields.get(key) {
                self.listener(node, known);
            }
        }
        if let Some(store) = fields.get("store") {
            self.store(store);
        }
        if let Some(node) = fields.get("giveUpAfter") {
            self.positive_duration(node);
        }
    }

    /// `sqlite:FILE`, `postgres://…` without a password, or a reference to the whole address.
    fn store(&mut self, node: &Node) {
        if node.as_mapping().is_some() {
            return self.secret(node);
        }
        let Some(address) = self.filled_text(node) else {
            return;
        };
        let Some((_, rest)) = ["sqlite:", "postgres://", "postgresql://"]
            .iter()
            .find_map(|scheme| address.split_once(scheme))
            .filter(|(before, _)| before.is_empty())
        else {
            self.secrets.insert(node.span);
            return self.error(
                node.span,
                "an unknown kind of store",
                "write `sqlite:FILE` or `postgres://…`, or name the whole address by `{env: NAME}` or `{file: PATH}`",
            );
        };
        if holds_password(rest) {
            self.error(
                node.span,
                "the address of the store holds a password",
                "name the whole address by `{env: NAME}` or `{file: PATH}`",
            );
        }
    }

    fn listener(&mut self, node: &Node, known: &[&'static str]) {
        let Some(fields) = self.fields(node, known) else {
            return;
        };
        if let Some(listen) = self.string(&fields, "listen")
            && listen.value.parse::<std::net::SocketAddr>().is_err()
        {
            self.error(
                listen.span,
                format!("`{}` is no address to listen on", listen.value),
                "write it as `127.0.0.1:9293` or `[::1]:9293`",
            );
        }
        self.paths(&fields, "trustedProxies");
        self.http_url(&fields, "url");
        let Some(tokens) = fields.get("tokens") else {
            return;
        };
        for item in self.list(tokens).unwrap_or_default() {
            if let Some(fields) = self.fields(item, &["name", "token", "scope"]) {
                fields.required("name", self);
                self.string(&fields, "name");
                if let Some(token) = fields.required("token", self) {
                    self.secret(token);
                }
                if let Some(scope) = self.string(&fields, "scope")
                    && !matches!(scope.value.as_str(), "read" | "write")
                {
                    self.error(
                        scope.span,
                        format!("unknown scope `{}`", scope.value),
                        "known: read, write",
                    );
                }
            }
        }
    }
}

/// Whether one stands before the host of an address, or in its query.
fn holds_password(address: &str) -> bool {
    let user = credentials(address).map(|length| &address[..length]);
    let query = address.split_once('?').map(|(_, query)| query);
    user.is_some_and(|user| user.contains(':'))
        || query.is_some_and(|query| !secrets(&format!("?{query}")).is_empty())
}
