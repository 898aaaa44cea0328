//! What a configuration means: which layer wins, what objects come of it, what they refer to.

use flux_setup::flux::yaml;
use serde_json::{Value, json};

use crate::fleet::Fleet;

/// Every document that `render` prints.
fn rendered(fleet: &Fleet) -> Vec<Value> {
    let run = fleet.run(&["render"]);
    assert_eq!(run.code, Some(0), "{}", run.stderr);
    let (documents, faults) = yaml::read(&run.stdout, 0);
    assert!(faults.is_empty(), "{faults:?}");
    documents.iter().map(yaml::Node::to_json).collect()
}

/// The object `Kind/name`.
#[track_caller]
fn object(documents: &[Value], wanted: &str) -> Value {
    let (kind, name) = wanted
        .split_once('/')
        .expect("an object is named as Kind/name");
    documents
        .iter()
        .find(|one| one["kind"] == kind && one["metadata"]["name"] == name)
        .unwrap_or_else(|| panic!("no {wanted} in {:?}", names(documents)))
        .clone()
}

fn names(documents: &[Value]) -> Vec<String> {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    documents
        .iter()
        .map(|one| format!("{}/{}", text(&one["kind"]), text(&one["metadata"]["name"])))
        .collect()
}

fn with_environment(fleet: &str) -> Fleet {
    Fleet::new()
        .file("flux-setup.yaml", fleet)
        .file("environments/staging.yaml", "ref: {branch: main}\n")
}

#[test]
fn a_bare_project_has_a_source_and_a_kustomization_with_the_intervals_of_its_environment() {
    let fleet = Fleet::new()
        .file(
            "flux-setup.yaml",
            "projects: [{name: web, repository: https://github.com/acme/web}]\n",
        )
        .file("environments/dev.yaml", "ref: {branch: main}\n")
        .file("environments/staging.yaml", "ref: {branch: main}\n")
        .file("environments/prod.yaml", "ref: {branch: main}\n");
    let documents = rendered(&fleet);
    assert_eq!(
        names(&documents),
        [
            "GitRepository/web-dev",
            "GitRepository/web-prod",
            "GitRepository/web-staging",
            "Kustomization/web-dev",
            "Kustomization/web-prod",
            "Kustomization/web-staging",
        ]
    );
    for (environment, interval) in [("dev", "1m"), ("staging", "3m"), ("prod", "5m")] {
        let source = object(&documents, &format!("GitRepository/web-{environment}"));
        assert_eq!(
            source["spec"],
            json!({
                "url": "https://github.com/acme/web",
                "interval": interval,
                "timeout": "2m",
                "ref": {"branch": "main"},
            })
        );
        let object = object(&documents, &format!("Kustomization/web-{environment}"));
        assert_eq!(
            object["spec"],
            json!({
                "interval": interval,
                "timeout": "2m",
                "sourceRef": {"kind": "GitRepository", "name": format!("web-{environment}")},
                "prune": false,
            })
        );
        assert_eq!(
            object["metadata"]["labels"],
            json!({
                "app.kubernetes.io/managed-by": "flux-setup",
                "flux-setup.dev/environment": environment,
                "flux-setup.dev/project": "web",
            })
        );
    }
}

#[test]
fn an_environment_of_no_known_kind_is_polled_often_and_warned_of() {
    let fleet = Fleet::new()
        .file(
            "flux-setup.yaml",
            "projects: [{name: web, repository: https://github.com/acme/web}]\n",
        )
        .file("environments/qa.yaml", "ref: {branch: main}\n");
    let documents = rendered(&fleet);
    let source = object(&documents, "GitRepository/web-qa");
    assert_eq!(source["spec"]["interval"], "30s");
    let kustomization = object(&documents, "Kustomization/web-qa");
    assert_eq!(kustomization["spec"]["interval"], "1m");
    let found = fleet.findings();
    assert_eq!(found.len(), 1, "{found:#?}");
    assert_eq!(found[0].severity, "warning");
    assert!(found[0].message.contains("`qa` is of no known kind"));
}

