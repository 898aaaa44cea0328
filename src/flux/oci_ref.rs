//! Tags and digests of OCI artifacts.

use super::names::shown;

/// A tag: at most 128 letters, digits, `_`, `.` and `-`, not beginning with the last two.
///
/// # Errors
/// Why it is none. Source: the pattern of tags in the OCI distribution specification.
pub fn tag(text: &str) -> Result<(), String> {
    if text.is_empty() {
        return Err("it is empty".to_owned());
    }
    if text.len() > 128 {
        return Err(format!("it has {} characters, of at most 128", text.len()));
    }
    if let Some(c) = text
        .chars()
        .find(|c| !c.is_ascii_alphanumeric() && !matches!(c, '_' | '.' | '-'))
    {
        return Err(format!(
            "it has {}, where only letters, digits, `_`, `.` and `-` may stand",
            shown(c)
        ));
    }
    match text.chars().next().filter(|c| matches!(c, '.' | '-')) {
        Some(c) => Err(format!("it starts with `{c}`")),
        None => Ok(()),
    }
}

/// A digest: `sha256:` and 64 digits; registries have others, which source-controller does not read.
///
/// # Errors
/// Why it is none. Source: `NewHash` in `pkg/v1/hash.go` of `google/go-containerregistry`.
pub fn digest(text: &str) -> Result<(), String> {
    let Some((algorithm, digits)) = text.split_once(':') else {
        return Err("it names no algorithm".to_owned());
    };
    if algorithm != "sha256" {
        return Err(format!(
            "Flux reads no digest by `{algorithm}`, only by `sha256`"
        ));
    }
    if let Some(c) = digits.chars().find(|c| !matches!(c, '0'..='9' | 'a'..='f')) {
        return Err(format!(
            "it has {}, where only the digits 0-9 and a-f may stand",
            shown(c)
        ));
    }
    if digits.len() != 64 {
        return Err(format!(
            "it has {} digits behind `sha256:`, not 64",
            digits.len()
        ));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn no(reason: &str) -> Result<(), String> {
        Err(reason.to_owned())
    }

    #[test]
    fn a_tag_follows_the_specification() {
        for good in ["latest", "1.4.0", "_x", "v1-RC.1", &"a".repeat(128)] {
            assert_eq!(tag(good), Ok(()));
        }
        assert_eq!(tag(""), no("it is empty"));
        assert_eq!(
            tag(&"a".repeat(129)),
            no("it has 129 characters, of at most 128")
        );
        assert_eq!(tag(".a"), no("it starts with `.`"));
        assert_eq!(tag("-a"), no("it starts with `-`"));
        assert_eq!(
            tag("1.0+build"),
            no("it has `+`, where only letters, digits, `_`, `.` and `-` may stand")
        );
    }

    #[test]
    fn a_digest_is_written_in_full() {
        assert_eq!(digest(&format!("sha256:{}", "a1".repeat(32))), Ok(()));
        assert_eq!(
            digest(&format!("sha512:{}", "a1".repeat(64))),
            no("Flux reads no digest by `sha512`, only by `sha256`")
        );
        assert_eq!(digest("abc"), no("it names no algorithm"));
        assert_eq!(
            digest("md5:abc"),
            no("Flux reads no digest by `md5`, only by `sha256`")
        );
        assert_eq!(
            digest("sha256:abc"),
            no("it has 3 digits behind `sha256:`, not 64")
        );
        assert_eq!(
            digest("sha256:ABC"),
            no("it has `A`, where only the digits 0-9 and a-f may stand")
        );
    }
}
