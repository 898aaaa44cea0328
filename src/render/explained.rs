//! Where each value of a rendered document comes from, and what it stands in place of.

use crate::config::{Field, OUR_LABELS, Said, Webhook};
use crate::flux::duration;
use crate::flux::yaml::{self, Node, Span, Value};
use crate::plan::{PlannedObject, Role, Values};

use super::configured::{Step, below_node};
use super::engine::into_text;
use super::proof::document_of;
use super::source_map::Mapped;
use super::{RenderError, Templates};

/// One value of an object: a leaf of its document, or what is said of it beside that.
#[derive(Debug, Clone, PartialEq)]
pub struct Explained {
    /// The keys that lead to it in the document, as `spec.interval`; of what is in no document the key
    /// of the configuration.
    pub path: String,
    /// Null where a default was taken away.
    pub value: serde_json::Value,
    pub origin: Origin,
    /// Where less specific layers say the same, the most specific first.
    pub instead_of: Vec<Span>,
}

/// Where a value comes from.
#[derive(Debug, Clone, PartialEq)]
pub enum Origin {
    /// It was written there, or follows from what was.
    Configured(Span),
    /// A template of the user's writes it there.
    Template(Span),
    /// The kind of the environment decides, for the key says nothing.
    Policy(Field),
    /// Nothing is said under the key.
    Default(Field),
    /// It is so whatever is said.
    Fixed,
}

/// Explains every value of an object.
///
/// # Errors
/// An object whose template cannot write it, which a proof has told.
pub fn explain(
    object: &PlannedObject<'_>,
    templates: &Templates,
) -> Result<Vec<Explained>, RenderError> {
    let values = object.values();
    let mut found = Vec::new();
    if templates.is_users(&object.template) {
        let mapped = mapped(object, templates, &values)?;
        let (documents, _) = yaml::read(&mapped.text, u32::MAX);
        for (steps, node) in documents.first().map(leaves).unwrap_or_default() {
            let written = Written {
                object,
                templates,
                mapped: &mapped,
                values: &values,
            };
            found.push(written.explain(&steps, node));
        }
    } else {
        let document = document_of(&object.template, values, object.span);
        for (steps, node) in document.as_ref().map(leaves).unwrap_or_default() {
            let handed = match &steps[..] {
                [Step::Key(first), rest @ ..] if first == "metadata" => rest,
                steps => steps,
            };
            let (origin, instead_of) = of_value(object, handed, node.span);
            found.push(explained(&steps, node, origin, instead_of));
        }
    }
    found.extend(taken_away(object));
    found.extend(beside(object));
    Ok(found)
}

/// What its template writes; without marks where those cannot be had.
fn mapped(
    object: &PlannedObject<'_>,
    templates: &Templates,
    values: &Values,
) -> Result<Mapped, RenderError> {
    if let Some(mapped) = templates.write_mapped(&object.template, values) {
        return Ok(mapped);
    }
    let mut out = Vec::new();
    let written = templates.render(object, &mut out);
    written.map_err(|finding| RenderError::Document(Box::new(finding)))?;
    Ok(Mapped {
        text: into_text(out),
        marks: Vec::new(),
        is_whole: true,
    })
}

