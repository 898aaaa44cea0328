//! Hostile text in every free field: readers that are not ours get the same text, and nothing else changes.
//!
//! ```text
//! fleet with `tame` everywhere -> render -> PyYAML -> put the hostile text in place of `tame` --.
//! fleet with the hostile text  -> render -> PyYAML, kubectl ------------------------------------+-> equal
//! ```

mod corpus;
mod fleet;
mod readers;

use std::fmt::Write as _;
use std::fs;
use std::path::Path;
use std::sync::OnceLock;

use flux_setup::flux::yaml;
use serde_json::{Map, Value, json};
use tempfile::TempDir;

use crate::api_server::shared;
use crate::binary::{repository, run_in};
use crate::folders;
use corpus::corpus;
use fleet::{ENVIRONMENT, rendered, write_fleet};
use readers::{read_by_kubectl, read_by_pyyaml};

/// What stands for a hostile text in the fleet that says what is expected; nothing else there contains it.
const TAME: &str = "tame";

/// How often a text stands in the documents of a project where every field takes it.
const PLACES: usize = 43;

#[test]
fn hostile_text_is_the_same_text_to_a_reader_of_yaml_1_1_and_nothing_else_changes() {
    let expected = expected();
    assert_same(&read_by_pyyaml(&printed().0), expected, "on stdout");
    // in a file the marker stands before the documents
    let (_, folder) = printed();
    let files: Vec<_> = folders::files(&folder.path().join("out"))
        .into_iter()
        .collect();
    let mut all = String::new();
    for (path, bytes) in files {
        let text = String::from_utf8(bytes).expect("we write UTF-8");
        assert!(
            text.starts_with("# flux-setup: dev/-/p"),
            "{}",
            path.display()
        );
        write!(all, "---\n{text}").expect("a string takes all");
    }
    let mut by_name = expected.clone();
    by_name.sort_by_key(identity);
    let mut read = read_by_pyyaml(&all);
    read.sort_by_key(identity);
    assert_same(&read, &by_name, "in a folder");
}

#[test]
#[ignore = "needs a Kubernetes API server"]
fn hostile_text_is_the_same_text_to_the_reader_of_kubernetes() {
    let read = read_by_kubectl(shared(), &printed().0);
    assert_same(&read, expected(), "by kubectl");
}

/// What a fleet of ours prints is one thing to all readers.
#[test]
fn every_reader_takes_the_fleets_of_the_repository_for_the_same() {
    for folder in ["", "tests/fleets/everything"] {
        assert_read_alike(&repository().join(folder));
    }
}

