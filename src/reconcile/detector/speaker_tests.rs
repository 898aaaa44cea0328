use std::collections::BTreeSet;

use crate::delivery::{CommitId, Event, HeadNews, PushedRef};
use crate::flux::RepositoryUrl;
use crate::github::heads::Recent;

use crate::budget::live::Supply;

use super::super::follow::Weight;
use super::super::known::{note, read_notes};
use super::super::wanted::Want;
use super::*;

const EVERY: Duration = Duration::from_secs(30);
const SWEEP: Duration = Duration::from_secs(900);
const HOUR: Duration = Duration::from_secs(3600);
const LATENCY: Duration = Duration::from_millis(200);

/// GitHub as far as heads are concerned, and time that passes as fast as nobody waits for it.
struct World {
    begin: Instant,
    now: Duration,
    commits: BTreeMap<Arc<RepositoryIdentity>, char>,
    missing: BTreeSet<Arc<RepositoryIdentity>>,
    /// A query in which they stand fails.
    poisoned: BTreeSet<Arc<RepositoryIdentity>>,
    /// Refs of which a query leaves out what is behind them.
    cut_off_at: usize,
    is_away: bool,
    pushed: Vec<Recent>,
    /// When each was asked for.
    asked: BTreeMap<Arc<RepositoryIdentity>, Vec<Duration>>,
    calls: usize,
    pages: usize,
    news: Vec<(String, HeadNews)>,
    /// What the speaker took.
    spent: Duration,
}

impl World {
    fn new() -> Self {
        Self {
            begin: Instant::now(),
            now: Duration::ZERO,
            commits: BTreeMap::new(),
            missing: BTreeSet::new(),
            poisoned: BTreeSet::new(),
            cut_off_at: usize::MAX,
            is_away: false,
            pushed: Vec::new(),
            asked: BTreeMap::new(),
            calls: 0,
            pages: 0,
            news: Vec::new(),
            spent: Duration::ZERO,
        }
    }

    fn time(&self) -> (Instant, Timestamp) {
        let at = Timestamp::from_second(1_000_000).unwrap() + self.now;
        (self.begin + self.now, at)
    }

    fn answer(&mut self, batch: &Batch) -> Vec<Result<RepositoryHeads, RepositoryFault>> {
        let mut refs = 0;
        let repositories = batch.repositories.iter().zip(&batch.questions);
        repositories
            .map(|(repository, question)| {
                self.asked
                    .entry(Arc::clone(repository))
                    .or_default()
                    .push(self.now);
                refs += question.asked.len();
                if self.missing.contains(repository) {
                    return Err(RepositoryFault::NotSeen);
                }
                if refs > self.cut_off_at {
                    return Err(RepositoryFault::Unanswered("cut off".into()));
                }
                let letter = self.commits.get(repository).copied().unwrap_or('a');
                let commit = CommitId::read(&letter.to_string().repeat(40))
                    .unwrap()
                    .unwrap();
                let refs = question.asked.iter().map(|asked| match asked {
                    Asked::Ref(full) => RefAnswer::At {
                        reference: PushedRef::read(full).unwrap(),
                        commit: commit.clone(),
                    },
                    _ => RefAnswer::Absent,
                });
                Ok(RepositoryHeads {
                    number: 1,
                    name_with_owner: repository.path().to_owned(),
                    is_archived: false,
                    is_disabled: false,
                    pushed_at: None,
                    default_branch: None,
                    refs: refs.collect(),
                })
            })
            .collect()
    }

