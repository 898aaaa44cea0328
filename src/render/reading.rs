//! Reads a template before it is used: what gets around the escaping, and names that nothing provides.

use std::collections::BTreeSet;

use super::handed::{FILTERS, HANDED, Handed, REFUSED_FILTERS, TESTS, nearest};
use super::template_text::{Tag, Token, TokenKind};

/// A fault at a range of bytes of the template.
#[derive(Debug, PartialEq)]
pub(crate) struct Fault {
    pub(crate) start: usize,
    pub(crate) end: usize,
    pub(crate) message: String,
    pub(crate) hint: Option<String>,
}

/// Words of Tera's expressions that name no value.
const KEYWORDS: &[&str] = &[
    "and", "else", "elif", "false", "False", "if", "in", "is", "None", "none", "not", "null", "or",
    "true", "True",
];

/// The names that the tags set themselves: `for`, `set` and Tera's `loop`.
pub(crate) fn local_names<'a>(tags: &[Tag<'a>]) -> BTreeSet<&'a str> {
    let mut names = BTreeSet::new();
    for tag in tags.iter().filter(|tag| !tag.prints) {
        let mut words = tag.tokens.iter();
        match words.next().and_then(Token::word) {
            Some("for") => {
                names.insert("loop");
                names.extend(
                    words
                        .map_while(|token| match token.word() {
                            Some("in") => None,
                            word => Some(word),
                        })
                        .flatten(),
                );
            }
            Some("set" | "set_global") => names.extend(words.next().and_then(Token::word)),
            _ => {}
        }
    }
    names
}

/// Texts that are written in the tags: a value that equals one may be compared with it.
pub(crate) fn literals<'a>(tags: &'a [Tag<'a>]) -> impl Iterator<Item = &'a str> {
    tags.iter()
        .flat_map(|tag| &tag.tokens)
        .filter_map(|token| match token.kind {
            TokenKind::Text(text) => Some(text),
            _ => None,
        })
}

/// Finds every fault that the text alone shows.
///
/// `locals` are the names that templates set themselves: in an include those of its includer count.
pub(crate) fn faults(tags: &[Tag<'_>], locals: &BTreeSet<&str>) -> Vec<Fault> {
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

fn fault(from: &Token<'_>, to: &Token<'_>, message: String, hint: Option<String>) -> Fault {
    Fault {
        start: from.start,
        end: to.end,
        message,
        hint,
    }
}

/// Refuses what makes text that the escaping takes for written already.
fn refuse_tag(tag: &Tag<'_>, found: &mut Vec<Fault>) {
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
    for pair in tag.tokens.windows(2) {
        let opens = pair[0].is_sign("<") || pair[0].is_sign("</");
        let after_value = tag
            .tokens
            .iter()
            .take_while(|token| token.start < pair[0].start)
            .last()
            .is_some_and(ends_value);
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
    found: &mut Vec<Fault>,
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
        judge_path(tag, index, word, found);
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

fn judge_filter(tag: &Tag<'_>, index: usize, word: &str, found: &mut Vec<Fault>) {
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

fn unknown(token: &Token<'_>, what: &str, word: &str, names: &[&str]) -> Fault {
    fault(
        token,
        token,
        format!("unknown {what} `{word}`"),
        nearest(word, names.iter().copied()).map(|name| format!("did you mean `{name}`?")),
    )
}

/// Follows a name and its fields through what templates are handed.
fn judge_path(tag: &Tag<'_>, index: usize, word: &str, found: &mut Vec<Fault>) {
    let start = &tag.tokens[index];
    let mut fields = HANDED;
    let mut path = String::new();
    let mut at = index;
    let mut name = word;
    loop {
        let token = &tag.tokens[at];
        let Some((_, handed)) = fields.iter().find(|(field, _)| *field == name) else {
            let message = if path.is_empty() {
                format!("nothing provides `{name}`")
            } else {
                format!("nothing provides `{path}.{name}`")
            };
            let hint = nearest(name, fields.iter().map(|(field, _)| *field)).map_or_else(
                || {
                    let names: Vec<_> = fields.iter().map(|(field, _)| *field).collect();
                    format!("there is: {}", names.join(", "))
                },
                |near| format!("did you mean `{near}`?"),
            );
            found.push(fault(start, token, message, Some(hint)));
            return;
        };
        if !path.is_empty() {
            path.push('.');
        }
        path.push_str(name);
        let Some((next, next_name)) = field_after(tag, at) else {
            return;
        };
        fields = match handed {
            Handed::Open => return,
            Handed::Fields(fields) => fields,
            Handed::Scalar => {
                let message = format!("`{path}` is a single value and has no `{next_name}`");
                found.push(fault(start, &tag.tokens[next], message, None));
                return;
            }
        };
        (at, name) = (next, next_name);
    }
}

/// The field that is asked for after the token at `at`: `.name` or `["name"]`.
fn field_after<'a>(tag: &Tag<'a>, at: usize) -> Option<(usize, &'a str)> {
    // after `["name"]` the next field follows the closing bracket
    let mut sign = at + 1;
    if matches!(tag.tokens[at].kind, TokenKind::Text(_)) {
        sign += 1;
    }
    match tag.tokens.get(sign)?.kind {
        TokenKind::Sign("." | "?.") => {
            let word = tag.tokens.get(sign + 1)?.word()?;
            Some((sign + 1, word))
        }
        TokenKind::Sign("[" | "?[") => match tag.tokens.get(sign + 1)?.kind {
            TokenKind::Text(text) if tag.tokens.get(sign + 2)?.is_sign("]") => {
                Some((sign + 1, text))
            }
            _ => None,
        },
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::super::template_text::tags;
    use super::{faults, local_names};

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
