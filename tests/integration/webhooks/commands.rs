//! `flux-setup webhook` as people run it, against a GitHub on loopback.

use std::fs;

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::binary::{Run, run_in};
use crate::github::faults::Fault;
use crate::github::hooks::{Hook, Scope};
use crate::github::sender::Delivering;
use crate::github::who::Level;
use crate::github::{FakeGithub, books::CallKey};
use crate::service::{OLD_SECRET, SECRET};

use super::scene::Scene;

/// A configuration folder whose webhook is `acme`.
struct Folder {
    folder: TempDir,
}

impl Folder {
    fn new(github: &FakeGithub, token: &str, webhook: &str, address: Option<&str>) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder can be made");
        let path = folder.path();
        let address = address.map_or(String::new(), |address| {
            format!("server: {{hooks: {{url: '{address}'}}}}\n")
        });
        let text = format!(
            "github:\n  - host: github.com\n    apiUrl: {}\n    identities: [{{name: bot, token: {{file: token}}}}]\n    \
             webhooks: [{{name: acme, {webhook}, secrets: [{{file: new}}, {{file: old}}]}}]\n{address}",
            github.api_url()
        );
        for (name, text) in [
            ("flux-setup.yaml", text.as_str()),
            ("token", token),
            ("new", SECRET),
            ("old", OLD_SECRET),
        ] {
            fs::write(path.join(name), text).expect("it can be written");
        }
        fs::create_dir(path.join("environments")).expect("it can be made");
        let environment = path.join("environments/dev.yaml");
        fs::write(environment, "ref: {branch: main}\n").expect("it can be written");
        Self { folder }
    }

    fn of(scene: &Scene) -> Self {
        let address = format!("http://{}", scene.service.at.hooks);
        let of = "organization: acme";
        Self::new(&scene.github, &scene.token, of, Some(&address))
    }

    /// Beside the fake, which runs in this process.
    async fn run(&self, arguments: &[&str]) -> Run {
        let folder = self.folder.path().to_owned();
        let arguments: Vec<String> = arguments.iter().map(ToString::to_string).collect();
        let run = tokio::task::spawn_blocking(move || {
            let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
            run_in(&folder, &arguments)
        });
        run.await.expect("it ran")
    }

    async fn json(&self, arguments: &[&str]) -> (Option<i32>, Value) {
        let run = self.run(&[arguments, &["--format", "json"]].concat()).await;
        let json = serde_json::from_str(&run.stdout);
        (run.code, json.unwrap_or_else(|_| panic!("{run:?}")))
    }
}

fn acme() -> Scope {
    Scope::Organization("acme".into())
}

fn writes(github: &FakeGithub) -> u64 {
    let is_write = |key: &CallKey| !key.endpoint.starts_with("GET");
    github.books().count(is_write).calls
}

