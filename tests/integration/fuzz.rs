//! A short run of each fuzz target from one seed, so that every check of a change has a look.

#[path = "../fuzz/machine/mod.rs"]
mod machine;

use std::time::Duration;

use machine::{Target, run};

const SEED: u64 = 20_260_807;

#[test]
fn no_made_up_input_breaks_a_reader_of_what_strangers_write() {
    for target in Target::ALL {
        let mut ran = run(target, SEED, Duration::from_secs(1));
        if ran.failure.is_none() && ran.inputs <= 20 {
            // The machine stood still for most of it.
            ran = run(target, SEED, Duration::from_secs(20));
        }
        assert!(ran.failure.is_none(), "{ran}");
        assert!(ran.inputs > 20, "{ran}");
    }
}
