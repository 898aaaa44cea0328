//! `flux-setup reconcile` through the binary, on a real API server; the part of Flux is played.

mod refused;

use std::path::Path;
use std::process::{Command, Stdio};
use std::thread;

use rustix::process::{Pid, Signal};
use serde_json::{Value, json};

use crate::api_server::{ApiServer, Target, shared};
use crate::binary::{Run, command, ended};
use crate::player::{Player, helm_crds, revision};

const REQUESTED: &str = "reconcile.fluxcd.io/requestedAt";

/// A GitRepository `web` and a Kustomization of it, both of the project that is called like the namespace, in
/// production, and at commit 1.
struct Scene {
    server: &'static ApiServer,
    namespace: &'static str,
    player: Player<'static>,
    folder: tempfile::TempDir,
}

impl Scene {
    fn new(namespace: &'static str) -> Self {
        let server = shared();
        server.create_namespace(namespace);
        let player = Player::new(server, namespace);
        let scene = Self {
            server,
            namespace,
            player,
            folder: tempfile::tempdir().expect("a temporary folder"),
        };
        let url = format!("https://github.com/acme/{namespace}");
        scene.create(
            "source.toolkit.fluxcd.io/v1",
            "GitRepository",
            &json!({"url": url, "interval": "1m", "ref": {"branch": "main"}}),
        );
        scene.create(
            "kustomize.toolkit.fluxcd.io/v1",
            "Kustomization",
            &json!({"interval": "10m", "prune": true, "sourceRef": {"kind": "GitRepository", "name": "web"}}),
        );
        scene.player.fetch("web", &revision("main", 1));
        scene.player.apply("web", &revision("main", 1));
        scene
    }

    fn create(&self, api_version: &str, kind: &str, spec: &Value) {
        let labels = json!({"flux-setup.dev/project": self.namespace, "flux-setup.dev/environment": "production"});
        self.server.create(&json!({
            "apiVersion": api_version, "kind": kind,
            "metadata": {"name": "web", "namespace": self.namespace, "labels": labels},
            "spec": spec,
        }));
    }

    fn target(&self, kind: &'static str) -> Target<'_> {
        Target {
            api_version: match kind {
                "Kustomization" => "kustomize.toolkit.fluxcd.io/v1",
                "HelmRelease" => "helm.toolkit.fluxcd.io/v2",
                _ => "source.toolkit.fluxcd.io/v1",
            },
            kind,
            namespace: self.namespace,
            name: "web",
        }
    }

    fn metadata(&self, kind: &'static str) -> Value {
        self.server.get(self.target(kind)).expect("it is there")["metadata"].clone()
    }

    fn change(&self, kind: &'static str, patch: &Value) {
        self.server.patch(self.target(kind), patch);
    }

    fn run(&self, arguments: &[&str]) -> Run {
        run(self.folder.path(), &self.server.kubeconfig(), arguments)
    }

    /// Runs it while somebody plays Flux.
    fn run_while(&self, arguments: &[&str], play: impl FnOnce()) -> Run {
        let folder = self.folder.path().to_owned();
        let kubeconfig = self.server.kubeconfig();
        let arguments: Vec<String> = arguments.iter().map(|it| (*it).to_owned()).collect();
        let running = thread::spawn(move || {
            let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
            run(&folder, &kubeconfig, &arguments)
        });
        play();
        running.join().expect("it was run")
    }

    /// kustomize-controller answers the token, and is well.
    fn kustomization_answers(&self, commit: u64) {
        let revision = revision("main", commit);
        let more = json!({
            "lastAppliedRevision": revision, "lastAttemptedRevision": revision,
            "lastHandledReconcileAt": self.player.token("Kustomization", "web"),
        });
        let ready = ("True", "ReconciliationSucceeded", "");
        self.player.status("Kustomization", "web", ready, &more);
    }
}

fn run(folder: &Path, kubeconfig: &Path, arguments: &[&str]) -> Run {
    let mut command = command(&[&["reconcile"], arguments].concat());
    let output = command
        .current_dir(folder)
        .env("KUBECONFIG", kubeconfig)
        .output();
    ended(&output.expect("the program was built"))
}

#[test]
#[ignore = "needs a Kubernetes API server"]
fn whoever_waits_no_longer_is_told_what_was_reached() {
    let scene = Scene::new("hand-stopped");
    let stopped = |format: &str| {
        let before = scene.player.token("GitRepository", "web");
        let running = Command::new(env!("CARGO_BIN_EXE_flux-setup"))
            .args(["reconcile", "gitrepository/hand-stopped/web", "--wait"])
            .args(["--format", format])
            .current_dir(scene.folder.path())
            .env("KUBECONFIG", scene.server.kubeconfig())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the program was built");
        let player = &scene.player;
        player.wait_for_token("GitRepository", "web", before.as_deref());
        let pid = Pid::from_child(&running);
        rustix::process::kill_process(pid, Signal::INT).expect("it runs");
        ended(&running.wait_with_output().expect("it ends"))
    };
    let run = stopped("text");
    assert_eq!(run.code, Some(1), "{run:?}");
    assert!(!run.stdout.contains("failed"), "{run:?}");
    for kind in ["GitRepository", "Kustomization"] {
        let object = format!("{kind}/hand-stopped/web");
        let mut lines = run.stdout.lines();
        let row = lines.find(|line| line.starts_with(&format!("default  {object}")));
        assert!(row.is_some_and(|row| row.contains("  not waited for  ")));
        let goes_on = format!("goes on {object} of default: last it waited ");
        assert!(run.stdout.contains(&goes_on), "{run:?}");
    }
    let run = stopped("json");
    assert_eq!(run.code, Some(1), "{run:?}");
    let report: Value = serde_json::from_str(&run.stdout).unwrap();
    assert_eq!(report["reached"], false);
    for kind in ["GitRepository", "Kustomization"] {
        let object = object(&report, kind);
        assert_eq!(object["state"], "notWaitedFor");
        assert!(object["waits"].is_string(), "{object:#}");
    }
}

fn object<'j>(report: &'j Value, kind: &str) -> &'j Value {
    let objects = report["objects"].as_array().into_iter().flatten();
    let mut objects = objects.filter(|object| object["object"]["kind"] == kind);
    objects.next().unwrap_or_else(|| panic!("{report:#}"))
}

