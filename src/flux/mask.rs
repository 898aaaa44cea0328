//! Takes credentials out of a text before it is shown.

mod keyed;
mod pem;

use std::borrow::Cow;
use std::ops::Range;

use super::repository::credentials;

/// How GitHub's tokens begin.
const TOKENS: [&str; 6] = ["ghp_", "gho_", "ghu_", "ghs_", "ghr_", "github_pat_"];

/// Characters behind the beginning of a token from which on it is taken for one.
const SHORTEST_TOKEN: usize = 1;

/// The same in the middle of a word, as behind `%3A`.
const LONG_TOKEN: usize = 30;

/// Parts of names of a query whose values are secret, as in `access_token` and `client_secret`.
const SECRET_NAMES: [&str; 7] = ["token", "secret", "passw", "pwd", "key", "auth", "sig"];

/// Replaces all [`secrets`] of a text by `***`.
pub fn mask(text: &str) -> Cow<'_, str> {
    let secrets = secrets(text);
    if secrets.is_empty() {
        return Cow::Borrowed(text);
    }
    let mut out = String::new();
    let mut written = 0;
    for secret in secrets {
        out.push_str(&text[written..secret.start]);
        out.push_str("***");
        written = secret.end;
    }
    out.push_str(&text[written..]);
    Cow::Owned(out)
}

/// Where a text has credentials, in order and apart from each other: before the host of a URL, in
/// a query, behind a key that is called after one, in PEM, and GitHub's tokens anywhere.
pub fn secrets(text: &str) -> Vec<Range<usize>> {
    let mut found = in_urls(text);
    found.extend(in_queries(text));
    found.extend(tokens(text));
    found.extend(keyed::values(text));
    found.extend(pem::blocks(text));
    found.sort_by_key(|secret| secret.start);
    let mut apart: Vec<Range<usize>> = Vec::with_capacity(found.len());
    for secret in found {
        match apart.last_mut() {
            Some(last) if secret.start < last.end => last.end = last.end.max(secret.end),
            _ => apart.push(secret),
        }
    }
    apart
}

/// The user of an ssh URL stays where no password follows it; a text that was read by
/// [`super::repository::RepositoryUrl`] has no others.
fn in_urls(text: &str) -> Vec<Range<usize>> {
    let mut found = Vec::new();
    let mut from = 0;
    while let Some(at) = text[from..].find("://") {
        let scheme_end = from + at;
        let start = scheme_end + "://".len();
        from = start;
        let Some(length) = credentials(&text[start..]) else {
            continue;
        };
        let ssh = text[..scheme_end].to_ascii_lowercase().ends_with("ssh");
        if ssh && !text[start..start + length].contains([':', '/', '@']) {
            continue;
        }
        from = start + length;
        found.push(start..from);
    }
    found
}

/// The values in `?access_token=…&private_token=…`.
fn in_queries(text: &str) -> Vec<Range<usize>> {
    let ends = |c: char| c.is_whitespace() || matches!(c, '&' | '#' | '"' | '\'' | '`');
    let mut found = Vec::new();
    for (at, _) in text.match_indices(['?', '&']) {
        let rest = &text[at + 1..];
        let Some(end) = rest.find(|c| ends(c) || matches!(c, '?' | '=')) else {
            break;
        };
        let name = &rest[..end];
        let Some(value) = rest[end..].strip_prefix('=') else {
            continue;
        };
        let name_lower = name.to_ascii_lowercase();
        if !SECRET_NAMES.iter().any(|part| name_lower.contains(part)) {
            continue;
        }
        let value = &value[..value.find(ends).unwrap_or(value.len())];
        let value = value.trim_end_matches([',', '}', ']', ')']);
        let start = at + 1 + name.len() + 1;
        if !value.is_empty() {
            found.push(start..start + value.len());
        }
    }
    found
}

fn tokens(text: &str) -> Vec<Range<usize>> {
    let is_part = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.');
    let mut found = Vec::new();
    for beginning in TOKENS {
        for (start, _) in text.match_indices(beginning) {
            let rest = &text[start + beginning.len()..];
            let rest = &rest[..rest.find(|c| !is_part(c)).unwrap_or(rest.len())];
            let length = rest.trim_end_matches(['.', '-']).len();
            let is_inside = text[..start].ends_with(|c: char| c.is_ascii_alphanumeric());
            if length
                >= if is_inside {
                    LONG_TOKEN
                } else {
                    SHORTEST_TOKEN
                }
            {
                found.push(start..start + beginning.len() + length);
            }
        }
    }
    found
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
                "url: https://github.com/acme/web?access_token=ghp_x",
                "url: https://github.com/acme/web?access_token=***",
            ),
            (
                "{a: 'https://h/x?a=b&private_token=c&d=e#f', b: https://h?Client_Secret=g}",
                "{a: 'https://h/x?a=b&private_token=***&d=e#f', b: https://h?Client_Secret=***}",
            ),
            (
                "the label value `ghp_0123456789` and \"github_pat_01_23456-7.\"",
                "the label value `***` and \"***.\"",
            ),
            ("# was ghp_x, now gho_1", "# was ***, now ***"),
            ("  token: hunter2 # old", "  token: *** # old"),
            (
                "- {name: bot, token: hunter2, x: y}",
                "- {name: bot, token: ***, x: y}",
            ),
            (
                "{\"client_secret\":\"hunter 2\",\"x\":1}",
                "{\"client_secret\":***,\"x\":1}",
            ),
            ("tokens: [hunter2, b]", "tokens: ***"),
            ("token: {value: hunter2}", "token: ***"),
            ("# the old password: hunter2", "# the old password: ***"),
            ("`privateKey: a b` is none", "`privateKey: ***` is none"),
            ("+  TOKEN: a, b c", "+  TOKEN: ***"),
            (
                "key: |\n  -----BEGIN RSA PRIVATE KEY-----\n  MIIE\n  -----END RSA PRIVATE KEY-----\nx: y",
                "key: |\n  ***\nx: y",
            ),
            ("\"-----BEGIN PRIVATE KEY-----\\nMIIE\\n", "\"***"),
            (
                "# -----BEGIN PRIVATE KEY-----\nMIIE/+\nab==\nx: y",
                "# ***x: y",
            ),
            ("bot%3Aghs_0123456789012345678901234567890", "bot%3A***"),
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
            "roughs_and_readies, ghp_",
            "https://h/x?ref=main&depth=1",
            "is it so? a=b, token=",
            "https://",
            "http://h/x\nuser: a@b",
            "token: {env: GITHUB_TOKEN}",
            "secrets: [{env: A}, {file: b}]",
            "identities: [{name: bot, token: {\"file\": b}}]",
            "secretRef: github-token",
            "add `token: …`",
            "secret:\n  secretName: a",
            "automountServiceAccountToken: false",
            "failed to get token: status 401",
            "privateKey: |",
            "https://h/token:x",
            "expected a token, found text",
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
        fn no_text_makes_it_panic(text in "(://|@|: |é|\n|token|-----BEGIN |-----END |[a-z /{}\\[\\]#,`'\":]){0,20}") {
            mask(&text);
        }
    }
}
