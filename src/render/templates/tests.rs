//! Templates that write, and templates that may not.

use std::borrow::Cow;

use crate::flux::yaml::{Entry, Node, Scalar, Span, Value};

use super::{Templates, UserTemplate};

fn node(value: Value) -> Node {
    Node {
        span: Span::default(),
        value,
    }
}

fn text(text: &str) -> Node {
    Node::string(Span::default(), text.to_owned())
}

fn plain(text: &'static str) -> Node {
    node(Value::Scalar(Scalar {
        text: Cow::Borrowed(text),
        plain: true,
    }))
}

fn map<const N: usize>(entries: [(&'static str, Node); N]) -> Node {
    node(Value::Mapping(
        entries
            .into_iter()
            .map(|(key, node)| Entry {
                key: Cow::Borrowed(key),
                key_span: Span::default(),
                node,
            })
            .collect(),
    ))
}

fn values() -> Vec<(&'static str, Node)> {
    vec![
        ("name", text("web-production")),
        ("namespace", text("flux-system")),
        ("labels", map([("flux-setup.dev/project", text("web"))])),
        ("annotations", map([])),
        ("project", text("web")),
        (
            "environment",
            map([("name", text("production")), ("kind", text("production"))]),
        ),
        (
            "spec",
            map([
                ("interval", text("5m")),
                ("prune", plain("true")),
                ("weight", plain("1.50")),
                ("replicas", plain("3")),
                ("path", text("./deploy")),
                ("empty", map([])),
                (
                    "dependsOn",
                    node(Value::Sequence(vec![
                        map([("name", text("a")), ("namespace", text("on"))]),
                        map([("name", text("b: c"))]),
                    ])),
                ),
            ]),
        ),
        ("vars", map([("version", text("\" # ', evil: true\n---"))])),
    ]
}

fn user(name: &str, text: &str) -> UserTemplate {
    UserTemplate {
        name: name.to_owned(),
        source: 7,
        text: text.to_owned(),
    }
}

/// What a template of the user's says: its text, or its fault with the place in brackets.
fn says(template: &str) -> String {
    let (templates, findings) = Templates::load(vec![user("mine", template)]);
    if let Some(finding) = findings.first() {
        let range = finding.span.start as usize..finding.span.end as usize;
        return format!("[{}] {}", &template[range], finding.message);
    }
    let mut out = Vec::new();
    match templates.write("mine", &values(), &mut out) {
        Ok(()) => String::from_utf8(out).unwrap(),
        Err(fault) => {
            let span = fault.span.unwrap();
            assert_eq!(span.source, 7);
            let place = &template[span.start as usize..span.end as usize];
            format!("[{place}] {}", fault.message)
        }
    }
}

#[test]
fn our_template_writes_a_kustomization() {
    let (templates, findings) = Templates::load(Vec::new());
    assert_eq!(findings, []);
    let mut out = Vec::new();
    templates
        .write("kustomization", &values(), &mut out)
        .unwrap();
    insta::assert_snapshot!(String::from_utf8(out).unwrap(), @r#"
        apiVersion: kustomize.toolkit.fluxcd.io/v1
        kind: Kustomization
        metadata:
          name: web-production
          namespace: flux-system
          labels:
            flux-setup.dev/project: web
        spec:
          interval: 5m
          prune: true
          weight: 1.50
          replicas: 3
          path: ./deploy
          empty: {}
          dependsOn:
            - name: a
              namespace: "on"
            - name: "b: c"
        "#);
}

#[test]
fn a_template_of_the_users_wins_over_ours() {
    let (templates, findings) = Templates::load(vec![user("kustomization", "mine: {{ name }}")]);
    assert_eq!(findings, []);
    let mut out = Vec::new();
    templates
        .write("kustomization", &values(), &mut out)
        .unwrap();
    assert_eq!(out, b"mine: web-production\n");
}

#[test]
fn every_value_is_quoted_where_it_has_to_be() {
    assert_eq!(
        says("a: {{ vars.version }}\nb: {{ spec.prune }}\nc: {{ 'x' ~ vars.version }}"),
        "a: \"\\\" # ', evil: true\\n---\"\nb: true\nc: \"x\\\" # ', evil: true\\n---\"\n"
    );
}

#[test]
fn a_variable_that_is_missing_is_an_error_where_it_is_printed() {
    assert_eq!(
        says("a: {{ vars.nope }}"),
        "[vars.nope] `vars.nope` is not set"
    );
    assert_eq!(
        says("{% for k in labels %}\na: {{ vars.nope.deeper }}{% endfor %}"),
        "[vars.nope] `vars.nope` is not set"
    );
    assert_eq!(
        says("a: {{ cluster | yaml }}"),
        "[cluster] `cluster` is not set"
    );
}

#[test]
fn loops_end() {
    let nested = "{% for a in range(end=9999) %}{% for b in range(end=9999) %}\
                      {% for c in range(end=9999) %}{% endfor %}{% endfor %}{% endfor %}";
    assert_eq!(
        says(nested),
        "[{% for c in range(end=9999) %}] its loops and includes take more than 100000 turns"
    );
    assert_eq!(
        says("{% for a in range(end=99) %}{% for b in range(end=999) %}{% endfor %}{% endfor %}"),
        "\n"
    );
}

#[test]
fn includes_that_double_end() {
    let chain = |levels: usize, times: usize| {
        let mut all: Vec<_> = (0..levels)
            .map(|level| {
                let include = format!("{{% include 'level{}.yaml.tera' %}}", level + 1);
                user(&format!("level{level}"), &include.repeat(times))
            })
            .collect();
        all.push(user(&format!("level{levels}"), ""));
        Templates::load(all)
    };
    let (templates, findings) = chain(8, 8);
    assert_eq!(findings, []);
    let fault = templates
        .write("level0", &values(), &mut Vec::new())
        .unwrap_err();
    assert_eq!(
        fault.message,
        "its loops and includes take more than 100000 turns"
    );
    let (_, findings) = chain(9, 1);
    assert_eq!(
        findings[0].message,
        "template `level0`: its includes go deeper than 8 templates"
    );
}

#[test]
fn a_document_has_an_end() {
    let text = "x".repeat(1000);
    assert_eq!(
        says(&format!(
            "{{% for a in range(end=2000) %}}{text}{{% endfor %}}"
        )),
        format!("[{text}] its document is longer than 1048576 bytes")
    );
}

#[test]
fn a_value_that_is_kept_does_not_grow_without_end() {
    let doubling =
        "{% set x = 'xxxxxxxxxxxxxxxx' %}".to_owned() + &"{% set x = x ~ x %}".repeat(64);
    assert_eq!(
        says(&doubling),
        "[{% set x = x ~ x %}] a value that it keeps is larger than 1048576 bytes"
    );
}

#[test]
fn a_filter_makes_no_text_without_end() {
    let long = format!("{{% set x = '{}' %}}", "x".repeat(2000));
    assert_eq!(
        says(&format!("{long}{{{{ x | replace(from='x', to=x) }}}}")),
        "[replace(from='x', to=x)] `replace` makes a text that is longer than 1048576 bytes"
    );
    assert_eq!(
        says(&format!("{long}{{{{ x | split(pat='') | join(sep=x) }}}}")),
        "[join(sep=x)] `join` makes a text that is longer than 1048576 bytes"
    );
    assert_eq!(
        says("a: {{ 'a-b' | replace(from='-', to='+') }}\nb: {{ ['a', 1] | join(sep=', ') }}"),
        "a: a+b\nb: \"a, 1\"\n"
    );
}

#[test]
fn templates_include_and_extend_only_templates() {
    let all = vec![
        user("part", "x: {{ k }}"),
        user("base", "a: b\n{% block body %}{% endblock %}"),
        user(
            "child",
            "{% extends 'base.yaml.tera' %}\
                 {% block body %}{% set k = 'on' %}{% include 'part.yaml.tera' %}{% endblock %}",
        ),
    ];
    let (templates, findings) = Templates::load(all);
    assert_eq!(findings, []);
    let mut out = Vec::new();
    templates.write("child", &values(), &mut out).unwrap();
    assert_eq!(String::from_utf8(out).unwrap(), "a: b\nx: \"on\"\n");
    assert_eq!(
        says("{% include '/etc/passwd' %}"),
        "['/etc/passwd'] template `mine`: unknown template `/etc/passwd`"
    );
    assert_eq!(
        says("{% extends 'nope.yaml.tera' %}"),
        "['nope.yaml.tera'] template `mine`: unknown template `nope`"
    );
    assert_eq!(
        says("{% include 'mine.yaml.tera' %}"),
        "[{% include 'mine.yaml.tera' %}] template `mine`: it includes itself: mine → mine"
    );
}

#[test]
fn a_faulty_template_leaves_ours_usable() {
    for text in [
        "{% include 'nope.yaml.tera' %}",
        "{{ name",
        "{{ name | safe }}",
    ] {
        let (templates, findings) = Templates::load(vec![user("mine", text)]);
        assert_eq!(findings.len(), 1);
        assert!(!templates.contains("mine"));
        let mut out = Vec::new();
        templates
            .write("kustomization", &values(), &mut out)
            .unwrap();
    }
}

#[test]
fn what_tera_cannot_read_is_said_with_its_place() {
    assert_eq!(
        says("a: {{ name"),
        "[name] template `mine`: unexpected end of input"
    );
    assert_eq!(
        says("{% if name %}a: b"),
        "[a: b] template `mine`: unexpected end of input"
    );
}
