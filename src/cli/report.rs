//! Findings, as people and as machines read them.

use std::borrow::Cow;
use std::fmt;
use std::io::{self, Write};

use annotate_snippets::renderer::DecorStyle;
use annotate_snippets::{AnnotationKind, Group, Level, Origin, Renderer, Snippet};

use crate::budget::counted;
use crate::config::{Class, Finding, KeyPaths, Position, Severity, Sources};
use crate::flux::mask;
use crate::flux::yaml::Span;

use super::args::Format;
use super::excerpt::excerpt;
use super::output;
use super::printable::{printable, printable_lines};

/// Findings that are shown to people at once: nobody reads more before mending some.
const LONGEST_LIST: usize = 100;

/// Columns that an excerpt takes at most, also where nothing limits it.
const WIDEST: usize = 140;
/// Columns that it takes on the narrowest terminal.
const NARROWEST: usize = 40;

/// A finding with its place, as it is sorted and printed.
#[derive(Debug)]
struct Placed<'a> {
    file: &'a str,
    position: Position,
    finding: &'a Finding,
    /// Without the credentials that the finding quotes.
    message: Cow<'a, str>,
    hint: Option<Cow<'a, str>>,
}

/// How many findings there are of each severity.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Counts {
    pub(super) errors: usize,
    pub(super) warnings: usize,
}

impl Counts {
    pub(super) fn of(severities: impl Iterator<Item = Severity>) -> Self {
        let mut counts = Self {
            errors: 0,
            warnings: 0,
        };
        for severity in severities {
            match severity {
                Severity::Error => counts.errors += 1,
                Severity::Warning => counts.warnings += 1,
            }
        }
        counts
    }

    /// `2 errors, 1 warning`; empty where there is nothing.
    pub(super) fn shown(self) -> String {
        let parts = [(self.errors, "error"), (self.warnings, "warning")].into_iter();
        let parts = parts.filter(|(number, _)| *number > 0);
        let parts = parts.map(|(number, word)| counted(number, word));
        parts.collect::<Vec<_>>().join(", ")
    }
}

/// Prints findings where they are the answer: for people to stderr, for machines to stdout, there
/// also when there are none.
pub(super) fn print(sources: &Sources, findings: &[Finding], format: Format) -> anyhow::Result<()> {
    match format {
        Format::Json => output::data(|out| write_json(sources, findings, out)),
        Format::Text => print_beside(sources, findings),
    }
}

/// Writes findings where they are the answer, for machines.
pub(super) fn write_json(
    sources: &Sources,
    findings: &[Finding],
    out: &mut impl Write,
) -> io::Result<()> {
    let findings = json(sources, findings);
    output::write_json(&JsonFindings { findings }, out)
}

/// Prints for machines why a command could not be done at all: one finding, of no file.
pub(super) fn print_without_place(message: &str) -> anyhow::Result<()> {
    output::json(&serde_json::json!({"findings": [{
        "class": Class::Config,
        "severity": Severity::Error,
        "file": null,
        "line": null,
        "column": null,
        "path": "",
        "message": mask(message),
        "hint": null,
    }]}))
}

/// Prints findings beside another answer, to stderr.
pub(super) fn print_beside(sources: &Sources, findings: &[Finding]) -> anyhow::Result<()> {
    if findings.is_empty() {
        return Ok(());
    }
    let width = output::stderr_width().map_or(WIDEST, |width| width.clamp(NARROWEST, WIDEST));
    output::beside(&text(sources, findings, LONGEST_LIST, width))
}

/// A fault and where it is.
#[derive(Debug)]
pub(super) struct Fault {
    pub(super) file: String,
    pub(super) line: usize,
    pub(super) column: usize,
    /// Without credentials, in one line.
    pub(super) message: String,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            file,
            line,
            column,
            message,
        } = self;
        write!(f, "{file}:{line}:{column}: {message}")
    }
}

