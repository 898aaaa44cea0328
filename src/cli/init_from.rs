//! `flux-setup init --from`: a configuration made of objects that exist, proved before it is written.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context, bail};

use crate::adopt::{Places, steps};
use crate::budget::counted;
use crate::flux::yaml::{Node, Span};
use crate::render::Manifest;

use super::args::{Format, GlobalArguments, InitArguments};
use super::editor::with_schemas;
use super::existing::{Existing, Reading};
use super::init_proof::{is_adopted, proved};
use super::init_report::{self, Proved};
use super::log::Log;
use super::manifest_files::{Documents, called};
use super::new_files::{quoted, shown_file, write_files};
use super::outcome::Outcome;
use super::{init_live, left_alone, markers, old, output, report, whose};

pub(super) fn run(global: &GlobalArguments, arguments: &InitArguments) -> anyhow::Result<Outcome> {
    let mut log = Log::new(global.verbose);
    let reading = Reading {
        exclude: &arguments.exclude,
        build: arguments.build,
    };
    let (existing, root) = match (&arguments.from, &arguments.context) {
        (Some(path), _) => (Existing::read(path, reading)?, called(path)),
        (None, Some(context)) => {
            let mut read = Documents::default();
            let documents = init_live::objects(context, &mut read)?;
            (Existing::of(read, documents), PathBuf::new())
        }
        (None, None) => {
            bail!("nothing says what the configuration is made of: `--from` or `--context`")
        }
    };
    let read = &existing.read;
    log.step("read", || counted(existing.documents.len(), "document"));
    if existing.is_of_no_use() {
        report::print(&read.sources, &read.findings, global.format)?;
        return Ok(Outcome::BadInput);
    }
    report::print_beside(&read.sources, &read.findings)?;
    let mut proved = match proved(&existing, &root, arguments.context.as_deref(), &mut log)? {
        Ok(proved) => proved,
        Err(findings) => {
            report::print(&read.sources, &findings, global.format)?;
            return Ok(Outcome::BadInput);
        }
    };
    let outcome = match existing.is_broken() {
        true => Outcome::No,
        false => Outcome::Done,
    };
    let folder = arguments.folder.as_ref().unwrap_or(&global.config);
    if proved.adoption.files.is_empty() {
        output::beside(&init_report::left_alone(&proved.adoption, &read.sources))?;
        bail!("there is no object of which a configuration could be made, so nothing was written");
    }
    if arguments.plan {
        let mut from = match (&arguments.from, &arguments.context) {
            (Some(path), _) => quoted(&path.display().to_string()),
            (None, _) => "MANIFESTS".to_owned(),
        };
        for pattern in &arguments.exclude {
            from += &format!(" --exclude {}", quoted(pattern));
        }
        if arguments.build {
            from += " --build";
        }
        let context = arguments.context.as_deref().map(quoted);
        let places = Places {
            config: &quoted(&folder.display().to_string()),
            from: &from,
            context: context.as_deref(),
        };
        let old = old::old(&proved.adoption, &existing, &proved.clusters, &is_adopted);
        let mut steps = steps(&proved.adoption, &old, places);
        let markers = markers::markers(&proved.adoption, &existing);
        if let Some(step) = markers::step(&markers, &existing.read.sources) {
            steps.steps.insert(0, step);
        }
        match global.format {
            Format::Json => output::json(&init_report::steps_json(&steps))?,
            Format::Text => output::text(|out| init_report::write_steps(out, &steps))?,
        }
        return Ok(outcome);
    }
    let files = proved.adoption.files.iter();
    let files = files.map(|(name, text)| (name.as_str(), text.as_str()));
    proved.adoption.files = with_schemas(files);
    if let Some(list) = left_alone(&proved, &existing) {
        let file = (left_alone::FILE.to_owned(), list);
        proved.adoption.files.push(file);
    }
    refuse_others(folder, &proved.adoption.files)?;
    write_files(folder, &proved.adoption.files)?;
    match global.format {
        Format::Json => output::json(&init_report::json(&proved, &existing))?,
        Format::Text => {
            output::text(|out| init_report::write(out, folder, &proved, &existing))?;
        }
    }
    Ok(outcome)
}

/// What lies in the folder already would be read together with what is written, and was not proved.
fn refuse_others(folder: &Path, files: &[(String, String)]) -> anyhow::Result<()> {
    const READ: [(&str, &[&str]); 2] =
        [("environments", &["yaml", "yml"]), ("templates", &["tera"])];
    for (below, endings) in READ {
        let entries = match fs::read_dir(folder.join(below)) {
            Ok(entries) => entries,
            Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
            Err(error) => {
                return Err(error)
                    .with_context(|| format!("cannot look into `{}`", shown_file(folder, below)));
            }
        };
        let names = entries.filter_map(|entry| entry.ok()?.file_name().into_string().ok());
        let mut names: Vec<_> = names
            .filter(|name| {
                let ending = Path::new(name).extension();
                ending.is_some_and(|ending| endings.iter().any(|known| ending == *known))
            })
            .map(|name| format!("{below}/{name}"))
            .filter(|name| files.iter().all(|(file, _)| file != name))
            .collect();
        names.sort_unstable();
        if let Some(name) = names.first() {
            bail!(
                "`{}` would be read together with what was proved without it, so nothing was written; \
                 choose another folder: `flux-setup init DIR --from …`",
                shown_file(folder, name)
            );
        }
    }
    Ok(())
}

/// What a later comparison need not miss.
fn left_alone(proved: &Proved, existing: &Existing) -> Option<String> {
    let left = &proved.adoption.left_alone;
    let alone: HashSet<Span> = left.iter().map(|one| one.span).collect();
    let adopted = existing.documents.iter();
    let adopted = adopted.filter(|one| is_adopted(one) && !alone.contains(&one.span));
    let known = adopted.filter_map(|one| proved.clusters.get(&one.span));
    let known: BTreeSet<&Arc<str>> = known.flatten().flatten().collect();
    let known: Vec<Arc<str>> = known.into_iter().cloned().collect();
    let documents = existing.documents.iter();
    let documents: HashMap<Span, &Node> = documents.map(|one| (one.span, one)).collect();
    let clusters = whose::among(existing, &known);
    // what nothing applies is missed by no comparison
    let left = left.iter();
    let left = left.filter(|one| existing.passed_over(one.span).is_none());
    let left = left.flat_map(|one| {
        let document = documents.get(&one.span);
        let clusters = clusters.get(&one.span).into_iter().flatten();
        clusters.map(move |cluster| {
            let manifest = document.and_then(|it| Manifest::new(cluster.clone(), it));
            (one, manifest.map(|manifest| manifest.object))
        })
    });
    left_alone::list(left, !known.is_empty())
}
