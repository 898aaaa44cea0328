//! A part of a folder, by the names of environments, projects and clusters.

use serde_json::Value;

use crate::binary::run_in;
use crate::folders::write;

use super::{ENVIRONMENT, FLEET, ends, exists, fleet, render, without};

#[test]
fn a_selection_by_project_and_cluster_bounds_what_is_written_checked_and_pruned() {
    let folder = fleet();
    ends(render(&folder, &[]), 0);
    without(&folder, &["docs", "web"]);
    let kept = [
        "out/dev/dev/web.yaml",
        "out/us/prod/web.yaml",
        "out/eu/prod/docs.yaml",
    ];

    // outside the selection all differs, and nothing is said of it
    write(
        folder.path(),
        "out/dev/dev/api.yaml",
        "# flux-setup: dev/dev/api\n",
    );
    ends(
        render(&folder, &["--check", "--cluster", "eu", "--project", "api"]),
        0,
    );

    let run = ends(
        render(&folder, &["--check", "--cluster", "eu", "--format", "json"]),
        1,
    );
    let report: Value = serde_json::from_str(&run.stdout).unwrap();
    let stale: Vec<_> = report["stale"]
        .as_array()
        .unwrap()
        .iter()
        .map(|file| file["path"].as_str().unwrap())
        .collect();
    assert_eq!(stale, ["eu/prod/docs.yaml", "eu/prod/web.yaml"]);
    assert_eq!(report["written"], serde_json::json!([]));

    // `web` is asked for by nothing any more, and its files still have the name
    let web = ["--prune", "--cluster", "eu", "--project", "web"];
    ends(render(&folder, &web), 0);
    assert!(!exists(&folder, "out/eu/prod/web.yaml"));

    ends(
        render(
            &folder,
            &["--prune", "--cluster", "us", "--environment", "dev"],
        ),
        2,
    );
    assert!(kept.iter().all(|file| exists(&folder, file)));
    write(
        folder.path(),
        "flux-setup.yaml",
        FLEET.replace("  - {name: web,", "  - {name: shop,"),
    );
    ends(render(&folder, &["--prune", "--cluster", "eu"]), 0);
    assert!(!exists(&folder, "out/eu/prod/web.yaml"));
    assert!(exists(&folder, "out/eu/prod/shop.yaml"));
    assert!(kept.iter().all(|file| exists(&folder, file)));
}

#[test]
fn unknown_names_are_answered_with_the_nearest_and_nothing_is_written() {
    let folder = fleet();
    for (arguments, message) in [
        (
            ["--project", "wbe"],
            "error: unknown project `wbe`; did you mean `web`?\n",
        ),
        (
            ["--cluster", "ue"],
            "error: unknown cluster `ue`; did you mean `eu`?\n",
        ),
        (
            ["--environment", "prodd"],
            "error: unknown environment `prodd`; did you mean `prod`?\n",
        ),
        (
            ["--environment", "x*"],
            "error: `x*` matches no environment; known: dev, prod\n",
        ),
        (["--project", "[a"], "error: `[a` is no pattern\n"),
    ] {
        for more in [&[][..], &["--check"], &["--prune"]] {
            let run = ends(render(&folder, &[&arguments[..], more].concat()), 2);
            assert!(run.stderr.starts_with(message), "{}", run.stderr);
        }
    }
    assert!(!exists(&folder, "out"));
}

