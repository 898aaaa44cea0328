//! Several replicas on one PostgreSQL: what was accepted is annotated once, whichever of them dies, hangs or is cut off.

mod apart;
mod claims;
mod controllers;
pub mod fleet;
mod handover;
pub mod proxy;
mod relay;
mod sampler;

use std::thread;
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::api_server::{ApiServer, shared};
use crate::machine::Stopwatch;
use crate::player::{Player, revision};
use crate::serve::story;
use controllers::Controllers;
use fleet::{Fleet, LEASES};
use sampler::LATE;

/// From the death of a replica until others do its work.
const TAKEOVER: Duration = Duration::from_secs(15);
const PAUSE: Duration = Duration::from_millis(80);
/// Pushes for each fault.
const PUSHES: u64 = 120;

#[test]
#[ignore = "needs a Kubernetes API server and a PostgreSQL server"]
fn what_killed_replicas_did_another_does_within_15_seconds() {
    let mut fleet = Fleet::start(shared(), "killed-replica", 3, PUSHES);
    let sending = fleet.send(0..PUSHES, PAUSE);
    thread::sleep(Duration::from_secs(2));
    let busy = fleet.busy();
    busy.iter().for_each(|place| fleet.kill(*place));
    let killed = Stopwatch::start();
    let took = fleet.wait_until("another has it", |fleet| fleet.is_all_held());
    killed.assert_within(TAKEOVER, "to take over from who was killed");
    println!("killed {busy:?}, which held all: taken over after {took:.1?}");
    sending.end();
    let all = |fleet: &mut Fleet| (0..PUSHES).all(|number| fleet.is_annotated(number));
    let done = fleet.wait_until("all are annotated", all);
    println!("all is done {done:.1?} after the last push");
    for place in busy {
        fleet.replicas[place].start();
    }
    fleet.wait_until("each does its share", |fleet| fleet.is_all_held());
    println!("{}", fleet.is_done(0..PUSHES));
}

#[test]
#[ignore = "needs a Kubernetes API server and a PostgreSQL server"]
fn replicas_that_stand_still_for_longer_than_their_leases_do_nothing_when_they_wake_up() {
    let mut fleet = Fleet::start(shared(), "stopped-replica", 3, PUSHES);
    let sending = fleet.send(0..PUSHES, PAUSE);
    thread::sleep(Duration::from_millis(1_500));
    let busy = fleet.busy();
    busy.iter().for_each(|place| fleet.signal(*place, "-STOP"));
    let stopped = Stopwatch::start();
    let took = fleet.wait_until("another has it", |fleet| fleet.is_all_held_beside(&busy));
    stopped.assert_within(TAKEOVER, "to take over from who was stopped");
    println!("stopped {busy:?}, which held all: taken over after {took:.1?}");
    // So much later that what they do then is told from what they did before.
    thread::sleep(2 * LATE);
    busy.iter().for_each(|place| fleet.signal(*place, "-CONT"));
    sending.end();
    println!("{}", fleet.is_done(0..PUSHES));
}

#[test]
#[ignore = "needs a Kubernetes API server and a PostgreSQL server"]
fn what_a_stopped_replica_had_sent_and_arrives_late_wakes_once_more_and_spoils_no_proof() {
    if std::env::var_os("FLUX_SETUP_LONG_TESTS").is_none() {
        eprintln!("not run: it wants a machine for itself, and FLUX_SETUP_LONG_TESTS=1");
        return;
    }
    let mut fleet = Fleet::start(shared(), "late-patch", 2, 1);
    let player = Player::new(shared(), "late-patch");
    player.kustomization("app-0", "app-0");
    player.fetch("app-0", &revision("main", 1));
    let holder = fleet.holder("cluster/prod").expect("somebody does");
    let other = 1 - holder;
    fleet.replicas[holder].service().wait_until_ready();
    fleet.replicas[holder].api.hold_back(true);
    fleet.push(other, 0, 2, 1);
    fleet.wait_until("its token is chosen and sent", |fleet| {
        let told = story(fleet.replicas[other].service(), 1);
        told["work"][0]["state"] == "annotating" && fleet.replicas[holder].api.held() > 0
    });
    // All of it.
    thread::sleep(Duration::from_secs(1));
    fleet.signal(holder, "-STOP");
    fleet.wait_until("the other has sent that token", |fleet| {
        fleet.is_annotated(0)
    });
    let first = fleet.tokens.of("app-0");
    fleet.push(other, 0, 3, 2);
    fleet.wait_until("and one for what came after", |fleet| {
        fleet.tokens.of("app-0").len() == 2
    });
    fleet.replicas[holder].api.hold_back(false);
    fleet.wait_until("the old one is there again", |fleet| {
        fleet.tokens.of("app-0").len() == 3
    });
    fleet.signal(holder, "-CONT");
    // What the controllers do then: they answer what they find.
    player.fetch("app-0", &revision("main", 3));
    player.apply("app-0", &revision("main", 3));
    fleet.wait_until("the last push is proven", |fleet| {
        let told = story(fleet.replicas[other].service(), 2);
        told["work"][0]["proof"]["state"] == "proven"
    });
    thread::sleep(Duration::from_secs(3));
    let tokens = fleet.tokens.of("app-0");
    assert_eq!((&tokens[..1], &tokens[2..]), (&first[..], &first[..]));
}

