//! `budget --compare`, `--what-if` and `--patch`: what a change costs, and what is advised as one.

use std::fs;
use std::path::Path;
use std::process::Command;

use serde_json::{Value, json};

use crate::binary::{Run, repository, run_in};
use crate::fleet::Fleet;
use crate::folders::write;

/// Two projects in two environments of known kinds.
fn fleet() -> Fleet {
    Fleet::new()
        .file(
            "flux-setup.yaml",
            "budget: {failAbove: 2%}\nprojects:\n  - {name: web, repository: https://github.com/acme/web}\n  - {name: api, repository: https://github.com/acme/api}\n",
        )
        .file("environments/development.yaml", "ref: {branch: main}\npath: ./dev\n")
        .file("environments/production.yaml", "ref: {branch: main}\npath: ./prod\n")
}

fn parsed(run: &Run) -> Value {
    serde_json::from_str(&run.stdout).unwrap_or_else(|error| panic!("{error}: {run:#?}"))
}

#[test]
fn another_folder_is_the_price_before_and_this_one_the_price_after() {
    let (before, after) = (fleet(), fleet());
    let more = "  - {name: new, repository: https://github.com/acme/new}\n";
    let text = fs::read_to_string(after.path().join("flux-setup.yaml")).unwrap() + more;
    let after = after.file("flux-setup.yaml", &text);
    let folder = before.path().display().to_string();
    let run = after.run(&["budget", "--compare", &folder, "--format", "json"]);
    // 3 × (60 + 12) of 5,000 are more than 2 %
    assert_eq!(run.code, Some(1), "{}", run.stderr);
    let answer = parsed(&run);
    assert_eq!(answer["sources"], json!({"before": 4, "after": 6}));
    assert_eq!(answer["pollsPerHour"], json!({"before": 144, "after": 216}));
    let fleet_wide = answer["buckets"].as_array().unwrap().last().unwrap();
    assert_eq!(fleet_wide["profile"], "request-per-poll");
    assert_eq!(
        fleet_wide["requestsPerHour"],
        json!({"before": 144, "after": 216})
    );
    let projects = answer["projects"].as_array().unwrap();
    assert_eq!(projects.len(), 1);
    assert_eq!(projects[0]["name"], "new");
    assert_eq!(answer["verdict"]["passed"], false);
    let text = after.run(&["budget", "--compare", &folder]).stdout;
    insta::assert_snapshot!(text, @r"
    failed: 4.3 % is above 2 %: profile `request-per-poll`, bucket `* fleet core` (216 of 5,000 requests an hour)

    an hour                                       before  share  after  share  change
    flux-git
     github.com anonymous core                         0    0 %      0    0 %       0
    request-per-poll
     * fleet core                                    144  2.9 %    216  4.3 %     +72
    of request-per-poll, by environment
     development                                     120  2.4 %    180  3.6 %     +60
     production                                       24  0.5 %     36  0.7 %     +12
    of request-per-poll, by project that differs
     new                                               0    0 %     72  1.4 %     +72
    beside GitHub's limits
     sources                                           4             6             +2
     polls                                           144           216            +72
     git requests                                    144           216            +72
    ");
    let markdown = after.run(&["budget", "--compare", &folder, "--format", "markdown"]);
    insta::assert_snapshot!(markdown.stdout, @r"
    ### flux-setup: failed: 4.3 % is above 2 %: profile `request-per-poll`, bucket `* fleet core` (216 of 5,000 requests an hour)

    | an hour | before | share | after | share | change |
    |---|--:|--:|--:|--:|--:|
    | **flux-git** | | | | | |
    | `github.com anonymous core` | 0 | 0 % | 0 | 0 % | 0 |
    | **request-per-poll** | | | | | |
    | `* fleet core` | 144 | 2.9 % | 216 | 4.3 % | +72 |
    | **of request-per-poll, by environment** | | | | | |
    | `development` | 120 | 2.4 % | 180 | 3.6 % | +60 |
    | `production` | 24 | 0.5 % | 36 | 0.7 % | +12 |
    | **of request-per-poll, by project that differs** | | | | | |
    | `new` | 0 | 0 % | 72 | 1.4 % | +72 |
    | **beside GitHub's limits** | | | | | |
    | `sources` | 4 |  | 6 |  | +2 |
    | `polls` | 144 |  | 216 |  | +72 |
    | `git requests` | 144 |  | 216 |  | +72 |
    ");
    // the same is no change
    let same = before.run(&[
        "budget",
        "--compare",
        ".",
        "--format",
        "json",
        "--fail-above",
        "10%",
    ]);
    assert_eq!(same.code, Some(0));
    assert_eq!(parsed(&same)["projects"], json!([]));
}

#[test]
fn what_is_wrong_with_the_other_folder_is_told_with_its_place() {
    let other = fleet().file("environments/production.yaml", "reff: {branch: main}\n");
    let folder = other.path().display().to_string();
    let run = fleet().run(&["budget", "--compare", &folder]);
    assert_eq!((run.code, &*run.stdout), (Some(2), ""));
    assert!(
        run.stderr.contains("error: unknown key `reff`"),
        "{}",
        run.stderr
    );
    assert!(
        run.stderr
            .contains(&format!("{folder}/environments/production.yaml:1:1")),
        "{}",
        run.stderr
    );
    let missing = fleet().run(&["budget", "--compare", "nowhere"]);
    assert_eq!(missing.code, Some(2));
    assert!(
        missing
            .stderr
            .contains("cannot open the configuration folder"),
        "{}",
        missing.stderr
    );
}

#[test]
fn what_if_prices_other_intervals_without_a_change_of_the_configuration() {
    let fleet = fleet();
    let polls = |arguments: &[&str]| {
        let all = [
            &["budget", "--format", "json", "--fail-above", "100%"],
            arguments,
        ]
        .concat();
        let run = fleet.run(&all);
        assert_eq!(run.code, Some(0), "{}", run.stderr);
        let polls = parsed(&run)["pollsPerHour"].clone();
        (
            polls["before"].as_f64().unwrap(),
            polls["after"].as_f64().unwrap(),
        )
    };
    assert_eq!(polls(&["--what-if", "intervals=30s"]), (144.0, 480.0));
    assert_eq!(
        polls(&["--what-if", "environments.production.interval=1m"]),
        (144.0, 240.0)
    );
    assert_eq!(
        polls(&["--what-if", "projects.web.interval=1h"]),
        (144.0, 74.0)
    );
    let both = [
        "--what-if",
        "interval=1h",
        "--what-if",
        "projects.web.environments.production.interval=5m",
    ];
    assert_eq!(polls(&both), (144.0, 15.0));
    let gate = fleet.run(&["budget", "--what-if", "interval=30s", "--fail-above", "5%"]);
    assert_eq!(gate.code, Some(1));
    assert!(
        gate.stdout.starts_with("failed: 9.6 % is above 5 %: "),
        "{}",
        gate.stdout
    );
}

#[test]
fn what_if_that_cannot_be_is_refused_with_its_place() {
    let fleet = fleet();
    let run = fleet.run(&["budget", "--what-if", "environments.prodution.interval=1m"]);
    assert_eq!((run.code, &*run.stdout), (Some(2), ""));
    insta::assert_snapshot!(run.stderr, @r"
    error: unknown environment `prodution`
     --> --what-if:1:14
      |
    1 | environments.prodution.interval=1m
      |              ^^^^^^^^^
      |
      = help: did you mean `production`?

    1 error
    ");
    let what = "environments.prodution.interval=1m";
    let run = fleet.run(&["budget", "--what-if", what, "--format", "markdown"]);
    assert_eq!(run.code, Some(2));
    assert_eq!(
        run.stdout,
        "### flux-setup: 1 error\n\n**Errors (1)**\n\n- `--what-if:1:14`: unknown environment `prodution`  \n  did you mean `production`?\n"
    );
    let run = fleet.run(&["budget", "--what-if", "interval=5", "--format", "json"]);
    let finding = &parsed(&run)["findings"][0];
    assert_eq!(finding["message"], "the duration `5` has no unit");
    assert_eq!(
        (&finding["file"], &finding["column"]),
        (&json!("--what-if"), &json!(10))
    );
    let live = fleet.run(&["budget", "--live", "--what-if", "interval=5m"]);
    assert!(
        live.stderr.contains("cannot be used with"),
        "{}",
        live.stderr
    );
}

fn git_apply(folder: &Path, patch: &str) {
    write(folder, "advice.patch", patch);
    let output = Command::new("git")
        .args(["apply", "-v", "advice.patch"])
        .current_dir(folder)
        .env_clear()
        .env("PATH", "/usr/local/bin:/usr/bin:/bin")
        .env(
            "GIT_CEILING_DIRECTORIES",
            folder.parent().expect("it lies in a folder"),
        )
        .output()
        .expect("git is there");
    assert!(
        output.status.success(),
        "{}\n{patch}",
        String::from_utf8_lossy(&output.stderr)
    );
}

fn polls_per_hour(folder: &Path) -> f64 {
    let run = run_in(
        folder,
        &["budget", "--format", "json", "--fail-above", "100%"],
    );
    let report = parsed(&run);
    let lines = report["profiles"][1]["environments"]
        .as_array()
        .expect("it is there")
        .iter();
    lines
        .map(|line| line["pollsPerHour"].as_f64().expect("it is a number"))
        .sum()
}

/// Applies the advice for a fleet and holds it to its word; what the configuration says then.
fn advised(fleet: &Fleet, saves: f64) -> String {
    let before = polls_per_hour(fleet.path());
    let run = fleet.run(&["budget", "--patch", "--format", "json"]);
    assert_eq!(run.code, Some(0), "{}", run.stderr);
    let answer = parsed(&run);
    assert_eq!(answer["left"], json!([]));
    assert_eq!(answer["savesPollsPerHour"], saves);
    let text = fleet.run(&["budget", "--patch"]);
    assert_eq!(text.stdout, answer["patch"].as_str().expect("it is text"));
    git_apply(fleet.path(), &text.stdout);
    let sound = fleet.run(&["validate"]);
    assert_eq!(sound.code, Some(0), "{}", sound.stderr);
    assert_eq!(before - polls_per_hour(fleet.path()), saves);
    let again = fleet.run(&["budget", "--patch"]);
    assert_eq!(again.stdout, "");
    assert_eq!(
        again.stderr.lines().last(),
        Some("nothing is advised that a change of the configuration would do"),
    );
    text.stdout
}

#[test]
fn an_interval_changes_where_it_was_said_if_all_that_take_it_are_advised_the_same() {
    let fleet = fleet().file(
        "environments/production.yaml",
        "ref: {branch: main}\npath: ./prod\nintervals: {source: 30s, kustomization: 2m}  # soon\n",
    );
    let patch = advised(&fleet, 120.0);
    insta::assert_snapshot!(patch, @r##"
    --- a/environments/production.yaml
    +++ b/environments/production.yaml
    @@ -1,3 +1,3 @@
     ref: {branch: main}
     path: ./prod
    -intervals: {source: 30s, kustomization: 2m}  # soon
    +intervals: {source: 1m, kustomization: 2m}  # soon
    "##);
}

#[test]
fn what_only_some_are_advised_is_said_at_the_projects_environment() {
    let fleet = fleet()
        .file(
            "flux-setup.yaml",
            "defaults: {intervals: {source: 30s}}   # of all\nprojects:\n  - name: web   # the shop\n    repository: https://github.com/acme/web\n    ref: {semver: \">=1\"}\n    environments:\n      production: {wait: true}\n  - {name: api, repository: https://github.com/acme/api}\n",
        );
    // semver clones each time: 30m; the others 1m
    let patch = advised(&fleet, 2.0 * (120.0 - 2.0) + 2.0 * 60.0);
    insta::assert_snapshot!(patch, @r##"
    --- a/flux-setup.yaml
    +++ b/flux-setup.yaml
    @@ -4,5 +4,6 @@
         repository: https://github.com/acme/web
         ref: {semver: ">=1"}
         environments:
    -      production: {wait: true}
    -  - {name: api, repository: https://github.com/acme/api}
    +      development: {intervals: {source: 30m}}
    +      production: {wait: true, intervals: {source: 30m}}
    +  - {name: api, repository: https://github.com/acme/api, environments: {development: {intervals: {source: 1m}}, production: {intervals: {source: 1m}}}}
    "##);
}

#[test]
fn an_environment_of_no_kind_gets_an_interval_and_projects_share_a_source() {
    let fleet = Fleet::new()
        .file(
            "flux-setup.yaml",
            "include: [teams.yaml]\nprojects:\n  - name: web\n    repository: https://github.com/acme/mono\n    path: ./web\n",
        )
        .file(
            "teams.yaml",
            "projects:\n  - name: api\n    source:\n      kind: GitRepository\n      url: https://github.com/Acme/mono.git   # the same\n    path: ./api\n  - {name: own, repository: https://github.com/acme/own, path: ./own}\n",
        )
        .file("environments/test.yaml", "# no kind\nref: {branch: main}\n");
    // three sources at 30s; one goes, the others are polled each minute
    let patch = advised(&fleet, 120.0 + 60.0 + 60.0);
    insta::assert_snapshot!(patch, @"
    --- a/flux-setup.yaml
    +++ b/flux-setup.yaml
    @@ -1,5 +1,5 @@
     include: [teams.yaml]
     projects:
       - name: web
    -    repository: https://github.com/acme/mono
    +    source: {project: api}
         path: ./web
    --- a/environments/test.yaml
    +++ b/environments/test.yaml
    @@ -1,2 +1,3 @@
     # no kind
    +intervals: {source: 1m}
     ref: {branch: main}
    ");
}

#[test]
fn the_sample_fleet_needs_no_change() {
    let run = run_in(repository(), &["budget", "--patch"]);
    assert_eq!((run.code, &*run.stdout), (Some(0), ""));
    assert_eq!(
        run.stderr,
        "nothing is advised that a change of the configuration would do\n"
    );
}

#[test]
fn what_cannot_be_written_is_left_to_a_person() {
    let fleet = fleet().file(
        "flux-setup.yaml",
        "projects:\n  - name: web\n    repository: https://github.com/acme/web\n    environments: &e {production: {intervals: {source: 10s}}}\n  - {name: api, repository: https://github.com/acme/api, environments: *e}\n  - {name: job, ref: {semver: '1'}, repository: https://github.com/acme/job, environments: *e}\n",
    );
    let run = fleet.run(&["budget", "--patch"]);
    assert_eq!(run.code, Some(0));
    assert!(
        run.stderr
            .contains("by hand: project `api`: environments.production.intervals.source: 1m\n"),
        "{}{}",
        run.stdout,
        run.stderr
    );
}

/// Runs git with nothing of ours.
fn git(folder: &Path, arguments: &[&str]) -> String {
    let output = Command::new("git")
        .args(arguments)
        .current_dir(folder)
        .env_clear()
        .env("PATH", "/usr/local/bin:/usr/bin:/bin")
        .output()
        .expect("git is there");
    let said = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
    assert!(output.status.success(), "{said}");
    said
}

#[test]
fn from_wherever_it_is_asked_a_patch_fits_the_repository_and_so_does_a_second_one() {
    let top = tempfile::tempdir().expect("a temporary folder can be made");
    let top = top.path();
    write(top, "ops/notes.txt", "");
    write(
        top,
        "fleet/flux-setup.yaml",
        "projects: [{name: web, repository: https://github.com/acme/web}]\n",
    );
    let file = "fleet/environments/production.yaml";
    let dear = "ref: {branch: main}\nintervals: {source: 20s}\n";
    write(top, file, dear);
    git(top, &["init", "-q"]);
    for (here, config, hint) in [
        ("", "fleet", ""),
        ("fleet", ".", ""),
        (
            "ops",
            "../fleet",
            "its paths are those of `..`: `… | git -C .. apply`\n",
        ),
    ] {
        write(top, file, dear);
        for interval in ["20s", "10s"] {
            let text = std::fs::read_to_string(top.join(file)).expect("a readable file");
            write(top, file, text.replace("1m", interval));
            let here = top.join(here);
            let run = run_in(&here, &["budget", "--config", config, "--patch"]);
            assert_eq!(run.code, Some(0), "{}", run.stderr);
            assert!(
                run.stdout
                    .starts_with(&format!("--- a/{file}\n+++ b/{file}\n")),
                "{}",
                run.stdout
            );
            assert!(run.stderr.starts_with(hint), "{}", run.stderr);
            write(top, "advice.patch", &run.stdout);
            let patch = top.join("advice.patch").display().to_string();
            match hint {
                "" => git(&here, &["apply", &patch]),
                _ => git(&here, &["-C", "..", "apply", &patch]),
            };
            let after = std::fs::read_to_string(top.join(file)).expect("a readable file");
            assert!(after.contains("source: 1m"), "{after}");
            let again = run_in(&here, &["budget", "--config", config, "--patch"]);
            assert_eq!(again.stdout, "");
        }
    }
}
