//! `schema`: what editors are told is what the loader takes.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use flux_setup::config::{Finding, load};
use flux_setup::flux::yaml;
use jsonschema::Validator;
use serde_json::{Map, Value, json};

use crate::binary::{repository, run_in};
use crate::folders::{files, write};
use crate::unknown_keys;

/// One in so many changes is tried at a place, another at the next.
const EACH: usize = 11;

/// What a schema cannot see: what several values or files say together, and the syntax of what others
/// define.
const NOT_OF_SHAPE: [&str; 26] = [
    "unknown identity",
    "is no App",
    "is listed twice",
    "is there twice",
    "matches no file",
    "is missing",
    "includes itself",
    "is no pattern",
    "holds no CustomResourceDefinition",
    "stands in a file that is called",
    "cannot be:",
    "is no path of a file below a folder",
    "is no address to listen on",
    "is no network of addresses",
    "the address of the store",
    "expected a web address",
    "names no path",
    "is no URL",
    "is no address",
    "starts with `oci://`",
    "is no Git repository",
    "has no scheme",
    "has no repository",
    "URL",
    "address",
    "cannot be read",
];

fn schema(file: &str) -> Value {
    let run = run_in(repository(), &["schema", file]);
    assert_eq!((run.code, &*run.stderr), (Some(0), ""));
    serde_json::from_str(&run.stdout).expect("it is JSON")
}

fn validator(file: &str) -> Validator {
    let schema = schema(file);
    jsonschema::draft202012::meta::validate(&schema).expect("it is a schema");
    jsonschema::draft202012::new(&schema).expect("it is a schema")
}

fn read(path: &Path) -> Value {
    let text = fs::read_to_string(path).expect("a readable file");
    let (documents, faults) = yaml::read(&text, 0);
    assert_eq!(faults, []);
    documents[0].to_json()
}

/// A fleet whose files are JSON, which is YAML too.
#[derive(Clone)]
struct Json {
    /// The file that is changed, and which schema is its.
    file: String,
    of: &'static str,
    document: Value,
}

/// Every file of the fleets of the repository with the schema that is its.
fn samples() -> Vec<(&'static Path, Json)> {
    let mut samples = Vec::new();
    for fleet in ["", "tests/fleets/everything", "src/cli/init"] {
        let folder = repository().join(fleet);
        let folder: &'static Path = Box::leak(folder.into_boxed_path());
        let mut add = |file: String, of| {
            let document = read(&folder.join(&file));
            samples.push((folder, Json { file, of, document }));
        };
        add("flux-setup.yaml".to_owned(), "config");
        for (below, of) in [("environments", "environment"), ("projects", "included")] {
            let Ok(entries) = fs::read_dir(folder.join(below)) else {
                continue;
            };
            for entry in entries {
                let name = entry
                    .expect("a readable folder")
                    .file_name()
                    .into_string()
                    .expect("a readable folder");
                add(format!("{below}/{name}"), of);
            }
        }
    }
    samples
}

/// A copy of a fleet, in which one file after another is changed.
struct Copy {
    folder: tempfile::TempDir,
}

impl Copy {
    fn of(fleet: &Path) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder can be made");
        for part in [
            "flux-setup.yaml",
            "environments",
            "projects",
            "crds",
            "templates",
        ] {
            let path = fleet.join(part);
            if path.is_dir() {
                for (file, text) in files(&path) {
                    write(folder.path(), &format!("{part}/{}", file.display()), text);
                }
            } else if path.is_file() {
                write(
                    folder.path(),
                    part,
                    fs::read(path).expect("a readable file"),
                );
            }
        }
        Self { folder }
    }

    fn findings(&self, file: &str, document: &Value) -> Vec<Finding> {
        write(self.folder.path(), file, document.to_string());
        let mut findings = load(self.folder.path()).1;
        findings.retain(|one| one.severity == flux_setup::config::Severity::Error);
        findings
    }
}

#[test]
fn each_file_of_each_fleet_holds_by_its_schema() {
    let samples = samples();
    assert!(samples.len() > 12, "{}", samples.len());
    for (fleet, sample) in samples {
        let errors = validator(sample.of);
        let errors: Vec<_> = errors
            .iter_errors(&sample.document)
            .map(|error| error.to_string())
            .collect();
        assert_eq!(
            errors,
            Vec::<String>::new(),
            "{}/{}",
            fleet.display(),
            sample.file
        );
    }
}

/// Every place of a document, as a JSON pointer; the whole is the empty one.
fn places(value: &Value, at: &str, found: &mut Vec<String>) {
    found.push(at.to_owned());
    match value {
        Value::Object(entries) => {
            for (key, below) in entries {
                let key = key.replace('~', "~0").replace('/', "~1");
                places(below, &format!("{at}/{key}"), found);
            }
        }
        Value::Array(items) => {
            for (index, below) in items.iter().enumerate() {
                places(below, &format!("{at}/{index}"), found);
            }
        }
        _ => {}
    }
}

