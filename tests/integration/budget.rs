//! `budget`: what a fleet costs, and whether it may.

use serde_json::Value;

use crate::binary::{repository, run_in};

fn gate(arguments: &[&str]) -> (Option<i32>, String) {
    let run = run_in(repository(), &[&["budget"], arguments].concat());
    let last = run.stdout.lines().last().map(str::to_owned);
    (run.code, last.unwrap_or(run.stderr))
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
            ("production", 312.0),
            ("staging", 520.0)
        ]
    );
    assert_eq!(upper["buckets"][0]["requestsPerHour"], 2392);
    assert_eq!(report["comparison"]["requestsPerHour"], 9360);
}

#[test]
fn the_gate_names_the_reading_and_the_bucket_and_ends_with_one_above_it() {
    let (code, verdict) = gate(&["--fail-above", "40%"]);
    assert_eq!(code, Some(1));
    assert!(
        verdict.starts_with("47.8 % is above 40 %: profile `request-per-poll`, bucket `"),
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
