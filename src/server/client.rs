//! Whose request it is: the peer's, or the one for whom a trusted proxy says it speaks.

use std::net::{IpAddr, Ipv6Addr, SocketAddr};

use http::{HeaderMap, HeaderName};
use ipnet::IpNet;

const FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");

/// Who is held for the same sender: an IPv4 address, or a network of IPv6, of which anybody has 2^64 addresses.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Sender(IpAddr);

impl Sender {
    /// Finds the sender behind the proxies that are trusted; nobody else is believed what they forward.
    ///
    /// A proxy writes at the right of `X-Forwarded-For` whom it heard, so the header is read from there, up to the
    /// first address that is no trusted proxy: what stands further left, a sender may have invented.
    pub(super) fn of(peer: IpAddr, headers: &HeaderMap, trusted: &[IpNet]) -> Self {
        let is_trusted = |address: IpAddr| trusted.iter().any(|network| network.contains(&address));
        let mut sender = peer.to_canonical();
        let lines = headers.get_all(FORWARDED_FOR);
        let mut lines: Vec<_> = lines.iter().map(|line| line.as_bytes()).collect();
        lines.reverse();
        let heard = lines
            .into_iter()
            .flat_map(|line| line.rsplit(|byte| *byte == b','));
        for address in heard {
            if !is_trusted(sender) {
                break;
            }
            match read_address(address) {
                Some(address) => sender = address,
                None => break,
            }
        }
        Self(network_of(sender))
    }
}

impl std::fmt::Display for Sender {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.0 {
            IpAddr::V4(address) => write!(f, "{address}"),
            IpAddr::V6(network) => write!(f, "{network}/64"),
        }
    }
}

/// An address as proxies write it, some with a port.
fn read_address(text: &[u8]) -> Option<IpAddr> {
    let text = std::str::from_utf8(text).ok()?.trim();
    let bare = text
        .strip_prefix('[')
        .and_then(|text| text.strip_suffix(']'))
        .unwrap_or(text);
    let address = bare
        .parse()
        .ok()
        .or_else(|| Some(text.parse::<SocketAddr>().ok()?.ip()));
    address.map(|address: IpAddr| address.to_canonical())
}

fn network_of(address: IpAddr) -> IpAddr {
    match address {
        IpAddr::V4(_) => address,
        IpAddr::V6(address) => IpAddr::V6(Ipv6Addr::from_bits(address.to_bits() >> 64 << 64)),
    }
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;
    use proptest::prelude::{any, prop, proptest};

    use super::*;

    fn sender(peer: &str, forwarded: &[&str], trusted: &[&str]) -> String {
        let mut headers = HeaderMap::new();
        for line in forwarded {
            headers.append(FORWARDED_FOR, HeaderValue::from_str(line).unwrap());
        }
        let trusted: Vec<IpNet> = trusted.iter().map(|net| net.parse().unwrap()).collect();
        Sender::of(peer.parse().unwrap(), &headers, &trusted).to_string()
    }

    const PROXIES: &[&str] = &["10.0.0.0/8", "fd00::/8"];

    #[test]
    fn nobody_but_a_trusted_proxy_is_believed() {
        assert_eq!(sender("192.0.2.1", &["1.1.1.1"], PROXIES), "192.0.2.1");
        assert_eq!(sender("10.0.0.1", &["1.1.1.1"], &[]), "10.0.0.1");
        assert_eq!(sender("10.0.0.1", &["1.1.1.1"], PROXIES), "1.1.1.1");
        assert_eq!(sender("10.0.0.1", &[], PROXIES), "10.0.0.1");
    }

    #[test]
    fn the_header_is_read_from_the_right_up_to_the_first_stranger() {
        let invented = "6.6.6.6, 1.1.1.1, 10.0.0.2";
        assert_eq!(sender("10.0.0.1", &[invented], PROXIES), "1.1.1.1");
        let lines = ["6.6.6.6", "1.1.1.1,10.0.0.3", "10.0.0.2"];
        assert_eq!(sender("10.0.0.1", &lines, PROXIES), "1.1.1.1");
        let only_proxies = "10.0.0.3, 10.0.0.2";
        assert_eq!(sender("10.0.0.1", &[only_proxies], PROXIES), "10.0.0.3");
    }

    #[test]
    fn what_is_no_address_ends_the_reading() {
        for strange in ["6.6.6.6, unknown", "6.6.6.6,", "6.6.6.6, 1.1.1.1.1", ""] {
            assert_eq!(sender("10.0.0.1", &[strange], PROXIES), "10.0.0.1");
        }
        let behind = "unknown, 10.0.0.2";
        assert_eq!(sender("10.0.0.1", &[behind], PROXIES), "10.0.0.2");
    }

    #[test]
    fn addresses_are_read_as_proxies_write_them() {
        for written in [
            "1.1.1.1",
            " 1.1.1.1:443 ",
            "::ffff:1.1.1.1",
            "[::ffff:1.1.1.1]:80",
        ] {
            assert_eq!(sender("10.0.0.1", &[written], PROXIES), "1.1.1.1");
        }
        for written in ["2001:db8::1:2:3:4", "[2001:db8::5:6]", "[2001:db8::7]:443"] {
            assert_eq!(sender("fd00::1", &[written], PROXIES), "2001:db8::/64");
        }
        assert_eq!(sender("::ffff:10.0.0.1", &["1.1.1.1"], PROXIES), "1.1.1.1");
    }

    proptest! {
        #[test]
        fn no_header_makes_it_panic(lines in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..60), 0..4)) {
            let mut headers = HeaderMap::new();
            for line in lines {
                if let Ok(line) = HeaderValue::from_bytes(&line) {
                    headers.append(FORWARDED_FOR, line);
                }
            }
            let trusted = ["0.0.0.0/0".parse().unwrap(), "::/0".parse().unwrap()];
            let _ = Sender::of([10, 0, 0, 1].into(), &headers, &trusted);
        }
    }
}