fn the_hook(scene: &Scene) -> Hook {
    let mut hooks = scene.github.hooks(&acme());
    assert_eq!(hooks.len(), 1);
    hooks.remove(0)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hook_is_made_once_and_then_is_as_it_should_be() {
    let scene = Scene::start().await;
    let folder = Folder::of(&scene);
    scene
        .github
        .change_hook(scene.hook, |hook| hook.url = "http://b.io/ci".into());
    let run = folder.run(&["webhook", "install", "--dry-run"]).await;
    assert_eq!(
        (run.code, run.stdout.as_str()),
        (
            Some(0),
            "acme: a hook of organisation acme would be created\n"
        ),
        "{run:?}"
    );
    assert_eq!(writes(&scene.github), 0, "a dry run changes nothing");
    let (code, made) = folder.json(&["webhook", "install"]).await;
    assert_eq!(code, Some(0), "{made}");
    let made = &made["webhooks"][0];
    assert_eq!(made["outcome"], "created");
    let id = made["hookId"].as_u64().expect("it has a number");
    let hooks = scene.github.hooks(&acme());
    let hook = hooks
        .iter()
        .find(|hook| hook.id == id)
        .expect("it is there");
    assert_eq!(
        hook.url,
        format!("http://{}/hooks/github/acme", scene.service.at.hooks)
    );
    assert_eq!(hook.secret.as_deref(), Some(SECRET));
    assert_eq!(
        (
            hook.content_type.as_str(),
            hook.insecure_ssl.as_str(),
            hook.active
        ),
        ("json", "0", true)
    );
    assert_eq!(hook.events, ["push", "package", "release", "repository"]);
    scene.github.quiet().await;
    let writes_before = writes(&scene.github);
    let again = folder.run(&["webhook", "install"]).await;
    assert_eq!(
        again.stdout,
        format!("acme: the hook {id} of organisation acme is as it should be\n"),
        "{again:?}"
    );
    assert_eq!(writes(&scene.github), writes_before);
    let check = folder.run(&["webhook", "check"]).await;
    assert_eq!(check.code, Some(0), "{check:?}");
    assert!(
        check.stdout.starts_with("acme, organisation acme: sound\n"),
        "{}",
        check.stdout
    );
    assert!(
        check
            .stdout
            .contains(", ping: OK 200, signed with file:new\n"),
        "{}",
        check.stdout
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_wrong_is_told_and_set_right() {
    let scene = Scene::start().await;
    let folder = Folder::of(&scene);
    scene.github.change_hook(scene.hook, |hook| {
        hook.active = false;
        hook.url = "http://old.acme.io/hooks/github/acme".into();
        hook.content_type = "form".into();
        hook.insecure_ssl = "1".into();
        hook.secret = None;
        hook.events = vec!["star".into()];
    });
    let (code, checked) = folder.json(&["webhook", "check"]).await;
    assert_eq!(code, Some(1), "{checked}");
    let kinds: Vec<_> = checked["webhooks"][0]["findings"]
        .as_array()
        .expect("a list")
        .iter()
        .map(|it| it["kind"].as_str().unwrap_or_default())
        .collect();
    assert_eq!(
        kinds,
        [
            "disabled",
            "url",
            "secret",
            "disabled",
            "events",
            "contentType",
            "silent"
        ]
    );
    let run = folder.run(&["webhook", "check"]).await;
    assert!(run.stdout.contains("the hook"), "{}", run.stdout);
    assert!(
        run.stdout
            .contains("mend: `flux-setup webhook install --webhook acme` switches it on\n"),
        "{}",
        run.stdout
    );
    let url = format!("http://{}/hooks/github/acme", scene.service.at.hooks);
    let expected = format!(
        "acme: the hook {} of organisation acme would be changed\n  url: http://old.acme.io/hooks/github/acme -> {url}\n  content_type: form -> json\n  insecure_ssl: 1 -> 0\n  active: false -> true\n  events: star -> star, push, package, release, repository\n  secret: none -> file:new\n",
        scene.hook
    );
    let dry = folder.run(&["webhook", "install", "--dry-run"]).await;
    assert_eq!(dry.stdout, expected, "{dry:?}");
    assert_eq!(writes(&scene.github), 0);
    let run = folder.run(&["webhook", "install"]).await;
    assert_eq!(run.stdout, expected.replace("would be ", ""));
    let hook = the_hook(&scene);
    assert_eq!(
        (hook.url, hook.secret.as_deref(), hook.active),
        (url, Some(SECRET), true)
    );
    assert_eq!(
        hook.events,
        ["star", "push", "package", "release", "repository"]
    );
    let check = folder.run(&["webhook", "check", "--ping"]).await;
    assert_eq!(check.code, Some(0), "{check:?}");
    assert!(
        check.stdout.contains("\n  ping: OK 200\n"),
        "{}",
        check.stdout
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hook_to_which_nothing_was_delivered_is_told_of_and_sound() {
    let scene = Scene::start().await;
    let folder = Folder::of(&scene);
    let (code, checked) = folder.json(&["webhook", "check"]).await;
    let check = &checked["webhooks"][0];
    let told = (
        check["sound"].as_bool(),
        check["findings"][0]["kind"].as_str(),
    );
    assert_eq!(
        (code, told),
        (Some(0), (Some(true), Some("silent"))),
        "{checked}"
    );
    let check = folder.run(&["webhook", "check"]).await;
    let told = format!(
        "acme, organisation acme: sound\n  hook {} posts to http://{}/hooks/github/acme\n  nothing was delivered to",
        scene.hook, scene.service.at.hooks
    );
    assert!(check.stdout.starts_with(&told), "{}", check.stdout);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_secret_is_changed_without_losing_a_delivery() {
    let scene = Scene::start().await;
    let folder = Folder::of(&scene);
    scene
        .github
        .change_hook(scene.hook, |hook| hook.secret = Some(OLD_SECRET.into()));
    scene.push(0..1, Delivering::Deliver);
    scene.github.quiet().await;
    let old = folder.run(&["webhook", "check"]).await;
    assert_eq!(old.code, Some(0), "{old:?}");
    assert!(
        old.stdout.contains("push: OK 202, signed with file:old\n"),
        "{}",
        old.stdout
    );
    let run = folder.run(&["webhook", "install"]).await;
    assert_eq!(
        run.stdout,
        format!(
            "acme: the hook {} of organisation acme changed\n  secret: file:old -> file:new\n",
            scene.hook
        )
    );
    scene.push(1..2, Delivering::Deliver);
    scene.github.quiet().await;
    assert_eq!(scene.taken().await.len(), 2);
    let again = folder.run(&["webhook", "install"]).await;
    assert!(again.stdout.ends_with(" is as it should be\n"), "{again:?}");
    // A secret that nobody lists.
    scene
        .github
        .change_hook(scene.hook, |hook| hook.secret = Some("stranger".into()));
    scene.push(2..3, Delivering::Deliver);
    scene.github.quiet().await;
    let (code, checked) = folder.json(&["webhook", "check"]).await;
    assert_eq!(code, Some(1));
    let finding = &checked["webhooks"][0]["findings"][0];
    assert_eq!(
        finding["mend"],
        "GitHub signs with a secret that webhook `acme` does not list: `flux-setup webhook install --webhook acme` gives it the first of them"
    );
    let run = folder.run(&["webhook", "install"]).await;
    assert!(
        run.stdout.ends_with("  secret: another one -> file:new\n"),
        "{run:?}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_secret_whose_file_was_replaced_is_given_to_github() {
    let scene = Scene::start().await;
    let folder = Folder::of(&scene);
    let path = folder.folder.path();
    let file = path.join("flux-setup.yaml");
    let text = fs::read_to_string(&file).expect("it is there");
    fs::write(&file, text.replace(", {file: old}", "")).expect("it can be written");
    scene.push(0..1, Delivering::Deliver);
    scene.github.quiet().await;
    let right = folder.run(&["webhook", "install"]).await;
    assert!(right.stdout.ends_with(" is as it should be\n"), "{right:?}");
    fs::write(path.join("new"), "replaced").expect("it can be written");
    let would = format!(
        "acme: the hook {} of organisation acme would be changed\n  secret: unknown -> file:new\n",
        scene.hook
    );
    let dry = folder.run(&["webhook", "install", "--dry-run"]).await;
    assert_eq!(dry.stdout, would, "{dry:?}");
    assert_eq!(writes(&scene.github), 0);
    let run = folder.run(&["webhook", "install"]).await;
    assert_eq!(run.stdout, would.replace("would be ", ""));
    assert_eq!(the_hook(&scene).secret.as_deref(), Some("replaced"));
    scene.push(1..2, Delivering::TIMED_OUT);
    let again = folder.run(&["webhook", "install"]).await;
    assert!(again.stdout.ends_with(" is as it should be\n"), "{again:?}");
    assert_eq!(writes(&scene.github), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn deliveries_are_listed_and_delivered_again() {
    let scene = Scene::start().await;
    let folder = Folder::of(&scene);
    scene.push(0..150, Delivering::UNREACHABLE);
    scene.push(150..152, Delivering::Deliver);
    scene.push(152..153, Delivering::BAD_GATEWAY);
    scene.github.quiet().await;
    let (_, all) = folder
        .json(&["webhook", "deliveries", "acme", "--limit", "152"])
        .await;
    assert_eq!(all["deliveries"].as_array().map(Vec::len), Some(152));
    assert_eq!(all["hasMore"], true);
    let run = folder
        .run(&["webhook", "deliveries", "acme", "--failed", "--limit", "1"])
        .await;
    let lines: Vec<&str> = run.stdout.lines().collect();
    assert!(lines[0].starts_with("delivered"), "{run:?}");
    assert!(
        lines[1].contains("  push   ") && lines[1].contains("  502 "),
        "{run:?}"
    );
    assert_eq!(lines.last(), Some(&"there are more: --limit"));
    let guid = scene.github.deliveries(scene.hook)[3].guid.clone();
    let dry = folder
        .run(&["webhook", "redeliver", "acme", &guid, "--dry-run"])
        .await;
    assert_eq!(
        dry.stdout,
        format!(
            "{guid} push, failed to connect to host\nGitHub would be asked to deliver 1 delivery again\n"
        )
    );
    assert_eq!(writes(&scene.github), 0);
    let run = folder.run(&["webhook", "redeliver", "acme", &guid]).await;
    assert!(
        run.stdout
            .ends_with("asked GitHub to deliver 1 delivery again\n"),
        "{run:?}"
    );
    scene.github.quiet().await;
    assert_eq!(scene.taken().await.len(), 3);
    let (code, rest) = folder
        .json(&["webhook", "redeliver", "acme", "--failed", "--dry-run"])
        .await;
    assert_eq!(code, Some(0));
    assert_eq!(rest["redelivered"].as_array().map(Vec::len), Some(150));
    let unknown = folder
        .run(&["webhook", "redeliver", "acme", "0b989ba4"])
        .await;
    assert_eq!(unknown.code, Some(2));
    assert_eq!(
        unknown.stderr,
        "error: GitHub's list of webhook `acme` has no delivery `0b989ba4`; it remembers 3 days\n"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn hooks_are_listed() {
    let scene = Scene::start().await;
    let folder = Folder::of(&scene);
    let run = folder.run(&["webhook", "list"]).await;
    assert_eq!(run.code, Some(0), "{run:?}");
    let mut lines = run.stdout.lines();
    assert_eq!(
        lines
            .next()
            .map(|it| it.split_whitespace().collect::<Vec<_>>().join(" "))
            .as_deref(),
        Some("webhook of hook state posts to events identity")
    );
    let row = lines.next().unwrap_or_default();
    assert!(
        row.starts_with("acme     organisation acme")
            && row.contains("active")
            && row.ends_with("bot"),
        "{row}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn an_apps_hook_is_set_up_but_for_its_events() {
    let scene = Scene::start().await;
    let github = &scene.github;
    let app = github.app("flux", &[("metadata", Level::Read)], &["push"]);
    let installation = github.install(app.id, "acme", None);
    let address = format!("http://{}", scene.service.at.hooks);
    let folder = Folder::new(github, "unused", "app: app", Some(&address));
    let path = folder.folder.path();
    fs::write(path.join("key.pem"), &app.private_key).expect("it can be written");
    let file = path.join("flux-setup.yaml");
    let text = fs::read_to_string(&file).expect("it is there");
    let identity = format!(
        "{{name: app, app: {{id: {}, installation: {installation}, privateKey: {{file: key.pem}}}}}}",
        app.id
    );
    let text = text.replace("{name: bot, token: {file: token}}", &identity);
    fs::write(&file, text).expect("it can be written");
    let missing = folder.run(&["webhook", "check"]).await;
    assert_eq!(missing.code, Some(1), "{missing:?}");
    assert!(
        missing
            .stdout
            .contains("the App has no hook whose address ends with `/hooks/github/acme`\n"),
        "{}",
        missing.stdout
    );
    let run = folder.run(&["webhook", "install"]).await;
    assert_eq!(run.code, Some(0), "{run:?}");
    assert_eq!(
        run.stdout,
        "acme: the App's hook created\n  the App's hook is not told of `package`, `release` and `repository`\n    choose `package`, `release` and `repository` on https://github.com/organizations/acme/settings/apps/flux/permissions: GitHub lets nobody but people choose an App's events\n"
    );
    let hook = github.hooks(&Scope::App(app.id)).remove(0);
    assert_eq!(hook.url, format!("{address}/hooks/github/acme"));
    assert_eq!(hook.secret.as_deref(), Some(SECRET));
    scene.push(0..1, Delivering::Deliver);
    github.quiet().await;
    let again = folder.run(&["webhook", "install"]).await;
    assert!(
        again
            .stdout
            .starts_with("acme: the App's hook is as it should be\n"),
        "{again:?}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn each_repository_of_the_configuration_gets_a_hook() {
    let scene = Scene::start().await;
    scene.github.repository("acme/api");
    let address = format!("http://{}", scene.service.at.hooks);
    let folder = Folder::new(
        &scene.github,
        &scene.token,
        "repositories: true",
        Some(&address),
    );
    let none = folder.run(&["webhook", "install"]).await;
    assert_eq!(none.code, Some(2));
    assert_eq!(
        none.stderr,
        "error: webhook `acme` has a hook on each repository, and the configuration names none of `github.com`; name one with --repository OWNER/NAME\n"
    );
    let run = folder
        .run(&[
            "webhook",
            "install",
            "--repository",
            "acme/api",
            "--repository",
            "acme/gone",
        ])
        .await;
    assert_eq!(run.code, Some(2), "{run:?}");
    assert!(
        run.stdout.contains("of repository acme/api created\n"),
        "{run:?}"
    );
    // What it signs with is known by its ping.
    scene.github.quiet().await;
    assert!(run.stderr.contains("`Webhooks: read-only`"), "{run:?}");
    let file = folder.folder.path().join("flux-setup.yaml");
    let text = fs::read_to_string(&file).expect("it is there");
    let projects = "projects: [{name: web, repository: https://github.com/acme/web}, {name: api, repository: 'git@github.com:acme/api.git'}]\n";
    fs::write(&file, text + projects).expect("it can be written");
    let run = folder.run(&["webhook", "install"]).await;
    assert_eq!(run.code, Some(0), "{run:?}");
    assert!(
        run.stdout
            .contains("of repository acme/api is as it should be\n"),
        "{run:?}"
    );
    assert!(
        run.stdout.contains("of repository acme/web created\n"),
        "{run:?}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn what_lacks_is_named() {
    let scene = Scene::start().await;
    let of = "organization: acme";
    let folder = Folder::new(&scene.github, &scene.token, of, None);
    let run = folder.run(&["webhook", "install"]).await;
    assert_eq!(run.code, Some(2));
    assert_eq!(
        run.stderr,
        "error: where GitHub is to post webhook `acme` to is not known; set `server.hooks.url`, as `https://hooks.acme.io`\n"
    );
    let run = folder.run(&["webhook", "check", "--webhook", "acne"]).await;
    assert_eq!(
        (run.code, run.stderr.as_str()),
        (
            Some(2),
            "error: no webhook is called `acne`; the configuration has `acme`\n"
        )
    );
    let run = folder.run(&["webhook", "redeliver", "acme"]).await;
    assert_eq!(run.code, Some(2));
    let token = scene
        .github
        .fine_grained_token("reader", &[("organization_hooks", Level::Read)]);
    fs::write(folder.folder.path().join("token"), token).expect("it can be written");
    let run = folder.run(&["webhook", "check"]).await;
    assert_eq!(run.code, Some(1), "a reader may check: {run:?}");
    scene.github.fail_where("", None, Fault::Closed);
    let (code, checked) = folder.json(&["webhook", "check"]).await;
    let finding = &checked["webhooks"][0]["findings"][0];
    let what = finding["what"].as_str().unwrap();
    assert!(what.starts_with("cannot reach `github.com`: "), "{what}");
    assert_eq!((code, &finding["kind"]), (Some(1), &json!("unasked")));
    scene.github.clear_faults();
    fs::remove_file(folder.folder.path().join("token")).expect("it is there");
    let run = folder.run(&["webhook", "list"]).await;
    assert_eq!(run.code, Some(2));
    let reason = "cannot use the credential of identity `bot`: cannot read ./token: No such file";
    assert!(run.stderr.contains(reason), "{run:?}");
    let nothing = scene.github.fine_grained_token("stranger", &[]);
    fs::write(folder.folder.path().join("token"), nothing).expect("it can be written");
    let run = folder.run(&["webhook", "list"]).await;
    assert_eq!(run.code, Some(2));
    assert!(run.stderr.contains("the organisation permission `Webhooks: read-only`, of a classic token the scope `admin:org_hook`"), "{run:?}");
    let file = folder.folder.path().join("flux-setup.yaml");
    let text = fs::read_to_string(&file).expect("it is there");
    fs::write(&file, text.replace("{name: bot, token: {file: token}}", ""))
        .expect("it can be written");
    let run = folder.run(&["webhook", "list"]).await;
    assert_eq!(
        run.stderr,
        "error: nobody can ask GitHub about webhook `acme`: list an identity of `github.com` under `github[].identities`, as `{name: bot, token: {env: GITHUB_TOKEN}}`\n"
    );
    fs::write(&file, "projects: []\n").expect("it can be written");
    let run = folder.run(&["webhook", "list"]).await;
    assert_eq!(
        run.stderr,
        "error: no webhook is configured; list one under `github[].webhooks`\n"
    );
}
