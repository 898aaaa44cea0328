//! What became of a folder of manifests, as people read it.

use std::io::{self, Write};
use std::path::Path;

use anstyle::{AnsiColor, Style};

use crate::budget::{count, counted};
use crate::flux::mask;
use crate::render::{FolderReport, Renamed, StaleFile, WrittenObject};

use super::args::GlobalArguments;
use super::output;
use super::printable::printable;

/// Files that are left over and objects that go that are listed for people; JSON has them all.
const LONGEST_LIST: usize = 50;

const ADDED: Style = AnsiColor::Green.on_default();
const REMOVED: Style = AnsiColor::Red.on_default();
const PLACE: Style = AnsiColor::Cyan.on_default();
const YELLOW: Style = AnsiColor::Yellow.on_default().bold();
const BOLD: Style = Style::new().bold();

/// Prints a report about the folder at `path` for people: what differs and what goes to stdout, the rest to
/// stderr.
pub(super) fn print(
    path: &Path,
    report: &FolderReport,
    global: &GlobalArguments,
) -> anyhow::Result<()> {
    output::text(|stdout| write_report(stdout, report))?;
    if global.verbose {
        for file in &report.written {
            let state = if file.new { "new" } else { "changed" };
            output::note(&format!("{state}: {}", shown_path(&path.join(&file.path))))?;
        }
    }
    for taken in &report.taken_over {
        let verb = if report.differences.is_empty() {
            "taken over"
        } else {
            "would be taken over"
        };
        output::note(&format!(
            "{}: {verb} from {} by {}",
            shown_path(&path.join(&taken.path)),
            taken.before,
            taken.now
        ))?;
    }
    for unlisted in &report.unlisted {
        let files = unlisted.files.iter().map(|file| shown_path(file));
        output::note(&format!(
            "{YELLOW}warning{YELLOW:#}: {} does not list {}, so kustomize leaves {} out",
            shown_path(&path.join(&unlisted.kustomization)),
            shortened(files.collect()),
            if unlisted.files.len() == 1 {
                "it"
            } else {
                "them"
            }
        ))?;
    }
    for unreached in &report.unreached {
        let files = unreached.files.iter().map(|file| shown_path(file));
        let files = shortened(files.collect());
        let kustomization = path.join(&unreached.kustomization);
        let what = match &unreached.ends_in {
            None => format!("does not lead to {files}, so kustomize leaves out what is there"),
            Some(folder) => format!(
                "lists {}, which has no `kustomization.yaml`: kustomize fails, and {files} is not applied",
                shown_path(folder)
            ),
        };
        output::note(&format!(
            "{YELLOW}warning{YELLOW:#}: {} {what}",
            shown_path(&kustomization)
        ))?;
    }
    output::note(&summary(path, report))
}

/// `a, b, c and 4 more`.
pub(super) fn shortened(mut names: Vec<String>) -> String {
    const SHOWN: usize = 3;
    let more = names.len().saturating_sub(SHOWN);
    names.truncate(SHOWN);
    match more {
        0 => names.join(", "),
        more => format!("{} and {more} more", names.join(", ")),
    }
}

fn write_report(out: &mut dyn Write, report: &FolderReport) -> io::Result<()> {
    for difference in &report.differences {
        write_diff(out, &mask(&difference.diff))?;
    }
    write_stale(out, &report.stale, report.pruned)?;
    if !report.misplaced.is_empty() {
        writeln!(
            out,
            "{BOLD}begins as a file of ours, but `output` puts it elsewhere; Flux applies it all the \
             same, and only you remove it:{BOLD:#}"
        )?;
        write_listed(out, &report.misplaced, |out, file| {
            writeln!(out, "  {}", shown_path(&file.path))
        })?;
    }
    if !report.dropped.is_empty() {
        writeln!(
            out,
            "{BOLD}no longer asked for, in files that stay; Flux {}:{BOLD:#}",
            if report.pruned {
                "deletes"
            } else {
                "would delete"
            }
        )?;
        write_listed(out, &report.dropped, |out, dropped| {
            writeln!(
                out,
                "  {}: {}",
                shown_path(&dropped.path),
                shown(&dropped.object)
            )
        })?;
    }
    for renamed in &report.renamed {
        write_renamed(out, renamed)?;
    }
    if !report.kept.is_empty() {
        writeln!(
            out,
            "{BOLD}not written, for something goes with it; `--prune` writes it:{BOLD:#}"
        )?;
        write_listed(out, &report.kept, |out, path| {
            writeln!(out, "  {}", shown_path(path))
        })?;
    }
    Ok(())
}

/// Credentials that somebody wrote into a file by hand are masked already. Somebody may have put
/// anything else into it, for a terminal too.
fn write_diff(out: &mut dyn Write, diff: &str) -> io::Result<()> {
    for line in diff.lines() {
        let style = match line.as_bytes() {
            [b'-', b'-', b'-', b' ', ..] | [b'+', b'+', b'+', b' ', ..] => BOLD,
            [b'-', ..] => REMOVED,
            [b'+', ..] => ADDED,
            [b'@', ..] => PLACE,
            _ => Style::new(),
        };
        writeln!(out, "{style}{}{style:#}", printable(line))?;
    }
    Ok(())
}

