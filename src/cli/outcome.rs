//! What a command came to, and the exit code that says so.

use std::ffi::{OsStr, OsString};
use std::fmt::Display;
use std::io::{self, Write};
use std::process::ExitCode;

use anstyle::{AnsiColor, Style};

use super::args::AskedFormat;
use super::output::OutputError;
use super::printable::printable_lines;
use super::{report, report_github, report_markdown, report_sarif};

/// What a command came to that could be carried out, or whose faults are printed already.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Outcome {
    Done,
    /// The answer is no: it differs, or it is too much.
    No,
    /// The input has faults, and they are printed.
    BadInput,
}

/// The exit code of a command. An error is printed with all that led to it, for machines as the one
/// finding of a document of its own, in the format that was asked for; that nobody reads stdout any more is none.
pub(super) fn code(result: anyhow::Result<Outcome>, format: AskedFormat) -> ExitCode {
    let error = match result {
        Ok(Outcome::Done) => return ExitCode::SUCCESS,
        Ok(Outcome::No) => return ExitCode::from(1),
        Ok(Outcome::BadInput) => return ExitCode::from(2),
        Err(error) => error,
    };
    let of_output = error.downcast_ref();
    if matches!(of_output, Some(OutputError::StdoutClosed)) {
        return ExitCode::SUCCESS;
    }
    // Where even that cannot be printed, the exit code alone says it.
    let _ = print_error(&error);
    if of_output.is_none() {
        let causes: Vec<_> = error.chain().map(ToString::to_string).collect();
        let message = causes.join(": ");
        let _ = match format {
            AskedFormat::Text => Ok(()),
            AskedFormat::Json => report::print_without_place(&message),
            AskedFormat::Github => report_github::print_without_place(&message),
            AskedFormat::Sarif => report_sarif::print_without_place(&message),
            AskedFormat::Markdown => report_markdown::print_without_place(&message),
        };
    }
    ExitCode::from(2)
}

/// The exit code of arguments that name no command to run: those that ask for help are fine.
pub(super) fn of_arguments(error: &clap::Error, arguments: &[OsString]) -> ExitCode {
    // A reader who closes the pipe has read enough of the help.
    let _ = error.print();
    if error.use_stderr() && asks_for_json(arguments) {
        let text = error.render().to_string();
        let message = text.split("\n\n").next().unwrap_or_default();
        let message = message.strip_prefix("error: ").unwrap_or(message);
        let _ = report::print_without_place(message);
    }
    u8::try_from(error.exit_code()).map_or(ExitCode::FAILURE, ExitCode::from)
}

/// Whether `--format json` is among arguments that could not be read whole.
fn asks_for_json(arguments: &[OsString]) -> bool {
    let mut before: &OsStr = OsStr::new("");
    arguments
        .iter()
        .take_while(|it| *it != "--")
        .any(|argument| {
            let asks = argument == "--format=json" || (before == "--format" && argument == "json");
            before = argument;
            asks
        })
}

fn print_error(error: &anyhow::Error) -> io::Result<()> {
    const RED: Style = AnsiColor::Red.on_default().bold();
    let mut stderr = anstream::stderr().lock();
    let shown = |cause: &dyn Display| printable_lines(&cause.to_string()).into_owned();
    writeln!(stderr, "{RED}error{RED:#}: {}", shown(error))?;
    for cause in error.chain().skip(1) {
        writeln!(stderr, "  because: {}", shown(&cause))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::ffi::OsString;
    use std::io::{Error, ErrorKind};
    use std::process::ExitCode;

    use crate::cli::args::AskedFormat;
    use crate::cli::output::OutputError;

    use super::{Outcome, asks_for_json, code};

    #[test]
    fn only_a_closed_stdout_is_success_and_a_broken_pipe_elsewhere_an_error() {
        let code = |result| code(result, AskedFormat::Text);
        assert_eq!(
            code(Err(OutputError::StdoutClosed.into())),
            ExitCode::SUCCESS
        );
        let elsewhere = anyhow::Error::from(Error::from(ErrorKind::BrokenPipe));
        let elsewhere = elsewhere.context("cannot write `out/web.yaml`");
        assert_eq!(code(Err(elsewhere)), ExitCode::from(2));
    }

    #[test]
    fn no_is_one_and_bad_input_is_two() {
        for format in [AskedFormat::Text, AskedFormat::Json] {
            assert_eq!(code(Ok(Outcome::Done), format), ExitCode::SUCCESS);
            assert_eq!(code(Ok(Outcome::No), format), ExitCode::from(1));
            assert_eq!(code(Ok(Outcome::BadInput), format), ExitCode::from(2));
        }
    }

    #[test]
    fn who_asks_for_json_is_known_by_arguments_that_cannot_be_read() {
        for (arguments, asks) in [
            (&["budget", "--format", "json", "--bogus"][..], true),
            (&["--format=json"], true),
            (&["--format", "jsn", "json"], false),
            (&["init", "--", "--format=json"], false),
            (&["--format"], false),
        ] {
            let arguments: Vec<_> = arguments.iter().map(OsString::from).collect();
            assert_eq!(asks_for_json(&arguments), asks, "{arguments:?}");
        }
    }
}
