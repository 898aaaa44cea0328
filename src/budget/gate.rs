//! Whether a plan may cost what it costs, in words that name the reading and the bucket.

use std::fmt;

use super::report::{Bucket, ProfileName, Report};
use super::words::{count, percent_with};

/// Sums of intervals that no float holds exactly must not push a plan over its limit.
const ROUNDING: f64 = 1e-9;

/// The answer of the gate; printed by its `Display`.
#[derive(Debug, Clone, PartialEq)]
pub struct Verdict {
    /// Whether the plan passes.
    pub passed: bool,
    /// The share above which it would not; `None` where no gate is set.
    pub fail_above: Option<f64>,
    /// The fullest bucket of the readings that were judged; `None` where none has a limit.
    pub highest: Option<Highest>,
}

#[derive(Debug, Clone, PartialEq)]
pub struct Highest {
    pub profile: ProfileName,
    pub bucket: Bucket,
    /// From 0 on, 1 is the whole limit.
    pub share: f64,
}

/// Judges a report: the named profile, else both, of which the higher reading counts.
///
/// `fail_above` is a share from 0 on. A bucket that is exactly that full passes. Without
/// `fail_above` everything passes. Buckets without a limit are never full.
pub fn judge(report: &Report, fail_above: Option<f64>, profile: Option<ProfileName>) -> Verdict {
    let judged = |name: ProfileName| profile.is_none_or(|only| only == name);
    let mut highest: Option<(ProfileName, &Bucket, f64)> = None;
    for profile in report.profiles.iter().filter(|it| judged(it.name)) {
        for bucket in &profile.buckets {
            let Some(share) = bucket.share else { continue };
            if highest.is_none_or(|(_, _, most)| share > most) {
                highest = Some((profile.name, bucket, share));
            }
        }
    }
    let highest = highest.map(|(profile, bucket, share)| Highest {
        profile,
        bucket: bucket.clone(),
        share,
    });
    let passed = match (fail_above, &highest) {
        (Some(limit), Some(highest)) => highest.share <= limit + ROUNDING,
        _ => true,
    };
    Verdict {
        passed,
        fail_above,
        highest,
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Some(highest) = &self.highest else {
            return f.write_str("no bucket has a limit, so nothing is judged");
        };
        let Bucket {
            host,
            identity,
            resource,
            requests_per_hour,
            limit,
            ..
        } = &highest.bucket;
        let profile = highest.profile;
        let requests = count(*requests_per_hour);
        let limit = count(limit.map_or(0.0, f64::from));
        let Some(fail_above) = self.fail_above else {
            let (share, _) = told_apart(highest.share, highest.share);
            return write!(
                f,
                "no limit is set (`--fail-above`, `budget.failAbove`): {share} in profile \
                 `{profile}`, bucket `{host} {identity} {resource}` ({requests} of {limit} \
                 requests an hour)"
            );
        };
        let (share, bound) = told_apart(highest.share, fail_above);
        let verdict = if self.passed { "not above" } else { "above" };
        write!(
            f,
            "{share} is {verdict} {bound}: profile `{profile}`, bucket `{host} {identity} \
             {resource}` ({requests} of {limit} requests an hour)"
        )
    }
}

