//! Which objects a fault of the configuration comes from that was made of them: fewer and fewer of them are
//! tried by themselves.
//!
//! ```text
//! a fault in a project      -> that one
//! a fault anywhere else     -> all projects, and of these the faulty ones
//! a faulty project          -> its Kustomizations, and of these the faulty ones
//! faulty with others alone  -> the first that makes it so: without it the rest is tried again
//! ```

use std::collections::{BTreeMap, BTreeSet};

use crate::adopt::{AdoptedProject, Adoption};
use crate::flux::yaml::Span;

/// How many configurations are tried: of what is left then all counts as faulty.
const MOST_TRIALS: usize = 500;

/// What is wrong with a configuration.
#[derive(Debug)]
pub(super) struct Fault {
    /// The project that says it; `None`: an environment, defaults, a cluster or a template.
    pub(super) project: Option<String>,
    pub(super) message: String,
}

/// Documents, by their places.
type Documents = BTreeSet<Span>;

/// What is wrong with a configuration of these documents alone.
type Try<'t> = &'t mut dyn FnMut(&Documents) -> anyhow::Result<Option<String>>;

/// The places of what cannot be said without a fault, each with the reason; at least one where there is a
/// fault.
///
/// # Errors
/// Where nothing can be tried.
pub(super) fn culprits(
    adoption: &Adoption,
    faults: &[Fault],
    fault_of: Try<'_>,
) -> anyhow::Result<Vec<(Span, String)>> {
    let mut search = Search {
        fault_of,
        trials: 0,
    };
    let mut culprits: BTreeMap<Span, String> = BTreeMap::new();
    for (project, message) in search.projects(&adoption.projects, faults)? {
        let each = &project.applied[..];
        let mut found = match search.trial(each)? {
            Some(message) => search.faulty(each, message)?,
            None => Vec::new(),
        };
        if found.is_empty() {
            // it is so with other projects alone
            found = (0..each.len()).map(|one| (one, message.clone())).collect();
        }
        let faulty: BTreeSet<usize> = found.iter().map(|(one, _)| *one).collect();
        let sound = each.iter().enumerate();
        let sound = sound.filter(|(number, _)| !faulty.contains(number));
        let sound: Documents = sound.flat_map(|(_, one)| one).copied().collect();
        for (one, message) in found {
            let reason = format!("a configuration that says it has a fault: {message}");
            for document in each[one].difference(&sound) {
                culprits.entry(*document).or_insert_with(|| reason.clone());
            }
        }
    }
    Ok(culprits.into_iter().collect())
}

struct Search<'t> {
    fault_of: Try<'t>,
    trials: usize,
}

