//! Users of the API server and what they may do.

use std::fs;
use std::path::PathBuf;
use std::thread::sleep;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::{ApiServer, START_LIMIT, TOKEN, Target};

/// Users that may do nothing until [`ApiServer::allow`]; the server knows no others.
pub const USERS: [&str; 3] = ["reader", "limited", "stranger"];
/// What tests allow.
const VERBS: [&str; 4] = ["get", "list", "watch", "patch"];

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

    /// Lets a user do `verbs` to `resources`, all of Flux's groups, in all namespaces; the last call for a user holds,
    /// from its return on.
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
            // Changed and not made anew, so that there is no moment in which nothing is allowed.
            let made = self.try_create(&object);
            match (made.status, object.get("rules")) {
                (409, Some(rules)) => self.patch(Target::of(&object), &json!({"rules": rules})),
                (409, None) => {}
                _ => assert!(made.is_accepted(), "cannot create {object}: {made:?}"),
            }
        }
        let deadline = Instant::now() + START_LIMIT;
        let holds = || {
            resources.iter().all(|resource| {
                let mut all = VERBS.iter();
                all.all(|verb| self.is_allowed(user, "*", resource, verb) == verbs.contains(verb))
            })
        };
        while !holds() {
            assert!(Instant::now() < deadline, "never allowed: {verbs:?}");
            sleep(Duration::from_millis(20));
        }
    }

    /// Whether a user may do something now: what was allowed holds a moment later.
    pub fn is_allowed(&self, user: &str, group: &str, resource: &str, verb: &str) -> bool {
        let attributes = json!({"group": group, "resource": resource, "verb": verb});
        let review = json!({
            "apiVersion": "authorization.k8s.io/v1",
            "kind": "SubjectAccessReview",
            "spec": {"user": user, "resourceAttributes": attributes},
        });
        let path = "/apis/authorization.k8s.io/v1/subjectaccessreviews";
        let (verdict, answer) = self.send("POST", path, "application/json", &review.to_string());
        assert!(verdict.is_accepted(), "{verdict:?}");
        answer["status"]["allowed"] == true
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