#[test]
#[ignore = "needs a Kubernetes API server"]
fn a_project_is_asked_and_followed_until_what_was_fetched_is_healthy() {
    let scene = Scene::new("hand-project");
    let player = &scene.player;
    let arguments = ["hand-project/production", "--wait", "--format", "json"];
    let run = scene.run_while(&arguments, || {
        player.wait_for_token("GitRepository", "web", None);
        player.acknowledge("web");
        player.fetch("web", &revision("main", 2));
        player.apply("web", &revision("main", 2));
    });
    assert_eq!((run.code, &*run.stderr), (Some(0), ""), "{run:?}");
    let report: Value = serde_json::from_str(&run.stdout).unwrap();
    assert_eq!(report["reached"], true);
    let source = object(&report, "GitRepository");
    assert_eq!(
        (&source["why"], &source["state"]),
        (&json!("named"), &json!("done"))
    );
    assert_eq!(source["revision"], revision("main", 2));
    let metadata = scene.metadata("GitRepository");
    assert_eq!(source["token"], metadata["annotations"][REQUESTED]);
    let managers = metadata["managedFields"].as_array().unwrap();
    let ours = managers.iter().find(|it| it["manager"] == "flux-setup");
    let field = format!("f:{REQUESTED}");
    assert!(
        ours.is_some_and(|it| it["fieldsV1"]["f:metadata"]["f:annotations"][&field].is_object()),
        "{managers:#?}"
    );
    for stage in ["annotated", "fetched"] {
        assert!(source["reached"][stage].is_string(), "{source:#}");
    }
    let kustomization = object(&report, "Kustomization");
    assert_eq!(kustomization["why"], "follows");
    assert_eq!(kustomization["revision"], revision("main", 2));
    assert!(
        kustomization["reached"]["healthy"].is_string(),
        "{kustomization:#}"
    );
    // Flux wakes it by itself.
    assert!(scene.metadata("Kustomization")["annotations"].is_null());
}

