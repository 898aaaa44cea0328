//! What a command came to, and the exit code that says so.

use std::io::{self, ErrorKind, Write};
use std::process::ExitCode;

use anstyle::{AnsiColor, Style};

/// What a command came to that could be carried out, or whose faults are printed already.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Outcome {
    Done,
    /// The answer is no: it differs, or it is too much.
    No,
    /// The input has faults, and they are printed.
    BadInput,
}

/// The exit code of a command. An error is printed with all that led to it; that nobody reads on is
/// none.
pub(super) fn code(result: anyhow::Result<Outcome>) -> ExitCode {
    match result {
        Ok(Outcome::Done) => ExitCode::SUCCESS,
        Ok(Outcome::No) => ExitCode::from(1),
        Ok(Outcome::BadInput) => ExitCode::from(2),
        Err(error) if is_closed_pipe(&error) => ExitCode::SUCCESS,
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

fn is_closed_pipe(error: &anyhow::Error) -> bool {
    let mut causes = error.chain().filter_map(|cause| cause.downcast_ref());
    causes.any(|cause: &io::Error| cause.kind() == ErrorKind::BrokenPipe)
}

fn print_error(error: &anyhow::Error) -> io::Result<()> {
    const RED: Style = AnsiColor::Red.on_default().bold();
    let mut stderr = anstream::stderr().lock();
    writeln!(stderr, "{RED}error{RED:#}: {error}")?;
    for cause in error.chain().skip(1) {
        writeln!(stderr, "  because: {cause}")?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::io::{Error, ErrorKind};
    use std::process::ExitCode;

    use super::{Outcome, code, is_closed_pipe};

    #[test]
    fn a_closed_pipe_is_found_below_what_was_tried_and_no_other_fault_is_one() {
        let failed =
            |kind: ErrorKind| anyhow::Error::from(Error::from(kind)).context("cannot write");
        assert!(is_closed_pipe(&failed(ErrorKind::BrokenPipe)));
        assert!(!is_closed_pipe(&failed(ErrorKind::StorageFull)));
        assert!(!is_closed_pipe(&anyhow::anyhow!("broken pipe")));
    }

    #[test]
    fn no_is_one_and_bad_input_is_two() {
        assert_eq!(code(Ok(Outcome::Done)), ExitCode::SUCCESS);
        assert_eq!(code(Ok(Outcome::No)), ExitCode::from(1));
        assert_eq!(code(Ok(Outcome::BadInput)), ExitCode::from(2));
    }
}
