//! The formats of strings that the API server checks; all others it ignores.
//!
//! Source: `k8s.io/apiextensions-apiserver`, `pkg/apiserver/validation/formats.go`, and
//! `k8s.io/kube-openapi`, `pkg/validation/strfmt`.

use std::net::Ipv6Addr;

use crate::flux::duration::parse_go;
use crate::flux::names;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Format {
    Base64,
    BsonObjectId,
    Cidr,
    CreditCard,
    Date,
    DateTime,
    Duration,
    Email,
    HexColor,
    Hostname,
    Ipv4,
    Ipv6,
    Isbn,
    Isbn10,
    Isbn13,
    LongName,
    Mac,
    RgbColor,
    ShortName,
    Ssn,
    Uri,
    /// The version that the UUID must have, if any.
    Uuid(Option<u8>),
    /// Checked in name only.
    Password,
}

impl Format {
    /// The format of that name, `None` where the API server ignores it.
    pub(super) fn named(name: &str) -> Option<Self> {
        Some(match name.replace('-', "").as_str() {
            "byte" => Format::Base64,
            "bsonobjectid" => Format::BsonObjectId,
            "cidr" => Format::Cidr,
            "creditcard" => Format::CreditCard,
            "date" => Format::Date,
            "datetime" => Format::DateTime,
            "duration" => Format::Duration,
            "email" => Format::Email,
            "hexcolor" => Format::HexColor,
            "hostname" => Format::Hostname,
            "ipv4" => Format::Ipv4,
            "ipv6" => Format::Ipv6,
            "isbn" => Format::Isbn,
            "isbn10" => Format::Isbn10,
            "isbn13" => Format::Isbn13,
            "k8slongname" => Format::LongName,
            "k8sshortname" => Format::ShortName,
            "mac" => Format::Mac,
            "password" => Format::Password,
            "rgbcolor" => Format::RgbColor,
            "ssn" => Format::Ssn,
            "uri" => Format::Uri,
            "uuid" => Format::Uuid(None),
            "uuid3" => Format::Uuid(Some(3)),
            "uuid4" => Format::Uuid(Some(4)),
            "uuid5" => Format::Uuid(Some(5)),
            _ => return None,
        })
    }

    /// What a text of this format is called, with its article.
    pub(super) fn noun(self) -> &'static str {
        match self {
            Format::Base64 => "base64",
            Format::BsonObjectId => "a BSON object ID of 24 hexadecimal digits",
            Format::Cidr => "a CIDR such as 10.0.0.0/8",
            Format::CreditCard => "a credit card number",
            Format::Date => "a date such as 2006-01-02",
            Format::DateTime => "a time such as 2006-01-02T15:04:05Z",
            Format::Duration => "a duration such as 1m30s",
            Format::Email => "an e-mail address",
            Format::HexColor => "a colour such as #ffcc00",
            Format::Hostname => "a host name",
            Format::Ipv4 => "an IPv4 address",
            Format::Ipv6 => "an IPv6 address",
            Format::Isbn | Format::Isbn10 | Format::Isbn13 => "an ISBN",
            Format::LongName => "a name of lower case letters, digits, `-` and `.`",
            Format::Mac => "a MAC address",
            Format::RgbColor => "a colour such as rgb(255,204,0)",
            Format::ShortName => "a name of lower case letters, digits and `-`",
            Format::Ssn => "a number such as 123-45-6789",
            Format::Uri => "an absolute URI or path",
            Format::Uuid(_) => "a UUID",
            Format::Password => "a password",
        }
    }

    pub(super) fn holds(self, text: &str) -> bool {
        match self {
            Format::Base64 => is_base64(text),
            Format::BsonObjectId => text.len() == 24 && text.bytes().all(|b| b.is_ascii_hexdigit()),
            Format::Cidr => is_cidr(text),
            Format::CreditCard => is_credit_card(text),
            Format::Date => is_date(text),
            Format::DateTime => is_date_time(text),
            Format::Duration => is_duration(text),
            Format::Email => is_email(text),
            Format::HexColor => {
                let digits = text.strip_prefix('#').unwrap_or(text);
                matches!(digits.len(), 3 | 6) && digits.bytes().all(|b| b.is_ascii_hexdigit())
            }
            Format::Hostname => is_hostname(text),
            Format::Ipv4 => is_ipv4(text),
            Format::Ipv6 => text.contains(':') && text.parse::<Ipv6Addr>().is_ok(),
            Format::Isbn => is_isbn10(text) || is_isbn13(text),
            Format::Isbn10 => is_isbn10(text),
            Format::Isbn13 => is_isbn13(text),
            Format::LongName => names::dns_subdomain(text).is_ok(),
            Format::Mac => is_mac(text),
            Format::RgbColor => is_rgb_color(text),
            Format::ShortName => names::dns_label(text).is_ok(),
            Format::Ssn => is_ssn(text),
            Format::Uri => is_uri(text),
            Format::Uuid(version) => is_uuid(text, version),
            Format::Password => true,
        }
    }
}

