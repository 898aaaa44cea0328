//! A client without any manners: it sends what it is told, and waits for nothing.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::github::FakeGithub;

/// One call; each has a connection of its own unless it is sent over one that is kept.
#[derive(Clone, Debug)]
pub struct Call {
    method: String,
    path: String,
    headers: Vec<(String, String)>,
    body: Vec<u8>,
    is_absolute: bool,
}

#[derive(Clone, Debug)]
pub struct Answer {
    pub status: u16,
    pub headers: BTreeMap<String, String>,
    pub body: Vec<u8>,
}

impl Answer {
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_default()
    }

    pub fn message(&self) -> String {
        self.json()["message"]
            .as_str()
            .unwrap_or_default()
            .to_owned()
    }

    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", String::as_str)
    }

    pub fn number(&self, name: &str) -> i64 {
        self.header(name).parse().unwrap_or(-1)
    }
}

impl Call {
    pub fn new(method: &str, path: &str) -> Self {
        Self {
            method: method.to_owned(),
            path: path.to_owned(),
            headers: vec![("user-agent".to_owned(), "flux-setup-tests".to_owned())],
            body: Vec::new(),
            is_absolute: false,
        }
    }

    pub fn get(path: &str) -> Self {
        Self::new("GET", path)
    }

    pub fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.retain(|(known, _)| known != name);
        if !value.is_empty() {
            self.headers.push((name.to_owned(), value.to_owned()));
        }
        self
    }

    pub fn by(self, token: &str) -> Self {
        self.header("authorization", &format!("Bearer {token}"))
    }

    pub fn json(mut self, body: &Value) -> Self {
        self.body = body.to_string().into_bytes();
        self
    }

    pub fn text(mut self, body: &str) -> Self {
        self.body = body.as_bytes().to_vec();
        self
    }

    /// Goes to this URL, wherever the API's root is.
    pub fn absolute(mut self, url: &str) -> Self {
        let (_, path) = url
            .split_once("//")
            .and_then(|(_, rest)| rest.split_once('/'))
            .expect("a URL");
        self.path = format!("/{path}");
        self.is_absolute = true;
        self
    }

    /// `path` is below the API's root.
    pub async fn send(&self, to: &FakeGithub) -> Answer {
        self.try_send(to).await.expect("an answer")
    }

    pub async fn try_send(&self, to: &FakeGithub) -> std::io::Result<Answer> {
        let mut connection = Connection::open(to).await;
        connection.exchange(self).await
    }

    fn bytes(&self, root: &str) -> Vec<u8> {
        let root = if self.is_absolute { "" } else { root };
        let mut head = format!(
            "{} {root}{} HTTP/1.1\r\nhost: fake\r\n",
            self.method, self.path
        );
        for (name, value) in &self.headers {
            head = format!("{head}{name}: {value}\r\n");
        }
        head = format!("{head}content-length: {}\r\n\r\n", self.body.len());
        [head.into_bytes(), self.body.clone()].concat()
    }
}

/// A connection that is kept for further calls.
pub struct Connection {
    stream: TcpStream,
    root: String,
}

impl Connection {
    pub async fn open(to: &FakeGithub) -> Self {
        let url = to.api_url();
        let rest = url.strip_prefix("http://").expect("plain HTTP");
        let (authority, root) = rest.split_once('/').unwrap_or((rest, ""));
        let root = if root.is_empty() {
            String::new()
        } else {
            format!("/{root}")
        };
        Self {
            stream: TcpStream::connect(authority).await.expect("it listens"),
            root,
        }
    }

    pub async fn send(&mut self, call: &Call) -> Answer {
        self.exchange(call).await.expect("an answer")
    }

    async fn exchange(&mut self, call: &Call) -> std::io::Result<Answer> {
        self.stream.write_all(&call.bytes(&self.root)).await?;
        let mut bytes = Vec::new();
        let end = loop {
            if let Some(end) = bytes.windows(4).position(|it| it == b"\r\n\r\n") {
                break end + 4;
            }
            if self.stream.read_buf(&mut bytes).await? == 0 {
                return Err(std::io::ErrorKind::UnexpectedEof.into());
            }
        };
        let head = String::from_utf8_lossy(&bytes[..end]).into_owned();
        let mut lines = head.lines();
        let status = lines.next().and_then(|line| line.split(' ').nth(1));
        let status = status.and_then(|code| code.parse().ok()).expect("a status");
        let headers: BTreeMap<String, String> = lines
            .filter_map(|line| line.split_once(": "))
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .collect();
        let length = headers.get("content-length").map_or("0", String::as_str);
        let length = if call.method == "HEAD" {
            0
        } else {
            length.parse().expect("a length")
        };
        let mut body = bytes.split_off(end);
        while body.len() < length {
            if self.stream.read_buf(&mut body).await? == 0 {
                return Err(std::io::ErrorKind::UnexpectedEof.into());
            }
        }
        Ok(Answer {
            status,
            headers,
            body,
        })
    }
}

/// Asks GraphQL.
pub async fn graphql(to: &FakeGithub, token: &str, query: &str, variables: Value) -> Answer {
    Call::new("POST", "/graphql")
        .by(token)
        .json(&json!({"query": query, "variables": variables}))
        .send(to)
        .await
}

/// Longer waits nobody.
pub const PATIENCE: Duration = Duration::from_secs(60);