/// What makes a configuration of no use, by file and place.
pub(super) fn errors(sources: &Sources, findings: &[Finding]) -> Vec<Fault> {
    let placed = placed(sources, findings).into_iter();
    let faults = placed.filter(|placed| placed.finding.severity == Severity::Error);
    let faults = faults.map(|placed| Fault {
        file: printable(placed.file).into_owned(),
        line: placed.position.line,
        column: placed.position.column,
        message: printable(&placed.message).into_owned(),
    });
    faults.collect()
}

/// Sorted by file and place, each once.
fn placed<'a>(sources: &'a Sources, findings: &'a [Finding]) -> Vec<Placed<'a>> {
    let placed = findings.iter().map(|finding| Placed {
        file: sources.name(finding.span.source),
        position: sources.position(finding.span),
        finding,
        message: mask(&finding.message),
        hint: finding.hint.as_deref().map(mask),
    });
    let mut placed: Vec<_> = placed.collect();
    placed.sort_by_key(|placed| {
        let Position { line, column } = placed.position;
        (placed.file, line, column, &placed.finding.message)
    });
    // an alias copies a fault to other keys, and its place and words stay the same
    placed.dedup_by(|one, other| {
        let said = |placed: &Placed<'a>| {
            let Finding {
                span,
                class,
                severity,
                message,
                ..
            } = placed.finding;
            (*span, *class, *severity, message.as_str())
        };
        said(one) == said(other)
    });
    placed
}

#[derive(serde::Serialize)]
struct JsonFindings<'a> {
    findings: Vec<JsonFinding<'a>>,
}

/// A finding as machines read it.
#[derive(serde::Serialize)]
pub(super) struct JsonFinding<'a> {
    pub(super) class: Class,
    pub(super) severity: Severity,
    pub(super) file: &'a str,
    pub(super) line: usize,
    pub(super) column: usize,
    pub(super) path: String,
    pub(super) message: Cow<'a, str>,
    pub(super) hint: Option<Cow<'a, str>>,
    /// Behind the last character that is meant; `None` where the whole file is.
    #[serde(skip)]
    pub(super) end: Option<Position>,
    #[serde(skip)]
    pub(super) finding: &'a Finding,
}

/// Findings as machines read them, in order, each once.
pub(super) fn json<'a>(sources: &'a Sources, findings: &'a [Finding]) -> Vec<JsonFinding<'a>> {
    let mut key_paths = KeyPaths::new(sources);
    let findings = placed(sources, findings).into_iter();
    let findings = findings.map(|placed| JsonFinding {
        class: placed.finding.class,
        severity: placed.finding.severity,
        file: placed.file,
        line: placed.position.line,
        column: placed.position.column,
        path: match placed.finding.path.as_str() {
            "" => key_paths.path(placed.finding.span),
            path => mask(path).into_owned(),
        },
        message: placed.message,
        hint: placed.hint,
        end: end(sources, placed.finding.span),
        finding: placed.finding,
    });
    findings.collect()
}

fn end(sources: &Sources, span: Span) -> Option<Position> {
    let behind = Span {
        start: span.end,
        ..span
    };
    (span.end > 0).then(|| sources.position(behind))
}

/// Each finding with its excerpt, and how many there are; of more than `longest` warnings are left
/// out before errors. Excerpts are `width` columns wide at most.
fn text(sources: &Sources, findings: &[Finding], longest: usize, width: usize) -> String {
    let mut shown = placed(sources, findings);
    let counts = Counts::of(shown.iter().map(|placed| placed.finding.severity));
    let left_out = shown.len().saturating_sub(longest);
    let warnings = left_out.min(counts.warnings);
    let mut keep = counts.warnings - warnings;
    shown.retain(|placed| {
        let is_kept = placed.finding.severity == Severity::Error || keep > 0;
        keep -= usize::from(is_kept && placed.finding.severity == Severity::Warning);
        is_kept
    });
    shown.truncate(longest);

    let renderer = Renderer::styled()
        .decor_style(DecorStyle::Ascii)
        .term_width(width);
    let mut text = String::new();
    for placed in &shown {
        let rendered = renderer.render(&[group(sources, placed)]);
        // The renderer leaves these in an excerpt, and some terminals obey them.
        let obeyed = |c: char| matches!(c, '\u{80}'..='\u{9f}');
        text.push_str(&rendered.replace(obeyed, "\u{fffd}"));
        text.push_str("\n\n");
    }
    if left_out > 0 {
        text.push_str(&format!(
            "… and {left_out} more; `--format json` gives all of them\n"
        ));
    }
    text.push_str(&counts.shown());
    text.push('\n');
    text
}

