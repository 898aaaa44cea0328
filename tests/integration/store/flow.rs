//! What a delivery goes through, from the door to its end.

use flux_setup::delivery::{
    DeliveryState, Event, NothingToDo, Proof, ProofState, PushedRef, Token, WorkState,
};
use flux_setup::store::{Accepted, Filter, Limits, NewWork, Store, StoreError, StoreUrl, Write};

use super::servers::on_both;
use super::{at, delivery, gone, guid, matched, new, object, opened, unlisted};

on_both! {
    what_is_accepted_is_kept_once_and_is_there_after_a_restart,
    a_delivery_is_done_with_the_last_of_its_work,
    a_delivery_that_no_listed_cluster_follows_woke_nothing,
    a_cluster_that_is_listed_brings_no_object_twice,
    a_delivery_that_failed_is_taken_again,
    a_delivery_fails_with_any_of_its_work_and_is_worked_anew,
    a_full_backlog_takes_nothing_new_and_knows_what_it_has,
    deliveries_are_found_by_repository_and_state_newest_first,
    the_heartbeat_is_the_last_one,
    a_text_with_nul_is_kept,
    what_was_noted_last_is_remembered,
    what_is_not_applied_yet_is_found_whatever_came_since_then,
    what_came_before_what_was_proven_is_of_no_matter_whatever_is_seen_of_it_then,
    what_tells_of_a_ref_is_found_among_all_that_a_repository_was_told,
}

async fn what_is_accepted_is_kept_once_and_is_there_after_a_restart(url: StoreUrl) {
    let store = opened(&url).await;
    let first = new(&store, 1).await;
    let second = new(&store, 2).await;
    assert!(first < second);
    let again = store.accept(&delivery(1)).await.unwrap();
    assert_eq!(again, Accepted::Seen(first, DeliveryState::Accepted));
    store.close().await.unwrap();

    let store = opened(&url).await;
    let waiting = store.unmatched(None, 10).await.unwrap();
    assert_eq!(
        waiting.iter().map(|stored| stored.id).collect::<Vec<_>>(),
        [first, second]
    );
    assert_eq!(waiting[0].delivery, delivery(1));
    assert_eq!(store.unmatched(Some(first), 10).await.unwrap().len(), 1);
    store.close().await.unwrap();
}

async fn what_was_noted_last_is_remembered(url: StoreUrl) {
    fn texts(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
        let pairs = pairs.iter();
        pairs.map(|(a, b)| ((*a).into(), (*b).into())).collect()
    }
    let store = opened(&url).await;
    assert_eq!(store.notes("head").await.unwrap(), []);
    let first = texts(&[("b", "1"), ("a", "2"), ("ü \u{1F600}", "{}")]);
    store.note("head", first).await.unwrap();
    store.note("cursor", texts(&[("a", "9")])).await.unwrap();
    store.note("head", texts(&[("b", "3")])).await.unwrap();
    let names = vec!["a".to_owned(), "never".to_owned()];
    store.forget("head", names).await.unwrap();
    store.note("head", Vec::new()).await.unwrap();
    store.close().await.unwrap();

    let store = opened(&url).await;
    let left = texts(&[("b", "3"), ("ü \u{1F600}", "{}")]);
    assert_eq!(store.notes("head").await.unwrap(), left);
    assert_eq!(store.notes("cursor").await.unwrap(), texts(&[("a", "9")]));
    let many: Vec<_> = (0..2_500)
        .map(|n| (format!("{n:04}"), n.to_string()))
        .collect();
    store.note("many", many.clone()).await.unwrap();
    assert_eq!(store.notes("many").await.unwrap(), many);
    store.close().await.unwrap();
}

