//! Changes of the configuration folder hold without a restart, or are refused and do no harm.

mod clusters;
mod settings;

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::Command;

use serde_json::{Value, json};

use crate::api_server::free_ports;
use crate::hookshot::{Hookshot, guid};
use crate::process::{Home, SECRET, Service};

/// A cluster that is tried in vain, so that none is needed.
fn home() -> Home {
    Home::new(&[("away", Path::new("/nowhere/kubeconfig"))])
}

/// The configuration, with a part of it replaced.
fn change(home: &Home, from: &str, to: &str) {
    let text = fs::read_to_string(home.path().join("flux-setup.yaml")).expect("it is there");
    assert!(text.contains(from), "{from}: {text}");
    home.write("flux-setup.yaml", &text.replace(from, to));
}

/// What a ping to a webhook is answered.
fn ping(service: &Service, webhook: &str, secret: &str) -> u16 {
    let sent = Hookshot::connect(service.hooks, webhook, secret)
        .and_then(|mut hookshot| hookshot.send("ping", &guid(1), b"{\"zen\":\"x\"}"));
    sent.map_or(0, |answer| answer.status)
}

fn reasons(service: &Service) -> Vec<String> {
    let (status, ready) = service.get("/health/ready").expect("it answers");
    assert_eq!(status, 200, "{ready}");
    let reasons = ready["reasons"].as_array().cloned().unwrap_or_default();
    let of_configuration = |reason: &Value| {
        let reason = reason.as_str()?;
        (!reason.starts_with("cluster `away`")).then(|| reason.to_owned())
    };
    reasons.iter().filter_map(of_configuration).collect()
}

/// The value of a metric without labels.
fn metric(service: &Service, name: &str) -> f64 {
    let (_, page) = service.get_text("/metrics").expect("it answers");
    let mut lines = page.lines();
    let value = lines.find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
    value.and_then(|value| value.parse().ok()).unwrap_or(-1.0)
}

/// What one reads of the configuration is not all told in the same moment.
fn is_counted(service: &mut Service, name: &str, value: f64) {
    service.wait_until(&format!("{name} is {value}"), |service| {
        metric(service, name) == value
    });
}

const ACME: &str = "{name: acme, organization: acme, secrets: [{file: secret}]}";

#[test]
fn webhooks_come_and_go_without_a_restart() {
    let home = home();
    let mut service = home.start();
    service.wait_until_ready();
    assert_eq!(
        (ping(&service, "acme", SECRET), ping(&service, "beta", "b")),
        (200, 404)
    );
    let before = metric(&service, "flux_setup_configuration_since_timestamp_seconds");
    home.write("beta", "b");
    change(
        &home,
        ACME,
        "{name: beta, organization: beta, secrets: [{file: beta}]}",
    );
    service.wait_until("the new webhook is there", |service| {
        ping(service, "beta", "b") == 200
    });
    assert_eq!(ping(&service, "acme", SECRET), 404);
    service.is_running();
    assert_eq!(reasons(&service), [""; 0]);
    service.wait_until("it is told since when that holds", |service| {
        metric(service, "flux_setup_configuration_since_timestamp_seconds") > before
    });
    // The files of its secrets are read again too.
    home.write("beta", "c");
    service.wait_until("the new secret is valid", |service| {
        ping(service, "beta", "c") == 200
    });
    assert_eq!(ping(&service, "beta", "b"), 401);
}

