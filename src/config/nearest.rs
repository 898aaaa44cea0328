//! The name that somebody probably meant.

/// The candidate nearest to `name`, if one is near enough to be worth saying.
///
/// Near enough is a third of the letters, at least one.
pub fn nearest<'a>(name: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let most = (name.chars().count() / 3).max(1);
    let mut best: Option<(usize, &str)> = None;
    for candidate in candidates {
        let same_letters = candidate.eq_ignore_ascii_case(name);
        let distance = if same_letters {
            0
        } else {
            strsim::osa_distance(name, candidate)
        };
        if distance <= most && best.is_none_or(|(least, _)| distance < least) {
            best = Some((distance, candidate));
        }
    }
    best.map(|(_, candidate)| candidate)
}

#[cfg(test)]
mod tests {
    use super::nearest;

    #[test]
    fn finds_a_name_with_swapped_or_missing_letters() {
        let keys = ["interval", "intervals", "timeout"];
        assert_eq!(nearest("intervalls", keys), Some("intervals"));
        assert_eq!(nearest("timeuot", keys), Some("timeout"));
        assert_eq!(nearest("Timeout", keys), Some("timeout"));
    }

    #[test]
    fn says_nothing_where_nothing_is_near() {
        assert_eq!(nearest("colour", ["interval", "timeout"]), None);
    }
}
