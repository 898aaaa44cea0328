//! The arguments of every command, with the help that teaches them.

use std::path::PathBuf;
use std::time::Duration;

use clap::error::ErrorKind;
use clap::{Args, CommandFactory, Parser, Subcommand, ValueEnum};
use clap_complete::Shell;

use crate::budget::ProfileName;
use crate::config::parse_share;

use super::delivery_args::DeliveryArguments;
pub(super) use super::given::Format;
use super::given::{SelectionArguments, ServerArguments, positive_duration};
use super::install_args::InstallArguments;
use super::reconcile_args::ReconcileArguments;
use super::serve_args::ServeArguments;
use super::status_args::StatusArguments;
use super::validate_args::ValidateArguments;
use super::webhook_args::WebhookArguments;

const EXAMPLES: &str = "\
Examples:
  flux-setup init fleet                  a folder to start from
  flux-setup validate --config fleet     every fault of a fleet, with its place
  flux-setup render                      the manifests of this folder
  flux-setup render --output manifests   as files, one a project and environment
  flux-setup budget --fail-above 70%     what a fleet costs at GitHub, as a gate
  flux-setup status                      what the clusters really run
  flux-setup reconcile web/production --wait

Exit codes: 0 done, 1 the answer is no, 2 bad input or it could not be done.";

/// Renders, proves and prices the Flux configuration of a fleet.
#[derive(Debug, Parser)]
#[command(name = "flux-setup", version, after_help = EXAMPLES, arg_required_else_help = true)]
#[command(max_term_width = 100)]
pub(super) struct Arguments {
    #[command(flatten)]
    pub(super) global: GlobalArguments,
    #[command(subcommand)]
    pub(super) command: Command,
}

#[derive(Debug, Args)]
#[command(next_help_heading = "Everywhere")]
pub(super) struct GlobalArguments {
    /// The configuration folder: flux-setup.yaml, environments/, templates/
    #[arg(long, global = true, value_name = "DIR", default_value = ".")]
    pub(super) config: PathBuf,
    /// Who reads stdout: people, or a machine, for which it is one JSON document; markdown is for
    /// `validate`, `render --check --against` and `budget --compare` or `--what-if`, github and sarif
    /// are for `validate`
    #[arg(
        long = "format",
        global = true,
        value_enum,
        value_name = "FORMAT",
        default_value = "text"
    )]
    pub(super) asked_format: AskedFormat,
    /// The same without what few commands write, which is text to the others
    #[arg(skip)]
    pub(super) format: Format,
    /// Whether to use colours; auto: on a terminal, unless NO_COLOR is set
    #[arg(
        long,
        global = true,
        value_enum,
        value_name = "WHEN",
        default_value = "auto"
    )]
    pub(super) color: Color,
    /// Say on stderr what is done and how long it takes
    #[arg(short, long, global = true)]
    pub(super) verbose: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum AskedFormat {
    Text,
    Json,
    Markdown,
    /// Workflow commands, which GitHub Actions shows in a pull request
    Github,
    /// SARIF 2.1.0
    Sarif,
}