    /// Lets time pass, and does what the speaker decides.
    fn pass(
        &mut self,
        speaker: &mut Speaker,
        wanted: impl Fn() -> Wanted,
        span: Duration,
        budget: Budget,
    ) {
        let end = self.now + span;
        while self.now < end {
            let time = self.time();
            let before = on_processor();
            let next = speaker.next(time.0);
            self.spent += on_processor() - before;
            match next {
                Next::Tick => {
                    let wanted = wanted();
                    let before = on_processor();
                    speaker.tick(wanted, &budget, 0.0, time);
                    self.spent += on_processor() - before;
                }
                Next::WaitUntil(until) => self.now = (until - self.begin).min(end),
                Next::Recency { owner, after } => {
                    self.calls += 1;
                    self.pages += 1;
                    let place = after.map_or(0, |after| after.parse::<usize>().unwrap());
                    let page = self.pushed.iter().skip(place).take(100).cloned().collect();
                    let next = (place + 100 < self.pushed.len()).then(|| (place + 100).to_string());
                    let answer = Ok(Recency {
                        repositories: page,
                        next,
                    });
                    speaker.recency(&owner, answered(answer), time);
                }
                Next::Ask(batch) => {
                    self.calls += 1;
                    self.now += LATENCY;
                    let time = self.time();
                    if self.is_away {
                        speaker.failed(&batch, Failure::Unreachable, "no route", time);
                    } else if batch
                        .repositories
                        .iter()
                        .any(|it| self.poisoned.contains(it))
                    {
                        speaker.failed(&batch, Failure::Failed, "502", time);
                    } else {
                        let answer = self.answer(&batch);
                        let before = on_processor();
                        let found = speaker.answered(&batch, answered(answer), time);
                        self.spent += on_processor() - before;
                        for news in found {
                            let Event::Head(seen) = &news.delivery.event else {
                                panic!("{news:?}")
                            };
                            let repository = news.delivery.repository.unwrap().full_name;
                            self.news.push((repository, seen.news.clone()));
                            speaker.learn(news.noted);
                        }
                    }
                }
            }
        }
    }

    fn shortest_pause(&self) -> Duration {
        let pauses = self
            .asked
            .values()
            .flat_map(|times| times.windows(2).map(|it| it[1] - it[0]));
        pauses.min().unwrap()
    }
}

fn answered<T>(answer: T) -> Answered<T> {
    Answered {
        answer,
        cost: Some(1),
        latency: LATENCY,
    }
}

fn repository(number: usize) -> Arc<RepositoryIdentity> {
    let url = RepositoryUrl::read(&format!("https://github.com/acme/r{number:05}")).unwrap();
    Arc::new(url.identity(|_| None))
}

fn want(cadence: Cadence, weight: Weight) -> Want {
    Want { cadence, weight }
}

/// So many repositories, of each the branches.
fn wants(repositories: usize, branches: &[(&str, Want)]) -> Wanted {
    let of_each = branches.iter().map(|(name, want)| {
        (
            Follow::Ref(Asked::Ref(format!("refs/heads/{name}").into())),
            *want,
        )
    });
    let of_each: super::super::wanted::Wants = of_each.collect();
    Wanted {
        repositories: (0..repositories)
            .map(|number| (repository(number), of_each.clone()))
            .collect(),
        refs: repositories * branches.len(),
        ..Wanted::default()
    }
}

fn fleet() -> Wanted {
    let every = |weight| want(Cadence::Every, weight);
    wants(
        26,
        &[
            ("main", every(Weight::Production)),
            ("stage", every(Weight::Staging)),
            ("dev", every(Weight::Development)),
        ],
    )
}

fn many(count: usize, cadence: Cadence) -> Wanted {
    wants(count, &[("main", want(cadence, Weight::Staging))])
}

fn speaker(kept: Kept, world: &World) -> Speaker {
    let speaking = Speaking {
        host: "github.com".into(),
        identity: "bot".into(),
        every: EVERY,
        sweep: SWEEP,
    };
    Speaker::new(speaking, kept, world.time().0)
}

fn calm() -> Budget {
    Budget::default()
}

fn moved(letter: char) -> HeadNews {
    let before = CommitId::read(&letter.to_string().repeat(40))
        .unwrap()
        .unwrap();
    HeadNews::Moved { before }
}

#[test]
fn seventy_eight_refs_at_30s_cost_at_most_120_points_an_hour_and_are_never_asked_for_faster() {
    let mut world = World::new();
    let mut speaker = speaker(Kept::default(), &world);
    world.pass(&mut speaker, fleet, HOUR, calm());
    assert!((115..=120).contains(&world.calls), "{}", world.calls);
    assert!(
        world.shortest_pause() >= EVERY,
        "{:?}",
        world.shortest_pause()
    );
    let report = speaker.report();
    assert_eq!((report.refs, report.points_per_hour), (78, 120.0));
    assert_eq!(report.points, world.calls as u64);
    let lanes = report.lanes.iter();
    let lanes: Vec<_> = lanes
        .map(|lane| {
            (
                lane.weight,
                lane.refs,
                lane.interval.as_str(),
                lane.reason.as_str(),
            )
        })
        .collect();
    assert_eq!(
        lanes,
        [
            ("production", 26, "30s", "as asked"),
            ("staging", 26, "30s", "as asked"),
            ("development", 26, "30s", "as asked"),
        ]
    );
}

