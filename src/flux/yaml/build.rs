//! Builds trees from what the parser meets, and names what it takes and we do not.

use std::borrow::Cow;

use serde_saphyr::granit_parser::{ErrorKind, Event, ScalarStyle, Span as Marks, Tag};

use super::anchors::Anchors;
use super::fault::{Fault, MAX_DEPTH};
use super::keys::{name, refuse_repeated};
use super::merge::{Merge, Merges, is_merge_key, merge};
use super::place::{Indentation, Source, position};
use super::{Entry, Node, Scalar, Span, Value};

/// A mapping or sequence that is not yet closed.
struct Open {
    start: u32,
    /// Where the last thing in it ended.
    end: u32,
    anchor: usize,
    /// In brackets, where a tab is a space like any other.
    is_flow: bool,
    content: Content,
}

enum Content {
    Sequence(Vec<Node>),
    Mapping {
        entries: Vec<Entry>,
        key: Key,
        merges: Vec<Merge>,
    },
}

/// What a mapping knows of the key whose value comes next.
enum Key {
    /// A key comes next.
    Awaited,
    Named(Cow<'static, str>, Span),
    /// `<<`, here.
    Merge(Span),
    /// It was faulty: its value is left out.
    LeftOut,
}

/// Trees from the events of the parser.
pub(super) struct Builder<'text> {
    source: Source<'text>,
    merges: Merges,
    /// `None` where the text has no tab at all.
    indentation: Option<Indentation<'text>>,
    open: Vec<Open>,
    anchors: Anchors,
    pub(super) documents: Vec<Node>,
    pub(super) faults: Vec<Fault>,
}

impl<'text> Builder<'text> {
    pub(super) fn new(source: Source<'text>, merges: Merges) -> Self {
        Self {
            source,
            merges,
            indentation: source.text.contains('\t').then(|| Indentation::new(source)),
            open: Vec::new(),
            anchors: Anchors::default(),
            documents: Vec::new(),
            faults: Vec::new(),
        }
    }

    /// Takes one event; false ends the text.
    pub(super) fn take(&mut self, event: Event<'_>, marks: &Marks) -> bool {
        let span = self.source.span(marks);
        match event {
            Event::Scalar(text, style, anchor, tag) => {
                self.scalar(text, style, anchor, tag.as_deref(), span)
            }
            Event::SequenceStart(_, anchor, tag) => {
                self.check_collection_tag(tag.as_deref(), "seq", span);
                self.start(Content::Sequence(Vec::new()), anchor, span)
            }
            Event::MappingStart(_, anchor, tag) => {
                self.check_collection_tag(tag.as_deref(), "map", span);
                let content = Content::Mapping {
                    entries: Vec::new(),
                    key: Key::Awaited,
                    merges: Vec::new(),
                };
                self.start(content, anchor, span)
            }
            Event::SequenceEnd | Event::MappingEnd => self.end(span),
            Event::Alias(anchor) => self.alias(anchor, span),
            Event::UnresolvedAlias(name) => {
                let fault = Fault::new(span, format!("no anchor `&{name}` stands before this"));
                self.leave_out(fault.hint("quote the text if it is no alias"), span);
                true
            }
            Event::DocumentEnd => {
                self.anchors.clear();
                true
            }
            _ => true,
        }
    }

    fn scalar(
        &mut self,
        text: Cow<'_, str>,
        style: ScalarStyle,
        anchor: usize,
        tag: Option<&Tag>,
        mut span: Span,
    ) -> bool {
        let mut plain = style == ScalarStyle::Plain;
        // The parser reports `~` for what was left out.
        let left_out = plain && span.start == span.end;
        if matches!(style, ScalarStyle::Literal | ScalarStyle::Folded) {
            // It reports a block up to the next key.
            let written = self.source.slice(span);
            let trimmed = written.trim_end_matches([' ', '\n', '\r']).len();
            span.end = span.start + position(trimmed);
        }
        let text = if left_out {
            Cow::Borrowed("")
        } else {
            owned(text)
        };
        if let Some(tag) = tag {
            if tag.is_yaml_core_schema_tag("str") {
                plain = false;
            } else {
                let fault = self.tag_fault(tag, span);
                self.leave_out(fault, span);
                return true;
            }
        }
        let node = Node {
            span,
            value: Value::Scalar(Scalar { text, plain }),
        };
        if anchor != 0 && !self.remember(anchor, &node) {
            return false;
        }
        self.complete(node);
        true
    }

    fn check_collection_tag(&mut self, tag: Option<&Tag>, own: &str, span: Span) {
        if let Some(tag) = tag
            && !tag.is_yaml_core_schema_tag(own)
        {
            let fault = self.tag_fault(tag, span);
            self.faults.push(fault);
        }
    }

    fn tag_fault(&self, tag: &Tag, span: Span) -> Fault {
        let written = format!("{}{}", tag.original_handle(), tag.suffix());
        // the parser names the place of the value behind it
        let before = self.source.text.get(..span.start as usize);
        let start = before.and_then(|before| before.rfind(&written));
        let span = start.map_or(span, |start| Span {
            start: position(start),
            end: position(start + written.len()),
            ..span
        });
        Fault::new(span, format!("the tag `{written}` has no meaning here"))
            .hint("remove it, and quote the value where it is a text")
    }

