//! The bounds of single values: enums, patterns, lengths, ranges, counts.
//!
//! Source: `k8s.io/kube-openapi`, `pkg/validation/validate/values.go` and `validator.go`.

use serde_json::Value as Json;

use super::found::Found;
use super::shape::Checks;
use super::value::{Plain, from_json, is_whole, read, same};
use crate::flux::fault::Path;
use crate::flux::mask::mask;
use crate::flux::nearest;
use crate::flux::yaml::Node;

pub(super) fn check(found: &mut Found, checks: &Checks, node: &Node, path: &Path<'_>) {
    match read(node) {
        Plain::Text(text) => check_text(found, checks, text, node, path),
        Plain::Int(int) => check_int(found, checks, int, node, path),
        Plain::Float(float) => check_float(found, checks, float, node, path),
        Plain::List(items) => check_list(found, checks, items, node, path),
        _ => {}
    }
    if !checks.one_of.is_empty() {
        check_enum(found, checks, node, path);
    }
}

fn check_enum(found: &mut Found, checks: &Checks, node: &Node, path: &Path<'_>) {
    let plain = read(node);
    let is_same = |known: &Json| match (&plain, known) {
        (Plain::Text(text), Json::String(known)) => text == known,
        (Plain::Text(_), _) | (_, Json::Null | Json::String(_)) => false,
        (_, known) => same(node, &from_json(known, node.span)),
    };
    if checks.one_of.iter().any(is_same) {
        return;
    }
    let known: Vec<String> = checks
        .one_of
        .iter()
        .map(|known| {
            known
                .as_str()
                .map_or_else(|| known.to_string(), String::from)
        })
        .collect();
    let value = match plain {
        Plain::Text(text) => format!("`{}`", shown(text)),
        other => other.noun().to_string(),
    };
    let message = format!("must be one of `{}`, not {value}", known.join("`, `"));
    let near = match plain {
        Plain::Text(text) => nearest(text, known.iter().map(String::as_str)),
        _ => None,
    };
    let hint = near.map_or_else(
        || "write one of them".into(),
        |name| format!("did you mean `{name}`?"),
    );
    found.fault(node.span, path, message).hint = Some(hint);
}

fn check_text(found: &mut Found, checks: &Checks, text: &str, node: &Node, path: &Path<'_>) {
    if checks.min_length.is_some() || checks.max_length.is_some() {
        let length = text.chars().count() as u64;
        if let Some(most) = checks.max_length.filter(|most| length > *most) {
            let message = format!("must be at most {most} characters long, not {length}");
            found.fault(node.span, path, message).hint = Some("shorten it".into());
        }
        if let Some(least) = checks.min_length.filter(|least| length < *least) {
            let (message, hint) = if least == 1 {
                let message = "must not be empty".to_string();
                (message, "write something, or leave the key out")
            } else {
                let message = format!("must be at least {least} characters long, not {length}");
                (message, "write more, or leave the key out")
            };
            found.fault(node.span, path, message).hint = Some(hint.into());
        }
    }
    if let Some(pattern) = checks
        .pattern
        .as_ref()
        .filter(|pattern| !pattern.is_match(text))
    {
        let message = format!(
            "`{}` does not match the pattern `{}`",
            shown(text),
            pattern.written
        );
        found.fault(node.span, path, message).hint = pattern.hint(text);
    }
    if let Some(format) = checks.format.filter(|format| !format.holds(text)) {
        found.fault(
            node.span,
            path,
            format!("`{}` is not {}", shown(text), format.noun()),
        );
    }
}

/// A text as a message shows it: long ones cut, credentials masked.
fn shown(text: &str) -> String {
    const MOST: usize = 80;
    let text = mask(text);
    match text.char_indices().nth(MOST) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.into_owned(),
    }
}

/// Bounds of integers lose their fraction, as the API server cuts them.
fn check_int(found: &mut Found, checks: &Checks, int: i64, node: &Node, path: &Path<'_>) {
    let too_low = checks.minimum.filter(|least| {
        let least = *least as i64;
        if checks.exclusive_minimum {
            int <= least
        } else {
            int < least
        }
    });
    let too_high = checks.maximum.filter(|most| {
        let most = *most as i64;
        if checks.exclusive_maximum {
            int >= most
        } else {
            int > most
        }
    });
    let not_multiple = checks.multiple_of.filter(|factor| {
        let factor = *factor as i64;
        factor <= 0 || int % factor != 0
    });
    out_of_range(found, checks, too_low, too_high, not_multiple, node, path);
}

fn check_float(found: &mut Found, checks: &Checks, float: f64, node: &Node, path: &Path<'_>) {
    let too_low = checks
        .minimum
        .filter(|least| float < *least || (checks.exclusive_minimum && float == *least));
    let too_high = checks
        .maximum
        .filter(|most| float > *most || (checks.exclusive_maximum && float == *most));
    let not_multiple = checks.multiple_of.filter(|factor| {
        let times = if *factor < 1.0 {
            1.0 / factor * float
        } else {
            float / factor
        };
        *factor <= 0.0 || !is_whole(times)
    });
    out_of_range(found, checks, too_low, too_high, not_multiple, node, path);
}

fn out_of_range(
    found: &mut Found,
    checks: &Checks,
    too_low: Option<f64>,
    too_high: Option<f64>,
    not_multiple: Option<f64>,
    node: &Node,
    path: &Path<'_>,
) {
    let (least, most) = (
        if checks.exclusive_minimum {
            "more than"
        } else {
            "at least"
        },
        if checks.exclusive_maximum {
            "less than"
        } else {
            "at most"
        },
    );
    if let Some(bound) = too_low {
        found.fault(node.span, path, format!("must be {least} {bound}"));
    }
    if let Some(bound) = too_high {
        found.fault(node.span, path, format!("must be {most} {bound}"));
    }
    if let Some(factor) = not_multiple {
        found.fault(node.span, path, format!("must be a multiple of {factor}"));
    }
}

fn check_list(found: &mut Found, checks: &Checks, items: &[Node], node: &Node, path: &Path<'_>) {
    let count = items.len() as u64;
    if let Some(least) = checks.min_items.filter(|least| count < *least) {
        found.fault(
            node.span,
            path,
            format!("must have at least {least} elements, not {count}"),
        );
    }
    if let Some(most) = checks.max_items.filter(|most| count > *most) {
        found.fault(
            node.span,
            path,
            format!("must have at most {most} elements, not {count}"),
        );
    }
    if checks.unique_items {
        for (index, item) in items.iter().enumerate() {
            if items[..index].iter().any(|earlier| same(earlier, item)) {
                found
                    .fault(item.span, &path.index(index), "is in the list already")
                    .hint = Some("take it out: each may stand there once".into());
            }
        }
    }
}

pub(super) fn count_keys(
    found: &mut Found,
    checks: &Checks,
    count: u64,
    node: &Node,
    path: &Path<'_>,
) {
    if let Some(least) = checks.min_properties.filter(|least| count < *least) {
        found.fault(
            node.span,
            path,
            format!("must have at least {least} keys, not {count}"),
        );
    }
    if let Some(most) = checks.max_properties.filter(|most| count > *most) {
        found.fault(
            node.span,
            path,
            format!("must have at most {most} keys, not {count}"),
        );
    }
}
