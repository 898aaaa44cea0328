//! Arguments and values that several commands take.

use std::time::Duration;

use clap::{Args, ValueEnum};

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

/// Which running `serve` is asked.
#[derive(Debug, Args)]
pub(super) struct ServerArguments {
    /// The address of the server's API; left out: that of FLUX_SETUP_SERVER, else where the
    /// configuration's `server.api` listens, as http://127.0.0.1:9293. A token of the API is taken from
    /// FLUX_SETUP_TOKEN
    #[arg(long = "server", global = true, value_name = "URL")]
    pub(super) address: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub(super) enum Format {
    #[default]
    Text,
    Json,
}

pub(super) fn positive_duration(text: &str) -> Result<Duration, String> {
    let duration = duration::read(text).map_err(|fault| fault.to_string())?;
    if duration.is_zero() {
        return Err("a duration of zero is of no use here".to_owned());
    }
    Ok(duration)
}
