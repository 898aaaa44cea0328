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

#[cfg(test)]
mod tests {
    use super::*;

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
