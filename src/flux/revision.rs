//! What the revision of a Git artifact says: which ref it was fetched from, and at which commit.

use super::git_ref;

/// The commit in `main@sha1:…`; also in `sha1:…`, and in `main/…` as controllers before Flux 2 wrote it.
/// `None` where there is none, as in the version of a chart.
pub fn commit(revision: &str) -> Option<&str> {
    let hash = match revision.rsplit_once('@') {
        Some((_, digest)) => digest.split_once(':')?.1,
        None => revision.rsplit(['/', ':']).next()?,
    };
    git_ref::commit(hash).ok().map(|()| hash)
}

/// The ref in `main@sha1:…`: a branch or tag by its short name, or the full name that was asked for.
pub fn reference(revision: &str) -> Option<&str> {
    let (name, _) = revision.rsplit_once('@')?;
    (!name.is_empty()).then_some(name)
}

/// As people tell revisions apart: `main@0123456` of `main@sha1:0123456789…`, all of `1.2.3`.
pub fn short(revision: &str) -> String {
    const DIGITS: usize = 7;
    let (name, digest) = match revision.rsplit_once('@') {
        Some((name, digest)) => (Some(name).filter(|name| !name.is_empty()), digest),
        None => (None, revision),
    };
    let Some((_, hash)) = digest.rsplit_once(':') else {
        return revision.to_owned();
    };
    let hash = &hash[..hash.floor_char_boundary(DIGITS)];
    match name {
        Some(name) => format!("{name}@{hash}"),
        None => hash.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_short_revision_has_seven_digits_and_what_has_no_digest_stays() {
        for (revision, expected) in [
            ("main@sha1:0123456789", "main@0123456"),
            ("a@b@sha256:0123456789", "a@b@0123456"),
            ("sha1:0123456789", "0123456"),
            ("@sha1:0123456789", "0123456"),
            ("1.2.3@sha256:abc", "1.2.3@abc"),
            ("1.2.3", "1.2.3"),
            ("main@x", "main@x"),
            ("", ""),
        ] {
            assert_eq!(short(revision), expected, "{revision}");
        }
    }

    #[test]
    fn a_revision_names_a_ref_and_a_commit() {
        let sha1 = "ab".repeat(20);
        let sha256 = "cd".repeat(32);
        for (revision, name, hash) in [
            (format!("main@sha1:{sha1}"), Some("main"), Some(&sha1)),
            (format!("a@b@sha256:{sha256}"), Some("a@b"), Some(&sha256)),
            (
                format!("refs/pull/7/head@sha1:{sha1}"),
                Some("refs/pull/7/head"),
                Some(&sha1),
            ),
            (format!("sha1:{sha1}"), None, Some(&sha1)),
            (format!("feature/x/{sha1}"), None, Some(&sha1)),
            ("1.2.3".to_owned(), None, None),
            ("main@sha1:abc".to_owned(), Some("main"), None),
            ("@".to_owned(), None, None),
        ] {
            assert_eq!(commit(&revision), hash.map(String::as_str), "{revision}");
            assert_eq!(reference(&revision), name, "{revision}");
        }
    }
}
