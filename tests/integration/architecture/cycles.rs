//! Rings of modules: files that, over however many others, use each other.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use super::modules::ModulePath;
use super::uses::Use;

type Graph<'a> = BTreeMap<&'a ModulePath, BTreeSet<&'a ModulePath>>;

/// One ring, the shortest, for each knot of modules. Tests may use what uses what they test.
pub(super) fn rings(uses: &BTreeSet<Use>) -> Vec<String> {
    let mut graph = Graph::new();
    for used in uses {
        if !used.test && used.from != used.to {
            graph.entry(&used.from).or_default().insert(&used.to);
        }
    }
    let mut rings: BTreeMap<Vec<&ModulePath>, String> = BTreeMap::new();
    for start in graph.keys() {
        if let Some(ring) = shortest_ring(&graph, start) {
            let knot = graph
                .keys()
                .copied()
                .filter(|module| reaches(&graph, start, module) && reaches(&graph, module, start));
            let text = format!("modules use each other in a ring: {}", shown(&ring));
            let known = rings.entry(knot.collect()).or_insert_with(|| text.clone());
            if text.matches(" -> ").count() < known.matches(" -> ").count() {
                *known = text;
            }
        }
    }
    rings.into_values().collect()
}

fn reaches(graph: &Graph<'_>, from: &ModulePath, to: &ModulePath) -> bool {
    !path_between(graph, from, to).is_empty()
}

fn shortest_ring<'a>(graph: &Graph<'a>, start: &'a ModulePath) -> Option<Vec<&'a ModulePath>> {
    let ring = path_between(graph, start, start);
    (!ring.is_empty()).then(|| [&[start], ring.as_slice()].concat())
}

/// The steps of the shortest way, without its start and with its end; none where there is no way.
fn path_between<'a>(graph: &Graph<'a>, from: &ModulePath, to: &ModulePath) -> Vec<&'a ModulePath> {
    let mut before: BTreeMap<&ModulePath, Option<&'a ModulePath>> = BTreeMap::new();
    let mut queue: VecDeque<Option<&'a ModulePath>> = VecDeque::from([None]);
    while let Some(at) = queue.pop_front() {
        for next in graph.get(at.unwrap_or(from)).into_iter().flatten() {
            if before.contains_key(next) {
                continue;
            }
            before.insert(next, at);
            if *next == to {
                let mut way = vec![*next];
                while let Some(Some(step)) = way.last().and_then(|step| before.get(step)) {
                    way.push(step);
                }
                way.reverse();
                return way;
            }
            queue.push_back(Some(next));
        }
    }
    Vec::new()
}

fn shown(ring: &[&ModulePath]) -> String {
    let names = ring.iter().map(|module| match module.as_slice() {
        [] => "crate".to_owned(),
        names => names.join("::"),
    });
    names.collect::<Vec<_>>().join(" -> ")
}

#[cfg(test)]
mod tests {
    use crate::architecture::violations_with;

    fn ring(names: &str) -> Vec<String> {
        vec![format!("modules use each other in a ring: {names}")]
    }

    #[test]
    fn siblings_that_use_each_other_are_a_ring() {
        assert_eq!(
            violations_with(&[
                ("src/low/mod.rs", "mod a; mod b;"),
                ("src/low/a.rs", "use super::b::B; pub struct A;"),
                ("src/low/b.rs", "use super::a::A; pub struct B;"),
            ]),
            ring("low::a -> low::b -> low::a")
        );
    }

    #[test]
    fn a_name_taken_from_the_front_is_a_use_of_the_sibling_that_defines_it() {
        let front =
            "mod a; mod b; mod c; pub use a::A; pub use b::B; pub(crate) use c::{C as Sea};";
        assert_eq!(
            violations_with(&[
                ("src/low/mod.rs", front),
                ("src/low/a.rs", "use super::B; pub struct A;"),
                ("src/low/b.rs", "use crate::low::Sea; pub struct B;"),
                ("src/low/c.rs", "pub struct C; fn f() { super::A; }"),
            ]),
            ring("low::a -> low::b -> low::c -> low::a")
        );
        let open = violations_with(&[
            ("src/low/mod.rs", front),
            ("src/low/a.rs", "use super::B; pub struct A;"),
            ("src/low/b.rs", "use crate::low::Sea; pub struct B;"),
            ("src/low/c.rs", "pub struct C;"),
        ]);
        assert!(open.is_empty(), "{open:?}");
    }

