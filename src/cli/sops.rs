//! Manifests that SOPS encrypted: Flux decrypts them before anybody else reads them.

use std::collections::HashSet;

use crate::config::Sources;
use crate::flux::yaml::{Entry, Node, Span, Value};

/// How SOPS writes a value that it encrypted.
const ENCRYPTED: &str = "ENC[AES256_GCM,";

/// The documents without what SOPS says of itself, and the places of those that it encrypted.
pub(super) fn without_sops(mut documents: Vec<Node>) -> (Vec<Node>, HashSet<Span>) {
    let mut encrypted = HashSet::new();
    for document in &mut documents {
        if let Value::Mapping(entries) = &mut document.value
            && entries.iter().any(is_of_sops)
        {
            entries.retain(|entry| !is_of_sops(entry));
            encrypted.insert(document.span);
        }
    }
    (documents, encrypted)
}

fn is_of_sops(entry: &Entry) -> bool {
    entry.key == "sops" && entry.node.get("mac").is_some()
}

/// Whether nobody knows what stands at a place.
pub(super) fn is_encrypted(sources: &Sources, place: Span) -> bool {
    let text = sources.text(place.source);
    let written = text.get(place.start as usize..place.end as usize);
    written.is_some_and(|text| text.trim_start_matches(['"', '\'']).starts_with(ENCRYPTED))
}
