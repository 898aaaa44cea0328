//! All that this GitHub knows: accounts, repositories, hooks, credentials, limits.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::net::IpAddr;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use tokio::sync::mpsc::UnboundedSender;

use super::Options;
use super::books::{Books, Ledger};
use super::bucket::Bucket;
use super::clock::Clock;
use super::credentials::Credentials;
use super::exchange::Exchanges;
use super::faults::Faults;
use super::hooks::Hook;
use super::repositories::Repository;
use super::secondary::Secondary;
use super::sender::{Delivering, Job};
use super::who::Who;

pub const CORE: &str = "core";
pub const GRAPHQL: &str = "graphql";
pub const SEARCH: &str = "search";

const HOUR: Duration = Duration::from_secs(3600);
const MINUTE: Duration = Duration::from_secs(60);

/// An organisation, or a user.
#[derive(Clone, Debug)]
pub struct Account {
    pub id: u64,
    pub login: String,
    pub is_organization: bool,
}

#[derive(Debug)]
pub struct World {
    pub options: Options,
    pub clock: Clock,
    /// How far GitHub's clock is ahead of the test's.
    pub skew: SignedDuration,
    /// Scheme and authority, without a slash at the end.
    pub authority: String,
    /// By their names in small letters.
    pub accounts: BTreeMap<String, Account>,
    pub repositories: BTreeMap<u64, Repository>,
    /// Full names in small letters: of now, and of before.
    pub names: HashMap<String, u64>,
    pub former_names: HashMap<String, u64>,
    pub hooks: BTreeMap<u64, Hook>,
    pub credentials: Credentials,
    /// Repositories that are hidden from somebody who could see them.
    pub denied: BTreeSet<(Who, u64)>,
    pub buckets: HashMap<(Who, &'static str), Bucket>,
    limits: HashMap<&'static str, u32>,
    pub secondary: Secondary,
    /// Until when an identity is refused, and how often it came too early in a row.
    pub limited: HashMap<Who, (Timestamp, u32)>,
    pub ledger: Ledger,
    pub faults: Faults,
    pub exchanges: Exchanges,
    /// How long each answer takes: from, to.
    pub latency: Option<(Duration, Duration)>,
    pub delivering: Delivering,
    /// Deliveries that were throttled and wait.
    pub throttled: Vec<Job>,
    /// Deliveries that are on their way.
    pub outstanding: usize,
    post: UnboundedSender<Job>,
    last_id: u64,
}

impl World {
    pub fn new(options: Options, authority: String, post: UnboundedSender<Job>) -> Self {
        Self {
            clock: options.clock.clone(),
            options,
            skew: SignedDuration::ZERO,
            authority,
            accounts: BTreeMap::new(),
            repositories: BTreeMap::new(),
            names: HashMap::new(),
            former_names: HashMap::new(),
            hooks: BTreeMap::new(),
            credentials: Credentials::default(),
            denied: BTreeSet::new(),
            buckets: HashMap::new(),
            limits: HashMap::new(),
            secondary: Secondary::default(),
            limited: HashMap::new(),
            ledger: Ledger::default(),
            faults: Faults::default(),
            exchanges: Exchanges::default(),
            latency: None,
            delivering: Delivering::Deliver,
            throttled: Vec::new(),
            outstanding: 0,
            post,
            last_id: 1_000,
        }
    }

    /// GitHub's time.
    pub fn now(&self) -> Timestamp {
        self.clock.now() + self.skew
    }

    /// Ids rise; nothing says by how much.
    pub fn new_id(&mut self) -> u64 {
        self.last_id += 7;
        self.last_id
    }

    /// Where the API begins, without a slash at the end.
    pub fn api(&self) -> String {
        format!("{}{}", self.authority, self.root())
    }

    /// The path of the API's root.
    pub fn root(&self) -> &'static str {
        if self.options.enterprise.is_some() {
            "/api/v3"
        } else {
            ""
        }
    }

    /// The path of GraphQL, which is not below the root of an Enterprise Server's API.
    pub fn graphql_path(&self) -> &'static str {
        if self.options.enterprise.is_some() {
            "/api/graphql"
        } else {
            "/graphql"
        }
    }

    /// Where people look.
    pub fn html(&self) -> String {
        format!("https://{}", self.options.host)
    }

    pub fn limits_are_on(&self) -> bool {
        let enterprise = self.options.enterprise.as_ref();
        enterprise.is_none_or(|enterprise| enterprise.limits)
    }

    /// How long deliveries are kept.
    pub fn history(&self) -> SignedDuration {
        let days = if self.options.enterprise.is_some() {
            7
        } else {
            3
        };
        SignedDuration::from_hours(days * 24)
    }

    /// How many hooks one event may have.
    pub fn hooks_an_event(&self) -> usize {
        if self.options.enterprise.is_some() {
            250
        } else {
            20
        }
    }

    pub fn account(&mut self, login: &str, is_organization: bool) -> Account {
        let key = login.to_ascii_lowercase();
        if let Some(account) = self.accounts.get(&key) {
            return account.clone();
        }
        let account = Account {
            id: self.new_id(),
            login: login.to_owned(),
            is_organization,
        };
        self.accounts.insert(key, account.clone());
        account
    }

    pub fn find_account(&self, login: &str) -> Option<&Account> {
        self.accounts.get(&login.to_ascii_lowercase())
    }

    pub fn bucket(&mut self, who: &Who, resource: &'static str) -> &mut Bucket {
        let limits = &self.limits;
        let key = (who.clone(), resource);
        self.buckets.entry(key).or_insert_with(|| {
            let window = if resource == SEARCH { MINUTE } else { HOUR };
            let known = limits.get(resource).copied();
            let limit = known.unwrap_or_else(|| documented_limit(who, resource));
            Bucket::new(limit, window)
        })
    }

    /// The limit of buckets of which nothing was said yet.
    pub fn set_default_limit(&mut self, resource: &'static str, limit: u32) {
        self.limits.insert(resource, limit);
    }

    /// Hands a delivery to those who post it.
    pub fn post(&mut self, job: Job) {
        self.outstanding += 1;
        if self.post.send(job).is_err() {
            self.outstanding -= 1;
        }
    }

    pub fn books(&mut self) -> Books {
        let now = self.now();
        let buckets = self.buckets.iter_mut();
        let buckets: BTreeMap<_, _> = buckets
            .map(|(key, bucket)| (key.clone(), bucket.book(now)))
            .collect();
        let callers: BTreeSet<Who> = self
            .ledger
            .calls
            .keys()
            .map(|key| key.who.clone())
            .collect();
        let peak = |who: Who| (who.clone(), self.secondary.peak(&who));
        Books {
            calls: self.ledger.calls.clone(),
            buckets,
            violations: self.ledger.violations.clone(),
            under_way: self.ledger.under_way,
            peaks: callers.into_iter().map(peak).collect(),
        }
    }
}

/// Without anything else said: github.com, no enterprise account, few repositories.
fn documented_limit(who: &Who, resource: &str) -> u32 {
    match (who, resource) {
        (Who::Address(_), SEARCH) => 10,
        (Who::Address(_), GRAPHQL) => 0,
        (Who::Address(_), _) => 60,
        (_, SEARCH) => 30,
        _ => 5_000,
    }
}

/// The address of calls from this machine.
pub fn loopback() -> IpAddr {
    IpAddr::from([127, 0, 0, 1])
}
