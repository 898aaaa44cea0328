//! Environments in metrics, and for each the gauge of what was pushed and is not applied.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use jiff::Timestamp;

use super::metrics::{Metrics, UnappliedLabels};

/// Names that are told apart: labels are what somebody wrote onto objects.
const ENVIRONMENTS: usize = 50;
const OTHER: &str = "(other)";
/// Of an object that its cluster has not shown yet.
pub(super) const UNKNOWN: &str = "(unknown)";

/// The names that are told apart.
#[derive(Debug, Default)]
pub(super) struct Environments(BTreeSet<Arc<str>>);

impl Environments {
    /// How an environment is called in a label; empty where the object names none.
    pub(super) fn label(&mut self, name: Option<&Arc<str>>) -> Arc<str> {
        let Some(name) = name.filter(|name| !name.is_empty()) else {
            return "".into();
        };
        if self.0.len() < ENVIRONMENTS && **name != *UNKNOWN {
            self.0.insert(Arc::clone(name));
        }
        match self.0.contains(name) || **name == *UNKNOWN {
            true => Arc::clone(name),
            false => OTHER.into(),
        }
    }
}

/// The gauge of one cluster; with this it is gone, for another replica may know it from then on.
#[derive(Debug)]
pub(super) struct UnappliedGauge {
    metrics: Metrics,
    cluster: Arc<str>,
    shown: BTreeSet<Arc<str>>,
}

impl UnappliedGauge {
    pub(super) fn new(metrics: Metrics, cluster: Arc<str>) -> Self {
        Self {
            metrics,
            cluster,
            shown: BTreeSet::new(),
        }
    }

    /// Shows since when something is not applied, by environment; nothing of the others.
    pub(super) fn show(
        &mut self,
        since: HashMap<Arc<str>, Timestamp>,
        environments: &mut Environments,
        now: Timestamp,
    ) {
        let mut ages: HashMap<Arc<str>, f64> = HashMap::new();
        for (environment, since) in since {
            let age = now.duration_since(since).as_secs_f64().max(0.0);
            let of = ages.entry(environments.label(Some(&environment)));
            let of = of.or_default();
            *of = of.max(age);
        }
        self.shown.extend(ages.keys().cloned());
        // Once it is known it is another one.
        if !ages.contains_key(UNKNOWN) && self.shown.remove(UNKNOWN) {
            let labels = self.labels(UNKNOWN.into());
            self.metrics.unapplied_seconds.remove(&labels);
        }
        for environment in &self.shown {
            let labels = self.labels(Arc::clone(environment));
            let age = ages.get(environment).copied().unwrap_or_default();
            let gauge = self.metrics.unapplied_seconds.get_or_create(&labels);
            gauge.set(age);
        }
    }

    fn labels(&self, environment: Arc<str>) -> UnappliedLabels {
        UnappliedLabels {
            cluster: Arc::clone(&self.cluster),
            environment,
        }
    }
}

impl Drop for UnappliedGauge {
    fn drop(&mut self) {
        for environment in std::mem::take(&mut self.shown) {
            let labels = self.labels(environment);
            self.metrics.unapplied_seconds.remove(&labels);
        }
    }
}

#[cfg(test)]
mod tests {
    use prometheus_client::encoding::text::encode;
    use prometheus_client::registry::Registry;

    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    #[test]
    fn no_more_names_are_told_apart_than_there_is_room_for() {
        let mut environments = Environments::default();
        let mut label = |name: &str| environments.label(Some(&name.into())).to_string();
        assert_eq!([label(UNKNOWN), label("")], [UNKNOWN, ""]);
        for number in 0..ENVIRONMENTS {
            let name = number.to_string();
            assert_eq!(label(&name), name);
        }
        assert_eq!([label("more"), label("7"), label("")], [OTHER, "7", ""]);
        assert_eq!(&*environments.label(None), "");
    }

    #[test]
    fn an_environment_stays_shown_and_what_was_unknown_does_not_and_with_the_gauge_all_is_gone() {
        let mut registry = Registry::default();
        let metrics = Metrics::register(&mut registry);
        let mut environments = Environments::default();
        let mut shown = |gauge: &mut UnappliedGauge, since: &[(&str, i64)]| {
            let since = since
                .iter()
                .map(|(name, since)| ((*name).into(), at(*since)));
            gauge.show(since.collect(), &mut environments, at(100));
        };
        let told = || {
            let mut text = String::new();
            encode(&mut text, &registry).unwrap();
            let lines = text.lines().filter(|line| !line.starts_with('#'));
            let ours = lines.filter_map(|line| line.split_once("environment="));
            let mut ours: Vec<_> = ours.map(|(_, rest)| rest.to_owned()).collect();
            ours.sort();
            ours
        };
        let mut gauge = UnappliedGauge::new(metrics, "prod".into());
        shown(&mut gauge, &[(UNKNOWN, 10), ("", 99)]);
        assert_eq!(told(), [r#"""} 1.0"#, r#""(unknown)"} 90.0"#]);
        shown(&mut gauge, &[("production", 10)]);
        assert_eq!(told(), [r#"""} 0.0"#, r#""production"} 90.0"#]);
        // A clock that was set back.
        shown(&mut gauge, &[("production", 200)]);
        assert_eq!(told(), [r#"""} 0.0"#, r#""production"} 0.0"#]);
        drop(gauge);
        assert_eq!(told(), [""; 0]);
    }
}
