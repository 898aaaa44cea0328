//! The GitHub Action and the hooks of pre-commit, as their runners run them; and what other programs write
//! into a configuration.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;

use flux_setup::flux::yaml;
use regex::Regex;
use serde_json::Value;
use tempfile::TempDir;

use crate::binary::{repository, run_in};
use crate::fleet::Fleet;
use crate::folders::write;

const BINARY: &str = env!("CARGO_BIN_EXE_flux-setup");

fn read(file: &str) -> Value {
    let text = fs::read_to_string(repository().join(file)).expect("a readable file");
    let (documents, faults) = yaml::read(&text, 0);
    assert_eq!(faults, []);
    documents[0].to_json()
}

/// A runner of GitHub, as far as the Action asks one.
struct Runner {
    top: TempDir,
    inputs: BTreeMap<String, String>,
    /// By step and name.
    outputs: BTreeMap<String, String>,
    /// What a cache has.
    is_cached: bool,
    /// As `rustc` names itself.
    toolchain: &'static str,
}

/// What a job came to: the steps that ran, and where it failed what that said.
#[derive(Debug)]
struct Job {
    ran: Vec<String>,
    said: String,
    failed: Option<i32>,
    summary: String,
}

impl Runner {
    fn new(inputs: &[(&str, &str)]) -> Self {
        let defaults = read("action.yml")["inputs"].clone();
        let defaults = defaults.as_object().expect("it is a map").iter();
        let mut all: BTreeMap<String, String> = defaults
            .map(|(name, input)| {
                (
                    name.clone(),
                    input["default"].as_str().expect("it is text").to_owned(),
                )
            })
            .collect();
        for (name, value) in inputs {
            assert!(
                all.insert((*name).to_owned(), (*value).to_owned())
                    .is_some(),
                "{name}"
            );
        }
        Self {
            top: tempfile::tempdir().expect("a temporary folder can be made"),
            inputs: all,
            outputs: BTreeMap::new(),
            is_cached: false,
            toolchain: "rustc 1.94",
        }
    }

    /// A text with `${{ … }}` filled in.
    fn filled(&self, text: &str) -> String {
        let expression = Regex::new(r"\$\{\{ ([^}]*) \}\}").expect("it is a pattern");
        let filled = expression.replace_all(text, |found: &regex::Captures<'_>| {
            let name = &found[1];
            match name.split_once('.').expect("it has this form") {
                ("inputs", input) => self.inputs[input].clone(),
                ("github", "action_path") => repository().display().to_string(),
                ("runner", "temp") => self.top.path().display().to_string(),
                ("runner", _) => "X".to_owned(),
                ("steps", output) => self.outputs.get(output).cloned().unwrap_or_default(),
                _ => panic!("{name}"),
            }
        });
        filled.into_owned()
    }

    fn is_wanted(&self, condition: &Value) -> bool {
        let Some(condition) = condition.as_str() else {
            return true;
        };
        let (name, is_empty) = condition
            .strip_suffix(" == ''")
            .map(|name| (name, true))
            .or_else(|| condition.strip_suffix(" != ''").map(|name| (name, false)))
            .unwrap_or_else(|| panic!("{condition}"));
        let value = match name.split_once('.').expect("it has this form") {
            ("inputs", input) => self.inputs.get(input),
            ("steps", output) => self.outputs.get(output),
            _ => panic!("{name}"),
        };
        value.is_none_or(String::is_empty) == is_empty
    }

    fn run(&mut self, workspace: &Path) -> Job {
        let file = |name: &str| self.top.path().join(name);
        let (outputs, summary, programs) = (file("outputs"), file("summary"), file("programs"));
        // stands for the compiler: what matters is what it is asked
        write(
            &programs,
            "cargo",
            format!(
                "#!/bin/sh\necho \"cargo $*\"\nmkdir -p \"$6/bin\"\ncp '{BINARY}' \"$6/bin/flux-setup\"\n"
            ),
        );
        let toolchain = &self.toolchain;
        write(&programs, "rustc", format!("#!/bin/sh\necho {toolchain}\n"));
        for program in ["cargo", "rustc"] {
            fs::set_permissions(programs.join(program), fs::Permissions::from_mode(0o755))
                .expect("a temporary folder can be written");
        }
        let mut job = Job {
            ran: Vec::new(),
            said: String::new(),
            failed: None,
            summary: String::new(),
        };
        for step in read("action.yml")["runs"]["steps"]
            .as_array()
            .expect("it is a list")
        {
            if !self.is_wanted(&step["if"]) {
                continue;
            }
            job.ran
                .push(step["name"].as_str().expect("it is text").to_owned());
            let Some(script) = step["run"].as_str() else {
                assert_eq!(step["uses"], "actions/cache@v4");
                let path = self.filled(step["with"]["path"].as_str().expect("it is text"));
                if self.is_cached {
                    write(
                        Path::new(&path),
                        "bin/flux-setup",
                        fs::read(BINARY).expect("a readable file"),
                    );
                    let binary = Path::new(&path).join("bin/flux-setup");
                    fs::set_permissions(binary, fs::Permissions::from_mode(0o755))
                        .expect("a temporary folder can be written");
                }
                continue;
            };
            assert_eq!(step["shell"], "bash");
            write(self.top.path(), "script", script);
            write(self.top.path(), "outputs", "");
            let mut shell = Command::new("bash");
            shell
                .args(["--noprofile", "--norc", "-euo", "pipefail"])
                .arg(file("script"))
                .current_dir(workspace)
                .env_clear()
                .env("PATH", format!("{}:/usr/bin:/bin", programs.display()))
                .env("RUNNER_TEMP", self.top.path())
                .env("GITHUB_OUTPUT", &outputs)
                .env("GITHUB_STEP_SUMMARY", &summary);
            for (name, value) in step["env"].as_object().expect("it is a map") {
                shell.env(name, self.filled(value.as_str().expect("it is text")));
            }
            let output = shell.output().expect("there is a shell");
            job.said += &String::from_utf8_lossy(&output.stdout);
            job.said += &String::from_utf8_lossy(&output.stderr);
            for line in fs::read_to_string(&outputs)
                .expect("a readable file")
                .lines()
            {
                let (name, value) = line.split_once('=').expect("it has this form");
                let name = format!(
                    "{}.outputs.{name}",
                    step["id"].as_str().expect("it is text")
                );
                self.outputs.insert(name, value.to_owned());
            }
            if !output.status.success() {
                job.failed = output.status.code();
                break;
            }
        }
        job.summary = fs::read_to_string(&summary).unwrap_or_default();
        job
    }
}

