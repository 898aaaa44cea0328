//! Reads the user's templates before they are used: every fault that their texts show, in one go.

use std::collections::{BTreeMap, BTreeSet};

use crate::config::Finding;
use crate::flux::yaml::Span;

use super::bounds::{INCLUDE_LIMIT, TEMPLATE_LIMIT_BYTES};
use super::includes::{Reach, leading_to, unknown};
use super::mend::mended;
use super::own_names::local_names;
use super::reading::faults;
use super::template::{UserTemplate, span};
use super::template_fault::{TemplateFault, syntax_fault};
use super::template_text::tags;
use super::text_fault::TextFault;

/// Most faults of one template's text that are told.
const FAULTS_LIMIT: usize = 100;

/// What the texts of the user's templates show.
#[derive(Debug, Default)]
pub(super) struct ReadAll {
    pub(super) findings: Vec<Finding>,
    /// Templates with a fault, and those that include or extend one.
    pub(super) faulty: BTreeSet<String>,
    /// Texts that can be tried, by their templates: those of faulty ones are mended.
    pub(super) usable: BTreeMap<String, String>,
}

/// Reads all texts; `embedded` are the names of ours.
pub(super) fn read_all(user: &[UserTemplate], embedded: &[&str]) -> ReadAll {
    let read: Vec<_> = user.iter().map(|template| tags(&template.text)).collect();
    let locals: BTreeSet<&str> = read.iter().flat_map(|tags| local_names(tags)).collect();
    let own = user.iter().map(|template| template.name.as_str());
    let known: BTreeSet<&str> = embedded.iter().copied().chain(own).collect();
    let texts = user
        .iter()
        .map(|one| (one.name.as_str(), one.text.as_str()));
    let reach = Reach::new(texts);
    let mut all = ReadAll::default();
    for template in user {
        let (mut found, usable) = read_one(&template.text, &locals, &known);
        let endless = endless(template, &reach);
        let is_endless = endless.is_some();
        found.extend(endless);
        if !found.is_empty() {
            all.faulty.insert(template.name.clone());
        }
        if let (Some(text), false) = (usable, is_endless) {
            all.usable.insert(template.name.clone(), text);
        }
        all.findings.extend(found.into_iter().map(|fault| {
            let span = span(template.source, fault.start..fault.end);
            let mut one = TemplateFault::new(&template.name, Some(span), fault.message);
            one.hint = fault.hint;
            one.finding(Span::default())
        }));
    }
    let leads_to =
        |name: &str, wanted: &dyn Fn(&str) -> bool| reach.all(name).into_iter().any(wanted);
    let faulty = all.faulty.clone();
    for template in user {
        if leads_to(&template.name, &|name| faulty.contains(name)) {
            all.faulty.insert(template.name.clone());
        }
        let is_user = |name: &str| user.iter().any(|one| one.name == name);
        let usable = all.usable.clone();
        if leads_to(&template.name, &|name| {
            is_user(name) && !usable.contains_key(name)
        }) {
            all.usable.remove(&template.name);
        }
    }
    all
}

/// Whether what a template includes comes back to it, or goes too deep.
fn endless(template: &UserTemplate, reach: &Reach<'_>) -> Option<TextFault> {
    if let Some(ring) = reach.ring(&template.name) {
        let message = format!("it includes itself: {}", ring.join(" → "));
        let hint = "let one of them no longer include the next";
        return Some(at_include(&template.text, message, hint, |name| {
            name == ring[1]
        }));
    }
    let reached = reach.all(&template.name);
    let reaches_ring = reached.iter().any(|name| reach.ring(name).is_some());
    (!reaches_ring && reach.is_too_deep(&template.name)).then(|| {
        let message = format!("its includes go deeper than {INCLUDE_LIMIT} templates");
        let hint = "write into one what is spread over many";
        at_include(&template.text, message, hint, |_| true)
    })
}

/// The faults of one text, in its order, and the text with each of them mended, where that can be.
fn read_one(
    text: &str,
    locals: &BTreeSet<&str>,
    known: &BTreeSet<&str>,
) -> (Vec<TextFault>, Option<String>) {
    if text.len() > TEMPLATE_LIMIT_BYTES {
        let fault = TextFault {
            start: 0,
            end: 0,
            message: format!("it is longer than {TEMPLATE_LIMIT_BYTES} bytes"),
            hint: Some("put what is long into `vars`, or split it by `include`".to_owned()),
        };
        return (vec![fault], None);
    }
    let mut found: Vec<TextFault> = Vec::new();
    let mut current = text.to_owned();
    loop {
        let read = tags(&current);
        let mut new = faults(&read, locals);
        new.extend(unknown(&read, known));
        if new.is_empty() {
            // of what Tera cannot read it says the first fault
            new.extend(syntax_fault(&current));
        }
        new.retain(|fault| {
            let known = |one: &TextFault| one.start == fault.start && one.message == fault.message;
            !found.iter().any(known)
        });
        if new.is_empty() {
            // whether all that was found could be mended
            let usable = faults(&read, locals).is_empty() && syntax_fault(&current).is_none();
            found.sort_by_key(|fault| fault.start);
            return (found, usable.then_some(current));
        }
        for fault in &new {
            if let Some(better) = mended(&current, fault.start) {
                current = better;
            }
        }
        found.append(&mut new);
        if found.len() >= FAULTS_LIMIT {
            return (found, None);
        }
    }
}

/// A fault at the tag that leads to such a template.
fn at_include(text: &str, message: String, hint: &str, wanted: impl Fn(&str) -> bool) -> TextFault {
    let tags = tags(text);
    let tag = leading_to(&tags, wanted);
    TextFault {
        start: tag.map_or(0, |tag| tag.start),
        end: tag.map_or(0, |tag| tag.end),
        message,
        hint: Some(hint.to_owned()),
    }
}
