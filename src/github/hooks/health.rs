//! Whether a hook is as it should be, and what mends it where it is not.

use http::Uri;

use super::finding::{Finding, FindingKind};
use super::place::HookPlace;
use super::wanted::WantedHook;
use super::wire::Hook;

/// Of whom is judged; names what the findings say.
#[derive(Debug, Clone)]
pub struct Judged<'j> {
    /// The name of the host as it is configured.
    pub host: &'j str,
    pub place: &'j HookPlace,
    pub wanted: &'j WantedHook,
    /// The page of the App; only an App has one.
    pub app_page: Option<&'j str>,
}

impl Judged<'_> {
    /// The command that sets a hook right.
    pub(super) fn install(&self) -> String {
        format!(
            "`flux-setup webhook install --webhook {}`",
            self.wanted.name
        )
    }

    /// `the hook 7 of organisation acme`
    pub(super) fn hook(&self, hook: &Hook) -> String {
        match self.place {
            HookPlace::App => "the App's hook".to_owned(),
            place => format!("the hook {} of {place}", hook.id),
        }
    }

    pub(super) fn page(&self, hook: Option<u64>) -> String {
        match self.app_page {
            Some(page) => page.to_owned(),
            None => self.place.page(self.host, hook),
        }
    }
}

/// That none of the hooks of a place is ours; those that post to our host under another path are named.
pub fn judge_missing(of: &Judged<'_>, hooks: &[Hook]) -> Finding {
    let name = &of.wanted.name;
    let host = of.wanted.url.as_deref().and_then(host);
    let near = hooks.iter().find(|hook| {
        let there = hook.config.url.as_deref().and_then(self::host);
        host.is_some() && there == host
    });
    let near = near.map(|hook| {
        let url = hook.config.url.as_deref().unwrap_or_default();
        format!("; {} posts to `{}`", of.hook(hook), shown(url))
    });
    let mend = match of.place {
        HookPlace::App => format!("{} gives the App its address and secret", of.install()),
        _ => format!("{} makes it", of.install()),
    };
    Finding::new(
        FindingKind::Missing,
        format!(
            "{} has no hook whose address ends with `/hooks/github/{name}`{}",
            of.place,
            near.unwrap_or_default()
        ),
        mend,
    )
}

/// All that is wrong with a hook of ours by what GitHub says of it; `twins` are others that post the same.
pub fn judge_hook(of: &Judged<'_>, hook: &Hook, twins: &[&Hook]) -> Vec<Finding> {
    let mut findings = Vec::new();
    let mut find = |kind, what: String, mend: String| findings.push(Finding::new(kind, what, mend));
    let (this, install) = (of.hook(hook), of.install());
    let is_app = *of.place == HookPlace::App;
    if !hook.active {
        find(
            FindingKind::Disabled,
            format!("{this} is switched off, so that nothing is delivered"),
            format!("{install} switches it on"),
        );
    }
    find_address(of, hook, &mut find);
    if !hook.config.has_secret {
        find(
            FindingKind::Secret,
            format!("{this} has no secret, so that each delivery is answered 401"),
            format!("{install} gives it the first of the webhook's `secrets`"),
        );
    }
    let untold = of.wanted.untold(&hook.events);
    let (push, rest): (Vec<_>, Vec<_>) = untold.into_iter().partition(|event| *event == "push");
    let set_events = |events: &[&str]| match is_app {
        false => format!("{install} adds what lacks"),
        true => format!(
            "choose {} on {}: GitHub lets nobody but people choose an App's events",
            listed(events),
            of.page(None)
        ),
    };
    if !push.is_empty() {
        let mend = set_events(&push);
        find(
            FindingKind::Disabled,
            format!("{this} is not told of `push`, so that pushes wake nothing"),
            mend,
        );
    }
    if !rest.is_empty() {
        find(
            FindingKind::Events,
            format!("{this} is not told of {}", listed(&rest)),
            set_events(&rest),
        );
    }
    if hook.config.content_type.as_deref() != Some("json") {
        find(
            FindingKind::ContentType,
            format!("{this} writes bodies as forms; they are taken, and larger than JSON"),
            format!("{install} sets `content_type` to `json`"),
        );
    }
    for twin in twins {
        find(
            FindingKind::Twice,
            format!("{} posts the same once more as {this}", of.hook(twin)),
            format!("delete one of them: {}", of.page(Some(twin.id))),
        );
    }
    findings
}

