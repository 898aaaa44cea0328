//! A fleet as commands take it: read, planned, and with everything that is wrong with it.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::Path;

use crate::budget::{CostTable, counted};
use crate::config::{self, Configuration, Finding, Severity};
use crate::plan::{self, Plan};
use crate::render::{self, Judge, ProofBy, Templates, UserTemplate};

use super::args::{Format, GlobalArguments};
use super::judging::Judges;
use super::log::Log;
use super::progress::Progress;
use super::report::{self, JsonFinding};
use super::report_markdown;

/// A configuration folder, read.
#[derive(Debug)]
pub(super) struct Loaded {
    pub(super) configuration: Configuration,
    findings: Vec<Finding>,
}

/// What tells one reading of a folder from another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Fingerprint(u64);

/// What should exist, and what is wrong so far.
#[derive(Debug)]
pub(super) struct Fleet<'c> {
    pub(super) configuration: &'c Configuration,
    pub(super) plan: Plan<'c>,
    /// The shipped one where what is said in its place has faults.
    pub(super) costs: CostTable,
    pub(super) findings: Vec<Finding>,
}

impl Loaded {
    pub(super) fn of(configuration: Configuration, findings: Vec<Finding>) -> Self {
        Self {
            configuration,
            findings,
        }
    }

    /// What differs where any file of it does, or anything that is wrong with it.
    pub(super) fn fingerprint(&self) -> Fingerprint {
        let mut hasher = DefaultHasher::new();
        for text in self.configuration.sources.texts() {
            text.hash(&mut hasher);
        }
        for finding in &self.findings {
            finding.message.hash(&mut hasher);
        }
        Fingerprint(hasher.finish())
    }

    /// Reads the configuration folder that the arguments name.
    pub(super) fn read(global: &GlobalArguments, log: &mut Log) -> Self {
        Self::read_folder(&global.config, log)
    }

    /// Reads a configuration folder.
    pub(super) fn read_folder(folder: &Path, log: &mut Log) -> Self {
        let (configuration, findings) = config::load(folder);
        log.step("read the configuration", || {
            let projects = counted(configuration.projects.len(), "project");
            let environments = counted(configuration.environments.len(), "environment");
            format!("{projects}, {environments}")
        });
        Self {
            configuration,
            findings,
        }
    }

    /// All that is wrong with the fleet, as `validate` finds it.
    pub(super) fn judged(&self) -> Vec<Finding> {
        let mut log = Log::new(false);
        let mut fleet = self.plan(&mut log);
        fleet.prove(&mut log);
        fleet.findings
    }

    pub(super) fn plan(self: &Loaded, log: &mut Log) -> Fleet<'_> {
        let (plan, mut found) = plan::plan(&self.configuration);
        log.step("planned", || counted(plan.objects.len(), "document"));
        // Every command says what is wrong with the prices: a configuration is sound for all or none.
        let costs = CostTable::new(&self.configuration.budget).unwrap_or_else(|faults| {
            found.extend(faults);
            CostTable::default()
        });
        Fleet {
            configuration: &self.configuration,
            plan,
            costs,
            findings: [self.findings.as_slice(), &found].concat(),
        }
    }
}

impl Fleet<'_> {
    /// Loads and tries the templates, then has every document judged. What is wrong is added to the
    /// findings.
    pub(super) fn prove(&mut self, log: &mut Log) -> Templates {
        let configuration = self.configuration;
        let user = configuration.templates.iter().map(|template| UserTemplate {
            name: template.name.clone(),
            source: template.source,
            text: configuration.sources.text(template.source).to_owned(),
        });
        let (mut templates, found) = Templates::load(user.collect());
        self.findings.extend(found);
        self.findings.extend(templates.lint(&self.plan));
        log.step("tried the templates", || {
            counted(templates.names().count(), "template")
        });
        let (judges, found) = Judges::read(configuration);
        self.findings.extend(found);
        let documents = self.plan.objects.len();
        let progress = Progress::new("proving", documents);
        let found = render::prove(
            &self.plan,
            &templates,
            ProofBy::Values,
            Judge {
                faults: &|object, document| {
                    progress.advance();
                    judges.judge(object, document)
                },
                scope: &|object, document| judges.scope(object, document),
            },
        );
        self.findings.extend(found);
        self.findings.extend(judges.unjudged());
        self.findings
            .extend(render::relations(&self.plan, &templates));
        log.step("proved", || counted(documents, "document"));
        templates
    }

    pub(super) fn is_faulty(&self) -> bool {
        let mut severities = self.findings.iter().map(|finding| finding.severity);
        severities.any(|severity| severity == Severity::Error)
    }

    /// Prints what is wrong as the answer of the command.
    pub(super) fn print_findings(&self, global: &GlobalArguments) -> anyhow::Result<()> {
        report_markdown::print_asked(&self.configuration.sources, &self.findings, global)
    }

    /// Prints what is odd beside another answer; for machines that answer has it.
    pub(super) fn print_warnings(&self, global: &GlobalArguments) -> anyhow::Result<()> {
        match global.format {
            Format::Json => Ok(()),
            Format::Text => report::print_beside(&self.configuration.sources, &self.findings),
        }
    }

    /// The same for machines.
    pub(super) fn json_findings(&self) -> Vec<JsonFinding<'_>> {
        report::json(&self.configuration.sources, &self.findings)
    }
}
