//! Folders written, compared, pruned and damaged, file by file.

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};

use tempfile::TempDir;

use super::files::Folder;
use super::layout::{Place, PlannedFile};
use super::report::{FolderReport, Misplaced, TakenOver};
use super::run::{Wanted, compare, write};
use super::{marker, renames};
use crate::render::RenderError;

fn place(environment: &str, project: &str) -> Place {
    Place {
        environment: environment.into(),
        cluster: None,
        project: project.into(),
    }
}

fn path_of(place: &Place) -> PathBuf {
    PathBuf::from(format!("{}/{}.yaml", place.environment, place.project))
}

fn document(kind: &str, name: &str) -> String {
    format!(
        "apiVersion: v1\nkind: {kind}\nmetadata:\n  name: {name}\n  namespace: flux-system\n\
         spec:\n  prune: true\n"
    )
}

/// A folder and the files that are wanted in it, each with its text.
struct Fleet {
    folder: TempDir,
    wanted: Vec<(Place, String)>,
}

impl Fleet {
    fn new(wanted: &[(&str, &str)]) -> Self {
        Self {
            folder: tempfile::tempdir().unwrap(),
            wanted: wanted
                .iter()
                .map(|(environment, project)| {
                    (
                        place(environment, project),
                        document("Kustomization", project),
                    )
                })
                .collect(),
        }
    }