fn digits(text: &str, length: usize) -> bool {
    text.len() == length && text.bytes().all(|byte| byte.is_ascii_digit())
}

fn is_base64(text: &str) -> bool {
    let unpadded = text.trim_end_matches('=');
    !text.is_empty()
        && text.len().is_multiple_of(4)
        && text.len() - unpadded.len() <= 2
        && unpadded
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'+' | b'/'))
}

/// Parts with leading zeros are taken, as the API server does.
fn is_ipv4(text: &str) -> bool {
    let parts: Vec<&str> = text.split('.').collect();
    if parts.len() == 4 {
        return parts.iter().all(|part| {
            !part.is_empty()
                && part.bytes().all(|b| b.is_ascii_digit())
                && part.parse::<u32>().is_ok_and(|n| n < 256)
        });
    }
    text.contains('.') && text.parse::<Ipv6Addr>().is_ok()
}

fn is_cidr(text: &str) -> bool {
    let Some((address, bits)) = text.split_once('/') else {
        return false;
    };
    let most = if is_ipv4(address) && !address.contains(':') {
        32
    } else if address.parse::<Ipv6Addr>().is_ok() {
        128
    } else {
        return false;
    };
    (1..=3).contains(&bits.len())
        && bits.bytes().all(|b| b.is_ascii_digit())
        && bits.parse::<u32>().is_ok_and(|bits| bits <= most)
}