async fn a_delivery_is_done_with_the_last_of_its_work(url: StoreUrl) {
    let store = opened(&url).await;
    let id = new(&store, 1).await;
    let work = vec![object("a"), unlisted("lab")];
    let work = store.write(vec![matched(id, work)]).await.unwrap();
    assert_eq!(work.len(), 2);
    assert_eq!(store.open_work("prod", None, 9).await.unwrap(), work[..1]);
    assert_eq!(store.open_work("lab", None, 9).await.unwrap(), work[1..]);

    let listed = Write::Listed {
        waited: work[1].id,
        work: vec![object("b"), object("c")],
    };
    let found = store.write(vec![listed.clone()]).await.unwrap();
    assert_eq!(found.len(), 2);
    assert_eq!(store.write(vec![listed]).await.unwrap(), []);
    let counts = store.counts().await.unwrap();
    assert_eq!(counts.open_work["prod"], 3);
    assert_eq!(counts.deliveries["working"], 1);

    let end = |id, second| Write::Work {
        id,
        state: gone(second),
    };
    let ends = vec![end(work[0].id, 3_000), end(found[0].id, 3_002)];
    assert_eq!(store.write(ends).await.unwrap(), []);
    let working = store.stored(id).await.unwrap().unwrap();
    assert_eq!(working.state.name(), "working");
    store.write(vec![end(found[1].id, 3_001)]).await.unwrap();
    store.write(vec![end(found[1].id, 9_999)]).await.unwrap();
    let shown = store.delivery(&guid(1)).await.unwrap();
    let done = DeliveryState::Done {
        at: at(3_001),
        items: 3,
    };
    assert_eq!(shown[0].0.state, done);
    assert_eq!(shown[0].1.len(), 3);
    assert_eq!(shown[0].1[2].state, gone(3_001));
    let counts = store.counts().await.unwrap();
    assert_eq!(counts.deliveries["done"], 1);
    assert!(counts.open_work.is_empty());
    store.close().await.unwrap();
}

async fn a_delivery_that_no_listed_cluster_follows_woke_nothing(url: StoreUrl) {
    let store = opened(&url).await;
    let id = new(&store, 1).await;
    let work = vec![unlisted("prod"), unlisted("lab")];
    let work = store.write(vec![matched(id, work)]).await.unwrap();
    for (work, state) in work.iter().zip(["working", "nothing"]) {
        let waited = work.id;
        let listed = Write::Listed {
            waited,
            work: Vec::new(),
        };
        store.write(vec![listed]).await.unwrap();
        let stored = store.stored(id).await.unwrap().unwrap();
        assert_eq!(stored.state.name(), state);
    }
    let stored = store.stored(id).await.unwrap().unwrap();
    let DeliveryState::Nothing { reason, .. } = stored.state else {
        panic!("{stored:?}");
    };
    assert_eq!(reason, NothingToDo::NoObject);
    store.close().await.unwrap();
}

async fn a_cluster_that_is_listed_brings_no_object_twice(url: StoreUrl) {
    let store = opened(&url).await;
    let id = new(&store, 1).await;
    let asleep = |name| NewWork {
        state: WorkState::Suspended { at: at(2_000) },
        ..object(name)
    };
    let elsewhere = NewWork {
        cluster: "lab".into(),
        ..object("c")
    };
    let work = vec![
        object("a"),
        asleep("b"),
        asleep("d"),
        elsewhere,
        unlisted("prod"),
    ];
    let work = store.write(vec![matched(id, work)]).await.unwrap();
    let listed = Write::Listed {
        waited: work[4].id,
        work: vec![object("a"), object("b"), object("c"), asleep("d")],
    };
    let found = store.write(vec![listed]).await.unwrap();
    let names = found
        .iter()
        .map(|work| &*work.object.as_ref().unwrap().name);
    assert_eq!(names.collect::<Vec<_>>(), ["b", "c"]);
    let stored = store.stored(id).await.unwrap().unwrap();
    let DeliveryState::Working { items, .. } = stored.state else {
        panic!("{stored:?}");
    };
    assert_eq!(items, 6);
    store.close().await.unwrap();
}