/// The commands that GitHub's runner obeys in what a step says. Source: `ActionCommandManager` and
/// `ActionCommand` in actions/runner.
fn commands(said: &str) -> Vec<&str> {
    let mut stopped_by = None;
    let mut obeyed = Vec::new();
    for line in said.lines() {
        let Some((name, value)) = line
            .trim_start()
            .strip_prefix("::")
            .and_then(|rest| rest.split_once("::"))
        else {
            continue;
        };
        match stopped_by {
            Some(token) if name == token => stopped_by = None,
            Some(_) => {}
            None if name == "stop-commands" => stopped_by = Some(value),
            None => obeyed.push(line),
        }
    }
    assert_eq!(stopped_by, None, "{said}");
    obeyed
}

/// A repository with a fleet and what was rendered of it.
fn workspace() -> Fleet {
    let fleet = Fleet::new();
    let run = fleet.run(&["init", "fleet"]);
    assert_eq!(run.code, Some(0), "{}", run.stderr);
    let run = fleet.run(&["render", "--config", "fleet", "--output", "clusters"]);
    assert_eq!(run.code, Some(0), "{}", run.stderr);
    fleet
}

const SOUND: [(&str, &str); 4] = [
    ("config", "fleet"),
    ("output", "clusters"),
    ("manifests", "clusters"),
    ("fail-above", "70%"),
];

