//! The `spec` of a document that is looked at, and what was found in it.

use crate::flux::fault::Fault;
use crate::flux::yaml::{Node, Span};

pub(super) struct Spec<'a> {
    pub(super) kind: &'a str,
    pub(super) document: &'a Node,
    pub(super) spec: &'a Node,
    pub(super) faults: Vec<Fault>,
}

impl<'a> Spec<'a> {
    pub(super) fn find(&self, keys: &[&str]) -> Option<&'a Node> {
        keys.iter().try_fold(self.spec, |node, key| node.get(key))
    }

    /// The text at the keys, `""` where there is none.
    pub(super) fn text(&self, keys: &[&str]) -> &'a str {
        self.find(keys).and_then(Node::as_str).unwrap_or("")
    }

    fn span(&self, keys: &[&str]) -> Span {
        self.find(keys).unwrap_or(self.spec).span
    }

    pub(super) fn error(&mut self, keys: &[&str], message: impl Into<String>, hint: &str) {
        let path = format!("spec.{}", keys.join("."));
        let fault = Fault::flux(self.span(keys), path, message).hint(hint);
        self.faults.push(fault);
    }

    pub(super) fn warning(&mut self, keys: &[&str], message: impl Into<String>, hint: &str) {
        self.error(keys, message, hint);
        if let Some(fault) = self.faults.pop() {
            self.faults.push(fault.warning());
        }
    }

    /// The source that a Kustomization or a HelmChart follows needs a name.
    pub(super) fn source_name(&mut self) {
        let keys = ["sourceRef", "name"];
        if self.find(&keys).is_some() && self.text(&keys).is_empty() {
            self.error(
                &keys,
                "must not be empty: no source has that name",
                "name the source that it follows",
            );
        }
    }
}
