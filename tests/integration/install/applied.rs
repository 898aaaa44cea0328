//! The API server takes what is exported, in every variant.

use std::io::Write;
use std::process::Stdio;

use crate::api_server::{Target, shared};
use crate::binary::run_in;

use super::{exported, fleet};

const VARIANTS: [&[&str]; 5] = [
    &["--with-namespace"],
    &[
        "--ingress-host",
        "a.acme.io",
        "--ingress-class",
        "nginx",
        "--tls-secret",
        "tls",
    ],
    &["--store", "postgres", "--replicas", "3"],
    &["--cluster", "prod-us", "--name", "flux-setup-prod-us"],
    &["--rights"],
];

#[test]
#[ignore = "needs a Kubernetes API server"]
fn a_strict_apply_takes_every_document_of_every_variant() {
    let server = shared();
    server.create_namespace("flux-setup");
    let fleet = fleet();
    for variant in VARIANTS {
        for document in exported(fleet.path(), variant) {
            let verdict = server.strict_apply(Target::of(&document), &document.to_string());
            assert!(
                verdict.is_accepted(),
                "{variant:?}: {verdict:?}\n{document}"
            );
        }
    }
}

#[test]
#[ignore = "needs a Kubernetes API server"]
fn kubectl_applies_the_text_as_it_is_printed() {
    let server = shared();
    server.create_namespace("flux-setup");
    let fleet = fleet();
    for variant in VARIANTS {
        let text = run_in(fleet.path(), &[&["install", "--export"], variant].concat()).stdout;
        let arguments = ["apply", "--server-side", "--dry-run=server", "-f", "-"];
        let mut kubectl = server.kubectl();
        let kubectl = kubectl.args(arguments).stdin(Stdio::piped());
        let piped = kubectl
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn();
        let mut child = piped.unwrap();
        child
            .stdin
            .take()
            .unwrap()
            .write_all(text.as_bytes())
            .unwrap();
        let output = child.wait_with_output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{variant:?}: {said}");
        assert!(!said.contains("Warning"), "{variant:?}: {said}");
    }
}
