//! Users of the API server and what they may do.

use std::fs;
use std::path::PathBuf;

use serde_json::{Value, json};

use super::{ApiServer, TOKEN};

/// Users that may do nothing until [`ApiServer::allow`]; the server knows no others.
pub const USERS: [&str; 3] = ["reader", "limited", "stranger"];

impl ApiServer {
    /// The bearer token of one of [`USERS`], unless it was renewed.
    pub fn token_of(&self, user: &str) -> String {
        assert!(
            USERS.contains(&user),
            "no user `{user}`; there are {USERS:?}"
        );
        format!("{TOKEN}-{user}")
    }

    /// A kubeconfig with the token of one of [`USERS`].
    pub fn kubeconfig_of(&self, user: &str) -> PathBuf {
        self.kubeconfig_with(user, &json!({"token": self.token_of(user)}))
    }

    /// A token of a service account, as its pod has one.
    pub fn account_token(&self, namespace: &str, name: &str) -> String {
        let path = format!("/api/v1/namespaces/{namespace}/serviceaccounts/{name}/token");
        let request =
            json!({"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": {}});
        let body = request.to_string();
        let (verdict, answer) = self.send("POST", &path, "application/json", &body);
        assert!(
            verdict.is_accepted(),
            "no token of {namespace}/{name}: {verdict:?}"
        );
        let token = answer["status"]["token"].as_str();
        token.expect("the answer has the token").to_owned()
    }

    /// A kubeconfig file of that name, whose user is as a kubeconfig has it: `tokenFile`, `exec` and the like. It is
    /// written over where it is there.
    pub fn kubeconfig_with(&self, name: &str, user: &Value) -> PathBuf {
        let path = self.folder.join(format!("kubeconfig-{name}"));
        let text = kubeconfig(&self.url, user).to_string();
        fs::write(&path, text).expect("the server's folder is ours");
        path
    }

    /// Lets a user do `verbs` to `resources`, all of Flux's groups, in all namespaces; the last call for a user holds.
    pub fn allow(&self, user: &str, verbs: &[&str], resources: &[&str]) {
        let name = format!("tests-{user}");
        let role = json!({
            "apiVersion": "rbac.authorization.k8s.io/v1",
            "kind": "ClusterRole",
            "metadata": {"name": name},
            "rules": [{"apiGroups": ["*"], "resources": resources, "verbs": verbs}],
        });
        let binding = json!({
            "apiVersion": "rbac.authorization.k8s.io/v1",
            "kind": "ClusterRoleBinding",
            "metadata": {"name": name},
            "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": name},
            "subjects": [{"apiGroup": "rbac.authorization.k8s.io", "kind": "User", "name": user}],
        });
        for object in [role, binding] {
            self.delete(&object);
            self.create(&object);
        }
    }

    /// Writes who the server takes when it starts, some with other tokens than they have.
    pub(super) fn write_tokens(&self, others: &[(&str, &str)]) {
        fs::write(self.folder.join("tokens.csv"), tokens(others))
            .expect("the server's folder is ours");
    }
}

/// `token,user,uid,groups` for each user.
pub(super) fn tokens(others: &[(&str, &str)]) -> String {
    let mut text = format!("{TOKEN},admin,admin,system:masters\n");
    for user in USERS {
        let other = others.iter().find(|(other, _)| *other == user);
        let token = other.map_or_else(
            || format!("{TOKEN}-{user}"),
            |(_, token)| (*token).to_owned(),
        );
        text += &format!("{token},{user},{user}\n");
    }
    text
}

pub(super) fn kubeconfig(url: &str, user: &Value) -> Value {
    json!({
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": "tests",
        "contexts": [{"name": "tests", "context": {"cluster": "tests", "user": "tests"}}],
        "clusters": [{"name": "tests", "cluster": {"server": url, "certificate-authority": "server.crt"}}],
        "users": [{"name": "tests", "user": user}],
    })
}
