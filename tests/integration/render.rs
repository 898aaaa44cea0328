//! `render`: the manifests of a fleet on stdout, or as the files of a folder.

use std::fs;

use serde_json::Value;
use tempfile::TempDir;

use crate::binary::{Run, repository, run_in};
use crate::folders::write;

/// A fleet of two projects in two environments, and a folder for its manifests beside it.
fn small_fleet() -> TempDir {
    let folder = tempfile::tempdir().expect("a temporary folder can be made");
    let environment = "ref: {branch: main}\npath: ./deploy\nprune: true\n";
    write(folder.path(), "environments/dev.yaml", environment);
    write(folder.path(), "environments/prod.yaml", environment);
    write(folder.path(), "flux-setup.yaml", FLEET);
    folder
}

const FLEET: &str = "\
projects:
  - {name: api, repository: https://github.com/acme/api}
  - {name: web, repository: https://github.com/acme/web, dependsOn: [api]}
";

const FLEET_WITHOUT_WEB: &str = "\
projects:
  - {name: api, repository: https://github.com/acme/api}
";

fn render_to_out(folder: &TempDir, more: &[&str]) -> Run {
    let arguments = [&["render", "--output", "out"], more].concat();
    run_in(folder.path(), &arguments)
}

fn documents(run: &Run) -> usize {
    run.stdout.lines().filter(|line| *line == "---").count()
}

#[test]
fn the_sample_fleet_gives_156_documents_sources_first() {
    let run = run_in(repository(), &["render"]);
    assert_eq!(run.code, Some(0), "{}", run.stderr);
    assert_eq!(documents(&run), 156);
    let kinds: Vec<_> = run
        .stdout
        .lines()
        .filter(|line| line.starts_with("kind: "))
        .collect();
    assert_eq!(kinds[..78], ["kind: GitRepository"; 78]);
    assert_eq!(kinds[78..], ["kind: Kustomization"; 78]);
    assert_eq!(
        run.stderr,
        "156 documents: 78 GitRepository, 78 Kustomization\n"
    );
}

#[test]
fn the_starter_fleet_renders_at_once() {
    let folder = tempfile::tempdir().unwrap();
    run_in(folder.path(), &["init"]);
    let run = run_in(folder.path(), &["render"]);
    assert_eq!(run.code, Some(0), "{}", run.stderr);
    assert_eq!(
        run.stderr,
        "12 documents: 6 GitRepository, 6 Kustomization\n"
    );
}

#[test]
fn the_fleet_that_uses_everything_renders() {
    let fleet = repository().join("tests/fleets/everything");
    let run = run_in(&fleet, &["render"]);
    assert_eq!(run.code, Some(0), "{}", run.stderr);
    assert!(run.stderr.contains("102 documents: "), "{}", run.stderr);
}

#[test]
fn names_and_patterns_select_what_is_printed() {
    let select = |arguments: &[&str]| {
        let run = run_in(repository(), &[&["render"], arguments].concat());
        (run.code, documents(&run))
    };
    assert_eq!(select(&["--environment", "production"]), (Some(0), 52));
    assert_eq!(
        select(&["--environment", "prod*", "--environment", "staging"]),
        (Some(0), 104)
    );
    assert_eq!(
        select(&["--project", "web", "--cluster", "*-eu"]),
        (Some(0), 4)
    );
    assert_eq!(
        select(&["--project", "{web,api}", "--environment", "development"]),
        (Some(0), 4)
    );
}

#[test]
fn a_selection_that_names_nothing_is_refused_with_the_nearest_name() {
    let refused = |arguments: &[&str]| {
        let run = run_in(repository(), &[&["render"], arguments].concat());
        assert_eq!((run.code, run.stdout.as_str()), (Some(2), ""));
        run.stderr
    };
    assert_eq!(
        refused(&["--environment", "prodction"]),
        "error: unknown environment `prodction`; did you mean `production`?\n"
    );
    assert_eq!(
        refused(&["--cluster", "eu"]),
        "error: unknown cluster `eu`; known: prod-eu, staging-eu\n"
    );
    assert!(
        refused(&["--project", "x*"])
            .starts_with("error: `x*` matches no project; known: accounts, ")
    );
}

#[test]
fn with_any_fault_nothing_is_printed_and_nothing_is_written() {
    let folder = small_fleet();
    write(
        folder.path(),
        "flux-setup.yaml",
        FLEET.replace("[api]", "[apis]"),
    );
    for run in [
        run_in(folder.path(), &["render"]),
        render_to_out(&folder, &[]),
    ] {
        assert_eq!((run.code, run.stdout.as_str()), (Some(2), ""));
        assert!(
            run.stderr.contains("unknown project or object `apis`"),
            "{}",
            run.stderr
        );
    }
    assert!(!folder.path().join("out").exists());
}

#[test]
fn a_folder_that_was_just_written_is_up_to_date() {
    let folder = small_fleet();
    let run = render_to_out(&folder, &[]);
    assert_eq!(run.code, Some(0), "{}", run.stderr);
    assert_eq!(
        run.stderr,
        "out: 4 files written, 4 of them new, 0 unchanged\n"
    );
    let text = fs::read_to_string(folder.path().join("out/prod/web.yaml")).unwrap();
    assert!(text.starts_with("# flux-setup: prod/-/web\n"), "{text}");
    let run = render_to_out(&folder, &["--check"]);
    assert_eq!((run.code, run.stdout.as_str()), (Some(0), ""));
    assert_eq!(run.stderr, "out: 4 unchanged\n");
}

#[test]
fn a_check_of_a_folder_that_does_not_exist_makes_none() {
    let folder = small_fleet();
    let run = render_to_out(&folder, &["--check"]);
    assert_eq!(run.code, Some(1), "{}", run.stderr);
    assert!(!folder.path().join("out").exists());
    assert_eq!(
        run.stderr,
        "out: 4 files would be written, 4 of them new, 0 unchanged\n"
    );
}

#[test]
fn an_edited_and_a_deleted_file_are_named_and_come_back() {
    let folder = small_fleet();
    render_to_out(&folder, &[]);
    let edited = folder.path().join("out/dev/api.yaml");
    let text = fs::read_to_string(&edited).unwrap();
    fs::write(&edited, text.replace("interval: 1m", "interval: 1h")).unwrap();
    fs::remove_file(folder.path().join("out/prod/web.yaml")).unwrap();

    let run = render_to_out(&folder, &["--check"]);
    assert_eq!(run.code, Some(1));
    assert!(
        run.stdout.contains("\n-  interval: 1h\n+  interval: 1m\n"),
        "{}",
        run.stdout
    );
    for file in ["dev/api.yaml", "prod/web.yaml"] {
        assert!(
            run.stdout.contains(&format!("+++ b/{file}\n")),
            "{}",
            run.stdout
        );
    }
    assert_eq!(
        run.stderr,
        "out: 2 files would be written, 1 of them new, 2 unchanged\n"
    );

    assert_eq!(render_to_out(&folder, &[]).code, Some(0));
    assert_eq!(fs::read_to_string(&edited).unwrap(), text);
    assert_eq!(render_to_out(&folder, &["--check"]).code, Some(0));
}

#[test]
fn what_nothing_asks_for_stays_until_it_is_pruned_and_files_of_others_stay_always() {
    let folder = small_fleet();
    render_to_out(&folder, &[]);
    write(folder.path(), "out/prod/mine.yaml", "a: 1\n");
    write(folder.path(), "flux-setup.yaml", FLEET_WITHOUT_WEB);
    let stale = folder.path().join("out/prod/web.yaml");

    for arguments in [&["--check"][..], &[]] {
        let run = render_to_out(&folder, arguments);
        assert_eq!(run.code, Some(1), "{}", run.stderr);
        assert!(run.stdout.contains("  prod/web.yaml\n    GitRepository flux-system/web-prod\n    Kustomization flux-system/web-prod and all that it applied\n"), "{}", run.stdout);
        assert!(stale.exists());
    }
    let run = render_to_out(&folder, &["--prune"]);
    assert_eq!(run.code, Some(0), "{}", run.stderr);
    assert!(
        run.stdout
            .starts_with("removed, for nothing asks for it any more")
    );
    assert!(!stale.exists());
    assert!(folder.path().join("out/prod/mine.yaml").exists());
    assert_eq!(render_to_out(&folder, &["--check"]).code, Some(0));
}

#[test]
fn only_what_is_selected_is_pruned() {
    let folder = small_fleet();
    render_to_out(&folder, &[]);
    write(folder.path(), "flux-setup.yaml", FLEET_WITHOUT_WEB);
    let run = render_to_out(&folder, &["--prune", "--environment", "dev"]);
    assert_eq!(run.code, Some(0), "{}", run.stderr);
    assert!(!folder.path().join("out/dev/web.yaml").exists());
    assert!(folder.path().join("out/prod/web.yaml").exists());
}

#[test]
fn a_renamed_object_comes_with_the_steps_that_lose_nothing() {
    let folder = small_fleet();
    render_to_out(&folder, &[]);
    write(
        folder.path(),
        "flux-setup.yaml",
        format!("names: \"{{environment}}-{{object}}\"\n{FLEET}"),
    );
    let run = render_to_out(
        &folder,
        &["--check", "--project", "api", "--environment", "dev"],
    );
    assert_eq!(run.code, Some(1));
    let heading = "renamed in dev/-/api: Kustomization flux-system/api-dev and all that it applied to dev-api\n  1. ";
    assert!(run.stdout.contains(heading), "{}", run.stdout);
}

#[test]
fn for_machines_the_report_of_a_folder_is_json() {
    let folder = small_fleet();
    let run = render_to_out(&folder, &["--check", "--format", "json"]);
    let report: Value = serde_json::from_str(&run.stdout).unwrap();
    assert_eq!(run.code, Some(1));
    assert_eq!(report["written"][0]["path"], "dev/api.yaml");
    assert_eq!(report["written"][0]["new"], true);
    assert_eq!(report["differences"].as_array().unwrap().len(), 4);
    assert_eq!(report["unchanged"], 0);
}

#[test]
fn a_kustomization_that_leaves_our_files_out_is_a_warning() {
    let folder = small_fleet();
    render_to_out(&folder, &[]);
    write(
        folder.path(),
        "out/prod/kustomization.yaml",
        "resources: [api.yaml]\n",
    );
    let run = render_to_out(&folder, &["--check"]);
    assert_eq!(run.code, Some(0));
    assert!(
        run.stderr.starts_with("warning: out/prod/kustomization.yaml does not list prod/web.yaml, so kustomize leaves it out\n"),
        "{}",
        run.stderr
    );
}

#[test]
fn check_and_prune_speak_of_a_folder_and_exclude_each_other() {
    for arguments in [
        &["render", "--check"][..],
        &["render", "--prune"],
        &["render", "--output", "out", "--check", "--prune"],
    ] {
        let run = run_in(repository(), arguments);
        assert_eq!(run.code, Some(2), "{arguments:?}");
        assert!(run.stderr.starts_with("error: "), "{}", run.stderr);
    }
    assert!(!repository().join("out").exists());
}

#[test]
fn a_difference_is_coloured_where_colours_are_wanted() {
    let folder = small_fleet();
    render_to_out(&folder, &[]);
    let file = folder.path().join("out/dev/api.yaml");
    let text = fs::read_to_string(&file).unwrap();
    fs::write(&file, text.replace("interval: 1m", "interval: 1h\u{1b}[2J")).unwrap();
    let run = render_to_out(&folder, &["--check", "--color", "always"]);
    for says in [
        "\u{1b}[1m--- a/dev/api.yaml\u{1b}[0m\n",
        "\u{1b}[31m-  interval: 1h\u{fffd}[2J\u{1b}[0m\n",
        "\u{1b}[32m+  interval: 1m\u{1b}[0m\n",
    ] {
        assert!(run.stdout.contains(says), "{:?}", run.stdout);
    }
    let run = render_to_out(&folder, &["--check"]);
    assert!(!run.stdout.contains('\u{1b}'), "{:?}", run.stdout);
}

#[test]
fn the_summary_counts_what_goes_and_whose_workloads_go_with_it() {
    let folder = small_fleet();
    render_to_out(&folder, &[]);
    write(folder.path(), "flux-setup.yaml", FLEET_WITHOUT_WEB);
    assert_eq!(
        render_to_out(&folder, &["--check"]).stderr,
        "out: 2 unchanged, 2 left over, 2 objects whose workloads go with them\n"
    );
    assert_eq!(
        render_to_out(&folder, &["--prune"]).stderr,
        "out: 2 unchanged, 2 removed, 2 objects whose workloads go with them\n"
    );
}

#[test]
fn how_long_each_step_took_is_said_to_those_who_ask() {
    let folder = small_fleet();
    let steps = |arguments: &[&str]| {
        let run = run_in(folder.path(), &[&["-v"], arguments].concat());
        let timed = run.stderr.lines().filter(|line| line.contains(" ms: "));
        let steps = timed.filter_map(|line| Some(line.split_once(" in ")?.0.to_owned()));
        steps.collect::<Vec<_>>()
    };
    let last = |arguments: &[&str]| steps(arguments).pop();
    assert_eq!(steps(&["validate"])[0], "read the configuration");
    assert_eq!(last(&["validate"]).as_deref(), Some("proved"));
    assert_eq!(last(&["render"]).as_deref(), Some("rendered"));
    assert_eq!(last(&["budget"]).as_deref(), Some("priced"));
    let folder = ["render", "--output", "out"];
    assert_eq!(last(&folder).as_deref(), Some("went through the folder"));
}

#[test]
fn credentials_that_somebody_wrote_into_a_file_are_masked_in_its_difference() {
    let folder = small_fleet();
    render_to_out(&folder, &[]);
    let file = folder.path().join("out/dev/api.yaml");
    let text = fs::read_to_string(&file).unwrap();
    let url = "https://bob:hunter2@github.com/acme/api";
    fs::write(&file, text.replace("https://github.com/acme/api", url)).unwrap();
    for format in ["text", "json"] {
        let run = render_to_out(&folder, &["--check", "--format", format]);
        assert_eq!(run.code, Some(1));
        assert!(
            run.stdout
                .contains("-  url: https://***@github.com/acme/api"),
            "{}",
            run.stdout
        );
        assert!(!run.stdout.contains("hunter2"));
    }
}

#[test]
fn what_is_said_with_gaps_holds_for_each_object_with_its_own_names() {
    let folder = tempfile::tempdir().unwrap();
    write(
        folder.path(),
        "environments/dev.yaml",
        "ref: {branch: main}\ncluster: eu\n",
    );
    write(
        folder.path(),
        "flux-setup.yaml",
        "\
names: \"{object}\"
defaults:
  namespace: team-{project}
  targetNamespace: \"{project}-{environment}\"
  serviceAccountName: \"{project}\"
  secretRef: \"{cluster}-{project}\"
  path: ./{environment}/{project}/{object}
  labels: {acme.example/tenant: \"{project}\", acme.example/of: \"{object}.v1\"}
clusters: [{name: eu}]
projects:
  - {name: web, repository: https://github.com/acme/web, objects: [{name: front}, {name: back, dependsOn: [front]}]}
  - {name: api, repository: https://github.com/acme/api, path: ./deploy}
  - {name: docs, source: {project: web}, namespace: team-web}
",
    );
    let run = run_in(folder.path(), &["render"]);
    assert_eq!(run.code, Some(0), "{}", run.stderr);
    let documents = run.stdout.split("---\n").skip(1);
    let said = documents.map(|document| {
        let keys = [
            "kind: ",
            "  name: ",
            "  namespace: ",
            "  acme.example",
            "    acme.example",
            "  path: ",
            "  targetNamespace: ",
            "  serviceAccountName: ",
            "    name: eu-",
        ];
        let lines = document
            .lines()
            .filter(|line| keys.iter().any(|key| line.starts_with(key)));
        lines.map(str::trim).collect::<Vec<_>>().join(", ")
    });
    let said: Vec<_> = said.collect();
    insta::assert_snapshot!(said.join("\n"), @r#"
    kind: GitRepository, name: api, namespace: team-api, acme.example/tenant: api, acme.example/of: api.v1, name: eu-api
    kind: GitRepository, name: web, namespace: team-web, acme.example/tenant: web, acme.example/of: web.v1, name: eu-web
    kind: Kustomization, name: api, namespace: team-api, acme.example/tenant: api, acme.example/of: api.v1, path: ./deploy, targetNamespace: api-dev, serviceAccountName: api
    kind: Kustomization, name: docs, namespace: team-web, acme.example/tenant: docs, acme.example/of: docs.v1, path: ./dev/docs/docs, targetNamespace: docs-dev, serviceAccountName: docs
    kind: Kustomization, name: front, namespace: team-web, acme.example/tenant: web, acme.example/of: front.v1, path: ./dev/web/front, targetNamespace: web-dev, serviceAccountName: web
    kind: Kustomization, name: back, namespace: team-web, acme.example/tenant: web, acme.example/of: back.v1, path: ./dev/web/back, targetNamespace: web-dev, serviceAccountName: web
    "#);
}
