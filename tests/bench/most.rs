//! The most memory that `serve` ever takes: 50,000 objects, every door full, and one push to all of them.

use std::fs;
use std::io::{self, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::api_server::ApiServer;
use crate::hookshot::{guid, push, request, signature};
use crate::process::{Home, SECRET, Service};
use crate::store::servers::Postgres;

const OBJECTS: usize = 50_000;
/// As many bytes as the door takes, of each size that has a room of its own, and as many as it takes at once.
const DOOR: [(usize, usize); 3] = [(25 * 1024 * 1024, 4), (256 * 1024, 170), (64 * 1024, 550)];
/// Who asks another replica at once.
const ASKING: usize = 16;

pub fn run(out: &mut impl Write) -> io::Result<()> {
    let server = ApiServer::start();
    super::create(&server, 0..OBJECTS, "web");
    let home = Home::new(&[("bench", &server.kubeconfig())]);
    let mut service = home.start();
    service.wait_until_ready();
    tell(out, "with SQLite: 50,000 objects", &service)?;
    fill_the_door(&service, 1 << 32)?;
    tell(out, "every door full", &service)?;
    annotate_all(&mut service, 1)?;
    tell(out, "one push to all of them", &service)?;
    service.kill();

    let postgres = Postgres::start();
    let runtime = tokio::runtime::Runtime::new()?;
    let url = runtime.block_on(postgres.database());
    let homes = [(); 2].map(|()| Home::new(&[("bench", &server.kubeconfig())]));
    let mut replicas = homes.each_ref().map(|home| on(home, &url));
    replicas.iter_mut().for_each(Service::wait_until_ready);
    replicas[0].wait_until("each lease is held", |service| {
        let told = service.get("/api/v1/clusters");
        told.is_some_and(|(_, told)| told["clusters"][0]["heldBy"].is_string())
    });
    for (replica, first) in replicas.iter().zip([1 << 32, 1 << 33]) {
        fill_the_door(replica, first)?;
        tell(out, "with PostgreSQL: every door full", replica)?;
    }
    annotate_all(&mut replicas[0], 2)?;
    ask_all(&replicas);
    for replica in &replicas {
        tell(
            out,
            "one push to all of them, and all that may be asked",
            replica,
        )?;
    }
    Ok(())
}

fn on(home: &Home, url: &str) -> Service {
    home.write("url", url);
    let configuration = home.path().join("flux-setup.yaml");
    let text = fs::read_to_string(configuration).expect("it is there");
    let text = text.replace("sqlite:inbox.db", "{file: url}");
    home.write("flux-setup.yaml", &text);
    home.start()
}

/// Bodies of which all but the last byte came, until there is room for no more; then their last bytes. Each is a
/// delivery of its own, from number `first` on.
fn fill_the_door(service: &Service, first: u64) -> io::Result<()> {
    let (mut number, mut open) = (first, Vec::new());
    for (bytes, count) in DOOR {
        let body = body(bytes);
        let signature = signature(SECRET, &body);
        for _ in 0..count {
            number += 1;
            let to_send = request(
                "/hooks/github/acme",
                "push",
                &guid(number),
                &signature,
                &body,
            );
            let (last, all_but) = to_send.split_last().expect("it has a body");
            let mut stream = TcpStream::connect(service.hooks)?;
            stream.set_read_timeout(Some(Duration::from_secs(60)))?;
            stream.write_all(all_but)?;
            open.push((stream, *last));
        }
    }
    let (mut taken, asked) = (0, open.len());
    for (stream, last) in &mut open {
        stream.write_all(&[*last])?;
    }
    for (mut stream, _) in open {
        let mut head = [0; 12];
        stream.read_exact(&mut head)?;
        taken += usize::from(head.ends_with(b"202"));
        stream.shutdown(Shutdown::Both)?;
    }
    assert!(taken + 10 > asked, "{taken} of {asked} were taken");
    Ok(())
}

/// A push with as many commits, of as many files, as make it so long.
fn body(bytes: usize) -> Vec<u8> {
    let mut body: Value = serde_json::from_slice(&push("acme/nobody", "main", 7)).expect("JSON");
    let commit = body["commits"][0].clone();
    let commits = body["commits"].as_array_mut().expect("it has some");
    let mut length = 1_200;
    for number in 0.. {
        let path = format!("clusters/production/apps/team-{number}/kustomization.yaml");
        let mut commit = commit.clone();
        commit["modified"] = (0..64).map(|_| path.clone()).collect();
        let more = commit.to_string().len() + 1;
        if length + more > bytes {
            break;
        }
        length += more;
        commits.push(commit);
    }
    let mut body = body.to_string().into_bytes();
    body.resize(bytes.min(25 * 1024 * 1024 - 1), b' ');
    body
}

fn annotate_all(service: &mut Service, commit: u64) -> io::Result<()> {
    let mut hookshot = service.hookshot();
    let answer = hookshot.send("push", &guid(commit), &push("acme/web", "main", commit))?;
    assert_eq!(answer.status, 202, "{answer:?}");
    let begun = Instant::now();
    while begun.elapsed() < Duration::from_secs(900) {
        let told = service.get("/api/v1/deliveries?limit=1");
        if told.is_some_and(|(_, told)| told["deliveries"][0]["state"] == "done") {
            let story = service.get_text(&format!("/api/v1/deliveries/{}", guid(commit)));
            assert!(story.is_some_and(|(status, _)| status == 200));
            return Ok(());
        }
        thread::sleep(Duration::from_secs(1));
    }
    panic!("it is not done after 15 minutes:\n{}", service.log());
}

/// What a replica that does not know it asks the other for.
fn ask_all(replicas: &[Service]) {
    let path = format!("/api/v1/deliveries/{}/candidates", guid(2));
    thread::scope(|scope| {
        for replica in replicas {
            for _ in 0..ASKING {
                scope.spawn(|| replica.get_text(&path));
            }
        }
    });
}

fn tell(out: &mut impl Write, what: &str, service: &Service) -> io::Result<()> {
    let status = fs::read_to_string(format!("/proc/{}/status", service.pid()))?;
    let mib = |name: &str| {
        let line = status.lines().find_map(|line| line.strip_prefix(name));
        let kib = line.and_then(|line| line.trim().strip_suffix("kB")?.trim().parse().ok());
        kib.map_or(0, |kib: u64| kib / 1024)
    };
    writeln!(
        out,
        "{what}: {} MiB now, {} MiB at most",
        mib("VmRSS:"),
        mib("VmHWM:")
    )
}