#[test]
#[ignore = "needs a Kubernetes API server"]
fn without_waiting_it_is_asked_and_that_is_all() {
    let scene = Scene::new("hand-asked");
    let run = scene.run(&[
        "acme/hand-asked@main",
        "gitrepo/hand-asked/web",
        "--with-dependants",
    ]);
    assert_eq!((run.code, &*run.stderr), (Some(0), ""), "{run:?}");
    assert_eq!(
        run.stdout,
        "cluster  object                        why           state  revision      took\n\
         default  GitRepository/hand-asked/web  named         asked  main@0000000     -\n\
         default  Kustomization/hand-asked/web  made from it  asked  main@0000000     -\n"
    );
    for kind in ["GitRepository", "Kustomization"] {
        let token = scene.metadata(kind)["annotations"][REQUESTED].clone();
        let token = token.as_str().unwrap().to_owned();
        assert!(token.parse::<jiff::Timestamp>().is_ok(), "{token}");
    }
    // Each time with another token.
    let first = scene.player.token("GitRepository", "web");
    assert_eq!(scene.run(&["acme/hand-asked@main"]).code, Some(0));
    assert_ne!(scene.player.token("GitRepository", "web"), first);
}

#[test]
#[ignore = "needs a Kubernetes API server"]
fn a_kustomization_that_fails_ends_it_with_its_own_words() {
    let scene = Scene::new("hand-fails");
    let player = &scene.player;
    let run = scene.run_while(
        &["git@github.com:acme/hand-fails.git@main", "--wait"],
        || {
            player.wait_for_token("GitRepository", "web", None);
            player.fetch("web", &revision("main", 2));
            player.fail(
                "web",
                &revision("main", 2),
                "BuildFailed",
                "no such file `kustomization.yaml`",
            );
        },
    );
    assert_eq!(run.code, Some(1), "{run:?}");
    let failed =
        "Kustomization hand-fails/web: Ready: BuildFailed: no such file `kustomization.yaml`";
    assert!(
        run.stdout.ends_with(&format!(
            "failed Kustomization/hand-fails/web of default: {failed}\n"
        )),
        "{run:?}"
    );
    // Nobody watches a terminal, so each step is a line.
    let lines: Vec<&str> = run.stderr.lines().collect();
    let of = |kind: &str| format!("default  {kind}/hand-fails/web  ");
    assert_eq!(lines[0], of("GitRepository") + "asked");
    assert!(
        lines.contains(&&*(of("GitRepository") + "fetched main@0000000")),
        "{lines:?}"
    );
    assert_eq!(
        lines.last(),
        Some(&&*(of("Kustomization") + "failed: " + failed))
    );
}

#[test]
#[ignore = "needs a Kubernetes API server"]
fn a_folder_that_the_commit_has_not_is_told_as_it_fails() {
    let scene = Scene::new("hand-no-folder");
    let player = &scene.player;
    let run = scene.run_while(&["acme/hand-no-folder@main", "--wait"], || {
        player.wait_for_token("GitRepository", "web", None);
        player.fetch("web", &revision("main", 2));
        // Its controller does not even note what it attempts.
        let reason = ("False", "ArtifactFailed", "kustomization path not found");
        player.status("Kustomization", "web", reason, &json!({}));
    });
    assert_eq!(run.code, Some(1), "{run:?}");
    let failed =
        "Kustomization hand-no-folder/web: Ready: ArtifactFailed: kustomization path not found\n";
    assert!(run.stdout.ends_with(failed), "{run:?}");
}

#[test]
#[ignore = "needs a Kubernetes API server"]
fn a_kustomization_that_has_failed_is_woken_at_the_same_revision() {
    let scene = Scene::new("hand-mended");
    let player = &scene.player;
    player.fail(
        "web",
        &revision("main", 1),
        "BuildFailed",
        "secret `age` not found",
    );
    let run = scene.run_while(
        &["ks/hand-mended/web", "--wait", "--format", "json"],
        || {
            player.wait_for_token("Kustomization", "web", None);
            scene.kustomization_answers(1);
        },
    );
    assert_eq!(run.code, Some(0), "{run:?}");
    assert!(scene.player.token("GitRepository", "web").is_none());
    // Named by its project it is woken beside its source.
    player.fail(
        "web",
        &revision("main", 1),
        "BuildFailed",
        "secret `age` not found",
    );
    let before = player.token("Kustomization", "web");
    let arguments = ["hand-mended/production", "--wait", "--format", "json"];
    let run = scene.run_while(&arguments, || {
        player.wait_for_token("GitRepository", "web", None);
        assert_eq!(
            player.token("Kustomization", "web"),
            before,
            "its source comes first"
        );
        player.fetch("web", &revision("main", 1));
        player.wait_for_token("Kustomization", "web", before.as_deref());
        scene.kustomization_answers(1);
    });
    assert_eq!(run.code, Some(0), "{run:?}");
    let report: Value = serde_json::from_str(&run.stdout).unwrap();
    assert_eq!(object(&report, "Kustomization")["why"], "hadFailed");
}

