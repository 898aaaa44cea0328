//! Counts the work of a document while a template writes it.
//!
//! Tera stops nothing by itself, and nothing outside can stop it either. So counters are woven into the
//! template: one at its start and one at the start of each loop's body, each with the price of what
//! stands there outside of other loops, and one behind each `set` and include. A price is multiplied
//! by the size of the largest value that there is so far, since an operator may look at all of it.

use std::cell::Cell;
use std::ops::Range;

use tera::{Error, Kwargs, State, TeraResult, Value};

use super::bounds::{DEPTH_LIMIT, KEPT_LIMIT, LOOP_LIMIT_TURNS, WORK_LIMIT};
use super::template_text::{Tag, Token, TokenKind};
use super::woven::Insertion;

thread_local! {
    /// Tera calls a function without anything of ours but the thread.
    static TURNS: Cell<u32> = const { Cell::new(0) };
    static WORK: Cell<u64> = const { Cell::new(0) };
    /// The size of the largest value.
    static LARGEST: Cell<u64> = const { Cell::new(0) };
    /// The price of every tag of the templates that were begun.
    static ALL: Cell<u64> = const { Cell::new(0) };
}

/// Begins a document, on this thread.
pub(super) fn begin() {
    TURNS.set(0);
    WORK.set(0);
    LARGEST.set(0);
    ALL.set(0);
}

/// Says that there is a value of this size. Whatever has begun already may look at it too.
pub(super) fn there_is(size: u64) {
    let more = size.saturating_sub(LARGEST.get());
    let work = more.saturating_mul(ALL.get());
    WORK.set(WORK.get().saturating_add(work));
    LARGEST.set(LARGEST.get() + more);
}

/// # Errors
/// Where that is too much work for a document.
pub(super) fn take(work: u64) -> TeraResult<()> {
    let taken = WORK.get().saturating_add(work);
    WORK.set(taken);
    if taken > WORK_LIMIT {
        return Err(Error::message(format!(
            "it takes more than {WORK_LIMIT} steps of work: loops, operators and filters over values \
             that are too large"
        )));
    }
    Ok(())
}

/// What an operator may have to look at: bytes of texts, and a fixed size for each value.
pub(super) fn size(value: &Value) -> u64 {
    const OWN: u64 = 16;
    let below = if let Some(text) = value.as_str() {
        text.len() as u64
    } else if let Some(items) = value.as_array() {
        items.iter().map(size).sum()
    } else if let Some(map) = value.as_map() {
        let keys = map.keys().filter_map(|key| key.as_str());
        let keys: u64 = keys.map(|key| OWN + key.len() as u64).sum();
        keys + map.values().map(size).sum::<u64>()
    } else {
        0
    };
    OWN + below
}

/// `turn__(price=…)`: counts a turn of a loop, or an include.
pub(crate) fn turn(arguments: Kwargs, state: &State<'_>) -> TeraResult<bool> {
    let turns = TURNS.get() + 1;
    TURNS.set(turns);
    if turns > LOOP_LIMIT_TURNS {
        return Err(Error::message(format!(
            "its loops and includes take more than {LOOP_LIMIT_TURNS} turns"
        )));
    }
    price(arguments, state)
}

/// `price__(price=…, all=…)`: counts what stands outside of loops.
pub(crate) fn price(arguments: Kwargs, _: &State<'_>) -> TeraResult<bool> {
    let price = arguments.get::<u64>("price")?.unwrap_or(0);
    let all = arguments.get::<u64>("all")?.unwrap_or(0);
    ALL.set(ALL.get().saturating_add(all));
    take(price.saturating_mul(LARGEST.get()))?;
    Ok(true)
}

/// `kept__(value=…)`: refuses a value that grows without bound.
pub(crate) fn kept(arguments: Kwargs, _: &State<'_>) -> TeraResult<bool> {
    let Some(value) = arguments.get::<&Value>("value")? else {
        return Ok(true);
    };
    let mut left = KEPT_LIMIT;
    if !is_shallow(value, DEPTH_LIMIT, &mut left) {
        return Err(Error::message(if left > 0 {
            format!("a value that it keeps is nested deeper than {DEPTH_LIMIT} times")
        } else {
            format!("a value that it keeps is larger than {KEPT_LIMIT} bytes")
        }));
    }
    let size = size(value);
    there_is(size);
    take(size)?;
    Ok(true)
}

/// Whether a value is within its bounds; each is looked for before more of it is walked.
fn is_shallow(value: &Value, depth: usize, left: &mut usize) -> bool {
    let own = value.as_str().map_or(1, str::len);
    if depth == 0 {
        return false;
    }
    if own > *left {
        *left = 0;
        return false;
    }
    *left -= own;
    let mut below = |item: &Value| is_shallow(item, depth - 1, left);
    if let Some(items) = value.as_array() {
        items.iter().all(&mut below)
    } else if let Some(map) = value.as_map() {
        map.values().all(&mut below)
    } else {
        true
    }
}