impl Search<'_> {
    /// The projects that have a fault, each with one.
    fn projects<'p>(
        &mut self,
        all: &'p [AdoptedProject],
        faults: &[Fault],
    ) -> anyhow::Result<Vec<(&'p AdoptedProject, String)>> {
        let has = |project: &AdoptedProject, fault: &Fault| {
            fault.project.as_deref() == Some(&project.name)
        };
        let mut elsewhere = faults.iter();
        let elsewhere = elsewhere.find(|fault| !all.iter().any(|project| has(project, fault)));
        if let Some(fault) = elsewhere {
            let each = all.iter().map(|project| project.applied.iter().flatten());
            let each: Vec<Documents> = each.map(|all| all.copied().collect()).collect();
            let found = self.faulty(&each, fault.message.clone())?;
            let found = found.into_iter();
            return Ok(found.map(|(one, message)| (&all[one], message)).collect());
        }
        let found = all.iter().filter_map(|project| {
            let fault = faults.iter().find(|fault| has(project, fault))?;
            Some((project, fault.message.clone()))
        });
        Ok(found.collect())
    }

    /// Of these, which are faulty together, the numbers of those that are so by themselves, each with what
    /// is wrong; where none is, of the first that makes it so.
    fn faulty(
        &mut self,
        each: &[Documents],
        message: String,
    ) -> anyhow::Result<Vec<(usize, String)>> {
        if each.len() < 2 || self.trials >= MOST_TRIALS {
            let all = 0..each.len();
            return Ok(all.map(|one| (one, message.clone())).collect());
        }
        let (first, second) = each.split_at(each.len() / 2);
        let mut found = Vec::new();
        for (from, half) in [(0, first), (first.len(), second)] {
            if let Some(message) = self.ask(half)? {
                let of_half = self.faulty(half, message)?.into_iter();
                found.extend(of_half.map(|(one, message)| (from + one, message)));
            }
        }
        if !found.is_empty() {
            return Ok(found);
        }
        // the fewest first ones that are faulty end with one that makes them so
        let (mut sound, mut faulty) = (first.len(), each.len());
        while faulty - sound > 1 {
            let middle = usize::midpoint(sound, faulty);
            match self.ask(&each[..middle])? {
                Some(_) => faulty = middle,
                None => sound = middle,
            }
        }
        Ok(vec![(sound, message)])
    }

    /// The same as `ask`, unless there were trials enough.
    fn trial(&mut self, some: &[Documents]) -> anyhow::Result<Option<String>> {
        match self.trials < MOST_TRIALS {
            true => self.ask(some),
            false => Ok(None),
        }
    }

    fn ask(&mut self, some: &[Documents]) -> anyhow::Result<Option<String>> {
        self.trials += 1;
        let documents = some.iter().flatten().copied();
        (self.fault_of)(&documents.collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place(number: u32) -> Span {
        Span {
            source: number,
            ..Span::default()
        }
    }

    /// Projects of two Kustomizations each: of project `n` the source is `10n`, they are `10n + 1` and
    /// `10n + 2`.
    fn adoption(projects: u32) -> Adoption {
        let projects = (0..projects).map(|number| AdoptedProject {
            name: format!("p{number}"),
            applied: [1, 2]
                .map(|one| [0, one].map(|one| place(10 * number + one)).into())
                .into(),
        });
        Adoption {
            files: Vec::new(),
            left_alone: Vec::new(),
            other_kinds: BTreeMap::new(),
            objects: 0,
            kustomizations: Vec::new(),
            projects: projects.collect(),
        }
    }

    /// What is found where any of these sets of documents makes a fault, and how often that was tried.
    fn found(projects: u32, of: Option<&str>, faulty: &[&[u32]]) -> (Vec<u32>, usize) {
        let mut trials = 0;
        let mut fault_of = |documents: &Documents| {
            trials += 1;
            let has = |one: &u32| documents.contains(&place(*one));
            let mut faulty = faulty.iter();
            Ok(faulty
                .find(|all| all.iter().all(has))
                .map(|all| format!("{all:?}")))
        };
        let fault = Fault {
            project: of.map(str::to_owned),
            message: "a fault".to_owned(),
        };
        let found = culprits(&adoption(projects), &[fault], &mut fault_of).unwrap();
        let found = found.iter().map(|(span, _)| span.source).collect();
        (found, trials)
    }

    #[test]
    fn each_that_is_faulty_by_itself_is_found_wherever_the_fault_is_told() {
        assert_eq!(found(9, None, &[&[1], &[42], &[81]]).0, [1, 42, 81]);
        assert_eq!(found(9, Some("p4"), &[&[42]]), (vec![42], 3));
        assert_eq!(found(1, None, &[&[2]]).0, [2]);
        // a source goes with all that is applied from it, and stays for what is sound
        assert_eq!(found(3, None, &[&[10]]).0, [10, 11, 12]);
        let (one, trials) = found(1000, None, &[&[5001]]);
        assert_eq!(one, [5001]);
        assert!(trials < 30, "{trials}");
    }

    #[test]
    fn of_those_that_are_faulty_together_one_is_enough() {
        assert_eq!(found(9, None, &[&[11, 72]]).0, [70, 71, 72]);
        assert_eq!(found(9, None, &[&[11, 12]]).0, [12]);
        // nobody else was asked for
        assert_eq!(found(9, Some("p1"), &[&[11, 72]]).0, [10, 11, 12]);
    }

    #[test]
    fn where_nearly_all_are_faulty_the_trials_end() {
        let all: Vec<u32> = (0..900).map(|one| 10 * one + 1).collect();
        let all: Vec<&[u32]> = all.iter().map(std::slice::from_ref).collect();
        let (found, trials) = found(900, None, &all);
        assert!(found.len() >= 900, "{}", found.len());
        assert!(trials < MOST_TRIALS + 20, "{trials}");
    }
}
