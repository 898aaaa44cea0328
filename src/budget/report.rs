//! What a plan costs, as data: written as JSON for machines and printed by `cli` for people.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use serde::{Serialize, Serializer};

use super::costs::Basis;
use crate::flux::nearest;

/// The whole answer. Requests are requests an hour where the name says nothing else.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Report {
    /// How many sources the plan polls.
    pub sources: usize,
    /// Always both, `flux-git` first.
    pub profiles: Vec<Profile>,
    pub git: GitUse,
    pub start: Start,
    pub comparison: Comparison,
    /// A share from 0 to 1 of each limit that is left to the user's own tools.
    #[serde(serialize_with = "number")]
    pub reserve: f64,
    /// The prices that were used.
    pub costs: Vec<PricedOperation>,
    /// What saves most comes first, what saves nothing last.
    pub advice: Vec<Advice>,
}

impl Report {
    pub fn profile(&self, name: ProfileName) -> &Profile {
        self.profiles
            .iter()
            .find(|profile| profile.name == name)
            .expect("a report holds every profile")
    }
}

/// One reading of what a poll costs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum ProfileName {
    /// A poll is a git operation, which spends no REST request.
    FluxGit,
    /// The upper bound: each poll is one request of one bucket for the whole fleet.
    RequestPerPoll,
}

impl ProfileName {
    pub const ALL: [Self; 2] = [Self::FluxGit, Self::RequestPerPoll];

    pub fn as_str(self) -> &'static str {
        match self {
            Self::FluxGit => "flux-git",
            Self::RequestPerPoll => "request-per-poll",
        }
    }
}

impl fmt::Display for ProfileName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl FromStr for ProfileName {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let names = Self::ALL.map(Self::as_str);
        if let Some(name) = Self::ALL.into_iter().find(|name| name.as_str() == text) {
            return Ok(name);
        }
        Err(match nearest(text, names) {
            Some(name) => format!("unknown profile `{text}`; did you mean `{name}`?"),
            None => format!("unknown profile `{text}`; known are {}", names.join(", ")),
        })
    }
}

#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Profile {
    pub name: ProfileName,
    pub buckets: Vec<Bucket>,
    /// In the plan's order, as `projects`.
    pub environments: Vec<Line>,
    pub projects: Vec<Line>,
    /// The most polled first, then by name.
    pub repositories: Vec<Line>,
}

/// What GitHub counts apart, with a limit of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum Resource {
    Core,
    Graphql,
    /// Calls that an App makes as itself, to get a token.
    AppJwt,
}

impl fmt::Display for Resource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Core => "core",
            Self::Graphql => "graphql",
            Self::AppJwt => "appJwt",
        })
    }
}

#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Bucket {
    /// `*` for the one bucket of `request-per-poll`, which no host has.
    pub host: String,
    pub identity: String,
    pub resource: Resource,
    #[serde(serialize_with = "number")]
    pub requests_per_hour: f64,
    /// `None`: nothing is refused, or nobody says when.
    pub limit: Option<u32>,
    /// From 0 on, 1 is the whole limit. `None` where there is none.
    #[serde(serialize_with = "maybe_number")]
    pub share: Option<f64>,
    /// Of the limit.
    pub basis: Basis,
    /// Requests an hour that are left to the user's own tools.
    #[serde(serialize_with = "maybe_number")]
    pub reserve: Option<f64>,
    /// What is left of the limit after the reserve and all use; negative when both do not fit.
    #[serde(serialize_with = "maybe_number")]
    pub headroom: Option<f64>,
    /// The part of it that `budget.also` tells of.
    pub also: Vec<AlsoUse>,
}

#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct AlsoUse {
    pub name: String,
    #[serde(serialize_with = "number")]
    pub requests_per_hour: f64,
}

/// What one environment, project or repository costs.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Line {
    pub name: String,
    pub sources: usize,
    /// In all buckets of the profile together.
    #[serde(serialize_with = "number")]
    pub requests_per_hour: f64,
    /// The largest share that it takes of any one bucket; `None` where none has a limit.
    #[serde(serialize_with = "maybe_number")]
    pub share: Option<f64>,
    /// Of `requests_per_hour`.
    pub basis: Basis,
    #[serde(serialize_with = "number")]
    pub polls_per_hour: f64,
    #[serde(serialize_with = "number")]
    pub git_requests_per_hour: f64,
}

/// Git requests, which no bucket counts: the same in every profile.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct GitUse {
    #[serde(serialize_with = "number")]
    pub requests_per_hour: f64,
    #[serde(serialize_with = "number")]
    pub requests_per_second: f64,
    /// Requests a second.
    #[serde(serialize_with = "number")]
    pub max_on_one_repository: f64,
    /// Which one that is; the first by name among equals.
    pub busiest_repository: Option<String>,
    /// Of the requests.
    pub basis: Basis,
    pub advisory: Advisory,
}

