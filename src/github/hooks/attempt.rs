//! What GitHub tried to deliver: an entry of its list, and one with what was sent.

use jiff::Timestamp;
use serde::Deserialize;
use serde_json::value::RawValue;

use crate::delivery::{Content, Guid};
use crate::flux::is_github_cloud;
use crate::github::payload::{self, BodyFault, Encoding};
use crate::github::signature::{Signature, WebhookSecret};

/// Entries of one page that are read; GitHub gives at most so many.
const ENTRIES: usize = 100;
/// The longest status that is kept.
const STATUS_CHARS: usize = 200;

/// One attempt to deliver. A redelivery is another attempt with the same GUID and another number.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Attempt {
    /// Later ones have higher numbers.
    pub id: u64,
    pub guid: Guid,
    pub delivered_at: Timestamp,
    #[serde(default)]
    pub redelivery: bool,
    /// `OK`, or in words what went wrong.
    #[serde(default, deserialize_with = "or_default")]
    pub status: String,
    /// What we answered; 0 where no answer came.
    #[serde(default, deserialize_with = "or_default")]
    pub status_code: u16,
    #[serde(default, deserialize_with = "or_default")]
    pub event: String,
    #[serde(default)]
    pub action: Option<String>,
    #[serde(default)]
    pub repository_id: Option<u64>,
    /// When GitHub held it back, because there was too much.
    #[serde(default)]
    pub throttled_at: Option<Timestamp>,
    /// Nothing of it is known but its number and GUID, for GitHub tells the rest otherwise than we know.
    #[serde(skip)]
    pub is_bare: bool,
}

/// A page of a list, newest first.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Attempts {
    pub attempts: Vec<Attempt>,
    /// Entries that name no delivery, cut off.
    pub unreadable: Vec<String>,
}

/// The least that an attempt can be fetched by.
#[derive(Debug, Deserialize)]
struct Bare {
    id: u64,
    guid: Guid,
}

impl Attempt {
    pub fn is_taken(&self) -> bool {
        (200..300).contains(&self.status_code)
    }

    /// Whether its event may wake anything; of others the payload need not be fetched.
    pub fn concerns_us(&self) -> bool {
        self.is_bare
            || matches!(
                self.event.as_str(),
                "push"
                    | "create"
                    | "delete"
                    | "package"
                    | "registry_package"
                    | "release"
                    | "repository"
                    | "workflow_run"
            )
    }

    /// How it ended, in a word or two: `OK`, `502`, `timed out`.
    pub fn outcome(&self) -> String {
        match (self.status_code, self.status.as_str()) {
            (0, "") if self.is_bare => "unreadable".to_owned(),
            (0, "") => "no answer".to_owned(),
            (0, status) => status.chars().take(STATUS_CHARS).collect(),
            (code, _) if self.is_taken() => format!("OK {code}"),
            (code, _) => code.to_string(),
        }
    }
}

fn or_default<'de, T, D>(from: D) -> Result<T, D::Error>
where
    T: Default + Deserialize<'de>,
    D: serde::Deserializer<'de>,
{
    Ok(Option::deserialize(from)?.unwrap_or_default())
}

/// Reads a page of a list. Of an entry that cannot be read its number and GUID are taken, and the time of its
/// neighbour.
///
/// # Errors
/// It is no list.
pub fn read_attempts(body: &[u8]) -> Result<Attempts, serde_json::Error> {
    let entries: Vec<&RawValue> = serde_json::from_slice(body)?;
    let mut read = Attempts::default();
    // Until an entry tells its time.
    let mut at = None;
    for entry in entries.into_iter().take(ENTRIES) {
        let entry = entry.get();
        let attempt = serde_json::from_str(entry);
        let attempt: Option<Attempt> = attempt.ok().or_else(|| bare(entry, at));
        let Some(attempt) = attempt else {
            let text = entry.chars().take(STATUS_CHARS).collect();
            read.unreadable.push(text);
            continue;
        };
        if !attempt.is_bare && at.is_none() {
            for above in &mut read.attempts {
                above.delivered_at = attempt.delivered_at;
            }
        }
        if !attempt.is_bare {
            at = Some(attempt.delivered_at);
        }
        read.attempts.push(attempt);
    }
    Ok(read)
}

fn bare(entry: &str, at: Option<Timestamp>) -> Option<Attempt> {
    let Bare { id, guid } = serde_json::from_str(entry).ok()?;
    Some(Attempt {
        id,
        guid,
        delivered_at: at.unwrap_or_else(Timestamp::now),
        redelivery: false,
        status: String::new(),
        status_code: 0,
        event: String::new(),
        action: None,
        repository_id: None,
        throttled_at: None,
        is_bare: true,
    })
}

