//! How a template uses what it is handed: what is only written whole is never taken apart.

use super::handed::HANDED;
use super::own_names::local_names;
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
    let reaches_out = reaches_out(tags);
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

/// The names under which values may decide what is written: those in tags that do more than to write a
/// value, or to loop over it where no tag does more with what the loop hands on.
pub(super) fn asks(tags: &[Tag<'_>]) -> Vec<&'static str> {
    let reaches_out = reaches_out(tags);
    let locals = local_names(tags);
    let names_one = |tag: &Tag<'_>, names: &dyn Fn(&str) -> bool| {
        let mut words = tag.tokens.iter().filter_map(Token::word);
        words.any(|word| word != "loop" && names(word))
    };
    let mut asking = tags
        .iter()
        .filter(|tag| !only_writes(tag) && !only_loops(tag));
    let passes_on = asking.any(|tag| names_one(tag, &|word| locals.contains(word)));
    let asked = |name: &str| {
        tags.iter().any(|tag| {
            let harmless = only_writes(tag) || only_loops(tag) && !passes_on;
            !harmless && names_one(tag, &|word| word == name)
        })
    };
    let names = HANDED.iter().map(|(name, _)| *name);
    names.filter(|name| reaches_out || asked(name)).collect()
}

fn reaches_out(tags: &[Tag<'_>]) -> bool {
    tags.iter().any(|tag| {
        let first = tag.tokens.first().and_then(Token::word);
        !tag.prints && matches!(first, Some("include" | "extends"))
    })
}

/// `{{ a.b["c"] }}`, also with `| yaml(indent=N)`
fn only_writes(tag: &Tag<'_>) -> bool {
    let pipe = tag.tokens.iter().position(|token| token.is_sign("|"));
    let (value, filters) = tag.tokens.split_at(pipe.unwrap_or(tag.tokens.len()));
    let is_yaml = filters.is_empty() || filters.get(1).and_then(Token::word) == Some("yaml");
    tag.prints && is_yaml && is_path(value)
}

/// `{% for k, v in a.b %}`, or the end of a block
fn only_loops(tag: &Tag<'_>) -> bool {
    let first = tag.tokens.first().and_then(Token::word);
    let after_in = tag
        .tokens
        .iter()
        .skip_while(|token| token.word() != Some("in"));
    let path: Vec<_> = after_in.skip(1).copied().collect();
    !tag.prints && (first == Some("for") && is_path(&path) || tag.tokens.len() == 1)
}

fn is_path(tokens: &[Token<'_>]) -> bool {
    tokens.iter().all(|token| match token.kind {
        TokenKind::Sign(sign) => matches!(sign, "." | "?." | "[" | "]"),
        TokenKind::Word(word) => {
            !matches!(word, "if" | "else" | "and" | "or" | "not" | "in" | "is")
        }
        TokenKind::Text(_) | TokenKind::Number => true,
    })
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
    use super::{Use, asks, use_of};

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

    #[test]
    fn what_is_only_written_asks_for_nothing() {
        for text in [
            "{{ vars.a }}",
            "{{ vars.a['b'][0] | yaml(indent=2) }}",
            "{% for a in vars.b %}{{ a.c }}{% endfor %}",
            "{% if cluster %}{{ vars.a }}{% endif %}",
        ] {
            assert!(!asks(&tags(text)).contains(&"vars"), "{text}");
        }
        for text in [
            "{% if vars.a > 1 %}{% endif %}",
            "{{ vars.a + 1 }}",
            "{{ cluster if vars.a else name }}",
            "{% for a in range(end=vars.b) %}{% endfor %}",
            "{% for a in vars.b %}{% if a.c %}{% endif %}{% endfor %}",
            "{% include 'part' %}",
        ] {
            assert!(asks(&tags(text)).contains(&"vars"), "{text}");
        }
    }
}
