//! Every kind of difference, told apart.

mod dangers;
mod pairs;

use std::sync::Arc;

use crate::flux::schema::Crds;
use crate::flux::yaml::read;

use super::{Against, Change, Comparison, Manifest, ObjectName, Part, compare};

/// The documents of a text; a line `# on: NAME` says whose those behind it are.
fn manifests(text: &str) -> Vec<Manifest> {
    let mut manifests = Vec::new();
    for (index, part) in text.split("# on: ").enumerate() {
        let (cluster, text) = match part.split_once('\n') {
            Some(split) if index > 0 => split,
            _ => ("", part),
        };
        let cluster = (!cluster.is_empty()).then(|| Arc::from(cluster));
        let (documents, faults) = read(text, 0);
        assert_eq!(faults, [], "{text}");
        let found = documents.iter();
        manifests.extend(found.filter_map(|document| Manifest::new(cluster.clone(), document)));
    }
    manifests
}

fn compared(old: &str, new: &str) -> Comparison {
    compared_part(old, new, Part::WHOLE)
}

fn compared_part(old: &str, new: &str, part: Part<'_>) -> Comparison {
    compare(&Against {
        old: &manifests(old),
        new: &manifests(new),
        crds: &|_| Crds::embedded(),
        part,
        is_left_alone: &|_| false,
        is_unknown: &|_| false,
    })
}

/// Each difference as a line, its fields and dangers behind it.
fn shown(old: &str, new: &str) -> String {
    let comparison = compared(old, new);
    let mut lines = Vec::new();
    for one in &comparison.differences {
        let (verb, fields) = match &one.change {
            Change::Added => ("added".to_owned(), &[][..]),
            Change::Removed => ("removed".to_owned(), &[][..]),
            Change::Renamed { to, fields } => (format!("renamed to {to}"), &fields[..]),
            Change::Changed { fields } => ("changed".to_owned(), &fields[..]),
        };
        lines.push(format!("{}: {verb}", one.object));
        lines.extend(fields.iter().map(|field| format!("  {}", field.path)));
        let dangers = one.dangers.iter();
        lines.extend(dangers.map(|danger| format!("  ! {}", danger.message)));
    }
    lines.push(format!(
        "same {}, relabelled {}, left {}",
        comparison.same,
        comparison.relabelled,
        comparison.left_to_others.len()
    ));
    lines.join("\n")
}

fn git(name: &str, more: &str) -> String {
    format!(
        "---\napiVersion: source.toolkit.fluxcd.io/v1\nkind: GitRepository\nmetadata: {{name: {name}, namespace: flux-system}}\nspec: {{url: 'https://github.com/acme/{name}', interval: 1m, ref: {{branch: main}}{more}}}\n"
    )
}

fn kustomization(name: &str, source: &str, path: &str, more: &str) -> String {
    format!(
        "---\napiVersion: kustomize.toolkit.fluxcd.io/v1\nkind: Kustomization\nmetadata: {{name: {name}, namespace: flux-system}}\nspec: {{interval: 1m, prune: true, path: {path}, sourceRef: {{kind: GitRepository, name: {source}}}{more}}}\n"
    )
}

#[test]
fn what_is_the_same_but_for_its_form_and_our_labels_is_no_difference() {
    let old = git("web", ", timeout: 60s") + &kustomization("web", "web", "deploy/", "");
    let labels = "labels: {app.kubernetes.io/managed-by: flux-setup, flux-setup.dev/project: web}";
    let new = old
        .replace(", timeout: 60s", "")
        .replace("interval: 1m", "interval: 60s")
        .replace("deploy/", "./deploy")
        .replace(
            "namespace: flux-system}",
            &format!("namespace: flux-system, {labels}}}"),
        );
    assert_eq!(shown(&old, &new), "same 2, relabelled 2, left 0");
    assert_eq!(shown(&new, &new), "same 2, relabelled 0, left 0");
}