    fn start(&mut self, content: Content, anchor: usize, span: Span) -> bool {
        if self.open.len() == MAX_DEPTH {
            self.faults.push(Fault::too_deep(span));
            return false;
        }
        let is_within_flow = self.open.last().is_some_and(|open| open.is_flow);
        if let Some(indentation) = &mut self.indentation
            && !is_within_flow
            && let Some(tab) = indentation.tab(span.start as usize)
        {
            self.faults.push(Fault::tab(tab));
            return false;
        }
        self.open.push(Open {
            start: span.start,
            end: span.end,
            anchor,
            // only a bracket is wider than nothing
            is_flow: span.start < span.end,
            content,
        });
        true
    }

    fn end(&mut self, span: Span) -> bool {
        let Some(open) = self.open.pop() else {
            return true;
        };
        // Only a closing bracket is wider than nothing.
        let brackets = span.start < span.end;
        let mut start = open.start;
        let value = match open.content {
            Content::Sequence(items) => {
                // The parser names the `-` or what is behind it, as the list is indented or not.
                if let (false, Some(first)) = (brackets, items.first()) {
                    start = first.span.start;
                }
                Value::Sequence(items)
            }
            Content::Mapping {
                mut entries,
                merges,
                ..
            } => {
                refuse_repeated(&mut entries, self.source, &mut self.faults);
                Value::Mapping(merge(entries, merges, &mut self.faults))
            }
        };
        let node = Node {
            span: Span {
                source: self.source.number,
                start,
                end: if brackets { span.end } else { open.end },
            },
            value,
        };
        if open.anchor != 0 && !self.remember(open.anchor, &node) {
            return false;
        }
        self.complete(node);
        true
    }

    fn alias(&mut self, anchor: usize, span: Span) -> bool {
        match self.anchors.copy(anchor, self.open.len(), span) {
            Ok(Some(node)) => {
                self.complete(node);
                true
            }
            Ok(None) => {
                let fault = Fault::new(span, "the alias stands within what it names")
                    .hint("write the value out");
                self.leave_out(fault, span);
                true
            }
            Err(fault) => self.give_up(fault),
        }
    }

    /// Keeps what an anchor names; false ends the text.
    fn remember(&mut self, anchor: usize, node: &Node) -> bool {
        match self.anchors.remember(anchor, node) {
            Ok(()) => true,
            Err(fault) => self.give_up(fault),
        }
    }

    fn give_up(&mut self, fault: Fault) -> bool {
        self.faults.push(fault);
        false
    }

    /// Gives a finished value to what it stands in.
    fn complete(&mut self, node: Node) {
        let Some(open) = self.open.last_mut() else {
            self.documents.push(node);
            return;
        };
        open.end = open.end.max(node.span.end);
        match &mut open.content {
            Content::Sequence(items) => items.push(node),
            Content::Mapping {
                entries,
                key,
                merges,
            } => match std::mem::replace(key, Key::Awaited) {
                Key::Awaited if self.merges == Merges::Read && is_merge_key(&node) => {
                    *key = Key::Merge(node.span);
                }
                Key::Awaited => match name(node) {
                    Ok((name, span)) => *key = Key::Named(name, span),
                    Err(fault) => {
                        self.faults.push(fault);
                        *key = Key::LeftOut;
                    }
                },
                Key::Named(key, key_span) => entries.push(Entry {
                    key,
                    key_span,
                    node,
                }),
                Key::Merge(span) => merges.push(Merge {
                    behind: entries.len(),
                    span,
                    node,
                }),
                Key::LeftOut => {}
            },
        }
    }

    /// Goes on without a value, or without a key and its value.
    fn leave_out(&mut self, fault: Fault, span: Span) {
        self.faults.push(fault);
        match self.open.last_mut() {
            None => self.documents.push(Node::null(span)),
            Some(open) => {
                open.end = open.end.max(span.end);
                if let Content::Mapping { key, .. } = &mut open.content {
                    *key = match key {
                        Key::Awaited => Key::LeftOut,
                        Key::Named(..) | Key::Merge(_) | Key::LeftOut => Key::Awaited,
                    };
                }
            }
        }
    }

    pub(super) fn syntax_fault(&self, at: usize, kind: &ErrorKind) -> Fault {
        if let Some(tab) = self.source.tab_in_indentation(at) {
            return Fault::tab(tab);
        }
        let rest = self.source.text.get(at..).unwrap_or("");
        // The parser says where the text before it began.
        let place = match rest.find('\t') {
            Some(tab) if Fault::speaks_of_tabs(kind) => at + tab,
            _ => at,
        };
        Fault::syntax(self.source.character_at(place), kind)
    }
}

fn owned(text: Cow<'_, str>) -> Cow<'static, str> {
    Cow::Owned(text.into_owned())
}
