//! `install --export`: manifests by which `serve` runs in a cluster.

mod applied;
mod image;
mod rights;

use std::path::Path;

use serde_json::Value;

use crate::binary::run_in;
use crate::fleet::Fleet;

const CONFIGURATION: &str = "\
clusters:
  - {name: local}
  - {name: prod-us, kubeconfig: kubeconfigs/prod-us}
github:
  - host: github.com
    identities: [{name: bot, token: {env: GITHUB_TOKEN}}]
    webhooks:
      - {name: acme, organization: acme, secrets: [{file: secrets/new}, {env: OLD_SECRET}]}
server:
  hooks: {url: https://hooks.acme.io}
";

fn fleet() -> Fleet {
    Fleet::new()
        .file("flux-setup.yaml", CONFIGURATION)
        .file("environments/dev.yaml", "ref: {branch: main}\n")
}

/// The documents of `install --export` with these arguments.
fn exported(folder: &Path, arguments: &[&str]) -> Vec<Value> {
    let base = ["install", "--export", "--format", "json"];
    let run = run_in(folder, &[&base, arguments].concat());
    assert_eq!(run.code, Some(0), "{}", run.stderr);
    let list: Value = serde_json::from_str(&run.stdout).expect("it is JSON");
    list["items"].as_array().expect("it has items").clone()
}

fn of_kind<'d>(documents: &'d [Value], kind: &str) -> Option<&'d Value> {
    documents.iter().find(|document| document["kind"] == kind)
}

fn kinds(documents: &[Value]) -> Vec<&str> {
    let kinds = documents.iter().map(|document| &document["kind"]);
    kinds
        .map(|kind| kind.as_str().expect("it has a kind"))
        .collect()
}

fn refusal(folder: &Path, arguments: &[&str]) -> String {
    let run = run_in(folder, arguments);
    assert_eq!((run.code, run.stdout.as_str()), (Some(2), ""));
    run.stderr
}

#[test]
fn nothing_is_printed_without_export() {
    assert_eq!(
        refusal(fleet().path(), &["install"]),
        "error: `install` applies nothing itself; print the manifests and have them applied: \
         `flux-setup install --export | kubectl apply --server-side -f -`\n"
    );
}

#[test]
fn on_sqlite_there_is_one_replica_with_a_volume_that_is_recreated() {
    let documents = exported(fleet().path(), &["--with-namespace"]);
    assert_eq!(
        kinds(&documents),
        [
            "Namespace",
            "ServiceAccount",
            "ClusterRole",
            "ClusterRoleBinding",
            "ValidatingAdmissionPolicy",
            "ValidatingAdmissionPolicyBinding",
            "ConfigMap",
            "ConfigMap",
            "PersistentVolumeClaim",
            "Service",
            "Deployment",
            "Ingress",
            "NetworkPolicy",
        ]
    );
    let spec = &of_kind(&documents, "Deployment").unwrap()["spec"];
    assert_eq!(
        (&spec["replicas"], &spec["strategy"]["type"]),
        (&1.into(), &"Recreate".into())
    );
    let container = &spec["template"]["spec"]["containers"][0];
    assert!(container["lifecycle"].is_null());
    let ingress = &of_kind(&documents, "Ingress").unwrap()["spec"]["rules"][0];
    assert_eq!(ingress["host"], "hooks.acme.io");
    assert_eq!(ingress["http"]["paths"].as_array().unwrap().len(), 1);
    assert_eq!(ingress["http"]["paths"][0]["path"], "/hooks/github");
}

#[test]
fn on_postgresql_there_are_several_replicas_of_which_one_may_be_away() {
    let documents = exported(fleet().path(), &["--store", "postgres", "--replicas", "3"]);
    assert!(of_kind(&documents, "PersistentVolumeClaim").is_none());
    let spec = &of_kind(&documents, "Deployment").unwrap()["spec"];
    assert_eq!(
        (&spec["replicas"], &spec["strategy"]["type"]),
        (&3.into(), &"RollingUpdate".into())
    );
    assert_eq!(
        spec["strategy"]["rollingUpdate"],
        serde_json::json!({"maxSurge": 1, "maxUnavailable": 0})
    );
    let pod = &spec["template"]["spec"];
    let spread = &pod["topologySpreadConstraints"][0];
    assert_eq!(
        (&spread["topologyKey"], &spread["whenUnsatisfiable"]),
        (&"kubernetes.io/hostname".into(), &"ScheduleAnyway".into())
    );
    let labels = &spec["selector"];
    assert_eq!(&spread["labelSelector"], labels);
    let disruptions = of_kind(&documents, "PodDisruptionBudget").unwrap();
    assert_eq!(disruptions["spec"]["maxUnavailable"], 1);
    assert_eq!(&disruptions["spec"]["selector"], labels);
    // A pod is forgotten by the Service before it ends.
    let container = &pod["containers"][0];
    assert_eq!(container["lifecycle"]["preStop"]["sleep"]["seconds"], 5);
    let variables = container["env"].as_array().unwrap();
    let store = variables
        .iter()
        .find(|one| one["name"] == "FLUX_SETUP_STORE")
        .unwrap();
    assert_eq!(
        store["valueFrom"]["secretKeyRef"]["key"],
        "FLUX_SETUP_STORE"
    );
    let two = exported(fleet().path(), &["--store", "postgres"]);
    assert_eq!(of_kind(&two, "Deployment").unwrap()["spec"]["replicas"], 2);
    let one = exported(fleet().path(), &["--store", "postgres", "--replicas", "1"]);
    assert!(of_kind(&one, "PodDisruptionBudget").is_none());
    let spec = &of_kind(&one, "Deployment").unwrap()["spec"];
    assert!(spec["template"]["spec"]["topologySpreadConstraints"].is_null());
}

