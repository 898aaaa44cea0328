//! What became of the objects of a delivery after they were annotated, as a table for people.

use std::io::{self, Write};

use jiff::{SignedDuration, Timestamp};
use serde_json::Value;

use super::json_text::{items, object, text};
use super::output;
use super::table::{Column, print, table};

/// Headings of columns that a narrow terminal goes without, in this order.
const SPARED_FIRST: [&str; 4] = ["acknowledged", "annotated", "fetched", "cluster"];

/// Each object with its stages, so long after the delivery came, and below it what uses it. Nothing, where nothing
/// was seen of any.
pub(super) fn tell_proofs(out: &mut dyn Write, delivery: &Value) -> io::Result<()> {
    let work = items(delivery, "work");
    let mut proved = work
        .iter()
        .filter(|work| work["proof"].is_object())
        .peekable();
    if proved.peek().is_none() {
        return Ok(());
    }
    let mut rows = table(&[
        Column::text("cluster"),
        Column::whole("object"),
        Column::figure("annotated"),
        Column::figure("acknowledged"),
        Column::figure("fetched"),
        Column::figure("applied"),
        Column::figure("healthy"),
        Column::text("what became of it"),
    ]);
    let received = &delivery["receivedAt"];
    for work in proved {
        let proof = &work["proof"];
        let since = |time: &Value| since(received, time);
        rows.add_row([
            text(work, "cluster").into_owned(),
            object(&work["object"]),
            since(&proof["annotatedAt"]),
            since(&proof["acknowledgedAt"]),
            since(&proof["fetched"]["at"]),
            since(&proof["appliedAt"]),
            since(&proof["healthyAt"]),
            outcome(proof),
        ]);
        for user in items(proof, "users") {
            let applied = match text(user, "state").as_ref() {
                "applied" => &user["at"],
                _ => &user["appliedAt"],
            };
            let healthy = match text(user, "state").as_ref() {
                "healthy" => &user["at"],
                _ => &Value::Null,
            };
            rows.add_row([
                String::new(),
                format!("  {}", object(user)),
                String::new(),
                String::new(),
                String::new(),
                since(applied),
                since(healthy),
                of_user(user),
            ]);
        }
        if let Some(more) = proof["moreUsers"].as_u64() {
            let mut row = [const { String::new() }; 8];
            row[1] = format!("  and {more} more");
            rows.add_row(row);
        }
    }
    writeln!(out)?;
    print(out, output::stdout_width(), &rows, &SPARED_FIRST)
}

/// `+0.213s`; empty where one of them is not there.
fn since(received: &Value, time: &Value) -> String {
    let read = |time: &Value| time.as_str()?.parse::<Timestamp>().ok();
    let (Some(received), Some(time)) = (read(received), read(time)) else {
        return String::new();
    };
    let after = time.duration_since(received).max(SignedDuration::ZERO);
    match after.as_secs() {
        seconds @ 0..60 => format!("+{seconds}.{:03}s", after.subsec_millis()),
        seconds @ 60..3_600 => format!("+{}m{:02}s", seconds / 60, seconds % 60),
        seconds => format!("+{}h{:02}m", seconds / 3_600, seconds % 3_600 / 60),
    }
}

fn outcome(proof: &Value) -> String {
    let revision = text(&proof["fetched"], "revision");
    let mut said = match proof["state"].as_str() {
        Some("following") => format!("waits {}", text(proof, "waits")),
        Some("failing") => format!("fails: {}", failure(proof)),
        Some("proven") => format!("proven: {revision}"),
        Some("failed") => format!("failed: {}", failure(proof)),
        Some("overtaken") => {
            let by = text(&proof["by"], "guid");
            let by = if by.is_empty() {
                String::new()
            } else {
                format!(", delivery {by}")
            };
            match text(proof, "revision") {
                later if later.is_empty() => format!("overtaken by later pushes{by}"),
                later => format!("overtaken by {later}{by}"),
            }
        }
        Some("unproven") => text(proof, "reason").into_owned(),
        Some("suspended") => "suspended".to_owned(),
        Some("gone") => "deleted meanwhile".to_owned(),
        _ => text(proof, "state").into_owned(),
    };
    if proof["fetched"]["takenAsNewer"].as_bool() == Some(true) {
        said += "; no delivery tells of what it has fetched, which is taken as newer";
    }
    match proof["again"]["times"].as_u64() {
        None => said,
        Some(1) => said + "; asked once more, for it had fetched an older commit",
        Some(times) => {
            format!("{said}; asked {times} times more, for it had fetched an older commit")
        }
    }
}

