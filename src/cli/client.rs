//! Asks a running `flux-setup serve`, never its store.

use std::io::Read;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::Path;
use std::time::Duration;

use anyhow::{Context, anyhow, bail};
use secrecy::{ExposeSecret, SecretString};
use serde_json::Value;

use crate::config::{self, is_this_machine};

use super::given::ServerArguments;

/// Longer than the server takes for any answer.
const PATIENCE: Duration = Duration::from_secs(30);
/// The largest answer that is read.
const ANSWER_LIMIT_BYTES: u64 = 64 * 1024 * 1024;
/// What holds the address of the server that is asked where no other is named. It is read here and not with
/// the arguments: of those `budget` would take it for a question to that server.
const SERVER: &str = "FLUX_SETUP_SERVER";
/// What holds the token, so that it stands in no list of processes.
const TOKEN: &str = "FLUX_SETUP_TOKEN";

pub(super) struct Client {
    server: String,
    token: Option<SecretString>,
    agent: ureq::Agent,
}

impl Client {
    /// Of the server that is named, or else of the one that the configuration in a folder would start.
    pub(super) fn of(server: &ServerArguments, folder: &Path) -> anyhow::Result<Self> {
        match Self::named(server.address.as_deref())? {
            Some(client) => Ok(client),
            None => Self::new(&configured_server(folder)),
        }
    }

    /// Of the server at an address that is given here, or in general; `None`: none is.
    pub(super) fn named(address: Option<&str>) -> anyhow::Result<Option<Self>> {
        let in_general = || {
            std::env::var(SERVER)
                .ok()
                .filter(|server| !server.is_empty())
        };
        let address = address.map(str::to_owned).or_else(in_general);
        address.map(|server| Self::new(&server)).transpose()
    }

    /// `server` is the address of its API: `http://127.0.0.1:9293`.
    fn new(server: &str) -> anyhow::Result<Self> {
        let is_http = server.starts_with("http://") || server.starts_with("https://");
        if !is_http {
            bail!("`{server}` is no address of a server; write it as `http://127.0.0.1:9293`");
        }
        let rest = server.split_once("://").map_or(server, |(_, rest)| rest);
        // Not shown: it would stand in the logs of whoever asked.
        if rest.contains('@') {
            bail!("the address of a server holds no user and password; give a token in {TOKEN}");
        }
        if rest.contains(['?', '#']) {
            bail!("`{server}` is no address of a server: it ends before `?` and `#`");
        }
        let token = match std::env::var(TOKEN) {
            Ok(token) if token.trim().contains(|c: char| !c.is_ascii_graphic()) => {
                bail!("the token in {TOKEN} has a character that no token has")
            }
            Ok(token) if !token.trim().is_empty() => Some(SecretString::from(token.trim())),
            _ => None,
        };
        let mut agent = ureq::Agent::config_builder()
            .http_status_as_error(false)
            .max_redirects(0)
            .timeout_global(Some(PATIENCE));
        if is_here(server) {
            // A proxy would look for it at its own machine.
            agent = agent.proxy(None);
        }
        let agent = agent.build().new_agent();
        Ok(Self {
            server: server.trim_end_matches('/').to_owned(),
            token,
            agent,
        })
    }

    pub(super) fn get(&self, path: &str) -> anyhow::Result<Value> {
        let request = ureq::http::Request::get(format!("{}{path}", self.server));
        self.ask(request, ())
    }

    pub(super) fn post(&self, path: &str, body: &[u8]) -> anyhow::Result<Value> {
        let request = ureq::http::Request::post(format!("{}{path}", self.server))
            .header("content-type", "application/json");
        self.ask(request, body)
    }

    fn ask(
        &self,
        mut request: ureq::http::request::Builder,
        body: impl ureq::AsSendBody,
    ) -> anyhow::Result<Value> {
        if let Some(token) = &self.token {
            request = request.header("authorization", format!("Bearer {}", token.expose_secret()));
        }
        let request = request
            .body(body)
            .with_context(|| format!("`{}` is no address of a server", self.server))?;
        let mut answer = self.agent.run(request).with_context(|| {
            format!(
                "cannot reach the server at {}; is `flux-setup serve` running there?",
                self.server
            )
        })?;
        let status = answer.status();
        let mut text = String::new();
        answer
            .body_mut()
            .as_reader()
            .take(ANSWER_LIMIT_BYTES)
            .read_to_string(&mut text)
            .with_context(|| format!("cannot read what the server at {} answers", self.server))?;
        let json: Option<Value> = serde_json::from_str(&text).ok();
        if status.is_success() {
            return json.ok_or_else(|| {
                anyhow!(
                    "the server at {} answers no JSON; is it flux-setup?",
                    self.server
                )
            });
        }
        let reason = json.as_ref().and_then(|json| json["reason"].as_str());
        match reason {
            Some(reason) if status == 401 => match self.token {
                Some(_) => bail!("{reason}; it came from {TOKEN}"),
                None => bail!("the server asks for a token; give it in {TOKEN}"),
            },
            Some(reason) => bail!("{reason}"),
            None => bail!("the server at {} answers {status}", self.server),
        }
    }
}

/// Where `serve` with the same configuration has its API; its faults are told by `validate`.
fn configured_server(folder: &Path) -> String {
    let (configuration, _) = config::load(folder);
    let listen = configuration.server.api.listen;
    let ip = match listen.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(ip) if ip.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
        ip => ip,
    };
    format!("http://{}", SocketAddr::new(ip, listen.port()))
}

fn is_here(server: &str) -> bool {
    let uri: Option<ureq::http::Uri> = server.parse().ok();
    uri.as_ref()
        .and_then(ureq::http::Uri::host)
        .is_some_and(is_this_machine)
}

#[cfg(test)]
mod tests {
    use super::is_here;

    #[test]
    fn this_machine_is_known_by_its_own_names() {
        for server in [
            "http://127.0.0.1:9293",
            "http://LOCALHOST",
            "https://[::1]:9293/",
            "http://127.8.8.8:1",
        ] {
            assert!(is_here(server), "{server}");
        }
        for server in [
            "http://10.0.0.1:9293",
            "http://localhost.acme.io",
            "http://[fd00::1]",
            "http://",
        ] {
            assert!(!is_here(server), "{server}");
        }
    }
}
