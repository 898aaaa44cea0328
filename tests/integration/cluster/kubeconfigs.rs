//! Kubeconfigs that lead nowhere: each is told by what to do about it, and shows no secret.

use std::fs;
use std::net::TcpListener;

use flux_setup::cluster::{Cluster, ClusterAccess, Connection, PatchFault};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::api_server::free_ports;

use super::followed::key;

fn access(folder: &TempDir, text: &str) -> ClusterAccess {
    let path = folder.path().join("kubeconfig");
    fs::write(&path, text).expect("a folder of ours");
    ClusterAccess {
        name: "prod".into(),
        kubeconfig: Some(path),
        context: None,
    }
}

fn config(server: &str, user: &Value) -> String {
    json!({
        "apiVersion": "v1", "kind": "Config", "current-context": "c",
        "contexts": [{"name": "c", "context": {"cluster": "c", "user": "u"}}],
        "clusters": [{"name": "c", "cluster": {"server": server}}],
        "users": [{"name": "u", "user": user}],
    })
    .to_string()
}

/// Why there is no connection.
async fn refusal(text: &str, context: Option<&str>) -> String {
    let folder = tempfile::tempdir().expect("a folder of ours");
    let access = ClusterAccess {
        context: context.map(str::to_owned),
        ..access(&folder, text)
    };
    let error = Connection::open(&access).await;
    let error = error.expect_err("it leads nowhere").to_string();
    assert!(!error.contains("hunter2"), "{error}");
    error.replace(&folder.path().display().to_string(), "")
}

/// Why an object cannot be annotated.
async fn put_off(text: &str) -> String {
    let folder = tempfile::tempdir().expect("a folder of ours");
    let cluster = Cluster::new(access(&folder, text));
    let Err(PatchFault::Later { reason, .. }) = cluster.annotate(&key("a", "b"), "t").await else {
        panic!("it may work later");
    };
    assert!(!reason.contains("hunter2"), "{reason}");
    reason
}

#[tokio::test]
async fn what_is_wrong_with_a_kubeconfig_is_said_and_nothing_of_it_is_shown() {
    let token = json!({"token": "hunter2"});
    let good = config("https://127.0.0.1:1", &token);
    let unknown = refusal(&good, Some("nope")).await;
    assert_eq!(
        unknown,
        "cannot use kubeconfig /kubeconfig: failed to load current context: nope"
    );
    let broken = refusal("users:\n- user: {token: hunter2\nx: [", None).await;
    assert!(
        broken.starts_with(
            "cannot use kubeconfig /kubeconfig: it cannot be read as YAML of a kubeconfig at line "
        ),
        "{broken}"
    );
    let folder = tempfile::tempdir().unwrap();
    let missing = ClusterAccess {
        kubeconfig: Some(folder.path().join("nowhere")),
        ..access(&folder, &good)
    };
    let missing = Connection::open(&missing).await.unwrap_err().to_string();
    assert!(
        missing.contains("nowhere") && missing.contains("No such file"),
        "{missing}"
    );
}

#[tokio::test]
async fn a_credential_plugin_that_fails_is_told_by_its_last_words_only() {
    let plugin = |script: &str| {
        let exec = json!({"exec": {
            "apiVersion": "client.authentication.k8s.io/v1", "interactiveMode": "Never",
            "command": "sh", "args": ["-c", script], "env": [{"name": "SECRET", "value": "hunter2"}],
        }});
        config("https://127.0.0.1:1", &exec)
    };
    assert_eq!(
        refusal(
            &plugin("echo hunter2; echo first >&2; echo log in again >&2; exit 3"),
            None
        )
        .await,
        "the credential plugin of the kubeconfig failed with exit status: 3: log in again; run it by hand to see why"
    );
    assert_eq!(
        refusal(&plugin("echo token: hunter2"), None).await,
        "the credential plugin of the kubeconfig printed no ExecCredential; run it by hand to see why"
    );
}

#[tokio::test]
async fn a_server_that_cannot_be_reached_is_told_with_what_to_check() {
    let token = json!({"token": "hunter2"});
    let [port] = free_ports();
    let free = format!("127.0.0.1:{port}");
    assert_eq!(
        put_off(&config(&format!("https://{free}"), &token)).await,
        format!(
            "the API server at https://{free} refuses connections; is it up, and is its address in the kubeconfig right?"
        )
    );
    let nowhere = put_off(&config("https://nowhere.invalid", &token)).await;
    // Who asks for names may get no answer in time.
    let unknown = nowhere.starts_with("cannot find the host of https://nowhere.invalid");
    let late = nowhere.contains("https://nowhere.invalid does not answer within ");
    assert!(unknown || late, "{nowhere}");
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("token");
    fs::write(&file, "hunter2\n").unwrap();
    let broken = put_off(&config("https://127.0.0.1:1", &json!({"tokenFile": file}))).await;
    assert!(broken.contains("holds a line break"), "{broken}");
    // It speaks no TLS.
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        let (mut socket, _) = listener.accept().unwrap();
        let _ = std::io::Write::write_all(&mut socket, b"HTTP/1.1 400 Bad Request\r\n\r\n");
        let _ = std::io::copy(&mut socket, &mut std::io::sink());
    });
    let plain = put_off(&config(&format!("https://{address}"), &token)).await;
    assert!(
        plain.starts_with(&format!("no safe connection to https://{address}")),
        "{plain}"
    );
}
