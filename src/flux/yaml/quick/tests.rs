//! What is read in short is what the parser reads.

use proptest::{prop_assert_eq, proptest};

use super::read;
use crate::flux::yaml::merge::Merges;
use crate::flux::yaml::read::parse;

const MANIFEST: &str = "\
# flux-setup: production/prod-eu/web
---
apiVersion: source.toolkit.fluxcd.io/v1
kind: GitRepository
metadata:
  name: web
  labels:
    app.kubernetes.io/managed-by: flux-setup
    \"on\": 'it is'

spec:
  interval: 5m
  ref: {}
  include:
  - repository:
      name: base
    toPath: ./b
  - - a
    - b: 1
  sparseCheckout:
    - one two
    - \"x: y\"
---
a: []
";

#[test]
fn plain_manifests_are_read_as_the_parser_reads_them() {
    let (documents, faults) = parse(MANIFEST, 3, Merges::Refused, 0);
    assert_eq!(faults, []);
    assert_eq!(read(MANIFEST, 3), Some(documents));
}

#[test]
fn all_else_is_left_to_the_parser() {
    for text in [
        "a: &b 1\n",
        "a: |\n  b\n",
        "a: b\n  c\n",
        "a: 1\na: 2\n",
        "on: 1\n",
        "a: b # c\n",
        "a:\n",
        "a:\nb: 1\n",
        "- a\n",
        "a: {b: 1}\n",
        "a: é\n",
        "a:\tb\n",
        "a: b\r\n",
        "--- a\n",
        "---\n---\na: 1\n",
        "a: b: c\n",
        "a: -1\n",
        "a: \"b\n  c\"\n",
        "a: 'b''c'\n",
        "a: \"\\n\"\n",
        " a: 1\n",
        "a: 1\n  b: 2\n",
        "a:\n    b: 1\n  c: 1\n",
        "a:\n-\n  b\n",
        "a: b\n...\n",
        "%YAML 1.1\n",
        "a:  b\n",
        "? a\n",
    ] {
        assert_eq!(read(text, 0), None, "{text}");
    }
}

proptest! {
    #[test]
    fn whatever_it_reads_the_parser_reads_alike(
        lines in "((  ){0,3}(- ){0,2}(a|b|c1|\"d e\"|y|on|x.z/w)?:? ?(1|e f|'g'|\"h\"|\\{\\}|\\[\\]|./i|j:k|0x1|~|#|---)?\n(---\n)?){1,9}"
    ) {
        if let Some(documents) = read(&lines, 1) {
            let (parsed, faults) = parse(&lines, 1, Merges::Refused, 0);
            prop_assert_eq!(faults, []);
            prop_assert_eq!(documents, parsed);
        }
    }

    #[test]
    fn a_manifest_with_a_change_is_read_alike(at in 0..MANIFEST.len(), with in "[-a:, #'\"\\[\\]{}&*|\n0]{0,3}", drop in 0..3_usize) {
        let end = (at + drop).min(MANIFEST.len());
        let text = format!("{}{with}{}", &MANIFEST[..at], &MANIFEST[end..]);
        if let Some(documents) = read(&text, 1) {
            let (parsed, faults) = parse(&text, 1, Merges::Refused, 0);
            prop_assert_eq!(faults, []);
            prop_assert_eq!(documents, parsed);
        }
    }
}