/// The counters of a template.
pub(super) fn counters(tags: &[Tag<'_>]) -> Vec<Insertion> {
    let mut found = Vec::new();
    let own = region(tags, 0);
    let all = tags.iter().map(tag_price).fold(0, u64::saturating_add);
    let extends = tags.iter().any(|tag| first_word(tag) == Some("extends"));
    if all > 0 && !extends {
        // at its start, where nothing stands before it
        found.push(Insertion {
            at: 0,
            text: format!(
                "{{% set kept__ = price__(price={}, all={all}) %}}",
                own.price
            ),
            stands_for: own.dearest,
        });
    }
    for (index, tag) in tags.iter().enumerate() {
        let call = match (first_word(tag), tag.tokens.get(1).and_then(Token::word)) {
            (Some("for"), _) => format!("turn__(price={})", region(tags, index + 1).price),
            (Some("include"), _) => "turn__()".to_owned(),
            (Some("block"), _) if extends => {
                format!("price__(price={}, all={all})", own.price)
            }
            (Some("set" | "set_global"), Some(name)) => format!("kept__(value={name})"),
            _ => continue,
        };
        let dash = if tag.trims_after { "-" } else { "" };
        found.push(Insertion {
            at: tag.end,
            text: format!("{{% set kept__ = {call} {dash}%}}"),
            stands_for: tag.start..tag.end,
        });
    }
    found
}

/// Its first word, unless it writes a value.
fn first_word<'a>(tag: &Tag<'a>) -> Option<&'a str> {
    tag.tokens.first().filter(|_| !tag.prints)?.word()
}

/// Tags that are run as often as one another.
struct Region {
    price: u64,
    /// The tag that costs most.
    dearest: Range<usize>,
}

/// The tags from one on to the end of its loop, without those within other loops.
fn region(tags: &[Tag<'_>], from: usize) -> Region {
    let mut region = Region {
        price: 0,
        dearest: 0..0,
    };
    let (mut depth, mut most) = (0, 0);
    for tag in &tags[from..] {
        let word = first_word(tag);
        if word == Some("endfor") {
            if depth == 0 && from > 0 {
                break;
            }
            depth -= 1;
        }
        let price = tag_price(tag);
        if depth <= 0 {
            region.price = region.price.saturating_add(price);
            if price > most {
                most = price;
                region.dearest = tag.start..tag.end;
            }
        }
        if word == Some("for") {
            depth += 1;
        }
    }
    region
}

/// How often a tag may look at all of the largest value.
///
/// What operators make of values grows with their number, so that the last of them has as much more
/// to do; and a list that becomes a text within another one may double with each step.
fn tag_price(tag: &Tag<'_>) -> u64 {
    // an operator is never the last token
    let weights = tag.tokens.windows(2).map(|pair| weight(&pair[0], &pair[1]));
    let weights: Vec<u64> = weights.filter(|weight| *weight > 0).collect();
    let sum: u64 = weights.iter().sum();
    let joins = tag.tokens.iter().any(|token| token.is_sign("~"));
    let (mut depth, mut deepest) = (0_u32, 0_u32);
    for token in &tag.tokens {
        match token.kind {
            TokenKind::Sign("[" | "{") => depth += 1,
            TokenKind::Sign("]" | "}") => depth = depth.saturating_sub(1),
            _ => {}
        }
        deepest = deepest.max(depth);
    }
    let doubled = if joins { deepest.min(40) } else { 0 };
    let price = sum.saturating_mul(weights.len() as u64);
    price.saturating_mul(1 << doubled)
}

/// The weight of a token as an operator, or of the filter that follows it.
fn weight(token: &Token<'_>, next: &Token<'_>) -> u64 {
    match (token.kind, next.word()) {
        // these count by themselves what they make
        (TokenKind::Sign("|"), Some("yaml" | "default" | "first" | "last" | "nth" | "get")) => 1,
        (TokenKind::Sign("|"), Some("split" | "sort" | "group_by" | "unique")) => 64,
        (TokenKind::Sign("|"), _) => 8,
        (TokenKind::Sign("~" | "==" | "!=" | "<" | ">" | "<=" | ">=" | "[" | "?["), _) => 1,
        (TokenKind::Word("in" | "is"), _) => 1,
        _ => 0,
    }
}

#[cfg(test)]
mod tests {
    use super::super::template_text::tags;
    use super::super::woven::Woven;
    use super::counters;

    #[test]
    fn counters_stand_in_loops_and_behind_sets_and_positions_are_kept() {
        let text = "{% for k in labels -%}{{ k }}{% endfor %}{% set x = k %}{{ x }}";
        let counted = Woven::new(text, counters(&tags(text)));
        assert_eq!(
            counted.text,
            "{% set kept__ = price__(price=1, all=1) %}{% for k in labels -%}{% set kept__ = turn__(price=0) -%}{{ k }}{% endfor %}\
             {% set x = k %}{% set kept__ = kept__(value=x) %}{{ x }}"
        );
        for place in ["{{ k }}", "{{ x }}", "{% endfor %}"] {
            let there = counted.text.find(place).unwrap();
            let here = text.find(place).unwrap();
            assert_eq!(
                counted.written(&(there..there + place.len())),
                here..here + place.len()
            );
        }
        let counter = counted.text.find("turn__").unwrap();
        assert_eq!(
            &text[counted.written(&(counter..counter + 6))],
            "{% for k in labels -%}"
        );
    }

    #[test]
    fn what_stands_in_loops_is_counted_there_and_the_rest_at_the_start() {
        let text = "{% if a ~ b == c %}{% endif %}{% for d in e %}{{ d | upper }}{% for f in g %}{{ f ~ g }}{% endfor %}{% endfor %}";
        let woven = Woven::new(text, counters(&tags(text))).text;
        let prices = woven.split("price=").skip(1);
        let prices: Vec<_> = prices
            .filter_map(|rest| rest.split([')', ',']).next())
            .collect();
        // two operators count each other; the head of a loop belongs to what is around it
        assert_eq!(prices, ["5", "9", "1"]);
    }
}
