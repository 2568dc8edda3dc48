//! The operational time of a partition: the integral of its rate, as an integer. Not random.

use std::sync::Arc;

use crate::units::{PartitionId, SimTime};
use crate::workload::RateCurve;
use crate::workload::Shares;
use crate::workload::rate::elapsed_for;

/// Units of operational time per record. With 63 bits in all, a partition can have 2^40 records.
pub(super) const RECORD: u64 = 1 << FRACTION_BITS;
/// Binary places of operational time.
pub(super) const FRACTION_BITS: u32 = 23;
/// The last operational time, and the last nanosecond told apart: 63 bits, because processors convert signed integers
/// to and from floats in one step.
const LAST: u64 = i64::MAX as u64;

/// A float's rounding must not make a clock reach a whole record a nanosecond late: all rates are this little too high.
const UPWARDS: f64 = 1.0 + 2.0 * f64::EPSILON;

/// More than the relative error of a few operations on floats.
const ROUNDING: f64 = 16.0 * f64::EPSILON;

/// Expected records of one partition by an instant, in units of 1 / [`RECORD`]: an exact, never falling integer
/// function of time that can be turned round exactly.
#[derive(Clone, Debug)]
pub(super) struct Clock {
    curve: Arc<RateCurve>,
    /// In order of time; empty for a partition that never exists.
    epochs: Vec<Epoch>,
    /// The pieces that answered last, one for each direction.
    reading: Piece,
    turning: Piece,
}

/// A stretch with one share.
#[derive(Clone, Copy, Debug)]
struct Epoch {
    from: SimTime,
    share: f64,
    /// Expected records of the partition before it.
    before: f64,
    /// Expected records of the topic before it.
    topic_before: f64,
}

/// A stretch with one share on one straight line of the curve: `start` < t <= `end`.
#[derive(Clone, Copy, Debug)]
struct Piece {
    start: u64,
    end: u64,
    low: u64,
    high: u64,
    /// Rate at the start of a rising line, at the end of a falling one [units/ns].
    rate: f64,
    /// Half the size of the slope [units/ns^2].
    bend: f64,
    /// Of a level line, how long a unit takes [ns]; else zero.
    per_unit: f64,
    falling: bool,
}

impl Clock {
    pub(super) fn new(curve: Arc<RateCurve>, shares: &[Shares], partition: PartitionId) -> Self {
        let mut epochs: Vec<Epoch> = Vec::new();
        for (index, epoch) in shares.iter().enumerate() {
            let from = if index == 0 {
                SimTime::ZERO
            } else {
                epoch.from
            };
            let share = epoch.of.get(partition.ix()).copied().unwrap_or(0.0);
            let topic_before = curve.integral(from);
            let before = epochs.last().map_or(0.0, |last| {
                last.before + last.share * (topic_before - last.topic_before)
            });
            epochs.push(Epoch {
                from,
                share: share.max(0.0),
                before,
                topic_before,
            });
        }
        Clock {
            curve,
            epochs,
            reading: Piece::NOWHERE,
            turning: Piece::NOWHERE,
        }
    }

    /// Operational time at `at`.
    #[inline]
    pub(super) fn at(&mut self, at: SimTime) -> u64 {
        let nanos = at.as_nanos().min(LAST);
        if !(self.reading.start < nanos && nanos <= self.reading.end) {
            if nanos == 0 || self.epochs.is_empty() {
                return 0;
            }
            self.reading = self.piece_at(at);
        }
        self.reading.at(nanos)
    }

    /// The first instant when operational time is at least `mark` (from 1).
    #[inline]
    pub(super) fn when(&mut self, mark: u64) -> SimTime {
        if !(self.turning.low < mark && mark <= self.turning.high) {
            match self.piece_of(mark) {
                Some(piece) => self.turning = piece,
                None => return SimTime::NEVER,
            }
        }
        SimTime::from_nanos(self.turning.when(mark))
    }

