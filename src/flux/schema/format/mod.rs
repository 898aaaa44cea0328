//! The formats of strings that the API server checks; all others it ignores.
//!
//! Source: `k8s.io/apiextensions-apiserver`, `pkg/apiserver/validation/formats.go`, and
//! `k8s.io/kube-openapi`, `pkg/validation/strfmt`.

mod network;
mod numbers;
mod times;
mod uri;

use std::net::Ipv6Addr;

use crate::flux::names;
use network::{is_cidr, is_email, is_hostname, is_ipv4, is_mac};
use numbers::{is_credit_card, is_isbn10, is_isbn13, is_ssn, is_uuid};
use times::{is_date, is_date_time, is_duration};
use uri::is_uri;

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

fn is_base64(text: &str) -> bool {
    let unpadded = text.trim_end_matches('=');
    !text.is_empty()
        && text.len().is_multiple_of(4)
        && text.len() - unpadded.len() <= 2
        && unpadded
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'+' | b'/'))
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
