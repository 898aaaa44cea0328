//! Objects that wait for what is not there, or for each other.

use super::{fleet, project, refuses};

#[test]
fn a_dependency_that_an_environment_leaves_out_is_refused_there() {
    let fleet = fleet(
        "projects:\n  - name: web\n    repository: https://github.com/acme/web\n    dependsOn: [db]\n  - name: db\n    repository: https://github.com/acme/db\n    environments: {staging: false}\n",
    );
    refuses(
        &fleet,
        "flux-setup.yaml:4:17",
        "project `db` has no Kustomization in `staging`",
        "leave the dependency out",
    );
}

#[test]
fn a_ring_of_dependencies_is_shown_as_one() {
    let fleet = fleet(
        "projects:\n  - {name: a, repository: https://github.com/acme/a, dependsOn: [b]}\n  - {name: b, repository: https://github.com/acme/b, dependsOn: [c]}\n  - {name: c, repository: https://github.com/acme/c, dependsOn: [a]}\n",
    );
    refuses(
        &fleet,
        "flux-setup.yaml:4:66",
        "objects wait for each other in a ring: a → b → c → a in `staging`",
        "take one `dependsOn`",
    );
}

#[test]
fn many_objects_that_all_wait_for_each_other_are_one_ring_of_few_names() {
    let names: Vec<String> = (0..240).map(|number| format!("p{number:03}")).collect();
    let objects: String = names
        .iter()
        .map(|name| {
            let others: Vec<&str> = names
                .iter()
                .filter(|one| *one != name)
                .map(|one| &**one)
                .collect();
            format!(
                "      - {{name: {name}, dependsOn: [{}]}}\n",
                others.join(", ")
            )
        })
        .collect();
    let fleet = project(&format!("    objects:\n{objects}"));
    let found = fleet.findings();
    assert_eq!(found.len(), 1, "{}", found.len());
    assert!(
        found[0].message.ends_with("web/p000 in `staging`"),
        "{found:#?}"
    );
    let all: Vec<String> = (0..240)
        .map(|number| {
            let next = (number + 1) % 240;
            format!("      - {{name: p{number:03}, dependsOn: [p{next:03}]}}\n")
        })
        .collect();
    let fleet = project(&format!("    objects:\n{}", all.concat()));
    let found = fleet.findings();
    assert_eq!(found.len(), 1, "{}", found.len());
    assert!(
        found[0]
            .message
            .ends_with("web/p010 → web/p011 → … → web/p000 in `staging`"),
        "{found:#?}"
    );
}
