//! `render --explain`: each value, and where it comes from.

use std::fs;

use serde_json::Value;

use crate::binary::{repository, run_in};
use crate::fleet::Fleet;

const EVERYTHING: &str = "tests/fleets/everything";

fn explained(what: &str, more: &[&str]) -> Vec<Value> {
    let arguments = [&["render", "--format", "json", "--explain", what], more].concat();
    let run = run_in(repository(), &arguments);
    assert_eq!(run.code, Some(0), "{}", run.stderr);
    let answer: Value = serde_json::from_str(&run.stdout).expect("it is JSON");
    answer["objects"].as_array().expect("it is a list").clone()
}

fn value<'v>(object: &'v Value, path: &str) -> &'v Value {
    let mut values = object["values"].as_array().expect("it is a list").iter();
    let found = values.find(|value| value["path"] == path);
    found.unwrap_or_else(|| panic!("{path}: {object:#}"))
}

/// Every leaf of a document, by the path that faults give it.
fn leaves(value: &Value, path: &str, found: &mut Vec<(String, Value)>) {
    let is_plain = |key: &str| {
        let mut letters = key.chars();
        letters.all(|c| c.is_ascii_alphanumeric() || c == '_' || c == '-')
    };
    match value {
        Value::Object(entries) if !entries.is_empty() => {
            for (key, below) in entries {
                let step = match (is_plain(key), path) {
                    (true, "") => key.clone(),
                    (true, _) => format!("{path}.{key}"),
                    (false, _) => format!("{path}[\"{key}\"]"),
                };
                leaves(below, &step, found);
            }
        }
        Value::Array(items) if !items.is_empty() => {
            for (index, item) in items.iter().enumerate() {
                leaves(item, &format!("{path}[{index}]"), found);
            }
        }
        leaf => found.push((path.to_owned(), leaf.clone())),
    }
}

#[test]
fn every_value_that_is_rendered_is_explained_and_no_other() {
    for (config, project) in [
        (".", "web"),
        (".", "secrets"),
        (".", "payments"),
        (EVERYTHING, "platform"),
        (EVERYTHING, "shop"),
        (EVERYTHING, "docs"),
        (EVERYTHING, "data"),
    ] {
        let arguments = ["--config", config, "--project", project, "--format", "json"];
        let run = run_in(repository(), &[&["render"][..], &arguments].concat());
        let rendered: Value = serde_json::from_str(&run.stdout).unwrap();
        let objects = explained(project, &["--config", config]);
        let manifests = rendered["manifests"].as_array().unwrap();
        assert_eq!(objects.len(), manifests.len());
        for manifest in manifests {
            let document = &manifest["manifest"];
            let mut expected = Vec::new();
            leaves(document, "", &mut expected);
            let is_it = |object: &&Value| {
                let same = |key: &str| object[key] == manifest[key];
                let values = object["values"].as_array().unwrap();
                let kind = values.iter().find(|value| value["path"] == "kind");
                same("environment")
                    && same("cluster")
                    && object["name"] == document["metadata"]["name"]
                    && kind.is_some_and(|kind| kind["value"] == document["kind"])
            };
            let object = objects.iter().find(is_it);
            let object = object.unwrap_or_else(|| panic!("{document:#}"));
            let mut values = object["values"].as_array().unwrap().clone();
            // what stands in no document, and what is not there
            values.retain(|value| value["path"] != "webhook" && !value["value"].is_null());
            let values: Vec<_> = values
                .iter()
                .map(|value| {
                    (
                        value["path"].as_str().unwrap().to_owned(),
                        value["value"].clone(),
                    )
                })
                .collect();
            assert_eq!(values, expected);
        }
    }
}

