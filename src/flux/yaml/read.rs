//! Reads a text into trees, and names all that is wrong with it.

use std::borrow::Cow;
use std::collections::HashMap;

use serde_saphyr::granit_parser::{
    ErrorKind, Event, Options, Parser, ScalarStyle, Span as Marks, Tag,
};

use super::fault::{Fault, MAX_DEPTH, too_deep};
use super::keys::{name, refuse_repeated};
use super::{Entry, Node, Scalar, Span, Value, quick};

/// How many nodes aliases may copy within one text.
const MAX_COPIED: usize = 200_000;

/// Reads every document of a text. `source` is the number of the text, for the spans.
///
/// A text without any document gives none; a document without content, between two `---`, is a
/// null scalar. A syntax fault ends the text: the documents before it are returned. All else
/// (repeated keys, merge keys, tags, keys that are no text, unknown anchors, plain keys that the
/// API server would take for another key) is a fault with its place, what it concerns is left out,
/// and reading goes on. A byte order mark at the start is taken. Faults are in order of place.
pub fn read(text: &str, source: u32) -> (Vec<Node>, Vec<Fault>) {
    if u32::try_from(text.len()).is_err() {
        let span = Span {
            source,
            ..Span::default()
        };
        return (
            Vec::new(),
            vec![Fault::new(span, "the text is larger than 4 GiB")],
        );
    }
    match quick::read(text, source) {
        Some(documents) => (documents, Vec::new()),
        None => parse(text, source),
    }
}

/// Reads by the parser, whatever the text.
pub(super) fn parse(text: &str, source: u32) -> (Vec<Node>, Vec<Fault>) {
    let mut builder = Builder::new(text, source);
    for event in Parser::new_from_str_with_options(text, options()) {
        let go_on = match event {
            Ok((event, marks)) => builder.take(event, &marks),
            Err(error) => {
                let at = error.marker().byte_offset().unwrap_or(0);
                let fault = builder.syntax_fault(at, error.kind());
                builder.faults.push(fault);
                false
            }
        };
        if !go_on {
            break;
        }
    }
    builder.faults.sort_by_key(|fault| fault.span.start);
    (builder.documents, builder.faults)
}

fn options() -> Options {
    let mut options = Options::default();
    options.set_emit_comments(false);
    options.emit_unresolved_aliases = true;
    options.disallow_directives = true;
    options.flow_nesting_limit = MAX_DEPTH;
    options.block_nesting_limit = MAX_DEPTH;
    options
}

/// A mapping or sequence that is not yet closed.
struct Open {
    start: u32,
    /// Where the last thing in it ended.
    end: u32,
    anchor: usize,
    content: Content,
}

enum Content {
    Sequence(Vec<Node>),
    Mapping { entries: Vec<Entry>, key: Key },
}

/// What a mapping knows of the key whose value comes next.
enum Key {
    /// A key comes next.
    Awaited,
    Named(Cow<'static, str>, Span),
    /// It was faulty: its value is left out.
    LeftOut,
}

/// What an anchor stands for.
struct Anchored {
    node: Node,
    nodes: usize,
    depth: usize,
}

struct Builder<'text> {
    text: &'text str,
    source: u32,
    has_tabs: bool,
    open: Vec<Open>,
    anchors: HashMap<usize, Anchored>,
    copied: usize,
    documents: Vec<Node>,
    faults: Vec<Fault>,
}

impl<'text> Builder<'text> {
    fn new(text: &'text str, source: u32) -> Self {
        Self {
            text,
            source,
            has_tabs: text.contains('\t'),
            open: Vec::new(),
            anchors: HashMap::new(),
            copied: 0,
            documents: Vec::new(),
            faults: Vec::new(),
        }
    }

    /// Takes one event; false ends the text.
    fn take(&mut self, event: Event<'_>, marks: &Marks) -> bool {
        let span = self.span(marks);
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
            let written = self.slice(span);
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
        Fault::new(
            span,
            format!(
                "the tag `{}{}` has no meaning here",
                tag.original_handle(),
                tag.suffix()
            ),
        )
        .hint("remove it, and quote the value where it is a text")
    }