#[test]
#[ignore = "needs a Kubernetes API server"]
fn a_commit_that_the_source_does_not_see_yet_is_asked_for_again() {
    let scene = Scene::new("hand-commit");
    let player = &scene.player;
    let commit = format!("c0ffee1{:033}", 2);
    let arguments = [
        "hand-commit/production",
        "--commit",
        "C0FFEE1",
        "--format",
        "json",
    ];
    let run = scene.run_while(&arguments, || {
        let first = player.wait_for_token("GitRepository", "web", None);
        player.fetch("web", &revision("main", 1));
        player.wait_for_token("GitRepository", "web", Some(&first));
        player.fetch("web", &format!("main@sha1:{commit}"));
        player.apply("web", &format!("main@sha1:{commit}"));
    });
    assert_eq!(run.code, Some(0), "{run:?}");
    let report: Value = serde_json::from_str(&run.stdout).unwrap();
    assert_eq!(report["commit"], "c0ffee1");
    assert_eq!(
        object(&report, "Kustomization")["revision"],
        format!("main@sha1:{commit}")
    );
}

#[test]
#[ignore = "needs a Kubernetes API server"]
fn a_release_is_forced_and_reset_with_the_token_of_the_same_request() {
    let scene = Scene::new("hand-forced");
    scene.server.install_crds(&helm_crds());
    scene.player.release("web", "web");
    let run = scene.run(&["hr/hand-forced/web", "--force", "--reset"]);
    assert_eq!(run.code, Some(0), "{run:?}");
    let annotations = scene.metadata("HelmRelease")["annotations"].clone();
    let token = annotations[REQUESTED].as_str().unwrap();
    assert_eq!(annotations["reconcile.fluxcd.io/forceAt"], token);
    assert_eq!(annotations["reconcile.fluxcd.io/resetAt"], token);
    let run = scene.run(&["hr/hand-forced/web"]);
    assert_eq!(run.code, Some(0), "{run:?}");
    let after = scene.metadata("HelmRelease")["annotations"].clone();
    assert_ne!(after[REQUESTED], annotations[REQUESTED]);
    assert_eq!(after["reconcile.fluxcd.io/forceAt"], token);
}

#[test]
#[ignore = "needs a Kubernetes API server"]
fn what_is_suspended_or_opted_out_is_told_and_not_touched() {
    let scene = Scene::new("hand-asleep");
    scene.change("GitRepository", &json!({"spec": {"suspend": true}}));
    let out = json!({"flux-setup.dev/webhook": "disabled"});
    scene.change("Kustomization", &json!({"metadata": {"annotations": out}}));
    let run = scene.run(&["gitrepo/hand-asleep/web", "ks/hand-asleep/web"]);
    assert_eq!(run.code, Some(1), "{run:?}");
    let (_, told) = run.stdout.split_once("failed GitRepository/").unwrap();
    assert_eq!(
        told,
        "hand-asleep/web of default: it is suspended; resume it by taking `spec.suspend` away\n\
         failed Kustomization/hand-asleep/web of default: it has opted out; take its annotation `flux-setup.dev/webhook` away\n"
    );
    for kind in ["GitRepository", "Kustomization"] {
        assert_eq!(scene.player.token(kind, "web"), None);
    }
}

#[test]
#[ignore = "needs a Kubernetes API server"]
fn nobody_waits_longer_than_was_said() {
    let scene = Scene::new("hand-late");
    let run = scene.run(&["hand-late/production", "--wait", "--timeout", "10s"]);
    assert_eq!(run.code, Some(1), "{run:?}");
    assert!(
        run.stdout.contains(
            "failed GitRepository/hand-late/web of default: not reached within 10s; \
             last it waited for its controller to answer\n"
        ),
        "{run:?}"
    );
}