#[test]
fn a_value_that_was_written_stands_at_the_place_that_is_named() {
    let mut seen = 0;
    for (config, project) in [
        (".", "web"),
        (".", "kafka"),
        (EVERYTHING, "data"),
        (EVERYTHING, "platform"),
    ] {
        for object in explained(project, &["--config", config]) {
            for value in object["values"].as_array().unwrap() {
                let places = value["insteadOf"].as_array().unwrap().iter();
                let own = Some(&value["place"]).filter(|place| !place.is_null());
                for place in places.chain(own) {
                    let text =
                        fs::read_to_string(repository().join(place["file"].as_str().unwrap()));
                    let text = text.unwrap();
                    let line = usize::try_from(place["line"].as_u64().unwrap()).unwrap();
                    let column = usize::try_from(place["column"].as_u64().unwrap()).unwrap();
                    let rest = &text.lines().nth(line - 1).unwrap()[column - 1..];
                    let said = place["text"].as_str().unwrap();
                    let first = said.split(' ').next().unwrap();
                    assert!(rest.starts_with(first), "{rest}: {value:#}");
                    seen += 1;
                }
                let is_plain = value["value"].is_string() && !value["place"].is_null();
                let path = value["path"].as_str().unwrap();
                // a text of the configuration is what is rendered, but for names, forms of durations and
                // what follows from a whole
                if is_plain && path.contains("substitute") {
                    let said = value["place"]["text"].as_str().unwrap().trim_matches('"');
                    assert_eq!(said, value["value"], "{value:#}");
                }
            }
        }
    }
    assert!(seen > 200, "{seen}");
}

#[test]
fn a_value_says_the_layer_that_wins_and_those_that_it_stands_in_place_of() {
    let objects = explained("web/production", &[]);
    let [source, kustomization] = &objects[..] else {
        panic!("{objects:#?}");
    };
    assert_eq!(source["kind"], "GitRepository");
    assert_eq!(source["template"], "git-repository");
    assert_eq!(kustomization["path"], "production/web.yaml");
    let path = value(kustomization, "spec.path");
    assert_eq!(path["value"], "./deploy/overlays/production-eu");
    assert_eq!(path["from"], "configuration");
    assert_eq!(path["place"]["file"], "flux-setup.yaml");
    assert_eq!(path["insteadOf"][0]["file"], "environments/production.yaml");
    assert_eq!(path["insteadOf"][0]["text"], "./deploy/overlays/production");
    let replicas = value(kustomization, "spec.postBuild.substitute.WEB_REPLICAS");
    assert_eq!(replicas["place"]["text"], "\"8\"");
    assert_eq!(replicas["insteadOf"][0]["text"], "\"1\"");
    let interval = value(source, "spec.interval");
    assert_eq!(
        (&interval["from"], &interval["key"]),
        (&"policy".into(), &"intervals.source".into())
    );
    let name = value(source, "metadata.name");
    assert_eq!(
        (&name["from"], &name["key"]),
        (&"default".into(), &"names".into())
    );
    let ours = value(source, "metadata.labels[\"flux-setup.dev/project\"]");
    assert_eq!(ours["from"], "fixed");
    // a default that was taken away
    let docs = explained("docs/staging", &[]);
    let secret = value(&docs[0], "spec.secretRef");
    assert_eq!(secret["value"], Value::Null);
    assert_eq!(secret["place"]["text"], "null");
    assert_eq!(secret["insteadOf"][0]["text"], "github-token");
}

#[test]
fn what_a_template_of_the_users_writes_is_said_at_its_line_or_where_its_value_was_said() {
    let objects = explained(
        "data/production",
        &["--config", EVERYTHING, "--cluster", "prod-eu"],
    );
    let redis = objects.iter().find(|object| object["object"] == "redis");
    let redis = redis.unwrap();
    let chart = value(redis, "spec.chart.spec.chart");
    assert_eq!(chart["from"], "configuration");
    assert_eq!(chart["place"]["text"], "redis");
    let deep = value(redis, "spec.values.replica.replicaCount");
    assert_eq!(deep["place"]["text"], "3");
    let own = value(redis, "spec.chart.spec.sourceRef.name");
    assert_eq!(own["from"], "template");
    assert_eq!(own["value"], "charts");
    let file = own["place"]["file"].as_str().unwrap();
    assert!(file.ends_with("templates/helm-release.yaml.tera"), "{file}");
    assert_eq!(own["place"]["text"], "charts");
}

#[test]
fn a_project_alone_is_explained_in_each_of_its_environments() {
    let objects = explained("web", &[]);
    let environments: Vec<_> = objects
        .iter()
        .map(|object| object["environment"].as_str().unwrap())
        .collect();
    let twice = |name| [name, name];
    assert_eq!(
        environments,
        [twice("development"), twice("production"), twice("staging")].concat()
    );
    let one = explained("shop", &["--config", EVERYTHING, "--cluster", "prod-us"]);
    assert_eq!(one.len(), 1, "{one:#?}");
}

