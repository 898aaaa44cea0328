//! Tables and paragraphs that fit the terminal.

use std::io::{self, Write};

use anstyle::Style;
use comfy_table::{Cell, CellAlignment, ColumnConstraint, ContentArrangement, Table, presets};

const BOLD: Style = Style::new().bold();

/// Columns of a paragraph at most: longer lines are hard to read.
const LONGEST_LINE: usize = 100;

/// Headings of columns that a narrow terminal goes without, in this order; JSON has all of them.
const SPARED_FIRST: [&str; 5] = ["basis", "reserve", "headroom", "sources", "git/h"];

pub(super) struct Column {
    heading: &'static str,
    alignment: CellAlignment,
}

impl Column {
    pub(super) fn text(heading: &'static str) -> Self {
        let alignment = CellAlignment::Left;
        Self { heading, alignment }
    }

    pub(super) fn figure(heading: &'static str) -> Self {
        let alignment = CellAlignment::Right;
        Self { heading, alignment }
    }
}

pub(super) fn table(columns: &[Column]) -> Table {
    let mut table = Table::new();
    table.force_no_tty().load_style(presets::NOTHING);
    let cell = |column: &Column| Cell::new(column.heading).set_alignment(column.alignment);
    table.set_header(columns.iter().map(cell));
    for (index, column) in columns.iter().enumerate() {
        if let Some(made) = table.column_mut(index) {
            made.set_cell_alignment(column.alignment);
        }
    }
    table
}

/// Prints a table with a bold heading. `width` is that of the terminal; `None` where nothing limits
/// it.
pub(super) fn print(out: &mut dyn Write, width: Option<usize>, table: &Table) -> io::Result<()> {
    let mut table = table.clone();
    let last = table.column_count().saturating_sub(1);
    for (index, column) in table.column_iter_mut().enumerate() {
        column.set_padding((0, if index == last { 0 } else { 2 }));
    }
    table.set_content_arrangement(ContentArrangement::Disabled);
    if let Some(width) = width {
        hide_what_does_not_fit(&mut table, width);
        table.set_content_arrangement(ContentArrangement::Dynamic);
        table.set_width(u16::try_from(width).unwrap_or(u16::MAX));
    }
    for (index, line) in table.lines().enumerate() {
        let style = if index == 0 { BOLD } else { Style::new() };
        writeln!(out, "{style}{}{style:#}", line.trim_end())?;
    }
    Ok(())
}

/// Hides columns until the rest fits as it is, or nothing is left that could be spared.
fn hide_what_does_not_fit(table: &mut Table, width: usize) {
    let headings: Vec<String> = table.header().map_or_else(Vec::new, |header| {
        header.cell_iter().map(|cell| cell.content()).collect()
    });
    let widest = |table: &Table| table.lines().map(|line| line.chars().count()).max();
    for heading in SPARED_FIRST {
        if widest(table) <= Some(width) {
            return;
        }
        let place = headings.iter().position(|known| known == heading);
        if let Some(column) = place.and_then(|place| table.column_mut(place)) {
            column.set_constraint(ColumnConstraint::Hidden);
        }
    }
}

/// Prints a paragraph behind a bold label, below which its lines begin.
pub(super) fn print_labelled(
    out: &mut dyn Write,
    width: Option<usize>,
    label: &str,
    text: &str,
) -> io::Result<()> {
    let width = width.unwrap_or(LONGEST_LINE).min(LONGEST_LINE);
    let indent = label.chars().count();
    let mut lines = lines(text, width.saturating_sub(indent)).into_iter();
    let first = lines.next().unwrap_or_default();
    writeln!(out, "{BOLD}{label}{BOLD:#}{first}")?;
    for line in lines {
        writeln!(out, "{:indent$}{line}", "")?;
    }
    Ok(())
}

/// Words, as many in a line as fit.
pub(super) fn lines(text: &str, width: usize) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for word in text.split(' ') {
        let fits = |line: &String| line.chars().count() + 1 + word.chars().count() <= width;
        match lines.last_mut().filter(|line| fits(line)) {
            Some(line) => {
                line.push(' ');
                line.push_str(word);
            }
            None => lines.push(word.to_owned()),
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::{lines, print_labelled};

    #[test]
    fn words_fill_lines_and_one_that_fits_nowhere_has_a_line_of_its_own() {
        assert_eq!(lines("a bb ccc d", 4), ["a bb", "ccc", "d"]);
        assert_eq!(lines("a bb ccc d", 6), ["a bb", "ccc d"]);
        assert_eq!(lines("a enormous b", 4), ["a", "enormous", "b"]);
        assert_eq!(lines("a b", 0), ["a", "b"]);
    }

    #[test]
    fn a_paragraph_begins_behind_its_label_and_goes_on_below_it() {
        let mut out = Vec::new();
        print_labelled(&mut out, Some(10), "to  ", "one two three").unwrap();
        let text = String::from_utf8(out).unwrap();
        let text = anstream::adapter::strip_str(&text).to_string();
        assert_eq!(text, "to  one\n    two\n    three\n");
    }
}
