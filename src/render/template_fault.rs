//! What Tera says is wrong, in our words and at places of the template as it was written.

use std::collections::{BTreeMap, BTreeSet};

use tera::{ErrorKind, Tera};

use crate::config::Finding;
use crate::flux::yaml::Span;

use super::bounds::INCLUDE_LIMIT;
use super::template_text::{Token, TokenKind, tags};
use super::templates::{TEMPLATE_SUFFIX, Templates, UserTemplate, span};

/// Why a template did not write a document.
#[derive(Debug, Clone, PartialEq)]
pub struct TemplateFault {
    /// The template where it happened: an included one, maybe.
    pub template: String,
    /// `None` within a template of ours.
    pub span: Option<Span>,
    pub message: String,
}

impl Templates {
    /// Hands all texts to Tera, which checks what they include and extend; where it refuses them,
    /// only ours are left.
    ///
    /// `whole` says that none was left out: only then a missing one is worth a word.
    pub(super) fn compile(&mut self, whole: bool) -> Option<Finding> {
        let finding = match self.hand_over() {
            Err(error) => self.refused_together(&error, whole),
            Ok(()) => Some(self.too_deep()?),
        };
        self.loaded.retain(|_, loaded| loaded.source.is_none());
        // ours alone are sound, as a test holds
        let _ = self.hand_over();
        finding
    }

    /// The first template whose includes go deeper than [`INCLUDE_LIMIT`].
    fn too_deep(&self) -> Option<Finding> {
        // what each template reaches grows by one step at a time; there is no cycle
        let includes = |name: &str| {
            let text = self.text(name);
            let found: Vec<String> = tags(text)
                .iter()
                .filter(|tag| {
                    !tag.prints && tag.tokens.first().and_then(Token::word) == Some("include")
                })
                .filter_map(|tag| match tag.tokens.get(1)?.kind {
                    TokenKind::Text(file) => file.strip_suffix(TEMPLATE_SUFFIX).map(str::to_owned),
                    _ => None,
                })
                .collect();
            found
        };
        let direct: BTreeMap<&str, Vec<String>> = self
            .loaded
            .keys()
            .map(|name| (name.as_str(), includes(name)))
            .collect();
        self.loaded.keys().find_map(|name| {
            let mut reached = BTreeSet::from([name.as_str()]);
            for _ in 0..=INCLUDE_LIMIT {
                reached = reached
                    .iter()
                    .filter_map(|name| direct.get(name))
                    .flatten()
                    .map(String::as_str)
                    .collect();
            }
            let message =
                format!("template `{name}`: its includes go deeper than {INCLUDE_LIMIT} templates");
            (!reached.is_empty())
                .then(|| Finding::error(self.span(name).unwrap_or_default(), "", message))
        })
    }

    fn hand_over(&mut self) -> tera::TeraResult<()> {
        let texts = self
            .loaded
            .values()
            .map(|loaded| (&loaded.file, &loaded.counted.text));
        self.tera.add_raw_templates(texts)
    }

    fn refused_together(&self, error: &tera::Error, whole: bool) -> Option<Finding> {
        if !whole {
            return None;
        }
        let fault = match error.kind() {
            ErrorKind::CircularInclude { tpl, include_chain } => self.whole_file(
                tpl,
                format!("it includes itself: {}", include_chain.join(" → ")),
            ),
            ErrorKind::CircularExtend {
                tpl,
                inheritance_chain,
            } => self.whole_file(
                tpl,
                format!("it extends itself: {}", inheritance_chain.join(" → ")),
            ),
            ErrorKind::MissingParent { current, parent } => self.whole_file(
                current,
                format!("it extends `{parent}`, which is no template"),
            ),
            kind => self.reported(&kind.to_string()),
        };
        let place = fault.span.unwrap_or_default();
        let message = format!("template `{}`: {}", fault.template, fault.message);
        Some(Finding::error(place, "", message))
    }

