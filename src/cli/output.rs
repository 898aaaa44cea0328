//! What goes to stdout: buffered, and colours only where they are wanted.

use std::io::{self, BufWriter, StdoutLock, Write};

use anyhow::Context;

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
        .context("cannot write to stdout")
}

/// Writes to stdout what people read: styles are left out where they are not wanted.
pub(super) fn text(write: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> anyhow::Result<()> {
    let mut writer = BufWriter::new(anstream::stdout().lock());
    write(&mut writer)
        .and_then(|()| writer.flush())
        .context("cannot write to stdout")
}

/// Writes one JSON document to stdout, with a newline at its end.
pub(super) fn json(value: &impl serde::Serialize) -> anyhow::Result<()> {
    data(|writer| {
        serde_json::to_writer_pretty(&mut *writer, value)?;
        writeln!(writer)
    })
}

/// Writes a line to stderr, for people.
pub(super) fn note(line: &str) -> anyhow::Result<()> {
    writeln!(anstream::stderr(), "{line}").context("cannot write to stderr")
}

/// The width in columns of the terminal that stdout is; `None` where it is none.
pub(super) fn stdout_width() -> Option<usize> {
    terminal_size::terminal_size_of(io::stdout()).map(|(width, _)| usize::from(width.0))
}

/// The same of stderr.
pub(super) fn stderr_width() -> Option<usize> {
    terminal_size::terminal_size_of(io::stderr()).map(|(width, _)| usize::from(width.0))
}
