//! The fleets that come with the program: a real API server takes every document of theirs.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

use flux_setup::flux::yaml::{self, Node};

use crate::api_server::{ApiServer, Target, shared};
use crate::binary::{repository, run_in};

/// How long the server may take to serve a kind whose CRD it was just given.
const SERVED_LIMIT: Duration = Duration::from_secs(120);

#[test]
#[ignore = "needs a Kubernetes API server"]
fn the_server_takes_all_156_documents_of_the_sample_fleet() {
    let server = shared();
    let fleet = repository();
    let documents = rendered(fleet, &[]);
    let count = |wanted: &str| documents.iter().filter(|one| one.kind == wanted).count();
    assert_eq!(documents.len(), 156);
    assert_eq!((count("GitRepository"), count("Kustomization")), (78, 78));
    create_namespaces(server, &documents);
    assert_taken(server, &documents);
    assert_taken_by_kubectl(server, fleet, &[], 156);
    assert_folder_is_taken_by_kubectl(server, fleet, 156);
}

#[test]
#[ignore = "needs a Kubernetes API server"]
fn the_server_takes_the_fleet_that_uses_everything_as_a_whole_and_cluster_by_cluster() {
    let server = shared();
    let fleet = repository().join("tests/fleets/everything");
    install_crds(server, &fleet.join("crds"));
    let documents = rendered(&fleet, &[]);
    assert_eq!(documents.len(), 102);
    create_namespaces(server, &documents);
    assert_taken(server, &documents);
    assert_taken_by_kubectl(server, &fleet, &[], 102);
    assert_folder_is_taken_by_kubectl(server, &fleet, 102);

    let mut sum = 0;
    for cluster in ["dev", "stage-eu", "stage-us", "prod-eu", "prod-us"] {
        let documents = rendered(&fleet, &["--cluster", cluster]);
        let identities: BTreeSet<_> = documents.iter().map(Document::identity).collect();
        assert_eq!(
            identities.len(),
            documents.len(),
            "two objects are one in {cluster}"
        );
        assert_taken(server, &documents);
        assert_taken_by_kubectl(server, &fleet, &["--cluster", cluster], documents.len());
        sum += documents.len();
    }
    assert_eq!(sum, 102);
}

#[test]
#[ignore = "needs a Kubernetes API server"]
fn the_server_takes_what_init_wrote() {
    let server = shared();
    let folder = tempfile::tempdir().unwrap();
    assert_eq!(run_in(folder.path(), &["init"]).code, Some(0));
    let documents = rendered(folder.path(), &[]);
    assert_eq!(documents.len(), 12);
    create_namespaces(server, &documents);
    assert_taken(server, &documents);
    assert_taken_by_kubectl(server, folder.path(), &[], 12);
}

/// The texts between the lines `---`, as Flux's reader takes a stream apart, and what each says that it is.
struct Document {
    text: String,
    api_version: String,
    kind: String,
    namespace: String,
    name: String,
}

impl Document {
    fn read(text: &str) -> Self {
        let (documents, faults) = yaml::read(text, 0);
        assert!(faults.is_empty() && documents.len() == 1, "{text}");
        let say = |node: Option<&Node>| node.and_then(Node::as_str).unwrap_or_default().to_owned();
        let metadata = documents[0].get("metadata").expect("it has metadata");
        Self {
            text: text.to_owned(),
            api_version: say(documents[0].get("apiVersion")),
            kind: say(documents[0].get("kind")),
            namespace: say(metadata.get("namespace")),
            name: say(metadata.get("name")),
        }
    }

    fn identity(&self) -> [&str; 4] {
        [&self.api_version, &self.kind, &self.namespace, &self.name]
    }
}

fn rendered(fleet: &Path, selection: &[&str]) -> Vec<Document> {
    let text = printed(fleet, selection);
    let stream = text.strip_prefix("---\n").expect("a document begins so");
    stream.split("\n---\n").map(Document::read).collect()
}

