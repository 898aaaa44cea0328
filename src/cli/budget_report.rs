//! Prints the price of a plan for people: the verdict, what it comes to, then the figures behind it.

use std::io::{self, Write};

use anstyle::{AnsiColor, Style};

use crate::budget::{Profile, ProfileName, Report, Verdict, count, counted, counted_as, percent};

use super::budget_figures::{LISTED, basis, buckets, environments, fullest, most_polled, sum};
use super::table::{lines, print, print_labelled};

const GREEN: Style = AnsiColor::Green.on_default().bold();
const RED: Style = AnsiColor::Red.on_default().bold();
const BOLD: Style = Style::new().bold();

/// Headings of columns that a narrow terminal goes without, in this order.
const SPARED_FIRST: [&str; 5] = ["basis", "reserve", "headroom", "sources", "git/h"];

/// Prints a report with its verdict. `width` is that of the terminal in columns; `None` where
/// nothing limits it.
///
/// # Errors
/// What `out` answers.
pub(super) fn print_report(
    report: &Report,
    verdict: &Verdict,
    out: &mut dyn Write,
    width: Option<usize>,
) -> io::Result<()> {
    let git = report.profile(ProfileName::FluxGit);
    let upper = report.profile(ProfileName::RequestPerPoll);
    print_verdict(verdict, out, width)?;
    writeln!(
        out,
        "\n{} {} in {}",
        counted_as(report.sources, "source polls", "sources poll"),
        counted_as(git.repositories.len(), "repository", "repositories"),
        counted(git.environments.len(), "environment"),
    )?;
    print_labelled(out, width, "REST requests  ", &rest_requests(git))?;
    print_labelled(out, width, "git requests   ", &git_requests(report))?;
    print_labelled(out, width, "upper bound    ", &upper_bound(report, upper))?;
    writeln!(out)?;
    print(out, width, &environments(report, git, upper), &SPARED_FIRST)?;
    writeln!(out)?;
    print(out, width, &buckets(report), &SPARED_FIRST)?;
    writeln!(out)?;
    if report.sources > 0 {
        print(out, width, &most_polled(git, upper), &SPARED_FIRST)?;
    }
    print_advice(report, out, width)
}

/// In one line where nothing limits it, for those who search logs.
pub(super) fn print_verdict(
    verdict: &Verdict,
    out: &mut dyn Write,
    width: Option<usize>,
) -> io::Result<()> {
    let (style, word) = match (verdict.fail_above, verdict.passed) {
        (None, _) => (Style::new(), ""),
        (Some(_), true) => (GREEN, "passed: "),
        (Some(_), false) => (RED, "failed: "),
    };
    let text = format!("{word}{verdict}");
    let mut lines = lines(&text, width.unwrap_or(usize::MAX)).into_iter();
    let first = lines.next().unwrap_or_default();
    let first = first.strip_prefix(word).unwrap_or(&first);
    writeln!(out, "{style}{word}{style:#}{first}")?;
    lines.try_for_each(|line| writeln!(out, "{line}"))
}

fn rest_requests(git: &Profile) -> String {
    let requests = sum(git);
    let flux: f64 = git.environments.iter().map(|it| it.requests_per_hour).sum();
    let what = match (requests == 0.0, flux == 0.0) {
        (true, _) => "Flux polls by git, which spends none".to_owned(),
        (false, true) => "none of them by Flux, which polls by git".to_owned(),
        (false, false) => format!("{} of them by Flux", count(flux)),
    };
    let of_limit = fullest(git).map_or_else(String::new, |share| {
        format!(", {} of the fullest bucket", percent(share))
    });
    format!("{} an hour{of_limit}: {what} (flux-git)", count(requests))
}

/// Git requests, which no bucket counts.
fn git_requests(report: &Report) -> String {
    let (git, start) = (&report.git, &report.start);
    let advisory = &git.advisory;
    let mints = match start.token_mints {
        0 => String::new(),
        mints => format!(" and {}", counted(mints, "new App token")),
    };
    format!(
        "{} a second, at most {} on one repository ({}), where GitHub asks to stay below {} ({}); \
         {} requests{mints} when all controllers start, at most {} on one ({})",
        count(git.requests_per_second),
        count(git.max_on_one_repository),
        basis(git.basis),
        count(advisory.per_second_on_one_repository),
        basis(advisory.basis),
        count(start.git_requests),
        count(start.max_on_one_repository),
        basis(start.basis),
    )
}

