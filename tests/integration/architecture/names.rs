//! What one file says: the names that it defines and imports, and the paths that it writes.

use proc_macro2::{TokenStream, TokenTree};
use syn::visit::{self, Visit};
use syn::{Attribute, Item, ItemMod, ItemUse, Macro, Meta, UseTree, Visibility};

/// A path as it is written: `["crate", "flux", "Ref"]`.
pub(super) type Written = Vec<String>;

/// What a file or an inline module says; the inline modules within are listed on their own.
#[derive(Debug, Default)]
pub(super) struct Names {
    pub(super) items: Vec<String>,
    pub(super) children: Vec<Child>,
    pub(super) imports: Vec<Import>,
    pub(super) paths: Vec<Written>,
}

#[derive(Debug)]
pub(super) struct Child {
    pub(super) name: String,
    /// Compiled for tests only.
    pub(super) test: bool,
    /// What an inline module says; `None` where another file says it.
    pub(super) inline: Option<Names>,
}

#[derive(Debug)]
pub(super) struct Import {
    /// The name that it has here; `None` for everything of the path, `*`.
    pub(super) name: Option<String>,
    pub(super) path: Written,
    /// With a visibility of its own: others are given the name.
    pub(super) reexport: bool,
}

impl Import {
    pub(super) fn gives(&self, name: &str) -> bool {
        self.name.as_deref() == Some(name)
    }
}

impl Names {
    pub(super) fn read(text: &str) -> syn::Result<Self> {
        let mut names = Self::default();
        names.visit_file(&syn::parse_file(text)?);
        Ok(names)
    }

    fn add_imports(&mut self, tree: &UseTree, before: &Written, reexport: bool) {
        let with = |name: &dyn ToString| [before.as_slice(), &[name.to_string()]].concat();
        let (name, path) = match tree {
            UseTree::Path(path) => {
                return self.add_imports(&path.tree, &with(&path.ident), reexport);
            }
            UseTree::Group(group) => {
                for tree in &group.items {
                    self.add_imports(tree, before, reexport);
                }
                return;
            }
            UseTree::Name(name) if name.ident == "self" => (before.last().cloned(), before.clone()),
            UseTree::Name(name) => (Some(name.ident.to_string()), with(&name.ident)),
            UseTree::Rename(rename) if rename.ident == "self" => {
                (Some(rename.rename.to_string()), before.clone())
            }
            UseTree::Rename(rename) => (Some(rename.rename.to_string()), with(&rename.ident)),
            _ => (None, before.clone()),
        };
        self.imports.push(Import {
            name,
            path,
            reexport,
        });
    }

    /// Takes from tokens that syn does not read whatever looks like a path.
    fn add_tokens(&mut self, tokens: TokenStream) {
        let mut path = Written::new();
        let mut colons = 0;
        for token in tokens {
            match token {
                TokenTree::Punct(punct) if punct.as_char() == ':' => {
                    colons += 1;
                    continue;
                }
                TokenTree::Ident(ident) => {
                    if colons != 2 {
                        self.paths.push(std::mem::take(&mut path));
                    }
                    path.push(ident.to_string());
                }
                TokenTree::Group(group) => {
                    self.paths.push(std::mem::take(&mut path));
                    self.add_tokens(group.stream());
                }
                TokenTree::Punct(_) | TokenTree::Literal(_) => {
                    self.paths.push(std::mem::take(&mut path));
                }
            }
            colons = 0;
        }
        self.paths.push(path);
    }
}

impl<'ast> Visit<'ast> for Names {
    fn visit_item(&mut self, item: &'ast Item) {
        let name = match item {
            Item::Const(item) => Some(&item.ident),
            Item::Enum(item) => Some(&item.ident),
            Item::Fn(item) => Some(&item.sig.ident),
            Item::Macro(item) => item.ident.as_ref(),
            Item::Static(item) => Some(&item.ident),
            Item::Struct(item) => Some(&item.ident),
            Item::Trait(item) => Some(&item.ident),
            Item::Type(item) => Some(&item.ident),
            Item::Union(item) => Some(&item.ident),
            _ => None,
        };
        self.items.extend(name.map(ToString::to_string));
        visit::visit_item(self, item);
    }

    fn visit_item_mod(&mut self, item: &'ast ItemMod) {
        let inline = item.content.as_ref().map(|(_, items)| {
            let mut names = Self::default();
            for item in items {
                names.visit_item(item);
            }
            names
        });
        self.children.push(Child {
            name: item.ident.to_string(),
            test: item.attrs.iter().any(is_cfg_test),
            inline,
        });
    }

    fn visit_item_use(&mut self, item: &'ast ItemUse) {
        if item.leading_colon.is_some() {
            return;
        }
        let reexport = !matches!(item.vis, Visibility::Inherited);
        self.add_imports(&item.tree, &Written::new(), reexport);
    }

    fn visit_path(&mut self, path: &'ast syn::Path) {
        if path.leading_colon.is_none() {
            let segments = path.segments.iter();
            self.paths
                .push(segments.map(|s| s.ident.to_string()).collect());
        }
        visit::visit_path(self, path);
    }

    fn visit_macro(&mut self, item: &'ast Macro) {
        visit::visit_macro(self, item);
        self.add_tokens(item.tokens.clone());
    }

    fn visit_attribute(&mut self, attribute: &'ast Attribute) {
        if attribute.path().is_ident("doc") {
            return;
        }
        if let Meta::List(list) = &attribute.meta {
            self.add_tokens(list.tokens.clone());
            self.add_quoted_paths(list.tokens.clone());
        }
    }

    /// `pub(in crate::room)` says who may use us, not whom we use.
    fn visit_visibility(&mut self, _: &'ast Visibility) {}
}

impl Names {
    /// A derive takes paths as strings: `#[serde(with = "crate::flux::duration")]`.
    fn add_quoted_paths(&mut self, tokens: TokenStream) {
        for token in tokens {
            if let TokenTree::Literal(literal) = token
                && let Ok(text) = syn::parse_str::<syn::LitStr>(&literal.to_string())
                && let Ok(path) = text.parse::<syn::Path>()
            {
                self.visit_path(&path);
            }
        }
    }
}

fn is_cfg_test(attribute: &Attribute) -> bool {
    attribute.path().is_ident("cfg")
        && attribute
            .parse_args::<syn::Path>()
            .is_ok_and(|path| path.is_ident("test"))
}