    fn start(&mut self, content: Content, anchor: usize, span: Span) -> bool {
        if self.open.len() == MAX_DEPTH {
            self.faults.push(Fault::new(span, too_deep()));
            return false;
        }
        if self.has_tabs
            && let Some(tab) = self.tab_in_indentation(span.start as usize)
        {
            self.faults.push(Fault::tab(tab));
            return false;
        }
        self.open.push(Open {
            start: span.start,
            end: span.end,
            anchor,
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
            Content::Mapping { mut entries, .. } => {
                refuse_repeated(&mut entries, self.text, &mut self.faults);
                Value::Mapping(entries)
            }
        };
        let node = Node {
            span: Span {
                source: self.source,
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
        let Some(anchored) = self.anchors.get(&anchor) else {
            let fault = Fault::new(span, "the alias stands within what it names")
                .hint("write the value out");
            self.leave_out(fault, span);
            return true;
        };
        if self.open.len() + anchored.depth > MAX_DEPTH {
            self.faults.push(Fault::new(span, too_deep()));
            return false;
        }
        let nodes = anchored.nodes;
        if self.copied + nodes > MAX_COPIED {
            return self.too_many_copies(span);
        }
        self.copied += nodes;
        let node = Node {
            span,
            value: anchored.node.value.clone(),
        };
        self.complete(node);
        true
    }

    /// Keeps what an anchor names; false ends the text.
    fn remember(&mut self, anchor: usize, node: &Node) -> bool {
        let (nodes, depth) = measure(node);
        if self.copied + nodes > MAX_COPIED {
            return self.too_many_copies(node.span);
        }
        self.copied += nodes;
        let node = node.clone();
        self.anchors.insert(anchor, Anchored { node, nodes, depth });
        true
    }

    fn too_many_copies(&mut self, span: Span) -> bool {
        let fault = Fault::new(
            span,
            format!("anchors and aliases copy more than {MAX_COPIED} values"),
        );
        self.faults
            .push(fault.hint("write the values out, or use fewer aliases"));
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
            Content::Mapping { entries, key } => match std::mem::replace(key, Key::Awaited) {
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
                        Key::Named(..) | Key::LeftOut => Key::Awaited,
                    };
                }
            }
        }
    }

    fn span(&self, marks: &Marks) -> Span {
        let start = marks.start.byte_offset().unwrap_or(0);
        let end = marks.end.byte_offset().unwrap_or(0);
        Span {
            source: self.source,
            start: position(start),
            end: position(end.max(start)),
        }
    }

    fn slice(&self, span: Span) -> &'text str {
        self.text
            .get(span.start as usize..span.end as usize)
            .unwrap_or("")
    }

    /// The character at a place, or nothing at the end of the text.
    fn character_at(&self, at: usize) -> Span {
        let width = self
            .text
            .get(at..)
            .and_then(|rest| rest.chars().next())
            .map_or(0, char::len_utf8);
        Span {
            source: self.source,
            start: position(at),
            end: position(at + width),
        }
    }

    fn syntax_fault(&self, at: usize, kind: &ErrorKind) -> Fault {
        if let Some(tab) = self.tab_in_indentation(at) {
            return Fault::tab(tab);
        }
        let rest = self.text.get(at..).unwrap_or("");
        // The parser says where the text before it began.
        let place = match rest.find('\t') {
            Some(tab) if Fault::speaks_of_tabs(kind) => at + tab,
            _ => at,
        };
        Fault::syntax(self.character_at(place), kind)
    }

    /// The first tab in the indentation of the line in which `at` lies.
    fn tab_in_indentation(&self, at: usize) -> Option<Span> {
        let line = self.text.get(..at)?.rfind('\n').map_or(0, |end| end + 1);
        let indentation = self.text[line..]
            .find(|c| c != ' ' && c != '\t')
            .unwrap_or(0);
        let tab = self.text[line..line + indentation].find('\t')?;
        Some(self.character_at(line + tab))
    }
}

