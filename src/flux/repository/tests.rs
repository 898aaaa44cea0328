//! Which URLs are taken, and what is said of the others.

use proptest::proptest;

use super::RepositoryUrl;

fn message(text: &str) -> String {
    match RepositoryUrl::read(text) {
        Ok(url) => format!("taken: {url:?}"),
        Err(fault) => format!("{fault}; {}", fault.hint()),
    }
}

#[test]
fn only_the_scp_like_form_is_rewritten() {
    for (text, url, host, port, path) in [
        (
            "git@github.com:acme/web.git",
            "ssh://git@github.com/acme/web.git",
            "github.com",
            None,
            "/acme/web.git",
        ),
        (
            "git@host:/srv/web",
            "ssh://git@host/srv/web",
            "host",
            None,
            "/srv/web",
        ),
        (
            "git@[::1]:web",
            "ssh://git@[::1]/web",
            "[::1]",
            None,
            "/web",
        ),
        (
            "https://GitHub.com/Acme/web",
            "https://GitHub.com/Acme/web",
            "GitHub.com",
            None,
            "/Acme/web",
        ),
        (
            "http://h:8080/a/b/",
            "http://h:8080/a/b/",
            "h",
            Some(8080),
            "/a/b/",
        ),
        ("ssh://git@h:22/a", "ssh://git@h:22/a", "h", Some(22), "/a"),
        ("ssh://h/~me/a", "ssh://h/~me/a", "h", None, "/~me/a"),
        (
            "oci://ghcr.io/acme/platform",
            "oci://ghcr.io/acme/platform",
            "ghcr.io",
            None,
            "/acme/platform",
        ),
        (
            "oci://localhost:5000/a",
            "oci://localhost:5000/a",
            "localhost",
            Some(5000),
            "/a",
        ),
        ("https://h/a@b:c", "https://h/a@b:c", "h", None, "/a@b:c"),
    ] {
        let read = RepositoryUrl::read(text).expect(text);
        assert_eq!(
            (read.flux_url(), read.host(), read.port(), read.path()),
            (url, host, port, path)
        );
    }
}

