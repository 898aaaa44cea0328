//! How much memory the program takes at most, for fleets of several sizes.

use std::fs;
use std::io::{self, Read, Write};
use std::path::Path;
use std::time::Instant;

use super::{fleet, process};

const PROJECTS: [usize; 4] = [1_000, 5_000, 10_000, 50_000];

/// Prints a table for the README: memory may grow with the fleet, but no faster.
pub fn print_table(out: &mut impl Write) -> io::Result<()> {
    writeln!(
        out,
        "`flux-setup render`, from the start of the process to its end:\n"
    )?;
    writeln!(
        out,
        "| projects | manifests | seconds | manifests a second | most memory | bytes a manifest |"
    )?;
    writeln!(out, "|---|---|---|---|---|---|")?;
    for projects in PROJECTS {
        let manifests = fleet::manifests(projects);
        let folder = fleet::generated(projects)?;
        let started = Instant::now();
        let peak = peak_of_render(folder.path());
        let seconds = started.elapsed().as_secs_f64();
        writeln!(
            out,
            "| {projects} | {manifests} | {seconds:.2} | {:.0} | {:.1} MiB | {} |",
            manifests as f64 / seconds,
            peak as f64 / f64::from(1 << 20),
            peak / manifests,
        )?;
    }
    Ok(())
}

/// The most memory that the program had, in bytes, as Linux counts it (`VmHWM`).
///
/// It is asked for after each piece that the program prints: all is printed at its end, and it cannot
/// end before all but the last piece is read. Where there is no `/proc` it is 0.
fn peak_of_render(folder: &Path) -> usize {
    let mut child = process::start(folder, "render");
    let mut printed = child.stdout.take().expect("stdout is a pipe");
    let mut buffer = vec![0; 1 << 16];
    let status = format!("/proc/{}/status", child.id());
    let mut peak = 0;
    let mut pieces = 0_usize;
    while printed.read(&mut buffer).expect("a pipe can be read") > 0 {
        pieces += 1;
        if pieces.is_multiple_of(16) || peak == 0 {
            let text = fs::read_to_string(&status).unwrap_or_default();
            peak = peak_in(&text).unwrap_or(peak);
        }
    }
    let ended = child.wait().expect("the program ends");
    assert!(ended.success(), "`render` ended with {ended}");
    peak
}

fn peak_in(status: &str) -> Option<usize> {
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("VmHWM:"))?;
    let kibibytes: usize = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kibibytes << 10)
}
