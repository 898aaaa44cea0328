//! The names of this machine that never lead elsewhere.

use std::net::IpAddr;

/// Whether a host is `localhost` or a loopback address, of IPv6 with its brackets or without.
pub fn is_this_machine(host: &str) -> bool {
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    bare.eq_ignore_ascii_case("localhost")
        || bare
            .parse::<IpAddr>()
            .is_ok_and(|address| address.is_loopback())
}
