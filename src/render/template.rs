//! One template as it was read, and what its text alone says of it.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

use crate::flux::yaml::Span;

use super::includes::{TEMPLATE_SUFFIX, endings};
use super::own_names::literals;
use super::source_map::marks;
use super::template_text::tags;
use super::uses::{Use, asks, uses};
use super::work::counters;
use super::woven::Woven;

/// A template of the user's, as it was read.
#[derive(Debug, Clone)]
pub struct UserTemplate {
    /// Without folder and ending: `helm-release`.
    pub name: String,
    /// The number of its text in [`crate::config::Sources`].
    pub source: u32,
    pub text: String,
}

/// A template, and what is known of it beside its compiled form.
#[derive(Debug, Clone)]
pub(super) struct Template {
    /// Its file, as Tera knows it.
    pub(super) file: String,
    /// `None` for ours.
    pub(super) source: Option<u32>,
    pub(super) text: String,
    /// As Tera has it: with our counters in it.
    pub(super) counted: Woven,
    /// Whether its work is counted: nothing in ours can take long.
    pub(super) is_counted: bool,
    /// Texts that stand in its tags.
    literals: BTreeSet<String>,
    /// Names that it does more with than to write what lies under them.
    pub(super) asks: Vec<&'static str>,
    /// How it uses each name that it is handed.
    uses: Vec<(&'static str, Use)>,
}

/// Templates by their names.
pub(super) type ByName = BTreeMap<String, Template>;

impl Template {
    pub(super) fn new(name: &str, source: Option<u32>, text: &str) -> Self {
        let tags = tags(text);
        Self {
            file: format!("{name}{TEMPLATE_SUFFIX}"),
            is_counted: source.is_some(),
            source,
            text: text.to_owned(),
            counted: Woven::new(text, [counters(&tags), endings(&tags)].concat()),
            asks: asks(&tags),
            uses: uses(text, &tags),
            literals: literals(&tags).map(str::to_owned).collect(),
        }
    }

    /// Its text with our counters and with marks that tell what it writes, for the template with this
    /// number.
    pub(super) fn mapped(&self, number: usize) -> String {
        let tags = tags(&self.text);
        let marks = marks(&self.text, &tags, number);
        Woven::new(
            &self.text,
            [counters(&tags), endings(&tags), marks].concat(),
        )
        .text
    }

    pub(super) fn use_of(&self, name: &str) -> Use {
        self.uses
            .iter()
            .find(|(known, _)| *known == name)
            .map_or(Use::Any, |(_, found)| *found)
    }

    pub(super) fn has_literal(&self, text: &str) -> bool {
        self.literals.contains(text)
    }

    /// These bytes of its text; `None` where it is ours.
    pub(super) fn span(&self, range: Range<usize>) -> Option<Span> {
        Some(span(self.source?, range))
    }
}

/// These bytes of a text of the user's.
pub(super) fn span(source: u32, range: Range<usize>) -> Span {
    let offset = |at| u32::try_from(at).unwrap_or(u32::MAX);
    Span {
        source,
        start: offset(range.start),
        end: offset(range.end),
    }
}
