//! What happens on the way: certificates, times, sizes, broken connections.

use std::time::{Duration, Instant};

use flux_setup::budget::live::Purpose;
use flux_setup::github::{Call, CallFault};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

use super::scene::{Reply, Scene, TOKEN};
use super::{World, soon, web};
use crate::api_server::free_ports;
use crate::github::faults::Fault;
use crate::github::{FakeGithub, Options};

const SHOW: &str = "GET /repos/{owner}/{repo}";

fn change() -> Call {
    Call::post(
        "/repos/acme/web/hooks/1/pings",
        "/repos/{owner}/{repo}/hooks/{hook_id}/pings",
        Purpose::Other,
    )
}

#[tokio::test]
async fn a_call_says_who_asks_and_by_which_version() {
    let scene = Scene::answering(Reply::ok()).await;
    let client = scene.client();
    client.call(web()).await.unwrap();
    client.call(change()).await.unwrap();
    for asked in scene.asked() {
        let headers = &asked.headers;
        assert_eq!(
            headers["user-agent"],
            format!("flux-setup/{}", env!("CARGO_PKG_VERSION"))
        );
        assert_eq!(headers["x-github-api-version"], "2022-11-28");
        assert_eq!(headers["accept"], "application/vnd.github+json");
        assert_eq!(headers["authorization"], format!("Bearer {TOKEN}"));
        for name in headers.keys() {
            assert_eq!(headers.get_all(name).iter().count(), 1, "{name}");
        }
        assert!(!headers.contains_key("content-type"));
    }
}

