//! The token of an App's installation: kept until most of its life is over, and made once for all who wait.

use std::fmt;
use std::sync::Arc;

use http::HeaderValue;
use jiff::{SignedDuration, Timestamp};
use serde::Deserialize;
use tokio::sync::{Mutex, MutexGuard};

use super::credential::bearer;
use super::etag::Generation;
use super::fault::CallFault;
use super::refused::Refused;

/// So much of its life a token is used, in percent. Flux does the same.
const USED_PERCENT: i64 = 80;
/// A token is used so long where GitHub names no end of it.
const UNKNOWN_LIFE: SignedDuration = SignedDuration::from_mins(5);

/// A token of an installation.
#[derive(Clone)]
pub(super) struct InstallationToken {
    pub(super) header: HeaderValue,
    pub(super) generation: Generation,
    renew_at: Timestamp,
}

/// The one token that is in use.
#[derive(Debug, Default)]
pub(super) struct TokenKeeper(Mutex<Kept>);

/// Whoever holds it may make a token; the others wait for it.
pub(super) type Keeping<'a> = MutexGuard<'a, Kept>;

#[derive(Debug, Default)]
pub(super) struct Kept {
    token: Option<InstallationToken>,
    /// By which key none was given.
    pub(super) refused: Refused,
    made: u64,
}

/// As GitHub answers.
#[derive(Deserialize)]
struct Minted {
    token: String,
    expires_at: Option<Timestamp>,
}

impl TokenKeeper {
    pub(super) async fn keeping(&self) -> Keeping<'_> {
        self.0.lock().await
    }

    /// The token, where one is good and nobody makes another.
    pub(super) fn current(&self, now: Timestamp) -> Option<InstallationToken> {
        self.0.try_lock().ok()?.current(now)
    }
}

impl Kept {
    /// The token, where it is good still.
    pub(super) fn current(&self, now: Timestamp) -> Option<InstallationToken> {
        let token = self.token.as_ref()?;
        (now < token.renew_at).then(|| token.clone())
    }

    /// GitHub does not take it any more.
    pub(super) fn forget(&mut self, generation: &Generation) {
        self.token.take_if(|token| token.generation == *generation);
    }

    /// Takes the token of an answer; `ahead` is how far GitHub's clock is ahead of ours.
    pub(super) fn take(
        &mut self,
        answer: &[u8],
        now: Timestamp,
        ahead: SignedDuration,
    ) -> Result<InstallationToken, CallFault> {
        // What went wrong may quote what it read, and that is a token.
        let bad = |reason: &str| CallFault::BadAnswer {
            reason: reason.to_owned(),
        };
        let minted: Minted = serde_json::from_slice(answer)
            .map_err(|_| bad("it has no token of the installation"))?;
        let header = bearer(minted.token.as_bytes())
            .map_err(|_| bad("the token of the installation has a letter that no token has"))?;
        let life = match minted.expires_at {
            Some(end) => end.duration_since(now) - ahead,
            None => UNKNOWN_LIFE,
        };
        let used = SignedDuration::from_millis(
            i64::try_from(life.as_millis()).unwrap_or_default() / 100 * USED_PERCENT,
        );
        self.made += 1;
        self.refused = Refused::default();
        let token = InstallationToken {
            header,
            generation: Generation {
                name: Arc::from(format!("installation-{}", self.made)),
                lasts: false,
            },
            renew_at: now.saturating_add(used).unwrap_or(now),
        };
        self.token = Some(token.clone());
        Ok(token)
    }
}

impl fmt::Debug for InstallationToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("InstallationToken")
            .field("generation", &self.generation)
            .field("renew_at", &self.renew_at)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_second(seconds).unwrap()
    }

    fn take(
        kept: &mut Kept,
        expires: &str,
        now: i64,
        ahead: i64,
    ) -> Result<InstallationToken, CallFault> {
        let answer =
            format!(r#"{{"token":"ghs_secret","expires_at":"{expires}","permissions":{{}}}}"#);
        kept.take(answer.as_bytes(), at(now), SignedDuration::from_secs(ahead))
    }

    #[test]
    fn a_token_is_used_for_exactly_four_fifths_of_its_life() {
        let mut kept = Kept::default();
        assert!(kept.current(at(0)).is_none());
        take(&mut kept, "1970-01-01T01:00:00Z", 0, 0).unwrap();
        assert!(kept.current(at(2879)).is_some());
        assert!(kept.current(at(2880)).is_none());
    }

    #[test]
    fn its_end_is_by_githubs_clock() {
        let mut kept = Kept::default();
        take(&mut kept, "1970-01-01T01:10:00Z", 0, 600).unwrap();
        assert!(kept.current(at(2879)).is_some());
        assert!(kept.current(at(2880)).is_none());
    }

    #[test]
    fn dates_at_the_end_of_time_are_survived() {
        let last = Timestamp::MAX.as_second();
        for (expires, now, ahead) in [
            ("9999-12-30T00:00:00Z", 0, last),
            ("9999-12-30T00:00:00Z", last, 0),
            ("-009998-01-02T00:00:00Z", last, last),
            ("1970-01-01T00:00:00Z", 0, -last),
        ] {
            take(&mut Kept::default(), expires, now, ahead).unwrap();
        }
    }

    #[test]
    fn a_token_that_has_ended_already_is_not_used_twice() {
        let mut kept = Kept::default();
        take(&mut kept, "1970-01-01T00:00:00Z", 10, 0).unwrap();
        assert!(kept.current(at(10)).is_none());
    }

    #[test]
    fn only_the_token_that_was_refused_is_forgotten() {
        let mut kept = Kept::default();
        let first = take(&mut kept, "1970-01-01T01:00:00Z", 0, 0).unwrap();
        let second = take(&mut kept, "1970-01-01T01:00:00Z", 0, 0).unwrap();
        assert_ne!(first.generation, second.generation);
        kept.forget(&first.generation);
        assert!(kept.current(at(0)).is_some());
        kept.forget(&second.generation);
        assert!(kept.current(at(0)).is_none());
    }

    #[test]
    fn what_is_no_token_is_told_without_repeating_it() {
        let mut kept = Kept::default();
        let mut fault = |answer: &str| {
            let taken = kept.take(answer.as_bytes(), at(0), SignedDuration::ZERO);
            taken.unwrap_err().to_string()
        };
        assert_eq!(
            fault(r#"{"token":17,"x":"ghs_secret"}"#),
            "cannot read the answer: it has no token of the installation"
        );
        assert_eq!(
            fault(r#"{"token":"ghs secret"}"#),
            "cannot read the answer: the token of the installation has a letter that no token has"
        );
    }

    #[test]
    fn a_token_is_not_shown() {
        let mut kept = Kept::default();
        take(&mut kept, "1970-01-01T01:00:00Z", 0, 0).unwrap();
        let shown = format!("{kept:?}");
        assert!(
            shown.contains("installation-1") && !shown.contains("ghs"),
            "{shown}"
        );
    }
}
