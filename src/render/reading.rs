//! Reads a template before it is used: what gets around the escaping, and names that nothing provides.

use std::collections::BTreeSet;

use super::handed::{FILTERS, REFUSED_FILTERS, TESTS};
use super::handed_path::judge_path;
use super::template_text::{Tag, Token, TokenKind};
use super::text_fault::{TextFault, fault, unknown};

/// Words of Tera's expressions that name no value.
const KEYWORDS: &[&str] = &[
    "and", "else", "elif", "false", "False", "if", "in", "is", "None", "none", "not", "null", "or",
    "true", "True",
];

/// Finds every fault that the text alone shows.
///
/// `locals` are the names that templates set themselves: in an include those of its includer count.
pub(super) fn faults(tags: &[Tag<'_>], locals: &BTreeSet<&str>) -> Vec<TextFault> {
    let mut found = Vec::new();
    for tag in tags {
        refuse_tag(tag, &mut found);
        for (index, token) in tag.tokens.iter().enumerate() {
            if let Some(word) = token.word() {
                judge_word(tag, index, word, locals, &mut found);
            }
        }
    }
    found
}

/// Refuses what makes text that the escaping takes for written already.
fn refuse_tag(tag: &Tag<'_>, found: &mut Vec<TextFault>) {
    let Some(first) = tag.tokens.first() else {
        return;
    };
    let refused = match first.word() {
        Some("filter") if !tag.prints => Some((
            "a `filter` block changes text after it was quoted",
            "apply the filter to the value: `{{ value | upper }}`",
        )),
        Some("component") if !tag.prints => Some((
            "a `component` is not available in templates",
            "use `{% include \"name.yaml.tera\" %}`",
        )),
        Some("set" | "set_global")
            if !tag.prints && !tag.tokens.get(2).is_some_and(|token| token.is_sign("=")) =>
        {
            Some((
                "a `set` block keeps text that was quoted already",
                "set the value itself: `{% set name = value %}`",
            ))
        }
        _ => None,
    };
    if let Some((message, hint)) = refused {
        found.push(fault(first, first, message.into(), Some(hint.into())));
    }
    for (index, pair) in tag.tokens.windows(2).enumerate() {
        let opens = pair[0].is_sign("<") || pair[0].is_sign("</");
        let before = index.checked_sub(1).map(|before| &tag.tokens[before]);
        let after_value = before.is_some_and(ends_value);
        if opens && pair[1].word().is_some() && !after_value {
            found.push(fault(
                &pair[0],
                &pair[1],
                "a `component` is not available in templates".into(),
                Some("use `{% include \"name.yaml.tera\" %}`".into()),
            ));
        }
    }
}

/// Whether a value may end here, so that `<` compares.
fn ends_value(token: &Token<'_>) -> bool {
    match token.kind {
        TokenKind::Word(word) => {
            !KEYWORDS.contains(&word) || matches!(word, "true" | "false" | "none")
        }
        TokenKind::Text(_) | TokenKind::Number => true,
        TokenKind::Sign(sign) => matches!(sign, ")" | "]" | "}"),
    }
}

fn judge_word(
    tag: &Tag<'_>,
    index: usize,
    word: &str,
    locals: &BTreeSet<&str>,
    found: &mut Vec<TextFault>,
) {
    let token = &tag.tokens[index];
    let before = |distance: usize| index.checked_sub(distance).map(|at| &tag.tokens[at]);
    let previous = before(1);
    let next_is = |sign| {
        tag.tokens
            .get(index + 1)
            .is_some_and(|token| token.is_sign(sign))
    };
    let previous_is = |sign| previous.is_some_and(|token| token.is_sign(sign));
    if previous_is("|") {
        judge_filter(tag, index, word, found);
    } else if previous_is(".") || previous_is("?.") {
        // judged with the name that leads to it
    } else if previous.and_then(Token::word) == Some("is") && word != "not"
        || previous.and_then(Token::word) == Some("not")
            && before(2).and_then(Token::word) == Some("is")
    {
        if !TESTS.contains(&word) {
            found.push(unknown(token, "test", word, TESTS));
        }
    } else if word == "for" && index > 0 {
        found.push(fault(
            token,
            token,
            "a list made by `for` within an expression is not available".into(),
            Some("use a `{% for %}` block".into()),
        ));
    } else if KEYWORDS.contains(&word) || !tag.prints && is_tag_word(tag, index) {
        // no value
    } else if next_is("(") {
        match word {
            "range" | "throw" => {}
            "super" => found.push(fault(
                token,
                token,
                "`super()` is text that was quoted already".into(),
                Some("write the block whole".into()),
            )),
            _ => found.push(unknown(token, "function", word, &["range", "throw"])),
        }
    } else if next_is("=") && (previous_is("(") || previous_is(",")) {
        // the name of an argument
    } else if next_is(":") && (previous_is("{") || previous_is(",")) {
        // the key of a map
    } else if !locals.contains(word) {
        found.extend(judge_path(tag, index, word));
    }
}

/// Words that belong to the tag itself: its own name and the names that it declares.
fn is_tag_word(tag: &Tag<'_>, index: usize) -> bool {
    if index == 0 {
        return true;
    }
    match tag.tokens[0].word() {
        Some(
            "block" | "endblock" | "include" | "extends" | "component" | "endcomponent" | "filter",
        ) => true,
        Some("set" | "set_global") => index == 1,
        Some("for") => !tag.tokens[..index]
            .iter()
            .any(|token| token.word() == Some("in")),
        _ => false,
    }
}

fn judge_filter(tag: &Tag<'_>, index: usize, word: &str, found: &mut Vec<TextFault>) {
    let token = &tag.tokens[index];
    if REFUSED_FILTERS.contains(&word) {
        found.push(fault(
            token,
            token,
            format!("the filter `{word}` gets around the quoting of values"),
            Some("leave it out: every value is quoted for YAML where it has to be".into()),
        ));
    } else if !FILTERS.contains(&word) {
        found.push(unknown(token, "filter", word, FILTERS));
    } else if word == "yaml" && !(tag.prints && ends_tag(tag, index)) {
        found.push(fault(
            token,
            token,
            "the filter `yaml` stands where its text would be changed".into(),
            Some("it is the last thing in `{{ … | yaml(indent=2) }}`".into()),
        ));
    }
}

/// Whether nothing but its arguments follows the filter at `index`.
fn ends_tag(tag: &Tag<'_>, index: usize) -> bool {
    let rest = &tag.tokens[index + 1..];
    let opens = rest.first().is_some_and(|token| token.is_sign("("));
    let closes = rest.iter().position(|token| token.is_sign(")"));
    rest.is_empty() || opens && closes == Some(rest.len() - 1)
}

#[cfg(test)]
mod tests {
    use super::super::own_names::local_names;
    use super::super::template_text::tags;
    use super::faults;

    fn messages(text: &str) -> Vec<String> {
        let tags = tags(text);
        faults(&tags, &local_names(&tags))
            .into_iter()
            .map(|fault| {
                let place = &text[fault.start..fault.end];
                let hint = fault
                    .hint
                    .map_or(String::new(), |hint| format!(" ({hint})"));
                format!("{place}: {}{hint}", fault.message)
            })
            .collect()
    }

    #[test]
    fn what_gets_around_the_escaping_is_refused() {
        assert_eq!(
            messages("{{ name | safe }}"),
            ["safe: the filter `safe` gets around the quoting of values \
                 (leave it out: every value is quoted for YAML where it has to be)"]
        );
        assert_eq!(
            messages("{% if false %}{{ name | escape | trim(pat='x') }}{% endif %}"),
            [
                "escape: the filter `escape` gets around the quoting of values \
                 (leave it out: every value is quoted for YAML where it has to be)"
            ]
        );
        assert_eq!(
            messages("{% filter upper %}{{ name }}{% endfilter %}"),
            ["filter: a `filter` block changes text after it was quoted \
                 (apply the filter to the value: `{{ value | upper }}`)"]
        );
        assert_eq!(
            messages("{% set x %}{{ name }}{% endset %}{{ x }}"),
            ["set: a `set` block keeps text that was quoted already \
                 (set the value itself: `{% set name = value %}`)"]
        );
        assert_eq!(
            messages("{{ <Label text={name} /> }}")[0],
            "<Label: a `component` is not available in templates (use `{% include \"name.yaml.tera\" %}`)"
        );
        assert_eq!(
            messages("{{ super() | trim(pat='x') }}"),
            ["super: `super()` is text that was quoted already (write the block whole)"]
        );
        assert_eq!(
            messages("{{ spec | yaml(indent=2) | replace(from='a', to='b') }}"),
            [
                "yaml: the filter `yaml` stands where its text would be changed \
                 (it is the last thing in `{{ … | yaml(indent=2) }}`)"
            ]
        );
        assert_eq!(messages("{% set x = spec | yaml %}").len(), 1);
        assert_eq!(
            messages("{% set x = [name for name in labels] %}"),
            [
                "for: a list made by `for` within an expression is not available \
                 (use a `{% for %}` block)"
            ]
        );
    }

    #[test]
    fn names_that_nothing_provides_are_refused() {
        assert_eq!(
            messages("{% if environment.kinds == 'staging' %}{% endif %}"),
            ["environment.kinds: nothing provides `environment.kinds` (did you mean `kind`?)"]
        );
        assert_eq!(
            messages("{{ enviroment.name }}"),
            ["enviroment: nothing provides `enviroment` (did you mean `environment`?)"]
        );
        assert_eq!(
            messages("{% if source['nope'] %}{% endif %}"),
            ["source['nope': nothing provides `source.nope` \
                 (there is: apiVersion, kind, name, namespace)"]
        );
        assert_eq!(
            messages("{% if not spec.path.nope %}{% endif %}"),
            ["spec.path.nope: `spec.path` is a single value and has no `nope`"]
        );
        assert_eq!(
            messages("{{ name | uper }}"),
            ["uper: unknown filter `uper` (did you mean `upper`?)"]
        );
        assert_eq!(
            messages("{% if name is not strin %}{% endif %}"),
            ["strin: unknown test `strin` (did you mean `string`?)"]
        );
        assert_eq!(messages("{{ now() }}"), ["now: unknown function `now`"]);
    }

    #[test]
    fn what_a_template_may_do_is_no_fault() {
        for text in [
            "{% for k, v in labels %}{{ k }}: {{ v | lower }}{% if loop.last %}{% endif %}{% endfor %}",
            "{% set x = vars.any.thing %}{{ x.y['z'] }}",
            "{{ spec.sourceRef['kind'] }} {{ spec['sourceRef'].name }}",
            "{{ vars?.x | default(value=name) }}",
            "{% include \"part.yaml.tera\" %}{% extends 'base.yaml.tera' %}",
            "{% block body %}{% endblock body %}",
            "{% if vars.n < spec.interval and project is starting_with(pat='x') %}{% elif true %}{% endif %}",
            "{{ spec | yaml(indent=2) }}{{ spec | yaml }}",
            "{{ vars.a if cluster else vars.b }}",
            "{{ {'a': name} | yaml }}{% for n in range(end=3) %}{{ n }}{% endfor %}",
        ] {
            assert_eq!(messages(text), [""; 0], "{text}");
        }
    }
}