fn printed(fleet: &Path, selection: &[&str]) -> String {
    let run = run_in(fleet, &[&["render"], selection].concat());
    assert_eq!(run.code, Some(0), "{}", run.stderr);
    run.stdout
}

fn create_namespaces(server: &ApiServer, documents: &[Document]) {
    let namespaces: BTreeSet<&str> = documents.iter().map(|one| &*one.namespace).collect();
    for namespace in namespaces.into_iter().filter(|name| !name.is_empty()) {
        server.create_namespace(namespace);
    }
}

#[track_caller]
fn assert_taken(server: &ApiServer, documents: &[Document]) {
    for document in documents {
        let target = Target {
            api_version: &document.api_version,
            kind: &document.kind,
            namespace: &document.namespace,
            name: &document.name,
        };
        let verdict = server.strict_apply(target, &document.text);
        assert!(verdict.is_accepted(), "{verdict:?}\n{}", document.text);
    }
}

#[track_caller]
fn assert_taken_by_kubectl(server: &ApiServer, fleet: &Path, selection: &[&str], count: usize) {
    let mut command = apply(server, "-");
    let mut child = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("kubectl is there");
    let text = printed(fleet, selection);
    let mut stdin = child.stdin.take().expect("it is a pipe");
    let output = std::thread::scope(|scope| {
        scope.spawn(move || std::io::Write::write_all(&mut stdin, text.as_bytes()));
        child.wait_with_output().expect("it is our child")
    });
    assert_applied(&output, count);
}

/// As `kubectl apply --recursive -f manifests` takes the files.
#[track_caller]
fn assert_folder_is_taken_by_kubectl(server: &ApiServer, fleet: &Path, count: usize) {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let out = folder.path().join("out").display().to_string();
    let run = run_in(fleet, &["render", "--output", &out]);
    assert_eq!(run.code, Some(0), "{}", run.stderr);
    let output = apply(server, &out).arg("--recursive").output();
    assert_applied(&output.expect("kubectl is there"), count);
}

fn apply(server: &ApiServer, from: &str) -> Command {
    let mut command = server.kubectl();
    command.args([
        "apply",
        "--server-side",
        "--dry-run=server",
        "--force-conflicts",
    ]);
    command.args(["--field-manager=flux-setup", "-f", from]);
    command
}

#[track_caller]
fn assert_applied(output: &Output, count: usize) {
    let said = String::from_utf8_lossy(&output.stdout);
    let problems = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{problems}");
    assert_eq!(problems, "", "kubectl warns");
    let applied = said
        .lines()
        .filter(|line| line.ends_with(" serverside-applied (server dry run)"));
    assert_eq!(applied.count(), count, "{said}");
}

/// Kinds of the fleet's own. Established alone is not enough: the lists of kinds follow a moment later.
fn install_crds(server: &ApiServer, folder: &Path) {
    let mut create = server.kubectl();
    create.args(["apply", "--server-side", "-f"]).arg(folder);
    let output = create.output().expect("kubectl is there");
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    let deadline = Instant::now() + SERVED_LIMIT;
    for file in fs::read_dir(folder).expect("a readable folder") {
        let text = fs::read_to_string(file.expect("a readable folder").path()).expect("a CRD");
        let (documents, _) = yaml::read(&text, 0);
        for crd in documents.iter().map(Node::to_json) {
            let spec = &crd["spec"];
            let path = format!(
                "/apis/{}/{}/{}",
                spec["group"].as_str().expect("a CRD has a group"),
                spec["versions"][0]["name"]
                    .as_str()
                    .expect("a CRD has a version"),
                spec["names"]["plural"].as_str().expect("a CRD has names"),
            );
            while server.read(&path).is_none() {
                assert!(Instant::now() < deadline, "{path} is not served");
                std::thread::sleep(Duration::from_millis(50));
            }
        }
    }
}
