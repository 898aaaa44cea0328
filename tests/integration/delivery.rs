//! `flux-setup delivery` asks a running server: what people and machines are told, and every refusal.

use std::fs;
use std::path::Path;

use serde_json::{Value, json};

use crate::api_server::shared;
use crate::binary::{Run, command, ended};
use crate::hookshot::{guid, push};
use crate::process::{Home, Service};

/// Its one cluster cannot be reached.
fn home_without_cluster() -> Home {
    Home::new(&[("prod-eu", Path::new("nowhere.yaml"))])
}

/// Runs `flux-setup delivery`, which finds the server by its configuration.
fn delivery(home: &Home, arguments: &[&str]) -> Run {
    let output = command(&[&["delivery"], arguments].concat())
        .current_dir(home.path())
        .output();
    ended(&output.expect("the program was built"))
}

fn told(home: &Home, arguments: &[&str]) -> String {
    let run = delivery(home, arguments);
    assert_eq!((run.code, &*run.stderr), (Some(0), ""), "{run:?}");
    run.stdout
}

fn refused(home: &Home, arguments: &[&str]) -> String {
    let run = delivery(home, arguments);
    assert_eq!((run.code, &*run.stdout), (Some(2), ""), "{run:?}");
    run.stderr
}

fn send(service: &Service, event: &str, number: u64, body: &[u8]) {
    let answer = service
        .hookshot()
        .send(event, &guid(number), body)
        .expect("the service answers");
    assert!(matches!(answer.status, 200 | 202), "{answer:?}");
}

/// The last digits of the GUIDs that a list names, in its order.
fn guids(list: &str) -> Vec<u64> {
    let last = |line: &str| line.rsplit_once('-').map(|(_, last)| last.to_owned());
    let lines = list.lines().skip(1).filter_map(last);
    lines.filter_map(|last| last.parse().ok()).collect()
}

#[test]
fn a_list_is_cut_down_by_repository_state_and_page() {
    let home = home_without_cluster();
    let mut service = home.start();
    assert_eq!(told(&home, &["list"]), "no deliveries\n");
    for number in 1..=3 {
        send(&service, "push", number, &push("acme/web", "main", number));
    }
    send(&service, "push", 4, &push("Acme/API", "next", 4));
    send(&service, "star", 5, b"{\"action\":\"created\"}");
    service.wait_until(
        "the pushes wait for the cluster, and the star is over",
        |_| {
            let of = |state| guids(&told(&home, &["list", "--state", state]));
            of("working") == [4, 3, 2, 1] && of("nothing") == [5]
        },
    );
    let list = told(&home, &["list"]);
    let mut lines = list.lines().map(|line| line.split_whitespace().collect());
    let words: Vec<&str> = lines.next().unwrap();
    assert_eq!(
        words,
        [
            "received",
            "event",
            "repository",
            "ref",
            "state",
            "objects",
            "guid"
        ]
    );
    let star: Vec<&str> = lines.next().unwrap();
    assert_eq!(star[1..], ["star", "nothing", guid(5).as_str()], "{list}");
    let push: Vec<&str> = lines.next().unwrap();
    assert_eq!(
        push[1..],
        ["push", "Acme/API", "next", "working", "1", guid(4).as_str()],
        "{list}"
    );
    assert_eq!(guids(&list), [5, 4, 3, 2, 1]);
    let of = |repository| guids(&told(&home, &["list", "--repository", repository]));
    assert_eq!(of("acme/api"), [4]);
    assert!(of("acme/we").is_empty());
    let page = told(&home, &["list", "--limit", "2"]);
    assert_eq!(guids(&page), [5, 4]);
    let (_, before) = page.rsplit_once("\nolder ones: --before ").unwrap();
    let older = told(&home, &["list", "--before", before.trim(), "--limit", "9"]);
    assert_eq!(guids(&older), [3, 2, 1]);
    assert!(!older.contains("older ones"), "{older}");
    let json = told(&home, &["list", "--format", "json", "--limit", "1"]);
    let json: Value = serde_json::from_str(&json).unwrap();
    assert_eq!(json["deliveries"][0]["guid"], json!(guid(5)));
    assert_eq!(
        json["next"].to_string(),
        json["deliveries"][0]["id"].to_string()
    );
    assert_eq!(
        refused(&home, &["list", "--state", "lost"]),
        "error: unknown state `lost`; known: accepted, nothing, working, done, failed\n"
    );
}

