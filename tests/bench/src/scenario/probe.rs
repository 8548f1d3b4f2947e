//! A second connection that asks at a steady rate, to notice stalls while something else goes on.

use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use super::Outcome;
use crate::generator::{self, Generator, Pace, Until};
use crate::target::Target;
use crate::workload::Workload;

/// The probe's commands a second: often enough to land in any stall of a millisecond.
const RATE: f64 = 2000.0;
/// How often the probe looks whether the work is done.
const SLICE: Duration = Duration::from_millis(100);

/// Runs `work` while another connection sends `probe` in an open loop; returns what both found.
pub fn while_probing<R>(
    target: &Target,
    probe: &Workload,
    work: impl FnOnce() -> Outcome<R>,
) -> Outcome<(R, generator::Outcome)> {
    let mut prober = Generator::connect(target.addr, 1, 2)?;
    let done = AtomicBool::new(false);
    thread::scope(|scope| {
        let watch = scope.spawn(|| -> std::io::Result<generator::Outcome> {
            let mut sum = generator::Outcome::default();
            let pace = Pace::Open { rate: RATE };
            while !done.load(Ordering::Relaxed) {
                sum.merge(&prober.run(probe, pace, Until::Elapsed(SLICE))?);
            }
            Ok(sum)
        });
        let result = work();
        done.store(true, Ordering::Relaxed);
        let probed = watch.join().map_err(|_| "the probe panicked")??;
        Ok((result?, probed))
    })
}
