//! What an hour costs at least if every poll is drawn: per poll a Poisson number of arrivals and a Gamma time of work, members one
//! after another. It knows no partition, no fetch, no group and no sample.

use lagsim::engine::{Address, Purpose};
use rand_distr::{Distribution, Exp, Gamma, Poisson};

const MEMBERS: u64 = 6;
const MOST: u64 = 500;
const MEAN: f64 = 0.004;
const COMMIT: f64 = 0.002;
const HOUR: f64 = 3_600.0;
const PAUSE: f64 = 1_800.0;
const RESUME: f64 = 1_810.0;

/// One simulated hour at `rate` records/s; returns the polls that found something and the records left at the end.
pub fn hour(rate: f64, seed: u64) -> (u64, u64) {
    let rate = rate / MEMBERS as f64;
    let gaps = Exp::new(rate).expect("a rate");
    let (mut polls, mut left) = (0, 0);
    for member in 0..MEMBERS {
        let mut draws = Address::new(seed, 0, Purpose::Phase, "limit").generator(0, member);
        let (mut now, mut seen, mut backlog) = (0.0, 0.0, 0);
        loop {
            if (PAUSE..RESUME).contains(&now) {
                now = RESUME;
            }
            let end = f64::min(now, HOUR);
            let arrivals = Poisson::new(rate * (end - seen));
            backlog += arrivals.map_or(0, |arrivals| arrivals.sample(&mut draws) as u64);
            seen = end;
            if now >= HOUR {
                break;
            }
            if backlog == 0 {
                now += gaps.sample(&mut draws);
                if now < HOUR {
                    (seen, backlog) = (now, 1);
                }
                continue;
            }
            let taken = backlog.min(MOST);
            let work = Gamma::new(taken as f64, MEAN).expect("a shape");
            let length = work.sample(&mut draws) + COMMIT;
            let pause = if now < PAUSE && PAUSE <= now + length {
                RESUME - PAUSE
            } else {
                0.0
            };
            now += length + pause;
            polls += 1;
            // Of a batch that the hour ends in the middle of, nothing is committed.
            backlog -= if now < HOUR { taken } else { 0 };
        }
        left += backlog;
    }
    (polls, left)
}
