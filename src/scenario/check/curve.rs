//! A rate over time as straight pieces that can be cut, scaled and replaced. Not for reading the file.

use crate::units::{SimDuration, SimTime};
use crate::workload::{Knot, RateCurve};

/// A straight piece: the rate goes from `first` at `from` to `last` at `to` [s, records/s].
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Piece {
    pub(super) from: f64,
    pub(super) to: f64,
    pub(super) first: f64,
    pub(super) last: f64,
}

/// A change of the rate from a time on.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Turn {
    /// Times a factor.
    Factor(f64),
    /// To a rate, in a straight line over some time [s].
    To(f64, f64),
}

/// A time with another rate [s].
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Window {
    pub(super) from: f64,
    pub(super) to: f64,
    pub(super) change: Change,
}

/// What a window does to the rate.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Change {
    /// Times a factor.
    Factor(f64),
    /// This rate instead.
    Rate(f64),
}

impl Piece {
    fn at(&self, time: f64) -> f64 {
        let length = self.to - self.from;
        if length <= 0.0 {
            return self.last;
        }
        self.first + (self.last - self.first) * ((time - self.from) / length).clamp(0.0, 1.0)
    }

    fn constant(from: f64, to: f64, rate: f64) -> Self {
        Piece {
            from,
            to,
            first: rate,
            last: rate,
        }
    }
}

/// The same rate all the time.
pub(super) fn constant(rate: f64, end: f64) -> Vec<Piece> {
    vec![Piece::constant(0.0, end, rate)]
}

/// From each point on its rate (`straight` is false), or straight lines between the points; repeated with `period`.
/// The points are in order of time.
pub(super) fn through(
    points: &[(f64, f64)],
    straight: bool,
    period: Option<f64>,
    end: f64,
) -> Vec<Piece> {
    let Some((first, last)) = points.first().zip(points.last()) else {
        return Vec::new();
    };
    let length = period.unwrap_or(end);
    let mut once = vec![Piece::constant(0.0, first.0, first.1)];
    for pair in points.windows(2) {
        let ((from, rate), (to, next)) = (pair[0], pair[1]);
        let last = if straight { next } else { rate };
        once.push(Piece {
            from,
            to,
            first: rate,
            last,
        });
    }
    once.push(Piece::constant(last.0, length, last.1));
    let mut pieces = Vec::new();
    let mut turn = 0_u32;
    loop {
        let shift = f64::from(turn) * length;
        for piece in &once {
            let (from, to) = (piece.from + shift, (piece.to + shift).min(end));
            if from < to {
                pieces.push(Piece {
                    from,
                    to,
                    first: piece.first,
                    last: piece.at(to - shift),
                });
            }
        }
        turn += 1;
        if f64::from(turn) * length >= end {
            return pieces;
        }
    }
}

/// A sine with a period of a day, as straight lines of at most a minute.
pub(super) fn daily(mean: f64, peak: f64, peak_at: f64, end: f64) -> Vec<Piece> {
    const DAY: f64 = 86_400.0;
    const STEP: f64 = 60.0;
    let rate = |time: f64| {
        let phase = (time - peak_at) / DAY * std::f64::consts::TAU;
        (mean + (peak - mean) * phase.cos()).max(0.0)
    };
    let steps = (end / STEP).ceil() as usize;
    (0..steps)
        .map(|step| {
            let from = step as f64 * STEP;
            let to = (from + STEP).min(end);
            Piece {
                from,
                to,
                first: rate(from),
                last: rate(to),
            }
        })
        .collect()
}

/// Cuts the pieces at `times`.
fn cut(pieces: Vec<Piece>, mut times: Vec<f64>) -> Vec<Piece> {
    times.sort_by(f64::total_cmp);
    let mut next = times.into_iter().peekable();
    let mut parts = Vec::with_capacity(pieces.len() + next.len());
    for mut piece in pieces {
        while let Some(time) = next.peek().copied().filter(|time| *time < piece.to) {
            next.next();
            if time > piece.from {
                let rate = piece.at(time);
                parts.push(Piece {
                    to: time,
                    last: rate,
                    ..piece
                });
                piece = Piece {
                    from: time,
                    first: rate,
                    ..piece
                };
            }
        }
        parts.push(piece);
    }
    parts
}

/// What the rate follows after the turns so far.
enum Mode {
    Written,
    Straight {
        from: f64,
        rate: f64,
        over: f64,
        to: f64,
    },
}

