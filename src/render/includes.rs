//! How deep templates include one another.

use std::collections::{BTreeMap, BTreeSet};

use super::bounds::INCLUDE_LIMIT;
use super::template::{ByName, TEMPLATE_SUFFIX};
use super::template_text::{Token, TokenKind, tags};

/// The first template whose includes go deeper than [`INCLUDE_LIMIT`]; there is no cycle in them.
pub(super) fn too_deep(templates: &ByName) -> Option<&str> {
    let direct: BTreeMap<&str, Vec<String>> = templates
        .iter()
        .map(|(name, template)| (name.as_str(), included(&template.text)))
        .collect();
    templates.keys().map(String::as_str).find(|name| {
        // what a template reaches, one step further each time
        let mut reached = BTreeSet::from([*name]);
        for _ in 0..=INCLUDE_LIMIT {
            reached = reached
                .iter()
                .filter_map(|name| direct.get(name))
                .flatten()
                .map(String::as_str)
                .collect();
        }
        !reached.is_empty()
    })
}

/// The templates that a text includes, by name.
fn included(text: &str) -> Vec<String> {
    tags(text)
        .iter()
        .filter(|tag| !tag.prints && tag.tokens.first().and_then(Token::word) == Some("include"))
        .filter_map(|tag| match tag.tokens.get(1)?.kind {
            TokenKind::Text(file) => file.strip_suffix(TEMPLATE_SUFFIX).map(str::to_owned),
            _ => None,
        })
        .collect()
}