fn group<'a>(sources: &Sources, placed: &'a Placed<'_>) -> Group<'a> {
    let finding = placed.finding;
    let level = match finding.severity {
        Severity::Error => Level::ERROR,
        Severity::Warning => Level::WARNING,
    };
    let mut title = level.primary_title(printable_lines(&placed.message));
    title = match finding.class {
        Class::Api => title.id("api"),
        Class::Flux => title.id("flux"),
        Class::Config => title,
    };
    let Position { line, column } = placed.position;
    let range = finding.span.start as usize..finding.span.end as usize;
    let group = if range == (0..0) {
        let origin = Origin::path(printable(placed.file))
            .line(line)
            .char_column(column);
        title.element(origin)
    } else {
        let excerpt = excerpt(sources.shown(finding.span.source), range);
        let mark = AnnotationKind::Primary.span(excerpt.marked);
        let snippet = Snippet::source(excerpt.text).path(printable(placed.file));
        title.element(snippet.line_start(line).annotation(mark))
    };
    match &placed.hint {
        Some(hint) => group.element(Level::HELP.message(printable_lines(hint))),
        None => group,
    }
}

#[cfg(test)]
mod tests {
    use crate::config::{Class, Finding, Sources};
    use crate::flux::yaml::Span;

    fn shown(sources: &Sources, findings: &[Finding], longest: usize) -> String {
        let text = super::text(sources, findings, longest, super::WIDEST);
        anstream::adapter::strip_str(&text).to_string()
    }

    #[test]
    fn nothing_that_a_finding_quotes_steers_the_terminal() {
        let hostile = "\u{1b}[2J\u{1b}]0;owned\u{7}\u{9b}2J\r";
        let mut sources = Sources::default();
        sources.add(format!("{hostile}.yaml"), format!("{hostile}: 1\n"));
        let whole = Finding::error(Span::default(), "", hostile).hint(hostile);
        let span = Span {
            end: 3,
            ..Span::default()
        };
        let part = Finding::warning(span, "", hostile).hint(hostile);
        let text = super::text(&sources, &[whole, part], 10, super::WIDEST);
        for part in ["\u{1b}[2J", "\u{1b}]", "\u{7}", "\u{9b}", "\r"] {
            assert!(!text.contains(part), "{part:?}: {text:?}");
        }
    }

    fn span_of(text: &str, part: &str) -> Span {
        let start = u32::try_from(text.find(part).unwrap()).unwrap();
        let end = start + u32::try_from(part.len()).unwrap();
        Span {
            source: 0,
            start,
            end,
        }
    }

    const FLEET: &str = "\
projects:
  - name: web
    repositry: https://github.com/acme/web
    path: \"./\tdeploy\"
";

