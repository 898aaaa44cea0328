//! Puts each template of the user's on trial with the values of every object that uses it.
//!
//! Objects whose values have the same shape are tried once; what is found is mended, and the rest
//! tried again, so that one run tells every fault.

use std::collections::hash_map::DefaultHasher;
use std::collections::{BTreeMap, BTreeSet};
use std::hash::{Hash, Hasher};

use crate::config::Finding;
use crate::flux::yaml::{Node, Resolved, Span, Value};
use crate::plan::{Plan, PlannedObject};

use super::canary_values::forms;
use super::mend::mended;
use super::uses::Use;
use super::{TemplateFault, Templates};

/// Most shapes of values that one template is tried with.
const SHAPES_LIMIT: usize = 256;
/// Most times that a faulty template is mended and tried again.
const MENDED_LIMIT: usize = 64;

impl Templates {
    /// Tries each template of the user's with the values of the objects that use it, and says every
    /// fault: what is found is mended, and the rest tried again.
    ///
    /// Objects whose values have the same shape are tried once. What a template never uses has none,
    /// and of what it only writes whole the kinds of values in it count: the writer quotes them one
    /// by one. Texts that a template names in its tags count too, since it may compare with them; so do
    /// numbers under names that it does more with than to write them.
    ///
    /// A template that is refused is forgotten: nothing else is said of the objects that use it.
    pub fn lint(&mut self, plan: &Plan) -> Vec<Finding> {
        let mut trial = Trial {
            sound: self.for_trial(),
            mended: None,
            rounds: BTreeMap::new(),
            refused: BTreeSet::new(),
            findings: Vec::new(),
        };
        trial.run(plan);
        let Trial {
            refused, findings, ..
        } = trial;
        self.forget(&refused);
        findings
    }
}

/// Templates on trial.
struct Trial<'t> {
    sound: &'t Templates,
    /// The same, with what was found mended.
    mended: Option<Templates>,
    /// How often each template was mended.
    rounds: BTreeMap<String, usize>,
    refused: BTreeSet<String>,
    findings: Vec<Finding>,
}

impl Trial<'_> {
    fn templates(&self) -> &Templates {
        self.mended.as_ref().unwrap_or(self.sound)
    }

    fn run(&mut self, plan: &Plan) {
        let mut seen = BTreeSet::new();
        // of each template how many shapes were tried, how many were not, and where it is asked for
        let mut shapes = BTreeMap::<&str, (usize, usize, Span)>::new();
        for object in &plan.objects {
            let template: &str = &object.template;
            if !object.complete || !self.sound.is_users(template) {
                continue;
            }
            let values = object.values();
            if !seen.insert(self.sound.shape(template, &values)) {
                continue;
            }
            let (tried, untried, _) = shapes.entry(template).or_insert((0, 0, object.span));
            if *tried >= SHAPES_LIMIT {
                *untried += 1;
                continue;
            }
            *tried += 1;
            self.try_object(object, &values);
        }
        for (template, (tried, untried, span)) in shapes {
            if untried > 0 && !self.refused.contains(template) {
                let message = format!(
                    "template `{template}` was tried with {tried} of {} shapes of values; the others \
                     are held against their own texts alone",
                    tried + untried
                );
                let span = self.sound.span(template).unwrap_or(span);
                self.findings.push(
                    Finding::warning(span, "", message).hint(
                        "compare and loop over less in one template, or split it into several",
                    ),
                );
            }
        }
    }

    /// Tries until nothing is found, or nothing more can be mended.
    fn try_object(&mut self, object: &PlannedObject<'_>, values: &[(&'static str, Node)]) {
        let template: &str = &object.template;
        loop {
            let Err(faults) = self.templates().try_values(template, values) else {
                return;
            };
            self.refused.insert(template.to_owned());
            let rounds = self.rounds.entry(template.to_owned()).or_default();
            *rounds += 1;
            let goes_on = *rounds < MENDED_LIMIT;
            let mut is_better = false;
            for fault in faults {
                self.refused.insert(fault.template.clone());
                is_better |= goes_on && self.mend(&fault);
                let finding = fault.finding(object.span);
                if !self.findings.contains(&finding) {
                    self.findings.push(finding);
                }
            }
            if !is_better {
                return;
            }
        }
    }

    /// Whether what is at fault could be made harmless.
    fn mend(&mut self, fault: &TemplateFault) -> bool {
        let Some(span) = fault.span else { return false };
        let templates = self.templates();
        let better = mended(templates.text(&fault.template), span.start as usize)
            .and_then(|text| templates.with_text(&fault.template, &text));
        match better {
            Some(better) => {
                self.mended = Some(better);
                true
            }
            None => false,
        }
    }
}

impl Templates {
    /// What tells values apart for a template.
    fn shape(&self, template: &str, values: &[(&'static str, Node)]) -> u64 {
        let mut hasher = DefaultHasher::new();
        template.hash(&mut hasher);
        for (name, node) in values {
            match self.use_of(template, name) {
                Use::Never => {}
                Use::Whole(_) => (name, forms(node)).hash(&mut hasher),
                Use::Any => {
                    name.hash(&mut hasher);
                    let numbers = self.may_ask(template, name);
                    self.hash_shape(node, numbers, &mut hasher);
                }
            }
        }
        hasher.finish()
    }

    fn hash_shape(&self, node: &Node, numbers: bool, hasher: &mut DefaultHasher) {
        match &node.value {
            Value::Scalar(scalar) => match scalar.resolve() {
                Resolved::String if self.has_literal(&scalar.text) => scalar.text.hash(hasher),
                Resolved::String => scalar.text.is_empty().hash(hasher),
                Resolved::Integer(_) if !numbers => 4.hash(hasher),
                Resolved::Float(_) if !numbers => 5.hash(hasher),
                _ => (1, &scalar.text).hash(hasher),
            },
            Value::Sequence(items) => {
                (2, items.len()).hash(hasher);
                for item in items {
                    self.hash_shape(item, numbers, hasher);
                }
            }
            Value::Mapping(entries) => {
                (3, entries.len()).hash(hasher);
                for entry in entries {
                    entry.key.hash(hasher);
                    self.hash_shape(&entry.node, numbers, hasher);
                }
            }
        }
    }
}
