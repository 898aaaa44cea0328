//! What may happen to an API server: it hangs, dies, comes back on the same port, empty or as it once was.

use std::io::{BufRead, BufReader, Write};
use std::process::{Child, ChildStdin, ChildStdout};
use std::sync::PoisonError;

use serde_json::{Value, json};

use super::ApiServer;

/// The pipes to `tests/kubernetes/serve`.
pub(super) struct Control {
    /// `None` once it is to end.
    commands: Option<ChildStdin>,
    answers: BufReader<ChildStdout>,
}

impl Control {
    pub(super) fn of(serve: &mut Child) -> Self {
        Self {
            commands: serve.stdin.take(),
            answers: BufReader::new(serve.stdout.take().expect("its output is a pipe")),
        }
    }

    /// Closes the input of `serve`, which then ends.
    pub(super) fn end(&mut self) {
        self.commands = None;
    }
}

impl ApiServer {
    /// Stops the API server with SIGSTOP: it takes connections and answers nothing.
    pub fn pause(&self) {
        self.order("pause api");
    }

    pub fn resume(&self) {
        self.order("resume api");
    }

    /// Kills the API server with SIGKILL: its port refuses connections.
    pub fn kill(&self) {
        self.order("kill api");
    }

    /// Starts the API server that was killed, on the same port, and waits until it is ready.
    pub fn revive(&self) {
        self.order("start api");
        self.wait_until_ready();
    }

    pub fn restart(&self) {
        self.kill();
        self.revive();
    }

    /// Takes away all objects and begins at version 1 again. Neither Flux's kinds nor namespaces are there then; see
    /// [`ApiServer::install_flux`].
    pub fn restart_empty(&self) {
        self.kill();
        self.order("kill etcd");
        self.order("empty");
        self.order("start etcd");
        self.revive();
    }

    /// Keeps what there is now, for [`ApiServer::roll_back`]. The API server is away for a moment.
    pub fn save(&self) {
        self.kill();
        self.order("kill etcd");
        self.order("save");
        self.order("start etcd");
        self.revive();
    }

    /// Goes back to what was saved, and to its versions.
    pub fn roll_back(&self) {
        self.kill();
        self.order("kill etcd");
        self.order("restore");
        self.order("start etcd");
        self.revive();
    }

    /// Lets etcd forget all versions but the last, as it does every five minutes by default.
    pub fn compact(&self) {
        let ask = |path: &str, body: Value| {
            let mut answer = self
                .agent
                .post(format!("{}{path}", self.etcd_url))
                .send(body.to_string())
                .expect("etcd answers");
            let text = answer.body_mut().read_to_string().expect("etcd answers");
            assert_eq!(answer.status(), 200, "{path}: {text}");
            serde_json::from_str::<Value>(&text).expect("etcd answers in JSON")
        };
        let status = ask("/v3/maintenance/status", json!({}));
        let revision = &status["header"]["revision"];
        ask(
            "/v3/kv/compaction",
            json!({"revision": revision, "physical": true}),
        );
    }

    /// Gives `user` another token; the one before is refused from now on. The API server is away for a moment.
    pub fn renew_token(&self, user: &str, token: &str) {
        self.kill();
        self.write_tokens(&[(user, token)]);
        self.revive();
    }

    fn order(&self, command: &str) {
        let mut control = self.control.lock().unwrap_or_else(PoisonError::into_inner);
        let commands = control.commands.as_mut().expect("it was not dropped");
        // In one piece: `serve` waits for no second one.
        let line = format!("{command}\n");
        commands.write_all(line.as_bytes()).expect("`serve` runs");
        let mut answer = String::new();
        control
            .answers
            .read_line(&mut answer)
            .expect("`serve` runs");
        assert_eq!(answer, "ok\n", "{command}");
    }
}