#[test]
fn the_action_builds_the_program_once_and_proves_a_fleet_with_it() {
    let fleet = workspace();
    let mut runner = Runner::new(&SOUND);
    let job = runner.run(fleet.path());
    assert_eq!(job.failed, None, "{}", job.said);
    assert_eq!(
        job.ran,
        [
            "Find flux-setup",
            "Look for it in the cache",
            "Build it",
            "Validate",
            "Validate manifests",
            "Check the rendered folder",
            "Budget",
        ]
    );
    let built = format!(
        "cargo install --locked --path {} --root ",
        repository().display()
    );
    assert!(job.said.starts_with(&built), "{}", job.said);
    for says in [
        "sound: 2 projects",
        "sound: 12 documents judged",
        "clusters: 6 unchanged",
        "passed: ",
    ] {
        assert!(job.said.contains(says), "{says}: {}", job.said);
    }
    let key = runner.outputs["program.outputs.key"].clone();
    assert_eq!(key.len(), 40, "{key}");
    // what the cache has is not built again
    let mut again = Runner::new(&SOUND);
    again.is_cached = true;
    let job = again.run(fleet.path());
    assert_eq!(job.failed, None, "{}", job.said);
    assert!(!job.said.contains("cargo install"), "{}", job.said);
    assert_eq!(again.outputs["program.outputs.key"], key);
    let mut newer = Runner::new(&SOUND);
    newer.toolchain = "rustc 1.95";
    newer.run(fleet.path());
    assert_ne!(newer.outputs["program.outputs.key"], key);
}

#[test]
fn the_action_judges_manifests_where_there_is_no_configuration() {
    let fleet = workspace();
    let inputs = [("manifests", "clusters"), ("binary", BINARY)];
    let job = Runner::new(&inputs).run(fleet.path());
    assert_eq!(job.failed, None, "{}", job.said);
    assert_eq!(job.ran, ["Find flux-setup", "Validate manifests"]);
    // a configuration that lies there, or that is named, is proved too
    let job = Runner::new(&inputs).run(&fleet.path().join("fleet"));
    assert_eq!(job.ran[1], "Validate", "{}", job.said);
    let named = [&inputs[..], &[("config", "gone")]].concat();
    let job = Runner::new(&named).run(fleet.path());
    assert_eq!((job.failed, &*job.ran[1]), (Some(2), "Validate"));
    let job = Runner::new(&[("binary", BINARY)]).run(fleet.path());
    assert_eq!((job.failed, &*job.ran[1]), (Some(2), "Validate"));
}

#[test]
fn a_first_configuration_is_compared_with_none() {
    let fleet = workspace();
    let inputs = [
        ("config", "fleet"),
        ("binary", BINARY),
        ("compare", ".base/fleet"),
    ];
    let job = Runner::new(&inputs).run(fleet.path());
    assert_eq!(job.failed, None, "{}", job.said);
    assert_eq!(job.summary, "");
    assert_eq!(
        commands(&job.said),
        ["::notice title=flux-setup::what is compared with has no configuration yet"]
    );
}

#[test]
fn nothing_that_lies_in_the_repository_is_a_command_to_the_runner() {
    let fleet = workspace();
    let rendered = fleet.path().join("clusters/production/web.yaml");
    for hostile in ["::add-mask::production", "::error::owned"] {
        let folder = fleet.path().join("clusters").join(hostile);
        fs::create_dir(&folder).unwrap();
        fs::copy(&rendered, folder.join("web.yaml")).unwrap();
    }
    let inputs = [
        ("config", "fleet"),
        ("output", "clusters"),
        ("binary", BINARY),
    ];
    let job = Runner::new(&inputs).run(fleet.path());
    let mut lines = job.said.lines().map(str::trim_start);
    assert!(
        lines.any(|line| line.starts_with("::add-mask::production")),
        "{}",
        job.said
    );
    assert_eq!(commands(&job.said), [""; 0]);
    // what it is guarded by is another each time
    let token = |job: &Job| {
        let (_, behind) = job.said.split_once("::stop-commands::").unwrap();
        behind.lines().next().unwrap().to_owned()
    };
    let again = Runner::new(&inputs).run(fleet.path());
    assert_eq!(token(&job).len(), 32);
    assert_ne!(token(&job), token(&again));
}

#[test]
fn the_action_takes_a_program_that_is_there() {
    let fleet = workspace();
    let job = Runner::new(&[("config", "fleet"), ("binary", BINARY)]).run(fleet.path());
    assert_eq!(job.failed, None, "{}", job.said);
    assert_eq!(job.ran, ["Find flux-setup", "Validate", "Budget"]);
}