    #[test]
    fn a_finding_shows_where_it_is_and_how_to_mend_it() {
        let mut sources = Sources::default();
        sources.add("flux-setup.yaml", FLEET);
        let key = Finding::error(
            span_of(FLEET, "repositry"),
            "projects[0].repositry",
            "unknown key `repositry`",
        );
        let path = Finding::warning(
            span_of(FLEET, "\"./\tdeploy\""),
            "projects[0].path",
            "a tab in a path",
        );
        let whole = Finding::error(Span::default(), "", "no environment uses `web`");
        let findings = [
            path.class(Class::Flux),
            key.hint("the nearest known key is `repository`"),
            whole,
        ];
        insta::assert_snapshot!(shown(&sources, &findings, 10), @r#"
        error: no environment uses `web`
        --> flux-setup.yaml:1:1

        error: unknown key `repositry`
         --> flux-setup.yaml:3:5
          |
        3 |     repositry: https://github.com/acme/web
          |     ^^^^^^^^^
          |
          = help: the nearest known key is `repository`

        warning[flux]: a tab in a path
         --> flux-setup.yaml:4:11
          |
        4 |     path: "./    deploy"
          |           ^^^^^^^^^^^^^^

        2 errors, 1 warning
        "#);
    }

    #[test]
    fn credentials_are_shown_neither_to_people_nor_to_machines() {
        let text = "external: \"https://u:topsecret@x\"\n";
        let mut sources = Sources::default();
        sources.add("flux-setup.yaml", text);
        let span = span_of(text, "\"https://u:topsecret@x\"");
        let finding = Finding::error(span, "external", "`https://u:topsecret@x` is no name");
        let findings = [finding.hint("not `ghp_topsecret`")];
        let people = shown(&sources, &findings, 10);
        let machines = serde_json::to_string(&super::json(&sources, &findings)).unwrap();
        for text in [people, machines] {
            assert!(!text.contains("topsecret"), "{text}");
            assert!(text.contains("`https://***@x` is no name"), "{text}");
            assert!(text.contains("not `***`"), "{text}");
        }
    }

    #[test]
    fn of_many_findings_the_first_errors_are_shown_and_the_rest_is_counted() {
        let mut sources = Sources::default();
        sources.add("b.yaml", "a: 1\nb: 2\nc: 3\n");
        let at = |start: u32, message: &str| {
            let span = Span {
                source: 0,
                start,
                end: start + 1,
            };
            Finding::error(span, "", message)
        };
        let warning = |start| {
            Finding::warning(
                Span {
                    source: 0,
                    start,
                    end: start + 1,
                },
                "",
                "odd",
            )
        };
        let findings = [
            warning(1),
            at(10, "third"),
            at(5, "second"),
            warning(6),
            at(3, "first"),
        ];
        let lines = |longest| {
            let text = shown(&sources, &findings, longest);
            let lines = text.lines().filter(|line| {
                line.contains(": ") && !line.contains(" | ")
                    || line.contains("more")
                    || line.contains("errors")
            });
            lines.map(str::to_owned).collect::<Vec<_>>()
        };
        assert_eq!(
            lines(5),
            [
                "warning: odd",
                "error: first",
                "error: second",
                "warning: odd",
                "error: third",
                "3 errors, 2 warnings"
            ]
        );
        assert_eq!(
            lines(4),
            [
                "warning: odd",
                "error: first",
                "error: second",
                "error: third",
                "… and 1 more; `--format json` gives all of them",
                "3 errors, 2 warnings"
            ]
        );
        assert_eq!(
            lines(2),
            [
                "error: first",
                "error: second",
                "… and 3 more; `--format json` gives all of them",
                "3 errors, 2 warnings"
            ]
        );
    }

    #[test]
    fn json_gives_every_finding_once_in_the_order_of_the_files() {
        let mut sources = Sources::default();
        sources.add("b.yaml", "ä: 1\n");
        sources.add("a.yaml", "x: 1\n");
        let first = Finding::error(
            Span {
                source: 0,
                start: 4,
                end: 5,
            },
            "ä",
            "too small",
        );
        let second = Finding::warning(
            Span {
                source: 1,
                start: 0,
                end: 1,
            },
            "x",
            "odd",
        )
        .hint("leave it out");
        let findings = [first.clone(), second.class(Class::Flux), first];
        let findings = super::json(&sources, &findings);
        insta::assert_json_snapshot!(super::JsonFindings { findings }, @r#"
        {
          "findings": [
            {
              "class": "flux",
              "severity": "warning",
              "file": "a.yaml",
              "line": 1,
              "column": 1,
              "path": "x",
              "message": "odd",
              "hint": "leave it out"
            },
            {
              "class": "config",
              "severity": "error",
              "file": "b.yaml",
              "line": 1,
              "column": 4,
              "path": "ä",
              "message": "too small",
              "hint": null
            }
          ]
        }
        "#);
    }
}
