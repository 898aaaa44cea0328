//! What a scalar means, to Flux's reader and to others.

use std::borrow::Cow;

use super::Scalar;

/// What a scalar is, to the reader of the API server and of Flux.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Resolved {
    Null,
    Bool(bool),
    /// Between `i64::MIN` and `u64::MAX`.
    Integer(i128),
    /// May be infinite or NaN, which JSON cannot hold.
    Float(f64),
    String,
}

impl Scalar {
    /// What the scalar is to `sigs.k8s.io/yaml`, through which the API server, kubectl and the
    /// controllers read.
    ///
    /// That reader keeps the words of YAML 1.1 (`yes`, `off`, `y`), reads `0777` and `0o777` as
    /// octal, drops `_` from numbers, knows no base 60, and leaves dates strings. Source:
    /// `resolve` in `goyaml.v2/resolve.go` of kubernetes-sigs/yaml.
    pub fn resolve(&self) -> Resolved {
        if self.plain {
            flux(&self.text)
        } else {
            Resolved::String
        }
    }

    /// Whether readers differ over a plain scalar: Flux's, one of YAML 1.1 as PyYAML and libyaml
    /// have it, and one of the core schema of YAML 1.2; or whether it has no equal in JSON.
    ///
    /// So are `yes`, `0777`, `0o7`, `1_000`, `12:30:00`, `1e3` (a string to PyYAML), `2024-01-31`
    /// and `.inf`; `true`, `12`, `1.5`, `0x1F` and `~` are not.
    pub fn ambiguous(&self) -> bool {
        if !self.plain || !may_be_other(&self.text) {
            return false;
        }
        let to_flux = flux(&self.text);
        matches!(to_flux, Resolved::Float(value) if !value.is_finite())
            || Some(to_flux) != older(&self.text)
            || to_flux != core(&self.text)
    }
}

impl Scalar {
    /// Whether it is a number in base 8 as older readers write it, `0644`: all that read manifests on their
    /// way into a cluster take it for the same number, and readers of YAML 1.2 do not.
    pub fn is_old_octal(&self) -> bool {
        let digits = self.text.strip_prefix('0').unwrap_or_default();
        self.plain && !digits.is_empty() && digits.bytes().all(|byte| (b'0'..=b'7').contains(&byte))
    }
}

/// The key that Flux's reader takes a plain key for; `None` where that is null.
///
/// JSON has only strings for keys, so it writes booleans and numbers out in its own way.
pub(super) fn key_as_read(text: &str) -> Option<Cow<'_, str>> {
    match flux(text) {
        Resolved::Null => None,
        Resolved::String => Some(Cow::Borrowed(text)),
        Resolved::Bool(true) => Some(Cow::Borrowed("true")),
        Resolved::Bool(false) => Some(Cow::Borrowed("false")),
        Resolved::Integer(value) => Some(Cow::Owned(value.to_string())),
        Resolved::Float(value) => Some(Cow::Owned(value.to_string())),
    }
}

/// Whether a plain text can be anything but a string to some reader: those have a first character
/// in common.
fn may_be_other(text: &str) -> bool {
    match text.as_bytes().first() {
        None => true,
        Some(first) => first.is_ascii_digit() || b"+-.~=<yYnNtTfFoO".contains(first),
    }
}

fn flux(text: &str) -> Resolved {
    if !may_be_other(text) {
        return Resolved::String;
    }
    if let Some(word) = word(text) {
        return word;
    }
    match text.as_bytes()[0] {
        b'.' => finite(text).map_or(Resolved::String, Resolved::Float),
        b'+' | b'-' | b'0'..=b'9' => flux_number(text),
        _ => Resolved::String,
    }
}

fn flux_number(text: &str) -> Resolved {
    let without = without_underscores(text);
    let (negative, digits) = sign(&without);
    let based = match digits.as_bytes() {
        [b'0', b'x' | b'X', ..] => magnitude(&digits[2..], 16),
        [b'0', b'o' | b'O', ..] => magnitude(&digits[2..], 8),
        [b'0', b'b' | b'B', ..] => magnitude(&digits[2..], 2),
        [b'0', _, ..] => magnitude(&digits[1..], 8),
        _ => magnitude(digits, 10),
    };
    if let Some(value) = based.and_then(|value| signed(negative, value)) {
        // Only a bare number may exceed the signed range.
        if value <= i128::from(i64::MAX) || digits.len() == without.len() {
            return Resolved::Integer(value);
        }
    }
    if let Some(value) = finite(&without) {
        return Resolved::Float(value);
    }
    // Its second look at binary takes a sign behind the prefix too.
    if let Some(rest) = without.strip_prefix("0b")
        && let Ok(value) = i64::from_str_radix(rest, 2)
    {
        return Resolved::Integer(value.into());
    }
    Resolved::String
}

