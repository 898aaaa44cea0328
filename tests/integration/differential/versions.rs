//! The judge agrees with the API server about every Flux whose CRDs the program holds.

use std::fs;
use std::io::Read;
use std::path::Path;

use flate2::read::GzDecoder;
use flux_setup::flux::schema::{Coverage, Crds, FluxVersion, judge};
use flux_setup::flux::yaml;
use serde_json::{Value, json};

use super::mutants::Mutant;
use super::seeds::{self, Seed};
use super::{FLUX, NAMESPACE, agree_on_mutants, compare, repository};
use crate::api_server::{ApiServer, Target};

const MUTANTS: u64 = 300;

/// What not every version takes: API version, kind and spec, the first version that takes it and the last.
fn differences() -> Vec<(
    &'static str,
    &'static str,
    Value,
    &'static str,
    &'static str,
)> {
    const FIRST: &str = "2.6";
    const LAST: &str = "2.10";
    let source = json!({"interval": "1m", "url": "https://github.com/acme/web"});
    let azure = json!({
        "interval": "1m", "url": "https://github.com/acme/web", "provider": "azure", "serviceAccountName": "reader",
    });
    let applied = |more: Value| {
        let mut spec = json!({
            "interval": "1m", "prune": true, "sourceRef": {"kind": "GitRepository", "name": "web"},
        });
        for (key, value) in more.as_object().into_iter().flatten() {
            spec[key] = value.clone();
        }
        spec
    };
    let release = |more: Value| {
        let mut spec = json!({
            "interval": "1h", "chartRef": {"kind": "OCIRepository", "name": "web"},
        });
        for (key, value) in more.as_object().into_iter().flatten() {
            spec[key] = value.clone();
        }
        spec
    };
    let external = json!({"sourceRef": {"apiVersion": "v1", "kind": "ConfigMap", "name": "a"}});
    let policy =
        json!({"imageRepositoryRef": {"name": "web"}, "policy": {"semver": {"range": "1.x"}}});
    let alert = json!({"providerRef": {"name": "chat"}, "eventSources": [{"kind": "GitRepository", "name": "*"}]});
    let receiver = |resource: Value| json!({"type": "github", "secretRef": {"name": "token"}, "resources": [resource]});
    let web = json!({"kind": "GitRepository", "name": "web"});
    let filtered = json!({"kind": "GitRepository", "name": "web", "filter": "true"});
    let generator = |copy: Value| {
        json!({
            "sources": [{"alias": "a", "kind": "GitRepository", "name": "web"}],
            "artifacts": [{"name": "web", "copy": [copy]}],
        })
    };
    let copy = json!({"from": "@a/**", "to": "@artifact/"});
    let optional = json!({"from": "@a/**", "to": "@artifact/", "optional": true});
    const SOURCE: &str = "source.toolkit.fluxcd.io/v1";
    const KUSTOMIZE: &str = "kustomize.toolkit.fluxcd.io/v1";
    const HELM: &str = "helm.toolkit.fluxcd.io/v2";
    const GENERATORS: &str = "source.extensions.fluxcd.io/v1beta1";
    vec![
        (
            "source.toolkit.fluxcd.io/v1beta1",
            "GitRepository",
            source.clone(),
            FIRST,
            "2.6",
        ),
        (
            "source.toolkit.fluxcd.io/v1beta2",
            "GitRepository",
            source.clone(),
            FIRST,
            "2.7",
        ),
        (SOURCE, "GitRepository", source, FIRST, LAST),
        (SOURCE, "GitRepository", azure, "2.7", LAST),
        (SOURCE, "ExternalArtifact", external, "2.7", LAST),
        (
            KUSTOMIZE,
            "Kustomization",
            applied(json!({"ignoreMissingComponents": true})),
            "2.7",
            LAST,
        ),
        (
            KUSTOMIZE,
            "Kustomization",
            applied(json!({"buildMetadata": ["originAnnotations"]})),
            "2.9",
            LAST,
        ),
        (
            "helm.toolkit.fluxcd.io/v2beta2",
            "HelmRelease",
            release(json!({})),
            FIRST,
            "2.7",
        ),
        (
            HELM,
            "HelmRelease",
            release(json!({"commonMetadata": {"labels": {"a": "b"}}})),
            "2.7",
            LAST,
        ),
        (
            HELM,
            "HelmRelease",
            release(json!({"upgrade": {"serverSideApply": "auto"}})),
            "2.8",
            LAST,
        ),
        (
            "image.toolkit.fluxcd.io/v1beta2",
            "ImagePolicy",
            policy.clone(),
            FIRST,
            "2.8",
        ),
        (
            "image.toolkit.fluxcd.io/v1",
            "ImagePolicy",
            policy,
            "2.7",
            LAST,
        ),
        (
            "notification.toolkit.fluxcd.io/v1beta2",
            "Alert",
            alert.clone(),
            FIRST,
            "2.8",
        ),
        (
            "notification.toolkit.fluxcd.io/v1beta3",
            "Alert",
            alert.clone(),
            FIRST,
            LAST,
        ),
        (
            "notification.toolkit.fluxcd.io/v1",
            "Alert",
            alert,
            "2.10",
            LAST,
        ),
        (
            "notification.toolkit.fluxcd.io/v1",
            "Receiver",
            receiver(web),
            FIRST,
            LAST,
        ),
        (
            "notification.toolkit.fluxcd.io/v1",
            "Receiver",
            receiver(filtered),
            "2.9",
            LAST,
        ),
        (
            GENERATORS,
            "ArtifactGenerator",
            generator(copy),
            "2.7",
            LAST,
        ),
        (
            GENERATORS,
            "ArtifactGenerator",
            generator(optional),
            "2.10",
            LAST,
        ),
    ]
}