#[test]
fn a_delivery_that_wakes_nothing_says_why_and_steers_no_terminal() {
    let home = home_without_cluster();
    let mut service = home.start();
    let payload = json!({"action": "created\u{1b}[2J\nstate       done"}).to_string();
    send(&service, "star", 1, payload.as_bytes());
    service.wait_until("the delivery is over", |_| {
        guids(&told(&home, &["list", "--state", "nothing"])) == [1]
    });
    let story = told(&home, &["show", &guid(1)]);
    let (before, after) = story.split_once("\nreceived ").unwrap();
    assert_eq!(
        before,
        format!(
            "delivery    {}\nwebhook     acme\nevent       star\n\
             action      created\u{fffd}[2J\u{fffd}state       done",
            guid(1)
        )
    );
    assert!(
        after.contains("\nstate       nothing\nreason      nothing follows events of this kind\n"),
        "{story}"
    );
    assert_eq!(
        told(&home, &["explain", &guid(1)]),
        "it wakes nothing: nothing follows events of this kind\n\
         cluster `prod-eu` is not seen now; what it has by now is not considered here\n"
    );
}

#[test]
fn what_no_server_knows_is_refused_with_how_to_mend_it() {
    let home = home_without_cluster();
    let _service = home.start();
    assert_eq!(
        refused(&home, &["show", &guid(9)]),
        format!(
            "error: no delivery `{}` is kept; it never came, or came too long ago\n",
            guid(9)
        )
    );
    assert_eq!(
        refused(&home, &["explain", &guid(9)]),
        format!(
            "error: no delivery `{}` is kept; it never came, or came too long ago\n",
            guid(9)
        )
    );
    assert_eq!(
        refused(&home, &["show", "a/b"]),
        "error: `a/b` is no GUID: it has other characters than letters, digits and `-`\n"
    );
    assert_eq!(
        refused(&home, &["explain", "push.json"]),
        "error: `push.json` is no file that is there, and no GUID: it has other characters than letters, digits and `-`\n"
    );
    home.write("text.json", "no payload");
    assert_eq!(
        refused(&home, &["explain", "text.json"]),
        "error: a payload in a file names no webhook; say which with --webhook NAME\n"
    );
    assert_eq!(
        refused(&home, &["explain", "text.json", "--webhook", "acne"]),
        "error: no webhook `acne` is configured; configured: acme\n"
    );
    let text = refused(&home, &["explain", "text.json", "--webhook", "acme"]);
    assert!(text.starts_with("error: the payload is no JSON"), "{text}");
    let folder = refused(&home, &["explain", ".", "--webhook", "acme"]);
    assert!(
        folder.starts_with("error: cannot read the payload `.`\n  because: Is a directory"),
        "{folder}"
    );
    let large = fs::File::create(home.path().join("large.json")).unwrap();
    large.set_len(25 * 1024 * 1024 + 1).unwrap();
    assert_eq!(
        refused(&home, &["explain", "large.json", "--webhook", "acme"]),
        "error: `large.json` is no payload: it has more than 25 MiB, which GitHub never sends\n"
    );
    let run = delivery(&home, &["show", "a/b", "--format", "json"]);
    let document: Value = serde_json::from_str(&run.stdout).unwrap();
    assert_eq!(
        document["findings"][0]["message"],
        "`a/b` is no GUID: it has other characters than letters, digits and `-`"
    );
}

#[test]
fn a_server_is_found_by_argument_environment_and_configuration_in_this_order() {
    let home = home_without_cluster();
    let nobody = format!(
        "error: cannot reach the server at http://{}; is `flux-setup serve` running there?\n",
        home.api
    );
    let refusal = refused(&home, &["list"]);
    assert!(refusal.starts_with(&nobody), "{refusal}");
    let _service = home.start();
    let elsewhere = home_without_cluster();
    let server = format!("http://{}/", home.api);
    assert_eq!(
        told(&elsewhere, &["list", "--server", &server]),
        "no deliveries\n"
    );
    let ask = |server: &str, arguments: &[&str]| {
        let output = command(&[&["delivery", "list"], arguments].concat())
            .current_dir(elsewhere.path())
            .env("FLUX_SETUP_SERVER", server)
            .env("http_proxy", "http://127.0.0.1:9")
            .output();
        ended(&output.unwrap())
    };
    assert_eq!(ask(&server, &[]).stdout, "no deliveries\n");
    let other = ask(&server, &["--server", "http://127.0.0.1:9"]);
    assert!(
        other.stderr.contains("the server at http://127.0.0.1:9;"),
        "{other:?}"
    );
    assert_eq!(
        ask("127.0.0.1:9293", &[]).stderr,
        "error: `127.0.0.1:9293` is no address of a server; write it as `http://127.0.0.1:9293`\n"
    );
    assert_eq!(
        refused(
            &home,
            &["list", "--server", "http://user:secret@127.0.0.1:9293"]
        ),
        "error: the address of a server holds no user and password; give a token in FLUX_SETUP_TOKEN\n"
    );
    assert_eq!(
        refused(&home, &["list", "--server", "http://127.0.0.1:9293/?a=b"]),
        "error: `http://127.0.0.1:9293/?a=b` is no address of a server: it ends before `?` and `#`\n"
    );
    let hooks = format!("http://{}", home.hooks);
    let text = ask(&hooks, &[]).stderr;
    assert!(text.starts_with("error: "), "{text}");
}

