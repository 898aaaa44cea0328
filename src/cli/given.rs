//! Arguments and values that several commands take.

use std::time::Duration;

use clap::Args;

use crate::flux::duration;

/// Each name exists, but no object has all of them.
pub(super) const NOTHING_SELECTED: &str =
    "the selection is empty: no object lies in such an environment, project and cluster at once";

#[derive(Debug, Args)]
#[command(next_help_heading = "Selection, by name or pattern, each as often as needed")]
pub(super) struct SelectionArguments {
    /// Only these environments: of the configuration, or of files that are left over in --output
    #[arg(long, value_name = "NAME")]
    pub(super) environment: Vec<String>,
    /// Only these projects, likewise
    #[arg(long, value_name = "NAME")]
    pub(super) project: Vec<String>,
    /// Only these clusters, likewise
    #[arg(long, value_name = "NAME")]
    pub(super) cluster: Vec<String>,
}

pub(super) fn positive_duration(text: &str) -> Result<Duration, String> {
    let duration = duration::read(text).map_err(|fault| fault.to_string())?;
    if duration.is_zero() {
        return Err("a duration of zero is of no use here".to_owned());
    }
    Ok(duration)
}
