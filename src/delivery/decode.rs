//! From a payload to what is kept of it: unknown fields, events and actions never fail.

use serde::de::IgnoredAny;

use super::event::Event;
use super::fault::{NESTING_LIMIT, PayloadFault};
use super::reader::{Reader, kept};
use super::repository::Repository;
use super::wire;

/// What matters of a payload.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Content {
    pub repository: Option<Repository>,
    pub organization: Option<String>,
    pub installation: Option<u64>,
    pub event: Event,
}

/// Reads the payload of an event by its name, as the header `X-GitHub-Event` has it.
///
/// # Errors
/// What is no JSON object; what GitHub would not write where we read it; what lacks without which
/// the event says nothing.
pub fn decode(event: &str, json: &str) -> Result<Content, PayloadFault> {
    event_name(event)?;
    if nests_too_deep(json.as_bytes()) {
        return Err(PayloadFault::Nesting);
    }
    let reader = Reader { event, json };
    // serde also takes a list of a struct's fields for the struct.
    if json.trim_start().starts_with('[') {
        reader.read::<IgnoredAny>()?;
        return Err(PayloadFault::NotAnObject);
    }
    let about: wire::About = reader.read()?;
    let repository = match about.repository {
        Some(wire) => reader.repository(wire)?,
        None => None,
    };
    let action = kept("action", about.action)?;
    let event = match event {
        "ping" => Event::Ping,
        "push" => reader.push()?,
        "create" | "delete" => reader.named_ref()?,
        "package" | "registry_package" => reader.package(action)?,
        "release" => reader.release(action)?,
        "repository" => reader.repository_change(action, repository.as_ref())?,
        "workflow_run" => reader.workflow_run(action)?,
        _ => reader.other(action),
    };
    let of_a_repository = matches!(
        event,
        Event::Push(_)
            | Event::Create { .. }
            | Event::Delete { .. }
            | Event::Release(_)
            | Event::Repository(_)
            | Event::WorkflowRun(_)
    );
    if of_a_repository && repository.is_none() {
        return Err(reader.missing("repository"));
    }
    Ok(Content {
        repository,
        organization: kept(
            "organization.login",
            about.organization.and_then(|o| o.login),
        )?,
        installation: about.installation.and_then(|installation| installation.id),
        event,
    })
}

/// The header is not signed, so it may hold anything.
fn event_name(name: &str) -> Result<(), PayloadFault> {
    if name.is_empty() {
        return Err(PayloadFault::EventName("it is empty"));
    }
    if name.len() > 64 {
        return Err(PayloadFault::EventName("it has more than 64 characters"));
    }
    if !name
        .bytes()
        .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-'))
    {
        return Err(PayloadFault::EventName(
            "it has other characters than letters, digits, `_` and `-`",
        ));
    }
    Ok(())
}

/// serde_json bounds what it reads into our types, but skips the rest however deep it is.
fn nests_too_deep(json: &[u8]) -> bool {
    let opened = json
        .iter()
        .filter(|byte| matches!(byte, b'{' | b'['))
        .count();
    // Most payloads have fewer in all, and counting is far cheaper than following them.
    if opened <= NESTING_LIMIT {
        return false;
    }
    let (mut depth, mut in_text, mut escaped) = (0_usize, false, false);
    for byte in json {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if in_text => escaped = true,
            b'"' => in_text = !in_text,
            b'{' | b'[' if !in_text => {
                depth += 1;
                if depth > NESTING_LIMIT {
                    return true;
                }
            }
            b'}' | b']' if !in_text => depth = depth.saturating_sub(1),
            _ => {}
        }
    }
    false
}

#[cfg(test)]
mod tests;
