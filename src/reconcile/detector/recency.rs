//! Which repositories of a large owner were pushed to since it was asked last.

use std::collections::HashMap;
use std::time::Duration;

use jiff::Timestamp;

use crate::github::heads::Recency;

/// GitHub does not tell at once of all that was pushed; so far back it is looked again.
const OVERLAP: Duration = Duration::from_secs(120);
/// Pages that are read of one owner at once; what is behind them is found by the sweep.
const PAGES: u32 = 20;

/// One owner.
#[derive(Debug, Default)]
pub struct OwnerWatch {
    /// The newest push that was seen; `None`: nobody asked yet.
    seen: Option<Timestamp>,
    /// What was told already, by name in small letters; not older than the overlap.
    told: HashMap<String, Timestamp>,
    pass: Option<Pass>,
}

/// What is read page by page.
#[derive(Debug, Default)]
struct Pass {
    after: Option<String>,
    newest: Option<Timestamp>,
    pages: u32,
}

impl OwnerWatch {
    pub fn new(seen: Option<Timestamp>) -> Self {
        Self {
            seen,
            ..Self::default()
        }
    }

    pub fn seen(&self) -> Option<Timestamp> {
        self.seen
    }

    /// It is to be asked again.
    pub fn begin(&mut self) {
        self.pass.get_or_insert_default();
    }

    /// Where the page begins that is to be asked for; `None`: nothing is to be asked.
    pub fn wants(&self) -> Option<Option<&str>> {
        self.pass.as_ref().map(|pass| pass.after.as_deref())
    }

    pub fn give_up(&mut self) {
        self.pass = None;
    }

    /// Takes a page in; returns the names in small letters of what was pushed to since.
    pub fn page(&mut self, page: &Recency) -> Vec<String> {
        let Some(mut pass) = self.pass.take() else {
            return Vec::new();
        };
        pass.pages += 1;
        let first = page.repositories.first().map(|it| it.pushed_at);
        pass.newest = pass.newest.max(first);
        let mut pushed = Vec::new();
        let since = self.seen.map(|seen| seen - OVERLAP);
        for repository in &page.repositories {
            // At first it is only learnt what is the newest: all are asked for anyway.
            let is_recent = since.is_none_or(|since| repository.pushed_at > since);
            if !is_recent {
                break;
            }
            let name = repository.name_with_owner.to_lowercase();
            let told = self.told.insert(name.clone(), repository.pushed_at);
            if since.is_some() && told != Some(repository.pushed_at) {
                pushed.push(name);
            }
        }
        let last = page.repositories.last().map(|it| it.pushed_at);
        let is_more = self.seen.is_some() && last > self.seen && pass.pages < PAGES;
        match &page.next {
            Some(next) if is_more => {
                pass.after = Some(next.clone());
                self.pass = Some(pass);
            }
            _ => self.end(&pass),
        }
        pushed
    }

    fn end(&mut self, pass: &Pass) {
        self.seen = self.seen.max(pass.newest);
        if let Some(seen) = self.seen {
            self.told.retain(|_, pushed_at| *pushed_at > seen - OVERLAP);
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::github::heads::Recent;

    use super::*;

    fn page(repositories: &[(&str, i64)], next: Option<&str>) -> Recency {
        let repositories = repositories.iter().map(|(name, second)| Recent {
            name_with_owner: (*name).to_owned(),
            pushed_at: Timestamp::from_second(*second).unwrap(),
        });
        Recency {
            repositories: repositories.collect(),
            next: next.map(str::to_owned),
        }
    }

    fn ask(owner: &mut OwnerWatch, answer: &Recency) -> Vec<String> {
        owner.begin();
        owner.page(answer)
    }

    #[test]
    fn at_first_it_is_only_learnt_what_is_newest_and_then_what_is_new_is_told_once() {
        let mut owner = OwnerWatch::default();
        let all = [("Acme/Web", 1_000), ("acme/api", 900), ("acme/old", 10)];
        assert!(ask(&mut owner, &page(&all, Some("c"))).is_empty());
        assert_eq!(owner.wants(), None);
        assert_eq!(owner.seen().unwrap().as_second(), 1_000);
        assert!(ask(&mut owner, &page(&all, Some("c"))).is_empty());
        // In the same second, and late.
        let more = [
            ("acme/api", 1_000),
            ("Acme/Web", 1_000),
            ("acme/late", 950),
            ("acme/old", 10),
        ];
        assert_eq!(
            ask(&mut owner, &page(&more, None)),
            ["acme/api", "acme/late"]
        );
        assert!(ask(&mut owner, &page(&more, None)).is_empty());
    }

    #[test]
    fn the_next_page_is_read_only_while_all_of_it_is_new() {
        let mut owner = OwnerWatch::new(Some(Timestamp::from_second(1_000).unwrap()));
        owner.begin();
        assert_eq!(owner.wants(), Some(None));
        assert_eq!(
            owner.page(&page(&[("a/a", 2_000), ("a/b", 1_500)], Some("c"))),
            ["a/a", "a/b"]
        );
        assert_eq!(owner.wants(), Some(Some("c")));
        assert_eq!(
            owner.page(&page(&[("a/c", 1_200), ("a/d", 990)], Some("d"))),
            ["a/c", "a/d"]
        );
        assert_eq!(owner.wants(), None);
        assert_eq!(owner.seen().unwrap().as_second(), 2_000);
    }
}
