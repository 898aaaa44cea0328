//! A configuration on disk, planned, proved, rendered and written.

use std::fs;
use std::path::Path;

use tempfile::TempDir;

use super::{
    Folder, FolderRequest, Judge, ProofBy, Templates, UserTemplate, compare_folder, prove,
    write_folder, write_manifests,
};
use crate::config::{Configuration, Finding, load};
use crate::flux::lint::lint;
use crate::flux::schema::{Crds, judge};
use crate::flux::yaml::read;
use crate::plan::{Plan, plan};

const ENVIRONMENT: &str = "ref: {branch: main}\npath: ./deploy\n";

/// Writes a configuration of one environment, `staging`, with these projects and templates.
fn configuration(fleet: &str, templates: &[(&str, &str)]) -> (TempDir, Configuration) {
    let folder = tempfile::tempdir().unwrap();
    let put = |path: &str, text: &str| {
        let path = folder.path().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    };
    put("flux-setup.yaml", fleet);
    put("environments/staging.yaml", ENVIRONMENT);
    for (name, text) in templates {
        put(&format!("templates/{name}.yaml.tera"), text);
    }
    let (configuration, findings) = load(folder.path());
    assert_eq!(findings, []);
    (folder, configuration)
}

fn templates(configuration: &Configuration) -> (Templates, Vec<Finding>) {
    let user = configuration
        .templates
        .iter()
        .map(|template| UserTemplate {
            name: template.name.clone(),
            source: template.source,
            text: configuration.sources.text(template.source).to_owned(),
        })
        .collect();
    Templates::load(user)
}

/// Everything that is wrong: `file:line:column [path] message`.
fn faults(configuration: &Configuration, by: ProofBy) -> Vec<String> {
    let (plan, mut findings) = plan(configuration);
    let (mut templates, more) = templates(configuration);
    findings.extend(more);
    findings.extend(templates.lint(&plan));
    let judge = Judge {
        faults: &|_, document| {
            let mut faults = judge(Crds::embedded(), document);
            faults.extend(lint(document));
            faults
        },
        scope: &|_, document| Crds::embedded().scope(document),
    };
    findings.extend(prove(&plan, &templates, by, judge));
    findings
        .iter()
        .map(|finding| {
            let position = configuration.sources.position(finding.span);
            let file = Path::new(configuration.sources.name(finding.span.source));
            format!(
                "{}:{}:{} [{}] {}",
                file.file_name().unwrap().to_string_lossy(),
                position.line,
                position.column,
                finding.path,
                finding.message
            )
        })
        .collect()
}

fn stream(configuration: &Configuration) -> String {
    let (plan, findings) = plan(configuration);
    assert_eq!(findings, []);
    let (templates, findings) = templates(configuration);
    assert_eq!(findings, []);
    let mut out = Vec::new();
    write_manifests(&plan, &templates, &mut out).unwrap();
    String::from_utf8(out).unwrap()
}

const WEB: &str = "projects:\n- {name: web, repository: 'https://github.com/acme/web'}\n";

