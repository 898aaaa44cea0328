//! `flux-setup serve` as a process of its own, with a configuration in a temporary folder.

use std::fs;
use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::api_server::free_ports;
use crate::hookshot::Hookshot;

/// The secret of the webhook `acme`.
pub const SECRET: &str = "It's a Secret to Everybody";

/// For a process to start, to be ready or to end; a debug build on a busy machine takes some seconds.
const PATIENCE: Duration = Duration::from_secs(180);
/// For one answer.
const ANSWER: Duration = Duration::from_secs(30);

/// Where a service keeps its configuration and its store, and where it listens.
#[derive(Debug)]
pub struct Home {
    folder: tempfile::TempDir,
    pub hooks: SocketAddr,
    pub api: SocketAddr,
}

/// A running service.
#[derive(Debug)]
pub struct Service {
    child: Child,
    log: Arc<Mutex<String>>,
    reader: Option<JoinHandle<()>>,
    pub hooks: SocketAddr,
    pub api: SocketAddr,
}

impl Home {
    /// The webhook `acme` of github.com, and these clusters, by name and kubeconfig.
    pub fn new(clusters: &[(&str, &Path)]) -> Self {
        Self::with(clusters, "")
    }

    /// As [`Home::new`], with more lines at the end of `server:`, indented by two.
    pub fn with(clusters: &[(&str, &Path)], server: &str) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let [hooks, api] = free_ports().map(|port| SocketAddr::from(([127, 0, 0, 1], port)));
        let clusters: String = clusters
            .iter()
            .map(|(name, kubeconfig)| {
                format!(
                    "  - {{name: {name}, kubeconfig: {}}}\n",
                    kubeconfig.display()
                )
            })
            .collect();
        let text = format!(
            "clusters:\n{clusters}github:\n  - host: github.com\n    webhooks:\n      \
             - {{name: acme, organization: acme, secrets: [{{file: secret}}]}}\n\
             server:\n  hooks: {{listen: \"{hooks}\"}}\n  api: {{listen: \"{api}\"}}\n  store: sqlite:inbox.db\n{server}"
        );
        fs::write(folder.path().join("flux-setup.yaml"), text).expect("the folder is ours");
        fs::write(folder.path().join("secret"), SECRET).expect("the folder is ours");
        Self { folder, hooks, api }
    }

    pub fn path(&self) -> &Path {
        self.folder.path()
    }

    pub fn store(&self) -> PathBuf {
        self.path().join("inbox.db")
    }

    /// The command, for a test that adds to it.
    pub fn command(&self, arguments: &[&str]) -> Command {
        self.command_over(self.path(), arguments)
    }

    /// The same with the configuration in another folder.
    pub fn command_over(&self, folder: &Path, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_flux-setup"));
        command
            .arg("serve")
            .arg("--config")
            .arg(folder)
            .args(["--log", "json"])
            .args(arguments)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped());
        command
    }

    /// Starts the service and waits until it listens.
    pub fn start(&self) -> Service {
        self.start_with(&[])
    }

    /// A file below the configuration folder.
    pub fn write(&self, name: &str, text: &str) {
        let path = self.path().join(name);
        let folder = path.parent().expect("it is below the folder");
        fs::create_dir_all(folder).expect("the folder is ours");
        fs::write(path, text).expect("the folder is ours");
    }

    pub fn start_with(&self, arguments: &[&str]) -> Service {
        self.start_command(&mut self.command(arguments))
    }

    /// A library of C that is loaded before all others (`LD_PRELOAD`) and takes the place of what it names as they do.
    pub fn shim(&self, source: &str) -> PathBuf {
        let library = self.path().join("shim.so");
        self.write("shim.c", source);
        let built = Command::new("cc")
            .args(["-shared", "-fPIC", "-O2", "-o"])
            .args([&library, &self.path().join("shim.c")])
            .arg("-ldl")
            .status()
            .expect("a C compiler is there");
        assert!(built.success());
        library
    }

    /// Starts a command that was made by [`Home::command`].
    pub fn start_command(&self, command: &mut Command) -> Service {
        let mut child = command.spawn().expect("the binary was built");
        let stderr = child.stderr.take().expect("it is piped");
        let log = Arc::new(Mutex::new(String::new()));
        let kept = Arc::clone(&log);
        let reader = thread::spawn(move || {
            for line in BufReader::new(stderr).lines() {
                let Ok(line) = line else { break };
                let mut log = kept.lock().unwrap_or_else(PoisonError::into_inner);
                log.push_str(&line);
                log.push('\n');
            }
        });
        let mut service = Service {
            child,
            log,
            reader: Some(reader),
            hooks: self.hooks,
            api: self.api,
        };
        service.wait_until("it listens", |service| {
            service.is_running();
            service
                .get("/health/live")
                .is_some_and(|(status, _)| status == 200)
        });
        service
    }
}

