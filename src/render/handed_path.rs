//! Follows a name and its fields through what templates are handed.

use crate::flux::nearest;

use super::handed::{HANDED, Handed};
use super::template_text::{Tag, TokenKind};
use super::text_fault::{TextFault, fault};

/// Follows a name and its fields through what templates are handed.
///
/// The first step that nothing provides is the fault.
pub(super) fn judge_path(tag: &Tag<'_>, index: usize, word: &str) -> Option<TextFault> {
    let start = &tag.tokens[index];
    let mut fields = HANDED;
    let mut path = String::new();
    let mut at = index;
    let mut name = word;
    loop {
        let token = &tag.tokens[at];
        let Some((_, handed)) = fields.iter().find(|(field, _)| *field == name) else {
            let message = if path.is_empty() {
                format!("nothing provides `{name}`")
            } else {
                format!("nothing provides `{path}.{name}`")
            };
            let hint = nearest(name, fields.iter().map(|(field, _)| *field)).map_or_else(
                || {
                    let names: Vec<_> = fields.iter().map(|(field, _)| *field).collect();
                    format!("there is: {}", names.join(", "))
                },
                |near| format!("did you mean `{near}`?"),
            );
            return Some(fault(start, token, message, Some(hint)));
        };
        if !path.is_empty() {
            path.push('.');
        }
        path.push_str(name);
        let (next, next_name) = field_after(tag, at)?;
        fields = match handed {
            Handed::Open => return None,
            Handed::Fields(fields) => fields,
            Handed::Scalar => {
                let message = format!("`{path}` is a single value and has no `{next_name}`");
                return Some(fault(start, &tag.tokens[next], message, None));
            }
        };
        (at, name) = (next, next_name);
    }
}

/// The field that is asked for after the token at `at`: `.name` or `["name"]`.
fn field_after<'a>(tag: &Tag<'a>, at: usize) -> Option<(usize, &'a str)> {
    // after `["name"]` the next field follows the closing bracket
    let mut sign = at + 1;
    if matches!(tag.tokens[at].kind, TokenKind::Text(_)) {
        sign += 1;
    }
    match tag.tokens.get(sign)?.kind {
        TokenKind::Sign("." | "?.") => {
            let word = tag.tokens.get(sign + 1)?.word()?;
            Some((sign + 1, word))
        }
        TokenKind::Sign("[" | "?[") => match tag.tokens.get(sign + 1)?.kind {
            TokenKind::Text(text) if tag.tokens.get(sign + 2)?.is_sign("]") => {
                Some((sign + 1, text))
            }
            _ => None,
        },
        _ => None,
    }
}
