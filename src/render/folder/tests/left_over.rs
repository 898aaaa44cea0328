//! What nothing asks for any more: listed, moved, and removed only when asked.

use std::fs;
use std::path::PathBuf;

use super::{Fleet, document, paths, place};
use crate::render::folder::layout::Place;
use crate::render::folder::report::{FolderReport, Misplaced, TakenOver};

#[test]
fn stale_files_are_listed_with_what_goes_with_them_and_removed_only_when_asked() {
    let mut fleet = Fleet::new(&[("staging", "web"), ("staging", "shop")]);
    fleet.write();
    fleet.wanted.remove(1);
    let report = fleet.write();
    assert_eq!(
        paths(report.stale.iter().map(|file| &file.path)),
        ["staging/shop.yaml"]
    );
    assert_eq!(
        (report.deleting(), report.is_settled(), report.pruned),
        (1, false, false)
    );
    assert!(!fleet.check().stale.is_empty());
    assert!(fleet.path("staging/shop.yaml").exists());
    let report = fleet.write_with(true, &|_| true).unwrap();
    assert!(report.is_settled());
    assert!(!fleet.path("staging/shop.yaml").exists());
}

#[test]
fn an_object_that_moves_to_another_file_is_neither_deleted_nor_renamed() {
    let mut fleet = Fleet::new(&[("staging", "web"), ("staging", "shop"), ("staging", "all")]);
    fleet.write();
    let all: Vec<_> = fleet.wanted.iter().map(|(_, text)| text.as_str()).collect();
    fleet.wanted[2].1 = all.join("---\n");
    fleet.wanted[0].1 = document("Kustomization", "site");
    fleet.wanted.remove(1);
    let report = fleet.check();
    assert_eq!(report.stale.len(), 1);
    assert_eq!(report.stale[0].objects, []);
    assert_eq!(report.renamed, []);
    assert_eq!(report.dropped, []);
    // in another environment it is another object
    fleet.wanted[1].0 = place("production", "all");
    // two files go, and in the third `web` becomes `site`
    assert_eq!(fleet.check().deleting(), 3);
}

#[test]
fn a_file_that_loses_an_object_stays_whole_until_it_is_pruned() {
    let two = |second| {
        format!(
            "{}---\n{}",
            document("Kustomization", "web"),
            document("ConfigMap", second)
        )
    };
    for after in [document("Kustomization", "web"), two("renamed")] {
        let mut fleet = Fleet::new(&[("staging", "shop"), ("staging", "web")]);
        fleet.wanted[1].1 = two("settings");
        fleet.write();
        let before = fleet.text("staging/web.yaml");
        fleet.wanted[1].1 = after;
        fleet.wanted[0].1 = document("Kustomization", "shop").replace("true", "false");
        let report = fleet.check();
        assert_eq!(paths(&report.kept), ["staging/web.yaml"]);
        assert_eq!(report.differences.len(), 2);
        let report = fleet.write();
        assert_eq!(paths(&report.kept), ["staging/web.yaml"]);
        assert_eq!(report.written.len(), 1, "what loses nothing is written");
        assert_eq!(report.dropped.len() + report.renamed.len(), 1);
        assert!(!report.is_settled());
        assert_eq!(fleet.text("staging/web.yaml"), before);
        let report = fleet.write_with(true, &|_| true).unwrap();
        assert_eq!((report.kept.len(), report.written.len()), (0, 1));
        assert!(report.is_settled());
        assert!(fleet.check().is_settled());
    }
}

#[test]
fn a_file_whose_environment_gets_a_cluster_is_taken_over() {
    let mut fleet = Fleet::new(&[("staging", "web")]);
    fleet.write();
    for cluster in ["c1", "c2"] {
        let before = fleet.wanted[0].0.clone();
        fleet.wanted[0].0.cluster = Some(cluster.into());
        for report in [fleet.check(), fleet.write()] {
            assert_eq!(
                report.taken_over,
                [TakenOver {
                    path: "staging/web.yaml".into(),
                    before: before.clone(),
                    now: fleet.wanted[0].0.clone(),
                }]
            );
        }
        assert!(fleet.check().is_settled());
    }
    assert!(
        fleet
            .text("staging/web.yaml")
            .starts_with("# flux-setup: staging/c2/web\n")
    );
    fleet.wanted[0].0.project = "shop".into();
    fleet.put("staging/shop.yaml", "# flux-setup: production/c2/shop\n");
    assert!(fleet.fails().contains("was not written by flux-setup"));
}

#[test]
fn files_of_another_output_are_named_and_stay() {
    let fleet = Fleet::new(&[("staging", "web")]);
    fleet.put(
        "clusters/eu/staging/web.yaml",
        "# flux-setup: staging/-/web\n",
    );
    let report = fleet.write_with(true, &|_| true).unwrap();
    assert_eq!(
        report.misplaced,
        [Misplaced {
            path: "clusters/eu/staging/web.yaml".into(),
            place: place("staging", "web"),
        }]
    );
    assert!(fleet.path("clusters/eu/staging/web.yaml").exists());
}

