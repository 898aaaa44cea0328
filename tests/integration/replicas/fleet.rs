//! Several replicas of `serve` on one database, and senders that try another where one does not take a delivery.

use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use crate::api_server::ApiServer;
use crate::hookshot::{Hookshot, guid, push};
use crate::process::{Home, SECRET, Service};
use crate::serve::objects::{Objects, Tokens};
use crate::store::servers::Postgres;

use super::claims::Claims;
use super::controllers::PUSHED;
use super::proxy::{Proxy, Server};
use super::sampler::{Sampler, holds};

/// For whatever is waited for.
const PATIENCE: Duration = Duration::from_secs(240);

/// All that there are here.
pub const LEASES: [&str; 2] = ["fleet", "cluster/prod"];

pub struct Fleet<'s> {
    pub postgres: Postgres,
    pub replicas: Vec<Replica>,
    pub sampler: Sampler,
    claims: Claims,
    looking_on: Proxy,
    pub tokens: Tokens,
    objects: Objects<'s>,
    name: String,
    /// Of processes that have ended.
    logs: Vec<String>,
}

pub struct Replica {
    home: Home,
    pub proxy: Proxy,
    /// The way to the API server.
    pub api: Proxy,
    service: Option<Service>,
}

impl Replica {
    pub fn start(&mut self) {
        self.service = Some(self.home.start());
    }

    pub fn service(&mut self) -> &mut Service {
        self.service.as_mut().expect("it runs")
    }

    /// For how long something is unapplied, where it tells that.
    pub fn unapplied(&self) -> Option<f64> {
        let (_, text) = self.service.as_ref()?.get_text("/metrics")?;
        let start = "flux_setup_pushed_unapplied_seconds{";
        let line = text.lines().find(|line| line.starts_with(start))?;
        line.rsplit_once(' ')?.1.parse().ok()
    }
}

impl<'s> Fleet<'s> {
    /// So many replicas that run, and so many objects `app-N` that follow `acme/NAME-N`, in a cluster `prod`.
    pub fn start(server: &'s ApiServer, name: &str, replicas: usize, apps: u64) -> Self {
        let objects = Objects::new(server, name);
        for number in 0..apps {
            let url = format!("https://github.com/acme/{name}-{number}");
            objects.git(&format!("app-{number}"), &url, "main");
        }
        let tokens = Tokens::watch(server, name);
        let postgres = Postgres::start();
        let runtime = tokio::runtime::Runtime::new().expect("a runtime");
        let url = runtime.block_on(postgres.database());
        let (database, folder) = url.split_once("?host=").expect("it names its socket");
        let database = database.rsplit('/').next().expect("it names a database");
        let socket = PathBuf::from(folder).join(".s.PGSQL.5432");
        let replica = |number| {
            let (api, kubeconfig) = way(server, &format!("{name}-{number}"));
            let home = Home::new(&[("prod", &kubeconfig)]);
            let proxy = Proxy::to(Server::Socket(socket.clone()));
            let url = format!("postgres://tests@{}/{database}?sslmode=disable", proxy.at);
            home.write("url", &url);
            let text =
                fs::read_to_string(home.path().join("flux-setup.yaml")).expect("it is there");
            home.write(
                "flux-setup.yaml",
                &text.replace("sqlite:inbox.db", "{file: url}"),
            );
            let service = Some(home.start());
            Replica {
                home,
                proxy,
                api,
                service,
            }
        };
        let replicas: Vec<Replica> = (0..replicas).map(replica).collect();
        let apis: Vec<SocketAddr> = replicas.iter().map(|replica| replica.home.api).collect();
        let looking_on = Proxy::to(Server::Socket(socket.clone()));
        let url = format!(
            "postgres://tests@{}/{database}?sslmode=disable",
            looking_on.at
        );
        let mut fleet = Self {
            sampler: Sampler::start(&url),
            claims: Claims::start(&apis),
            looking_on,
            postgres,
            replicas,
            tokens,
            objects,
            name: name.to_owned(),
            logs: Vec::new(),
        };
        fleet.wait_until("each lease is held", |fleet| fleet.is_all_held());
        fleet
    }

