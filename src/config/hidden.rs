//! What nobody is shown: whatever may be a secret, wherever a mistake has put it.

use crate::flux::nearest;
use crate::flux::yaml::{Entry, Node, Span, Value};

use super::decode::Decoder;

/// Parts of the fleet's file that hold secrets.
const PARTS: [&str; 2] = ["github", "server"];

/// The keys of the fleet's file.
pub(super) const FLEET_KEYS: [&str; 11] = [
    "output",
    "names",
    "include",
    "defaults",
    "projects",
    "clusters",
    "fluxVersion",
    "crds",
    "github",
    "budget",
    "server",
];

/// Whether a key of the fleet's file leads to a part that holds secrets, or may be meant to.
fn leads_to_secrets(key: &str) -> bool {
    let meant = if FLEET_KEYS.contains(&key) {
        Some(key)
    } else {
        nearest(key, FLEET_KEYS)
    };
    meant.is_none_or(|meant| PARTS.contains(&meant))
}

/// Keys there whose values are none: a text, or a list of texts.
const SHOWN: [&str; 22] = [
    "name",
    "identity",
    "audit",
    "heads",
    "id",
    "installation",
    "scope",
    "organization",
    "repositories",
    "host",
    "apiUrl",
    "aliases",
    "budgetIdentity",
    "owners",
    "every",
    "sweep",
    "listen",
    "trustedProxies",
    "url",
    "store",
    "giveUpAfter",
    "proveWithin",
];

impl Decoder {
    /// Hides what may be secret in the fleet's file, or in one that it includes.
    pub(super) fn hide_parts(&mut self, node: &Node) {
        for entry in node.as_mapping().unwrap_or_default() {
            if leads_to_secrets(&entry.key) {
                self.hide(&entry.node);
            }
        }
    }

    /// Hides every text below, but for those that are known to be no secrets.
    ///
    /// It goes first: what follows may find a fault in the same line before it comes to the secret.
    pub(super) fn hide(&mut self, node: &Node) {
        match &node.value {
            Value::Scalar(_) => {
                self.secrets.insert(node.span);
            }
            Value::Sequence(items) => items.iter().for_each(|item| self.hide(item)),
            Value::Mapping(entries) => {
                if let [entry] = &entries[..]
                    && is_reference(entry)
                {
                    return;
                }
                for entry in entries {
                    if entry.node.is_null() && !SHOWN.contains(&&*entry.key) {
                        // `{ghp_…}` is a key without a value
                        self.secrets.insert(entry.key_span);
                    } else if !(SHOWN.contains(&&*entry.key) && is_plain(&entry.node)) {
                        self.hide(&entry.node);
                    }
                }
            }
        }
    }

    pub(super) fn is_hidden(&self, span: Span) -> bool {
        self.secrets.contains(&span)
    }
}

/// `{env: NAME}` or `{file: PATH}`.
pub(super) fn is_reference(entry: &Entry) -> bool {
    matches!(&*entry.key, "env" | "file") && entry.node.as_scalar().is_some()
}

fn is_plain(node: &Node) -> bool {
    let is_scalar = |node: &Node| node.as_scalar().is_some();
    is_scalar(node)
        || node
            .as_sequence()
            .is_some_and(|items| items.iter().all(is_scalar))
}

/// The ranges of a text to hide where its faults keep it from being read as a tree: all that
/// stands behind the first `:` of a line, in the parts that hold secrets.
pub(super) fn ranges_of_faulty(text: &str) -> Vec<(usize, usize)> {
    if text
        .trim_start_matches('\u{feff}')
        .trim_start()
        .starts_with('{')
    {
        return PARTS
            .iter()
            .filter_map(|part| text.find(part).map(|at| (at + part.len(), text.len())))
            .collect();
    }
    let mut ranges = Vec::new();
    let mut start = 0;
    let mut inside = false;
    for line in text.split_inclusive('\n') {
        let content = line.trim_start_matches('\u{feff}');
        let is_top =
            content.starts_with(|first: char| first.is_alphanumeric() || "\"'".contains(first));
        if is_top && let Some((key, _)) = content.split_once(':') {
            inside = leads_to_secrets(key.trim().trim_matches(['"', '\'']));
        }
        if inside {
            let from = line.find(':').map_or(0, |colon| colon + 1);
            ranges.push((start + from, start + line.len()));
        }
        start += line.len();
    }
    ranges
}

#[cfg(test)]
mod tests {
    use super::ranges_of_faulty;

    #[test]
    fn of_a_faulty_text_the_parts_with_secrets_are_hidden() {
        let text = "output: a\ngithub:\n- token: ghp\n  more\nprojects: b\n";
        let hidden: Vec<&str> = ranges_of_faulty(text)
            .into_iter()
            .map(|(start, end)| text[start..end].trim())
            .collect();
        assert_eq!(hidden, ["", "ghp", "more"]);
        let text = "githb:\n- token: ghp\nprojcts:\n- name: web\nother: x\n";
        let hidden: Vec<&str> = ranges_of_faulty(text)
            .into_iter()
            .map(|(start, end)| text[start..end].trim())
            .collect();
        assert_eq!(hidden, ["", "ghp", "x"]);
        let text = "{output: a, github: [{token: ghp}";
        let [(start, end)] = ranges_of_faulty(text)[..] else {
            panic!("one part");
        };
        assert_eq!(&text[start..end], ": [{token: ghp}");
    }
}
