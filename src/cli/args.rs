//! The arguments of every command, with the help that teaches them.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};
use clap_complete::Shell;

const EXAMPLES: &str = "\
Examples:
  flux-setup init fleet                a folder to start from
  flux-setup completions bash          what a shell needs to complete our commands

Exit codes: 0 done, 1 the answer is no, 2 bad input or it could not be done.";

/// Renders, proves and prices the Flux configuration of a fleet.
#[derive(Debug, Parser)]
#[command(name = "flux-setup", version, after_help = EXAMPLES, arg_required_else_help = true)]
#[command(disable_help_subcommand = true, max_term_width = 100)]
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
    /// Who reads the output: people, or a machine
    #[arg(
        long,
        global = true,
        value_enum,
        value_name = "FORMAT",
        default_value = "text"
    )]
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
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum Format {
    Text,
    Json,
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
    Init(InitArguments),
    Completions(CompletionsArguments),
}

/// Writes a configuration to start from
///
/// It asks nothing, overwrites nothing and renders at once; comments in the files explain them.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  flux-setup init                      into the current folder
  flux-setup init fleet                into fleet/, which is made where it does not exist")]
pub(super) struct InitArguments {
    /// The folder to write to; left out: the configuration folder
    #[arg(value_name = "DIR")]
    pub(super) folder: Option<PathBuf>,
}

/// Prints a script that completes our commands in a shell
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  flux-setup completions bash > ~/.local/share/bash-completion/completions/flux-setup
  flux-setup completions zsh > ~/.zfunc/_flux-setup      with ~/.zfunc in $fpath
  flux-setup completions fish > ~/.config/fish/completions/flux-setup.fish")]
pub(super) struct CompletionsArguments {
    #[arg(value_enum)]
    pub(super) shell: Shell,
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
