//! Links and paths that lead out of the folders are not followed.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;

use crate::binary::run_in;
use crate::folders::{files, write};

use super::{FLEET, checkout, refused};

#[test]
fn links_and_paths_that_leave_the_configuration_are_not_followed() {
    type Trick = (&'static str, fn(&Path), &'static str);
    let tricks: [Trick; 12] = [
        (
            "",
            |fleet| {
                fs::remove_file(fleet.join("flux-setup.yaml")).unwrap();
                symlink("../private/flux-setup.yaml", fleet.join("flux-setup.yaml")).unwrap();
            },
            "`flux-setup.yaml` leads out of the folder",
        ),
        (
            "",
            |fleet| {
                symlink(
                    "../../private/web.yaml",
                    fleet.join("environments/web.yaml"),
                )
                .unwrap()
            },
            "`environments/web.yaml` leads out of the folder",
        ),
        (
            "",
            |fleet| {
                fs::remove_dir_all(fleet.join("environments")).unwrap();
                symlink("../private", fleet.join("environments")).unwrap();
            },
            "`environments` leads out of the folder",
        ),
        (
            "",
            |fleet| symlink("../private", fleet.join("templates")).unwrap(),
            "`templates` leads out of the folder",
        ),
        (
            "",
            |fleet| {
                fs::create_dir(fleet.join("templates")).unwrap();
                symlink(
                    "../../private/kustomization.yaml.tera",
                    fleet.join("templates/kustomization.yaml.tera"),
                )
                .unwrap();
            },
            "`templates/kustomization.yaml.tera` leads out of the folder",
        ),
        (
            "include: [more/*.yaml]\n",
            |fleet| symlink("../private", fleet.join("more")).unwrap(),
            "`more/*.yaml` leads out of the folder",
        ),
        (
            "include: [more/web.yaml]\n",
            |fleet| {
                fs::create_dir(fleet.join("more")).unwrap();
                symlink(
                    fs::canonicalize(fleet.join("../private/web.yaml")).unwrap(),
                    fleet.join("more/web.yaml"),
                )
                .unwrap();
            },
            "`more/web.yaml` leads out of the folder",
        ),
        (
            "include: [../private/web.yaml]\n",
            |_| {},
            "`../private/web.yaml` leads out of the folder",
        ),
        (
            "include: [/etc/passwd]\n",
            |_| {},
            "`/etc/passwd` leads out of the folder",
        ),
        (
            "crds: [../private]\n",
            |_| {},
            "`../private` leads out of the folder",
        ),
        (
            "crds: [crds]\n",
            |fleet| symlink("../private", fleet.join("crds")).unwrap(),
            "`crds` leads out of the folder",
        ),
        (
            "crds: [crds/]\n",
            |fleet| {
                fs::create_dir(fleet.join("crds")).unwrap();
                symlink("../../private/web.yaml", fleet.join("crds/web.yaml")).unwrap();
            },
            "`crds/web.yaml` leads out of the folder",
        ),
    ];
    for (more, trick, message) in tricks {
        let folder = checkout();
        let fleet = folder.path().join("fleet");
        write(&fleet, "flux-setup.yaml", format!("{more}{FLEET}"));
        trick(&fleet);
        for arguments in [
            &["validate"][..],
            &["budget"],
            &["render", "--output", "../out"],
        ] {
            refused(&folder, arguments, message);
        }
    }
}

#[test]
fn links_and_paths_that_leave_the_output_are_not_followed() {
    // the folder that a person names may be a link; one below it may not
    for (at, to) in [
        ("out/dev", "../private"),
        ("out/dev/web.yaml", "../../private/web.yaml"),
        ("out/dev/web.yaml", "nowhere.yaml"),
    ] {
        let folder = checkout();
        let link = folder.path().join(at);
        fs::create_dir_all(link.parent().unwrap()).unwrap();
        symlink(to, &link).unwrap();
        for more in [&[][..], &["--check"], &["--prune"]] {
            refused(
                &folder,
                &[&["render", "--output", "../out"], more].concat(),
                "is a link",
            );
        }
    }
    for output in [
        "../private/{environment}/{project}.yaml",
        "/tmp/{environment}/{project}.yaml",
        "{environment}/../../{project}.yaml",
    ] {
        let folder = checkout();
        write(
            folder.path(),
            "fleet/flux-setup.yaml",
            format!("output: \"{output}\"\n{FLEET}"),
        );
        refused(&folder, &["render", "--output", "../out"], "output");
    }
}

#[test]
fn pruning_follows_no_link_out_of_the_output() {
    let folder = checkout();
    write(
        folder.path(),
        "private/old.yaml",
        "# flux-setup: dev/eu/old\n",
    );
    write(folder.path(), "private/.flux-setup-1-1.tmp", "");
    fs::create_dir_all(folder.path().join("out/dev")).unwrap();
    symlink(
        "../../private/old.yaml",
        folder.path().join("out/dev/old.yaml"),
    )
    .unwrap();
    symlink("../private", folder.path().join("out/stage")).unwrap();
    let before = files(&folder.path().join("private"));
    let run = run_in(
        &folder.path().join("fleet"),
        &["render", "--output", "../out", "--prune"],
    );
    assert_eq!(run.code, Some(0), "{}", run.stderr);
    assert!(files(&folder.path().join("private")) == before);
    assert!(
        folder.path().join("out/dev/old.yaml").is_symlink()
            && folder.path().join("out/stage").is_symlink()
    );
}
