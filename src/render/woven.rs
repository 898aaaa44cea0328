//! A template's text with tags of ours woven in, and where its bytes stand in the text as written.

use std::ops::Range;

/// Something that is put into a text.
#[derive(Debug, Clone)]
pub(super) struct Insertion {
    /// Before this byte of the text as written.
    pub(super) at: usize,
    pub(super) text: String,
    /// What it stands for in the text as written: whatever is said of it is said there.
    pub(super) stands_for: Range<usize>,
}

/// A text with insertions.
#[derive(Debug, Clone, Default)]
pub(super) struct Woven {
    pub(super) text: String,
    places: Vec<(usize, usize, Range<usize>)>,
}

impl Woven {
    /// Of insertions at the same byte the first one comes first.
    pub(super) fn new(text: &str, mut insertions: Vec<Insertion>) -> Self {
        insertions.sort_by_key(|insertion| insertion.at);
        let mut woven = Self::default();
        let mut copied = 0;
        for insertion in insertions {
            woven.text.push_str(&text[copied..insertion.at]);
            woven.text.push_str(&insertion.text);
            copied = insertion.at;
            woven.places.push((
                insertion.at,
                insertion.text.len(),
                insertion.stands_for.clone(),
            ));
        }
        woven.text.push_str(&text[copied..]);
        woven
    }

    /// Where a range of the woven text stands in the text as written.
    pub(super) fn written(&self, range: &Range<usize>) -> Range<usize> {
        let mut before = 0;
        let mut before_end = 0;
        for (at, length, stands_for) in &self.places {
            let start = at + before;
            if range.start >= start && range.start < start + length {
                return stands_for.clone();
            }
            if range.start >= start {
                before += length;
            }
            if range.end >= at + before_end + length {
                before_end += length;
            }
        }
        let start = range.start - before;
        start..(range.end - before_end).max(start)
    }
}