#[tokio::test]
async fn an_authority_of_ones_own_is_trusted_and_no_other() {
    let options = Options {
        tls: true,
        ..Options::default()
    };
    let mut world = World::of(FakeGithub::launch(options));
    let token = world.fake.personal_token("ann", &["repo"]);
    world.add_token("bot", &token);
    let ca = world.fake.ca().unwrap().to_owned();
    world.settings.ca = Some(world.write("ca.pem", &ca));
    world.client().call(web()).await.unwrap();
    world.settings.ca = None;
    let fault = soon(world.client().call(web())).await.unwrap_err();
    assert!(
        fault
            .to_string()
            .starts_with("cannot reach `github.com`: invalid peer certificate: UnknownIssuer"),
        "{fault}"
    );
    assert!(
        fault
            .to_string()
            .ends_with("; name who vouches for it under `ca`"),
        "{fault}"
    );
    for (text, reason) in [
        (
            "hello",
            "file:ca.pem has no certificate; it is PEM and begins with `-----BEGIN CERTIFICATE-----`",
        ),
        (
            "-----BEGIN CERTIFICATE-----\n!\n-----END CERTIFICATE-----\n",
            "file:ca.pem cannot be read as PEM",
        ),
    ] {
        world.settings.ca = Some(world.write("ca.pem", text));
        let fault = world.client().call(web()).await.unwrap_err();
        let mend = "put file:ca.pem right, so that this program can read it; it is looked at again by itself";
        assert_eq!(
            fault.to_string(),
            format!("cannot use the certificates of `ca` of `github.com`: {reason}; {mend}")
        );
    }
    let client = world.client();
    assert!(client.trouble().is_some());
    world.write("ca.pem", &ca);
    while client.trouble().is_some() {
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    client.call(web()).await.unwrap();
}

#[tokio::test]
async fn a_server_that_says_nothing_is_given_up_in_time() {
    let (mut world, _) = World::with_token().await;
    world.settings.timeouts.whole = Duration::from_secs(3);
    let client = world.client();
    client.call(web()).await.unwrap();
    world.fake.fail_where("", None, Fault::Silence);
    let begun = Instant::now();
    let fault = soon(client.call(change())).await.unwrap_err();
    assert!(matches!(fault, CallFault::TimedOut { .. }), "{fault}");
    assert!(
        begun.elapsed() < Duration::from_secs(20),
        "{:?}",
        begun.elapsed()
    );
    assert_eq!(client.ledger(|ledger| ledger.running()), 0);
    world.fake.clear_faults();
    world.fake.fail_where("", Some(1), Fault::Silence);
    soon(client.call(web())).await.unwrap();
}

#[tokio::test]
async fn a_body_that_stops_is_given_up_in_time() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let mut scene = Scene::answering(Reply::ok()).await;
    scene.settings.api_url = Some(format!("http://{address}"));
    scene.settings.timeouts.read = Duration::from_millis(200);
    let server = tokio::spawn(async move {
        let mut open = Vec::new();
        loop {
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut request = [0; 4096];
            assert!(stream.read(&mut request).await.unwrap() > 0);
            let half = b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n{";
            stream.write_all(half).await.unwrap();
            open.push(stream);
        }
    });
    let fault = soon(scene.client().call(change())).await.unwrap_err();
    assert_eq!(
        fault.to_string(),
        "`github.com` did not answer within 0.2 s"
    );
    server.abort();
}

#[tokio::test]
async fn a_host_that_is_not_there_is_told_and_nothing_is_spent() {
    let mut scene = Scene::answering(Reply::ok()).await;
    let [port] = free_ports();
    scene.settings.api_url = Some(format!("http://127.0.0.1:{port}"));
    let client = scene.client();
    let fault = soon(client.call(web())).await.unwrap_err();
    assert!(
        fault
            .to_string()
            .starts_with("cannot reach `github.com`: Connection refused"),
        "{fault}"
    );
    let now = jiff::Timestamp::now();
    let rows = client.ledger(|ledger| (ledger.running(), ledger.report(now)));
    assert!(
        rows.0 == 0 && rows.1.iter().all(|row| row.own_used == 0),
        "{rows:?}"
    );
}

#[tokio::test]
async fn what_fails_for_a_moment_is_read_again_and_changed_only_once() {
    let (world, client) = World::with_token().await;
    client.call(web()).await.unwrap();
    for fault in [
        Fault::Proxy(502),
        Fault::Proxy(503),
        Fault::Proxy(504),
        Fault::Closed,
        Fault::Truncated,
    ] {
        let calls = world.calls(SHOW);
        world.fake.fail_where("GET /repos/acme/web", Some(1), fault);
        soon(client.call(web())).await.unwrap();
        assert_eq!(world.calls(SHOW), calls + 2, "{fault:?}");
    }
    let pings = "POST /repos/{owner}/{repo}/hooks/{hook_id}/pings";
    for (fault, shown) in [
        (
            Fault::Proxy(502),
            "`github.com` has a fault of its own (502); ask again later, and see githubstatus.com",
        ),
        (
            Fault::Truncated,
            "cannot read the answer: it ends too early: ",
        ),
        (Fault::Closed, "cannot reach `github.com`: "),
    ] {
        let calls = world.calls(pings);
        world
            .fake
            .fail_where("POST /repos/acme/web/hooks/1/pings", Some(1), fault);
        let fault = soon(client.call(change())).await.unwrap_err();
        assert!(fault.to_string().starts_with(shown), "{fault}");
        assert_eq!(world.calls(pings), calls + 1, "{fault}");
    }
    world.assert_no_violations();
}

#[tokio::test]
async fn a_storm_of_502_is_given_up_after_four_calls() {
    let (world, client) = World::with_token().await;
    client.call(web()).await.unwrap();
    world
        .fake
        .fail_where("GET /repos/acme/web", None, Fault::Proxy(502));
    let fault = soon(client.call(web())).await.unwrap_err();
    assert!(matches!(fault, CallFault::Failed { .. }), "{fault}");
    assert_eq!(world.calls(SHOW), 5);
}

#[tokio::test]
async fn an_answer_that_is_too_large_is_not_read() {
    let (world, client) = World::with_token().await;
    client.call(web()).await.unwrap();
    world
        .fake
        .fail_where("GET /repos/acme/web", Some(1), Fault::Large(1001));
    let fault = client.call(web().up_to(1000)).await.unwrap_err();
    assert_eq!(fault.to_string(), "the answer has more than 1000 bytes");
    world
        .fake
        .fail_where("GET /repos/acme/web", Some(1), Fault::Large(1000));
    client.call(web().up_to(1000)).await.unwrap();
}