/// Applies changes that last; `turns` in order of time.
pub(super) fn turn(pieces: Vec<Piece>, turns: &[(f64, Turn)]) -> Vec<Piece> {
    let ends = turns.iter().filter_map(|(at, turn)| match turn {
        Turn::To(_, over) => Some(at + over),
        Turn::Factor(_) => None,
    });
    let cuts: Vec<f64> = turns.iter().map(|(at, _)| *at).chain(ends).collect();
    let mut next = turns.iter().peekable();
    let mut factor = 1.0;
    let mut mode = Mode::Written;
    let mut changed: Vec<Piece> = Vec::new();
    for piece in cut(pieces, cuts) {
        while let Some((at, turn)) = next.next_if(|(at, _)| *at <= piece.from) {
            match turn {
                Turn::Factor(by) => factor *= by,
                Turn::To(rate, over) => {
                    let before = changed.last().map_or(piece.first, |last| last.last);
                    factor = 1.0;
                    mode = Mode::Straight {
                        from: *at,
                        rate: before,
                        over: *over,
                        to: *rate,
                    };
                }
            }
        }
        let rate_at = |time: f64, written: f64| match mode {
            Mode::Written => written,
            Mode::Straight {
                from,
                rate,
                over,
                to,
            } if time < from + over => rate + (to - rate) * ((time - from) / over).max(0.0),
            Mode::Straight { to, .. } => to,
        };
        changed.push(Piece {
            first: rate_at(piece.from, piece.first) * factor,
            last: rate_at(piece.to, piece.last) * factor,
            ..piece
        });
    }
    changed
}

/// Applies windows; where several overlap, the factors multiply and the last rate given counts.
pub(super) fn burst(pieces: Vec<Piece>, windows: &[Window]) -> Vec<Piece> {
    let edges = windows.iter().flat_map(|window| [window.from, window.to]);
    let mut pieces = cut(pieces, edges.collect());
    for window in windows {
        let begin = pieces.partition_point(|piece| piece.from < window.from);
        for piece in pieces[begin..]
            .iter_mut()
            .take_while(|piece| piece.from < window.to)
        {
            match window.change {
                Change::Factor(by) => {
                    piece.first *= by;
                    piece.last *= by;
                }
                Change::Rate(rate) => {
                    piece.first = rate;
                    piece.last = rate;
                }
            }
        }
    }
    pieces
}

/// The curve of the pieces.
pub(super) fn curve(pieces: &[Piece]) -> RateCurve {
    let instant = |time: f64| SimTime::ZERO + SimDuration::from_secs_f64(time);
    let mut knots: Vec<Knot> = Vec::new();
    for piece in pieces {
        let (first, last) = (
            Knot {
                at: instant(piece.from),
                rate: piece.first,
            },
            Knot {
                at: instant(piece.to),
                rate: piece.last,
            },
        );
        // A straight continuation needs no corner.
        if knots.last() != Some(&first) {
            knots.push(first);
        }
        knots.push(last);
    }
    if knots.windows(2).all(|pair| pair[0].rate == pair[1].rate)
        && let Some(knot) = knots.first()
    {
        return RateCurve::constant(knot.rate);
    }
    RateCurve::from_knots(knots)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn total(pieces: &[Piece]) -> f64 {
        pieces
            .iter()
            .map(|piece| (piece.first + piece.last) / 2.0 * (piece.to - piece.from))
            .sum()
    }

    #[test]
    fn a_day_of_the_sine_brings_its_mean_and_reaches_its_peak() {
        let day = daily(100.0, 180.0, 50_400.0, 86_400.0);
        assert!((total(&day) / 86_400.0 - 100.0).abs() < 1e-6);
        assert!(
            (day[840].first - 180.0).abs() < 1e-9,
            "14 h are 840 minutes"
        );
        assert!(
            (day[120].first - 20.0).abs() < 1e-9,
            "the trough is twelve hours away"
        );
    }

    #[test]
    fn steps_hold_and_ramps_connect_and_both_repeat() {
        let points = [(0.0, 10.0), (5.0, 20.0)];
        assert_eq!(total(&through(&points, false, Some(10.0), 20.0)), 300.0);
        assert_eq!(
            total(&through(&points, true, Some(10.0), 20.0)),
            2.0 * (75.0 + 100.0)
        );
        let half = through(&points, true, Some(10.0), 12.5);
        assert_eq!(
            half.last().map(|piece| (piece.to, piece.last)),
            Some((12.5, 15.0))
        );
    }

    #[test]
    fn turns_last_and_windows_end() {
        let turned = turn(
            constant(10.0, 100.0),
            &[(20.0, Turn::Factor(2.0)), (60.0, Turn::To(40.0, 20.0))],
        );
        assert_eq!(total(&turned), 200.0 + 800.0 + 600.0 + 800.0);
        let window = |from, to, change| Window { from, to, change };
        let windows = [
            window(0.0, 10.0, Change::Factor(3.0)),
            window(95.0, 200.0, Change::Rate(0.0)),
        ];
        assert_eq!(total(&burst(turned, &windows)), 2_400.0 + 200.0 - 200.0);
    }

    #[test]
    fn a_factor_after_a_ramp_scales_the_rest_of_it() {
        let turned = turn(
            constant(0.0, 20.0),
            &[(0.0, Turn::To(10.0, 10.0)), (5.0, Turn::Factor(2.0))],
        );
        assert_eq!(total(&turned), 12.5 + 75.0 + 200.0);
    }
}
