//! A repository as GitHub's payloads describe it.

use serde::{Deserialize, Serialize};

use crate::flux::{RepositoryIdentity, RepositoryUrl};

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Repository {
    /// Stays the same when the repository is renamed or transferred; unique within its host.
    pub id: u64,
    /// `owner/name`, spelt as its owner spells it.
    pub full_name: String,
    /// In small letters, with its port where that is not the usual one.
    pub host: String,
    pub html_url: Option<String>,
    pub clone_url: Option<String>,
    pub ssh_url: Option<String>,
    pub default_branch: Option<String>,
}

impl Repository {
    /// The user or organisation that it belongs to.
    pub fn owner(&self) -> &str {
        self.full_name
            .split_once('/')
            .map_or(self.full_name.as_str(), |(owner, _)| owner)
    }

    /// Which repository it is, however its URL is spelt in a cluster; `canonical` as
    /// [`RepositoryUrl::identity`] takes it.
    pub fn identity<'host>(
        &self,
        canonical: impl Fn(&str) -> Option<&'host str>,
    ) -> Option<RepositoryIdentity> {
        identity_of(&self.host, &self.full_name, canonical)
    }

    /// Which repository it was while it was called `old_full_name`, on the same host.
    pub fn former_identity<'host>(
        &self,
        old_full_name: &str,
        canonical: impl Fn(&str) -> Option<&'host str>,
    ) -> Option<RepositoryIdentity> {
        identity_of(&self.host, old_full_name, canonical)
    }

    /// The URLs that it gives.
    pub fn urls(&self) -> impl Iterator<Item = &str> {
        [&self.html_url, &self.clone_url, &self.ssh_url]
            .into_iter()
            .filter_map(Option::as_deref)
    }
}

fn identity_of<'host>(
    host: &str,
    full_name: &str,
    canonical: impl Fn(&str) -> Option<&'host str>,
) -> Option<RepositoryIdentity> {
    let url = RepositoryUrl::read(&format!("https://{host}/{full_name}")).ok()?;
    Some(url.identity(canonical))
}