#[test]
#[ignore = "needs a Kubernetes API server and a PostgreSQL server"]
fn while_postgres_restarts_hooks_are_refused_and_all_goes_on_after_it() {
    let mut fleet = Fleet::start(shared(), "restarted-store", 2, PUSHES);
    let sending = fleet.send(0..PUSHES, 2 * PAUSE);
    for away in [Duration::ZERO, Duration::from_secs(12)] {
        thread::sleep(Duration::from_secs(2));
        fleet.postgres.stop();
        thread::sleep(away);
        fleet.postgres.start_again();
        let took = fleet.wait_until("each lease is held", |fleet| fleet.is_all_held());
        println!("PostgreSQL was away for {away:?}; the leases are held {took:.1?} after it");
    }
    sending.end();
    println!("{}", fleet.is_done(0..PUSHES));
}

#[test]
#[ignore = "needs a Kubernetes API server and a PostgreSQL server"]
fn when_a_standby_takes_over_for_postgres_nothing_is_lost() {
    let mut fleet = Fleet::start(shared(), "failed-over", 2, PUSHES);
    let standby = fleet.postgres.follow();
    let sending = fleet.send(0..PUSHES, PAUSE);
    thread::sleep(Duration::from_secs(3));
    fleet.postgres.stop();
    // Whoever asks it now is told what may be old, and can write nothing.
    fleet.lead_to(&standby);
    fleet.wait_until("each says that it takes nothing", |fleet| {
        fleet.replicas.iter_mut().all(|replica| {
            let ready = replica.service().get("/health/ready");
            matches!(ready, Some((503, _)))
        })
    });
    fleet.postgres.promote();
    let took = fleet.wait_until("each lease is held", |fleet| fleet.is_all_held());
    println!("the leases are held {took:.1?} after the standby was promoted");
    sending.end();
    println!("{}", fleet.is_done(0..PUSHES));
}

#[test]
#[ignore = "needs a Kubernetes API server and a PostgreSQL server"]
fn replicas_that_cannot_reach_the_store_let_go_and_come_back_by_themselves() {
    let mut fleet = Fleet::start(shared(), "cut-replica", 3, PUSHES);
    let sending = fleet.send(0..PUSHES, PAUSE);
    thread::sleep(Duration::from_secs(2));
    let busy = fleet.busy();
    busy.iter()
        .for_each(|place| fleet.replicas[*place].proxy.cut());
    let cut = Stopwatch::start();
    let took = fleet.wait_until("another has it", |fleet| fleet.is_all_held_beside(&busy));
    cut.assert_within(TAKEOVER, "to take over from who is cut off");
    println!("cut off {busy:?}, which held all: taken over after {took:.1?}");
    for place in &busy {
        let service = fleet.replicas[*place].service();
        assert!(
            LEASES
                .iter()
                .all(|lease| sampler::holds(service, lease) == Some(false))
        );
        service.wait_until("it says that it takes nothing", |service| {
            matches!(service.get("/health/ready"), Some((503, _)))
        });
        fleet.replicas[*place].proxy.mend();
    }
    let back = fleet.wait_until("they are back", |fleet| {
        busy.iter().all(|place| {
            let ready = fleet.replicas[*place].service().get("/health/ready");
            matches!(ready, Some((200, _)))
        })
    });
    let shared = fleet.wait_until("they do their share again", |fleet| {
        let held = LEASES.map(|lease| fleet.holder(lease));
        held.iter().flatten().any(|place| busy.contains(place))
    });
    println!(
        "they take deliveries {back:.1?} after the network is mended, and work {shared:.1?} after that"
    );
    sending.end();
    println!("{}", fleet.is_done(0..PUSHES));
}

