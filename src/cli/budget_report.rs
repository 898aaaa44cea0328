//! Prints the price of a plan for people: both readings side by side, what git gets, and advice.

use std::io::{self, Write};

use comfy_table::{Cell, CellAlignment, ContentArrangement, Table, presets};

use crate::budget::{Basis, Bucket, Line, Profile, ProfileName, Report, count, percent};

/// How many projects, repositories and pieces of advice are listed; JSON has them all.
const LISTED: usize = 5;

/// Prints a report. `width` is that of the terminal in columns; `None` where nothing limits it.
///
/// # Errors
/// What `out` answers.
pub(super) fn print_report(
    report: &Report,
    out: &mut dyn Write,
    width: Option<usize>,
) -> io::Result<()> {
    let git = report.profile(ProfileName::FluxGit);
    let upper = report.profile(ProfileName::RequestPerPoll);
    writeln!(
        out,
        "{} poll {} in {}\n",
        counted(report.sources, "source", "sources"),
        counted(git.repositories.len(), "repository", "repositories"),
        counted(git.environments.len(), "environment", "environments"),
    )?;
    print(out, width, &environments(report, git, upper))?;
    writeln!(out)?;
    print(out, width, &buckets(report))?;
    writeln!(out)?;
    print_lines(
        out,
        width,
        "most polled projects",
        &git.projects,
        &upper.projects,
    )?;
    print_lines(
        out,
        width,
        "most polled repositories",
        &git.repositories,
        &upper.repositories,
    )?;
    print(out, width, &git_requests(report))?;
    if !report.advice.is_empty() {
        writeln!(out, "\nadvice")?;
        print(out, width, &advice(report))?;
    }
    Ok(())
}

/// Both readings by environment, their sums, and the same sources at 30s.
fn environments(report: &Report, git: &Profile, upper: &Profile) -> Table {
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
    if let Some(saving) = comparison.saving {
        table.add_row([
            "against that".to_owned(),
            String::new(),
            String::new(),
            String::new(),
            percent(-saving),
            String::new(),
            basis(comparison.basis).to_owned(),
        ]);
    }
    table
}

/// Each bucket with its limit, below the profile that fills it.
fn buckets(report: &Report) -> Table {
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

/// The most polled of some lines; nothing where there are none.
fn print_lines(
    out: &mut dyn Write,
    width: Option<usize>,
    heading: &'static str,
    git: &[Line],
    upper: &[Line],
) -> io::Result<()> {
    let mut lines: Vec<_> = git.iter().zip(upper).collect();
    lines.retain(|(git, _)| git.sources > 0);
    if lines.is_empty() {
        return Ok(());
    }
    lines.sort_by(|(a, _), (b, _)| b.polls_per_hour.total_cmp(&a.polls_per_hour));
    let mut table = table(&[
        Column::text(heading),
        Column::figure("git/h"),
        Column::figure("flux-git"),
        Column::figure("request-per-poll"),
        Column::figure("share"),
        Column::text("basis"),
    ]);
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
    print(out, width, &table)?;
    if let Some(more) = lines.len().checked_sub(LISTED).filter(|more| *more > 0) {
        let more = count(more as f64);
        writeln!(out, "and {more} more; JSON lists all")?;
    }
    writeln!(out)
}

/// Git requests, which no bucket counts.
fn git_requests(report: &Report) -> Table {
    let mut table = table(&[
        Column::text("git requests"),
        Column::figure("in all"),
        Column::figure("at most on one repository"),
        Column::text("basis"),
    ]);
    let git = &report.git;
    table.add_row([
        "a second".to_owned(),
        count(git.requests_per_second),
        count(git.max_on_one_repository),
        basis(git.basis).to_owned(),
    ]);
    table.add_row([
        "a second, advisory".to_owned(),
        String::new(),
        count(git.advisory.per_second_on_one_repository),
        basis(git.advisory.basis).to_owned(),
    ]);
    let start = &report.start;
    table.add_row([
        "at a start of all controllers".to_owned(),
        count(start.git_requests),
        count(start.max_on_one_repository),
        basis(start.basis).to_owned(),
    ]);
    if start.token_mints > 0 {
        table.add_row([
            "new App tokens at that start".to_owned(),
            count(start.token_mints as f64),
            String::new(),
            basis(start.basis).to_owned(),
        ]);
    }
    table
}

fn advice(report: &Report) -> Table {
    let mut table = table(&[]);
    for advice in report.advice.iter().take(LISTED) {
        table.add_row(["-", &advice.message]);
    }
    let more = report.advice.len().saturating_sub(LISTED);
    if more > 0 {
        let more = format!("and {} more; JSON lists all", count(more as f64));
        table.add_row(["-", &more]);
    }
    table
}

struct Column {
    heading: &'static str,
    alignment: CellAlignment,
}

impl Column {
    fn text(heading: &'static str) -> Self {
        let alignment = CellAlignment::Left;
        Self { heading, alignment }
    }

    fn figure(heading: &'static str) -> Self {
        let alignment = CellAlignment::Right;
        Self { heading, alignment }
    }
}

fn table(columns: &[Column]) -> Table {
    let mut table = Table::new();
    table.force_no_tty().load_style(presets::NOTHING);
    if !columns.is_empty() {
        let cell = |column: &Column| Cell::new(column.heading).set_alignment(column.alignment);
        table.set_header(columns.iter().map(cell));
    }
    for (index, column) in columns.iter().enumerate() {
        if let Some(made) = table.column_mut(index) {
            made.set_cell_alignment(column.alignment);
        }
    }
    table
}

fn print(out: &mut dyn Write, width: Option<usize>, table: &Table) -> io::Result<()> {
    let mut table = table.clone();
    // Columns exist from the first row on only where there is no header.
    table.discover_columns();
    let last = table.column_count().saturating_sub(1);
    for (index, column) in table.column_iter_mut().enumerate() {
        column.set_padding((0, if index == last { 0 } else { 2 }));
    }
    match width {
        Some(width) => {
            table.set_content_arrangement(ContentArrangement::Dynamic);
            table.set_width(u16::try_from(width).unwrap_or(u16::MAX));
        }
        None => {
            table.set_content_arrangement(ContentArrangement::Disabled);
        }
    }
    for line in table.lines() {
        writeln!(out, "{}", line.trim_end())?;
    }
    Ok(())
}

fn sum(profile: &Profile) -> f64 {
    let requests = profile.buckets.iter().map(|it| it.requests_per_hour);
    // A sum of nothing is −0.
    requests.sum::<f64>() + 0.0
}

fn fullest(profile: &Profile) -> Option<f64> {
    let shares = profile.buckets.iter().filter_map(|bucket| bucket.share);
    shares.reduce(f64::max)
}

fn share(share: Option<f64>) -> String {
    share.map_or_else(|| "–".to_owned(), percent)
}

fn maybe(value: Option<f64>, otherwise: &str) -> String {
    value.map_or_else(|| otherwise.to_owned(), count)
}

fn basis(basis: Basis) -> &'static str {
    match basis {
        Basis::Observed => "observed",
        Basis::Documented => "documented",
        Basis::Assumed => "assumed",
    }
}