fn upper_bound(report: &Report, upper: &Profile) -> String {
    let limit = upper.buckets.first().and_then(|bucket| bucket.limit);
    let of_limit = fullest(upper)
        .zip(limit)
        .map(|(share, limit)| format!(", {} of {}", percent(share), count(f64::from(limit))));
    let comparison = &report.comparison;
    let polls = comparison.plan_requests_per_hour;
    let of_them = if sum(upper) > polls {
        format!("; {} of them polls", count(polls))
    } else {
        String::new()
    };
    let saving = comparison.saving.map(|saving| {
        format!(
            "; {} with {}, so {}",
            count(comparison.requests_per_hour),
            comparison.name,
            percent(-saving)
        )
    });
    format!(
        "{} an hour{}, if each poll were a request{of_them}{} (request-per-poll)",
        count(sum(upper)),
        of_limit.unwrap_or_default(),
        saving.unwrap_or_default(),
    )
}

fn print_advice(report: &Report, out: &mut dyn Write, width: Option<usize>) -> io::Result<()> {
    if report.advice.is_empty() {
        return Ok(());
    }
    writeln!(out, "\n{BOLD}advice{BOLD:#}")?;
    for advice in report.advice.iter().take(LISTED) {
        print_labelled(out, width, "- ", &advice.message)?;
    }
    match report.advice.len().saturating_sub(LISTED) {
        0 => Ok(()),
        more => writeln!(out, "- and {} more; JSON lists all", count(more as f64)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::budget::sample::{Changed, fleet, host, known_use, plan, priced, source};
    use crate::budget::{CostTable, judge, price};
    use crate::config::{BudgetSettings, IdentityKind};

    fn printed(report: &Report, width: Option<usize>) -> String {
        let mut out = Vec::new();
        let verdict = judge(report, Some(0.7), None);
        print_report(report, &verdict, &mut out, width).unwrap();
        let text = String::from_utf8(out).unwrap();
        anstream::adapter::strip_str(&text).to_string()
    }

    #[test]
    fn the_fleet_is_printed_in_both_readings() {
        insta::assert_snapshot!(printed(&priced(&fleet(26)), Some(80)), @r"
        passed: 47.8 % is not above 70 %: profile `request-per-poll`, bucket `* fleet
        core` (2,392 of 5,000 requests an hour)

        78 sources poll 26 repositories in 3 environments
        REST requests  0 an hour, 0 % of the fullest bucket: Flux polls by git, which
                       spends none (flux-git)
        git requests   0.664 a second, at most 0.0256 on one repository (documented),
                       where GitHub asks to stay below 15 (assumed); 234 requests when
                       all controllers start, at most 9 on one (documented)
        upper bound    2,392 an hour, 47.8 % of 5,000, if each poll were a request;
                       9,360 with 30s everywhere, so −74.4 % (request-per-poll)

        requests an hour  sources  flux-git  share  request-per-poll    share  basis
        development            26         0    0 %             1,560   31.2 %  assumed
        staging                26         0    0 %               520   10.4 %  assumed
        production             26         0    0 %               312    6.2 %  assumed
        all                    78         0    0 %             2,392   47.8 %  assumed
        30s everywhere                                         9,360  187.2 %  assumed

        buckets                     used/h   share  limit  basis       reserve  headroom
        flux-git
         github.com anonymous core       0     0 %     60  documented       12        48
        request-per-poll
         * fleet core                2,392  47.8 %  5,000  assumed       1,000     1,608

        most polled                 git/h  flux-git  request-per-poll  share  basis
        project-01                     92         0                92  1.8 %  assumed
        project-02                     92         0                92  1.8 %  assumed
        project-03                     92         0                92  1.8 %  assumed
         and 23 more projects
        github.com/acme/project-01     92         0                92  1.8 %  assumed
        github.com/acme/project-02     92         0                92  1.8 %  assumed
        github.com/acme/project-03     92         0                92  1.8 %  assumed
         and 23 more repositories

        advice
        - each poll lists every ref of its repository, those of pull requests too, at
          about 86 bytes a ref: `github.com/acme/project-01` is polled 92 times an hour,
          which is 39.6 MB an hour for each 5,000 refs it has
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
        passed: 39.6 % is not above 70 %: profile `request-per-poll`, bucket `* fleet core` (1,980 of 5,000 requests an hour)

        2 sources poll 1 repository in 1 environment
        REST requests  1,801.25 an hour, 36 % of the fullest bucket: 1.25 of them by Flux (flux-git)
        git requests   0.05 a second, at most 0.05 on one repository (documented), where GitHub asks to stay
                       below 15 (assumed); 6 requests and 1 new App token when all controllers start, at
                       most 6 on one (documented)
        upper bound    1,980 an hour, 39.6 % of 5,000, if each poll were a request; 2,040 with 30s
                       everywhere, so −2.9 % (request-per-poll)

        requests an hour  sources  flux-git  share  request-per-poll   share  basis
        dev                     2      1.25    0 %               180   3.6 %  assumed
        budget.also                   1,800                    1,800          assumed
        all                     2  1,801.25   36 %             1,980  39.6 %  assumed
        30s everywhere                                         2,040  40.8 %  assumed

        buckets                        used/h   share  limit  basis       reserve  headroom
        flux-git
         github.com bot core            1,800    36 %  5,000  documented    1,000     2,200
          of it renovate                1,800
         ghe.acme.io bot core               0       –   none  documented
         github.com secret app appJwt    1.25       –   none  assumed
        request-per-poll
         * fleet core                   1,980  39.6 %  5,000  assumed       1,000     2,020
          of it renovate                1,800

        most polled          git/h  flux-git  request-per-poll  share  basis
        api                    120         0               120  2.4 %  assumed
        web                     60      1.25                60  1.2 %  assumed
        github.com/acme/web    180      1.25               180  3.6 %  assumed

        advice
        - 1 source of `dev` (`api-dev`) is polled more often than once a minute: 120 polls an hour, 60 with
          an interval of 1m
        - each poll lists every ref of its repository, those of pull requests too, at about 86 bytes a ref:
          `github.com/acme/web` is polled 180 times an hour, which is 77.4 MB an hour for each 5,000 refs it
          has
        ");
    }

    #[test]
    fn a_plan_without_sources_is_printed_without_lists() {
        insta::assert_snapshot!(printed(&priced(&plan(Vec::new())), Some(80)), @r"
        passed: 0 % is not above 70 %: profile `request-per-poll`, bucket `* fleet core`
        (0 of 5,000 requests an hour)

        0 sources poll 0 repositories in 0 environments
        REST requests  0 an hour: Flux polls by git, which spends none (flux-git)
        git requests   0 a second, at most 0 on one repository (documented), where
                       GitHub asks to stay below 15 (assumed); 0 requests when all
                       controllers start, at most 0 on one (documented)
        upper bound    0 an hour, 0 % of 5,000, if each poll were a request
                       (request-per-poll)

        requests an hour  sources  flux-git  share  request-per-poll  share  basis
        all                     0         0      –                 0    0 %  assumed
        30s everywhere                                             0    0 %  assumed

        buckets           used/h  share  limit  basis    reserve  headroom
        flux-git
         none
        request-per-poll
         * fleet core          0    0 %  5,000  assumed    1,000     4,000
        ");
    }

    #[test]
    fn nothing_is_wider_than_the_terminal() {
        let report = priced(&fleet(300));
        for width in [60, 80, 100, 200] {
            let lines = printed(&priced(&fleet(26)), Some(width)).lines().count();
            assert!(
                lines <= 40 || width < 80,
                "{lines} lines at {width} columns"
            );
            for line in printed(&report, Some(width)).lines() {
                assert!(line.chars().count() <= width, "{width}: {line}");
            }
        }
    }

    #[test]
    fn a_terminal_too_narrow_for_any_table_still_gets_the_figures() {
        let report = priced(&fleet(26));
        let tight = |text: &str| text.split_whitespace().collect::<String>();
        for width in [0, 1, 20, usize::MAX] {
            let printed = tight(&printed(&report, Some(width)));
            for says in [
                "passed: 47.8 % is not above 70 %",
                "2,392 of 5,000 requests an hour",
                "0.664 a second, at most 0.0256 on one repository",
                "9,360 with 30s everywhere, so −74.4 %",
                "39.6 MB an hour for each 5,000 refs it has",
            ] {
                assert!(printed.contains(&tight(says)), "{width}: {says}: {printed}");
            }
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
        assert!(text.contains("- and 5 more; JSON lists all"), "{text}");
        let text = printed(&priced(&fleet(3)), Some(100));
        assert!(!text.contains(" more "), "{text}");
        let text = printed(&priced(&fleet(4)), Some(100));
        assert!(text.contains(" and 1 more project\n"), "{text}");
    }
}