#[test]
fn a_token_is_taken_from_the_environment_and_never_shown() {
    let home = home_without_cluster();
    let path = home.path().join("flux-setup.yaml");
    let text = fs::read_to_string(&path).unwrap();
    let api = format!("api: {{listen: \"{}\"", home.api);
    let tokens = format!("{api}, tokens: [{{name: me, token: {{file: token}}}}]");
    fs::write(&path, text.replace(&api, &tokens)).unwrap();
    home.write("token", "right-0123456789abcdef-token");
    let _service = home.start();
    let ask = |token: Option<&str>| {
        let mut command = command(&["delivery", "list"]);
        command.current_dir(home.path());
        if let Some(token) = token {
            command.env("FLUX_SETUP_TOKEN", token);
        }
        ended(&command.output().unwrap())
    };
    assert_eq!(
        ask(Some("right-0123456789abcdef-token\n")).stdout,
        "no deliveries\n"
    );
    for none in [None, Some(" ")] {
        let run = ask(none);
        assert_eq!(
            (run.code, &*run.stderr),
            (
                Some(2),
                "error: the server asks for a token; give it in FLUX_SETUP_TOKEN\n"
            )
        );
    }
    assert_eq!(
        ask(Some("wrong-token")).stderr,
        "error: the token is none of those that are configured under `server.api.tokens`; it came from FLUX_SETUP_TOKEN\n"
    );
    assert_eq!(
        ask(Some("two\nlines")).stderr,
        "error: the token in FLUX_SETUP_TOKEN has a character that no token has\n"
    );
}

#[test]
#[ignore = "needs a Kubernetes API server"]
fn a_delivery_and_a_file_are_explained_by_every_candidate() {
    let server = shared();
    server.create_namespace("explained");
    let create = |name: &str, branch: &str, suspend: bool, annotations: Value| {
        server.create(&json!({
            "apiVersion": "source.toolkit.fluxcd.io/v1",
            "kind": "GitRepository",
            "metadata": {"name": name, "namespace": "explained", "annotations": annotations},
            "spec": {"url": "https://github.com/acme/explained", "interval": "1h",
                "ref": {"branch": branch}, "suspend": suspend},
        }));
    };
    create("web", "main", false, json!({}));
    create("next", "next", false, json!({}));
    create("asleep", "main", true, json!({}));
    let out = json!({"flux-setup.dev/webhook": "disabled"});
    create("out", "main", false, out);
    let home = Home::new(&[("prod-eu", &server.kubeconfig())]);
    let mut service = home.start();
    service.wait_until_ready();
    let body = push("acme/explained", "main", 1);
    send(&service, "push", 1, &body);
    service.wait_until("the delivery is done", |_| {
        told(&home, &["show", &guid(1)]).contains("\nstate       done\n")
    });
    let explained = "\
repository  acme/explained
woken  cluster  object                          why
yes    prod-eu  GitRepository/explained/web     it follows branch `main`
no     prod-eu  GitRepository/explained/asleep  it is suspended; resume it to have it follow pushes
no     prod-eu  GitRepository/explained/next    it follows branch `next`; pushed was `refs/heads/main`
no     prod-eu  GitRepository/explained/out     its annotation `flux-setup.dev/webhook` is `disabled`
";
    assert_eq!(told(&home, &["explain", &guid(1)]), explained);
    home.write("push.json", &String::from_utf8(body).unwrap());
    assert_eq!(
        told(&home, &["explain", "push.json", "--webhook", "acme"]),
        explained
    );
    let foreign = String::from_utf8(push("evil/explained", "main", 1)).unwrap();
    home.write("foreign.json", &foreign);
    assert_eq!(
        told(&home, &["explain", "foreign.json", "--webhook", "acme"]),
        "repository  evil/explained\n\
         it wakes nothing: the webhook is of `acme`, and the delivery speaks of `evil`\n"
    );
    let story = told(&home, &["show", &guid(1)]);
    let work: Vec<Vec<&str>> = story
        .lines()
        .skip_while(|line| !line.starts_with("cluster"))
        .skip(1)
        .map(|line| line.split_whitespace().collect())
        .collect();
    let mut states: Vec<_> = work.iter().map(|words| words[1..3].join(" ")).collect();
    states.sort();
    assert_eq!(
        states,
        [
            "GitRepository/explained/asleep suspended",
            "GitRepository/explained/out opted",
            "GitRepository/explained/web annotated",
        ],
        "{story}"
    );
    let json = told(&home, &["explain", &guid(1), "--format", "json"]);
    let json: Value = serde_json::from_str(&json).unwrap();
    let candidates = json["explanations"][0]["candidates"].as_array().unwrap();
    assert_eq!(candidates.len(), 4);
    assert_eq!(candidates[0]["woken"], true);
}