    /// The piece with `at` behind its start; `at` is not zero.
    fn piece_at(&self, at: SimTime) -> Piece {
        let epoch = self.epochs.partition_point(|epoch| epoch.from < at).max(1) - 1;
        let knots = self.curve.knots();
        let segment = knots.partition_point(|knot| knot.at < at).max(1) - 1;
        self.piece(epoch, segment)
    }

    /// The piece in which operational time reaches `mark`.
    fn piece_of(&self, mark: u64) -> Option<Piece> {
        let epochs = &self.epochs;
        let index = epochs.partition_point(|epoch| units(epoch.before) < mark);
        let epoch = epochs.get(index.checked_sub(1)?)?;
        let knots = self.curve.knots();
        let (mut low, mut high) = (0, knots.len());
        while low < high {
            let middle = (low + high) / 2;
            if epoch.units(self.curve.before(middle)) < mark {
                low = middle + 1;
            } else {
                high = middle;
            }
        }
        let piece = self.piece(index - 1, low.checked_sub(1)?);
        (mark <= piece.high).then_some(piece)
    }

    fn piece(&self, epoch_index: usize, segment: usize) -> Piece {
        let epoch = self.epochs[epoch_index];
        let knots = self.curve.knots();
        let knot = knots[segment];
        let (start, low) = if knot.at < epoch.from {
            (epoch.from, units(epoch.before))
        } else {
            (knot.at, epoch.units(self.curve.before(segment)))
        };
        let mut end = SimTime::NEVER;
        let mut high = None;
        if let Some(next) = knots.get(segment + 1) {
            end = next.at;
            high = Some(epoch.units(self.curve.before(segment + 1)));
        }
        if let Some(next) = self.epochs.get(epoch_index + 1)
            && next.from < end
        {
            end = next.from;
            high = Some(units(next.before));
        }
        let slope = self.curve.slope(segment);
        let falling = slope < 0.0;
        let anchor = if falling { end } else { start };
        let rate = knot.rate + slope * anchor.since(knot.at).as_secs_f64();
        let units_per_record = epoch.share * RECORD as f64 * UPWARDS;
        let mut piece = Piece {
            start: start.as_nanos(),
            end: end.as_nanos().min(LAST),
            low,
            high: LAST,
            rate: rate.max(0.0) * units_per_record / 1e9,
            bend: slope.abs() / 2.0 * units_per_record / 1e18,
            per_unit: 0.0,
            falling,
        };
        if slope == 0.0 {
            piece.per_unit = 1.0 / piece.rate;
        }
        piece.high = high.unwrap_or_else(|| piece.gone_on(piece.end)).max(low);
        piece
    }
}

impl Epoch {
    fn units(&self, topic_records: f64) -> u64 {
        units(self.before + self.share * (topic_records - self.topic_before))
    }
}

/// Never falling in `records`; saturates.
fn units(records: f64) -> u64 {
    ((records * (RECORD as f64 * UPWARDS)) as u64).min(LAST)
}

/// An integer of at most 63 bits.
#[inline]
fn float(integer: u64) -> f64 {
    integer.cast_signed() as f64
}

/// The whole part of what is not negative, at most [`LAST`].
#[inline]
fn integer(float: f64) -> u64 {
    (float as i64).cast_unsigned()
}

impl Piece {
    /// Answers no question.
    const NOWHERE: Piece = Piece {
        start: 0,
        end: 0,
        low: 0,
        high: 0,
        rate: 0.0,
        bend: 0.0,
        per_unit: 0.0,
        falling: false,
    };

    /// Operational time at `nanos`, within the piece. Each form is built of steps that never fall, so neither do they:
    /// a falling line is counted back from its end.
    #[inline]
    fn at(&self, nanos: u64) -> u64 {
        if self.falling {
            let left = float(self.end - nanos);
            let missing = left * (self.rate + self.bend * left);
            self.high.saturating_sub(integer(missing)).max(self.low)
        } else if nanos >= self.end {
            self.high
        } else {
            self.gone_on(nanos).min(self.high)
        }
    }

