//! The versions of Flux whose CRDs the program holds.

use std::fmt;
use std::io::Read;
use std::sync::OnceLock;

use flate2::read::GzDecoder;

use super::crds::Crds;

/// From the oldest on. What is packed is made by `tests/kubernetes/crds`, one CRD in a line.
static HELD: [Held; 5] = [
    Held::packed(6, include_bytes!("../versions/2.6.jsonl.gz")),
    Held::packed(7, include_bytes!("../versions/2.7.jsonl.gz")),
    Held::packed(8, include_bytes!("../versions/2.8.jsonl.gz")),
    Held {
        minor: 9,
        packed: None,
        crds: OnceLock::new(),
    },
    Held::packed(10, include_bytes!("../versions/2.10.jsonl.gz")),
];

/// The CRDs of one version.
#[derive(Debug)]
struct Held {
    /// Of version 2.
    minor: u64,
    /// `None`: those that are embedded as they are.
    packed: Option<&'static [u8]>,
    crds: OnceLock<Crds>,
}

impl Held {
    const fn packed(minor: u64, packed: &'static [u8]) -> Self {
        Self {
            minor,
            packed: Some(packed),
            crds: OnceLock::new(),
        }
    }
}

/// A minor version of Flux whose CRDs the program holds, as `2.9`. No patch of it changes them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FluxVersion {
    /// Among [`HELD`].
    index: usize,
}

/// That is no version of Flux, or one whose CRDs the program does not hold.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NoFluxVersion {
    #[error("`{0}` is no version of Flux")]
    Malformed(String),
    #[error("the CRDs of Flux {0} are not known here, those of {known} are", known = FluxVersion::known())]
    Unknown(String),
}

impl NoFluxVersion {
    /// How to mend it, where `crds` names CRDs.
    pub fn hint(&self, crds: &str) -> String {
        match self {
            Self::Malformed(_) => format!("write it as `{}`", FluxVersion::default()),
            Self::Unknown(_) => {
                format!("name its CRDs by `{crds}`: its `flux install --export` writes them")
            }
        }
    }
}

impl Default for FluxVersion {
    /// The one that manifests are judged by where nothing says another.
    fn default() -> Self {
        let index = HELD.iter().position(|held| held.packed.is_none());
        Self {
            index: index.unwrap_or_default(),
        }
    }
}

impl fmt::Display for FluxVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "2.{}", HELD[self.index].minor)
    }
}

impl FluxVersion {
    /// From the oldest on.
    pub fn all() -> impl Iterator<Item = Self> {
        (0..HELD.len()).map(|index| Self { index })
    }

    /// Reads `2.9`, `v2.9` and, as `flux version` and `gotk-components.yaml` have it, `v2.9.5`.
    ///
    /// # Errors
    /// Where it is no version, or one that is not held.
    pub fn parse(text: &str) -> Result<Self, NoFluxVersion> {
        let malformed = || NoFluxVersion::Malformed(text.to_owned());
        let version = text.strip_prefix('v').unwrap_or(text);
        // what follows a patch is of a prerelease or of a build
        let release = version.split(['-', '+']).next().unwrap_or_default();
        let numbers: Result<Vec<u64>, _> = release.split('.').map(str::parse).collect();
        let numbers = numbers.map_err(|_| malformed())?;
        let (major, minor) = match numbers[..] {
            [major, minor] | [major, minor, _] => (major, minor),
            _ => return Err(malformed()),
        };
        let mut all = Self::all();
        let found = all.find(|known| major == 2 && HELD[known.index].minor == minor);
        found.ok_or_else(|| NoFluxVersion::Unknown(version.to_owned()))
    }

