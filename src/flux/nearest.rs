//! The name that somebody probably meant.

/// The candidate that is spelt most like `name`, if one is near enough to be worth saying.
///
/// Near enough are as many wrong, missing, added or swapped letters as a third of the name's, at
/// least one; else a candidate that begins with the name. Small and capital letters are the same.
/// Of two that are as near the first is taken.
pub fn nearest<'a>(name: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let folded = name.to_lowercase();
    let most = (folded.chars().count() / 3).max(1);
    candidates
        .into_iter()
        .filter_map(|candidate| {
            let other = candidate.to_lowercase();
            let distance = strsim::damerau_levenshtein(&folded, &other);
            if distance <= most && distance < other.len() {
                Some((distance, candidate))
            } else if folded.len() >= SHORTEST_BEGINNING && other.starts_with(&folded) {
                Some((most + 1, candidate))
            } else {
                None
            }
        })
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, candidate)| candidate)
}

/// From so many letters on the beginning of a name stands for it.
const SHORTEST_BEGINNING: usize = 3;

#[cfg(test)]
mod tests {
    use super::nearest;

    #[test]
    fn finds_a_name_with_swapped_missing_or_capital_letters() {
        let keys = ["interval", "intervals", "timeout"];
        assert_eq!(nearest("intervalls", keys), Some("intervals"));
        assert_eq!(nearest("timeuot", keys), Some("timeout"));
        assert_eq!(nearest("Timeout", keys), Some("timeout"));
        assert_eq!(nearest("cor", ["core", "graphql"]), Some("core"));
        let kinds = ["Bucket", "GitRepository"];
        assert_eq!(nearest("GitRepo", kinds), Some("GitRepository"));
    }

    #[test]
    fn says_nothing_where_nothing_is_near() {
        assert_eq!(nearest("colour", ["interval", "timeout"]), None);
        assert_eq!(nearest("crxe", ["graphql", "x"]), None);
        assert_eq!(nearest("", ["core", "a"]), None);
    }
}
