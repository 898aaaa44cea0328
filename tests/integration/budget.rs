//! `budget`: what a fleet costs, and whether it may.

use serde_json::Value;

use crate::binary::{command, ended, repository, run_in};
use crate::fleet::Fleet;

fn gate(arguments: &[&str]) -> (Option<i32>, String) {
    let run = run_in(repository(), &[&["budget"], arguments].concat());
    let first = run.stdout.lines().next().map(str::to_owned);
    (run.code, first.unwrap_or(run.stderr))
}

#[test]
fn the_sample_fleet_costs_what_26_projects_at_the_intervals_of_their_kinds_cost() {
    let run = run_in(repository(), &["budget", "--format", "json"]);
    assert_eq!(run.code, Some(0), "{}", run.stderr);
    let report: Value = serde_json::from_str(&run.stdout).unwrap();
    let upper = &report["profiles"][1];
    assert_eq!(upper["name"], "request-per-poll");
    let environments = upper["environments"].as_array().unwrap().iter();
    let environments: Vec<_> = environments
        .map(|line| {
            (
                line["name"].as_str().unwrap(),
                line["requestsPerHour"].as_f64().unwrap(),
            )
        })
        .collect();
    assert_eq!(
        environments,
        [
            ("development", 1560.0),
            ("staging", 520.0),
            ("production", 312.0)
        ]
    );
    assert_eq!(upper["buckets"][0]["requestsPerHour"], 2392);
    assert_eq!(report["comparison"]["requestsPerHour"], 9360);
    assert_eq!(report["verdict"]["passed"], true);
    assert_eq!(report["verdict"]["profile"], "request-per-poll");
    assert_eq!(report["verdict"]["bucket"]["requestsPerHour"], 2392);
}

#[test]
fn a_server_is_named_only_to_be_asked() {
    let named = ["budget", "--server", "http://127.0.0.1:9"];
    let run = run_in(repository(), &named);
    let refusal = "error: without --live no server is asked; leave out --server, or add --live\n";
    assert_eq!((run.code, &*run.stderr), (Some(2), refusal));
    let asked = |arguments: &[&str]| {
        let mut command = command(&[&["budget"], arguments].concat());
        command
            .current_dir(repository())
            .env("FLUX_SETUP_SERVER", "http://127.0.0.1:9");
        ended(&command.output().unwrap())
    };
    assert_eq!(asked(&[]).code, Some(0));
    let live = asked(&["--live"]);
    assert!(
        live.stderr
            .starts_with("error: cannot reach the server at http://127.0.0.1:9; "),
        "{live:?}"
    );
}

#[test]
fn people_read_the_answer_first_and_all_of_it_on_one_screen() {
    let run = run_in(repository(), &["budget"]);
    let text = &run.stdout;
    assert!(
        text.starts_with("passed: 47.8 % is not above 70 %: "),
        "{text}"
    );
    for says in [
        "\nREST requests  0 an hour, 0 % of the fullest bucket",
        "\ngit requests   0.664 a second, at most 0.0256 on one repository",
        "\nupper bound    2,392 an hour, 47.8 % of 5,000",
        "9,360",
        "−74.4 %",
    ] {
        assert!(text.contains(says), "{text}");
    }
    let row = |name: &str| text.find(&format!("\n{name} ")).expect("each has a row");
    assert!(row("development") < row("staging") && row("staging") < row("production"));
    assert!(text.lines().count() <= 40, "{text}");
}

#[test]
fn colours_say_whether_it_passed() {
    let colour = |share: &str| {
        let arguments = ["budget", "--color", "always", "--fail-above", share];
        run_in(repository(), &arguments).stdout
    };
    assert!(colour("60%").starts_with("\u{1b}[1m\u{1b}[32mpassed: \u{1b}[0m47.8 %"));
    assert!(colour("40%").starts_with("\u{1b}[1m\u{1b}[31mfailed: \u{1b}[0m47.8 %"));
}

