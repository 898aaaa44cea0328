//! Findings as SARIF 2.1.0, which GitHub's code scanning and editors read.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::{Value, json};

use crate::config::{Class, Severity};
use crate::flux::mask;

use super::manifest_files::STDIN;
use super::output;
use super::printable::printable_lines;
use super::report::JsonFinding;

const SCHEMA: &str =
    "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json";

/// What a path has in a URI without being escaped.
const OF_PATHS: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'/')
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~');

/// The classes, in the order of their numbers.
const RULES: [(&str, &str); 3] = [
    ("config", "The configuration does not say what should exist"),
    ("api", "A strict server-side apply refuses it"),
    (
        "flux",
        "The API server takes it, and Flux or a reader of YAML 1.1 then chokes on it",
    ),
];

/// `fingerprints` are those of the findings.
pub(super) fn log(findings: &[JsonFinding<'_>], fingerprints: &[String]) -> Value {
    let results = findings.iter().zip(fingerprints);
    let results = results.map(|(finding, print)| result(finding, print));
    let results: Vec<_> = results.collect();
    whole(results, json!([{"executionSuccessful": true}]))
}

/// Prints why it could not be done at all.
pub(super) fn print_without_place(message: &str) -> anyhow::Result<()> {
    let notification = json!({
        "level": "error",
        "message": {"text": printable_lines(&mask(message))},
    });
    let invocation = json!({
        "executionSuccessful": false,
        "toolExecutionNotifications": [notification],
    });
    output::json(&whole(Vec::new(), json!([invocation])))
}

fn whole(results: Vec<Value>, invocations: Value) -> Value {
    let rules = RULES
        .iter()
        .map(|(id, says)| json!({"id": id, "shortDescription": {"text": says}}));
    let driver = json!({
        "name": env!("CARGO_PKG_NAME"),
        "semanticVersion": env!("CARGO_PKG_VERSION"),
        "rules": rules.collect::<Vec<_>>(),
    });
    json!({
        "$schema": SCHEMA,
        "version": "2.1.0",
        "runs": [{
            "tool": {"driver": driver},
            "columnKind": "unicodeCodePoints",
            "invocations": invocations,
            "results": results,
        }],
    })
}

fn result(finding: &JsonFinding<'_>, fingerprint: &str) -> Value {
    let (rule, level) = (number(finding.class), finding.severity);
    let level = match level {
        Severity::Error => "error",
        Severity::Warning => "warning",
    };
    let mut region = json!({"startLine": finding.line, "startColumn": finding.column});
    if let Some(end) = finding.end {
        region["endLine"] = end.line.into();
        region["endColumn"] = end.column.into();
    }
    let artifact = match finding.file {
        STDIN => json!({"description": {"text": "stdin"}}),
        file => json!({"uri": uri(file)}),
    };
    let mut location = json!({"physicalLocation": {
        "artifactLocation": artifact,
        "region": region,
    }});
    if !finding.path.is_empty() {
        location["logicalLocations"] = json!([{"fullyQualifiedName": finding.path}]);
    }
    let message = match &finding.hint {
        Some(hint) => format!("{}\nhelp: {hint}", finding.message),
        None => finding.message.clone().into_owned(),
    };
    json!({
        "ruleId": RULES[rule].0,
        "ruleIndex": rule,
        "level": level,
        "message": {"text": printable_lines(&message)},
        "locations": [location],
        "partialFingerprints": {"fluxSetup/v1": fingerprint},
    })
}

fn number(class: Class) -> usize {
    match class {
        Class::Config => 0,
        Class::Api => 1,
        Class::Flux => 2,
    }
}

fn uri(path: &str) -> String {
    let path = utf8_percent_encode(path, OF_PATHS).to_string();
    match path.strip_prefix('/') {
        Some(path) => format!("file:///{path}"),
        None => path,
    }
}

#[cfg(test)]
mod tests {
    use super::uri;

    #[test]
    fn a_path_is_a_uri_whatever_it_is_called() {
        assert_eq!(uri("a/b c:d%.yaml"), "a/b%20c%3Ad%25.yaml");
        assert_eq!(uri("/tmp/\u{fc}.yaml"), "file:///tmp/%C3%BC.yaml");
    }
}