#[test]
fn a_head_is_first_noted_and_is_news_when_it_moves() {
    let mut world = World::new();
    let mut speaker = speaker(Kept::default(), &world);
    let wanted = || many(3, Cadence::Every);
    world.pass(&mut speaker, wanted, 2 * EVERY, calm());
    assert_eq!(world.news.len(), 3);
    assert!(world.news.iter().all(|(_, news)| *news == HeadNews::First));
    assert_eq!(speaker.take_notes().len(), 3);
    world.commits.insert(repository(1), 'b');
    world.pass(&mut speaker, wanted, 2 * EVERY, calm());
    assert_eq!(world.news[3..], [("acme/r00001".to_owned(), moved('a'))]);
    assert_eq!(speaker.take_notes().len(), 1);
}

#[test]
fn a_restart_knows_its_heads_and_asks_for_none_before_its_time() {
    let mut world = World::new();
    let mut first = speaker(Kept::default(), &world);
    let wanted = || {
        wants(
            10,
            &[
                ("main", want(Cadence::Every, Weight::Staging)),
                ("told", want(Cadence::Sweep, Weight::Staging)),
            ],
        )
    };
    let early = Duration::from_secs(10);
    world.pass(&mut first, wanted, 10 * EVERY - early, calm());
    let notes = first
        .take_notes()
        .into_iter()
        .map(|(key, known)| note(&key, &known));
    let (known, unread) = read_notes(notes.collect());
    assert_eq!((known.len(), unread.len()), (20, 0));
    let mut kept = Kept {
        known,
        ..Kept::default()
    };
    for (name, at) in first.cursors() {
        let Some(Cursor::Began(cadence)) = Cursor::read("github.com", "bot", &name) else {
            panic!("{name}")
        };
        kept.began.insert(cadence, at);
    }
    let mut second = speaker(kept, &world);
    let (news, calls) = (world.news.len(), world.calls);
    world.commits.insert(repository(1), 'b');
    // Killed over and over, nothing is asked for twice.
    world.pass(&mut second, wanted, early, calm());
    assert_eq!(world.calls, calls);
    world.pass(&mut second, wanted, early, calm());
    assert_eq!(world.calls, calls + 1);
    assert_eq!(world.news.len(), news + 1);
    assert!(world.shortest_pause() >= EVERY);
    // The sweep is due when it would have been without the restart.
    world.pass(&mut second, wanted, SWEEP, calm());
    assert_eq!(world.news.len(), news + 2);
}

#[test]
fn what_a_webhook_tells_of_is_asked_for_in_the_sweep_alone() {
    let mut world = World::new();
    let mut speaker = speaker(Kept::default(), &world);
    world.pass(&mut speaker, || many(78, Cadence::Sweep), HOUR, calm());
    assert_eq!(world.calls, 4);
    let lane = speaker.report().lanes.remove(0);
    assert_eq!(
        (lane.every.as_str(), lane.interval.as_str()),
        ("15m", "15m")
    );
    assert_eq!(
        lane.reason,
        "a webhook, or a list of its owner, tells of pushes; this is the sweep"
    );
}

#[test]
fn a_source_that_is_new_is_asked_for_at_the_next_tick_also_where_a_webhook_tells_of_it() {
    let mut world = World::new();
    let mut speaker = speaker(Kept::default(), &world);
    world.pass(&mut speaker, || many(2, Cadence::Sweep), 3 * EVERY, calm());
    assert_eq!(world.calls, 1);
    world.pass(&mut speaker, || many(3, Cadence::Sweep), EVERY, calm());
    assert_eq!((world.calls, world.news.len()), (2, 3));
}

#[test]
fn a_repository_that_is_missing_backs_off_alone() {
    let mut world = World::new();
    world.missing.insert(repository(7));
    let mut speaker = speaker(Kept::default(), &world);
    world.pass(&mut speaker, || many(20, Cadence::Every), HOUR, calm());
    // After 1, 2, 4, 8, 16 minutes, and then 32.
    assert_eq!(world.asked[&repository(7)].len(), 6);
    assert!(world.asked[&repository(8)].len() >= 115);
    let fault = speaker.report().faults.remove(0);
    assert_eq!(
        (fault.repository.as_str(), fault.kind, fault.failures),
        ("acme/r00007", "notSeen", 6)
    );
    world.missing.clear();
    world.pass(&mut speaker, || many(20, Cadence::Every), HOUR, calm());
    assert!(speaker.report().faults.is_empty());
    assert!(world.news.iter().any(|(name, _)| name == "acme/r00007"));
}

