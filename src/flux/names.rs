//! Names, labels and annotations, as the API server checks them.

/// A name of at most 63 small letters, digits and `-`, such as those of Namespaces.
///
/// # Errors
/// Why it is none, to be put behind the name: ``name `Web`: it has …``.
pub fn dns_label(name: &str) -> Result<(), String> {
    length(name, 63)?;
    dns_characters(name, false)
}

/// A name of at most 253 characters made of labels with dots between, such as those of most
/// objects. Its labels may be longer than 63.
///
/// # Errors
/// Why it is none.
pub fn dns_subdomain(name: &str) -> Result<(), String> {
    length(name, 253)?;
    dns_characters(name, true)
}

/// The key of a label, with or without a prefix: `team`, `app.kubernetes.io/name`.
///
/// # Errors
/// Why it is none.
pub fn label_key(key: &str) -> Result<(), String> {
    qualified(key, false)
}

/// The key of an annotation: that of a label, but its prefix may have capital letters.
///
/// # Errors
/// Why it is none.
pub fn annotation_key(key: &str) -> Result<(), String> {
    qualified(key, true)
}

/// The value of a label: may be empty.
///
/// # Errors
/// Why it is none.
pub fn label_value(value: &str) -> Result<(), String> {
    if value.is_empty() {
        return Ok(());
    }
    length(value, 63)?;
    word(value)
}

/// The name of a variable that kustomize-controller substitutes.
///
/// # Errors
/// What it takes instead. Source: `varsubRegex` in `fluxcd/pkg`, `kustomize/kustomize_varsub.go`.
pub fn variable(name: &str) -> Result<(), &'static str> {
    let starts = name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_');
    let sound = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
    if starts && name.bytes().all(sound) {
        Ok(())
    } else {
        Err("Flux takes letters, digits and `_`, and no digit first")
    }
}

fn qualified(key: &str, any_case: bool) -> Result<(), String> {
    let name = match key.split_once('/') {
        None => key,
        Some((prefix, name)) => {
            let lower = prefix.to_lowercase();
            let prefix = if any_case { &lower } else { prefix };
            dns_subdomain(prefix).map_err(|reason| format!("before the `/` {reason}"))?;
            if name.contains('/') {
                return Err("it has more than one `/`".to_owned());
            }
            return length(name, 63)
                .and_then(|()| word(name))
                .map_err(|reason| format!("behind the `/` {reason}"));
        }
    };
    length(name, 63)?;
    word(name)
}

fn length(text: &str, longest: usize) -> Result<(), String> {
    if text.is_empty() {
        Err("it is empty".to_owned())
    } else if text.len() > longest {
        Err(format!(
            "it has {} characters, of at most {longest}",
            text.len()
        ))
    } else {
        Ok(())
    }
}

/// Letters and digits, and between them `-`, `_` and `.`.
fn word(text: &str) -> Result<(), String> {
    let strange = text
        .chars()
        .find(|c| !c.is_ascii_alphanumeric() && !matches!(c, '-' | '_' | '.'));
    if let Some(c) = strange {
        return Err(format!(
            "it has {}, where only letters, digits, `-`, `_` and `.` may stand",
            shown(c)
        ));
    }
    edges(text, |c| c.is_ascii_alphanumeric(), "a letter or a digit")
}

fn dns_characters(name: &str, dots: bool) -> Result<(), String> {
    let small = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
    if let Some(c) = name
        .chars()
        .find(|c| !small(*c) && *c != '-' && !(dots && *c == '.'))
    {
        let allowed = if dots { "`-` and `.`" } else { "and `-`" };
        let comma = if dots { ", " } else { " " };
        return Err(format!(
            "it has {}, where only small letters, digits{comma}{allowed} may stand",
            shown(c)
        ));
    }
    for label in name.split('.') {
        if label.is_empty() {
            return Err("it has a `.` at its start or end, or two together".to_owned());
        }
        edges(label, small, "a small letter or a digit")?;
    }
    Ok(())
}

fn edges(text: &str, inner: impl Fn(char) -> bool, what: &str) -> Result<(), String> {
    let first = text.chars().next().filter(|c| !inner(*c));
    let last = text.chars().next_back().filter(|c| !inner(*c));
    match (first, last) {
        (Some(c), _) => Err(format!("it starts with {}, not with {what}", shown(c))),
        (None, Some(c)) => Err(format!("it ends with {}, not with {what}", shown(c))),
        (None, None) => Ok(()),
    }
}

