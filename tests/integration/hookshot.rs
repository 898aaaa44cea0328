//! A sender of webhooks that signs and frames them as GitHub does, over one kept connection.

use std::fmt::Write as _;
use std::io::{self, BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use hmac::{Hmac, Mac};
use serde_json::{Value, json};
use sha2::Sha256;

/// Longer than GitHub waits for an answer, for a busy machine; what is to be in time is measured where it is tested.
const PATIENCE: Duration = Duration::from_secs(60);

/// One connection to `server.hooks`.
#[derive(Debug)]
pub struct Hookshot {
    connection: BufReader<TcpStream>,
    path: String,
    secret: String,
}

/// What was answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    pub status: u16,
    pub body: String,
}

impl Answer {
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_default()
    }
}

impl Hookshot {
    pub fn connect(to: SocketAddr, webhook: &str, secret: &str) -> io::Result<Self> {
        let stream = TcpStream::connect(to)?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        stream.set_write_timeout(Some(PATIENCE))?;
        Ok(Self {
            connection: BufReader::new(stream),
            path: format!("/hooks/github/{webhook}"),
            secret: secret.to_owned(),
        })
    }

    /// Sends one delivery and reads the answer.
    pub fn send(&mut self, event: &str, guid: &str, body: &[u8]) -> io::Result<Answer> {
        let request = request(
            &self.path,
            event,
            guid,
            &signature(&self.secret, body),
            body,
        );
        self.send_raw(&request)
    }

    /// Sends a request that was made before.
    pub fn send_raw(&mut self, request: &[u8]) -> io::Result<Answer> {
        self.connection.get_mut().write_all(request)?;
        read_answer(&mut self.connection)
    }
}

/// The bytes of a request as GitHub frames it.
pub fn request(path: &str, event: &str, guid: &str, signature: &str, body: &[u8]) -> Vec<u8> {
    let mut head = String::with_capacity(512);
    let _ = write!(
        head,
        "POST {path} HTTP/1.1\r\nHost: hooks.acme.io\r\nUser-Agent: GitHub-Hookshot/044aadd\r\n\
         Accept: */*\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\
         X-GitHub-Event: {event}\r\nX-GitHub-Delivery: {guid}\r\nX-GitHub-Hook-ID: 1\r\n\
         X-Hub-Signature-256: {signature}\r\n\r\n",
        body.len()
    );
    [head.as_bytes(), body].concat()
}

/// `sha256=…` over the body.
pub fn signature(secret: &str, body: &[u8]) -> String {
    let mut mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).expect("any length will do");
    mac.update(body);
    format!("sha256={}", hex::encode(mac.finalize().into_bytes()))
}

/// A GUID as GitHub makes them, of a number.
pub fn guid(number: u64) -> String {
    format!("0b989ba4-242f-11e5-81e1-{number:012x}")
}

/// The payload of a push to a branch of a repository of `acme`.
pub fn push(repository: &str, branch: &str, commit: u64) -> Vec<u8> {
    let url = format!("https://github.com/{repository}");
    let payload = json!({
        "ref": format!("refs/heads/{branch}"),
        "before": format!("{:040x}", commit - 1),
        "after": format!("{commit:040x}"),
        "created": false, "deleted": false, "forced": false,
        "repository": {
            "id": number_of(repository), "full_name": repository, "html_url": url, "clone_url": format!("{url}.git"),
            "ssh_url": format!("git@github.com:{repository}.git"), "default_branch": "main",
        },
        "organization": {"login": repository.split('/').next()},
        "head_commit": {"id": format!("{commit:040x}")},
        "commits": [{"id": format!("{commit:040x}"), "added": [], "modified": ["deploy/web.yaml"], "removed": []}],
    });
    payload.to_string().into_bytes()
}

/// Each repository has a number of its own.
fn number_of(repository: &str) -> u64 {
    let bytes = repository.bytes().map(u64::from);
    bytes.fold(7, |number, byte| (number * 31 + byte) % (1 << 52))
}

fn read_answer(reader: &mut impl BufRead) -> io::Result<Answer> {
    let bad = |what: &str| io::Error::new(io::ErrorKind::InvalidData, what.to_owned());
    let mut line = String::new();
    if reader.read_line(&mut line)? == 0 {
        return Err(io::ErrorKind::UnexpectedEof.into());
    }
    let status = line.split(' ').nth(1).and_then(|code| code.parse().ok());
    let status = status.ok_or_else(|| bad("no status line"))?;
    let mut length = 0;
    loop {
        line.clear();
        if reader.read_line(&mut line)? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        let Some((name, value)) = line.trim_end().split_once(':') else {
            break;
        };
        if name.eq_ignore_ascii_case("content-length") {
            length = value.trim().parse().map_err(|_| bad("no length"))?;
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body)?;
    let body = String::from_utf8(body).map_err(|_| bad("no text"))?;
    Ok(Answer { status, body })
}
