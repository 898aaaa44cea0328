//! Which leases a replica takes and gives back, so that each does its share.

use crate::store::Board;

use super::roster::FLEET;

/// What a replica does next.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Moves<'n> {
    pub(super) take: Vec<&'n str>,
    pub(super) give: Vec<&'n str>,
}

/// One of the leases that a replica knows.
#[derive(Debug, Clone, Copy)]
pub(super) struct Known<'n> {
    pub(super) name: &'n str,
    /// We hold it, or are about to end what we did under it.
    pub(super) is_ours: bool,
    /// Nobody took it for some time, as where others do not know it: then it is taken beyond the share.
    pub(super) is_left: bool,
}

/// Nobody holds more than their share of the leases, rounded up; who does gives back what was held longest, but that of
/// the fleet last: who does that has all clusters listed, which a replica that just came has not.
///
/// `known` has those of us in the order in which they were taken.
pub(super) fn moves<'n>(known: &[Known<'n>], board: &Board) -> Moves<'n> {
    let share = known.len().div_ceil(board.replicas.len().max(1));
    let ours = || known.iter().filter(|lease| lease.is_ours);
    let held = ours().count();
    let is_free = |lease: &&Known<'n>| {
        let mut rows = board.leases.iter();
        let row = rows.find(|row| row.name == lease.name);
        !lease.is_ours && row.is_none_or(|row| row.holder.is_none())
    };
    let mut room = share.saturating_sub(held);
    let take = known.iter().filter(is_free).filter(|lease| {
        let may = room > 0 || lease.is_left;
        room = room.saturating_sub(1);
        may
    });
    let take = take.map(|lease| lease.name).collect();
    let surplus = held.saturating_sub(share);
    let mut give: Vec<&str> = ours().map(|lease| lease.name).collect();
    give.sort_by_key(|name| *name == FLEET);
    give.truncate(surplus);
    Moves { take, give }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::LeaseRow;

    const NAMES: [&str; 5] = ["fleet", "cluster/a", "cluster/b", "cluster/c", "cluster/d"];

    /// So many replicas, of which others hold these.
    fn board(replicas: usize, others: &[&str]) -> Board {
        let row = |name: &&str| LeaseRow {
            name: (*name).to_owned(),
            holder: Some("other".to_owned()),
            epoch: 1,
        };
        Board {
            leases: others.iter().map(row).collect(),
            replicas: (0..replicas).map(|number| number.to_string()).collect(),
        }
    }

    fn known<'n>(ours: &[&str], left: &[&str]) -> Vec<Known<'n>> {
        let known = |name: &'n str| Known {
            name,
            is_ours: ours.contains(&name),
            is_left: left.contains(&name),
        };
        NAMES.into_iter().map(known).collect()
    }

    #[test]
    fn who_is_alone_takes_all() {
        let moves = moves(&known(&[], &[]), &board(1, &[]));
        assert_eq!((moves.take, moves.give), (NAMES.to_vec(), vec![]));
    }

    #[test]
    fn who_comes_second_takes_its_share_of_what_is_free_and_no_more() {
        let taken = moves(&known(&[], &[]), &board(2, &["fleet"]));
        assert_eq!(taken.take, ["cluster/a", "cluster/b", "cluster/c"]);
        assert_eq!(moves(&known(&[], &[]), &board(2, &NAMES)), Moves::default());
    }

    #[test]
    fn who_holds_more_than_its_share_gives_back_what_it_took_first_and_keeps_the_fleet() {
        let all = known(&NAMES, &[]);
        assert_eq!(moves(&all, &board(2, &[])).give, ["cluster/a", "cluster/b"]);
        assert_eq!(moves(&all, &board(3, &[])).give.len(), 3);
        assert_eq!(moves(&all, &board(9, &[])).give.len(), 4);
        let share = known(&["fleet", "cluster/a"], &[]);
        assert_eq!(moves(&share, &board(3, &NAMES[2..])), Moves::default());
    }

    #[test]
    fn what_died_is_taken_over_even_where_nothing_else_would_be() {
        let board = board(2, &["cluster/d"]);
        let ours = ["fleet", "cluster/a", "cluster/b"];
        assert_eq!(moves(&known(&ours, &[]), &board).take, Vec::<&str>::new());
        let left = known(&ours, &["cluster/c"]);
        assert_eq!(moves(&left, &board).take, ["cluster/c"]);
    }
}
