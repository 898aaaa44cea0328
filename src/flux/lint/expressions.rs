//! Expressions of CEL that no controller can read.

use super::spec::Spec;
use crate::flux::fault::Fault;
use crate::flux::schema::is_expression;
use crate::flux::yaml::Node;

/// What says whether a dependency is ready enough.
pub(super) fn of_dependencies(spec: &mut Spec<'_>) {
    each(spec, "dependsOn", &["readyExpr"]);
}

/// What says how an object is.
pub(super) fn of_health_checks(spec: &mut Spec<'_>) {
    each(
        spec,
        "healthCheckExprs",
        &["current", "failed", "inProgress"],
    );
}

fn each(spec: &mut Spec<'_>, list: &str, keys: &[&str]) {
    let items = spec.find(&[list]).and_then(Node::as_sequence);
    for (index, item) in items.unwrap_or_default().iter().enumerate() {
        for key in keys {
            let Some((node, text)) = item.get(key).and_then(|node| Some((node, node.as_str()?)))
            else {
                continue;
            };
            // values are put in before; and not every reader knows what is optional
            if text.is_empty() || text.contains(['?', '$']) || is_expression(text) {
                continue;
            }
            let path = format!("spec.{list}[{index}].{key}");
            let fault = Fault::flux(node.span, path, "this is no expression of CEL");
            let hint = "close what is open, and write it as in `status.phase == 'Ready'`";
            spec.faults.push(fault.hint(hint));
        }
    }
}