#[test]
fn added_removed_renamed_and_changed_are_told_apart_with_their_dangers() {
    let old = git("web", "")
        + &kustomization("web", "web", "./deploy", "")
        + &kustomization("crds", "web", "./crds", "")
        + &kustomization("gone", "web", "./gone", "")
        + &kustomization("kept", "web", "./kept", ", deletionPolicy: Orphan");
    let new = git("web", ", suspend: true")
        + &kustomization("web", "web", "./deploy/prod", ", retryInterval: 1m")
        + &kustomization("crds-v2", "web", "./crds", "")
        + &kustomization("new", "other", "./new", "");
    insta::assert_snapshot!(shown(&old, &new), @"
    Kustomization flux-system/crds: renamed to Kustomization flux-system/crds-v2
      ! renames Kustomization flux-system/crds to crds-v2 with prune: true: Flux deletes the workloads of `crds`, also those that `crds-v2` applies
    Kustomization flux-system/gone: removed
      ! removes Kustomization flux-system/gone with prune: true: Flux deletes its workloads
    Kustomization flux-system/kept: removed
    Kustomization flux-system/new: added
    Kustomization flux-system/web: changed
      spec.path
      spec.retryInterval
      ! changes the path of Kustomization flux-system/web from `./deploy` to `./deploy/prod`: with prune: true Flux deletes what only the old one has
    GitRepository flux-system/web: changed
      spec.suspend
    same 0, relabelled 0, left 0
    ");
}

#[test]
fn a_reference_that_follows_its_source_to_a_new_name_is_no_danger() {
    let old = git("web", "") + &kustomization("web", "web", "./deploy", "");
    let new = old.replace("name: web, namespace", "name: shop, namespace");
    let new = new.replace(
        "kind: GitRepository, name: web",
        "kind: GitRepository, name: shop",
    );
    insta::assert_snapshot!(shown(&old, &new), @"
    Kustomization flux-system/web: renamed to Kustomization flux-system/shop
      spec.sourceRef.name
      ! renames Kustomization flux-system/web to shop with prune: true: Flux deletes the workloads of `web`, also those that `shop` applies
    GitRepository flux-system/web: renamed to GitRepository flux-system/shop
    same 0, relabelled 0, left 0
    ");
    let other = old.replace(
        "kind: GitRepository, name: web",
        "kind: GitRepository, name: other",
    );
    insta::assert_snapshot!(shown(&old, &other), @"
    Kustomization flux-system/web: changed
      spec.sourceRef.name
      ! changes the source of Kustomization flux-system/web from `GitRepository web` to `GitRepository other`: with prune: true Flux deletes what only the old one has
    same 1, relabelled 0, left 0
    ");
}

#[test]
fn another_version_of_one_api_is_told_as_such_and_its_defaults_are_no_difference() {
    let new = git("web", "") + &kustomization("web", "web", "./deploy", "");
    let old = new.replace("fluxcd.io/v1\n", "fluxcd.io/v1beta2\n");
    assert_ne!(old, new);
    let comparison = compared(&old, &new);
    assert_eq!((comparison.differences.len(), comparison.same), (0, 2));
    let versions = comparison.versions.iter();
    let versions: Vec<_> = versions
        .map(|one| format!("{}: {} to {}", one.object, one.old, one.new))
        .collect();
    assert_eq!(
        versions,
        [
            "Kustomization flux-system/web: v1beta2 to v1",
            "GitRepository flux-system/web: v1beta2 to v1"
        ]
    );
    assert_eq!(compared(&new, &new).versions.len(), 0);
    // what else differs is told beside it
    let changed = old.replace("./deploy", "./other");
    insta::assert_snapshot!(shown(&changed, &new), @"
    Kustomization flux-system/web: changed
      spec.path
      ! changes the path of Kustomization flux-system/web from `./other` to `./deploy`: with prune: true Flux deletes what only the old one has
    same 1, relabelled 0, left 0
    ");
}

#[test]
fn what_is_left_alone_is_not_removed_but_a_rendered_object_is_compared_all_the_same() {
    let old = git("web", "")
        + &kustomization("web", "web", "./deploy", "")
        + &kustomization("mine", "web", "./mine", "");
    let new = git("web", "").replace("main", "other")
        + &kustomization("web", "web", "./deploy", ", wait: true");
    let comparison = compare(&Against {
        old: &manifests(&old),
        new: &manifests(&new),
        crds: &|_| Crds::embedded(),
        part: Part::WHOLE,
        is_left_alone: &|_| true,
        is_unknown: &|_| false,
    });
    let changed: Vec<_> = comparison.differences.iter().collect();
    let [one, other] = changed[..] else {
        panic!("{changed:?}")
    };
    assert!(matches!(one.change, Change::Changed { .. }));
    // what is left alone applies what is fetched as before
    assert!(
        other.dangers[0]
            .message
            .contains("2 Kustomizations follow it")
    );
    let alone: Vec<_> = comparison
        .left_alone
        .iter()
        .map(|(one, _)| &*one.name)
        .collect();
    assert_eq!(alone, ["mine"]);
}

#[test]
fn what_moves_resumes_or_recreates_workloads_is_a_danger() {
    let old = kustomization(
        "web",
        "web",
        "./deploy",
        ", kubeConfig: {secretRef: {name: eu}}",
    ) + &kustomization("api", "web", "./api", ", suspend: true")
        + &kustomization("db", "web", "./db", ", force: false")
        + &git("web", ", suspend: true");
    let new = kustomization(
        "web",
        "web",
        "./deploy",
        ", kubeConfig: {secretRef: {name: us}}",
    ) + &kustomization("api", "web", "./api", "")
        + &kustomization("db", "web", "./db", ", force: true")
        + &git("web", ", suspend: false");
    insta::assert_snapshot!(shown(&old, &new), @"
    Kustomization flux-system/api: changed
      spec.suspend
      ! resumes Kustomization flux-system/api: somebody suspended it, and Flux applies all that came since
    Kustomization flux-system/db: changed
      spec.force
      ! sets `force` of Kustomization flux-system/db: Flux deletes and makes anew what it cannot change in place
    Kustomization flux-system/web: changed
      spec.kubeConfig.secretRef.name
      ! changes the kubeConfig of Kustomization flux-system/web from `secretRef eu` to `secretRef us`: its workloads are applied to another cluster, and in the old one they stay, and nobody looks after them
    GitRepository flux-system/web: changed
      spec.suspend
      ! resumes GitRepository flux-system/web: somebody suspended it, and Flux applies all that came since
    same 0, relabelled 0, left 0
    ");
    let none = |text: &str| shown(text, text).lines().count();
    assert_eq!((none(&old), none(&new)), (1, 1));
    // the other way round nothing is resumed, and nothing forced
    let back = shown(&new, &old);
    assert!(
        !back.contains("resumes") && !back.contains("force` of"),
        "{back}"
    );
}

#[test]
fn another_place_or_ref_of_a_source_is_a_danger_where_it_is_followed_and_pruned() {
    let web = kustomization("web", "web", "./deploy", "");
    let old = git("web", "");
    let to = |from: &str, to: &str| old.replace(from, to);
    let (tag, url) = (to("branch: main", "tag: v1"), to("acme/web", "acme/shop"));
    let both = web.clone() + &kustomization("api", "web", "./api", "");
    insta::assert_snapshot!(shown(&(old.clone() + &web), &(tag.clone() + &web)), @"
    GitRepository flux-system/web: changed
      spec.ref.branch
      spec.ref.tag
      ! changes the ref of GitRepository flux-system/web from `branch main` to `tag v1`: Kustomization flux-system/web follows it with prune: true, and Flux deletes what only the old one has
    same 1, relabelled 0, left 0
    ");
    insta::assert_snapshot!(shown(&(old.clone() + &both), &(url + &both)), @"
    GitRepository flux-system/web: changed
      spec.url
      ! changes the URL of GitRepository flux-system/web: 2 Kustomizations follow it with prune: true, and Flux deletes what only the old one has
    same 2, relabelled 0, left 0
    ");
    let keeps = web.replace("prune: true", "prune: false");
    let other = kustomization("web", "other", "./deploy", "");
    for harmless in [String::new(), keeps, other] {
        let told = shown(&(old.clone() + &harmless), &(tag.clone() + &harmless));
        assert!(!told.contains('!'), "{told}");
    }
    // one that is new has applied nothing yet
    let told = shown(&old, &(tag.clone() + &web));
    assert!(!told.contains('!'), "{told}");
    // those that nobody asked for follow it all the same
    let part = Part {
        has: &|object: &ObjectName| &*object.kind == "GitRepository",
        ..Part::WHOLE
    };
    let comparison = compared_part(&(old + &web), &(tag + &web), part);
    assert_eq!(comparison.differences.len(), 1);
    assert_eq!(comparison.differences[0].dangers.len(), 1);
}

#[test]
fn an_object_that_moves_to_another_namespace_is_known_again() {
    let old = kustomization("web", "web", "./deploy", "");
    let new = old.replace("namespace: flux-system", "namespace: team-a");
    insta::assert_snapshot!(shown(&old, &new), @"
    Kustomization flux-system/web: renamed to Kustomization team-a/web
      ! moves Kustomization flux-system/web to team-a/web with prune: true: Flux deletes the workloads of `flux-system/web`, also those that `team-a/web` applies
    same 0, relabelled 0, left 0
    ");
}

#[test]
fn objects_of_two_clusters_are_two_and_one_that_names_none_is_for_all() {
    let web = |path: &str| kustomization("web", "web", path, "");
    let old = format!("# on: eu\n{}# on: us\n{}", web("./eu"), web("./us"));
    let new = format!("# on: eu\n{}# on: us\n{}", web("./eu"), web("./asia"));
    let difference = "Kustomization flux-system/web on us: changed\n  spec.path\n  ! changes the path of Kustomization flux-system/web on us from `./us` to `./asia`: with prune: true Flux deletes what only the old one has\n";
    assert_eq!(
        shown(&old, &new),
        format!("{difference}same 1, relabelled 0, left 0")
    );
    assert_eq!(
        shown(&web("./eu"), &web("./eu")),
        "same 1, relabelled 0, left 0"
    );
    let both = format!("# on: eu\n{0}# on: us\n{0}", web("./a"));
    assert_eq!(shown(&web("./a"), &both), "same 2, relabelled 0, left 0");
}

#[test]
fn what_others_manage_is_not_taken_for_removed() {
    let old = git("flux-system", "")
        + &kustomization("flux-system", "flux-system", "./clusters", "")
        + &git("base", "")
        + &kustomization("infra", "base", "./infra", "")
        + &kustomization("web", "base", "./deploy", ", dependsOn: [{name: infra}]")
        + "---\napiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\n";
    let new = kustomization("web", "base", "./deploy", ", dependsOn: [{name: infra}]");
    assert_eq!(shown(&old, &new), "same 1, relabelled 0, left 4");
}

#[test]
fn what_another_cluster_leaves_to_others_is_removed_from_this_one() {
    let web = kustomization("web", "web", "./web", "");
    let waits = kustomization("shop", "web", "./shop", ", dependsOn: [{name: web}]");
    let old = format!("# on: eu\n{web}# on: us\n{web}{waits}");
    let told = shown(&old, &format!("# on: us\n{waits}"));
    assert!(
        told.contains("Kustomization flux-system/web on eu: removed\n"),
        "{told}"
    );
    assert!(told.ends_with("same 1, relabelled 0, left 1"), "{told}");
}

#[test]
fn of_a_part_of_the_fleet_that_is_told_which_may_be_gone_from_it() {
    let old = git("web", "") + &git("shop", "") + &git("old-api", "") + &git("gone", "");
    let new = git("web", ", timeout: 9s") + &git("shop", ", timeout: 9s") + &git("api", "");
    let new = new.replace("acme/api", "acme/old-api");
    let told = |may_have: &dyn Fn(&Manifest) -> bool, name: &str| {
        let part = Part {
            has: &|object: &ObjectName| &*object.name == name,
            may_have,
            ..Part::WHOLE
        };
        let comparison = compared_part(&old, &new, part);
        let differences = comparison.differences.iter();
        let told: Vec<_> = differences.map(|one| one.object.name.to_string()).collect();
        told.join(" ")
    };
    assert_eq!(told(&|_| true, "web"), "gone web");
    assert_eq!(told(&|_| false, "web"), "web");
    assert_eq!(told(&|_| false, "api"), "old-api");
}

#[test]
fn what_names_no_cluster_and_is_rendered_for_others_than_are_asked_for_may_be_gone() {
    let all = format!("# on: eu\n{}# on: us\n{}", git("web", ""), git("api", ""));
    let of_any = git("web", "") + &git("api", "");
    let part = Part {
        has: &|object: &ObjectName| object.cluster.as_deref() == Some("eu"),
        reaches: &|cluster| cluster == Some("eu"),
        ..Part::WHOLE
    };
    let comparison = compared_part(&of_any, &all, part);
    let unplaced = comparison.unplaced.iter();
    let unplaced: Vec<_> = unplaced.map(|(object, _)| &*object.name).collect();
    assert_eq!((unplaced, comparison.same), (vec!["api"], 1));
    let comparison = compared(&of_any, &all);
    assert_eq!((comparison.unplaced.len(), comparison.same), (0, 2));
    assert_eq!(comparison.of_any_cluster, 2);
    assert_eq!(compared(&all, &all).of_any_cluster, 0);
}

#[test]
fn clusters_for_which_nothing_is_rendered_are_named() {
    let old = format!("# on: eu\n{0}# on: us\n{0}", git("web", ""));
    let new = format!("# on: eu\n{}", git("web", ""));
    let strange = |new: &str| compared(&old, new).of_strange_clusters;
    assert_eq!(strange(&new), [("us".into(), 1)].into());
    assert!(strange(&git("web", "")).is_empty());
}

#[test]
fn what_we_wrote_is_removed_even_where_it_becomes_somebody_elses_or_was_the_last_of_its_kind() {
    const LABELS: &str =
        "namespace: flux-system, labels: {app.kubernetes.io/managed-by: flux-setup}}";
    let waits = kustomization("web", "base", "./deploy", ", dependsOn: [{name: infra}]");
    let infra = kustomization("infra", "base", "./infra", "");
    let release = "---\napiVersion: helm.toolkit.fluxcd.io/v2\nkind: HelmRelease\nmetadata: {name: shop, namespace: flux-system}\nspec: {interval: 1m}\n";
    let by_others = git("base", "") + &infra + release;
    let ours = by_others.replace("namespace: flux-system}", LABELS);
    assert_eq!(
        shown(&(by_others + &waits), &waits),
        "same 1, relabelled 0, left 2"
    );
    insta::assert_snapshot!(shown(&(ours + &waits), &waits), @"
    HelmRelease flux-system/shop: removed
      ! removes HelmRelease flux-system/shop: Flux uninstalls its release
    Kustomization flux-system/infra: removed
      ! removes Kustomization flux-system/infra with prune: true: Flux deletes its workloads
    GitRepository flux-system/base: removed
    same 1, relabelled 0, left 0
    ");
}

#[test]
fn what_takes_more_with_it_when_it_goes_is_a_danger() {
    let object = |version: &str, kind: &str, name: &str, spec: &str| {
        format!(
            "---\napiVersion: {version}\nkind: {kind}\nmetadata: {{name: {name}, namespace: shop}}\n{spec}\n"
        )
    };
    let release = |name: &str, spec: &str| {
        object(
            "helm.toolkit.fluxcd.io/v2",
            "HelmRelease",
            name,
            &format!("spec: {{interval: 1m, {spec}}}"),
        )
    };
    let claim = |name: &str| object("v1", "PersistentVolumeClaim", name, "spec: {volumeName: a}");
    let old = release(
        "web",
        "releaseName: web, chartRef: {kind: OCIRepository, name: web}",
    ) + &release("old", "chartRef: {kind: OCIRepository, name: other}")
        + &claim("data")
        + "---\napiVersion: v1\nkind: Namespace\nmetadata: {name: gone}\n";
    let new = release(
        "web",
        "releaseName: shop, chartRef: {kind: OCIRepository, name: web}",
    ) + &release("new", "chartRef: {kind: OCIRepository, name: other}")
        + &claim("more").replace("volumeName: a", "volumeName: b")
        + "---\napiVersion: v1\nkind: Namespace\nmetadata: {name: shop}\n";
    insta::assert_snapshot!(shown(&old, &new), @"
    Namespace gone: renamed to Namespace shop
      ! makes Namespace gone anew as Namespace shop: all that is in it is deleted
    PersistentVolumeClaim shop/data: removed
      ! removes PersistentVolumeClaim shop/data: its data may be deleted
    PersistentVolumeClaim shop/more: added
    HelmRelease shop/old: renamed to HelmRelease shop/new
      ! makes HelmRelease shop/old anew as HelmRelease shop/new: Flux uninstalls its release
    HelmRelease shop/web: changed
      spec.releaseName
      ! changes the release name of HelmRelease shop/web from `web` to `shop`: Flux uninstalls the release from before
    same 0, relabelled 0, left 0
    ");
}

#[test]
fn what_of_a_source_its_followers_see_is_as_dangerous_as_what_it_fetches() {
    let web = kustomization("web", "web", "./deploy", ", components: [../a, ../b]");
    let fewer = kustomization("web", "web", "./deploy", ", components: []");
    let old = git("web", ", ignore: /docs, sparseCheckout: [deploy]");
    let new = git(
        "web",
        ", ignore: '/*', sparseCheckout: [other], include: [{repository: {name: a}}]",
    );
    insta::assert_snapshot!(shown(&(old.clone() + &web), &(new + &web)), @"
    GitRepository flux-system/web: changed
      spec.ignore
      spec.sparseCheckout[0]
      spec.include
      ! changes `ignore` of GitRepository flux-system/web: Kustomization flux-system/web follows it with prune: true, and Flux deletes what only the old one has
      ! changes `include` of GitRepository flux-system/web: Kustomization flux-system/web follows it with prune: true, and Flux deletes what only the old one has
      ! changes `sparseCheckout` of GitRepository flux-system/web: Kustomization flux-system/web follows it with prune: true, and Flux deletes what only the old one has
    same 1, relabelled 0, left 0
    ");
    insta::assert_snapshot!(shown(&(old.clone() + &web), &(old + &fewer)), @"
    Kustomization flux-system/web: changed
      spec.components
      ! changes the components of Kustomization flux-system/web from `../a, ../b` to none: with prune: true Flux deletes what only the old one has
    same 1, relabelled 0, left 0
    ");
}

#[test]
fn what_is_there_twice_is_told_and_counted_once() {
    let web = git("web", "");
    let twice = |old: &str, new: &str| {
        let comparison = compared(old, new);
        (comparison.twice.len(), comparison.same)
    };
    assert_eq!(twice(&(web.clone() + &web), &web), (1, 1));
    let eu = format!("# on: eu\n{web}");
    let both = format!("{eu}# on: us\n{web}");
    assert_eq!(twice(&both, &both), (0, 2));
    assert_eq!(twice(&format!("{both}{web}"), &both), (1, 2));
    // of which cluster either is nobody says
    assert_eq!(twice(&(web.clone() + &web), &both), (0, 4));
}
