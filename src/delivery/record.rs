//! What is kept of a delivery, and what tells it from others.

use std::fmt;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::decode::Content;
use super::event::Event;
use super::repository::Repository;

/// The longest GUID that is taken; GitHub's have 36 characters.
const GUID_LIMIT: usize = 64;

/// The name of a configured webhook: what follows `/hooks/github/`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct WebhookName(pub String);

impl WebhookName {
    /// Under which is kept what we learnt ourselves; no configured webhook can have this name.
    pub fn ourselves() -> Self {
        Self("(flux-setup)".to_owned())
    }
}

impl fmt::Display for WebhookName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// What GitHub calls a delivery; a redelivery has the same.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Guid(String);

impl Guid {
    /// Reads the header `X-GitHub-Delivery`; capital letters become small ones.
    ///
    /// # Errors
    /// What a GUID cannot have: the header is not signed, so it may hold anything.
    pub fn read(text: &str) -> Result<Self, String> {
        if text.is_empty() {
            return Err("it is empty".to_owned());
        }
        if text.len() > GUID_LIMIT {
            return Err(format!("it has more than {GUID_LIMIT} characters"));
        }
        if !text
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
        {
            return Err("it has other characters than letters, digits and `-`".to_owned());
        }
        Ok(Self(text.to_ascii_lowercase()))
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Guid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl TryFrom<String> for Guid {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        Self::read(&text)
    }
}

impl From<Guid> for String {
    fn from(guid: Guid) -> Self {
        guid.0
    }
}

/// Two webhooks may each be told of one push, so the GUID alone does not tell deliveries apart.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct DeliveryKey {
    pub webhook: WebhookName,
    pub guid: Guid,
}

impl fmt::Display for DeliveryKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.webhook, self.guid)
    }
}

/// All that is kept of a delivery: no body, no names or addresses of people.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Delivery {
    pub key: DeliveryKey,
    pub received_at: Timestamp,
    /// `None` where the event is of an organisation or an app.
    pub repository: Option<Repository>,
    /// The organisation's name, where GitHub gives one.
    pub organization: Option<String>,
    /// Of the GitHub App whose webhook it is.
    pub installation: Option<u64>,
    pub event: Event,
}

impl Delivery {
    pub fn new(key: DeliveryKey, received_at: Timestamp, content: Content) -> Self {
        Self {
            key,
            received_at,
            repository: content.repository,
            organization: content.organization,
            installation: content.installation,
            event: content.event,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_guid_is_short_and_harmless() {
        let guid = Guid::read("72D3162E-cc78-11e3-81ab-4c9367dc0958").unwrap();
        assert_eq!(guid.as_str(), "72d3162e-cc78-11e3-81ab-4c9367dc0958");
        assert!(Guid::read(&"a".repeat(64)).is_ok());
        let other = "it has other characters than letters, digits and `-`";
        for (text, reason) in [
            (String::new(), "it is empty"),
            ("a".repeat(65), "it has more than 64 characters"),
            ("a b".to_owned(), other),
            ("../etc".to_owned(), other),
            ("ä".to_owned(), other),
        ] {
            assert_eq!(Guid::read(&text), Err(reason.to_owned()));
        }
    }
}