/// One fleet that says `path` at each layer; the layers are taken away from the top, one by one.
#[test]
fn the_most_specific_layer_wins() {
    let layers = [
        ("defaults", "./defaults"),
        ("environment", "./environment"),
        ("cluster", "./cluster"),
        ("project", "./project"),
        ("object", "./object"),
        ("project in the environment", "./project-here"),
        ("object in the environment", "./object-here"),
    ];
    for top in 0..layers.len() {
        let say = |layer: usize| {
            if layer <= top {
                format!("path: {}", layers[layer].1)
            } else {
                "wait: true".to_owned()
            }
        };
        let fleet = Fleet::new()
            .file(
                "flux-setup.yaml",
                &format!(
                    "defaults: {{{}}}\nclusters: [{{name: eu}}]\nprojects:\n  - name: web\n    repository: https://github.com/acme/web\n    {}\n    environments: {{staging: {{{}}}}}\n    objects:\n      - name: app\n        {}\n        environments: {{staging: {{{}}}}}\n",
                    say(0), say(3), say(5), say(4), say(6)
                ),
            )
            .file(
                "environments/staging.yaml",
                &format!("ref: {{branch: main}}\n{}\nclusters: {{eu: {{{}}}}}\n", say(1), say(2)),
            );
        let object = object(&rendered(&fleet), "Kustomization/app-staging");
        assert_eq!(object["spec"]["path"], layers[top].1, "{}", layers[top].0);
    }
}

#[test]
fn maps_merge_lists_replace_and_null_takes_away() {
    let fleet = Fleet::new()
        .file(
            "flux-setup.yaml",
            "\
defaults:
  secretRef: token
  substitutions: {A: fleet, B: fleet, C: fleet}
  kustomization:
    commonMetadata: {labels: {team: fleet, tier: web}}
    components: [one, two]
projects:
  - name: web
    repository: https://github.com/acme/web
    secretRef: null
    substitutions: {B: project, C: null}
    kustomization:
      commonMetadata: {labels: {team: project}}
      components: [three]
  - name: api
    repository: https://github.com/acme/api
    substitutions: null
",
        )
        .file(
            "environments/staging.yaml",
            "ref: {branch: main}\nsubstitutions: {D: staging}\n",
        );
    let documents = rendered(&fleet);
    let web = object(&documents, "Kustomization/web-staging");
    assert_eq!(
        web["spec"]["postBuild"],
        json!({"substitute": {"A": "fleet", "B": "project", "D": "staging"}})
    );
    assert_eq!(
        web["spec"]["commonMetadata"],
        json!({"labels": {"team": "project", "tier": "web"}})
    );
    assert_eq!(web["spec"]["components"], json!(["three"]));
    let source = object(&documents, "GitRepository/web-staging");
    assert_eq!(source["spec"].get("secretRef"), None);
    let api = object(&documents, "Kustomization/api-staging");
    assert_eq!(api["spec"].get("postBuild"), None);
    let source = object(&documents, "GitRepository/api-staging");
    assert_eq!(source["spec"]["secretRef"], json!({"name": "token"}));
}

#[test]
fn an_scp_like_address_is_rewritten_and_the_rest_stays_as_written() {
    let fleet = with_environment(
        "projects:\n  - {name: a, repository: \"git@github.com:acme/a.git\", secretRef: key}\n  - {name: b, repository: https://GitHub.com/Acme/b.git/}\n",
    );
    let documents = rendered(&fleet);
    let a = object(&documents, "GitRepository/a-staging");
    assert_eq!(a["spec"]["url"], "ssh://git@github.com/acme/a.git");
    let b = object(&documents, "GitRepository/b-staging");
    assert_eq!(b["spec"]["url"], "https://GitHub.com/Acme/b.git/");
}

#[test]
fn durations_become_gos_shortest_form_and_a_source_has_no_hours_in_its_timeout() {
    let fleet = with_environment(
        "projects:\n  - name: web\n    repository: https://github.com/acme/web\n    timeout: 1h 30m\n    intervals: {source: 90s, kustomization: 1.5h}\n    retryInterval: 1min\n",
    );
    let documents = rendered(&fleet);
    let source = object(&documents, "GitRepository/web-staging");
    assert_eq!(source["spec"]["interval"], "1m30s");
    assert_eq!(source["spec"]["timeout"], "90m");
    let kustomization = object(&documents, "Kustomization/web-staging");
    assert_eq!(kustomization["spec"]["interval"], "1h30m");
    assert_eq!(kustomization["spec"]["timeout"], "1h30m");
    assert_eq!(kustomization["spec"]["retryInterval"], "1m");
}

#[test]
fn suspend_is_written_only_where_it_is_true() {
    let fleet = with_environment(
        "projects:\n  - {name: a, repository: https://github.com/acme/a, suspend: true}\n  - {name: b, repository: https://github.com/acme/b, suspend: false}\n",
    );
    let documents = rendered(&fleet);
    for kind in ["GitRepository", "Kustomization"] {
        let a = object(&documents, &format!("{kind}/a-staging"));
        assert_eq!(a["spec"]["suspend"], true);
        let b = object(&documents, &format!("{kind}/b-staging"));
        assert_eq!(b["spec"].get("suspend"), None);
    }
}