    fn run(
        &self,
        selected: &(dyn Fn(&Place) -> bool + Sync),
        then: impl FnOnce(&Wanted<'_>) -> Result<FolderReport, RenderError>,
    ) -> Result<FolderReport, RenderError> {
        let files = self
            .wanted
            .iter()
            .enumerate()
            .map(|(index, (place, _))| PlannedFile {
                path: path_of(place),
                place: place.clone(),
                objects: vec![index],
            })
            .collect();
        then(&Wanted {
            files,
            text: &|file| {
                let mut out = Vec::new();
                marker::write(&file.place, &["flux-setup.yaml"], &mut out);
                out.extend_from_slice(self.wanted[file.objects[0]].1.as_bytes());
                Ok(out)
            },
            path_of: &path_of,
            selected,
            holds: &|place, object| {
                self.wanted.iter().any(|(other, text)| {
                    other.environment == place.environment
                        && renames::objects(text).contains(object)
                })
            },
        })
    }

    fn write_with(
        &self,
        prune: bool,
        selected: &(dyn Fn(&Place) -> bool + Sync),
    ) -> Result<FolderReport, RenderError> {
        let folder = Folder::open(self.folder.path())?;
        self.run(selected, |wanted| write(&folder, wanted, prune))
    }

    fn write(&self) -> FolderReport {
        self.write_with(false, &|_| true).unwrap()
    }

    fn check(&self) -> FolderReport {
        let folder = Folder::existing(self.folder.path()).unwrap();
        self.run(&|_| true, |wanted| compare(folder.as_ref(), wanted))
            .unwrap()
    }

    fn fails(&self) -> String {
        self.write_with(true, &|_| true).unwrap_err().to_string()
    }

    fn path(&self, path: &str) -> PathBuf {
        self.folder.path().join(path)
    }

    fn text(&self, path: &str) -> String {
        fs::read_to_string(self.path(path)).unwrap()
    }

    fn put(&self, path: &str, text: &str) {
        let path = self.path(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
}

fn paths<'a>(files: impl IntoIterator<Item = &'a PathBuf>) -> Vec<&'a str> {
    files
        .into_iter()
        .map(|path| path.to_str().unwrap())
        .collect()
}

#[test]
fn a_file_says_whose_it_is_and_what_it_was_made_from() {
    let fleet = Fleet::new(&[("staging", "web")]);
    let report = fleet.write();
    assert_eq!(
        paths(report.written.iter().map(|file| &file.path)),
        ["staging/web.yaml"]
    );
    assert!(report.written[0].new);
    insta::assert_snapshot!(fleet.text("staging/web.yaml"), @r"
    # flux-setup: staging/-/web
    # made from flux-setup.yaml; change those and render again
    apiVersion: v1
    kind: Kustomization
    metadata:
      name: web
      namespace: flux-system
    spec:
      prune: true
    ");
}

#[test]
fn a_folder_that_was_just_written_differs_in_nothing() {
    let fleet = Fleet::new(&[("staging", "web"), ("production", "web")]);
    let before = fleet.check();
    assert_eq!((before.written.len(), before.is_settled()), (2, false));
    assert!(fleet.write().is_settled());
    let after = fleet.check();
    assert_eq!((after.unchanged, after.is_settled()), (2, true));
    let modified = || {
        fs::metadata(fleet.path("staging/web.yaml"))
            .unwrap()
            .modified()
            .unwrap()
    };
    let first = modified();
    fleet.write();
    assert_eq!(modified(), first, "an unchanged file is not written");
}

#[test]
fn an_edited_file_is_shown_with_its_difference_and_written_anew() {
    let fleet = Fleet::new(&[("staging", "web")]);
    fleet.write();
    let good = fleet.text("staging/web.yaml");
    fleet.put(
        "staging/web.yaml",
        &good.replace("prune: true", "prune: false"),
    );
    let report = fleet.check();
    assert!(!report.is_settled());
    insta::assert_snapshot!(report.differences[0].diff, @r"
    --- a/staging/web.yaml
    +++ b/staging/web.yaml
    @@ -6,4 +6,4 @@
       name: web
       namespace: flux-system
     spec:
    -  prune: false
    +  prune: true
    ");
    fleet.write();
    assert_eq!(fleet.text("staging/web.yaml"), good);
}

#[test]
fn a_deleted_file_differs_from_nothing() {
    let fleet = Fleet::new(&[("staging", "web")]);
    fleet.write();
    fs::remove_file(fleet.path("staging/web.yaml")).unwrap();
    let report = fleet.check();
    assert!(report.written[0].new);
    assert!(
        report.differences[0]
            .diff
            .starts_with("--- /dev/null\n+++ b/staging/web.yaml\n")
    );
}

#[test]
fn a_comparison_writes_nothing_and_makes_no_folder() {
    let fleet = Fleet::new(&[("staging", "web")]);
    let nowhere = fleet.path("nowhere");
    assert!(Folder::existing(&nowhere).unwrap().is_none());
    fleet.check();
    assert_eq!(fs::read_dir(fleet.folder.path()).unwrap().count(), 0);
}

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
fn a_run_waits_for_another_that_writes_to_the_same_folder() {
    let fleet = Fleet::new(&[("staging", "web")]);
    let unfinished = "staging/.flux-setup-12-3.tmp";
    fleet.put(unfinished, "# flux-setup: staging/-/half");
    let lock = Folder::open(fleet.folder.path()).unwrap().lock();
    assert!(lock.is_some());
    std::thread::scope(|scope| {
        let second = scope.spawn(|| fleet.write());
        std::thread::sleep(std::time::Duration::from_millis(100));
        assert!(!second.is_finished());
        assert!(fleet.path(unfinished).exists());
        drop(lock);
        assert_eq!(second.join().unwrap().cleaned, 1);
    });
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
fn a_file_of_others_where_ours_belongs_ends_the_run_before_anything_is_written() {
    let fleet = Fleet::new(&[("a", "web"), ("staging", "web")]);
    fleet.put("staging/web.yaml", "kind: Secret\n");
    assert_eq!(
        fleet.fails(),
        "staging/web.yaml was not written by flux-setup for `staging/-/web`; \
         move it away or change `output`"
    );
    assert!(!fleet.path("a").exists());
    assert_eq!(fleet.text("staging/web.yaml"), "kind: Secret\n");
}

#[test]
fn an_empty_file_where_ours_belongs_is_written() {
    let fleet = Fleet::new(&[("staging", "web")]);
    fleet.put("staging/web.yaml", "");
    assert_eq!(fleet.write().written.len(), 1);
    assert!(fleet.check().is_settled());
}

#[test]
fn no_link_is_followed() {
    let outside = tempfile::tempdir().unwrap();
    let secret = outside.path().join("web.yaml");
    fs::write(&secret, "# flux-setup: staging/-/web\nsecret\n").unwrap();

    let fleet = Fleet::new(&[("staging", "web")]);
    symlink(outside.path(), fleet.path("staging")).unwrap();
    assert_eq!(
        fleet.fails(),
        "staging is a link; replace it by what it leads to, nothing outside the folder is read \
         or written"
    );

    let fleet = Fleet::new(&[("staging", "web")]);
    fs::create_dir(fleet.path("staging")).unwrap();
    symlink(&secret, fleet.path("staging/web.yaml")).unwrap();
    assert!(fleet.fails().starts_with("staging/web.yaml is a link"));

    // a link that nothing asks for is no stale file of ours
    let fleet = Fleet::new(&[]);
    symlink(outside.path(), fleet.path("staging")).unwrap();
    assert_eq!(fleet.check().stale, []);
    assert!(secret.exists());
}

#[test]
fn a_folder_in_the_place_of_a_file_is_said() {
    let fleet = Fleet::new(&[("staging", "web")]);
    fs::create_dir_all(fleet.path("staging/web.yaml")).unwrap();
    assert_eq!(
        fleet.fails(),
        "staging/web.yaml is no file; move it away or change `output`"
    );
}

#[test]
fn what_a_killed_run_left_is_cleaned_and_never_taken_for_a_file() {
    let fleet = Fleet::new(&[("staging", "web")]);
    fleet.put(
        "staging/.flux-setup-12-3.tmp",
        "# flux-setup: staging/-/half",
    );
    fleet.put("staging/.flux-setup-notes.tmp", "mine");
    assert_eq!(fleet.check().cleaned, 0);
    assert!(fleet.path("staging/.flux-setup-12-3.tmp").exists());
    let report = fleet.write();
    assert_eq!((report.cleaned, report.stale.len()), (1, 0));
    assert!(!fleet.path("staging/.flux-setup-12-3.tmp").exists());
    assert!(fleet.path("staging/.flux-setup-notes.tmp").exists());
}

#[test]
fn a_folder_that_takes_no_new_file_keeps_the_old_one_whole() {
    let fleet = Fleet::new(&[("staging", "web")]);
    fleet.put("staging/web.yaml", "# flux-setup: staging/-/web\nold\n");
    let folder = fleet.path("staging");
    fs::set_permissions(&folder, fs::Permissions::from_mode(0o555)).unwrap();
    // root may write everywhere: there the folder proves nothing
    let privileged = fs::write(folder.join("probe"), "").is_ok();
    if !privileged {
        assert_eq!(
            fleet.fails(),
            "cannot write staging/web.yaml; it is as it was"
        );
        assert_eq!(
            fleet.text("staging/web.yaml"),
            "# flux-setup: staging/-/web\nold\n"
        );
    }
    fs::set_permissions(&folder, fs::Permissions::from_mode(0o755)).unwrap();
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

#[test]
fn a_kustomization_that_leaves_our_files_out_is_a_warning() {
    let fleet = Fleet::new(&[("staging", "web"), ("staging", "shop")]);
    fleet.put(
        "staging/kustomization.yaml",
        "kind: Kustomization\nresources:\n- ./web.yaml\n",
    );
    let report = fleet.write();
    assert_eq!(report.unlisted.len(), 1);
    assert_eq!(
        report.unlisted[0].kustomization,
        Path::new("staging/kustomization.yaml")
    );
    assert_eq!(paths(&report.unlisted[0].files), ["staging/shop.yaml"]);
    assert!(report.is_settled(), "a warning changes no exit code");
}

#[test]
fn the_folder_itself_may_be_a_link_but_must_be_a_folder() {
    let place = tempfile::tempdir().unwrap();
    let file = place.path().join("file");
    fs::write(&file, "").unwrap();
    let error = Folder::open(&file).unwrap_err().to_string();
    assert_eq!(error, format!("cannot make the folder {}", file.display()));
    let error = Folder::existing(&file).unwrap_err().to_string();
    assert_eq!(error, format!("cannot open the folder {}", file.display()));
}
