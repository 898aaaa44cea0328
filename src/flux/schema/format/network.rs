//! Addresses of machines and people.

use std::net::Ipv6Addr;

/// Parts with leading zeros are taken, as the API server does.
pub(super) fn is_ipv4(text: &str) -> bool {
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

pub(super) fn is_cidr(text: &str) -> bool {
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

pub(super) fn is_mac(text: &str) -> bool {
    let hex = |part: &str, length: usize| {
        part.len() == length && part.bytes().all(|b| b.is_ascii_hexdigit())
    };
    let parts_of = |separator: char, length: usize, counts: &[usize]| {
        let parts: Vec<&str> = text.split(separator).collect();
        counts.contains(&parts.len()) && parts.iter().all(|part| hex(part, length))
    };
    parts_of(':', 2, &[6, 8, 20]) || parts_of('-', 2, &[6, 8, 20]) || parts_of('.', 4, &[3, 4, 10])
}

pub(super) fn is_email(text: &str) -> bool {
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
pub(super) fn is_hostname(text: &str) -> bool {
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
