//! The forms of names that only metadata has.
//!
//! Source: `k8s.io/apimachinery`, `pkg/api/validation`.

use crate::flux::names::dns_subdomain;

/// What any name must be because it stands in the path of a URL.
pub(super) fn path_segment(name: &str) -> Result<(), String> {
    match name {
        "." | ".." => Err("it means a folder in a path".into()),
        _ if name.contains(['/', '%']) => Err("it has `/` or `%`".into()),
        _ => Ok(()),
    }
}

/// A start of a name to which the server adds characters: it may end in a dash.
pub(super) fn generated(prefix: &str) -> Result<(), String> {
    match prefix.strip_suffix('-') {
        Some(rest) if !rest.is_empty() => {
            // The server puts a letter for the last two characters.
            let mut masked = rest.to_string();
            masked.pop();
            masked.push('a');
            dns_subdomain(&masked)
        }
        _ => dns_subdomain(prefix),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_generated_name_may_end_in_one_dash() {
        assert!(generated("a-").is_ok());
        assert!(generated("-").is_err());
        assert!(generated("X-y-").is_err());
    }

    #[test]
    fn a_path_segment_is_no_path() {
        assert!(path_segment("system:admin").is_ok());
        assert_eq!(
            path_segment(".."),
            Err("it means a folder in a path".into())
        );
        assert_eq!(path_segment("a/b"), Err("it has `/` or `%`".into()));
    }
}
