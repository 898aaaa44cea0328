//! What goes to stdout: buffered, and colours only where they are wanted.

use std::io::{self, BufWriter, ErrorKind, StdoutLock, Write};

/// Why nothing more can be told: it is printed nowhere where more would have to be printed.
#[derive(Debug, thiserror::Error)]
pub(super) enum OutputError {
    /// The reader has read enough and closed it.
    #[error("nobody reads stdout any more")]
    StdoutClosed,
    #[error("cannot write to stdout")]
    Stdout { source: io::Error },
    #[error("cannot write to stderr")]
    Stderr { source: io::Error },
}

/// Large enough that a fleet of thousands of documents is no fleet of writes.
const BUFFER_BYTES: usize = 256 * 1024;

/// Writes to stdout, byte for byte.
pub(super) fn data<E: Into<anyhow::Error>>(
    write: impl FnOnce(&mut BufWriter<StdoutLock<'_>>) -> Result<(), E>,
) -> anyhow::Result<()> {
    let mut writer = BufWriter::with_capacity(BUFFER_BYTES, io::stdout().lock());
    write(&mut writer)
        .map_err(Into::into)
        .and_then(|()| writer.flush().map_err(Into::into))
        .map_err(of_stdout)
}

/// Writes to stdout what people read: styles are left out where they are not wanted.
pub(super) fn text(write: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> anyhow::Result<()> {
    let mut writer = BufWriter::new(anstream::stdout().lock());
    write(&mut writer)
        .and_then(|()| writer.flush())
        .map_err(|error| of_stdout(error.into()))
}

/// Writes one JSON document to stdout, with a newline at its end.
pub(super) fn json(value: &impl serde::Serialize) -> anyhow::Result<()> {
    data(|writer| write_json(value, writer))
}

/// The same to anywhere.
pub(super) fn write_json(value: &impl serde::Serialize, out: &mut impl Write) -> io::Result<()> {
    serde_json::to_writer_pretty(&mut *out, value)?;
    writeln!(out)
}

/// The same on one line, for one of several: whoever reads them tells them apart by their ends.
pub(super) fn json_line(value: &impl serde::Serialize) -> anyhow::Result<()> {
    data(|writer| {
        serde_json::to_writer(&mut *writer, value)?;
        writeln!(writer)
    })
}

/// Writes a line to stderr, for people.
pub(super) fn note(line: &str) -> anyhow::Result<()> {
    beside(&format!("{line}\n"))
}

/// Writes to stderr what people may read. That nobody does changes nothing of what a command comes
/// to: a gate that fails must not pass for it.
pub(super) fn beside(text: &str) -> anyhow::Result<()> {
    let mut stderr = anstream::stderr().lock();
    let written = stderr.write_all(text.as_bytes());
    match written.and_then(|()| stderr.flush()) {
        Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(()),
        written => Ok(written.map_err(|source| OutputError::Stderr { source })?),
    }
}

/// What writing to stdout answered; what else went wrong on the way stays what it is.
fn of_stdout(error: anyhow::Error) -> anyhow::Error {
    let mut causes = error.chain().filter_map(|cause| cause.downcast_ref());
    let cause: Option<&io::Error> = causes.next();
    match cause {
        None => error,
        Some(cause) if cause.kind() == ErrorKind::BrokenPipe => OutputError::StdoutClosed.into(),
        Some(cause) => {
            let source = match cause.raw_os_error() {
                Some(code) => io::Error::from_raw_os_error(code),
                None => io::Error::new(cause.kind(), cause.to_string()),
            };
            OutputError::Stdout { source }.into()
        }
    }
}

/// The width in columns of the terminal that stdout is; `None` where it is none.
pub(super) fn stdout_width() -> Option<usize> {
    terminal_size::terminal_size_of(io::stdout()).map(|(width, _)| usize::from(width.0))
}

/// The same of stderr.
pub(super) fn stderr_width() -> Option<usize> {
    terminal_size::terminal_size_of(io::stderr()).map(|(width, _)| usize::from(width.0))
}

#[cfg(test)]
mod tests {
    use std::io::{Error, ErrorKind};

    use super::{OutputError, of_stdout};

    #[test]
    fn a_closed_pipe_is_found_below_what_was_tried_and_no_other_fault_is_one() {
        let failed = |kind: ErrorKind| {
            let error = of_stdout(anyhow::Error::from(Error::from(kind)).context("cannot write"));
            error.downcast::<OutputError>().unwrap()
        };
        let closed = failed(ErrorKind::BrokenPipe);
        assert!(matches!(closed, OutputError::StdoutClosed));
        let full = failed(ErrorKind::StorageFull);
        assert!(matches!(full, OutputError::Stdout { .. }), "{full}");
        assert!(!of_stdout(anyhow::anyhow!("broken pipe")).is::<OutputError>());
    }
}
