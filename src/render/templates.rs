//! The templates: ours and the user's, compiled, and how one writes the values that it is handed.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::io;

use tera::{Context, Kwargs, State, Tera, TeraResult, Value};

use crate::config::Finding;
use crate::flux::yaml::{Node, Span, write_scalar};
use crate::plan::PlannedObject;

use super::bounds::{Bounded, Counted, DOCUMENT_LIMIT_BYTES, join, kept, replace, turn};
use super::context::{tera_value, whole_value};
use super::handed::REFUSED_FILTERS;
use super::reading::{faults, literals, local_names};
use super::template_fault::{TemplateFault, syntax_fault};
use super::template_text::tags;
use super::uses::{Use, uses};
use super::yaml_filter::yaml;

/// How the file of a template ends: `web` is `templates/web.yaml.tera`.
pub const TEMPLATE_SUFFIX: &str = ".yaml.tera";

/// Ours, by name; a template of the user's that has the same name wins.
pub const EMBEDDED: [(&str, &str); 3] = [
    (
        "git-repository",
        include_str!("../../templates/git-repository.yaml.tera"),
    ),
    (
        "oci-repository",
        include_str!("../../templates/oci-repository.yaml.tera"),
    ),
    (
        "kustomization",
        include_str!("../../templates/kustomization.yaml.tera"),
    ),
];

/// A template of the user's, as it was read.
#[derive(Debug, Clone)]
pub struct UserTemplate {
    /// Without folder and ending: `helm-release`.
    pub name: String,
    /// The number of its text in [`crate::config::Sources`].
    pub source: u32,
    pub text: String,
}

/// Every template that compiled.
pub struct Templates {
    pub(super) tera: Tera,
    pub(super) loaded: BTreeMap<String, Loaded>,
}

/// What is known of one template beside its compiled form.
#[derive(Debug)]
pub(super) struct Loaded {
    /// Its file, as Tera knows it.
    pub(super) file: String,
    /// `None` for ours.
    pub(super) source: Option<u32>,
    pub(super) text: String,
    pub(super) counted: Counted,
    /// Texts that stand in its tags.
    literals: BTreeSet<String>,
    /// How it uses each name that it is handed.
    uses: Vec<(&'static str, Use)>,
}

impl Loaded {
    fn use_of(&self, name: &str) -> Use {
        self.uses
            .iter()
            .find(|(known, _)| *known == name)
            .map_or(Use::Any, |(_, found)| *found)
    }
}

impl fmt::Debug for Templates {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Templates")
            .field("names", &self.loaded.keys())
            .finish_non_exhaustive()
    }
}

impl Templates {
    /// Compiles our templates and the user's, which win over ours of the same name.
    ///
    /// A template with a fault is left out: its findings are all that can be said of it.
    pub fn load(user: Vec<UserTemplate>) -> (Self, Vec<Finding>) {
        let mut templates = Self {
            tera: engine(),
            loaded: BTreeMap::new(),
        };
        for (name, text) in EMBEDDED {
            if !user.iter().any(|template| template.name == name) {
                templates.keep(name, None, text);
            }
        }
        let read: Vec<_> = user.iter().map(|template| tags(&template.text)).collect();
        let locals: BTreeSet<_> = read.iter().flat_map(|tags| local_names(tags)).collect();
        let mut findings = Vec::new();
        let mut whole = true;
        for (template, tags) in user.iter().zip(&read) {
            let mut found: Vec<_> = faults(tags, &locals)
                .into_iter()
                .map(|fault| {
                    let span = span(template.source, fault.start, fault.end);
                    let mut finding = Finding::error(
                        span,
                        "",
                        format!("template `{}`: {}", template.name, fault.message),
                    );
                    finding.hint = fault.hint;
                    finding
                })
                .collect();
            if found.is_empty() {
                found.extend(syntax_fault(template));
            }
            if found.is_empty() {
                templates.keep(&template.name, Some(template.source), &template.text);
            }
            whole &= found.is_empty();
            findings.append(&mut found);
        }
        findings.extend(templates.compile(whole));
        (templates, findings)
    }

    pub fn contains(&self, template: &str) -> bool {
        self.loaded.contains_key(template)
    }