#[test]
fn a_faulty_change_is_refused_with_its_place_and_the_old_one_stays() {
    let home = home();
    let mut service = home.start();
    service.wait_until_ready();
    change(&home, "organization: acme", "organisation: acme");
    let refused = |service: &mut Service| !reasons(service).is_empty();
    service.wait_until("the change is refused", refused);
    let file = home.path().join("flux-setup.yaml").display().to_string();
    let told = reasons(&service);
    let place = format!("{file}:6:22: unknown key `organisation`");
    assert!(
        told.len() == 1
            && told[0].starts_with(
                "the changed configuration is refused, and the last sound one holds: "
            )
            && told[0].contains(&place),
        "{place}: {told:?}"
    );
    assert_eq!(ping(&service, "acme", SECRET), 200);
    is_counted(&mut service, "flux_setup_configuration_refused", 1.0);
    // The log is written by a thread of its own.
    service.wait_until("it is logged with its place", |service| {
        let log = service.log();
        let lines = log.lines();
        let mut lines = lines.filter_map(|line| serde_json::from_str::<Value>(line).ok());
        lines.any(|line| {
            let place = [&line["line"], &line["column"]];
            line["level"] == "ERROR" && line["file"] == json!(file) && place == [6, 22]
        })
    });
    change(&home, "organisation: acme", "organization: acme");
    service.wait_until("the fault is gone", |service| reasons(service).is_empty());
    is_counted(&mut service, "flux_setup_configuration_refused", 0.0);
    assert_eq!(ping(&service, "acme", SECRET), 200);
}

/// `validate` would refuse it, so it does not take the place of a fleet that can be told of.
#[test]
fn a_change_by_which_the_fleet_cannot_be_rendered_is_refused() {
    const WEB: &str = "projects:\n  - {name: web, repository: https://github.com/acme/web, ref: {branch: main}}\n";
    let home = home();
    let fleet = fs::read_to_string(home.path().join("flux-setup.yaml")).unwrap();
    home.write("flux-setup.yaml", &format!("{WEB}{fleet}"));
    home.write("environments/dev.yaml", "ref: {branch: main}\n");
    let mut service = home.start();
    service.wait_until_ready();
    let manifests = |service: &Service| service.get_text("/api/v1/manifests").expect("it answers");
    let before = manifests(&service);
    assert_eq!(before.0, 200);
    let acme = "name: acme,";
    for (from, to, says) in [
        ("{name: web,", "{name: web, dependsOn: [nope],", ":2:"),
        (
            "{name: web,",
            "{name: web, kustomization: {intervall: 1m},",
            "intervall",
        ),
        (
            "{name: web,",
            "{name: web, objects: [{name: web, template: gone}],",
            "gone",
        ),
    ] {
        change(&home, from, to);
        change(&home, acme, "name: beta,");
        service.wait_until("the change is refused", |service| {
            reasons(service).join("\n").contains(says)
        });
        assert_eq!(manifests(&service), before);
        is_counted(&mut service, "flux_setup_configuration_refused", 1.0);
        assert_eq!(ping(&service, "acme", SECRET), 200);
        change(&home, to, from);
        change(&home, "name: beta,", acme);
        service.wait_until("the fault is gone", |service| reasons(service).is_empty());
    }
    change(&home, "{name: web,", "{name: shop,");
    service.wait_until("a sound one holds", |service| {
        manifests(service).1.contains("name: shop-dev")
    });
}

/// Other services read their configuration again then, and whoever is used to that is not to end this one.
#[test]
fn a_hangup_ends_nothing_where_there_is_no_terminal() {
    let home = home();
    let mut service = home.start();
    service.wait_until_ready();
    let pid = service.pid().to_string();
    let sent = Command::new("kill").args(["-HUP", &pid]).status();
    assert!(sent.is_ok_and(|status| status.success()));
    service.wait_until("the signal is heard", |service| {
        service.log().contains("goes on after SIGHUP")
    });
    service.is_running();
    assert_eq!(ping(&service, "acme", SECRET), 200);
    let (status, _, log) = service.terminate();
    assert!(status.success(), "{log}");
}

#[test]
fn a_secret_that_is_not_there_yet_is_waited_for() {
    let home = home();
    let mut service = home.start();
    service.wait_until_ready();
    change(
        &home,
        "secrets: [{file: secret}]",
        "secrets: [{file: later}]",
    );
    service.wait_until("the change is refused", |service| {
        !reasons(service).is_empty()
    });
    let told = reasons(&service).join("\n");
    assert!(
        told.contains("cannot use the secret file:later of webhook `acme`"),
        "{told}"
    );
    assert_eq!(ping(&service, "acme", SECRET), 200);
    // Whole at once: an empty one would be told too.
    home.write("coming", "it came");
    fs::rename(home.path().join("coming"), home.path().join("later")).unwrap();
    service.wait_until("the secret is used", |service| {
        ping(service, "acme", "it came") == 200
    });
    service.wait_until("nothing is refused", |service| reasons(service).is_empty());
    service.wait_until("that is logged", |service| {
        service.log().contains("the changed configuration holds")
    });
    let log = service.log();
    assert_eq!(
        log.matches("cannot use the secret file:later").count(),
        1,
        "{log}"
    );
}