#[test]
fn the_action_fails_where_somebody_forgot_to_render_and_where_the_fleet_costs_too_much() {
    let fleet = workspace();
    let file = fleet.path().join("fleet/flux-setup.yaml");
    let text = fs::read_to_string(&file).unwrap();
    fs::write(&file, text.replace("\"3\"", "\"5\"")).unwrap();
    let inputs = [&SOUND[..], &[("binary", BINARY)]].concat();
    let job = Runner::new(&inputs).run(fleet.path());
    assert_eq!(job.failed, Some(1), "{}", job.said);
    assert_eq!(job.ran.last().unwrap(), "Check the rendered folder");
    assert!(job.said.contains("+      REPLICAS: \"5\""), "{}", job.said);
    let dear = [
        ("config", "fleet"),
        ("binary", BINARY),
        ("fail-above", "1%"),
    ];
    let job = Runner::new(&dear).run(fleet.path());
    assert_eq!(job.failed, Some(1), "{}", job.said);
    fs::write(&file, text.replace("dependsOn", "dependOn")).unwrap();
    let job = Runner::new(&inputs).run(fleet.path());
    assert_eq!(
        (job.failed, job.ran.last().unwrap().as_str()),
        (Some(2), "Validate")
    );
}

#[test]
fn the_action_puts_the_price_of_a_change_into_the_summary() {
    let (before, after) = (workspace(), workspace());
    let text = fs::read_to_string(after.path().join("fleet/environments/production.yaml")).unwrap();
    let after = after.file(
        "fleet/environments/production.yaml",
        &text.replace(
            "# intervals: {source: 10m, kustomization: 10m} ",
            "intervals: {source: 1m}  #",
        ),
    );
    let base = before.path().join("fleet").display().to_string();
    let inputs = [("config", "fleet"), ("binary", BINARY), ("compare", &base)];
    let job = Runner::new(&inputs).run(after.path());
    assert_eq!(job.failed, None, "{}", job.said);
    assert!(
        job.summary.contains("| `production` | 24 | "),
        "{}",
        job.summary
    );
    // the summary is there where the answer is no, too
    let job = Runner::new(&[&inputs[..], &[("fail-above", "1%")]].concat()).run(after.path());
    assert_eq!(job.failed, Some(1));
    assert!(
        job.summary.starts_with("### flux-setup: failed: "),
        "{}",
        job.summary
    );
}

#[test]
fn the_action_judges_what_is_new_and_compares_with_what_is_there() {
    let fleet = workspace();
    let file = |name: &str, text: &str| fs::write(fleet.path().join(name), text);
    file("clusters/notes.yaml", "kind: notes\n").unwrap();
    let widget = "apiVersion: acme.io/v1\nkind: Widget\nmetadata: {name: a}\nspec: {size: big}\n";
    file("clusters/widget.yaml", widget).unwrap();
    let inputs = [("manifests", "clusters"), ("binary", BINARY)];
    let failed =
        |more: &[(&str, &str)]| Runner::new(&[&inputs[..], more].concat()).run(fleet.path());
    assert_eq!(failed(&[]).failed, Some(2));
    let excluded = failed(&[("exclude", "notes.yaml\n")]);
    assert_eq!(excluded.failed, None, "{}", excluded.said);
    let crd = "apiVersion: apiextensions.k8s.io/v1\nkind: CustomResourceDefinition\nmetadata: {name: widgets.acme.io}\n\
        spec:\n  group: acme.io\n  scope: Namespaced\n  names: {kind: Widget, plural: widgets}\n  versions:\n  - name: v1\n    \
        served: true\n    storage: true\n    schema: {openAPIV3Schema: {type: object, properties: {spec: {type: object, properties: {size: {type: integer}}}}}}\n";
    file("crd.yaml", crd).unwrap();
    let judged = [
        ("exclude", "notes.yaml"),
        ("crds", "crd.yaml"),
        ("flux-version", "2.9"),
    ];
    let job = failed(&judged);
    assert_eq!(job.failed, Some(2));
    assert!(job.said.contains("widget.yaml"), "{}", job.said);
    let wrote = run_in(
        fleet.path(),
        &[
            "validate",
            "--manifests",
            "clusters",
            "--exclude",
            "notes.yaml",
            "--crds",
            "crd.yaml",
            "--baseline",
            "known.json",
            "--write-baseline",
        ],
    );
    assert_eq!(wrote.code, Some(0), "{}", wrote.stderr);
    let job = failed(&[&judged[..], &[("baseline", "known.json")]].concat());
    assert_eq!(job.failed, None, "{}", job.said);

    let against = [
        ("config", "fleet"),
        ("against", "clusters"),
        ("binary", BINARY),
    ];
    let compare = |more: &[(&str, &str)]| {
        Runner::new(&[&against[..], &[("exclude", "notes.yaml")], more].concat()).run(fleet.path())
    };
    let job = compare(&[]);
    assert_eq!(job.failed, None, "{}", job.said);
    let text = fs::read_to_string(fleet.path().join("fleet/environments/production.yaml")).unwrap();
    file(
        "fleet/environments/production.yaml",
        &format!("{text}labels: {{team: web}}\n"),
    )
    .unwrap();
    let job = compare(&[]);
    assert_eq!(job.failed, Some(1), "{}", job.said);
    assert_eq!(compare(&[("allow", "changed")]).failed, None);
}

