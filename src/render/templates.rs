//! The templates: ours and the user's, compiled, and how one writes the values that it is handed.

use std::collections::BTreeSet;
use std::fmt;

use tera::{Context, Tera};

use crate::config::Finding;
use crate::flux::yaml::{Node, Span};
use crate::plan::PlannedObject;

use super::bounds::{Bounded, DOCUMENT_LIMIT_BYTES, INCLUDE_LIMIT};
use super::context::{tera_value, whole_value};
use super::engine::engine;
use super::includes::too_deep;
use super::own_names::local_names;
use super::reading::faults;
use super::template::{ByName, Template, UserTemplate, span};
use super::template_fault::{TemplateFault, of_engine, of_engine_together, syntax_fault};
use super::template_text::tags;
use super::uses::Use;

/// Ours, by name; a template of the user's that has the same name wins.
pub const EMBEDDED: [(&str, &str); 3] = [
    (
        "git-repository",
        include_str!("../../templates/git-repository.yaml.tera"),
    ),
    (
        "oci-repository",
        include_str!("../../templates/oci-repository.yaml.tera"),
    ),
    (
        "kustomization",
        include_str!("../../templates/kustomization.yaml.tera"),
    ),
];

/// Every template that compiled.
pub struct Templates {
    tera: Tera,
    loaded: ByName,
}

impl fmt::Debug for Templates {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Templates")
            .field("names", &self.loaded.keys())
            .finish_non_exhaustive()
    }
}

impl Templates {
    /// Compiles our templates and the user's, which win over ours of the same name; a copy of one
    /// of ours is ours.
    ///
    /// A template with a fault is left out: its findings are all that can be said of it.
    pub fn load(mut user: Vec<UserTemplate>) -> (Self, Vec<Finding>) {
        user.retain(|template| !EMBEDDED.contains(&(&template.name, &template.text)));
        let mut templates = Self {
            tera: engine(),
            loaded: ByName::new(),
        };
        for (name, text) in EMBEDDED {
            if !user.iter().any(|template| template.name == name) {
                templates.keep(name, None, text);
            }
        }
        let read: Vec<_> = user.iter().map(|template| tags(&template.text)).collect();
        let locals: BTreeSet<_> = read.iter().flat_map(|tags| local_names(tags)).collect();
        let mut findings = Vec::new();
        let mut whole = true;
        for (template, tags) in user.iter().zip(&read) {
            let mut found: Vec<_> = faults(tags, &locals)
                .into_iter()
                .map(|fault| {
                    let span = span(template.source, fault.start..fault.end);
                    let mut finding = Finding::error(
                        span,
                        "",
                        format!("template `{}`: {}", template.name, fault.message),
                    );
                    finding.hint = fault.hint;
                    finding
                })
                .collect();
            if found.is_empty() {
                found.extend(syntax_fault(template));
            }
            if found.is_empty() {
                templates.keep(&template.name, Some(template.source), &template.text);
            }
            whole &= found.is_empty();
            findings.append(&mut found);
        }
        findings.extend(templates.compile(whole));
        (templates, findings)
    }

    pub fn contains(&self, template: &str) -> bool {
        self.loaded.contains_key(template)
    }