async fn a_delivery_that_failed_is_taken_again(url: StoreUrl) {
    let store = opened(&url).await;
    let id = new(&store, 1).await;
    let failed = DeliveryState::Failed {
        at: at(2_000),
        reason: "why".into(),
    };
    let write = Write::Matched {
        delivery: id,
        state: failed,
        work: Vec::new(),
    };
    store.write(vec![write]).await.unwrap();
    let mut later = delivery(1);
    later.received_at = at(9_000);
    let again = store.accept(&later).await.unwrap();
    assert_eq!(again, Accepted::Again(id));
    let stored = store.stored(id).await.unwrap().unwrap();
    assert_eq!(stored.state, DeliveryState::Accepted);
    assert_eq!(stored.delivery, later);
    store.close().await.unwrap();
}

async fn a_delivery_fails_with_any_of_its_work_and_is_worked_anew(url: StoreUrl) {
    let store = opened(&url).await;
    let id = new(&store, 1).await;
    let work = vec![object("a"), object("b"), object("c")];
    let work = store.write(vec![matched(id, work)]).await.unwrap();
    let failed = WorkState::Failed {
        at: at(3_000),
        reason: "the API server is away".into(),
        failures: 7,
    };
    let states = [failed, gone(3_001), gone(3_002)];
    for (work, state) in work.iter().zip(states) {
        let working = store.stored(id).await.unwrap().unwrap();
        assert_eq!(working.state.name(), "working");
        let id = work.id;
        store.write(vec![Write::Work { id, state }]).await.unwrap();
    }
    let ended = DeliveryState::Failed {
        at: at(3_002),
        reason: "1 of 3 objects could not be woken".into(),
    };
    assert_eq!(store.stored(id).await.unwrap().unwrap().state, ended);
    let counts = store.counts().await.unwrap();
    assert_eq!(
        (counts.deliveries["failed"], counts.open_work.len()),
        (1, 0)
    );

    let again = store.accept(&delivery(1)).await.unwrap();
    assert_eq!(again, Accepted::Again(id));
    let made = store
        .write(vec![matched(id, vec![object("a")])])
        .await
        .unwrap();
    let [(stored, work)] = &store.delivery(&guid(1)).await.unwrap()[..] else {
        panic!("it is kept once");
    };
    assert_eq!(stored.state, DeliveryState::matched(1, at(2_000)));
    assert_eq!(*work, made, "its story is that of the last time");
    store.close().await.unwrap();
}

async fn a_full_backlog_takes_nothing_new_and_knows_what_it_has(url: StoreUrl) {
    let limits = Limits {
        backlog: 2,
        ..Limits::default()
    };
    let store = Store::open(&url, limits).await.unwrap();
    let first = new(&store, 1).await;
    new(&store, 2).await;
    let refused = store.accept(&delivery(3)).await.unwrap_err();
    assert!(matches!(refused, StoreError::Backlog { limit: 2 }));
    assert_eq!(
        refused.to_string(),
        "the store holds 2 deliveries that are not finished, and takes no more until some are"
    );
    let seen = store.accept(&delivery(1)).await.unwrap();
    assert_eq!(seen, Accepted::Seen(first, DeliveryState::Accepted));
    store.write(vec![matched(first, vec![])]).await.unwrap();
    new(&store, 3).await;
    store.close().await.unwrap();
}

async fn deliveries_are_found_by_repository_and_state_newest_first(url: StoreUrl) {
    let store = opened(&url).await;
    let first = new(&store, 1).await;
    let second = new(&store, 2).await;
    let mut other = delivery(3);
    other.repository = None;
    store.accept(&other).await.unwrap();
    store.write(vec![matched(first, vec![])]).await.unwrap();
    let found = async |repository: Option<&str>, state: Option<&str>| {
        let filter = Filter {
            repository: repository.map(str::to_owned),
            state: state.map(str::to_owned),
            before: None,
            limit: 10,
        };
        let found = store.deliveries(&filter).await.unwrap();
        found.iter().map(|stored| stored.id.0).collect::<Vec<_>>()
    };
    assert_eq!(found(None, None).await, [3, 2, 1]);
    assert_eq!(found(Some("acme/WEB"), None).await, [2, 1]);
    assert_eq!(found(None, Some("accepted")).await, [3, 2]);
    assert_eq!(found(Some("acme/web"), Some("nothing")).await, [1]);
    let filter = Filter {
        before: Some(second),
        limit: 10,
        ..Filter::default()
    };
    assert_eq!(store.deliveries(&filter).await.unwrap().len(), 1);
    store.close().await.unwrap();
}

