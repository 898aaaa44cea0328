//! How fast the pipeline is and how much memory it takes: `cargo bench`.
//!
//! The fleet of the first benches has 10,000 projects in three environments: 60,000 manifests.

mod fleet;
mod memory;
mod plain;
mod process;

use std::io;
use std::path::Path;

use divan::Bencher;
use divan::counter::ItemsCount;

use flux_setup::budget::{CostTable, price};
use flux_setup::config::{Configuration, load};
use flux_setup::flux::Fault;
use flux_setup::flux::lint::lint;
use flux_setup::flux::schema::{Crds, judge};
use flux_setup::flux::yaml::Node;
use flux_setup::plan::{Plan, PlannedObject, plan};
use flux_setup::render::{Judge, ProofBy, Templates, UserTemplate, prove, write_manifests};

/// As in the program.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const PROJECTS: usize = 10_000;

fn main() -> io::Result<()> {
    divan::main();
    let arguments: Vec<_> = std::env::args().skip(1).collect();
    let is_whole = arguments.iter().all(|argument| argument == "--bench");
    if is_whole {
        memory::print_table(&mut io::stdout().lock())?;
    }
    Ok(())
}

fn configuration(folder: &Path) -> Configuration {
    let (configuration, findings) = load(folder);
    assert_eq!(findings, []);
    configuration
}

fn planned(configuration: &Configuration) -> Plan<'_> {
    let (plan, findings) = plan(configuration);
    assert_eq!(findings, []);
    plan
}

fn templates(configuration: &Configuration) -> Templates {
    let sources = &configuration.sources;
    let user = configuration.templates.iter().map(|template| UserTemplate {
        name: template.name.clone(),
        source: template.source,
        text: sources.text(template.source).to_owned(),
    });
    let (templates, findings) = Templates::load(user.collect());
    assert_eq!(findings, []);
    templates
}

const JUDGE: Judge<'_> = Judge {
    faults: &faults,
    scope: &|_, document| Crds::embedded().scope(document),
};

/// What the program holds against a document.
fn faults(_: &PlannedObject<'_>, document: &Node) -> Vec<Fault> {
    let mut faults = judge(Crds::embedded(), document);
    faults.extend(lint(document));
    faults
}

fn manifests() -> ItemsCount {
    ItemsCount::new(fleet::manifests(PROJECTS))
}

#[divan::bench(sample_count = 10)]
fn load_the_configuration(bencher: Bencher<'_, '_>) {
    let folder = fleet::generated(PROJECTS).expect("the folder can be written");
    bencher
        .counter(manifests())
        .bench(|| configuration(folder.path()));
}

#[divan::bench(sample_count = 10)]
fn make_the_plan(bencher: Bencher<'_, '_>) {
    let folder = fleet::generated(PROJECTS).expect("the folder can be written");
    let configuration = configuration(folder.path());
    bencher
        .counter(manifests())
        .bench(|| planned(&configuration));
}

#[divan::bench(sample_count = 10)]
fn render_alone(bencher: Bencher<'_, '_>) {
    let folder = fleet::generated(PROJECTS).expect("the folder can be written");
    let configuration = configuration(folder.path());
    let plan = planned(&configuration);
    let templates = templates(&configuration);
    bencher
        .counter(manifests())
        .bench(|| write_manifests(&plan, &templates, &mut io::sink()));
}

#[divan::bench(sample_count = 10, args = [ProofBy::Values, ProofBy::Text])]
fn prove_alone(bencher: Bencher<'_, '_>, by: ProofBy) {
    let folder = fleet::generated(PROJECTS).expect("the folder can be written");
    let configuration = configuration(folder.path());
    let plan = planned(&configuration);
    let templates = templates(&configuration);
    bencher
        .counter(manifests())
        .bench(|| prove(&plan, &templates, by, JUDGE));
}

#[divan::bench(sample_count = 10, args = [ProofBy::Values, ProofBy::Text])]
fn load_plan_prove_and_render(bencher: Bencher<'_, '_>, by: ProofBy) {
    let folder = fleet::generated(PROJECTS).expect("the folder can be written");
    bencher.counter(manifests()).bench(|| {
        let configuration = configuration(folder.path());
        let plan = planned(&configuration);
        let mut templates = templates(&configuration);
        assert_eq!(templates.lint(&plan), []);
        assert_eq!(prove(&plan, &templates, by, JUDGE), []);
        write_manifests(&plan, &templates, &mut io::sink())
    });
}

#[divan::bench(sample_count = 10)]
fn load_plan_and_price(bencher: Bencher<'_, '_>) {
    let folder = fleet::generated(PROJECTS).expect("the folder can be written");
    bencher.counter(manifests()).bench(|| {
        let configuration = configuration(folder.path());
        let plan = planned(&configuration);
        let settings = &configuration.budget;
        price(
            &plan,
            &configuration.github,
            settings,
            &CostTable::default(),
        )
    });
}

/// From the start of the process to its end.
#[divan::bench(sample_count = 30, args = ["render", "validate", "budget"])]
fn the_sample_fleet(bencher: Bencher<'_, '_>, command: &str) {
    let repository = Path::new(env!("CARGO_MANIFEST_DIR"));
    bencher.bench(|| process::run(repository, command));
}

/// From the start of the process to its end.
#[divan::bench(sample_count = 10, args = ["render", "validate", "budget"])]
fn the_program(bencher: Bencher<'_, '_>, command: &str) {
    let folder = fleet::generated(PROJECTS).expect("the folder can be written");
    bencher
        .counter(manifests())
        .bench(|| process::run(folder.path(), command));
}

/// Plain manifests in files, a Kustomization or a GitRepository each.
const FILES: usize = 3_000;

/// From the start of the process to its end.
#[divan::bench(sample_count = 20)]
fn manifests_in_files(bencher: Bencher<'_, '_>) {
    let folder = plain::files(FILES).expect("the folder can be written");
    let arguments = ["validate", "--manifests", "."];
    bencher
        .counter(ItemsCount::new(FILES))
        .bench(|| process::run_with(folder.path(), &arguments));
}
