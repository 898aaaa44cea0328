//! The heads that are known, those that were looked for, and what of them is to be noted in the store.

use std::collections::{HashMap, HashSet};

use jiff::Timestamp;

use super::follow::Found;
use super::known::{HeadKey, Known, Step};

/// More than so many that nobody follows are not kept, be it known or not whether somebody does.
const MOST: usize = 2 * super::wanted::MOST_HEADS;

#[derive(Debug)]
pub struct Memory {
    known: HashMap<HeadKey, Known>,
    /// What was answered since the program started.
    looked: HashSet<HeadKey>,
    notes: Vec<(HeadKey, Known)>,
}

impl Memory {
    /// With what an earlier run knew.
    pub fn new(known: HashMap<HeadKey, Known>) -> Self {
        Self {
            known,
            looked: HashSet::new(),
            notes: Vec::new(),
        }
    }

    /// Whether nobody ever looked for a head.
    pub fn is_new(&self, key: &HeadKey) -> bool {
        !self.known.contains_key(key) && !self.looked.contains(key)
    }

    /// Takes in what was found. What is no news is known from now on; news is learnt by [`Self::learn`].
    pub fn found(&mut self, key: &HeadKey, found: &Found, pushed_at: Option<Timestamp>) -> Step {
        self.looked.insert(key.clone());
        let step = Known::step(self.known.get(key), found, pushed_at);
        if let Step::Note(known) = &step {
            self.learn(vec![(key.clone(), known.clone())]);
        }
        step
    }

    pub fn learn(&mut self, noted: Vec<(HeadKey, Known)>) {
        for (key, known) in noted {
            self.known.insert(key.clone(), known.clone());
            self.notes.push((key, known));
        }
    }

    /// What is to be noted in the store, once.
    pub fn take_notes(&mut self) -> Vec<(HeadKey, Known)> {
        std::mem::take(&mut self.notes)
    }

    /// Puts notes back that could not be stored.
    pub fn keep_notes(&mut self, mut notes: Vec<(HeadKey, Known)>) {
        notes.append(&mut self.notes);
        self.notes = notes;
    }

    /// Forgets that it was looked for what nobody wants any more.
    pub fn retain_looked(&mut self, is_wanted: impl Fn(&HeadKey) -> bool) {
        self.looked.retain(is_wanted);
    }

    /// Heads that nobody wants any more, which are forgotten here. `is_all` says that all there is to be
    /// wanted is known; else they are kept while there is room.
    pub fn take_unwanted(
        &mut self,
        is_all: bool,
        is_wanted: impl Fn(&HeadKey) -> bool,
    ) -> Vec<HeadKey> {
        if !is_all && self.known.len() <= MOST {
            return Vec::new();
        }
        let unwanted = self.known.extract_if(|key, _| !is_wanted(key));
        unwanted.map(|(key, _)| key).collect()
    }
}
