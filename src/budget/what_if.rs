//! What a plan would cost with other intervals, said as the configuration would say it.

use std::ops::Range;
use std::time::Duration;

use crate::flux::{duration, nearest};
use crate::plan::Plan;

/// Words for the interval of sources; that of Kustomizations costs nothing.
const KEYS: [&str; 3] = ["interval", "intervals", "intervals.source"];

const FORM: &str = "write `interval=30s`, `environments.production.interval=1m`, \
                    `projects.web.interval=1m` or `projects.web.environments.production.interval=1m`";

/// Another interval for every source, or for those of a project, an environment or both.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WhatIf {
    project: Option<(String, Range<usize>)>,
    environment: Option<(String, Range<usize>)>,
    interval: Duration,
    length: usize,
}

/// What is wrong with a text that should say it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WhatIfFault {
    /// The bytes of the text.
    pub range: Range<usize>,
    pub message: String,
    pub hint: String,
}

impl WhatIf {
    /// Reads `[projects.NAME.][environments.NAME.]interval=DURATION`.
    ///
    /// # Errors
    /// What is wrong, where, and how to mend it.
    pub fn read(text: &str) -> Result<Self, WhatIfFault> {
        let fault = |range: Range<usize>, message: String, hint: &str| WhatIfFault {
            range,
            message,
            hint: hint.to_owned(),
        };
        let Some(equals) = text.find('=') else {
            let message = format!("`{text}` says no interval");
            return Err(fault(0..text.len(), message, FORM));
        };
        let mut found = Self {
            project: None,
            environment: None,
            interval: Duration::ZERO,
            length: text.len(),
        };
        let mut at = 0;
        while !KEYS.contains(&&text[at..equals]) {
            let rest = &text[at..equals];
            let word = rest.split('.').next().unwrap_or_default();
            let place = match word {
                "projects" if found.project.is_none() && found.environment.is_none() => {
                    &mut found.project
                }
                "environments" if found.environment.is_none() => &mut found.environment,
                _ => {
                    let near = nearest(word, ["projects", "environments", "interval"]);
                    let hint = near
                        .filter(|near| *near != word)
                        .map_or_else(|| FORM.to_owned(), |near| format!("did you mean `{near}`?"));
                    let message = format!("`{word}` cannot stand here");
                    return Err(fault(at..at + word.len(), message, &hint));
                }
            };
            at += word.len() + 1;
            let name = text.get(at..equals).unwrap_or_default();
            let name = name.split('.').next().unwrap_or_default();
            let range = at.min(equals)..at.min(equals) + name.len();
            if name.is_empty() {
                return Err(fault(range, format!("`{word}` names none"), FORM));
            }
            at = range.end + 1;
            *place = Some((name.to_owned(), range));
            if at > equals {
                let message = format!("`{}` says no interval", &text[..equals]);
                return Err(fault(0..equals, message, FORM));
            }
        }
        let value = equals + 1..text.len();
        found.interval = match duration::read(&text[value.clone()]) {
            Ok(interval) if interval.is_zero() => {
                let message = "a duration of zero is of no use here".to_owned();
                return Err(fault(
                    value,
                    message,
                    "write one of more than zero, as `1m`",
                ));
            }
            Ok(interval) => interval,
            Err(error) => return Err(fault(value, error.to_string(), &error.hint())),
        };
        Ok(found)
    }

    /// Has every source that is meant polled so, whatever the configuration says.
    ///
    /// # Errors
    /// A name that nothing has, or that no source is meant.
    pub fn apply(&self, plan: &mut Plan<'_>) -> Result<(), WhatIfFault> {
        let mut is_any = false;
        for object in &mut plan.objects {
            let is = |wanted: &Option<(String, Range<usize>)>, name: &str| {
                wanted.as_ref().is_none_or(|(wanted, _)| wanted == name)
            };
            let is_meant =
                is(&self.project, &object.project) && is(&self.environment, &object.environment);
            if is_meant && let Some(poll) = &mut object.poll {
                poll.interval = self.interval;
                is_any = true;
            }
        }
        if is_any {
            return Ok(());
        }
        let objects = || plan.objects.iter();
        let projects = objects().map(|object| &*object.project).collect();
        let environments = objects().map(|object| &*object.environment).collect();
        let unknown = unknown("project", &self.project, projects)
            .or_else(|| unknown("environment", &self.environment, environments));
        Err(unknown.unwrap_or_else(|| WhatIfFault {
            range: 0..self.length,
            message: "nothing is polled there".to_owned(),
            hint: "name a project that has a source of its own in that environment".to_owned(),
        }))
    }
}

