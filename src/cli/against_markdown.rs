//! What differs between manifests, as a comment under a pull request: bounded, dangers first.

use crate::budget::{count, counted};
use crate::render::Comparison;

use super::against_document::{Told, ToldField, shown_value};
use super::against_text::{counts, notes};
use super::markdown::{LONGEST_BYTES, code, prose, section};

/// Of them for dangers, which are listed before all else.
const DANGERS_BYTES: usize = 20_000;

/// Fields of one object that are shown.
const MOST_FIELDS: usize = 20;

pub(super) fn text(comparison: &Comparison, told: &[Told]) -> String {
    let mut text = match counts(comparison) {
        counts if counts.is_empty() => "### flux-setup: nothing differs\n\n".to_owned(),
        counts => format!("### flux-setup: {}\n\n", counts.join(", ")),
    };
    let mut same = vec![format!(
        "{} {} the same",
        count(comparison.same as f64),
        if comparison.same == 1 {
            "object is"
        } else {
            "objects are"
        }
    )];
    same.extend(notes(comparison));
    text += &format!("{}.\n", same.join("; "));
    let dangers = told.iter().flat_map(|one| &one.dangers);
    let dangers = dangers.map(|danger| {
        let mut item = format!("- ⚠️ {}\n", prose(&danger.message));
        for (index, step) in danger.steps.iter().enumerate() {
            item += &format!("  {}. {}\n", index + 1, prose(step));
        }
        item
    });
    section(&mut text, "Dangers", DANGERS_BYTES, dangers.collect());
    for change in ["removed", "renamed", "changed", "added"] {
        let items = told.iter().filter(|one| one.change == change);
        let heading = format!("{}{}", change[..1].to_uppercase(), &change[1..]);
        section(
            &mut text,
            &heading,
            LONGEST_BYTES,
            items.map(item).collect(),
        );
    }
    text
}

fn item(one: &Told) -> String {
    let mut item = format!("- {}", code(&one.object.shown));
    if let Some(to) = &one.renamed_to {
        item += &format!(" → {}", code(&to.shown));
    }
    if let (Some(file), Some(line)) = (&one.file, one.line) {
        item += &format!(" ({})", code(&format!("{file}:{line}")));
    }
    item.push('\n');
    for ToldField { path, old, new } in one.fields.iter().take(MOST_FIELDS) {
        item += &format!(
            "  - {}: {} → {}\n",
            code(path),
            code(&shown_value(old.as_ref())),
            code(&shown_value(new.as_ref()))
        );
    }
    let more = one.fields.len().saturating_sub(MOST_FIELDS);
    if more > 0 {
        item += &format!("  - … and {}\n", counted(more, "more field"));
    }
    item
}