/// How many nodes a tree has, and how many levels of mappings and sequences.
fn measure(node: &Node) -> (usize, usize) {
    fn all<'node>(nodes: impl Iterator<Item = &'node Node>) -> (usize, usize) {
        let (count, depth) = nodes
            .map(measure)
            .fold((1, 0), |(count, depth), (c, d)| (count + c, depth.max(d)));
        (count, depth + 1)
    }
    match &node.value {
        Value::Scalar(_) => (1, 0),
        Value::Sequence(items) => all(items.iter()),
        Value::Mapping(entries) => all(entries.iter().map(|entry| &entry.node)),
    }
}

/// A text of at most 4 GiB was checked for when reading began.
fn position(at: usize) -> u32 {
    u32::try_from(at).unwrap_or(u32::MAX)
}

fn owned(text: Cow<'_, str>) -> Cow<'static, str> {
    Cow::Owned(text.into_owned())
}

#[cfg(test)]
mod tests {
    use proptest::{prop_assert, proptest};

    use super::*;

    /// What is wrong with a text: the text of the place, the message and the hint.
    fn faults(text: &str) -> Vec<String> {
        read(text, 7)
            .1
            .iter()
            .map(|fault| {
                assert_eq!(fault.span.source, 7);
                let place = &text[fault.span.start as usize..fault.span.end as usize];
                let hint = fault.hint.as_deref().unwrap_or("-");
                format!("{place:?} {} ({hint})", fault.message)
            })
            .collect()
    }

    fn json(text: &str) -> Vec<serde_json::Value> {
        let (documents, faults) = read(text, 0);
        assert_eq!(faults, []);
        documents.iter().map(Node::to_json).collect()
    }

    /// Every key and every value, as the text that its span covers.
    fn places(text: &str) -> Vec<String> {
        fn visit(node: &Node, text: &str, out: &mut Vec<String>) {
            let slice = |span: Span| text[span.start as usize..span.end as usize].to_owned();
            out.push(slice(node.span));
            match &node.value {
                Value::Scalar(_) => {}
                Value::Sequence(items) => items.iter().for_each(|item| visit(item, text, out)),
                Value::Mapping(entries) => {
                    for entry in entries {
                        out.push(slice(entry.key_span));
                        visit(&entry.node, text, out);
                    }
                }
            }
        }
        let mut out = Vec::new();
        read(text, 0)
            .0
            .iter()
            .for_each(|node| visit(node, text, &mut out));
        out
    }

    #[test]
    fn every_key_and_value_knows_its_place() {
        let text = "a:\n  é: 'x' # c\n  l:\n  - p\n  - {q: [1]}\n\n# c\nb: |\n  t\n\nc:\n";
        assert_eq!(
            places(text),
            [
                text.trim_end().strip_suffix(':').expect("ends so"),
                "a",
                "é: 'x' # c\n  l:\n  - p\n  - {q: [1]}",
                "é",
                "'x'",
                "l",
                "p\n  - {q: [1]}",
                "p",
                "{q: [1]}",
                "q",
                "[1]",
                "1",
                "b",
                "t",
                "c",
                "",
            ]
        );
    }

    #[test]
    fn several_documents_byte_order_mark_and_crlf_are_read() {
        assert_eq!(
            json("\u{feff}a: 1\r\nb:\r\n  - 'x'\r\n---\r\n...\r\n---\r\nc: |\r\n  t\r\n"),
            [
                serde_json::json!({"a": 1, "b": ["x"]}),
                serde_json::json!(null),
                serde_json::json!({"c": "t\n"}),
            ]
        );
        assert!(json("").is_empty());
        assert!(json("# nothing\n\n").is_empty());
    }

    #[test]
    fn anchors_are_copied() {
        assert_eq!(
            json("a: &x {k: &y v}\nb: *x\n*y : *y\nc: !!str 12\nd: &z\ne: *z\n"),
            [serde_json::json!(
                {"a": {"k": "v"}, "b": {"k": "v"}, "v": "v", "c": "12", "d": null, "e": null}
            )]
        );
    }

    #[test]
    fn reading_goes_on_behind_what_is_no_syntax_fault() {
        let text = "a: 1\na: 2\n<<: {x: 1}\n? [k]\n: 1\nb: *no\nc: !env X\n~: 1\non: 1\n1.50: 2\nd: &d [*d]\ne: !s {f: 1}\n";
        insta::assert_snapshot!(faults(text).join("\n"), @r##"
        "a" the key `a` is there already, on line 1 (keep one of the two)
        "<<" merge keys (`<<`) are not read (write the keys out)
        "[k]" a key must be a text, not a mapping or a list (a value that starts with `{` or `[` needs quotes)
        "*no" no anchor `&no` stands before this (quote the text if it is no alias)
        "X" the tag `!env` has no meaning here (remove it, and quote the value where it is a text)
        "~" a key is null (write a name, quoted if it is `null`)
        "on" the key `on` is read as `true` by the API server (quote it: "on")
        "1.50" the key `1.50` is read as `1.5` by the API server (quote it: "1.50")
        "*d" the alias stands within what it names (write the value out)
        "{" the tag `!s` has no meaning here (remove it, and quote the value where it is a text)
        "##);
        assert_eq!(
            read(text, 0).0[0].to_json(),
            serde_json::json!({"a": 1, "d": [], "e": {"f": 1}})
        );
    }

    #[test]
    fn a_syntax_fault_ends_the_text_and_says_how_to_mend_it() {
        let broken = [
            "a:\n\tb: 1\n",
            "\ta: 1\n",
            "a:\n  b: 1\n\t  c: 2\n",
            "a: 1\n b: 2\n",
            "a: b: c\n",
            "key\nb: 1\n",
            "a: 1\n- b\n",
            "a:\n    b: 1\n  c: 2\n",
            "a: - b\n",
            "a: \"x\n",
            "a: {b: 1\n",
            "a: [b}\n",
            "a: ]\n",
            "a: [b c: d: e]\n",
            "a: 'x' y\n",
            "a: \"\\q\"\n",
            "a: @x\n",
            "a: \u{7}\n",
            "a: x\u{feff}\n---\n\u{feff}b: 1\n",
            "%YAML 1.2\n---\na: 1\n",
            "a: !e!x 1\n",
            "a: 'b'#c\n",
            "a: [\n",
            "a: {{ x }}\n",
        ];
        let said: Vec<String> = broken
            .iter()
            .map(|text| format!("{text:?}: {}", faults(text).join("; ")))
            .collect();
        insta::assert_snapshot!(said.join("\n"), @r##"
        "a:\n\tb: 1\n": "\t" a tab stands in the indentation, where YAML takes only spaces (indent with spaces)
        "\ta: 1\n": "\t" a tab stands in the indentation, where YAML takes only spaces (indent with spaces)
        "a:\n  b: 1\n\t  c: 2\n": "\t" a tab stands where YAML takes only spaces (indent with spaces)
        "a: 1\n b: 2\n": ":" a `:` stands where no value can follow (quote a value that holds `: `; otherwise the line is indented wrongly or the one before it lacks its `:`)
        "a: b: c\n": ":" a `:` stands where no value can follow (quote a value that holds `: `; otherwise the line is indented wrongly or the one before it lacks its `:`)
        "key\nb: 1\n": ":" a `:` stands where no value can follow (quote a value that holds `: `; otherwise the line is indented wrongly or the one before it lacks its `:`)
        "a: 1\n- b\n": "b" a key was expected here (indent the line like the keys that it belongs to, and write it as `key: value`)
        "a:\n    b: 1\n  c: 2\n": "c" a key was expected here (indent the line like the keys that it belongs to, and write it as `key: value`)
        "a: - b\n": "-" an item (`- `) stands where no list can be (put the list on lines of its own below its key)
        "a: \"x\n": "" a text in quotes goes on here, in a line that is not indented (close the quote above, or indent the line)
        "a: {b: 1\n": "{" `{` is opened here and never closed (close it; a text that starts with it needs quotes)
        "a: [b}\n": "[" `[` is closed by `}` (close each bracket with its own kind)
        "a: ]\n": "]" a bracket is closed here that was never opened (remove it, or quote the text that it belongs to)
        "a: [b c: d: e]\n": ":" a `,` or the closing bracket is missing before this (put it there; a text that starts with a bracket needs quotes)
        "a: 'x' y\n": "y" text follows the closing quote (put all of it inside the quotes; a quote within is doubled in '…' and written `\"` in "…")
        "a: \"\\q\"\n": "\"" the text in double quotes holds an unknown escape (write `\\` for a backslash, or use single quotes)
        "a: @x\n": "@" a text without quotes cannot start with `@` (quote it)
        "a: \u{7}\n": "\u{7}" the character \u{7} cannot stand here (remove it, or write it as an escape within double quotes)
        "a: x\u{feff}\n---\n\u{feff}b: 1\n": "\u{feff}" a byte order mark stands within the text (remove it; it is taken only at the very start)
        "%YAML 1.2\n---\na: 1\n": "%" a directive (`%…`) is not read here (remove the line)
        "a: !e!x 1\n": "!" a tag (`!…`) has no meaning here (remove it)
        "a: 'b'#c\n": "#" a comment needs a space before its `#` (put a space before it, or quote the text)
        "a: [\n": "[" `[` is opened here and never closed (close it; a text that starts with it needs quotes)
        "a: {{ x }}\n": "{ x }" a key must be a text, not a mapping or a list (a value that starts with `{` or `[` needs quotes)
        "##);
        let (documents, faults) = read("a: 1\n---\nb: [\n", 0);
        assert_eq!((documents.len(), faults.len()), (1, 1));
    }

    #[test]
    fn many_keys_are_searched_for_repetition_too() {
        let mut text: String = (0..100).map(|i| format!("k{i}: 1\n")).collect();
        text.push_str("k50: 2\n");
        assert_eq!(
            faults(&text),
            [r#""k50" the key `k50` is there already, on line 51 (keep one of the two)"#]
        );
    }

    #[test]
    fn depth_and_copies_are_bounded() {
        let mut bomb = "a: &a [1,1,1,1,1,1,1,1,1,1]\n".to_owned();
        for (name, before) in ('b'..='i').zip('a'..) {
            let aliases = vec![format!("*{before}"); 10].join(",");
            bomb.push_str(&format!("{name}: &{name} [{aliases}]\n"));
        }
        assert_eq!(
            faults(&bomb)[0].split_once(' ').expect("a place").1,
            "anchors and aliases copy more than 200000 values (write the values out, or use fewer aliases)"
        );
        for deep in ["[".repeat(201), "- ".repeat(201), "{a: ".repeat(201)] {
            assert_eq!(
                faults(&deep)[0].split_once("\" ").expect("a place").1,
                "the nesting is deeper than 200 levels (-)",
            );
        }
        assert_eq!(faults(&("[".repeat(200) + &"]".repeat(200))), [""; 0]);
        let mut ladder = "a0: &a0 []\n".to_owned();
        for i in 1..250 {
            ladder.push_str(&format!("a{i}: &a{i} [*a{}]\n", i - 1));
        }
        assert_eq!(
            faults(&ladder),
            [r#""*a198" the nesting is deeper than 200 levels (-)"#]
        );
    }

    proptest! {
        #[test]
        fn no_text_makes_it_panic(text in "[-a:,{}\\[\\]&*!|>'\"%@#?<~ \\n\\t\\r\u{85}é\u{feff}0]{0,60}") {
            let (documents, faults) = read(&text, 0);
            for fault in faults {
                let span = fault.span;
                prop_assert!(text.get(span.start as usize..span.end as usize).is_some());
            }
            documents.iter().map(Node::to_json).for_each(drop);
        }

        #[test]
        fn no_arbitrary_text_makes_it_panic(text in "\\PC{0,80}") {
            read(&text, 0);
        }
    }
}
