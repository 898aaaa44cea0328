//! Takes credentials out of a text before it is shown.

use std::borrow::Cow;

use super::repository::credentials;

/// Replaces the credentials of every URL in a text by `***`. The user of an ssh URL stays where no
/// password follows it; a text that was read by [`super::repository::RepositoryUrl`] has no others.
pub fn mask(text: &str) -> Cow<'_, str> {
    let mut out = String::new();
    let mut written = 0;
    let mut from = 0;
    while let Some(found) = text[from..].find("://") {
        let scheme_end = from + found;
        let start = scheme_end + "://".len();
        from = start;
        let Some(length) = credentials(&text[start..]) else {
            continue;
        };
        let ssh = text[..scheme_end].to_ascii_lowercase().ends_with("ssh");
        if ssh && !text[start..start + length].contains([':', '/', '@']) {
            continue;
        }
        out.push_str(&text[written..start]);
        out.push_str("***");
        written = start + length;
        from = written;
    }
    if written == 0 {
        return Cow::Borrowed(text);
    }
    out.push_str(&text[written..]);
    Cow::Owned(out)
}

#[cfg(test)]
mod tests {
    use proptest::{prop_assert, proptest};

    use super::*;

    #[test]
    fn credentials_are_not_shown() {
        for (text, shown) in [
            (
                "url: https://bot:secret@github.com/a/b # c",
                "url: https://***@github.com/a/b # c",
            ),
            (
                "https://ghp_secret@github.com/a/b",
                "https://***@github.com/a/b",
            ),
            ("https://a:sec@ret@host/x", "https://***@host/x"),
            ("https://a:sec/ret@host/x", "https://***@host/x"),
            ("https://a:sec ret@host/x", "https://***@host/x"),
            ("https://a:sec#ret@host/x", "https://***@host/x"),
            ("ssh://git:secret@host/x", "ssh://***@host/x"),
            (
                "{a: https://a:b@h/x, b: http://c@h/y}",
                "{a: https://***@h/x, b: http://***@h/y}",
            ),
        ] {
            assert_eq!(mask(text), shown);
        }
        for text in [
            "",
            "ssh://git@github.com/a/b",
            "git@github.com:a/b",
            "https://github.com/a/b@v1",
            "https://host:8443/a@b",
            "https://[::1]:80/a@b",
            "a: b",
            "https://",
            "http://h/x\nuser: a@b",
        ] {
            assert!(
                matches!(mask(text), Cow::Borrowed(same) if same == text),
                "{text}"
            );
        }
    }

    proptest! {
        #[test]
        fn a_password_never_stays(secret in "([a-zA-Z/?#:@'\"%-][a-zA-Z0-9/?#:@'\"%-]{0,11})?") {
            let text = format!("x: https://user:{secret}SECRET@github.com/acme/web");
            prop_assert!(!mask(&text).contains("SECRET"), "{}", mask(&text));
        }

        #[test]
        fn no_text_makes_it_panic(text in "(://|@|:|é|\n|[a-z /]){0,20}") {
            mask(&text);
        }
    }
}
