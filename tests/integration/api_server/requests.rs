//! What is asked of the API server, and what it answers.

use std::collections::BTreeMap;
use std::sync::PoisonError;
use std::thread::sleep;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::{ApiServer, START_LIMIT};

/// As many as sockets are kept, and one.
const SEND_ATTEMPTS: usize = 17;

/// Where an object is meant to be, whatever its manifest says.
#[derive(Clone, Copy, Debug)]
pub struct Target<'a> {
    pub api_version: &'a str,
    pub kind: &'a str,
    /// Unused for kinds that have no namespace.
    pub namespace: &'a str,
    pub name: &'a str,
}

impl<'a> Target<'a> {
    /// What an object says that it is.
    pub fn of(object: &'a Value) -> Self {
        let text = |value: &'a Value| value.as_str().unwrap_or_default();
        let metadata = &object["metadata"];
        Self {
            api_version: text(&object["apiVersion"]),
            kind: text(&object["kind"]),
            namespace: text(&metadata["namespace"]),
            name: text(&metadata["name"]),
        }
    }
}

/// What the server answers to one request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verdict {
    /// 200 or 201 where it took the object; refusals are 4xx, and 500 for unknown or mistyped fields.
    pub status: u16,
    /// Why it refused; empty where it took the object.
    pub message: String,
}

impl Verdict {
    pub fn is_accepted(&self) -> bool {
        (200..300).contains(&self.status)
    }
}

/// How the server calls the objects of one kind in its paths.
#[derive(Clone)]
pub(super) struct Resource {
    plural: String,
    namespaced: bool,
}