async fn the_heartbeat_is_the_last_one(url: StoreUrl) {
    let store = opened(&url).await;
    assert_eq!(store.last_beat().await.unwrap(), None);
    for second in [10, 20, 15] {
        store.beat(at(second)).await.unwrap();
        assert_eq!(store.last_beat().await.unwrap(), Some(at(second)));
    }
    store.check().await.unwrap();
    store.close().await.unwrap();
}

/// PostgreSQL takes none.
async fn a_text_with_nul_is_kept(url: StoreUrl) {
    let store = opened(&url).await;
    let mut strange = delivery(1);
    let name = "acme/w\0eb";
    strange.key.webhook.0 = "ac\0me".into();
    strange.organization = Some("\0".into());
    strange.repository.as_mut().unwrap().full_name = name.into();
    let Accepted::New(id) = store.accept(&strange).await.unwrap() else {
        panic!("it is new");
    };
    let work = vec![unlisted("pr\0od")];
    store.write(vec![matched(id, work)]).await.unwrap();
    let filter = Filter {
        repository: Some(name.into()),
        limit: 9,
        ..Filter::default()
    };
    assert_eq!(
        store.deliveries(&filter).await.unwrap()[0].delivery,
        strange
    );
    let open = store.open_work("pr\0od", None, 9).await.unwrap();
    assert_eq!(&*open[0].cluster, "pr\u{fffd}od");
    store.close().await.unwrap();
}

async fn what_is_not_applied_yet_is_found_whatever_came_since_then(url: StoreUrl) {
    let store = opened(&url).await;
    let pushed = async |number: u32, name: &str| {
        let id = new(&store, number).await;
        let work = store.write(vec![matched(id, vec![object(name)])]).await;
        let id = work.unwrap()[0].id;
        let token = Token("t".into());
        let state = WorkState::Annotated {
            token,
            at: at(3_000),
            version: Some(7),
        };
        store.write(vec![Write::Work { id, state }]).await.unwrap();
        id
    };
    let seen = async |id, state| {
        let mut proof = Box::new(Proof::begin(at(3_000)));
        proof.state = state;
        let proof = Write::Proof { id, proof };
        store.write(vec![proof]).await.unwrap();
    };
    let proven = || ProofState::Proven { at: at(4_000) };
    let unapplied = async |limit| {
        let found = store.unapplied(limit).await.unwrap().into_iter();
        let names = found.flat_map(|(stored, work)| {
            let number = stored.delivery.received_at.as_second() - 1_000;
            let name = |work: flux_setup::store::StoredWork| (number, work.object.unwrap().name);
            work.into_iter().map(name).collect::<Vec<_>>()
        });
        let names = names.map(|(number, name)| format!("{number} {name}"));
        names.collect::<Vec<_>>()
    };
    let first = pushed(1, "web").await;
    let reason = "no answer".to_owned();
    seen(
        first,
        ProofState::Unproven {
            at: at(4_000),
            reason,
        },
    )
    .await;
    for number in 2..20 {
        let other = pushed(number, &format!("app-{number}")).await;
        seen(other, proven()).await;
    }
    let open = new(&store, 20).await;
    let left = NewWork {
        state: WorkState::OptedOut { at: at(3_000) },
        ..object("left")
    };
    let work = vec![object("api"), left, unlisted("lab")];
    let work = store.write(vec![matched(open, work)]).await.unwrap();
    assert_eq!(unapplied(9).await, ["20 api", "1 web"]);
    assert_eq!(unapplied(1).await, ["20 api"]);
    store.close().await.unwrap();

    let store = opened(&url).await;
    let ended = Write::Work {
        id: work[0].id,
        state: gone(5_000),
    };
    store.write(vec![ended]).await.unwrap();
    let again = new(&store, 21).await;
    let work = store.write(vec![matched(again, vec![object("web")])]).await;
    let id = work.unwrap()[0].id;
    let state = WorkState::Annotated {
        token: Token("u".into()),
        at: at(6_000),
        version: Some(7),
    };
    store.write(vec![Write::Work { id, state }]).await.unwrap();
    let found = async || store.unapplied(9).await.unwrap();
    assert_eq!(found().await.len(), 2);
    let mut proof = Box::new(Proof::begin(at(6_000)));
    proof.state = proven();
    let proof = Write::Proof { id, proof };
    store.write(vec![proof]).await.unwrap();
    // What came before it is of no matter any more.
    assert_eq!(found().await, []);
    store.close().await.unwrap();
}