/// Both shares with one decimal, or with as many as it takes to see that they differ.
fn told_apart(share: f64, other: f64) -> (String, String) {
    for decimals in 1..6 {
        let texts = (percent_with(share, decimals), percent_with(other, decimals));
        if texts.0 != texts.1 || (share - other).abs() <= ROUNDING {
            return texts;
        }
    }
    (percent_with(share, 6), percent_with(other, 6))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::budget::costs::CostTable;
    use crate::budget::price::price;
    use crate::budget::sample::{Changed, fleet, host, known_use, plan, priced, source};
    use crate::config::{BudgetSettings, IdentityKind};

    const BY_POLL: Option<ProfileName> = Some(ProfileName::RequestPerPoll);
    const BY_GIT: Option<ProfileName> = Some(ProfileName::FluxGit);

    fn words(report: &Report, fail_above: f64, profile: Option<ProfileName>) -> (bool, String) {
        let verdict = judge(report, Some(fail_above), profile);
        (verdict.passed, verdict.to_string())
    }

    #[test]
    fn the_fleet_passes_60_percent_and_not_40() {
        let report = priced(&fleet(26));
        assert_eq!(
            words(&report, 0.6, None),
            (
                true,
                "47.8 % is not above 60 %: profile `request-per-poll`, bucket `* fleet core` \
                 (2,392 of 5,000 requests an hour)"
                    .to_owned()
            )
        );
        assert_eq!(
            words(&report, 0.4, None),
            (
                false,
                "47.8 % is above 40 %: profile `request-per-poll`, bucket `* fleet core` (2,392 \
                 of 5,000 requests an hour)"
                    .to_owned()
            )
        );
    }

    #[test]
    fn exactly_at_the_limit_passes_and_a_request_more_does_not() {
        let report = priced(&fleet(26));
        assert!(judge(&report, Some(0.4784), None).passed);
        assert!(judge(&report, Some(47.84 / 100.0), None).passed);
        let (passed, words) = words(&report, 0.4782, None);
        assert!(!passed);
        assert!(words.starts_with("47.84 % is above 47.82 %"), "{words}");
    }

    #[test]
    fn sums_that_no_float_holds_exactly_still_pass_at_the_limit() {
        // 50 sources each 7m: 50 × 3600 / 420 an hour, which is no finite decimal.
        let sources = (0..50).map(|_| source("https://github.com/a/b").every(420));
        let report = priced(&plan(sources.collect()));
        let share = 50.0 * 3600.0 / 420.0 / 5000.0;
        assert!(judge(&report, Some(share), None).passed);
        assert!(!judge(&report, Some(share - 1e-6), None).passed);
    }

    #[test]
    fn the_named_profile_alone_is_judged() {
        let report = priced(&fleet(26));
        assert!(judge(&report, Some(0.4), BY_GIT).passed);
        assert!(!judge(&report, Some(0.4), BY_POLL).passed);
        let highest = judge(&report, Some(0.4), BY_GIT).highest.unwrap();
        assert_eq!(highest.profile, ProfileName::FluxGit);
        assert_eq!(highest.share, 0.0);
    }

    #[test]
    fn the_higher_reading_is_judged_even_where_it_is_the_honest_one() {
        let settings = BudgetSettings {
            also: vec![known_use("queries", None, 0.0, 4000.0)],
            ..BudgetSettings::default()
        };
        let github = [host("github.com", &[("bot", IdentityKind::Token)])];
        let report = price(&fleet(1), &github, &settings, &CostTable::default());
        assert_eq!(
            words(&report, 0.7, None),
            (
                false,
                "80 % is above 70 %: profile `flux-git`, bucket `github.com bot graphql` (4,000 \
                 of 5,000 requests an hour)"
                    .to_owned()
            )
        );
        assert!(judge(&report, Some(0.7), BY_POLL).passed);
    }

    #[test]
    fn without_a_gate_everything_passes_and_the_words_say_so() {
        let verdict = judge(&priced(&fleet(200)), None, None);
        assert!(verdict.passed);
        assert_eq!(
            verdict.to_string(),
            "no limit is set (`--fail-above`, `budget.failAbove`): 368 % in profile \
             `request-per-poll`, bucket `* fleet core` (18,400 of 5,000 requests an hour)"
        );
    }

    #[test]
    fn buckets_without_a_limit_are_not_judged() {
        let report = priced(&plan(vec![source("https://gitlab.com/a/b")]));
        let (passed, words) = words(&report, 0.0, BY_GIT);
        assert!(passed);
        assert_eq!(words, "no bucket has a limit, so nothing is judged");
    }

    #[test]
    fn a_gate_of_nothing_passes_a_fleet_that_spends_nothing() {
        assert!(judge(&priced(&fleet(26)), Some(0.0), BY_GIT).passed);
        assert!(!judge(&priced(&fleet(26)), Some(0.0), BY_POLL).passed);
    }
}