/// The document with something else at each place, and what it is.
fn mutants(document: &Value) -> Vec<(String, Value)> {
    let mut all = Vec::new();
    places(document, "", &mut all);
    let others = [
        json!(null),
        json!(true),
        json!(false),
        json!(1),
        json!(0),
        json!(-1.5),
        json!(""),
        json!("zz"),
        json!("Z Z"),
        json!("{zz}"),
        json!("{project}"),
        json!("0s"),
        json!("30"),
        json!("1h 30m"),
        json!("70%"),
        json!("170%"),
        json!([]),
        json!({}),
        json!(["zz"]),
        json!([1]),
        json!([null]),
        json!({"zz": 1}),
        json!({"zz": null}),
        json!({"env": "A"}),
        json!({"env": "A", "file": "b"}),
        json!({"branch": "main", "tag": "v1"}),
        json!({"branch": "main", "commit": "0123456789012345678901234567890123456789"}),
        json!({"after": "1m"}),
        json!({"external": "zz"}),
        json!({"source": "1m", "kustomization": null}),
    ];
    let mut mutants = Vec::new();
    for (number, place) in all.into_iter().enumerate() {
        for other in others.iter().skip(number % EACH).step_by(EACH) {
            let mut mutant = document.clone();
            *mutant.pointer_mut(&place).expect("the place is there") = other.clone();
            mutants.push((format!("{place} = {other}"), mutant));
        }
        if let Some((above, key)) = place.rsplit_once('/') {
            let mut mutant = document.clone();
            let key = key.replace("~1", "/").replace("~0", "~");
            match mutant.pointer_mut(above).expect("the place is there") {
                Value::Object(entries) => drop(entries.remove(&key)),
                Value::Array(items) => drop(items.remove(key.parse().expect("it is a number"))),
                _ => unreachable!("something lies below it"),
            }
            mutants.push((format!("without {place}"), mutant));
        }
        for (key, value) in [
            ("zz", json!(1)),
            ("timeout", json!("1m")),
            ("timeouts", json!({})),
            ("cluster", json!("zz")),
            ("source", json!({"project": "zz"})),
            ("ref", json!({"branch": "main"})),
            ("names", json!("{object}")),
            ("dependsOn", json!([])),
            ("interval", json!("1m")),
            ("substitute", json!({})),
            ("core", json!(1)),
            ("token", json!({"env": "A"})),
            ("organization", json!("acme")),
        ] {
            let mut mutant = document.clone();
            let at = mutant.pointer_mut(&place).expect("the place is there");
            let Some(entries) = at.as_object_mut() else {
                break;
            };
            if entries.insert(key.to_owned(), value).is_none() {
                mutants.push((format!("{place} + {key}"), mutant));
            }
        }
    }
    mutants
}

#[test]
fn what_a_schema_refuses_the_loader_refuses_and_it_refuses_whatever_is_wrong_in_shape() {
    let mut tried = [0; 2];
    let mut wrong = Vec::new();
    for (fleet, sample) in samples() {
        // one of each kind of file, of the fleet that uses everything
        let is_it = fleet.ends_with("everything") && !sample.file.ends_with("stage.yaml");
        if !is_it {
            continue;
        }
        let copy = Copy::of(fleet);
        let validator = validator(sample.of);
        assert!(copy.findings(&sample.file, &sample.document).is_empty());
        for (what, mutant) in mutants(&sample.document) {
            let findings = copy.findings(&sample.file, &mutant);
            let mut of_shape = findings.iter().filter(|finding| {
                let is_key =
                    finding.message.starts_with('`') && finding.message.ends_with("` is missing");
                let no_file = finding.message.contains('/') || finding.message.contains(".yaml");
                let is_missing = is_key
                    && !no_file
                    && finding
                        .hint
                        .as_deref()
                        .is_some_and(|hint| hint.starts_with("add `"));
                is_missing
                    || !NOT_OF_SHAPE
                        .iter()
                        .any(|part| finding.message.contains(part))
            });
            let is_valid = validator.is_valid(&mutant);
            tried[usize::from(is_valid)] += 1;
            if !is_valid && findings.is_empty() {
                wrong.push(format!(
                    "{}: {what}: only the schema refuses it",
                    sample.file
                ));
            }
            if is_valid && let Some(finding) = of_shape.next() {
                wrong.push(format!("{}: {what}: {}", sample.file, finding.message));
            }
        }
    }
    assert!(
        wrong.is_empty(),
        "{} of {tried:?}:\n{}",
        wrong.len(),
        wrong[..wrong.len().min(60)].join("\n")
    );
    assert!(tried.iter().all(|number| *number > 200), "{tried:?}");
}