#[test]
fn a_repository_on_which_queries_fail_is_found_and_its_mates_are_unharmed() {
    let mut world = World::new();
    world.poisoned.insert(repository(40));
    let mut speaker = speaker(Kept::default(), &world);
    world.pass(&mut speaker, || many(78, Cadence::Every), HOUR, calm());
    let fault = speaker.report().faults.remove(0);
    assert_eq!(
        (fault.repository.as_str(), fault.kind),
        ("acme/r00040", "unanswered")
    );
    for number in (0..78).filter(|number| *number != 40) {
        assert!(world.asked[&repository(number)].len() > 60, "{number}");
    }
    assert_eq!(world.news.len(), 77);
}

#[test]
fn an_answer_that_is_cut_off_is_noticed_and_what_it_left_out_is_asked_for_at_once() {
    let mut world = World::new();
    world.cut_off_at = 30;
    let mut speaker = speaker(Kept::default(), &world);
    world.pass(&mut speaker, || many(78, Cadence::Every), EVERY, calm());
    assert_eq!(world.news.len(), 78);
    assert!(speaker.report().faults.is_empty());
}

#[test]
fn github_is_away_for_an_hour_and_all_is_caught_up_after() {
    let mut world = World::new();
    let mut speaker = speaker(Kept::default(), &world);
    world.pass(&mut speaker, fleet, 5 * EVERY, calm());
    let (calls, news) = (world.calls, world.news.len());
    world.is_away = true;
    world.pass(&mut speaker, fleet, HOUR, calm());
    assert!(
        (55..=70).contains(&(world.calls - calls)),
        "{}",
        world.calls - calls
    );
    let trouble = speaker.report().trouble.unwrap();
    assert_eq!(trouble.reason, "no route");
    for number in 0..26 {
        world.commits.insert(repository(number), 'b');
    }
    world.is_away = false;
    world.pass(&mut speaker, fleet, 2 * Duration::from_secs(60), calm());
    assert_eq!(world.news.len(), news + 78);
    assert_eq!(speaker.report().trouble, None);
}

#[test]
fn a_round_that_takes_longer_than_its_interval_comes_to_its_end_and_none_is_asked_for_faster() {
    let mut world = World::new();
    let mut speaker = speaker(Kept::default(), &world);
    // 200 queries of 0.2 s each are 40 s.
    let wanted = many(20_000, Cadence::Every);
    let copy = || Wanted {
        repositories: wanted.repositories.clone(),
        refs: wanted.refs,
        ..Wanted::default()
    };
    world.pass(&mut speaker, copy, Duration::from_secs(300), calm());
    assert_eq!(world.news.len(), 20_000);
    assert!(world.asked.values().all(|times| times.len() >= 3));
    assert!(
        world.shortest_pause() >= EVERY,
        "{:?}",
        world.shortest_pause()
    );
    assert!(speaker.report().last_round.is_some());
}

#[test]
fn what_is_not_wanted_any_more_keeps_no_round_open() {
    let mut world = World::new();
    let mut speaker = speaker(Kept::default(), &world);
    world.is_away = true;
    world.pass(&mut speaker, || many(1, Cadence::Every), EVERY, calm());
    world.is_away = false;
    world.pass(&mut speaker, Wanted::default, 3 * EVERY, calm());
    world.pass(&mut speaker, || many(1, Cadence::Every), 3 * EVERY, calm());
    assert!(world.asked[&repository(0)].len() >= 2);
}

#[test]
fn a_short_budget_slows_development_first_and_the_reason_is_told() {
    let mut world = World::new();
    let mut speaker = speaker(Kept::default(), &world);
    let budget = Budget {
        supply: Some(Supply {
            usable: 60.0,
            until_reset: HOUR,
        }),
        is_slowed: false,
    };
    world.pass(&mut speaker, fleet, HOUR, budget);
    let lanes = speaker.report().lanes;
    let intervals: Vec<_> = lanes.iter().map(|lane| lane.interval.as_str()).collect();
    assert_eq!(intervals, ["42s", "1m", "2m"]);
    assert_eq!(
        lanes[0].reason,
        "120 points an hour are needed and 60 can be kept up until the reset"
    );
    assert!(world.calls < 90, "{}", world.calls);
    assert!(world.shortest_pause() >= EVERY);
}