fn of_user(user: &Value) -> String {
    match user["state"].as_str() {
        Some("waiting") => match text(user, "why") {
            why if why.is_empty() => "waits for its turn".to_owned(),
            why => format!("waits {why}"),
        },
        Some("failing") => format!("fails: {}", failure(user)),
        Some("applied") => "applied, and not ready yet".to_owned(),
        Some("noNewVersion") => format!("no new chart version: {}", text(user, "version")),
        Some("overtaken") => format!("overtaken by {}", text(user, "revision")),
        _ => text(user, "state").into_owned(),
    }
}

/// Whose condition it is, its reason and its message.
fn failure(of: &Value) -> String {
    let failure = &of["failure"];
    let (object, reason) = (text(failure, "object"), text(failure, "reason"));
    match text(failure, "message") {
        message if message.is_empty() => format!("{object}: {reason}"),
        message => format!("{object}: {reason}: {message}"),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn told(proof: Value) -> String {
        let delivery = json!({
            "receivedAt": "2026-01-02T03:04:05Z",
            "work": [{"cluster": "prod-eu", "proof": proof,
                "object": {"kind": "GitRepository", "namespace": "apps", "name": "web"}}],
        });
        let mut out = Vec::new();
        tell_proofs(&mut out, &delivery).unwrap();
        anstream::adapter::strip_str(&String::from_utf8(out).unwrap()).to_string()
    }

    fn at(seconds: &str) -> String {
        format!("2026-01-02T03:04:{seconds}Z")
    }

    #[test]
    fn a_push_is_told_by_its_stages_and_by_what_uses_it() {
        let text = told(json!({
            "annotatedAt": at("05.01"), "acknowledgedAt": at("05.1"), "state": "failing",
            "fetched": {"at": at("05.2"), "revision": "main@sha1:ab"},
            "failure": {"object": "Kustomization apps/docs", "reason": "BuildFailed", "message": "no\u{1b}"},
            "users": [
                {"kind": "Kustomization", "namespace": "apps", "name": "docs", "state": "failing",
                 "failure": {"object": "Kustomization apps/docs", "reason": "BuildFailed", "message": "no"}},
                {"kind": "Kustomization", "namespace": "apps", "name": "web", "state": "healthy",
                 "appliedAt": at("06"), "at": at("07.5")},
                {"kind": "HelmRelease", "namespace": "apps", "name": "shop", "state": "noNewVersion",
                 "version": "1.0.0"},
            ],
            "moreUsers": 2,
        }));
        insta::assert_snapshot!(text, @"

        cluster  object                     annotated  acknowledged  fetched  applied  healthy  what became of it
        prod-eu  GitRepository/apps/web       +0.010s       +0.100s  +0.200s                    fails: Kustomization apps/docs: BuildFailed: no�
                   Kustomization/apps/docs                                                      fails: Kustomization apps/docs: BuildFailed: no
                   Kustomization/apps/web                                     +1.000s  +2.500s  healthy
                   HelmRelease/apps/shop                                                        no new chart version: 1.0.0
                   and 2 more
        ");
    }

    #[test]
    fn each_end_says_how_it_came_to_it() {
        for (proof, expected) in [
            (
                json!({"state": "proven", "fetched": {"revision": "main@sha1:ab", "takenAsNewer": true}}),
                "proven: main@sha1:ab; no delivery tells of what it has fetched, which is taken as newer",
            ),
            (
                json!({"state": "overtaken", "revision": "main@sha1:cd", "by": {"guid": "g"}}),
                "overtaken by main@sha1:cd, delivery g",
            ),
            (
                json!({"state": "unproven", "reason": "not proven within 24h", "again": {"times": 3}}),
                "not proven within 24h; asked 3 times more, for it had fetched an older commit",
            ),
            (json!({"state": "gone"}), "deleted meanwhile"),
        ] {
            assert_eq!(outcome(&proof), expected);
        }
    }

    #[test]
    fn times_are_told_since_the_delivery_came() {
        let since = |time: &str| since(&json!("2026-01-02T03:04:05Z"), &json!(time));
        assert_eq!(since("2026-01-02T03:04:05.0124Z"), "+0.012s");
        assert_eq!(since("2026-01-02T03:05:06Z"), "+1m01s");
        assert_eq!(since("2026-01-02T05:05:05Z"), "+2h01m");
        assert_eq!(since("2026-01-02T03:04:04Z"), "+0.000s");
        assert_eq!(since(""), "");
    }
}
