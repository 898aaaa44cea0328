//! The modules of the crate, and what a path that is written in one of them stands for.

use std::collections::{BTreeMap, BTreeSet};

use super::names::{Import, Names, Written};

/// A module by the names that lead to it from the root of the crate, which is the empty one.
pub(super) type ModulePath = Vec<String>;

/// How far a chain of re-exports is followed: longer ones are rings.
const LONGEST_CHAIN: usize = 32;

#[derive(Debug, Default)]
pub(super) struct Module {
    /// The file that it stands in.
    pub(super) file: String,
    /// The module that is that file: itself, unless it is inline.
    pub(super) owner: ModulePath,
    /// Compiled for tests only.
    pub(super) test: bool,
    pub(super) imports: Vec<Import>,
    pub(super) paths: Vec<Written>,
    items: BTreeSet<String>,
    children: BTreeSet<String>,
}

impl Module {
    /// Whether this name alone is a module here and nothing else; as an expression it is then a
    /// local variable of the same name.
    pub(super) fn is_only_child(&self, name: &str) -> bool {
        self.children.contains(name) && !self.imports.iter().any(|import| import.gives(name))
    }
}

/// Every module, and apart from them the binary, which uses the library by its name.
#[derive(Debug, Default)]
pub(super) struct Modules {
    pub(super) all: BTreeMap<ModulePath, Module>,
    pub(super) binary: Option<Module>,
}

impl Modules {
    /// Reads the files below `src/`; those that are no Rust are added to `faults`.
    pub(super) fn read(files: &[(&str, &str)], faults: &mut Vec<String>) -> Self {
        let mut modules = Self::default();
        for (file, text) in files {
            match Names::read(text) {
                Err(error) => faults.push(format!("`{file}` cannot be read: {error}")),
                Ok(names) if *file == "src/main.rs" => {
                    modules.binary = Some(Module {
                        file: (*file).to_owned(),
                        owner: vec!["main".to_owned()],
                        imports: names.imports,
                        paths: names.paths,
                        ..Module::default()
                    });
                }
                Ok(names) => {
                    let path = module_path(file);
                    modules.add(file, &path.clone(), path, false, names);
                }
            }
        }
        modules.spread_test();
        modules
    }

    fn add(&mut self, file: &str, owner: &ModulePath, path: ModulePath, test: bool, names: Names) {
        let module = Module {
            file: file.to_owned(),
            owner: owner.clone(),
            imports: names.imports,
            paths: names.paths,
            items: names.items.into_iter().collect(),
            children: names.children.iter().map(|c| c.name.clone()).collect(),
            test: test || self.all.get(&path).is_some_and(|module| module.test),
        };
        self.all.insert(path.clone(), module);
        for child in names.children {
            let path = joined(&path, &[child.name]);
            match child.inline {
                Some(names) => self.add(file, owner, path, child.test, names),
                None if child.test => self.all.entry(path).or_default().test = true,
                None => {}
            }
        }
    }

    /// What stands in a module for tests is for tests too.
    fn spread_test(&mut self) {
        let tests = self.all.iter().filter(|(_, module)| module.test);
        let tests: Vec<_> = tests.map(|(path, _)| path.clone()).collect();
        for (path, module) in &mut self.all {
            module.test |= tests.iter().any(|test| path.starts_with(test));
        }
    }

    /// The rooms: what the root declares, and what lies beside it without being declared.
    pub(super) fn rooms(&self) -> BTreeSet<&str> {
        let declared = self.all.get(&ModulePath::new());
        declared
            .into_iter()
            .flat_map(|root| root.children.iter().map(String::as_str))
            .chain(
                self.all
                    .keys()
                    .filter_map(|path| Some(path.first()?.as_str())),
            )
            .collect()
    }

    /// The module that defines what a path stands for, when written in `from`; `None` where that
    /// is outside the crate or a name that no module gives.
    pub(super) fn definer(&self, from: &ModulePath, written: &[String]) -> Option<ModulePath> {
        self.follow(&self.absolute(from, written)?, 0)
    }

    /// A path from the root of the crate, before any re-export is followed.
    pub(super) fn absolute(&self, from: &ModulePath, written: &[String]) -> Option<ModulePath> {
        let mut base = from.clone();
        let mut rest = written;
        match rest.first()?.as_str() {
            "crate" | "flux_setup" => (base, rest) = (ModulePath::new(), &rest[1..]),
            "self" => rest = &rest[1..],
            "super" => {
                while rest.first().is_some_and(|name| name == "super") {
                    base.pop()?;
                    rest = &rest[1..];
                }
            }
            first => {
                let module = self.all.get(from)?;
                let mut others = module.imports.iter().filter(|i| i.path != written);
                if !module.children.contains(first) && !others.any(|import| import.gives(first)) {
                    return None;
                }
            }
        }
        Some(joined(&base, rest))
    }

    fn follow(&self, absolute: &[String], depth: usize) -> Option<ModulePath> {
        let mut at = ModulePath::new();
        for (index, name) in absolute.iter().enumerate() {
            let module = self.all.get(&at)?;
            if module.children.contains(name) {
                at.push(name.clone());
                continue;
            }
            if module.items.contains(name) || depth > LONGEST_CHAIN {
                return Some(at);
            }
            let rest = &absolute[index + 1..];
            let mut imports = module.imports.iter();
            if let Some(import) = imports.find(|import| import.gives(name)) {
                let target = self.absolute(&at, &import.path)?;
                return self.follow(&joined(&target, rest), depth + 1);
            }
            let globs = module.imports.iter().filter(|import| import.name.is_none());
            let mut globs = globs.filter_map(|glob| self.absolute(&at, &glob.path));
            let given = globs.find(|target| self.gives(target, name));
            return match given {
                Some(target) => self.follow(&joined(&target, &absolute[index..]), depth + 1),
                None => Some(at),
            };
        }
        Some(at)
    }

    /// Whether a module gives others this name.
    fn gives(&self, module: &ModulePath, name: &str) -> bool {
        self.all.get(module).is_some_and(|module| {
            let mut imports = module.imports.iter().filter(|import| import.reexport);
            module.items.contains(name)
                || module.children.contains(name)
                || imports.any(|import| import.gives(name))
        })
    }
}

fn joined(base: &[String], rest: &[String]) -> ModulePath {
    [base, rest].concat()
}

/// `src/flux/yaml.rs` and `src/flux/yaml/mod.rs` are both `flux::yaml`.
fn module_path(file: &str) -> ModulePath {
    let path = file.trim_start_matches("src/").trim_end_matches(".rs");
    let mut path: ModulePath = path.split('/').map(str::to_owned).collect();
    if path.last().is_some_and(|name| name == "mod") || path == ["lib"] {
        path.pop();
    }
    path
}
