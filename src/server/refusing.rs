//! What a refusal entails: failed signatures count against their sender, and the log hears of what matters.

use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use http::HeaderMap;
use ipnet::IpNet;
use tracing::{debug, warn};

use crate::delivery::Guid;

use super::answer::Refusal;
use super::client::Sender;
use super::metrics::{Metrics, RefusalLabels};
use super::seldom::Seldom;
use super::throttle::{Failed, Throttle};

#[derive(Debug)]
pub(super) struct Refusing {
    trusted_proxies: Arc<[IpNet]>,
    metrics: Metrics,
    throttle: Mutex<Throttle>,
    signatures_logged: Mutex<Seldom>,
    bodies_logged: Mutex<Seldom>,
}

impl Refusing {
    pub(super) fn new(trusted_proxies: Arc<[IpNet]>, metrics: Metrics) -> Self {
        Self {
            trusted_proxies,
            metrics,
            throttle: Mutex::default(),
            signatures_logged: Mutex::default(),
            bodies_logged: Mutex::default(),
        }
    }

    /// The refusal to answer with: of a failed signature it may become another.
    pub(super) fn judge(
        &self,
        refusal: Refusal,
        peer: IpAddr,
        headers: &HeaderMap,
        guid: Option<&Guid>,
    ) -> Refusal {
        let now = Instant::now();
        let sender = || Sender::of(peer, headers, &self.trusted_proxies);
        let refusal = match refusal {
            Refusal::Signature(fault) => {
                let sender = sender();
                let (refusal, first) = match self.failed(sender, now) {
                    Failed::Answered { first } => (Refusal::Signature(fault), first),
                    Failed::TooMany { wait, first } => (Refusal::Throttled { wait }, first),
                };
                if first {
                    log(&self.signatures_logged, now, &refusal, sender, guid);
                }
                refusal
            }
            // GitHub may have meant it, and delivers nothing again by itself.
            Refusal::Slow | Refusal::Broken | Refusal::Crowded | Refusal::TooLarge => {
                log(&self.bodies_logged, now, &refusal, sender(), guid);
                refusal
            }
            // Those of the store and of rightly signed bodies are told where their causes are known.
            other => {
                let status = other.status().as_u16();
                debug!(status, "refused a request: {other}");
                other
            }
        };
        let labels = RefusalLabels {
            status: refusal.status().as_u16(),
        };
        self.metrics.refusals.get_or_create(&labels).inc();
        refusal
    }

    fn failed(&self, sender: Sender, now: Instant) -> Failed {
        let mut throttle = self.throttle.lock().unwrap_or_else(PoisonError::into_inner);
        throttle.failed(sender, now)
    }
}

fn log(
    lines: &Mutex<Seldom>,
    now: Instant,
    refusal: &Refusal,
    sender: Sender,
    guid: Option<&Guid>,
) {
    let left_out = {
        let mut lines = lines.lock().unwrap_or_else(PoisonError::into_inner);
        lines.may_log(now)
    };
    if let Some(left_out) = left_out {
        let status = refusal.status().as_u16();
        let delivery = guid.map(Guid::as_str);
        warn!(%sender, delivery, status, left_out, "refused a delivery from {sender}: {refusal}");
    }
}
