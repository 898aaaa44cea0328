//! Fleets of any size for the benches: made up, always the same, and like those that people have.

use std::fs;
use std::io;
use std::path::Path;

use tempfile::TempDir;

/// Environments of each fleet; every project has a source and a Kustomization in each.
pub const ENVIRONMENTS: usize = 3;
/// Projects of one team, which stand in one file.
const TEAM: usize = 100;

/// How many manifests a fleet of so many projects has.
pub const fn manifests(projects: usize) -> usize {
    projects * ENVIRONMENTS * 2
}

/// Writes a fleet of so many projects to a folder that goes when it is dropped.
///
/// One file for the fleet, one an environment, and one a team. Of ten projects, six say no more
/// than where they lie; the others override something in one environment, wait for another project,
/// substitute values, or set fields of the CRDs.
pub fn generated(projects: usize) -> io::Result<TempDir> {
    let folder = tempfile::tempdir()?;
    let put = |path: &str, text: &str| write(folder.path(), path, text);
    put("flux-setup.yaml", FLEET)?;
    for (name, branch, extra) in [
        ("development", "main", "prune: true\n"),
        ("staging", "main", "prune: true\nwait: true\n"),
        (
            "production",
            "production",
            "prune: true\ntimeouts: {source: 2m, kustomization: 5m}\n",
        ),
    ] {
        let text = format!(
            "name: {name}\nref: {{branch: {branch}}}\npath: ./deploy/overlays/{name}\n{extra}\
             labels: {{acme.example/environment: {name}}}\nsubstitutions: {{ENVIRONMENT: {name}}}\n"
        );
        put(&format!("environments/{name}.yaml"), &text)?;
    }
    for team in 0..projects.div_ceil(TEAM) {
        let numbers = team * TEAM..((team + 1) * TEAM).min(projects);
        let mut text = String::from("projects:\n");
        for number in numbers {
            project(number, &mut text);
        }
        put(&format!("projects/team-{team:04}.yaml"), &text)?;
    }
    Ok(folder)
}

const FLEET: &str = "\
include: [projects/*.yaml]
defaults:
  secretRef: github-token
  retryInterval: 1m
  labels: {app.kubernetes.io/part-of: acme}
";

fn project(number: usize, text: &mut String) {
    let team = number / TEAM;
    let name = format!("service-{number:05}");
    let mut line = |line: &str| {
        text.push_str(line);
        text.push('\n');
    };
    line(&format!("  - name: {name}"));
    line(&format!("    repository: https://github.com/acme/{name}"));
    line(&format!(
        "    labels: {{acme.example/team: team-{team:04}}}"
    ));
    // the first of each team waits for nothing, so that there is no ring
    let before = number
        .checked_sub(1)
        .filter(|_| !number.is_multiple_of(TEAM));
    match (number % 10, before) {
        (3, Some(before)) => line(&format!("    dependsOn: [service-{before:05}]")),
        (5, _) => {
            line("    substitutions: {REPLICAS: \"2\", LOG_LEVEL: info}");
            line("    environments:");
            line("      production: {substitutions: {REPLICAS: \"6\", LOG_LEVEL: warn}}");
        }
        (7, _) => {
            line("    environments:");
            line(
                "      production: {intervals: {source: 10m, kustomization: 15m}, path: ./deploy/prod}",
            );
        }
        (9, _) => {
            line("    kustomization:");
            line("      healthChecks:");
            line(&format!(
                "        - {{apiVersion: apps/v1, kind: Deployment, name: {name}, namespace: apps}}"
            ));
        }
        _ => {}
    }
}

fn write(folder: &Path, path: &str, text: &str) -> io::Result<()> {
    let path = folder.join(path);
    if let Some(parent) = path.parent() {
        fs::create_dir_all(parent)?;
    }
    fs::write(path, text)
}
