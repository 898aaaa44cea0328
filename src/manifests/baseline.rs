//! What is known to be wrong already: told again only where it is new.

use std::collections::BTreeMap;
use std::io;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::config::Class;

/// The form of the file; another one is not read.
const VERSION: u32 = 1;

/// A finding wherever it moves in its file: no lines, and no numbers in lists.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct KnownFinding {
    /// From the folder of the baseline on, with `/`.
    pub file: String,
    /// As `Kustomization flux-system/web`; empty outside of any.
    pub object: String,
    /// The keys that lead to it, as `spec.dependsOn[].name`.
    pub path: String,
    pub class: Class,
    pub message: String,
}

/// Findings, each with how often it is there.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Baseline {
    known: BTreeMap<KnownFinding, usize>,
}

#[derive(Debug, thiserror::Error)]
pub enum BaselineError {
    #[error("is no baseline; `--write-baseline` writes one")]
    Read { source: serde_json::Error },
    #[error(
        "is a baseline of version {version}, and this program reads {VERSION}; write it again by `--write-baseline`"
    )]
    Version { version: u32 },
}

#[derive(Deserialize)]
struct Version {
    version: u32,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    #[serde(rename = "version")]
    _version: u32,
    findings: Vec<Line>,
}

#[derive(Serialize, Deserialize)]
struct Line {
    #[serde(flatten)]
    known: KnownFinding,
    /// Left out where it is 1.
    #[serde(default = "once", skip_serializing_if = "is_once")]
    count: usize,
}

/// What a baseline says of findings.
#[derive(Debug, PartialEq, Eq)]
pub struct Compared {
    /// Of each finding whether it is known.
    pub is_known: Vec<bool>,
    /// What is known and was not found, with how often.
    pub stale: Vec<(KnownFinding, usize)>,
}

impl KnownFinding {
    /// `path` may hold numbers of lists.
    pub fn new(file: &str, object: &str, path: &str, class: Class, message: &str) -> Self {
        Self {
            file: file.to_owned(),
            object: object.to_owned(),
            path: without_numbers(path),
            class,
            message: without_version(message),
        }
    }

    /// All of it in short.
    pub fn fingerprint(&self) -> String {
        let mut hasher = Sha256::new();
        let class = format!("{:?}", self.class);
        for part in [&self.file, &self.object, &self.path, &class, &self.message] {
            hasher.update(part.as_bytes());
            hasher.update([0]);
        }
        hex::encode(&hasher.finalize()[..16])
    }
}

/// A message without the version of Flux that it names last: an update makes nothing new of what is known.
fn without_version(message: &str) -> String {
    let is_version = |text: &str| {
        let is_of_one = |c: char| c.is_ascii_digit() || c == '.';
        text.starts_with(|c: char| c.is_ascii_digit()) && text.chars().all(is_of_one)
    };
    match message.rsplit_once(" in Flux ") {
        Some((before, version)) if is_version(version) => before.to_owned(),
        _ => message.to_owned(),
    }
}

impl Baseline {
    /// # Errors
    /// A text that is no baseline, or one of another version.
    pub fn read(text: &str) -> Result<Self, BaselineError> {
        let read = |source| BaselineError::Read { source };
        let Version { version } = serde_json::from_str(text).map_err(read)?;
        if version != VERSION {
            return Err(BaselineError::Version { version });
        }
        let file: File = serde_json::from_str(text).map_err(read)?;
        let mut known = BTreeMap::new();
        for line in file.findings {
            *known.entry(line.known).or_default() += line.count;
        }
        Ok(Self { known })
    }

    pub fn of(findings: impl IntoIterator<Item = KnownFinding>) -> Self {
        let mut known = BTreeMap::new();
        for finding in findings {
            *known.entry(finding).or_default() += 1;
        }
        Self { known }
    }

    /// Takes over what another one knows of files that were not judged.
    pub fn keep_other_files(&mut self, other: Self, is_judged: &dyn Fn(&str) -> bool) {
        let others = other.known.into_iter();
        self.known
            .extend(others.filter(|(known, _)| !is_judged(&known.file)));
    }

    /// How many findings are known.
    pub fn count(&self) -> usize {
        self.known.values().sum()
    }

    /// Writes it with a line a finding, in order: what is mended is a line that goes.
    ///
    /// # Errors
    /// Where `out` takes no more.
    pub fn write(&self, out: &mut impl io::Write) -> io::Result<()> {
        write!(out, "{{\n  \"version\": {VERSION},\n  \"findings\": [")?;
        for (index, (known, count)) in self.known.iter().enumerate() {
            let line = Line {
                known: known.clone(),
                count: *count,
            };
            out.write_all(if index == 0 { b"\n    " } else { b",\n    " })?;
            serde_json::to_writer(&mut *out, &line)?;
        }
        let end = if self.known.is_empty() { "" } else { "\n  " };
        writeln!(out, "{end}]\n}}")
    }

