//! Findings as workflow commands, which GitHub Actions shows beside the lines of a pull request.

use std::io::{self, Write};

use crate::config::{Class, Severity};
use crate::flux::mask;

use super::output;
use super::printable::printable_lines;
use super::report::JsonFinding;

/// Writes a command a finding.
pub(super) fn write(findings: &[JsonFinding<'_>], out: &mut impl Write) -> io::Result<()> {
    for finding in findings {
        let command = match finding.severity {
            Severity::Error => "error",
            Severity::Warning => "warning",
        };
        let title = match finding.class {
            Class::Api => "flux-setup (api)",
            Class::Flux => "flux-setup (flux)",
            Class::Config => "flux-setup",
        };
        let file = of_property(finding.file);
        write!(out, "::{command} file={}", file)?;
        match finding.end {
            None => write!(out, ",line=1")?,
            Some(end) => {
                let (line, column) = (finding.line, finding.column);
                write!(out, ",line={line},endLine={},col={column}", end.line)?;
                // Columns are of one line alone.
                if end.line == line {
                    write!(out, ",endColumn={}", end.column.max(column + 1) - 1)?;
                }
            }
        }
        let hint = finding.hint.as_deref();
        let hint = hint.map_or(String::new(), |hint| format!("\nhelp: {hint}"));
        let message = format!("{}{hint}", finding.message);
        writeln!(
            out,
            ",title={}::{}",
            of_property(title),
            of_message(&message)
        )?;
    }
    Ok(())
}

/// Prints why it could not be done at all.
pub(super) fn print_without_place(message: &str) -> anyhow::Result<()> {
    let message = mask(message);
    output::data(|out| {
        let message = of_message(&message);
        writeln!(out, "::error title=flux-setup::{message}")
    })
}

/// What stands behind `::`; the runner turns it back.
fn of_message(text: &str) -> String {
    let text = printable_lines(text).replace('%', "%25");
    text.replace('\r', "%0D").replace('\n', "%0A")
}

/// What stands behind `=`, where `:` and `,` end it.
fn of_property(text: &str) -> String {
    of_message(text).replace(':', "%3A").replace(',', "%2C")
}

#[cfg(test)]
mod tests {
    use super::{of_message, of_property};

    #[test]
    fn nothing_that_others_wrote_ends_a_command_or_begins_one() {
        assert_eq!(
            of_message("100%: a,\n::error::b"),
            "100%25: a,%0A::error::b"
        );
        assert_eq!(of_message("a\r\u{1b}[2J"), "a\u{fffd}\u{fffd}[2J");
        assert_eq!(
            of_property("a:b,c\n::x%3A.yaml"),
            "a%3Ab%2Cc%0A%3A%3Ax%253A.yaml"
        );
    }
}
