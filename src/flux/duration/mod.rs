//! Durations: as people write them, and as Go writes and reads them.

mod go;

use std::fmt::Write;
use std::time::Duration;

use go::leading;
pub use go::{GoDurationFault, parse_go};

/// Why a text is no duration.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DurationFault {
    #[error("the duration is empty")]
    Empty,
    #[error("the duration `{0}` has no unit")]
    NoUnit(String),
    #[error("the duration `{0}` is negative")]
    Negative(String),
    #[error("a duration has no unit `{0}`")]
    UnknownUnit(String),
    #[error("`{0}` is no duration")]
    Malformed(String),
    #[error("the duration `{0}` is not a whole number of milliseconds")]
    TooFine(String),
    #[error("the duration `{0}` is too long")]
    TooLong(String),
}

impl DurationFault {
    /// How to mend it.
    pub fn hint(&self) -> String {
        match self {
            Self::Empty => "write it as `90s`, `5m` or `1h 30m`".to_owned(),
            Self::NoUnit(number) => format!("write `{number}s`, `{number}m` or `{number}h`"),
            Self::Negative(_) => "write one of more than zero".to_owned(),
            Self::UnknownUnit(unit) => {
                format!("units are h, m or min, s and ms{}", instead(unit))
            }
            Self::Malformed(_) => "write it as `90s`, `5m`, `1.5h` or `1h 30m`".to_owned(),
            Self::TooFine(_) => "`ms` is the smallest unit".to_owned(),
            Self::TooLong(_) => "Flux can hold at most `2562047h`".to_owned(),
        }
    }
}

fn instead(unit: &str) -> &'static str {
    match unit.to_ascii_lowercase().as_str() {
        "d" | "day" | "days" => "; write a day as `24h`",
        "w" | "week" | "weeks" => "; write a week as `168h`",
        _ => "",
    }
}

/// What Go holds a duration in: nanoseconds in 64 bits with a sign.
const LONGEST_MILLISECONDS: u128 = i64::MAX as u128 / 1_000_000;

/// Reads a duration as people write it: `90s`, `1h 30m`, `1.5h`, `5min`, `500ms`, and sums of
/// them. Zero is one (`0s`); whether it makes sense says the caller.
///
/// # Errors
/// A text without unit, with a unit of a day or more, negative, not of whole milliseconds, or
/// longer than Go can hold.
pub fn read(text: &str) -> Result<Duration, DurationFault> {
    let whole = text.trim();
    let malformed = || DurationFault::Malformed(shown(whole));
    if whole.is_empty() {
        return Err(DurationFault::Empty);
    }
    if whole.starts_with('-') {
        return Err(DurationFault::Negative(shown(whole)));
    }
    if is_number(whole) {
        return Err(DurationFault::NoUnit(shown(whole)));
    }
    let mut milliseconds: u128 = 0;
    let mut rest = whole;
    while !rest.is_empty() {
        let number = leading(rest, |c| c.is_ascii_digit() || c == '.');
        if !is_number(number) {
            return Err(malformed());
        }
        rest = rest[number.len()..].trim_start_matches(' ');
        let unit = leading(rest, |c| {
            !c.is_ascii_digit() && !matches!(c, ' ' | '.' | '-' | '+' | ',')
        });
        rest = rest[unit.len()..].trim_start_matches(' ');
        let factor: u128 = match unit {
            "" => return Err(malformed()),
            "h" => 3_600_000,
            "m" | "min" => 60_000,
            "s" => 1000,
            "ms" => 1,
            other => {
                return Err(DurationFault::UnknownUnit(shown(other)));
            }
        };
        let part = times(number, factor).map_err(|fault| match fault {
            Inexact::TooFine => DurationFault::TooFine(shown(whole)),
            Inexact::TooLong => DurationFault::TooLong(shown(whole)),
        })?;
        milliseconds += part;
        if milliseconds > LONGEST_MILLISECONDS {
            return Err(DurationFault::TooLong(shown(whole)));
        }
    }
    u64::try_from(milliseconds)
        .map(Duration::from_millis)
        .map_err(|_| DurationFault::TooLong(shown(whole)))
}

/// A message quotes a text only up to here.
fn shown(text: &str) -> String {
    const LONGEST: usize = 40;
    if text.chars().count() <= LONGEST {
        text.to_owned()
    } else {
        text.chars().take(LONGEST).chain(['…']).collect()
    }
}

/// `1`, `1.5`; not `1.` and not `.5`.
fn is_number(text: &str) -> bool {
    let digits = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
    match text.split_once('.') {
        None => digits(text),
        Some((whole, fraction)) => digits(whole) && digits(fraction),
    }
}

enum Inexact {
    TooFine,
    TooLong,
}

/// A decimal number times a factor, exactly.
fn times(number: &str, factor: u128) -> Result<u128, Inexact> {
    let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
    let whole: u128 = whole.parse::<u64>().map_err(|_| Inexact::TooLong)?.into();
    let fraction = fraction.trim_end_matches('0');
    if fraction.is_empty() {
        return Ok(whole * factor);
    }
    if fraction.len() > 9 {
        return Err(Inexact::TooFine);
    }
    let scale = 10_u128.pow(u32::try_from(fraction.len()).unwrap_or(9));
    let parts: u128 = fraction
        .parse::<u64>()
        .map_err(|_| Inexact::TooFine)?
        .into();
    if !(parts * factor).is_multiple_of(scale) {
        return Err(Inexact::TooFine);
    }
    Ok(whole * factor + parts * factor / scale)
}

