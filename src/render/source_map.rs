//! Which byte of which template wrote a byte of a document.
//!
//! A template is woven with marks for that: one before each `{{ … }}` and one before what each line
//! writes of its own. A mark writes nothing; it notes where the document stands.

use std::cell::RefCell;

use tera::{Kwargs, State, TeraResult, Value};

use super::template_text::Tag;
use super::woven::Insertion;

thread_local! {
    /// Tera calls a function without anything of ours but the thread.
    static MARKS: RefCell<Marks> = RefCell::default();
}

#[derive(Debug, Default)]
struct Marks {
    settled: Vec<Mark>,
    /// Those behind which nothing was written yet: a blank before them may still be dropped.
    pending: Vec<Mark>,
}

/// From where on a document is written by a place of a template.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Mark {
    /// The template's number.
    pub(super) template: usize,
    /// The byte of its text: where a tag begins, or text of its own.
    pub(super) at: usize,
    /// The byte of the document.
    pub(super) out: usize,
}

/// A document, and what wrote each part of it.
#[derive(Debug)]
pub(super) struct Mapped {
    pub(super) text: String,
    pub(super) marks: Vec<Mark>,
    /// Whether it was written to its end.
    pub(super) is_whole: bool,
}

impl Mapped {
    /// What wrote this byte; `None` before the first mark.
    pub(super) fn mark_at(&self, byte: usize) -> Option<&Mark> {
        let after = self.marks.partition_point(|mark| mark.out <= byte);
        self.marks.get(after.checked_sub(1)?)
    }

    /// What was written from one mark to the next.
    pub(super) fn piece(&self, index: usize) -> &str {
        let start = self.marks[index].out;
        let end = self
            .marks
            .get(index + 1)
            .map_or(self.text.len(), |next| next.out);
        self.text.get(start..end).unwrap_or_default()
    }
}

/// Marks for the text of the template with this number.
pub(super) fn marks(text: &str, tags: &[Tag<'_>], number: usize) -> Vec<Insertion> {
    let mut found = Vec::new();
    let mut mark = |at: usize, stands_for: std::ops::Range<usize>, dash: &str| {
        found.push(Insertion {
            at,
            text: format!("{{{{{dash} mark__(template={number}, at={at}) }}}}"),
            stands_for,
        });
    };
    let mut from = 0;
    for tag in tags {
        own_lines(text, from, tag.start, &mut |at| mark(at, at..at, ""));
        if tag.prints {
            let trims = text[tag.start + 2..].starts_with('-');
            mark(tag.start, tag.start..tag.end, if trims { "-" } else { "" });
        }
        from = tag.end;
    }
    own_lines(text, from, text.len(), &mut |at| mark(at, at..at, ""));
    found
}

/// Where each line of a text between tags begins to write, comments left out. Behind a raw block, which
/// the text may hold, there is no mark until the next tag.
fn own_lines(text: &str, from: usize, to: usize, found: &mut dyn FnMut(usize)) {
    let mut at = from;
    let mut is_new = true; // behind a tag
    while at < to {
        let rest = &text[at..to];
        let blanks = rest.len() - rest.trim_start().len();
        is_new |= rest[..blanks].contains('\n');
        at += blanks;
        let rest = &text[at..to];
        if rest.starts_with("{#") {
            at += rest.find("#}").map_or(rest.len(), |end| end + 2);
            is_new = true;
            continue;
        }
        if rest.is_empty() || rest.starts_with("{%") {
            return;
        }
        if is_new {
            found(at);
        }
        let ends = rest.find(['\n']).into_iter().chain(rest.find("{#"));
        at += ends.chain(rest.find("{%")).min().unwrap_or(rest.len());
        is_new = false;
    }
}

/// `mark__(template=…, at=…)`
pub(super) fn mark(arguments: Kwargs, _: &State<'_>) -> TeraResult<Value> {
    let mark = Mark {
        template: arguments.must_get("template")?,
        at: arguments.must_get("at")?,
        out: 0,
    };
    MARKS.with_borrow_mut(|marks| marks.pending.push(mark));
    Ok(Value::safe_string(""))
}

/// Forgets the marks of the document before, on this thread.
pub(super) fn begin() {
    MARKS.with_borrow_mut(|marks| *marks = Marks::default());
}

/// Says that something will be written at this byte.
pub(super) fn settle(out: usize) {
    MARKS.with_borrow_mut(|marks| {
        let Marks { settled, pending } = marks;
        settled.extend(pending.drain(..).map(|mark| Mark { out, ..mark }));
    });
}

/// The marks of the document that was written to its end.
pub(super) fn end(out: usize) -> Vec<Mark> {
    settle(out);
    MARKS.with_borrow_mut(|marks| std::mem::take(&mut marks.settled))
}

#[cfg(test)]
mod tests {
    use super::super::template_text::tags;
    use super::super::woven::Woven;
    use super::marks;

    #[test]
    fn marks_stand_before_values_and_before_what_lines_write() {
        let text = "a: {{ b }}\n{%- if c %}\n  d: e\n{# f\n g #}i\n{%- endif %}{{- h }}";
        let woven = Woven::new(text, marks(text, &tags(text), 3));
        assert_eq!(
            woven
                .text
                .replace("mark__(template=3, at=", "")
                .replace(") }}", "}}"),
            "{{ 0}}a: {{ 3}}{{ b }}\n{%- if c %}\n  {{ 25}}d: e\n{# f\n g #}{{ 40}}i\n{%- endif %}\
             {{- 54}}{{- h }}"
        );
        let there = woven.text.find("{{- h").unwrap();
        assert_eq!(woven.written(&(there..there + 8)), 54..62);
    }
}
