//! Which clusters are reached past the proxy of the environment.

use std::net::IpAddr;

use http::Uri;
use ipnet::IpNet;

use crate::config::is_this_machine;

/// Takes the proxy of `HTTPS_PROXY` from a cluster that `NO_PROXY` names, or that is on this machine; kube compares
/// `NO_PROXY` with the proxy instead. A proxy that the kubeconfig names itself is kept.
pub(super) fn without_needless_proxy(cluster: &Uri, proxy: Option<Uri>) -> Option<Uri> {
    let variable = |name: &str| {
        let text = std::env::var(name).or_else(|_| std::env::var(name.to_ascii_lowercase()));
        text.ok().filter(|text| !text.is_empty())
    };
    let of_environment: Option<Uri> = variable("HTTPS_PROXY").and_then(|text| text.parse().ok());
    let host = cluster.host().unwrap_or_default();
    let is_needless =
        proxy == of_environment && is_excepted(host, &variable("NO_PROXY").unwrap_or_default());
    proxy.filter(|_| !is_needless)
}

/// Whether a list as of `NO_PROXY` names a host: by itself, a domain above it, its address, a network around that, `*`.
fn is_excepted(host: &str, list: &str) -> bool {
    let host = host.trim_matches(['[', ']']).to_ascii_lowercase();
    let address: Option<IpAddr> = host.parse().ok();
    if is_this_machine(&host) {
        return true;
    }
    list.split(',').map(str::trim).any(|entry| {
        if let (Some(address), Ok(network)) = (address, entry.parse::<IpNet>()) {
            return network.contains(&address);
        }
        let name = entry.trim_start_matches(['*', '.']).to_ascii_lowercase();
        // The parts of an address are no domains.
        let is_below = || {
            let above = host.strip_suffix(&name);
            address.is_none() && above.is_some_and(|above| above.ends_with('.'))
        };
        entry == "*" || (!name.is_empty() && (host == name || is_below()))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_host_is_excepted_by_its_name_its_domain_its_network_or_all() {
        for list in [
            "*",
            "api.acme.io",
            "x, acme.io",
            ".acme.io",
            "*.acme.io",
            "IO",
        ] {
            assert!(is_excepted("API.acme.io", list), "{list}");
        }
        for list in [
            "",
            ",",
            "cme.io",
            "api.acme.io.evil",
            "x.api.acme.io",
            "10.0.0.0/8",
        ] {
            assert!(!is_excepted("api.acme.io", list), "{list}");
        }
        assert!(is_excepted("10.1.2.3", "192.168.0.0/16,10.0.0.0/8"));
        assert!(is_excepted("10.1.2.3", "10.1.2.3"));
        assert!(is_excepted("[fd00::1]", "fd00::/8"));
        assert!(!is_excepted("11.1.2.3", "10.0.0.0/8,1.2.3"));
    }

    #[test]
    fn this_machine_is_never_reached_over_a_proxy() {
        for host in ["localhost", "127.0.0.1", "[::1]"] {
            assert!(is_excepted(host, ""), "{host}");
        }
    }

    #[test]
    fn a_proxy_of_the_kubeconfig_is_kept() {
        let cluster = "https://127.0.0.1:6443".parse().unwrap();
        let own = Some("http://proxy.of.the.kubeconfig:3128".parse().unwrap());
        assert_eq!(without_needless_proxy(&cluster, own.clone()), own);
        assert_eq!(without_needless_proxy(&cluster, None), None);
    }
}
