//! The alert rules, for a Prometheus that reads files.

use serde_json::json;

use crate::budget::live::{AlertSettings, alert_rules, write_rules};

use super::Names;
use super::document::Document;

pub(super) fn alerts(names: &Names) -> Document {
    let mut text = String::new();
    write_rules(&alert_rules(&AlertSettings::default()), &mut text)
        .expect("a string takes all that is written");
    let name = format!("{}-alerts", names.name);
    Document::new(json!({
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": names.metadata(&name),
        "data": {"flux-setup.yaml": text},
    }))
    .with("For `rule_files` of Prometheus; `flux-setup alerts` writes it with other limits.")
}
