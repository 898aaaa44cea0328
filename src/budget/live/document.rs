//! The whole live report: what is spent beside what the plan costs and what clusters poll.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::ask::{APP_JWT, GRAPHQL};
use super::git_rate::GitRate;
use super::report::BucketReport;
use crate::budget::report::{Bucket, Report, Resource, maybe_number, number};

/// Answered by `GET /api/v1/rate-limit` and printed by `flux-setup budget --live`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RateLimitReport {
    pub at: Timestamp,
    /// By host, identity and resource.
    pub buckets: Vec<BucketReport>,
    /// What the configuration's plan costs; `None` where no configuration of a fleet is known.
    pub plan: Option<PlanCost>,
    /// What the sources in the clusters really ask of git; `None` before a cluster was listed.
    pub git: Option<GitRate>,
}

impl RateLimitReport {
    pub fn new(
        at: Timestamp,
        mut buckets: Vec<BucketReport>,
        plan: Option<PlanCost>,
        git: Option<GitRate>,
    ) -> Self {
        fn key(bucket: &BucketReport) -> (&str, &str, &str) {
            (&bucket.host, &bucket.identity, &bucket.resource)
        }
        buckets.sort_by(|one, other| key(one).cmp(&key(other)));
        Self {
            at,
            buckets,
            plan,
            git,
        }
    }
}

/// The static cost of a plan, in both readings.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PlanCost {
    /// Sources that it polls.
    pub sources: usize,
    #[serde(serialize_with = "number")]
    pub git_requests_per_second: f64,
    pub profiles: Vec<PlanProfile>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PlanProfile {
    /// `flux-git` or `request-per-poll`.
    pub name: String,
    pub buckets: Vec<PlanBucket>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PlanBucket {
    pub host: String,
    pub identity: String,
    /// As in the live buckets.
    pub resource: String,
    #[serde(serialize_with = "number")]
    pub requests_per_hour: f64,
    pub limit: Option<u32>,
    /// From 0 on, 1 is the whole limit.
    #[serde(serialize_with = "maybe_number")]
    pub share: Option<f64>,
}

impl PlanCost {
    pub fn of(report: &Report) -> Self {
        let profiles = report.profiles.iter().map(|profile| PlanProfile {
            name: profile.name.to_string(),
            buckets: profile.buckets.iter().map(PlanBucket::of).collect(),
        });
        Self {
            sources: report.sources,
            git_requests_per_second: report.git.requests_per_second,
            profiles: profiles.collect(),
        }
    }
}

impl PlanBucket {
    fn of(bucket: &Bucket) -> Self {
        let resource = match bucket.resource {
            Resource::Core => "core",
            Resource::Graphql => GRAPHQL,
            Resource::AppJwt => APP_JWT,
        };
        Self {
            host: bucket.host.clone(),
            identity: bucket.identity.clone(),
            resource: resource.to_owned(),
            requests_per_hour: bucket.requests_per_hour,
            limit: bucket.limit,
            share: bucket.share,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::budget::live::ask::Purpose;
    use crate::budget::live::ledger::{Decision, Ledger};
    use crate::budget::live::model::{ask, second, settings, spent};
    use crate::budget::sample::{fleet, priced};

    #[test]
    fn the_document_has_the_promised_fields_and_is_read_as_it_was_written() {
        let mut ledger = Ledger::new(settings());
        for (used, now) in [(100, 0), (1300, 900)] {
            let ask = ask("core", Purpose::BackFill);
            let Decision::Go(reservation) = ledger.reserve(&ask, second(now)) else {
                panic!("it may go")
            };
            ledger.settle(reservation, &spent(used, second(3600)), second(now));
        }
        let plan = Some(PlanCost::of(&priced(&fleet(26))));
        let report = RateLimitReport::new(second(900), ledger.report(second(900)), plan, None);
        let text = serde_json::to_string(&report).unwrap();
        let again: RateLimitReport = serde_json::from_str(&text).unwrap();
        assert_eq!(serde_json::to_string(&again).unwrap(), text);
        insta::assert_json_snapshot!(report.buckets, @r#"
        [
          {
            "host": "github.com",
            "identity": "bot",
            "resource": "core",
            "limit": 5000,
            "used": 1300,
            "remaining": 3700,
            "reset": "2027-01-15T09:00:00Z",
            "ownUsed": 2,
            "foreignUsed": 1298,
            "byPurpose": {
              "webhookHealth": 0,
              "backFill": 2,
              "heads": 0,
              "other": 0
            },
            "ratePerHour": 5032.790683,
            "forecast": {
              "emptyAt": "2027-01-15T08:59:07.543Z",
              "basis": "ours 6 an hour and others' 5,026, as in the last 15 minutes"
            },
            "holds": []
          }
        ]
        "#);
        insta::assert_json_snapshot!(report.plan, @r#"
        {
          "sources": 78,
          "gitRequestsPerSecond": 0.664444,
          "profiles": [
            {
              "name": "flux-git",
              "buckets": [
                {
                  "host": "github.com",
                  "identity": "anonymous",
                  "resource": "core",
                  "requestsPerHour": 0,
                  "limit": 60,
                  "share": 0
                }
              ]
            },
            {
              "name": "request-per-poll",
              "buckets": [
                {
                  "host": "*",
                  "identity": "fleet",
                  "resource": "core",
                  "requestsPerHour": 2392,
                  "limit": 5000,
                  "share": 0.4784
                }
              ]
            }
          ]
        }
        "#);
    }
}
