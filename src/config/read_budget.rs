//! Reads what is said of the budget at GitHub.

use crate::flux::yaml::Node;

use super::decode::Decoder;
use super::model::{Amounts, BudgetSettings, KnownUse, Spanned};

impl Decoder {
    /// `identities`: the names of all that are configured, those of faulty ones too.
    pub(super) fn budget(&mut self, node: &Node, identities: &[&str]) -> BudgetSettings {
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
            for item in self.list(also).unwrap_or_default() {
                budget.also.extend(self.known_use(item, identities));
            }
        }
        if let Some(costs) = fields.get("costs") {
            for entry in self.map(costs).unwrap_or_default() {
                let operation = Spanned {
                    span: entry.key_span,
                    value: entry.key.to_string(),
                };
                let amounts = self.amounts(&entry.node);
                budget.costs.push((operation, amounts));
            }
        }
        budget
    }

    fn amounts(&mut self, node: &Node) -> Amounts {
        let mut amounts = Vec::new();
        for entry in self.map(node).unwrap_or_default() {
            let resource = Spanned {
                span: entry.key_span,
                value: entry.key.to_string(),
            };
            amounts.push((resource, self.amount(&entry.node)));
        }
        amounts
    }

    fn known_use(&mut self, node: &Node, identities: &[&str]) -> Option<KnownUse> {
        let fields = self.fields(node, &["name", "identity", "core", "graphql"])?;
        let identity = self.string(&fields, "identity");
        if let Some(identity) = &identity {
            self.identity_exists(identity, identities);
        }
        let mut amount = |key: &'static str| fields.get(key).and_then(|node| self.amount(node));
        let (core, graphql) = (amount("core"), amount("graphql"));
        if fields.get("core").is_none() && fields.get("graphql").is_none() {
            self.error(
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
