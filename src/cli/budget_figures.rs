//! The figures of a price as tables: by environment, by bucket, and what is polled most.

use comfy_table::Table;

use crate::budget::{Basis, Bucket, Line, Profile, Report, count, percent};

use super::table::{Column, table};

/// How many projects, repositories and pieces of advice are listed; JSON has them all.
pub(super) const LISTED: usize = 3;

/// Both readings by environment, their sums, and the same sources at 30s.
pub(super) fn environments(report: &Report, git: &Profile, upper: &Profile) -> Table {
    let mut table = table(&[
        Column::text("requests an hour"),
        Column::figure("sources"),
        Column::figure("flux-git"),
        Column::figure("share"),
        Column::figure("request-per-poll"),
        Column::figure("share"),
        Column::text("basis"),
    ]);
    for (git, upper) in git.environments.iter().zip(&upper.environments) {
        table.add_row([
            git.name.clone(),
            count(git.sources as f64),
            count(git.requests_per_hour),
            share(git.share),
            count(upper.requests_per_hour),
            share(upper.share),
            weaker(git.basis, upper.basis).to_owned(),
        ]);
    }
    let also = |profile: &Profile| -> f64 {
        let uses = profile.buckets.iter().flat_map(|bucket| &bucket.also);
        uses.map(|known| known.requests_per_hour).sum()
    };
    if also(git) + also(upper) > 0.0 {
        table.add_row([
            "budget.also".to_owned(),
            String::new(),
            count(also(git)),
            String::new(),
            count(also(upper)),
            String::new(),
            basis(Basis::Assumed).to_owned(),
        ]);
    }
    table.add_row([
        "all".to_owned(),
        count(report.sources as f64),
        count(sum(git)),
        share(fullest(git)),
        count(sum(upper)),
        share(fullest(upper)),
        basis(Basis::Assumed).to_owned(),
    ]);
    let comparison = &report.comparison;
    let limit = upper.buckets.first().and_then(|bucket| bucket.limit);
    table.add_row([
        comparison.name.to_owned(),
        String::new(),
        String::new(),
        String::new(),
        count(comparison.requests_per_hour),
        share(limit.map(|limit| comparison.requests_per_hour / f64::from(limit))),
        basis(comparison.basis).to_owned(),
    ]);
    table
}

/// Each bucket with its limit, below the profile that fills it.
pub(super) fn buckets(report: &Report) -> Table {
    let mut table = table(&[
        Column::text("buckets"),
        Column::figure("used/h"),
        Column::figure("share"),
        Column::figure("limit"),
        Column::text("basis"),
        Column::figure("reserve"),
        Column::figure("headroom"),
    ]);
    for profile in &report.profiles {
        table.add_row([profile.name.to_string()]);
        if profile.buckets.is_empty() {
            table.add_row([" none"]);
        }
        for bucket in &profile.buckets {
            let Bucket {
                host,
                identity,
                resource,
                ..
            } = bucket;
            table.add_row([
                format!(" {host} {identity} {resource}"),
                count(bucket.requests_per_hour),
                share(bucket.share),
                maybe(bucket.limit.map(f64::from), "none"),
                basis(bucket.basis).to_owned(),
                maybe(bucket.reserve, ""),
                maybe(bucket.headroom, ""),
            ]);
            for known in &bucket.also {
                table.add_row([
                    format!("  of it {}", known.name),
                    count(known.requests_per_hour),
                ]);
            }
        }
    }
    table
}

/// The most polled projects, then repositories.
pub(super) fn most_polled(git: &Profile, upper: &Profile) -> Table {
    let mut table = table(&[
        Column::text("most polled"),
        Column::figure("git/h"),
        Column::figure("flux-git"),
        Column::figure("request-per-poll"),
        Column::figure("share"),
        Column::text("basis"),
    ]);
    add_most_polled(
        &mut table,
        &git.projects,
        &upper.projects,
        ("project", "projects"),
    );
    add_most_polled(
        &mut table,
        &git.repositories,
        &upper.repositories,
        ("repository", "repositories"),
    );
    table
}

fn add_most_polled(table: &mut Table, git: &[Line], upper: &[Line], (one, many): (&str, &str)) {
    let mut lines: Vec<_> = git.iter().zip(upper).collect();
    lines.retain(|(git, _)| git.sources > 0);
    lines.sort_by(|(a, _), (b, _)| b.polls_per_hour.total_cmp(&a.polls_per_hour));
    for (git, upper) in lines.iter().take(LISTED) {
        table.add_row([
            git.name.clone(),
            count(git.git_requests_per_hour),
            count(git.requests_per_hour),
            count(upper.requests_per_hour),
            share(upper.share),
            weaker(git.basis, upper.basis).to_owned(),
        ]);
    }
    if let Some(more) = lines.len().checked_sub(LISTED).filter(|more| *more > 0) {
        let what = if more == 1 { one } else { many };
        table.add_row([format!(" and {} more {what}", count(more as f64))]);
    }
}

pub(super) fn sum(profile: &Profile) -> f64 {
    let requests = profile.buckets.iter().map(|it| it.requests_per_hour);
    // A sum of nothing is −0.
    requests.sum::<f64>() + 0.0
}

pub(super) fn fullest(profile: &Profile) -> Option<f64> {
    let shares = profile.buckets.iter().filter_map(|bucket| bucket.share);
    shares.reduce(f64::max)
}

fn share(share: Option<f64>) -> String {
    share.map_or_else(|| "–".to_owned(), percent)
}

fn maybe(value: Option<f64>, otherwise: &str) -> String {
    value.map_or_else(|| otherwise.to_owned(), count)
}

pub(super) fn basis(basis: Basis) -> &'static str {
    match basis {
        Basis::Observed => "observed",
        Basis::Documented => "documented",
        Basis::Assumed => "assumed",
    }
}

fn weaker(a: Basis, b: Basis) -> &'static str {
    basis(a.max(b))
}
