//! Tables and paragraphs that fit the terminal.

use std::io::{self, Write};

use anstyle::Style;
use comfy_table::{Cell, CellAlignment, ColumnConstraint, ContentArrangement, Table, presets};

const BOLD: Style = Style::new().bold();

/// Columns of a paragraph at most: longer lines are hard to read.
const LONGEST_LINE: usize = 100;

/// Columns that a text is broken into at least, beside those that stay whole.
const NARROWEST_TEXT: usize = 12;

pub(super) struct Column {
    heading: &'static str,
    alignment: CellAlignment,
    is_whole: bool,
}

impl Column {
    pub(super) fn text(heading: &'static str) -> Self {
        Self {
            heading,
            alignment: CellAlignment::Left,
            is_whole: false,
        }
    }

    /// A text that people copy: it is broken only where a terminal has no room for it.
    pub(super) fn whole(heading: &'static str) -> Self {
        Self {
            is_whole: true,
            ..Self::text(heading)
        }
    }

    pub(super) fn figure(heading: &'static str) -> Self {
        Self {
            alignment: CellAlignment::Right,
            ..Self::text(heading)
        }
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
            if column.is_whole {
                made.set_constraint(ColumnConstraint::ContentWidth);
            }
        }
    }
    table
}

/// Prints a table with a bold heading. `width` is that of the terminal; `None` where nothing limits
/// it. A narrow one goes without the columns that `spared` names, in its order; JSON has them all.
pub(super) fn print(
    out: &mut dyn Write,
    width: Option<usize>,
    table: &Table,
    spared: &[&str],
) -> io::Result<()> {
    print_coloured(out, width, table, spared, &[])
}

/// As [`print()`], with a style for each row; the first cell of none is empty.
pub(super) fn print_coloured(
    out: &mut dyn Write,
    width: Option<usize>,
    table: &Table,
    spared: &[&str],
    styles: &[Style],
) -> io::Result<()> {
    let mut table = table.clone();
    let last = table.column_count().saturating_sub(1);
    for (index, column) in table.column_iter_mut().enumerate() {
        column.set_padding((0, if index == last { 0 } else { 2 }));
    }
    table.set_content_arrangement(ContentArrangement::Disabled);
    if let Some(width) = width {
        hide_what_does_not_fit(&mut table, width, spared);
        break_what_does_not_fit(&mut table, width);
        table.set_content_arrangement(ContentArrangement::Dynamic);
        table.set_width(u16::try_from(width).unwrap_or(u16::MAX));
    }
    let mut row = 0;
    for (index, line) in table.lines().enumerate() {
        // A row that is broken goes on below an empty first cell.
        row += usize::from(!line.starts_with(' '));
        let style = match index {
            0 => BOLD,
            _ => styles
                .get(row.saturating_sub(2))
                .copied()
                .unwrap_or_default(),
        };
        writeln!(out, "{style}{}{style:#}", line.trim_end())?;
    }
    Ok(())
}

/// Hides columns until the rest fits as it is, or nothing is left that could be spared.
fn hide_what_does_not_fit(table: &mut Table, width: usize, spared: &[&str]) {
    let headings: Vec<String> = table.header().map_or_else(Vec::new, |header| {
        header.cell_iter().map(|cell| cell.content()).collect()
    });
    let widest = |table: &Table| table.lines().map(|line| line.chars().count()).max();
    for heading in spared {
        if widest(table) <= Some(width) {
            return;
        }
        let place = headings.iter().position(|known| known == heading);
        if let Some(column) = place.and_then(|place| table.column_mut(place)) {
            column.set_constraint(ColumnConstraint::Hidden);
        }
    }
}

/// Lets whole columns be broken as well where they leave the others no room.
fn break_what_does_not_fit(table: &mut Table, width: usize) {
    let widths = table.column_max_content_widths();
    let needed = table.column_iter().zip(widths).map(|(column, content)| {
        let content = usize::from(content);
        let needed = match column.constraint() {
            Some(ColumnConstraint::Hidden) => return 0,
            Some(_) => content,
            None => content.min(NARROWEST_TEXT),
        };
        needed + usize::from(column.padding_width())
    });
    if needed.sum::<usize>() <= width {
        return;
    }
    for column in table.column_iter_mut() {
        if column.constraint() == Some(&ColumnConstraint::ContentWidth) {
            column.remove_constraint();
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
    use super::{Column, lines, print, print_labelled, table};

    fn printed(width: usize) -> String {
        let mut rows = table(&[
            Column::text("what"),
            Column::figure("count"),
            Column::whole("name"),
        ]);
        rows.add_row(["several words in a row", "7", "0b989ba4-242f-11e5"]);
        let mut out = Vec::new();
        print(&mut out, Some(width), &rows, &["count"]).unwrap();
        let text = String::from_utf8(out).unwrap();
        anstream::adapter::strip_str(&text).to_string()
    }

    #[test]
    fn a_narrow_table_spares_a_column_then_breaks_texts_and_names_last() {
        let wide = "what                    count  name\nseveral words in a row      7  0b989ba4-242f-11e5\n";
        assert_eq!(printed(49), wide);
        let spared = "what                    name\nseveral words in a row  0b989ba4-242f-11e5\n";
        assert_eq!(printed(48), spared);
        let broken = "what          name\nseveral       0b989ba4-242f-11e5\nwords in a\nrow\n";
        assert_eq!(printed(32), broken);
        let narrow = printed(31);
        assert!(!narrow.contains("0b989ba4-242f-11e5"), "{narrow}");
        assert!(narrow.lines().all(|line| line.len() <= 31), "{narrow}");
    }

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
