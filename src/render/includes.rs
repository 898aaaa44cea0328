//! How templates include and extend one another.

use std::collections::{BTreeMap, BTreeSet};

use crate::flux::nearest;

use super::bounds::INCLUDE_LIMIT;
use super::template_text::{Tag, Token, TokenKind, tags};
use super::text_fault::{TextFault, fault};
use super::woven::Insertion;

/// How the file of a template ends: `web` is `templates/web.yaml.tera`.
pub const TEMPLATE_SUFFIX: &str = ".yaml.tera";

/// Another template that a tag names, with or without its ending.
struct Named<'t, 'a> {
    tag: &'t Tag<'a>,
    token: &'t Token<'a>,
    name: &'a str,
    has_ending: bool,
}

fn named<'t, 'a>(tags: &'t [Tag<'a>]) -> impl Iterator<Item = Named<'t, 'a>> {
    tags.iter().filter_map(|tag| {
        let is_one = matches!(tag.tokens.first()?.word(), Some("include" | "extends"));
        let token = tag.tokens.get(1)?;
        let TokenKind::Text(file) = token.kind else {
            return None;
        };
        let name = file.strip_suffix(TEMPLATE_SUFFIX).unwrap_or(file);
        (is_one && !tag.prints).then_some(Named {
            tag,
            token,
            name,
            has_ending: name.len() < file.len(),
        })
    })
}

/// The templates that a text includes or extends, by name.
pub(super) fn named_in(text: &str) -> BTreeSet<String> {
    named(&tags(text)).map(|one| one.name.to_owned()).collect()
}

/// The ending of each template that is named without: Tera knows templates by their files.
pub(super) fn endings(tags: &[Tag<'_>]) -> Vec<Insertion> {
    named(tags)
        .filter(|one| !one.has_ending)
        .map(|one| Insertion {
            at: one.token.end - 1,
            text: TEMPLATE_SUFFIX.to_owned(),
            stands_for: one.token.start..one.token.end,
        })
        .collect()
}

/// Names of templates that are not there.
pub(super) fn unknown(tags: &[Tag<'_>], known: &BTreeSet<&str>) -> Vec<TextFault> {
    named(tags)
        .filter(|one| !known.contains(one.name))
        .map(|one| {
            let hint = match nearest(one.name, known.iter().copied()) {
                Some(near) => format!("did you mean `{near}`?"),
                None if one.name.contains(['/', '.']) => {
                    "name a file of `templates/` without its ending: `part` is \
                     `templates/part.yaml.tera`"
                        .to_owned()
                }
                None => format!("write it as `templates/{}{TEMPLATE_SUFFIX}`", one.name),
            };
            let message = format!("unknown template `{}`", one.name);
            fault(one.token, one.token, message, Some(hint))
        })
        .collect()
}

/// Which template includes or extends which.
#[derive(Debug)]
pub(super) struct Reach<'a> {
    direct: BTreeMap<&'a str, BTreeSet<String>>,
}

impl<'a> Reach<'a> {
    pub(super) fn new(texts: impl Iterator<Item = (&'a str, &'a str)>) -> Self {
        Self {
            direct: texts.map(|(name, text)| (name, named_in(text))).collect(),
        }
    }

    /// Every template that this one reaches, without itself unless it does.
    pub(super) fn all(&self, name: &str) -> BTreeSet<&str> {
        let mut reached = BTreeSet::new();
        let mut open = vec![name];
        while let Some(next) = open.pop() {
            for other in self.direct.get(next).into_iter().flatten() {
                if reached.insert(other.as_str()) {
                    open.push(other);
                }
            }
        }
        reached
    }

    /// The templates on a way from this one back to itself, it first and last.
    pub(super) fn ring(&self, name: &'a str) -> Option<Vec<&str>> {
        let mut ring = vec![name];
        let mut seen = BTreeSet::new();
        loop {
            let direct = self.direct.get(*ring.last()?)?;
            if direct.contains(name) {
                ring.push(name);
                return Some(ring);
            }
            let next = direct
                .iter()
                .find(|next| !seen.contains(next.as_str()) && self.all(next).contains(name))?;
            seen.insert(next.as_str());
            ring.push(next);
        }
    }

    /// Whether its includes go deeper than [`INCLUDE_LIMIT`]; of a template that reaches no ring.
    pub(super) fn is_too_deep(&self, name: &'a str) -> bool {
        // what a template reaches, one step further each time
        let mut reached = BTreeSet::from([name]);
        for _ in 0..=INCLUDE_LIMIT {
            reached = reached
                .iter()
                .filter_map(|name| self.direct.get(name))
                .flatten()
                .map(String::as_str)
                .collect();
        }
        !reached.is_empty()
    }
}

/// The tag of a text that leads to one of these templates.
pub(super) fn leading_to<'t, 'a>(
    tags: &'t [Tag<'a>],
    wanted: impl Fn(&str) -> bool,
) -> Option<&'t Tag<'a>> {
    named(tags).find(|one| wanted(one.name)).map(|one| one.tag)
}