#[test]
fn what_only_a_restart_takes_over_is_told_and_the_rest_holds() {
    let home = home();
    let mut service = home.start();
    service.wait_until_ready();
    let [port] = free_ports();
    change(
        &home,
        &format!("\"{}\"", home.hooks),
        &format!("\"127.0.0.1:{port}\""),
    );
    change(&home, "sqlite:inbox.db", "sqlite:other.db");
    change(
        &home,
        ACME,
        &format!("{ACME}\n      - {{name: beta, organization: beta, secrets: [{{file: secret}}]}}"),
    );
    service.wait_until("the rest holds", |service| {
        ping(service, "beta", SECRET) == 200
    });
    let waits = [
        "`server.hooks.listen` has changed, and stays as it was until a restart",
        "`server.store` has changed, and stays as it was until a restart",
    ];
    service.wait_until("what waits is named", |service| reasons(service) == waits);
    is_counted(&mut service, "flux_setup_configuration_needs_restart", 1.0);
    assert!(!home.path().join("other.db").exists());
}

#[test]
fn an_api_that_others_can_reach_is_not_opened_by_a_change() {
    let home = home();
    let mut service = home.start();
    service.wait_until_ready();
    change(
        &home,
        &format!("api: {{listen: \"{}\"}}", home.api),
        "api: {listen: \"0.0.0.0:9293\"}",
    );
    service.wait_until("the change is refused", |service| {
        !reasons(service).is_empty()
    });
    let told = reasons(&service).join("\n");
    assert!(told.contains("`server.api.tokens` is empty"), "{told}");
    service.is_running();
}

/// As Kubernetes lays a volume: files are links into a folder that a link names, and that link is moved.
#[test]
fn a_volume_of_kubernetes_is_followed_from_one_version_to_the_next() {
    let home = home();
    let mount = home.path().join("mount");
    let lay = |version: &str, fleet: &str, secret: &str| {
        let folder = mount.join(version).join("fleet");
        fs::create_dir_all(folder.join("environments")).unwrap();
        fs::write(folder.join("flux-setup.yaml"), fleet).unwrap();
        fs::write(
            folder.join("environments/dev.yaml"),
            "ref: {branch: main}\n",
        )
        .unwrap();
        fs::write(folder.join("secret"), secret).unwrap();
        let new = mount.join("..data_tmp");
        symlink(version, &new).unwrap();
        fs::rename(&new, mount.join("..data")).unwrap();
    };
    let fleet = fs::read_to_string(home.path().join("flux-setup.yaml")).unwrap();
    let store = home.path().join("volume.db").display().to_string();
    let fleet = fleet.replace("sqlite:inbox.db", &format!("sqlite:{store}"));
    lay("..1", &fleet, "one");
    symlink("..data/fleet", mount.join("fleet")).unwrap();
    let mut service = home.start_command(&mut home.command_over(&mount.join("fleet"), &[]));
    service.wait_until_ready();
    assert_eq!(ping(&service, "acme", "one"), 200);
    let beta =
        format!("{ACME}\n      - {{name: beta, organization: beta, secrets: [{{file: secret}}]}}");
    lay("..2", &fleet.replace(ACME, &beta), "two");
    fs::remove_dir_all(mount.join("..1")).unwrap();
    service.wait_until("the second version holds", |service| {
        ping(service, "beta", "two") == 200
    });
    assert_eq!(ping(&service, "acme", "two"), 200);
    lay("..3", &fleet, "three");
    service.wait_until("the third version holds", |service| {
        ping(service, "beta", "three") == 404
    });
    assert_eq!(reasons(&service), [""; 0]);
}
