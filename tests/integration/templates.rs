//! Templates of the user's: every fault of them in one run, at its line, with how to mend it.

use crate::fleet::{Fleet, Found};

const HEAD: &str = "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: {{ name }}\n  namespace: {{ namespace }}\n  labels: {{ labels | yaml(indent=4) }}\n";

/// A fleet of one object by the template `one`, which is the whole text.
fn with_template(text: &str, vars: &str) -> Fleet {
    with_objects(&format!(
        "      - {{name: a, template: one, vars: {vars}}}\n"
    ))
    .file("templates/one.yaml.tera", text)
}

fn with_objects(objects: &str) -> Fleet {
    Fleet::new()
        .file(
            "flux-setup.yaml",
            &format!("projects:\n  - name: web\n    repository: https://github.com/acme/web\n    objects:\n{objects}"),
        )
        .file("environments/staging.yaml", "ref: {branch: main}\n")
}

/// What is found, without the warning that no CRD is known: `place message (hint)`.
fn said(fleet: &Fleet) -> Vec<String> {
    let is_wanted = |one: &Found| !one.message.starts_with("no CRD judges");
    let found = fleet.findings().into_iter().filter(is_wanted);
    found
        .map(|one| {
            let hint = one.hint.as_deref().unwrap_or("-");
            format!("{} {} ({hint})", one.place(), one.message)
        })
        .collect()
}