fn find_address(of: &Judged<'_>, hook: &Hook, find: &mut impl FnMut(FindingKind, String, String)) {
    let (this, install) = (of.hook(hook), of.install());
    let url = hook.config.url.as_deref().unwrap_or_default();
    let is_plain = |url: &str| {
        url.get(..7)
            .is_some_and(|it| it.eq_ignore_ascii_case("http://"))
    };
    match &of.wanted.url {
        Some(wanted) if !is_same(url, wanted) => {
            let only_scheme = is_plain(url) && is_same(&format!("https://{}", &url[7..]), wanted);
            let what = if only_scheme {
                format!(
                    "{this} posts over http, where anybody on the way can read along: `{}`",
                    shown(url)
                )
            } else {
                format!(
                    "{this} posts to `{}`, and by `server.hooks.url` it is `{}`",
                    shown(url),
                    shown(wanted)
                )
            };
            find(
                FindingKind::Url,
                what,
                format!("{install} sets the address"),
            );
        }
        None if is_plain(url) => find(
            FindingKind::Transport,
            format!(
                "{this} posts over http, where anybody on the way can read along: `{}`",
                shown(url)
            ),
            format!("set `server.hooks.url` to the https address; then {install} sets it"),
        ),
        _ => {}
    }
    if hook.config.insecure_ssl && !is_plain(url) {
        find(
            FindingKind::Transport,
            format!("{this} does not check the certificate of its address"),
            format!(
                "{install} has it checked; where it is of a CA of your own, GitHub must trust that first"
            ),
        );
    }
}

/// `a`, `b` and `c`
fn listed(events: &[&str]) -> String {
    let quoted: Vec<_> = events.iter().map(|event| format!("`{event}`")).collect();
    match quoted.as_slice() {
        [all @ .., last] if !all.is_empty() => format!("{} and {last}", all.join(", ")),
        quoted => quoted.join(""),
    }
}

/// Without what may be secret in it.
fn shown(url: &str) -> String {
    crate::flux::mask(url).into_owned()
}

fn host(url: &str) -> Option<String> {
    let url: Uri = url.parse().ok()?;
    Some(url.host()?.to_ascii_lowercase())
}

