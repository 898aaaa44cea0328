//! Ten thousand repositories of five organisations: each is asked for as its own identity, out of its own budget.

use std::collections::{BTreeSet, HashMap};
use std::fs;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use flux_setup::catalog::HostNames;
use flux_setup::config::SecretRef;
use flux_setup::github::{Github, GithubSettings, IdentitySettings};
use flux_setup::reconcile::{
    Detector, DetectorBoard, HeadsOf, IdentityReport, Matcher, Policies, Rules,
};
use jiff::SignedDuration;
use serde_json::json;
use tokio_util::sync::CancellationToken;

use crate::annotating::scene::{Scene, taken};
use crate::github::FakeGithub;
use crate::github::organisations::{IDENTITIES, ORGANISATIONS, found, user};

use super::scene::{commit, list, resident_bytes};

const EACH: u32 = 2_000;
/// The queries of a round of each identity.
const ROUNDS: [u64; 3] = [40, 20, 40];
const EVERY: Duration = Duration::from_secs(5);
const PATIENCE: Duration = Duration::from_secs(600);

struct Fleet {
    scene: Scene,
    github: FakeGithub,
    board: DetectorBoard,
}

impl Fleet {
    async fn new() -> Self {
        let scene = Scene::new(|_| taken()).await;
        let github = FakeGithub::start().await;
        // Else the pace is stretched, and the test takes minutes.
        github.default_limit("graphql", 1_000_000);
        for identity in IDENTITIES {
            let token = github.personal_token(identity, &["repo"]);
            fs::write(scene.folder.path().join(identity), token).expect("a file");
        }
        found(&github, EACH);
        let fleet = Self {
            scene,
            github,
            board: DetectorBoard::default(),
        };
        fleet.list();
        fleet
    }

    /// The cluster has an object for each repository, and no others.
    fn list(&self) {
        let names = ORGANISATIONS
            .iter()
            .flat_map(|(organisation, _)| (0..EACH).map(move |number| (organisation, number)));
        let objects = names.map(|(organisation, number)| {
            let name = format!("{organisation}-{number}");
            json!({
                "metadata": {"name": name, "namespace": "apps", "uid": name, "resourceVersion": "1"},
                "spec": {"url": format!("https://github.com/{organisation}/r{number}"), "ref": {"branch": "main"}},
                "status": {"artifact": {"revision": format!("main@sha1:{}", commit(1))}},
            })
        });
        list(&self.scene.live, objects);
    }

    fn detector(&self) -> Detector {
        let mut settings = GithubSettings::new("github.com", self.scene.folder.path());
        settings.api_url = Some(self.github.api_url());
        settings.main = Some("three".into());
        settings.identities = IDENTITIES
            .map(|identity| {
                let token = SecretRef::File(identity.into());
                let mut settings = IdentitySettings::token(identity, token);
                let owners = ORGANISATIONS.iter();
                let owners = owners.filter(|(_, its)| *its == identity && identity != "three");
                settings.owners = owners.map(|(owner, _)| (*owner).to_owned()).collect();
                settings
            })
            .to_vec();
        let rules = Rules {
            scopes: HashMap::new(),
            hosts: Arc::new(HostNames::of([])),
            policies: Policies::default(),
            planned: Vec::new(),
        };
        Detector {
            store: self.scene.store.clone(),
            matcher: Arc::new(Matcher::new(rules, vec![Arc::clone(&self.scene.live)])),
            arrived: Arc::clone(&self.scene.arrived),
            hosts: vec![HeadsOf {
                github: Github::open(settings).expect("it opens"),
                every: EVERY,
                sweep: Duration::from_secs(900),
                owners: Vec::new(),
            }],
            kinds: HashMap::new(),
            is_told: Arc::new(|_| false),
            board: self.board.clone(),
        }
    }

    fn report(&self, identity: &str) -> Option<IdentityReport> {
        let report = self.board.report();
        let mut identities = report.identities.into_iter();
        identities.find(|it| it.identity == identity)
    }

    /// How many points GitHub has charged to an identity.
    fn points(&self, identity: &str) -> u64 {
        self.github
            .books()
            .count(|key| key.who == user(identity))
            .points
    }

    fn calls(&self, identity: &str) -> u64 {
        self.github
            .books()
            .count(|key| key.who == user(identity))
            .calls
    }

    fn push(&self, organisation: &str, number: usize, to: u32) {
        let name = match number {
            2 => "renamed".to_owned(),
            number => format!("r{number}"),
        };
        let repository = format!("{organisation}/{name}");
        self.github
            .push(&repository, "refs/heads/main", &commit(to));
    }

    fn woken(&self, organisation: &str, number: usize) -> usize {
        self.scene.asked(&format!("{organisation}-{number}")).len()
    }

