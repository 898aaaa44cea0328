//! What the tags of a template bring themselves: names that they set, texts that they compare with.

use std::collections::BTreeSet;

use super::template_text::{Tag, Token, TokenKind};

/// The names that the tags set themselves: `for`, `set` and Tera's `loop`.
pub(super) fn local_names<'a>(tags: &[Tag<'a>]) -> BTreeSet<&'a str> {
    let mut names = BTreeSet::new();
    for tag in tags.iter().filter(|tag| !tag.prints) {
        let mut words = tag.tokens.iter();
        match words.next().and_then(Token::word) {
            Some("for") => {
                names.insert("loop");
                names.extend(
                    words
                        .map_while(|token| match token.word() {
                            Some("in") => None,
                            word => Some(word),
                        })
                        .flatten(),
                );
            }
            Some("set" | "set_global") => names.extend(words.next().and_then(Token::word)),
            _ => {}
        }
    }
    names
}

/// Texts that are written in the tags: a value that equals one may be compared with it.
pub(super) fn literals<'a>(tags: &'a [Tag<'a>]) -> impl Iterator<Item = &'a str> {
    tags.iter()
        .flat_map(|tag| &tag.tokens)
        .filter_map(|token| match token.kind {
            TokenKind::Text(text) => Some(text),
            _ => None,
        })
}