/// Whether two addresses are one: scheme and host in any case, the usual port written or not.
fn is_same(one: &str, other: &str) -> bool {
    let parts = |url: &str| {
        let url: Uri = url.parse().ok()?;
        let scheme = url.scheme_str()?.to_ascii_lowercase();
        let usual = if scheme == "http" { 80 } else { 443 };
        let port = url.port_u16().unwrap_or(usual);
        let host = url.host()?.to_ascii_lowercase();
        let path = url.path_and_query().map(ToString::to_string);
        Some((scheme, host, port, path))
    };
    let one = parts(one);
    one.is_some() && one == parts(other)
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn hook(fields: &Value) -> Hook {
        let mut hook = json!({"id": 7, "active": true,
            "events": ["push", "package", "release", "repository"],
            "config": {"url": "https://a.io/hooks/github/acme", "content_type": "json",
                "insecure_ssl": "0", "secret": "********"}});
        for (key, value) in fields.as_object().unwrap() {
            match key.strip_prefix("config.") {
                Some(key) => hook["config"][key] = value.clone(),
                None => hook[key] = value.clone(),
            }
        }
        serde_json::from_value(hook).unwrap()
    }

    fn judged(
        place: &HookPlace,
        address: Option<&str>,
        fields: &Value,
    ) -> Vec<(FindingKind, String, String)> {
        let wanted = WantedHook::new("acme", address, false);
        let of = Judged {
            host: "github.com",
            place,
            wanted: &wanted,
            app_page: (*place == HookPlace::App)
                .then_some("https://github.com/settings/apps/flux/permissions"),
        };
        let findings = judge_hook(&of, &hook(fields), &[]);
        let findings = findings.into_iter();
        findings
            .map(|found| (found.kind, found.what, found.mend))
            .collect()
    }

    fn only(fields: &Value) -> (FindingKind, String, String) {
        let acme = HookPlace::Organization("acme".into());
        let mut findings = judged(&acme, Some("https://a.io"), fields);
        assert_eq!(findings.len(), 1, "{findings:?}");
        findings.remove(0)
    }

    fn expected(kind: FindingKind, what: &str, mend: &str) -> (FindingKind, String, String) {
        (kind, what.to_owned(), mend.to_owned())
    }

    #[test]
    fn a_hook_as_it_should_be_has_no_finding() {
        let acme = HookPlace::Organization("acme".into());
        for (address, url) in [
            ("https://a.io", "https://a.io/hooks/github/acme"),
            ("https://a.io/", "HTTPS://A.io:443/hooks/github/acme"),
            ("http://a.io", "http://a.io:80/hooks/github/acme"),
            ("https://a.io/below", "https://a.io/below/hooks/github/acme"),
        ] {
            let found = judged(&acme, Some(address), &json!({"config.url": url}));
            assert_eq!(found, [], "{url}");
        }
        assert_eq!(judged(&acme, None, &json!({})), []);
    }

    #[test]
    fn each_fault_of_a_hook_is_named_with_the_step_that_mends_it() {
        let install = "`flux-setup webhook install --webhook acme`";
        assert_eq!(
            only(&json!({"active": false})),
            expected(
                FindingKind::Disabled,
                "the hook 7 of organisation acme is switched off, so that nothing is delivered",
                &format!("{install} switches it on")
            )
        );
        assert_eq!(
            only(&json!({"config.secret": null})),
            expected(
                FindingKind::Secret,
                "the hook 7 of organisation acme has no secret, so that each delivery is answered 401",
                &format!("{install} gives it the first of the webhook's `secrets`")
            )
        );
        assert_eq!(
            only(&json!({"events": ["package", "release", "repository"]})),
            expected(
                FindingKind::Disabled,
                "the hook 7 of organisation acme is not told of `push`, so that pushes wake nothing",
                &format!("{install} adds what lacks")
            )
        );
        assert_eq!(
            only(&json!({"events": ["push"]})),
            expected(
                FindingKind::Events,
                "the hook 7 of organisation acme is not told of `package`, `release` and `repository`",
                &format!("{install} adds what lacks")
            )
        );
        assert_eq!(
            only(&json!({"config.content_type": "form"})),
            expected(
                FindingKind::ContentType,
                "the hook 7 of organisation acme writes bodies as forms; they are taken, and larger than JSON",
                &format!("{install} sets `content_type` to `json`")
            )
        );
        assert_eq!(
            only(&json!({"config.insecure_ssl": "1"})),
            expected(
                FindingKind::Transport,
                "the hook 7 of organisation acme does not check the certificate of its address",
                &format!(
                    "{install} has it checked; where it is of a CA of your own, GitHub must trust that first"
                )
            )
        );
    }

    #[test]
    fn another_address_is_told_beside_the_one_that_is_wanted() {
        let install = "`flux-setup webhook install --webhook acme` sets the address";
        assert_eq!(
            only(&json!({"config.url": "https://u:pw@b.io/hooks/github/acme"})),
            expected(
                FindingKind::Url,
                "the hook 7 of organisation acme posts to `https://***@b.io/hooks/github/acme`, and by `server.hooks.url` it is `https://a.io/hooks/github/acme`",
                install
            )
        );
        let path = only(&json!({"config.url": "https://a.io/x/hooks/github/acme"}));
        assert_eq!(path.0, FindingKind::Url);
        let plain = "the hook 7 of organisation acme posts over http, where anybody on the way can read along: `http://a.io/hooks/github/acme`";
        assert_eq!(
            only(&json!({"config.url": "http://a.io/hooks/github/acme"})),
            expected(FindingKind::Url, plain, install)
        );
        let acme = HookPlace::Organization("acme".into());
        let unknown = judged(
            &acme,
            None,
            &json!({"config.url": "http://a.io/hooks/github/acme"}),
        );
        assert_eq!(
            unknown,
            [expected(
                FindingKind::Transport,
                plain,
                "set `server.hooks.url` to the https address; then `flux-setup webhook install --webhook acme` sets it"
            )]
        );
    }

    #[test]
    fn an_apps_events_are_chosen_by_people() {
        let found = judged(
            &HookPlace::App,
            Some("https://a.io"),
            &json!({"events": ["push"]}),
        );
        assert_eq!(
            found,
            [expected(
                FindingKind::Events,
                "the App's hook is not told of `package`, `release` and `repository`",
                "choose `package`, `release` and `repository` on https://github.com/settings/apps/flux/permissions: GitHub lets nobody but people choose an App's events"
            )]
        );
    }

    #[test]
    fn a_missing_hook_is_told_with_the_one_that_may_be_meant() {
        let acme = HookPlace::Organization("acme".into());
        let wanted = WantedHook::new("acme", Some("https://a.io"), false);
        let of = Judged {
            host: "github.com",
            place: &acme,
            wanted: &wanted,
            app_page: None,
        };
        let near = hook(&json!({"id": 9, "config.url": "https://A.io/hooks/github/acne"}));
        let far = hook(&json!({"id": 8, "config.url": "https://b.io/ci"}));
        let missing = judge_missing(&of, &[far.clone(), near]);
        assert_eq!(
            missing.what,
            "organisation acme has no hook whose address ends with `/hooks/github/acme`; the hook 9 of organisation acme posts to `https://A.io/hooks/github/acne`"
        );
        assert_eq!(
            missing.mend,
            "`flux-setup webhook install --webhook acme` makes it"
        );
        assert!(!judge_missing(&of, &[far]).what.contains(';'));
    }

    #[test]
    fn a_second_hook_that_posts_the_same_is_to_go() {
        let web = HookPlace::repository("acme/web").unwrap();
        let wanted = WantedHook::new("acme", Some("https://a.io"), false);
        let of = Judged {
            host: "github.com",
            place: &web,
            wanted: &wanted,
            app_page: None,
        };
        let twin = hook(&json!({"id": 9}));
        let found = judge_hook(&of, &hook(&json!({})), &[&twin]);
        assert_eq!(
            found,
            [Finding::new(
                FindingKind::Twice,
                "the hook 9 of repository acme/web posts the same once more as the hook 7 of repository acme/web",
                "delete one of them: https://github.com/acme/web/settings/hooks/9"
            )]
        );
    }
}