    /// Every template's name, ours and the user's, in order.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.loaded.keys().map(String::as_str)
    }

    /// Whether the user wrote it.
    pub(crate) fn is_users(&self, template: &str) -> bool {
        self.loaded
            .get(template)
            .is_some_and(|loaded| loaded.source.is_some())
    }

    /// Takes templates away by their names; those that include them still can.
    pub(super) fn forget(&mut self, names: &BTreeSet<String>) {
        self.loaded.retain(|name, _| !names.contains(name));
    }

    /// The whole text of a template of the user's, for findings that have no better place.
    pub(crate) fn span(&self, template: &str) -> Option<Span> {
        self.loaded.get(template)?.span(0..0)
    }

    pub(crate) fn text(&self, template: &str) -> &str {
        self.loaded
            .get(template)
            .map_or("", |loaded| loaded.text.as_str())
    }

    /// How a template uses one of the names that it is handed.
    pub(super) fn use_of(&self, template: &str, name: &str) -> Use {
        self.loaded
            .get(template)
            .map_or(Use::Any, |loaded| loaded.use_of(name))
    }

    /// Whether some template of the user's has this text in its tags, so that it may compare with it.
    pub(crate) fn has_literal(&self, text: &str) -> bool {
        self.loaded.values().any(|loaded| loaded.has_literal(text))
    }

    /// Writes the document of one object at the end of `out`.
    ///
    /// # Errors
    /// A finding in the template, or where the object is asked for if the template is ours.
    pub fn render(&self, object: &PlannedObject, out: &mut Vec<u8>) -> Result<(), Finding> {
        self.write(&object.template, &object.values(), out)
            .map_err(|fault| {
                let message = format!(
                    "template `{}` cannot write `{}` of project `{}` in `{}`: {}",
                    fault.template, object.name, object.project, object.environment, fault.message
                );
                Finding::error(fault.span.unwrap_or(object.span), "", message)
            })
    }

    /// Writes the document that a template makes of these values at the end of `out`.
    ///
    /// # Errors
    /// The fault, in whichever template it happened. What was written until then stays in `out`.
    pub fn write(
        &self,
        template: &str,
        values: &[(&'static str, Node)],
        out: &mut Vec<u8>,
    ) -> Result<(), TemplateFault> {
        let Some(loaded) = self.loaded.get(template) else {
            return Err(TemplateFault {
                template: template.to_owned(),
                span: None,
                message: "there is no such template".to_owned(),
            });
        };
        let mut context = Context::new();
        for (name, node) in values {
            match loaded.use_of(name) {
                Use::Never => {}
                Use::Whole(indent) => context.insert_value(*name, whole_value(node, indent)),
                Use::Any => context.insert_value(*name, tera_value(node)),
            }
        }
        let mut writer = Bounded::new(out);
        let result = self.tera.render_to(&loaded.file, &context, &mut writer);
        let full = writer.full;
        result.map_err(|error| {
            let mut fault = of_engine(template, &error, &self.loaded);
            if full {
                fault.message = format!("its document is longer than {DOCUMENT_LIMIT_BYTES} bytes");
            }
            fault
        })?;
        if out.last() != Some(&b'\n') {
            out.push(b'\n');
        }
        Ok(())
    }

    fn keep(&mut self, name: &str, source: Option<u32>, text: &str) {
        self.loaded
            .insert(name.to_owned(), Template::new(name, source, text));
    }

    /// Hands all texts to Tera, which checks what they include and extend; where it refuses them,
    /// only ours are left.
    ///
    /// `whole` says that none was left out: only then a missing one is worth a word.
    fn compile(&mut self, whole: bool) -> Option<Finding> {
        let finding = match self.hand_over() {
            Ok(()) => match too_deep(&self.loaded) {
                None => return None,
                Some(name) => {
                    let message = format!(
                        "template `{name}`: its includes go deeper than {INCLUDE_LIMIT} templates"
                    );
                    let span = self.span(name).unwrap_or_default();
                    Some(Finding::error(span, "", message))
                }
            },
            Err(error) => whole.then(|| of_engine_together(&error, &self.loaded)),
        };
        self.loaded.retain(|_, loaded| loaded.source.is_none());
        match self.hand_over() {
            Ok(()) => finding,
            // ours alone are sound, as a test holds; were they not, that would be the finding
            Err(error) => finding.or_else(|| Some(of_engine_together(&error, &self.loaded))),
        }
    }

    fn hand_over(&mut self) -> tera::TeraResult<()> {
        let texts = self
            .loaded
            .values()
            .map(|loaded| (&loaded.file, &loaded.counted.text));
        self.tera.add_raw_templates(texts)
    }
}

#[cfg(test)]
mod tests;