#[test]
fn people_get_a_table_with_an_object_under_each_heading() {
    let run = run_in(repository(), &["render", "--explain", "web/production"]);
    assert_eq!((run.code, &*run.stderr), (Some(0), ""));
    let heading = "GitRepository flux-system/web-production by template `git-repository`, in production/web.yaml\n";
    assert!(run.stdout.starts_with(heading), "{}", run.stdout);
    for says in [
        "\nspec.interval  ",
        "policy of environment production, `intervals.source`\n",
        "./deploy/overlays/production at environments/production.yaml:7:7\n",
        "\n\nKustomization flux-system/web-production by template `kustomization`",
    ] {
        assert!(run.stdout.contains(says), "{says}: {}", run.stdout);
    }
    assert!(!run.stdout.contains("managed-by"), "{}", run.stdout);
}

#[test]
fn what_nobody_knows_is_refused_with_the_nearest_name() {
    let refused = |arguments: &[&str]| {
        let run = run_in(
            repository(),
            &[&["render", "--explain"], arguments].concat(),
        );
        assert_eq!((run.code, &*run.stdout), (Some(2), ""));
        run.stderr
    };
    assert_eq!(
        refused(&["wbe"]),
        "error: unknown project `wbe`; did you mean `web`?\n"
    );
    assert_eq!(
        refused(&["web/prodution"]),
        "error: unknown environment `prodution`; did you mean `production`?\n"
    );
    assert_eq!(
        refused(&["web/production/web"]),
        "error: `web/production/web` names more than a project and an environment; write it as `web/production`\n"
    );
    assert!(refused(&["web", "--output", "out"]).contains("cannot be used with"));
}

#[test]
fn a_project_that_is_left_out_says_where() {
    let fleet = Fleet::new()
        .file(
            "flux-setup.yaml",
            "projects:\n  - name: web\n    repository: https://github.com/a/web\n    environments: {dev: false}\n",
        )
        .file("environments/dev.yaml", "ref: {branch: main}\npath: ./a\n")
        .file("environments/prod.yaml", "ref: {branch: main}\npath: ./a\n");
    let run = fleet.run(&["render", "--explain", "web/dev"]);
    assert_eq!(run.code, Some(2));
    assert_eq!(
        run.stderr,
        "error: project `web` is left out of environment `dev` at flux-setup.yaml:4:20\n"
    );
}

#[test]
fn what_looks_like_a_credential_is_shown_to_nobody() {
    let fleet = Fleet::new()
        .file(
            "flux-setup.yaml",
            "projects: [{name: web, repository: https://github.com/acme/web}]\n",
        )
        .file(
            "environments/dev.yaml",
            "ref: {branch: main}\nsubstitutions:\n  DB_PASSWORD: hunter2\n  URL: https://bob:hunter3@example.com/\n  NAME: shown\n",
        );
    for format in ["text", "json"] {
        let run = fleet.run(&["render", "--explain", "web", "--format", format]);
        assert_eq!(run.code, Some(0), "{}", run.stderr);
        assert!(!run.stdout.contains("hunter"), "{}", run.stdout);
        for shown in ["https://***@example.com/", "shown", "***"] {
            assert!(run.stdout.contains(shown), "{shown}: {}", run.stdout);
        }
    }
}

#[test]
fn what_gaps_were_filled_in_of_is_said_at_its_pattern() {
    let fleet = Fleet::new()
        .file("environments/staging.yaml", "ref: {branch: main}\n")
        .file(
            "flux-setup.yaml",
            "defaults: {path: \"./apps/{project}\", labels: {team: \"{project}\"}}\nprojects:\n  - {name: web, repository: https://github.com/acme/web}\n",
        );
    let run = fleet.run(&["render", "--explain", "web/staging", "--format", "json"]);
    assert_eq!(run.code, Some(0), "{}", run.stderr);
    let answer: Value = serde_json::from_str(&run.stdout).unwrap();
    let path = value(&answer["objects"][1], "spec.path");
    assert_eq!(path["value"], "./apps/web");
    assert_eq!(path["from"], "configuration");
    assert_eq!(path["place"]["text"], "\"./apps/{project}\"");
    let label = value(&answer["objects"][0], "metadata.labels.team");
    assert_eq!(label["value"], "web");
    assert_eq!(label["place"]["text"], "\"{project}\"");
}