    /// Compares it with what was found in the files that were judged.
    pub fn compare(&self, found: &[&KnownFinding], is_judged: &dyn Fn(&str) -> bool) -> Compared {
        let mut left: BTreeMap<&KnownFinding, usize> = BTreeMap::new();
        for (known, count) in &self.known {
            left.insert(known, *count);
        }
        let is_known = found.iter().map(|finding| match left.get_mut(*finding) {
            Some(count) if *count > 0 => {
                *count -= 1;
                true
            }
            _ => false,
        });
        let is_known = is_known.collect();
        let stale = left
            .into_iter()
            .filter(|(known, count)| *count > 0 && is_judged(&known.file));
        let stale = stale.map(|(known, count)| (known.clone(), count)).collect();
        Compared { is_known, stale }
    }
}

fn once() -> usize {
    1
}

fn is_once(count: &usize) -> bool {
    *count == 1
}

/// The path with `[]` for each `[3]`: what is put before it in a list makes it no other finding.
fn without_numbers(path: &str) -> String {
    let mut rest = path;
    let mut out = String::with_capacity(path.len());
    while let Some((before, after)) = rest.split_once('[') {
        out.push_str(before);
        out.push('[');
        let number = after.find(|c: char| !c.is_ascii_digit());
        rest = match number {
            Some(end) if after[end..].starts_with(']') => &after[end..],
            _ => after,
        };
    }
    out + rest
}

#[cfg(test)]
mod tests {
    use super::*;

    fn known(file: &str, message: &str) -> KnownFinding {
        KnownFinding::new(file, "A b/c", "spec.x[2].y", Class::Api, message)
    }

    #[test]
    fn what_is_there_more_often_than_it_is_known_is_new_and_what_is_there_less_often_is_stale() {
        let baseline = Baseline::of([known("a", "x"), known("a", "x"), known("b", "y")]);
        let x = known("a", "x");
        let compared = baseline.compare(&[&x, &x, &x], &|_| true);
        assert_eq!(compared.is_known, [true, true, false]);
        assert_eq!(compared.stale, [(known("b", "y"), 1)]);
        let compared = baseline.compare(&[&x], &|file| file == "a");
        assert_eq!(compared.is_known, [true]);
        assert_eq!(compared.stale, [(x, 1)]);
    }

    #[test]
    fn an_update_of_flux_makes_nothing_new_of_what_is_known() {
        let of = |flux: &str| known("a", &format!("unknown field `x`{flux}"));
        assert_eq!(of(" in Flux 2.6.4"), of(" in Flux 2.7"));
        assert_eq!(of(" in Flux 2.6.4"), of(""));
        assert_ne!(of(" in Flux itself"), of(""));
    }

    #[test]
    fn what_is_written_is_read_again() {
        for findings in [
            vec![],
            vec![known("a", "x"), known("a", "x"), known("b", "y")],
        ] {
            let baseline = Baseline::of(findings);
            let mut text = Vec::new();
            baseline.write(&mut text).unwrap();
            let text = String::from_utf8(text).unwrap();
            assert_eq!(Baseline::read(&text).unwrap(), baseline, "{text}");
        }
    }

    #[test]
    fn what_is_no_baseline_and_what_is_of_another_version_is_refused() {
        let refused = |text| Baseline::read(text).unwrap_err().to_string();
        assert_eq!(
            refused("{}"),
            "is no baseline; `--write-baseline` writes one"
        );
        assert_eq!(
            refused("{\"version\": 2, \"other\": []}"),
            "is a baseline of version 2, and this program reads 1; write it again by `--write-baseline`"
        );
        assert!(refused("{\"version\": 1, \"findings\": [{}]}").starts_with("is no baseline"));
    }

    #[test]
    fn numbers_of_lists_do_not_count_and_keys_in_brackets_do() {
        for (path, expected) in [
            ("spec.dependsOn[12].name", "spec.dependsOn[].name"),
            ("a[0][1]", "a[][]"),
            ("labels[\"x/1\"]", "labels[\"x/1\"]"),
            ("labels[\"[1]\"]", "labels[\"[]\"]"),
            ("a[1", "a[1"),
        ] {
            assert_eq!(without_numbers(path), expected);
        }
    }
}
