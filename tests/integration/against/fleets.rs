//! Fleets of several environments and clusters, and manifests that somebody wrote by hand.

use tempfile::TempDir;

use crate::binary::{Run, command, ended, run_in};
use crate::folders::{folder, write};

/// A source and what is applied of it.
pub(super) fn manifests(name: &str) -> String {
    format!(
        "---\napiVersion: source.toolkit.fluxcd.io/v1\nkind: GitRepository\nmetadata: {{name: {name}, namespace: flux-system}}\nspec: {{url: 'https://github.com/acme/{name}', interval: 5m, timeout: 1m, ref: {{branch: main}}}}\n---\napiVersion: kustomize.toolkit.fluxcd.io/v1\nkind: Kustomization\nmetadata: {{name: {name}, namespace: flux-system}}\nspec: {{interval: 10m, timeout: 2m, prune: true, path: ./deploy, sourceRef: {{kind: GitRepository, name: {name}}}}}\n"
    )
}

/// A project that is rendered as `manifests`, but under another name where there is one; `more` are its
/// keys.
pub(super) fn project(repository: &str, more: &str) -> String {
    format!("- {{name: {repository}, repository: https://github.com/acme/{repository}{more}}}\n")
}

/// What a configuration says, in `fleet`: environments with their clusters, and projects.
pub(super) fn configure(at: &TempDir, environments: &[(&str, &str)], projects: &str) {
    let mut clusters: Vec<&str> = environments
        .iter()
        .flat_map(|(_, clusters)| clusters.split(", "))
        .collect();
    clusters.sort_unstable();
    clusters.dedup();
    let clusters = clusters.iter().map(|name| format!("{{name: {name}}}"));
    let clusters = clusters.collect::<Vec<_>>().join(", ");
    let text = format!(
        "names: '{{object}}'\noutput: '{{cluster}}/{{environment}}/{{project}}.yaml'\ndefaults: {{ref: {{branch: main}}, intervals: {{source: 5m, kustomization: 10m}}, timeouts: {{source: 1m, kustomization: 2m}}, retryInterval: null, path: ./deploy, prune: true}}\nclusters: [{clusters}]\nprojects:\n{projects}"
    );
    write(at.path(), "fleet/flux-setup.yaml", text);
    for (name, clusters) in environments {
        let file = format!("fleet/environments/{name}.yaml");
        write(
            at.path(),
            &file,
            format!("kind: staging\nclusters: [{clusters}]\n"),
        );
    }
}

/// A folder with such a configuration, and files in `old`.
pub(super) fn fleet(
    environments: &[(&str, &str)],
    projects: &str,
    old: &[(&str, &str)],
) -> TempDir {
    let at = folder(&[]);
    configure(&at, environments, projects);
    for (file, text) in old {
        write(at.path(), &format!("old/{file}"), text);
    }
    at
}

pub(super) fn against(at: &TempDir, old: &str, more: &[&str]) -> Run {
    let arguments = ["render", "--config", "fleet", "--check", "--against", old];
    run_in(at.path(), &[&arguments, more].concat())
}

pub(super) fn against_stdin(at: &TempDir, input: &str, more: &[&str]) -> Run {
    let arguments = ["render", "--config", "fleet", "--check", "--against", "-"];
    let output = command(&[&arguments, more].concat())
        .current_dir(at.path())
        .write_stdin(input)
        .output();
    ended(&output.expect("the program was built"))
}

/// The differences of a run, each on a line, without fields, dangers and places.
pub(super) fn differences(run: &Run) -> Vec<&str> {
    let lines = run.stdout.lines().filter(|line| !line.starts_with(' '));
    let lines = lines.map(|line| line.split(" (").next().unwrap_or(line));
    lines.collect()
}
