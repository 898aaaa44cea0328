//! `flux-setup completions`: a script that completes our commands in a shell.

use std::io::Write;

use clap::CommandFactory;

use super::args::{Arguments, CompletionsArguments};
use super::outcome::Outcome;
use super::output;

pub(super) fn run(arguments: &CompletionsArguments) -> anyhow::Result<Outcome> {
    // The generator panics where its writer fails, and a closed pipe is no reason to.
    let mut script = Vec::new();
    let mut command = Arguments::command();
    clap_complete::generate(arguments.shell, &mut command, "flux-setup", &mut script);
    output::data(|stdout| stdout.write_all(&script))?;
    Ok(Outcome::Done)
}
