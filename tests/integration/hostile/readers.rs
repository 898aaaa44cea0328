//! Readers of YAML that share no code with ours.

use std::io::Write;
use std::process::{Command, Stdio};

use serde_json::Value;

use crate::api_server::ApiServer;

/// Prints a list of what PyYAML reads. What is neither text nor a plain number, `true`, `false` or nothing, and every
/// key that is no text, comes as a text that says so, and so never equals what was meant.
const PYTHON: &str = r#"
import json, math, sys, yaml
def plain(value):
    if isinstance(value, dict):
        return {key if isinstance(key, str) else "no text: %r" % (key,): plain(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [plain(inner) for inner in value]
    if value is None or isinstance(value, (str, bool, int)) or isinstance(value, float) and math.isfinite(value):
        return value
    return {"neither text nor number": repr(value)}
text = sys.stdin.buffer.read().decode("utf-8")
json.dump([plain(document) for document in yaml.load_all(text, Loader=yaml.SafeLoader)], sys.stdout)
"#;

/// The documents as PyYAML, a reader of YAML 1.1, has them.
pub(super) fn read_by_pyyaml(text: &str) -> Vec<Value> {
    let python = std::env::var("FLUX_SETUP_TEST_PYTHON").unwrap_or_else(|_| "python3".into());
    let has_yaml = Command::new(&python).args(["-c", "import yaml"]).output();
    assert!(
        has_yaml.is_ok_and(|output| output.status.success()),
        "this test needs PyYAML: install it for `{python}` (Debian: python3-yaml), or let FLUX_SETUP_TEST_PYTHON name \
         a Python that has it"
    );
    let mut command = Command::new(python);
    command.args(["-c", PYTHON]);
    let output = answer(command, text);
    serde_json::from_str(&output).expect("the script prints JSON")
}

/// The documents as the reader of Kubernetes, and so of Flux, has them; nothing is asked of a server.
pub(super) fn read_by_kubectl(server: &ApiServer, text: &str) -> Vec<Value> {
    let mut command = server.kubectl();
    command.args([
        "annotate",
        "--local",
        "-o",
        "json",
        "-f",
        "-",
        "read-by=kubectl",
    ]);
    let output = answer(command, text);
    let documents = serde_json::Deserializer::from_str(&output).into_iter();
    documents
        .map(|document: Result<Value, _>| {
            let mut document = document.expect("kubectl prints JSON");
            let annotations = document["metadata"]["annotations"].as_object_mut();
            let ours = annotations.expect("it was annotated");
            assert!(ours.remove("read-by").is_some());
            if ours.is_empty() {
                let metadata = document["metadata"].as_object_mut();
                metadata.expect("it is a map").remove("annotations");
            }
            document
        })
        .collect()
}

fn answer(mut command: Command, input: &str) -> String {
    let mut child = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap_or_else(|error| panic!("cannot run {command:?}: {error}"));
    let mut stdin = child.stdin.take().expect("it is a pipe");
    let output = std::thread::scope(|scope| {
        // a reader that has seen enough closes its end; its status says why
        scope.spawn(move || stdin.write_all(input.as_bytes()).ok());
        child.wait_with_output().expect("it is our child")
    });
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    String::from_utf8(output.stdout).expect("JSON is UTF-8")
}
