//! Reads a template's text into its tags and their tokens, as Tera's own lexer does.

/// `{{ … }}` or `{% … %}`; comments, raw blocks and the text between tags are left out.
#[derive(Debug, PartialEq)]
pub(crate) struct Tag<'a> {
    pub(crate) prints: bool,
    pub(crate) start: usize,
    /// Where the tag ends, its closing braces included.
    pub(crate) end: usize,
    /// It ends in `-%}` or `-}}`: the blanks after it are dropped.
    pub(crate) trims_after: bool,
    pub(crate) tokens: Vec<Token<'a>>,
}

#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Token<'a> {
    pub(crate) start: usize,
    pub(crate) end: usize,
    pub(crate) kind: TokenKind<'a>,
}

#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum TokenKind<'a> {
    Word(&'a str),
    /// Without its quotes; what is escaped stays escaped.
    Text(&'a str),
    Number,
    Sign(&'a str),
}

impl<'a> Token<'a> {
    pub(crate) fn word(&self) -> Option<&'a str> {
        match self.kind {
            TokenKind::Word(word) => Some(word),
            _ => None,
        }
    }

    pub(crate) fn is_sign(&self, sign: &str) -> bool {
        matches!(self.kind, TokenKind::Sign(other) if other == sign)
    }
}

/// Reads the tags in order. What Tera cannot read ends the list: Tera itself says what is wrong.
pub(crate) fn tags(text: &str) -> Vec<Tag<'_>> {
    let mut found = Vec::new();
    let mut at = 0;
    while let Some(start) = next_marker(text, at) {
        at = match &text[start..start + 2] {
            "{#" => match text[start..].find("#}") {
                Some(length) => start + length + 2,
                None => break,
            },
            marker => {
                if marker == "{%"
                    && let Some(body) = after_word_tag(&text[start + 2..], "raw")
                {
                    match end_of_raw(text, start + 2 + body) {
                        Some(end) => {
                            at = end;
                            continue;
                        }
                        None => break,
                    }
                }
                let dash = usize::from(text[start + 2..].starts_with('-'));
                match read_tag(text, start, start + 2 + dash) {
                    Some(tag) => {
                        let end = tag.end;
                        found.push(tag);
                        end
                    }
                    None => break,
                }
            }
        };
    }
    found
}

fn next_marker(text: &str, from: usize) -> Option<usize> {
    text.as_bytes()[from..]
        .windows(2)
        .position(|pair| matches!(pair, b"{{" | b"{%" | b"{#"))
        .map(|offset| from + offset)
}

/// The length of `raw %}` or the like, where the text after `{%` is that.
fn after_word_tag(text: &str, word: &str) -> Option<usize> {
    let blank = |character: char| character.is_ascii_whitespace();
    let rest = text.strip_prefix('-').unwrap_or(text);
    let rest = rest.trim_start_matches(blank).strip_prefix(word)?;
    let rest = rest.trim_start_matches(blank);
    let rest = rest.strip_prefix('-').unwrap_or(rest).strip_prefix("%}")?;
    Some(text.len() - rest.len())
}

fn end_of_raw(text: &str, mut at: usize) -> Option<usize> {
    loop {
        at += text[at..].find("{%")? + 2;
        if let Some(length) = after_word_tag(&text[at..], "endraw") {
            return Some(at + length);
        }
    }
}

/// Reads the tag that begins at `start` and whose first token begins at `at` or later.
fn read_tag(text: &str, start: usize, mut at: usize) -> Option<Tag<'_>> {
    let prints = text[start..].starts_with("{{");
    let close = if prints { "}}" } else { "%}" };
    let mut tokens = Vec::new();
    loop {
        let rest = &text[at..];
        let blanks = rest.len()
            - rest
                .trim_start_matches(|c: char| c.is_ascii_whitespace())
                .len();
        at += blanks;
        let rest = &text[at..];
        let trims_after = rest.starts_with('-') && rest[1..].starts_with(close);
        if trims_after || rest.starts_with(close) {
            return Some(Tag {
                prints,
                start,
                end: at + close.len() + usize::from(trims_after),
                trims_after,
                tokens,
            });
        }
        let (kind, length) = read_token(rest)?;
        tokens.push(Token {
            start: at,
            end: at + length,
            kind,
        });
        at += length;
    }
}

