//! The templates: ours and the user's, compiled, and how one writes the values that it is handed.

use std::collections::BTreeSet;
use std::fmt;
use std::sync::OnceLock;

use tera::{Context, Tera};

use crate::config::Finding;
use crate::flux::yaml::{Node, Span};
use crate::plan::PlannedObject;

use super::bounds::{Bounded, DOCUMENT_LIMIT_BYTES};
use super::context::{tera_value, whole_value};
use super::engine::engine;
use super::engine::into_text;
use super::includes::Reach;
use super::read_all::read_all;
use super::source_map::{self, Mapped};
use super::template::{ByName, Template, UserTemplate};
use super::template_fault::{TemplateFault, of_engine, of_engine_together};
use super::uses::Use;
use super::work;

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
    /// The same, with marks that tell which byte of a template wrote what: asked for by faults alone.
    mapped: OnceLock<Tera>,
    /// All that can be tried: what is faulty stands here mended.
    trial: Option<Box<Templates>>,
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
    /// A template with a fault, or that includes one, is left out; [`Templates::lint`] tries it
    /// nevertheless, as far as it can be.
    pub fn load(mut user: Vec<UserTemplate>) -> (Self, Vec<Finding>) {
        user.retain(|template| !EMBEDDED.contains(&(&template.name, &template.text)));
        let read = read_all(&user, &EMBEDDED.map(|(name, _)| name));
        let mut sound = ByName::new();
        for (name, text) in EMBEDDED {
            if !user.iter().any(|template| template.name == name) {
                sound.insert(name.to_owned(), Template::new(name, None, text));
            }
        }
        let mut usable = sound.clone();
        for template in &user {
            let new = |text| Template::new(&template.name, Some(template.source), text);
            if let Some(text) = read.usable.get(&template.name) {
                usable.insert(template.name.clone(), new(text));
            }
            if !read.faulty.contains(&template.name) {
                sound.insert(template.name.clone(), new(&template.text));
            }
        }
        let mut findings = read.findings;
        let is_whole = findings.is_empty();
        let mut templates = match Self::of(sound) {
            Ok(templates) => templates,
            Err((error, mut loaded)) => {
                findings.push(of_engine_together(&error, &loaded));
                loaded.retain(|_, template| template.source.is_none());
                // ours alone are sound, as a test holds
                Self::of(loaded).unwrap_or_else(|_| Self::empty())
            }
        };
        if !is_whole {
            templates.trial = Self::of(usable).ok().map(Box::new);
        }
        (templates, findings)
    }

    fn empty() -> Self {
        Self {
            tera: engine(),
            loaded: ByName::new(),
            mapped: OnceLock::new(),
            trial: None,
        }
    }

    /// # Errors
    /// What Tera has against them together.
    fn of(loaded: ByName) -> Result<Self, (tera::Error, ByName)> {
        let mut tera = engine();
        let texts = loaded
            .values()
            .map(|template| (&template.file, &template.counted.text));
        match tera.add_raw_templates(texts) {
            Ok(()) => Ok(Self {
                tera,
                loaded,
                ..Self::empty()
            }),
            Err(error) => Err((error, loaded)),
        }
    }

    /// All that can be tried.
    pub(super) fn for_trial(&self) -> &Self {
        self.trial.as_deref().unwrap_or(self)
    }

    /// The same templates, but one with another text; `None` where Tera does not take it.
    pub(super) fn with_text(&self, template: &str, text: &str) -> Option<Self> {
        let mut loaded = self.loaded.clone();
        let source = loaded.get(template)?.source;
        loaded.insert(template.to_owned(), Template::new(template, source, text));
        Self::of(loaded).ok()
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
            .map_err(|mut fault| {
                fault.message = format!(
                    "cannot write `{}` of project `{}` in `{}`: {}",
                    object.name, object.project, object.environment, fault.message
                );
                fault.finding(object.span)
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
            return Err(TemplateFault::new(
                template,
                None,
                "there is no such template",
            ));
        };
        work::begin();
        let mut writer = Bounded::new(out, false);
        let context = context(loaded, values);
        let result = self.tera.render_to(&loaded.file, &context, &mut writer);
        let full = writer.full;
        result.map_err(|error| {
            let mut fault = of_engine(template, &error, &self.loaded);
            if full {
                fault.message = format!("its document is longer than {DOCUMENT_LIMIT_BYTES} bytes");
                // of that Tera says no place: it is where the last of it was written
                let mapped = self.write_until_fault(template, values);
                let last = mapped.as_ref().map(|mapped| mapped.text.len());
                let place = mapped.zip(last).and_then(|(mapped, last)| {
                    let (name, span) = self.place(&mapped, last)?;
                    Some((name.to_owned(), span))
                });
                if let Some((name, span)) = place {
                    fault.template = name;
                    fault.span = Some(span);
                }
            }
            fault
        })?;
        if out.last() != Some(&b'\n') {
            out.push(b'\n');
        }
        Ok(())
    }

    /// Writes a document once more, and notes what writes each part of it; `None` where it cannot be
    /// written.
    pub(super) fn write_mapped(
        &self,
        template: &str,
        values: &[(&'static str, Node)],
    ) -> Option<Mapped> {
        let mapped = self.write_until_fault(template, values)?;
        mapped.is_whole.then_some(mapped)
    }

    fn write_until_fault(&self, template: &str, values: &[(&'static str, Node)]) -> Option<Mapped> {
        let loaded = self.loaded.get(template)?;
        let tera = self.mapped.get_or_init(|| {
            let mut tera = engine();
            let texts = self.loaded.values().enumerate();
            let texts = texts.map(|(number, one)| (&one.file, one.mapped(number)));
            match tera.add_raw_templates(texts) {
                Ok(()) => tera,
                Err(_) => engine(),
            }
        });
        let mut out = Vec::new();
        work::begin();
        let mut writer = Bounded::new(&mut out, true);
        let context = context(loaded, values);
        let is_whole = tera.render_to(&loaded.file, &context, &mut writer).is_ok();
        let marks = source_map::end(out.len());
        Some(Mapped {
            text: into_text(out),
            marks,
            is_whole,
        })
    }

    /// The name of the template that wrote something, and where: a whole tag, or from its first byte
    /// to the next tag or the end of the line.
    pub(super) fn place(&self, mapped: &Mapped, byte: usize) -> Option<(&str, Span)> {
        let mark = mapped.mark_at(byte)?;
        let (name, template) = self.loaded.iter().nth(mark.template)?;
        let rest = template.text.get(mark.at..)?;
        if rest.starts_with("{{") {
            let end = rest.find("}}").map_or(rest.len(), |end| end + 2);
            return Some((name, template.span(mark.at..mark.at + end)?));
        }
        let start = mark.at + (byte - mark.out);
        let rest = template.text.get(start..).unwrap_or_default();
        let start = if rest.is_empty() { mark.at } else { start };
        let line = template.text[start..].lines().next().unwrap_or_default();
        let tags = ["{{", "{%", "{#"].map(|tag| line.find(tag));
        let length = tags.into_iter().flatten().min().unwrap_or(line.len());
        let length = line[..length].trim_end().len();
        Some((name, template.span(start..start + length)?))
    }

    /// The line of a place of a template, from 1.
    pub(super) fn line(&self, place: Span, template: &str) -> usize {
        let before = self.text(template).get(..place.start as usize);
        1 + before.unwrap_or_default().matches('\n').count()
    }

    /// Whether it is a tag that writes a value.
    pub(super) fn writes_a_value(&self, place: Span, template: &str) -> bool {
        let text = self.text(template).get(place.start as usize..);
        text.is_some_and(|text| text.starts_with("{{"))
    }

    /// The numbers of the user's texts that a template is made of: its own and those that it includes
    /// and extends.
    pub(super) fn texts_of(&self, template: &str) -> Vec<u32> {
        let names = self.reached(template).into_iter();
        let loaded = names.filter_map(|name| self.loaded.get(name));
        loaded.filter_map(|one| one.source).collect()
    }

    /// A template and those that it includes and extends.
    pub(super) fn reached<'t>(&'t self, template: &'t str) -> Vec<&'t str> {
        let texts = self.loaded.iter();
        let reach = Reach::new(texts.map(|(name, one)| (name.as_str(), one.text.as_str())));
        let others = reach.all(template);
        let others = self
            .names()
            .filter(|name| others.contains(name) && *name != template);
        std::iter::once(template).chain(others).collect()
    }

    /// Whether a template does more with what lies under a name than to write it.
    pub(super) fn may_ask(&self, template: &str, name: &str) -> bool {
        let loaded = self.loaded.get(template);
        loaded.is_none_or(|loaded| loaded.asks.contains(&name))
    }
}

/// What a template is handed, as Tera has it; how large that is counts where work is counted.
fn context(loaded: &Template, values: &[(&'static str, Node)]) -> Context {
    let mut context = Context::new();
    let mut insert = |name: &'static str, value: tera::Value| {
        if loaded.is_counted {
            work::there_is(work::size(&value));
        }
        context.insert_value(name, value);
    };
    for (name, node) in values {
        match loaded.use_of(name) {
            Use::Never => {}
            Use::Whole(indent) => insert(name, whole_value(node, indent)),
            Use::Any => insert(name, tera_value(node)),
        }
    }
    context
}

#[cfg(test)]
mod tests;
