//! A progress bar on stderr, for runs longer than a second and only on a terminal.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, Sender};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};

use super::terminal;
use crate::units::SimDuration;

/// Runs shorter than this show nothing.
const PATIENCE: Duration = Duration::from_secs(1);
/// How often the bar moves.
const REFRESH: Duration = Duration::from_millis(100);

/// How far a command's runs are. The runs only add to a number; a thread of its own looks at it from time to time.
pub struct Progress {
    /// What is done of the whole: simulated time over the number of runs [ns], or runs.
    done: Arc<AtomicU64>,
    runs: u64,
    bar: Option<(Sender<()>, JoinHandle<()>)>,
}

impl Progress {
    /// The progress of `runs` runs of this length; silent if `quiet` or without a terminal.
    pub fn of(horizon: SimDuration, runs: u32, quiet: bool) -> Self {
        let look = "simulating {bar:40} {percent:>3} %  {eta} left";
        Self::showing(horizon.as_nanos(), look, u64::from(runs.max(1)), quiet)
    }

    /// The progress of as many runs, told one by one; silent if `quiet` or without a terminal.
    pub fn of_runs(runs: u64, quiet: bool) -> Self {
        let look = "{pos} of {len} runs {bar:40} {per_sec}, {eta} left";
        Self::showing(runs, look, 1, quiet)
    }

    fn showing(whole: u64, look: &'static str, runs: u64, quiet: bool) -> Self {
        let done = Arc::new(AtomicU64::new(0));
        let bar = (!quiet && terminal::stderr_is_terminal()).then(|| {
            let (stop, stopped) = mpsc::channel();
            let done = Arc::clone(&done);
            let show = move || show(whole, look, &done, &stopped);
            (stop, thread::spawn(show))
        });
        Progress { done, runs, bar }
    }

    /// One more run is done.
    pub fn count(&self) {
        self.done.fetch_add(1, Ordering::Relaxed);
    }

    /// One of the runs has simulated this much more.
    pub fn advance(&self, by: SimDuration) {
        self.done
            .fetch_add(by.as_nanos() / self.runs, Ordering::Relaxed);
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        if let Some((stop, thread)) = self.bar.take() {
            drop(stop);
            let _ = thread.join();
        }
    }
}

fn show(whole: u64, look: &str, done: &AtomicU64, stopped: &Receiver<()>) {
    if stopped.recv_timeout(PATIENCE) != Err(RecvTimeoutError::Timeout) {
        return;
    }
    let bar = ProgressBar::new(whole);
    if let Ok(style) = ProgressStyle::with_template(look) {
        bar.set_style(style);
    }
    loop {
        bar.set_position(done.load(Ordering::Relaxed));
        if stopped.recv_timeout(REFRESH) != Err(RecvTimeoutError::Timeout) {
            break;
        }
    }
    bar.finish_and_clear();
}
