//! What goes wrong where objects are made by templates of the user's own.

use super::{fleet, refuses};
use crate::fleet::Fleet;

/// A fleet with one object by a template, which has these lines behind its metadata.
fn templated(lines: &str, vars: &str) -> Fleet {
    let head = "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: {{ name }}\n  namespace: {{ namespace }}\n  labels: {{ labels | yaml(indent=4) }}\n";
    fleet(&format!(
        "projects:\n  - name: web\n    repository: https://github.com/acme/web\n    objects:\n      - {{name: a, template: one, vars: {vars}}}\n",
    ))
    .file("templates/one.yaml.tera", &format!("{head}{lines}"))
}

#[test]
fn no_text_of_a_fleet_changes_more_than_itself_whatever_a_template_does_with_it() {
    for (lines, vars) in [
        (
            "data:\n{% if vars.s | length <= 6 %}  tls{{ vars.s }}\n{% endif %}  x: z\n",
            "{s: \": true\"}",
        ),
        (
            "data:\n  k:\n    - pre{{ vars.a | truncate(length=3, end=\"\") }}\n",
            "{a: \": b\"}",
        ),
        (
            "data:\n  k: pre{{ vars.a | truncate(length=3, end=\"\") }}\n",
            "{a: 'ab\": c'}",
        ),
        ("{{ vars.a }}: {x: y}\n", "{a: binaryData}"),
    ] {
        let found = templated(lines, vars).findings();
        assert_eq!(found.len(), 1, "{lines}: {found:#?}");
        assert_eq!(found[0].file, "templates/one.yaml.tera", "{lines}");
    }
    for (lines, vars) in [
        ("data:\n  k: {{ vars.a }}\n", "{a: \"x: # y\"}"),
        (
            "data:\n{% for key, value in vars.map %}  {{ key }}: {{ value }}\n{% endfor %}",
            "{map: {a: \": b\", c: \"- d\"}}",
        ),
        (
            "data:\n{% if vars.a == \"a: b\" %}  k: {{ vars.a }}\n{% endif %}  x: z\n",
            "{a: \"a: b\"}",
        ),
    ] {
        assert_eq!(templated(lines, vars).findings(), [], "{lines}");
    }
}

#[test]
fn what_a_template_refers_to_in_another_namespace_is_refused_in_a_cluster_that_forbids_it() {
    let fleet = Fleet::new()
        .file(
            "flux-setup.yaml",
            "output: \"{cluster}/{environment}/{project}.yaml\"\nclusters: [{name: open}, {name: shut, crossNamespace: false}]\nprojects:\n  - name: web\n    source: {external: a, kind: GitRepository, namespace: elsewhere}\n    objects:\n      - {name: a, template: one}\n",
        )
        .file("environments/staging.yaml", "ref: {branch: main}\nclusters: [open, shut]\n")
        .file("templates/one.yaml.tera", "apiVersion: kustomize.toolkit.fluxcd.io/v1\nkind: Kustomization\nmetadata:\n  name: {{ name }}\n  namespace: {{ namespace }}\n  labels: {{ labels | yaml(indent=4) }}\nspec: {interval: 1m, prune: false, sourceRef: {kind: GitRepository, name: a, namespace: elsewhere}}\n");
    let found = fleet.findings();
    assert_eq!(found.len(), 1, "{found:#?}");
    assert_eq!(found[0].class, "flux");
    assert_eq!(
        found[0].message,
        "template `one`: refers to namespace `elsewhere`, and the cluster allows no reference to another namespace than its own `flux-system`"
    );
}

#[test]
fn a_kind_that_no_crd_judges_is_a_warning() {
    let fleet = fleet(
        "projects:\n  - name: web\n    repository: https://github.com/acme/web\n    objects:\n      - {name: a, template: one}\n      - {name: b, template: one}\n",
    )
    .file("templates/one.yaml.tera", "apiVersion: acme.io/v1\nkind: Thing\nmetadata:\n  name: {{ name }}\n  namespace: {{ namespace }}\n  labels: {{ labels | yaml(indent=4) }}\n");
    let found = fleet.findings();
    assert_eq!(found.len(), 1, "{found:#?}");
    assert_eq!(found[0].severity, "warning");
    assert_eq!(found[0].place(), "flux-setup.yaml:5:16");
    assert_eq!(
        found[0].message,
        "no CRD judges the Thing acme.io/v1 that is written here"
    );
}

#[test]
fn objects_of_templates_that_are_the_same_are_refused() {
    let template = "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: {{ name }}\n  namespace: {{ namespace }}\n  labels: {{ labels | yaml(indent=4) }}\n";
    let fleet = fleet(
        "projects:\n  - name: web\n    repository: https://github.com/acme/web\n    objects:\n      - {name: a, template: one}\n      - {name: b, template: two, names: a-staging}\n      - {name: c, template: kustomization, names: a-staging}\n",
    )
    .file("templates/one.yaml.tera", template)
    .file("templates/two.yaml.tera", template);
    refuses(
        &fleet,
        "flux-setup.yaml:6:16",
        "ConfigMap flux-system/a-staging would be there twice in the one cluster that has no name: for `web/a` in `staging` and for `web/b` in `staging`",
        "another name or namespace",
    );
}
