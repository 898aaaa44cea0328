//! What people are told where the clock of this machine is another than GitHub's.

use std::time::Duration;

use jiff::SignedDuration;

use crate::flux::duration;

/// Clocks that differ less are one: times come in whole seconds, and answers take their time.
const OFF: Duration = Duration::from_secs(60);

/// `ahead`: by how much the clock of `host` is ahead of this machine's. `None`: they are one.
pub fn clock_words(host: &str, ahead: SignedDuration) -> Option<String> {
    let apart = ahead.unsigned_abs();
    if apart < OFF {
        return None;
    }
    let side = if ahead.is_positive() {
        "behind"
    } else {
        "ahead of"
    };
    // An answer's time is that of its last whole second; who reads twice should read the same.
    let tens = apart.as_secs().saturating_add(5) / 10;
    let by = duration::write(Duration::from_secs(tens * 10));
    Some(format!(
        "the clock of this machine is {by} {side} that of {host}; set it right, best by NTP \
         (`timedatectl set-ntp true`). Until then the times of limits and tokens go by {host}'s clock, \
         and those of the log and of deliveries by this one"
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clock_is_off_from_exactly_a_minute_on_in_both_directions() {
        let words = |seconds| clock_words("github.com", SignedDuration::from_secs(seconds));
        assert_eq!((words(59), words(-59)), (None, None));
        let told = |seconds| words(seconds).unwrap();
        assert!(told(60).starts_with(
            "the clock of this machine is 1m behind that of github.com; set it right"
        ));
        assert!(
            told(-600)
                .starts_with("the clock of this machine is 10m ahead of that of github.com; ")
        );
        assert!(words(i64::MIN).is_some());
    }
}
