//! Names that Git takes for branches, tags, refs and commits.

use super::names::shown;

/// The name of a branch, without `refs/heads/`.
///
/// # Errors
/// Why Git takes none of this name (`git check-ref-format --branch`), or that it is a full ref.
pub fn branch(name: &str) -> Result<(), String> {
    if name == "HEAD" {
        return Err("a branch cannot be called `HEAD`".to_owned());
    }
    short(name, "refs/heads/")
}

/// The name of a tag, without `refs/tags/`.
///
/// # Errors
/// Why Git takes none of this name, or that it is a full ref.
pub fn tag(name: &str) -> Result<(), String> {
    short(name, "refs/tags/")
}

/// A full name: `refs/heads/main`, `refs/pull/7/head`, or `HEAD`.
///
/// # Errors
/// Why it is none.
pub fn full_name(name: &str) -> Result<(), String> {
    if name == "HEAD" {
        return Ok(());
    }
    if !name.starts_with("refs/") {
        return Err("it does not start with `refs/`".to_owned());
    }
    well_formed(name)
}

/// A commit: all 40 digits of a SHA-1, or all 64 of a SHA-256.
///
/// # Errors
/// Why it is none.
pub fn commit(sha: &str) -> Result<(), String> {
    if let Some(c) = sha.chars().find(|c| !c.is_ascii_hexdigit()) {
        return Err(format!(
            "it has {}, where a commit has only the digits 0-9 and a-f",
            shown(c)
        ));
    }
    if !matches!(sha.len(), 40 | 64) {
        return Err(format!(
            "it has {} digits, not 40 (or 64 with SHA-256)",
            sha.len()
        ));
    }
    if sha.contains(|c: char| c.is_ascii_uppercase()) {
        return Err("it has capital letters".to_owned());
    }
    Ok(())
}

fn short(name: &str, folder: &str) -> Result<(), String> {
    if let Some(rest) = name.strip_prefix(folder) {
        return Err(format!("it is a full ref, of the name `{rest}`"));
    }
    if name.starts_with('-') {
        return Err("it starts with `-`".to_owned());
    }
    well_formed(name)
}

/// The rules of `git check-ref-format`, but for the number of `/`.
fn well_formed(name: &str) -> Result<(), String> {
    let no = |reason: &str| Err(reason.to_owned());
    if name.is_empty() {
        return no("it is empty");
    }
    if name == "@" {
        return no("`@` alone is no name");
    }
    let strange = name.chars().find(|c| {
        c.is_ascii_control() || matches!(c, ' ' | '~' | '^' | ':' | '?' | '*' | '[' | '\\')
    });
    if let Some(c) = strange {
        return Err(format!("it has {}, which Git does not allow", shown(c)));
    }
    for (part, what) in [("..", "`..`"), ("@{", "`@{`"), ("//", "`//`")] {
        if name.contains(part) {
            return Err(format!("it has {what}, which Git does not allow"));
        }
    }
    if name.starts_with('/') || name.ends_with('/') {
        return no("it starts or ends with `/`");
    }
    if name.ends_with('.') {
        return no("it ends with `.`");
    }
    for part in name.split('/') {
        if part.starts_with('.') {
            return no("a part of it starts with `.`");
        }
        if part.strip_suffix(".lock").is_some() {
            return no("a part of it ends with `.lock`");
        }
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
    fn branches_and_tags_follow_the_rules_of_git() {
        for good in [
            "main",
            "feature/x",
            "v1.2.3",
            "a@b",
            "ü",
            "x-",
            "release-1.0",
            "HEAD/x",
        ] {
            assert_eq!(branch(good), Ok(()));
            assert_eq!(tag(good), Ok(()));
        }
        for (name, reason) in [
            ("", "it is empty"),
            ("@", "`@` alone is no name"),
            ("a b", "it has a space, which Git does not allow"),
            ("a~1", "it has `~`, which Git does not allow"),
            (
                "a\n",
                "it has the control character \\u{a}, which Git does not allow",
            ),
            ("a*", "it has `*`, which Git does not allow"),
            ("a\\b", "it has `\\`, which Git does not allow"),
            ("a..b", "it has `..`, which Git does not allow"),
            ("a@{1}", "it has `@{`, which Git does not allow"),
            ("a//b", "it has `//`, which Git does not allow"),
            ("/a", "it starts or ends with `/`"),
            ("a/", "it starts or ends with `/`"),
            ("a.", "it ends with `.`"),
            ("a/.b", "a part of it starts with `.`"),
            ("a.lock/b", "a part of it ends with `.lock`"),
            ("-a", "it starts with `-`"),
        ] {
            assert_eq!(branch(name), no(reason));
            assert_eq!(tag(name), no(reason));
        }
        assert_eq!(branch("HEAD"), no("a branch cannot be called `HEAD`"));
        assert_eq!(
            branch("refs/heads/main"),
            no("it is a full ref, of the name `main`")
        );
        assert_eq!(
            tag("refs/tags/v1"),
            no("it is a full ref, of the name `v1`")
        );
    }

    #[test]
    fn a_full_name_starts_with_refs() {
        for good in ["refs/heads/main", "refs/pull/7/head", "HEAD"] {
            assert_eq!(full_name(good), Ok(()));
        }
        assert_eq!(full_name("main"), no("it does not start with `refs/`"));
        assert_eq!(full_name("refs/"), no("it starts or ends with `/`"));
        assert_eq!(
            full_name("refs/heads/a b"),
            no("it has a space, which Git does not allow")
        );
    }

    #[test]
    fn a_commit_is_written_in_full() {
        assert_eq!(commit(&"a1".repeat(20)), Ok(()));
        assert_eq!(commit(&"a1".repeat(32)), Ok(()));
        assert_eq!(
            commit("abc123"),
            no("it has 6 digits, not 40 (or 64 with SHA-256)")
        );
        assert_eq!(
            commit("main"),
            no("it has `m`, where a commit has only the digits 0-9 and a-f")
        );
        assert_eq!(commit(&"A1".repeat(20)), no("it has capital letters"));
    }
}