fn write_stale(out: &mut dyn Write, stale: &[StaleFile], pruned: bool) -> io::Result<()> {
    if stale.is_empty() {
        return Ok(());
    }
    let heading = if pruned {
        "removed, for nothing asks for it any more; Flux deletes:"
    } else {
        "left over, for nothing asks for it any more; `--prune` removes it, and Flux then deletes:"
    };
    writeln!(out, "{BOLD}{heading}{BOLD:#}")?;
    write_listed(out, stale, |out, file| {
        match &file.moves_to {
            None => writeln!(out, "  {}", shown_path(&file.path))?,
            Some(new) => {
                let verb = if pruned { "moved" } else { "moves" };
                writeln!(
                    out,
                    "  {} ({verb} to {})",
                    shown_path(&file.path),
                    shown_path(new)
                )?;
            }
        }
        let mut objects = file.objects.iter();
        objects.try_for_each(|object| writeln!(out, "    {}", shown(object)))
    })
}

fn write_listed<T>(
    out: &mut dyn Write,
    list: &[T],
    mut write: impl FnMut(&mut dyn Write, &T) -> io::Result<()>,
) -> io::Result<()> {
    for entry in list.iter().take(LONGEST_LIST) {
        write(out, entry)?;
    }
    match list.len().saturating_sub(LONGEST_LIST) {
        0 => Ok(()),
        more => writeln!(
            out,
            "  … and {more} more; `--format json` gives all of them"
        ),
    }
}

fn write_renamed(out: &mut dyn Write, renamed: &Renamed) -> io::Result<()> {
    let (old, new_name) = (shown(&renamed.object), printable(&renamed.new_name));
    writeln!(
        out,
        "{BOLD}renamed in {}: {old} to {new_name}{BOLD:#}",
        printable(&renamed.place.to_string())
    )?;
    for (number, step) in renamed.steps.iter().enumerate() {
        writeln!(out, "  {}. {}", number + 1, printable(step))?;
    }
    Ok(())
}

fn shown(object: &WrittenObject) -> String {
    let WrittenObject {
        kind,
        namespace,
        name,
        prunes,
        ..
    } = object;
    let slash = if namespace.is_empty() { "" } else { "/" };
    let what = if *prunes {
        " and all that it applied"
    } else {
        ""
    };
    printable(&format!("{kind} {namespace}{slash}{name}{what}")).into_owned()
}

fn shown_path(path: &Path) -> String {
    printable(&path.display().to_string()).into_owned()
}

/// `out: 2 files written, 1 of them new, 76 unchanged, 1 left over`.
fn summary(path: &Path, report: &FolderReport) -> String {
    let is_comparison = !report.differences.is_empty();
    let new = report.written.iter().filter(|file| file.new).count();
    let mut parts = Vec::new();
    if !report.written.is_empty() {
        let verb = if is_comparison {
            "would be written"
        } else {
            "written"
        };
        parts.push(format!("{} {verb}", counted(report.written.len(), "file")));
        if new > 0 {
            parts.push(format!("{} of them new", count(new as f64)));
        }
    }
    if !report.kept.is_empty() {
        parts.push(format!(
            "{} kept until `--prune`",
            counted(report.kept.len(), "file")
        ));
    }
    parts.push(format!("{} unchanged", count(report.unchanged as f64)));
    if !report.stale.is_empty() {
        let what = if report.pruned {
            "removed"
        } else {
            "left over"
        };
        parts.push(format!("{} {what}", count(report.stale.len() as f64)));
    }
    if !report.misplaced.is_empty() {
        parts.push(format!(
            "{} misplaced",
            count(report.misplaced.len() as f64)
        ));
    }
    if report.deleting() > 0 {
        let objects = counted(report.deleting(), "object");
        parts.push(format!("{objects} whose workloads go with them"));
    }
    format!("{}: {}", shown_path(path), parts.join(", "))
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use crate::render::{
        Difference, DroppedObject, FolderReport, Place, Renamed, StaleFile, WrittenObject,
    };

    /// Clears the screen, sets the title of the window, and begins a line of its own.
    const HOSTILE: &str = "\u{1b}[2J\u{1b}]0;owned\u{7}\n::error::x";

    #[test]
    fn no_name_and_no_path_from_a_folder_reaches_the_terminal_as_it_is() {
        let object = WrittenObject {
            kind: HOSTILE.into(),
            namespace: HOSTILE.into(),
            name: HOSTILE.into(),
            prunes: true,
            by_policy: false,
        };
        let place = Place {
            environment: HOSTILE.into(),
            cluster: None,
            project: HOSTILE.into(),
        };
        let path = PathBuf::from(HOSTILE);
        let report = FolderReport {
            differences: vec![Difference {
                path: path.clone(),
                diff: format!("-{HOSTILE}"),
            }],
            stale: vec![StaleFile {
                moves_to: None,
                path: path.clone(),
                place: place.clone(),
                objects: vec![object.clone()],
            }],
            dropped: vec![DroppedObject {
                path: path.clone(),
                object: object.clone(),
            }],
            renamed: vec![Renamed {
                place,
                object,
                new_name: HOSTILE.into(),
                steps: vec![HOSTILE.into()],
            }],
            ..FolderReport::default()
        };
        let mut out = Vec::new();
        super::write_report(&mut out, &report).unwrap();
        out.extend(super::summary(&path, &report).bytes());
        let text = String::from_utf8(out).unwrap();
        assert!(
            !text.contains("\u{1b}[2J") && !text.contains("\u{1b}]"),
            "{text:?}"
        );
        // a diff alone has lines of its own
        let forged = text
            .lines()
            .filter(|line| line.contains("::error") && !line.contains("[2J"));
        assert_eq!(forged.count(), 1, "{text:?}");
    }
}
