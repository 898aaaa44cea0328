//! What the arguments of `serve` and the parts of `server:` say, at the start and after a change.

use std::fs;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use crate::api_server::free_ports;
use crate::binary::run_in;
use crate::hookshot::{guid, request};
use crate::process::{Home, SECRET, Service};

use super::{ACME, change, home, metric, ping, reasons};

/// Two clusters that are tried in vain.
fn two() -> Home {
    let nowhere = Path::new("/nowhere/kubeconfig");
    Home::new(&[("away", nowhere), ("far", nowhere)])
}

fn clusters(service: &Service) -> Vec<String> {
    let clusters = service.get("/api/v1/clusters").expect("it answers").1;
    let clusters = clusters["clusters"].as_array().cloned().unwrap_or_default();
    let names = clusters.iter().filter_map(|it| it["name"].as_str());
    names.map(str::to_owned).collect()
}

/// The status of an answer of a listener that is none of [`Service`].
fn status(at: SocketAddr, path: &str) -> Option<u16> {
    let mut stream = TcpStream::connect(at).ok()?;
    stream
        .set_read_timeout(Some(Duration::from_secs(60)))
        .ok()?;
    let ask = format!("GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
    stream.write_all(ask.as_bytes()).ok()?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).ok()?;
    answer.split(' ').nth(1)?.parse().ok()
}

#[test]
fn arguments_take_the_place_of_what_the_configuration_says_also_after_a_change() {
    let home = two();
    let [hooks, health] = free_ports().map(|port| SocketAddr::from(([127, 0, 0, 1], port)));
    let arguments = [
        format!("--hooks={hooks}"),
        format!("--health={health}"),
        "--store=sqlite:other.db".to_owned(),
        "--cluster=far".to_owned(),
    ];
    let arguments = arguments.each_ref().map(String::as_str);
    let mut service = home.start_with(&arguments);
    service.hooks = hooks;
    service.wait_until_ready();
    let holds = |service: &Service| {
        assert_eq!(ping(service, "acme", SECRET), 200);
        assert_eq!(status(health, "/health/live"), Some(200));
        assert_eq!(status(health, "/api/v1/clusters"), Some(404));
        assert_eq!(clusters(service), ["far"]);
    };
    holds(&service);
    assert!(home.path().join("other.db").exists() && !home.store().exists());
    let beta =
        format!("{ACME}\n      - {{name: beta, organization: beta, secrets: [{{file: secret}}]}}");
    change(&home, ACME, &beta);
    service.wait_until("the change holds", |service| {
        ping(service, "beta", SECRET) == 200
    });
    holds(&service);
    assert_eq!(
        metric(&service, "flux_setup_configuration_needs_restart"),
        0.0
    );
}

#[test]
fn a_cluster_that_is_to_be_served_has_to_be_there_also_after_a_change() {
    let home = two();
    let unknown = run_in(home.path(), &["serve", "--cluster", "near"]);
    assert_eq!(
        (unknown.code, &*unknown.stderr),
        (
            Some(2),
            "error: unknown cluster `near`; configured: away, far\n"
        )
    );
    let mut service = home.start_with(&["--cluster", "far"]);
    service.wait_until_ready();
    change(&home, "name: far,", "name: further,");
    service.wait_until("the change is refused", |service| {
        reasons(service)
            .join("\n")
            .contains("unknown cluster `far`; configured: away, further")
    });
    assert_eq!(clusters(&service), ["far"]);
}

#[test]
fn each_address_that_waits_for_a_restart_is_named() {
    let home = home();
    let mut service = home.start();
    service.wait_until_ready();
    let [api, health] = free_ports();
    let before = format!("api: {{listen: \"{}\"}}", home.api);
    let after = format!(
        "api: {{listen: \"127.0.0.1:{api}\"}}\n  health: {{listen: \"127.0.0.1:{health}\"}}"
    );
    change(&home, &before, &after);
    let waits = "has changed, and stays as it was until a restart";
    let expected = ["server.api.listen", "server.health"].map(|what| format!("`{what}` {waits}"));
    service.wait_until("both are named", |service| reasons(service) == expected);
    change(&home, &after, &before);
    service.wait_until("nothing waits", |service| reasons(service).is_empty());
}

