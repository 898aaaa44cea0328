//! Which environment an object belongs to, by the words that people use for them.

use std::collections::BTreeMap;

/// Words for one kind of environment; the first is that of a class.
const WORDS: [&[&str]; 12] = [
    &["development", "dev", "develop"],
    &["staging", "stage", "stg", "stag"],
    &["production", "prod", "prd"],
    &["test"],
    &["testing"],
    &["qa"],
    &["uat"],
    &["preview"],
    &["preprod"],
    &["sandbox"],
    &["demo"],
    &["integration"],
];

/// A class of environments: its first word. Where a label of ours names it, that name.
pub(super) type Class = String;

/// What is known of an object; the first that has a word decides.
#[derive(Debug, Clone)]
pub(super) struct Hints<'a> {
    pub(super) labelled: Option<&'a str>,
    pub(super) name: &'a str,
    pub(super) cluster: Option<&'a str>,
    pub(super) file: &'a str,
    pub(super) path: &'a str,
    pub(super) namespace: &'a str,
    /// Values under names such as `ENVIRONMENT`.
    pub(super) substitutions: Vec<&'a str>,
    pub(super) branch: &'a str,
}

impl Hints<'_> {
    /// The class that the hints give; `None` where there is none among them.
    pub(super) fn class(&self) -> Option<Class> {
        let texts = [self.path].into_iter();
        let texts = texts.chain(self.substitutions.iter().copied());
        let mut texts = texts.chain([self.namespace, self.branch]);
        let found = |(class, _): (&str, &str)| class.to_owned();
        self.clear_class()
            .or_else(|| texts.find_map(word).map(found))
    }

    /// The class that label, name, cluster or file give: of what it is made from the word may only be
    /// what its authors call a folder or a branch.
    pub(super) fn clear_class(&self) -> Option<Class> {
        if let Some(label) = self.labelled {
            return Some(class_of(label).map_or_else(|| label.to_owned(), str::to_owned));
        }
        let mut texts = [self.name, self.cluster.unwrap_or_default(), self.file].into_iter();
        let found = texts.find_map(word);
        found.map(|(class, _)| class.to_owned())
    }
}

/// The last word for an environment in a text, and its class.
pub(super) fn word(text: &str) -> Option<(&'static str, &str)> {
    let parts = text.split(|c: char| !c.is_ascii_alphanumeric());
    parts
        .rev()
        .find_map(|part| class_of(part).map(|class| (class, part)))
}

fn class_of(word: &str) -> Option<&'static str> {
    let found = WORDS.iter().find(|words| words.contains(&word));
    found.map(|words| words[0])
}

/// All words of a class.
pub(super) fn words_of(class: &str) -> Vec<&str> {
    let found = WORDS.iter().find(|words| words[0] == class);
    found.map_or_else(|| vec![class], |words| words.to_vec())
}

/// How each class is called: as names of objects call it, else as folders, else by its own word.
#[derive(Debug, Default)]
pub(super) struct Spelling {
    counts: BTreeMap<Class, BTreeMap<String, usize>>,
}

impl Spelling {
    /// A word in the name of an object counts for more than any number of others.
    pub(super) fn hear(&mut self, hints: &Hints<'_>) {
        const IN_NAME: usize = 1 << 20;
        let mut heard = |text: &str, weight| {
            if let Some((class, word)) = word(text) {
                let counts = self.counts.entry(class.to_owned()).or_default();
                *counts.entry(word.to_owned()).or_default() += weight;
            }
        };
        if let Some(label) = hints.labelled {
            heard(label, IN_NAME * IN_NAME);
        }
        heard(hints.name, IN_NAME);
        heard(hints.cluster.unwrap_or_default(), 2);
        heard(hints.file, 2);
        heard(hints.path, 1);
        for value in &hints.substitutions {
            heard(value, 1);
        }
    }

    pub(super) fn name(&self, class: &str) -> String {
        let counts = self.counts.get(class).into_iter().flatten();
        let most = counts.max_by_key(|(word, count)| (**count, std::cmp::Reverse((*word).clone())));
        most.map_or_else(|| class.to_owned(), |(word, _)| word.clone())
    }
}

#[cfg(test)]
mod tests {
    use super::{Hints, Spelling, word};

    fn hints<'a>(name: &'a str, cluster: &'a str, path: &'a str) -> Hints<'a> {
        Hints {
            labelled: None,
            name,
            cluster: Some(cluster),
            file: "apps/web.yaml",
            path,
            namespace: "flux-system",
            substitutions: Vec::new(),
            branch: "main",
        }
    }

    #[test]
    fn the_last_word_for_an_environment_in_a_text_counts_and_a_part_of_a_word_does_not() {
        assert_eq!(
            word("clusters/dev/prod-eu.yaml"),
            Some(("production", "prod"))
        );
        assert_eq!(word("devices/products"), None);
    }

    #[test]
    fn a_name_says_more_than_a_cluster_and_that_more_than_a_path() {
        let class = |name, cluster, path| hints(name, cluster, path).class();
        assert_eq!(
            class("web-stg", "prod-eu", "./dev").as_deref(),
            Some("staging")
        );
        assert_eq!(
            class("web", "prod-eu", "./dev").as_deref(),
            Some("production")
        );
        assert_eq!(class("web", "eu", "./dev").as_deref(), Some("development"));
        assert_eq!(class("web", "eu", "./web"), None);
        let labelled = Hints {
            labelled: Some("blue"),
            ..hints("web-prod", "eu", "")
        };
        assert_eq!(labelled.class().as_deref(), Some("blue"));
    }

    #[test]
    fn an_environment_is_called_as_names_of_objects_call_it() {
        let mut spelling = Spelling::default();
        for path in ["./production", "./production"] {
            spelling.hear(&hints("web", "eu", path));
        }
        assert_eq!(spelling.name("production"), "production");
        spelling.hear(&hints("web-prod", "eu", "./production"));
        assert_eq!(spelling.name("production"), "prod");
        assert_eq!(spelling.name("staging"), "staging");
    }
}
