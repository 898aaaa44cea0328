//! How what a cluster has differs from what was known of it.

use std::sync::Arc;

use super::item::Item;

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Change {
    Added(Arc<Item>),
    Updated {
        item: Arc<Item>,
        /// As [`Item::differences`] names them; never empty.
        fields: Vec<&'static str>,
    },
    /// As it was last known.
    Deleted(Arc<Item>),
}

impl Change {
    pub fn item(&self) -> &Arc<Item> {
        match self {
            Self::Added(item) | Self::Updated { item, .. } | Self::Deleted(item) => item,
        }
    }
}
