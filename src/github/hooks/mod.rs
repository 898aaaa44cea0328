//! GitHub's side of our webhooks: the hooks themselves, what they delivered, and whether they are sound.
//!
//! ```text
//! GET …/hooks ------------> Hook -----> judge_hook ------.
//! GET …/hooks/1/deliveries > Attempt -> judge_attempts --+-> Finding: what is wrong, and what mends it
//! GET …/deliveries/2 -----> AttemptDetail -> Content, as the door would have read it
//! ```

mod attempt;
mod calls;
mod change;
mod finding;
mod health;
mod outcome;
mod place;
mod unasked;
mod wanted;
mod wire;

pub use attempt::{Attempt, AttemptDetail, AttemptFault, Attempts, days_remembered, read_attempts};
pub use calls::{AttemptPage, DETAIL_LIMIT_BYTES, DetailFault, HookApi, Hooks};
pub use change::{Change, HookPatch, changes};
pub use finding::{Finding, FindingKind};
pub use health::{Judged, judge_hook, judge_missing};
pub use outcome::judge_attempts;
pub use place::HookPlace;
pub use unasked::{judge_installation, judge_unasked};
pub use wanted::{WantedHook, is_ours, ours};
pub use wire::{AppAbout, Hook, HookConfig};