fn explained(steps: &[Step<'_>], node: &Node, origin: Origin, instead_of: Vec<Span>) -> Explained {
    Explained {
        path: path(steps),
        value: node.to_json(),
        origin,
        instead_of,
    }
}

/// A document that a template of the user's wrote.
struct Written<'a, 'c> {
    object: &'a PlannedObject<'c>,
    templates: &'a Templates,
    mapped: &'a Mapped,
    values: &'a Values,
}

impl Written<'_, '_> {
    fn explain(&self, steps: &[Step<'_>], node: &Node) -> Explained {
        let place = self
            .templates
            .place(self.mapped, node.span.start as usize)
            // what stands before the first mark is no tag's
            .map(|(template, span)| (template.to_owned(), span));
        let Some((template, span)) = place else {
            return explained(steps, node, Origin::Fixed, Vec::new());
        };
        let (origin, instead_of) = self
            .named(&template, span, steps, node)
            .unwrap_or((Origin::Template(span), Vec::new()));
        explained(steps, node, origin, instead_of)
    }

    /// The value that a tag writes, where it names one: `{{ vars.chart }}`, or a map that holds it.
    fn named(
        &self,
        template: &str,
        tag: Span,
        steps: &[Step<'_>],
        leaf: &Node,
    ) -> Option<(Origin, Vec<Span>)> {
        let text = self.templates.text(template);
        let text = text.get(tag.start as usize..tag.end as usize)?;
        let text = text
            .strip_prefix("{{")?
            .trim_start_matches('-')
            .trim_start();
        let is_name = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '.');
        let name = &text[..text.find(|c| !is_name(c)).unwrap_or(text.len())];
        let named: Vec<_> = name.split('.').map(|key| Step::Key(key.into())).collect();
        let (Step::Key(first), below) = named.split_first()? else {
            return None;
        };
        let (_, node) = self.values.iter().find(|(name, _)| name == first)?;
        let node = below.iter().try_fold(node, below_node)?;
        // the longest end of the path that leads on from what is named
        (0..=steps.len()).find_map(|from| {
            let rest = &steps[from..];
            let value = rest.iter().try_fold(node, below_node)?;
            let is_it = value.to_json() == leaf.to_json();
            let handed = [&named, rest].concat();
            is_it.then(|| of_value(self.object, &handed, value.span))
        })
    }
}

/// Where a value comes from that a template is handed, by the keys that lead to it there.
fn of_value(object: &PlannedObject<'_>, steps: &[Step<'_>], span: Span) -> (Origin, Vec<Span>) {
    let said = field(object, steps);
    let instead_of = said.map_or_else(Vec::new, |(field, rest)| instead_of(object, field, rest));
    let is_said = span != object.span;
    let origin = match (said, steps) {
        (Some((Field::Names, _)), _) => match object.layers.pattern(Field::Names) {
            Some((span, _)) => Origin::Configured(span),
            None => Origin::Default(Field::Names),
        },
        (_, [Step::Key(first), Step::Key(label)])
            if first == "labels" && OUR_LABELS.contains(&&**label) =>
        {
            Origin::Fixed
        }
        (_, [Step::Key(first)]) if matches!(&**first, "apiVersion" | "kind") => Origin::Fixed,
        (Some((field @ (Field::SourceInterval | Field::KustomizationInterval), _)), _)
            if !is_said =>
        {
            Origin::Policy(field)
        }
        (Some((field, _)), _) if !is_said => Origin::Default(field),
        _ => Origin::Configured(span),
    };
    (origin, instead_of)
}

/// The setting that says a value, and the keys that lead to it below that.
fn field<'s, 'k>(
    object: &PlannedObject<'_>,
    steps: &'s [Step<'k>],
) -> Option<(Field, &'s [Step<'k>])> {
    let is_source = object.role == Role::Source;
    let of_role = |source, kustomization| if is_source { source } else { kustomization };
    let key = |at: usize| match steps.get(at) {
        Some(Step::Key(key)) => &**key,
        _ => "",
    };
    let field = match key(0) {
        "name" => Field::Names,
        "namespace" => Field::Namespace,
        "labels" => return Some((Field::Labels, &steps[1..])),
        "annotations" => return Some((Field::Annotations, &steps[1..])),
        "vars" => return Some((Field::Vars, &steps[1..])),
        "spec" => match key(1) {
            "url" | "sourceRef" => return None,
            "interval" => of_role(Field::SourceInterval, Field::KustomizationInterval),
            "timeout" => of_role(Field::SourceTimeout, Field::KustomizationTimeout),
            "retryInterval" => Field::RetryInterval,
            "ref" => Field::Reference,
            "secretRef" => Field::SecretRef,
            "provider" => Field::Provider,
            "suspend" => Field::Suspend,
            "path" => Field::Path,
            "prune" => Field::Prune,
            "wait" => Field::Wait,
            "targetNamespace" => Field::TargetNamespace,
            "serviceAccountName" if !is_source => Field::ServiceAccountName,
            "dependsOn" => Field::DependsOn,
            "postBuild" if key(2) == "substitute" => {
                return Some((Field::Substitutions, &steps[3..]));
            }
            _ => {
                let field = match object.kind {
                    Some("GitRepository") => Field::GitRepository,
                    Some("OCIRepository") => Field::OciRepository,
                    _ => Field::Kustomization,
                };
                return Some((field, &steps[1..]));
            }
        },
        _ => return None,
    };
    Some((field, &[]))
}

