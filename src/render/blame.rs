//! Which places of a template a value could break the document at.

use std::collections::BTreeSet;

use crate::flux::yaml::Node;

use super::canary_values::{hostile_text, replaced, tame_text, text_paths};
use super::identity::one_document;
use super::likeness::differs;
use super::named_place::place_of;
use super::source_map::Mapped;
use super::{TemplateFault, Templates};

/// Most values that are tried one by one.
const TRIED_LIMIT: usize = 256;

const HINT: &str = "leave out the quotes around `{{ … }}`, give each value a place of its own, and \
                    write maps and lists with `| yaml(indent=2)`";
const BRANCH_HINT: &str = "branch on what is closed: `environment.kind`, flags, or texts that the \
                           template names";

impl Templates {
    /// Every place of the template, or of those that it includes, where a hostile text breaks the
    /// document.
    pub(super) fn blame(
        &self,
        template: &str,
        values: &[(&'static str, Node)],
        keeps: &dyn Fn(&str) -> bool,
    ) -> Vec<TemplateFault> {
        let paths = text_paths(values, keeps);
        let tame = self.write_mapped(template, &replaced(values, keeps, tame_text));
        let hostile = self.write_mapped(template, &replaced(values, keeps, hostile_text));
        if let (Some(tame), Some(hostile)) = (tame, hostile)
            && same_places(&tame, &hostile)
        {
            let found = self.broken_pieces(&tame, &hostile, &paths);
            if !found.is_empty() {
                return found;
            }
        }
        self.culprit(template, values, keeps, &paths)
            .into_iter()
            .collect()
    }

    /// Puts what each place writes of hostile texts into the tame document, one place at a time.
    fn broken_pieces(
        &self,
        tame: &Mapped,
        hostile: &Mapped,
        paths: &[String],
    ) -> Vec<TemplateFault> {
        let Ok(document) = one_document(&tame.text, 0) else {
            return Vec::new();
        };
        let mut seen = BTreeSet::new();
        let mut found = Vec::new();
        let pieces = 0..tame.marks.len();
        let differing = pieces.filter(|index| tame.piece(*index) != hostile.piece(*index));
        for index in differing.take(TRIED_LIMIT) {
            let mark = tame.marks[index];
            let piece = hostile.piece(index);
            let before = &tame.text[..mark.out];
            let after = &tame.text[mark.out + tame.piece(index).len()..];
            let is_broken = one_document(&format!("{before}{piece}{after}"), 0)
                .map_or(true, |other| differs(&document, &other).is_some());
            if !is_broken || !seen.insert((mark.template, mark.at)) {
                continue;
            }
            if let Some((name, mut span)) = self.place(tame, mark.out) {
                let path = hostile_number(piece).and_then(|number| paths.get(number));
                let message = match path {
                    Some(path) => {
                        span = place_of(path, self.text(name), span);
                        format!(
                            "a value of `{path}` could change the document beyond its own place"
                        )
                    }
                    None => "a value could change the document beyond its own place".to_owned(),
                };
                found.push(TemplateFault::new(name, Some(span), message).hint(HINT));
            }
        }
        found
    }

    /// Finds the one text that breaks the document where the places do not tell, as in a branch, by
    /// making each hostile alone.
    fn culprit(
        &self,
        template: &str,
        values: &[(&'static str, Node)],
        keeps: &dyn Fn(&str) -> bool,
        paths: &[String],
    ) -> Option<TemplateFault> {
        let document = |values: &[(&'static str, Node)]| {
            let mut out = Vec::new();
            self.write(template, values, &mut out).ok()?;
            one_document(&String::from_utf8(out).ok()?, 0).ok()
        };
        let tame = document(&replaced(values, keeps, tame_text))?;
        for (number, path) in paths.iter().enumerate().take(TRIED_LIMIT) {
            let one = replaced(values, keeps, |at, text| {
                if at == number {
                    hostile_text(at, text)
                } else {
                    tame_text(at, text)
                }
            });
            let is_broken = document(&one).is_none_or(|one| differs(&tame, &one).is_some());
            if !is_broken {
                continue;
            }
            let named = self.reached(template).into_iter().find_map(|name| {
                let whole = self.span(name)?;
                let span = place_of(path, self.text(name), whole);
                (span != whole).then_some((name, span))
            });
            let (name, span) = named.unzip();
            let message =
                format!("a value of `{path}` could change the document beyond its own place");
            let span = span.or_else(|| self.span(template));
            return Some(
                TemplateFault::new(name.unwrap_or(template), span, message).hint(BRANCH_HINT),
            );
        }
        None
    }
}

/// Whether the same places wrote both, in the same order.
fn same_places(one: &Mapped, other: &Mapped) -> bool {
    let places = |mapped: &Mapped| -> Vec<_> {
        let marks = mapped.marks.iter();
        marks.map(|mark| (mark.template, mark.at)).collect()
    };
    places(one) == places(other)
}

/// The number of the hostile text in what was written.
fn hostile_number(piece: &str) -> Option<usize> {
    let lower = piece.to_lowercase();
    let (_, rest) = lower.split_once("hostile")?;
    let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
    rest[..digits].parse().ok()
}