/// Names, refs and keys cannot be any text, but these are legal, and no text to a careless reader.
#[test]
fn names_that_look_like_something_else_stay_names() {
    let folder = tempfile::tempdir().unwrap();
    for environment in ["on", "no", "123"] {
        let file = format!("environments/{environment}.yaml");
        let text = format!(
            "{{name: \"{environment}\", kind: none, ref: {{branch: \"{environment}\"}}, cluster: \"{environment}\", namespace: \"{environment}\", path: \"0x1F\", prune: true, intervals: {{source: 1m, kustomization: 1m}}}}\n"
        );
        folders::write(folder.path(), &file, text);
    }
    let names = [
        "on",
        "off",
        "yes",
        "no",
        "y",
        "n",
        "true",
        "null",
        "nan",
        "inf",
        "1e3",
        "0x1f",
        "0b11",
        "0777",
        "123",
        "1",
        "2024-01-31",
    ];
    let refs = [
        "on",
        "yes",
        "y",
        "null",
        "1e3",
        "0x1F",
        "1_000",
        "1.0",
        "!tag",
        "&a",
        "@a",
        "`a`",
        "%a",
        "{a}",
        "'a'",
        "\"a\"",
        "a#b",
        "#a",
        "é",
        "😀",
        "a\u{2028}b",
    ];
    let mut projects: Vec<Value> = Vec::new();
    for (index, name) in names.iter().enumerate() {
        let keys: Map<String, Value> = names
            .iter()
            .map(|name| ((*name).to_owned(), json!(name)))
            .collect();
        let variables: Map<String, Value> = ["on", "y", "no", "null", "_1", "NaN"]
            .iter()
            .map(|name| ((*name).to_owned(), json!(name)))
            .collect();
        projects.push(json!({
            "name": name,
            "repository": format!("https://git.example/{name}"),
            "ref": {"tag": refs[index % refs.len()]},
            "secretRef": name,
            "targetNamespace": name,
            "labels": keys, "annotations": keys,
            "substitutions": variables,
            "dependsOn": [{"external": "yes-2"}],
            "watchPaths": ["on", "1e3"],
        }));
    }
    for (index, name) in refs.iter().enumerate() {
        let repository = format!("https://git.example/r{index}");
        projects.push(
            json!({"name": format!("r{index}"), "repository": repository, "ref": {"branch": name}}),
        );
    }
    let clusters = ["on", "no", "123"].map(|name| json!({"name": name}));
    write_fleet(
        folder.path(),
        &json!({"projects": projects, "clusters": clusters, "names": "{object}"}),
    );
    let documents = assert_read_alike(folder.path());
    assert_eq!(documents.len(), 3 * 2 * (names.len() + refs.len()));
    for document in &documents {
        let name = document["metadata"]["name"]
            .as_str()
            .expect("a name is text");
        if document["kind"] == "GitRepository" && names.contains(&name) {
            assert_eq!(document["spec"]["secretRef"]["name"], name);
            for name in names {
                assert_eq!(document["metadata"]["labels"][name], name, "{document}");
            }
        }
        if let Some(number) = name
            .strip_prefix('r')
            .and_then(|number| number.parse::<usize>().ok())
            && document["kind"] == "GitRepository"
        {
            assert_eq!(document["spec"]["ref"]["branch"], refs[number]);
        }
    }
}

/// The first lines of a file name files of the configuration: whoever names those writes no YAML with them.
#[cfg(unix)]
#[test]
fn names_of_files_add_nothing_to_what_is_written() {
    let folder = tempfile::tempdir().unwrap();
    folders::write(folder.path(), "environments/dev.yaml", ENVIRONMENT);
    let breaks = ["\n", "\r", "\u{85}", "\u{2028}", "\u{2029}", "\u{feff}"];
    for (index, line_break) in breaks.iter().enumerate() {
        let file = format!("projects/a{line_break}evil{index}: true {line_break}.yaml");
        let project = format!(
            "projects: [{{name: p{index}, repository: \"https://git.example/p{index}\"}}]\n"
        );
        folders::write(folder.path(), &file, project);
    }
    folders::write(
        folder.path(),
        "flux-setup.yaml",
        "include: [projects/*.yaml]\n",
    );
    let run = run_in(folder.path(), &["render", "--output", "out"]);
    assert_eq!(run.code, Some(0), "{}", run.stderr);
    for index in 0..breaks.len() {
        let file = folder.path().join(format!("out/dev/p{index}.yaml"));
        let text = fs::read_to_string(file).expect("a file a project");
        let documents = read_by_pyyaml(&text);
        let kinds: Vec<_> = documents.iter().map(|document| &document["kind"]).collect();
        assert_eq!(kinds, ["GitRepository", "Kustomization"], "{text}");
        assert!(
            documents
                .iter()
                .all(|document| document.as_object().expect("a map").len() == 4),
            "{text}"
        );
    }
}

