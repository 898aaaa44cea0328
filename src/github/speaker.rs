//! Who an identity is to GitHub, and what it proves that by now.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use http::HeaderValue;
use tokio::time::Instant;

use crate::budget::live::Purpose;
use crate::config;

use super::address::Address;
use super::app::{App, is_clock_off};
use super::call::Speaks;
use super::credential::{Credential, bearer};
use super::etag::Generation;
use super::fault::CallFault;
use super::judge::Made;
use super::jwt::AppKey;
use super::line::Line;
use super::refused::Refused;
use super::settings::{GithubSettings, IdentitySettings};

/// Whom GitHub knows.
#[derive(Debug)]
pub(super) struct Speaker {
    kind: Kind,
    refused: Mutex<Refused>,
}

#[derive(Debug)]
enum Kind {
    Nobody,
    Token(Box<Credential<HeaderValue>>),
    App(Box<App>),
}

/// What a call is proved by.
#[derive(Debug, Clone)]
pub(super) struct Proof {
    pub(super) made: Made,
    pub(super) generation: Generation,
    /// By how much GitHub's clock was ahead when it was signed.
    ahead: i64,
}

impl Speaker {
    pub(super) fn open(identity: &IdentitySettings, settings: &GithubSettings) -> Self {
        let (name, folder) = (&identity.name, &settings.folder);
        let kind = match &identity.credential {
            None => Kind::Nobody,
            Some(config::Credential::Token(token)) => {
                Kind::Token(Box::new(Credential::open(name, token, folder, bearer)))
            }
            Some(config::Credential::App {
                id,
                installation,
                private_key,
            }) => {
                let key = Credential::open(name, private_key, folder, AppKey::read);
                Kind::App(Box::new(App::new(*id, *installation, key)))
            }
        };
        Self {
            kind,
            refused: Mutex::default(),
        }
    }

    /// Why it cannot prove itself at all: there was no credential yet that is of use.
    pub(super) fn unusable(&self) -> Option<CallFault> {
        match &self.kind {
            Kind::Nobody => None,
            Kind::Token(token) => token.current().err(),
            Kind::App(app) => app.key.current().err(),
        }
    }

    /// Whether calls are counted as the App's own.
    pub(super) fn is_app(&self, speaks: Speaks) -> bool {
        matches!(self.kind, Kind::App(_)) && speaks == Speaks::AsApp
    }

    /// Readies what a call is proved by; a token of an installation is made where there is none.
    ///
    /// # Errors
    /// There is no credential of use, GitHub gives no token, or did not take the credential a short time ago.
    pub(super) async fn prove(
        &self,
        speaks: Speaks,
        line: &Line,
        address: &Address,
        purpose: Purpose,
        deadline: Option<Instant>,
    ) -> Result<Proof, CallFault> {
        let ahead = line.ahead().as_secs();
        let (made, generation) = match &self.kind {
            Kind::Nobody => (Made::Rest, nobody()),
            Kind::Token(token) => (Made::Rest, token.current()?.generation),
            Kind::App(app) if speaks == Speaks::AsApp => {
                (Made::ByApp, app.key.current()?.generation)
            }
            Kind::App(app) => {
                let token = app.installed(line, address, purpose, deadline).await?;
                (Made::Rest, token.generation)
            }
        };
        if let Some(fault) = self.refused().holds(&generation, Instant::now()) {
            return Err(fault);
        }
        Ok(Proof {
            made,
            generation,
            ahead,
        })
    }

    /// The header of a proof, right before it is sent. `None`: it is outdated.
    pub(super) fn header(&self, proof: &Proof, line: &Line) -> Option<Option<HeaderValue>> {
        let same = |generation: &Generation| *generation == proof.generation;
        match &self.kind {
            Kind::Nobody => Some(None),
            Kind::Token(token) => {
                let token = token.current().ok()?;
                same(&token.generation).then(|| Some((*token.value).clone()))
            }
            Kind::App(app) if proof.made == Made::ByApp => {
                let key = app.key.current().ok()?;
                let signed = app.signed(&key.value, line.github_now());
                same(&key.generation).then_some(Some(signed))
            }
            Kind::App(app) => {
                let token = app.tokens.current(line.clock.now())?;
                same(&token.generation).then_some(Some(token.header))
            }
        }
    }

    /// GitHub did not take a proof (401). Whether it is worth to try with another.
    pub(super) async fn was_refused(&self, proof: &Proof, line: &Line) -> bool {
        match &self.kind {
            Kind::Nobody => false,
            Kind::Token(token) => {
                let token = token.now();
                token.is_ok_and(|token| token.generation != proof.generation)
            }
            Kind::App(app) if proof.made == Made::ByApp => {
                let key = app.key.now();
                is_clock_off(proof.ahead, line)
                    || key.is_ok_and(|key| key.generation != proof.generation)
            }
            Kind::App(app) => {
                app.tokens.keeping().await.forget(&proof.generation);
                true
            }
        }
    }

    /// From now on, for a while, nobody asks with it.
    pub(super) fn refuse(&self, proof: &Proof, fault: &CallFault) {
        let now = Instant::now();
        self.refused().refuse(&proof.generation, fault.clone(), now);
    }

    /// GitHub took a proof.
    pub(super) fn was_taken(&self, proof: &Proof) {
        self.refused().forget(&proof.generation);
    }

    /// What it proves itself by now, as it is told from what may take its place: a token or a key.
    pub(super) fn credential(&self) -> Generation {
        match &self.kind {
            Kind::Nobody => nobody(),
            Kind::Token(token) => token
                .current()
                .map_or_else(|_| nobody(), |it| it.generation),
            Kind::App(app) => app
                .key
                .current()
                .map_or_else(|_| nobody(), |it| it.generation),
        }
    }

    fn refused(&self) -> MutexGuard<'_, Refused> {
        self.refused.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn nobody() -> Generation {
    Generation {
        name: Arc::from("anonymous"),
        lasts: true,
    }
}
