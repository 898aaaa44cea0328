//! Where a commit is.

use serde_json::{Value, json};

use crate::api_server::shared;
use crate::player::{Player, revision};

use super::{create_both, run, told};

#[test]
#[ignore = "needs a Kubernetes API server"]
fn a_commit_is_told_per_environment_and_answers_whether_it_runs() {
    let server = shared();
    let namespace = "status-commit";
    server.create_namespace(namespace);
    let player = Player::new(server, namespace);
    for (name, fetched, applied) in [
        ("development", 2, Some(2)),
        ("staging", 2, Some(1)),
        ("production", 1, Some(1)),
        ("preview", 0, None),
    ] {
        create_both(server, namespace, name, namespace, name);
        if fetched > 0 {
            player.fetch(name, &revision("main", fetched));
        }
        if let Some(applied) = applied {
            player.apply(name, &revision("main", applied));
        }
    }
    let commit = format!("{:040x}", 2);
    let all = run(server, &["--commit", &commit, "--project", namespace]);
    assert_eq!((all.code, &*all.stderr), (Some(1), ""), "{all:?}");
    // The last column is an age.
    let lines = all
        .stdout
        .lines()
        .map(|line| line.rsplit_once(' ').unwrap().0.trim_end());
    assert_eq!(
        lines.collect::<Vec<_>>(),
        [
            "environment  cluster  project        where it is                           revision",
            "development  default  status-commit  runs                                  main@0000000",
            "preview      default  status-commit  nothing is there yet                  -",
            "production   default  status-commit  another, older or newer is not known  main@0000000",
            "staging      default  status-commit  fetched, not applied                  main@0000000",
        ]
    );
    let place = |environment: &str| -> Value {
        let target = format!("{namespace}/{environment}");
        let run = run(server, &[&target, "--commit", &commit, "--format", "json"]);
        let place = told(&run)["places"][0].clone();
        json!([run.code, place["place"], place["runs"]])
    };
    assert_eq!(place("development"), json!([0, "runs", true]));
    assert_eq!(place("staging"), json!([1, "fetched", false]));
    assert_eq!(place("production"), json!([1, "another", false]));
    assert_eq!(place("preview"), json!([1, "nothing", false]));
    let nowhere = run(server, &["--commit", "fedcba9876543210"]);
    assert_eq!(
        (nowhere.code, &*nowhere.stdout),
        (
            Some(1),
            "no object has commit fedcba9876543210, and nobody knows which ones it concerns; \
             --server URL asks a running `serve`\n"
        )
    );
}
