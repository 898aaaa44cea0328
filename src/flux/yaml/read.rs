//! Reads a text into trees, and names all that is wrong with it.

use serde_saphyr::granit_parser::{Options, Parser};

use super::build::Builder;
use super::fault::{Fault, MAX_DEPTH};
use super::merge::Merges;
use super::place::Source;
use super::{Node, Span, json_stream, quick};

/// Reads every document of a text. `source` is the number of the text, for the spans.
///
/// A text without any document gives none; a document without content, between two `---`, is a
/// null scalar. A syntax fault ends the text: the documents before it are returned. All else
/// (repeated keys, merge keys, tags, keys that are no text, unknown anchors, plain keys that the
/// API server would take for another key) is a fault with its place, what it concerns is left out,
/// and reading goes on. A byte order mark at the start is taken. Faults are in order of place.
pub fn read(text: &str, source: u32) -> (Vec<Node>, Vec<Fault>) {
    read_with(text, source, Merges::Refused, 0)
}

/// The same of manifests: merge keys are read as kustomize and Flux read them, and JSON documents behind each
/// other as kubectl does. Where readers take merge keys differently, it is a fault.
pub fn read_merging(text: &str, source: u32) -> (Vec<Node>, Vec<Fault>) {
    let Some(documents) = json_stream::documents(text) else {
        return read_with(text, source, Merges::Read, 0);
    };
    let mut all = (Vec::new(), Vec::new());
    let (mut lines, mut counted) = (0, 0);
    for place in documents {
        lines += text[counted..place.start].matches('\n').count();
        counted = place.start;
        let (mut read, mut faults) = read_with(&text[place.clone()], source, Merges::Read, lines);
        let by = u32::try_from(place.start).unwrap_or(u32::MAX);
        read.iter_mut()
            .for_each(|node| json_stream::shift(node, by));
        for fault in &mut faults {
            fault.span.start += by;
            fault.span.end += by;
        }
        all.0.extend(read);
        all.1.extend(faults);
    }
    all
}

/// `lines_before` stand before a part of a text.
fn read_with(
    text: &str,
    source: u32,
    merges: Merges,
    lines_before: usize,
) -> (Vec<Node>, Vec<Fault>) {
    if u32::try_from(text.len()).is_err() {
        let span = Span {
            source,
            ..Span::default()
        };
        let mut fault = Fault::new(span, "the text is larger than 4 GiB").hint("split it");
        fault.ends_text = true;
        return (Vec::new(), vec![fault]);
    }
    match quick::read(text, source) {
        Some(documents) => (documents, Vec::new()),
        None => parse(text, source, merges, lines_before),
    }
}

/// Reads by the parser, whatever the text.
pub(super) fn parse(
    text: &str,
    source: u32,
    merges: Merges,
    lines_before: usize,
) -> (Vec<Node>, Vec<Fault>) {
    let source = Source {
        text,
        number: source,
        lines_before,
    };
    let mut builder = Builder::new(source, merges);
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
            if let Some(last) = builder.faults.last_mut() {
                last.ends_text = true;
            }
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

#[cfg(test)]
mod tests {
    use proptest::{prop_assert, proptest};

    use super::*;
    use crate::flux::yaml::Value;

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
    fn tabs_between_brackets_are_spaces() {
        assert_eq!(
            json("{\n\t\"a\": {\n\t\t\"b\": [\n\t\t\t{\"c\": 1}\n\t\t]\n\t}\n}\n"),
            [serde_json::json!({"a": {"b": [{"c": 1}]}})]
        );
        assert_eq!(faults("a:\n\t{b: 1}\n").len(), 1);
        assert_eq!(faults("a: {b: 1}\nc:\n\td: 1\n").len(), 1);
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
        "a" the key `a` is there already (keep one of the two: the other stands on line 1)
        "<<" merge keys (`<<`) are not read (write the keys out)
        "[k]" a key must be a text, not a mapping or a list (a value that starts with `{` or `[` needs quotes)
        "*no" no anchor `&no` stands before this (quote the text if it is no alias)
        "!env" the tag `!env` has no meaning here (remove it, and quote the value where it is a text)
        "~" a key is null (write a name, quoted if it is `null`)
        "on" the key `on` is read as `true` by the API server (quote it: "on")
        "1.50" the key `1.50` is read as `1.5` by the API server (quote it: "1.50")
        "*d" the alias stands within what it names (write the value out)
        "!s" the tag `!s` has no meaning here (remove it, and quote the value where it is a text)
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
            [
                r#""k50" the key `k50` is there already (keep one of the two: the other stands on line 51)"#
            ]
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
                "the nesting is deeper than 200 levels (nest less, or write an alias out)",
            );
        }
        assert_eq!(faults(&("[".repeat(200) + &"]".repeat(200))), [""; 0]);
        let mut ladder = "a0: &a0 []\n".to_owned();
        for i in 1..250 {
            ladder.push_str(&format!("a{i}: &a{i} [*a{}]\n", i - 1));
        }
        assert_eq!(
            faults(&ladder),
            [r#""*a198" the nesting is deeper than 200 levels (nest less, or write an alias out)"#]
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

    #[test]
    fn json_documents_behind_each_other_are_read_with_their_places() {
        let text = " {\"a\": 1}\n{\"b\": [{\"c\": 2}]} {\"d\": 3, \"d\": 4}\n";
        let (documents, faults) = read_merging(text, 7);
        let all: Vec<_> = documents.iter().map(Node::to_json).collect();
        assert_eq!(
            all[..2],
            [
                serde_json::json!({"a": 1}),
                serde_json::json!({"b": [{"c": 2}]})
            ]
        );
        let place = |span: Span| &text[span.start as usize..span.end as usize];
        let b = &documents[1].entry("b").unwrap();
        assert_eq!(place(b.key_span), "\"b\"");
        assert_eq!(
            place(b.node.as_sequence().unwrap()[0].get("c").unwrap().span),
            "2"
        );
        let said: Vec<_> = faults
            .iter()
            .map(|one| (place(one.span), one.message.as_str()))
            .collect();
        assert_eq!(said, [("\"d\"", "the key `d` is there already")]);
        // one alone is YAML too, and what is not JSON to its end is read as YAML alone
        for text in [
            "{\"a\": 1}",
            "{a: 1}",
            "{\"a\": 1}\n---\n{\"b\": 2}\n",
            "{\"a\": 1}\n{\"b\": 2\n",
        ] {
            let alone = read_with(text, 0, Merges::Read, 0);
            assert_eq!(read_merging(text, 0), alone, "{text}");
        }
    }
}
