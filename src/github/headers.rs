//! What the headers of an answer say: limits, time, the next page, what would be needed.

use std::sync::Arc;
use std::time::Duration;

use http::HeaderMap;
use http::header::{DATE, ETAG, LINK, LOCATION, RETRY_AFTER};
use jiff::Timestamp;
use jiff::fmt::rfc2822::DateTimeParser;

use crate::budget::live::Sample;

/// As HTTP writes times.
static DATES: DateTimeParser = DateTimeParser::new();
/// No header that is shown is longer.
const SHOWN: usize = 200;

pub(super) fn text<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    let text = headers.get(name)?.to_str().ok()?.trim();
    (!text.is_empty()).then_some(text)
}

fn number(headers: &HeaderMap, name: &str) -> Option<u32> {
    text(headers, name)?.parse().ok()
}

/// What it says of a bucket; `None` where limits are off.
pub(super) fn sample(headers: &HeaderMap) -> Option<(Arc<str>, Sample)> {
    let limit = number(headers, "x-ratelimit-limit")?;
    let remaining = number(headers, "x-ratelimit-remaining")?;
    let reset = text(headers, "x-ratelimit-reset")?.parse().ok()?;
    let used = number(headers, "x-ratelimit-used");
    let resource = text(headers, "x-ratelimit-resource").unwrap_or("core");
    let sample = Sample {
        limit,
        remaining,
        used: used.unwrap_or_else(|| limit.saturating_sub(remaining)),
        reset: Timestamp::from_second(reset).ok()?,
    };
    Some((resource.into(), sample))
}

/// GitHub's clock.
pub(super) fn date(headers: &HeaderMap) -> Option<Timestamp> {
    DATES.parse_timestamp(text(headers, DATE.as_str())?).ok()
}

/// How long to wait, where it says so; a time counts from GitHub's own.
pub(super) fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let text = text(headers, RETRY_AFTER.as_str())?;
    if let Ok(seconds) = text.parse() {
        return Some(Duration::from_secs(seconds));
    }
    let until = DATES.parse_timestamp(text).ok()?;
    let wait = until.duration_since(date(headers)?);
    Some(Duration::try_from(wait).unwrap_or_default())
}

pub(super) fn etag(headers: &HeaderMap) -> Option<&str> {
    text(headers, ETAG.as_str())
}

pub(super) fn location(headers: &HeaderMap) -> Option<&str> {
    text(headers, LOCATION.as_str())
}

/// The address of the next page.
pub(super) fn next(headers: &HeaderMap) -> Option<&str> {
    let links = headers.get_all(LINK).iter();
    links
        .filter_map(|link| link.to_str().ok())
        .find_map(|links| {
            let mut rest = links;
            // An address may have commas, so that it ends at its bracket only.
            while let Some((_, from)) = rest.split_once('<') {
                let (address, behind) = from.split_once('>')?;
                let parameters = behind.split('<').next().unwrap_or_default();
                let is_next = parameters
                    .split([';', ','])
                    .map(str::trim)
                    .any(|parameter| matches!(parameter, "rel=\"next\"" | "rel=next"));
                if is_next {
                    return Some(address);
                }
                rest = behind;
            }
            None
        })
}

/// The permissions or scopes that would have been needed.
pub(super) fn needs(headers: &HeaderMap) -> Option<String> {
    let permissions = text(headers, "x-accepted-github-permissions");
    // So it says where it does not know either.
    let permissions = permissions.filter(|permissions| !permissions.starts_with("unknown"));
    permissions.map(shown).or_else(|| scopes(headers))
}

/// The scopes, one of which a classic token would have needed and has not.
pub(super) fn scopes(headers: &HeaderMap) -> Option<String> {
    let accepted = text(headers, "x-accepted-oauth-scopes")?;
    // Only a classic token has scopes.
    let has = headers.get("x-oauth-scopes")?.to_str().ok()?;
    let list = |text: &str| -> Vec<String> {
        let names = text.split(',').map(|name| name.trim().to_owned());
        names.filter(|name| !name.is_empty()).collect()
    };
    let has = list(has);
    let has_one = list(accepted).iter().any(|scope| has.contains(scope));
    (!has_one).then(|| shown(accepted))
}

/// Where a token is authorised for an organisation; `Some(None)`: it says not where.
pub(super) fn single_sign_on(headers: &HeaderMap) -> Option<Option<String>> {
    let text = text(headers, "x-github-sso")?;
    // `partial-results` comes with good answers.
    let rest = text.strip_prefix("required")?;
    let url = rest
        .split("url=")
        .nth(1)
        .map(|url| url.trim().trim_end_matches(';'));
    Some(url.filter(|url| url.starts_with("https://")).map(shown))
}

