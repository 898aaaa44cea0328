//! Processes that do not know the same, on one database: what one takes in is worked by each that serves a cluster which
//! follows it.

use std::fs;
use std::time::{Duration, Instant};

use serde_json::Value;
use tokio::runtime::Runtime;

use crate::api_server::{ApiServer, shared};
use crate::hookshot::{Hookshot, guid, push};
use crate::process::{Home, SECRET, Service};
use crate::serve::objects::{Objects, Tokens};
use crate::store::servers::Postgres;

const NAME: &str = "apart";
const CLUSTERS: [&str; 2] = ["prod-eu", "prod-us"];
const PATIENCE: Duration = Duration::from_secs(180);

fn home(servers: [&ApiServer; 2], url: &str, github: &str) -> Home {
    let clusters = [0, 1].map(|place| (CLUSTERS[place], servers[place].kubeconfig()));
    let home = Home::new(
        &clusters
            .each_ref()
            .map(|(name, path)| (*name, path.as_ref())),
    );
    home.write("url", url);
    let path = home.path().join("flux-setup.yaml");
    let text = fs::read_to_string(path).expect("it is there");
    let text = text.replace("sqlite:inbox.db", "{file: url}");
    let text = text.replace(
        "  - host: github.com\n",
        &format!("  - host: github.com\n{github}"),
    );
    home.write("flux-setup.yaml", &text);
    home
}

fn database(postgres: &Postgres) -> String {
    let runtime = Runtime::new().expect("a runtime");
    runtime.block_on(postgres.database())
}

fn start(home: &Home, cluster: &str) -> Service {
    let mut service = home.start_with(&["--cluster", cluster]);
    service.wait_until_ready();
    service
}

fn send(service: &Service, number: u64) {
    send_to(service, "acme", NAME, number);
}

fn send_to(service: &Service, webhook: &str, name: &str, number: u64) {
    let body = push(&format!("acme/{name}-{number}"), "main", 7);
    let answer = Hookshot::connect(service.hooks, webhook, SECRET)
        .and_then(|mut hookshot| hookshot.send("push", &guid(number), &body));
    assert_eq!(answer.expect("it answers").status, 202);
}

fn wait(what: &str, mut is_true: impl FnMut() -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while !is_true() {
        assert!(Instant::now() < deadline, "not true: {what}");
        std::thread::sleep(Duration::from_millis(50));
    }
}

#[test]
#[ignore = "needs a Kubernetes API server and a PostgreSQL server"]
fn whoever_takes_a_push_every_process_works_it_for_its_own_cluster() {
    let other = ApiServer::start();
    let servers = [shared(), &other];
    let objects = servers.map(|server| Objects::new(server, NAME));
    for number in 0..4 {
        let url = format!("https://github.com/acme/{NAME}-{number}");
        // The last is followed in the second cluster alone.
        for objects in &objects[usize::from(number == 3)..] {
            objects.git(&format!("app-{number}"), &url, "main");
        }
    }
    let tokens = servers.map(|server| Tokens::watch(server, NAME));
    let postgres = Postgres::start();
    let url = database(&postgres);
    let homes = [0, 1].map(|_| home(servers, &url, ""));
    let mut services = [0, 1].map(|place| Some(start(&homes[place], CLUSTERS[place])));
    let clusters = |service: &Service| service.get("/api/v1/clusters").map(|(_, told)| told);
    wait("each serves its own cluster", || {
        services.iter().flatten().all(|service| {
            let told = clusters(service).unwrap_or_default();
            let told = told["clusters"].as_array().cloned().unwrap_or_default();
            let held = told.iter().filter(|cluster| cluster["heldBy"].is_string());
            held.count() == 2
        })
    });
    wait("each sees its own cluster", || {
        let told = clusters(services[0].as_ref().expect("it runs")).unwrap_or_default();
        let mut progress: Vec<&Value> =
            (0..2).map(|it| &told["clusters"][it]["progress"]).collect();
        progress.sort_by_key(|progress| progress.to_string());
        progress == ["elsewhere", "listed"]
    });

    let has = |place: usize, number: u64| tokens[place].of(&format!("app-{number}")).len();
    send(services[0].as_ref().expect("it runs"), 0);
    send(services[1].as_ref().expect("it runs"), 1);
    send(services[0].as_ref().expect("it runs"), 3);
    wait("each has what it follows", || {
        let both = [0, 1]
            .iter()
            .all(|number| has(0, *number) == 1 && has(1, *number) == 1);
        both && has(1, 3) == 1
    });
    // Who comes back does what came meanwhile.
    services[1].take().expect("it runs").kill();
    send(services[0].as_ref().expect("it runs"), 2);
    wait("the first has it", || has(0, 2) == 1);
    services[1] = Some(start(&homes[1], CLUSTERS[1]));
    wait("the second has it", || has(1, 2) == 1);
    std::thread::sleep(Duration::from_secs(2));
    for number in 0..4 {
        let counts = (has(0, number), has(1, number));
        assert_eq!(counts, (usize::from(number != 3), 1), "app-{number}");
    }
}

