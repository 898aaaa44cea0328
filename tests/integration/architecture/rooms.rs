//! The table of rooms, and the uses that it does not allow.

use std::collections::BTreeSet;

use super::modules::Modules;
use super::uses::Use;

/// The rooms as the root describes them, lowest first.
#[derive(Debug)]
pub(super) struct Table {
    rows: Vec<Row>,
}

#[derive(Debug)]
struct Row {
    room: String,
    may_use: Vec<String>,
}

impl Table {
    /// Reads the rows of the root's own documentation: `//! | room | what lives here | may use |`.
    pub(super) fn read(root: &str) -> Self {
        let rows = root.lines().filter_map(|line| {
            let row = line.strip_prefix("//! | `")?;
            let cells: Vec<_> = row.split('|').collect();
            Some(Row {
                room: cells.first()?.trim().trim_end_matches('`').to_owned(),
                may_use: quoted(cells.get(2)?),
            })
        });
        Self {
            rows: rows.collect(),
        }
    }

    fn position(&self, room: &str) -> Option<usize> {
        self.rows.iter().position(|row| row.room == room)
    }

    /// What is wrong with the table itself.
    pub(super) fn faults(&self, modules: &Modules) -> Vec<String> {
        let mut faults = Vec::new();
        let existing = modules.rooms();
        for room in &existing {
            if self.position(room).is_none() {
                faults.push(format!(
                    "room `{room}` has no row in the table of src/lib.rs"
                ));
            }
        }
        for (index, row) in self.rows.iter().enumerate() {
            let room = &row.room;
            if !existing.contains(room.as_str()) {
                faults.push(format!(
                    "src/lib.rs describes room `{room}`, which does not exist"
                ));
            }
            if self.position(room) != Some(index) {
                faults.push(format!("src/lib.rs describes room `{room}` twice"));
            }
            for used in &row.may_use {
                match self.position(used) {
                    None => faults.push(format!(
                        "the row of `{room}` names `{used}`, which is no room"
                    )),
                    Some(position) if position >= index => faults.push(format!(
                        "the row of `{room}` names `{used}`, which is no lower room"
                    )),
                    Some(_) => {}
                }
            }
        }
        faults
    }
}

/// The names between backticks.
fn quoted(cell: &str) -> Vec<String> {
    let names = cell.split('`').skip(1).step_by(2);
    names.map(str::to_owned).collect()
}

/// Each use of a room by another that has no leave to: of what defines it as of what hands it on.
/// Tests of a room are bound as its other code is; the binary and the root may use all.
pub(super) fn forbidden_uses(table: &Table, uses: &BTreeSet<Use>) -> Vec<String> {
    let mut forbidden = Vec::new();
    for used in uses {
        let Some(room) = used.from.first() else {
            continue;
        };
        for other in used.to.first().into_iter().chain(&used.through) {
            let (Some(from), Some(to)) = (table.position(room), table.position(other)) else {
                continue;
            };
            if from == to || table.rows[from].may_use.contains(other) {
                continue;
            }
            let why = if to > from {
                "which stands above it"
            } else {
                "which its row does not name"
            };
            let file = &used.file;
            forbidden.push(format!("{file}: room `{room}` uses `{other}`, {why}"));
        }
    }
    forbidden
}

#[cfg(test)]
mod tests {
    use crate::architecture::{ROOMS, violations, violations_with};

    fn with_table(from: &str, to: &str) -> Vec<String> {
        assert!(ROOMS.contains(from));
        violations_with(&[("src/lib.rs", &ROOMS.replace(from, to))])
    }

    #[test]
    fn uses_that_the_table_allows_are_no_violation() {
        assert!(violations_with(&[]).is_empty());
        let violations = violations_with(&[
            (
                "src/middle/mod.rs",
                "use crate::low::Thing; pub struct Piece(Thing);",
            ),
            (
                "src/high/mod.rs",
                "use crate::{low::Thing, middle::Piece}; fn f(_: Thing, _: Piece) {}",
            ),
            ("src/main.rs", "fn main() { flux_setup::high::run() }"),
        ]);
        assert!(violations.is_empty(), "{violations:?}");
    }

    #[test]
    fn a_room_that_uses_one_above_it_is_named() {
        assert_eq!(
            violations_with(&[("src/low/deep/file.rs", "use crate::middle::Piece;")]),
            ["src/low/deep/file.rs: room `low` uses `middle`, which stands above it"]
        );
    }

    #[test]
    fn a_room_that_uses_a_lower_one_without_leave_is_named() {
        assert_eq!(
            violations_with(&[
                (
                    "src/lib.rs",
                    &ROOMS.replace("| `low`, `middle` |", "| `low` |")
                ),
                ("src/high/mod.rs", "use crate::middle::Piece;"),
            ]),
            ["src/high/mod.rs: room `high` uses `middle`, which its row does not name"]
        );
    }

    #[test]
    fn a_row_that_allows_an_upward_use_or_names_no_room_is_named() {
        assert_eq!(
            with_table("| `low` |\n", "| `high` |\n"),
            ["the row of `middle` names `high`, which is no lower room"]
        );
        assert_eq!(
            with_table("| `low` |\n", "| `low`, `cellar` |\n"),
            ["the row of `middle` names `cellar`, which is no room"]
        );
    }

    #[test]
    fn a_room_without_a_row_is_named_whether_it_is_declared_or_only_lies_there() {
        let declared = ROOMS.replace("mod high;", "mod high;\nmod attic;");
        let expected = ["room `attic` has no row in the table of src/lib.rs"];
        assert_eq!(violations_with(&[("src/lib.rs", &declared)]), expected);
        assert_eq!(violations_with(&[("src/attic/mod.rs", "")]), expected);
        assert_eq!(violations_with(&[("src/attic.rs", "")]), expected);
    }

    #[test]
    fn a_row_without_a_room_and_a_row_that_stands_twice_are_named() {
        let row = "//! | `attic` | | |\nmod low;";
        assert_eq!(
            with_table("mod low;", row),
            ["src/lib.rs describes room `attic`, which does not exist"]
        );
        assert_eq!(
            with_table("mod low;", "//! | `low` | | |\nmod low;"),
            ["src/lib.rs describes room `low` twice"]
        );
    }

    #[test]
    fn a_tree_without_a_table_has_a_violation_for_each_room() {
        let files = [("src/lib.rs", "mod one;"), ("src/one.rs", "")];
        assert_eq!(
            violations(&files),
            ["room `one` has no row in the table of src/lib.rs"]
        );
    }

    #[test]
    fn a_file_that_is_no_rust_is_named() {
        assert_eq!(
            violations_with(&[("src/low/mod.rs", "fn 1() {}")]),
            ["`src/low/mod.rs` cannot be read: expected identifier"]
        );
    }
}
