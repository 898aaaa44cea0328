//! Tells the log once that GitHub cannot be asked as an identity, or that this machine's clock is off; and once
//! that it is over.

use std::collections::{HashMap, HashSet};
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use tokio::time::Instant;
use tracing::{info, warn};

use crate::github::{CallFault, Client, Github, clock_words};

/// What mends itself is told once it has lasted so long; a single call that fails says nothing yet.
const PATIENCE: Duration = Duration::from_secs(60);

/// What the log was told of all hosts.
#[derive(Debug, Default)]
pub(super) struct Outages {
    /// By host and identity.
    troubles: HashMap<(String, String), Trouble>,
    clocks: HashSet<String>,
}

#[derive(Debug)]
struct Trouble {
    name: &'static str,
    since: Instant,
    is_told: bool,
}

/// What is new of one identity.
#[derive(Debug, PartialEq, Eq)]
enum News {
    Nothing,
    Began,
    Over,
}

impl Outages {
    pub(super) fn look(&mut self, hosts: &[Github]) {
        for host in hosts {
            for client in host.clients() {
                self.look_at(client);
            }
            let mut clients = host.clients().iter();
            let ahead = clients.find_map(|client| client.clock_ahead(Timestamp::now()));
            if let Some(ahead) = ahead {
                self.look_at_clock(host.host(), ahead);
            }
        }
    }

    fn look_at(&mut self, client: &Client) {
        let (host, identity) = (client.host(), client.identity());
        let trouble = client.trouble();
        let key = (host.to_owned(), identity.to_owned());
        match (self.news(key, trouble.as_ref(), Instant::now()), trouble) {
            (News::Began, Some(fault)) => {
                warn!(%host, %identity, why = fault.name(), "{host} cannot be asked as `{identity}`: {fault}");
            }
            (News::Over, _) => info!(%host, %identity, "{host} can be asked as `{identity}` again"),
            _ => {}
        }
    }

    fn news(&mut self, key: (String, String), fault: Option<&CallFault>, now: Instant) -> News {
        let Some(fault) = fault else {
            let before = self.troubles.remove(&key);
            let was_told = before.is_some_and(|before| before.is_told);
            return if was_told { News::Over } else { News::Nothing };
        };
        let new = || Trouble {
            name: fault.name(),
            since: now,
            is_told: false,
        };
        let trouble = self.troubles.entry(key).or_insert_with(new);
        // One that people have to mend is told though another was told before.
        if fault.is_of_credential() && trouble.name != fault.name() {
            *trouble = new();
        }
        let is_due = fault.is_of_credential() || now.duration_since(trouble.since) >= PATIENCE;
        if trouble.is_told || !is_due {
            return News::Nothing;
        }
        trouble.is_told = true;
        News::Began
    }

    fn look_at_clock(&mut self, host: &str, ahead: SignedDuration) {
        match clock_words(host, ahead) {
            Some(words) if self.clocks.insert(host.to_owned()) => {
                warn!(%host, ahead_seconds = ahead.as_secs(), "{words}");
            }
            None if self.clocks.remove(host) => {
                info!(%host, "the clock of this machine is that of {host} again");
            }
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use http::StatusCode;

    use crate::github::Refusal;

    use super::*;

    fn refused(reason: Refusal) -> CallFault {
        CallFault::Refused {
            identity: "bot".into(),
            call: "GET /rate_limit".into(),
            status: StatusCode::FORBIDDEN,
            reason,
            message: String::new(),
        }
    }

    #[test]
    fn what_people_have_to_mend_is_told_at_once_and_all_else_where_it_lasts() {
        let mut outages = Outages::default();
        let begin = Instant::now();
        let mut news = |fault: Option<&CallFault>, second| {
            let key = ("github.com".to_owned(), "bot".to_owned());
            outages.news(key, fault, begin + Duration::from_secs(second))
        };
        let away = CallFault::Unreachable {
            host: "github.com".into(),
            reason: "refused".into(),
        };
        assert_eq!(news(Some(&away), 0), News::Nothing);
        assert_eq!(news(None, 30), News::Nothing);
        assert_eq!(news(Some(&away), 31), News::Nothing);
        assert_eq!(news(Some(&away), 90), News::Nothing);
        assert_eq!(news(Some(&away), 91), News::Began);
        assert_eq!(news(Some(&away), 92), News::Nothing);
        let suspended = refused(Refusal::Suspended);
        assert_eq!(news(Some(&suspended), 93), News::Began);
        assert_eq!(news(Some(&suspended), 94), News::Nothing);
        assert_eq!(news(Some(&refused(Refusal::Unauthorized)), 95), News::Began);
        assert_eq!(news(None, 96), News::Over);
        assert_eq!(news(None, 97), News::Nothing);
    }
}
