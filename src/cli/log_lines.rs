//! The lines of a log, written beside those who log: nobody waits for who reads it, and nobody ends with it.

use std::io::{self, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread;
use std::time::Duration;

use tracing::warn;
use tracing_subscriber::fmt::MakeWriter;

/// Lines that wait to be written; where the reader of the log stands still, more are left out.
const LINES: usize = 4_096;
/// At the end, what still waits is written within this time.
const LAST_WORDS: Duration = Duration::from_millis(500);

enum Entry {
    Line(Vec<u8>),
    /// All that was logged before is written: told so.
    End(SyncSender<()>),
}

/// A clone writes to the same log.
#[derive(Clone)]
pub(super) struct LogLines {
    queue: SyncSender<Entry>,
    left_out: Arc<AtomicU64>,
}

impl LogLines {
    /// Writes to `out` from a thread of its own, for as long as the program lives.
    pub(super) fn to(out: impl Write + Send + 'static) -> io::Result<Self> {
        let (queue, entries) = sync_channel(LINES);
        let left_out = Arc::<AtomicU64>::default();
        let counted = Arc::clone(&left_out);
        thread::Builder::new()
            .name("log".to_owned())
            .spawn(move || write_all(out, &entries, &counted))?;
        Ok(Self { queue, left_out })
    }

    /// Waits a moment until what was logged is written.
    pub(super) fn finish(&self) {
        let (done, is_done) = sync_channel(1);
        if self.queue.try_send(Entry::End(done)).is_ok() {
            let _ = is_done.recv_timeout(LAST_WORDS);
        }
    }
}

fn write_all(mut out: impl Write, entries: &Receiver<Entry>, left_out: &AtomicU64) {
    for entry in entries {
        match entry {
            // That nobody reads the log, or its disk is full, is no reason to end.
            Entry::Line(line) => drop(out.write_all(&line)),
            Entry::End(done) => drop(done.try_send(())),
        }
        let left_out = left_out.swap(0, Ordering::Relaxed);
        if left_out > 0 {
            warn!(
                left_out,
                "the log was not read in time; lines were left out"
            );
        }
    }
}

impl Write for LogLines {
    /// Takes one line.
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        if self.queue.try_send(Entry::Line(line.to_vec())).is_err() {
            self.left_out.fetch_add(1, Ordering::Relaxed);
        }
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl MakeWriter<'_> for LogLines {
    type Writer = Self;

    fn make_writer(&self) -> Self {
        self.clone()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use super::*;

    /// Takes nothing before it is let, and then fails where it is told to.
    struct Reader {
        kept: Arc<Mutex<Vec<u8>>>,
        let_go: Option<Receiver<()>>,
        fails: bool,
    }

    impl Write for Reader {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            if let Some(let_go) = self.let_go.take() {
                let _ = let_go.recv();
            }
            if self.fails {
                return Err(io::ErrorKind::BrokenPipe.into());
            }
            self.kept.lock().unwrap().extend(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn nobody_waits_for_a_reader_that_stands_still() {
        let kept = Arc::<Mutex<Vec<u8>>>::default();
        let (go, let_go) = sync_channel(1);
        let reader = Reader {
            kept: Arc::clone(&kept),
            let_go: Some(let_go),
            fails: false,
        };
        let mut log = LogLines::to(reader).unwrap();
        for number in 0..2 * LINES {
            log.write_all(format!("{number}\n").as_bytes()).unwrap();
        }
        log.finish();
        assert!(kept.lock().unwrap().is_empty());
        go.send(()).unwrap();
        // Its place in the queue comes when lines were taken from it.
        while kept.lock().unwrap().len() < 4 * LINES {
            thread::yield_now();
        }
        log.write_all(b"last\n").unwrap();
        log.finish();
        let kept = String::from_utf8(kept.lock().unwrap().clone()).unwrap();
        let lines: Vec<&str> = kept.lines().collect();
        assert!((LINES..LINES + 3).contains(&lines.len()), "{}", lines.len());
        assert_eq!(
            (lines[0], lines[100], *lines.last().unwrap()),
            ("0", "100", "last")
        );
    }

    #[test]
    fn a_reader_that_is_gone_ends_nobody() {
        let reader = Reader {
            kept: Arc::default(),
            let_go: None,
            fails: true,
        };
        let mut log = LogLines::to(reader).unwrap();
        log.write_all(b"one\n").unwrap();
        log.finish();
        log.write_all(b"two\n").unwrap();
    }
}
