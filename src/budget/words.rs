//! Figures and counted things as people read them.

/// A number with thousands set apart: `2,392`, `8.57`, `0.0256`. At most two decimals from 1 on,
/// three significant figures below.
pub fn count(value: f64) -> String {
    if value == 0.0 {
        return "0".to_owned();
    }
    if value < 0.0 {
        return format!("−{}", count(-value));
    }
    let decimals = if value < 1.0 {
        // 0.0256 begins in the second decimal: four of them show three figures.
        (2 - value.log10().floor().max(-9.0) as i32).unsigned_abs() as usize
    } else {
        2
    };
    let text = format!("{value:.decimals$}");
    let text = text.trim_end_matches('0').trim_end_matches('.');
    let (whole, fraction) = match text.split_once('.') {
        Some((whole, fraction)) => (whole, Some(fraction)),
        None => (text, None),
    };
    let mut grouped = String::with_capacity(text.len() + whole.len() / 3);
    for (index, digit) in whole.chars().enumerate() {
        if index > 0 && (whole.len() - index).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    if let Some(fraction) = fraction {
        grouped.push('.');
        grouped.push_str(fraction);
    }
    grouped
}

/// A share from 0 to 1 as `47.8 %`.
pub fn percent(share: f64) -> String {
    percent_with(share, 1)
}

/// The same with that many decimals at most.
pub(super) fn percent_with(share: f64, decimals: usize) -> String {
    let text = format!("{:.decimals$}", share.abs() * 100.0);
    let text = if text.contains('.') {
        text.trim_end_matches('0').trim_end_matches('.')
    } else {
        &text
    };
    let sign = if share < 0.0 && text != "0" {
        "−"
    } else {
        ""
    };
    format!("{sign}{text} %")
}

/// `1 source`, `2,000 sources`.
pub fn counted(number: usize, one: &str) -> String {
    counted_as(number, one, &format!("{one}s"))
}

/// `1 repository`, `2 repositories`.
pub fn counted_as(number: usize, one: &str, many: &str) -> String {
    let word = if number == 1 { one } else { many };
    format!("{} {word}", count(number as f64))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_are_grouped_by_thousands_and_carry_no_needless_decimals() {
        let values = [
            0.0,
            1.0,
            12.0,
            999.0,
            1000.0,
            2392.0,
            1_234_567.0,
            8.571_428,
            1.25,
            100.0,
            1200.5,
            0.664_444,
            0.025_641,
            0.5,
            -3.0,
            999.999,
        ];
        let words: Vec<_> = values.into_iter().map(count).collect();
        insta::assert_snapshot!(words.join(" "), @r"0 1 12 999 1,000 2,392 1,234,567 8.57 1.25 100 1,200.5 0.664 0.0256 0.5 −3 1,000");
    }

    #[test]
    fn only_one_is_not_many() {
        let words = [0, 1, 2, 2000].map(|number| counted(number, "source"));
        assert_eq!(
            words,
            ["0 sources", "1 source", "2 sources", "2,000 sources"]
        );
        let words = [1, 2].map(|number| counted_as(number, "repository", "repositories"));
        assert_eq!(words, ["1 repository", "2 repositories"]);
    }

    #[test]
    fn shares_are_percents_with_one_decimal() {
        let shares = [
            0.0, 0.4784, 1.0, -0.744_444, -0.000_01, 0.4, 1.872, 0.000_49, 0.1,
        ];
        let words: Vec<_> = shares.into_iter().map(percent).collect();
        insta::assert_snapshot!(words.join(" | "), @r"0 % | 47.8 % | 100 % | −74.4 % | 0 % | 40 % | 187.2 % | 0 % | 10 %");
    }
}