    fn whole_file(&self, file: &str, message: String) -> TemplateFault {
        let template = file.trim_end_matches(TEMPLATE_SUFFIX).to_owned();
        TemplateFault {
            span: self.span(&template),
            template,
            message,
        }
    }

    /// Reads one of Tera's reports, where it gives nothing else: `error: what` and then
    /// `--> file:line:column`.
    fn reported(&self, report: &str) -> TemplateFault {
        let mut lines = report.lines();
        let first = lines.next().unwrap_or_default();
        let message = first.strip_prefix("error: ").unwrap_or(first);
        let place = lines
            .next()
            .and_then(|line| line.trim_start().strip_prefix("--> "));
        let mut parts = place.unwrap_or_default().rsplitn(3, ':');
        let column = parts.next().and_then(|part| part.parse().ok());
        let line = parts.next().and_then(|part| part.parse().ok());
        let mut fault = self.whole_file(parts.next().unwrap_or_default(), lower_first(message));
        if let (Some(line), Some(column), Some(loaded)) =
            (line, column, self.loaded.get(&fault.template))
        {
            let at = offset(&loaded.counted.text, line, column);
            let place = loaded.counted.written(&(at..at));
            fault.span = loaded
                .source
                .map(|source| span(source, place.start, place.end));
        }
        fault
    }

    /// Says in our words, and in positions of the text as written, what Tera says.
    pub(super) fn fault(&self, template: &str, error: &tera::Error) -> TemplateFault {
        let ErrorKind::RenderingError(report) = error.kind() else {
            return TemplateFault {
                template: template.to_owned(),
                span: self.span(template),
                message: lower_first(&error.to_string()),
            };
        };
        let file = report.filename();
        let template = file.strip_suffix(TEMPLATE_SUFFIX).unwrap_or(file);
        let range = &report.span().range;
        let mut fault = TemplateFault {
            template: template.to_owned(),
            span: None,
            message: lower_first(report.message()),
        };
        if let Some(loaded) = self.loaded.get(template) {
            let mut place = loaded.counted.written(range);
            if fault.message.contains("not defined") || fault.message.contains("undefined") {
                place.start = start_of_path(&loaded.text, place.start);
                let path = loaded.text.get(place.clone()).unwrap_or_default();
                fault.message = format!("`{path}` is not set");
            }
            fault.span = loaded
                .source
                .map(|source| span(source, place.start, place.end));
        }
        fault
    }
}

/// What Tera cannot read in one template alone; what it asks of others is judged with them.
pub(super) fn syntax_fault(template: &UserTemplate) -> Option<Finding> {
    let file = format!("{}{TEMPLATE_SUFFIX}", template.name);
    let error = Tera::default()
        .add_raw_template(&file, &template.text)
        .err()?;
    let ErrorKind::SyntaxError(report) = error.kind() else {
        return None;
    };
    let range = &report.span().range;
    let message = format!(
        "template `{}`: {}",
        template.name,
        lower_first(report.message())
    );
    Some(Finding::error(
        span(template.source, range.start, range.end),
        "",
        message,
    ))
}

/// Where the name begins whose last field begins at `at`: Tera points at the field alone.
fn start_of_path(text: &str, at: usize) -> usize {
    text.get(..at).map_or(at, |before| {
        before
            .trim_end_matches(|c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '.' | '?'))
            .len()
    })
}

/// The byte at a line and a column, both from 1.
fn offset(text: &str, line: usize, column: usize) -> usize {
    let before: usize = text
        .split_inclusive('\n')
        .take(line - 1)
        .map(str::len)
        .sum();
    let within = text[before..]
        .char_indices()
        .nth(column - 1)
        .map_or(0, |(at, _)| at);
    before + within
}

/// Tera's messages begin large and end in a full stop.
fn lower_first(message: &str) -> String {
    let message = message.trim_end_matches('.');
    let mut characters = message.chars();
    match characters.next() {
        Some(first) => first.to_lowercase().chain(characters).collect(),
        None => String::new(),
    }
}