#[test]
fn the_gate_names_the_reading_and_the_bucket_and_ends_with_one_above_it() {
    let (code, verdict) = gate(&["--fail-above", "40%"]);
    assert_eq!(code, Some(1));
    assert!(
        verdict.starts_with("failed: 47.8 % is above 40 %: profile `request-per-poll`, bucket `"),
        "{verdict}"
    );
    assert_eq!(gate(&["--fail-above", "60%"]).0, Some(0));
    assert_eq!(
        gate(&["--fail-above", "40%", "--profile", "flux-git"]).0,
        Some(0)
    );
}

#[test]
fn without_a_share_the_configuration_says_it() {
    let (code, verdict) = gate(&[]);
    assert_eq!(code, Some(0));
    assert!(verdict.contains("is not above 70 %"), "{verdict}");
}

#[test]
fn a_share_that_is_none_and_an_unknown_reading_are_refused() {
    for (arguments, says) in [
        (
            ["--fail-above", "much"],
            "expected a share from 0% to 100%, as `70%`",
        ),
        (
            ["--profile", "fluxgit"],
            "unknown profile `fluxgit`; did you mean `flux-git`?",
        ),
    ] {
        let (code, said) = gate(&arguments);
        assert_eq!(code, Some(2));
        assert!(said.contains(says), "{said}");
    }
}

#[test]
fn a_suspended_source_costs_nothing() {
    let fleet = Fleet::new()
        .file(
            "flux-setup.yaml",
            "projects:\n  - {name: a, repository: https://github.com/acme/a}\n  - {name: b, repository: https://github.com/acme/b, suspend: true}\n",
        )
        .file("environments/staging.yaml", "ref: {branch: main}\n");
    let run = fleet.run(&["budget"]);
    assert!(
        run.stdout
            .contains("1 source polls 1 repository in 1 environment"),
        "{}",
        run.stdout
    );
}

/// Two projects in one repository, in two environments; the lines stand at the second.
fn of_one_repository(source: &str, lines: &str) -> Fleet {
    let app = "{name: app, repository: https://github.com/acme/mono, path: ./app}";
    Fleet::new()
        .file(
            "flux-setup.yaml",
            &format!("projects:\n  - {app}\n  - name: web\n    {source}\n    path: ./web\n{lines}"),
        )
        .file("environments/staging.yaml", "ref: {branch: main}\n")
        .file("environments/production.yaml", "ref: {branch: live}\n")
}

fn priced(fleet: &Fleet) -> (f64, Vec<Value>) {
    let run = fleet.run(&["budget", "--format", "json"]);
    let report: Value = serde_json::from_str(&run.stdout).expect(&run.stderr);
    let advice = report["advice"].as_array().expect("a list").iter();
    let shared = advice.filter(|one| one["kind"] == "shareSource");
    (
        report["comparison"]["planRequestsPerHour"]
            .as_f64()
            .expect("a number"),
        shared.cloned().collect(),
    )
}

#[test]
fn the_advice_to_share_a_source_can_be_followed_and_saves_what_it_says() {
    let own = "repository: https://github.com/acme/mono";
    let (before, advice) = priced(&of_one_repository(own, ""));
    let [advice] = &advice[..] else {
        panic!("one advice, not {advice:?}");
    };
    let message = advice["message"].as_str().unwrap();
    assert!(
        message.contains("`source: {project: app}` in `web` would save 32 of them"),
        "{message}"
    );
    let followed = of_one_repository("source: {project: app}", "");
    assert_eq!(followed.findings(), []);
    let (after, none) = priced(&followed);
    assert_eq!(
        before - after,
        advice["savesPollsPerHour"].as_f64().unwrap()
    );
    assert_eq!(none, Vec::<Value>::new());
}

#[test]
fn sources_that_differ_somewhere_are_not_advised_to_be_shared() {
    for lines in [
        "    environments: {production: {ref: {tag: v1}}}\n",
        "    environments: {production: {namespace: apps}}\n",
        "    secretRef: other\n",
        "    provider: azure\n",
        "    gitRepository: {recurseSubmodules: true}\n",
        "    environments: {production: {suspend: true}}\n",
        "    intervals: {source: 30s}\n    environments: {production: {intervals: {source: 1h}}}\n",
    ] {
        let own = "repository: https://github.com/acme/mono";
        let (_, advice) = priced(&of_one_repository(own, lines));
        assert_eq!(advice, Vec::<Value>::new(), "{lines}");
    }
}