/// Where layers say a value that a more specific one says too.
fn instead_of(object: &PlannedObject<'_>, field: Field, rest: &[Step<'_>]) -> Vec<Span> {
    let said = object.layers.all(field).filter_map(|setting| {
        let Said::Map(entries) = &setting.value else {
            return rest.is_empty().then_some(setting.span);
        };
        let (Step::Key(first), below) = rest.split_first()? else {
            return None;
        };
        let entry = entries.iter().find(|entry| entry.key == *first)?;
        Some(below.iter().try_fold(&entry.node, below_node)?.span)
    });
    said.skip(1).collect()
}

/// What is not there for somebody took it away.
fn taken_away(object: &PlannedObject<'_>) -> Vec<Explained> {
    const SOURCE: [(Field, &str); 4] = [
        (Field::SourceTimeout, "spec.timeout"),
        (Field::SecretRef, "spec.secretRef"),
        (Field::Provider, "spec.provider"),
        (Field::Suspend, "spec.suspend"),
    ];
    const OBJECT: [(Field, &str); 8] = [
        (Field::KustomizationTimeout, "spec.timeout"),
        (Field::RetryInterval, "spec.retryInterval"),
        (Field::Path, "spec.path"),
        (Field::Wait, "spec.wait"),
        (Field::TargetNamespace, "spec.targetNamespace"),
        (Field::ServiceAccountName, "spec.serviceAccountName"),
        (Field::DependsOn, "spec.dependsOn"),
        (Field::Suspend, "spec.suspend"),
    ];
    let fields = match object.role {
        Role::Source => &SOURCE[..],
        Role::Object(_) => &OBJECT[..],
    };
    let taken = fields.iter().filter_map(|(field, path)| {
        let setting = object.layers.find(*field)?;
        matches!(setting.value, Said::Nothing).then(|| Explained {
            path: (*path).to_owned(),
            value: serde_json::Value::Null,
            origin: Origin::Configured(setting.span),
            instead_of: instead_of(object, *field, &[]),
        })
    });
    taken.collect()
}

/// What a source's pushes do, which stands in no document.
fn beside(object: &PlannedObject<'_>) -> Option<Explained> {
    if object.role != Role::Source {
        return None;
    }
    let setting = object.layers.find(Field::Webhook);
    let value = match setting.map(|setting| &setting.value) {
        Some(Said::Webhook(Webhook::Off)) => false.into(),
        Some(Said::Webhook(Webhook::After(after))) => {
            serde_json::json!({"after": duration::write(*after)})
        }
        _ => true.into(),
    };
    Some(Explained {
        path: Field::Webhook.key().to_owned(),
        value,
        origin: setting.map_or(Origin::Default(Field::Webhook), |setting| {
            Origin::Configured(setting.span)
        }),
        instead_of: instead_of(object, Field::Webhook, &[]),
    })
}

/// Every value that holds no other, with the keys that lead to it.
fn leaves(document: &Node) -> Vec<(Vec<Step<'_>>, &Node)> {
    fn walk<'n>(node: &'n Node, above: &[Step<'n>], found: &mut Vec<(Vec<Step<'n>>, &'n Node)>) {
        let below = |step| [above, &[step]].concat();
        match &node.value {
            Value::Mapping(entries) if !entries.is_empty() => {
                for entry in entries {
                    walk(&entry.node, &below(Step::Key((&*entry.key).into())), found);
                }
            }
            Value::Sequence(items) if !items.is_empty() => {
                for (index, item) in items.iter().enumerate() {
                    walk(item, &below(Step::Index(index)), found);
                }
            }
            _ => found.push((above.to_vec(), node)),
        }
    }
    let mut found = Vec::new();
    walk(document, &[], &mut found);
    found
}

/// As faults write it: `metadata.labels["x/y"]`, `spec.dependsOn[0].name`.
fn path(steps: &[Step<'_>]) -> String {
    let mut path = String::new();
    for step in steps {
        match step {
            Step::Index(index) => path += &format!("[{index}]"),
            Step::Key(key) => {
                let is_plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-');
                if key.is_empty() || !key.chars().all(is_plain) {
                    let key = key.replace('\\', "\\\\").replace('"', "\\\"");
                    path += &format!("[\"{key}\"]");
                    continue;
                }
                if !path.is_empty() {
                    path.push('.');
                }
                path += key;
            }
        }
    }
    path
}

#[cfg(test)]
mod tests {
    use super::{Step, path};

    #[test]
    fn a_path_is_written_as_faults_write_it() {
        let key = |text: &'static str| Step::Key(text.into());
        let steps = [key("a"), key("x/\"y"), Step::Index(2), key("b-c")];
        assert_eq!(path(&steps), "a[\"x/\\\"y\"][2].b-c");
    }
}
