//! The CRDs that the program holds as texts.

use std::sync::LazyLock;

use serde::Deserialize;

use super::crds::Crds;

/// Kind, group and CRD, made by `tests/kubernetes/crds` from the API modules of Flux's controllers.
const EMBEDDED: [(&str, &str, &str); 15] = [
    (
        "HelmRelease",
        "helm.toolkit.fluxcd.io",
        include_str!("../crds/helm.toolkit.fluxcd.io_helmreleases.json"),
    ),
    (
        "ImagePolicy",
        "image.toolkit.fluxcd.io",
        include_str!("../crds/image.toolkit.fluxcd.io_imagepolicies.json"),
    ),
    (
        "ImageRepository",
        "image.toolkit.fluxcd.io",
        include_str!("../crds/image.toolkit.fluxcd.io_imagerepositories.json"),
    ),
    (
        "ImageUpdateAutomation",
        "image.toolkit.fluxcd.io",
        include_str!("../crds/image.toolkit.fluxcd.io_imageupdateautomations.json"),
    ),
    (
        "Kustomization",
        "kustomize.toolkit.fluxcd.io",
        include_str!("../crds/kustomize.toolkit.fluxcd.io_kustomizations.json"),
    ),
    (
        "Alert",
        "notification.toolkit.fluxcd.io",
        include_str!("../crds/notification.toolkit.fluxcd.io_alerts.json"),
    ),
    (
        "Provider",
        "notification.toolkit.fluxcd.io",
        include_str!("../crds/notification.toolkit.fluxcd.io_providers.json"),
    ),
    (
        "Receiver",
        "notification.toolkit.fluxcd.io",
        include_str!("../crds/notification.toolkit.fluxcd.io_receivers.json"),
    ),
    (
        "ArtifactGenerator",
        "source.extensions.fluxcd.io",
        include_str!("../crds/source.extensions.fluxcd.io_artifactgenerators.json"),
    ),
    (
        "Bucket",
        "source.toolkit.fluxcd.io",
        include_str!("../crds/source.toolkit.fluxcd.io_buckets.json"),
    ),
    (
        "ExternalArtifact",
        "source.toolkit.fluxcd.io",
        include_str!("../crds/source.toolkit.fluxcd.io_externalartifacts.json"),
    ),
    (
        "GitRepository",
        "source.toolkit.fluxcd.io",
        include_str!("../crds/source.toolkit.fluxcd.io_gitrepositories.json"),
    ),
    (
        "HelmChart",
        "source.toolkit.fluxcd.io",
        include_str!("../crds/source.toolkit.fluxcd.io_helmcharts.json"),
    ),
    (
        "HelmRepository",
        "source.toolkit.fluxcd.io",
        include_str!("../crds/source.toolkit.fluxcd.io_helmrepositories.json"),
    ),
    (
        "OCIRepository",
        "source.toolkit.fluxcd.io",
        include_str!("../crds/source.toolkit.fluxcd.io_ocirepositories.json"),
    ),
];

/// What names a CRD.
#[derive(Deserialize)]
struct Head<'a> {
    #[serde(borrow)]
    spec: HeadSpec<'a>,
}

#[derive(Deserialize)]
struct HeadSpec<'a> {
    group: &'a str,
    #[serde(borrow)]
    names: HeadNames<'a>,
}

#[derive(Deserialize)]
struct HeadNames<'a> {
    kind: &'a str,
}

impl Crds {
    /// The CRDs of Flux's own kinds, as this program was built with.
    pub fn embedded() -> &'static Crds {
        static CRDS: LazyLock<Crds> = LazyLock::new(|| {
            let mut crds = Crds::default();
            for (kind, group, text) in EMBEDDED {
                crds.insert_unread(kind, group, text);
            }
            crds
        });
        &CRDS
    }

    /// Those of a text that holds one in each line, which is ours.
    pub(super) fn of_lines(text: &'static str) -> Crds {
        let mut crds = Crds::default();
        for line in text.lines() {
            let Head { spec } = serde_json::from_str(line).expect("an embedded CRD has a head");
            crds.insert_unread(spec.names.kind, spec.group, line);
        }
        crds
    }
}

#[cfg(test)]
mod tests {
    use serde_json::Value as Json;

    use super::EMBEDDED;

    #[test]
    fn every_embedded_crd_is_of_the_kind_that_it_is_looked_up_by() {
        for (kind, group, text) in EMBEDDED {
            let json: Json = serde_json::from_str(text).expect("JSON");
            let spec = &json["spec"];
            assert_eq!(
                (&spec["names"]["kind"], &spec["group"]),
                (&kind.into(), &group.into())
            );
        }
    }
}
