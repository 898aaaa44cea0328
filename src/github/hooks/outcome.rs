//! Whether what a hook delivered was taken, by its latest attempts.

use std::collections::HashSet;

use super::attempt::Attempt;
use super::finding::{Finding, FindingKind};
use super::health::Judged;

/// All that is wrong by the latest attempts of a hook, newest first; `days` is how long GitHub remembers.
///
/// Of one delivery the latest attempt decides, and of all deliveries the newest: what failed before it
/// was mended, and is fetched besides.
pub fn judge_attempts(of: &Judged<'_>, attempts: &[Attempt], days: u32) -> Option<Finding> {
    let mut known = HashSet::new();
    let mut last = attempts
        .iter()
        .filter(|attempt| known.insert(&attempt.guid))
        // What became of those is not known.
        .filter(|attempt| !attempt.is_bare);
    let newest = last.next();
    if newest.is_none() && !attempts.is_empty() {
        return None;
    }
    let Some(newest) = newest else {
        return Some(Finding::new(
            FindingKind::Silent,
            format!("nothing was delivered to {} for {days} days", this(of)),
            format!(
                "push something, or see whether GitHub reaches us at all: `flux-setup webhook check --ping --webhook {}`",
                of.wanted.name
            ),
        ));
    };
    if newest.is_taken() {
        return None;
    }
    let in_a_row = 1 + last.take_while(|it| !it.is_taken()).count();
    let how = match newest.status_code {
        0 => newest.outcome(),
        code => format!("we answered {code}"),
    };
    let counted = match in_a_row {
        1 => "the last delivery was not taken".to_owned(),
        count => format!("the last {count} deliveries were not taken"),
    };
    let kind = match newest.status_code {
        401 => FindingKind::Secret,
        404 | 300..=399 => FindingKind::Url,
        _ => FindingKind::Failing,
    };
    Some(Finding::new(
        kind,
        format!(
            "{counted} by {}: {how} at {}",
            this(of),
            newest.delivered_at
        ),
        mend(of, newest.status_code),
    ))
}

fn this(of: &Judged<'_>) -> String {
    format!("the webhook `{}` of {}", of.wanted.name, of.place)
}

fn mend(of: &Judged<'_>, code: u16) -> String {
    let (name, install) = (&of.wanted.name, of.install());
    match code {
        0 => "let GitHub reach the receiver: see its address, firewall and certificate, and that it answers within 10 seconds".to_owned(),
        300..=399 => format!("GitHub follows no redirect: set `server.hooks.url` to where it leads; then {install}"),
        400 => "see in the log of `serve` what of it cannot be read".to_owned(),
        401 => format!("GitHub signs with a secret that webhook `{name}` does not list: {install} gives it the first of them"),
        403 => "something before the receiver lets GitHub not through: allow its addresses there".to_owned(),
        404 => format!("no receiver with a webhook `{name}` listens at that address: see `server.hooks.url` and where the ingress leads; then {install}"),
        413 => "something before the receiver takes no large bodies: let it take 25 MiB".to_owned(),
        429 => "bad signatures came from the same address: see `server.hooks.trustedProxies`, and who sends them".to_owned(),
        500..=599 => "see the log of `serve`, and whether what stands before it reaches it".to_owned(),
        _ => "see who answers so in the place of the receiver".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use crate::github::hooks::{HookPlace, WantedHook, read_attempts};

    use super::*;

    /// Attempts from the newest on: GUID, code, status.
    fn judged(attempts: &[(&str, u16, &str)]) -> Option<(FindingKind, String, String)> {
        let count = attempts.len();
        let attempts = attempts
            .iter()
            .enumerate()
            .map(|(place, (guid, code, status))| {
                json!({"id": count - place, "guid": guid, "delivered_at": "2026-01-02T03:04:05Z",
                "status": status, "status_code": code, "event": "push"})
            });
        let attempts: Vec<_> = attempts.collect();
        let read = read_attempts(json!(attempts).to_string().as_bytes()).unwrap();
        let wanted = WantedHook::new("acme", None, false);
        let of = Judged {
            host: "github.com",
            place: &HookPlace::Organization("acme".into()),
            wanted: &wanted,
            app_page: None,
        };
        let found = judge_attempts(&of, &read.attempts, 3)?;
        Some((found.kind, found.what, found.mend))
    }

    #[test]
    fn the_newest_delivery_decides_and_of_it_the_last_attempt() {
        let ok = ("a", 202, "OK");
        assert_eq!(judged(&[ok, ("b", 502, "")]), None);
        assert_eq!(judged(&[ok, ("a", 502, "")]), None);
        let (kind, what, _) =
            judged(&[("b", 502, ""), ("b", 401, ""), ("c", 0, "timed out"), ok]).unwrap();
        assert_eq!(kind, FindingKind::Failing);
        assert_eq!(
            what,
            "the last 2 deliveries were not taken by the webhook `acme` of organisation acme: we answered 502 at 2026-01-02T03:04:05Z"
        );
    }

    #[test]
    fn a_webhook_that_was_told_nothing_is_silent() {
        let (kind, what, mend) = judged(&[]).unwrap();
        assert_eq!(kind, FindingKind::Silent);
        assert_eq!(
            what,
            "nothing was delivered to the webhook `acme` of organisation acme for 3 days"
        );
        assert_eq!(
            mend,
            "push something, or see whether GitHub reaches us at all: `flux-setup webhook check --ping --webhook acme`"
        );
    }

    #[test]
    fn each_answer_has_its_own_step() {
        let found = |code, status| judged(&[("a", code, status)]).unwrap();
        let (kind, what, mend) = found(401, "Invalid HTTP Response: 401");
        assert_eq!(kind, FindingKind::Secret);
        assert_eq!(
            what,
            "the last delivery was not taken by the webhook `acme` of organisation acme: we answered 401 at 2026-01-02T03:04:05Z"
        );
        assert_eq!(
            mend,
            "GitHub signs with a secret that webhook `acme` does not list: `flux-setup webhook install --webhook acme` gives it the first of them"
        );
        let (kind, what, mend) = found(0, "timed out");
        assert_eq!(kind, FindingKind::Failing);
        assert!(
            what.ends_with(": timed out at 2026-01-02T03:04:05Z"),
            "{what}"
        );
        assert!(mend.starts_with("let GitHub reach the receiver"), "{mend}");
        for (code, kind, begins) in [
            (301, FindingKind::Url, "GitHub follows no redirect"),
            (400, FindingKind::Failing, "see in the log of `serve` what"),
            (
                403,
                FindingKind::Failing,
                "something before the receiver lets",
            ),
            (404, FindingKind::Url, "no receiver with a webhook `acme`"),
            (
                413,
                FindingKind::Failing,
                "something before the receiver takes",
            ),
            (429, FindingKind::Failing, "bad signatures came"),
            (503, FindingKind::Failing, "see the log of `serve`, and"),
            (418, FindingKind::Failing, "see who answers so"),
        ] {
            let (found, _, mend) = found(code, "");
            assert_eq!(found, kind, "{code}");
            assert!(mend.starts_with(begins), "{code}: {mend}");
        }
    }
}