#[test]
#[ignore = "needs a PostgreSQL server"]
fn where_nobody_would_ask_for_the_refs_of_some_clusters_that_is_refused() {
    let postgres = Postgres::start();
    let url = database(&postgres);
    let identity = "    identities: [{name: bot, token: {file: secret}}]\n";
    let kubeconfig = shared();
    let home = home([kubeconfig, kubeconfig], &url, identity);
    let run = home
        .command(&["--cluster", "prod-eu"])
        .output()
        .expect("it runs");
    assert_eq!(run.status.code(), Some(2));
    let refusal = String::from_utf8_lossy(&run.stderr);
    assert!(
        refusal.ends_with(
            "`--cluster` leaves out clusters whose refs nobody would ask GitHub for: of those that share a database one \
             asks, for its own clusters alone; leave out `--cluster` and each replica takes its share, set \
             `github[].heads: false`, or give each a store of its own, as `--store sqlite:flux-setup.db`\n"
        ),
        "{refusal}"
    );
}

#[test]
#[ignore = "needs a Kubernetes API server and a PostgreSQL server"]
fn what_an_older_configuration_does_not_know_waits_for_who_knows_it() {
    const NAME: &str = "differ";
    let other = ApiServer::start();
    let servers = [shared(), &other];
    let objects = servers.map(|server| Objects::new(server, NAME));
    for number in 0..2 {
        let url = format!("https://github.com/acme/{NAME}-{number}");
        for objects in &objects {
            objects.git(&format!("app-{number}"), &url, "main");
        }
    }
    let tokens = servers.map(|server| Tokens::watch(server, NAME));
    let has = |place: usize, number: u64| tokens[place].of(&format!("app-{number}")).len();
    let postgres = Postgres::start();
    let url = database(&postgres);
    let homes = [0, 1].map(|_| home(servers, &url, ""));
    // Both are to have a second webhook; the first does not know yet of it, nor of the second cluster.
    let written = homes.each_ref().map(|home| {
        let text = fs::read_to_string(home.path().join("flux-setup.yaml")).expect("it is there");
        let line = "      - {name: acme, organization: acme, secrets: [{file: secret}]}\n";
        let more = line.replace("name: acme", "name: more");
        let new = text.replace(line, &format!("{line}{more}"));
        home.write("flux-setup.yaml", &new);
        (text, new)
    });
    let is_of_the_second = |line: &&str| !line.contains(CLUSTERS[1]);
    let old: Vec<&str> = written[0].0.lines().filter(is_of_the_second).collect();
    homes[0].write("flux-setup.yaml", &old.join("\n"));
    let services = homes.each_ref().map(|home| {
        let mut service = home.start();
        service.wait_until_ready();
        wait("the first does what is done once", || {
            let told = service.get("/api/v1/clusters").map(|(_, told)| told);
            told.unwrap_or_default()["clusters"][0]["heldBy"].is_string()
        });
        service
    });
    wait("the second serves the cluster that it alone knows", || {
        let told = services[1].get("/api/v1/clusters").map(|(_, told)| told);
        let told = told.unwrap_or_default().to_string();
        told.contains(CLUSTERS[1]) && told.matches("heldBy").count() == 2
    });
    send_to(&services[1], "acme", NAME, 0);
    send_to(&services[1], "more", NAME, 1);
    wait("both clusters have the push", || {
        has(0, 0) == 1 && has(1, 0) == 1
    });
    assert_eq!((has(0, 1), has(1, 1)), (0, 0));
    homes[0].write("flux-setup.yaml", &written[0].1);
    wait("the other webhook is known everywhere", || {
        has(0, 1) == 1 && has(1, 1) == 1
    });
    std::thread::sleep(Duration::from_secs(2));
    let counts = [0, 1].map(|number| (has(0, number), has(1, number)));
    assert_eq!(counts, [(1, 1); 2]);
}