#[test]
fn a_dependency_is_an_object_of_the_project_else_every_kustomization_of_a_project() {
    let fleet = with_environment(
        "\
names: \"{project}-{object}-{environment}\"
projects:
  - name: platform
    repository: https://github.com/acme/platform
    objects:
      - {name: crds}
      - {name: web, dependsOn: [crds]}
  - {name: web, repository: https://github.com/acme/web, dependsOn: [platform, {external: infra}]}
  - {name: api, repository: https://github.com/acme/api, namespace: api, dependsOn: [platform/crds]}
",
    );
    let documents = rendered(&fleet);
    let depends_on = |name: &str| {
        object(&documents, &format!("Kustomization/{name}"))["spec"]["dependsOn"].clone()
    };
    assert_eq!(
        depends_on("platform-web-staging"),
        json!([{"name": "platform-crds-staging"}])
    );
    assert_eq!(
        depends_on("web-web-staging"),
        json!([
            {"name": "platform-crds-staging"},
            {"name": "platform-web-staging"},
            {"name": "infra"},
        ])
    );
    assert_eq!(
        depends_on("api-api-staging"),
        json!([{"name": "platform-crds-staging", "namespace": "flux-system"}])
    );
}

#[test]
fn a_shared_source_is_polled_once_and_an_external_one_is_not_made() {
    let fleet = with_environment(
        "\
projects:
  - {name: platform, source: {kind: OCIRepository, url: \"oci://ghcr.io/acme/platform\", ref: {semver: \">=1.4\"}}}
  - {name: shop, source: {project: platform}, path: ./shop}
  - {name: docs, source: {external: flux-system, kind: GitRepository, namespace: flux}}
",
    );
    let documents = rendered(&fleet);
    assert_eq!(
        names(&documents),
        [
            "OCIRepository/platform-staging",
            "Kustomization/docs-staging",
            "Kustomization/platform-staging",
            "Kustomization/shop-staging",
        ]
    );
    assert_eq!(
        object(&documents, "Kustomization/shop-staging")["spec"]["sourceRef"],
        json!({"kind": "OCIRepository", "name": "platform-staging"})
    );
    assert_eq!(
        object(&documents, "Kustomization/docs-staging")["spec"]["sourceRef"],
        json!({"kind": "GitRepository", "name": "flux-system", "namespace": "flux"})
    );
}

#[test]
fn a_cluster_that_allows_no_other_namespace_refuses_references_to_one() {
    let fleet = |cross: bool| {
        Fleet::new()
            .file(
                "flux-setup.yaml",
                &format!("clusters: [{{name: eu, crossNamespace: {cross}}}]\nprojects:\n  - {{name: docs, source: {{external: flux-system, kind: GitRepository, namespace: flux}}}}\n"),
            )
            .file("environments/staging.yaml", "cluster: eu\n")
    };
    assert_eq!(fleet(true).findings(), []);
    let found = fleet(false).findings();
    assert_eq!(found.len(), 1, "{found:#?}");
    assert_eq!(found[0].class, "flux");
    assert_eq!(
        found[0].message,
        "`docs-staging` refers to `flux/flux-system`, and cluster `eu` allows no reference to another namespace"
    );
}

#[test]
fn a_project_may_be_in_some_clusters_of_an_environment_and_differ_there() {
    let fleet = Fleet::new()
        .file(
            "flux-setup.yaml",
            "\
output: \"{cluster}/{environment}/{project}.yaml\"
clusters: [{name: eu}, {name: us}, {name: ap}]
projects:
  - {name: web, repository: https://github.com/acme/web}
  - name: api
    repository: https://github.com/acme/api
    environments:
      production: {clusters: {us: {path: ./us}, eu: {}}}
",
        )
        .file(
            "environments/production.yaml",
            "ref: {branch: main}\npath: ./all\nclusters: [eu, us, ap]\n",
        );
    let in_cluster = |cluster: &str| {
        let run = fleet.run(&["render", "--cluster", cluster]);
        let (documents, _) = yaml::read(&run.stdout, 0);
        documents
            .iter()
            .map(yaml::Node::to_json)
            .collect::<Vec<_>>()
    };
    assert_eq!(in_cluster("ap").len(), 2);
    let us = in_cluster("us");
    assert_eq!(us.len(), 4);
    let path = |documents: &[Value], name: &str| {
        object(documents, &format!("Kustomization/{name}-production"))["spec"]["path"].clone()
    };
    assert_eq!(path(&us, "api"), "./us");
    assert_eq!(path(&us, "web"), "./all");
    assert_eq!(path(&in_cluster("eu"), "api"), "./all");
}

#[test]
fn an_object_can_be_in_the_environments_that_are_listed_alone() {
    let fleet = with_environment(
        "projects:\n  - name: web\n    repository: https://github.com/acme/web\n    objects:\n      - {name: everywhere}\n      - {name: listed, environments: [prod]}\n      - {name: left-out, environments: {prod: false}}\n",
    )
    .file("environments/prod.yaml", "ref: {branch: main}\n");
    assert_eq!(
        names(&rendered(&fleet)),
        [
            "GitRepository/web-prod",
            "GitRepository/web-staging",
            "Kustomization/everywhere-prod",
            "Kustomization/listed-prod",
            "Kustomization/everywhere-staging",
            "Kustomization/left-out-staging",
        ]
    );
}

#[test]
fn watch_paths_are_written_on_the_source() {
    let fleet = with_environment(
        "projects:\n  - name: web\n    repository: https://github.com/acme/web\n    watchPaths: [deploy/**, base/**]\n    annotations: {acme.io/owner: web}\n",
    );
    let documents = rendered(&fleet);
    assert_eq!(
        object(&documents, "GitRepository/web-staging")["metadata"]["annotations"],
        json!({"flux-setup.dev/watch-paths": "deploy/**,base/**", "acme.io/owner": "web"})
    );
    assert_eq!(
        object(&documents, "Kustomization/web-staging")["metadata"]["annotations"],
        json!({"acme.io/owner": "web"})
    );
}

#[test]
fn included_files_may_lie_at_any_depth_and_their_order_changes_nothing() {
    let project = |name: &str| {
        format!("projects: [{{name: {name}, repository: https://github.com/acme/{name}}}]\n")
    };
    let fleet = with_environment("include: [\"teams/*/fleet.yaml\", more/**/*.yaml]\n")
        .file("teams/b/fleet.yaml", &project("a"))
        .file("teams/a/fleet.yaml", &project("c"))
        .file("teams/a/other.yaml", "nothing: here\n")
        .file("more/x/y/z.yaml", &project("b"));
    assert_eq!(
        names(&rendered(&fleet))[..3],
        [
            "GitRepository/a-staging",
            "GitRepository/b-staging",
            "GitRepository/c-staging",
        ]
    );
}

#[test]
fn a_pattern_passes_over_what_is_hidden_and_what_other_keys_read() {
    let fleet = with_environment("include: [\"**/*.yaml\"]\ncrds: [./crds/]\n")
        .file(".tool.yaml", "nothing: here\n")
        .file(
            "crds/things.yaml",
            "apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: things.example.com}
spec:
  group: example.com
  scope: Namespaced
  names: {kind: Thing, plural: things, singular: thing, listKind: ThingList}
  versions: [{name: v1, served: true, storage: true, schema: {openAPIV3Schema: {type: object}}}]
",
        )
        .file("templates/more/part.yaml", "nothing: here\n")
        .file(
            "teams/web.yaml",
            "projects: [{name: web, repository: https://github.com/acme/web}]\n",
        );
    assert_eq!(
        names(&rendered(&fleet)),
        ["GitRepository/web-staging", "Kustomization/web-staging"]
    );
}

#[test]
fn the_one_kustomization_of_a_project_can_be_waited_for_by_its_name() {
    let fleet = with_environment(
        "projects:\n  - {name: web, repository: https://github.com/acme/web}\n  - {name: api, repository: https://github.com/acme/api, dependsOn: [web/web]}\n",
    );
    let documents = rendered(&fleet);
    let api = object(&documents, "Kustomization/api-staging");
    assert_eq!(api["spec"]["dependsOn"], json!([{"name": "web-staging"}]));
}

#[test]
fn a_configuration_that_only_reaches_clusters_or_asks_github_needs_no_environments() {
    let only = [
        "clusters: [{name: eu, context: eu}]\n",
        "github: [{host: github.com, identities: [{name: bot, token: {env: TOKEN}}]}]\n",
    ];
    for text in only {
        let fleet = Fleet::new().file("flux-setup.yaml", text);
        let run = fleet.run(&["validate"]);
        assert_eq!(run.code, Some(0), "{text}: {}", run.stderr);
    }
    let project = "projects: [{name: web, repository: https://github.com/acme/web}]\n";
    let fleet = Fleet::new().file("flux-setup.yaml", &format!("{}{project}", only[0]));
    let run = fleet.run(&["validate"]);
    assert_eq!(run.code, Some(2), "{}", run.stderr);
    assert!(
        run.stderr.contains("there is no folder `environments`"),
        "{}",
        run.stderr
    );
}