/// Reads as YAML 1.1 has it; `None` for what neither of the others knows: dates, base 60, `=`.
fn older(text: &str) -> Option<Resolved> {
    if matches!(text, "=" | "<<") || date(text) {
        return None;
    }
    if let Some(word) = word(text) {
        return Some(word);
    }
    let (negative, digits) = sign(text);
    if digits.contains(':') {
        // Only the last of them has a fraction: an address with a port is text.
        let is_fraction_last = digits
            .find('.')
            .is_none_or(|point| digits.rfind(':') < Some(point));
        let are_digits = |part: &str| {
            part.starts_with(|c: char| c.is_ascii_digit()) && only(part, "0123456789_.")
        };
        let sixties = is_fraction_last && digits.split(':').all(are_digits);
        return if sixties {
            None
        } else {
            Some(Resolved::String)
        };
    }
    let based = match digits.as_bytes() {
        [b'0', b'x', ..] => magnitude(&without_underscores(&digits[2..]), 16),
        [b'0', b'b', ..] => magnitude(&without_underscores(&digits[2..]), 2),
        [b'0', b'0'..=b'9' | b'_', ..] => magnitude(&without_underscores(&digits[1..]), 8),
        [b'0'..=b'9', ..] => magnitude(&without_underscores(digits), 10),
        _ => None,
    };
    if let Some(value) = based.and_then(|value| signed(negative, value)) {
        return Some(Resolved::Integer(value));
    }
    // A fraction needs its point, an exponent its sign.
    let point = digits.contains('.');
    let exponent = digits
        .split_once(['e', 'E'])
        .is_none_or(|(_, exponent)| exponent.starts_with(['+', '-']));
    let number = decimal(&without_underscores(text)).filter(|_| point && exponent);
    Some(number.map_or(Resolved::String, Resolved::Float))
}

/// Reads by the core schema of YAML 1.2.
fn core(text: &str) -> Resolved {
    match text {
        "" | "~" | "null" | "Null" | "NULL" => return Resolved::Null,
        "true" | "True" | "TRUE" => return Resolved::Bool(true),
        "false" | "False" | "FALSE" => return Resolved::Bool(false),
        _ => {}
    }
    let (negative, digits) = sign(text);
    let based = match digits.as_bytes() {
        [b'0', b'x', ..] if digits.len() == text.len() => magnitude(&digits[2..], 16),
        [b'0', b'o', ..] if digits.len() == text.len() => magnitude(&digits[2..], 8),
        _ => magnitude(digits, 10),
    };
    if let Some(value) = based.and_then(|value| signed(negative, value)) {
        return Resolved::Integer(value);
    }
    decimal(text).map_or(Resolved::String, Resolved::Float)
}

/// The words that YAML 1.1 gives a meaning.
fn word(text: &str) -> Option<Resolved> {
    Some(match text {
        "" | "~" | "null" | "Null" | "NULL" => Resolved::Null,
        "true" | "True" | "TRUE" | "yes" | "Yes" | "YES" | "on" | "On" | "ON" | "y" | "Y" => {
            Resolved::Bool(true)
        }
        "false" | "False" | "FALSE" | "no" | "No" | "NO" | "off" | "Off" | "OFF" | "n" | "N" => {
            Resolved::Bool(false)
        }
        ".nan" | ".NaN" | ".NAN" => Resolved::Float(f64::NAN),
        ".inf" | ".Inf" | ".INF" | "+.inf" | "+.Inf" | "+.INF" => Resolved::Float(f64::INFINITY),
        "-.inf" | "-.Inf" | "-.INF" => Resolved::Float(f64::NEG_INFINITY),
        _ => return None,
    })
}

fn without_underscores(text: &str) -> Cow<'_, str> {
    if text.contains('_') {
        Cow::Owned(text.replace('_', ""))
    } else {
        Cow::Borrowed(text)
    }
}

fn sign(text: &str) -> (bool, &str) {
    match text.as_bytes().first() {
        Some(b'-') => (true, &text[1..]),
        Some(b'+') => (false, &text[1..]),
        _ => (false, text),
    }
}

/// Digits of a base, nothing else.
fn magnitude(digits: &str, base: u32) -> Option<u64> {
    if digits.is_empty() || !digits.chars().all(|c| c.is_digit(base)) {
        return None;
    }
    u64::from_str_radix(digits, base).ok()
}

fn signed(negative: bool, magnitude: u64) -> Option<i128> {
    let value = i128::from(magnitude);
    let value = if negative { -value } else { value };
    (value >= i128::from(i64::MIN)).then_some(value)
}

fn finite(text: &str) -> Option<f64> {
    decimal(text).filter(|value| value.is_finite())
}

