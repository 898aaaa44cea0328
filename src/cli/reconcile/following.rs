//! How far each object has come, told while it goes on: bars on a terminal, else a line for each step.

use std::collections::HashSet;
use std::io::{self, IsTerminal};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use indicatif::{MultiProgress, ProgressBar, ProgressStyle};

use crate::delivery::Stage;
use crate::flux::revision;
use crate::reconcile::by_hand::{Course, End, Line};
use crate::sync::Looked;

use crate::cli::args::Format;
use crate::cli::output;
use crate::cli::printable::printable;

/// Objects that have a bar of their own, at most: more would not fit.
const MOST_BARS: usize = 20;
const TURN: Duration = Duration::from_millis(100);

/// Whoever watches.
#[derive(Debug)]
pub(super) enum Following {
    Nobody,
    /// A bar for each object, by cluster.
    Bars(Vec<Vec<ProgressBar>>),
    /// One bar counts objects.
    Count(ProgressBar),
    Lines {
        clusters: Vec<String>,
        told: Mutex<HashSet<(usize, usize, Step)>>,
    },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Step {
    Reached(Stage),
    Ended,
}

impl Following {
    pub(super) fn of(format: Format, wait: bool, courses: &[(&Looked, Course)]) -> Self {
        if format == Format::Json || !wait {
            return Self::Nobody;
        }
        let clusters: Vec<String> = courses
            .iter()
            .map(|(looked, _)| looked.live.name().to_string())
            .collect();
        if !io::stderr().is_terminal() {
            return Self::Lines {
                clusters,
                told: Mutex::default(),
            };
        }
        let objects: usize = courses.iter().map(|(_, course)| course.lines().len()).sum();
        if objects > MOST_BARS {
            let style = ProgressStyle::with_template("{spinner} {bar:30} {pos} of {len} {msg}");
            let style = style.expect("the template names only what a bar has");
            let bar = ProgressBar::new(objects as u64).with_style(style);
            bar.enable_steady_tick(TURN);
            return Self::Count(bar);
        }
        let all = MultiProgress::new();
        let style = ProgressStyle::with_template("{spinner} {prefix} {msg}");
        let style = style.expect("the template names only what a bar has");
        let bars = courses.iter().zip(&clusters).map(|((_, course), cluster)| {
            let bars = course.lines().iter().map(|line| {
                let bar = all.add(ProgressBar::new_spinner().with_style(style.clone()));
                bar.set_prefix(
                    printable(&format!("{cluster}  {}", line.item.key.typed())).into_owned(),
                );
                bar.enable_steady_tick(TURN);
                bar
            });
            bars.collect()
        });
        Self::Bars(bars.collect())
    }

    /// Of the objects of one cluster, by its place.
    pub(super) fn tell(&self, place: usize, course: &Course) {
        match self {
            Self::Nobody => {}
            Self::Bars(bars) => {
                for (bar, line) in bars[place].iter().zip(course.lines()) {
                    bar.set_message(printable(&stands(line)).into_owned());
                    if line.end.is_some() && !bar.is_finished() {
                        bar.finish();
                    }
                }
            }
            Self::Count(bar) => {
                let over = course.lines().iter().filter(|line| line.end.is_some());
                bar.set_position(over.count() as u64);
                let open = course.lines().iter().find(|line| line.end.is_none());
                let open = open.map(|line| format!("{} waits {}", line.item.key, line.waits()));
                bar.set_message(printable(&open.unwrap_or_default()).into_owned());
            }
            Self::Lines { clusters, told } => {
                let mut told = told.lock().unwrap_or_else(PoisonError::into_inner);
                for (number, line) in course.lines().iter().enumerate() {
                    for step in steps(line) {
                        if told.insert((place, number, step)) {
                            let (cluster, key) = (&clusters[place], line.item.key.typed());
                            let words = step.words(line);
                            // That nobody reads it changes nothing.
                            let _ = output::note(&printable(&format!("{cluster}  {key}  {words}")));
                        }
                    }
                }
            }
        }
    }

    /// Leaves the terminal as it was.
    pub(super) fn end(&self) {
        match self {
            Self::Nobody | Self::Lines { .. } => {}
            Self::Bars(bars) => bars
                .iter()
                .flatten()
                .for_each(ProgressBar::finish_and_clear),
            Self::Count(bar) => bar.finish_and_clear(),
        }
    }
}

fn steps(line: &Line) -> Vec<Step> {
    let mut steps: Vec<Step> = line.reached().into_keys().map(Step::Reached).collect();
    if line.end.is_some() {
        steps.push(Step::Ended);
    }
    steps
}

impl Step {
    fn words(self, line: &Line) -> String {
        let what = || line.revision().map(revision::short).unwrap_or_default();
        match (self, &line.end) {
            (Self::Reached(stage @ (Stage::Fetched | Stage::Applied)), _) => {
                format!("{} {}", stage.name(), what())
            }
            (Self::Reached(Stage::Annotated), _) => "asked".to_owned(),
            (Self::Reached(stage), _) => stage.name().to_owned(),
            (Self::Ended, Some(End::Failed(reason))) => format!("failed: {reason}"),
            (Self::Ended, Some(End::Done(Some(words)))) => format!("done: {words}"),
            (Self::Ended, Some(End::NotWaitedFor(_))) => "not waited for".to_owned(),
            (Self::Ended, _) => "done".to_owned(),
        }
    }
}

/// Where it stands, on one line.
fn stands(line: &Line) -> String {
    match &line.end {
        Some(_) => Step::Ended.words(line),
        None => {
            let last = line.reached().into_keys().next_back();
            let last = last.map(|stage| format!("{}, ", Step::Reached(stage).words(line)));
            format!("{}waits {}", last.unwrap_or_default(), line.waits())
        }
    }
}