#[test]
fn a_project_becomes_a_source_and_a_kustomization() {
    let (_folder, configuration) = configuration(WEB, &[]);
    assert_eq!(faults(&configuration, ProofBy::Text), [""; 0]);
    assert_eq!(faults(&configuration, ProofBy::Values), [""; 0]);
    insta::assert_snapshot!(stream(&configuration), @r#"
    ---
    apiVersion: source.toolkit.fluxcd.io/v1
    kind: GitRepository
    metadata:
      name: web-staging
      namespace: flux-system
      labels:
        app.kubernetes.io/managed-by: flux-setup
        flux-setup.dev/environment: staging
        flux-setup.dev/project: web
    spec:
      url: https://github.com/acme/web
      interval: 3m
      timeout: 2m
      ref:
        branch: main
    ---
    apiVersion: kustomize.toolkit.fluxcd.io/v1
    kind: Kustomization
    metadata:
      name: web-staging
      namespace: flux-system
      labels:
        app.kubernetes.io/managed-by: flux-setup
        flux-setup.dev/environment: staging
        flux-setup.dev/project: web
    spec:
      interval: 3m
      timeout: 2m
      sourceRef:
        kind: GitRepository
        name: web-staging
      path: ./deploy
      prune: false
    "#);
}

#[test]
fn a_timeout_that_is_taken_away_is_left_to_flux() {
    let written = |said: &str| {
        let project = format!("{{name: web, repository: https://github.com/acme/web{said}}}");
        stream(&configuration(&format!("projects: [{project}]\n"), &[]).1)
    };
    let timeouts = |said: &str| written(said).matches("timeout: 2m").count();
    assert_eq!(timeouts(""), 2);
    assert_eq!(timeouts(", timeouts: {kustomization: null}"), 1);
    assert_eq!(timeouts(", timeout: null"), 0);
    assert!(!written(", timeout: null").contains("timeout"));
}

#[test]
fn a_fault_of_a_document_is_said_where_it_was_configured_by_text_and_by_values_alike() {
    let fleet = "projects:\n- name: web\n  repository: https://github.com/acme/web\n  \
                 kustomization: {force: maybe}\n  gitRepository: {nope: 1}\n";
    let (_folder, configuration) = configuration(fleet, &[]);
    let by_text = faults(&configuration, ProofBy::Text);
    assert_eq!(by_text, faults(&configuration, ProofBy::Values));
    insta::assert_snapshot!(by_text.join("\n"), @r#"
    flux-setup.yaml:5:19 [spec.nope] unknown field `nope`
    flux-setup.yaml:4:26 [spec.force] must be a boolean, not a string
    "#);
}

/// Each is put behind the key `kustomization` or `gitRepository` of a project of its own.
const FAULTY_KUSTOMIZATIONS: [&str; 18] = [
    "{force: maybe}",
    "{force: 1}",
    "{nope: 1}",
    "{healthChecks: {a: b}}",
    "{healthChecks: [{apiVersion: v1, kind: Deployment}]}",
    "{healthChecks: [{apiVersion: v1, kind: [], name: a}]}",
    "{patches: [{patch: 1}]}",
    "{patches: [{target: {kind: Deployment}}]}",
    "{images: [{newTag: v1}]}",
    "{images: [{name: 1.50, newTag: 0x1F}]}",
    "{decryption: {provider: rot13}}",
    "{decryption: {secretRef: {}}}",
    "{deletionPolicy: Sometimes}",
    "{kubeConfig: {}}",
    "{namePrefix: ''}",
    "{nameSuffix: [a]}",
    "{commonMetadata: {labels: {a: true, b: .nan, c: 1e999}}}",
    "{postBuild: {substituteFrom: [{kind: Pod, name: a}, {kind: Secret}]}}",
];
const FAULTY_REPOSITORIES: [&str; 8] = [
    "{nope: {a: [b]}}",
    "{recurseSubmodules: 'yes'}",
    "{ignore: 12}",
    "{verify: {mode: Maybe, secretRef: {name: a}}}",
    "{verify: {}}",
    "{include: [{repository: {}}]}",
    "{sparseCheckout: [1, true, null]}",
    "{proxySecretRef: {name: null}}",
];

#[test]
fn the_fast_path_finds_what_the_texts_show_in_sound_and_in_faulty_fleets() {
    let top = Path::new(env!("CARGO_MANIFEST_DIR"));
    for folder in [top.to_owned(), top.join("tests/fleets/everything")] {
        let (configuration, findings) = load(&folder);
        assert_eq!(findings, []);
        let by_text = faults(&configuration, ProofBy::Text);
        assert_eq!(by_text, [""; 0]);
        assert_eq!(faults(&configuration, ProofBy::Values), by_text);
    }
    let mut fleet = "projects:\n".to_owned();
    let kustomizations = FAULTY_KUSTOMIZATIONS.map(|text| ("kustomization", text));
    let repositories = FAULTY_REPOSITORIES.map(|text| ("gitRepository", text));
    for (number, (key, text)) in kustomizations.iter().chain(&repositories).enumerate() {
        fleet += &format!(
            "- {{name: p{number}, repository: 'https://github.com/acme/p', {key}: {text}}}\n"
        );
    }
    // what is too long only its text shows
    let long = "\u{1}".repeat(900_000).replace('\u{1}', "\\x01");
    fleet += &format!(
        "- {{name: long, repository: 'https://github.com/acme/p', annotations: {{a/b: \"{long}\"}}}}\n"
    );
    let (_folder, configuration) = configuration(&fleet, &[]);
    let by_text = faults(&configuration, ProofBy::Text);
    assert_eq!(faults(&configuration, ProofBy::Values), by_text);
    let places = FAULTY_KUSTOMIZATIONS.len() + FAULTY_REPOSITORIES.len();
    assert!(by_text.len() > places, "{}", by_text.join("\n"));
}

const SETTINGS: &str = "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: {{ name }}\n  \
                        namespace: {{ namespace }}\n  labels: {{ labels | yaml(indent=4) }}\n";

fn with_object(rest: &str) -> (TempDir, Configuration) {
    let fleet = "projects:\n- name: web\n  repository: https://github.com/acme/web\n  objects:\n  \
                 - {name: settings, template: settings, vars: {text: plain}}\n";
    configuration(fleet, &[("settings", &format!("{SETTINGS}{rest}"))])
}

#[test]
fn an_object_is_written_by_a_template_of_the_users() {
    let (_folder, configuration) = with_object("data:\n  text: {{ vars.text }}\n");
    assert_eq!(faults(&configuration, ProofBy::Values), [""; 0]);
    assert!(stream(&configuration).ends_with("data:\n  text: plain\n"));
}

/// What is wrong with an `Issuer` that names no namespace, where its CRD has this scope.
fn without_namespace(scope: &str) -> Vec<String> {
    let fleet = "projects:\n- name: web\n  repository: https://github.com/acme/web\n  objects:\n  \
                 - {name: issuer, template: issuer}\n";
    let issuer = "apiVersion: example.com/v1\nkind: Issuer\nmetadata:\n  name: {{ name }}\n  \
                  labels: {{ labels | yaml(indent=4) }}\n";
    let (_folder, configuration) = configuration(fleet, &[("issuer", issuer)]);
    let crd = format!(
        "apiVersion: apiextensions.k8s.io/v1\nkind: CustomResourceDefinition\n\
         metadata: {{name: issuers.example.com}}\nspec:\n  group: example.com\n  scope: {scope}\n  \
         names: {{kind: Issuer, plural: issuers, singular: issuer, listKind: IssuerList}}\n  \
         versions:\n  - name: v1\n    served: true\n    storage: true\n    \
         schema: {{openAPIV3Schema: {{type: object}}}}\n"
    );
    let (crds, crd_faults) = Crds::from_documents(&read(&crd, 0).0);
    assert_eq!(crd_faults, []);
    let crds = crds.over(Crds::embedded());
    let (plan, mut findings) = plan(&configuration);
    let (mut templates, more) = templates(&configuration);
    findings.extend(more);
    findings.extend(templates.lint(&plan));
    let judge = Judge {
        faults: &|_, document| judge(&crds, document),
        scope: &|_, document| crds.scope(document),
    };
    findings.extend(prove(&plan, &templates, ProofBy::Values, judge));
    findings
        .into_iter()
        .map(|finding| finding.message)
        .collect()
}

#[test]
fn an_object_without_namespace_is_sound_where_its_crd_says_that_it_has_none() {
    assert_eq!(without_namespace("Cluster"), [""; 0]);
    let found = without_namespace("Namespaced");
    assert_eq!(found.len(), 1, "{found:?}");
    assert!(
        found[0].ends_with(
            "template `issuer`: its document needs `metadata.namespace` as it is planned"
        ),
        "{found:?}"
    );
}

#[test]
fn a_template_that_a_value_could_break_is_refused_once() {
    let (_folder, configuration) = with_object("data:\n  text: \"{{ vars.text }}\"\n");
    assert_eq!(
        faults(&configuration, ProofBy::Text),
        [
            "settings.yaml.tera:8:13 [] template `settings`: a value of `vars.text` could change \
             the document beyond its own place"
        ]
    );
}

#[test]
fn a_template_that_prints_what_is_not_set_is_refused_at_the_place() {
    let (_folder, configuration) = with_object("data:\n  text: {{ vars.nope }}\n");
    assert_eq!(
        faults(&configuration, ProofBy::Text),
        ["settings.yaml.tera:8:12 [] template `settings`: `vars.nope` is not set"]
    );
}

#[test]
fn a_project_called_kustomization_gets_no_file_of_that_name() {
    let fleet = "projects:\n- {name: kustomization, repository: 'https://github.com/acme/web'}\n";
    let (_folder, configuration) = configuration(fleet, &[]);
    let found = faults(&configuration, ProofBy::Values);
    assert!(
        found.iter().any(|fault| fault.ends_with(
            "project `kustomization` would lie in a file `kustomization.yaml`, which kustomize \
             reads as its own configuration"
        )),
        "{found:?}"
    );
}

fn request<'a>(
    plan: &'a Plan<'a>,
    templates: &'a Templates,
    configuration: &'a Configuration,
    folder: &'a TempDir,
) -> FolderRequest<'a> {
    FolderRequest {
        plan,
        templates,
        sources: &configuration.sources,
        configuration: folder.path(),
        selected: &|_| true,
    }
}

#[test]
fn a_plan_is_written_to_a_folder_and_then_differs_in_nothing() {
    let (folder, configuration) = configuration(WEB, &[]);
    let (plan, _) = plan(&configuration);
    let (templates, _) = templates(&configuration);
    let request = request(&plan, &templates, &configuration, &folder);
    let out = tempfile::tempdir().unwrap();
    let target = Folder::open(out.path()).unwrap();
    let report = write_folder(&target, &request, false).unwrap();
    assert_eq!(report.written.len(), 1);
    assert!(
        compare_folder(Some(&target), &request)
            .unwrap()
            .is_settled()
    );
    let text = fs::read_to_string(out.path().join("staging/web.yaml")).unwrap();
    assert!(
        text.starts_with(
            "# flux-setup: staging/-/web\n# made from environments/staging.yaml, flux-setup.yaml; \
             change those and render again\napiVersion: source.toolkit.fluxcd.io/v1\n"
        ),
        "{text}"
    );
    assert!(text.contains("\n---\napiVersion: kustomize.toolkit.fluxcd.io/v1\n"));
}