    /// The replica that says that it holds a lease.
    pub fn holder(&self, lease: &str) -> Option<usize> {
        let mut services = self.replicas.iter().map(|replica| replica.service.as_ref());
        services.position(|service| service.and_then(|service| holds(service, lease)) == Some(true))
    }

    /// The replicas that hold anything.
    pub fn busy(&mut self) -> Vec<usize> {
        self.wait_until("each lease is held", |fleet| fleet.is_all_held());
        let mut busy: Vec<usize> = LEASES.iter().filter_map(|it| self.holder(it)).collect();
        busy.sort_unstable();
        busy.dedup();
        busy
    }

    pub fn is_all_held(&self) -> bool {
        LEASES.iter().all(|lease| self.holder(lease).is_some())
    }

    /// By others than these, who may say nothing.
    pub fn is_all_held_beside(&self, away: &[usize]) -> bool {
        let others = (0..self.replicas.len()).filter(|place| !away.contains(place));
        let others: Vec<&Service> = others
            .filter_map(|place| self.replicas[place].service.as_ref())
            .collect();
        LEASES.iter().all(|lease| {
            let mut others = others.iter();
            others.any(|service| holds(service, lease) == Some(true))
        })
    }

    pub fn wait_until(
        &mut self,
        what: &str,
        mut is_true: impl FnMut(&mut Self) -> bool,
    ) -> Duration {
        let started = Instant::now();
        while !is_true(self) {
            assert!(
                started.elapsed() < PATIENCE,
                "not true: {what}\n{}",
                self.all_logs().join("\n\n")
            );
            thread::sleep(Duration::from_millis(20));
        }
        started.elapsed()
    }

    pub fn kill(&mut self, place: usize) {
        let service = self.replicas[place].service.take().expect("it runs");
        self.logs.push(service.log());
        service.kill();
    }

    /// Returns how long it took to end.
    pub fn terminate(&mut self, place: usize) -> Duration {
        let service = self.replicas[place].service.take().expect("it runs");
        let (status, took, log) = service.terminate();
        assert_eq!(status.code(), Some(0), "{log}");
        self.logs.push(log);
        took
    }

    /// Stops its process, or lets it go on.
    pub fn signal(&mut self, place: usize, signal: &str) {
        if signal == "-STOP" {
            self.claims.leave_out(place);
        }
        let pid = self.replicas[place].service().pid().to_string();
        let sent = Command::new("kill").args([signal, &pid]).status();
        assert!(sent.is_ok_and(|status| status.success()));
        if signal == "-CONT" {
            self.claims.take_in(place);
        }
    }

    pub fn all_logs(&self) -> Vec<String> {
        let running = self.replicas.iter().filter_map(|it| it.service.as_ref());
        let running = running.map(Service::log);
        self.logs.iter().cloned().chain(running).collect()
    }

    /// All look for the database at another server from now on.
    pub fn lead_to(&self, socket: &Path) {
        self.looking_on.lead_to(socket.to_owned());
        for replica in &self.replicas {
            replica.proxy.lead_to(socket.to_owned());
        }
    }

    fn doors(&self) -> Vec<SocketAddr> {
        self.replicas
            .iter()
            .map(|replica| replica.home.hooks)
            .collect()
    }

    /// Sends a push for each object, one after the other, until each was taken.
    pub fn send(&self, numbers: std::ops::Range<u64>, pause: Duration) -> Sending {
        Sending::start(self.doors(), &self.name, numbers, pause)
    }

    /// Sends one push of that commit.
    pub fn push(&mut self, place: usize, number: u64, commit: u64, as_delivery: u64) {
        let body = push(&format!("acme/{}-{number}", self.name), "main", commit);
        let mut hookshot = self.replicas[place].service().hookshot();
        let answer = hookshot.send("push", &guid(as_delivery), &body);
        assert_eq!(answer.expect("it answers").status, 202);
    }