impl Arguments {
    /// Settles in which format is answered.
    ///
    /// # Errors
    /// Where one is asked for that the command does not write.
    pub(super) fn settle_format(&mut self) -> Result<(), clap::Error> {
        let asked = self.global.asked_format;
        self.global.format = match asked {
            AskedFormat::Json => Format::Json,
            _ => Format::Text,
        };
        let is_compared = match &self.command {
            Command::Render(render) => render.against.is_some(),
            Command::Budget(budget) => budget.is_compared(),
            _ => false,
        };
        let is_validate = matches!(&self.command, Command::Validate(_));
        let refused = match asked {
            AskedFormat::Text | AskedFormat::Json => None,
            AskedFormat::Markdown => (!is_compared && !is_validate).then_some(
                "only `validate`, `render --check --against` and `budget --compare` or `--what-if` write Markdown",
            ),
            AskedFormat::Github => {
                (!is_validate).then_some("only `validate` writes workflow commands")
            }
            AskedFormat::Sarif => (!is_validate).then_some("only `validate` writes SARIF"),
        };
        match refused {
            Some(message) => Err(Self::command().error(ErrorKind::ArgumentConflict, message)),
            None => Ok(()),
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum Color {
    Auto,
    Always,
    Never,
}

impl Color {
    /// Makes it hold for everything that is printed from now on.
    pub(super) fn apply(self) {
        match self {
            Self::Auto => anstream::ColorChoice::Auto,
            Self::Always => anstream::ColorChoice::Always,
            Self::Never => anstream::ColorChoice::Never,
        }
        .write_global();
    }
}

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    Render(RenderArguments),
    Plan(PlanArguments),
    Validate(ValidateArguments),
    Budget(BudgetArguments),
    Init(InitArguments),
    Reconcile(ReconcileArguments),
    Status(StatusArguments),
    Serve(ServeArguments),
    Install(InstallArguments),
    Delivery(DeliveryArguments),
    Webhook(WebhookArguments),
    Alerts(AlertsArguments),
    Schema(SchemaArguments),
    Completions(CompletionsArguments),
}

/// Prints the manifests of a fleet, or keeps a folder of them
///
/// Everything is proved first: with any fault nothing is written. Without --output the manifests are
/// printed as one stream of YAML; where it holds those of several clusters, comments say whose they
/// are. With --format json they are one document: findings, and manifests, each with its
/// environment, cluster and project.
///
/// To a folder only what differs is written. Nothing is taken away without --prune: a file that
/// nothing asks for any more is left over, a file that would lose or rename an object is kept as it
/// is, one that `output` now puts elsewhere is not moved. Each is listed with what Flux deletes once
/// it goes, and the exit code is 1. Files of others are never touched.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  flux-setup render --cluster prod-eu | kubectl diff -f -
                                                 what a cluster would make of it
  flux-setup render --environment production     one environment
  flux-setup render --project 'data-*'           names may be patterns
  flux-setup render --output manifests           as files; lists what has to go
  flux-setup render --output manifests --prune   and takes it away
  flux-setup render --output manifests --project gone --prune
                                                 only what is left of a project
  flux-setup render --output manifests --check   shows what differs, for CI
  flux-setup render --check --against old        the same by objects, wherever
                                                 and however they are written
  flux-setup render --explain web/production     where each value comes from

Exit codes: 0 done, 1 it differs (--check) or something waits for --prune, 2 bad
input or it could not be done.")]
pub(super) struct RenderArguments {
    /// Write files below this folder instead of printing; it is made where it is not there
    #[arg(long, value_name = "DIR", group = "place")]
    pub(super) output: Option<PathBuf>,
    /// Write nothing and show how the folder of --output, or what --against names, differs
    #[arg(long, requires = "place")]
    pub(super) check: bool,
    /// With --check: compare object by object with these manifests, a folder, a file or - for stdin.
    /// Defaults, the order of keys, other forms of one duration and files do not count; a document is
    /// that of the cluster after which a folder on its way is called, else of the one that is asked for.
    /// Of a part of the fleet what is gone is told too, unless its labels say that it was of another
    #[arg(long, value_name = "DIR|-", requires = "check", group = "place")]
    pub(super) against: Option<PathBuf>,
    /// With --against: a difference that does not make the exit code 1, as often as needed
    #[arg(
        long,
        value_enum,
        value_name = "KIND",
        requires = "against",
        conflicts_with = "output",
        value_delimiter = ','
    )]
    pub(super) allow: Vec<Allowed>,
    /// With --against: objects that are not rendered and need not be, as patterns, beside those that
    /// .flux-setup/left-alone of the configuration lists; as often as needed
    #[arg(
        long,
        value_name = "KIND/NAMESPACE/NAME",
        requires = "against",
        conflicts_with = "output"
    )]
    pub(super) ignore: Vec<String>,
    /// With --against DIR: leave out the files that this pattern names below it, and all in folders that it
    /// names; as often as needed
    #[arg(
        long,
        value_name = "GLOB",
        requires = "against",
        conflicts_with = "output"
    )]
    pub(super) exclude: Vec<String>,
    /// With --against DIR: compare with what `kustomize` or `kubectl` builds of overlays; left out, what an
    /// overlay changes is not compared, and the exit code is 1
    #[arg(long, requires = "against", conflicts_with = "output")]
    pub(super) build: bool,
    /// Print nothing but each value of a project's objects, and the file and line that it comes from or
    /// the default that it is; of all its environments where none is named
    #[arg(
        long,
        value_name = "PROJECT[/ENVIRONMENT]",
        conflicts_with_all = ["place", "check", "prune", "environment", "project"]
    )]
    pub(super) explain: Option<String>,
    /// Take away what nothing asks for any more: remove files that are left over, move those that lie
    /// elsewhere, and write those that lose or rename objects
    #[arg(long, requires = "output", conflicts_with = "check")]
    pub(super) prune: bool,
    #[command(flatten)]
    pub(super) selection: SelectionArguments,
}