/// The keys that a schema has at a path such as `projects[0].source`, in all forms that may stand there.
fn keys_at(schema: &Value, path: &str) -> BTreeSet<String> {
    let mut here = vec![schema];
    for step in path
        .replace('[', ".[")
        .split('.')
        .filter(|step| !step.is_empty())
    {
        let forms = forms(schema, here);
        here = forms
            .into_iter()
            .filter_map(|form| {
                if step.starts_with('[') {
                    return form.get("items");
                }
                let property = form.get("properties").and_then(|all| all.get(step));
                let rest = form
                    .get("additionalProperties")
                    .filter(|rest| rest.is_object());
                property.or(rest)
            })
            .collect();
    }
    let forms = forms(schema, here);
    let properties = forms
        .into_iter()
        .filter_map(|form| form.get("properties")?.as_object());
    properties.flat_map(Map::keys).cloned().collect()
}

/// Each of these, and what they refer to or choose from.
fn forms<'s>(schema: &'s Value, mut waiting: Vec<&'s Value>) -> Vec<&'s Value> {
    let mut found = Vec::new();
    while let Some(form) = waiting.pop() {
        if let Some(name) = form["$ref"].as_str() {
            waiting.extend(schema.pointer(name.trim_start_matches('#')));
        }
        waiting.extend(form["anyOf"].as_array().into_iter().flatten());
        found.push(form);
    }
    found
}

#[test]
fn the_keys_of_a_schema_are_those_that_the_loader_knows() {
    // what speaks of a source is known at an object, and refused with a word of its own
    const OF_SOURCES: [&str; 7] = [
        "ref",
        "secretRef",
        "provider",
        "webhook",
        "watchPaths",
        "gitRepository",
        "ociRepository",
    ];
    let findings = unknown_keys::findings();
    let mut compared = 0;
    for finding in &findings {
        let hint = finding["hint"].as_str().unwrap_or_default();
        let Some(known) = hint.strip_prefix("known here: ") else {
            continue;
        };
        let of = match finding["file"].as_str().unwrap() {
            "flux-setup.yaml" => "config",
            "part.yaml" => "included",
            _ => "environment",
        };
        let path = finding["path"].as_str().unwrap();
        let path = path.strip_suffix("zzzzzzzz").unwrap().trim_end_matches('.');
        let is_object = path.starts_with("projects[0].objects[0]");
        let known = known
            .split(", ")
            .filter(|key| !(is_object && OF_SOURCES.contains(key)));
        let known: BTreeSet<String> = known.map(str::to_owned).collect();
        assert_eq!(keys_at(&schema(of), path), known, "{of}: {path}");
        compared += 1;
    }
    assert_eq!(compared, 30, "{findings:#?}");
}

/// The keys of which an editor would show nothing.
fn without_a_word(schema: &Value, path: &str, silent: &mut Vec<String>) {
    match schema {
        Value::Object(map) => {
            let keys = map.get("properties").and_then(Value::as_object);
            for (key, one) in keys.into_iter().flatten() {
                // what only refuses a key says nothing of it
                let says = ["description", "$ref", "not"];
                if says.iter().all(|word| one.get(word).is_none()) {
                    silent.push(format!("{path}/{key}"));
                }
            }
            // what is refused is shown to nobody
            for (key, one) in map.iter().filter(|(key, _)| *key != "not") {
                without_a_word(one, &format!("{path}/{key}"), silent);
            }
        }
        Value::Array(items) => {
            for one in items {
                without_a_word(one, path, silent);
            }
        }
        _ => {}
    }
}

#[test]
fn each_schema_is_sound_and_says_what_keys_are_for() {
    for file in ["config", "environment", "included"] {
        let schema = schema(file);
        jsonschema::draft202012::meta::validate(&schema).unwrap();
        assert_eq!(
            schema["$schema"],
            "https://json-schema.org/draft/2020-12/schema"
        );
        let settings = schema["$defs"].as_object().unwrap();
        assert!(
            settings["intervals"]["description"]
                .as_str()
                .unwrap()
                .contains("production 5m")
        );
        let mut silent = Vec::new();
        without_a_word(&schema, "", &mut silent);
        assert!(silent.is_empty(), "{file}: {silent:?}");
    }
    let lines = run_in(repository(), &["schema", "config"])
        .stdout
        .lines()
        .count();
    assert!(lines < 100, "{lines}");
    let refused = run_in(repository(), &["schema", "fleet"]);
    assert_eq!(refused.code, Some(2));
    assert!(
        refused
            .stderr
            .contains("[possible values: config, environment, included]")
    );
}