    async fn until(&self, what: &str, is_so: impl AsyncFn() -> bool) -> Duration {
        let begun = Instant::now();
        while !is_so().await {
            assert!(
                begun.elapsed() < PATIENCE,
                "{what}: {:?}",
                self.board.report()
            );
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        begun.elapsed()
    }

    /// Waits until the objects of a number were woken; of none it takes longer than the rest of a round and a whole one.
    async fn until_woken(&self, organisations: &[&str], number: usize) -> Duration {
        let points = || IDENTITIES.map(|identity| self.points(identity));
        let before = points();
        let open = Mutex::new(organisations.to_vec());
        let all = async || {
            let mut open = open.lock().expect("no test panicked");
            open.retain(|organisation| {
                let is_woken = self.woken(organisation, number) > 0;
                if is_woken {
                    self.is_within_two_rounds(organisation, before, points());
                }
                !is_woken
            });
            open.is_empty()
        };
        self.until("all are woken", all).await
    }

    /// A round of an identity has a query for each hundred repositories; what comes while an object is woken is
    /// counted too.
    fn is_within_two_rounds(&self, organisation: &str, before: [u64; 3], now: [u64; 3]) {
        for (place, (identity, a_round)) in IDENTITIES.into_iter().zip(ROUNDS).enumerate() {
            if ORGANISATIONS.contains(&(organisation, identity)) {
                let points = now[place] - before[place];
                let most = 2 * a_round + a_round / 2;
                assert!(points <= most, "{organisation}: {points} points");
            }
        }
    }

    /// What cannot be asked for is told to whom it belongs, of each organisation, and nothing else.
    fn faults_are_told_to_their_own(&self) {
        for identity in IDENTITIES {
            let report = self.report(identity).expect("it works");
            let told = report.faults.iter();
            let told: BTreeSet<_> = told.map(|it| (it.repository.clone(), it.kind)).collect();
            let own = ORGANISATIONS.iter().filter(|(_, its)| *its == identity);
            let expected = own.flat_map(|(organisation, _)| {
                [(0, "notSeen"), (1, "blocked"), (2, "renamed")]
                    .map(|(number, kind)| (format!("{organisation}/r{number}"), kind))
            });
            assert_eq!(told, expected.collect(), "{identity}");
            assert_eq!(report.trouble, None, "{identity}");
        }
    }
}

const ALL: [&str; 5] = ["north", "east", "south", "west", "middle"];
const OTHERS: [&str; 4] = ["north", "east", "west", "middle"];

#[tokio::test(flavor = "multi_thread")]
#[ignore = "takes a minute, and prints figures"]
async fn ten_thousand_repositories_of_five_organisations_are_asked_for_as_three_identities() {
    let mut fleet = Fleet::new().await;
    let before = resident_bytes();
    fleet.scene.start();
    let stop = CancellationToken::new();
    let begun = Instant::now();
    let running = tokio::spawn(fleet.detector().run(stop.clone()));
    // All but two of each organisation.
    let noted = async || {
        let notes = fleet.scene.store.notes("head").await;
        notes.expect("the store answers").len() == 5 * (EACH as usize - 2)
    };
    fleet.until("all heads are noted", noted).await;
    let first = begun.elapsed();
    let calls = IDENTITIES.map(|identity| fleet.calls(identity));
    println!("10,000 repositories: known after {first:?}; {calls:?} calls of {IDENTITIES:?}");
    // A hundred repositories are one call; a lost one is asked for again by itself once.
    for (identity, needed) in IDENTITIES.into_iter().zip(ROUNDS) {
        assert!(fleet.points(identity) >= needed, "{identity}");
        let report = fleet.report(identity).expect("it works");
        assert_eq!(report.repositories as u64, needed * 100, "{identity}");
    }
    fleet.faults_are_told_to_their_own();
    assert_eq!(
        fleet.scene.asked("north-7").len(),
        0,
        "seen first, it is no news"
    );

    for organisation in ALL {
        fleet.push(organisation, 7, 2);
        fleet.push(organisation, 2, 2);
    }
    let seen = fleet
        .until_woken(&ALL, 7)
        .await
        .max(fleet.until_woken(&ALL, 2).await);
    println!("a head of each organisation was found after {seen:?}");

    // Others use up what one identity has; after a while it is given back.
    let two = user("two");
    // Longer where the machine is slow, so that the others are found meanwhile.
    let hold = Duration::from_secs(75).max(5 * first);
    let reset = fleet.github.now() + SignedDuration::try_from(hold).expect("minutes");
    fleet.github.move_reset(&two, "graphql", reset);
    let left = fleet.github.books().buckets[&(two.clone(), "graphql")]
        .sample
        .remaining;
    fleet.github.use_by_others(&two, "graphql", left);
    for organisation in ALL {
        fleet.push(organisation, 1_234, 2);
    }
    let seen = fleet.until_woken(&OTHERS, 1_234).await;
    println!("while one has nothing left, heads of the others were found after {seen:?}");
    assert!(
        fleet.github.now() < reset,
        "it took longer than the hold: {seen:?}"
    );
    assert_eq!(fleet.woken("south", 1_234), 0);
    let all = async || ALL.iter().all(|it| fleet.woken(it, 1_234) > 0);
    fleet.until("that one is asked for again", all).await;
    assert!(
        fleet.github.now() >= reset,
        "it was asked for past the limit"
    );

    let books = fleet.github.books();
    assert_eq!(books.violations, []);
    for identity in IDENTITIES {
        let who = user(identity);
        let book = books.buckets[&(who.clone(), "graphql")];
        println!("{identity}: {} calls, {book:?}", fleet.calls(identity));
        if identity != "two" {
            assert_eq!(book.others, 0, "{identity}");
            assert_eq!(books.count(|key| key.who == who).refused, 0, "{identity}");
        }
    }
    for organisation in ALL {
        let woken = [7, 2, 1_234].map(|number| fleet.woken(organisation, number));
        assert_eq!(woken, [1; 3], "{organisation}");
    }
    fleet.faults_are_told_to_their_own();
    let grown = resident_bytes().saturating_sub(before) / 1024 / 1024;
    println!("{grown} MiB more, GitHub's own share in it");
    stop.cancel();
    running.await.expect("the detector does not panic");
    fleet.scene.stop().await;
}
