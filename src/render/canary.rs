//! Renders each template with tame and with hostile texts: what a value could break is refused.
//!
//! What is closed (booleans, numbers, the kinds) takes each of its values, since a template may
//! branch on it. The texts are replaced: both documents must have the same shape, and where one
//! holds a tame text the other must hold the hostile one, whole.

use crate::flux::schema::{Crds, Scope};
use crate::flux::yaml::Node;

use super::canary_values::{has_text, hostile_text, replaced, tame_text, variants};
use super::engine::into_text;
use super::identity::{DocumentFault, one_document};
use super::likeness::differs;
use super::uses::Use;
use super::{TemplateFault, Templates, identity};

impl Templates {
    /// Tries a template with these values and with each value of what is closed among them.
    ///
    /// # Errors
    /// What a value could break, or why it is no such document as was planned: all that can be told
    /// before some of it is mended.
    pub fn try_values(
        &self,
        template: &str,
        values: &[(&'static str, Node)],
    ) -> Result<(), Vec<TemplateFault>> {
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
    ) -> Result<(), Vec<TemplateFault>> {
        let tame = replaced(values, keeps, tame_text);
        let hostile = replaced(values, keeps, hostile_text);
        let judged = |values: &[(&'static str, Node)]| {
            let document = self
                .document(template, values)
                .map_err(|fault| vec![fault])?;
            // of custom kinds the proof knows more
            let scope = match Crds::embedded().scope(&document) {
                Scope::Unknown => Scope::Cluster,
                scope => scope,
            };
            let faults = identity::judge(&document, values, None, scope);
            if faults.is_empty() {
                return Ok(document);
            }
            let faults = faults.into_iter();
            Err(faults
                .map(|fault| self.placed(template, values, fault))
                .collect())
        };
        let tame_document = judged(&tame)?;
        let hostile_document = judged(&hostile);
        match hostile_document {
            Ok(document) if differs(&tame_document, &document).is_none() => Ok(()),
            other => {
                let blamed = self.blame(template, values, keeps);
                match other {
                    _ if !blamed.is_empty() => Err(blamed),
                    Err(faults) => Err(faults),
                    Ok(_) => Err(vec![TemplateFault::new(
                        template,
                        self.span(template),
                        "a value changes the document beyond its own place",
                    )]),
                }
            }
        }
    }

    /// The one document that the template writes.
    fn document(
        &self,
        template: &str,
        values: &[(&'static str, Node)],
    ) -> Result<Node, TemplateFault> {
        let mut out = Vec::new();
        self.write(template, values, &mut out)?;
        let text = into_text(out);
        one_document(&text, 0).map_err(|fault| self.placed(template, values, fault))
    }

    /// A fault of the document that a template writes of these values, at the place of whichever
    /// template wrote that part.
    pub(super) fn placed(
        &self,
        template: &str,
        values: &[(&'static str, Node)],
        fault: DocumentFault,
    ) -> TemplateFault {
        let mapped = self.write_mapped(template, values);
        let place = mapped
            .as_ref()
            .and_then(|mapped| self.place(mapped, fault.at));
        let mut placed = match place {
            Some((name, span)) => TemplateFault::new(name, Some(span), fault.message),
            None => TemplateFault::new(template, self.span(template), fault.message),
        };
        placed.hint = fault.hint;
        placed
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
            Err(faults) => {
                let said = faults.iter().map(|fault| {
                    let span = fault.span.unwrap();
                    let place = &whole[span.start as usize..span.end as usize];
                    format!("[{place}] {}", fault.message)
                });
                said.collect::<Vec<_>>().join("\n")
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
            "[{{ x }}] a value of `vars.list[0]` could change the document beyond its own place\n\
             [{{ x }}] a value of `vars.list[0]` could change the document beyond its own place"
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
            "[a: b] it writes 2 documents; it must write exactly one"
        );
        assert_eq!(
            judge("# nothing".into()),
            "[# nothing] it writes no document"
        );
        assert_eq!(
            judge("- a".into()),
            "[- a] it writes a list instead of an object"
        );
        assert_eq!(
            judge("a: b".into()),
            "[a: b] its document has no `kind`\n[a: b] its document has no `apiVersion`"
        );
        assert_eq!(
            judge("kind: A\n".into()),
            "[kind: A] its document has no `apiVersion`"
        );
        assert_eq!(
            judge("apiVersion: v1\nkind: ConfigMap\nmetadata: {name: other}".into()),
            "[other}] its document needs `metadata.name` as it is planned\n\
             [{name: other}] its document needs `metadata.namespace` as it is planned\n\
             [{name: other}] its document lacks the label `a/b`"
        );
        assert_eq!(
            judge("apiVersion: v1\nkind: Namespace\nmetadata: {name: {{ name }}}".into()),
            "[{name:] its document lacks the label `a/b`"
        );
        assert_eq!(
            judge("apiVersion: v1\nkind: Namespace\nmetadata:\n  name: {{ name }}\n  labels: {{ labels | yaml(indent=4) }}".into()),
            ""
        );
        assert_eq!(
            judge("a: b\n c: d".into()),
            "[: d] what it writes is no YAML, in line 2 of it: a `:` stands where no value can follow"
        );
    }
}
