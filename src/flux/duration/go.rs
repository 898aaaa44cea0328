//! Durations as Go reads them.

/// Why Go takes a text for no duration.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum GoDurationFault {
    #[error("Go reads no duration from it")]
    Malformed,
    #[error("a number in it has no unit")]
    NoUnit,
    #[error("it has an unknown unit `{0}`")]
    UnknownUnit(String),
    #[error("it is longer than Go can hold (about 292 years)")]
    TooLong,
}

/// Reads a duration as Go's `time.ParseDuration`, in nanoseconds.
///
/// # Errors
/// Wherever that function gives one. Source: `src/time/format.go` of Go.
pub fn parse_go(text: &str) -> Result<i64, GoDurationFault> {
    const LIMIT: u64 = 1 << 63;
    let (negative, mut rest) = match text.as_bytes().first() {
        Some(b'-') => (true, &text[1..]),
        Some(b'+') => (false, &text[1..]),
        _ => (false, text),
    };
    if rest == "0" {
        return Ok(0);
    }
    if rest.is_empty() {
        return Err(GoDurationFault::Malformed);
    }
    let mut sum: u64 = 0;
    while !rest.is_empty() {
        let whole = leading(rest, |c| c.is_ascii_digit());
        rest = &rest[whole.len()..];
        let fraction = match rest.strip_prefix('.') {
            None => "",
            Some(after) => {
                let fraction = leading(after, |c| c.is_ascii_digit());
                rest = &after[fraction.len()..];
                fraction
            }
        };
        if whole.is_empty() && fraction.is_empty() {
            return Err(GoDurationFault::Malformed);
        }
        let unit = leading(rest, |c| c != '.' && !c.is_ascii_digit());
        rest = &rest[unit.len()..];
        let factor: u64 = match unit {
            "" => return Err(GoDurationFault::NoUnit),
            "ns" => 1,
            // The micro sign, and the Greek letter.
            "us" | "\u{b5}s" | "\u{3bc}s" => 1000,
            "ms" => 1_000_000,
            "s" => 1_000_000_000,
            "m" => 60_000_000_000,
            "h" => 3_600_000_000_000,
            other => return Err(GoDurationFault::UnknownUnit(other.to_owned())),
        };
        let whole = if whole.is_empty() {
            0
        } else {
            whole.parse().map_err(|_| GoDurationFault::TooLong)?
        };
        sum = go_part(whole, fraction, factor)
            .and_then(|part| sum.checked_add(part))
            .filter(|sum| *sum <= LIMIT)
            .ok_or(GoDurationFault::TooLong)?;
    }
    match i64::try_from(sum) {
        Ok(value) if negative => Ok(-value),
        Ok(value) => Ok(value),
        Err(_) if negative => Ok(i64::MIN),
        Err(_) => Err(GoDurationFault::TooLong),
    }
}

/// One number with its unit, with the rounding that Go has: the digits of the fraction that fit
/// are multiplied as a double.
#[expect(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "the same arithmetic as Go's"
)]
fn go_part(whole: u64, fraction: &str, factor: u64) -> Option<u64> {
    const LIMIT: u64 = 1 << 63;
    if whole > LIMIT / factor {
        return None;
    }
    let (mut digits, mut scale) = (0_u64, 1_f64);
    for byte in fraction.bytes() {
        if digits > (LIMIT - 1) / 10 {
            break;
        }
        let next = digits * 10 + u64::from(byte - b'0');
        if next > LIMIT {
            break;
        }
        digits = next;
        scale *= 10.0;
    }
    let fraction = (digits as f64 * (factor as f64 / scale)) as u64;
    let part = whole * factor + fraction;
    (part <= LIMIT).then_some(part)
}

pub(super) fn leading(text: &str, belongs: impl Fn(char) -> bool) -> &str {
    let end = text.find(|c| !belongs(c)).unwrap_or(text.len());
    &text[..end]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn go_reads_what_go_reads() {
        for (text, nanoseconds) in [
            ("0", 0),
            ("-0", 0),
            ("1h2m3.5s", 3_723_500_000_000),
            ("-1.5h", -5_400_000_000_000),
            ("+5s", 5_000_000_000),
            (".5s", 500_000_000),
            ("5.s", 5_000_000_000),
            ("1µs", 1000),
            ("1μs", 1000),
            ("3ns", 3),
            ("0.3333333333333333333h", 1_200_000_000_000),
            ("9223372036854775807ns", i64::MAX),
            ("-9223372036854775808ns", i64::MIN),
            ("0.100000000000000000000h", 360_000_000_000),
        ] {
            assert_eq!(parse_go(text), Ok(nanoseconds), "{text}");
        }
        for (text, message) in [
            ("", "Go reads no duration from it"),
            ("-", "Go reads no duration from it"),
            (".s", "Go reads no duration from it"),
            ("s", "Go reads no duration from it"),
            ("1h 2m", "it has an unknown unit `h `"),
            ("3", "a number in it has no unit"),
            ("1h3", "a number in it has no unit"),
            ("1d", "it has an unknown unit `d`"),
            (
                "9223372036854775808ns",
                "it is longer than Go can hold (about 292 years)",
            ),
            (
                "2562048h",
                "it is longer than Go can hold (about 292 years)",
            ),
            (
                "99999999999999999999s",
                "it is longer than Go can hold (about 292 years)",
            ),
        ] {
            assert_eq!(
                parse_go(text).map_err(|fault| fault.to_string()),
                Err(message.to_owned()),
                "{text}"
            );
        }
    }
}