#[test]
fn pods_are_let_out_to_the_port_of_postgresql_and_a_guess_is_said() {
    let port = |configuration: &str, arguments: &[&str]| {
        let fleet = fleet().file("flux-setup.yaml", configuration);
        let base = ["install", "--export"];
        let run = run_in(fleet.path(), &[&base, arguments].concat());
        let is_guessed = run.stdout.contains(
            "# Guessed: PostgreSQL listens on 5432, for the Secret has its address; where it does not, `--store-port` says it.\n",
        );
        let documents = exported(fleet.path(), arguments);
        let policy = of_kind(&documents, "NetworkPolicy").unwrap();
        let ports = policy["spec"]["egress"][1]["ports"].as_array().unwrap();
        let ports: Vec<u64> = ports.iter().filter_map(|it| it["port"].as_u64()).collect();
        let ports = ports.into_iter().filter(|it| ![443, 6443].contains(it));
        (ports.collect::<Vec<_>>(), is_guessed)
    };
    let plain = |address: &str| format!("{CONFIGURATION}  store: '{address}'\n");
    let postgres = ["--store", "postgres"];
    assert_eq!(port(CONFIGURATION, &[]), (vec![], false));
    assert_eq!(port(CONFIGURATION, &postgres), (vec![5432], true));
    let said = [&postgres[..], &["--store-port", "6432"]].concat();
    assert_eq!(port(CONFIGURATION, &said), (vec![6432], false));
    let referred = format!("{CONFIGURATION}  store: {{file: secrets/store}}\n");
    assert_eq!(port(&referred, &[]), (vec![5432], true));
    assert_eq!(port(&referred, &said[2..]), (vec![6432], false));
    let other = plain("postgres://fleet@db.acme.io:6432/fleet");
    assert_eq!(port(&other, &[]), (vec![6432], false));
    assert_eq!(port(&other, &["--store", "sqlite"]), (vec![], false));
    let usual = plain("postgres://fleet@db.acme.io/fleet");
    assert_eq!(port(&usual, &[]), (vec![5432], false));
    assert_eq!(
        refusal(
            fleet().path(),
            &["install", "--export", "--store-port", "6432"]
        ),
        "error: SQLite is a file, which has no port; `--store-port` needs `--store postgres`\n"
    );
}

#[test]
fn what_the_configuration_refers_to_is_named_and_never_read() {
    let fleet = fleet()
        .file("secrets/new", "value-of-a-secret")
        .file("kubeconfigs/prod-us", "value-of-a-kubeconfig");
    let run = run_in(fleet.path(), &["install", "--export"]);
    assert_eq!(run.code, Some(0), "{}", run.stderr);
    assert!(!run.stdout.contains("value-of"), "{}", run.stdout);
    for key in [
        "\n#   GITHUB_TOKEN (env:GITHUB_TOKEN)\n",
        "\n#   OLD_SECRET (env:OLD_SECRET)\n",
        "\n#   kubeconfigs.prod-us (file:kubeconfigs/prod-us)\n",
        "\n#   secrets.new (file:secrets/new)\n",
    ] {
        assert!(run.stdout.contains(key), "{key}: {}", run.stdout);
    }
    let again = run_in(fleet.path(), &["install", "--export"]);
    assert_eq!(run.stdout, again.stdout);
}