fn unknown(
    what: &str,
    wanted: &Option<(String, Range<usize>)>,
    known: Vec<&str>,
) -> Option<WhatIfFault> {
    let (name, range) = wanted.as_ref()?;
    if known.contains(&name.as_str()) {
        return None;
    }
    let hint = match nearest(name, known.iter().copied()) {
        Some(near) => format!("did you mean `{near}`?"),
        None => format!("name a {what} of this fleet"),
    };
    Some(WhatIfFault {
        range: range.clone(),
        message: format!("unknown {what} `{name}`"),
        hint,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::budget::sample::{Changed, plan, source};

    fn refused(text: &str) -> (String, String) {
        let fault = WhatIf::read(text).unwrap_err();
        (text[fault.range].to_owned(), fault.message)
    }

    #[test]
    fn it_says_where_and_how_often() {
        let read = |text: &str| {
            let read = WhatIf::read(text).unwrap();
            let name = |named: Option<(String, Range<usize>)>| named.map(|(name, _)| name);
            (
                name(read.project),
                name(read.environment),
                read.interval.as_secs(),
            )
        };
        let named = |name: &str| Some(name.to_owned());
        assert_eq!(read("interval=30s"), (None, None, 30));
        assert_eq!(read("intervals=1h 30m"), (None, None, 5400));
        assert_eq!(read("intervals.source=1m"), (None, None, 60));
        assert_eq!(
            read("environments.prod.intervals.source=1m"),
            (None, named("prod"), 60)
        );
        assert_eq!(read("projects.web.interval=1m"), (named("web"), None, 60));
        let both = read("projects.web.environments.prod.interval=1m");
        assert_eq!(both, (named("web"), named("prod"), 60));
    }

    #[test]
    fn what_cannot_be_read_is_told_with_its_place() {
        let told = |part: &str, message: &str| (part.to_owned(), message.to_owned());
        assert_eq!(refused("30s"), told("30s", "`30s` says no interval"));
        assert_eq!(
            refused("environment.a.interval=1m"),
            told("environment", "`environment` cannot stand here")
        );
        assert_eq!(
            refused("environments=1m"),
            told("", "`environments` names none")
        );
        assert_eq!(
            refused("environments.=1m"),
            told("", "`environments` names none")
        );
        assert_eq!(
            refused("environments.a=1m"),
            told("environments.a", "`environments.a` says no interval")
        );
        assert_eq!(
            refused("environments.a.projects.b.interval=1m"),
            told("projects", "`projects` cannot stand here")
        );
        assert_eq!(
            refused("projects.a.projects.b.interval=1m"),
            told("projects", "`projects` cannot stand here")
        );
        assert_eq!(refused("=1m"), told("", "`` cannot stand here"));
        assert_eq!(
            refused("interval=5"),
            told("5", "the duration `5` has no unit")
        );
        assert_eq!(
            refused("interval=0s"),
            told("0s", "a duration of zero is of no use here")
        );
        assert_eq!(refused("interval="), told("", "the duration is empty"));
    }

    #[test]
    fn only_sources_that_are_meant_are_polled_so_and_unknown_names_are_refused() {
        const WEB: &str = "https://github.com/acme/web";
        let mut plan = plan(vec![
            source(WEB).of("web", "prod").every(300),
            source(WEB).of("api", "prod").every(300),
            source(WEB).of("api", "dev").every(60),
        ]);
        let mut apply = |text: &str| {
            let applied = WhatIf::read(text).unwrap().apply(&mut plan);
            applied.map(|()| {
                let polls = plan
                    .objects
                    .iter()
                    .filter_map(|object| object.poll.as_ref());
                polls
                    .map(|poll| poll.interval.as_secs())
                    .collect::<Vec<_>>()
            })
        };
        assert_eq!(
            apply("environments.prod.interval=10s"),
            Ok(vec![10, 10, 60])
        );
        assert_eq!(
            apply("projects.api.environments.dev.interval=20s"),
            Ok(vec![10, 10, 20])
        );
        assert_eq!(apply("interval=5m"), Ok(vec![300, 300, 300]));
        let message = |text: &str, apply: &mut dyn FnMut(&str) -> Result<Vec<u64>, WhatIfFault>| {
            let fault = apply(text).unwrap_err();
            (text[fault.range].to_owned(), fault.message, fault.hint)
        };
        let (part, told, hint) = message("environments.prd.interval=1m", &mut apply);
        assert_eq!(
            (&*part, &*told, &*hint),
            ("prd", "unknown environment `prd`", "did you mean `prod`?")
        );
        let (_, told, _) = message("projects.web.environments.dev.interval=1m", &mut apply);
        assert_eq!(told, "nothing is polled there");
    }
}