#[test]
fn of_a_large_owner_only_what_was_pushed_to_is_asked_for() {
    let mut world = World::new();
    let mut speaker = speaker(Kept::default(), &world);
    let wanted = || Wanted {
        owners: vec!["acme".to_owned()],
        ..many(1_000, Cadence::Sweep)
    };
    let pushed = |number: usize, second: i64| Recent {
        name_with_owner: format!("Acme/r{number:05}"),
        pushed_at: Timestamp::from_second(second).unwrap(),
    };
    world.pushed = (0..1_000)
        .map(|number| pushed(number, 10_000 - i64::try_from(number).unwrap()))
        .collect();
    world.pass(&mut speaker, wanted, EVERY, calm());
    assert_eq!((world.calls, world.pages, world.news.len()), (11, 1, 1_000));
    world.pushed.insert(0, pushed(500, 20_000));
    world.commits.insert(repository(500), 'b');
    let before = world.calls;
    world.pass(&mut speaker, wanted, 4 * EVERY, calm());
    assert_eq!(
        world.news[1_000..],
        [("acme/r00500".to_owned(), moved('a'))]
    );
    // Four times the owner, and once the repository.
    assert_eq!(world.calls - before, 5);
    assert_eq!(world.asked[&repository(499)].len(), 1);
}

#[test]
fn what_an_owner_told_of_is_asked_for_again_after_a_kill_until_it_was_answered() {
    let mut world = World::new();
    let mut speaker = speaker(Kept::default(), &world);
    let wanted = || Wanted {
        owners: vec!["acme".to_owned()],
        ..many(3, Cadence::Sweep)
    };
    let pushed = |number: usize, second: i64| Recent {
        name_with_owner: format!("Acme/r{number:05}"),
        pushed_at: Timestamp::from_second(second).unwrap(),
    };
    let newest = |speaker: &Speaker| {
        let name = Cursor::Newest("acme").name("github.com", "bot");
        let mut cursors = speaker.cursors().into_iter();
        let (_, at) = cursors.find(|(it, _)| *it == name).unwrap();
        at.as_second()
    };
    world.pushed = vec![pushed(1, 10_000)];
    world.pass(&mut speaker, wanted, EVERY, calm());
    assert_eq!(newest(&speaker), 10_000);
    world.pushed.insert(0, pushed(2, 20_000));
    world.commits.insert(repository(2), 'b');
    world.is_away = true;
    let pages = world.pages;
    world.pass(&mut speaker, wanted, 2 * EVERY, calm());
    assert!(world.pages > pages, "its owner was not asked");
    assert_eq!(newest(&speaker), 10_000);
    world.is_away = false;
    world.pass(&mut speaker, wanted, 4 * EVERY, calm());
    assert_eq!(world.news.last().unwrap().0, "acme/r00002");
    assert_eq!(newest(&speaker), 20_000);
}

#[test]
fn what_nobody_follows_any_more_is_forgotten_once_all_is_known() {
    let mut world = World::new();
    let mut speaker = speaker(Kept::default(), &world);
    world.pass(&mut speaker, || many(3, Cadence::Every), EVERY, calm());
    world.pass(&mut speaker, || many(1, Cadence::Every), EVERY, calm());
    assert!(speaker.take_unwanted(false).is_empty());
    assert_eq!(speaker.take_unwanted(true).len(), 2);
    assert!(speaker.take_unwanted(true).is_empty());
}

/// How long this thread has been on a processor.
fn on_processor() -> Duration {
    let read = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap_or_default();
    let first = read.split(' ').next().and_then(|it| it.parse().ok());
    Duration::from_nanos(first.unwrap_or_default())
}

#[test]
fn ten_thousand_refs_are_asked_for_without_being_felt() {
    let mut world = World::new();
    let mut speaker = speaker(Kept::default(), &world);
    let wanted = many(10_000, Cadence::Every);
    let copy = || Wanted {
        repositories: wanted.repositories.clone(),
        refs: wanted.refs,
        ..Wanted::default()
    };
    let span = Duration::from_secs(600);
    world.pass(&mut speaker, copy, span, calm());
    println!(
        "10 minutes of 10,000 refs at 30 s: {} queries, {:?} of a core without looking them up, sending and reading",
        world.calls, world.spent
    );
    assert_eq!(world.calls % 100, 0);
    // 2 % of a core, without any optimisation.
    assert!(world.spent < span / 50, "{:?}", world.spent);
}
