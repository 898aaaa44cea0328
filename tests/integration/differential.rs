//! The judge and a real API server agree on thousands of mutants of good manifests.
//!
//! The mutants are the same at every run: they come from a seed. Others are tried with
//! `FLUX_SETUP_SEED=7 FLUX_SETUP_MUTANTS=10000`.

mod generate;
mod mutants;
mod random;
mod seeds;
mod tree;
mod versions;
mod words;

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::Write as _;
use std::path::Path;
use std::sync::Mutex;
use std::thread;

use flux_setup::flux::schema::{Crds, FaultClass, FaultSeverity, judge};
use flux_setup::flux::yaml;

use crate::api_server::{ApiServer, Target, shared};
use mutants::Mutant;
use random::Random;

const SEED: u64 = 20_260_101;
const MUTANTS: u64 = 2_400;
/// Enough to keep the server busy; more only wait.
const THREADS: u64 = 8;
const NAMESPACE: &str = "flux-system";
/// The CRDs of all of Flux's kinds.
const FLUX: &str = "src/flux/crds";
/// How many disagreements are printed at most.
const SHOWN: usize = 20;

#[test]
#[ignore = "needs a Kubernetes API server"]
fn the_judge_and_the_api_server_agree_on_mutants_of_every_kind() {
    agree_on(&flux(), Crds::embedded(), &seeds::flux(), FLUX);
}

#[test]
#[ignore = "needs a Kubernetes API server"]
fn they_agree_on_a_kind_that_uses_everything_a_schema_can_say() {
    let folder = "tests/integration/differential/crds";
    let server = shared();
    server.install_crds(&repository().join(folder));
    let text = include_str!("differential/crds/everything.json");
    let (documents, faults) = yaml::read(text, 0);
    assert!(faults.is_empty(), "{faults:?}");
    let (crds, faults) = Crds::from_documents(&documents);
    assert!(faults.is_empty(), "{faults:?}");
    agree_on(server, &crds, &seeds::everything(), folder);
}

/// Mutants that are judged from files.
const FILES: u64 = 300;

#[test]
#[ignore = "needs a Kubernetes API server"]
fn validate_says_of_files_what_the_api_server_says() {
    let server = &flux();
    server.create_namespace(NAMESPACE);
    let seeds = seeds::flux();
    let schemas = seeds::schemas(&repository().join(FLUX));
    let folder = tempfile::tempdir().expect("there is a folder for temporary files");
    let mut theirs = BTreeMap::new();
    for index in 0..FILES {
        let mutant = Mutant::of(&mut Random::new(SEED, index), &seeds, &schemas);
        let (_, accepted, report) = compare(Crds::embedded(), server, &mutant);
        let file = format!("{index:04}.yaml");
        std::fs::write(folder.path().join(&file), mutant.text()).expect("it can be written");
        theirs.insert(file, (accepted, report));
    }
    let arguments = ["validate", "--manifests", ".", "--format", "json"];
    let run = crate::binary::run_in(folder.path(), &arguments);
    let answer: serde_json::Value = serde_json::from_str(&run.stdout).expect("it is JSON");
    let findings = answer["findings"].as_array().expect("it has findings");
    let refused: BTreeMap<&str, &serde_json::Value> = findings
        .iter()
        .filter(|one| one["severity"] == "error" && one["class"] != "flux")
        .map(|one| (one["file"].as_str().unwrap_or_default(), &one["message"]))
        .collect();
    let differ = theirs
        .iter()
        .filter(|(file, (accepted, _))| *accepted == refused.contains_key(file.as_str()));
    let differ = differ
        .map(|(file, (_, report))| format!("{file}: {:?}\n{report}", refused.get(file.as_str())));
    let differ: Vec<_> = differ.take(SHOWN).collect();
    assert!(differ.is_empty(), "{}", differ.join("\n"));
    let accepted = theirs.values().filter(|(accepted, _)| *accepted).count() as u64;
    assert!(
        accepted > FILES / 4 && accepted < FILES / 4 * 3,
        "{accepted}"
    );
}

/// A server with all of Flux's kinds; the shared one has other definitions of some.
fn flux() -> ApiServer {
    let server = ApiServer::start();
    server.install_crds(&repository().join(FLUX));
    server
}

fn repository() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// How often each verdict was given.
#[derive(Default)]
struct Tally {
    accepted: usize,
    refused: usize,
    by_change: BTreeMap<&'static str, (usize, usize)>,
    disagreements: Vec<String>,
}

