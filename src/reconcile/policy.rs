//! Which environments pushes wake, and when.

use std::collections::HashMap;

use crate::catalog::Item;
use crate::config::Webhook;

/// What the configuration says under `webhook`, by the labels of objects.
///
/// Whatever carries no label of ours, or one that the configuration does not know, is woken.
#[derive(Debug, Clone, Default)]
pub struct Policies {
    by_environment: HashMap<String, Webhook>,
    by_project: HashMap<String, HashMap<String, Webhook>>,
}

impl Policies {
    pub fn set_environment(&mut self, environment: &str, webhook: Webhook) {
        self.by_environment.insert(environment.to_owned(), webhook);
    }

    /// For one project in one environment, which comes before the environment.
    pub fn set_project(&mut self, environment: &str, project: &str, webhook: Webhook) {
        let projects = self.by_project.entry(environment.to_owned()).or_default();
        projects.insert(project.to_owned(), webhook);
    }

    pub fn of(&self, item: &Item) -> Webhook {
        let Some(environment) = item.environment.as_deref() else {
            return Webhook::On;
        };
        let of_project = || {
            let project = item.project.as_deref()?;
            self.by_project.get(environment)?.get(project)
        };
        let of_environment = || self.by_environment.get(environment);
        of_project()
            .or_else(of_environment)
            .copied()
            .unwrap_or(Webhook::On)
    }
}
