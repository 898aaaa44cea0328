//! How a template uses what it is handed: what is only written whole is never taken apart.

use super::handed::HANDED;
use super::template_text::{Tag, Token, TokenKind};

/// How a template uses one name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Use {
    Never,
    /// Only as `{{ name | yaml(indent=N) }}`, always with this `N`, and in `{% if name %}`.
    Whole(usize),
    Any,
}

/// The use of each name of [`HANDED`], in its order.
pub(super) fn uses(text: &str, tags: &[Tag<'_>]) -> Vec<(&'static str, Use)> {
    let reaches_out = tags.iter().any(|tag| {
        let first = tag.tokens.first().and_then(Token::word);
        !tag.prints && matches!(first, Some("include" | "extends"))
    });
    HANDED
        .iter()
        .map(|(name, _)| {
            let found = if reaches_out {
                Use::Any
            } else {
                use_of(name, text, tags)
            };
            (*name, found)
        })
        .collect()
}

fn use_of(name: &str, text: &str, tags: &[Tag<'_>]) -> Use {
    let mut found = Use::Never;
    let mut asked = false;
    for tag in tags {
        // also a field or a loop's variable of that name: then it is taken apart for nothing
        if !tag.tokens.iter().any(|token| token.word() == Some(name)) {
            continue;
        }
        found = match (written_whole(tag, text), found) {
            (Some(indent), Use::Never) => Use::Whole(indent),
            (Some(indent), Use::Whole(other)) if indent == other => found,
            (None, _) if asks_whether(tag) => {
                asked = true;
                found
            }
            _ => return Use::Any,
        };
    }
    if asked && found == Use::Never {
        Use::Any
    } else {
        found
    }
}

/// The `N` of `{{ name | yaml(indent=N) }}`.
fn written_whole(tag: &Tag<'_>, text: &str) -> Option<usize> {
    let [_, pipe, filter, open, argument, equals, number, close] = tag.tokens.as_slice() else {
        return None;
    };
    let is = tag.prints
        && pipe.is_sign("|")
        && filter.word() == Some("yaml")
        && open.is_sign("(")
        && argument.word() == Some("indent")
        && equals.is_sign("=")
        && number.kind == TokenKind::Number
        && close.is_sign(")");
    is.then(|| text[number.start..number.end].parse().ok())
        .flatten()
}

/// `{% if name %}`
fn asks_whether(tag: &Tag<'_>) -> bool {
    !tag.prints && tag.tokens.len() == 2 && tag.tokens[0].word() == Some("if")
}

#[cfg(test)]
mod tests {
    use super::super::template_text::tags;
    use super::{Use, use_of};

    fn spec(text: &str) -> Use {
        use_of("spec", text, &tags(text))
    }

    #[test]
    fn what_is_only_written_whole_is_told_from_what_is_taken_apart() {
        assert_eq!(spec("{{ name }}"), Use::Never);
        assert_eq!(spec("{{ spec | yaml(indent=2) }}"), Use::Whole(2));
        assert_eq!(
            spec("{% if spec %}{{ spec | yaml(indent=4) }}{% endif %}"),
            Use::Whole(4)
        );
        for text in [
            "{% if spec %}{% endif %}",
            "{{ spec | yaml }}",
            "{{ spec }}",
            "{{ spec | yaml(indent=2) }}{{ spec | yaml(indent=4) }}",
            "{{ spec | yaml(indent=2) }}{{ spec.path }}",
            "{{ spec.path | yaml(indent=2) }}",
            "{% for spec in vars %}{% endfor %}",
        ] {
            assert_eq!(spec(text), Use::Any, "{text}");
        }
    }
}
