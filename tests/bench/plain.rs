//! Plain manifests in files, as people write them.

use std::fs;
use std::io;

use tempfile::TempDir;

/// Files of one cluster.
const CLUSTER: usize = 100;

/// Writes so many manifests, a file each; every other one is the source of the next.
pub fn files(count: usize) -> io::Result<TempDir> {
    let folder = tempfile::tempdir()?;
    for number in 0..count {
        let cluster = folder.path().join(format!("cluster-{}", number / CLUSTER));
        if number % CLUSTER == 0 {
            fs::create_dir(&cluster)?;
        }
        fs::write(cluster.join(format!("{number}.yaml")), manifest(number))?;
    }
    Ok(folder)
}

fn manifest(number: usize) -> String {
    let name = number / 2;
    if number.is_multiple_of(2) {
        return format!(
            "apiVersion: source.toolkit.fluxcd.io/v1\nkind: GitRepository\nmetadata:\n  name: app-{name}\n  \
             namespace: flux-system\nspec:\n  interval: 5m\n  timeout: 1m\n  url: https://github.com/acme/app-{name}\n  \
             ref:\n    branch: main\n  secretRef:\n    name: github-token\n"
        );
    }
    format!(
        "apiVersion: kustomize.toolkit.fluxcd.io/v1\nkind: Kustomization\nmetadata:\n  name: app-{name}\n  \
         namespace: flux-system\n  labels:\n    team: team-{}\nspec:\n  interval: 5m\n  timeout: 2m\n  prune: true\n  \
         wait: true\n  path: ./deploy/overlays/production\n  sourceRef:\n    kind: GitRepository\n    \
         name: app-{name}\n  postBuild:\n    substitute:\n      REGION: eu\n      REPLICAS: \"3\"\n",
        name % 7
    )
}