async fn what_came_before_what_was_proven_is_of_no_matter_whatever_is_seen_of_it_then(
    url: StoreUrl,
) {
    let store = opened(&url).await;
    let mut pushed = Vec::new();
    for number in 1..3 {
        let id = new(&store, number).await;
        let work = store.write(vec![matched(id, vec![object("web")])]).await;
        let id = work.unwrap()[0].id;
        let state = WorkState::Annotated {
            token: Token("t".into()),
            at: at(3_000),
            version: None,
        };
        store.write(vec![Write::Work { id, state }]).await.unwrap();
        pushed.push(id);
    }
    let seen = async |id, state| {
        let mut proof = Box::new(Proof::begin(at(3_000)));
        proof.state = state;
        store.write(vec![Write::Proof { id, proof }]).await.unwrap();
        store.unapplied(9).await.unwrap().len()
    };
    let waits = || ProofState::Following { waits: "w".into() };
    let reason = "no answer".to_owned();
    let unproven = ProofState::Unproven {
        at: at(5_000),
        reason,
    };
    assert_eq!(seen(pushed[0], waits()).await, 2);
    assert_eq!(
        seen(pushed[1], ProofState::Proven { at: at(4_000) }).await,
        0
    );
    assert_eq!(seen(pushed[0], waits()).await, 0);
    assert_eq!(seen(pushed[0], unproven).await, 0);
    store.close().await.unwrap();
}

async fn what_tells_of_a_ref_is_found_among_all_that_a_repository_was_told(url: StoreUrl) {
    let store = opened(&url).await;
    let main = PushedRef::branch("main").unwrap();
    let quoted = PushedRef::branch("a\"b%_'c").unwrap();
    for (number, reference) in [&main, &quoted].into_iter().cycle().take(60).enumerate() {
        let reference = reference.clone();
        let mut delivery = delivery(u32::try_from(number).unwrap());
        delivery.event = Event::Create { reference };
        store.accept(&delivery).await.unwrap();
    }
    let mut elsewhere = delivery(90);
    elsewhere.repository.as_mut().unwrap().full_name = "acme/site".into();
    elsewhere.event = Event::Create {
        reference: main.clone(),
    };
    store.accept(&elsewhere).await.unwrap();
    store.accept(&delivery(91)).await.unwrap();
    let found = async |reference: &PushedRef, limit| {
        let found = store.deliveries_of_ref("ACME/web", reference, limit).await;
        let ids = found.unwrap().into_iter().map(|stored| stored.id.0);
        ids.collect::<Vec<_>>()
    };
    let odd = || (0..30).rev().map(|number| 2 * number + 1);
    assert_eq!(found(&main, 99).await, odd().collect::<Vec<_>>());
    assert_eq!(found(&main, 2).await, [59, 57]);
    let even = odd().map(|number| number + 1);
    assert_eq!(found(&quoted, 99).await, even.collect::<Vec<_>>());
    let mai = PushedRef::branch("mai").unwrap();
    assert_eq!(found(&mai, 9).await, [0; 0]);
    store.close().await.unwrap();
}