    /// The CRDs of Flux's own kinds in this version.
    pub fn crds(self) -> &'static Crds {
        let held = &HELD[self.index];
        let Some(packed) = held.packed else {
            return Crds::embedded();
        };
        held.crds.get_or_init(|| {
            let mut text = String::new();
            GzDecoder::new(packed)
                .read_to_string(&mut text)
                .expect("what is embedded can be unpacked");
            Crds::of_lines(text.leak())
        })
    }

    /// `2.8, 2.9 and 2.10`.
    pub fn known() -> String {
        let all: Vec<_> = Self::all().map(|version| version.to_string()).collect();
        match all.split_last() {
            Some((last, [])) => last.clone(),
            Some((last, first)) => format!("{} and {last}", first.join(", ")),
            None => String::new(),
        }
    }
}

impl Crds {
    /// These CRDs, with Flux's own kinds as that version has them: what they say of others of Flux
    /// does not hold.
    #[must_use]
    pub fn with_flux(&self, version: FluxVersion) -> Crds {
        version.crds().over(&self.without_flux())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::flux::schema::{Fault, judge};
    use crate::flux::yaml::read;

    fn version(text: &str) -> FluxVersion {
        FluxVersion::parse(text).unwrap()
    }

    fn refused(version: FluxVersion, api_version: &str, kind: &str, spec: &str) -> Vec<String> {
        let text = format!(
            "apiVersion: {api_version}\nkind: {kind}\nmetadata: {{name: web}}\nspec: {spec}\n"
        );
        let faults = judge(version.crds(), &read(&text, 0).0[0]);
        faults
            .into_iter()
            .map(|Fault { message, .. }| message)
            .collect()
    }

    #[test]
    fn a_version_is_read_as_flux_and_as_people_write_it() {
        for text in [
            "2.8",
            "v2.8",
            "2.8.5",
            "v2.8.5",
            "v2.8.0-rc.1",
            "2.8.1+build",
        ] {
            assert_eq!(version(text).to_string(), "2.8", "{text}");
        }
        assert_eq!(version("2.10").to_string(), "2.10");
        assert!(version("2.10") > version("2.9"));
        assert_eq!(FluxVersion::default(), version("2.9"));
    }

    #[test]
    fn what_is_no_version_and_what_is_not_known_are_told_apart() {
        for text in [
            "", "2", "two", "2.", "2.x", "v2.8.1.1", "2.8.", "vv2.8", "-2.8",
        ] {
            let fault = FluxVersion::parse(text).unwrap_err();
            assert_eq!(fault.to_string(), format!("`{text}` is no version of Flux"));
            assert_eq!(fault.hint("crds"), "write it as `2.9`");
        }
        for text in ["2.5", "2.99", "1.8", "v2.5.1"] {
            let says = FluxVersion::parse(text).unwrap_err().to_string();
            let version = text.trim_start_matches('v');
            let known = "those of 2.6, 2.7, 2.8, 2.9 and 2.10 are";
            assert_eq!(
                says,
                format!("the CRDs of Flux {version} are not known here, {known}")
            );
        }
    }

    #[test]
    fn each_version_knows_its_own_kinds_and_fields() {
        let none: [&str; 0] = [];
        let source = "{url: https://example.com/web, interval: 1m, serviceAccountName: web, provider: azure}";
        let api = "source.toolkit.fluxcd.io/v1";
        let unknown = ["unknown field `serviceAccountName`"];
        assert_eq!(
            refused(version("2.6"), api, "GitRepository", source),
            unknown
        );
        assert_eq!(refused(version("2.7"), api, "GitRepository", source), none);
        let alert = "{eventSources: [{kind: GitRepository, name: '*'}], providerRef: {name: chat}}";
        let api = "notification.toolkit.fluxcd.io/v1";
        let unserved = |versions: &str| {
            [format!(
                "`{api}` has no kind `Alert`: it is served as {versions}"
            )]
        };
        assert_eq!(
            refused(version("2.8"), api, "Alert", alert),
            unserved("`v1beta2`, `v1beta3`")
        );
        assert_eq!(
            refused(version("2.9"), api, "Alert", alert),
            unserved("`v1beta3`")
        );
        assert_eq!(refused(version("2.10"), api, "Alert", alert), none);
    }
}
