//! What a command came to, and the exit code that says so.

use std::fmt::Display;
use std::io::{self, Write};
use std::process::ExitCode;

use anstyle::{AnsiColor, Style};

use super::output::StdoutClosed;
use super::printable::printable_lines;

/// What a command came to that could be carried out, or whose faults are printed already.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Outcome {
    Done,
    /// The answer is no: it differs, or it is too much.
    No,
    /// The input has faults, and they are printed.
    BadInput,
}

/// The exit code of a command. An error is printed with all that led to it; that nobody reads
/// stdout any more is none.
pub(super) fn code(result: anyhow::Result<Outcome>) -> ExitCode {
    match result {
        Ok(Outcome::Done) => ExitCode::SUCCESS,
        Ok(Outcome::No) => ExitCode::from(1),
        Ok(Outcome::BadInput) => ExitCode::from(2),
        Err(error) if error.is::<StdoutClosed>() => ExitCode::SUCCESS,
        Err(error) => {
            // Where even that cannot be printed, the exit code alone says it.
            let _ = print_error(&error);
            ExitCode::from(2)
        }
    }
}

/// The exit code of arguments that name no command to run: those that ask for help are fine.
pub(super) fn of_arguments(error: &clap::Error) -> ExitCode {
    // A reader who closes the pipe has read enough of the help.
    let _ = error.print();
    u8::try_from(error.exit_code()).map_or(ExitCode::FAILURE, ExitCode::from)
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
    use std::io::{Error, ErrorKind};
    use std::process::ExitCode;

    use crate::cli::output::StdoutClosed;

    use super::{Outcome, code};

    #[test]
    fn only_a_closed_stdout_is_success_and_a_broken_pipe_elsewhere_an_error() {
        assert_eq!(code(Err(StdoutClosed.into())), ExitCode::SUCCESS);
        let elsewhere = anyhow::Error::from(Error::from(ErrorKind::BrokenPipe));
        let elsewhere = elsewhere.context("cannot write `out/web.yaml`");
        assert_eq!(code(Err(elsewhere)), ExitCode::from(2));
    }

    #[test]
    fn no_is_one_and_bad_input_is_two() {
        assert_eq!(code(Ok(Outcome::Done)), ExitCode::SUCCESS);
        assert_eq!(code(Ok(Outcome::No)), ExitCode::from(1));
        assert_eq!(code(Ok(Outcome::BadInput)), ExitCode::from(2));
    }
}
