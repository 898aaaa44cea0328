//! Who calls, whose bucket the call is charged to, and what they may do.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::net::IpAddr;

/// Whose limits a call counts against.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Who {
    /// All personal tokens of a user share one bucket.
    User(String),
    Installation(u64),
    /// An App that calls as itself, by JWT.
    App(u64),
    /// Nobody in particular, from an address.
    Address(IpAddr),
}

impl fmt::Display for Who {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::User(login) => write!(f, "user {login}"),
            Self::Installation(id) => write!(f, "installation {id}"),
            Self::App(id) => write!(f, "app {id}"),
            Self::Address(address) => write!(f, "address {address}"),
        }
    }
}

/// How much of a permission is granted or needed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    Read,
    Write,
}

impl Level {
    pub fn name(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Write => "write",
        }
    }
}

/// Named permissions, as Apps and fine-grained tokens have them: `contents`, `repository_hooks`, …
pub type Permissions = BTreeMap<String, Level>;

pub fn permissions(granted: &[(&str, Level)]) -> Permissions {
    let granted = granted.iter();
    granted
        .map(|(name, level)| ((*name).to_owned(), *level))
        .collect()
}

/// What a caller may do.
#[derive(Clone, Debug)]
pub enum Rights {
    /// A personal token (classic), by its scopes.
    Scopes(BTreeSet<String>),
    /// A fine-grained personal token.
    FineGrained(Permissions),
    Installation {
        permissions: Permissions,
        /// `None`: all repositories of the account.
        repositories: Option<BTreeSet<u64>>,
        account: String,
    },
    /// An App as itself.
    App,
    Nobody,
}

/// A caller whose credential was found good, or who has none.
#[derive(Clone, Debug)]
pub struct Caller {
    pub who: Who,
    pub rights: Rights,
    /// The credential itself: an ETag belongs to it.
    pub credential: String,
}

impl Caller {
    pub fn is_authorised(&self) -> bool {
        !matches!(self.rights, Rights::Nobody)
    }
}

/// What an endpoint asks of a caller.
#[derive(Clone, Copy, Debug)]
pub struct Need {
    /// Any one of these scopes is enough.
    pub scopes: &'static [&'static str],
    pub permission: &'static str,
    pub level: Level,
}

impl Need {
    /// As `x-accepted-github-permissions` says it.
    pub fn permission_header(&self) -> String {
        format!("{}={}", self.permission, self.level.name())
    }

    pub fn is_met_by(&self, rights: &Rights) -> bool {
        match rights {
            Rights::Scopes(scopes) => self.scopes.iter().any(|scope| scopes.contains(*scope)),
            Rights::FineGrained(permissions) | Rights::Installation { permissions, .. } => {
                permissions.get(self.permission) >= Some(&self.level)
            }
            Rights::App | Rights::Nobody => false,
        }
    }
}
