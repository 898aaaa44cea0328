//! URLs of repositories: what Flux takes, when two name one repository, and what must not be shown.

mod authority;
mod fault;
mod identity;
mod scheme;
mod url;

#[cfg(test)]
mod tests;

pub use authority::credentials;
pub use fault::UrlFault;
pub use identity::RepositoryIdentity;
pub use scheme::Scheme;
pub use url::RepositoryUrl;
