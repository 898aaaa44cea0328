//! The kinds of objects that are watched.

use std::fmt;

/// A kind of Flux, in the version that we read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Kind {
    GitRepository,
    OciRepository,
    HelmRepository,
    Bucket,
    HelmChart,
    Kustomization,
    HelmRelease,
}

impl Kind {
    pub const ALL: [Self; 7] = [
        Self::GitRepository,
        Self::OciRepository,
        Self::HelmRepository,
        Self::Bucket,
        Self::HelmChart,
        Self::Kustomization,
        Self::HelmRelease,
    ];

    /// As objects write it; `None` for a kind that is not watched.
    pub fn read(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.name() == name)
    }

    /// As people type it: in any case, in the plural, or by the short name that the kind has in the API.
    pub fn named(typed: &str) -> Option<Self> {
        let typed = typed.to_ascii_lowercase();
        Self::ALL.into_iter().find(|kind| {
            kind.name().eq_ignore_ascii_case(&typed)
                || kind.plural() == typed
                || kind.short_names().contains(&&*typed)
        })
    }

    /// The first is the one that the API server knows as well.
    fn short_names(self) -> &'static [&'static str] {
        match self {
            Self::GitRepository => &["gitrepo", "git"],
            Self::OciRepository => &["ocirepo", "oci"],
            Self::HelmRepository => &["helmrepo"],
            Self::Bucket => &[],
            Self::HelmChart => &["hc", "chart"],
            Self::Kustomization => &["ks"],
            Self::HelmRelease => &["hr"],
        }
    }

    /// As objects write it: `OCIRepository`.
    pub fn name(self) -> &'static str {
        match self {
            Self::GitRepository => "GitRepository",
            Self::OciRepository => "OCIRepository",
            Self::HelmRepository => "HelmRepository",
            Self::Bucket => "Bucket",
            Self::HelmChart => "HelmChart",
            Self::Kustomization => "Kustomization",
            Self::HelmRelease => "HelmRelease",
        }
    }

    /// As paths of the API name it: `ocirepositories`.
    pub fn plural(self) -> &'static str {
        match self {
            Self::GitRepository => "gitrepositories",
            Self::OciRepository => "ocirepositories",
            Self::HelmRepository => "helmrepositories",
            Self::Bucket => "buckets",
            Self::HelmChart => "helmcharts",
            Self::Kustomization => "kustomizations",
            Self::HelmRelease => "helmreleases",
        }
    }

    pub fn group(self) -> &'static str {
        match self {
            Self::Kustomization => "kustomize.toolkit.fluxcd.io",
            Self::HelmRelease => "helm.toolkit.fluxcd.io",
            _ => "source.toolkit.fluxcd.io",
        }
    }

    pub fn version(self) -> &'static str {
        match self {
            Self::HelmRelease => "v2",
            _ => "v1",
        }
    }

    /// Whether it fetches from elsewhere, so that a push concerns it.
    pub fn is_source(self) -> bool {
        !matches!(self, Self::Kustomization | Self::HelmRelease)
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn people_may_type_a_kind_in_any_case_in_the_plural_or_shortly_and_each_means_one() {
        for kind in Kind::ALL {
            for typed in [kind.name(), kind.plural(), &kind.name().to_uppercase()] {
                assert_eq!(Kind::named(typed), Some(kind), "{typed}");
            }
            for typed in kind.short_names() {
                let meant = Kind::ALL
                    .into_iter()
                    .filter(|it| it.short_names().contains(typed));
                assert_eq!(
                    (meant.count(), Kind::named(typed)),
                    (1, Some(kind)),
                    "{typed}"
                );
            }
        }
        assert_eq!(Kind::named("KS"), Some(Kind::Kustomization));
        assert_eq!(Kind::named("deployment"), None);
        assert_eq!(Kind::named(""), None);
    }

    #[test]
    fn each_kind_is_read_by_its_own_name_and_by_no_other() {
        for kind in Kind::ALL {
            assert_eq!(Kind::read(kind.name()), Some(kind));
            assert_eq!(Kind::read(kind.plural()), None);
        }
        assert_eq!(Kind::read("ExternalArtifact"), None);
    }
}