#[test]
fn no_script_of_the_action_holds_what_a_caller_gives() {
    let action = read("action.yml");
    for step in action["runs"]["steps"].as_array().unwrap() {
        let script = step["run"].as_str().unwrap_or_default();
        assert!(!script.contains("${{"), "{step:#}");
    }
    // nor does a shell take it for more than a word
    let fleet = workspace();
    for hostile in [
        "$(touch owned)",
        "a; touch owned",
        "\"; touch owned; \"",
        "--output=owned",
        "`touch owned`",
    ] {
        for input in [
            "config",
            "output",
            "manifests",
            "crds",
            "exclude",
            "flux-version",
            "baseline",
            "against",
            "allow",
            "fail-above",
            "compare",
            "binary",
        ] {
            let mut inputs = vec![
                ("config", "fleet"),
                ("output", "clusters"),
                ("manifests", "clusters"),
                ("against", "clusters"),
                ("binary", BINARY),
            ];
            inputs.retain(|(name, _)| *name != input);
            inputs.push((input, hostile));
            let job = Runner::new(&inputs).run(fleet.path());
            assert!(!fleet.path().join("owned").exists(), "{input}: {hostile}");
            // what is compared with need not be there yet, and a pattern need not find anything
            let is_fault = !["compare", "exclude"].contains(&input);
            assert_eq!(
                job.failed.is_some(),
                is_fault,
                "{input}: {hostile}: {}",
                job.said
            );
        }
    }
}

#[test]
fn the_hooks_of_pre_commit_run_what_they_say() {
    let fleet = workspace();
    let hooks = read(".pre-commit-hooks.yaml");
    let manifest = fs::read_to_string(repository().join("Cargo.toml")).unwrap();
    let run = |hook: &Value| {
        // pre-commit builds the programs of the crate, and runs the entry's words with the arguments
        assert_eq!(
            (&hook["language"], &hook["pass_filenames"]),
            (&"rust".into(), &false.into())
        );
        let mut words: Vec<_> = hook["entry"].as_str().unwrap().split(' ').collect();
        assert!(manifest.contains(&format!("[[bin]]\nname = \"{}\"", words.remove(0))));
        let args = hook["args"].as_array();
        words.extend(
            args.into_iter()
                .flatten()
                .map(|word| word.as_str().unwrap()),
        );
        let files = Regex::new(hook["files"].as_str().unwrap()).unwrap();
        for file in ["fleet/flux-setup.yaml", "environments/dev.yml"] {
            assert!(files.is_match(file), "{file}");
        }
        for word in &mut words {
            if *word == "manifests" {
                *word = "clusters";
            }
        }
        fleet.run(&[&words[..], &["--config", "fleet"]].concat())
    };
    let hooks = hooks.as_array().unwrap();
    assert_eq!(hooks.len(), 3);
    for hook in hooks {
        let done = run(hook);
        assert_eq!(done.code, Some(0), "{hook:#}: {}", done.stderr);
    }
    let file = fleet.path().join("fleet/flux-setup.yaml");
    let text = fs::read_to_string(&file).unwrap();
    fs::write(&file, text.replace("\"3\"", "\"5\"")).unwrap();
    let codes: Vec<_> = hooks.iter().map(|hook| run(hook).code.unwrap()).collect();
    assert_eq!(codes, [0, 1, 0]);
}