/// Text of GitHub as it may be shown: one line, of bounded length.
pub(super) fn shown(text: &str) -> String {
    let letters = text
        .chars()
        .map(|letter| if letter.is_control() { ' ' } else { letter });
    letters.take(SHOWN).collect::<String>().trim().to_owned()
}

#[cfg(test)]
mod tests {
    use http::{HeaderName, HeaderValue};

    use super::*;

    fn headers(pairs: &[(&str, &str)]) -> HeaderMap {
        let pairs = pairs.iter().map(|(name, value)| {
            let name: HeaderName = name.parse().unwrap();
            (name, HeaderValue::from_str(value).unwrap())
        });
        pairs.collect()
    }

    #[test]
    fn a_sample_needs_limit_remaining_and_reset() {
        let all = [
            ("x-ratelimit-limit", "5000"),
            ("x-ratelimit-remaining", "4990"),
            ("x-ratelimit-reset", "1700000000"),
        ];
        let (resource, seen) = sample(&headers(&all)).unwrap();
        assert_eq!((&*resource, seen.used), ("core", 10));
        for left_out in 0..3 {
            let mut some = all.to_vec();
            some.remove(left_out);
            assert_eq!(sample(&headers(&some)), None);
        }
        let mut more = all.to_vec();
        more.extend([
            ("x-ratelimit-used", "12"),
            ("x-ratelimit-resource", "search"),
        ]);
        let (resource, seen) = sample(&headers(&more)).unwrap();
        assert_eq!((&*resource, seen.used), ("search", 12));
    }

    #[test]
    fn a_wait_is_seconds_or_a_time_of_githubs_clock() {
        let wait = |pairs: &[(&str, &str)]| retry_after(&headers(pairs)).map(|wait| wait.as_secs());
        assert_eq!(wait(&[("retry-after", "60")]), Some(60));
        let date = ("date", "Sat, 21 Nov 2026 09:00:00 GMT");
        assert_eq!(
            wait(&[("retry-after", "Sat, 21 Nov 2026 09:01:30 GMT"), date]),
            Some(90)
        );
        assert_eq!(
            wait(&[("retry-after", "Sat, 21 Nov 2026 08:00:00 GMT"), date]),
            Some(0)
        );
        assert_eq!(wait(&[("retry-after", "soon"), date]), None);
        assert_eq!(wait(&[]), None);
    }

    #[test]
    fn the_next_page_is_found_among_the_links() {
        let next = |link: &str| super::next(&headers(&[("link", link)])).map(str::to_owned);
        let both = "<https://h/a?page=1>; rel=\"prev\", <https://h/a?page=3&x=a,b>; rel=\"next\"";
        assert_eq!(next(both).unwrap(), "https://h/a?page=3&x=a,b");
        assert_eq!(
            next("</a?cursor=v1_2>; rel=next").unwrap(),
            "/a?cursor=v1_2"
        );
        for none in [
            "<https://h/a>; rel=\"last\"",
            "",
            "<https://h/a",
            "rel=\"next\"",
        ] {
            assert_eq!(next(none), None, "{none}");
        }
    }

    #[test]
    fn what_is_needed_is_a_permission_or_a_scope_that_the_token_lacks() {
        let needs = |pairs: &[(&str, &str)]| super::needs(&headers(pairs));
        let permission = ("x-accepted-github-permissions", "repository_hooks=read");
        assert_eq!(needs(&[permission]).unwrap(), "repository_hooks=read");
        let unknown = ("x-accepted-github-permissions", "unknown, permissions=read");
        assert_eq!(needs(&[unknown]), None);
        let scopes = ("x-accepted-oauth-scopes", "admin:repo_hook, repo");
        assert_eq!(
            needs(&[scopes, ("x-oauth-scopes", "gist")]).unwrap(),
            "admin:repo_hook, repo"
        );
        assert_eq!(
            needs(&[scopes, ("x-oauth-scopes", "")]).unwrap(),
            "admin:repo_hook, repo"
        );
        assert_eq!(needs(&[scopes, ("x-oauth-scopes", "gist, repo")]), None);
        assert_eq!(needs(&[scopes]), None);
    }

    #[test]
    fn single_sign_on_names_where_to_go() {
        let sso = |text: &str| single_sign_on(&headers(&[("x-github-sso", text)]));
        let url = "https://github.com/orgs/acme/sso?authorization_request=a";
        assert_eq!(
            sso(&format!("required; url={url}")),
            Some(Some(url.to_owned()))
        );
        assert_eq!(sso("required"), Some(None));
        assert_eq!(sso("required; url=javascript:x"), Some(None));
        assert_eq!(sso("partial-results; organizations=1,2"), None);
    }
}