/// One attempt with what was sent.
#[derive(Debug, Deserialize)]
pub struct AttemptDetail {
    #[serde(default, deserialize_with = "or_default")]
    event: String,
    request: Option<Request>,
}

#[derive(Debug, Deserialize)]
struct Request {
    #[serde(default)]
    headers: Option<serde_json::Map<String, serde_json::Value>>,
    payload: Option<Box<RawValue>>,
}

/// Why what was sent cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum AttemptFault {
    #[error("GitHub shows no payload of it")]
    None,
    #[error("what GitHub shows of it is no delivery")]
    NoDelivery(#[source] serde_json::Error),
    #[error(transparent)]
    Body(#[from] BodyFault),
}

impl AttemptDetail {
    /// # Errors
    /// It is none.
    pub fn read(body: &[u8]) -> Result<Self, AttemptFault> {
        serde_json::from_slice(body).map_err(AttemptFault::NoDelivery)
    }

    /// What it says, read as the door reads it.
    ///
    /// GitHub shows the payload as JSON however it was sent; should it show the text of a form, that is
    /// read as well.
    ///
    /// # Errors
    /// There is none, or it is not what GitHub sends.
    pub fn content(&self) -> Result<Content, AttemptFault> {
        let request = self.request.as_ref().ok_or(AttemptFault::None)?;
        let shown = request.payload.as_ref().ok_or(AttemptFault::None)?.get();
        if shown == "null" {
            return Err(AttemptFault::None);
        }
        let event = match self.event.as_str() {
            "" => request.header("x-github-event").unwrap_or_default(),
            event => event,
        };
        if !shown.starts_with('"') {
            return Ok(payload::read(Encoding::Json, event, shown.as_bytes())?);
        }
        let text: String = serde_json::from_str(shown).map_err(AttemptFault::NoDelivery)?;
        let encoding = if text.trim_start().starts_with('{') {
            Encoding::Json
        } else {
            let content_type = request.header("content-type").map(str::as_bytes);
            Encoding::read(content_type)?
        };
        Ok(payload::read(encoding, event, text.as_bytes())?)
    }
}

impl AttemptDetail {
    /// The place of the secret in the list with which it was signed. `None` proves nothing: GitHub shows
    /// the payload and not the bytes that were signed, which may differ in how letters are written.
    pub fn signed_with(&self, secrets: &[WebhookSecret]) -> Option<usize> {
        let request = self.request.as_ref()?;
        let signature = request.header("x-hub-signature-256").map(str::as_bytes);
        let signature = Signature::read(signature).ok()?;
        let shown = request.payload.as_ref()?.get();
        let compact: serde_json::Value = serde_json::from_str(shown).ok()?;
        let bodies = [shown.to_owned(), compact.to_string()];
        let mut bodies = bodies.iter();
        bodies.find_map(|body| signature.verify(body.as_bytes(), secrets).ok())
    }
}

impl Request {
    fn header(&self, name: &str) -> Option<&str> {
        let headers = self.headers.as_ref()?;
        let mut named = headers
            .iter()
            .filter(|(key, _)| key.eq_ignore_ascii_case(name));
        named.next()?.1.as_str()
    }
}

/// For how many days a host remembers what it delivered; an Enterprise Server remembers longer.
///
/// Source: "Redelivering webhooks" in GitHub's documentation.
pub fn days_remembered(host: &str) -> u32 {
    match is_github_cloud(host) {
        true => 3,
        false => 7,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use crate::delivery::Event;

    use super::*;

    fn content(detail: &Value) -> Result<Content, String> {
        let detail = AttemptDetail::read(detail.to_string().as_bytes()).unwrap();
        detail.content().map_err(|fault| fault.to_string())
    }

    #[test]
    fn of_an_entry_that_cannot_be_read_the_number_and_guid_are() {
        let page = json!([
            {"id": 4, "guid": "a-4", "delivered_at": "yesterday"},
            {"id": 3, "guid": "A-3", "delivered_at": "2026-01-02T03:04:05Z", "redelivery": true,
                "duration": 0.1, "status": "OK", "status_code": 202, "event": "push", "action": null,
                "repository_id": 9, "throttled_at": null, "later": {}},
            {"id": "no number"},
            {"id": 9, "guid": "a-9", "delivered_at": "2026-01-02T03:04:05Z", "event": {"name": "push"}},
            {"id": 2, "guid": "a-2", "delivered_at": "2026-01-02T03:04:04Z", "status": "timed out",
                "status_code": null, "event": "star"},
            {"id": 1, "guid": "a-1", "delivered_at": "2026-01-02T03:04:03Z", "status_code": 502, "event": null},
        ]);
        let read = read_attempts(page.to_string().as_bytes()).unwrap();
        assert_eq!(read.unreadable, [r#"{"id":"no number"}"#]);
        let page = read.attempts;
        let outcomes: Vec<_> = page.iter().map(Attempt::outcome).collect();
        assert_eq!(
            outcomes,
            ["unreadable", "OK 202", "unreadable", "timed out", "502"]
        );
        assert_eq!(page[1].guid.as_str(), "a-3");
        let concern: Vec<_> = page.iter().map(Attempt::concerns_us).collect();
        assert_eq!(concern, [true, true, true, false, false]);
        for bare in [&page[0], &page[2]] {
            assert_eq!(bare.delivered_at, page[1].delivered_at, "{bare:?}");
        }
        assert!(read_attempts(b"{}").is_err());
    }

    #[test]
    fn what_was_sent_is_read_as_the_door_reads_it() {
        let push = json!({"ref": "refs/heads/main", "repository":
            {"id": 1, "full_name": "acme/web", "html_url": "https://github.com/acme/web"}});
        let form = "application/x-www-form-urlencoded";
        let encoded = percent_encoding::utf8_percent_encode(
            &push.to_string(),
            percent_encoding::NON_ALPHANUMERIC,
        )
        .to_string();
        let whole = content(&json!({"event": "push", "request": {"payload": push}})).unwrap();
        assert!(matches!(whole.event, Event::Push(_)));
        for request in [
            json!({"headers": {"Content-Type": form}, "payload": push}),
            json!({"headers": {"content-type": form}, "payload": format!("payload={encoded}")}),
            json!({"payload": push.to_string()}),
        ] {
            let read = content(&json!({"event": "push", "request": request})).unwrap();
            assert_eq!(read, whole);
        }
        let by_header =
            json!({"request": {"headers": {"X-GitHub-Event": "push"}, "payload": push}});
        assert_eq!(content(&by_header).unwrap(), whole);
    }

    #[test]
    fn the_secret_is_known_where_the_payload_is_shown_as_it_was_signed() {
        let secret = |text: &str| WebhookSecret::new(text.into()).unwrap();
        let secrets = [secret("new"), secret("old")];
        let payload = r#"{"zen":"Keep it logically awesome.","hook_id":1}"#;
        // `printf '%s' PAYLOAD | openssl dgst -sha256 -hmac old`
        let header = |digits: &str| json!({"X-Hub-Signature-256": format!("sha256={digits}")});
        let signed = "51c2a6b80d04077962910862c3c35c30243c840fbcede3c3419a4282ec6e0c2c";
        let read = |headers: Value, payload: &str| {
            let detail = format!(
                r#"{{"event": "ping", "request": {{"headers": {headers}, "payload": {payload}}}}}"#
            );
            AttemptDetail::read(detail.as_bytes()).unwrap()
        };
        let spaced = payload.replace(':', " : ");
        for shown in [payload, &spaced] {
            let place = read(header(signed), shown).signed_with(&secrets);
            assert_eq!(place, Some(1), "{shown}");
        }
        let other = read(header(signed), r#"{"zen":""}"#);
        assert_eq!(other.signed_with(&secrets), None);
        assert_eq!(read(json!({}), payload).signed_with(&secrets), None);
    }

    #[test]
    fn a_payload_that_is_not_there_or_not_whole_says_so() {
        let none = "GitHub shows no payload of it";
        for detail in [
            json!({"event": "push"}),
            json!({"event": "push", "request": {}}),
            json!({"event": "push", "request": {"payload": null}}),
        ] {
            assert_eq!(content(&detail).unwrap_err(), none);
        }
        let cut = json!({"event": "push", "request": {"payload": "{\"ref\": \"refs/he"}});
        assert!(
            content(&cut)
                .unwrap_err()
                .starts_with("the payload is no JSON, or not all of it")
        );
        let empty = json!({"event": "push", "request": {"payload": {}}});
        assert_eq!(
            content(&empty).unwrap_err(),
            "the payload of `push` has no `ref`"
        );
        let fault = AttemptDetail::read(b"<html>").unwrap_err();
        assert_eq!(fault.to_string(), "what GitHub shows of it is no delivery");
    }
}
