//! The calls about hooks and their deliveries, for a repository, an organisation or an App alike.

use http::StatusCode;
use jiff::Timestamp;
use jiff::fmt::rfc2822::DateTimeParser;
use serde_json::value::RawValue;

use crate::budget::live::Purpose;
use crate::github::{Answer, Call, CallFault, Client};

use super::attempt::{Attempt, AttemptDetail, AttemptFault, Attempts, read_attempts};
use super::change::HookPatch;
use super::place::HookPlace;
use super::wire::{AppAbout, Hook, HookConfig};

/// Pages of hooks that are read; GitHub allows 20 hooks an event, an Enterprise Server 250.
const HOOK_PAGES: usize = 10;
/// What GitHub gives at once at most.
const PER_PAGE: &str = "per_page=100";
/// What shows a delivery is never larger: GitHub delivers no payload above 25 MB, and shows headers and our answer
/// beside it. Source: "Webhook events and payloads" in GitHub's documentation.
pub const DETAIL_LIMIT_BYTES: usize = 32 * 1024 * 1024;

/// The hooks of one place, as one identity sees them.
#[derive(Debug, Clone)]
pub struct HookApi {
    client: Client,
    place: HookPlace,
}

/// All hooks of a place.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Hooks {
    /// Of an App there is one at most.
    pub hooks: Vec<Hook>,
    /// Where people choose an App's events.
    pub app_page: Option<String>,
}

/// Attempts, newest first.
#[derive(Debug, Clone)]
pub struct AttemptPage {
    pub attempts: Vec<Attempt>,
    /// Entries that name no delivery, cut off.
    pub unreadable: Vec<String>,
    /// Where the next older ones are; `None`: these were the last.
    pub next: Option<String>,
    /// GitHub's clock.
    pub date: Option<Timestamp>,
    answer: Answer,
}

