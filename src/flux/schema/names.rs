//! The forms that Kubernetes wants of names, labels and keys.
//!
//! Source: `k8s.io/apimachinery`, `pkg/util/validation` and `pkg/api/validation`.

const LABEL: &str =
    "must be lower case letters, digits and `-`, and begin and end with a letter or digit";
const SUBDOMAIN: &str = "must be lower case letters, digits, `-` and `.`, and each part between dots must begin and end with a letter or digit";

/// A name of a namespace: at most 63 characters.
pub(super) fn dns_label(name: &str) -> Result<(), String> {
    at_most(name, 63)?;
    if is_label(name) {
        Ok(())
    } else {
        Err(LABEL.into())
    }
}

/// A name of most objects: at most 253 characters, dots allowed.
pub(super) fn dns_subdomain(name: &str) -> Result<(), String> {
    at_most(name, 253)?;
    if name.split('.').all(is_label) {
        Ok(())
    } else {
        Err(SUBDOMAIN.into())
    }
}

/// What any name must be because it stands in the path of a URL.
pub(super) fn path_segment(name: &str) -> Result<(), String> {
    match name {
        "." | ".." => Err(format!("must not be `{name}`")),
        _ if name.contains(['/', '%']) => Err("must not contain `/` or `%`".into()),
        _ => Ok(()),
    }
}

/// A start of a name to which the server adds characters: it may end in a dash.
pub(super) fn generated(prefix: &str) -> Result<(), String> {
    match prefix.strip_suffix('-') {
        Some(rest) if !rest.is_empty() => {
            let mut masked = rest.to_string();
            masked.pop();
            masked.push('a');
            dns_subdomain(&masked)
        }
        _ => dns_subdomain(prefix),
    }
}

/// A key of a label, an annotation or a finalizer: `name` or `example.com/name`.
pub(super) fn qualified(key: &str) -> Result<(), String> {
    let name = match key.split_once('/') {
        None => key,
        Some((prefix, name)) => {
            if name.contains('/') {
                return Err("must have at most one `/`".into());
            }
            if prefix.is_empty() {
                return Err("must have something before the `/`".into());
            }
            dns_subdomain(prefix).map_err(|fault| format!("the part before `/` {fault}"))?;
            name
        }
    };
    if name.is_empty() {
        return Err("must not have an empty name".into());
    }
    at_most(name, 63)?;
    if is_loose(name) {
        Ok(())
    } else {
        Err(
            "must be letters, digits, `-`, `_` and `.`, and begin and end with a letter or digit"
                .into(),
        )
    }
}

pub(super) fn label_value(value: &str) -> Result<(), String> {
    at_most(value, 63)?;
    if value.is_empty() || is_loose(value) {
        Ok(())
    } else {
        Err(
            "must be letters, digits, `-`, `_` and `.`, and begin and end with a letter or digit"
                .into(),
        )
    }
}

fn at_most(text: &str, bytes: usize) -> Result<(), String> {
    if text.len() <= bytes {
        return Ok(());
    }
    Err(format!(
        "must be at most {bytes} characters, not {}",
        text.len()
    ))
}

fn is_label(text: &str) -> bool {
    let inner = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    bounded(text, inner, |byte| inner(byte) || byte == b'-')
}

fn is_loose(text: &str) -> bool {
    bounded(
        text,
        |byte| byte.is_ascii_alphanumeric(),
        |byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.'),
    )
}

fn bounded(text: &str, end: impl Fn(u8) -> bool, inside: impl Fn(u8) -> bool) -> bool {
    match text.as_bytes() {
        [] => false,
        [only] => end(*only),
        [first, middle @ .., last] => {
            end(*first) && end(*last) && middle.iter().all(|byte| inside(*byte))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_subdomain_has_dots_and_at_most_253_characters() {
        assert!(dns_subdomain("a.b-c.9").is_ok());
        assert!(dns_subdomain(&"a".repeat(253)).is_ok());
        assert_eq!(
            dns_subdomain(&"a".repeat(254)),
            Err("must be at most 253 characters, not 254".into())
        );
        for bad in ["", "A", "a..b", "-a", "a-", ".a", "a_b", "ä"] {
            assert_eq!(dns_subdomain(bad), Err(SUBDOMAIN.into()), "{bad}");
        }
    }

    #[test]
    fn a_label_has_no_dot_and_at_most_63_characters() {
        assert!(dns_label(&"a".repeat(63)).is_ok());
        assert!(dns_label(&"a".repeat(64)).is_err());
        assert!(dns_label("a.b").is_err());
    }

    #[test]
    fn a_qualified_key_has_one_slash_at_most() {
        for good in ["a", "A_b.c", "example.com/a", "flux-setup.dev/watch-paths"] {
            assert!(qualified(good).is_ok(), "{good}");
        }
        for bad in [
            "",
            "/a",
            "a/",
            "a/b/c",
            "UP/x",
            "a b",
            "_a",
            "example.com/_a",
        ] {
            assert!(qualified(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_generated_name_may_end_in_one_dash() {
        assert!(generated("a-").is_ok());
        assert!(generated("-").is_err());
        assert!(generated("X-y-").is_err());
    }
}
