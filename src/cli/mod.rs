//! The door for people: arguments, wiring, printing and exit codes.

mod against;
mod against_document;
mod against_markdown;
mod against_part;
mod against_text;
mod alerts;
mod applied;
mod args;
mod baseline;
mod baseline_names;
mod budget;
mod budget_compare;
mod budget_figures;
mod budget_live;
mod budget_patch;
mod budget_price;
mod budget_report;
mod client;
mod clusters;
mod completions;
mod delivery;
mod delivery_args;
mod delivery_proof;
mod editor;
mod excerpt;
mod existing;
mod explain;
mod fleet;
mod fleet_answers;
mod folder_json;
mod folder_report;
mod given;
mod init;
mod init_culprits;
mod init_from;
mod init_live;
mod init_proof;
mod init_report;
mod install;
mod install_args;
mod json_text;
mod judgement;
mod judging;
mod kustomize;
mod left_alone;
mod log;
mod log_lines;
mod manifest_crds;
mod manifest_files;
mod manifests;
mod manifests_json;
mod markdown;
mod markers;
mod new_files;
mod no_objects;
mod of_version;
mod old;
mod other_files;
mod outcome;
mod output;
mod plan;
mod printable;
mod progress;
mod real_path;
mod reconcile;
mod reconcile_args;
mod render;
mod report;
mod report_github;
mod report_markdown;
mod report_sarif;
mod same_object;
mod schema;
mod serve;
mod serve_args;
mod serve_changes;
mod serve_clusters;
mod serve_current;
mod serve_duties;
mod serve_github;
mod serve_settings;
mod serve_tasks;
mod sops;
mod status;
mod status_args;
mod table;
mod validate;
mod validate_args;
mod webhook;
mod webhook_args;
mod whose;

use std::process::ExitCode;

use clap::Parser;

use args::{Arguments, Command};
use outcome::Outcome;

/// Runs the program with the arguments of the process; the code is that of its README: 0 done,
/// 1 the answer is no, 2 bad input or it could not be done.
pub fn main() -> ExitCode {
    let given: Vec<_> = std::env::args_os().collect();
    let parsed = Arguments::try_parse_from(&given).and_then(|mut arguments| {
        arguments.settle_format()?;
        Ok(arguments)
    });
    let arguments = match parsed {
        Ok(arguments) => arguments,
        Err(error) => return outcome::of_arguments(&error, &given),
    };
    arguments.global.color.apply();
    outcome::code(run(&arguments), arguments.global.asked_format)
}

fn run(arguments: &Arguments) -> anyhow::Result<Outcome> {
    let global = &arguments.global;
    match &arguments.command {
        Command::Render(render) => render::run(global, render),
        Command::Plan(plan) => plan::run(global, plan),
        Command::Validate(validate) => match &validate.manifests {
            Some(path) => manifests::run(global, path, validate),
            None => validate::run(global, validate),
        },
        Command::Budget(budget) => budget::run(global, budget),
        Command::Init(init) => init::run(global, init),
        Command::Reconcile(reconcile) => reconcile::run(global, reconcile),
        Command::Status(status) => status::run(global, status),
        Command::Serve(serve) => serve::run(global, serve),
        Command::Install(install) => install::run(global, install),
        Command::Delivery(delivery) => delivery::run(global, delivery),
        Command::Webhook(webhook) => webhook::run(global, webhook),
        Command::Alerts(alerts) => alerts::run(global, alerts),
        Command::Schema(schema) => schema::run(schema),
        Command::Completions(completions) => completions::run(completions),
    }
}