#[test]
#[ignore = "needs a Kubernetes API server"]
fn each_version_takes_what_its_api_server_takes() {
    for version in FluxVersion::all() {
        let server = ApiServer::start_empty();
        let folder = crds_of(version);
        server.install_crds(folder.path());
        server.create_namespace(NAMESPACE);
        agree_on_differences(&server, version);
        if version != FluxVersion::default() {
            agree_on_kinds(&server, version, folder.path());
        }
    }
}

fn agree_on_differences(server: &ApiServer, version: FluxVersion) {
    for (api_version, kind, spec, first, last) in differences() {
        let metadata = json!({"name": "web", "namespace": NAMESPACE});
        let object =
            json!({"apiVersion": api_version, "kind": kind, "metadata": metadata, "spec": spec});
        let read = |text| FluxVersion::parse(text).expect("a version");
        let expected = read(first) <= version && version <= read(last);
        let theirs = is_served(server, api_version, kind)
            && server
                .strict_apply(Target::of(&object), &object.to_string())
                .is_accepted();
        let document = &yaml::read(&object.to_string(), 0).0[0];
        let faults = judge(version.crds(), document);
        let ours = version.crds().coverage(document) == Coverage::Whole && faults.is_empty();
        assert_eq!(
            (ours, theirs),
            (expected, expected),
            "Flux {version}: {object}\n{faults:?}"
        );
    }
}

/// Of every kind in every version of its API, where the server takes the seed.
fn agree_on_kinds(server: &ApiServer, version: FluxVersion, folder: &Path) {
    let crds: &Crds = version.crds();
    let seeds = seeds::flux().into_iter().flat_map(|seed| {
        let versions = served(folder, seed.kind);
        versions.into_iter().map(move |api_version| {
            let mut manifest = seed.manifest.clone();
            manifest["apiVersion"] = api_version.clone().into();
            Seed {
                api_version: api_version.leak(),
                kind: seed.kind,
                manifest,
            }
        })
    });
    let good = seeds.filter(|seed| {
        let (ours, theirs, report) = compare(crds, server, &Mutant::unchanged(seed));
        assert_eq!(ours, theirs, "Flux {version}: {report}");
        ours
    });
    let good: Vec<_> = good.collect();
    assert!(good.len() > 12, "Flux {version}: {} are good", good.len());
    agree_on_mutants(server, crds, &good, &seeds::schemas(folder), MUTANTS);
}

/// The API versions in which a kind is served, as its CRD says.
fn served(folder: &Path, kind: &str) -> Vec<String> {
    let files = fs::read_dir(folder).expect("the folder of CRDs is there");
    let crds = files.map(|file| {
        let text = fs::read_to_string(file.expect("an entry").path()).expect("a CRD");
        serde_json::from_str::<Value>(&text).expect("JSON")
    });
    let crds = crds.filter(|crd| crd["spec"]["names"]["kind"] == kind);
    let versions = crds.flat_map(|crd| {
        let group = crd["spec"]["group"].as_str().expect("a group").to_owned();
        let versions = crd["spec"]["versions"].as_array().cloned();
        let versions = versions.unwrap_or_default().into_iter();
        let versions = versions.filter(|version| version["served"] == true);
        versions
            .map(move |version| format!("{group}/{}", version["name"].as_str().expect("a name")))
    });
    versions.collect()
}

fn is_served(server: &ApiServer, api_version: &str, kind: &str) -> bool {
    let list = server.read(&format!("/apis/{api_version}"));
    let resources = list.as_ref().and_then(|list| list["resources"].as_array());
    resources.is_some_and(|all| all.iter().any(|one| one["kind"] == kind))
}

/// A folder with the CRDs of a version, a file each.
fn crds_of(version: FluxVersion) -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("there is a folder for temporary files");
    let packed = repository().join(format!("src/flux/versions/{version}.jsonl.gz"));
    let mut text = String::new();
    if version == FluxVersion::default() {
        for file in fs::read_dir(repository().join(FLUX)).expect("the folder of CRDs is there") {
            let file = file.expect("an entry");
            fs::copy(file.path(), folder.path().join(file.file_name())).expect("it can be copied");
        }
    } else {
        let packed = fs::read(packed).expect("the CRDs are there");
        let mut reader = GzDecoder::new(&packed[..]);
        reader
            .read_to_string(&mut text)
            .expect("they can be unpacked");
    }
    for crd in text.lines() {
        let json: Value = serde_json::from_str(crd).expect("JSON");
        let name = json["metadata"]["name"].as_str().expect("a name");
        fs::write(folder.path().join(format!("{name}.json")), crd).expect("it can be written");
    }
    folder
}
