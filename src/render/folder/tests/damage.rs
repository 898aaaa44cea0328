//! Links, files of others, runs that were killed, and folders that take nothing.

use std::fs;
use std::os::unix::fs::symlink;

use super::Fleet;
use crate::render::folder::files::Folder;

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
fn the_folder_itself_may_be_a_link_but_must_be_a_folder() {
    let place = tempfile::tempdir().unwrap();
    let file = place.path().join("file");
    fs::write(&file, "").unwrap();
    let error = Folder::open(&file).unwrap_err().to_string();
    assert_eq!(error, format!("cannot make the folder {}", file.display()));
    let error = Folder::existing(&file).unwrap_err().to_string();
    assert_eq!(error, format!("cannot open the folder {}", file.display()));
}
