//! Reads what is said of the budget at GitHub.

use crate::flux::yaml::Node;

use super::decode::Decoder;
use super::model::{BudgetSettings, KnownUse, Spanned};

impl Decoder {
    pub(super) fn budget(&mut self, node: &Node) -> BudgetSettings {
        let mut budget = BudgetSettings::default();
        let Some(fields) = self.fields(node, &["failAbove", "reserve", "also", "costs"]) else {
            return budget;
        };
        let mut share = |key: &'static str| {
            let node = fields.get(key)?;
            let value = self.share(node)?;
            Some(Spanned {
                span: node.span,
                value,
            })
        };
        budget.fail_above = share("failAbove");
        budget.reserve = share("reserve");
        if let Some(also) = fields.get("also") {
            for item in self.list(also) {
                budget.also.extend(self.known_use(item));
            }
        }
        if let Some(costs) = fields.get("costs") {
            for entry in self.map(costs).unwrap_or_default() {
                let mut amounts = Vec::new();
                for resource in self.map(&entry.node).unwrap_or_default() {
                    if let Some(amount) = self.amount(&resource.node) {
                        let name = Spanned {
                            span: resource.key_span,
                            value: resource.key.to_string(),
                        };
                        amounts.push((name, amount));
                    }
                }
                let operation = Spanned {
                    span: entry.key_span,
                    value: entry.key.to_string(),
                };
                budget.costs.push((operation, amounts));
            }
        }
        budget
    }

    fn known_use(&mut self, node: &Node) -> Option<KnownUse> {
        let fields = self.fields(node, &["name", "identity", "core", "graphql"])?;
        let identity = self.string(&fields, "identity");
        let mut amount = |key: &'static str| fields.get(key).and_then(|node| self.amount(node));
        let (core, graphql) = (amount("core"), amount("graphql"));
        if core.is_none() && graphql.is_none() {
            self.error_with_hint(
                node.span,
                "it does not say how much is used",
                "add `core: N` or `graphql: N`, requests an hour",
            );
        }
        fields.required("name", self)?;
        Some(KnownUse {
            name: self.string(&fields, "name")?,
            identity,
            core: core.unwrap_or(0.0),
            graphql: graphql.unwrap_or(0.0),
        })
    }
}