impl ApiServer {
    /// Creates the namespace unless it is there.
    pub fn create_namespace(&self, name: &str) {
        let namespace =
            json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}});
        let verdict = self
            .send(
                "POST",
                "/api/v1/namespaces",
                "application/json",
                &namespace.to_string(),
            )
            .0;
        assert!(
            verdict.is_accepted() || verdict.status == 409,
            "cannot create namespace `{name}`: {verdict:?}"
        );
    }

    /// Creates an object of any kind, with all that it says but its status.
    pub fn create(&self, object: &Value) {
        let verdict = self.try_create(object);
        assert!(verdict.is_accepted(), "cannot create {object}: {verdict:?}");
    }

    /// As [`ApiServer::create`], where the server may refuse it.
    pub fn try_create(&self, object: &Value) -> Verdict {
        let path = self.collection(Target::of(object));
        self.send("POST", &path, "application/json", &object.to_string())
            .0
    }

    /// Changes an object by a merge patch.
    pub fn patch(&self, target: Target, patch: &Value) {
        let path = self.path(target);
        let kind = "application/merge-patch+json";
        let verdict = self.send("PATCH", &path, kind, &patch.to_string()).0;
        assert!(
            verdict.is_accepted(),
            "cannot patch {target:?}: {verdict:?}"
        );
    }

    /// Changes an object's status by a merge patch, as its controller does.
    pub fn patch_status(&self, target: Target, status: &Value) {
        let path = format!("{}/status", self.path(target));
        let kind = "application/merge-patch+json";
        let patch = json!({"status": status});
        let verdict = self.send("PATCH", &path, kind, &patch.to_string()).0;
        assert!(
            verdict.is_accepted(),
            "cannot patch the status of {target:?}: {verdict:?}"
        );
    }

    /// An object as the server has it.
    pub fn get(&self, target: Target) -> Option<Value> {
        self.read(&self.path(target))
    }

    /// Which token each object of a kind and namespace was asked with last, by name; those that were never asked are
    /// left out. One request, whatever their number.
    pub fn requested(
        &self,
        api_version: &str,
        kind: &str,
        namespace: &str,
    ) -> BTreeMap<String, String> {
        let target = Target {
            api_version,
            kind,
            namespace,
            name: "",
        };
        let list = self.read(&self.collection(target)).unwrap_or_default();
        let items = list["items"].as_array().into_iter().flatten();
        let asked = items.filter_map(|item| {
            let metadata = &item["metadata"];
            let token = metadata["annotations"]["reconcile.fluxcd.io/requestedAt"].as_str()?;
            Some((metadata["name"].as_str()?.to_owned(), token.to_owned()))
        });
        asked.collect()
    }

    /// Deletes an object, where it is there.
    pub fn delete(&self, object: &Value) {
        let target = Target::of(object);
        let verdict = self
            .send("DELETE", &self.path(target), "application/json", "")
            .0;
        assert!(
            verdict.is_accepted() || verdict.status == 404,
            "cannot delete {target:?}: {verdict:?}"
        );
    }

    /// The answer to a GET that goes on for as long as somebody reads it.
    pub fn stream(&self, path: &str) -> impl std::io::Read + Send + use<> {
        let answer = self
            .agent
            .get(format!("{}{path}", self.url()))
            .config()
            .timeout_global(None)
            .build()
            .header("authorization", self.bearer())
            .call()
            .unwrap_or_else(|error| panic!("cannot stream {path}: {error}"));
        answer.into_body().into_reader()
    }

    /// Asks what a strict server-side apply of `manifest` (YAML or JSON) would do; nothing is stored.
    pub fn strict_apply(&self, target: Target, manifest: &str) -> Verdict {
        let query = "fieldManager=flux-setup&force=true&dryRun=All&fieldValidation=Strict";
        let path = format!("{}?{query}", self.path(target));
        self.send("PATCH", &path, "application/apply-patch+yaml", manifest)
            .0
    }

    /// The answer to a GET of `path`; `None` where there is nothing.
    pub fn read(&self, path: &str) -> Option<Value> {
        let (verdict, body) = self.send("GET", path, "application/json", "");
        match verdict.status {
            200 => Some(body),
            404 => None,
            _ => panic!("cannot read {path}: {verdict:?}"),
        }
    }

    /// Sends again while the server asks for that: the storage of a new kind takes a moment.
    pub(super) fn send(
        &self,
        method: &str,
        path: &str,
        content_type: &str,
        body: &str,
    ) -> (Verdict, Value) {
        self.send_as(self.token(), method, path, content_type, body)
    }

    /// As somebody who has this bearer token.
    pub fn send_as(
        &self,
        token: &str,
        method: &str,
        path: &str,
        content_type: &str,
        body: &str,
    ) -> (Verdict, Value) {
        let deadline = Instant::now() + START_LIMIT;
        let mut may_be_done = false;
        loop {
            let (mut status, answer) = self.send_once(token, method, path, content_type, body);
            let is_away = is_without_storage(status, &answer);
            if (status == 429 || is_away) && Instant::now() < deadline {
                may_be_done |= is_away;
                sleep(Duration::from_millis(50));
                continue;
            }
            if may_be_done && method == "POST" && answer["reason"] == "AlreadyExists" {
                status = 201;
            }
            let message = if (200..300).contains(&status) {
                None
            } else {
                answer["message"].as_str()
            };
            return (
                Verdict {
                    status,
                    message: message.unwrap_or_default().to_owned(),
                },
                answer,
            );
        }
    }

    fn send_once(
        &self,
        token: &str,
        method: &str,
        path: &str,
        content_type: &str,
        body: &str,
    ) -> (u16, Value) {
        let request = ureq::http::Request::builder()
            .method(method)
            .uri(format!("{}{path}", self.url()))
            .header("authorization", format!("Bearer {token}"))
            .header("content-type", content_type)
            .body(body)
            .expect("method, path and headers are ours");
        // A socket that was kept from before the server was restarted fails once.
        let mut response = (0..SEND_ATTEMPTS)
            .find_map(|attempt| {
                if attempt > 0 {
                    sleep(Duration::from_millis(100));
                }
                self.agent.run(request.clone()).ok()
            })
            .unwrap_or_else(|| panic!("{method} {path}: the API server does not answer"));
        // Read to its end, else the connection is not used again.
        let text = response
            .body_mut()
            .read_to_string()
            .unwrap_or_else(|error| panic!("{method} {path}: {error}"));
        (
            response.status().as_u16(),
            serde_json::from_str(&text).unwrap_or(Value::String(text)),
        )
    }

    fn path(&self, target: Target) -> String {
        format!("{}/{}", self.collection(target), escape(target.name))
    }

    fn collection(&self, target: Target) -> String {
        let resource = self.resource(target.api_version, target.kind);
        let mut path = group_path(target.api_version);
        if resource.namespaced {
            path += &format!("/namespaces/{}", escape(target.namespace));
        }
        path + &format!("/{}", resource.plural)
    }

    /// Looks a kind up in the server's own list, once.
    fn resource(&self, api_version: &str, kind: &str) -> Resource {
        let mut known = self
            .resources
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        let key = (api_version.to_owned(), kind.to_owned());
        let resource = known.entry(key).or_insert_with(|| {
            let list = self.read(&group_path(api_version)).unwrap_or_default();
            let kinds = list["resources"].as_array().into_iter().flatten();
            kinds
                .filter(|entry| {
                    entry["kind"] == kind && !entry["name"].as_str().unwrap_or("/").contains('/')
                })
                .map(|entry| Resource {
                    plural: entry["name"].as_str().unwrap_or_default().to_owned(),
                    namespaced: entry["namespaced"] == true,
                })
                .next()
                .unwrap_or_else(|| panic!("the API server has no kind `{kind}` in {api_version}"))
        });
        resource.clone()
    }
}

/// Whether the server could not reach its storage in time: on a busy machine etcd is late now and then. Nobody knows
/// then whether it was done.
fn is_without_storage(status: u16, answer: &Value) -> bool {
    let message = answer["message"].as_str().unwrap_or_default();
    let late = [
        "etcdserver: request timed out",
        "etcdserver: leader changed",
        "context deadline exceeded",
    ];
    matches!(status, 500 | 504) && late.iter().any(|it| message.contains(it))
}

/// `/api/v1`, `/apis/GROUP/VERSION`.
fn group_path(api_version: &str) -> String {
    let prefix = if api_version.contains('/') {
        "/apis"
    } else {
        "/api"
    };
    format!("{prefix}/{api_version}")
}

/// Percent-encodes one segment of a path.
fn escape(segment: &str) -> String {
    let keep = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
    segment
        .bytes()
        .map(|byte| {
            if keep(byte) {
                char::from(byte).to_string()
            } else {
                format!("%{byte:02X}")
            }
        })
        .collect()
}
