//! Versions, and which is the later one.

use std::cmp::Ordering;

use super::written::{Scanner, Written};

/// The longest version, in bytes.
const MAX_VERSION: usize = 256;

/// A version that a tag can be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Version {
    pub(super) numbers: [u64; 3],
    /// Empty for a release.
    pub(super) prerelease: String,
}

impl Version {
    /// Reads a tag as the controllers do; what they pass over is `None`.
    pub fn parse(tag: &str) -> Option<Self> {
        // A dot of a prerelease counts too, where one of the numbers is left out.
        if tag.splitn(3, '.').count() != 3 || tag.len() > MAX_VERSION {
            return None;
        }
        let mut scanner = Scanner { rest: tag };
        let written = scanner.version()?;
        if !scanner.rest.is_empty() {
            return None;
        }
        Self::of(&written)
    }

    /// What was written, without wildcards; numbers left out are zero.
    pub(super) fn of(written: &Written<'_>) -> Option<Self> {
        let mut numbers = [0; 3];
        for (number, part) in numbers.iter_mut().zip(&written.parts) {
            *number = number_of(part)?;
        }
        Some(Self {
            numbers,
            prerelease: sound_prerelease(written.prerelease)?.to_owned(),
        })
    }

    /// By numbers, then a prerelease before its release; build metadata says nothing.
    pub fn compare(&self, other: &Self) -> Ordering {
        self.numbers
            .cmp(&other.numbers)
            .then_with(|| compare_prereleases(&self.prerelease, &other.prerelease))
    }

    pub(super) fn is_prerelease(&self) -> bool {
        !self.prerelease.is_empty()
    }
}

fn number_of(part: &str) -> Option<u64> {
    part.bytes()
        .all(|byte| byte.is_ascii_digit())
        .then(|| part.parse().ok())
        .flatten()
}

/// A number in a prerelease has no zero in front.
fn sound_prerelease(text: &str) -> Option<&str> {
    let sound = text.split('.').all(|part| {
        part.len() < 2 || !part.starts_with('0') || part.bytes().any(|byte| !byte.is_ascii_digit())
    });
    sound.then_some(text)
}

/// A release is later than its prereleases; identifiers are compared one by one, numbers by value
/// and before words, and more of them are later.
pub(super) fn compare_prereleases(left: &str, right: &str) -> Ordering {
    match (left.is_empty(), right.is_empty()) {
        (true, true) => return Ordering::Equal,
        (true, false) => return Ordering::Greater,
        (false, true) => return Ordering::Less,
        (false, false) => {}
    }
    let (mut left, mut right) = (left.split('.'), right.split('.'));
    loop {
        let ordering = match (left.next(), right.next()) {
            (None, None) => return Ordering::Equal,
            (None, Some(_)) => Ordering::Less,
            (Some(_), None) => Ordering::Greater,
            (Some(l), Some(r)) => match (number_of(l), number_of(r)) {
                (Some(l), Some(r)) => l.cmp(&r),
                (Some(_), None) => Ordering::Less,
                (None, Some(_)) => Ordering::Greater,
                (None, None) => l.cmp(r),
            },
        };
        if ordering.is_ne() {
            return ordering;
        }
    }
}