/// Writes the shortest Go form that the patterns of Flux's kinds take: `1m`, `1m30s`, `1h`,
/// `500ms`, `0s`. What is finer than a millisecond is dropped.
pub fn write(duration: Duration) -> String {
    let (hours, seconds) = (duration.as_secs() / 3600, duration.as_secs() % 3600);
    parts(hours, seconds / 60, seconds % 60, duration.subsec_millis())
}

/// Writes it without hours, for fields that do not take them, such as a GitRepository's timeout:
/// `90m`.
pub fn write_without_hours(duration: Duration) -> String {
    let seconds = duration.as_secs();
    parts(0, seconds / 60, seconds % 60, duration.subsec_millis())
}

fn parts(hours: u64, minutes: u64, seconds: u64, milliseconds: u32) -> String {
    let mut out = String::new();
    for (count, unit) in [
        (hours, "h"),
        (minutes, "m"),
        (seconds, "s"),
        (milliseconds.into(), "ms"),
    ] {
        if count > 0 {
            // Writing to a string cannot fail.
            let _ = write!(out, "{count}{unit}");
        }
    }
    if out.is_empty() {
        out.push_str("0s");
    }
    out
}

#[cfg(test)]
mod tests {
    use proptest::{prop_assert_eq, proptest};

    use super::*;

    #[test]
    fn durations_are_read_as_people_write_them() {
        for (text, milliseconds) in [
            ("90s", 90_000),
            ("1h 30m", 5_400_000),
            ("1h30m", 5_400_000),
            ("1.5h", 5_400_000),
            ("5min", 300_000),
            ("5 min", 300_000),
            (" 2m  10 s ", 130_000),
            ("500ms", 500),
            ("0.5s", 500),
            ("1.50m", 90_000),
            ("0s", 0),
            ("2562047h", 2_562_047 * 3_600_000),
        ] {
            assert_eq!(
                read(text),
                Ok(Duration::from_millis(milliseconds)),
                "{text}"
            );
        }
    }

    #[test]
    fn what_is_no_duration_is_refused_with_how_to_mend_it() {
        for (text, message) in [
            (
                "",
                "the duration is empty; write it as `90s`, `5m` or `1h 30m`",
            ),
            (
                "  ",
                "the duration is empty; write it as `90s`, `5m` or `1h 30m`",
            ),
            (
                "90",
                "the duration `90` has no unit; write `90s`, `90m` or `90h`",
            ),
            (
                "1.5",
                "the duration `1.5` has no unit; write `1.5s`, `1.5m` or `1.5h`",
            ),
            (
                "-5m",
                "the duration `-5m` is negative; write one of more than zero",
            ),
            (
                "1d",
                "a duration has no unit `d`; units are h, m or min, s and ms; write a day as `24h`",
            ),
            (
                "2weeks",
                "a duration has no unit `weeks`; units are h, m or min, s and ms; write a week as `168h`",
            ),
            (
                "1M",
                "a duration has no unit `M`; units are h, m or min, s and ms",
            ),
            (
                "5us",
                "a duration has no unit `us`; units are h, m or min, s and ms",
            ),
            (
                "banana",
                "`banana` is no duration; write it as `90s`, `5m`, `1.5h` or `1h 30m`",
            ),
            (
                "1m -5s",
                "`1m -5s` is no duration; write it as `90s`, `5m`, `1.5h` or `1h 30m`",
            ),
            (
                "1h 30",
                "`1h 30` is no duration; write it as `90s`, `5m`, `1.5h` or `1h 30m`",
            ),
            (
                "1.m",
                "`1.m` is no duration; write it as `90s`, `5m`, `1.5h` or `1h 30m`",
            ),
            (
                "0.0001s",
                "the duration `0.0001s` is not a whole number of milliseconds; `ms` is the smallest unit",
            ),
            (
                "1.5ms",
                "the duration `1.5ms` is not a whole number of milliseconds; `ms` is the smallest unit",
            ),
            (
                "2562048h",
                "the duration `2562048h` is too long; Flux can hold at most `2562047h`",
            ),
            (
                "99999999999999999999999s",
                "the duration `99999999999999999999999s` is too long; Flux can hold at most `2562047h`",
            ),
        ] {
            assert_eq!(
                read(text).map_err(|fault| format!("{fault}; {}", fault.hint())),
                Err(message.to_owned())
            );
        }
    }

    #[test]
    fn a_duration_is_written_without_zero_parts() {
        for (milliseconds, text, minutes) in [
            (0, "0s", "0s"),
            (500, "500ms", "500ms"),
            (60_000, "1m", "1m"),
            (90_000, "1m30s", "1m30s"),
            (3_600_000, "1h", "60m"),
            (5_400_000, "1h30m", "90m"),
            (3_601_250, "1h1s250ms", "60m1s250ms"),
        ] {
            assert_eq!(write(Duration::from_millis(milliseconds)), text);
            assert_eq!(
                write_without_hours(Duration::from_millis(milliseconds)),
                minutes
            );
        }
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_back_by_us_and_by_go(milliseconds in 0..9_000_000_000_000_u64) {
            let duration = Duration::from_millis(milliseconds);
            for text in [write(duration), write_without_hours(duration)] {
                prop_assert_eq!(read(&text), Ok(duration));
                let nanoseconds = i64::try_from(duration.as_nanos()).expect("within range");
                prop_assert_eq!(parse_go(&text), Ok(nanoseconds));
            }
        }

        #[test]
        fn no_text_makes_it_panic(text in "[0-9.hmsµ \\-+dn]{0,24}") {
            let _ = read(&text);
            let _ = parse_go(&text);
        }
    }
}
