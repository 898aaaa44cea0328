//! The price of a fleet, and what the gate says of it.

use serde::Serialize;

use crate::budget::{Bucket, ProfileName, Report, Verdict, judge, price};
use crate::config::Environment;

use super::fleet::Fleet;

/// The price of a sound fleet, and whether it may cost that.
pub(super) fn priced(
    fleet: &Fleet<'_>,
    fail_above: Option<f64>,
    profile: Option<ProfileName>,
) -> (Report, Verdict) {
    let settings = &fleet.configuration.budget;
    let mut report = price(
        &fleet.plan,
        &fleet.configuration.github,
        settings,
        &fleet.costs,
    );
    sort_by_kind(&mut report, &fleet.configuration.environments);
    let said = settings.fail_above.as_ref().map(|share| share.value);
    let verdict = judge(&report, fail_above.or(said), profile);
    (report, verdict)
}

/// The environments as people go through them: development, staging, production, others.
fn sort_by_kind(report: &mut Report, environments: &[Environment]) {
    let kind = |name: &str| {
        let mut environments = environments.iter();
        environments
            .find(|environment| *environment.name.value == *name)
            .map(|environment| environment.kind)
    };
    for profile in &mut report.profiles {
        profile.environments.sort_by_key(|line| kind(&line.name));
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Judged<'a> {
    passed: bool,
    /// `None` where no gate is set.
    fail_above: Option<f64>,
    /// Those of the fullest bucket; `None` where none has a limit.
    share: Option<f64>,
    profile: Option<ProfileName>,
    bucket: Option<&'a Bucket>,
}

impl<'a> Judged<'a> {
    pub(super) fn of(verdict: &'a Verdict) -> Self {
        let highest = verdict.highest.as_ref();
        Self {
            passed: verdict.passed,
            fail_above: verdict.fail_above,
            share: highest.map(|highest| highest.share),
            profile: highest.map(|highest| highest.profile),
            bucket: highest.map(|highest| &highest.bucket),
        }
    }
}