#[test]
#[ignore = "needs a Kubernetes API server and a PostgreSQL server"]
fn of_500_pushes_during_a_rolling_upgrade_and_a_drain_500_are_applied() {
    let mut fleet = Fleet::start(shared(), "rolling", 3, 500);
    let _controllers = Controllers::start(shared(), "rolling", 500);
    let pause = Duration::from_millis(100);
    let mut sendings: Vec<_> = (0..480)
        .step_by(120)
        .map(|from| fleet.send(from..from + 120, pause))
        .collect();
    for place in 0..3 {
        thread::sleep(Duration::from_secs(1));
        let held = |fleet: &Fleet| {
            let held = LEASES.into_iter();
            let held = held.filter(|lease| fleet.holder(lease) == Some(place));
            held.collect::<Vec<_>>()
        };
        let had = held(&fleet);
        let started = Stopwatch::start();
        let ended = fleet.terminate(place);
        fleet.wait_until("others have what it had", |fleet| {
            had.iter().all(|lease| fleet.holder(lease).is_some())
        });
        println!(
            "ended a replica that had {had:?} in {ended:.1?}; others had it {:.1?} after SIGTERM",
            started.elapsed()
        );
        started.assert_within(TAKEOVER, "to take over from who was told to end");
        fleet.replicas[place].start();
        fleet.replicas[place].service().wait_until_ready();
    }
    // A node is drained: what ran there comes up elsewhere some time later.
    fleet.terminate(0);
    // However slow the machine is, some come meanwhile.
    sendings.push(fleet.send(480..500, pause));
    thread::sleep(Duration::from_secs(2));
    fleet.replicas[0].start();
    sendings.into_iter().for_each(fleet::Sending::end);
    println!("{}", fleet.is_done(0..500));
    fleet.wait_until("all are proven to be applied", |fleet| {
        (0..500).all(|number| {
            let told = story(fleet.replicas[0].service(), number);
            told["work"][0]["proof"]["state"] == "proven"
        })
    });
}

#[test]
#[ignore = "needs a Kubernetes API server and a PostgreSQL server"]
fn what_was_pushed_in_vain_is_unapplied_for_who_takes_over_since_the_first_of_it() {
    let mut fleet = Fleet::start(shared(), "in-vain-replica", 2, 1);
    let player = Player::new(shared(), "in-vain-replica");
    player.kustomization("app-0", "app-0");
    let state = |fleet: &mut Fleet, number| {
        let story = story(fleet.replicas[0].service(), number);
        story["work"][0]["proof"]["state"].clone()
    };
    let since = Instant::now();
    let mut token = None;
    for number in [1, 2] {
        fleet.push(0, 0, number + 1, number);
        token = Some(player.wait_for_token("GitRepository", "app-0", token.as_deref()));
        // Until then it is not followed yet.
        thread::sleep(Duration::from_secs(1));
        let revision = revision("main", number + 1);
        player.fetch("app-0", &revision);
        player.fail("app-0", &revision, "BuildFailed", "it cannot be built");
        fleet.wait_until("it fails", |fleet| state(fleet, number) == "failing");
        thread::sleep(Duration::from_secs(6));
    }
    fleet.wait_until("the first one is over", |fleet| {
        state(fleet, 1) == "overtaken"
    });
    let holder = fleet.holder("cluster/prod").expect("one holds it");
    let first = fleet.replicas[holder].unapplied();
    assert!(first.is_some_and(|age| age > 10.0), "{first:?}");
    fleet.kill(holder);
    fleet.wait_until("another has it", |fleet| fleet.is_all_held());
    let heir = 1 - holder;
    fleet.wait_until("it knows", |fleet| {
        let least = since.elapsed().as_secs_f64() - 3.0;
        fleet.replicas[heir]
            .unapplied()
            .is_some_and(|age| age > least)
    });
}

#[test]
#[ignore = "needs a Kubernetes API server and a PostgreSQL server"]
fn every_replica_takes_hooks_is_ready_and_answers_the_same() {
    // Its objects are counted, so nobody else makes any.
    let server = ApiServer::start();
    let mut fleet = Fleet::start(&server, "api-of-replicas", 3, 3);
    let idle = |fleet: &Fleet| {
        (0..3).find(|place| {
            fleet.holder("fleet") != Some(*place) && fleet.holder("cluster/prod") != Some(*place)
        })
    };
    fleet.wait_until("one has nothing to do", |fleet| idle(fleet).is_some());
    let idle = idle(&fleet).expect("it has just been so");
    fleet.replicas[idle].service().wait_until_ready();
    fleet.send(0..3, PAUSE).end();
    println!("{}", fleet.is_done(0..3));
    fleet.wait_until("the cluster is listed, and somebody's", |fleet| {
        let told = fleet.replicas[idle].service().get("/api/v1/clusters");
        told.is_some_and(|(_, told)| {
            let cluster = &told["clusters"][0];
            cluster["progress"] == "listed" && cluster["heldBy"].is_string()
        })
    });
    let candidates = format!("/api/v1/deliveries/{}/candidates", crate::hookshot::guid(1));
    for path in [
        "/api/v1/clusters",
        "/api/v1/deliveries",
        "/api/v1/heads",
        &candidates,
    ] {
        // What one has just learnt another is told a moment later.
        fleet.wait_until(&format!("all say the same of {path}"), |fleet| {
            let replicas = fleet.replicas.iter_mut();
            let told = replicas.map(|replica| replica.service().get(path).expect("it answers"));
            let told: Vec<(u16, Value)> = told.collect();
            told.iter().all(|one| one.0 == 200 && *one == told[0])
        });
    }
    let (_, clusters) = fleet.replicas[idle]
        .service()
        .get("/api/v1/clusters")
        .expect("it answers");
    let holder = clusters["clusters"][0]["heldBy"].as_str();
    assert!(
        holder.is_some_and(|holder| holder.contains('/')),
        "{clusters}"
    );
}