/// It is told before anything is printed, not when half of the fleet is.
#[test]
fn a_document_that_is_too_long_is_refused_before_anything_is_printed() {
    let folder = tempfile::tempdir().unwrap();
    folders::write(folder.path(), "environments/dev.yaml", ENVIRONMENT);
    let project = |name: &str, length: usize| {
        let value = "\u{1}".repeat(length);
        let repository = format!("https://git.example/{name}");
        json!({"name": name, "repository": repository, "substitutions": {"VALUE": value}})
    };
    for (length, code) in [(250_000, 0), (265_000, 2)] {
        let projects = json!({"projects": [project("a", 1), project("b", length)]});
        write_fleet(folder.path(), &projects);
        for command in ["validate", "render"] {
            let run = run_in(folder.path(), &[command]);
            assert_eq!(run.code, Some(code), "{command}: {}", run.stderr);
            if code == 2 {
                assert_eq!(run.stdout, "");
                let message = "of project `b` in `dev`: its document is longer than 1048576 bytes";
                assert!(run.stderr.contains(message), "{}", run.stderr);
            }
        }
    }
}

/// What hostile text must be read back as; rendered and read once.
fn expected() -> &'static Vec<Value> {
    static EXPECTED: OnceLock<Vec<Value>> = OnceLock::new();
    EXPECTED.get_or_init(|| {
        let (text, _folder) = rendered(&|_| TAME.to_owned());
        let texts = corpus();
        let everywhere = texts.iter().position(|text| text == "on");
        let everywhere = everywhere.expect("it is in the corpus");
        let tame = read_by_pyyaml(&text);
        let counted: usize = tame
            .iter()
            .filter(|document| project(document) == everywhere)
            .map(|document| document.to_string().matches(TAME).count())
            .sum();
        assert_eq!(counted, PLACES);
        tame.iter()
            .map(|document| replaced(document, &texts[project(document)]))
            .collect()
    })
}

/// The stream of the hostile fleet, and its folder with the same as files in `out`.
fn printed() -> &'static (String, TempDir) {
    static PRINTED: OnceLock<(String, TempDir)> = OnceLock::new();
    PRINTED.get_or_init(|| {
        let (text, folder) = rendered(&str::to_owned);
        let run = run_in(folder.path(), &["render", "--output", "out"]);
        assert_eq!(run.code, Some(0), "{}", run.stderr);
        (text, folder)
    })
}

/// The number of the project that a document belongs to.
fn project(document: &Value) -> usize {
    let label = &document["metadata"]["labels"]["flux-setup.dev/project"];
    let name = label.as_str().and_then(|name| name.strip_prefix('p'));
    name.and_then(|number| number.parse().ok())
        .expect("it belongs to a project")
}

/// The document with a text in place of [`TAME`].
fn replaced(node: &Value, text: &str) -> Value {
    match node {
        Value::String(tame) => Value::String(tame.replace(TAME, text)),
        Value::Array(items) => items.iter().map(|item| replaced(item, text)).collect(),
        Value::Object(entries) => entries
            .iter()
            .map(|(key, item)| (key.replace(TAME, text), replaced(item, text)))
            .collect::<Map<_, _>>()
            .into(),
        other => other.clone(),
    }
}

fn identity(document: &Value) -> String {
    format!("{} {}", document["kind"], document["metadata"]["name"])
}

#[track_caller]
fn assert_same(read: &[Value], expected: &[Value], how: &str) {
    assert_eq!(read.len(), expected.len(), "documents {how}");
    for (read, expected) in read.iter().zip(expected) {
        assert!(
            read == expected,
            "{how} {} is read as\n{read}\ninstead of\n{expected}",
            identity(expected)
        );
    }
}

/// Renders a fleet; PyYAML must read of it what we read.
#[track_caller]
fn assert_read_alike(folder: &Path) -> Vec<Value> {
    let run = run_in(folder, &["render"]);
    assert_eq!(run.code, Some(0), "{}", run.stderr);
    let (ours, faults) = yaml::read(&run.stdout, 0);
    assert_eq!(faults, []);
    let ours: Vec<_> = ours.iter().map(yaml::Node::to_json).collect();
    let theirs = read_by_pyyaml(&run.stdout);
    assert_same(&theirs, &ours, "by PyYAML");
    theirs
}
