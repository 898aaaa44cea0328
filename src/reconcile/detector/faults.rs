//! What cannot be seen, since when, and when it is asked for again: each repository by itself.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use jiff::Timestamp;

use crate::flux::RepositoryIdentity;
use crate::github::heads::{RepositoryFault, RepositoryHeads};

use super::follow::Follow;
use super::report::FaultReport;

/// The wait after the first failure; it doubles up to the longest.
const FIRST_WAIT: Duration = Duration::from_secs(60);
const LONGEST_WAIT: Duration = Duration::from_secs(3600);
/// Faults that are told at most.
const TOLD: usize = 1_000;

/// A repository, one thing that is followed in it, or an owner.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Subject {
    Repository(Arc<RepositoryIdentity>),
    Follow(Arc<RepositoryIdentity>, Follow),
    /// In small letters.
    Owner(String),
}

#[derive(Debug, Clone)]
struct Fault {
    kind: &'static str,
    reason: String,
    since: Timestamp,
    failures: u32,
    /// It is not asked for before; `None`: as if nothing were wrong.
    until: Option<Instant>,
}

#[derive(Debug, Default)]
pub struct Faults(BTreeMap<Subject, Fault>);

impl Faults {
    /// It failed, and is asked for again after 1, 2, 4 and up to 60 minutes.
    pub fn failed(
        &mut self,
        subject: Subject,
        fault: &RepositoryFault,
        identity: &str,
        (now, at): (Instant, Timestamp),
    ) {
        let known = self.0.get(&subject);
        let failures = known.map_or(0, |known| known.failures).saturating_add(1);
        let same = known.filter(|known| known.kind == fault.name());
        let doubled = FIRST_WAIT.saturating_mul(1 << (failures - 1).min(10));
        let told = Fault {
            kind: fault.name(),
            reason: fault.told(identity).to_string(),
            since: same.map_or(at, |known| known.since),
            failures,
            until: Some(now + doubled.min(LONGEST_WAIT)),
        };
        self.0.insert(subject, told);
    }

    /// It was seen, whatever else is to be said of it.
    pub fn seen(
        &mut self,
        repository: &Arc<RepositoryIdentity>,
        heads: &RepositoryHeads,
        at: Timestamp,
    ) {
        let subject = Subject::Repository(Arc::clone(repository));
        let is_renamed = !heads
            .name_with_owner
            .eq_ignore_ascii_case(repository.path());
        if heads.is_disabled {
            let reason = "it is disabled, so Flux cannot fetch it; ask GitHub's support";
            self.told(subject, "disabled", reason.to_owned(), at);
        } else if is_renamed {
            let now = &heads.name_with_owner;
            let reason = format!("it is called `{now}` now; write that in the source's URL");
            self.told(subject, "renamed", reason, at);
        } else if heads.is_archived {
            let reason = "it is archived, so nothing is pushed to it any more".to_owned();
            self.told(subject, "archived", reason, at);
        } else {
            self.mended(&subject);
        }
    }

    /// There is something to be said, and it is asked for as before.
    pub fn told(&mut self, subject: Subject, kind: &'static str, reason: String, at: Timestamp) {
        let same = self.0.get(&subject).filter(|known| known.kind == kind);
        let told = Fault {
            kind,
            reason,
            since: same.map_or(at, |known| known.since),
            failures: 0,
            until: None,
        };
        self.0.insert(subject, told);
    }

    pub fn mended(&mut self, subject: &Subject) {
        self.0.remove(subject);
    }

    /// Whether it is not to be asked for now.
    pub fn is_resting(&self, subject: &Subject, now: Instant) -> bool {
        let fault = self.0.get(subject);
        fault.is_some_and(|fault| fault.until.is_some_and(|until| now < until))
    }

    /// Keeps what is still wanted.
    pub fn retain(&mut self, is_wanted: impl Fn(&Subject) -> bool) {
        self.0.retain(|subject, _| is_wanted(subject));
    }

    pub fn report(&self) -> Vec<FaultReport> {
        let faults = self.0.iter().take(TOLD);
        let report = |(subject, fault): (&Subject, &Fault)| {
            let (repository, reference) = match subject {
                Subject::Repository(repository) => (repository.path().to_owned(), None),
                Subject::Follow(repository, follow) => {
                    (repository.path().to_owned(), Some(follow.to_string()))
                }
                Subject::Owner(owner) => (owner.clone(), None),
            };
            FaultReport {
                repository,
                reference,
                kind: fault.kind,
                reason: fault.reason.clone(),
                since: fault.since,
                failures: fault.failures,
            }
        };
        faults.map(report).collect()
    }
}

#[cfg(test)]
mod tests {
    use crate::flux::RepositoryUrl;

    use super::*;

    fn web() -> Arc<RepositoryIdentity> {
        let url = RepositoryUrl::read("https://github.com/acme/web").unwrap();
        Arc::new(url.identity(|_| None))
    }

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    fn heads(name: &str, is_archived: bool) -> RepositoryHeads {
        RepositoryHeads {
            number: 1,
            name_with_owner: name.into(),
            is_archived,
            is_disabled: false,
            pushed_at: None,
            default_branch: None,
            refs: Vec::new(),
        }
    }

    #[test]
    fn what_fails_rests_for_a_minute_and_twice_as_long_each_time_up_to_an_hour() {
        let mut faults = Faults::default();
        let subject = Subject::Repository(web());
        let mut now = Instant::now();
        for (number, minutes) in [1, 2, 4, 8, 16, 32, 60, 60].into_iter().enumerate() {
            let second = i64::try_from(number).unwrap();
            let fault = RepositoryFault::NotSeen;
            faults.failed(subject.clone(), &fault, "bot", (now, at(second)));
            let wait = Duration::from_secs(minutes * 60);
            assert!(faults.is_resting(&subject, now + wait - Duration::from_millis(1)));
            assert!(!faults.is_resting(&subject, now + wait));
            now += wait;
        }
        let told = faults.report().remove(0);
        assert_eq!(
            (told.kind, told.since, told.failures),
            ("notSeen", at(0), 8)
        );
        faults.seen(&web(), &heads("Acme/Web", false), at(9));
        assert!(faults.report().is_empty());
        assert!(!faults.is_resting(&subject, now));
    }

    #[test]
    fn a_repository_that_was_renamed_or_archived_is_told_and_asked_for_as_before() {
        let mut faults = Faults::default();
        let subject = Subject::Repository(web());
        for (name, is_archived, kind, reason) in [
            (
                "acme/site",
                true,
                "renamed",
                "it is called `acme/site` now; write that in the source's URL",
            ),
            (
                "acme/web",
                true,
                "archived",
                "it is archived, so nothing is pushed to it any more",
            ),
        ] {
            faults.seen(&web(), &heads(name, is_archived), at(1));
            faults.seen(&web(), &heads(name, is_archived), at(2));
            let told = faults.report().remove(0);
            assert_eq!(
                (told.kind, told.reason.as_str(), told.since),
                (kind, reason, at(1))
            );
            assert!(!faults.is_resting(&subject, Instant::now()));
        }
    }
}