    /// Every template's name, ours and the user's, in order.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.loaded.keys().map(String::as_str)
    }

    /// Whether the user wrote it.
    pub(crate) fn is_users(&self, template: &str) -> bool {
        self.loaded
            .get(template)
            .is_some_and(|loaded| loaded.source.is_some())
    }

    /// Takes templates away by their names; those that include them still can.
    pub(super) fn forget(&mut self, names: &BTreeSet<String>) {
        self.loaded.retain(|name, _| !names.contains(name));
    }

    /// The whole text of a template of the user's, for findings that have no better place.
    pub(crate) fn span(&self, template: &str) -> Option<Span> {
        Some(span(self.loaded.get(template)?.source?, 0, 0))
    }

    pub(crate) fn text(&self, template: &str) -> &str {
        self.loaded
            .get(template)
            .map_or("", |loaded| loaded.text.as_str())
    }

    /// Whether some template of the user's has this text in its tags, so that it may compare with it.
    pub(crate) fn has_literal(&self, text: &str) -> bool {
        self.loaded
            .values()
            .any(|loaded| loaded.literals.contains(text))
    }

    /// Writes the document of one object at the end of `out`.
    ///
    /// # Errors
    /// A finding in the template, or where the object is asked for if the template is ours.
    pub fn render(&self, object: &PlannedObject, out: &mut Vec<u8>) -> Result<(), Finding> {
        self.write(&object.template, &object.values(), out)
            .map_err(|fault| {
                let message = format!(
                    "template `{}` cannot write `{}` of project `{}` in `{}`: {}",
                    fault.template, object.name, object.project, object.environment, fault.message
                );
                Finding::error(fault.span.unwrap_or(object.span), "", message)
            })
    }

    /// Writes the document that a template makes of these values at the end of `out`.
    ///
    /// # Errors
    /// The fault, in whichever template it happened. What was written until then stays in `out`.
    pub fn write(
        &self,
        template: &str,
        values: &[(&'static str, Node)],
        out: &mut Vec<u8>,
    ) -> Result<(), TemplateFault> {
        let Some(loaded) = self.loaded.get(template) else {
            return Err(TemplateFault {
                template: template.to_owned(),
                span: None,
                message: "there is no such template".to_owned(),
            });
        };
        let mut context = Context::new();
        for (name, node) in values {
            match loaded.use_of(name) {
                Use::Never => {}
                Use::Whole(indent) => context.insert_value(*name, whole_value(node, indent)),
                Use::Any => context.insert_value(*name, tera_value(node)),
            }
        }
        let mut writer = Bounded::new(out);
        let result = self.tera.render_to(&loaded.file, &context, &mut writer);
        let full = writer.full;
        result.map_err(|error| {
            let mut fault = self.fault(template, &error);
            if full {
                fault.message = format!("its document is longer than {DOCUMENT_LIMIT_BYTES} bytes");
            }
            fault
        })?;
        if out.last() != Some(&b'\n') {
            out.push(b'\n');
        }
        Ok(())
    }

    fn keep(&mut self, name: &str, source: Option<u32>, text: &str) {
        let tags = tags(text);
        self.loaded.insert(
            name.to_owned(),
            Loaded {
                file: format!("{name}{TEMPLATE_SUFFIX}"),
                source,
                text: text.to_owned(),
                counted: Counted::new(text, &tags),
                uses: uses(text, &tags),
                literals: literals(&tags).map(str::to_owned).collect(),
            },
        );
    }
}

/// Tera with our escaping, our filter and our counters.
fn engine() -> Tera {
    let mut tera = Tera::default();
    tera.autoescape_on(vec![TEMPLATE_SUFFIX]);
    tera.set_escape_fn(|text, out| {
        let mut quoted = String::with_capacity(text.len() + 2);
        write_scalar(text, &mut quoted).map_err(io::Error::other)?;
        out.write_all(quoted.as_bytes())
    });
    tera.register_filter("yaml", yaml);
    tera.register_filter("replace", replace);
    tera.register_filter("join", join);
    for name in REFUSED_FILTERS {
        tera.register_filter(*name, refused);
    }
    tera.register_function("turn__", turn);
    tera.register_function("kept__", kept);
    tera
}

/// Stands in for filters that are found by reading already, should a reading ever miss one.
fn refused(_: &Value, _: Kwargs, _: &State<'_>) -> TeraResult<Value> {
    Err(tera::Error::message(
        "this filter gets around the quoting of values",
    ))
}

pub(super) fn span(source: u32, start: usize, end: usize) -> Span {
    let offset = |at| u32::try_from(at).unwrap_or(u32::MAX);
    Span {
        source,
        start: offset(start),
        end: offset(end),
    }
}

#[cfg(test)]
mod tests {
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
        let (templates, findings) =
            Templates::load(vec![user("kustomization", "mine: {{ name }}")]);
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
            says(
                "{% for a in range(end=99) %}{% for b in range(end=999) %}{% endfor %}{% endfor %}"
            ),
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
            "[] its document is longer than 1048576 bytes"
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
            "[] template `mine`: unknown template `/etc/passwd`"
        );
        assert_eq!(
            says("{% extends 'nope.yaml.tera' %}"),
            "[] template `mine`: it extends `nope.yaml.tera`, which is no template"
        );
        assert_eq!(
            says("{% include 'mine.yaml.tera' %}"),
            "[] template `mine`: it includes itself: mine.yaml.tera → mine.yaml.tera"
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
}