fn weaker(a: Basis, b: Basis) -> &'static str {
    basis(a.max(b))
}

fn counted(number: usize, one: &str, many: &str) -> String {
    format!(
        "{} {}",
        count(number as f64),
        if number == 1 { one } else { many }
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::budget::sample::{Changed, fleet, host, known_use, plan, priced, source};
    use crate::budget::{CostTable, price};
    use crate::config::{BudgetSettings, IdentityKind};

    fn printed(report: &Report, width: Option<usize>) -> String {
        let mut out = Vec::new();
        print_report(report, &mut out, width).unwrap();
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn the_fleet_is_printed_in_both_readings() {
        insta::assert_snapshot!(printed(&priced(&fleet(26)), Some(80)), @r"
        78 sources poll 26 repositories in 3 environments

        requests an hour  sources  flux-git  share  request-per-poll    share  basis
        development            26         0    0 %             1,560   31.2 %  assumed
        staging                26         0    0 %               520   10.4 %  assumed
        production             26         0    0 %               312    6.2 %  assumed
        all                    78         0    0 %             2,392   47.8 %  assumed
        30s everywhere                                         9,360  187.2 %  assumed
        against that                                         −74.4 %           assumed

        buckets                     used/h   share  limit  basis       reserve  headroom
        flux-git
         github.com anonymous core       0     0 %     60  documented       12        48
        request-per-poll
         * fleet core                2,392  47.8 %  5,000  assumed       1,000     1,608

        most polled projects  git/h  flux-git  request-per-poll  share  basis
        project-01               92         0                92  1.8 %  assumed
        project-02               92         0                92  1.8 %  assumed
        project-03               92         0                92  1.8 %  assumed
        project-04               92         0                92  1.8 %  assumed
        project-05               92         0                92  1.8 %  assumed
        and 21 more; JSON lists all

        most polled repositories    git/h  flux-git  request-per-poll  share  basis
        github.com/acme/project-01     92         0                92  1.8 %  assumed
        github.com/acme/project-02     92         0                92  1.8 %  assumed
        github.com/acme/project-03     92         0                92  1.8 %  assumed
        github.com/acme/project-04     92         0                92  1.8 %  assumed
        github.com/acme/project-05     92         0                92  1.8 %  assumed
        and 21 more; JSON lists all

        git requests                   in all  at most on one repository  basis
        a second                        0.664                     0.0256  documented
        a second, advisory                                            15  assumed
        at a start of all controllers     234                          9  documented

        advice
        -  each poll lists every ref of its repository, those of pull requests too, at
           about 86 bytes a ref: `github.com/acme/project-01` is polled 92 times an
           hour, which is 39.6 MB an hour for each 5,000 refs it has
        ");
    }

    #[test]
    fn known_use_and_app_tokens_have_their_rows() {
        let settings = BudgetSettings {
            also: vec![known_use("renovate", None, 1800.0, 0.0)],
            ..BudgetSettings::default()
        };
        let github = [
            host("github.com", &[("bot", IdentityKind::Token)]),
            host("ghe.acme.io", &[("bot", IdentityKind::Token)]),
        ];
        let plan = plan(vec![
            source("https://github.com/acme/web").by_app("app"),
            source("https://github.com/acme/web")
                .of("api", "dev")
                .every(30),
        ]);
        let report = price(&plan, &github, &settings, &CostTable::default());
        insta::assert_snapshot!(printed(&report, None), @r"
        2 sources poll 1 repository in 1 environment

        requests an hour  sources  flux-git  share  request-per-poll   share  basis
        dev                     2      1.25    0 %               180   3.6 %  assumed
        budget.also                   1,800                    1,800          assumed
        all                     2  1,801.25   36 %             1,980  39.6 %  assumed
        30s everywhere                                           240   4.8 %  assumed
        against that                                           −25 %          assumed

        buckets                        used/h   share  limit  basis       reserve  headroom
        flux-git
         github.com bot core            1,800    36 %  5,000  documented    1,000     2,200
          of it renovate                1,800
         ghe.acme.io bot core               0       –   none  documented
         github.com secret app appJwt    1.25       –   none  assumed
        request-per-poll
         * fleet core                   1,980  39.6 %  5,000  assumed       1,000     2,020
          of it renovate                1,800

        most polled projects  git/h  flux-git  request-per-poll  share  basis
        api                     120         0               120  2.4 %  assumed
        web                      60      1.25                60  1.2 %  assumed

        most polled repositories  git/h  flux-git  request-per-poll  share  basis
        github.com/acme/web         180      1.25               180  3.6 %  assumed

        git requests                   in all  at most on one repository  basis
        a second                         0.05                       0.05  documented
        a second, advisory                                            15  assumed
        at a start of all controllers       6                          6  documented
        new App tokens at that start        1                             documented

        advice
        -  2 sources of the cluster of `dev` (`web-dev`, `api-dev`) poll branch `main` of `github.com/acme/web` 180 times an hour together; one shared source would save 60 of them: `source: {project: web}` in the other projects
        -  1 source of `dev` (`api-dev`) is polled more often than once a minute: 120 polls an hour, 60 with an interval of 1m
        -  each poll lists every ref of its repository, those of pull requests too, at about 86 bytes a ref: `github.com/acme/web` is polled 180 times an hour, which is 77.4 MB an hour for each 5,000 refs it has
        ");
    }

    #[test]
    fn a_plan_without_sources_is_printed_without_lists() {
        insta::assert_snapshot!(printed(&priced(&plan(Vec::new())), Some(80)), @r"
        0 sources poll 0 repositories in 0 environments

        requests an hour  sources  flux-git  share  request-per-poll  share  basis
        all                     0         0      –                 0    0 %  assumed
        30s everywhere                                             0    0 %  assumed

        buckets           used/h  share  limit  basis    reserve  headroom
        flux-git
         none
        request-per-poll
         * fleet core          0    0 %  5,000  assumed    1,000     4,000

        git requests                   in all  at most on one repository  basis
        a second                            0                          0  documented
        a second, advisory                                            15  assumed
        at a start of all controllers       0                          0  documented
        ");
    }

    #[test]
    fn nothing_is_wider_than_the_terminal() {
        let report = priced(&fleet(300));
        for width in [60, 80, 100, 200] {
            for line in printed(&report, Some(width)).lines() {
                assert!(line.chars().count() <= width, "{width}: {line}");
            }
        }
    }

    #[test]
    fn a_terminal_too_narrow_for_any_table_still_gets_the_figures() {
        let report = priced(&fleet(26));
        for width in [0, 1, 20, usize::MAX] {
            assert!(!printed(&report, Some(width)).is_empty());
        }
    }

    #[test]
    fn long_lists_are_cut_and_say_so() {
        let sources = (0..7).map(|number| {
            let environment = format!("env-{number}");
            source("https://github.com/acme/web")
                .of("web", &environment)
                .every(30)
        });
        let text = printed(&priced(&plan(sources.collect())), Some(100));
        assert!(text.contains("and 3 more; JSON lists all"), "{text}");
        let text = printed(&priced(&fleet(5)), Some(100));
        assert!(!text.contains("JSON lists all"), "{text}");
        let text = printed(&priced(&fleet(6)), Some(100));
        assert!(text.contains("and 1 more; JSON lists all"), "{text}");
    }
}