/// A decimal number with or without a fraction and an exponent; infinite if too large for a double.
fn decimal(text: &str) -> Option<f64> {
    let (_, digits) = sign(text);
    let (number, exponent) = match digits.split_once(['e', 'E']) {
        Some((number, exponent)) => (number, Some(sign(exponent).1)),
        None => (digits, None),
    };
    let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
    let sound = !(whole.is_empty() && fraction.is_empty())
        && only(whole, "0123456789")
        && only(fraction, "0123456789")
        && exponent.is_none_or(|exponent| !exponent.is_empty() && only(exponent, "0123456789"));
    if !sound {
        return None;
    }
    text.parse().ok()
}

fn only(text: &str, allowed: &str) -> bool {
    text.chars().all(|c| allowed.contains(c))
}

/// A date, with or without a time of day.
fn date(text: &str) -> bool {
    let bytes = text.as_bytes();
    let digits = |range: std::ops::Range<usize>| {
        bytes
            .get(range)
            .is_some_and(|part| part.iter().all(u8::is_ascii_digit))
    };
    digits(0..4) && bytes.get(4) == Some(&b'-') && digits(5..6)
}

#[cfg(test)]
mod tests {
    use super::*;
    use Resolved::{Bool, Float, Integer, Null, String};

    fn plain(text: &str) -> Scalar {
        Scalar {
            text: text.to_owned().into(),
            plain: true,
        }
    }

    #[test]
    fn a_plain_scalar_is_what_the_api_server_takes_it_for() {
        let table = [
            ("", Null),
            ("~", Null),
            ("NULL", Null),
            ("nULL", String),
            ("yes", Bool(true)),
            ("On", Bool(true)),
            ("y", Bool(true)),
            ("oN", String),
            ("no", Bool(false)),
            ("N", Bool(false)),
            ("OFF", Bool(false)),
            ("0", Integer(0)),
            ("-12", Integer(-12)),
            ("+12", Integer(12)),
            ("0777", Integer(0o777)),
            ("0o777", Integer(0o777)),
            ("0O17", Integer(15)),
            ("089", Float(89.0)),
            ("0x1F", Integer(31)),
            ("-0x1f", Integer(-31)),
            ("0b101", Integer(5)),
            ("0B101", Integer(5)),
            ("0b-101", Integer(-5)),
            ("0x", String),
            ("1_000", Integer(1000)),
            ("1__0", Integer(10)),
            ("_1", String),
            ("9223372036854775808", Integer(9_223_372_036_854_775_808)),
            ("18446744073709551615", Integer(18_446_744_073_709_551_615)),
            ("+9223372036854775808", Float(9_223_372_036_854_775_808.0)),
            ("18446744073709551616", Float(18_446_744_073_709_551_616.0)),
            ("1.5", Float(1.5)),
            ("1.", Float(1.0)),
            (".5", Float(0.5)),
            (".5_0", String),
            ("1e3", Float(1000.0)),
            ("1E+3", Float(1000.0)),
            ("1e400", String),
            (".", String),
            ("1.2.3", String),
            ("12:30:00", String),
            ("2024-01-31", String),
            (".inf", Float(f64::INFINITY)),
            ("-.INF", Float(f64::NEG_INFINITY)),
            ("1m", String),
            ("inf", String),
            ("nan", String),
        ];
        for (text, expected) in table {
            assert_eq!(plain(text).resolve(), expected, "{text}");
        }
        assert!(matches!(plain(".NaN").resolve(), Float(value) if value.is_nan()));
        let quoted = Scalar {
            text: "yes".into(),
            plain: false,
        };
        assert_eq!(quoted.resolve(), String);
    }

    #[test]
    fn what_readers_take_differently_is_ambiguous() {
        for text in [
            "yes",
            "Off",
            "y",
            "N",
            "0777",
            "0o7",
            "089",
            "1_000",
            "12:30:00",
            "1:30.5",
            "1e3",
            "1e400",
            "2024-01-31",
            "2024-1-3T10:00:00Z",
            "=",
            ".inf",
            "-.Inf",
            ".nan",
            "0b1",
            "-0x1F",
            "0X1F",
            "<<",
            "+0o7",
        ] {
            assert!(plain(text).ambiguous(), "{text}");
        }
        for text in [
            "",
            "~",
            "null",
            "true",
            "False",
            "0",
            "12",
            "-12",
            "+12",
            "1.5",
            "-0.5",
            "1.0e+3",
            "0x1F",
            "1m",
            "127.0.0.1:9293",
            "1.2.3",
            "main",
            "on-call",
            "nothing",
            "-",
            "a:b",
            "10:x",
            "v1",
            "2024",
            "flux",
            "19999999999999999999.0",
        ] {
            assert!(!plain(text).ambiguous(), "{text}");
        }
    }
}
