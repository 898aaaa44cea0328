//! Renders each template with tame and with hostile texts: what a value could break is refused.
//!
//! What is closed (booleans, numbers, the kinds) takes each of its values, since a template may
//! branch on it. The texts are replaced: both documents must have the same shape, and where one
//! holds a tame text the other must hold the hostile one, whole.

use std::collections::hash_map::DefaultHasher;
use std::collections::{BTreeMap, BTreeSet};
use std::hash::{Hash, Hasher};

use crate::config::Finding;
use crate::flux::yaml::{Node, Resolved, Value};
use crate::plan::{Plan, Values};

use super::canary_values::{
    forms, has_text, hostile_text, replaced, tame_text, text_paths, variants,
};
use super::identity::one_document;
use super::likeness::differs;
use super::manifests::into_text;
use super::named_place::place_of;
use super::uses::Use;
use super::{TemplateFault, Templates, identity};

/// Most shapes of values that one template is tried with.
const SHAPES_LIMIT: usize = 256;

impl Templates {
    /// Tries each template of the user's with the values of the objects that use it.
    ///
    /// Objects whose values have the same shape are tried once. What a template never uses has none,
    /// and of what it only writes whole the kinds of values in it count: the writer quotes them one
    /// by one. Texts that a template names in its tags count too, since it may compare with them.
    ///
    /// A template that is refused is forgotten: nothing else is said of the objects that use it.
    pub fn lint(&mut self, plan: &Plan) -> Vec<Finding> {
        let (findings, refused) = self.try_objects(plan);
        self.forget(&refused);
        findings
    }

    fn try_objects(&self, plan: &Plan) -> (Vec<Finding>, BTreeSet<String>) {
        let mut refused = BTreeSet::new();
        let mut seen = BTreeSet::new();
        let mut shapes = BTreeMap::<&str, usize>::new();
        let mut findings: Vec<Finding> = Vec::new();
        for object in &plan.objects {
            let template: &str = &object.template;
            if !object.complete || !self.is_users(template) {
                continue;
            }
            let values = object.values();
            let mut hasher = DefaultHasher::new();
            template.hash(&mut hasher);
            for (name, node) in &values {
                match self.use_of(template, name) {
                    Use::Never => {}
                    Use::Whole(_) => (name, forms(node)).hash(&mut hasher),
                    Use::Any => {
                        name.hash(&mut hasher);
                        self.hash_shape(node, &mut hasher);
                    }
                }
            }
            let tried = shapes.entry(template).or_default();
            if *tried >= SHAPES_LIMIT || !seen.insert(hasher.finish()) {
                continue;
            }
            *tried += 1;
            if let Err(fault) = self.try_values(template, &values) {
                refused.insert(template.to_owned());
                let span = fault.span.unwrap_or(object.span);
                let message = format!("template `{}`: {}", fault.template, fault.message);
                if !findings
                    .iter()
                    .any(|known| known.span == span && known.message == message)
                {
                    findings.push(Finding::error(span, "", message).hint(
                        "leave out the quotes around `{{ … }}`, give each value a place of its own, \
                         and write maps and lists with `| yaml(indent=2)`",
                    ));
                }
            }
        }
        (findings, refused)
    }

    fn hash_shape(&self, node: &Node, hasher: &mut DefaultHasher) {
        match &node.value {
            Value::Scalar(scalar) => match scalar.resolve() {
                Resolved::String if self.has_literal(&scalar.text) => scalar.text.hash(hasher),
                Resolved::String => scalar.text.is_empty().hash(hasher),
                _ => (1, &scalar.text).hash(hasher),
            },
            Value::Sequence(items) => {
                (2, items.len()).hash(hasher);
                for item in items {
                    self.hash_shape(item, hasher);
                }
            }
            Value::Mapping(entries) => {
                (3, entries.len()).hash(hasher);
                for entry in entries {
                    entry.key.hash(hasher);
                    self.hash_shape(&entry.node, hasher);
                }
            }
        }
    }