fn is_credit_card(text: &str) -> bool {
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

fn is_date(text: &str) -> bool {
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

fn is_date_time(text: &str) -> bool {
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
fn is_duration(text: &str) -> bool {
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

fn is_email(text: &str) -> bool {
    let address = match (text.rfind('<'), text.ends_with('>')) {
        (Some(open), true) => &text[open + 1..text.len() - 1],
        (None, false) => text.trim(),
        _ => return false,
    };
    let atoms = |part: &str| {
        !part.is_empty()
            && part.split('.').all(|atom| {
                !atom.is_empty()
                    && atom.chars().all(|c| {
                        !c.is_ascii()
                            || c.is_ascii_alphanumeric()
                            || "!#$%&'*+-/=?^_`{|}~".contains(c)
                    })
            })
    };
    address
        .rsplit_once('@')
        .is_some_and(|(user, host)| atoms(user) && atoms(host))
}

/// One label, or labels that end in a name of letters only.
fn is_hostname(text: &str) -> bool {
    let word = |c: char| c.is_ascii_alphanumeric() || c.is_alphabetic() || is_symbol(c);
    if text.len() > 255 || text.split('.').any(|part| part.len() > 63) {
        return false;
    }
    match text.rsplit_once('.') {
        None => {
            // At most one dash, behind the first character.
            let mut rest = text.chars();
            if !rest.next().is_some_and(word) {
                return false;
            }
            let rest = rest.as_str();
            let rest = rest.strip_prefix('-').unwrap_or(rest);
            rest.chars().count() <= 62 && rest.chars().all(word)
        }
        Some((labels, top)) => {
            let ends = |label: &str| {
                label.chars().next().is_some_and(word) && label.chars().last().is_some_and(word)
            };
            (2..=63).contains(&top.chars().count())
                && top.chars().all(char::is_alphabetic)
                && labels
                    .split('.')
                    .all(|label| ends(label) && label.chars().all(|c| c == '-' || word(c)))
        }
    }
}

fn is_symbol(c: char) -> bool {
    "$+<=>^`|~".contains(c)
        || (!c.is_ascii() && !c.is_alphanumeric() && !c.is_whitespace() && !c.is_control())
}

fn isbn_digits(text: &str) -> String {
    text.chars().filter(|c| !matches!(c, ' ' | '-')).collect()
}

fn is_isbn10(text: &str) -> bool {
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

fn is_isbn13(text: &str) -> bool {
    let text = isbn_digits(text);
    let sum: u32 = text
        .chars()
        .enumerate()
        .map(|(place, c)| c.to_digit(10).unwrap_or(0) * if place % 2 == 0 { 1 } else { 3 })
        .sum();
    digits(&text, 13) && sum.is_multiple_of(10)
}

fn is_mac(text: &str) -> bool {
    let hex = |part: &str, length: usize| {
        part.len() == length && part.bytes().all(|b| b.is_ascii_hexdigit())
    };
    let parts_of = |separator: char, length: usize, counts: &[usize]| {
        let parts: Vec<&str> = text.split(separator).collect();
        counts.contains(&parts.len()) && parts.iter().all(|part| hex(part, length))
    };
    parts_of(':', 2, &[6, 8, 20]) || parts_of('-', 2, &[6, 8, 20]) || parts_of('.', 4, &[3, 4, 10])
}

fn is_rgb_color(text: &str) -> bool {
    let Some(inside) = text
        .strip_prefix("rgb(")
        .and_then(|rest| rest.strip_suffix(')'))
    else {
        return false;
    };
    let parts: Vec<&str> = inside.split(',').collect();
    parts.len() == 3
        && parts.iter().all(|part| {
            let part = part.trim();
            let canonical = part == "0" || !part.starts_with('0');
            canonical && part.bytes().all(|b| b.is_ascii_digit()) && part.parse::<u8>().is_ok()
        })
}

fn is_ssn(text: &str) -> bool {
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

/// What Go's `url.ParseRequestURI` takes: a path from the root or a URI with a scheme.
fn is_uri(text: &str) -> bool {
    if text.is_empty() || text.bytes().any(|b| b < 0x20 || b == 0x7f) {
        return false;
    }
    if text == "*" {
        return true;
    }
    let rest = match text.split_once(':') {
        Some((scheme, rest))
            if scheme.starts_with(|c: char| c.is_ascii_alphabetic())
                && scheme
                    .bytes()
                    .all(|b| b.is_ascii_alphanumeric() || b"+-.".contains(&b)) =>
        {
            rest
        }
        _ if text.starts_with('/') => text,
        _ => return false,
    };
    if !rest.starts_with('/') {
        return rest.len() < text.len();
    }
    let rest = rest.split('?').next().unwrap_or(rest);
    match rest.strip_prefix("//") {
        Some(rest) if !rest.starts_with('/') => {
            let (authority, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
            escapes_hold(path) && is_authority(authority)
        }
        _ => escapes_hold(rest),
    }
}

fn is_authority(authority: &str) -> bool {
    let host = match authority.rsplit_once('@') {
        Some((user, host)) => {
            let known = |b: u8| b.is_ascii_alphanumeric() || b"-._:~!$&'()*+,;=%@".contains(&b);
            if !user.bytes().all(known) || !escapes_hold(user) {
                return false;
            }
            host
        }
        None => authority,
    };
    let (name, port) = match host.strip_prefix('[') {
        Some(rest) => match rest.rsplit_once(']') {
            Some((name, port)) => (name, port),
            None => return false,
        },
        None => host.split_at(host.rfind(':').unwrap_or(host.len())),
    };
    let is_port = port.is_empty()
        || port
            .strip_prefix(':')
            .is_some_and(|digits| digits.bytes().all(|b| b.is_ascii_digit()));
    let known = |b: u8| {
        !b.is_ascii() || b.is_ascii_alphanumeric() || b"-._~!$&'()*+,;=:[]<>\"".contains(&b)
    };
    is_port && name.bytes().all(known)
}

fn escapes_hold(text: &str) -> bool {
    text.split('%').skip(1).all(|after| {
        let bytes = after.as_bytes();
        bytes.len() >= 2 && bytes[..2].iter().all(u8::is_ascii_hexdigit)
    })
}

/// The dashes may be left out, each by itself.
fn is_uuid(text: &str, version: Option<u8>) -> bool {
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

#[cfg(test)]
mod tests {
    use super::*;

    /// Each line: format, what it takes, what it refuses.
    const CASES: [(&str, &[&str], &[&str]); 22] = [
        ("byte", &["YWJj", "YQ=="], &["", "abc", "a===", "a-b_"]),
        ("bsonobjectid", &["507f1f77bcf86cd799439011"], &["507f"]),
        (
            "cidr",
            &["10.0.0.0/8", "::/0", "010.0.0.0/8"],
            &["10.0.0.0", "10.0.0.0/33", "x/8", "::/129"],
        ),
        (
            "creditcard",
            &["4111 1111 1111 1111"],
            &["4111 1111 1111 1112", ""],
        ),
        (
            "date",
            &["2024-02-29"],
            &["2023-02-29", "2024-1-1", "2024-13-01", "2024-04-31"],
        ),
        (
            "date-time",
            &["2024-01-01T00:00:00Z", "2024-01-01t23:59:59.5+01:00"],
            &[
                "2024-01-01",
                "2024-01-01T24:00:00Z",
                "2024-01-01T00:00:60Z",
                "2024-01-01 00:00:00Z",
            ],
        ),
        (
            "duration",
            &["1h", "1 day", "-1.5h", "0", "3 weeks ago"],
            &["1", "h", "", "1 fortnight"],
        ),
        (
            "email",
            &["a@b", "A B <a@b.c>"],
            &["a", "@b", "a@", "a b@c"],
        ),
        ("hexcolor", &["#fff", "ABCDEF"], &["#ffff", "#ggg"]),
        (
            "hostname",
            &["a", "a-b", "a.bc", "1a.example"],
            &["", "a.b", "-a", "a_b", "a.b-"],
        ),
        (
            "ipv4",
            &["1.2.3.4", "01.2.3.4"],
            &["1.2.3", "1.2.3.256", "::1"],
        ),
        ("ipv6", &["::1", "::ffff:1.2.3.4"], &["1.2.3.4", ":::"]),
        (
            "isbn",
            &["0-321-75104-3", "978-0321751041"],
            &["0321751042"],
        ),
        ("k8s-short-name", &["a-b"], &["a.b", "A"]),
        ("k8s-long-name", &["a.b"], &["a_b"]),
        (
            "mac",
            &["01:02:03:04:05:ab", "0102.0304.0506"],
            &["01:02:03:04:05", "01:02:03:04:05:xx"],
        ),
        ("password", &[""], &[]),
        ("rgbcolor", &["rgb(1,2,3)"], &["rgb(256,0,0)", "rgb(1,2)"]),
        (
            "ssn",
            &["123-45-6789", "123456789"],
            &["12-345-6789", "12345678"],
        ),
        (
            "uri",
            &["https://a/b?c", "/a", "mailto:a"],
            &["a/b", "", "https://a b/", "http://a/%zz"],
        ),
        (
            "uuid",
            &[
                "123e4567-e89b-12d3-a456-426614174000",
                "123e4567e89b12d3a456426614174000",
            ],
            &["123e4567"],
        ),
        (
            "uuid4",
            &["123e4567-e89b-42d3-a456-426614174000"],
            &["123e4567-e89b-12d3-a456-426614174000"],
        ),
    ];

    #[test]
    fn a_format_takes_what_the_api_server_takes() {
        for (name, good, bad) in CASES {
            let format = Format::named(name).unwrap();
            for text in good {
                assert!(format.holds(text), "{name} refuses {text:?}");
            }
            for text in bad {
                assert!(!format.holds(text), "{name} takes {text:?}");
            }
        }
    }

    #[test]
    fn a_format_that_the_api_server_ignores_is_none() {
        for name in ["int32", "int64", "float", "double", "regex", "quantity", ""] {
            assert_eq!(Format::named(name), None, "{name}");
        }
    }

    proptest::proptest! {
        #[test]
        fn no_text_makes_a_format_panic(text in r"(\PC|[0-9a-fA-F.:/%@<>-]){0,40}") {
            for (name, _, _) in CASES {
                let _ = Format::named(name).unwrap().holds(&text);
            }
        }
    }

    #[test]
    fn an_ipv4_address_is_no_ipv6_address() {
        assert!(Format::Ipv4.holds("1.2.3.4"));
        assert!(!Format::Ipv6.holds("1.2.3.4"));
    }
}
