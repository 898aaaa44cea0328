//! Markdown for a comment under a pull request: what others wrote in it is no markup, and it is bounded.

use crate::budget::count;

use super::printable::printable;

/// GitHub takes 65,536 characters; the rest is for what somebody puts around it.
pub(super) const LONGEST_BYTES: usize = 60_000;

/// A heading and the items that fit; how many are left out is said.
pub(super) fn section(text: &mut String, heading: &str, limit: usize, items: Vec<String>) {
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

/// A text as code, in which nothing is markup and nobody is mentioned.
pub(super) fn code(text: &str) -> String {
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

/// A sentence of ours, in which what others wrote stands between backticks or is a name. As Markdown reads
/// it, as many backticks as open code end it; others are none.
pub(super) fn prose(text: &str) -> String {
    let text = printable(text);
    let mut out = String::with_capacity(text.len());
    let mut rest = &*text;
    while let Some(c) = rest.chars().next() {
        let backticks = rest.len() - rest.trim_start_matches('`').len();
        let (fence, behind) = rest.split_at(backticks);
        let end = (backticks > 0)
            .then(|| end_of_code(behind, fence))
            .flatten();
        let taken = match end {
            Some(end) => {
                let length = backticks + end;
                out.push_str(&rest[..length]);
                length
            }
            None if backticks > 0 => {
                out.push_str(&"\\`".repeat(backticks));
                backticks
            }
            None => {
                let is_markup = matches!(
                    c,
                    '<' | '>' | '@' | '[' | ']' | '*' | '_' | '#' | '|' | '\\'
                );
                out.extend(is_markup.then_some('\\'));
                out.push(c);
                c.len_utf8()
            }
        };
        rest = &rest[taken..];
    }
    out
}

/// Behind the next run of exactly these backticks.
fn end_of_code(text: &str, fence: &str) -> Option<usize> {
    let mut at = 0;
    loop {
        at += text[at..].find('`')?;
        let run = text[at..].len() - text[at..].trim_start_matches('`').len();
        at += run;
        if run == fence.len() {
            return Some(at);
        }
    }
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
        // whoever closes our backticks opens none
        for (text, expected) in [
            ("`a` @b `c` <d>", "`a` \\@b `c` \\<d\\>"),
            ("```a @b", "\\`\\`\\`a \\@b"),
            ("`a``@b` @c", "`a``@b` \\@c"),
            ("``a` @b", "\\`\\`a\\` \\@b"),
            ("a` @b", "a\\` \\@b"),
            ("`a\\` @b", "`a\\` \\@b"),
        ] {
            assert_eq!(prose(text), expected, "{text}");
        }
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