#[test]
fn what_flux_does_not_take_is_refused_and_no_secret_is_told() {
    let credentials =
        "the URL holds a user or password; remove it, and name a Secret by `secretRef`";
    let password = "the URL holds a password; remove it, and name a Secret by `secretRef`";
    let no_scheme = "the URL has no scheme; write `https://host/owner/repository` or `git@host:owner/repository`";
    for (text, expected) in [
        (
            "",
            "the URL is empty; write `https://host/owner/repository` or `git@host:owner/repository`",
        ),
        (
            "https://h/a b",
            "the URL has a space; write it without, or as %-escape",
        ),
        (
            "https://h/a\n",
            "the URL has the control character \\u{a}; write it without, or as %-escape",
        ),
        ("github.com/acme/web", no_scheme),
        ("github.com:acme/web", no_scheme),
        ("acme/web", no_scheme),
        ("./x@y/z:a", no_scheme),
        ("git@host", no_scheme),
        (
            "git://h/a",
            "the scheme `git://` is none that Flux takes; use https, http, ssh or oci",
        ),
        (
            "file:///a",
            "the scheme `file://` is none that Flux takes; use https, http, ssh or oci",
        ),
        (
            "ftp://h/a",
            "the scheme `ftp://` is none that Flux takes; use https, http, ssh or oci",
        ),
        (
            "HTTPS://h/a",
            "the scheme of the URL has capital letters; write `https://`",
        ),
        ("https://bot:secret@h/a", credentials),
        ("https://secret@h/a", credentials),
        ("https://bot:sec/ret@h/a", credentials),
        ("http://bot:secret@h/a", credentials),
        ("oci://bot:secret@h/a", credentials),
        ("ssh://git:secret@h/a", password),
        ("ssh://git:sec/ret@h/a", password),
        ("git:secret@h:a", password),
        (
            "https:///a",
            "the URL has no host; write it as `https://host/owner/repository`",
        ),
        (
            "git@.:a",
            "the URL has no host; write it as `https://host/owner/repository`",
        ),
        (
            "https://[]/a",
            "the URL has no host; write it as `https://host/owner/repository`",
        ),
        (
            "https://[.]:80/a",
            "the URL has no host; write it as `https://host/owner/repository`",
        ),
        (
            "https://:80/a",
            "the URL has no host; write it as `https://host/owner/repository`",
        ),
        (
            "https://h_*/a",
            "the host `h_*` has `*`, which no host has; write the host's name alone, as `github.com`",
        ),
        (
            "https://ü/a",
            "the host `ü` has `ü`, which no host has; write the host's name alone, as `github.com`",
        ),
        (
            "https://h:0/a",
            "the port `0` is none between 1 and 65535; write the number of a port, or leave it out; a password does not belong here either",
        ),
        (
            "https://h:70000/a",
            "the port `70000` is none between 1 and 65535; write the number of a port, or leave it out; a password does not belong here either",
        ),
        (
            "https://h:secret/a",
            "the port `***` is none between 1 and 65535; write the number of a port, or leave it out; a password does not belong here either",
        ),
        (
            "https://h",
            "the URL names no repository; write it as `https://h/owner/repository`",
        ),
        (
            "https://h//",
            "the URL names no repository; write it as `https://h/owner/repository`",
        ),
        (
            "git@h:",
            "the URL names no repository; write it as `ssh://git@h/owner/repository`",
        ),
        (
            "https://h/a?x=1",
            "the URL has a query (`?…`), which no repository has; remove it",
        ),
        (
            "https://h/a#main",
            "the URL has a fragment (`#…`), which no repository has; remove it",
        ),
        (
            "oci://ghcr.io/a:1.2",
            "the URL holds a tag (`:…`); put it under `ref: {tag: …}`",
        ),
        (
            "oci://ghcr.io/a@sha256:1",
            "the URL holds a digest (`@…`); put it under `ref: {digest: …}`",
        ),
        (
            "oci://ghcr.io/Acme/a",
            "the name of an artifact has `A`; write it with small letters, digits, `.`, `_`, `-` and `/` alone",
        ),
    ] {
        assert_eq!(message(text), expected, "{text}");
    }
}

#[test]
fn one_repository_in_any_spelling_is_one() {
    let aliases = |host: &str| match host {
        "ssh.github.com" | "git.acme.io:8443" => Some("github.com"),
        _ => None,
    };
    let identity = |text: &str| RepositoryUrl::read(text).expect(text).identity(aliases);
    let web = identity("https://github.com/acme/web");
    assert_eq!((web.host(), web.path()), ("github.com", "acme/web"));
    for same in [
        "https://GitHub.com/Acme/Web.git",
        "http://github.com:80/acme/web/",
        "https://github.com:443//acme/web",
        "git@github.com:acme/web.git",
        "ssh://git@github.com:22/acme/web",
        "ssh://me@ssh.github.com:443/acme/web.git/",
        "https://github.com./acme/web",
        "https://git.acme.io:8443/acme/web",
        "https://github.com/acme/web.git.git",
        "https://github.com/acme/web.git/.git/",
    ] {
        assert_eq!(identity(same), web, "{same}");
    }
    assert_eq!(identity("https://github.com/.git").path(), ".git");
    for other in [
        "https://github.com/acme/web2",
        "https://gitlab.com/acme/web",
        "https://github.com:8443/acme/web",
        "https://github.com/acme/web.github",
    ] {
        assert_ne!(identity(other), web, "{other}");
    }
}

proptest! {
    #[test]
    fn no_text_makes_it_panic(text in "(https://|ssh://|oci://|git@|:|/|@|\\[|\\]|é|[a-zA-Z0-9.]|\\PC){0,12}") {
        if let Ok(url) = RepositoryUrl::read(&text) {
            url.identity(|_| None);
        }
    }
}