    /// A line that does not fall, as if it had no end.
    #[inline]
    fn gone_on(&self, nanos: u64) -> u64 {
        let past = float(nanos - self.start);
        let gained = past * (self.rate + self.bend * past);
        (self.low + integer(gained)).min(LAST)
    }

    /// The first nanosecond at which the piece has reached `mark`, which lies in (`low`, `high`].
    #[inline]
    fn when(&self, mark: u64) -> u64 {
        // Where the line crosses, counted from its start, or back from its end if it falls: there one unit less than
        // all that is missing at `mark` is reached too, since units are whole.
        let crosses = if self.per_unit > 0.0 {
            float(mark - self.low) * self.per_unit
        } else if self.falling {
            elapsed_for(float(self.high - mark + 1), self.rate, self.bend)
        } else {
            elapsed_for(float(mark - self.low), self.rate, self.bend)
        };
        let whole = integer(crosses);
        let part = crosses - float(whole);
        // This root and the line itself are right to a few units of 2^-53, and no line through the point it is counted
        // from grows less than in proportion: between two whole nanoseconds the answer is sure.
        let doubt = crosses * ROUNDING;
        if part > doubt && part < 1.0 - doubt {
            return if self.falling {
                self.end.saturating_sub(whole).max(self.start + 1)
            } else {
                (self.start + whole + 1).min(self.end)
            };
        }
        self.search(mark)
    }

    /// The same where rounding might decide.
    #[cold]
    fn search(&self, mark: u64) -> u64 {
        let guess = self.guess(mark).clamp(self.start + 1, self.end);
        if self.reaches(guess, mark) {
            if !self.reaches(guess - 1, mark) {
                return guess;
            }
            self.search_down(guess - 1, mark)
        } else {
            self.search_up(guess, mark)
        }
    }

    #[inline]
    fn reaches(&self, nanos: u64, mark: u64) -> bool {
        match nanos {
            nanos if nanos == self.end => true,
            nanos if nanos == self.start => false,
            nanos => self.at(nanos) >= mark,
        }
    }

    /// The closed form, right but for rounding.
    #[inline]
    fn guess(&self, mark: u64) -> u64 {
        if self.falling {
            let left = elapsed_for(float(self.high - mark), self.rate, self.bend);
            // Not a number only for the very end of a line that falls to zero.
            self.end.saturating_sub(integer(left.max(0.0)))
        } else {
            let past = elapsed_for(float(mark - self.low), self.rate, self.bend);
            self.start + integer(past) + 1
        }
    }

    /// `reached` has reached `mark`: the first nanosecond that has, by steps that double, then halves.
    #[cold]
    fn search_down(&self, reached: u64, mark: u64) -> u64 {
        let (mut yes, mut step) = (reached, 1);
        loop {
            let no = yes.saturating_sub(step).max(self.start);
            if !self.reaches(no, mark) {
                return self.bisect(no, yes, mark);
            }
            yes = no;
            step *= 2;
        }
    }

    /// `missed` has not reached `mark`.
    #[cold]
    fn search_up(&self, missed: u64, mark: u64) -> u64 {
        let (mut no, mut step) = (missed, 1);
        loop {
            let yes = no.saturating_add(step).min(self.end);
            if self.reaches(yes, mark) {
                return self.bisect(no, yes, mark);
            }
            no = yes;
            step *= 2;
        }
    }

    fn bisect(&self, mut no: u64, mut yes: u64, mark: u64) -> u64 {
        while yes - no > 1 {
            let middle = no + (yes - no) / 2;
            if self.reaches(middle, mark) {
                yes = middle;
            } else {
                no = middle;
            }
        }
        yes
    }
}
