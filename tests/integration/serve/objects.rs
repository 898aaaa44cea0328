//! GitRepositories of one namespace, and what was written onto them.

use std::collections::{HashMap, HashSet};
use std::io::{BufRead, BufReader};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::api_server::ApiServer;

const GROUP: &str = "/apis/source.toolkit.fluxcd.io/v1/namespaces";
const REQUESTED_AT: &str = "reconcile.fluxcd.io/requestedAt";

/// The GitRepositories of a namespace.
pub struct Objects<'s> {
    server: &'s ApiServer,
    namespace: String,
}

impl<'s> Objects<'s> {
    pub fn new(server: &'s ApiServer, namespace: &str) -> Self {
        server.create_namespace(namespace);
        Self {
            server,
            namespace: namespace.to_owned(),
        }
    }

    fn path(&self) -> String {
        format!("{GROUP}/{}/gitrepositories", self.namespace)
    }

    pub fn git(&self, name: &str, url: &str, branch: &str) {
        let spec = json!({"url": url, "interval": "1h", "ref": {"branch": branch}});
        self.create(name, &spec, &json!({}));
    }

    pub fn create(&self, name: &str, spec: &Value, annotations: &Value) {
        self.make(&json!({"name": name, "annotations": annotations}), spec);
    }

    /// With the label of an environment.
    pub fn create_labelled(&self, name: &str, spec: &Value, environment: &str) {
        let labels = json!({"flux-setup.dev/environment": environment});
        self.make(&json!({"name": name, "labels": labels}), spec);
    }

    fn make(&self, metadata: &Value, spec: &Value) {
        let mut object = json!({
            "apiVersion": "source.toolkit.fluxcd.io/v1",
            "kind": "GitRepository",
            "metadata": metadata,
            "spec": spec,
        });
        object["metadata"]["namespace"] = json!(self.namespace);
        self.server.create(&object);
    }

    pub fn delete(&self, name: &str) {
        Self::delete_in(self.server, &self.namespace, name);
    }

    pub fn delete_in(server: &ApiServer, namespace: &str, name: &str) {
        server.delete(&json!({
            "apiVersion": "source.toolkit.fluxcd.io/v1",
            "kind": "GitRepository",
            "metadata": {"name": name, "namespace": namespace},
        }));
    }

    /// The token that an object has.
    pub fn token(&self, name: &str) -> Option<String> {
        let object = self.server.read(&format!("{}/{name}", self.path()))?;
        let token = object["metadata"]["annotations"][REQUESTED_AT].as_str();
        token.map(str::to_owned)
    }

    /// The names of all that have a token.
    pub fn annotated(&self) -> HashSet<String> {
        let list = self.server.read(&self.path()).unwrap_or_default();
        let items = list["items"].as_array().cloned().unwrap_or_default();
        items
            .iter()
            .filter(|item| item["metadata"]["annotations"][REQUESTED_AT].is_string())
            .filter_map(|item| item["metadata"]["name"].as_str().map(str::to_owned))
            .collect()
    }

    pub fn wait_for(&self, names: &[&str], limit: Duration) {
        let deadline = Instant::now() + limit;
        loop {
            let annotated = self.annotated();
            if names.iter().all(|name| annotated.contains(*name)) {
                return;
            }
            assert!(
                Instant::now() < deadline,
                "only {annotated:?} of {names:?} are annotated"
            );
            thread::sleep(Duration::from_millis(20));
        }
    }
}

/// Every token that the objects of a namespace were given since, in order, as a watch tells them.
pub struct Tokens(Arc<Mutex<HashMap<String, Vec<String>>>>);

impl Tokens {
    pub fn watch(server: &ApiServer, namespace: &str) -> Self {
        let path = format!("{GROUP}/{namespace}/gitrepositories");
        let list = server.read(&path).unwrap_or_default();
        let version = list["metadata"]["resourceVersion"].as_str().unwrap_or("0");
        let stream = server.stream(&format!("{path}?watch=1&resourceVersion={version}"));
        let tokens = Arc::new(Mutex::new(HashMap::<String, Vec<String>>::new()));
        let told = Arc::clone(&tokens);
        thread::spawn(move || {
            for line in BufReader::new(stream).lines() {
                let Ok(line) = line else { break };
                let event: Value = serde_json::from_str(&line).unwrap_or_default();
                let metadata = &event["object"]["metadata"];
                let name = metadata["name"].as_str();
                let token = metadata["annotations"][REQUESTED_AT].as_str();
                let (Some(name), Some(token)) = (name, token) else {
                    continue;
                };
                let mut tokens = told.lock().unwrap_or_else(PoisonError::into_inner);
                let tokens = tokens.entry(name.to_owned()).or_default();
                if tokens.last().is_none_or(|last| last != token) {
                    tokens.push(token.to_owned());
                }
            }
        });
        Self(tokens)
    }

    pub fn of(&self, name: &str) -> Vec<String> {
        let tokens = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        tokens.get(name).cloned().unwrap_or_default()
    }
}