/// How many git read operations a second GitHub asks people to stay below on one repository.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Advisory {
    #[serde(serialize_with = "number")]
    pub per_second_on_one_repository: f64,
    pub basis: Basis,
    pub evidence: &'static str,
}

/// What it costs when all controllers start at once and fetch every source.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Start {
    #[serde(serialize_with = "number")]
    pub git_requests: f64,
    #[serde(serialize_with = "number")]
    pub max_on_one_repository: f64,
    pub busiest_repository: Option<String>,
    /// One for each App secret of each cluster.
    pub token_mints: usize,
    pub basis: Basis,
}

/// The upper bound of the plan beside that of the same sources polled at one interval. Use by Apps
/// and others (`budget.also`) is in both.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Comparison {
    pub name: &'static str,
    pub profile: ProfileName,
    #[serde(serialize_with = "number")]
    pub requests_per_hour: f64,
    /// As in the bucket of the same profile.
    #[serde(serialize_with = "number")]
    pub plan_requests_per_hour: f64,
    /// What the plan saves of `requests_per_hour`, from 0 to 1; negative where it polls more. `None` where nothing is polled.
    #[serde(serialize_with = "maybe_number")]
    pub saving: Option<f64>,
    pub basis: Basis,
}

#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct PricedOperation {
    pub operation: &'static str,
    #[serde(serialize_with = "number")]
    pub core: f64,
    #[serde(serialize_with = "number")]
    pub graphql: f64,
    #[serde(serialize_with = "number")]
    pub app_jwt: f64,
    #[serde(serialize_with = "number")]
    pub git: f64,
    pub basis: Basis,
    pub evidence: &'static str,
}

#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Advice {
    pub kind: AdviceKind,
    /// A sentence or two, with the numbers.
    pub message: String,
    /// Polls an hour that would not be asked.
    #[serde(serialize_with = "number")]
    pub saves_polls_per_hour: f64,
    /// The names of the sources that it speaks of.
    pub sources: Vec<String>,
    /// What the configuration would say; empty where nothing that it says mends it.
    #[serde(skip)]
    pub remedies: Vec<Remedy>,
}

/// What the configuration would have to say of a project.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Remedy {
    /// It uses the source of the other.
    Share { project: String, keeper: String },
    /// Its source in this place is polled so.
    Interval {
        project: String,
        environment: String,
        cluster: Option<String>,
        interval: Duration,
    },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum AdviceKind {
    /// Projects whose sources poll the same wherever they are.
    ShareSource,
    /// A semver range or a commit on a short interval.
    FullClones,
    ShortInterval,
    /// More git requests on one repository than GitHub asks for.
    BusyRepository,
    /// Each poll lists every ref; how many there are is not known here.
    ListsAllRefs,
}

/// Writes a whole value without a fraction, any other with six decimals at most.
pub(super) fn number<S: Serializer>(value: &f64, serializer: S) -> Result<S::Ok, S::Error> {
    /// From here on not every whole number is a float.
    const EXACT: f64 = 9_007_199_254_740_992.0;
    let rounded = (value * 1e6).round() / 1e6;
    if rounded.fract() == 0.0 && rounded.abs() < EXACT {
        serializer.serialize_i64(rounded as i64)
    } else {
        serializer.serialize_f64(rounded)
    }
}

pub(super) fn maybe_number<S: Serializer>(
    value: &Option<f64>,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    match value {
        Some(value) => number(value, serializer),
        None => serializer.serialize_none(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whole_numbers_have_no_fraction_in_json() {
        #[derive(Serialize)]
        struct Figure(#[serde(serialize_with = "number")] f64);
        let values = [0.0, -0.0, 1560.0, 0.4784, 8.571_428_571, 1e-9, -2.5, 1e300];
        let texts = values.map(|value| serde_json::to_string(&Figure(value)).unwrap());
        assert_eq!(
            texts,
            [
                "0", "0", "1560", "0.4784", "8.571429", "0", "-2.5", "1e+300"
            ]
        );
    }

    #[test]
    fn a_profile_is_read_by_its_name_and_an_unknown_one_is_refused_with_the_nearest() {
        assert_eq!("flux-git".parse(), Ok(ProfileName::FluxGit));
        assert_eq!("request-per-poll".parse(), Ok(ProfileName::RequestPerPoll));
        let refused = |text: &str| text.parse::<ProfileName>().unwrap_err();
        assert_eq!(
            refused("flux_git"),
            "unknown profile `flux_git`; did you mean `flux-git`?"
        );
        assert_eq!(
            refused("rest"),
            "unknown profile `rest`; known are flux-git, request-per-poll"
        );
    }
}