fn read_token(rest: &str) -> Option<(TokenKind<'_>, usize)> {
    const LONG_SIGNS: [&str; 10] = ["...", "//", "**", "==", "!=", ">=", "<=", "</", "?.", "?["];
    if let Some(sign) = LONG_SIGNS.iter().find(|sign| rest.starts_with(**sign)) {
        return Some((TokenKind::Sign(&rest[..sign.len()]), sign.len()));
    }
    let first = *rest.as_bytes().first()?;
    match first {
        b'\'' | b'"' | b'`' => {
            let length = text_length(&rest.as_bytes()[1..], first)?;
            Some((TokenKind::Text(&rest[1..=length]), length + 2))
        }
        b'0'..=b'9' => {
            let mut dotted = false;
            let length = rest
                .bytes()
                .take_while(|byte| {
                    let dot = *byte == b'.' && !dotted;
                    dotted |= dot;
                    dot || byte.is_ascii_digit()
                })
                .count();
            Some((TokenKind::Number, length))
        }
        b'_' | b'a'..=b'z' | b'A'..=b'Z' => {
            let length = rest
                .bytes()
                .take_while(|byte| *byte == b'_' || byte.is_ascii_alphanumeric())
                .count();
            Some((TokenKind::Word(&rest[..length]), length))
        }
        byte if b"+-*/%!.,:~|=><()[]{}@".contains(&byte) => Some((TokenKind::Sign(&rest[..1]), 1)),
        _ => None,
    }
}

/// How many bytes lie before the closing quote.
fn text_length(bytes: &[u8], quote: u8) -> Option<usize> {
    let mut escaped = false;
    bytes.iter().position(|byte| {
        let closes = !escaped && *byte == quote;
        escaped = !escaped && *byte == b'\\';
        closes
    })
}

#[cfg(test)]
mod tests {
    use super::{TokenKind, tags};

    fn words(text: &str) -> Vec<Vec<&str>> {
        tags(text)
            .iter()
            .map(|tag| {
                tag.tokens
                    .iter()
                    .map(|token| match token.kind {
                        TokenKind::Word(text) | TokenKind::Text(text) | TokenKind::Sign(text) => {
                            text
                        }
                        TokenKind::Number => &text[token.start..token.end],
                    })
                    .collect()
            })
            .collect()
    }

    #[test]
    fn reads_the_tokens_of_every_tag() {
        assert_eq!(
            words("a: {{ vars.x | yaml(indent=2) }}\n{%- for k, v in labels -%}{{ k ~ '}}' }}"),
            [
                vec!["vars", ".", "x", "|", "yaml", "(", "indent", "=", "2", ")"],
                vec!["for", "k", ",", "v", "in", "labels"],
                vec!["k", "~", "}}"],
            ]
        );
    }

    #[test]
    fn leaves_comments_and_raw_blocks_out() {
        assert_eq!(
            words("{# {{ a }} #}{% raw %}{{ b }} {% x %}{%- endraw -%}{{ c }}"),
            [vec!["c"]]
        );
    }

    #[test]
    fn a_quote_that_is_escaped_does_not_end_a_text() {
        assert_eq!(words(r#"{{ "a\"b" }}"#), [vec![r#"a\"b"#]]);
    }

    #[test]
    fn knows_where_a_tag_ends_and_whether_it_trims() {
        let read = tags("{% if x -%} y");
        assert_eq!((read[0].end, read[0].trims_after), (11, true));
    }

    #[test]
    fn stops_where_tera_stops() {
        assert_eq!(words("{{ a }}{{ § }}{{ b }}"), [vec!["a"]]);
    }
}
