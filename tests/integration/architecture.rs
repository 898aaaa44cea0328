//! The law of the rooms: who may use whom, and that no modules end in a knot.
//!
//! ```text
//! files of src -> modules (what each defines, imports, names) -> uses (who names what, resolved)
//!                                                                  |-> rooms: only what the table allows
//!                                                                  `-> cycles: no ring of modules
//! ```

mod cycles;
mod modules;
mod names;
mod rooms;
mod uses;

use std::fs;
use std::io;
use std::path::Path;

use modules::Modules;
use rooms::Table;

/// Everything in a source tree that breaks the law, sorted; each file is its path below the
/// repository and its text.
fn violations(files: &[(&str, &str)]) -> Vec<String> {
    let mut violations = Vec::new();
    let modules = Modules::read(files, &mut violations);
    let root = files.iter().find(|(path, _)| *path == "src/lib.rs");
    let table = Table::read(root.map_or("", |(_, text)| text));
    let uses = uses::resolve(&modules);
    violations.extend(table.faults(&modules));
    violations.extend(rooms::forbidden_uses(&table, &uses));
    violations.extend(cycles::rings(&uses));
    violations.sort();
    violations.dedup();
    violations
}

/// The Rust files below a folder, each with its path as `name` has it.
fn source_files(folder: &Path, name: &str) -> io::Result<Vec<(String, String)>> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let name = format!("{name}/{}", entry.file_name().to_string_lossy());
        if entry.file_type()?.is_dir() {
            files.extend(source_files(&entry.path(), &name)?);
        } else if name.ends_with(".rs") {
            files.push((name, fs::read_to_string(entry.path())?));
        }
    }
    Ok(files)
}

#[test]
fn every_room_uses_only_what_its_row_allows_and_no_modules_form_a_ring() {
    let src = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let files = source_files(&src, "src").unwrap();
    assert!(files.len() > 10, "the source tree was not found");
    let files: Vec<_> = files
        .iter()
        .map(|(path, text)| (path.as_str(), text.as_str()))
        .collect();
    let violations = violations(&files);
    assert!(violations.is_empty(), "\n{}\n", violations.join("\n"));
}

/// Three rooms, each of which may use the ones below it.
const ROOMS: &str = "\
//! | room | what lives here | may use |
//! |---|---|---|
//! | `low` | | |
//! | `middle` | | `low` |
//! | `high` | | `low`, `middle` |
mod low;
mod middle;
mod high;
";

/// The violations of a tree of those three rooms in which the given files differ.
fn violations_with(files: &[(&str, &str)]) -> Vec<String> {
    let mut tree = vec![
        ("src/lib.rs", ROOMS),
        ("src/low/mod.rs", "pub struct Thing;"),
        ("src/middle/mod.rs", "pub struct Piece;"),
        ("src/high/mod.rs", ""),
    ];
    for file in files {
        tree.retain(|(path, _)| path != &file.0);
        tree.push(*file);
    }
    violations(&tree)
}
