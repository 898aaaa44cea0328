//! What goes wrong when a test says so.

use std::time::Duration;

/// How a call fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// A refusal in JSON.
    Status(u16),
    /// The page of a proxy in front of GitHub, in HTML: 502, 503, 504.
    Proxy(u16),
    /// A secondary limit, `status` being 403 or 429.
    Secondary {
        status: u16,
        /// In seconds; `None` where the header is missing.
        retry_after: Option<u32>,
    },
    /// GraphQL gave up after ten seconds: 502, and so many points more.
    GraphqlTimeout { points: u32 },
    /// GraphQL failed within: 200, no data and an error without a type.
    GraphqlBroken,
    /// GraphQL had enough after so many fields of the query: the others are null, each with an error.
    ResourceLimits { after: usize },
    /// The right answer, though late.
    Slow(Duration),
    /// Never an answer.
    Silence,
    /// The connection ends without an answer.
    Closed,
    /// The right answer, of which half arrives.
    Truncated,
    /// 200 and a body that is no JSON.
    NotJson,
    /// 200 and a body of so many bytes.
    Large(usize),
}

/// Which calls a fault befalls.
#[derive(Clone, Debug)]
struct Rule {
    /// Part of `METHOD /path?query`; empty: any.
    part: String,
    fault: Fault,
    /// `None`: until the faults are cleared.
    left: Option<u32>,
}

#[derive(Debug, Default)]
pub struct Faults {
    rules: Vec<Rule>,
    /// How many calls were befallen by one, those also that never had an answer.
    pub befallen: u64,
}

impl Faults {
    pub fn add(&mut self, part: &str, times: Option<u32>, fault: Fault) {
        self.rules.push(Rule {
            part: part.to_owned(),
            fault,
            left: times,
        });
    }

    pub fn clear(&mut self) {
        self.rules.clear();
    }

    /// The fault that befalls a call; the oldest rule that fits is used up first.
    pub fn befall(&mut self, call: &str) -> Option<Fault> {
        let place = self
            .rules
            .iter()
            .position(|rule| call.contains(&rule.part))?;
        let rule = &mut self.rules[place];
        let fault = rule.fault;
        self.befallen += 1;
        if let Some(left) = &mut rule.left {
            *left -= 1;
            if *left == 0 {
                self.rules.remove(place);
            }
        }
        Some(fault)
    }
}