fn agree_on(server: &ApiServer, crds: &Crds, seeds: &[seeds::Seed], schemas: &str) {
    server.create_namespace(NAMESPACE);
    for seed in seeds {
        let mutant = Mutant::unchanged(seed);
        let (ours, theirs, report) = compare(crds, server, &mutant);
        assert!(ours && theirs, "a seed is not good:\n{report}");
    }
    let schemas = seeds::schemas(&repository().join(schemas));
    agree_on_mutants(server, crds, seeds, &schemas, MUTANTS);
}

/// Of `usual` mutants, where no other number is asked for.
fn agree_on_mutants(
    server: &ApiServer,
    crds: &Crds,
    seeds: &[seeds::Seed],
    schemas: &seeds::Schemas,
    usual: u64,
) {
    let number = |name: &str, default: u64| match std::env::var(name) {
        Ok(text) => text.parse().expect("a number"),
        Err(_) => default,
    };
    let seed = number("FLUX_SETUP_SEED", SEED);
    let count = number("FLUX_SETUP_MUTANTS", usual);
    let tally = Mutex::new(Tally::default());
    thread::scope(|scope| {
        for thread in 0..THREADS {
            let tally = &tally;
            scope.spawn(move || {
                for index in (thread..count).step_by(THREADS as usize) {
                    let mut random = Random::new(seed, index);
                    let mutant = Mutant::of(&mut random, seeds, schemas);
                    let (ours, theirs, report) = compare(crds, server, &mutant);
                    let mut tally = tally.lock().expect("no thread panics with the tally");
                    let by_change = tally.by_change.entry(mutant.change).or_default();
                    if theirs {
                        by_change.0 += 1;
                        tally.accepted += 1;
                    } else {
                        by_change.1 += 1;
                        tally.refused += 1;
                    }
                    if ours != theirs {
                        tally
                            .disagreements
                            .push(format!("mutant {index} of seed {seed}\n{report}"));
                    }
                }
            });
        }
    });
    let mut tally = tally
        .into_inner()
        .expect("no thread panicked with the tally");
    tally.disagreements.sort();
    let shown = tally.disagreements.len().min(SHOWN);
    assert!(
        tally.disagreements.is_empty(),
        "{} of {count} verdicts differ:\n\n{}",
        tally.disagreements.len(),
        tally.disagreements[..shown].join("\n")
    );
    let _ = writeln!(
        std::io::stderr(),
        "seed {seed}: {} accepted, {} refused; accepted and refused by change: {:?}",
        tally.accepted,
        tally.refused,
        tally.by_change
    );
    let share = |part: usize| part as f64 / count as f64;
    assert!(
        share(tally.accepted) >= 0.25 && share(tally.refused) >= 0.25,
        "one verdict is too rare to prove much: {} accepted, {} refused; {:?}",
        tally.accepted,
        tally.refused,
        tally.by_change
    );
}

/// Whether we take it, whether the server does, and both in words.
fn compare(crds: &Crds, server: &ApiServer, mutant: &Mutant) -> (bool, bool, String) {
    let text = mutant.text();
    let (documents, unread) = yaml::read(&text, 0);
    let mut faults: Vec<String> = unread.iter().map(|fault| fault.message.clone()).collect();
    for document in &documents {
        let judged = judge(crds, document);
        faults.extend(
            judged
                .iter()
                .filter(|fault| {
                    fault.class == FaultClass::Api && fault.severity == FaultSeverity::Error
                })
                .map(|fault| format!("{}: {}", fault.path, fault.message)),
        );
    }
    let metadata = documents
        .first()
        .and_then(|document| document.get("metadata"));
    let given = |key: &str| {
        let node = metadata.and_then(|metadata| metadata.get(key));
        node.and_then(|node| node.as_str())
            .filter(|text| !text.is_empty())
    };
    let target = Target {
        api_version: mutant.api_version,
        kind: mutant.kind,
        namespace: given("namespace").unwrap_or(NAMESPACE),
        name: given("name").unwrap_or("web"),
    };
    let verdict = server.strict_apply(target, &text);
    let mut report = String::new();
    let _ = writeln!(report, "changed: {}\n{text}", mutant.change);
    let _ = writeln!(report, "server: {} {}", verdict.status, verdict.message);
    let _ = writeln!(report, "ours: {faults:#?}");
    (faults.is_empty(), verdict.is_accepted(), report)
}