#[test]
fn of_many_faults_some_are_named_and_the_rest_is_counted() {
    let home = home();
    let mut service = home.start();
    service.wait_until_ready();
    let text = fs::read_to_string(home.path().join("flux-setup.yaml")).unwrap();
    home.write(
        "flux-setup.yaml",
        &format!("a: 1\nb: 1\nc: 1\nd: 1\ne: 1\n{text}"),
    );
    service.wait_until("the change is refused", |service| {
        !reasons(service).is_empty()
    });
    let told = reasons(&service).join("\n");
    assert!(
        told.contains("unknown key `c`") && !told.contains("unknown key `d`"),
        "{told}"
    );
    assert!(told.ends_with("; 2 more"), "{told}");
}

/// Files come one after the other: what is seen in between is no configuration that anybody meant.
#[test]
fn what_still_changes_is_not_judged() {
    /// Half of what a change has to rest.
    const PAUSE: Duration = Duration::from_millis(500);
    let home = home();
    let mut service = home.start();
    service.wait_until_ready();
    let text = fs::read_to_string(home.path().join("flux-setup.yaml")).unwrap();
    let mut number = 0;
    // How much was logged before it began, where all was written in time.
    let mut write = |service: &Service| {
        let logged = service.log().len();
        for _ in 0..40 {
            number += 1;
            home.write("flux-setup.yaml", &format!("x: {number}\n{text}"));
            let before = Instant::now();
            thread::sleep(Duration::from_millis(100));
            // The machine was too busy to write in time.
            if before.elapsed() > PAUSE {
                return None;
            }
        }
        home.write("flux-setup.yaml", &format!("# {number}\n{text}"));
        Some(logged)
    };
    let logged = loop {
        if let Some(logged) = write(&service) {
            break logged;
        }
        // What was seen of that is over before it is written again.
        home.write("flux-setup.yaml", &text);
        thread::sleep(10 * PAUSE);
        service.wait_until("nothing is refused", |service| reasons(service).is_empty());
    };
    service.wait_until("the last one holds", |service| {
        let log = service.log();
        log[logged..].contains("the changed configuration holds")
    });
    let log = service.log();
    assert!(!log[logged..].contains("unknown key"), "{log}");
}

/// Of wrong signatures a hundred a minute are answered 401 for each sender.
#[test]
fn the_proxies_that_are_believed_change_with_the_configuration() {
    let home = home();
    let mut service = home.start();
    service.wait_until_ready();
    let wrong = format!("sha256={}", "0".repeat(64));
    let listen = format!("hooks: {{listen: \"{}\"", home.hooks);
    change(
        &home,
        &listen,
        &format!("{listen}, trustedProxies: [127.0.0.0/8]"),
    );
    service.wait_until("the change holds", |service| {
        service.log().contains("the changed configuration holds")
    });
    let send = |sender: &str| {
        let sent = request("/hooks/github/acme", "push", &guid(1), &wrong, b"{}");
        let text = String::from_utf8(sent).unwrap();
        let sender = format!("\r\nX-Forwarded-For: {sender}\r\nConnection: close\r\n\r\n");
        let text = text.replacen("\r\n\r\n", &sender, 1);
        let mut stream = TcpStream::connect(service.hooks).unwrap();
        stream.write_all(text.as_bytes()).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        let status = answer.split(' ').nth(1);
        status.and_then(|status| status.parse::<u16>().ok())
    };
    while send("192.0.2.1") != Some(429) {}
    assert_eq!(send("192.0.2.2"), Some(401));
}

#[test]
fn a_change_that_leaves_nothing_to_be_served_is_refused() {
    let home = home();
    let mut service = home.start();
    service.wait_until_ready();
    change(&home, &format!("    webhooks:\n      - {ACME}\n"), "");
    service.wait_until("the change is refused", |service| {
        reasons(service)
            .join("\n")
            .contains("no webhook is configured")
    });
    assert_eq!(ping(&service, "acme", SECRET), 200);
}

#[test]
fn tokens_of_the_api_come_and_go_without_a_restart() {
    let home = home();
    let mut service = home.start();
    service.wait_until_ready();
    let told = |service: &Service| service.get("/api/v1/clusters").expect("it answers").0;
    assert_eq!(told(&service), 200);
    home.write("token", "it is long enough to be none that anybody guesses");
    let open = format!("api: {{listen: \"{}\"}}", home.api);
    let guarded = format!(
        "api: {{listen: \"{}\", tokens: [{{name: ci, token: {{file: token}}, scope: read}}]}}",
        home.api
    );
    change(&home, &open, &guarded);
    service.wait_until("a token is asked for", |service| told(service) == 401);
    change(&home, &guarded, &open);
    service.wait_until("none is asked for", |service| told(service) == 200);
}