#[test]
fn all_faults_of_a_template_are_told_in_one_run_each_at_its_line() {
    let text = format!(
        "{HEAD}data:\n  a: {{{{ vars.a }}}}\n  b: {{{{ vars.b }}}}\n  c: {{{{ vrs.c }}}}\n  d: {{{{ vars.ok | safe }}}}\n  e: {{{{ vars.ok }}}}\n  f: \"{{{{ vars.ok }}}}\"\n  g: {{{{ vars.e.f }}}}\n  h: {{{{ § }}}}\n"
    );
    insta::assert_snapshot!(said(&with_template(&text, "{ok: fine}")).join("\n"), @r##"
    templates/one.yaml.tera:8:9 template `one`: `vars.a` is not set (set it in the configuration, or write `{{ vars.a | default(value=…) }}`)
    templates/one.yaml.tera:9:9 template `one`: `vars.b` is not set (set it in the configuration, or write `{{ vars.b | default(value=…) }}`)
    templates/one.yaml.tera:10:9 template `one`: nothing provides `vrs` (did you mean `vars`?)
    templates/one.yaml.tera:11:19 template `one`: the filter `safe` gets around the quoting of values (leave it out: every value is quoted for YAML where it has to be)
    templates/one.yaml.tera:13:10 template `one`: a value of `vars.ok` could change the document beyond its own place (leave out the quotes around `{{ … }}`, give each value a place of its own, and write maps and lists with `| yaml(indent=2)`)
    templates/one.yaml.tera:14:9 template `one`: `vars.e` is not set (set it in the configuration, or write `{{ vars.e | default(value=…) }}`)
    templates/one.yaml.tera:15:9 template `one`: unexpected character (write it as Tera does: `{{ value }}`, `{% if … %}`, `{# … #}`)
    "##);
}

#[test]
fn a_document_that_is_not_the_planned_one_is_said_where_the_template_writes_it() {
    let text = "{# of a team #}\napiVersion: v1\nkind: ConfigMap\nmetadata:\n  namespace: elsewhere\n  name: x{{ name }}\n  labels: {a: b}\n";
    insta::assert_snapshot!(said(&with_template(text, "{}")).join("\n"), @r##"
    templates/one.yaml.tera:5:14 template `one`: its document needs `metadata.namespace` as it is planned (write `namespace: {{ namespace }}` below its `metadata`)
    templates/one.yaml.tera:6:9 template `one`: its document needs `metadata.name` as it is planned (write `name: {{ name }}` below its `metadata`)
    templates/one.yaml.tera:7:11 template `one`: its document lacks the label `app.kubernetes.io/managed-by` (write all of them: `labels: {{ labels | yaml(indent=4) }}`)
    "##);
    let text = format!("{HEAD}data:\n  a: {{{{ vars.ok }}}}\n b: c\n");
    insta::assert_snapshot!(said(&with_template(&text, "{ok: fine}")).join("\n"), @r##"
    templates/one.yaml.tera:9:2 template `one`: what it writes is no YAML, in line 12 of it: a key was expected here (indent the line like the keys that it belongs to, and write it as `key: value`)
    "##);
    let text = format!("{HEAD}---\n{HEAD}");
    insta::assert_snapshot!(said(&with_template(&text, "{}")).join("\n"), @r##"
    templates/one.yaml.tera:8:1 template `one`: it writes 2 documents; it must write exactly one (an object of its own needs a template of its own)
    "##);
}

const KUSTOMIZATION: &str = "apiVersion: kustomize.toolkit.fluxcd.io/v1\nkind: Kustomization\nmetadata:\n  name: {{ name }}\n  namespace: {{ namespace }}\n  labels: {{ labels | yaml(indent=4) }}\n";

#[test]
fn a_fault_of_what_is_written_names_the_template_and_its_line() {
    let text = format!(
        "{KUSTOMIZATION}spec:\n  interval: {{{{ vars.every }}}}\n  prun: true\n  path: {{{{ spec.path }}}}\n  sourceRef:\n    kind: {{{{ source.kind }}}}\n    name: {{{{ source.name }}}}\n"
    );
    let fleet = with_objects(
        "      - name: a\n        template: one\n        path: ./a\n        vars: {every: banana}\n",
    )
    .file("templates/one.yaml.tera", &text);
    insta::assert_snapshot!(said(&fleet).join("\n"), @r##"
    flux-setup.yaml:8:23 `banana` does not match the pattern `^([0-9]+(\.[0-9]+)?(ms|s|m|h))+$` (written by line 8 of template `one`) (write numbers with the units h, m, s or ms, as in `1h30m`)
    templates/one.yaml.tera:8:3 template `one`: `prune` is required (add `prune:` with a boolean)
    templates/one.yaml.tera:9:3 template `one`: unknown field `prun` (did you mean `prune`?)
    "##);
}

#[test]
fn faults_of_an_included_template_are_said_there() {
    let part = "data:\n  a: {{ vars.ok }}\n  b: {{ vars.nope }}\n  c: '{{ vars.ok }}'\n";
    let fleet = with_template(&format!("{HEAD}{{% include 'part' %}}"), "{ok: fine}")
        .file("templates/part.yaml.tera", part);
    insta::assert_snapshot!(said(&fleet).join("\n"), @r##"
    templates/part.yaml.tera:3:9 template `part`: `vars.nope` is not set (set it in the configuration, or write `{{ vars.nope | default(value=…) }}`)
    templates/part.yaml.tera:4:10 template `part`: a value of `vars.ok` could change the document beyond its own place (leave out the quotes around `{{ … }}`, give each value a place of its own, and write maps and lists with `| yaml(indent=2)`)
    "##);
    let part = "data:\n  a: {{ vars.ok }}\n b: c\n";
    let fleet = fleet.file("templates/part.yaml.tera", part);
    insta::assert_snapshot!(said(&fleet).join("\n"), @r##"
    templates/part.yaml.tera:3:2 template `part`: what it writes is no YAML, in line 12 of it: a key was expected here (indent the line like the keys that it belongs to, and write it as `key: value`)
    "##);
}

#[test]
fn a_template_is_included_by_its_name_with_or_without_its_ending() {
    for name in ["part", "part.yaml.tera"] {
        let fleet = with_template(&format!("{HEAD}{{% include '{name}' %}}"), "{ok: fine}")
            .file("templates/part.yaml.tera", "data:\n  a: {{ vars.ok }}\n");
        assert_eq!(said(&fleet), [""; 0]);
        let run = fleet.run(&["render"]);
        assert!(run.stdout.ends_with("data:\n  a: fine\n"), "{run:#?}");
    }
    let fleet = with_template(
        &format!("{HEAD}{{% include 'prt' %}}\n{{% include 'part.yml' %}}\n{{% include 'x' %}}\n{{{{ vars.nope }}}}"),
        "{}",
    )
    .file("templates/part.yaml.tera", "# nothing\n");
    insta::assert_snapshot!(said(&fleet).join("\n"), @r##"
    templates/one.yaml.tera:7:12 template `one`: unknown template `prt` (did you mean `part`?)
    templates/one.yaml.tera:8:12 template `one`: unknown template `part.yml` (name a file of `templates/` without its ending: `part` is `templates/part.yaml.tera`)
    templates/one.yaml.tera:9:12 template `one`: unknown template `x` (write it as `templates/x.yaml.tera`)
    templates/one.yaml.tera:10:1 template `one`: what it writes is no YAML, in line 13 of it: a key here has no `:` behind it on the same line (write it as `key: value`)
    templates/one.yaml.tera:10:4 template `one`: `vars.nope` is not set (set it in the configuration, or write `{{ vars.nope | default(value=…) }}`)
    "##);
}

#[test]
fn templates_that_include_one_another_in_a_ring_are_refused_at_the_tag() {
    let fleet = with_template(&format!("{HEAD}# a\n{{% include 'two' %}}"), "{}")
        .file("templates/two.yaml.tera", "# b\n{% include 'one' %}\n")
        .file("templates/three.yaml.tera", "{{ nope }}");
    insta::assert_snapshot!(said(&fleet).join("\n"), @r##"
    templates/one.yaml.tera:8:1 template `one`: it includes itself: one → two → one (let one of them no longer include the next)
    templates/three.yaml.tera:1:4 template `three`: nothing provides `nope` (there is: name, namespace, labels, annotations, project, object, cluster, environment, source, vars, spec)
    templates/two.yaml.tera:2:1 template `two`: it includes itself: two → one → two (let one of them no longer include the next)
    "##);
}

#[test]
fn files_that_are_no_templates_by_their_names_are_a_warning() {
    let fleet = with_template(HEAD, "{}")
        .file("templates/a.yml.tera", "a")
        .file("templates/b.tera", "a")
        .file("templates/c.yaml", "a")
        .file("templates/README.md", "a")
        .file("templates/.gitkeep", "");
    insta::assert_snapshot!(said(&fleet).join("\n"), @r##"
    templates/a.yml.tera:1:1 `templates/a.yml.tera` is no template by its name (call it `a.yaml.tera`, or keep it elsewhere)
    templates/b.tera:1:1 `templates/b.tera` is no template by its name (call it `b.yaml.tera`, or keep it elsewhere)
    templates/c.yaml:1:1 `templates/c.yaml` is no template by its name (call it `c.yaml.tera`, or keep it elsewhere)
    "##);
    assert_eq!(fleet.run(&["validate"]).code, Some(0));
}

#[test]
fn values_that_were_not_tried_are_said_and_numbers_are_no_shapes_of_their_own() {
    let objects = |key: &dyn Fn(usize) -> String| {
        (0..300)
            .map(|n| {
                format!(
                    "      - {{name: a{n}, template: one, vars: {{ok: {n}, list: {}}}}}\n",
                    key(n)
                )
            })
            .collect::<String>()
    };
    let lists = with_objects(&objects(&|n| format!("{:?}", vec!["x"; n])))
        .file("templates/one.yaml.tera", &format!("{HEAD}data:\n{{% for x in vars.list %}}  a{{{{ loop.index }}}}: {{{{ x }}}}\n{{% endfor %}}"));
    insta::assert_snapshot!(said(&lists).join("\n"), @r##"
    templates/one.yaml.tera:1:1 template `one` was tried with 256 of 300 shapes of values; the others are held against their own texts alone (compare and loop over less in one template, or split it into several)
    "##);
    let numbers = with_objects(&objects(&|_| "[]".into())).file(
        "templates/one.yaml.tera",
        &format!("{HEAD}data:\n  a: {{{{ vars.list }}}}\nbinaryData: {{{{ vars.ok }}}}\n"),
    );
    assert_eq!(said(&numbers), [""; 0]);
}

/// A `Gateway`, which names no namespace, written for two objects, with these CRDs.
fn gateways(crds: &[(&str, &str)]) -> Fleet {
    let listed: Vec<_> = crds.iter().map(|(name, _)| *name).collect();
    let fleet = Fleet::new()
        .file(
            "flux-setup.yaml",
            &format!("crds: [{}]\nprojects:\n  - name: web\n    repository: https://github.com/acme/web\n    objects:\n      - {{name: a, template: one}}\n      - {{name: b, template: one}}\n", listed.join(", ")),
        )
        .file("environments/staging.yaml", "ref: {branch: main}\n")
        .file("templates/one.yaml.tera", "apiVersion: gateway.networking.k8s.io/v1\nkind: Gateway\nmetadata:\n  name: {{ name }}\n  labels: {{ labels | yaml(indent=4) }}\n");
    crds.iter()
        .fold(fleet, |fleet, (name, text)| fleet.file(name, text))
}

fn crd(scope: &str) -> String {
    format!(
        "apiVersion: apiextensions.k8s.io/v1\nkind: CustomResourceDefinition\nmetadata: {{name: gateways.gateway.networking.k8s.io}}\nspec:\n  group: gateway.networking.k8s.io\n  scope: {scope}\n  names: {{kind: Gateway, plural: gateways, singular: gateway, listKind: GatewayList}}\n  versions:\n  - name: v1\n    served: true\n    storage: true\n    schema: {{openAPIV3Schema: {{type: object}}}}\n"
    )
}

#[test]
fn a_custom_kind_needs_a_namespace_as_its_crd_says() {
    let text = crd("Cluster");
    assert_eq!(said(&gateways(&[("crd.yaml", &text)])), [""; 0]);
    let text = crd("Namespaced");
    insta::assert_snapshot!(said(&gateways(&[("crd.yaml", &text)])).join("\n"), @r##"
    templates/one.yaml.tera:4:3 template `one`: its document needs `metadata.namespace` as it is planned (write `namespace: {{ namespace }}` below its `metadata`)
    "##);
    // once for both objects
    insta::assert_snapshot!(said(&gateways(&[])).join("\n"), @r##"
    templates/one.yaml.tera:4:3 template `one`: nothing says whether a Gateway of gateway.networking.k8s.io/v1 lies in a namespace (write `namespace: {{ namespace }}` below its `metadata`, or name its CustomResourceDefinition under `crds`)
    "##);
}

#[test]
fn a_file_names_the_template_of_its_objects_and_what_that_includes() {
    let fleet = with_template(&format!("{HEAD}{{% include 'part' %}}"), "{ok: fine}")
        .file("templates/part.yaml.tera", "{% include 'deep' %}\n")
        .file("templates/deep.yaml.tera", "data:\n  a: {{ vars.ok }}\n")
        .file("templates/other.yaml.tera", "# of nobody\n");
    let run = fleet.run(&["render", "--output", "out"]);
    assert_eq!(run.code, Some(0), "{run:#?}");
    let text = std::fs::read_to_string(fleet.path().join("out/staging/web.yaml")).unwrap();
    assert_eq!(
        text.lines().nth(1),
        Some(
            "# made from environments/staging.yaml, flux-setup.yaml, templates/deep.yaml.tera, \
             templates/one.yaml.tera, templates/part.yaml.tera; change those and render again"
        )
    );
}

#[test]
fn no_template_works_or_grows_without_end() {
    let big = "{% set big = 'x' %}".to_owned() + &"{% set big = big ~ big %}".repeat(19);
    let turns = |body: &str| format!("{{% for a in range(end=50000) %}}{body}{{% endfor %}}");
    for (text, message) in [
        // two hundred million turns that write nothing
        (
            "{% for a in range(end=20000) %}{% for b in range(end=10000) %}{% endfor %}{% endfor %}".to_owned(),
            "its loops and includes take more than 100000 turns",
        ),
        (
            "{% for a in range(end=200000000) %}{% endfor %}".to_owned(),
            "`range` makes more than 100000 numbers",
        ),
        // few turns that each do much
        (
            turns("{% if range(end=99999) | length == 1 %}{% endif %}"),
            "steps of work",
        ),
        (
            format!("{big}{}", turns("{% if big ~ a == big %}{% endif %}")),
            "steps of work",
        ),
        (
            format!("{big}{}", turns("{% if big | split(pat='') | length == 1 %}{% endif %}")),
            "steps of work",
        ),
        (
            big.clone() + &format!("{{% if {}big == 'x' %}}{{% endif %}}", "big ~ ".repeat(80)).repeat(2),
            "steps of work",
        ),
        (
            "{% if range(end=99999) | unique | length == 1 %}{% endif %}".to_owned(),
            "steps of work",
        ),
        // what grows
        (
            "{% set x = 'x' %}".to_owned() + &"{% set x = x ~ x %}".repeat(64),
            "larger than 1048576 bytes",
        ),
        (
            format!("{{% set_global x = [] %}}{}", turns("{% set_global x = [x] %}")),
            "nested deeper than 64 times",
        ),
        (
            format!("{{% set x = '\"' %}}{{% if {}x{} == 'x' %}}{{% endif %}}", "{'a': ".repeat(30), "} ~ ''".repeat(30)),
            "steps of work",
        ),
        (
            format!("{big}{{{{ [{}] | str }}}}", "big, ".repeat(3)),
            "`str` makes a text that is longer than 1048576 bytes",
        ),
        (
            format!("{{% set x = [{}] %}}a: {{{{ [[x, x, x, x, x, x, x, x], x] | yaml(indent=64) }}}}", "1,".repeat(10000)),
            "its document is longer than 1048576 bytes",
        ),
    ] {
        let fleet = with_template(&format!("{HEAD}{text}"), "{}");
        let begin = std::time::Instant::now();
        let found = said(&fleet);
        let shown = &text[..text.len().min(200)];
        assert!(found.iter().any(|one| one.contains(message)), "{shown}: {found:#?}");
        assert!(begin.elapsed().as_secs() < 300, "{shown}: {:?}", begin.elapsed());
    }
}

/// A Kustomization by a template of the user's, with these lines of its `spec`.
fn kustomization(lines: &str) -> String {
    format!("{KUSTOMIZATION}spec:\n  interval: 5m\n  prune: true\n{lines}")
}

const OWN_SOURCE: &str = "  sourceRef: {kind: {{ source.kind }}, name: {{ source.name }}}\n";

#[test]
fn others_wait_for_a_kustomization_that_a_template_of_the_users_writes() {
    let fleet = Fleet::new()
        .file(
            "flux-setup.yaml",
            "projects:\n  - name: web\n    repository: https://github.com/acme/web\n    objects:\n      - {name: a, template: one}\n      - {name: b, dependsOn: [a]}\n      - {name: c, template: settings}\n  - name: api\n    repository: https://github.com/acme/api\n    dependsOn: [web/a, web]\n  - name: shop\n    repository: https://github.com/acme/shop\n    dependsOn: [web/c]\n",
        )
        .file("environments/staging.yaml", "ref: {branch: main}\n")
        .file("templates/settings.yaml.tera", HEAD)
        .file("templates/one.yaml.tera", &kustomization(OWN_SOURCE));
    // a ConfigMap is none
    insta::assert_snapshot!(said(&fleet).join("\n"), @r##"
    flux-setup.yaml:13:17 `c` is an object of another kind; Flux waits only for objects of the same kind (wait for a Kustomization; a template of yours says plainly that it writes one, in the lines `apiVersion: …` and `kind: Kustomization`)
    "##);
    let config = std::fs::read_to_string(fleet.path().join("flux-setup.yaml")).unwrap();
    let fleet = fleet.file("flux-setup.yaml", &config.replace("[web/c]", "[web/b]"));
    assert_eq!(said(&fleet), [""; 0]);
    let run = fleet.run(&["render", "--project", "api"]);
    assert!(
        run.stdout
            .ends_with("  dependsOn:\n    - name: a-staging\n    - name: b-staging\n"),
        "{run:#?}"
    );
}

#[test]
fn what_a_kustomization_of_the_users_refers_to_is_there_or_managed_by_others() {
    let objects = "      - {name: a, template: one, vars: {source: nope, after: nobody}}\n      - {name: b, template: one, vars: {source: web-staging, after: a-staging}}\n      - {name: c, template: one, vars: {source: charts-staging, after: infra}, dependsOn: [{external: infra}]}\n      - {name: charts, template: charts}\n";
    let text = kustomization(
        "  sourceRef: {kind: GitRepository, name: {{ vars.source }}}\n  dependsOn:\n    - name: {{ vars.after }}\n    - name: gone\n",
    );
    let fleet = with_objects(objects)
        .file("templates/one.yaml.tera", &text)
        .file("templates/charts.yaml.tera", "apiVersion: source.toolkit.fluxcd.io/v1\nkind: GitRepository\nmetadata:\n  name: {{ name }}\n  namespace: {{ namespace }}\n  labels: {{ labels | yaml(indent=4) }}\nspec:\n  interval: 5m\n  url: https://github.com/acme/charts\n  ref: {branch: main}\n");
    insta::assert_snapshot!(said(&fleet).join("\n"), @r##"
    flux-setup.yaml:5:49 refers to GitRepository flux-system/nope, which is not there in `staging` (written by line 10 of template `one`) (name a source of the same cluster, or one that somebody else manages as the `source: {external: NAME, kind: KIND}` of a project)
    flux-setup.yaml:5:62 refers to Kustomization flux-system/nobody, which is not there in `staging` (written by line 12 of template `one`) (name a Kustomization of the same cluster, or write `dependsOn: [{external: NAME}]` where the object is configured)
    templates/one.yaml.tera:13:13 template `one`: refers to Kustomization flux-system/gone, which is not there in `staging` (name a Kustomization of the same cluster, or write `dependsOn: [{external: NAME}]` where the object is configured)
    "##);
}

#[test]
fn a_ring_that_a_template_of_the_users_closes_is_found() {
    let objects = "      - {name: a, template: one}\n      - {name: b, dependsOn: [a]}\n      - {name: c, dependsOn: [b]}\n";
    let text = kustomization(&format!(
        "{OWN_SOURCE}  dependsOn:\n    - name: c-staging\n"
    ));
    let fleet = with_objects(objects).file("templates/one.yaml.tera", &text);
    insta::assert_snapshot!(said(&fleet).join("\n"), @r##"
    templates/one.yaml.tera:12:13 template `one`: objects wait for each other in a ring: web/a → web/c → web/b → web/a in `staging` (take one `dependsOn` of the ring away)
    "##);
    // what the plan says is not said again
    let objects =
        "      - {name: a, template: one, dependsOn: [b]}\n      - {name: b, dependsOn: [a]}\n";
    let text = kustomization(&format!(
        "{OWN_SOURCE}  dependsOn: {{{{ spec.dependsOn | yaml(indent=4) }}}}\n"
    ));
    let fleet = with_objects(objects).file("templates/one.yaml.tera", &text);
    insta::assert_snapshot!(said(&fleet).join("\n"), @r##"
    flux-setup.yaml:6:31 objects wait for each other in a ring: web/a → web/b → web/a in `staging` (take one `dependsOn` of the ring away)
    "##);
}

#[test]
fn a_cluster_that_forbids_other_namespaces_is_said_once_of_a_kustomization_of_the_users() {
    let fleet = Fleet::new()
        .file(
            "flux-setup.yaml",
            "clusters: [{name: shut, crossNamespace: false}]\nprojects:\n  - name: web\n    source: {external: web, kind: GitRepository, namespace: elsewhere}\n    objects:\n      - {name: a, template: one}\n",
        )
        .file("environments/staging.yaml", "ref: {branch: main}\ncluster: shut\n")
        .file("templates/one.yaml.tera", &kustomization("  sourceRef: {{ spec.sourceRef | yaml(indent=4) }}\n"));
    insta::assert_snapshot!(said(&fleet).join("\n"), @r##"
    flux-setup.yaml:4:24 refers to namespace `elsewhere`, and the cluster allows no reference to another namespace than its own `flux-system` (written by line 10 of template `one`) (move one of the two, or take `crossNamespace: false` from the cluster)
    "##);
}
