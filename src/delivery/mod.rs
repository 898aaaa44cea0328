//! What GitHub told us, what of it is kept, and what becomes of it.
//!
//! ```text
//! event name, JSON -> decode -> Content -> Delivery -> scope: may this hook say so?
//!                                             |
//!                                             `-> WorkItem (delivery x cluster x object) -> WorkState ...
//! ```

mod changed_paths;
mod commit_name;
mod decode;
mod event;
mod fault;
mod proof;
mod pushed_ref;
mod reader;
mod record;
mod repository;
mod scope;
mod state;
mod wanted;
mod wire;
mod wire_commits;
mod work;

pub use changed_paths::{ChangedPaths, CutOff};
pub use commit_name::CommitName;
pub use decode::{Content, decode};
pub use event::{
    Event, HeadNews, HeadSeen, Package, RefChange, Release, RepositoryChange, WorkflowRun,
};
pub use fault::{NESTING_LIMIT, PayloadFault, TEXT_LIMIT_BYTES};
pub use proof::{
    Again, Failure, Fetched, Proof, ProofState, Stage, USERS_KEPT, UserProof, UserState,
};
pub use pushed_ref::{CommitId, PushedRef};
pub use record::{Delivery, DeliveryKey, Guid, WebhookName};
pub use repository::Repository;
pub use scope::{HookScope, OutOfScope, SpeaksFor};
pub use state::{DeliveryState, NothingToDo};
pub use wanted::Wanted;
pub use work::{ImpossibleStep, Step, Token, Wait, WorkState};