/// What may differ.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum Allowed {
    /// Objects that were not there
    Added,
    /// Objects that are not there any more
    Removed,
    /// Objects with another name or namespace
    Renamed,
    /// Objects with other fields
    Changed,
    /// Whatever deletes or moves workloads, beside the kind of its difference
    Danger,
}

/// Lists every object that should exist: where, what it comes from, and what it polls
///
/// Sources first, then by environment, cluster and project, as `render` writes them. Nothing is
/// rendered or proved.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  flux-setup plan                            all objects
  flux-setup plan --environment production   those of one environment
  flux-setup plan --format json | jq '.objects[].poll.url'

Exit codes: 0 done, 2 bad input.")]
pub(super) struct PlanArguments {
    #[command(flatten)]
    pub(super) selection: SelectionArguments,
}

/// Says what a fleet costs at GitHub, in requests an hour
///
/// Both readings are given: flux-git, in which a poll is a git operation and spends no REST request,
/// and request-per-poll, an upper bound in which every poll is one request of one bucket. GitHub is
/// not asked: each figure says whether it is documented or assumed.
///
/// With --live a running `serve` is asked instead: what is left of each of GitHub's limits, what we
/// and others spent of it, and how long it lasts.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  flux-setup budget                             both readings, and advice
  flux-setup budget --live --watch              what is spent now
  flux-setup budget --fail-above 70%            exit code 1 above that
  flux-setup budget --fail-above 70% --profile flux-git
  flux-setup budget --compare ../main           what a change costs
  flux-setup budget --what-if environments.production.interval=1m
  flux-setup budget --patch | git apply          does what is advised
  flux-setup budget --format json | jq .profiles

Exit codes: 0 not above the limit, or none is set, 1 above it, or with --live
used up before its reset, 2 bad input or it could not be done.")]
pub(super) struct BudgetArguments {
    /// The share of a limit above which the answer is no, as 70%; left out: `budget.failAbove` of the
    /// configuration, and without that there is no limit
    #[arg(long, value_name = "SHARE", value_parser = share)]
    pub(super) fail_above: Option<f64>,
    /// The reading that is judged, flux-git or request-per-poll; left out: the higher one
    #[arg(long, value_name = "PROFILE")]
    pub(super) profile: Option<ProfileName>,
    /// Compare with the price of the fleet in another configuration folder, which is the one before
    #[arg(long, value_name = "DIR")]
    pub(super) compare: Option<PathBuf>,
    /// Price it as if sources were polled so: `[projects.NAME.][environments.NAME.]interval=DURATION`,
    /// whatever the configuration says of them; as often as needed, the later wins
    #[arg(long, value_name = "WHAT=DURATION")]
    pub(super) what_if: Vec<String>,
    /// Print the advice as a change of the configuration, for `git apply` or `patch -p1` in this folder
    #[arg(long, conflicts_with_all = ["fail_above", "profile", "compare", "what_if"])]
    pub(super) patch: bool,
    /// Ask a running `serve` what is left of GitHub's limits
    #[arg(long, conflicts_with_all = ["fail_above", "profile", "compare", "what_if", "patch"])]
    pub(super) live: bool,
    /// Ask again and again, until Ctrl-C; with --format json each answer is a line
    #[arg(long, requires = "live")]
    pub(super) watch: bool,
    #[command(flatten)]
    pub(super) server: ServerArguments,
}

impl BudgetArguments {
    /// Whether two prices are asked for.
    pub(super) fn is_compared(&self) -> bool {
        self.compare.is_some() || !self.what_if.is_empty()
    }
}

/// Writes a configuration to start from, or one made of objects that exist
///
/// It asks nothing, overwrites nothing and renders at once; comments in the files explain them.
///
/// With --from or --context GitRepository, OCIRepository and Kustomization objects become the shortest
/// configuration that renders the same. It is rendered and compared before it is written: what cannot
/// be said is listed with its place and the reason, and left alone. A cluster is only read.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  flux-setup init            into the current folder
  flux-setup init fleet      into fleet/, which is made where it is not there
  flux-setup init fleet --from clusters         of a folder of manifests
  flux-setup init fleet --from . --build        with what kustomize builds
  kustomize build . | flux-setup init fleet --from -
  flux-setup init fleet --context prod-eu       of a live cluster
  flux-setup init fleet --from clusters --plan  how to move without harm