pub(super) fn shown(c: char) -> String {
    match c {
        ' ' => "a space".to_owned(),
        _ if c.is_control() => format!("the control character {}", c.escape_unicode()),
        _ => format!("`{c}`"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn no(reason: &str) -> Result<(), String> {
        Err(reason.to_owned())
    }

    #[test]
    fn a_dns_label_has_63_small_characters() {
        for good in ["a", "web-1", "0", &"a".repeat(63)] {
            assert_eq!(dns_label(good), Ok(()));
        }
        let strange = |c| format!("it has {c}, where only small letters, digits and `-` may stand");
        assert_eq!(dns_label(""), no("it is empty"));
        assert_eq!(
            dns_label(&"a".repeat(64)),
            no("it has 64 characters, of at most 63")
        );
        assert_eq!(dns_label("Web"), no(&strange("`W`")));
        assert_eq!(dns_label("a.b"), no(&strange("`.`")));
        assert_eq!(dns_label("a b"), no(&strange("a space")));
        assert_eq!(
            dns_label("a\n"),
            no(&strange("the control character \\u{a}"))
        );
        assert_eq!(
            dns_label("-a"),
            no("it starts with `-`, not with a small letter or a digit")
        );
        assert_eq!(
            dns_label("a-"),
            no("it ends with `-`, not with a small letter or a digit")
        );
    }

    #[test]
    fn a_dns_subdomain_has_labels_with_dots_between() {
        for good in ["a.b", "a", "1.2.3", &"a".repeat(253)] {
            assert_eq!(dns_subdomain(good), Ok(()));
        }
        assert_eq!(
            dns_subdomain(&"a".repeat(254)),
            no("it has 254 characters, of at most 253")
        );
        let dots = no("it has a `.` at its start or end, or two together");
        assert_eq!(dns_subdomain(".a"), dots);
        assert_eq!(dns_subdomain("a..b"), dots);
        assert_eq!(dns_subdomain("a."), dots);
        assert_eq!(
            dns_subdomain("a.-b"),
            no("it starts with `-`, not with a small letter or a digit")
        );
        assert_eq!(
            dns_subdomain("a_b"),
            no("it has `_`, where only small letters, digits, `-` and `.` may stand")
        );
    }

    #[test]
    fn a_variable_has_letters_digits_and_underscores_and_no_digit_first() {
        for good in ["a", "_", "REGION_2", "_1"] {
            assert_eq!(variable(good), Ok(()), "{good}");
        }
        for bad in ["", "2a", "a-b", "a.b", "é", "a b"] {
            let reason = "Flux takes letters, digits and `_`, and no digit first";
            assert_eq!(variable(bad), Err(reason), "{bad}");
        }
    }

    #[test]
    fn keys_and_values_of_labels_and_annotations() {
        for good in ["team", "A_b.c-1", "app.kubernetes.io/name", "x/Y"] {
            assert_eq!(label_key(good), Ok(()));
            assert_eq!(annotation_key(good), Ok(()));
        }
        assert_eq!(annotation_key("Example.com/x"), Ok(()));
        assert_eq!(
            label_key("Example.com/x"),
            no(
                "before the `/` it has `E`, where only small letters, digits, `-` and `.` may stand"
            )
        );
        assert_eq!(label_key(""), no("it is empty"));
        assert_eq!(label_key("/x"), no("before the `/` it is empty"));
        assert_eq!(label_key("x/"), no("behind the `/` it is empty"));
        assert_eq!(label_key("a/b/c"), no("it has more than one `/`"));
        assert_eq!(
            label_key("_a"),
            no("it starts with `_`, not with a letter or a digit")
        );
        assert_eq!(
            annotation_key("a b"),
            no("it has a space, where only letters, digits, `-`, `_` and `.` may stand")
        );
        assert_eq!(label_value(""), Ok(()));
        assert_eq!(label_value("v1.2_3"), Ok(()));
        assert_eq!(
            label_value("a."),
            no("it ends with `.`, not with a letter or a digit")
        );
        assert_eq!(
            label_value(&"a".repeat(64)),
            no("it has 64 characters, of at most 63")
        );
        assert_eq!(
            label_value("é"),
            no("it has `é`, where only letters, digits, `-`, `_` and `.` may stand")
        );
    }
}
