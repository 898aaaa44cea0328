//! A manifest that can be wrong in every way.

use serde_json::Value;

/// A manifest whose scalars are text as YAML holds it, so that `1e3` and `yes` can be tried.
#[derive(Clone)]
pub(super) enum Tree {
    Raw(String),
    List(Vec<Tree>),
    /// A key may stand twice.
    Map(Vec<(String, Tree)>),
}

pub(super) fn raw(text: impl AsRef<str>) -> Tree {
    Tree::Raw(text.as_ref().into())
}

impl Tree {
    pub(super) fn of(value: &Value) -> Self {
        match value {
            Value::Array(items) => Tree::List(items.iter().map(Tree::of).collect()),
            Value::Object(entries) => {
                let entries = entries
                    .iter()
                    .map(|(key, value)| (key.clone(), Tree::of(value)));
                Tree::Map(entries.collect())
            }
            scalar => Tree::Raw(scalar.to_string()),
        }
    }

    pub(super) fn write(&self, out: &mut String) {
        let join = |out: &mut String, index: usize| {
            if index > 0 {
                out.push_str(", ");
            }
        };
        match self {
            Tree::Raw(text) => out.push_str(text),
            Tree::List(items) => {
                out.push('[');
                for (index, item) in items.iter().enumerate() {
                    join(out, index);
                    item.write(out);
                }
                out.push(']');
            }
            Tree::Map(entries) => {
                out.push('{');
                for (index, (key, value)) in entries.iter().enumerate() {
                    join(out, index);
                    out.push_str(&Value::from(key.as_str()).to_string());
                    out.push_str(": ");
                    value.write(out);
                }
                out.push('}');
            }
        }
    }

    /// The node at a path of keys and indices.
    pub(super) fn at(&mut self, path: &[String]) -> Option<&mut Tree> {
        let Some((first, rest)) = path.split_first() else {
            return Some(self);
        };
        let child = match self {
            Tree::Map(entries) => &mut entries.iter_mut().find(|(key, _)| key == first)?.1,
            Tree::List(items) => items.get_mut(first.parse::<usize>().ok()?)?,
            Tree::Raw(_) => return None,
        };
        child.at(rest)
    }

    /// Calls `visit` for each node below the given keys of the root, not for those themselves;
    /// `metadata` and `spec` are always there unless a change took them.
    pub(super) fn below(&self, roots: &[&str], visit: &mut impl FnMut(&[String], &Tree)) {
        let Tree::Map(entries) = self else {
            return;
        };
        for (key, node) in entries
            .iter()
            .filter(|(key, _)| roots.contains(&key.as_str()))
        {
            let mut path = vec![key.clone()];
            visit(&path, node);
            node.visit(&mut path, visit);
        }
    }

    fn visit(&self, path: &mut Vec<String>, visit: &mut impl FnMut(&[String], &Tree)) {
        let children: Vec<(String, &Tree)> = match self {
            Tree::Raw(_) => Vec::new(),
            Tree::List(items) => items
                .iter()
                .enumerate()
                .map(|(index, item)| (index.to_string(), item))
                .collect(),
            Tree::Map(entries) => entries
                .iter()
                .map(|(key, node)| (key.clone(), node))
                .collect(),
        };
        for (key, node) in children {
            path.push(key);
            visit(path, node);
            node.visit(path, visit);
            path.pop();
        }
    }
}