impl Service {
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// A connection to the door of the webhook `acme`.
    pub fn hookshot(&self) -> Hookshot {
        Hookshot::connect(self.hooks, "acme", SECRET).expect("the service listens")
    }

    /// `None` where nobody answers.
    pub fn get(&self, path: &str) -> Option<(u16, Value)> {
        let (status, body) = self.get_text(path)?;
        let json = serde_json::from_str(&body).unwrap_or(Value::String(body));
        Some((status, json))
    }

    /// The same, as it came.
    pub fn get_text(&self, path: &str) -> Option<(u16, String)> {
        let agent = ureq::Agent::config_builder()
            .http_status_as_error(false)
            .proxy(None)
            .timeout_global(Some(ANSWER))
            .build()
            .new_agent();
        let mut answer = agent
            .get(format!("http://{}{path}", self.api))
            .call()
            .ok()?;
        let body = answer.body_mut().read_to_string().ok()?;
        Some((answer.status().as_u16(), body))
    }

    /// Waits until every cluster was listed or tried.
    pub fn wait_until_ready(&mut self) {
        self.wait_until("it is ready", |service| {
            service
                .get("/health/ready")
                .is_some_and(|(status, _)| status == 200)
        });
    }

    /// # Panics
    /// Where it does not come true in time; with the service's log.
    pub fn wait_until(&mut self, what: &str, mut is_true: impl FnMut(&mut Self) -> bool) {
        let deadline = Instant::now() + PATIENCE;
        while !is_true(self) {
            assert!(
                Instant::now() < deadline,
                "not true in {PATIENCE:?}: {what}\n{}",
                self.log()
            );
            thread::sleep(Duration::from_millis(20));
        }
    }

    /// # Panics
    /// Where the process has ended; with its log.
    pub fn is_running(&mut self) {
        let ended = self.child.try_wait().expect("it is our child");
        assert!(
            ended.is_none(),
            "the service ended: {ended:?}\n{}",
            self.log()
        );
    }

    pub fn log(&self) -> String {
        self.log
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    /// As `kill -9` ends it.
    pub fn kill(mut self) {
        self.end();
    }

    /// As an orderly stop ends it: SIGTERM, and how long it took.
    pub fn terminate(mut self) -> (ExitStatus, Duration, String) {
        let started = Instant::now();
        let pid = self.pid().to_string();
        let sent = Command::new("kill").args(["-TERM", &pid]).status();
        assert!(
            sent.is_ok_and(|status| status.success()),
            "cannot send SIGTERM"
        );
        let deadline = started + PATIENCE;
        let status = loop {
            if let Some(status) = self.child.try_wait().expect("it is our child") {
                break status;
            }
            assert!(Instant::now() < deadline, "it does not end\n{}", self.log());
            thread::sleep(Duration::from_millis(5));
        };
        let took = started.elapsed();
        self.end();
        (status, took, self.log())
    }

    fn end(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
        if let Some(reader) = self.reader.take() {
            let _ = reader.join();
        }
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        self.end();
    }
}
