//! Numbers that people give to cards, books, persons and things.

pub(super) fn digits(text: &str, length: usize) -> bool {
    text.len() == length && text.bytes().all(|byte| byte.is_ascii_digit())
}

pub(super) fn is_credit_card(text: &str) -> bool {
    let number: Vec<u32> = text.chars().filter_map(|c| c.to_digit(10)).collect();
    let starts = |prefix: &str| {
        prefix
            .chars()
            .zip(&number)
            .all(|(wanted, digit)| wanted.to_digit(10) == Some(*digit))
    };
    let form = match number.len() {
        13 => starts("4"),
        14 => starts("36") || starts("38") || ('0'..='5').any(|c| starts(&format!("30{c}"))),
        15 => starts("34") || starts("37") || starts("2131") || starts("1800"),
        16 => {
            starts("4")
                || starts("35")
                || starts("6011")
                || starts("65")
                || ('1'..='5').any(|c| starts(&format!("5{c}")))
        }
        _ => false,
    };
    let sum: u32 = number
        .iter()
        .rev()
        .enumerate()
        .map(|(place, digit)| match (place % 2, digit * 2) {
            (0, _) => *digit,
            (_, double) if double > 9 => double - 9,
            (_, double) => double,
        })
        .sum();
    form && sum.is_multiple_of(10)
}

fn isbn_digits(text: &str) -> String {
    text.chars().filter(|c| !matches!(c, ' ' | '-')).collect()
}

pub(super) fn is_isbn10(text: &str) -> bool {
    let text = isbn_digits(text);
    if text.len() != 10 || !text.get(..9).is_some_and(|front| digits(front, 9)) {
        return false;
    }
    let sum: u32 = text
        .chars()
        .zip(1..)
        .map(|(c, place)| place * c.to_digit(10).unwrap_or(10))
        .sum();
    text.ends_with(|c: char| c.is_ascii_digit() || c == 'X') && sum.is_multiple_of(11)
}

pub(super) fn is_isbn13(text: &str) -> bool {
    let text = isbn_digits(text);
    let sum: u32 = text
        .chars()
        .enumerate()
        .map(|(place, c)| c.to_digit(10).unwrap_or(0) * if place % 2 == 0 { 1 } else { 3 })
        .sum();
    digits(&text, 13) && sum.is_multiple_of(10)
}

pub(super) fn is_ssn(text: &str) -> bool {
    let plain: String = text.chars().filter(|c| !matches!(c, '-' | ' ')).collect();
    let split = |at: usize, text: &str| matches!(text.as_bytes().get(at), Some(b'-' | b' '));
    digits(&plain, 9)
        && match text.len() {
            9 => true,
            10 => split(3, text) || split(5, text),
            11 => split(3, text) && split(6, text),
            _ => false,
        }
}

/// The dashes may be left out, each by itself.
pub(super) fn is_uuid(text: &str, version: Option<u8>) -> bool {
    let mut rest = text;
    let mut groups = Vec::with_capacity(5);
    for (at, length) in [8, 4, 4, 4, 12].into_iter().enumerate() {
        if at > 0 {
            rest = rest.strip_prefix('-').unwrap_or(rest);
        }
        let Some(group) = rest
            .get(..length)
            .filter(|group| group.bytes().all(|b| b.is_ascii_hexdigit()))
        else {
            return false;
        };
        groups.push(group);
        rest = &rest[length..];
    }
    let is_version = |wanted: u8| {
        groups[2].starts_with(char::from(b'0' + wanted))
            && (wanted == 3 || groups[3].starts_with(['8', '9', 'a', 'b', 'A', 'B']))
    };
    rest.is_empty() && version.is_none_or(is_version)
}