/// Why a delivery cannot be had from GitHub's list.
#[derive(Debug, thiserror::Error)]
pub enum DetailFault {
    #[error("cannot ask GitHub for it")]
    Call(#[source] CallFault),
    #[error("cannot read it")]
    Payload(#[source] AttemptFault),
}

impl HookApi {
    pub fn new(client: Client, place: HookPlace) -> Self {
        Self { client, place }
    }

    pub fn place(&self) -> &HookPlace {
        &self.place
    }

    pub fn client(&self) -> &Client {
        &self.client
    }

    /// All hooks, whosever they are.
    ///
    /// # Errors
    /// GitHub does not say.
    pub async fn hooks(&self) -> Result<Hooks, CallFault> {
        if self.place == HookPlace::App {
            return self.app_hook().await;
        }
        let mut hooks = Vec::new();
        let mut path = Some(format!("{}?{PER_PAGE}", self.place.hooks()));
        for _ in 0..HOOK_PAGES {
            let Some(asked) = path.take() else { break };
            let call = Call::get(asked, self.hooks_endpoint(), Purpose::WebhookHealth);
            let answer = self.client.call(call).await?;
            let entries: Vec<&RawValue> = read(&answer)?;
            let readable = entries.iter();
            hooks.extend(readable.filter_map(|hook| serde_json::from_str::<Hook>(hook.get()).ok()));
            path = answer.next;
        }
        Ok(Hooks {
            hooks,
            app_page: None,
        })
    }

    async fn app_hook(&self) -> Result<Hooks, CallFault> {
        let get = |path, endpoint| Call::get(path, endpoint, Purpose::WebhookHealth).as_app();
        let config = get("/app/hook/config", "/app/hook/config");
        let config: HookConfig = self.client.call(config).await?.json()?;
        let about = self.client.call(get("/app", "/app")).await?;
        let about: AppAbout = about.json()?;
        let app_page = Some(about.page(self.client.host()));
        let has_url = config.url.as_deref().is_some_and(|url| !url.is_empty());
        let hook = Hook {
            id: 0,
            active: true,
            events: about.events,
            config,
        };
        Ok(Hooks {
            hooks: if has_url { vec![hook] } else { Vec::new() },
            app_page,
        })
    }

    /// Makes a hook. An App has one from the beginning, which [`Self::change`] sets up.
    ///
    /// # Errors
    /// GitHub does not make it.
    pub async fn create(&self, patch: &HookPatch) -> Result<Hook, CallFault> {
        if self.place == HookPlace::App {
            self.change(0, patch).await?;
            let made = self.app_hook().await?.hooks.pop();
            return made.ok_or_else(|| CallFault::BadAnswer {
                reason: "the App has no hook after it was set up".to_owned(),
            });
        }
        let path = self.place.hooks();
        let call = Call::post(path, self.hooks_endpoint(), Purpose::Other);
        let call = call.with_body(patch.hook()).creating();
        self.client.call(call).await?.json()
    }

    /// Makes a hook as it is wanted.
    ///
    /// # Errors
    /// GitHub does not change it.
    pub async fn change(&self, hook: u64, patch: &HookPatch) -> Result<(), CallFault> {
        let call = match &self.place {
            HookPlace::App => Call::patch("/app/hook/config", "/app/hook/config", Purpose::Other)
                .as_app()
                .with_body(patch.config()),
            place => {
                let path = format!("{}/{hook}", place.hooks());
                Call::patch(path, self.hook_endpoint(), Purpose::Other).with_body(patch.hook())
            }
        };
        self.client.call(call.idempotent()).await?;
        Ok(())
    }

    /// Has GitHub deliver a ping. It is not done of an App's hook, for which there is no such call.
    ///
    /// # Errors
    /// GitHub does not.
    pub async fn ping(&self, hook: u64) -> Result<bool, CallFault> {
        let endpoint = match self.place {
            HookPlace::App => return Ok(false),
            HookPlace::Organization(_) => "/orgs/{org}/hooks/{hook_id}/pings",
            HookPlace::Repository { .. } => "/repos/{owner}/{repo}/hooks/{hook_id}/pings",
        };
        let path = format!("{}/{hook}/pings", self.place.hooks());
        let call = Call::post(path, endpoint, Purpose::Other);
        self.client.call(call).await?;
        Ok(true)
    }

    /// Takes a hook away.
    ///
    /// # Errors
    /// GitHub does not; an App's cannot be.
    pub async fn delete(&self, hook: u64) -> Result<(), CallFault> {
        let path = format!("{}/{hook}", self.place.hooks());
        let call = Call::delete(path, self.hook_endpoint(), Purpose::Other);
        self.client.call(call.idempotent()).await?;
        Ok(())
    }

    /// A page of what was delivered: the newest, or what [`AttemptPage::next`] names. `None`: nothing
    /// was since the page that was kept last, which only a conditional call hears.
    ///
    /// # Errors
    /// GitHub does not say.
    pub async fn attempts(
        &self,
        hook: u64,
        next: Option<&str>,
        conditional: bool,
    ) -> Result<Option<AttemptPage>, CallFault> {
        let path = match next {
            Some(next) => next.to_owned(),
            None => format!("{}?{PER_PAGE}", self.place.deliveries(hook)),
        };
        let endpoint = self.deliveries_endpoint();
        let mut call = self.spoken(Call::get(path, endpoint, Purpose::WebhookHealth));
        call.etag = conditional;
        let answer = self.client.call(call).await?;
        if answer.is_not_modified() {
            return Ok(None);
        }
        let read = read_attempts(&answer.body).map_err(|fault| no_list(&fault))?;
        let Attempts {
            attempts,
            unreadable,
        } = read;
        let date = answer.header("date");
        let date = date.and_then(|date| DateTimeParser::new().parse_timestamp(date).ok());
        Ok(Some(AttemptPage {
            attempts,
            unreadable,
            next: answer.next.clone(),
            date,
            answer,
        }))
    }

    /// All of a page was worked: the next conditional call need not show it again.
    pub fn keep(&self, page: &AttemptPage) {
        self.client.keep(&page.answer);
    }

    /// An attempt with what was sent; `limit_bytes` is of the answer, at most [`DETAIL_LIMIT_BYTES`].
    ///
    /// # Errors
    /// It cannot be had.
    pub async fn detail(
        &self,
        hook: u64,
        attempt: u64,
        limit_bytes: usize,
    ) -> Result<AttemptDetail, DetailFault> {
        let path = format!("{}/{attempt}", self.place.deliveries(hook));
        let call = Call::get(path, self.delivery_endpoint(), Purpose::BackFill);
        let call = call.up_to(limit_bytes);
        let answer = self.client.call(self.spoken(call)).await;
        let answer = answer.map_err(DetailFault::Call)?;
        AttemptDetail::read(&answer.body).map_err(DetailFault::Payload)
    }

    /// Has GitHub deliver it again, under the same GUID.
    ///
    /// # Errors
    /// GitHub does not.
    pub async fn redeliver(&self, hook: u64, attempt: u64) -> Result<(), CallFault> {
        let path = format!("{}/{attempt}/attempts", self.place.deliveries(hook));
        let call = Call::post(path, self.attempts_endpoint(), Purpose::BackFill);
        let answer = self.client.call(self.spoken(call)).await?;
        // Another one is that of something between.
        if answer.status == StatusCode::ACCEPTED {
            return Ok(());
        }
        Err(CallFault::BadAnswer {
            reason: format!(
                "what is to be delivered again is answered with {}, and not with 202",
                answer.status.as_u16()
            ),
        })
    }

    fn spoken(&self, call: Call) -> Call {
        match self.place {
            HookPlace::App => call.as_app(),
            _ => call,
        }
    }

    fn hooks_endpoint(&self) -> &'static str {
        match self.place {
            HookPlace::Repository { .. } => "/repos/{owner}/{repo}/hooks",
            HookPlace::Organization(_) => "/orgs/{org}/hooks",
            HookPlace::App => "/app/hook/config",
        }
    }

    fn hook_endpoint(&self) -> &'static str {
        match self.place {
            HookPlace::Repository { .. } => "/repos/{owner}/{repo}/hooks/{hook_id}",
            HookPlace::Organization(_) => "/orgs/{org}/hooks/{hook_id}",
            HookPlace::App => "/app/hook/config",
        }
    }

