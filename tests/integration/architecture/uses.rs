//! Who uses whom: every path of every module, resolved.

use std::collections::BTreeSet;

use super::modules::{Module, ModulePath, Modules};

/// One module names what another defines.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Use {
    pub(super) file: String,
    pub(super) from: ModulePath,
    /// The module that defines it.
    pub(super) to: ModulePath,
    /// The room that the path names, which may only hand on what another defines.
    pub(super) through: Option<String>,
    /// In code that is compiled for tests only.
    pub(super) test: bool,
}

/// All uses between modules that are files. Handing on what a module below oneself defines is none:
/// that is what a module's front is for.
pub(super) fn resolve(modules: &Modules) -> BTreeSet<Use> {
    let mut uses = BTreeSet::new();
    for (path, module) in &modules.all {
        add_uses(modules, path, module, &mut uses);
    }
    if let Some(binary) = &modules.binary {
        // Of the binary's paths only those count that begin with the library's name.
        add_uses(modules, &binary.owner, binary, &mut uses);
    }
    uses
}

fn add_uses(modules: &Modules, path: &ModulePath, module: &Module, uses: &mut BTreeSet<Use>) {
    let imports = module.imports.iter();
    let imports = imports.map(|import| (&import.path, import.reexport));
    let paths = module.paths.iter();
    let paths = paths.filter(|path| path.len() != 1 || !module.is_only_child(&path[0]));
    let paths = paths.map(|path| (path, false));
    for (written, reexport) in imports.chain(paths) {
        let Some(definer) = modules.definer(path, written) else {
            continue;
        };
        if reexport && definer.starts_with(path) {
            continue;
        }
        let to = modules
            .all
            .get(&definer)
            .map_or(definer, |m| m.owner.clone());
        let through = modules
            .absolute(path, written)
            .and_then(|absolute| absolute.into_iter().next());
        if to != module.owner || through.as_ref() != path.first() {
            uses.insert(Use {
                file: module.file.clone(),
                from: module.owner.clone(),
                to,
                through,
                test: module.test,
            });
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::architecture::violations_with;

    /// Whether `low` is found to use `middle`, which it may not, when it says this.
    fn is_seen(text: &str) -> bool {
        !violations_with(&[("src/low/mod.rs", text)]).is_empty()
    }

    #[test]
    fn a_path_is_seen_wherever_it_is_written() {
        for text in [
            "use crate::middle::Piece;",
            "use crate::{middle::{self}, high as _};",
            "fn f() { crate::middle::Piece; }",
            "fn f(piece: super::middle::Piece) {}",
            "struct S { piece: Vec<Option<crate::middle::Piece>> }",
            "mod inner { use super::super::middle::Piece; }",
            "fn f() { use crate::middle::Piece; }",
            "fn f() { vec![crate::middle::Piece] }",
            "macro_rules! m { () => { $crate::middle::Piece } }",
            "#[derive(Debug)] struct S { #[serde(with = \"crate::middle\")] piece: u8 }",
            "#[cfg(test)] mod tests { use crate::middle::Piece; }",
            "use crate::middle as center; fn f() { center::Piece; }",
        ] {
            assert!(is_seen(text), "{text}");
        }
    }

    #[test]
    fn what_only_looks_like_a_path_into_the_crate_is_none() {
        for text in [
            "//! Like [`crate::middle::Piece`].",
            "/// Like `crate::middle::Piece`.\nfn f() {}",
            "fn f() { \"crate::middle::Piece\"; }",
            "use ::middle::Piece;",
            "fn f() { ::middle::Piece; }",
            "fn f() { middle::Piece; }",
            "pub(in crate::middle) fn f() {}",
            "fn f(middle: u8) { middle; }",
        ] {
            assert!(!is_seen(text), "{text}");
        }
    }

    #[test]
    fn a_name_that_a_room_hands_on_is_a_use_of_the_room_that_defines_it() {
        let violations = violations_with(&[
            (
                "src/lib.rs",
                &super::super::ROOMS.replace("`low`, `middle` |", "`middle` |"),
            ),
            ("src/middle/mod.rs", "pub use crate::low::Thing;"),
            ("src/high/mod.rs", "use crate::middle::Thing;"),
        ]);
        assert_eq!(
            violations,
            ["src/high/mod.rs: room `high` uses `low`, which its row does not name"]
        );
    }
}