    #[test]
    fn a_front_that_hands_on_everything_of_a_module_is_seen_through() {
        assert_eq!(
            violations_with(&[
                (
                    "src/low/mod.rs",
                    "mod a; mod b; pub use a::*; pub use b::*;"
                ),
                ("src/low/a.rs", "use super::B; pub struct A;"),
                ("src/low/b.rs", "use super::A; pub struct B;"),
            ]),
            ring("low::a -> low::b -> low::a")
        );
    }

    #[test]
    fn a_module_and_its_child_that_use_each_other_are_a_ring() {
        for front in [
            "mod a; use a::A; pub struct Front(A);",
            "mod a; pub use a::A; pub struct Front(A);",
            "mod a; pub struct Front(a::A);",
            "mod a; pub struct Front; fn f() { a::run() }",
        ] {
            assert_eq!(
                violations_with(&[
                    ("src/low/mod.rs", front),
                    ("src/low/a.rs", "use super::Front; pub struct A;"),
                ]),
                ring("low -> low::a -> low"),
                "{front}"
            );
        }
    }

    #[test]
    fn a_front_that_only_declares_and_hands_on_may_be_used_by_what_it_declares() {
        let violations = violations_with(&[
            ("src/low/mod.rs", "mod a; pub use a::A; pub struct Thing;"),
            ("src/low/a.rs", "use super::Thing; pub struct A;"),
        ]);
        assert!(violations.is_empty(), "{violations:?}");
    }

    #[test]
    fn the_root_is_a_module_as_any_other() {
        let root = format!(
            "{}fn f() {{ low::run() }} pub struct Root;",
            super::super::ROOMS
        );
        assert_eq!(
            violations_with(&[
                ("src/lib.rs", &root),
                ("src/low/mod.rs", "use crate::Root; pub fn run() {}"),
            ]),
            ring("crate -> low -> crate")
        );
    }

    #[test]
    fn tests_may_use_what_uses_what_they_test() {
        for tests in [
            "#[cfg(test)] mod tests { use super::super::b::B; }",
            "#[cfg(test)] mod tests;",
        ] {
            let violations = violations_with(&[
                ("src/low/mod.rs", "mod a; mod b;"),
                ("src/low/a.rs", &format!("pub struct A; {tests}")),
                ("src/low/a/tests.rs", "use crate::low::b::B;"),
                ("src/low/b.rs", "use super::a::A; pub struct B;"),
            ]);
            assert!(violations.is_empty(), "{tests}: {violations:?}");
        }
    }

    #[test]
    fn two_knots_are_two_rings_and_each_is_shown_once() {
        let violations = violations_with(&[
            ("src/low/mod.rs", "mod a; mod b; mod c; mod d;"),
            ("src/low/a.rs", "use super::{b, c};"),
            ("src/low/b.rs", "use super::a;"),
            ("src/low/c.rs", "use super::d;"),
            ("src/low/d.rs", "use super::c;"),
        ]);
        assert_eq!(
            violations,
            [
                ring("low::a -> low::b -> low::a"),
                ring("low::c -> low::d -> low::c")
            ]
            .concat()
        );
    }

    #[test]
    fn reexports_that_lead_to_each_other_come_to_an_end() {
        violations_with(&[
            ("src/low/mod.rs", "pub mod a; pub mod b; use a::X;"),
            ("src/low/a.rs", "pub use super::b::X;"),
            ("src/low/b.rs", "pub use super::a::X;"),
        ]);
    }
}
