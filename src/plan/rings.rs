//! Finds rings among things that wait for one another.

use std::collections::HashMap;

use crate::flux::yaml::Span;

/// Reports rings among `count` things by their numbers: one of those that hang together, in the order in
/// which each waits for the next, with the place that closes it.
///
/// `next` says what a thing waits for, and where that was said.
pub fn rings<I: Iterator<Item = (usize, Span)>>(
    count: usize,
    next: impl Fn(usize) -> I,
    mut report: impl FnMut(&[usize], Span),
) {
    let mut done = vec![false; count];
    for start in 0..count {
        if done[start] || next(start).next().is_none() {
            continue;
        }
        // Each frame: a thing and those that it waits for which are still to be followed.
        let mut trail = vec![(start, next(start))];
        let mut on_trail: HashMap<usize, usize> = HashMap::from([(start, 0)]);
        // One ring of those that hang together is enough: each other may end with it.
        let mut is_reported = false;
        while let Some((at, rest)) = trail.last_mut() {
            let at = *at;
            match rest.next() {
                None => {
                    done[at] = true;
                    on_trail.remove(&at);
                    trail.pop();
                }
                Some((to, span)) if on_trail.contains_key(&to) => {
                    if !is_reported {
                        let ring: Vec<usize> =
                            trail[on_trail[&to]..].iter().map(|(one, _)| *one).collect();
                        report(&ring, span);
                    }
                    is_reported = true;
                }
                Some((to, _)) if done[to] => {}
                Some((to, _)) => {
                    on_trail.insert(to, trail.len());
                    trail.push((to, next(to)));
                }
            }
        }
    }
}
