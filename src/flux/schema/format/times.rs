//! Dates, times and durations, in the forms that the API server takes.

use super::numbers::digits;
use crate::flux::duration::parse_go;

pub(super) fn is_date(text: &str) -> bool {
    let mut parts = text.splitn(3, '-');
    let (Some(year), Some(month), Some(day)) = (parts.next(), parts.next(), parts.next()) else {
        return false;
    };
    if !(digits(year, 4) && digits(month, 2) && digits(day, 2)) {
        return false;
    }
    let number = |part: &str| part.parse::<u32>().unwrap_or(0);
    let year = number(year);
    let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    let days = match number(month) {
        1 | 3 | 5 | 7 | 8 | 10 | 12 => 31,
        4 | 6 | 9 | 11 => 30,
        2 if leap => 29,
        2 => 28,
        _ => return false,
    };
    (1..=days).contains(&number(day))
}

pub(super) fn is_date_time(text: &str) -> bool {
    // The date decides first, then a lower-cased time of day.
    let lower = text.to_lowercase();
    let Some((date, time)) = lower.split_once('t') else {
        return false;
    };
    if time.contains('t') || !is_date(date) || time.len() < 9 || !time.is_ascii() {
        return false;
    }
    let (clock, rest) = time.split_at(8);
    let mut parts = clock.splitn(3, ':');
    let within =
        |part: Option<&str>, most: &str| part.is_some_and(|part| digits(part, 2) && part <= most);
    if !(within(parts.next(), "23") && within(parts.next(), "59") && within(parts.next(), "59")) {
        return false;
    }
    let is_zone = |zone: &str| {
        zone == "z"
            || zone.strip_prefix(['+', '-']).is_some_and(|offset| {
                offset
                    .split_once(':')
                    .is_some_and(|(hours, minutes)| digits(hours, 2) && digits(minutes, 2))
            })
    };
    // Any character may stand before the fraction.
    let fraction = |rest: &str| {
        let after = rest.get(1..).unwrap_or("");
        let zone = after.trim_start_matches(|c: char| c.is_ascii_digit());
        zone.len() < after.len() && is_zone(zone)
    };
    is_zone(rest) || fraction(rest)
}

/// Go's durations, and numbers with words anywhere in the text such as `1 day`.
pub(super) fn is_duration(text: &str) -> bool {
    if parse_go(text).is_ok() {
        return true;
    }
    const EXACT: [&str; 19] = [
        "ns", "us", "µs", "ms", "s", "m", "h", "hr", "d", "w", "wk", "nano", "micro", "milli",
        "sec", "min", "hour", "day", "week",
    ];
    const STARTS: [&str; 8] = [
        "nano", "micro", "milli", "sec", "min", "hour", "day", "week",
    ];
    let mut rest = text;
    let mut found = false;
    while let Some(start) = rest.find(|c: char| c.is_ascii_digit()) {
        rest = &rest[start..];
        let end = rest
            .find(|c: char| !c.is_ascii_digit())
            .unwrap_or(rest.len());
        let (number, after) = rest.split_at(end);
        rest = after;
        let spaced = after.trim_start_matches(['\t', '\n', '\u{c}', '\r', ' ']);
        let end = spaced
            .find(|c: char| !(c.is_ascii_alphabetic() || c == 'µ'))
            .unwrap_or(spaced.len());
        if end == 0 {
            continue;
        }
        if number.parse::<i64>().is_err() {
            return false;
        }
        let unit = spaced[..end].to_lowercase();
        rest = &spaced[end..];
        found |=
            EXACT.contains(&unit.as_str()) || STARTS.iter().any(|start| unit.starts_with(start));
    }
    found
}