/// What Flux's image automation does: it sets the value of each line that its marker ends.
fn set_images(text: &str, policy: &str, value: &str) -> String {
    let marker = format!("# {{\"$imagepolicy\": \"{policy}\"}}");
    let line = Regex::new(r#"^(\s*[^:\s]+:\s+)("?)[^"\s]*("?\s+)"#).expect("it is a pattern");
    let lines = text.lines().map(|one| match one.ends_with(&marker) {
        true => line
            .replace(one, format!("${{1}}${{2}}{value}${{3}}"))
            .into_owned(),
        false => one.to_owned(),
    });
    lines.map(|line| line + "\n").collect()
}

const MARKED: &str = "\
ref: {branch: main}
path: ./deploy
substitutions:
  WEB_IMAGE: ghcr.io/acme/web:1.0.0 # {\"$imagepolicy\": \"flux-system:web\"}
  WEB_TAG: \"1.0.0\" # {\"$imagepolicy\": \"flux-system:web:tag\"}
  # renovate: datasource=helm depName=redis registryUrl=https://charts.example
  REDIS: \"20.1.0\"
";

fn substituted(fleet: &Fleet, name: &str) -> Value {
    let run = fleet.run(&["render", "--format", "json"]);
    assert_eq!(run.code, Some(0), "{}", run.stderr);
    let answer: Value = serde_json::from_str(&run.stdout).expect("it is JSON");
    answer["manifests"][1]["manifest"]["spec"]["postBuild"]["substitute"][name].clone()
}

fn marked() -> Fleet {
    let projects = "projects: [{name: web, repository: https://github.com/acme/web}]\n";
    Fleet::new()
        .file("flux-setup.yaml", projects)
        .file("environments/dev.yaml", MARKED)
}

#[test]
fn what_image_automation_sets_in_an_environment_is_what_is_rendered() {
    let fleet = marked();
    assert_eq!(substituted(&fleet, "WEB_TAG"), "1.0.0");
    let text = set_images(MARKED, "flux-system:web", "ghcr.io/acme/web:1.2.3");
    let text = set_images(&text, "flux-system:web:tag", "1.2.3");
    assert_eq!(text, MARKED.replace("1.0.0", "1.2.3"));
    let fleet = fleet.file("environments/dev.yaml", &text);
    assert_eq!(substituted(&fleet, "WEB_TAG"), "1.2.3");
    assert_eq!(substituted(&fleet, "WEB_IMAGE"), "ghcr.io/acme/web:1.2.3");
    assert_eq!(substituted(&fleet, "REDIS"), "20.1.0");
    // the marker stays where people own the text, and is in nothing that Flux applies
    let rendered = fleet.run(&["render"]).stdout;
    assert!(!rendered.contains("imagepolicy"), "{rendered}");
}

/// The configuration for Renovate that the README shows.
fn renovate() -> Value {
    let readme = fs::read_to_string(repository().join("README.md")).expect("a readable file");
    let (_, rest) = readme
        .split_once("<!-- file: ci/renovate.json -->\n```json\n")
        .expect("it is there");
    serde_json::from_str(rest.split("```").next().expect("it is JSON")).expect("it is JSON")
}

#[test]
fn what_renovate_finds_by_its_comment_and_sets_is_what_is_rendered() {
    let renovate = renovate();
    let manager = &renovate["customManagers"][0];
    assert_eq!(manager["customType"], "regex");
    let files = manager["managerFilePatterns"][0].as_str().unwrap();
    let files = Regex::new(files.trim_matches('/')).unwrap();
    assert!(files.is_match("fleet/environments/dev.yaml") && files.is_match("flux-setup.yaml"));
    assert!(!files.is_match("clusters/dev/web.json"));
    // Renovate reads such patterns by RE2, whose syntax this is
    let pattern = Regex::new(manager["matchStrings"][0].as_str().unwrap()).unwrap();
    let found = pattern.captures(MARKED).unwrap();
    assert_eq!(pattern.find_iter(MARKED).count(), 1);
    assert_eq!(&found["datasource"], "helm");
    assert_eq!(&found["depName"], "redis");
    assert_eq!(&found["registryUrl"], "https://charts.example");
    let value = found.name("currentValue").unwrap();
    assert_eq!(value.as_str(), "20.1.0");
    let mut text = MARKED.to_owned();
    text.replace_range(value.range(), "21.0.0");
    let fleet = marked().file("environments/dev.yaml", &text);
    assert_eq!(substituted(&fleet, "REDIS"), "21.0.0");
}

#[test]
fn the_sample_fleet_of_the_repository_passes_its_own_action() {
    let run = run_in(repository(), &["validate"]);
    assert_eq!(run.code, Some(0), "{}", run.stderr);
    let job = Runner::new(&[("binary", BINARY)]).run(repository());
    assert_eq!(job.failed, None, "{}", job.said);
}