    fn deliveries_endpoint(&self) -> &'static str {
        match self.place {
            HookPlace::Repository { .. } => "/repos/{owner}/{repo}/hooks/{hook_id}/deliveries",
            HookPlace::Organization(_) => "/orgs/{org}/hooks/{hook_id}/deliveries",
            HookPlace::App => "/app/hook/deliveries",
        }
    }

    fn delivery_endpoint(&self) -> &'static str {
        match self.place {
            HookPlace::Repository { .. } => {
                "/repos/{owner}/{repo}/hooks/{hook_id}/deliveries/{delivery_id}"
            }
            HookPlace::Organization(_) => "/orgs/{org}/hooks/{hook_id}/deliveries/{delivery_id}",
            HookPlace::App => "/app/hook/deliveries/{delivery_id}",
        }
    }

    fn attempts_endpoint(&self) -> &'static str {
        match self.place {
            HookPlace::Repository { .. } => {
                "/repos/{owner}/{repo}/hooks/{hook_id}/deliveries/{delivery_id}/attempts"
            }
            HookPlace::Organization(_) => {
                "/orgs/{org}/hooks/{hook_id}/deliveries/{delivery_id}/attempts"
            }
            HookPlace::App => "/app/hook/deliveries/{delivery_id}/attempts",
        }
    }
}

fn read(answer: &Answer) -> Result<Vec<&RawValue>, CallFault> {
    serde_json::from_slice(&answer.body).map_err(|fault| no_list(&fault))
}

fn no_list(fault: &serde_json::Error) -> CallFault {
    CallFault::BadAnswer {
        reason: format!("it is no list: {fault}"),
    }
}