    /// Tries a template with these values and with each value of what is closed among them.
    ///
    /// # Errors
    /// The first thing that a value could break, or that is no such document as was planned.
    pub fn try_values(
        &self,
        template: &str,
        values: &[(&'static str, Node)],
    ) -> Result<(), TemplateFault> {
        // a branch asks for no more of what is written whole than whether it is there
        let is_asked = |name: &str| self.use_of(template, name) == Use::Any;
        for variant in variants(values, &is_asked) {
            self.compare(template, &variant, &|_| false)?;
            // once more with the texts that its branches may ask for
            let literal = |text: &str| self.has_literal(text);
            if has_text(&variant, &|name, text| is_asked(name) && literal(text)) {
                self.compare(template, &variant, &literal)?;
            }
        }
        Ok(())
    }

    fn compare(
        &self,
        template: &str,
        values: &[(&'static str, Node)],
        keeps: &dyn Fn(&str) -> bool,
    ) -> Result<(), TemplateFault> {
        let tame = replaced(values, keeps, tame_text);
        let hostile = replaced(values, keeps, hostile_text);
        let fault = |message: String| TemplateFault {
            template: template.to_owned(),
            span: self.span(template),
            message,
        };
        let tame_document = self.document(template, &tame)?;
        identity::judge(&tame_document, &tame, None).map_err(&fault)?;
        let hostile_document = match self.document(template, &hostile) {
            Ok(document) => document,
            Err(other) => return Err(self.culprit(template, values, keeps).unwrap_or(other)),
        };
        let same = differs(&tame_document, &hostile_document);
        match same {
            None => identity::judge(&hostile_document, &hostile, None).map_err(fault),
            Some(_) => Err(self.culprit(template, values, keeps).unwrap_or_else(|| {
                fault("a value changes the document beyond its own place".to_owned())
            })),
        }
    }

    /// Finds the one text that breaks the document, by making each hostile alone.
    fn culprit(
        &self,
        template: &str,
        values: &[(&'static str, Node)],
        keeps: &dyn Fn(&str) -> bool,
    ) -> Option<TemplateFault> {
        let tame = replaced(values, keeps, tame_text);
        let tame_document = self.document(template, &tame).ok()?;
        let paths = text_paths(values, keeps);
        for (number, path) in paths.iter().enumerate() {
            let one = replaced(values, keeps, |at, text| {
                if at == number {
                    hostile_text(at, text)
                } else {
                    tame_text(at, text)
                }
            });
            let broken = match self.document(template, &one) {
                Ok(document) => differs(&tame_document, &document).is_some(),
                Err(_) => true,
            };
            if broken {
                return Some(TemplateFault {
                    template: template.to_owned(),
                    span: self
                        .span(template)
                        .map(|whole| place_of(path, self.text(template), whole)),
                    message: format!(
                        "a value of `{path}` could change the document beyond its own place"
                    ),
                });
            }
        }
        None
    }

    /// The one document that the template writes.
    fn document(&self, template: &str, values: &Values) -> Result<Node, TemplateFault> {
        let mut out = Vec::new();
        self.write(template, values, &mut out)?;
        let text = into_text(out);
        one_document(&text, 0).map_err(|message| TemplateFault {
            template: template.to_owned(),
            span: self.span(template),
            message,
        })
    }
}

#[cfg(test)]
mod tests {
    use crate::flux::yaml::{Entry, Node, Span};
    use crate::render::{Templates, UserTemplate};

    fn text(text: &'static str) -> Node {
        Node::string(Span::default(), text)
    }

    fn map<const N: usize>(entries: [(&'static str, Node); N]) -> Node {
        let entries = entries.map(|(key, node)| Entry::new(key, node));
        Node::mapping(Span::default(), entries)
    }

    /// What the lint says of a template that ends like this: its place in brackets, or nothing.
    fn lint(rest: &str) -> String {
        let whole = format!(
            "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: {{{{ name }}}}\n  \
             namespace: {{{{ namespace }}}}\n  labels: {{{{ labels | yaml(indent=4) }}}}\n{rest}"
        );
        judge(whole)
    }

    fn judge(whole: String) -> String {
        let (templates, findings) = Templates::load(vec![UserTemplate {
            name: "mine".into(),
            source: 7,
            text: whole.clone(),
        }]);
        assert_eq!(findings, []);
        let values = vec![
            ("name", text("web")),
            ("namespace", text("flux-system")),
            ("labels", map([("a/b", text("c"))])),
            (
                "environment",
                map([("name", text("e")), ("kind", text("staging"))]),
            ),
            (
                "vars",
                map([
                    ("v", text("plain")),
                    ("tier", text("gold")),
                    ("on", Node::boolean(Span::default(), true)),
                    ("n", Node::integer(Span::default(), 3)),
                    (
                        "list",
                        Node::sequence(Span::default(), [text("a"), text("b")]),
                    ),
                ]),
            ),
        ];
        match templates.try_values("mine", &values) {
            Ok(()) => String::new(),
            Err(fault) => {
                let span = fault.span.unwrap();
                let place = &whole[span.start as usize..span.end as usize];
                format!("[{place}] {}", fault.message)
            }
        }
    }

    #[test]
    fn what_a_value_could_break_is_refused_and_the_value_is_named() {
        let could = "[vars.v] a value of `vars.v` could change the document beyond its own place";
        for rest in [
            "data: {a: \"{{ vars.v }}\"}",
            "data:\n  a: \"{{ vars.v }}\"",
            "data:\n  a: '{{ vars.v }}'",
            "data:\n  a: pre-{{ vars.v }}",
            "data:\n  {{ vars.v }}: b",
            "data:\n  a: {{ vars.v }}-post",
            "data:\n  a: |\n    {{ vars.v }}",
            "data:\n  a: >-\n    text {{ vars.v }}",
            "data:\n  {% if vars.tier == 'gold' %}a: \"{{ vars.v }}\"{% endif %}",
            "data:\n  {% if environment.kind == 'production' %}a: \"{{ vars.v }}\"{% endif %}",
            "data:\n  {% if not vars.on %}a: \"{{ vars.v }}\"{% endif %}",
        ] {
            assert_eq!(lint(rest), could, "{rest}");
        }
        assert_eq!(
            lint("data:\n  {% for x in vars.list %}{{ x }}: \"{{ x }}\"\n  {% endfor %}"),
            "[vars.list] a value of `vars.list[0]` could change the document beyond its own place"
        );
    }

    #[test]
    fn what_no_value_can_break_is_taken() {
        for rest in [
            "data:\n  a: {{ vars.v }} # {{ vars.v }}",
            "data: {a: {{ vars.v }}, c: [{{ vars.v }}]}",
            "data:\n  a: {{ 'pre-' ~ vars.v ~ '-post' }}",
            "data:\n  a: {{ vars.v | upper }}\n  b: {{ vars.v | split(pat=' ') | first }}",
            "data: {{ vars | yaml(indent=2) }}",
            "data:\n  a: {{ vars.n }}\n  b: {{ vars.on }}\n  c: {{ vars.list | join(sep=',') }}",
            "{% if vars.on %}data: {a: b}{% else %}more: {}{% endif %}",
            "data:\n{% for k, v in labels %}  {{ k }}: {{ v }}\n{% endfor %}",
        ] {
            assert_eq!(lint(rest), "", "{rest}");
        }
    }

    #[test]
    fn a_document_that_is_not_the_planned_object_is_refused() {
        assert_eq!(
            lint("---\na: b"),
            "[] it writes 2 documents; it must write exactly one"
        );
        assert_eq!(judge("# nothing".into()), "[] it writes no document");
        assert_eq!(
            judge("- a".into()),
            "[] it writes a list instead of an object"
        );
        assert_eq!(judge("a: b".into()), "[] its document has no `kind`");
        assert_eq!(
            judge("kind: A".into()),
            "[] its document has no `apiVersion`"
        );
        assert_eq!(
            judge("apiVersion: v1\nkind: ConfigMap\nmetadata: {name: other}".into()),
            "[] its document needs `metadata.name` as it is planned: `name: {{ name }}`"
        );
        assert_eq!(
            judge("apiVersion: v1\nkind: ConfigMap\nmetadata: {name: {{ name }}}".into()),
            "[] its document needs `metadata.namespace` as it is planned: `namespace: {{ namespace }}`"
        );
        assert_eq!(
            judge("apiVersion: v1\nkind: Namespace\nmetadata: {name: {{ name }}}".into()),
            "[] its document lacks the label `a/b`; write all of them: \
             `labels: {{ labels | yaml(indent=4) }}`"
        );
        assert_eq!(
            judge("apiVersion: v1\nkind: Namespace\nmetadata:\n  name: {{ name }}\n  labels: {{ labels | yaml(indent=4) }}".into()),
            ""
        );
        assert_eq!(
            judge("a: b\n c: d".into()),
            "[] what it writes is no YAML, in line 2 of it: a `:` stands where no value can follow"
        );
    }
}
