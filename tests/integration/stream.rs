//! The manifests on stdout, as people pipe them on and as machines read them.

use serde_json::Value;

use crate::binary::{repository, run_in};
use crate::folders::write;

/// Each document of a stream, with the cluster that was named last before it.
fn documents(stream: &str) -> Vec<(Option<String>, String)> {
    let mut cluster = None;
    let documents = stream.strip_prefix("---\n").expect("a document begins so");
    let documents = documents.split("\n---\n").map(|text| {
        let (mark, rest) = text.split_once('\n').expect("it has lines");
        match mark.strip_prefix("# cluster: ") {
            None => (cluster.clone(), text.trim_end().to_owned()),
            Some(name) => {
                cluster = Some(name.to_owned());
                (cluster.clone(), rest.trim_end().to_owned())
            }
        }
    });
    documents.collect()
}

#[test]
fn in_a_stream_of_several_clusters_a_comment_says_whose_each_document_is() {
    let fleet = repository().join("tests/fleets/everything");
    let all = run_in(&fleet, &["render"]);
    let documents_of_all = documents(&all.stdout);
    assert_eq!(documents_of_all.len(), 102);
    assert!(all.stdout.starts_with("---\n# cluster: dev\napiVersion: "));
    let marks = all.stdout.lines().filter(|line| line.starts_with("# cl"));
    assert_eq!(marks.count(), 10, "sources of 5 clusters, then objects");

    for cluster in ["dev", "prod-eu", "prod-us", "stage-eu", "stage-us"] {
        let one = run_in(&fleet, &["render", "--cluster", cluster]);
        assert!(!one.stdout.contains("# cluster"), "{}", one.stdout);
        let of_one = documents(&one.stdout).into_iter().map(|(_, text)| text);
        let named = documents_of_all
            .iter()
            .filter(|(name, _)| name.as_deref() == Some(cluster));
        let named: Vec<_> = named.map(|(_, text)| text.clone()).collect();
        assert!(of_one.eq(named), "{cluster}");
    }

    // where an environment names no cluster, it is `-` as in the first lines of files
    let sample = run_in(repository(), &["render"]).stdout;
    let mut clusters: Vec<_> = documents(&sample)
        .into_iter()
        .map(|(name, _)| name)
        .collect();
    clusters.dedup();
    let sources_then_objects = ["-", "prod-eu", "staging-eu", "-", "prod-eu", "staging-eu"];
    assert!(clusters.iter().flatten().eq(&sources_then_objects));
    let development = run_in(repository(), &["render", "--environment", "development"]);
    assert!(!development.stdout.contains("# cluster"));
}

#[test]
fn for_machines_the_manifests_stand_in_one_document_with_where_they_belong() {
    let fleet = repository().join("tests/fleets/everything");
    let stream = run_in(&fleet, &["render"]).stdout;
    let run = run_in(&fleet, &["render", "--format", "json"]);
    assert_eq!(run.code, Some(0), "{}", run.stderr);
    let answer: Value = serde_json::from_str(&run.stdout).unwrap();
    assert_eq!(answer["findings"], serde_json::json!([]));
    let manifests = answer["manifests"].as_array().unwrap();
    let documents = documents(&stream);
    assert_eq!(manifests.len(), documents.len());
    for (placed, (cluster, text)) in manifests.iter().zip(&documents) {
        let keys: Vec<_> = placed.as_object().unwrap().keys().collect();
        assert_eq!(keys, ["environment", "cluster", "project", "manifest"]);
        assert_eq!(placed["cluster"].as_str(), cluster.as_deref());
        let read: Value = serde_saphyr::from_str(text).unwrap();
        assert_eq!(placed["manifest"], read);
    }

    let run = run_in(
        repository(),
        &["render", "--format", "json", "--project", "web"],
    );
    let answer: Value = serde_json::from_str(&run.stdout).unwrap();
    assert_eq!(answer["manifests"].as_array().unwrap().len(), 6);
    assert_eq!(answer["manifests"][0]["cluster"], Value::Null);
}

/// An environment of no known kind that says no interval gets one, and a warning.
#[test]
fn for_machines_warnings_stand_in_the_document_and_nowhere_else() {
    let folder = tempfile::tempdir().unwrap();
    let environment = "ref: {branch: main}\npath: ./deploy\nprune: true\n";
    write(folder.path(), "environments/preview.yaml", environment);
    let fleet = "projects: [{name: web, repository: https://github.com/acme/web}]\n";
    write(folder.path(), "flux-setup.yaml", fleet);
    for (arguments, has) in [
        (&["render"][..], "manifests"),
        (&["render", "--output", "out", "--check"], "differences"),
        (&["render", "--output", "out"], "written"),
        (&["budget"], "profiles"),
        (&["validate"], "findings"),
    ] {
        let text = run_in(folder.path(), arguments);
        assert!(text.stderr.starts_with("warning: "), "{}", text.stderr);
        let run = run_in(folder.path(), &[arguments, &["--format", "json"]].concat());
        assert!(!run.stderr.contains("warning"), "{}", run.stderr);
        let answer: Value = serde_json::from_str(&run.stdout).unwrap();
        assert_eq!(
            answer["findings"][0]["severity"], "warning",
            "{arguments:?}"
        );
        assert!(answer.get(has).is_some(), "{answer}");
    }
}

#[test]
fn a_fleet_of_nothing_is_a_document_without_manifests() {
    let folder = tempfile::tempdir().unwrap();
    let environment = "ref: {branch: main}\npath: ./deploy\nprune: true\n";
    write(folder.path(), "environments/dev.yaml", environment);
    write(folder.path(), "flux-setup.yaml", "projects: []\n");
    let run = run_in(folder.path(), &["render", "--format", "json"]);
    assert_eq!(run.code, Some(0), "{}", run.stderr);
    assert!(
        run.stdout.ends_with(",\n  \"manifests\": []\n}\n"),
        "{}",
        run.stdout
    );
    serde_json::from_str::<Value>(&run.stdout).unwrap();
}
