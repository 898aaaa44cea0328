//! Which keys and texts can mean nothing else than what stands there.

use std::borrow::Cow;

use crate::flux::yaml::scalar::key_as_read;

/// Longer keys are for the parser.
const LONGEST_KEY: usize = 200;

/// The key with which a line begins, and how wide it is with its quotes: a colon follows, and then
/// a space or the end.
pub(super) fn key(content: &str) -> Option<(&str, usize)> {
    let bytes = content.as_bytes();
    let (key, width) = match bytes.first()? {
        quote @ (b'"' | b'\'') => {
            let inner = bytes[1..].iter().position(|byte| byte == quote)?;
            let key = &content[1..=inner];
            if key.contains('\\') {
                return None;
            }
            (key, inner + 2)
        }
        first if first.is_ascii_alphabetic() => {
            let width = bytes
                .iter()
                .position(|byte| {
                    !byte.is_ascii_alphanumeric() && !matches!(byte, b'_' | b'-' | b'.' | b'/')
                })
                .unwrap_or(bytes.len());
            let key = &content[..width];
            if key_as_read(key).as_deref() != Some(key) {
                return None;
            }
            (key, width)
        }
        _ => return None,
    };
    let behind =
        bytes.get(width) == Some(&b':') && matches!(bytes.get(width + 1), None | Some(b' '));
    (behind && width <= LONGEST_KEY).then_some((key, width))
}

/// Whether a text without quotes has nothing in it that could mean something to YAML.
pub(super) fn plain(bytes: &[u8]) -> bool {
    let first = bytes
        .first()
        .is_some_and(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'/' | b'.' | b'_'));
    first
        && bytes.last() != Some(&b' ')
        && bytes.iter().enumerate().all(|(i, byte)| match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' => true,
            b'_' | b'-' | b'.' | b'/' | b'@' | b'+' | b'=' | b'~' | b'%' | b'>' | b'<' | b' ' => {
                true
            }
            b':' => !matches!(bytes.get(i + 1), None | Some(b' ')),
            _ => false,
        })
}

/// A text of its own, without a copy for what stands in nearly every manifest.
pub(super) fn owned(text: &str) -> Cow<'static, str> {
    const KNOWN: [&str; 32] = [
        "apiVersion",
        "kind",
        "metadata",
        "name",
        "namespace",
        "labels",
        "annotations",
        "spec",
        "interval",
        "timeout",
        "retryInterval",
        "url",
        "ref",
        "branch",
        "tag",
        "path",
        "prune",
        "wait",
        "true",
        "false",
        "secretRef",
        "sourceRef",
        "dependsOn",
        "targetNamespace",
        "app.kubernetes.io/managed-by",
        "flux-setup",
        "flux-setup.dev/project",
        "flux-setup.dev/environment",
        "source.toolkit.fluxcd.io/v1",
        "kustomize.toolkit.fluxcd.io/v1",
        "GitRepository",
        "Kustomization",
    ];
    match KNOWN.iter().find(|known| **known == text) {
        Some(known) => Cow::Borrowed(known),
        None => Cow::Owned(text.to_owned()),
    }
}
