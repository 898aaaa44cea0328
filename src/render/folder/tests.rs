//! Folders written and compared, file by file.

mod damage;
mod left_over;

use std::fs;
use std::path::{Path, PathBuf};

use tempfile::TempDir;

use super::files::Folder;
use super::layout::{Place, PlannedFile};
use super::report::FolderReport;
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