    pub fn is_annotated(&self, number: u64) -> bool {
        !self.tokens.of(&format!("app-{number}")).is_empty()
    }

    /// Waits for the annotation of each, sees that none has two, that no two held a lease at once and that nobody
    /// annotated who was not to, and says so.
    pub fn is_done(&mut self, numbers: std::ops::Range<u64>) -> String {
        self.wait_until("all that was accepted is annotated", |fleet| {
            numbers.clone().all(|number| fleet.is_annotated(number))
        });
        // What would be done twice would be done by now.
        thread::sleep(Duration::from_secs(3));
        assert_eq!(self.claims.doubled(), Vec::<String>::new());
        let tokens = |number: &u64| self.tokens.of(&format!("app-{number}")).len();
        let doubled: Vec<u64> = numbers
            .clone()
            .filter(|number| tokens(number) != 1)
            .collect();
        assert!(doubled.is_empty(), "not annotated once: {doubled:?}");
        let annotated = self.objects.annotated().len() as u64;
        assert!(annotated >= numbers.end, "{annotated}");
        let service = self.replicas.iter().find_map(|it| it.service.as_ref());
        let service = service.expect("one runs");
        let made_at = |delivery: &str| {
            let (_, told) = service.get(&format!("/api/v1/deliveries/{delivery}"))?;
            let at = told["deliveries"][0]["work"][0]["at"].as_str()?;
            at.parse().ok()
        };
        assert_eq!(
            self.sampler.strangers(&self.all_logs(), made_at),
            Vec::<String>::new()
        );
        format!(
            "lost 0, doubled 0 of {}; no two held a lease at once in {} answers; {} samples of the table, in which fleet was taken {} times and cluster/prod {} times",
            numbers.end - numbers.start,
            self.claims.answers(),
            self.sampler.samples(),
            self.sampler.epochs("fleet"),
            self.sampler.epochs("cluster/prod"),
        )
    }
}

/// A proxy before an API server, and a kubeconfig that leads there.
pub fn way(server: &ApiServer, name: &str) -> (Proxy, PathBuf) {
    let kubeconfig = server.kubeconfig();
    let text = fs::read_to_string(&kubeconfig).expect("it is there");
    let (_, rest) = text.split_once("https://127.0.0.1:").expect("it is here");
    let port: String = rest.chars().take_while(char::is_ascii_digit).collect();
    let proxy = Proxy::to(Server::Port(port.parse().expect("a port")));
    let text = text.replace(&format!("127.0.0.1:{port}"), &proxy.at.to_string());
    let path = kubeconfig.with_file_name(format!("kubeconfig-{name}"));
    fs::write(&path, text).expect("the server's folder is ours");
    (proxy, path)
}

/// A sender at work.
pub struct Sending(JoinHandle<()>);

impl Sending {
    fn start(
        doors: Vec<SocketAddr>,
        name: &str,
        numbers: std::ops::Range<u64>,
        pause: Duration,
    ) -> Self {
        let name = name.to_owned();
        Self(thread::spawn(move || {
            for number in numbers {
                let body = push(&format!("acme/{name}-{number}"), "main", PUSHED);
                let started = Instant::now();
                // The next one of those that a load balancer would name.
                let mut doors = doors
                    .iter()
                    .cycle()
                    .skip(usize::try_from(number).unwrap_or(0));
                loop {
                    let door = *doors.next().expect("it never ends");
                    let status = Hookshot::connect(door, "acme", SECRET)
                        .and_then(|mut hookshot| hookshot.send("push", &guid(number), &body));
                    match status.map(|answer| answer.status) {
                        Ok(202 | 200) => break,
                        Ok(503) | Err(_) => thread::sleep(Duration::from_millis(50)),
                        Ok(status) => panic!("answered {status}"),
                    }
                    assert!(
                        started.elapsed() < PATIENCE,
                        "nobody takes delivery {number}"
                    );
                }
                thread::sleep(pause);
            }
        }))
    }

    pub fn end(self) {
        self.0.join().expect("each was taken");
    }
}