#[test]
fn files_of_another_output_move_when_they_are_pruned_and_no_object_is_there_twice() {
    let mut fleet = Fleet::new(&[("staging", "web"), ("staging", "shop")]);
    for (_, text) in &mut fleet.wanted {
        *text = text.replace(
            "spec:",
            "  labels: {app.kubernetes.io/managed-by: flux-setup}\nspec:",
        );
    }
    fleet.write();
    let ours = fleet.text("staging/web.yaml");
    fs::remove_file(fleet.path("staging/web.yaml")).unwrap();
    fleet.put("old/web.yaml", &ours);
    fleet.put("backup/shop.yaml", &fleet.text("staging/shop.yaml"));
    fleet.put("old/gone.yaml", &ours.replace("/web", "/gone"));
    fleet.put("old/changed.yaml", &format!("{ours}---\nkind: Secret\n"));
    for report in [fleet.check(), fleet.write()] {
        assert_eq!(paths(&report.kept), ["staging/web.yaml"]);
        assert_eq!(
            paths(report.stale.iter().map(|file| &file.path)),
            ["old/gone.yaml", "old/web.yaml"]
        );
        assert_eq!(report.stale[0].moves_to, None);
        assert_eq!(
            report.stale[1].moves_to,
            Some(PathBuf::from("staging/web.yaml"))
        );
        assert_eq!(report.misplaced.len(), 2);
        assert!(!report.is_settled());
        assert!(!fleet.path("staging/web.yaml").exists());
    }
    let report = fleet.write_with(true, &|_| true).unwrap();
    assert!(!report.is_settled(), "the copies are still there");
    assert_eq!(fleet.text("staging/web.yaml"), ours);
    for (path, stays) in [
        ("old/web.yaml", false),
        ("old/gone.yaml", false),
        ("old/changed.yaml", true),
        ("backup/shop.yaml", true),
    ] {
        assert_eq!(fleet.path(path).exists(), stays, "{path}");
    }
}

#[test]
fn pruning_stays_inside_the_selection() {
    let mut fleet = Fleet::new(&[("staging", "web"), ("production", "web")]);
    fleet.write();
    fleet.wanted.clear();
    let staging = |place: &Place| &*place.environment == "staging";
    let report = fleet.write_with(true, &staging).unwrap();
    assert_eq!(
        paths(report.stale.iter().map(|file| &file.path)),
        ["staging/web.yaml"]
    );
    assert!(fleet.path("production/web.yaml").exists());
}

#[test]
fn files_of_others_stay_wherever_nothing_of_ours_belongs() {
    let fleet = Fleet::new(&[]);
    let others = [
        ("staging/theirs.yaml", "kind: Secret\n"),
        ("notes.md", "# flux-setup: staging/-/notes\n"),
        // a copy of ours at another path is not ours
        ("staging/copy.yaml", "# flux-setup: staging/-/web\n"),
        ("staging/deep/er.yaml", "# flux-setup: deep/-/er\n"),
    ];
    for (path, text) in others {
        fleet.put(path, text);
    }
    let report = fleet.write_with(true, &|_| true).unwrap();
    assert_eq!(
        report,
        FolderReport {
            pruned: true,
            misplaced: vec![
                Misplaced {
                    path: "staging/copy.yaml".into(),
                    place: place("staging", "web"),
                },
                Misplaced {
                    path: "staging/deep/er.yaml".into(),
                    place: place("deep", "er"),
                },
            ],
            ..FolderReport::default()
        }
    );
    assert!(!report.is_settled(), "Flux applies copies too");
    for (path, text) in others {
        assert_eq!(fleet.text(path), text);
    }
}

#[test]
fn a_rename_is_told_from_an_object_that_goes() {
    let mut fleet = Fleet::new(&[("staging", "web")]);
    fleet.wanted[0].1 = format!(
        "{}---\n{}",
        document("Kustomization", "web-app"),
        document("ConfigMap", "settings")
    );
    fleet.write();
    fleet.wanted[0].1 = document("Kustomization", "web-application");
    let report = fleet.check();
    assert_eq!(report.renamed.len(), 1);
    assert_eq!(report.renamed[0].object.name, "web-app");
    assert_eq!(report.renamed[0].new_name, "web-application");
    assert_eq!(report.renamed[0].steps.len(), 3);
    assert_eq!(
        report.deleting(),
        1,
        "with the old name its workloads go; no settings have any"
    );
    assert_eq!(report.dropped.len(), 1);
    assert_eq!(report.dropped[0].object.name, "settings");
}
