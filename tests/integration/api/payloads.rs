//! Payloads that are to be explained, however long and however many: what is too much is refused, in JSON.

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::thread;
use std::time::Duration;

use serde_json::Value;

use crate::hookshot::push;
use crate::process::{Home, Service};

const ASKED: &str = "/api/v1/explain?event=push&webhook=acme";
const MIB: usize = 1024 * 1024;

/// A head that says how long the body is, and what of it is sent; the answer's status, head and body.
fn ask(at: SocketAddr, declared: usize, sent: &[u8]) -> (u16, String, Value) {
    let mut stream = TcpStream::connect(at).expect("the service is there");
    stream
        .set_read_timeout(Some(Duration::from_secs(60)))
        .expect("the service is there");
    let head = format!(
        "POST {ASKED} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\ncontent-type: application/json\r\n\
         content-length: {declared}\r\n\r\n"
    );
    stream
        .write_all(head.as_bytes())
        .expect("the service is there");
    // Who is refused for its length is answered before all of it is read.
    let _ = stream.write_all(sent);
    let mut reader = BufReader::new(stream);
    let (mut head, mut line) = (String::new(), String::new());
    while reader.read_line(&mut line).expect("it answers") > 2 {
        head.push_str(&line);
        line.clear();
    }
    let mut body = String::new();
    let _ = reader.read_to_string(&mut body);
    let status = head[9..12].parse().expect("the service is there");
    (
        status,
        head.to_lowercase(),
        serde_json::from_str(&body).unwrap_or_default(),
    )
}

/// A push that is as long as that.
fn long(bytes: usize) -> Vec<u8> {
    let mut body = push("acme/web", "main", 7);
    body.resize(bytes, b' ');
    body
}

fn most_memory(service: &Service) -> usize {
    let status = fs::read_to_string(format!("/proc/{}/status", service.pid()))
        .expect("the service is there");
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let kib = line.and_then(|line| line.trim().strip_suffix("kB")?.trim().parse::<usize>().ok());
    kib.expect("it is told") * 1024
}

#[test]
fn a_payload_that_is_too_long_too_slow_or_one_of_too_many_is_refused_in_json() {
    let service = Home::new(&[("away", Path::new("/nowhere/kubeconfig"))]).start();
    let refusal = |declared: usize, sent: &[u8]| {
        let (status, head, body) = ask(service.api, declared, sent);
        assert!(head.contains("content-type: application/json"), "{head}");
        (
            status,
            body["reason"].as_str().unwrap_or_default().to_owned(),
        )
    };
    assert_eq!(
        refusal(26 * MIB, &long(26 * MIB)),
        (
            413,
            "the payload has more than 25 MiB, which GitHub never sends".to_owned()
        )
    );
    assert_eq!(
        refusal(9_000, &long(8_000)),
        (
            408,
            "the body came too slowly and was not waited for; send it again".to_owned()
        )
    );

    let before = most_memory(&service);
    let body = long(20 * MIB);
    let answers: Vec<_> = thread::scope(|scope| {
        let asking = (0..12).map(|_| scope.spawn(|| ask(service.api, body.len(), &body)));
        let asking: Vec<_> = asking.collect();
        asking.into_iter().map(|one| one.join().unwrap()).collect()
    });
    assert!(answers.iter().any(|answer| answer.0 == 200), "{answers:?}");
    for (status, head, told) in &answers {
        let is_refused = *status == 503
            && told["reason"] == "payloads of others are explained first; ask again in a moment";
        assert!(*status == 200 || is_refused, "{status} {head} {told}");
    }
    // One is in memory, while it grows twice.
    let more = most_memory(&service).saturating_sub(before);
    assert!(more < 100 * MIB, "{} MiB more", more / MIB);
}