#[test]
fn a_selection_of_names_that_never_meet_is_refused() {
    let folder = fleet();
    let never = ["--environment", "dev", "--cluster", "us"];
    let printed = run_in(folder.path(), &[&["render"][..], &never].concat());
    let mut runs = vec![printed];
    for more in [&[][..], &["--check"], &["--prune"]] {
        runs.push(render(&folder, &[&never[..], more].concat()));
    }
    for run in runs {
        let run = ends(run, 2);
        assert!(
            run.stderr.starts_with("error: the selection is empty: "),
            "{}",
            run.stderr
        );
        assert_eq!(run.stdout, "");
    }
    assert!(!exists(&folder, "out"));

    // what lies there from before is pruned all the same
    ends(render(&folder, &[]), 0);
    let nowhere = "acme/web, environments: {prod: false}}";
    write(
        folder.path(),
        "flux-setup.yaml",
        FLEET.replace("acme/web}", nowhere),
    );
    let web = ["--environment", "prod", "--project", "web"];
    ends(render(&folder, &web), 1);
    ends(render(&folder, &[&web[..], &["--prune"]].concat()), 0);
    ends(render(&folder, &web), 2);
}

#[test]
fn names_that_only_left_over_files_have_select_them_and_nothing_else() {
    let folder = fleet();
    ends(render(&folder, &[]), 0);
    without(&folder, &["web"]);
    std::fs::remove_file(folder.path().join("environments/dev.yaml")).unwrap();
    let prod = format!("{ENVIRONMENT}clusters: [eu]\n");
    write(folder.path(), "environments/prod.yaml", prod);
    let files = |select: &[&str], more: &[&str]| {
        let arguments = [select, more, &["--format", "json"]].concat();
        let report: Value = serde_json::from_str(&render(&folder, &arguments).stdout).unwrap();
        let stale = report["stale"].as_array().unwrap().iter();
        let stale = stale.map(|file| file["path"].as_str().unwrap().to_owned());
        stale.collect::<Vec<_>>()
    };
    for (select, expected) in [
        (
            &["--project", "w?b", "--cluster", "eu"][..],
            &["eu/prod/web.yaml"][..],
        ),
        (
            &["--project", "web"],
            &["dev/dev/web.yaml", "us/prod/web.yaml"],
        ),
        (
            &["--cluster", "us", "--project", "api"],
            &["us/prod/api.yaml"],
        ),
        (
            &["--environment", "dev", "--project", "docs"],
            &["dev/dev/docs.yaml"],
        ),
    ] {
        for more in [&[][..], &["--check"]] {
            ends(render(&folder, &[select, more].concat()), 1);
            assert_eq!(files(select, more), expected, "{select:?}");
        }
        ends(render(&folder, &[select, &["--prune"]].concat()), 0);
        assert!(
            expected
                .iter()
                .all(|file| !exists(&folder, &format!("out/{file}")))
        );
    }
    // what was not selected is there, and what was removed gives no name any more
    for file in ["dev/dev/api.yaml", "us/prod/docs.yaml", "eu/prod/api.yaml"] {
        assert!(exists(&folder, &format!("out/{file}")), "{file}");
    }
    let run = ends(render(&folder, &["--project", "web"]), 2);
    assert!(
        run.stderr.starts_with("error: unknown project `web`; "),
        "{}",
        run.stderr
    );
    let run = ends(render(&folder, &["--environment", "devv", "--prune"]), 2);
    let nearest = "error: unknown environment `devv`; did you mean `dev`?\n";
    assert_eq!(run.stderr, nearest);
    // stdout has no files
    let run = ends(
        run_in(folder.path(), &["render", "--environment", "dev"]),
        2,
    );
    assert!(
        run.stderr.starts_with("error: unknown environment `dev`; "),
        "{}",
        run.stderr
    );
}

#[test]
fn of_many_known_names_some_are_shown() {
    let folder = fleet();
    let project =
        |number| format!("  - {{name: p{number:03}, repository: https://github.com/acme/a}}\n");
    let many: String = (0..200).map(project).collect();
    write(folder.path(), "flux-setup.yaml", format!("{FLEET}{many}"));
    let run = ends(render(&folder, &["--project", "zzzzzz"]), 2);
    let says = "error: unknown project `zzzzzz`; known: api, docs, p000, p001, ";
    assert!(run.stderr.starts_with(says), "{}", run.stderr);
    assert!(
        run.stderr.ends_with(", p026, p027 and 173 more\n"),
        "{}",
        run.stderr
    );
}
