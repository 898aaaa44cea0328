//! What Tera says is wrong, in our words and at places of the template as it was written.

use tera::{ErrorKind, Tera};

use crate::config::Finding;
use crate::flux::yaml::Span;

use super::includes::TEMPLATE_SUFFIX;
use super::template::ByName;
use super::text_fault::TextFault;

/// Why a template did not write a document.
#[derive(Debug, Clone, PartialEq)]
pub struct TemplateFault {
    /// The template where it happened: an included one, maybe.
    pub template: String,
    /// `None` within a template of ours.
    pub span: Option<Span>,
    pub message: String,
    /// How to mend it.
    pub hint: Option<String>,
}

impl TemplateFault {
    pub(super) fn new(template: &str, span: Option<Span>, message: impl Into<String>) -> Self {
        Self {
            template: template.to_owned(),
            span,
            message: message.into(),
            hint: None,
        }
    }

    pub(super) fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// As a finding: there, or at `else_at` where it has no place.
    pub(super) fn finding(self, else_at: Span) -> Finding {
        let message = format!("template `{}`: {}", self.template, self.message);
        let mut finding = Finding::error(self.span.unwrap_or(else_at), "", message);
        // What Tera itself says has no way to mend it.
        let mend = || "change this in the template; the README says what one is handed".to_owned();
        finding.hint = Some(self.hint.unwrap_or_else(mend));
        finding
    }
}

/// Why Tera refuses templates that it can read one by one.
pub(super) fn of_engine_together(error: &tera::Error, templates: &ByName) -> Finding {
    of_report(&error.to_string(), templates).finding(Span::default())
}

/// A fault of a whole file, as Tera knows it.
fn of_file(file: &str, message: String, templates: &ByName) -> TemplateFault {
    let template = file.trim_end_matches(TEMPLATE_SUFFIX).to_owned();
    let span = templates.get(&template).and_then(|found| found.span(0..0));
    TemplateFault::new(&template, span, message)
}

/// Reads one of Tera's reports, where it gives nothing else: `error: what` and then
/// `--> file:line:column`.
fn of_report(report: &str, templates: &ByName) -> TemplateFault {
    let mut lines = report.lines();
    let first = lines.next().unwrap_or_default();
    let message = first.strip_prefix("error: ").unwrap_or(first);
    let place = lines
        .next()
        .and_then(|line| line.trim_start().strip_prefix("--> "));
    let mut parts = place.unwrap_or_default().rsplitn(3, ':');
    let column = parts.next().and_then(|part| part.parse().ok());
    let line = parts.next().and_then(|part| part.parse().ok());
    let file = parts.next().unwrap_or_default();
    let mut fault = of_file(file, lower_first(message), templates);
    if let (Some(line), Some(column), Some(template)) =
        (line, column, templates.get(&fault.template))
    {
        let at = offset(&template.counted.text, line, column);
        fault.span = template.span(template.counted.written(&(at..at)));
    }
    fault
}

/// Says in our words, and in positions of the text as written, what Tera says of a document.
pub(super) fn of_engine(template: &str, error: &tera::Error, templates: &ByName) -> TemplateFault {
    let ErrorKind::RenderingError(report) = error.kind() else {
        return of_file(template, lower_first(&error.to_string()), templates);
    };
    let file = report.filename();
    let name = file.strip_suffix(TEMPLATE_SUFFIX).unwrap_or(file);
    let mut fault = TemplateFault::new(name, None, lower_first(report.message()));
    if let Some(template) = templates.get(name) {
        let mut place = template.counted.written(&report.span().range);
        if fault.message.contains("not defined") || fault.message.contains("undefined") {
            place.start = start_of_path(&template.text, place.start);
            let path = template.text.get(place.clone()).unwrap_or_default();
            fault.message = format!("`{path}` is not set");
            fault.hint = Some(format!(
                "set it in the configuration, or write `{{{{ {path} | default(value=…) }}}}`"
            ));
        }
        fault.span = template.span(place);
    }
    fault
}

/// What Tera cannot read in one text alone; what it asks of others is judged with them.
pub(super) fn syntax_fault(text: &str) -> Option<TextFault> {
    let error = Tera::default().add_raw_template("", text).err()?;
    let ErrorKind::SyntaxError(report) = error.kind() else {
        return None;
    };
    let range = &report.span().range;
    Some(TextFault {
        start: range.start,
        end: range.end,
        message: lower_first(report.message()),
        hint: Some("write it as Tera does: `{{ value }}`, `{% if … %}`, `{# … #}`".to_owned()),
    })
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
        .take(line.saturating_sub(1))
        .map(str::len)
        .sum();
    let within = text[before..]
        .char_indices()
        .nth(column.saturating_sub(1))
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
