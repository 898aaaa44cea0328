//! How a repository is reached.

use super::fault::UrlFault;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Scheme {
    Https,
    Http,
    Ssh,
    Oci,
}

impl Scheme {
    pub(super) fn read(name: &str) -> Result<Self, UrlFault> {
        let lower = name.to_ascii_lowercase();
        let scheme = match lower.as_str() {
            "https" => Self::Https,
            "http" => Self::Http,
            "ssh" => Self::Ssh,
            "oci" => Self::Oci,
            _ if name
                .chars()
                .all(|c| c.is_ascii_alphanumeric() || matches!(c, '+' | '-' | '.')) =>
            {
                return Err(UrlFault::UnknownScheme(name.to_owned()));
            }
            _ => return Err(UrlFault::NoScheme),
        };
        if name == lower {
            Ok(scheme)
        } else {
            Err(UrlFault::SchemeCase(lower))
        }
    }

    /// As it stands before `://`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Https => "https",
            Self::Http => "http",
            Self::Ssh => "ssh",
            Self::Oci => "oci",
        }
    }

    pub(super) fn default_port(self) -> Option<u16> {
        match self {
            Self::Https | Self::Oci => Some(443),
            Self::Http => Some(80),
            Self::Ssh => Some(22),
        }
    }
}
