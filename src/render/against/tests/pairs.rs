//! What is known again under another name.

use super::{git, kustomization, shown};

#[test]
fn objects_that_move_together_are_known_by_what_is_applied_of_them() {
    let tenant = |namespace: &str, path: &str| {
        let source = git("repo", "").replace("acme/repo", "acme/mono");
        let all = source + &kustomization("app", "repo", path, "");
        all.replace("namespace: flux-system", &format!("namespace: {namespace}"))
    };
    let old = tenant("team-alpha", "./alpha") + &tenant("team-beta", "./beta");
    let new = tenant("z1-beta", "./beta") + &tenant("z2-alpha", "./alpha");
    let told = shown(&old, &new);
    for (from, to) in [("team-alpha", "z2-alpha"), ("team-beta", "z1-beta")] {
        for name in ["GitRepository", "Kustomization"] {
            let object = if name == "GitRepository" {
                "repo"
            } else {
                "app"
            };
            let line = format!("{name} {from}/{object}: renamed to {name} {to}/{object}\n");
            assert!(told.contains(&line), "{told}");
        }
    }
    assert!(!told.contains("path"), "{told}");
    // where the same is applied of all, namespaces that are alike are one's
    let old = tenant("team-alpha", "./deploy") + &tenant("team-beta", "./deploy");
    let new = tenant("a-beta", "./deploy") + &tenant("b-alpha", "./deploy");
    let told = shown(&old, &new);
    assert!(
        told.contains("Kustomization team-alpha/app: renamed to Kustomization b-alpha/app\n"),
        "{told}"
    );
}

#[test]
fn the_order_of_keys_hides_no_rename() {
    let release = |name: &str, spec: &str| {
        format!(
            "---\napiVersion: helm.toolkit.fluxcd.io/v2\nkind: HelmRelease\nmetadata: {{name: {name}, namespace: shop}}\nspec: {{{spec}}}\n"
        )
    };
    let old = release("redis2", "interval: 1m, values: {a: 1, b: {c: 2, d: 3}}");
    let new = release("redis", "values: {b: {d: 3, c: 2}, a: 1}, interval: 1m");
    let told = shown(&old, &new);
    assert!(
        told.starts_with("HelmRelease shop/redis2: renamed to HelmRelease shop/redis\n"),
        "{told}"
    );
}