#[test]
fn one_pod_a_cluster_has_what_that_cluster_needs() {
    let fleet = fleet();
    let arguments = ["--cluster", "prod-us", "--name", "flux-setup-prod-us"];
    let documents = exported(fleet.path(), &arguments);
    let pod = &of_kind(&documents, "Deployment").unwrap()["spec"]["template"]["spec"];
    // It is reached by a kubeconfig, so the pod's own token is of no use.
    assert_eq!(pod["automountServiceAccountToken"], false);
    let arguments = pod["containers"][0]["args"].as_array().unwrap();
    assert!(
        arguments.contains(&"--cluster=prod-us".into()),
        "{arguments:?}"
    );
    let local = exported(fleet.path(), &["--cluster", "local"]);
    let pod = &of_kind(&local, "Deployment").unwrap()["spec"]["template"]["spec"];
    assert_eq!(pod["automountServiceAccountToken"], true);
    assert!(!pod.to_string().contains("kubeconfigs"), "{pod}");
    assert_eq!(
        refusal(fleet.path(), &["install", "--export", "--cluster", "prod"]),
        "error: unknown cluster `prod`; configured: local, prod-us\n"
    );
    assert_eq!(
        refusal(fleet.path(), &["serve", "--cluster", "prod"]),
        "error: unknown cluster `prod`; configured: local, prod-us\n"
    );
    // With heads on, of those that share a database one asks for its own clusters alone.
    let one = ["install", "--export", "--cluster", "local", "--store"];
    let said = refusal(fleet.path(), &[&one[..], &["postgres"]].concat());
    assert!(
        said.starts_with(
            "error: `--cluster` leaves out clusters whose refs nobody would ask GitHub for"
        ),
        "{said}"
    );
    exported(fleet.path(), &["--cluster", "local", "--store", "sqlite"]);
}

#[test]
fn what_cannot_be_brought_into_a_pod_is_refused() {
    let export = ["install", "--export"];
    let changed = |from: &str, to: &str| {
        let text = CONFIGURATION.replace(from, to);
        fleet().file("flux-setup.yaml", &text)
    };
    for (from, to, says) in [
        (
            "secrets/new",
            "/run/new",
            "error: `/run/new` lies outside the configuration folder, where no Secret is put; name it by a path below the folder, such as `secrets/token`\n",
        ),
        (
            "kubeconfigs/prod-us",
            "~/.kube/config",
            "error: `~/.kube/config` lies outside the configuration folder, where no Secret is put; name it by a path below the folder, such as `secrets/token`\n",
        ),
        (
            "kubeconfig: kubeconfigs/prod-us",
            "context: prod-us",
            "error: cluster `prod-us` is a context of a kubeconfig of this machine; name its file as `kubeconfig`, or leave both out for the cluster that the pod runs in\n",
        ),
        (
            "env: OLD_SECRET",
            "file: secrets.new",
            "error: `secrets/new` and `secrets.new` would be one key, `secrets.new`, of a Secret or a ConfigMap; rename one of them\n",
        ),
        (
            "secrets/new",
            "OLD_SECRET",
            "error: `file:OLD_SECRET` and `env:OLD_SECRET` would be one key, `OLD_SECRET`, of a Secret or a ConfigMap; rename one of them\n",
        ),
        (
            "env: OLD_SECRET",
            "env: OLD-SECRET",
            "error: `OLD-SECRET` is no name of an environment variable that a Secret can have as a key\n",
        ),
        (
            "secrets/new",
            "secrets/a b",
            "error: `secrets/a b` can be no key of a Secret or a ConfigMap; use letters, digits, `-`, `_` and `.`\n",
        ),
    ] {
        assert_eq!(refusal(changed(from, to).path(), &export), says);
    }
    let long = format!("ref: {{branch: main}}\n# {}\n", "x".repeat(1_000_000));
    let large = refusal(fleet().file("environments/dev.yaml", &long).path(), &export);
    assert!(
        large.ends_with("bytes and a ConfigMap holds 1000000; `serve` needs no projects: keep a configuration for it alone\n"),
        "{large}"
    );
    assert_eq!(
        refusal(fleet().path(), &["install", "--export", "--replicas", "2"]),
        "error: SQLite is one process's alone; several replicas need `--store postgres`\n"
    );
    let nothing = fleet().file("flux-setup.yaml", "projects: []\n");
    assert_eq!(
        refusal(nothing.path(), &export),
        "error: no webhook is configured; list one under `github[].webhooks`\n"
    );
    for (flag, value) in [
        ("--namespace", "Flux"),
        ("--name", "a.b"),
        ("--name", "1a"),
        ("--image", "a b"),
        ("--ingress-host", "a_b"),
    ] {
        let run = run_in(fleet().path(), &["install", "--export", flag, value]);
        assert_eq!(run.code, Some(2), "{flag}");
        assert!(
            run.stderr.contains(&format!("invalid value '{value}'")),
            "{}",
            run.stderr
        );
    }
}