Exit codes: 0 written, 1 written, but a file that may hold an object could not
be read, 2 a file is there already, or it could not be done: then nothing is
written.")]
pub(super) struct InitArguments {
    /// The folder to write to; left out: the configuration folder
    #[arg(value_name = "DIR")]
    pub(super) folder: Option<PathBuf>,
    /// Make it of these manifests: a folder, a file, or - for stdin
    #[arg(long, value_name = "DIR|-", group = "existing")]
    pub(super) from: Option<PathBuf>,
    /// Make it of the objects in the cluster of this context of the kubeconfig
    #[arg(long, value_name = "CONTEXT", group = "existing")]
    pub(super) context: Option<String>,
    /// With --from DIR: leave out the files that this pattern names below it, and all in folders that it
    /// names; as often as needed
    #[arg(long, value_name = "GLOB", requires = "from")]
    pub(super) exclude: Vec<String>,
    /// With --from DIR: take what `kustomize` or `kubectl` builds of overlays; left out, what an overlay
    /// changes is left alone
    #[arg(long, requires = "from")]
    pub(super) build: bool,
    /// Write nothing and print the safe move to the rendered manifests, and the way back
    #[arg(long, requires = "existing")]
    pub(super) plan: bool,
}

/// Prints rules by which Prometheus wakes somebody
///
/// A limit of GitHub that will be used up before its reset, use of it by others, calls that wait for
/// it, a webhook by which pushes may go unheard, a backlog, and a push that is not annotated. As a
/// file of `rule_files`, or the `spec` of a PrometheusRule.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  flux-setup alerts > /etc/prometheus/rules/flux-setup.yaml
  flux-setup alerts --annotated-within 30s --backlog 1000

Exit codes: 0 done, 2 bad input.")]
pub(super) struct AlertsArguments {
    /// Use by others an hour, as a share of the limit; left out: 50%
    #[arg(long, value_name = "SHARE", value_parser = share)]
    pub(super) foreign_share: Option<f64>,
    /// Objects of one cluster that are still to be woken; left out: 100
    #[arg(long, value_name = "COUNT")]
    pub(super) backlog: Option<u32>,
    /// From a push to its annotation, as 30s; left out: 1m
    #[arg(long, value_name = "DURATION", value_parser = positive_duration)]
    pub(super) annotated_within: Option<Duration>,
    /// From a push until it is applied wherever it is followed, as 5m; left out: 15m
    #[arg(long, value_name = "DURATION", value_parser = positive_duration)]
    pub(super) applied_within: Option<Duration>,
}

/// Prints the JSON Schema of a configuration file, for editors
///
/// What it refuses `validate` refuses too; `validate` finds more. `init` writes both below
/// `.flux-setup/`, where the first line of each file names them; after an update of this program print
/// them again.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  flux-setup schema config > .flux-setup/config.schema.json
  flux-setup schema environment > .flux-setup/environment.schema.json

Exit codes: 0 done, 2 bad input.")]
pub(super) struct SchemaArguments {
    #[arg(value_enum)]
    pub(super) file: SchemaFile,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum SchemaFile {
    /// flux-setup.yaml
    Config,
    /// A file of environments/
    Environment,
    /// A file that `include` names
    Included,
}

/// Prints a script that completes our commands in a shell
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  flux-setup completions bash > /etc/bash_completion.d/flux-setup
  flux-setup completions zsh > ~/.zfunc/_flux-setup      with ~/.zfunc in $fpath
  flux-setup completions fish > ~/.config/fish/completions/flux-setup.fish")]
pub(super) struct CompletionsArguments {
    #[arg(value_enum)]
    pub(super) shell: Shell,
}

fn share(text: &str) -> Result<f64, String> {
    parse_share(text).ok_or_else(|| "expected a share from 0% to 100%, as `70%`".to_owned())
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::Arguments;

    #[test]
    fn the_arguments_contradict_each_other_nowhere() {
        Arguments::command().debug_assert();
    }

    #[test]
    fn no_example_is_wider_than_a_small_terminal() {
        let arguments = Arguments::command();
        for command in arguments.get_subcommands().chain([&arguments]) {
            let help = command.get_after_help().map(ToString::to_string);
            for line in help.unwrap_or_default().lines() {
                assert!(line.chars().count() <= 80, "{line}");
            }
        }
    }

    #[test]
    fn every_command_teaches_by_example() {
        for command in Arguments::command().get_subcommands() {
            let help = command.get_after_help().map(ToString::to_string);
            let example = format!("  flux-setup {}", command.get_name());
            assert!(
                help.is_some_and(|help| help.contains(&example)),
                "{} has no example",
                command.get_name()
            );
        }
    }
}
