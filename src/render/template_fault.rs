//! What Tera says is wrong, in our words and at places of the template as it was written.

use tera::{ErrorKind, Tera};

use crate::config::Finding;
use crate::flux::yaml::Span;

use super::template::{ByName, TEMPLATE_SUFFIX, UserTemplate, span};

/// Why a template did not write a document.
#[derive(Debug, Clone, PartialEq)]
pub struct TemplateFault {
    /// The template where it happened: an included one, maybe.
    pub template: String,
    /// `None` within a template of ours.
    pub span: Option<Span>,
    pub message: String,
}

/// Why Tera refuses templates that it can read one by one.
pub(super) fn of_engine_together(error: &tera::Error, templates: &ByName) -> Finding {
    let fault = match error.kind() {
        ErrorKind::CircularInclude { tpl, include_chain } => of_file(
            tpl,
            format!("it includes itself: {}", include_chain.join(" → ")),
            templates,
        ),
        ErrorKind::CircularExtend {
            tpl,
            inheritance_chain,
        } => of_file(
            tpl,
            format!("it extends itself: {}", inheritance_chain.join(" → ")),
            templates,
        ),
        ErrorKind::MissingParent { current, parent } => of_file(
            current,
            format!("it extends `{parent}`, which is no template"),
            templates,
        ),
        kind => of_report(&kind.to_string(), templates),
    };
    let place = fault.span.unwrap_or_default();
    let message = format!("template `{}`: {}", fault.template, fault.message);
    Finding::error(place, "", message)
}

/// A fault of a whole file, as Tera knows it.
fn of_file(file: &str, message: String, templates: &ByName) -> TemplateFault {
    let template = file.trim_end_matches(TEMPLATE_SUFFIX).to_owned();
    TemplateFault {
        span: templates.get(&template).and_then(|found| found.span(0..0)),
        template,
        message,
    }
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
    let mut fault = TemplateFault {
        template: name.to_owned(),
        span: None,
        message: lower_first(report.message()),
    };
    if let Some(template) = templates.get(name) {
        let mut place = template.counted.written(&report.span().range);
        if fault.message.contains("not defined") || fault.message.contains("undefined") {
            place.start = start_of_path(&template.text, place.start);
            let path = template.text.get(place.clone()).unwrap_or_default();
            fault.message = format!("`{path}` is not set");
        }
        fault.span = template.span(place);
    }
    fault
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
        span(template.source, range.clone()),
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
