//! What differs between manifests, as a comment under a pull request: bounded, dangers first.

use crate::budget::{count, counted};
use crate::render::Comparison;

use super::against_document::{Told, ToldField, shown_value};
use super::against_text::{counts, notes};
use super::printable::printable;

/// GitHub takes 65,536 characters; the rest is for what somebody puts around it.
const LONGEST_BYTES: usize = 60_000;

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

/// A heading and the items that fit; how many are left out is said.
fn section(text: &mut String, heading: &str, limit: usize, items: Vec<String>) {
    // for the heading and what is said of the rest
    const REST: usize = 200;
    if items.is_empty() {
        return;
    }
    *text += &format!("\n**{heading} ({})**\n\n", count(items.len() as f64));
    for (index, item) in items.iter().enumerate() {
        if text.len() + item.len() + REST > limit {
            let more = count((items.len() - index) as f64);
            *text += &format!("- … and {more} more; `--format json` gives all of them\n");
            return;
        }
        *text += item;
    }
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

/// A text as code, in which nothing is markup and nobody is mentioned.
fn code(text: &str) -> String {
    let text = printable(text).replace('\t', " ");
    let mut longest = 0;
    let mut run = 0;
    for c in text.chars() {
        run = if c == '`' { run + 1 } else { 0 };
        longest = longest.max(run);
    }
    let fence = "`".repeat(longest + 1);
    let space = if longest > 0 { " " } else { "" };
    format!("{fence}{space}{text}{space}{fence}")
}

/// A sentence of ours, in which what others wrote stands between backticks or is a name.
fn prose(text: &str) -> String {
    let text = printable(text);
    let mut out = String::with_capacity(text.len());
    let mut is_code = false;
    for c in text.chars() {
        is_code ^= c == '`';
        if !is_code
            && matches!(
                c,
                '<' | '>' | '@' | '[' | ']' | '*' | '_' | '#' | '|' | '\\'
            )
        {
            out.push('\\');
        }
        out.push(c);
    }
    if is_code {
        out.push('`');
    }
    out
}

#[cfg(test)]
mod tests {
    use super::{code, prose, section};

    #[test]
    fn what_others_wrote_is_no_markup() {
        assert_eq!(code("a"), "`a`");
        assert_eq!(code("a`b"), "`` a`b ``");
        assert_eq!(code("<b> @acme/all\nx"), "`<b> @acme/all\u{fffd}x`");
        assert_eq!(prose("a @b `@c_d`"), "a \\@b `@c_d`");
    }

    #[test]
    fn a_section_that_is_too_long_says_what_it_leaves_out() {
        let mut text = String::new();
        section(&mut text, "Added", 1000, vec!["- x\n".repeat(50); 9]);
        assert_eq!(text.matches("- x").count(), 150);
        assert!(text.ends_with("- … and 6 more; `--format json` gives all of them\n"));
        assert!(text.len() < 1000);
    }
}
